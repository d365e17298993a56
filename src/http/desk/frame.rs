//! What surrounds each page: the citizen's layout with a name, a way around and a way out.

use std::sync::LazyLock;

use askama::Template;
use axum::http::{StatusCode, Uri};
use axum::response::{Redirect, Response};

use crate::domain::StateKind;

use super::super::body::Fields;
use super::super::confirm::{self, CSS_URL, Language, plain};
use super::super::fault::Fault;
use super::super::{AppState, problem};
use super::session::Visitor;
use super::text::Words;

pub static CSS: &str = include_str!("desk.css");
static DESK_CSS_URL: LazyLock<String> = LazyLock::new(|| confirm::address("/assets/desk.css", CSS));

/// Sections, in the order of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Requests,
    Webhooks,
    Usage,
    Secrets,
}

impl Section {
    const ALL: [Self; 4] = [Self::Requests, Self::Webhooks, Self::Usage, Self::Secrets];

    fn path(self) -> &'static str {
        match self {
            Self::Requests => "/desk/requests",
            Self::Webhooks => "/desk/webhooks",
            Self::Usage => "/desk/usage",
            Self::Secrets => "/desk/secrets",
        }
    }

    fn name(self, t: &'static Words) -> &'static str {
        match self {
            Self::Requests => t.requests,
            Self::Webhooks => t.webhooks,
            Self::Usage => t.usage,
            Self::Secrets => t.secrets,
        }
    }
}

/// What came of a step, carried over the redirect by its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    Ended,
    SignedOut,
    Cancelled,
    NotCancelled,
    Pinged,
    Resent,
    RotateAgain,
    Retired,
    WrongSecret,
    TooMany,
    NotDone,
}

impl Notice {
    const ALL: [(Self, &'static str); 11] = [
        (Self::Ended, "ended"),
        (Self::SignedOut, "out"),
        (Self::Cancelled, "cancelled"),
        (Self::NotCancelled, "not-cancelled"),
        (Self::Pinged, "pinged"),
        (Self::Resent, "resent"),
        (Self::RotateAgain, "again"),
        (Self::Retired, "retired"),
        (Self::WrongSecret, "wrong"),
        (Self::TooMany, "many"),
        (Self::NotDone, "not-done"),
    ];

    fn word(self) -> &'static str {
        Self::ALL.into_iter().find(|(notice, _)| *notice == self).map_or("", |(_, word)| word)
    }

    pub fn of_query(query: Option<&str>) -> Option<Self> {
        let word = query?.split('&').find_map(|pair| pair.strip_prefix("n="))?;
        Self::ALL.into_iter().find(|(_, known)| *known == word).map(|(notice, _)| notice)
    }

    fn message(self, t: &'static Words) -> Message {
        let good = |text| Message { text, class: "good", role: "status" };
        let bad = |text| Message { text, class: "bad", role: "alert" };
        match self {
            Self::Ended => bad(t.ended),
            Self::SignedOut => good(t.signed_out),
            Self::Cancelled => good(t.cancelled),
            Self::NotCancelled => bad(t.not_cancelled),
            Self::Pinged => good(t.pinged),
            Self::Resent => good(t.resent),
            Self::RotateAgain => bad(t.rotate_again),
            Self::Retired => good(t.retired),
            Self::WrongSecret => bad(t.wrong_secret),
            Self::TooMany => bad(t.too_many),
            Self::NotDone => bad(t.not_done),
        }
    }
}

/// A message with its looks and its role for screen readers.
#[derive(Debug, Clone, Copy)]
struct Message {
    text: &'static str,
    class: &'static str,
    role: &'static str,
}

/// A word in a coloured box.
#[derive(Debug, Clone, Copy)]
pub struct Chip {
    pub text: &'static str,
    /// `good`, `bad`, `busy` or `quiet`.
    pub class: &'static str,
}

impl Chip {
    pub fn of_request(kind: StateKind, language: Language) -> Self {
        let class = match kind {
            StateKind::Waiting | StateKind::Confirmed | StateKind::Signing => "busy",
            StateKind::Signed => "good",
            StateKind::Refused | StateKind::Failed => "bad",
            StateKind::Expired => "quiet",
        };
        Self { text: super::text::state(kind, language), class }
    }
}

/// One of several links, of which one is where we are.
#[derive(Debug)]
pub struct Choice {
    pub text: &'static str,
    pub link: String,
    pub chosen: bool,
}

/// The links above a list: everything, or one state of it, by name.
pub fn choices(
    path: &str,
    states: impl IntoIterator<Item = (&'static str, &'static str)>,
    chosen: Option<&str>,
    language: Language,
) -> Vec<Choice> {
    let all = Choice { text: Words::of(language).all, link: link(path, language), chosen: chosen.is_none() };
    let one = |(name, text)| Choice {
        text,
        link: format!("{}&state={name}", link(path, language)),
        chosen: chosen == Some(name),
    };
    std::iter::once(all).chain(states.into_iter().map(one)).collect()
}

/// Where a list goes on, or begins again: the next page's link, and whether this is not the first.
pub fn pages(
    path: &str,
    fields: &Fields,
    next: Option<String>,
    language: Language,
) -> (Option<String>, Option<String>) {
    let state = fields.get("state").map(|state| format!("&state={state}")).unwrap_or_default();
    let first = format!("{}{state}", link(path, language));
    let next = next.map(|cursor| format!("{first}&cursor={cursor}"));
    (next, fields.get("cursor").map(|_| first))
}

/// A page of the desk in the same language.
pub fn link(path: &str, language: Language) -> String {
    format!("{path}?lang={}", language.words().lang)
}

