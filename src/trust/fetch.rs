//! One request to a trust service, as a trait: the real client stands behind it, and in tests a list of answers.

use std::time::Duration;

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::guard::Forbidden;

/// Fetches over the network, or pretends to.
#[async_trait]
pub trait Fetch: Send + Sync {
    /// The body of a 2xx answer.
    ///
    /// # Errors
    /// [`FetchError`].
    async fn fetch(&self, request: &Request) -> Result<Vec<u8>, FetchError>;
}

/// What to fetch.
#[derive(Debug, Clone)]
pub struct Request {
    pub url: String,
    pub method: Method,
    pub origin: Origin,
    /// Value of the Authorization header.
    pub authorization: Option<Authorization>,
    pub limits: Limits,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    Get,
    Post { content_type: &'static str, body: Vec<u8> },
}

/// Who named the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The configuration: taken at its word.
    Operator,
    /// A certificate or a list: outside data, which the guard checks.
    Document,
}

/// A header value that is not printed and is wiped.
#[derive(Clone)]
pub struct Authorization(Zeroizing<String>);

impl Authorization {
    /// `Basic`, from `user:password` (RFC 7617).
    pub fn basic(user_and_password: &str) -> Self {
        use base64::Engine as _;
        let encoded = base64::engine::general_purpose::STANDARD.encode(user_and_password);
        Self(Zeroizing::new(format!("Basic {encoded}")))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Authorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Bounds of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of the body; reading stops there.
    pub bytes: usize,
    /// From the name's resolution to the body's last octet.
    pub timeout: Duration,
}

/// Why nothing was fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Nothing was sent.
    #[error("not fetched: {0}")]
    Forbidden(#[from] Forbidden),
    #[error("not reached: {0}")]
    Unreachable(String),
    #[error("no answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    #[error("answered with status {0}")]
    Status(u16),
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    #[error("redirected too often, or where a request is not sent again")]
    Redirect,
}
