//! The pages themselves: one template a kind of page, each a pure function to HTML.

use askama::Template;
use time::OffsetDateTime;

use crate::domain::binding::fingerprint;
use crate::domain::{Factors, Item, Method, State};
use crate::service::ConfirmationView;
use crate::service::authenticators::EnrolmentView;

use super::super::problem::{self, Problem};
use super::super::render::Texts;
use super::assets::{CSS_URL, JS_URL};
use super::text::{Language, Words, plain};
use super::view::{self, CodeStep, Drawing, File, Message, Notice, Other, Paper, Passkey, Receipt, Way};

/// What every page about a request needs.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// `/c/{token}`.
    pub base: &'a str,
    pub language: Language,
    pub now: OffsetDateTime,
    pub sandbox: bool,
    /// This service's name in answers to OAuth clients.
    pub issuer: &'a str,
    /// Whether citizens sign in, which needs cookies.
    pub cookies: bool,
}

#[derive(Template)]
#[template(path = "waiting.html")]
struct Waiting<'a> {
    w: &'static Words,
    css: &'static str,
    language_link: Option<String>,
    sandbox: bool,
    cookies: bool,
    base: &'a str,
    portal_name: String,
    portal_host: Option<String>,
    support_phone: Option<String>,
    description: String,
    documents: Vec<Paper>,
    hashes_only: bool,
    signer_name: String,
    certificate: String,
    phone: String,
    code: Option<CodeStep>,
    can_send: bool,
    /// Why no code can be sent or entered for now.
    blocked: Option<String>,
    digits: usize,
    asks_pin: bool,
    ways: Vec<Way>,
    js: &'static str,
    send_hint: String,
    code_label: String,
    notice: Option<Message>,
    sign_button: String,
    consent: &'static str,
    until: String,
    others: Vec<Other>,
}

#[derive(Template)]
#[template(path = "outcome.html")]
struct Outcome<'a> {
    base: &'a str,
    w: &'static Words,
    css: &'static str,
    language_link: Option<String>,
    sandbox: bool,
    cookies: bool,
    /// CSS class: `good`, `busy` or `plain`.
    kind: &'static str,
    reload: bool,
    title: &'static str,
    text: &'static str,
    progress: Option<(usize, usize)>,
    receipt: Option<Receipt>,
    documents: Vec<File>,
    others: Vec<Other>,
    support_phone: Option<String>,
    return_url: Option<String>,
}

#[derive(Template)]
#[template(path = "text.html")]
struct TextPage {
    w: &'static Words,
    css: &'static str,
    language_link: Option<String>,
    sandbox: bool,
    cookies: bool,
    back: String,
    name: String,
    fingerprint: String,
    /// Number, heading and text.
    pages: Vec<(u32, String, String)>,
    cut: bool,
}

#[derive(Template)]
#[template(path = "refuse.html")]
struct Refuse<'a> {
    w: &'static Words,
    css: &'static str,
    language_link: Option<String>,
    sandbox: bool,
    cookies: bool,
    base: &'a str,
    documents: Vec<File>,
}

#[derive(Template)]
#[template(path = "enrol.html")]
struct Enrol<'a> {
    w: &'static Words,
    css: &'static str,
    js: &'static str,
    language_link: Option<String>,
    sandbox: bool,
    cookies: bool,
    base: &'a str,
    signer_name: String,
    passkey: Option<Passkey>,
    secret: String,
    qr_size: usize,
    qr_path: String,
    failed: bool,
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    w: &'static Words,
    css: &'static str,
    language_link: Option<String>,
    sandbox: bool,
    cookies: bool,
    title: &'static str,
    text: &'static str,
    reference: Option<&'a str>,
    kicker: Option<&'static str>,
}

/// The page in whatever state the request is.
pub fn request(context: Context<'_>, view: &ConfirmationView, drawings: &[Drawing], notice: Option<Notice>) -> String {
    match view.transaction.state {
        State::Waiting if view.in_turn => waiting(context, view, drawings, notice),
        _ => outcome(context, view),
    }
}

