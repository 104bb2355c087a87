//! Every way in which a token must not get in, and the few in which it must.

use super::key_source::Limits;
use super::*;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{EncodingKey, Header};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SECRET: &str = "only for tests, 32 bytes or more long";
const JWKS: &str = include_str!("../../tests/fixtures/keys/jwks.json");
const JWKS_ROTATED: &str = include_str!("../../tests/fixtures/keys/jwks-rotated.json");
const RSA: &[u8] = include_bytes!("../../tests/fixtures/keys/rsa.pem");
const RSA_PUBLIC: &[u8] = include_bytes!("../../tests/fixtures/keys/rsa.pub.pem");
const RSA_OTHER: &[u8] = include_bytes!("../../tests/fixtures/keys/rsa-other.pem");
const EC: &[u8] = include_bytes!("../../tests/fixtures/keys/ec.pem");
const ED25519: &[u8] = include_bytes!("../../tests/fixtures/keys/ed25519.pem");

fn now() -> DateTime<Utc> {
    "2025-09-22T12:00:00Z".parse().unwrap()
}

fn later(seconds: i64) -> DateTime<Utc> {
    now() + TimeDelta::seconds(seconds)
}

fn settings() -> Settings {
    let mut settings = Settings::new("https://issuer.test", "medial");
    settings.secret = Some(Secret::new(SECRET).unwrap());
    settings
}

fn jwks_file() -> JwksLocation {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys/jwks.json");
    JwksLocation::parse(path).unwrap()
}

/// Accepts HS256 with the secret, and the public keys of the fixture.
fn verifier() -> Verifier {
    let mut settings = settings();
    settings.jwks = Some(jwks_file());
    Verifier::open(&settings, now()).unwrap()
}

fn only_public_keys() -> Verifier {
    let mut settings = settings();
    settings.secret = None;
    settings.jwks = Some(jwks_file());
    Verifier::open(&settings, now()).unwrap()
}

