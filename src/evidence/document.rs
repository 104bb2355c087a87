//! The document: one tree that JSON, page and PDF are made of.

use super::sources::{Sources, criterion_of};
use crate::app::evidence::EvidenceRecords;
use crate::app::{Stored, recorded};
use crate::chart::{self, CurveBlock, FollowUpCurve, PainCurve};
use crate::domain::ablation::Ablation;
use crate::domain::anatomy::{Joint, Side};
use crate::domain::block::Block;
use crate::domain::codes::{
    DiagnosisCode, ProcedureLine, ablation_lines, block_lines, covered_diagnoses,
};
use crate::domain::episode::Radiculopathy;
use crate::domain::pain::{RecordedScore, Tenths};
use crate::domain::qualification::explain::duration_words;
use crate::domain::qualification::{
    Determination, Evidence, NextStep, Rule, RuleExplanation, Status, Verdict,
};
use crate::domain::relief::{BlockRelief, ReliefInterval};
use crate::wire::scalar::{Code, Date, Id, Instant};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

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

fn utc(at: DateTime<Utc>) -> Instant {
    Instant(at.fixed_offset())
}

fn yes_or_no(value: Option<bool>) -> Option<String> {
    value.map(|value| if value { "yes" } else { "no" }.to_owned())
}

fn fact(label: &'static str, value: Option<impl Into<String>>) -> Fact {
    Fact {
        label,
        value: value.map(Into::into),
    }
}

fn indication(records: &EvidenceRecords) -> Vec<Fact> {
    let episode = &records.episode.value;
    let causes: Vec<&str> = episode.causes.iter().map(|cause| cause.label()).collect();
    let fused = episode
        .fused_joints
        .as_ref()
        .map(|fused| match fused.as_slice() {
            [] => "none".to_owned(),
            joints => joint_codes(joints).join(", "),
        });
    vec![
        fact("Region", Some(episode.region.label())),
        fact(
            "Onset of the pain",
            episode.onset_date.map(chart::date_words),
        ),
        fact(
            "May have been caused by",
            (!causes.is_empty()).then(|| causes.join(", ")),
        ),
        fact("Predominantly axial", yes_or_no(episode.axial)),
        fact(
            "Radiculopathy",
            episode.radiculopathy.map(Radiculopathy::label),
        ),
        fact(
            "Other causes ruled out",
            yes_or_no(episode.other_causes_excluded),
        ),
        fact(
            "Worse with extension or rotation",
            yes_or_no(episode.worse_with_extension_or_rotation),
        ),
        fact(
            "Imaging suggests facet degeneration",
            yes_or_no(episode.imaging_suggests_facet),
        ),
        fact("Fused segments", fused),
    ]
}

fn care(records: &EvidenceRecords) -> Vec<CareSummary> {
    let as_of = records.determined.as_of;
    let courses = records.episode.value.conservative_care.iter();
    courses
        .filter(|entry| entry.start.is_none_or(|start| start <= as_of))
        .map(|entry| CareSummary {
            kind: entry.kind.replace('_', " "),
            start: entry.start.map(Date),
            end: entry.end.map(Date),
            outcome: entry
                .outcome
                .map(crate::domain::episode::CareOutcome::label),
        })
        .collect()
}

fn functional_scores(records: &EvidenceRecords) -> Vec<FunctionalScore> {
    let as_of = records.determined.as_of;
    let scores = records.episode.value.disability.iter();
    scores
        .filter(|score| score.taken_on <= as_of)
        .map(|score| FunctionalScore {
            instrument: score.instrument.label(),
            score: format!(
                "{} of {}",
                Tenths(score.score_tenths),
                Tenths(score.maximum_tenths)
            ),
            taken_on: Date(score.taken_on),
        })
        .collect()
}

fn joint_codes(joints: &[Joint]) -> Vec<&'static str> {
    joints.iter().map(|joint| joint.code()).collect()
}

fn scores_of(records: &EvidenceRecords, block: Uuid) -> Vec<RecordedScore> {
    let scores = records.scores.iter();
    scores
        .filter(|score| score.parent == block)
        .map(recorded)
        .collect()
}

