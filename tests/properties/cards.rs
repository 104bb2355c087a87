//! Cards of CDS Hooks: whatever is recorded, the one line fits and says what is, not what anybody ought to do.

use crate::records::{history, today, wild_history};
use crate::{BUILT_IN, cases};
use medial::app::cds::{Finding, Occasion, Ordered, Procedure, findings};
use medial::cds::words;
use medial::domain::anatomy::{CoveredRegion, TreatedSide};
use medial::domain::qualification::{Decision, History, Profile};
use proptest::prelude::*;
use uuid::Uuid;

const EPISODE: Uuid = Uuid::from_u128(7);

/// The built-in profiles; before them one with a name as long as any, half of the time.
fn profiles(long: bool) -> Vec<Profile> {
    let mut profiles = BUILT_IN.clone();
    if let Some(first) = profiles.first_mut().filter(|_| long) {
        first.id = "a-profile-of-a-payer-with-a-long-name".repeat(4);
    }
    profiles
}

fn occasions() -> Vec<Occasion> {
    let order = |procedure, side| Ordered {
        procedure,
        region: CoveredRegion::LumbarSacral,
        joints: Vec::new(),
        side,
        on: Some(today()),
    };
    let orders = [
        order(Procedure::Ablation, None),
        order(Procedure::Ablation, Some(TreatedSide::Left)),
        order(Procedure::Block, None),
    ];
    orders
        .into_iter()
        .map(|one| Occasion::Order(vec![one]))
        .chain([Occasion::View])
        .collect()
}

fn found<'p>(profiles: &'p [Profile], history: &History, occasion: &Occasion) -> Vec<Finding<'p>> {
    let profiles: Vec<&Profile> = profiles.iter().collect();
    let decisions = vec![(EPISODE, Decision::all(&profiles, history, today()))];
    findings(occasion, &decisions, &[], today())
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn a_summary_is_shorter_than_140_characters(history in prop_oneof![history(), wild_history()], long: bool) {
        let profiles = profiles(long);
        for occasion in occasions() {
            for finding in found(&profiles, &history, &occasion) {
                let summary = words::summary(&finding, profiles.first(), today());
                let length = summary.chars().count();
                prop_assert!((10..words::SUMMARY_LIMIT).contains(&length), "{}", summary);
                let detail = words::detail(&finding, profiles.first(), today(), "https://medial.example.org");
                for word in ["should", "recommend ", "must "] {
                    prop_assert!(!summary.contains(word) && !detail.contains(word), "{}: {}", summary, detail);
                }
            }
        }
    }

    #[test]
    fn every_joint_is_in_one_decision_of_its_side(history in history()) {
        let profiles = profiles(false);
        let all: Vec<&Profile> = profiles.iter().collect();
        let decisions = Decision::all(&all, &history, today());
        let mut seen = std::collections::BTreeSet::new();
        for decision in &decisions {
            for joint in &decision.joints {
                prop_assert!(seen.insert((decision.side, *joint)), "{} twice", joint);
            }
        }
        let judged: std::collections::BTreeSet<_> = crate::judged(&all, &history)
            .iter()
            .map(|one| (one.target.side, one.target.joint))
            .collect();
        prop_assert_eq!(seen, judged);
    }

    #[test]
    fn the_same_finding_has_the_same_fingerprint_and_another_has_another(history in history()) {
        let profiles = profiles(false);
        let prints = |occasion: &Occasion| -> Vec<String> {
            found(&profiles, &history, occasion).iter().map(Finding::fingerprint).collect()
        };
        let mut all = Vec::new();
        for occasion in occasions() {
            let first = prints(&occasion);
            prop_assert_eq!(&first, &prints(&occasion));
            if occasion == Occasion::View {
                all.extend(first);
            }
        }
        let distinct: std::collections::BTreeSet<&String> = all.iter().collect();
        prop_assert_eq!(distinct.len(), all.len());
    }
}
