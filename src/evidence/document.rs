//! The document: one tree that JSON, page and PDF are made of.

use super::coded::codes;
use super::facts::{care, functional_scores, indication};
use super::judged::{judgements, missing, statements};
use super::procedures::{ablation_summary, block_summary, laid_over};
use super::recorded::recorded_by;
use super::sources::Sources;
use crate::app::evidence::EvidenceRecords;
use crate::domain::anatomy::Side;
use crate::domain::codes::DiagnosisCode;
use crate::domain::qualification::{NextStep, Rule, Status, Verdict};
use crate::wire::scalar::{Code, Date, Id, Instant};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

/// The fact that every summary of the evidence states (handbook, section 1).
pub const CONTESTED: &str = "The evidence is contested: a 2025 BMJ guideline recommends strongly against radiofrequency ablation for chronic axial spine pain (BMJ 2025;388:e079970); more than 30 societies dispute that. This summary states what the records show and which published criteria they meet. It does not recommend a procedure.";

/// What a payer's reviewer needs to follow one episode.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "EvidenceSummary")]
pub struct EvidenceDocument {
    /// The verdicts in words, one sentence for each group of targets with one verdict.
    pub statements: Vec<String>,
    /// That the evidence is contested.
    pub contested: &'static str,
    /// The day it was judged as of; what is dated after it does not exist.
    pub as_of: Date,
    /// When it was put together.
    pub made_at: Instant,
    /// The profile it was judged by.
    pub profile: ProfileSummary,
    /// The patient.
    pub patient: PatientSummary,
    /// The episode's id.
    pub episode_id: Id,
    /// Why blocks were considered; a value that is not recorded is null.
    pub indication: Vec<Fact>,
    /// History, physical examination and imaging, as recorded.
    pub assessment: Option<String>,
    /// Conservative care.
    pub conservative_care: Vec<CareSummary>,
    /// Functional scores.
    pub functional_scores: Vec<FunctionalScore>,
    /// Every block of the episode, the earliest first.
    pub blocks: Vec<BlockSummary>,
    /// The counted blocks laid over each other, in words.
    pub curves: Option<Curve>,
    /// Ablations, the earliest first.
    pub ablations: Vec<AblationSummary>,
    /// What the profile says, targets with the same answer together.
    pub judgements: Vec<Judgement>,
    /// Where the profile's numbers come from; rules refer to them by number.
    pub sources: Vec<Source>,
    /// Codes.
    pub codes: Codes,
    /// What is missing, once for each rule.
    pub missing: Vec<Missing>,
    /// Who recorded what, and when.
    pub recorded: Vec<RecordSummary>,
    /// SHA-256 over the canonical JSON of the records that this was made from.
    pub records_sha256: String,
}

/// The profile.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "EvidenceProfile")]
pub struct ProfileSummary {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: i32,
    /// Its title.
    pub title: String,
    /// The day from which it holds.
    pub effective: Option<Date>,
    /// The document it comes from.
    pub source: String,
    /// How far that is verified.
    pub trust: &'static str,
}

/// The patient.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "EvidencePatient")]
pub struct PatientSummary {
    /// Family name, given name; null where none is recorded.
    pub name: Option<String>,
    /// Business identifiers.
    pub identifiers: Vec<String>,
    /// Date of birth.
    pub birth_date: Option<Date>,
    /// Sex.
    pub sex: Option<&'static str>,
}

/// A fact of the record.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "EvidenceFact")]
pub struct Fact {
    /// What it is about.
    pub label: &'static str,
    /// What is recorded; null where nothing is.
    pub value: Option<String>,
}

/// One course of conservative care.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "EvidenceCare")]
pub struct CareSummary {
    /// What was tried.
    pub kind: String,
    /// The first day.
    pub start: Option<Date>,
    /// The last day; null while it goes on.
    pub end: Option<Date>,
    /// How it went.
    pub outcome: Option<&'static str>,
}

/// One functional score.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "EvidenceFunctionalScore")]
pub struct FunctionalScore {
    /// The instrument.
    pub instrument: &'static str,
    /// The raw score of its maximum, as `42 of 100`.
    pub score: String,
    /// The day it was taken.
    pub taken_on: Date,
}

