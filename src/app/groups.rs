//! Groups of patients that follow from what is recorded: the candidates by each active profile, and everybody who is
//! being followed up after an ablation. Nobody keeps them; they are as the determinations are.

use super::core::Unit;
use super::error::{Error, Result};
use crate::auth::Action;
use crate::db::queries;
use crate::domain::qualification::NextStep;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// In front of the id of a profile, the id of the group of its candidates.
const CANDIDATES: &str = "candidates-";
/// The id of the group of those who are being followed up.
const FOLLOWED_UP: &str = "in-follow-up";

/// A group of patients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatientGroup {
    /// Its id, made of what it holds.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The profile whose candidates they are.
    pub profile: Option<String>,
    /// The next steps that its members have in common.
    pub next_steps: &'static [NextStep],
    /// When it last changed.
    pub updated: DateTime<Utc>,
    /// The patients, in the order of their ids.
    pub members: Vec<Uuid>,
}

/// What the groups are made by.
struct Rule {
    id: String,
    name: String,
    profile: Option<String>,
    next_steps: &'static [NextStep],
}

fn rules(unit: &mut Unit<'_, '_>) -> Result<Vec<Rule>> {
    let profiles = unit.active_profiles()?;
    let mut rules: Vec<Rule> = profiles
        .iter()
        .map(|profile| Rule {
            id: format!("{CANDIDATES}{}", profile.id),
            name: format!("Candidates for radiofrequency ablation: {}", profile.title),
            profile: Some(profile.id.clone()),
            next_steps: &[NextStep::ReferForAblation, NextStep::RepeatAblation],
        })
        .collect();
    rules.push(Rule {
        id: FOLLOWED_UP.to_owned(),
        name: "In follow-up after radiofrequency ablation".to_owned(),
        profile: None,
        next_steps: &[NextStep::FollowUp],
    });
    rules.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(rules)
}

/// Every group, in the order of their ids.
///
/// # Errors
/// [`Error::Forbidden`]; those of the database.
pub fn all(unit: &mut Unit<'_, '_>) -> Result<Vec<PatientGroup>> {
    unit.require(Action::ReadGroup)?;
    let rules = rules(unit)?;
    let groups = rules.into_iter().map(|rule| filled(unit, rule)).collect();
    unit.note_read(Action::ReadGroup, "group", None, None);
    groups
}

/// One group.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`]; those of the database.
pub fn get(unit: &mut Unit<'_, '_>, id: &str) -> Result<PatientGroup> {
    unit.require(Action::ReadGroup)?;
    let rule = rules(unit)?
        .into_iter()
        .find(|rule| rule.id == id)
        .ok_or(Error::NotFound { what: "group" })?;
    unit.note_read(Action::ReadGroup, "group", None, None);
    filled(unit, rule)
}

fn filled(unit: &mut Unit<'_, '_>, rule: Rule) -> Result<PatientGroup> {
    let organization = &unit.principal.organization;
    let steps: Vec<&str> = rule.next_steps.iter().map(|step| step.code()).collect();
    let found = queries::groups::members(unit.tx, organization, rule.profile.as_deref(), &steps)?;
    let updated = match found.iter().map(|(_, decided)| *decided).max() {
        Some(updated) => updated,
        None => {
            queries::groups::last_decided(unit.tx, organization)?.unwrap_or(DateTime::UNIX_EPOCH)
        }
    };
    Ok(PatientGroup {
        id: rule.id,
        name: rule.name,
        profile: rule.profile,
        next_steps: rule.next_steps,
        updated,
        members: found.into_iter().map(|(patient, _)| patient).collect(),
    })
}
