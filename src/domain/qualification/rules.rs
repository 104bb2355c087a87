//! The rules, one by one: what each reads and when it is met, unmet or unknown.

use super::evaluate::{Case, Purpose};
use super::history::SessionKind;
use super::profile::Care;
use crate::domain::ablation::FollowUp;
use crate::domain::episode::{CareOutcome, Radiculopathy};
use crate::domain::pain::Threshold;
use crate::domain::relief::{DurationClass, ReliefFinding, baseline_score, stated_relief};
use crate::domain::vocabulary::vocabulary;
use chrono::{NaiveDate, TimeDelta};

vocabulary! {
    /// The rules in the order in which they are listed.
    Rule {
        /// As many counted blocks as the profile asks for.
        BlockCount = "block_count", "Number of blocks";
        /// Every counted block reached the relief.
        Relief = "relief", "Relief";
        /// The relief lasted.
        ReliefDuration = "relief_duration", "Duration of relief";
        /// The counted blocks lie far enough apart.
        BlockInterval = "block_interval", "Interval between blocks";
        /// The newest counted block is recent.
        BlockAge = "block_age", "Age of the newest block";
        /// Not too many joints in a session.
        Levels = "levels", "Levels in a session";
        /// Image guidance that counts.
        Guidance = "guidance", "Image guidance";
        /// Not too many diagnostic sessions in 12 months.
        DiagnosticCap = "diagnostic_cap", "Diagnostic sessions in 12 months";
        /// The pain was strong enough at the first counted block.
        PainFloor = "pain_floor", "Baseline pain";
        /// The pain had lasted long enough at the first counted block.
        PainDuration = "pain_duration", "Duration of pain";
        /// Conservative care failed.
        ConservativeCare = "conservative_care", "Conservative care";
        /// No untreated nerve root pain.
        Radiculopathy = "radiculopathy", "Radiculopathy";
        /// Other causes are ruled out.
        OtherCauses = "other_causes", "Other causes";
        /// The pain is predominantly axial.
        AxialPain = "axial_pain", "Axial pain";
        /// The target's segment is not fused.
        Fusion = "fusion", "Fusion";
        /// Not too many ablation sessions in 12 months.
        AblationCap = "ablation_cap", "Ablation sessions in 12 months";
        /// The latest ablation of the target is long enough ago.
        AblationGap = "ablation_gap", "Time since the latest ablation";
        /// The pain came back after the ablation.
        PainReturned = "pain_returned", "Return of pain";
        /// The earlier ablation helped, for long enough.
        RepeatRelief = "repeat_relief", "Relief from the earlier ablation";
        /// A disability score was taken in time.
        DisabilityRecorded = "disability_recorded", "Disability score";
        /// No counted block had a corticosteroid.
        NoSteroid = "no_steroid", "No corticosteroid";
        /// No counted block was done under sedation.
        NoSedation = "no_sedation", "No sedation";
        /// At most 0.5 mL at each nerve.
        Volume = "volume", "Volume per nerve";
        /// Relief was not too short for the agent.
        AgentDuration = "agent_duration", "Relief against the agent";
        /// What the patient states agrees with the scores.
        StatedAgrees = "stated_agrees", "Stated and scored relief";
    }
}

vocabulary! {
    /// The three values of a rule.
    Status {
        /// It holds.
        Met = "met", "met";
        /// It does not hold.
        Unmet = "unmet", "not met";
        /// Data is missing.
        Unknown = "unknown", "unknown";
    }
}

/// The most that a diagnostic block may hold at each nerve, in microlitres (advisory; handbook, section 4).
pub const MAX_VOLUME_MICROLITRES: i32 = 500;

/// When a rule is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// While blocks decide: before the first ablation, and again where one is too long ago.
    WhenBlocksDecide,
    /// After an ablation.
    AfterAblation,
    /// Always.
    Always,
}

impl Rule {
    /// Whether a verdict depends on it; the others are advisory.
    #[must_use]
    pub const fn required(self) -> bool {
        !matches!(
            self,
            Rule::DisabilityRecorded
                | Rule::NoSteroid
                | Rule::NoSedation
                | Rule::Volume
                | Rule::AgentDuration
                | Rule::StatedAgrees
        )
    }

