//! Patients' diaries, and how they are reminded of them.

use super::Builder;
use super::secrets::{secret_in, words_in};
use crate::app::diary::{Delivery, DiarySettings, MailSecurity, MailServer};
use crate::jobs::reminders;
use std::net::SocketAddr;

impl Builder {
    pub(super) fn diary(&mut self, token_secret: Option<&[u8]>, bind: SocketAddr) -> DiarySettings {
        let public_url = self
            .text("http.public_url")
            .map_or_else(|| format!("http://{bind}"), str::to_owned);
        DiarySettings {
            key: self.diary_key(token_secret),
            public_url,
            reminders: self.reminders(),
        }
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
