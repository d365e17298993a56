//! What each certificate of a path may do: extensions understood, CA flag, path length, key usage, key purposes.

use const_oid::ObjectIdentifier;

use crate::formats::x509::Certificate;
use crate::formats::x509::extensions::{Criticality, EXTENDED_KEY_USAGE};
use crate::validation::policy::{Demands, KeyUsageDemand};
use crate::validation::report::{Code, Finding, SubIndication};

/// What the leaf's key was used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose<'a> {
    DocumentSigning,
    /// A time-stamping unit (RFC 3161 §2.3).
    TimeStamping,
    /// Each of these key purposes (RFC 5280 §4.2.1.12), none of them being any use at all: path validation alone, for whatever
    /// the certificate says its key is for.
    Named(&'a [ObjectIdentifier]),
}

const ANY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");

/// Key purposes that go with signing documents.
const DOCUMENT_SIGNING: [ObjectIdentifier; 6] = [
    ANY,
    // id-kp-documentSigning (RFC 9336).
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.36"),
    // id-kp-emailProtection and id-kp-clientAuth: what personal certificates carried before RFC 9336.
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.4"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2"),
    // Microsoft document signing; Adobe authentic documents.
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.3.12"),
    ObjectIdentifier::new_unwrap("1.2.840.113583.1.1.5"),
];

/// Checks every certificate of the path, leaf first.
///
/// # Errors
/// CHAIN_CONSTRAINTS_FAILURE for what a certificate may not be used for, CERTIFICATE_CHAIN_GENERAL_FAILURE otherwise.
pub fn check(path: &[Certificate], purpose: Purpose<'_>) -> Result<(), Finding> {
    let last = path.len().saturating_sub(1);
    // Intermediates below the current certificate that count for its path length (RFC 5280 §6.1.4 (l)).
    let mut below = 0u32;
    for (depth, certificate) in path.iter().enumerate() {
        extensions_understood(certificate)?;
        if depth == 0 {
            leaf(certificate, purpose)?;
        } else {
            authority(
                certificate,
                below,
                purpose,
                if depth == last { Position::Anchor } else { Position::Intermediate },
            )?;
            if !certificate.is_self_issued() {
                below = below.saturating_add(1);
            }
        }
    }
    Ok(())
}

