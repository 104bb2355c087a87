//! Blocks with their curves and scores, and ablations with what followed.

use crate::app::determinations::Determined;
use crate::app::timeline::Timeline;
use crate::app::{Stored, recorded};
use crate::domain::ablation::FollowUp;
use crate::domain::block::Block;
use crate::domain::pain::{RecordedScore, ScoreRow, Tenths};
use crate::domain::qualification::{History, Profile, RecordedBlock};
use crate::domain::relief::BlockRelief;
use crate::web::charts;
use crate::web::patient::Overlay;
use crate::web::words;
use chrono::NaiveDate;
use uuid::Uuid;

/// One block.
pub(super) struct BlockView {
    pub(super) id: Uuid,
    pub(super) title: String,
    pub(super) when: String,
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) relief: Vec<String>,
    pub(super) chart: Option<String>,
    pub(super) scores: Vec<ScoreView>,
}

/// One row of its diary.
pub(super) struct ScoreView {
    pub(super) id: Uuid,
    pub(super) when: String,
    pub(super) since: String,
    pub(super) score: String,
    pub(super) context: &'static str,
    pub(super) side: &'static str,
    pub(super) stated: String,
    pub(super) analgesic: bool,
    pub(super) by: &'static str,
    pub(super) retrospective: bool,
}

/// One ablation.
pub(super) struct AblationView {
    pub(super) id: Uuid,
    pub(super) title: String,
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) chart: String,
    pub(super) follow_ups: Vec<FollowUpView>,
}

/// One look at what an ablation gave.
pub(super) struct FollowUpView {
    pub(super) id: Uuid,
    pub(super) day: NaiveDate,
    pub(super) weeks: i64,
    pub(super) words: String,
    pub(super) relief: String,
}

/// The blocks of an episode, the newest first.
pub(super) fn blocks(
    records: &Timeline,
    episode: Uuid,
    profile: &Profile,
    determined: &Determined,
) -> Vec<BlockView> {
    let mut own: Vec<&Stored<Block>> = records
        .blocks
        .iter()
        .filter(|block| block.parent == episode)
        .collect();
    own.sort_by_key(|block| std::cmp::Reverse(block.value.performed_at));
    own.into_iter()
        .map(|block| view(records, block, profile, determined.as_of))
        .collect()
}

fn view(
    records: &Timeline,
    stored: &Stored<Block>,
    profile: &Profile,
    as_of: NaiveDate,
) -> BlockView {
    let block = &stored.value;
    let mut rows: Vec<&Stored<ScoreRow>> = records
        .scores
        .iter()
        .filter(|score| score.parent == stored.id)
        .collect();
    rows.sort_by_key(|score| (score.value.taken_at, score.id));
    let counted: Vec<RecordedScore> = rows
        .iter()
        .filter(|score| score.withdrawn.is_none())
        .map(|score| recorded(score))
        .collect();
    let relief = BlockRelief::of(block, &counted, as_of, &[profile.criteria.relief]);
    BlockView {
        id: stored.id,
        title: format!(
            "{}, {}",
            words::block(block),
            words::treated(&block.joints, block.side)
        ),
        when: block.performed_at.format("%Y-%m-%d %H:%M").to_string(),
        facts: facts(block),
        relief: relief.iter().map(words::relief).collect(),
        chart: charts::curve(
            format!("c{}", stored.id.simple()),
            &[(block, &counted)],
            profile,
            as_of,
        ),
        scores: rows
            .iter()
            .filter(|score| score.withdrawn.is_none())
            .map(|score| row(block, score))
            .collect(),
    }
}

fn facts(block: &Block) -> Vec<(&'static str, String)> {
    const OPEN: &str = "not recorded";
    let or_open = |text: Option<String>| text.unwrap_or_else(|| OPEN.to_owned());
    let concentration = block
        .concentration_thousandths
        .map_or_else(String::new, |thousandths| {
            format!(" {}\u{a0}%", words::thousandths(thousandths))
        });
    let nerves: Vec<&str> = block.nerves().iter().map(|nerve| nerve.code()).collect();
    let mut facts = vec![
        ("Nerves", nerves.join(", ")),
        (
            "Agent",
            or_open(
                block
                    .agent
                    .map(|agent| format!("{}{concentration}", agent.label())),
            ),
        ),
        (
            "Volume per nerve",
            or_open(
                block
                    .volume_microlitres_per_nerve
                    .map(|volume| format!("{}\u{a0}mL", words::thousandths(volume))),
            ),
        ),
        (
            "Corticosteroid",
            or_open(
                block
                    .steroid
                    .map(|steroid| if steroid { "yes" } else { "no" }.to_owned()),
            ),
        ),
        (
            "Guidance",
            or_open(block.guidance.map(|one| one.label().to_owned())),
        ),
        (
            "Sedation",
            or_open(block.sedation.map(|one| one.label().to_owned())),
        ),
        ("Operator", or_open(block.operator.clone())),
    ];
    if let Some(site) = &block.site {
        facts.push(("Site", site.clone()));
    }
    if let Some(minutes) = block.duration_minutes {
        facts.push(("Took", format!("{minutes}\u{a0}min")));
    }
    if let Some(stated) = block.stated_relief {
        facts.push(("Stated relief", words::percent(i32::from(stated.tenths()))));
    }
    if let Some(minutes) = block.stated_relief_minutes {
        facts.push(("Stated duration", words::minutes(minutes.into())));
    }
    facts
}

