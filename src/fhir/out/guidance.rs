//! Determinations: what a profile says, the next step as a task, and the ablation that a candidate may be referred for.

use super::Elements;
use super::procedure::{ABLATION, body_sites, code};
use crate::app::Stored;
use crate::app::compartment::Judged;
use crate::domain::ablation::Ablation;
use crate::domain::anatomy::{Side, Target, TreatedSide};
use crate::domain::codes::ablation_lines;
use crate::domain::episode::Episode;
use crate::domain::pain::Threshold;
use crate::domain::qualification::{
    Determination, Evidence, History, NextStep, Profile, Rule, RuleExplanation, Status, evaluate,
    explain,
};
use crate::fhir::ids::{DeterminationId, ObservationId};
use crate::fhir::resource::{Head, Resource, ResourceType, instant};
use crate::fhir::terms;
use crate::wire::determination::summary;
use crate::wire::scalar::Decimal;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

/// One determination with all that its resources are made of.
#[derive(Debug)]
pub struct Decided<'a> {
    episode: &'a Stored<Episode>,
    history: &'a History,
    determination: Determination<'a>,
    decided_at: DateTime<Utc>,
}

/// Every determination of a patient.
#[must_use]
pub fn decided(judged: &Judged) -> Vec<Decided<'_>> {
    let profiles: Vec<&Profile> = judged.profiles.iter().map(Arc::as_ref).collect();
    let mut all = Vec::new();
    for (episode, history) in &judged.histories {
        for determination in evaluate(&profiles, history, judged.as_of) {
            let stored = judged.stored.iter().find(|stored| {
                stored.episode == episode.id
                    && stored.judgement.target == determination.target
                    && stored.judgement.profile == determination.profile.id
            });
            all.push(Decided {
                decided_at: stored.map_or(episode.updated_at, |stored| stored.decided_at),
                episode,
                history,
                determination,
            });
        }
    }
    all
}

impl Decided<'_> {
    /// Its id, which its three resources share.
    #[must_use]
    pub fn id(&self) -> DeterminationId {
        let of = &self.determination;
        DeterminationId::new(self.episode.id, of.target, &of.profile.id)
    }

    fn head(&self, kind: ResourceType) -> Head {
        Head {
            kind,
            id: self.id().to_string(),
            version: None,
            updated: self.decided_at,
            patient: Some(self.episode.patient),
            profiles: &[],
        }
    }

    /// What the profile says, as a GuidanceResponse.
    #[must_use]
    pub fn guidance(&self) -> Resource {
        let of = &self.determination;
        let rules = explain(of.profile, self.history, of.target, of.evaluated_as_of);
        let unknown: Vec<&RuleExplanation> = rules
            .iter()
            .filter(|rule| rule.rule.required() && rule.status == Status::Unknown)
            .collect();
        let mut elements = Elements::default();
        elements.put(
            "contained",
            json!([{
                "resourceType": "Parameters",
                "id": "determination",
                "parameter": parameters(of, &rules),
            }]),
        );
        let plan = terms::plan_url(&of.profile.id);
        elements.put("moduleCanonical", format!("{plan}|{}", of.profile.version));
        let status = if unknown.is_empty() {
            "success"
        } else {
            "data-required"
        };
        elements.put("status", status);
        elements.put("subject", terms::reference("Patient", self.episode.patient));
        elements.put("occurrenceDateTime", terms::date(of.evaluated_as_of));
        elements.put("reasonCode", json!([site(of.target)]));
        elements.put("reasonReference", self.basis(&rules));
        elements.put("note", json!([{"text": summary(of)}]));
        elements.put("outputParameters", json!({"reference": "#determination"}));
        elements.list(
            "dataRequirement",
            unknown
                .iter()
                .map(|rule| data_requirement(rule.rule))
                .collect(),
        );
        self.head(ResourceType::GuidanceResponse)
            .with(elements.done())
    }

    /// The condition, and every observation that a rule was read from.
    fn basis(&self, rules: &[RuleExplanation]) -> Value {
        let evidence: BTreeSet<Evidence> = rules
            .iter()
            .flat_map(|rule| rule.evidence.iter().copied())
            .collect();
        let observed = evidence
            .into_iter()
            .filter_map(|one| self.observation(one))
            .map(|id| terms::reference("Observation", id));
        let condition = terms::reference("Condition", self.episode.id);
        std::iter::once(condition).chain(observed).collect()
    }

    fn observation(&self, evidence: Evidence) -> Option<ObservationId> {
        match evidence {
            Evidence::Score(id) => Some(ObservationId::Record(id.0)),
            Evidence::FollowUp(id) => Some(ObservationId::Record(id.0)),
            Evidence::Block(id) => Some(self.relief(id.0)),
            Evidence::Disability(place) => Some(ObservationId::Disability {
                episode: self.episode.id,
                place,
            }),
            Evidence::Ablation(_) | Evidence::Care(_) | Evidence::Episode(_) => None,
        }
    }

    fn relief(&self, block: Uuid) -> ObservationId {
        let threshold: Threshold = self.determination.profile.criteria.relief;
        ObservationId::Relief {
            block,
            side: self.determination.target.side,
            threshold,
        }
    }

    /// The next step, as a proposed task; none where there is nothing to do.
    #[must_use]
    pub fn task(&self) -> Option<Resource> {
        let of = &self.determination;
        let step = of.next_step;
        if step == NextStep::None {
            return None;
        }
        let id = self.id();
        let mut elements = Elements::default();
        if step.is_candidate() {
            elements.put("basedOn", json!([terms::reference("ServiceRequest", &id)]));
        }
        elements.put("status", "requested");
        elements.put("intent", "proposal");
        elements.put(
            "code",
            terms::concept(terms::NEXT_STEP, step.code(), step.label()),
        );
        elements.put("description", format!("{}: {}", of.target, step.label()));
        elements.put("focus", terms::reference("GuidanceResponse", &id));
        elements.put("for", terms::reference("Patient", self.episode.patient));
        elements.put("authoredOn", instant(self.decided_at));
        elements.put("lastModified", instant(self.decided_at));
        elements.put(
            "reasonReference",
            terms::reference("Condition", self.episode.id),
        );
        elements.maybe(
            "restriction",
            of.earliest
                .map(|day| json!({"period": {"start": terms::date(day)}})),
        );
        Some(self.head(ResourceType::Task).with(elements.done()))
    }

    /// The ablation of a candidate, as a proposal; none for who is none.
    #[must_use]
    pub fn request(&self) -> Option<Resource> {
        let of = &self.determination;
        if !of.next_step.is_candidate() {
            return None;
        }
        let side = match of.target.side {
            Side::Left => TreatedSide::Left,
            Side::Right => TreatedSide::Right,
        };
        let ablation = Ablation {
            performed_on: of.evaluated_as_of,
            joints: vec![of.target.joint],
            side,
            technique: None,
            temperature_tenths_c: None,
            pre_score: None,
            operator: None,
            site: None,
        };
        let mut elements = Elements::default();
        elements.put("status", "draft");
        elements.put("intent", "proposal");
        elements.put("code", code(ABLATION, &ablation_lines(&ablation)));
        elements.put("subject", terms::reference("Patient", self.episode.patient));
        elements.put("authoredOn", instant(self.decided_at));
        elements.put(
            "reasonReference",
            json!([terms::reference("Condition", self.episode.id)]),
        );
        elements.put(
            "supportingInfo",
            json!([terms::reference("GuidanceResponse", self.id())]),
        );
        elements.list("bodySite", body_sites(&ablation.joints, ablation.side));
        elements.put("note", json!([{"text": summary(of)}]));
        Some(
            self.head(ResourceType::ServiceRequest)
                .with(elements.done()),
        )
    }
}

