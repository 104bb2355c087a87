//! Verdict, next step and the date on which either changes.

use super::history::{History, Records, SessionKind, TargetBlock, TargetRecords};
use super::profile::{Care, Criteria, Profile};
use super::rules::{Rule, Status, Statuses};
use crate::domain::ablation::{FollowUp, FollowUpRelief};
use crate::domain::anatomy::Target;
use crate::domain::episode::CareOutcome;
use crate::domain::ids::FollowUpId;
use crate::domain::relief::{BASELINE_MAX_AGE_DAYS, DurationClass, ReliefFinding};
use crate::domain::vocabulary::vocabulary;
use chrono::{Days, Months, NaiveDate, TimeDelta};

vocabulary! {
    /// What a profile says about a target.
    Verdict {
        /// Every required rule is met and no advisory one is unmet.
        Meets = "meets", "meets";
        /// Every required rule is met, some advisory one is not.
        NeedsReview = "needs_review", "meets, to be reviewed";
        /// Some required rule is unmet.
        DoesNotMeet = "does_not_meet", "does not meet";
        /// No required rule is unmet, some is unknown.
        InsufficientData = "insufficient_data", "data is missing";
    }
}

vocabulary! {
    /// What would come next for a target under a profile. It is never advice to have a procedure.
    NextStep {
        /// The first ablation may be considered.
        ReferForAblation = "refer_for_ablation", "refer for ablation";
        /// A repeated ablation may be considered.
        RepeatAblation = "repeat_ablation", "repeat ablation";
        /// Outcomes after an ablation are to be recorded.
        FollowUp = "follow_up", "follow up";
        /// Nothing.
        None = "none", "none";
        /// A first diagnostic block.
        DiagnosticBlock = "diagnostic_block", "diagnostic block";
        /// Scores are missing.
        RecordScores = "record_scores", "record scores";
        /// A further block on the same target.
        ConfirmatoryBlock = "confirmatory_block", "confirmatory block";
        /// Other facts are missing.
        CompleteRecord = "complete_record", "complete the record";
    }
}

impl NextStep {
    /// Whether it makes the target a candidate.
    #[must_use]
    pub const fn is_candidate(self) -> bool {
        matches!(self, NextStep::ReferForAblation | NextStep::RepeatAblation)
    }
}

vocabulary! {
    /// Whether a target is judged for its first ablation or for another.
    Purpose {
        /// The target has had no ablation.
        Initial = "initial", "initial";
        /// It has.
        Repeat = "repeat", "repeat";
    }
}

/// What one profile says about one target as of a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Determination<'p> {
    /// By which profile.
    pub profile: &'p Profile,
    /// About which target.
    pub target: Target,
    /// For the first ablation or for another.
    pub purpose: Purpose,
    /// Whether the latest ablation is so long ago that blocks decide again.
    pub rediagnosed: bool,
    /// The verdict.
    pub verdict: Verdict,
    /// The next step.
    pub next_step: NextStep,
    /// The first day for a confirmatory block.
    pub earliest: Option<NaiveDate>,
    /// The first later day on which verdict or next step differs with the same records; `None` within three years.
    pub changes_on: Option<NaiveDate>,
    /// Every rule's status.
    pub statuses: Statuses,
    /// The lowest of the counted blocks' best relief, in tenths of a percent rounded down: for sorting and showing.
    pub relief_floor_tenths: Option<i32>,
    /// The as-of date.
    pub evaluated_as_of: NaiveDate,
}

/// Judges every target of `history` by every applicable profile as of `as_of`.
///
/// Determinations come profile by profile in the order given, targets down the spine and left before right.
#[must_use]
pub fn evaluate<'p>(
    profiles: &[&'p Profile],
    history: &History,
    as_of: NaiveDate,
) -> Vec<Determination<'p>> {
    judge_all(profiles, history, as_of, true)
}

/// As [`evaluate`], without looking for the date of change: `changes_on` is `None` throughout.
#[must_use]
pub fn evaluate_today_only<'p>(
    profiles: &[&'p Profile],
    history: &History,
    as_of: NaiveDate,
) -> Vec<Determination<'p>> {
    judge_all(profiles, history, as_of, false)
}

fn judge_all<'p>(
    profiles: &[&'p Profile],
    history: &History,
    as_of: NaiveDate,
    look_ahead: bool,
) -> Vec<Determination<'p>> {
    let records = Records::as_of(history, as_of);
    let default_age = TimeDelta::days(BASELINE_MAX_AGE_DAYS);
    let targets = records.targets_read_with(default_age);
    let mut determinations = Vec::with_capacity(profiles.len() * targets.len());
    for profile in profiles {
        let own_age = profile.criteria.baseline_max_age;
        let reread = (own_age != default_age).then(|| records.targets_read_with(own_age));
        for target in reread.as_ref().unwrap_or(&targets) {
            if profile.applies_to(target.target) {
                determinations.push(determine(profile, &records, target, look_ahead));
            }
        }
    }
    determinations
}

