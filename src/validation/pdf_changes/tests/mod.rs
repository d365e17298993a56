//! Each rule with a sample it permits and one it forbids. [`covering`]: what hides what was signed; [`shared`]: objects that serve two
//! purposes; [`shown`]: fields that show something else than they hold; [`file_structure`]: what only the file's structure tells.

use super::*;
use crate::formats::pdf::crypt::testing::{Protection, Scheme};
use crate::formats::pdf::samples::{Sample, updated};
use crate::formats::pdf::{IncrementalUpdate, Limits, ObjectId};

mod covering;
mod file_structure;
mod shared;
mod shown;

const SIGNATURE: &str = "<</Type/Sig/SubFilter/ETSI.CAdES.detached/Contents <00ff>/ByteRange [0 1234 1234 1234]>>";
const PAGE: &str = "<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F 10 0 R>>>>/Annots 9 0 R>>";
const WIDGET: &str = "/Type/Annot/Subtype/Widget/P 3 0 R/F 4";

/// A signed form: signature 5/6, text field 7 with appearance 8, an empty signature field 11, annotations in 9.
fn form(signature: &str) -> Sample {
    Sample::new()
        .object(1, "<</Type/Catalog/Pages 2 0 R/AcroForm 12 0 R>>")
        .object(3, PAGE)
        .object(5, &format!("<<{WIDGET}/FT/Sig/T(S)/V 6 0 R/Rect[0 0 0 0]>>"))
        .object(6, signature)
        .object(7, &text_field("", "8 0 R"))
        .object(8, &face("BT /F 9 Tf 1 1 Td (x) Tj ET"))
        .object(9, "[5 0 R 7 0 R 11 0 R]")
        .object(10, "<</Type/Font/BaseFont/Helvetica>>")
        .object(11, &format!("<<{WIDGET}/FT/Sig/T(E)/Rect[0 0 0 0]>>"))
        .object(12, "<</Fields[5 0 R 7 0 R 11 0 R]/SigFlags 3/DR<</Font<</F 10 0 R>>>>>>")
}

fn text_field(entries: &str, appearance: &str) -> String {
    format!("<<{WIDGET}/FT/Tx/T(a){entries}/Rect[0 0 50 20]/AP<</N {appearance}>>>>")
}

/// An appearance drawn with the form's font.
fn face(content: &str) -> String {
    let dict = "/Subtype/Form/BBox[0 0 50 20]/Resources<</Font<</F 10 0 R>>>>";
    format!("<<{dict}/Length {}>>stream\n{content}\nendstream", content.len())
}

fn signed() -> Vec<u8> {
    form(SIGNATURE).finish_signed()
}

/// Signed with further entries in the signature dictionary.
fn signed_with(entries: &str) -> Vec<u8> {
    form(&SIGNATURE.replace("/Type/Sig", &format!("/Type/Sig{entries}"))).finish_signed()
}

fn certified(p: u8) -> Vec<u8> {
    signed_with(&format!("/Reference[<</TransformMethod/DocMDP/TransformParams<</P {p}>>>>]"))
}

fn look(file: &[u8]) -> Changes {
    let pdf = Pdf::open(file, &Limits::default()).unwrap();
    let signatures = signature::signatures(&pdf).unwrap();
    let signature = signatures.iter().find(|s| s.object == Some(ObjectId::new(6, 0))).unwrap();
    let revision = signature.signed_revision(&pdf).unwrap();
    analyse(&revision, &pdf, signature, &ChangeLimits::default()).unwrap()
}

fn after(file: &[u8], objects: &[(u32, &str)]) -> Modification {
    look(&updated(file, objects)).modification
}

use Modification::{Allowed, Forbidden, None as Nothing, Suspicious};

const NEW_SIGNATURE: &str = "<</Type/Sig/SubFilter/ETSI.CAdES.detached/Contents <1111>/ByteRange [0 1 2 3]>>";
const TIMESTAMP: &str = "<</Type/DocTimeStamp/SubFilter/ETSI.RFC3161/Contents <1111>/ByteRange [0 1 2 3]>>";