fn claims() -> Value {
    json!({
        "iss": "https://issuer.test",
        "aud": "medial",
        "sub": "somebody",
        "org": "clinic-a",
        "role": "clinician",
        "exp": later(60).timestamp(),
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn sign(claims: &Value) -> String {
    jsonwebtoken::encode(
        &Header::default(),
        claims,
        &EncodingKey::from_secret(SECRET.as_bytes()),
    )
    .unwrap()
}

fn sign_with(
    algorithm: jsonwebtoken::Algorithm,
    key_id: Option<&str>,
    key: &EncodingKey,
) -> String {
    let mut header = Header::new(algorithm);
    header.kid = key_id.map(str::to_owned);
    jsonwebtoken::encode(&header, &claims(), key).unwrap()
}

/// A token with any header at all, signed with the secret as if it were HS256.
fn sign_with_header(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let key = EncodingKey::from_secret(secret);
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::HS256)
            .unwrap();
    format!("{message}.{signature}")
}

fn refusal(claims: &Value) -> TokenError {
    verifier().verify(&sign(claims), now()).unwrap_err()
}

fn rsa() -> EncodingKey {
    EncodingKey::from_rsa_pem(RSA).unwrap()
}

fn ec() -> EncodingKey {
    EncodingKey::from_ec_pem(EC).unwrap()
}

fn ed() -> EncodingKey {
    EncodingKey::from_ed_pem(ED25519).unwrap()
}

#[test]
fn all_four_algorithms_get_in() {
    let verifier = verifier();
    let tokens = [
        sign(&claims()),
        sign_with(jsonwebtoken::Algorithm::RS256, Some("rsa-1"), &rsa()),
        sign_with(jsonwebtoken::Algorithm::ES256, Some("ec-1"), &ec()),
        sign_with(jsonwebtoken::Algorithm::EdDSA, Some("ed-1"), &ed()),
        // Each is the only key of its kind, so it need not be named.
        sign_with(jsonwebtoken::Algorithm::RS256, None, &rsa()),
    ];
    for token in tokens {
        let principal = verifier.verify(&token, now()).unwrap();
        assert_eq!(principal.organization, "clinic-a");
        assert_eq!(principal.subject, "somebody");
        assert_eq!(principal.role, Role::Clinician);
        assert_eq!(principal.scopes, None);
    }
}

#[test]
fn what_is_issued_is_accepted() {
    let issuer = Issuer::new(&settings()).unwrap();
    let scopes = Scopes::parse("system/Procedure.cr");
    for role in Role::ALL {
        let token = issuer
            .issue(
                *role,
                "Klinik Süd",
                "ärztin 1",
                Some(&scopes),
                TimeDelta::hours(1),
                now(),
            )
            .unwrap();
        let principal = verifier().verify(&token, later(3600)).unwrap();
        let expected = Principal {
            organization: "Klinik Süd".to_owned(),
            subject: "ärztin 1".to_owned(),
            role: *role,
            scopes: Some(scopes.clone()),
        };
        assert_eq!(principal, expected);
        assert_eq!(
            verifier().verify(&token, later(3630)),
            Err(TokenError::Expired)
        );
    }
}

#[test]
fn nothing_is_issued_that_would_not_be_accepted() {
    let issuer = Issuer::new(&settings()).unwrap();
    let issue = |organization: &str, subject: &str, span| {
        issuer.issue(Role::Admin, organization, subject, None, span, now())
    };
    let hour = TimeDelta::hours(1);
    for organization in ["", " ", "a ", "a\u{0}b", "a\nb", &"x".repeat(129)] {
        assert_eq!(
            issue(organization, "s", hour),
            Err(IssueError::Organization),
            "{organization:?}"
        );
    }
    assert_eq!(issue("o", "", hour), Err(IssueError::Subject));
    assert_eq!(issue("o", &"x".repeat(256), hour), Err(IssueError::Subject));
    assert_eq!(
        issue("o", "s", TimeDelta::zero()),
        Err(IssueError::TimeToLive)
    );
    assert_eq!(issue("o", "s", TimeDelta::MAX), Err(IssueError::TimeToLive));
    let mut without_secret = settings();
    without_secret.secret = None;
    assert_eq!(
        Issuer::new(&without_secret).err(),
        Some(ConfigurationError::NoSecret)
    );
}

#[test]
fn a_configuration_that_cannot_work_is_refused() {
    let error = |change: fn(&mut Settings)| {
        let mut settings = settings();
        change(&mut settings);
        Verifier::open(&settings, now()).unwrap_err()
    };
    assert_eq!(
        error(|settings| settings.secret = None),
        ConfigurationError::NoKey
    );
    assert_eq!(
        error(|settings| settings.issuer = " ".into()),
        ConfigurationError::Empty { setting: "issuer" }
    );
    assert_eq!(
        error(|settings| settings.audience = String::new()),
        ConfigurationError::Empty {
            setting: "audience"
        }
    );
    assert_eq!(
        error(|settings| settings.leeway_seconds = 301),
        ConfigurationError::LeewayTooLong
    );
    let missing =
        error(|settings| settings.jwks = Some(JwksLocation::File("/nowhere/keys.json".into())));
    assert!(missing.to_string().contains("/nowhere/keys.json"));
    let no_set = error(|settings| {
        settings.jwks = Some(JwksLocation::File(
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").into(),
        ))
    });
    assert!(no_set.to_string().contains("keys"));
    let bad_url =
        error(|settings| settings.jwks = Some(JwksLocation::Url("file:///etc/passwd".into())));
    assert!(matches!(bad_url, ConfigurationError::JwksUrl { .. }));
}

#[test]
fn no_signature_is_no_way_in() {
    let verifier = verifier();
    for alg in ["none", "None", "NONE", "nOnE", "", "HS256 ", "hs256"] {
        let token = sign_with_header(&json!({"alg": alg}), &claims(), SECRET.as_bytes());
        assert_eq!(
            verifier.verify(&token, now()),
            Err(TokenError::AlgorithmNotAccepted),
            "{alg:?}"
        );
        let (message, _) = token.rsplit_once('.').unwrap();
        assert_eq!(
            verifier.verify(&format!("{message}."), now()),
            Err(TokenError::AlgorithmNotAccepted),
            "{alg:?}"
        );
    }
    let (message, _) = sign(&claims())
        .rsplit_once('.')
        .map(|(one, other)| (one.to_owned(), other.to_owned()))
        .unwrap();
    assert_eq!(
        verifier.verify(&format!("{message}."), now()),
        Err(TokenError::BadSignature)
    );
    assert_eq!(verifier.verify(&message, now()), Err(TokenError::Malformed));
}

#[test]
fn a_public_key_is_never_a_secret() {
    let document: Value = serde_json::from_str(JWKS).unwrap();
    let modulus = URL_SAFE_NO_PAD
        .decode(document["keys"][0]["n"].as_str().unwrap())
        .unwrap();
    let text = std::str::from_utf8(RSA_PUBLIC)
        .unwrap()
        .trim_end()
        .as_bytes();
    for public in [RSA_PUBLIC, text, JWKS.as_bytes(), &modulus, b""] {
        for kid in [None, Some("rsa-1"), Some("ec-1")] {
            let token = sign_with_header(
                &json!({"alg": "HS256", "typ": "JWT", "kid": kid}),
                &claims(),
                public,
            );
            assert_eq!(
                only_public_keys().verify(&token, now()),
                Err(TokenError::AlgorithmNotAccepted)
            );
            assert_eq!(
                verifier().verify(&token, now()),
                Err(TokenError::BadSignature)
            );
        }
    }
}

#[test]
fn the_header_does_not_choose_how_a_key_is_used() {
    let verifier = verifier();
    for (alg, kid) in [
        ("RS256", "ec-1"),
        ("ES256", "rsa-1"),
        ("EdDSA", "rsa-1"),
        ("ES256", "ed-1"),
    ] {
        let token = sign_with_header(
            &json!({"alg": alg, "kid": kid}),
            &claims(),
            SECRET.as_bytes(),
        );
        assert_eq!(
            verifier.verify(&token, now()),
            Err(TokenError::AlgorithmNotAccepted),
            "{alg} {kid}"
        );
    }
    for (alg, kid) in [("RS256", "rsa-1"), ("ES256", "ec-1"), ("EdDSA", "ed-1")] {
        let token = sign_with_header(
            &json!({"alg": alg, "kid": kid}),
            &claims(),
            SECRET.as_bytes(),
        );
        assert_eq!(
            verifier.verify(&token, now()),
            Err(TokenError::BadSignature),
            "{alg} {kid}"
        );
    }
    for alg in ["HS384", "HS512", "RS384", "RS512", "PS256", "ES384"] {
        let token = sign_with_header(
            &json!({"alg": alg, "kid": "rsa-1"}),
            &claims(),
            SECRET.as_bytes(),
        );
        assert_eq!(
            verifier.verify(&token, now()),
            Err(TokenError::AlgorithmNotAccepted),
            "{alg}"
        );
    }
    // A key that the token itself brings is not looked at.
    let attacker = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode("attacker"), "alg": "HS256"});
    let token = sign_with_header(
        &json!({"alg": "HS256", "jwk": attacker, "jku": "http://attacker.test"}),
        &claims(),
        b"attacker",
    );
    assert_eq!(
        verifier.verify(&token, now()),
        Err(TokenError::BadSignature)
    );
}