/// One block.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "EvidenceBlock")]
pub struct BlockSummary {
    /// The record's id.
    pub id: Id,
    /// The instant of the injection.
    pub performed_at: Instant,
    /// Its local date.
    pub performed_on: Date,
    /// What was done, as `diagnostic medial branch block`.
    pub what: String,
    /// Whether the profile counts it for some target.
    pub counted: bool,
    /// The joints.
    pub joints: Vec<&'static str>,
    /// The side.
    pub side: &'static str,
    /// The nerves.
    pub nerves: Vec<&'static str>,
    /// Agent, steroid, guidance, sedation, operator; a value that is not recorded is null.
    pub facts: Vec<Fact>,
    /// Relief on each side.
    pub relief: Vec<SideRelief>,
    /// Its curve.
    pub curve: Curve,
}

/// Relief on one side at the profile's threshold.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "EvidenceRelief")]
pub struct SideRelief {
    /// The side.
    pub side: Code<Side>,
    /// The threshold, in percent.
    pub threshold_percent: u8,
    /// The baseline.
    pub baseline: Option<String>,
    /// The greatest relief by scores, as `87.5 %`.
    pub best: Option<String>,
    /// How long relief lasted, as the interval that the scores leave.
    pub duration: String,
    /// At least so many minutes.
    pub min_minutes: Option<i64>,
    /// At most so many minutes; null where the end was not recorded.
    pub max_minutes: Option<i64>,
    /// The largest gap between two scores of the run, in minutes.
    pub largest_gap_minutes: Option<i64>,
    /// Relief as the patient states it.
    pub stated: Option<String>,
    /// Its duration as the patient states it.
    pub stated_duration: Option<String>,
    /// Whether an analgesic ended what can be known.
    pub cut_by_analgesic: bool,
}

/// A chart.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "EvidenceCurve")]
pub struct Curve {
    /// What it shows, in words.
    pub words: String,
    /// The drawing.
    #[serde(skip)]
    #[schemars(skip)]
    pub svg: String,
}

/// One ablation.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "EvidenceAblation")]
pub struct AblationSummary {
    /// The record's id.
    pub id: Id,
    /// The day.
    pub performed_on: Date,
    /// The joints.
    pub joints: Vec<&'static str>,
    /// The side.
    pub side: &'static str,
    /// Technique, score before, operator; a value that is not recorded is null.
    pub facts: Vec<Fact>,
    /// Its follow-ups.
    pub curve: Curve,
}

/// What the profile says about targets with one answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "EvidenceJudgement")]
pub struct Judgement {
    /// The targets, as `right L4-5`.
    pub targets: Vec<String>,
    /// The verdict.
    pub verdict: Code<Verdict>,
    /// The verdict in words.
    pub verdict_words: String,
    /// What would come next; never advice to have a procedure.
    pub next_step: Code<NextStep>,
    /// The first day for a confirmatory block.
    pub earliest: Option<Date>,
    /// The first later day on which the answer could change with the same records.
    pub changes_on: Option<Date>,
    /// Every rule that the profile asks.
    pub rules: Vec<RuleSummary>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "EvidenceRule")]
pub struct RuleSummary {
    /// The rule.
    pub rule: Code<Rule>,
    /// Its name in words.
    pub label: &'static str,
    /// Met, unmet or unknown.
    pub status: Code<Status>,
    /// The status in words: met, not met, data is missing.
    pub status_words: &'static str,
    /// Whether the verdict depends on it.
    pub required: bool,
    /// What the records say.
    pub observed: String,
    /// What the profile asks for.
    pub demanded: String,
    /// One sentence.
    pub sentence: String,
    /// The records it came from, as `block of 2025-09-08`.
    pub records: Vec<String>,
    /// The number of its source in `sources`.
    pub source: usize,
}

/// Where numbers of the profile come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "EvidenceSource")]
pub struct Source {
    /// The number by which rules refer to it, from 1.
    pub number: usize,
    /// The document.
    pub source: String,
    /// How far it is verified.
    pub trust: &'static str,
}

