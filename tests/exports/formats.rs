//! Parquet and Arrow hold the rows of NDJSON, typed; what the datasets and their columns are; de-identification.

use crate::practice::*;
use crate::support::databases::on_each_database;
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use bytes::Bytes;
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta};
use medial::app::exports::Dataset;
use medial::domain::Vocabulary;
use medial::export::{Column, Kind, Privacy, columns};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use serde_json::{Value, json};
use std::collections::BTreeMap;

type Rows = Vec<BTreeMap<String, Value>>;

/// A value as JSON, whatever it was typed as.
fn value(array: &ArrayRef, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Utf8 => json!(array.as_string::<i32>().value(row)),
        DataType::Dictionary(_, _) => {
            let terms = array.as_dictionary::<Int32Type>();
            let key = usize::try_from(terms.keys().value(row)).unwrap();
            json!(terms.values().as_string::<i32>().value(key))
        }
        DataType::Int64 => json!(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => json!(array.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => json!(array.as_boolean().value(row)),
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().value(row);
            json!((NaiveDate::default() + TimeDelta::days(days.into())).to_string())
        }
        DataType::Timestamp(_, zone) => {
            assert_eq!(zone.as_deref(), Some("UTC"));
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            json!(
                DateTime::from_timestamp_micros(micros)
                    .unwrap()
                    .to_rfc3339()
            )
        }
        DataType::List(_) => {
            let terms = array.as_list::<i32>().value(row);
            let all = (0..terms.len()).map(|index| value(&terms, index));
            Value::Array(all.collect())
        }
        other => panic!("no column is {other}"),
    }
}

fn rows_of(batches: &[RecordBatch]) -> Rows {
    let mut rows = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let schema = batch.schema();
            let names = schema.fields().iter().map(|field| field.name().clone());
            rows.push(
                names
                    .zip(batch.columns().iter().map(|array| value(array, row)))
                    .collect(),
            );
        }
    }
    rows
}

fn parquet(body: &[u8]) -> (SchemaRef, Rows) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::copy_from_slice(body)).unwrap();
    for group in reader.metadata().row_groups() {
        for column in group.columns() {
            assert!(matches!(column.compression(), Compression::ZSTD(_)));
        }
    }
    let schema = reader.schema().clone();
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    (schema, rows_of(&batches))
}

fn arrow(body: &[u8]) -> (SchemaRef, Rows) {
    let reader = arrow_ipc::reader::FileReader::try_new(std::io::Cursor::new(body), None).unwrap();
    let schema = reader.schema();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    (schema, rows_of(&batches))
}

/// A row of NDJSON as a typed file holds it: instants in UTC, objects as their JSON.
fn typed(row: &Value, columns: &[Column]) -> BTreeMap<String, Value> {
    let fields = row.as_object().unwrap();
    fields
        .iter()
        .map(|(name, value)| {
            let column = columns.iter().find(|column| column.name() == name).unwrap();
            let value = match (column.heading.kind, value) {
                (_, Value::Null) => Value::Null,
                (Kind::Instant, value) => {
                    json!(instant(value.as_str().unwrap()).to_utc().to_rfc3339())
                }
                (Kind::Objects, value) => json!(value.to_string()),
                (Kind::Number, value) => json!(value.as_f64().unwrap()),
                (_, value) => value.clone(),
            };
            (name.clone(), value)
        })
        .collect()
}

