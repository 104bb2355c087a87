//! Batches of cases into the database, each with its progress and its rejects in one step.

use super::rejects::{Mark, Rejects, in_words};
use super::source::{Batch, Refused};
use crate::app::imports::{self, Case, Tally};
use crate::app::{App, Error, Unit};
use crate::auth::Principal;
use crate::cli::Failure;
use crate::wire::errors::FieldError;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// So often a batch is tried while the database is busy with others, with a pause in between.
const ATTEMPTS: u32 = 30;
const PAUSE: Duration = Duration::from_secs(1);
/// So many reasons are kept to be printed.
pub(super) const LISTED: usize = 20;

/// What became of the batches so far.
#[derive(Debug, Default)]
pub(super) struct Sum {
    pub(super) tally: Tally,
    /// Pieces of the file that were dealt with, refused ones included.
    pub(super) pieces: u64,
    pub(super) refused: u64,
    /// The first reasons, in words.
    pub(super) listed: Vec<String>,
}

impl Sum {
    pub(super) fn add(&mut self, pieces: usize, tally: Tally, refused: &[Refused]) {
        self.tally += tally;
        self.pieces += u64::try_from(pieces).unwrap_or(0);
        self.refused += u64::try_from(refused.len()).unwrap_or(0);
        for piece in refused {
            for reason in &piece.reasons {
                if self.listed.len() < LISTED {
                    let words = in_words(piece.span.line, &reason.pointer, &reason.detail);
                    self.listed.push(words);
                }
            }
        }
    }
}

/// Records the cases of a batch; what of the file is refused.
pub(super) fn record(
    unit: &mut Unit<'_, '_>,
    batch: &Batch,
) -> Result<(Tally, Vec<Refused>), Error> {
    let cases: Vec<&Case> = batch
        .items
        .iter()
        .filter_map(|item| item.case.as_ref())
        .collect();
    let mut outcomes = imports::record(unit, &cases)?.into_iter();
    let (mut tally, mut refused) = (Tally::default(), Vec::new());
    for item in &batch.items {
        let outcome = if item.case.is_some() {
            outcomes.next()
        } else {
            None
        };
        let outcome = outcome.unwrap_or_default();
        tally += outcome.tally;
        refused.extend(item.refused(&outcome.refused));
    }
    Ok((tally, refused))
}

/// An import on its way.
pub(super) struct Intake {
    pub(super) app: Arc<App>,
    pub(super) principal: Principal,
    /// SHA-256 of the file.
    pub(super) source: String,
    pub(super) rejects: Arc<Mutex<Rejects>>,
    pub(super) mark: Mark,
    pub(super) sum: Sum,
}

impl Intake {
    /// Records a batch. Where one of its cases cannot be written, each is tried by itself and only that one is refused.
    pub(super) fn take(&mut self, batch: Batch) -> Result<(), Failure> {
        let batch = Arc::new(batch);
        match self.patiently(&batch) {
            Ok(()) => return Ok(()),
            Err(error) if !is_about_a_case(&error) => return Err(error.into()),
            Err(_) => {}
        }
        for item in &batch.items {
            let single = Arc::new(Batch::of(Arc::clone(item)));
            match self.patiently(&single) {
                Ok(()) => {}
                Err(error) if is_about_a_case(&error) => self.refuse(&single, &error)?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn refuse(&mut self, single: &Batch, error: &Error) -> Result<(), Failure> {
        let reason = FieldError::new("", "refused", error.to_string());
        let items = single.items.iter();
        let items = items.map(|item| Arc::new(item.given_up(&reason))).collect();
        let (last_line, end) = (single.last_line, single.end);
        let given_up = Batch {
            items,
            last_line,
            end,
        };
        Ok(self.patiently(&Arc::new(given_up))?)
    }

    fn patiently(&mut self, batch: &Arc<Batch>) -> Result<(), Error> {
        for _ in 1..ATTEMPTS {
            match self.attempt(batch) {
                Err(Error::Busy { .. }) => std::thread::sleep(PAUSE),
                outcome => return outcome,
            }
        }
        self.attempt(batch)
    }

    fn attempt(&mut self, batch: &Arc<Batch>) -> Result<(), Error> {
        let (work, rejects, from) = (Arc::clone(batch), Arc::clone(&self.rejects), self.mark);
        let source = self.source.clone();
        let (tally, refused, mark) = self.app.write(&self.principal, move |unit| {
            let (tally, refused) = record(unit, &work)?;
            // Before the commit: whoever finds the progress finds the rejects.
            let mut rejects = rejects.lock().unwrap_or_else(PoisonError::into_inner);
            let mark = rejects
                .put(from, &refused)
                .map_err(|error| Error::internal(format!("the reject file: {error}")))?;
            imports::note_progress(unit, &source, work.last_line)?;
            Ok((tally, refused, mark))
        })?;
        self.mark = mark;
        let pieces = batch.pieces();
        self.sum.add(pieces, tally, &refused);
        Ok(())
    }

    /// Notes that the whole file was dealt with: the next import of it begins at its beginning.
    pub(super) fn finish(&self) -> Result<(), Failure> {
        let source = self.source.clone();
        self.app.write(&self.principal, move |unit| {
            imports::note_progress(unit, &source, 0)
        })?;
        Ok(())
    }
}

/// Whether another case in its place might have been recorded.
fn is_about_a_case(error: &Error) -> bool {
    matches!(
        error,
        Error::Invalid(_) | Error::Conflict { .. } | Error::NotFound { .. }
    )
}
