//! The views say what the exports say, and a role that may read them reads nothing else.

use crate::practice::*;
use crate::support::databases::on_each_database;
use chrono::TimeDelta;
use medial::app::blocks::{self, Belongs};
use medial::db::DatabaseKind;
use medial::domain::anatomy::{Side, TreatedSide};
use medial::domain::pain::{Context, Scale, Score, ScoreRow};
use serde_json::Value;

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: i64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 40).unwrap() % end
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(i64::try_from(all.len()).unwrap())).unwrap()]
    }
}

fn diary(dice: &mut Dice, performed_at: &str) -> Vec<ScoreRow> {
    let rows = 3 + dice.below(12);
    (0..rows)
        .map(|row| {
            let minutes = if row < 2 {
                -dice.below(11 * 24 * 60)
            } else {
                dice.below(90) * dice.one_of(&[1, 5, 60])
            };
            let (scale, most) =
                dice.one_of(&[(Scale::Nrs, 101), (Scale::Nrs, 101), (Scale::Vas, 1001)]);
            ScoreRow {
                taken_at: instant(performed_at) + TimeDelta::minutes(minutes),
                score: Score::new(scale, i16::try_from(dice.below(most)).unwrap()).unwrap(),
                context: dice.one_of(&[Context::Movement, Context::Current]),
                side: dice.one_of(&[None, Some(Side::Left), Some(Side::Right)]),
                stated_relief: None,
                analgesic_taken: dice.below(8) == 0,
                reported_by: None,
                answered_at: None,
            }
        })
        .collect()
}

/// `87.5` and `80` in tenths: `875`, `800`.
fn in_tenths(number: &str) -> String {
    let (whole, rest) = number.split_once('.').unwrap_or((number, "0"));
    format!("{whole}{rest}").parse::<i64>().unwrap().to_string()
}

