//! Links to diaries: one organization's are not another's, and what a token names is found.

use crate::samples::{Chart, Dice, OURS, THEIRS, instant, new_id};
use crate::support::databases::{TestDatabase, on_each_database};
use chrono::TimeDelta;
use medial::db::rows::{DiaryEntry, DiaryLink, NextReminder, Revocation};
use medial::db::{DbError, queries::diary};
use medial::domain::diary::{Language, RemindBy};
use uuid::Uuid;

/// A link to the block of a chart, with everything that a link may have.
pub fn link_of(chart: &Chart) -> DiaryLink {
    let now = instant();
    DiaryLink {
        id: new_id(),
        organization: chart.patient.organization.clone(),
        patient: chart.patient.id,
        block: chart.block.id,
        language: Some(Language::Spanish),
        remind_by: Some(RemindBy::Email),
        remind_to: Some("someone@example.org".to_owned()),
        next_reminder: Some(NextReminder {
            at: now + TimeDelta::minutes(15),
            minutes: 15,
            attempts: 1,
        }),
        created_at: now,
        created_by: "c".to_owned(),
        expires_at: now + TimeDelta::days(15),
        revoked: None,
    }
}

/// A link of ours, and a score of its block.
fn stored(test: &TestDatabase, dice: &mut Dice) -> (DiaryLink, Uuid) {
    let chart = Chart::random(OURS, dice);
    let link = link_of(&chart);
    let score = chart.scores[0].id;
    let new = link.clone();
    test.database
        .write(move |tx| {
            chart.insert(tx)?;
            diary::insert(tx, OURS, &new)
        })
        .unwrap();
    (link, score)
}

on_each_database! {
    fn a_link_comes_back_as_it_was_and_only_to_its_organization(test: &TestDatabase) {
        let (link, _) = stored(test, &mut Dice(1));
        let read = |organization: &'static str| test.database.read(|tx| diary::get(tx, organization, link.id));
        assert_eq!(read(OURS).unwrap(), link);
        assert!(matches!(read(THEIRS), Err(DbError::NotFound)));
        let found = test.database.read(|tx| diary::by_token(tx, link.id)).unwrap();
        assert_eq!(found.as_ref(), Some(&link));
        assert_eq!(test.database.read(|tx| diary::by_token(tx, Uuid::nil())).unwrap(), None);
        let listed = |organization: &'static str| test.database.read(|tx| diary::for_block(tx, organization, link.block)).unwrap();
        assert_eq!((listed(OURS).len(), listed(THEIRS).len()), (1, 0));
        let revocation = Revocation { at: instant(), by: "x".to_owned() };
        let id = link.id;
        let theirs = test.database.write(move |tx| diary::revoke(tx, THEIRS, id, &revocation));
        assert!(matches!(theirs, Err(DbError::Stale)));
        assert_eq!(read(OURS).unwrap().revoked, None);
    }

    fn an_answer_is_stored_once_by_its_id(test: &TestDatabase) {
        let (link, score) = stored(test, &mut Dice(2));
        let entry = DiaryEntry { id: new_id(), score, received_at: instant(), clock_ahead: Some(TimeDelta::hours(-7)) };
        let add = |organization: &'static str| {
            let (link, entry) = (link.id, entry.clone());
            test.database.write(move |tx| diary::add_entries(tx, organization, link, std::slice::from_ref(&entry)))
        };
        add(OURS).unwrap();
        assert!(matches!(add(OURS), Err(DbError::UniqueViolation { .. })));
        assert!(matches!(add(THEIRS), Err(DbError::ForeignKeyViolation)));
        let read = |organization: &'static str| test.database.read(|tx| diary::entries(tx, organization, link.id)).unwrap();
        assert_eq!(read(OURS), [entry.clone()]);
        assert_eq!(read(THEIRS), []);
        assert_eq!(test.database.read(|tx| diary::count_entries(tx, OURS, link.id)).unwrap(), 1);
    }

    fn a_reminder_is_taken_by_one(test: &TestDatabase) {
        let (link, _) = stored(test, &mut Dice(3));
        let due = |minutes: i64| {
            let by = instant() + TimeDelta::minutes(minutes);
            test.database.read(move |tx| diary::to_remind(tx, by, 10)).unwrap().len()
        };
        assert_eq!((due(14), due(15)), (0, 1));
        let take = || {
            let (id, from) = (link.id, link.next_reminder);
            test.database.write(move |tx| diary::set_reminder(tx, OURS, id, from, None))
        };
        take().unwrap();
        assert!(matches!(take(), Err(DbError::Stale)));
        assert_eq!(due(15), 0);
    }
}
