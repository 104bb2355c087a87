//! How long a judgement takes: one two-block case against all twelve built-in profiles.
//!
//! `cargo bench --bench evaluate` prints every figure beside the one to keep under: 50 microseconds without the date of
//! change, 500 with it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::as_conversions,
    clippy::float_arithmetic,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark: what cannot be read ends it, and a rate is no decision"
)]

use chrono::NaiveDate;
use criterion::{Criterion, criterion_group, criterion_main};
use medial::app::profiles::built_in;
use medial::domain::qualification::evaluate::evaluate_today_only;
use medial::domain::qualification::{History, Profile, evaluate, explain};
use medial::wire::case::CaseBody;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The case: two blocks of two joints, each with a diary over several hours.
const TWO_BLOCKS: &str = include_str!("../tests/fixtures/cases/two-positive-blocks.json");

const WITHOUT_CHANGE: Duration = Duration::from_micros(50);
const WITH_CHANGE: Duration = Duration::from_micros(500);

fn two_block_case() -> (History, NaiveDate) {
    let case = serde_json::from_str(TWO_BLOCKS).expect("the case is JSON");
    let body = CaseBody::read(case).expect("the case is valid");
    let as_of = body.as_of.expect("the case has a date").0;
    (body.into_history(), as_of)
}

fn judgement(criterion: &mut Criterion) {
    let profiles = built_in().expect("the built-in profiles are valid");
    let profiles: Vec<&Profile> = profiles.iter().collect();
    let (history, as_of) = two_block_case();

    let mut group = criterion.benchmark_group("two blocks, twelve profiles");
    group.bench_function("verdict and next step", |bench| {
        bench.iter(|| evaluate_today_only(black_box(&profiles), black_box(&history), as_of));
    });
    group.bench_function("with the date of change", |bench| {
        bench.iter(|| evaluate(black_box(&profiles), black_box(&history), as_of));
    });
    group.bench_function("with every sentence of explanation", |bench| {
        bench.iter(|| {
            let determinations = evaluate(black_box(&profiles), black_box(&history), as_of);
            let sentences = determinations.iter().map(|determination| {
                explain(determination.profile, &history, determination.target, as_of).len()
            });
            sentences.sum::<usize>()
        });
    });
    group.finish();

    let today_only = time_of(|| evaluate_today_only(&profiles, &history, as_of).len());
    let with_change = time_of(|| evaluate(&profiles, &history, as_of).len());
    println!(
        "{} determinations of one case:",
        evaluate(&profiles, &history, as_of).len()
    );
    beside("  without the date of change", today_only, WITHOUT_CHANGE);
    beside("  with the date of change", with_change, WITH_CHANGE);
}

/// The shortest of several averages: what else the machine does only ever adds to it.
fn time_of(mut judge: impl FnMut() -> usize) -> Duration {
    const ROUNDS: u32 = 20;
    const JUDGEMENTS: u32 = 500;
    let round = |_| {
        let started = Instant::now();
        for _ in 0..JUDGEMENTS {
            black_box(judge());
        }
        started.elapsed() / JUDGEMENTS
    };
    (0..ROUNDS).map(round).min().expect("there is a round")
}

fn beside(what: &str, measured: Duration, target: Duration) {
    let ratio = measured.as_secs_f64() / target.as_secs_f64();
    println!(
        "{what}: {:.1} µs, target {} µs, ratio {ratio:.2}",
        measured.as_secs_f64() * 1e6,
        target.as_micros()
    );
}

criterion_group!(benches, judgement);
criterion_main!(benches);
