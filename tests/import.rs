//! `medial import` as whoever types it sees it: what goes in, what is refused, what a second run and a kill change.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that cannot go on must stop, wherever it is"
)]

mod support;

use medial::db::DatabaseKind;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use support::databases::{OnDatabase, TestDatabase, on_each_database};
use support::program::Directory;

// --- A place for one test -------------------------------------------------------------------------------------------

/// A directory to import from and a database to import into, both removed in the end.
struct Place {
    directory: Directory,
    into: TestDatabase,
}

impl OnDatabase for Place {
    fn on(kind: DatabaseKind) -> Option<Place> {
        let into = TestDatabase::empty(kind)?;
        Some(Place {
            directory: Directory::new(),
            into,
        })
    }
}

impl Place {
    fn on_sqlite() -> Place {
        Place::on(DatabaseKind::Sqlite).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        self.directory.write(name, content)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let url = self.into.url();
        let database = ["import", "--database-url", url, "--database-migrate=true"];
        self.directory.medial(&[&database, arguments].concat())
    }

    fn import(&self, arguments: &[&str]) -> Import {
        Import(self.command(arguments).output().unwrap())
    }

    fn lines(&self, sql: &str) -> Vec<String> {
        let mut lines = self.into.raw().lines(sql);
        lines.sort();
        lines
    }

    /// `None` where the table is not there yet.
    fn number(&self, sql: &str) -> Option<i64> {
        let lines = self.into.raw().try_lines(sql).ok()?;
        lines.first()?.parse().ok()
    }

    fn count(&self, table: &str) -> i64 {
        self.number(&format!(
            "SELECT CAST(count(*) AS text) AS line FROM {table}"
        ))
        .unwrap()
    }

    /// Everything that was recorded and judged, without what differs from one import to the next: ids and instants.
    fn records(&self) -> Vec<String> {
        let who = "JOIN patient_identifiers i ON i.patient_id = x.patient_id AND i.position = 0";
        let queries = [
            "SELECT 'identifier|' || p.sort_name || '|' || coalesce(p.birth_date, '-') || '|' || x.system || '|' || x.value AS line
             FROM patient_identifiers x JOIN patients p ON p.id = x.patient_id"
                .to_owned(),
            format!(
                "SELECT 'episode|' || i.value || '|' || x.region || '|' || coalesce(x.onset_date, '-') || '|' || x.causes
                 || '|' || x.conservative_care || '|' || x.disability || '|' || x.version AS line FROM episodes x {who}"
            ),
            format!(
                "SELECT 'block|' || i.value || '|' || x.performed_at || '|' || x.joints || '|' || x.side || '|' || x.kind
                 || '|' || coalesce(x.agent, '-') || '|' || x.version AS line FROM blocks x {who}"
            ),
            format!(
                "SELECT 'score|' || i.value || '|' || b.performed_at || '|' || b.joints || '|' || b.side || '|' || x.taken_at
                 || '|' || x.scale || '|' || x.value_tenths || '|' || x.context || '|' || coalesce(x.side, '-') || '|'
                 || x.analgesic_taken || '|' || x.version AS line FROM scores x {who} JOIN blocks b ON b.id = x.block_id"
            ),
            format!(
                "SELECT 'ablation|' || i.value || '|' || x.performed_on || '|' || x.joints || '|' || x.side AS line
                 FROM ablations x {who}"
            ),
            format!(
                "SELECT 'follow-up|' || i.value || '|' || x.taken_on || '|' || coalesce(x.score_tenths, -1) AS line
                 FROM follow_ups x {who}"
            ),
            format!(
                "SELECT 'determination|' || i.value || '|' || x.region || '|' || x.joint || '|' || x.side || '|' || x.profile
                 || '|' || x.verdict || '|' || x.next_step || '|' || x.statuses || '|' || coalesce(x.changes_on, '-') AS line
                 FROM determinations x {who}"
            ),
            "SELECT 'audit|' || action || '|' || principal || '|' || role || '|' || count(*) AS line FROM audit_entries
             GROUP BY action, principal, role"
                .to_owned(),
        ];
        queries.iter().flat_map(|query| self.lines(query)).collect()
    }
}

struct Import(Output);

impl Import {
    fn code(&self) -> i32 {
        self.0.status.code().unwrap()
    }