/// A joint with its side.
fn site(target: Target) -> Value {
    let code = format!("{}-{}", target.joint.code(), target.side.code());
    let words = format!(
        "{} facet joint, {}",
        target.joint.code(),
        target.side.label()
    );
    terms::concept(terms::FACET_JOINT, &code, &words)
}

fn parameter(name: &str, kind: &str, value: impl Into<Value>) -> Value {
    let mut parameter = Elements::default();
    parameter.put("name", name);
    parameter.put(kind, value);
    Value::Object(parameter.done())
}

fn coded(name: &str, system: &str, code: &str, words: &str) -> Value {
    parameter(name, "valueCoding", terms::coding(system, code, words))
}

/// Everything that a determination says, with every rule.
fn parameters(of: &Determination<'_>, rules: &[RuleExplanation]) -> Vec<Value> {
    let mut all = vec![
        coded(
            "verdict",
            terms::VERDICT,
            of.verdict.code(),
            of.verdict.label(),
        ),
        coded(
            "next-step",
            terms::NEXT_STEP,
            of.next_step.code(),
            of.next_step.label(),
        ),
        coded(
            "purpose",
            terms::PURPOSE,
            of.purpose.code(),
            of.purpose.label(),
        ),
        parameter("rediagnosed", "valueBoolean", of.rediagnosed),
        parameter("target", "valueCodeableConcept", site(of.target)),
    ];
    all.extend(
        of.earliest
            .map(|day| parameter("earliest", "valueDate", terms::date(day))),
    );
    all.extend(
        of.changes_on
            .map(|day| parameter("changes-on", "valueDate", terms::date(day))),
    );
    all.extend(of.relief_floor_tenths.map(|tenths| {
        let percent = json!(Decimal::<1>(i64::from(tenths)));
        parameter("relief-percent", "valueDecimal", percent)
    }));
    all.extend(rules.iter().map(|rule| {
        let (code, words) = (rule.rule.code(), rule.rule.label());
        json!({"name": "rule", "part": [
            coded("rule", terms::RULE, code, words),
            coded("status", terms::STATUS, rule.status.code(), rule.status.label()),
            parameter("required", "valueBoolean", rule.rule.required()),
            parameter("observed", "valueString", rule.observed.clone()),
            parameter("demanded", "valueString", rule.demanded.clone()),
            parameter("detail", "valueString", rule.detail.clone()),
        ]})
    }));
    all
}

/// What would settle a rule, by the resource that would hold it.
fn data_requirement(rule: Rule) -> Value {
    let kind = match rule {
        Rule::PainDuration
        | Rule::ConservativeCare
        | Rule::Radiculopathy
        | Rule::OtherCauses
        | Rule::AxialPain
        | Rule::Fusion => "Condition",
        Rule::BlockCount
        | Rule::BlockInterval
        | Rule::BlockAge
        | Rule::Levels
        | Rule::Guidance
        | Rule::DiagnosticCap
        | Rule::AblationCap
        | Rule::AblationGap
        | Rule::NoSteroid
        | Rule::NoSedation => "Procedure",
        Rule::Volume => "MedicationAdministration",
        Rule::Relief
        | Rule::ReliefDuration
        | Rule::PainFloor
        | Rule::PainReturned
        | Rule::RepeatRelief
        | Rule::DisabilityRecorded
        | Rule::AgentDuration
        | Rule::StatedAgrees => "Observation",
    };
    let code = terms::coding(terms::RULE, rule.code(), rule.label());
    json!({"type": kind, "codeFilter": [{"path": "code", "code": [code]}]})
}
