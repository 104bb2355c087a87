//! What the script of the page sends: the answers that wait on the phone.

use super::page::gone;
use crate::app::diary::{self, Answer, MOST_AT_ONCE, NewEntry, Outcome};
use crate::app::{Error, Result};
use crate::domain::anatomy::Side;
use crate::domain::pain::{Scale, Score};
use crate::http::{Access, Call, Endpoint, Method, Reply, State};
use crate::wire::errors::FieldErrors;
use crate::wire::scalar::{Code, Id, Instant, Percentage, Whole};
use deserr::Deserr;
use schemars::JsonSchema;
use serde_json::{Value, json};

/// An answer as the phone sends it.
#[derive(Debug, Deserr, JsonSchema)]
#[schemars(rename = "DiaryEntry")]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct EntryBody {
    /// Drawn by the phone: sent again, it is known by it.
    id: Id,
    /// The time that is rated.
    taken_at: Instant,
    /// When the patient answered.
    answered_at: Instant,
    /// When it is sent, by the same clock.
    sent_at: Instant,
    /// 0 to 10.
    value: Whole<0, 10>,
    /// The side that was rated.
    #[deserr(default)]
    side: Option<Code<Side>>,
    /// Relief as the patient states it.
    #[deserr(default)]
    stated_relief_percent: Option<Percentage>,
    /// Whether medicine for pain was taken.
    #[deserr(default)]
    analgesic_taken: Option<bool>,
}

impl EntryBody {
    fn into_entry(self) -> Option<NewEntry> {
        let tenths = i16::try_from(self.value.0.checked_mul(10)?).ok()?;
        Some(NewEntry {
            id: self.id.0,
            answer: Answer {
                taken_at: self.taken_at.0,
                answered_at: self.answered_at.0,
                sent_at: self.sent_at.0,
                score: Score::new(Scale::Nrs, tenths).ok()?,
                side: self.side.map(|code| code.0),
                stated_relief: self.stated_relief_percent.map(|percent| percent.0),
                analgesic_taken: self.analgesic_taken.unwrap_or(false),
            },
        })
    }
}

pub(super) fn endpoint() -> Endpoint {
    Endpoint::page("/d/{token}/entries", "diary_entries", Access::Public, take)
        .sent_by(Method::Post)
        .takes::<Vec<EntryBody>>(Vec::new())
        .answers_as(200, "application/json", "What became of each answer.")
}

fn take(state: &State, call: &Call) -> Result<Reply> {
    let count = call.json().as_array().map_or(0, Vec::len);
    if count > MOST_AT_ONCE {
        let detail = format!("At most {MOST_AT_ONCE} answers at once.");
        return Err(Error::field("", "too_many", detail));
    }
    let bodies: Vec<EntryBody> = call.parse()?;
    let entries = bodies.into_iter().filter_map(EntryBody::into_entry);
    let token = call.path("token");
    let Some(outcomes) = diary::accept(&state.app, token, entries.collect())? else {
        return gone(call);
    };
    let opened = diary::open(&state.app, token)?;
    let answered: Vec<i64> = opened
        .iter()
        .flat_map(|opened| &opened.answered)
        .map(|slot| slot.minutes)
        .collect();
    let shown: Vec<Value> = outcomes.iter().map(shown).collect();
    Reply::json(&json!({"entries": shown, "answered": answered}))
}

fn shown(outcome: &Outcome) -> Value {
    let refused = outcome.refused.map(|refusal| refusal.code());
    json!({"id": outcome.id, "stored": refused.is_none(), "refused": refused})
}
