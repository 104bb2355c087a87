//! Episodes.

use super::errors::FieldError;
use super::errors::FieldErrors;
use super::scalar::{Code, Date, Decimal, Id, Terms, Text};
use crate::domain::anatomy::{Joint, Region};
use crate::domain::codes::DiagnosisCode;
use crate::domain::episode::{
    CareEntry, CareOutcome, Cause, DisabilityScore, Episode, Instrument, Radiculopathy,
};
use chrono::NaiveDate;
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;

/// An episode as sent. Leaving a field out, or sending null, says "not recorded".
#[derive(Debug, Clone, Deserr, JsonSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
pub struct EpisodeBody {
    /// The patient; required where an episode is sent on its own, else it belongs to the patient it is sent with.
    #[deserr(default)]
    pub patient_id: Option<Id>,
    /// Where it hurts.
    pub region: Code<Region>,
    /// The diagnosis in ICD-10-CM; it fits the region.
    #[deserr(default)]
    pub diagnosis: Option<Code<DiagnosisCode>>,
    /// The day the pain began.
    #[deserr(default)]
    pub onset_date: Option<Date>,
    /// What may have caused it.
    #[deserr(default)]
    pub causes: Option<Vec<Code<Cause>>>,
    /// Whether the pain is predominantly axial.
    #[deserr(default)]
    pub axial: Option<bool>,
    /// Nerve root pain.
    #[deserr(default)]
    pub radiculopathy: Option<Code<Radiculopathy>>,
    /// Whether other causes were ruled out.
    #[deserr(default)]
    pub other_causes_excluded: Option<bool>,
    /// Whether it is worse with extension or rotation.
    #[deserr(default)]
    pub worse_with_extension_or_rotation: Option<bool>,
    /// Whether imaging suggests facet degeneration.
    #[deserr(default)]
    pub imaging_suggests_facet: Option<bool>,
    /// The joints whose segments are fused; an empty list says that none is.
    #[deserr(default)]
    pub fused_joints: Option<Terms<Joint, 0>>,
    /// Conservative care that was tried.
    #[deserr(default)]
    #[schemars(length(max = 200))]
    pub conservative_care: Option<Vec<CareBody>>,
    /// Disability scores.
    #[deserr(default)]
    #[schemars(length(max = 200))]
    pub disability: Option<Vec<DisabilityBody>>,
    /// History, physical examination and imaging in free text.
    #[deserr(default)]
    pub assessment: Option<Text<10000>>,
}

/// One course of conservative care. Both days are included; without an end it goes on.
#[derive(Debug, Clone, Deserr, JsonSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, validate = care_in_order -> FieldErrors)]
pub struct CareBody {
    /// What was tried, as a short code such as `physical_therapy` or `medication`.
    pub kind: Text<64>,
    /// The first day.
    #[deserr(default)]
    pub start: Option<Date>,
    /// The last day.
    #[deserr(default)]
    pub end: Option<Date>,
    /// How it went.
    #[deserr(default)]
    pub outcome: Option<Code<CareOutcome>>,
}

fn care_in_order(
    body: CareBody,
    location: deserr::ValuePointerRef,
) -> Result<CareBody, FieldErrors> {
    let backwards = body
        .start
        .zip(body.end)
        .is_some_and(|(start, end)| end < start);
    if backwards {
        let detail = "The end lies before the start.";
        return Err(FieldErrors::at(
            location.push_key("end"),
            "before_start",
            detail,
        ));
    }
    Ok(body)
}

/// One disability score.
#[derive(Debug, Clone, Deserr, JsonSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, validate = disability_in_range -> FieldErrors)]
pub struct DisabilityBody {
    /// The instrument.
    pub instrument: Code<Instrument>,
    /// The raw score.
    pub score: Decimal<1>,
    /// The highest possible raw score.
    pub maximum: Decimal<1>,
    /// The day it was taken.
    pub taken_on: Date,
}

