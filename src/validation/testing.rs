//! A detached signature over `content` for unit tests: PAdES attributes, P-256, issued by "Root".

use crate::crypto::DigestAlgorithm;
use crate::formats::cms::{SignedData, oid};
use crate::formats::der::write;
use crate::formats::pdf::samples::Sample;
use crate::formats::x509::testing::{Issuer, Template, ecdsa_sha256};

pub(crate) struct Signed {
    pub root: Issuer,
    pub signer: Issuer,
    pub der: Vec<u8>,
}

impl Signed {
    pub fn read(&self) -> SignedData<'_> {
        SignedData::parse(&self.der).expect("SignedData")
    }
}

pub(crate) fn p7s() -> Signed {
    signed(b"content", &[])
}

/// A one-page PDF signed in the field "Sig", with these further entries in the signature dictionary.
pub(crate) fn pdf(entries: &str) -> (Signed, Vec<u8>) {
    const HOLE: usize = 4000;
    let zeros = "0".repeat(HOLE);
    let dictionary = format!(
        "<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached{entries}\
         /ByteRange [0 0000000000 0000000000 0000000000]/Contents <{zeros}>>>"
    );
    let mut file = Sample::new()
        .object(1, "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[5 0 R]/SigFlags 3>>>>")
        .object(5, "<</FT/Sig/T(Sig)/Subtype/Widget/Rect[0 0 0 0]/P 3 0 R/V 6 0 R>>")
        .object(6, &dictionary)
        .finish();
    let hole = file.windows(zeros.len()).position(|window| window == zeros.as_bytes()).expect("hole") - 1;
    let end = hole + HOLE + 2;
    let range = format!("[0 {hole:010} {end:010} {:010}]", file.len() - end);
    let at = file.windows(12).position(|window| window == b"/ByteRange [").expect("ByteRange") + 11;
    file[at..at + range.len()].copy_from_slice(range.as_bytes());
    let signed = signed(&[&file[..hole], &file[end..]].concat(), &[]);
    for (index, byte) in signed.der.iter().enumerate() {
        let digits = format!("{byte:02x}");
        file[hole + 1 + 2 * index..hole + 3 + 2 * index].copy_from_slice(digits.as_bytes());
    }
    (signed, file)
}

/// A detached signature over `content` with further signed attributes.
pub(crate) fn signed(content: &[u8], extra: &[Vec<u8>]) -> Signed {
    let root = Issuer::root("Root");
    let signer = root.issue(&Template::signer("An"));
    let digest = DigestAlgorithm::Sha256.digest(content);
    let hash = write::octet_string(signer.certificate.fingerprint(DigestAlgorithm::Sha256).as_bytes());
    let reference = write::sequence(&[&write::sequence(&[&write::sequence(&[&hash])])]);
    let mut attributes = vec![
        attribute(&oid::CONTENT_TYPE, write::oid(&oid::DATA)),
        attribute(&oid::MESSAGE_DIGEST, write::octet_string(digest.as_bytes())),
        attribute(&oid::SIGNING_CERTIFICATE_V2, reference),
    ];
    attributes.extend_from_slice(extra);
    let set = write::set_of(attributes);
    let mut tagged = set.clone();
    tagged[0] = 0xa0;
    let sid = write::sequence(&[signer.certificate.issuer().der(), &write::tlv(2, signer.certificate.serial())]);
    let sha256 = write::sequence(&[&write::oid(&DigestAlgorithm::Sha256.oid())]);
    let info = write::sequence(&[
        &write::small_integer(1),
        &sid,
        &sha256,
        &tagged,
        &ecdsa_sha256(),
        &write::octet_string(&signer.sign(&set)),
    ]);
    let signed_data = write::sequence(&[
        &write::small_integer(1),
        &write::set_of(vec![sha256]),
        &write::sequence(&[&write::oid(&oid::DATA)]),
        &write::tlv(0xa0, signer.certificate.der()),
        &write::set_of(vec![info]),
    ]);
    let der = write::sequence(&[&write::oid(&oid::SIGNED_DATA), &write::tlv(0xa0, &signed_data)]);
    Signed { root, signer, der }
}

pub(crate) fn attribute(oid: &const_oid::ObjectIdentifier, value: Vec<u8>) -> Vec<u8> {
    write::sequence(&[&write::oid(oid), &write::set_of(vec![value])])
}
