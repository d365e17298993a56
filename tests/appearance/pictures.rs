//! Pictures from outside: every honest kind is drawn, every harmful one is refused before it costs anything.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use png::{BitDepth, ColorType};
use serde_json::json;

use super::{page, rectangle, sign};

/// 8 x 8 pixels each.
const JPEG_GRAY: &str = "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8ybqmx5moq6T/wAALCAAIAAgBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAABP/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AC//Z";
const JPEG_RGB: &str = "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8ybqmx5moq6T/2wBDARweHigjKE4rK06kbl1upKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKT/wAARCAAIAAgDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAX/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFQEBAQAAAAAAAAAAAAAAAAAAAwX/xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oADAMBAAIRAxEAPwCeABZf/9k=";
const JPEG_CMYK: &str = "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAbEhQXFBEbFxYXHhwbIChCKyglJShROj0wQmBVZWRfVV1baniZgWpxkHNbXYW1hpCeo6utq2eAvMm6pseZqKuk/8AAFAgACAAIBEMRAE0RAFkRAEsRAP/EABUAAQEAAAAAAAAAAAAAAAAAAAUG/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAA4EQwBNAFkASwAAPwCjEnVM/9k=";

/// Shows the picture alone; the signed file as text, or why it was refused.
fn shown(picture: &[u8]) -> Result<String, String> {
    let image = STANDARD.encode(picture);
    let place = rectangle(1, 20.0, 20.0, 100.0, 100.0);
    let appearance = json!({"place": place, "template": "official-signature", "image": image});
    let signed = sign(&page("/MediaBox[0 0 595 842]"), appearance).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&signed).into_owned())
}

fn refused(picture: &[u8]) -> String {
    shown(picture).expect_err("refused")
}

/// Two by two pixels of this kind.
fn png(kind: ColorType, depth: BitDepth, row: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, 2, 2);
    encoder.set_color(kind);
    encoder.set_depth(depth);
    if kind == ColorType::Indexed {
        encoder.set_palette(vec![255, 0, 0, 0, 0, 255]);
        encoder.set_trns(vec![255, 0]);
    }
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&[row, row].concat()).expect("pixels");
    writer.finish().expect("an end");
    out
}

fn svg(body: &str) -> Vec<u8> {
    format!(r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{body}</svg>"#).into_bytes()
}

#[test]
fn every_kind_of_png_is_drawn_and_transparency_becomes_a_soft_mask() {
    let kinds: [(ColorType, BitDepth, &[u8], bool); 8] = [
        (ColorType::Rgba, BitDepth::Eight, &[255, 0, 0, 255, 0, 0, 255, 128], true),
        (ColorType::Rgba, BitDepth::Eight, &[255, 0, 0, 255, 0, 0, 255, 255], false),
        (ColorType::Rgb, BitDepth::Eight, &[255, 0, 0, 0, 0, 255], false),
        (ColorType::Rgb, BitDepth::Sixteen, &[255, 1, 0, 2, 0, 3, 0, 4, 0, 5, 255, 6], false),
        (ColorType::GrayscaleAlpha, BitDepth::Sixteen, &[9, 9, 255, 255, 8, 8, 0, 0], true),
        (ColorType::Grayscale, BitDepth::One, &[0b1000_0000], false),
        (ColorType::Grayscale, BitDepth::Four, &[0x1f], false),
        (ColorType::Indexed, BitDepth::One, &[0b0100_0000], true),
    ];
    for (kind, depth, row, transparent) in kinds {
        let file = shown(&png(kind, depth, row)).expect("drawn");
        assert_eq!(file.contains("/SMask"), transparent, "{kind:?} {depth:?}");
        assert!(file.contains("/DeviceRGB") && file.contains("/BitsPerComponent 8"), "{kind:?} {depth:?}");
    }
}

#[test]
fn jpeg_in_grey_and_rgb_goes_in_as_it_came_and_cmyk_is_refused() {
    let jpeg = |text: &str| STANDARD.decode(text).expect("base64");
    for (text, space) in [(JPEG_GRAY, "/DeviceGray"), (JPEG_RGB, "/DeviceRGB")] {
        let file = shown(&jpeg(text)).expect("drawn");
        assert!(file.contains("/DCTDecode") && file.contains(space), "{space}");
    }
    assert!(refused(&jpeg(JPEG_CMYK)).contains("neither grey nor RGB"));
    assert!(refused(&jpeg(JPEG_RGB)[..40]).contains("damaged"));
}

#[test]
fn a_picture_that_declares_more_than_it_may_is_refused_before_it_is_decoded() {
    let mut bomb = png(ColorType::Rgb, BitDepth::Eight, &[0; 6]);
    bomb[16..24].copy_from_slice(&[0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0]);
    let crc = crc(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&crc.to_be_bytes());
    assert!(refused(&bomb).contains("exceeds its limit of 4000000"), "{}", refused(&bomb));
    assert!(refused(&vec![0xff; 10 << 20]).contains("the image in bytes"));
}

/// As PNG computes it (ISO/IEC 15948 annex D).
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

#[test]
fn svg_that_is_too_much_or_reaches_elsewhere_is_refused() {
    assert!(shown(&svg("<path d='M0 0h9v9z'/>")).is_ok());
    let entities =
        br#"<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg xmlns="http://www.w3.org/2000/svg"/>"#;
    let deep = svg(&format!("{}{}", "<g>".repeat(500), "</g>".repeat(500)));
    for (picture, why) in [
        (svg(&"<g/>".repeat(100_000)), "the nesting or number"),
        (deep, "the nesting or number"),
        (entities.to_vec(), "without DTD"),
        (svg("<image href='http://vi.du/a.png'/>"), "image inside"),
        (svg("<a href='http://vi.du/'><path d='M0 0h9'/></a>"), "references to elsewhere"),
        (svg("<script>1</script>"), "script"),
        (svg("<text>x</text>"), "outlines"),
        (svg("<path opacity='0.5' d='M0 0h9v9z'/>"), "transparen"),
        (svg("<path d='M0 0h9v9z'"), "well-formed"),
    ] {
        let said = refused(&picture);
        assert!(said.contains(why), "{why}: {said}");
    }
}
