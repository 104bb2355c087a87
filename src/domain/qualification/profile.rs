//! A profile: one body's published criteria at one version. Data, not code.

use crate::domain::anatomy::{Region, Target};
use crate::domain::block::{Agent, Guidance};
use crate::domain::pain::Threshold;
use crate::domain::relief::AgentWindow;
use crate::domain::vocabulary::vocabulary;
use chrono::{NaiveDate, TimeDelta};
use std::collections::BTreeMap;

/// One body's criteria at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Stable name, as `medicare-lcd`.
    pub id: String,
    /// Version, from 1.
    pub version: i32,
    /// The document's title.
    pub title: String,
    /// Which targets it judges.
    pub region: ProfileRegion,
    /// The day from which it holds.
    pub effective: Option<NaiveDate>,
    /// Where it comes from and how far that is verified.
    pub provenance: Provenance,
    /// Whether the body asks for the modifier KX on the lines of a diagnostic block.
    pub kx_modifier: bool,
    /// The numbers.
    pub criteria: Criteria,
    /// Where each number comes from, by the criterion's name.
    pub provenances: BTreeMap<Criterion, Provenance>,
}

impl Profile {
    /// Whether it judges `target`.
    #[must_use]
    pub fn applies_to(&self, target: Target) -> bool {
        match self.region {
            ProfileRegion::Any => true,
            ProfileRegion::Only(region) => target.joint.region() == region,
        }
    }
}

/// Which targets a profile judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileRegion {
    /// All of them.
    Any,
    /// Those of one region.
    Only(Region),
}

impl ProfileRegion {
    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            ProfileRegion::Any => "any",
            ProfileRegion::Only(region) => region.code(),
        }
    }
}

/// Where a number comes from, and how far that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// How far it is verified.
    pub trust: Trust,
    /// The document.
    pub source: String,
}

vocabulary! {
    /// How far a number is verified.
    Trust {
        /// From the body's own document, or the paper itself.
        Official = "official", "official";
        /// In part from the body's own document, in part from a summary of it.
        OfficialAndSecondary = "official+secondary", "official and secondary";
        /// In part from the body's own document, in part still to be checked.
        OfficialAndUnverified = "official+unverified", "official and unverified";
        /// From somebody's summary.
        Secondary = "secondary", "secondary";
        /// Still to be checked.
        Unverified = "unverified", "unverified";
    }
}

vocabulary! {
    /// The criteria that a profile may hold. A criterion that the source does not give is absent, and so is its rule.
    Criterion {
        /// Relief that each counted block must reach, in percent.
        ReliefPercent = "relief_percent", "relief of each counted block";
        /// Positive diagnostic blocks on the same target.
        Blocks = "blocks", "positive diagnostic blocks";
        /// Relief must last at least this many minutes.
        ReliefMinutes = "relief_minutes", "minutes of relief";
        /// Days between neighbouring counted blocks.
        IntervalDays = "interval_days", "days between blocks";
        /// Days that the newest counted block may be old.
        BlockMaxAgeDays = "block_max_age_days", "age of the newest block in days";
        /// Days that the pain has lasted at the first counted block.
        PainDays = "pain_days", "days of pain";
        /// Weeks of failed conservative care, or that its failure is documented.
        ConservativeCare = "conservative_care", "failed conservative care";
        /// Baseline on NRS at least this.
        PainFloor = "pain_floor", "baseline pain";
        /// Joints per session and side.
        MaxLevels = "max_levels", "levels in a session";
        /// Diagnostic sessions per covered region in a rolling 12 months.
        DiagnosticCap = "diagnostic_cap", "diagnostic sessions in 12 months";
        /// Therapeutic sessions per covered region in a rolling 12 months; shown, no rule reads it.
        TherapeuticCap = "therapeutic_cap", "therapeutic sessions in 12 months";
        /// Ablation sessions per covered region in a rolling 12 months.
        AblationCap = "ablation_cap", "ablation sessions in 12 months";
        /// Days between ablations of one target.
        AblationGapDays = "ablation_gap_days", "days between ablations";
        /// Relief that the earlier ablation must have given.
        RepeatPercent = "repeat_percent", "relief from the earlier ablation";
        /// Days that it must have given it for.
        RepeatDays = "repeat_days", "days of relief from the earlier ablation";
        /// Whether the same gain in function will do.
        RepeatFunction = "repeat_function", "gain in function will do";
        /// An earlier ablation older than this needs diagnostic blocks again.
        RediagnoseDays = "rediagnose_days", "days after which diagnostic blocks are needed again";
        /// Image guidance that counts.
        Guidance = "guidance", "image guidance";
        /// Whether a fused segment at the target rules it out.
        FusionExcludes = "fusion_excludes", "fusion rules the target out";
        /// Whether predominantly axial pain is demanded.
        Axial = "axial", "axial pain";
        /// Days that a baseline may be old.
        BaselineMaxAgeDays = "baseline_max_age_days", "age of a baseline in days";
    }
}

