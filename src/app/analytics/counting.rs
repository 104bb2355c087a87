//! The figure that is being counted.

use crate::db::queries::analytics::Wanted;
use crate::domain::study::adverse_events::AdverseEvents;
use crate::domain::study::duration::Duration;
use crate::domain::study::false_positives::FalsePositives;
use crate::domain::study::funnel::Funnel;
use crate::domain::study::outcomes::Outcomes;
use crate::domain::study::quality::Quality;
use crate::domain::study::responders::Responders;
use crate::domain::study::sweep::Sweep;
use crate::domain::study::{CohortPatient, Figure, Options, Selection, Table};
use chrono::NaiveDate;

/// A figure that is counted patient by patient.
pub(super) struct Counting {
    options: Options,
    figure: Counted,
}

enum Counted {
    Responders(Responders),
    Duration(Duration),
    FalsePositives(FalsePositives),
    Sweep(Sweep),
    Funnel(Box<Funnel>),
    Outcomes(Outcomes),
    Quality(Quality),
    AdverseEvents(AdverseEvents),
    /// Of verdicts, not of patients.
    Nothing,
}

impl Counting {
    pub(super) fn of(figure: Figure, options: Options) -> Counting {
        let figure = match figure {
            Figure::Responders => Counted::Responders(Responders::default()),
            Figure::ReliefDuration => Counted::Duration(Duration::default()),
            Figure::FalsePositives => Counted::FalsePositives(FalsePositives::default()),
            Figure::ThresholdSweep => Counted::Sweep(Sweep::new(options)),
            Figure::Funnel => Counted::Funnel(Box::default()),
            Figure::AblationOutcomes => Counted::Outcomes(Outcomes::default()),
            Figure::Quality => Counted::Quality(Quality::default()),
            Figure::AdverseEvents => Counted::AdverseEvents(AdverseEvents::default()),
            Figure::Agreement => Counted::Nothing,
        };
        Counting { options, figure }
    }

    /// What it reads.
    pub(super) fn wanted(&self) -> Wanted {
        let (scores, events, referrals) = match self.figure {
            Counted::Responders(_)
            | Counted::Duration(_)
            | Counted::FalsePositives(_)
            | Counted::Sweep(_)
            | Counted::Quality(_) => (true, false, false),
            Counted::Funnel(_) => (true, false, true),
            Counted::AdverseEvents(_) => (false, true, false),
            Counted::Outcomes(_) | Counted::Nothing => (false, false, false),
        };
        Wanted {
            scores,
            events,
            referrals,
        }
    }

    pub(super) fn add(&mut self, patient: &CohortPatient, selection: &Selection, as_of: NaiveDate) {
        match &mut self.figure {
            Counted::Responders(figure) => figure.add(patient, selection, as_of),
            Counted::Duration(figure) => figure.add(patient, selection, as_of),
            Counted::FalsePositives(figure) => figure.add(patient, selection, as_of),
            Counted::Sweep(figure) => figure.add(patient, selection, as_of),
            Counted::Funnel(figure) => figure.add(patient, selection, self.options, as_of),
            Counted::Outcomes(figure) => figure.add(patient, selection, as_of),
            Counted::Quality(figure) => figure.add(patient, selection, as_of),
            Counted::AdverseEvents(figure) => figure.add(patient, selection, as_of),
            Counted::Nothing => {}
        }
    }

    pub(super) fn tables(self, options: Options) -> Vec<Table> {
        match self.figure {
            Counted::Responders(figure) => figure.tables(options),
            Counted::Duration(figure) => figure.tables(),
            Counted::FalsePositives(figure) => figure.tables(options),
            Counted::Sweep(figure) => figure.tables(options),
            Counted::Funnel(figure) => figure.tables(options),
            Counted::Outcomes(figure) => figure.tables(options),
            Counted::Quality(figure) => figure.tables(options),
            Counted::AdverseEvents(figure) => figure.tables(options),
            Counted::Nothing => Vec::new(),
        }
    }
}
