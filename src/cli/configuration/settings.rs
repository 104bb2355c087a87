//! The one list of everything that can be configured. The flags, the environment variables, the reader of the file and
//! the document all come from it.

use super::kind::Kind;

/// One thing that can be configured.
#[derive(Debug)]
pub(super) struct Setting {
    /// As in the file: `section.key`.
    pub(super) name: &'static str,
    /// The flag, without its dashes. A secret has none: everybody on the machine can read a command line.
    pub(super) flag: Option<&'static str>,
    /// The environment variable.
    pub(super) variable: &'static str,
    /// What it may be.
    pub(super) kind: Kind,
    /// What it is where nobody says; as it would be written in the environment.
    pub(super) default: Option<&'static str>,
    /// What it is for, in a sentence or a few.
    pub(super) help: &'static str,
    /// Shown by `--help` but not by `-h`.
    pub(super) rare: bool,
}

impl Setting {
    /// The setting with this name.
    pub(super) fn find(name: &str) -> Option<&'static Setting> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }

    /// The table of the file that it stands in, and its key there.
    pub(super) fn place(&self) -> (&'static str, &'static str) {
        self.name.split_once('.').unwrap_or(("", self.name))
    }
}

macro_rules! settings {
    ($($rarity:ident $name:literal, $flag:tt, $variable:literal, $kind:expr, $default:expr, $help:literal;)+) => {
        &[$(Setting {
            name: $name,
            flag: settings!(@flag $flag),
            variable: $variable,
            kind: $kind,
            default: $default,
            help: $help,
            rare: settings!(@rare $rarity),
        },)+]
    };
    (@flag none) => { None };
    (@flag $flag:literal) => { Some($flag) };
    (@rare often) => { false };
    (@rare rare) => { true };
}

/// Longest of any time that can be configured, in seconds: a day.
const DAY: u64 = 24 * 60 * 60;

/// Between a millisecond and a day.
const TIME: Kind = Kind::Duration { most: DAY };

