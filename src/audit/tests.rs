//! Whatever is done to a chain is found.

use super::*;
use proptest::prelude::*;
use proptest::sample::Index;

const ORGANIZATION: &str = "clinic-a";

fn entry(number: u32) -> Entry {
    Entry {
        id: format!("0199-{number}"),
        organization: ORGANIZATION.to_owned(),
        at: 1_758_542_400_000_000 + i64::from(number),
        principal: "somebody".to_owned(),
        role: "clinician".to_owned(),
        action: "read_block".to_owned(),
        resource_kind: "block".to_owned(),
        resource_id: Some("b".to_owned()),
        patient_id: None,
        outcome: "done".to_owned(),
        detail: None,
    }
}

fn chain_of(entries: impl IntoIterator<Item = Entry>) -> Vec<Sealed> {
    let mut head = Head::genesis(ORGANIZATION);
    let append = |entry| {
        let (next, sealed) = head.append(entry);
        head = next;
        sealed
    };
    entries.into_iter().map(append).collect()
}

fn head_of(chain: &[Sealed]) -> Head {
    chain.last().map_or_else(
        || Head::genesis(ORGANIZATION),
        |last| Head {
            sequence: last.sequence,
            hash: Hash::parse(&last.hash).unwrap(),
        },
    )
}

fn check_against(noted: Head, entries: &[Sealed]) -> Result<u64, Broken> {
    let mut chain = Chain::new(ORGANIZATION).containing(noted);
    entries.iter().try_for_each(|sealed| chain.push(sealed))?;
    chain.finish()
}

#[test]
fn the_encoding_is_fixed() {
    // Chains are kept for years: these values may change only together with the mark of the encoding.
    assert_eq!(
        Hash::genesis("clinic-a").to_string(),
        "5d31dfcf21d8044ab2133c56f1de7e3d3481006a9dd5bcaaef91a48293497718"
    );
    assert_eq!(
        seal(&Hash::genesis("clinic-a"), 1, &entry(1)).to_string(),
        "288f9716e5b7e3208c7c0167d4c84b94c4fd0b666b303f6b168d67f0956e80c4"
    );
}

#[test]
fn an_untouched_chain_holds() {
    assert_eq!(verify(ORGANIZATION, []), Ok(0));
    assert_eq!(verify(ORGANIZATION, chain_of((0..100).map(entry))), Ok(100));
}

#[test]
fn each_organization_has_its_own_beginning() {
    assert_ne!(Hash::genesis("a"), Hash::genesis("b"));
    let broken = verify("clinic-b", chain_of([entry(1)])).unwrap_err();
    assert_eq!(
        broken,
        Broken {
            sequence: 1,
            why: Why::Organization
        }
    );
}

#[test]
fn a_foreign_entry_is_found_even_when_it_is_sealed_well() {
    let mut foreign = entry(2);
    foreign.organization = "clinic-b".to_owned();
    let broken = verify(ORGANIZATION, chain_of([entry(1), foreign])).unwrap_err();
    assert_eq!(
        broken,
        Broken {
            sequence: 2,
            why: Why::Organization
        }
    );
}

#[test]
fn each_damage_has_its_name() {
    let chain = chain_of((0..5).map(entry));
    let mut changed = chain.clone();
    changed[2].entry.outcome = "refused".to_owned();
    assert_eq!(
        verify(ORGANIZATION, changed),
        Err(Broken {
            sequence: 3,
            why: Why::Content
        })
    );
    let mut removed = chain.clone();
    removed.remove(2);
    assert_eq!(
        verify(ORGANIZATION, removed),
        Err(Broken {
            sequence: 4,
            why: Why::Sequence { expected: 3 }
        })
    );
    let mut relinked = chain.clone();
    relinked[2].previous_hash = chain[0].hash.clone();
    assert_eq!(
        verify(ORGANIZATION, relinked),
        Err(Broken {
            sequence: 3,
            why: Why::PreviousHash
        })
    );
    let noted = head_of(&chain);
    assert_eq!(
        check_against(noted, &chain[..3]),
        Err(Broken {
            sequence: 4,
            why: Why::CutOff
        })
    );
    let anew = chain_of((100..105).map(entry));
    assert_eq!(verify(ORGANIZATION, anew.clone()), Ok(5));
    assert_eq!(
        check_against(noted, &anew),
        Err(Broken {
            sequence: 5,
            why: Why::Rewritten
        })
    );
}

#[test]
fn the_border_between_fields_cannot_be_moved() {
    let one = Entry {
        principal: "ab".to_owned(),
        role: "c".to_owned(),
        ..entry(1)
    };
    let other = Entry {
        principal: "a".to_owned(),
        role: "bc".to_owned(),
        ..entry(1)
    };
    assert_ne!(one.canonical(), other.canonical());
    let absent = Entry {
        detail: None,
        ..entry(1)
    };
    let empty = Entry {
        detail: Some(String::new()),
        ..entry(1)
    };
    assert_ne!(absent.canonical(), empty.canonical());
    let first = Entry {
        resource_id: Some("x".to_owned()),
        patient_id: None,
        ..entry(1)
    };
    let second = Entry {
        resource_id: None,
        patient_id: Some("x".to_owned()),
        ..entry(1)
    };
    assert_ne!(first.canonical(), second.canonical());
}

