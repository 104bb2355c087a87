//! Wakes a job that waits for something to do.

use crossbeam_channel::{Receiver, Sender, bounded};

/// Rung by who has something to do, heard by the job that does it. Rung several times before it is heard it counts once.
#[derive(Debug)]
pub struct Bell {
    sender: Sender<()>,
    receiver: Receiver<()>,
}

impl Default for Bell {
    fn default() -> Bell {
        let (sender, receiver) = bounded(1);
        Bell { sender, receiver }
    }
}

impl Bell {
    /// There is something to do.
    pub fn ring(&self) {
        // Full: it was rung already and not yet heard.
        let _ = self.sender.try_send(());
    }

    /// Where it is heard.
    #[must_use]
    pub fn heard(&self) -> &Receiver<()> {
        &self.receiver
    }
}
