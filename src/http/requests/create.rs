//! `POST /v1/requests`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use time::Duration;

use crate::crypto::SignatureAlgorithm;
use crate::domain::{CredentialId, Secret};
use crate::service::joint::NewSignatory;
use crate::service::{NewDocument, NewRequest};
use crate::signing::extras::Commitment;
use crate::signing::visible::VisibleSignature;

use super::super::auth::Authenticated;
use super::super::body::{self, RawBody};
use super::super::fault::Fault;
use super::super::{AppState, problem};
use super::options::{Lock, Signature, sign_algorithm};
use super::wire::RequestJson;

/// The body. Document contents are borrowed from the received bytes, so that they are held once.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    documents: Vec<Document<'a>>,
    credential: Option<String>,
    signers: Option<Vec<Signer>>,
    #[serde(default)]
    description: String,
    return_url: Option<String>,
    /// Seconds.
    expires_in: Option<u32>,
    /// Signature algorithm, a dotted identifier as in the CSC API; the credential's default when absent.
    sign_algo: Option<String>,
    /// Of encrypted PDFs; kept encrypted until the request has ended.
    password: Option<String>,
    #[serde(flatten)]
    signature: Signature,
    /// Members of other names: each is a mistake.
    #[serde(flatten)]
    unknown: BTreeMap<String, IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<'a> {
    name: String,
    /// Base64.
    #[serde(borrow)]
    content: Cow<'a, str>,
}

/// One of several signers, and how this one signs; what is not said here is as for all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signer {
    credential: String,
    /// Signers of a lower order sign first, those of the same in any order; by default one after the other, as listed.
    order: Option<u32>,
    sign_algo: Option<String>,
    field: Option<String>,
    appearance: Option<VisibleSignature>,
    reason: Option<String>,
    location: Option<String>,
    contact_info: Option<String>,
    certify: Option<u8>,
    lock: Option<Lock>,
    commitment: Option<Commitment>,
    roles: Option<Vec<String>>,
}

/// What is asked for.
#[derive(Debug)]
enum Asked {
    One(NewRequest),
    Several(NewRequest, Vec<NewSignatory>),
}

pub async fn create(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Response, Fault> {
    let bytes = body::read(raw)?;
    let asked = read(&headers, &bytes)?;
    drop(bytes);
    let view = match asked {
        Asked::One(request) => state.service.create_request(&caller, request).await?,
        Asked::Several(request, signers) => state.service.create_joint_request(&caller, request, signers).await?,
    };
    let location = format!("{}/v1/requests/{}", state.public_url, view.transaction.id);
    let json = RequestJson::new(&view, &state.public_url);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(json)).into_response())
}

fn read(headers: &HeaderMap, bytes: &[u8]) -> Result<Asked, Fault> {
    let body: Body<'_> = body::json(headers, bytes)?;
    if let Some(name) = body.unknown.keys().next() {
        return Err(Fault::new(&problem::MALFORMED_JSON).detail(format!("unknown field `{name}`")));
    }
    if let Some(url) = &body.return_url {
        check_return_url(url)?;
    }
    let algorithm = body.sign_algo.as_deref().map(sign_algorithm).transpose()?;
    let signers = match (body.credential, body.signers) {
        (Some(credential), None) => vec![NewSignatory {
            credential: credential_id(&credential)?,
            turn: 1,
            algorithm,
            options: body.signature.options()?,
        }],
        (None, Some(signers)) => signatories(signers, &body.signature, algorithm)?,
        (None, None) => return Err(invalid("credential: the signer's credential is required")),
        (Some(_), Some(_)) => return Err(invalid("give either credential or signers, not both")),
    };
    let mut signers = signers.into_iter();
    let Some(first) = signers.next() else { return Err(invalid("signers: at least one is needed")) };
    let others: Vec<NewSignatory> = signers.collect();
    let request = NewRequest {
        credential: first.credential.clone(),
        documents: body.documents.iter().map(document).collect::<Result<_, _>>()?,
        description: body.description,
        return_url: body.return_url,
        valid_for: body.expires_in.map(|seconds| Duration::seconds(seconds.into())),
        idempotency_key: idempotency_key(headers)?,
        algorithm: first.algorithm,
        options: first.options.clone(),
        password: body.password.map(Secret::new),
    };
    Ok(if others.is_empty() {
        Asked::One(request)
    } else {
        Asked::Several(request, std::iter::once(first).chain(others).collect())
    })
}

