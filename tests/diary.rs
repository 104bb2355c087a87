//! Reminders of diaries, sent to a server of the test by a webhook and by e-mail, on SQLite and on PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests: what does not work fails the test"
)]

mod support;

use medial::app::blocks::{self, Belongs};
use medial::app::core::AppSettings;
use medial::app::diary::{
    self, Answer, Delivery, DiarySettings, MailSecurity, MailServer, NewEntry, NewLink,
    NewReminders, RemindBy,
};
use medial::app::{App, profiles};
use medial::auth::{DiaryKey, Principal, Role};
use medial::domain::anatomy::{Joint, Side, TreatedSide};
use medial::domain::block::{Block, BlockKind, BlockTechnique};
use medial::domain::diary::Language;
use medial::domain::pain::{Scale, Score};
use medial::jobs::reminders::send_due;
use medial::seam::Fixed;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use support::databases::{TestDatabase, on_each_database};
use uuid::Uuid;

/// What a server of the test was sent, and what it answers next.
struct Server {
    port: u16,
    received: Receiver<String>,
    fails: Arc<Mutex<usize>>,
}

impl Server {
    /// Takes web requests: head and body as one text.
    fn web() -> Server {
        Server::start(|stream, fails| {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut text = String::new();
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                text.push_str(&line);
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            text.push_str(std::str::from_utf8(&body).unwrap());
            let status = if fails { "500 Broken" } else { "204 Done" };
            write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
            .unwrap();
            text
        })
    }

    /// Takes e-mail: the whole conversation of the client as one text.
    fn mail() -> Server {
        Server::start(|stream, fails| converse(stream, fails, None))
    }

    /// Takes e-mail by TLS from the start.
    fn mail_by_tls() -> Server {
        let tls = tls();
        Server::start(move |stream, fails| match encrypted(&tls, stream) {
            Ok(mut stream) => converse(&mut stream, fails, None),
            Err(error) => format!("no TLS: {error}"),
        })
    }

    /// Takes e-mail by TLS after a greeting, which it offers.
    fn mail_by_starttls() -> Server {
        let tls = tls();
        Server::start(move |stream, fails| {
            let greeted = converse(stream, fails, Some("STARTTLS"));
            assert!(greeted.ends_with("STARTTLS\r\n"), "{greeted}");
            match encrypted(&tls, stream) {
                Ok(mut stream) => format!("{greeted}{}", talk(&mut stream, fails, None)),
                Err(error) => format!("{greeted}no TLS: {error}"),
            }
        })
    }

    fn start(serve: impl Fn(&mut std::net::TcpStream, bool) -> String + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, received) = mpsc::channel();
        let fails = Arc::new(Mutex::new(0_usize));
        let left = Arc::clone(&fails);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let failing = {
                    let mut left = left.lock().unwrap();
                    let failing = *left > 0;
                    *left = left.saturating_sub(1);
                    failing
                };
                let text = serve(&mut stream.unwrap(), failing);
                if sender.send(text).is_err() {
                    return;
                }
            }
        });
        Server {
            port,
            received,
            fails,
        }
    }

    fn taken(&self) -> Vec<String> {
        // What was answered is in the channel by a moment after.
        std::thread::sleep(std::time::Duration::from_millis(50));
        self.received.try_iter().collect()
    }
}

/// Greets, and talks with a client.
fn converse(stream: &mut (impl Read + Write), fails: bool, offers: Option<&str>) -> String {
    stream.write_all(b"220 mail.test ESMTP\r\n").unwrap();
    talk(stream, fails, offers)
}

/// Takes mail until the client has said goodbye, or what is offered to it; everything that it said.
fn talk(stream: &mut (impl Read + Write), fails: bool, offers: Option<&str>) -> String {
    let mut text = String::new();
    let mut in_message = false;
    loop {
        let line = line_of(stream);
        if line.is_empty() {
            return text;
        }
        text.push_str(&line);
        let answer = match line.trim_end() {
            "." if in_message => {
                in_message = false;
                if fails { "451 later" } else { "250 taken" }
            }
            _ if in_message => continue,
            "DATA" => {
                in_message = true;
                "354 go on"
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").unwrap();
                return text;
            }
            said if said.starts_with("EHLO") && offers.is_some() => "250-fine\r\n250 STARTTLS",
            said if said.starts_with("EHLO") => "250-fine\r\n250 AUTH PLAIN",
            said if offers == Some(said) => {
                stream.write_all(b"220 go on\r\n").unwrap();
                return text;
            }
            said if said.starts_with("AUTH") => "235 welcome",
            _ => "250 fine",
        };
        let answer = format!("{answer}\r\n");
        if stream.write_all(answer.as_bytes()).is_err() {
            return text;
        }
    }
}

