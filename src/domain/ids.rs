//! Typed identifiers: time-ordered UUIDs (version 7), one type for each kind of record.

use std::fmt;
use uuid::Uuid;

macro_rules! id {
    ($($(#[$meta:meta])* $name:ident;)+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// Reads the hyphenated form.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Uuid::try_parse(text).ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

id! {
    /// A patient.
    PatientId;
    /// An episode: one pain being investigated.
    EpisodeId;
    /// An injection session.
    BlockId;
    /// One pain score.
    ScoreId;
    /// A radiofrequency ablation.
    AblationId;
    /// A follow-up after an ablation.
    FollowUpId;
    /// An adverse event.
    AdverseEventId;
}
