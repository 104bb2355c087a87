//! What an evaluation reads: one episode with its blocks and ablations, and the patient's sessions elsewhere.

use crate::domain::ablation::{Ablation, FollowUp};
use crate::domain::anatomy::{CoveredRegion, Region, Side, Target};
use crate::domain::block::{Block, BlockKind, regions};
use crate::domain::episode::{CareEntry, DisabilityScore, Episode};
use crate::domain::ids::{AblationId, BlockId, FollowUpId};
use crate::domain::pain::RecordedScore;
use crate::domain::pain::Threshold;
use crate::domain::relief::{
    AgentWindow, BASELINE_MAX_AGE_DAYS, Compared, Comparison, Series, comparative_class,
};
use chrono::{NaiveDate, TimeDelta};

/// The records of one episode, withdrawn ones left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The episode.
    pub episode: Episode,
    /// Its blocks, in any order.
    pub blocks: Vec<RecordedBlock>,
    /// Its ablations, in any order.
    pub ablations: Vec<RecordedAblation>,
    /// The patient's sessions outside this episode: session caps count them.
    pub elsewhere: Vec<Session>,
}

/// A block with its scores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedBlock {
    /// Its identity.
    pub id: BlockId,
    /// The block.
    pub block: Block,
    /// Its scores, in any order.
    pub scores: Vec<RecordedScore>,
}

/// An ablation with its follow-ups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedAblation {
    /// Its identity.
    pub id: AblationId,
    /// The ablation.
    pub ablation: Ablation,
    /// Its follow-ups, in any order.
    pub follow_ups: Vec<RecordedFollowUp>,
}

/// A follow-up with its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedFollowUp {
    /// Its identity; of two on one day the higher one is the later.
    pub id: FollowUpId,
    /// The follow-up.
    pub follow_up: FollowUp,
}

/// One session: one patient, one spinal region, one calendar date, one kind (handbook, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Session {
    /// What was done.
    pub kind: SessionKind,
    /// Where.
    pub region: Region,
    /// When, by the local calendar.
    pub date: NaiveDate,
}

/// What a session was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionKind {
    /// A diagnostic injection.
    Diagnostic,
    /// A therapeutic injection.
    Therapeutic,
    /// A radiofrequency ablation.
    Ablation,
}

impl History {
    /// The sessions that this episode's records make up, each once for each record: duplicates are left in.
    pub fn sessions(&self) -> impl Iterator<Item = Session> + '_ {
        let of_blocks = self.blocks.iter().flat_map(|recorded| {
            let kind = match recorded.block.kind {
                BlockKind::Diagnostic => SessionKind::Diagnostic,
                BlockKind::Therapeutic => SessionKind::Therapeutic,
            };
            let date = recorded.block.local_date();
            regions(&recorded.block.joints).map(move |region| Session { kind, region, date })
        });
        let of_ablations = self.ablations.iter().flat_map(|recorded| {
            let date = recorded.ablation.performed_on;
            regions(&recorded.ablation.joints).map(move |region| Session {
                kind: SessionKind::Ablation,
                region,
                date,
            })
        });
        of_blocks.chain(of_ablations)
    }

    /// The latest local date of any record, or `None` where there is no dated record.
    #[must_use]
    pub fn latest_date(&self) -> Option<NaiveDate> {
        let blocks = self
            .blocks
            .iter()
            .map(|recorded| recorded.block.local_date());
        let scores = self
            .blocks
            .iter()
            .flat_map(|recorded| recorded.scores.iter().map(|score| score.row.local_date()));
        let ablations = self
            .ablations
            .iter()
            .map(|recorded| recorded.ablation.performed_on);
        let follow_ups = self.ablations.iter().flat_map(|recorded| {
            recorded
                .follow_ups
                .iter()
                .map(|recorded| recorded.follow_up.taken_on)
        });
        blocks
            .chain(scores)
            .chain(ablations)
            .chain(follow_ups)
            .max()
    }
}

/// Tells each of a patient's episodes of the sessions in the others.
pub fn tell_of_sessions_elsewhere(mut histories: Vec<&mut History>) {
    let sessions: Vec<Vec<Session>> = histories
        .iter()
        .map(|history| history.sessions().collect())
        .collect();
    for (place, history) in histories.iter_mut().enumerate() {
        let others = sessions.iter().enumerate();
        history.elsewhere = others
            .filter(|(other, _)| *other != place)
            .flat_map(|(_, sessions)| sessions.iter().copied())
            .collect();
    }
}

