//! Blocks and ablations, as procedures.

use super::condition::{codes, subject};
use super::datatypes::{
    Coding, Extensions, code_in, code_of, concept, extension_code, quantity, reference,
    refuse_other_systems,
};
use super::draft::Draft;
use super::element::{Element, wrong};
use super::{Intake, Limits, Reference, Sent, checked};
use crate::app::FieldError;
use crate::domain::block::{BlockKind, BlockTechnique};
use crate::domain::codes::{ProcedureLine, ablation_lines, block_lines};
use crate::fhir::out::procedure::{ABLATION, category, technique_code};
use crate::fhir::resource::ResourceType;
use crate::fhir::terms;
use crate::wire::ablation::AblationBody;
use crate::wire::block::BlockBody;
use crate::wire::scalar::Instant;
use serde_json::json;

/// The extensions that a line of a claim may have.
const OF_LINES: [&str; 2] = [terms::EXT_MODIFIER, terms::EXT_UNITS];

/// Reads a Procedure.
pub(super) fn read(
    mut element: Element<'_>,
    limits: Limits,
    errors: &mut Vec<FieldError>,
) -> Option<Intake> {
    let mut draft = Draft::default();
    let extensions = Extensions::of(&mut element, errors);
    completed(&mut element, errors);
    let code = element.object("code", errors);
    if code.is_none() {
        wrong(errors, "/code", "required", "Say what was done.");
    }
    let codings = code.map_or(Vec::new(), |code| concept(code, &OF_LINES, errors));
    refuse_other_systems(&codings, &[terms::PROCEDURE, terms::CPT], errors);
    let what = code_of(&codings, terms::PROCEDURE);
    let technique = BlockTechnique::ALL
        .iter()
        .find(|technique| what.is_some_and(|what| what.code == technique_code(**technique).0));
    let patient = subject(&mut element, errors);
    let episode = reason(&mut element, errors);
    draft.comes_from("/episode_id", "/reasonReference/0/reference");
    people_and_places(&mut element, &mut draft, errors);
    body_sites(&mut element, &mut draft, errors);
    let lines: Vec<&Coding<'_>> = codings
        .iter()
        .filter(|one| one.system == terms::CPT)
        .collect();
    if let Some(technique) = technique {
        draft.put("technique", technique.code(), "/code");
        let block = read_block(element, extensions, &mut draft, limits, errors)?;
        let (block, _) = block.into_domain();
        check_lines(&lines, &block_lines(&block, true), errors);
        let sent = Sent::Block {
            patient: patient?,
            episode: episode?,
            block: Box::new(block),
        };
        return Some(Intake::of(ResourceType::Procedure, sent, draft));
    }
    if what.is_some_and(|what| what.code == ABLATION.0) {
        let ablation = read_ablation(element, extensions, &mut draft, limits, errors)?;
        let (ablation, _) = ablation.into_domain();
        check_lines(&lines, &ablation_lines(&ablation), errors);
        let sent = Sent::Ablation {
            patient: patient?,
            episode: episode?,
            ablation: Box::new(ablation),
        };
        return Some(Intake::of(ResourceType::Procedure, sent, draft));
    }
    let known = [BlockTechnique::MedialBranch, BlockTechnique::IntraArticular];
    let known = known
        .map(|technique| technique_code(technique).0)
        .join(", ");
    let detail = format!("Expected {known}, {} of {}.", ABLATION.0, terms::PROCEDURE);
    let at = what.map_or("/code/coding".to_owned(), |what| {
        format!("{}/code", what.at)
    });
    wrong(errors, at, "unknown_value", detail);
    None
}

/// What was done is done.
pub(super) fn completed(element: &mut Element<'_>, errors: &mut Vec<FieldError>) {
    let status = element.text("status", errors);
    if status.is_none_or(|status| status.value != "completed") {
        let detail = "Only what is completed is recorded.";
        wrong(errors, element.place("status"), "unknown_value", detail);
    }
}

/// The episode that a procedure belongs to.
pub(super) fn reason(element: &mut Element<'_>, errors: &mut Vec<FieldError>) -> Option<Reference> {
    let missing = !element.has("reasonReference");
    let Some(reason) = element.only("reasonReference", errors) else {
        if missing {
            let detail = "Expected a reference to the Condition that it was done for.";
            wrong(errors, element.place("reasonReference"), "required", detail);
        }
        return None;
    };
    reference(reason, "Condition", errors)
}