#[test]
fn an_algorithm_can_be_narrowed_away() {
    let mut narrowed = settings();
    narrowed.jwks = Some(jwks_file());
    narrowed.algorithms = Some(vec![Algorithm::Es256]);
    let verifier = Verifier::open(&narrowed, now()).unwrap();
    assert!(
        verifier
            .verify(
                &sign_with(jsonwebtoken::Algorithm::ES256, Some("ec-1"), &ec()),
                now()
            )
            .is_ok()
    );
    assert_eq!(
        verifier.verify(&sign(&claims()), now()),
        Err(TokenError::AlgorithmNotAccepted)
    );
    let with_rsa = sign_with(jsonwebtoken::Algorithm::RS256, Some("rsa-1"), &rsa());
    assert_eq!(
        verifier.verify(&with_rsa, now()),
        Err(TokenError::AlgorithmNotAccepted)
    );
}

#[test]
fn another_key_of_the_same_kind_does_not_get_in() {
    let other = EncodingKey::from_rsa_pem(RSA_OTHER).unwrap();
    let posing = sign_with(jsonwebtoken::Algorithm::RS256, Some("rsa-1"), &other);
    assert_eq!(
        verifier().verify(&posing, now()),
        Err(TokenError::BadSignature)
    );
    let honest = sign_with(jsonwebtoken::Algorithm::RS256, Some("rsa-2"), &other);
    assert_eq!(
        verifier().verify(&honest, now()),
        Err(TokenError::UnknownKey)
    );
    let other_secret = sign_with(
        jsonwebtoken::Algorithm::HS256,
        None,
        &EncodingKey::from_secret(&[7; 32]),
    );
    assert_eq!(
        verifier().verify(&other_secret, now()),
        Err(TokenError::BadSignature)
    );
}

