//! Evidence records inside a CMS signature (EN 319 102-1 §5.6.3.2, RFC 4998 appendix A): each valid one proves that the message, but
//! for records added since, existed at the time of its first time-stamp.
//!
//! What a record covers is the ContentInfo without any evidence record, or, for one added to a message that had some, without that
//! attribute alone. An external one (id-aa-er-external) covers the detached content besides, as a group.

use const_oid::ObjectIdentifier;

use crate::formats::cms::{Frame, oid};
use crate::formats::der::{DerError, Reader, Rules, tag, value};
use crate::formats::tsp::evidence_record::{EvidenceRecord, Link};
use crate::validation::blocks::crypto::SignedContent;
use crate::validation::process::basic::{Setting, Subject};
use crate::validation::process::past::Proven;
use crate::validation::process::timestamp::{self, TimeStamp};
use crate::validation::report::{Code, Message};

/// Records of one signature that are validated: each costs a path for every time-stamp. Honest signatures carry one.
const MAX_RECORDS: usize = 4;
/// Time-stamps of one record that are validated: renewed every five years, sixteen last for eighty.
const MAX_STAMPS: usize = 16;

const KINDS: [ObjectIdentifier; 2] = [oid::EVIDENCE_RECORD_INTERNAL, oid::EVIDENCE_RECORD_EXTERNAL];

/// A valid record: its time-stamps, oldest first.
pub type Record = Vec<TimeStamp>;

/// Validates the evidence records of a signer of the message in `frame`.
pub fn validate(
    frame: &Frame<'_>,
    subject: &Subject<'_>,
    setting: Setting<'_>,
    messages: &mut Vec<Message>,
) -> Vec<Record> {
    let attributes = KINDS.map(|kind| (kind, subject.signer.unsigned_attributes.values(&kind).collect::<Vec<_>>()));
    let records = attributes.iter().flat_map(|(kind, values)| values.iter().map(move |value| (kind, *value)));
    let mut valid = Vec::new();
    for (position, (kind, der)) in records.enumerate() {
        if position >= MAX_RECORDS {
            messages.push(Message::info(Code::EvidenceRecordNotEvaluated).detail(kind.to_string()));
            break;
        }
        match one(frame, subject, setting, kind, der) {
            Ok(record) => {
                let detail = record.first().map(|stamp| format!("{}, {}", stamp.time(), stamp.unit().subject()));
                messages.push(Message::info(Code::EvidenceRecordValid).detail(detail.unwrap_or_default()));
                valid.push(record);
            }
            Err(message) => {
                let detail = message.detail.as_deref().unwrap_or_default();
                let detail = format!("{} {detail}", message.code.as_str());
                messages.push(Message::warning(Code::EvidenceRecordNotValid).detail(detail.trim_end()));
            }
        }
    }
    valid
}

/// # Errors
/// What is wrong, as a message.
fn one(
    frame: &Frame<'_>,
    subject: &Subject<'_>,
    setting: Setting<'_>,
    kind: &ObjectIdentifier,
    der: &[u8],
) -> Result<Record, Message> {
    let malformed = |detail: String| Message::warning(Code::TimestampMalformed).detail(detail);
    let record = EvidenceRecord::from_der(der).map_err(|error| malformed(error.to_string()))?;
    let detached = *kind == oid::EVIDENCE_RECORD_EXTERNAL && subject.signed_data.content.is_none();
    let content = match &subject.content {
        SignedContent::Parts(parts) => parts.concat(),
        SignedContent::Missing if detached => return Err(Message::warning(Code::SignedContentMissing)),
        SignedContent::Missing | SignedContent::DigestInside { .. } => Vec::new(),
    };
    let own = |attribute: &[u8]| records_in(attribute).is_ok_and(|values| values.contains(&der));
    let messages = [frame.without_unsigned(|attribute| records_in(attribute).is_ok()), frame.without_unsigned(own)]
        .map(|rest| rest.to_vec());
    let links = messages.iter().flatten().find_map(|message| {
        let objects = [message.as_slice(), content.as_slice()];
        record.links(objects.get(..1 + usize::from(detached))?)
    });
    links.ok_or_else(|| Message::warning(Code::TimestampImprint)).and_then(|links| judge(links, setting))
}

/// Newest first: each shows that the one before it was there in time.
fn judge(links: Vec<Link>, setting: Setting<'_>) -> Result<Record, Message> {
    if links.len() > MAX_STAMPS {
        return Err(Message::warning(Code::TimestampNotEvaluated).detail(links.len().to_string()));
    }
    let mut record: Record = Vec::new();
    for link in links.iter().rev() {
        let newer = record.last().map(TimeStamp::time);
        let covered = SignedContent::Parts(vec![&link.covered]);
        let stamp = timestamp::validate(&link.token, covered, setting, newer.map(Proven::at))?;
        if newer.is_some_and(|newer| stamp.time() > newer) {
            let detail = format!("{}, {}", stamp.time(), newer.unwrap_or_else(|| stamp.time()));
            return Err(Message::warning(Code::TimestampOrder).detail(detail));
        }
        record.push(stamp);
    }
    record.reverse();
    Ok(record)
}

