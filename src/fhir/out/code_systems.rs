//! Our code systems, made from the vocabularies of the domain.

use super::Elements;
use super::procedure::{ABLATION, technique_code};
use crate::auth::{Action, Role};
use crate::domain::Vocabulary;
use crate::domain::ablation::AblationTechnique;
use crate::domain::adverse_event::{AdverseEventCategory, Grade, Relation};
use crate::domain::anatomy::{Joint, Nerve, Region, Side, TreatedSide};
use crate::domain::block::{Agent, BlockTechnique, Guidance, Sedation};
use crate::domain::episode::{CareOutcome, Cause, Radiculopathy};
use crate::domain::pain::{Context, ReportedBy};
use crate::domain::qualification::profile::{Criterion, Trust};
use crate::domain::qualification::{NextStep, Purpose, Rule, Status, Verdict};
use crate::domain::relief::{BlockResponse, DurationClass};
use crate::fhir::resource::{Head, Resource, ResourceType};
use crate::fhir::terms;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// Every code system.
pub static ALL: LazyLock<Vec<Resource>> = LazyLock::new(every_one);

/// The codes that observations and their components have beside LOINC's.
pub const OBSERVATIONS: &[(&str, &str)] = &[
    ("relief", "Relief after a block"),
    ("follow-up", "Follow-up of an ablation"),
    ("rmdq", "Roland-Morris Disability Questionnaire, 0 to 24"),
    ("pdi", "Pain Disability Index, 0 to 70"),
    ("maximum", "Highest possible score"),
    ("stated-relief", "Stated relief"),
    ("analgesic-taken", "Analgesic taken after the score"),
    ("threshold", "Threshold"),
    ("peak-relief", "Greatest relief"),
    ("baseline", "Score before the block"),
    ("context", "Context of the scores"),
    ("response", "Response to the block"),
    ("onset", "Onset of relief"),
    ("least-duration", "Relief lasted at least"),
    ("greatest-duration", "Relief lasted at most"),
    ("largest-gap", "Largest gap between scores"),
    (
        "duration-class",
        "Relief against what the agent lets expect",
    ),
    ("cut-by-analgesic", "An analgesic ended what can be known"),
    (
        "function-improvement",
        "Improvement of movements or daily activities",
    ),
    ("pgic", "Patient global impression of change, 1 to 7"),
];

/// What a card is about beside a next step: the order of an ablation.
pub const ABLATION_ORDER: (&str, &str) = ("ablation-order", "order of an ablation");
/// What a card is about beside a next step: the order of a block.
pub const BLOCK_ORDER: (&str, &str) = ("block-order", "order of a block");

/// The reasons for which a card can be put aside.
pub const OVERRIDE_REASONS: [(&str, &str); 6] = [
    ("clinical-judgment", "Clinical judgment differs"),
    ("other-criteria", "Other criteria apply to this patient"),
    (
        "recorded-elsewhere",
        "What is missing is recorded elsewhere",
    ),
    ("patient-declines", "The patient declines"),
    ("already-planned", "Planned or known already"),
    ("not-now", "Not in this encounter"),
];

type Concepts = Vec<(String, String)>;

/// The terms of a vocabulary with their words.
fn vocabulary<T: Vocabulary + std::fmt::Display>() -> Concepts {
    T::codes()
        .iter()
        .filter_map(|code| Some(((*code).to_owned(), T::read(code).ok()?.to_string())))
        .collect()
}

fn words(pairs: &[(&str, &str)]) -> Concepts {
    let owned = |(code, words): &(&str, &str)| ((*code).to_owned(), (*words).to_owned());
    pairs.iter().map(owned).collect()
}

fn procedures() -> Concepts {
    words(&[
        technique_code(BlockTechnique::MedialBranch),
        technique_code(BlockTechnique::IntraArticular),
        ABLATION,
    ])
}

/// Each joint alone, and with each side.
fn joints() -> Concepts {
    let with_sides = |joint: Joint| {
        let sides = TreatedSide::ALL.iter().map(move |side| {
            (
                format!("{}-{}", joint.code(), side.code()),
                format!("{} facet joint, {}", joint.code(), side.label()),
            )
        });
        let alone = (
            joint.code().to_owned(),
            format!("{} facet joint", joint.code()),
        );
        std::iter::once(alone).chain(sides)
    };
    Joint::all().flat_map(with_sides).collect()
}

fn card_topics() -> Concepts {
    let steps = vocabulary::<NextStep>().into_iter();
    steps.chain(words(&[ABLATION_ORDER, BLOCK_ORDER])).collect()
}

fn actions() -> Concepts {
    let words = |action: &Action| (action.code().to_owned(), action.code().replace('_', " "));
    Action::ALL.iter().map(words).collect()
}

fn roles() -> Concepts {
    let words = |role: &Role| (role.code().to_owned(), role.code().replace('_', " "));
    Role::ALL.iter().map(words).collect()
}

