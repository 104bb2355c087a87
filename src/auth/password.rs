//! Passwords: kept as Argon2id, checked with the same work for a name that nobody has.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use std::fmt;
use std::sync::LazyLock;
use std::sync::{Mutex, PoisonError};

/// The fewest characters of a new password (NIST SP 800-63B asks for 8, and for 15 where nothing else is asked).
pub const SHORTEST: usize = 12;

/// The most bytes of a password: a longer one costs work and adds nothing.
pub const LONGEST: usize = 512;

/// Memory in KiB, passes and lanes, as OWASP's cheat sheet on password storage gives them for Argon2id.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

/// Why a password cannot be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordError {
    /// Fewer than [`SHORTEST`] characters.
    TooShort,
    /// More than [`LONGEST`] bytes.
    TooLong,
    /// It holds the name that it belongs to.
    HoldsName,
    /// It could not be hashed.
    Hashing,
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PasswordError::TooShort => write!(
                f,
                "a password has at least {SHORTEST} characters; several words in a row are easy to remember"
            ),
            PasswordError::TooLong => write!(f, "a password has at most {LONGEST} bytes"),
            PasswordError::HoldsName => f.write_str("a password must not hold the name"),
            PasswordError::Hashing => f.write_str("the password could not be hashed"),
        }
    }
}

impl std::error::Error for PasswordError {}

fn hasher() -> Option<Argon2<'static>> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// A new password as it is kept (PHC form), with `salt` of 16 random bytes.
///
/// # Errors
/// [`PasswordError`].
pub fn hash_new(login: &str, password: &str, salt: u128) -> Result<String, PasswordError> {
    if password.chars().count() < SHORTEST {
        return Err(PasswordError::TooShort);
    }
    if password.len() > LONGEST {
        return Err(PasswordError::TooLong);
    }
    if password.to_lowercase().contains(&login.to_lowercase()) {
        return Err(PasswordError::HoldsName);
    }
    hashed(password, salt).ok_or(PasswordError::Hashing)
}

fn hashed(password: &str, salt: u128) -> Option<String> {
    let kept = hasher()?
        .hash_password_with_salt(password.as_bytes(), &salt.to_be_bytes())
        .ok()?;
    Some(kept.to_string())
}

/// What nobody's password is compared with, so that a name that nobody has takes as long as one that somebody has.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hashed("nobody has this password", 1));

/// One password is checked at a time: each takes 19 MiB, and nobody can fill the machine with wrong ones.
static TURN: Mutex<()> = Mutex::new(());

/// Whether `password` is the one that was kept; without a kept one it does the same work and says no.
#[must_use]
pub fn is_right(password: &str, kept: Option<&str>) -> bool {
    if password.len() > LONGEST {
        return false;
    }
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let against = kept.or(NOBODY.as_deref());
    let parsed = against.and_then(|text| PasswordHash::new(text).ok());
    let (Some(hasher), Some(parsed)) = (hasher(), parsed) else {
        return false;
    };
    let same = hasher.verify_password(password.as_bytes(), &parsed).is_ok();
    same && kept.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_is_right() {
        let kept = hash_new("anna", "correct horse battery", 7).unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(is_right("correct horse battery", Some(&kept)));
        assert!(!is_right("correct horse batterz", Some(&kept)));
        assert!(!is_right("nobody has this password", None));
        assert!(!is_right("anything at all", Some("not a hash")));
    }

    #[test]
    fn two_salts_give_two_hashes() {
        let hash = |salt| hash_new("anna", "correct horse battery", salt).unwrap();
        assert_ne!(hash(1), hash(2));
    }

    #[test]
    fn what_is_too_short_too_long_or_the_name_is_refused() {
        let refused = |password: &str| hash_new("Anna", password, 1).unwrap_err();
        assert_eq!(refused("short"), PasswordError::TooShort);
        assert_eq!(refused(&"long".repeat(200)), PasswordError::TooLong);
        assert_eq!(refused("my name is ANNA, hello"), PasswordError::HoldsName);
    }
}
