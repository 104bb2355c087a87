//! Records the cohort through the use cases that every other record takes, in the order in which it happened.

use super::cohort::{self, Course, Step, What};
use crate::app::{self, After, App, Unit, ablations, blocks, episodes, judging, patients};
use crate::auth::{Principal, Role};
use crate::domain::pain::ScoreRow;
use crate::wire::ablation::{AblationBody, FollowUpBody};
use crate::wire::adverse_event::AdverseEventBody;
use crate::wire::block::{BlockBody, ScoreBody};
use crate::wire::episode::EpisodeBody;
use crate::wire::errors::{FieldError, FieldErrors};
use crate::wire::parse;
use crate::wire::patient::PatientBody;
use chrono::Utc;
use deserr::Deserr;
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// The organization of the demonstration.
pub(super) const ORGANIZATION: &str = "demo";

/// So many patients are recorded in one transaction.
const BATCH: u32 = 25;

/// Records patients 1 to `patients` and judges them as of today; `done` is told how many are recorded.
///
/// # Errors
/// Those of the use cases.
pub(super) fn load(
    app: &Arc<App>,
    seed: u64,
    patients: u32,
    done: impl Fn(u32),
) -> app::Result<()> {
    let principal = Principal {
        organization: ORGANIZATION.to_owned(),
        subject: "demo".to_owned(),
        role: Role::EhrSystem,
        scopes: None,
    };
    let today = app.today();
    let mut first = 1;
    while first <= patients {
        let last = patients.min(first.saturating_add(BATCH - 1));
        app.write(&principal, move |unit| {
            for number in first..=last {
                record(unit, &cohort::course(seed, number, today))?;
            }
            Ok(())
        })?;
        done(last);
        first = last + 1;
    }
    app.judge_what_came_of_age()?;
    app.seal_audit()?;
    Ok(())
}

/// What the following steps of a course refer to.
#[derive(Default)]
struct Recorded {
    blocks: Vec<Uuid>,
    ablation: Option<Uuid>,
}

fn record(unit: &mut Unit<'_, '_>, course: &Course) -> app::Result<()> {
    let now = unit.now;
    let first = course.steps.first().map(|step| step.recorded_at);
    unit.now = first.map_or(now, |first| first.with_timezone(&Utc));
    let patient = read::<PatientBody>(&course.patient)?.into_domain();
    let patient = patients::record(unit, &patient)?.patient().id;
    let episode = read::<EpisodeBody>(&course.episode)?.into_domain();
    let episode = episodes::record(unit, patient, &episode)?.id;
    let mut recorded = Recorded::default();
    for step in &course.steps {
        take(unit, episode, step, &mut recorded)?;
        judging::judge_patient(unit, patient)?;
    }
    unit.now = now;
    Ok(())
}

fn take(
    unit: &mut Unit<'_, '_>,
    episode: Uuid,
    step: &Step,
    recorded: &mut Recorded,
) -> app::Result<()> {
    unit.now = step.recorded_at.with_timezone(&Utc);
    let absent = || app::Error::internal("a course tells the end before the beginning");
    match &step.what {
        What::Block(body) => {
            let body = with(body, "episode_id", &episode);
            let body = BlockBody::read(body, unit.now).map_err(app::Error::Invalid)?;
            let (block, scores) = body.into_domain();
            let belongs = blocks::Belongs::To(episode);
            let (stored, _) = blocks::insert(unit, &belongs, &block, &scores)?;
            recorded.blocks.push(stored.id);
        }
        What::Scores { block, rows } => {
            let block = recorded.blocks.get(*block).copied().ok_or_else(absent)?;
            let rows = read::<Vec<ScoreBody>>(&json!(rows))?;
            let rows: Vec<ScoreRow> = rows
                .into_iter()
                .filter_map(ScoreBody::into_domain)
                .collect();
            blocks::add_scores(unit, block, &rows, |place| format!("/{place}"))?;
        }
        What::Ablation(body) => {
            let body = read::<AblationBody>(&with(body, "episode_id", &episode))?;
            let (ablation, follow_ups) = body.into_domain();
            let (stored, _) = ablations::insert(unit, episode, &ablation, &follow_ups)?;
            recorded.ablation = Some(stored.id);
        }
        What::FollowUp(body) => {
            let ablation = recorded.ablation.ok_or_else(absent)?;
            let follow_up = read::<FollowUpBody>(body)?.into_domain();
            ablations::add_follow_up(unit, ablation, &follow_up)?;
        }
        What::BlockEvent(body) => {
            let block = recorded.blocks.last().copied().ok_or_else(absent)?;
            event(unit, After::Block(block), &with(body, "block_id", &block))?;
        }
        What::AblationEvent(body) => {
            let ablation = recorded.ablation.ok_or_else(absent)?;
            let body = with(body, "ablation_id", &ablation);
            event(unit, After::Ablation(ablation), &body)?;
        }
    }
    Ok(())
}

fn event(unit: &mut Unit<'_, '_>, after: After, body: &Value) -> app::Result<()> {
    let body = read::<AdverseEventBody>(body)?;
    let mut errors: Vec<FieldError> = Vec::new();
    body.check(unit.now.date_naive(), &mut errors);
    if !errors.is_empty() {
        return Err(app::Error::Invalid(errors));
    }
    ablations::record_event(unit, after, &body.into_domain())?;
    Ok(())
}

fn with(body: &Value, field: &str, id: &Uuid) -> Value {
    let mut body = body.clone();
    if let Some(fields) = body.as_object_mut() {
        fields.insert(field.to_owned(), json!(id.to_string()));
    }
    body
}

fn read<T: Deserr<FieldErrors>>(body: &Value) -> app::Result<T> {
    parse(body.clone()).map_err(app::Error::Invalid)
}
