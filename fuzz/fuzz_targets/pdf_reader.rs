//! Everything a hostile PDF reaches: reading, its text and what else it holds, signing an update onto it, and comparing its revisions.

#![no_main]

use kyso::formats::pdf::active::Active;
use kyso::formats::pdf::content::text::PageText;
use kyso::formats::pdf::{Dict, IncrementalUpdate, Limits, Object, Pdf, PdfError, fields, pages, revisions, signature};
use kyso::validation::pdf_changes::{ChangeLimits, analyse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // Small limits keep each run short; the code paths are the same.
    let limits = Limits { stream_bytes: 1 << 20, decoded_bytes: 4 << 20, ..Limits::default() };
    let _ = drive(data, &limits);
});

fn drive(data: &[u8], limits: &Limits) -> Result<(), PdfError> {
    let pdf = Pdf::open(data, limits)?;
    for (number, _) in pdf.entries().iter().take(200) {
        let _ = pdf.get(kyso::formats::pdf::ObjectId::new(*number, 0));
    }
    let _ = Active::read(&pdf);
    for page in pages::pages(&pdf).iter().flatten().take(3) {
        let _ = PageText::read(&pdf, page).lines();
    }
    let _ = fields::fields(&pdf);
    let _ = revisions::revisions(&pdf);
    let _ = revisions::unexplained_bytes(&pdf, 0);
    update(data, &pdf, limits);
    for signature in signature::signatures(&pdf)?.iter().take(3) {
        if let Some(parts) = signature.byte_range.parts(data) {
            assert!(parts.iter().map(|part| part.len()).sum::<usize>() <= data.len());
        }
        let signed = signature.signed_revision(&pdf)?;
        let _ = analyse(&signed, &pdf, signature, &ChangeLimits::default());
    }
    Ok(())
}

/// What is appended to a readable file must be readable and must not hide what was there.
fn update(data: &[u8], pdf: &Pdf<'_>, limits: &Limits) {
    let Ok(mut update) = IncrementalUpdate::new(pdf) else { return };
    let Ok(id) = update.allocate() else { return };
    update.set(id, &Object::Dict(Dict::new().with("Fuzz", Object::Bool(true))));
    let Ok(written) = update.finish(b"seed") else { return };
    let whole = [data, &written.bytes].concat();
    let again = Pdf::open(&whole, limits).expect("an update on a readable file is readable");
    let object = again.get(id).expect("the new object is readable");
    assert!(object.as_dict().is_some_and(|dict| dict.contains("Fuzz")), "the new object is found");
    assert_eq!(again.trailer().get("Root"), pdf.trailer().get("Root"));
}
