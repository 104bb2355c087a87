//! The forms with which clinicians record and correct.
//!
//! Each form is a declared list of fields. What was typed is read into the body that the API takes, goes the API's way
//! through the same checks and use cases, and whatever is wrong lands at its field with everything typed kept.

mod ablations;
mod blocks;
mod clock;
mod episodes;
mod events;
mod field;
mod grid;
mod patients;
mod scores;
mod specs;
mod spine;
mod stale;
mod view;

use super::assets;
use super::page::{Place, Shell, page_with};
use super::words;
use crate::app::{Error, FieldError, OnceKey, Result, Stored, Unit, versions};
use crate::auth::Action;
use crate::domain::patient::Patient;
use crate::http::query::Query;
use crate::http::{Access, Call, Endpoint, Parameter, ParameterKind, Reply, State};
use actix_web::http::StatusCode;
use askama::Template;
use chrono_tz::Tz;
use field::{Field, Kind, Placed, Read, typed};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use stale::Stale;
use std::fmt::Write;
use uuid::Uuid;
use view::{Choice, Control, FieldView, GridView, Item, SectionView, Sheet, Wrong};

/// The name of the field that says why something is corrected.
pub(super) const REASON: &str = "/reason";

/// Every form.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let nouns = [
        patients::endpoints(),
        episodes::endpoints(),
        blocks::endpoints(),
        scores::endpoints(),
        ablations::endpoints(),
        events::endpoints(),
    ];
    nouns.into_iter().flatten().collect()
}

