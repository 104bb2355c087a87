//! The codes of what was done and why.

use super::document::{CodeLine, Codes, DiagnosisSummary, ProcedureCodes};
use super::facts::joint_codes;
use crate::app::Stored;
use crate::app::evidence::EvidenceRecords;
use crate::domain::anatomy::Joint;
use crate::domain::block::{Block, Guidance};
use crate::domain::codes::{ProcedureLine, ablation_lines, block_lines, covered_diagnoses};
use crate::domain::episode::Radiculopathy;
use crate::wire::scalar::Date;

pub(super) fn codes(records: &EvidenceRecords) -> Codes {
    let kx = records.profile.kx_modifier;
    let blocks = records.blocks.iter().map(|block| ProcedureCodes {
        performed_on: Date(block.value.local_date()),
        what: format!("{} {}", block.value.kind, block.value.technique),
        lines: code_lines(block_lines(&block.value, kx)),
    });
    let ablations = records.ablations.iter().map(|ablation| ProcedureCodes {
        performed_on: Date(ablation.value.performed_on),
        what: "radiofrequency ablation".to_owned(),
        lines: code_lines(ablation_lines(&ablation.value)),
    });
    let treated: Vec<Joint> = records
        .blocks
        .iter()
        .flat_map(|block| block.value.joints.iter().copied())
        .chain(
            records
                .ablations
                .iter()
                .flat_map(|one| one.value.joints.iter().copied()),
        )
        .collect();
    let cyst = records.episode.value.radiculopathy == Some(Radiculopathy::FacetCyst);
    let mut notes = Vec::new();
    let guided = |block: &Stored<Block>| {
        matches!(
            block.value.guidance,
            Some(Guidance::Fluoroscopy | Guidance::Ct)
        )
    };
    if !records.blocks.iter().all(guided) {
        notes.push("The CPT codes of a block stand for one under fluoroscopy or CT; another guidance, or none, is recorded for at least one block.".to_owned());
    }
    if cyst {
        notes
            .push("M53.8 is covered for a block for a facet cyst, not for an ablation.".to_owned());
    }
    let diagnosis = records.episode.value.diagnosis;
    Codes {
        procedures: blocks.chain(ablations).collect(),
        diagnosis: diagnosis.map(DiagnosisSummary::from),
        diagnoses: covered_diagnoses(&treated, cyst)
            .into_iter()
            .map(DiagnosisSummary::from)
            .collect(),
        diagnoses_note: if diagnosis.is_some() {
            "Covered by Medicare for this region, beside the diagnosis of the record."
        } else {
            "Covered by Medicare for this region; the records hold no coded diagnosis."
        },
        notes,
    }
}

fn code_lines(lines: Vec<ProcedureLine>) -> Vec<CodeLine> {
    lines
        .into_iter()
        .map(|line| CodeLine {
            cpt: line.code,
            joints: joint_codes(&line.joints),
            units: line.units,
            modifiers: line.modifiers,
        })
        .collect()
}