fn disability_in_range(
    body: DisabilityBody,
    location: deserr::ValuePointerRef,
) -> Result<DisabilityBody, FieldErrors> {
    if !(1..=10_000).contains(&body.maximum.0) {
        let detail = "Expected the instrument's highest score, above 0 and at most 1000.";
        return Err(FieldErrors::at(
            location.push_key("maximum"),
            "out_of_range",
            detail,
        ));
    }
    if !(0..=body.maximum.0).contains(&body.score.0) {
        let detail = "Expected a score from 0 to the maximum.";
        return Err(FieldErrors::at(
            location.push_key("score"),
            "out_of_range",
            detail,
        ));
    }
    Ok(body)
}

impl DisabilityBody {
    /// As the domain knows it.
    #[must_use]
    pub fn into_domain(self) -> DisabilityScore {
        let decimal = |number: i64| i32::try_from(number).unwrap_or(i32::MAX);
        DisabilityScore {
            instrument: self.instrument.0,
            score_tenths: decimal(self.score.0),
            maximum_tenths: decimal(self.maximum.0),
            taken_on: self.taken_on.0,
        }
    }
}

impl EpisodeBody {
    /// What is wrong across fields; pointers begin with `at`.
    pub fn check(&self, at: &str, today: NaiveDate, errors: &mut Vec<FieldError>) {
        if self.patient_id.is_some() && !at.is_empty() {
            let detail = "Here the episode belongs to the patient that it is sent with.";
            let pointer = format!("{at}/patient_id");
            errors.push(FieldError::new(pointer, "not_here", detail));
        }
        let region = self.region.0;
        if self
            .diagnosis
            .is_some_and(|diagnosis| !diagnosis.0.fits(region))
        {
            errors.push(FieldError::new(
                format!("{at}/diagnosis"),
                "out_of_region",
                format!("This is no diagnosis of {region} pain."),
            ));
        }
        if self.onset_date.is_some_and(|date| date.0 > today) {
            errors.push(FieldError::new(
                format!("{at}/onset_date"),
                "in_future",
                "The onset lies in the future.",
            ));
        }
        let care = self.conservative_care.iter().flatten().enumerate();
        for (place, _) in care.filter(|(_, entry)| entry.start.is_some_and(|start| start.0 > today))
        {
            let pointer = format!("{at}/conservative_care/{place}/start");
            errors.push(FieldError::new(
                pointer,
                "in_future",
                "The care has not begun yet.",
            ));
        }
        let disability = self.disability.iter().flatten().enumerate();
        for (place, _) in disability.filter(|(_, score)| score.taken_on.0 > today) {
            let pointer = format!("{at}/disability/{place}/taken_on");
            errors.push(FieldError::new(
                pointer,
                "in_future",
                "The score lies in the future.",
            ));
        }
        let lists = [
            (
                "conservative_care",
                self.conservative_care.as_ref().map(Vec::len),
            ),
            ("disability", self.disability.as_ref().map(Vec::len)),
        ];
        for (field, _) in lists
            .into_iter()
            .filter(|(_, length)| length.is_some_and(|length| length > 200))
        {
            errors.push(FieldError::new(
                format!("{at}/{field}"),
                "too_many",
                "Expected at most 200 entries.",
            ));
        }
    }

    /// As the domain knows it.
    #[must_use]
    pub fn into_domain(self) -> Episode {
        let mut causes: Vec<Cause> = self
            .causes
            .unwrap_or_default()
            .into_iter()
            .map(|code| code.0)
            .collect();
        causes.sort_unstable();
        causes.dedup();
        let care = |entry: CareBody| CareEntry {
            kind: entry.kind.0,
            start: entry.start.map(|date| date.0),
            end: entry.end.map(|date| date.0),
            outcome: entry.outcome.map(|code| code.0),
        };
        Episode {
            region: self.region.0,
            diagnosis: self.diagnosis.map(|code| code.0),
            onset_date: self.onset_date.map(|date| date.0),
            causes,
            axial: self.axial,
            radiculopathy: self.radiculopathy.map(|code| code.0),
            other_causes_excluded: self.other_causes_excluded,
            worse_with_extension_or_rotation: self.worse_with_extension_or_rotation,
            imaging_suggests_facet: self.imaging_suggests_facet,
            fused_joints: self.fused_joints.map(|joints| joints.0),
            conservative_care: self
                .conservative_care
                .unwrap_or_default()
                .into_iter()
                .map(care)
                .collect(),
            disability: self
                .disability
                .unwrap_or_default()
                .into_iter()
                .map(DisabilityBody::into_domain)
                .collect(),
            assessment: self.assessment.map(|text| text.0),
        }
    }
}

