//! The candidate list, the worklist, and what clinicians decide about them.

use super::stored::utc;
use super::{checked, examples, look, once, whole};
use crate::app::candidates::{self, Decision};
use crate::app::{
    CandidateFilter, Cursor, Determination, Error, FieldError, Group, Key, Result, Review,
    ReviewDecision, Sort,
};
use crate::auth::Action;
use crate::domain::anatomy::{Joint, Region, Side};
use crate::domain::qualification::{NextStep, Rule, Status, Statuses, Verdict};
use crate::http::call::{Call, Page};
use crate::http::problem::Kind;
use crate::http::registry::{Endpoint, Parameter, ParameterKind};
use crate::http::reply::Reply;
use crate::http::state::State;
use crate::wire::errors::{self, FieldErrors};
use crate::wire::patient::PatientFields;
use crate::wire::scalar::{Code, Date, Decimal, Id, Instant, Text};
use chrono::NaiveDate;
use deserr::Deserr;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

/// One patient and episode with the determinations that put it on the list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Candidate")]
struct CandidateView {
    /// The candidate's id, for a review: that of the episode.
    id: Id,
    /// The patient.
    patient_id: Id,
    /// The episode.
    episode_id: Id,
    /// Who it is.
    patient: PatientFields,
    /// Days since the earliest of the listed next steps began.
    waiting_days: i64,
    /// The day on which it began.
    since: Date,
    /// The best of the listed targets: the lowest of its counted blocks' greatest relief, in percent rounded down.
    relief_percent: Option<Decimal<1>>,
    /// Who performed the newest counted block.
    operator: Option<String>,
    /// The day of the newest counted block.
    last_block_on: Option<Date>,
    /// What each profile says about each target, as far as it is on this list.
    determinations: Vec<ListedDetermination>,
    /// The decision in force; null where there is none.
    review: Option<ReviewView>,
}

/// A determination, short enough for a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ListedDetermination")]
struct ListedDetermination {
    /// The profile.
    profile: String,
    /// Its version.
    profile_version: i32,
    /// The joint.
    joint: Code<Joint>,
    /// The side.
    side: Code<Side>,
    /// The verdict.
    verdict: String,
    /// What would come next; never advice to have a procedure.
    next_step: String,
    /// The first day for a confirmatory block.
    earliest: Option<Date>,
    /// The day on which verdict or next step changes with the same records.
    changes_on: Option<Date>,
    /// The day the next step began.
    since: Date,
    /// The lowest of the counted blocks' greatest relief, in percent rounded down.
    relief_percent: Option<Decimal<1>>,
    /// The rules that are met.
    met: Vec<Code<Rule>>,
    /// The rules that are not met, advisory ones included.
    unmet: Vec<Code<Rule>>,
    /// The rules whose data is missing, advisory ones included.
    unknown: Vec<Code<Rule>>,
    /// One sentence: the verdict in words.
    summary: String,
}

impl ListedDetermination {
    fn of(determination: &Determination) -> ListedDetermination {
        let judgement = &determination.judgement;
        let statuses = Statuses::from_packed(judgement.statuses);
        let with = |wanted: Status| {
            statuses
                .iter()
                .filter(|(_, status)| *status == wanted)
                .map(|(rule, _)| Code(rule))
                .collect()
        };
        ListedDetermination {
            profile: judgement.profile.clone(),
            profile_version: judgement.profile_version,
            joint: Code(judgement.target.joint),
            side: Code(judgement.target.side),
            verdict: judgement.verdict.clone(),
            next_step: judgement.next_step.clone(),
            earliest: judgement.earliest.map(Date),
            changes_on: judgement.changes_on.map(Date),
            since: Date(determination.since),
            relief_percent: judgement
                .relief_tenths
                .map(|tenths| Decimal(i64::from(tenths))),
            met: with(Status::Met),
            unmet: with(Status::Unmet),
            unknown: with(Status::Unknown),
            summary: summary(determination, statuses),
        }
    }
}

fn summary(determination: &Determination, statuses: Statuses) -> String {
    let judgement = &determination.judgement;
    Verdict::from_code(&judgement.verdict).map_or_else(
        |_| String::new(),
        |verdict| {
            crate::wire::determination::summary_of(
                judgement.target,
                &judgement.profile,
                judgement.profile_version,
                verdict,
                statuses,
            )
        },
    )
}

