//! Reading a JSON Web Key Set (RFC 7517), key by key: one that does not fit is left out with a reason and does not spoil
//! the others, because issuers publish keys for purposes that are none of ours.

use super::settings::Algorithm;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::Value;

/// Most keys of a set.
const MOST_KEYS: usize = 64;
/// Longest key id.
pub(super) const LONGEST_KEY_ID: usize = 256;
/// Shortest and longest RSA modulus in bytes (2048 to 4096 bits).
const RSA_MODULUS: std::ops::RangeInclusive<usize> = 256..=512;
/// Longest RSA exponent in bytes.
const LONGEST_EXPONENT: usize = 4;
/// A coordinate of P-256 and a public key of Ed25519, in bytes.
const CURVE_BYTES: usize = 32;
/// A coordinate of P-384, in bytes.
const LONG_CURVE_BYTES: usize = 48;

/// A public key that can check signatures of one kind.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) id: Option<String>,
    /// What it checks signatures of: one algorithm, or, for an RSA key that does not say, one with either hash.
    pub(super) algorithms: &'static [Algorithm],
    pub(super) decoding: DecodingKey,
}

/// A key of a set that is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedKey {
    /// Its place in the set, from 0.
    pub position: usize,
    /// Its `kid`.
    pub id: Option<String>,
    /// Why it is not used.
    pub why: &'static str,
}

/// The usable keys of a set.
#[derive(Clone, Default)]
pub(super) struct KeySet {
    pub(super) keys: Vec<Key>,
    pub(super) refused: Vec<RefusedKey>,
}

/// Which key a token asks for.
pub(super) enum Found<'a> {
    /// This one.
    Key(&'a Key),
    /// There is such a key, for another algorithm.
    OtherAlgorithm,
    /// The token names none, and several would do.
    Ambiguous,
    /// None.
    Nothing,
}

impl KeySet {
    /// Reads a set.
    ///
    /// # Errors
    /// When it is no set, is too large, or holds no key of use.
    pub(super) fn parse(document: &[u8]) -> Result<KeySet, String> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        // The parser's own message would quote the document.
        let document: Document = serde_json::from_slice(document)
            .map_err(|_| "it is not a JSON object with an array of \"keys\"".to_owned())?;
        if document.keys.len() > MOST_KEYS {
            return Err(format!("it holds more than {MOST_KEYS} keys"));
        }
        let mut set = KeySet::default();
        for (position, value) in document.keys.into_iter().enumerate() {
            set.add(position, value);
        }
        if set.keys.is_empty() {
            return Err(set.why_empty());
        }
        Ok(set)
    }

    fn add(&mut self, position: usize, value: Value) {
        let id = value
            .get("kid")
            .and_then(Value::as_str)
            .map(|id| id.chars().take(LONGEST_KEY_ID).collect());
        match read_key(value) {
            Ok(key) if self.has_twin(&key) => {
                self.refused.push(RefusedKey {
                    position,
                    id,
                    why: "an earlier key has the same kid and algorithm",
                });
            }
            Ok(key) => self.keys.push(key),
            Err(why) => self.refused.push(RefusedKey { position, id, why }),
        }
    }

    fn has_twin(&self, key: &Key) -> bool {
        key.id.is_some()
            && self
                .keys
                .iter()
                .any(|one| one.id == key.id && one.algorithms == key.algorithms)
    }

    fn why_empty(&self) -> String {
        let reasons: Vec<String> = self
            .refused
            .iter()
            .map(|key| format!("key {}: {}", key.position, key.why))
            .collect();
        if reasons.is_empty() {
            "it holds no key".to_owned()
        } else {
            format!("it holds no usable key ({})", reasons.join("; "))
        }
    }

    /// The key for a token's header.
    pub(super) fn find(&self, algorithm: Algorithm, id: Option<&str>) -> Found<'_> {
        let Some(id) = id else {
            return self.find_only(algorithm);
        };
        let mut of_that_name = self
            .keys
            .iter()
            .filter(|key| key.id.as_deref() == Some(id))
            .peekable();
        if of_that_name.peek().is_none() {
            return Found::Nothing;
        }
        of_that_name
            .find(|key| key.algorithms.contains(&algorithm))
            .map_or(Found::OtherAlgorithm, Found::Key)
    }

    fn find_only(&self, algorithm: Algorithm) -> Found<'_> {
        let mut fitting = self
            .keys
            .iter()
            .filter(|key| key.algorithms.contains(&algorithm));
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Found::Key(key),
            (Some(_), Some(_)) => Found::Ambiguous,
            (None, _) => Found::Nothing,
        }
    }
}

