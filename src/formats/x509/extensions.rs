//! Extensions of a certificate: the received list, and typed values of those a path is judged by.

use const_oid::ObjectIdentifier;

use super::policies::{self, PolicyConstraints, PolicyMapping};
use super::{Name, X509Error, name::single_name};
use crate::formats::der::{DerError, Reader, Rules, Tlv, tag, value};

/// Most extensions read from one certificate or CRL. Real ones have about ten.
const MAX_EXTENSIONS: usize = 64;

/// Most entries read from one list inside an extension (names, key purposes, subtrees). Honest certificates of large
/// agencies carry up to a few hundred names.
const MAX_ENTRIES: usize = 1024;

/// The extensions of a certificate.
///
/// A value that is malformed does not make the certificate unreadable: it is listed in [`Self::malformed`], and whoever
/// judges the certificate must refuse it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extensions {
    pub list: Vec<Extension>,
    pub subject_key_identifier: Option<Vec<u8>>,
    pub authority_key_identifier: Option<AuthorityKeyIdentifier>,
    pub basic_constraints: Option<BasicConstraints>,
    pub key_usage: Option<KeyUsage>,
    pub extended_key_usage: Option<Vec<ObjectIdentifier>>,
    pub subject_alt_names: Vec<GeneralName>,
    pub name_constraints: Option<NameConstraints>,
    /// `None` without the extension, which is not the same as any policy.
    pub certificate_policies: Option<Vec<ObjectIdentifier>>,
    /// Empty without the extension.
    pub policy_mappings: Vec<PolicyMapping>,
    pub policy_constraints: Option<PolicyConstraints>,
    pub inhibit_any_policy: Option<u32>,
    pub crl_distribution_points: Vec<DistributionPoint>,
    /// Known extensions whose value could not be read.
    pub malformed: Vec<ObjectIdentifier>,
}

/// ```text
/// Extension ::= SEQUENCE { extnID OBJECT IDENTIFIER, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    pub oid: ObjectIdentifier,
    pub criticality: Criticality,
    /// Content of extnValue.
    pub value: Vec<u8>,
}

/// Whether a reader that does not know the extension must refuse (RFC 5280 §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Criticality {
    Critical,
    NonCritical,
}

/// What an entry of authorityInfoAccess points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessMethod {
    /// id-ad-ocsp: a responder.
    Ocsp,
    /// id-ad-caIssuers: certificates of the issuer.
    CaIssuers,
}

/// RFC 5280 §4.2.1.1. Only helps to choose between candidates, never proves anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthorityKeyIdentifier {
    pub key_identifier: Option<Vec<u8>>,
}

/// RFC 5280 §4.2.1.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BasicConstraints {
    pub ca: bool,
    pub path_len: Option<u32>,
}

/// Named bits of RFC 5280 §4.2.1.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyUsage(u16);

impl KeyUsage {
    pub fn digital_signature(self) -> bool {
        self.bit(0)
    }

    /// nonRepudiation, called contentCommitment since X.509 (2008).
    pub fn non_repudiation(self) -> bool {
        self.bit(1)
    }

    pub fn key_cert_sign(self) -> bool {
        self.bit(5)
    }

    pub fn crl_sign(self) -> bool {
        self.bit(6)
    }

    fn bit(self, index: u16) -> bool {
        self.0 & (0x8000 >> index) != 0
    }
}

/// RFC 5280 §4.2.1.10; subtrees with a minimum or maximum are malformed, as the RFC's profile asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameConstraints {
    pub permitted: Vec<GeneralName>,
    pub excluded: Vec<GeneralName>,
}

/// RFC 5280 §4.2.1.6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GeneralName {
    Email(String),
    Dns(String),
    Directory(Name),
    Uri(String),
    /// Address octets; in constraints, address and mask.
    Ip(Vec<u8>),
    /// otherName, x400Address, ediPartyName or registeredID: the tag, and all octets as received.
    Other(u8, Vec<u8>),
}

/// RFC 5280 §4.2.1.13; only what is needed to tell whether a CRL speaks for the certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DistributionPoint {
    pub full_names: Vec<GeneralName>,
    /// nameRelativeToCRLIssuer as received.
    pub relative_name: Option<Vec<u8>>,
    /// The CRL's issuer, when it is not the certificate's.
    pub crl_issuer: Vec<GeneralName>,
    /// Content octets of the ReasonFlags.
    pub reasons: Option<u16>,
}