    const fn asked(self) -> Asked {
        match self {
            Rule::BlockCount
            | Rule::Relief
            | Rule::ReliefDuration
            | Rule::BlockInterval
            | Rule::BlockAge
            | Rule::Levels
            | Rule::Guidance
            | Rule::DiagnosticCap
            | Rule::NoSteroid
            | Rule::NoSedation
            | Rule::Volume
            | Rule::AgentDuration
            | Rule::StatedAgrees => Asked::WhenBlocksDecide,
            Rule::AblationGap | Rule::PainReturned | Rule::RepeatRelief => Asked::AfterAblation,
            Rule::PainFloor
            | Rule::PainDuration
            | Rule::ConservativeCare
            | Rule::Radiculopathy
            | Rule::OtherCauses
            | Rule::AxialPain
            | Rule::Fusion
            | Rule::AblationCap
            | Rule::DisabilityRecorded => Asked::Always,
        }
    }

    /// The rule's value for `case`; `None` where the profile does not ask for it, or not at this purpose.
    #[must_use]
    pub fn status(self, case: &Case<'_>) -> Option<Status> {
        let asked = match self.asked() {
            Asked::WhenBlocksDecide => case.blocks_decide(),
            Asked::AfterAblation => case.purpose == Purpose::Repeat,
            Asked::Always => true,
        };
        if !asked {
            return None;
        }
        match self {
            Rule::BlockCount => Some(block_count(case)),
            Rule::Relief => Some(relief(case)),
            Rule::ReliefDuration => case
                .criteria
                .relief_minutes
                .map(|minutes| relief_duration(case, minutes)),
            Rule::BlockInterval => case
                .criteria
                .interval_days
                .map(|days| block_interval(case, days)),
            Rule::BlockAge => case
                .criteria
                .block_max_age_days
                .map(|days| block_age(case, days)),
            Rule::Levels => case.criteria.max_levels.map(|most| levels(case, most)),
            Rule::Guidance => case.criteria.guidance.as_ref().map(|_| guidance(case)),
            Rule::DiagnosticCap => case
                .criteria
                .diagnostic_cap
                .map(|cap| diagnostic_cap(case, cap)),
            Rule::PainFloor => case
                .criteria
                .pain_floor_tenths
                .map(|floor| pain_floor(case, floor)),
            Rule::PainDuration => case
                .criteria
                .pain_days
                .map(|days| pain_duration(case, days)),
            Rule::ConservativeCare => case.criteria.care.map(|care| conservative_care(case, care)),
            Rule::Radiculopathy => Some(radiculopathy(case)),
            Rule::OtherCauses => Some(recorded(case.records.episode.other_causes_excluded)),
            Rule::AxialPain => case
                .criteria
                .axial
                .then(|| recorded(case.records.episode.axial)),
            Rule::Fusion => case.criteria.fusion_excludes.then(|| fusion(case)),
            Rule::AblationCap => case
                .criteria
                .ablation_cap
                .map(|cap| ablation_cap(case, cap)),
            Rule::AblationGap => case
                .criteria
                .ablation_gap_days
                .map(|days| ablation_gap(case, days)),
            Rule::PainReturned => Some(pain_returned(case)),
            Rule::RepeatRelief => case
                .criteria
                .repeat
                .map(|threshold| repeat_relief(case, threshold)),
            Rule::DisabilityRecorded => Some(disability_recorded(case)),
            Rule::NoSteroid => Some(none_had(
                case.counted
                    .iter()
                    .map(|block| block.recorded.block.steroid),
            )),
            Rule::NoSedation => Some(none_had(case.counted.iter().map(|block| {
                block
                    .recorded
                    .block
                    .sedation
                    .map(|sedation| sedation != crate::domain::block::Sedation::None)
            }))),
            Rule::Volume => Some(none_had(case.counted.iter().map(|block| {
                block
                    .recorded
                    .block
                    .volume_microlitres_per_nerve
                    .map(|volume| volume > MAX_VOLUME_MICROLITRES)
            }))),
            Rule::AgentDuration => Some(agent_duration(case)),
            Rule::StatedAgrees => Some(stated_agrees(case)),
        }
    }
}

