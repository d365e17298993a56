//! Name constraints (RFC 5280 §4.2.1.10, §6.1.3 (b) and (c), §6.1.4 (g)), of the anchor too (RFC 5937).
//!
//! Directory, DNS, e-mail, URI and address names are compared. A constraint on another form that meets a name of this form, or
//! a name that is malformed, is refused: what cannot be compared must not pass.

use crate::formats::x509::{Certificate, GeneralName, NameConstraints};
use crate::validation::evidence::AnchorLimit;
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
        for authority in path.iter().skip(depth.saturating_add(1)) {
            if let Some(constraints) = &authority.extensions().name_constraints {
                within_limits(certificate, constraints, authority)?;
            }
        }
    }
    Ok(())
}

/// Checks every certificate below the anchor against the limits that whoever trusts the anchor set besides (RFC 5937).
///
/// # Errors
/// As [`check`].
pub fn check_anchor_limits(path: &[Certificate], limits: &[AnchorLimit]) -> Result<(), Finding> {
    let Some((anchor, below)) = path.split_last() else { return Ok(()) };
    for limit in limits.iter().filter(|limit| limit.anchor == *anchor) {
        let mut constrained = below.iter().enumerate().filter(|(depth, c)| *depth == 0 || !c.is_self_issued());
        constrained.try_for_each(|(_, certificate)| within_limits(certificate, &limit.names, anchor))?;
    }
    Ok(())
}

fn within_limits(
    certificate: &Certificate,
    constraints: &NameConstraints,
    authority: &Certificate,
) -> Result<(), Finding> {
    let names = names_of(certificate);
    let Some(outside) = names.iter().find(|name| !permitted(name, constraints)) else { return Ok(()) };
    let detail = format!("{}, {}", describe(outside), authority.subject());
    Err(Finding::with(SubIndication::CertificateChainGeneralFailure, Code::NameConstraintViolated, detail))
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
    let excluded = constraints.excluded.iter().any(|base| match within(name, base) {
        Within::Yes | Within::Unknown => true,
        Within::No => wildcard_reaches(name, base),
        Within::OtherForm => false,
    });
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
    /// Same form, but one of the two is malformed or of a kind this crate cannot compare.
    Unknown,
}

fn within(name: &GeneralName, base: &GeneralName) -> Within {
    let verdict = |inside: Option<bool>| match inside {
        Some(true) => Within::Yes,
        Some(false) => Within::No,
        None => Within::Unknown,
    };
    match (name, base) {
        (GeneralName::Directory(name), GeneralName::Directory(base)) => verdict(Some(name.is_within(base))),
        (GeneralName::Dns(name), GeneralName::Dns(base)) => verdict(dns_within(name, base)),
        (GeneralName::Email(name), GeneralName::Email(base)) => verdict(email_within(name, base)),
        (GeneralName::Uri(name), GeneralName::Uri(base)) => verdict(uri_within(name, base)),
        (GeneralName::Ip(name), GeneralName::Ip(base)) => verdict(ip_within(name, base)),
        (GeneralName::Other(a, _), GeneralName::Other(b, _)) if a == b => Within::Unknown,
        _ => Within::OtherForm,
    }
}

/// "Any DNS name that can be constructed by simply adding zero or more labels to the left-hand side". A leading dot in the
/// constraint is not of RFC 5280's form.
fn dns_within(name: &str, base: &str) -> Option<bool> {
    let (name, base) = (name.to_ascii_lowercase(), base.to_ascii_lowercase());
    if !is_host(name.strip_prefix("*.").unwrap_or(&name)) || !(base.is_empty() || is_host(&base)) {
        return None;
    }
    Some(base.is_empty() || name == base || name.ends_with(&format!(".{base}")))
}

/// `*.example.vn` stands for `a.example.vn` too, so excluding the latter excludes the former.
fn wildcard_reaches(name: &GeneralName, base: &GeneralName) -> bool {
    let (GeneralName::Dns(name), GeneralName::Dns(base)) = (name, base) else { return false };
    let (name, base) = (name.to_ascii_lowercase(), base.to_ascii_lowercase());
    name.strip_prefix('*').is_some_and(|domain| base.ends_with(domain))
}

