//! `medial import`.

mod intake;
mod lines;
mod progress;
mod rejects;
mod source;
mod template;

use super::Failure;
use super::configuration::ConfigurationArgs;
use crate::app::imports::{self, Counts, Tally};
use crate::app::{App, Error};
use crate::auth::Principal;
use intake::{Intake, Sum};
use progress::Progress;
use rejects::{Origin, Rejects};
use sha2::{Digest, Sha256};
use source::{Batch, Source};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};

/// Brings records in from JSON Lines (a case with its patient a line) or CSV (a score a row).
///
/// What is there already is not recorded twice; what contradicts it is refused. What cannot be read or recorded is kept
/// in a reject file, with the reasons beside it; everything else goes in. An import that was interrupted is taken up
/// again by the same command. The process ends with code 0 when everything went in, 1 when something was refused, 2
/// when the command or the file's header is wrong.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    configuration: ConfigurationArgs,
    /// The file to import.
    #[arg(required_unless_present = "template")]
    file: Option<PathBuf>,
    /// Read and match everything, and say what would happen, but record nothing.
    #[arg(long)]
    dry_run: bool,
    /// The organization whose records they are, as its tokens name it.
    #[arg(long, value_name = "NAME", default_value = "default")]
    organization: String,
    /// How to read the file; by default as its name ends.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Where to keep what was refused; by default beside the file.
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Print a file to begin with, and do nothing else.
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with_all = ["file", "dry_run", "rejects", "format"])]
    template: Option<Format>,
}

/// How an import file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A case with its patient a line.
    Jsonl,
    /// A score a row.
    Csv,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Format::Jsonl => "jsonl",
            Format::Csv => "csv",
        }
    }

    fn of(path: &Path) -> Option<Format> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "jsonl" | "ndjson" => Some(Format::Jsonl),
            "csv" => Some(Format::Csv),
            _ => None,
        }
    }
}

/// Does it.
pub(super) fn run(arguments: &Args) -> Result<(), Failure> {
    if let Some(format) = arguments.template {
        print!("{}", template::template(format)?);
        return Ok(());
    }
    let import = Import::of(arguments)?;
    let app = arguments.configuration.load()?.open_app()?;
    let refused = if arguments.dry_run {
        import.rehearse(&app)?
    } else {
        import.carry_out(&app)?
    };
    match refused {
        0 => Ok(()),
        1 => Err(Failure::new("1 record was refused")),
        refused => Err(Failure::new(format!("{refused} records were refused"))),
    }
}

/// What is to be imported.
struct Import {
    path: PathBuf,
    format: Format,
    principal: Principal,
    rejects: PathBuf,
    bytes: u64,
}

impl Import {
    fn of(arguments: &Args) -> Result<Import, Failure> {
        let path = arguments.file.clone();
        let path = path.ok_or_else(|| Failure::usage("name the file to import"))?;
        let unreadable = |error: io::Error| Failure::usage(format!("{}: {error}", path.display()));
        let file = File::open(&path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            let detail = format!("{}: this is no regular file", path.display());
            return Err(Failure::usage(detail));
        }
        let format = arguments.format.or_else(|| Format::of(&path));
        let format = format.ok_or_else(|| {
            Failure::usage("the name does not tell how the file is written; add --format jsonl or --format csv")
        })?;
        if !(1..=128).contains(&arguments.organization.len()) {
            return Err(Failure::usage(
                "--organization: expected a name of 1 to 128 bytes",
            ));
        }
        refuse_what_is_no_text(&file)?;
        let rejects = arguments.rejects.clone().unwrap_or_else(|| {
            let mut name = path.clone().into_os_string();
            name.push(format!(".rejects.{}", format.name()));
            PathBuf::from(name)
        });
        Ok(Import {
            principal: imports::principal(&arguments.organization),
            bytes: metadata.len(),
            path,
            format,
            rejects,
        })
    }

    /// Reads and records everything in one transaction that is taken back at its end; how much was refused.
    fn rehearse(&self, app: &Arc<App>) -> Result<u64, Failure> {
        let now = app.seam.now();
        // The header is looked at here, where what is wrong with it can be told as such.
        Source::open(&self.path, self.format, now)?;
        let (path, format, bytes) = (self.path.clone(), self.format, self.bytes);
        let rehearsed: Arc<Mutex<Option<Sum>>> = Arc::default();
        let tell = Arc::clone(&rehearsed);
        let taken_back = app.write::<()>(&self.principal, move |unit| {
            let fault = |what: String| Error::internal(what);
            let mut source =
                Source::open(&path, format, now).map_err(|error| fault(error.to_string()))?;
            let mut progress = Progress::of(bytes, false);
            let mut sum = Sum::default();
            while let Some(batch) = source
                .next_batch()
                .map_err(|error| fault(error.to_string()))?
            {
                let (tally, refused) = intake::record(unit, &batch)?;
                sum.add(batch.pieces(), tally, &refused);
                progress.advance(batch.end, batch.pieces());
            }
            progress.end();
            *tell.lock().unwrap_or_else(PoisonError::into_inner) = Some(sum);
            Err(Error::Conflict {
                code: "dry_run",
                detail: "Nothing is kept.".to_owned(),
            })
        });
        let sum = rehearsed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(sum) = sum else {
            return Err(
                taken_back.map_or_else(Failure::from, |()| Failure::new("nothing was read"))
            );
        };
        tell_refused(&sum.listed, sum.refused);
        println!("Nothing was recorded (dry run). It would be:");
        print!("{}", described(&sum.tally, sum.refused));
        Ok(sum.refused)
    }

