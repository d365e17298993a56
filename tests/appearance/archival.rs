//! PDF/A: what an appearance must not bring into an archival document (ISO 19005-1 and -2). The written rules are asserted here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kyso::formats::pdf::{Limits, Object, ObjectId, Pdf};
use serde_json::{Value, json};

use super::{file, rectangle, sign};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Intent {
    Rgb,
    Cmyk,
    None,
}

/// A page of that part of PDF/A, level b. The profile of the output intent has the shape, not the tables, of an ICC profile.
fn archival(part: u8, intent: Intent) -> Vec<u8> {
    let xmp = format!(
        r#"<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
        xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
        xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"><pdfaid:part>{part}</pdfaid:part>
        <pdfaid:conformance>B</pdfaid:conformance></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"#
    );
    let (components, space) = if intent == Intent::Cmyk { (4, "CMYK") } else { (3, "RGB ") };
    let profile = format!("{:16}{space}XYZ {:12}acsp{:88}", "", "", "");
    let intents = if intent == Intent::None { "" } else { "/OutputIntents[5 0 R]" };
    file(&[
        format!("<</Type/Catalog/Pages 2 0 R/Metadata 4 0 R{intents}>>"),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<>>>>".to_owned(),
        format!("<</Type/Metadata/Subtype/XML/Length {}>>stream\n{xmp}\nendstream", xmp.len()),
        "<</Type/OutputIntent/S/GTS_PDFA1/OutputConditionIdentifier(sRGB)/DestOutputProfile 6 0 R>>".to_owned(),
        format!("<</N {components}/Length {}>>stream\n{profile}\nendstream", profile.len()),
    ])
}

/// Half transparent red and blue, 2 x 1.
fn translucent() -> String {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, 2, 1);
    encoder.set_color(png::ColorType::Rgba);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&[255, 0, 0, 128, 0, 0, 255, 0]).expect("pixels");
    writer.finish().expect("an end");
    STANDARD.encode(out)
}

/// What signing added: every new object as text, streams decoded after their dictionaries.
fn added(part: u8, intent: Intent) -> Vec<(Object, String)> {
    let original = archival(part, intent);
    let place: Value = rectangle(1, 40.0, 40.0, 240.0, 90.0);
    let shown = json!({"place": place, "image": translucent(), "qr": "https://vi.du/1", "background": "#fffff0"});
    let signed = sign(&original, shown).expect("signed");
    let pdf = Pdf::open(&signed, &Limits::default()).expect("opens");
    let objects =
        (7..60).filter_map(|number| pdf.get(ObjectId::new(number, 0)).ok().filter(|object| !object.is_null()));
    let text = |object: &Object| {
        let decoded = object.as_stream().map(|stream| pdf.decode(stream).expect("decodes").to_vec());
        String::from_utf8_lossy(&decoded.unwrap_or_else(|| object.to_bytes())).into_owned()
    };
    objects.map(|object| (Object::clone(&object), text(&object))).collect()
}

fn dictionaries(objects: &[(Object, String)]) -> String {
    objects
        .iter()
        .filter_map(|(object, _)| object.as_dict())
        .map(|d| format!("{}\n", text(&Object::Dict(d.clone()))))
        .collect()
}

fn text(object: &Object) -> String {
    String::from_utf8_lossy(&object.to_bytes()).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn content(objects: &[(Object, String)]) -> String {
    let forms =
        objects.iter().filter(|(o, _)| o.as_dict().and_then(|d| d.get("Subtype")).is_some_and(|s| s.is_name("Form")));
    forms.map(|(_, content)| content.as_str()).collect()
}

fn has(text: &str, name: &str) -> bool {
    let tail = |rest: &str| rest.chars().next().is_none_or(|c| !c.is_ascii_alphanumeric());
    text.split(name).skip(1).any(tail)
}

#[test]
fn part_one_gets_no_transparency_and_its_fonts_say_which_characters_they_hold() {
    let objects = added(1, Intent::Rgb);
    let all = dictionaries(&objects);
    for forbidden in [
        "/SMask",
        "/ca",
        "/CA",
        "/Group",
        "/ExtGState",
        "/BM",
        "/Interpolate",
        "/LZWDecode",
        "/JavaScript",
        "/AA",
        "/A",
    ] {
        assert!(!has(&all, forbidden), "{forbidden}: {all}");
    }
    assert!(has(&all, "/Mask") && has(&all, "/ImageMask"), "{all}");
    let descriptors = all.matches("/Type /FontDescriptor").count();
    assert!(descriptors == 2, "{all}");
    for key in ["/FontFile2 ", "/CIDSet "] {
        assert_eq!(all.matches(key).count(), descriptors, "{key}: {all}");
    }
    assert!(has(&all, "/CIDToGIDMap") && has(&all, "/ToUnicode"), "{all}");
}

#[test]
fn later_parts_may_be_transparent_where_an_intent_says_the_colours() {
    let transparent = dictionaries(&added(2, Intent::Rgb));
    assert!(has(&transparent, "/SMask") && !has(&transparent, "/CIDSet"), "{transparent}");
    assert!(!has(&dictionaries(&added(2, Intent::None)), "/SMask"));
}

#[test]
fn device_colours_stand_only_where_an_intent_gives_them_meaning() {
    for (part, intent) in [(1, Intent::None), (1, Intent::Cmyk), (2, Intent::None), (2, Intent::Cmyk), (1, Intent::Rgb)]
    {
        let objects = added(part, intent);
        let (all, content) = (dictionaries(&objects), content(&objects));
        let operators: Vec<&str> = content.split_whitespace().collect();
        let device = ["rg", "RG", "g", "G", "k", "K"].iter().any(|operator| operators.contains(operator));
        assert_eq!(device, intent == Intent::Rgb, "part {part}, {intent:?}: {content}");
        assert_eq!(has(&all, "/DeviceRGB"), intent == Intent::Rgb, "part {part}, {intent:?}: {all}");
        assert_eq!(has(&all, "/CalRGB"), intent != Intent::Rgb, "part {part}, {intent:?}: {all}");
    }
}

#[test]
fn the_widget_is_printed_and_has_the_normal_appearance_only() {
    for part in [1, 2, 3] {
        let objects = added(part, Intent::Rgb);
        let widget = objects.iter().find_map(|(object, _)| {
            object.as_dict().filter(|dict| dict.get("Subtype").is_some_and(|subtype| subtype.is_name("Widget")))
        });
        let widget = widget.expect("a widget");
        let flags = widget.get("F").and_then(Object::as_integer).expect("/F");
        // Print; not Hidden, Invisible, NoView or ToggleNoView.
        assert_eq!((flags & 4, flags & (1 + 2 + 32 + 256)), (4, 0));
        let keys: Vec<String> =
            widget.get("AP").and_then(Object::as_dict).expect("/AP").iter().map(|(k, _)| k.to_string()).collect();
        assert_eq!(keys, ["N"]);
    }
}
