//! An OpenID Connect provider and this service as its relying party: authorization code with PKCE, nonce and state
//! (OpenID Connect Core 1.0 §3.1, RFC 7636).
//!
//! The provider's addresses come from its discovery document, whose `issuer` must be the configured one. Only the ID token is
//! believed, and only after all of §3.1.3.7; no user-info call is made.

use std::sync::Arc;
use std::time::Duration as StdDuration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use time::{Duration, OffsetDateTime};
use tokio::sync::RwLock;
use url::Url;

use super::jwt::{JwtError, Keys, KeysError};
use crate::domain::{Clock, Secret};

/// A provider that has not answered by then is down.
const TIMEOUT: StdDuration = StdDuration::from_secs(10);
/// Longest document read from the provider.
const LONGEST: usize = 256 * 1024;
/// How long discovery and keys are kept, and how soon an unknown `kid` may have them fetched again.
const FRESH: Duration = Duration::hours(1);
const AGAIN: Duration = Duration::minutes(1);
/// Longest life of an ID token; providers give minutes to an hour.
const TOKEN_LIFE: Duration = Duration::hours(24);

/// What the operator configured.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// Exactly as in the provider's discovery document.
    pub issuer: String,
    pub client_id: String,
    pub client_secret: Secret,
    /// The claim that names the person: `sub`, or one with the national number.
    pub claim: String,
    /// Space-separated; `openid` among them.
    pub scope: String,
    /// The provider's name on the page.
    pub name: String,
    /// This service's address for answers.
    pub redirect_uri: String,
}

/// Why nobody signed in.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    #[error("the identity provider cannot be used: {0}")]
    Down(String),
    /// The code was wrong, old, or another client's.
    #[error("the identity provider did not accept the sign-in")]
    Refused,
    #[error("the ID token is not believed: {0}")]
    Token(#[from] JwtError),
}

/// The provider, with what it said of itself.
pub struct Provider {
    settings: ProviderSettings,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
    known: RwLock<Option<Arc<Known>>>,
}

/// Discovery document and keys.
#[derive(Debug)]
struct Known {
    metadata: Metadata,
    keys: Keys,
    at: OffsetDateTime,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: String,
}

