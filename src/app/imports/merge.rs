//! What is stored and what a file says, laid side by side: filled in where the store is silent, refused where they differ.

use crate::domain::ablation::{Ablation, FollowUp};
use crate::domain::block::Block;
use crate::domain::episode::{CareEntry, DisabilityScore, Episode};
use crate::domain::pain::ScoreRow;
use crate::domain::patient::Patient;
use crate::wire::errors::FieldError;
use std::collections::BTreeSet;

/// Collects what differs, field by field, below one pointer.
pub(super) struct Differences<'e> {
    at: String,
    found: &'e mut Vec<FieldError>,
}

impl<'e> Differences<'e> {
    pub(super) fn below(at: impl Into<String>, found: &'e mut Vec<FieldError>) -> Self {
        Differences {
            at: at.into(),
            found,
        }
    }

    fn note(&mut self, field: &str) {
        let detail = "What is recorded already says otherwise; nothing was overwritten.";
        let pointer = format!("{}/{field}", self.at);
        self.found.push(FieldError::new(pointer, "differs", detail));
    }

    /// A fact: `stored`, or `sent` where nothing is stored.
    fn fill<T: Clone + PartialEq>(
        &mut self,
        field: &str,
        stored: &Option<T>,
        sent: &Option<T>,
    ) -> Option<T> {
        if stored.is_some() && sent.is_some() && stored != sent {
            self.note(field);
        }
        stored.clone().or_else(|| sent.clone())
    }

    /// A field of something that happened: what is sent must be what is stored, and leaving it out says nothing.
    fn same<T: PartialEq>(&mut self, field: &str, stored: &Option<T>, sent: &Option<T>) {
        if sent.is_some() && stored != sent {
            self.note(field);
        }
    }
}

/// `stored` with what only `sent` knows.
pub(super) fn patient(stored: &Patient, sent: &Patient, found: &mut Vec<FieldError>) -> Patient {
    let mut differences = Differences::below("/patient", found);
    let mut identifiers = stored.identifiers.clone();
    let others = sent.identifiers.iter();
    identifiers.extend(
        others
            .filter(|one| !stored.identifiers.contains(one))
            .cloned(),
    );
    Patient {
        identifiers,
        family_name: name(
            &mut differences,
            "family_name",
            &stored.family_name,
            &sent.family_name,
        ),
        given_name: name(
            &mut differences,
            "given_name",
            &stored.given_name,
            &sent.given_name,
        ),
        birth_date: differences.fill("birth_date", &stored.birth_date, &sent.birth_date),
        sex: differences.fill("sex", &stored.sex, &sent.sex),
    }
}

/// A name in capitals is the same name.
fn name(
    differences: &mut Differences<'_>,
    field: &str,
    stored: &Option<String>,
    sent: &Option<String>,
) -> Option<String> {
    let same = stored
        .as_ref()
        .zip(sent.as_ref())
        .is_some_and(|(stored, sent)| stored.to_lowercase() == sent.to_lowercase());
    if same {
        return stored.clone();
    }
    differences.fill(field, stored, sent)
}

/// `stored` with what only `sent` knows; the regions are the same.
pub(super) fn episode(stored: &Episode, sent: &Episode, found: &mut Vec<FieldError>) -> Episode {
    let mut differences = Differences::below("/episode", found);
    let mut causes = stored.causes.clone();
    causes.extend(&sent.causes);
    causes.sort_unstable();
    causes.dedup();
    let joints = |joints: &Option<Vec<_>>| {
        joints
            .as_ref()
            .map(|joints| joints.iter().copied().collect::<BTreeSet<_>>())
    };
    let fused = joints(&sent.fused_joints);
    if fused.is_some() && stored.fused_joints.is_some() && fused != joints(&stored.fused_joints) {
        differences.note("fused_joints");
    }
    let fused_joints = stored
        .fused_joints
        .clone()
        .or_else(|| sent.fused_joints.clone());
    Episode {
        region: stored.region,
        diagnosis: differences.fill("diagnosis", &stored.diagnosis, &sent.diagnosis),
        onset_date: differences.fill("onset_date", &stored.onset_date, &sent.onset_date),
        causes,
        axial: differences.fill("axial", &stored.axial, &sent.axial),
        radiculopathy: differences.fill(
            "radiculopathy",
            &stored.radiculopathy,
            &sent.radiculopathy,
        ),
        other_causes_excluded: differences.fill(
            "other_causes_excluded",
            &stored.other_causes_excluded,
            &sent.other_causes_excluded,
        ),
        worse_with_extension_or_rotation: differences.fill(
            "worse_with_extension_or_rotation",
            &stored.worse_with_extension_or_rotation,
            &sent.worse_with_extension_or_rotation,
        ),
        imaging_suggests_facet: differences.fill(
            "imaging_suggests_facet",
            &stored.imaging_suggests_facet,
            &sent.imaging_suggests_facet,
        ),
        fused_joints,
        conservative_care: care(
            &stored.conservative_care,
            &sent.conservative_care,
            &mut differences,
        ),
        disability: disability(&stored.disability, &sent.disability, &mut differences),
        assessment: differences.fill("assessment", &stored.assessment, &sent.assessment),
    }
}