#[test]
fn untouched_file_has_no_modification() {
    assert_eq!(look(&signed()), Changes { modification: Nothing, findings: vec![] });
    let mut file = signed();
    file.push(b'\n');
    assert_eq!(look(&file).modification, Nothing);
}

#[test]
fn empty_update_is_told_and_allowed() {
    assert_eq!(after(&signed(), &[]), Allowed);
}

#[test]
fn content_resource_font_page_and_catalog_changes_are_forbidden() {
    let changes: [(u32, &str); 6] = [
        (4, "<</Length 3>>stream\nq q\nendstream"),
        (10, "<</Type/Font/BaseFont/Courier>>"),
        (
            3,
            "<</Type/Page/Parent 2 0 R/Contents 4 0 R/MediaBox[0 0 9 9]/Resources<</Font<</F 10 0 R>>>>/Annots 9 0 R>>",
        ),
        (2, "<</Type/Pages/Kids[3 0 R 13 0 R]/Count 2>>"),
        (1, "<</Type/Catalog/Pages 2 0 R/AcroForm 12 0 R/OpenAction<</S/JavaScript/JS(x)>>>>"),
        (1, "<</Type/Catalog/Pages 2 0 R/AcroForm 12 0 R/Pages 2 0 R>>"),
    ];
    for change in changes {
        for file in [signed(), certified(3)] {
            assert_eq!(after(&file, &[change]), Forbidden, "{change:?}");
        }
    }
}

#[test]
fn object_rewritten_without_a_change_is_allowed() {
    assert_eq!(after(&signed(), &[(10, "<</Type/Font/BaseFont/Helvetica>>")]), Allowed);
}

#[test]
fn security_store_is_allowed_even_when_no_changes_are_permitted() {
    let catalog = "<</Type/Catalog/Pages 2 0 R/AcroForm 12 0 R/DSS<</Certs[14 0 R]>>/Extensions<</ESIC<<>>>>>>";
    let changes = [(1, catalog), (14, "<</Length 3>>stream\nabc\nendstream")];
    assert_eq!(after(&certified(1), &changes), Allowed);
}

#[test]
fn security_store_that_reuses_a_page_object_is_forbidden() {
    let catalog = "<</Type/Catalog/Pages 2 0 R/AcroForm 12 0 R/DSS<</Certs[4 0 R]>>>>";
    let changes = [(1, catalog), (4, "<</Length 3>>stream\nabc\nendstream")];
    assert_eq!(after(&signed(), &changes), Forbidden);
}

fn second_signature<'a>(widget: &'a str, value: &'a str) -> [(u32, &'a str); 4] {
    [
        (9, "[5 0 R 7 0 R 11 0 R 13 0 R]"),
        (12, "<</Fields[5 0 R 7 0 R 11 0 R 13 0 R]/SigFlags 3/DR<</Font<</F 10 0 R>>>>>>"),
        (13, widget),
        (14, value),
    ]
}

fn new_widget(entries: &str) -> String {
    format!("<<{WIDGET}/FT/Sig/T(N)/V 14 0 R{entries}>>")
}

#[test]
fn second_signature_follows_the_permission_of_the_first() {
    let widget = new_widget("/Rect[0 0 0 0]");
    let changes = second_signature(&widget, NEW_SIGNATURE);
    assert_eq!(after(&signed(), &changes), Allowed);
    assert_eq!(after(&certified(2), &changes), Allowed);
    assert_eq!(after(&certified(1), &changes), Forbidden);
}

#[test]
fn document_timestamp_is_allowed_even_when_no_changes_are_permitted() {
    let widget = new_widget("/Rect[0 0 0 0]");
    assert_eq!(after(&certified(1), &second_signature(&widget, TIMESTAMP)), Allowed);
}

#[test]
fn second_signature_with_an_action_is_forbidden() {
    let widget = new_widget("/Rect[0 0 0 0]/AA<</E<</S/JavaScript/JS(x)>>>>");
    assert_eq!(after(&signed(), &second_signature(&widget, NEW_SIGNATURE)), Forbidden);
}