fn curve_block(records: &EvidenceRecords, block: &Stored<Block>) -> CurveBlock {
    let criteria = &records.profile.criteria;
    let window = block.value.agent.and_then(|agent| criteria.window(agent));
    CurveBlock::read_with(
        &block.value,
        &scores_of(records, block.id),
        criteria.relief,
        records.determined.as_of,
        criteria.baseline_max_age,
    )
    .expecting(window)
}

fn curve(id: String, blocks: Vec<CurveBlock>) -> Curve {
    let curve = PainCurve { id, blocks };
    Curve {
        words: chart::pain_curve_words(&curve),
        svg: chart::pain_curve(&curve),
    }
}

/// The newest two diagnostic blocks over each other, where there are two with scores.
fn laid_over(records: &EvidenceRecords) -> Option<Curve> {
    let diagnostic = records.blocks.iter();
    let mut blocks: Vec<CurveBlock> = diagnostic
        .filter(|block| block.value.is_diagnostic_mbb())
        .map(|block| curve_block(records, block))
        .filter(|block| !block.is_empty())
        .collect();
    let newest = blocks.split_off(blocks.len().saturating_sub(2));
    (newest.len() == 2).then(|| curve("curves".to_owned(), newest))
}

fn is_counted(records: &EvidenceRecords, block: &Stored<Block>) -> bool {
    let demanded = usize::from(records.profile.criteria.blocks);
    block.value.targets().any(|target| {
        let mut of_target = records
            .blocks
            .iter()
            .rev()
            .filter(|other| other.value.is_diagnostic_mbb() && other.value.covers(target));
        of_target
            .by_ref()
            .take(demanded)
            .any(|other| other.id == block.id)
    })
}

fn block_summary(records: &EvidenceRecords, stored: &Stored<Block>) -> BlockSummary {
    let block = &stored.value;
    let concentration = block
        .concentration_thousandths
        .map(|thousandths| format!(" {} %", thousandths_words(thousandths)))
        .unwrap_or_default();
    let volume = block
        .volume_microlitres_per_nerve
        .map(|microlitres| format!(", {} mL per nerve", thousandths_words(microlitres)))
        .unwrap_or_default();
    let agent = block
        .agent
        .map(|agent| format!("{agent}{concentration}{volume}"));
    let nerves: Vec<&'static str> = block
        .nerves()
        .into_iter()
        .map(|nerve| nerve.code())
        .collect();
    BlockSummary {
        id: Id(stored.id),
        performed_at: Instant(block.performed_at),
        performed_on: Date(block.local_date()),
        what: format!("{} {}", block.kind, block.technique),
        counted: is_counted(records, stored),
        joints: joint_codes(&block.joints),
        side: block.side.label(),
        facts: vec![
            fact(
                "Joints",
                Some(format!(
                    "{} {}",
                    block.side,
                    joint_codes(&block.joints).join(", ")
                )),
            ),
            fact("Nerves", Some(nerves.join(", "))),
            fact("Agent", agent),
            fact("Corticosteroid", yes_or_no(block.steroid)),
            fact(
                "Guidance",
                block.guidance.map(crate::domain::block::Guidance::label),
            ),
            fact(
                "Sedation",
                block.sedation.map(crate::domain::block::Sedation::label),
            ),
            fact("Operator", block.operator.clone()),
        ],
        nerves,
        relief: side_reliefs(records, stored),
        curve: curve(
            format!("curve-{}", stored.id.simple()),
            vec![curve_block(records, stored)],
        ),
    }
}

/// A number of thousandths without trailing zeros.
fn thousandths_words(thousandths: i32) -> String {
    let decimals = format!("{:03}", thousandths % 1000);
    let decimals = decimals.trim_end_matches('0');
    if decimals.is_empty() {
        format!("{}", thousandths / 1000)
    } else {
        format!("{}.{decimals}", thousandths / 1000)
    }
}

