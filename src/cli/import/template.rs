//! Files to begin with: what they hold is plainly synthetic, and imports as it stands.

use super::Format;
use crate::cli::Failure;
use crate::wire::import::columns::COLUMNS;
use crate::wire::import::row::Header;
use serde_json::{Value, json};

/// A template of `format`.
pub(super) fn template(format: Format) -> Result<String, Failure> {
    match format {
        Format::Csv => csv(),
        Format::Jsonl => jsonl(),
    }
}

fn csv() -> Result<String, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let fault = |error: csv::Error| Failure::new(error.to_string());
    let names = COLUMNS.iter().map(|column| column.name);
    writer.write_record(names).map_err(fault)?;
    for row in example_rows() {
        writer.write_record(row).map_err(fault)?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| Failure::new(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| Failure::new(error.to_string()))
}

fn example_rows() -> [Vec<&'static str>; 2] {
    let [first, second] = COLUMNS
        .iter()
        .fold([Vec::new(), Vec::new()], |rows, column| {
            let [mut first, mut second] = rows;
            let [one, two] = column.examples;
            first.push(one);
            second.push(two);
            [first, second]
        });
    [first, second]
}

/// The example rows as one record, with an ablation.
fn jsonl() -> Result<String, Failure> {
    let cells = |row: &[&str]| -> Vec<Vec<u8>> {
        row.iter().map(|cell| cell.as_bytes().to_vec()).collect()
    };
    let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
    let header = Header::read(&cells(&names)).map_err(Failure::new)?;
    let case = |row: &[&str]| {
        let unread = |_| Failure::new("the example rows cannot be read");
        header.case(&cells(row)).map_err(unread)
    };
    let [first, second] = example_rows();
    let (mut record, mut more) = (case(&first)?, case(&second)?);
    let scores = "/blocks/0/scores";
    let added = more.pointer_mut(scores).map(Value::take);
    if let (Some(Value::Array(scores)), Some(Value::Array(added))) =
        (record.pointer_mut(scores), added)
    {
        scores.extend(added);
    }
    if let Some(record) = record.as_object_mut() {
        let ablation = json!({
            "performed_on": "2025-10-06", "joints": ["L4-5", "L5-S1"], "side": "right", "technique": "thermal",
            "temperature_c": 80, "pre_score": {"scale": "nrs", "value": 8},
            "follow_ups": [{"taken_on": "2025-10-20", "score": {"scale": "nrs", "value": 2}, "pgic": 2}]
        });
        record.insert("ablations".to_owned(), json!([ablation]));
    }
    Ok(format!("{record}\n"))
}
