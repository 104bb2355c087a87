//! What a card suggests: resources of FHIR R4 that a client may create.

use crate::app::cds::{Finding, Standing, Statement};
use crate::domain::ablation::Ablation;
use crate::domain::anatomy::{Joint, Side, TreatedSide};
use crate::domain::codes::{ProcedureLine, ablation_lines};
use crate::domain::qualification::{Decision, NextStep, Status};
use crate::fhir::terms;
use crate::seam::Seam;
use chrono::NaiveDate;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// One suggestion.
#[derive(Debug, Clone, Serialize)]
pub struct Suggestion {
    label: String,
    uuid: Uuid,
    actions: Vec<Action>,
}

#[derive(Debug, Clone, Serialize)]
struct Action {
    r#type: &'static str,
    description: String,
    resource: Value,
}

impl Suggestion {
    /// Its identity.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.uuid
    }
}

/// What the card of a finding suggests; `subject` is the patient at the client's FHIR server.
pub(super) fn of(
    finding: &Finding<'_>,
    today: NaiveDate,
    subject: &str,
    seam: &Seam,
) -> Vec<Suggestion> {
    let Finding::Recorded {
        decision,
        statement,
        ..
    } = finding
    else {
        return Vec::new();
    };
    let draft = Draft {
        decision,
        today,
        subject,
        seam,
    };
    match statement {
        Statement::Next(step) => draft.next(*step),
        Statement::Ablation(Standing::DataMissing)
        | Statement::Block {
            step: NextStep::RecordScores | NextStep::CompleteRecord,
            ..
        } => vec![draft.complete()],
        Statement::Block {
            step: NextStep::ConfirmatoryBlock,
            too_early: true,
        } => vec![draft.remind()],
        Statement::Ablation(_) | Statement::Block { .. } => Vec::new(),
    }
}

struct Draft<'a, 'p> {
    decision: &'a Decision<'p>,
    today: NaiveDate,
    subject: &'a str,
    seam: &'a Seam,
}

impl Draft<'_, '_> {
    fn next(&self, step: NextStep) -> Vec<Suggestion> {
        match step {
            NextStep::ReferForAblation | NextStep::RepeatAblation => {
                let profile = &self.decision.headline().profile.id;
                let task = self.task(
                    &format!(
                        "Review {}: it meets profile {profile} for ablation",
                        self.place()
                    ),
                    None,
                );
                vec![
                    self.suggestion("Put the review on the task list", vec![task]),
                    self.suggestion("Draft a proposal of the ablation", self.ablation()),
                ]
            }
            NextStep::ConfirmatoryBlock => vec![self.remind()],
            NextStep::RecordScores | NextStep::CompleteRecord => vec![self.complete()],
            NextStep::DiagnosticBlock | NextStep::FollowUp | NextStep::None => Vec::new(),
        }
    }

    /// To think of the confirmatory block when it counts.
    fn remind(&self) -> Suggestion {
        let told = self.decision.headline();
        let from = told.earliest.map(|from| from.max(self.today));
        let description = format!(
            "Confirmatory block of {}: it counts for profile {} from {}",
            self.place(),
            told.profile.id,
            from.unwrap_or(self.today)
        );
        let task = self.task(&description, from);
        self.suggestion("Put it on the task list", vec![task])
    }

    /// To record what is missing.
    fn complete(&self) -> Suggestion {
        let missing = self.decision.rules.iter();
        let missing: Vec<String> = missing
            .filter(|rule| rule.status == Status::Unknown && rule.rule.required())
            .map(|rule| rule.rule.label().to_lowercase())
            .collect();
        let description = format!("Record about {}: {}", self.place(), missing.join(", "));
        let task = self.task(&description, None);
        self.suggestion("Put what is missing on the task list", vec![task])
    }

    fn suggestion(&self, label: &str, actions: Vec<Action>) -> Suggestion {
        Suggestion {
            label: label.to_owned(),
            uuid: self.seam.new_id(),
            actions,
        }
    }

    fn place(&self) -> String {
        let joints: Vec<&str> = self
            .decision
            .joints
            .iter()
            .map(|joint| joint.code())
            .collect();
        format!("{} {}", self.decision.side.label(), joints.join(", "))
    }

    fn patient(&self) -> Value {
        json!({ "reference": format!("Patient/{}", self.subject) })
    }

    fn task(&self, description: &str, from: Option<NaiveDate>) -> Action {
        let mut task = json!({
            "resourceType": "Task",
            "status": "requested",
            "intent": "proposal",
            "description": description,
            "for": self.patient(),
            "authoredOn": self.today.to_string(),
        });
        if let (Some(from), Value::Object(task)) = (from, &mut task) {
            let period = json!({ "period": { "start": from.to_string() } });
            task.insert("restriction".to_owned(), period);
        }
        Action {
            r#type: "create",
            description: description.to_owned(),
            resource: task,
        }
    }

    /// One proposal for each line of the claim.
    fn ablation(&self) -> Vec<Action> {
        let ablation = Ablation {
            performed_on: self.today,
            joints: self.decision.joints.clone(),
            side: match self.decision.side {
                Side::Left => TreatedSide::Left,
                Side::Right => TreatedSide::Right,
            },
            technique: None,
            temperature_tenths_c: None,
            pre_score: None,
            operator: None,
            site: None,
        };
        let lines = ablation_lines(&ablation);
        lines.iter().map(|line| self.request(line)).collect()
    }

    fn request(&self, line: &ProcedureLine) -> Action {
        let joints: Vec<Value> = line.joints.iter().map(|joint| self.site(*joint)).collect();
        let profile = &self.decision.headline().profile;
        let request = json!({
            "resourceType": "ServiceRequest",
            "status": "draft",
            "intent": "proposal",
            "code": {
                "coding": [
                    { "system": terms::CPT, "code": line.code },
                    { "system": terms::PROCEDURE, "code": "radiofrequency-ablation" },
                ],
                "text": "Radiofrequency ablation of medial branches",
            },
            "quantityQuantity": { "value": line.units },
            "subject": self.patient(),
            "authoredOn": self.today.to_string(),
            "bodySite": joints,
            "note": [{
                "text": format!("Meets profile {} (version {}). A proposal for review, no advice to have a procedure.", profile.id, profile.version),
            }],
        });
        Action {
            r#type: "create",
            description: format!("Proposal of CPT {} for {}", line.code, self.place()),
            resource: request,
        }
    }

    fn site(&self, joint: Joint) -> Value {
        let side = self.decision.side;
        json!({
            "coding": [{
                "system": terms::FACET_JOINT,
                "code": format!("{}-{}", joint.code(), side.code()),
            }],
            "text": format!("{} {}", side.label(), joint.code()),
        })
    }
}
