//! Fields filled after signing that show something else than they hold.

use super::*;

/// Field 7 with this value, drawn with `content`; `resources` are those of the appearance.
fn filled_with(value: &str, content: &str, resources: &str) -> Modification {
    let appearance = face(content).replace("/F 10 0 R>>", &format!("/F 10 0 R{resources}"));
    after(&certified(2), &[(7, &text_field(value, "14 0 R")), (14, &appearance), (15, NINE)])
}

fn filled(value: &str, content: &str) -> Modification {
    filled_with(value, content, ">>")
}

/// A nine in a form of its own.
const NINE: &str = "<</Subtype/Form/BBox[0 0 50 20]/Resources<</Font<</F 10 0 R>>>>/Length 28>>stream\n\
    BT /F 9 Tf 20 5 Td (9) Tj ET\nendstream";

#[test]
fn value_drawn_as_it_is_held_is_allowed_however_it_is_laid_out() {
    let honest = [
        ("(12)", "BT /F 9 Tf 1 5 Td (12) Tj ET"),
        ("(12)", "0.9 g 0 0 50 20 re f 0 G 0 0 50 20 re s BT 0 g /F 9 Tf 1 5 Td (12) Tj ET"),
        ("(12)", "25 0 m 25 20 l S BT /F 9 Tf 8 5 Td (1) Tj 25 0 Td (2) Tj ET"),
        ("(A V)", "/Tx BMC q BT /F 9 Tf 1 5 Td [(A) 80 ( V)] TJ ET Q EMC"),
        ("(a\\rb)", "BT /F 9 Tf 9 TL 1 11 Td (a) Tj T* (b) Tj ET"),
        ("<feff0041>", "BT /F 9 Tf 1 5 Td (A) Tj ET"),
        ("(12)", "0 g 0 0 50 20 re f BT 1 g /F 9 Tf 1 5 Td (12) Tj ET"),
        ("(a line that does not fit)", "q 0 0 50 20 re W n BT /F 9 Tf 1 5 Td (a line that does not fit) Tj ET Q"),
    ];
    for (value, content) in honest {
        assert_eq!(filled(&format!("/V{value}"), content), Allowed, "{content}");
    }
    let bare = text_field("/V(12)", "8 0 R").replace("/AP<</N 8 0 R>>", "");
    let file = form(SIGNATURE).object(7, &bare.replace("/V(12)", "")).finish_signed();
    assert_eq!(after(&file, &[(7, &bare)]), Allowed, "drawn from the value");
}

#[test]
fn value_shown_otherwise_is_suspicious() {
    let forged = [
        ("(1)", "BT /F 9 Tf 1 5 Td (1000) Tj ET"),
        ("(1000)", "BT /F 9 Tf 1 5 Td (1) Tj ET"),
        ("(12)", "BT /F 9 Tf 20 5 Td (1) Tj -10 0 Td (2) Tj ET"),
        ("(66)", "BT /F 9 Tf -1 0 0 -1 20 15 Tm (66) Tj ET"),
    ];
    let hidden = [
        "BT /F 9 Tf 1 5 Td (1) Tj 1 g (000) Tj ET",
        "BT /F 9 Tf 1 5 Td (1) Tj 3 Tr (000) Tj ET",
        "BT /F 9 Tf 1 5 Td (1) Tj /F 0.5 Tf (000) Tj ET",
        "BT /F 9 Tf 1 5 Td (1) Tj 90 0 Td (000) Tj ET",
        "BT /F 9 Tf 90 Tc 1 5 Td (1000) Tj ET",
        "q 0 0 6 20 re W n BT /F 9 Tf 1 5 Td (1000) Tj ET Q",
        "BT /F 9 Tf 1 5 Td (1) Tj -4.5 Tc (00) Tj (0) Tj ET",
        "BT /F 9 Tf 1 5 Td (1000) Tj ET 1 g 6 0 44 20 re f",
        "BT /F 9 Tf 1 5 Td (1000) Tj ET 1 G 30 w 30 0 m 30 20 l S",
        "BT /F 9 Tf 1 5 Td (1) Tj /OC /L BDC (000) Tj EMC ET",
        "BT /F 9 Tf 7 Tr 1 5 Td (1000) Tj ET 0 g 0 0 6 20 re f",
    ];
    let hidden = hidden.map(|content| ("(1000)", content));
    let drawn = [
        "0 g 10 5 m 20 5 20 15 10 15 c f",
        "10 5 m 20 5 l 20 15 l 10 15 l S",
        "q 9 0 0 9 9 5 cm BI /W 1/H 1/BPC 8/CS/G ID \x00 EI Q",
    ];
    for (value, content) in forged.into_iter().chain(hidden) {
        assert_eq!(filled(&format!("/V{value}"), content), Suspicious, "{content}");
    }
    for content in drawn {
        assert_eq!(filled("/V(1)", &format!("BT /F 9 Tf 1 5 Td (1) Tj ET {content}")), Suspicious, "{content}");
    }
}

