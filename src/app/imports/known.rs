//! What is stored already of the records that a case names, found by their natural keys.

use super::super::core::Unit;
use super::super::error::{Error, FieldError, Result};
use super::super::patients;
use super::Case;
use crate::db::{Stored, queries};
use crate::domain::ablation::{Ablation, FollowUp};
use crate::domain::anatomy::{Joint, Side, TreatedSide};
use crate::domain::block::{Block, BlockTechnique};
use crate::domain::episode::Episode;
use crate::domain::pain::{Context, Scale, ScoreRow};
use crate::domain::patient::Patient;
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::BTreeSet;
use uuid::Uuid;

/// What tells the blocks of one patient apart: the instant, what was injected into, where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BlockKey(DateTime<Utc>, BlockTechnique, BTreeSet<Joint>, TreatedSide);

impl BlockKey {
    pub(super) fn of(block: &Block) -> BlockKey {
        let joints = block.joints.iter().copied().collect();
        let at = block.performed_at.with_timezone(&Utc);
        BlockKey(at, block.technique, joints, block.side)
    }
}

/// What tells the ablations of one patient apart: the day, where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AblationKey(NaiveDate, BTreeSet<Joint>, TreatedSide);

impl AblationKey {
    pub(super) fn of(ablation: &Ablation) -> AblationKey {
        let joints = ablation.joints.iter().copied().collect();
        AblationKey(ablation.performed_on, joints, ablation.side)
    }
}

/// What tells the scores of one block apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ScoreKey(DateTime<Utc>, Scale, Context, Option<Side>);

impl ScoreKey {
    pub(super) fn of(row: &ScoreRow) -> ScoreKey {
        let at = row.taken_at.with_timezone(&Utc);
        ScoreKey(at, row.score.scale(), row.context, row.side)
    }
}

/// What is stored of a patient, as far as a case can touch it.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) patient: Option<Stored<Patient>>,
    pub(super) episodes: Vec<Stored<Episode>>,
    pub(super) blocks: Vec<Stored<Block>>,
    /// Of the blocks that the case names; withdrawn ones too.
    pub(super) scores: Vec<Stored<ScoreRow>>,
    pub(super) ablations: Vec<Stored<Ablation>>,
    pub(super) follow_ups: Vec<Stored<FollowUp>>,
}

impl Known {
    /// Loads it.
    pub(super) fn load(unit: &mut Unit<'_, '_>, case: &Case) -> Result<Known> {
        let patient =
            patients::matching(unit, &case.patient.identifiers).map_err(|error| match error {
                Error::Conflict { code, detail } => {
                    Error::Invalid(vec![FieldError::new("/patient/identifiers", code, detail)])
                }
                other => other,
            })?;
        let Some(patient) = patient else {
            return Ok(Known::default());
        };
        let organization = &unit.principal.organization;
        let episodes = queries::episodes::for_patient(unit.tx, organization, patient.id)?;
        let blocks = queries::blocks::for_patient(unit.tx, organization, patient.id)?;
        let ablations = queries::ablations::for_patient(unit.tx, organization, patient.id)?;
        let mut known = Known {
            patient: Some(patient),
            episodes,
            blocks,
            ablations,
            ..Known::default()
        };
        let named = case
            .blocks
            .iter()
            .filter_map(|(block, _)| known.block(block));
        let named: Vec<Uuid> = named.map(|stored| stored.id).collect();
        if !named.is_empty() {
            known.scores =
                queries::scores::for_blocks_with_withdrawn(unit.tx, organization, &named)?;
        }
        let named = case.ablations.iter();
        let named = named.filter_map(|(ablation, _)| known.ablation(ablation));
        let named: Vec<Uuid> = named.map(|stored| stored.id).collect();
        if !named.is_empty() {
            known.follow_ups = queries::follow_ups::for_ablations(unit.tx, organization, &named)?;
        }
        Ok(known)
    }

    /// The stored block that `block` is about.
    pub(super) fn block(&self, block: &Block) -> Option<&Stored<Block>> {
        let key = BlockKey::of(block);
        self.blocks
            .iter()
            .find(|stored| BlockKey::of(&stored.value) == key)
    }

    /// The stored ablation that `ablation` is about.
    pub(super) fn ablation(&self, ablation: &Ablation) -> Option<&Stored<Ablation>> {
        let key = AblationKey::of(ablation);
        self.ablations
            .iter()
            .find(|stored| AblationKey::of(&stored.value) == key)
    }
}
