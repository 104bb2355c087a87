//! The rooms of `docs/ARCHITECTURE.md` and what each may name. Reads every file under `src/` and fails where a path,
//! in a `use` or in the middle of the code, crosses the table below. Comments and strings do not count.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// A module at the top of the crate and what of ours it may name, itself apart. An entry is a path: `db` is that
/// whole room, `cli::main` only this one thing.
struct Room {
    name: &'static str,
    may_name: &'static [&'static str],
}

/// The table. A room that is not here fails the test, so that a new one cannot come in without rules.
const ROOMS: &[Room] = &[
    Room {
        name: "domain",
        may_name: &[],
    },
    Room {
        name: "seam",
        may_name: &[],
    },
    Room {
        name: "wire",
        may_name: &["domain"],
    },
    Room {
        name: "db",
        may_name: &["domain", "seam"],
    },
    Room {
        name: "auth",
        may_name: &["domain", "seam"],
    },
    Room {
        name: "audit",
        may_name: &["domain", "db", "seam"],
    },
    Room {
        name: "app",
        may_name: &["domain", "wire", "db", "auth", "audit", "seam"],
    },
    Room {
        name: "chart",
        may_name: &["domain"],
    },
    Room {
        name: "export",
        may_name: &["domain", "wire", "app", "seam"],
    },
    Room {
        name: "evidence",
        may_name: &["domain", "wire", "app", "chart", "seam"],
    },
    Room {
        name: "jobs",
        may_name: &[
            "domain", "db", "auth", "audit", "app", "export", "fhir", "seam",
        ],
    },
    Room {
        name: "http",
        may_name: &[
            "domain", "wire", "auth", "app", "evidence", "export", "seam",
        ],
    },
    Room {
        name: "web",
        may_name: &[
            "domain", "wire", "auth", "app", "chart", "evidence", "export", "http", "seam",
        ],
    },
    Room {
        name: "fhir",
        may_name: &[
            "domain", "wire", "auth", "app", "evidence", "export", "http", "seam",
        ],
    },
    Room {
        name: "cds",
        may_name: &["domain", "wire", "auth", "app", "fhir", "http", "seam"],
    },
    Room {
        name: "cli",
        may_name: &[
            "domain", "wire", "db", "auth", "audit", "app", "chart", "evidence", "export", "jobs",
            "http", "web", "fhir", "cds", "seam",
        ],
    },
    // The crate's two roots: the list of rooms, and the program that calls one of them.
    Room {
        name: "lib",
        may_name: &[],
    },
    Room {
        name: "main",
        may_name: &["cli::main"],
    },
];

/// Who may name what is not ours.
enum Homes {
    /// These rooms and no other.
    Only(&'static [&'static str]),
    /// Every room but these.
    AllBut(&'static [&'static str]),
}

/// Something outside the crate, or in the standard library, that has its place.
struct Foreign {
    /// A path, matched from its first segment; `…::` in front matches it anywhere in a path, however it was imported;
    /// a `*` at the end stands for the rest of a name.
    path: &'static str,
    homes: Homes,
    why: &'static str,
}