on_each_database! {
    fn parquet_and_arrow_hold_the_rows_of_ndjson_typed_and_described(practice: &Practice) {
        practice.record_patient("north");
        for dataset in DATASETS {
            let columns = columns(dataset);
            for query in ["", "?deidentify=true"] {
                let get = |format: &str| practice.get(&format!("{}{query}", stream(dataset, format)), "clinician@north").expect(200);
                let expected: Rows = get("ndjson").ndjson().iter().map(|row| typed(row, &columns)).collect();
                assert!(!expected.is_empty(), "{}", dataset.code());
                for (format, media_type, (schema, rows)) in [
                    ("parquet", "application/vnd.apache.parquet", parquet(&get("parquet").body)),
                    ("arrow", "application/vnd.apache.arrow.file", arrow(&get("arrow").body)),
                ] {
                    assert_eq!(rows, expected, "{} {format}{query}", dataset.code());
                    assert_eq!(get(format).headers["content-type"], media_type);
                    for field in schema.fields() {
                        let column = columns.iter().find(|column| column.name() == field.name()).unwrap();
                        assert_eq!(field.metadata()["description"], column.heading.description);
                        assert_eq!(field.metadata().get("unit").map(String::as_str), column.heading.unit);
                    }
                }
            }
        }
        let (schema, _) = parquet(&practice.get(&stream(Dataset::Blocks, "parquet"), "clinician@north").body);
        let type_of = |name: &str| schema.field_with_name(name).unwrap().data_type().clone();
        assert!(matches!(type_of("agent"), DataType::Dictionary(_, _)));
        assert!(matches!(type_of("performed_at"), DataType::Timestamp(_, Some(_))));
        assert_eq!([type_of("performed_on"), type_of("steroid"), type_of("volume_ml_per_nerve"), type_of("stated_relief_minutes")],
            [DataType::Date32, DataType::Boolean, DataType::Float64, DataType::Int64]);
    }

    fn what_looks_like_a_formula_is_guarded_in_csv_alone(practice: &Practice) {
        practice.record_patient("north");
        let path = |format: &str| format!("/v1/exports/stream/patients.{format}?columns=given_name,family_name");
        let get = |format: &str| practice.get(&path(format), "clinician@north").expect(200);
        assert_eq!(get("csv").text(), "given_name,family_name\r\n'＝Givenname,'=Familyname\r\n");
        let plain = json!({"given_name": "＝Givenname", "family_name": "=Familyname"});
        assert_eq!(get("ndjson").ndjson(), std::slice::from_ref(&plain));
        for (_, rows) in [parquet(&get("parquet").body), arrow(&get("arrow").body)] {
            assert_eq!(json!(rows), json!([plain]));
        }
        let refused = practice.get("/v1/exports/stream/patients.csv?columns=id,nose", "clinician@north").expect(422);
        assert!(refused.text().contains("no column nose here; there are id, identifiers"), "{}", refused.text());
        let refused = practice.get("/v1/exports/stream/patients.csv?columns=id,family_name", "analyst@north").expect(422);
        assert!(refused.text().contains("there are id, sex, version"), "{}", refused.text());
    }

    fn an_outcome_tells_of_a_target_from_its_blocks_to_its_last_follow_up(practice: &Practice) {
        let recorded = practice.record_patient("north");
        let (ablation, [first, second]) = (recorded.ablation, &recorded.blocks);
        practice.write("north", move |unit| {
            for (day, tenths) in [("2026-01-20", 30), ("2026-01-31", 14), ("2026-02-01", 50)] {
                let mut follow_up = follow_up();
                follow_up.taken_on = date(day);
                follow_up.score = medial::domain::pain::Score::new(medial::domain::pain::Scale::Nrs, tenths).ok();
                medial::app::ablations::add_follow_up(unit, ablation, &follow_up)?;
            }
            Ok(())
        });
        let rows = practice.get("/v1/exports/stream/outcomes.ndjson", "clinician@north").expect(200).ndjson();
        let joints: Vec<&str> = rows.iter().map(|row| row["joint"].as_str().unwrap()).collect();
        assert_eq!(joints, ["L4-5", "L5-S1"]);
        let row = &rows[0];
        let expected = json!({
            "side": "right", "region": "lumbar", "sex": "female", "age": 95, "diagnostic_blocks": 2,
            "first_block_id": first.id, "first_block_on": "2025-09-08", "second_block_id": second.id, "second_block_on": "2025-09-22",
            "days_between_blocks": 14, "comparative_class": null,
            "first_block_baseline": 8, "first_block_best_relief_percent": 87.5, "first_block_stated_relief_percent": -10.5,
            "first_block_response_50": "temporary", "first_block_response_80": "temporary", "first_block_onset_minutes_80": 60,
            "first_block_min_minutes_80": 0, "first_block_max_minutes_80": 285,
            "ablations": 1, "ablation_id": ablation, "ablation_on": "2025-11-03", "ablation_pre_score_value": 7,
            "follow_ups": 4, "last_follow_up_on": "2026-02-01", "best_relief_percent_3_months": 80,
            "best_relief_percent_6_months": null, "below_50_on": "2026-02-01", "repeated_on": null,
        });
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&row[name], value, "{name}");
        }
        let determinations = practice.get("/v1/exports/stream/determinations.ndjson", "clinician@north").expect(200).ndjson();
        let of_target: Vec<&Value> = determinations.iter().filter(|one| one["joint"] == "L4-5").collect();
        assert_eq!(row["verdicts"].as_array().unwrap().len(), of_target.len());
        for one in of_target {
            let name = format!("verdict_{}", one["profile"].as_str().unwrap().replace('-', "_"));
            assert_eq!(row[&name], one["verdict"], "{name}");
        }
    }

    fn region_profile_and_verdict_choose_too(practice: &Practice) {
        practice.record_patient("north");
        let rows = |path: &str| practice.get(&format!("/v1/exports/stream/{path}"), "analyst@north").expect(200).ndjson();
        for dataset in ["blocks", "scores", "relief", "ablations", "follow_ups", "episodes", "determinations", "outcomes"] {
            let all = rows(&format!("{dataset}.ndjson")).len();
            assert!(all > 0);
            assert_eq!(rows(&format!("{dataset}.ndjson?region=lumbar")).len(), all, "{dataset}");
            assert_eq!(rows(&format!("{dataset}.ndjson?region=cervical")).len(), 0, "{dataset}");
        }
        let by_profile = rows("determinations.ndjson?profile=medicare-lcd");
        assert_eq!(by_profile.len(), 2);
        let verdict = by_profile[0]["verdict"].as_str().unwrap();
        assert_eq!(rows(&format!("determinations.ndjson?profile=medicare-lcd&verdict={verdict}")).len(), 2);
        assert_eq!(rows(&format!("outcomes.ndjson?profile=medicare-lcd&verdict={verdict}")).len(), 2);
        let other = if verdict == "meets" { "does_not_meet" } else { "meets" };
        assert_eq!(rows(&format!("outcomes.ndjson?profile=medicare-lcd&verdict={other}")).len(), 0);
        assert_eq!(rows("outcomes.ndjson?profile=none").len(), 0);
        assert_eq!(rows("outcomes.ndjson?from=2026-01-01").len(), 0);
        assert_eq!(rows("determinations.ndjson?to=2024-12-31").len(), 0);
        let refused = practice.get("/v1/exports/stream/outcomes.csv?verdict=perhaps", "analyst@north").expect(422);
        assert!(refused.text().contains("needs_review"), "{}", refused.text());
    }

    fn dates_can_be_reduced_to_their_year(practice: &Practice) {
        practice.record_patient("north");
        let whole_date = regex_of_a_date();
        for dataset in DATASETS {
            let get = |format: &str| practice.get(&format!("{}?deidentify=true&dates=years", stream(dataset, format)), "clinician@north").expect(200);
            let rows = get("ndjson");
            assert!(!whole_date(rows.text()), "{}: {}", dataset.code(), rows.text());
            for row in rows.ndjson() {
                for column in columns(dataset).iter().filter(|column| column.privacy == Privacy::Shifted) {
                    assert!(row[column.name()].is_null() || row[column.name()].as_i64().is_some_and(|year| (2025..2030).contains(&year)), "{}: {}", column.name(), row[column.name()]);
                }
            }
            let (schema, _) = parquet(&get("parquet").body);
            assert!(schema.fields().iter().all(|field| !field.data_type().is_temporal()));
        }
        let care = practice.get("/v1/exports/stream/episodes.ndjson?deidentify=true&dates=years", "clinician@north").expect(200).ndjson();
        assert_eq!(care[0]["conservative_care"][0]["start"], json!(date("2025-04-01").year()));
        practice.get("/v1/exports/stream/blocks.csv?dates=years", "clinician@north").expect(422);
        practice.get("/v1/exports/stream/blocks.csv?dates=months&deidentify=true", "clinician@north").expect(422);
    }

    fn the_dictionary_is_there_for_readers_and_programs(practice: &Practice) {
        let document = practice.get("/v1/data-dictionary", "analyst@north").expect(200).json();
        assert_eq!(document, medial::export::dictionary::document());
        for described in document["datasets"].as_array().unwrap() {
            let dataset = Dataset::read(described["name"].as_str().unwrap()).unwrap();
            let names: Vec<&Value> = described["columns"].as_array().unwrap().iter().map(|column| &column["name"]).collect();
            let csv = practice.get(&stream(dataset, "csv"), "clinician@north").expect(200);
            let header: Vec<&str> = csv.text().trim_end().split(',').collect();
            assert_eq!(json!(names), json!(header));
        }
        let text = practice.get("/v1/data-dictionary.md", "analyst@north").expect(200);
        assert!(text.text().contains("## `outcomes`"));
        practice.get("/v1/data-dictionary", "auditor@north").expect(403);
    }
}

