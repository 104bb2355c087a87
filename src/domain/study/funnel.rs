//! The funnel: how many came how far, how long it took, and where they were lost.

use super::cohort::{CohortEpisode, CohortPatient, TargetView, readings, targets};
use super::table::{Cell, Column, SHARE, Table, Unit, share};
use super::visits::Visit;
use super::{Options, Selection};
use crate::domain::statistics::{Proportion, median};
use crate::domain::vocabulary::vocabulary;
use chrono::NaiveDate;

vocabulary! {
    /// The steps up to the ablation.
    Stage {
        /// The pain is recorded.
        Considered = "considered", "Considered";
        /// A first diagnostic medial branch block.
        FirstBlock = "first_block", "First block";
        /// It was positive.
        FirstPositive = "first_positive", "First block positive";
        /// A second block of the same target.
        SecondBlock = "second_block", "Second block";
        /// It was positive too.
        SecondPositive = "second_positive", "Second block positive";
        /// A clinician referred the patient for ablation, or the ablation was done.
        Referred = "referred", "Referred";
        /// The target was ablated.
        Ablated = "ablated", "Ablated";
    }
}

/// Somebody whose last step is not longer ago than this is still on the way. No source gives a number.
const UNDER_WAY_DAYS: i64 = 90;

const STAGES: usize = Stage::ALL.len();

/// One step.
#[derive(Debug, Default)]
struct Counted {
    reached: u64,
    reached_anyway: u64,
    lost: u64,
    under_way: u64,
    days: Vec<i64>,
}

/// One visit.
#[derive(Debug, Default)]
struct Attended {
    attended: Proportion,
    not_due: u64,
    days: Vec<i64>,
}

/// What is counted so far.
#[derive(Debug, Default)]
pub struct Funnel {
    stages: [Counted; STAGES],
    visits: [Attended; Visit::ALL.len()],
}

/// The days on which one target came to each step.
type Dates = [Option<NaiveDate>; STAGES];

impl Funnel {
    /// Adds one patient.
    pub fn add(
        &mut self,
        patient: &CohortPatient,
        selection: &Selection,
        options: Options,
        as_of: NaiveDate,
    ) {
        for episode in &patient.episodes {
            self.add_episode(episode, selection, options, as_of);
        }
    }

    fn add_episode(
        &mut self,
        episode: &CohortEpisode,
        selection: &Selection,
        options: Options,
        as_of: NaiveDate,
    ) {
        let readings = readings(&episode.history, as_of);
        let views = targets(&episode.history, &readings, as_of);
        let chosen = views.iter().filter(|view| selection.view(episode, view));
        let furthest = chosen
            .map(|view| (dates(episode, view, options), view))
            .max_by_key(|(dates, view)| (in_order(dates), std::cmp::Reverse(view.target)));
        match furthest {
            Some((dates, view)) => {
                self.add_dates(&dates, as_of);
                if let Some(recorded) = view.ablations.first() {
                    self.add_visits(recorded, as_of);
                }
            }
            None if views.is_empty() && selection.episode_without_block(episode) => {
                let mut dates = Dates::default();
                dates[0] = Some(episode.recorded_on);
                self.add_dates(&dates, as_of);
            }
            None => {}
        }
    }

    fn add_dates(&mut self, dates: &Dates, as_of: NaiveDate) {
        let reached = in_order(dates);
        let mut before: Option<NaiveDate> = None;
        for (place, (counted, date)) in self.stages.iter_mut().zip(dates).enumerate() {
            if place < reached {
                counted.reached += 1;
                let days = before
                    .zip(*date)
                    .map(|(before, date)| (date - before).num_days());
                counted.days.extend(days);
            } else {
                counted.reached_anyway += u64::from(date.is_some());
            }
            if place == reached {
                // Lost on the way to this step, or still on the way.
                let recent =
                    before.is_some_and(|before| (as_of - before).num_days() <= UNDER_WAY_DAYS);
                *(if recent {
                    &mut counted.under_way
                } else {
                    &mut counted.lost
                }) += 1;
            }
            before = date.or(before);
        }
    }

