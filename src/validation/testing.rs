//! A detached signature over `content` for unit tests: PAdES attributes, P-256, issued by "Root".

use crate::crypto::DigestAlgorithm;
use crate::formats::cms::{SignedData, oid};
use crate::formats::der::write;
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