on_each_database! {
    fn the_view_of_relief_has_the_rows_of_the_dataset(practice: &Practice) {
        let recorded = practice.record_patient("north");
        let episode = recorded.episode;
        practice.write("north", move |unit| {
            let mut dice = Dice(7);
            for day in 1..=28 {
                let performed_at = format!("2025-10-{day:02}T09:00:00-05:00");
                let mut block = block(&performed_at);
                block.side = dice.one_of(&[TreatedSide::Bilateral, TreatedSide::Left, TreatedSide::Right]);
                let mut diary = diary(&mut dice, &performed_at);
                let mut seen = std::collections::BTreeSet::new();
                diary.retain(|row| row.side.is_none_or(|side| block.side.covers(side)));
                diary.retain(|row| seen.insert((row.taken_at, row.score.scale(), row.context, row.side)));
                blocks::record(unit, &Belongs::To(episode), &block, &diary)?;
            }
            Ok(())
        });
        let shown = |value: &Value| value.as_i64().map(|number| number.to_string()).unwrap_or_default();
        let tenths = |value: &Value| value.as_number().map(|number| in_tenths(&number.to_string())).unwrap_or_default();
        let dataset = practice.get("/v1/exports/stream/relief.ndjson", "clinician@north").expect(200).ndjson();
        let mut expected: Vec<String> = dataset
            .iter()
            .filter(|row| [50, 75, 80, 100].map(Value::from).contains(&row["threshold_percent"]) && !row["scale"].is_null())
            .map(|row| {
                let text = |name: &str| row[name].as_str().unwrap().to_owned();
                [text("block_id"), text("side"), shown(&row["threshold_percent"]), text("scale"), text("context"), tenths(&row["baseline"]),
                    tenths(&row["best_relief_percent"]), shown(&row["onset_minutes"]), shown(&row["min_minutes"]), shown(&row["max_minutes"]),
                    shown(&row["largest_gap_minutes"])].join("|")
            })
            .collect();
        expected.sort();
        assert!(expected.len() > 60, "{}", expected.len());
        let used: std::collections::BTreeSet<String> = dataset.iter().map(|row| shown(&row["threshold_percent"])).collect();
        let used: Vec<String> = used.into_iter().collect();
        let whole = |name: &str| format!("COALESCE(CAST(CAST({name} AS INTEGER) AS TEXT), '')");
        let of_ten = |name: &str| format!("COALESCE(CAST(CAST(ROUND({name} * 10) AS INTEGER) AS TEXT), '')");
        let sql = format!(
            "SELECT block_id || '|' || side || '|' || threshold_percent || '|' || scale || '|' || context || '|' || {} || '|' || {} || '|' || {} || '|' || {} || '|' || {} || '|' || {} AS line \
             FROM v_relief WHERE organization_id = 'north' AND threshold_percent IN ({}) ORDER BY 1",
            of_ten("baseline"), of_ten("best_relief_percent"), whole("onset_minutes"), whole("min_minutes"), whole("max_minutes"), whole("largest_gap_minutes"),
            used.join(", ")
        );
        let mut found = practice.database.raw().lines(&sql);
        found.sort();
        assert_eq!(found, expected);
    }

    fn each_view_has_the_rows_of_its_dataset(practice: &Practice) {
        practice.record_patient("north");
        let withdrawn = practice.record_patient("south").scores[3].id;
        practice.write("south", move |unit| blocks::withdraw_score(unit, withdrawn, None, "typed twice"));
        let rows = |path: &str| practice.get(path, "clinician@south").expect(200).ndjson();
        for dataset in ["patients", "episodes", "blocks", "scores", "ablations", "follow_ups", "adverse_events", "determinations"] {
            let counted = practice.database.raw().lines(&format!("SELECT CAST(COUNT(*) AS TEXT) AS line FROM v_{dataset} WHERE organization_id = 'south'"));
            assert_eq!(counted, [rows(&format!("/v1/exports/stream/{dataset}.ndjson")).len().to_string()], "{dataset}");
        }
        let sql = "SELECT joint || '|' || profile || '|' || verdict || '|' || COALESCE(rule_block_count, '') || '|' || COALESCE(rule_stated_agrees, '') AS line \
            FROM v_determinations WHERE organization_id = 'south' ORDER BY 1";
        let mut expected: Vec<String> = rows("/v1/exports/stream/determinations.ndjson").iter().map(|row| {
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            ["joint", "profile", "verdict", "rule_block_count", "rule_stated_agrees"].map(text).join("|")
        }).collect();
        expected.sort();
        let mut found = practice.database.raw().lines(sql);
        found.sort();
        assert_eq!(found, expected);
        let sql = "SELECT CAST(CAST(ROUND(minutes_since_block) AS INTEGER) AS TEXT) AS line FROM v_scores WHERE organization_id = 'south' ORDER BY score_id";
        assert_eq!(practice.database.raw().lines(sql), ["-30", "15", "60", "-30", "15", "60", "300"]);
    }

    fn a_role_that_may_read_views_reads_nothing_else(practice: &Practice) {
        if practice.database.kind() == DatabaseKind::Sqlite {
            return;
        }
        practice.record_patient("north");
        let role = format!("reader_{}", practice.directory.path().file_name().unwrap().to_string_lossy().replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
        let documented = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/analysis/views.md")).unwrap();
        let grants = documented.split("```sql\n-- As the owner").nth(1).unwrap().split("```").next().unwrap();
        let grants: String = grants.lines().filter(|line| line.starts_with("GRANT")).map(|line| line.replace("analyst", &role)).collect::<Vec<_>>().join("\n");
        let mut raw = practice.database.raw();
        raw.execute(&format!("CREATE ROLE {role} NOLOGIN; {grants}; SET ROLE {role}")).unwrap();
        for view in ["v_patients", "v_episodes", "v_blocks", "v_scores", "v_relief", "v_determinations", "v_ablations", "v_follow_ups", "v_adverse_events"] {
            assert_eq!(raw.lines(&format!("SELECT (COUNT(*) > 0)::TEXT AS line FROM {view}")), ["true"], "{view}");
        }
        for table in ["patients", "patient_identifiers", "blocks", "audit_entries", "users"] {
            let refused = raw.try_lines(&format!("SELECT 'x' AS line FROM {table}"));
            assert!(refused.unwrap_err().to_string().contains("permission denied"), "{table}");
        }
        assert!(raw.execute("DELETE FROM v_blocks").is_err());
        raw.execute(&format!("RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}")).unwrap();
    }
}