/// The evidence records an unsigned attribute holds.
///
/// # Errors
/// [`DerError`] when it is another attribute.
fn records_in(attribute: &[u8]) -> Result<Vec<&[u8]>, DerError> {
    let mut fields = Reader::new(attribute, Rules::Ber).expect(tag::SEQUENCE)?.reader()?;
    if !KINDS.contains(&value::oid(fields.next()?)?) {
        return Err(DerError::BadValue("no evidence record"));
    }
    let mut values = fields.expect(tag::SET)?.reader()?;
    let mut records = Vec::new();
    while !values.is_empty() {
        records.push(values.next()?.raw());
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::DigestAlgorithm;
    use crate::formats::der::write;
    use crate::formats::tsp::evidence_record::testing::{record, stamp};
    use crate::formats::x509::testing::{Issuer, Template};
    use crate::validation::evidence::Evidence;
    use crate::validation::process::cms::validate_cms;
    use crate::validation::report::{Indication, SignatureReport, SubIndication};
    use crate::validation::testing::{Builder, Signed, attribute, p7s, token_of};
    use crate::validation::{Policy, RevocationPolicy};
    use time::OffsetDateTime;
    use time::macros::datetime;

    const STAMPED: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);
    const RENEWED: OffsetDateTime = datetime!(2026-12-01 0:00 UTC);

    fn sha(octets: &[u8]) -> Vec<u8> {
        DigestAlgorithm::Sha256.digest(octets).as_bytes().to_vec()
    }

    fn unit(serial: u8, end: OffsetDateTime) -> Issuer {
        let mut template = Template { serial, ..Template::time_stamping("TSA") };
        template.validity.not_after = end;
        Issuer::root("Root").issue(&template)
    }

    /// The usual message with what `make` returns for it as this attribute.
    fn with(kind: &ObjectIdentifier, make: impl Fn(&[u8]) -> Vec<u8>) -> Signed {
        let value = make(&p7s().der);
        Builder { unsigned: &|_, _| vec![attribute(kind, value.clone())], ..Builder::default() }.build()
    }

    fn run(signed: &Signed, time: OffsetDateTime) -> SignatureReport {
        let evidence = Evidence { anchors: vec![signed.root.certificate.clone()], ..Evidence::default() };
        let setting = Setting { evidence: &evidence, policy: Policy::strict_with(RevocationPolicy::IfPresent), time };
        validate_cms(&signed.der, Some(b"content"), setting).expect("readable").signatures.remove(0)
    }

    fn told(report: &SignatureReport, code: Code) -> bool {
        report.messages.iter().any(|message| message.code == code)
    }

    fn simple(message: &[u8]) -> Vec<u8> {
        let token = token_of(&unit(9, datetime!(2040-01-01 0:00 UTC)), &sha(message), STAMPED);
        record(&[&[stamp(&[&[&sha(message)]], &token)]])
    }

    #[test]
    fn record_over_the_message_proves_the_signature_past_the_signers_end() {
        let signed = with(&oid::EVIDENCE_RECORD_INTERNAL, simple);
        let end = signed.signer.certificate.validity().not_after;
        let report = run(&signed, end + time::Duration::days(9));
        assert_eq!(report.indication(), Indication::TotalPassed, "{:?}", report.messages);
        assert_eq!(report.best_signature_time, Some(STAMPED));
        assert!(told(&report, Code::EvidenceRecordValid));
        let bare = run(&p7s(), end + time::Duration::days(9));
        assert_eq!(bare.sub_indication, Some(SubIndication::OutOfBoundsNoPoe));
    }

    #[test]
    fn record_over_another_message_or_by_a_stranger_proves_nothing() {
        let other = with(&oid::EVIDENCE_RECORD_INTERNAL, |_| simple(b"another message"));
        let stranger = with(&oid::EVIDENCE_RECORD_INTERNAL, |message| {
            let unit = Issuer::root("Evil").issue(&Template::time_stamping("TSA"));
            record(&[&[stamp(&[&[&sha(message)]], &token_of(&unit, &sha(message), STAMPED))]])
        });
        let torn = with(&oid::EVIDENCE_RECORD_INTERNAL, |_| write::sequence(&[]));
        for signed in [other, stranger, torn] {
            let report = run(&signed, STAMPED + time::Duration::days(1));
            assert_eq!((report.indication(), report.best_signature_time), (Indication::TotalPassed, None));
            assert!(told(&report, Code::EvidenceRecordNotValid), "{:?}", report.messages);
        }
    }

    #[test]
    fn external_record_covers_the_content_as_well() {
        let group = |message: &[u8], content: &[u8]| {
            let mut hashes = [sha(message), sha(content)];
            hashes.sort();
            let token = token_of(&unit(9, datetime!(2040-01-01 0:00 UTC)), &sha(&hashes.concat()), STAMPED);
            record(&[&[stamp(&[&[&hashes[0], &hashes[1]]], &token)]])
        };
        let later = STAMPED + time::Duration::days(1);
        let honest = with(&oid::EVIDENCE_RECORD_EXTERNAL, |message| group(message, b"content"));
        assert_eq!(run(&honest, later).best_signature_time, Some(STAMPED));
        let other = with(&oid::EVIDENCE_RECORD_EXTERNAL, |message| group(message, b"other"));
        let alone = with(&oid::EVIDENCE_RECORD_EXTERNAL, simple);
        for signed in [other, alone] {
            assert_eq!(run(&signed, later).best_signature_time, None);
        }
    }

    #[test]
    fn renewal_carries_a_time_stamp_past_its_unit() {
        let renewed = |renew: bool| {
            with(&oid::EVIDENCE_RECORD_INTERNAL, |message| {
                let first = token_of(&unit(9, datetime!(2027-01-01 0:00 UTC)), &sha(message), STAMPED);
                let second = token_of(&unit(10, datetime!(2040-01-01 0:00 UTC)), &sha(&first), RENEWED);
                let mut chain = vec![stamp(&[&[&sha(message)]], &first)];
                chain.extend(renew.then(|| stamp(&[&[&sha(&first)]], &second)));
                record(&[&chain])
            })
        };
        let later = datetime!(2027-06-01 0:00 UTC);
        assert_eq!(run(&renewed(true), later).best_signature_time, Some(STAMPED));
        assert_eq!(run(&renewed(false), later).best_signature_time, None);
    }
}