    fn add_visits(
        &mut self,
        recorded: &crate::domain::qualification::RecordedAblation,
        as_of: NaiveDate,
    ) {
        for (visit, counted) in Visit::ALL.iter().zip(&mut self.visits) {
            match visit.attended(recorded, as_of) {
                Some(day) => {
                    counted.attended.count(true);
                    counted
                        .days
                        .push((day - recorded.ablation.performed_on).num_days());
                }
                None if visit.is_over(&recorded.ablation, as_of) => counted.attended.count(false),
                None => counted.not_due += 1,
            }
        }
    }

    /// The tables.
    #[must_use]
    pub fn tables(self, options: Options) -> Vec<Table> {
        vec![self.steps(options), self.follow_up(options)]
    }

    fn steps(&self, options: Options) -> Table {
        let mut columns = vec![Column::new("step", "Step", Unit::Key, "The step.")];
        columns.extend(SHARE);
        columns.extend([
            Column::new("of_all_percent", "Of all", Unit::Percent, "The number in percent of those considered."),
            Column::new("median_days", "Days since the step before", Unit::Days, "The median of the days between the two."),
            Column::new("lost", "Lost before", Unit::Count, "Came to the step before and not to this one; the step before is more than 90 days ago."),
            Column::new("under_way", "Under way", Unit::Count, "The same, where the step before is at most 90 days ago."),
            Column::new("reached_anyway", "Without the steps before", Unit::Count, "Came to this step although an earlier one is missing; not in the number."),
        ]);
        let mut table = Table::new(
            "steps",
            "From being considered to the ablation",
            "episodes at the step before, each by the one of its targets that came furthest; at the first step all that were considered",
            columns,
        );
        let considered = self.stages.first().map_or(0, |counted| counted.reached);
        let mut before = considered;
        for (stage, counted) in Stage::ALL.iter().zip(&self.stages) {
            let mut cells = vec![Cell::text(stage.code())];
            cells.extend(share(
                Proportion::of(counted.reached, before),
                options.interval,
            ));
            cells.extend([
                Cell::percent(Proportion::of(counted.reached, considered).hundredths()),
                Cell::whole(median(counted.days.clone())),
                Cell::count(counted.lost),
                Cell::count(counted.under_way),
                Cell::count(counted.reached_anyway),
            ]);
            table.push(cells);
            before = counted.reached;
        }
        table
    }

    fn follow_up(&self, options: Options) -> Table {
        let mut columns = vec![Column::new(
            "visit",
            "Visit",
            Unit::Key,
            "The visit after the ablation.",
        )];
        columns.extend(SHARE);
        columns.extend([
            Column::new("median_days", "Days after the ablation", Unit::Days, "The median of the days between the two."),
            Column::new("not_due", "Not due yet", Unit::Count, "Ablated, no follow-up, and the time for the visit is not over: not in the denominator."),
        ]);
        let mut table = Table::new(
            "follow_up",
            "Follow-up at each visit",
            "first ablations of those episodes that were followed up within the visit's window, or whose window is over",
            columns,
        );
        for (visit, counted) in Visit::ALL.iter().zip(&self.visits) {
            let mut cells = vec![Cell::text(visit.code())];
            cells.extend(share(counted.attended, options.interval));
            cells.extend([
                Cell::whole(median(counted.days.clone())),
                Cell::count(counted.not_due),
            ]);
            table.push(cells);
        }
        table
    }
}

/// How many steps were taken in order.
fn in_order(dates: &Dates) -> usize {
    dates.iter().take_while(|date| date.is_some()).count()
}

fn dates(episode: &CohortEpisode, view: &TargetView<'_, '_>, options: Options) -> Dates {
    let block = |place: usize| view.blocks.get(place).map(|reading| reading.date);
    let positive = |place: usize| {
        let reached = view.side_of(place)?.reached(options.threshold)?;
        block(place).filter(|_| reached)
    };
    let (first, second) = (block(0), block(1));
    let since = second.or(first);
    let ablated = view
        .ablations
        .first()
        .map(|recorded| recorded.ablation.performed_on);
    let referred = episode
        .referred_on
        .filter(|day| since.is_none_or(|since| since <= *day))
        .filter(|day| ablated.is_none_or(|ablated| *day <= ablated));
    let known = [first, ablated, Some(episode.recorded_on)];
    [
        // Records that were taken over are older than the day on which they were recorded here.
        known.into_iter().flatten().min(),
        first,
        positive(0),
        second,
        positive(1),
        referred.or(ablated),
        ablated,
    ]
}
