//! `docs/configuration.md` lists every setting as the program knows it.

use super::settings::SETTINGS;
use std::fmt::Write;
use std::path::Path;

const BEGIN: &str = "<!-- settings: begin -->\n";
const END: &str = "<!-- settings: end -->\n";

/// The list of settings as it stands in the document.
fn list() -> String {
    let mut text = String::new();
    let mut last = "";
    for setting in SETTINGS {
        let (section, key) = setting.place();
        if section != last {
            last = section;
            write!(text, "\n## [{section}]\n").unwrap();
        }
        let default = match setting.default {
            Some(default) => format!("\n- Default: `{default}`"),
            // Its words say what follows from it.
            None if setting.help.contains("Default: ") => String::new(),
            None => "\n- Default: none".to_owned(),
        };
        let flag = setting.flag.map_or_else(
            || "none, because a command line is not secret".to_owned(),
            |flag| format!("`--{flag}`"),
        );
        write!(
            text,
            "\n### `{key}`\n{}\n\n- Accepted: {}; {} in the file.{default}\n- Environment: `{}`\n- Flag: {flag}\n",
            setting.help,
            setting.kind.expected(),
            setting.kind.in_file(),
            setting.variable
        )
        .unwrap();
    }
    text.push('\n');
    text
}

/// Set `MEDIAL_WRITE_DOCS=1` to write the list into the document instead of comparing.
#[test]
fn the_document_lists_every_setting_as_it_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    if std::env::var_os("MEDIAL_WRITE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{}{END}{after}", list())).unwrap();
        return;
    }
    let first = found
        .lines()
        .zip(list().lines().map(str::to_owned))
        .find(|(found, expected)| found != expected);
    assert!(
        found == list(),
        "docs/configuration.md is behind, first at {first:?}: run this test with MEDIAL_WRITE_DOCS=1"
    );
}
