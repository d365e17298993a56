//! Level B-LTA: an archive-time-stamp-v3 over a message and all it holds, and its renewal.

use serde::{Deserialize, Serialize};

use super::raise::{RaiseError, check_token, with_unsigned_attribute};
use crate::crypto::digest::sha256;
use crate::crypto::{Digest, DigestAlgorithm};
use crate::formats::cms::{Frame, HashIndex, SignedAttributesForm, SignedData, SignerInfo, imprint, oid};

/// The content an archive time-stamp covers along with the signature.
#[derive(Debug, Clone, Copy)]
pub enum ArchivedContent<'a> {
    /// It is inside the message.
    Inside,
    /// The octets a detached signature covers.
    Octets(&'a [u8]),
    /// Their hash, made with the archive time-stamp's algorithm: large files are read once, elsewhere.
    Digest(&'a Digest),
}

/// An archive time-stamp in the making: small and serialisable, so the process may stop until the token is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveRequest {
    signer_index: usize,
    algorithm: DigestAlgorithm,
    imprint: Vec<u8>,
    /// ATSHashIndexV3, DER.
    hash_index: Vec<u8>,
    /// SHA-256 of the message, which must not change meanwhile.
    message: [u8; 32],
}

/// Prepares an archive time-stamp over the message as it is: add the validation material of the signature and of all earlier
/// time-stamps first ([`super::with_certificates_and_revocations`]). For a renewal this is the same.
///
/// # Errors
/// [`RaiseError`]: unreadable message, missing or other content, weak hash.
pub fn prepare_archive(
    message: &[u8],
    signer_index: usize,
    content: ArchivedContent<'_>,
    algorithm: DigestAlgorithm,
) -> Result<ArchiveRequest, RaiseError> {
    if algorithm < DigestAlgorithm::Sha256 {
        return Err(RaiseError::WeakHash(algorithm));
    }
    let signed_data = SignedData::parse(message)?;
    let signer = signed_data.signers.get(signer_index).ok_or(RaiseError::NoSuchSigner(signer_index))?;
    let content = content_digest(&signed_data, signer, content, algorithm)?;
    let frame = Frame::open(message)?;
    let parts = frame.signers().get(signer_index).ok_or(RaiseError::NoSuchSigner(signer_index))?;
    let index = HashIndex::of(&frame, parts, algorithm)?;
    let octets = imprint(&frame, parts, &content, &index, SignedAttributesForm::Der)?;
    Ok(ArchiveRequest {
        signer_index,
        algorithm,
        imprint: algorithm.digest(&octets).as_bytes().to_vec(),
        hash_index: index.der().to_vec(),
        message: sha256(message),
    })
}

impl ArchiveRequest {
    /// Hash to be time-stamped.
    pub fn imprint(&self) -> &[u8] {
        &self.imprint
    }

    /// What [`Self::imprint`] was made with.
    pub fn algorithm(&self) -> DigestAlgorithm {
        self.algorithm
    }

    /// Puts the hash index into the token (DER TimeStampToken), and the token into the message.
    ///
    /// # Errors
    /// [`RaiseError::ForeignToken`] when the token is not of this request, [`RaiseError::ContentDiffers`] when the message is
    /// not the one prepared.
    pub fn embed(&self, message: &[u8], token: &[u8]) -> Result<Vec<u8>, RaiseError> {
        if sha256(message) != self.message {
            return Err(RaiseError::ContentDiffers);
        }
        check_token(token, |algorithm| match Digest::from_bytes(self.algorithm, &self.imprint) {
            Some(digest) if algorithm == self.algorithm => Ok(digest),
            _ => Err(RaiseError::ForeignToken),
        })?;
        let token = with_unsigned_attribute(token, 0, &oid::ATS_HASH_INDEX_V3, &self.hash_index)?;
        with_unsigned_attribute(message, self.signer_index, &oid::ARCHIVE_TIME_STAMP_V3, &token)
    }
}

