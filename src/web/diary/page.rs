//! The page of a diary, and that of a link that does not work.

use super::{language_of, other};
use crate::app::Result;
use crate::app::diary::{self, Language, Opened, PageWords, ScriptWords, Slot, filled, words};
use crate::domain::anatomy::{Region, Side, TreatedSide};
use crate::domain::block::{Block, regions};
use crate::domain::diary::slots;
use crate::http::{Call, Reply, State};
use crate::web::assets;
use crate::web::page::page_with;
use actix_web::http::StatusCode;
use askama::Template;
use chrono::{DateTime, FixedOffset, Utc};
use serde_json::json;

/// Minutes of a day.
const DAY: i64 = 24 * 60;

/// What the form of a page holds: nothing, or what was typed into it before.
#[derive(Debug, Default, Clone)]
pub(super) struct Typed {
    /// The numbers, as `left` or `right` and what was chosen.
    pub(super) pain: Vec<(Side, String)>,
    /// The percentages.
    pub(super) relief: Vec<(Side, String)>,
    /// Whether medicine was taken.
    pub(super) medicine: bool,
    /// Which time it is for.
    pub(super) when: String,
    /// Whether something is missing.
    pub(super) incomplete: bool,
}

struct SideField {
    code: &'static str,
    label: &'static str,
    pain: Option<String>,
    relief: Option<String>,
    entry: String,
}

struct Missed {
    value: i64,
    label: String,
    chosen: bool,
}

struct Time {
    minutes: i64,
    datetime: String,
    label: String,
    state: &'static str,
    state_label: &'static str,
}

struct Group {
    title: &'static str,
    times: Vec<Time>,
}

