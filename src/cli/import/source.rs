//! An import file as cases to be recorded, in batches.

use super::Format;
use super::lines::{LONGEST, Lines, Malformed, Row, Span};
use crate::app::imports::Case;
use crate::cli::Failure;
use crate::wire::block::MOST_SCORES;
use crate::wire::case::CaseBody;
use crate::wire::errors::FieldError;
use crate::wire::import::columns::{SCORE, column_of};
use crate::wire::import::row::Header;
use crate::wire::import::{read_case, read_line};
use chrono::{DateTime, Utc};
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use std::sync::Arc;

/// So many cases are recorded in one transaction: enough to share the wait for the disk, few enough that a service on
/// the same database gets its turn several times a second.
const CASES: usize = 100;
/// So many bytes of the file, at most, make one batch.
const BYTES: u64 = 2 << 20;

/// A piece of the file that was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) span: Span,
    /// What is wrong, each with the pointer or the column.
    pub(super) reasons: Vec<FieldError>,
}

/// A case with the pieces of the file that it was made of.
#[derive(Debug)]
pub(super) struct Item {
    /// `None` when no piece of it could be read.
    pub(super) case: Option<Case>,
    /// Each piece with the place of its score in the case's one block, where the pieces are rows.
    pieces: Vec<(Span, Option<usize>)>,
    /// Pieces that could not be read.
    unread: Vec<Refused>,
    by_column: bool,
}

impl Item {
    /// How many pieces of the file it was made of.
    pub(super) fn pieces(&self) -> usize {
        self.pieces.len() + self.unread.len()
    }

    /// The pieces of it that are refused, in the order of the file, when recording its case was refused for `reasons`.
    pub(super) fn refused(&self, reasons: &[FieldError]) -> Vec<Refused> {
        let mut refused = self.unread.clone();
        let is_of_a_score = |reason: &FieldError| score_of(&reason.pointer).is_some();
        // A row cannot be in when the block that it belongs to is not.
        let whole = !self.by_column || !reasons.iter().all(is_of_a_score);
        for (span, score) in &self.pieces {
            let concerns = |reason: &&FieldError| {
                whole || score_of(&reason.pointer).map(|(place, _)| place) == *score
            };
            let own: Vec<FieldError> = reasons
                .iter()
                .filter(concerns)
                .map(|reason| self.told(reason))
                .collect();
            if !own.is_empty() {
                refused.push(Refused {
                    span: *span,
                    reasons: own,
                });
            }
        }
        refused.sort_by_key(|refused| refused.span.line);
        refused
    }

    fn told(&self, reason: &FieldError) -> FieldError {
        if self.by_column {
            in_columns(reason)
        } else {
            reason.clone()
        }
    }

    fn last(&self) -> Option<Span> {
        let read = self.pieces.iter().map(|(span, _)| *span);
        let unread = self.unread.iter().map(|refused| refused.span);
        read.chain(unread).max_by_key(|span| span.last_line)
    }

    fn first(&self) -> Option<Span> {
        let read = self.pieces.iter().map(|(span, _)| *span);
        let unread = self.unread.iter().map(|refused| refused.span);
        read.chain(unread).min_by_key(|span| span.line)
    }

    /// This item with its case given up for `reason`.
    pub(super) fn given_up(&self, reason: &FieldError) -> Item {
        let mut unread = self.unread.clone();
        unread.extend(self.whole(std::slice::from_ref(reason)));
        Item {
            case: None,
            pieces: Vec::new(),
            unread,
            by_column: false,
        }
    }

    fn whole(&self, reasons: &[FieldError]) -> Vec<Refused> {
        let pieces = self.pieces.iter().map(|(span, _)| Refused {
            span: *span,
            reasons: reasons.to_vec(),
        });
        pieces.collect()
    }

    fn unreadable(refused: Refused) -> Item {
        Item {
            case: None,
            pieces: Vec::new(),
            unread: vec![refused],
            by_column: false,
        }
    }
}

/// The place of a score in a row's block that a pointer leads to, with the rest of the pointer.
fn score_of(pointer: &str) -> Option<(usize, &str)> {
    let rest = pointer.strip_prefix("/blocks/0/scores/")?;
    let (place, field) = rest.split_once('/').unwrap_or((rest, ""));
    Some((place.parse().ok()?, field))
}

