//! The columns of the dataset `outcomes`.

use super::cell::Cell;
use super::column::{Column, columns};
use crate::app::exports::{Outcome, OutcomeBlock};
use crate::app::profiles;
use crate::wire::determination::ReliefFields;
use serde_json::json;
use std::sync::OnceLock;

/// One row a target: who, both blocks, the verdicts, the ablation and what followed.
pub(super) fn outcomes() -> Vec<Column> {
    let mut all = columns! { Outcome(of):
        "episode_id" Id Pseudonym "The episode." => of.episode.into();
        "patient_id" Id Pseudonym "The patient." => of.patient.into();
        "region" Code Kept "Where it hurts." => Cell::code(of.region);
        "joint" Code Kept "The joint." => Cell::code(of.target.joint);
        "side" Code Kept "The side." => Cell::code(of.target.side);
        "sex" Code Kept "Sex, with FHIR's administrative codes." => Cell::maybe_code(of.sex);
        "age" Integer Pooled ["years"] "How many whole years old the patient was at the first of the two blocks, else at the ablation." => of.age.into();
        "diagnostic_blocks" Integer Kept "How many diagnostic blocks of the target there are; the two that follow are the last two before the ablation, or of all where none was done." => of.diagnostic_blocks.into();
    };
    all.extend(of_block::<0>("first_block"));
    all.extend(of_block::<1>("second_block"));
    all.extend(columns! { Outcome(of):
        "days_between_blocks" Integer Kept ["days"] "Days from the first to the second of the two blocks, by the clock of the place." => of.days_between.into();
        "comparative_class" Code Kept "The two blocks against their agents at 80 % (advisory); empty where the agents act equally long." => Cell::maybe_code(of.comparative_class);
    });
    all.extend(
        built_in_profiles()
            .iter()
            .map(|profile| Column::of_verdict(profile)),
    );
    all.extend(after_ablation());
    all
}

/// The ids of the profiles that the program carries: the columns do not depend on which are active.
fn built_in_profiles() -> &'static [String] {
    static IDS: OnceLock<Vec<String>> = OnceLock::new();
    IDS.get_or_init(|| {
        // A test reads every document that is built in.
        let profiles = profiles::built_in().unwrap_or_default();
        profiles.into_iter().map(|profile| profile.id).collect()
    })
}

fn block<const N: usize>(outcome: &Outcome) -> Option<&OutcomeBlock> {
    outcome.blocks.get(N).and_then(Option::as_ref)
}

fn told<const N: usize>(outcome: &Outcome, read: fn(&OutcomeBlock) -> Cell) -> Cell {
    block::<N>(outcome).map_or(Cell::Null, read)
}

fn at_upper<const N: usize>(outcome: &Outcome, read: fn(&ReliefFields) -> Cell) -> Cell {
    block::<N>(outcome)
        .and_then(|block| block.at_upper.as_ref())
        .map_or(Cell::Null, read)
}

fn response(relief: Option<&ReliefFields>) -> Cell {
    Cell::maybe_code(relief.and_then(|relief| relief.response.map(|response| response.0)))
}

