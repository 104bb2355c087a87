//! Which records an export holds.

use crate::db::queries::export_rows;
use crate::domain::Vocabulary;
use crate::domain::anatomy::Region;
use crate::domain::qualification::Verdict;
use crate::domain::sites::Sites;
use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Which records. `None` does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportFilter {
    /// Of this patient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient_id: Option<Uuid>,
    /// Of this episode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub episode_id: Option<Uuid>,
    /// Of procedures by this operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Of procedures at these sites.
    #[serde(
        default,
        rename = "site",
        with = "sites",
        skip_serializing_if = "Sites::are_any"
    )]
    pub sites: Sites,
    /// Of episodes of this region.
    #[serde(default, with = "term", skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Of what this profile says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Of targets with this verdict: by `profile` where one is named, else by any.
    #[serde(default, with = "term", skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Of procedures, or of adverse events that began, on this day or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// The same, on this day or earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<NaiveDate>,
}

/// Sites as they are stored: a list, or the one name that there could be at first.
mod sites {
    use crate::domain::sites::Sites;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stored {
        One(String),
        Several(Vec<String>),
    }

    pub(super) fn serialize<S: Serializer>(
        sites: &Sites,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        sites.names().serialize(serializer)
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(deserializer: D) -> Result<Sites, D::Error> {
        Ok(match Option::<Stored>::deserialize(deserializer)? {
            None => Sites::default(),
            Some(Stored::One(name)) => Sites::of([name]),
            Some(Stored::Several(names)) => Sites::of(names),
        })
    }
}

/// Terms of closed lists as they are stored: their codes.
mod term {
    use crate::domain::Vocabulary;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<T: Vocabulary, S: Serializer>(
        term: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match term {
            Some(term) => serializer.serialize_some(term.code_of()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'d, T: Vocabulary, D: Deserializer<'d>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        let code = Option::<String>::deserialize(deserializer)?;
        code.map(|code| T::read(&code).map_err(|_| Error::custom("an unknown term")))
            .transpose()
    }
}

impl ExportFilter {
    /// The names of the filters that are set.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        let set = [
            ("patient_id", self.patient_id.is_some()),
            ("episode_id", self.episode_id.is_some()),
            ("operator", self.operator.is_some()),
            ("site", !self.sites.are_any()),
            ("region", self.region.is_some()),
            ("profile", self.profile.is_some()),
            ("verdict", self.verdict.is_some()),
            ("from", self.from.is_some()),
            ("to", self.to.is_some()),
        ];
        set.into_iter()
            .filter_map(|(name, set)| set.then_some(name))
            .collect()
    }

    /// The filters that tell, of a de-identified export, whose rows these are or on which day something was: neither whole
    /// calendar years, nor what its rows say anyway.
    pub(super) fn telling(&self) -> Vec<&'static str> {
        let harmless = |name: &str| match name {
            "from" => self.from.is_some_and(|day| day.ordinal() == 1),
            "to" => self
                .to
                .is_some_and(|day| (day.month(), day.day()) == (12, 31)),
            "region" | "profile" | "verdict" => true,
            _ => false,
        };
        let mut names = self.names();
        names.retain(|name| !harmless(name));
        names
    }

    /// As the audit trail says it: names of people and places are not repeated there.
    pub(super) fn noted(&self) -> String {
        let day = |name: &str, day: Option<NaiveDate>| day.map(|day| format!("{name}={day}"));
        let id = |name: &str, id: Option<Uuid>| id.map(|id| format!("{name}={id}"));
        let parts = [
            id("patient_id", self.patient_id),
            id("episode_id", self.episode_id),
            self.operator.as_ref().map(|_| "operator".to_owned()),
            (!self.sites.are_any()).then(|| "site".to_owned()),
            self.region
                .map(|region| format!("region={}", region.code_of())),
            self.profile
                .as_ref()
                .map(|profile| format!("profile={profile}")),
            self.verdict
                .map(|verdict| format!("verdict={}", verdict.code_of())),
            day("from", self.from),
            day("to", self.to),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            "none".to_owned()
        } else {
            parts.join(",")
        }
    }

    pub(super) fn of_rows(&self) -> export_rows::Filter {
        export_rows::Filter {
            procedures: export_rows::Procedures {
                patient: self.patient_id,
                episode: self.episode_id,
                operator: self.operator.clone(),
                sites: self.sites.clone(),
                from: self.from,
                to: self.to,
            },
            region: self.region,
            profile: self.profile.clone(),
            verdict: self.verdict.map(Vocabulary::code_of),
        }
    }
}
