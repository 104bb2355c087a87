//! What token verification is configured with, and everything that can be wrong with it.

use std::fmt;
use std::path::PathBuf;

/// Fewest bytes of a secret: as many as the hash gives (RFC 7518, 3.2).
const SHORTEST_SECRET: usize = 32;

/// Most clock skew that can be configured, in seconds.
pub(super) const LONGEST_LEEWAY: u32 = 300;

/// The shared secret of HS256. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes a secret as configured.
    ///
    /// # Errors
    /// When it is shorter than 32 bytes, or is a PEM document: a public key used as a secret is known to everybody.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Secret, ConfigurationError> {
        let bytes = bytes.into();
        if bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
            return Err(ConfigurationError::SecretIsAKeyFile);
        }
        if bytes.len() < SHORTEST_SECRET {
            return Err(ConfigurationError::SecretTooShort {
                length: bytes.len(),
            });
        }
        Ok(Secret(bytes))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where the public keys of the token issuer are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JwksLocation {
    /// A file with a JSON Web Key Set.
    File(PathBuf),
    /// An `https` (or `http`) address that answers with one.
    Url(String),
}

impl JwksLocation {
    /// Reads a configured value: an address when it names a scheme, else a file.
    ///
    /// # Errors
    /// When the address is not a usable `http` or `https` one.
    pub fn parse(text: &str) -> Result<JwksLocation, ConfigurationError> {
        if !text.contains("://") {
            return Ok(JwksLocation::File(PathBuf::from(text)));
        }
        check_url(text)?;
        Ok(JwksLocation::Url(text.to_owned()))
    }
}

/// Refuses what must not be fetched, so that a mistake shows at the start and not at the first token.
pub(super) fn check_url(text: &str) -> Result<ureq::http::Uri, ConfigurationError> {
    let refuse = |why| Err(ConfigurationError::JwksUrl { why });
    let Ok(uri) = text.parse::<ureq::http::Uri>() else {
        return refuse("it is not an address");
    };
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return refuse("only http and https are fetched");
    }
    let Some(authority) = uri.authority() else {
        return refuse("it names no host");
    };
    if authority.host().is_empty() {
        return refuse("it names no host");
    }
    if authority.as_str().contains('@') {
        return refuse("it must not carry a user name or a password");
    }
    Ok(uri)
}

/// A way of signing that can be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256 and the configured secret.
    Hs256,
    /// RSA PKCS #1 v1.5 with SHA-256.
    Rs256,
    /// RSA PKCS #1 v1.5 with SHA-384.
    Rs384,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// Those of bearer tokens whose keys come from a key set.
    pub(super) const WITH_PUBLIC_KEY: [Algorithm; 3] =
        [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];

    /// As in the `alg` of a token's header.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Hs256 => "HS256",
            Algorithm::Rs256 => "RS256",
            Algorithm::Rs384 => "RS384",
            Algorithm::Es256 => "ES256",
            Algorithm::Es384 => "ES384",
            Algorithm::EdDsa => "EdDSA",
        }
    }

    /// Reads a name exactly as written in the standard. `none`, in any spelling, is not one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Algorithm> {
        match name {
            "HS256" => Some(Algorithm::Hs256),
            "RS256" => Some(Algorithm::Rs256),
            "RS384" => Some(Algorithm::Rs384),
            "ES256" => Some(Algorithm::Es256),
            "ES384" => Some(Algorithm::Es384),
            "EdDSA" => Some(Algorithm::EdDsa),
            _ => None,
        }
    }

    pub(super) const fn library(self) -> jsonwebtoken::Algorithm {
        match self {
            Algorithm::Hs256 => jsonwebtoken::Algorithm::HS256,
            Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
            Algorithm::Rs384 => jsonwebtoken::Algorithm::RS384,
            Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
            Algorithm::Es384 => jsonwebtoken::Algorithm::ES384,
            Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        }
    }
}

/// What tokens are accepted.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The `iss` that a token must carry.
    pub issuer: String,
    /// The `aud` that a token must be meant for.
    pub audience: String,
    /// Clock skew that is forgiven, in seconds.
    pub leeway_seconds: u32,
    /// The secret of HS256, when tokens are signed with one.
    pub secret: Option<Secret>,
    /// The public keys, when tokens are signed with private ones.
    pub jwks: Option<JwksLocation>,
    /// Narrows what is accepted. `None`: HS256 when there is a secret; RS256, ES256 and EdDSA when there is a key set.
    pub algorithms: Option<Vec<Algorithm>>,
}

impl Settings {
    /// Clock skew that is forgiven unless configured otherwise, in seconds.
    pub const DEFAULT_LEEWAY_SECONDS: u32 = 30;

    /// No key yet, everything else as usual.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Settings {
        Settings {
            issuer: issuer.into(),
            audience: audience.into(),
            leeway_seconds: Settings::DEFAULT_LEEWAY_SECONDS,
            secret: None,
            jwks: None,
            algorithms: None,
        }
    }

    /// The allow-list of `alg`, from what there are keys for.
    ///
    /// # Errors
    /// When no token could ever be accepted, or an algorithm is listed that there is no key for.
    pub(super) fn allowed_algorithms(&self) -> Result<Vec<Algorithm>, ConfigurationError> {
        let mut with_keys = Vec::new();
        if self.secret.is_some() {
            with_keys.push(Algorithm::Hs256);
        }
        if self.jwks.is_some() {
            with_keys.extend(Algorithm::WITH_PUBLIC_KEY);
        }
        let listed = self.algorithms.clone().unwrap_or_else(|| with_keys.clone());
        if let Some(without_key) = listed.iter().find(|one| !with_keys.contains(one)) {
            return Err(ConfigurationError::AlgorithmWithoutKey {
                algorithm: *without_key,
            });
        }
        if listed.is_empty() {
            return Err(ConfigurationError::NoKey);
        }
        Ok(listed)
    }

    /// The checks that need no key.
    pub(super) fn check(&self) -> Result<(), ConfigurationError> {
        if self.issuer.trim().is_empty() {
            return Err(ConfigurationError::Empty { setting: "issuer" });
        }
        if self.audience.trim().is_empty() {
            return Err(ConfigurationError::Empty {
                setting: "audience",
            });
        }
        if self.leeway_seconds > LONGEST_LEEWAY {
            return Err(ConfigurationError::LeewayTooLong);
        }
        Ok(())
    }
}

