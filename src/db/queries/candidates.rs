//! The lists of candidates: determinations grouped by episode, in an order that one index gives.
//!
//! A group's place in the order is that of its first matching row, its leader: a matching row before which no other
//! matching row of the same episode comes. Leaders are read from an index on (organization, next step, sort key,
//! episode), one query for each next step asked for, merged here; then all matching rows of the page's episodes are
//! read.

use super::{patients, reviews};
use crate::db::dialect;
use crate::db::page::one_more;
use crate::db::rows::{self, Determination, DeterminationRow, Review, Stored, date_text};
use crate::db::sql::{Bind, Sql};
use crate::db::{DbError, Page, Result, Tx};
use crate::domain::anatomy::{Region, Side};
use crate::domain::patient::Patient;
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Integer, Text};
use std::collections::HashMap;
use uuid::Uuid;

/// Which determinations. `None` and an empty text do not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Codes of the next steps; an empty list matches nothing.
    pub next_steps: Vec<String>,
    /// By one of these profiles.
    pub profiles: Option<Vec<String>>,
    /// Code of the verdict.
    pub verdict: Option<String>,
    /// The target's region.
    pub region: Option<Region>,
    /// The target's side.
    pub side: Option<Side>,
    /// Who performed the newest counted block.
    pub operator: Option<String>,
    /// With a next step that began on this day or later.
    pub since: Option<NaiveDate>,
    /// With at least this relief, in tenths of a percent.
    pub relief_min_tenths: Option<i32>,
    /// The beginning of the patient's name (family name first), or a whole identifier; in any case of letters.
    pub q: Option<String>,
    /// As of this day leaves out episodes that were referred, declined, or deferred until a later day.
    pub unreviewed_as_of: Option<NaiveDate>,
}

/// The order of a list; within one key by episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Those who have waited longest first.
    Waiting,
    /// The best relief first, those without any last.
    Relief,
    /// By the patient's name.
    Patient,
}

/// A group's place in the order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A date or a name.
    Text(String),
    /// A relief.
    Number(i32),
}

impl Key {
    fn bind(&self) -> Bind {
        match self {
            Key::Text(text) => Bind::Text(text.clone()),
            Key::Number(number) => Bind::Int(*number),
        }
    }
}

/// Where a page begins: after this.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// The sort key.
    pub key: Key,
    /// The episode.
    pub episode: Uuid,
}

/// One episode of a list with the determinations that put it there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its place: what the next page's cursor is made of.
    pub place: Cursor,
    /// The patient.
    pub patient: Stored<Patient>,
    /// The determinations that match, in the order of the list.
    pub determinations: Vec<Determination>,
    /// The decision in force.
    pub review: Option<Review>,
}

impl Sort {
    const fn column(self) -> &'static str {
        match self {
            Sort::Waiting => "since",
            Sort::Relief => "relief_order",
            Sort::Patient => "sort_name",
        }
    }

    /// Whether `key` is one of this order.
    #[must_use]
    pub const fn takes(self, key: &Key) -> bool {
        matches!(
            (self, key),
            (Sort::Waiting | Sort::Patient, Key::Text(_)) | (Sort::Relief, Key::Number(_))
        )
    }
}

#[derive(QueryableByName)]
struct TextLeader {
    #[diesel(sql_type = Text)]
    sort_key: String,
    #[diesel(sql_type = Text)]
    episode_id: String,
}

#[derive(QueryableByName)]
struct NumberLeader {
    #[diesel(sql_type = Integer)]
    sort_key: i32,
    #[diesel(sql_type = Text)]
    episode_id: String,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    total: i64,
}

#[derive(QueryableByName)]
struct PatientIdRow {
    #[diesel(sql_type = Text)]
    patient_id: String,
}

