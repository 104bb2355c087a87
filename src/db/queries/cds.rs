//! Calls of CDS Hooks clients, the cards that answered them, and the feedback about those.

use super::texts;
use crate::db::dialect::{insert_all, query};
use crate::db::rows::{
    Card, CardFeedback, CardOutcome, CardRow, FeedbackCount, FeedbackCountRow, FeedbackRow, micros,
};
use crate::db::schema::{cds_calls, cds_cards, cds_feedback};
use crate::db::{Result, Tx};
use chrono::{DateTime, Utc};
use diesel::dsl::count_star;
use diesel::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Remembers the token of a call until `forget_at`; `false` when it came before.
///
/// # Errors
/// When the database fails.
pub fn note_call(
    tx: &mut Tx<'_>,
    organization: &str,
    issuer: &str,
    token_id: &str,
    forget_at: DateTime<Utc>,
) -> Result<bool> {
    let values = (
        cds_calls::organization_id.eq(organization),
        cds_calls::issuer.eq(issuer),
        cds_calls::token_id.eq(token_id),
        cds_calls::forget_at.eq(micros(forget_at)),
    );
    let added = query!(tx, conn => diesel::insert_into(cds_calls::table)
        .values(values)
        .on_conflict_do_nothing()
        .execute(conn))?;
    Ok(added == 1)
}

/// Keeps cards, so that feedback about them can be taken.
///
/// # Errors
/// [`ForeignKeyViolation`](crate::db::DbError::ForeignKeyViolation) when the organization has no such patient.
pub fn insert_cards(tx: &mut Tx<'_>, organization: &str, cards: &[Card]) -> Result<()> {
    let rows: Vec<CardRow> = cards
        .iter()
        .map(|card| CardRow::of(organization, card))
        .collect();
    insert_all!(tx, cds_cards, rows.as_slice());
    Ok(())
}

/// Those of the cards that the organization has, by their ids.
///
/// # Errors
/// When the database fails.
pub fn cards(tx: &mut Tx<'_>, organization: &str, ids: &[Uuid]) -> Result<BTreeMap<Uuid, Card>> {
    let wanted = texts(ids);
    let found = query!(tx, conn => cds_cards::table
        .filter(cds_cards::organization_id.eq(organization))
        .filter(cds_cards::id.eq_any(&wanted))
        .select(CardRow::as_select())
        .load::<CardRow>(conn))?;
    found
        .into_iter()
        .map(|row| Card::try_from(row).map(|card| (card.id, card)))
        .collect()
}

/// Keeps what was done with a card; `false` when the same was told before.
///
/// # Errors
/// [`ForeignKeyViolation`](crate::db::DbError::ForeignKeyViolation) when the organization has no such patient.
pub fn insert_feedback(
    tx: &mut Tx<'_>,
    organization: &str,
    feedback: &CardFeedback,
) -> Result<bool> {
    let row = FeedbackRow::of(organization, feedback);
    let added = query!(tx, conn => diesel::insert_into(cds_feedback::table)
        .values(&row)
        .on_conflict_do_nothing()
        .execute(conn))?;
    Ok(added == 1)
}

/// The decisions about a patient that were put aside, and not taken up again since.
///
/// # Errors
/// When the database fails.
pub fn settled(tx: &mut Tx<'_>, organization: &str, patient: Uuid) -> Result<BTreeSet<String>> {
    let told: Vec<(String, String)> = query!(tx, conn => cds_feedback::table
        .filter(cds_feedback::organization_id.eq(organization))
        .filter(cds_feedback::patient_id.eq(patient.to_string()))
        .order((cds_feedback::acted_at, cds_feedback::id))
        .select((cds_feedback::decision, cds_feedback::outcome))
        .load(conn))?;
    let mut settled = BTreeSet::new();
    for (decision, outcome) in told {
        if outcome == CardOutcome::Overridden.code() {
            settled.insert(decision);
        } else {
            settled.remove(&decision);
        }
    }
    Ok(settled)
}

/// How often what was done with the cards of each service, and why, of what was done from `from` up to and not at `until`.
///
/// # Errors
/// When the database fails.
pub fn count_feedback(
    tx: &mut Tx<'_>,
    organization: &str,
    from: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
) -> Result<Vec<FeedbackCount>> {
    let by = (
        cds_feedback::service,
        cds_feedback::outcome,
        cds_feedback::reason_system,
        cds_feedback::reason_code,
    );
    let from = from.map_or(i64::MIN, micros);
    let until = until.map_or(i64::MAX, micros);
    let mut counts = query!(tx, conn => cds_feedback::table
        .filter(cds_feedback::organization_id.eq(organization))
        .filter(cds_feedback::acted_at.ge(from))
        .filter(cds_feedback::acted_at.lt(until))
        .group_by(by)
        .select((
            cds_feedback::service,
            cds_feedback::outcome,
            cds_feedback::reason_system,
            cds_feedback::reason_code,
            count_star(),
        ))
        .load::<FeedbackCountRow>(conn))?
    .into_iter()
    .map(FeedbackCount::try_from)
    .collect::<Result<Vec<_>>>()?;
    // Here and not in the query: the two databases put nothing at different ends.
    counts.sort_by(|a, b| {
        (&a.service, a.outcome, &a.reason).cmp(&(&b.service, b.outcome, &b.reason))
    });
    Ok(counts)
}

/// Forgets, in every organization, calls whose token is too old by `now`, and cards answered before `before`; how many.
///
/// # Errors
/// When the database fails.
pub fn forget(tx: &mut Tx<'_>, now: DateTime<Utc>, before: DateTime<Utc>) -> Result<usize> {
    let calls = query!(tx, conn => diesel::delete(
        cds_calls::table.filter(cds_calls::forget_at.le(micros(now))),
    )
    .execute(conn))?;
    let cards = query!(tx, conn => diesel::delete(
        cds_cards::table.filter(cds_cards::answered_at.lt(micros(before))),
    )
    .execute(conn))?;
    Ok(calls.saturating_add(cards))
}