/// An episode as answered. Null says "not recorded".
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct EpisodeFields {
    /// Where it hurts.
    pub region: Code<Region>,
    /// The diagnosis in ICD-10-CM.
    pub diagnosis: Option<Code<DiagnosisCode>>,
    /// The day the pain began.
    pub onset_date: Option<Date>,
    /// What may have caused it.
    pub causes: Vec<Code<Cause>>,
    /// Whether the pain is predominantly axial.
    pub axial: Option<bool>,
    /// Nerve root pain.
    pub radiculopathy: Option<Code<Radiculopathy>>,
    /// Whether other causes were ruled out.
    pub other_causes_excluded: Option<bool>,
    /// Whether it is worse with extension or rotation.
    pub worse_with_extension_or_rotation: Option<bool>,
    /// Whether imaging suggests facet degeneration.
    pub imaging_suggests_facet: Option<bool>,
    /// The joints whose segments are fused.
    pub fused_joints: Option<Vec<Code<Joint>>>,
    /// Conservative care that was tried.
    pub conservative_care: Vec<CareFields>,
    /// Disability scores.
    pub disability: Vec<DisabilityFields>,
    /// History, physical examination and imaging in free text.
    pub assessment: Option<String>,
}

/// One course of conservative care as answered.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CareFields {
    /// What was tried.
    pub kind: String,
    /// The first day.
    pub start: Option<Date>,
    /// The last day.
    pub end: Option<Date>,
    /// How it went.
    pub outcome: Option<Code<CareOutcome>>,
}

/// One disability score as answered.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DisabilityFields {
    /// The instrument.
    pub instrument: Code<Instrument>,
    /// The raw score.
    pub score: Decimal<1>,
    /// The highest possible raw score.
    pub maximum: Decimal<1>,
    /// The day it was taken.
    pub taken_on: Date,
}

impl From<&Episode> for EpisodeFields {
    fn from(episode: &Episode) -> EpisodeFields {
        let care = |entry: &CareEntry| CareFields {
            kind: entry.kind.clone(),
            start: entry.start.map(Date),
            end: entry.end.map(Date),
            outcome: entry.outcome.map(Code),
        };
        let disability = |score: &DisabilityScore| DisabilityFields {
            instrument: Code(score.instrument),
            score: Decimal(i64::from(score.score_tenths)),
            maximum: Decimal(i64::from(score.maximum_tenths)),
            taken_on: Date(score.taken_on),
        };
        EpisodeFields {
            region: Code(episode.region),
            diagnosis: episode.diagnosis.map(Code),
            onset_date: episode.onset_date.map(Date),
            causes: episode.causes.iter().copied().map(Code).collect(),
            axial: episode.axial,
            radiculopathy: episode.radiculopathy.map(Code),
            other_causes_excluded: episode.other_causes_excluded,
            worse_with_extension_or_rotation: episode.worse_with_extension_or_rotation,
            imaging_suggests_facet: episode.imaging_suggests_facet,
            fused_joints: episode
                .fused_joints
                .as_ref()
                .map(|joints| joints.iter().copied().map(Code).collect()),
            conservative_care: episode.conservative_care.iter().map(care).collect(),
            disability: episode.disability.iter().map(disability).collect(),
            assessment: episode.assessment.clone(),
        }
    }
}