/// Hash of the content; where the signer's own hash can be compared, it must be what was signed.
fn content_digest(
    signed_data: &SignedData<'_>,
    signer: &SignerInfo,
    content: ArchivedContent<'_>,
    algorithm: DigestAlgorithm,
) -> Result<Digest, RaiseError> {
    let octets = match (content, signed_data.content.as_deref()) {
        (ArchivedContent::Octets(given), Some(inside)) if given != inside => return Err(RaiseError::ContentDiffers),
        (ArchivedContent::Inside | ArchivedContent::Octets(_), Some(inside)) => inside,
        (ArchivedContent::Octets(given), None) => given,
        (ArchivedContent::Inside, None) => return Err(RaiseError::ContentMissing),
        (ArchivedContent::Digest(digest), _) => {
            let comparable = signer.digest_algorithm() == Ok(algorithm);
            let fits = digest.algorithm() == algorithm && (!comparable || signed(signer, digest));
            return if fits { Ok(digest.clone()) } else { Err(RaiseError::ContentDiffers) };
        }
    };
    let own = signer.digest_algorithm().map(|own| own.digest(octets));
    if own.is_ok_and(|own| signed(signer, &own)) {
        Ok(algorithm.digest(octets))
    } else {
        Err(RaiseError::ContentDiffers)
    }
}

