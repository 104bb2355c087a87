//! Profiles: the built-in ones, those of a directory, and each organization's own.

pub mod document;
mod written;

use super::core::Unit;
use super::error::{Error, FieldError, Result};
use crate::auth::Action;
use crate::db::queries;
use crate::db::rows::{ProfileActivation, ProfileVersion};
use crate::domain::qualification::Profile;
use document::DocumentError;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

pub use written::document_of;

/// The documents that the program carries, by file name, in the order in which they are listed.
const BUILT_IN: [(&str, &str); 12] = [
    (
        "medicare-lcd.toml",
        include_str!("../../../profiles/medicare-lcd.toml"),
    ),
    (
        "aetna-cpb-0016.toml",
        include_str!("../../../profiles/aetna-cpb-0016.toml"),
    ),
    (
        "evicore-cmm-208.toml",
        include_str!("../../../profiles/evicore-cmm-208.toml"),
    ),
    (
        "alabama-medicaid-2024.toml",
        include_str!("../../../profiles/alabama-medicaid-2024.toml"),
    ),
    (
        "tricare-west-rfd.toml",
        include_str!("../../../profiles/tricare-west-rfd.toml"),
    ),
    (
        "nys-wc-mtg.toml",
        include_str!("../../../profiles/nys-wc-mtg.toml"),
    ),
    (
        "nhs-humber-ny.toml",
        include_str!("../../../profiles/nhs-humber-ny.toml"),
    ),
    (
        "lumbar-consensus-2020.toml",
        include_str!("../../../profiles/lumbar-consensus-2020.toml"),
    ),
    (
        "cervical-consensus-2022.toml",
        include_str!("../../../profiles/cervical-consensus-2022.toml"),
    ),
    (
        "sis-dual-100.toml",
        include_str!("../../../profiles/sis-dual-100.toml"),
    ),
    (
        "manchukonda-2007.toml",
        include_str!("../../../profiles/manchukonda-2007.toml"),
    ),
    (
        "facts-2018.toml",
        include_str!("../../../profiles/facts-2018.toml"),
    ),
];

/// The profiles that the program carries.
///
/// # Errors
/// Every mistake in a document that was changed wrongly before it was built in; a test reads them all.
pub fn built_in() -> std::result::Result<Vec<Profile>, Vec<DocumentError>> {
    read_all(
        BUILT_IN
            .into_iter()
            .map(|(file, text)| (file.to_owned(), text.to_owned())),
    )
}

/// The profiles of every `.toml` file in `directory`, by file name.
///
/// # Errors
/// Every mistake in every file; a file that cannot be read is one.
pub fn from_directory(directory: &Path) -> std::result::Result<Vec<Profile>, Vec<DocumentError>> {
    let unreadable = |path: &Path, error: std::io::Error| {
        vec![DocumentError {
            file: path.display().to_string(),
            line: 1,
            detail: error.to_string(),
        }]
    };
    let entries = std::fs::read_dir(directory).map_err(|error| unreadable(directory, error))?;
    let mut paths: Vec<_> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "toml")
    });
    paths.sort();
    let mut documents = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
        documents.push((path.display().to_string(), text));
    }
    read_all(documents.into_iter())
}

fn read_all(
    documents: impl Iterator<Item = (String, String)>,
) -> std::result::Result<Vec<Profile>, Vec<DocumentError>> {
    let mut profiles = Vec::new();
    let mut errors = Vec::new();
    for (file, text) in documents {
        match document::read(&file, &text) {
            Ok(profile) => profiles.push(profile),
            Err(found) => errors.extend(found),
        }
    }
    if errors.is_empty() {
        Ok(profiles)
    } else {
        Err(errors)
    }
}

/// The profiles at hand, and those that organizations loaded for themselves, read once each.
pub struct ProfileShelf {
    at_hand: Vec<Arc<Profile>>,
    active_by_default: Option<Vec<String>>,
    loaded: Mutex<HashMap<(String, String, i32), Arc<Profile>>>,
}

/// A profile with whether it is judged by.
#[derive(Debug, Clone)]
pub struct Shelved {
    /// The profile, at the version in use.
    pub profile: Arc<Profile>,
    /// Whether the organization judges by it.
    pub active: bool,
}