/// Met on `true`, unmet on `false`, unknown where nothing is recorded.
const fn recorded(fact: Option<bool>) -> Status {
    match fact {
        Some(true) => Status::Met,
        Some(false) => Status::Unmet,
        None => Status::Unknown,
    }
}

const fn met_if(holds: bool) -> Status {
    recorded(Some(holds))
}

/// All of several parts: any unmet decides, then any unknown; no part at all is unknown.
fn all(parts: impl Iterator<Item = Status>) -> Status {
    let mut total = None;
    for part in parts {
        match part {
            Status::Unmet => return Status::Unmet,
            Status::Unknown => total = Some(Status::Unknown),
            Status::Met => total = total.or(Some(Status::Met)),
        }
    }
    total.unwrap_or(Status::Unknown)
}

/// Met where every counted block is known not to have had it; any that had it is unmet.
fn none_had(facts: impl Iterator<Item = Option<bool>>) -> Status {
    all(facts.map(|had| recorded(had.map(|had| !had))))
}

fn block_count(case: &Case<'_>) -> Status {
    if case.counted.len() >= usize::from(case.criteria.blocks) {
        Status::Met
    } else {
        Status::Unknown
    }
}

fn relief(case: &Case<'_>) -> Status {
    all(case.findings().map(|finding| match finding {
        Some(ReliefFinding::Reached(_)) => Status::Met,
        Some(ReliefFinding::NotReached) => Status::Unmet,
        Some(ReliefFinding::Undefined) | None => Status::Unknown,
    }))
}

fn relief_duration(case: &Case<'_>, minutes: u32) -> Status {
    let demanded = TimeDelta::minutes(i64::from(minutes));
    all(case.findings().map(|finding| match finding {
        Some(ReliefFinding::Reached(interval))
            if interval.max.is_some_and(|max| max < demanded) =>
        {
            Status::Unmet
        }
        Some(ReliefFinding::Reached(interval)) if interval.min >= demanded => Status::Met,
        Some(ReliefFinding::NotReached) => Status::Unmet,
        Some(ReliefFinding::Reached(_) | ReliefFinding::Undefined) | None => Status::Unknown,
    }))
}

fn block_interval(case: &Case<'_>, days: u32) -> Status {
    let dates = case.counted.iter().map(|block| block.date);
    let next_dates = dates.clone().skip(1);
    if dates
        .zip(next_dates)
        .any(|(earlier, later)| (later - earlier).num_days() < i64::from(days))
    {
        return Status::Unmet;
    }
    block_count(case)
}

fn block_age(case: &Case<'_>, days: u32) -> Status {
    case.counted.last().map_or(Status::Unknown, |newest| {
        met_if((case.day - newest.date).num_days() <= i64::from(days))
    })
}

fn levels(case: &Case<'_>, most: u8) -> Status {
    all(case
        .counted
        .iter()
        .map(|block| met_if(block.recorded.block.joints.len() <= usize::from(most))))
}

fn guidance(case: &Case<'_>) -> Status {
    let listed = case.criteria.guidance.as_deref().unwrap_or_default();
    all(case.counted.iter().map(|block| {
        recorded(
            block
                .recorded
                .block
                .guidance
                .map(|guidance| listed.contains(&guidance)),
        )
    }))
}

fn diagnostic_cap(case: &Case<'_>, cap: u32) -> Status {
    all(case.counted.iter().map(|block| {
        let held = case.sessions_in_year(SessionKind::Diagnostic, block.date);
        met_if(u32::try_from(held).is_ok_and(|held| held <= cap))
    }))
}

fn pain_floor(case: &Case<'_>, floor_tenths: i16) -> Status {
    let baseline = case.counted.first().and_then(|first| case.baseline(first));
    recorded(baseline.map(|score| {
        i32::from(score.tenths()) >= i32::from(floor_tenths) * score.scale().per_nrs_point()
    }))
}

