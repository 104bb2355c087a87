//! From what was given to what the program works with; and what does not go together.

use super::callers::GivenCaller;
use super::ehrs;
use super::kind::{Kind, Value};
use super::settings::{SETTINGS, Setting};
use super::{Configuration, Given, LogSettings, Origin, Problem};
use crate::app::AppSettings;
use crate::app::clients::SmartSettings;
use crate::app::diary::{Delivery, DiarySettings, MailSecurity, MailServer};
use crate::app::people::{SignInSettings, may_have_pages};
use crate::app::subscriptions::SubscriptionSettings;
use crate::auth::Role;
use crate::auth::ehr::Ehr;
use crate::auth::oidc::{OidcSettings, Provider};
use crate::auth::{self, Algorithm, Caller, Callers, DiaryKey, JwksLocation, Secret};
use crate::db::{DatabaseSettings, Synchronous};
use crate::http::{CursorKey, HttpSettings};
use crate::jobs::reminders;
use crate::seam::{Outside, System};
use chrono_tz::Tz;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Separates the keys that are derived from one secret from each other and from its own use.
const CURSOR_LABEL: &[u8] = b"medial derived key: cursors 1";
const PSEUDONYM_LABEL: &[u8] = b"medial derived key: pseudonyms 1";
const ACCESS_LABEL: &[u8] = b"medial derived key: access tokens 1";
const DIARY_LABEL: &[u8] = b"medial derived key: diary links 1";

/// Largest file of a secret, in bytes.
const LARGEST_SECRET: u64 = 64 * 1024;

/// Most streams where none are configured.
const STREAMS: u64 = 4;

/// Brings it together. What is wrong is left at its default and listed.
pub(super) fn build(
    file: Option<PathBuf>,
    given: BTreeMap<&'static str, Given>,
    callers: Vec<GivenCaller>,
    problems: Vec<Problem>,
) -> (Configuration, Vec<Problem>) {
    let mut builder = Builder {
        callers,
        values: BTreeMap::new(),
        given,
        problems,
        warnings: Vec::new(),
    };
    builder.read_all();
    let configuration = builder.configuration(file);
    let mut problems = builder.problems;
    problems.sort_by(|a, b| a.origin.cmp(&b.origin));
    (configuration, problems)
}

struct Builder {
    callers: Vec<GivenCaller>,
    values: BTreeMap<&'static str, Value>,
    given: BTreeMap<&'static str, Given>,
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

impl Builder {
    fn read_all(&mut self) {
        for setting in SETTINGS {
            if let Some(value) = self.given_value(setting).or_else(|| default_of(setting)) {
                self.values.insert(setting.name, value);
            }
        }
    }

    fn given_value(&mut self, setting: &'static Setting) -> Option<Value> {
        let given = self.given.get(setting.name)?;
        match setting.kind.read(&given.text) {
            Ok(value) => Some(value),
            Err(what) => {
                let origin = given.origin.clone();
                self.given.remove(setting.name);
                self.problems.push(Problem {
                    origin,
                    name: Some(setting.name),
                    what,
                });
                None
            }
        }
    }

    fn problem(&mut self, name: &'static str, what: impl Into<String>) {
        self.problems.push(Problem {
            origin: self.origin(name),
            name: Some(name),
            what: what.into(),
        });
    }

