//! The forms, field by field: what each is called, what it holds, and where in the body of the API it goes.

use super::field::{Field, Kind, Part, Rows, Section};
use crate::domain::ablation::AblationTechnique;
use crate::domain::adverse_event::{AdverseEventCategory, Grade, Relation};
use crate::domain::anatomy::{Joint, Nerve, Region, Side};
use crate::domain::block::{Agent, BlockKind, BlockTechnique, Guidance, Sedation};
use crate::domain::codes::DiagnosisCode;
use crate::domain::episode::{CareOutcome, Cause, Instrument, Radiculopathy};
use crate::domain::pain::{Context, ReportedBy, Scale};
use crate::domain::patient::Sex;

/// The codes and words of a vocabulary.
macro_rules! terms {
    ($vocabulary:ident) => {
        || {
            $vocabulary::ALL
                .iter()
                .map(|term| (term.code(), term.label()))
                .collect()
        }
    };
}
pub(super) use terms;

fn joints() -> Vec<(&'static str, &'static str)> {
    Joint::codes().iter().map(|code| (*code, *code)).collect()
}

fn nerves() -> Vec<(&'static str, &'static str)> {
    Nerve::codes().iter().map(|code| (*code, *code)).collect()
}

fn diagnoses() -> Vec<(&'static str, &'static str)> {
    let known = DiagnosisCode::known().iter();
    known.map(|one| (one.code, one.label)).collect()
}

/// The answers of the patient global impression of change.
fn impressions() -> Vec<(&'static str, &'static str)> {
    vec![
        ("1", "1 – very much improved"),
        ("2", "2 – much improved"),
        ("3", "3 – minimally improved"),
        ("4", "4 – no change"),
        ("5", "5 – minimally worse"),
        ("6", "6 – much worse"),
        ("7", "7 – very much worse"),
    ]
}

const fn field(at: &'static str, label: &'static str, kind: Kind) -> Part {
    Part::Field(Field::new(at, label, kind))
}

/// A patient.
pub(super) const PATIENT: &[Section] = &[Section {
    title: "Patient",
    hint: "",
    parts: &[
        Part::Rows(Rows {
            at: "/identifiers",
            label: "Identifiers",
            fields: &[
                Field::new("/system", "Issued by", Kind::Text)
                    .hint("such as the address of your record system")
                    .required(),
                Field::new("/value", "Number", Kind::Text).required(),
            ],
        }),
        field("/family_name", "Family name", Kind::Text),
        field("/given_name", "Given name", Kind::Text),
        field("/birth_date", "Date of birth", Kind::Date),
        field("/sex", "Sex", Kind::One(terms!(Sex))),
    ],
}];

/// An episode: the pain being investigated.
pub(super) const EPISODE: &[Section] = &[
    Section {
        title: "The pain",
        hint: "What is not known is left open: the rules that need it then say so.",
        parts: &[
            Part::Field(Field::new("/region", "Region", Kind::One(terms!(Region))).required()),
            Part::Field(
                Field::new("/diagnosis", "Diagnosis", Kind::One(diagnoses))
                    .hint("in ICD-10-CM; it fits the region"),
            ),
            field("/onset_date", "Began on", Kind::Date),
            field(
                "/radiculopathy",
                "Radiculopathy",
                Kind::One(terms!(Radiculopathy)),
            ),
            field("/axial", "Predominantly axial", Kind::Flag),
            field(
                "/worse_with_extension_or_rotation",
                "Worse with extension or rotation",
                Kind::Flag,
            ),
            field(
                "/imaging_suggests_facet",
                "Imaging suggests facet degeneration",
                Kind::Flag,
            ),
            Part::Field(
                Field::new(
                    "/other_causes_excluded",
                    "Other causes ruled out",
                    Kind::Flag,
                )
                .hint("disc herniation, nerve compression"),
            ),
            field("/causes", "May be caused by", Kind::Many(terms!(Cause))),
            field("/fused_joints", "Fused segments", Kind::ManyOrNone(joints)),
        ],
    },
    Section {
        title: "Conservative care",
        hint: "Both days are included; without a last day it goes on.",
        parts: &[Part::Rows(Rows {
            at: "/conservative_care",
            label: "Conservative care",
            fields: &[
                Field::new("/kind", "What was tried", Kind::Text)
                    .hint("such as physical_therapy or medication")
                    .required(),
                Field::new("/start", "First day", Kind::Date),
                Field::new("/end", "Last day", Kind::Date),
                Field::new("/outcome", "Outcome", Kind::One(terms!(CareOutcome))),
            ],
        })],
    },
    Section {
        title: "Disability",
        hint: "The raw score and the highest possible one: ODI 100, NDI 50 or 100, RMDQ 24, PDI 70.",
        parts: &[Part::Rows(Rows {
            at: "/disability",
            label: "Disability scores",
            fields: &[
                Field::new("/instrument", "Instrument", Kind::One(terms!(Instrument))).required(),
                Field::new("/score", "Score", Kind::Number("")).required(),
                Field::new("/maximum", "Out of", Kind::Number("")).required(),
                Field::new("/taken_on", "Taken on", Kind::Date).required(),
            ],
        })],
    },
    Section {
        title: "Assessment",
        hint: "",
        parts: &[field(
            "/assessment",
            "History, physical examination and imaging",
            Kind::Long,
        )],
    },
];

