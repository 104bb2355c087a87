//! Blocks: recorded with their patient, episode and scores in one form, and corrected.

use super::field::{self, OFFSET, Placed, Read, TARGETS, put, top, typed, under};
use super::grid::{self, Base};
use super::scores::preset;
use super::view::Choice;
use super::{
    Draft, Found, Loaded, Search, Subject, about, answered, body, both, clock, complaints, filled,
    of_record, once, only_shown, specs, zone,
};
use crate::app::blocks::Belongs;
use crate::app::patients::Recorded;
use crate::app::{Error, FieldError, Result, Stored, Unit, blocks, episodes, patients};
use crate::auth::Action;
use crate::domain::anatomy::{Joint, nerves_of};
use crate::domain::block::Block;
use crate::domain::episode::Episode;
use crate::domain::pain::ScoreRow;
use crate::domain::patient::Patient;
use crate::http::query::Query;
use crate::http::{Access, Call, Endpoint, Reply, State};
use crate::wire::block::{BlockBody, BlockFields};
use actix_web::http::StatusCode;
use serde_json::{Map, Value};
use uuid::Uuid;

/// Which pain a block was for.
pub(super) const EPISODE: &str = "/episode_id";
/// A pain that is not recorded yet.
const NEW: &str = "new";
/// Episodes to choose from; nobody has nearly as many.
const MOST_EPISODES: u16 = 100;

/// What is likely to be the same in the next block, by the names of the fields.
const REMEMBERED: [&str; 8] = [
    "/agent",
    "/concentration_percent",
    "/volume_ml_per_nerve",
    "/guidance",
    "/sedation",
    "/steroid",
    "/operator",
    "/site",
];

/// What belongs to one block alone, and is not copied to another.
const ITS_OWN: [&str; 5] = [
    "/performed_at",
    "/stated_relief_percent",
    "/stated_relief_minutes",
    "/same_day_return",
    "/duration_minutes",
];

pub(super) fn endpoints() -> Vec<Endpoint> {
    let [show_new, create] = both(
        "/blocks/new",
        ["page_new_block", "form_new_block"],
        Action::WriteBlock,
        [show_new, create],
    );
    let show_new = show_new
        .query(of_record("patient", "Whose block it is."))
        .query(of_record("episode", "The pain that it is for."))
        .query(of_record("copy", "The block whose values it begins with."));
    let finding = Endpoint::form(
        "/blocks/find",
        "form_find_patient",
        Access::SignedIn(Action::WriteBlock),
        find,
    );
    let edit = both(
        "/blocks/{id}/edit",
        ["page_correct_block", "form_correct_block"],
        Action::CorrectBlock,
        [show, correct],
    );
    [show_new, create, finding]
        .into_iter()
        .chain(edit)
        .collect()
}

/// The fields of a block.
fn of_block() -> Vec<Placed> {
    let mut form = top(specs::TREATED);
    form.extend(top(specs::BLOCK));
    form
}

/// Whose block it is to be.
struct Whose {
    patient: Option<Stored<Patient>>,
    episodes: Vec<Stored<Episode>>,
}

impl Whose {
    fn of(unit: &mut Unit<'_, '_>, patient: Option<Uuid>, episode: Option<Uuid>) -> Result<Whose> {
        let of_episode = episode
            .map(|episode| episodes::get(unit, episode).map(|episode| episode.patient))
            .transpose()?;
        let Some(patient) = of_episode.or(patient) else {
            return Ok(Whose {
                patient: None,
                episodes: Vec::new(),
            });
        };
        Ok(Whose {
            patient: Some(patients::get(unit, patient)?),
            episodes: episodes::page(unit, Some(patient), None, MOST_EPISODES)?.items,
        })
    }

    /// The choice between the episodes that are there and a new one.
    fn choices(&self, chosen: &str) -> Vec<Choice> {
        if self.patient.is_none() {
            return Vec::new();
        }
        let one = |value: String, label: String| Choice {
            on: value == chosen,
            id: format!("episode-{value}"),
            value,
            label,
        };
        let known = self.episodes.iter().rev().map(|episode| {
            let since = episode.value.onset_date.map_or_else(
                || "onset not recorded".to_owned(),
                |day| format!("since {day}"),
            );
            let region = super::words::capitalized(episode.value.region.label());
            one(episode.id.to_string(), format!("{region}, {since}"))
        });
        let mut choices: Vec<Choice> = known.collect();
        choices.push(one(
            NEW.to_owned(),
            "Another pain, recorded here".to_owned(),
        ));
        choices
    }
}