    fn origin(&self, name: &str) -> Origin {
        self.given
            .get(name)
            .map_or(Origin::Default, |given| given.origin.clone())
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.values.get(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn words(&self, name: &str) -> String {
        self.text(name).unwrap_or_default().to_owned()
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        match self.values.get(name)? {
            Value::Path(path) => Some(path.clone()),
            _ => None,
        }
    }

    fn flag(&self, name: &str) -> bool {
        matches!(self.values.get(name), Some(Value::Flag(true)))
    }

    fn number(&self, name: &str) -> u64 {
        match self.values.get(name) {
            Some(Value::Number(number)) => *number,
            _ => 0,
        }
    }

    fn count(&self, name: &str) -> usize {
        usize::try_from(self.number(name)).unwrap_or(usize::MAX)
    }

    fn small(&self, name: &str) -> u32 {
        u32::try_from(self.number(name)).unwrap_or(u32::MAX)
    }

    fn duration(&self, name: &str) -> Duration {
        match self.values.get(name) {
            Some(Value::Duration(duration)) => *duration,
            _ => Duration::ZERO,
        }
    }

    fn list(&self, name: &str) -> Option<Vec<String>> {
        match self.values.get(name)? {
            Value::List(words) => Some(words.clone()),
            _ => None,
        }
    }

    fn configuration(&mut self, file: Option<PathBuf>) -> Configuration {
        self.warn_of_open_files();
        let secret = self.token_secret();
        let tokens = self.tokens(secret.as_deref());
        let database = self.database();
        let http = self.http(secret.as_deref());
        let pseudonym_key = self.pseudonym_key(secret.as_deref());
        let diary = self.diary(secret.as_deref(), http.bind);
        let sign_in = self.sign_in();
        let smart = self.smart(secret.as_deref());
        let callers = self.callers();
        Configuration {
            file,
            database,
            migrate: self.flag("database.migrate"),
            app: AppSettings {
                time_zone: self.time_zone(),
                active_profiles: self.list("judging.active_profiles"),
                export_directory: self.path("exports.directory").unwrap_or_default(),
                pseudonym_key,
                sign_in,
                diary,
                smart,
                callers,
                subscriptions: SubscriptionSettings {
                    allow_private_addresses: self.flag("subscriptions.allow_private_addresses"),
                },
            },
            profiles_directory: self.path("judging.profiles_directory"),
            http,
            tokens,
            log: LogSettings {
                filter: self.words("log.filter"),
                json: self.text("log.format") == Some("json"),
            },
            warnings: std::mem::take(&mut self.warnings),
        }
    }

    /// A file with a secret in it should be readable to the service alone.
    fn warn_of_open_files(&mut self) {
        let secrets = SETTINGS
            .iter()
            .filter(|setting| matches!(setting.kind, Kind::Secret));
        let of_secrets = secrets.filter_map(|setting| match self.origin(setting.name) {
            Origin::File(path, _) => Some(path),
            _ => None,
        });
        let mut files: Vec<PathBuf> = of_secrets.collect();
        files.extend(self.path("tokens.secret_file"));
        files.extend(self.path("sign_in.client_secret_file"));
        files.extend(self.path("reminders.webhook_secret_file"));
        files.extend(self.path("reminders.smtp_password_file"));
        files.dedup();
        for file in files.iter().filter(|file| is_open_to_others(file)) {
            let shown = file.display();
            self.warnings.push(format!(
                "{shown}: there is a secret in it, and every user of this machine can read it; chmod 600 {shown}"
            ));
        }
    }

    fn time_zone(&self) -> Tz {
        match self.values.get("judging.time_zone") {
            Some(Value::TimeZone(zone)) => *zone,
            _ => Tz::UTC,
        }
    }

    fn database(&self) -> DatabaseSettings {
        DatabaseSettings {
            url: self.words("database.url"),
            connections: self.small("database.connections"),
            connection_wait: self.duration("database.connection_wait"),
            statement_timeout: self.duration("database.statement_timeout"),
            busy_wait: self.duration("database.busy_wait"),
            synchronous: match self.text("database.synchronous") {
                Some("normal") => Synchronous::Normal,
                _ => Synchronous::Full,
            },
        }
    }

    fn http(&mut self, token_secret: Option<&[u8]>) -> HttpSettings {
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

    /// The secret of tokens, from the setting or the file; from the stronger origin where there are both.
    fn token_secret(&mut self) -> Option<Vec<u8>> {
        let text = self.text("tokens.secret").map(str::as_bytes);
        let Some(path) = self.path("tokens.secret_file") else {
            return text.map(<[u8]>::to_vec);
        };
        let (of_text, of_file) = (
            self.origin("tokens.secret"),
            self.origin("tokens.secret_file"),
        );
        let text = text.map(<[u8]>::to_vec);
        if text.is_some() {
            if of_text.strength() > of_file.strength() {
                return text;
            }
            if of_text.strength() == of_file.strength() {
                self.problem(
                    "tokens.secret_file",
                    "tokens.secret is given beside it; keep one of the two",
                );
                return text;
            }
        }
        match secret_in(&path) {
            Ok(secret) => Some(secret),
            Err(what) => {
                self.problem("tokens.secret_file", what);
                None
            }
        }
    }

    fn tokens(&mut self, secret: Option<&[u8]>) -> auth::Settings {
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

    fn cursor_key(&mut self, token_secret: Option<&[u8]>) -> CursorKey {
        if let Some(secret) = self.text("http.cursor_secret") {
            return CursorKey::new(secret.as_bytes());
        }
        if let Some(secret) = token_secret {
            return CursorKey::new(&derived(secret, CURSOR_LABEL));
        }
        self.warnings.push(
            "http.cursor_secret: neither it nor a token secret is configured; the key is drawn at each start, cursors of pages end with it, and several machines would not know each other's"
                .to_owned(),
        );
        CursorKey::new(&drawn())
    }

    fn pseudonym_key(&mut self, token_secret: Option<&[u8]>) -> Vec<u8> {
        if let Some(secret) = self.text("exports.pseudonym_secret") {
            return secret.as_bytes().to_vec();
        }
        if let Some(secret) = token_secret {
            return derived(secret, PSEUDONYM_LABEL);
        }
        self.warnings.push(
            "exports.pseudonym_secret: neither it nor a token secret is configured; the pseudonyms of de-identified exports change with each start"
                .to_owned(),
        );
        drawn()
    }
}

/// The systems that may ask for decision support.
impl Builder {
    fn callers(&mut self) -> Arc<Callers> {
        let mut callers = Vec::new();
        for given in std::mem::take(&mut self.callers) {
            match Caller::new(given.settings) {
                Ok(caller) => callers.push(caller),
                Err(error) => self.problems.push(Problem {
                    origin: given.origin,
                    name: None,
                    what: format!("cds.client: {error}"),
                }),
            }
        }
        Arc::new(Callers::new(callers))
    }
}

/// Where people sign in.
impl Builder {
    fn sign_in(&mut self) -> SignInSettings {
        let provider = self
            .text_of("sign_in.issuer")
            .and_then(|issuer| self.provider(issuer));
        SignInSettings {
            demonstration: false,
            provider: provider.map(Arc::new),
        }
    }

    fn provider(&mut self, issuer: String) -> Option<Provider> {
        let client_secret = match self.path("sign_in.client_secret_file") {
            Some(path) => match words_in(&path) {
                Ok(secret) => Some(secret),
                Err(what) => {
                    self.problem("sign_in.client_secret_file", what);
                    return None;
                }
            },
            None => None,
        };
        Some(Provider::new(OidcSettings {
            issuer,
            label: self.words("sign_in.label"),
            client_id: self.words("sign_in.client_id"),
            client_secret,
            scopes: self.list("sign_in.scopes").unwrap_or_default(),
            role_claim: self.words("sign_in.role_claim"),
            roles: self.roles(),
            organization_claim: self.text_of("sign_in.organization_claim"),
            organization: self.text_of("sign_in.organization"),
        }))
    }

    /// Which value of the provider's claim is which role.
    fn roles(&mut self) -> Vec<(String, Role)> {
        let mut roles = Vec::new();
        for pair in self.list("sign_in.roles").unwrap_or_default() {
            let role = pair
                .split_once('=')
                .and_then(|(value, role)| Some((value.to_owned(), Role::from_code(role).ok()?)))
                .filter(|(_, role)| may_have_pages(*role));
            match role {
                Some(role) => roles.push(role),
                None => {
                    let what = format!(
                        "“{pair}” is no VALUE=ROLE with one of the roles clinician, analyst, auditor, admin"
                    );
                    self.problem("sign_in.roles", what);
                }
            }
        }
        roles
    }
}

/// Connected systems, and record systems that launch the pages.
impl Builder {
    fn smart(&mut self, token_secret: Option<&[u8]>) -> SmartSettings {
        let secret = match (self.text("smart.token_secret"), token_secret) {
            (Some(secret), _) => secret.as_bytes().to_vec(),
            (None, Some(secret)) => derived(secret, ACCESS_LABEL),
            // They are good for minutes; a client asks for another one.
            (None, None) => drawn(),
        };
        SmartSettings {
            ehrs: self.ehrs(),
            ..SmartSettings::new(&secret)
        }
    }

    fn ehrs(&mut self) -> Vec<Arc<Ehr>> {
        let Some(path) = self.path("smart.ehrs_file") else {
            return Vec::new();
        };
        match ehrs::read(&path) {
            Ok(ehrs) => ehrs.into_iter().map(Arc::new).collect(),
            Err(problems) => {
                for what in problems {
                    self.problem("smart.ehrs_file", what);
                }
                Vec::new()
            }
        }
    }
}

/// Patients' diaries.
impl Builder {
    fn diary(&mut self, token_secret: Option<&[u8]>, bind: SocketAddr) -> DiarySettings {
        let public_url = self
            .text("http.public_url")
            .map_or_else(|| format!("http://{bind}"), str::to_owned);
        DiarySettings {
            key: self.diary_key(token_secret),
            public_url,
            reminders: self.reminders(),
        }
    }

    fn diary_key(&mut self, token_secret: Option<&[u8]>) -> DiaryKey {
        if let Some(secret) = self.text("diary.link_secret") {
            return DiaryKey::new(secret.as_bytes());
        }
        if let Some(secret) = token_secret {
            return DiaryKey::new(&derived(secret, DIARY_LABEL));
        }
        self.warnings.push(
            "diary.link_secret: neither it nor a token secret is configured; the key is drawn at each start, and the links of diaries end with it"
                .to_owned(),
        );
        DiaryKey::new(&drawn())
    }

    fn reminders(&mut self) -> Option<Delivery> {
        match self.text("reminders.kind") {
            Some("webhook") => self.webhook(),
            Some("email") => self.mail_server().map(Delivery::Email),
            _ => None,
        }
    }

    fn webhook(&mut self) -> Option<Delivery> {
        let url = self.needed("reminders.webhook_url", Self::text_of);
        let path = self.needed("reminders.webhook_secret_file", Self::path);
        let (url, path) = url.zip(path)?;
        match secret_in(&path) {
            Ok(secret) => Some(Delivery::Webhook { url, secret }),
            Err(what) => {
                self.problem("reminders.webhook_secret_file", what);
                None
            }
        }
    }

    fn mail_server(&mut self) -> Option<MailServer> {
        let host = self.needed("reminders.smtp_host", Self::text_of);
        let from = self.needed("reminders.from", Self::text_of);
        let (host, from) = host.zip(from)?;
        let user = self.text_of("reminders.smtp_user");
        let password = match self.path("reminders.smtp_password_file") {
            Some(path) => match words_in(&path) {
                Ok(password) => Some(password),
                Err(what) => {
                    self.problem("reminders.smtp_password_file", what);
                    return None;
                }
            },
            None => None,
        };
        if user.is_some() != password.is_some() {
            let what = "a user and a password belong together; give both, or neither";
            self.problem("reminders.smtp_user", what);
        }
        let authorities = match self.path("reminders.smtp_authority_file").map(|path| {
            std::fs::read(&path)
                .map_err(|error| format!("{} cannot be read: {error}", path.display()))
        }) {
            Some(Ok(pem)) => Some(pem),
            Some(Err(what)) => {
                self.problem("reminders.smtp_authority_file", what);
                return None;
            }
            None => None,
        };
        let server = MailServer {
            host,
            port: u16::try_from(self.number("reminders.smtp_port")).unwrap_or(587),
            security: match self.text("reminders.smtp_security") {
                Some("tls") => MailSecurity::Tls,
                Some("none") => MailSecurity::None,
                _ => MailSecurity::StartTls,
            },
            user,
            password,
            authorities,
            from,
        };
        if let Err(what) = reminders::check(&server) {
            self.problem("reminders.smtp_authority_file", what.to_owned());
            return None;
        }
        let here = ["localhost", "127.0.0.1", "::1"];
        if server.security == MailSecurity::None && !here.contains(&server.host.as_str()) {
            self.warnings.push(
                "reminders.smtp_security: mail goes to another machine unencrypted, and so does a password; set it to starttls or tls"
                    .to_owned(),
            );
        }
        Some(server)
    }

    fn text_of(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    /// A setting that `reminders.kind` cannot do without.
    fn needed<T>(
        &mut self,
        name: &'static str,
        read: impl Fn(&Self, &str) -> Option<T>,
    ) -> Option<T> {
        let found = read(self, name);
        if found.is_none() && !self.problems.iter().any(|one| one.name == Some(name)) {
            self.problem(name, "reminders.kind needs it, and it is not configured");
        }
        found
    }
}

fn default_of(setting: &Setting) -> Option<Value> {
    setting.kind.read(setting.default?).ok()
}

/// The secret in a file, without the line end after it.
fn secret_in(path: &std::path::Path) -> Result<Vec<u8>, String> {
    let bytes = bytes_in(path)?;
    Secret::new(bytes.as_slice()).map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// A password in a file, without the line end after it.
pub(super) fn words_in(path: &std::path::Path) -> Result<String, String> {
    let words = String::from_utf8(bytes_in(path)?);
    words
        .ok()
        .filter(|words| !words.is_empty())
        .ok_or_else(|| format!("{} holds no text", path.display()))
}

fn bytes_in(path: &std::path::Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    if std::fs::metadata(path).map_err(unreadable)?.len() > LARGEST_SECRET {
        return Err(format!(
            "{} is larger than {LARGEST_SECRET} bytes",
            path.display()
        ));
    }
    let mut bytes = std::fs::read(path).map_err(unreadable)?;
    while bytes
        .last()
        .is_some_and(|last| matches!(last, b'\n' | b'\r'))
    {
        bytes.pop();
    }
    Ok(bytes)
}

#[cfg(unix)]
fn is_open_to_others(path: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &std::path::Path) -> bool {
    false
}

/// A key of its own from a secret: HMAC-SHA-256 of a label.
fn derived(secret: &[u8], label: &[u8]) -> Vec<u8> {
    // The code takes keys of every length, so the other branch is never taken.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret)
        .unwrap_or_else(|_| Hmac::<Sha256>::new(&Default::default()));
    mac.update(label);
    mac.finalize().into_bytes().to_vec()
}

/// 256 random bits.
fn drawn() -> Vec<u8> {
    let system = System::default();
    let mut bytes = system.random().to_be_bytes().to_vec();
    bytes.extend(system.random().to_be_bytes());
    bytes
}