#[test]
fn every_changed_character_is_noticed() {
    let verifier = verifier();
    for token in [
        sign(&claims()),
        sign_with(jsonwebtoken::Algorithm::EdDSA, Some("ed-1"), &ed()),
    ] {
        for position in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[position] = if changed[position] == b'A' {
                b'B'
            } else {
                b'A'
            };
            let changed = String::from_utf8(changed).unwrap();
            assert!(verifier.verify(&changed, now()).is_err(), "{position}");
            assert!(
                verifier.verify(&token[..position], now()).is_err(),
                "{position}"
            );
        }
        let (head, tail) = token.rsplit_once('.').unwrap();
        for changed in [
            format!("{token}A"),
            format!("{token}="),
            format!("{token}."),
            format!(" {token}"),
            format!("{head}..{tail}"),
            format!("{head}.{tail}.{tail}"),
        ] {
            assert!(verifier.verify(&changed, now()).is_err());
        }
        assert!(verifier.verify(&token, now()).is_ok());
    }
}

#[test]
fn a_token_lives_from_nbf_to_exp_with_the_leeway() {
    let token = sign(&with("nbf", json!(now().timestamp())));
    let verifier = verifier();
    assert_eq!(
        verifier.verify(&token, later(-31)),
        Err(TokenError::NotYetValid)
    );
    assert!(verifier.verify(&token, later(-30)).is_ok());
    assert!(verifier.verify(&token, later(89)).is_ok());
    assert_eq!(verifier.verify(&token, later(90)), Err(TokenError::Expired));
    let mut strict = settings();
    strict.leeway_seconds = 0;
    let strict = Verifier::open(&strict, now()).unwrap();
    assert_eq!(
        strict.verify(&token, later(-1)),
        Err(TokenError::NotYetValid)
    );
    assert!(strict.verify(&token, later(59)).is_ok());
    assert_eq!(strict.verify(&token, later(60)), Err(TokenError::Expired));
}

#[test]
fn times_are_numbers() {
    for odd in [
        json!("1790000000"),
        json!(-1),
        json!(null),
        json!([]),
        json!(1e300),
        json!(-0.5),
        json!(true),
    ] {
        assert_eq!(
            refusal(&with("exp", odd.clone())),
            TokenError::InvalidClaim("exp"),
            "{odd}"
        );
        assert_eq!(
            refusal(&with("nbf", odd.clone())),
            TokenError::InvalidClaim("nbf"),
            "{odd}"
        );
    }
    let with_fraction = sign(&with("exp", json!(1_790_000_000.5)));
    assert!(verifier().verify(&with_fraction, now()).is_ok());
    let never = sign(&with("exp", json!(i64::MAX)));
    assert!(verifier().verify(&never, now()).is_ok());
    assert_eq!(
        refusal(&with("exp", json!(u64::MAX))),
        TokenError::InvalidClaim("exp")
    );
}

