//! A portal's receiver of webhooks: it takes every message, and checks the signatures once the secret is known.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::app::system::SystemClock;
use crate::domain::webhook::{NotAuthentic, WebhookSecret};
use crate::domain::{Clock as _, Secret};

/// Between two looks at what has come.
const LOOK: Duration = Duration::from_millis(20);

/// One message as it came.
#[derive(Debug, Clone)]
pub struct Message {
    id: String,
    timestamp: String,
    signature: String,
    pub body: String,
}

impl Message {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// # Errors
    /// Why the message is not the service's.
    pub fn check(&self, secret: &Secret) -> Result<(), NotAuthentic> {
        let headers = (self.id.as_str(), self.timestamp.as_str(), self.signature.as_str());
        WebhookSecret::parse(secret.expose())?.verify(headers, self.body.as_bytes(), SystemClock.now())
    }
}

type Heard = Arc<Mutex<Vec<Message>>>;

pub struct Receiver {
    address: SocketAddr,
    heard: Heard,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Receiver {
    /// # Errors
    /// When no port can be opened.
    pub async fn open() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no port for webhooks")?;
        let (address, heard) = (listener.local_addr()?, Heard::default());
        let app = axum::Router::new().route("/hook", post(take)).with_state(heard.clone());
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                eprintln!("kyso demo: the receiver of webhooks has ended: {error}");
            }
        });
        Ok(Self { address, heard, server })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// All messages, oldest first by their number, once there are so many or the time is over.
    pub async fn heard(&self, count: usize, patience: Duration) -> Vec<Message> {
        let all = || self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let enough = async {
            while all().len() < count {
                tokio::time::sleep(LOOK).await;
            }
        };
        // What came until then is shown either way.
        let _ = tokio::time::timeout(patience, enough).await;
        let mut heard = all();
        heard.sort_by_key(|message| message.json().get("sequence").and_then(Value::as_u64));
        heard
    }
}

async fn take(State(heard): State<Heard>, headers: HeaderMap, body: String) -> StatusCode {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (id, timestamp, signature) = (text("webhook-id"), text("webhook-timestamp"), text("webhook-signature"));
    heard.lock().unwrap_or_else(PoisonError::into_inner).push(Message { id, timestamp, signature, body });
    StatusCode::NO_CONTENT
}