/// What is wrong with the configuration. Safe to show: no secret is repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigurationError {
    /// The secret is too short to protect anything.
    SecretTooShort {
        /// Its length in bytes.
        length: usize,
    },
    /// The secret is a PEM document.
    SecretIsAKeyFile,
    /// A secret is needed and not configured.
    NoSecret,
    /// Neither a secret nor a key set, or an empty list of algorithms.
    NoKey,
    /// An algorithm is listed for which there is no key.
    AlgorithmWithoutKey {
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// A setting that must not be empty.
    Empty {
        /// Which.
        setting: &'static str,
    },
    /// More clock skew than can be forgiven.
    LeewayTooLong,
    /// The address of the key set cannot be used.
    JwksUrl {
        /// Why.
        why: &'static str,
    },
    /// The key set in a file cannot be used.
    JwksFile {
        /// Why.
        why: String,
    },
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigurationError::SecretTooShort { length } => {
                write!(f, "the secret has {length} bytes and needs {SHORTEST_SECRET} or more; make one with `openssl rand -hex 32`")
            }
            ConfigurationError::SecretIsAKeyFile => {
                f.write_str("the secret is a PEM file; public keys are configured as a key set (JWKS), and a secret is random bytes")
            }
            ConfigurationError::NoSecret => f.write_str("signing a token needs a configured secret"),
            ConfigurationError::NoKey => {
                f.write_str("no token could be accepted: configure a secret (HS256) or a key set (RS256, ES256, EdDSA)")
            }
            ConfigurationError::AlgorithmWithoutKey { algorithm } => {
                write!(f, "{} is listed and there is no key for it", algorithm.name())
            }
            ConfigurationError::Empty { setting } => write!(f, "the token {setting} must not be empty"),
            ConfigurationError::LeewayTooLong => write!(f, "the leeway is at most {LONGEST_LEEWAY} seconds"),
            ConfigurationError::JwksUrl { why } => write!(f, "the address of the key set cannot be used: {why}"),
            ConfigurationError::JwksFile { why } => write!(f, "the key set cannot be used: {why}"),
        }
    }
}

impl std::error::Error for ConfigurationError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_secret_is_refused_with_what_to_do() {
        let error = Secret::new("x".repeat(31)).unwrap_err();
        assert_eq!(error, ConfigurationError::SecretTooShort { length: 31 });
        assert!(error.to_string().contains("32 or more"));
        assert!(Secret::new("x".repeat(32)).is_ok());
    }

    #[test]
    fn a_key_file_is_no_secret() {
        let pem = include_bytes!("../../tests/fixtures/keys/rsa.pub.pem");
        assert_eq!(
            Secret::new(&pem[..]).unwrap_err(),
            ConfigurationError::SecretIsAKeyFile
        );
    }

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::new("correct horse battery staple, again").unwrap();
        assert!(!format!("{secret:?}").contains("horse"));
        let mut settings = Settings::new("issuer", "audience");
        settings.secret = Some(secret);
        assert!(!format!("{settings:?}").contains("horse"));
    }

    #[test]
    fn a_key_set_is_a_file_or_a_web_address() {
        assert_eq!(
            JwksLocation::parse("/etc/keys.json"),
            Ok(JwksLocation::File("/etc/keys.json".into()))
        );
        let url = "https://login.example.org/keys";
        assert_eq!(
            JwksLocation::parse(url),
            Ok(JwksLocation::Url(url.to_owned()))
        );
        for refused in [
            "file:///etc/passwd",
            "ftp://host/keys",
            "https://",
            "https://user:word@host/keys",
            "gopher://x",
            "http://a b",
        ] {
            assert!(
                matches!(
                    JwksLocation::parse(refused),
                    Err(ConfigurationError::JwksUrl { .. })
                ),
                "{refused}"
            );
        }
    }

    #[test]
    fn algorithms_follow_from_the_keys() {
        let mut settings = Settings::new("issuer", "audience");
        assert_eq!(
            settings.allowed_algorithms(),
            Err(ConfigurationError::NoKey)
        );
        settings.secret = Some(Secret::new("x".repeat(32)).unwrap());
        assert_eq!(settings.allowed_algorithms(), Ok(vec![Algorithm::Hs256]));
        settings.algorithms = Some(vec![Algorithm::Rs256]);
        let without_key = ConfigurationError::AlgorithmWithoutKey {
            algorithm: Algorithm::Rs256,
        };
        assert_eq!(settings.allowed_algorithms(), Err(without_key));
        settings.algorithms = Some(Vec::new());
        assert_eq!(
            settings.allowed_algorithms(),
            Err(ConfigurationError::NoKey)
        );
        settings.algorithms = Some(vec![Algorithm::Rs256]);
        settings.jwks = Some(JwksLocation::File("keys.json".into()));
        assert_eq!(settings.allowed_algorithms(), Ok(vec![Algorithm::Rs256]));
    }
}