const FOREIGN: &[Foreign] = &[
    Foreign {
        path: "actix*",
        homes: Homes::Only(&["http", "web", "fhir", "cli"]),
        why: "the web framework stays at the edge",
    },
    Foreign {
        path: "plotters*",
        homes: Homes::Only(&["chart"]),
        why: "every drawing is in chart",
    },
    Foreign {
        path: "parquet*",
        homes: Homes::Only(&["export"]),
        why: "every file for analysts is written in export",
    },
    Foreign {
        path: "arrow*",
        homes: Homes::Only(&["export"]),
        why: "every file for analysts is written in export",
    },
    Foreign {
        path: "typst*",
        homes: Homes::Only(&["evidence"]),
        why: "only the summary is set on paper",
    },
    Foreign {
        path: "comemo",
        homes: Homes::Only(&["evidence"]),
        why: "only the summary is set on paper",
    },
    Foreign {
        path: "diesel*",
        homes: Homes::Only(&["db"]),
        why: "every query is in db",
    },
    Foreign {
        path: "r2d2",
        homes: Homes::Only(&["db"]),
        why: "every connection is in db",
    },
    Foreign {
        path: "serde*",
        homes: Homes::AllBut(&["domain"]),
        why: "what is sent is a contract; the domain is not",
    },
    Foreign {
        path: "deserr",
        homes: Homes::AllBut(&["domain"]),
        why: "what is sent is a contract; the domain is not",
    },
    Foreign {
        path: "schemars",
        homes: Homes::AllBut(&["domain"]),
        why: "what is sent is a contract; the domain is not",
    },
    Foreign {
        path: "tokio",
        homes: Homes::AllBut(&["domain", "app", "db"]),
        why: "rules, queries and use cases are synchronous",
    },
    Foreign {
        path: "tracing*",
        homes: Homes::AllBut(&["domain"]),
        why: "the domain does no I/O",
    },
    Foreign {
        path: "rand*",
        homes: Homes::AllBut(&["domain"]),
        why: "the domain does not throw dice",
    },
    Foreign {
        path: "std::fs",
        homes: Homes::AllBut(&["domain", "wire"]),
        why: "rules and shapes do no I/O",
    },
    Foreign {
        path: "std::net",
        homes: Homes::AllBut(&["domain", "wire"]),
        why: "rules and shapes do no I/O",
    },
    Foreign {
        path: "std::env",
        homes: Homes::AllBut(&["domain", "wire"]),
        why: "rules and shapes do no I/O",
    },
    Foreign {
        path: "std::time",
        homes: Homes::AllBut(&["domain", "wire"]),
        why: "the clock is behind seam",
    },
    Foreign {
        path: "…::Utc::now",
        homes: Homes::Only(&["seam"]),
        why: "the clock is behind seam",
    },
    Foreign {
        path: "…::Local::now",
        homes: Homes::Only(&["seam"]),
        why: "the clock is behind seam",
    },
    Foreign {
        path: "…::SystemTime::now",
        homes: Homes::Only(&["seam"]),
        why: "the clock is behind seam",
    },
    Foreign {
        path: "…::Uuid::now_v7",
        homes: Homes::Only(&["seam"]),
        why: "ids come from seam",
    },
    Foreign {
        path: "…::Uuid::new_v4",
        homes: Homes::Only(&["seam"]),
        why: "ids come from seam",
    },
];

#[test]
fn no_path_crosses_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = rust_files(&root).expect("the sources can be read");
    assert!(
        files.len() > 10,
        "only {} files found under src",
        files.len()
    );

    let mut violations = Vec::new();
    for file in &files {
        let source = fs::read_to_string(file).expect("the file can be read");
        let relative = file.strip_prefix(&root).expect("the file is under src");
        violations.extend(check(relative, &source));
    }
    let list: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(
        list.is_empty(),
        "{} paths cross the table of rooms:\n{}",
        list.len(),
        list.join("\n")
    );
}

#[test]
fn the_table_names_only_rooms_that_it_knows() {
    let known: BTreeSet<&str> = ROOMS.iter().map(|room| room.name).collect();
    assert_eq!(known.len(), ROOMS.len(), "a room has two rows");
    for room in ROOMS {
        for allowed in room.may_name {
            let first = allowed.split("::").next().unwrap_or_default();
            assert!(
                known.contains(first),
                "{} may name {first}, which has no row",
                room.name
            );
            assert_ne!(first, room.name, "a room always may name itself");
        }
    }
    for foreign in FOREIGN {
        let (Homes::Only(rooms) | Homes::AllBut(rooms)) = foreign.homes;
        for room in rooms {
            assert!(
                known.contains(room),
                "{} names {room}, which has no row",
                foreign.path
            );
        }
    }
}

