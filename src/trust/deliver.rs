//! Messages to addresses that portals named: outside data, so the guard decides, and nothing of an answer is kept but its status.
//!
//! A message goes over https; over http only to what the operator allowed by name. Every address of the host is checked, the
//! connection goes to a checked one, no redirect is followed, the answer's body is not read, and what cannot be decided is refused.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};

use super::client::{plain, resolve, unreachable};
use super::fetch::FetchError;
use super::guard::{Destination, Forbidden, Guard};

/// Sends messages, or pretends to.
#[async_trait]
pub trait Deliver: Send + Sync {
    /// Checks an address as far as its text tells, before it is taken.
    ///
    /// # Errors
    /// [`Forbidden`].
    fn check(&self, url: &str) -> Result<(), Forbidden>;

    /// # Errors
    /// [`FetchError`] when there was no answer.
    async fn deliver(&self, message: &Message) -> Result<Answer, FetchError>;
}

/// JSON on its way.
#[derive(Debug, Clone)]
pub struct Message {
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

/// What a receiver said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Seconds it asks to be left alone for.
    pub retry_after: Option<u32>,
}

/// Delivers over HTTP.
pub struct HttpDeliver {
    guard: Guard,
    /// From the name's resolution to the answer's head.
    timeout: Duration,
}

impl HttpDeliver {
    pub fn new(guard: Guard, timeout: Duration) -> Self {
        Self { guard, timeout }
    }

    /// Without encryption only to places the operator named.
    fn permitted(&self, to: &Destination, addresses: &[IpAddr]) -> Result<(), Forbidden> {
        let named = !addresses.is_empty() && addresses.iter().all(|address| self.guard.is_excepted(to, *address));
        if to.url().scheme() == "https" || named { Ok(()) } else { Err(Forbidden::Unencrypted) }
    }

    async fn run(&self, message: &Message) -> Result<Answer, FetchError> {
        let to = self.guard.destination(&message.url)?;
        let found = resolve(&to).await?;
        let addresses = self.guard.addresses(&to, &found)?;
        self.permitted(&to, &found)?;
        let mut builder = plain().pool_max_idle_per_host(0).http1_only();
        if let Some(name) = to.name() {
            builder = builder.resolve_to_addrs(name, &addresses);
        }
        if to.url().scheme() == "http" {
            // Reading the system's certificates would take longer than the request.
            builder = builder.tls_certs_only(std::iter::empty());
        }
        let client = builder.build().map_err(unreachable)?;
        let mut request = client.post(to.url().clone()).header(CONTENT_TYPE, "application/json");
        for (name, value) in &message.headers {
            request = request.header(*name, value);
        }
        // Dropping the response closes the connection: however long its body is, none of it is read.
        let response = request.body(message.body.clone()).send().await.map_err(unreachable)?;
        let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Ok(Answer { status: response.status().as_u16(), retry_after: asked })
    }
}

#[async_trait]
impl Deliver for HttpDeliver {
    fn check(&self, url: &str) -> Result<(), Forbidden> {
        let to = self.guard.destination(url)?;
        match to.literal() {
            Some(address) => self.permitted(&to, &[address]),
            // Whether a name is excepted is known once it is resolved.
            None if to.url().scheme() == "https" || self.guard.has_exceptions() => Ok(()),
            None => Err(Forbidden::Unencrypted),
        }
    }

    async fn deliver(&self, message: &Message) -> Result<Answer, FetchError> {
        tokio::time::timeout(self.timeout, self.run(message)).await.unwrap_or(Err(FetchError::TimedOut(self.timeout)))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read as _, Write as _};
    use std::net::TcpListener;