/// A clinician's decision.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Review")]
pub(super) struct ReviewView {
    /// Its id.
    id: Id,
    /// The candidate.
    candidate_id: Id,
    /// The decision: `referred`, `declined` or `deferred`.
    decision: &'static str,
    /// The day from which a deferred candidate is listed again.
    deferred_until: Option<Date>,
    /// A note.
    note: Option<String>,
    /// Who decided.
    decided_by: String,
    /// When.
    decided_at: Instant,
    /// When it was taken back.
    undone_at: Option<Instant>,
}

impl From<&Review> for ReviewView {
    fn from(review: &Review) -> ReviewView {
        ReviewView {
            id: Id(review.id),
            candidate_id: Id(review.episode),
            decision: review.decision.code(),
            deferred_until: review.deferred_until.map(Date),
            note: review.note.clone(),
            decided_by: review.decided_by.clone(),
            decided_at: utc(review.decided_at),
            undone_at: review.undone_at.map(utc),
        }
    }
}

impl CandidateView {
    fn of(group: &Group, today: NaiveDate) -> CandidateView {
        let all = &group.determinations;
        let since = all.iter().map(|one| one.since).min().unwrap_or(today);
        let best = all
            .iter()
            .filter_map(|one| one.judgement.relief_tenths)
            .max();
        let newest = all
            .iter()
            .filter(|one| one.judgement.last_block_on.is_some())
            .max_by_key(|one| one.judgement.last_block_on);
        CandidateView {
            id: Id(group.place.episode),
            patient_id: Id(group.patient.id),
            episode_id: Id(group.place.episode),
            patient: PatientFields::from(&group.patient.value),
            waiting_days: (today - since).num_days().max(0),
            since: Date(since),
            relief_percent: best.map(|tenths| Decimal(i64::from(tenths))),
            operator: newest.and_then(|one| one.judgement.operator.clone()),
            last_block_on: newest.and_then(|one| one.judgement.last_block_on.map(Date)),
            determinations: all.iter().map(ListedDetermination::of).collect(),
            review: group.review.as_ref().map(ReviewView::from),
        }
    }
}

/// A clinician's decision as sent.
#[derive(Debug, Deserr, JsonSchema)]
#[schemars(rename = "NewReview")]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct ReviewBody {
    /// The decision.
    decision: DecisionCode,
    /// The day from which a deferred candidate is listed again; with `deferred` only, and then it must be there.
    #[deserr(default)]
    deferred_until: Option<Date>,
    /// A note.
    #[deserr(default)]
    note: Option<Text<4000>>,
}

#[derive(Debug, Clone, Copy, Deserr, JsonSchema)]
#[schemars(rename = "ReviewDecision", rename_all = "snake_case")]
#[deserr(error = FieldErrors, rename_all = lowercase)]
enum DecisionCode {
    /// Referred for ablation.
    Referred,
    /// Declined.
    Declined,
    /// Put off until a day.
    Deferred,
}

impl From<DecisionCode> for ReviewDecision {
    fn from(code: DecisionCode) -> ReviewDecision {
        match code {
            DecisionCode::Referred => ReviewDecision::Referred,
            DecisionCode::Declined => ReviewDecision::Declined,
            DecisionCode::Deferred => ReviewDecision::Deferred,
        }
    }
}

impl ReviewBody {
    fn check(&self, today: NaiveDate, errors: &mut Vec<FieldError>) {
        let deferred = matches!(self.decision, DecisionCode::Deferred);
        let problem = match (deferred, self.deferred_until) {
            (true, None) => Some(("required", "Say until when it is deferred.")),
            (true, Some(until)) if until.0 <= today => {
                Some(("in_past", "Expected a day after today."))
            }
            (false, Some(_)) => Some(("not_here", "Only what is deferred has such a day.")),
            (true | false, _) => None,
        };
        errors
            .extend(problem.map(|(code, detail)| FieldError::new("/deferred_until", code, detail)));
    }
}

const CANDIDATE_STEPS: &[&str] = &["refer_for_ablation", "repeat_ablation"];
const SORTS: &[&str] = &["-waiting_days", "-relief_percent", "patient"];

