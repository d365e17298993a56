//! Every state in both languages, with hostile text in every place that comes from outside.

use super::*;
use crate::crypto::DigestAlgorithm;
use crate::domain::SignatureSettings;
use crate::domain::{
    CredentialId, FailureReason, Item, KeyAlgorithm, Method, Origin, Portal, PortalId, Secret, Signer, SignerId,
    Transaction, TransactionId,
};
use crate::http::render::PageSize;
use crate::service::LiveCode;
use crate::storage::Spent;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-22 7:05:00 UTC);

fn item(label: &str, len: u64) -> Item {
    Item { label: label.into(), digest: DigestAlgorithm::Sha256.digest(label.as_bytes()), len }
}

fn origin(return_url: &str) -> Origin {
    let settings = SignatureSettings::new(KeyAlgorithm::P256.default_signature()).into();
    Origin::Request { return_url: Some(return_url.into()), settings }
}

fn view(state: State) -> ConfirmationView {
    ConfirmationView {
        documents: Vec::new(),
        transaction: Transaction {
            id: TransactionId::parse("8fJ2kQ0vT7mXw3ZpR6sYdA").expect("id"),
            portal: PortalId::parse("tinh-mau").expect("id"),
            signer: SignerId::parse("an").expect("id"),
            credential: CredentialId::parse("an-p256").expect("id"),
            origin: origin("https://dichvucong.example.vn/ho-so/1?x=1"),
            description: "Tờ khai xác nhận thông tin về cư trú, hồ sơ H12.34-261122-0007".into(),
            created_at: NOW,
            expires_at: datetime!(2026-11-22 7:35:00 UTC),
            items: vec![item("to-khai-xac-nhan-cu-tru.pdf", 101_771)],
            state,
        },
        portal: Portal {
            id: PortalId::parse("tinh-mau").expect("id"),
            name: "Cổng dịch vụ công tỉnh Mẫu".into(),
            host: Some("dichvucong.example.vn".into()),
            support_phone: Some("1900 0000".into()),
            secret_sha256: [0; 32],
            created_at: NOW,
        },
        signer: Signer {
            frozen_at: None,
            id: SignerId::parse("an").expect("id"),
            name: "Nguyễn Văn An".into(),
            phone: "+84912345678".into(),
            email: None,
            pin_hash: None,
            created_at: NOW,
        },
        certificate_subject: "Nguyễn Văn An · 5A:31:0C:9E:77:04:BD:12".into(),
        code: None,
        codes_left: 3,
        leaving: None,
        others: Vec::new(),
        in_turn: true,
        spent: None,
        code_digits: 6,
        factors: Factors::Code,
        destinations: vec![(Method::Sms, "+84••••••678".into())],
        authenticators: vec![],
    }
}

fn live() -> LiveCode {
    LiveCode {
        method: Method::Sms,
        control: None,
        passkey: None,
        tries_left: 5,
        expires_at: datetime!(2026-11-22 7:10:00 UTC),
        resend_at: datetime!(2026-11-22 7:05:30 UTC),
    }
}

fn drawing() -> Drawing {
    Drawing { sizes: Some(vec![PageSize { width: 595, height: 842 }]), ..Drawing::default() }
}

fn html(view: &ConfirmationView, drawings: &[Drawing], notice: Option<Notice>, language: Language) -> String {
    let context = Context {
        base: "/c/0123456789abcdef0123",
        language,
        now: NOW,
        sandbox: false,
        issuer: "https://ky.example",
        cookies: false,
    };
    request(context, view, drawings, notice)
}