#[test]
fn every_claim_that_must_be_there_is_asked_for() {
    for name in ["iss", "aud", "exp", "sub", "org"] {
        assert_eq!(refusal(&without(name)), TokenError::MissingClaim(name));
    }
    assert_eq!(refusal(&without("role")), TokenError::NoRole);
}

#[test]
fn the_token_is_from_our_issuer_and_for_us() {
    for other in [
        json!("https://issuer.test/"),
        json!("HTTPS://ISSUER.TEST"),
        json!(["https://issuer.test"]),
        json!(null),
        json!(""),
    ] {
        assert_eq!(refusal(&with("iss", other)), TokenError::WrongIssuer);
    }
    for other in [
        json!("medial2"),
        json!("Medial"),
        json!([]),
        json!(["other", 1, null]),
        json!({"medial": 1}),
        json!(null),
    ] {
        assert_eq!(refusal(&with("aud", other)), TokenError::WrongAudience);
    }
    assert!(
        verifier()
            .verify(&sign(&with("aud", json!(["other", "medial"]))), now())
            .is_ok()
    );
}

#[test]
fn names_are_bounded_and_clean() {
    for (claim, longest) in [("sub", 255), ("org", 128)] {
        for odd in [
            json!(""),
            json!(" "),
            json!("a "),
            json!("a\u{0}"),
            json!("a\r\nb"),
            json!(7),
            json!(null),
            json!(["a"]),
            json!("x".repeat(longest + 1)),
        ] {
            assert_eq!(
                refusal(&with(claim, odd.clone())),
                TokenError::InvalidClaim(claim),
                "{odd}"
            );
        }
        assert!(
            verifier()
                .verify(&sign(&with(claim, json!("x".repeat(longest)))), now())
                .is_ok()
        );
    }
}

#[test]
fn a_role_is_one_of_ours() {
    for odd in [
        json!("root"),
        json!("Admin"),
        json!(""),
        json!(null),
        json!(["admin"]),
        json!("admin "),
    ] {
        assert_eq!(
            refusal(&with("role", odd.clone())),
            TokenError::InvalidClaim("role"),
            "{odd}"
        );
    }
}

#[test]
fn system_scopes_stand_for_a_role_and_others_do_not() {
    let scoped = |scope: &str| {
        let mut claims = without("role");
        claims["scope"] = json!(scope);
        verifier().verify(&sign(&claims), now())
    };
    assert_eq!(scoped("system/Procedure.r").unwrap().role, Role::EhrSystem);
    assert_eq!(
        scoped("openid system/*.cruds").unwrap().role,
        Role::EhrSystem
    );
    for scope in [
        "",
        "user/*.cruds",
        "patient/*.cruds",
        "openid",
        "system/*",
        "system/Procedure.reads",
    ] {
        assert_eq!(scoped(scope), Err(TokenError::NoRole), "{scope:?}");
    }
    // A role that is there is kept.
    let mut claims = claims();
    claims["scope"] = json!("system/*.cruds");
    assert_eq!(
        verifier().verify(&sign(&claims), now()).unwrap().role,
        Role::Clinician
    );
}

#[test]
fn a_scope_narrows_and_never_widens() {
    let principal = |scope: Value| {
        verifier()
            .verify(&sign(&with("scope", scope)), now())
            .unwrap()
    };
    let narrow = principal(json!("user/Procedure.rs openid"));
    assert_eq!(narrow.require(Action::ReadBlock), Ok(()));
    assert_eq!(
        narrow.require(Action::WriteBlock),
        Err(Forbidden {
            action: Action::WriteBlock
        })
    );
    let wide = principal(json!("user/*.cruds"));
    for action in Action::ALL {
        // Everything at once is for systems: no scope of a person stands for it.
        let for_people = *action != Action::BulkExport;
        assert_eq!(
            wide.allows(*action),
            for_people && allows(Role::Clinician, *action),
            "{}",
            action.code()
        );
    }
    for nothing in ["", "openid", "rubbish/Procedure.r", "patient/*.cruds"] {
        let principal = principal(json!(nothing));
        assert!(
            Action::ALL.iter().all(|action| !principal.allows(*action)),
            "{nothing:?}"
        );
    }
    for odd in [
        json!(null),
        json!(["user/*.cruds"]),
        json!(7),
        json!("x".repeat(4097)),
    ] {
        assert_eq!(
            refusal(&with("scope", odd)),
            TokenError::InvalidClaim("scope")
        );
    }
}