impl Extensions {
    pub(crate) fn read(element: Tlv<'_>) -> Result<Self, X509Error> {
        let mut extensions = Self::default();
        for extension in list(element)? {
            if extensions.interpret(&extension).is_err() {
                extensions.malformed.push(extension.oid);
            }
            extensions.list.push(extension);
        }
        Ok(extensions)
    }

    pub fn get(&self, oid: &ObjectIdentifier) -> Option<&Extension> {
        self.list.iter().find(|extension| extension.oid == *oid)
    }

    /// Where the certificate says its issuer's certificate (caIssuers) or its responder (ocsp) is: the URIs of
    /// authorityInfoAccess (RFC 5280 §4.2.2.1). They only say where to fetch from: a malformed value gives none, and condemns nothing.
    pub fn access_uris(&self, method: AccessMethod) -> Vec<String> {
        let Some(extension) = self.get(&AUTHORITY_INFO_ACCESS) else { return Vec::new() };
        access_uris(&extension.value, method).unwrap_or_default()
    }

    /// URIs of cRLDistributionPoints, in their order (RFC 5280 §4.2.1.13).
    pub fn crl_uris(&self) -> Vec<String> {
        let names = self.crl_distribution_points.iter().flat_map(|point| &point.full_names);
        names.filter_map(|name| if let GeneralName::Uri(uri) = name { Some(uri.clone()) } else { None }).collect()
    }

    /// Critical extensions this crate does not process.
    pub fn unknown_critical(&self) -> impl Iterator<Item = &ObjectIdentifier> {
        let critical = self.list.iter().filter(|extension| extension.criticality == Criticality::Critical);
        critical.map(|extension| &extension.oid).filter(|oid| !PROCESSED.contains(oid))
    }

    fn interpret(&mut self, extension: &Extension) -> Result<(), X509Error> {
        let der = extension.value.as_slice();
        match extension.oid {
            SUBJECT_KEY_IDENTIFIER => {
                self.subject_key_identifier = Some(Reader::single(der, tag::OCTET_STRING)?.content().to_vec());
            }
            AUTHORITY_KEY_IDENTIFIER => self.authority_key_identifier = Some(authority_key_identifier(der)?),
            BASIC_CONSTRAINTS => self.basic_constraints = Some(basic_constraints(der)?),
            KEY_USAGE => {
                let bits = value::named_bits(Reader::single(der, tag::BIT_STRING)?.content())?;
                self.key_usage = Some(KeyUsage(bits));
            }
            EXTENDED_KEY_USAGE => self.extended_key_usage = Some(extended_key_usage(der)?),
            SUBJECT_ALT_NAME => {
                self.subject_alt_names = general_names(Reader::single(der, tag::SEQUENCE)?)?;
                if self.subject_alt_names.is_empty() {
                    return Err(DerError::BadValue("a list of names is empty").into());
                }
            }
            NAME_CONSTRAINTS => self.name_constraints = Some(name_constraints(der)?),
            CERTIFICATE_POLICIES => self.certificate_policies = Some(policies::certificate_policies(der)?),
            POLICY_MAPPINGS => self.policy_mappings = policies::policy_mappings(der)?,
            POLICY_CONSTRAINTS => self.policy_constraints = Some(policies::policy_constraints(der)?),
            INHIBIT_ANY_POLICY => self.inhibit_any_policy = Some(policies::inhibit_any_policy(der)?),
            CRL_DISTRIBUTION_POINTS => self.crl_distribution_points = distribution_points(der)?,
            _ => {}
        }
        Ok(())
    }
}

/// Reads `Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension`.
pub(crate) fn list(element: Tlv<'_>) -> Result<Vec<Extension>, X509Error> {
    let mut extensions: Vec<Extension> = Vec::new();
    for item in element.reader()?.all(MAX_EXTENSIONS, "extensions")? {
        let mut fields = item.expect(tag::SEQUENCE)?.reader()?;
        let oid = value::oid(fields.next()?)?;
        let critical = fields.optional(tag::BOOLEAN)?.map(value::boolean).transpose()?.unwrap_or(false);
        let octets = fields.expect(tag::OCTET_STRING)?.content().to_vec();
        fields.finish()?;
        if extensions.iter().any(|known| known.oid == oid) {
            return Err(X509Error::DuplicateExtension(oid));
        }
        let criticality = if critical { Criticality::Critical } else { Criticality::NonCritical };
        extensions.push(Extension { oid, criticality, value: octets });
    }
    Ok(extensions)
}