fn waiting(context: Context<'_>, view: &ConfirmationView, drawings: &[Drawing], notice: Option<Notice>) -> String {
    let Context { base, language, now, sandbox, cookies, .. } = context;
    let code = view::live_code(view, now);
    draw(&Waiting {
        w: language.words(),
        css: &CSS_URL,
        language_link: Some(language_link(base, language)),
        sandbox,
        cookies,
        base,
        portal_name: plain(&view.portal.name),
        portal_host: view.portal.host.as_deref().map(plain),
        support_phone: view.portal.support_phone.as_deref().map(plain),
        description: plain(&view.transaction.description),
        documents: view::papers(&view.transaction, drawings, language),
        hashes_only: view::is_hashes_only(&view.transaction),
        signer_name: plain(&view.signer.name),
        certificate: plain(&view.certificate_subject),
        phone: view.signer.masked_phone(),
        code: code.map(|code| view::code_step(code, notice, now, language)),
        can_send: view.codes_left > 0,
        blocked: view::blocked(view, now, language),
        digits: view.code_digits,
        ways: view::other_ways(view, now, language),
        js: &JS_URL,
        asks_pin: view.factors == Factors::CodeAndPin,
        send_hint: language.send_hint(view.code_digits),
        code_label: language.code_label(view.code_digits),
        notice: notice.and_then(|notice| view::message(notice, view, now, language)),
        sign_button: language.sign_button(view.transaction.items.len()),
        consent: language.consent(view.transaction.items.len()),
        until: language.request_until(view.transaction.expires_at),
        others: view::others(view, language),
    })
}

fn outcome(context: Context<'_>, view: &ConfirmationView) -> String {
    let Context { base, language, sandbox, cookies, issuer, .. } = context;
    let w = language.words();
    let signed_title = if view.transaction.items.len() == 1 { w.signed_title } else { w.signed_many_title };
    let all_signed = view.others.iter().all(|other| matches!(other.state, State::Signed { .. }));
    let (signed_title, signed_text) = match all_signed {
        true => (signed_title, w.signed_text),
        false => (w.signed_joint_title, w.signed_joint_text),
    };
    let (kind, title, text) = match view.transaction.state {
        // One that waits for its signer has a page of its own.
        State::Waiting => ("plain", w.not_yet_title, w.not_yet_text),
        // Hashes wait for the portal, not for the citizen.
        State::Confirmed { .. } | State::Signing { .. } if view::is_hashes_only(&view.transaction) => {
            ("good", w.confirmed_title, w.confirmed_text)
        }
        State::Confirmed { .. } | State::Signing { .. } => ("busy", w.signing_title, w.signing_text),
        State::Signed { .. } => ("good", signed_title, signed_text),
        State::Refused { .. } => ("plain", w.refused_title, w.refused_text),
        State::Expired { .. } => ("plain", w.expired_title, w.expired_text),
        State::Failed { reason, .. } => ("plain", w.failed_title, language.failure(reason)),
    };
    let busy = kind == "busy";
    draw(&Outcome {
        base,
        w,
        css: &CSS_URL,
        language_link: Some(language_link(base, language)),
        sandbox,
        cookies,
        kind,
        reload: busy,
        title,
        text,
        progress: view::progress(view).filter(|_| busy),
        receipt: view::receipt(view, language),
        documents: view::files(view, language),
        others: view::others(view, language),
        support_phone: view.portal.support_phone.as_deref().map(plain),
        return_url: way_back(view, issuer).filter(|_| !busy),
    })
}

/// Back to the portal: to its own address, or to its client with the refusal.
fn way_back(view: &ConfirmationView, issuer: &str) -> Option<String> {
    use State::{Expired, Failed, Refused};
    match &view.leaving {
        Some(leaving) => matches!(view.transaction.state, Refused { .. } | Expired { .. } | Failed { .. })
            .then(|| leaving.url(issuer).expose().to_owned()),
        None => view::return_url(&view.transaction).map(str::to_owned),
    }
}

/// A document's text, page by page; `None` when there is none to be had.
pub fn text(context: Context<'_>, (number, item): (u32, &Item), texts: Option<&Texts>) -> String {
    let Context { base, language, sandbox, cookies, .. } = context;
    let w = language.words();
    let pages = texts.map_or(&[][..], |texts| texts.pages.as_slice());
    let page = |(at, text): (u32, &String)| {
        (at, language.page_of(at, pages.len()), text.trim().lines().map(plain).collect::<Vec<_>>().join("\n"))
    };
    draw(&TextPage {
        w,
        css: &CSS_URL,
        language_link: Some(language_link(&format!("{base}/documents/{number}/text"), language)),
        sandbox,
        cookies,
        back: format!("{base}?lang={}", w.lang),
        name: plain(&item.label),
        fingerprint: fingerprint(&item.digest),
        cut: texts.is_some_and(|texts| texts.cut),
        pages: (1..).zip(pages).map(page).collect(),
    })
}