fn pain_duration(case: &Case<'_>, days: u32) -> Status {
    recorded(
        case.records
            .onset()
            .map(|onset| (case.first_day() - onset).num_days() >= i64::from(days)),
    )
}

fn conservative_care(case: &Case<'_>, care: Care) -> Status {
    let mut entries = case
        .records
        .care()
        .map(|(_, entry)| entry.outcome)
        .peekable();
    if entries.peek().is_none() {
        return Status::Unknown;
    }
    let outcomes: [bool; 2] = entries.fold([false, false], |[failed, contraindicated], outcome| {
        [
            failed || outcome == Some(CareOutcome::Failed),
            contraindicated || outcome == Some(CareOutcome::Contraindicated),
        ]
    });
    let [any_failed, any_contraindicated] = outcomes;
    match care {
        _ if any_contraindicated => Status::Met,
        Care::Documented => met_if(any_failed),
        Care::Weeks(weeks) => {
            met_if(case.failed_care_days(case.first_day()) >= i64::from(weeks) * 7)
        }
    }
}

const fn radiculopathy(case: &Case<'_>) -> Status {
    match case.records.episode.radiculopathy {
        Some(Radiculopathy::None | Radiculopathy::Treated | Radiculopathy::FacetCyst) => {
            Status::Met
        }
        Some(Radiculopathy::Untreated) => Status::Unmet,
        None => Status::Unknown,
    }
}

fn fusion(case: &Case<'_>) -> Status {
    let fused = case.records.episode.fused_joints.as_ref();
    recorded(fused.map(|joints| !joints.contains(&case.target.target.joint)))
}

fn ablation_cap(case: &Case<'_>, cap: u32) -> Status {
    let held = case.sessions_in_year(SessionKind::Ablation, case.day);
    met_if(u32::try_from(held).is_ok_and(|held| held < cap))
}

fn ablation_gap(case: &Case<'_>, days: u32) -> Status {
    let since = case
        .ablated_on()
        .map(|performed_on| (case.day - performed_on).num_days());
    recorded(since.map(|since| since >= i64::from(days)))
}

fn pain_returned(case: &Case<'_>) -> Status {
    let threshold = case.criteria.returned_below();
    recorded(
        case.latest_follow_up_relief()
            .map(|(_, relief)| !relief.reaches(threshold)),
    )
}

/// What one follow-up says about the relief that a repeat asks for; `None` where it says nothing.
pub(super) fn holds(case: &Case<'_>, follow_up: &FollowUp, threshold: Threshold) -> Option<bool> {
    let by_function = case.criteria.repeat_function
        && follow_up
            .function_improvement
            .is_some_and(|improvement| improvement.reaches(threshold));
    if by_function {
        return Some(true);
    }
    case.follow_up_relief(follow_up)
        .map(|relief| relief.reaches(threshold))
}

/// The run of follow-ups in relief from the first on: the day of its last one, and of the first below.
pub(super) fn repeat_run(
    case: &Case<'_>,
    threshold: Threshold,
) -> (Option<NaiveDate>, Option<NaiveDate>) {
    let mut last_in_relief = None;
    for recorded in &case.target.follow_ups {
        match holds(case, &recorded.follow_up, threshold) {
            Some(true) => last_in_relief = Some(recorded.follow_up.taken_on),
            Some(false) => return (last_in_relief, Some(recorded.follow_up.taken_on)),
            None => {}
        }
    }
    (last_in_relief, None)
}

fn repeat_relief(case: &Case<'_>, threshold: Threshold) -> Status {
    let Some(performed_on) = case.ablated_on() else {
        return Status::Unknown;
    };
    let demanded = i64::from(case.criteria.repeat_days.unwrap_or(0));
    let days_after = |day: NaiveDate| (day - performed_on).num_days();
    match repeat_run(case, threshold) {
        (Some(last), _) if days_after(last) >= demanded => Status::Met,
        (None, Some(_)) => Status::Unmet,
        (Some(_), Some(below)) if days_after(below) < demanded => Status::Unmet,
        (Some(_), _) | (None, None) => Status::Unknown,
    }
}

