//! Which charts the pages show.

use crate::chart::{
    CurveBlock, FollowUpCurve, PainCurve, Sparkline, follow_up_curve, pain_curve, sparkline,
};
use crate::domain::ablation::{Ablation, FollowUp};
use crate::domain::anatomy::Side;
use crate::domain::block::Block;
use crate::domain::pain::RecordedScore;
use crate::domain::qualification::{Profile, RecordedBlock};
use chrono::NaiveDate;

/// A small relief curve of each block, on `side` where it treated that, with its day.
pub(super) fn sparks(
    blocks: &[RecordedBlock],
    side: Option<Side>,
    profile: &Profile,
    as_of: NaiveDate,
) -> Vec<(NaiveDate, String)> {
    let drawn = |one: &RecordedBlock| {
        let own = one.block.sides().first().copied();
        let side = side.filter(|side| one.block.side.covers(*side)).or(own)?;
        let id = format!("s{}", one.id.0.simple());
        let threshold = profile.criteria.relief;
        let spark = Sparkline::of(id, &one.block, &one.scores, side, threshold, as_of);
        Some((one.block.local_date(), sparkline(&spark)))
    };
    blocks.iter().filter_map(drawn).collect()
}

/// The pain curve of blocks laid over each other, the earliest first; `None` where there is no score to be drawn.
pub(super) fn curve(
    id: String,
    blocks: &[(&Block, &[RecordedScore])],
    profile: &Profile,
    as_of: NaiveDate,
) -> Option<String> {
    let criteria = &profile.criteria;
    let read = |(block, scores): &(&Block, &[RecordedScore])| {
        CurveBlock::read_with(
            block,
            scores,
            criteria.relief,
            as_of,
            criteria.baseline_max_age,
        )
        .expecting(block.agent.and_then(|agent| criteria.window(agent)))
    };
    let blocks: Vec<CurveBlock> = blocks.iter().map(read).collect();
    if blocks.iter().all(CurveBlock::is_empty) {
        return None;
    }
    Some(pain_curve(&PainCurve { id, blocks }))
}

/// The curve of what an ablation gave.
pub(super) fn after_ablation(
    id: String,
    ablation: &Ablation,
    follow_ups: &[&FollowUp],
    as_of: NaiveDate,
) -> String {
    let curve = FollowUpCurve::of(id, ablation, follow_ups.iter().copied(), as_of);
    follow_up_curve(&curve)
}
