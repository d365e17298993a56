//! How codes leave: an SMS gateway over HTTP, or the sandbox's outbox.

use async_trait::async_trait;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use time::format_description::well_known::Rfc3339;
use zeroize::Zeroizing;

use crate::authorization::{ChannelError, CodeMessage, MessageChannel};
use crate::domain::{Clock, Method};

/// Messages the outbox keeps: a test run's worth, in a few megabytes at most.
const OUTBOX_MESSAGES: usize = 10_000;
/// A gateway that has not accepted a message by then is treated as down.
const GATEWAY_TIMEOUT: Duration = Duration::from_secs(10);

/// Keeps messages in memory for whoever asks: for the sandbox only.
pub struct Outbox {
    clock: Arc<dyn Clock>,
    messages: Mutex<VecDeque<Value>>,
}

impl Outbox {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, messages: Mutex::new(VecDeque::new()) }
    }

    /// All messages, newest last, as the sandbox shows them.
    pub fn messages(&self) -> Value {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

#[async_trait]
impl MessageChannel for Outbox {
    fn method(&self) -> Method {
        Method::Sms
    }

    async fn send(&self, message: &CodeMessage) -> Result<(), ChannelError> {
        let sent_at = self.clock.now().format(&Rfc3339).map_err(|error| ChannelError(error.to_string()))?;
        let entry = json!({
            "to": message.to,
            "channel": self.method().name(),
            "code": message.code.expose(),
            "text": message.text.expose(),
            "transaction": message.transaction,
            "sent_at": sent_at,
        });
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        if messages.len() == OUTBOX_MESSAGES {
            messages.pop_front();
        }
        messages.push_back(entry);
        Ok(())
    }
}

/// An SMS gateway: `POST {"to", "text"}` as JSON with a bearer token; any 2xx means accepted.
pub struct SmsGateway {
    client: reqwest::Client,
    url: reqwest::Url,
    token: Option<Zeroizing<String>>,
}

impl SmsGateway {
    /// # Errors
    /// When the address is not a URL or the client cannot be made.
    pub fn new(url: &str, token: Option<Zeroizing<String>>) -> Result<Self, ChannelError> {
        let url = url.parse().map_err(|_| ChannelError("messages.sms_gateway is not a URL".into()))?;
        let client = reqwest::Client::builder()
            .timeout(GATEWAY_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| ChannelError(error.to_string()))?;
        Ok(Self { client, url, token })
    }
}

#[async_trait]
impl MessageChannel for SmsGateway {
    fn method(&self) -> Method {
        Method::Sms
    }

    async fn send(&self, message: &CodeMessage) -> Result<(), ChannelError> {
        let mut request =
            self.client.post(self.url.clone()).json(&json!({"to": message.to, "text": message.text.expose()}));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.as_str());
        }
        // The error's text could hold the address with its query; it goes to the log without it.
        let answer = request.send().await.map_err(|error| ChannelError(error.without_url().to_string()))?;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(ChannelError(format!("it answered {}", answer.status())))
        }
    }
}

/// Stands in where no code is ever sent: administration.
pub struct Unconfigured;

#[async_trait]
impl MessageChannel for Unconfigured {
    fn method(&self) -> Method {
        Method::Sms
    }

    async fn send(&self, _message: &CodeMessage) -> Result<(), ChannelError> {
        Err(ChannelError("none is configured".into()))
    }
}
