//! New signatures, notes and flags that hide or uncover what was signed.

use super::*;

const CONTENT: &str = "<</Length 36>>stream\nBT/F 12 Tf 60 700 Td(Pay 100)Tj ET    \nendstream";
const BOXED: &str = "/MediaBox[0 0 595 842]/Parent 2 0 R";

/// The form with text on its page.
fn page_with_text() -> Sample {
    form(SIGNATURE).object(3, &PAGE.replace("/Parent 2 0 R", BOXED)).object(4, CONTENT)
}

/// What becomes of the first signature when a second one is added with these widget entries and this appearance.
fn second_signature_shown(widget: &str, rect: &str, content: &str) -> Modification {
    let file = page_with_text().finish_signed();
    let widget = format!("<</Type/Annot/Subtype/Widget/FT/Sig/T(N)/V 14 0 R/Rect[{rect}]/AP<</N 15 0 R>>{widget}>>");
    let appearance = format!("<</Subtype/Form/BBox[0 0 400 40]/Length {}>>stream\n{content}\nendstream", content.len());
    let [annotations, fields, field, value] = second_signature(&widget, NEW_SIGNATURE);
    after(&file, &[annotations, fields, field, value, (15, &appearance)])
}

const OVER_TEXT: &str = "50 690 450 730";
const FILLED: &str = "1 g 0 0 400 40 re f";

#[test]
fn signature_painted_over_signed_text_is_suspicious_on_whichever_page_it_is_listed() {
    for widget in ["/F 4/P 3 0 R", "/F 4", "/F 4/P 2 0 R", "/F 4/P 77 0 R"] {
        assert_eq!(second_signature_shown(widget, OVER_TEXT, FILLED), Suspicious, "{widget}");
    }
    assert_eq!(second_signature_shown("/F 4/P 3 0 R", "50 60 450 100", FILLED), Allowed);
    assert_eq!(second_signature_shown("/F 4/P 3 0 R", "50 60 550 690", FILLED), Suspicious, "a third of the page");
}

#[test]
fn signature_that_is_only_printed_or_not_really_hidden_is_seen() {
    // Invisible is for annotations a viewer does not know; NoView with Print is printed, with ToggleNoView it comes up.
    for flags in [1, 32 + 4, 32 + 256] {
        assert_eq!(second_signature_shown(&format!("/F {flags}"), OVER_TEXT, FILLED), Suspicious, "{flags}");
    }
    for flags in [2 + 128, 32 + 128] {
        assert_eq!(second_signature_shown(&format!("/F {flags}"), OVER_TEXT, FILLED), Allowed, "{flags}");
    }
}

#[test]
fn wide_line_hides_like_an_area_and_a_frame_does_not() {
    let shown = |content| second_signature_shown("/F 4", OVER_TEXT, content);
    assert_eq!(shown("1 G 40 w 0 20 m 400 20 l S"), Suspicious);
    assert_eq!(shown("BT 2 Tr 60 w /F1 9 Tf (X) Tj ET"), Suspicious);
    assert_eq!(shown("0 0 400 40 re S BT /F1 9 Tf (Signed) Tj ET"), Allowed);
    // A hair line in a box of one point becomes a bar when the box is stretched.
    let narrow = |content: &str| {
        let file = page_with_text().finish_signed();
        let widget = format!("<<{WIDGET}/FT/Sig/T(N)/V 14 0 R/Rect[{OVER_TEXT}]/AP<</N 15 0 R>>>>");
        let form = format!("<</Subtype/Form/BBox[0 0 1 1]/Length {}>>stream\n{content}\nendstream", content.len());
        let [annotations, fields, field, value] = second_signature(&widget, NEW_SIGNATURE);
        after(&file, &[annotations, fields, field, value, (15, &form)])
    };
    assert_eq!(narrow("1 w 0 0 m 1 1 l S"), Suspicious);
}

