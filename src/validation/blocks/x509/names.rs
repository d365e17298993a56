//! Name constraints (RFC 5280 §4.2.1.10, §6.1.3 (b) and (c), §6.1.4 (g)), of the anchor too (RFC 5937).
//!
//! Directory, DNS and e-mail names are compared. A constraint on another form that meets a name of this form is refused:
//! what cannot be compared must not pass.

use crate::formats::x509::{Certificate, GeneralName, Name, NameConstraints};
use crate::validation::report::{Code, Finding, SubIndication};

const EMAIL_ADDRESS: const_oid::ObjectIdentifier = const_oid::ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.1");

/// Checks every certificate against the constraints of the authorities above it; leaf first, anchor last.
///
/// # Errors
/// CERTIFICATE_CHAIN_GENERAL_FAILURE when a name lies outside.
pub fn check(path: &[Certificate]) -> Result<(), Finding> {
    for (depth, certificate) in path.iter().enumerate() {
        // Self-issued intermediates are not constrained (RFC 5280 §6.1.3 (b)); the leaf always is.
        if depth > 0 && certificate.is_self_issued() {
            continue;
        }
        let names = names_of(certificate);
        for authority in path.iter().skip(depth.saturating_add(1)) {
            let Some(constraints) = &authority.extensions().name_constraints else { continue };
            if let Some(outside) = names.iter().find(|name| !permitted(name, constraints)) {
                let detail = format!("{}, {}", describe(outside), authority.subject());
                return Err(Finding::with(
                    SubIndication::CertificateChainGeneralFailure,
                    Code::NameConstraintViolated,
                    detail,
                ));
            }
        }
    }
    Ok(())
}

/// The names a certificate is bound to: subject, alternative names, and e-mail addresses in the subject of certificates
/// without alternative e-mail names.
fn names_of(certificate: &Certificate) -> Vec<GeneralName> {
    let mut names = certificate.extensions().subject_alt_names.clone();
    let subject = certificate.subject();
    if !names.iter().any(|name| matches!(name, GeneralName::Email(_))) {
        let addresses = subject.rdns().iter().flatten().filter(|attribute| attribute.oid == EMAIL_ADDRESS);
        names.extend(addresses.filter_map(|attribute| attribute.text.clone().map(GeneralName::Email)));
    }
    if !subject.is_empty() {
        names.push(GeneralName::Directory(subject.clone()));
    }
    names
}

fn permitted(name: &GeneralName, constraints: &NameConstraints) -> bool {
    let excluded =
        constraints.excluded.iter().any(|base| !matches!(within(name, base), Within::No | Within::OtherForm));
    let mut relevant =
        constraints.permitted.iter().map(|base| within(name, base)).filter(|w| *w != Within::OtherForm).peekable();
    !excluded && (relevant.peek().is_none() || relevant.any(|within| within == Within::Yes))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Yes,
    No,
    /// The constraint speaks of another form of name.
    OtherForm,
    /// Same form, but this crate cannot compare it.
    Unknown,
}

fn within(name: &GeneralName, base: &GeneralName) -> Within {
    let verdict = |inside| if inside { Within::Yes } else { Within::No };
    match (name, base) {
        (GeneralName::Directory(name), GeneralName::Directory(base)) => verdict(directory_within(name, base)),
        (GeneralName::Dns(name), GeneralName::Dns(base)) => verdict(dns_within(name, base)),
        (GeneralName::Email(name), GeneralName::Email(base)) => verdict(email_within(name, base)),
        (GeneralName::Uri(_), GeneralName::Uri(_)) | (GeneralName::Ip(_), GeneralName::Ip(_)) => Within::Unknown,
        (GeneralName::Other(a, _), GeneralName::Other(b, _)) if a == b => Within::Unknown,
        _ => Within::OtherForm,
    }
}

fn directory_within(name: &Name, base: &Name) -> bool {
    name.is_within(base)
}

