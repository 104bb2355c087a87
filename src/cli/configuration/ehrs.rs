//! The file with the record systems that may launch the pages.

use super::build::words_in;
use crate::app::people::may_have_pages;
use crate::auth::Role;
use crate::auth::ehr::{Ehr, EhrSettings};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Largest file that is read, in bytes.
const LARGEST: u64 = 1024 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    ehr: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    issuer: String,
    client_id: String,
    client_secret_file: Option<PathBuf>,
    #[serde(default = "label")]
    label: String,
    #[serde(default = "scopes")]
    scopes: Vec<String>,
    #[serde(default = "organization")]
    organization: String,
    #[serde(default = "roles")]
    roles: BTreeMap<String, String>,
}

fn label() -> String {
    "Sign in from the record system".to_owned()
}

fn scopes() -> Vec<String> {
    ["openid", "fhirUser", "patient/Patient.read"]
        .map(str::to_owned)
        .to_vec()
}

fn organization() -> String {
    "default".to_owned()
}

fn roles() -> BTreeMap<String, String> {
    let clinician = |kind: &str| (kind.to_owned(), Role::Clinician.code().to_owned());
    BTreeMap::from([clinician("Practitioner"), clinician("PractitionerRole")])
}

/// Reads the file.
///
/// # Errors
/// Everything that is wrong with it, in words.
pub(super) fn read(path: &Path) -> Result<Vec<Ehr>, Vec<String>> {
    let unreadable =
        |error: std::io::Error| vec![format!("{} cannot be read: {error}", path.display())];
    if std::fs::metadata(path).map_err(unreadable)?.len() > LARGEST {
        return Err(vec![format!(
            "{} is larger than {LARGEST} bytes",
            path.display()
        )]);
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let document: Document = toml::from_str(&text)
        .map_err(|error| vec![format!("{}: {}", path.display(), error.message())])?;
    let mut ehrs: Vec<Ehr> = Vec::new();
    let mut problems = Vec::new();
    for entry in document.ehr {
        let issuer = entry.issuer.clone();
        match ehr(entry) {
            Ok(ehr) if ehrs.iter().any(|one| one.issuer() == ehr.issuer()) => {
                problems.push(format!("{issuer}: it is there twice"));
            }
            Ok(ehr) => ehrs.push(ehr),
            Err(what) => problems.push(format!("{issuer}: {what}")),
        }
    }
    if problems.is_empty() {
        Ok(ehrs)
    } else {
        Err(problems)
    }
}

fn ehr(entry: Entry) -> Result<Ehr, String> {
    let client_secret = entry
        .client_secret_file
        .as_deref()
        .map(words_in)
        .transpose()?;
    let mut roles = Vec::new();
    for (kind, code) in entry.roles {
        let role = Role::from_code(&code)
            .ok()
            .filter(|role| may_have_pages(*role));
        let role = role
            .ok_or_else(|| format!("roles.{kind} is none of clinician, analyst, auditor, admin"))?;
        roles.push((kind, role));
    }
    Ehr::new(EhrSettings {
        issuer: entry.issuer,
        label: entry.label,
        client_id: entry.client_id,
        client_secret,
        scopes: entry.scopes,
        organization: entry.organization,
        roles,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<String>, Vec<String>> {
        let name = format!("medial-ehrs-{}-{:p}.toml", std::process::id(), text);
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        let read = read(&path);
        std::fs::remove_file(&path).unwrap();
        Ok(read?.iter().map(|ehr| ehr.issuer().to_owned()).collect())
    }

    #[test]
    fn a_record_system_needs_its_address_and_our_name_there() {
        let text = "[[ehr]]\nissuer = \"https://ehr.example.org/fhir/\"\nclient_id = \"medial\"\n";
        assert_eq!(
            read_text(text),
            Ok(vec!["https://ehr.example.org/fhir".to_owned()])
        );
    }

    #[test]
    fn what_is_wrong_is_told() {
        let with = |more: &str| {
            let text = format!(
                "[[ehr]]\nissuer = \"https://ehr.example.org\"\nclient_id = \"medial\"\n{more}"
            );
            read_text(&text).unwrap_err().join("\n")
        };
        assert!(with("secret = \"x\"").contains("unknown field"));
        assert!(with("roles = {Practitioner = \"patient\"}").contains("roles.Practitioner"));
        assert!(with("client_secret_file = \"/nonexistent\"").contains("cannot be read"));
        assert!(
            with("[[ehr]]\nissuer = \"https://ehr.example.org/\"\nclient_id = \"b\"")
                .contains("twice")
        );
        let plain =
            read_text("[[ehr]]\nissuer = \"http://ehr.example.org\"\nclient_id = \"medial\"");
        assert!(plain.unwrap_err().join("\n").contains("https"));
    }
}
