//! The systems that may ask for decision support: what can be said of their settings without asking them.

use super::Check;
use crate::app::App;
use crate::auth::{Caller, CallerKeyReport, Callers};
use chrono::{DateTime, Utc};
use std::sync::Arc;

const NAME: &str = "cds.client";

/// Their keys, addresses and names.
pub(super) fn settings(callers: &Callers, now: DateTime<Utc>) -> Vec<Check> {
    let mut checks = Vec::new();
    for (place, caller) in callers.iter().enumerate() {
        let is_same =
            |one: &&Caller| one.issuer == caller.issuer && one.tenant() == caller.tenant();
        if callers.iter().take(place).any(|one| is_same(&one)) {
            checks.push(Check::problem(
                NAME,
                format!(
                    "{} is registered before, and this time it is never taken",
                    named(caller)
                ),
                "Give each of them a tenant of its own, or take one out",
            ));
            continue;
        }
        checks.extend(keys(caller, now));
        checks.extend(addresses(caller));
    }
    checks
}

/// Whether anything is recorded of the organizations that they see.
pub(super) fn organizations(callers: &Callers, app: &Arc<App>) -> Vec<Check> {
    if callers.iter().next().is_none() {
        return Vec::new();
    }
    let known = match app.organizations() {
        Ok(known) => known,
        Err(error) => {
            let advice = "See the log of the database";
            return vec![Check::problem(NAME, error.to_string(), advice)];
        }
    };
    let unknown = callers
        .organizations()
        .into_iter()
        .filter(|name| !known.iter().any(|one| one == name));
    unknown
        .map(|name| {
            Check::warning(
                NAME,
                format!("nothing is recorded of the organization {name}"),
                "See whether organization is written as in the tokens of those who record; with a new organization that is as it should be",
            )
        })
        .collect()
}

fn keys(caller: &Caller, now: DateTime<Utc>) -> Vec<Check> {
    let name = named(caller);
    let CallerKeyReport { usable, unfit } = match caller.keys_here(now) {
        Ok(reported) => reported,
        // An address is asked when somebody calls.
        Err(address) => {
            return vec![Check::ok(
                NAME,
                format!("{name}, keys at {address}, which is asked with the first call"),
            )];
        }
    };
    let mut checks: Vec<Check> = unfit
        .into_iter()
        .map(|(key, why)| {
            let key = key.unwrap_or_else(|| "without a kid".to_owned());
            Check::warning(
                NAME,
                format!("{name}: the key {key} is not used: {why}"),
                "Nothing is to be done where calls are signed with another key",
            )
        })
        .collect();
    if usable.is_empty() {
        checks.push(Check::problem(
            NAME,
            format!("{name} has no key that a call can be signed with"),
            "Ask for a key set with a key for RS384 or ES384 that has a kid",
        ));
    }
    for (key, algorithm) in usable {
        checks.push(Check::ok(
            NAME,
            format!("{name}, key {key}, {}", algorithm.name()),
        ));
    }
    checks
}

/// What goes over plain HTTP.
fn addresses(caller: &Caller) -> Vec<Check> {
    let name = named(caller);
    let is_plain = |address: &&str| address.starts_with("http://");
    let mut checks = Vec::new();
    if caller.keys_address().filter(is_plain).is_some() {
        checks.push(Check::warning(
            NAME,
            format!("{name}: the key set is fetched over plain http, and whoever is between could put in a key of theirs"),
            "Give jwks_url with https, or the keys themselves with jwks_file or jwks",
        ));
    }
    for server in caller.fhir_servers().filter(is_plain) {
        checks.push(Check::warning(
            NAME,
            format!("{name}: patients are read from {server} over plain http, and whoever is between could read along"),
            "Give fhir_servers with https",
        ));
    }
    checks
}

/// Which one it is: one issuer may sign for several organizations.
fn named(caller: &Caller) -> String {
    let tenant = caller.tenant();
    let tenant = tenant.map_or_else(String::new, |tenant| format!(" (tenant {tenant})"));
    format!("{}{tenant} of {}", caller.issuer, caller.organization)
}
