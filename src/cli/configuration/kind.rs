//! What a setting may be, and reading it from text.

use crate::auth::{JwksLocation, Secret};
use crate::db::Url;
use chrono_tz::Tz;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use toml::de::DeValue;

/// What a setting may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Any text but none.
    Text,
    /// At least 32 bytes that are never shown.
    Secret,
    /// A file or a directory.
    Path,
    /// The address of a database.
    DatabaseUrl,
    /// An IP address with a port.
    Address,
    /// The web address of a place: scheme, host and perhaps a path.
    WebAddress,
    /// The address of a mailbox.
    MailAddress,
    /// A file or the web address of a key set.
    KeySet,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Number {
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
    },
    /// A number of bytes, also as `64KiB` or `1MiB`.
    Size {
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
    },
    /// A time as `500ms`, `30s`, `5m` or `8h`, positive.
    Duration {
        /// The longest, in seconds.
        most: u64,
    },
    /// A time in whole seconds; it may be none at all.
    Seconds {
        /// The longest, in seconds.
        most: u64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Words; of these, where any are given.
    List(&'static [&'static str]),
    /// A time zone by its name in the IANA database.
    TimeZone,
    /// What to log.
    LogFilter,
}

/// What a setting is.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Path(PathBuf),
    Address(SocketAddr),
    KeySet(JwksLocation),
    Flag(bool),
    Number(u64),
    Duration(Duration),
    List(Vec<String>),
    TimeZone(Tz),
}

impl Kind {
    /// Reads a text as the environment and the flags have it.
    ///
    /// # Errors
    /// What would be accepted. The text is not repeated: it may be a secret in the wrong place.
    pub(super) fn read(self, text: &str) -> Result<Value, String> {
        if text.is_empty() && !matches!(self, Kind::List(_)) {
            return Err(format!("is empty; expected {}", self.expected()));
        }
        let refused = || format!("expected {}", self.expected());
        match self {
            Kind::Text => Ok(Value::Text(text.to_owned())),
            Kind::Secret => secret(text),
            Kind::Path => Ok(Value::Path(PathBuf::from(text))),
            Kind::DatabaseUrl => Url::parse(text)
                .map(|_| Value::Text(text.to_owned()))
                .map_err(|error| bare(&error)),
            Kind::Address => text.parse().map(Value::Address).map_err(|_| refused()),
            Kind::KeySet => JwksLocation::parse(text)
                .map(Value::KeySet)
                .map_err(|error| error.to_string()),
            Kind::WebAddress => web_address(text).map(Value::Text).ok_or_else(refused),
            Kind::MailAddress => crate::wire::scalar::is_mail_address(text)
                .then(|| Value::Text(text.to_owned()))
                .ok_or_else(refused),
            Kind::Flag => text.parse().map(Value::Flag).map_err(|_| refused()),
            Kind::Number { least, most } => within(text.parse().ok(), least, most)
                .map(Value::Number)
                .ok_or_else(refused),
            Kind::Size { least, most } => within(size(text), least, most)
                .map(Value::Number)
                .ok_or_else(refused),
            Kind::Duration { most } => duration(text)
                .filter(|it| !it.is_zero() && *it <= Duration::from_secs(most))
                .map(Value::Duration)
                .ok_or_else(refused),
            Kind::Seconds { most } => duration(text)
                .filter(|it| it.subsec_nanos() == 0 && *it <= Duration::from_secs(most))
                .map(Value::Duration)
                .ok_or_else(refused),
            Kind::Choice(words) => words
                .contains(&text)
                .then(|| Value::Text(text.to_owned()))
                .ok_or_else(refused),
            Kind::List(words) => list(text, words).map(Value::List).ok_or_else(refused),
            Kind::TimeZone => text.parse().map(Value::TimeZone).map_err(|_| refused()),
            Kind::LogFilter => tracing_subscriber::EnvFilter::try_new(text)
                .map(|_| Value::Text(text.to_owned()))
                .map_err(|_| refused()),
        }
    }

