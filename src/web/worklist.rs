//! The worklist: who is a candidate, who waits for what, and what clinicians decide about them.

use super::page::{Place as BarPlace, Shell, page, page_with};
use super::{charts, words};
use crate::app::candidates::{self, Decision};
use crate::app::profiles::WantedProfiles;
use crate::app::{
    CandidateFilter, Determination, Error, FieldError, Group, OnceKey, Result, Review,
    ReviewDecision, Unit, worklist,
};
use crate::auth::Action;
use crate::domain::anatomy::{Region, Side};
use crate::domain::qualification::{NextStep, Profile, RecordedBlock, Verdict};
use crate::http::query::Query;
use crate::http::v1::candidates::{Place, decision_of, filter_of, filters, sort_of};
use crate::http::{Access, Call, Endpoint, Parameter, ParameterKind, Reply, State};
use actix_web::http::StatusCode;
use askama::Template;
use chrono::NaiveDate;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;
use uuid::Uuid;

/// Rows to a page: what a screen holds without much scrolling.
const ROWS: u16 = 40;

/// One tab of the list.
struct Tab {
    /// As in the address.
    key: &'static str,
    /// As shown.
    label: &'static str,
    /// What it is, in a sentence.
    about: &'static str,
    /// The next steps that it holds.
    steps: &'static [&'static str],
}

/// The tabs, in the order in which a patient passes through them, candidates first.
const TABS: [Tab; 6] = [
    Tab {
        key: "candidates",
        label: "Candidates",
        about: "Targets that meet the profile: ablation may be considered.",
        steps: &[
            NextStep::ReferForAblation.code(),
            NextStep::RepeatAblation.code(),
        ],
    },
    Tab {
        key: "confirmatory",
        label: "Confirmatory block",
        about: "One block was positive; the profile asks for a further one on the same target.",
        steps: &[NextStep::ConfirmatoryBlock.code()],
    },
    Tab {
        key: "diary",
        label: "Scores missing",
        about: "A block was done, and its pain scores do not settle the relief.",
        steps: &[NextStep::RecordScores.code()],
    },
    Tab {
        key: "facts",
        label: "Facts missing",
        about: "The blocks are there; other facts that the profile asks for are not recorded.",
        steps: &[NextStep::CompleteRecord.code()],
    },
    Tab {
        key: "first",
        label: "First block",
        about: "No diagnostic block is counted yet.",
        steps: &[NextStep::DiagnosticBlock.code()],
    },
    Tab {
        key: "follow_up",
        label: "Follow-up",
        about: "An ablation was done; its outcome is to be recorded.",
        steps: &[NextStep::FollowUp.code()],
    },
];

const TAB_KEYS: &[&str] = &[
    "candidates",
    "confirmatory",
    "diary",
    "facts",
    "first",
    "follow_up",
];

/// The pages.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let signed_in = Access::SignedIn(Action::ReadCandidate);
    let deciding = Access::SignedIn(Action::ReviewCandidate);
    let listed = |path, operation_id, handler| {
        Endpoint::page(path, operation_id, signed_in, handler)
            .query(Parameter::new(
                "tab",
                ParameterKind::Choice(TAB_KEYS),
                "Which tab.",
            ))
            .queries(filters(NextStep::CODES))
            .query(Parameter::new(
                "cursor",
                ParameterKind::Text,
                "Where the page begins.",
            ))
            .query(Parameter::new(
                "done",
                ParameterKind::Id,
                "The candidate that was just decided about.",
            ))
            .query(Parameter::new(
                "seen",
                ParameterKind::Text,
                "What the reader sees already.",
            ))
    };
    let back = || Parameter::new("back", ParameterKind::Text, "The list to go back to.");
    vec![
        listed("/", "page_worklist", show),
        listed("/worklist.csv", "page_worklist_csv", csv),
        Endpoint::page(
            "/candidates/{id}/review",
            "page_review",
            deciding,
            show_review,
        )
        .query(back()),
        Endpoint::form("/candidates/{id}/review", "form_review", deciding, review),
        Endpoint::form("/candidates/{id}/undo", "form_undo_review", deciding, undo),
    ]
}

