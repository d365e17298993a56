//! What a page shows, worked out from what the use cases say; no HTML here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::OffsetDateTime;

use crate::authorization::PasskeyRequest;
use crate::domain::binding::fingerprint;
use crate::domain::{FailureReason, Item, Method, Origin, State, Transaction};
use crate::formats::pdf::active::Active;
use crate::service::joint::OtherSigner;
use crate::service::{ConfirmationView, Leaving, LiveCode};
use crate::storage::Spent;

use super::super::render::PageSize;
use super::super::requests::return_origin;
use super::text::{Language, plain, utc};

/// Pages shown of one document; the rest is in the file, and the page says so.
const MAX_PAGES: usize = 300;
/// Width in CSS pixels that pictures declare; the stylesheet scales them.
const PAGE_WIDTH: u32 = 900;

/// A short message after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    CodeSent,
    WrongCode,
    WrongPin,
    CodeExpired,
    TooSoon,
    NoMoreCodes,
    ChannelDown,
    /// A budget of the signer or of the day is used up.
    Spent,
}

impl Notice {
    const ALL: [(Self, &'static str); 8] = [
        (Self::CodeSent, "sent"),
        (Self::WrongCode, "wrong"),
        (Self::WrongPin, "pin"),
        (Self::CodeExpired, "late"),
        (Self::TooSoon, "soon"),
        (Self::NoMoreCodes, "none"),
        (Self::ChannelDown, "down"),
        (Self::Spent, "spent"),
    ];

    /// The word that carries it over the redirect.
    pub fn word(self) -> &'static str {
        Self::ALL.into_iter().find(|(notice, _)| *notice == self).map_or("", |(_, word)| word)
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == word).map(|(notice, _)| notice)
    }
}

/// A message with its looks and its role for screen readers.
#[derive(Debug)]
pub struct Message {
    pub text: String,
    pub class: &'static str,
    pub role: &'static str,
}

/// A document in a list.
#[derive(Debug)]
pub struct File {
    pub name: String,
    pub fingerprint: String,
    /// Why this document of a batch was not signed.
    pub failure: Option<&'static str>,
}

/// A document to be read.
#[derive(Debug)]
pub struct Paper {
    pub number: u32,
    pub name: String,
    pub fingerprint: String,
    pub size: String,
    pub pages_text: Option<String>,
    pub pages: Vec<Page>,
    /// The document itself, when it is text.
    pub text: Option<String>,
    /// Something cannot be shown as it is.
    pub warning: Option<String>,
    /// What it holds that could show it otherwise elsewhere.
    pub holds: Vec<&'static str>,
    /// Not all pages are on the page.
    pub cut: bool,
}

#[derive(Debug)]
pub struct Page {
    pub number: u32,
    pub width: u32,
    pub height: u32,
    pub label: String,
}

/// The field for the code and what stands beside it.
#[derive(Debug)]
pub struct CodeStep {
    pub tries: String,
    pub valid_until: String,
    /// When a new code may be asked for, while that is still ahead.
    pub resend_from: Option<String>,
    pub wrong: bool,
    pub wrong_pin: bool,
    /// What an authenticator app's code is entered with.
    pub control: Option<String>,
    pub passkey: Option<Passkey>,
    pub is_message: bool,
}

/// What the page's script asks the browser for.
#[derive(Debug)]
pub struct Passkey {
    pub rp: String,
    pub challenge: String,
    /// Credential ids, separated by spaces.
    pub credentials: String,
}

impl From<&PasskeyRequest> for Passkey {
    fn from(request: &PasskeyRequest) -> Self {
        let ids: Vec<_> = request.credentials.iter().map(|id| URL_SAFE_NO_PAD.encode(id)).collect();
        Self {
            rp: request.rp_id.clone(),
            challenge: URL_SAFE_NO_PAD.encode(request.challenge),
            credentials: ids.join(" "),
        }
    }
}

/// Another way to confirm: the word of its button's form, and the button's text.
#[derive(Debug)]
pub struct Way {
    pub word: &'static str,
    pub button: String,
}