#[test]
fn rubbish_is_rubbish() {
    let verifier = verifier();
    for token in [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "é.é.é",
        "\u{0}",
        "Bearer x",
        "W10.W10.W10",
    ] {
        assert_eq!(
            verifier.verify(token, now()),
            Err(TokenError::Malformed),
            "{token:?}"
        );
    }
    let as_array = URL_SAFE_NO_PAD.encode(r#"["HS256",null,null]"#);
    assert_eq!(
        verifier.verify(&format!("{as_array}.e30.x"), now()),
        Err(TokenError::Malformed)
    );
    assert_eq!(
        verifier.verify(&"a".repeat(8 * 1024 + 1), now()),
        Err(TokenError::TooLong)
    );
    assert_eq!(
        verifier.verify(&"a".repeat(8 * 1024), now()),
        Err(TokenError::Malformed)
    );
    let claims_no_object =
        sign_with_header(&json!({"alg": "HS256"}), &json!(["x"]), SECRET.as_bytes());
    assert_eq!(
        verifier.verify(&claims_no_object, now()),
        Err(TokenError::Malformed)
    );
}

#[test]
fn a_header_that_asks_for_more_is_refused() {
    let odd = [
        json!({"alg": "HS256", "crit": ["exp"]}),
        json!({"alg": "HS256", "crit": null}),
        json!({"alg": "HS256", "crit": ["b64"], "b64": false}),
        json!({"alg": "HS256", "typ": "dpop+jwt"}),
        json!({"alg": "HS256", "typ": 7}),
        json!({"alg": "HS256", "kid": 7}),
        json!({"alg": "HS256", "kid": "x".repeat(257)}),
        json!({"alg": ["HS256"]}),
        json!({"typ": "JWT"}),
    ];
    for header in odd {
        let token = sign_with_header(&header, &claims(), SECRET.as_bytes());
        assert_eq!(
            verifier().verify(&token, now()),
            Err(TokenError::Malformed),
            "{header}"
        );
    }
    for typ in ["JWT", "jwt", "at+jwt", "application/at+jwt"] {
        let token = sign_with_header(
            &json!({"alg": "HS256", "typ": typ}),
            &claims(),
            SECRET.as_bytes(),
        );
        assert!(verifier().verify(&token, now()).is_ok(), "{typ}");
    }
}

#[test]
fn an_error_never_repeats_the_token() {
    let marked = json!({"iss": "leak-1", "aud": "leak-2", "sub": "leak-3", "org": "leak-4", "role": "leak-5", "exp": "leak-6"});
    let tokens = [
        sign(&marked),
        "leak-7.leak-8.leak-9".to_owned(),
        sign_with_header(&json!({"alg": "leak-a", "kid": "leak-b"}), &marked, b"x"),
    ];
    for token in tokens {
        let error = verifier().verify(&token, now()).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("leak"), "{error}");
    }
}

#[test]
fn nothing_secret_is_in_a_debug_text() {
    let text = format!("{:?} {:?}", verifier(), Issuer::new(&settings()).unwrap());
    assert!(!text.contains("only for tests"), "{text}");
}

