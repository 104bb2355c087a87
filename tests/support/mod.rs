//! What several test files share.

pub mod databases;
pub mod program;
