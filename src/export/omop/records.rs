//! What becomes of one patient's records in the model.

use super::concepts;
use super::tables::Table;
use super::{Cell, Model, Result};
use crate::app::After;
use crate::app::Stored;
use crate::app::exports::Person;
use crate::domain::ablation::{Ablation, FollowUp};
use crate::domain::adverse_event::AdverseEvent;
use crate::domain::block::Block;
use crate::domain::codes::{ProcedureLine, ablation_lines, block_lines};
use crate::domain::episode::{DisabilityScore, Episode};
use crate::domain::pain::{Percent, Score, ScoreRow};
use chrono::{Datelike, NaiveDate, NaiveDateTime};
use std::collections::HashMap;
use uuid::Uuid;

/// Who turned ninety is told no more by the year of birth than by the age.
const POOLED_AGE: i32 = 90;

/// A patient on the way into the model.
struct Subject<'p> {
    person: &'p Person,
    patient: Uuid,
    id: i64,
    /// The visits of blocks and ablations.
    visits: HashMap<Uuid, i64>,
    /// Every date that is told.
    days: Vec<NaiveDate>,
}

/// Adds everything about a person. One whose year of birth is not known is left out with all of it: the model has no
/// place for them.
pub(super) fn add(model: &mut Model, person: &Person) -> Result<()> {
    let patient = &person.timeline.patient;
    let days = days(person);
    let Some(born) = birth(model, person, &days) else {
        return Ok(());
    };
    let of = &patient.value;
    let mut cells = vec![
        ("gender_concept_id", concepts::gender(of.sex).into()),
        ("race_concept_id", concepts::NONE.into()),
        ("ethnicity_concept_id", concepts::NONE.into()),
        ("person_source_value", source(model, patient.id)),
        ("gender_source_value", Cell::maybe_code(of.sex)),
        ("gender_source_concept_id", concepts::NONE.into()),
        ("race_source_concept_id", concepts::NONE.into()),
        ("ethnicity_source_concept_id", concepts::NONE.into()),
    ];
    cells.extend(born);
    let id = model.add(Table::Person, cells)?;
    let mut subject = Subject {
        person,
        patient: patient.id,
        id,
        visits: HashMap::new(),
        days,
    };
    subject.period(model)?;
    for block in &person.timeline.blocks {
        subject.block(model, block)?;
    }
    for ablation in &person.timeline.ablations {
        subject.ablation(model, ablation)?;
    }
    for episode in &person.timeline.episodes {
        subject.episode(model, episode)?;
    }
    for score in &person.timeline.scores {
        subject.score(model, score)?;
    }
    for follow_up in &person.timeline.follow_ups {
        subject.follow_up(model, follow_up)?;
    }
    for (event, after) in &person.timeline.events {
        subject.event(model, &event.value, *after)?;
    }
    subject.verdicts(model)
}

/// Adds the one row that says where the tables come from.
pub(super) fn add_source(model: &mut Model, today: NaiveDate) -> Result<()> {
    let text = |text: &str| Cell::Text(text.to_owned());
    model.add(
        Table::CdmSource,
        vec![
            ("cdm_source_name", text("Medial")),
            ("cdm_source_abbreviation", text("Medial")),
            ("cdm_holder", text("The organization that keeps these records")),
            (
                "source_description",
                text("Medial branch blocks, relief of pain, radiofrequency ablations and what followed them"),
            ),
            ("source_release_date", today.into()),
            ("cdm_release_date", today.into()),
            ("cdm_version", text("5.4")),
            ("cdm_version_concept_id", concepts::MODEL.into()),
            ("vocabulary_version", text("none")),
        ],
    )?;
    Ok(())
}

/// Every date of a person on which something is told to have been done or measured.
fn days(person: &Person) -> Vec<NaiveDate> {
    let timeline = &person.timeline;
    let blocks = timeline.blocks.iter().map(|block| block.value.local_date());
    let scores = timeline.scores.iter().map(|score| score.value.local_date());
    let ablations = timeline.ablations.iter();
    let follow_ups = timeline.follow_ups.iter();
    let events = timeline.events.iter();
    let disability = timeline
        .episodes
        .iter()
        .flat_map(|episode| &episode.value.disability);
    let onsets = timeline
        .episodes
        .iter()
        .filter_map(|episode| episode.value.onset_date);
    let mut days: Vec<NaiveDate> = blocks
        .chain(scores)
        .chain(ablations.map(|ablation| ablation.value.performed_on))
        .chain(follow_ups.map(|follow_up| follow_up.value.taken_on))
        .chain(events.map(|(event, _)| event.value.onset_on))
        .chain(disability.map(|score| score.taken_on))
        .chain(onsets)
        .collect();
    days.sort_unstable();
    days
}

