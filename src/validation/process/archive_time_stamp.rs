//! Archive time-stamps of a CMS signature, newest first (EN 319 102-1 §5.6.3, EN 319 122-1 §5.5): each valid one proves that the
//! signature, and what its hash index lists, existed at its time.

use time::OffsetDateTime;

use crate::crypto::{Digest, DigestAlgorithm};
use crate::formats::cms::{
    Covered, Frame, HashIndex, SignedAttributesForm, SignedData, SignerFrame, ValidationData, imprint, oid,
};
use crate::formats::tsp::TstInfo;
use crate::formats::x509::Certificate;
use crate::validation::blocks::crypto::SignedContent;
use crate::validation::process::basic::{Setting, Subject};
use crate::validation::process::evidence_record::Record;
use crate::validation::process::past::Proven;
use crate::validation::process::timestamp::{self, TimeStamp};
use crate::validation::report::{Code, Message};

/// Most archive time-stamps of one signature that are validated, the newest: each costs a path of its own. Renewed every five
/// years, sixteen last for eighty.
const MAX_ARCHIVE_TIME_STAMPS: usize = 16;

/// What the valid archive time-stamps of one signature prove.
#[derive(Debug, Default)]
pub struct Archive {
    proofs: Vec<Proof>,
}

/// One archive time-stamp that validated.
#[derive(Debug)]
struct Proof {
    time_stamp: TimeStamp,
    /// Unsigned attribute values it covers.
    values: Vec<Vec<u8>>,
    /// Certificates and revocation information it covers.
    material: ValidationData,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Attribute,
    /// The first time-stamp of an evidence record: it proves, and is no part of a baseline level.
    Record,
}

impl Archive {
    /// When this unsigned attribute value, e.g. an earlier time-stamp, provably existed.
    pub fn proven(&self, value: &[u8]) -> Option<Proven<'_>> {
        let covering = self.proofs.iter().filter(|proof| proof.values.iter().any(|covered| covered == value));
        let earliest = covering.min_by_key(|proof| proof.time_stamp.time())?;
        Some(Proven { time: earliest.time_stamp.time(), covered: Some(&earliest.material) })
    }

    /// What these evidence records prove: all that is in the message, with `material`, existed when their first time-stamps were made.
    pub fn from_records(records: &[Record], subject: &Subject<'_>, material: &ValidationData) -> Self {
        let attributes = &subject.signer.unsigned_attributes;
        let covered = [oid::SIGNATURE_TIME_STAMP, oid::ARCHIVE_TIME_STAMP_V3];
        let values = covered.iter().flat_map(|kind| attributes.values(kind)).map(<[u8]>::to_vec);
        let values: Vec<Vec<u8>> = values.collect();
        let proof = |time_stamp: &TimeStamp| Proof {
            time_stamp: time_stamp.clone(),
            values: values.clone(),
            material: material.clone(),
            kind: Kind::Record,
        };
        Self { proofs: records.iter().filter_map(|record| record.first()).map(proof).collect() }
    }

    fn attributes(&self) -> impl Iterator<Item = &Proof> {
        self.proofs.iter().filter(|proof| proof.kind == Kind::Attribute)
    }

    /// The time-stamps; every one covers the signature.
    pub fn time_stamps(&self) -> impl Iterator<Item = &TimeStamp> {
        self.proofs.iter().map(|proof| &proof.time_stamp)
    }

    /// The material the newest of them covers.
    pub fn protected(&self) -> Option<&ValidationData> {
        self.attributes().next().map(|proof| &proof.material)
    }
}

/// An archive time-stamp that fits the message; whether its token is any good is not settled yet.
struct Candidate<'a> {
    token: &'a [u8],
    claimed: OffsetDateTime,
    octets: Vec<u8>,
    covered: Covered,
}

/// Validates the archive-time-stamp-v3 attributes of the signer at `index` of the message in `frame`; `archive` is what is proven
/// besides.
pub fn validate(
    frame: &Frame<'_>,
    index: usize,
    subject: &Subject<'_>,
    setting: Setting<'_>,
    mut archive: Archive,
    messages: &mut Vec<Message>,
) -> Archive {
    let Some(signer) = frame.signers().get(index) else { return archive };
    let mut contents = Contents { content: &subject.content, made: Vec::new() };
    let mut candidates = Vec::new();
    for token in subject.signer.unsigned_attributes.values(&oid::ARCHIVE_TIME_STAMP_V3) {
        match candidate(frame, signer, token, &mut contents) {
            Ok(candidate) => candidates.push(candidate),
            Err(message) => messages.push(refused(&message)),
        }
    }
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.claimed));
    if candidates.len() > MAX_ARCHIVE_TIME_STAMPS {
        messages.push(Message::info(Code::TimestampNotEvaluated).detail(oid::ARCHIVE_TIME_STAMP_V3.to_string()));
    }
    for candidate in candidates.into_iter().take(MAX_ARCHIVE_TIME_STAMPS) {
        let proven = archive.proven(candidate.token);
        let covered = SignedContent::Parts(vec![&candidate.octets]);
        match timestamp::validate(candidate.token, covered, setting, proven) {
            Ok(time_stamp) => {
                let detail = format!("{}, {}", time_stamp.time(), time_stamp.unit().subject());
                messages.push(Message::info(Code::ArchiveTimestampValid).detail(detail));
                tell_later_additions(&archive, &candidate.covered, messages);
                let material = material(frame, &candidate.covered);
                archive.proofs.push(Proof {
                    time_stamp,
                    values: candidate.covered.values,
                    material,
                    kind: Kind::Attribute,
                });
            }
            Err(message) => messages.push(refused(&message)),
        }
    }
    archive
}

