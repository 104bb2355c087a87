//! A profile written as a TOML document, as it would be loaded.

use crate::domain::qualification::Profile;
use crate::wire::profile::ProfileFields;
use serde_json::Value;
use std::fmt::Write;

/// The document of a profile: reading it gives the same profile.
#[must_use]
pub fn document_of(profile: &Profile) -> String {
    let fields = ProfileFields::from(profile);
    let mut text = String::new();
    // Writing to a string cannot fail.
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name} = {value}");
    };
    line("id", &quoted(&fields.id));
    line("version", &fields.version.to_string());
    line("title", &quoted(&fields.title));
    line("region", &quoted(fields.region));
    if let Some(effective) = fields.effective {
        line("effective", &quoted(&effective.0.to_string()));
    }
    line("trust", &quoted(fields.trust.0.code()));
    line("source", &quoted(&fields.source));
    if profile.kx_modifier {
        line("kx_modifier", "true");
    }
    text.push_str("\n[criteria]\n");
    for criterion in &fields.criteria {
        let _ = writeln!(
            text,
            "{} = {{ value = {}, trust = {}, source = {} }}",
            criterion.criterion.0.code(),
            written(&criterion.value),
            quoted(criterion.trust.0.code()),
            quoted(&criterion.source)
        );
    }
    for (agent, window) in &profile.criteria.agent_windows {
        let _ = writeln!(
            text,
            "\n[agent_windows.{}]\nfrom_minutes = {}\nto_minutes = {}",
            agent.code(),
            window.from_minutes,
            window.to_minutes
        );
    }
    text
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A number, a flag, a word or a list of words.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(list) => {
            let words: Vec<String> = list.iter().filter_map(Value::as_str).map(quoted).collect();
            format!("[{}]", words.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{built_in, document};
    use super::*;

    #[test]
    fn what_is_written_of_a_profile_is_read_as_the_same() {
        for profile in built_in().unwrap() {
            let text = document_of(&profile);
            assert_eq!(document::read("x", &text).unwrap(), profile, "{text}");
        }
    }
}