/// The signers in the portal's order, each with what is asked of all and what is asked of them.
fn signatories(
    signers: Vec<Signer>,
    common: &Signature,
    algorithm: Option<SignatureAlgorithm>,
) -> Result<Vec<NewSignatory>, Fault> {
    let ordered = signers.iter().filter(|signer| signer.order.is_some()).count();
    if ordered != 0 && ordered != signers.len() {
        return Err(invalid("signers: give all of them an order, or none"));
    }
    if signers.len() > 1
        && let Some(own) = common.of_one_signer()
    {
        return Err(invalid(format!("{own}: with several signers, name it with the signer it belongs to")));
    }
    let one = |(n, signer): (u32, Signer)| {
        let mut signature = common.clone();
        signature.field = signer.field.or(signature.field);
        signature.appearance = signer.appearance.or(signature.appearance);
        signature.reason = signer.reason.or(signature.reason);
        signature.location = signer.location.or(signature.location);
        signature.contact_info = signer.contact_info.or(signature.contact_info);
        signature.certify = signer.certify.or(signature.certify);
        signature.lock = signer.lock.or(signature.lock);
        signature.commitment = signer.commitment.or(signature.commitment);
        signature.roles = signer.roles.unwrap_or(signature.roles);
        Ok(NewSignatory {
            credential: credential_id(&signer.credential)?,
            turn: signer.order.unwrap_or(n),
            algorithm: signer.sign_algo.as_deref().map(sign_algorithm).transpose()?.or(algorithm),
            options: signature.options()?,
        })
    };
    (1..).zip(signers).map(one).collect()
}

fn invalid(detail: impl Into<String>) -> Fault {
    Fault::new(&problem::INVALID).detail(detail)
}

fn credential_id(text: &str) -> Result<CredentialId, Fault> {
    CredentialId::parse(text).map_err(|error| invalid(format!("credential: {error}")))
}

/// Only addresses a browser may be sent to: no `javascript:`, no credentials in it.
fn check_return_url(url: &str) -> Result<(), Fault> {
    if return_origin(url).is_some() {
        Ok(())
    } else {
        Err(invalid("return_url: an absolute http or https URL is required"))
    }
}

/// `scheme://authority` of an http or https URL of at most 2,000 characters, the length old browsers take.
pub fn return_origin(url: &str) -> Option<String> {
    let parsed: axum::http::Uri = url.parse().ok().filter(|_| url.len() <= 2_000)?;
    let scheme = parsed.scheme_str().filter(|scheme| matches!(*scheme, "https" | "http"))?;
    let authority = parsed.authority().filter(|authority| !authority.as_str().contains('@'))?;
    // Goes into a policy header, where these would end the directive.
    let plain = authority.as_str().chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c));
    plain.then(|| format!("{scheme}://{authority}"))
}

fn document(document: &Document<'_>) -> Result<NewDocument, Fault> {
    let text = document.content.as_ref();
    let decoded = STANDARD.decode(text).or_else(|_| {
        // Many encoders break lines.
        let joined: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        STANDARD.decode(joined)
    });
    let bytes = decoded.map_err(|_| invalid("documents: content is not base64"))?;
    Ok(NewDocument { name: document.name.clone(), bytes })
}

/// `Idempotency-Key`: 1 to 255 visible ASCII characters, quoted or not.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Fault> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().unwrap_or_default().trim().trim_matches('"');
    let sane = (1..=255).contains(&key.len()) && key.chars().all(|c| c.is_ascii_graphic());
    if sane { Ok(Some(key.to_owned())) } else { Err(invalid("Idempotency-Key: 1 to 255 visible ASCII characters")) }
}

