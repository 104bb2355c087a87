//! Reminders of diaries, by a webhook or by e-mail. Nothing about a patient goes out but the link and its time, and
//! neither the link nor an address goes to the log.

use super::Stop;
use crate::app::diary::{Delivery, MailSecurity, MailServer, Reminder, filled, words};
use crate::app::{App, Error, Result};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport};
use serde_json::json;
use sha2::Sha256;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends the reminders that are due; how many were sent. One that cannot be sent is tried again a little later, and does
/// not keep the others from being sent.
///
/// # Errors
/// Those of the database.
pub fn run(app: &Arc<App>, stop: &Stop) -> Result<usize> {
    send_due(app, &|| !stop.is_asked())
}

/// As [`run`], as long as `go_on` says so before each.
///
/// # Errors
/// Those of the database.
pub fn send_due(app: &Arc<App>, go_on: &dyn Fn() -> bool) -> Result<usize> {
    app.forget_reminder_addresses()?;
    let Some(delivery) = app.settings.diary.reminders.clone() else {
        return Ok(0);
    };
    let mut sent = 0;
    for reminder in app.take_reminders()? {
        let outcome = if go_on() {
            send(&delivery, &reminder, app.seam.now())
        } else {
            Err("told to stop".to_owned())
        };
        match outcome {
            Ok(()) => sent += 1,
            Err(why) => {
                let again = app.put_back_reminder(&reminder)?;
                tracing::warn!(link = %reminder.link, why, again, "a reminder could not be sent");
            }
        }
    }
    Ok(sent)
}

/// Sends one reminder; what went wrong, without an address in it.
fn send(
    delivery: &Delivery,
    reminder: &Reminder,
    now: DateTime<Utc>,
) -> std::result::Result<(), String> {
    if delivery.by() != reminder.by {
        return Err("the link asks for another way than the configured one".to_owned());
    }
    match delivery {
        Delivery::Webhook { url, secret } => post(url, secret, reminder, now),
        Delivery::Email(server) => mail(server, reminder),
    }
}

fn post(
    url: &str,
    secret: &[u8],
    reminder: &Reminder,
    now: DateTime<Utc>,
) -> std::result::Result<(), String> {
    let body = json!({
        "type": "diary_reminder",
        "id": reminder.name(),
        "link_id": reminder.link,
        "url": reminder.url,
        "due_at": reminder.due_at,
        "language": reminder.language.code(),
    })
    .to_string();
    let seconds = now.timestamp();
    let signature = signature(secret, seconds, &body);
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .max_redirects(0)
        .http_status_as_error(false)
        .build()
        .into();
    let asked = agent
        .post(url)
        .header("content-type", "application/json")
        .header("medial-signature", format!("t={seconds},v1={signature}"))
        .send(body.as_str());
    match asked {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => Err(format!(
            "the webhook answered {}",
            response.status().as_u16()
        )),
        Err(ureq::Error::Timeout(_)) => Err("the webhook took too long".to_owned()),
        Err(_) => Err("the webhook could not be reached".to_owned()),
    }
}

/// HMAC-SHA-256 of the time, a point and the body, in hexadecimal digits.
fn signature(secret: &[u8], seconds: i64, body: &str) -> String {
    // The code takes keys of every length, so the other branch is never taken.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret)
        .unwrap_or_else(|_| Hmac::<Sha256>::new(&Default::default()));
    mac.update(format!("{seconds}.{body}").as_bytes());
    let digest = mac.finalize().into_bytes();
    digest.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn mail(server: &MailServer, reminder: &Reminder) -> std::result::Result<(), String> {
    let to = reminder
        .to
        .as_deref()
        .ok_or_else(|| "the address was forgotten".to_owned())?;
    let message = message(server, reminder, to).map_err(|error| error.to_string())?;
    let transport =
        transport(server).map_err(|_| "TLS with the mail server cannot be set up".to_owned())?;
    // What a mail server says may repeat the address.
    transport
        .send(&message)
        .map(drop)
        .map_err(|error| match error.status() {
            Some(code) => format!("the mail server answered {code}"),
            None if error.is_timeout() => "the mail server took too long".to_owned(),
            None => "the mail server could not be reached, or not safely".to_owned(),
        })
}

fn message(server: &MailServer, reminder: &Reminder, to: &str) -> Result<Message> {
    let mailbox = |address: &str| -> Result<Mailbox> {
        address
            .parse()
            .map_err(|_| Error::internal("an address of a reminder is not one"))
    };
    let words = &words(reminder.language).mail;
    Message::builder()
        .from(mailbox(&server.from)?)
        .to(mailbox(to)?)
        .subject(words.subject.clone())
        .header(ContentType::TEXT_PLAIN)
        .body(filled(&words.body, "url", &reminder.url))
        .map_err(|error| Error::Internal(error.into()))
}

type Smtp<T> = std::result::Result<T, lettre::transport::smtp::Error>;

fn transport(server: &MailServer) -> Smtp<SmtpTransport> {
    let security = match server.security {
        MailSecurity::StartTls => Tls::Required(tls(server)?),
        MailSecurity::Tls => Tls::Wrapper(tls(server)?),
        MailSecurity::None => Tls::None,
    };
    let builder = SmtpTransport::builder_dangerous(&server.host).tls(security);
    let credentials = server.user.clone().zip(server.password.clone());
    let builder = match credentials {
        Some((user, password)) => builder.credentials(Credentials::new(user, password)),
        None => builder,
    };
    Ok(builder.port(server.port).timeout(Some(PATIENCE)).build())
}

fn tls(server: &MailServer) -> Smtp<TlsParameters> {
    let builder = TlsParameters::builder(server.host.clone());
    match &server.authorities {
        Some(pem) => builder
            .add_root_certificate(Certificate::from_pem(pem)?)
            .build(),
        None => builder.build(),
    }
}

/// Whether mail can be sent to this server as it is configured, without asking it.
///
/// # Errors
/// Where the certificates of its authorities are none.
pub fn check(server: &MailServer) -> std::result::Result<(), &'static str> {
    let pem = server.authorities.as_deref();
    let begins = b"-----BEGIN CERTIFICATE-----";
    let holds_one = |pem: &[u8]| pem.windows(begins.len()).any(|part| part == begins);
    if pem.is_some_and(|pem| !holds_one(pem)) || tls(server).is_err() {
        return Err("it holds no certificate in PEM, or one that cannot be read");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_one_that_others_can_check() {
        // printf '0.what do ya want for nothing?' | openssl dgst -sha256 -hmac Jefe
        let expected = "37f471929915ccd2cbbe79feb84ffcff4f2bb25e15fc41c2506687331ae179cc";
        let found = signature(b"Jefe", 0, "what do ya want for nothing?");
        assert_eq!(found, expected);
    }
}
