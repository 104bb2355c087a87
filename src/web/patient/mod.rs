//! A patient: everything recorded, what each profile says about it, and what is missing.

mod blocks;
mod matrix;
mod missing;
mod time_line;

use super::page::{Place, Shell, page};
use super::words;
use crate::app::determinations::{self, Determined};
use crate::app::profiles::WantedProfiles;
use crate::app::timeline::{self, Timeline};
use crate::app::{Result, Unit};
use crate::auth::Action;
use crate::domain::anatomy::{Joint, Side, Target};
use crate::domain::episode::Episode;
use crate::domain::pain::Tenths;
use crate::domain::patient::Patient;
use crate::domain::qualification::{
    Determination, NextStep, Profile, RuleExplanation, Status, Verdict,
};
use crate::http::{Access, Call, Endpoint, Parameter, ParameterKind, Reply, State};
use crate::wire::determination::summary;
use crate::wire::profile::CONTESTED;
use askama::Template;
use blocks::{AblationView, BlockView};
use chrono::NaiveDate;
use matrix::Matrix;
use missing::MissingView;
use std::sync::Arc;
use time_line::Event;
use uuid::Uuid;

/// The pages.
pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page(
            "/patients/{id}",
            "page_patient",
            Access::SignedIn(Action::ReadPatient),
            show,
        )
        .query(Parameter::new(
            "profile",
            ParameterKind::Text,
            "The profile that comes first.",
        ))
        .query(Parameter::new(
            "target",
            ParameterKind::Text,
            "The target whose rules are shown, as left:L4-5.",
        )),
    ]
}

#[derive(Template)]
#[template(path = "patient.html")]
struct PatientTemplate {
    shell: Shell,
    id: Uuid,
    name: String,
    age: String,
    born: Option<NaiveDate>,
    sex: &'static str,
    identifiers: Vec<String>,
    profile: Arc<Profile>,
    profiles: Vec<Arc<Profile>>,
    episodes: Vec<EpisodeView>,
    events: Vec<Event>,
    may_record: bool,
    may_review: bool,
    contested: &'static str,
}

/// One episode.
struct EpisodeView {
    id: Uuid,
    title: String,
    facts: Vec<(&'static str, String)>,
    targets: Vec<TargetView>,
    matrix: Option<Matrix>,
    missing: Vec<MissingView>,
    blocks: Vec<BlockView>,
    overlays: Vec<Overlay>,
    ablations: Vec<AblationView>,
    review: Option<String>,
    candidate: bool,
}

/// Two blocks of one side laid over each other.
struct Overlay {
    title: String,
    chart: String,
}

/// What the chosen profile says about one target.
struct TargetView {
    label: String,
    href: String,
    current: bool,
    verdict: Verdict,
    summary: String,
    step: &'static str,
    earliest: Option<NaiveDate>,
    changes_on: Option<NaiveDate>,
}

fn show(state: &State, call: &Call) -> Result<Reply> {
    let id = call.path_id("id", "patient")?;
    let template = state.app.read(call.principal()?, |unit| {
        let records = timeline::of_patient(unit, id)?;
        let profiles = unit.chosen_profiles(&WantedProfiles::Active)?;
        let profile = words::chosen_profile(call, &profiles)?;
        let mut episodes = Vec::new();
        // The newest first: it is what one came for.
        for episode in records.episodes.iter().rev() {
            let determined =
                determinations::of_episode(unit, episode.id, None, &WantedProfiles::Active)?;
            let chosen = Chosen {
                call,
                patient: id,
                profile: &profile,
                today: unit.today(),
            };
            episodes.push(chosen.episode(&records, episode.id, &determined));
        }
        let patient = &records.patient.value;
        Ok(PatientTemplate {
            shell: Shell::of(call, Place::Worklist)?,
            id,
            name: words::name_of(patient),
            age: words::age_of(patient, unit.today()),
            born: patient.birth_date,
            sex: patient.sex.map_or("", |sex| sex.label()),
            identifiers: identifiers(patient),
            events: time_line::of(&records),
            profile,
            profiles,
            episodes,
            may_record: may_record(unit),
            may_review: unit.principal.allows(Action::ReviewCandidate),
            contested: CONTESTED,
        })
    })?;
    page(&template)
}

fn may_record(unit: &Unit<'_, '_>) -> bool {
    unit.principal.allows(Action::WriteBlock) && unit.principal.allows(Action::CorrectBlock)
}

fn identifiers(patient: &Patient) -> Vec<String> {
    patient
        .identifiers
        .iter()
        .map(|one| format!("{} ({})", one.value, one.system))
        .collect()
}

/// What was chosen to be shown.
struct Chosen<'a> {
    call: &'a Call,
    patient: Uuid,
    profile: &'a Profile,
    today: NaiveDate,
}

type Explained<'d> = (Determination<'d>, Vec<RuleExplanation>);

