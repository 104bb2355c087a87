//! Which decisions matter on which occasion.

use crate::db::rows::{Review, ReviewDecision};
use crate::domain::anatomy::{CoveredRegion, Joint, TreatedSide};
use crate::domain::qualification::{Decision, NextStep, Verdict};
use chrono::NaiveDate;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use uuid::Uuid;

/// What a clinician is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Occasion {
    /// Looking at the patient.
    View,
    /// Ordering or booking procedures.
    Order(Vec<Ordered>),
}

/// What is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Procedure {
    /// A block of medial branches or facet joints.
    Block,
    /// A radiofrequency ablation.
    Ablation,
}

/// One procedure that is ordered or booked, as far as the order says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordered {
    /// What.
    pub procedure: Procedure,
    /// In which of the two regions that codes tell apart.
    pub region: CoveredRegion,
    /// At which joints; empty where the order does not say.
    pub joints: Vec<Joint>,
    /// On which side, where the order says.
    pub side: Option<TreatedSide>,
    /// On which day, where the order says.
    pub on: Option<NaiveDate>,
}

/// How a target stands with the leading profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It meets the profile.
    Meets,
    /// It does not.
    DoesNotMeet,
    /// Data is missing.
    DataMissing,
}

/// What is to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statement {
    /// What comes next.
    Next(NextStep),
    /// How the target of an ordered ablation stands.
    Ablation(Standing),
    /// What an ordered block is by what comes next, and whether it comes before the first day that counts.
    Block {
        /// What comes next.
        step: NextStep,
        /// Whether the ordered day is too early for a confirmatory block.
        too_early: bool,
    },
}

/// A decision that matters on an occasion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding<'p> {
    /// About what is recorded.
    Recorded {
        /// The episode.
        episode: Uuid,
        /// The decision.
        decision: Box<Decision<'p>>,
        /// What is to be said of it.
        statement: Statement,
    },
    /// About what is ordered and has no record.
    Unrecorded(Ordered),
}

impl Finding<'_> {
    /// SHA-256 of what is said and what it rests on, in hexadecimal: the same as long as neither changes.
    ///
    /// Days that pass do not change it, unless they change what is said.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let words = match self {
            Finding::Recorded {
                episode,
                decision,
                statement,
            } => recorded_words(*episode, decision, *statement),
            Finding::Unrecorded(ordered) => format!(
                "unrecorded {} {:?} {}",
                ordered.region.code(),
                ordered.side.map(TreatedSide::code),
                codes(&ordered.joints)
            ),
        };
        let digest = Sha256::digest(words.as_bytes());
        digest.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

fn recorded_words(episode: Uuid, decision: &Decision<'_>, statement: Statement) -> String {
    let mut words = format!(
        "{} {episode} {} {}",
        statement_words(statement),
        decision.side.code(),
        codes(&decision.joints)
    );
    // Writing to a string cannot fail.
    for answer in decision.answers() {
        let _ = write!(
            words,
            "\n{}@{} {} {} {:?} {} {:?}",
            answer.profile.id,
            answer.profile.version,
            answer.verdict.code(),
            answer.next_step.code(),
            answer.earliest,
            answer.statuses.packed(),
            answer.relief_floor_tenths
        );
    }
    for block in &decision.blocks {
        let lasted = block.lasted.map(|(least, most)| {
            let most = most.map(|most| most.num_minutes());
            (least.num_minutes(), most)
        });
        let _ = write!(
            words,
            "\nblock {} {} {:?} {lasted:?}",
            block.id, block.date, block.best_floor_tenths
        );
    }
    if let Some(ablation) = &decision.ablation {
        let _ = write!(
            words,
            "\nablation {} {}",
            ablation.id, ablation.performed_on
        );
        for follow_up in &ablation.follow_ups {
            let _ = write!(words, " {follow_up}");
        }
    }
    words
}

fn statement_words(statement: Statement) -> String {
    match statement {
        Statement::Next(step) => format!("next {}", step.code()),
        Statement::Ablation(standing) => format!("ablation {standing:?}"),
        Statement::Block { step, too_early } => format!("block {} {too_early}", step.code()),
    }
}

