//! Opaque cursors that nobody but the service can make, and that work only where they were given out.

use crate::app::error::Error;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

/// Bytes of the seal at the front of a cursor.
const SEAL: usize = 32;

/// The key that seals cursors. All machines of one service must have the same.
#[derive(Clone)]
pub struct CursorKey(Hmac<Sha256>);

impl std::fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CursorKey")
    }
}

impl CursorKey {
    /// A key from a secret of any length.
    #[must_use]
    pub fn new(secret: &[u8]) -> CursorKey {
        // The code takes keys of every length, so the other branch is never taken; a zero key would still seal, but not secretly.
        CursorKey(
            Hmac::<Sha256>::new_from_slice(secret)
                .unwrap_or_else(|_| Hmac::<Sha256>::new(&Default::default())),
        )
    }

    fn over(&self, context: &[&str], payload: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(b"medial cursor 1");
        for part in context {
            // Lengths first, so that no two lists of parts look the same.
            mac.update(&part.len().to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.update(payload);
        mac
    }

    /// Seals a position within a context: the operation, the organization and the filters.
    ///
    /// # Errors
    /// When the position does not serialize.
    pub fn seal(
        &self,
        context: &[&str],
        position: &impl Serialize,
    ) -> Result<String, serde_json::Error> {
        let payload = serde_json::to_vec(position)?;
        let mut bytes = self
            .over(context, &payload)
            .finalize()
            .into_bytes()
            .to_vec();
        bytes.extend_from_slice(&payload);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The position in a cursor; none when it was not sealed by us for this context.
    #[must_use]
    pub fn open<T: DeserializeOwned>(&self, context: &[&str], cursor: &str) -> Option<T> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (seal, payload) = bytes.split_at_checked(SEAL)?;
        self.over(context, payload).verify_slice(seal).ok()?;
        serde_json::from_slice(payload).ok()
    }
}

/// Seals positions in lists of one organization.
#[derive(Debug, Clone)]
pub struct Cursors {
    key: CursorKey,
    organization: String,
}

impl Cursors {
    pub(super) fn new(key: CursorKey, organization: &str) -> Cursors {
        Cursors {
            key,
            organization: organization.to_owned(),
        }
    }

    /// Seals a position in a list.
    ///
    /// # Errors
    /// An internal one when the position does not serialize.
    pub fn seal(&self, list: &[&str], position: &impl Serialize) -> Result<String, Error> {
        let sealed = self.key.seal(&self.of(list), position);
        sealed.map_err(|error| Error::Internal(error.into()))
    }

    /// The position in a cursor; none when it was not sealed by us for this list.
    #[must_use]
    pub fn open<T: DeserializeOwned>(&self, list: &[&str], cursor: &str) -> Option<T> {
        self.key.open(&self.of(list), cursor)
    }

    fn of<'a>(&'a self, list: &[&'a str]) -> Vec<&'a str> {
        let own = std::iter::once(self.organization.as_str());
        own.chain(list.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_what_it_sealed_there_and_nowhere_else() {
        let key = CursorKey::new(b"secret");
        let position = (7, "a".to_owned());
        let cursor = key
            .seal(&["list", "north", "side=left"], &position)
            .unwrap();
        assert_eq!(
            key.open(&["list", "north", "side=left"], &cursor),
            Some(position)
        );
        let open = |key: &CursorKey, context: &[&str], cursor: &str| {
            key.open::<(i32, String)>(context, cursor)
        };
        assert_eq!(open(&key, &["list", "south", "side=left"], &cursor), None);
        assert_eq!(open(&key, &["list", "northside", "=left"], &cursor), None);
        assert_eq!(
            open(
                &CursorKey::new(b"other"),
                &["list", "north", "side=left"],
                &cursor
            ),
            None
        );
    }

    #[test]
    fn every_changed_letter_is_noticed() {
        let key = CursorKey::new(b"secret");
        let cursor = key.seal(&["list"], &42).unwrap();
        for index in 0..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(key.open::<i32>(&["list"], &changed), None, "{changed}");
        }
        for nonsense in ["", "A", "☃", "....", &cursor[1..]] {
            assert_eq!(key.open::<i32>(&["list"], nonsense), None);
        }
    }
}