/// Checks what the policy asks of a document signer's certificate besides.
///
/// # Errors
/// CHAIN_CONSTRAINTS_FAILURE.
pub fn demanded(path: &[Certificate], purpose: Purpose<'_>, demands: Demands) -> Result<(), Finding> {
    let (Purpose::DocumentSigning, Some(leaf)) = (purpose, path.first()) else { return Ok(()) };
    let extensions = leaf.extensions();
    let refuse = |code| Err(Finding::with(SubIndication::ChainConstraintsFailure, code, leaf.subject().to_string()));
    let stated = extensions.key_usage.is_some_and(|usage| usage.non_repudiation());
    if demands.key_usage == KeyUsageDemand::NonRepudiation && !stated {
        return refuse(Code::KeyUsageWrong);
    }
    let mut wanted = demands.purposes.iter().flatten().peekable();
    let purposes = extensions.extended_key_usage.as_deref().unwrap_or_default();
    if wanted.peek().is_some() && !wanted.any(|oid| purposes.contains(oid)) {
        return refuse(Code::ExtendedKeyUsageWrong);
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    Anchor,
    Intermediate,
}

fn extensions_understood(certificate: &Certificate) -> Result<(), Finding> {
    let extensions = certificate.extensions();
    let general = |code, oid: &ObjectIdentifier| {
        let detail = format!("{oid}, {}", certificate.subject());
        Err(Finding::with(SubIndication::CertificateChainGeneralFailure, code, detail))
    };
    if let Some(oid) = extensions.malformed.first() {
        return general(Code::CertificateMalformed, oid);
    }
    if let Some(oid) = extensions.unknown_critical().next() {
        return general(Code::CertificateUnknownCritical, oid);
    }
    Ok(())
}

fn leaf(certificate: &Certificate, purpose: Purpose<'_>) -> Result<(), Finding> {
    let extensions = certificate.extensions();
    if certificate.version() != 3 {
        // Extensions need version 3 (RFC 5280 §4.1.2.1): nothing limits what an older certificate's key is for.
        let detail = format!("version {}, {}", certificate.version(), certificate.subject());
        return Err(Finding::with(SubIndication::ChainConstraintsFailure, Code::CertificateMalformed, detail));
    }
    let refuse =
        |code| Err(Finding::with(SubIndication::ChainConstraintsFailure, code, certificate.subject().to_string()));
    let signs = !matches!(purpose, Purpose::Named(_));
    if signs && extensions.key_usage.is_some_and(|usage| !usage.digital_signature() && !usage.non_repudiation()) {
        return refuse(Code::KeyUsageWrong);
    }
    let fits = match (purpose, &extensions.extended_key_usage) {
        (Purpose::DocumentSigning | Purpose::Named(_), purposes) => allows(purposes.as_deref(), purpose),
        // "exactly one instance … extended key usage … MUST be critical" (RFC 3161 §2.3).
        (Purpose::TimeStamping, purposes) => {
            let critical = extensions.get(&EXTENDED_KEY_USAGE).is_some_and(|e| e.criticality == Criticality::Critical);
            critical && purposes.as_deref() == Some(&[TIME_STAMPING])
        }
    };
    if fits { Ok(()) } else { refuse(Code::ExtendedKeyUsageWrong) }
}

fn authority(certificate: &Certificate, below: u32, purpose: Purpose<'_>, position: Position) -> Result<(), Finding> {
    let extensions = certificate.extensions();
    let refuse = |sub, code| Err(Finding::with(sub, code, certificate.subject().to_string()));
    if certificate.subject().is_empty() {
        // "then the subject field MUST be populated with a non-empty distinguished name" (RFC 5280 §4.1.2.6): names chain, and
        // people decide by them.
        let detail = format!("no subject, serial {}", certificate.serial_hex());
        let sub = SubIndication::CertificateChainGeneralFailure;
        return Err(Finding::with(sub, Code::CertificateMalformed, detail));
    }
    match (extensions.basic_constraints, position) {
        (Some(constraints), _) if constraints.ca => {
            if constraints.path_len.is_some_and(|limit| below > limit) {
                return refuse(SubIndication::CertificateChainGeneralFailure, Code::PathTooLong);
            }
        }
        // Roots of the time before version 3 have no extensions; whoever trusts one said so.
        (None, Position::Anchor) if certificate.version() < 3 => {}
        _ => return refuse(SubIndication::CertificateChainGeneralFailure, Code::IssuerNotAuthority),
    }
    if extensions.key_usage.is_some_and(|usage| !usage.key_cert_sign()) {
        return refuse(SubIndication::CertificateChainGeneralFailure, Code::IssuerNotAuthority);
    }
    // Key purposes in an authority's certificate limit what it issues for, by common practice rather than RFC 5280.
    if position == Position::Intermediate && !allows(extensions.extended_key_usage.as_deref(), purpose) {
        return refuse(SubIndication::ChainConstraintsFailure, Code::ExtendedKeyUsageWrong);
    }
    Ok(())
}

/// Without the extension everything is allowed, and anyExtendedKeyUsage allows every purpose (RFC 5280 §4.2.1.12).
fn allows(purposes: Option<&[ObjectIdentifier]>, purpose: Purpose<'_>) -> bool {
    let Some(purposes) = purposes else { return true };
    match purpose {
        Purpose::DocumentSigning => purposes.iter().any(|oid| DOCUMENT_SIGNING.contains(oid)),
        Purpose::TimeStamping => purposes.iter().any(|oid| [ANY, TIME_STAMPING].contains(oid)),
        Purpose::Named(wanted) => purposes.contains(&ANY) || wanted.iter().all(|oid| purposes.contains(oid)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::der::write;
    use crate::formats::x509::testing::{Issuer, Template, critical, extension};

    fn code(path: &[Certificate]) -> Option<Code> {
        check(path, Purpose::DocumentSigning).err().map(|finding| finding.message.code)
    }

    fn leaf_with(extra: Vec<u8>) -> Vec<Certificate> {
        let root = Issuer::root("Root");
        let mut template = Template::signer("An");
        template.extra.push(extra);
        vec![root.issue(&template).certificate, root.certificate]
    }

    fn purposes(oids: &[&str]) -> Vec<u8> {
        let list: Vec<u8> = oids.iter().flat_map(|oid| write::oid(&ObjectIdentifier::new_unwrap(oid))).collect();
        critical("2.5.29.37", &write::tlv(0x30, &list))
    }

    #[test]
    fn plain_signer_passes() {
        assert_eq!(code(&leaf_with(extension("1.2.3.4", &[5, 0]))), None);
        assert_eq!(code(&leaf_with(purposes(&["1.3.6.1.5.5.7.3.36"]))), None);
    }

    #[test]
    fn server_authentication_only_is_refused() {
        assert_eq!(code(&leaf_with(purposes(&["1.3.6.1.5.5.7.3.1"]))), Some(Code::ExtendedKeyUsageWrong));
    }

    #[test]
    fn key_encipherment_only_is_refused() {
        let root = Issuer::root("Root");
        let template = Template { base: vec![critical("2.5.29.15", &[3, 2, 5, 0x20])], ..Template::signer("An") };
        let path = [root.issue(&template).certificate, root.certificate];
        assert_eq!(code(&path), Some(Code::KeyUsageWrong));
    }

    #[test]
    fn unknown_critical_extension_is_refused() {
        assert_eq!(code(&leaf_with(critical("1.2.3.4", &[5, 0]))), Some(Code::CertificateUnknownCritical));
    }

    #[test]
    fn path_length_is_counted_without_the_leaf() {
        let root = Issuer::root("Root");
        let zero = critical("2.5.29.19", &write::sequence(&[&[1, 1, 0xff], &[2, 1, 0]]));
        let usage = critical("2.5.29.15", &[3, 2, 1, 0x06]);
        let ca = root.issue(&Template { base: vec![zero, usage], ..Template::authority("CA") });
        let leaf = ca.issue(&Template::signer("An"));
        assert_eq!(code(&[leaf.certificate, ca.certificate.clone(), root.certificate.clone()]), None);
        let sub = ca.issue(&Template::authority("Sub"));
        let leaf = sub.issue(&Template::signer("An"));
        let path = [leaf.certificate, sub.certificate, ca.certificate, root.certificate];
        assert_eq!(code(&path), Some(Code::PathTooLong));
    }

    #[test]
    fn time_stamping_needs_exactly_its_purpose() {
        let good = leaf_with(purposes(&["1.3.6.1.5.5.7.3.8"]));
        assert!(check(&good, Purpose::TimeStamping).is_ok());
        assert!(check(&leaf_with(purposes(&["1.3.6.1.5.5.7.3.36"])), Purpose::TimeStamping).is_err());
        let list = write::sequence(&[&write::oid(&TIME_STAMPING)]);
        assert!(check(&leaf_with(extension("2.5.29.37", &list)), Purpose::TimeStamping).is_err(), "not critical");
        assert!(check(&leaf_with(extension("1.2.3.4", &[5, 0])), Purpose::TimeStamping).is_err());
    }

    #[test]
    fn authority_without_a_name_is_refused() {
        let root = Issuer::root("Root");
        let ca = root.issue(&Template { subject: write::sequence(&[]), ..Template::authority("CA") });
        let leaf = ca.issue(&Template::signer("An"));
        let path = [leaf.certificate, ca.certificate, root.certificate];
        assert_eq!(code(&path), Some(Code::CertificateMalformed));
    }

    #[test]
    fn named_purposes_must_all_be_allowed() {
        let (server, client) = ("1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2");
        let wanted = [server, client].map(ObjectIdentifier::new_unwrap);
        let named = |path: &[Certificate], wanted| check(path, Purpose::Named(wanted)).is_ok();
        assert!(named(&leaf_with(purposes(&[server, client])), &wanted));
        assert!(named(&leaf_with(purposes(&["2.5.29.37.0"])), &wanted));
        assert!(named(&leaf_with(purposes(&[client])), &[]));
        assert!(!named(&leaf_with(purposes(&[client])), &wanted));
    }
}
