//! SQLite's one writer: a thread that commits the waiting requests in groups.
//!
//! A durable commit costs a wait for the disk. So the writer takes every request that is waiting, runs each in a
//! savepoint of its own (its failure takes back only itself), commits once, and only then answers them all.

use super::conn::Manager;
use super::dialect::{AnyConnection, Mode};
use super::error::DbError;
use super::tx::{Failure, Tx, panicked, spoilt};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{JoinHandle, ThreadId};
use std::time::{Duration, Instant};

/// How many requests may wait before those who bring more have to.
const QUEUE: usize = 1024;
/// How many requests share one commit at most.
const GROUP: usize = 128;
/// How long a group is added to: those in it are waiting.
const GATHERING: Duration = Duration::from_millis(20);

/// The way to the writer's thread. Dropping it ends the thread once all requests are answered.
pub(super) struct Writer {
    requests: Option<Sender<Box<dyn Request>>>,
    thread: Option<JoinHandle<()>>,
    thread_id: ThreadId,
}

/// One request, its answer held back until it is durable.
trait Request: Send {
    /// Runs it; whether what it wrote is to be kept.
    fn run(&mut self, tx: &mut Tx<'_>) -> Ran;
    /// Answers with what [`Request::run`] came to.
    fn answer(self: Box<Self>);
    /// Answers that it did not happen.
    fn refuse(self: Box<Self>, why: DbError);
}

/// What a run came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ran {
    Keep,
    TakeBack,
}

struct Work<W, T, E> {
    work: W,
    outcome: Option<Result<T, E>>,
    answer_to: Sender<Result<T, E>>,
}

impl<W, T, E> Request for Work<W, T, E>
where
    W: Fn(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<DbError> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> Ran {
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.work)(tx)));
        let outcome = outcome.unwrap_or_else(|_| Err(E::from(panicked())));
        let outcome = if outcome.is_ok() && tx.failure().is_some() {
            Err(E::from(spoilt()))
        } else {
            outcome
        };
        let ran = if outcome.is_ok() {
            Ran::Keep
        } else {
            Ran::TakeBack
        };
        self.outcome = Some(outcome);
        ran
    }

    fn answer(self: Box<Self>) {
        let outcome = self.outcome.unwrap_or_else(|| Err(E::from(DbError::Busy)));
        // Nobody may be waiting any more.
        let _ = self.answer_to.send(outcome);
    }

    fn refuse(self: Box<Self>, why: DbError) {
        let _ = self.answer_to.send(Err(E::from(why)));
    }
}

impl Writer {
    pub(super) fn start(connection: AnyConnection, manager: Manager) -> Result<Writer, DbError> {
        let (requests, receiver) = bounded(QUEUE);
        let run = move || {
            Thread {
                requests: receiver,
                connection: Some(connection),
                manager,
            }
            .run()
        };
        let thread = std::thread::Builder::new()
            .name("medial-writer".to_owned())
            .spawn(run)
            .map_err(|error| DbError::Other(Box::new(error)))?;
        let thread_id = thread.thread().id();
        Ok(Writer {
            requests: Some(requests),
            thread: Some(thread),
            thread_id,
        })
    }

    /// Has `work` run and waits until it is durable.
    pub(super) fn write<T, E>(
        &self,
        work: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        if std::thread::current().id() == self.thread_id {
            return Err(E::from(DbError::other(
                "a write within a write would wait for itself",
            )));
        }
        let (answer_to, answer) = bounded(1);
        let request = Box::new(Work {
            work,
            outcome: None,
            answer_to,
        });
        let gone = || E::from(DbError::other("the writer's thread has ended"));
        let requests = self.requests.as_ref().ok_or_else(gone)?;
        requests.send(request).map_err(|_| gone())?;
        answer.recv().unwrap_or_else(|_| Err(gone()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.requests = None;
        let Some(thread) = self.thread.take() else {
            return;
        };
        // The last handle may be dropped by work that the writer itself runs.
        if std::thread::current().id() != self.thread_id {
            let _ = thread.join();
        }
    }
}

struct Thread {
    requests: Receiver<Box<dyn Request>>,
    /// `None` after it was lost.
    connection: Option<AnyConnection>,
    manager: Manager,
}

impl Thread {
    fn run(mut self) {
        while let Ok(first) = self.requests.recv() {
            self.serve(first);
        }
    }

    /// Serves `first` and those that wait behind it with one commit.
    fn serve(&mut self, first: Box<dyn Request>) {
        let mut connection = match self.begun() {
            Ok(connection) => connection,
            Err(error) => return first.refuse(error),
        };
        let mut group = Vec::new();
        match self
            .run_group(&mut connection, first, &mut group)
            .and_then(|()| connection.commit())
        {
            Ok(()) => {
                self.connection = Some(connection);
                group.into_iter().for_each(Request::answer);
            }
            Err(error) => {
                // The connection is dropped, and with it all that was not committed.
                drop(connection);
                let busy = matches!(DbError::from(error), DbError::Busy);
                for request in group {
                    request.refuse(if busy {
                        DbError::Busy
                    } else {
                        DbError::other("the group could not be committed")
                    });
                }
            }
        }
    }

    /// The connection with a transaction begun on it.
    fn begun(&mut self) -> Result<AnyConnection, DbError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.manager.writing()?,
        };
        match connection.begin(Mode::Write) {
            Ok(()) => Ok(connection),
            Err(error) => {
                // Another process may hold the lock; the connection is as good as before.
                if connection.depth() == Ok(0) {
                    self.connection = Some(connection);
                }
                Err(error.into())
            }
        }
    }

    /// Runs `first` and what is waiting. Whatever the end, every request taken is in `group`.
    fn run_group(
        &self,
        connection: &mut AnyConnection,
        first: Box<dyn Request>,
        group: &mut Vec<Box<dyn Request>>,
    ) -> diesel::QueryResult<()> {
        let began = Instant::now();
        let mut next = Some(first);
        while let Some(mut request) = next {
            let ran = run_in_savepoint(connection, request.as_mut());
            group.push(request);
            ran?;
            let full = group.len() >= GROUP || began.elapsed() >= GATHERING;
            next = if full {
                None
            } else {
                self.requests.try_recv().ok()
            };
        }
        Ok(())
    }
}

/// Runs one request so that its failure takes back only itself. An error means that the connection is lost.
fn run_in_savepoint(
    connection: &mut AnyConnection,
    request: &mut dyn Request,
) -> diesel::QueryResult<()> {
    connection.savepoint()?;
    let mut tx = Tx::new(connection);
    let ran = request.run(&mut tx);
    let disconnected = tx.failure() == Some(Failure::Disconnected);
    // A panic may have left savepoints of its own behind.
    while connection.depth()? > 2 {
        connection.rollback()?;
    }
    match ran {
        Ran::Keep => connection.commit(),
        Ran::TakeBack if disconnected => Err(diesel::result::Error::BrokenTransactionManager),
        Ran::TakeBack => connection.rollback(),
    }
}