/// A mailbox, a host (all mailboxes on it), or a domain with a leading dot (all hosts in it).
fn email_within(name: &str, base: &str) -> Option<bool> {
    let (local, host) = name.rsplit_once('@').filter(|(local, _)| is_local_part(local))?;
    match base.rsplit_once('@') {
        Some((base_local, base_host)) => Some(host_within(host, base_host)? && local == base_local),
        None => host_within(host, base),
    }
}

/// The host of the URI: exactly the constraint's, or in its domain when that begins with a dot.
fn uri_within(name: &str, base: &str) -> Option<bool> {
    let (_, rest) = name.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    host_within(host, base)
}

fn host_within(host: &str, base: &str) -> Option<bool> {
    let (host, base) = (host.to_ascii_lowercase(), base.to_ascii_lowercase());
    let domain = base.strip_prefix('.');
    if !is_host(&host) || !is_host(domain.unwrap_or(&base)) {
        return None;
    }
    Some(if domain.is_some() { host.ends_with(&base) } else { host == base })
}

/// An address of 4 or 16 octets against address and mask.
fn ip_within(name: &[u8], base: &[u8]) -> Option<bool> {
    let (network, mask) = base.split_at_checked(base.len() / 2)?;
    if ![4, 16].contains(&name.len()) || ![8, 32].contains(&base.len()) {
        return None;
    }
    let bits: String = mask.iter().map(|octet| format!("{octet:08b}")).collect();
    if bits.trim_start_matches('1').contains('1') {
        return None;
    }
    let same = |((name, network), mask): ((&u8, &u8), &u8)| name & mask == network & mask;
    Some(name.len() == network.len() && name.iter().zip(network).zip(mask).all(same))
}

/// Labels of letters, digits, hyphens and underscores, none empty.
fn is_host(text: &str) -> bool {
    text.len() <= 253
        && text.split('.').all(|label| {
            let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            !label.is_empty() && label.len() <= 63 && label.bytes().all(legal)
        })
}

/// The printable, unquoted form of RFC 5321's local part.
fn is_local_part(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'@' | b'"' | b'(' | b')' | b','))
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
    use crate::formats::x509::{Name, testing};

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
        assert_eq!(within(&dns("a.gov.vn"), &dns(".gov.vn")), Within::Unknown);
        assert_eq!(within(&dns("a..vn"), &dns("vn")), Within::Unknown);
    }

    #[test]
    fn email_constraints_have_three_forms() {
        assert_eq!(within(&email("a@mail.vn"), &email("mail.vn")), Within::Yes);
        assert_eq!(within(&email("a@x.mail.vn"), &email("mail.vn")), Within::No);
        assert_eq!(within(&email("a@x.mail.vn"), &email(".mail.vn")), Within::Yes);
        assert_eq!(within(&email("a@mail.vn"), &email("b@mail.vn")), Within::No);
    }

    #[test]
    fn excluded_host_excludes_the_wildcard_over_it() {
        let constraints = NameConstraints { permitted: vec![], excluded: vec![dns("a.gov.vn")] };
        assert!(!permitted(&dns("*.gov.vn"), &constraints));
        assert!(permitted(&dns("*.b.gov.vn"), &constraints));
    }

    #[test]
    fn addresses_and_hosts_of_uris_are_compared() {
        let range = GeneralName::Ip(vec![10, 0, 0, 0, 255, 0, 0, 0]);
        assert_eq!(within(&GeneralName::Ip(vec![10, 1, 2, 3]), &range), Within::Yes);
        assert_eq!(within(&GeneralName::Ip(vec![11, 1, 2, 3]), &range), Within::No);
        assert_eq!(within(&GeneralName::Ip(vec![1; 16]), &range), Within::No);
        let uri = |text: &str| GeneralName::Uri(text.to_owned());
        assert_eq!(within(&uri("https://u@a.gov.vn:8/x"), &uri(".gov.vn")), Within::Yes);
        assert_eq!(within(&uri("https://a.gov.vn"), &uri("gov.vn")), Within::No);
        assert_eq!(within(&uri("urn:x"), &uri("gov.vn")), Within::Unknown);
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
        let other = |octet| GeneralName::Other(0xa0, vec![octet]);
        assert!(!permitted(&other(1), &NameConstraints { permitted: vec![other(1)], excluded: vec![] }));
        assert!(!permitted(&other(1), &NameConstraints { permitted: vec![], excluded: vec![other(2)] }));
        assert!(permitted(&dns("a.vn"), &NameConstraints { permitted: vec![other(1)], excluded: vec![] }));
    }
}
