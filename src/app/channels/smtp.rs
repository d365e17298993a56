//! Codes by e-mail over a submission server (RFC 6409). Off unless configured: a mailbox proves less than a telephone.

use std::time::Duration;

use async_trait::async_trait;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use zeroize::Zeroizing;

use crate::authorization::{ChannelError, CodeMessage, MessageChannel, wording};
use crate::domain::Method;

const TIMEOUT: Duration = Duration::from_secs(15);

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// Plain first, then TLS or nothing at all.
    #[default]
    StartTls,
    Tls,
    /// For a server on this machine only.
    None,
}

/// Where mail is handed over.
#[derive(Clone)]
pub struct Server {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub login: Option<(String, Zeroizing<String>)>,
    /// `Ký số <ky-so@example.gov.vn>`.
    pub from: String,
}

/// A mail server.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    /// Of the page.
    page: Option<String>,
    timeout: Duration,
}

impl Smtp {
    /// # Errors
    /// What cannot be used; plain text leaves this machine never.
    pub fn new(server: Server, page: Option<String>) -> Result<Self, ChannelError> {
        let from = server.from.parse().map_err(|_| ChannelError("messages.email.from is no address".into()))?;
        let tls = || {
            TlsParameters::new(server.host.clone()).map_err(|error| ChannelError(format!("messages.email: {error}")))
        };
        let tls = match server.security {
            Security::StartTls => Tls::Required(tls()?),
            Security::Tls => Tls::Wrapper(tls()?),
            Security::None if matches!(server.host.as_str(), "127.0.0.1" | "::1" | "localhost") => Tls::None,
            Security::None => {
                return Err(ChannelError("messages.email.security = \"none\" is for a server on this machine".into()));
            }
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
            .port(server.port)
            .timeout(Some(TIMEOUT))
            .tls(tls);
        if let Some((user, password)) = server.login {
            builder = builder.credentials(Credentials::new(user, password.to_string()));
        }
        Ok(Self { transport: builder.build(), from, page, timeout: TIMEOUT })
    }

    /// Waits at most so long for a letter to be taken.
    #[must_use]
    pub fn within(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    fn letter(&self, message: &CodeMessage) -> Result<Message, ChannelError> {
        let to: Mailbox = message.to.parse().map_err(|_| ChannelError("the registered address is none".into()))?;
        let (subject, text) = wording::email(&message.facts, &message.code, self.page.as_deref());
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text.expose().to_owned())
            .map_err(|error| ChannelError(error.to_string()))
    }
}

#[async_trait]
impl MessageChannel for Smtp {
    fn method(&self) -> Method {
        Method::Email
    }

    async fn send(&self, message: &CodeMessage) -> Result<(), ChannelError> {
        let letter = self.letter(message)?;
        // The server's answer could repeat the letter: only what kind of failure it was goes on.
        // The transport's own bound covers connecting alone: a server that accepts and then says nothing would hold the page.
        let sent = tokio::time::timeout(self.timeout, self.transport.send(letter)).await;
        let sent = sent.map_err(|_| ChannelError("the mail server does not answer in time".to_owned()))?;
        sent.map(drop).map_err(|error| {
            let kind = match error.status() {
                Some(code) => format!("the mail server answered {code}"),
                None if error.is_timeout() => "the mail server does not answer in time".to_owned(),
                None if error.is_tls() => "no protected connection to the mail server".to_owned(),
                None => "the mail server cannot be reached".to_owned(),
            };
            ChannelError(kind)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorization::Facts;
    use crate::domain::{Secret, TransactionId};

    fn server(host: &str, security: Security) -> Server {
        let from = "Ký số <ky-so@example.vn>".to_owned();
        Server { host: host.into(), port: 25, security, login: None, from }
    }

    #[test]
    fn plain_text_is_for_this_machine_only() {
        assert!(Smtp::new(server("127.0.0.1", Security::None), None).is_ok());
        assert!(Smtp::new(server("mail.example.vn", Security::None), None).is_err());
        assert!(Smtp::new(server("mail.example.vn", Security::StartTls), None).is_ok());
        let nobody = Server { from: "nobody".into(), ..server("127.0.0.1", Security::None) };
        assert!(Smtp::new(nobody, None).is_err());
    }

    #[test]
    fn names_with_line_breaks_make_no_header() {
        let smtp = Smtp::new(server("127.0.0.1", Security::None), Some("ky.example.vn".into())).expect("usable");
        let facts = Facts {
            portal: "A\r\nBcc: x@evil.example\r\n\r\nB".into(),
            documents: 1,
            fingerprint: "F".into(),
            minutes: 5,
        };
        let message = |to: &str| CodeMessage {
            to: to.into(),
            code: Secret::new("123456"),
            facts: facts.clone(),
            transaction: TransactionId::parse("t").expect("id"),
        };
        let letter =
            String::from_utf8(smtp.letter(&message("an@example.vn")).expect("a letter").formatted()).expect("ASCII");
        let (head, _) = letter.split_once("\r\n\r\n").expect("a head");
        assert!(!head.contains("Bcc") && !head.contains("123456") && head.contains("To: an@example.vn"), "{head}");
        assert!(smtp.letter(&message("an@example.vn\r\nBcc: x@evil.example")).is_err());
    }
}
