//! Decision support where a clinician works: what the profiles say about the patient who is looked at, and about what is
//! ordered or booked; and what was done with it.

mod callers;
mod cards;
mod findings;

pub use callers::Called;
pub use cards::{Consultation, Feedback, Shown, consult, counts, keep_cards, keep_feedback};
pub use findings::{Finding, Occasion, Ordered, Procedure, Standing, Statement, findings};
