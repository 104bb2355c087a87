//! What each profile says about each target of an episode, with reasons.

use super::look;
use super::stored::utc;
use crate::app::determinations::{self, Determined};
use crate::app::profiles::WantedProfiles;
use crate::app::{DeterminationVersion, Page, Result};
use crate::auth::Action;
use crate::domain::anatomy::{Joint, Side};
use crate::domain::qualification::Statuses;
use crate::http::call::Call;
use crate::http::problem::Kind;
use crate::http::registry::{DEFAULT_LIMIT, Endpoint, MAX_LIMIT, Parameter, ParameterKind};
use crate::http::reply::Reply;
use crate::http::state::State;
use crate::wire::determination::{ComparisonFields, DeterminationFields, Naming, RuleFields};
use crate::wire::scalar::{Code, Date, Instant};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// What the profiles say.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Determinations")]
pub(super) struct DeterminationsView {
    /// One for each target and profile.
    determinations: Vec<DeterminationFields>,
    /// The newest two blocks of each target held against each other, where their agents act differently long.
    comparisons: Vec<ComparisonFields>,
    /// What was said before and has been replaced, with `history=true`: in the order in which it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Vec<ReplacedView>>,
    /// The cursor of the next page of the history; null on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl DeterminationsView {
    /// In full, records named as `naming` says.
    pub(super) fn of(determined: &Determined, naming: Naming) -> DeterminationsView {
        DeterminationsView {
            determinations: determined
                .explained()
                .map(|(determination, rules)| {
                    DeterminationFields::full(&determination, rules, naming)
                })
                .collect(),
            comparisons: determined
                .comparisons()
                .into_iter()
                .map(ComparisonFields::from)
                .collect(),
            history: None,
            next: None,
        }
    }
}

/// A determination that another one replaced.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ReplacedDetermination")]
struct ReplacedView {
    /// The profile.
    profile: String,
    /// Its version.
    profile_version: i32,
    /// The joint.
    joint: Code<Joint>,
    /// The side.
    side: Code<Side>,
    /// For the first ablation or for another.
    purpose: String,
    /// The verdict.
    verdict: String,
    /// What would have come next.
    next_step: String,
    /// The first day for a confirmatory block.
    earliest: Option<Date>,
    /// The day on which it was to change with the same records.
    changes_on: Option<Date>,
    /// Every rule's status.
    rules: Vec<RuleFields>,
    /// The date it was judged as of.
    evaluated_as_of: Date,
    /// The day that next step began.
    since: Date,
    /// When it was decided.
    decided_at: Instant,
    /// When it was replaced.
    replaced_at: Instant,
}

impl From<&DeterminationVersion> for ReplacedView {
    fn from(replaced: &DeterminationVersion) -> ReplacedView {
        let determination = &replaced.determination;
        let judgement = &determination.judgement;
        ReplacedView {
            profile: judgement.profile.clone(),
            profile_version: judgement.profile_version,
            joint: Code(judgement.target.joint),
            side: Code(judgement.target.side),
            purpose: judgement.purpose.clone(),
            verdict: judgement.verdict.clone(),
            next_step: judgement.next_step.clone(),
            earliest: judgement.earliest.map(Date),
            changes_on: judgement.changes_on.map(Date),
            rules: Statuses::from_packed(judgement.statuses)
                .iter()
                .map(|(rule, status)| RuleFields::bare(rule, status))
                .collect(),
            evaluated_as_of: Date(determination.evaluated_as_of),
            since: Date(determination.since),
            decided_at: utc(determination.decided_at),
            replaced_at: utc(replaced.replaced_at),
        }
    }
}

/// Which profiles, as every endpoint that judges takes it.
pub(super) fn profiles_parameter() -> Parameter {
    Parameter::new(
        "profiles",
        ParameterKind::Texts,
        "Which profiles to judge by: `active`, `all`, or ids separated by commas.",
    )
    .or("active")
}

/// The profiles that a request asks for.
pub(super) fn wanted_profiles(call: &Call) -> WantedProfiles {
    call.query("profiles")
        .map_or(WantedProfiles::Active, WantedProfiles::read)
}

/// What there is about determinations.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let size = ParameterKind::Integer {
        min: 1,
        max: i64::from(MAX_LIMIT),
    };
    vec![
        Endpoint::get("/v1/episodes/{id}/determinations", "read_determinations", Action::ReadDetermination, read)
            .titled("determinations", "What each profile says about each target of an episode")
            .about("With every rule: its status, what the records say, what the profile demands, the records it came from, and one sentence. They are made anew from the records by the function that made the stored ones.")
            .query(Parameter::new("as_of", ParameterKind::Date, "Judge as of this day: what is dated after it does not exist. Without it: today, or the day of the newest record if that is later."))
            .query(profiles_parameter())
            .query(Parameter::new("history", ParameterKind::Flag, "Also what was said before and has been replaced.").or(false))
            .query(Parameter::new("limit", size, "How much of the history to a page.").or(DEFAULT_LIMIT))
            .query(Parameter::new("cursor", ParameterKind::Text, "Where the page of the history begins: `next` of the page before."))
            .answers::<DeterminationsView>(200, "The determinations.", None)
            .fails(&[Kind::NotFound]),
    ]
}

fn read(state: &State, call: &Call) -> Result<Reply> {
    let episode = call.path_id("id", "episode")?;
    let wanted = wanted_profiles(call);
    let after: Option<Uuid> = call.cursor()?;
    look(state, call, |unit| {
        let determined =
            determinations::of_episode(unit, episode, call.query_date("as_of"), &wanted)?;
        let mut view = DeterminationsView::of(&determined, Naming::Stored);
        if call.query_flag("history") {
            let page = determinations::history(unit, episode, after, call.limit())?;
            view.next = next(call, &page)?;
            view.history = Some(page.items.iter().map(ReplacedView::from).collect());
        }
        Reply::json(&view)
    })
}

fn next(call: &Call, page: &Page<DeterminationVersion>) -> Result<Option<String>> {
    let last = page.items.last().filter(|_| page.more);
    last.map(|last| call.cursor_after(&last.id)).transpose()
}