/// No two rooms name each other, not even through others.
#[test]
fn the_table_has_no_circle() {
    let mut settled: BTreeSet<&str> = BTreeSet::new();
    loop {
        let ready: Vec<&str> = ROOMS
            .iter()
            .filter(|room| !settled.contains(room.name))
            .filter(|room| {
                let whole_rooms = room.may_name.iter().filter(|path| !path.contains("::"));
                whole_rooms.into_iter().all(|path| settled.contains(path))
            })
            .map(|room| room.name)
            .collect();
        if ready.is_empty() {
            break;
        }
        settled.extend(ready);
    }
    let circle: Vec<&str> = ROOMS
        .iter()
        .map(|room| room.name)
        .filter(|name| !settled.contains(name))
        .collect();
    assert!(circle.is_empty(), "rooms in a circle: {circle:?}");
}

/// What came in with a line in `Cargo.toml` is explained in a line of `docs/dependencies.md`, and the other way round.
#[test]
fn every_dependency_is_explained() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("Cargo.toml can be read");
    let manifest: toml::Table = manifest.parse().expect("Cargo.toml is TOML");
    let named: BTreeSet<&str> = ["dependencies", "dev-dependencies", "build-dependencies"]
        .iter()
        .filter_map(|section| manifest.get(*section)?.as_table())
        .flat_map(|section| section.keys().map(String::as_str))
        .collect();
    let document =
        fs::read_to_string(root.join("docs/dependencies.md")).expect("the list can be read");
    let explained: BTreeSet<&str> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let missing: Vec<&&str> = named.difference(&explained).collect();
    assert!(
        missing.is_empty(),
        "docs/dependencies.md has no line for {missing:?}"
    );
    let gone: Vec<&&str> = explained.difference(&named).collect();
    assert!(
        gone.is_empty(),
        "Cargo.toml does not name {gone:?}, docs/dependencies.md does"
    );
}

/// One path that crosses the table.
#[derive(Debug, PartialEq, Eq)]
struct Violation {
    file: PathBuf,
    line: usize,
    path: String,
    reason: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "src/{}:{}: `{}`: {}",
            self.file.display(),
            self.line,
            self.path,
            self.reason
        )
    }
}

/// Every crossing in one file; `file` is relative to `src`.
fn check(file: &Path, source: &str) -> Vec<Violation> {
    let modules = modules_of(file);
    let name = modules
        .first()
        .map_or_else(|| root_name(file), Clone::clone);
    let Some(room) = ROOMS.iter().find(|room| room.name == name) else {
        return vec![Violation {
            file: file.to_path_buf(),
            line: 1,
            path: name,
            reason: "this room has no row in the table".to_owned(),
        }];
    };
    paths_in(&tokens(source), &modules)
        .into_iter()
        .filter_map(|found| {
            let reason = objection(room, &found.segments)?;
            let path = found.segments.join("::");
            Some(Violation {
                file: file.to_path_buf(),
                line: found.line,
                path,
                reason,
            })
        })
        .collect()
}

/// What the table has against this path in this room.
fn objection(room: &Room, path: &[String]) -> Option<String> {
    let (first, rest) = path.split_first()?;
    if first == "crate" {
        return our_objection(room, rest);
    }
    let foreign = FOREIGN
        .iter()
        .find(|foreign| !foreign.allows(room) && foreign.matches(path))?;
    Some(format!("{} may not name it: {}", room.name, foreign.why))
}

fn our_objection(room: &Room, path: &[String]) -> Option<String> {
    let is_root = matches!(room.name, "lib" | "main");
    let Some(other) = path.first() else {
        return (!is_root).then(|| "names the whole crate; name the room".to_owned());
    };
    if other == "*" {
        return Some("names every room at once; name the room".to_owned());
    }
    let is_a_room = ROOMS.iter().any(|row| row.name == other);
    if !is_a_room || other == room.name {
        return None;
    }
    let allowed = room.may_name.iter().any(|entry| starts_with(path, entry));
    (!allowed).then(|| format!("{} may not name {other}", room.name))
}

