//! Visible signatures as others see them: poppler draws and reads them, qpdf checks the file, zbar scans the QR code.
//!
//! `KYSO_PICTURES=folder` keeps the drawn pages; `tests/run.sh` requires the judges.

#[path = "appearance/archival.rs"]
mod archival;
#[path = "appearance/pages.rs"]
mod pages;
#[path = "appearance/pictures.rs"]
mod pictures;
#[path = "support/signer.rs"]
mod signer;
#[path = "appearance/verdicts.rs"]
mod verdicts;

use std::path::Path;
use std::process::Command;

use kyso::formats::pdf::{Limits, Pdf};
use kyso::signing::appearance::{Appearance, SignatureFacts};
use kyso::signing::visible::VisibleSignature;
use kyso::signing::{FieldChoice, PrepareRequest, Prepared, SigningError, prepare_visible};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

const NAME: &str = "Nguyễn Thị Hương Thảo Nguyên";
const SEAL: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><g fill="none" stroke="#d0021b">
    <circle cx="50" cy="50" r="47" stroke-width="3"/><circle cx="50" cy="50" r="33" stroke-width="1.5"/></g>
    <path fill="#d0021b" d="M50 24l6 18h19l-15 12 6 18-16-11-16 11 6-18-15-12h19z"/></svg>"##;

fn sign(original: &[u8], appearance: Value) -> Result<Vec<u8>, SigningError> {
    sign_in(original, FieldChoice::NewInvisible, appearance)
}

/// Signs with a pretended CMS.
fn sign_in(original: &[u8], field: FieldChoice, appearance: Value) -> Result<Vec<u8>, SigningError> {
    let pdf = Pdf::open(original, &Limits::default()).expect("opens");
    let prepared = prepared(&pdf, field, appearance, datetime!(2026-11-26 18:05:33 +7))?;
    Ok([original, &kyso::signing::embed(&prepared, &[0x30, 0])?].concat())
}

fn prepared(
    pdf: &Pdf<'_>,
    field: FieldChoice,
    appearance: Value,
    time: OffsetDateTime,
) -> Result<Prepared, SigningError> {
    let shown: VisibleSignature = serde_json::from_value(appearance).expect("a request");
    let facts = SignatureFacts {
        signer: NAME.into(),
        reason: Some("Đồng ý ký".into()),
        location: Some("Hà Nội".into()),
        signing_time: time,
    };
    let request = PrepareRequest {
        field,
        signing_time: time,
        name: Some(NAME.into()),
        reason: None,
        location: None,
        contact_info: None,
        certify: None,
        lock: None,
        contents_capacity: 4096,
    };
    prepare_visible(pdf, &request, &Appearance::new(&shown, facts)?)
}

fn sample() -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/hop-dong-dich-vu.pdf")).expect("a sample")
}

/// A file of these objects, numbered from 1, the first being the catalog.
fn file(objects: &[String]) -> Vec<u8> {
    let size = objects.len() + 1;
    let (mut file, mut table) = (String::from("%PDF-1.7\n"), format!("xref\n0 {size}\n0000000000 65535 f \n"));
    for (number, body) in (1..).zip(objects) {
        table += &format!("{:010} 00000 n \n", file.len());
        file += &format!("{number} 0 obj\n{body}\nendobj\n");
    }
    let at = file.len();
    let id = "/ID[<00112233445566778899aabbccddeeff><00112233445566778899aabbccddeeff>]";
    (file + &table + &format!("trailer\n<</Size {size}/Root 1 0 R{id}>>\nstartxref\n{at}\n%%EOF\n")).into_bytes()
}

/// One page with these entries, and an empty signature field `Citizen` in the middle of it.
fn page(entries: &str) -> Vec<u8> {
    file(&[
        "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]>>>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        format!("<</Type/Page/Parent 2 0 R/Annots[4 0 R]{entries}>>"),
        "<</Type/Annot/Subtype/Widget/FT/Sig/T(Citizen)/TU(Applicant)/Rect[100 200 300 260]/F 4/P 3 0 R>>".to_owned(),
    ])
}

/// One page with that rotation and an odd crop box.
fn rotated(degrees: u32) -> Vec<u8> {
    page(&format!("/MediaBox[-50 -20 700 900]/CropBox[17 31 417 631]/Rotate {degrees}"))
}

fn rectangle(page: i32, x: f64, y: f64, width: f64, height: f64) -> Value {
    json!({"rectangle": {"page": page, "x": x, "y": y, "width": width, "height": height}})
}