/// Whether a text has a whole date in it.
fn regex_of_a_date() -> impl Fn(&str) -> bool {
    |text: &str| {
        text.as_bytes()
            .windows(10)
            .any(|ten| std::str::from_utf8(ten).is_ok_and(|ten| ten.parse::<NaiveDate>().is_ok()))
    }
}

/// Each identifier of Safe Harbor, 45 CFR 164.514(b)(2)(i), with the columns that could hold it and what becomes of
/// them; none where the records have no place for it but free text, which is left out.
const SAFE_HARBOR: [(&str, &[&str], &[Privacy]); 18] = [
    (
        "Names",
        &[
            "family_name",
            "given_name",
            "operator",
            "first_block_operator",
            "second_block_operator",
        ],
        &[Privacy::LeftOut, Privacy::NamePseudonym],
    ),
    (
        "Geographic subdivisions smaller than a state",
        &["site", "first_block_site", "second_block_site"],
        &[Privacy::NamePseudonym],
    ),
    (
        "Dates but the year, and ages over 89",
        &[
            "birth_date",
            "performed_at",
            "performed_on",
            "taken_at",
            "taken_on",
            "onset_on",
            "onset_date",
            "age",
            "age_at_block",
            "age_at_ablation",
            "conservative_care",
            "disability",
            "recorded_at",
            "updated_at",
            "decided_at",
            "since",
            "evaluated_as_of",
        ],
        &[
            Privacy::LeftOut,
            Privacy::Shifted,
            Privacy::Pooled,
            Privacy::Within,
        ],
    ),
    ("Telephone numbers", &[], &[]),
    ("Fax numbers", &[], &[]),
    ("Electronic mail addresses", &[], &[]),
    (
        "Social security numbers",
        &["identifiers"],
        &[Privacy::LeftOut],
    ),
    (
        "Medical record numbers",
        &["identifiers"],
        &[Privacy::LeftOut],
    ),
    (
        "Health plan beneficiary numbers",
        &["identifiers"],
        &[Privacy::LeftOut],
    ),
    ("Account numbers", &["identifiers"], &[Privacy::LeftOut]),
    (
        "Certificate and license numbers",
        &["identifiers"],
        &[Privacy::LeftOut],
    ),
    ("Vehicle identifiers and serial numbers", &[], &[]),
    ("Device identifiers and serial numbers", &[], &[]),
    ("Web addresses", &[], &[]),
    ("Internet Protocol addresses", &[], &[]),
    ("Biometric identifiers", &[], &[]),
    ("Full-face photographs and comparable images", &[], &[]),
    (
        "Any other unique identifying number, characteristic or code",
        &[
            "id",
            "patient_id",
            "episode_id",
            "block_id",
            "ablation_id",
            "first_block_id",
            "second_block_id",
        ],
        &[Privacy::Pseudonym],
    ),
];

