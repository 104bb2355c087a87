//! Determinations: what every profile says about every target, and what it said before.

use super::texts;
use crate::db::dialect::{self, insert_all, query};
use crate::db::page::one_more;
use crate::db::rows::{
    self, Determination, DeterminationHistoryRow, DeterminationRow, DeterminationVersion,
    Judgement, date_text,
};
use crate::db::schema::{determination_history, determinations, episodes, patients};
use crate::db::sql::Sql;
use crate::db::{Page, Result, Tx};
use crate::seam::Outside;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::upsert::excluded;
use std::collections::BTreeMap;
use uuid::Uuid;

/// One determination that came, went or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The episode.
    pub episode: Uuid,
    /// What was said before; `None` when nothing was.
    pub before: Option<Judgement>,
    /// What is said now; `None` when the target is no longer judged by the profile.
    pub after: Option<Judgement>,
}

/// The determinations of an episode, by target and profile.
///
/// # Errors
/// When the database fails.
pub fn for_episode(
    tx: &mut Tx<'_>,
    organization: &str,
    episode: Uuid,
) -> Result<Vec<Determination>> {
    let found = query!(tx, conn => determinations::table
        .filter(determinations::organization_id.eq(organization))
        .filter(determinations::episode_id.eq(episode.to_string()))
        .order((determinations::joint, determinations::side, determinations::profile))
        .select(DeterminationRow::as_select())
        .load::<DeterminationRow>(conn))?;
    found.into_iter().map(TryInto::try_into).collect()
}

/// The determinations of every episode of a patient, by episode, target and profile.
///
/// # Errors
/// When the database fails.
pub fn for_patient(
    tx: &mut Tx<'_>,
    organization: &str,
    patient: Uuid,
) -> Result<Vec<Determination>> {
    // In two steps and not joined: a planner without statistics, as after the first rows, would walk through all
    // determinations of the organization in their order instead of going by the patient's episodes.
    let own: Vec<String> = query!(tx, conn => episodes::table
        .filter(episodes::organization_id.eq(organization))
        .filter(episodes::patient_id.eq(patient.to_string()))
        .select(episodes::id)
        .load::<String>(conn))?;
    of_episodes(tx, organization, &own)
}

/// The determinations of these episodes, by episode, target and profile.
///
/// # Errors
/// When the database fails.
pub fn for_episodes(
    tx: &mut Tx<'_>,
    organization: &str,
    episodes: &[Uuid],
) -> Result<Vec<Determination>> {
    of_episodes(tx, organization, &texts(episodes))
}

fn of_episodes(
    tx: &mut Tx<'_>,
    organization: &str,
    episodes: &[String],
) -> Result<Vec<Determination>> {
    if episodes.is_empty() {
        return Ok(Vec::new());
    }
    let found = query!(tx, conn => determinations::table
        .filter(determinations::organization_id.eq(organization))
        .filter(determinations::episode_id.eq_any(episodes))
        .order((
            determinations::episode_id,
            determinations::joint,
            determinations::side,
            determinations::profile,
        ))
        .select(DeterminationRow::as_select())
        .load::<DeterminationRow>(conn))?;
    found.into_iter().map(TryInto::try_into).collect()
}