/// Where a block or an ablation was done.
pub(super) const TREATED: &[Section] = &[Section {
    title: "Joints and sides",
    hint: "",
    parts: &[Part::Field(
        Field::new("/targets", "Joints and sides", Kind::Targets).required(),
    )],
}];

/// What was done in a block.
pub(super) const BLOCK: &[Section] = &[
    Section {
        title: "Injection",
        hint: "",
        parts: &[
            Part::Field(Field::new("/performed_at", "Day and time", Kind::Moment).required()),
            Part::Field(Field::new("/kind", "Kind", Kind::One(terms!(BlockKind))).required()),
            Part::Field(
                Field::new("/technique", "Technique", Kind::One(terms!(BlockTechnique))).required(),
            ),
            field("/agent", "Anesthetic", Kind::One(terms!(Agent))),
            field("/concentration_percent", "Concentration", Kind::Number("%")),
            field(
                "/volume_ml_per_nerve",
                "Volume per nerve",
                Kind::Number("mL"),
            ),
            field("/guidance", "Image guidance", Kind::One(terms!(Guidance))),
            field("/sedation", "Sedation", Kind::One(terms!(Sedation))),
            field("/steroid", "Corticosteroid added", Kind::Flag),
            field("/operator", "Operator", Kind::Text),
            field("/site", "Site", Kind::Text),
            field("/duration_minutes", "Procedure took", Kind::Number("min")),
        ],
    },
    Section {
        title: "Afterwards",
        hint: "As the patient states it, beside the scores.",
        parts: &[
            field("/stated_relief_percent", "Stated relief", Kind::Number("%")),
            field("/stated_relief_minutes", "It lasted", Kind::Number("min")),
            field(
                "/same_day_return",
                "Back to activity the same day",
                Kind::Flag,
            ),
        ],
    },
];

/// Nerves as the operator corrects them.
pub(super) const NERVES: &[Section] = &[Section {
    title: "Nerves",
    hint: "Leave all open, and the nerves follow from the joints. Choose here only where others were blocked.",
    parts: &[field(
        "/nerves",
        "Nerves blocked instead",
        Kind::Many(nerves),
    )],
}];

/// One score.
pub(super) const SCORE: &[Section] = &[Section {
    title: "Score",
    hint: "",
    parts: &[
        Part::Field(Field::new("/taken_at", "Day and time", Kind::Moment).required()),
        Part::Field(Field::new("/scale", "Scale", Kind::One(terms!(Scale))).required()),
        Part::Field(Field::new("/value", "Score", Kind::Number("")).required()),
        field("/context", "Rated", Kind::One(terms!(Context))),
        field("/side", "Side", Kind::One(terms!(Side))),
        field("/stated_relief_percent", "Stated relief", Kind::Number("%")),
        field("/reported_by", "Reported by", Kind::One(terms!(ReportedBy))),
        field(
            "/analgesic_taken",
            "An analgesic was taken at this time, after the score",
            Kind::Check,
        ),
    ],
}];

/// An ablation.
pub(super) const ABLATION: &[Section] = &[Section {
    title: "Ablation",
    hint: "",
    parts: &[
        Part::Field(Field::new("/performed_on", "Day", Kind::Date).required()),
        field(
            "/technique",
            "Technique",
            Kind::One(terms!(AblationTechnique)),
        ),
        field("/temperature_c", "Temperature", Kind::Number("°C")),
        Part::Field(
            Field::new("/pre_score", "Score before", Kind::Score)
                .hint("what follow-ups are compared with"),
        ),
        field("/operator", "Operator", Kind::Text),
        field("/site", "Site", Kind::Text),
    ],
}];

/// A follow-up of an ablation.
pub(super) const FOLLOW_UP: &[Section] = &[Section {
    title: "Follow-up",
    hint: "Usual at 6 weeks, 3, 6, 12 and 24 months.",
    parts: &[
        Part::Field(Field::new("/taken_on", "Day", Kind::Date).required()),
        Part::Field(
            Field::new("/score", "Score", Kind::Score).hint("on the scale of the score before"),
        ),
        field("/stated_relief_percent", "Stated relief", Kind::Number("%")),
        Part::Field(
            Field::new(
                "/function_improvement_percent",
                "Gain in function",
                Kind::Number("%"),
            )
            .hint("painful movements or daily activities"),
        ),
        field(
            "/pgic",
            "Global impression of change",
            Kind::OneNumber(impressions),
        ),
    ],
}];

/// An adverse event.
pub(super) const EVENT: &[Section] = &[Section {
    title: "Adverse event",
    hint: "",
    parts: &[
        Part::Field(
            Field::new(
                "/category",
                "What happened",
                Kind::One(terms!(AdverseEventCategory)),
            )
            .required(),
        ),
        Part::Field(Field::new("/grade", "Grade", Kind::One(terms!(Grade))).required()),
        Part::Field(Field::new("/onset_on", "Began on", Kind::Date).required()),
        field(
            "/relation",
            "Relation to the procedure",
            Kind::One(terms!(Relation)),
        ),
        field("/resolved_on", "Over on", Kind::Date),
        field("/note", "Note", Kind::Long),
    ],
}];