fn authority_key_identifier(der: &[u8]) -> Result<AuthorityKeyIdentifier, X509Error> {
    let mut fields = Reader::single(der, tag::SEQUENCE)?.reader()?;
    let key_identifier = fields.optional(tag::context(0))?.map(|id| id.content().to_vec());
    Ok(AuthorityKeyIdentifier { key_identifier })
}

fn basic_constraints(der: &[u8]) -> Result<BasicConstraints, X509Error> {
    let mut fields = Reader::single(der, tag::SEQUENCE)?.reader()?;
    let ca = fields.optional(tag::BOOLEAN)?.map(value::boolean).transpose()?.unwrap_or(false);
    let path_len = fields.optional(tag::INTEGER)?.map(|length| value::small(length.content())).transpose()?;
    fields.finish()?;
    Ok(BasicConstraints { ca, path_len })
}

fn extended_key_usage(der: &[u8]) -> Result<Vec<ObjectIdentifier>, X509Error> {
    let purposes = Reader::single(der, tag::SEQUENCE)?.reader()?.all(MAX_ENTRIES, "key purposes")?;
    if purposes.is_empty() {
        return Err(DerError::BadValue("the list of key purposes is empty").into());
    }
    Ok(purposes.into_iter().map(value::oid).collect::<Result<_, _>>()?)
}

/// Reads the value of a NameConstraints extension, or one that stands apart from a certificate.
///
/// # Errors
/// [`X509Error`] when it is not DER, empty, or has subtrees with a minimum or maximum.
pub fn name_constraints(der: &[u8]) -> Result<NameConstraints, X509Error> {
    let mut fields = Reader::single(der, tag::SEQUENCE)?.reader()?;
    let permitted = fields.optional(tag::context_constructed(0))?.map(subtrees).transpose()?;
    let excluded = fields.optional(tag::context_constructed(1))?.map(subtrees).transpose()?;
    fields.finish()?;
    if permitted.is_none() && excluded.is_none() {
        return Err(DerError::BadValue("the name constraints are empty").into());
    }
    Ok(NameConstraints { permitted: permitted.unwrap_or_default(), excluded: excluded.unwrap_or_default() })
}

/// `GeneralSubtree ::= SEQUENCE { base GeneralName, minimum [0] DEFAULT 0, maximum [1] OPTIONAL }`
fn subtrees(element: Tlv<'_>) -> Result<Vec<GeneralName>, X509Error> {
    let items = element.reader()?.all(MAX_ENTRIES, "subtrees")?;
    if items.is_empty() {
        return Err(DerError::BadValue("a list of subtrees is empty").into());
    }
    let base = |item: Tlv<'_>| {
        let mut fields = item.expect(tag::SEQUENCE)?.reader()?;
        let name = general_name(fields.next()?)?;
        fields.finish()?;
        Ok(name)
    };
    items.into_iter().map(base).collect()
}

fn distribution_points(der: &[u8]) -> Result<Vec<DistributionPoint>, X509Error> {
    let points = Reader::single(der, tag::SEQUENCE)?.reader()?.all(MAX_ENTRIES, "distribution points")?;
    points.into_iter().map(distribution_point).collect()
}

/// ```text
/// DistributionPoint ::= SEQUENCE {
///   distributionPoint [0] DistributionPointName OPTIONAL,   -- EXPLICIT, as it is a CHOICE
///   reasons           [1] ReasonFlags OPTIONAL,
///   cRLIssuer         [2] GeneralNames OPTIONAL }
/// ```
fn distribution_point(element: Tlv<'_>) -> Result<DistributionPoint, X509Error> {
    let mut fields = element.expect(tag::SEQUENCE)?.reader()?;
    let mut point = DistributionPoint::default();
    if let Some(name) = fields.optional(tag::context_constructed(0))? {
        (point.full_names, point.relative_name) = distribution_point_name(name)?;
    }
    if let Some(reasons) = fields.optional(tag::context(1))? {
        point.reasons = Some(value::named_bits(reasons.content())?);
    }
    if let Some(issuer) = fields.optional(tag::context_constructed(2))? {
        point.crl_issuer = general_names(issuer)?;
    }
    fields.finish()?;
    Ok(point)
}

