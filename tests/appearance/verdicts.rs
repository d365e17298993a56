//! What our own verifier says of visible signatures: all are valid, and only a later one that hides what was signed is noticed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kyso::formats::pdf::{Limits, Pdf};
use kyso::signing::FieldChoice;
use kyso::validation::report::{Indication, Modification};
use serde_json::{Value, json};

use super::signer::{NOW, TestSigner};
use super::{SEAL, page, prepared, rectangle, sample};

fn signed(original: &[u8], field: FieldChoice, appearance: Value) -> Vec<u8> {
    let pdf = Pdf::open_for_signing(original, &Limits::default(), None).expect("opens");
    let prepared = prepared(&pdf, field, appearance, NOW).expect("prepared");
    [original, &TestSigner::new().finish(original, &prepared).expect("signed")].concat()
}

/// Indication and modification of each signature, in the order of their revisions.
fn verdicts(file: &[u8]) -> Vec<(Indication, Modification)> {
    let report = TestSigner::new().validate(file, None).expect("readable");
    report.signatures.iter().map(|signature| (signature.indication(), signature.modification)).collect()
}

const WHOLE: (Indication, Modification) = (Indication::TotalPassed, Modification::None);
const FOLLOWED: (Indication, Modification) = (Indication::TotalPassed, Modification::Allowed);

pub fn seal() -> String {
    STANDARD.encode(SEAL)
}

/// Two places in white space of the last page, side by side.
fn places() -> [Value; 2] {
    [rectangle(-1, 90.0, 690.0, 220.0, 80.0), rectangle(-1, 324.0, 690.0, 220.0, 80.0)]
}

fn every_template(place: &Value) -> [Value; 5] {
    [
        json!({"place": place}),
        json!({"place": place, "image": seal(), "qr": "https://vi.du/tra-cuu/1", "background": "#fffff0"}),
        json!({"place": place, "template": "agency-seal", "image": seal()}),
        json!({"place": place, "template": "official-signature", "image": seal()}),
        json!({"place": place, "template": "document-information", "lines": ["Sao y bản chính"], "agency": "UBND xã"}),
    ]
}

#[test]
fn every_template_is_valid_and_a_second_one_elsewhere_leaves_the_first_valid() {
    let [left, right] = places();
    for (first, second) in every_template(&left).into_iter().zip(every_template(&right)) {
        let once = signed(&sample(), FieldChoice::NewInvisible, first);
        assert_eq!(verdicts(&once), [WHOLE], "{second}");
        let twice = signed(&once, FieldChoice::NewInvisible, second.clone());
        assert_eq!(verdicts(&twice), [FOLLOWED, WHOLE], "{second}");
    }
}

#[test]
fn a_second_one_by_words_of_the_page_in_white_space_leaves_the_first_valid() {
    let [left, _] = places();
    let once = signed(&sample(), FieldChoice::NewInvisible, json!({"place": left}));
    let anchor = json!({"text": "ĐẠI DIỆN BÊN B", "occurrence": "last", "dy": 16, "width": 100, "height": 76});
    let shown = json!({"place": {"anchor": anchor}, "template": "agency-seal", "image": seal()});
    let twice = signed(&once, FieldChoice::NewInvisible, shown);
    assert_eq!(verdicts(&twice), [FOLLOWED, WHOLE]);
}

#[test]
fn a_second_one_over_signed_text_is_suspicious() {
    let [left, _] = places();
    let once = signed(&sample(), FieldChoice::NewInvisible, json!({"place": left}));
    let over = rectangle(-1, 90.0, 100.0, 300.0, 120.0);
    let twice = signed(&once, FieldChoice::NewInvisible, json!({"place": over, "background": "#ffffff"}));
    let [first, last] = verdicts(&twice)[..] else { panic!("two signatures") };
    assert_eq!((first.1, last), (Modification::Suspicious, WHOLE));
}

#[test]
fn an_empty_field_filled_later_leaves_the_first_valid() {
    let first = json!({"place": rectangle(1, 40.0, 40.0, 200.0, 80.0), "qr": "https://vi.du/1"});
    let once = signed(&page("/MediaBox[0 0 595 842]"), FieldChoice::NewInvisible, first);
    let filled = json!({"qr": "https://vi.du/2", "background": "#ffffff", "image": seal()});
    let twice = signed(&once, FieldChoice::Existing("Citizen".into()), filled);
    let mut verdicts = verdicts(&twice);
    verdicts.sort_by_key(|(_, modification)| *modification == Modification::None);
    assert_eq!(verdicts, [FOLLOWED, WHOLE]);
}