#[derive(Template)]
#[template(path = "diary/page.html")]
struct PageTemplate {
    language: &'static str,
    other: &'static str,
    words: &'static PageWords,
    script_words: &'static ScriptWords,
    path: String,
    css: String,
    icon: String,
    queue: String,
    script: String,
    data: String,
    treated: String,
    saved: bool,
    incomplete: bool,
    medicine: bool,
    sides: Vec<SideField>,
    numbers: [&'static str; 11],
    percents: [&'static str; 11],
    missed: Vec<Missed>,
    groups: Vec<Group>,
}

const NUMBERS: [&str; 11] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"];
const PERCENTS: [&str; 11] = [
    "0", "10", "20", "30", "40", "50", "60", "70", "80", "90", "100",
];

#[derive(Template)]
#[template(path = "diary/gone.html")]
struct GoneTemplate {
    language: &'static str,
    other: &'static str,
    other_language: &'static str,
    words: &'static diary::GoneWords,
    css: String,
    icon: String,
}

pub(super) fn show(state: &State, call: &Call) -> Result<Reply> {
    match diary::open(&state.app, call.path("token"))? {
        Some(opened) => filled_page(state, call, &opened, &Typed::default()),
        None => gone(call),
    }
}

/// The one page for a link that was never given out, that expired or that was revoked.
pub(super) fn gone(call: &Call) -> Result<Reply> {
    let language = language_of(call, None);
    let words = words(language);
    let template = GoneTemplate {
        language: language.code(),
        other: other(language).code(),
        other_language: &words.page.other_language,
        words: &words.gone,
        css: assets::url("diary.css"),
        icon: assets::url("icon.svg"),
    };
    page_with(StatusCode::NOT_FOUND, &template)
}

/// The page, with what was typed before.
pub(super) fn filled_page(
    state: &State,
    call: &Call,
    opened: &Opened,
    typed: &Typed,
) -> Result<Reply> {
    let language = language_of(call, opened.language);
    let all = words(language);
    let words = &all.page;
    let now = state.seam.now();
    let block = &opened.block;
    let moments: Vec<Moment> = slots().map(|slot| Moment::of(slot, opened, now)).collect();
    let template = PageTemplate {
        language: language.code(),
        other: other(language).code(),
        words,
        script_words: &all.script,
        path: call.url_path().to_owned(),
        css: assets::url("diary.css"),
        icon: assets::url("icon.svg"),
        queue: assets::url("diary-queue.js"),
        script: assets::url("diary.js"),
        data: data(opened, language, words, &all.script),
        treated: filled(&words.only_treated, "place", &place(block, words)),
        saved: call.query_flag("saved"),
        incomplete: typed.incomplete,
        medicine: typed.medicine,
        sides: sides(state, block, words, typed),
        numbers: NUMBERS,
        percents: PERCENTS,
        missed: missed(&moments, words, typed),
        groups: groups(&moments, words),
    };
    let status = if typed.incomplete {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    page_with(status, &template)
}

/// A time of the diary as it stands now.
struct Moment {
    slot: Slot,
    due_at: DateTime<FixedOffset>,
    state: Standing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Done,
    Now,
    Missed,
    Later,
}

impl Moment {
    fn of(slot: Slot, opened: &Opened, now: DateTime<Utc>) -> Moment {
        let performed_at = opened.block.performed_at;
        let due_at = slot.due_at(performed_at);
        let state = if opened.answered.contains(&slot) {
            Standing::Done
        } else if now >= slot.ends_at(performed_at) {
            Standing::Missed
        } else if now >= due_at {
            Standing::Now
        } else {
            Standing::Later
        };
        Moment {
            slot,
            due_at,
            state,
        }
    }

    fn label(&self, words: &PageWords) -> String {
        let time = self.due_at.format("%H:%M");
        if self.slot.minutes < DAY {
            return time.to_string();
        }
        let day = filled(&words.day, "count", &(self.slot.minutes / DAY).to_string());
        format!("{day}, {time}")
    }
}

fn missed(moments: &[Moment], words: &PageWords, typed: &Typed) -> Vec<Missed> {
    let open = moments.iter().filter(|one| one.state == Standing::Missed);
    open.map(|one| Missed {
        value: one.slot.minutes,
        label: filled(&words.time_earlier, "time", &one.label(words)),
        chosen: typed.when == one.slot.minutes.to_string(),
    })
    .collect()
}

fn groups(moments: &[Moment], words: &'static PageWords) -> Vec<Group> {
    let parts = [
        (words.times_first_hour.as_str(), 0..=60),
        (words.times_first_day.as_str(), 61..=DAY - 1),
        (words.times_two_weeks.as_str(), DAY..=i64::MAX),
    ];
    parts
        .into_iter()
        .map(|(title, range)| Group {
            title,
            times: moments
                .iter()
                .filter(|one| range.contains(&one.slot.minutes))
                .map(|one| time(one, words))
                .collect(),
        })
        .collect()
}

fn time(moment: &Moment, words: &'static PageWords) -> Time {
    let (state, state_label) = match moment.state {
        Standing::Done => ("done", &words.state_done),
        Standing::Now => ("now", &words.state_now),
        Standing::Missed => ("missed", &words.state_missed),
        Standing::Later => ("later", &words.state_later),
    };
    Time {
        minutes: moment.slot.minutes,
        datetime: moment.due_at.to_rfc3339(),
        label: moment.label(words),
        state,
        state_label,
    }
}

/// The fields of each treated side, with an id for its answer: a form that is sent twice is stored once.
fn sides(state: &State, block: &Block, words: &'static PageWords, typed: &Typed) -> Vec<SideField> {
    let of = |list: &[(Side, String)], side: Side| {
        let found = list.iter().find(|(of, _)| *of == side);
        found.map(|(_, value)| value.clone())
    };
    let field = |side: &Side| SideField {
        code: side.code(),
        label: match side {
            Side::Left => &words.side_left,
            Side::Right => &words.side_right,
        },
        pain: of(&typed.pain, *side),
        relief: of(&typed.relief, *side),
        entry: state.seam.new_id().to_string(),
    };
    block.sides().iter().map(field).collect()
}

/// What was treated, in as few words as a patient needs to rate the right pain.
fn place(block: &Block, words: &PageWords) -> String {
    let neck = regions(&block.joints).all(|region| region == Region::Cervical);
    let place = if neck {
        &words.place_neck
    } else {
        &words.place_back
    };
    let with_side = match block.side {
        TreatedSide::Left => &words.place_left,
        TreatedSide::Right => &words.place_right,
        TreatedSide::Bilateral => &words.place_both,
    };
    filled(with_side, "place", place)
}

/// What the script needs to work without the server.
fn data(
    opened: &Opened,
    language: Language,
    words: &PageWords,
    script_words: &ScriptWords,
) -> String {
    let minutes: Vec<i64> = opened.answered.iter().map(|slot| slot.minutes).collect();
    let slots: Vec<[i64; 3]> = slots()
        .map(|slot| [slot.minutes, slot.from_seconds, slot.to_seconds])
        .collect();
    let sides: Vec<&str> = opened
        .block
        .sides()
        .iter()
        .map(|side| side.code())
        .collect();
    json!({
        "performed_at": opened.block.performed_at.with_timezone(&Utc),
        "slots": slots,
        "sides": sides,
        "answered": minutes,
        "language": language.code(),
        "day": words.day,
        "states": {
            "done": words.state_done, "now": words.state_now, "missed": words.state_missed,
            "later": words.state_later, "answer": words.answer_missed, "earlier": words.time_earlier,
            "choose_now": words.time_now,
        },
        "words": script_words,
    })
    .to_string()
}