#[test]
fn each_identifier_of_safe_harbor_is_taken_care_of_and_documented() {
    let documented = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/docs/deidentification.md"
    ))
    .unwrap();
    let all: Vec<Column> = Dataset::ALL
        .iter()
        .flat_map(|dataset| columns(*dataset))
        .collect();
    for (number, (identifier, names, treatments)) in SAFE_HARBOR.iter().enumerate() {
        assert!(
            documented.contains(&format!("| {} | {identifier} |", number + 1)),
            "{identifier}"
        );
        for name in *names {
            let found: Vec<&Column> = all.iter().filter(|column| column.name() == *name).collect();
            assert!(!found.is_empty(), "{name}");
            for column in found {
                assert!(treatments.contains(&column.privacy), "{identifier}: {name}");
            }
        }
    }
    // Nothing else can hold any of them: what is kept is a term, a number, yes or no.
    for column in &all {
        let closed = matches!(
            column.heading.kind,
            Kind::Code | Kind::Codes | Kind::Integer | Kind::Number | Kind::Boolean
        );
        assert!(
            column.privacy != Privacy::Kept || closed || column.name() == "verdicts",
            "{}",
            column.name()
        );
    }
    let temporal = |column: &&Column| matches!(column.heading.kind, Kind::Date | Kind::Instant);
    for column in all.iter().filter(temporal) {
        assert!(
            matches!(column.privacy, Privacy::Shifted | Privacy::LeftOut),
            "{}",
            column.name()
        );
    }
}
