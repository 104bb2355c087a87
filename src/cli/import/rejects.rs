//! What was refused: the pieces of the file as they stand, to be mended and imported, and beside them the reasons.
//!
//! Both files are written under another name and get their own when the import has come to its end. The pieces are
//! durable before the transaction that passes over them is; after a crash, those of a transaction that was not kept
//! are cut off again. So an import that was interrupted and taken up again refuses each piece once.

use super::lines::Span;
use super::source::Refused;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The first line beside the pieces: what they come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    /// SHA-256 of the imported file.
    pub(super) source: String,
    /// Whose records they would be.
    pub(super) organization: String,
    /// How the file was read.
    pub(super) format: String,
}

/// One reason, as a line of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reason {
    /// The line of the imported file on which the piece begins.
    pub(super) line: u64,
    /// The last line of the piece.
    pub(super) last_line: u64,
    /// JSON pointer or column; empty where it is about the whole line.
    pub(super) field: String,
    /// Stable code.
    pub(super) code: String,
    /// In words.
    pub(super) reason: String,
    /// The size of the reject file up to and with the piece, in bytes.
    pub(super) rejects_end: u64,
}

/// How far both files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    rejects: u64,
    reasons: u64,
    /// How many pieces were refused.
    pub(super) pieces: u64,
}

/// The reject file and the reasons beside it, while an import runs.
pub(super) struct Rejects {
    path: PathBuf,
    source: File,
    rejects: File,
    reasons: File,
}

/// What there was of an earlier, interrupted import.
pub(super) struct Opened {
    pub(super) files: Rejects,
    pub(super) mark: Mark,
    /// Whether the earlier one can be taken up again.
    pub(super) resumed: bool,
}

