//! Secrets: read from their files, and the keys that are derived from one where they have none of their own.

use super::Builder;
use crate::auth::{DiaryKey, Secret};
use crate::cli::configuration::Origin;
use crate::cli::configuration::kind::Kind;
use crate::cli::configuration::settings::SETTINGS;
use crate::http::CursorKey;
use crate::seam::{Outside, System};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::path::{Path, PathBuf};

/// Separates the keys that are derived from one secret from each other and from its own use.
const CURSOR_LABEL: &[u8] = b"medial derived key: cursors 1";
const PSEUDONYM_LABEL: &[u8] = b"medial derived key: pseudonyms 1";
const ACCESS_LABEL: &[u8] = b"medial derived key: access tokens 1";
const DIARY_LABEL: &[u8] = b"medial derived key: diary links 1";

/// Largest file of a secret, in bytes.
const LARGEST_SECRET: u64 = 64 * 1024;

impl Builder {
    /// A file with a secret in it should be readable to the service alone.
    pub(super) fn warn_of_open_files(&mut self) {
        let secrets = SETTINGS
            .iter()
            .filter(|setting| matches!(setting.kind, Kind::Secret));
        let of_secrets = secrets.filter_map(|setting| match self.origin(setting.name) {
            Origin::File(path, _) => Some(path),
            _ => None,
        });
        let mut files: Vec<PathBuf> = of_secrets.collect();
        files.extend(self.path("tokens.secret_file"));
        files.extend(self.path("sign_in.client_secret_file"));
        files.extend(self.path("reminders.webhook_secret_file"));
        files.extend(self.path("reminders.smtp_password_file"));
        files.dedup();
        for file in files.iter().filter(|file| is_open_to_others(file)) {
            let shown = file.display();
            self.warnings.push(format!(
                "{shown}: there is a secret in it, and every user of this machine can read it; chmod 600 {shown}"
            ));
        }
    }

    /// The secret of tokens, from the setting or the file; from the stronger origin where there are both.
    pub(super) fn token_secret(&mut self) -> Option<Vec<u8>> {
        let text = self.text("tokens.secret").map(str::as_bytes);
        let Some(path) = self.path("tokens.secret_file") else {
            return text.map(<[u8]>::to_vec);
        };
        let (of_text, of_file) = (
            self.origin("tokens.secret"),
            self.origin("tokens.secret_file"),
        );
        let text = text.map(<[u8]>::to_vec);
        if text.is_some() {
            if of_text.strength() > of_file.strength() {
                return text;
            }
            if of_text.strength() == of_file.strength() {
                self.problem(
                    "tokens.secret_file",
                    "tokens.secret is given beside it; keep one of the two",
                );
                return text;
            }
        }
        match secret_in(&path) {
            Ok(secret) => Some(secret),
            Err(what) => {
                self.problem("tokens.secret_file", what);
                None
            }
        }
    }

    pub(super) fn cursor_key(&mut self, token_secret: Option<&[u8]>) -> CursorKey {
        if let Some(secret) = self.text("http.cursor_secret") {
            return CursorKey::new(secret.as_bytes());
        }
        if let Some(secret) = token_secret {
            return CursorKey::new(&derived(secret, CURSOR_LABEL));
        }
        self.warnings.push(
            "http.cursor_secret: neither it nor a token secret is configured; the key is drawn at each start, cursors of pages end with it, and several machines would not know each other's"
                .to_owned(),
        );
        CursorKey::new(&drawn())
    }

    pub(super) fn pseudonym_key(&mut self, token_secret: Option<&[u8]>) -> Vec<u8> {
        if let Some(secret) = self.text("exports.pseudonym_secret") {
            return secret.as_bytes().to_vec();
        }
        if let Some(secret) = token_secret {
            return derived(secret, PSEUDONYM_LABEL);
        }
        self.warnings.push(
            "exports.pseudonym_secret: neither it nor a token secret is configured; the pseudonyms of de-identified exports change with each start"
                .to_owned(),
        );
        drawn()
    }

    /// What the tokens of connected systems are signed with.
    pub(super) fn access_secret(&self, token_secret: Option<&[u8]>) -> Vec<u8> {
        match (self.text("smart.token_secret"), token_secret) {
            (Some(secret), _) => secret.as_bytes().to_vec(),
            (None, Some(secret)) => derived(secret, ACCESS_LABEL),
            // They are good for minutes; a client asks for another one.
            (None, None) => drawn(),
        }
    }

    pub(super) fn diary_key(&mut self, token_secret: Option<&[u8]>) -> DiaryKey {
        if let Some(secret) = self.text("diary.link_secret") {
            return DiaryKey::new(secret.as_bytes());
        }
        if let Some(secret) = token_secret {
            return DiaryKey::new(&derived(secret, DIARY_LABEL));
        }
        self.warnings.push(
            "diary.link_secret: neither it nor a token secret is configured; the key is drawn at each start, and the links of diaries end with it"
                .to_owned(),
        );
        DiaryKey::new(&drawn())
    }
}

/// The secret in a file, without the line end after it.
pub(super) fn secret_in(path: &Path) -> Result<Vec<u8>, String> {
    let bytes = bytes_in(path)?;
    Secret::new(bytes.as_slice()).map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// A password in a file, without the line end after it.
pub(in crate::cli::configuration) fn words_in(path: &Path) -> Result<String, String> {
    let words = String::from_utf8(bytes_in(path)?);
    words
        .ok()
        .filter(|words| !words.is_empty())
        .ok_or_else(|| format!("{} holds no text", path.display()))
}

fn bytes_in(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    if std::fs::metadata(path).map_err(unreadable)?.len() > LARGEST_SECRET {
        return Err(format!(
            "{} is larger than {LARGEST_SECRET} bytes",
            path.display()
        ));
    }
    let mut bytes = std::fs::read(path).map_err(unreadable)?;
    while bytes
        .last()
        .is_some_and(|last| matches!(last, b'\n' | b'\r'))
    {
        bytes.pop();
    }
    Ok(bytes)
}

#[cfg(unix)]
fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> bool {
    false
}

/// A key of its own from a secret: HMAC-SHA-256 of a label.
fn derived(secret: &[u8], label: &[u8]) -> Vec<u8> {
    // The code takes keys of every length, so the other branch is never taken.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret)
        .unwrap_or_else(|_| Hmac::<Sha256>::new(&Default::default()));
    mac.update(label);
    mac.finalize().into_bytes().to_vec()
}

/// 256 random bits.
fn drawn() -> Vec<u8> {
    let system = System::default();
    let mut bytes = system.random().to_be_bytes().to_vec();
    bytes.extend(system.random().to_be_bytes());
    bytes
}