fn starts_with(path: &[String], prefix: &str) -> bool {
    let mut segments = path.iter();
    prefix
        .split("::")
        .all(|wanted| segments.next().is_some_and(|segment| segment == wanted))
}

impl Foreign {
    fn allows(&self, room: &Room) -> bool {
        match self.homes {
            Homes::Only(rooms) => rooms.contains(&room.name),
            Homes::AllBut(rooms) => !rooms.contains(&room.name),
        }
    }

    fn matches(&self, path: &[String]) -> bool {
        if let Some(tail) = self.path.strip_prefix("…::") {
            let wanted: Vec<&str> = tail.split("::").collect();
            return path.windows(wanted.len()).any(|window| window == wanted);
        }
        if let Some(start) = self.path.strip_suffix('*') {
            return path.first().is_some_and(|first| first.starts_with(start));
        }
        starts_with(path, self.path)
    }
}

// --- Reading Rust, as far as paths go -------------------------------------------------------------------------------

/// `db/queries/blocks.rs` is the module `db::queries::blocks`, `db/mod.rs` is `db`, `lib.rs` is the crate itself.
fn modules_of(file: &Path) -> Vec<String> {
    let mut modules: Vec<String> = file
        .with_extension("")
        .components()
        .map(|component| component.as_os_str().to_string_lossy().into_owned())
        .collect();
    let at_root = modules.len() == 1;
    match modules.last().map(String::as_str) {
        Some("mod") => drop(modules.pop()),
        Some("lib" | "main") if at_root => modules.clear(),
        _ => {}
    }
    modules
}

fn root_name(file: &Path) -> String {
    file.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A name or a keyword; `r#` in front is dropped.
    Name(String),
    /// `::`
    PathSeparator,
    /// Any other character that is not blank.
    Mark(char),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Placed {
    token: Token,
    line: usize,
}

/// The tokens of a source, without comments, strings, characters, lifetimes and numbers.
fn tokens(source: &str) -> Vec<Placed> {
    let mut found = Vec::new();
    let mut rest = source;
    let mut line = 1;
    while let Some(next) = rest.chars().next() {
        let (token, length) = next_token(rest, next);
        if let Some(token) = token {
            found.push(Placed { token, line });
        }
        let (passed, remaining) = rest.split_at(length);
        line += passed.matches('\n').count();
        rest = remaining;
    }
    found
}

/// The token at the start of `rest`, if what stands there is one, and how many bytes it takes.
fn next_token(rest: &str, next: char) -> (Option<Token>, usize) {
    if rest.starts_with("//") {
        return (None, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (None, block_comment(rest));
    }
    if let Some(length) = string(rest) {
        return (None, length);
    }
    if next == '\'' {
        return (None, character_or_lifetime(rest));
    }
    if rest.starts_with("::") {
        return (Some(Token::PathSeparator), 2);
    }
    if next.is_ascii_digit() {
        return (None, name_length(rest));
    }
    if is_name(next) {
        let name = rest.strip_prefix("r#").unwrap_or(rest);
        let prefix = rest.len() - name.len();
        let length = name_length(name);
        let text = name.get(..length).unwrap_or_default();
        return (Some(Token::Name(text.to_owned())), prefix + length);
    }
    let token = (!next.is_whitespace()).then_some(Token::Mark(next));
    (token, next.len_utf8())
}

fn is_name(character: char) -> bool {
    character == '_' || character.is_alphanumeric()
}

fn name_length(text: &str) -> usize {
    text.find(|character| !is_name(character))
        .unwrap_or(text.len())
}

/// The length of a block comment; they nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(here) = text.get(at..).filter(|here| !here.is_empty()) {
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of a string literal of any kind, if one starts here.
fn string(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        text.strip_prefix(prefix)
            .is_some_and(|rest| opens_string(rest, prefix))
    })?;
    let body = text.get(prefix.len()..)?;
    if prefix.ends_with('r') {
        let hashes = body.len() - body.trim_start_matches('#').len();
        let close = format!("\"{}", "#".repeat(hashes));
        let inside = body.get(hashes + 1..)?;
        let end = inside
            .find(&close)
            .map_or(inside.len(), |at| at + close.len());
        return Some(prefix.len() + hashes + 1 + end);
    }
    let mut escaped = false;
    for (at, character) in body.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(prefix.len() + at + 1),
            _ => {}
        }
    }
    Some(text.len())
}