fn determine<'p>(
    profile: &'p Profile,
    records: &Records<'_>,
    target: &TargetRecords<'_>,
    look_ahead: bool,
) -> Determination<'p> {
    let case = Case::on(&profile.criteria, records, target, records.as_of);
    let statuses = case.statuses();
    let verdict = verdict(statuses);
    let (next_step, earliest) = case.next_step(statuses, verdict);
    let changes_on = if look_ahead {
        case.changes_on(verdict, next_step)
    } else {
        None
    };
    Determination {
        profile,
        target: target.target,
        purpose: case.purpose,
        rediagnosed: case.rediagnosed,
        verdict,
        next_step,
        earliest,
        changes_on,
        statuses,
        relief_floor_tenths: case.relief_floor_tenths(),
        evaluated_as_of: records.as_of,
    }
}

fn verdict(statuses: Statuses) -> Verdict {
    if statuses.any(true, Status::Unmet) {
        return Verdict::DoesNotMeet;
    }
    if statuses.any(true, Status::Unknown) {
        return Verdict::InsufficientData;
    }
    if statuses.any(false, Status::Unmet) {
        Verdict::NeedsReview
    } else {
        Verdict::Meets
    }
}

/// One target under one profile's criteria on one day: what every rule reads.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The criteria.
    pub criteria: &'a Criteria,
    /// The records that exist.
    pub records: &'a Records<'a>,
    /// Those that concern the target.
    pub target: &'a TargetRecords<'a>,
    /// The day, at or after the records' as-of date.
    pub day: NaiveDate,
    /// For the first ablation or for another.
    pub purpose: Purpose,
    /// Whether the latest ablation is so long ago that blocks decide again.
    pub rediagnosed: bool,
    /// The blocks that count: the newest diagnostic medial branch blocks, oldest of them first.
    pub counted: &'a [TargetBlock<'a>],
}

