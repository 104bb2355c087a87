//! The cohort, as the figures read it: chunk by chunk, with no more columns than they need.
//!
//! A chunk is read in one thread and turned into domain values in another. Reading the scores takes longest, so their ids
//! and codes are read without a text for each.

use super::adverse_events::After;
use super::reviews;
use crate::db::dialect::query;
use crate::db::rows::{
    AblationRow, AdverseEventRow, BlockRow, EpisodeRow, FollowUpRow, Key, ReviewDecision, Stored,
    Term, code, id, instant, local_instant, maybe_instant, percent, score_of,
};
use crate::db::schema::{
    ablations, adverse_events, blocks, determinations, episodes, follow_ups, patients, scores,
};
use crate::db::{Result, Tx};
use crate::domain::ablation::{Ablation, FollowUp};
use crate::domain::adverse_event::AdverseEvent;
use crate::domain::anatomy::{Joint, Side, Target};
use crate::domain::block::Block;
use crate::domain::episode::Episode;
use crate::domain::ids::{AblationId, BlockId, EpisodeId, FollowUpId, ScoreId};
use crate::domain::pain::{Context, RecordedScore, Scale, ScoreRow};
use crate::domain::qualification::{
    History, RecordedAblation, RecordedBlock, RecordedFollowUp, Statuses, Verdict,
    tell_of_sessions_elsewhere,
};
use crate::domain::study::{CohortEpisode, CohortEvent, CohortPatient, Procedure};
use chrono_tz::Tz;
use diesel::prelude::*;
use std::collections::HashMap;
use uuid::Uuid;

/// What a figure reads beside episodes, blocks, ablations and follow-ups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Scores: by far the most rows.
    pub scores: bool,
    /// Adverse events.
    pub events: bool,
    /// Referrals.
    pub referrals: bool,
}

/// The columns of a score that a figure reads.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = scores)]
struct ScoreColumns {
    id: Key,
    block_id: Key,
    taken_at: i64,
    taken_offset: i32,
    scale: Term<Scale>,
    value_tenths: i32,
    context: Term<Context>,
    side: Option<Term<Side>>,
    stated_relief_tenths: Option<i32>,
    analgesic_taken: bool,
    recorded_at: i64,
    answered_at: Option<i64>,
}

/// A part of the cohort as the database gives it.
#[derive(Debug)]
pub struct CohortChunk {
    last: Option<String>,
    patients: Vec<String>,
    episodes: Vec<EpisodeRow>,
    blocks: Vec<BlockRow>,
    scores: Vec<ScoreColumns>,
    ablations: Vec<AblationRow>,
    follow_ups: Vec<FollowUpRow>,
    events: Vec<AdverseEventRow>,
    referrals: HashMap<Uuid, chrono::DateTime<chrono::Utc>>,
}