/// Ways besides the one that is under way, or the usual one.
pub fn other_ways(view: &ConfirmationView, now: OffsetDateTime, language: Language) -> Vec<Way> {
    if view.signer.frozen_at.is_some() {
        return Vec::new();
    }
    let usual = view.destinations.first().map(|(method, _)| *method);
    let current = live_code(view, now).map(|code| code.method).or(usual);
    let messages = view.destinations.iter().map(|(method, to)| (*method, to.as_str()));
    let authenticators = view.authenticators.iter().map(|method| (*method, ""));
    let all = authenticators.chain(messages).filter(|(method, _)| Some(*method) != current);
    // Nothing is sent while the budget of messages is used up, and no message while none may be.
    let blocked = blocked(view, now, language).is_some() || view.codes_left == 0;
    let guesses = matches!(view.spent, Some(Spent::Guesses { until }) if until > now);
    let open = all.filter(|(method, _)| !(guesses || blocked && method.is_message()));
    open.map(|(method, to)| Way { word: method.name(), button: language.way(method, to) }).collect()
}

/// What is known of a document's pages: their sizes, unless nothing can be drawn, and which are known to be incomplete.
#[derive(Debug, Default)]
pub struct Drawing {
    pub sizes: Option<Vec<PageSize>>,
    pub incomplete: Vec<u32>,
    /// The whole of a document that is text and no PDF.
    pub text: Option<String>,
    /// What it holds besides its pages.
    pub holds: Active,
}

pub fn files(view: &ConfirmationView, language: Language) -> Vec<File> {
    let file = |(n, item): (usize, &Item)| File {
        name: plain(&item.label),
        fingerprint: fingerprint(&item.digest),
        failure: view.documents.get(n).and_then(|state| state.failure).map(|reason| language.failure(reason)),
    };
    view.transaction.items.iter().enumerate().map(file).collect()
}

/// Somebody else who signs the same documents.
#[derive(Debug)]
pub struct Other {
    pub name: String,
    pub standing: String,
}

pub fn others(view: &ConfirmationView, language: Language) -> Vec<Other> {
    let other = |other: &OtherSigner| Other { name: plain(&other.name), standing: language.standing(other) };
    view.others.iter().map(other).collect()
}

/// How far a batch is: documents done, and all.
pub fn progress(view: &ConfirmationView) -> Option<(usize, usize)> {
    let done = view.documents.iter().filter(|state| state.level.is_some() || state.failure.is_some()).count();
    let all = view.transaction.items.len();
    (all > 1).then_some((done, all))
}

pub fn papers(transaction: &Transaction, drawings: &[Drawing], language: Language) -> Vec<Paper> {
    let nothing = Drawing::default();
    let paper = |(index, item): (usize, &Item)| {
        let drawing = drawings.get(index).unwrap_or(&nothing);
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        paper(number, item, drawing, language)
    };
    transaction.items.iter().enumerate().map(paper).collect()
}

fn paper(number: u32, item: &Item, drawing: &Drawing, language: Language) -> Paper {
    let sizes = drawing.sizes.as_deref().unwrap_or_default();
    let page = |(number, size): (u32, &PageSize)| Page {
        number,
        width: PAGE_WIDTH,
        height: (PAGE_WIDTH * size.height.min(100_000)).checked_div(size.width).unwrap_or(PAGE_WIDTH),
        label: language.page_of(number, sizes.len()),
    };
    let incomplete = || language.incomplete_pages(&drawing.incomplete);
    let warning = match (&drawing.sizes, drawing.incomplete.is_empty()) {
        (None, _) if drawing.text.is_some() => None,
        (None, _) => Some(language.words().not_shown.to_owned()),
        (Some(_), false) => Some(incomplete()),
        (Some(_), true) => None,
    };
    Paper {
        number,
        name: plain(&item.label),
        fingerprint: fingerprint(&item.digest),
        size: if item.len == 0 { language.words().bare_hash.to_owned() } else { language.size(item.len) },
        pages_text: drawing.sizes.as_ref().map(|sizes| language.pages(sizes.len())),
        pages: (1..).zip(sizes.iter().take(MAX_PAGES)).map(page).collect(),
        text: drawing.text.clone(),
        warning,
        holds: holds(drawing.holds, language),
        cut: sizes.len() > MAX_PAGES,
    }
}

/// One sentence for each kind of thing.
fn holds(active: Active, language: Language) -> Vec<&'static str> {
    let w = language.words();
    let Active { scripts, layers, attachments, fields } = active;
    let all = [
        (scripts, w.holds_scripts),
        (layers, w.holds_layers),
        (attachments, w.holds_attachments),
        (fields, w.holds_fields),
    ];
    all.into_iter().filter(|(there, _)| *there).map(|(_, sentence)| sentence).collect()
}

