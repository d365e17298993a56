//! A request to show a signature, and its picture, are either refused or drawn into a file that reads back.
//!
//! Input: the request's JSON; after a zero byte, if there is one, the picture as it is, so that the fuzzer reaches the decoders.

#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kyso::formats::pdf::{Limits, Pdf};
use kyso::signing::appearance::{Appearance, SignatureFacts};
use kyso::signing::visible::VisibleSignature;
use kyso::signing::{FieldChoice, PrepareRequest, embed, prepare_visible};
use libfuzzer_sys::fuzz_target;
use time::macros::datetime;

/// A page with words to stand by, turned, and with an empty field.
static PAGE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let content = "BT /F0 12 Tf 72 700 Td (Here signs An) Tj ET";
    let objects = [
        "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[6 0 R]>>>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Rotate 90/Contents 4 0 R/Annots[6 0 R]\
         /Resources<</Font<</F0 5 0 R>>>>>>"
            .to_owned(),
        format!("<</Length {}>>stream\n{content}\nendstream", content.len()),
        "<</Type/Font/Subtype/Type1/BaseFont/Times-Roman/Encoding/WinAnsiEncoding>>".to_owned(),
        "<</Type/Annot/Subtype/Widget/FT/Sig/T(Citizen)/Rect[100 100 300 200]/F 4/P 3 0 R>>".to_owned(),
    ];
    let (mut file, mut table) = (String::from("%PDF-1.7\n"), String::from("xref\n0 7\n0000000000 65535 f \n"));
    for (number, body) in (1..).zip(&objects) {
        table += &format!("{:010} 00000 n \n", file.len());
        file += &format!("{number} 0 obj\n{body}\nendobj\n");
    }
    let at = file.len();
    (file + &table + &format!("trailer\n<</Size 7/Root 1 0 R>>\nstartxref\n{at}\n%%EOF\n")).into_bytes()
});

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let (json, picture) = (parts.next().unwrap_or_default(), parts.next());
    let Ok(mut shown) = serde_json::from_slice::<VisibleSignature>(json) else { return };
    if let Some(picture) = picture {
        shown.image = Some(STANDARD.encode(picture));
    }
    let time = datetime!(2026-06-01 12:00 +07:00);
    let text = |text: &str| Some(text.to_owned());
    let facts = SignatureFacts {
        signer: "Nguyễn Văn An".into(),
        reason: text("Đồng ý"),
        location: text("Hà Nội"),
        signing_time: time,
    };
    let field = if shown.place.is_some() { FieldChoice::NewInvisible } else { FieldChoice::Existing("Citizen".into()) };
    let Ok(appearance) = Appearance::new(&shown, facts) else { return };
    let request = PrepareRequest {
        field,
        signing_time: time,
        name: text("Nguyễn Văn An"),
        reason: None,
        location: None,
        contact_info: None,
        certify: None,
        lock: None,
        contents_capacity: 512,
    };
    let pdf = Pdf::open(&PAGE, &Limits::default()).expect("the page is fine");
    let Ok(prepared) = prepare_visible(&pdf, &request, &appearance) else { return };
    let signed = [&PAGE[..], &embed(&prepared, &[0x30, 0]).expect("it fits")].concat();
    let again = Pdf::open(&signed, &Limits::default()).expect("what was drawn is readable");
    assert!(again.anomalies().is_empty(), "{:?}", again.anomalies());
    let again = prepare_visible(&pdf, &request, &appearance).expect("drawn before");
    assert!(again == prepared, "the same request gives the same bytes");
});
