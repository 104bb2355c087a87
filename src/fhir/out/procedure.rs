//! Blocks and ablations, as procedures.

use super::Elements;
use crate::app::Stored;
use crate::domain::ablation::Ablation;
use crate::domain::anatomy::{Joint, TreatedSide};
use crate::domain::block::{Block, BlockKind, BlockTechnique};
use crate::domain::codes::{ProcedureLine, ablation_lines, block_lines};
use crate::domain::pain::{Scale, Score};
use crate::fhir::resource::{Head, Resource, ResourceType};
use crate::fhir::terms;
use crate::wire::scalar::Decimal;
use chrono::TimeDelta;
use serde_json::{Value, json};

/// The code of what a block injects into.
#[must_use]
pub const fn technique_code(technique: BlockTechnique) -> (&'static str, &'static str) {
    match technique {
        BlockTechnique::MedialBranch => ("medial-branch-block", "Medial branch block"),
        BlockTechnique::IntraArticular => {
            ("intra-articular-injection", "Intra-articular injection")
        }
    }
}

/// The code of an ablation.
pub const ABLATION: (&str, &str) = ("radiofrequency-ablation", "Radiofrequency ablation");

/// What a procedure was for, in SNOMED CT.
#[must_use]
pub const fn category(kind: BlockKind) -> (&'static str, &'static str) {
    match kind {
        BlockKind::Diagnostic => ("103693007", "Diagnostic procedure"),
        BlockKind::Therapeutic => ("277132007", "Therapeutic procedure"),
    }
}

/// A block.
#[must_use]
pub fn of_block(stored: &Stored<Block>) -> Resource {
    let block = &stored.value;
    let mut elements = Elements::default();
    elements.list("extension", block_extensions(block));
    elements.put("status", status(stored));
    let (kind, kind_words) = category(block.kind);
    elements.put("category", terms::concept(terms::SNOMED, kind, kind_words));
    // Whether a claim carries KX depends on the payer, which no record names.
    let lines = block_lines(block, false);
    elements.put("code", code(technique_code(block.technique), &lines));
    elements.put("subject", terms::reference("Patient", stored.patient));
    match block.duration_minutes {
        None => elements.put(
            "performedDateTime",
            terms::local_instant(block.performed_at),
        ),
        Some(minutes) => {
            let end = block.performed_at + TimeDelta::minutes(i64::from(minutes));
            elements.put(
                "performedPeriod",
                json!({
                    "start": terms::local_instant(block.performed_at),
                    "end": terms::local_instant(end),
                }),
            );
        }
    }
    people_and_places(
        &mut elements,
        block.operator.as_deref(),
        block.site.as_deref(),
        stored,
    );
    elements.list("bodySite", body_sites(&block.joints, block.side));
    head(stored).with(elements.done())
}

/// An ablation.
#[must_use]
pub fn of_ablation(stored: &Stored<Ablation>) -> Resource {
    let ablation = &stored.value;
    let mut elements = Elements::default();
    elements.list("extension", ablation_extensions(ablation));
    elements.put("status", status(stored));
    let (kind, words) = category(BlockKind::Therapeutic);
    elements.put("category", terms::concept(terms::SNOMED, kind, words));
    elements.put("code", code(ABLATION, &ablation_lines(ablation)));
    elements.put("subject", terms::reference("Patient", stored.patient));
    elements.put("performedDateTime", terms::date(ablation.performed_on));
    people_and_places(
        &mut elements,
        ablation.operator.as_deref(),
        ablation.site.as_deref(),
        stored,
    );
    elements.list("bodySite", body_sites(&ablation.joints, ablation.side));
    head(stored).with(elements.done())
}

fn head<T>(stored: &Stored<T>) -> Head {
    Head {
        kind: ResourceType::Procedure,
        id: stored.id.to_string(),
        version: Some(stored.version),
        updated: stored.updated_at,
        patient: Some(stored.patient),
        profiles: &[terms::US_CORE_PROCEDURE],
    }
}

fn status<T>(stored: &Stored<T>) -> &'static str {
    if stored.withdrawn.is_some() {
        "entered-in-error"
    } else {
        "completed"
    }
}

fn people_and_places<T>(
    elements: &mut Elements,
    operator: Option<&str>,
    site: Option<&str>,
    stored: &Stored<T>,
) {
    elements.maybe(
        "performer",
        operator.map(|name| json!([{"actor": {"display": name}}])),
    );
    elements.maybe("location", site.map(|name| json!({"display": name})));
    elements.put(
        "reasonReference",
        json!([terms::reference("Condition", stored.parent)]),
    );
}

