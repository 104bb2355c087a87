//! Who asks, and what they may do.

mod permission;

pub use permission::{Action, Role};