proptest! {
    #[test]
    fn no_token_makes_it_panic(token in "[A-Za-z0-9_.-]{0,300}|.{0,60}") {
        let verifier = Verifier::open(&settings(), now()).unwrap();
        prop_assert!(verifier.verify(&token, now()).is_err());
    }

    #[test]
    fn no_claim_makes_it_panic(name in "iss|aud|exp|nbf|sub|org|role|scope", text in ".{0,80}", number in any::<f64>()) {
        let verifier = Verifier::open(&settings(), now()).unwrap();
        for value in [json!(text), json!(number), json!([text]), json!({"x": number})] {
            let _ = verifier.verify(&sign(&with(&name, value)), now());
        }
    }
}

/// An address of an issuer, on this machine: answers every request with what it is told, and counts them.
struct Server {
    address: SocketAddr,
    answer: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
    stopped: Arc<AtomicBool>,
}

impl Server {
    fn start(answer: String) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server {
            address: listener.local_addr().unwrap(),
            answer: Arc::new(Mutex::new(answer)),
            asked: Arc::default(),
            stopped: Arc::default(),
        };
        let (answer, asked, stopped) = (
            server.answer.clone(),
            server.asked.clone(),
            server.stopped.clone(),
        );
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let mut stream = stream.unwrap();
                asked.fetch_add(1, Ordering::SeqCst);
                let _ = stream.read(&mut [0; 4096]);
                let answer = answer.lock().unwrap().clone();
                let _ = stream.write_all(answer.as_bytes());
                if answer.is_empty() {
                    // Says nothing until the other side gives up.
                    let _ = stream.read(&mut [0; 1]);
                }
            }
        });
        server
    }

    fn answers(&self, answer: String) {
        *self.answer.lock().unwrap() = answer;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn url(&self) -> String {
        format!("http://{}/keys", self.address)
    }

    fn verifier(&self) -> Verifier {
        let mut settings = settings();
        settings.jwks = Some(JwksLocation::parse(&self.url()).unwrap());
        let limits = Limits {
            timeout: Duration::from_millis(500),
            bytes: 16 * 1024,
        };
        Verifier::open_within(&settings, limits, now()).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn response(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn ok(body: &str) -> String {
    response("200 OK", body)
}

fn with_new_key() -> String {
    sign_with(jsonwebtoken::Algorithm::ES256, Some("ec-1"), &ec())
}

/// Like [`JWKS_ROTATED`], a set without the elliptic key.
fn without_new_key() -> String {
    JWKS_ROTATED.to_owned()
}

#[test]
fn an_unknown_key_is_asked_for_at_most_once_a_minute() {
    let server = Server::start(ok(&without_new_key()));
    let verifier = server.verifier();
    assert_eq!(server.asked(), 1);
    let token = with_new_key();
    for second in [0, 1, 59] {
        assert_eq!(
            verifier.verify(&token, later(second)),
            Err(TokenError::UnknownKey)
        );
    }
    assert_eq!(
        server.asked(),
        1,
        "the first fetch was less than a minute ago"
    );
    assert_eq!(
        verifier.verify(&token, later(60)),
        Err(TokenError::UnknownKey)
    );
    assert_eq!(server.asked(), 2);
    server.answers(ok(JWKS));
    assert_eq!(
        verifier.verify(&token, later(61)),
        Err(TokenError::UnknownKey)
    );
    assert_eq!(server.asked(), 2);
    let long_lived = later(120) - TimeDelta::seconds(35);
    assert!(
        verifier.verify(&token, later(120)).is_err(),
        "expired, but the key is known now"
    );
    assert_eq!(server.asked(), 3);
    assert!(verifier.verify(&token, long_lived).is_ok());
    for _ in 0..5 {
        assert!(verifier.verify(&token, now()).is_ok());
    }
    assert_eq!(server.asked(), 3, "a known key needs no fetch");
}

#[test]
fn waiting_is_left_to_those_who_may_wait() {
    let server = Server::start(ok(&without_new_key()));
    let verifier = server.verifier();
    let token = with_new_key();
    assert_eq!(
        verifier.verify_cached(&token, now()),
        Some(Err(TokenError::UnknownKey))
    );
    assert_eq!(verifier.verify_cached(&token, later(60)), None);
    assert_eq!(server.asked(), 1);
    assert!(
        verifier
            .verify_cached(&sign(&claims()), later(60))
            .unwrap()
            .is_ok(),
        "the secret needs no fetch"
    );
    assert_eq!(
        verifier.verify_cached("rubbish", later(60)),
        Some(Err(TokenError::Malformed))
    );
}

#[test]
fn many_at_once_cause_one_fetch_and_all_get_in() {
    let server = Server::start(ok(&without_new_key()));
    let verifier = server.verifier();
    server.answers(ok(JWKS));
    let token = sign_with_claims_until(later(200));
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|_| scope.spawn(|| verifier.verify(&token, later(61))))
            .collect();
        for thread in threads {
            assert!(thread.join().unwrap().is_ok());
        }
    });
    assert_eq!(server.asked(), 2);
}

