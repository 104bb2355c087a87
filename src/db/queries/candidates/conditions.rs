//! What a filter demands, said so that the index that is walked answers most of it.
//!
//! In SQLite an index leads to a row only by a second search, and that search is made for each entry as soon as the query
//! names a column that is not in the index. So every condition is put to the index as far as it can be, and the rest to a
//! subquery by the key, which is asked last.

use super::{Filter, Sort};
use crate::db::rows::date_text;
use crate::db::sql::Sql;
use crate::domain::anatomy::{Joint, Region, Side};

/// The way to determinations that a query takes, and for which its conditions are said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// `determinations_by_waiting`.
    Waiting,
    /// `determinations_by_relief`.
    Relief,
    /// `determinations_by_name`.
    Name,
    /// `determinations_by_region`.
    Region,
    /// The key, by the episode: all columns are there.
    Episode,
}

impl Way {
    /// The one that gives an order.
    pub(super) const fn of(sort: Sort) -> Way {
        match sort {
            Sort::Waiting => Way::Waiting,
            Sort::Relief => Way::Relief,
            Sort::Patient => Way::Name,
        }
    }
}

/// Of which episodes something is wanted. Two parts of one search have none in common.
#[derive(Debug)]
pub(super) enum Part {
    /// Of all.
    All,
    /// Of patients whose name begins so.
    Named(String),
    /// Of these, but not of patients whose name begins so.
    Of(Vec<String>, String),
}

impl Part {
    /// By which way the fewest rows are read, where there is a better one than that of the order asked for.
    pub(super) fn shortest(&self, filter: &Filter) -> Option<Way> {
        let is_in_region_index = filter.region.is_some()
            || filter.side.is_some()
            || filter.relief_min_tenths.is_some()
            || filter.verdict.is_some()
            || filter.operator.is_some();
        match self {
            Part::Of(..) => Some(Way::Episode),
            Part::Named(_) => Some(Way::Name),
            Part::All if is_in_region_index => Some(Way::Region),
            Part::All if filter.since.is_some() => Some(Way::Waiting),
            Part::All => None,
        }
    }
}

/// What a determination `d` must be like that is met on `way`, its episode's reviews apart.
pub(super) fn on_way(sql: &mut Sql, way: Way, filter: &Filter, part: &Part) {
    if way == Way::Episode {
        of_row(sql, "d.", filter);
        of_part(sql, "d.", part);
        return;
    }
    of_target(sql, way, filter);
    let rest = of_index(sql, way, filter);
    let is_named = matches!(part, Part::Named(_));
    if way == Way::Name && is_named {
        of_part(sql, "d.", part);
    }
    let is_named_elsewhere = is_named && way != Way::Name;
    if rest == Filter::default() && !is_named_elsewhere {
        return;
    }
    sql.push(" AND (SELECT COUNT(*) FROM determinations f WHERE f.organization_id = d.organization_id AND f.episode_id = d.episode_id");
    sql.push(" AND f.joint = d.joint AND f.side = d.side AND f.profile = d.profile");
    of_row(sql, "f.", &rest);
    if is_named_elsewhere {
        of_part(sql, "f.", part);
    }
    sql.push(") = 1");
}

/// Target and profile, which are in every index.
fn of_target(sql: &mut Sql, way: Way, filter: &Filter) {
    if way == Way::Region {
        // All values where none is named, so that what comes behind them in the index narrows too.
        let regions = filter.region.map_or(Region::ALL.to_vec(), |one| vec![one]);
        let sides = filter.side.map_or(Side::ALL.to_vec(), |one| vec![one]);
        sql.push(" AND d.region IN ")
            .bind_list(regions.into_iter().map(Region::code));
        sql.push(" AND d.side IN ")
            .bind_list(sides.into_iter().map(Side::code));
    } else {
        if let Some(region) = filter.region {
            let joints = Joint::all().filter(|joint| joint.region() == region);
            sql.push(" AND d.joint IN ")
                .bind_list(joints.map(|joint| joint.code().to_owned()));
        }
        if let Some(side) = filter.side {
            sql.push(" AND d.side = ").bind(side.code());
        }
    }
    if let Some(profiles) = &filter.profiles {
        sql.push(" AND d.profile IN ")
            .bind_list(profiles.iter().map(String::as_str));
    }
}

/// What else the index of `way` can answer; and the filter with all that it cannot.
fn of_index(sql: &mut Sql, way: Way, filter: &Filter) -> Filter {
    let mut rest = Filter {
        verdict: filter.verdict.clone(),
        operator: filter.operator.clone(),
        since: filter.since,
        relief_min_tenths: filter.relief_min_tenths,
        ..Filter::default()
    };
    if matches!(way, Way::Region | Way::Relief)
        && let Some(least) = rest.relief_min_tenths.take()
    {
        // Those without any relief are at the very end.
        let most = least.saturating_neg().min(i32::MAX.saturating_sub(1));
        sql.push(" AND d.relief_order <= ").bind(most);
    }
    if way == Way::Waiting
        && let Some(since) = rest.since.take()
    {
        sql.push(" AND d.since >= ").bind(date_text(since));
    }
    if way == Way::Region {
        if let Some(verdict) = rest.verdict.take() {
            sql.push(" AND d.verdict = ").bind(verdict);
        }
        if let Some(operator) = rest.operator.take() {
            sql.push(" AND d.operator = ").bind(operator);
        }
    }
    rest
}

/// What a determination must be like, where its row is read anyway.
pub(super) fn of_row(sql: &mut Sql, of: &'static str, filter: &Filter) {
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
        // Not a range of the index by waiting: the row is found by its episode.
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

fn of_part(sql: &mut Sql, of: &'static str, part: &Part) {
    let begins = |sql: &mut Sql, prefix: &str| {
        sql.push(of).push("sort_name >= ").bind(prefix);
        sql.push(" AND ").push(of).push("sort_name < ");
        sql.bind(format!("{prefix}{}", char::MAX));
    };
    match part {
        Part::All => {}
        Part::Named(prefix) => {
            sql.push(" AND ");
            begins(sql, prefix);
        }
        Part::Of(episodes, prefix) => {
            sql.push(" AND ").push(of).push("episode_id IN ");
            sql.bind_list(episodes.iter().map(String::as_str));
            sql.push(" AND NOT (");
            begins(sql, prefix);
            sql.push(")");
        }
    }
}

/// What the reviews of a determination's episode must be like.
pub(super) fn of_reviews(sql: &mut Sql, filter: &Filter) {
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
