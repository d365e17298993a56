//! The portal's side of the API: token, request, state, documents.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::output::Target;
use super::{Settings, SignArgs};

/// An authenticated portal.
pub struct Portal {
    client: Client,
    server: String,
    token: String,
}

/// A request as the service tells it.
#[derive(Debug, Deserialize)]
pub struct Request {
    pub id: String,
    pub state: String,
    pub confirm_url: String,
    documents: Vec<Document>,
    failure: Option<Failure>,
}

#[derive(Debug, Deserialize)]
struct Document {
    signed_url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Failure {
    detail: String,
}

impl Request {
    /// Why a request in this final state was not signed.
    pub fn reason(&self, state: &str) -> String {
        match (state, &self.failure) {
            ("refused", _) => "the signer refused".to_owned(),
            ("expired", _) => "the request expired before it was confirmed".to_owned(),
            (_, Some(failure)) => failure.detail.clone(),
            (other, None) => format!("the request is {other}"),
        }
    }
}

/// An HTTP client that follows no redirect: the portal's API has none.
pub fn http_client() -> anyhow::Result<Client> {
    let builder = Client::builder().timeout(Duration::from_secs(150)).redirect(reqwest::redirect::Policy::none());
    builder.build().context("no HTTP client")
}

impl Portal {
    /// Client credentials by HTTP Basic.
    pub async fn connect(settings: &Settings) -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        struct Token {
            access_token: String,
        }
        let client = http_client()?;
        let response = client
            .post(&settings.token_url)
            .basic_auth(&settings.client_id, Some(&settings.client_secret))
            .form(&[("grant_type", "client_credentials"), ("scope", "service")])
            .send()
            .await
            .with_context(|| format!("{} does not answer", settings.token_url))?;
        let token: Token = checked(response).await?.json().await.context("the token answer is not usable")?;
        Ok(Self { client, server: settings.server.clone(), token: token.access_token })
    }

    pub async fn create(&self, args: &SignArgs, targets: &[Target], originals: &[Vec<u8>]) -> anyhow::Result<Request> {
        let document =
            |(target, bytes): (&Target, &Vec<u8>)| json!({"name": target.name, "content": STANDARD.encode(bytes)});
        let body = json!({
            "credential": args.credential,
            "description": args.description,
            "documents": targets.iter().zip(originals).map(document).collect::<Vec<_>>(),
            "level": args.level,
        });
        let url = format!("{}/v1/requests", self.server);
        let key = random_key();
        let send =
            || self.client.post(&url).bearer_auth(&self.token).header("Idempotency-Key", &key).json(&body).send();
        // The key makes it safe to ask again when the connection broke.
        let response = match send().await {
            Ok(response) => response,
            Err(_) => send().await.with_context(|| format!("{url} does not answer"))?,
        };
        checked(response).await?.json().await.context("the answer is not a signing request")
    }

    pub async fn read(&self, id: &str) -> anyhow::Result<Request> {
        let url = format!("{}/v1/requests/{id}", self.server);
        let response = self.client.get(&url).bearer_auth(&self.token).send().await.context("the service went away")?;
        checked(response).await?.json().await.context("the answer is not a signing request")
    }

    /// Best effort: a request that is not cancelled expires.
    pub async fn cancel(&self, id: &str) {
        let url = format!("{}/v1/requests/{id}", self.server);
        let _ = self.client.delete(&url).bearer_auth(&self.token).send().await;
    }

    /// The `number`-th signed document, from 1.
    pub async fn document(&self, request: &Request, number: usize) -> anyhow::Result<Vec<u8>> {
        let document = number.checked_sub(1).and_then(|index| request.documents.get(index));
        let given = document.and_then(|document| document.signed_url.as_deref());
        let prefix = format!("{}/", self.server);
        // The token goes to the service only, whatever address an answer names.
        let own = format!("{}/v1/requests/{}/documents/{number}", self.server, request.id);
        let url = given.filter(|url| url.starts_with(&prefix)).unwrap_or(&own);
        let response = self.client.get(url).bearer_auth(&self.token).send().await.context("the service went away")?;
        let bytes = checked(response).await?.bytes().await.context("the signed document broke off")?;
        Ok(bytes.to_vec())
    }
}

/// The answer if it is a success, otherwise its reason: a problem document, an OAuth error, or the bare status.
async fn checked(response: Response) -> anyhow::Result<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body: Value = response.json().await.unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let reason = text("detail").or(text("error_description")).or(text("title")).unwrap_or("no reason was given");
    let advice = text("what_to_do").map(|advice| format!(" {advice}")).unwrap_or_default();
    let id = text("request_id").map(|id| format!(" (request {id})")).unwrap_or_default();
    bail!("the service refused with {}: {reason}.{advice}{id}", status.as_u16())
}

/// 128 bits that no other run repeats: the standard library seeds its hashers from the system's randomness. The key
/// guards against sending twice, not against anybody.
fn random_key() -> String {
    let half = || RandomState::new().build_hasher().finish();
    format!("kyso-sign-{:016x}{:016x}", half(), half())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(json: &str) -> Request {
        serde_json::from_str(json).expect("a request")
    }

    #[test]
    fn the_reason_of_a_refusal_is_told() {
        let failed = r#"{"id":"t","state":"failed","confirm_url":"x","documents":[],"failure":{"code":"c","detail":"why","signed":false}}"#;
        assert_eq!(request(failed).reason("failed"), "why");
        let refused = r#"{"id":"t","state":"refused","confirm_url":"x","documents":[]}"#;
        assert_eq!(request(refused).reason("refused"), "the signer refused");
    }

    #[test]
    fn two_runs_have_two_keys() {
        assert_ne!(random_key(), random_key());
    }
}
