//! The tokens of diary links: the id of a link, signed. Whoever holds one may keep that diary and nothing else.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use uuid::Uuid;

/// Bytes of an id.
const ID: usize = 16;
/// Bytes of the signature: half of the hash, which nobody guesses, and keeps the address short enough for a QR code
/// that a phone reads at once.
const SIGNATURE: usize = 16;
/// Letters of a token.
const LETTERS: usize = 43;

/// The key that signs the links of diaries. All machines of one service must have the same.
#[derive(Clone)]
pub struct DiaryKey(Hmac<Sha256>);

impl fmt::Debug for DiaryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DiaryKey")
    }
}

impl DiaryKey {
    /// A key from a secret of any length.
    #[must_use]
    pub fn new(secret: &[u8]) -> DiaryKey {
        // The code takes keys of every length, so the other branch is never taken.
        DiaryKey(
            Hmac::<Sha256>::new_from_slice(secret)
                .unwrap_or_else(|_| Hmac::<Sha256>::new(&Default::default())),
        )
    }

    fn over(&self, link: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(b"medial diary link 1");
        mac.update(link);
        mac
    }

    /// The token of a link.
    #[must_use]
    pub fn token(&self, link: Uuid) -> String {
        let signature = self.over(link.as_bytes()).finalize().into_bytes();
        let signature = signature.into_iter().take(SIGNATURE);
        let bytes: Vec<u8> = link.as_bytes().iter().copied().chain(signature).collect();
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The link that a token names; `None` where this key did not sign it. Takes the same time for every text of the
    /// right length.
    #[must_use]
    pub fn open(&self, token: &str) -> Option<Uuid> {
        if token.len() != LETTERS {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (link, signature) = bytes.split_first_chunk::<ID>()?;
        if signature.len() != SIGNATURE {
            return None;
        }
        self.over(link).verify_truncated_left(signature).ok()?;
        Some(Uuid::from_bytes(*link))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: Uuid = Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057);

    #[test]
    fn a_token_opens_with_its_key_only() {
        let key = DiaryKey::new(b"secret");
        let token = key.token(LINK);
        assert_eq!(token.len(), LETTERS);
        assert_eq!(key.open(&token), Some(LINK));
        assert_eq!(DiaryKey::new(b"other").open(&token), None);
        assert_eq!(format!("{key:?}"), "DiaryKey");
    }

    #[test]
    fn every_changed_letter_is_noticed() {
        let key = DiaryKey::new(b"secret");
        let token = key.token(LINK);
        for index in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(key.open(&changed), None, "{changed}");
        }
        for nonsense in ["", "A", "☃", "....", &token[1..], &format!("{token}=")] {
            assert_eq!(key.open(nonsense), None);
        }
    }
}