fn opens_string(rest: &str, prefix: &str) -> bool {
    let hashes_allowed = prefix.ends_with('r');
    let quote = if hashes_allowed {
        rest.trim_start_matches('#')
    } else {
        rest
    };
    quote.starts_with('"')
}

/// `'a'` and `'\''` are characters, `'a` is a lifetime.
fn character_or_lifetime(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    let Some((_, first)) = characters.next() else {
        return text.len();
    };
    if first == '\\' {
        let mut escaped = true;
        for (at, character) in characters {
            match character {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '\'' => return at + 1,
                _ => {}
            }
        }
        return text.len();
    }
    match characters.next() {
        Some((at, '\'')) => at + 1,
        _ => 1 + text.get(1..).map_or(0, name_length),
    }
}

/// A path as written, made absolute: `crate::…` if it is ours, else beginning with the name of a crate (or of something
/// that this file brought into scope with a `use`, which was looked at there).
#[derive(Debug, PartialEq, Eq)]
struct Found {
    segments: Vec<String>,
    line: usize,
}

/// All paths of a file whose module is `file_modules`.
fn paths_in(tokens: &[Placed], file_modules: &[String]) -> Vec<Found> {
    let mut reader = Reader {
        tokens,
        at: 0,
        modules: file_modules.to_vec(),
        inline: Vec::new(),
        depth: 0,
    };
    let mut found = Vec::new();
    while let Some(placed) = reader.peek() {
        let line = placed.line;
        match &placed.token {
            Token::Name(name) if name == "use" => {
                reader.at += 1;
                let mut trees = Vec::new();
                reader.use_tree(&[], &mut trees);
                let absolute = trees.into_iter().filter_map(|path| {
                    let segments = reader.absolute(&path.segments)?;
                    Some(Found {
                        segments,
                        line: path.line,
                    })
                });
                found.extend(absolute);
            }
            Token::Name(name) if name == "mod" => {
                reader.at += 1;
                reader.module();
            }
            Token::Name(name) if name == "crate" && reader.follows_extern() => {
                reader.at += 1;
                if let Some(name) = reader.name() {
                    found.push(Found {
                        segments: vec![name],
                        line,
                    });
                }
            }
            Token::Name(_) | Token::PathSeparator => {
                let path = reader.path();
                if path.len() > 1 {
                    found.extend(
                        reader
                            .absolute(&path)
                            .map(|segments| Found { segments, line }),
                    );
                }
            }
            Token::Mark(mark) => {
                let mark = *mark;
                reader.at += 1;
                reader.brace(mark);
            }
        }
    }
    found
}

