//! Reports as people see them, in both languages and both forms.

use time::macros::datetime;

use super::drawn::{Comparison, PagePair, Picture, Region, Side};
use super::{AnchorSource, Drawn, Input, Origin, Trust, View, html, text};
use crate::crypto::DigestAlgorithm;
use crate::formats::pdf::samples::updated;
use crate::validation::report::facts::{ChainState, Found, Role};
use crate::validation::report::{Code, FileReport, Language, Message, SubIndication};
use crate::validation::testing::{Signed, p7s, pdf};
use crate::validation::{Evidence, Policy, RevocationPolicy, Setting, validate_cms, validate_pdf};

const LANGUAGES: [Language; 2] = [Language::Vietnamese, Language::English];
const NOW: time::OffsetDateTime = datetime!(2026-06-01 0:00 UTC);

fn evidence(signed: &Signed) -> Evidence {
    Evidence { anchors: vec![signed.root.certificate.clone()], ..Evidence::default() }
}

fn setting(evidence: &Evidence) -> Setting<'_> {
    Setting { evidence, policy: Policy::strict_with(RevocationPolicy::IfPresent), time: NOW }
}

fn cms(content: &[u8]) -> (FileReport, Trust) {
    let signed = p7s();
    let report = validate_cms(&signed.der, Some(content), setting(&evidence(&signed))).expect("readable");
    (report, trust(&signed, "roots/root.pem"))
}

fn trust(signed: &Signed, file: &str) -> Trust {
    let fingerprint = signed.root.certificate.fingerprint(DigestAlgorithm::Sha256);
    let fingerprints = vec![fingerprint.as_bytes().iter().map(|octet| format!("{octet:02x}")).collect()];
    Trust { anchors: vec![AnchorSource { origin: Origin::File(file.into()), fingerprints }] }
}

