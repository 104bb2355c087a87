//! Signing in at an OpenID Connect issuer, which here runs in the test.

use crate::service::{Answer, Service};
use crate::support::databases::{TestDatabase, on_each_database};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use medial::app::people::SignInSettings;
use medial::auth::Role;
use medial::auth::oidc::{OidcSettings, Provider};
use medial::http::query::Query;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

const NOW: &str = "2030-01-02T15:00:00Z";
const KEY: &[u8] = include_bytes!("../fixtures/keys/rsa.pem");
const OTHER_KEY: &[u8] = include_bytes!("../fixtures/keys/rsa-other.pem");
const KEYS: &str = include_str!("../fixtures/keys/jwks.json");

/// An identity provider.
struct Issuer {
    url: String,
    /// The claims of the next token, and the key it is signed with.
    next: Arc<Mutex<(Value, &'static [u8])>>,
    /// The form of the last request for a token.
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Issuer {
    fn start() -> Issuer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let issuer = Issuer {
            url: url.clone(),
            next: Arc::new(Mutex::new((Value::Null, KEY))),
            asked: Arc::default(),
        };
        let (next, asked) = (issuer.next.clone(), issuer.asked.clone());
        // Ends with the process of the test.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(&mut stream.unwrap(), &url, &next, &asked);
            }
        });
        issuer
    }

    fn service(&self, test: &TestDatabase) -> Service {
        let provider = Provider::new(OidcSettings {
            issuer: self.url.clone(),
            label: "Sign in with the clinic".to_owned(),
            client_id: "medial".to_owned(),
            client_secret: Some("a secret".to_owned()),
            scopes: vec!["profile".to_owned()],
            role_claim: "groups".to_owned(),
            roles: vec![("pain-clinic".to_owned(), Role::Clinician)],
            organization_claim: Some("org".to_owned()),
            organization: None,
        });
        let sign_in = SignInSettings {
            demonstration: false,
            provider: Some(Arc::new(provider)),
        };
        Service::signing_in(test, NOW, sign_in)
    }

    /// The claims of somebody who may sign in, for an errand with this nonce.
    fn claims(&self, nonce: &str) -> Value {
        let now = chrono::DateTime::parse_from_rfc3339(NOW)
            .unwrap()
            .timestamp();
        json!({
            "iss": self.url, "sub": "u-17", "aud": "medial", "iat": now, "exp": now + 300, "nonce": nonce,
            "name": "Synthetic Clinician", "groups": ["staff", "pain-clinic"], "org": "north",
        })
    }
}

