//! Profiles as TOML documents: read with every mistake told by line, unknown keys and impossible values refused.

use crate::domain::anatomy::Region;
use crate::domain::block::{Agent, Guidance};
use crate::domain::pain::Threshold;
use crate::domain::qualification::profile::{Criterion, Trust};
use crate::domain::qualification::{Care, Criteria, Profile, ProfileRegion, Provenance};
use crate::domain::relief::{AgentWindow, BASELINE_MAX_AGE_DAYS};
use chrono::{NaiveDate, TimeDelta};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use toml::Spanned;

/// One mistake in a profile document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentError {
    /// The document's name, as its file name.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what would be accepted.
    pub detail: String,
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.detail)
    }
}

impl std::error::Error for DocumentError {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    id: Spanned<String>,
    version: Spanned<i64>,
    title: Spanned<String>,
    region: Spanned<String>,
    effective: Option<Spanned<String>>,
    trust: Spanned<String>,
    source: Spanned<String>,
    #[serde(default)]
    kx_modifier: bool,
    criteria: CriteriaDocument,
    #[serde(default)]
    agent_windows: BTreeMap<Spanned<String>, WindowDocument>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowDocument {
    from_minutes: Spanned<i64>,
    to_minutes: Spanned<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sourced<T> {
    value: Spanned<T>,
    trust: Spanned<String>,
    source: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum CareDocument {
    Weeks(i64),
    Word(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CriteriaDocument {
    relief_percent: Sourced<i64>,
    blocks: Sourced<i64>,
    relief_minutes: Option<Sourced<i64>>,
    interval_days: Option<Sourced<i64>>,
    block_max_age_days: Option<Sourced<i64>>,
    pain_days: Option<Sourced<i64>>,
    conservative_care: Option<Sourced<CareDocument>>,
    pain_floor: Option<Sourced<i64>>,
    max_levels: Option<Sourced<i64>>,
    diagnostic_cap: Option<Sourced<i64>>,
    therapeutic_cap: Option<Sourced<i64>>,
    ablation_cap: Option<Sourced<i64>>,
    ablation_gap_days: Option<Sourced<i64>>,
    repeat_percent: Option<Sourced<i64>>,
    repeat_days: Option<Sourced<i64>>,
    repeat_function: Option<Sourced<bool>>,
    rediagnose_days: Option<Sourced<i64>>,
    guidance: Option<Sourced<Vec<String>>>,
    fusion_excludes: Option<Sourced<bool>>,
    axial: Option<Sourced<bool>>,
    baseline_max_age_days: Option<Sourced<i64>>,
}

/// A number of days, minutes or sessions that no published criterion exceeds.
const MOST: i64 = 100_000;

/// Reads one profile document.
///
/// # Errors
/// Every mistake with its line; a document whose form is wrong has one.
pub fn read(file: &str, text: &str) -> Result<Profile, Vec<DocumentError>> {
    let document: Document = toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        vec![DocumentError {
            file: file.to_owned(),
            line: line_of(text, offset),
            detail: error.message().to_owned(),
        }]
    })?;
    let mut reader = Reader {
        file,
        text,
        errors: Vec::new(),
        provenances: BTreeMap::new(),
    };
    let profile = reader.profile(document);
    if reader.errors.is_empty() {
        Ok(profile)
    } else {
        Err(reader.errors)
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
        + 1
}

struct Reader<'t> {
    file: &'t str,
    text: &'t str,
    errors: Vec<DocumentError>,
    provenances: BTreeMap<Criterion, Provenance>,
}

impl Reader<'_> {
    fn refuse<T>(&mut self, at: &Spanned<T>, detail: impl Into<String>) {
        let line = line_of(self.text, at.span().start);
        self.errors.push(DocumentError {
            file: self.file.to_owned(),
            line,
            detail: detail.into(),
        });
    }

    fn profile(&mut self, document: Document) -> Profile {
        let id_is_sound = |id: &str| {
            let sound =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            (1..=64).contains(&id.len()) && id.bytes().all(sound)
        };
        if !id_is_sound(document.id.get_ref()) {
            self.refuse(
                &document.id,
                "id: expected 1 to 64 lower-case letters, digits and hyphens",
            );
        }
        if document.title.get_ref().trim().is_empty() {
            self.refuse(&document.title, "title: expected some text");
        }
        let version = self.within(&document.version, "version", 1, i64::from(i32::MAX));
        let region = self.region(&document.region);
        let effective = document.effective.as_ref().and_then(|text| self.date(text));
        let provenance = self.provenance(&document.trust, &document.source);
        let agent_windows = self.agent_windows(document.agent_windows);
        let criteria = self.criteria(document.criteria, agent_windows);
        Profile {
            id: document.id.into_inner(),
            version: i32::try_from(version).unwrap_or(1),
            title: document.title.into_inner(),
            region,
            effective,
            provenance,
            kx_modifier: document.kx_modifier,
            criteria,
            provenances: std::mem::take(&mut self.provenances),
        }
    }

    fn criteria(
        &mut self,
        document: CriteriaDocument,
        agent_windows: Vec<(Agent, AgentWindow)>,
    ) -> Criteria {
        if let (Some(repeat_days), None) = (&document.repeat_days, &document.repeat_percent) {
            self.refuse(
                &repeat_days.value,
                "repeat_days: means nothing without repeat_percent",
            );
        }
        if let (Some(function), None) = (&document.repeat_function, &document.repeat_percent) {
            self.refuse(
                &function.value,
                "repeat_function: means nothing without repeat_percent",
            );
        }
        let relief = self.threshold(Criterion::ReliefPercent, Some(&document.relief_percent));
        let blocks = self.number(Criterion::Blocks, Some(&document.blocks), 1, 10);
        let max_levels = self.number(Criterion::MaxLevels, document.max_levels.as_ref(), 1, 23);
        let floor = self.number(Criterion::PainFloor, document.pain_floor.as_ref(), 0, 10);
        let baseline_age = self.number(
            Criterion::BaselineMaxAgeDays,
            document.baseline_max_age_days.as_ref(),
            0,
            3650,
        );
        Criteria {
            relief: relief.unwrap_or(Threshold::FIFTY),
            blocks: blocks
                .and_then(|blocks| u8::try_from(blocks).ok())
                .unwrap_or(1),
            relief_minutes: self.number(
                Criterion::ReliefMinutes,
                document.relief_minutes.as_ref(),
                1,
                MOST,
            ),
            interval_days: self.number(
                Criterion::IntervalDays,
                document.interval_days.as_ref(),
                0,
                MOST,
            ),
            block_max_age_days: self.number(
                Criterion::BlockMaxAgeDays,
                document.block_max_age_days.as_ref(),
                0,
                MOST,
            ),
            pain_days: self.number(Criterion::PainDays, document.pain_days.as_ref(), 0, MOST),
            care: self.care(document.conservative_care.as_ref()),
            pain_floor_tenths: floor.and_then(|points| i16::try_from(points * 10).ok()),
            max_levels: max_levels.and_then(|levels| u8::try_from(levels).ok()),
            diagnostic_cap: self.number(
                Criterion::DiagnosticCap,
                document.diagnostic_cap.as_ref(),
                1,
                MOST,
            ),
            therapeutic_cap: self.number(
                Criterion::TherapeuticCap,
                document.therapeutic_cap.as_ref(),
                0,
                MOST,
            ),
            ablation_cap: self.number(
                Criterion::AblationCap,
                document.ablation_cap.as_ref(),
                1,
                MOST,
            ),
            ablation_gap_days: self.number(
                Criterion::AblationGapDays,
                document.ablation_gap_days.as_ref(),
                0,
                MOST,
            ),
            repeat: self.threshold(Criterion::RepeatPercent, document.repeat_percent.as_ref()),
            repeat_days: self.number(
                Criterion::RepeatDays,
                document.repeat_days.as_ref(),
                0,
                MOST,
            ),
            repeat_function: self
                .flag(Criterion::RepeatFunction, document.repeat_function.as_ref()),
            rediagnose_days: self.number(
                Criterion::RediagnoseDays,
                document.rediagnose_days.as_ref(),
                1,
                MOST,
            ),
            guidance: self.guidance(document.guidance.as_ref()),
            fusion_excludes: self
                .flag(Criterion::FusionExcludes, document.fusion_excludes.as_ref()),
            axial: self.flag(Criterion::Axial, document.axial.as_ref()),
            baseline_max_age: TimeDelta::days(
                baseline_age.map_or(BASELINE_MAX_AGE_DAYS, i64::from),
            ),
            agent_windows,
        }
    }

    fn sourced<'s, T>(
        &mut self,
        criterion: Criterion,
        sourced: Option<&'s Sourced<T>>,
    ) -> Option<&'s Spanned<T>> {
        let sourced = sourced?;
        let provenance = self.provenance(&sourced.trust, &sourced.source);
        self.provenances.insert(criterion, provenance);
        Some(&sourced.value)
    }

