//! A detached signature over `content` for unit tests: PAdES attributes, P-256, issued by "Root".

use crate::crypto::DigestAlgorithm;
use crate::formats::cms::{SignedData, oid};
use crate::formats::der::write;
use crate::formats::pdf::samples::Sample;
use crate::formats::x509::testing::{Issuer, Template, ecdsa_sha256, generalized};
use time::OffsetDateTime;

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
    let dictionary = unfilled("/Type/Sig/SubFilter/ETSI.CAdES.detached", entries);
    let mut file = Sample::new()
        .object(1, "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[5 0 R]/SigFlags 3>>>>")
        .object(5, "<</FT/Sig/T(Sig)/Subtype/Widget/Rect[0 0 0 0]/P 3 0 R/V 6 0 R>>")
        .object(6, &dictionary)
        .finish();
    let mut made = None;
    fill(&mut file, |parts| made.insert(signed(&parts.concat(), &[])).der.clone());
    (made.expect("signed"), file)
}

const HOLE: usize = 4000;

/// A signature dictionary with an empty hole and ByteRange.
pub(crate) fn unfilled(kind: &str, entries: &str) -> String {
    let zeros = "0".repeat(HOLE);
    format!(
        "<<{kind}/Filter/Adobe.PPKLite{entries}\
         /ByteRange [0 0000000000 0000000000 0000000000]/Contents <{zeros}>>>"
    )
}

/// Puts into the empty hole what `make` returns for the two parts around it.
pub(crate) fn fill(file: &mut [u8], make: impl FnOnce([&[u8]; 2]) -> Vec<u8>) {
    let zeros = "0".repeat(HOLE);
    let hole = file.windows(zeros.len()).position(|window| window == zeros.as_bytes()).expect("hole") - 1;
    let end = hole + HOLE + 2;
    let range = format!("[0 {hole:010} {end:010} {:010}]", file.len() - end);
    let at = file.windows(24).position(|window| window == b"/ByteRange [0 0000000000").expect("ByteRange") + 11;
    file[at..at + range.len()].copy_from_slice(range.as_bytes());
    let contents = make([&file[..hole], &file[end..]]);
    for (index, byte) in contents.iter().enumerate() {
        let digits = format!("{byte:02x}");
        file[hole + 1 + 2 * index..hole + 3 + 2 * index].copy_from_slice(digits.as_bytes());
    }
}

/// A detached signature over `content` with further signed attributes.
pub(crate) fn signed(content: &[u8], extra: &[Vec<u8>]) -> Signed {
    Builder { content, extra, ..Builder::default() }.build()
}

type MakeUnsigned<'a> = dyn Fn(&Issuer, &[u8]) -> Vec<Vec<u8>> + 'a;

/// A detached signature by the certificate "An" of "Root" and what it brings along.
pub(crate) struct Builder<'a> {
    pub content: &'a [u8],
    /// Signed attributes besides the usual.
    pub extra: &'a [Vec<u8>],
    pub signer: Template,
    /// Content of SignedData.crls.
    pub crls: &'a [u8],
    /// Makes unsigned attributes from the root and the signature value.
    pub unsigned: &'a MakeUnsigned<'a>,
}

impl Default for Builder<'_> {
    fn default() -> Self {
        Self { content: b"content", extra: &[], signer: Template::signer("An"), crls: &[], unsigned: &|_, _| vec![] }
    }
}

impl Builder<'_> {
    pub fn build(self) -> Signed {
        let root = Issuer::root("Root");
        let signer = root.issue(&self.signer);
        let (attributes, value) = signed_attributes(&signer, &oid::DATA, self.content, self.extra);
        let unsigned = (self.unsigned)(&root, &value);
        let info = signer_info(&signer, &attributes, &value, unsigned);
        let encapsulated = write::sequence(&[&write::oid(&oid::DATA)]);
        let der = message(&encapsulated, signer.certificate.der(), self.crls, info);
        Signed { root, signer, der }
    }
}

