use super::*;
use crate::auth::JwksLocation;
use crate::db::Synchronous;
use clap::Parser;
use std::time::Duration;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

/// A file that is removed with the test.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> File {
        let name = format!("medial-configuration-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, private).unwrap();
        File(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn arguments(file: &File, flags: &[&str]) -> ConfigurationArgs {
    let config = ["medial", "--config", file.0.to_str().unwrap()];
    let line = config.iter().chain(flags);
    Line::try_parse_from(line).unwrap().configuration
}

fn problems(file: &File, flags: &[&str]) -> Vec<String> {
    let (_, problems) = arguments(file, flags).read();
    let place = file.0.display().to_string();
    problems
        .iter()
        .map(|problem| problem.to_string().replace(&place, "FILE"))
        .collect()
}

#[test]
fn defaults_are_those_of_what_is_configured() {
    let file = File::new("defaults", "");
    let (found, problems) = arguments(&file, &[]).read();
    assert_eq!(problems, []);
    let usual = HttpSettings::new(crate::http::CursorKey::new(b""));
    let shown = |settings: &HttpSettings| format!("{settings:?}");
    assert_eq!(shown(&found.http), shown(&usual));
    let usual = DatabaseSettings::new("sqlite://medial.sqlite");
    assert_eq!(format!("{:?}", found.database), format!("{usual:?}"));
    assert_eq!(
        found.tokens.leeway_seconds,
        auth::Settings::DEFAULT_LEEWAY_SECONDS
    );
    assert_eq!(found.app.time_zone, chrono_tz::UTC);
    assert_eq!(found.app.active_profiles, None);
    assert!(found.app.pseudonym_key.len() >= 32);
    assert_eq!(found.app.diary.public_url, "http://127.0.0.1:8080");
    assert!(found.app.diary.reminders.is_none());
    assert_eq!(found.warnings.len(), 3, "{:?}", found.warnings);
}

#[test]
fn reminders_need_what_their_kind_sends_with() {
    let needed = |name: &str| {
        format!("default: reminders.{name}: reminders.kind needs it, and it is not configured")
    };
    let webhook = File::new("webhook", "[reminders]\nkind = \"webhook\"\n");
    let expected = ["webhook_url", "webhook_secret_file"].map(needed);
    assert_eq!(problems(&webhook, &[]), expected);
    let email = File::new("email", "[reminders]\nkind = \"email\"\n");
    assert_eq!(problems(&email, &[]), ["smtp_host", "from"].map(needed));
    let halves = "[reminders]\nkind = \"email\"\nsmtp_host = \"mail\"\nfrom = \"a@b.org\"\nsmtp_user = \"u\"\n";
    let halves = problems(&File::new("halves", halves), &[]);
    assert!(
        halves.iter().any(|one| one.contains("belong together")),
        "{halves:?}"
    );
    let authority = File::new("authority", "no certificate");
    let by_mail = format!(
        "[reminders]\nkind = \"email\"\nsmtp_host = \"mail.example.org\"\nfrom = \"a@b.org\"\nsmtp_security = \"none\"\nsmtp_authority_file = \"{}\"\n",
        authority.0.display()
    );
    let by_mail = File::new("by-mail", &by_mail);
    let told = self::problems(&by_mail, &[]);
    assert!(
        told.len() == 1 && told[0].contains("holds no certificate"),
        "{told:?}"
    );
    let pem = include_str!("../../../tests/fixtures/keys/mail-authority.pem");
    std::fs::write(&authority.0, pem).unwrap();
    let (found, none) = arguments(&by_mail, &[]).read();
    assert_eq!(none, []);
    let warned = found.warnings.iter();
    assert!(
        warned.clone().any(|one| one.contains("unencrypted")),
        "{:?}",
        found.warnings
    );
    let secret = File::new("secret", "a secret of the webhook of 32 bytes\n");
    let whole = format!(
        "[http]\npublic_url = \"https://medial.example.org/\"\n[diary]\nlink_secret = \"llllllllllllllllllllllllllllllll\"\n\
         [reminders]\nkind = \"webhook\"\nwebhook_url = \"https://example.org/hook\"\nwebhook_secret_file = \"{}\"\n",
        secret.0.display()
    );
    let whole = File::new("whole", &whole);
    let (found, problems) = arguments(&whole, &[]).read();
    assert_eq!(problems, []);
    let diary = found.app.diary;
    assert_eq!(diary.public_url, "https://medial.example.org");
    assert_eq!(format!("{:?}", diary.reminders), "Some(Delivery(webhook))");
    let link = uuid::Uuid::nil();
    let key = crate::auth::DiaryKey::new(b"llllllllllllllllllllllllllllllll");
    assert_eq!(diary.key.token(link), key.token(link));
}

#[test]
fn every_setting_of_the_file_arrives() {
    let file = File::new(
        "all",
        r#"
        [database]
        url = "postgres://me@host/x"
        migrate = true
        connections = 12
        connection_wait = "1s"
        statement_timeout = "2s"
        busy_wait = "3s"
        synchronous = "normal"
        [http]
        bind = "[::1]:9000"
        workers = 3
        permits = 4
        queue = 0
        patience = "500ms"
        streams = 7
        deadline = "4s"
        stall = "5s"
        body_limit = "64KiB"
        keep_alive = "6s"
        head_timeout = "7s"
        grace = "8s"
        retry_after = 9
        cursor_secret = "cccccccccccccccccccccccccccccccc"
        [tokens]
        issuer = "i"
        audience = "a"
        secret = "ssssssssssssssssssssssssssssssss"
        jwks = "keys.json"
        algorithms = ["ES256", "HS256"]
        leeway = "0s"
        [judging]
        time_zone = "America/Chicago"
        active_profiles = []
        profiles_directory = "more"
        [exports]
        directory = "out"
        pseudonym_secret = "pppppppppppppppppppppppppppppppp"
        [log]
        filter = "warn,medial=debug"
        format = "json"
        "#,
    );
    let (found, problems) = arguments(&file, &[]).read();
    assert_eq!(problems, []);
    assert_eq!(found.warnings, Vec::<String>::new());
    assert_eq!(found.database.url, "postgres://me@host/x");
    assert_eq!(found.database.connections, 12);
    assert_eq!(found.database.statement_timeout, Duration::from_secs(2));
    assert_eq!(found.database.synchronous, Synchronous::Normal);
    assert!(found.migrate);
    assert_eq!(found.http.bind.to_string(), "[::1]:9000");
    assert_eq!(
        (found.http.workers, found.http.permits, found.http.queue),
        (3, 4, 0)
    );
    assert_eq!(
        (
            found.http.streams,
            found.http.body_limit,
            found.http.retry_after
        ),
        (7, 65_536, 9)
    );
    assert_eq!(found.http.patience, Duration::from_millis(500));
    assert_eq!(
        (found.tokens.issuer.as_str(), found.tokens.leeway_seconds),
        ("i", 0)
    );
    assert_eq!(
        found.tokens.jwks,
        Some(JwksLocation::File("keys.json".into()))
    );
    assert_eq!(found.tokens.algorithms.as_ref().map(Vec::len), Some(2));
    assert_eq!(found.app.time_zone, chrono_tz::America::Chicago);
    assert_eq!(found.app.active_profiles, Some(Vec::new()));
    assert_eq!(found.profiles_directory, Some("more".into()));
    assert_eq!(found.app.export_directory, PathBuf::from("out"));
    assert_eq!(found.app.pseudonym_key, b"pppppppppppppppppppppppppppppppp");
    assert_eq!(
        (found.log.filter.as_str(), found.log.json),
        ("warn,medial=debug", true)
    );
}

#[test]
fn everything_wrong_is_told_at_once_with_its_line_and_without_its_value() {
    let file = File::new(
        "wrong",
        "[database]\nurl = \"mysql://hidden-value\"\nconnections = \"8\"\nsynchronous = \"off\"\n\n[htp]\nbind = 1\n[http]\nbnid = \"x\"\ndeadline = 30\nworkers = 0\n[tokens]\nsecret = \"hidden-value\"\nalgorithms = [\"none\"]\n",
    );
    let found = problems(&file, &["--http-queue", "many", "--log-format=xml"]);
    let begins = [
        "FILE:2: database.url: the database URL is not understood",
        "FILE:3: database.connections: expected a whole number from 1 to 1000, written as a number without quotes",
        "FILE:4: database.synchronous: expected full or normal",
        "FILE:6: there is no section `htp`; known are database, http, tokens, sign_in, smart, judging, exports, diary, reminders, cds, subscriptions, log",
        "FILE:9: there is no key `bnid` in [http]; known are bind, public_url,",
        "FILE:10: http.deadline: expected a time such as 500ms, 30s, 5m or 1h, at most 86400s, written in quotes",
        "FILE:11: http.workers: expected a whole number from 1 to 256",
        "FILE:13: tokens.secret: the secret has 12 bytes and needs 32 or more",
        "FILE:14: tokens.algorithms: expected any of HS256, RS256, ES256, EdDSA",
        "--http-queue: http.queue: expected a whole number",
        "--log-format: log.format: expected text or json",
    ];
    assert_eq!(found.len(), begins.len(), "{found:#?}");
    for (found, begin) in found.iter().zip(begins) {
        assert!(
            found.starts_with(begin),
            "{found}\nshould begin with\n{begin}"
        );
        assert!(!found.contains("hidden-value"), "{found}");
    }
}

#[test]
fn clients_of_decision_support_are_read_with_their_keys() {
    let keys = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/keys/jwks-client.json"
    );
    let text = format!(
        "[[cds.client]]\nissuer = \"https://ehr.example.org\"\norganization = \"north\"\njwks_file = \"{keys}\"\n\
         fhir_servers = [\"https://ehr.example.org/r4/\"]\n[[cds.client]]\nissuer = \"https://other.example.org\"\n\
         organization = \"south\"\ntenant = \"t-1\"\njwks_url = \"https://other.example.org/keys\"\n"
    );
    let file = File::new("clients", &text);
    let (found, problems) = arguments(&file, &[]).read();
    assert_eq!(problems, []);
    assert_eq!(found.app.callers.organizations(), ["north", "south"]);
}

#[test]
fn what_is_wrong_with_a_client_is_told_by_line() {
    let file = File::new(
        "clients_wrong",
        "[cds]\norigins = [\"*\"]\n[[cds.client]]\nissuer = 7\njwks = \"{}\"\njwks_url = \"x\"\nsecret = \"hidden-value\"\n\
         [[cds.client]]\nissuer = \"https://ehr.example.org\"\norganization = \"north\"\njwks = \"{}\"\n",
    );
    let found = problems(&file, &[]);
    let begins = [
        "FILE:2: cds.origins: “*” is no origin",
        "FILE:3: cds.client: needs organization",
        "FILE:3: cds.client: needs one of jwks_url, jwks_file and jwks",
        "FILE:4: cds.client: issuer: expected a text in quotes",
        "FILE:7: cds.client: there is no key `secret`; known are issuer, organization,",
        "FILE:8: cds.client: the key set cannot be used",
    ];
    assert_eq!(found.len(), begins.len(), "{found:#?}");
    for (found, begin) in found.iter().zip(begins) {
        assert!(
            found.starts_with(begin),
            "{found}\nshould begin with\n{begin}"
        );
        assert!(!found.contains("hidden-value"), "{found}");
    }
}

#[test]
fn what_is_no_toml_is_told_by_line() {
    let file = File::new("syntax", "[http]\nbind = \n[log\n");
    let found = problems(&file, &[]);
    assert!(
        found.iter().any(|one| one.starts_with("FILE:2: ")),
        "{found:?}"
    );
    assert!(
        found.iter().any(|one| one.starts_with("FILE:3: ")),
        "{found:?}"
    );
}

#[test]
fn a_file_that_is_not_there_is_a_problem_when_it_was_named() {
    let line = ["medial", "--config", "/no/such/medial.toml"];
    let arguments = Line::try_parse_from(line).unwrap().configuration;
    let failure = arguments.load().unwrap_err().to_string();
    assert!(
        failure.contains("/no/such/medial.toml: cannot be read"),
        "{failure}"
    );
}

#[test]
fn a_flag_is_stronger_than_the_file_and_a_default_of_a_command_weaker() {
    let file = File::new("order", "[http]\nbind = \"127.0.0.1:1111\"\n");
    let mut arguments = arguments(&file, &["--log-format", "json"]);
    arguments.set_default("http.bind", "127.0.0.1:2222");
    arguments.set_default("database.url", "sqlite://other.sqlite");
    arguments.set_default("log.format", "text");
    let found = arguments.load().unwrap();
    assert_eq!(found.http.bind.port(), 1111);
    assert_eq!(found.database.url, "sqlite://other.sqlite");
    assert!(found.log.json);
}

#[test]
fn what_does_not_go_together_is_refused() {
    let file = File::new(
        "together",
        "[database]\nconnections = 4\n[http]\nstreams = 4\n[tokens]\nalgorithms = [\"RS256\"]\n",
    );
    let found = problems(&file, &[]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("FILE:4: http.streams: "), "{found:?}");
    assert!(
        found[1].starts_with("FILE:6: tokens.algorithms: RS256 is listed"),
        "{found:?}"
    );
}

#[test]
fn the_secret_of_the_stronger_place_is_taken() {
    let secret = File::new("secret", "from the file, thirty-two bytes and more\n");
    let path = secret.0.display();
    let file = File::new(
        "both",
        &format!(
            "[tokens]\nsecret = \"{}\"\nsecret_file = \"{path}\"\n",
            "t".repeat(32)
        ),
    );
    let found = problems(&file, &[]);
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("keep one of the two"), "{found:?}");

    let file = File::new(
        "one",
        &format!("[tokens]\nsecret = \"{}\"\n", "t".repeat(32)),
    );
    let from_text = arguments(&file, &[]).load().unwrap();
    let from_file = arguments(&file, &["--tokens-secret-file", &path.to_string()])
        .load()
        .unwrap();
    assert_ne!(from_text.app.pseudonym_key, from_file.app.pseudonym_key);
    let again = arguments(&file, &[]).load().unwrap();
    assert_eq!(from_text.app.pseudonym_key, again.app.pseudonym_key);
    assert_ne!(from_text.app.pseudonym_key, "t".repeat(32).into_bytes());
}

