//! What is missing, and the form that takes it.

use super::Explained;
use crate::domain::qualification::Evidence;
use crate::domain::qualification::{History, Rule, RuleExplanation, Status};
use uuid::Uuid;

/// One thing that is missing.
pub(super) struct MissingView {
    /// The targets that it is missing for.
    pub(super) targets: Vec<String>,
    /// The rule.
    pub(super) label: &'static str,
    /// Whether a verdict depends on it.
    pub(super) required: bool,
    /// The sentence.
    pub(super) detail: String,
    /// Where it is filled in.
    pub(super) href: String,
    /// What the form is called.
    pub(super) form: &'static str,
}

/// What is missing for the determinations of one profile, each thing once, what a verdict depends on first.
pub(super) fn of(episode: Uuid, history: &History, own: &[&Explained<'_>]) -> Vec<MissingView> {
    let mut missing: Vec<MissingView> = Vec::new();
    for (one, rules) in own {
        for rule in rules.iter().filter(|rule| rule.status == Status::Unknown) {
            let same = missing
                .iter_mut()
                .find(|known| known.label == rule.rule.label() && known.detail == rule.detail);
            match same {
                Some(known) => known.targets.push(one.target.to_string()),
                None => {
                    let (form, href) = form_for(episode, history, rule);
                    missing.push(MissingView {
                        targets: vec![one.target.to_string()],
                        label: rule.rule.label(),
                        required: rule.rule.required(),
                        detail: rule.detail.clone(),
                        href,
                        form,
                    });
                }
            }
        }
    }
    missing.sort_by_key(|one| !one.required);
    missing
}

/// The form that takes what a rule misses: its name and its address.
fn form_for(episode: Uuid, history: &History, rule: &RuleExplanation) -> (&'static str, String) {
    let of_episode = || ("Complete the episode", format!("/episodes/{episode}/edit"));
    let new_block = || ("Record a block", format!("/blocks/new?episode={episode}"));
    let block = || {
        let named = rule.evidence.iter().find_map(|evidence| match evidence {
            Evidence::Block(id) => Some(id.0),
            Evidence::Score(_)
            | Evidence::Ablation(_)
            | Evidence::FollowUp(_)
            | Evidence::Care(_)
            | Evidence::Disability(_)
            | Evidence::Episode(_) => None,
        });
        let newest = history
            .blocks
            .iter()
            .max_by_key(|one| one.block.performed_at)
            .map(|one| one.id.0);
        named.or(newest)
    };
    let scores = || {
        block().map_or_else(new_block, |block| {
            ("Add scores", format!("/blocks/{block}/scores/new"))
        })
    };
    let of_block = || {
        block().map_or_else(new_block, |block| {
            ("Complete the block", format!("/blocks/{block}/edit"))
        })
    };
    let follow_up = || {
        let newest = history
            .ablations
            .iter()
            .max_by_key(|one| one.ablation.performed_on);
        newest.map_or_else(of_episode, |one| {
            (
                "Record a follow-up",
                format!("/ablations/{}/follow-ups/new", one.id.0),
            )
        })
    };
    match rule.rule {
        Rule::BlockCount | Rule::BlockInterval | Rule::BlockAge => new_block(),
        Rule::Relief
        | Rule::ReliefDuration
        | Rule::PainFloor
        | Rule::AgentDuration
        | Rule::StatedAgrees => scores(),
        Rule::Levels
        | Rule::Guidance
        | Rule::DiagnosticCap
        | Rule::NoSteroid
        | Rule::NoSedation
        | Rule::Volume => of_block(),
        Rule::PainDuration
        | Rule::ConservativeCare
        | Rule::Radiculopathy
        | Rule::OtherCauses
        | Rule::AxialPain
        | Rule::Fusion
        | Rule::DisabilityRecorded => of_episode(),
        Rule::AblationCap | Rule::AblationGap | Rule::PainReturned | Rule::RepeatRelief => {
            follow_up()
        }
    }
}
