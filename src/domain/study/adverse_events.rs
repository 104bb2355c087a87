//! Adverse events: per procedure, per lesion or injected nerve, and per patient.

use super::Options;
use super::Selection;
use super::cohort::{CohortPatient, Procedure};
use super::table::{Cell, Column, LeftOut, SHARE, Table, Unit, rate, share};
use crate::domain::adverse_event::{Grade, Relation};
use crate::domain::anatomy::nerves_of;
use crate::domain::block::BlockKind;
use crate::domain::statistics::{Proportion, Rate};
use chrono::NaiveDate;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    DiagnosticBlock,
    TherapeuticBlock,
    Ablation,
}

impl Kind {
    const fn code(self) -> &'static str {
        match self {
            Kind::DiagnosticBlock => "diagnostic_block",
            Kind::TherapeuticBlock => "therapeutic_block",
            Kind::Ablation => "ablation",
        }
    }
}

/// Which events: all, of one grade, of one category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Events {
    Any,
    Grade(Grade),
    Category(crate::domain::adverse_event::AdverseEventCategory),
}

impl Events {
    const fn code(self) -> &'static str {
        match self {
            Events::Any => "any",
            Events::Grade(grade) => grade.code(),
            Events::Category(category) => category.code(),
        }
    }
}

/// How many procedures of a kind there were.
#[derive(Debug, Default)]
struct Done {
    procedures: u64,
    lesions: u64,
    patients: u64,
}

/// How many had an event.
#[derive(Debug, Clone, Copy, Default)]
struct Had {
    procedures: u64,
    events: u64,
    patients: u64,
}

/// What is counted so far.
#[derive(Debug, Default)]
pub struct AdverseEvents {
    done: BTreeMap<Kind, Done>,
    had: BTreeMap<(Kind, Events), Had>,
    left_out: LeftOut,
}

impl AdverseEvents {
    /// Adds one patient.
    pub fn add(&mut self, patient: &CohortPatient, selection: &Selection, as_of: NaiveDate) {
        let procedures = self.count_procedures(patient, selection, as_of);
        let mut of_procedures: BTreeSet<(Kind, Events, usize)> = BTreeSet::new();
        let mut of_patient: BTreeSet<(Kind, Events)> = BTreeSet::new();
        let places: HashMap<Procedure, usize> = procedures
            .iter()
            .enumerate()
            .map(|(place, (procedure, _))| (*procedure, place))
            .collect();
        for recorded in &patient.events {
            let event = &recorded.event;
            let Some(place) = places.get(&recorded.after) else {
                continue;
            };
            let Some((_, kind)) = procedures.get(*place) else {
                continue;
            };
            if event.onset_on > as_of {
                continue;
            }
            if event.relation == Some(Relation::Unrelated) {
                self.left_out.one("events: the procedure did not cause it");
                continue;
            }
            for events in [
                Events::Any,
                Events::Grade(event.grade),
                Events::Category(event.category),
            ] {
                self.had.entry((*kind, events)).or_default().events += 1;
                of_procedures.insert((*kind, events, *place));
                of_patient.insert((*kind, events));
            }
        }
        for (kind, events, _) in of_procedures {
            self.had.entry((kind, events)).or_default().procedures += 1;
        }
        for key in of_patient {
            self.had.entry(key).or_default().patients += 1;
        }
    }

    /// The selected procedures of a patient, which are counted.
    fn count_procedures(
        &mut self,
        patient: &CohortPatient,
        selection: &Selection,
        as_of: NaiveDate,
    ) -> Vec<(Procedure, Kind)> {
        let mut procedures = Vec::new();
        for episode in &patient.episodes {
            for recorded in &episode.history.blocks {
                let block = &recorded.block;
                if block.local_date() > as_of || !selection.block(episode.id, block) {
                    continue;
                }
                let kind = match block.kind {
                    BlockKind::Diagnostic => Kind::DiagnosticBlock,
                    BlockKind::Therapeutic => Kind::TherapeuticBlock,
                };
                let lesions = block.nerves().len() * block.sides().len();
                self.count_procedure(kind, lesions);
                procedures.push((Procedure::Block(recorded.id), kind));
            }
            for recorded in &episode.history.ablations {
                let ablation = &recorded.ablation;
                if ablation.performed_on > as_of || !selection.ablation(episode, ablation) {
                    continue;
                }
                let lesions = nerves_of(&ablation.joints).len() * ablation.side.sides().len();
                self.count_procedure(Kind::Ablation, lesions);
                procedures.push((Procedure::Ablation(recorded.id), Kind::Ablation));
            }
        }
        let kinds: BTreeSet<Kind> = procedures.iter().map(|(_, kind)| *kind).collect();
        for kind in kinds {
            self.done.entry(kind).or_default().patients += 1;
        }
        procedures
    }

    fn count_procedure(&mut self, kind: Kind, lesions: usize) {
        let done = self.done.entry(kind).or_default();
        done.procedures += 1;
        done.lesions += u64::try_from(lesions).unwrap_or(u64::MAX);
    }

    /// The table.
    #[must_use]
    pub fn tables(self, options: Options) -> Vec<Table> {
        let mut columns = vec![
            Column::new("procedure", "Procedure", Unit::Key, "What was done."),
            Column::new(
                "events",
                "Events",
                Unit::Key,
                "`any`, a grade, or a category.",
            ),
            Column::new(
                "per",
                "Per",
                Unit::Key,
                "What the denominator is: `procedure` (with at least one such event), `lesion` (events over lesions made, or nerves injected: each nerve on each side; its interval is that of a Poisson rate, exact by Garwood, for one lesion can have several events), `patient` (with at least one such event).",
            ),
        ];
        columns.extend(SHARE);
        let mut table = Table::new(
            "rates",
            "Adverse events",
            "procedures, lesions (of a block: injected nerves; each nerve on each side), or patients with such a procedure; which of them is said in each row",
            columns,
        )
        .leaving_out(&self.left_out);
        for (kind, done) in &self.done {
            // That nothing happened is a finding too: the grades are always told.
            let mut events: BTreeSet<Events> = [
                Events::Any,
                Events::Grade(Grade::Minor),
                Events::Grade(Grade::Serious),
            ]
            .into();
            events.extend(
                self.had
                    .keys()
                    .filter(|(of, _)| of == kind)
                    .map(|(_, events)| *events),
            );
            for events in events {
                let had = self.had.get(&(*kind, events)).copied().unwrap_or_default();
                let shared = |of, whole| share(Proportion::of(of, whole), options.interval);
                let over_lesions = Rate {
                    events: had.events,
                    over: done.lesions,
                };
                let rates = [
                    ("procedure", shared(had.procedures, done.procedures)),
                    ("lesion", rate(over_lesions)),
                    ("patient", shared(had.patients, done.patients)),
                ];
                for (per, told) in rates {
                    let mut cells = vec![
                        Cell::text(kind.code()),
                        Cell::text(events.code()),
                        Cell::text(per),
                    ];
                    cells.extend(told);
                    table.push(cells);
                }
            }
        }
        vec![table]
    }
}