struct Reader<'a> {
    tokens: &'a [Placed],
    at: usize,
    modules: Vec<String>,
    /// How deep in braces each `mod … {` around this place was opened.
    inline: Vec<usize>,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&Placed> {
        self.tokens.get(self.at)
    }

    fn accept(&mut self, wanted: &Token) -> bool {
        let there = self.peek().is_some_and(|placed| placed.token == *wanted);
        if there {
            self.at += 1;
        }
        there
    }

    fn name(&mut self) -> Option<String> {
        match self.peek().map(|placed| placed.token.clone()) {
            Some(Token::Name(name)) => {
                self.at += 1;
                Some(name)
            }
            _ => None,
        }
    }

    fn follows_extern(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        before.is_some_and(|placed| placed.token == Token::Name("extern".to_owned()))
    }

    fn brace(&mut self, mark: char) {
        match mark {
            '{' => self.depth += 1,
            '}' => {
                self.depth = self.depth.saturating_sub(1);
                if self.inline.last() == Some(&self.depth) {
                    self.inline.pop();
                    self.modules.pop();
                }
            }
            _ => {}
        }
    }

    /// After `mod`: inside its braces, `super` and `self` mean something else.
    fn module(&mut self) {
        let Some(name) = self.name() else { return };
        if self.accept(&Token::Mark('{')) {
            self.inline.push(self.depth);
            self.depth += 1;
            self.modules.push(name);
        }
    }

    /// A path in the middle of code: names with `::` between them.
    fn path(&mut self) -> Vec<String> {
        let mut path = Vec::new();
        self.accept(&Token::PathSeparator);
        while let Some(name) = self.name() {
            path.push(name);
            if !self.accept(&Token::PathSeparator) {
                break;
            }
        }
        path
    }

    /// What follows `use`, or one branch of it: every path that it names, written out.
    fn use_tree(&mut self, stem: &[String], trees: &mut Vec<Found>) {
        let line = self.peek().map_or(0, |placed| placed.line);
        let mut path = stem.to_vec();
        self.accept(&Token::PathSeparator);
        loop {
            if self.accept(&Token::Mark('{')) {
                while !self.accept(&Token::Mark('}')) && self.peek().is_some() {
                    self.use_tree(&path, trees);
                    self.accept(&Token::Mark(','));
                }
                return;
            }
            if self.accept(&Token::Mark('*')) {
                path.push("*".to_owned());
                break;
            }
            match self.name() {
                Some(name) => path.push(name),
                None => {
                    // Not a use tree (a capture `use<'a>` in a type, say): let the caller go on behind it.
                    self.at += 1;
                    return;
                }
            }
            if !self.accept(&Token::PathSeparator) {
                break;
            }
        }
        if self.accept(&Token::Name("as".to_owned())) {
            self.name();
        }
        // `use a::b::{self}` names `a::b`.
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        trees.push(Found {
            segments: path,
            line,
        });
    }

    /// The path from the crate's root, or from another crate's.
    fn absolute(&self, path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        let relative_to = match first.as_str() {
            "crate" | "medial" => return Some(ours(&[], rest)),
            "self" => return Some(ours(&self.modules, rest)),
            "super" => self
                .modules
                .split_last()
                .map_or(&[][..], |(_, above)| above),
            // At the root, the rooms themselves are in scope.
            _ if self.modules.is_empty() && ROOMS.iter().any(|room| room.name == first) => {
                return Some(ours(&[], path));
            }
            _ => return Some(path.to_vec()),
        };
        let mut modules = relative_to;
        let mut rest = rest;
        while let Some((next, behind)) = rest.split_first() {
            if next != "super" {
                break;
            }
            modules = modules.split_last().map_or(&[][..], |(_, above)| above);
            rest = behind;
        }
        Some(ours(modules, rest))
    }
}

fn ours(modules: &[String], rest: &[String]) -> Vec<String> {
    let root = std::iter::once("crate".to_owned());
    root.chain(modules.iter().cloned())
        .chain(rest.iter().cloned())
        .collect()
}

fn rust_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The checker on made-up sources: what it has to find, and what it must leave alone.
mod checker {
    use super::{Token, check, tokens};
    use std::path::Path;

    /// The paths it objects to, with their lines.
    fn objections(file: &str, source: &str) -> Vec<(usize, String)> {
        check(Path::new(file), source)
            .into_iter()
            .map(|found| (found.line, found.path))
            .collect()
    }

