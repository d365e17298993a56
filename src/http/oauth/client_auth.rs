//! What a client shows to prove itself: a secret by header or body, a signed assertion, or the certificate of its connection.
//!
//! TLS ends in a proxy, so a certificate arrives in a header. It counts only when the connection comes from a proxy the operator
//! named; from anybody else the header is thrown away, whatever it says.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;

use crate::domain::Secret;
use crate::formats::x509::{Certificate, pem};
use crate::service::ServiceError;
use crate::service::oauth::admin::certificate_name;
use crate::service::oauth::client::ClientProof;

use super::super::AppState;
use super::super::body::{self, Fields};
use super::invalid;

/// RFC 7523 §2.2.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Proxies that end TLS, and the header in which they pass a client's certificate on.
#[derive(Debug, Clone)]
pub struct TlsProxy {
    pub addresses: Vec<IpAddr>,
    pub header: HeaderName,
}

/// The certificate of the caller's TLS connection: hex SHA-256 of its DER.
#[derive(Debug, Clone)]
pub struct ClientCertificate(pub String);

/// Turns a trusted proxy's header into a [`ClientCertificate`]; nothing else does, and the header goes no further.
pub async fn read_certificate(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    if let Some(proxy) = &state.tls_proxy {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical());
        let named = certificate_in(request.headers(), &proxy.header, (state.clock)());
        request.headers_mut().remove(&proxy.header);
        match named {
            Some(certificate) if peer.is_some_and(|peer| proxy.addresses.contains(&peer)) => {
                request.extensions_mut().insert(ClientCertificate(certificate));
            }
            Some(_) => tracing::warn!(?peer, "a certificate header that did not come from the proxy was thrown away"),
            None => {}
        }
    }
    next.run(request).await
}

/// One header: RFC 9440's `:base64 of DER:`, or percent-encoded PEM as nginx passes it; of a certificate that is valid now.
fn certificate_in(headers: &HeaderMap, name: &HeaderName, now: OffsetDateTime) -> Option<String> {
    let mut all = headers.get_all(name).iter();
    let (Some(value), None) = (all.next(), all.next()) else { return None };
    let text = value.to_str().ok()?.trim();
    let certificate = match text.strip_prefix(':').and_then(|text| text.strip_suffix(':')) {
        Some(encoded) => Certificate::from_der(&STANDARD.decode(encoded).ok()?).ok()?,
        // A plus sign is itself here, not a space.
        None => pem::certificates(body::decode(&text.replace('+', "%2B"))?.as_bytes()).ok()?.into_iter().next()?,
    };
    certificate.validity().contains(now).then(|| certificate_name(&certificate))
}

/// Exactly one way of proving (RFC 6749 §2.3). `endpoint` is the path called: an assertion may name its address as audience.
///
/// # Errors
/// `invalid_request` when there is none, or more than one.
pub fn proof(
    (headers, fields): (&HeaderMap, &Fields),
    certificate: Option<&ClientCertificate>,
    (public_url, endpoint): (&str, &str),
) -> Result<ClientProof, ServiceError> {
    let posted = fields.get("client_secret");
    let assertion = fields.get("client_assertion");
    let id = fields.get("client_id").map(str::to_owned);
    match (headers.get(header::AUTHORIZATION), posted, assertion) {
        (Some(value), None, None) => {
            let pair = value.to_str().ok().and_then(basic);
            let (named, secret) = pair.ok_or_else(|| invalid("Malformed authentication parameter"))?;
            if id.is_some_and(|id| id != named) {
                return Err(invalid("Invalid parameter client_id"));
            }
            Ok(ClientProof::Secret { id: named, secret })
        }
        (None, Some(secret), None) => {
            let id = id.ok_or_else(|| invalid("Missing parameter client_id"))?;
            Ok(ClientProof::Secret { id, secret: Secret::new(secret) })
        }
        (None, None, Some(assertion)) => {
            if fields.get("client_assertion_type") != Some(ASSERTION_TYPE) {
                return Err(invalid("Invalid parameter client_assertion_type"));
            }
            let endpoints = [endpoint, "/oauth2/token"].map(|path| format!("{public_url}{path}"));
            let audiences = [vec![public_url.to_owned(), format!("{public_url}/")], endpoints.to_vec()].concat();
            Ok(ClientProof::Assertion { id, assertion: Secret::new(assertion), audiences })
        }
        (None, None, None) => {
            let id = id.ok_or_else(|| invalid("Missing parameter client_id"))?;
            let certificate = certificate.ok_or_else(|| invalid("Client authorization required"))?.0.clone();
            Ok(ClientProof::Tls { id, certificate })
        }
        _ => Err(invalid("Client authentication in more than one way at once")),
    }
}

/// `Basic base64(id:secret)`, both form-encoded (RFC 6749 §2.3.1).
pub fn basic(value: &str) -> Option<(String, Secret)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    Some((body::decode(id)?, Secret::new(body::decode(secret)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn with_basic(pair: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let value = format!("Basic {}", STANDARD.encode(pair));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&value).expect("a header"));
        headers
    }

    fn read(headers: &HeaderMap, form: &str) -> Result<ClientProof, ServiceError> {
        proof((headers, &Fields::parse(form)), None, ("https://kyso.example", "/oauth2/token"))
    }

    #[test]
    fn secrets_are_read_from_header_and_body() {
        let shown = |proof| match proof {
            Ok(ClientProof::Secret { id, secret }) => (id, secret.expose().to_owned()),
            other => panic!("{other:?}"),
        };
        assert_eq!(shown(read(&with_basic("portal:a%2Bb"), "")), ("portal".to_owned(), "a+b".to_owned()));
        let posted = read(&HeaderMap::new(), "client_id=portal&client_secret=s");
        assert_eq!(shown(posted), ("portal".to_owned(), "s".to_owned()));
    }

    #[test]
    fn no_proof_or_two_at_once_are_refused() {
        for (headers, form) in [
            (with_basic("portal:s"), "client_secret=s"),
            (with_basic("portal:s"), "client_id=other"),
            (HeaderMap::new(), "client_id=p&client_secret=s&client_assertion=a.b.c"),
            (HeaderMap::new(), "client_id=p&client_assertion=a.b.c&client_assertion_type=x"),
            (HeaderMap::new(), "client_id=p"),
            (HeaderMap::new(), ""),
        ] {
            assert!(matches!(read(&headers, form), Err(ServiceError::Oauth { .. })), "{form}");
        }
    }

    #[test]
    fn a_header_that_is_no_certificate_or_comes_twice_is_none() {
        let name = HeaderName::from_static("client-cert");
        let now = OffsetDateTime::UNIX_EPOCH;
        let mut headers = HeaderMap::new();
        for bad in ["", "::", ":AAAA:", "x", "-----BEGIN%20CERTIFICATE-----"] {
            headers.insert(&name, HeaderValue::from_static(bad));
            assert_eq!(certificate_in(&headers, &name, now), None, "{bad}");
        }
    }
}
