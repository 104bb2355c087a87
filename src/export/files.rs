//! The files of exports: written under a temporary name, made durable, and only then given their name.
//!
//! They lie in `DIRECTORY/ORGANIZATION/EXPORT/`, the organization as a hash, because a name may hold anything. Nothing
//! from a request becomes part of a path: names of files are looked up in the database.

use crate::app::exports::ExportFile;
use crate::app::{App, Error, Result};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use uuid::Uuid;

/// What was written to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// How long it is.
    pub bytes: u64,
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
}

/// The directory of an organization's exports, below the directory of all.
#[must_use]
pub fn organization_directory(organization: &str) -> String {
    hex(&Sha256::digest(organization.as_bytes()))
}

/// The directory of an export, below the directory of all.
#[must_use]
pub fn directory(organization: &str, export: Uuid) -> PathBuf {
    PathBuf::from(organization_directory(organization)).join(export.to_string())
}

/// An empty directory for an export; what an earlier attempt left there is removed.
///
/// # Errors
/// Those of the file system.
pub fn make_directory(app: &App, organization: &str, export: Uuid) -> io::Result<PathBuf> {
    remove(app, organization, export)?;
    let directory = app
        .settings
        .export_directory
        .join(directory(organization, export));
    // Only for the service itself: these are patients' records.
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&directory)?;
    Ok(directory)
}

/// Removes the files of an export, if there are any.
///
/// # Errors
/// Those of the file system.
pub fn remove(app: &App, organization: &str, export: Uuid) -> io::Result<()> {
    let directory = app
        .settings
        .export_directory
        .join(directory(organization, export));
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Opens a file of an export to be read.
///
/// # Errors
/// An internal one when it is not there, or when its path leads elsewhere.
pub fn open(app: &App, file: &ExportFile) -> Result<File> {
    open_at(app, &file.content_path)
}

/// Opens the file at a path below the directory of exports.
///
/// # Errors
/// As [`open`].
pub fn open_at(app: &App, path: &str) -> Result<File> {
    let path = Path::new(path);
    let stays = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if !stays {
        return Err(Error::internal("the path of an export leads elsewhere"));
    }
    File::open(app.settings.export_directory.join(path))
        .map_err(|error| Error::Internal(error.into()))
}

/// Has `work` write the file at `path`: all of it, durably, or nothing that has this name.
///
/// # Errors
/// Those of `work` and of the file system.
pub fn write_file<T>(
    path: &Path,
    work: impl FnOnce(&mut dyn Write) -> Result<T>,
) -> Result<(T, Content)> {
    let mut begun = Begun::at(path)?;
    let result = work(&mut begun)?;
    Ok((result, begun.end()?))
}

/// A file that is being written, counted and digested: it gets its name when it is ended, and is removed when it is not.
pub struct Begun(Measured<Draft>);

impl std::fmt::Debug for Begun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Begun").field(&self.0.inner.path).finish()
    }
}

impl Begun {
    /// Begins the file that is to be at `path`.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn at(path: &Path) -> Result<Begun> {
        Ok(Begun(Measured {
            inner: Draft::begin(path)?,
            digest: Sha256::new(),
            bytes: 0,
        }))
    }

    /// Makes it durable and gives it its name.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn end(self) -> Result<Content> {
        let Measured {
            inner,
            digest,
            bytes,
        } = self.0;
        inner.end()?;
        let sha256 = hex(&digest.finalize());
        Ok(Content { bytes, sha256 })
    }
}

impl Write for Begun {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A file that is being written: it gets its name when it is ended, and is removed when it is not.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    temporary: PathBuf,
    out: BufWriter<File>,
    ended: bool,
}

impl Draft {
    /// Begins the file that is to be at `path`.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn begin(path: &Path) -> Result<Draft> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = path.with_file_name(format!(".{name}.part"));
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)
            .map_err(of_io)?;
        Ok(Draft {
            path: path.to_owned(),
            temporary,
            out: BufWriter::with_capacity(64 * 1024, file),
            ended: false,
        })
    }

    /// Makes it durable and gives it its name.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn end(mut self) -> Result<()> {
        self.out.flush().map_err(of_io)?;
        self.out.get_ref().sync_all().map_err(of_io)?;
        fs::rename(&self.temporary, &self.path).map_err(of_io)?;
        sync_directory(&self.path).map_err(of_io)?;
        self.ended = true;
        Ok(())
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.ended {
            // What is left is of no use to anybody; that it cannot be removed is not what went wrong.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// How many bytes can still be written where exports are kept.
///
/// # Errors
/// Those of the file system.
pub fn free_bytes(app: &App) -> Result<u64> {
    let root = &app.settings.export_directory;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(root)
        .map_err(of_io)?;
    free_bytes_at(root)
}

/// How many bytes can still be written in a directory that is there.
///
/// # Errors
/// Those of the file system.
pub fn free_bytes_at(directory: &Path) -> Result<u64> {
    let about = rustix::fs::statvfs(directory).map_err(|error| of_io(error.into()))?;
    Ok(about.f_bavail.saturating_mul(about.f_frsize))
}

/// A new name is durable once the directory is.
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// Counts and digests what goes through.
struct Measured<W> {
    inner: W,
    digest: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Measured<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        let written_bytes = bytes.get(..written).unwrap_or(bytes);
        self.digest.update(written_bytes);
        self.bytes += u64::try_from(written).unwrap_or(0);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Removes the directories of exports that `known` does not know, and nothing that looks otherwise; how many there were.
///
/// # Errors
/// Those of the file system and of `known`.
pub fn sweep(
    app: &App,
    organizations: &[String],
    known: impl Fn(&str, Uuid) -> Result<bool>,
) -> Result<usize> {
    let mut removed = 0;
    for organization in organizations {
        let root = &app.settings.export_directory;
        let directory = root.join(organization_directory(organization));
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(of_io(error)),
        };
        for entry in entries {
            let name = entry.map_err(of_io)?.file_name();
            let id = name.to_str().and_then(|name| Uuid::try_parse(name).ok());
            let Some(id) = id else { continue };
            if !known(organization, id)? {
                remove(app, organization, id).map_err(of_io)?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}

fn of_io(error: io::Error) -> Error {
    Error::Internal(error.into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_breaks_off_never_gets_its_name() {
        let directory = std::env::temp_dir().join(format!("medial-files-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let path = directory.join("blocks.csv");
        let broken = write_file(&path, |out| {
            out.write_all(b"half").map_err(of_io)?;
            Err::<(), _>(Error::internal("in the middle"))
        });
        assert!(broken.is_err());
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);

        let ((), content) = write_file(&path, |out| out.write_all(b"abc").map_err(of_io)).unwrap();
        assert_eq!(content.bytes, 3);
        assert_eq!(
            content.sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(fs::read(&path).unwrap(), b"abc");
        fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn an_organization_cannot_lead_out_of_its_directory() {
        for organization in ["../..", "/", "a/b", ""] {
            let name = organization_directory(organization);
            assert_eq!(name.len(), 64);
            assert!(name.chars().all(|c| c.is_ascii_hexdigit()));
        }
    }
}