fn draft(state: &State, whose: &Whose, query: Query) -> Draft {
    let mut form = Vec::new();
    if whose.patient.is_none() {
        form.extend(under("/patient", specs::PATIENT));
    }
    form.extend(of_block());
    let mut draft = Draft::new("New block", "/blocks/new".to_owned(), form);
    draft.folded = under("/episode", specs::EPISODE);
    draft.fold = "The pain that it was for";
    if let Some(patient) = &whose.patient {
        draft = draft.of_patient(patient, state.app.today());
        draft.hidden.push(("patient", patient.id.to_string()));
    }
    draft.submit = "Record the block";
    draft.grid = Some("");
    draft.choices = whose.choices(typed(&query, EPISODE));
    draft.query = query;
    draft
}

/// What a new form begins with: now, and what the last block was done with.
fn prefilled(
    unit: &mut Unit<'_, '_>,
    state: &State,
    whose: &Whose,
    episode: Option<Uuid>,
    copied: Option<&Stored<Block>>,
) -> Result<Query> {
    let zone = zone(state);
    let now = unit.now.with_timezone(&zone).fixed_offset();
    let (now, offset) = clock::write(whole_minute(now), zone);
    let mut query = filled(&preset());
    query.push("/performed_at", &now);
    if !offset.is_empty() {
        query.push(&format!("/performed_at{OFFSET}"), &offset);
    }
    let last = match copied {
        Some(_) => None,
        None => blocks::newest(unit)?,
    };
    if let Some(block) = copied.or(last.as_ref()) {
        let fields = shown(&block.value)?;
        for (name, value) in field::write(&of_block(), &fields, zone).pairs() {
            let wanted = if copied.is_some() {
                !ITS_OWN.iter().any(|own| name.starts_with(own))
            } else {
                REMEMBERED.contains(&name)
            };
            if wanted {
                query.push(name, value);
            }
        }
    }
    if copied.is_none() {
        query.push("/kind", "diagnostic");
        query.push("/technique", "medial_branch");
    }
    if whose.patient.is_none() {
        if let Some(system) = patients::newest_system(unit)? {
            query.push("/patient/identifiers/0/system", &system);
        }
    } else {
        let newest = whose.episodes.last().map(|episode| episode.id);
        let chosen = episode
            .or(newest)
            .map_or_else(|| NEW.to_owned(), |id| id.to_string());
        query.push(EPISODE, &chosen);
    }
    Ok(query)
}

fn whole_minute(
    instant: chrono::DateTime<chrono::FixedOffset>,
) -> chrono::DateTime<chrono::FixedOffset> {
    use chrono::{DurationRound, TimeDelta};
    instant
        .duration_trunc(TimeDelta::minutes(1))
        .unwrap_or(instant)
}

/// An earlier version without the nerves that follow from its joints.
fn without_derived_nerves(mut fields: Value) -> Value {
    let list = |name: &str| {
        let codes = fields.get(name).and_then(Value::as_array);
        codes.into_iter().flatten().filter_map(Value::as_str)
    };
    let joints: Vec<Joint> = list("joints")
        .filter_map(|code| Joint::from_code(code).ok())
        .collect();
    let derived = nerves_of(&joints);
    let same = list("nerves").eq(derived.iter().map(|nerve| nerve.code()));
    if let Some(fields) = fields.as_object_mut().filter(|_| same) {
        fields.remove("nerves");
    }
    fields
}

/// A block as the API answers it; nerves only where the operator named others than those that follow from the joints.
fn shown(block: &Block) -> Result<Value> {
    let mut fields = serde_json::to_value(BlockFields::from(block))
        .map_err(|error| Error::Internal(error.into()))?;
    if block.corrected_nerves.is_none()
        && let Some(fields) = fields.as_object_mut()
    {
        fields.remove("nerves");
    }
    Ok(fields)
}

