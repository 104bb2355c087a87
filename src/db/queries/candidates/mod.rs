//! The lists of candidates: determinations grouped by episode, in an order that one index gives.
//!
//! A group's place in the order is that of its first matching row, its leader: a matching row before which no other
//! matching row of the same episode comes. Leaders are read from an index on (organization, next step, sort key,
//! episode), one query for each next step asked for, merged here; then all matching rows of the page's episodes are
//! read.
//!
//! Where only few match, that walk would be long. So what narrows a list is first counted in the index that finds it, up
//! to a bound; and where there are no more, all of them are read and put in order here.

mod conditions;

use super::{patients, reviews};
use crate::db::dialect;
use crate::db::page::one_more;
use crate::db::rows::{self, Determination, DeterminationRow, Review, Stored};
use crate::db::sql::{Bind, Sql};
use crate::db::{DbError, Page, Result, Tx};
use crate::domain::anatomy::{Region, Side};
use crate::domain::patient::Patient;
use chrono::NaiveDate;
use conditions::{Part, Way, of_reviews, of_row, on_way};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Integer, Text};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// So many determinations are read and put in order at most, rather than walked in an order. With more of them some are
/// soon met on any walk.
const FEW: u32 = 1000;

/// Rows are read for a count that ends early: at first so many for each episode that is counted at most, which is more than
/// an episode has in one list by one profile, and then so many times as many.
const ROWS_OF_AN_EPISODE: i64 = 3;
const TIMES_AS_MANY: i64 = 8;

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
struct CountedRows {
    #[diesel(sql_type = BigInt)]
    total: i64,
    #[diesel(sql_type = BigInt)]
    seen: i64,
}

#[derive(QueryableByName)]
struct EpisodeRow {
    #[diesel(sql_type = Text)]
    episode_id: String,
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
    let mut leaders = Vec::new();
    for part in parts(tx, organization, filter)? {
        let list = List {
            organization,
            filter,
            part: &part,
            sort,
        };
        match list.few(tx)? {
            Some(all) => leaders.extend(all.into_iter().filter(|one| after < Some(one))),
            None => leaders.extend(list.walked(tx, after, limit)?),
        }
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
    let mut total = 0_i64;
    for part in parts(tx, organization, filter)? {
        let mut sql = Sql::default();
        sql.push("SELECT COUNT(DISTINCT d.episode_id) AS total");
        from_matching(&mut sql, organization, filter, &part);
        of_reviews(&mut sql, filter);
        let counted: Vec<Counted> = dialect::load(tx, &sql)?;
        total = total.saturating_add(counted.first().map_or(0, |row| row.total));
    }
    Ok(total)
}

/// How many episodes [`page`] leads through, `most` if there are as many or more: it looks no further.
///
/// # Errors
/// When the database fails.
pub fn count_up_to(tx: &mut Tx<'_>, organization: &str, filter: &Filter, most: u32) -> Result<i64> {
    let most = i64::from(most);
    let mut total = 0_i64;
    for part in parts(tx, organization, filter)? {
        total = total.saturating_add(count_part(tx, organization, filter, &part, most)?);
    }
    Ok(total.min(most))
}

fn count_part(
    tx: &mut Tx<'_>,
    organization: &str,
    filter: &Filter,
    part: &Part,
    most: i64,
) -> Result<i64> {
    // Rows and not episodes are limited: PostgreSQL tells episodes apart only once it has all rows.
    let mut rows = most.saturating_mul(ROWS_OF_AN_EPISODE);
    loop {
        let mut sql = Sql::default();
        sql.push("SELECT COUNT(DISTINCT episode) AS total, COUNT(*) AS seen FROM (SELECT d.episode_id AS episode");
        from_matching(&mut sql, organization, filter, part);
        of_reviews(&mut sql, filter);
        sql.push(" LIMIT ").bind(rows).push(") AS counted");
        let counted: Vec<CountedRows> = dialect::load(tx, &sql)?;
        let (total, seen) = counted.first().map_or((0, 0), |row| (row.total, row.seen));
        if total >= most || seen < rows {
            return Ok(total);
        }
        rows = rows.saturating_mul(TIMES_AS_MANY);
    }
}

/// From where, and all conditions but those of reviews, by the way on which the fewest rows are read.
fn from_matching(sql: &mut Sql, organization: &str, filter: &Filter, part: &Part) {
    let way = part.shortest(filter).unwrap_or(Way::Waiting);
    sql.push(" FROM determinations d WHERE d.organization_id = ")
        .bind(organization);
    sql.push(if way == Way::Episode {
        // Not by the next step: the rows are found by their episodes.
        " AND (d.next_step || '') IN "
    } else {
        " AND d.next_step IN "
    });
    sql.bind_list(filter.next_steps.iter().map(String::as_str));
    on_way(sql, way, filter, part);
}

/// What `q` comes to: the patients whose name begins so, and those whose identifier it is.
fn parts(tx: &mut Tx<'_>, organization: &str, filter: &Filter) -> Result<Vec<Part>> {
    let Some(q) = filter.q.as_deref().map(str::trim).filter(|q| !q.is_empty()) else {
        return Ok(vec![Part::All]);
    };
    let folded = q.to_lowercase();
    let mut sql = Sql::default();
    sql.push("SELECT e.id AS episode_id FROM (SELECT patient_id FROM patient_identifiers WHERE organization_id = ")
        .bind(organization);
    sql.push(" AND value_folded = ")
        .bind(folded.as_str())
        .push(" LIMIT 50) AS identified");
    sql.push(" JOIN episodes e ON e.patient_id = identified.patient_id WHERE e.organization_id = ")
        .bind(organization);
    let found: Vec<EpisodeRow> = dialect::load(tx, &sql)?;
    let mut parts = Vec::new();
    if !found.is_empty() {
        let episodes = found.into_iter().map(|row| row.episode_id).collect();
        parts.push(Part::Of(episodes, folded.clone()));
    }
    parts.push(Part::Named(folded));
    Ok(parts)
}

/// A list in an order, or a part of it.
struct List<'l> {
    organization: &'l str,
    filter: &'l Filter,
    part: &'l Part,
    sort: Sort,
}