#[test]
fn visible_signature_beside_a_field_is_allowed_and_over_it_suspicious() {
    let beside = new_widget("/Rect[100 100 150 120]");
    assert_eq!(after(&signed(), &second_signature(&beside, NEW_SIGNATURE)), Allowed);
    let over = new_widget("/Rect[10 10 60 30]");
    assert_eq!(after(&signed(), &second_signature(&over, NEW_SIGNATURE)), Suspicious);
}

#[test]
fn signature_that_paints_over_text_is_suspicious_and_one_that_only_writes_is_not() {
    let page_text = "<</Length 37>>stream\nBT /F 12 Tf 100 105 Td (Pay 10) Tj ET\nendstream";
    let file = form(SIGNATURE).object(4, page_text).finish_signed();
    let widget = new_widget("/Rect[90 100 150 120]/AP<</N 15 0 R>>");
    let with_appearance = |drawing: &str| {
        let stream = format!("<</Subtype/Form/Length {}>>stream\n{drawing}\nendstream", drawing.len());
        let mut changes = second_signature(&widget, NEW_SIGNATURE).to_vec();
        changes.push((15, &stream));
        after(&file, &changes)
    };
    assert_eq!(with_appearance("1 g 0 0 60 20 re f"), Suspicious);
    assert_eq!(with_appearance("BT /F 9 Tf (signed) Tj ET"), Allowed);
}

#[test]
fn unsigned_field_that_shows_something_is_forbidden_and_a_blank_one_allowed() {
    let blank = format!("<<{WIDGET}/FT/Sig/T(N)/Rect[100 100 150 120]>>");
    assert_eq!(after(&signed(), &second_signature(&blank, "null")[..3]), Allowed);
    let showing = format!("<<{WIDGET}/FT/Sig/T(N)/Rect[100 100 150 120]/AP<</N 8 0 R>>>>");
    assert_eq!(after(&signed(), &second_signature(&showing, "null")[..3]), Forbidden);
}

#[test]
fn empty_field_may_be_signed_unless_its_widget_moves() {
    let filled = format!("<<{WIDGET}/FT/Sig/T(E)/V 14 0 R/Rect[0 0 0 0]>>");
    assert_eq!(after(&certified(2), &[(11, &filled), (14, NEW_SIGNATURE)]), Allowed);
    let moved = filled.replace("[0 0 0 0]", "[0 0 500 500]");
    assert_eq!(after(&certified(2), &[(11, &moved), (14, NEW_SIGNATURE)]), Forbidden);
}

#[test]
fn removed_or_replaced_signature_is_forbidden() {
    let without = "<</Fields[7 0 R 5 0 R 11 0 R]/SigFlags 3/DR<</Font<</F 10 0 R>>>>>>";
    assert_eq!(after(&signed(), &[(12, without)]), Forbidden);
    let file = signed();
    let pdf = Pdf::open(&file, &Limits::default()).unwrap();
    let original = pdf.get(crate::formats::pdf::ObjectId::new(6, 0)).unwrap();
    let mut dictionary = original.as_dict().unwrap().clone();
    dictionary.set("Reason", Object::name("Other"));
    let body = String::from_utf8(Object::Dict(dictionary).to_bytes()).unwrap();
    assert_eq!(after(&file, &[(6, &body)]), Forbidden);
}

#[test]
fn filled_field_with_its_appearance_is_allowed_and_an_appearance_alone_forbidden() {
    let stream = &*face("BT /F 8 Tf 1 1 Td (x) Tj ET");
    let filled = text_field("/V(x)", "14 0 R");
    assert_eq!(after(&certified(2), &[(7, &filled), (14, stream)]), Allowed);
    assert_eq!(after(&certified(1), &[(7, &filled), (14, stream)]), Forbidden);
    assert_eq!(after(&certified(2), &[(7, &text_field("", "14 0 R")), (14, stream)]), Forbidden);
}