/// Back to a page, which says what came of the step.
pub fn back(path: &str, language: Language, notice: Option<Notice>) -> Redirect {
    let notice = notice.map(|notice| format!("&n={}", notice.word())).unwrap_or_default();
    Redirect::to(&format!("{}{notice}", link(path, language)))
}

#[derive(Template)]
#[template(path = "desk.html")]
struct Page<'a> {
    w: &'static confirm::Words,
    t: &'static Words,
    css: &'static str,
    desk_css: &'static str,
    language_link: Option<String>,
    sandbox: bool,
    title: &'a str,
    signed_in: Option<SignedIn<'a>>,
    notice: Option<Message>,
    /// HTML of a template of its own, escaped there.
    main: String,
}

struct SignedIn<'a> {
    portal: String,
    form: &'a str,
    sections: Vec<Choice>,
}

impl<'a> Page<'a> {
    /// With nobody signed in, nothing to say and no other language.
    fn new(title: &'a str, main: &impl Template, language: Language) -> Self {
        Self {
            w: language.words(),
            t: Words::of(language),
            css: &CSS_URL,
            desk_css: &DESK_CSS_URL,
            language_link: None,
            sandbox: false,
            title,
            signed_in: None,
            notice: None,
            main: draw(main),
        }
    }

    fn answer(&self) -> Response {
        confirm::answer(draw(self), None)
    }
}

/// A page for somebody who is signed in.
pub fn page(state: &AppState, visitor: &Visitor, section: Section, title: &str, main: &impl Template) -> Response {
    let (language, t) = (visitor.language, Words::of(visitor.language));
    let choice = |one: Section| Choice { text: one.name(t), link: link(one.path(), language), chosen: one == section };
    let signed_in = SignedIn {
        portal: plain(&visitor.portal.name),
        form: visitor.form.expose(),
        sections: Section::ALL.map(choice).into(),
    };
    Page {
        // What a form answered at once cannot be fetched again in another language.
        language_link: visitor.came_by_link.then(|| other_language(&visitor.uri, language)),
        sandbox: state.sandbox.is_some(),
        signed_in: Some(signed_in),
        notice: Notice::of_query(visitor.uri.query()).map(|notice| notice.message(t)),
        ..Page::new(title, main, language)
    }
    .answer()
}

/// The page for signing in, which is at `/desk` in either language.
pub fn outside(
    state: &AppState,
    title: &str,
    main: &impl Template,
    notice: Option<Notice>,
    language: Language,
) -> Response {
    Page {
        language_link: Some(format!("/desk?lang={}", language.words().other_lang)),
        sandbox: state.sandbox.is_some(),
        notice: notice.map(|notice| notice.message(Words::of(language))),
        ..Page::new(title, main, language)
    }
    .answer()
}

#[derive(Template)]
#[template(path = "desk_fault.html")]
struct FaultPage<'a> {
    t: &'static Words,
    title: &'a str,
    text: &'static str,
    reference: Option<&'a str>,
}

/// What went wrong, for the layer that writes errors.
pub fn fault_page(fault: &Fault, language: Language, request_id: &str) -> Response {
    let (t, code) = (Words::of(language), fault.problem().code);
    let is = |row: &problem::Problem| row.code == code;
    let unknown = is(&problem::NOT_FOUND) || is(&problem::NO_SUCH_PATH) || is(&problem::METHOD_NOT_ALLOWED);
    let text = match fault.problem().status {
        _ if unknown => t.unknown_text,
        403 => t.blocked_text,
        429 => t.too_fast_text,
        400..500 => t.unreadable_text,
        _ => t.house_text,
    };
    let title = if unknown { t.unknown_title } else { t.fault_title };
    let main = FaultPage { t, title, text, reference: Some(request_id).filter(|_| !unknown) };
    Page::new(title, &main, language).answer()
}

#[derive(Template)]
#[template(path = "desk_secret.html")]
struct SecretPage<'a> {
    t: &'static Words,
    title: &'a str,
    secret: &'a str,
    next: String,
}

/// A secret just made, shown this once.
pub fn secret_page(
    state: &AppState,
    visitor: &Visitor,
    section: Section,
    (title, secret, next): (&str, &str, &str),
) -> Response {
    let main = SecretPage { t: Words::of(visitor.language), title, secret, next: link(next, visitor.language) };
    let mut response = page(state, visitor, section, title, &main);
    *response.status_mut() = StatusCode::CREATED;
    response
}

/// The same page in the other language; a step's notice is not repeated.
fn other_language(uri: &Uri, language: Language) -> String {
    let kept = uri.query().unwrap_or_default().split('&');
    let kept = kept.filter(|pair| !pair.is_empty() && !pair.starts_with("lang=") && !pair.starts_with("n="));
    let rest: String = kept.map(|pair| format!("&{pair}")).collect();
    format!("{}?lang={}{rest}", uri.path(), language.words().other_lang)
}

fn draw(template: &impl Template) -> String {
    // Templates write into memory; they fail only with a filter that fails, and theirs does not.
    template.render().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_language_keeps_the_place_and_drops_the_notice() {
        let uri: Uri = "/desk/requests?lang=vi&state=signed&n=cancelled&cursor=a%22b".parse().expect("a URI");
        assert_eq!(other_language(&uri, Language::Vi), "/desk/requests?lang=en&state=signed&cursor=a%22b");
        let bare: Uri = "/desk/usage".parse().expect("a URI");
        assert_eq!(other_language(&bare, Language::En), "/desk/usage?lang=vi");
    }

    #[test]
    fn notices_come_back_by_their_word_and_nothing_else_does() {
        for (notice, word) in Notice::ALL {
            assert_eq!(Notice::of_query(Some(&format!("lang=en&n={word}"))), Some(notice));
        }
        assert_eq!(Notice::of_query(Some("n=<script>")), None);
    }
}