/// The next line, read byte by byte so that nothing behind it is lost; empty at the end.
fn line_of(stream: &mut impl Read) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while matches!(stream.read(&mut byte), Ok(1)) {
        line.push(byte[0]);
        if byte[0] == b'\n' {
            break;
        }
    }
    String::from_utf8_lossy(&line).into_owned()
}

const AUTHORITY: &[u8] = include_bytes!("fixtures/keys/mail-authority.pem");

/// A server for which [`AUTHORITY`] vouches, as 127.0.0.1.
fn tls() -> Arc<rustls::ServerConfig> {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let certificate =
        CertificateDer::from_pem_slice(include_bytes!("fixtures/keys/mail-server.pem")).unwrap();
    let key =
        PrivateKeyDer::from_pem_slice(include_bytes!("fixtures/keys/mail-server-key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    Arc::new(config)
}

type Encrypted<'s> = rustls::StreamOwned<rustls::ServerConnection, &'s mut std::net::TcpStream>;

fn encrypted<'s>(
    tls: &Arc<rustls::ServerConfig>,
    mut stream: &'s mut std::net::TcpStream,
) -> std::io::Result<Encrypted<'s>> {
    let mut connection = rustls::ServerConnection::new(Arc::clone(tls)).unwrap();
    connection.complete_io(&mut stream)?;
    Ok(rustls::StreamOwned::new(connection, stream))
}

struct Clinic {
    app: Arc<App>,
    clock: Arc<Fixed>,
    block: Uuid,
}

fn clinician() -> Principal {
    Principal {
        organization: "north".to_owned(),
        subject: "c".to_owned(),
        role: Role::Clinician,
        scopes: None,
    }
}

impl Clinic {
    /// A clinic with a block at ten o'clock.
    fn new(test: &TestDatabase, reminders: Option<Delivery>) -> Clinic {
        Clinic::with_block_at(test, reminders, "2026-03-02T10:00:00-06:00")
    }

    fn with_block_at(
        test: &TestDatabase,
        reminders: Option<Delivery>,
        performed_at: &str,
    ) -> Clinic {
        let performed_at: chrono::DateTime<chrono::FixedOffset> = performed_at.parse().unwrap();
        let clock = Fixed::at(performed_at.to_utc() + chrono::TimeDelta::minutes(1));
        let mut diary =
            DiarySettings::new(DiaryKey::new(b"a key for links"), "https://medial.test");
        diary.reminders = reminders;
        let settings = AppSettings {
            callers: std::sync::Arc::default(),
            subscriptions: medial::app::subscriptions::SubscriptionSettings::default(),
            time_zone: chrono_tz::UTC,
            active_profiles: None,
            export_directory: std::env::temp_dir(),
            pseudonym_key: b"a key that only these tests know".to_vec(),
            sign_in: medial::app::people::SignInSettings::default(),
            diary,
            smart: medial::app::clients::SmartSettings::new(
                b"a secret that only these tests know of",
            ),
        };
        let app = App::new(
            test.database.clone(),
            clock.clone(),
            settings,
            profiles::built_in().unwrap(),
        );
        let block = Block {
            performed_at,
            kind: BlockKind::Diagnostic,
            technique: BlockTechnique::MedialBranch,
            joints: vec![Joint::from_code("L4-5").unwrap()],
            side: TreatedSide::Left,
            agent: None,
            concentration_thousandths: None,
            volume_microlitres_per_nerve: None,
            steroid: None,
            guidance: None,
            sedation: None,
            stated_relief: None,
            stated_relief_minutes: None,
            duration_minutes: None,
            operator: None,
            site: None,
            corrected_nerves: None,
            same_day_return: None,
        };
        let patient = medial::domain::patient::Patient {
            identifiers: Vec::new(),
            family_name: Some("Synthetic".to_owned()),
            given_name: None,
            birth_date: None,
            sex: None,
        };
        let recorded = app.write(&clinician(), move |unit| {
            let episode = {
                let body = serde_json::json!({"region": "lumbar"});
                medial::wire::parse::<medial::wire::episode::EpisodeBody>(body)
                    .unwrap()
                    .into_domain()
            };
            let belongs = Belongs::Inline(Box::new(patient.clone()), Box::new(episode));
            blocks::record(unit, &belongs, &block, &[])
        });
        Clinic {
            app,
            clock,
            block: recorded.unwrap().block.id,
        }
    }