fn people_and_places(element: &mut Element<'_>, draft: &mut Draft, errors: &mut Vec<FieldError>) {
    if let Some(mut performer) = element.only("performer", errors) {
        if let Some(mut actor) = performer.object("actor", errors) {
            draft.put_text("operator", actor.text("display", errors));
            actor.finish(errors);
        }
        performer.finish(errors);
    }
    if let Some(mut location) = element.object("location", errors) {
        draft.put_text("site", location.text("display", errors));
        location.finish(errors);
    }
}

/// The joints, and the side that all of them were treated on.
fn body_sites(element: &mut Element<'_>, draft: &mut Draft, errors: &mut Vec<FieldError>) {
    let mut joints = Vec::new();
    let mut side: Option<&str> = None;
    draft.comes_from("/joints", "/bodySite");
    draft.comes_from("/side", "/bodySite");
    for site in element.objects("bodySite", errors) {
        let Some(coding) = code_in(site, terms::FACET_JOINT, errors) else {
            continue;
        };
        let at = format!("{}/code", coding.at);
        let Some((joint, treated)) = coding.code.rsplit_once('-') else {
            wrong(
                errors,
                at,
                "unknown_value",
                "Expected a joint with its side, as L4-5-right.",
            );
            continue;
        };
        if side.is_some_and(|side| side != treated) {
            let detail = "One procedure treats the same side or sides at all of its joints.";
            wrong(errors, at, "mismatch", detail);
            continue;
        }
        draft.comes_from(&format!("/joints/{}", joints.len()), &at);
        joints.push(json!(joint));
        if side.is_none() {
            side = Some(treated);
            draft.put("side", treated, &at);
        }
    }
    if !joints.is_empty() {
        draft.put("joints", joints, "/bodySite");
    }
}

fn read_block(
    mut element: Element<'_>,
    mut extensions: Extensions<'_>,
    draft: &mut Draft,
    limits: Limits,
    errors: &mut Vec<FieldError>,
) -> Option<BlockBody> {
    draft.comes_from("/kind", "/category");
    if let Some(coding) = element
        .object("category", errors)
        .and_then(|one| code_in(one, terms::SNOMED, errors))
    {
        let kind = BlockKind::ALL
            .iter()
            .find(|kind| category(**kind).0 == coding.code);
        let word = kind.map_or(coding.code, |kind| kind.code());
        draft.put("kind", word, &format!("{}/code", coding.at));
    }
    performed(&mut element, draft, errors);
    for (url, field) in [
        (terms::EXT_STEROID, "steroid"),
        (terms::EXT_SAME_DAY_RETURN, "same_day_return"),
    ] {
        draft.put_leaf(field, extensions.value(url, "valueBoolean", errors));
    }
    for (url, system, field) in [
        (terms::EXT_GUIDANCE, terms::GUIDANCE, "guidance"),
        (terms::EXT_SEDATION, terms::SEDATION, "sedation"),
    ] {
        put_code(&mut extensions, (url, system), field, draft, errors);
    }
    for (url, unit, field) in [
        (terms::EXT_STATED_RELIEF, "%", "stated_relief_percent"),
        (terms::EXT_STATED_MINUTES, "min", "stated_relief_minutes"),
    ] {
        put_quantity(&mut extensions, (url, unit), field, draft, errors);
    }
    let nerves = extensions.every(terms::EXT_NERVE);
    codes("nerves", &nerves, terms::NERVE, draft, errors);
    extensions.finish(errors);
    element.finish(errors);
    let read = BlockBody::read(draft.body(), limits.now).map_err(|found| draft.in_resource(found));
    checked(draft, read, errors, |_, _| {})
}