/// The file of the reasons beside a reject file.
pub(super) fn reasons_path(rejects: &Path) -> PathBuf {
    suffixed(rejects, ".reasons")
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    // What was refused names patients: it is for nobody else on this machine.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

impl Rejects {
    /// Opens both files for `source`, and takes up those of an import of it that had come to line `line`.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] while another import writes to them.
    pub(super) fn open(
        path: &Path,
        source: File,
        origin: &Origin,
        header: Option<Span>,
        line: u64,
    ) -> io::Result<Opened> {
        let reasons = open_private(&suffixed(&reasons_path(path), ".part"))?;
        match reasons.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let rejects = open_private(&suffixed(path, ".part"))?;
        let mut files = Rejects {
            path: path.to_path_buf(),
            source,
            rejects,
            reasons,
        };
        let earlier = if line == 0 {
            None
        } else {
            files.earlier(origin, header, line)?
        };
        let resumed = earlier.is_some();
        let mark = match earlier {
            Some(mark) => mark,
            None => files.begin(origin, header)?,
        };
        Ok(Opened {
            files,
            mark,
            resumed,
        })
    }

    /// How far the files of an interrupted import are to be kept; `None` when they are not of this one.
    fn earlier(
        &mut self,
        origin: &Origin,
        header: Option<Span>,
        line: u64,
    ) -> io::Result<Option<Mark>> {
        self.reasons.seek(SeekFrom::Start(0))?;
        let mut lines = BufReader::new(&self.reasons);
        let mut text = Vec::new();
        let mut reasons = length(lines.read_until(b'\n', &mut text)?);
        if serde_json::from_slice::<Origin>(&text).ok().as_ref() != Some(origin) {
            return Ok(None);
        }
        let mut mark = Mark {
            rejects: header.map_or(0, |header| header.end - header.start),
            reasons,
            pieces: 0,
        };
        let mut piece = 0;
        loop {
            text.clear();
            reasons += length(lines.read_until(b'\n', &mut text)?);
            let whole = text.ends_with(b"\n");
            let reason = serde_json::from_slice::<Reason>(&text).ok();
            let Some(reason) = reason.filter(|reason| whole && reason.last_line <= line) else {
                break;
            };
            mark.pieces += u64::from(reason.line != piece);
            piece = reason.line;
            (mark.rejects, mark.reasons) = (reason.rejects_end, reasons);
        }
        let all_there = self.rejects.metadata()?.len() >= mark.rejects;
        Ok(all_there.then_some(mark))
    }

    fn begin(&mut self, origin: &Origin, header: Option<Span>) -> io::Result<Mark> {
        self.rejects.set_len(0)?;
        self.reasons.set_len(0)?;
        self.rejects.seek(SeekFrom::Start(0))?;
        self.reasons.seek(SeekFrom::Start(0))?;
        let mut mark = Mark {
            rejects: 0,
            reasons: 0,
            pieces: 0,
        };
        if let Some(header) = header {
            mark.rejects = self.copy(header)?;
        }
        let mut line = serde_json::to_vec(origin)?;
        line.push(b'\n');
        self.reasons.write_all(&line)?;
        mark.reasons = length(line.len());
        self.rejects.sync_data()?;
        self.reasons.sync_data()?;
        Ok(mark)
    }

    /// Writes a piece of the imported file; how many bytes.
    fn copy(&mut self, span: Span) -> io::Result<u64> {
        self.source.seek(SeekFrom::Start(span.start))?;
        let mut piece = (&self.source).take(span.end - span.start);
        let mut last = [0; 1 << 14];
        let (mut copied, mut ends_with) = (0, None);
        loop {
            let read = piece.read(&mut last)?;
            let Some(bytes) = last.get(..read).filter(|bytes| !bytes.is_empty()) else {
                break;
            };
            self.rejects.write_all(bytes)?;
            ends_with = bytes.last().copied();
            copied += length(read);
        }
        // The last line of a file may lack its line break; here another one may follow.
        if ends_with != Some(b'\n') {
            self.rejects.write_all(b"\n")?;
            copied += 1;
        }
        Ok(copied)
    }

    /// Writes, durably, what was refused behind `mark`, in place of all that stood there.
    pub(super) fn put(&mut self, mark: Mark, refused: &[Refused]) -> io::Result<Mark> {
        self.rejects.set_len(mark.rejects)?;
        self.reasons.set_len(mark.reasons)?;
        if refused.is_empty() {
            return Ok(mark);
        }
        self.rejects.seek(SeekFrom::Start(mark.rejects))?;
        self.reasons.seek(SeekFrom::Start(mark.reasons))?;
        let mut mark = mark;
        let mut lines = Vec::new();
        for piece in refused {
            mark.rejects += self.copy(piece.span)?;
            mark.pieces += 1;
            for reason in &piece.reasons {
                let reason = Reason {
                    line: piece.span.line,
                    last_line: piece.span.last_line,
                    field: reason.pointer.clone(),
                    code: reason.code.to_owned(),
                    reason: reason.detail.clone(),
                    rejects_end: mark.rejects,
                };
                serde_json::to_writer(&mut lines, &reason)?;
                lines.push(b'\n');
            }
        }
        let mut reasons = BufWriter::new(&self.reasons);
        reasons.write_all(&lines)?;
        reasons.flush()?;
        drop(reasons);
        mark.reasons += length(lines.len());
        self.rejects.sync_data()?;
        self.reasons.sync_data()?;
        Ok(mark)
    }

    /// The first `most` pieces that were refused, each with its reasons in words.
    pub(super) fn listed(&mut self, most: usize) -> io::Result<Vec<String>> {
        self.reasons.seek(SeekFrom::Start(0))?;
        let lines = BufReader::new(&self.reasons).lines().skip(1);
        let mut listed = Vec::new();
        for line in lines.take(most) {
            if let Ok(reason) = serde_json::from_str::<Reason>(&line?) {
                listed.push(in_words(reason.line, &reason.field, &reason.reason));
            }
        }
        Ok(listed)
    }

    /// Gives both files their names, or removes them where nothing was refused; whether there are any.
    ///
    /// A reject file of that name with other content, perhaps mended by hand, is kept under a numbered name.
    pub(super) fn finish(&mut self, mark: Mark) -> io::Result<bool> {
        let reasons_path = reasons_path(&self.path);
        let parts = [
            (suffixed(&self.path, ".part"), self.path.clone()),
            (suffixed(&reasons_path, ".part"), reasons_path),
        ];
        if mark.pieces == 0 {
            for (part, _) in parts {
                fs::remove_file(part)?;
            }
            return Ok(false);
        }
        for (part, named) in parts {
            if named.exists() && !same_content(&named, &part)? {
                fs::rename(&named, unused(&named))?;
            }
            fs::rename(part, named)?;
        }
        Ok(true)
    }
}

fn same_content(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut one, mut other) = (BufReader::new(one), BufReader::new(other));
    loop {
        let (left, right) = (one.fill_buf()?, other.fill_buf()?);
        let compared = left.len().min(right.len());
        if left.get(..compared) != right.get(..compared) {
            return Ok(false);
        }
        if compared == 0 {
            return Ok(true);
        }
        one.consume(compared);
        other.consume(compared);
    }
}

