//! Dictionaries that are two things at once: a page, field or structure element whose permitted changes would be drawn, or run,
//! where the same object serves as resources, appearances, or a name tree.

use super::*;

const EVIL: &str = "<</Subtype/Form/BBox[0 0 600 800]/Length 4>>stream\nq Q \nendstream";
const CATALOG: &str = "<</Type/Catalog/Pages 2 0 R/AcroForm 12 0 R/StructTreeRoot 20 0 R>>";
const TREE: &str = "<</Type/StructTreeRoot/K 21 0 R>>";

/// The page's `category` of resources is object `number`.
fn drawn_with(sample: Sample, category: &str, number: u32) -> Vec<u8> {
    let resources = format!("/Resources<</Font<</F 10 0 R>>/{category} {number} 0 R>>");
    sample.object(3, &PAGE.replace("/Resources<</Font<</F 10 0 R>>>>", &resources)).finish_signed()
}

fn tagged() -> Sample {
    form(SIGNATURE).object(1, CATALOG).object(20, TREE).object(21, "<</S/P/P 20 0 R/Pg 3 0 R>>")
}

#[test]
fn structure_element_that_is_also_a_resource_dictionary_may_not_gain_kids() {
    let gains = [(21, "<</S/P/P 20 0 R/Pg 3 0 R/K 22 0 R>>"), (22, EVIL)];
    assert_eq!(after(&tagged().finish_signed(), &gains), Allowed);
    for category in ["XObject", "Font", "Pattern"] {
        assert_eq!(after(&drawn_with(tagged(), category, 21), &gains), Forbidden, "{category}");
    }
    let appearance = text_field("", "8 0 R").replace("<</N 8 0 R>>", " 21 0 R");
    assert_eq!(after(&tagged().object(7, &appearance).finish_signed(), &gains), Forbidden);
}

#[test]
fn structure_element_that_is_also_a_name_tree_may_not_gain_names() {
    let names = CATALOG.replace("/Pages", "/Names<</JavaScript 21 0 R>>/Pages");
    let gains = [(21, "<</S/P/P 20 0 R/Pg 3 0 R/Names[(a)<</S/JavaScript/JS(x)>>]>>")];
    assert_eq!(after(&tagged().object(1, &names).finish_signed(), &gains), Forbidden);
}

#[test]
fn field_that_is_also_a_resource_dictionary_may_not_be_filled() {
    let field = |entries: &str| text_field(entries, "8 0 R");
    for filled in ["/V 22 0 R", "/V(x)/RV 22 0 R"] {
        let gains = [(7, &*field(filled)), (22, EVIL)];
        assert_eq!(after(&signed(), &gains), Suspicious, "{filled}: what is shown is neither");
        assert_eq!(after(&drawn_with(form(SIGNATURE), "XObject", 7), &gains), Forbidden, "{filled}");
    }
}

#[test]
fn catalog_or_page_that_is_also_a_resource_dictionary_may_not_gain_anything() {
    let catalog = "<</Type/Catalog/Pages 2 0 R/AcroForm 12 0 R/DSS 22 0 R>>";
    assert_eq!(after(&signed(), &[(1, catalog), (22, "<<>>")]), Allowed);
    assert_eq!(after(&drawn_with(form(SIGNATURE), "XObject", 1), &[(1, catalog), (22, EVIL)]), Forbidden);
    let two = || form(SIGNATURE).object(2, "<</Type/Pages/Kids[3 0 R 23 0 R]/Count 2>>");
    let other = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]";
    let gains = [(23, &*format!("{other}/PieceInfo 22 0 R>>")), (22, EVIL)];
    let page = |sample: Sample| sample.object(23, &format!("{other}>>"));
    assert_eq!(after(&page(two()).finish_signed(), &gains), Allowed);
    assert_eq!(after(&drawn_with(page(two()), "XObject", 23), &gains), Forbidden);
}

#[test]
fn destinations_and_outlines_still_only_name_their_page() {
    let catalog = "<</Type/Catalog/Pages 2 0 R/AcroForm 12 0 R/Outlines 20 0 R/OpenAction[3 0 R/Fit]>>";
    let item = "<</Title(x)/Parent 20 0 R/A<</S/GoTo/D[3 0 R/Fit]>>>>";
    let outlined = form(SIGNATURE).object(1, catalog).object(20, "<</First 21 0 R/Last 21 0 R>>").object(21, item);
    let widget = format!("<<{WIDGET}/FT/Sig/T(N)/V 14 0 R/Rect[0 0 0 0]>>");
    assert_eq!(after(&outlined.finish_signed(), &second_signature(&widget, NEW_SIGNATURE)), Allowed);
}

#[test]
fn appearance_without_resources_is_not_given_any_by_the_form() {
    let form_with = |resources: &str| format!("<</Fields[5 0 R 7 0 R 11 0 R]/SigFlags 3/DR<<{resources}>>>>");
    let uses = |content: &str, resources: &str| {
        let appearance =
            format!("<</Subtype/Form/BBox[0 0 9 9]{resources}/Length {}>>stream\n{content}\nendstream", content.len());
        form(SIGNATURE).object(8, &appearance).finish_signed()
    };
    let font = form_with("/Font<</F 10 0 R/G 13 0 R>>");
    let picture = form_with("/Font<</F 10 0 R>>/XObject<</G 13 0 R>>");
    for (content, gains) in [("BT /G 9 Tf (100) Tj ET", &font), ("/G Do", &picture)] {
        let gains = [(12, &**gains), (13, EVIL)];
        assert_eq!(after(&uses(content, ""), &gains), Forbidden, "{content}");
        assert_eq!(after(&uses(content, "/Resources<<>>"), &gains), Allowed, "{content}");
        assert_eq!(after(&uses("q Q", ""), &gains), Allowed, "{content}");
    }
    let before = form(SIGNATURE).object(12, &form_with("/Font<</F 10 0 R>>/XObject<</G 22 0 R>>")).object(22, EVIL);
    let drawn = "<</Subtype/Form/BBox[0 0 9 9]/Length 5>>stream\n/G Do\nendstream";
    assert_eq!(after(&before.object(8, drawn).finish_signed(), &[(12, &picture), (13, EVIL)]), Forbidden);
}
