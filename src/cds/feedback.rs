//! What was done with cards.

use super::reading::{Fields, Mistakes, invalid};
use super::services::Service;
use super::{Visitor, visitor};
use crate::app::cds::{self, Feedback};
use crate::app::{CardOutcome, CardReason, Error, Result};
use crate::http::{Call, Reply, State};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

/// Most entries of one call.
const MOST: usize = 500;
/// Longest comment, in characters.
const LONGEST_COMMENT: usize = 2000;
/// Longest system and code of a reason, in characters.
const LONGEST_CODE: usize = 255;

/// Takes it.
pub(super) fn take(state: &State, call: &Call) -> Result<Reply> {
    let service = Service::find(call.path("service")).ok_or(Error::NotFound { what: "service" })?;
    let principal = match visitor(state, call, service, true)? {
        Visitor::Known(_, principal) => principal,
        Visitor::Turned(reply) => return Ok(reply),
    };
    let feedback = read(call.json(), state.seam.now())?;
    let id = service.id;
    state.app.write(&principal, move |unit| {
        cds::keep_feedback(unit, id, &feedback).map(|_| ())
    })?;
    Reply::json(&json!({}))
}

fn read(body: &Value, now: DateTime<Utc>) -> Result<Vec<Feedback>> {
    let mut mistakes = Mistakes::new();
    let fields = Fields::of(body, "", &mut mistakes);
    fields.needed("feedback", &mut mistakes);
    let entries = fields.list("feedback", &mut mistakes).unwrap_or_default();
    if entries.len() > MOST {
        let detail = format!("Expected at most {MOST} entries.");
        invalid(&mut mistakes, "/feedback", "too_many", &detail);
    }
    let mut all = Vec::new();
    for (place, entry) in entries.iter().enumerate().take(MOST) {
        let entry = Fields::of(entry, format!("/feedback/{place}"), &mut mistakes);
        all.extend(read_entry(&entry, now, &mut mistakes));
    }
    if mistakes.is_empty() {
        Ok(all)
    } else {
        Err(Error::Invalid(mistakes))
    }
}

fn read_entry(entry: &Fields<'_>, now: DateTime<Utc>, mistakes: &mut Mistakes) -> Option<Feedback> {
    let card = entry.needed_id("card", mistakes);
    let outcome = entry.needed_text("outcome", mistakes);
    let outcome = outcome.and_then(|outcome| {
        let known = CardOutcome::from_code(outcome).ok();
        if known.is_none() {
            let detail = "Accepted are accepted, overridden.";
            invalid(mistakes, entry.at("outcome"), "unknown_value", detail);
        }
        known
    });
    let suggestions = read_suggestions(entry, mistakes);
    let (reason, comment) = read_reason(entry, mistakes);
    let acted_at = entry.needed_text("outcomeTimestamp", mistakes);
    let acted_at = acted_at.and_then(|text| read_instant(text, now, entry, mistakes));
    let outcome = outcome?;
    if outcome == CardOutcome::Accepted && suggestions.is_empty() {
        let at = entry.at("acceptedSuggestions");
        invalid(
            mistakes,
            at,
            "required",
            "Expected the suggestions that were accepted.",
        );
    }
    if outcome == CardOutcome::Accepted && (reason.is_some() || comment.is_some()) {
        let at = entry.at("overrideReason");
        invalid(
            mistakes,
            at,
            "not_here",
            "Only an overridden card has a reason for it.",
        );
    }
    if outcome == CardOutcome::Overridden && !suggestions.is_empty() {
        let at = entry.at("acceptedSuggestions");
        invalid(
            mistakes,
            at,
            "not_here",
            "Only an accepted card has accepted suggestions.",
        );
    }
    Some(Feedback {
        card: card?,
        outcome,
        suggestions,
        reason,
        comment,
        acted_at: acted_at?,
    })
}

fn read_suggestions(entry: &Fields<'_>, mistakes: &mut Mistakes) -> Vec<Uuid> {
    let listed = entry
        .list("acceptedSuggestions", mistakes)
        .unwrap_or_default();
    let mut ids = Vec::new();
    for (place, one) in listed.iter().enumerate() {
        let at = format!("{}/{place}", entry.at("acceptedSuggestions"));
        let one = Fields::of(one, at, mistakes);
        ids.extend(one.needed_id("id", mistakes));
    }
    ids
}

fn read_reason(
    entry: &Fields<'_>,
    mistakes: &mut Mistakes,
) -> (Option<CardReason>, Option<String>) {
    let Some(given) = entry.object("overrideReason", mistakes) else {
        return (None, None);
    };
    let comment = given.text("userComment", mistakes);
    let comment = bounded(comment, LONGEST_COMMENT, &given.at("userComment"), mistakes);
    let Some(reason) = given.object("reason", mistakes) else {
        return (None, comment);
    };
    let system = reason.needed_text("system", mistakes);
    let system = bounded(system, LONGEST_CODE, &reason.at("system"), mistakes);
    let code = reason.needed_text("code", mistakes);
    let code = bounded(code, LONGEST_CODE, &reason.at("code"), mistakes);
    let reason = system.zip(code);
    (
        reason.map(|(system, code)| CardReason { system, code }),
        comment,
    )
}

fn bounded(
    text: Option<&str>,
    longest: usize,
    at: &str,
    mistakes: &mut Mistakes,
) -> Option<String> {
    let text = text?;
    if text.chars().count() > longest || text.contains('\0') {
        let detail = format!("Expected a text of at most {longest} characters.");
        invalid(mistakes, at, "too_long", &detail);
        return None;
    }
    Some(text.to_owned())
}

fn read_instant(
    text: &str,
    now: DateTime<Utc>,
    entry: &Fields<'_>,
    mistakes: &mut Mistakes,
) -> Option<DateTime<Utc>> {
    let at = entry.at("outcomeTimestamp");
    let Ok(instant) = DateTime::parse_from_rfc3339(text) else {
        let detail = "Expected an instant as 2026-03-01T10:05:31Z.";
        invalid(mistakes, at, "invalid_instant", detail);
        return None;
    };
    let instant = instant.with_timezone(&Utc);
    // Clocks differ; a day of difference is a mistake.
    if instant > now + chrono::TimeDelta::days(1) {
        invalid(mistakes, at, "in_future", "This has not happened yet.");
        return None;
    }
    Some(instant)
}