/// A reason whose pointer into a row's case is told as the column.
fn in_columns(reason: &FieldError) -> FieldError {
    let of_score = score_of(&reason.pointer).map(|(_, field)| format!("{SCORE}{field}"));
    let pointer = of_score.as_deref().unwrap_or(&reason.pointer);
    let column = column_of(pointer).map_or(pointer, |column| column.name);
    FieldError {
        pointer: column.to_owned(),
        ..reason.clone()
    }
}

/// Cases that are recorded in one transaction.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) items: Vec<Arc<Item>>,
    /// The last line and the byte after it.
    pub(super) last_line: u64,
    pub(super) end: u64,
}

impl Batch {
    /// A batch of one.
    pub(super) fn of(item: Arc<Item>) -> Batch {
        let last = item.last();
        Batch {
            last_line: last.map_or(0, |span| span.last_line),
            end: last.map_or(0, |span| span.end),
            items: vec![item],
        }
    }

    /// How many pieces of the file it was made of.
    pub(super) fn pieces(&self) -> usize {
        self.items.iter().map(|item| item.pieces()).sum()
    }
}

/// An open file.
pub(super) struct Source {
    lines: Lines<BufReader<File>>,
    format: Open,
    now: DateTime<Utc>,
    /// A row that was read and belongs to the next case.
    next: Option<Row>,
}

enum Open {
    Jsonl,
    Csv {
        header: Header,
        /// Where it stands in the file.
        span: Span,
    },
}

impl Source {
    /// Opens a file and reads its header, if it has one.
    pub(super) fn open(path: &Path, format: Format, now: DateTime<Utc>) -> Result<Source, Failure> {
        let mut lines = Lines::of(BufReader::with_capacity(1 << 18, File::open(path)?));
        let format = match format {
            Format::Jsonl => Open::Jsonl,
            Format::Csv => {
                let row = lines.next_row()?;
                let row = row.ok_or_else(|| Failure::usage("the file is empty"))?;
                let unreadable = |_| Failure::usage("line 1: the header cannot be read as CSV");
                let cells = row.cells.map_err(unreadable)?;
                let header = Header::read(&cells)
                    .map_err(|why| Failure::usage(format!("line {}: {why}", row.span.line)))?;
                Open::Csv {
                    header,
                    span: row.span,
                }
            }
        };
        Ok(Source {
            lines,
            format,
            now,
            next: None,
        })
    }

    /// Where the header stands, if there is one.
    pub(super) fn header(&self) -> Option<Span> {
        match &self.format {
            Open::Jsonl => None,
            Open::Csv { span, .. } => Some(*span),
        }
    }

    /// Passes over what was dealt with before: everything up to and with line `line`.
    /// Where that ends, in bytes.
    pub(super) fn pass_over(&mut self, line: u64) -> io::Result<u64> {
        let mut end = 0;
        match &self.format {
            Open::Jsonl => {
                let mut passed = 0;
                while passed < line {
                    let Some(next) = self.lines.next_line()? else {
                        break;
                    };
                    (passed, end) = (next.span.last_line, next.span.end);
                }
            }
            Open::Csv { .. } => {
                while let Some(row) = self.lines.next_row()? {
                    if row.span.last_line > line {
                        self.next = Some(row);
                        break;
                    }
                    end = row.span.end;
                }
            }
        }
        Ok(end)
    }

    /// The next cases; `None` at the end.
    pub(super) fn next_batch(&mut self) -> io::Result<Option<Batch>> {
        let mut batch = Batch::default();
        let mut begins_at = None;
        while batch.items.len() < CASES {
            let Some(item) = self.next_item()? else { break };
            let Some(last) = item.last() else { break };
            (batch.last_line, batch.end) = (last.last_line, last.end);
            let start = item.first().map_or(last.start, |first| first.start);
            let begins_at = *begins_at.get_or_insert(start);
            batch.items.push(Arc::new(item));
            if last.end.saturating_sub(begins_at) > BYTES {
                break;
            }
        }
        Ok(Some(batch).filter(|batch| !batch.items.is_empty()))
    }

    fn next_item(&mut self) -> io::Result<Option<Item>> {
        match &self.format {
            Open::Jsonl => self.next_record(),
            Open::Csv { header, .. } => {
                let header = header.clone();
                self.next_rows(&header)
            }
        }
    }