    fn number(
        &mut self,
        criterion: Criterion,
        sourced: Option<&Sourced<i64>>,
        least: i64,
        most: i64,
    ) -> Option<u32> {
        let value = self.sourced(criterion, sourced)?;
        u32::try_from(self.within(value, criterion.code(), least, most)).ok()
    }

    fn within(&mut self, value: &Spanned<i64>, name: &str, least: i64, most: i64) -> i64 {
        let number = *value.get_ref();
        if !(least..=most).contains(&number) {
            self.refuse(
                value,
                format!("{name}: expected {least} to {most}, found {number}"),
            );
        }
        number
    }

    fn threshold(
        &mut self,
        criterion: Criterion,
        sourced: Option<&Sourced<i64>>,
    ) -> Option<Threshold> {
        let percent = self.number(criterion, sourced, 1, 100)?;
        u8::try_from(percent).ok().and_then(Threshold::new)
    }

    fn flag(&mut self, criterion: Criterion, sourced: Option<&Sourced<bool>>) -> bool {
        self.sourced(criterion, sourced)
            .is_some_and(|value| *value.get_ref())
    }

    fn care(&mut self, sourced: Option<&Sourced<CareDocument>>) -> Option<Care> {
        const EXPECTED: &str =
            "conservative_care: expected a number of weeks from 1 to 520, or \"documented\"";
        let value = self.sourced(Criterion::ConservativeCare, sourced)?;
        let care = match value.get_ref() {
            CareDocument::Weeks(weeks) if (1..=520).contains(weeks) => {
                u16::try_from(*weeks).ok().map(Care::Weeks)
            }
            CareDocument::Word(word) if word == "documented" => Some(Care::Documented),
            CareDocument::Weeks(_) | CareDocument::Word(_) => None,
        };
        if care.is_none() {
            self.refuse(value, EXPECTED);
        }
        care
    }

