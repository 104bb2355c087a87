//! One injection session: where, with what, under which guidance.

use super::anatomy::{Joint, Nerve, Region, Side, Target, TreatedSide, nerves_of};
use super::pain::Percent;
use super::vocabulary::vocabulary;
use chrono::{DateTime, FixedOffset, NaiveDate};

/// One injection session. `None` always means "not recorded".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The instant of the injection, in the offset it was recorded with.
    pub performed_at: DateTime<FixedOffset>,
    /// What it was for.
    pub kind: BlockKind,
    /// What was injected into.
    pub technique: BlockTechnique,
    /// The joints treated; at least one, each once.
    pub joints: Vec<Joint>,
    /// The side or sides treated.
    pub side: TreatedSide,
    /// The local anesthetic.
    pub agent: Option<Agent>,
    /// Its concentration, in thousandths of a percent: 0.5 % is 500.
    pub concentration_thousandths: Option<i32>,
    /// The volume at each nerve, in microlitres: 0.5 mL is 500.
    pub volume_microlitres_per_nerve: Option<i32>,
    /// Whether a corticosteroid was added.
    pub steroid: Option<bool>,
    /// The image guidance.
    pub guidance: Option<Guidance>,
    /// The sedation.
    pub sedation: Option<Sedation>,
    /// Relief as the patient stated it for the whole block.
    pub stated_relief: Option<Percent>,
    /// How long relief lasted as the patient stated it, in minutes.
    pub stated_relief_minutes: Option<i32>,
    /// How long the procedure took, in minutes.
    pub duration_minutes: Option<i32>,
    /// Who performed it.
    pub operator: Option<String>,
    /// Where it was performed.
    pub site: Option<String>,
    /// The nerves as the operator corrected them; `None`: as they follow from the joints.
    pub corrected_nerves: Option<Vec<Nerve>>,
    /// Whether the patient returned to activity the same day.
    pub same_day_return: Option<bool>,
}

impl Block {
    /// The local calendar date, in the offset it was recorded with.
    #[must_use]
    pub fn local_date(&self) -> NaiveDate {
        self.performed_at.date_naive()
    }

    /// The nerves blocked on each treated side: as corrected, else as they follow from the joints.
    #[must_use]
    pub fn nerves(&self) -> Vec<Nerve> {
        self.corrected_nerves
            .clone()
            .unwrap_or_else(|| nerves_of(&self.joints))
    }

    /// The (joint, side) pairs covered.
    pub fn targets(&self) -> impl Iterator<Item = Target> + '_ {
        targets(&self.joints, self.side)
    }

    /// Whether `target` was covered.
    #[must_use]
    pub fn covers(&self, target: Target) -> bool {
        self.side.covers(target.side) && self.joints.contains(&target.joint)
    }

    /// Whether it is a diagnostic medial branch block: the only kind that a profile counts.
    #[must_use]
    pub const fn is_diagnostic_mbb(&self) -> bool {
        matches!(
            (self.kind, self.technique),
            (BlockKind::Diagnostic, BlockTechnique::MedialBranch)
        )
    }

    /// The sides rated.
    #[must_use]
    pub const fn sides(&self) -> &'static [Side] {
        self.side.sides()
    }
}

/// The (joint, side) pairs of `joints` on `side`, joint by joint.
pub fn targets(joints: &[Joint], side: TreatedSide) -> impl Iterator<Item = Target> + '_ {
    joints.iter().flat_map(move |joint| {
        side.sides().iter().map(move |side| Target {
            joint: *joint,
            side: *side,
        })
    })
}

/// The spinal regions of `joints`, each once.
pub fn regions(joints: &[Joint]) -> impl Iterator<Item = Region> + '_ {
    Region::ALL
        .iter()
        .copied()
        .filter(|region| joints.iter().any(|joint| joint.region() == *region))
}

vocabulary! {
    /// What a block was for.
    BlockKind {
        /// A test.
        Diagnostic = "diagnostic", "diagnostic";
        /// A treatment.
        Therapeutic = "therapeutic", "therapeutic";
    }
}

vocabulary! {
    /// What was injected into.
    BlockTechnique {
        /// The medial branch nerves.
        MedialBranch = "medial_branch", "medial branch block";
        /// The joint itself.
        IntraArticular = "intra_articular", "intra-articular injection";
    }
}

vocabulary! {
    /// A local anesthetic.
    Agent {
        /// Lidocaine.
        Lidocaine = "lidocaine", "lidocaine";
        /// Mepivacaine.
        Mepivacaine = "mepivacaine", "mepivacaine";
        /// Bupivacaine.
        Bupivacaine = "bupivacaine", "bupivacaine";
        /// Levobupivacaine.
        Levobupivacaine = "levobupivacaine", "levobupivacaine";
        /// Ropivacaine.
        Ropivacaine = "ropivacaine", "ropivacaine";
        /// Prilocaine.
        Prilocaine = "prilocaine", "prilocaine";
        /// Procaine.
        Procaine = "procaine", "procaine";
        /// Chloroprocaine.
        Chloroprocaine = "chloroprocaine", "chloroprocaine";
        /// Tetracaine.
        Tetracaine = "tetracaine", "tetracaine";
        /// Articaine.
        Articaine = "articaine", "articaine";
        /// Normal saline: a placebo block.
        Saline = "saline", "saline";
        /// Something else.
        Other = "other", "another agent";
    }
}

vocabulary! {
    /// Image guidance.
    Guidance {
        /// Fluoroscopy.
        Fluoroscopy = "fluoroscopy", "fluoroscopy";
        /// Computed tomography.
        Ct = "ct", "CT";
        /// Ultrasound.
        Ultrasound = "ultrasound", "ultrasound";
        /// Magnetic resonance imaging.
        Mri = "mri", "MRI";
        /// None: by landmarks.
        None = "none", "none";
    }
}

vocabulary! {
    /// Sedation during the block.
    Sedation {
        /// None.
        None = "none", "none";
        /// Minimal: anxiolysis.
        Minimal = "minimal", "minimal";
        /// Moderate.
        Moderate = "moderate", "moderate";
        /// Deep.
        Deep = "deep", "deep";
        /// General anesthesia.
        General = "general", "general anesthesia";
    }
}