#[test]
fn a_hash_has_one_spelling() {
    let hash = Hash::genesis("x");
    let text = hash.to_string();
    assert_eq!(Hash::parse(&text), Some(hash));
    for other in [
        text.to_uppercase(),
        format!("{text}0"),
        text[1..].to_owned(),
        format!(" {}", &text[1..]),
        "g".repeat(64),
        "é".repeat(32),
        String::new(),
    ] {
        assert_eq!(Hash::parse(&other), None, "{other}");
    }
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let text = || "[a-z]{0,3}";
    let optional = || proptest::option::of("[a-z]{0,3}");
    let names = (text(), text(), text(), text(), text(), text());
    (any::<i64>(), names, optional(), optional(), optional()).prop_map(
        |(at, names, resource_id, patient_id, detail)| Entry {
            id: names.0,
            organization: ORGANIZATION.to_owned(),
            at,
            principal: names.1,
            role: names.2,
            action: names.3,
            resource_kind: names.4,
            resource_id,
            patient_id,
            outcome: names.5,
            detail,
        },
    )
}

fn any_chain() -> impl Strategy<Value = Vec<Sealed>> {
    proptest::collection::vec(any_entry(), 1..12).prop_map(chain_of)
}

fn change(sealed: &mut Sealed, field: usize) {
    let entry = &mut sealed.entry;
    let lengthen = |optional: &mut Option<String>| {
        *optional = Some(optional.clone().map_or_else(String::new, |text| text + "x"))
    };
    match field {
        0 => entry.id.push('x'),
        1 => entry.organization.push('x'),
        2 => entry.at = entry.at.wrapping_add(1),
        3 => entry.principal.push('x'),
        4 => entry.role.push('x'),
        5 => entry.action.push('x'),
        6 => entry.resource_kind.push('x'),
        7 => lengthen(&mut entry.resource_id),
        8 => lengthen(&mut entry.patient_id),
        9 => entry.outcome.push('x'),
        10 => lengthen(&mut entry.detail),
        11 => sealed.sequence = sealed.sequence.wrapping_add(1),
        12 => sealed.hash = Hash::genesis("other").to_string(),
        _ => sealed.previous_hash = Hash::genesis("other").to_string(),
    }
}

proptest! {
    #[test]
    fn what_is_appended_holds(chain in any_chain()) {
        let length = u64::try_from(chain.len()).unwrap();
        prop_assert_eq!(verify(ORGANIZATION, chain.clone()), Ok(length));
        for end in 0..chain.len() {
            prop_assert_eq!(check_against(head_of(&chain[..end]), &chain), Ok(length));
        }
    }

    #[test]
    fn any_change_is_found_where_it_is(chain in any_chain(), place in any::<Index>(), field in 0..14_usize) {
        let mut changed = chain;
        let place = place.index(changed.len());
        change(&mut changed[place], field);
        let broken = verify(ORGANIZATION, changed.clone()).unwrap_err();
        prop_assert_eq!(broken.sequence, changed[place].sequence);
    }

    #[test]
    fn a_change_that_is_sealed_anew_is_found_at_the_next(chain in any_chain(), place in any::<Index>(), field in 0..11_usize) {
        let mut changed = chain.clone();
        let place = place.index(changed.len());
        change(&mut changed[place], field);
        let previous = Hash::parse(&changed[place].previous_hash).unwrap();
        changed[place].hash = seal(&previous, changed[place].sequence, &changed[place].entry).to_string();
        prop_assert!(check_against(head_of(&chain), &changed).is_err());
    }

    #[test]
    fn a_removal_is_found(chain in any_chain(), from in any::<Index>(), many in 1..4_usize) {
        let from = from.index(chain.len());
        let to = (from + many).min(chain.len());
        let mut removed = chain.clone();
        removed.drain(from..to);
        prop_assert!(check_against(head_of(&chain), &removed).is_err());
        // In the middle, no earlier head is needed.
        prop_assert_eq!(verify(ORGANIZATION, removed).is_err(), to < chain.len());
    }

    #[test]
    fn a_swap_is_found(chain in any_chain(), one in any::<Index>(), other in any::<Index>(), renumber in any::<bool>()) {
        let (one, other) = (one.index(chain.len()), other.index(chain.len()));
        prop_assume!(one != other && chain[one].entry != chain[other].entry);
        let mut swapped = chain;
        if renumber {
            // The contents change places; numbers and hashes stay.
            let moved = swapped[one].entry.clone();
            swapped[one].entry = std::mem::replace(&mut swapped[other].entry, moved);
        } else {
            swapped.swap(one, other);
        }
        prop_assert!(verify(ORGANIZATION, swapped).is_err());
    }

    #[test]
    fn an_insertion_is_found(chain in any_chain(), place in any::<Index>(), entry in any_entry(), renumber in any::<bool>()) {
        let place = place.index(chain.len());
        let (_, inserted) = head_of(&chain[..place]).append(entry);
        let differs = inserted.entry != chain[place].entry;
        let mut longer = chain;
        longer.insert(place, inserted);
        if renumber {
            for (sealed, sequence) in longer.iter_mut().zip(FIRST_SEQUENCE..) {
                sealed.sequence = sequence;
            }
        }
        prop_assert!(verify(ORGANIZATION, longer).is_err() || !differs);
    }

    #[test]
    fn different_entries_have_different_bytes(one in any_entry(), other in any_entry()) {
        prop_assert_eq!(one == other, one.canonical() == other.canonical());
    }
}
