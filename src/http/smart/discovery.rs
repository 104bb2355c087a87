//! `.well-known/smart-configuration`.

use super::super::call::Call;
use super::super::reply::Reply;
use super::super::state::State;
use super::token_address;
use crate::app::Result;
use crate::auth::{ASSERTION_ALGORITHMS, Action, Role, allows, required};
use serde_json::json;
use std::collections::BTreeMap;

/// What of SMART is supported: Backend Services, and no authorization of people, who sign in to the pages.
pub(super) fn show(state: &State, _: &Call) -> Result<Reply> {
    let algorithms = ASSERTION_ALGORITHMS.map(|algorithm| algorithm.name());
    Reply::json(&json!({
        "token_endpoint": token_address(state),
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "scopes_supported": scopes(),
        // Required by SMART; nothing here takes a code, and `plain` is refused everywhere.
        "code_challenge_methods_supported": ["S256"],
        "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
    }))
}

/// The widest scope of each type that a connected system can use.
fn scopes() -> Vec<String> {
    let mut letters: BTreeMap<&str, Vec<char>> = BTreeMap::new();
    let usable = Action::ALL
        .iter()
        .filter(|action| allows(Role::EhrSystem, **action));
    for action in usable {
        let (resource, operation) = required(*action);
        let known = letters.entry(resource).or_default();
        if !known.contains(&operation.letter()) {
            known.push(operation.letter());
        }
    }
    letters
        .into_iter()
        .map(|(resource, mut letters)| {
            if resource == "*" {
                return "system/*.cruds".to_owned();
            }
            // A type that can be read can be searched.
            if letters.contains(&'r') && !letters.contains(&'s') {
                letters.push('s');
            }
            letters.sort_unstable_by_key(|letter| "cruds".find(*letter));
            format!("system/{resource}.{}", String::from_iter(letters))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Scope;

    #[test]
    fn every_scope_that_is_named_is_understood() {
        let scopes = scopes();
        assert!(scopes.contains(&"system/*.cruds".to_owned()));
        assert!(
            scopes.contains(&"system/Patient.crus".to_owned()),
            "{scopes:?}"
        );
        for scope in &scopes {
            assert!(Scope::parse(scope).is_some(), "{scope}");
        }
    }
}