/// Makes `judged` (episode and judgement) all that is said about the patient's targets as of a day.
///
/// What did not change is not written: it keeps the day as of which it was first said, and holds until the day on which
/// it changes. What changed or went is kept as history. The changes are returned.
///
/// # Errors
/// [`ForeignKeyViolation`](crate::db::DbError::ForeignKeyViolation) when the patient has no such episode.
pub fn replace(
    tx: &mut Tx<'_>,
    organization: &str,
    outside: &dyn Outside,
    patient: Uuid,
    as_of: NaiveDate,
    judged: Vec<(Uuid, Judgement)>,
) -> Result<Vec<Change>> {
    let now = outside.now();
    let mut before: BTreeMap<_, _> = for_patient(tx, organization, patient)?
        .into_iter()
        .map(|one| (key(one.episode, &one.judgement), one))
        .collect();
    let (mut changes, mut written, mut replaced) = (Vec::new(), Vec::new(), Vec::new());
    for (episode, judgement) in judged {
        let old = before.remove(&key(episode, &judgement));
        if old.as_ref().is_some_and(|old| old.judgement == judgement) {
            continue;
        }
        let since = since(old.as_ref(), &judgement, as_of);
        written.push(Determination {
            patient,
            episode,
            judgement: judgement.clone(),
            evaluated_as_of: as_of,
            since,
            decided_at: now,
        });
        changes.push(Change {
            episode,
            before: old.as_ref().map(|old| old.judgement.clone()),
            after: Some(judgement),
        });
        replaced.extend(old);
    }
    for gone in before.into_values() {
        delete(tx, organization, &gone)?;
        changes.push(Change {
            episode: gone.episode,
            before: Some(gone.judgement.clone()),
            after: None,
        });
        replaced.push(gone);
    }
    keep_history(tx, organization, outside, &replaced, now)?;
    upsert(tx, organization, patient, &written)?;
    Ok(changes)
}

fn key(episode: Uuid, judgement: &Judgement) -> (Uuid, crate::domain::anatomy::Target, String) {
    (episode, judgement.target, judgement.profile.clone())
}

/// The day the next step began: where it is the same, as before; where it came of age meanwhile, the day it did.
fn since(old: Option<&Determination>, judgement: &Judgement, as_of: NaiveDate) -> NaiveDate {
    let Some(old) = old else { return as_of };
    if old.judgement.next_step == judgement.next_step {
        return old.since;
    }
    match old.judgement.changes_on {
        Some(due) if due <= as_of => due,
        Some(_) | None => as_of,
    }
}

fn delete(tx: &mut Tx<'_>, organization: &str, gone: &Determination) -> Result<()> {
    let judgement = &gone.judgement;
    query!(tx, conn => diesel::delete(
        determinations::table
            .filter(determinations::organization_id.eq(organization))
            .filter(determinations::episode_id.eq(gone.episode.to_string()))
            .filter(determinations::joint.eq(judgement.target.joint.code()))
            .filter(determinations::side.eq(judgement.target.side.code()))
            .filter(determinations::profile.eq(&judgement.profile)),
    )
    .execute(conn))?;
    Ok(())
}

fn keep_history(
    tx: &mut Tx<'_>,
    organization: &str,
    outside: &dyn Outside,
    replaced: &[Determination],
    now: DateTime<Utc>,
) -> Result<()> {
    let row =
        |one: &Determination| DeterminationHistoryRow::of(organization, outside.new_id(), one, now);
    let rows: Vec<DeterminationHistoryRow> = replaced.iter().map(row).collect();
    insert_all!(tx, determination_history, rows.as_slice());
    Ok(())
}

fn upsert(
    tx: &mut Tx<'_>,
    organization: &str,
    patient: Uuid,
    written: &[Determination],
) -> Result<()> {
    if written.is_empty() {
        return Ok(());
    }
    let sort_name = query!(tx, conn => patients::table
        .filter(patients::organization_id.eq(organization))
        .filter(patients::id.eq(patient.to_string()))
        .select(patients::sort_name)
        .first::<String>(conn))?;
    let rows: Vec<DeterminationRow> = written
        .iter()
        .map(|one| DeterminationRow::of(organization, one, &sort_name))
        .collect();
    insert_all!(tx, determinations, rows.as_slice(), |values| values
        .on_conflict((
            determinations::organization_id,
            determinations::episode_id,
            determinations::joint,
            determinations::side,
            determinations::profile,
        ))
        .do_update()
        .set((
            determinations::profile_version.eq(excluded(determinations::profile_version)),
            determinations::purpose.eq(excluded(determinations::purpose)),
            determinations::verdict.eq(excluded(determinations::verdict)),
            determinations::next_step.eq(excluded(determinations::next_step)),
            determinations::earliest.eq(excluded(determinations::earliest)),
            determinations::changes_on.eq(excluded(determinations::changes_on)),
            determinations::statuses.eq(excluded(determinations::statuses)),
            determinations::rediagnosed.eq(excluded(determinations::rediagnosed)),
            determinations::evaluated_as_of.eq(excluded(determinations::evaluated_as_of)),
            determinations::since.eq(excluded(determinations::since)),
            determinations::relief_tenths.eq(excluded(determinations::relief_tenths)),
            determinations::relief_order.eq(excluded(determinations::relief_order)),
            determinations::operator.eq(excluded(determinations::operator)),
            determinations::last_block_on.eq(excluded(determinations::last_block_on)),
            determinations::decided_at.eq(excluded(determinations::decided_at)),
        )));
    Ok(())
}

