//! What happened, until it is handed out, and what each subscription is to be told.

use crate::db::dialect::{self, insert_all, query};
use crate::db::page::one_more;
use crate::db::rows::{
    self, Delivery, DeliveryRow, DeliveryState, Event, EventRow, instant, micros,
};
use crate::db::schema::{deliveries, overdue_diaries, subscription_events};
use crate::db::sql::Sql;
use crate::db::{Page, Result, Tx};
use chrono::{DateTime, Utc};
use diesel::dsl::{min, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use uuid::Uuid;

/// A delivery that waits, in the words of the index: neither planner can tell from a parameter that the index holds it.
const WAITING: &str = "state = 'waiting'";

/// Writes down what happened.
///
/// # Errors
/// When the database fails.
pub fn add_events(tx: &mut Tx<'_>, organization: &str, events: &[Event]) -> Result<()> {
    let rows: Vec<EventRow> = events
        .iter()
        .map(|event| EventRow::of(organization, event))
        .collect();
    insert_all!(tx, subscription_events, rows.as_slice());
    Ok(())
}

/// What happened in every organization and was not handed out, the oldest first.
///
/// # Errors
/// When the database fails.
pub fn oldest_events(tx: &mut Tx<'_>, limit: u32) -> Result<Vec<Event>> {
    let found = query!(tx, conn => subscription_events::table
        .order(subscription_events::id)
        .limit(i64::from(limit))
        .select(EventRow::as_select())
        .load::<EventRow>(conn))?;
    found.into_iter().map(TryInto::try_into).collect()
}

/// Takes away what was handed out.
///
/// # Errors
/// When the database fails.
pub fn remove_events(tx: &mut Tx<'_>, organization: &str, ids: &[Uuid]) -> Result<usize> {
    let ids = super::texts(ids);
    query!(tx, conn => diesel::delete(
        subscription_events::table
            .filter(subscription_events::organization_id.eq(organization))
            .filter(subscription_events::id.eq_any(&ids)),
    )
    .execute(conn))
}

/// Adds deliveries.
///
/// # Errors
/// [`UniqueViolation`](crate::db::DbError::UniqueViolation) when a number is taken.
pub fn add(tx: &mut Tx<'_>, organization: &str, new: &[Delivery]) -> Result<()> {
    let rows: Vec<DeliveryRow> = new
        .iter()
        .map(|delivery| DeliveryRow::of(organization, delivery))
        .collect();
    insert_all!(tx, deliveries, rows.as_slice());
    Ok(())
}

/// Deliveries of a subscription that wait and are due by an instant, by number.
///
/// # Errors
/// When the database fails.
pub fn due(
    tx: &mut Tx<'_>,
    organization: &str,
    subscription: Uuid,
    by: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<Delivery>> {
    let found = query!(tx, conn => deliveries::table
        .filter(deliveries::organization_id.eq(organization))
        .filter(deliveries::subscription_id.eq(subscription.to_string()))
        .filter(sql::<Bool>(WAITING))
        // Added to, so that no planner goes by this and sorts a long queue for each that it takes.
        .filter(sql::<Bool>("next_attempt_at + 0 <= ").bind::<BigInt, _>(micros(by)))
        .order(deliveries::number)
        .limit(i64::from(limit))
        .select(DeliveryRow::as_select())
        .load::<DeliveryRow>(conn))?;
    found.into_iter().map(TryInto::try_into).collect()
}

/// When the next delivery of a subscription is due.
///
/// # Errors
/// When the database fails.
pub fn next_due(
    tx: &mut Tx<'_>,
    organization: &str,
    subscription: Uuid,
) -> Result<Option<DateTime<Utc>>> {
    let found: Option<i64> = query!(tx, conn => deliveries::table
        .filter(deliveries::organization_id.eq(organization))
        .filter(deliveries::subscription_id.eq(subscription.to_string()))
        .filter(sql::<Bool>(WAITING))
        .select(min(deliveries::next_attempt_at))
        .first(conn))?;
    found.map(instant).transpose()
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempted {
    /// What became of the delivery.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is tried next, if it is.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it was tried.
    pub at: DateTime<Utc>,
    /// What went wrong.
    pub failure: Option<String>,
}

/// Writes down what became of an attempt.
///
/// # Errors
/// When the database fails.
pub fn note_attempt(
    tx: &mut Tx<'_>,
    organization: &str,
    subscription: Uuid,
    number: i64,
    attempted: &Attempted,
) -> Result<()> {
    query!(tx, conn => diesel::update(
        deliveries::table
            .filter(deliveries::organization_id.eq(organization))
            .filter(deliveries::subscription_id.eq(subscription.to_string()))
            .filter(deliveries::number.eq(number)),
    )
    .set((
        deliveries::state.eq(attempted.state.code()),
        deliveries::attempts.eq(attempted.attempts),
        deliveries::next_attempt_at.eq(attempted.next_attempt_at.map(micros)),
        deliveries::attempted_at.eq(Some(micros(attempted.at))),
        deliveries::failure.eq(attempted.failure.as_deref()),
    ))
    .execute(conn))?;
    Ok(())
}

/// Gives up everything that a subscription still waits for; how much that was.
///
/// # Errors
/// When the database fails.
pub fn give_up(
    tx: &mut Tx<'_>,
    organization: &str,
    subscription: Uuid,
    failure: &str,
) -> Result<usize> {
    query!(tx, conn => diesel::update(
        deliveries::table
            .filter(deliveries::organization_id.eq(organization))
            .filter(deliveries::subscription_id.eq(subscription.to_string()))
            .filter(sql::<Bool>(WAITING)),
    )
    .set((
        deliveries::state.eq(DeliveryState::Dead.code()),
        deliveries::next_attempt_at.eq(None::<i64>),
        deliveries::failure.eq(Some(failure)),
    ))
    .execute(conn))
}

/// One delivery.
///
/// # Errors
/// [`NotFound`](crate::db::DbError::NotFound) when the subscription has none such.
pub fn get(
    tx: &mut Tx<'_>,
    organization: &str,
    subscription: Uuid,
    number: i64,
) -> Result<Delivery> {
    let found = query!(tx, conn => deliveries::table
        .filter(deliveries::organization_id.eq(organization))
        .filter(deliveries::subscription_id.eq(subscription.to_string()))
        .filter(deliveries::number.eq(number))
        .select(DeliveryRow::as_select())
        .first::<DeliveryRow>(conn))?;
    found.try_into()
}

/// A page of deliveries of a subscription, the newest first; `before` is the last number of the page before.
///
/// # Errors
/// When the database fails.
pub fn page(
    tx: &mut Tx<'_>,
    organization: &str,
    subscription: Uuid,
    state: Option<DeliveryState>,
    before: Option<i64>,
    limit: u32,
) -> Result<Page<Delivery>> {
    let found = query!(tx, conn => {
        let mut found = deliveries::table
            .filter(deliveries::organization_id.eq(organization))
            .filter(deliveries::subscription_id.eq(subscription.to_string()))
            .into_boxed::<Db>();
        found = match state {
            None => found,
            Some(DeliveryState::Waiting) => found.filter(sql::<Bool>(WAITING)),
            Some(DeliveryState::Dead) => found.filter(sql::<Bool>("state = 'dead'")),
            Some(DeliveryState::Delivered) => found.filter(sql::<Bool>("state = 'delivered'")),
        };
        if let Some(before) = before {
            found = found.filter(deliveries::number.lt(before));
        }
        found
            .order(deliveries::number.desc())
            .limit(one_more(limit))
            .select(DeliveryRow::as_select())
            .load::<DeliveryRow>(conn)
    })?;
    Page::of(found, limit).try_map(TryInto::try_into)
}

/// The deliveries of a subscription from one number to another, both included, by number.
///
/// # Errors
/// When the database fails.
pub fn between(
    tx: &mut Tx<'_>,
    organization: &str,
    subscription: Uuid,
    since: i64,
    until: i64,
    limit: u32,
) -> Result<Vec<Delivery>> {
    let found = query!(tx, conn => deliveries::table
        .filter(deliveries::organization_id.eq(organization))
        .filter(deliveries::subscription_id.eq(subscription.to_string()))
        .filter(deliveries::number.ge(since))
        .filter(deliveries::number.le(until))
        .order(deliveries::number)
        .limit(i64::from(limit))
        .select(DeliveryRow::as_select())
        .load::<DeliveryRow>(conn))?;
    found.into_iter().map(TryInto::try_into).collect()
}

/// Forgets what was numbered before an instant and does not wait any more; how much that was.
///
/// # Errors
/// When the database fails.
pub fn forget_older(tx: &mut Tx<'_>, before: DateTime<Utc>) -> Result<usize> {
    query!(tx, conn => diesel::delete(
        deliveries::table
            .filter(deliveries::created_at.lt(micros(before)))
            .filter(deliveries::state.ne(DeliveryState::Waiting.code())),
    )
    .execute(conn))
}

/// A block whose diary is overdue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverdueDiary {
    /// The block.
    pub block: Uuid,
    /// Its patient.
    pub patient: Uuid,
    /// Its episode.
    pub episode: Uuid,
}

#[derive(QueryableByName)]
struct OverdueRow {
    #[diesel(sql_type = Text)]
    block_id: String,
    #[diesel(sql_type = Text)]
    patient_id: String,
    #[diesel(sql_type = Text)]
    episode_id: String,
}

/// Blocks of an organization with a link that works at `now`, made before `by` as the injection was, since which nothing
/// was scored; those that were noted before are left out.
///
/// # Errors
/// When the database fails.
pub fn overdue_diaries(
    tx: &mut Tx<'_>,
    organization: &str,
    now: DateTime<Utc>,
    by: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<OverdueDiary>> {
    let mut sql = Sql::default();
    sql.push(
        "SELECT DISTINCT b.id AS block_id, b.patient_id, b.episode_id FROM diary_links l \
         JOIN blocks b ON b.organization_id = l.organization_id AND b.id = l.block_id WHERE l.organization_id = ",
    )
    .bind(organization)
    .push(" AND l.revoked_at IS NULL AND l.expires_at > ")
    .bind(micros(now))
    .push(" AND l.created_at <= ")
    .bind(micros(by))
    .push(" AND b.performed_at <= ")
    .bind(micros(by))
    .push(
        " AND b.withdrawn_at IS NULL \
         AND NOT EXISTS (SELECT 1 FROM overdue_diaries o WHERE o.organization_id = b.organization_id AND o.block_id = b.id) \
         AND NOT EXISTS (SELECT 1 FROM scores s WHERE s.organization_id = b.organization_id AND s.block_id = b.id \
         AND s.taken_at > b.performed_at AND s.withdrawn_at IS NULL) LIMIT ",
    )
    .bind(i64::from(limit));
    let found: Vec<OverdueRow> = dialect::load(tx, &sql)?;
    let overdue = |row: OverdueRow| {
        Ok(OverdueDiary {
            block: rows::id(&row.block_id)?,
            patient: rows::id(&row.patient_id)?,
            episode: rows::id(&row.episode_id)?,
        })
    };
    found.into_iter().map(overdue).collect()
}

/// Notes that a diary was told of as overdue; `false` where it was before.
///
/// # Errors
/// [`ForeignKeyViolation`](crate::db::DbError::ForeignKeyViolation) when the organization has no such block.
pub fn note_overdue(
    tx: &mut Tx<'_>,
    organization: &str,
    block: Uuid,
    at: DateTime<Utc>,
) -> Result<bool> {
    let values = (
        overdue_diaries::organization_id.eq(organization),
        overdue_diaries::block_id.eq(block.to_string()),
        overdue_diaries::noted_at.eq(micros(at)),
    );
    let added = query!(tx, conn => diesel::insert_into(overdue_diaries::table)
        .values(values)
        .on_conflict_do_nothing()
        .execute(conn))?;
    Ok(added == 1)
}