/// The members of a JWK that matter here (RFC 7517, 7518, 8037).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    d: Option<Value>,
}

fn read_key(value: Value) -> Result<Key, &'static str> {
    let jwk: Jwk = serde_json::from_value(value).map_err(|_| "it is not a JWK")?;
    if jwk
        .kid
        .as_ref()
        .is_some_and(|id| id.is_empty() || id.len() > LONGEST_KEY_ID)
    {
        return Err("its kid is empty or too long");
    }
    if jwk.d.is_some() {
        return Err("it is a private key, which must not be published");
    }
    if jwk.usage.as_deref().is_some_and(|usage| usage != "sig") {
        return Err("its use is not sig");
    }
    if jwk
        .key_ops
        .as_ref()
        .is_some_and(|operations| !operations.iter().any(|one| one == "verify"))
    {
        return Err("its key_ops do not include verify");
    }
    let (possible, decoding): (&'static [Algorithm], _) = match jwk.kty.as_str() {
        "RSA" => (&[Algorithm::Rs256, Algorithm::Rs384], read_rsa(&jwk)?),
        "EC" if jwk.crv.as_deref() == Some("P-384") => (&[Algorithm::Es384], read_ec(&jwk)?),
        "EC" => (&[Algorithm::Es256], read_ec(&jwk)?),
        "OKP" => (&[Algorithm::EdDsa], read_ed(&jwk)?),
        "oct" => return Err("a shared secret does not belong into a set of public keys"),
        _ => return Err("its kty is not RSA, EC or OKP"),
    };
    Ok(Key {
        id: jwk.kid,
        algorithms: narrowed(possible, jwk.alg.as_deref())?,
        decoding,
    })
}

/// Of the algorithms that a key could be used with the one that it names, if it names one.
fn narrowed(
    possible: &'static [Algorithm],
    alg: Option<&str>,
) -> Result<&'static [Algorithm], &'static str> {
    let Some(name) = alg else {
        return Ok(possible);
    };
    let place = possible.iter().position(|one| one.name() == name);
    place
        .and_then(|place| possible.get(place..=place))
        .ok_or("its alg is not RS256, RS384, ES256, ES384 or EdDSA, or does not fit its kty")
}

fn read_rsa(jwk: &Jwk) -> Result<DecodingKey, &'static str> {
    let modulus = bytes(jwk.n.as_deref())?;
    let exponent = bytes(jwk.e.as_deref())?;
    // Leading zeros would make a short modulus look long.
    if modulus.first() == Some(&0) || !RSA_MODULUS.contains(&modulus.len()) {
        return Err("its modulus is not of 2048 to 4096 bits");
    }
    let odd = exponent.last().is_some_and(|last| last % 2 == 1);
    if !odd || exponent == [1] || exponent.first() == Some(&0) || exponent.len() > LONGEST_EXPONENT
    {
        return Err("its exponent is not a usual one");
    }
    Ok(DecodingKey::from_rsa_raw_components(&modulus, &exponent))
}

fn read_ec(jwk: &Jwk) -> Result<DecodingKey, &'static str> {
    let (algorithm, length) = match jwk.crv.as_deref() {
        Some("P-256") => (Algorithm::Es256, CURVE_BYTES),
        Some("P-384") => (Algorithm::Es384, LONG_CURVE_BYTES),
        _ => return Err("its curve is not P-256 or P-384"),
    };
    let (x, y) = (jwk.x.as_deref(), jwk.y.as_deref());
    if bytes(x)?.len() != length || bytes(y)?.len() != length {
        return Err(match algorithm {
            Algorithm::Es384 => "its coordinates are not of 48 bytes",
            _ => "its coordinates are not of 32 bytes",
        });
    }
    let key = DecodingKey::from_ec_components(x.unwrap_or_default(), y.unwrap_or_default());
    on_the_curve(key, algorithm)
}

