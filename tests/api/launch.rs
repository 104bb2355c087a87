//! Coming to the pages from a record system, which here runs in the test (SMART App Launch).

use crate::service::{Answer, Service, id};
use crate::support::databases::{TestDatabase, on_each_database};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use medial::app::people::SignInSettings;
use medial::auth::Role;
use medial::auth::ehr::{Ehr, EhrSettings};
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

/// What the record system answers with.
#[derive(Clone)]
struct Script {
    claims: Value,
    key: &'static [u8],
    patient: Option<&'static str>,
    /// Of the patient in context.
    record: Value,
    methods: Value,
}

/// A record system.
struct RecordSystem {
    url: String,
    script: Arc<Mutex<Script>>,
    /// Head and body of each request.
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl RecordSystem {
    fn start() -> RecordSystem {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/fhir", listener.local_addr().unwrap());
        let script = Script {
            claims: Value::Null,
            key: KEY,
            patient: Some("p-1"),
            record: json!({
                "resourceType": "Patient", "id": "p-1",
                "identifier": [
                    {"use": "old", "system": "urn:example:mrn", "value": "99"},
                    {"system": "urn:example:mrn", "value": "12345"},
                    {"value": "without a system"},
                ],
            }),
            methods: json!(["S256"]),
        };
        let system = RecordSystem {
            url: url.clone(),
            script: Arc::new(Mutex::new(script)),
            asked: Arc::default(),
        };
        let (script, asked) = (system.script.clone(), system.asked.clone());
        // Ends with the process of the test.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let script = script.lock().unwrap().clone();
                answer(&mut stream.unwrap(), &url, &script, &asked);
            }
        });
        system
    }

    fn service(&self, test: &TestDatabase) -> Service {
        let ehr = Ehr::new(EhrSettings {
            issuer: format!("{}/", self.url),
            label: "Sign in from the clinic's records".to_owned(),
            client_id: "medial".to_owned(),
            client_secret: Some("a secret:".to_owned()),
            scopes: vec![
                "openid".to_owned(),
                "fhirUser".to_owned(),
                "patient/Patient.read".to_owned(),
            ],
            organization: "north".to_owned(),
            roles: vec![("Practitioner".to_owned(), Role::Clinician)],
        });
        Service::with_ehrs(
            test,
            NOW,
            SignInSettings::default(),
            vec![Arc::new(ehr.unwrap())],
        )
    }

    /// Somebody who may come in, on an errand with this nonce.
    fn claims(&self, nonce: &str) -> Value {
        let now = chrono::DateTime::parse_from_rfc3339(NOW)
            .unwrap()
            .timestamp();
        json!({
            "iss": format!("{}/oidc", self.url), "sub": "u-17", "aud": "medial", "iat": now, "exp": now + 300, "nonce": nonce,
            "name": "Synthetic Clinician", "fhirUser": format!("{}/Practitioner/17", self.url),
        })
    }

    fn play(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script.lock().unwrap());
    }

    fn asked_for(&self, what: &str) -> (String, String) {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .rfind(|(head, _)| head.contains(what))
            .unwrap()
            .clone()
    }
}

fn answer(
    stream: &mut TcpStream,
    url: &str,
    script: &Script,
    asked: &Mutex<Vec<(String, String)>>,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    asked
        .lock()
        .unwrap()
        .push((head, String::from_utf8(body).unwrap()));
    let body = match path.as_str() {
        "/fhir/.well-known/smart-configuration" => json!({
            "issuer": format!("{url}/oidc"), "jwks_uri": format!("{url}/jwks"),
            "authorization_endpoint": format!("{url}/authorize?tenant=7"), "token_endpoint": format!("{url}/token"),
            "code_challenge_methods_supported": script.methods, "capabilities": ["launch-ehr", "sso-openid-connect"],
        }),
        "/fhir/jwks" => serde_json::from_str(KEYS).unwrap(),
        "/fhir/token" => {
            let mut header = Header::new(Algorithm::RS256);
            header.kid = Some("rsa-1".to_owned());
            let key = EncodingKey::from_rsa_pem(script.key).unwrap();
            let token = jsonwebtoken::encode(&header, &script.claims, &key).unwrap();
            json!({"access_token": "for-the-app", "token_type": "Bearer", "expires_in": 300, "id_token": token, "patient": script.patient})
        }
        _ => script.record.clone(),
    };
    let (body, status) = (
        body.to_string(),
        if path.starts_with("/fhir/") {
            "200 OK"
        } else {
            "404 Not Found"
        },
    );
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}").unwrap();
}

