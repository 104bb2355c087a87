//! The columns of each dataset: their one definition.

use super::cell::Cell;
use super::column::{Column, columns};
use super::outcome_columns::outcomes;
use crate::app::exports::{After, Dataset};
use crate::domain::qualification::Rule;
use chrono::DateTime;

/// Counts the changes of the columns: another number with every column that comes, goes or says something else. The
/// change log has a line for each, with the fingerprint of the columns as they are.
pub const DICTIONARY_VERSION: u32 = 2;

/// The columns of a dataset, in their order.
#[must_use]
pub fn columns(dataset: Dataset) -> Vec<Column> {
    match dataset {
        Dataset::Blocks => blocks(),
        Dataset::Scores => scores(),
        Dataset::Relief => relief(),
        Dataset::Determinations => determinations(),
        Dataset::Ablations => ablations(),
        Dataset::FollowUps => follow_ups(),
        Dataset::AdverseEvents => adverse_events(),
        Dataset::Episodes => episodes(),
        Dataset::Patients => patients(),
        Dataset::Outcomes => outcomes(),
    }
}

/// Minutes east of Greenwich of the clock by which an instant was recorded.
fn offset<Z: chrono::TimeZone>(at: &DateTime<Z>) -> Cell
where
    Z::Offset: chrono::Offset,
{
    use chrono::Offset;
    Cell::Whole(i64::from(at.offset().fix().local_minus_utc() / 60))
}

fn blocks() -> Vec<Column> {
    columns! { Block(of):
        "id" Id Pseudonym "The block." => of.0.id.into();
        "episode_id" Id Pseudonym "The episode it belongs to." => of.0.parent.into();
        "patient_id" Id Pseudonym "The patient." => of.0.patient.into();
        "performed_at" Instant Shifted "The instant of the injection." => of.0.value.performed_at.into();
        "performed_on" Date Shifted "The day of the injection by the clock of the place." => of.0.value.local_date().into();
        "utc_offset_minutes" Integer Kept ["min"] "How far that clock is ahead of UTC." => offset(&of.0.value.performed_at);
        "kind" Code Kept "What it was for." => Cell::code(of.0.value.kind);
        "technique" Code Kept "What was injected into." => Cell::code(of.0.value.technique);
        "joints" Codes Kept "The joints treated." => Cell::codes(&of.0.value.joints);
        "side" Code Kept "The side or sides treated." => Cell::code(of.0.value.side);
        "nerves" Codes Kept "The nerves blocked on each treated side: as corrected, else as they follow from the joints." => Cell::codes(&of.0.value.nerves());
        "agent" Code Kept "The local anesthetic." => Cell::maybe_code(of.0.value.agent);
        "concentration_percent" Number Kept ["%"] "Its concentration." => Cell::thousandths(of.0.value.concentration_thousandths);
        "volume_ml_per_nerve" Number Kept ["mL"] "The volume at each nerve." => Cell::thousandths(of.0.value.volume_microlitres_per_nerve);
        "steroid" Boolean Kept "Whether a corticosteroid was added." => of.0.value.steroid.into();
        "guidance" Code Kept "The image guidance." => Cell::maybe_code(of.0.value.guidance);
        "sedation" Code Kept "The sedation." => Cell::maybe_code(of.0.value.sedation);
        "stated_relief_percent" Number Kept ["%"] "Relief as the patient states it; negative where it was worse." => Cell::tenths(of.0.value.stated_relief.map(|percent| percent.tenths()));
        "stated_relief_minutes" Integer Kept ["min"] "How long relief lasted as the patient states it." => of.0.value.stated_relief_minutes.into();
        "duration_minutes" Integer Kept ["min"] "How long the procedure took." => of.0.value.duration_minutes.into();
        "operator" Text NamePseudonym "Who performed it." => of.0.value.operator.as_ref().into();
        "site" Text NamePseudonym "Where it was performed." => of.0.value.site.as_ref().into();
        "same_day_return" Boolean Kept "Whether the patient returned to activity the same day." => of.0.value.same_day_return.into();
        "age_at_block" Integer Pooled ["years"] "How many whole years old the patient was." => of.1.into();
        "version" Integer Kept "1, and one more with every correction." => of.0.version.into();
        "recorded_at" Instant LeftOut "When it was first recorded." => of.0.recorded_at.into();
        "updated_at" Instant LeftOut "When it was last changed." => of.0.updated_at.into();
    }
}

