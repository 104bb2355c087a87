//! The diary that a patient keeps on a phone: links to it, what comes through them, and reminders.

mod entries;
mod links;
mod reminders;
mod words;

pub use crate::db::rows::DiaryLink;
pub use crate::domain::diary::{Answer, Language, Refusal, RemindBy, Slot};
pub use entries::{MOST_AT_ONCE, NewEntry, Outcome, accept};
pub use links::{ListedLink, NewLink, NewReminders, Opened, list, make, open, revoke};
pub use reminders::Reminder;
pub use words::{GoneWords, MailWords, PageWords, ScriptWords, Words, filled, words};

use crate::auth::DiaryKey;
use std::fmt;

/// How diaries are set up.
#[derive(Debug, Clone)]
pub struct DiarySettings {
    /// Signs the links.
    pub key: DiaryKey,
    /// Where patients reach this service: scheme, host and perhaps a path, without a slash at the end.
    pub public_url: String,
    /// How reminders are sent; `None`: not at all.
    pub reminders: Option<Delivery>,
}

impl DiarySettings {
    /// Diaries without reminders.
    #[must_use]
    pub fn new(key: DiaryKey, public_url: impl Into<String>) -> DiarySettings {
        DiarySettings {
            key,
            public_url: public_url.into(),
            reminders: None,
        }
    }
}

/// How reminders are sent.
#[derive(Clone)]
pub enum Delivery {
    /// To the clinic's own system, which tells the patient in its own way.
    Webhook {
        /// Where it listens.
        url: String,
        /// Signs what it is told.
        secret: Vec<u8>,
    },
    /// By e-mail, to the address that the link was made with.
    Email(MailServer),
}

/// The server that takes e-mail.
#[derive(Clone)]
pub struct MailServer {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is secured.
    pub security: MailSecurity,
    /// The user to sign in as; `None`: without signing in.
    pub user: Option<String>,
    /// Their password.
    pub password: Option<String>,
    /// Certificates in PEM of authorities that are trusted to vouch for it, beside the public ones.
    pub authorities: Option<Vec<u8>>,
    /// The sender.
    pub from: String,
}

/// How the connection to a mail server is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailSecurity {
    /// TLS after a first greeting; without it nothing is sent.
    StartTls,
    /// TLS from the start.
    Tls,
    /// None: for a server on this machine only.
    None,
}

impl Delivery {
    /// What it is called.
    #[must_use]
    pub const fn by(&self) -> RemindBy {
        match self {
            Delivery::Webhook { .. } => RemindBy::Webhook,
            Delivery::Email(_) => RemindBy::Email,
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither a secret nor an address that may carry one.
        write!(f, "Delivery({})", self.by().code())
    }
}
