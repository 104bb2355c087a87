//! The page's form where no script runs: one answer, sent at once.

use super::page::{Typed, filled_page, gone};
use crate::app::Result;
use crate::app::diary::{self, Answer, NewEntry, Opened};
use crate::domain::anatomy::Side;
use crate::domain::diary::slots;
use crate::domain::pain::{Percent, Scale, Score};
use crate::http::query::Query;
use crate::http::{Call, Reply, State};
use uuid::Uuid;

pub(super) fn take(state: &State, call: &Call) -> Result<Reply> {
    let token = call.path("token");
    let Some(opened) = diary::open(&state.app, token)? else {
        return gone(call);
    };
    let fields = call.form()?;
    let Some(entries) = entries(state, &opened, &fields) else {
        return filled_page(state, call, &opened, &typed(&opened, &fields));
    };
    if diary::accept(&state.app, token, entries)?.is_none() {
        return gone(call);
    }
    let language = call.query("lang").map(|code| format!("&lang={code}"));
    let query = language.unwrap_or_default();
    Reply::see_other(&format!("{}?saved=true{query}", call.url_path()))
}

fn field<'q>(fields: &'q Query, name: &str, side: Side) -> &'q str {
    fields
        .get(&format!("{name}_{}", side.code()))
        .unwrap_or_default()
}

/// An answer for each treated side; `None` where a number is missing.
fn entries(state: &State, opened: &Opened, fields: &Query) -> Option<Vec<NewEntry>> {
    let block = &opened.block;
    // No script, no clock of the phone: ours, in the offset of the block.
    let now = state.seam.now().with_timezone(block.performed_at.offset());
    let when = fields.get("when").unwrap_or_default();
    let earlier = slots().find(|slot| slot.minutes.to_string() == when);
    let taken_at = earlier.map_or(now, |slot| slot.due_at(block.performed_at));
    let entry = |side: &Side| {
        let value: i16 = field(fields, "pain", *side).parse().ok()?;
        let score = Score::new(Scale::Nrs, value.checked_mul(10)?).ok()?;
        let relief: Option<i16> = field(fields, "relief", *side).parse().ok();
        let id = Uuid::try_parse(field(fields, "entry", *side)).ok();
        Some(NewEntry {
            id: id.unwrap_or_else(|| state.seam.new_id()),
            answer: Answer {
                taken_at,
                answered_at: now,
                sent_at: now,
                score,
                side: Some(*side),
                stated_relief: relief
                    .and_then(|percent| percent.checked_mul(10))
                    .and_then(Percent::from_tenths),
                analgesic_taken: fields.get("medicine") == Some("yes"),
            },
        })
    };
    block.sides().iter().map(entry).collect()
}

/// What was typed, to be shown again.
fn typed(opened: &Opened, fields: &Query) -> Typed {
    let of = |name: &str| {
        let sides = opened.block.sides().iter();
        sides
            .map(|side| (*side, field(fields, name, *side).to_owned()))
            .collect()
    };
    Typed {
        pain: of("pain"),
        relief: of("relief"),
        medicine: fields.get("medicine") == Some("yes"),
        when: fields.get("when").unwrap_or_default().to_owned(),
        incomplete: true,
    }
}