/// The records that exist for an evaluation as of a date, in the order of their local dates.
#[derive(Debug)]
pub struct Records<'h> {
    /// The as-of date: nothing dated after it is in here.
    pub as_of: NaiveDate,
    /// The episode.
    pub episode: &'h Episode,
    blocks: Vec<DatedBlock<'h>>,
    ablations: Vec<&'h RecordedAblation>,
    sessions: Vec<Session>,
}

/// A block with the local date that decides everything about it.
#[derive(Debug, Clone, Copy)]
pub struct DatedBlock<'h> {
    /// The local calendar date.
    pub date: NaiveDate,
    /// The block.
    pub recorded: &'h RecordedBlock,
}

impl<'h> Records<'h> {
    /// The records of `history` that exist as of `as_of`.
    #[must_use]
    pub fn as_of(history: &'h History, as_of: NaiveDate) -> Records<'h> {
        let mut blocks: Vec<DatedBlock<'h>> = history
            .blocks
            .iter()
            .map(|recorded| DatedBlock {
                date: recorded.block.local_date(),
                recorded,
            })
            .filter(|block| block.date <= as_of)
            .collect();
        blocks.sort_by_key(|block| {
            (
                block.date,
                block.recorded.block.performed_at,
                block.recorded.id,
            )
        });
        let mut ablations: Vec<&RecordedAblation> = history
            .ablations
            .iter()
            .filter(|recorded| recorded.ablation.performed_on <= as_of)
            .collect();
        ablations.sort_by_key(|recorded| (recorded.ablation.performed_on, recorded.id));
        let mut sessions: Vec<Session> = history
            .sessions()
            .chain(history.elsewhere.iter().copied())
            .filter(|one| one.date <= as_of)
            .collect();
        sessions.sort_unstable();
        sessions.dedup();
        Records {
            as_of,
            episode: &history.episode,
            blocks,
            ablations,
            sessions,
        }
    }

    /// Every (joint, side) that a block or an ablation covers, down the spine.
    #[must_use]
    pub fn targets(&self) -> Vec<Target> {
        let of_blocks = self
            .blocks
            .iter()
            .flat_map(|block| block.recorded.block.targets());
        let of_ablations = self
            .ablations
            .iter()
            .flat_map(|recorded| recorded.ablation.targets());
        let mut targets: Vec<Target> = of_blocks.chain(of_ablations).collect();
        targets.sort_unstable();
        targets.dedup();
        targets
    }

    /// What concerns each target, down the spine, with baselines at most `baseline_max_age` old.
    #[must_use]
    pub fn targets_read_with(&self, baseline_max_age: TimeDelta) -> Vec<TargetRecords<'h>> {
        self.targets()
            .into_iter()
            .map(|target| self.of_target(target, baseline_max_age))
            .collect()
    }

