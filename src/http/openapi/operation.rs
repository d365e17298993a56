//! What is said of one operation.

use super::super::problem::{self, Problem};

pub const JSON: &str = "application/json";
pub const HTML: &str = "text/html; charset=utf-8";
pub const FORM: &str = "application/x-www-form-urlencoded";

/// A method at a path.
#[derive(Debug)]
pub struct Operation {
    pub method: &'static str,
    pub path: &'static str,
    pub tag: Tag,
    pub id: &'static str,
    pub summary: Text,
    pub auth: Auth,
    pub parameters: Vec<Parameter>,
    pub body: Option<Body>,
    pub answers: Vec<Answer>,
    /// What can go wrong besides what every operation of its kind shares.
    pub faults: Vec<&'static Problem>,
}

/// One sentence, in both languages.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    pub vi: &'static str,
    pub en: &'static str,
}

/// Parts of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    Requests,
    Webhooks,
    Client,
    Csc,
    OAuth,
    Page,
    Neac,
    Service,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    Bearer,
    /// The client's id and secret.
    Client,
    /// Anybody, or whoever knows the link.
    Open,
}

#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    pub name: &'static str,
    pub place: Place,
    /// Name of its schema.
    pub schema: &'static str,
    pub about: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Path,
    Query,
    Header,
}

#[derive(Debug, Clone, Copy)]
pub struct Body {
    pub media: &'static str,
    pub schema: &'static str,
}

#[derive(Debug, Clone, Copy)]
pub struct Answer {
    pub status: u16,
    pub about: &'static str,
    /// Media type and name of the schema; none when there is no body.
    pub body: Option<(&'static str, &'static str)>,
}

/// How errors of an operation look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errors {
    Problem,
    Csc,
    OAuth,
    Page,
    Neac,
}

impl Tag {
    pub const ALL: [Self; 8] =
        [Self::Requests, Self::Webhooks, Self::Client, Self::Csc, Self::OAuth, Self::Page, Self::Neac, Self::Service];

    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Webhooks => "webhooks",
            Self::Client => "client",
            Self::Csc => "csc",
            Self::OAuth => "oauth",
            Self::Page => "page",
            Self::Neac => "neac",
            Self::Service => "service",
        }
    }

    pub fn about(self) -> Text {
        match self {
            Self::Requests => Text {
                vi: "Yêu cầu ký số: tài liệu vào, tài liệu đã ký ra",
                en: "Signing requests: documents in, signed documents out",
            },
            Self::Webhooks => Text {
                vi: "Thông báo cho cổng dịch vụ (Standard Webhooks)",
                en: "Telling portals (Standard Webhooks)",
            },
            Self::Client => Text {
                vi: "Cổng dịch vụ: khóa bí mật và thống kê",
                en: "The portal itself: client secrets and usage",
            },
            Self::Csc => Text { vi: "API của Cloud Signature Consortium", en: "Cloud Signature Consortium API" },
            Self::OAuth => {
                Text { vi: "Xác thực cổng dịch vụ (OAuth 2.0)", en: "Authenticating portals (OAuth 2.0)" }
            }
            Self::Page => Text { vi: "Trang xác nhận của người ký", en: "The signer's page" },
            Self::Neac => Text {
                vi: "Giao diện các hệ thống của tỉnh đang gọi (tắt, trừ khi đơn vị vận hành bật)",
                en: "The interface provincial systems call today (off unless the operator turns it on)",
            },
            Self::Service => Text {
                vi: "Tình trạng và tài liệu của dịch vụ",
                en: "The service's health and documentation",
            },
        }
    }

    pub fn errors(self) -> Errors {
        match self {
            Self::Csc => Errors::Csc,
            Self::OAuth => Errors::OAuth,
            Self::Page => Errors::Page,
            Self::Neac => Errors::Neac,
            Self::Requests | Self::Webhooks | Self::Client | Self::Service => Errors::Problem,
        }
    }
}

pub const fn path(name: &'static str, schema: &'static str, about: &'static str) -> Parameter {
    Parameter { name, place: Place::Path, schema, about }
}

pub const fn query(name: &'static str, schema: &'static str, about: &'static str) -> Parameter {
    Parameter { name, place: Place::Query, schema, about }
}

pub const fn json(status: u16, schema: &'static str, about: &'static str) -> Answer {
    Answer { status, about, body: Some((JSON, schema)) }
}

pub const fn bare(status: u16, about: &'static str) -> Answer {
    Answer { status, about, body: None }
}

pub const fn html(about: &'static str) -> Answer {
    Answer { status: 200, about, body: Some((HTML, "Html")) }
}

pub const fn text(vi: &'static str, en: &'static str) -> Text {
    Text { vi, en }
}

pub fn json_body(schema: &'static str) -> Option<Body> {
    Some(Body { media: JSON, schema })
}

/// An operation with nothing special; entries below change what differs.
pub fn plain(method: &'static str, path: &'static str, tag: Tag, id: &'static str, summary: Text) -> Operation {
    Operation {
        method,
        path,
        tag,
        id,
        summary,
        auth: Auth::Open,
        parameters: Vec::new(),
        body: None,
        answers: Vec::new(),
        faults: Vec::new(),
    }
}

pub fn portal(method: &'static str, path: &'static str, tag: Tag, id: &'static str, summary: Text) -> Operation {
    Operation { auth: Auth::Bearer, ..plain(method, path, tag, id, summary) }
}

impl Operation {
    /// Everything that can go wrong: its own, and what its kind shares.
    pub fn all_faults(&self) -> Vec<&'static Problem> {
        // What is never read cannot be wrong.
        let house = [&problem::OVERLOADED, &problem::TIMEOUT, &problem::CRASHED];
        let storage = [&problem::STORAGE, &problem::INTERNAL];
        let bearer = [&problem::NO_TOKEN, &problem::INVALID_TOKEN, &problem::EXPIRED_TOKEN, &problem::TOO_MANY_CALLS];
        let body = [
            &problem::BODY_TOO_LARGE,
            &problem::BODY_UNREADABLE,
            &problem::UNSUPPORTED_MEDIA_TYPE,
            &problem::MALFORMED_JSON,
            &problem::INVALID,
            &problem::LIMIT,
        ];
        let mut all: Vec<&'static Problem> = self.faults.clone();
        if self.auth == Auth::Bearer {
            all.extend(bearer);
        }
        if self.body.is_some() {
            all.extend(body);
        }
        if self.parameters.iter().any(|parameter| parameter.place == Place::Query)
            && self.tag.errors() == Errors::Problem
        {
            all.push(&problem::INVALID);
        }
        if self.parameters.iter().any(|parameter| parameter.place == Place::Path) {
            all.extend([&problem::NOT_FOUND, &problem::NO_SUCH_PATH]);
        }
        all.extend(house);
        all.extend(storage);
        let mut seen = Vec::with_capacity(all.len());
        all.retain(|row| {
            !seen.contains(&row.code) && {
                seen.push(row.code);
                true
            }
        });
        all
    }
}
