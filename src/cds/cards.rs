//! Cards as CDS Hooks 2.0 has them.

use super::suggestions::{self, Suggestion};
use super::words;
use crate::app::cds::{Finding, Shown, Statement};
use crate::domain::qualification::Profile;
use crate::fhir::out::code_systems::{ABLATION_ORDER, BLOCK_ORDER, OVERRIDE_REASONS};
use crate::fhir::terms;
use crate::seam::Seam;
use chrono::NaiveDate;
use serde::Serialize;
use uuid::Uuid;

/// What the links and resources of cards are made with.
#[derive(Debug, Clone, Copy)]
pub struct Links<'a> {
    /// Where this service is reached, without a slash at the end.
    pub base: &'a str,
    /// The patient here.
    pub patient: Uuid,
    /// The id of the patient at the client's FHIR server.
    pub subject: &'a str,
}

/// A card.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Card {
    uuid: Uuid,
    summary: String,
    detail: String,
    indicator: &'static str,
    source: Source,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suggestions: Vec<Suggestion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    selection_behavior: Option<&'static str>,
    override_reasons: Vec<Coding>,
    links: Vec<Link>,
    /// What it says and rests on: kept, and not sent.
    #[serde(skip)]
    decision: String,
}

#[derive(Debug, Clone, Serialize)]
struct Source {
    label: String,
    url: String,
    topic: Coding,
}

#[derive(Debug, Clone, Serialize)]
struct Coding {
    system: &'static str,
    code: &'static str,
    display: &'static str,
}

#[derive(Debug, Clone, Serialize)]
struct Link {
    label: &'static str,
    url: String,
    r#type: &'static str,
}

impl Card {
    /// The card of a finding; `first` is the profile that is named where none judges what is asked about.
    #[must_use]
    pub fn of(
        finding: &Finding<'_>,
        first: Option<&Profile>,
        today: NaiveDate,
        links: &Links<'_>,
        seam: &Seam,
    ) -> Card {
        let profile = match finding {
            Finding::Recorded {
                decision,
                statement: Statement::Next(_),
                ..
            } => Some(decision.headline().profile),
            Finding::Recorded { decision, .. } => Some(decision.lead.profile),
            Finding::Unrecorded(_) => first,
        };
        let suggestions = suggestions::of(finding, today, links.subject, seam);
        Card {
            uuid: seam.new_id(),
            summary: words::summary(finding, first, today),
            detail: words::detail(finding, first, today, links.base),
            indicator: words::indicator(finding),
            source: source(profile, finding, links.base),
            selection_behavior: (!suggestions.is_empty()).then_some("any"),
            suggestions,
            override_reasons: reasons(),
            links: links_of(finding, profile, links),
            decision: finding.fingerprint(),
        }
    }

    /// What is kept of it.
    #[must_use]
    pub fn shown(&self) -> Shown {
        Shown {
            id: self.uuid,
            decision: self.decision.clone(),
            suggestions: self.suggestions.iter().map(Suggestion::id).collect(),
        }
    }
}

fn source(profile: Option<&Profile>, finding: &Finding<'_>, base: &str) -> Source {
    let topic = topic(finding);
    match profile {
        Some(profile) => Source {
            label: format!("{} (version {})", profile.title, profile.version),
            url: format!("{base}/profiles#{}", profile.id),
            topic,
        },
        None => Source {
            label: "Medial".to_owned(),
            url: format!("{base}/profiles"),
            topic,
        },
    }
}

fn topic(finding: &Finding<'_>) -> Coding {
    let (code, display) = match finding {
        Finding::Recorded {
            statement: Statement::Next(step),
            ..
        } => (step.code(), step.label()),
        Finding::Recorded {
            statement: Statement::Ablation(_),
            ..
        }
        | Finding::Unrecorded(_) => ABLATION_ORDER,
        Finding::Recorded {
            statement: Statement::Block { .. },
            ..
        } => BLOCK_ORDER,
    };
    Coding {
        system: terms::CARD_TOPIC,
        code,
        display,
    }
}

fn reasons() -> Vec<Coding> {
    let coding = |(code, display)| Coding {
        system: terms::CARD_OVERRIDE_REASON,
        code,
        display,
    };
    OVERRIDE_REASONS.into_iter().map(coding).collect()
}

fn links_of(finding: &Finding<'_>, profile: Option<&Profile>, links: &Links<'_>) -> Vec<Link> {
    let (base, patient) = (links.base, links.patient);
    let absolute = |label, url| Link {
        label,
        url,
        r#type: "absolute",
    };
    let Finding::Recorded {
        episode, decision, ..
    } = finding
    else {
        return vec![absolute(
            "Patient in Medial",
            format!("{base}/patients/{patient}"),
        )];
    };
    let id = profile.map_or("", |profile| profile.id.as_str());
    let target = decision.target();
    let (side, joint) = (target.side.code(), target.joint.code());
    vec![
        absolute(
            "Patient in Medial",
            format!("{base}/patients/{patient}?profile={id}&target={side}:{joint}#rules"),
        ),
        absolute(
            "Evidence summary for a payer",
            format!("{base}/episodes/{episode}/evidence?profile={id}"),
        ),
    ]
}
