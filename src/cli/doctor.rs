//! `medial doctor`.

mod callers;

use super::Failure;
use super::configuration::{Configuration, ConfigurationArgs, newer};
use super::failure::say;
use crate::app::{App, JobRun};
use crate::auth::Verifier;
use crate::db::{Database, DatabaseKind, Url};
use crate::jobs::JOBS;
use crate::seam::{Outside, System};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// This program was not there before: a clock that says otherwise is wrong. 2025-11-01, in seconds since 1970.
const BEGINNING: i64 = 1_761_955_200;

/// File systems that other machines share. SQLite's locks and its shared memory do not work on them.
const SHARED_FILE_SYSTEMS: [&str; 10] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "afs",
    "ceph",
    "fuse.sshfs",
    "glusterfs",
];

/// Checks a configuration and says what is wrong with it and what to do.
///
/// Everything is checked, also after something wrong was found. The exit code is 0 when the service would work, and 1
/// when it would not.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// One JSON object instead of lines: {"ok", "checks": [{"check", "status", "detail", "advice"}]}.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ok,
    Warning,
    Problem,
}

#[derive(Debug, Serialize)]
struct Check {
    check: &'static str,
    status: Status,
    detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Check {
    fn new(check: &'static str, status: Status, detail: impl Into<String>) -> Check {
        Check {
            check,
            status,
            detail: detail.into(),
            advice: None,
        }
    }

    fn ok(check: &'static str, detail: impl Into<String>) -> Check {
        Check::new(check, Status::Ok, detail)
    }

    fn warning(check: &'static str, detail: impl Into<String>, advice: impl Into<String>) -> Check {
        Check {
            advice: Some(advice.into()),
            ..Check::new(check, Status::Warning, detail)
        }
    }

    fn problem(check: &'static str, detail: impl Into<String>, advice: impl Into<String>) -> Check {
        Check {
            advice: Some(advice.into()),
            ..Check::new(check, Status::Problem, detail)
        }
    }

    fn line(&self) -> String {
        let status = match self.status {
            Status::Ok => "ok     ",
            Status::Warning => "warning",
            Status::Problem => "problem",
        };
        let advice = self.advice.iter().map(|advice| format!(". {advice}"));
        format!(
            "{status}  {}: {}{}\n",
            self.check,
            self.detail,
            advice.collect::<String>()
        )
    }
}

/// Does it.
pub(super) fn run(arguments: &Args) -> Result<(), Failure> {
    let checks = examine(&arguments.configuration);
    let problems = checks
        .iter()
        .filter(|check| check.status == Status::Problem)
        .count();
    if arguments.json {
        say(&format!(
            "{}\n",
            serde_json::json!({"ok": problems == 0, "checks": checks})
        ))?;
    } else {
        let lines: Vec<String> = checks.iter().map(Check::line).collect();
        say(&lines.concat())?;
    }
    match problems {
        0 => Ok(()),
        1 => Err(Failure::new("1 problem")),
        more => Err(Failure::new(format!("{more} problems"))),
    }
}

fn examine(arguments: &ConfigurationArgs) -> Vec<Check> {
    let (configuration, problems) = arguments.read();
    let now = System::default().now();
    let mut checks = vec![file(&configuration)];
    for problem in &problems {
        let advice = "The settings and what they accept are listed by `medial serve --help`";
        checks.push(Check::problem("setting", problem.to_string(), advice));
    }
    for warning in &configuration.warnings {
        checks.push(Check::new("setting", Status::Warning, warning));
    }
    // What a section is not right about cannot be tried out.
    let is_right = |section: &str| !problems.iter().any(|problem| problem.is_about(section));
    checks.push(clock(now));
    if is_right("tokens") {
        checks.extend(tokens(&configuration, now));
    }
    checks.extend(callers::settings(&configuration.app.callers, now));
    if is_right("judging") {
        checks.extend(profiles(&configuration));
    }
    if is_right("http") {
        checks.extend(listening(&configuration));
    }
    if is_right("exports") {
        checks.push(exports(&configuration));
    }
    if is_right("database") {
        checks.extend(database(&configuration, now));
    }
    checks
}

fn file(configuration: &Configuration) -> Check {
    const NAME: &str = "configuration file";
    let Some(path) = &configuration.file else {
        return Check::ok(NAME, "none; environment, flags and defaults alone");
    };
    Check::ok(NAME, path.display().to_string())
}

fn clock(now: DateTime<Utc>) -> Check {
    if now.timestamp() < BEGINNING {
        return Check::problem(
            "clock",
            format!("it is {} by this machine's clock", now.format("%Y-%m-%d")),
            "Set the clock: tokens and determinations depend on it",
        );
    }
    Check::ok("clock", now.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn tokens(configuration: &Configuration, now: DateTime<Utc>) -> Vec<Check> {
    const NAME: &str = "tokens";
    let verifier = match Verifier::open(&configuration.tokens, now) {
        Ok(verifier) => verifier,
        Err(error) => {
            let advice = "See tokens.secret, tokens.secret_file and tokens.jwks";
            return vec![Check::problem(NAME, error.to_string(), advice)];
        }
    };
    let mut checks = Vec::new();
    if configuration.tokens.secret.is_some() {
        checks.push(Check::ok(NAME, "signed with the configured secret (HS256)"));
    }
    if configuration.tokens.jwks.is_none() {
        return checks;
    }
    let report = verifier.report();
    if let Some(why) = report.failure {
        let advice = "Until the key set can be read, tokens signed with its keys are answered 503";
        checks.push(Check::problem("key set", why, advice));
    }
    for refused in report.refused {
        let name = refused
            .id
            .unwrap_or_else(|| format!("at place {}", refused.position));
        checks.push(Check::new(
            "key set",
            Status::Warning,
            format!("key {name} is not used: {}", refused.why),
        ));
    }
    for (id, algorithm) in report.keys {
        let name = id.unwrap_or_else(|| "without a name".to_owned());
        checks.push(Check::ok(
            "key set",
            format!("key {name}, {}", algorithm.name()),
        ));
    }
    checks
}

fn profiles(configuration: &Configuration) -> Vec<Check> {
    const NAME: &str = "profiles";
    match configuration.profiles_or_problems() {
        Ok(profiles) => vec![Check::ok(NAME, format!("{} are at hand", profiles.len()))],
        Err(problems) => {
            let advice = "Correct it, or take the file out of the directory";
            let all = problems.into_iter();
            all.map(|problem| Check::problem(NAME, problem, advice))
                .collect()
        }
    }
}

fn listening(configuration: &Configuration) -> Vec<Check> {
    const NAME: &str = "address";
    let address = configuration.http.bind;
    let mut checks = Vec::new();
    checks.push(match TcpListener::bind(address) {
        Ok(_) => Check::ok(NAME, format!("{address} is free")),
        Err(error) => Check::problem(
            NAME,
            format!("{address} cannot be listened at: {error}"),
            "Stop what listens there, which may be this service itself, or choose another address with http.bind",
        ),
    });
    if !address.ip().is_loopback() {
        checks.push(Check::warning(
            NAME,
            format!(
                "{} can be reached from other machines, in plain HTTP",
                address.ip()
            ),
            "Let only a proxy that ends TLS reach it",
        ));
    }
    checks
}

fn exports(configuration: &Configuration) -> Check {
    let directory = &configuration.app.export_directory;
    writable("exports", "exports.directory", directory)
}

/// Whether a directory can be written to, or made.
fn writable(check: &'static str, setting: &str, directory: &Path) -> Check {
    let shown = directory.display();
    let existing = directory.ancestors().find(|path| {
        // The parent of a relative name is the empty path: the working directory.
        path.as_os_str().is_empty() || path.exists()
    });
    let existing = match existing {
        Some(path) if !path.as_os_str().is_empty() => path,
        _ => Path::new("."),
    };
    let probe = existing.join(format!(".medial-doctor-{}", std::process::id()));
    let written = std::fs::File::create_new(&probe);
    let _ = std::fs::remove_file(&probe);
    match written {
        Ok(_) if existing == directory || directory.is_dir() => {
            Check::ok(check, format!("{shown} can be written to"))
        }
        Ok(_) => Check::ok(check, format!("{shown} is not there yet and can be made")),
        Err(error) => Check::problem(
            check,
            format!("{shown} cannot be written to: {error}"),
            format!(
                "Give the service the right to write there, or choose another place with {setting}"
            ),
        ),
    }
}

fn database(configuration: &Configuration, now: DateTime<Utc>) -> Vec<Check> {
    let url = match Url::parse(&configuration.database.url) {
        Ok(url) => url,
        Err(error) => {
            return vec![Check::problem(
                "database",
                error.to_string(),
                "See database.url",
            )];
        }
    };
    let mut checks = url.path().map(sqlite_file).unwrap_or_default();
    if url.path().is_some_and(|path| !path.exists()) {
        return checks;
    }
    match Database::open(&configuration.database) {
        Ok(database) => checks.extend(opened(configuration, database, now)),
        Err(error) => {
            let advice = match url.kind() {
                DatabaseKind::Sqlite => {
                    "See database.url, and the rights of the file and of its directory"
                }
                DatabaseKind::Postgres => {
                    "See database.url, and whether the server runs and lets this role in"
                }
            };
            checks.push(Check::problem("database", error.to_string(), advice));
        }
    }
    checks
}

/// The file of a SQLite database and the directory around it.
fn sqlite_file(path: &Path) -> Vec<Check> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    if !directory.is_dir() {
        return vec![Check::problem(
            "database",
            format!("the directory {} is not there", directory.display()),
            "Make it, or choose another place with database.url",
        )];
    }
    let mut checks = vec![writable("database directory", "database.url", &directory)];
    if let Some(kind) = shared_file_system(&directory) {
        checks.push(Check::problem(
            "database directory",
            format!("{} is on a file system that machines share ({kind}), on which SQLite can lose records", directory.display()),
            "Put the database on a local disk, or use PostgreSQL",
        ));
    }
    if !path.exists() {
        checks.push(Check::ok(
            "database",
            format!("{} is not there yet and will be made", path.display()),
        ));
    }
    checks
}

/// The kind of file system that a path is on, where machines share it. Known on Linux only.
fn shared_file_system(path: &Path) -> Option<String> {
    let path = path.canonicalize().ok()?;
    let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
    let kind = file_system_of(&path, &mounts)?;
    SHARED_FILE_SYSTEMS.contains(&kind.as_str()).then_some(kind)
}

/// The kind of the mount that `path` is in, from the text of `/proc/self/mounts`: device, place, kind.
fn file_system_of(path: &Path, mounts: &str) -> Option<String> {
    let mounted = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let place = words.nth(1)?.replace("\\040", " ");
        Some((place, words.next()?.to_owned()))
    });
    mounted
        .filter(|(place, _)| path.starts_with(place))
        .max_by_key(|(place, _)| place.len())
        .map(|(_, kind)| kind)
}