/// What was done, and the lines of a claim for it.
pub(super) fn code((code, words): (&str, &str), lines: &[ProcedureLine]) -> Value {
    let mut codings = vec![terms::coding(terms::PROCEDURE, code, words)];
    codings.extend(lines.iter().map(line));
    json!({"coding": codings})
}

fn line(line: &ProcedureLine) -> Value {
    let mut extensions: Vec<Value> = line
        .modifiers
        .iter()
        .map(|modifier| terms::extension(terms::EXT_MODIFIER, "valueCode", *modifier))
        .collect();
    if line.units > 1 {
        extensions.push(terms::extension(
            terms::EXT_UNITS,
            "valuePositiveInt",
            line.units,
        ));
    }
    json!({"extension": extensions, "system": terms::CPT, "code": line.code})
}

/// One concept for each joint, with the side that was treated.
pub(super) fn body_sites(joints: &[Joint], side: TreatedSide) -> Vec<Value> {
    let site = |joint: &Joint| {
        let code = format!("{}-{}", joint.code(), side.code());
        let words = format!("{} facet joint, {}", joint.code(), side.label());
        terms::concept(terms::FACET_JOINT, &code, &words)
    };
    joints.iter().map(site).collect()
}

fn block_extensions(block: &Block) -> Vec<Value> {
    let mut extensions = Vec::new();
    let facts = [
        (terms::EXT_STEROID, block.steroid),
        (terms::EXT_SAME_DAY_RETURN, block.same_day_return),
    ];
    for (url, fact) in facts {
        extensions.extend(fact.map(|fact| terms::extension(url, "valueBoolean", fact)));
    }
    extensions.extend(block.guidance.map(|one| {
        terms::coding_extension(
            terms::EXT_GUIDANCE,
            terms::GUIDANCE,
            one.code(),
            one.label(),
        )
    }));
    extensions.extend(block.sedation.map(|one| {
        terms::coding_extension(
            terms::EXT_SEDATION,
            terms::SEDATION,
            one.code(),
            one.label(),
        )
    }));
    extensions.extend(block.stated_relief.map(|percent| {
        let percent = terms::percent_quantity(i32::from(percent.tenths()));
        terms::extension(terms::EXT_STATED_RELIEF, "valueQuantity", percent)
    }));
    extensions.extend(block.stated_relief_minutes.map(|minutes| {
        let minutes = terms::minutes_quantity(i64::from(minutes));
        terms::extension(terms::EXT_STATED_MINUTES, "valueQuantity", minutes)
    }));
    extensions.extend(block.corrected_nerves.iter().flatten().map(|nerve| {
        terms::coding_extension(terms::EXT_NERVE, terms::NERVE, nerve.code(), nerve.code())
    }));
    extensions
}

fn ablation_extensions(ablation: &Ablation) -> Vec<Value> {
    let mut extensions = Vec::new();
    extensions.extend(ablation.technique.map(|one| {
        terms::coding_extension(
            terms::EXT_TECHNIQUE,
            terms::ABLATION_TECHNIQUE,
            one.code(),
            one.label(),
        )
    }));
    extensions.extend(ablation.temperature_tenths_c.map(|tenths| {
        let value = terms::quantity(Decimal::<1>(i64::from(tenths)), "°C", "Cel");
        terms::extension(terms::EXT_TEMPERATURE, "valueQuantity", value)
    }));
    extensions.extend(ablation.pre_score.map(pre_score));
    extensions
}

/// A score without a time: its scale and its value.
fn pre_score(score: Score) -> Value {
    let (code, _) = scale_code(score.scale());
    let scale = json!({"system": terms::LOINC, "code": code});
    json!({"url": terms::EXT_PRE_SCORE, "extension": [
        terms::extension("scale", "valueCoding", scale),
        terms::extension("value", "valueQuantity", terms::score_quantity(i32::from(score.tenths()))),
    ]})
}

/// The LOINC code of a scale.
#[must_use]
pub const fn scale_code(scale: Scale) -> (&'static str, &'static str) {
    match scale {
        Scale::Nrs => (terms::LOINC_NRS, "Pain, numeric rating scale 0 to 10"),
        Scale::Vas => (terms::LOINC_VAS, "Pain, visual analogue scale 0 to 100 mm"),
    }
}
