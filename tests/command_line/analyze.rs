//! `medial analyze`: figures of what was imported, in every form, and the published table.

use super::Place;
use serde_json::{Value, json};

/// A directory whose database holds two patients: one with complete relief, one with none.
fn with_records() -> Place {
    let place = Place::new();
    let line = |number: u32, value: u32| {
        json!({
            "patient": {"identifiers": [{"system": "urn:example:mrn", "value": format!("{number}")}]},
            "episode": {"region": "lumbar"},
            "blocks": [{
                "performed_at": "2025-09-08T09:00:00Z", "kind": "diagnostic", "technique": "medial_branch",
                "joints": ["L4-5"], "side": "left", "agent": "lidocaine",
                "scores": [
                    {"taken_at": "2025-09-08T08:30:00Z", "scale": "nrs", "value": 8},
                    {"taken_at": "2025-09-08T09:30:00Z", "scale": "nrs", "value": value},
                ],
            }],
        })
        .to_string()
    };
    place.write(
        "records.jsonl",
        &format!("{}\n{}\n", line(1, 0), line(2, 8)),
    );
    place.run(&["import", "records.jsonl"]).ends_with(0);
    place
}

#[test]
fn a_figure_comes_as_tables_csv_json_and_a_picture() {
    let place = with_records();
    let shown = place.run(&["analyze", "responders"]).ends_with(0).out;
    assert!(
        shown.contains("Denominator: ratings") && shown.contains("lidocaine"),
        "{shown}"
    );
    let csv = place
        .run(&["analyze", "responders", "--format", "csv"])
        .ends_with(0)
        .out;
    assert!(
        csv.contains("all,all,scores,80,1,2,50.00,9.45,90.55,"),
        "{csv}"
    );
    let wald = place
        .run(&[
            "analyze",
            "responders",
            "--format",
            "json",
            "--interval",
            "wald",
        ])
        .ends_with(0)
        .out;
    let wald: Value = serde_json::from_str(&wald).unwrap();
    assert_eq!(wald["interval"]["method"], "wald");
    assert_eq!(wald["tables"][0]["rows"][0]["numerator"], 1);
    let picture = [
        "analyze",
        "relief-duration",
        "--format",
        "svg",
        "--output",
        "curve.svg",
    ];
    place.run(&picture).ends_with(0);
    let svg = std::fs::read_to_string(place.0.path().join("curve.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("<desc"), "{svg}");
    assert!(place.run(&picture).ends_with(2).err.contains("--force"));
    let none = place
        .run(&["analyze", "ablation-outcomes"])
        .ends_with(0)
        .out;
    assert!(none.contains("Time to relief below 50 %"), "{none}");
    let guarded = place
        .run(&["analyze", "responders", "--deidentify", "--format", "csv"])
        .ends_with(0)
        .out;
    assert!(
        guarded.contains("fewer than 11") && !guarded.contains(",1,2,"),
        "{guarded}"
    );
}

#[test]
fn what_there_is_not_is_refused_with_what_there_is() {
    let place = with_records();
    let refused = |arguments: &[&str], expected: &str| {
        let ran = place.run(&[&["analyze"], arguments].concat()).ends_with(2);
        assert!(ran.err.contains(expected), "{}", ran.err);
    };
    refused(&["responders", "--agent", "water"], "lidocaine");
    refused(&["responders", "--format", "xml"], "svg");
    refused(&["responders", "--profile", "nobody"], "medicare-lcd");
    refused(
        &["responders", "--format", "csv", "--table", "nothing"],
        "responders",
    );
    refused(&["agreement", "--format", "svg", "--chart", "9"], "charts");
    refused(&["opinions"], "Usage: medial analyze");
}

#[test]
fn a_profile_from_a_file_is_tried() {
    let place = with_records();
    let criterion = |name: &str, value: u32| {
        format!("{name} = {{ value = {value}, trust = \"unverified\", source = \"a trial\" }}\n")
    };
    let head = "id = \"trial\"\nversion = 1\ntitle = \"A trial\"\nregion = \"any\"\ntrust = \"unverified\"\nsource = \"a trial\"\n\n[criteria]\n";
    place.write(
        "trial.toml",
        &format!(
            "{head}{}{}",
            criterion("relief_percent", 50),
            criterion("blocks", 1)
        ),
    );
    let tried = [
        "analyze",
        "what-if",
        "trial.toml",
        "--against",
        "medicare-lcd",
        "--format",
        "csv",
    ];
    let csv = place.run(&tried).ends_with(0).out;
    // Radiculopathy and other causes are not recorded: nobody qualifies by either.
    assert!(csv.contains("entering,0,2,0.00,"), "{csv}");
    place.write(
        "wrong.toml",
        &format!("{head}{}", criterion("relief_percent", 500)),
    );
    let wrong = place
        .run(&["analyze", "what-if", "wrong.toml"])
        .ends_with(2)
        .err;
    assert!(wrong.contains("line "), "{wrong}");
}

#[test]
fn published_figures_come_out_as_printed_and_further_tables_are_read() {
    let place = Place::new();
    let csv = place
        .run(&["analyze", "published", "--format", "csv"])
        .ends_with(0)
        .out;
    assert_eq!(csv.lines().count(), 7, "{csv}");
    let barnsley = csv
        .lines()
        .find(|line| line.starts_with("barnsley-fp"))
        .unwrap();
    assert!(
        barnsley.contains("27.00,26.67,-0.33,yes,15.00,38.00,15.48,37.86"),
        "{barnsley}"
    );
    assert!(
        csv.lines().skip(1).all(|line| line.contains(",yes,")),
        "{csv}"
    );
    let header = "key,study,figure,numerator,denominator,printed_percent,printed_ci_low,printed_ci_high,denominator_is,note\n";
    place.write(
        "further.csv",
        &format!("{header}a,A,x,7,136,5.1,-,-,patients,\nb,B,x,3,136,9,-,-,patients,\n"),
    );
    let further = place
        .run(&["analyze", "published", "further.csv", "--format", "json"])
        .ends_with(0)
        .out;
    let further: Value = serde_json::from_str(&further).unwrap();
    let rows = further["tables"][0]["rows"].as_array().unwrap().clone();
    assert_eq!(
        (&rows[0]["agrees"], &rows[0]["computed_percent"]),
        (&json!("yes"), &json!(5.15))
    );
    assert_eq!(rows[1]["agrees"], "no: the percentage");
    place.write(
        "wrong.csv",
        &format!("{header}a,A,x,seven,136,5,-,-,patients,\n"),
    );
    let wrong = place
        .run(&["analyze", "published", "wrong.csv"])
        .ends_with(1)
        .err;
    assert!(wrong.contains("wrong.csv: line 2: numerator"), "{wrong}");
    place
        .run(&["analyze", "published", "nowhere.csv"])
        .ends_with(1);
}