/// The next `limit` patients after `after`, in the order of their ids.
///
/// # Errors
/// When the database fails.
pub fn cohort(
    tx: &mut Tx<'_>,
    organization: &str,
    wanted: Wanted,
    after: Option<&str>,
    limit: u32,
) -> Result<CohortChunk> {
    // Ids are hyphenated hexadecimal digits: no one comes before the empty text.
    let after = after.unwrap_or_default();
    let patients = query!(tx, conn => patients::table
        .filter(patients::organization_id.eq(organization))
        .filter(patients::id.gt(after))
        .order(patients::id)
        .limit(i64::from(limit))
        .select(patients::id)
        .load::<String>(conn))?;
    let mut chunk = CohortChunk {
        last: patients.last().cloned(),
        patients,
        episodes: Vec::new(),
        blocks: Vec::new(),
        scores: Vec::new(),
        ablations: Vec::new(),
        follow_ups: Vec::new(),
        events: Vec::new(),
        referrals: HashMap::new(),
    };
    let Some(last) = &chunk.last else {
        return Ok(chunk);
    };
    chunk.episodes = query!(tx, conn => episodes::table
        .filter(episodes::organization_id.eq(organization))
        .filter(episodes::patient_id.gt(after).and(episodes::patient_id.le(last)))
        .select(EpisodeRow::as_select())
        .load::<EpisodeRow>(conn))?;
    chunk.blocks = query!(tx, conn => blocks::table
        .filter(blocks::organization_id.eq(organization))
        .filter(blocks::patient_id.gt(after).and(blocks::patient_id.le(last)))
        .filter(blocks::withdrawn_at.is_null())
        .select(BlockRow::as_select())
        .load::<BlockRow>(conn))?;
    if wanted.scores {
        let of: Vec<&str> = chunk.blocks.iter().map(|block| block.id.as_str()).collect();
        chunk.scores = query!(tx, conn => scores::table
            .filter(scores::organization_id.eq(organization))
            .filter(scores::block_id.eq_any(&of))
            .filter(scores::withdrawn_at.is_null())
            .select(ScoreColumns::as_select())
            .load::<ScoreColumns>(conn))?;
    }
    chunk.ablations = query!(tx, conn => ablations::table
        .filter(ablations::organization_id.eq(organization))
        .filter(ablations::patient_id.gt(after).and(ablations::patient_id.le(last)))
        .filter(ablations::withdrawn_at.is_null())
        .select(AblationRow::as_select())
        .load::<AblationRow>(conn))?;
    if !chunk.ablations.is_empty() {
        let of: Vec<&str> = chunk
            .ablations
            .iter()
            .map(|ablation| ablation.id.as_str())
            .collect();
        chunk.follow_ups = query!(tx, conn => follow_ups::table
            .filter(follow_ups::organization_id.eq(organization))
            .filter(follow_ups::ablation_id.eq_any(&of))
            .filter(follow_ups::withdrawn_at.is_null())
            .select(FollowUpRow::as_select())
            .load::<FollowUpRow>(conn))?;
    }
    if wanted.events {
        chunk.events = query!(tx, conn => adverse_events::table
            .filter(adverse_events::organization_id.eq(organization))
            .filter(adverse_events::patient_id.gt(after).and(adverse_events::patient_id.le(last)))
            .select(AdverseEventRow::as_select())
            .load::<AdverseEventRow>(conn))?;
    }
    if wanted.referrals {
        let of: Vec<Uuid> = chunk
            .episodes
            .iter()
            .map(|episode| id(&episode.id))
            .collect::<Result<_>>()?;
        let in_force = reviews::in_force(tx, organization, &of)?.into_values();
        chunk.referrals = in_force
            .filter(|review| review.decision == ReviewDecision::Referred)
            .map(|review| (review.episode, review.decided_at))
            .collect();
    }
    Ok(chunk)
}