fn codes(joints: &[Joint]) -> String {
    joints
        .iter()
        .map(|joint| joint.code())
        .collect::<Vec<_>>()
        .join(",")
}

/// What matters on `occasion` of the decisions about each episode, given what clinicians decided about them already.
#[must_use]
pub fn findings<'p>(
    occasion: &Occasion,
    decisions: &[(Uuid, Vec<Decision<'p>>)],
    reviews: &[Review],
    day: NaiveDate,
) -> Vec<Finding<'p>> {
    match occasion {
        Occasion::View => viewed(decisions, reviews, day),
        Occasion::Order(orders) => {
            let mut findings: Vec<Finding<'p>> = Vec::new();
            for ordered in orders {
                for finding in of_order(ordered, decisions) {
                    // Two lines of one procedure, as 64635 and 64636, are about the same.
                    if !findings.contains(&finding) {
                        findings.push(finding);
                    }
                }
            }
            findings
        }
    }
}

fn viewed<'p>(
    decisions: &[(Uuid, Vec<Decision<'p>>)],
    reviews: &[Review],
    day: NaiveDate,
) -> Vec<Finding<'p>> {
    let mut findings = Vec::new();
    for (episode, of_episode) in decisions {
        let decided = reviews
            .iter()
            .any(|review| review.episode == *episode && is_in_force(review, day));
        for decision in of_episode {
            let step = decision.headline().next_step;
            if step.weight() == 0 || (step.is_candidate() && decided) {
                continue;
            }
            findings.push(Finding::Recorded {
                episode: *episode,
                decision: Box::new(decision.clone()),
                statement: Statement::Next(step),
            });
        }
    }
    findings
}

/// Whether a clinician's decision about the candidacy still stands on `day`.
fn is_in_force(review: &Review, day: NaiveDate) -> bool {
    match review.decision {
        ReviewDecision::Referred | ReviewDecision::Declined => true,
        ReviewDecision::Deferred => review.deferred_until.is_some_and(|until| day < until),
    }
}

fn of_order<'p>(ordered: &Ordered, decisions: &[(Uuid, Vec<Decision<'p>>)]) -> Vec<Finding<'p>> {
    let mut findings = Vec::new();
    let mut recorded: Vec<Joint> = Vec::new();
    for (episode, of_episode) in decisions {
        for decision in of_episode.iter().filter(|one| concerns(ordered, one)) {
            recorded.extend(&decision.joints);
            if let Some(statement) = statement(ordered, decision) {
                findings.push(Finding::Recorded {
                    episode: *episode,
                    decision: Box::new(decision.clone()),
                    statement,
                });
            }
        }
    }
    if ordered.procedure == Procedure::Ablation {
        let missing: Vec<Joint> = ordered
            .joints
            .iter()
            .filter(|joint| !recorded.contains(joint))
            .copied()
            .collect();
        if recorded.is_empty() || !missing.is_empty() {
            findings.push(Finding::Unrecorded(Ordered {
                joints: missing,
                on: None,
                ..ordered.clone()
            }));
        }
    }
    findings
}

fn concerns(ordered: &Ordered, decision: &Decision<'_>) -> bool {
    let joint_fits = |joint: &Joint| {
        joint.region().covered() == ordered.region
            && (ordered.joints.is_empty() || ordered.joints.contains(joint))
    };
    ordered.side.is_none_or(|side| side.covers(decision.side))
        && decision.joints.iter().any(joint_fits)
}

fn statement(ordered: &Ordered, decision: &Decision<'_>) -> Option<Statement> {
    let lead = &decision.lead;
    if ordered.procedure == Procedure::Ablation {
        return Some(Statement::Ablation(match lead.verdict {
            Verdict::Meets | Verdict::NeedsReview => Standing::Meets,
            Verdict::DoesNotMeet => Standing::DoesNotMeet,
            Verdict::InsufficientData => Standing::DataMissing,
        }));
    }
    match lead.next_step {
        // The block that comes next is the one that is ordered.
        NextStep::DiagnosticBlock => None,
        step => Some(Statement::Block {
            step,
            too_early: step == NextStep::ConfirmatoryBlock
                && ordered
                    .on
                    .zip(lead.earliest)
                    .is_some_and(|(on, from)| on < from),
        }),
    }
}
