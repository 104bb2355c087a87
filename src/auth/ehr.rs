//! SMART App Launch: people who come to the pages from their record system, with the patient who is open there. The
//! record system is the issuer; the service is the app (code flow with PKCE, SMART App Launch 2.2).

use super::key_source::is_this_machine;
use super::oidc::{Errand, Identity, KNOWN_FOR, LARGEST, OidcError, OtherClaims, PATIENCE};
use super::permission::Role;
use super::settings::check_url;
use chrono::{DateTime, Utc};
use openidconnect::core::{CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
use openidconnect::url::{Url, form_urlencoded};
use openidconnect::{
    ClientId, IdToken, IdTokenClaims, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use ureq::http::{Method, Request, header};

/// Longest id of a FHIR resource.
const LONGEST_ID: usize = 64;

/// A record system that may launch the pages, and how who comes from there is read.
#[derive(Clone)]
pub struct EhrSettings {
    /// The base address of its FHIR interface: what it calls itself in `iss`.
    pub issuer: String,
    /// What the button says.
    pub label: String,
    /// Who we are to it.
    pub client_id: String,
    /// Our secret with it; none for a public client.
    pub client_secret: Option<String>,
    /// Scopes beside those of the launch.
    pub scopes: Vec<String>,
    /// Whose records its people see.
    pub organization: String,
    /// Which type of `fhirUser` is which role; who is none of these does not get in.
    pub roles: Vec<(String, Role)>,
}

impl fmt::Debug for EhrSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EhrSettings")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// Who came, and with which patient open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The person.
    pub identity: Identity,
    /// The identifiers of the patient who is open there, system and value; `None` where nobody is.
    pub patient: Option<Vec<(String, String)>>,
}

/// What the record system says about itself.
#[derive(Debug, Clone, Deserialize)]
struct Discovery {
    issuer: Option<String>,
    jwks_uri: Option<String>,
    authorization_endpoint: String,
    token_endpoint: String,
    #[serde(default)]
    code_challenge_methods_supported: Vec<String>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    id_token: Option<String>,
    patient: Option<String>,
}

#[derive(Deserialize)]
struct PatientAnswer {
    id: Option<String>,
    #[serde(default)]
    identifier: Vec<IdentifierAnswer>,
}

#[derive(Deserialize)]
struct IdentifierAnswer {
    r#use: Option<String>,
    system: Option<String>,
    value: Option<String>,
}

/// A record system.
pub struct Ehr {
    settings: EhrSettings,
    agent: ureq::Agent,
    known: Mutex<Option<(DateTime<Utc>, Discovery)>>,
}

impl fmt::Debug for Ehr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ehr").field(&self.settings).finish()
    }
}

impl Ehr {
    /// The record system that `settings` name. It is asked when somebody first comes from there.
    ///
    /// # Errors
    /// What is wrong with its address.
    pub fn new(mut settings: EhrSettings) -> Result<Ehr, String> {
        settings.issuer = settings.issuer.trim_end_matches('/').to_owned();
        check_secure(&settings.issuer)?;
        let mut agent = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            // A redirect would take our secret, or the person's token, to where nobody configured it.
            .max_redirects(0);
        if is_local(&settings.issuer) {
            agent = agent.proxy(None);
        }
        Ok(Ehr {
            settings,
            agent: agent.build().into(),
            known: Mutex::new(None),
        })
    }