#[test]
fn note_that_covers_the_text_is_no_note() {
    let certified = page_with_text()
        .object(
            6,
            &SIGNATURE.replace("/Type/Sig", "/Type/Sig/Reference[<</TransformMethod/DocMDP/TransformParams<</P 3>>>>]"),
        )
        .finish_signed();
    let noted = |annotation: &str| after(&certified, &[(9, "[5 0 R 7 0 R 11 0 R 13 0 R]"), (13, annotation)]);
    assert_eq!(noted("<</Subtype/Text/Rect[500 800 520 820]>>"), Allowed);
    for subtype in ["FreeText", "Square", "Redact", "Watermark"] {
        assert_eq!(noted(&format!("<</Subtype/{subtype}/Rect[{OVER_TEXT}]/P 3 0 R>>")), Suspicious, "{subtype}");
    }
    // Icons, pop-ups and marks of the viewer's own making leave the text readable; an appearance may do anything.
    for subtype in ["Text", "Popup", "Highlight", "StrikeOut"] {
        assert_eq!(noted(&format!("<</Subtype/{subtype}/Rect[{OVER_TEXT}]>>")), Allowed, "{subtype}");
    }
    let shown = |subtype: &str, content: &str| {
        let annotation = format!("<</Subtype/{subtype}/Rect[{OVER_TEXT}]/AP<</N 15 0 R>>>>");
        let form = format!(
            "<</Subtype/Form/BBox[0 0 400 40]/Resources<</ExtGState<</M<</BM/Multiply>>>>>>/Length {}>>stream\n{content}\nendstream",
            content.len()
        );
        after(&certified, &[(9, "[5 0 R 7 0 R 11 0 R 13 0 R]"), (13, &annotation), (15, &form)])
    };
    assert_eq!([shown("Text", "q Q"), shown("Popup", "q Q")], [Suspicious, Suspicious]);
    assert_eq!(shown("Highlight", "/M gs 1 1 0 rg 0 0 400 40 re f"), Allowed);
    assert_eq!(shown("Highlight", "1 1 1 rg 0 0 400 40 re f"), Suspicious);
    assert_eq!(shown("StrikeOut", "1 w 0 20 m 400 20 l S"), Allowed);
    assert_eq!(shown("StrikeOut", "40 w 0 20 m 400 20 l S"), Suspicious);
    for subtype in ["Watermark", "Redact", "Screen", "Sound"] {
        let apart = format!("<</Subtype/{subtype}/Rect[500 800 520 820]>>");
        assert_eq!(noted(&apart), Suspicious, "{subtype} is no comment");
    }
}

#[test]
fn field_kept_from_the_screen_may_not_become_printed() {
    let field = |flags: u8, value: &str| text_field(value, "8 0 R").replace("/F 4", &format!("/F {flags}"));
    let file = form(SIGNATURE).object(7, &field(32, "")).finish_signed();
    assert_eq!(after(&file, &[(7, &field(36, "/V(x)"))]), Forbidden);
    let file = form(SIGNATURE).object(7, &field(0, "")).finish_signed();
    assert_eq!(after(&file, &[(7, &field(4, "/V(x)"))]), Allowed);
}

#[test]
fn push_button_has_no_value_that_would_explain_another_face() {
    let button = |own: &str, value: &str| text_field(&format!("{own}{value}"), "8 0 R").replace("/FT/Tx", "/FT/Btn");
    let face = "<</Subtype/Form/BBox[0 0 9 9]/Length 12>>stream\n0 0 9 9 re f\nendstream";
    let file = form(SIGNATURE).object(7, &button("/Ff 65536", "")).finish_signed();
    assert_eq!(after(&file, &[(7, &button("/Ff 65536", "/V/x")), (8, face)]), Forbidden);
    let inherited = button("/Parent 30 0 R", "");
    let file = form(SIGNATURE).object(7, &inherited).object(30, "<</Ff 65536>>").finish_signed();
    assert_eq!(after(&file, &[(7, &button("/Parent 30 0 R", "/V/x")), (8, face)]), Forbidden);
    let file = form(SIGNATURE).object(7, &button("", "")).finish_signed();
    assert_eq!(after(&file, &[(7, &button("", "/V/x")), (8, face)]), Allowed);
}