#[test]
fn appearance_object_shared_with_the_page_is_forbidden() {
    let filled = text_field("/V(x)", "4 0 R");
    assert_eq!(after(&signed(), &[(7, &filled), (4, "<</Length 3>>stream\nq q\nendstream")]), Forbidden);
}

#[test]
fn emptied_field_is_suspicious() {
    let file = form(SIGNATURE).object(7, &text_field("/V(x)", "8 0 R")).finish_signed();
    let stream = "<</Subtype/Form/BBox[0 0 9 9]/Length 0>>stream\n\nendstream";
    assert_eq!(after(&file, &[(7, &text_field("", "14 0 R")), (14, stream)]), Suspicious);
}

#[test]
fn hidden_flag_moved_widget_and_new_action_are_forbidden_and_locking_allowed() {
    let field = text_field("", "8 0 R");
    assert_eq!(after(&signed(), &[(7, &field.replace("/F 4", "/F 6"))]), Forbidden);
    assert_eq!(after(&signed(), &[(7, &field.replace("[0 0 50 20]", "[0 0 500 20]"))]), Forbidden);
    assert_eq!(after(&signed(), &[(7, &field.replace("/FT", "/A<</S/Launch>>/FT"))]), Forbidden);
    assert_eq!(after(&signed(), &[(7, &field.replace("/F 4", "/F 132"))]), Allowed);
}

#[test]
fn new_text_field_is_forbidden() {
    let widget = format!("<<{WIDGET}/FT/Tx/T(N)/Rect[0 0 9 9]>>");
    assert_eq!(after(&signed(), &second_signature(&widget, "null")[..3]), Forbidden);
}

#[test]
fn locked_field_must_not_change_and_another_may() {
    let lock = |name: &str| {
        let parameters = format!("<</Action/Include/Fields[({name})]>>");
        signed_with(&format!("/Reference[<</TransformMethod/FieldMDP/TransformParams {parameters}>>]"))
    };
    let filled = text_field("/V(x)", "8 0 R");
    assert_eq!(after(&lock("a"), &[(7, &filled)]), Forbidden);
    assert_eq!(after(&lock("b"), &[(7, &filled)]), Allowed);
}

#[test]
fn permissions_are_read_from_the_signed_revision() {
    let file = certified(1);
    let pdf = Pdf::open(&file, &Limits::default()).unwrap();
    let dictionary = pdf.get(crate::formats::pdf::ObjectId::new(6, 0)).unwrap();
    let weaker = String::from_utf8(dictionary.to_bytes()).unwrap().replace("/P 1", "/P 3");
    let changes = look(&updated(&file, &[(6, &weaker), (7, &text_field("/V(x)", "8 0 R"))]));
    assert!(changes.findings.iter().any(|f| f.rule == "form-filling" && f.modification == Forbidden), "{changes:?}");
}

#[test]
fn annotations_follow_docmdp_and_never_cover_an_approval_signature() {
    let with = |subtype: &str, rect: &str| {
        let annotation = format!("<</Type/Annot/Subtype/{subtype}/Rect[{rect}]>>");
        move |file: &[u8]| after(file, &[(9, "[5 0 R 7 0 R 11 0 R 13 0 R]"), (13, &annotation)])
    };
    let (free, over_field) = ("100 100 109 109", "40 10 60 30");
    let each = |judge: &dyn Fn(&[u8]) -> Modification| [judge(&certified(2)), judge(&certified(3)), judge(&signed())];
    assert_eq!(each(&with("Text", free)), [Forbidden, Allowed, Suspicious]);
    assert_eq!(each(&with("Stamp", free)), [Forbidden, Allowed, Forbidden]);
    assert_eq!(each(&with("Stamp", over_field)), [Forbidden, Suspicious, Forbidden]);
    assert_eq!(each(&with("Text", over_field)), [Forbidden, Allowed, Suspicious]);
}