/// Codes.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "EvidenceCodes")]
pub struct Codes {
    /// What was done, by CPT.
    pub procedures: Vec<ProcedureCodes>,
    /// The diagnosis of the record.
    pub diagnosis: Option<DiagnosisSummary>,
    /// Covered ICD-10-CM codes for this region: candidates, not a diagnosis of the record.
    pub diagnoses: Vec<DiagnosisSummary>,
    /// What these diagnoses are, in words.
    pub diagnoses_note: &'static str,
    /// What the codes leave open, in words.
    pub notes: Vec<String>,
}

/// The codes of one session.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "EvidenceProcedureCodes")]
pub struct ProcedureCodes {
    /// The day.
    pub performed_on: Date,
    /// What was done.
    pub what: String,
    /// The lines.
    pub lines: Vec<CodeLine>,
}

/// One line.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "EvidenceCodeLine")]
pub struct CodeLine {
    /// The CPT code.
    pub cpt: &'static str,
    /// The joints that it stands for.
    pub joints: Vec<&'static str>,
    /// Units.
    pub units: usize,
    /// Modifiers.
    pub modifiers: Vec<&'static str>,
}

/// One diagnosis.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "EvidenceDiagnosis")]
pub struct DiagnosisSummary {
    /// The ICD-10-CM code.
    pub icd10cm: &'static str,
    /// What it stands for.
    pub label: &'static str,
}

impl From<DiagnosisCode> for DiagnosisSummary {
    fn from(one: DiagnosisCode) -> DiagnosisSummary {
        DiagnosisSummary {
            icd10cm: one.code,
            label: one.label,
        }
    }
}

/// What is missing for one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "EvidenceMissing")]
pub struct Missing {
    /// The targets that it concerns.
    pub targets: Vec<String>,
    /// The sentence.
    pub sentence: String,
}

/// Who recorded a record, and when.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "EvidenceRecord")]
pub struct RecordSummary {
    /// What it is, as `block of 2025-09-08 with 12 scores`.
    pub what: String,
    /// The record's id.
    pub id: Id,
    /// Its version: 1, and one more with every correction.
    pub version: i32,
    /// When it was first recorded.
    pub recorded_at: Instant,
    /// By whom, as the audit trail knows them; null where it does not.
    pub recorded_by: Option<String>,
    /// When it was last corrected, and by whom; null where it never was.
    pub corrected: Option<String>,
}

impl EvidenceDocument {
    /// The document of these records.
    #[must_use]
    pub fn of(records: &EvidenceRecords) -> EvidenceDocument {
        let mut sources = Sources::of(&records.profile);
        let judgements = judgements(records, &mut sources);
        let profile = &records.profile;
        let patient = &records.patient.value;
        let names = [&patient.family_name, &patient.given_name];
        let names: Vec<&str> = names.into_iter().flatten().map(String::as_str).collect();
        EvidenceDocument {
            statements: statements(records, &judgements),
            contested: CONTESTED,
            as_of: Date(records.determined.as_of),
            made_at: utc(records.made_at),
            profile: ProfileSummary {
                id: profile.id.clone(),
                version: profile.version,
                title: profile.title.clone(),
                effective: profile.effective.map(Date),
                source: profile.provenance.source.clone(),
                trust: profile.provenance.trust.label(),
            },
            patient: PatientSummary {
                name: (!names.is_empty()).then(|| names.join(", ")),
                identifiers: patient
                    .identifiers
                    .iter()
                    .map(|one| format!("{} ({})", one.value, one.system))
                    .collect(),
                birth_date: patient.birth_date.map(Date),
                sex: patient.sex.map(crate::domain::patient::Sex::label),
            },
            episode_id: Id(records.episode.id),
            indication: indication(records),
            assessment: records.episode.value.assessment.clone(),
            conservative_care: care(records),
            functional_scores: functional_scores(records),
            blocks: records
                .blocks
                .iter()
                .map(|block| block_summary(records, block))
                .collect(),
            curves: laid_over(records),
            ablations: records
                .ablations
                .iter()
                .map(|ablation| ablation_summary(records, ablation))
                .collect(),
            missing: missing(&judgements),
            judgements,
            sources: sources.listed(),
            codes: codes(records),
            recorded: recorded_by(records),
            records_sha256: records.records_sha256.clone(),
        }
    }
}

/// An instant as the document has it.
pub(super) fn utc(at: DateTime<Utc>) -> Instant {
    Instant(at.fixed_offset())
}