/// `DistributionPointName ::= CHOICE { fullName [0] GeneralNames, nameRelativeToCRLIssuer [1] RelativeDistinguishedName }`
pub(crate) fn distribution_point_name(explicit: Tlv<'_>) -> Result<(Vec<GeneralName>, Option<Vec<u8>>), X509Error> {
    let choice = explicit.reader()?.next()?;
    match choice.tag() {
        found if found == tag::context_constructed(0) => Ok((general_names(choice)?, None)),
        found if found == tag::context_constructed(1) => Ok((Vec::new(), Some(choice.content().to_vec()))),
        found => Err(DerError::UnexpectedTag { expected: tag::context_constructed(0), found }.into()),
    }
}

/// ```text
/// AuthorityInfoAccessSyntax ::= SEQUENCE SIZE (1..MAX) OF SEQUENCE { accessMethod OBJECT IDENTIFIER, accessLocation GeneralName }
/// ```
pub(crate) fn access_uris(der: &[u8], method: AccessMethod) -> Result<Vec<String>, X509Error> {
    let wanted = match method {
        AccessMethod::Ocsp => AD_OCSP,
        AccessMethod::CaIssuers => AD_CA_ISSUERS,
    };
    let mut uris = Vec::new();
    for item in Reader::single(der, tag::SEQUENCE)?.reader()?.all(MAX_ENTRIES, "access descriptions")? {
        let mut fields = item.expect(tag::SEQUENCE)?.reader()?;
        let found = value::oid(fields.next()?)?;
        if let (true, GeneralName::Uri(uri)) = (found == wanted, general_name(fields.next()?)?) {
            uris.push(uri);
        }
    }
    Ok(uris)
}

pub(crate) fn general_names(element: Tlv<'_>) -> Result<Vec<GeneralName>, X509Error> {
    element.reader()?.all(MAX_ENTRIES, "names")?.into_iter().map(general_name).collect()
}

fn general_name(element: Tlv<'_>) -> Result<GeneralName, X509Error> {
    let content = element.content();
    let ascii = || match std::str::from_utf8(content) {
        Ok(text) if text.is_ascii() => Ok(text.to_owned()),
        _ => Err(X509Error::from(DerError::BadValue("a name is not ASCII text"))),
    };
    Ok(match element.tag() {
        0x81 => GeneralName::Email(ascii()?),
        0x82 => GeneralName::Dns(ascii()?),
        0xa4 => GeneralName::Directory(single_name(content)?),
        0x86 => GeneralName::Uri(ascii()?),
        0x87 => GeneralName::Ip(content.to_vec()),
        other @ (0xa0 | 0xa3 | 0xa5 | 0x88) => GeneralName::Other(other, element.raw().to_vec()),
        _ => return Err(DerError::BadValue("a name has an unknown form").into()),
    })
}

/// For tests and tools that hold an extension value apart from a certificate.
pub fn general_names_from_der(der: &[u8]) -> Result<Vec<GeneralName>, X509Error> {
    let mut reader = Reader::new(der, Rules::Der);
    let names = general_names(reader.expect(tag::SEQUENCE)?)?;
    reader.finish()?;
    Ok(names)
}

pub const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
pub const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
pub const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
pub const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
pub const NAME_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.30");
pub const CRL_DISTRIBUTION_POINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.31");
pub const CERTIFICATE_POLICIES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32");
pub const POLICY_MAPPINGS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.33");
pub const AUTHORITY_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");
pub const POLICY_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.36");
pub const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
pub const AUTHORITY_INFO_ACCESS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.1");
const AD_OCSP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1");
const AD_CA_ISSUERS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.2");
pub const INHIBIT_ANY_POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.54");

