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
        /// Record a patient.
        WritePatient = "write_patient";
        /// Correct a patient.
        CorrectPatient = "correct_patient";
        /// Read episodes.
        ReadEpisode = "read_episode";
        /// Record an episode.
        WriteEpisode = "write_episode";
        /// Correct an episode.
        CorrectEpisode = "correct_episode";
        /// Read blocks.
        ReadBlock = "read_block";
        /// Record a block.
        WriteBlock = "write_block";
        /// Correct a block.
        CorrectBlock = "correct_block";
        /// Read scores.
        ReadScore = "read_score";
        /// Record a score.
        WriteScore = "write_score";
        /// Correct a score.
        CorrectScore = "correct_score";
        /// Withdraw a score, with a reason.
        WithdrawScore = "withdraw_score";
        /// Make a link by which a patient keeps a block's diary.
        MakeDiaryLink = "make_diary_link";
        /// List a block's links.
        ReadDiaryLink = "read_diary_link";
        /// Revoke a link.
        RevokeDiaryLink = "revoke_diary_link";
        /// Keep the diary that a link is for.
        WriteDiary = "write_diary";
        /// Read ablations and follow-ups.
        ReadAblation = "read_ablation";
        /// Record an ablation or a follow-up.
        WriteAblation = "write_ablation";
        /// Correct an ablation or a follow-up.
        CorrectAblation = "correct_ablation";
        /// Read adverse events.
        ReadAdverseEvent = "read_adverse_event";
        /// Record an adverse event.
        WriteAdverseEvent = "write_adverse_event";
        /// Read profiles.
        ReadProfile = "read_profile";
        /// Load a profile's version, or activate or deactivate one.
        WriteProfile = "write_profile";
        /// Read the determinations of an episode, which name nobody.
        ReadDetermination = "read_determination";
        /// List candidates and the worklist, which name patients.
        ReadCandidate = "read_candidate";
        /// Ask what the verdict on a case would be.
        Evaluate = "evaluate";
        /// Record a clinician's decision about a candidate.
        ReviewCandidate = "review_candidate";
        /// Tell what was done with a card of decision support.
        GiveFeedback = "give_feedback";
        /// Count what was done with cards, which names nobody.
        ReadFeedback = "read_feedback";
        /// Read the figures of a cohort, which name nobody.
        ReadAnalytics = "read_analytics";
        /// Export records with what identifies the patient.
        ExportIdentified = "export_identified";
        /// Export records without what identifies the patient.
        ExportDeidentified = "export_deidentified";
        /// Ask for a bulk export of FHIR resources, which names patients.
        BulkExport = "bulk_export";
        /// Read groups of patients, such as the candidates of a profile.
        ReadGroup = "read_group";
        /// See what other systems are told, and what became of it.
        ReadSubscription = "read_subscription";
        /// Ask for another system to be told of what happens.
        MakeSubscription = "make_subscription";
        /// Change what another system is told, or try again to tell it.
        ChangeSubscription = "change_subscription";
        /// Tell another system no more.
        DeleteSubscription = "delete_subscription";
        /// Read the audit trail.
        ReadAudit = "read_audit";
    }
}

