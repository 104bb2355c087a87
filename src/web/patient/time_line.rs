//! Everything about a patient in one line of time, the newest first.

use crate::app::timeline::Timeline;
use crate::domain::pain::Tenths;
use crate::web::words;
use chrono::NaiveDate;

/// Something that happened.
pub(super) struct Event {
    /// On which day.
    pub(super) day: NaiveDate,
    /// At what time, where that is recorded.
    pub(super) time: String,
    /// What, in a word or two.
    pub(super) kind: &'static str,
    /// What, in a sentence.
    pub(super) text: String,
    /// Where it can be corrected.
    pub(super) href: Option<String>,
}

impl Event {
    fn on(day: NaiveDate, kind: &'static str, text: String) -> Event {
        Event {
            day,
            time: String::new(),
            kind,
            text,
            href: None,
        }
    }

    fn at(mut self, href: String) -> Event {
        self.href = Some(href);
        self
    }
}

/// The line. The scores of a block are one event with it.
pub(super) fn of(records: &Timeline) -> Vec<Event> {
    let mut events = Vec::new();
    for episode in &records.episodes {
        let value = &episode.value;
        let edit = format!("/episodes/{}/edit", episode.id);
        if let Some(onset) = value.onset_date {
            let text = format!("{} pain", words::capitalized(value.region.label()));
            events.push(Event::on(onset, "Onset", text).at(edit.clone()));
        }
        for care in &value.conservative_care {
            if let Some(start) = care.start {
                let end = care
                    .end
                    .map_or_else(|| "no end recorded".to_owned(), |end| format!("to {end}"));
                let outcome = care
                    .outcome
                    .map_or_else(String::new, |outcome| format!(", {}", outcome.label()));
                let text = format!("{}, {end}{outcome}", care.kind);
                events.push(Event::on(start, "Conservative care", text).at(edit.clone()));
            }
        }
        for score in &value.disability {
            let text = format!(
                "{} {} of {}",
                score.instrument.label(),
                Tenths(score.score_tenths),
                Tenths(score.maximum_tenths)
            );
            events.push(Event::on(score.taken_on, "Disability score", text).at(edit.clone()));
        }
    }
    for block in &records.blocks {
        let rows = records
            .scores
            .iter()
            .filter(|score| score.parent == block.id)
            .count();
        let text = format!(
            "{}, {}; {rows} {}",
            words::block(&block.value),
            words::treated(&block.value.joints, block.value.side),
            if rows == 1 { "score" } else { "scores" }
        );
        let mut event =
            Event::on(block.value.local_date(), "Block", text).at(format!("#block-{}", block.id));
        event.time = block.value.performed_at.format("%H:%M").to_string();
        events.push(event);
    }
    for ablation in &records.ablations {
        let value = &ablation.value;
        let technique = value
            .technique
            .map_or_else(String::new, |technique| format!("{}, ", technique.label()));
        let text = format!("{technique}{}", words::treated(&value.joints, value.side));
        let event = Event::on(value.performed_on, "Ablation", text);
        events.push(event.at(format!("#ablation-{}", ablation.id)));
    }
    for follow_up in &records.follow_ups {
        let text = words::follow_up(&follow_up.value);
        events.push(Event::on(follow_up.value.taken_on, "Follow-up", text));
    }
    for (event, _) in &records.events {
        let value = &event.value;
        let resolved = value.resolved_on.map_or_else(
            || "not resolved".to_owned(),
            |day| format!("resolved {day}"),
        );
        let text = format!(
            "{} ({}), {resolved}",
            value.category.label(),
            value.grade.label()
        );
        events.push(Event::on(value.onset_on, "Adverse event", text));
    }
    for review in &records.reviews {
        let text = words::review(review);
        events.push(Event::on(review.decided_at.date_naive(), "Decision", text));
    }
    events.sort_by(|a, b| (b.day, &b.time).cmp(&(a.day, &a.time)));
    events
}