/// One browser that left for the record system.
struct Errand {
    cookie: String,
    sent: Query,
}

fn browse(service: &Service, path: &str, cookie: &str) -> Answer {
    service
        .ask("GET", path)
        .without("authorization")
        .header("accept", "text/html")
        .header("cookie", cookie)
        .send()
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

impl Errand {
    fn begin(service: &Service, path: &str) -> Errand {
        let away = browse(service, path, "a=b");
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
        self.sent.get(name).unwrap_or_default()
    }

    fn come_back(&self, service: &Service) -> Answer {
        let path = format!("/launch/callback?code=a-code&state={}", self.sent("state"));
        browse(service, &path, &self.cookie)
    }
}

on_each_database! {
    fn a_launch_shows_the_patient_who_is_open_in_the_record_system(test: &TestDatabase) {
        let system = RecordSystem::start();
        let service = system.service(test);
        let patient = json!({"identifiers": [{"system": "urn:example:mrn", "value": "12345"}], "family_name": "Synthetic"});
        let patient = service.post("/v1/patients", &patient).expect(201);
        let launch = format!("/launch?iss={}&launch=xyz%20123", encoded(&system.url));
        let errand = Errand::begin(&service, &launch);
        assert_eq!(errand.sent("tenant"), "7", "what the address has already stays");
        assert_eq!(errand.sent("response_type"), "code");
        assert_eq!(errand.sent("client_id"), "medial");
        assert_eq!(errand.sent("redirect_uri"), "http://medial.test/launch/callback");
        assert_eq!(errand.sent("scope"), "launch openid fhirUser patient/Patient.read");
        assert_eq!(errand.sent("aud"), system.url);
        assert_eq!(errand.sent("launch"), "xyz 123");
        assert_eq!(errand.sent("code_challenge_method"), "S256");

        system.play(|script| script.claims = system.claims(errand.sent("nonce")));
        let back = errand.come_back(&service);
        let page = format!("/patients/{}", id(&patient));
        assert_eq!((back.status, back.header("location")), (303, page.as_str()), "{}", back.text());
        let (head, body) = system.asked_for("/fhir/token");
        let asked = Query::read(&body).unwrap();
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(asked.get("code_verifier").unwrap()));
        assert_eq!(challenge, errand.sent("code_challenge"), "PKCE");
        assert_eq!(asked.get("code"), Some("a-code"));
        let basic = base64::engine::general_purpose::STANDARD.encode("medial:a+secret%3A");
        assert!(head.contains(&format!("Basic {basic}")), "{head}");
        assert!(!body.contains("secret"));
        let (head, _) = system.asked_for("/fhir/Patient/p-1");
        assert!(head.contains("Bearer for-the-app"), "{head}");

        let cookie = back.header("set-cookie").split(';').next().unwrap();
        let shown = browse(&service, &page, cookie);
        assert_eq!(shown.status, 200);
        assert!(shown.text().contains("Synthetic Clinician"));
        let users = service.app.users_of("north").unwrap();
        assert_eq!((users.len(), users[0].role.as_str()), (1, "clinician"));
    }

    fn who_begins_on_the_page_to_sign_in_chooses_the_patient_there(test: &TestDatabase) {
        let system = RecordSystem::start();
        let service = system.service(test);
        let page = browse(&service, "/sign-in", "a=b");
        assert!(page.text().contains("Sign in from the clinic&#39;s records") || page.text().contains("Sign in from the clinic's records"), "{}", page.text());
        let href = page.text().split("href=\"").find(|rest| rest.starts_with("/launch")).unwrap();
        let errand = Errand::begin(&service, href.split('"').next().unwrap());
        assert_eq!(errand.sent("scope"), "launch/patient openid fhirUser patient/Patient.read");
        assert_eq!(errand.sent("launch"), "");
        system.play(|script| {
            script.claims = system.claims(errand.sent("nonce"));
            script.patient = None;
        });
        let back = errand.come_back(&service);
        assert_eq!((back.status, back.header("location")), (303, "/"), "without a patient: {}", back.text());
    }

    fn a_patient_who_is_not_recorded_here_is_told_to_be_none(test: &TestDatabase) {
        let system = RecordSystem::start();
        let service = system.service(test);
        let old = json!({"identifiers": [{"system": "urn:example:mrn", "value": "99"}]});
        service.post("/v1/patients", &old).expect(201);
        let errand = Errand::begin(&service, &format!("/launch?iss={}&launch=1", encoded(&system.url)));
        system.play(|script| script.claims = system.claims(errand.sent("nonce")));
        let back = errand.come_back(&service);
        assert_eq!(back.status, 404, "{}", back.text());
        assert!(back.text().contains("This patient is not recorded here"));
        let cookie = back.header("set-cookie").split(';').next().unwrap();
        assert_eq!(browse(&service, "/profiles", cookie).status, 200, "but one is signed in");
    }

    fn what_cannot_be_believed_lets_nobody_in(test: &TestDatabase) {
        let system = RecordSystem::start();
        let service = system.service(test);
        for path in ["/launch", "/launch?iss=https%3A%2F%2Felsewhere.test&launch=1"] {
            let answer = browse(&service, path, "a=b");
            assert_eq!(answer.status, 422, "{path}");
            assert!(!answer.text().contains("elsewhere.test"));
        }
        let errand = Errand::begin(&service, &format!("/launch?iss={}&launch=1", encoded(&system.url)));
        let good = system.claims(errand.sent("nonce"));
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
            ("a patient's own account", with("fhirUser", json!("Patient/1")), KEY),
            ("no fhirUser", with("fhirUser", Value::Null), KEY),
        ];
        for (what, claims, key) in refused {
            system.play(|script| (script.claims, script.key) = (claims, key));
            let answer = errand.come_back(&service);
            assert_eq!(answer.status, 422, "{what}: {}", answer.text());
            assert_eq!(answer.header("set-cookie"), "", "{what}");
        }
        system.play(|script| (script.claims, script.key) = (good, KEY));
        for (what, patient, record) in [
            ("a path", "../Patient/2", json!({})),
            ("another patient", "p-1", json!({"resourceType": "Patient", "id": "p-2"})),
        ] {
            let before = system.script.lock().unwrap().clone();
            system.play(|script| (script.patient, script.record) = (Some(patient), record));
            assert_eq!(errand.come_back(&service).status, 422, "{what}");
            system.play(|script| *script = before);
        }
        let path = "/launch/callback?code=a-code&state=another";
        assert_eq!(browse(&service, path, &errand.cookie).status, 422);
        let path = format!("/launch/callback?code=a-code&state={}", errand.sent("state"));
        assert_eq!(browse(&service, &path, "nothing=1").status, 422, "another browser");
        let path = format!("/launch/callback?error=access_denied&state={}", errand.sent("state"));
        assert_eq!(browse(&service, &path, &errand.cookie).status, 422);
        service.clock.forward(chrono::TimeDelta::minutes(11));
        assert_eq!(errand.come_back(&service).status, 422, "too late");
    }

    fn nobody_is_sent_to_where_no_challenge_is_checked(test: &TestDatabase) {
        let system = RecordSystem::start();
        let service = system.service(test);
        system.play(|script| script.methods = json!(["plain"]));
        let answer = browse(&service, &format!("/launch?iss={}", encoded(&system.url)), "a=b");
        assert_eq!(answer.status, 422, "{}", answer.text());
    }
}