#[cfg(test)]
mod tests {
    use super::super::super::fault::Shape;
    use super::*;
    use axum::http::HeaderValue;

    fn headers() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers
    }

    fn refused(json: &str) -> (&'static str, String) {
        let fault = read(&headers(), json.as_bytes()).expect_err("refused");
        (fault.problem().code, fault.body(Shape::Problem, "r").expect("a body"))
    }

    #[test]
    fn a_whole_request_is_read() {
        let mut headers = headers();
        headers.insert("idempotency-key", HeaderValue::from_static("\"k-1\""));
        let json = r#"{"documents":[{"name":"a.pdf","content":"JVBE\nRg=="}],"signers":[{"credential":"ec-p256"}],
            "description":"d","return_url":"https://portal.example/back?x=1","expires_in":900,"level":"B-B"}"#;
        let json = json.replace("E\nR", "E\\nR");
        let Asked::One(request) = read(&headers, json.as_bytes()).expect("read") else { panic!("one signer") };
        assert_eq!(request.documents[0].bytes, b"%PDF");
        assert_eq!(request.credential.as_str(), "ec-p256");
        assert_eq!(request.valid_for, Some(Duration::seconds(900)));
        assert_eq!(request.idempotency_key.as_deref(), Some("k-1"));
    }

    #[test]
    fn several_signers_sign_as_listed_unless_an_order_is_given_and_each_in_their_own_way() {
        let turns = |json: &str| match read(&headers(), json.as_bytes()).expect("read") {
            Asked::Several(_, signers) => signers,
            Asked::One(_) => panic!("several"),
        };
        let listed = turns(
            r#"{"documents":[],"reason":"r","signers":[{"credential":"c","field":"a"},{"credential":"d","reason":"own"}]}"#,
        );
        let seen: Vec<_> = listed
            .iter()
            .map(|one| (one.credential.as_str(), one.turn, one.options.reason.as_deref(), one.options.field.as_deref()))
            .collect();
        assert_eq!(seen, [("c", 1, Some("r"), Some("a")), ("d", 2, Some("own"), None)]);
        let together =
            turns(r#"{"documents":[],"signers":[{"credential":"c","order":3},{"credential":"d","order":3}]}"#);
        assert!(together.iter().all(|one| one.turn == 3));
    }

    #[test]
    fn a_misspelt_member_is_named() {
        let (code, body) = refused(r#"{"documents":[],"credential":"c","retrun_url":"x"}"#);
        assert_eq!(code, "malformed-json");
        assert!(body.contains("retrun_url"), "{body}");
    }

    #[test]
    fn return_urls_that_run_code_or_hide_their_host_are_refused() {
        for url in
            ["javascript:alert(1)", "//host/x", "/x", "ftp://h/", "https://a@b/", "data:text/html,x", "https://h;x/"]
        {
            assert_eq!(return_origin(url), None, "{url}");
        }
        assert_eq!(return_origin("https://portal.example:8443/a?b#c").as_deref(), Some("https://portal.example:8443"));
    }

    #[test]
    fn who_signs_must_be_said_exactly_once() {
        for json in [
            r#"{"documents":[]}"#,
            r#"{"documents":[],"credential":"c","signers":[{"credential":"c"}]}"#,
            r#"{"documents":[],"signers":[]}"#,
            r#"{"documents":[],"signers":[{"credential":"c","order":1},{"credential":"d"}]}"#,
            r#"{"documents":[],"signers":[{"credential":"c"},{"credential":"d"}],"field":"f"}"#,
            r#"{"documents":[],"credential":"../c"}"#,
            r#"{"documents":[{"name":"a","content":"*"}],"credential":"c"}"#,
        ] {
            assert_eq!(refused(json).0, "invalid-field", "{json}");
        }
    }
}
