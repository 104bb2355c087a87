//! What went wrong after a block or an ablation (handbook, section 6).

use super::vocabulary::vocabulary;
use chrono::NaiveDate;

/// One adverse event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdverseEvent {
    /// What happened.
    pub category: AdverseEventCategory,
    /// How grave it was.
    pub grade: Grade,
    /// The day it began.
    pub onset_on: NaiveDate,
    /// Whether the procedure caused it.
    pub relation: Option<Relation>,
    /// The day it was over.
    pub resolved_on: Option<NaiveDate>,
    /// Free text.
    pub note: Option<String>,
}

vocabulary! {
    /// The categories to record.
    AdverseEventCategory {
        /// Temporary soreness.
        Soreness = "soreness", "soreness";
        /// Bleeding or hematoma.
        Bleeding = "bleeding", "bleeding or hematoma";
        /// Allergic reaction.
        AllergicReaction = "allergic_reaction", "allergic reaction";
        /// Infection.
        Infection = "infection", "infection";
        /// Vasovagal reaction.
        VasovagalReaction = "vasovagal_reaction", "vasovagal reaction";
        /// Nausea.
        Nausea = "nausea", "nausea";
        /// Rash.
        Rash = "rash", "rash";
        /// Numbness or dysesthesia.
        Numbness = "numbness", "numbness or dysesthesia";
        /// Neuritis.
        Neuritis = "neuritis", "neuritis";
        /// Motor weakness.
        MotorWeakness = "motor_weakness", "motor weakness";
        /// Worsening pain.
        WorseningPain = "worsening_pain", "worsening pain";
        /// Dural puncture.
        DuralPuncture = "dural_puncture", "dural puncture";
        /// Intravascular injection.
        IntravascularInjection = "intravascular_injection", "intravascular injection";
        /// Local anesthetic systemic toxicity.
        SystemicToxicity = "systemic_toxicity", "local anesthetic systemic toxicity";
        /// Skin burn.
        SkinBurn = "skin_burn", "skin burn";
        /// Pneumothorax.
        Pneumothorax = "pneumothorax", "pneumothorax";
        /// Wrong side or level.
        WrongSideOrLevel = "wrong_side_or_level", "wrong side or level";
        /// Device interaction.
        DeviceInteraction = "device_interaction", "device interaction";
        /// Something else.
        Other = "other", "other";
    }
}

vocabulary! {
    /// How grave an event was.
    Grade {
        /// Minor.
        Minor = "minor", "minor";
        /// Serious.
        Serious = "serious", "serious";
    }
}

vocabulary! {
    /// Whether the procedure caused an event.
    Relation {
        /// It did.
        Related = "related", "related";
        /// It may have.
        Possible = "possible", "possibly related";
        /// It did not.
        Unrelated = "unrelated", "unrelated";
        /// Nobody knows.
        Unknown = "unknown", "unknown";
    }
}