    fn out(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    fn err(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    #[track_caller]
    fn ends_with_code(self, code: i32) -> Import {
        assert_eq!(self.code(), code, "{}\n{}", self.out(), self.err());
        self
    }

    /// The numbers of a row of the summary: new, completed, there already.
    fn row(&self, name: &str) -> Vec<u64> {
        let out = self.out();
        let row = out.lines().find(|line| line.trim_start().starts_with(name));
        let row = row.unwrap_or_else(|| panic!("no row {name}:\n{out}"));
        row.split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect()
    }
}

// --- Synthetic records ----------------------------------------------------------------------------------------------

/// A record of two blocks with twelve scores each; `number` tells it apart from the others.
fn record(number: u64) -> Value {
    let block = |at: u64, agent: &str| {
        let day = 1 + number % 20;
        let scores: Vec<Value> = (0..12)
            .map(|place| {
                let value = if place == 0 { 8 } else { (number + place) % 7 };
                json!({
                    "taken_at": format!("2025-0{at}-{day:02}T{:02}:{:02}:00-05:00", 9 + place / 2, place % 2 * 30),
                    "scale": "nrs", "value": value, "context": "movement"
                })
            })
            .collect();
        json!({
            "performed_at": format!("2025-0{at}-{day:02}T09:15:00-05:00"),
            "kind": "diagnostic", "technique": "medial_branch", "joints": ["L4-5", "L5-S1"],
            "side": if number.is_multiple_of(2) { "left" } else { "right" },
            "agent": agent, "concentration_percent": 2, "volume_ml_per_nerve": 0.5, "steroid": false,
            "guidance": "fluoroscopy", "sedation": "none", "scores": scores
        })
    };
    json!({
        "patient": {
            "identifiers": [{"system": "urn:example:synthetic", "value": format!("SYNTHETIC-{number:06}")}],
            "family_name": format!("Synthetic-{number}"), "birth_date": "1970-01-31"
        },
        "episode": {
            "region": "lumbar", "onset_date": "2024-06-01", "axial": true, "radiculopathy": "none",
            "conservative_care": [{"kind": "physical_therapy", "start": "2024-07-01", "end": "2024-12-01", "outcome": "failed"}]
        },
        "blocks": [block(2, "lidocaine"), block(3, "bupivacaine")]
    })
}

fn jsonl(records: impl IntoIterator<Item = Value>) -> String {
    records.into_iter().fold(String::new(), |mut text, record| {
        writeln!(text, "{record}").unwrap();
        text
    })
}

/// Every worked example as the record of a patient of its own.
fn examples() -> Vec<Value> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cases");
    let mut paths: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let example = |path: &PathBuf| {
        let mut case: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        case["patient"] =
            json!({"identifiers": [{"system": "urn:example:synthetic", "value": name}]});
        case
    };
    paths.iter().map(example).collect()
}

const HEADER: &str = "identifier_system,identifier_value,region,performed_at,kind,technique,joints,side,taken_at,scale,value";

/// A row of CSV below [`HEADER`].
fn row(patient: &str, minute: u32, value: &str) -> String {
    format!(
        "urn:example:synthetic,{patient},lumbar,2025-02-03T09:00:00Z,diagnostic,medial_branch,L4-5; L5-S1,left,\
         2025-02-03T10:{minute:02}:00Z,nrs,{value}"
    )
}

// --- What goes in ---------------------------------------------------------------------------------------------------

on_each_database! {
    fn the_templates_import_as_they_stand(place: &Place) {
        let template = |format: &str| {
            let printed = place.import(&["--template", format]).ends_with_code(0).out();
            place.write(&format!("template.{format}"), printed);
        };
        template("csv");
        template("jsonl");
        let first = place.import(&["template.csv"]).ends_with_code(0);
        assert_eq!(first.row("scores"), [2, 0, 0]);
        // The same patient, episode, block and scores, and an ablation.
        let second = place.import(&["template.jsonl"]).ends_with_code(0);
        assert_eq!(second.row("scores"), [0, 0, 2]);
        assert_eq!(second.row("ablations"), [1, 0, 0]);
        assert_eq!(place.count("patients"), 1);
        assert!(!place.path("template.csv.rejects.csv").exists());
        assert!(!place.path("template.csv.rejects.csv.part").exists());
    }

    fn a_second_run_changes_nothing(place: &Place) {
        let examples = examples();
        assert!(examples.len() >= 32);
        place.write("cases.jsonl", jsonl(examples.clone()));
        let first = place.import(&["cases.jsonl"]).ends_with_code(0);
        let patients = u64::try_from(examples.len()).unwrap();
        assert_eq!(first.row("patients"), [patients, 0, 0]);
        let records = place.records();
        assert!(records.iter().any(|line| line.starts_with("determination|two-positive-blocks|")));
        assert!(records.iter().any(|line| line.starts_with("follow-up|")));
        let second = place.import(&["cases.jsonl"]).ends_with_code(0);
        for kind in ["patients", "episodes", "blocks", "scores", "ablations", "follow-ups"] {
            let (first, second) = (first.row(kind), second.row(kind));
            assert_eq!(second[..2], [0, 0], "{kind}");
            assert_eq!(second[2], first[0] + first[2], "{kind}");
        }
        assert_eq!(place.records(), records);
        // In another order, and each twice.
        let mut shuffled = examples;
        shuffled.reverse();
        shuffled.extend(shuffled.clone());
        place.write("again.jsonl", jsonl(shuffled));
        place.import(&["again.jsonl"]).ends_with_code(0);
        assert_eq!(place.records(), records);
    }

    fn a_block_gets_only_the_scores_it_lacks(place: &Place) {
        let rows = |values: &[(u32, &str)]| {
            let rows: Vec<String> = values.iter().map(|(minute, value)| row("A", *minute, value)).collect();
            format!("{HEADER}\n{}\n", rows.join("\n"))
        };
        place.write("one.csv", rows(&[(0, "8"), (15, "2")]));
        place.import(&["one.csv"]).ends_with_code(0);
        place.write("two.csv", rows(&[(15, "2"), (30, "1"), (30, "1")]));
        let second = place.import(&["two.csv"]).ends_with_code(0);
        assert_eq!(second.row("blocks"), [0, 0, 1]);
        assert_eq!(second.row("scores"), [1, 0, 2]);
        assert_eq!(place.count("scores"), 3);
    }

    fn a_dry_run_says_what_would_happen_and_records_nothing(place: &Place) {
        let mut records: Vec<Value> = (0..150).map(record).collect();
        // The first one once more, beyond the batch that it stands in.
        records.push(record(0));
        records.push(json!({"patient": {"identifiers": []}, "episode": {"region": "lumbar"}}));
        place.write("r.jsonl", jsonl(records));
        let dry = place.import(&["--dry-run", "r.jsonl"]).ends_with_code(1);
        assert_eq!(dry.row("patients"), [150, 0, 1]);
        assert_eq!(dry.row("scores"), [3600, 0, 24]);
        assert_eq!(dry.row("refused"), [1]);
        assert_eq!((place.count("patients"), place.count("audit_entries")), (0, 0));
        assert!(!place.path("r.jsonl.rejects.jsonl").exists());
        let wet = place.import(&["r.jsonl"]).ends_with_code(1);
        for kind in ["patients", "episodes", "blocks", "scores", "refused"] {
            assert_eq!(wet.row(kind), dry.row(kind), "{kind}");
        }
    }

// --- What is refused ------------------------------------------------------------------------------------------------

    fn bad_lines_are_kept_with_their_reasons_and_good_ones_go_in(place: &Place) {
        let mut above = record(1);
        above["blocks"][0]["scores"][3]["value"] = json!(11);
        let mut future = record(2);
        future["blocks"][1]["performed_at"] = json!("2199-01-01T09:00:00Z");
        let mut nobody = record(3);
        nobody.as_object_mut().unwrap().remove("patient");
        let mut before_onset = record(4);
        before_onset["episode"]["onset_date"] = json!("2025-02-20");
        let long = format!("{{\"name\": \"{}\"}}", "x".repeat(1 << 20));
        let whole = record(5).to_string();
        let cut = &whole[..whole.len() - 40];
        let mut file = Vec::new();
        file.extend(b"\xef\xbb\xbf");
        for line in [
            record(0).to_string().into_bytes(),
            above.to_string().into_bytes(),
            Vec::new(),
            future.to_string().into_bytes(),
            nobody.to_string().into_bytes(),
            before_onset.to_string().into_bytes(),
            b"{\"patient\": \"\xff\"}".to_vec(),
            long.clone().into_bytes(),
            record(6).to_string().into_bytes(),
        ] {
            file.extend(line);
            file.extend(b"\r\n");
        }
        file.extend(cut.as_bytes());
        place.write("r.jsonl", &file);
        let import = place.import(&["r.jsonl"]).ends_with_code(1);
        assert_eq!(import.row("patients"), [2, 0, 0]);
        assert_eq!(import.row("refused"), [7]);
        for expected in [
            "line 2: /blocks/0/scores/3/value: Expected NRS from 0 to 10.",
            "line 4: /blocks/1/performed_at: The block lies in the future.",
            "line 5: /patient: An import needs the patient.",
            "line 6: /blocks/0/performed_at: The block lies before the onset of its episode.",
            "line 7: Byte 14 of this line is not UTF-8",
            "line 8: The line is longer than 1048576 bytes",
            "line 10: The line ends in the middle of a JSON value",
        ] {
            assert!(import.err().contains(expected), "{expected}\n{}", import.err());
        }
        assert!(!import.err().contains("Synthetic-") && !import.err().contains("SYNTHETIC-"));
        let rejects = fs::read(place.path("r.jsonl.rejects.jsonl")).unwrap();
        let lines: Vec<&[u8]> = rejects.split_inclusive(|byte| *byte == b'\n').collect();
        assert_eq!(lines.len(), 7);
        assert_eq!(lines[0], format!("{above}\r\n").as_bytes());
        assert_eq!(lines[5], format!("{long}\r\n").as_bytes());
        assert_eq!(lines[6], format!("{cut}\n").as_bytes());
        let reasons = fs::read_to_string(place.path("r.jsonl.rejects.jsonl.reasons")).unwrap();
        let reasons: Vec<Value> = reasons.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((&reasons[1]["line"], &reasons[1]["code"]), (&json!(2), &json!("above_scale")));

        // Mended, they go in.
        let mended: Vec<Value> = (1..6).map(record).collect();
        place.write("r.jsonl.rejects.jsonl", jsonl(mended));
        let again = place.import(&["r.jsonl.rejects.jsonl"]).ends_with_code(0);
        assert_eq!(again.row("patients"), [5, 0, 0]);
        // And the first file once more: what was mended by hand is not lost to its rejects.
        place.import(&["r.jsonl"]).ends_with_code(1);
        let kept = fs::read_to_string(place.path("r.jsonl.rejects.jsonl.1")).unwrap();
        assert_eq!(kept.lines().count(), 5);
    }

    fn bad_rows_cost_only_themselves(place: &Place) {
        let file = [
            HEADER.to_owned(),
            row("A", 0, "8"),
            row("A", 15, "2-8/10"),
            row("A", 30, "NaN"),
            row("A", 45, "-1"),
            row("A", 0, "7"),
            row("A", 50, "1.5"),
            format!("{},one too many", row("A", 55, "1")),
            row("B", 0, "6").replace(",lumbar,", ",\"lumbar,"),
            row("C", 0, "6").replace("L5-S1", "L6-7"),
            row("D", 0, "6").replace("lumbar", "cervical"),
            row("E", 0, "6").replace("2025-02-03T09:00:00Z", "2025-02-03T09:00:00"),
            row("F", 0, "6"),
        ];
        place.write("rows.csv", format!("{}\n", file.join("\n")));
        let import = place.import(&["rows.csv"]).ends_with_code(1);
        assert_eq!(import.row("patients"), [2, 0, 0]);
        assert_eq!(import.row("scores"), [3, 0, 0]);
        for expected in [
            "line 3: value: A range is no score: send one number.",
            "line 4: value: Expected",
            "line 5: value: Expected NRS from 0 to 10.",
            "line 6: value: This time is rated twice, with different values.",
            "line 8: Expected 11 cells as in the header, found 12",
            "line 9: A quoted cell is not closed",
            "line 10: joints: Accepted values are",
            "line 11: joints: ",
            "line 12: performed_at: The offset from UTC is missing",
        ] {
            assert!(import.err().contains(expected), "{expected}\n{}", import.err());
        }
        let rejects = fs::read_to_string(place.path("rows.csv.rejects.csv")).unwrap();
        let lines: Vec<&str> = rejects.lines().collect();
        assert_eq!((lines.len(), lines[0], lines[1]), (10, HEADER, file[2].as_str()));
        // The reject file has the header, so that it can be imported again.
        let again = place.import(&["rows.csv.rejects.csv"]).ends_with_code(1);
        assert_eq!(again.row("refused"), [9]);
    }

    fn what_is_stored_is_never_overwritten(place: &Place) {
        place.write("r.jsonl", jsonl([record(0)]));
        place.import(&["r.jsonl"]).ends_with_code(0);
        let records = place.records();
        let with = |pointer: &str, value: Value| {
            let mut changed = record(0);
            *changed.pointer_mut(pointer).unwrap() = value;
            changed
        };
        let changes = [
            ("/patient/birth_date", json!("1971-01-31")),
            ("/episode/radiculopathy", json!("untreated")),
            ("/episode/conservative_care/0/outcome", json!("improved")),
            ("/blocks/0/agent", json!("bupivacaine")),
            ("/blocks/0/kind", json!("therapeutic")),
            ("/blocks/1/scores/2/value", json!(9)),
        ];
        let lines = changes.iter().map(|(pointer, value)| with(pointer, value.clone()));
        place.write("other.jsonl", jsonl(lines));
        let import = place.import(&["other.jsonl"]).ends_with_code(1);
        assert_eq!(import.row("refused"), [6]);
        for (place, (pointer, _)) in changes.iter().enumerate() {
            let pointer = pointer.strip_suffix("/outcome").unwrap_or(pointer);
            let expected = format!("line {}: {pointer}: What is recorded already says otherwise", place + 1);
            assert!(import.err().contains(&expected), "{expected}\n{}", import.err());
        }
        assert_eq!(place.records(), records);
        // What the store leaves open is filled in, and the earlier version is kept.
        let mut fuller = record(0);
        fuller["patient"]["sex"] = json!("unknown");
        fuller["episode"]["imaging_suggests_facet"] = json!(true);
        place.write("fuller.jsonl", jsonl([fuller]));
        let import = place.import(&["fuller.jsonl"]).ends_with_code(0);
        assert_eq!((import.row("patients"), import.row("episodes")), (vec![0, 1, 0], vec![0, 1, 0]));
        assert_eq!(place.count("resource_versions"), 2);
    }

    fn a_withdrawn_score_is_not_brought_back(place: &Place) {
        place.write("r.jsonl", jsonl([record(0)]));
        place.import(&["r.jsonl"]).ends_with_code(0);
        let withdraw = "UPDATE scores SET withdrawn_at = 1, withdrawn_reason = 'entered twice' WHERE id = (SELECT min(id) FROM scores)";
        place.into.execute(withdraw).unwrap();
        let again = place.import(&["r.jsonl"]).ends_with_code(0);
        assert_eq!(again.row("scores"), [0, 0, 24]);
        assert_eq!(place.count("scores"), 24);
    }

// --- Interrupted ----------------------------------------------------------------------------------------------------

    fn killed_and_run_again_it_ends_as_if_nothing_had_happened(place: &Place) {
        let file = with_bad_lines(500);
        place.write("clean.jsonl", &file);
        let clean = Place::on(place.into.kind()).unwrap();
        clean.write("r.jsonl", &file);
        clean.import(&["r.jsonl"]).ends_with_code(1);
        let expected = clean.records();
        let rejects = |place: &Place, file: &str| fs::read(place.path(file)).unwrap();

        place.write("r.jsonl", &file);
        let mut interrupted = 0;
        // Killed after one batch, after the next one, and so on, unless it comes to its end by itself.
        for _ in 0..4 {
            let before = line_of(place);
            let child = place.command(&["r.jsonl"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            if !killed_behind(child, place, before) {
                break;
            }
            interrupted += 1;
            assert!(!place.path("r.jsonl.rejects.jsonl").exists(), "the rejects have their name before the end");
        }
        assert!(interrupted >= 2, "it was interrupted {interrupted} times");
        let last = place.import(&["r.jsonl"]).ends_with_code(1);
        assert_eq!(last.row("refused"), [50]);
        assert_eq!(place.records(), expected);
        for name in ["r.jsonl.rejects.jsonl", "r.jsonl.rejects.jsonl.reasons"] {
            assert!(rejects(place, name) == rejects(&clean, name), "{name} differs");
        }
    }

    fn rejects_of_before_an_interruption_are_told_at_the_end(place: &Place) {
        place.write("r.jsonl", with_bad_lines(500));
        let child = place.command(&["r.jsonl"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        assert!(killed_behind(child, place, 0), "it came to its end before it could be killed");
        let resumed = place.import(&["r.jsonl"]).ends_with_code(1);
        assert!(resumed.err().contains("An earlier import was interrupted after line"), "{}", resumed.err());
        assert!(resumed.err().contains("line 10: "), "{}", resumed.err());
        assert!(resumed.row("patients")[0] < 450, "it began anew");
        assert_eq!(resumed.row("refused"), [50]);
        assert_eq!(place.count("patients"), 450);
    }
}

/// So many records, every tenth of them above the scale.
fn with_bad_lines(count: u64) -> String {
    jsonl((1..=count).map(|number| {
        let mut record = record(number);
        if number.is_multiple_of(10) {
            record["blocks"][0]["scores"][0]["value"] = json!(12);
        }
        record
    }))
}

fn line_of(place: &Place) -> i64 {
    place
        .number("SELECT CAST(coalesce(max(line), 0) AS text) AS line FROM import_progress")
        .unwrap_or(0)
}

/// Kills an import as soon as it has come further than `line`; `false` where it came to its end before.
fn killed_behind(mut child: Child, place: &Place, line: i64) -> bool {
    let began = Instant::now();
    while line_of(place) <= line {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(
            began.elapsed() < Duration::from_secs(120),
            "it does not come on"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    !child.wait().unwrap().success()
}

// --- The command line -----------------------------------------------------------------------------------------------

#[test]
fn what_cannot_be_begun_is_a_mistake_of_usage() {
    let place = Place::on_sqlite();
    place.write("shoe.csv", format!("{HEADER},shoe_size\n"));
    place.write("bare.csv", format!("{}\n", row("Roe", 0, "1")));
    place.write("semicolons.csv", HEADER.replace(',', ";"));
    place.write("missing.csv", HEADER.replace(",scale", ""));
    place.write("empty.csv", "");
    place.write("wide.csv", b"\xff\xfer\0");
    place.write("records.txt", "");
    let cases: [(&[&str], &str); 10] = [
        (&["shoe.csv"], "column 12 (“shoe_size”) is not known"),
        (&["bare.csv"], "the header is missing"),
        (&["semicolons.csv"], "separated by semicolons"),
        (&["missing.csv"], "the required column “scale” is missing"),
        (&["empty.csv"], "the file is empty"),
        (&["wide.csv"], "UTF-16"),
        (&["records.txt"], "add --format"),
        (&["nowhere.csv"], "nowhere.csv"),
        (&[], "required"),
        (
            &["--dry-run", "shoe.csv"],
            "column 12 (“shoe_size”) is not known",
        ),
    ];
    for (arguments, expected) in cases {
        let import = place.import(arguments).ends_with_code(2);
        assert!(
            import.err().contains(expected),
            "{arguments:?}: {}",
            import.err()
        );
        assert!(!import.err().contains("Roe"));
    }
}

#[test]
fn each_organization_has_its_own_records_and_progress() {
    let place = Place::on_sqlite();
    place.write("r.jsonl", jsonl([record(0)]));
    for organization in ["north", "south"] {
        let import = place
            .import(&["--organization", organization, "r.jsonl"])
            .ends_with_code(0);
        assert_eq!(import.row("patients"), [1, 0, 0]);
    }
    assert_eq!(place.count("patients"), 2);
}

/// `cargo test --release --test import -- --ignored --nocapture` prints how fast ten thousand records go in.
#[test]
#[ignore = "a measurement; half a minute in a release build"]
fn ten_thousand_records() {
    let place = Place::on_sqlite();
    place.write("r.jsonl", jsonl((0..10_000).map(record)));
    let import = place.import(&["r.jsonl"]).ends_with_code(0);
    eprintln!("{}", import.out());
    assert_eq!(import.row("scores"), [240_000, 0, 0]);
}

/// An import is as fast at its end as at its beginning only if no query about one patient reads the others.
#[test]
fn a_patient_is_found_without_reading_the_others() {
    use medial::db::DbError;
    use medial::db::queries::{ablations, blocks, determinations, episodes, follow_ups, scores};

    let place = Place::on_sqlite();
    let database = &place.into.database;
    database.migrate().unwrap();
    let patient = uuid::Uuid::nil();
    let plans = database.plans(|tx| {
        episodes::for_patient(tx, "north", patient)?;
        blocks::for_patient(tx, "north", patient)?;
        scores::for_patient(tx, "north", patient)?;
        scores::for_blocks_with_withdrawn(tx, "north", &[patient])?;
        ablations::for_patient(tx, "north", patient)?;
        follow_ups::for_patient(tx, "north", patient)?;
        follow_ups::for_ablations(tx, "north", &[patient])?;
        determinations::for_patient(tx, "north", patient)?;
        determinations::for_episode(tx, "north", patient)?;
        Ok::<(), DbError>(())
    });
    let plans = plans.unwrap();
    assert!(plans.len() >= 9, "{plans:#?}");
    for (statement, plan) in plans {
        let reads_all =
            |step: &String| step.contains("SCAN") || step.ends_with("(organization_id=?)");
        assert!(!plan.iter().any(reads_all), "{statement}\n{plan:#?}");
    }
}
