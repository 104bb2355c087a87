//! Profiles, as answered.

use super::scalar::{Code, Date, Decimal};
use crate::domain::Vocabulary;
use crate::domain::block::Agent;
use crate::domain::qualification::profile::{Criterion, Trust};
use crate::domain::qualification::{Care, Criteria, Profile};
use crate::domain::relief::AgentWindow;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// What a reader of criteria for ablation has to know (handbook, section 1).
pub const CONTESTED: &str = "The evidence for radiofrequency ablation is contested: a guideline of 2025 recommends strongly against it for chronic axial spine pain \
    (BMJ 2025;388:e079970), and more than 30 societies dispute that. A profile says what one body asks for; meeting it is no advice to have a procedure.";

/// A profile: one body's published criteria at one version.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ProfileFields {
    /// Stable name, as `medicare-lcd`.
    pub id: String,
    /// Version, from 1.
    pub version: i32,
    /// The document's title.
    pub title: String,
    /// Which targets it judges: `cervical`, `thoracic`, `lumbar` or `any`.
    pub region: &'static str,
    /// The day from which it holds.
    pub effective: Option<Date>,
    /// How far the document is verified.
    pub trust: Code<Trust>,
    /// The document.
    pub source: String,
    /// Each number with its source. A criterion that the source does not give is not here, and its rule is not asked.
    pub criteria: Vec<CriterionFields>,
    /// How long relief is expected to last after each anesthetic: advisory.
    pub agent_windows: Vec<AgentWindowFields>,
}

/// One number of a profile.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CriterionFields {
    /// Its name.
    pub criterion: Code<Criterion>,
    /// What it is about.
    pub label: &'static str,
    /// Its value: a number, `true`, `documented` or a list of kinds of guidance.
    pub value: Value,
    /// How far it is verified.
    pub trust: Code<Trust>,
    /// The document that it comes from.
    pub source: String,
}

/// How long relief is expected to last after an anesthetic.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AgentWindowFields {
    /// The anesthetic.
    pub agent: Code<Agent>,
    /// Shortest expected relief, in minutes.
    pub from_minutes: i64,
    /// Longest expected relief, in minutes.
    pub to_minutes: i64,
    /// `profile` where the profile gives it, else how far the default is verified.
    pub trust: &'static str,
}

impl From<&Profile> for ProfileFields {
    fn from(profile: &Profile) -> ProfileFields {
        let criteria = profile
            .provenances
            .iter()
            .filter_map(|(criterion, provenance)| {
                Some(CriterionFields {
                    criterion: Code(*criterion),
                    label: criterion.label(),
                    value: value(&profile.criteria, *criterion)?,
                    trust: Code(provenance.trust),
                    source: provenance.source.clone(),
                })
            });
        ProfileFields {
            id: profile.id.clone(),
            version: profile.version,
            title: profile.title.clone(),
            region: profile.region.code(),
            effective: profile.effective.map(Date),
            trust: Code(profile.provenance.trust),
            source: profile.provenance.source.clone(),
            criteria: criteria.collect(),
            agent_windows: windows(&profile.criteria),
        }
    }
}

fn windows(criteria: &Criteria) -> Vec<AgentWindowFields> {
    let shown = |agent: Agent| {
        let own = criteria.agent_windows.iter().find(|(of, _)| *of == agent);
        let (window, trust) = own
            .map(|(_, window)| (*window, "profile"))
            .or_else(|| AgentWindow::default_of(agent))?;
        Some(AgentWindowFields {
            agent: Code(agent),
            from_minutes: window.from_minutes.into(),
            to_minutes: window.to_minutes.into(),
            trust,
        })
    };
    Agent::ALL
        .iter()
        .filter_map(|agent| shown(*agent))
        .collect()
}

/// The value of one criterion; `None` where the profile does not hold it.
fn value(criteria: &Criteria, criterion: Criterion) -> Option<Value> {
    let number = |number: Option<u32>| number.map(Value::from);
    let flag = |flag: bool| flag.then_some(Value::Bool(true));
    match criterion {
        Criterion::ReliefPercent => Some(criteria.relief.percent().into()),
        Criterion::Blocks => Some(criteria.blocks.into()),
        Criterion::ReliefMinutes => number(criteria.relief_minutes),
        Criterion::IntervalDays => number(criteria.interval_days),
        Criterion::BlockMaxAgeDays => number(criteria.block_max_age_days),
        Criterion::PainDays => number(criteria.pain_days),
        Criterion::ConservativeCare => criteria.care.map(|care| match care {
            Care::Weeks(weeks) => weeks.into(),
            Care::Documented => "documented".into(),
        }),
        Criterion::PainFloor => criteria
            .pain_floor_tenths
            .map(|tenths| json!(Decimal::<1>(i64::from(tenths)))),
        Criterion::MaxLevels => criteria.max_levels.map(Value::from),
        Criterion::DiagnosticCap => number(criteria.diagnostic_cap),
        Criterion::TherapeuticCap => number(criteria.therapeutic_cap),
        Criterion::AblationCap => number(criteria.ablation_cap),
        Criterion::AblationGapDays => number(criteria.ablation_gap_days),
        Criterion::RepeatPercent => criteria.repeat.map(|repeat| repeat.percent().into()),
        Criterion::RepeatDays => number(criteria.repeat_days),
        Criterion::RepeatFunction => flag(criteria.repeat_function),
        Criterion::RediagnoseDays => number(criteria.rediagnose_days),
        Criterion::Guidance => criteria
            .guidance
            .as_ref()
            .map(|kinds| kinds.iter().map(|kind| kind.code_of()).collect()),
        Criterion::FusionExcludes => flag(criteria.fusion_excludes),
        Criterion::Axial => flag(criteria.axial),
        Criterion::BaselineMaxAgeDays => Some(criteria.baseline_max_age.num_days().into()),
    }
}