fn show_new(state: &State, call: &Call) -> Result<Reply> {
    let asked = (call.query_id("patient"), call.query_id("episode"));
    let copy = call.query_id("copy");
    let (whose, query) = state.app.read(call.principal()?, |unit| {
        let copied = copy.map(|id| blocks::get(unit, id)).transpose()?;
        let copied = copied.map(|(block, _)| block);
        let (patient, episode) = match (&copied, asked) {
            (Some(block), (None, None)) => (Some(block.patient), Some(block.parent)),
            (_, asked) => asked,
        };
        let whose = Whose::of(unit, patient, episode)?;
        let query = prefilled(unit, state, &whose, episode, copied.as_ref())?;
        Ok((whose, query))
    })?;
    let mut draft = draft(state, &whose, query);
    if whose.patient.is_none() {
        draft.search = Some(Search {
            text: String::new(),
            asked: false,
            found: Vec::new(),
        });
    }
    draft.reply(state, call, StatusCode::OK)
}

/// Patients whose name or identifier begins with what was typed. It is sent as a form, so that no name stands in an
/// address.
fn find(state: &State, call: &Call) -> Result<Reply> {
    let sent = call.form()?;
    let text = typed(&sent, "q").to_owned();
    let today = state.app.today();
    let (whose, query, found) = state.app.read(call.principal()?, |unit| {
        let whose = Whose::of(unit, None, None)?;
        let query = prefilled(unit, state, &whose, None, None)?;
        let found = patients::find_by_words(unit, &text)?;
        Ok((whose, query, found))
    })?;
    let mut draft = draft(state, &whose, query);
    draft.search = Some(Search {
        asked: !text.is_empty(),
        text,
        found: found
            .iter()
            .map(|patient| {
                let name = super::words::name_of(&patient.value);
                let line = about(&patient.value, today);
                let rest = line.strip_prefix(name.as_str()).unwrap_or(&line);
                Found {
                    id: patient.id,
                    about: rest.trim_start_matches(" · ").to_owned(),
                    name,
                }
            })
            .collect(),
    });
    draft.reply(state, call, StatusCode::OK)
}

/// What a block is recorded for.
#[derive(Clone)]
enum For {
    Known(Uuid),
    Another(Uuid, Box<Episode>),
    Newcomer(Box<Patient>, Box<Episode>),
}

/// Reads the form into the body that the API takes.
fn read(state: &State, draft: &Draft, patient: Option<Uuid>) -> Read {
    let (zone, query) = (zone(state), &draft.query);
    let chosen = typed(query, EPISODE);
    let new_episode = patient.is_none() || chosen == NEW;
    let mut form = draft.form.clone();
    if new_episode {
        form.extend(&draft.folded);
    }
    let mut read = field::read(&form, query, zone);
    if patient.is_none() {
        // Nobody is missed as somebody without an identifier.
        read.body
            .entry("patient")
            .or_insert_with(|| Value::Object(Map::new()));
    }
    let injection = clock::read(
        typed(query, "/performed_at"),
        typed(query, &format!("/performed_at{OFFSET}")),
        zone,
    );
    let base = injection.ok().map(|injection| Base { injection, zone });
    grid::read(query, base, &mut read);
    if new_episode {
        with_region(&mut read.body);
    } else if !chosen.is_empty() {
        put(&mut read.body, EPISODE, Value::from(chosen));
    }
    read
}

/// Where the region was left open it is that of the first joint.
fn with_region(body: &mut Map<String, Value>) {
    let first = body
        .get("joints")
        .and_then(|joints| joints.get(0))
        .and_then(Value::as_str)
        .and_then(|code| Joint::from_code(code).ok());
    let episode = body
        .entry("episode")
        .or_insert_with(|| Value::Object(Map::new()));
    if let (Some(episode), Some(joint)) = (episode.as_object_mut(), first) {
        episode
            .entry("region")
            .or_insert_with(|| Value::from(joint.region().code()));
    }
}

/// Everything of a form that could be read.
struct Sent {
    belongs: For,
    block: Block,
    scores: Vec<ScoreRow>,
}