/// The parameters that narrow and order a list, its next steps among `steps`.
#[must_use]
pub fn filters(steps: &'static [&'static str]) -> Vec<Parameter> {
    vec![
        Parameter::new("profile", ParameterKind::Texts, "By one of these profiles."),
        Parameter::new(
            "next_step",
            ParameterKind::Choices(steps),
            "With one of these next steps.",
        )
        .or(steps),
        Parameter::new(
            "verdict",
            ParameterKind::Choice(Verdict::CODES),
            "With this verdict.",
        ),
        Parameter::new(
            "region",
            ParameterKind::Choice(Region::CODES),
            "The target's region.",
        ),
        Parameter::new(
            "side",
            ParameterKind::Choice(Side::CODES),
            "The target's side.",
        ),
        Parameter::new(
            "operator",
            ParameterKind::Text,
            "Who performed the newest counted block.",
        ),
        Parameter::new(
            "since",
            ParameterKind::Date,
            "With a next step that began on this day or later.",
        ),
        Parameter::new(
            "relief_percent_min",
            ParameterKind::Decimal {
                min: -1000,
                max: 100,
            },
            "With at least this relief, to the tenth.",
        ),
        Parameter::new(
            "q",
            ParameterKind::Text,
            "The beginning of the patient's name, family name first, or a whole identifier; in any case of letters.",
        ),
        Parameter::new(
            "reviewed",
            ParameterKind::Flag,
            "Whether to list also those that were referred or declined, or are deferred.",
        )
        .or(false),
        Parameter::new(
            "sort",
            ParameterKind::Choice(SORTS),
            "The order: longest waiting first, best relief first, or by name.",
        )
        .or("-waiting_days"),
    ]
}

/// What there is about candidates.
pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/v1/candidates", "list_candidates", Action::ReadCandidate, list_candidates)
            .titled("candidates", "List the candidates")
            .about("Targets whose next step under an active profile is `refer_for_ablation` or `repeat_ablation`, grouped by patient and episode. A filter on determinations also decides which of them are shown.")
            .queries(filters(CANDIDATE_STEPS))
            .paged()
            .answers::<Page<CandidateView>>(200, "A page of candidates.", None),
        Endpoint::get("/v1/worklist", "list_worklist", Action::ReadCandidate, list_worklist)
            .titled("candidates", "List what is to be done")
            .about("The same for every next step: who waits for a confirmatory block, a diary, a follow-up, missing facts.")
            .queries(filters(NextStep::CODES))
            .paged()
            .answers::<Page<CandidateView>>(200, "A page of the worklist.", None),
        Endpoint::post("/v1/candidates/{id}/review", "review_candidate", Action::ReviewCandidate, review)
            .titled("candidates", "Decide about a candidate")
            .about("The latest decision is in force: the candidate leaves the list, a deferred one until the day named.")
            .takes::<ReviewBody>(vec![examples::request("referred", "Referred.", json!({"decision": "referred", "note": "discussed with the patient"}))])
            .answers::<ReviewView>(201, "The decision is recorded.", None)
            .tagged()
            .fails(&[Kind::NotFound]),
        Endpoint::get("/v1/candidates/{id}/review", "read_review", Action::ReadCandidate, read_review)
            .titled("candidates", "Read the decision in force about a candidate")
            .answers::<ReviewView>(200, "The decision.", None)
            .fails(&[Kind::NotFound]),
        Endpoint::delete("/v1/candidates/{id}/review", "undo_review", Action::ReviewCandidate, undo)
            .titled("candidates", "Take the decision in force back")
            .about("It is kept and marked as undone; the one before it is in force again.")
            .answers::<ReviewView>(200, "The decision is taken back.", None)
            .fails(&[Kind::NotFound, Kind::Conflict]),
    ]
}

fn list_candidates(state: &State, call: &Call) -> Result<Reply> {
    list(state, call, CANDIDATE_STEPS)
}

fn list_worklist(state: &State, call: &Call) -> Result<Reply> {
    list(state, call, NextStep::CODES)
}

/// A place in a list, as a cursor holds it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Place {
    text: Option<String>,
    number: Option<i32>,
    episode: Uuid,
}

impl From<&Cursor> for Place {
    fn from(cursor: &Cursor) -> Place {
        let (text, number) = match &cursor.key {
            Key::Text(text) => (Some(text.clone()), None),
            Key::Number(number) => (None, Some(*number)),
        };
        Place {
            text,
            number,
            episode: cursor.episode,
        }
    }
}

