//! The audit trail as a chain of hashes: each entry is sealed with the hash of the one before it, so that an entry that is
//! changed, removed, moved or slipped in is found when the chain is checked.
//!
//! Pure: no database and no clock. What the chain alone cannot show is that its end was cut off, or that somebody who can
//! write to the whole table computed it anew; for that, an earlier [`Head`] noted elsewhere is compared.

use sha2::{Digest, Sha256};
use std::fmt;

/// Marks what is hashed as one of ours, and the encoding's version.
const GENESIS_MARK: &[u8] = b"medial audit genesis 1";
const ENTRY_MARK: &[u8] = b"medial audit entry 1";

/// The first sequence number of an organization.
pub const FIRST_SEQUENCE: i64 = 1;

/// What somebody did, or was refused. Ids and codes are text as they are stored: an entry whose stored text was tampered
/// with must still be readable, to be found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// The organization.
    pub organization: String,
    /// When, in microseconds since 1970 UTC.
    pub at: i64,
    /// Who.
    pub principal: String,
    /// As what.
    pub role: String,
    /// What was done.
    pub action: String,
    /// The kind of record.
    pub resource_kind: String,
    /// The record, when it was one.
    pub resource_id: Option<String>,
    /// The patient it is about, when it is about one.
    pub patient_id: Option<String>,
    /// How it ended.
    pub outcome: String,
    /// What else should be known. Never the content of a record.
    pub detail: Option<String>,
}

impl Entry {
    /// The bytes that are sealed. Every field has its length before it, and an absent one differs from an empty one, so that
    /// no two entries have the same bytes.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        let Entry {
            id,
            organization,
            at,
            principal,
            role,
            action,
            resource_kind,
            resource_id,
            patient_id,
            outcome,
            detail,
        } = self;
        let mut bytes = Vec::with_capacity(512);
        put(&mut bytes, ENTRY_MARK);
        put(&mut bytes, id.as_bytes());
        put(&mut bytes, organization.as_bytes());
        bytes.extend_from_slice(&at.to_be_bytes());
        put(&mut bytes, principal.as_bytes());
        put(&mut bytes, role.as_bytes());
        put(&mut bytes, action.as_bytes());
        put(&mut bytes, resource_kind.as_bytes());
        put_optional(&mut bytes, resource_id.as_deref());
        put_optional(&mut bytes, patient_id.as_deref());
        put(&mut bytes, outcome.as_bytes());
        put_optional(&mut bytes, detail.as_deref());
        bytes
    }
}

fn put(bytes: &mut Vec<u8>, field: &[u8]) {
    let length = u64::try_from(field.len()).unwrap_or(u64::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(field);
}

fn put_optional(bytes: &mut Vec<u8>, field: Option<&str>) {
    match field {
        Some(text) => {
            bytes.push(1);
            put(bytes, text.as_bytes());
        }
        None => bytes.push(0),
    }
}

/// A SHA-256 hash, written as 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hash([u8; 32]);

impl Hash {
    /// What comes before an organization's first entry.
    #[must_use]
    pub fn genesis(organization: &str) -> Hash {
        let mut bytes = Vec::new();
        put(&mut bytes, GENESIS_MARK);
        put(&mut bytes, organization.as_bytes());
        Hash::of(&bytes)
    }

    /// Reads the written form back, and no other spelling of it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Hash> {
        if text.len() != 64 {
            return None;
        }
        let mut bytes = [0_u8; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let [high, low] = pair else { return None };
            *byte = (digit(*high)? << 4) | digit(*low)?;
        }
        Some(Hash(bytes))
    }

    fn of(bytes: &[u8]) -> Hash {
        Hash(Sha256::digest(bytes).into())
    }
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The hash that seals an entry in its place, after the one with the hash `previous`.
#[must_use]
pub fn seal(previous: &Hash, sequence: i64, entry: &Entry) -> Hash {
    let mut bytes = Vec::with_capacity(640);
    bytes.extend_from_slice(&previous.0);
    bytes.extend_from_slice(&sequence.to_be_bytes());
    bytes.extend_from_slice(&entry.canonical());
    Hash::of(&bytes)
}

/// A sealed entry as it is stored, hashes as their stored text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Its place in the organization's chain.
    pub sequence: i64,
    /// The hash of the entry before it.
    pub previous_hash: String,
    /// Its own hash.
    pub hash: String,
    /// The entry.
    pub entry: Entry,
}

/// The end of a chain: what the next entry is sealed with, and what can be noted to find a cut end later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The last sequence number; one less than [`FIRST_SEQUENCE`] when there is no entry.
    pub sequence: i64,
    /// The last hash.
    pub hash: Hash,
}

