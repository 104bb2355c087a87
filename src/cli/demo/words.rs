//! What the demonstration prints once it listens: an address, tokens, and lines to paste.

use super::load::ORGANIZATION;
use crate::auth::{IssueError, Issuer, Role};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// For so long the printed tokens are good.
const TOKENS_FOR: TimeDelta = TimeDelta::days(7);

/// The roles that a token is printed for. A patient's is made by a diary's link, which is for one block.
const ROLES: [Role; 5] = [
    Role::EhrSystem,
    Role::Clinician,
    Role::Analyst,
    Role::Auditor,
    Role::Admin,
];

/// The text to print.
///
/// # Errors
/// When a token cannot be signed.
pub(super) fn words(
    issuer: &Issuer,
    address: SocketAddr,
    now: DateTime<Utc>,
    today: NaiveDate,
) -> Result<String, IssueError> {
    let url = format!("http://{address}");
    let token = |role: Role| issuer.issue(role, ORGANIZATION, role.code(), None, TOKENS_FOR, now);
    let mut tokens = String::new();
    for role in ROLES {
        tokens.push_str(&format!("\n  {}\n  {}\n", role.code(), token(role)?));
    }
    let (ehr, analyst) = (token(Role::EhrSystem)?, token(Role::Analyst)?);
    Ok(format!(
        "
Medial listens at {url}
Open it in a browser: the page to sign in has a button for each role. The cohort is synthetic. Ctrl-C ends it.
Browse its API at {url}/docs (no token needed).

Tokens of the organization `{ORGANIZATION}`, good for {days} days:
{tokens}
Record a block with its patient, episode and scores:

curl --silent --show-error --fail-with-body '{url}/v1/blocks' \\
  --header 'Authorization: Bearer {ehr}' \\
  --header 'Content-Type: application/json' \\
  --header 'Idempotency-Key: demo-{today}' \\
  --data '{block}'

List the candidates, longest waiting first:

curl --silent --show-error --fail-with-body '{url}/v1/candidates?sort=-waiting_days&limit=5' \\
  --header 'Authorization: Bearer {ehr}'

Export the determinations as CSV, without what identifies a patient:

curl --silent --show-error --fail-with-body '{url}/v1/exports/stream/determinations.csv' \\
  --header 'Authorization: Bearer {analyst}' --output determinations.csv

",
        days = TOKENS_FOR.num_days(),
        block = block(today),
    ))
}

/// A positive first block of a week ago.
fn block(today: NaiveDate) -> Value {
    let day = |ago: u64| today.checked_sub_days(Days::new(ago)).unwrap_or(today);
    let performed = day(7);
    let score = |time: &str, value: u8| json!({"taken_at": format!("{performed}T{time}:00-05:00"), "scale": "nrs", "value": value, "context": "movement"});
    json!({
        "patient": {
            "identifiers": [{"system": "urn:example:mrn", "value": "PASTED-1"}],
            "family_name": "Synthetic-Pasted", "given_name": "Demo", "birth_date": "1961-04-02", "sex": "female",
        },
        "episode": {
            "region": "lumbar", "onset_date": day(400), "axial": true, "radiculopathy": "none", "other_causes_excluded": true, "fused_joints": [],
            "conservative_care": [{"kind": "physical_therapy", "start": day(300), "end": day(200), "outcome": "failed"}],
            "disability": [{"instrument": "odi", "score": 42, "maximum": 100, "taken_on": day(10)}],
        },
        "performed_at": format!("{performed}T09:00:00-05:00"),
        "kind": "diagnostic", "technique": "medial_branch", "joints": ["L4-5", "L5-S1"], "side": "right",
        "agent": "lidocaine", "concentration_percent": 2, "volume_ml_per_nerve": 0.5,
        "steroid": false, "guidance": "fluoroscopy", "sedation": "none",
        "scores": [score("08:30", 10), score("09:30", 2), score("11:00", 2), score("13:00", 8)],
    })
}