impl<'a> Case<'a> {
    /// The case as it stands on `day` with the records as they are.
    #[must_use]
    pub fn on(
        criteria: &'a Criteria,
        records: &'a Records<'a>,
        target: &'a TargetRecords<'a>,
        day: NaiveDate,
    ) -> Case<'a> {
        let ablated_on = target
            .ablation
            .map(|recorded| recorded.ablation.performed_on);
        let purpose = if ablated_on.is_some() {
            Purpose::Repeat
        } else {
            Purpose::Initial
        };
        let too_long_ago = |performed_on: NaiveDate| {
            criteria
                .rediagnose_days
                .is_some_and(|days| (day - performed_on).num_days() > i64::from(days))
        };
        let rediagnosed_since = ablated_on.filter(|performed_on| too_long_ago(*performed_on));
        let counted = counted(criteria, target, rediagnosed_since);
        Case {
            criteria,
            records,
            target,
            day,
            purpose,
            rediagnosed: rediagnosed_since.is_some(),
            counted,
        }
    }

    /// Whether the block rules are asked: before the first ablation, and again once it is too long ago.
    #[must_use]
    pub fn blocks_decide(&self) -> bool {
        self.purpose == Purpose::Initial || self.rediagnosed
    }

    /// Every rule's status.
    #[must_use]
    pub fn statuses(&self) -> Statuses {
        let mut statuses = Statuses::default();
        for rule in Rule::ALL {
            if let Some(status) = rule.status(self) {
                statuses.set(*rule, status);
            }
        }
        statuses
    }

    /// The day that history is counted up to: the first counted block's, or the case's own where there is none.
    #[must_use]
    pub fn first_day(&self) -> NaiveDate {
        self.counted.first().map_or(self.day, |first| first.date)
    }

    /// The day of the target's latest ablation.
    #[must_use]
    pub fn ablated_on(&self) -> Option<NaiveDate> {
        self.target
            .ablation
            .map(|recorded| recorded.ablation.performed_on)
    }

    /// What one counted block's series says at the profile's threshold; `None` without a series.
    #[must_use]
    pub fn finding(&self, block: &TargetBlock<'_>) -> Option<ReliefFinding> {
        block
            .series
            .as_ref()
            .map(|series| series.at(self.criteria.relief))
    }

    /// [`Self::finding`] of every counted block.
    pub fn findings(&self) -> impl Iterator<Item = Option<ReliefFinding>> + '_ {
        self.counted.iter().map(|block| self.finding(block))
    }

    /// One counted block's relief against its agent's window; `None` without relief, an agent or a window.
    #[must_use]
    pub fn duration_class(&self, block: &TargetBlock<'_>) -> Option<DurationClass> {
        let window = block
            .recorded
            .block
            .agent
            .and_then(|agent| self.criteria.window(agent))?;
        match self.finding(block)? {
            ReliefFinding::Reached(interval) => Some(interval.duration_class(window)),
            ReliefFinding::Undefined | ReliefFinding::NotReached => None,
        }
    }

    /// A follow-up's relief against the score before the latest ablation.
    #[must_use]
    pub fn follow_up_relief(&self, follow_up: &FollowUp) -> Option<FollowUpRelief> {
        follow_up.relief(
            self.target
                .ablation
                .and_then(|recorded| recorded.ablation.pre_score),
        )
    }

    /// The latest follow-up that tells relief.
    #[must_use]
    pub fn latest_follow_up_relief(&self) -> Option<(FollowUpId, FollowUpRelief)> {
        let told = |recorded: &&&super::history::RecordedFollowUp| {
            self.follow_up_relief(&recorded.follow_up)
                .map(|relief| (recorded.id, relief))
        };
        self.target
            .follow_ups
            .iter()
            .rev()
            .find_map(|recorded| told(&recorded))
    }

    /// How many sessions of `kind` the patient had in the target's covered region in the year up to `day`.
    #[must_use]
    pub fn sessions_in_year(&self, kind: SessionKind, day: NaiveDate) -> usize {
        self.records
            .sessions_in_year(kind, self.target.target.joint.region().covered(), day)
    }

    /// How many distinct days up to `last` lie in conservative care that failed.
    #[must_use]
    pub fn failed_care_days(&self, last: NaiveDate) -> i64 {
        let mut counted_to: Option<NaiveDate> = None;
        let mut days = 0;
        for (start, end) in self.failed_care_courses() {
            let end = end.map_or(last, |end| end.min(last));
            let start = counted_to
                .and_then(|day| day.succ_opt())
                .map_or(start, |next| start.max(next));
            if start <= end {
                days += (end - start).num_days() + 1;
                counted_to = Some(end);
            }
        }
        days
    }

    /// The courses of conservative care that failed, by first day; an open end runs on.
    fn failed_care_courses(&self) -> Vec<(NaiveDate, Option<NaiveDate>)> {
        let mut courses: Vec<(NaiveDate, Option<NaiveDate>)> = self
            .records
            .care()
            .filter(|(_, entry)| entry.outcome == Some(CareOutcome::Failed))
            .filter_map(|(_, entry)| entry.start.map(|start| (start, entry.end)))
            .collect();
        courses.sort_unstable();
        courses
    }

    fn relief_floor_tenths(&self) -> Option<i32> {
        let best = |block: &TargetBlock<'_>| {
            block
                .series
                .as_ref()
                .and_then(|series| series.best())
                .map(|(_, relief)| relief.floor_tenths())
        };
        self.counted.iter().filter_map(best).min()
    }

    fn next_step(&self, statuses: Statuses, verdict: Verdict) -> (NextStep, Option<NaiveDate>) {
        let unknown = |rule: Rule| statuses.get(rule) == Some(Status::Unknown);
        let blocks_decide = self.blocks_decide();
        let step = match verdict {
            Verdict::Meets | Verdict::NeedsReview if blocks_decide => NextStep::ReferForAblation,
            Verdict::Meets | Verdict::NeedsReview => NextStep::RepeatAblation,
            _ if !blocks_decide && statuses.get(Rule::PainReturned) != Some(Status::Met) => {
                NextStep::FollowUp
            }
            Verdict::DoesNotMeet => NextStep::None,
            Verdict::InsufficientData if blocks_decide && self.counted.is_empty() => {
                NextStep::DiagnosticBlock
            }
            Verdict::InsufficientData if unknown(Rule::Relief) || unknown(Rule::ReliefDuration) => {
                NextStep::RecordScores
            }
            Verdict::InsufficientData if only_count_is_unknown(statuses) => {
                NextStep::ConfirmatoryBlock
            }
            Verdict::InsufficientData => NextStep::CompleteRecord,
        };
        let earliest = (step == NextStep::ConfirmatoryBlock)
            .then(|| self.confirmatory_from())
            .flatten();
        (step, earliest)
    }

    fn confirmatory_from(&self) -> Option<NaiveDate> {
        let interval = Days::new(u64::from(self.criteria.interval_days.unwrap_or(0)));
        self.counted
            .last()
            .and_then(|newest| newest.date.checked_add_days(interval))
    }

    /// The first day after this one, within three years, on which verdict or next step differs.
    fn changes_on(&self, verdict_now: Verdict, next_step_now: NextStep) -> Option<NaiveDate> {
        let horizon = self.day.checked_add_months(Months::new(36))?;
        let mut days = self.turning_days();
        days.retain(|day| *day > self.day && *day <= horizon);
        days.sort_unstable();
        days.dedup();
        days.into_iter().find(|day| {
            let later = Case::on(self.criteria, self.records, self.target, *day);
            let statuses = later.statuses();
            let verdict_then = verdict(statuses);
            (verdict_then, later.next_step(statuses, verdict_then).0)
                != (verdict_now, next_step_now)
        })
    }

    /// Every day on which some rule's value, or what it reads, could turn with the same records.
    fn turning_days(&self) -> Vec<NaiveDate> {
        let after = |day: NaiveDate, days: u32| day.checked_add_days(Days::new(u64::from(days)));
        let mut days: Vec<Option<NaiveDate>> = Vec::new();
        if let Some(performed_on) = self.ablated_on() {
            days.push(
                self.criteria
                    .rediagnose_days
                    .and_then(|limit| after(performed_on, limit.saturating_add(1))),
            );
            days.push(
                self.criteria
                    .ablation_gap_days
                    .and_then(|gap| after(performed_on, gap)),
            );
        }
        // A later rediagnosis changes which blocks count, so both choices are looked at.
        for since in [None, self.ablated_on()] {
            let counted = counted(self.criteria, self.target, since);
            match counted.last() {
                Some(newest) => days.push(
                    self.criteria
                        .block_max_age_days
                        .and_then(|age| after(newest.date, age.saturating_add(1))),
                ),
                None => days.extend([self.pain_long_enough_on(), self.care_long_enough_on()]),
            }
        }
        if self.criteria.ablation_cap.is_some() {
            let region = self.target.target.joint.region().covered();
            for session in self.records.sessions_of(SessionKind::Ablation, region) {
                let anniversary = session.date.checked_add_months(Months::new(12));
                // A session on 29 February leaves the rolling year a day after its anniversary.
                days.extend([anniversary, anniversary.and_then(|day| day.succ_opt())]);
            }
        }
        days.into_iter().flatten().collect()
    }

    fn pain_long_enough_on(&self) -> Option<NaiveDate> {
        let (onset, days) = (self.records.onset()?, self.criteria.pain_days?);
        onset.checked_add_days(Days::new(u64::from(days)))
    }

    /// The first day up to which failed care covers the days asked for, if it ever does.
    fn care_long_enough_on(&self) -> Option<NaiveDate> {
        let Some(Care::Weeks(weeks)) = self.criteria.care else {
            return None;
        };
        let demanded = i64::from(weeks) * 7;
        let mut counted_to: Option<NaiveDate> = None;
        let mut days = 0;
        for (start, end) in self.failed_care_courses() {
            let start = counted_to
                .and_then(|day| day.succ_opt())
                .map_or(start, |next| start.max(next));
            let missing = u64::try_from(demanded - days - 1).unwrap_or(0);
            let reached_on = start.checked_add_days(Days::new(missing))?;
            match end {
                Some(end) if end < start => {}
                Some(end) if end < reached_on => {
                    days += (end - start).num_days() + 1;
                    counted_to = Some(end);
                }
                _ => return Some(reached_on),
            }
        }
        None
    }
}

/// The newest diagnostic medial branch blocks that `criteria` counts, only those after `since` where it is given.
fn counted<'a>(
    criteria: &Criteria,
    target: &'a TargetRecords<'a>,
    since: Option<NaiveDate>,
) -> &'a [TargetBlock<'a>] {
    let blocks = target.blocks.as_slice();
    let first_eligible = since.map_or(0, |since| {
        blocks.partition_point(|block| block.date <= since)
    });
    let first_newest = blocks.len().saturating_sub(usize::from(criteria.blocks));
    blocks
        .get(first_eligible.max(first_newest)..)
        .unwrap_or_default()
}

/// Whether nothing but the number of blocks, and what depends on it, keeps the verdict open.
fn only_count_is_unknown(statuses: Statuses) -> bool {
    statuses.get(Rule::BlockCount) == Some(Status::Unknown)
        && statuses
            .iter()
            .filter(|(rule, status)| rule.required() && *status == Status::Unknown)
            .all(|(rule, _)| matches!(rule, Rule::BlockCount | Rule::BlockInterval))
}
