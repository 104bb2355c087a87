//! Long answers at constant memory: a thread writes, a short queue holds it back, the client reads.

use crate::app::error::Error;
use actix_web::rt::task::spawn_blocking;
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use std::fmt;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Bytes to a piece.
const PIECE: usize = 64 * 1024;
/// Pieces that may wait for the client.
const QUEUE: usize = 4;

/// A long answer on its way.
pub(super) type Pieces = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

type Work = Box<dyn FnOnce(&mut dyn Write) -> Result<(), Error> + Send>;

/// What writes a long answer.
pub struct Producer(Work);

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Producer")
    }
}

impl Producer {
    pub(super) fn new(
        work: impl FnOnce(&mut dyn Write) -> Result<(), Error> + Send + 'static,
    ) -> Producer {
        Producer(Box::new(work))
    }

    /// Starts writing on a thread of its own, which holds `permit` until it is done, and waits for the first piece:
    /// an error before it can still be shown as what it is.
    pub(super) async fn start(
        self,
        stall: Duration,
        permit: impl Send + 'static,
        log: impl Fn(&Error) + Send + 'static,
    ) -> Result<Pieces, Error> {
        let (sender, mut pieces) = mpsc::channel(QUEUE);
        let pipe = Pipe {
            sender,
            waiting: Vec::with_capacity(PIECE),
            runtime: Handle::current(),
            stall,
            broken: false,
            begun: false,
        };
        spawn_blocking(move || {
            pipe.carry(self.0, log);
            drop(permit);
        });
        match pieces.recv().await {
            Some(Piece::Failed(error)) => Err(error),
            None => Err(Error::internal(
                "the producer of a stream ended without a word",
            )),
            first => Ok(Box::pin(stream::unfold(
                Reader {
                    first,
                    pieces,
                    over: false,
                },
                Reader::next,
            ))),
        }
    }
}

enum Piece {
    More(Bytes),
    /// The end, as it should be. Without it the body breaks off.
    Done,
    /// Failed before anything was written.
    Failed(Error),
}

/// The end that is read by the connection.
struct Reader {
    first: Option<Piece>,
    pieces: mpsc::Receiver<Piece>,
    over: bool,
}

impl Reader {
    async fn next(mut self) -> Option<(io::Result<Bytes>, Reader)> {
        if self.over {
            return None;
        }
        let piece = match self.first.take() {
            Some(first) => Some(first),
            None => self.pieces.recv().await,
        };
        match piece {
            Some(Piece::More(bytes)) => Some((Ok(bytes), self)),
            Some(Piece::Done) => None,
            Some(Piece::Failed(_)) | None => {
                self.over = true;
                Some((Err(io::Error::other("the answer broke off")), self))
            }
        }
    }
}

/// The end that is written to by the producer.
struct Pipe {
    sender: mpsc::Sender<Piece>,
    waiting: Vec<u8>,
    runtime: Handle,
    stall: Duration,
    /// The client is gone, or reads nothing.
    broken: bool,
    /// Something was sent: from then on an error cannot take the place of the body.
    begun: bool,
}

impl Pipe {
    fn carry(mut self, work: Work, log: impl Fn(&Error)) {
        let result = catch_unwind(AssertUnwindSafe(|| work(&mut self)));
        let result = result.unwrap_or_else(|_| Err(Error::internal("a producer panicked")));
        let result =
            result.and_then(|()| self.flush().map_err(|error| Error::Internal(error.into())));
        if self.broken {
            return;
        }
        // Who is not listening any more need not be told, so failing to send is no failure.
        let _ = match result {
            Ok(()) => self.send(Piece::Done),
            Err(error) if !self.begun => self.send(Piece::Failed(error)),
            Err(error) => {
                log(&error);
                Ok(())
            }
        };
    }

    fn send(&mut self, piece: Piece) -> io::Result<()> {
        let sending = async { timeout(self.stall, self.sender.send(piece)).await };
        let sent = matches!(self.runtime.block_on(sending), Ok(Ok(())));
        if sent {
            return Ok(());
        }
        self.broken = true;
        Err(gone())
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.broken {
            return Err(gone());
        }
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.waiting, Vec::with_capacity(PIECE));
        self.send(Piece::More(piece.into()))?;
        self.begun = true;
        Ok(())
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the client is gone")
}