fn there(program: &str, version: &str) -> bool {
    let there = Command::new(program).arg(version).output().is_ok();
    let required = std::env::var("KYSO_JUDGES").is_ok_and(|value| value == "require");
    assert!(there || !required, "{program} is required and does not answer");
    there
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("runs");
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Writes the file, checks its structure, gives its text and keeps a picture of the page when asked for.
fn judged(name: &str, file: &[u8], page: &str) -> Option<String> {
    if !there("pdftotext", "-v") || !there("qpdf", "--version") {
        return None;
    }
    let temporary = tempfile::tempdir().expect("a folder");
    let path = temporary.path().join("signed.pdf");
    std::fs::write(&path, file).expect("written");
    let path = path.to_str().expect("UTF-8");
    output("qpdf", &["--check", path]);
    if let Ok(folder) = std::env::var("KYSO_PICTURES") {
        output(
            "pdftoppm",
            &["-png", "-r", "80", "-cropbox", "-singlefile", "-f", page, path, &format!("{folder}/{name}")],
        );
    }
    if name.contains("qr") && there("zbarimg", "--version") {
        let picture = temporary.path().join("page").to_str().expect("UTF-8").to_owned();
        output("pdftoppm", &["-png", "-r", "200", "-singlefile", "-f", page, path, &picture]);
        assert!(output("zbarimg", &["-q", &format!("{picture}.png")]).contains("https://vi.du/tra-cuu"));
    }
    Some(output("pdftotext", &["-raw", path, "-"]))
}

#[test]
fn a_citizen_s_signature_says_who_when_why_and_where() {
    let appearance = json!({"place": rectangle(-1, 324.0, 690.0, 220.0, 84.0), "qr": "https://vi.du/tra-cuu/123"});
    let signed = sign(&sample(), appearance.clone()).expect("signed");
    assert_eq!(signed, sign(&sample(), appearance).expect("signed"), "the same request gives the same bytes");
    let Some(text) = judged("signature-citizen-qr", &signed, "2") else { return };
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [NAME, "Thời gian ký: 26/11/2026 18:05:33 +07:00", "Lý do: Đồng ý ký", "Nơi ký: Hà Nội"]
    {
        assert!(text.contains(words), "{words} in {text}");
    }
}

#[test]
fn a_seal_stands_by_words_of_the_page() {
    use base64::Engine as _;
    let image = base64::engine::general_purpose::STANDARD.encode(SEAL);
    let anchor = json!({"anchor": {"text": "ĐẠI DIỆN BÊN A", "occurrence": "last", "dx": 10, "dy": 16, "width": 76, "height": 76}});
    let signed = sign(&sample(), json!({"place": anchor, "template": "agency-seal", "image": image}));
    let signed = signed.expect("signed");
    judged("signature-seal", &signed, "2");
}

#[test]
fn text_is_upright_on_every_rotation() {
    for degrees in [0, 90, 180, 270] {
        let place = rectangle(1, 40.0, 50.0, 180.0, 70.0);
        let signed = sign(&rotated(degrees), json!({"place": place, "language": "both"})).expect("signed");
        let Some(text) = judged(&format!("signature-rotated-{degrees}"), &signed, "1") else { return };
        assert!(text.contains("Ký bởi/Signed by:"), "{degrees}: {text}");
    }
}

#[test]
fn what_cannot_be_shown_is_refused_by_name() {
    let refused = |appearance: Value| sign(&rotated(90), appearance).expect_err("refused").to_string();
    let shown = |place: Value| json!({"place": place});
    assert!(refused(shown(rectangle(2, 0.0, 0.0, 9.0, 9.0))).contains("there is no page 2"));
    assert!(refused(shown(rectangle(-1, 500.0, 0.0, 101.0, 50.0))).contains("outside page 1, which shows 600 x 400"));
    assert!(refused(shown(rectangle(1, 0.0, 0.0, 20.0, 10.0))).contains("does not fit"));
    assert!(refused(shown(rectangle(1, 0.0, 0.0, 0.0, 10.0))).contains("no area"));
    let anchor = json!({"anchor": {"text": "không có", "width": 9, "height": 9}});
    assert!(refused(shown(anchor)).contains("\"không có\" is not on the page"));
    let place = rectangle(1, 0.0, 0.0, 300.0, 100.0);
    assert!(refused(json!({"place": place, "lines": ["漢"]})).contains("no glyph for '漢' (U+6F22)"));
    assert!(refused(json!({"place": place, "template": "agency-seal"})).contains("needs an image"));
    assert!(refused(json!({"place": place, "image": "PHN2Zz4="})).contains("image cannot be used"));
    assert!(refused(json!({})).contains("a place is needed"));
}
