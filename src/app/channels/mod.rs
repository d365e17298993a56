//! How codes leave: an SMS gateway over HTTP ([`sms`]), a mail server ([`smtp`]), or the sandbox's [`outbox`].

pub mod outbox;
pub mod sms;
pub mod smtp;

use async_trait::async_trait;

use crate::authorization::{ChannelError, CodeMessage, MessageChannel};
use crate::domain::Method;

pub use outbox::{MailOutbox, Outbox};

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