    /// What concerns `target`, with baselines at most `baseline_max_age` old.
    #[must_use]
    pub fn of_target(&self, target: Target, baseline_max_age: TimeDelta) -> TargetRecords<'h> {
        let blocks = self
            .blocks
            .iter()
            .filter(|block| {
                block.recorded.block.is_diagnostic_mbb() && block.recorded.block.covers(target)
            })
            .map(|block| TargetBlock {
                date: block.date,
                recorded: block.recorded,
                series: block.series(target.side, self.as_of, baseline_max_age),
            })
            .collect();
        let ablation = self
            .ablations
            .iter()
            .rev()
            .find(|recorded| recorded.ablation.covers(target))
            .copied();
        let mut follow_ups: Vec<&RecordedFollowUp> = ablation
            .map(|recorded| {
                recorded
                    .follow_ups
                    .iter()
                    .filter(|one| one.follow_up.taken_on <= self.as_of)
                    .collect()
            })
            .unwrap_or_default();
        follow_ups.sort_by_key(|recorded| (recorded.follow_up.taken_on, recorded.id));
        TargetRecords {
            target,
            blocks,
            ablation,
            follow_ups,
        }
    }

    /// How many sessions of `kind` the patient had in `region` within the half-open (`day` - 1 year, `day`].
    #[must_use]
    pub fn sessions_in_year(
        &self,
        kind: SessionKind,
        region: CoveredRegion,
        day: NaiveDate,
    ) -> usize {
        self.sessions_of(kind, region)
            .filter(|session| in_year_before(session.date, day))
            .count()
    }

    /// The sessions of `kind` in `region`, by region and date.
    pub fn sessions_of(
        &self,
        kind: SessionKind,
        region: CoveredRegion,
    ) -> impl Iterator<Item = &Session> {
        self.sessions
            .iter()
            .filter(move |session| session.kind == kind && session.region.covered() == region)
    }

    /// The courses of conservative care begun by the as-of date, with their place in the record.
    pub fn care(&self) -> impl Iterator<Item = (usize, &'h CareEntry)> + '_ {
        let begun = |entry: &CareEntry| entry.start.is_none_or(|start| start <= self.as_of);
        self.episode
            .conservative_care
            .iter()
            .enumerate()
            .filter(move |(_, entry)| begun(entry))
    }

    /// The disability scores taken by `day` and by the as-of date, with their place in the record.
    pub fn disability_by(
        &self,
        day: NaiveDate,
    ) -> impl Iterator<Item = (usize, &'h DisabilityScore)> + '_ {
        let last = day.min(self.as_of);
        self.episode
            .disability
            .iter()
            .enumerate()
            .filter(move |(_, score)| score.taken_on <= last)
    }

    /// The day the pain began, if it had begun by the as-of date.
    #[must_use]
    pub fn onset(&self) -> Option<NaiveDate> {
        self.episode.onset_date.filter(|onset| *onset <= self.as_of)
    }
}

/// Whether `date` lies in the half-open (`day` - 1 year, `day`].
fn in_year_before(date: NaiveDate, day: NaiveDate) -> bool {
    let year_before = day
        .checked_sub_months(chrono::Months::new(12))
        .unwrap_or(NaiveDate::MIN);
    date > year_before && date <= day
}

impl<'h> DatedBlock<'h> {
    fn series(
        &self,
        side: Side,
        as_of: NaiveDate,
        baseline_max_age: TimeDelta,
    ) -> Option<Series<'h>> {
        Series::of(
            &self.recorded.block,
            &self.recorded.scores,
            side,
            as_of,
            baseline_max_age,
        )
    }
}

/// What concerns one target: its diagnostic medial branch blocks in order, and its latest ablation.
#[derive(Debug)]
pub struct TargetRecords<'h> {
    /// The target.
    pub target: Target,
    /// Its diagnostic medial branch blocks, oldest first.
    pub blocks: Vec<TargetBlock<'h>>,
    /// Its latest ablation.
    pub ablation: Option<&'h RecordedAblation>,
    /// The follow-ups of that ablation, oldest first.
    pub follow_ups: Vec<&'h RecordedFollowUp>,
}

/// A diagnostic medial branch block of a target with the series read from it.
#[derive(Debug, Clone)]
pub struct TargetBlock<'h> {
    /// The local calendar date.
    pub date: NaiveDate,
    /// The block.
    pub recorded: &'h RecordedBlock,
    /// The series for the target's side, with the age limit of a baseline that was asked for.
    pub series: Option<Series<'h>>,
}

impl Records<'_> {
    /// The newest two diagnostic medial branch blocks of each target held against each other at `threshold`, where
    /// their agents act differently long.
    #[must_use]
    pub fn comparisons(&self, threshold: Threshold) -> Vec<Comparison> {
        let targets = self.targets_read_with(TimeDelta::days(BASELINE_MAX_AGE_DAYS));
        targets
            .iter()
            .filter_map(|target| comparison(target, threshold))
            .collect()
    }
}

fn comparison(target: &TargetRecords<'_>, threshold: Threshold) -> Option<Comparison> {
    let compared = |block: &TargetBlock<'_>| {
        let (window, _) = block
            .recorded
            .block
            .agent
            .and_then(AgentWindow::default_of)?;
        Some(Compared {
            window,
            finding: block.series.as_ref()?.at(threshold),
        })
    };
    let mut newest = target.blocks.iter().rev();
    let (later, earlier) = (newest.next()?, newest.next()?);
    let class = comparative_class(compared(earlier)?, compared(later)?)?;
    Some(Comparison {
        target: target.target,
        threshold,
        earlier: earlier.recorded.block.performed_at,
        later: later.recorded.block.performed_at,
        class,
    })
}
