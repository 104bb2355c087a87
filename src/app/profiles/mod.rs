//! Profiles: the built-in ones, those of a directory, and each organization's own.

pub mod document;

use crate::domain::qualification::Profile;
use document::DocumentError;
use std::path::Path;

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
pub fn built_in() -> Result<Vec<Profile>, Vec<DocumentError>> {
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
pub fn from_directory(directory: &Path) -> Result<Vec<Profile>, Vec<DocumentError>> {
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
) -> Result<Vec<Profile>, Vec<DocumentError>> {
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
