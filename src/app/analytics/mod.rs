//! The figures of the field, from the organization's own records.
//!
//! A figure reads the cohort once, on one unchanging view, chunk by chunk: one thread reads rows, another turns them into
//! domain values and counts, so that memory stays the same however many patients there are.

mod asked;
mod counting;
mod passes;
pub mod published;

pub use crate::domain::study::what_if::Moved;
pub use asked::{Asked, Filter, SMALLEST_CELL};

use super::core::Unit;
use super::error::{Error, FieldError, Result};
use super::profiles::document;
use crate::auth::Action;
use crate::db::queries;
use crate::domain::qualification::Profile;
use crate::domain::study::what_if::WhatIf;
use crate::domain::study::{Figure, Report, Selection};
use counting::Counting;
use std::collections::HashSet;
use std::sync::Arc;

/// Told how many patients were counted so far; its error ends the work.
pub type Progress<'p> = dyn FnMut(u64) -> Result<()> + 'p;

/// One figure.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for a filter that names nothing; those of the database.
pub fn report(
    unit: &mut Unit<'_, '_>,
    figure: Figure,
    asked: &Asked,
    progress: &mut Progress<'_>,
) -> Result<Report> {
    unit.require(Action::ReadAnalytics)?;
    let (min_cell, deidentified) = asked.guarding(unit.principal)?;
    let selection = selection(unit, &asked.filter)?;
    let as_of = unit.today();
    let tables = match figure {
        Figure::Agreement => passes::agreement(unit, asked, &selection, as_of, progress)?,
        other => {
            let counting = Counting::of(other, asked.options);
            let wanted = counting.wanted();
            let counted = passes::cohort(unit, wanted, counting, progress, |counting, patient| {
                counting.add(patient, &selection, as_of);
            })?;
            counted.tables(asked.options)
        }
    };
    unit.note_read(Action::ReadAnalytics, figure.code(), None, None);
    let report = Report {
        figure: figure.code(),
        title: figure.label(),
        about: figure.about(),
        as_of,
        interval: asked.options.interval,
        chosen: asked.chosen(),
        min_cell,
        deidentified,
        tables,
        notes: figure.notes().to_vec(),
    };
    Ok(report.guarded())
}

/// What a profile that nobody stored would change.
#[derive(Debug)]
pub struct WhatIfReport {
    /// The tables.
    pub report: Report,
    /// The profile in use that it was held against.
    pub against: Arc<Profile>,
    /// The new one.
    pub profile: Profile,
    /// Who would come in, the first of them; `None` where the role may not see who it is.
    pub entering: Option<Vec<Moved>>,
    /// Who would go out.
    pub leaving: Option<Vec<Moved>>,
}

/// Holds a profile, as a document, against one in use over the whole cohort; nothing of it is stored.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for every mistake of the document with its line, and for a filter or a profile
/// that names nothing; those of the database.
pub fn what_if(
    unit: &mut Unit<'_, '_>,
    text: &str,
    against: Option<&str>,
    asked: &Asked,
    progress: &mut Progress<'_>,
) -> Result<WhatIfReport> {
    unit.require(Action::ReadAnalytics)?;
    let (min_cell, deidentified) = asked.guarding(unit.principal)?;
    let profile = read(text)?;
    let against = in_use(unit, against, &profile)?;
    let selection = selection(unit, &asked.filter)?;
    let as_of = unit.today();
    let wanted = queries::analytics::Wanted {
        scores: true,
        events: false,
        referrals: false,
    };
    let counted = passes::cohort(
        unit,
        wanted,
        WhatIf::default(),
        progress,
        |counting, patient| {
            counting.add(patient, &selection, (&against, &profile), as_of);
        },
    )?;
    unit.note_read(Action::ReadAnalytics, "what-if", None, None);
    let mut chosen = asked.chosen();
    chosen.push(("against", vec![against.id.clone()]));
    let report = Report {
        figure: "what-if",
        title: "What-if",
        about: "A profile that is not stored, held against one in use over the whole cohort: who would come in, who would go out, and by which rules.",
        as_of,
        interval: asked.options.interval,
        chosen,
        min_cell,
        deidentified,
        tables: counted.tables(asked.options),
        notes: vec![
            "Both profiles are judged anew as of today; a target qualifies where it meets the profile, perhaps with something to be reviewed.",
        ],
    };
    let may_see = !deidentified
        && unit.principal.allows(Action::ReadDetermination)
        && unit.principal.allows(Action::ReadEpisode);
    Ok(WhatIfReport {
        report: report.guarded(),
        against,
        profile,
        entering: may_see.then_some(counted.entering.named),
        leaving: may_see.then_some(counted.leaving.named),
    })
}

/// Reads a profile's document.
///
/// # Errors
/// [`Error::Invalid`] with the line of each mistake.
pub fn read(text: &str) -> Result<Profile> {
    document::read("document", text).map_err(|errors| {
        let field = |error: document::DocumentError| {
            let detail = format!("line {}: {}", error.line, error.detail);
            FieldError::new("", "invalid_profile", detail)
        };
        Error::Invalid(errors.into_iter().map(field).collect())
    })
}

/// The profile to hold the new one against: the one named, else the one of the same name, else the first in use.
fn in_use(unit: &mut Unit<'_, '_>, named: Option<&str>, new: &Profile) -> Result<Arc<Profile>> {
    let shelved = unit.profiles()?;
    let by_id = |id: &str| shelved.iter().find(|one| one.profile.id == id);
    let found = match named {
        Some(id) => by_id(id),
        None => by_id(&new.id)
            .or_else(|| shelved.iter().find(|one| one.active))
            .or_else(|| shelved.first()),
    };
    found.map(|one| Arc::clone(&one.profile)).ok_or_else(|| {
        let ids: Vec<&str> = shelved.iter().map(|one| one.profile.id.as_str()).collect();
        unknown_profile("/against", &ids)
    })
}

fn unknown_profile(pointer: &str, ids: &[&str]) -> Error {
    let detail = format!("There is no such profile; there are {}.", ids.join(", "));
    Error::field(pointer, "unknown_profile", detail)
}

/// The filters with what they need to know.
fn selection(unit: &mut Unit<'_, '_>, filter: &Filter) -> Result<Selection> {
    let meeting = match &filter.profile {
        None => None,
        Some(profile) => {
            let shelved = unit.profiles()?;
            let ids: Vec<&str> = shelved
                .iter()
                .filter(|one| one.active)
                .map(|one| one.profile.id.as_str())
                .collect();
            if !ids.contains(&profile.as_str()) {
                return Err(unknown_profile("/profile", &ids));
            }
            let organization = &unit.principal.organization;
            let targets = queries::analytics::targets_meeting(unit.tx, organization, profile)?;
            Some(Arc::new(targets.into_iter().collect::<HashSet<_>>()))
        }
    };
    Ok(filter.selection(meeting))
}
