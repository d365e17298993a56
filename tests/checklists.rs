//! The level checklists of EN 319 142-1 §6.3 and EN 319 122-1 §6.3, line by line over what the service releases. The dictionaries
//! are read as plain text, so that no reader of ours stands between the rule and the file.

#[path = "support/world.rs"]
mod world;

use kyso::domain::settings::SignatureFormat;
use kyso::formats::cms::{Attributes, SignedData, oid};
use kyso::formats::crl::CertificateList;
use kyso::formats::level::Baseline;
use kyso::formats::ocsp::OcspResponse;
use kyso::formats::pdf::dss::SecurityStore;
use kyso::formats::pdf::{Limits, Pdf};
use kyso::formats::x509::Certificate;
use kyso::service::WhenDown;
use world::{World, ask, contract};

/// adbe-revocationInfoArchival, certificate-values, revocation-values, complete and attribute references of both kinds,
/// time-stamped-certs-crls-references, CAdES-C-timestamp and the two older archive time-stamps.
const OUTDATED: [&str; 10] = [
    "1.2.840.113583.1.1.8",
    "1.2.840.113549.1.9.16.2.23",
    "1.2.840.113549.1.9.16.2.24",
    "1.2.840.113549.1.9.16.2.21",
    "1.2.840.113549.1.9.16.2.22",
    "1.2.840.113549.1.9.16.2.44",
    "1.2.840.113549.1.9.16.2.45",
    "1.2.840.113549.1.9.16.2.26",
    "1.2.840.113549.1.9.16.2.27",
    "1.2.840.113549.1.9.16.2.48",
];
const ARCHIVE_TIME_STAMP_V3: &str = "0.4.0.1733.2.4";
const ATS_HASH_INDEX_V3: &str = "0.4.0.19122.1.5";

/// A signature dictionary as text without its contents, and those in hexadecimal.
struct Dictionary {
    text: String,
    contents: String,
    /// Offsets of `<` and behind `>`.
    hole: (usize, usize),
}

impl Dictionary {
    fn byte_range(&self) -> [usize; 4] {
        let from = self.text.find("/ByteRange").expect("a range");
        let inner = self.text[from..].split(['[', ']']).nth(1).expect("an array");
        let numbers: Vec<usize> = inner.split_whitespace().map(|number| number.parse().expect("a number")).collect();
        numbers.try_into().expect("four numbers")
    }

    fn cms(&self) -> Vec<u8> {
        let digit = |n: usize| u8::from_str_radix(&self.contents[n..n + 2], 16).expect("hexadecimal");
        (0..self.contents.len()).step_by(2).map(digit).collect()
    }
}

/// All of them, oldest first.
fn dictionaries(pdf: &[u8]) -> Vec<Dictionary> {
    // One character for each octet: offsets stay what they are.
    let text: String = pdf.iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { '?' }).collect();
    let read = |(at, _): (usize, &str)| {
        let start = text[..at].rfind(" obj").expect("a start");
        let end = start + text[start..].find("endobj").expect("an end");
        let contents = start + text[start..end].find("/Contents").expect("contents");
        let open = contents + text[contents..end].find('<').expect("hexadecimal");
        let close = open + text[open..end].find('>').expect("an end") + 1;
        let around = format!("{} {}", &text[start..open], &text[close..end]);
        Dictionary { text: around, contents: text[open + 1..close - 1].to_owned(), hole: (open, close) }
    };
    text.match_indices("/ByteRange").map(read).collect()
}

fn ids(attributes: &Attributes) -> Vec<String> {
    attributes.iter().map(|attribute| attribute.oid.to_string()).collect()
}

/// What holds for signatures and document time-stamps alike.
fn shape(dictionary: &Dictionary, end: usize) {
    let [a, b, c, d] = dictionary.byte_range();
    assert_eq!(
        (a, b, c, c + d),
        (0, dictionary.hole.0, dictionary.hole.1, end),
        "all of its revision but its contents"
    );
    let cms = dictionary.cms();
    let der = SignedData::parse(&cms).expect("read");
    assert_eq!(der.signers.len(), 1);
    // Length of the DER in front: the rest is zero padding.
    let length = 4 + usize::from(cms[2]) * 256 + usize::from(cms[3]);
    assert_eq!(cms[..2], [0x30, 0x82]);
    assert!(cms.len() >= length && cms[length..].iter().all(|byte| *byte == 0), "padded with zeros");
}

