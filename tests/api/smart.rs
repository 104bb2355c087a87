//! SMART Backend Services: a system proves who it is with its private key and fetches a token.

use crate::concurrency::at_once;
use crate::service::{Answer, Service};
use crate::support::databases::{TestDatabase, on_each_database};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use medial::app::KeysOfClient;
use medial::app::clients::NewClient;
use medial::auth::{Role, Scope};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

const RSA: &[u8] = include_bytes!("../fixtures/keys/rsa.pem");
const OTHER_RSA: &[u8] = include_bytes!("../fixtures/keys/rsa-other.pem");
const EC: &[u8] = include_bytes!("../fixtures/keys/ec384.pem");
const KEYS: &str = include_str!("../fixtures/keys/jwks-client.json");
const OTHER_KEYS: &str = include_str!("../fixtures/keys/jwks-rotated.json");
const AUDIENCE: &str = "http://medial.test/auth/token";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn client(id: &str, scopes: &str, keys: KeysOfClient) -> NewClient {
    NewClient {
        organization: "north".to_owned(),
        id: id.to_owned(),
        name: "Nightly export".to_owned(),
        role: Role::EhrSystem,
        scopes: scopes
            .split(' ')
            .map(|scope| Scope::parse(scope).unwrap())
            .collect(),
        keys,
    }
}

fn with_client(test: &TestDatabase, scopes: &str) -> Service {
    let service = Service::on(test);
    let keys = KeysOfClient::Document(KEYS.to_owned());
    service
        .app
        .add_client(&client("nightly", scopes, keys))
        .unwrap();
    service
}

fn claims(service: &Service, jti: &str) -> Value {
    let now = service.now().timestamp();
    json!({"iss": "nightly", "sub": "nightly", "aud": AUDIENCE, "exp": now + 240, "iat": now, "jti": jti})
}

fn signed(header: &Header, claims: &Value, key: &[u8]) -> String {
    let key = match header.alg {
        Algorithm::ES384 => EncodingKey::from_ec_pem(key).unwrap(),
        Algorithm::HS256 => EncodingKey::from_secret(key),
        _ => EncodingKey::from_rsa_pem(key).unwrap(),
    };
    jsonwebtoken::encode(header, claims, &key).unwrap()
}

fn header(algorithm: Algorithm, kid: &str) -> Header {
    let mut header = Header::new(algorithm);
    header.kid = Some(kid.to_owned());
    header
}

fn assertion(claims: &Value) -> String {
    signed(&header(Algorithm::RS384, "client-rsa"), claims, RSA)
}

fn form(pairs: &[(&str, &str)]) -> Vec<u8> {
    let encoded =
        |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    pairs.join("&").into_bytes()
}

fn send(service: &Service, pairs: &[(&str, &str)]) -> Answer {
    service
        .ask("POST", "/auth/token")
        .without("authorization")
        .body("application/x-www-form-urlencoded", form(pairs))
        .send()
}

fn ask_for(service: &Service, assertion: &str, scope: &str) -> Answer {
    let pairs = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion),
        ("scope", scope),
    ];
    send(service, &pairs)
}

fn refused(answer: &Answer, status: u16, error: &str) {
    let body = answer.expect(status);
    assert_eq!(body["error"], error, "{body}");
    assert!(body["error_description"].is_string(), "{body}");
    assert_eq!(answer.header("cache-control"), "no-store");
}

/// How requests for tokens ended, the latest last: outcome and detail.
fn trail(service: &Service) -> Vec<(String, String)> {
    let answer = service
        .ask("GET", "/v1/audit?action=request_token")
        .bearer(&service.token(Role::Auditor))
        .send()
        .expect(200);
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let mut entries: Vec<_> = answer["items"].as_array().unwrap().clone();
    entries.sort_by_key(|entry| text(entry, "id"));
    entries
        .iter()
        .map(|entry| {
            assert_eq!(entry["principal"], "nightly");
            (text(entry, "outcome"), text(entry, "detail"))
        })
        .collect()
}

/// An address with a key set that can be replaced; how often it was asked.
struct KeyServer {
    url: String,
    document: Arc<Mutex<&'static str>>,
    asked: Arc<Mutex<usize>>,
}

