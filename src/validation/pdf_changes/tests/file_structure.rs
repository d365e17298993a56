//! Changes that only the structure of the file tells: generations, object streams, damage that was there before.

use super::*;
use crate::formats::pdf::samples::append_update;

#[test]
fn generation_that_no_reference_names_takes_the_object_away() {
    let base = String::from_utf8(signed()).unwrap();
    let prev = base.rfind("\nxref\n").unwrap() + 1;
    let mut file = base.clone();
    append_update(
        &mut file,
        &[(4, "<</Length 4>>stream\nq Q\n\nendstream".into())],
        &format!("/Root 1 0 R/Prev {prev}"),
    );
    assert_eq!(look(file.as_bytes()).modification, Allowed, "written anew");
    let update = file[base.len()..].replace("4 0 obj", "4 1 obj").replace(" 00000 n", " 00001 n");
    let changes = look(format!("{base}{update}").as_bytes());
    assert!(changes.findings.iter().any(|f| f.rule == "generation" && f.modification == Forbidden), "{changes:?}");
}

/// The font lies in an object stream whose dictionary says in object 31 where the objects begin.
fn font_in_a_stream_that_begins_elsewhere() -> (Vec<u8>, [(u32, &'static str); 1]) {
    let (honest, evil) = ("<</Type/Font/BaseFont/Helvetica>>", "<</Type/Font/BaseFont/Symbol>>");
    let body = format!("10 0 {honest} {evil}");
    let container = format!("<</Type/ObjStm/N 1/First 31 0 R/Length {}>>stream\n{body}\nendstream", body.len());
    // 39 is "10 0 " and the honest font with the blank behind it.
    assert_eq!(5 + honest.len() + 1, 39);
    let sample = form(SIGNATURE).object(30, &container).object(31, "5");
    let mut file = String::from_utf8(sample.finish_signed()).unwrap();
    // The entry of the font in the table is hidden by a hybrid stream in an update, before the signature is looked at.
    let prev = file.rfind("\nxref\n").unwrap() + 1;
    let at = file.len();
    let row = "020000001e0000";
    file.push_str(&format!(
        "40 0 obj\n<</Type/XRef/Size 41/W[1 4 2]/Index[10 1]/Root 1 0 R/Prev {prev}/Filter/AHx/Length {}>>stream\n{row}\nendstream\nendobj\n\
         startxref\n{at}\n%%EOF\n",
        row.len()
    ));
    (file.into_bytes(), [(31, "39")])
}

#[test]
fn object_stream_that_begins_elsewhere_now_holds_other_objects() {
    let (base, _) = font_in_a_stream_that_begins_elsewhere();
    let prev = base.windows(10).rposition(|window| window == b"startxref\n").unwrap();
    let prev: usize = String::from_utf8_lossy(&base[prev + 10..]).lines().next().unwrap().parse().unwrap();
    let mut file = String::from_utf8(base.clone()).unwrap();
    append_update(&mut file, &[(31, "39".into())], &format!("/Root 1 0 R/Prev {prev}"));
    let (old, new) =
        (Pdf::open(&base, &Limits::default()).unwrap(), Pdf::open(file.as_bytes(), &Limits::default()).unwrap());
    let signature = &signature::signatures(&new).unwrap()[0];
    let changes = analyse(&old, &new, signature, &ChangeLimits::default()).unwrap();
    let font = |f: &Finding| f.path.ends_with("BaseFont") && f.modification == Forbidden;
    assert!(changes.findings.iter().any(font), "{changes:?}");
}

#[test]
fn damage_that_was_signed_is_no_change() {
    let filled = [(7, &*text_field("/V(x)", "8 0 R"))];
    let wrong_length = form(SIGNATURE).object(4, "<</Length 2>>stream\nq Q Q\nendstream").finish_signed();
    assert_eq!(after(&wrong_length, &filled), Allowed);
    let twice = form(SIGNATURE).object(10, "<</Type/Font/BaseFont/Courier/BaseFont/Helvetica>>").finish_signed();
    assert_eq!(after(&twice, &filled), Allowed);
    let font = |first: &str, last: &str| format!("<</Type/Font/BaseFont/{first}/BaseFont/{last}>>");
    assert_eq!(after(&twice, &[(10, &font("Symbol", "Helvetica"))]), Forbidden, "for readers that take the first");
    assert_eq!(after(&twice, &[(10, &font("Courier", "Symbol"))]), Forbidden);
    let referred = form(SIGNATURE).object(10, "<</Type/Font/BaseFont 30 0 R/BaseFont 31 0 R>>");
    let referred = referred.object(30, "/Courier").object(31, "/Helvetica").finish_signed();
    assert_eq!(after(&referred, &[(30, "/Symbol")]), Forbidden);
}

/// The form as a hybrid file: a stream besides the table names the object an empty stream holds.
fn hybrid() -> (Vec<u8>, usize) {
    let rows = "0200001e00";
    let container = "<</Type/ObjStm/N 0/First 0/Length 0>>stream\n\nendstream";
    let dict = "/Type/XRef/Size 41/W[1 3 1]/Index[38 1]/Filter/AHx";
    let stream = format!("<<{dict}/Length {}>>stream\n{rows}\nendstream", rows.len());
    let sample = form(SIGNATURE).object(30, container).object(31, &stream);
    let probe = sample.finish();
    let at = probe.windows(9).position(|window| window == b"\n31 0 obj").unwrap() + 1;
    let sample = form(SIGNATURE).object(30, container).object(31, &stream).trailer(&format!("/XRefStm {at}"));
    (sample.finish_signed(), at)
}

#[test]
fn update_that_copies_the_hybrid_entry_of_the_trailer_is_allowed_and_one_with_its_own_is_not() {
    let (file, at) = hybrid();
    assert_eq!(look(&file).modification, Nothing);
    let prev = file.windows(6).rposition(|window| window == b"\nxref\n").unwrap() + 1;
    let mut text = String::from_utf8(file).unwrap();
    let filled = text_field("/V(x)", "8 0 R");
    append_update(
        &mut text,
        &[(7, filled.clone()), (38, "(new)".into())],
        &format!("/Root 1 0 R/XRefStm {at}/Prev {prev}"),
    );
    assert_eq!(look(text.as_bytes()).modification, Allowed);
    let (file, _) = hybrid();
    let mut text = String::from_utf8(file).unwrap();
    let own = text.len();
    let stream = "<</Type/XRef/Size 41/W[1 3 1]/Index[7 1]/Filter/AHx/Length 10>>stream\n0100001e00\nendstream";
    let trailer = format!("/Root 1 0 R/XRefStm {own}/Prev {prev}");
    append_update(&mut text, &[(39, stream.into()), (7, filled)], &trailer);
    assert_eq!(look(text.as_bytes()).modification, Forbidden);
}