/// The instant of an injection, and how long the procedure took where a period says it.
fn performed(element: &mut Element<'_>, draft: &mut Draft, errors: &mut Vec<FieldError>) {
    draft.comes_from("/performed_at", "/performedDateTime");
    draft.put_text("performed_at", element.text("performedDateTime", errors));
    let Some(mut period) = element.object("performedPeriod", errors) else {
        return;
    };
    let start = period.text("start", errors);
    let end = period.text("end", errors);
    if start.is_none() || end.is_none() {
        let detail =
            "A period has a start and an end; where the end is not known, send performedDateTime.";
        wrong(errors, period.at(), "required", detail);
    }
    let instant = |text: &str| Instant::read(text).ok();
    if let (Some(start), Some(end)) = (&start, &end) {
        let times = instant(start.value).zip(instant(end.value));
        match times {
            Some((from, to)) => {
                let minutes = (to.0 - from.0).num_minutes();
                draft.put("duration_minutes", minutes, &end.at);
            }
            None if instant(end.value).is_none() => {
                let detail =
                    "Expected a time with its offset from UTC as 2025-09-08T09:00:00-05:00.";
                wrong(errors, end.at.clone(), "invalid_time", detail);
            }
            None => {}
        }
    }
    draft.put_text("performed_at", start);
    period.finish(errors);
}

fn read_ablation(
    mut element: Element<'_>,
    mut extensions: Extensions<'_>,
    draft: &mut Draft,
    limits: Limits,
    errors: &mut Vec<FieldError>,
) -> Option<AblationBody> {
    // It is always a treatment, which is compared with what is given back.
    let _ = element.any("category");
    draft.comes_from("/performed_on", "/performedDateTime");
    draft.put_text("performed_on", element.text("performedDateTime", errors));
    let technique = (terms::EXT_TECHNIQUE, terms::ABLATION_TECHNIQUE);
    put_code(&mut extensions, technique, "technique", draft, errors);
    let temperature = (terms::EXT_TEMPERATURE, "Cel");
    put_quantity(&mut extensions, temperature, "temperature_c", draft, errors);
    if let Some(before) = extensions.only(terms::EXT_PRE_SCORE, errors) {
        let mut parts = before.parts(errors);
        let scale = parts.only("scale", errors);
        let scale = scale.and_then(|one| extension_code(&one, terms::LOINC, errors));
        let value = parts.value("value", "valueQuantity", errors);
        let value = value.and_then(|leaf| quantity(&leaf, "{score}", errors));
        parts.finish(errors);
        if let (Some(scale), Some(value)) = (scale, value) {
            let word = super::observation::scale_of(scale.code).unwrap_or(scale.code);
            draft.comes_from("/pre_score/scale", &format!("{}/code", scale.at));
            draft.comes_from("/pre_score/value", &value.at);
            draft.put(
                "pre_score",
                json!({"scale": word, "value": value.value}),
                before.at(),
            );
        } else {
            let detail = "A score has its scale and its value.";
            wrong(errors, before.at(), "required", detail);
        }
    }
    extensions.finish(errors);
    element.finish(errors);
    checked(
        draft,
        draft.read::<AblationBody>(),
        errors,
        |body, found| {
            body.check("", limits.latest, found);
        },
    )
}

/// Puts the code of an extension into a field.
pub(super) fn put_code(
    extensions: &mut Extensions<'_>,
    (url, system): (&str, &str),
    field: &str,
    draft: &mut Draft,
    errors: &mut Vec<FieldError>,
) {
    let Some(extension) = extensions.only(url, errors) else {
        return;
    };
    if let Some(coding) = extension_code(&extension, system, errors) {
        draft.put(field, coding.code, &format!("{}/code", coding.at));
    }
}

/// Puts the number of an extension into a field.
pub(super) fn put_quantity(
    extensions: &mut Extensions<'_>,
    (url, unit): (&str, &str),
    field: &str,
    draft: &mut Draft,
    errors: &mut Vec<FieldError>,
) {
    let leaf = extensions.value(url, "valueQuantity", errors);
    draft.put_leaf(field, leaf.and_then(|leaf| quantity(&leaf, unit, errors)));
}

/// Says which CPT codes do not follow from the joints.
fn check_lines(sent: &[&Coding<'_>], lines: &[ProcedureLine], errors: &mut Vec<FieldError>) {
    for coding in sent {
        if lines.iter().any(|line| line.code == coding.code) {
            continue;
        }
        let expected: Vec<&str> = lines.iter().map(|line| line.code).collect();
        let detail = format!("The joints treated are coded {}.", expected.join(", "));
        wrong(
            errors,
            format!("{}/code", coding.at),
            "code_does_not_fit_joints",
            detail,
        );
    }
}