/// A counter-signature over a signature value: message-digest and these further attributes are signed.
pub(crate) fn counter_signature(signer: &Issuer, value: &[u8], extra: &[Vec<u8>]) -> Vec<u8> {
    let digest = DigestAlgorithm::Sha256.digest(value);
    let mut attributes = vec![attribute(&oid::MESSAGE_DIGEST, write::octet_string(digest.as_bytes()))];
    attributes.extend_from_slice(extra);
    let set = write::set_of(attributes);
    signer_info(signer, &set, &signer.sign(&set), Vec::new())
}

/// A time-stamp token over `covered` (RFC 3161), with its unit's certificate inside.
pub(crate) fn token(unit: &Issuer, covered: &[&[u8]], gen_time: OffsetDateTime) -> Vec<u8> {
    token_of(unit, DigestAlgorithm::Sha256.digest_parts(covered).as_bytes(), gen_time)
}

/// A time-stamp token of this SHA-256 imprint.
pub(crate) fn token_of(unit: &Issuer, imprint: &[u8], gen_time: OffsetDateTime) -> Vec<u8> {
    let info = write::sequence(&[
        &write::small_integer(1),
        &write::oid(&const_oid::ObjectIdentifier::new_unwrap("1.2.3")),
        &write::sequence(&[&sha256(), &write::octet_string(imprint)]),
        &write::small_integer(5),
        &generalized(gen_time),
    ]);
    let (attributes, value) = signed_attributes(unit, &oid::TST_INFO, &info, &[]);
    let signer_info = signer_info(unit, &attributes, &value, Vec::new());
    let encapsulated = write::sequence(&[&write::oid(&oid::TST_INFO), &write::tlv(0xa0, &write::octet_string(&info))]);
    message(&encapsulated, unit.certificate.der(), &[], signer_info)
}

fn sha256() -> Vec<u8> {
    write::sequence(&[&write::oid(&DigestAlgorithm::Sha256.oid())])
}

/// The attributes as SET OF, and the signature value over them.
fn signed_attributes(
    signer: &Issuer,
    content_type: &const_oid::ObjectIdentifier,
    content: &[u8],
    extra: &[Vec<u8>],
) -> (Vec<u8>, Vec<u8>) {
    let digest = DigestAlgorithm::Sha256.digest(content);
    let hash = write::octet_string(signer.certificate.fingerprint(DigestAlgorithm::Sha256).as_bytes());
    let reference = write::sequence(&[&write::sequence(&[&write::sequence(&[&hash])])]);
    let mut attributes = vec![
        attribute(&oid::CONTENT_TYPE, write::oid(content_type)),
        attribute(&oid::MESSAGE_DIGEST, write::octet_string(digest.as_bytes())),
        attribute(&oid::SIGNING_CERTIFICATE_V2, reference),
    ];
    attributes.extend_from_slice(extra);
    let set = write::set_of(attributes);
    let value = signer.sign(&set);
    (set, value)
}

fn signer_info(signer: &Issuer, attributes: &[u8], value: &[u8], unsigned: Vec<Vec<u8>>) -> Vec<u8> {
    let mut tagged = attributes.to_vec();
    tagged[0] = 0xa0;
    let sid = write::sequence(&[signer.certificate.issuer().der(), &write::tlv(2, signer.certificate.serial())]);
    let unsigned = if unsigned.is_empty() { Vec::new() } else { write::tlv(0xa1, &write::set_of_content(unsigned)) };
    write::sequence(&[
        &write::small_integer(1),
        &sid,
        &sha256(),
        &tagged,
        &ecdsa_sha256(),
        &write::octet_string(value),
        &unsigned,
    ])
}

fn message(encapsulated: &[u8], certificate: &[u8], crls: &[u8], info: Vec<u8>) -> Vec<u8> {
    let crls = if crls.is_empty() { Vec::new() } else { write::tlv(0xa1, crls) };
    let signed_data = write::sequence(&[
        &write::small_integer(1),
        &write::set_of(vec![sha256()]),
        encapsulated,
        &write::tlv(0xa0, certificate),
        &crls,
        &write::set_of(vec![info]),
    ]);
    write::sequence(&[&write::oid(&oid::SIGNED_DATA), &write::tlv(0xa0, &signed_data)])
}

pub(crate) fn attribute(oid: &const_oid::ObjectIdentifier, value: Vec<u8>) -> Vec<u8> {
    write::sequence(&[&write::oid(oid), &write::set_of(vec![value])])
}
