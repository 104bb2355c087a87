//! Telling the jobs to stop, wherever they are.

use crate::app::bell::Bell;
use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError, select};
use std::convert::Infallible;
use std::time::Duration;

/// Knows whether the jobs are to stop.
#[derive(Debug, Clone)]
pub struct Stop(Receiver<Infallible>);

impl Stop {
    /// It is asked for when the sender of `receiver` is dropped.
    pub(super) fn new(receiver: Receiver<Infallible>) -> Stop {
        Stop(receiver)
    }

    /// Whether it is time to stop.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        matches!(self.0.try_recv(), Err(TryRecvError::Disconnected))
    }

    /// Waits for so long, until a bell is rung, or until it is time to stop.
    pub fn within_or_rung(&self, time: Duration, bell: &Bell) {
        select! {
            recv(self.0) -> _ => {}
            recv(bell.heard()) -> _ => {}
            default(time) => {}
        }
    }

    /// Waits for so long, or until it is time to stop; whether it is.
    #[must_use]
    pub fn within(&self, time: Duration) -> bool {
        matches!(
            self.0.recv_timeout(time),
            Err(RecvTimeoutError::Disconnected)
        )
    }
}
