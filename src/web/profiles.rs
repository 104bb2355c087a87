//! Each body's numbers side by side, with where they come from.

use super::page::{Place, Shell, page};
use crate::app::Result;
use crate::app::profiles::{self, Shelved};
use crate::auth::Action;
use crate::domain::qualification::profile::Criterion;
use crate::http::{Access, Call, Endpoint, Reply, State};
use crate::wire::profile::{CONTESTED, ProfileFields};
use askama::Template;
use serde_json::Value;

/// The pages.
pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page(
            "/profiles",
            "page_profiles",
            Access::SignedIn(Action::ReadProfile),
            show,
        ),
        Endpoint::form(
            "/profiles/{id}/activation",
            "form_profile_activation",
            Access::SignedIn(Action::WriteProfile),
            activate,
        ),
    ]
}

/// One profile, at the head of its column and in the list of sources.
struct Column {
    active: bool,
    fields: ProfileFields,
}

/// One criterion over all profiles.
struct Line {
    label: &'static str,
    cells: Vec<Option<CellView>>,
}

/// One number.
struct CellView {
    value: String,
    trust: &'static str,
    source: String,
}

#[derive(Template)]
#[template(path = "profiles.html")]
struct ProfilesTemplate {
    shell: Shell,
    columns: Vec<Column>,
    lines: Vec<Line>,
    may_change: bool,
    contested: &'static str,
}

fn show(state: &State, call: &Call) -> Result<Reply> {
    let template = state.app.read(call.principal()?, |unit| {
        let shelved = profiles::list(unit)?;
        let columns: Vec<Column> = shelved
            .iter()
            .map(|one: &Shelved| Column {
                active: one.active,
                fields: ProfileFields::from(one.profile.as_ref()),
            })
            .collect();
        let lines = Criterion::ALL
            .iter()
            .map(|criterion| line(*criterion, &columns))
            .filter(|line| line.cells.iter().any(Option::is_some))
            .collect();
        Ok(ProfilesTemplate {
            shell: Shell::of(call, Place::Profiles)?,
            columns,
            lines,
            may_change: unit.principal.allows(Action::WriteProfile),
            contested: CONTESTED,
        })
    })?;
    page(&template)
}

fn line(criterion: Criterion, columns: &[Column]) -> Line {
    let cell = |column: &Column| {
        let found = column
            .fields
            .criteria
            .iter()
            .find(|one| one.criterion.0 == criterion)?;
        Some(CellView {
            value: written(criterion, &found.value),
            trust: found.trust.0.label(),
            source: found.source.clone(),
        })
    };
    Line {
        label: criterion.label(),
        cells: columns.iter().map(cell).collect(),
    }
}

/// A number as it is read.
fn written(criterion: Criterion, value: &Value) -> String {
    let plain = match value {
        Value::Bool(true) => "yes".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) => {
            let texts: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
            texts.join(", ")
        }
        other => other.to_string(),
    };
    let unit = match criterion {
        Criterion::ReliefPercent | Criterion::RepeatPercent => "\u{a0}%",
        Criterion::ConservativeCare if value.is_number() => "\u{a0}weeks",
        _ => "",
    };
    format!("{plain}{unit}")
}

fn activate(state: &State, call: &Call) -> Result<Reply> {
    let id = call.path("id").to_owned();
    let active = call.form()?.get("active") == Some("true");
    state.app.write(call.principal()?, move |unit| {
        profiles::activate(unit, &id, None, active).map(|_| ())
    })?;
    Reply::see_other("/profiles")
}
