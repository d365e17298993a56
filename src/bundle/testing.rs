//! Publishers and payloads for unit tests.

use time::{OffsetDateTime, macros::datetime};

use super::payload::{Anchor, Payload};
use super::signed::{Bundle, Fingerprint, open};
use crate::crypto::{DigestAlgorithm, SignatureAlgorithm};
use crate::formats::crl::CertificateList;
use crate::formats::der::write;
use crate::formats::x509::Certificate;
use crate::formats::x509::extensions::name_constraints;
use crate::formats::x509::testing::{Issuer, Template};
use crate::signing::attributes::{Profile, SignedAttributes};
use crate::signing::cades::assemble_enveloping;
use crate::validation::NamedPolicy;

pub(crate) const ISSUED: OffsetDateTime = datetime!(2026-05-01 0:00 UTC);
pub(crate) const DUE: OffsetDateTime = datetime!(2026-08-01 0:00 UTC);
pub(crate) const NOW: OffsetDateTime = datetime!(2026-06-01 0:00 UTC);

pub(crate) struct Publisher(pub Issuer);

impl Publisher {
    pub fn new(common_name: &str) -> Self {
        Self(Issuer::root("Publishers' root").issue(&Template::signer(common_name)))
    }

    pub fn certificate(&self) -> &Certificate {
        &self.0.certificate
    }

    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.0.certificate)
    }

    pub fn sign(&self, payload: &Payload) -> Vec<u8> {
        let content = payload.to_canonical();
        let digest = DigestAlgorithm::Sha256.digest(&content);
        let profile = Profile::Cades { signing_time: ISSUED };
        let attributes = SignedAttributes::build(&digest, self.certificate(), profile);
        let value = self.0.sign(attributes.der());
        let algorithm = SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256);
        let made = assemble_enveloping(&attributes, &content, &value, algorithm, self.certificate(), &[]);
        made.expect("signed").with(&content)
    }

    pub fn bundle(&self, payload: &Payload) -> Bundle {
        open(&self.sign(payload), &[self.fingerprint()], NOW).expect("opens")
    }
}

/// Two anchors, the second limited to example.vn, an intermediate, its list, and a policy.
pub(crate) fn payload(number: u64) -> Payload {
    let (root, second) = (Issuer::root("Root"), Issuer::root("Second"));
    let ca = root.issue(&Template::authority("CA"));
    let subtree = write::sequence(&[&write::tlv(0x82, b"example.vn")]);
    let limit = write::sequence(&[&write::tlv(0xa0, &subtree)]);
    let names = name_constraints(&limit).expect("constraints");
    let list = root.crl(ISSUED, DUE, &[], &[]);
    let anchor = |certificate, limit| Anchor { certificate, note: "đối chiếu trên trang web".to_owned(), limit };
    Payload {
        publisher: "Đơn vị phát hành".to_owned(),
        number,
        issued: ISSUED,
        next_update: DUE,
        successors: Vec::new(),
        anchors: vec![anchor(root.certificate, None), anchor(second.certificate, Some((limit, names)))],
        intermediates: vec![ca.certificate],
        crls: vec![CertificateList::from_der(&list).expect("CRL")],
        policy: Some(NamedPolicy::vietnam().expect("policy")),
    }
}
