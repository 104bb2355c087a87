//! What was done and what came of it: blocks with their curves and relief, ablations with their follow-ups.

use super::document::{AblationSummary, BlockSummary, Curve, SideRelief};
use super::facts::{fact, joint_codes, yes_or_no};
use crate::app::evidence::EvidenceRecords;
use crate::app::{Stored, recorded};
use crate::chart::{self, CurveBlock, FollowUpCurve, PainCurve};
use crate::domain::ablation::{Ablation, AblationTechnique};
use crate::domain::block::{Block, Guidance, Sedation};
use crate::domain::pain::{RecordedScore, Tenths};
use crate::domain::qualification::explain::duration_words;
use crate::domain::relief::{BlockRelief, ReliefInterval};
use crate::wire::scalar::{Code, Date, Id, Instant};
use chrono::TimeDelta;
use uuid::Uuid;

fn scores_of(records: &EvidenceRecords, block: Uuid) -> Vec<RecordedScore> {
    let scores = records.scores.iter();
    scores
        .filter(|score| score.parent == block)
        .map(recorded)
        .collect()
}

fn curve_block(records: &EvidenceRecords, block: &Stored<Block>) -> CurveBlock {
    let criteria = &records.profile.criteria;
    let window = block.value.agent.and_then(|agent| criteria.window(agent));
    CurveBlock::read_with(
        &block.value,
        &scores_of(records, block.id),
        criteria.relief,
        records.determined.as_of,
        criteria.baseline_max_age,
    )
    .expecting(window)
}

fn curve(id: String, blocks: Vec<CurveBlock>) -> Curve {
    let curve = PainCurve { id, blocks };
    Curve {
        words: chart::pain_curve_words(&curve),
        svg: chart::pain_curve(&curve),
    }
}

/// The newest two diagnostic blocks over each other, where there are two with scores.
pub(super) fn laid_over(records: &EvidenceRecords) -> Option<Curve> {
    let diagnostic = records.blocks.iter();
    let mut blocks: Vec<CurveBlock> = diagnostic
        .filter(|block| block.value.is_diagnostic_mbb())
        .map(|block| curve_block(records, block))
        .filter(|block| !block.is_empty())
        .collect();
    let newest = blocks.split_off(blocks.len().saturating_sub(2));
    (newest.len() == 2).then(|| curve("curves".to_owned(), newest))
}

fn is_counted(records: &EvidenceRecords, block: &Stored<Block>) -> bool {
    let demanded = usize::from(records.profile.criteria.blocks);
    block.value.targets().any(|target| {
        let mut of_target = records
            .blocks
            .iter()
            .rev()
            .filter(|other| other.value.is_diagnostic_mbb() && other.value.covers(target));
        of_target
            .by_ref()
            .take(demanded)
            .any(|other| other.id == block.id)
    })
}

pub(super) fn block_summary(records: &EvidenceRecords, stored: &Stored<Block>) -> BlockSummary {
    let block = &stored.value;
    let concentration = block
        .concentration_thousandths
        .map(|thousandths| format!(" {} %", thousandths_words(thousandths)))
        .unwrap_or_default();
    let volume = block
        .volume_microlitres_per_nerve
        .map(|microlitres| format!(", {} mL per nerve", thousandths_words(microlitres)))
        .unwrap_or_default();
    let agent = block
        .agent
        .map(|agent| format!("{agent}{concentration}{volume}"));
    let nerves: Vec<&'static str> = block
        .nerves()
        .into_iter()
        .map(|nerve| nerve.code())
        .collect();
    BlockSummary {
        id: Id(stored.id),
        performed_at: Instant(block.performed_at),
        performed_on: Date(block.local_date()),
        what: format!("{} {}", block.kind, block.technique),
        counted: is_counted(records, stored),
        joints: joint_codes(&block.joints),
        side: block.side.label(),
        facts: vec![
            fact(
                "Joints",
                Some(format!(
                    "{} {}",
                    block.side,
                    joint_codes(&block.joints).join(", ")
                )),
            ),
            fact("Nerves", Some(nerves.join(", "))),
            fact("Agent", agent),
            fact("Corticosteroid", yes_or_no(block.steroid)),
            fact("Guidance", block.guidance.map(Guidance::label)),
            fact("Sedation", block.sedation.map(Sedation::label)),
            fact("Operator", block.operator.clone()),
        ],
        nerves,
        relief: side_reliefs(records, stored),
        curve: curve(
            format!("curve-{}", stored.id.simple()),
            vec![curve_block(records, stored)],
        ),
    }
}