    fn guidance(&mut self, sourced: Option<&Sourced<Vec<String>>>) -> Option<Vec<Guidance>> {
        let value = self.sourced(Criterion::Guidance, sourced)?;
        let mut listed = Vec::new();
        for code in value.get_ref() {
            match Guidance::from_code(code) {
                Ok(guidance) => listed.push(guidance),
                Err(error) => self.refuse(value, format!("guidance: {error}")),
            }
        }
        if value.get_ref().is_empty() {
            self.refuse(
                value,
                "guidance: expected at least one kind; leave it out where none is demanded",
            );
        }
        Some(listed)
    }

    fn agent_windows(
        &mut self,
        windows: BTreeMap<Spanned<String>, WindowDocument>,
    ) -> Vec<(Agent, AgentWindow)> {
        let mut read = Vec::new();
        for (name, window) in windows {
            let mut minutes = |value: &Spanned<i64>, name: &str| {
                // What does not fit was refused: no profile is made of the document.
                u32::try_from(self.within(value, name, 1, MOST)).unwrap_or_default()
            };
            let from_minutes = minutes(&window.from_minutes, "from_minutes");
            let to_minutes = minutes(&window.to_minutes, "to_minutes");
            if to_minutes < from_minutes {
                self.refuse(
                    &window.to_minutes,
                    "to_minutes: expected at least from_minutes",
                );
            }
            match Agent::from_code(name.get_ref()) {
                Ok(agent) => read.push((
                    agent,
                    AgentWindow {
                        from_minutes,
                        to_minutes,
                    },
                )),
                Err(error) => self.refuse(&name, format!("agent_windows: {error}")),
            }
        }
        read
    }