fn every_one() -> Vec<Resource> {
    let systems: [(&str, &str, Concepts); 30] = [
        (terms::PROCEDURE, "Procedures", procedures()),
        (terms::FACET_JOINT, "Facet joints and their sides", joints()),
        (
            terms::REGION,
            "Regions of the spine",
            vocabulary::<Region>(),
        ),
        (terms::SIDE, "Sides", vocabulary::<Side>()),
        (terms::NERVE, "Medial branch nerves", vocabulary::<Nerve>()),
        (terms::AGENT, "Local anesthetics", vocabulary::<Agent>()),
        (
            terms::OBSERVATION,
            "Observations and their components",
            words(OBSERVATIONS),
        ),
        (
            terms::CONTEXT,
            "What the patient was doing when a score was taken",
            vocabulary::<Context>(),
        ),
        (
            terms::REPORTED_BY,
            "Who reported a score",
            vocabulary::<ReportedBy>(),
        ),
        (terms::GUIDANCE, "Image guidance", vocabulary::<Guidance>()),
        (terms::SEDATION, "Sedation", vocabulary::<Sedation>()),
        (
            terms::ABLATION_TECHNIQUE,
            "How a lesion was made",
            vocabulary::<AblationTechnique>(),
        ),
        (
            terms::RADICULOPATHY,
            "Nerve root pain",
            vocabulary::<Radiculopathy>(),
        ),
        (terms::CAUSE, "Causes of the pain", vocabulary::<Cause>()),
        (
            terms::CARE_OUTCOME,
            "How conservative care went",
            vocabulary::<CareOutcome>(),
        ),
        (
            terms::RESPONSE,
            "What a block did at a threshold",
            vocabulary::<BlockResponse>(),
        ),
        (
            terms::DURATION_CLASS,
            "Relief against what the agent lets expect",
            vocabulary::<DurationClass>(),
        ),
        (
            terms::VERDICT,
            "What a profile says about a target",
            vocabulary::<Verdict>(),
        ),
        (
            terms::NEXT_STEP,
            "What would come next",
            vocabulary::<NextStep>(),
        ),
        (
            terms::PURPOSE,
            "For the first ablation or for another",
            vocabulary::<Purpose>(),
        ),
        (terms::RULE, "Rules", vocabulary::<Rule>()),
        (terms::STATUS, "Values of a rule", vocabulary::<Status>()),
        (
            terms::CRITERION,
            "Criteria of a profile",
            vocabulary::<Criterion>(),
        ),
        (
            terms::TRUST,
            "How far a number is verified",
            vocabulary::<Trust>(),
        ),
        (
            terms::ADVERSE_EVENT,
            "Adverse events",
            vocabulary::<AdverseEventCategory>(),
        ),
        (
            terms::GRADE,
            "How grave an adverse event was",
            vocabulary::<Grade>(),
        ),
        (
            terms::RELATION,
            "Whether the procedure caused an adverse event",
            vocabulary::<Relation>(),
        ),
        (
            terms::CARD_TOPIC,
            "What a card of decision support is about",
            card_topics(),
        ),
        (
            terms::CARD_OVERRIDE_REASON,
            "Why a card of decision support is put aside",
            words(&OVERRIDE_REASONS),
        ),
        (terms::ROLE, "Who somebody is to the service", roles()),
    ];
    let mut all: Vec<Resource> = systems
        .into_iter()
        .map(|(url, title, concepts)| resource(url, title, concepts))
        .collect();
    all.push(resource(terms::ACTION, "What can be done", actions()));
    // What can be wrong is said all over the program; the words beside each code say what it means.
    let errors = "Why a request was refused";
    all.push(resource(terms::ERROR, errors, Concepts::new()));
    all
}

/// The day on which our terms were last changed, at midnight.
pub(super) fn published() -> DateTime<Utc> {
    let day: NaiveDate = terms::PUBLISHED.parse().unwrap_or(NaiveDate::MIN);
    day.and_time(NaiveTime::MIN).and_utc()
}

/// The last part of one of our URLs, which is also the id.
pub(super) fn own_name(url: &str) -> &str {
    url.rsplit(':').next().unwrap_or(url)
}

/// `facet-joint` as `FacetJoint`: a name that a program can take.
pub(super) fn computable(name: &str) -> String {
    name.split('-')
        .map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|first| first.to_ascii_uppercase());
            first.into_iter().chain(letters).collect::<String>()
        })
        .collect()
}

fn resource(url: &str, title: &str, concepts: Concepts) -> Resource {
    let mut elements = Elements::default();
    let name = own_name(url);
    elements.put("url", url);
    elements.put("version", env!("CARGO_PKG_VERSION"));
    elements.put("name", format!("Medial{}", computable(name)));
    elements.put("title", title);
    elements.put("status", "active");
    elements.put("experimental", false);
    elements.put("date", terms::PUBLISHED);
    elements.put("publisher", "Medial");
    elements.put("description", format!("{title}, as Medial records them."));
    elements.put("caseSensitive", true);
    if concepts.is_empty() {
        elements.put("content", "not-present");
    } else {
        elements.put("content", "complete");
        elements.put("count", concepts.len());
    }
    let concepts: Vec<Value> = concepts
        .into_iter()
        .map(|(code, display)| json!({"code": code, "display": display}))
        .collect();
    elements.list("concept", concepts);
    Head {
        kind: ResourceType::CodeSystem,
        id: name.to_owned(),
        version: None,
        updated: published(),
        patient: None,
        profiles: &[],
    }
    .with(elements.done())
}
