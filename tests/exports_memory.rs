//! An export takes the same memory whatever its size. One test in a process of its own: it measures the process.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "only the test calls these helpers"
)]

mod support;

use medial::app::App;
use medial::app::exports::{Choice, Content, Dataset, Format, Wanted};
use medial::app::judging::service_principal;
use std::io::Write;
use std::sync::Arc;
use support::measured::{self, MOST_GROWTH, Measured, ORGANIZATION, record_block, record_patient};
use uuid::Uuid;

/// Counts what goes through it.
struct Nowhere(u64);

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += u64::try_from(bytes.len()).unwrap();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Adds so many blocks, each with a score, without judging them.
fn add(app: &Arc<App>, patient: Uuid, episode: Uuid, blocks: usize) {
    for _ in 0..blocks.div_ceil(500) {
        app.write(&service_principal(ORGANIZATION), move |unit| {
            for _ in 0..500 {
                record_block(unit, patient, episode, [0])?;
            }
            Ok(())
        })
        .unwrap();
    }
}

/// By how much the process grew at most while it exported `dataset`, in KiB, and the bytes that were written.
fn grown(app: &Arc<App>, dataset: Dataset, format: Format, deidentify: bool) -> (u64, u64) {
    let principal = service_principal(ORGANIZATION);
    let choice = Choice {
        deidentify: Some(deidentify),
        ..Choice::all_of(Content::of(&[dataset]), format)
    };
    let wanted = Wanted::by(&principal, choice).unwrap();
    measured::grown(|look| {
        let mut out = Nowhere(0);
        let mut progress = |_| {
            look();
            Ok(())
        };
        medial::export::write(app, &principal, &wanted, &mut out, &mut progress).unwrap();
        out.0
    })
}

#[test]
fn ten_times_the_rows_take_the_same_memory() {
    let measured = Measured::new();
    let app = &measured.app;
    let (patient, episode) = app
        .write(&service_principal(ORGANIZATION), record_patient)
        .unwrap();
    let kinds = [
        (Dataset::Blocks, Format::Csv, false),
        (Dataset::Blocks, Format::Ndjson, true),
        (Dataset::Relief, Format::Ndjson, false),
        (Dataset::Scores, Format::Parquet, false),
        (Dataset::Blocks, Format::Arrow, false),
    ];
    add(app, patient, episode, 2000);
    let small = kinds.map(|(dataset, format, deidentify)| grown(app, dataset, format, deidentify));
    add(app, patient, episode, 18_000);
    let large = kinds.map(|(dataset, format, deidentify)| grown(app, dataset, format, deidentify));
    for ((kind, small), large) in kinds.iter().zip(small).zip(large) {
        println!(
            "{kind:?}: {} bytes, grew by {} KiB; {} bytes, grew by {} KiB",
            small.1, small.0, large.1, large.0
        );
        // Rows that are all alike take no room in Parquet.
        assert!(
            kind.1 == Format::Parquet || large.1 > small.1 * 9,
            "{kind:?}"
        );
        // All rows at once would be 40 MiB and more.
        assert!(large.0 < MOST_GROWTH, "{kind:?}: {small:?}, {large:?}");
    }
}
