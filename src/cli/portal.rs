//! A portal's client: token, request, state, signed document; and, against a sandbox, the citizen's part through the real page.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::config::secret_file;
use crate::domain::Secret;

/// How often a waiting request is looked at: soon at first, for signatures that take a moment, then every second.
const FIRST_POLL: Duration = Duration::from_millis(50);
const LAST_POLL: Duration = Duration::from_secs(1);

/// How often a call is repeated while the service still works on the one before.
const IN_FLIGHT_TRIES: u32 = 120;

/// Where a service is and who calls it, on the command line.
#[derive(Debug, clap::Args)]
pub struct AccessArgs {
    /// Address of the service
    #[arg(long, value_name = "URL", required_unless_present = "ready_file")]
    server: Option<String>,
    /// OAuth client id
    #[arg(long, env = "KYSO_CLIENT_ID", required_unless_present = "ready_file")]
    client_id: Option<String>,
    /// File with the client secret; the variable KYSO_CLIENT_SECRET is read otherwise
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// Ready file of a sandbox: where it is and which portal to be
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
}

impl AccessArgs {
    /// # Errors
    /// When a file cannot be read, or something is missing; each says what.
    pub fn read(&self) -> Result<Access> {
        if let Some(file) = &self.ready_file {
            return Access::from_ready_file(file);
        }
        let url = self.server.as_deref().context("--server is missing")?.trim_end_matches('/').to_owned();
        let secret = match &self.client_secret_file {
            Some(file) => secret_file(file)?.to_string(),
            None => {
                std::env::var("KYSO_CLIENT_SECRET").context("set KYSO_CLIENT_SECRET or give --client-secret-file")?
            }
        };
        Ok(Access {
            token_url: format!("{url}/oauth2/token"),
            url,
            client_id: self.client_id.clone().context("--client-id is missing")?,
            client_secret: Secret::new(secret),
            outbox_url: None,
        })
    }
}

/// Where a service is and who calls it.
#[derive(Debug, Clone)]
pub struct Access {
    pub url: String,
    pub token_url: String,
    pub client_id: String,
    pub client_secret: Secret,
    /// A sandbox's outbox.
    pub outbox_url: Option<String>,
}

impl Access {
    /// Reads what a sandbox wrote when it was ready.
    ///
    /// # Errors
    /// When the file cannot be read or is not a ready file.
    pub fn from_ready_file(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let ready = serde_json::from_slice(&text).with_context(|| format!("{} is not a ready file", path.display()))?;
        Self::from_ready(&ready).with_context(|| format!("{} is not a ready file", path.display()))
    }

    /// Takes what a sandbox says of itself.
    ///
    /// # Errors
    /// When a member is missing.
    pub fn from_ready(ready: &Value) -> Result<Self> {
        let text = |pointer: &str| {
            let found = ready.pointer(pointer).and_then(Value::as_str);
            found.map(str::to_owned).with_context(|| format!("{pointer} is missing"))
        };
        Ok(Self {
            url: text("/url")?,
            token_url: text("/token_url")?,
            client_id: text("/portal/client_id")?,
            client_secret: Secret::new(text("/portal/client_secret")?),
            outbox_url: Some(text("/outbox_url")?),
        })
    }
}

/// Whose signatures are asked for, by credential.
#[derive(Debug, Clone)]
pub enum By {
    One(String),
    /// One after the other.
    InOrder(Vec<String>),
}

/// What to ask for besides the documents.
#[derive(Debug, Clone)]
pub struct Ask {
    pub by: By,
    pub description: String,
    /// How to sign: members of the request as the service's API names them.
    pub options: serde_json::Map<String, Value>,
}

