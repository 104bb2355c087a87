//! Links by which patients keep a block's diary on their phone.

use super::stored::utc;
use super::{change, look, once};
use crate::app::diary::{self, Language, ListedLink, NewLink, NewReminders, RemindBy};
use crate::app::{Error, Result};
use crate::auth::Action;
use crate::http::call::Call;
use crate::http::problem::Kind;
use crate::http::registry::{Endpoint, Example};
use crate::http::reply::Reply;
use crate::http::state::State;
use crate::wire::errors::FieldErrors;
use crate::wire::scalar::{Code, Id, Instant, MailAddress};
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// What a link is to be like. All of it may be left out.
#[derive(Debug, Deserr, JsonSchema)]
#[schemars(rename = "NewDiaryLink")]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct LinkBody {
    /// The language of the page; left out, as the phone asks.
    #[deserr(default)]
    language: Option<Code<Language>>,
    /// Reminders at each time that the diary asks; left out, none.
    #[deserr(default)]
    reminders: Option<RemindersBody>,
}

/// How the patient is reminded.
#[derive(Debug, Deserr, JsonSchema)]
#[schemars(rename = "NewDiaryReminders")]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct RemindersBody {
    /// In which way; it must be the one that this service is configured for.
    by: Code<RemindBy>,
    /// The address, for e-mail. It is forgotten when the link ends.
    #[deserr(default)]
    to: Option<MailAddress>,
}

/// A link as answered.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DiaryLink")]
struct LinkView {
    /// Its id.
    id: Id,
    /// The block.
    block_id: Id,
    /// Its address, which is all that a patient needs; null where the link does not work or you may not make one.
    url: Option<String>,
    /// Whether it works now.
    works: bool,
    /// The language of the page; null: as the phone asks.
    language: Option<Code<Language>>,
    /// How the patient is reminded; null: not at all.
    reminders: Option<Code<RemindBy>>,
    /// How many answers came through it.
    entries: i64,
    /// When it was made.
    created_at: Instant,
    /// Who made it.
    created_by: String,
    /// From when on it no longer works.
    expires_at: Instant,
    /// When it was revoked; null where it was not.
    revoked_at: Option<Instant>,
}

impl From<&ListedLink> for LinkView {
    fn from(listed: &ListedLink) -> LinkView {
        let link = &listed.link;
        LinkView {
            id: Id(link.id),
            block_id: Id(link.block),
            url: listed.url.clone(),
            works: listed.works,
            language: link.language.map(Code),
            reminders: link.remind_by.map(Code),
            entries: listed.entries,
            created_at: utc(link.created_at),
            created_by: link.created_by.clone(),
            expires_at: utc(link.expires_at),
            revoked_at: link.revoked.as_ref().map(|revoked| utc(revoked.at)),
        }
    }
}

/// The links of a block.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DiaryLinks")]
struct LinksView {
    /// The newest first.
    items: Vec<LinkView>,
}

const ABOUT: &str = "The address is signed and names the link only: whoever opens it learns neither who the patient is nor what is recorded, and can \
add answers to this one block's diary. It works for 15 days, or until it is revoked. Answers are recorded as scores of the block with `context` \
`movement` and `reported_by` `patient`, and the patient is judged anew as they arrive. Hand it to the patient alone; it is not shown in any log.";

/// What there is about diaries.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let path = "/v1/blocks/{id}/diary-link";
    vec![
        Endpoint::post(path, "make_diary_link", Action::MakeDiaryLink, make)
            .titled("diaries", "Make a link by which the patient keeps the diary")
            .about(ABOUT)
            .takes::<LinkBody>(vec![
                Example {
                    name: "plain",
                    summary: "A link whose page speaks Spanish.",
                    value: json!({"language": "es"}),
                },
            ])
            .optional_body()
            .answers::<LinkView>(201, "The link is made.", Some(example()))
            .fails(&[Kind::NotFound, Kind::Conflict]),
        Endpoint::get(
            "/v1/blocks/{id}/diary-links",
            "list_diary_links",
            Action::ReadDiaryLink,
            list,
        )
        .titled("diaries", "List the links of a block")
        .about("The newest first, those that no longer work as well.")
        .answers::<LinksView>(
            200,
            "The links.",
            Some(json!({"items": [example()]})),
        )
        .fails(&[Kind::NotFound]),
        Endpoint::delete(
            "/v1/diary-links/{id}",
            "revoke_diary_link",
            Action::RevokeDiaryLink,
            revoke,
        )
        .titled("diaries", "Revoke a link")
        .about("It does not work any more; what came through it stays. Revoking it again does nothing.")
        .answers_nothing("The link is revoked.")
        .fails(&[Kind::NotFound]),
    ]
}

fn example() -> Value {
    json!({
        "id": "01890a5d-ac96-774b-bcce-b302099a8057", "block_id": "01890a5d-ac96-774b-bcce-b302099a8058",
        "url": "https://medial.example.org/d/AYkKXayWd0u8zrMCCZqAV5oM3kB2H0wY9Lr6n1qzK7E",
        "works": true, "language": "es", "reminders": null, "entries": 0,
        "created_at": "2025-09-08T15:00:00Z", "created_by": "clinician-1",
        "expires_at": "2025-09-23T15:00:00Z", "revoked_at": null,
    })
}

fn make(state: &State, call: &Call) -> Result<Reply> {
    let block = call.path_id("id", "block")?;
    let body: Option<LinkBody> = call.parse_if_any()?;
    let wanted = body.map_or_else(NewLink::default, |body| NewLink {
        language: body.language.map(|code| code.0),
        reminders: body.reminders.map(|reminders| NewReminders {
            by: reminders.by.0,
            to: reminders.to.map(|to| to.0),
        }),
    });
    once(state, call, move |unit| {
        let made = diary::make(unit, block, &wanted)?;
        let view = LinkView::from(&made);
        Reply::json_with(actix_web::http::StatusCode::CREATED, &view)?.header(
            actix_web::http::header::LOCATION,
            &format!("/v1/blocks/{block}/diary-links"),
        )
    })
}

fn list(state: &State, call: &Call) -> Result<Reply> {
    let block = call.path_id("id", "block")?;
    look(state, call, |unit| {
        let links = diary::list(unit, block)?;
        let items = links.iter().map(LinkView::from).collect();
        Reply::json(&LinksView { items })
    })
}

fn revoke(state: &State, call: &Call) -> Result<Reply> {
    let link = call.path_id("id", "diary link")?;
    change(state, call, move |unit| {
        diary::revoke(unit, link)?;
        Ok::<_, Error>(Reply::no_content())
    })
}
