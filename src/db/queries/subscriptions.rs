//! Systems that are told of what happens.

use super::get;
use crate::db::dialect::{insert_all, query};
use crate::db::page::one_more;
use crate::db::rows::{Subscription, SubscriptionKind, SubscriptionRow, TopicRow, micros};
use crate::db::schema::{subscription_topics, subscriptions};
use crate::db::{DbError, Page, Result, Tx};
use crate::domain::subscription::Topic;
use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use uuid::Uuid;

/// Adds a subscription, and the topics that it waits for.
///
/// # Errors
/// [`ForeignKeyViolation`](crate::db::DbError::ForeignKeyViolation) when the organization has no such patient.
pub fn insert(tx: &mut Tx<'_>, organization: &str, one: &Subscription) -> Result<()> {
    let row = SubscriptionRow::of(organization, one);
    query!(tx, conn => diesel::insert_into(subscriptions::table).values(&row).execute(conn))?;
    keep_topics(tx, organization, one)
}

/// The subscription with this id.
///
/// # Errors
/// [`NotFound`](crate::db::DbError::NotFound) when the organization has none such.
pub fn get(tx: &mut Tx<'_>, organization: &str, id: Uuid) -> Result<Subscription> {
    get!(tx, subscriptions, SubscriptionRow, organization, id)?.try_into()
}

/// A page of subscriptions of a kind, the newest first; `before` is the last id of the page before.
///
/// # Errors
/// When the database fails.
pub fn page(
    tx: &mut Tx<'_>,
    organization: &str,
    kind: SubscriptionKind,
    before: Option<Uuid>,
    limit: u32,
) -> Result<Page<Subscription>> {
    let found = query!(tx, conn => {
        let mut found = subscriptions::table
            .filter(subscriptions::organization_id.eq(organization))
            .filter(subscriptions::kind.eq(kind.code()))
            .into_boxed::<Db>();
        if let Some(before) = before {
            found = found.filter(subscriptions::id.lt(before.to_string()));
        }
        found
            .order(subscriptions::id.desc())
            .limit(one_more(limit))
            .select(SubscriptionRow::as_select())
            .load::<SubscriptionRow>(conn)
    })?;
    Page::of(found, limit).try_map(TryInto::try_into)
}

/// Every subscription of an organization, by id: there are few.
///
/// # Errors
/// When the database fails.
pub fn all(tx: &mut Tx<'_>, organization: &str) -> Result<Vec<Subscription>> {
    let found = query!(tx, conn => subscriptions::table
        .filter(subscriptions::organization_id.eq(organization))
        .order(subscriptions::id)
        .select(SubscriptionRow::as_select())
        .load::<SubscriptionRow>(conn))?;
    found.into_iter().map(TryInto::try_into).collect()
}

/// How many subscriptions of a kind an organization has.
///
/// # Errors
/// When the database fails.
pub fn count(tx: &mut Tx<'_>, organization: &str, kind: SubscriptionKind) -> Result<i64> {
    query!(tx, conn => subscriptions::table
        .filter(subscriptions::organization_id.eq(organization))
        .filter(subscriptions::kind.eq(kind.code()))
        .count()
        .get_result(conn))
}

/// Puts a subscription in the place of the one with its id, and the topics that it waits for.
///
/// # Errors
/// [`NotFound`](crate::db::DbError::NotFound) when the organization has none such.
pub fn replace(tx: &mut Tx<'_>, organization: &str, one: &Subscription) -> Result<()> {
    let row = SubscriptionRow::of(organization, one);
    let changed = query!(tx, conn => diesel::update(
        subscriptions::table
            .filter(subscriptions::organization_id.eq(organization))
            .filter(subscriptions::id.eq(one.id.to_string())),
    )
    .set(&row)
    .execute(conn))?;
    if changed == 0 {
        return Err(DbError::NotFound);
    }
    Ok(())
}