/// `path` with the first number that no file has.
fn unused(path: &Path) -> PathBuf {
    let mut number = 1_u32;
    loop {
        let numbered = suffixed(path, &format!(".{number}"));
        if !numbered.exists() || number == u32::MAX {
            return numbered;
        }
        number += 1;
    }
}

/// One reason as it is printed: where and why, and nothing that could steer a terminal.
pub(super) fn in_words(line: u64, field: &str, reason: &str) -> String {
    let printable = |text: &str, most: usize| {
        let printable = text.chars().filter(|character| !character.is_control());
        printable.take(most).collect::<String>()
    };
    let field = printable(field, 100);
    let reason = printable(reason, 300);
    if field.is_empty() {
        format!("line {line}: {reason}")
    } else {
        format!("line {line}: {field}: {reason}")
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::errors::FieldError;

    fn refused(line: u64, start: u64, end: u64) -> Refused {
        Refused {
            span: Span {
                line,
                last_line: line,
                start,
                end,
            },
            reasons: vec![
                FieldError::new("/a", "one", "First."),
                FieldError::new("/b", "two", "Second."),
            ],
        }
    }

    fn directory(name: &str) -> PathBuf {
        let directory =
            std::env::temp_dir().join(format!("medial-rejects-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        directory
    }

    fn origin() -> Origin {
        Origin {
            source: "0".repeat(64),
            organization: "north".to_owned(),
            format: "jsonl".to_owned(),
        }
    }

    #[test]
    fn what_was_not_committed_is_cut_off_again() {
        let directory = directory("cut");
        let source = directory.join("records");
        fs::write(&source, "first\nsecond\nthird").unwrap();
        let path = directory.join("rejects");
        let open = |line| {
            Rejects::open(&path, File::open(&source).unwrap(), &origin(), None, line).unwrap()
        };

        let mut opened = open(0);
        let mark = opened.files.put(opened.mark, &[refused(1, 0, 6)]).unwrap();
        opened.files.put(mark, &[refused(2, 6, 13)]).unwrap();
        drop(opened);

        let mut opened = open(1);
        assert!(opened.resumed);
        assert_eq!(opened.mark.pieces, 1);
        let mark = opened
            .files
            .put(opened.mark, &[refused(3, 13, 18)])
            .unwrap();
        let listed = opened.files.listed(10).unwrap();
        assert_eq!(
            listed,
            [
                "line 1: /a: First.",
                "line 1: /b: Second.",
                "line 3: /a: First.",
                "line 3: /b: Second."
            ]
        );
        assert!(opened.files.finish(mark).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "first\nthird\n");
        fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn a_file_that_was_mended_by_hand_is_kept() {
        let directory = directory("kept");
        let source = directory.join("records");
        fs::write(&source, "first\n").unwrap();
        let path = directory.join("rejects");
        fs::write(&path, "mended\n").unwrap();
        let opened = Rejects::open(&path, File::open(&source).unwrap(), &origin(), None, 0);
        let mut opened = opened.unwrap();
        let again = Rejects::open(&path, File::open(&source).unwrap(), &origin(), None, 0);
        assert_eq!(
            again.err().map(|error| error.kind()),
            Some(io::ErrorKind::WouldBlock)
        );
        let mark = opened.files.put(opened.mark, &[refused(1, 0, 6)]).unwrap();
        assert!(opened.files.finish(mark).unwrap());
        let kept = fs::read_to_string(directory.join("rejects.1")).unwrap();
        assert_eq!(kept, "mended\n");
        fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn nothing_that_steers_a_terminal_is_printed() {
        assert_eq!(in_words(3, "/\u{1b}[31mx", "No."), "line 3: /[31mx: No.");
    }
}