/// "Any DNS name that can be constructed by simply adding zero or more labels to the left-hand side". A leading dot, which
/// the RFC does not know for DNS names, is read as "at least one label". A wildcard counts as a label.
fn dns_within(name: &str, base: &str) -> bool {
    let (name, base) = (name.trim_end_matches('.').to_ascii_lowercase(), base.to_ascii_lowercase());
    match base.strip_prefix('.') {
        Some(_) => name.ends_with(&base) && name.len() > base.len(),
        None => base.is_empty() || name == base || name.ends_with(&format!(".{base}")),
    }
}

/// A mailbox, a host (all mailboxes on it), or a domain with a leading dot (all hosts in it).
fn email_within(name: &str, base: &str) -> bool {
    let Some((local, host)) = name.rsplit_once('@') else { return false };
    let host = host.to_ascii_lowercase();
    match base.rsplit_once('@') {
        Some((base_local, base_host)) => local == base_local && host == base_host.to_ascii_lowercase(),
        None if base.starts_with('.') => host.ends_with(&base.to_ascii_lowercase()) && host.len() > base.len(),
        None => host == base.to_ascii_lowercase(),
    }
}

fn describe(name: &GeneralName) -> String {
    match name {
        GeneralName::Email(text) | GeneralName::Dns(text) | GeneralName::Uri(text) => text.escape_debug().to_string(),
        GeneralName::Directory(name) => name.to_string(),
        GeneralName::Ip(octets) => format!("{octets:?}"),
        GeneralName::Other(tag, _) => format!("[{}]", tag & 0x1f),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::x509::testing;

    fn dns(text: &str) -> GeneralName {
        GeneralName::Dns(text.to_owned())
    }

    fn email(text: &str) -> GeneralName {
        GeneralName::Email(text.to_owned())
    }

    fn directory(parts: &[(&str, u8, &str)]) -> GeneralName {
        GeneralName::Directory(Name::from_der(&testing::name(parts)).expect("name"))
    }

    #[test]
    fn dns_labels_are_whole() {
        assert_eq!(within(&dns("a.gov.vn"), &dns("gov.vn")), Within::Yes);
        assert_eq!(within(&dns("evilgov.vn"), &dns("gov.vn")), Within::No);
        assert_eq!(within(&dns("gov.vn"), &dns(".gov.vn")), Within::No);
    }

    #[test]
    fn email_constraints_have_three_forms() {
        assert_eq!(within(&email("a@mail.vn"), &email("mail.vn")), Within::Yes);
        assert_eq!(within(&email("a@x.mail.vn"), &email("mail.vn")), Within::No);
        assert_eq!(within(&email("a@x.mail.vn"), &email(".mail.vn")), Within::Yes);
        assert_eq!(within(&email("a@mail.vn"), &email("b@mail.vn")), Within::No);
    }

    #[test]
    fn excluded_subtree_wins_over_permitted() {
        let organisation = directory(&[("2.5.4.10", 0x0c, "Bộ A")]);
        let person = directory(&[("2.5.4.10", 0x0c, "Bộ A"), ("2.5.4.3", 0x0c, "An")]);
        let constraints = NameConstraints { permitted: vec![organisation.clone()], excluded: vec![] };
        assert!(permitted(&person, &constraints));
        let constraints = NameConstraints { permitted: vec![organisation.clone()], excluded: vec![organisation] };
        assert!(!permitted(&person, &constraints));
    }

    #[test]
    fn form_that_cannot_be_compared_is_refused() {
        let address = GeneralName::Ip(vec![10, 0, 0, 1]);
        let range = GeneralName::Ip(vec![10, 0, 0, 0, 255, 0, 0, 0]);
        assert!(!permitted(&address, &NameConstraints { permitted: vec![range.clone()], excluded: vec![] }));
        assert!(!permitted(&address, &NameConstraints { permitted: vec![], excluded: vec![range.clone()] }));
        assert!(permitted(&dns("a.vn"), &NameConstraints { permitted: vec![range], excluded: vec![] }));
    }
}