/// A signed PDF whose page was given other content afterwards.
fn forged() -> (FileReport, Trust) {
    let (signed, file) = pdf("/M(D:20260501000000Z)");
    let forged = updated(&file, &[(3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>")]);
    let report = validate_pdf(&forged, setting(&evidence(&signed))).expect("readable");
    (report, trust(&signed, "root.pem"))
}

fn view(file: &str, report: &FileReport, trust: &Trust, language: Language) -> View {
    view_with(file, report, trust, &Drawn::Nothing, language)
}

fn view_with(file: &str, report: &FileReport, trust: &Trust, drawn: &Drawn, language: Language) -> View {
    let (format, report) = (Some(report.format), Some(report));
    Input { file, format, report, error: None, time: NOW, trust, basis: None, drawn }.view(language)
}

fn page(views: &[View]) -> String {
    html::document(views, views[0].language)
}

fn parse(page: &str) -> roxmltree::Document<'_> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    roxmltree::Document::parse_with_options(page, options).unwrap_or_else(|error| panic!("{error}: {page}"))
}

/// Names of fingerprints and serial numbers differ from build to build.
fn without_serial(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('(') {
        let (inside, tail) = after.split_once(')').unwrap_or((after, ""));
        let serial = !inside.is_empty() && inside.bytes().all(|byte| byte.is_ascii_hexdigit());
        out.push_str(before);
        out.push_str(&if serial { "(…)".to_owned() } else { format!("({inside})") });
        rest = tail;
    }
    out + rest
}

#[test]
fn valid_signature_reads_in_vietnamese_as_the_circular_asks() {
    let (report, trust) = cms(b"content");
    let said = without_serial(&text::write(&view("a.p7s", &report, &trust, Language::Vietnamese)));
    assert_eq!(
        said,
        "\
✓ HỢP LỆ — a.p7s
    Mọi chữ ký số trong tệp đều hợp lệ.

  ✓ Chữ ký 1: hợp lệ (TOTAL-PASSED)
      Người ký                  An
      Đơn vị quản lý            không nêu trong chứng thư
      Tổ chức cấp chứng thư     Root
      Chứng thư chữ ký số       CN=An (…)
      Hiệu lực chứng thư        từ 01/01/2026 đến 31/12/2026
      Thời điểm ký              không nêu
      Đã chứng minh có từ       chưa có dấu thời gian hợp lệ
      Tính toàn vẹn             toàn vẹn
      Hiệu lực khi ký           còn trong thời hạn; chưa biết có bị thu hồi hay không
      Phạm vi bảo vệ            toàn bộ tệp
      Sau khi ký                không có thay đổi
      Mức chữ ký                PKCS7
      Thuật toán                ecdsa-with-SHA256, SHA-256
      Gia hạn trước             07:00:00 31/12/2026 (giờ Việt Nam)
      Đường dẫn chứng thực      An ← Root
                                (từ tệp được cung cấp: roots/root.pem)
      ! Không có thông tin thu hồi dùng được cho chứng thư: CN=An (không có CRL hay phản hồi OCSP của tổ chức cấp)
      · Chữ ký là CMS hợp lệ nhưng không theo hồ sơ cơ sở ETSI: phải có signing-time

  Định dạng                 Thông điệp chữ ký CMS
  Gồm có                    1 chữ ký
  Kiểm tra tại thời điểm    07:00:00 01/06/2026 (giờ Việt Nam)
  Chứng thư gốc tin cậy     1, từ roots/root.pem

"
    );
}

#[test]
fn failed_signature_reads_in_english_with_its_reason_and_what_to_do() {
    let (report, trust) = cms(b"other");
    let said = without_serial(&text::write(&view("a.p7s", &report, &trust, Language::English)));
    let head = "\
✗ NOT VALID — a.p7s
    A signature is not valid. Do not rely on this document.

  ✗ Signature 1: not valid (TOTAL-FAILED / HASH_FAILURE)
      Why: The content was changed after signing
      What to do: Do not use this document. Ask the sender for the signed original.
      Signer                    An
      Managing unit             not stated in the certificate
";
    assert!(said.starts_with(head), "{said}");
    assert!(said.contains("      Integrity                 changed after signing\n"), "{said}");
    assert!(!said.contains("Renew before"), "a failed signature has no proof to renew: {said}");
}

#[test]
fn file_without_a_report_says_why_in_its_language() {
    let trust = Trust::default();
    let input = Input {
        file: "a.pdf",
        format: None,
        report: None,
        error: Some("the file cannot be read: No such file or directory (os error 2)"),
        time: NOW,
        trust: &trust,
        basis: None,
        drawn: &Drawn::Nothing,
    };
    let said = text::write(&input.view(Language::Vietnamese));
    assert_eq!(said, "? KHÔNG KIỂM TRA ĐƯỢC — a.pdf\n    không đọc được tệp: không tìm thấy tệp\n\n");
    assert!(text::write(&input.view(Language::English)).starts_with("? COULD NOT BE CHECKED — a.pdf\n    the file"));
}

#[test]
fn every_code_and_every_sub_indication_is_told_in_both_languages() {
    let (mut report, trust) = cms(b"content");
    for language in LANGUAGES {
        for code in Code::ALL {
            report.signatures[0].messages = vec![Message::info(*code)];
            let said = text::write(&view("a", &report, &trust, language));
            let sentence = code.sentence(language).split_once(' ').expect("a sentence").1;
            assert!(said.contains(sentence), "{code:?}: {said}");
        }
        for sub in [SubIndication::TryLater, SubIndication::FormatFailure, SubIndication::NoCertificateChainFound] {
            report.signatures[0].sub_indication = Some(sub);
            let said = text::write(&view("a", &report, &trust, language));
            assert!(said.contains(super::words::advice(sub, language)), "{sub:?}: {said}");
        }
        report.signatures[0].sub_indication = None;
    }
}

#[test]
fn facts_tell_the_chain_where_it_came_from_and_its_absence() {
    let (report, _) = cms(b"content");
    let chain = &report.signatures[0].facts.chain;
    let told: Vec<_> = chain.certificates.iter().map(|c| (c.name.as_str(), c.role, c.found)).collect();
    assert_eq!(told, [("An", Role::Signer, Found::Document), ("Root", Role::Anchor, Found::Given)]);
    assert_eq!(chain.state, ChainState::Valid);
    let signed = p7s();
    let nothing = Evidence::default();
    let report = validate_cms(&signed.der, Some(b"content"), setting(&nothing)).expect("readable");
    assert_eq!(report.signatures[0].facts.chain.state, ChainState::Incomplete);
    let view = view("a", &report, &Trust::default(), Language::English);
    let tree = view.cards[0].tree.as_ref().expect("a tree");
    assert_eq!(tree.roots[0].origin, "The issuer is neither in the document nor given");
    assert_eq!(tree.path, ["An", "Root"]);
}

#[test]
fn revision_that_changed_the_page_is_named_with_its_page() {
    let (report, trust) = forged();
    assert_eq!(report.history.len(), 2);
    let signature = &report.signatures[0];
    assert!(signature.facts.changes.iter().any(|change| change.page == Some(1)), "{:?}", signature.facts.changes);
    let view = view("forged.pdf", &report, &trust, Language::English);
    assert_eq!(view.timeline.steps[0].what, "signature 1 by An");
    assert_eq!(view.timeline.steps[1].what, "changed against the signature's permissions");
    assert!(view.why.as_deref().is_some_and(|why| why.ends_with("(page 1)")), "{:?}", view.why);
    let said = text::write(&view);
    assert!(said.contains("✗ not permitted: "), "{said}");
}

/// A comparison with one region, as the drawing process would give it.
fn compared() -> Drawn {
    let picture = || Side::Shown(Picture { png: b"\x89PNG".to_vec(), width: 400, height: 600 });
    let regions = vec![Region { x: 40, y: 60, width: 80, height: 24 }];
    let different = vec![
        PagePair { number: 1, before: picture(), after: picture(), regions },
        PagePair { number: 2, before: picture(), after: Side::Absent, regions: Vec::new() },
    ];
    let page_counts = Some((2, 1));
    let (compared, failed) = (vec![1, 2], vec![3]);
    Drawn::Compared(vec![Comparison { signature: 1, page_counts, compared, failed, different, left_out: None }])
}

#[test]
fn html_is_well_formed_and_fetches_and_runs_nothing() {
    let ((good, trust), (bad, _)) = (cms(b"content"), forged());
    for language in LANGUAGES {
        let views = [view("a.p7s", &good, &trust, language), view_with("b.pdf", &bad, &trust, &compared(), language)];
        let page = page(&views);
        let document = parse(&page);
        for node in document.descendants().filter(roxmltree::Node::is_element) {
            let name = node.tag_name().name();
            assert!(!["script", "iframe", "object", "embed", "link", "form", "base"].contains(&name), "{name}");
            for attribute in node.attributes() {
                let (name, value) = (attribute.name(), attribute.value());
                assert!(!name.starts_with("on") && name != "style", "{name}={value}");
                let inside = value.starts_with('#') || value.starts_with("data:image/png;base64,");
                assert!(!["href", "src", "action"].contains(&name) || inside, "{name}={value}");
            }
        }
        let policy = document.descendants().find(|node| node.attribute("http-equiv").is_some()).expect("a policy");
        let policy = policy.attribute("content").expect("a policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(!page.contains("unsafe-inline") && !page.contains("url(") && !page.contains("@import"));
    }
}

#[test]
fn every_picture_has_its_words_and_every_reference_its_target() {
    let (bad, trust) = forged();
    let page = page(&[view_with("b.pdf", &bad, &trust, &compared(), Language::English)]);
    let document = parse(&page);
    let has = |node: roxmltree::Node<'_, '_>, name| node.attribute(name).is_some();
    for svg in document.descendants().filter(|node| node.has_tag_name("svg")) {
        assert!(has(svg, "aria-label") || svg.attribute("aria-hidden") == Some("true"), "{svg:?}");
    }
    let ids: Vec<_> = document.descendants().filter_map(|node| node.attribute("id")).collect();
    for reference in document.descendants().filter_map(|node| node.attribute("href")) {
        let Some(id) = reference.strip_prefix('#') else { continue };
        assert_eq!(ids.iter().filter(|known| **known == id).count(), 1, "{id}");
    }
    assert_eq!(document.descendants().filter(|node| node.has_tag_name("figcaption")).count(), 2);
    for words in ["There is no such page", "10 % from the top", "Page 3 could not be drawn", "2 when signed, 1 now"] {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn nothing_a_document_or_a_file_name_says_becomes_markup() {
    const EVIL: &str = "<script>alert(1)</script>\"'&\u{202e}";
    let (mut report, _) = forged();
    let signature = &mut report.signatures[0];
    signature.field = Some(EVIL.into());
    signature.messages.push(Message::warning(Code::AttributeProblem).detail(EVIL));
    signature.signature_algorithm = Some(EVIL.into());
    for change in &mut signature.facts.changes {
        (change.path, change.text) = (EVIL.into(), EVIL.into());
    }
    let signer = signature.signer.as_mut().expect("a signer");
    (signer.name, signer.subject, signer.issuer_name) = (EVIL.into(), EVIL.into(), EVIL.into());
    for certificate in &mut signature.facts.chain.certificates {
        (certificate.name, certificate.unit) = (EVIL.into(), Some(EVIL.into()));
    }
    let trust = trust(&p7s(), EVIL);
    for language in LANGUAGES {
        let view = view(EVIL, &report, &trust, language);
        let page = page(&[view.clone(), view.clone()]);
        assert_eq!(parse(&page).descendants().filter(|node| node.has_tag_name("script")).count(), 0);
        assert!(!page.contains("<script") && !page.contains('\u{202e}'));
        assert!(!text::write(&view).contains('\u{202e}'));
    }
}

#[test]
fn build_that_cannot_draw_says_so_in_words() {
    let (report, trust) = forged();
    for (drawn, words) in [
        (Drawn::NotInThisBuild, "This build cannot draw pages"),
        (Drawn::NotDrawable, "The pages of this file cannot be drawn"),
        (Drawn::NeedsPassword, "opens with a password only"),
    ] {
        let page = page(&[view_with("b.pdf", &report, &trust, &drawn, Language::English)]);
        assert!(page.contains(words), "{words}");
    }
}

/// WCAG 2.2, 1.4.3: text and its ground differ by at least 4.5 to 1.
#[test]
fn colours_of_text_can_be_read() {
    let css = include_str!("html/style.css");
    let value = |name: &str| {
        let rest = css.split_once(&format!("--{name}: #")).expect("a colour").1;
        let digits = rest.split(';').next().expect("digits");
        let digits = if digits.len() == 3 { digits.chars().flat_map(|c| [c, c]).collect() } else { digits.to_owned() };
        u32::from_str_radix(&digits, 16).expect("hexadecimal")
    };
    let luminance = |colour: u32| {
        let channel = |shift: u32| {
            let level = f64::from(colour >> shift & 0xff) / 255.0;
            if level <= 0.04045 { level / 12.92 } else { ((level + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
    };
    for (text, grounds) in [
        ("ink", ["paper", "ground"]),
        ("quiet", ["paper", "ground"]),
        ("accent", ["paper", "ground"]),
        ("good", ["paper", "good-pale"]),
        ("bad", ["paper", "bad-pale"]),
        ("unsure", ["paper", "unsure-pale"]),
    ] {
        for ground in grounds {
            let (a, b) = (luminance(value(text)), luminance(value(ground)));
            let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(contrast >= 4.5, "{text} on {ground}: {contrast:.2}");
        }
    }
}
