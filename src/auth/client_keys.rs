//! The public keys of registered clients: a key set that was registered whole, or the address of one.

use super::assertion::ASSERTION_ALGORITHMS;
use super::jwks::{Found, KeySet};
use super::key_source::{KeySource, Limits, is_this_machine};
use super::settings::{Algorithm, JwksLocation, check_url};
use super::token::TokenError;
use chrono::{DateTime, Utc};
use jsonwebtoken::DecodingKey;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// So many addresses are kept at most; with one more, all are asked anew.
const MOST_ADDRESSES: usize = 1000;

/// The key sets that were fetched from addresses of clients. One for the whole service.
#[derive(Default)]
pub struct KeySets(Mutex<HashMap<String, Arc<KeySource>>>);

impl fmt::Debug for KeySets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySets")
    }
}

impl KeySets {
    /// The set at an address, fetched where it never was.
    fn at(&self, address: &str, now: DateTime<Utc>) -> Result<Arc<KeySource>, TokenError> {
        let known = |sets: &HashMap<String, Arc<KeySource>>| sets.get(address).cloned();
        if let Some(source) = known(&self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(source);
        }
        // Not under the lock: an address that does not answer must not hold up the others.
        let location = JwksLocation::Url(address.to_owned());
        let opened = KeySource::open(location, Limits::default(), now);
        let opened = Arc::new(opened.map_err(|_| TokenError::KeysUnavailable)?);
        let mut sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sets.len() >= MOST_ADDRESSES {
            sets.clear();
        }
        Ok(Arc::clone(sets.entry(address.to_owned()).or_insert(opened)))
    }
}

/// Where the keys of one client are.
pub enum ClientKeys<'s> {
    /// Here.
    Document(&'s str),
    /// At an address, and among the sets that were fetched.
    Address(&'s str, &'s KeySets),
}

impl fmt::Debug for ClientKeys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientKeys")
    }
}

impl ClientKeys<'_> {
    /// The registered address.
    pub(super) fn address(&self) -> Option<&str> {
        match self {
            ClientKeys::Document(_) => None,
            ClientKeys::Address(address, _) => Some(address),
        }
    }

    /// The key with this name; fetched again where it is not known and the last fetch is long enough ago.
    pub(super) fn find(
        &self,
        algorithm: Algorithm,
        id: &str,
        now: DateTime<Utc>,
    ) -> Result<DecodingKey, TokenError> {
        let (address, sets) = match self {
            ClientKeys::Document(document) => {
                let set =
                    KeySet::parse(document.as_bytes()).map_err(|_| TokenError::KeysUnavailable)?;
                return found(&set, algorithm, id);
            }
            ClientKeys::Address(address, sets) => (*address, *sets),
        };
        let source = sets.at(address, now)?;
        if source.is_old(now) {
            source.refresh(now);
        }
        let look = || {
            let set = source.keys().ok_or(TokenError::KeysUnavailable)?;
            found(&set, algorithm, id)
        };
        match look() {
            Err(TokenError::UnknownKey | TokenError::KeysUnavailable) => {
                source.refresh(now);
                look()
            }
            known => known,
        }
    }
}

fn found(set: &KeySet, algorithm: Algorithm, id: &str) -> Result<DecodingKey, TokenError> {
    match set.find(algorithm, Some(id)) {
        Found::Key(key) => Ok(key.decoding.clone()),
        Found::OtherAlgorithm => Err(TokenError::AlgorithmNotAccepted),
        Found::Ambiguous => Err(TokenError::KeyNotNamed),
        Found::Nothing => Err(TokenError::UnknownKey),
    }
}

/// What is wrong with a key set that is to be registered, if anything is: no assertion could be checked with it.
///
/// # Errors
/// In words.
pub fn check_client_key_set(document: &str) -> Result<(), String> {
    let set = KeySet::parse(document.as_bytes())?;
    let fits = |algorithm: &Algorithm| ASSERTION_ALGORITHMS.contains(algorithm);
    let usable = set
        .keys
        .iter()
        .any(|key| key.id.is_some() && key.algorithms.iter().any(fits));
    if usable {
        return Ok(());
    }
    Err(
        "it holds no key with a kid for RS384 (RSA of 2048 bits or more) or ES384 (P-384)"
            .to_owned(),
    )
}

/// What is wrong with the address of a key set that is to be registered, if anything is.
///
/// # Errors
/// In words.
pub fn check_client_key_address(address: &str) -> Result<(), String> {
    let uri = check_url(address).map_err(|error| error.to_string())?;
    if uri.scheme_str() == Some("https") || is_this_machine(uri.host().unwrap_or_default()) {
        return Ok(());
    }
    Err("keys are fetched over https only: over plain http whoever is between could put in a key of theirs".to_owned())
}
