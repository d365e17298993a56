//! The real client: names are resolved here, checked, and the connection goes to the checked addresses alone.

use std::error::Error as _;
use std::net::IpAddr;

use async_trait::async_trait;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Response, Url};

use super::fetch::{Fetch, FetchError, Method, Origin, Request};
use super::guard::{Destination, Forbidden, Guard};

/// Redirects followed for a GET, each checked like the first address. Authorities use one, from http to https.
const MAX_REDIRECTS: usize = 3;

const USER_AGENT: &str = concat!("kyso/", env!("CARGO_PKG_VERSION"));

/// Fetches over HTTP. Proxies of the environment are not used: they would resolve names by themselves, past the guard.
pub struct HttpFetch {
    guard: Guard,
    /// For addresses of the configuration; keeps connections open.
    operator: Client,
}

impl HttpFetch {
    /// # Errors
    /// When the client cannot be made (no usable TLS set-up).
    pub fn new(guard: Guard) -> Result<Self, FetchError> {
        Ok(Self { guard, operator: plain().build().map_err(unreachable)? })
    }

    async fn run(&self, request: &Request) -> Result<Vec<u8>, FetchError> {
        let mut target = request.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let (client, url) = self.client_for(&target, request.origin).await?;
            let response = send(&client, url, request).await?;
            if !response.status().is_redirection() {
                return body(response, request.limits.bytes).await;
            }
            if request.method != Method::Get || request.origin == Origin::Operator {
                return Err(FetchError::Redirect);
            }
            target = next(&response).ok_or(FetchError::Redirect)?;
        }
        Err(FetchError::Redirect)
    }

    async fn client_for(&self, text: &str, origin: Origin) -> Result<(Client, Url), FetchError> {
        if origin == Origin::Operator {
            let url = Url::parse(text).map_err(|_| Forbidden::Malformed)?;
            return Ok((self.operator.clone(), url));
        }
        let to = self.guard.destination(text)?;
        let addresses = self.guard.addresses(&to, &resolve(&to).await?)?;
        let mut builder = plain().pool_max_idle_per_host(0);
        if let Some(name) = to.name() {
            builder = builder.resolve_to_addrs(name, &addresses);
        }
        if to.url().scheme() == "http" {
            // Reading the system's certificates would take longer than the request.
            builder = builder.tls_certs_only(std::iter::empty());
        }
        Ok((builder.build().map_err(unreachable)?, to.url().clone()))
    }
}

#[async_trait]
impl Fetch for HttpFetch {
    async fn fetch(&self, request: &Request) -> Result<Vec<u8>, FetchError> {
        let timeout = request.limits.timeout;
        tokio::time::timeout(timeout, self.run(request)).await.unwrap_or(Err(FetchError::TimedOut(timeout)))
    }
}

pub(super) fn plain() -> ClientBuilder {
    Client::builder().no_proxy().redirect(Policy::none()).user_agent(USER_AGENT).referer(false)
}

/// Every address of the destination.
pub(super) async fn resolve(to: &Destination) -> Result<Vec<IpAddr>, FetchError> {
    let Some(name) = to.name() else { return Ok(to.literal().into_iter().collect()) };
    let found = tokio::net::lookup_host((name, to.port())).await;
    let found = found.map_err(|error| FetchError::Unreachable(error.to_string()))?;
    Ok(found.map(|address| address.ip()).collect())
}

async fn send(client: &Client, url: Url, request: &Request) -> Result<Response, FetchError> {
    let mut builder = match &request.method {
        Method::Get => client.get(url),
        Method::Post { content_type, body } => client.post(url).header(CONTENT_TYPE, *content_type).body(body.clone()),
    };
    builder = builder.header(ACCEPT, "*/*");
    if let Some(authorization) = &request.authorization {
        builder = builder.header(AUTHORIZATION, authorization.expose());
    }
    builder.send().await.map_err(unreachable)
}