fn sign_with_claims_until(expires: DateTime<Utc>) -> String {
    let mut header = Header::new(jsonwebtoken::Algorithm::ES256);
    header.kid = Some("ec-1".to_owned());
    jsonwebtoken::encode(&header, &with("exp", json!(expires.timestamp())), &ec()).unwrap()
}

#[test]
fn a_failed_fetch_keeps_the_old_keys() {
    let server = Server::start(ok(JWKS));
    let verifier = server.verifier();
    let other = EncodingKey::from_rsa_pem(RSA_OTHER).unwrap();
    let unknown = sign_with(jsonwebtoken::Algorithm::RS256, Some("rsa-2"), &other);
    let failures = [
        response("500 Internal Server Error", JWKS),
        response("404 Not Found", ""),
        "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
        ok("rubbish"),
        ok(r#"{"keys": []}"#),
        ok(&" ".repeat(16 * 1024 + 1)),
        "rubbish\r\n\r\n".to_owned(),
        // Nothing at all, until the time is up.
        String::new(),
    ];
    for (round, failure) in failures.into_iter().enumerate() {
        server.answers(failure);
        let then = later(60 * (i64::try_from(round).unwrap() + 1));
        assert_eq!(
            verifier.verify(&unknown, then),
            Err(TokenError::UnknownKey),
            "{round}"
        );
        assert_eq!(server.asked(), round + 2);
        assert!(verifier.report().failure.is_some(), "{round}");
        assert!(verifier.verify(&with_new_key(), now()).is_ok(), "{round}");
    }
}

#[test]
fn an_issuer_that_is_away_at_the_start_is_asked_again() {
    let server = Server::start(response("503 Service Unavailable", ""));
    let verifier = server.verifier();
    assert!(verifier.report().failure.unwrap().contains("503"));
    let token = sign_with_claims_until(later(200));
    assert_eq!(
        verifier.verify(&token, now()),
        Err(TokenError::KeysUnavailable)
    );
    assert!(
        verifier.verify(&sign(&claims()), now()).is_ok(),
        "the secret still works"
    );
    server.answers(ok(JWKS));
    assert!(verifier.verify(&token, later(60)).is_ok());
    assert_eq!(verifier.report().failure, None);
    assert_eq!(verifier.report().keys.len(), 3);
}

#[test]
fn a_withdrawn_key_is_forgotten_within_the_hour() {
    let server = Server::start(ok(JWKS));
    let verifier = server.verifier();
    let token = sign_with_claims_until(later(10_000));
    server.answers(ok(&without_new_key()));
    assert!(verifier.verify(&token, later(3599)).is_ok());
    assert_eq!(verifier.verify_cached(&token, later(3600)), None);
    assert_eq!(
        verifier.verify(&token, later(3600)),
        Err(TokenError::UnknownKey)
    );
    assert_eq!(server.asked(), 2);
}

#[test]
fn a_clock_set_back_does_not_stop_fetching() {
    let server = Server::start(ok(&without_new_key()));
    let verifier = server.verifier();
    server.answers(ok(JWKS));
    assert!(verifier.verify(&with_new_key(), later(-7200)).is_ok());
}
