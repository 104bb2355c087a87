//! The clinic's side of a diary: a link with its QR code to hand out, on the screen or on paper, and to revoke.

use super::qr_svg;
use crate::app::diary::{self, Language, ListedLink, NewLink, NewReminders, PageWords, RemindBy};
use crate::app::{Error, Result, blocks};
use crate::auth::Action;
use crate::domain::pain::Context;
use crate::http::{Access, Call, Endpoint, Reply, State};
use crate::web::page::{Place, Shell, page_with};
use crate::wire::scalar::is_mail_address;
use actix_web::http::StatusCode;
use askama::Template;
use chrono::{DateTime, Utc};
use std::fmt::Write;
use uuid::Uuid;

struct LinkRow {
    id: Uuid,
    made_on: String,
    made_by: String,
    expires_on: String,
    standing: &'static str,
    works: bool,
    entries: i64,
    reminders: &'static str,
    language: &'static str,
}

/// What is handed out.
struct Handout {
    url: String,
    qr: String,
    until: String,
    language: &'static str,
    words: &'static PageWords,
}

#[derive(Template)]
#[template(path = "diary/clinic.html")]
struct ClinicTemplate {
    shell: Shell,
    block: Uuid,
    patient: Uuid,
    about: String,
    no_baseline: bool,
    may_make: bool,
    may_revoke: bool,
    handout: Option<Handout>,
    links: Vec<LinkRow>,
    languages: &'static [Language],
    remind_by: Option<RemindBy>,
    problem: String,
    address: String,
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    let reading = Access::SignedIn(Action::ReadDiaryLink);
    let making = Access::SignedIn(Action::MakeDiaryLink);
    let revoking = Access::SignedIn(Action::RevokeDiaryLink);
    vec![
        Endpoint::page("/blocks/{id}/diary", "diary_links_page", reading, show).answers_as(
            200,
            "text/html",
            "The links of a block's diary.",
        ),
        Endpoint::form("/blocks/{id}/diary", "make_diary_link_form", making, make).answers_as(
            303,
            "text/html",
            "The link is made.",
        ),
        Endpoint::form(
            "/blocks/{id}/diary/revoke",
            "revoke_diary_link_form",
            revoking,
            revoke,
        )
        .answers_as(303, "text/html", "The link is revoked."),
    ]
}

fn show(state: &State, call: &Call) -> Result<Reply> {
    shown(state, call, StatusCode::OK, String::new(), String::new())
}

fn shown(
    state: &State,
    call: &Call,
    status: StatusCode,
    problem: String,
    address: String,
) -> Result<Reply> {
    let id = call.path_id("id", "block")?;
    let principal = call.principal()?;
    let (block, scores, listed) = state.app.read(principal, |unit| {
        let (block, scores) = blocks::get(unit, id)?;
        Ok((block, scores, diary::list(unit, id)?))
    })?;
    let zone = state.app.settings.time_zone;
    let day = |at: DateTime<Utc>| at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string();
    let with_movement = scores.iter().any(|score| {
        let row = &score.value;
        row.context == Context::Movement && row.taken_at <= block.value.performed_at
    });
    let template = ClinicTemplate {
        shell: Shell::of(call, Place::Elsewhere)?,
        block: id,
        patient: block.patient,
        about: about(&block.value),
        no_baseline: !with_movement,
        may_make: principal.allows(Action::MakeDiaryLink),
        may_revoke: principal.allows(Action::RevokeDiaryLink),
        handout: listed.iter().find_map(|one| handout(one, day)),
        links: listed.iter().map(|one| row(one, day)).collect(),
        languages: Language::ALL,
        remind_by: state
            .app
            .settings
            .diary
            .reminders
            .as_ref()
            .map(diary::Delivery::by),
        problem,
        address,
    };
    page_with(status, &template)
}

/// What was treated and when.
fn about(block: &crate::domain::block::Block) -> String {
    let mut text = block.performed_at.format("%Y-%m-%d %H:%M").to_string();
    // Writing to a string cannot fail.
    let _ = write!(text, " · {}", block.side);
    for (place, joint) in block.joints.iter().enumerate() {
        let _ = write!(text, "{} {joint}", if place == 0 { "" } else { "," });
    }
    text
}

fn handout(listed: &ListedLink, day: impl Fn(DateTime<Utc>) -> String) -> Option<Handout> {
    let url = listed.url.clone()?;
    let language = listed.link.language.unwrap_or(Language::English);
    let words = &diary::words(language).page;
    Some(Handout {
        qr: qr_svg(&url, &words.title),
        url,
        until: diary::filled(&words.works_until, "time", &day(listed.link.expires_at)),
        language: language.code(),
        words,
    })
}

fn row(listed: &ListedLink, day: impl Fn(DateTime<Utc>) -> String) -> LinkRow {
    let link = &listed.link;
    let standing = match (&link.revoked, listed.works) {
        (_, true) => "works",
        (Some(_), false) => "revoked",
        (None, false) => "expired",
    };
    LinkRow {
        id: link.id,
        made_on: day(link.created_at),
        made_by: link.created_by.clone(),
        expires_on: day(link.expires_at),
        standing,
        works: listed.works,
        entries: listed.entries,
        reminders: link.remind_by.map_or("none", RemindBy::label),
        language: link.language.map_or("as the phone asks", Language::label),
    }
}

fn make(state: &State, call: &Call) -> Result<Reply> {
    let block = call.path_id("id", "block")?;
    let fields = call.form()?;
    let language = fields.get("language").unwrap_or_default();
    let address = fields.get("address").unwrap_or_default().trim().to_owned();
    let remind = fields.get("remind") == Some("yes");
    let by = state
        .app
        .settings
        .diary
        .reminders
        .as_ref()
        .map(diary::Delivery::by);
    let by = by.filter(|_| remind);
    if by == Some(RemindBy::Email) && !is_mail_address(&address) {
        let problem = "Reminders need an e-mail address, as someone@example.org.".to_owned();
        return shown(
            state,
            call,
            StatusCode::UNPROCESSABLE_ENTITY,
            problem,
            address,
        );
    }
    let wanted = NewLink {
        language: Language::from_code(language).ok(),
        reminders: by.map(|by| NewReminders {
            by,
            to: (by == RemindBy::Email).then(|| address.clone()),
        }),
    };
    let made = state.app.write(call.principal()?, move |unit| {
        diary::make(unit, block, &wanted)
    });
    match made {
        Ok(_) => Reply::see_other(&format!("/blocks/{block}/diary")),
        Err(Error::Conflict { detail, .. }) => {
            shown(state, call, StatusCode::CONFLICT, detail, address)
        }
        Err(other) => Err(other),
    }
}

fn revoke(state: &State, call: &Call) -> Result<Reply> {
    let block = call.path_id("id", "block")?;
    let fields = call.form()?;
    let link = fields
        .get("link")
        .and_then(|text| Uuid::try_parse(text).ok());
    let link = link.ok_or(Error::NotFound { what: "diary link" })?;
    state
        .app
        .write(call.principal()?, move |unit| diary::revoke(unit, link))?;
    Reply::see_other(&format!("/blocks/{block}/diary"))
}