impl CohortChunk {
    /// The last patient of the chunk; `None` where there was none left.
    #[must_use]
    pub fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// How many patients it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.patients.len()
    }

    /// Whether there was nobody left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patients.is_empty()
    }

    /// The patients. Instants that the server set are told as days in `zone`.
    ///
    /// # Errors
    /// When a row holds what nobody put there.
    pub fn read(self, zone: Tz) -> Result<Vec<CohortPatient>> {
        let (mut scores, mut retrospective) = recorded_scores(&self.scores)?;
        let mut follow_ups: HashMap<Uuid, Vec<RecordedFollowUp>> = HashMap::new();
        for row in self.follow_ups {
            let stored = Stored::<FollowUp>::try_from(row)?;
            follow_ups
                .entry(stored.parent)
                .or_default()
                .push(RecordedFollowUp {
                    id: FollowUpId(stored.id),
                    follow_up: stored.value,
                });
        }
        let mut blocks: HashMap<Uuid, Vec<RecordedBlock>> = HashMap::new();
        let mut retrospective_of: HashMap<Uuid, HashMap<BlockId, u64>> = HashMap::new();
        for row in self.blocks {
            let stored = Stored::<Block>::try_from(row)?;
            if let Some(count) = retrospective.remove(&stored.id) {
                let of_patient = retrospective_of.entry(stored.patient).or_default();
                of_patient.insert(BlockId(stored.id), count);
            }
            blocks
                .entry(stored.parent)
                .or_default()
                .push(RecordedBlock {
                    id: BlockId(stored.id),
                    scores: scores.remove(&stored.id).unwrap_or_default(),
                    block: stored.value,
                });
        }
        let mut ablations: HashMap<Uuid, Vec<RecordedAblation>> = HashMap::new();
        for row in self.ablations {
            let stored = Stored::<Ablation>::try_from(row)?;
            ablations
                .entry(stored.parent)
                .or_default()
                .push(RecordedAblation {
                    id: AblationId(stored.id),
                    follow_ups: follow_ups.remove(&stored.id).unwrap_or_default(),
                    ablation: stored.value,
                });
        }
        let mut episodes: HashMap<Uuid, Vec<CohortEpisode>> = HashMap::new();
        for row in self.episodes {
            let stored = Stored::<Episode>::try_from(row)?;
            let day = |at: chrono::DateTime<chrono::Utc>| at.with_timezone(&zone).date_naive();
            episodes
                .entry(stored.patient)
                .or_default()
                .push(CohortEpisode {
                    id: EpisodeId(stored.id),
                    recorded_on: day(stored.recorded_at),
                    referred_on: self.referrals.get(&stored.id).copied().map(day),
                    history: History {
                        blocks: blocks.remove(&stored.id).unwrap_or_default(),
                        ablations: ablations.remove(&stored.id).unwrap_or_default(),
                        episode: stored.value,
                        elsewhere: Vec::new(),
                    },
                });
        }
        let mut events: HashMap<Uuid, Vec<CohortEvent>> = HashMap::new();
        for row in self.events {
            let (stored, after): (Stored<AdverseEvent>, After) = row.read()?;
            events.entry(stored.patient).or_default().push(CohortEvent {
                event: stored.value,
                after: match after {
                    After::Block(block) => Procedure::Block(BlockId(block)),
                    After::Ablation(ablation) => Procedure::Ablation(AblationId(ablation)),
                },
            });
        }
        let mut cohort = Vec::with_capacity(self.patients.len());
        for patient in &self.patients {
            let patient = id(patient)?;
            let mut episodes = episodes.remove(&patient).unwrap_or_default();
            if episodes.len() > 1 {
                episodes.sort_by_key(|episode| episode.id);
                tell_of_sessions_elsewhere(
                    episodes.iter_mut().map(|one| &mut one.history).collect(),
                );
            }
            cohort.push(CohortPatient {
                episodes,
                events: events.remove(&patient).unwrap_or_default(),
                retrospective: retrospective_of.remove(&patient).unwrap_or_default(),
            });
        }
        Ok(cohort)
    }
}

/// The scores of each block, and how many of each were entered from memory.
type ScoresOfBlocks = (HashMap<Uuid, Vec<RecordedScore>>, HashMap<Uuid, u64>);

fn recorded_scores(rows: &[ScoreColumns]) -> Result<ScoresOfBlocks> {
    let mut scores: HashMap<Uuid, Vec<RecordedScore>> = HashMap::new();
    let mut retrospective: HashMap<Uuid, u64> = HashMap::new();
    // Those of a block mostly come one after the other.
    for of_block in rows.chunk_by(|one, next| one.block_id == next.block_id) {
        let Some(Key(block)) = of_block.first().map(|row| row.block_id) else {
            continue;
        };
        let recorded = scores.entry(block).or_default();
        recorded.reserve_exact(of_block.len());
        let mut late = 0;
        for row in of_block {
            let value = ScoreRow {
                taken_at: local_instant(row.taken_at, row.taken_offset)?,
                score: score_of(row.scale.0, row.value_tenths)?,
                context: row.context.0,
                side: row.side.map(|side| side.0),
                stated_relief: percent(row.stated_relief_tenths)?,
                analgesic_taken: row.analgesic_taken,
                reported_by: None,
                answered_at: maybe_instant(row.answered_at)?,
            };
            late += u64::from(value.is_retrospective(instant(row.recorded_at)?));
            recorded.push(RecordedScore {
                id: ScoreId(row.id.0),
                sequence: row.id.0.as_u128(),
                row: value,
            });
        }
        if late > 0 {
            *retrospective.entry(block).or_default() += late;
        }
    }
    Ok((scores, retrospective))
}

