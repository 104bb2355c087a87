//! What was done with the cards of CDS Hooks, counted.

use super::look;
use crate::app::{CardReason, FeedbackCount, cds};
use crate::auth::Action;
use crate::http::call::Call;
use crate::http::registry::{Endpoint, Parameter, ParameterKind};
use crate::http::reply::Reply;
use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

/// What was done with cards.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CardFeedbackCounts")]
struct CountsView {
    /// One for each service, outcome and reason that occurs.
    counts: Vec<CountView>,
}

/// How often something was done with the cards of a service for one reason.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CardFeedbackCount")]
struct CountView {
    /// The service.
    service: String,
    /// `accepted` or `overridden`.
    outcome: &'static str,
    /// Why; null where no reason was given.
    reason: Option<ReasonView>,
    /// How often.
    count: i64,
}

/// A reason as a code.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CardReason")]
struct ReasonView {
    /// The code's system.
    system: String,
    /// The code.
    code: String,
}

impl From<FeedbackCount> for CountView {
    fn from(counted: FeedbackCount) -> CountView {
        CountView {
            service: counted.service,
            outcome: counted.outcome.code(),
            reason: counted
                .reason
                .map(|CardReason { system, code }| ReasonView { system, code }),
            count: counted.count,
        }
    }
}

/// What there is about it.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let example = json!({"counts": [
        {"service": "medial-order-sign", "outcome": "overridden",
         "reason": {"system": "urn:medial:fhir:CodeSystem:card-override-reason", "code": "other-criteria"}, "count": 3},
    ]});
    vec![
        Endpoint::get(
            "/v1/analytics/cds-feedback",
            "count_card_feedback",
            Action::ReadFeedback,
            |state, call| {
                look(state, call, |unit| {
                    let zone = unit.app.settings.time_zone;
                    let (from, until) = days(call, zone);
                    let counts = cds::counts(unit, from, until)?;
                    let counts = counts.into_iter().map(CountView::from).collect();
                    Reply::json(&CountsView { counts })
                })
            },
        )
        .titled("analytics", "Count what was done with cards of CDS Hooks")
        .about("Accepted and overridden cards by service and reason, as the record systems told it. Nobody is named.")
        .query(
            Parameter::new("from", ParameterKind::Date, "Done on this day or later.")
                .like("2026-01-01"),
        )
        .query(
            Parameter::new("until", ParameterKind::Date, "Done on this day or earlier.")
                .like("2026-12-31"),
        )
        .answers::<CountsView>(200, "The counts.", Some(example)),
    ]
}

/// The instants between which the days lie.
fn days(call: &Call, zone: Tz) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
    let begin = |day: NaiveDate| {
        let midnight = day.and_time(NaiveTime::MIN);
        // Where a clock leaps over midnight, the day begins later.
        zone.from_local_datetime(&midnight)
            .earliest()
            .map_or_else(|| midnight.and_utc(), |begin| begin.with_timezone(&Utc))
    };
    let from = call.query_date("from").map(begin);
    let until = call.query_date("until").and_then(|day| day.succ_opt());
    (from, until.map(begin))
}