/// A document to be signed.
#[derive(Debug, Clone)]
pub struct Paper {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// A request as the service answers it; unknown members are ignored.
#[derive(Debug, Clone, Deserialize)]
pub struct Request {
    pub id: String,
    pub state: String,
    pub confirm_url: String,
    #[serde(default)]
    pub documents: Vec<Document>,
    #[serde(default)]
    pub progress: Progress,
    #[serde(default)]
    pub failure: Option<Failure>,
    /// Only when there are several.
    #[serde(default)]
    pub signers: Vec<RequestSigner>,
}

/// One of several signers.
#[derive(Debug, Clone, Deserialize)]
pub struct RequestSigner {
    pub state: String,
    pub confirm_url: String,
}

/// One document of a request.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Document {
    #[serde(default)]
    pub fingerprint: String,
    #[serde(default)]
    pub level: Option<String>,
    #[serde(default)]
    pub raise: Option<Raise>,
    #[serde(default)]
    pub failure: Option<Failure>,
}

/// The level asked for is reached later.
#[derive(Debug, Clone, Deserialize)]
pub struct Raise {
    pub to: String,
    #[serde(default)]
    pub last_error: String,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Progress {
    pub done: usize,
    pub of: usize,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Failure {
    pub code: String,
    #[serde(default)]
    pub detail: String,
}

/// An authenticated client.
pub struct Portal {
    http: Client,
    access: Access,
    token: Secret,
}

impl Portal {
    /// Gets a bearer token by client credentials.
    ///
    /// # Errors
    /// When the service cannot be reached or refuses the client.
    pub async fn connect(access: Access) -> Result<Self> {
        #[derive(Deserialize)]
        struct Token {
            access_token: String,
        }
        // Redirects of the citizen's page are followed by hand; documents take longer than a page.
        let http =
            Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(Duration::from_secs(120)).build()?;
        let form = [("grant_type", "client_credentials"), ("scope", "service")];
        let request =
            http.post(&access.token_url).basic_auth(&access.client_id, Some(access.client_secret.expose())).form(&form);
        let answer: Token = accepted(request, "the service gave no token").await?.json().await?;
        Ok(Self { http, access, token: Secret::new(answer.access_token) })
    }

    /// Asks for documents to be signed in one confirmation.
    ///
    /// # Errors
    /// The service's reason for refusing.
    pub async fn create(&self, papers: &[Paper], ask: &Ask) -> Result<Request> {
        let document = |paper: &Paper| json!({"name": paper.name, "content": STANDARD.encode(&paper.bytes)});
        let mut body = ask.options.clone();
        body.insert("documents".into(), papers.iter().map(document).collect());
        let in_order = |(order, credential): (u32, &String)| json!({"credential": credential, "order": order});
        match &ask.by {
            By::One(credential) => body.insert("credential".into(), credential.as_str().into()),
            By::InOrder(all) => body.insert("signers".into(), (1..).zip(all).map(in_order).collect()),
        };
        body.insert("description".into(), ask.description.as_str().into());
        let key = random_key();
        let ask = || {
            let request = self.http.post(format!("{}/v1/requests", self.access.url)).json(&body);
            self.authorized(request).header("Idempotency-Key", &key)
        };
        // The key makes it safe to send again when the connection broke before the answer.
        let mut answer = match ask().send().await {
            Ok(answer) => answer,
            Err(_) => ask().send().await.context("the service does not answer")?,
        };
        // The first call may still be worked on.
        for _ in 0..IN_FLIGHT_TRIES {
            if answer.status() != StatusCode::CONFLICT || answer.headers().get("retry-after").is_none() {
                break;
            }
            tokio::time::sleep(LAST_POLL).await;
            answer = ask().send().await.context("the service does not answer")?;
        }
        Ok(judged(answer, "the request was refused").await?.json().await?)
    }

    /// Reads JSON of the service's own API.
    ///
    /// # Errors
    /// The service's reason for refusing.
    pub async fn read<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T> {
        let request = self.http.get(format!("{}{path}", self.access.url));
        Ok(accepted(self.authorized(request), "the service refused").await?.json().await?)
    }

    /// A call of the CSC API v2.
    ///
    /// # Errors
    /// The service's reason for refusing.
    pub async fn csc(&self, method: &str, body: &Value) -> Result<Value> {
        let request = self.http.post(format!("{}/csc/v2/{method}", self.access.url)).json(body);
        Ok(accepted(self.authorized(request), method).await?.json().await?)
    }

    /// The request as it is now.
    ///
    /// # Errors
    /// When the service does not answer.
    pub async fn request(&self, id: &str) -> Result<Request> {
        let request = self.http.get(format!("{}/v1/requests/{id}", self.access.url));
        Ok(accepted(self.authorized(request), "the request cannot be read").await?.json().await?)
    }

    /// Waits until the request has ended, at most `patience`.
    ///
    /// # Errors
    /// When it does not end in time, or ends in anything but `signed`; the reason is told.
    pub async fn wait(&self, id: &str, patience: Duration) -> Result<Request> {
        let request = self.ended(id, patience).await?;
        match (request.state.as_str(), &request.failure) {
            ("signed", _) => Ok(request),
            (state, Some(failure)) => bail!("the request ended as {state}: {} ({})", failure.detail, failure.code),
            (state, None) => bail!("the request ended as {state}; nothing was signed"),
        }
    }

    /// The request once it has ended, however.
    ///
    /// # Errors
    /// When it does not end within `patience`; it is cancelled then.
    pub async fn ended(&self, id: &str, patience: Duration) -> Result<Request> {
        if let Ok(ended) = tokio::time::timeout(patience, self.watch(id)).await {
            return ended;
        }
        self.cancel(id).await?;
        bail!("the citizen has not confirmed in time; the request was cancelled and nothing was signed")
    }

    /// Withdraws a request that is still waiting.
    ///
    /// # Errors
    /// When the service does not answer, or the request has just ended.
    pub async fn cancel(&self, id: &str) -> Result<()> {
        let request = self.http.delete(format!("{}/v1/requests/{id}", self.access.url));
        accepted(self.authorized(request), "the citizen has not confirmed in time, and the request cannot be cancelled")
            .await
            .map(drop)
    }

    async fn watch(&self, id: &str) -> Result<Request> {
        let mut pause = FIRST_POLL;
        let mut told = 0;
        loop {
            let request = self.request(id).await?;
            let Progress { done, of } = request.progress;
            if of > 1 && done > told {
                eprintln!("{done} of {of} signed");
                told = done;
            }
            if !matches!(request.state.as_str(), "waiting" | "confirmed") {
                return Ok(request);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LAST_POLL);
        }
    }

    /// The `n`-th signed document, from 1.
    ///
    /// # Errors
    /// When the service does not hand it out.
    pub async fn document(&self, id: &str, n: usize) -> Result<Vec<u8>> {
        let request = self.http.get(format!("{}/v1/requests/{id}/documents/{n}", self.access.url));
        Ok(accepted(self.authorized(request), "the signed document cannot be fetched").await?.bytes().await?.into())
    }

    /// The receipt of the `n`-th signer, from 1.
    ///
    /// # Errors
    /// When the service does not hand it out.
    pub async fn receipt(&self, id: &str, n: usize) -> Result<Vec<u8>> {
        let request = self.http.get(format!("{}/v1/requests/{id}/receipts/{n}", self.access.url));
        Ok(accepted(self.authorized(request), "the receipt cannot be fetched").await?.bytes().await?.into())
    }

    /// Has events told to an address, once it has accepted a ping; gives the secret they are signed with.
    ///
    /// # Errors
    /// When the service refuses the address.
    pub async fn add_webhook(&self, url: &str) -> Result<Secret> {
        let request = self.http.post(format!("{}/v1/webhooks", self.access.url)).json(&json!({"url": url}));
        let added: Value = accepted(self.authorized(request), "the webhook was refused").await?.json().await?;
        let text = |member: &str| {
            added.get(member).and_then(Value::as_str).with_context(|| format!("the service gave no {member}"))
        };
        let (path, secret) = (format!("/v1/webhooks/{}", text("id")?), Secret::new(text("secret")?));
        // Events are told from the moment the ping has been accepted.
        while self.read::<Value>(&path).await?.get("state").and_then(Value::as_str) != Some("active") {
            tokio::time::sleep(FIRST_POLL).await;
        }
        Ok(secret)
    }

    /// Plays the citizen of a sandbox: looks at the page, has a code sent, reads it in the outbox, enters it.
    ///
    /// # Errors
    /// When a step is refused, or this is no sandbox.
    pub async fn confirm_as_citizen(&self, request: &Request) -> Result<()> {
        self.ask_for_code(&request.confirm_url).await?;
        let code = self.code_for(&request.id).await?;
        self.step(&request.confirm_url, "confirm", &[("code", code.expose())]).await
    }

    /// The same on the page of one of several, with the newest code on that signer's telephone; gives the code.
    ///
    /// # Errors
    /// As [`Self::confirm_as_citizen`].
    pub async fn confirm_on_page(&self, page: &str, phone: &str) -> Result<Secret> {
        self.ask_for_code(page).await?;
        let code = self.newest_code("to", phone).await?;
        self.step(page, "confirm", &[("code", code.expose())]).await?;
        Ok(code)
    }

    async fn ask_for_code(&self, page: &str) -> Result<()> {
        let shown = self.http.get(page).send().await?;
        if !shown.status().is_success() {
            bail!("the citizen's page answered {}", shown.status());
        }
        self.step(page, "code", &[]).await
    }

    /// The newest code the sandbox sent for a request.
    ///
    /// # Errors
    /// When there is none.
    pub async fn code_for(&self, id: &str) -> Result<Secret> {
        self.newest_code("transaction", id).await
    }

    async fn newest_code(&self, member: &str, value: &str) -> Result<Secret> {
        let outbox = self.access.outbox_url.as_deref().context("only a sandbox has an outbox")?;
        let messages: Vec<Value> = self.http.get(outbox).send().await?.error_for_status()?.json().await?;
        let newest = messages.iter().rev().find(|message| message.get(member).and_then(Value::as_str) == Some(value));
        let code =
            newest.and_then(|message| message.get("code")?.as_str()).context("no code was sent for this request")?;
        Ok(Secret::new(code))
    }

    async fn step(&self, page: &str, step: &str, form: &[(&str, &str)]) -> Result<()> {
        let answer = self.http.post(format!("{page}/{step}")).form(form).send().await?;
        if answer.status() != StatusCode::SEE_OTHER {
            bail!("the citizen's step {step:?} answered {}", answer.status());
        }
        let location = answer.headers().get("location").and_then(|value| value.to_str().ok()).unwrap_or_default();
        match notice(location) {
            None | Some("sent") => Ok(()),
            Some(word) => bail!("the citizen's step {step:?} did not succeed: {word}"),
        }
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        request.bearer_auth(self.token.expose())
    }
}

/// The word by which the page says after its redirect that a step did not succeed.
fn notice(location: &str) -> Option<&str> {
    let query = location.split_once('?')?.1.split('#').next()?;
    query.split('&').find_map(|pair| pair.strip_prefix("n="))
}

/// Sends, and turns a refusal into its own words: RFC 9457 `detail`, or OAuth's `error_description`.
async fn accepted(request: RequestBuilder, what: &str) -> Result<Response> {
    judged(request.send().await.with_context(|| what.to_owned())?, what).await
}

async fn judged(answer: Response, what: &str) -> Result<Response> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let body: Value = answer.json().await.unwrap_or_default();
    let said = ["detail", "error_description", "title", "error"].iter().find_map(|member| body.get(member)?.as_str());
    let hint = if status == StatusCode::PAYLOAD_TOO_LARGE { "; --hash-only signs files of any size" } else { "" };
    bail!("{what} ({}): {}{hint}", status.as_u16(), said.unwrap_or("no reason was given"))
}

/// 128 bits that no other run repeats: the standard library seeds its hashers from the system's randomness. The key guards
/// against sending twice, not against anybody.
fn random_key() -> String {
    let half = || RandomState::new().build_hasher().finish();
    format!("kyso-sign-{:016x}{:016x}", half(), half())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_that_carries_a_word_did_not_succeed() {
        assert_eq!(notice("/c/t?lang=vi&n=wrong#sign"), Some("wrong"));
        assert_eq!(notice("/c/t?lang=vi#sign"), None);
        assert_eq!(notice("/c/t"), None);
    }

    #[test]
    fn two_requests_have_two_keys() {
        assert_ne!(random_key(), random_key());
    }
}