/// When the person was born: the day, or, where the export is de-identified, the year, shifted with everything else and
/// pooled for who is ninety.
fn birth(model: &Model, person: &Person, days: &[NaiveDate]) -> Option<Vec<(&'static str, Cell)>> {
    let patient = &person.timeline.patient;
    let born = patient.value.birth_date?;
    let Some(pseudonyms) = &model.pseudonyms else {
        return Some(vec![
            ("year_of_birth", born.year().into()),
            ("month_of_birth", i64::from(born.month()).into()),
            ("day_of_birth", i64::from(born.day()).into()),
            ("birth_datetime", midnight(born).into()),
        ]);
    };
    let shifted = |day: NaiveDate| match pseudonyms.date(patient.id, day.into()) {
        Cell::Date(day) => Some(day),
        _ => None,
    };
    let year = shifted(born)?.year();
    let last = days.last().copied().and_then(shifted);
    let oldest = last.map_or(year, |last| last.year() - POOLED_AGE);
    Some(vec![("year_of_birth", year.max(oldest).into())])
}

fn midnight(day: NaiveDate) -> NaiveDateTime {
    day.and_time(chrono::NaiveTime::MIN)
}

/// The id of a record, or its pseudonym, as a source value.
fn source(model: &Model, id: Uuid) -> Cell {
    let id = model
        .pseudonyms
        .as_ref()
        .map_or(id, |pseudonyms| pseudonyms.id(id));
    Cell::Text(id.to_string())
}

