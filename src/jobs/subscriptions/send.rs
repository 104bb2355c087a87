//! One request to another system: to an address that was looked at, with patience that ends, and nothing followed.

use crate::app::subscriptions::address::is_public;
use crate::app::subscriptions::{SubscriptionSettings, Told};
use std::fmt;
use std::time::Duration;
use ureq::config::Config;
use ureq::http::{Request, Uri};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

/// What is sent.
#[derive(Clone)]
pub(super) struct Outgoing {
    /// Where.
    pub url: String,
    /// Headers; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// How long the other side may take, from the look at its name to the head of its answer.
    pub patience: Duration,
}

/// Sends requests to other systems.
pub(super) struct Sender {
    agent: ureq::Agent,
}

/// A name that stands for an address within our own network.
#[derive(Debug)]
struct Within;

impl fmt::Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its name stands for an address that is not of the public internet")
    }
}

impl std::error::Error for Within {}

/// Looks names up, and gives out only addresses at which somebody may be told. The connection is made to what it gives
/// out: a name that stands for something else a moment later changes nothing.
#[derive(Debug)]
struct Guarded {
    names: DefaultResolver,
    allow_all: bool,
}

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.names.resolve(uri, config, timeout)?;
        if self.allow_all || found.iter().all(|address| is_public(address.ip())) {
            return Ok(found);
        }
        Err(ureq::Error::Other(Box::new(Within)))
    }
}

impl Sender {
    pub(super) fn new(settings: SubscriptionSettings) -> Sender {
        let config = ureq::Agent::config_builder()
            // A proxy would look names up by itself.
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .https_only(!settings.allow_private_addresses)
            // Each request looks at the address anew.
            .max_idle_connections(0)
            .max_response_header_size(16 * 1024)
            .user_agent(concat!("Medial/", env!("CARGO_PKG_VERSION")))
            .build();
        let resolver = Guarded {
            names: DefaultResolver::default(),
            allow_all: settings.allow_private_addresses,
        };
        Sender {
            agent: ureq::Agent::with_parts(config, DefaultConnector::default(), resolver),
        }
    }

    /// Sends it. Of the answer only the status is looked at.
    pub(super) fn post(&self, outgoing: &Outgoing) -> Told {
        let mut request = Request::post(&outgoing.url);
        for (name, value) in &outgoing.headers {
            request = request.header(name, value);
        }
        let Ok(request) = request.body(outgoing.body.as_str()) else {
            return Told::Failed("its address or a header cannot be sent".to_owned());
        };
        let request = self
            .agent
            .configure_request(request)
            .timeout_global(Some(outgoing.patience))
            .build();
        match self.agent.run(request) {
            Ok(answer) if answer.status().is_success() => Told::Taken,
            Ok(answer) if answer.status().as_u16() == 410 => Told::Gone,
            Ok(answer) => Told::Failed(format!("it answered {}", answer.status().as_u16())),
            Err(error) => Told::Failed(in_words(&error)),
        }
    }
}

/// Why nothing was answered: without the address, which may carry a secret.
fn in_words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Other(inner) if inner.is::<Within>() => Within.to_string(),
        ureq::Error::Timeout(_) => "it did not answer in time".to_owned(),
        ureq::Error::HostNotFound => "its name is not known".to_owned(),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => {
            "no connection with TLS could be made: look at its certificate".to_owned()
        }
        _ => "it could not be reached".to_owned(),
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outgoing(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(allow_private_addresses: bool, url: &str) -> Told {
        Sender::new(SubscriptionSettings {
            allow_private_addresses,
        })
        .post(&Outgoing {
            url: url.to_owned(),
            headers: Vec::new(),
            body: "{}".to_owned(),
            patience: Duration::from_secs(5),
        })
    }

    #[test]
    fn a_name_that_stands_for_this_machine_is_not_connected_to() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        // The second is another way to write 127.0.0.1.
        for host in ["localhost", "2130706433", "127.0.0.1", "0.0.0.0", "[::1]"] {
            let told = told(false, &format!("https://{host}:{port}/"));
            assert_eq!(told, Told::Failed(Within.to_string()), "{host}");
        }
        assert!(listener.accept().is_err(), "somebody connected");
    }

    #[test]
    fn plain_http_needs_to_be_allowed() {
        assert!(matches!(told(false, "http://8.8.8.8:1/"), Told::Failed(_)));
    }
}