/// Everything that can be configured, by section.
pub(super) const SETTINGS: &[Setting] = settings! {
    often "database.url", "database-url", "MEDIAL_DATABASE_URL", Kind::DatabaseUrl, Some("sqlite://medial.sqlite"),
        "Database: sqlite://PATH (one file of this machine) or postgres://USER@HOST/DATABASE. Put a password for PostgreSQL into ~/.pgpass or PGPASSWORD rather than here.";
    often "database.migrate", "database-migrate", "MEDIAL_DATABASE_MIGRATE", Kind::Flag, Some("false"),
        "Bring the schema of PostgreSQL up to date at the start. SQLite is always brought up to date.";
    rare "database.connections", "database-connections", "MEDIAL_DATABASE_CONNECTIONS", Kind::Number { least: 1, most: 1000 }, Some("8"),
        "Transactions that run at the same time: readers on SQLite, all on PostgreSQL.";
    rare "database.connection_wait", "database-connection-wait", "MEDIAL_DATABASE_CONNECTION_WAIT", TIME, Some("5s"),
        "How long to wait for a free connection.";
    rare "database.statement_timeout", "database-statement-timeout", "MEDIAL_DATABASE_STATEMENT_TIMEOUT", TIME, Some("15s"),
        "How long PostgreSQL may take for one statement.";
    rare "database.busy_wait", "database-busy-wait", "MEDIAL_DATABASE_BUSY_WAIT", TIME, Some("5s"),
        "How long SQLite waits for another process that holds the write lock.";
    rare "database.synchronous", "database-synchronous", "MEDIAL_DATABASE_SYNCHRONOUS", Kind::Choice(&["full", "normal"]), Some("full"),
        "When SQLite calls a write durable. full: an acknowledged record survives a loss of power. normal: it survives a crash of the program only.";
    often "http.bind", "http-bind", "MEDIAL_HTTP_BIND", Kind::Address, Some("127.0.0.1:8080"),
        "Where the service listens: ADDRESS:PORT. It speaks plain HTTP: let others reach it only through a proxy that ends TLS.";
    often "http.public_url", "http-public-url", "MEDIAL_HTTP_PUBLIC_URL", Kind::WebAddress, None,
        "Where patients reach this service, as https://medial.example.org: what the links of diaries begin with. A phone keeps a diary offline only over https. Default: http:// and the address of http.bind.";
    rare "http.workers", "http-workers", "MEDIAL_HTTP_WORKERS", Kind::Number { least: 1, most: 256 }, Some("2"),
        "Threads that read requests and write answers.";
    rare "http.permits", "http-permits", "MEDIAL_HTTP_PERMITS", Kind::Number { least: 1, most: 1000 }, Some("32"),
        "Requests that do their work at the same time.";
    rare "http.queue", "http-queue", "MEDIAL_HTTP_QUEUE", Kind::Number { least: 0, most: 100_000 }, Some("512"),
        "Requests that wait for their turn. One more is answered 503 with Retry-After.";
    rare "http.patience", "http-patience", "MEDIAL_HTTP_PATIENCE", TIME, Some("5s"),
        "How long a request waits for its turn.";
    rare "http.streams", "http-streams", "MEDIAL_HTTP_STREAMS", Kind::Number { least: 1, most: 1000 }, None,
        "Streams that are sent at the same time; each holds a connection to the database. Default: half of database.connections, at most 4.";
    rare "http.deadline", "http-deadline", "MEDIAL_HTTP_DEADLINE", TIME, Some("30s"),
        "From the request line to the answer, the body of the request included.";
    rare "http.stall", "http-stall", "MEDIAL_HTTP_STALL", TIME, Some("60s"),
        "A stream whose client takes nothing for so long is given up.";
    rare "http.body_limit", "http-body-limit", "MEDIAL_HTTP_BODY_LIMIT", Kind::Size { least: 1024, most: 64 * 1024 * 1024 }, Some("1MiB"),
        "The largest body of a request.";
    rare "http.keep_alive", "http-keep-alive", "MEDIAL_HTTP_KEEP_ALIVE", TIME, Some("75s"),
        "How long an idle connection stays open.";
    rare "http.head_timeout", "http-head-timeout", "MEDIAL_HTTP_HEAD_TIMEOUT", TIME, Some("10s"),
        "How long the head of a request may take.";
    rare "http.grace", "http-grace", "MEDIAL_HTTP_GRACE", TIME, Some("30s"),
        "How long requests that are under way may take once the service was told to stop.";
    rare "http.retry_after", "http-retry-after", "MEDIAL_HTTP_RETRY_AFTER", Kind::Number { least: 1, most: 3600 }, Some("1"),
        "Seconds to wait that a busy service tells its clients.";
    rare "http.cursor_secret", none, "MEDIAL_HTTP_CURSOR_SECRET", Kind::Secret, None,
        "Seals the cursors of pages; 32 bytes or more, the same on all machines of one service. Default: derived from the token secret; without one it is drawn at each start, and cursors end with it.";
    often "tokens.issuer", "tokens-issuer", "MEDIAL_TOKENS_ISSUER", Kind::Text, Some("medial"),
        "The iss that a token must carry.";
    often "tokens.audience", "tokens-audience", "MEDIAL_TOKENS_AUDIENCE", Kind::Text, Some("medial"),
        "The aud that a token must be meant for.";
    often "tokens.secret", none, "MEDIAL_TOKENS_SECRET", Kind::Secret, None,
        "The secret that tokens are signed with (HS256); 32 bytes or more, as `openssl rand -hex 32` makes them.";
    often "tokens.secret_file", "tokens-secret-file", "MEDIAL_TOKENS_SECRET_FILE", Kind::Path, None,
        "A file with that secret; a line end after it does not count.";
    often "tokens.jwks", "tokens-jwks", "MEDIAL_TOKENS_JWKS", Kind::KeySet, None,
        "The public keys of whoever issues tokens (RS256, ES256, EdDSA): a file or an address with a JSON Web Key Set.";
    rare "tokens.algorithms", "tokens-algorithms", "MEDIAL_TOKENS_ALGORITHMS", Kind::List(&["HS256", "RS256", "ES256", "EdDSA"]), None,
        "Narrows the ways of signing that are accepted. Default: HS256 where there is a secret; RS256, ES256 and EdDSA where there is a key set.";
    rare "tokens.leeway", "tokens-leeway", "MEDIAL_TOKENS_LEEWAY", Kind::Seconds { most: 300 }, Some("30s"),
        "Difference of clocks that is forgiven in a token's times; whole seconds.";
    often "sign_in.issuer", "sign-in-issuer", "MEDIAL_SIGN_IN_ISSUER", Kind::WebAddress, None,
        "The OpenID Connect issuer at which people sign in to the pages, as its discovery document names it. Register http.public_url with /sign-in/oidc/callback after it there. Without it people sign in with names of `medial user`.";
    often "sign_in.client_id", "sign-in-client-id", "MEDIAL_SIGN_IN_CLIENT_ID", Kind::Text, Some("medial"),
        "Who the service is to that issuer.";
    often "sign_in.client_secret_file", "sign-in-client-secret-file", "MEDIAL_SIGN_IN_CLIENT_SECRET_FILE", Kind::Path, None,
        "A file with the secret of the service at that issuer; without it the service is a public client.";
    rare "sign_in.label", "sign-in-label", "MEDIAL_SIGN_IN_LABEL", Kind::Text, Some("Sign in with your organization"),
        "What the button says.";
    rare "sign_in.scopes", "sign-in-scopes", "MEDIAL_SIGN_IN_SCOPES", Kind::List(&[]), Some("profile"),
        "Scopes to ask for beside openid.";
    rare "sign_in.role_claim", "sign-in-role-claim", "MEDIAL_SIGN_IN_ROLE_CLAIM", Kind::Text, Some("medial_role"),
        "The claim of the ID token with the role, or with a list in which it is.";
    rare "sign_in.roles", "sign-in-roles", "MEDIAL_SIGN_IN_ROLES", Kind::List(&[]), None,
        "Which value of that claim is which role, as pain-clinic=clinician. Default: the values are clinician, analyst, auditor and admin.";
    rare "sign_in.organization_claim", "sign-in-organization-claim", "MEDIAL_SIGN_IN_ORGANIZATION_CLAIM", Kind::Text, None,
        "The claim of the ID token with the organization.";
    rare "sign_in.organization", "sign-in-organization", "MEDIAL_SIGN_IN_ORGANIZATION", Kind::Text, Some("default"),
        "The organization of people who have no such claim.";
    often "smart.ehrs_file", "smart-ehrs-file", "MEDIAL_SMART_EHRS_FILE", Kind::Path, None,
        "A TOML file with the record systems that may launch the pages, each a table [[ehr]]: see docs/smart.md. Without it the pages are launched by nobody.";
    rare "smart.token_secret", none, "MEDIAL_SMART_TOKEN_SECRET", Kind::Secret, None,
        "Signs the tokens that connected systems fetch from /auth/token; 32 bytes or more, the same on all machines of one service. Default: derived from the token secret; without one it is drawn at each start.";
    often "judging.time_zone", "judging-time-zone", "MEDIAL_JUDGING_TIME_ZONE", Kind::TimeZone, Some("UTC"),
        "Decides which day it is, and so when a determination has come of age: a name such as America/Chicago.";
    often "judging.active_profiles", "judging-active-profiles", "MEDIAL_JUDGING_ACTIVE_PROFILES", Kind::List(&[]), None,
        "The profiles that are active in an organization that has not chosen. Default: all of them.";
    often "judging.profiles_directory", "judging-profiles-directory", "MEDIAL_JUDGING_PROFILES_DIRECTORY", Kind::Path, None,
        "A directory with more profiles, one TOML file each, beside the built-in ones. One that is named as a built-in one needs a higher version, and replaces it.";
    often "exports.directory", "exports-directory", "MEDIAL_EXPORTS_DIRECTORY", Kind::Path, Some("medial-exports"),
        "Where exports are kept until they are fetched or deleted.";
    rare "exports.pseudonym_secret", none, "MEDIAL_EXPORTS_PSEUDONYM_SECRET", Kind::Secret, None,
        "Makes the pseudonyms of de-identified exports; 32 bytes or more. With another secret the same patient has another pseudonym. Default: derived from the token secret.";
    rare "diary.link_secret", none, "MEDIAL_DIARY_LINK_SECRET", Kind::Secret, None,
        "Signs the links of diaries; 32 bytes or more, the same on all machines of one service. With another secret no earlier link works. Default: derived from the token secret; without one it is drawn at each start, and links end with it.";
    often "reminders.kind", "reminders-kind", "MEDIAL_REMINDERS_KIND", Kind::Choice(&["off", "webhook", "email"]), Some("off"),
        "How patients are reminded of their diary, where their link asks for it.";
    rare "reminders.webhook_url", "reminders-webhook-url", "MEDIAL_REMINDERS_WEBHOOK_URL", Kind::WebAddress, None,
        "Where reminders are posted to as JSON, one at a time: the id and the address of the link, the time that is due and the language.";
    rare "reminders.webhook_secret_file", "reminders-webhook-secret-file", "MEDIAL_REMINDERS_WEBHOOK_SECRET_FILE", Kind::Path, None,
        "A file with the secret that signs them (HMAC-SHA-256 in the header Medial-Signature); 32 bytes or more, a line end after it does not count.";
    rare "reminders.smtp_host", "reminders-smtp-host", "MEDIAL_REMINDERS_SMTP_HOST", Kind::Text, None,
        "The server that takes e-mail.";
    rare "reminders.smtp_port", "reminders-smtp-port", "MEDIAL_REMINDERS_SMTP_PORT", Kind::Number { least: 1, most: 65_535 }, Some("587"),
        "Its port.";
    rare "reminders.smtp_security", "reminders-smtp-security", "MEDIAL_REMINDERS_SMTP_SECURITY", Kind::Choice(&["starttls", "tls", "none"]), Some("starttls"),
        "How the connection is secured: after a first greeting, from the start, or not at all, which is for a server on this machine only.";
    rare "reminders.smtp_user", "reminders-smtp-user", "MEDIAL_REMINDERS_SMTP_USER", Kind::Text, None,
        "The user to sign in as; without one nobody is signed in.";
    rare "reminders.smtp_password_file", "reminders-smtp-password-file", "MEDIAL_REMINDERS_SMTP_PASSWORD_FILE", Kind::Path, None,
        "A file with their password; a line end after it does not count.";
    rare "reminders.smtp_authority_file", "reminders-smtp-authority-file", "MEDIAL_REMINDERS_SMTP_AUTHORITY_FILE", Kind::Path, None,
        "Certificates in PEM of authorities that vouch for the server, beside the public ones: for a clinic with an authority of its own.";
    rare "reminders.from", "reminders-from", "MEDIAL_REMINDERS_FROM", Kind::MailAddress, None,
        "The sender of reminders by e-mail, as clinic@example.org.";
    rare "cds.origins", "cds-origins", "MEDIAL_CDS_ORIGINS", Kind::List(&[]), None,
        "Origins, as https://sandbox.example.org, whose pages may call the services of CDS Hooks from a browser. Default: none; record systems that call from a server need none.";
    rare "subscriptions.allow_private_addresses", "subscriptions-allow-private-addresses", "MEDIAL_SUBSCRIPTIONS_ALLOW_PRIVATE_ADDRESSES", Kind::Flag, Some("false"),
        "Tell other systems of what happens also at addresses that are not of the public internet, as 10.0.0.7 or localhost, and without TLS. Whoever may subscribe can then send requests into the network that this service stands in.";
    often "log.filter", "log-filter", "MEDIAL_LOG_FILTER", Kind::LogFilter, Some("info,actix_server=warn"),
        "What is logged to standard error: error, warn, info, debug or trace, also by module as in warn,medial=info.";
    often "log.format", "log-format", "MEDIAL_LOG_FORMAT", Kind::Choice(&["text", "json"]), Some("text"),
        "How it is logged.";
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flag_and_variable_follow_from_the_name() {
        for setting in SETTINGS {
            let flag = setting.name.replace(['.', '_'], "-");
            let variable = format!("MEDIAL_{}", setting.name.replace('.', "_").to_uppercase());
            assert_eq!(setting.variable, variable);
            let is_secret = matches!(setting.kind, Kind::Secret);
            assert_eq!(setting.flag, (!is_secret).then_some(flag.as_str()));
            assert!(setting.help.ends_with('.'), "{}", setting.name);
        }
    }

    #[test]
    fn every_default_is_a_value_that_is_accepted() {
        for setting in SETTINGS {
            if let Some(default) = setting.default {
                assert!(setting.kind.read(default).is_ok(), "{}", setting.name);
            }
        }
    }
}