/// "Are you sure?", a page of its own because there is no script.
pub fn ask_refusal(context: Context<'_>, view: &ConfirmationView) -> String {
    let Context { base, language, sandbox, cookies, .. } = context;
    draw(&Refuse {
        w: language.words(),
        css: &CSS_URL,
        language_link: Some(language_link(&format!("{base}/refuse"), language)),
        sandbox,
        cookies,
        base,
        documents: view::files(view, language),
    })
}

/// The page of a registration link; `failed` after an attempt that proved nothing.
pub fn enrol(context: Context<'_>, view: &EnrolmentView, failed: Option<()>) -> String {
    let Context { base, language, sandbox, cookies, .. } = context;
    let (qr_size, qr_path) = qr(view.uri.expose().as_bytes()).unwrap_or_default();
    let groups: Vec<String> =
        view.secret.expose().as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four).into()).collect();
    draw(&Enrol {
        w: language.words(),
        css: &CSS_URL,
        js: &JS_URL,
        language_link: Some(language_link(base, language)),
        sandbox,
        cookies,
        base,
        signer_name: plain(&view.signer_name),
        passkey: view.passkey.as_ref().map(Passkey::from),
        secret: groups.join(" "),
        qr_size,
        qr_path,
        failed: failed.is_some(),
    })
}

/// Size in modules with the quiet zone, and the dark modules as a path.
fn qr(data: &[u8]) -> Option<(usize, String)> {
    const QUIET: usize = 4;
    let code = qrcode::QrCode::new(data).ok()?;
    let width = code.width();
    let dark =
        |(at, module): (usize, &qrcode::Color)| (*module == qrcode::Color::Dark).then_some((at % width, at / width));
    let squares = code.to_colors();
    let path =
        squares.iter().enumerate().filter_map(dark).map(|(x, y)| format!("M{} {}h1v1h-1z", x + QUIET, y + QUIET));
    Some((width + 2 * QUIET, path.collect()))
}

pub fn enrolled(context: Context<'_>, method: Method) -> String {
    let Context { language, sandbox, cookies, .. } = context;
    let w = language.words();
    let title = match method {
        Method::Passkey => w.enrol_passkey,
        _ => w.enrol_totp,
    };
    let (css, reference) = (CSS_URL.as_str(), None);
    draw(&MessagePage {
        w,
        css,
        language_link: None,
        sandbox,
        cookies,
        title: w.enrolled_title,
        text: w.enrolled_text,
        reference,
        kicker: Some(title),
    })
}

/// What went wrong. A link that leads nowhere gets a page that tells nothing.
pub fn fault(problem: &'static Problem, language: Language, request_id: &str) -> String {
    let w = language.words();
    let unknown = matches!(problem.code, code if code == problem::NOT_FOUND.code || code == problem::NO_SUCH_PATH.code);
    let (title, text) = match (unknown, language) {
        (true, _) => (w.unknown_title, w.unknown_text),
        (false, Language::Vi) => (w.fault_title, problem.vi),
        (false, Language::En) => (w.fault_title, problem.en),
    };
    let reference = Some(request_id).filter(|_| !unknown);
    let (css, language_link, kicker) = (&CSS_URL, None, None);
    draw(&MessagePage { w, css, language_link, sandbox: false, cookies: false, title, text, reference, kicker })
}

/// Filters of the templates.
pub mod filters {
    /// A telephone number as a `tel:` address: digits and a leading `+`.
    #[askama::filter_fn]
    pub fn tel(phone: impl std::fmt::Display, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(phone.to_string().chars().filter(|c| c.is_ascii_digit() || *c == '+').collect())
    }
}

fn language_link(path: &str, language: Language) -> String {
    format!("{path}?lang={}", language.words().other_lang)
}

fn draw(template: &impl Template) -> String {
    // Templates write into memory; they fail only with a filter that fails, and theirs does not.
    template.render().unwrap_or_default()
}

#[cfg(test)]
#[path = "pages_tests.rs"]
mod tests;