#[test]
fn fonts_and_forms_that_draw_other_letters_are_suspicious() {
    let one = |font: &str, code: char| {
        filled_with("/V(1)", &format!("BT /T 9 Tf 1 5 Td ({code}) Tj ET"), &format!("/T<<{font}>>>>"))
    };
    assert_eq!(one("/Subtype/Type1/BaseFont/Helvetica", '1'), Allowed);
    assert_eq!(one("/Subtype/Type1/BaseFont/Helvetica/Encoding<</Differences[49/nine]>>", '1'), Suspicious);
    assert_eq!(one("/Subtype/Type1/BaseFont/ZapfDingbats", '1'), Suspicious);
    assert_eq!(one("/Subtype/Type3/Encoding<</Differences[49/one]>>/CharProcs<</one 15 0 R>>", '1'), Suspicious);
    let nested = filled_with("/V(1)", "BT /F 9 Tf 1 5 Td (1) Tj ET /X Do", ">>/XObject<</X 15 0 R>>");
    assert_eq!(nested, Suspicious);
}

#[test]
fn value_without_a_new_appearance_is_suspicious_unless_viewers_draw_one() {
    assert_eq!(after(&certified(2), &[(7, &text_field("/V(other)", "8 0 R"))]), Suspicious);
    let sample = form(SIGNATURE);
    let asks = sample.object(12, "<</Fields[5 0 R 7 0 R 11 0 R]/NeedAppearances true/SigFlags 3>>").finish_signed();
    assert_eq!(after(&asks, &[(7, &text_field("/V(other)", "8 0 R"))]), Allowed);
    let lie = [(7, &*text_field("/V(other)", "14 0 R")), (14, &face("BT /F 9 Tf 1 5 Td (x) Tj ET"))];
    assert_eq!(after(&asks, &lie), Suspicious, "not every viewer does");
}

#[test]
fn face_under_the_mouse_and_formatted_text_show_the_value_too() {
    let down = text_field("/V(x)", "8 0 R").replace("/N 8", "/D 14 0 R/N 8");
    let other = &*face("BT /F 9 Tf 1 5 Td (1000) Tj ET");
    assert_eq!(after(&certified(2), &[(7, &down), (14, other)]), Suspicious);
    for (rich, expected) in [("<body><p>x</p></body>", Allowed), ("<body><p>1000</p></body>", Suspicious)] {
        assert_eq!(after(&certified(2), &[(7, &text_field(&format!("/V(x)/RV({rich})"), "8 0 R"))]), expected);
    }
}

fn choice(value: &str, shown: &str) -> Modification {
    let field = |value: &str| {
        text_field(&format!("/Ff 131072/Opt[[(1)(one)][(2)(two)]]{value}"), "8 0 R").replace("/FT/Tx", "/FT/Ch")
    };
    let file = form(SIGNATURE).object(7, &field("")).finish_signed();
    let filled = field(value).replace("/N 8 0 R", "/N 14 0 R");
    after(&file, &[(7, &filled), (14, &face(&format!("BT /F 9 Tf 1 5 Td ({shown}) Tj ET")))])
}

#[test]
fn choice_shows_the_text_of_its_value() {
    assert_eq!(
        [choice("/V(2)", "two"), choice("/V(2)", "one"), choice("/V(2)", "2")],
        [Allowed, Suspicious, Suspicious]
    );
    assert_eq!([choice("/V(2)/I[1]", "two"), choice("/V(2)/I[0]", "two")], [Allowed, Suspicious]);
}

#[test]
fn button_shows_the_state_its_value_names() {
    let button = |entries: &str, on: u8, off: u8| {
        let widget =
            format!("<<{WIDGET}/FT/Btn/T(a)/Rect[0 0 20 20]{entries}/AP<</N<</Yes {on} 0 R/Off {off} 0 R>>>>>>");
        (7, widget)
    };
    let file = form(SIGNATURE).object(7, &button("/AS/Off", 8, 4).1).finish_signed();
    let see = |(number, widget): (u32, String)| {
        let text = face("BT /F 3 Tf 1 5 Td (I owe a lot) Tj ET");
        after(&file, &[(number, &widget), (14, &text), (15, &face("BT /F 9 Tf 1 5 Td (4) Tj ET"))])
    };
    assert_eq!(see(button("/AS/Yes/V/Yes", 8, 4)), Allowed);
    assert_eq!(see(button("/AS/Yes/V/Yes", 15, 4)), Allowed, "another mark");
    assert_eq!(see(button("/AS/Off/V/Yes", 8, 4)), Suspicious);
    assert_eq!(see(button("/AS/Yes/V/Off", 8, 4)), Suspicious);
    assert_eq!(see(button("/AS/Yes/V/Yes", 14, 4)), Suspicious);
    assert_eq!(see(button("/AS/Off/V/Off", 8, 15)), Suspicious);
}