impl Provider {
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(settings: ProviderSettings, clock: Arc<dyn Clock>) -> Result<Self, ProviderError> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build();
        let http = http.map_err(|error| ProviderError::Down(error.to_string()))?;
        Ok(Self { settings, http, clock, known: RwLock::default() })
    }

    pub fn settings(&self) -> &ProviderSettings {
        &self.settings
    }

    /// Where the citizen's browser goes to sign in.
    ///
    /// # Errors
    /// [`ProviderError::Down`].
    pub async fn authorization_url(
        &self,
        state: &Secret,
        nonce: &Secret,
        code_challenge: &str,
        lang: &str,
    ) -> Result<String, ProviderError> {
        let known = self.known(self.clock.now() - FRESH).await?;
        let mut url = Url::parse(&known.metadata.authorization_endpoint).map_err(|_| down("its address"))?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.settings.redirect_uri)
            .append_pair("scope", &self.settings.scope)
            .append_pair("state", state.expose())
            .append_pair("nonce", nonce.expose())
            .append_pair("code_challenge", code_challenge)
            .append_pair("code_challenge_method", "S256")
            .append_pair("ui_locales", lang);
        Ok(url.into())
    }

    /// Exchanges the code and checks the ID token: the person's number at this provider.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub async fn person(&self, code: &Secret, verifier: &Secret, nonce: &Secret) -> Result<Secret, ProviderError> {
        let id_token = self.exchange(code, verifier).await?;
        let claims = match self.known(self.clock.now() - FRESH).await?.keys.verify(&id_token) {
            // The provider may have changed its keys.
            Err(JwtError::UnknownKey) => self.known(self.clock.now() - AGAIN).await?.keys.verify(&id_token)?,
            other => other?,
        };
        claims.is("iss", &self.settings.issuer)?;
        let audiences = claims.audiences();
        if !audiences.contains(&self.settings.client_id.as_str()) {
            return Err(JwtError::Claim("aud").into());
        }
        if audiences.len() > 1 || claims.text("azp").is_some() {
            claims.is("azp", &self.settings.client_id)?;
        }
        claims.alive(self.clock.now(), TOKEN_LIFE)?;
        claims.time("iat").ok_or(JwtError::Claim("iat"))?;
        claims.is("nonce", nonce.expose())?;
        claims.text("sub").ok_or(JwtError::Claim("sub"))?;
        let person = claims.text(&self.settings.claim).ok_or(JwtError::Claim("that names the person"))?;
        Ok(Secret::new(person))
    }

    async fn exchange(&self, code: &Secret, verifier: &Secret) -> Result<String, ProviderError> {
        let known = self.known(self.clock.now() - FRESH).await?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", self.settings.redirect_uri.as_str()),
            ("code_verifier", verifier.expose()),
        ];
        let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let (id, secret) = (encode(&self.settings.client_id), encode(self.settings.client_secret.expose()));
        let basic = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
        let request = self.http.post(&known.metadata.token_endpoint).header("authorization", basic).form(&form);
        let answer = self.read(request).await?;
        serde_json::from_slice::<TokenAnswer>(&answer).map(|answer| answer.id_token).map_err(|_| ProviderError::Refused)
    }

    /// Discovery and keys, fetched anew when older than `not_before`.
    async fn known(&self, not_before: OffsetDateTime) -> Result<Arc<Known>, ProviderError> {
        if let Some(known) = self.known.read().await.as_ref().filter(|known| known.at > not_before) {
            return Ok(known.clone());
        }
        let mut kept = self.known.write().await;
        if let Some(known) = kept.as_ref().filter(|known| known.at > not_before) {
            return Ok(known.clone());
        }
        let fresh = Arc::new(self.discover().await?);
        *kept = Some(fresh.clone());
        Ok(fresh)
    }

    async fn discover(&self) -> Result<Known, ProviderError> {
        let issuer = &self.settings.issuer;
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let document = self.read(self.http.get(&address)).await?;
        let metadata: Metadata = serde_json::from_slice(&document).map_err(|_| down("its discovery document"))?;
        if metadata.issuer != *issuer {
            return Err(down("its discovery document names another issuer"));
        }
        for address in [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri] {
            if !is_safe(address) {
                return Err(down("an address of its discovery document is not https"));
            }
        }
        let keys = self.read(self.http.get(&metadata.jwks_uri)).await?;
        let keys = std::str::from_utf8(&keys).map_err(|_| KeysError::Malformed).and_then(Keys::read);
        let keys = keys.map_err(|error| ProviderError::Down(format!("its keys: {error}")))?;
        Ok(Known { metadata, keys, at: self.clock.now() })
    }

    async fn read(&self, request: reqwest::RequestBuilder) -> Result<Vec<u8>, ProviderError> {
        // An error's text could hold an address with its query; it goes on without it.
        let failed = |error: reqwest::Error| ProviderError::Down(error.without_url().to_string());
        let mut answer = request.send().await.map_err(failed)?;
        if answer.status().is_client_error() {
            return Err(ProviderError::Refused);
        }
        if !answer.status().is_success() {
            return Err(ProviderError::Down(format!("it answered {}", answer.status())));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LONGEST {
                return Err(down("its answer is too long"));
            }
        }
        Ok(bytes)
    }
}

fn down(why: &str) -> ProviderError {
    ProviderError::Down(why.to_owned())
}

/// https, or http on this machine for development.
pub fn is_safe(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else { return false };
    let local = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
    (url.scheme() == "https" || (url.scheme() == "http" && local)) && url.username().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        assert!(is_safe("https://id.example.gov.vn/auth") && is_safe("http://127.0.0.1:9000/auth"));
        for bad in ["http://id.example.gov.vn/", "ftp://127.0.0.1/", "https://u@id.example/", "//id.example", ""] {
            assert!(!is_safe(bad), "{bad}");
        }
    }
}