/// Extensions whose meaning is honoured when they are critical. Policies are judged by their identifiers; what a qualifier
/// says is for people. cRLDistributionPoints only say where to fetch from.
const PROCESSED: [ObjectIdentifier; 12] = [
    SUBJECT_KEY_IDENTIFIER,
    KEY_USAGE,
    SUBJECT_ALT_NAME,
    BASIC_CONSTRAINTS,
    NAME_CONSTRAINTS,
    CRL_DISTRIBUTION_POINTS,
    CERTIFICATE_POLICIES,
    POLICY_MAPPINGS,
    AUTHORITY_KEY_IDENTIFIER,
    POLICY_CONSTRAINTS,
    EXTENDED_KEY_USAGE,
    INHIBIT_ANY_POLICY,
];

#[cfg(test)]
mod tests {
    use super::super::{
        Certificate,
        testing::{Issuer, Template, critical, extension},
    };
    use super::*;
    use crate::formats::der::write;

    #[test]
    fn key_usage_and_basic_constraints_are_read() {
        let root = Issuer::root("Root").certificate;
        let extensions = root.extensions();
        assert_eq!(extensions.basic_constraints, Some(BasicConstraints { ca: true, path_len: None }));
        let usage = extensions.key_usage.expect("key usage");
        assert!(usage.key_cert_sign() && usage.crl_sign() && !usage.digital_signature());
        assert_eq!(extensions.unknown_critical().count(), 0);
    }

    #[test]
    fn unknown_critical_extension_is_listed() {
        let mut template = Template::signer("An");
        template.extra.push(critical("1.2.3.4", &[5, 0]));
        template.extra.push(extension("1.2.3.5", &[5, 0]));
        let leaf = Issuer::root("Root").issue(&template).certificate;
        let unknown: Vec<String> = leaf.extensions().unknown_critical().map(ToString::to_string).collect();
        assert_eq!(unknown, ["1.2.3.4"]);
    }

    #[test]
    fn same_extension_twice_is_refused() {
        let mut template = Template::signer("An");
        template.extra.push(extension("1.2.3.5", &[5, 0]));
        template.extra.push(extension("1.2.3.5", &[5, 0]));
        let der = Issuer::root("Root").issue_der(&template);
        assert!(matches!(Certificate::from_der(&der), Err(X509Error::DuplicateExtension(_))));
    }

    #[test]
    fn malformed_value_is_recorded_not_fatal() {
        let mut template = Template::signer("An");
        template.extra.push(extension("2.5.29.37", &write::sequence(&[])));
        let leaf = Issuer::root("Root").issue(&template).certificate;
        assert_eq!(leaf.extensions().malformed, [EXTENDED_KEY_USAGE]);
    }

    #[test]
    fn access_uris_are_told_by_their_method_and_a_malformed_list_condemns_nothing() {
        let access = |method: ObjectIdentifier, uri: &str| {
            write::sequence(&[&write::oid(&method), &write::tlv(0x86, uri.as_bytes())])
        };
        let list = write::sequence(&[&access(AD_OCSP, "http://o"), &access(AD_CA_ISSUERS, "http://c")]);
        let certificate = |value: &[u8]| {
            let extra = vec![extension("1.3.6.1.5.5.7.1.1", value)];
            Issuer::root("Root").issue(&Template { extra, ..Template::signer("An") }).certificate
        };
        let extensions = certificate(&list);
        assert_eq!(extensions.extensions().access_uris(AccessMethod::Ocsp), ["http://o"]);
        assert_eq!(extensions.extensions().access_uris(AccessMethod::CaIssuers), ["http://c"]);
        let broken = certificate(&[5, 0]);
        assert!(broken.extensions().access_uris(AccessMethod::Ocsp).is_empty());
        assert!(broken.extensions().malformed.is_empty());
    }

    #[test]
    fn subtree_with_a_maximum_is_malformed() {
        let base = write::tlv(0x82, b"gov.vn");
        let plain = write::sequence(&[&write::tlv(0xa0, &write::sequence(&[&base]))]);
        assert_eq!(name_constraints(&plain).expect("plain").permitted, [GeneralName::Dns("gov.vn".into())]);
        let bounded = write::sequence(&[&write::tlv(0xa0, &write::sequence(&[&base, &[0x81, 1, 1]]))]);
        assert!(name_constraints(&bounded).is_err());
    }
}