/// What the address asks for.
struct Asked {
    tab: &'static Tab,
    profiles: Vec<Arc<Profile>>,
    profile: Arc<Profile>,
    filter: CandidateFilter,
}

impl Asked {
    fn of(call: &Call, unit: &mut Unit<'_, '_>) -> Result<Asked> {
        let key = call.query("tab");
        let [first, ..] = &TABS;
        let tab = TABS
            .iter()
            .find(|tab| Some(tab.key) == key)
            .unwrap_or(first);
        let profiles = unit.chosen_profiles(&WantedProfiles::Active)?;
        let profile = words::chosen_profile(call, &profiles)?;
        let mut filter = filter_of(call, tab.steps, unit.today())?;
        filter.profiles = Some(vec![profile.id.clone()]);
        Ok(Asked {
            tab,
            profiles,
            profile,
            filter,
        })
    }
}

/// One tab as it is shown.
struct TabView {
    label: &'static str,
    href: String,
    current: bool,
    count: String,
}

/// One line of a row: the targets about which the same is said.
struct TargetLine {
    targets: String,
    verdict: &'static str,
    verdict_label: &'static str,
    step: &'static str,
    step_code: &'static str,
    earliest: Option<NaiveDate>,
    relief: String,
}

/// One patient and episode.
struct Row {
    episode: Uuid,
    patient: Uuid,
    name: String,
    age: String,
    lines: Vec<TargetLine>,
    sparks: Vec<(NaiveDate, String)>,
    waiting: i64,
    operator: String,
    last_block_on: Option<NaiveDate>,
    review: Option<ReviewLine>,
}

/// The decision in force, in words.
struct ReviewLine {
    words: String,
    note: String,
}

impl Row {
    fn of(group: &Group, blocks: &[RecordedBlock], profile: &Profile, today: NaiveDate) -> Row {
        let all = &group.determinations;
        let since = all.iter().map(|one| one.since).min().unwrap_or(today);
        let newest = all
            .iter()
            .filter(|one| one.judgement.last_block_on.is_some())
            .max_by_key(|one| one.judgement.last_block_on);
        let patient = &group.patient.value;
        Row {
            episode: group.place.episode,
            patient: group.patient.id,
            name: words::name_of(patient),
            age: words::age_of(patient, today),
            lines: lines(all),
            sparks: charts::sparks(
                blocks,
                all.first().map(|one| one.judgement.target.side),
                profile,
                today,
            ),
            waiting: (today - since).num_days().max(0),
            operator: newest
                .and_then(|one| one.judgement.operator.clone())
                .unwrap_or_default(),
            last_block_on: newest.and_then(|one| one.judgement.last_block_on),
            review: group.review.as_ref().map(ReviewLine::of),
        }
    }
}

impl ReviewLine {
    fn of(review: &Review) -> ReviewLine {
        let until = review
            .deferred_until
            .map_or_else(String::new, |day| format!(" until {day}"));
        ReviewLine {
            words: format!(
                "{}{until} by {}, {}",
                words::decision(review.decision),
                review.decided_by,
                review.decided_at.date_naive()
            ),
            note: review.note.clone().unwrap_or_default(),
        }
    }
}