/// The code that may still be entered.
pub fn live_code(view: &ConfirmationView, now: OffsetDateTime) -> Option<&LiveCode> {
    let locked = view.signer.frozen_at.is_some() || matches!(view.spent, Some(Spent::Guesses { until }) if until > now);
    view.code.as_ref().filter(|code| code.expires_at > now && code.tries_left > 0 && !locked)
}

pub fn code_step(code: &LiveCode, notice: Option<Notice>, now: OffsetDateTime, language: Language) -> CodeStep {
    CodeStep {
        tries: language.tries_left(code.tries_left),
        valid_until: language.code_valid_until(code.expires_at),
        resend_from: (code.resend_at > now).then(|| language.resend_from(code.resend_at)),
        wrong: notice == Some(Notice::WrongCode),
        wrong_pin: notice == Some(Notice::WrongPin),
        control: code.control.as_ref().map(|control| control.expose().to_owned()),
        passkey: code.passkey.as_ref().map(Passkey::from),
        is_message: code.method.is_message(),
    }
}

/// Why no code can be sent or entered for now, and until when.
pub fn blocked(view: &ConfirmationView, now: OffsetDateTime, language: Language) -> Option<String> {
    if view.signer.frozen_at.is_some() {
        return Some(language.failure(FailureReason::Frozen).to_owned());
    }
    let spent = view.spent.filter(|spent| spent.until() > now)?;
    Some(match spent {
        Spent::Guesses { until } => language.guesses_spent(until),
        Spent::Codes { until } => language.codes_spent(until),
        Spent::Messages { until } => language.messages_spent(until),
    })
}

/// The message for a notice; what it says comes from the state, so a made-up link says nothing untrue.
pub fn message(notice: Notice, view: &ConfirmationView, now: OffsetDateTime, language: Language) -> Option<Message> {
    use super::super::problem;
    let code = live_code(view, now);
    let bad = |text: String| Some(Message { text, class: "bad", role: "alert" });
    let of = |row: &problem::Problem| match language {
        Language::Vi => row.vi.to_owned(),
        Language::En => row.en.to_owned(),
    };
    match (notice, code) {
        (Notice::CodeSent, Some(_)) => {
            let method = code.map_or(Method::Sms, |code| code.method);
            let text = language.code_sent(&view.signer.masked(method));
            Some(Message { text, class: "good", role: "status" })
        }
        (Notice::WrongCode, Some(code)) => bad(language.wrong_code(code.tries_left)),
        (Notice::WrongPin, Some(_)) => bad(of(&problem::WRONG_PIN)),
        (Notice::CodeExpired | Notice::WrongCode, None) if view.code.is_some() => bad(of(&problem::CODE_EXPIRED)),
        (Notice::CodeExpired, None) => bad(of(&problem::CODE_EXPIRED)),
        (Notice::TooSoon, Some(code)) if code.resend_at > now => bad(language.resend_from(code.resend_at)),
        (Notice::NoMoreCodes, _) if view.codes_left == 0 => bad(of(&problem::NO_MORE_CODES)),
        (Notice::ChannelDown, None) => bad(of(&problem::CHANNEL_DOWN)),
        _ => None,
    }
}

/// A link back to the portal, if it gave an address browsers may be sent to.
pub fn return_url(transaction: &Transaction) -> Option<&str> {
    match &transaction.origin {
        Origin::Request { return_url, .. } => return_url.as_deref().filter(|url| return_origin(url).is_some()),
        Origin::Csc | Origin::Oauth => None,
    }
}

/// Where the page's forms may lead besides this service, as a source of its policy.
pub fn onward(view: &ConfirmationView) -> Option<String> {
    let client = view.leaving.as_ref().and_then(Leaving::policy_source);
    client.or_else(|| return_url(&view.transaction).and_then(return_origin))
}

/// Whether only hashes are known, and no documents can be shown.
pub fn is_hashes_only(transaction: &Transaction) -> bool {
    !matches!(transaction.origin, Origin::Request { .. })
}

/// What the citizen keeps of a signature.
#[derive(Debug)]
pub struct Receipt {
    pub local: String,
    pub utc: String,
    pub signer: String,
    pub certificate: String,
    pub portal: String,
    pub request: String,
}

pub fn receipt(view: &ConfirmationView, language: Language) -> Option<Receipt> {
    let State::Signed { at } = view.transaction.state else { return None };
    Some(Receipt {
        local: language.signing_time(at),
        utc: utc(at),
        signer: plain(&view.signer.name),
        certificate: plain(&view.certificate_subject),
        portal: plain(&view.portal.name),
        request: view.transaction.id.to_string(),
    })
}