/// The permission table. Both matches are exhaustive, so that neither a new action nor a new role gets in unconsidered;
/// the whole table is kept as a reviewed snapshot beside this file.
#[must_use]
pub const fn allows(role: Role, action: Action) -> bool {
    match action {
        // What is known about a patient who can be recognized.
        Action::ReadPatient
        | Action::ReadEpisode
        | Action::ReadBlock
        | Action::ReadScore
        | Action::ReadDiaryLink
        | Action::ReadAblation
        | Action::ReadAdverseEvent
        | Action::ReadCandidate
        | Action::ReadGroup => match role {
            Role::EhrSystem | Role::Clinician | Role::Admin => true,
            Role::Analyst | Role::Patient | Role::Auditor => false,
        },
        // Recording is for those who treat. Who runs the service does not write in the records.
        Action::WritePatient
        | Action::CorrectPatient
        | Action::WriteEpisode
        | Action::CorrectEpisode
        | Action::WriteBlock
        | Action::CorrectBlock
        | Action::WriteScore
        | Action::CorrectScore
        | Action::WithdrawScore
        | Action::MakeDiaryLink
        | Action::RevokeDiaryLink
        | Action::WriteAblation
        | Action::CorrectAblation
        | Action::WriteAdverseEvent => match role {
            Role::EhrSystem | Role::Clinician => true,
            Role::Analyst | Role::Patient | Role::Auditor | Role::Admin => false,
        },
        // By the link alone: everybody else adds scores under their own name.
        Action::WriteDiary => match role {
            Role::Patient => true,
            Role::EhrSystem | Role::Clinician | Role::Analyst | Role::Auditor | Role::Admin => {
                false
            }
        },
        // The rules and what they say, without a name.
        Action::ReadProfile
        | Action::ReadDetermination
        | Action::Evaluate
        | Action::ReadFeedback
        | Action::ReadAnalytics
        | Action::ExportDeidentified => match role {
            Role::EhrSystem | Role::Clinician | Role::Analyst | Role::Admin => true,
            Role::Patient | Role::Auditor => false,
        },
        Action::ExportIdentified | Action::BulkExport => match role {
            Role::EhrSystem | Role::Clinician | Role::Admin => true,
            Role::Analyst | Role::Patient | Role::Auditor => false,
        },
        // A system asks for itself, and who runs the service for any.
        Action::ReadSubscription
        | Action::MakeSubscription
        | Action::ChangeSubscription
        | Action::DeleteSubscription => match role {
            Role::EhrSystem | Role::Admin => true,
            Role::Clinician | Role::Analyst | Role::Patient | Role::Auditor => false,
        },
        // The record system tells it, in which the clinician acts.
        Action::GiveFeedback => match role {
            Role::EhrSystem => true,
            Role::Clinician | Role::Analyst | Role::Patient | Role::Auditor | Role::Admin => false,
        },
        // A person decides, never a system.
        Action::ReviewCandidate => match role {
            Role::Clinician => true,
            Role::EhrSystem | Role::Analyst | Role::Patient | Role::Auditor | Role::Admin => false,
        },
        Action::WriteProfile => match role {
            Role::Admin => true,
            Role::EhrSystem | Role::Clinician | Role::Analyst | Role::Patient | Role::Auditor => {
                false
            }
        },
        Action::ReadAudit => match role {
            Role::Auditor | Role::Admin => true,
            Role::EhrSystem | Role::Clinician | Role::Analyst | Role::Patient => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    /// The table as a reviewer reads it, with the scope that each action needs in its last column.
    fn table() -> String {
        let mut text = format!("{:<20}", "action");
        for role in Role::ALL {
            write!(text, " {:<10}", role.code()).unwrap();
        }
        text.push_str(" scope\n");
        for action in Action::ALL {
            write!(text, "{:<20}", action.code()).unwrap();
            for role in Role::ALL {
                write!(
                    text,
                    " {:<10}",
                    if allows(*role, *action) { "yes" } else { "." }
                )
                .unwrap();
            }
            let (resource, operation) = super::super::scope::required(*action);
            writeln!(text, " {resource}.{}", operation.letter()).unwrap();
        }
        text
    }

    #[test]
    fn the_permission_table_is_the_reviewed_one() {
        insta::assert_snapshot!(table());
    }

    #[test]
    fn a_patient_may_only_keep_the_diary_and_an_auditor_only_read_the_trail() {
        for action in Action::ALL {
            assert_eq!(
                allows(Role::Patient, *action),
                *action == Action::WriteDiary,
                "{}",
                action.code()
            );
            assert_eq!(
                allows(Role::Auditor, *action),
                *action == Action::ReadAudit,
                "{}",
                action.code()
            );
        }
    }

    #[test]
    fn codes_read_back() {
        for role in Role::ALL {
            assert_eq!(Role::from_code(role.code()), Ok(*role));
        }
        for action in Action::ALL {
            assert_eq!(Action::from_code(action.code()), Ok(*action));
        }
        assert!(Role::from_code("root").is_err());
    }
}