/// Whether this is the digest in the message-digest attribute. Without signed attributes only the value could tell.
fn signed(signer: &SignerInfo, digest: &Digest) -> bool {
    match signer.signed_attributes.as_ref().map(|signed| signed.message_digest()) {
        Some(Ok(Some(value))) => value == digest.as_bytes(),
        Some(_) => false,
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{with_certificates_and_revocations, with_signature_time_stamp};
    use super::*;
    use crate::formats::cms::ValidationData;
    use crate::formats::crl::CertificateList;
    use crate::formats::der::write;
    use crate::formats::x509::testing::{Issuer, Template};
    use crate::validation::report::{Baseline, Code, Indication, Level, SignatureReport};
    use crate::validation::testing::{Builder, attribute, token, token_of};
    use crate::validation::{Evidence, Policy, RevocationPolicy, Setting, validate_cms};
    use time::{OffsetDateTime, macros::datetime};

    const STAMPED: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);
    const ARCHIVED: OffsetDateTime = datetime!(2026-06-02 12:00 UTC);
    const RENEWED: OffsetDateTime = datetime!(2029-12-01 12:00 UTC);
    /// After the signer's certificate ended, and after the first time-stamping unit's.
    const LATER: OffsetDateTime = datetime!(2027-06-01 0:00 UTC);
    const MUCH_LATER: OffsetDateTime = datetime!(2030-06-01 0:00 UTC);
    const SHA256: DigestAlgorithm = DigestAlgorithm::Sha256;

    fn root() -> Issuer {
        Issuer::root("Root")
    }

    fn unit(serial: u8, not_after: OffsetDateTime) -> Issuer {
        let mut template = Template { serial, ..Template::time_stamping("TSA") };
        template.validity.not_after = not_after;
        root().issue(&template)
    }

    fn first_unit() -> Issuer {
        unit(9, datetime!(2030-01-01 0:00 UTC))
    }

    fn crl(this: OffsetDateTime) -> ValidationData {
        let list = root().crl(this, this + time::Duration::days(30), &[], &[]);
        let crls = vec![CertificateList::from_der(&list).expect("CRL")];
        ValidationData { certificates: vec![root().certificate], crls, ocsps: vec![] }
    }

    /// Levels B, T and LT of a detached signature.
    fn long_term() -> Vec<u8> {
        let time = attribute(&oid::SIGNING_TIME, write::time(datetime!(2026-06-01 11:59 UTC)));
        let message = Builder { extra: &[time], ..Builder::default() }.build().der;
        let value = SignedData::parse(&message).expect("message").signers[0].signature.clone();
        let stamped = with_signature_time_stamp(&message, 0, &token(&first_unit(), &[&value], STAMPED)).expect("T");
        with_certificates_and_revocations(&stamped, &crl(datetime!(2026-06-01 14:00 UTC))).expect("LT")
    }

    fn archive(message: &[u8], unit: &Issuer, at: OffsetDateTime) -> Vec<u8> {
        let content = ArchivedContent::Octets(b"content");
        let request = prepare_archive(message, 0, content, SHA256).expect("prepared");
        request.embed(message, &token_of(unit, request.imprint(), at)).expect("embedded")
    }

    fn archived() -> Vec<u8> {
        archive(&long_term(), &first_unit(), ARCHIVED)
    }

    fn run(message: &[u8], time: OffsetDateTime) -> SignatureReport {
        let evidence = Evidence { anchors: vec![root().certificate], ..Evidence::default() };
        let policy = Policy::strict_with(RevocationPolicy::IfPresent);
        let setting = Setting { evidence: &evidence, policy, time };
        validate_cms(message, Some(b"content"), setting).expect("readable").signatures.remove(0)
    }

    fn told(report: &SignatureReport, code: Code) -> bool {
        report.messages.iter().any(|message| message.code == code)
    }

    fn why(report: &SignatureReport) -> Option<&str> {
        let refused = report.messages.iter().find(|message| message.code == Code::ArchiveTimestampNotValid);
        refused.and_then(|message| message.detail.as_deref())
    }

    #[test]
    fn each_level_is_reached_in_turn_and_the_last_outlives_the_signer() {
        let lt = long_term();
        assert_eq!(run(&lt, LATER).level, Level::Cades(Baseline::Lt));
        let report = run(&archived(), LATER);
        assert_eq!(
            (report.indication(), report.level),
            (Indication::TotalPassed, Level::Cades(Baseline::Lta)),
            "{:?}",
            report.messages
        );
        assert_eq!(report.best_signature_time, Some(STAMPED));
        assert!(told(&report, Code::ArchiveTimestampValid) && !told(&report, Code::ArchiveTimestampNotCovering));
    }

    #[test]
    fn renewed_time_stamp_carries_the_former_ones_past_their_unit() {
        let once = run(&archived(), MUCH_LATER);
        assert_eq!((once.indication(), once.best_signature_time), (Indication::Indeterminate, None));
        let with_material =
            with_certificates_and_revocations(&archived(), &crl(datetime!(2029-11-30 0:00 UTC))).expect("material");
        let renewed = archive(&with_material, &unit(10, datetime!(2035-01-01 0:00 UTC)), RENEWED);
        let later_list = crl(datetime!(2029-12-02 0:00 UTC));
        let report = run(&with_certificates_and_revocations(&renewed, &later_list).expect("list"), MUCH_LATER);
        assert_eq!(
            (report.indication(), report.level),
            (Indication::TotalPassed, Level::Cades(Baseline::Lta)),
            "{:?}",
            report.messages
        );
        assert_eq!(report.best_signature_time, Some(STAMPED));
        let valid = report.messages.iter().filter(|message| message.code == Code::ArchiveTimestampValid).count();
        assert_eq!((valid, told(&report, Code::ArchiveTimestampNotCovering)), (2, true));
    }

    #[test]
    fn additions_after_the_archive_time_stamp_are_told_and_do_not_break_it() {
        let message =
            with_certificates_and_revocations(&archived(), &crl(datetime!(2026-07-01 0:00 UTC))).expect("material");
        let message = with_unsigned_attribute(&message, 0, &oid::CONTENT_HINTS, &[5, 0]).expect("attribute");
        let report = run(&message, LATER);
        assert_eq!(report.level, Level::Cades(Baseline::Lta));
        let added = report.messages.iter().find(|message| message.code == Code::ArchiveTimestampNotCovering);
        assert_eq!(added.and_then(|message| message.detail.as_deref()), Some("2"));
    }

    #[test]
    fn signature_time_stamp_added_later_is_not_proven_by_the_archive() {
        let message = archived();
        let value = SignedData::parse(&message).expect("message").signers[0].signature.clone();
        let short = unit(11, datetime!(2026-08-01 0:00 UTC));
        let late = token(&short, &[&value], datetime!(2026-05-01 0:00 UTC));
        let report = run(&with_signature_time_stamp(&message, 0, &late).expect("added"), LATER);
        assert_eq!(
            report.best_signature_time,
            Some(STAMPED),
            "the unit had ended, nothing shows that it was not made since"
        );
    }

    /// Applies a change to the one element of the message that is `from`.
    fn replaced(message: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
        assert_eq!(from.len(), to.len());
        let at = message.windows(from.len()).position(|window| window == from).expect("part");
        let mut changed = message.to_vec();
        changed[at..at + from.len()].copy_from_slice(to);
        changed
    }

    #[test]
    fn changed_hash_index_counts_for_nothing() {
        let message = archived();
        let hash = SHA256.digest(root().certificate.der());
        let changed = replaced(&message, hash.as_bytes(), &[7; 32]);
        let report = run(&changed, LATER);
        assert_eq!(report.level, Level::Cades(Baseline::Lt), "{:?}", report.messages);
        assert!(why(&report).is_some_and(|why| why.starts_with("archive-index-mismatch")), "{:?}", why(&report));
        let request = prepare_archive(&long_term(), 0, ArchivedContent::Octets(b"content"), SHA256).expect("prepared");
        let weaker =
            replaced(&request.hash_index, &write::oid(&SHA256.oid()), &write::oid(&DigestAlgorithm::Sha224.oid()));
        let report = run(&replaced(&message, &request.hash_index, &weaker), LATER);
        assert_eq!(why(&report), Some("archive-index-mismatch hashIndAlgorithm"));
    }

    #[test]
    fn certificate_taken_out_counts_against_the_archive() {
        let message = archived();
        let der = root().certificate.der().to_vec();
        // A CA certificate that differs in its last octet: the index lists one that is no longer there.
        let mut other = der.clone();
        *other.last_mut().expect("octet") ^= 1;
        let report = run(&replaced(&message, &der, &other), LATER);
        assert_eq!(report.level, Level::Cades(Baseline::Lt));
        assert!(why(&report).is_some_and(|why| why.starts_with("archive-index-mismatch")));
    }

    #[test]
    fn archive_time_stamp_without_index_of_an_unknown_unit_or_of_something_else_counts_for_nothing() {
        let lt = long_term();
        let request = prepare_archive(&lt, 0, ArchivedContent::Octets(b"content"), SHA256).expect("prepared");
        let bare = token_of(&first_unit(), request.imprint(), ARCHIVED);
        let without_index = with_unsigned_attribute(&lt, 0, &oid::ARCHIVE_TIME_STAMP_V3, &bare).expect("added");
        assert!(why(&run(&without_index, LATER)).is_some_and(|why| why.ends_with("ats-hash-index-v3")));
        let unknown = archive(&lt, &Issuer::root("Evil").issue(&Template::time_stamping("TSA")), ARCHIVED);
        assert!(why(&run(&unknown, LATER)).is_some_and(|why| why.starts_with("no-certificate-chain")));
        // The archive time-stamp of another signature.
        let foreign = with_unsigned_attribute(&bare, 0, &oid::ATS_HASH_INDEX_V3, &request.hash_index).expect("token");
        let other = Builder::default().build().der;
        let other = with_unsigned_attribute(&other, 0, &oid::ARCHIVE_TIME_STAMP_V3, &foreign).expect("added");
        let report = run(&other, ARCHIVED + time::Duration::days(1));
        assert!(why(&report).is_some());
        assert_eq!(report.best_signature_time, None);
    }

    #[test]
    fn archive_alone_makes_no_level_above_b() {
        let time = attribute(&oid::SIGNING_TIME, write::time(datetime!(2026-06-01 11:59 UTC)));
        let message = Builder { extra: &[time], ..Builder::default() }.build().der;
        let message =
            with_certificates_and_revocations(&message, &crl(datetime!(2026-06-01 14:00 UTC))).expect("material");
        let report = run(&archive(&message, &first_unit(), ARCHIVED), datetime!(2026-07-01 0:00 UTC));
        assert_eq!((report.level, report.best_signature_time), (Level::Cades(Baseline::B), Some(ARCHIVED)));
        assert_eq!(report.indication(), Indication::TotalPassed);
    }

    #[test]
    fn other_content_and_other_messages_are_refused() {
        let message = long_term();
        let prepare = |content, algorithm| prepare_archive(&message, 0, content, algorithm);
        assert_eq!(prepare(ArchivedContent::Inside, SHA256), Err(RaiseError::ContentMissing));
        assert_eq!(prepare(ArchivedContent::Octets(b"other"), SHA256), Err(RaiseError::ContentDiffers));
        let other = SHA256.digest(b"other");
        assert_eq!(prepare(ArchivedContent::Digest(&other), SHA256), Err(RaiseError::ContentDiffers));
        let sha1 = DigestAlgorithm::Sha1;
        assert_eq!(prepare(ArchivedContent::Octets(b"content"), sha1), Err(RaiseError::WeakHash(sha1)));
        let content = SHA256.digest(b"content");
        let request = prepare(ArchivedContent::Digest(&content), SHA256).expect("prepared");
        assert_eq!(Ok(&request), prepare(ArchivedContent::Octets(b"content"), SHA256).as_ref());
        let stored = serde_json::to_string(&request).expect("JSON");
        assert_eq!(serde_json::from_str::<ArchiveRequest>(&stored).expect("read"), request);
        let token = token_of(&first_unit(), request.imprint(), ARCHIVED);
        assert_eq!(request.embed(&archived(), &token), Err(RaiseError::ContentDiffers));
        let foreign = token_of(&first_unit(), &[7; 32], ARCHIVED);
        assert_eq!(request.embed(&message, &foreign), Err(RaiseError::ForeignToken));
    }
}