    /// Moves the clock and sends what is due; how many were sent.
    fn at(&self, time: &str) -> usize {
        self.clock.set(
            time.parse::<chrono::DateTime<chrono::FixedOffset>>()
                .unwrap()
                .to_utc(),
        );
        send_due(&self.app, &|| true).unwrap()
    }

    fn link(&self, by: RemindBy, to: Option<&str>) -> diary::ListedLink {
        let (block, to) = (self.block, to.map(str::to_owned));
        let wanted = NewLink {
            language: Some(Language::Spanish),
            reminders: Some(NewReminders { by, to }),
        };
        self.app
            .write(&clinician(), move |unit| diary::make(unit, block, &wanted))
            .unwrap()
    }

    fn answer(&self, link: &diary::ListedLink, time: &str) {
        let token = link.url.as_ref().unwrap().rsplit('/').next().unwrap();
        let time = time.parse().unwrap();
        let answer = Answer {
            taken_at: time,
            answered_at: time,
            sent_at: self.app.seam.now().fixed_offset(),
            score: Score::new(Scale::Nrs, 20).unwrap(),
            side: Some(Side::Left),
            stated_relief: None,
            analgesic_taken: false,
        };
        let entry = NewEntry {
            id: self.app.seam.new_id(),
            answer,
        };
        let outcome = diary::accept(&self.app, token, vec![entry])
            .unwrap()
            .unwrap();
        assert_eq!(outcome[0].refused, None);
    }
}

fn webhook(server: &Server) -> Option<Delivery> {
    Some(Delivery::Webhook {
        url: format!("http://127.0.0.1:{}/hook", server.port),
        secret: b"a secret of the webhook of at least 32 bytes".to_vec(),
    })
}

fn mail(server: &Server) -> Option<Delivery> {
    secured_mail(server, MailSecurity::None, None)
}

fn secured_mail(
    server: &Server,
    security: MailSecurity,
    authorities: Option<&[u8]>,
) -> Option<Delivery> {
    let signs_in = security != MailSecurity::None;
    Some(Delivery::Email(MailServer {
        host: "127.0.0.1".to_owned(),
        port: server.port,
        security,
        user: signs_in.then(|| "reminders".to_owned()),
        password: signs_in.then(|| "a password".to_owned()),
        authorities: authorities.map(<[u8]>::to_vec),
        from: "clinic@example.org".to_owned(),
    }))
}

/// Whether one reminder reached the server as mail, and all that the server heard.
fn mailed(
    test: &TestDatabase,
    server: &Server,
    security: MailSecurity,
    authorities: Option<&[u8]>,
) -> (bool, String) {
    let clinic = Clinic::new(test, secured_mail(server, security, authorities));
    clinic.link(RemindBy::Email, Some("someone@example.net"));
    let sent = clinic.at("2026-03-02T10:15:00-06:00");
    (sent == 1, server.taken().concat())
}

