//! What the rules about ablations saw.

use super::words::{count, days};
use super::{Evidence, Seen};
use crate::domain::pain::Tenths;
use crate::domain::qualification::evaluate::{Case, Purpose};
use crate::domain::qualification::history::{RecordedFollowUp, SessionKind};
use crate::domain::qualification::rules::{holds, repeat_run};
use chrono::NaiveDate;

pub(super) fn ablation_cap(case: &Case<'_>) -> Seen {
    let held = case.sessions_in_year(SessionKind::Ablation, case.day);
    let observed = format!(
        "{} in the 12 months up to {}",
        count(held, "ablation session"),
        case.day
    );
    Seen::new(observed, "", ablation_evidence(case))
}

pub(super) fn ablation_gap(case: &Case<'_>) -> Seen {
    let observed = case.ablated_on().map_or_else(
        || "no ablation".to_owned(),
        |performed_on| {
            format!(
                "{} from {performed_on} to {}",
                days((case.day - performed_on).num_days()),
                case.day
            )
        },
    );
    Seen::new(observed, "", ablation_evidence(case))
}

pub(super) fn pain_returned(case: &Case<'_>) -> Seen {
    let mut evidence = ablation_evidence(case);
    let latest = case.latest_follow_up_relief();
    evidence.extend(latest.map(|(id, _)| Evidence::FollowUp(id)));
    let dated = latest.and_then(|(id, relief)| {
        let follow_up = case
            .target
            .follow_ups
            .iter()
            .find(|recorded| recorded.id == id)?;
        Some(format!(
            "{} % relief on {}",
            Tenths(relief.floor_tenths()),
            follow_up.follow_up.taken_on
        ))
    });
    let observed = dated.unwrap_or_else(|| "no follow-up that tells relief".to_owned());
    Seen::new(
        observed,
        "a follow-up with a score or a stated relief",
        evidence,
    )
}

pub(super) fn repeat_relief(case: &Case<'_>) -> Seen {
    let threshold = case.criteria.returned_below();
    let mut evidence = ablation_evidence(case);
    let told =
        |recorded: &&&RecordedFollowUp| holds(case, &recorded.follow_up, threshold).is_some();
    evidence.extend(
        case.target
            .follow_ups
            .iter()
            .filter(told)
            .map(|recorded| Evidence::FollowUp(recorded.id)),
    );
    let after = |day: NaiveDate| {
        case.ablated_on()
            .map_or(0, |performed_on| (day - performed_on).num_days())
    };
    let observed = match repeat_run(case, threshold) {
        (Some(last), Some(below)) => {
            format!(
                "in relief to {} after it, no longer at {}",
                days(after(last)),
                days(after(below))
            )
        }
        (Some(last), None) => format!("in relief to {} after it so far", days(after(last))),
        (None, Some(below)) => format!(
            "not in relief at the first follow-up, {} after it",
            days(after(below))
        ),
        (None, None) => "no follow-up that tells relief".to_owned(),
    };
    Seen::new(
        observed,
        "a follow-up that tells how long relief lasted",
        evidence,
    )
}

pub(super) fn ablation_evidence(case: &Case<'_>) -> Vec<Evidence> {
    let of_target = case.purpose == Purpose::Repeat;
    case.target
        .ablation
        .filter(|_| of_target)
        .map(|recorded| Evidence::Ablation(recorded.id))
        .into_iter()
        .collect()
}