fn side_reliefs(records: &EvidenceRecords, stored: &Stored<Block>) -> Vec<SideRelief> {
    let scores = scores_of(records, stored.id);
    let threshold = records.profile.criteria.relief;
    let reliefs = BlockRelief::of(
        &stored.value,
        &scores,
        records.determined.as_of,
        &[threshold],
    );
    let stated_duration = stored.value.stated_relief_minutes;
    let stated_duration =
        stated_duration.map(|minutes| duration_words(TimeDelta::minutes(minutes.into())));
    reliefs
        .into_iter()
        .map(|relief| SideRelief {
            side: Code(relief.side),
            threshold_percent: threshold.percent(),
            baseline: relief.baseline.map(|baseline| baseline.to_string()),
            best: relief
                .best_floor_tenths
                .map(|tenths| format!("{} %", Tenths(tenths))),
            duration: duration(&relief),
            min_minutes: relief.interval.map(|interval| interval.min.num_minutes()),
            max_minutes: relief
                .interval
                .and_then(|interval| interval.max)
                .map(|max| max.num_minutes()),
            largest_gap_minutes: relief
                .interval
                .map(|interval| interval.largest_gap.num_minutes()),
            stated: relief.stated.map(|stated| stated.to_string()),
            stated_duration: stated_duration.clone(),
            cut_by_analgesic: relief.cut_by_analgesic,
        })
        .collect()
}

fn duration(relief: &BlockRelief) -> String {
    match (relief.interval, relief.response) {
        (Some(ReliefInterval { min, max, .. }), _) => match max {
            Some(max) => format!("{} to {}", duration_words(min), duration_words(max)),
            None => format!("at least {}, end not recorded", duration_words(min)),
        },
        (None, Some(_)) => "not reached".to_owned(),
        (None, None) => "data is missing".to_owned(),
    }
}

fn ablation_summary(records: &EvidenceRecords, stored: &Stored<Ablation>) -> AblationSummary {
    let ablation = &stored.value;
    let own = records.follow_ups.iter();
    let own = own.filter(|one| one.parent == stored.id);
    let curve = FollowUpCurve::of(
        format!("follow-up-{}", stored.id.simple()),
        ablation,
        own.map(|one| &one.value),
        records.determined.as_of,
    );
    AblationSummary {
        id: Id(stored.id),
        performed_on: Date(ablation.performed_on),
        joints: joint_codes(&ablation.joints),
        side: ablation.side.label(),
        facts: vec![
            fact(
                "Joints",
                Some(format!(
                    "{} {}",
                    ablation.side,
                    joint_codes(&ablation.joints).join(", ")
                )),
            ),
            fact(
                "Technique",
                ablation
                    .technique
                    .map(crate::domain::ablation::AblationTechnique::label),
            ),
            fact(
                "Score before",
                ablation.pre_score.map(|score| score.to_string()),
            ),
            fact("Operator", ablation.operator.clone()),
        ],
        curve: Curve {
            words: chart::follow_up_curve_words(&curve),
            svg: chart::follow_up_curve(&curve),
        },
    }
}

fn judgements(records: &EvidenceRecords, sources: &mut Sources) -> Vec<Judgement> {
    let mut judgements: Vec<Judgement> = Vec::new();
    for (determination, explanations) in records.determined.explained() {
        let one = judgement(records, &determination, &explanations, sources);
        let same = judgements.iter_mut().find(|other| {
            other.verdict.0 == one.verdict.0
                && other.next_step.0 == one.next_step.0
                && other.earliest == one.earliest
                && other.changes_on == one.changes_on
                && other.rules == one.rules
        });
        match same {
            Some(other) => other.targets.extend(one.targets),
            None => judgements.push(one),
        }
    }
    judgements
}

