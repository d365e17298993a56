//! Raising a hostile CMS: it is refused, or the result parses again and what is signed or certified is unchanged.

#![no_main]

use kyso::crypto::DigestAlgorithm;
use kyso::formats::cms::{SignedData, ValidationData, oid};
use kyso::signing::cades::{
    ArchivedContent, prepare_archive, with_certificates_and_revocations, with_unsigned_attribute,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(before) = SignedData::parse(data) else {
        assert!(with_unsigned_attribute(data, 0, &oid::MIME_TYPE, &[5, 0]).is_err());
        return;
    };
    for index in 0..before.signers.len().min(3) {
        if let Ok(raised) = with_unsigned_attribute(data, index, &oid::SIGNATURE_TIME_STAMP, &[0x30, 0]) {
            let after = unchanged(&before, &raised);
            let count = |read: &SignedData<'_>| read.signers[index].unsigned_attributes.iter().count();
            assert_eq!(count(&after), count(&before) + 1);
        }
        let _ = prepare_archive(data, index, ArchivedContent::Octets(b"content"), DigestAlgorithm::Sha256);
        let _ = prepare_archive(data, index, ArchivedContent::Inside, DigestAlgorithm::Sha512);
    }
    // What the message brings is put in once more: nothing may be lost or doubled.
    let material = ValidationData::of_message(&before);
    if let Ok(raised) = with_certificates_and_revocations(data, &material) {
        let after = unchanged(&before, &raised);
        assert_eq!(after.certificates.len(), before.certificates.len());
        assert_eq!(with_certificates_and_revocations(&raised, &material).as_ref(), Ok(&raised));
    }
});

fn unchanged<'a>(before: &SignedData<'_>, raised: &'a [u8]) -> SignedData<'a> {
    let after = SignedData::parse(raised).expect("the result parses");
    assert_eq!((&after.content, &after.content_type), (&before.content, &before.content_type));
    assert_eq!(after.signers.len(), before.signers.len());
    for (after, before) in after.signers.iter().zip(&before.signers) {
        let octets = |signer: &kyso::formats::cms::SignerInfo| {
            signer.signed_attributes.as_ref().map(|signed| (signed.signed_octets().to_vec(), signed.received_octets().to_vec()))
        };
        assert_eq!(octets(after), octets(before));
        assert_eq!((&after.signature, &after.identifier), (&before.signature, &before.identifier));
    }
    assert!(before.certificates.iter().all(|certificate| after.certificates.contains(certificate)));
    after
}
