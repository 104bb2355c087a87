//! A file in lines, and in rows of CSV, none longer than fits in memory.

use std::collections::VecDeque;
use std::io::{self, BufRead};

/// A line or a row may have so many bytes; a record of a patient has a few thousand.
pub(super) const LONGEST: usize = 1 << 20;
/// A row may go on over so many lines, when a quoted cell holds line breaks.
const MOST_LINES: usize = 1000;

/// Where a piece of the file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// Its first line, from 1.
    pub(super) line: u64,
    /// Its last line.
    pub(super) last_line: u64,
    /// Its first byte.
    pub(super) start: u64,
    /// The byte after it and its line break.
    pub(super) end: u64,
}

/// One line without its line break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) span: Span,
    /// `None` when it is longer than [`LONGEST`].
    pub(super) bytes: Option<Vec<u8>>,
}

/// The lines of a file; a byte order mark is left out.
pub(super) struct Lines<R> {
    from: R,
    number: u64,
    offset: u64,
    put_back: VecDeque<Line>,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl<R: BufRead> Lines<R> {
    pub(super) fn of(from: R) -> Lines<R> {
        Lines {
            from,
            number: 0,
            offset: 0,
            put_back: VecDeque::new(),
        }
    }

    /// Lets these lines come again, before all others.
    fn put_back(&mut self, lines: Vec<Line>) {
        for line in lines.into_iter().rev() {
            self.put_back.push_front(line);
        }
    }

    /// The next line; `None` at the end.
    pub(super) fn next_line(&mut self) -> io::Result<Option<Line>> {
        if let Some(line) = self.put_back.pop_front() {
            return Ok(Some(line));
        }
        let start = self.offset;
        let mut bytes = Vec::new();
        let mut fits = true;
        loop {
            let buffer = self.from.fill_buf()?;
            if buffer.is_empty() {
                break;
            }
            let ends_at = buffer.iter().position(|byte| *byte == b'\n');
            let (taken, rest) = buffer.split_at(ends_at.map_or(buffer.len(), |place| place + 1));
            debug_assert!(ends_at.is_none() || !taken.is_empty() || rest.is_empty());
            fits = fits && bytes.len() + taken.len() <= LONGEST + 2;
            if fits {
                bytes.extend_from_slice(taken);
            }
            let length = taken.len();
            self.from.consume(length);
            self.offset += u64::try_from(length).unwrap_or(u64::MAX);
            if ends_at.is_some() {
                break;
            }
        }
        if self.offset == start {
            return Ok(None);
        }
        self.number += 1;
        for line_break in [b'\n', b'\r'] {
            if bytes.last() == Some(&line_break) {
                bytes.pop();
            }
        }
        if start == 0 && bytes.starts_with(BYTE_ORDER_MARK) {
            bytes.drain(..BYTE_ORDER_MARK.len());
        }
        let span = Span {
            line: self.number,
            last_line: self.number,
            start,
            end: self.offset,
        };
        let bytes = Some(bytes).filter(|bytes| fits && bytes.len() <= LONGEST);
        Ok(Some(Line { span, bytes }))
    }

    /// The next row of CSV with its cells, empty lines left out; `None` at the end.
    ///
    /// The reader of the `csv` crate is not used: to it, one quote that is never closed makes a single row of the rest
    /// of the file, in memory. Here such a line is refused alone, and the next one begins a row.
    pub(super) fn next_row(&mut self) -> io::Result<Option<Row>> {
        let first = loop {
            match self.next_line()? {
                None => return Ok(None),
                Some(line) if line.is_blank() => {}
                Some(line) => break line,
            }
        };
        let mut span = first.span;
        let Some(bytes) = &first.bytes else {
            return Ok(Some(Row::refused(span, Malformed::TooLong)));
        };
        let mut cells = Cells::default();
        let mut state = cells.take_line(bytes);
        let mut length = bytes.len();
        let mut more = Vec::new();
        while state == State::Open {
            let next = if more.len() < MOST_LINES {
                self.next_line()?
            } else {
                None
            };
            let Some(next) = next else {
                state = State::Malformed;
                break;
            };
            span.last_line = next.span.last_line;
            span.end = next.span.end;
            length += next.bytes.as_ref().map_or(LONGEST, |bytes| bytes.len() + 1);
            state = match &next.bytes {
                Some(bytes) if length <= LONGEST => {
                    cells.line_break();
                    cells.take_line(bytes)
                }
                _ => State::Malformed,
            };
            more.push(next);
        }
        if state == State::Malformed {
            self.put_back(more);
            return Ok(Some(Row::refused(first.span, Malformed::Quotes)));
        }
        Ok(Some(Row {
            span,
            cells: Ok(cells.done),
        }))
    }
}

impl Line {
    /// Whether nothing stands in it.
    pub(super) fn is_blank(&self) -> bool {
        let blank = |bytes: &Vec<u8>| bytes.iter().all(u8::is_ascii_whitespace);
        self.bytes.as_ref().is_some_and(blank)
    }
}

/// A row of CSV.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) span: Span,
    pub(super) cells: Result<Vec<Vec<u8>>, Malformed>,
}