    /// A value of the file as it would be written in the environment.
    ///
    /// # Errors
    /// What would be accepted.
    pub(super) fn text_of(self, value: &DeValue<'_>) -> Result<String, String> {
        let written = match (self, value) {
            (Kind::Number { .. } | Kind::Size { .. }, DeValue::Integer(number)) => {
                i64::from_str_radix(number.as_str(), number.radix())
                    .ok()
                    .map(|number| number.to_string())
            }
            (Kind::Flag, DeValue::Boolean(flag)) => Some(flag.to_string()),
            (Kind::List(_), DeValue::Array(values)) => {
                let words: Option<Vec<&str>> = values
                    .iter()
                    .map(|value| match value.get_ref() {
                        DeValue::String(word) if !word.contains(',') => Some(word.as_ref()),
                        _ => None,
                    })
                    .collect();
                words.map(|words| words.join(","))
            }
            (Kind::Number { .. } | Kind::Flag | Kind::List(_), _) => None,
            (_, DeValue::String(text)) => Some(text.as_ref().to_owned()),
            _ => None,
        };
        written.ok_or_else(|| format!("expected {}, {}", self.expected(), self.in_file()))
    }

    /// What is accepted, in words.
    pub(super) fn expected(self) -> String {
        match self {
            Kind::Text => "a text".to_owned(),
            Kind::Secret => "a secret of 32 bytes or more".to_owned(),
            Kind::Path => "a path".to_owned(),
            Kind::DatabaseUrl => {
                "sqlite://PATH, postgres://USER@HOST/DATABASE or postgresql://…".to_owned()
            }
            Kind::Address => {
                "an IP address with a port, as 127.0.0.1:8080 or [::1]:8080".to_owned()
            }
            Kind::WebAddress => {
                "an http or https address, as https://medial.example.org or with a path".to_owned()
            }
            Kind::MailAddress => "an address as clinic@example.org".to_owned(),
            Kind::KeySet => "a file or an https address".to_owned(),
            Kind::Flag => "true or false".to_owned(),
            Kind::Number { least, most } => format!("a whole number from {least} to {most}"),
            Kind::Size { least, most } => {
                format!("a number of bytes from {least} to {most}, also as 64KiB or 1MiB")
            }
            Kind::Duration { most } => {
                format!("a time such as 500ms, 30s, 5m or 1h, at most {most}s")
            }
            Kind::Seconds { most } => format!("a time from 0s to {most}s in whole seconds"),
            Kind::Choice(words) => words.join(" or "),
            Kind::List([]) => "names with commas between them".to_owned(),
            Kind::List(words) => format!("any of {} with commas between them", words.join(", ")),
            Kind::TimeZone => "the name of a time zone, as UTC or America/Chicago".to_owned(),
            Kind::LogFilter => {
                "error, warn, info, debug or trace, also by module as in warn,medial=info"
                    .to_owned()
            }
        }
    }

    /// What stands for it in a usage line.
    pub(super) const fn placeholder(self) -> &'static str {
        match self {
            Kind::Text | Kind::Secret => "TEXT",
            Kind::Path => "PATH",
            Kind::DatabaseUrl => "URL",
            Kind::Address => "ADDRESS:PORT",
            Kind::WebAddress => "URL",
            Kind::MailAddress => "MAILBOX",
            Kind::KeySet => "FILE|URL",
            Kind::Flag => "true|false",
            Kind::Number { .. } => "NUMBER",
            Kind::Size { .. } => "BYTES",
            Kind::Duration { .. } | Kind::Seconds { .. } => "TIME",
            Kind::Choice(_) => "WORD",
            Kind::List(_) => "NAMES",
            Kind::TimeZone => "ZONE",
            Kind::LogFilter => "FILTER",
        }
    }

    /// How it is written in the file.
    pub(super) const fn in_file(self) -> &'static str {
        match self {
            Kind::Number { .. } => "written as a number without quotes",
            Kind::Size { .. } => "written as a number without quotes or a string in quotes",
            Kind::Flag => "written without quotes",
            Kind::List(_) => "written as [\"one\", \"another\"]",
            _ => "written in quotes",
        }
    }
}

fn secret(text: &str) -> Result<Value, String> {
    Secret::new(text)
        .map(|_| Value::Text(text.to_owned()))
        .map_err(|error| error.to_string())
}

/// A web address without a slash at its end. Neither a user nor a query belongs to it.
fn web_address(text: &str) -> Option<String> {
    let uri: ureq::http::Uri = text.parse().ok()?;
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    let authority = uri.authority()?;
    let plain = !authority.host().is_empty() && !authority.as_str().contains('@');
    let ends = uri.query().is_none() && !text.contains('#');
    (is_web && plain && ends).then(|| text.trim_end_matches('/').to_owned())
}