impl Place {
    /// The place; `None` where it holds no key.
    #[must_use]
    pub fn into_cursor(self) -> Option<Cursor> {
        let key = self.text.map(Key::Text).or(self.number.map(Key::Number))?;
        Some(Cursor {
            key,
            episode: self.episode,
        })
    }
}

fn list(state: &State, call: &Call, steps: &[&str]) -> Result<Reply> {
    let sort = sort_of(call);
    let today = state.app.today();
    let filter = filter_of(call, steps, today)?;
    let after = call.cursor::<Place>()?.and_then(Place::into_cursor);
    look(state, call, |unit| {
        let (page, total) = candidates::page(
            unit,
            &filter,
            sort,
            after.as_ref(),
            call.limit(),
            call.count(),
        )?;
        let next = page
            .items
            .last()
            .filter(|_| page.more)
            .map(|last| Place::from(&last.place));
        let items = page
            .items
            .iter()
            .map(|group| CandidateView::of(group, today))
            .collect();
        call.page_reply(items, next.as_ref(), whole(total)?)
    })
}

/// The order that was asked for.
#[must_use]
pub fn sort_of(call: &Call) -> Sort {
    match call.query("sort") {
        Some("-relief_percent") => Sort::Relief,
        Some("patient") => Sort::Patient,
        _ => Sort::Waiting,
    }
}

/// What was asked for, with `steps` where no next step was.
///
/// # Errors
/// That a parameter cannot be read.
pub fn filter_of(call: &Call, steps: &[&str], today: NaiveDate) -> Result<CandidateFilter> {
    let owned = |codes: Vec<&str>| codes.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let asked = call.query_list("next_step");
    let next_steps = if asked.is_empty() {
        steps.to_vec()
    } else {
        asked
    };
    let profiles = call.query_list("profile");
    Ok(CandidateFilter {
        next_steps: owned(next_steps),
        profiles: (!profiles.is_empty()).then(|| owned(profiles)),
        verdict: call.query("verdict").map(str::to_owned),
        region: call.query_as("region", Region::from_code)?,
        side: call.query_as("side", Side::from_code)?,
        operator: call.query("operator").map(str::to_owned),
        since: call.query_date("since"),
        relief_min_tenths: call.query_as("relief_percent_min", tenths)?,
        q: call.query("q").map(str::to_owned),
        unreviewed_as_of: (!call.query_flag("reviewed")).then_some(today),
    })
}

fn tenths(text: &str) -> std::result::Result<i32, String> {
    let Decimal::<1>(tenths) = Decimal::read(text).map_err(|(_, detail)| detail)?;
    i32::try_from(tenths).map_err(|error| error.to_string())
}

fn review(state: &State, call: &Call) -> Result<Reply> {
    let candidate = call.path_id("id", "candidate")?;
    let decision = decision_of(call.json(), state.app.today())?;
    once(state, call, move |unit| {
        let review = candidates::review(unit, candidate, &decision)?;
        let location = format!("/v1/candidates/{candidate}/review");
        Reply::created(&location, 1, &ReviewView::from(&review))
    })
}

/// A decision as it was sent.
///
/// # Errors
/// Every field that is wrong.
pub fn decision_of(sent: &serde_json::Value, today: NaiveDate) -> Result<Decision> {
    let body: ReviewBody = errors::parse(sent.clone()).map_err(Error::Invalid)?;
    checked(|errors| body.check(today, errors))?;
    Ok(Decision {
        decision: body.decision.into(),
        deferred_until: body.deferred_until.map(|date| date.0),
        note: body.note.map(|note| note.0),
    })
}

fn read_review(state: &State, call: &Call) -> Result<Reply> {
    let candidate = call.path_id("id", "candidate")?;
    look(state, call, |unit| {
        let review = candidates::review_in_force(unit, candidate)?;
        Reply::json(&ReviewView::from(&review))
    })
}

fn undo(state: &State, call: &Call) -> Result<Reply> {
    let candidate = call.path_id("id", "candidate")?;
    super::change(state, call, move |unit| {
        let undone = candidates::undo_review(unit, candidate)?;
        Reply::json(&ReviewView::from(&undone))
    })
}
