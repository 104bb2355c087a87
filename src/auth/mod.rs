//! Who asks, and what they may do: bearer tokens, their keys, SMART scopes, and the one permission table.
//!
//! Nothing here reads the clock: the present instant is an argument. Nothing here shows a token or a key in an error.

mod access;
mod assertion;
mod client_keys;
mod diary;
pub mod ehr;
mod issuer;
mod jwks;
mod key_source;
pub mod oidc;
pub mod password;
mod permission;
mod principal;
mod reach;
mod scope;
mod settings;
mod signed_call;
mod token;

pub use access::{ACCESS_SECONDS, AccessTokens};
pub use assertion::{ASSERTION_ALGORITHMS, AssertionError, Once, check_assertion, claimed_client};
pub use client_keys::{ClientKeys, KeySets, check_client_key_address, check_client_key_set};
pub use diary::DiaryKey;
pub use issuer::{IssueError, Issuer};
pub use jwks::RefusedKey;
pub use permission::{Action, Role, allows};
pub use principal::{Forbidden, Principal};
pub use reach::{Reach, ScopeFilter, Share};
pub use scope::{Context, Operation, Scope, Scopes, required};
pub use settings::{Algorithm, ConfigurationError, JwksLocation, Secret, Settings};
pub use signed_call::{
    Caller, CallerKeyReport, CallerKeys, CallerSettings, Callers, RefusedCall, SignedCall,
};
pub use token::{KeyReport, TokenError, Verifier};

#[cfg(test)]
mod tests;