/// What came after the newest archive time-stamp is allowed, and not covered: a reader should know.
fn tell_later_additions(archive: &Archive, covered: &Covered, messages: &mut Vec<Message>) {
    // The time-stamp is itself in the message, and cannot list itself.
    let later = covered.not_listed.saturating_sub(1);
    if archive.attributes().next().is_none() && later > 0 {
        messages.push(Message::info(Code::ArchiveTimestampNotCovering).detail(later.to_string()));
    }
}

fn refused(message: &Message) -> Message {
    let detail = message.detail.as_deref().unwrap_or_default();
    let detail = format!("{} {detail}", message.code.as_str());
    Message::warning(Code::ArchiveTimestampNotValid).detail(detail.trim_end())
}

/// Reads the token and its hash index, and compares the index with the message.
///
/// # Errors
/// What is wrong, as a message.
fn candidate<'t>(
    frame: &Frame<'_>,
    signer: &SignerFrame<'_>,
    token: &'t [u8],
    contents: &mut Contents<'_, '_>,
) -> Result<Candidate<'t>, Message> {
    let malformed = |detail: String| Message::warning(Code::TimestampMalformed).detail(detail);
    let read = SignedData::parse(token).map_err(|error| malformed(error.to_string()))?;
    let info = TstInfo::from_der(read.content.as_deref().unwrap_or_default());
    let info = info.map_err(|error| malformed(error.to_string()))?;
    let unit = read.signers.first().ok_or_else(|| malformed("SignerInfo".to_owned()))?;
    let index = HashIndex::in_token(&unit.unsigned_attributes).map_err(|error| malformed(error.to_string()))?;
    let index = index.ok_or_else(|| malformed("ats-hash-index-v3".to_owned()))?;
    let differs = |detail: &str| Message::warning(Code::ArchiveIndexMismatch).detail(detail);
    let algorithm = index.algorithm.clone().map_err(|error| differs(&error.to_string()))?;
    if info.imprint_algorithm != Ok(algorithm) {
        return Err(differs("hashIndAlgorithm"));
    }
    let covered = index.compare(frame, signer).map_err(|error| differs(&error.to_string()))?;
    if covered.lost > 0 {
        return Err(differs(&covered.lost.to_string()));
    }
    let content = contents.digest(algorithm).ok_or_else(|| Message::warning(Code::SignedContentMissing))?;
    for form in [SignedAttributesForm::Der, SignedAttributesForm::Received] {
        let octets = imprint(frame, signer, &content, &index, form).map_err(|error| malformed(error.to_string()))?;
        if algorithm.digest(&octets).as_bytes() == info.imprint {
            return Ok(Candidate { token, claimed: info.gen_time, octets, covered });
        }
    }
    Err(Message::warning(Code::TimestampImprint))
}

/// Hashes of the content, each made once.
struct Contents<'c, 'a> {
    content: &'c SignedContent<'a>,
    made: Vec<Digest>,
}

impl Contents<'_, '_> {
    fn digest(&mut self, algorithm: DigestAlgorithm) -> Option<Digest> {
        let SignedContent::Parts(parts) = self.content else { return None };
        if let Some(made) = self.made.iter().find(|made| made.algorithm() == algorithm) {
            return Some(made.clone());
        }
        let digest = algorithm.digest_parts(parts);
        self.made.push(digest.clone());
        Some(digest)
    }
}

/// The listed certificates and revocation values that can be read.
fn material(frame: &Frame<'_>, covered: &Covered) -> ValidationData {
    let mut material = ValidationData::default();
    let listed = |positions: &[usize], position: usize| positions.binary_search(&position).is_ok();
    for (position, der) in frame.certificates().enumerate() {
        if listed(&covered.certificates, position) {
            material.certificates.extend(Certificate::from_der(der).ok());
        }
    }
    for (position, der) in frame.crls().enumerate() {
        if listed(&covered.crls, position) {
            material.add_choice(der);
        }
    }
    material
}