    fn caught(file: &str, source: &str, path: &str) {
        let found = objections(file, source);
        let paths: Vec<&str> = found.iter().map(|(_, path)| path.as_str()).collect();
        assert_eq!(paths, [path], "in {file}: {source}");
    }

    fn clean(file: &str, source: &str) {
        assert_eq!(objections(file, source), [], "in {file}: {source}");
    }

    #[test]
    fn a_use_that_crosses_is_caught_with_its_line() {
        let source = "//! A comment.\n\nuse crate::domain::pain;\nuse crate::app::blocks;\n";
        assert_eq!(
            objections("db/mod.rs", source),
            [(4, "crate::app::blocks".to_owned())]
        );
    }

    #[test]
    fn every_way_to_write_a_use_is_read() {
        caught(
            "domain/relief.rs",
            "use crate::db::Tx as Transaction;",
            "crate::db::Tx",
        );
        caught("domain/relief.rs", "pub(crate) use crate::db;", "crate::db");
        caught("domain/relief.rs", "use crate::db::*;", "crate::db::*");
        caught(
            "domain/relief.rs",
            "use crate::{domain::pain, seam::Seam};",
            "crate::seam::Seam",
        );
        caught(
            "domain/relief.rs",
            "use crate::{\n  domain::{pain, block},\n  db::{self},\n};",
            "crate::db",
        );
        caught(
            "domain/relief.rs",
            "use {crate::domain::pain, crate::app};",
            "crate::app",
        );
        caught(
            "domain/relief.rs",
            "use medial::auth::Role;",
            "crate::auth::Role",
        );
        caught(
            "domain/relief.rs",
            "use ::serde::Serialize;",
            "serde::Serialize",
        );
        caught("domain/relief.rs", "use serde_json as json;", "serde_json");
        caught("domain/relief.rs", "extern crate diesel;", "diesel");
        caught(
            "domain/relief.rs",
            "use r#crate::x; use crate::r#db::Tx;",
            "crate::db::Tx",
        );
    }

    #[test]
    fn a_path_in_the_middle_of_code_is_caught() {
        caught(
            "http/server.rs",
            "fn f() { let x = crate::db::open(); }",
            "crate::db::open",
        );
        caught(
            "app/blocks.rs",
            "fn f(x: actix_web::HttpRequest) {}",
            "actix_web::HttpRequest",
        );
        caught(
            "app/blocks.rs",
            "#[derive(::diesel::Queryable)] struct A;",
            "diesel::Queryable",
        );
        caught(
            "app/blocks.rs",
            "macro_rules! m { () => { $crate::http::f() } }",
            "crate::http::f",
        );
        caught(
            "cli/serve.rs",
            "diesel::sql_query(text)",
            "diesel::sql_query",
        );
    }

    #[test]
    fn super_is_followed_out_of_the_room() {
        caught("seam.rs", "use super::db::Tx;", "crate::db::Tx");
        caught(
            "domain/qualification/rules.rs",
            "use super::super::super::app;",
            "crate::app",
        );
        caught(
            "domain/pain.rs",
            "mod inner { use super::super::super::db; }",
            "crate::db",
        );
        caught(
            "domain/pain.rs",
            "mod a { mod b { } } use super::super::db;",
            "crate::db",
        );
        clean(
            "domain/qualification/rules.rs",
            "use super::super::pain::Score; use super::profile;",
        );
        clean(
            "domain/pain.rs",
            "mod tests { use super::*; use super::super::db; }",
        );
    }

    #[test]
    fn the_whole_crate_at_once_is_caught() {
        caught("app/mod.rs", "use crate as everything;", "crate");
        caught("app/mod.rs", "use crate::*;", "crate::*");
        caught("seam.rs", "use super::*;", "crate::*");
    }