impl KeyServer {
    fn start(document: &'static str) -> KeyServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = KeyServer {
            url: format!("http://{}/jwks.json", listener.local_addr().unwrap()),
            document: Arc::new(Mutex::new(document)),
            asked: Arc::default(),
        };
        let (document, asked) = (server.document.clone(), server.asked.clone());
        // Ends with the process of the test.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
                *asked.lock().unwrap() += 1;
                let body = *document.lock().unwrap();
                let length = body.len();
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                )
                .unwrap();
            }
        });
        server
    }
}

on_each_database! {
    fn what_is_supported_is_told_without_a_token(test: &TestDatabase) {
        let service = Service::on(test);
        for path in ["/.well-known/smart-configuration", "/fhir/R4/.well-known/smart-configuration"] {
            let answer = service.ask("GET", path).without("authorization").header("accept", "application/json").send();
            let told = answer.expect(200);
            assert_eq!(answer.header("content-type"), "application/json");
            assert_eq!(told["token_endpoint"], AUDIENCE);
            assert_eq!(told["token_endpoint_auth_signing_alg_values_supported"], json!(["RS384", "ES384"]));
            assert_eq!(told["grant_types_supported"], json!(["client_credentials"]));
            let capabilities = told["capabilities"].as_array().unwrap();
            for one in ["client-confidential-asymmetric", "permission-v1", "permission-v2"] {
                assert!(capabilities.contains(&json!(one)), "{one}");
            }
            assert!(told["scopes_supported"].as_array().unwrap().contains(&json!("system/*.cruds")));
        }
    }

    fn a_proof_of_who_one_is_gives_a_token_that_works_for_five_minutes(test: &TestDatabase) {
        let service = with_client(test, "system/Patient.rs");
        let signed_by = [
            (header(Algorithm::RS384, "client-rsa"), RSA),
            (header(Algorithm::RS384, "client-any"), RSA),
            (header(Algorithm::ES384, "client-ec"), EC),
        ];
        for (number, (header, key)) in signed_by.iter().enumerate() {
            let assertion = signed(header, &claims(&service, &number.to_string()), key);
            let answer = ask_for(&service, &assertion, "system/Patient.read system/Procedure.rs launch");
            let given = answer.expect(200);
            assert_eq!(given["token_type"], "bearer");
            assert_eq!(given["scope"], "system/Patient.read", "what is not registered is not granted");
            assert!(given["expires_in"].as_u64().unwrap() <= 300);
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(answer.header("pragma"), "no-cache");
            let token = given["access_token"].as_str().unwrap();
            service.ask("GET", "/v1/patients").bearer(token).send().expect(200);
            assert_eq!(service.ask("GET", "/v1/blocks").bearer(token).send().status, 403);
            service.clock.forward(chrono::TimeDelta::seconds(301));
            assert_eq!(service.ask("GET", "/v1/patients").bearer(token).send().status, 401);
        }
        let done = ("done".to_owned(), "system/Patient.read".to_owned());
        assert_eq!(trail(&service), vec![done; 3]);
    }

    fn an_assertion_that_cannot_be_believed_gets_nothing_and_is_written_down(test: &TestDatabase) {
        let service = with_client(test, "system/*.rs");
        let now = service.now().timestamp();
        let with = |name: &str, value: Value| {
            let mut claims = claims(&service, "one");
            claims[name] = value;
            assertion(&claims)
        };
        let good = claims(&service, "one");
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let unsigned = |alg: &str| {
            let header = json!({"alg": alg, "typ": "JWT", "kid": "client-rsa"});
            format!("{}.{}.", part(&header), part(&good))
        };
        let mut nameless = Header::new(Algorithm::RS384);
        nameless.kid = None;
        let mut elsewhere = header(Algorithm::RS384, "client-rsa");
        elsewhere.jku = Some("http://127.0.0.1:1/keys".to_owned());
        let hs = header(Algorithm::HS256, "client-rsa");
        let public = include_bytes!("../fixtures/keys/rsa.pub.pem");
        let cases = [
            ("algorithm_not_accepted", unsigned("none")),
            ("algorithm_not_accepted", unsigned("None")),
            ("algorithm_not_accepted", signed(&hs, &good, public)),
            ("algorithm_not_accepted", signed(&header(Algorithm::RS256, "client-any"), &good, RSA)),
            ("key_not_named", signed(&nameless, &good, RSA)),
            ("unknown_key", signed(&header(Algorithm::RS384, "rsa-9"), &good, RSA)),
            ("bad_signature", signed(&header(Algorithm::RS384, "client-rsa"), &good, OTHER_RSA)),
            ("key_set_not_registered", signed(&elsewhere, &good, RSA)),
            ("wrong_audience", with("aud", json!("http://medial.test/auth/token/"))),
            ("wrong_audience", with("aud", json!("http://elsewhere.test/auth/token"))),
            ("wrong_audience", with("aud", json!([AUDIENCE, "http://elsewhere.test/auth/token"]))),
            ("wrong_parties", with("sub", json!("somebody"))),
            ("ends_too_late", with("exp", json!(now + 331))),
            ("expired", with("exp", json!(now - 31))),
            ("not_yet_valid", with("nbf", json!(now + 31))),
            ("invalid_claim", with("jti", json!(""))),
            ("invalid_claim", with("jti", json!(7))),
            ("invalid_claim", with("exp", json!("soon"))),
        ];
        for (_, assertion) in &cases {
            refused(&ask_for(&service, assertion, "system/*.rs"), 401, "invalid_client");
        }
        for missing in ["sub", "aud", "exp", "jti"] {
            let mut claims = good.clone();
            claims.as_object_mut().unwrap().remove(missing);
            refused(&ask_for(&service, &assertion(&claims), "system/*.rs"), 401, "invalid_client");
        }
        let mut expected: Vec<_> = cases.iter().map(|(why, _)| ("refused".to_owned(), (*why).to_owned())).collect();
        expected.extend(std::iter::repeat_n(("refused".to_owned(), "missing_claim".to_owned()), 4));
        assert_eq!(trail(&service), expected);
        // None of them used the jti up, and clocks may differ a little.
        ask_for(&service, &with("exp", json!(now + 330)), "system/*.rs").expect(200);
        let mut late = claims(&service, "late");
        late["exp"] = json!(now - 29);
        ask_for(&service, &assertion(&late), "system/*.rs").expect(200);
    }

    fn an_assertion_is_good_for_one_token(test: &TestDatabase) {
        let service = with_client(test, "system/*.rs");
        let one = assertion(&claims(&service, "one"));
        ask_for(&service, &one, "system/*.rs").expect(200);
        refused(&ask_for(&service, &one, "system/*.rs"), 401, "invalid_client");
        assert_eq!(trail(&service)[1], ("refused".to_owned(), "replayed".to_owned()));
        // A client that is removed and added again cannot be played back either.
        service.app.remove_client("nightly").unwrap();
        refused(&ask_for(&service, &one, "system/*.rs"), 401, "invalid_client");
        service.app.add_client(&client("nightly", "system/*.rs", KeysOfClient::Document(KEYS.to_owned()))).unwrap();
        refused(&ask_for(&service, &one, "system/*.rs"), 401, "invalid_client");
        // Forgotten only when it has ended for good.
        assert_eq!(service.app.forget_ended_assertions().unwrap(), 0);
        service.clock.forward(chrono::TimeDelta::seconds(240 + 31));
        refused(&ask_for(&service, &one, "system/*.rs"), 401, "invalid_client");
        service.clock.forward(chrono::TimeDelta::seconds(60));
        assert_eq!(service.app.forget_ended_assertions().unwrap(), 1);
        refused(&ask_for(&service, &one, "system/*.rs"), 401, "invalid_client");
    }

    fn of_the_same_assertion_at_the_same_moment_one_wins(test: &TestDatabase) {
        let service = with_client(test, "system/*.rs");
        for round in 0..4 {
            let one = assertion(&claims(&service, &round.to_string()));
            let statuses = at_once(12, |_| ask_for(&service, &one, "system/*.rs").status);
            assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
            assert!(statuses.iter().all(|status| matches!(status, 200 | 401)), "{statuses:?}");
        }
    }

    fn a_form_that_is_wrong_is_told_in_the_words_of_oauth(test: &TestDatabase) {
        let service = with_client(test, "system/*.rs");
        let good = assertion(&claims(&service, "one"));
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", good.as_str()),
            ("scope", "system/*.rs"),
        ];
        let but = |name: &str, value: &'static str| {
            let changed: Vec<_> = fields.iter().map(|(known, old)| (*known, if *known == name { value } else { *old })).collect();
            send(&service, &changed)
        };
        refused(&but("grant_type", "authorization_code"), 400, "unsupported_grant_type");
        refused(&but("grant_type", ""), 400, "invalid_request");
        refused(&but("client_assertion_type", "urn:other"), 400, "invalid_request");
        refused(&but("client_assertion", ""), 400, "invalid_request");
        refused(&but("client_assertion", "nonsense"), 401, "invalid_client");
        refused(&but("scope", ""), 400, "invalid_scope");
        let mut twice = fields.to_vec();
        twice.push(("scope", "system/*.rs"));
        refused(&send(&service, &twice), 400, "invalid_request");
        let mut other = fields.to_vec();
        other.push(("client_id", "somebody"));
        refused(&send(&service, &other), 401, "invalid_client");
        let json = service.ask("POST", "/auth/token").without("authorization").json(&json!({})).send();
        assert_eq!(json.expect(415)["error"], "invalid_request");
        assert_eq!(service.get("/auth/token").status, 405);
        // Taken although nothing is granted: it was proven.
        refused(&but("scope", "system/Patient.c user/*.rs"), 400, "invalid_scope");
        refused(&send(&service, &fields), 401, "invalid_client");
    }

    fn a_key_set_at_an_address_is_fetched_again_for_a_new_key_and_not_too_often(test: &TestDatabase) {
        let service = Service::on(test);
        let server = KeyServer::start(OTHER_KEYS);
        let keys = KeysOfClient::Address(server.url.clone());
        service.app.add_client(&client("nightly", "system/*.rs", keys)).unwrap();
        let mut header = header(Algorithm::RS384, "client-rsa");
        header.jku = Some(server.url.clone());
        let mut number = 0;
        let mut try_again = || {
            number += 1;
            let assertion = signed(&header, &claims(&service, &number.to_string()), RSA);
            ask_for(&service, &assertion, "system/*.rs").status
        };
        assert_eq!(try_again(), 401);
        *server.document.lock().unwrap() = KEYS;
        assert_eq!((try_again(), try_again()), (401, 401));
        assert_eq!(*server.asked.lock().unwrap(), 1, "not more than once a minute");
        service.clock.forward(chrono::TimeDelta::seconds(61));
        assert_eq!((try_again(), try_again()), (200, 200));
        assert_eq!(*server.asked.lock().unwrap(), 2);
    }

    fn who_is_disabled_gets_no_more_tokens(test: &TestDatabase) {
        let service = with_client(test, "system/*.rs");
        service.app.set_client_enabled("nightly", false).unwrap();
        refused(&ask_for(&service, &assertion(&claims(&service, "one")), "system/*.rs"), 401, "invalid_client");
        service.app.set_client_enabled("nightly", true).unwrap();
        ask_for(&service, &assertion(&claims(&service, "two")), "system/*.rs").expect(200);
        let ids: Vec<_> = service.app.clients_of("south").unwrap();
        assert!(ids.is_empty(), "those of another organization are not listed");
    }

    fn what_cannot_be_a_client_is_told_field_by_field(test: &TestDatabase) {
        let service = Service::on(test);
        let mut bad = client("a b", "user/*.rs", KeysOfClient::Document("{\"keys\": []}".to_owned()));
        bad.role = Role::Clinician;
        bad.name = String::new();
        let Err(medial::app::Error::Invalid(errors)) = service.app.add_client(&bad) else {
            panic!("it must be refused");
        };
        let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/id", "/name", "/role", "/scope", "/jwks"]);
        let plain = KeysOfClient::Address("http://keys.example.org/jwks".to_owned());
        assert!(service.app.add_client(&client("a", "system/*.rs", plain)).is_err(), "plain http");
        let only_256 = include_str!("../fixtures/keys/jwks.json");
        assert!(service.app.add_client(&client("a", "system/*.rs", KeysOfClient::Document(only_256.to_owned()))).is_err());
        let good = client("a", "system/*.rs", KeysOfClient::Document(KEYS.to_owned()));
        service.app.add_client(&good).unwrap();
        assert!(matches!(service.app.add_client(&good), Err(medial::app::Error::Conflict { .. })));
    }

    fn a_scope_with_a_filter_opens_nothing_of_the_native_api(test: &TestDatabase) {
        let service = with_client(test, "system/Observation.rs?category=survey");
        let assertion = assertion(&claims(&service, "one"));
        let given = ask_for(&service, &assertion, "system/Observation.rs").expect(200);
        assert_eq!(given["scope"], "system/Observation.rs?category=survey");
        let token = given["access_token"].as_str().unwrap();
        let answer = service.ask("GET", "/v1/scores/01890a5d-ac96-774b-bcce-b302099a8057").bearer(token).send();
        assert_eq!(answer.status, 403, "{}", answer.text());
    }
}
