//! The files of an export, each with resources of one type; a new one is begun where one is full.

use crate::app::bulk::{BulkExport, BulkFile, BulkPart};
use crate::app::{App, Error, Result};
use crate::export::files::{self, Draft};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

/// How much a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Resources.
    pub lines: u64,
    /// Bytes; the resource with which there are more is the last one.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            lines: 100_000,
            bytes: 100 * 1024 * 1024,
        }
    }
}

/// A file that is being written.
struct Open {
    draft: Draft,
    name: String,
    lines: u64,
    bytes: u64,
}

/// The files of one export. None has its name before it is whole, and none is left where this is dropped before its end.
pub(super) struct Files {
    /// Where they are.
    directory: PathBuf,
    /// The same, below the directory of all exports.
    below: PathBuf,
    limits: Limits,
    open: BTreeMap<(BulkPart, &'static str), Open>,
    begun: BTreeMap<(BulkPart, &'static str), u32>,
    done: Vec<BulkFile>,
    line: Vec<u8>,
}

impl Files {
    /// Files in the directory of an export, which is emptied.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn of(app: &App, export: &BulkExport, limits: Limits) -> Result<Files> {
        let directory = files::make_directory(app, &export.organization, export.id)
            .map_err(|error| Error::Internal(error.into()))?;
        let below = files::directory(&export.organization, export.id);
        Ok(Files::at(directory, below, limits))
    }

    fn at(directory: PathBuf, below: PathBuf, limits: Limits) -> Files {
        Files {
            directory,
            below,
            limits,
            open: BTreeMap::new(),
            begun: BTreeMap::new(),
            done: Vec::new(),
            line: Vec::new(),
        }
    }

    /// Adds a resource to the file of its type.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn add(
        &mut self,
        part: BulkPart,
        kind: &'static str,
        body: &impl Serialize,
    ) -> Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, body)
            .map_err(|error| Error::Internal(error.into()))?;
        self.line.push(b'\n');
        let key = (part, kind);
        if !self.open.contains_key(&key) {
            let begun = self.begin(key)?;
            self.open.insert(key, begun);
        }
        let Some(open) = self.open.get_mut(&key) else {
            return Err(Error::internal("a file that was begun is not there"));
        };
        open.draft
            .write_all(&self.line)
            .map_err(|error| Error::Internal(error.into()))?;
        open.lines += 1;
        open.bytes += u64::try_from(self.line.len()).unwrap_or(0);
        let is_full = open.lines >= self.limits.lines || open.bytes >= self.limits.bytes;
        if is_full && let Some(full) = self.open.remove(&key) {
            self.end_one(key, full)?;
        }
        Ok(())
    }

    fn begin(&mut self, key: (BulkPart, &'static str)) -> Result<Open> {
        let number = self.begun.entry(key).or_insert(0);
        *number += 1;
        let (part, kind) = key;
        let stem = match part {
            BulkPart::Output => kind,
            BulkPart::Deleted => "deleted",
            BulkPart::Error => "errors",
        };
        let name = format!("{stem}.{number:03}.ndjson");
        Ok(Open {
            draft: Draft::begin(&self.directory.join(&name))?,
            name,
            lines: 0,
            bytes: 0,
        })
    }

    fn end_one(&mut self, (part, kind): (BulkPart, &'static str), open: Open) -> Result<()> {
        open.draft.end()?;
        let path = self.below.join(&open.name);
        self.done.push(BulkFile {
            content_path: path.to_string_lossy().into_owned(),
            name: open.name,
            part,
            resource_type: kind.to_owned(),
            bytes: i64::try_from(open.bytes).unwrap_or(i64::MAX),
            resources: i64::try_from(open.lines).unwrap_or(i64::MAX),
        });
        Ok(())
    }

    /// Ends all of them.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn end(mut self) -> Result<Vec<BulkFile>> {
        for (key, open) in std::mem::take(&mut self.open) {
            self.end_one(key, open)?;
        }
        Ok(self.done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("medial-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    fn names(directory: &PathBuf) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_full_file_is_followed_by_another() {
        let path = directory("split");
        let limits = Limits {
            lines: 2,
            bytes: 60,
        };
        let mut files = Files::at(path.clone(), PathBuf::from("below"), limits);
        for number in 0..3 {
            let small = json!({"id": number});
            files.add(BulkPart::Output, "Patient", &small).unwrap();
        }
        let large = json!({"id": "x".repeat(80)});
        files.add(BulkPart::Output, "Task", &large).unwrap();
        files.add(BulkPart::Output, "Task", &large).unwrap();
        let small = json!({"issue": []});
        files
            .add(BulkPart::Error, "OperationOutcome", &small)
            .unwrap();
        // What is not full has no name yet.
        let begun = [
            ".Patient.002.ndjson.part",
            ".errors.001.ndjson.part",
            "Patient.001.ndjson",
            "Task.001.ndjson",
            "Task.002.ndjson",
        ];
        let mut seen = names(&path);
        seen.retain(|name| begun.contains(&name.as_str()));
        assert_eq!(seen, begun.map(str::to_owned));

        let done = files.end().unwrap();
        let counts: Vec<(&str, i64)> = done
            .iter()
            .map(|file| (file.name.as_str(), file.resources))
            .collect();
        let expected = [
            ("Patient.001.ndjson", 2),
            ("Task.001.ndjson", 1),
            ("Task.002.ndjson", 1),
            ("Patient.002.ndjson", 1),
            ("errors.001.ndjson", 1),
        ];
        assert_eq!(counts, expected);
        let text = std::fs::read_to_string(path.join("Patient.001.ndjson")).unwrap();
        assert_eq!(text, "{\"id\":0}\n{\"id\":1}\n");
        assert_eq!(done[0].content_path, "below/Patient.001.ndjson");
        std::fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn what_is_broken_off_leaves_nothing() {
        let path = directory("broken-off");
        let mut files = Files::at(path.clone(), PathBuf::new(), Limits::default());
        files.add(BulkPart::Output, "Patient", &json!({})).unwrap();
        drop(files);
        assert_eq!(names(&path), Vec::<String>::new());
        std::fs::remove_dir_all(path).unwrap();
    }
}