#[test]
fn default_resources_may_grow_but_not_change() {
    let form = |fonts: &str| format!("<</Fields[5 0 R 7 0 R 11 0 R]/SigFlags 3/DR<</Font<<{fonts}>>>>>>");
    assert_eq!(after(&signed(), &[(12, &form("/F 10 0 R/G 13 0 R")), (13, "<</Type/Font>>")]), Allowed);
    assert_eq!(after(&signed(), &[(12, &form("/F 13 0 R")), (13, "<</Type/Font>>")]), Forbidden);
}

#[test]
fn information_is_metadata_and_the_modification_date_always_allowed() {
    let mut file = String::from_utf8(updated(&certified(1), &[(13, "<</Title(x)>>")])).unwrap();
    let at = file.rfind("/Root 1 0 R").unwrap();
    file.insert_str(at, "/Info 13 0 R");
    assert_eq!(look(file.as_bytes()).modification, Suspicious);
}

#[test]
fn object_nothing_refers_to_is_suspicious_and_left_over_data_allowed() {
    assert_eq!(after(&signed(), &[(13, "<</Type/Page>>")]), Suspicious);
    assert_eq!(after(&signed(), &[(13, "<</Length 3>>stream\nabc\nendstream")]), Allowed);
}

#[test]
fn bytes_outside_all_revisions_are_suspicious_and_with_objects_forbidden() {
    let mut file = signed();
    file.extend_from_slice(b"garbage");
    assert_eq!(look(&file).modification, Suspicious);
    let base = signed();
    let at = base.len();
    let startxref = String::from_utf8_lossy(&base).rfind("\nxref\n").unwrap() + 1;
    let evil = format!("4 0 obj\n<<>>\nendobj\nstartxref\n{startxref}\n%%EOF\n");
    let file = [base, evil.into_bytes()].concat();
    assert!(file.len() > at);
    assert_eq!(look(&file).modification, Forbidden);
}

#[test]
fn update_that_does_not_build_on_the_signed_revision_is_forbidden() {
    let base = String::from_utf8(signed()).unwrap();
    let start = base.rfind("\nxref\n").unwrap() + 1;
    let end = base.rfind("startxref").unwrap();
    let file = format!("{base}{}startxref\n{}\n%%EOF\n", &base[start..end], base.len());
    assert!(look(file.as_bytes()).findings.iter().any(|f| f.rule == "chain"));
}

#[test]
fn three_thousand_fields_filled_are_compared_quickly() {
    let numbers = 20..3020;
    let references: String = numbers.clone().map(|n| format!("{n} 0 R ")).collect();
    let field = |n: u32, value: &str| format!("<<{WIDGET}/FT/Tx/T(f{n}){value}/Rect[0 0 9 9]>>");
    let mut sample = form(SIGNATURE)
        .object(9, &format!("[5 0 R {references}]"))
        .object(12, &format!("<</Fields[5 0 R {references}]/SigFlags 3>>"));
    for n in numbers.clone() {
        sample = sample.object(n, &field(n, ""));
    }
    let file = sample.finish();
    // The ByteRange of a file this large does not fit the sample's four digits: compare from its end instead.
    let pdf = Pdf::open(&file, &Limits::default()).unwrap();
    let filled: Vec<(u32, String)> = numbers.map(|n| (n, field(n, "/V(x)"))).collect();
    let filled: Vec<(u32, &str)> = filled.iter().map(|(n, body)| (*n, body.as_str())).collect();
    let newest = updated(&file, &filled);
    let newest = Pdf::open(&newest, &Limits::default()).unwrap();
    let signature = &signature::signatures(&newest).unwrap()[0];
    let start = std::time::Instant::now();
    let changes = analyse(&pdf, &newest, signature, &ChangeLimits::default()).unwrap();
    assert_eq!(changes.modification, Allowed, "{:?}", changes.findings.first());
    assert!(start.elapsed() < std::time::Duration::from_secs(5));
}