impl Subject<'_> {
    fn date(&self, model: &Model, cell: impl Into<Cell>) -> Cell {
        let cell = cell.into();
        match &model.pseudonyms {
            None => cell,
            Some(pseudonyms) => pseudonyms.date(self.patient, cell),
        }
    }

    fn period(&self, model: &mut Model) -> Result<()> {
        let (Some(first), Some(last)) = (self.days.first(), self.days.last()) else {
            return Ok(());
        };
        let cells = vec![
            ("person_id", self.id.into()),
            ("observation_period_start_date", self.date(model, *first)),
            ("observation_period_end_date", self.date(model, *last)),
            ("period_type_concept_id", concepts::FROM_RECORD.into()),
        ];
        model.add(Table::ObservationPeriod, cells).map(|_| ())
    }

    fn visit(&mut self, model: &mut Model, of: Uuid, at: NaiveDateTime) -> Result<i64> {
        let cells = vec![
            ("person_id", self.id.into()),
            ("visit_concept_id", concepts::OUTPATIENT.into()),
            ("visit_start_date", self.date(model, at.date())),
            ("visit_start_datetime", self.date(model, at)),
            ("visit_end_date", self.date(model, at.date())),
            ("visit_end_datetime", self.date(model, at)),
            ("visit_type_concept_id", concepts::FROM_RECORD.into()),
            ("visit_source_value", source(model, of)),
            ("visit_source_concept_id", concepts::NONE.into()),
        ];
        let id = model.add(Table::VisitOccurrence, cells)?;
        self.visits.insert(of, id);
        Ok(id)
    }

    fn procedures(
        &self,
        model: &mut Model,
        visit: i64,
        at: NaiveDateTime,
        lines: &[ProcedureLine],
    ) -> Result<()> {
        for line in lines {
            let cells = vec![
                ("person_id", self.id.into()),
                ("procedure_concept_id", concepts::NONE.into()),
                ("procedure_date", self.date(model, at.date())),
                ("procedure_datetime", self.date(model, at)),
                ("procedure_type_concept_id", concepts::FROM_RECORD.into()),
                ("quantity", line.units.into()),
                ("visit_occurrence_id", visit.into()),
                ("procedure_source_value", Cell::Code(line.code)),
                ("procedure_source_concept_id", concepts::NONE.into()),
                (
                    "modifier_source_value",
                    Cell::Text(line.modifiers.join(" ")),
                ),
            ];
            model.add(Table::ProcedureOccurrence, cells)?;
        }
        Ok(())
    }

    fn block(&mut self, model: &mut Model, block: &Stored<Block>) -> Result<()> {
        let of = &block.value;
        let at = of.performed_at.naive_local();
        let visit = self.visit(model, block.id, at)?;
        self.procedures(model, visit, at, &block_lines(of, false))?;
        if let Some(agent) = of.agent {
            let strength = of
                .concentration_thousandths
                .map(|strength| format!("{} %", Cell::thousandths(Some(strength)).csv()));
            let volume = of.volume_microlitres_per_nerve.map(|volume| {
                format!("{} mL at each nerve", Cell::thousandths(Some(volume)).csv())
            });
            let sig: Vec<String> = strength.into_iter().chain(volume).collect();
            let sig = (!sig.is_empty()).then(|| Cell::Text(sig.join(", ")));
            self.drug(model, visit, at, Cell::code(agent), sig)?;
        }
        if of.steroid == Some(true) {
            self.drug(model, visit, at, Cell::Code("corticosteroid"), None)?;
        }
        let day = of.local_date();
        self.percent(
            model,
            Some(visit),
            midnight(day),
            "stated_relief",
            of.stated_relief,
        )
    }

    fn drug(
        &self,
        model: &mut Model,
        visit: i64,
        at: NaiveDateTime,
        name: Cell,
        sig: Option<Cell>,
    ) -> Result<()> {
        let cells = vec![
            ("person_id", self.id.into()),
            ("drug_concept_id", concepts::NONE.into()),
            ("drug_exposure_start_date", self.date(model, at.date())),
            ("drug_exposure_start_datetime", self.date(model, at)),
            ("drug_exposure_end_date", self.date(model, at.date())),
            ("drug_exposure_end_datetime", self.date(model, at)),
            ("drug_type_concept_id", concepts::FROM_RECORD.into()),
            ("sig", sig.unwrap_or(Cell::Null)),
            ("visit_occurrence_id", visit.into()),
            ("drug_source_value", name),
            ("drug_source_concept_id", concepts::NONE.into()),
        ];
        model.add(Table::DrugExposure, cells).map(|_| ())
    }

    fn ablation(&mut self, model: &mut Model, ablation: &Stored<Ablation>) -> Result<()> {
        let of = &ablation.value;
        let at = midnight(of.performed_on);
        let visit = self.visit(model, ablation.id, at)?;
        self.procedures(model, visit, at, &ablation_lines(of))?;
        self.pain(model, Some(visit), at, of.pre_score)
    }

    /// The day an episode began as far as anybody can tell: its onset, else its first procedure, else the day it was
    /// recorded, which a de-identified export does not tell.
    fn began(&self, model: &Model, episode: &Stored<Episode>) -> Option<NaiveDate> {
        let timeline = &self.person.timeline;
        let blocks = timeline
            .blocks
            .iter()
            .filter(|one| one.parent == episode.id);
        let ablations = timeline
            .ablations
            .iter()
            .filter(|one| one.parent == episode.id);
        let first = blocks
            .map(|block| block.value.local_date())
            .chain(ablations.map(|ablation| ablation.value.performed_on))
            .min();
        let recorded = model
            .pseudonyms
            .is_none()
            .then(|| episode.recorded_at.date_naive());
        episode.value.onset_date.or(first).or(recorded)
    }

    fn episode(&self, model: &mut Model, episode: &Stored<Episode>) -> Result<()> {
        let of = &episode.value;
        for score in &of.disability {
            self.disability(model, score)?;
        }
        let Some(began) = self.began(model, episode) else {
            return Ok(());
        };
        let diagnosis = of.diagnosis.map_or_else(
            || Cell::Text(format!("facet pain, {}", of.region.code())),
            |diagnosis| Cell::Code(diagnosis.code),
        );
        let condition = vec![
            ("person_id", self.id.into()),
            ("condition_concept_id", concepts::NONE.into()),
            ("condition_start_date", self.date(model, began)),
            (
                "condition_start_datetime",
                self.date(model, midnight(began)),
            ),
            ("condition_type_concept_id", concepts::FROM_RECORD.into()),
            ("condition_source_value", diagnosis),
            ("condition_source_concept_id", concepts::NONE.into()),
        ];
        model.add(Table::ConditionOccurrence, condition)?;
        let cells = vec![
            ("person_id", self.id.into()),
            ("episode_concept_id", concepts::NONE.into()),
            ("episode_start_date", self.date(model, began)),
            ("episode_start_datetime", self.date(model, midnight(began))),
            ("episode_object_concept_id", concepts::NONE.into()),
            ("episode_type_concept_id", concepts::FROM_RECORD.into()),
            ("episode_source_value", source(model, episode.id)),
            ("episode_source_concept_id", concepts::NONE.into()),
        ];
        model.add(Table::Episode, cells).map(|_| ())
    }

    fn score(&self, model: &mut Model, score: &Stored<ScoreRow>) -> Result<()> {
        let of = &score.value;
        let visit = self.visits.get(&score.parent).copied();
        let at = of.taken_at.naive_local();
        self.pain(model, visit, at, Some(of.score))?;
        self.percent(model, visit, at, "stated_relief", of.stated_relief)
    }

    fn pain(
        &self,
        model: &mut Model,
        visit: Option<i64>,
        at: NaiveDateTime,
        score: Option<Score>,
    ) -> Result<()> {
        let Some(score) = score else { return Ok(()) };
        let code = concepts::of_scale(score.scale());
        let value = Cell::Tenths(score.tenths().into());
        self.measurement(model, visit, at, code, value, (concepts::NONE, "{score}"))
    }

    fn percent(
        &self,
        model: &mut Model,
        visit: Option<i64>,
        at: NaiveDateTime,
        name: &'static str,
        percent: Option<Percent>,
    ) -> Result<()> {
        let Some(percent) = percent else {
            return Ok(());
        };
        let value = Cell::Tenths(percent.tenths().into());
        self.measurement(model, visit, at, name, value, (concepts::PERCENT, "%"))
    }

    fn disability(&self, model: &mut Model, score: &DisabilityScore) -> Result<()> {
        let code = concepts::of_instrument(score.instrument);
        let value = Cell::Tenths(score.score_tenths.into());
        let at = midnight(score.taken_on);
        self.measurement(model, None, at, code, value, (concepts::NONE, "{score}"))
    }

    fn measurement(
        &self,
        model: &mut Model,
        visit: Option<i64>,
        at: NaiveDateTime,
        name: &'static str,
        value: Cell,
        (unit, unit_name): (i64, &'static str),
    ) -> Result<()> {
        let cells = vec![
            ("person_id", self.id.into()),
            ("measurement_concept_id", concepts::NONE.into()),
            ("measurement_date", self.date(model, at.date())),
            ("measurement_datetime", self.date(model, at)),
            ("measurement_type_concept_id", concepts::FROM_RECORD.into()),
            ("value_as_number", value),
            ("unit_concept_id", unit.into()),
            ("visit_occurrence_id", visit.into()),
            ("measurement_source_value", Cell::Code(name)),
            ("measurement_source_concept_id", concepts::NONE.into()),
            ("unit_source_value", Cell::Code(unit_name)),
        ];
        model.add(Table::Measurement, cells).map(|_| ())
    }

    fn follow_up(&self, model: &mut Model, follow_up: &Stored<FollowUp>) -> Result<()> {
        let of = &follow_up.value;
        let at = midnight(of.taken_on);
        self.pain(model, None, at, of.score)?;
        self.percent(model, None, at, "stated_relief", of.stated_relief)?;
        let gained = of.function_improvement;
        self.percent(model, None, at, "function_improvement", gained)?;
        let Some(pgic) = of.pgic else { return Ok(()) };
        let mut cells = self.observation(model, of.taken_on, "pgic".to_owned());
        cells.push(("value_as_number", i64::from(pgic).into()));
        model.add(Table::Observation, cells).map(|_| ())
    }

    fn event(&self, model: &mut Model, event: &AdverseEvent, after: After) -> Result<()> {
        let (After::Block(of) | After::Ablation(of)) = after;
        let name = format!("adverse_event:{}", event.category.code());
        let mut cells = self.observation(model, event.onset_on, name);
        cells.push(("value_as_string", Cell::code(event.grade)));
        cells.push(("qualifier_source_value", Cell::maybe_code(event.relation)));
        cells.push(("visit_occurrence_id", self.visits.get(&of).copied().into()));
        model.add(Table::Observation, cells).map(|_| ())
    }

    fn verdicts(&self, model: &mut Model) -> Result<()> {
        for determination in &self.person.determinations {
            let judgement = &determination.judgement;
            // The day of judging is a day of the service's own: a de-identified export tells the patient's.
            let day = match &model.pseudonyms {
                None => Some(determination.evaluated_as_of),
                Some(_) => judgement.last_block_on,
            };
            let Some(day) = day else { continue };
            let name = format!("verdict:{}", judgement.profile);
            let mut cells = self.observation(model, day, name);
            cells.push(("value_as_string", Cell::Text(judgement.verdict.clone())));
            cells.push((
                "qualifier_source_value",
                Cell::Text(judgement.target.to_string()),
            ));
            model.add(Table::Observation, cells)?;
        }
        Ok(())
    }

    fn observation(
        &self,
        model: &Model,
        day: NaiveDate,
        name: String,
    ) -> Vec<(&'static str, Cell)> {
        vec![
            ("person_id", self.id.into()),
            ("observation_concept_id", concepts::NONE.into()),
            ("observation_date", self.date(model, day)),
            ("observation_datetime", self.date(model, midnight(day))),
            ("observation_type_concept_id", concepts::FROM_RECORD.into()),
            ("observation_source_value", Cell::Text(name)),
            ("observation_source_concept_id", concepts::NONE.into()),
        ]
    }
}