impl ProfileShelf {
    /// The profiles at hand; of two with one id the higher version is used.
    #[must_use]
    pub fn new(profiles: Vec<Profile>, active_by_default: Option<Vec<String>>) -> ProfileShelf {
        let mut at_hand: Vec<Arc<Profile>> = Vec::new();
        for profile in profiles {
            let same = at_hand.iter_mut().find(|other| other.id == profile.id);
            match same {
                Some(other) if other.version < profile.version => *other = Arc::new(profile),
                Some(_) => {}
                None => at_hand.push(Arc::new(profile)),
            }
        }
        ProfileShelf {
            at_hand,
            active_by_default,
            loaded: Mutex::default(),
        }
    }

    /// The profiles at hand, an organization's own left aside.
    #[must_use]
    pub fn at_hand(&self) -> &[Arc<Profile>] {
        &self.at_hand
    }

    fn read_once(&self, organization: &str, version: &ProfileVersion) -> Result<Arc<Profile>> {
        let key = (organization.to_owned(), version.id.clone(), version.version);
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(profile) = loaded.get(&key) {
            return Ok(Arc::clone(profile));
        }
        let unreadable = |errors: Vec<DocumentError>| {
            let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Error::internal(format!(
                "a stored profile can no longer be read: {}",
                lines.join("; ")
            ))
        };
        let profile = Arc::new(document::read(&version.id, &version.document).map_err(unreadable)?);
        loaded.insert(key, Arc::clone(&profile));
        Ok(profile)
    }

    fn active_by_default(&self, id: &str) -> bool {
        self.active_by_default
            .as_ref()
            .is_none_or(|active| active.iter().any(|listed| listed == id))
    }
}

impl Unit<'_, '_> {
    /// Every profile that the organization can judge by, each at the version in use: its own before those at hand.
    ///
    /// # Errors
    /// Those of the database.
    pub fn profiles(&mut self) -> Result<Vec<Shelved>> {
        let organization = &self.principal.organization;
        let own = queries::profiles::versions(self.tx, organization)?;
        let activations = queries::profiles::activations(self.tx, organization)?;
        let shelf = &self.app.shelf;
        let mut profiles: Vec<Arc<Profile>> = shelf.at_hand.clone();
        for version in &own {
            let profile = shelf.read_once(organization, version)?;
            let chosen = activations
                .iter()
                .find(|activation| activation.id == profile.id);
            let in_use = chosen.is_none_or(|activation| activation.version == profile.version);
            match profiles.iter_mut().find(|other| other.id == profile.id) {
                Some(other) if in_use => *other = profile,
                Some(_) => {}
                None => profiles.push(profile),
            }
        }
        let active = |profile: &Profile| {
            let chosen = activations
                .iter()
                .find(|activation| activation.id == profile.id);
            chosen.map_or_else(
                || shelf.active_by_default(&profile.id),
                |activation| activation.active,
            )
        };
        Ok(profiles
            .into_iter()
            .map(|profile| Shelved {
                active: active(&profile),
                profile,
            })
            .collect())
    }

    /// The profiles that the organization judges by.
    ///
    /// # Errors
    /// Those of the database.
    pub fn active_profiles(&mut self) -> Result<Vec<Arc<Profile>>> {
        let shelved = self.profiles()?;
        Ok(shelved
            .into_iter()
            .filter(|one| one.active)
            .map(|one| one.profile)
            .collect())
    }

    /// The profiles that `wanted` names.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a name that no profile has.
    pub fn chosen_profiles(&mut self, wanted: &WantedProfiles) -> Result<Vec<Arc<Profile>>> {
        let shelved = self.profiles()?;
        let names = match wanted {
            WantedProfiles::Active => {
                return Ok(shelved
                    .into_iter()
                    .filter(|one| one.active)
                    .map(|one| one.profile)
                    .collect());
            }
            WantedProfiles::All => return Ok(shelved.into_iter().map(|one| one.profile).collect()),
            WantedProfiles::These(names) => names,
        };
        let find = |name: &String| {
            let found = shelved.iter().find(|one| one.profile.id == *name);
            found.map(|one| Arc::clone(&one.profile)).ok_or_else(|| {
                let known: Vec<&str> = shelved.iter().map(|one| one.profile.id.as_str()).collect();
                let detail = format!(
                    "There is no such profile; known are all, active, {}.",
                    known.join(", ")
                );
                Error::Malformed {
                    code: "unknown_profile",
                    detail,
                }
            })
        };
        names.iter().map(find).collect()
    }
}

/// Which profiles to judge by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WantedProfiles {
    /// Those that are active.
    Active,
    /// All that are known.
    All,
    /// Those with these names, in this order.
    These(Vec<String>),
}