/// A number of thousandths without trailing zeros.
fn thousandths_words(thousandths: i32) -> String {
    let decimals = format!("{:03}", thousandths % 1000);
    let decimals = decimals.trim_end_matches('0');
    if decimals.is_empty() {
        format!("{}", thousandths / 1000)
    } else {
        format!("{}.{decimals}", thousandths / 1000)
    }
}

fn side_reliefs(records: &EvidenceRecords, stored: &Stored<Block>) -> Vec<SideRelief> {
    let scores = scores_of(records, stored.id);
    let threshold = records.profile.criteria.relief;
    let reliefs = BlockRelief::of(
        &stored.value,
        &scores,
        records.determined.as_of,
        &[threshold],
    );
    let stated_duration = stored.value.stated_relief_minutes;
    let stated_duration =
        stated_duration.map(|minutes| duration_words(TimeDelta::minutes(minutes.into())));
    reliefs
        .into_iter()
        .map(|relief| SideRelief {
            side: Code(relief.side),
            threshold_percent: threshold.percent(),
            baseline: relief.baseline.map(|baseline| baseline.to_string()),
            best: relief
                .best_floor_tenths
                .map(|tenths| format!("{} %", Tenths(tenths))),
            duration: duration(&relief),
            min_minutes: relief.interval.map(|interval| interval.min.num_minutes()),
            max_minutes: relief
                .interval
                .and_then(|interval| interval.max)
                .map(|max| max.num_minutes()),
            largest_gap_minutes: relief
                .interval
                .map(|interval| interval.largest_gap.num_minutes()),
            stated: relief.stated.map(|stated| stated.to_string()),
            stated_duration: stated_duration.clone(),
            cut_by_analgesic: relief.cut_by_analgesic,
        })
        .collect()
}

fn duration(relief: &BlockRelief) -> String {
    match (relief.interval, relief.response) {
        (Some(ReliefInterval { min, max, .. }), _) => match max {
            Some(max) => format!("{} to {}", duration_words(min), duration_words(max)),
            None => format!("at least {}, end not recorded", duration_words(min)),
        },
        (None, Some(_)) => "not reached".to_owned(),
        (None, None) => "data is missing".to_owned(),
    }
}

pub(super) fn ablation_summary(
    records: &EvidenceRecords,
    stored: &Stored<Ablation>,
) -> AblationSummary {
    let ablation = &stored.value;
    let own = records.follow_ups.iter();
    let own = own.filter(|one| one.parent == stored.id);
    let curve = FollowUpCurve::of(
        format!("follow-up-{}", stored.id.simple()),
        ablation,
        own.map(|one| &one.value),
        records.determined.as_of,
    );
    AblationSummary {
        id: Id(stored.id),
        performed_on: Date(ablation.performed_on),
        joints: joint_codes(&ablation.joints),
        side: ablation.side.label(),
        facts: vec![
            fact(
                "Joints",
                Some(format!(
                    "{} {}",
                    ablation.side,
                    joint_codes(&ablation.joints).join(", ")
                )),
            ),
            fact(
                "Technique",
                ablation.technique.map(AblationTechnique::label),
            ),
            fact(
                "Score before",
                ablation.pre_score.map(|score| score.to_string()),
            ),
            fact("Operator", ablation.operator.clone()),
        ],
        curve: Curve {
            words: chart::follow_up_curve_words(&curve),
            svg: chart::follow_up_curve(&curve),
        },
    }
}
