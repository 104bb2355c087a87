//! The words of the diary, from one file for each language.

use super::Language;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($key:ident)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[allow(missing_docs, reason = "each is what the files under locales/ say")]
        pub struct $name { $(pub $key: String,)+ }
    };
}

words! {
    /// On the page.
    PageWords {
        title other_language question lead only_treated place_neck place_back place_left place_right place_both
        side_left side_right pain no_pain worst_pain better better_none medicine medicine_no medicine_yes
        time time_now time_earlier memory save saved choose choose_one again day answer_anyway
        times times_first_hour times_first_day times_two_weeks state_done state_now state_missed state_later answer_missed
        how how_rate how_move how_naps how_medicine how_times how_missed how_offline how_help works_until private
    }
}

words! {
    /// What the script of the page says.
    ScriptWords {
        due_now due_at in_minutes done_for_now finished not_yet waiting_one waiting_many sent kept offline refused ended full
    }
}

words! {
    /// On the page of a link that does not work.
    GoneWords { title lead call paper mistyped }
}

words! {
    /// In a reminder by e-mail.
    MailWords { subject body }
}

/// The words of one language.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// On the page.
    pub page: PageWords,
    /// What its script says.
    pub script: ScriptWords,
    /// On the page of a link that does not work.
    pub gone: GoneWords,
    /// In a reminder by e-mail.
    pub mail: MailWords,
}

const ENGLISH: &str = include_str!("../../../locales/en.toml");
const SPANISH: &str = include_str!("../../../locales/es.toml");

/// What cannot be read is empty; a test reads every file.
static WORDS: LazyLock<[Words; 2]> =
    LazyLock::new(|| [ENGLISH, SPANISH].map(|text| toml::from_str(text).unwrap_or_default()));

/// The words of a language.
#[must_use]
pub fn words(language: Language) -> &'static Words {
    let [english, spanish] = &*WORDS;
    match language {
        Language::English => english,
        Language::Spanish => spanish,
    }
}

/// A text with `{name}` filled in.
#[must_use]
pub fn filled(text: &str, name: &str, value: &str) -> String {
    text.replace(&format!("{{{name}}}"), value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const FILES: [(&str, &str); 2] = [("en", ENGLISH), ("es", SPANISH)];

    fn keys(text: &str) -> BTreeMap<String, String> {
        let tables: BTreeMap<String, BTreeMap<String, String>> = toml::from_str(text).unwrap();
        tables
            .into_iter()
            .flat_map(|(table, words)| {
                words
                    .into_iter()
                    .map(move |(key, word)| (format!("{table}.{key}"), word))
            })
            .collect()
    }

    #[test]
    fn every_language_has_its_file_and_every_file_can_be_read() {
        assert_eq!(FILES.map(|(code, _)| code).as_slice(), Language::CODES);
        for (code, text) in FILES {
            let read: Result<Words, _> = toml::from_str(text);
            assert!(read.is_ok(), "{code}: {read:?}");
        }
        assert_eq!(words(Language::Spanish).page.title, "Diario de dolor");
    }

    #[test]
    fn all_languages_have_the_same_keys_with_the_same_places_to_fill() {
        let places = |word: &str| {
            let mut places: Vec<String> = word
                .split('{')
                .skip(1)
                .filter_map(|rest| rest.split_once('}'))
                .map(|(place, _)| place.to_owned())
                .collect();
            places.sort();
            places
        };
        let english = keys(ENGLISH);
        for (code, text) in FILES {
            let other = keys(text);
            assert!(
                english.keys().eq(other.keys()),
                "{code} has other keys than English"
            );
            for (key, word) in other {
                assert!(!word.trim().is_empty(), "{code} {key}");
                assert_eq!(places(&word), places(&english[&key]), "{code} {key}");
            }
        }
    }

    #[test]
    fn a_text_is_filled_in() {
        assert_eq!(filled("in {count} min", "count", "7"), "in 7 min");
    }
}