impl WantedProfiles {
    /// Reads `active`, `all` or names separated by commas.
    #[must_use]
    pub fn read(text: &str) -> WantedProfiles {
        match text {
            "active" => WantedProfiles::Active,
            "all" => WantedProfiles::All,
            names => WantedProfiles::These(
                names
                    .split(',')
                    .map(|name| name.trim().to_owned())
                    .collect(),
            ),
        }
    }
}

/// Loads a version of a profile for the organization. It is judged by only once it is activated.
///
/// # Errors
/// [`Error::Conflict`] where that version is there already.
pub fn load(unit: &mut Unit<'_, '_>, text: &str) -> Result<Profile> {
    unit.require(Action::WriteProfile)?;
    let profile = document::read("document", text).map_err(|errors| {
        let field = |error: DocumentError| {
            FieldError::new(
                "",
                "invalid_profile",
                format!("line {}: {}", error.line, error.detail),
            )
        };
        Error::Invalid(errors.into_iter().map(field).collect())
    })?;
    let conflict = || Error::Conflict {
        code: "version_exists",
        detail: format!(
            "Version {} of {} is there already; send a higher one.",
            profile.version, profile.id
        ),
    };
    let at_hand = unit
        .app
        .shelf
        .at_hand
        .iter()
        .any(|other| other.id == profile.id && other.version >= profile.version);
    let own = queries::profiles::versions(unit.tx, &unit.principal.organization)?;
    let newer = own
        .iter()
        .any(|other| other.id == profile.id && other.version >= profile.version);
    if at_hand || newer {
        return Err(conflict());
    }
    let current = unit
        .profiles()?
        .into_iter()
        .find(|one| one.profile.id == profile.id);
    let version = ProfileVersion {
        id: profile.id.clone(),
        version: profile.version,
        document: text.to_owned(),
        loaded_at: unit.now,
        loaded_by: unit.principal.subject.clone(),
    };
    queries::profiles::insert_version(unit.tx, &unit.principal.organization, &version)?;
    // Until somebody activates the new version, what was judged by goes on being judged by.
    let (in_use, active) = current.map_or((profile.version, false), |one| {
        (one.profile.version, one.active)
    });
    set_activation(unit, &profile.id, in_use, active)?;
    unit.audit_named(Action::WriteProfile, "profile", &profile.id)?;
    Ok(profile)
}

/// Activates a profile at a version, or deactivates it. The organization's patients have to be judged anew afterwards.
///
/// # Errors
/// [`Error::NotFound`] where there is no such profile; [`Error::Invalid`] for a version that is not there.
pub fn activate(
    unit: &mut Unit<'_, '_>,
    id: &str,
    version: Option<i32>,
    active: bool,
) -> Result<Shelved> {
    unit.require(Action::WriteProfile)?;
    let current = unit
        .profiles()?
        .into_iter()
        .find(|one| one.profile.id == id);
    let current = current.ok_or(Error::NotFound { what: "profile" })?;
    let version = version.unwrap_or(current.profile.version);
    let own = queries::profiles::versions(unit.tx, &unit.principal.organization)?;
    let known = own
        .iter()
        .any(|other| other.id == id && other.version == version)
        || unit
            .app
            .shelf
            .at_hand
            .iter()
            .any(|other| other.id == id && other.version == version);
    if !known {
        return Err(Error::field(
            "/version",
            "not_found",
            "There is no such version of this profile.",
        ));
    }
    set_activation(unit, id, version, active)?;
    unit.audit_named(Action::WriteProfile, "profile", id)?;
    let changed = unit
        .profiles()?
        .into_iter()
        .find(|one| one.profile.id == id);
    changed.ok_or(Error::NotFound { what: "profile" })
}

fn set_activation(unit: &mut Unit<'_, '_>, id: &str, version: i32, active: bool) -> Result<()> {
    let activation = ProfileActivation {
        id: id.to_owned(),
        version,
        active,
        changed_at: unit.now,
        changed_by: unit.principal.subject.clone(),
    };
    queries::profiles::set_activation(unit.tx, &unit.principal.organization, &activation)?;
    Ok(())
}

/// Every profile that the organization can judge by.
///
/// # Errors
/// Those of the database.
pub fn list(unit: &mut Unit<'_, '_>) -> Result<Vec<Shelved>> {
    unit.require(Action::ReadProfile)?;
    unit.profiles()
}

/// One profile.
///
/// # Errors
/// [`Error::NotFound`].
pub fn get(unit: &mut Unit<'_, '_>, id: &str) -> Result<Shelved> {
    unit.require(Action::ReadProfile)?;
    let found = unit
        .profiles()?
        .into_iter()
        .find(|one| one.profile.id == id);
    found.ok_or(Error::NotFound { what: "profile" })
}