/// A page of the list.
///
/// # Errors
/// When the database fails, or the cursor belongs to another order.
pub fn page(
    tx: &mut Tx<'_>,
    organization: &str,
    filter: &Filter,
    sort: Sort,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Page<Group>> {
    if after.is_some_and(|cursor| !sort.takes(&cursor.key)) {
        return Err(DbError::other("the cursor belongs to another order"));
    }
    let search = Search::of(tx, organization, filter)?;
    let mut leaders = Vec::new();
    for next_step in &filter.next_steps {
        let sql = leaders_sql(organization, filter, &search, sort, next_step, after, limit);
        leaders.extend(load_leaders(tx, sort, &sql)?);
    }
    leaders.sort_unstable();
    let page = Page::of(leaders, limit);
    let items = load_groups(tx, organization, filter, sort, page.items)?;
    Ok(Page {
        items,
        more: page.more,
    })
}

/// How many episodes [`page`] leads through.
///
/// # Errors
/// When the database fails.
pub fn count(tx: &mut Tx<'_>, organization: &str, filter: &Filter) -> Result<i64> {
    let search = Search::of(tx, organization, filter)?;
    let mut sql = Sql::default();
    sql.push("SELECT COUNT(DISTINCT d.episode_id) AS total FROM determinations d WHERE d.organization_id = ").bind(organization);
    sql.push(" AND d.next_step IN ")
        .bind_list(filter.next_steps.iter().map(String::as_str));
    row_conditions(&mut sql, "d.", filter);
    episode_conditions(&mut sql, filter, &search);
    let counted: Vec<Counted> = dialect::load(tx, &sql)?;
    Ok(counted.first().map_or(0, |row| row.total))
}

/// How many episodes [`page`] leads through, `most` if there are as many or more: it looks no further.
///
/// # Errors
/// When the database fails.
pub fn count_up_to(tx: &mut Tx<'_>, organization: &str, filter: &Filter, most: u32) -> Result<i64> {
    let search = Search::of(tx, organization, filter)?;
    let mut sql = Sql::default();
    // `|| ''` keeps the planner from walking all episodes in their order, which ends early only where many match.
    sql.push("SELECT COUNT(*) AS total FROM (SELECT DISTINCT (d.episode_id || '') AS episode FROM determinations d WHERE d.organization_id = ").bind(organization);
    sql.push(" AND d.next_step IN ")
        .bind_list(filter.next_steps.iter().map(String::as_str));
    row_conditions(&mut sql, "d.", filter);
    episode_conditions(&mut sql, filter, &search);
    sql.push(" LIMIT ")
        .bind(i64::from(most))
        .push(") AS counted");
    let counted: Vec<Counted> = dialect::load(tx, &sql)?;
    Ok(counted.first().map_or(0, |row| row.total))
}

/// What `q` comes to.
#[derive(Default)]
struct Search {
    prefix: Option<String>,
    /// The patients of whom it is an identifier.
    patients: Vec<String>,
}

impl Search {
    fn of(tx: &mut Tx<'_>, organization: &str, filter: &Filter) -> Result<Search> {
        let Some(q) = filter.q.as_deref().map(str::trim).filter(|q| !q.is_empty()) else {
            return Ok(Search::default());
        };
        let folded = q.to_lowercase();
        let mut sql = Sql::default();
        sql.push("SELECT patient_id FROM patient_identifiers WHERE organization_id = ")
            .bind(organization);
        sql.push(" AND value_folded = ")
            .bind(folded.as_str())
            .push(" LIMIT 50");
        let found: Vec<PatientIdRow> = dialect::load(tx, &sql)?;
        Ok(Search {
            prefix: Some(folded),
            patients: found.into_iter().map(|row| row.patient_id).collect(),
        })
    }
}

fn leaders_sql(
    organization: &str,
    filter: &Filter,
    search: &Search,
    sort: Sort,
    next_step: &str,
    after: Option<&Cursor>,
    limit: u32,
) -> Sql {
    let key = sort.column();
    let mut sql = Sql::default();
    sql.push("SELECT d.")
        .push(key)
        .push(" AS sort_key, d.episode_id AS episode_id FROM determinations d");
    sql.push(" WHERE d.organization_id = ").bind(organization);
    sql.push(" AND d.next_step = ").bind(next_step);
    if let Some(cursor) = after {
        sql.push(" AND d.")
            .push(key)
            .push(" >= ")
            .bind(cursor.key.bind());
        sql.push(" AND (d.")
            .push(key)
            .push(" > ")
            .bind(cursor.key.bind());
        sql.push(" OR d.episode_id > ")
            .bind(cursor.episode.to_string())
            .push(")");
    }
    row_conditions(&mut sql, "d.", filter);
    episode_conditions(&mut sql, filter, search);
    // `|| ''` keeps both planners from reading by next step what is a handful of rows of one episode.
    sql.push(" AND NOT EXISTS (SELECT 1 FROM determinations e WHERE e.organization_id = d.organization_id");
    sql.push(" AND e.episode_id = d.episode_id AND (e.next_step || '') IN ");
    sql.bind_list(filter.next_steps.iter().map(String::as_str));
    row_conditions(&mut sql, "e.", filter);
    sql.push(" AND (e.")
        .push(key)
        .push(", e.joint, e.side, e.profile) < (d.")
        .push(key)
        .push(", d.joint, d.side, d.profile))");
    sql.push(" ORDER BY d.")
        .push(key)
        .push(", d.episode_id LIMIT ")
        .bind(one_more(limit));
    sql
}

/// What a determination must be like.
fn row_conditions(sql: &mut Sql, of: &'static str, filter: &Filter) {
    if let Some(profiles) = &filter.profiles {
        sql.push(" AND ")
            .push(of)
            .push("profile IN ")
            .bind_list(profiles.iter().map(String::as_str));
    }
    if let Some(verdict) = &filter.verdict {
        sql.push(" AND ")
            .push(of)
            .push("verdict = ")
            .bind(verdict.as_str());
    }
    if let Some(region) = filter.region {
        sql.push(" AND ")
            .push(of)
            .push("region = ")
            .bind(region.code());
    }
    if let Some(side) = filter.side {
        sql.push(" AND ").push(of).push("side = ").bind(side.code());
    }
    if let Some(operator) = &filter.operator {
        sql.push(" AND ")
            .push(of)
            .push("operator = ")
            .bind(operator.as_str());
    }
    if let Some(since) = filter.since {
        // Not a range of the index by waiting: the order asked for may be another.
        sql.push(" AND (")
            .push(of)
            .push("since || '') >= ")
            .bind(date_text(since));
    }
    if let Some(least) = filter.relief_min_tenths {
        sql.push(" AND ")
            .push(of)
            .push("relief_tenths >= ")
            .bind(least);
    }
}

/// What an episode must be like; the same for each of its rows.
fn episode_conditions(sql: &mut Sql, filter: &Filter, search: &Search) {
    if let Some(prefix) = &search.prefix {
        sql.push(" AND ((d.sort_name >= ").bind(prefix.as_str());
        sql.push(" AND d.sort_name < ")
            .bind(format!("{prefix}{}", char::MAX))
            .push(")");
        if !search.patients.is_empty() {
            sql.push(" OR d.patient_id IN ")
                .bind_list(search.patients.iter().map(String::as_str));
        }
        sql.push(")");
    }
    let Some(as_of) = filter.unreviewed_as_of else {
        return;
    };
    sql.push(
        " AND NOT EXISTS (SELECT 1 FROM reviews r WHERE r.organization_id = d.organization_id",
    );
    sql.push(" AND r.episode_id = d.episode_id AND r.undone_at IS NULL");
    sql.push(" AND (r.decision <> 'deferred' OR r.deferred_until > ")
        .bind(date_text(as_of))
        .push(")");
    sql.push(
        " AND NOT EXISTS (SELECT 1 FROM reviews l WHERE l.organization_id = r.organization_id",
    );
    sql.push(" AND l.episode_id = r.episode_id AND l.undone_at IS NULL AND l.id > r.id))");
}

fn load_leaders(tx: &mut Tx<'_>, sort: Sort, sql: &Sql) -> Result<Vec<Cursor>> {
    match sort {
        Sort::Waiting | Sort::Patient => {
            let found: Vec<TextLeader> = dialect::load(tx, sql)?;
            let place = |row: TextLeader| {
                Ok(Cursor {
                    key: Key::Text(row.sort_key),
                    episode: rows::id(&row.episode_id)?,
                })
            };
            found.into_iter().map(place).collect()
        }
        Sort::Relief => {
            let found: Vec<NumberLeader> = dialect::load(tx, sql)?;
            let place = |row: NumberLeader| {
                Ok(Cursor {
                    key: Key::Number(row.sort_key),
                    episode: rows::id(&row.episode_id)?,
                })
            };
            found.into_iter().map(place).collect()
        }
    }
}

/// The groups of `places`, in their order.
fn load_groups(
    tx: &mut Tx<'_>,
    organization: &str,
    filter: &Filter,
    sort: Sort,
    places: Vec<Cursor>,
) -> Result<Vec<Group>> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let episodes: Vec<Uuid> = places.iter().map(|place| place.episode).collect();
    let mut by_episode: HashMap<Uuid, Vec<Determination>> = HashMap::new();
    for row in load_rows(tx, organization, filter, sort, &episodes)? {
        let determination = Determination::try_from(row)?;
        by_episode
            .entry(determination.episode)
            .or_default()
            .push(determination);
    }
    let patient_ids: Vec<Uuid> = by_episode
        .values()
        .flatten()
        .map(|one| one.patient)
        .collect();
    let patients = patients::by_ids(tx, organization, &patient_ids)?;
    let mut reviews = reviews::in_force(tx, organization, &episodes)?;
    let mut groups = Vec::with_capacity(places.len());
    for place in places {
        let determinations = by_episode.remove(&place.episode).unwrap_or_default();
        let patient = determinations
            .first()
            .and_then(|one| patients.get(&one.patient))
            .cloned();
        let patient = patient.ok_or_else(|| rows::corrupt("a determination of no patient"))?;
        let review = reviews.remove(&place.episode);
        groups.push(Group {
            place,
            patient,
            determinations,
            review,
        });
    }
    Ok(groups)
}

fn load_rows(
    tx: &mut Tx<'_>,
    organization: &str,
    filter: &Filter,
    sort: Sort,
    episodes: &[Uuid],
) -> Result<Vec<DeterminationRow>> {
    let mut sql = Sql::default();
    sql.push("SELECT d.* FROM determinations d WHERE d.organization_id = ")
        .bind(organization);
    sql.push(" AND d.episode_id IN ")
        .bind_list(episodes.iter().map(Uuid::to_string));
    sql.push(" AND (d.next_step || '') IN ")
        .bind_list(filter.next_steps.iter().map(String::as_str));
    row_conditions(&mut sql, "d.", filter);
    let mut found: Vec<DeterminationRow> = dialect::load(tx, &sql)?;
    found.sort_by(|a, b| {
        let keys = match sort {
            Sort::Waiting => a.since.cmp(&b.since),
            Sort::Relief => a.relief_order.cmp(&b.relief_order),
            Sort::Patient => a.sort_name.cmp(&b.sort_name),
        };
        keys.then_with(|| (&a.joint, &a.side, &a.profile).cmp(&(&b.joint, &b.side, &b.profile)))
    });
    Ok(found)
}