/// Where each revision ends.
fn revision_ends(pdf: &[u8]) -> Vec<usize> {
    let marker = b"%%EOF\n";
    let at = (0..pdf.len()).filter(|at| pdf[*at..].starts_with(marker));
    at.map(|at| at + marker.len()).collect()
}

#[tokio::test]
async fn pades_levels_follow_their_checklist() {
    let w = World::open(WhenDown::Refuse).await;
    for credential in ["ec-p256", "rsa-3072"] {
        for level in Baseline::ALL {
            let mut new = ask(credential, level, contract());
            new.options.reason = Some("Dong y".into());
            let pdf = w.sign(new).await;
            let ends = revision_ends(&pdf);
            let found = dictionaries(&pdf);
            assert_eq!(found.len(), if level == Baseline::Lta { 2 } else { 1 });
            signature(&found[0], &ends, level);
            assert_eq!(found.get(1).is_some(), level == Baseline::Lta);
            if let Some(stamp) = found.get(1) {
                document_time_stamp(stamp, pdf.len());
            }
            store(&pdf, level);
        }
    }
}

fn signature(dictionary: &Dictionary, ends: &[usize], level: Baseline) {
    let [_, _, c, d] = dictionary.byte_range();
    assert!(ends.contains(&(c + d)), "it ends with a revision");
    shape(dictionary, c + d);
    for entry in ["/Type /Sig", "/Filter /Adobe.PPKLite", "/SubFilter /ETSI.CAdES.detached", "/M (D:20", "/Reason"] {
        assert!(dictionary.text.contains(entry), "{entry}: {}", dictionary.text);
    }
    assert!(!dictionary.text.contains("/Cert"), "{}", dictionary.text);
    let cms = dictionary.cms();
    let message = SignedData::parse(&cms).expect("read");
    assert!(message.content.is_none() && message.content_type == oid::DATA);
    assert!(message.certificates.iter().any(|certificate| message.signers[0].identifier.names(certificate)));
    let signed = message.signers[0].signed_attributes.as_ref().expect("signed attributes");
    let mut expected = [oid::CONTENT_TYPE, oid::MESSAGE_DIGEST, oid::SIGNING_CERTIFICATE_V2].map(|id| id.to_string());
    let mut present = ids(&signed.attributes);
    expected.sort();
    present.sort();
    assert_eq!(present, expected, "above all no signing-time");
    let unsigned = ids(&message.signers[0].unsigned_attributes);
    let stamp = if level >= Baseline::T { vec![oid::SIGNATURE_TIME_STAMP.to_string()] } else { Vec::new() };
    assert_eq!(unsigned, stamp);
    let bare = message.revocation.crls.is_empty() && message.revocation.ocsps.is_empty();
    assert!(bare, "validation material stands in the store alone");
}

fn document_time_stamp(dictionary: &Dictionary, end: usize) {
    shape(dictionary, end);
    for entry in ["/Type /DocTimeStamp", "/SubFilter /ETSI.RFC3161"] {
        assert!(dictionary.text.contains(entry), "{entry}: {}", dictionary.text);
    }
    for entry in ["/M ", "/M(", "/Name", "/Reason", "/Location", "/ContactInfo", "/Cert", "/Reference"] {
        assert!(!dictionary.text.contains(entry), "{entry}: {}", dictionary.text);
    }
    let cms = dictionary.cms();
    assert_eq!(SignedData::parse(&cms).expect("read").content_type, oid::TST_INFO);
}

