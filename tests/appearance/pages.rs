//! Pages and fields of unusual shape, and files that are encrypted.

use std::process::Command;

use kyso::formats::pdf::{Limits, Password, Pdf};
use kyso::signing::FieldChoice;
use kyso::validation::report::Indication;
use serde_json::{Value, json};

use super::signer::{NOW, TestSigner};
use super::{judged, output, page, prepared, rectangle, rotated, sign, sign_in, there};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn fill(original: &[u8], appearance: Value) -> Result<Vec<u8>, String> {
    sign_in(original, FieldChoice::Existing("Citizen".into()), appearance).map_err(|error| error.to_string())
}

#[test]
fn an_existing_field_keeps_its_place_and_description_and_its_text_fits() {
    let original = page("/MediaBox[0 0 595 842]");
    let signed = fill(&original, json!({"qr": "https://vi.du/1"})).expect("filled");
    let added = text(&signed[original.len()..]);
    let compact = added.split_whitespace().collect::<String>();
    assert!(compact.contains("/TU(Applicant)") && compact.contains("/Rect[100200300260]"), "{added}");
    assert!(compact.contains("/BBox[0020060]"), "{added}");
    if let Some(read) = judged("field", &signed, "1") {
        assert!(read.contains("Hà Nội"), "{read}");
    }
    let tiny = text(&original).replace("[100 200 300 260]", "[100 200 120 209]");
    assert!(fill(tiny.as_bytes(), json!({})).expect_err("too small").contains("does not fit"));
    let hidden = text(&original).replace("/F 4", "/F 2");
    assert!(fill(hidden.as_bytes(), json!({})).expect_err("hidden").contains("no rectangle on a page"));
    let both = json!({"place": rectangle(1, 9.0, 9.0, 200.0, 80.0)});
    assert!(fill(&original, both).expect_err("two places").contains("not both"));
}

#[test]
fn a_new_field_is_described_in_the_language_of_its_labels() {
    for (language, words) in [("vi", "Chữ ký số của"), ("en", "Digital signature of")] {
        let original = page("/MediaBox[0 0 595 842]");
        let place = rectangle(1, 20.0, 20.0, 200.0, 80.0);
        let signed = sign(&original, json!({"place": place, "language": language})).expect("signed");
        let pdf = Pdf::open(&signed, &Limits::default()).expect("opens");
        let fields = kyso::formats::pdf::fields::fields(&pdf).expect("fields");
        let field = fields.iter().find(|field| field.name == "Signature1").and_then(|field| field.id).expect("a field");
        let field = pdf.get(field).expect("an object");
        let described = field.as_dict().and_then(|dict| dict.get("TU")).and_then(|tu| tu.as_string()).expect("/TU");
        assert!(kyso::formats::pdf::text::decode(&described.bytes).starts_with(words), "{language}");
    }
}

#[test]
fn user_units_make_the_rectangle_smaller_in_user_space() {
    let original = page("/MediaBox[0 0 300 400]/UserUnit 2");
    let signed = sign(&original, json!({"place": rectangle(1, 100.0, 40.0, 400.0, 160.0)})).expect("signed");
    let compact = text(&signed[original.len()..]).split_whitespace().collect::<String>();
    assert!(compact.contains("/Rect[50300250380]"), "{compact}");
    assert!(sign(&original, json!({"place": rectangle(1, 201.0, 40.0, 400.0, 160.0)})).is_err());
}

#[test]
fn a_rectangle_beyond_the_crop_box_is_refused_though_the_media_box_holds_it() {
    let place = |x: f64| json!({"place": rectangle(1, x, 10.0, 200.0, 80.0)});
    assert!(sign(&rotated(0), place(200.0)).is_ok());
    assert!(sign(&rotated(0), place(201.0)).is_err());
}

#[test]
fn an_encrypted_file_shows_its_signature_and_is_valid() {
    if !there("qpdf", "--version") || !there("pdftotext", "-v") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    std::fs::write(path("plain.pdf"), super::sample()).expect("written");
    let (password, image) = (Password::new("mo"), super::verdicts::seal());
    for bits in [&["128", "--use-aes=y"][..], &["256"]] {
        let mut encrypt = Command::new("qpdf");
        encrypt.args(["--allow-weak-crypto", "--encrypt", "mo", "owner"]).args(bits);
        assert!(encrypt.args(["--", &path("plain.pdf"), &path("locked.pdf")]).status().expect("runs").success());
        let original = std::fs::read(path("locked.pdf")).expect("there");
        let pdf = Pdf::open_for_signing(&original, &Limits::default(), Some(&password)).expect("opens");
        let shown = json!({"place": rectangle(-1, 324.0, 690.0, 220.0, 84.0), "image": image, "qr": "https://vi.du/1"});
        let prepared = prepared(&pdf, FieldChoice::NewInvisible, shown, NOW).expect("prepared");
        let signer = TestSigner::new();
        let signed = [&original[..], &signer.finish(&original, &prepared).expect("signed")].concat();
        let report = signer.validate(&signed, Some(&password)).expect("readable");
        assert_eq!(report.signatures[0].indication(), Indication::TotalPassed, "{bits:?}");
        std::fs::write(path("signed.pdf"), &signed).expect("written");
        output("qpdf", &["--password=mo", "--check", &path("signed.pdf")]);
        let read = output("pdftotext", &["-upw", "mo", "-raw", &path("signed.pdf"), "-"]);
        assert!(read.contains("Ký bởi:") && read.contains("Nơi ký: Hà Nội"), "{bits:?}: {read}");
    }
}