fn judgement(
    records: &EvidenceRecords,
    determination: &Determination<'_>,
    explanations: &[RuleExplanation],
    sources: &mut Sources,
) -> Judgement {
    Judgement {
        targets: vec![determination.target.to_string()],
        verdict: Code(determination.verdict),
        verdict_words: verdict_words(determination.verdict, &records.profile.title),
        next_step: Code(determination.next_step),
        earliest: determination.earliest.map(Date),
        changes_on: determination.changes_on.map(Date),
        rules: explanations
            .iter()
            .map(|explained| RuleSummary {
                rule: Code(explained.rule),
                label: explained.rule.label(),
                status: Code(explained.status),
                status_words: match explained.status {
                    Status::Met => "met",
                    Status::Unmet => "not met",
                    Status::Unknown => "data is missing",
                },
                required: explained.rule.required(),
                observed: explained.observed.clone(),
                demanded: explained.demanded.clone(),
                sentence: explained.detail.clone(),
                records: record_names(records, &explained.evidence),
                source: sources.number(criterion_of(explained.rule)),
            })
            .collect(),
    }
}

fn verdict_words(verdict: Verdict, title: &str) -> String {
    match verdict {
        Verdict::Meets => format!("meets {title}"),
        Verdict::NeedsReview => {
            format!("meets {title}; an advisory rule is not met and is to be reviewed")
        }
        Verdict::DoesNotMeet => format!("does not meet {title}"),
        Verdict::InsufficientData => format!("data is missing to judge by {title}"),
    }
}

fn statements(records: &EvidenceRecords, judgements: &[Judgement]) -> Vec<String> {
    if judgements.is_empty() {
        return vec![format!(
            "No block or ablation is recorded that {} judges.",
            records.profile.title
        )];
    }
    judgements
        .iter()
        .map(|one| {
            let targets = one.targets.join(" and ");
            let mut letters = targets.chars();
            let first = letters.next().map(|first| first.to_uppercase().to_string());
            format!(
                "{}{}: {}.",
                first.unwrap_or_default(),
                letters.as_str(),
                one.verdict_words
            )
        })
        .collect()
}

/// The records by name, each once, in the order in which the rule names them.
fn record_names(records: &EvidenceRecords, evidence: &[Evidence]) -> Vec<String> {
    let on = |what: &str, date: NaiveDate| format!("{what} of {}", chart::date_words(date));
    let mut names: Vec<String> = Vec::new();
    for one in evidence {
        let name = match one {
            Evidence::Block(id) => records
                .blocks
                .iter()
                .find(|block| block.id == id.0)
                .map(|block| on("block", block.value.local_date())),
            Evidence::Score(id) => records
                .scores
                .iter()
                .find(|score| score.id == id.0)
                .map(|score| on("scores", score.value.local_date())),
            Evidence::Ablation(id) => records
                .ablations
                .iter()
                .find(|ablation| ablation.id == id.0)
                .map(|ablation| on("ablation", ablation.value.performed_on)),
            Evidence::FollowUp(id) => records
                .follow_ups
                .iter()
                .find(|follow_up| follow_up.id == id.0)
                .map(|follow_up| on("follow-up", follow_up.value.taken_on)),
            Evidence::Care(_) => Some("conservative care".to_owned()),
            Evidence::Disability(place) => {
                let scores = &records.episode.value.disability;
                scores
                    .get(*place)
                    .map(|score| on(score.instrument.label(), score.taken_on))
            }
            Evidence::Episode(_) => Some("episode".to_owned()),
        };
        names.extend(name.filter(|name| !names.contains(name)));
    }
    names
}

fn missing(judgements: &[Judgement]) -> Vec<Missing> {
    let mut missing: Vec<Missing> = Vec::new();
    for judgement in judgements {
        for rule in &judgement.rules {
            if rule.status.0 != Status::Unknown {
                continue;
            }
            match missing
                .iter_mut()
                .find(|other| other.sentence == rule.sentence)
            {
                Some(same) => same.targets.extend(judgement.targets.iter().cloned()),
                None => missing.push(Missing {
                    targets: judgement.targets.clone(),
                    sentence: rule.sentence.clone(),
                }),
            }
        }
    }
    missing
}

