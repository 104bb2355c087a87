//! One table: role by action.

use crate::domain::UnknownCode;

macro_rules! codes {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $code:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vmeta])* $variant,)+ }
        impl $name {
            /// Every one.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];
            /// Stable code.
            #[must_use]
            pub const fn code(self) -> &'static str { match self { $($name::$variant => $code,)+ } }
            /// Reads a code back.
            ///
            /// # Errors
            /// [`UnknownCode`] when there is none such.
            pub fn from_code(code: &str) -> Result<Self, UnknownCode> {
                match code {
                    $($code => Ok($name::$variant),)+
                    _ => Err(UnknownCode { given: code.to_owned(), accepted: Self::ALL.iter().map(|one| one.code()).collect() }),
                }
            }
        }
    };
}

codes! {
    /// Who somebody is to the service.
    Role {
        /// A connected record system.
        EhrSystem = "ehr_system";
        /// A clinician.
        Clinician = "clinician";
        /// An analyst of outcomes.
        Analyst = "analyst";
        /// A patient, with one block's diary.
        Patient = "patient";
        /// Somebody who reviews the audit trail.
        Auditor = "auditor";
        /// Somebody who runs the service.
        Admin = "admin";
    }
}

codes! {
    /// What can be done.
    Action {
        /// Read patients and what is recorded about them.
        ReadPatient = "read_patient";
        /// Record or correct a patient.
        WritePatient = "write_patient";
        /// Read episodes.
        ReadEpisode = "read_episode";
        /// Record or correct an episode.
        WriteEpisode = "write_episode";
        /// Read blocks.
        ReadBlock = "read_block";
        /// Record or correct a block.
        WriteBlock = "write_block";
        /// Read scores.
        ReadScore = "read_score";
        /// Record, correct or withdraw a score.
        WriteScore = "write_score";
        /// Read ablations and follow-ups.
        ReadAblation = "read_ablation";
        /// Record or correct an ablation or a follow-up.
        WriteAblation = "write_ablation";
        /// Read adverse events.
        ReadAdverseEvent = "read_adverse_event";
        /// Record an adverse event.
        WriteAdverseEvent = "write_adverse_event";
        /// Read profiles.
        ReadProfile = "read_profile";
        /// Load a profile's version, or activate or deactivate one.
        WriteProfile = "write_profile";
        /// Read determinations, candidates and the worklist.
        ReadDetermination = "read_determination";
        /// Ask what the verdict on a case would be.
        Evaluate = "evaluate";
        /// Record a clinician's decision about a candidate.
        ReviewCandidate = "review_candidate";
        /// Export records with what identifies the patient.
        ExportIdentified = "export_identified";
        /// Export records without what identifies the patient.
        ExportDeidentified = "export_deidentified";
        /// Read the audit trail.
        ReadAudit = "read_audit";
    }
}