/// A course is known by its kind and first day. An open one runs on, so an end is no blank to fill in but a change.
fn care(
    stored: &[CareEntry],
    sent: &[CareEntry],
    differences: &mut Differences<'_>,
) -> Vec<CareEntry> {
    let mut merged = stored.to_vec();
    for (place, entry) in sent.iter().enumerate() {
        let same = |other: &&CareEntry| other.kind == entry.kind && other.start == entry.start;
        // A file may list two courses of one kind that both lack a first day.
        let mut candidates = stored.iter().filter(same).peekable();
        if candidates.peek().is_none() {
            merged.push(entry.clone());
        } else if !candidates.any(|other| other == entry) {
            differences.note(&format!("conservative_care/{place}"));
        }
    }
    merged
}

/// A disability score is known by its instrument and day.
fn disability(
    stored: &[DisabilityScore],
    sent: &[DisabilityScore],
    differences: &mut Differences<'_>,
) -> Vec<DisabilityScore> {
    let mut merged = stored.to_vec();
    for (place, score) in sent.iter().enumerate() {
        let same = |other: &&DisabilityScore| {
            other.instrument == score.instrument && other.taken_on == score.taken_on
        };
        let mut candidates = stored.iter().filter(same).peekable();
        if candidates.peek().is_none() {
            merged.push(score.clone());
        } else if !candidates.any(|other| other == score) {
            differences.note(&format!("disability/{place}"));
        }
    }
    merged
}

/// Notes where a block with the key of a stored one says otherwise.
pub(super) fn block(stored: &Block, sent: &Block, differences: &mut Differences<'_>) {
    if stored.kind != sent.kind {
        differences.note("kind");
    }
    if stored.local_date() != sent.local_date() {
        // The same instant, but on another day of the calendar that the rules count by.
        differences.note("performed_at");
    }
    differences.same("agent", &stored.agent, &sent.agent);
    differences.same(
        "concentration_percent",
        &stored.concentration_thousandths,
        &sent.concentration_thousandths,
    );
    differences.same(
        "volume_ml_per_nerve",
        &stored.volume_microlitres_per_nerve,
        &sent.volume_microlitres_per_nerve,
    );
    differences.same("steroid", &stored.steroid, &sent.steroid);
    differences.same("guidance", &stored.guidance, &sent.guidance);
    differences.same("sedation", &stored.sedation, &sent.sedation);
    differences.same(
        "stated_relief_percent",
        &stored.stated_relief,
        &sent.stated_relief,
    );
    differences.same(
        "stated_relief_minutes",
        &stored.stated_relief_minutes,
        &sent.stated_relief_minutes,
    );
    differences.same(
        "duration_minutes",
        &stored.duration_minutes,
        &sent.duration_minutes,
    );
    differences.same("operator", &stored.operator, &sent.operator);
    differences.same("site", &stored.site, &sent.site);
    differences.same("nerves", &stored.corrected_nerves, &sent.corrected_nerves);
    differences.same(
        "same_day_return",
        &stored.same_day_return,
        &sent.same_day_return,
    );
}

/// Notes where a score with the key of a stored one says otherwise.
pub(super) fn score(stored: &ScoreRow, sent: &ScoreRow, differences: &mut Differences<'_>) {
    if stored.score != sent.score {
        differences.note("value");
    }
    differences.same(
        "stated_relief_percent",
        &stored.stated_relief,
        &sent.stated_relief,
    );
    if stored.analgesic_taken != sent.analgesic_taken {
        differences.note("analgesic_taken");
    }
    differences.same("reported_by", &stored.reported_by, &sent.reported_by);
}

/// Notes where an ablation with the key of a stored one says otherwise.
pub(super) fn ablation(stored: &Ablation, sent: &Ablation, differences: &mut Differences<'_>) {
    differences.same("technique", &stored.technique, &sent.technique);
    differences.same(
        "temperature_c",
        &stored.temperature_tenths_c,
        &sent.temperature_tenths_c,
    );
    differences.same("pre_score", &stored.pre_score, &sent.pre_score);
    differences.same("operator", &stored.operator, &sent.operator);
    differences.same("site", &stored.site, &sent.site);
}

/// Notes where a follow-up of the day of a stored one says otherwise.
pub(super) fn follow_up(stored: &FollowUp, sent: &FollowUp, differences: &mut Differences<'_>) {
    differences.same("score", &stored.score, &sent.score);
    differences.same(
        "stated_relief_percent",
        &stored.stated_relief,
        &sent.stated_relief,
    );
    differences.same(
        "function_improvement_percent",
        &stored.function_improvement,
        &sent.function_improvement,
    );
    differences.same("pgic", &stored.pgic, &sent.pgic);
}
