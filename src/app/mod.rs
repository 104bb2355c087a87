//! Use cases by noun: check permission, one transaction, audit, answer.

pub mod ablations;
pub mod analytics;
pub mod audit;
pub mod bell;
pub mod blocks;
pub mod bulk;
pub mod candidates;
pub mod cds;
pub mod clients;
pub mod compartment;
pub mod compartments;
pub mod core;
pub mod determinations;
pub mod diary;
pub mod episodes;
pub mod error;
pub mod evidence;
pub mod exports;
pub mod groups;
pub mod imports;
pub mod judging;
pub mod patients;
pub mod people;
pub mod profiles;
mod reading;
pub mod subscriptions;
pub mod timeline;
mod under_way;
mod upkeep;
pub mod versions;
pub mod worklist;

pub use self::core::{App, AppSettings, KeptAnswer, OnceKey, Replay, Unit};
pub use crate::auth::Principal;
pub use crate::db::queries::adverse_events::{After, Filter as AdverseEventFilter};
pub use crate::db::queries::audit::Filter as AuditFilter;
pub use crate::db::queries::blocks::Filter as BlockFilter;
pub use crate::db::queries::candidates::{Cursor, Filter as CandidateFilter, Group, Key, Sort};
pub use crate::db::rows::{
    AuditEntry, CardOutcome, CardReason, Determination, DeterminationVersion, FeedbackCount,
    JobRun, NewAuditEntry, Review, ReviewDecision, recorded,
};
pub use crate::db::rows::{Client, KeysOfClient, User};
pub use crate::db::{Page, Stored};
pub use error::{Error, FieldError, Result};