impl List<'_> {
    /// The leaders of all groups in any order, where they are few.
    fn few(&self, tx: &mut Tx<'_>) -> Result<Option<Vec<Cursor>>> {
        match self.part.shortest(self.filter) {
            None => return Ok(None),
            // The walk in this order is narrowed itself.
            Some(way) if way == Way::of(self.sort) => return Ok(None),
            Some(Way::Episode) => {}
            Some(_) => {
                let mut sql = Sql::default();
                sql.push("SELECT COUNT(*) AS total FROM (SELECT 1 AS one");
                from_matching(&mut sql, self.organization, self.filter, self.part);
                sql.push(" LIMIT ").bind(one_more(FEW)).push(") AS probed");
                let counted: Vec<Counted> = dialect::load(tx, &sql)?;
                if counted.first().is_none_or(|row| row.total > i64::from(FEW)) {
                    return Ok(None);
                }
            }
        }
        let mut sql = Sql::default();
        // By the key: as a column of its own it would be looked up for each entry, whether that matches or not.
        sql.push("SELECT (SELECT k.").push(self.sort.column());
        sql.push(" FROM determinations k WHERE k.organization_id = d.organization_id AND k.episode_id = d.episode_id");
        sql.push(" AND k.joint = d.joint AND k.side = d.side AND k.profile = d.profile) AS sort_key, d.episode_id AS episode_id");
        from_matching(&mut sql, self.organization, self.filter, self.part);
        of_reviews(&mut sql, self.filter);
        let mut places = load_leaders(tx, self.sort, &sql)?;
        places.sort_unstable();
        let mut seen = HashSet::new();
        places.retain(|place| seen.insert(place.episode));
        Ok(Some(places))
    }

    /// The leaders of a page's groups, in the order of each next step, as they are met on a walk in this order.
    fn walked(&self, tx: &mut Tx<'_>, after: Option<&Cursor>, limit: u32) -> Result<Vec<Cursor>> {
        let mut leaders = Vec::new();
        for next_step in &self.filter.next_steps {
            let sql = self.walk(next_step, after, limit);
            leaders.extend(load_leaders(tx, self.sort, &sql)?);
        }
        Ok(leaders)
    }

    fn walk(&self, next_step: &str, after: Option<&Cursor>, limit: u32) -> Sql {
        let key = self.sort.column();
        let mut sql = Sql::default();
        sql.push("SELECT d.")
            .push(key)
            .push(" AS sort_key, d.episode_id AS episode_id FROM determinations d");
        sql.push(" WHERE d.organization_id = ")
            .bind(self.organization);
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
        on_way(&mut sql, Way::of(self.sort), self.filter, self.part);
        of_reviews(&mut sql, self.filter);
        // `|| ''` keeps both planners from reading by next step what is a handful of rows of one episode.
        sql.push(" AND NOT EXISTS (SELECT 1 FROM determinations e WHERE e.organization_id = d.organization_id");
        sql.push(" AND e.episode_id = d.episode_id AND (e.next_step || '') IN ");
        sql.bind_list(self.filter.next_steps.iter().map(String::as_str));
        of_row(&mut sql, "e.", self.filter);
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
    of_row(&mut sql, "d.", filter);
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
