//! The rule matrix of one target: profiles across, rules down.

use super::{Explained, sign};
use crate::domain::anatomy::Target;
use crate::domain::qualification::{Profile, Rule, RuleExplanation, Status, Verdict};
use uuid::Uuid;

/// The matrix.
pub(super) struct Matrix {
    /// The target.
    pub(super) target: String,
    /// Across.
    pub(super) columns: Vec<Column>,
    /// Down: the rules that a verdict depends on, then the advisory ones.
    pub(super) groups: Vec<Group>,
}

/// One profile.
pub(super) struct Column {
    /// Its id.
    pub(super) id: String,
    /// Its title.
    pub(super) title: String,
    /// What it says.
    pub(super) verdict: Verdict,
    /// Its sign.
    pub(super) sign: &'static str,
    /// Whether it is the one that was chosen.
    pub(super) chosen: bool,
}

/// Rules of one weight.
pub(super) struct Group {
    /// What they are.
    pub(super) label: &'static str,
    /// The rules.
    pub(super) lines: Vec<Line>,
}

/// One rule.
pub(super) struct Line {
    /// Its name.
    pub(super) label: &'static str,
    /// What each profile found; `None` where it does not ask.
    pub(super) cells: Vec<Option<CellView>>,
}

/// One rule by one profile.
pub(super) struct CellView {
    /// Unique in the page.
    pub(super) id: String,
    /// The status.
    pub(super) status: Status,
    /// Its sign.
    pub(super) sign: &'static str,
    /// The sentence.
    pub(super) detail: String,
    /// How many records it came from.
    pub(super) records: usize,
    /// Whether its profile is the chosen one.
    pub(super) chosen: bool,
}

impl Matrix {
    /// The matrix of `target`, the `chosen` profile first.
    pub(super) fn of(
        episode: Uuid,
        target: Target,
        chosen: &Profile,
        all: &[Explained<'_>],
    ) -> Matrix {
        let mut own: Vec<&Explained<'_>> =
            all.iter().filter(|(one, _)| one.target == target).collect();
        own.sort_by_key(|(one, _)| one.profile.id != chosen.id);
        let columns = own
            .iter()
            .map(|(one, _)| Column {
                id: one.profile.id.clone(),
                title: one.profile.title.clone(),
                verdict: one.verdict,
                sign: verdict_sign(one.verdict),
                chosen: one.profile.id == chosen.id,
            })
            .collect();
        let lines = |required: bool| {
            let rules = Rule::ALL.iter().filter(|rule| rule.required() == required);
            rules
                .map(|rule| line(episode, *rule, chosen, &own))
                .filter(|line| line.cells.iter().any(Option::is_some))
                .collect()
        };
        Matrix {
            target: target.to_string(),
            columns,
            groups: vec![
                Group {
                    label: "The verdict depends on these",
                    lines: lines(true),
                },
                Group {
                    label: "Advisory",
                    lines: lines(false),
                },
            ],
        }
    }
}

const fn verdict_sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Meets => "✓",
        Verdict::NeedsReview => "!",
        Verdict::DoesNotMeet => "✕",
        Verdict::InsufficientData => "?",
    }
}

fn line(episode: Uuid, rule: Rule, chosen: &Profile, own: &[&Explained<'_>]) -> Line {
    let cells = own.iter().enumerate().map(|(place, (one, rules))| {
        let found = rules.iter().find(|explained| explained.rule == rule)?;
        let is_chosen = one.profile.id == chosen.id;
        Some(cell(episode, place, found, is_chosen))
    });
    Line {
        label: rule.label(),
        cells: cells.collect(),
    }
}

fn cell(episode: Uuid, place: usize, found: &RuleExplanation, chosen: bool) -> CellView {
    CellView {
        id: format!("r-{}-{}-{place}", episode.simple(), found.rule.code()),
        status: found.status,
        sign: sign(found.status),
        detail: found.detail.clone(),
        records: found.evidence.len(),
        chosen,
    }
}