/// What a profile says about a target, as it is stored.
#[derive(Debug, Clone)]
pub struct StoredVerdict {
    /// The episode.
    pub episode: EpisodeId,
    /// The target.
    pub target: Target,
    /// The profile's id.
    pub profile: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Every rule's status.
    pub statuses: Statuses,
}

/// A row of a verdict: episode, joint, side, profile, verdict, statuses.
type VerdictRow = (String, String, String, String, String, i64);

/// The verdicts about whole episodes after `after`, episode by episode and target by target; `limit` rows at most, of
/// which those of the last episode are left for the next time. And where that begins; `None` at the end.
///
/// # Errors
/// When the database fails.
pub fn verdicts(
    tx: &mut Tx<'_>,
    organization: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<(Vec<StoredVerdict>, Option<String>)> {
    let after = after.unwrap_or_default();
    let mut rows = query!(tx, conn => determinations::table
        .filter(determinations::organization_id.eq(organization))
        .filter(determinations::episode_id.gt(after))
        .order((determinations::episode_id, determinations::joint, determinations::side, determinations::profile))
        .limit(i64::from(limit))
        .select((
            determinations::episode_id,
            determinations::joint,
            determinations::side,
            determinations::profile,
            determinations::verdict,
            determinations::statuses,
        ))
        .load::<VerdictRow>(conn))?;
    let full = u32::try_from(rows.len()).is_ok_and(|rows| rows == limit);
    let last = rows.last().map(|row| row.0.clone()).filter(|_| full);
    if let Some(last) = &last {
        rows.retain(|row| row.0 != *last);
    }
    let next = last.and(rows.last().map(|row| row.0.clone()));
    let read = |(episode, joint, side, profile, verdict, statuses): VerdictRow| {
        Ok(StoredVerdict {
            episode: EpisodeId(id(&episode)?),
            target: target(&joint, &side)?,
            profile,
            verdict: code(&verdict, Verdict::from_code)?,
            statuses: Statuses::from_packed(statuses),
        })
    };
    let verdicts: Result<Vec<StoredVerdict>> = rows.into_iter().map(read).collect();
    Ok((verdicts?, next))
}

/// The targets that meet a profile, as their verdicts are stored.
///
/// # Errors
/// When the database fails.
pub fn targets_meeting(
    tx: &mut Tx<'_>,
    organization: &str,
    profile: &str,
) -> Result<Vec<(EpisodeId, Target)>> {
    let meeting = [Verdict::Meets.code(), Verdict::NeedsReview.code()];
    let rows = query!(tx, conn => determinations::table
        .filter(determinations::organization_id.eq(organization))
        .filter(determinations::profile.eq(profile))
        .filter(determinations::verdict.eq_any(meeting))
        .select((determinations::episode_id, determinations::joint, determinations::side))
        .load::<(String, String, String)>(conn))?;
    let read = |(episode, joint, side): (String, String, String)| {
        Ok((EpisodeId(id(&episode)?), target(&joint, &side)?))
    };
    rows.into_iter().map(read).collect()
}

fn target(joint: &str, side: &str) -> Result<Target> {
    Ok(Target {
        joint: code(joint, Joint::from_code)?,
        side: code(side, Side::from_code)?,
    })
}
