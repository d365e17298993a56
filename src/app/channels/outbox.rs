//! Keeps messages in memory for whoever asks: for the sandbox only.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::authorization::{Alphabet, ChannelError, CodeMessage, MessageChannel, wording};
use crate::domain::{Clock, Method};

/// Messages the outbox keeps: a test run's worth, in a few megabytes at most.
const OUTBOX_MESSAGES: usize = 10_000;

/// The telephone of every signer of a sandbox.
pub struct Outbox {
    clock: Arc<dyn Clock>,
    /// Of the page, for the last line.
    host: Option<String>,
    messages: Mutex<VecDeque<Value>>,
}

impl Outbox {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, host: None, messages: Mutex::new(VecDeque::new()) }
    }

    /// Binds codes to the page's origin.
    #[must_use]
    pub fn on(self, host: Option<String>) -> Self {
        Self { host, ..self }
    }

    /// All messages, newest last, as the sandbox shows them.
    pub fn messages(&self) -> Value {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn put(&self, method: Method, message: &CodeMessage) -> Result<(), ChannelError> {
        let sent_at = self.clock.now().format(&Rfc3339).map_err(|error| ChannelError(error.to_string()))?;
        let (facts, code, host) = (&message.facts, &message.code, self.host.as_deref());
        let text = match method {
            Method::Email => wording::email(facts, code, host).1,
            _ => wording::sms(Alphabet::Gsm7, facts, code, host),
        };
        let entry = json!({
            "to": message.to,
            "channel": method.name(),
            "code": code.expose(),
            "text": text.expose(),
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

#[async_trait]
impl MessageChannel for Outbox {
    fn method(&self) -> Method {
        Method::Sms
    }

    async fn send(&self, message: &CodeMessage) -> Result<(), ChannelError> {
        self.put(Method::Sms, message)
    }
}

/// The mailbox beside the telephone.
pub struct MailOutbox(pub Arc<Outbox>);

#[async_trait]
impl MessageChannel for MailOutbox {
    fn method(&self) -> Method {
        Method::Email
    }

    async fn send(&self, message: &CodeMessage) -> Result<(), ChannelError> {
        self.0.put(Method::Email, message)
    }
}
