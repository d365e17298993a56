//! Values of the extensions that speak of certificate policies (RFC 5280 §4.2.1.4, §4.2.1.5, §4.2.1.11, §4.2.1.14).

use const_oid::ObjectIdentifier;

use super::X509Error;
use crate::formats::der::{DerError, Reader, Tlv, tag, value};

/// Most policies or mappings read from one certificate. Bridge authorities, which have the most, map a few dozen.
const MAX_POLICIES: usize = 256;

/// anyPolicy.
pub const ANY_POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32.0");

/// RFC 5280 §4.2.1.11.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PolicyConstraints {
    pub require_explicit_policy: Option<u32>,
    pub inhibit_policy_mapping: Option<u32>,
}

/// One pair of RFC 5280 §4.2.1.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyMapping {
    pub issuer_domain: ObjectIdentifier,
    pub subject_domain: ObjectIdentifier,
}

/// ```text
/// certificatePolicies ::= SEQUENCE SIZE (1..MAX) OF PolicyInformation
/// PolicyInformation ::= SEQUENCE {
///   policyIdentifier OBJECT IDENTIFIER, policyQualifiers SEQUENCE SIZE (1..MAX) OF PolicyQualifierInfo OPTIONAL }
/// ```
///
/// Qualifiers are passed over. The same policy twice is malformed, as the RFC asks.
pub(crate) fn certificate_policies(der: &[u8]) -> Result<Vec<ObjectIdentifier>, X509Error> {
    let items = Reader::single(der, tag::SEQUENCE)?.reader()?.all(MAX_POLICIES, "certificate policies")?;
    let mut policies = Vec::new();
    for item in items {
        let mut fields = item.expect(tag::SEQUENCE)?.reader()?;
        let policy = value::oid(fields.next()?)?;
        fields.optional(tag::SEQUENCE)?;
        fields.finish()?;
        if policies.contains(&policy) {
            return Err(DerError::BadValue("a certificate policy stands there twice").into());
        }
        policies.push(policy);
    }
    not_empty(policies)
}

/// `PolicyMappings ::= SEQUENCE SIZE (1..MAX) OF SEQUENCE { issuerDomainPolicy CertPolicyId, subjectDomainPolicy CertPolicyId }`
pub(crate) fn policy_mappings(der: &[u8]) -> Result<Vec<PolicyMapping>, X509Error> {
    let items = Reader::single(der, tag::SEQUENCE)?.reader()?.all(MAX_POLICIES, "policy mappings")?;
    let mapping = |item: Tlv<'_>| {
        let mut fields = item.expect(tag::SEQUENCE)?.reader()?;
        let issuer_domain = value::oid(fields.next()?)?;
        let subject_domain = value::oid(fields.next()?)?;
        fields.finish()?;
        Ok(PolicyMapping { issuer_domain, subject_domain })
    };
    not_empty(items.into_iter().map(mapping).collect::<Result<_, X509Error>>()?)
}

/// `PolicyConstraints ::= SEQUENCE { requireExplicitPolicy [0] INTEGER (0..MAX) OPTIONAL, inhibitPolicyMapping [1] INTEGER (0..MAX) OPTIONAL }`
pub(crate) fn policy_constraints(der: &[u8]) -> Result<PolicyConstraints, X509Error> {
    let mut fields = Reader::single(der, tag::SEQUENCE)?.reader()?;
    let require_explicit_policy =
        fields.optional(tag::context(0))?.map(|skip| value::small(skip.content())).transpose()?;
    let inhibit_policy_mapping =
        fields.optional(tag::context(1))?.map(|skip| value::small(skip.content())).transpose()?;
    fields.finish()?;
    if require_explicit_policy.is_none() && inhibit_policy_mapping.is_none() {
        return Err(DerError::BadValue("the policy constraints are empty").into());
    }
    Ok(PolicyConstraints { require_explicit_policy, inhibit_policy_mapping })
}

/// `InhibitAnyPolicy ::= INTEGER (0..MAX)`
pub(crate) fn inhibit_any_policy(der: &[u8]) -> Result<u32, X509Error> {
    Ok(value::small(Reader::single(der, tag::INTEGER)?.content())?)
}

fn not_empty<T>(items: Vec<T>) -> Result<Vec<T>, X509Error> {
    if items.is_empty() { Err(DerError::BadValue("a list of policies is empty").into()) } else { Ok(items) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::der::write;

    const A: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.3.1");
    const B: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.3.2");

    fn list(policies: &[ObjectIdentifier]) -> Vec<u8> {
        let items: Vec<u8> = policies.iter().flat_map(|policy| write::sequence(&[&write::oid(policy)])).collect();
        write::tlv(tag::SEQUENCE, &items)
    }

    #[test]
    fn policies_are_read_and_qualifiers_passed_over() {
        assert_eq!(certificate_policies(&list(&[A, ANY_POLICY])), Ok(vec![A, ANY_POLICY]));
        let qualified = write::sequence(&[&write::sequence(&[&write::oid(&A), &write::sequence(&[&[5, 0]])])]);
        assert_eq!(certificate_policies(&qualified), Ok(vec![A]));
    }

    #[test]
    fn empty_or_repeated_policies_are_malformed() {
        assert!(certificate_policies(&list(&[])).is_err());
        assert!(certificate_policies(&list(&[A, A])).is_err());
    }

    #[test]
    fn mapping_is_a_pair() {
        let pair = write::sequence(&[&write::oid(&A), &write::oid(&B)]);
        let mapping = PolicyMapping { issuer_domain: A, subject_domain: B };
        assert_eq!(policy_mappings(&write::sequence(&[&pair])), Ok(vec![mapping]));
        assert!(policy_mappings(&write::sequence(&[&write::sequence(&[&write::oid(&A)])])).is_err());
    }

    #[test]
    fn constraints_without_a_field_are_malformed() {
        let both = policy_constraints(&write::sequence(&[&[0x80, 1, 0], &[0x81, 1, 3]])).expect("both");
        assert_eq!((both.require_explicit_policy, both.inhibit_policy_mapping), (Some(0), Some(3)));
        assert!(policy_constraints(&write::sequence(&[])).is_err());
        assert_eq!(inhibit_any_policy(&[2, 1, 2]), Ok(2));
        assert!(inhibit_any_policy(&[2, 1, 0xff]).is_err());
    }
}