/// What is said about the targets of one row, those with the same words together.
fn lines(determinations: &[Determination]) -> Vec<TargetLine> {
    let said = |one: &Determination| -> (String, String, Option<NaiveDate>) {
        let judgement = &one.judgement;
        (
            judgement.verdict.clone(),
            judgement.next_step.clone(),
            judgement.earliest,
        )
    };
    let mut groups: Vec<Vec<&Determination>> = Vec::new();
    for one in determinations {
        let same = groups
            .iter_mut()
            .find(|group| group.first().is_some_and(|first| said(first) == said(one)));
        match same {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    let line = |group: Vec<&Determination>| {
        let first = &group.first()?.judgement;
        let (verdict, step, earliest) = (&first.verdict, &first.next_step, first.earliest);
        let best = group
            .iter()
            .filter_map(|one| one.judgement.relief_tenths)
            .max();
        Some(TargetLine {
            targets: words::targets(group.iter().map(|one| one.judgement.target)),
            verdict: Verdict::from_code(verdict).map_or("", Verdict::code),
            verdict_label: Verdict::from_code(verdict).map_or("", Verdict::label),
            step: NextStep::from_code(step).map_or("", NextStep::label),
            step_code: NextStep::from_code(step).map_or("", NextStep::code),
            earliest,
            relief: best.map_or_else(String::new, words::percent),
        })
    };
    groups.into_iter().filter_map(line).collect()
}

#[derive(Template)]
#[template(path = "worklist.html")]
struct WorklistTemplate {
    shell: Shell,
    tabs: Vec<TabView>,
    tab: &'static Tab,
    profiles: Vec<Arc<Profile>>,
    profile: Arc<Profile>,
    regions: &'static [Region],
    sides: &'static [Side],
    asked: HashMap<String, String>,
    rows: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
    csv: String,
    here: String,
    live: String,
    seen: String,
    may_review: bool,
    done: Option<Done>,
    filtered: bool,
}

/// What was just decided, and can be taken back.
struct Done {
    episode: Uuid,
    words: String,
}

impl WorklistTemplate {
    fn value(&self, name: &str) -> &str {
        self.asked.get(name).map_or("", String::as_str)
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.value(name) == value
    }
}

/// The query of a list without what belongs to this moment.
fn lasting(call: &Call) -> Query {
    call.whole_query().without(&["cursor", "seen", "done"])
}

fn address(path: &str, query: &Query) -> String {
    let encoded = query.encoded();
    if encoded.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{encoded}")
    }
}

fn show(state: &State, call: &Call) -> Result<Reply> {
    let today = state.app.today();
    let template = state.app.read(call.principal()?, |unit| {
        let asked = Asked::of(call, unit)?;
        let after = call.cursor::<Place>()?.and_then(Place::into_cursor);
        let (listed, _) = candidates::page(
            unit,
            &asked.filter,
            sort_of(call),
            after.as_ref(),
            ROWS,
            false,
        )?;
        let blocks = worklist::newest_blocks(unit, &listed.items)?;
        let rows: Vec<Row> = listed
            .items
            .iter()
            .map(|group| {
                let blocks = blocks
                    .get(&group.place.episode)
                    .map_or(&[][..], Vec::as_slice);
                Row::of(group, blocks, &asked.profile, today)
            })
            .collect();
        let next = listed
            .items
            .last()
            .filter(|_| listed.more)
            .map(|last| call.cursor_after(&Place::from(&last.place)))
            .transpose()?;
        let tabs = tabs(call, unit, &asked)?;
        let done = done(call, unit)?;
        let lasting = lasting(call);
        let next = next.map(|cursor| {
            let mut query = lasting.clone();
            query.push("cursor", &cursor);
            address("/", &query)
        });
        let mut seen = lasting.clone();
        if let Some(cursor) = call.query("cursor") {
            seen.push("cursor", cursor);
        }
        Ok(WorklistTemplate {
            shell: Shell::of(call, BarPlace::Worklist)?,
            tabs,
            tab: asked.tab,
            profiles: asked.profiles,
            profile: asked.profile,
            regions: Region::ALL,
            sides: Side::ALL,
            asked: lasting
                .pairs()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            rows,
            first: call.query("cursor").map(|_| address("/", &lasting)),
            next,
            csv: address("/worklist.csv", &lasting),
            here: lasting.encoded(),
            live: address("/", &seen),
            seen: String::new(),
            may_review: unit.principal.allows(Action::ReviewCandidate),
            done,
            filtered: lasting
                .pairs()
                .any(|(name, _)| !matches!(name, "tab" | "profile" | "sort")),
        })
    })?;
    answered(call, template)
}

/// The page, or nothing where the reader sees it already.
fn answered(call: &Call, mut template: WorklistTemplate) -> Result<Reply> {
    let rendered = template
        .render()
        .map_err(|error| Error::Internal(error.into()))?;
    let digest = Sha256::digest(rendered.as_bytes());
    template.seen = digest
        .iter()
        .take(12)
        .fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
    if call.query("seen") == Some(template.seen.as_str()) {
        return Ok(Reply::no_content());
    }
    page(&template)
}

fn tabs(call: &Call, unit: &mut Unit<'_, '_>, asked: &Asked) -> Result<Vec<TabView>> {
    let filters: Vec<CandidateFilter> = TABS
        .iter()
        .map(|tab| CandidateFilter {
            next_steps: tab.steps.iter().map(|&step| step.to_owned()).collect(),
            ..asked.filter.clone()
        })
        .collect();
    let counts = worklist::counts(unit, &filters)?;
    let without = lasting(call).without(&["tab"]);
    let views = TABS.iter().zip(counts).map(|(tab, count)| {
        let mut query = without.clone();
        query.push("tab", tab.key);
        TabView {
            label: tab.label,
            href: address("/", &query),
            current: tab.key == asked.tab.key,
            count: if count >= i64::from(worklist::MOST_COUNTED) {
                format!("{count}+")
            } else {
                count.to_string()
            },
        }
    });
    Ok(views.collect())
}

/// The decision that was just made, where it still is in force.
fn done(call: &Call, unit: &mut Unit<'_, '_>) -> Result<Option<Done>> {
    let Some(episode) = call.query_id("done") else {
        return Ok(None);
    };
    let review = match candidates::review_in_force(unit, episode) {
        Ok(review) => review,
        Err(Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let patient = candidates::patient_of(unit, episode)?;
    Ok(Some(Done {
        episode,
        words: format!(
            "{}: {}.",
            words::name_of(&patient.value),
            ReviewLine::of(&review).words
        ),
    }))
}

fn csv(state: &State, call: &Call) -> Result<Reply> {
    let app = state.app.clone();
    let principal = call.principal()?.clone();
    let today = app.today();
    let asked = app.read(&principal, |unit| Asked::of(call, unit))?;
    let sort = sort_of(call);
    let name = format!("worklist-{}-{today}.csv", asked.tab.key);
    Reply::stream("text/csv; charset=utf-8", &name, move |out| {
        let mut writer = csv::Writer::from_writer(out);
        let failed = |error: csv::Error| Error::Internal(error.into());
        writer
            .write_record([
                "patient_id",
                "episode_id",
                "family_name",
                "given_name",
                "birth_date",
                "targets",
                "profile",
                "verdict",
                "next_step",
                "earliest",
                "relief_percent",
                "waiting_days",
                "operator",
                "last_block_on",
                "review",
            ])
            .map_err(failed)?;
        app.read(&principal, |unit| {
            let mut after = None;
            loop {
                let (listed, _) =
                    candidates::page(unit, &asked.filter, sort, after.as_ref(), 500, false)?;
                for group in &listed.items {
                    for record in csv_lines(group, &asked.profile, today) {
                        writer.write_record(record).map_err(failed)?;
                    }
                }
                match listed.items.last().filter(|_| listed.more) {
                    Some(last) => after = Some(last.place.clone()),
                    None => return Ok(()),
                }
            }
        })?;
        writer
            .flush()
            .map_err(|error| Error::Internal(error.into()))
    })
}

fn csv_lines(group: &Group, profile: &Profile, today: NaiveDate) -> Vec<Vec<String>> {
    let row = Row::of(group, &[], profile, today);
    let patient = &group.patient.value;
    let text = |text: &str| crate::export::guarded(text).into_owned();
    let day = |day: Option<NaiveDate>| day.map_or_else(String::new, |day| day.to_string());
    row.lines
        .iter()
        .map(|line| {
            vec![
                row.patient.to_string(),
                row.episode.to_string(),
                text(patient.family_name.as_deref().unwrap_or_default()),
                text(patient.given_name.as_deref().unwrap_or_default()),
                day(patient.birth_date),
                line.targets.clone(),
                profile.id.clone(),
                line.verdict.to_owned(),
                line.step_code.to_owned(),
                day(line.earliest),
                line.relief
                    .trim_end_matches([' ', '%', '\u{a0}'])
                    .to_owned(),
                row.waiting.to_string(),
                text(&row.operator),
                day(row.last_block_on),
                text(row.review.as_ref().map_or("", |review| &review.words)),
            ]
        })
        .collect()
}

#[derive(Template)]
#[template(path = "review.html")]
struct ReviewTemplate {
    shell: Shell,
    candidate: Uuid,
    name: String,
    current: Option<ReviewLine>,
    once: String,
    back: String,
    decision: String,
    deferred_until: String,
    note: String,
    errors: Vec<FieldError>,
    tomorrow: NaiveDate,
}

impl ReviewTemplate {
    fn error(&self, pointer: &str) -> Option<&str> {
        let found = self.errors.iter().find(|error| error.pointer == pointer);
        found.map(|error| error.detail.as_str())
    }
}

fn show_review(state: &State, call: &Call) -> Result<Reply> {
    let candidate = call.path_id("id", "candidate")?;
    let back = call.query("back").unwrap_or_default().to_owned();
    let template = review_form(state, call, candidate, back)?;
    page(&template)
}

fn review_form(
    state: &State,
    call: &Call,
    candidate: Uuid,
    back: String,
) -> Result<ReviewTemplate> {
    let today = state.app.today();
    state.app.read(call.principal()?, |unit| {
        let patient = candidates::patient_of(unit, candidate)?;
        let current = match candidates::review_in_force(unit, candidate) {
            Ok(review) => Some(ReviewLine::of(&review)),
            Err(Error::NotFound { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(ReviewTemplate {
            shell: Shell::of(call, BarPlace::Worklist)?,
            candidate,
            name: words::name_of(&patient.value),
            current,
            once: unit.new_id().to_string(),
            back,
            decision: ReviewDecision::Referred.code().to_owned(),
            deferred_until: String::new(),
            note: String::new(),
            errors: Vec::new(),
            tomorrow: today.succ_opt().unwrap_or(today),
        })
    })
}

fn review(state: &State, call: &Call) -> Result<Reply> {
    let candidate = call.path_id("id", "candidate")?;
    let form = call.form()?;
    let typed = |name: &str| form.get(name).unwrap_or_default().trim().to_owned();
    let (decision, until, note) = (typed("decision"), typed("deferred_until"), typed("note"));
    let mut sent = Map::new();
    sent.insert("decision".to_owned(), Value::from(decision.as_str()));
    // A day left from an earlier choice does not count against what is not deferred.
    if !until.is_empty() && decision == ReviewDecision::Deferred.code() {
        sent.insert("deferred_until".to_owned(), Value::from(until.as_str()));
    }
    if !note.is_empty() {
        sent.insert("note".to_owned(), Value::from(note.as_str()));
    }
    let back = typed("back");
    match decision_of(&Value::Object(sent), state.app.today()) {
        Ok(decided) => {
            record(state, call, candidate, decided, &typed("once"))?;
            let mut query = Query::read(&back).unwrap_or_default();
            query.push("done", &candidate.to_string());
            Reply::see_other(&address("/", &query))
        }
        Err(Error::Invalid(errors)) => {
            let mut template = review_form(state, call, candidate, back)?;
            template.decision = decision;
            template.deferred_until = until;
            template.note = note;
            template.errors = errors;
            page_with(StatusCode::UNPROCESSABLE_ENTITY, &template)
        }
        Err(other) => Err(other),
    }
}

/// Records the decision, once for each form that was given out.
fn record(
    state: &State,
    call: &Call,
    candidate: Uuid,
    decided: Decision,
    once: &str,
) -> Result<Reply> {
    let key = (!once.is_empty()).then(|| OnceKey {
        key: format!("form-{once}"),
        fingerprint: format!("{candidate} {decided:?}"),
    });
    state.app.write_once(call.principal()?, key, move |unit| {
        candidates::review(unit, candidate, &decided)?;
        Ok(Reply::no_content())
    })
}

fn undo(state: &State, call: &Call) -> Result<Reply> {
    let candidate = call.path_id("id", "candidate")?;
    let form = call.form()?;
    let undone = state.app.write(call.principal()?, move |unit| {
        candidates::undo_review(unit, candidate).map(|_| ())
    });
    match undone {
        // Somebody else was faster: what was asked for is so.
        Ok(()) | Err(Error::Conflict { .. }) => {}
        Err(error) => return Err(error),
    }
    let back = form.get("back").unwrap_or_default();
    let query = Query::read(back).unwrap_or_default();
    Reply::see_other(&address("/", &query.without(&["done"])))
}
