//! Which revocation lists speak for a certificate, and for which reasons (RFC 5280 §6.3.3 (b) to (e)).

use crate::formats::crl::{CertificateList, IssuingDistributionPoint};
use crate::formats::x509::{Certificate, GeneralName, Name, extensions::DistributionPoint};

/// A set of revocation reasons: the named bits of ReasonFlags, bit 0 (unused) highest (RFC 5280 §4.2.1.13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reasons(u16);

impl Reasons {
    pub const NONE: Self = Self(0);
    /// keyCompromise to aACompromise.
    pub const ALL: Self = Self(0x7f80);

    fn of(flags: Option<u16>) -> Self {
        flags.map_or(Self::ALL, |flags| Self(flags & Self::ALL.0))
    }

    fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The reasons the list speaks of for this certificate.
///
/// # Errors
/// Why it says nothing about the certificate.
pub fn reasons(crl: &CertificateList, certificate: &Certificate) -> Result<Reasons, &'static str> {
    if !crl.scope().unknown_critical.is_empty() {
        return Err("its CRL has a critical extension that is not supported");
    }
    if let Some(point) = &crl.scope().issuing_distribution_point {
        let ca = certificate.extensions().basic_constraints.is_some_and(|constraints| constraints.ca);
        if point.only_attribute_certs || (point.only_user_certs && ca) || (point.only_ca_certs && !ca) {
            return Err("its CRL is for other certificates");
        }
    }
    // "assume a DP with both the reasons and the cRLIssuer fields omitted and a distribution point name of the certificate
    // issuer": for lists that no distribution point names.
    let issuer = GeneralName::Directory(certificate.issuer().clone());
    let assumed = DistributionPoint { full_names: vec![issuer], ..DistributionPoint::default() };
    let points = certificate.extensions().crl_distribution_points.iter().chain([&assumed]);
    let spoken_of = points
        .filter(|point| is_of(crl, point, certificate.issuer()))
        .map(|point| Reasons::of(point.reasons))
        .fold(Reasons::NONE, Reasons::union);
    let partition = crl.scope().issuing_distribution_point.as_ref().and_then(|point| point.only_some_reasons);
    let spoken_of = spoken_of.intersection(Reasons::of(partition));
    if spoken_of == Reasons::NONE { Err("its CRL is for another distribution point") } else { Ok(spoken_of) }
}

/// Whether the list is what this distribution point of a certificate names (RFC 5280 §6.3.3 (b)(1) and (2)(i)).
fn is_of(crl: &CertificateList, point: &DistributionPoint, issuer: &Name) -> bool {
    let issuing = crl.scope().issuing_distribution_point.as_ref();
    let crl_issuers = || point.crl_issuer.iter().filter_map(directory);
    let by_expected_issuer = if point.crl_issuer.is_empty() {
        crl.issuer() == issuer
    } else {
        issuing.is_some_and(|issuing| issuing.indirect) && crl_issuers().any(|named| named == crl.issuer())
    };
    by_expected_issuer && issuing.is_none_or(|issuing| names_meet(crl, issuing, point, issuer))
}

fn names_meet(
    crl: &CertificateList,
    issuing: &IssuingDistributionPoint,
    point: &DistributionPoint,
    issuer: &Name,
) -> bool {
    let expected = names(crl.issuer(), &issuing.full_names, issuing.relative_name.as_deref());
    if expected.is_empty() {
        // A list for every distribution point; a relative name that could not be appended names none.
        return issuing.full_names.is_empty() && issuing.relative_name.is_none();
    }
    let unnamed = point.full_names.is_empty() && point.relative_name.is_none();
    let named = if unnamed {
        point.crl_issuer.clone()
    } else {
        let base = point.crl_issuer.iter().find_map(directory).unwrap_or(issuer);
        names(base, &point.full_names, point.relative_name.as_deref())
    };
    named.iter().any(|name| expected.contains(name))
}

fn names(base: &Name, full: &[GeneralName], relative: Option<&[u8]>) -> Vec<GeneralName> {
    let relative = relative.and_then(|rdn| base.with_relative(rdn).ok()).map(GeneralName::Directory);
    full.iter().cloned().chain(relative).collect()
}

fn directory(name: &GeneralName) -> Option<&Name> {
    match name {
        GeneralName::Directory(name) => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::der::write;
    use crate::formats::x509::testing::{Issuer, Template, critical, extension};
    use time::macros::datetime;

    const KEY_COMPROMISE: &[u8] = &[6, 0x40];

    fn list(issuer: &Issuer, point: &[&[u8]]) -> CertificateList {
        let (this, next) = (datetime!(2026-05-01 0:00 UTC), datetime!(2026-06-01 0:00 UTC));
        let extensions = [critical("2.5.29.28", &write::sequence(point))];
        CertificateList::from_der(&issuer.crl(this, next, &[], &extensions)).expect("CRL")
    }

    fn leaf(point: &[&[u8]]) -> Certificate {
        let points = extension("2.5.29.31", &write::sequence(&[&write::sequence(point)]));
        Issuer::root("Root").issue(&Template { extra: vec![points], ..Template::signer("An") }).certificate
    }

    fn uri(text: &str) -> Vec<u8> {
        write::tlv(0xa0, &write::tlv(0xa0, &write::tlv(0x86, text.as_bytes())))
    }

    fn crl_issuer(issuer: &Issuer) -> Vec<u8> {
        write::tlv(0xa2, &write::tlv(0xa4, issuer.certificate.subject().der()))
    }

    const INDIRECT: &[u8] = &[0x84, 1, 0xff];

    #[test]
    fn list_of_the_named_point_speaks_and_another_does_not() {
        let root = Issuer::root("Root");
        let leaf = leaf(&[&uri("http://a.vn/1.crl")]);
        assert_eq!(reasons(&list(&root, &[&uri("http://a.vn/1.crl")]), &leaf), Ok(Reasons::ALL));
        assert!(reasons(&list(&root, &[&uri("http://a.vn/2.crl")]), &leaf).is_err());
        assert_eq!(reasons(&list(&root, &[]), &leaf), Ok(Reasons::ALL));
    }

    #[test]
    fn reasons_are_what_list_and_point_share() {
        let root = Issuer::root("Root");
        let partial = list(&root, &[&uri("http://a.vn/1.crl"), &write::tlv(0x83, KEY_COMPROMISE)]);
        let whole = leaf(&[&uri("http://a.vn/1.crl")]);
        assert_eq!(reasons(&partial, &whole), Ok(Reasons(0x4000)));
        let other = leaf(&[&uri("http://a.vn/1.crl"), &write::tlv(0x81, &[5, 0x20])]);
        assert!(reasons(&partial, &other).is_err());
    }

    #[test]
    fn indirect_list_needs_to_be_named_by_the_certificate() {
        let (root, other) = (Issuer::root("Root"), Issuer::root("Other"));
        let named = leaf(&[&crl_issuer(&other)]);
        assert_eq!(reasons(&list(&other, &[INDIRECT]), &named), Ok(Reasons::ALL));
        assert!(reasons(&list(&other, &[]), &named).is_err(), "the list does not say that it is indirect");
        assert!(reasons(&list(&other, &[INDIRECT]), &leaf(&[&uri("http://a.vn/1.crl")])).is_err());
        assert_eq!(reasons(&list(&root, &[INDIRECT]), &named), Ok(Reasons::ALL), "the issuer's own list");
    }
}