impl Head {
    /// The head of a chain without entries.
    #[must_use]
    pub fn genesis(organization: &str) -> Head {
        Head {
            sequence: FIRST_SEQUENCE - 1,
            hash: Hash::genesis(organization),
        }
    }

    /// Seals the next entry. The new head is the end of the chain with it.
    #[must_use]
    pub fn append(&self, entry: Entry) -> (Head, Sealed) {
        let sequence = self.sequence.saturating_add(1);
        let hash = seal(&self.hash, sequence, &entry);
        let sealed = Sealed {
            sequence,
            previous_hash: self.hash.to_string(),
            hash: hash.to_string(),
            entry,
        };
        (Head { sequence, hash }, sealed)
    }
}

/// What is wrong at the first place where a chain does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Another sequence number follows: something was removed, slipped in or moved.
    Sequence {
        /// The one that had to follow.
        expected: i64,
    },
    /// It does not continue from the entry before it.
    PreviousHash,
    /// Its content is not what was sealed.
    Content,
    /// It belongs to another organization.
    Organization,
    /// The chain ends before a head that was noted earlier.
    CutOff,
    /// It is not the entry that was there when a head was noted: the chain was computed anew.
    Rewritten,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Sequence { expected } => write!(
                f,
                "entry {expected} had to follow: something was removed, inserted or moved"
            ),
            Why::PreviousHash => f.write_str("it does not continue from the entry before it"),
            Why::Content => f.write_str("its content is not what was sealed"),
            Why::Organization => f.write_str("it belongs to another organization"),
            Why::CutOff => f.write_str("it is missing: the chain ends before it"),
            Why::Rewritten => f.write_str(
                "it is not the entry that was noted earlier: the chain was computed anew",
            ),
        }
    }
}

/// The first place where a chain does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken {
    /// The sequence number of the entry that was found there, or that is missing.
    pub sequence: i64,
    /// What is wrong.
    pub why: Why,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}: {}", self.sequence, self.why)
    }
}

impl std::error::Error for Broken {}

/// Checks a chain entry by entry, so that a long one can be read page by page.
#[derive(Debug, Clone)]
pub struct Chain {
    organization: String,
    head: Head,
    noted: Option<Head>,
    count: u64,
}

impl Chain {
    /// Starts at the beginning of an organization's chain.
    #[must_use]
    pub fn new(organization: &str) -> Chain {
        Chain {
            organization: organization.to_owned(),
            head: Head::genesis(organization),
            noted: None,
            count: 0,
        }
    }

    /// Expects the chain to contain a head that was noted earlier.
    #[must_use]
    pub fn containing(self, noted: Head) -> Chain {
        Chain {
            noted: Some(noted),
            ..self
        }
    }

    /// Checks the next entry.
    ///
    /// # Errors
    /// [`Broken`] when it does not belong here.
    pub fn push(&mut self, sealed: &Sealed) -> Result<(), Broken> {
        let broken = |why| {
            Err(Broken {
                sequence: sealed.sequence,
                why,
            })
        };
        let expected = self.head.sequence.saturating_add(1);
        if sealed.sequence != expected {
            return broken(Why::Sequence { expected });
        }
        if sealed.entry.organization != self.organization {
            return broken(Why::Organization);
        }
        if Hash::parse(&sealed.previous_hash) != Some(self.head.hash) {
            return broken(Why::PreviousHash);
        }
        let hash = seal(&self.head.hash, expected, &sealed.entry);
        if Hash::parse(&sealed.hash) != Some(hash) {
            return broken(Why::Content);
        }
        if self
            .noted
            .is_some_and(|noted| noted.sequence == expected && noted.hash != hash)
        {
            return broken(Why::Rewritten);
        }
        self.head = Head {
            sequence: expected,
            hash,
        };
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    /// The end of the chain so far.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// Ends the check: how many entries held.
    ///
    /// # Errors
    /// [`Broken`] when the chain ends before the head that was noted.
    pub fn finish(self) -> Result<u64, Broken> {
        match self.noted {
            Some(noted) if noted.sequence > self.head.sequence => Err(Broken {
                sequence: self.head.sequence.saturating_add(1),
                why: Why::CutOff,
            }),
            _ => Ok(self.count),
        }
    }
}

/// Checks a whole chain, in the order of its sequence numbers: how many entries held.
///
/// # Errors
/// The first place where it does not hold.
pub fn verify(
    organization: &str,
    entries: impl IntoIterator<Item = Sealed>,
) -> Result<u64, Broken> {
    let mut chain = Chain::new(organization);
    for sealed in entries {
        chain.push(&sealed)?;
    }
    chain.finish()
}

#[cfg(test)]
mod tests;