fn read_ed(jwk: &Jwk) -> Result<DecodingKey, &'static str> {
    if jwk.crv.as_deref() != Some("Ed25519") {
        return Err("its curve is not Ed25519");
    }
    // The length is checked here because the library slices without looking.
    if bytes(jwk.x.as_deref())?.len() != CURVE_BYTES {
        return Err("its public key is not of 32 bytes");
    }
    let key = DecodingKey::from_ed_components(jwk.x.as_deref().unwrap_or_default());
    on_the_curve(key, Algorithm::EdDsa)
}

/// Has the library read the point now, by checking an empty signature, and not with the first token.
fn on_the_curve(
    key: jsonwebtoken::errors::Result<DecodingKey>,
    algorithm: Algorithm,
) -> Result<DecodingKey, &'static str> {
    const WHY: &str = "it is not a point of its curve";
    let key = key.map_err(|_| WHY)?;
    jsonwebtoken::crypto::verify("", b"", &key, algorithm.library()).map_err(|_| WHY)?;
    Ok(key)
}

fn bytes(text: Option<&str>) -> Result<Vec<u8>, &'static str> {
    let text = text.ok_or("a part of the key is missing")?;
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| "a part of the key is not base64url")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const JWKS: &str = include_str!("../../tests/fixtures/keys/jwks.json");
    const CLIENT: &str = include_str!("../../tests/fixtures/keys/jwks-client.json");
    const UNSUITABLE: &str = include_str!("../../tests/fixtures/keys/jwks-unsuitable.json");

    fn key(id: &str) -> Value {
        let document: Value = serde_json::from_str(JWKS).unwrap();
        document["keys"]
            .as_array()
            .unwrap()
            .iter()
            .find(|key| key["kid"] == id)
            .unwrap()
            .clone()
    }

    fn with(id: &str, member: &str, value: Value) -> Value {
        let mut key = key(id);
        key[member] = value;
        key
    }

    fn why(value: Value) -> &'static str {
        read_key(value).err().expect("it must be refused")
    }

    #[test]
    fn the_three_kinds_are_read() {
        let set = KeySet::parse(JWKS.as_bytes()).unwrap();
        let kinds: Vec<_> = set
            .keys
            .iter()
            .map(|key| (key.id.as_deref().unwrap(), key.algorithms))
            .collect();
        assert_eq!(
            kinds,
            [
                ("rsa-1", &[Algorithm::Rs256][..]),
                ("ec-1", &[Algorithm::Es256][..]),
                ("ed-1", &[Algorithm::EdDsa][..])
            ]
        );
        assert!(set.refused.is_empty());
    }

    #[test]
    fn keys_of_clients_are_read_and_one_that_does_not_say_takes_either_hash() {
        let set = KeySet::parse(CLIENT.as_bytes()).unwrap();
        let kinds: Vec<_> = set.keys.iter().map(|key| key.algorithms).collect();
        assert_eq!(
            kinds,
            [
                &[Algorithm::Rs384][..],
                &[Algorithm::Es384],
                &[Algorithm::Rs256, Algorithm::Rs384]
            ]
        );
        assert!(matches!(
            set.find(Algorithm::Rs256, Some("client-rsa")),
            Found::OtherAlgorithm
        ));
        assert!(matches!(
            set.find(Algorithm::Rs384, Some("client-any")),
            Found::Key(_)
        ));
    }

    #[test]
    fn a_key_may_leave_out_what_is_optional() {
        for id in ["rsa-1", "ec-1", "ed-1"] {
            let mut key = key(id);
            for member in ["kid", "alg", "use"] {
                key.as_object_mut().unwrap().remove(member);
            }
            assert!(read_key(key).is_ok(), "{id}");
        }
    }

    #[test]
    fn keys_that_do_not_fit_are_refused() {
        assert!(why(with("rsa-1", "alg", json!("HS256"))).contains("alg"));
        assert!(why(with("rsa-1", "alg", json!("RS512"))).contains("alg"));
        assert!(why(with("rsa-1", "alg", json!("ES256"))).contains("alg"));
        assert!(why(with("ec-1", "alg", json!("RS256"))).contains("alg"));
        assert!(why(with("ed-1", "alg", json!("ES256"))).contains("alg"));
        assert!(why(with("rsa-1", "use", json!("enc"))).contains("use"));
        assert!(why(with("rsa-1", "key_ops", json!(["encrypt"]))).contains("key_ops"));
        assert!(why(with("rsa-1", "kty", json!("EC"))).contains("curve"));
        assert!(why(with("ec-1", "kty", json!("OKP"))).contains("curve"));
        assert!(why(with("ed-1", "kty", json!("RSA"))).contains("missing"));
        assert!(why(with("ed-1", "kty", json!("AKP"))).contains("kty"));
        assert!(why(with("rsa-1", "d", json!("AQAB"))).contains("private"));
        assert!(why(json!({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"})).contains("secret"));
        assert!(why(json!("rubbish")).contains("JWK"));
        assert!(why(with("rsa-1", "kid", json!(""))).contains("kid"));
        assert!(why(with("rsa-1", "kid", json!("x".repeat(257)))).contains("kid"));
    }

    #[test]
    fn weak_and_broken_keys_are_refused() {
        assert!(why(with("rsa-1", "n", json!("AQAB"))).contains("modulus"));
        assert!(why(with("rsa-1", "n", json!("*"))).contains("base64url"));
        assert!(why(with("rsa-1", "e", json!("AQ"))).contains("exponent"));
        assert!(why(with("rsa-1", "e", json!("AA"))).contains("exponent"));
        assert!(why(with("rsa-1", "e", json!(""))).contains("exponent"));
        assert!(why(with("ec-1", "x", json!("AQAB"))).contains("32 bytes"));
        let elsewhere = URL_SAFE_NO_PAD.encode([7_u8; 32]);
        assert!(why(with("ec-1", "x", json!(elsewhere))).contains("point"));
        for length in [0, 1, 31, 33, 64] {
            let other_length = URL_SAFE_NO_PAD.encode(vec![7_u8; length]);
            assert!(
                why(with("ed-1", "x", json!(other_length))).contains("32 bytes"),
                "{length}"
            );
        }
        let refused = KeySet::parse(UNSUITABLE.as_bytes()).err().unwrap();
        assert!(
            refused.contains("modulus") && refused.contains("curve"),
            "{refused}"
        );
    }

    #[test]
    fn a_bad_key_does_not_spoil_a_set_and_twins_do_not_shadow() {
        let document =
            json!({"keys": ["rubbish", key("rsa-1"), key("rsa-1"), key("ec-1")]}).to_string();
        let set = KeySet::parse(document.as_bytes()).unwrap();
        assert_eq!(set.keys.len(), 2);
        assert_eq!(
            set.refused
                .iter()
                .map(|key| key.position)
                .collect::<Vec<_>>(),
            [0, 2]
        );
    }

    #[test]
    fn no_set_is_no_set() {
        for document in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"keys": {}}"#,
            r#"{"keys": []}"#,
            "\u{feff}{}",
        ] {
            assert!(KeySet::parse(document.as_bytes()).is_err(), "{document}");
        }
        let many = json!({"keys": vec![key("rsa-1"); 65]}).to_string();
        assert!(KeySet::parse(many.as_bytes()).err().unwrap().contains("64"));
    }

    #[test]
    fn without_a_name_only_a_single_key_is_found() {
        let document =
            json!({"keys": [key("rsa-1"), key("ec-1"), with("ec-1", "kid", json!("ec-2"))]})
                .to_string();
        let set = KeySet::parse(document.as_bytes()).unwrap();
        assert!(matches!(set.find(Algorithm::Rs256, None), Found::Key(_)));
        assert!(matches!(set.find(Algorithm::Es256, None), Found::Ambiguous));
        assert!(matches!(set.find(Algorithm::EdDsa, None), Found::Nothing));
        assert!(matches!(
            set.find(Algorithm::Es256, Some("ec-2")),
            Found::Key(_)
        ));
        assert!(matches!(
            set.find(Algorithm::Es256, Some("rsa-1")),
            Found::OtherAlgorithm
        ));
        assert!(matches!(
            set.find(Algorithm::Es256, Some("ec-3")),
            Found::Nothing
        ));
    }

    proptest! {
        #[test]
        fn no_key_makes_it_panic(kty in "RSA|EC|OKP|oct", crv in "P-256|Ed25519", x in "[A-Za-z0-9_-]{0,50}", y in "[A-Za-z0-9_-]{42,44}") {
            let _ = read_key(json!({"kty": kty, "crv": crv, "x": x, "y": y, "n": x, "e": y}));
        }
    }
}