fn answer(
    stream: &mut TcpStream,
    url: &str,
    next: &Mutex<(Value, &'static [u8])>,
    asked: &Mutex<Vec<(String, String)>>,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let header = header.trim().to_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body = match path.as_str() {
        "/.well-known/openid-configuration" => json!({
            "issuer": url, "authorization_endpoint": format!("{url}/authorize"), "token_endpoint": format!("{url}/token"),
            "jwks_uri": format!("{url}/jwks"), "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        })
        .to_string(),
        "/jwks" => KEYS.to_owned(),
        _ => {
            let form = Query::read(std::str::from_utf8(&body).unwrap()).unwrap();
            *asked.lock().unwrap() = form.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let (claims, key) = next.lock().unwrap().clone();
            let mut header = Header::new(Algorithm::RS256);
            header.kid = Some("rsa-1".to_owned());
            let key = EncodingKey::from_rsa_pem(key).unwrap();
            let token = jsonwebtoken::encode(&header, &claims, &key).unwrap();
            json!({"access_token": "not used", "token_type": "Bearer", "id_token": token}).to_string()
        }
    };
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
}

/// One browser that left for the issuer.
struct Errand {
    cookie: String,
    sent: Query,
}

impl Errand {
    fn begin(service: &Service) -> Errand {
        let away = service
            .ask("GET", "/sign-in/oidc?next=%2Fprofiles")
            .without("authorization")
            .send();
        assert_eq!(away.status, 303, "{}", away.text());
        let (_, query) = away.header("location").split_once('?').unwrap();
        let cookie = away.header("set-cookie");
        for part in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Max-Age=600"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        Errand {
            cookie: cookie.split(';').next().unwrap().to_owned(),
            sent: Query::read(query).unwrap(),
        }
    }

    fn sent(&self, name: &str) -> &str {
        self.sent.get(name).unwrap()
    }

    fn come_back(&self, service: &Service, state: &str) -> Answer {
        service
            .ask(
                "GET",
                &format!("/sign-in/oidc/callback?code=a-code&state={state}"),
            )
            .without("authorization")
            .header("cookie", &self.cookie)
            .send()
    }
}

on_each_database! {
    fn somebody_signs_in_at_the_issuer_and_goes_on_to_where_they_were(test: &TestDatabase) {
        let issuer = Issuer::start();
        let service = issuer.service(test);
        let page = service.ask("GET", "/sign-in").without("authorization").send();
        assert!(page.text().contains("Sign in with the clinic"));
        let errand = Errand::begin(&service);
        assert_eq!(errand.sent("response_type"), "code");
        assert_eq!(errand.sent("client_id"), "medial");
        assert_eq!(errand.sent("scope"), "openid profile");
        assert_eq!(errand.sent("code_challenge_method"), "S256");
        assert!(errand.sent("redirect_uri").ends_with("/sign-in/oidc/callback"));

        *issuer.next.lock().unwrap() = (issuer.claims(errand.sent("nonce")), KEY);
        let back = errand.come_back(&service, errand.sent("state"));
        assert_eq!((back.status, back.header("location")), (303, "/profiles"), "{}", back.text());
        let asked = issuer.asked.lock().unwrap().clone();
        let field = |name: &str| asked.iter().find(|(known, _)| known == name).unwrap().1.clone();
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier")));
        assert_eq!(challenge, errand.sent("code_challenge"), "PKCE");
        assert_eq!(field("code"), "a-code");

        let cookie = back.header("set-cookie").split(';').next().unwrap();
        let profiles = service.ask("GET", "/profiles").without("authorization").header("cookie", cookie).send();
        assert_eq!(profiles.status, 200);
        assert!(profiles.text().contains("Synthetic Clinician"));
        assert!(profiles.text().contains("north"));

        // A second time it is the same person, and one who was shut out stays out.
        let again = Errand::begin(&service);
        *issuer.next.lock().unwrap() = (issuer.claims(again.sent("nonce")), KEY);
        assert_eq!(again.come_back(&service, again.sent("state")).status, 303);
        let users = service.app.users_of("north").unwrap();
        assert_eq!(users.len(), 1);
        service.app.set_enabled(&users[0].login, false).unwrap();
        let out = Errand::begin(&service);
        *issuer.next.lock().unwrap() = (issuer.claims(out.sent("nonce")), KEY);
        assert_eq!(out.come_back(&service, out.sent("state")).status, 409);
    }

    fn an_answer_that_cannot_be_believed_signs_nobody_in(test: &TestDatabase) {
        let issuer = Issuer::start();
        let service = issuer.service(test);
        let errand = Errand::begin(&service);
        let good = issuer.claims(errand.sent("nonce"));
        let with = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims[name] = value;
            claims
        };
        let refused = [
            ("nonce", with("nonce", json!("another")), KEY),
            ("audience", with("aud", json!("somebody else")), KEY),
            ("issuer", with("iss", json!("https://elsewhere.test")), KEY),
            ("age", with("exp", json!(1_000_000_000)), KEY),
            ("signature", good.clone(), OTHER_KEY),
            ("role", with("groups", json!(["staff"])), KEY),
            ("organization", with("org", Value::Null), KEY),
        ];
        for (what, claims, key) in refused {
            *issuer.next.lock().unwrap() = (claims, key);
            let answer = errand.come_back(&service, errand.sent("state"));
            assert_eq!(answer.status, 422, "{what}: {}", answer.text());
            assert_eq!(answer.header("set-cookie"), "", "{what}");
        }
        *issuer.next.lock().unwrap() = (good, KEY);
        assert_eq!(errand.come_back(&service, "another-state").status, 422);
        let stranger = Errand {
            cookie: "nothing=1".to_owned(),
            sent: errand.sent.clone(),
        };
        assert_eq!(stranger.come_back(&service, errand.sent("state")).status, 422, "another browser");
        service.clock.forward(chrono::TimeDelta::minutes(11));
        assert_eq!(errand.come_back(&service, errand.sent("state")).status, 422, "too late");
    }

    fn without_an_issuer_there_is_no_such_page(test: &TestDatabase) {
        let service = Service::on(test);
        let page = service.ask("GET", "/sign-in").without("authorization").send();
        assert!(!page.text().contains("/sign-in/oidc"));
        for path in ["/sign-in/oidc", "/sign-in/oidc/callback?code=a&state=b"] {
            assert_eq!(service.ask("GET", path).without("authorization").send().status, 404, "{path}");
        }
    }
}
