//! The pain being investigated: why a block is considered at all.

use super::anatomy::{Joint, Region};
use super::codes::DiagnosisCode;
use super::vocabulary::vocabulary;
use chrono::NaiveDate;

/// One pain being investigated, with what the record must hold before a block (handbook, section 1).
/// `None` always means "not recorded", never "no".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Episode {
    /// Where it hurts.
    pub region: Region,
    /// The coded diagnosis; it fits the region.
    pub diagnosis: Option<DiagnosisCode>,
    /// The day the pain began.
    pub onset_date: Option<NaiveDate>,
    /// What may have caused it.
    pub causes: Vec<Cause>,
    /// Whether the pain is predominantly axial.
    pub axial: Option<bool>,
    /// Nerve root pain.
    pub radiculopathy: Option<Radiculopathy>,
    /// Whether disc herniation, nerve compression and other causes were ruled out.
    pub other_causes_excluded: Option<bool>,
    /// Whether it is worse with extension or rotation.
    pub worse_with_extension_or_rotation: Option<bool>,
    /// Whether imaging suggests facet degeneration.
    pub imaging_suggests_facet: Option<bool>,
    /// The joints whose segments are fused; an empty list says that none is.
    pub fused_joints: Option<Vec<Joint>>,
    /// Conservative care tried.
    pub conservative_care: Vec<CareEntry>,
    /// Disability scores.
    pub disability: Vec<DisabilityScore>,
    /// History, physical examination and imaging in free text.
    pub assessment: Option<String>,
}

vocabulary! {
    /// What may have caused the pain.
    Cause {
        /// Arthritis or age-related degeneration.
        Degeneration = "degeneration", "arthritis or age-related degeneration";
        /// An earlier spinal injury.
        Injury = "injury", "earlier spinal injury";
        /// Repetitive strain or posture.
        Strain = "strain", "repetitive strain or posture";
        /// Whiplash or trauma.
        Whiplash = "whiplash", "whiplash or trauma";
        /// Change after surgery.
        PostSurgical = "post_surgical", "post-surgical change";
        /// Something else.
        Other = "other", "other";
    }
}

vocabulary! {
    /// Nerve root pain.
    Radiculopathy {
        /// None.
        None = "none", "none";
        /// Present once and treated.
        Treated = "treated", "treated";
        /// Present and untreated: rules a block out.
        Untreated = "untreated", "untreated";
        /// Caused by a facet cyst: no obstacle.
        FacetCyst = "facet_cyst", "from a facet cyst";
    }
}

/// One course of conservative care. Both days are included; an open entry runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CareEntry {
    /// What was tried, as a short code such as `physical_therapy` or `medication`.
    pub kind: String,
    /// The first day.
    pub start: Option<NaiveDate>,
    /// The last day; `None` while it goes on.
    pub end: Option<NaiveDate>,
    /// How it went.
    pub outcome: Option<CareOutcome>,
}

vocabulary! {
    /// How a course of conservative care went. Only `failed` days count; `contraindicated` stands for all of them.
    CareOutcome {
        /// It did not help enough.
        Failed = "failed", "failed";
        /// It may not be given.
        Contraindicated = "contraindicated", "contraindicated";
        /// It helped in part.
        Partial = "partial", "helped in part";
        /// It helped.
        Improved = "improved", "improved";
        /// It made the pain go away.
        Resolved = "resolved", "resolved";
        /// It goes on.
        Ongoing = "ongoing", "ongoing";
        /// It was broken off for another reason.
        Stopped = "stopped", "stopped";
        /// Nobody knows.
        Unknown = "unknown", "unknown";
    }
}

/// One disability score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisabilityScore {
    /// The instrument.
    pub instrument: Instrument,
    /// The raw score, in tenths.
    pub score_tenths: i32,
    /// The highest possible raw score, in tenths: NDI is used raw to 50 and in percent.
    pub maximum_tenths: i32,
    /// The day it was taken.
    pub taken_on: NaiveDate,
}

vocabulary! {
    /// A questionnaire for function (handbook, section 3).
    Instrument {
        /// Oswestry Disability Index (LOINC 97908-8).
        Odi = "odi", "ODI";
        /// Neck Disability Index (LOINC 82237-9).
        Ndi = "ndi", "NDI";
        /// Roland-Morris Disability Questionnaire, 0 to 24.
        Rmdq = "rmdq", "RMDQ";
        /// Pain Disability Index, 0 to 70.
        Pdi = "pdi", "PDI";
        /// PROMIS physical function, T-score (LOINC 76804-4).
        PromisPf = "promis_pf", "PROMIS physical function";
        /// PROMIS pain interference, T-score (LOINC 77865-4).
        PromisPi = "promis_pi", "PROMIS pain interference";
    }
}

impl Episode {
    /// This episode with what `sent` says put over it: what `sent` leaves unrecorded, and its empty lists, change nothing.
    ///
    /// A record system that sends the episode with every block knows at times less than what is stored already.
    #[must_use]
    pub fn brought_up_to_date(&self, sent: &Episode) -> Episode {
        fn newer<T: Clone>(sent: &Option<T>, stored: &Option<T>) -> Option<T> {
            sent.clone().or_else(|| stored.clone())
        }
        fn fuller<T: Clone>(sent: &[T], stored: &[T]) -> Vec<T> {
            if sent.is_empty() {
                stored.to_vec()
            } else {
                sent.to_vec()
            }
        }
        Episode {
            region: self.region,
            diagnosis: newer(&sent.diagnosis, &self.diagnosis),
            onset_date: newer(&sent.onset_date, &self.onset_date),
            causes: fuller(&sent.causes, &self.causes),
            axial: newer(&sent.axial, &self.axial),
            radiculopathy: newer(&sent.radiculopathy, &self.radiculopathy),
            other_causes_excluded: newer(&sent.other_causes_excluded, &self.other_causes_excluded),
            worse_with_extension_or_rotation: newer(
                &sent.worse_with_extension_or_rotation,
                &self.worse_with_extension_or_rotation,
            ),
            imaging_suggests_facet: newer(
                &sent.imaging_suggests_facet,
                &self.imaging_suggests_facet,
            ),
            fused_joints: newer(&sent.fused_joints, &self.fused_joints),
            conservative_care: fuller(&sent.conservative_care, &self.conservative_care),
            disability: fuller(&sent.disability, &self.disability),
            assessment: newer(&sent.assessment, &self.assessment),
        }
    }

    /// Whether `sent` can be about the same pain: the same region, and no other day of onset.
    #[must_use]
    pub fn may_be(&self, sent: &Episode) -> bool {
        let onsets = self.onset_date.zip(sent.onset_date);
        self.region == sent.region && onsets.is_none_or(|(stored, sent)| stored == sent)
    }
}
