//! The log: lines of text or of JSON on standard error, with nothing personal in them.

use super::Failure;
use super::configuration::LogSettings;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Begins to log. Once in a process; a second call changes nothing.
///
/// # Errors
/// When the filter cannot be read.
pub(super) fn start(settings: &LogSettings) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&settings.filter)
        .map_err(|_| Failure::usage("log.filter cannot be read"))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let _ = if settings.json {
        lines.json().flatten_event(true).try_init()
    } else {
        lines.try_init()
    };
    std::panic::set_hook(Box::new(|panic| {
        // Where, and not what: the message of a panic can repeat a value.
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "a thread panicked");
    }));
    Ok(())
}