/// Conservative care that a profile demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// So many weeks that failed.
    Weeks(u16),
    /// A documented failure, no number.
    Documented,
}

/// The numbers of a profile. `None` and `false`: the source does not demand it, and the rule is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Criteria {
    /// Relief that each counted block must reach.
    pub relief: Threshold,
    /// Positive diagnostic blocks on the same target, at least 1.
    pub blocks: u8,
    /// Minutes that relief must last.
    pub relief_minutes: Option<u32>,
    /// Days between neighbouring counted blocks.
    pub interval_days: Option<u32>,
    /// Days that the newest counted block may be old.
    pub block_max_age_days: Option<u32>,
    /// Days that the pain has lasted at the first counted block.
    pub pain_days: Option<u32>,
    /// Conservative care.
    pub care: Option<Care>,
    /// Baseline on NRS, in tenths.
    pub pain_floor_tenths: Option<i16>,
    /// Joints per session and side.
    pub max_levels: Option<u8>,
    /// Diagnostic sessions in 12 months.
    pub diagnostic_cap: Option<u32>,
    /// Therapeutic sessions in 12 months; shown, no rule reads it.
    pub therapeutic_cap: Option<u32>,
    /// Ablation sessions in 12 months.
    pub ablation_cap: Option<u32>,
    /// Days between ablations of one target.
    pub ablation_gap_days: Option<u32>,
    /// Relief from the earlier ablation.
    pub repeat: Option<Threshold>,
    /// Days of that relief.
    pub repeat_days: Option<u32>,
    /// Whether the same gain in function will do.
    pub repeat_function: bool,
    /// Days after which diagnostic blocks are needed again.
    pub rediagnose_days: Option<u32>,
    /// Image guidance that counts.
    pub guidance: Option<Vec<Guidance>>,
    /// Whether a fused segment at the target rules it out.
    pub fusion_excludes: bool,
    /// Whether predominantly axial pain is demanded.
    pub axial: bool,
    /// How old a baseline may be.
    pub baseline_max_age: TimeDelta,
    /// Agent windows that replace the defaults.
    pub agent_windows: Vec<(Agent, AgentWindow)>,
}

impl Criteria {
    /// The expected window of `agent` under this profile.
    #[must_use]
    pub fn window(&self, agent: Agent) -> Option<AgentWindow> {
        let own = self
            .agent_windows
            .iter()
            .find(|(of, _)| *of == agent)
            .map(|(_, window)| *window);
        own.or_else(|| AgentWindow::default_of(agent).map(|(window, _)| window))
    }

    /// The relief that counts as returned pain, and that a repeat asks of the earlier ablation: 50 % where none is given.
    #[must_use]
    pub fn returned_below(&self) -> Threshold {
        self.repeat.unwrap_or(Threshold::FIFTY)
    }
}
