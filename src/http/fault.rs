//! A fault on its way to the caller, and the shapes it is written in.
//!
//! Handlers return a [`Fault`]; its response has no body yet. The outermost layer knows the path and the request id and
//! writes the body there, so every answer, also those made by the framework, has the shape of its path.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::problem::Problem;

/// What the caller is told.
#[derive(Debug, Clone)]
pub struct Fault {
    problem: &'static Problem,
    detail: Option<String>,
    csc: Option<(u16, &'static str, String)>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// How errors look under a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// CSC API v2.0.0.2 §10: `error`, `error_description`.
    Csc,
    /// RFC 6749 §5.2.
    OAuth,
    /// RFC 9457 problem document.
    Problem,
    /// A page for the citizen.
    Page,
}

impl Shape {
    pub const ALL: [Self; 4] = [Self::Csc, Self::OAuth, Self::Problem, Self::Page];

    pub fn of_path(path: &str) -> Self {
        if path.starts_with("/csc/") {
            Self::Csc
        } else if ["/c/", "/a/", "/e/", "/oidc/"].iter().any(|pages| path.starts_with(pages))
            || path == "/oauth2/authorize"
            || path == "/me"
            || path.starts_with("/me/")
        {
            // A browser stands at the authorisation endpoint too.
            Self::Page
        } else if path.starts_with("/oauth2/") {
            Self::OAuth
        } else {
            Self::Problem
        }
    }
}

impl Fault {
    pub fn new(problem: &'static Problem) -> Self {
        Self { problem, detail: None, csc: None, headers: Vec::new() }
    }

    /// What differs from case to case: one sentence without secrets.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Replaces the row's CSC description.
    pub fn csc_description(mut self, description: impl Into<String>) -> Self {
        let (status, error, _) = self.csc_words();
        self.csc = Some((status, error, description.into()));
        self
    }

    /// Replaces the row's CSC error and description.
    pub fn csc(mut self, error: &'static str, description: impl Into<String>) -> Self {
        self.csc = Some((self.csc_words().0, error, description.into()));
        self
    }

    /// Writes the cause to the log, where the operator finds it by the request id; the caller does not see it.
    pub fn cause(self, cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(code = self.problem.code, %cause, "request failed");
        self
    }

    pub fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, &seconds.to_string())
    }

    /// RFC 6750 §3 `WWW-Authenticate`.
    pub fn challenge(self, error: &str) -> Self {
        self.header(header::WWW_AUTHENTICATE, &format!("Bearer realm=\"kyso\", error=\"{error}\""))
    }

    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    pub fn problem(&self) -> &'static Problem {
        self.problem
    }

    /// Status under a path of this shape.
    pub fn status(&self, shape: Shape) -> StatusCode {
        let code = match shape {
            Shape::Csc => self.csc_words().0,
            // RFC 6749 §5.2 knows 400 and 401; what is not the client's fault keeps its own status.
            Shape::OAuth | Shape::Problem | Shape::Page => self.problem.status,
        };
        StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The JSON body; for [`Shape::Page`] the page is drawn elsewhere, and this is its plain sentence.
    pub fn body(&self, shape: Shape, request_id: &str) -> Option<String> {
        match shape {
            Shape::Csc | Shape::OAuth => self.csc_body(request_id),
            Shape::Problem => self.problem_body(request_id),
            Shape::Page => Some(self.problem.vi.to_owned()),
        }
    }

    fn csc_words(&self) -> (u16, &'static str, String) {
        let (status, error, description) = self.problem.csc;
        self.csc.clone().unwrap_or((status, error, description.to_owned()))
    }

    fn csc_body(&self, request_id: &str) -> Option<String> {
        #[derive(Serialize)]
        struct Body<'a> {
            error: &'a str,
            error_description: &'a str,
            signed: Option<bool>,
            request_id: &'a str,
        }
        let (_, error, description) = self.csc_words();
        let signed = self.problem.signed.json();
        serde_json::to_string(&Body { error, error_description: &description, signed, request_id }).ok()
    }

    fn problem_body(&self, request_id: &str) -> Option<String> {
        #[derive(Serialize)]
        struct Body<'a> {
            r#type: String,
            title: &'a str,
            status: u16,
            #[serde(skip_serializing_if = "Option::is_none")]
            detail: Option<&'a str>,
            signed: Option<bool>,
            request_id: &'a str,
            what_to_do: &'a str,
            who_acts: &'a str,
        }
        serde_json::to_string(&Body {
            r#type: format!("urn:kyso:problem:{}", self.problem.code),
            title: self.problem.title,
            status: self.problem.status,
            detail: self.detail.as_deref(),
            signed: self.problem.signed.json(),
            request_id,
            what_to_do: self.problem.what_to_do,
            who_acts: self.problem.who_acts().name(),
        })
        .ok()
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = self.status(Shape::Problem).into_response();
        response.headers_mut().extend(self.headers.iter().cloned());
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::super::problem;
    use super::*;

    #[test]
    fn a_csc_error_has_exactly_the_fields_clients_parse() {
        let fault = Fault::new(&problem::SAD_EXPIRED);
        assert_eq!(
            fault.body(Shape::Csc, "r-1").as_deref(),
            Some(r#"{"error":"invalid_request","error_description":"SAD expired","signed":false,"request_id":"r-1"}"#)
        );
        assert_eq!(fault.status(Shape::Csc), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn a_problem_document_says_whether_anything_was_signed() {
        let body = Fault::new(&problem::TIMEOUT).body(Shape::Problem, "r-1").expect("a body");
        assert!(
            body.starts_with(r#"{"type":"urn:kyso:problem:timeout","title":"The call took too long","status":504,"#)
        );
        assert!(body.contains(r#""signed":null,"request_id":"r-1""#), "{body}");
    }

    #[test]
    fn shapes_follow_the_path() {
        assert_eq!(Shape::of_path("/csc/v1/nothing"), Shape::Csc);
        assert_eq!(Shape::of_path("/oauth2/token"), Shape::OAuth);
        assert_eq!(Shape::of_path("/c/abc"), Shape::Page);
        assert_eq!(Shape::of_path("/oauth2/authorize"), Shape::Page);
        assert_eq!(Shape::of_path("/cscx"), Shape::Problem);
    }
}