fn opened(configuration: &Configuration, database: Database, now: DateTime<Utc>) -> Vec<Check> {
    let mut checks = vec![Check::ok(
        "database",
        format!("{:?} answers", database.url()),
    )];
    let schema = schema(configuration, &database);
    let is_current = schema.status == Status::Ok;
    checks.push(schema);
    checks.extend(journal(&database));
    if is_current {
        let app = App::new(
            database,
            System::shared(),
            configuration.app.clone(),
            Vec::new(),
        );
        checks.extend(callers::organizations(&configuration.app.callers, &app));
        checks.extend(jobs(&app, now));
    }
    checks
}

fn schema(configuration: &Configuration, database: &Database) -> Check {
    const NAME: &str = "schema";
    let found = database
        .unknown_migrations()
        .and_then(|unknown| Ok((unknown, database.pending_migrations()?)));
    let (unknown, pending) = match found {
        Ok(found) => found,
        Err(error) => {
            return Check::problem(NAME, error.to_string(), "See the log of the database");
        }
    };
    if !unknown.is_empty() {
        return Check::new(NAME, Status::Problem, newer(&unknown));
    }
    if pending.is_empty() {
        return Check::ok(NAME, "up to date");
    }
    let detail = format!("not up to date; to be run: {}", pending.join(", "));
    if database.kind() == DatabaseKind::Sqlite || configuration.migrate {
        return Check::warning(NAME, detail, "The service does so when it starts");
    }
    let advice = "Run `medial migrate`, or start the service with --database-migrate";
    Check::problem(NAME, detail, advice)
}