    /// Imports; how much was refused.
    fn carry_out(&self, app: &Arc<App>) -> Result<u64, Failure> {
        let now = app.seam.now();
        let mut source = Source::open(&self.path, self.format, now)?;
        let hash = sha256(&self.path)?;
        let done = imports::progress(app, &self.principal, &hash)?;
        let origin = Origin {
            source: hash.clone(),
            organization: self.principal.organization.clone(),
            format: self.format.name().to_owned(),
        };
        let file = File::open(&self.path)?;
        let opened = Rejects::open(&self.rejects, file, &origin, source.header(), done);
        let opened = opened.map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => Failure::new("another import of this file is running"),
            _ => Failure::new(format!("{}: {error}", self.rejects.display())),
        })?;
        let mut progress = Progress::of(self.bytes, false);
        if opened.resumed {
            eprintln!("An earlier import was interrupted after line {done}; going on from there.");
            let at = source.pass_over(done)?;
            progress.begin_at(at);
        }
        let rejects = Arc::new(Mutex::new(opened.files));
        let mut intake = Intake {
            app: Arc::clone(app),
            principal: self.principal.clone(),
            source: hash,
            rejects: Arc::clone(&rejects),
            mark: opened.mark,
            sum: Sum::default(),
        };
        let imported = take_all(&mut intake, source, &mut progress);
        progress.end();
        imported?;
        if std::fs::metadata(&self.path)?.len() != self.bytes {
            return Err(Failure::new(
                "the file was changed while it was imported; import it again",
            ));
        }
        intake.finish()?;
        let mut rejects = rejects.lock().unwrap_or_else(PoisonError::into_inner);
        self.conclude(&mut rejects, intake.mark, &intake.sum, &progress)
    }

    fn conclude(
        &self,
        rejects: &mut Rejects,
        mark: rejects::Mark,
        sum: &Sum,
        progress: &Progress,
    ) -> Result<u64, Failure> {
        // From the file, since it also holds what was refused before an interruption.
        tell_refused(&rejects.listed(intake::LISTED)?, mark.pieces);
        let (took, rate) = progress.took();
        println!(
            "{} records in {}.{} s ({rate}/s):",
            sum.pieces,
            took.as_secs(),
            took.subsec_millis() / 100
        );
        print!("{}", described(&sum.tally, mark.pieces));
        if rejects.finish(mark)? {
            println!(
                "Refused records are in {}, the reasons in {}.",
                self.rejects.display(),
                rejects::reasons_path(&self.rejects).display()
            );
        }
        Ok(mark.pieces)
    }
}

/// Reads on one thread while the batch before is being recorded.
fn take_all(
    intake: &mut Intake,
    mut source: Source,
    progress: &mut Progress,
) -> Result<(), Failure> {
    std::thread::scope(|scope| {
        let (send, batches) = sync_channel::<io::Result<Batch>>(1);
        scope.spawn(move || {
            while let Some(batch) = source.next_batch().transpose() {
                // Nobody receives any more once recording has failed.
                if send.send(batch).is_err() {
                    break;
                }
            }
        });
        for batch in batches {
            let batch = batch?;
            let (end, pieces) = (batch.end, batch.pieces());
            intake.take(batch)?;
            progress.advance(end, pieces);
        }
        Ok(())
    })
}

/// Refuses what was saved as UTF-16, as spreadsheets offer to.
fn refuse_what_is_no_text(file: &File) -> Result<(), Failure> {
    let mut first = Vec::new();
    file.take(2).read_to_end(&mut first)?;
    if matches!(first.as_slice(), [0xff, 0xfe] | [0xfe, 0xff]) {
        return Err(Failure::usage("the file is UTF-16; save it as UTF-8"));
    }
    Ok(())
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        let read = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        hash.update(bytes);
    }
    let mut hex = String::with_capacity(64);
    for byte in hash.finalize() {
        // Writing to a text cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    Ok(hex)
}

fn tell_refused(listed: &[String], refused: u64) {
    for line in listed {
        eprintln!("{line}");
    }
    if listed.len() >= intake::LISTED {
        eprintln!("These are the first reasons; {refused} records were refused in all.");
    }
}

/// A table of what became of the records.
fn described(tally: &Tally, refused: u64) -> String {
    let Tally {
        added,
        completed,
        known,
    } = tally;
    let row = |name: &str, of: fn(&Counts) -> u64| {
        let (added, completed, known) = (of(added), of(completed), of(known));
        format!("  {name:<10} {added:>9} new {completed:>9} completed {known:>9} there already\n")
    };
    let mut text = String::new();
    text.push_str(&row("patients", |counts| counts.patients));
    text.push_str(&row("episodes", |counts| counts.episodes));
    text.push_str(&row("blocks", |counts| counts.blocks));
    text.push_str(&row("scores", |counts| counts.scores));
    text.push_str(&row("ablations", |counts| counts.ablations));
    text.push_str(&row("follow-ups", |counts| counts.follow_ups));
    // Writing to a text cannot fail.
    let _ = writeln!(text, "  {:<10} {refused:>9}", "refused");
    text
}
