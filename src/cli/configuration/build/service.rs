//! How the service listens and answers, and what tokens it takes.

use super::Builder;
use crate::auth::{self, Algorithm, JwksLocation, Secret};
use crate::cli::configuration::kind::Value;
use crate::http::HttpSettings;
use std::net::{Ipv4Addr, SocketAddr};

/// Most streams where none are configured.
const STREAMS: u64 = 4;

impl Builder {
    pub(super) fn http(&mut self, token_secret: Option<&[u8]>) -> HttpSettings {
        let bind = match self.values.get("http.bind") {
            Some(Value::Address(address)) => *address,
            _ => SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
        };
        HttpSettings {
            bind,
            workers: self.count("http.workers"),
            permits: self.count("http.permits"),
            queue: self.count("http.queue"),
            patience: self.duration("http.patience"),
            streams: self.streams(),
            deadline: self.duration("http.deadline"),
            stall: self.duration("http.stall"),
            body_limit: self.count("http.body_limit"),
            keep_alive: self.duration("http.keep_alive"),
            head_timeout: self.duration("http.head_timeout"),
            grace: self.duration("http.grace"),
            retry_after: self.small("http.retry_after"),
            cursor_key: self.cursor_key(token_secret),
            cross_origins: self.origins(),
            public_url: self.text("http.public_url").map(str::to_owned),
        }
    }

    /// The origins of browsers that may call the services of CDS Hooks.
    fn origins(&mut self) -> Vec<String> {
        let listed = self.list("cds.origins").unwrap_or_default();
        for origin in &listed {
            let is_origin = origin
                .strip_prefix("https://")
                .or_else(|| origin.strip_prefix("http://"))
                .is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', '@']));
            if !is_origin {
                let what = format!("“{origin}” is no origin, as https://sandbox.example.org");
                self.problem("cds.origins", what);
            }
        }
        listed
    }

    fn streams(&mut self) -> usize {
        let connections = self.number("database.connections");
        if !self.values.contains_key("http.streams") {
            return usize::try_from((connections / 2).clamp(1, STREAMS)).unwrap_or(1);
        }
        if self.number("http.streams") >= connections {
            let what = format!(
                "each stream holds a connection to the database, and nothing could be answered beside so many; expected fewer than the {connections} of database.connections"
            );
            self.problem("http.streams", what);
        }
        self.count("http.streams")
    }

    pub(super) fn tokens(&mut self, secret: Option<&[u8]>) -> auth::Settings {
        let mut tokens =
            auth::Settings::new(self.words("tokens.issuer"), self.words("tokens.audience"));
        tokens.leeway_seconds =
            u32::try_from(self.duration("tokens.leeway").as_secs()).unwrap_or(u32::MAX);
        tokens.secret = secret.and_then(|bytes| Secret::new(bytes).ok());
        tokens.jwks = match self.values.get("tokens.jwks") {
            Some(Value::KeySet(location)) => Some(location.clone()),
            _ => None,
        };
        let names = self.list("tokens.algorithms");
        tokens.algorithms = names.map(|names| {
            names
                .iter()
                .filter_map(|name| Algorithm::from_name(name))
                .collect()
        });
        self.check_algorithms(&tokens);
        if let Some(JwksLocation::Url(url)) = &tokens.jwks
            && url.starts_with("http://")
        {
            self.warnings.push(
                "tokens.jwks: the key set is fetched over plain http, and whoever is between could put in a key of theirs"
                    .to_owned(),
            );
        }
        tokens
    }

    fn check_algorithms(&mut self, tokens: &auth::Settings) {
        let name = "tokens.algorithms";
        let Some(listed) = &tokens.algorithms else {
            return;
        };
        if listed.is_empty() {
            self.problem(name, "is empty, and no token would be accepted");
        }
        for algorithm in listed {
            let has_key = match algorithm {
                Algorithm::Hs256 => tokens.secret.is_some(),
                _ => tokens.jwks.is_some(),
            };
            if !has_key {
                let what = format!("{} is listed and there is no key for it", algorithm.name());
                self.problem(name, what);
            }
        }
    }
}