fn scores() -> Vec<Column> {
    columns! { Score(of):
        "id" Id Pseudonym "The score." => of.id.into();
        "block_id" Id Pseudonym "The block it belongs to." => of.parent.into();
        "patient_id" Id Pseudonym "The patient." => of.patient.into();
        "taken_at" Instant Shifted "When it was taken." => of.value.taken_at.into();
        "utc_offset_minutes" Integer Kept ["min"] "How far the clock by which it was taken is ahead of UTC." => offset(&of.value.taken_at);
        "scale" Code Kept "The scale: nrs from 0 to 10, vas from 0 to 100 mm." => Cell::code(of.value.score.scale());
        "value" Number Kept ["of the scale"] "The score." => Cell::Tenths(of.value.score.tenths().into());
        "context" Code Kept "What the patient was doing." => Cell::code(of.value.context);
        "side" Code Kept "The side that was rated; empty where the sides were not told apart." => Cell::maybe_code(of.value.side);
        "stated_relief_percent" Number Kept ["%"] "Relief as the patient states it; negative where it was worse." => Cell::tenths(of.value.stated_relief.map(|percent| percent.tenths()));
        "analgesic_taken" Boolean Kept "Whether an analgesic was taken at this time, after the score." => of.value.analgesic_taken.into();
        "reported_by" Code Kept "Who reported it." => Cell::maybe_code(of.value.reported_by);
        "retrospective" Boolean Kept "Whether it rests on memory: answered more than an hour, or else entered more than a day, after it was taken." => of.value.is_retrospective(of.recorded_at).into();
        "version" Integer Kept "1, and one more with every correction." => of.version.into();
        "recorded_at" Instant LeftOut "When it was first recorded." => of.recorded_at.into();
        "updated_at" Instant LeftOut "When it was last changed." => of.updated_at.into();
    }
}

fn relief() -> Vec<Column> {
    columns! { Relief(of):
        "block_id" Id Pseudonym "The block." => of.0.id.into();
        "episode_id" Id Pseudonym "The episode it belongs to." => of.0.parent.into();
        "patient_id" Id Pseudonym "The patient." => of.0.patient.into();
        "performed_at" Instant Shifted "The instant of the injection." => of.0.value.performed_at.into();
        "side" Code Kept "The side." => Cell::code(of.1.side.0);
        "threshold_percent" Integer Kept ["%"] "The threshold: those that the active profiles use." => Cell::Whole(of.1.threshold_percent.into());
        "scale" Code Kept "The scale that was read; empty where no scale and context has scores both before and after." => Cell::maybe_code(of.1.scale.map(|scale| scale.0));
        "context" Code Kept "The context that was read." => Cell::maybe_code(of.1.context.map(|context| context.0));
        "baseline" Number Kept ["of the scale"] "The score before the injection." => Cell::tenths(of.1.baseline.map(|score| score.0));
        "best_relief_percent" Number Kept ["%"] "The greatest relief, rounded down to the tenth; negative where it was worse throughout." => Cell::tenths(of.1.best_relief_percent.map(|percent| percent.0));
        "response" Code Kept "What the block did at this threshold; empty where data is missing." => Cell::maybe_code(of.1.response.map(|response| response.0));
        "onset_minutes" Integer Kept ["min"] "From the injection to the first score in relief." => of.1.onset_minutes.into();
        "min_minutes" Integer Kept ["min"] "Relief lasted at least so long." => of.1.min_minutes.into();
        "max_minutes" Integer Kept ["min"] "Relief lasted at most so long; empty where it had not ended." => of.1.max_minutes.into();
        "largest_gap_minutes" Integer Kept ["min"] "The largest gap between neighbouring scores in relief." => of.1.largest_gap_minutes.into();
        "duration_class" Code Kept "Relief against what the agent lets expect (advisory)." => Cell::maybe_code(of.1.duration_class.map(|class| class.0));
        "stated_relief_percent" Number Kept ["%"] "Relief as the patient states it; negative where it was worse." => Cell::tenths(of.1.stated_relief_percent.map(|percent| percent.0.tenths()));
        "cut_by_analgesic" Boolean Kept "Whether an analgesic ended what can be known." => of.1.cut_by_analgesic.into();
    }
}

