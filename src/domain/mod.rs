//! The field's rules, pure: no clock, no database, no serialization, no floating point in a decision.

pub mod ablation;
pub mod adverse_event;
pub mod anatomy;
pub mod block;
pub mod codes;
pub mod diary;
pub mod episode;
pub mod ids;
pub mod pain;
pub mod patient;
pub mod qualification;
pub mod relief;
pub mod sites;
pub mod statistics;
pub mod study;
pub mod subscription;
mod vocabulary;

pub(crate) use vocabulary::vocabulary;

pub use sites::Sites;
pub use vocabulary::{UnknownCode, Vocabulary};