fn journal(database: &Database) -> Option<Check> {
    const NAME: &str = "journal";
    match database.journal_mode() {
        Ok(None) => None,
        Ok(Some(mode)) if mode == "wal" => Some(Check::ok(NAME, "wal")),
        Ok(Some(mode)) => Some(Check::problem(
            NAME,
            format!("SQLite keeps its journal as {mode} and not as wal"),
            "Its directory must be on a local disk and writable",
        )),
        Err(error) => Some(Check::problem(NAME, error.to_string(), "See database.url")),
    }
}

/// When each job last ran.
fn jobs(app: &Arc<App>, now: DateTime<Utc>) -> Vec<Check> {
    JOBS.iter()
        .map(|job| last_run(app, job.name, job.every, now))
        .collect()
}

fn last_run(
    app: &Arc<App>,
    name: &'static str,
    every: std::time::Duration,
    now: DateTime<Utc>,
) -> Check {
    const NAME: &str = "job";
    match app.last_job_run(name) {
        Ok(None) => Check::ok(NAME, format!("{name} has not run yet")),
        Ok(Some(run)) => judged_run(name, &run, every, now),
        Err(error) => Check::problem(
            NAME,
            format!("{name}: {error}"),
            "See the log of the database",
        ),
    }
}

fn judged_run(name: &str, run: &JobRun, every: std::time::Duration, now: DateTime<Utc>) -> Check {
    const NAME: &str = "job";
    let at = run.last_run_at.format("%Y-%m-%dT%H:%M:%SZ");
    let how = run.detail.as_deref().unwrap_or("done");
    let detail = format!("{name} last ran at {at}: {how}");
    if run.last_run_at > now + TimeDelta::minutes(5) {
        return Check::warning(
            NAME,
            detail,
            "That is in the future: the clock of this or another machine is wrong",
        );
    }
    if how == "failed" {
        return Check::warning(NAME, detail, "The log of the service says why");
    }
    // Runs are noted once a minute at most.
    let late = TimeDelta::from_std(every)
        .unwrap_or(TimeDelta::MAX)
        .max(TimeDelta::minutes(1))
        * 3;
    if now - run.last_run_at > late {
        let advice = "That is long ago: it catches up when the service starts";
        return Check::warning(NAME, detail, advice);
    }
    Check::ok(NAME, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_innermost_mount_counts() {
        let mounts = "/dev/sda / ext4 rw 0 0\nserver:/x /srv nfs4 rw 0 0\n/dev/sdb /srv/own\\040disk xfs rw 0 0\n";
        let kind = |path: &str| file_system_of(Path::new(path), mounts);
        assert_eq!(kind("/var/lib").as_deref(), Some("ext4"));
        assert_eq!(kind("/srv/x").as_deref(), Some("nfs4"));
        assert_eq!(kind("/srv/own disk/x").as_deref(), Some("xfs"));
        assert_eq!(kind("/srvx").as_deref(), Some("ext4"));
    }

    #[test]
    fn a_run_is_judged_by_its_age_and_its_end() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let status = |ago: i64, detail: &str| {
            let run = JobRun {
                name: "x".to_owned(),
                last_run_at: now - TimeDelta::seconds(ago),
                last_as_of: None,
                detail: Some(detail.to_owned()),
            };
            judged_run("x", &run, Duration::from_secs(3600), now).status
        };
        assert_eq!(status(10, "done: 0"), Status::Ok);
        assert_eq!(status(10, "failed"), Status::Warning);
        assert_eq!(status(3 * 3600 + 1, "done: 0"), Status::Warning);
        assert_eq!(status(-600, "done: 0"), Status::Warning);
    }

    #[test]
    fn a_clock_before_the_program_is_wrong() {
        assert_eq!(clock(DateTime::UNIX_EPOCH).status, Status::Problem);
        assert_eq!(
            clock(DateTime::from_timestamp(BEGINNING, 0).unwrap()).status,
            Status::Ok
        );
    }
}