/// Keeps the topics that a subscription waits for: none where it is not told.
///
/// # Errors
/// When the database fails.
pub fn keep_topics(tx: &mut Tx<'_>, organization: &str, one: &Subscription) -> Result<()> {
    query!(tx, conn => diesel::delete(
        subscription_topics::table
            .filter(subscription_topics::organization_id.eq(organization))
            .filter(subscription_topics::subscription_id.eq(one.id.to_string())),
    )
    .execute(conn))?;
    if !one.listens() {
        return Ok(());
    }
    let topics = one.interest.topics.iter();
    let rows: Vec<TopicRow> = topics
        .map(|topic| TopicRow::of(organization, one.id, *topic))
        .collect();
    insert_all!(tx, subscription_topics, rows.as_slice());
    Ok(())
}

/// Forgets a subscription and everything that it was told.
///
/// # Errors
/// [`NotFound`](crate::db::DbError::NotFound) when the organization has none such.
pub fn delete(tx: &mut Tx<'_>, organization: &str, id: Uuid) -> Result<()> {
    let gone = query!(tx, conn => diesel::delete(
        subscriptions::table
            .filter(subscriptions::organization_id.eq(organization))
            .filter(subscriptions::id.eq(id.to_string())),
    )
    .execute(conn))?;
    if gone == 0 {
        return Err(DbError::NotFound);
    }
    Ok(())
}

/// Whether anybody in an organization waits for one of some topics. Asked with every record that is written.
///
/// # Errors
/// When the database fails.
pub fn wanted(tx: &mut Tx<'_>, organization: &str, topics: &[Topic]) -> Result<bool> {
    let codes: Vec<&str> = topics.iter().map(|topic| topic.code()).collect();
    let found = query!(tx, conn => subscription_topics::table
        .filter(subscription_topics::organization_id.eq(organization))
        .filter(subscription_topics::topic.eq_any(&codes))
        .select(subscription_topics::topic)
        .first::<String>(conn)
        .optional())?;
    Ok(found.is_some())
}

/// The organizations in which somebody waits for a topic.
///
/// # Errors
/// When the database fails.
pub fn organizations_that_want(tx: &mut Tx<'_>, topic: Topic) -> Result<Vec<String>> {
    query!(tx, conn => subscription_topics::table
        .filter(subscription_topics::topic.eq(topic.code()))
        .select(subscription_topics::organization_id)
        .distinct()
        .order(subscription_topics::organization_id)
        .load(conn))
}

/// The subscriptions of every organization with which there is something to do by an instant: those first at which
/// nothing failed lately, then the longest due. With `sound` only the former.
///
/// # Errors
/// When the database fails.
pub fn due(
    tx: &mut Tx<'_>,
    by: DateTime<Utc>,
    sound: bool,
    limit: u32,
) -> Result<Vec<(String, Uuid)>> {
    let found: Vec<(String, String)> = query!(tx, conn => {
        let mut found = subscriptions::table
            .filter(subscriptions::due_at.le(micros(by)))
            // In the words of the index: neither planner can tell from a parameter that the index holds the row.
            .filter(sql::<Bool>("due_at IS NOT NULL"))
            .into_boxed::<Db>();
        if sound {
            found = found.filter(subscriptions::failures.eq(0));
        }
        found
            .order((subscriptions::failures, subscriptions::due_at))
            .limit(i64::from(limit))
            .select((subscriptions::organization_id, subscriptions::id))
            .load(conn)
    })?;
    found
        .into_iter()
        .map(|(organization, id)| Ok((organization, crate::db::rows::id(&id)?)))
        .collect()
}

/// Says that something is due with a subscription that listens: now, or where attempts failed when it was due anyway.
///
/// # Errors
/// When the database fails.
pub fn note_events(
    tx: &mut Tx<'_>,
    organization: &str,
    id: Uuid,
    event_count: i64,
    due_at: Option<DateTime<Utc>>,
) -> Result<()> {
    query!(tx, conn => diesel::update(
        subscriptions::table
            .filter(subscriptions::organization_id.eq(organization))
            .filter(subscriptions::id.eq(id.to_string())),
    )
    .set((
        subscriptions::event_count.eq(event_count),
        subscriptions::due_at.eq(due_at.map(micros)),
    ))
    .execute(conn))?;
    Ok(())
}
