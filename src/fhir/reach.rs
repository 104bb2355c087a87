//! What a token reaches by its scopes: each resource that is given out is held against it. A scope speaks of resource types,
//! where the use cases ask for permissions; so the role alone is asked there, and the scopes here.

use super::resource::{Resource, ResourceType, reading};
use crate::app::{Error, Principal, Result, Unit};
use crate::auth::{Action, Operation, Reach, ScopeFilter, Share};
use serde_json::Value;

/// What the principal reaches of a type by an operation.
///
/// # Errors
/// [`Error::Forbidden`] where that is nothing.
pub fn of(unit: &Unit<'_, '_>, kind: ResourceType, operation: Operation) -> Result<Reach> {
    let reach = unit.principal.reach(kind.code(), operation);
    if reach == Reach::Nothing {
        return Err(Error::Forbidden {
            action: reading(kind),
        });
    }
    Ok(reach)
}

/// What the principal may write of a type, as it is named where it is sent.
///
/// # Errors
/// [`Error::Forbidden`] where that is nothing.
pub(super) fn to_write(
    unit: &Unit<'_, '_>,
    name: &str,
    operation: Operation,
    action: Action,
) -> Result<Reach> {
    match unit.principal.reach(name, operation) {
        Reach::Nothing => Err(Error::Forbidden { action }),
        reach => Ok(reach),
    }
}

/// Refuses to write what lies beyond a reach.
///
/// # Errors
/// [`Error::Forbidden`].
pub(super) fn check(reach: &Reach, resource: &Resource, action: Action) -> Result<()> {
    if holds(reach, resource) {
        Ok(())
    } else {
        Err(Error::Forbidden { action })
    }
}

/// Does `work` by the role of the principal alone, once its scopes were looked at with [`of`]; what comes of it has to be
/// held against the reach.
pub(super) fn by_role<T>(
    unit: &mut Unit<'_, '_>,
    work: impl FnOnce(&mut Unit<'_, '_>) -> Result<T>,
) -> Result<T> {
    let principal = Principal {
        scopes: None,
        ..unit.principal.clone()
    };
    work(&mut Unit {
        tx: &mut *unit.tx,
        app: unit.app,
        principal: &principal,
        now: unit.now,
    })
}

/// Whether a resource lies within a reach.
#[must_use]
pub fn holds(reach: &Reach, resource: &Resource) -> bool {
    match reach {
        Reach::Nothing => false,
        Reach::All => true,
        Reach::Within(shares) => shares.iter().any(|share| lies_in(share, resource)),
    }
}

fn lies_in(share: &Share, resource: &Resource) -> bool {
    // What is about nobody, such as a code system, is as good for one patient as for all; the trail is not.
    let of_whom = match share.patient {
        None => true,
        Some(patient) => match resource.patient {
            Some(own) => own == patient,
            None => resource.kind != ResourceType::AuditEvent,
        },
    };
    of_whom && passes(&share.filter, resource)
}

fn passes(filter: &ScopeFilter, resource: &Resource) -> bool {
    let categories = resource.body.get("category");
    filter
        .parameters()
        .all(|(_, wanted)| wanted.split(',').any(|one| is_coded(categories, one)))
}

/// Whether one of the categories has a code, written as a search has it: `system|code`, `|code` for one without a system,
/// or `code`.
fn is_coded(categories: Option<&Value>, wanted: &str) -> bool {
    let (system, code) = match wanted.split_once('|') {
        Some((system, code)) => (Some(system), code),
        None => (None, wanted),
    };
    let concepts = categories.and_then(Value::as_array).into_iter().flatten();
    let codings = concepts.filter_map(|concept| concept.get("coding")?.as_array());
    codings.flatten().any(|coding| {
        let text = |field: &str| {
            coding
                .get(field)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        text("code") == code && system.is_none_or(|system| text("system") == system)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_category_is_found_with_its_system_and_without() {
        let categories = json!([{"coding": [{"system": "urn:s", "code": "survey"}]}]);
        for fits in ["survey", "urn:s|survey"] {
            assert!(is_coded(Some(&categories), fits), "{fits}");
        }
        for other in ["exam", "urn:t|survey", "urn:s|exam", "|survey", ""] {
            assert!(!is_coded(Some(&categories), other), "{other}");
        }
        assert!(!is_coded(None, "survey"));
    }
}