/// Name and HTML of every page worth looking at.
fn gallery(language: Language) -> Vec<(String, String)> {
    let lang = language.words().lang;
    let at = datetime!(2026-11-22 7:06:41 UTC);
    let mut pages = Vec::new();
    let mut add = |name: &str, html: String| pages.push((format!("{name}.{lang}"), html));
    let waiting = view(State::Waiting);
    add("waiting", html(&waiting, &[drawing()], None, language));
    let with_code = || ConfirmationView { code: Some(live()), codes_left: 2, ..view(State::Waiting) };
    add("code-sent", html(&with_code(), &[drawing()], Some(Notice::CodeSent), language));
    let mut wrong = with_code();
    wrong.code = Some(LiveCode { tries_left: 3, resend_at: NOW, ..live() });
    add("wrong-code", html(&wrong, &[drawing()], Some(Notice::WrongCode), language));
    let mut late = with_code();
    late.code = Some(LiveCode { expires_at: NOW, ..live() });
    add("code-expired", html(&late, &[drawing()], Some(Notice::CodeExpired), language));
    let none = ConfirmationView { code: None, codes_left: 0, ..view(State::Waiting) };
    add("no-codes", html(&none, &[drawing()], Some(Notice::NoMoreCodes), language));
    let until = datetime!(2026-11-23 1:30:00 UTC);
    let locked = ConfirmationView { spent: Some(Spent::Guesses { until }), ..with_code() };
    add("locked", html(&locked, &[drawing()], Some(Notice::Spent), language));
    let used = ConfirmationView { spent: Some(Spent::Codes { until }), ..with_code() };
    add("codes-used", html(&used, &[drawing()], Some(Notice::Spent), language));
    let mut app = with_code();
    app.factors = Factors::CodeAndPin;
    app.destinations.push((Method::Email, "a•••@example.vn".into()));
    app.authenticators = vec![Method::Passkey, Method::Totp];
    app.code = Some(LiveCode { method: Method::Totp, control: Some(Secret::new("4821")), ..live() });
    add("app-and-pin", html(&app, &[drawing()], None, language));
    app.code = None;
    add("ways", html(&app, &[drawing()], None, language));
    let mut batch = with_code();
    batch.transaction.items = vec![item("hop-dong-dich-vu.pdf", 64_897), item("hoa-don-gtgt.pdf", 1_450_171)];
    let two = vec![PageSize { width: 595, height: 842 }; 2];
    let drawings = [Drawing { sizes: Some(two), incomplete: vec![2], ..Drawing::default() }, Drawing::default()];
    add("batch-unfaithful", html(&batch, &drawings, None, language));
    let context = Context {
        base: "/c/0123456789abcdef0123",
        language,
        now: NOW,
        sandbox: true,
        issuer: "https://ky.example",
        cookies: false,
    };
    add("refuse", ask_refusal(context, &waiting));
    for (name, state) in [
        ("signing", State::Signing { at }),
        ("signed", State::Signed { at }),
        ("refused", State::Refused { at }),
        ("expired", State::Expired { at }),
    ] {
        add(name, html(&view(state), &[], None, language));
    }
    for reason in FailureReason::ALL {
        add(&format!("failed-{}", reason.name()), html(&view(State::Failed { at, reason }), &[], None, language));
    }
    add("unknown", fault(&problem::NOT_FOUND, language, "req-1"));
    add("fault", fault(&problem::STORAGE, language, "req-1"));
    pages
}

#[test]
fn every_state_is_a_whole_page_in_its_language() {
    for language in Language::ALL {
        for (name, html) in gallery(language) {
            let lang = language.words().lang;
            assert!(html.starts_with(&format!("<!doctype html>\n<html lang=\"{lang}\">")), "{name}");
            assert!(html.trim_end().ends_with("</html>") && html.matches("<h1").count() == 1, "{name}");
            for forbidden in ["<script", "style=", "javascript:", "onclick", "http://", "//fonts"] {
                assert!(!html.contains(forbidden), "{name}: {forbidden}");
            }
        }
    }
}

#[test]
fn markup_and_reversed_writing_from_outside_stay_text() {
    let hostile = "<script>alert(1)</script>\" onload='x' &amp; \u{202E}fdp.exe";
    let mut waiting = ConfirmationView { code: Some(live()), ..view(State::Waiting) };
    waiting.transaction.description = hostile.into();
    waiting.transaction.items = vec![item(hostile, 1)];
    waiting.portal.name = hostile.into();
    waiting.portal.host = Some(hostile.into());
    waiting.portal.support_phone = Some(hostile.into());
    waiting.signer.name = hostile.into();
    waiting.certificate_subject = hostile.into();
    let at = NOW;
    for state in [State::Waiting, State::Signed { at }, State::Refused { at }] {
        waiting.transaction.state = state;
        let html = html(&waiting, &[drawing()], None, Language::Vi);
        assert!(!html.contains("<script") && !html.contains("onload='") && !html.contains('\u{202E}'), "{html}");
        assert!(html.contains("&#60;script&#62;") || html.contains("&lt;script&gt;"), "{html}");
    }
}

#[test]
fn the_code_field_can_be_filled_by_the_phone_and_is_labelled() {
    let waiting = ConfirmationView { code: Some(live()), ..view(State::Waiting) };
    let html = html(&waiting, &[drawing()], None, Language::Vi);
    for part in [
        "<label for=\"code\">",
        "inputmode=\"numeric\"",
        "autocomplete=\"one-time-code\"",
        "maxlength=\"6\"",
        ">Ký số 1 tài liệu</button>",
    ] {
        assert!(html.contains(part), "{part}");
    }
}