fn sent(state: &State, read: &Read, patient: Option<Uuid>) -> Result<Sent> {
    let now = state.seam.now();
    let body = body(read, |value| {
        BlockBody::read(value, now).map_err(|errors| without_echoes(errors, read))
    })?;
    let missing = || {
        Error::field(
            EPISODE,
            "required",
            "Choose the pain that the block was for.",
        )
    };
    let episode = body
        .episode
        .clone()
        .map(|episode| Box::new(episode.into_domain()));
    let newcomer = body
        .patient
        .clone()
        .map(|patient| Box::new(patient.into_domain()));
    let belongs = match (body.episode_id, patient, newcomer, episode) {
        (Some(id), _, _, _) => For::Known(id.0),
        (None, Some(patient), _, Some(episode)) => For::Another(patient, episode),
        (None, None, Some(newcomer), Some(episode)) => For::Newcomer(newcomer, episode),
        _ => return Err(missing()),
    };
    let (block, scores) = body.into_domain();
    Ok(Sent {
        belongs,
        block,
        scores,
    })
}

/// Without the errors that only follow from others: no region without a joint, no time without that of the injection.
fn without_echoes(mut errors: Vec<FieldError>, read: &Read) -> Vec<FieldError> {
    let wrong = |name: &str| read.errors.iter().any(|error| error.pointer == name);
    let no_joint = wrong(TARGETS);
    let no_time = !read.body.contains_key("performed_at") || wrong("/performed_at");
    errors.retain(|error| {
        let of_score = error.pointer.starts_with(grid::AT) && error.pointer.ends_with("/taken_at");
        let echo = (no_joint && error.pointer == "/episode/region") || (no_time && of_score);
        !echo
    });
    errors
}

fn create(state: &State, call: &Call) -> Result<Reply> {
    let query = call.form()?;
    let patient = match typed(&query, "patient") {
        "" => None,
        _ => Some(super::id_in(&query, "patient", "patient")?),
    };
    let whose = state
        .app
        .read(call.principal()?, |unit| Whose::of(unit, patient, None))?;
    let draft = draft(state, &whose, query);
    if only_shown(&draft.query) {
        return draft.reply(state, call, StatusCode::OK);
    }
    let read = read(state, &draft, patient);
    let outcome = sent(state, &read, patient).and_then(|sent| {
        let key = once(call, &draft.query);
        state
            .app
            .write_once(call.principal()?, key, move |unit| record(unit, &sent))
    });
    answered(state, call, draft, &read, outcome)
}

/// Records the block, and before it the patient and the episode where they are new: all of it, or nothing.
fn record(unit: &mut Unit<'_, '_>, sent: &Sent) -> Result<Reply> {
    let episode = match &sent.belongs {
        For::Known(id) => *id,
        For::Another(patient, episode) => episodes::record(unit, *patient, episode)?.id,
        For::Newcomer(newcomer, episode) => match patients::record(unit, newcomer)? {
            Recorded::Anew(stored) => episodes::record(unit, stored.id, episode)?.id,
            Recorded::Before(_) => {
                return Err(super::patients::known("/patient/identifiers/0/value"));
            }
        },
    };
    let belongs = Belongs::To(episode);
    let recorded = blocks::record(unit, &belongs, &sent.block, &sent.scores)?;
    Reply::see_other(&format!("/patients/{}", recorded.block.patient))
}

fn with_subject<T>(
    state: &State,
    call: &Call,
    work: impl FnOnce(&Subject<'_>) -> Result<T>,
) -> Result<T> {
    let id = call.path_id("id", "block")?;
    let now = state.seam.now();
    let mut form = of_block();
    form.extend(top(specs::NERVES));
    work(&Subject {
        title: "Correct the block",
        kind: "block",
        reading: Action::ReadBlock,
        id,
        form,
        load: &|unit| {
            let (stored, _) = blocks::get(unit, id)?;
            let fields = shown(&stored.value)?;
            Loaded::of(unit, &stored, &fields)
        },
        check: &|value| {
            complaints(BlockBody::read(value, now), |body, errors| {
                body.alone("", errors);
            })
        },
        earlier: without_derived_nerves,
    })
}

fn show(state: &State, call: &Call) -> Result<Reply> {
    with_subject(state, call, |subject| subject.show(state, call))
}

fn correct(state: &State, call: &Call) -> Result<Reply> {
    with_subject(state, call, |subject| {
        let (id, now) = (subject.id, state.seam.now());
        subject.correct(state, call, move |unit, value, version, reason| {
            let body = BlockBody::read(value, now).map_err(Error::Invalid)?;
            let (block, _) = body.into_domain();
            blocks::correct(unit, id, version, &block, Some(reason))?;
            Ok(())
        })
    })
}