/// The page with a form and the way it is sent.
fn both(
    path: &'static str,
    names: [&'static str; 2],
    action: Action,
    handlers: [fn(&State, &Call) -> Result<Reply>; 2],
) -> [Endpoint; 2] {
    let [shown, sent] = names;
    let [show, send] = handlers;
    [
        Endpoint::page(path, shown, Access::SignedIn(action), show),
        Endpoint::form(path, sent, Access::SignedIn(action), send),
    ]
}

/// A record that the address names.
fn of_record(name: &'static str, description: &'static str) -> Parameter {
    Parameter::new(name, ParameterKind::Id, description)
}

#[derive(Template)]
#[template(path = "record/form.html")]
struct FormTemplate {
    shell: Shell,
    css: String,
    script: String,
    title: &'static str,
    about: String,
    back: String,
    back_label: &'static str,
    stale: Option<Stale>,
    wrong: Vec<Wrong>,
    search: Option<Search>,
    action: String,
    once: String,
    spare: usize,
    hidden: Vec<(&'static str, String)>,
    submit: &'static str,
    sections: Vec<SectionView>,
    choices: Vec<Choice>,
    grid: Option<GridView>,
    folded: Vec<SectionView>,
    fold: &'static str,
    folded_open: bool,
    reason: Option<FieldView>,
    withdrawal: Option<Withdrawal>,
}

impl FormTemplate {
    fn has_spine(&self) -> bool {
        self.sections.iter().any(SectionView::is_only_spine)
    }
}

/// Patients to choose from.
struct Search {
    text: String,
    asked: bool,
    found: Vec<Found>,
}

/// A patient to choose.
struct Found {
    id: Uuid,
    name: String,
    about: String,
}

/// The form with which a score is withdrawn.
struct Withdrawal {
    action: String,
    version: i32,
    reason: FieldView,
}

/// A form on its way to being shown.
struct Draft {
    title: &'static str,
    about: String,
    back: String,
    action: String,
    submit: &'static str,
    form: Vec<Placed>,
    /// Sections that are folded away at the end, and what they are called together.
    folded: Vec<Placed>,
    fold: &'static str,
    query: Query,
    errors: Vec<FieldError>,
    notes: Vec<(String, String)>,
    hidden: Vec<(&'static str, String)>,
    /// Whether it corrects something, and has to say why.
    reasoned: bool,
    /// The scores, with the sides that were treated where they are known; empty where they are chosen beside them.
    grid: Option<&'static str>,
    choices: Vec<Choice>,
    search: Option<Search>,
    stale: Option<Stale>,
    /// Where it is withdrawn, and its version.
    withdraw: Option<(String, i32)>,
}

impl Draft {
    fn new(title: &'static str, action: String, form: Vec<Placed>) -> Draft {
        Draft {
            title,
            about: String::new(),
            back: String::new(),
            action,
            submit: "Save",
            form,
            folded: Vec::new(),
            fold: "",
            query: Query::default(),
            errors: Vec::new(),
            notes: Vec::new(),
            hidden: Vec::new(),
            reasoned: false,
            grid: None,
            choices: Vec::new(),
            search: None,
            stale: None,
            withdraw: None,
        }
    }

    /// About a patient, to whose page it leads back.
    fn of_patient(mut self, patient: &Stored<Patient>, today: chrono::NaiveDate) -> Draft {
        self.about = about(&patient.value, today);
        self.back = format!("/patients/{}", patient.id);
        self
    }

    fn reply(self, state: &State, call: &Call, status: StatusCode) -> Result<Reply> {
        let zone = state.app.settings.time_zone;
        let sheet = Sheet {
            query: &self.query,
            errors: &self.errors,
            notes: &self.notes,
            zone,
            spare: spare(&self.query),
        };
        let all: Vec<Placed> = self.form.iter().chain(&self.folded).copied().collect();
        let reason = |label| {
            let field = Field::new(REASON, label, Kind::Text)
                .hint("kept with the earlier version")
                .required();
            sheet.field(&field, REASON.to_owned())
        };
        let folded = sheet.sections(&self.folded);
        let touched = |section: &Placed| {
            let below = format!("{}/", section.under);
            !section.under.is_empty()
                && (self.query.pairs())
                    .any(|(name, value)| name.starts_with(&below) && !value.trim().is_empty())
        };
        let template = FormTemplate {
            shell: Shell::of(call, Place::Record)?,
            css: assets::url("record.css"),
            script: assets::url("record.js"),
            title: self.title,
            about: self.about,
            back_label: "Back to the patient",
            wrong: sheet.wrong(&all),
            search: self.search,
            action: self.action,
            once: format!("{:032x}", state.seam.random()),
            spare: sheet.spare,
            hidden: self.hidden,
            submit: self.submit,
            sections: sheet.sections(&self.form),
            choices: self.choices,
            grid: self.grid.map(|sides| sheet.grid(sides)),
            folded_open: self.folded.iter().any(touched),
            folded,
            fold: self.fold,
            reason: self.reasoned.then(|| reason("Reason")),
            withdrawal: self.withdraw.map(|(action, version)| {
                let mut reason = reason("Why is it withdrawn?");
                reason.id.push_str("-withdraw");
                Withdrawal {
                    action,
                    version,
                    reason,
                }
            }),
            stale: self.stale,
            back: self.back,
        };
        page_with(status, &template)
    }
}

/// A patient in a line: name, day of birth, identifiers.
fn about(patient: &Patient, today: chrono::NaiveDate) -> String {
    let mut parts = vec![words::name_of(patient)];
    if let Some(birth) = patient.birth_date {
        let age = words::age_of(patient, today);
        parts.push(format!("born {birth} ({age})"));
    }
    parts.extend(patient.identifiers.iter().map(|one| one.value.clone()));
    parts.join(" · ")
}

/// Empty rows at the end of each table.
fn spare(query: &Query) -> usize {
    let before: usize = typed(query, "spare").parse().unwrap_or(1);
    let more = if typed(query, "act") == "rows" { 3 } else { 0 };
    (before + more).clamp(1, 60)
}

/// Whether the form was only to be shown again: with more rows, or with the nerves.
fn only_shown(query: &Query) -> bool {
    !typed(query, "act").is_empty()
}

/// What makes sure that a form that is sent twice is stored once.
fn once(call: &Call, query: &Query) -> Option<OnceKey> {
    let key = typed(query, "once");
    if key.is_empty() || key.len() > 64 {
        return None;
    }
    let mut hash = Sha256::new();
    hash.update(call.url_path());
    hash.update(query.without(&["csrf"]).sorted());
    let fingerprint = hash
        .finalize()
        .iter()
        .fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
    Some(OnceKey {
        key: format!("form-{key}"),
        fingerprint,
    })
}

/// What `parse` makes of a form, everything that is wrong with it at once.
fn body<T>(
    read: &Read,
    parse: impl FnOnce(Value) -> std::result::Result<T, Vec<FieldError>>,
) -> Result<T> {
    match parse(Value::Object(read.body.clone())) {
        Ok(body) if read.errors.is_empty() => Ok(body),
        Ok(_) => Err(Error::Invalid(Vec::new())),
        Err(errors) => Err(Error::Invalid(errors)),
    }
}

/// A body that could be read, unless `check` finds something.
fn checked<T>(
    body: T,
    check: impl FnOnce(&T, &mut Vec<FieldError>),
) -> std::result::Result<T, Vec<FieldError>> {
    let mut errors = Vec::new();
    check(&body, &mut errors);
    if errors.is_empty() {
        Ok(body)
    } else {
        Err(errors)
    }
}

/// The answer to a form that was sent: on to the next page, or the form once more with what is wrong.
fn answered(
    state: &State,
    call: &Call,
    mut draft: Draft,
    read: &Read,
    outcome: Result<Reply>,
) -> Result<Reply> {
    let all: Vec<Placed> = draft.form.iter().chain(&draft.folded).copied().collect();
    let (status, errors) = match outcome {
        Err(Error::Invalid(errors)) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            field::located(&all, &draft.query, read, errors),
        ),
        Err(Error::Conflict { code, detail }) => (
            StatusCode::CONFLICT,
            vec![FieldError::new("", code, detail)],
        ),
        Err(Error::IdempotencyKeyReused) => {
            let detail = "This form was sent before with other values, and those were stored. Look at the record first: \
                          sending this once more stores a second one.";
            (
                StatusCode::CONFLICT,
                vec![FieldError::new("", "sent_before", detail)],
            )
        }
        other => return other,
    };
    draft.errors = errors;
    draft.reply(state, call, status)
}

/// A record as it is to be corrected.
struct Loaded {
    /// As the API answers it.
    fields: Value,
    version: i32,
    patient: Stored<Patient>,
}

impl Loaded {
    fn of<T>(
        unit: &mut Unit<'_, '_>,
        stored: &Stored<T>,
        fields: &impl Serialize,
    ) -> Result<Loaded> {
        Ok(Loaded {
            fields: serde_json::to_value(fields).map_err(|error| Error::Internal(error.into()))?,
            version: stored.version,
            patient: crate::app::patients::get(unit, stored.patient)?,
        })
    }
}

/// What is corrected on a page: how it is called and kept, and how it is read.
struct Subject<'s> {
    title: &'static str,
    /// The kind under which earlier versions are kept.
    kind: &'static str,
    reading: Action,
    id: Uuid,
    form: Vec<Placed>,
    load: &'s dyn Fn(&mut Unit<'_, '_>) -> Result<Loaded>,
    /// What is wrong with a body before anything is stored.
    check: &'s dyn Fn(Value) -> Vec<FieldError>,
    /// An earlier version, which holds what was answered, as the form shows it.
    earlier: fn(Value) -> Value,
}

impl Subject<'_> {
    fn draft(&self, state: &State, call: &Call, loaded: &Loaded, query: Query) -> Draft {
        let mut draft = Draft::new(self.title, call.url_path().to_owned(), self.form.clone())
            .of_patient(&loaded.patient, state.app.today());
        draft.submit = "Save the correction";
        draft.reasoned = true;
        draft.query = query;
        draft
    }

    /// The form with what is stored.
    fn show(&self, state: &State, call: &Call) -> Result<Reply> {
        self.shown(state, call)?.reply(state, call, StatusCode::OK)
    }

    /// The form with what is stored, to be added to.
    fn shown(&self, state: &State, call: &Call) -> Result<Draft> {
        let loaded = state
            .app
            .read(call.principal()?, |unit| (self.load)(unit))?;
        let zone = state.app.settings.time_zone;
        let query = field::write(&self.form, &loaded.fields, zone);
        let mut draft = self.draft(state, call, &loaded, query);
        draft.hidden.push(("version", loaded.version.to_string()));
        Ok(draft)
    }

    /// Stores what was typed by `work`, which is given the body, the version and the reason.
    fn correct(
        &self,
        state: &State,
        call: &Call,
        work: impl Fn(&mut Unit<'_, '_>, Value, i32, &str) -> Result<()> + Send + Sync + 'static,
    ) -> Result<Reply> {
        let query = call.form()?;
        let version: i32 = typed(&query, "version").parse().unwrap_or(0);
        let loaded = state
            .app
            .read(call.principal()?, |unit| (self.load)(unit))?;
        let zone = state.app.settings.time_zone;
        let mut draft = self.draft(state, call, &loaded, query.clone());
        draft.hidden.push(("version", version.to_string()));
        if only_shown(&query) {
            return draft.reply(state, call, StatusCode::OK);
        }
        let mut read = field::read(&self.form, &query, zone);
        let reason = typed(&query, REASON).to_owned();
        if !(1..=500).contains(&reason.chars().count()) {
            let detail = "Say why in 1 to 500 characters.";
            read.errors
                .push(FieldError::new(REASON, "required", detail));
        }
        let complaints = (self.check)(Value::Object(read.body.clone()));
        let outcome = if read.errors.is_empty() && complaints.is_empty() {
            let (on, key) = (
                format!("/patients/{}", loaded.patient.id),
                once(call, &query),
            );
            let body = Value::Object(read.body.clone());
            state.app.write_once(call.principal()?, key, move |unit| {
                work(unit, body.clone(), version, &reason)?;
                Reply::see_other(&on)
            })
        } else {
            Err(Error::Invalid(complaints))
        };
        match outcome {
            Err(Error::PreconditionFailed { .. }) => self.stale(state, call, &query, version),
            outcome => answered(state, call, draft, &read, outcome),
        }
    }

    /// Somebody else was faster: what differs, side by side, and the form with one's own changes over what is stored.
    fn stale(&self, state: &State, call: &Call, mine: &Query, version: i32) -> Result<Reply> {
        let zone = state.app.settings.time_zone;
        let (loaded, opened) = state.app.read(call.principal()?, |unit| {
            let loaded = (self.load)(unit)?;
            let opened = versions::earlier(unit, self.reading, self.kind, self.id, version)?;
            Ok((loaded, opened))
        })?;
        let now = field::write(&self.form, &loaded.fields, zone);
        let opened = opened.map(|body| field::write(&self.form, &(self.earlier)(body), zone));
        let (stale, mut merged, notes) =
            stale::compare(&self.form, mine, &now, opened.as_ref(), call.url_path());
        merged.push(REASON, typed(mine, REASON));
        let mut draft = self.draft(state, call, &loaded, merged);
        draft.hidden.push(("version", loaded.version.to_string()));
        draft.stale = Some(stale);
        draft.notes = notes;
        draft.reply(state, call, StatusCode::PRECONDITION_FAILED)
    }
}

/// The clock of the clinic.
fn zone(state: &State) -> Tz {
    state.app.settings.time_zone
}

/// The latest day that it is anywhere on earth.
fn latest(state: &State) -> chrono::NaiveDate {
    crate::wire::block::latest_day(state.seam.now())
}

/// A form with what it is prefilled with.
fn filled(pairs: &[(&str, &str)]) -> Query {
    let mut query = Query::default();
    for (name, value) in pairs {
        query.push(name, value);
    }
    query
}

/// What is wrong with a body that `parse` reads.
fn complaints<T>(
    parsed: std::result::Result<T, Vec<FieldError>>,
    check: impl FnOnce(&T, &mut Vec<FieldError>),
) -> Vec<FieldError> {
    parsed
        .and_then(|body| checked(body, check))
        .err()
        .unwrap_or_default()
}

/// An id that came in a form.
fn id_in(query: &Query, name: &str, what: &'static str) -> Result<Uuid> {
    Uuid::try_parse(typed(query, name)).map_err(|_| Error::NotFound { what })
}