#[test]
fn comparison_that_would_keep_too_much_is_given_up_and_forbidden() {
    let file = updated(&signed(), &[(1, "<</Type/Catalog/Pages 2 0 R/Kept[1 2 3 4 5 6 7 8 9]>>")]);
    let pdf = Pdf::open(&file, &Limits::default()).unwrap();
    let signature = &signature::signatures(&Pdf::open(&signed(), &Limits::default()).unwrap()).unwrap()[0];
    let revision = signature.signed_revision(&pdf).unwrap();
    let limits = ChangeLimits { values: 3, ..ChangeLimits::default() };
    let changes = analyse(&revision, &pdf, signature, &limits).unwrap();
    assert_eq!(changes.modification, Forbidden);
    let given_up = changes.findings.iter().find(|finding| finding.rule == LIMIT).unwrap();
    assert!(given_up.text.contains("3 values"), "{}", given_up.text);
}

/// Appends an update whose trailer names the encryption dictionary 90, given with it or as it was.
fn encrypted_later(file: &[u8], dictionary: Option<String>) -> Vec<u8> {
    let mut text = file.to_vec();
    let prev = file.windows(6).rposition(|window| window == b"\nxref\n").unwrap() + 1;
    let mut table = String::from("xref\n0 0\n");
    if let Some(dictionary) = dictionary {
        table = format!("xref\n90 1\n{:010} 00000 n \n", text.len());
        text.extend(format!("90 0 obj\n{dictionary}\nendobj\n").bytes());
    }
    let at = text.len();
    let id = "<30313233343536373839616263646566>";
    let trailer = format!("trailer\n<</Size 91/Root 1 0 R/Encrypt 90 0 R/ID[{id}{id}]/Prev {prev}>>");
    text.extend(format!("{table}{trailer}\nstartxref\n{at}\n%%EOF\n").bytes());
    text
}

fn encrypted_and_signed() -> Vec<u8> {
    let mut file = form(SIGNATURE).finish_encrypted(Protection::open(Scheme::Aes256R6));
    let hole = file.windows(6).position(|window| window == b"<00ff>").unwrap();
    let range = format!("[0 {hole:04} {:04} {:04}]", hole + 6, file.len() - hole - 6);
    let at = file.windows(18).position(|window| window == b"[0 1234 1234 1234]").unwrap();
    file[at..at + range.len()].copy_from_slice(range.as_bytes());
    file
}

#[test]
fn encryption_added_after_signing_is_forbidden() {
    let dictionary = Object::Dict(Protection::open(Scheme::Aes256R6).dictionary()).to_bytes();
    let changes = look(&encrypted_later(&signed(), Some(String::from_utf8(dictionary).unwrap())));
    assert!(changes.findings.iter().any(|f| f.rule == "encryption" && f.modification == Forbidden), "{changes:?}");
}

#[test]
fn encryption_changed_after_signing_is_forbidden_and_kept_is_not() {
    let file = encrypted_and_signed();
    assert_eq!(look(&file).modification, Nothing);
    assert_eq!(look(&encrypted_later(&file, None)).modification, Allowed);
    let other = Protection { permissions: -1, ..Protection::open(Scheme::Aes256R6) };
    let dictionary = String::from_utf8(Object::Dict(other.dictionary()).to_bytes()).unwrap();
    assert_eq!(look(&encrypted_later(&file, Some(dictionary))).modification, Forbidden);
    let moved = String::from_utf8_lossy(&encrypted_later(&file, None)[file.len()..]).replace("<3031", "<4131");
    assert_eq!(look(&[file.as_slice(), moved.as_bytes()].concat()).modification, Forbidden);
}

#[test]
fn change_inside_an_encrypted_file_is_judged_by_its_plain_content() {
    let file = encrypted_and_signed();
    let pdf = Pdf::open(&file, &Limits::default()).unwrap();
    let rewritten = |text: &[u8]| {
        let mut update = IncrementalUpdate::new(&pdf).unwrap();
        let contents = ObjectId::new(4, 0);
        update.set_stream(contents, crate::formats::pdf::Dict::new(), text);
        [file.as_slice(), &update.finish(b"seed").unwrap().bytes].concat()
    };
    assert_eq!(look(&rewritten(b"q Q\n")).modification, Allowed, "written anew with the same content");
    assert_eq!(look(&rewritten(b"q q Q Q")).modification, Forbidden);
}
