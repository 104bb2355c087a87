//! A profile edited on the page and tried on the whole cohort; nothing of it is stored.

use super::super::page::{Place, Shell, page, page_with};
use super::view::{TableView, tables_of};
use super::{Filters, TabView, tabs};
use crate::app::analytics::{self, Moved};
use crate::app::profiles::document_of;
use crate::app::{Error, FieldError, Result, Unit};
use crate::chart::figure_charts;
use crate::http::query::Query;
use crate::http::v1::analytics::asked_from;
use crate::http::{Call, Reply, State};
use actix_web::http::StatusCode;
use askama::Template;
use uuid::Uuid;

/// What a try found.
struct Found {
    title: String,
    against: String,
    charts: Vec<String>,
    tables: Vec<TableView>,
    entering: Option<Vec<MovedView>>,
    leaving: Option<Vec<MovedView>>,
}

/// A target that comes in or goes out.
struct MovedView {
    episode: Uuid,
    target: String,
    rules: String,
}

impl MovedView {
    fn of(moved: &Moved) -> MovedView {
        let rules: Vec<String> = moved
            .rules
            .iter()
            .map(|rule| rule.label().to_lowercase())
            .collect();
        MovedView {
            episode: moved.episode.0,
            target: moved.target.to_string(),
            rules: rules.join(", "),
        }
    }
}

#[derive(Template)]
#[template(path = "study/what_if.html")]
struct WhatIfTemplate {
    shell: Shell,
    tabs: Vec<TabView>,
    filters: Filters,
    base: String,
    against: String,
    document: String,
    errors: Vec<FieldError>,
    found: Option<Found>,
}

impl WhatIfTemplate {
    fn shown<'f>(&self, found: &'f Found) -> &'f [TableView] {
        &found.tables
    }

    fn lists<'f>(&self, found: &'f Found) -> [(&'static str, &'f Option<Vec<MovedView>>); 2] {
        [
            ("Who would come in", &found.entering),
            ("Who would go out", &found.leaving),
        ]
    }
}

pub(super) fn show(state: &State, call: &Call) -> Result<Reply> {
    let base = call.query("base").unwrap_or_default();
    let template = state.app.read(call.principal()?, |unit| {
        let profiles = unit.profiles()?;
        let chosen = profiles
            .iter()
            .find(|one| one.profile.id == base)
            .or_else(|| profiles.iter().find(|one| one.active))
            .or_else(|| profiles.first());
        let profile = chosen
            .map(|one| &one.profile)
            .ok_or(Error::NotFound { what: "profile" })?;
        let (id, document) = (profile.id.clone(), document_of(profile));
        form(unit, call, call.whole_query().clone(), id, document)
    })?;
    page(&template)
}

fn form(
    unit: &mut Unit<'_, '_>,
    call: &Call,
    chosen: Query,
    against: String,
    document: String,
) -> Result<WhatIfTemplate> {
    Ok(WhatIfTemplate {
        shell: Shell::of(call, Place::Study)?,
        tabs: tabs(None, &chosen),
        filters: Filters::of(unit, chosen)?,
        base: against.clone(),
        against,
        document,
        errors: Vec::new(),
        found: None,
    })
}

pub(super) fn run(state: &State, call: &Call) -> Result<Reply> {
    let sent = call.form()?;
    let chosen = sent
        .without(&["document", "against", "csrf"])
        .without_empty();
    // A browser sends the lines of a text with its own line ends.
    let document = sent
        .get("document")
        .unwrap_or_default()
        .replace("\r\n", "\n");
    let against = sent.get("against").unwrap_or_default().to_owned();
    let asked = asked_from(&chosen);
    let template = state.app.read(call.principal()?, |unit| {
        let named = Some(against.as_str()).filter(|against| !against.is_empty());
        let tried = analytics::what_if(unit, &document, named, &asked, &mut |_| Ok(()));
        let mut template = form(
            unit,
            call,
            chosen.clone(),
            against.clone(),
            document.clone(),
        )?;
        match tried {
            Ok(found) => {
                let moved = |moved: &Option<Vec<Moved>>| {
                    moved
                        .as_ref()
                        .map(|moved| moved.iter().map(MovedView::of).collect())
                };
                template.found = Some(Found {
                    title: found.profile.title.clone(),
                    against: found.against.title.clone(),
                    charts: figure_charts("what-if", &found.report),
                    tables: tables_of(&found.report, None),
                    entering: moved(&found.entering),
                    leaving: moved(&found.leaving),
                });
            }
            Err(Error::Invalid(errors)) => template.errors = errors,
            Err(other) => return Err(other),
        }
        Ok(template)
    })?;
    if template.errors.is_empty() {
        page(&template)
    } else {
        page_with(StatusCode::UNPROCESSABLE_ENTITY, &template)
    }
}
