//! `medial demo`.

mod cohort;
mod diary;
mod dice;
mod load;
mod words;

#[cfg(test)]
mod tests;

use super::configuration::{Configuration, ConfigurationArgs};
use super::failure::say;
use super::{Failure, logging, serve};
use crate::app::App;
use crate::app::people::{NewUser, may_have_pages};
use crate::auth::{Issuer, Role};
use crate::db::Url;
use crate::seam::{Outside, System};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the demonstration keeps its database unless told otherwise.
const DATABASE: &str = "medial-demo.sqlite";

/// The note in the database that its cohort is whole.
const COHORT: &str = "demo_cohort";

/// Makes a synthetic cohort in SQLite and serves it.
///
/// The first start makes the database, loads the cohort, and prints an address, a token for each role, and curl lines to
/// paste. A later start reuses what is there. The secret that signs the tokens is kept in a file beside the database.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many patients.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    patients: u32,
    /// Which cohort: the same seed on the same day makes the same one.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Make the database anew; the one that is there is deleted.
    #[arg(long)]
    fresh: bool,
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

/// Does it.
pub(super) fn run(arguments: &Args) -> Result<(), Failure> {
    let mut settings = arguments.configuration.clone();
    settings.set_default("database.url", format!("sqlite://{DATABASE}"));
    settings.set_default("log.filter", "warn");
    let path = database_path(&settings.load()?)?;
    let secret = beside(&path, "secret");
    keep_secret(&secret)?;
    settings.set_default("tokens.secret_file", secret.display().to_string());
    let configuration = settings.load()?;
    logging::start(&configuration.log)?;
    let mut configuration = configuration;
    configuration.app.sign_in.demonstration = true;
    let configuration = configuration;
    if arguments.fresh {
        remove(&path)?;
    }
    let app = if path.exists() {
        reused(&configuration, &path, arguments)?
    } else {
        made(&configuration, &path, arguments)?
    };
    people(&app)?;
    let issuer = Issuer::new(&configuration.tokens)
        .map_err(|error| Failure::usage(format!("tokens: {error}")))?;
    let (now, today) = (app.seam.now(), app.today());
    serve::serve_until_stopped(&configuration, app, |addresses| {
        let Some(address) = addresses.first() else {
            return;
        };
        let said = words::words(&issuer, *address, now, today)
            .map_err(|error| Failure::new(error.to_string()))
            .and_then(|words| say(&words));
        if let Err(failure) = said {
            eprintln!("medial: {failure}");
        }
    })
}

/// Sees to it that there is somebody of each role to sign in as. Nobody knows their passwords: the page of the
/// demonstration signs in without.
fn people(app: &Arc<App>) -> Result<(), Failure> {
    let there = app.users_of(load::ORGANIZATION)?;
    for role in Role::ALL.iter().filter(|role| may_have_pages(**role)) {
        let login = format!("demo-{}", role.code());
        if there.iter().any(|user| user.login == login) {
            continue;
        }
        let new = NewUser {
            organization: load::ORGANIZATION.to_owned(),
            login,
            display_name: format!("Demo {}", role.code().replace('_', " ")),
            role: *role,
        };
        let password = format!("{:032x}", app.seam.random());
        app.add_user(&new, &password)?;
    }
    Ok(())
}

fn database_path(configuration: &Configuration) -> Result<PathBuf, Failure> {
    match Url::parse(&configuration.database.url)? {
        Url::Sqlite(path) => Ok(path),
        Url::Postgres(_) => Err(Failure::usage(
            "the demonstration makes a SQLite database of its own; name one with --database-url sqlite://PATH",
        )),
    }
}

/// A file beside the database, its name that of the database with another ending.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}

/// Sees to it that there is a secret, which only its owner may read.
fn keep_secret(path: &Path) -> Result<(), Failure> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let mut file = match file {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(Failure::new(format!("{}: {error}", path.display()))),
    };
    let system = System::default();
    write!(file, "{:032x}{:032x}", system.random(), system.random())?;
    Ok(())
}

/// Deletes a database with the files that SQLite keeps beside it.
fn remove(path: &Path) -> Result<(), Failure> {
    for ending in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Failure::new(format!("{}: {error}", path.display())));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Opens the database of an earlier start.
fn reused(
    configuration: &Configuration,
    path: &Path,
    arguments: &Args,
) -> Result<Arc<App>, Failure> {
    let app = configuration.open_app()?;
    let run = app.last_job_run(COHORT)?.ok_or_else(|| {
        Failure::usage(format!(
            "{} is a database, but not one of the demonstration: name another with --database-url sqlite://PATH, or serve it with `medial serve`",
            path.display()
        ))
    })?;
    let there = run.detail.unwrap_or_default();
    eprintln!("Using the cohort in {} ({there}).", path.display());
    if there != cohort_note(arguments) {
        eprintln!(
            "This start asked for {}: --fresh deletes what is there and makes that one.",
            cohort_note(arguments)
        );
    }
    Ok(app)
}

fn cohort_note(arguments: &Args) -> String {
    format!("{} patients, seed {}", arguments.patients, arguments.seed)
}

/// Makes the database: under another name until it is whole, so that an interrupted start leaves nothing half done.
fn made(configuration: &Configuration, path: &Path, arguments: &Args) -> Result<Arc<App>, Failure> {
    let loading = beside(path, "loading");
    remove(&loading)?;
    let mut temporary = configuration.clone();
    temporary.database.url = format!("sqlite://{}", loading.display());
    let app = temporary.open_app()?;
    let bar = progress(arguments.patients);
    load::load(&app, arguments.seed, arguments.patients, |done| {
        bar.set_position(u64::from(done));
    })?;
    app.note_job_run(COHORT, Some(app.today()), Some(cohort_note(arguments)))?;
    bar.finish_and_clear();
    eprintln!(
        "Made a synthetic cohort in {} ({}).",
        path.display(),
        cohort_note(arguments)
    );
    app.db.copy_to(path)?;
    drop(app);
    remove(&loading)?;
    configuration.open_app()
}

fn progress(patients: u32) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        eprintln!("Making a synthetic cohort of {patients} patients …");
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(u64::from(patients));
    let style = ProgressStyle::with_template(
        "Making a synthetic cohort {bar:32} {pos}/{len} patients, {per_sec}, {eta} left",
    );
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