fn of_block<const N: usize>(prefix: &str) -> Vec<Column> {
    let mut columns = columns! { Outcome(of):
        "id" Id Pseudonym "The block." => told::<N>(of, |one| one.block.id.into());
        "on" Date Shifted "Its day by the clock of the place." => told::<N>(of, |one| one.block.value.local_date().into());
        "agent" Code Kept "Its local anesthetic." => told::<N>(of, |one| Cell::maybe_code(one.block.value.agent));
        "operator" Text NamePseudonym "Who performed it." => told::<N>(of, |one| one.block.value.operator.as_ref().into());
        "site" Text NamePseudonym "Where it was performed." => told::<N>(of, |one| one.block.value.site.as_ref().into());
        "scale" Code Kept "The scale that was read." => at_upper::<N>(of, |one| Cell::maybe_code(one.scale.map(|scale| scale.0)));
        "baseline" Number Kept ["of the scale"] "The score before it." => at_upper::<N>(of, |one| Cell::tenths(one.baseline.map(|score| score.0)));
        "best_relief_percent" Number Kept ["%"] "Its greatest relief, rounded down to the tenth." => at_upper::<N>(of, |one| Cell::tenths(one.best_relief_percent.map(|percent| percent.0)));
        "stated_relief_percent" Number Kept ["%"] "Relief as the patient states it." => at_upper::<N>(of, |one| Cell::tenths(one.stated_relief_percent.map(|percent| percent.0.tenths())));
        "response_50" Code Kept "What it did at 50 %; empty where data is missing." => told::<N>(of, |one| response(one.at_lower.as_ref()));
        "response_80" Code Kept "What it did at 80 %; empty where data is missing." => told::<N>(of, |one| response(one.at_upper.as_ref()));
        "onset_minutes_80" Integer Kept ["min"] "From the injection to the first score of at least 80 % relief." => at_upper::<N>(of, |one| one.onset_minutes.into());
        "min_minutes_80" Integer Kept ["min"] "Relief of at least 80 % lasted at least so long." => at_upper::<N>(of, |one| one.min_minutes.into());
        "max_minutes_80" Integer Kept ["min"] "It lasted at most so long; empty where it had not ended." => at_upper::<N>(of, |one| one.max_minutes.into());
        "largest_gap_minutes_80" Integer Kept ["min"] "The largest gap between neighbouring scores in that relief." => at_upper::<N>(of, |one| one.largest_gap_minutes.into());
    };
    for column in &mut columns {
        column.heading.name = format!("{prefix}_{}", column.heading.name).into();
    }
    columns
}

fn after_ablation() -> Vec<Column> {
    columns! { Outcome(of):
        "verdicts" Objects Kept "What each active profile says: profile, profile_version, purpose, verdict, next_step." => verdicts(of);
        "ablations" Integer Kept "How many ablations of the target there are; what follows is about the first." => of.ablations.into();
        "ablation_id" Id Pseudonym "The first ablation of the target." => of.ablation.as_ref().map(|of| of.id).into();
        "ablation_on" Date Shifted "Its day." => of.ablation.as_ref().map(|of| of.value.performed_on).into();
        "ablation_technique" Code Kept "How the lesion was made." => Cell::maybe_code(of.ablation.as_ref().and_then(|of| of.value.technique));
        "ablation_pre_score_scale" Code Kept "The scale of the score before it." => Cell::maybe_code(of.ablation.as_ref().and_then(|of| of.value.pre_score).map(|score| score.scale()));
        "ablation_pre_score_value" Number Kept ["of the scale"] "The score before it." => Cell::tenths(of.ablation.as_ref().and_then(|of| of.value.pre_score).map(|score| score.tenths()));
        "follow_ups" Integer Kept "How many follow-ups of it there are." => of.follow_ups.into();
        "last_follow_up_on" Date Shifted "The day of the last one." => of.last_follow_up_on.into();
        "best_relief_percent_3_months" Number Kept ["%"] "The greatest relief at a follow-up 57 to 136 days after it: by scores, else as stated." => Cell::tenths(at::<0>(of));
        "best_relief_percent_6_months" Number Kept ["%"] "The same 137 to 273 days after it." => Cell::tenths(at::<1>(of));
        "best_relief_percent_12_months" Number Kept ["%"] "The same 274 to 547 days after it." => Cell::tenths(at::<2>(of));
        "below_50_on" Date Shifted "The day of the first follow-up with less than 50 % relief." => of.below_half_on.into();
        "repeated_on" Date Shifted "The day of the second ablation of the target." => of.repeated_on.into();
    }
}

fn at<const N: usize>(outcome: &Outcome) -> Option<i32> {
    outcome.relief.get(N).copied().flatten()
}

fn verdicts(outcome: &Outcome) -> Cell {
    let fields = outcome.determinations.iter().map(|determination| {
        let judgement = &determination.judgement;
        json!({
            "profile": judgement.profile,
            "profile_version": judgement.profile_version,
            "purpose": judgement.purpose,
            "verdict": judgement.verdict,
            "next_step": judgement.next_step,
        })
    });
    Cell::Objects(fields.collect())
}