/// The error of the database without its own introduction.
fn bare(error: &crate::db::DbError) -> String {
    match error {
        crate::db::DbError::Other(source) => source.to_string(),
        other => other.to_string(),
    }
}

fn within(number: Option<u64>, least: u64, most: u64) -> Option<u64> {
    number.filter(|number| (least..=most).contains(number))
}

fn size(text: &str) -> Option<u64> {
    let units = [("KiB", 1024), ("MiB", 1024 * 1024)];
    for (unit, bytes) in units {
        if let Some(number) = text.strip_suffix(unit) {
            return number.trim_end().parse::<u64>().ok()?.checked_mul(bytes);
        }
    }
    text.parse().ok()
}

/// A time as `500ms`, `30s`, `5m`, `8h` or `7d`.
pub(in crate::cli) fn duration(text: &str) -> Option<Duration> {
    let unit_at = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(unit_at)?;
    let number: u64 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(60 * 60).map(Duration::from_secs),
        "d" => number.checked_mul(24 * 60 * 60).map(Duration::from_secs),
        _ => None,
    }
}

fn list(text: &str, accepted: &[&str]) -> Option<Vec<String>> {
    if text.trim().is_empty() {
        return Some(Vec::new());
    }
    let words: Vec<String> = text.split(',').map(|word| word.trim().to_owned()).collect();
    let known = |word: &String| {
        !word.is_empty() && (accepted.is_empty() || accepted.contains(&word.as_str()))
    };
    words.iter().all(known).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("8h"), Some(Duration::from_secs(28_800)));
        assert_eq!(duration("7d"), Some(Duration::from_secs(604_800)));
        for refused in [
            "",
            "5",
            "s",
            "-5s",
            "5.5s",
            "5 s",
            "5sec",
            "99999999999999999999s",
            "9999999999999999999h",
        ] {
            assert_eq!(duration(refused), None, "{refused}");
        }
    }

    #[test]
    fn a_web_address_ends_without_a_slash() {
        let read = |text| web_address(text).unwrap();
        assert_eq!(
            read("https://medial.example.org/"),
            "https://medial.example.org"
        );
        assert_eq!(read("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
        assert_eq!(
            read("https://example.org/medial/"),
            "https://example.org/medial"
        );
    }

    #[test]
    fn sizes_may_have_one() {
        assert_eq!(size("1MiB"), Some(1_048_576));
        assert_eq!(size("64 KiB"), Some(65_536));
        assert_eq!(size("2048"), Some(2048));
        for refused in ["", "1MB", "-1", "1.5MiB", "99999999999999999MiB"] {
            assert_eq!(size(refused), None, "{refused}");
        }
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        let refused = [
            (Kind::Number { least: 1, most: 8 }, "0"),
            (Kind::Number { least: 1, most: 8 }, "9"),
            (Kind::Number { least: 1, most: 8 }, "x"),
            (Kind::Duration { most: 60 }, "0s"),
            (Kind::Duration { most: 60 }, "61s"),
            (Kind::Seconds { most: 60 }, "1500ms"),
            (Kind::Address, "localhost:80"),
            (Kind::Address, "127.0.0.1"),
            (Kind::Flag, "yes"),
            (Kind::Choice(&["a", "b"]), "c"),
            (Kind::List(&["a", "b"]), "a,c"),
            (Kind::List(&[]), "a,,b"),
            (Kind::TimeZone, "Mars/Olympus"),
            (Kind::LogFilter, "medial=loud"),
            (Kind::DatabaseUrl, "mysql://host/x"),
            (Kind::KeySet, "ftp://host/x"),
            (Kind::WebAddress, "medial.example.org"),
            (Kind::WebAddress, "ftp://medial.example.org"),
            (Kind::WebAddress, "https://user@medial.example.org"),
            (Kind::WebAddress, "https://medial.example.org/?a=1"),
            (Kind::WebAddress, "https://medial.example.org/#a"),
            (Kind::MailAddress, "clinic"),
            (Kind::MailAddress, "a b@example.org"),
            (Kind::Secret, "short"),
            (Kind::Text, ""),
        ];
        for (kind, text) in refused {
            assert!(kind.read(text).is_err(), "{kind:?} {text}");
        }
    }
}