    fn next_record(&mut self) -> io::Result<Option<Item>> {
        let line = loop {
            match self.lines.next_line()? {
                None => return Ok(None),
                Some(line) if line.is_blank() => {}
                Some(line) => break line,
            }
        };
        let read = line
            .bytes
            .as_deref()
            .ok_or_else(|| vec![not_readable(Malformed::TooLong)]);
        let case = read
            .and_then(|bytes| read_line(bytes, self.now))
            .and_then(case_of);
        Ok(Some(match case {
            Ok(case) => Item {
                case: Some(case),
                pieces: vec![(line.span, None)],
                unread: Vec::new(),
                by_column: false,
            },
            Err(reasons) => Item::unreadable(Refused {
                span: line.span,
                reasons,
            }),
        }))
    }

    /// The next rows that repeat all but their scores, as one case.
    fn next_rows(&mut self, header: &Header) -> io::Result<Option<Item>> {
        let Some(first) = self.next_row()? else {
            return Ok(None);
        };
        let mut item = match self.of_row(header, &first) {
            Ok(item) => item,
            Err(refused) => return Ok(Some(Item::unreadable(refused))),
        };
        while item.pieces() < MOST_SCORES {
            let Some(row) = self.next_row()? else { break };
            if !repeats(header, &first, &row) {
                self.next = Some(row);
                break;
            }
            match self.of_row(header, &row) {
                Ok(more) => item.add(more),
                Err(refused) => item.unread.push(refused),
            }
        }
        Ok(Some(item))
    }

    fn of_row(&self, header: &Header, row: &Row) -> Result<Item, Refused> {
        let cells = row.cells.as_ref().map_err(|why| vec![not_readable(*why)]);
        let case = cells
            .and_then(|cells| header.case(cells))
            .and_then(|case| read_case(case, self.now))
            .and_then(case_of);
        let mut case = case.map_err(|reasons| Refused {
            span: row.span,
            reasons: reasons.iter().map(in_columns).collect(),
        })?;
        case.score_by_score = true;
        let has_a_score = case.blocks.iter().any(|(_, scores)| !scores.is_empty());
        Ok(Item {
            case: Some(case),
            pieces: vec![(row.span, has_a_score.then_some(0))],
            unread: Vec::new(),
            by_column: true,
        })
    }

    fn next_row(&mut self) -> io::Result<Option<Row>> {
        match self.next.take() {
            Some(row) => Ok(Some(row)),
            None => self.lines.next_row(),
        }
    }
}

impl Item {
    /// Adds a row of the same block.
    fn add(&mut self, more: Item) {
        let blocks = |item: Item| item.case.map(|case| case.blocks).unwrap_or_default();
        let spans: Vec<Span> = more.pieces.iter().map(|(span, _)| *span).collect();
        let added = blocks(more).into_iter().flat_map(|(_, scores)| scores);
        let own = self.case.as_mut().and_then(|case| case.blocks.first_mut());
        let Some((_, scores)) = own else { return };
        let before = scores.len();
        scores.extend(added);
        let score = (scores.len() > before).then_some(before);
        self.pieces
            .extend(spans.into_iter().map(|span| (span, score)));
    }
}

/// Whether a row repeats the cells of the first one that are not about its score.
fn repeats(header: &Header, first: &Row, row: &Row) -> bool {
    match (&first.cells, &row.cells) {
        (Ok(first), Ok(cells)) => {
            cells.len() == header.width() && header.shared(first) == header.shared(cells)
        }
        _ => false,
    }
}

fn case_of(body: CaseBody) -> Result<Case, Vec<FieldError>> {
    let missing = || {
        vec![FieldError::new(
            "/patient",
            "required",
            "An import needs the patient.",
        )]
    };
    Case::of(body).ok_or_else(missing)
}

fn not_readable(why: Malformed) -> FieldError {
    match why {
        Malformed::TooLong => FieldError::new(
            "",
            "too_long",
            format!("The line is longer than {LONGEST} bytes; divide its record."),
        ),
        Malformed::Quotes => FieldError::new(
            "",
            "quotes",
            "A quoted cell is not closed, or a quotation mark within it is not doubled.",
        ),
    }
}