on_each_database! {
    fn each_time_is_told_to_the_webhook_once(test: &TestDatabase) {
        let server = Server::web();
        let clinic = Clinic::new(test, webhook(&server));
        let link = clinic.link(RemindBy::Webhook, None);
        assert_eq!(clinic.at("2026-03-02T10:14:59-06:00"), 0);
        assert_eq!(clinic.at("2026-03-02T10:15:00-06:00"), 1);
        assert_eq!(clinic.at("2026-03-02T10:15:20-06:00"), 0);
        let told = server.taken();
        assert_eq!(told.len(), 1);
        let (head, body) = told[0].split_once("\r\n\r\n").unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["url"].as_str(), link.url.as_deref());
        assert_eq!(body["due_at"], "2026-03-02T10:15:00-06:00");
        assert_eq!((&body["language"], &body["type"]), (&serde_json::json!("es"), &serde_json::json!("diary_reminder")));
        assert_eq!(body.as_object().unwrap().len(), 6, "nothing else is told: {body}");
        assert!(head.to_lowercase().contains("medial-signature: t=1772468100,v1="), "{head}");
        assert!(!told[0].contains("Synthetic"));
        assert_eq!(clinic.at("2026-03-02T10:30:00-06:00"), 1);
    }

    fn a_time_that_is_answered_or_over_is_left_out(test: &TestDatabase) {
        let server = Server::web();
        let clinic = Clinic::new(test, webhook(&server));
        let link = clinic.link(RemindBy::Webhook, None);
        clinic.at("2026-03-02T10:13:00-06:00");
        clinic.answer(&link, "2026-03-02T10:12:30-06:00");
        assert_eq!(clinic.at("2026-03-02T10:15:00-06:00"), 0);
        // The service was down: the times that are over are not told any more, the present one is.
        assert_eq!(clinic.at("2026-03-02T11:05:00-06:00"), 0);
        assert_eq!(clinic.at("2026-03-02T11:05:01-06:00"), 1);
        let told = server.taken();
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("2026-03-02T11:00:00-06:00"), "{}", told[0]);
    }

    fn a_failure_is_tried_again_a_few_times(test: &TestDatabase) {
        let server = Server::web();
        let clinic = Clinic::new(test, webhook(&server));
        clinic.link(RemindBy::Webhook, None);
        clinic.at("2026-03-02T11:50:00-06:00");
        let before = server.taken().len();
        *server.fails.lock().unwrap() = 2;
        assert_eq!(clinic.at("2026-03-02T12:00:00-06:00"), 0);
        assert_eq!(clinic.at("2026-03-02T12:01:00-06:00"), 0);
        assert_eq!(server.taken().len(), 1, "not before its time has come: {before}");
        assert_eq!(clinic.at("2026-03-02T12:02:00-06:00"), 0);
        assert_eq!(clinic.at("2026-03-02T12:06:00-06:00"), 1);
        assert_eq!(clinic.at("2026-03-02T12:20:00-06:00"), 0);
        assert_eq!(server.taken().len(), 2);
        *server.fails.lock().unwrap() = 99;
        for minute in 0..30 {
            clinic.at(&format!("2026-03-02T13:{minute:02}:00-06:00"));
        }
        assert_eq!(server.taken().len(), 3, "given up after the third time");
        *server.fails.lock().unwrap() = 0;
        assert_eq!(clinic.at("2026-03-02T14:00:00-06:00"), 1, "the next time is told again");
    }

    fn nobody_is_woken_at_night(test: &TestDatabase) {
        let server = Server::web();
        let clinic = Clinic::with_block_at(test, webhook(&server), "2026-03-02T22:30:00-06:00");
        clinic.link(RemindBy::Webhook, None);
        clinic.at("2026-03-03T10:00:00-06:00");
        server.taken();
        clinic.at("2026-03-03T10:00:01-06:00");
        server.taken();
        assert_eq!(clinic.at("2026-03-03T22:30:00-06:00"), 0);
        assert_eq!(clinic.at("2026-03-04T06:59:59-06:00"), 0);
        assert_eq!(clinic.at("2026-03-04T07:00:00-06:00"), 1);
    }

    fn a_revoked_link_reminds_nobody(test: &TestDatabase) {
        let server = Server::web();
        let clinic = Clinic::new(test, webhook(&server));
        let link = clinic.link(RemindBy::Webhook, None).link.id;
        clinic.app.write(&clinician(), move |unit| diary::revoke(unit, link)).unwrap();
        assert_eq!(clinic.at("2026-03-02T10:15:00-06:00"), 0);
        assert!(server.taken().is_empty());
    }

    fn an_e_mail_holds_the_link_and_no_name(test: &TestDatabase) {
        let server = Server::mail();
        let clinic = Clinic::new(test, mail(&server));
        let link = clinic.link(RemindBy::Email, Some("someone@example.net"));
        assert_eq!(clinic.at("2026-03-02T10:15:00-06:00"), 1);
        let told = server.taken();
        assert_eq!(told.len(), 1);
        // Long lines are broken for the way, at an equals sign.
        let text = told[0].replace("=\r\n", "");
        assert!(text.contains("RCPT TO:<someone@example.net>") && text.contains("MAIL FROM:<clinic@example.org>"));
        assert!(text.contains("Subject: Es hora de su diario de dolor"), "{text}");
        assert!(text.contains(link.url.as_ref().unwrap()), "{text}");
        assert!(!text.contains("Synthetic"));
        *server.fails.lock().unwrap() = 1;
        assert_eq!(clinic.at("2026-03-02T12:00:00-06:00"), 0);
        assert_eq!(clinic.at("2026-03-02T12:00:01-06:00"), 0);
        assert_eq!(clinic.at("2026-03-02T12:04:00-06:00"), 1);
    }

    fn an_e_mail_goes_encrypted_from_the_start(test: &TestDatabase) {
        let (sent, heard) = mailed(test, &Server::mail_by_tls(), MailSecurity::Tls, Some(AUTHORITY));
        assert!(sent && heard.contains("AUTH PLAIN") && heard.contains("RCPT TO:<someone@example.net>"), "{heard}");
    }

    fn an_e_mail_goes_encrypted_after_the_greeting(test: &TestDatabase) {
        let server = Server::mail_by_starttls();
        let (sent, heard) = mailed(test, &server, MailSecurity::StartTls, Some(AUTHORITY));
        let (before, after) = heard.split_once("STARTTLS\r\n").unwrap();
        assert!(sent && after.contains("AUTH PLAIN") && after.contains("RCPT TO:<someone@example.net>"), "{heard}");
        assert!(!before.contains("AUTH"), "{heard}");
    }

    fn an_e_mail_never_goes_to_a_server_that_nobody_vouches_for_or_that_offers_no_encryption(test: &TestDatabase) {
        for (server, security, authorities) in [
            (Server::mail_by_tls(), MailSecurity::Tls, None),
            (Server::mail_by_starttls(), MailSecurity::StartTls, None),
            (Server::mail(), MailSecurity::StartTls, Some(AUTHORITY)),
            (Server::mail(), MailSecurity::Tls, Some(AUTHORITY)),
        ] {
            let (sent, heard) = mailed(test, &server, security, authorities);
            assert!(!sent, "{security:?}: {heard}");
            assert!(!heard.contains("AUTH") && !heard.contains("someone@example.net"), "{heard}");
        }
    }

    fn an_address_is_forgotten_with_its_link(test: &TestDatabase) {
        let server = Server::mail();
        let clinic = Clinic::new(test, mail(&server));
        let revoked = clinic.link(RemindBy::Email, Some("one@example.net")).link.id;
        clinic.link(RemindBy::Email, Some("two@example.net"));
        let addresses = || test.raw().lines("SELECT remind_to AS line FROM diary_links WHERE remind_to IS NOT NULL");
        clinic.app.write(&clinician(), move |unit| diary::revoke(unit, revoked)).unwrap();
        assert_eq!(addresses(), ["two@example.net"]);
        clinic.at("2026-03-17T10:02:00-06:00");
        assert_eq!(addresses(), Vec::<String>::new());
    }

    fn without_the_setting_nothing_is_sent_and_none_can_be_asked_for(test: &TestDatabase) {
        let server = Server::web();
        let clinic = Clinic::new(test, webhook(&server));
        clinic.link(RemindBy::Webhook, None);
        let silent = Clinic::with_block_at(test, None, "2026-03-02T09:59:00-06:00");
        assert_eq!(silent.at("2026-03-02T10:15:00-06:00"), 0);
        assert!(server.taken().is_empty());
        let block = silent.block;
        let wanted = NewLink { language: None, reminders: Some(NewReminders { by: RemindBy::Webhook, to: None }) };
        let refused = silent.app.write(&clinician(), move |unit| diary::make(unit, block, &wanted));
        assert!(matches!(refused, Err(medial::app::Error::Invalid(_))));
    }
}