fn codes(records: &EvidenceRecords) -> Codes {
    let kx = records.profile.kx_modifier;
    let blocks = records.blocks.iter().map(|block| ProcedureCodes {
        performed_on: Date(block.value.local_date()),
        what: format!("{} {}", block.value.kind, block.value.technique),
        lines: code_lines(block_lines(&block.value, kx)),
    });
    let ablations = records.ablations.iter().map(|ablation| ProcedureCodes {
        performed_on: Date(ablation.value.performed_on),
        what: "radiofrequency ablation".to_owned(),
        lines: code_lines(ablation_lines(&ablation.value)),
    });
    let treated: Vec<Joint> = records
        .blocks
        .iter()
        .flat_map(|block| block.value.joints.iter().copied())
        .chain(
            records
                .ablations
                .iter()
                .flat_map(|one| one.value.joints.iter().copied()),
        )
        .collect();
    let cyst = records.episode.value.radiculopathy == Some(Radiculopathy::FacetCyst);
    let mut notes = Vec::new();
    let guided = |block: &Stored<Block>| {
        use crate::domain::block::Guidance;
        matches!(
            block.value.guidance,
            Some(Guidance::Fluoroscopy | Guidance::Ct)
        )
    };
    if !records.blocks.iter().all(guided) {
        notes.push("The CPT codes of a block stand for one under fluoroscopy or CT; another guidance, or none, is recorded for at least one block.".to_owned());
    }
    if cyst {
        notes
            .push("M53.8 is covered for a block for a facet cyst, not for an ablation.".to_owned());
    }
    let diagnosis = records.episode.value.diagnosis;
    Codes {
        procedures: blocks.chain(ablations).collect(),
        diagnosis: diagnosis.map(DiagnosisSummary::from),
        diagnoses: covered_diagnoses(&treated, cyst)
            .into_iter()
            .map(DiagnosisSummary::from)
            .collect(),
        diagnoses_note: if diagnosis.is_some() {
            "Covered by Medicare for this region, beside the diagnosis of the record."
        } else {
            "Covered by Medicare for this region; the records hold no coded diagnosis."
        },
        notes,
    }
}

fn code_lines(lines: Vec<ProcedureLine>) -> Vec<CodeLine> {
    lines
        .into_iter()
        .map(|line| CodeLine {
            cpt: line.code,
            joints: joint_codes(&line.joints),
            units: line.units,
            modifiers: line.modifiers,
        })
        .collect()
}

fn recorded_by(records: &EvidenceRecords) -> Vec<RecordSummary> {
    let mut list = vec![
        record_summary(records, &records.patient, "patient".to_owned()),
        record_summary(records, &records.episode, "episode".to_owned()),
    ];
    for block in &records.blocks {
        let own = records
            .scores
            .iter()
            .filter(|score| score.parent == block.id);
        let scores: Vec<_> = own.collect();
        let late = scores
            .iter()
            .filter(|score| score.value.is_retrospective(score.recorded_at))
            .count();
        let late = match late {
            0 => String::new(),
            late => format!(", {late} of them recorded more than a day after they were taken"),
        };
        let date = chart::date_words(block.value.local_date());
        let what = format!("block of {date} with {} scores{late}", scores.len());
        list.push(record_summary(records, block, what));
    }
    for ablation in &records.ablations {
        let own = records.follow_ups.iter();
        let follow_ups = own.filter(|one| one.parent == ablation.id).count();
        let date = chart::date_words(ablation.value.performed_on);
        let what = format!("ablation of {date} with {follow_ups} follow-ups");
        list.push(record_summary(records, ablation, what));
    }
    list
}

fn record_summary<T>(records: &EvidenceRecords, stored: &Stored<T>, what: String) -> RecordSummary {
    let own = || {
        let changes = records.changes.iter();
        changes.filter(|change| change.resource_id == Some(stored.id))
    };
    let first = own().find(|change| change.action.starts_with("write"));
    let corrected = own().rfind(|change| change.action.starts_with("correct"));
    RecordSummary {
        what,
        id: Id(stored.id),
        version: stored.version,
        recorded_at: utc(stored.recorded_at),
        recorded_by: first.map(|change| format!("{} ({})", change.principal, change.role)),
        corrected: corrected.map(|change| {
            let date = chart::date_words(change.at.date_naive());
            format!("{date} by {} ({})", change.principal, change.role)
        }),
    }
}