    fn region(&mut self, code: &Spanned<String>) -> ProfileRegion {
        if code.get_ref() == "any" {
            return ProfileRegion::Any;
        }
        match Region::from_code(code.get_ref()) {
            Ok(region) => ProfileRegion::Only(region),
            Err(error) => {
                self.refuse(code, format!("region: {error}, any"));
                ProfileRegion::Any
            }
        }
    }

    fn date(&mut self, text: &Spanned<String>) -> Option<NaiveDate> {
        let date = text.get_ref().parse::<NaiveDate>().ok();
        if date.is_none() {
            self.refuse(text, "effective: expected a date as \"2026-04-16\"");
        }
        date
    }

    fn provenance(&mut self, trust: &Spanned<String>, source: &Spanned<String>) -> Provenance {
        let read = Trust::from_code(trust.get_ref());
        if let Err(error) = &read {
            self.refuse(trust, format!("trust: {error}"));
        }
        if source.get_ref().trim().is_empty() {
            self.refuse(
                source,
                "source: expected the document that the number comes from",
            );
        }
        Provenance {
            trust: read.unwrap_or(Trust::Unverified),
            source: source.get_ref().clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = r#"id = "one-block"
version = 1
title = "One block"
region = "any"
trust = "unverified"
source = "made up for this test"

[criteria]
relief_percent = { value = 50, trust = "unverified", source = "made up" }
blocks = { value = 1, trust = "unverified", source = "made up" }
"#;

    #[test]
    fn a_sound_document_is_read() {
        let profile = read("sound.toml", SOUND).unwrap();
        assert_eq!(
            (profile.criteria.relief.percent(), profile.criteria.blocks),
            (50, 1)
        );
        assert_eq!(profile.provenances.len(), 2);
        assert!(!profile.kx_modifier, "unless the document says so");
        let with = SOUND.replace("\n[criteria]", "kx_modifier = true\n\n[criteria]");
        assert!(read("kx.toml", &with).unwrap().kx_modifier);
    }

    #[test]
    fn an_unknown_key_is_refused_with_file_and_line() {
        let errors = read(
            "odd.toml",
            &format!("{SOUND}relief_minuts = {{ value = 1 }}\n"),
        )
        .unwrap_err();
        assert_eq!((errors[0].file.as_str(), errors[0].line), ("odd.toml", 11));
        assert!(errors[0].detail.contains("relief_minuts"), "{}", errors[0]);
    }

    #[test]
    fn every_impossible_value_is_told_with_its_line() {
        let text = SOUND
            .replace("value = 50", "value = 101")
            .replace("value = 1,", "value = 0,");
        let errors = read("odd.toml", &text).unwrap_err();
        let told: Vec<(usize, &str)> = errors
            .iter()
            .map(|error| (error.line, error.detail.split(':').next().unwrap()))
            .collect();
        assert_eq!(told, [(9, "relief_percent"), (10, "blocks")]);
    }

    #[test]
    fn a_trust_that_nobody_knows_is_refused() {
        let errors = read("odd.toml", &SOUND.replacen("unverified", "hearsay", 1)).unwrap_err();
        assert_eq!(errors[0].line, 5);
    }
}