    use super::super::guard::Allowed;
    use super::super::guard::tests::HOSTILE;
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);

    fn message(url: &str) -> Message {
        let headers = vec![("webhook-id", "evt_1".to_owned())];
        Message { url: url.to_owned(), headers, body: "{\"type\":\"webhook.ping\"}".to_owned() }
    }

    fn listener() -> (TcpListener, u16) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bound");
        let port = listener.local_addr().expect("address").port();
        (listener, port)
    }

    fn allowing(exceptions: &[String]) -> HttpDeliver {
        let allowed: Vec<Allowed> = exceptions.iter().map(|text| text.parse().expect("an exception")).collect();
        HttpDeliver::new(Guard::new(allowed), TIMEOUT)
    }

    fn untouched(listener: &TcpListener) -> bool {
        listener.set_nonblocking(true).expect("set");
        matches!(listener.accept(), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    /// Answers one connection with this and gives what was sent.
    fn answering(answer: Vec<u8>) -> (u16, std::thread::JoinHandle<String>) {
        let (listener, port) = listener();
        let heard = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut request = [0; 4096];
            let read = stream.read(&mut request).expect("a request");
            // The other side hangs up on whoever says too much.
            let _ = stream.write_all(&answer);
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        (port, heard)
    }

    #[tokio::test]
    async fn no_hostile_address_is_reached_by_a_webhook() {
        let (listener, port) = listener();
        let elsewhere = allowing(&[format!("192.0.2.77:{port}")]);
        let with_port = |text: &&str| {
            let mut url = url::Url::parse(text).ok()?;
            url.set_port(Some(port)).ok()?;
            Some(url.to_string())
        };
        let names = ["localhost", "LOCALHOST.", "localhost.localdomain"].map(|name| format!("http://{name}:{port}/"));
        let aimed: Vec<String> = HOSTILE.iter().filter_map(with_port).chain(names).collect();
        let all = HOSTILE.iter().map(|text| (*text).to_owned()).chain(aimed);
        let mut tried = 0;
        for url in all {
            let refused = elsewhere.deliver(&message(&url)).await.expect_err(&url);
            assert!(matches!(refused, FetchError::Forbidden(_) | FetchError::Unreachable(_)), "{url}: {refused}");
            tried += 1;
        }
        assert!(tried >= 60 && untouched(&listener));
    }

    #[test]
    fn hostile_addresses_are_refused_before_they_are_stored() {
        let strict = allowing(&[]);
        for url in HOSTILE.iter().chain(&["http://portal.example/", "http://8.8.8.8/"]) {
            assert!(strict.check(url).is_err(), "{url}");
        }
        assert_eq!(strict.check("https://portal.example/hook?x=1"), Ok(()));
        assert_eq!(strict.check("http://portal.example/"), Err(Forbidden::Unencrypted));
    }

    #[tokio::test]
    async fn what_a_name_stands_for_counts_and_not_the_name() {
        let (listener, port) = listener();
        // Opened for another name; `localhost` resolves to this machine all the same.
        let to = allowing(&[format!("portal.internal:{port}")]);
        let refused = to.deliver(&message(&format!("https://localhost:{port}/"))).await;
        assert!(matches!(refused, Err(FetchError::Forbidden(Forbidden::Address(_)))), "{refused:?}");
        assert!(untouched(&listener));
    }

    #[tokio::test]
    async fn message_arrives_whole_at_an_allowed_address() {
        let (port, heard) = answering(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec());
        let to = allowing(&[format!("127.0.0.1:{port}")]);
        let answer = to.deliver(&message(&format!("http://127.0.0.1:{port}/hook"))).await.expect("an answer");
        assert_eq!(answer, Answer { status: 204, retry_after: None });
        let heard = heard.join().expect("heard").to_lowercase();
        assert!(heard.starts_with("post /hook http/1.1\r\n") && heard.contains("\r\nwebhook-id: evt_1\r\n"), "{heard}");
        assert!(heard.contains("content-type: application/json"), "{heard}");
    }

    #[tokio::test]
    async fn redirects_are_told_and_not_followed() {
        let (secret, secret_port) = listener();
        let redirect =
            format!("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{secret_port}/\r\nContent-Length: 0\r\n\r\n");
        let (port, _heard) = answering(redirect.into_bytes());
        let to = allowing(&[format!("127.0.0.1:{port}"), format!("127.0.0.1:{secret_port}")]);
        let answer = to.deliver(&message(&format!("http://127.0.0.1:{port}/"))).await.expect("an answer");
        assert_eq!(answer.status, 302);
        assert!(untouched(&secret));
    }

    #[tokio::test]
    async fn a_gigabyte_of_answer_is_not_read() {
        let (listener, port) = listener();
        let sent = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n");
            let chunk = vec![b'x'; 1 << 20];
            (0..1024).take_while(|_| stream.write_all(&chunk).is_ok()).count()
        });
        let to = allowing(&[format!("127.0.0.1:{port}")]);
        let answer = to.deliver(&message(&format!("http://127.0.0.1:{port}/"))).await.expect("an answer");
        assert_eq!(answer.status, 200);
        // The connection is closed by a task of its own, which must not be kept from it.
        let sent = tokio::task::spawn_blocking(|| sent.join().expect("sent")).await.expect("joined");
        assert!(sent < 64, "megabytes that the system's buffers took, at most");
    }

    #[tokio::test]
    async fn endless_head_and_silence_are_given_up() {
        let (port, _heard) = answering([b"HTTP/1.1 200 OK\r\nX: ".as_slice(), &vec![b'x'; 4 << 20]].concat());
        let to = allowing(&[format!("127.0.0.1:{port}")]);
        let refused = to.deliver(&message(&format!("http://127.0.0.1:{port}/"))).await;
        assert!(matches!(refused, Err(FetchError::Unreachable(_))), "{refused:?}");
        let (_silent, port) = listener();
        let timeout = Duration::from_millis(1);
        let to = HttpDeliver::new(Guard::new(vec![format!("127.0.0.1:{port}").parse().expect("one")]), timeout);
        let refused = to.deliver(&message(&format!("http://127.0.0.1:{port}/"))).await;
        assert_eq!(refused, Err(FetchError::TimedOut(timeout)));
    }

    #[tokio::test]
    async fn receiver_may_ask_for_time() {
        let (port, _heard) = answering(b"HTTP/1.1 503 Busy\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n".to_vec());
        let to = allowing(&[format!("127.0.0.1:{port}")]);
        let answer = to.deliver(&message(&format!("http://127.0.0.1:{port}/"))).await.expect("an answer");
        assert_eq!(answer, Answer { status: 503, retry_after: Some(120) });
    }
}