impl Row {
    fn refused(span: Span, why: Malformed) -> Row {
        Row {
            span,
            cells: Err(why),
        }
    }
}

/// Why a line is no row of CSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Malformed {
    /// Longer than [`LONGEST`].
    TooLong,
    /// A quoted cell is not closed, or goes on after its closing quote.
    Quotes,
}

/// Where a row stands at the end of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Whole,
    /// A quoted cell goes on in the next line.
    Open,
    Malformed,
}

/// The cells of a row, taken line by line (RFC 4180).
#[derive(Debug, Default)]
struct Cells {
    done: Vec<Vec<u8>>,
    current: Vec<u8>,
    within_quotes: bool,
}

impl Cells {
    fn line_break(&mut self) {
        self.current.push(b'\n');
    }

    fn take_line(&mut self, line: &[u8]) -> State {
        let mut at_start = !self.within_quotes;
        let mut closed = false;
        let mut bytes = line.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            match byte {
                b'"' if self.within_quotes => {
                    if bytes.next_if_eq(&b'"').is_some() {
                        self.current.push(b'"');
                    } else {
                        self.within_quotes = false;
                        closed = true;
                    }
                }
                _ if self.within_quotes => self.current.push(byte),
                b',' => {
                    self.done.push(std::mem::take(&mut self.current));
                    (at_start, closed) = (true, false);
                }
                _ if closed => return State::Malformed,
                b'"' if at_start => (at_start, self.within_quotes) = (false, true),
                _ => {
                    self.current.push(byte);
                    at_start = false;
                }
            }
        }
        if self.within_quotes {
            return State::Open;
        }
        self.done.push(std::mem::take(&mut self.current));
        State::Whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(file: &[u8]) -> Vec<(u64, Result<Vec<String>, Malformed>)> {
        let mut lines = Lines::of(file);
        let mut rows = Vec::new();
        while let Some(row) = lines.next_row().unwrap() {
            let cells = row.cells.map(|cells| {
                let text = |cell| String::from_utf8(cell).unwrap();
                cells.into_iter().map(text).collect()
            });
            rows.push((row.span.line, cells));
        }
        rows
    }

    fn cells(cells: &[&str]) -> Result<Vec<String>, Malformed> {
        Ok(cells.iter().map(|cell| (*cell).to_owned()).collect())
    }

    #[test]
    fn line_breaks_marks_and_empty_lines_are_no_part_of_a_row() {
        assert_eq!(
            rows(b"\xef\xbb\xbfa,b\r\n\r\n  \n1,\"two\nlines\"\n,"),
            [
                (1, cells(&["a", "b"])),
                (4, cells(&["1", "two\nlines"])),
                (6, cells(&["", ""]))
            ]
        );
    }

    #[test]
    fn a_quote_that_is_not_closed_costs_one_line() {
        assert_eq!(
            rows(b"1,\"open\n2,\"fine\"\n3,5\" needle\n"),
            [
                (1, Err(Malformed::Quotes)),
                (2, cells(&["2", "fine"])),
                (3, cells(&["3", "5\" needle"]))
            ]
        );
        assert_eq!(
            rows(b"1,\"open\n2,x\n"),
            [(1, Err(Malformed::Quotes)), (2, cells(&["2", "x"]))]
        );
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let mut file = vec![b'x'; LONGEST];
        file.push(b'\n');
        file.extend(vec![b'y'; LONGEST + 1]);
        file.extend(b"\nz");
        let mut lines = Lines::of(file.as_slice());
        let mut lengths = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            let length = line.bytes.map(|bytes| bytes.len());
            lengths.push((line.span.line, line.span.end - line.span.start, length));
        }
        let longest = u64::try_from(LONGEST).unwrap();
        assert_eq!(
            lengths,
            [
                (1, longest + 1, Some(LONGEST)),
                (2, longest + 2, None),
                (3, 1, Some(1))
            ]
        );
    }

    proptest! {
        #[test]
        fn what_the_csv_crate_writes_is_read(table in prop::collection::vec(prop::collection::vec("[a\",\n é]{0,6}", 2..4), 1..5)) {
            let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
            for row in &table {
                writer.write_record(row).unwrap();
            }
            let file = writer.into_inner().unwrap();
            let read: Vec<Vec<String>> = rows(&file).into_iter().map(|(_, cells)| cells.unwrap()).collect();
            prop_assert_eq!(read, table);
        }

        #[test]
        fn no_byte_is_lost_and_none_counts_twice(file in prop::collection::vec(prop::sample::select(b"a\",\n\r".to_vec()), 0..60)) {
            let mut lines = Lines::of(file.as_slice());
            let mut end = 0;
            while let Some(row) = lines.next_row().unwrap() {
                let between = &file[usize::try_from(end).unwrap()..usize::try_from(row.span.start).unwrap()];
                prop_assert!(between.iter().all(u8::is_ascii_whitespace));
                prop_assert!(row.span.start >= end && row.span.end > row.span.start);
                end = row.span.end;
            }
            prop_assert!(file[usize::try_from(end).unwrap()..].iter().all(u8::is_ascii_whitespace));
        }
    }
}