    /// What the button says.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.settings.label
    }

    /// Its address.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Whether it calls itself so; a slash at the end does not count.
    #[must_use]
    pub fn is_called(&self, issuer: &str) -> bool {
        issuer.trim_end_matches('/') == self.settings.issuer
    }

    /// Where the browser is sent for `errand`, and to come back to `back` afterwards: with the `launch` that the record
    /// system gave, or, where the person begins here, to choose a patient there.
    ///
    /// # Errors
    /// [`OidcError::Unavailable`].
    pub fn address(
        &self,
        errand: &Errand,
        launch: Option<&str>,
        back: &str,
        now: DateTime<Utc>,
    ) -> Result<String, OidcError> {
        let discovery = self.discovery(now)?;
        let mut url = Url::parse(&discovery.authorization_endpoint)
            .map_err(|error| OidcError::Unavailable(error.to_string()))?;
        let verifier = PkceCodeVerifier::new(errand.verifier.clone());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        let context = if launch.is_some() {
            "launch"
        } else {
            "launch/patient"
        };
        let words: Vec<&str> = std::iter::once(context)
            .chain(self.settings.scopes.iter().map(String::as_str))
            .collect();
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", back)
            .append_pair("scope", &words.join(" "))
            .append_pair("state", &errand.state)
            .append_pair("nonce", &errand.nonce)
            .append_pair("aud", &self.settings.issuer)
            .append_pair("code_challenge", challenge.as_str())
            .append_pair("code_challenge_method", "S256");
        if let Some(launch) = launch {
            query.append_pair("launch", launch);
        }
        drop(query);
        Ok(url.into())
    }

    /// Who came back from `errand` with `code`, and with which patient.
    ///
    /// # Errors
    /// [`OidcError`].
    pub fn arrival(
        &self,
        errand: &Errand,
        code: &str,
        back: &str,
        now: DateTime<Utc>,
    ) -> Result<Arrival, OidcError> {
        let discovery = self.discovery(now)?;
        let answer = self.exchange(&discovery, errand, code, back)?;
        let identity = self.identity(&discovery, errand, &answer, now)?;
        let patient = match &answer.patient {
            Some(id) => Some(self.patient(id, &answer.access_token)?),
            None => None,
        };
        Ok(Arrival { identity, patient })
    }

    fn exchange(
        &self,
        discovery: &Discovery,
        errand: &Errand,
        code: &str,
        back: &str,
    ) -> Result<TokenAnswer, OidcError> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", back)
            .append_pair("code_verifier", &errand.verifier);
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(&discovery.token_endpoint)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        match &self.settings.client_secret {
            Some(secret) => {
                request = request.header(
                    header::AUTHORIZATION,
                    basic(&self.settings.client_id, secret),
                );
            }
            None => {
                form.append_pair("client_id", &self.settings.client_id);
            }
        }
        let request = request
            .body(form.finish())
            .map_err(|error| OidcError::Unavailable(error.to_string()))?;
        let answer = self.agent.run(request);
        let refused =
            |status: u16| OidcError::Refused(format!("the token endpoint answered {status}"));
        self.read(answer, refused)
    }

    fn identity(
        &self,
        discovery: &Discovery,
        errand: &Errand,
        answer: &TokenAnswer,
        now: DateTime<Utc>,
    ) -> Result<Identity, OidcError> {
        let unavailable = |what: &str| OidcError::Unavailable(what.to_owned());
        let token = answer
            .id_token
            .as_deref()
            .ok_or_else(|| OidcError::Refused("no ID token came with the answer".to_owned()))?;
        let lacking = || unavailable("its discovery document names neither issuer nor jwks_uri");
        let issuer = discovery.issuer.clone().ok_or_else(lacking)?;
        let issuer = IssuerUrl::new(issuer).map_err(|error| unavailable(&error.to_string()))?;
        let keys: CoreJsonWebKeySet =
            self.get(discovery.jwks_uri.as_deref().ok_or_else(lacking)?, None)?;
        let client = ClientId::new(self.settings.client_id.clone());
        let verifier = CoreIdTokenVerifier::new_public_client(client, issuer, keys)
            .set_allowed_algs([
                CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
                CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
                CoreJwsSigningAlgorithm::EcdsaP256Sha256,
                CoreJwsSigningAlgorithm::EcdsaP384Sha384,
            ])
            .set_time_fn(|| now);
        let refused = |error: &dyn fmt::Display| OidcError::Refused(error.to_string());
        let token: IdTokenOf = IdToken::from_str(token).map_err(|error| refused(&error))?;
        let claims = token
            .claims(&verifier, &Nonce::new(errand.nonce.clone()))
            .map_err(|error| refused(&error))?;
        Ok(Identity {
            subject: claims.subject().as_str().to_owned(),
            name: name(claims),
            role: self.role(claims)?,
            organization: self.settings.organization.clone(),
        })
    }

    /// By the type of the resource that `fhirUser` names, as `Practitioner/17` or its whole address.
    fn role(&self, claims: &Claims) -> Result<Role, OidcError> {
        let user = claims.additional_claims().0.get("fhirUser");
        let user = user.and_then(|user| user.as_str()).unwrap_or_default();
        let kind = user.rsplit('/').nth(1).unwrap_or_default();
        let roles = &self.settings.roles;
        roles
            .iter()
            .find(|(known, _)| known == kind)
            .map(|(_, role)| *role)
            .ok_or(OidcError::NoAccess(
                "Your account in the record system has no role in Medial. Ask whoever runs the service.",
            ))
    }

    fn patient(&self, id: &str, token: &str) -> Result<Vec<(String, String)>, OidcError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        if !(1..=LONGEST_ID).contains(&id.len()) || !id.chars().all(fits) {
            let what = "the patient in context has no id of FHIR".to_owned();
            return Err(OidcError::Refused(what));
        }
        let address = format!("{}/Patient/{id}", self.settings.issuer);
        let patient: PatientAnswer = self.get(&address, Some(token))?;
        if patient.id.as_deref() != Some(id) {
            let what = "another patient came than the one in context".to_owned();
            return Err(OidcError::Refused(what));
        }
        let current = |one: IdentifierAnswer| {
            (one.r#use.as_deref() != Some("old")).then_some((one.system?, one.value?))
        };
        Ok(patient.identifier.into_iter().filter_map(current).collect())
    }

    fn discovery(&self, now: DateTime<Utc>) -> Result<Discovery, OidcError> {
        let known = self
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some((since, discovery)) = known
            && since + KNOWN_FOR > now
        {
            return Ok(discovery);
        }
        let address = format!("{}/.well-known/smart-configuration", self.settings.issuer);
        let discovery: Discovery = self.get(&address, None)?;
        let methods = &discovery.code_challenge_methods_supported;
        if !methods.iter().any(|method| method == "S256") {
            let what =
                "its discovery document does not name S256, without which nobody is sent there";
            return Err(OidcError::Unavailable(what.to_owned()));
        }
        let addresses = [&discovery.authorization_endpoint, &discovery.token_endpoint];
        for address in addresses.into_iter().chain(&discovery.jwks_uri) {
            check_secure(address).map_err(OidcError::Unavailable)?;
        }
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, discovery.clone()));
        Ok(discovery)
    }

    fn get<T: DeserializeOwned>(&self, address: &str, token: Option<&str>) -> Result<T, OidcError> {
        let mut request = Request::builder()
            .uri(address)
            .header(header::ACCEPT, "application/json, application/fhir+json");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request
            .body(())
            .map_err(|error| OidcError::Unavailable(error.to_string()))?;
        let answer = self.agent.run(request);
        self.read(answer, |status| {
            OidcError::Unavailable(format!("it answered {status}"))
        })
    }

    fn read<T: DeserializeOwned>(
        &self,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
        refused: impl FnOnce(u16) -> OidcError,
    ) -> Result<T, OidcError> {
        let unavailable = |error: ureq::Error| OidcError::Unavailable(error.to_string());
        let mut answer = answer.map_err(unavailable)?;
        if answer.status() != ureq::http::StatusCode::OK {
            return Err(refused(answer.status().as_u16()));
        }
        let bytes = answer
            .body_mut()
            .with_config()
            .limit(LARGEST)
            .read_to_vec()
            .map_err(unavailable)?;
        // The words of the library may quote what stands there.
        serde_json::from_slice(&bytes).map_err(|_| {
            OidcError::Unavailable("it answers with what cannot be understood".to_owned())
        })
    }
}

type Claims = IdTokenClaims<OtherClaims, openidconnect::core::CoreGenderClaim>;

type IdTokenOf = IdToken<
    OtherClaims,
    openidconnect::core::CoreGenderClaim,
    openidconnect::core::CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

fn name(claims: &Claims) -> Option<String> {
    let name = claims.name().and_then(|names| names.get(None));
    name.map(|name| name.as_str().to_owned())
}

/// RFC 6749, section 2.3.1: both are encoded as in a form first.
fn basic(client: &str, secret: &str) -> String {
    use base64::Engine;
    let encoded =
        |text: &str| -> String { form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    let both = format!("{}:{}", encoded(client), encoded(secret));
    format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(both)
    )
}

fn is_local(address: &str) -> bool {
    let uri: Option<ureq::http::Uri> = address.parse().ok();
    uri.is_some_and(|uri| is_this_machine(uri.host().unwrap_or_default()))
}

/// Over plain http only on this machine: tokens and records of patients pass there.
fn check_secure(address: &str) -> Result<(), String> {
    let uri = check_url(address).map_err(|error| error.to_string())?;
    if uri.scheme_str() == Some("https") || is_local(address) {
        return Ok(());
    }
    Err("only https is spoken with a record system".to_owned())
}
