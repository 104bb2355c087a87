//! OpenID Connect: signing people in at their own identity provider (code flow with PKCE, OpenID Connect Core 1.0).

use super::permission::Role;
use chrono::{DateTime, Utc};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType,
    CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
    CoreProviderMetadata, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken,
    EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, IdTokenFields, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, Scope, StandardErrorResponse, StandardTokenResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long what the provider says about itself is believed.
pub(super) const KNOWN_FOR: chrono::TimeDelta = chrono::TimeDelta::hours(1);

/// How long the provider may take for one answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The largest answer that is read.
pub(super) const LARGEST: u64 = 1024 * 1024;

/// Where people sign in, and how what is known about them there is read.
#[derive(Clone)]
pub struct OidcSettings {
    /// The issuer, as its discovery document names it.
    pub issuer: String,
    /// What the button says.
    pub label: String,
    /// Who we are to it.
    pub client_id: String,
    /// Our secret with it; none for a public client.
    pub client_secret: Option<String>,
    /// Scopes beside `openid`.
    pub scopes: Vec<String>,
    /// The claim that holds the role, or a list with the role in it.
    pub role_claim: String,
    /// Which value of that claim is which role; without one, the values are the roles' own codes.
    pub roles: Vec<(String, Role)>,
    /// The claim that holds the organization.
    pub organization_claim: Option<String>,
    /// The organization of who has no such claim.
    pub organization: Option<String>,
}

impl fmt::Debug for OidcSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcSettings")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// Why somebody could not be signed in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OidcError {
    /// The provider cannot be asked, or says what cannot be understood: what, for the log.
    Unavailable(String),
    /// What it says about the person cannot be believed: why, for the log.
    Refused(String),
    /// The person has no role here, or belongs to no organization.
    NoAccess(&'static str),
}

impl fmt::Display for OidcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OidcError::Unavailable(what) => write!(f, "the identity provider: {what}"),
            OidcError::Refused(why) => write!(f, "the identity provider's answer: {why}"),
            OidcError::NoAccess(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for OidcError {}

/// What the browser keeps while somebody is at the provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Errand {
    /// Comes back unchanged, or the answer is to somebody else's question.
    pub state: String,
    /// Is in the token, or the token was made for another errand.
    pub nonce: String,
    /// Proves that who fetches the token is who began (RFC 7636).
    pub verifier: String,
}

/// Who the provider says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The person, stable and unique at the issuer.
    pub subject: String,
    /// A name to greet them with.
    pub name: Option<String>,
    /// What they are to the service.
    pub role: Role,
    /// Whose records they see.
    pub organization: String,
}

/// Claims that no standard names.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct OtherClaims(pub(super) Map<String, Value>);

impl AdditionalClaims for OtherClaims {}

type TokenFields = IdTokenFields<
    OtherClaims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

type Relying = Client<
    OtherClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<TokenFields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// An identity provider.
pub struct Provider {
    settings: OidcSettings,
    agent: ureq::Agent,
    known: Mutex<Option<(DateTime<Utc>, CoreProviderMetadata)>>,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Provider").field(&self.settings).finish()
    }
}

impl Provider {
    /// The provider that `settings` name. It is asked when somebody first signs in.
    #[must_use]
    pub fn new(settings: OidcSettings) -> Provider {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            // A redirect would take our secret to where nobody configured it.
            .max_redirects(0)
            .build();
        Provider {
            settings,
            agent: agent.into(),
            known: Mutex::new(None),
        }
    }