fn determinations() -> Vec<Column> {
    let mut columns = columns! { Determination(of):
        "episode_id" Id Pseudonym "The episode." => of.episode.into();
        "patient_id" Id Pseudonym "The patient." => of.patient.into();
        "joint" Code Kept "The joint." => Cell::code(of.judgement.target.joint);
        "side" Code Kept "The side." => Cell::code(of.judgement.target.side);
        "profile" Code Kept "The profile." => (&of.judgement.profile).into();
        "profile_version" Integer Kept "Its version." => of.judgement.profile_version.into();
        "purpose" Code Kept "For the first ablation or for another: initial, repeat." => (&of.judgement.purpose).into();
        "verdict" Code Kept "The verdict: meets, needs_review, does_not_meet, insufficient_data." => (&of.judgement.verdict).into();
        "next_step" Code Kept "What would come next; never advice to have a procedure." => (&of.judgement.next_step).into();
        "earliest" Date Shifted "The first day for a confirmatory block." => of.judgement.earliest.into();
        "changes_on" Date Shifted "The first later day on which verdict or next step differs with the same records." => of.judgement.changes_on.into();
        "since" Date LeftOut "The day the present next step began." => of.since.into();
        "rediagnosed" Boolean Kept "Whether the latest ablation is so long ago that the profile asks for diagnostic blocks again." => of.judgement.rediagnosed.into();
        "relief_percent" Number Kept ["%"] "The lowest of the counted blocks' best reliefs, rounded down to the tenth." => Cell::tenths(of.judgement.relief_tenths);
        "operator" Text NamePseudonym "Who performed the newest counted block." => of.judgement.operator.as_ref().into();
        "last_block_on" Date Shifted "The day of the newest counted block." => of.judgement.last_block_on.into();
        "evaluated_as_of" Date LeftOut "The day as of which it was judged." => of.evaluated_as_of.into();
        "decided_at" Instant LeftOut "When it was stored." => of.decided_at.into();
    };
    columns.extend(Rule::ALL.iter().copied().map(Column::of_rule));
    columns
}

fn ablations() -> Vec<Column> {
    columns! { Ablation(of):
        "id" Id Pseudonym "The ablation." => of.0.id.into();
        "episode_id" Id Pseudonym "The episode it belongs to." => of.0.parent.into();
        "patient_id" Id Pseudonym "The patient." => of.0.patient.into();
        "performed_on" Date Shifted "The day." => of.0.value.performed_on.into();
        "joints" Codes Kept "The joints treated." => Cell::codes(&of.0.value.joints);
        "side" Code Kept "The side or sides treated." => Cell::code(of.0.value.side);
        "technique" Code Kept "How the lesion was made." => Cell::maybe_code(of.0.value.technique);
        "temperature_c" Number Kept ["°C"] "The lesion's temperature." => Cell::tenths(of.0.value.temperature_tenths_c);
        "pre_score_scale" Code Kept "The scale of the score before the procedure." => Cell::maybe_code(of.0.value.pre_score.map(|score| score.scale()));
        "pre_score_value" Number Kept ["of the scale"] "The score before the procedure." => Cell::tenths(of.0.value.pre_score.map(|score| score.tenths()));
        "operator" Text NamePseudonym "Who performed it." => of.0.value.operator.as_ref().into();
        "site" Text NamePseudonym "Where it was performed." => of.0.value.site.as_ref().into();
        "age_at_ablation" Integer Pooled ["years"] "How many whole years old the patient was." => of.1.into();
        "version" Integer Kept "1, and one more with every correction." => of.0.version.into();
        "recorded_at" Instant LeftOut "When it was first recorded." => of.0.recorded_at.into();
        "updated_at" Instant LeftOut "When it was last changed." => of.0.updated_at.into();
    }
}

fn follow_ups() -> Vec<Column> {
    columns! { FollowUp(of):
        "id" Id Pseudonym "The follow-up." => of.id.into();
        "ablation_id" Id Pseudonym "The ablation it follows." => of.parent.into();
        "patient_id" Id Pseudonym "The patient." => of.patient.into();
        "taken_on" Date Shifted "The day." => of.value.taken_on.into();
        "score_scale" Code Kept "The scale of the score." => Cell::maybe_code(of.value.score.map(|score| score.scale()));
        "score_value" Number Kept ["of the scale"] "The score." => Cell::tenths(of.value.score.map(|score| score.tenths()));
        "stated_relief_percent" Number Kept ["%"] "Relief as the patient states it; negative where it was worse." => Cell::tenths(of.value.stated_relief.map(|percent| percent.tenths()));
        "function_improvement_percent" Number Kept ["%"] "Stated improvement of painful movements or daily activities." => Cell::tenths(of.value.function_improvement.map(|percent| percent.tenths()));
        "pgic" Integer Kept "Patient global impression of change, 1 (very much improved) to 7 (very much worse)." => of.value.pgic.map(i64::from).into();
        "version" Integer Kept "1, and one more with every correction." => of.version.into();
        "recorded_at" Instant LeftOut "When it was first recorded." => of.recorded_at.into();
        "updated_at" Instant LeftOut "When it was last changed." => of.updated_at.into();
    }
}