/// What was said about an episode before, in the order in which it was replaced.
///
/// # Errors
/// When the database fails.
pub fn history(
    tx: &mut Tx<'_>,
    organization: &str,
    episode: Uuid,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Page<DeterminationVersion>> {
    let found = query!(tx, conn => {
        let mut found = determination_history::table
            .filter(determination_history::organization_id.eq(organization))
            .filter(determination_history::episode_id.eq(episode.to_string()))
            .into_boxed::<Db>();
        if let Some(after) = after {
            found = found.filter(determination_history::id.gt(after.to_string()));
        }
        found
            .order(determination_history::id)
            .limit(one_more(limit))
            .select(DeterminationHistoryRow::as_select())
            .load::<DeterminationHistoryRow>(conn)
    })?;
    Page::of(found, limit).try_map(TryInto::try_into)
}

/// What was said about these episodes at an instant and has been replaced since, in the order in which it was.
///
/// # Errors
/// When the database fails.
pub fn replaced_since(
    tx: &mut Tx<'_>,
    organization: &str,
    episodes: &[Uuid],
    at: DateTime<Utc>,
) -> Result<Vec<DeterminationVersion>> {
    if episodes.is_empty() {
        return Ok(Vec::new());
    }
    let of = texts(episodes);
    let found = query!(tx, conn => determination_history::table
        .filter(determination_history::organization_id.eq(organization))
        .filter(determination_history::episode_id.eq_any(&of))
        .filter(determination_history::decided_at.le(rows::micros(at)))
        .filter(determination_history::replaced_at.gt(rows::micros(at)))
        .order((determination_history::episode_id, determination_history::id))
        .select(DeterminationHistoryRow::as_select())
        .load::<DeterminationHistoryRow>(conn))?;
    found.into_iter().map(TryInto::try_into).collect()
}

/// A patient with a determination that comes of age, in the order in which they do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// The day it does.
    pub changes_on: NaiveDate,
    /// The organization.
    pub organization: String,
    /// The patient.
    pub patient: Uuid,
}

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(sql_type = Text)]
    changes_on: String,
    #[diesel(sql_type = Text)]
    organization_id: String,
    #[diesel(sql_type = Text)]
    patient_id: String,
}

/// Patients with a determination that comes of age by `as_of`, those due longest first, from behind `after` on; each
/// once for each day on which one of theirs does.
///
/// # Errors
/// When the database fails.
pub fn due(tx: &mut Tx<'_>, as_of: NaiveDate, after: Option<&Due>, limit: u32) -> Result<Vec<Due>> {
    let mut sql = Sql::default();
    sql.push("SELECT DISTINCT changes_on, organization_id, patient_id FROM determinations WHERE changes_on <= ")
        .bind(date_text(as_of));
    if let Some(after) = after {
        sql.push(" AND (changes_on, organization_id, patient_id) > (")
            .bind(date_text(after.changes_on))
            .push(", ")
            .bind(after.organization.as_str())
            .push(", ")
            .bind(after.patient.to_string())
            .push(")");
    }
    sql.push(" ORDER BY changes_on, organization_id, patient_id LIMIT ")
        .bind(i64::from(limit));
    let found: Vec<DueRow> = dialect::load(tx, &sql)?;
    let due = |row: DueRow| {
        Ok(Due {
            changes_on: rows::date(&row.changes_on)?,
            organization: row.organization_id,
            patient: rows::id(&row.patient_id)?,
        })
    };
    found.into_iter().map(due).collect()
}