fn row(block: &Block, stored: &Stored<ScoreRow>) -> ScoreView {
    let score = &stored.value;
    let since = (score.taken_at - block.performed_at).num_minutes();
    ScoreView {
        id: stored.id,
        when: score.taken_at.format("%Y-%m-%d %H:%M").to_string(),
        since: if since > 0 {
            words::minutes(since)
        } else {
            "before".to_owned()
        },
        score: score.score.to_string(),
        context: score.context.label(),
        side: score.side.map_or("", |side| side.label()),
        stated: score.stated_relief.map_or_else(String::new, |stated| {
            words::percent(i32::from(stated.tenths()))
        }),
        analgesic: score.analgesic_taken,
        by: score.reported_by.map_or("", |by| by.label()),
        retrospective: score.is_retrospective(stored.recorded_at),
    }
}

/// The newest two diagnostic blocks that have a target in common, laid over each other.
pub(super) fn overlays(history: &History, profile: &Profile, as_of: NaiveDate) -> Vec<Overlay> {
    let mut diagnostic: Vec<&RecordedBlock> = history
        .blocks
        .iter()
        .filter(|one| one.block.is_diagnostic_mbb())
        .collect();
    diagnostic.sort_by_key(|one| std::cmp::Reverse(one.block.performed_at));
    let Some((newest, earlier)) = diagnostic.split_first() else {
        return Vec::new();
    };
    let partner = earlier.iter().find(|other| {
        newest
            .block
            .targets()
            .any(|target| other.block.covers(target))
    });
    let Some(other) = partner else {
        return Vec::new();
    };
    let title = format!(
        "{} and {}",
        other.block.local_date(),
        newest.block.local_date()
    );
    let pair = [
        (&other.block, &other.scores),
        (&newest.block, &newest.scores),
    ];
    let chart = charts::curve(
        format!("o{}", newest.id.0.simple()),
        &pair.map(|(block, scores)| (block, scores.as_slice())),
        profile,
        as_of,
    );
    chart
        .map(|chart| Overlay { title, chart })
        .into_iter()
        .collect()
}

/// The ablations of an episode, the newest first.
pub(super) fn ablations(records: &Timeline, episode: Uuid, as_of: NaiveDate) -> Vec<AblationView> {
    let mut own: Vec<_> = records
        .ablations
        .iter()
        .filter(|ablation| ablation.parent == episode)
        .collect();
    own.sort_by_key(|ablation| std::cmp::Reverse(ablation.value.performed_on));
    let view = |stored: &Stored<crate::domain::ablation::Ablation>| {
        let ablation = &stored.value;
        let mut follow_ups: Vec<&Stored<FollowUp>> = records
            .follow_ups
            .iter()
            .filter(|one| one.parent == stored.id)
            .collect();
        follow_ups.sort_by_key(|one| (one.value.taken_on, one.id));
        let mut facts = Vec::new();
        if let Some(technique) = ablation.technique {
            facts.push(("Technique", technique.label().to_owned()));
        }
        if let Some(temperature) = ablation.temperature_tenths_c {
            facts.push(("Temperature", format!("{}\u{a0}°C", Tenths(temperature))));
        }
        facts.push((
            "Pain before",
            ablation
                .pre_score
                .map_or_else(|| "not recorded".to_owned(), |score| score.to_string()),
        ));
        if let Some(operator) = &ablation.operator {
            facts.push(("Operator", operator.clone()));
        }
        let values: Vec<&FollowUp> = follow_ups.iter().map(|one| &one.value).collect();
        AblationView {
            id: stored.id,
            title: format!(
                "{}, {}",
                ablation.performed_on,
                words::treated(&ablation.joints, ablation.side)
            ),
            facts,
            chart: charts::after_ablation(
                format!("f{}", stored.id.simple()),
                ablation,
                &values,
                as_of,
            ),
            follow_ups: follow_ups
                .iter()
                .map(|one| FollowUpView {
                    id: one.id,
                    day: one.value.taken_on,
                    weeks: (one.value.taken_on - ablation.performed_on).num_weeks(),
                    words: words::follow_up(&one.value),
                    relief: one
                        .value
                        .relief(ablation.pre_score)
                        .map_or_else(String::new, |relief| words::percent(relief.floor_tenths())),
                })
                .collect(),
        }
    };
    own.into_iter().map(view).collect()
}
