//! `medial restore`.

use super::Failure;
use super::configuration::{ConfigurationArgs, newer};
use super::failure::say;
use crate::db::{Database, Url};
use crate::seam::{Outside, System};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// SQLite keeps what is not yet in the database file in files beside it, with these ends of their names.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

/// Puts a backup in the place of the SQLite database.
///
/// Stop the service first. The backup is checked before anything is touched. For PostgreSQL use pg_restore.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The backup.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where there is a database already: keep it aside under another name, and go on.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

/// Does it.
pub(super) fn run(arguments: &Args) -> Result<(), Failure> {
    let settings = arguments.configuration.load()?.database;
    let Url::Sqlite(target) = Url::parse(&settings.url)? else {
        return Err(Failure::usage(
            "the database is PostgreSQL: restore it with its own tool, as `pg_restore --dbname=DATABASE FILE`",
        ));
    };
    if target.exists() && !arguments.force {
        return Err(Failure::usage(format!(
            "there is a database at {} already; with --force it is kept aside and replaced",
            target.display()
        )));
    }
    let fresh = beside(&target, ".restoring");
    let copied = copy(&arguments.file, &fresh).and_then(|()| check(&fresh, &arguments.file));
    if let Err(failure) = copied {
        remove(&fresh);
        return Err(failure);
    }
    let kept = if target.exists() {
        Some(keep_aside(&target)?)
    } else {
        None
    };
    fs::rename(&fresh, &target)?;
    let mut text = format!(
        "{} is restored from {}\n",
        target.display(),
        arguments.file.display()
    );
    if let Some(kept) = kept {
        text.push_str(&format!(
            "What was there before is kept as {}\n",
            kept.display()
        ));
    }
    say(&text)
}

/// Copies the backup to where the database will be, readable to nobody else, so that checking does not change the backup.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    remove(to);
    let unreadable =
        |error: std::io::Error| Failure::new(format!("{} cannot be read: {error}", from.display()));
    let mut source = fs::File::open(from).map_err(unreadable)?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut target = options.open(to)?;
    std::io::copy(&mut source, &mut target)?;
    target.sync_all()?;
    Ok(())
}

fn check(path: &Path, shown: &Path) -> Result<(), Failure> {
    let refused = |why: String| Failure::new(format!("{} is not restored: {why}", shown.display()));
    let inspection = Database::inspect(path).map_err(|error| refused(error.to_string()))?;
    if !inspection.faults.is_empty() {
        return Err(refused(format!(
            "it is damaged: {}",
            inspection.faults.join("; ")
        )));
    }
    if !inspection.unknown_migrations.is_empty() {
        return Err(refused(newer(&inspection.unknown_migrations)));
    }
    if !inspection.is_ours {
        return Err(refused("it is not a database of this program".to_owned()));
    }
    Ok(())
}

/// Renames the database and its companions.
fn keep_aside(target: &Path) -> Result<PathBuf, Failure> {
    let now = System::default().now().format("%Y%m%dT%H%M%SZ");
    let kept = beside(target, &format!(".before-{now}"));
    if kept.exists() {
        return Err(Failure::new(format!("{} is there already", kept.display())));
    }
    for end in COMPANIONS {
        let companion = beside(target, end);
        if companion.exists() {
            fs::rename(&companion, beside(&kept, end))?;
        }
    }
    fs::rename(target, &kept)?;
    Ok(kept)
}

fn remove(path: &Path) {
    // What is not there needs no removing, and what cannot be removed will be told by whoever creates it.
    let _ = fs::remove_file(path);
    for end in COMPANIONS {
        let _ = fs::remove_file(beside(path, end));
    }
}

/// The path with `end` after its name.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    PathBuf::from(name)
}