    /// What the button says.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.settings.label
    }

    /// The issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Where the browser is sent to sign in for `errand`, and to come back to `back` afterwards.
    ///
    /// # Errors
    /// [`OidcError::Unavailable`].
    pub fn address(
        &self,
        errand: &Errand,
        back: &str,
        now: DateTime<Utc>,
    ) -> Result<String, OidcError> {
        let client = self.client(back, now)?;
        let verifier = PkceCodeVerifier::new(errand.verifier.clone());
        let (state, nonce) = (errand.state.clone(), errand.nonce.clone());
        let mut request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                || CsrfToken::new(state),
                || Nonce::new(nonce),
            )
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        for scope in &self.settings.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        let (url, _, _) = request.url();
        Ok(url.to_string())
    }

    /// Who came back from `errand` with `code`.
    ///
    /// # Errors
    /// [`OidcError`].
    pub fn identity(
        &self,
        errand: &Errand,
        code: &str,
        back: &str,
        now: DateTime<Utc>,
    ) -> Result<Identity, OidcError> {
        let client = self.client(back, now)?;
        let ask = |request: HttpRequest| self.ask(request);
        let answer = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|error| OidcError::Unavailable(error.to_string()))?
            .set_pkce_verifier(PkceCodeVerifier::new(errand.verifier.clone()))
            .request(&ask)
            .map_err(|error| OidcError::Refused(error.to_string()))?;
        let token = answer
            .extra_fields()
            .id_token()
            .ok_or_else(|| OidcError::Refused("no ID token came with the answer".to_owned()))?;
        let verifier = client.id_token_verifier().set_time_fn(|| now);
        let claims = token
            .claims(&verifier, &Nonce::new(errand.nonce.clone()))
            .map_err(|error| OidcError::Refused(error.to_string()))?;
        let name = claims
            .name()
            .and_then(|names| names.get(None))
            .map(|name| name.as_str().to_owned())
            .or_else(|| {
                claims
                    .preferred_username()
                    .map(|name| name.as_str().to_owned())
            });
        let others = &claims.additional_claims().0;
        Ok(Identity {
            subject: claims.subject().as_str().to_owned(),
            name,
            role: self.role(others)?,
            organization: self.organization(others)?,
        })
    }

    fn role(&self, claims: &Map<String, Value>) -> Result<Role, OidcError> {
        let values = texts(claims.get(&self.settings.role_claim));
        let known = |value: &&str| {
            let mapped = self.settings.roles.iter().find(|(name, _)| name == value);
            if self.settings.roles.is_empty() {
                Role::from_code(value).ok()
            } else {
                mapped.map(|(_, role)| *role)
            }
        };
        let found = values.iter().find_map(known);
        found.ok_or(OidcError::NoAccess(
            "Your account has no role in Medial. Ask whoever runs the identity provider to give it one.",
        ))
    }

    fn organization(&self, claims: &Map<String, Value>) -> Result<String, OidcError> {
        let claimed = self
            .settings
            .organization_claim
            .as_ref()
            .and_then(|claim| texts(claims.get(claim)).first().copied());
        claimed
            .map(str::to_owned)
            .or_else(|| self.settings.organization.clone())
            .ok_or(OidcError::NoAccess(
                "Your account belongs to no organization in Medial. Ask whoever runs the identity provider to name one.",
            ))
    }

    fn client(&self, back: &str, now: DateTime<Utc>) -> Result<Relying, OidcError> {
        let metadata = self.metadata(now)?;
        let secret = self.settings.client_secret.clone().map(ClientSecret::new);
        let back = RedirectUrl::new(back.to_owned())
            .map_err(|error| OidcError::Unavailable(format!("http.public_url: {error}")))?;
        let id = ClientId::new(self.settings.client_id.clone());
        Ok(Relying::from_provider_metadata(metadata, id, secret).set_redirect_uri(back))
    }

    fn metadata(&self, now: DateTime<Utc>) -> Result<CoreProviderMetadata, OidcError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, metadata)) =
            known.as_ref().filter(|(since, _)| *since + KNOWN_FOR > now)
        {
            let _ = since;
            return Ok(metadata.clone());
        }
        let unavailable = |what: String| OidcError::Unavailable(what);
        let issuer = IssuerUrl::new(self.settings.issuer.clone())
            .map_err(|error| unavailable(error.to_string()))?;
        let ask = |request: HttpRequest| self.ask(request);
        let metadata = CoreProviderMetadata::discover(&issuer, &ask)
            .map_err(|error| unavailable(error.to_string()))?;
        *known = Some((now, metadata.clone()));
        Ok(metadata)
    }

    fn ask(&self, request: HttpRequest) -> Result<HttpResponse, ureq::Error> {
        let answer = if request.method() == ureq::http::Method::POST {
            self.agent.run(request)?
        } else {
            self.agent.run(request.map(|_| ()))?
        };
        let (parts, mut body) = answer.into_parts();
        let bytes = body.with_config().limit(LARGEST).read_to_vec()?;
        Ok(HttpResponse::from_parts(parts, bytes))
    }
}

/// A text, or each text of a list.
fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