#[test]
fn a_locked_signer_gets_no_field_and_is_told_until_when() {
    let until = datetime!(2026-11-23 1:30:00 UTC);
    let mut locked =
        ConfirmationView { code: Some(live()), spent: Some(Spent::Guesses { until }), ..view(State::Waiting) };
    locked.authenticators = vec![Method::Totp];
    let page = html(&locked, &[drawing()], None, Language::Vi);
    assert!(!page.contains("one-time-code") && !page.contains("/code?"), "nothing to enter, nothing to send");
    assert!(page.contains("tạm khóa đến 08:31, 23/11/2026") && page.contains("Tài liệu chưa được ký."), "{page}");
    locked.spent = Some(Spent::Codes { until });
    let page = html(&locked, &[drawing()], None, Language::En);
    assert!(page.contains("one-time-code") && page.contains("A new one can be sent from 08:31, 23/11/2026"), "{page}");
    assert!(page.contains("value=\"totp\""), "what needs no message stays");
    assert!(!html(&locked, &[drawing()], None, Language::Vi).contains(">Gửi lại mã<"));
}

#[test]
fn the_pin_stands_beside_the_code_where_the_key_asks_for_it() {
    let mut asks = ConfirmationView { code: Some(live()), ..view(State::Waiting) };
    assert!(!html(&asks, &[drawing()], None, Language::Vi).contains("name=\"pin\""));
    asks.factors = Factors::CodeAndPin;
    let page = html(&asks, &[drawing()], Some(Notice::WrongPin), Language::Vi);
    assert!(page.contains("<label for=\"pin\">") && page.contains("type=\"password\""), "{page}");
    assert!(page.contains("Mã PIN không đúng."), "{page}");
}

#[test]
fn without_a_live_code_there_is_no_field_and_no_signing_button() {
    for code in [None, Some(LiveCode { expires_at: NOW, ..live() }), Some(LiveCode { tries_left: 0, ..live() })] {
        let waiting = ConfirmationView { code, ..view(State::Waiting) };
        let html = html(&waiting, &[drawing()], None, Language::Vi);
        assert!(!html.contains("one-time-code") && html.contains(">Gửi mã xác nhận</button>"));
    }
}

#[test]
fn a_wrong_code_says_tries_left_and_that_nothing_was_signed() {
    let mut waiting = ConfirmationView { code: Some(live()), ..view(State::Waiting) };
    waiting.code = Some(LiveCode { tries_left: 3, ..live() });
    let html = html(&waiting, &[drawing()], Some(Notice::WrongCode), Language::Vi);
    assert!(html.contains("Mã không đúng. Bạn còn 3 lần thử. Tài liệu chưa được ký."));
    assert!(html.contains("aria-invalid=\"true\""));
}

#[test]
fn a_made_up_notice_says_nothing_untrue() {
    let waiting = view(State::Waiting);
    for (notice, untrue) in [
        (Notice::CodeSent, "Đã gửi mã"),
        (Notice::NoMoreCodes, "Đã gửi hết"),
        (Notice::WrongCode, "Mã không đúng"),
        (Notice::TooSoon, "Có thể gửi lại"),
    ] {
        assert!(!html(&waiting, &[drawing()], Some(notice), Language::Vi).contains(untrue), "{untrue}");
    }
}

#[test]
fn a_document_that_cannot_be_shown_is_said_to_be_so() {
    let waiting = view(State::Waiting);
    let html = html(&waiting, &[Drawing::default()], None, Language::En);
    assert!(html.contains("This document cannot be shown on this page.") && !html.contains("<img"));
}

#[test]
fn only_the_signing_page_reloads_by_itself() {
    for (name, html) in gallery(Language::Vi) {
        assert_eq!(html.contains("http-equiv=\"refresh\""), name.starts_with("signing."), "{name}");
    }
}

#[test]
fn a_return_address_that_runs_code_is_no_link() {
    let mut signed = view(State::Signed { at: NOW });
    assert!(html(&signed, &[], None, Language::Vi).contains("href=\"https://dichvucong.example.vn/ho-so/1?x=1\""));
    signed.transaction.origin = origin("javascript:alert(1)");
    assert!(!html(&signed, &[], None, Language::Vi).contains("javascript:"));
}

#[test]
fn an_unknown_link_tells_nothing() {
    let page = fault(&problem::NOT_FOUND, Language::Vi, "req-1");
    assert!(!page.contains("req-1") && page.contains("Liên kết không dùng được"));
}

/// Writes every page to the folder in `KYSO_PAGES`, to be looked at; does nothing without it.
#[test]
fn gallery_can_be_written() {
    let Ok(folder) = std::env::var("KYSO_PAGES") else { return };
    for language in Language::ALL {
        for (name, html) in gallery(language) {
            std::fs::write(format!("{folder}/{name}.html"), html).expect("written");
        }
    }
}
