//! Until when a proof lasts: the end of the certificate behind it, or of its algorithms, whichever comes first.

use time::OffsetDateTime;

use crate::crypto::suites::{self, Suitability};
use crate::crypto::{DigestAlgorithm, PublicKey, SignatureAlgorithm};
use crate::formats::cms::SignerInfo;
use crate::formats::x509::Certificate;

/// The time by which a signature or time-stamp made with this certificate has to be covered by a newer time-stamp.
/// `imprint` is the hash of what it covers, when that is another than the SignerInfo's.
pub fn end(certificate: &Certificate, signer: &SignerInfo, imprint: Option<DigestAlgorithm>) -> OffsetDateTime {
    let not_after = certificate.validity().not_after;
    let algorithm = signer.signature_algorithm().ok().zip(certificate.public_key().ok());
    let digests = signer.digest_algorithm().ok().into_iter().chain(imprint);
    let ends = algorithm.iter().map(of_signature).chain(digests.map(suites::digest_suitability));
    ends.fold(not_after, |earliest, suitability| match suitability {
        Suitability::Until(end) => earliest.min(end),
        Suitability::Open | Suitability::Never => earliest,
    })
}

fn of_signature((algorithm, key): &(SignatureAlgorithm, PublicKey)) -> Suitability {
    suites::suitability(*algorithm, key)
}