fn store(pdf: &[u8], level: Baseline) {
    let text = String::from_utf8_lossy(pdf);
    let limits = Limits::default();
    let opened = Pdf::open(pdf, &limits).expect("opens");
    let store = SecurityStore::read(&opened);
    assert_eq!((store.is_some(), text.contains("/ESIC")), (level >= Baseline::Lt, level >= Baseline::Lt));
    let Some(store) = store else { return };
    assert_eq!(store.unreadable, 0);
    // Whole values, not parts of them: an OCSPResponse, not a BasicOCSPResponse.
    assert!(store.ocsps.iter().all(|der| OcspResponse::from_der(der).is_ok()) && !store.ocsps.is_empty());
    assert!(store.crls.iter().all(|der| CertificateList::from_der(der).is_ok()) && !store.crls.is_empty());
    assert!(store.certificates.iter().all(|der| Certificate::from_der(der).is_ok()) && store.certificates.len() > 2);
    // EN 319 142-1 §5.4.2.3: the key is the hash of the contents as they stand, padding included.
    let hash = <sha1::Sha1 as sha1::Digest>::digest(dictionaries(pdf)[0].cms());
    let key: String = hash.iter().map(|byte| format!("{byte:02X}")).collect();
    assert!(text.contains(&format!("/{key} <<")), "{key}");
}

#[tokio::test]
async fn cades_levels_follow_their_checklist() {
    let w = World::open(WhenDown::Refuse).await;
    for (format, credential) in [(SignatureFormat::Cms, "ec-p384"), (SignatureFormat::CmsEnveloping, "rsa-2048")] {
        for level in Baseline::ALL {
            let content = b"<hoadon/>".to_vec();
            let mut new = ask(credential, level, content.clone());
            new.options.format = format;
            let bytes = w.sign(new).await;
            let message = SignedData::parse(&bytes).expect("read");
            assert_eq!(message.signers.len(), 1);
            assert_eq!(message.content.as_deref(), (format == SignatureFormat::CmsEnveloping).then_some(&*content));
            cades_signer(&message, level);
            let material = !message.revocation.ocsps.is_empty() && !message.revocation.crls.is_empty();
            assert_eq!((material, message.revocation.other), (level >= Baseline::Lt, 0));
            let detached = (format == SignatureFormat::Cms).then_some(&*content);
            let evidence = if level >= Baseline::Lt { w.evidence() } else { w.evidence_with_lists() };
            let report = w.cms_verdict(&bytes, detached, &evidence);
            assert_eq!(report.signatures[0].indication().as_str(), "TOTAL-PASSED", "{report:?}");
            assert_eq!(report.signatures[0].level.as_str(), Some(&*format!("CAdES-{}", level.name())));
        }
    }
}

fn cades_signer(message: &SignedData<'_>, level: Baseline) {
    let signer = &message.signers[0];
    assert!(message.certificates.iter().any(|certificate| signer.identifier.names(certificate)));
    let signed = ids(&signer.signed_attributes.as_ref().expect("signed attributes").attributes);
    for id in [oid::CONTENT_TYPE, oid::MESSAGE_DIGEST, oid::SIGNING_CERTIFICATE_V2, oid::SIGNING_TIME] {
        assert_eq!(signed.iter().filter(|present| **present == id.to_string()).count(), 1, "{id}: {signed:?}");
    }
    let unsigned = ids(&signer.unsigned_attributes);
    assert!(OUTDATED.iter().all(|id| !unsigned.contains(&(*id).to_owned()) && !signed.contains(&(*id).to_owned())));
    let has = |id: &str| unsigned.iter().any(|present| present == id);
    assert_eq!(has(&oid::SIGNATURE_TIME_STAMP.to_string()), level >= Baseline::T);
    assert_eq!(has(ARCHIVE_TIME_STAMP_V3), level == Baseline::Lta);
    for token in signer.unsigned_attributes.values(&oid::ARCHIVE_TIME_STAMP_V3) {
        let token = SignedData::parse(token).expect("a token");
        let inside = ids(&token.signers[0].unsigned_attributes);
        assert!(inside.iter().any(|id| id == ATS_HASH_INDEX_V3), "{inside:?}");
    }
}