async fn body(mut response: Response, limit: usize) -> Result<Vec<u8>, FetchError> {
    if !response.status().is_success() {
        return Err(FetchError::Status(response.status().as_u16()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len().saturating_add(chunk.len()) > limit {
            return Err(FetchError::TooLarge(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Where the answer points to, in full.
fn next(response: &Response) -> Option<String> {
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    response.url().join(location).ok().map(String::from)
}

/// The cause, without the address: queries may hold what should not be logged.
pub(super) fn unreachable(error: reqwest::Error) -> FetchError {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    FetchError::Unreachable(text)
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read as _, Write as _};
    use std::net::TcpListener;
    use std::time::Duration;

    use super::super::fetch::Limits;
    use super::super::guard::tests::HOSTILE;
    use super::super::guard::{Allowed, Guard};
    use super::*;

    const LIMITS: Limits = Limits { bytes: 1000, timeout: Duration::from_secs(10) };

    fn get(url: &str) -> Request {
        let origin = Origin::Document;
        Request { url: url.to_owned(), method: Method::Get, origin, authorization: None, limits: LIMITS }
    }

    fn listener() -> (TcpListener, u16) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bound");
        let port = listener.local_addr().expect("address").port();
        (listener, port)
    }

    fn untouched(listener: &TcpListener) -> bool {
        listener.set_nonblocking(true).expect("set");
        matches!(listener.accept(), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    /// Answers one connection after the other with these texts.
    fn answering(answers: Vec<String>) -> u16 {
        let (listener, port) = listener();
        std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().expect("a connection");
                let mut request = [0; 4096];
                let _ = stream.read(&mut request);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        port
    }

    fn ok(body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
    }

    fn redirect(to: &str) -> String {
        format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    }

    fn allowing(ports: &[u16]) -> HttpFetch {
        let allowed = ports.iter().map(|port| Allowed::exactly(([127, 0, 0, 1], *port).into()));
        HttpFetch::new(Guard::new(allowed.collect())).expect("client")
    }

    #[tokio::test]
    async fn no_hostile_address_reaches_a_local_service() {
        let (listener, port) = listener();
        // The port alone is open to a name elsewhere: only the addresses stand between.
        let elsewhere = format!("192.0.2.77:{port}").parse().expect("an exception");
        let fetch = HttpFetch::new(Guard::new(vec![elsewhere])).expect("client");
        let with_port = |text: &&str| {
            let mut url = Url::parse(text).ok()?;
            url.set_port(Some(port)).ok()?;
            Some(url.to_string())
        };
        let aimed = HOSTILE.iter().filter_map(with_port);
        let names = ["localhost", "LOCALHOST"];
        let names = names.iter().map(|name| format!("http://{name}:{port}/"));
        for url in HOSTILE.iter().map(|text| (*text).to_owned()).chain(aimed).chain(names) {
            let refused = fetch.fetch(&get(&url)).await.expect_err(&url);
            assert!(matches!(refused, FetchError::Forbidden(_) | FetchError::Unreachable(_)), "{url}: {refused}");
        }
        assert!(untouched(&listener));
    }

    #[tokio::test]
    async fn allowed_address_is_fetched_and_its_body_is_bounded() {
        let large = "x".repeat(2000);
        let port =
            answering(vec![ok("body"), ok(&large), "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".into()]);
        let (fetch, url) = (allowing(&[port]), format!("http://127.0.0.1:{port}/x"));
        assert_eq!(fetch.fetch(&get(&url)).await, Ok(b"body".to_vec()));
        assert_eq!(fetch.fetch(&get(&url)).await, Err(FetchError::TooLarge(1000)));
        assert_eq!(fetch.fetch(&get(&url)).await, Err(FetchError::Status(404)));
    }

    #[tokio::test]
    async fn body_without_end_is_cut_off() {
        let endless = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", "x".repeat(5000));
        let port = answering(vec![endless]);
        let refused = allowing(&[port]).fetch(&get(&format!("http://127.0.0.1:{port}/"))).await;
        assert_eq!(refused, Err(FetchError::TooLarge(1000)));
    }

    #[tokio::test]
    async fn redirect_to_a_local_service_is_not_followed() {
        let (secret, secret_port) = listener();
        for target in [format!("http://127.0.0.1:{secret_port}/"), "http://169.254.169.254/".to_owned()] {
            let port = answering(vec![redirect(&target)]);
            let refused = allowing(&[port]).fetch(&get(&format!("http://127.0.0.1:{port}/"))).await;
            assert!(matches!(refused, Err(FetchError::Forbidden(_))), "{refused:?}");
        }
        assert!(untouched(&secret));
    }

    #[tokio::test]
    async fn redirects_end_and_a_post_is_not_sent_elsewhere() {
        let port =
            answering(vec![redirect("/a"), ok("found"), redirect("/"), redirect("/"), redirect("/"), redirect("/")]);
        let (fetch, url) = (allowing(&[port]), format!("http://127.0.0.1:{port}/"));
        assert_eq!(fetch.fetch(&get(&url)).await, Ok(b"found".to_vec()));
        assert_eq!(fetch.fetch(&get(&url)).await, Err(FetchError::Redirect));
        let port = answering(vec![redirect("/a")]);
        let method = Method::Post { content_type: "text/plain", body: b"x".to_vec() };
        let post = Request { method, ..get(&format!("http://127.0.0.1:{port}/")) };
        assert_eq!(allowing(&[port]).fetch(&post).await, Err(FetchError::Redirect));
    }

    #[tokio::test]
    async fn server_that_never_answers_is_given_up() {
        let (_silent, port) = listener();
        let timeout = Duration::from_millis(1);
        let request = Request { limits: Limits { timeout, ..LIMITS }, ..get(&format!("http://127.0.0.1:{port}/")) };
        assert_eq!(allowing(&[port]).fetch(&request).await, Err(FetchError::TimedOut(timeout)));
    }

    #[tokio::test]
    async fn operators_own_address_needs_no_exception() {
        let port = answering(vec![ok("token")]);
        let request = Request { origin: Origin::Operator, ..get(&format!("http://127.0.0.1:{port}/")) };
        assert_eq!(allowing(&[]).fetch(&request).await, Ok(b"token".to_vec()));
    }
}
