//! Who qualifies, by whose criteria, and why.
//!
//! One pure function: (profiles, the patient's records, as-of date) to one determination per target and profile.

pub mod decisions;
pub mod evaluate;
pub mod explain;
pub mod history;
pub mod profile;
pub mod rules;

pub use decisions::{AblationRead, BlockRead, Decision};
pub use evaluate::{Determination, NextStep, Purpose, Verdict, evaluate};
pub use explain::{Evidence, RuleExplanation, explain};
pub use history::{
    History, RecordedAblation, RecordedBlock, RecordedFollowUp, Session, SessionKind,
    tell_of_sessions_elsewhere,
};
pub use profile::{Care, Criteria, Profile, ProfileRegion, Provenance};
pub use rules::{Rule, Status, Statuses};
