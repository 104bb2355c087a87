//! Where the number behind a rule comes from.

use super::document::Source;
use crate::domain::qualification::profile::Criterion;
use crate::domain::qualification::{Profile, Provenance, Rule};

/// The criterion that a rule holds the records against; `None` where it asks for a fact and not for a number.
pub(super) const fn criterion_of(rule: Rule) -> Option<Criterion> {
    Some(match rule {
        Rule::BlockCount => Criterion::Blocks,
        Rule::Relief | Rule::StatedAgrees => Criterion::ReliefPercent,
        Rule::ReliefDuration => Criterion::ReliefMinutes,
        Rule::BlockInterval => Criterion::IntervalDays,
        Rule::BlockAge => Criterion::BlockMaxAgeDays,
        Rule::Levels => Criterion::MaxLevels,
        Rule::Guidance => Criterion::Guidance,
        Rule::DiagnosticCap => Criterion::DiagnosticCap,
        Rule::PainFloor => Criterion::PainFloor,
        Rule::PainDuration => Criterion::PainDays,
        Rule::ConservativeCare => Criterion::ConservativeCare,
        Rule::AxialPain => Criterion::Axial,
        Rule::Fusion => Criterion::FusionExcludes,
        Rule::AblationCap => Criterion::AblationCap,
        Rule::AblationGap => Criterion::AblationGapDays,
        Rule::PainReturned | Rule::RepeatRelief => Criterion::RepeatPercent,
        Rule::Radiculopathy
        | Rule::OtherCauses
        | Rule::DisabilityRecorded
        | Rule::NoSteroid
        | Rule::NoSedation
        | Rule::Volume
        | Rule::AgentDuration => return None,
    })
}

/// The sources that rules refer to, numbered as they come up.
pub(super) struct Sources<'p> {
    profile: &'p Profile,
    listed: Vec<Source>,
}

/// What stands for a rule that is common to all profiles and no number of this one.
const COMMON: &str = "Common to all profiles; no number of this profile";

impl<'p> Sources<'p> {
    /// None yet.
    pub(super) const fn of(profile: &'p Profile) -> Sources<'p> {
        Sources {
            profile,
            listed: Vec::new(),
        }
    }

    /// The number of the source of a criterion, of the common rules where there is none.
    pub(super) fn number(&mut self, criterion: Option<Criterion>) -> usize {
        let own: Option<&Provenance> = criterion.map(|criterion| {
            let own = self.profile.provenances.get(&criterion);
            own.unwrap_or(&self.profile.provenance)
        });
        let (source, trust) = own.map_or((COMMON, "unverified"), |own| {
            (own.source.as_str(), own.trust.label())
        });
        let same = |listed: &&Source| listed.source == source && listed.trust == trust;
        if let Some(known) = self.listed.iter().find(same) {
            return known.number;
        }
        let number = self.listed.len() + 1;
        self.listed.push(Source {
            number,
            source: source.to_owned(),
            trust,
        });
        number
    }

    /// All that came up.
    pub(super) fn listed(self) -> Vec<Source> {
        self.listed
    }
}
