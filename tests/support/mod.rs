//! What several test files share.

pub mod databases;
#[cfg(target_os = "linux")]
pub mod measured;
pub mod program;