fn adverse_events() -> Vec<Column> {
    columns! { AdverseEvent(of):
        "id" Id Pseudonym "The adverse event." => of.0.id.into();
        "block_id" Id Pseudonym "The block after which it happened." => match of.1 { After::Block(id) => id.into(), After::Ablation(_) => Cell::Null };
        "ablation_id" Id Pseudonym "The ablation after which it happened." => match of.1 { After::Ablation(id) => id.into(), After::Block(_) => Cell::Null };
        "patient_id" Id Pseudonym "The patient." => of.0.patient.into();
        "category" Code Kept "What happened." => Cell::code(of.0.value.category);
        "grade" Code Kept "How grave it was." => Cell::code(of.0.value.grade);
        "onset_on" Date Shifted "The day it began." => of.0.value.onset_on.into();
        "relation" Code Kept "Whether the procedure caused it." => Cell::maybe_code(of.0.value.relation);
        "resolved_on" Date Shifted "The day it was over." => of.0.value.resolved_on.into();
        "note" Text LeftOut "Free text." => of.0.value.note.as_ref().into();
        "version" Integer Kept "1, and one more with every correction." => of.0.version.into();
        "recorded_at" Instant LeftOut "When it was first recorded." => of.0.recorded_at.into();
        "updated_at" Instant LeftOut "When it was last changed." => of.0.updated_at.into();
    }
}

fn episodes() -> Vec<Column> {
    columns! { Episode(of):
        "id" Id Pseudonym "The episode." => of.id.into();
        "patient_id" Id Pseudonym "The patient." => of.patient.into();
        "region" Code Kept "Where it hurts." => Cell::code(of.value.region);
        "diagnosis" Code Kept "The diagnosis in ICD-10-CM." => Cell::maybe_code(of.value.diagnosis);
        "onset_date" Date Shifted "The day the pain began." => of.value.onset_date.into();
        "causes" Codes Kept "What may have caused it." => Cell::codes(&of.value.causes);
        "axial" Boolean Kept "Whether the pain is predominantly axial." => of.value.axial.into();
        "radiculopathy" Code Kept "Nerve root pain." => Cell::maybe_code(of.value.radiculopathy);
        "other_causes_excluded" Boolean Kept "Whether other causes were ruled out." => of.value.other_causes_excluded.into();
        "worse_with_extension_or_rotation" Boolean Kept "Whether it is worse with extension or rotation." => of.value.worse_with_extension_or_rotation.into();
        "imaging_suggests_facet" Boolean Kept "Whether imaging suggests facet degeneration." => of.value.imaging_suggests_facet.into();
        "fused_joints" Codes Kept "The joints whose segments are fused; an empty list says that none is." => of.value.fused_joints.as_deref().map_or(Cell::Null, Cell::codes);
        "conservative_care" Objects Within "Conservative care that was tried: kind, start, end, outcome." => Cell::Care(of.value.conservative_care.clone());
        "disability" Objects Within "Disability scores: instrument, score, maximum, taken_on." => Cell::Disability(of.value.disability.clone());
        "assessment" Text LeftOut "History, physical examination and imaging in free text." => of.value.assessment.as_ref().into();
        "version" Integer Kept "1, and one more with every correction." => of.version.into();
        "recorded_at" Instant LeftOut "When it was first recorded." => of.recorded_at.into();
        "updated_at" Instant LeftOut "When it was last changed." => of.updated_at.into();
    }
}

fn patients() -> Vec<Column> {
    columns! { Patient(of):
        "id" Id Pseudonym "The patient." => of.id.into();
        "identifiers" Objects LeftOut "Business identifiers: system, value." => Cell::Identifiers(of.value.identifiers.clone());
        "family_name" Text LeftOut "Family name." => of.value.family_name.as_ref().into();
        "given_name" Text LeftOut "Given name or names." => of.value.given_name.as_ref().into();
        "birth_date" Date LeftOut "Date of birth." => of.value.birth_date.into();
        "sex" Code Kept "Sex, with FHIR's administrative codes." => Cell::maybe_code(of.value.sex);
        "version" Integer Kept "1, and one more with every correction." => of.version.into();
        "recorded_at" Instant LeftOut "When it was first recorded." => of.recorded_at.into();
        "updated_at" Instant LeftOut "When it was last changed." => of.updated_at.into();
    }
}
