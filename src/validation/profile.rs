//! Which baseline profile a signature conforms to, and the rule it breaks when it does not.
//!
//! The level given here is B-B; what raises it is validated in [`super::process::long_term`].
//! Rules: EN 319 142-1 §6.3 (PAdES), EN 319 122-1 §6.3 (CAdES).

use const_oid::ObjectIdentifier;

use super::blocks::signing_certificate::Binding;
use super::report::{Baseline, Code, Finding, Level, Message, SubIndication};
use crate::crypto::DigestAlgorithm;
use crate::formats::cms::{ContentEncoding, SignedData, SignerInfo, oid};

/// What a signature is wrapped in.
#[derive(Debug, Clone, Copy)]
pub enum Container<'a> {
    /// A PDF signature dictionary.
    Pdf(PdfFacts<'a>),
    /// A CMS file.
    Cms,
}

/// Entries of the signature dictionary the profile speaks of.
#[derive(Debug, Clone, Copy)]
pub struct PdfFacts<'a> {
    pub sub_filter: Option<&'a str>,
    pub m: Entry,
    pub cert: Entry,
    pub reason: Entry,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    Present,
    Absent,
}

impl Entry {
    pub fn of<T>(value: &Option<T>) -> Self {
        if value.is_some() { Self::Present } else { Self::Absent }
    }
}

/// Checks that the level is the demanded one or higher; what is off-profile reaches none.
///
/// # Errors
/// SIG_CONSTRAINTS_FAILURE.
pub fn reaches(level: Level, demanded: Option<Baseline>) -> Result<(), Finding> {
    let found = match level {
        Level::Pades(found) | Level::Cades(found) => Some(found),
        Level::Pkcs7 | Level::DocumentTimeStamp => None,
    };
    match demanded {
        Some(demanded) if found.is_none_or(|found| found < demanded) => {
            let detail = format!("{demanded}, {}", level.as_str().unwrap_or("-"));
            Err(Finding::with(SubIndication::SigConstraintsFailure, Code::LevelDemanded, detail))
        }
        _ => Ok(()),
    }
}

/// The level of a signature that is otherwise valid; adds one message for each broken rule.
pub fn level(
    container: Container<'_>,
    signed_data: &SignedData<'_>,
    signer: &SignerInfo,
    binding: Binding,
    messages: &mut Vec<Message>,
) -> Level {
    let mut broken = common_rules(signed_data, signer, binding);
    let level = match container {
        Container::Pdf(facts) => {
            broken.extend(pades_rules(facts, signed_data, signer));
            Level::Pades(Baseline::B)
        }
        Container::Cms => {
            broken.extend(cades_rules(signer));
            Level::Cades(Baseline::B)
        }
    };
    if broken.is_empty() {
        return level;
    }
    messages.extend(broken.into_iter().map(|rule| Message::info(Code::ProfileRule).detail(rule)));
    Level::Pkcs7
}

fn common_rules(signed_data: &SignedData<'_>, signer: &SignerInfo, binding: Binding) -> Vec<String> {
    let mut broken = Vec::new();
    let mut rule = |holds: bool, text: &str| {
        if !holds {
            broken.push(text.to_owned());
        }
    };
    rule(signer.signed_attributes.is_some(), "signed attributes shall be present");
    let sha1 = signer.digest_algorithm() == Ok(DigestAlgorithm::Sha1);
    match binding {
        Binding::V2 => {}
        Binding::V1 => rule(sha1, "signing-certificate-v2 shall be used when the hash is not SHA-1"),
        Binding::IdentifierOnly => rule(false, "signing-certificate-v2 shall be present"),
    }
    rule(!signed_data.certificates.is_empty(), "the signing certificate shall be in SignedData.certificates");
    rule(signed_data.content_type == oid::DATA, "the content type shall be id-data");
    broken
}

fn pades_rules(facts: PdfFacts<'_>, signed_data: &SignedData<'_>, signer: &SignerInfo) -> Vec<String> {
    let mut broken = Vec::new();
    let mut rule = |holds: bool, text: &str| {
        if !holds {
            broken.push(text.to_owned());
        }
    };
    rule(facts.sub_filter == Some("ETSI.CAdES.detached"), "/SubFilter shall be ETSI.CAdES.detached");
    rule(facts.m == Entry::Present, "/M shall be present");
    rule(facts.cert == Entry::Absent, "/Cert shall not be present");
    rule(signed_data.encoding == ContentEncoding::DefiniteLength, "the CMS shall be DER");
    rule(!signed(signer, &oid::SIGNING_TIME), "signing-time shall not be present");
    for (oid, name) in [
        (oid::CONTENT_REFERENCE, "content-reference"),
        (oid::CONTENT_IDENTIFIER, "content-identifier"),
        (oid::CONTENT_HINTS, "content-hints"),
        (oid::SIGNER_LOCATION, "signer-location"),
    ] {
        rule(!signed(signer, &oid), &format!("{name} shall not be present"));
    }
    rule(!signer.unsigned_attributes.contains(&oid::COUNTER_SIGNATURE), "countersignature shall not be present");
    let stated = signed(signer, &oid::COMMITMENT_TYPE) || signed(signer, &oid::SIGNATURE_POLICY);
    rule(
        !(stated && facts.reason == Entry::Present),
        "/Reason shall not be present beside a commitment type or policy",
    );
    broken
}

fn cades_rules(signer: &SignerInfo) -> Vec<String> {
    if signed(signer, &oid::SIGNING_TIME) { Vec::new() } else { vec!["signing-time shall be present".to_owned()] }
}

fn signed(signer: &SignerInfo, oid: &ObjectIdentifier) -> bool {
    signer.signed_attributes.as_ref().is_some_and(|signed| signed.attributes.contains(oid))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validation::testing::p7s;

    const PADES: PdfFacts<'_> = PdfFacts {
        sub_filter: Some("ETSI.CAdES.detached"),
        m: Entry::Present,
        cert: Entry::Absent,
        reason: Entry::Absent,
    };

    fn level_of(container: Container<'_>, binding: Binding) -> (Level, Vec<String>) {
        let signed = p7s();
        let read = signed.read();
        let mut messages = Vec::new();
        let level = level(container, &read, &read.signers[0], binding, &mut messages);
        (level, messages.into_iter().filter_map(|message| message.detail.map(String::from)).collect())
    }

    #[test]
    fn pades_attributes_are_pades_in_a_pdf_and_off_profile_alone() {
        assert_eq!(level_of(Container::Pdf(PADES), Binding::V2), (Level::Pades(Baseline::B), vec![]));
        let (level, rules) = level_of(Container::Cms, Binding::V2);
        assert_eq!((level, rules), (Level::Pkcs7, vec!["signing-time shall be present".to_owned()]));
    }

    #[test]
    fn each_broken_rule_is_named() {
        let adobe = PdfFacts { sub_filter: Some("adbe.pkcs7.detached"), m: Entry::Absent, ..PADES };
        let (level, rules) = level_of(Container::Pdf(adobe), Binding::IdentifierOnly);
        assert_eq!((level, rules.len()), (Level::Pkcs7, 3));
    }
}