#[test]
fn a_profile_of_the_directory_replaces_an_older_one_only() {
    let directory = std::env::temp_dir().join(format!("medial-profiles-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let text = include_str!("../../../profiles/sis-dual-100.toml");
    let file = File::new("profiles", "");
    let mut arguments = arguments(&file, &["--judging-active-profiles", "sis-dual-100"]);
    arguments.set_default("judging.profiles_directory", directory.to_str().unwrap());
    let configuration = arguments.load().unwrap();
    let read = || configuration.profiles_or_problems();

    std::fs::write(directory.join("a.toml"), text).unwrap();
    let same = read().unwrap_err();
    std::fs::write(
        directory.join("a.toml"),
        text.replacen("version = 1", "version = 7", 1),
    )
    .unwrap();
    let newer = read().unwrap();
    std::fs::write(directory.join("a.toml"), "id = 1\n").unwrap();
    let wrong = read().unwrap_err();
    std::fs::remove_dir_all(&directory).unwrap();

    assert!(
        same[0].contains("sis-dual-100 is there already in version 1"),
        "{same:?}"
    );
    let found: Vec<_> = newer
        .iter()
        .filter(|one| one.id == "sis-dual-100")
        .map(|one| one.version)
        .collect();
    assert_eq!(found, [7]);
    assert!(wrong[0].contains("a.toml:1: "), "{wrong:?}");
}

#[test]
fn an_active_profile_that_nobody_knows_is_refused() {
    let file = File::new("active", "[judging]\nactive_profiles = [\"no-such\"]\n");
    let failure = arguments(&file, &[])
        .load()
        .unwrap()
        .profiles()
        .unwrap_err();
    assert!(
        failure.to_string().contains("there is no profile no-such"),
        "{failure}"
    );
}

#[test]
fn a_secret_that_everybody_can_read_is_warned_of() {
    let text = format!("[tokens]\nsecret = \"{}\"\n", "t".repeat(32));
    let file = File::new("open", &text);
    let warnings = || arguments(&file, &[]).load().unwrap().warnings;
    assert_eq!(warnings(), Vec::<String>::new());
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&file.0, open).unwrap();
    let found = warnings();
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("chmod 600"), "{found:?}");
}