impl Chosen<'_> {
    fn episode(&self, records: &Timeline, id: Uuid, determined: &Determined) -> EpisodeView {
        let explained: Vec<Explained<'_>> = determined.explained().collect();
        let own: Vec<&Explained<'_>> = explained
            .iter()
            .filter(|(one, _)| one.profile.id == self.profile.id)
            .collect();
        let target = self.target(&own, &explained);
        let history = &determined.history;
        EpisodeView {
            id,
            title: title(&history.episode),
            facts: facts(&history.episode),
            targets: own
                .iter()
                .map(|(one, _)| self.target_view(one, target))
                .collect(),
            matrix: target.map(|target| Matrix::of(id, target, self.profile, &explained)),
            missing: missing::of(id, history, &own),
            blocks: blocks::blocks(records, id, self.profile, determined),
            overlays: blocks::overlays(history, self.profile, determined.as_of),
            ablations: blocks::ablations(records, id, determined.as_of),
            review: records
                .reviews
                .iter()
                .find(|review| review.episode == id)
                .map(words::review),
            candidate: own.iter().any(|(one, _)| one.next_step.is_candidate()),
        }
    }

    /// The target whose rules are shown: the one in the address, else a candidate, else the first.
    fn target(&self, own: &[&Explained<'_>], all: &[Explained<'_>]) -> Option<Target> {
        let asked = self.call.query("target").and_then(target_of);
        let known = |target: &Target| all.iter().any(|(one, _)| one.target == *target);
        let candidate = own.iter().find(|(one, _)| one.next_step.is_candidate());
        asked
            .filter(known)
            .or(candidate.map(|(one, _)| one.target))
            .or(own.first().map(|(one, _)| one.target))
            .or(all.first().map(|(one, _)| one.target))
    }

    fn target_view(&self, one: &Determination<'_>, shown: Option<Target>) -> TargetView {
        let step = match one.next_step {
            NextStep::None => "",
            step => step.label(),
        };
        TargetView {
            label: one.target.to_string(),
            href: format!(
                "/patients/{}?profile={}&target={}#rules",
                self.patient,
                self.profile.id,
                code_of(one.target)
            ),
            current: shown == Some(one.target),
            verdict: one.verdict,
            summary: summary(one),
            step,
            earliest: one.earliest.filter(|day| *day > self.today),
            changes_on: one.changes_on,
        }
    }
}

/// A target as in the address.
fn code_of(target: Target) -> String {
    format!("{}:{}", target.side.code(), target.joint.code())
}

fn target_of(text: &str) -> Option<Target> {
    let (side, joint) = text.split_once(':')?;
    Some(Target {
        joint: Joint::from_code(joint).ok()?,
        side: Side::from_code(side).ok()?,
    })
}

fn title(episode: &Episode) -> String {
    let region = episode.region.label();
    let since = episode.onset_date.map_or_else(
        || "onset not recorded".to_owned(),
        |onset| format!("since {onset}"),
    );
    format!("{} facet pain, {since}", words::capitalized(region))
}

/// What is recorded about an episode, and what is not.
fn facts(episode: &Episode) -> Vec<(&'static str, String)> {
    const OPEN: &str = "not recorded";
    let answer = |answer: Option<bool>| match answer {
        Some(true) => "yes".to_owned(),
        Some(false) => "no".to_owned(),
        None => OPEN.to_owned(),
    };
    let listed = |list: Vec<String>| {
        if list.is_empty() {
            OPEN.to_owned()
        } else {
            list.join("; ")
        }
    };
    let care = episode.conservative_care.iter().map(|care| {
        let day =
            |day: Option<NaiveDate>| day.map_or_else(|| "?".to_owned(), |day| day.to_string());
        let outcome = care
            .outcome
            .map_or_else(String::new, |outcome| format!(", {}", outcome.label()));
        format!(
            "{} ({} to {}{outcome})",
            care.kind,
            day(care.start),
            day(care.end)
        )
    });
    let disability = episode.disability.iter().map(|score| {
        format!(
            "{} {} of {} on {}",
            score.instrument.label(),
            Tenths(score.score_tenths),
            Tenths(score.maximum_tenths),
            score.taken_on
        )
    });
    let fused = episode.fused_joints.as_ref().map_or_else(
        || OPEN.to_owned(),
        |joints| match joints.as_slice() {
            [] => "none".to_owned(),
            some => some
                .iter()
                .map(|joint| joint.code())
                .collect::<Vec<_>>()
                .join(", "),
        },
    );
    let mut facts = vec![
        ("Axial pain", answer(episode.axial)),
        (
            "Radiculopathy",
            episode
                .radiculopathy
                .map_or(OPEN, |radiculopathy| radiculopathy.label())
                .to_owned(),
        ),
        (
            "Other causes ruled out",
            answer(episode.other_causes_excluded),
        ),
        (
            "Worse with extension or rotation",
            answer(episode.worse_with_extension_or_rotation),
        ),
        (
            "Imaging suggests facet degeneration",
            answer(episode.imaging_suggests_facet),
        ),
        ("Fused joints", fused),
        (
            "Possible causes",
            listed(
                episode
                    .causes
                    .iter()
                    .map(|cause| cause.label().to_owned())
                    .collect(),
            ),
        ),
        ("Conservative care", listed(care.collect())),
        ("Disability scores", listed(disability.collect())),
    ];
    if let Some(diagnosis) = episode.diagnosis {
        let words = format!("{}, {}", diagnosis.code, diagnosis.label);
        facts.insert(0, ("Diagnosis", words));
    }
    if let Some(assessment) = &episode.assessment {
        facts.push(("Assessment", assessment.clone()));
    }
    facts
}

/// How a status is marked: by a sign, never by colour alone.
pub(super) const fn sign(status: Status) -> &'static str {
    match status {
        Status::Met => "✓",
        Status::Unmet => "✕",
        Status::Unknown => "?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_in_the_address_reads_back() {
        let target = Target {
            joint: Joint::from_code("C7-T1").unwrap(),
            side: Side::Right,
        };
        assert_eq!(code_of(target), "right:C7-T1");
        assert_eq!(target_of(&code_of(target)), Some(target));
        for text in ["", "right", "right:", "up:C7-T1", "right:C7-T2"] {
            assert_eq!(target_of(text), None, "{text}");
        }
    }
}
