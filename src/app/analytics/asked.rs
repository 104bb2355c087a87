//! What is asked for: filters, options, and what is kept back.

use super::super::error::{Error, Result};
use crate::auth::{Action, Principal};
use crate::domain::anatomy::{Joint, Region, Target};
use crate::domain::block::{Agent, Guidance};
use crate::domain::ids::EpisodeId;
use crate::domain::sites::Sites;
use crate::domain::study::{Options, Selection};
use chrono::NaiveDate;
use std::collections::HashSet;
use std::sync::Arc;

/// Numbers below this are kept back of de-identified figures, unless another limit is asked for.
pub const SMALLEST_CELL: u64 = 11;

/// Who is in a figure. `None` does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Procedures on this day or later.
    pub from: Option<NaiveDate>,
    /// Procedures on this day or earlier.
    pub to: Option<NaiveDate>,
    /// Procedures at these sites.
    pub sites: Sites,
    /// Procedures by this operator.
    pub operator: Option<String>,
    /// In this region.
    pub region: Option<Region>,
    /// At this joint.
    pub level: Option<Joint>,
    /// Blocks with this agent.
    pub agent: Option<Agent>,
    /// Blocks under this guidance.
    pub guidance: Option<Guidance>,
    /// Targets that meet this profile today; of the agreement of profiles, the pairs with it.
    pub profile: Option<String>,
}

impl Filter {
    /// Whether nothing restricts what was done, and where: only targets and profiles.
    pub(super) fn takes_every_procedure(&self) -> bool {
        self.from.is_none()
            && self.to.is_none()
            && self.sites.are_any()
            && self.operator.is_none()
            && self.agent.is_none()
            && self.guidance.is_none()
    }

    pub(super) fn selection(
        &self,
        meeting: Option<Arc<HashSet<(EpisodeId, Target)>>>,
    ) -> Selection {
        Selection {
            from: self.from,
            to: self.to,
            sites: self.sites.clone(),
            operator: self.operator.clone(),
            region: self.region,
            level: self.level,
            agent: self.agent,
            guidance: self.guidance,
            meeting,
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// Who is in it.
    pub filter: Filter,
    /// How it is computed.
    pub options: Options,
    /// Whether names of people and places are left out; without a word about it, for those who may not see identified
    /// records.
    pub deidentify: Option<bool>,
    /// Numbers from 1 up to below this are kept back; without a word about it, [`SMALLEST_CELL`] where de-identified.
    pub min_cell: Option<u64>,
}

impl Asked {
    /// From which number on numbers are shown, and whether names are left out.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for names, and [`Error::Invalid`] for smaller numbers than the role may see.
    pub(super) fn guarding(&self, principal: &Principal) -> Result<(u64, bool)> {
        let may_identify = principal.allows(Action::ExportIdentified);
        let deidentified = self.deidentify.unwrap_or(!may_identify);
        if !deidentified && !may_identify {
            return Err(Error::Forbidden {
                action: Action::ExportIdentified,
            });
        }
        let usual = if deidentified { SMALLEST_CELL } else { 0 };
        let min_cell = self.min_cell.unwrap_or(usual);
        if !may_identify && min_cell < SMALLEST_CELL {
            let detail = format!(
                "For this role numbers below {SMALLEST_CELL} are kept back; a larger limit can be asked for."
            );
            return Err(Error::field("/min_cell", "too_small", detail));
        }
        Ok((min_cell, deidentified))
    }

    /// What was chosen, by its names.
    pub(super) fn chosen(&self) -> Vec<(&'static str, Vec<String>)> {
        let filter = &self.filter;
        let day = |day: Option<NaiveDate>| day.map(|day| day.to_string());
        let before = [("from", day(filter.from)), ("to", day(filter.to))];
        let after = [
            ("operator", filter.operator.clone()),
            (
                "region",
                filter.region.map(|region| region.code().to_owned()),
            ),
            ("level", filter.level.map(|level| level.code().to_owned())),
            ("agent", filter.agent.map(|agent| agent.code().to_owned())),
            (
                "guidance",
                filter.guidance.map(|guidance| guidance.code().to_owned()),
            ),
            ("profile", filter.profile.clone()),
            ("interval", Some(self.options.interval.code().to_owned())),
            (
                "threshold",
                Some(self.options.threshold.percent().to_string()),
            ),
            ("step", Some(self.options.step.to_string())),
        ];
        let one = |(name, value): (&'static str, Option<String>)| (name, Vec::from_iter(value));
        let sites = ("site", filter.sites.names().to_vec());
        let all = before.map(one).into_iter().chain([sites]);
        all.chain(after.map(one))
            .filter(|(_, values)| !values.is_empty())
            .collect()
    }
}