fn disability_recorded(case: &Case<'_>) -> Status {
    met_if(
        case.records
            .disability_by(case.first_day())
            .next()
            .is_some(),
    )
}

fn agent_duration(case: &Case<'_>) -> Status {
    all(case
        .counted
        .iter()
        .map(|block| match case.duration_class(block) {
            Some(DurationClass::TooShort) => Status::Unmet,
            Some(DurationClass::Within | DurationClass::Prolonged) => Status::Met,
            Some(DurationClass::Unknown) | None => Status::Unknown,
        }))
}

fn stated_agrees(case: &Case<'_>) -> Status {
    all(case.counted.iter().map(|block| {
        let scored = match case.finding(block) {
            Some(ReliefFinding::Reached(_)) => Some(true),
            Some(ReliefFinding::NotReached) => Some(false),
            Some(ReliefFinding::Undefined) | None => None,
        };
        let stated = case
            .stated(block)
            .map(|percent| percent.reaches(case.criteria.relief));
        recorded(scored.zip(stated).map(|(scored, stated)| scored == stated))
    }))
}

impl Case<'_> {
    pub(super) fn baseline(
        &self,
        block: &super::history::TargetBlock<'_>,
    ) -> Option<crate::domain::pain::Score> {
        baseline_score(
            &block.recorded.block,
            &block.recorded.scores,
            self.target.target.side,
            self.records.as_of,
            self.criteria.baseline_max_age,
        )
    }

    pub(super) fn stated(
        &self,
        block: &super::history::TargetBlock<'_>,
    ) -> Option<crate::domain::pain::Percent> {
        stated_relief(
            &block.recorded.block,
            &block.recorded.scores,
            self.target.target.side,
            self.records.as_of,
            block.series.as_ref(),
        )
    }
}

/// The statuses of all rules in one integer: two bits a rule in the order of [`Rule::ALL`], 0 for "not asked".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Statuses(u64);

impl Statuses {
    const fn shift(rule: Rule) -> u32 {
        // The discriminant is the rule's place in `Rule::ALL`; 25 rules take 50 bits.
        #[allow(clippy::as_conversions)]
        let place = rule as u32;
        place * 2
    }

    /// Sets one rule's status.
    pub const fn set(&mut self, rule: Rule, status: Status) {
        let code: u64 = match status {
            Status::Met => 1,
            Status::Unmet => 2,
            Status::Unknown => 3,
        };
        self.0 = (self.0 & !(0b11 << Self::shift(rule))) | (code << Self::shift(rule));
    }

    /// One rule's status; `None` where it was not asked.
    #[must_use]
    pub const fn get(self, rule: Rule) -> Option<Status> {
        match (self.0 >> Self::shift(rule)) & 0b11 {
            1 => Some(Status::Met),
            2 => Some(Status::Unmet),
            3 => Some(Status::Unknown),
            _ => None,
        }
    }

    /// The rules that were asked, in order, with their statuses.
    pub fn iter(self) -> impl Iterator<Item = (Rule, Status)> {
        Rule::ALL
            .iter()
            .filter_map(move |rule| self.get(*rule).map(|status| (*rule, status)))
    }

    /// The packed form, as stored.
    #[must_use]
    pub const fn packed(self) -> i64 {
        // 50 bits: the sign bit is never reached.
        #[allow(clippy::as_conversions)]
        let packed = self.0 as i64;
        packed
    }

    /// From the packed form.
    #[must_use]
    pub const fn from_packed(packed: i64) -> Statuses {
        #[allow(clippy::as_conversions)]
        let bits = packed as u64;
        Statuses(bits)
    }

    /// Whether any required (or any advisory) rule has `status`.
    #[must_use]
    pub fn any(self, required: bool, status: Status) -> bool {
        self.iter()
            .any(|(rule, found)| rule.required() == required && found == status)
    }
}