    #[test]
    fn the_clock_is_caught_however_it_was_imported() {
        caught(
            "app/blocks.rs",
            "use chrono::Utc; fn f() { Utc::now(); }",
            "Utc::now",
        );
        caught(
            "domain/pain.rs",
            "let now = chrono::Utc::now();",
            "chrono::Utc::now",
        );
        caught(
            "http/mod.rs",
            "let id = uuid::Uuid::now_v7();",
            "uuid::Uuid::now_v7",
        );
        clean("seam.rs", "use chrono::Utc; fn f() { Utc::now(); }");
        clean("domain/pain.rs", "use chrono::{DateTime, Utc};");
    }

    #[test]
    fn one_thing_of_a_room_can_be_allowed_alone() {
        clean("main.rs", "use medial::cli::main;");
        caught("main.rs", "use medial::cli::serve;", "crate::cli::serve");
        caught("main.rs", "use medial::cli::*;", "crate::cli::*");
        caught("main.rs", "use medial::cli;", "crate::cli");
    }

    #[test]
    fn a_room_without_a_row_and_a_root_that_reaches_too_far_are_caught() {
        caught("attic/mod.rs", "", "attic");
        caught(
            "main.rs",
            "fn main() { medial::db::open(); }",
            "crate::db::open",
        );
        clean(
            "main.rs",
            "fn main() -> std::process::ExitCode { medial::cli::main() }",
        );
        clean("lib.rs", "pub mod app;\npub mod db;");
        caught("lib.rs", "pub mod db;\npub use db::Tx;", "crate::db::Tx");
    }

    #[test]
    fn comments_and_strings_do_not_count() {
        clean(
            "domain/pain.rs",
            "// use crate::db;\n/* a /* nested */ use crate::db; */ struct A;",
        );
        clean("domain/pain.rs", "/// See [`crate::db::Tx`].\nfn f() {}");
        clean(
            "domain/pain.rs",
            r##"const A: &str = "use crate::db; \" crate::db::x";"##,
        );
        clean(
            "domain/pain.rs",
            "const A: &str = r#\"a \" crate::db::x \"#; const B: &[u8] = b\"crate::db::y\";",
        );
        clean(
            "domain/pain.rs",
            "const A: &str = \"two\\\\\"; const B: &str = \"crate::db::x\";",
        );
    }

    #[test]
    fn code_behind_a_comment_a_string_or_a_quote_is_still_read() {
        caught("domain/pain.rs", "/* a */ use crate::db;", "crate::db");
        caught(
            "domain/pain.rs",
            "const A: &str = \"//\"; use crate::db;",
            "crate::db",
        );
        caught(
            "domain/pain.rs",
            "const A: char = '\"'; use crate::db; const B: char = '\"';",
            "crate::db",
        );
        caught(
            "domain/pain.rs",
            "const A: char = '\\''; use crate::db;",
            "crate::db",
        );
        caught(
            "domain/pain.rs",
            "fn f<'a>(x: &'a str) { crate::db::f(x) }",
            "crate::db::f",
        );
        caught(
            "domain/pain.rs",
            "fn f() -> impl Iterator + use<'_> { crate::db::f() }",
            "crate::db::f",
        );
    }

    #[test]
    fn names_that_only_look_alike_are_left_alone() {
        clean(
            "domain/pain.rs",
            "use super::block::targets; fn serde() {} let http = 1;",
        );
        clean(
            "http/mod.rs",
            "use crate::http::server; fn db() {} let x = self.db::<u8>();",
        );
        clean(
            "app/mod.rs",
            "use crate::app::exports; mod http_status {} use std::fmt;",
        );
    }

    #[test]
    fn tokens_keep_their_lines() {
        let found = tokens("a\n/* b\n */ c \"x\ny\" d");
        let names: Vec<(usize, &str)> = found
            .iter()
            .filter_map(|placed| match &placed.token {
                Token::Name(name) => Some((placed.line, name.as_str())),
                Token::PathSeparator | Token::Mark(_) => None,
            })
            .collect();
        assert_eq!(names, [(1, "a"), (3, "c"), (4, "d")]);
    }
}
