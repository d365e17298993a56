//! Certificate policies of a path (RFC 5280 §6.1), as a graph (RFC 9618) so that mappings cannot make it grow exponentially.
//!
//! The constraints standing in the anchor count as inputs (RFC 5937): its policies narrow the acceptable ones, its counters
//! begin where the certificate below it would find them.

use std::collections::{BTreeMap, BTreeSet};

use const_oid::ObjectIdentifier;

use crate::formats::x509::{Certificate, Extensions, policies::ANY_POLICY};
use crate::validation::report::{Code, Finding, SubIndication};

/// Most nodes of one graph. Honest paths have a few dozen; certificates at the reader's limit, chained sixteen deep, would
/// pass it.
const MAX_NODES: usize = 4_096;

/// The inputs of RFC 5280 §6.1.1 (c), (e), (f) and (g).
#[derive(Debug, Clone, Copy, Default)]
pub struct PolicyInputs<'a> {
    /// user-initial-policy-set.
    pub acceptable: AcceptablePolicies<'a>,
    /// initial-explicit-policy.
    pub explicit: ExplicitPolicy,
    /// initial-policy-mapping-inhibit.
    pub mapping: Allowance,
    /// initial-any-policy-inhibit.
    pub any_policy: Allowance,
}

/// Policies the relying party accepts.
#[derive(Debug, Clone, Copy, Default)]
pub enum AcceptablePolicies<'a> {
    #[default]
    Any,
    Of(&'a [ObjectIdentifier]),
}

impl AcceptablePolicies<'_> {
    fn accept(&self, policy: &ObjectIdentifier) -> bool {
        match self {
            Self::Any => true,
            Self::Of(listed) => listed.contains(&ANY_POLICY) || listed.contains(policy),
        }
    }

    fn is_any(&self) -> bool {
        match self {
            Self::Any => true,
            Self::Of(listed) => listed.contains(&ANY_POLICY),
        }
    }
}

/// Whether a policy must be valid for the whole path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExplicitPolicy {
    #[default]
    AsAuthoritiesAsk,
    Required,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Allowance {
    #[default]
    Allowed,
    Inhibited,
}

/// Processes the policies of a path; leaf first, anchor last.
///
/// # Errors
/// CERTIFICATE_CHAIN_GENERAL_FAILURE when an explicit policy is required and none is valid, or when anyPolicy is mapped.
pub fn check(path: &[Certificate], inputs: PolicyInputs<'_>) -> Result<(), Finding> {
    // A path of one is its anchor: there is nothing to process.
    let Some((anchor, below @ [_, ..])) = path.split_last() else { return Ok(()) };
    let mut counters = Counters::new(below.len(), inputs);
    counters.constrain(anchor.extensions());
    let mut graph = Graph::new();
    for (left, certificate) in below.iter().enumerate().rev() {
        let last = left == 0;
        let extensions = certificate.extensions();
        let spreads = counters.any_policy > 0 || (!last && certificate.is_self_issued());
        graph.descend(extensions.certificate_policies.as_deref().unwrap_or_default(), spreads, certificate)?;
        if counters.explicit == 0 && graph.is_null() {
            return Err(required(certificate));
        }
        if last {
            counters.wrap_up(extensions);
        } else {
            map(&mut graph, certificate, counters.mapping)?;
            counters.prepare(certificate);
        }
    }
    let anchor_policies = anchor.extensions().certificate_policies.as_deref();
    let anchored = anchor_policies.map_or(AcceptablePolicies::Any, AcceptablePolicies::Of);
    if counters.explicit > 0 || graph.satisfies(&[inputs.acceptable, anchored]) {
        Ok(())
    } else {
        Err(required(path.first().unwrap_or(anchor)))
    }
}

fn required(certificate: &Certificate) -> Finding {
    let detail = certificate.subject().to_string();
    Finding::with(SubIndication::CertificateChainGeneralFailure, Code::PolicyRequired, detail)
}

/// RFC 5280 §6.1.4 (a) and (b).
fn map(graph: &mut Graph, certificate: &Certificate, allowed: u32) -> Result<(), Finding> {
    let mappings = &certificate.extensions().policy_mappings;
    if mappings.iter().any(|mapping| mapping.issuer_domain == ANY_POLICY || mapping.subject_domain == ANY_POLICY) {
        let detail = certificate.subject().to_string();
        return Err(Finding::with(SubIndication::CertificateChainGeneralFailure, Code::PolicyMappingInvalid, detail));
    }
    let mut by_issuer: BTreeMap<ObjectIdentifier, BTreeSet<ObjectIdentifier>> = BTreeMap::new();
    for mapping in mappings {
        by_issuer.entry(mapping.issuer_domain).or_default().insert(mapping.subject_domain);
    }
    for (policy, equivalents) in by_issuer {
        if allowed > 0 {
            graph.replace_expected(policy, equivalents, certificate)?;
        } else {
            graph.remove(policy);
        }
    }
    Ok(())
}

/// The state variables explicit_policy, policy_mapping and inhibit_anyPolicy (RFC 5280 §6.1.2): how many certificates may
/// still follow before the rule takes hold.
#[derive(Debug)]
struct Counters {
    explicit: u32,
    mapping: u32,
    any_policy: u32,
}

impl Counters {
    fn new(length: usize, inputs: PolicyInputs<'_>) -> Self {
        let never = u32::try_from(length).unwrap_or(u32::MAX).saturating_add(1);
        let start = |allowance| if allowance == Allowance::Inhibited { 0 } else { never };
        Self {
            explicit: if inputs.explicit == ExplicitPolicy::Required { 0 } else { never },
            mapping: start(inputs.mapping),
            any_policy: start(inputs.any_policy),
        }
    }

    /// RFC 5280 §6.1.4 (h), (i) and (j).
    fn prepare(&mut self, certificate: &Certificate) {
        if !certificate.is_self_issued() {
            for counter in [&mut self.explicit, &mut self.mapping, &mut self.any_policy] {
                *counter = counter.saturating_sub(1);
            }
        }
        self.constrain(certificate.extensions());
    }

    /// RFC 5280 §6.1.4 (i) and (j).
    fn constrain(&mut self, extensions: &Extensions) {
        let lower =
            |counter: &mut u32, limit: Option<u32>| *counter = limit.map_or(*counter, |limit| limit.min(*counter));
        let constraints = extensions.policy_constraints.unwrap_or_default();
        lower(&mut self.explicit, constraints.require_explicit_policy);
        lower(&mut self.mapping, constraints.inhibit_policy_mapping);
        lower(&mut self.any_policy, extensions.inhibit_any_policy);
    }

    /// RFC 5280 §6.1.5 (a) and (b).
    fn wrap_up(&mut self, extensions: &Extensions) {
        self.explicit = self.explicit.saturating_sub(1);
        if extensions.policy_constraints.is_some_and(|constraints| constraints.require_explicit_policy == Some(0)) {
            self.explicit = 0;
        }
    }
}

/// valid_policy_graph (RFC 9618 §5.1): one level a certificate, the root level first; a policy has at most one node a level.
///
/// Nodes without children are not pruned as the path is walked: the graph is NULL exactly when its deepest level is empty, and
/// at the end only nodes above the deepest level's are looked at.
struct Graph {
    levels: Vec<BTreeMap<ObjectIdentifier, Node>>,
    nodes: usize,
}

struct Node {
    /// expected_policy_set.
    expected: BTreeSet<ObjectIdentifier>,
    /// valid_policy of the parents, in the level above.
    parents: BTreeSet<ObjectIdentifier>,
}

impl Node {
    fn of(policy: ObjectIdentifier, parents: BTreeSet<ObjectIdentifier>) -> Self {
        Self { expected: BTreeSet::from([policy]), parents }
    }
}

impl Graph {
    fn new() -> Self {
        let root = Node::of(ANY_POLICY, BTreeSet::new());
        Self { levels: vec![BTreeMap::from([(ANY_POLICY, root)])], nodes: 1 }
    }

    fn is_null(&self) -> bool {
        self.levels.last().is_none_or(BTreeMap::is_empty)
    }

    /// The level of the next certificate (RFC 9618 §5.3, 6.1.3 (d) and (e)). No policies make the graph NULL.
    fn descend(
        &mut self,
        policies: &[ObjectIdentifier],
        any_policy_spreads: bool,
        certificate: &Certificate,
    ) -> Result<(), Finding> {
        let mut expecting: BTreeMap<ObjectIdentifier, BTreeSet<ObjectIdentifier>> = BTreeMap::new();
        let above = self.levels.last();
        for (policy, node) in above.into_iter().flatten() {
            for expected in &node.expected {
                expecting.entry(*expected).or_default().insert(*policy);
            }
        }
        let any_above = above.is_some_and(|level| level.contains_key(&ANY_POLICY));
        let mut level = BTreeMap::new();
        for policy in policies.iter().filter(|policy| **policy != ANY_POLICY) {
            if let Some(parents) = expecting.get(policy) {
                level.insert(*policy, Node::of(*policy, parents.clone()));
            } else if any_above {
                level.insert(*policy, Node::of(*policy, BTreeSet::from([ANY_POLICY])));
            }
        }
        if any_policy_spreads && policies.contains(&ANY_POLICY) {
            for (policy, parents) in expecting {
                level.entry(policy).or_insert_with(|| Node::of(policy, parents));
            }
        }
        self.count(level.len(), certificate)?;
        self.levels.push(level);
        Ok(())
    }

    /// RFC 9618 §5.4, 6.1.4 (b)(1): the policy is expected under the names of the subject's domain.
    fn replace_expected(
        &mut self,
        policy: ObjectIdentifier,
        equivalents: BTreeSet<ObjectIdentifier>,
        certificate: &Certificate,
    ) -> Result<(), Finding> {
        let Some(level) = self.levels.last_mut() else { return Ok(()) };
        if let Some(node) = level.get_mut(&policy) {
            node.expected = equivalents;
        } else if level.contains_key(&ANY_POLICY) {
            level.insert(policy, Node { expected: equivalents, parents: BTreeSet::from([ANY_POLICY]) });
            self.count(1, certificate)?;
        }
        Ok(())
    }

    /// RFC 9618 §5.4, 6.1.4 (b)(2).
    fn remove(&mut self, policy: ObjectIdentifier) {
        if let Some(level) = self.levels.last_mut() {
            level.remove(&policy);
        }
    }

    /// Whether the user-constrained-policy-set is not empty (RFC 9618 §5.5, 6.1.5 (g)): every one of `sets` accepts the same policy,
    /// as the first authority that names one names it.
    fn satisfies(&self, sets: &[AcceptablePolicies<'_>]) -> bool {
        let Some(deepest) = self.levels.last() else { return false };
        if deepest.contains_key(&ANY_POLICY) {
            return any_in_common(sets);
        }
        let mut alive: BTreeSet<ObjectIdentifier> = deepest.keys().copied().collect();
        for level in self.levels.iter().rev() {
            let mut above = BTreeSet::new();
            for (policy, node) in level.iter().filter(|(policy, _)| alive.contains(*policy)) {
                let first_named = *policy != ANY_POLICY && node.parents.contains(&ANY_POLICY);
                if first_named && sets.iter().all(|set| set.accept(policy)) {
                    return true;
                }
                above.extend(node.parents.iter().copied());
            }
            alive = above;
        }
        false
    }

    fn count(&mut self, more: usize, certificate: &Certificate) -> Result<(), Finding> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > MAX_NODES {
            let detail = certificate.subject().to_string();
            return Err(Finding::with(SubIndication::CertificateChainGeneralFailure, Code::ChainTooExpensive, detail));
        }
        Ok(())
    }
}

/// Where anyPolicy is valid for the whole path, any policy that all sets accept is.
fn any_in_common(sets: &[AcceptablePolicies<'_>]) -> bool {
    let named = sets.iter().filter_map(|set| match set {
        AcceptablePolicies::Of(listed) if !set.is_any() => Some(*listed),
        _ => None,
    });
    match named.min_by_key(|listed| listed.len()) {
        None => true,
        Some(candidates) => candidates.iter().any(|policy| sets.iter().all(|set| set.accept(policy))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::der::{tag, write};
    use crate::formats::x509::testing::{Issuer, Template, critical, extension};

    const A: &str = "1.2.3.1";
    const B: &str = "1.2.3.2";
    const ANY: &str = "2.5.29.32.0";
    const A_ONLY: [ObjectIdentifier; 1] = [ObjectIdentifier::new_unwrap(A)];

    fn oid(text: &str) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(text)
    }

    fn policies(listed: &[&str]) -> Vec<u8> {
        let items: Vec<u8> = listed.iter().flat_map(|policy| write::sequence(&[&write::oid(&oid(policy))])).collect();
        extension("2.5.29.32", &write::tlv(tag::SEQUENCE, &items))
    }

    fn mapping(pairs: &[(&str, &str)]) -> Vec<u8> {
        let pair = |(from, to): &(&str, &str)| write::sequence(&[&write::oid(&oid(from)), &write::oid(&oid(to))]);
        critical("2.5.29.33", &write::tlv(tag::SEQUENCE, &pairs.iter().flat_map(pair).collect::<Vec<u8>>()))
    }

    fn require_explicit(skip: u8) -> Vec<u8> {
        critical("2.5.29.36", &write::sequence(&[&[0x80, 1, skip]]))
    }

    fn inhibit_mapping(skip: u8) -> Vec<u8> {
        critical("2.5.29.36", &write::sequence(&[&[0x81, 1, skip]]))
    }

    fn inhibit_any(skip: u8) -> Vec<u8> {
        critical("2.5.29.54", &[2, 1, skip])
    }

    /// Root, authority and leaf with these further extensions; leaf first.
    fn path(root: &[Vec<u8>], authority: &[Vec<u8>], leaf: &[Vec<u8>]) -> Vec<Certificate> {
        let with = |template: Template, extra: &[Vec<u8>]| Template { extra: extra.to_vec(), ..template };
        let seed = Issuer::root("Root");
        let root = seed.issue(&with(Template::authority("Root"), root));
        let ca = root.issue(&with(Template::authority("CA"), authority));
        let leaf = ca.issue(&with(Template::signer("An"), leaf));
        vec![leaf.certificate, ca.certificate, root.certificate]
    }

    fn explicit(acceptable: &[ObjectIdentifier]) -> PolicyInputs<'_> {
        let acceptable =
            if acceptable.is_empty() { AcceptablePolicies::Any } else { AcceptablePolicies::Of(acceptable) };
        PolicyInputs { acceptable, explicit: ExplicitPolicy::Required, ..PolicyInputs::default() }
    }

    fn code(path: &[Certificate], inputs: PolicyInputs<'_>) -> Option<Code> {
        check(path, inputs).err().map(|finding| finding.message.code)
    }

    #[test]
    fn same_policy_all_the_way_is_valid_and_another_is_not() {
        let good = path(&[], &[policies(&[A])], &[policies(&[A])]);
        assert_eq!(code(&good, explicit(&[])), None);
        assert_eq!(code(&good, explicit(&[oid(A)])), None);
        assert_eq!(code(&good, explicit(&[oid(B)])), Some(Code::PolicyRequired));
        let broken = path(&[], &[policies(&[A])], &[policies(&[B])]);
        assert_eq!(code(&broken, explicit(&[])), Some(Code::PolicyRequired));
        assert_eq!(code(&broken, PolicyInputs::default()), None, "nobody asks for a policy");
    }

    #[test]
    fn authority_may_require_a_policy() {
        let good = path(&[], &[policies(&[A]), require_explicit(0)], &[policies(&[A])]);
        assert_eq!(code(&good, PolicyInputs::default()), None);
        let none = path(&[], &[policies(&[A]), require_explicit(0)], &[]);
        assert_eq!(code(&none, PolicyInputs::default()), Some(Code::PolicyRequired));
        let later = path(&[], &[require_explicit(5)], &[]);
        assert_eq!(code(&later, PolicyInputs::default()), None);
    }

    #[test]
    fn any_policy_stands_for_others_unless_inhibited() {
        let any = path(&[], &[policies(&[ANY])], &[policies(&[A])]);
        assert_eq!(code(&any, explicit(&[oid(A)])), None);
        let inhibited = PolicyInputs { any_policy: Allowance::Inhibited, ..explicit(&A_ONLY) };
        assert_eq!(code(&any, inhibited), Some(Code::PolicyRequired));
        let by_authority = path(&[], &[policies(&[A]), inhibit_any(0)], &[policies(&[ANY])]);
        assert_eq!(code(&by_authority, explicit(&[oid(A)])), Some(Code::PolicyRequired));
        let all = path(&[], &[policies(&[ANY])], &[policies(&[ANY])]);
        assert_eq!(code(&all, explicit(&[oid(B)])), None);
    }

    #[test]
    fn mapped_policy_counts_under_its_first_name() {
        let mapped = path(&[], &[policies(&[A]), mapping(&[(A, B)])], &[policies(&[B])]);
        assert_eq!(code(&mapped, explicit(&[oid(A)])), None);
        assert_eq!(code(&mapped, explicit(&[oid(B)])), Some(Code::PolicyRequired));
        let inhibited = PolicyInputs { mapping: Allowance::Inhibited, ..explicit(&A_ONLY) };
        assert_eq!(code(&mapped, inhibited), Some(Code::PolicyRequired));
        let from_any = path(&[], &[policies(&[ANY]), mapping(&[(A, B)])], &[policies(&[B])]);
        assert_eq!(code(&from_any, explicit(&[oid(A)])), None);
    }

    #[test]
    fn inhibited_any_policy_is_not_mapped_from() {
        let wide = path(&[], &[policies(&[B, ANY]), mapping(&[(A, B)])], &[policies(&[B])]);
        assert_eq!(code(&wide, explicit(&A_ONLY)), None);
        let inhibited = PolicyInputs { any_policy: Allowance::Inhibited, ..explicit(&A_ONLY) };
        assert_eq!(code(&wide, inhibited), Some(Code::PolicyRequired));
    }

    #[test]
    fn mapping_any_policy_is_refused() {
        let path = path(&[], &[policies(&[A]), mapping(&[(A, ANY)])], &[policies(&[A])]);
        assert_eq!(code(&path, PolicyInputs::default()), Some(Code::PolicyMappingInvalid));
    }

    #[test]
    fn anchor_constrains_like_the_caller() {
        let leaf = [policies(&[A])];
        let required = path(&[require_explicit(0)], &[], &leaf);
        assert_eq!(code(&required, PolicyInputs::default()), Some(Code::PolicyRequired));
        let narrowed = path(&[policies(&[B])], &[policies(&[A])], &leaf);
        assert_eq!(code(&narrowed, explicit(&[])), Some(Code::PolicyRequired));
        let fitting = path(&[policies(&[A])], &[policies(&[A])], &leaf);
        assert_eq!(code(&fitting, explicit(&[])), None);
        let unmapped = path(&[inhibit_mapping(0)], &[policies(&[A]), mapping(&[(A, B)])], &[policies(&[B])]);
        assert_eq!(code(&unmapped, explicit(&[])), Some(Code::PolicyRequired));
    }

    #[test]
    fn crowded_graph_ends_at_the_limit() {
        let names: Vec<String> = (0..200).map(|number| format!("1.2.3.{number}")).collect();
        let listed = policies(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let crowded = std::slice::from_ref(&listed);
        let mut path = path(&[], crowded, crowded);
        let authority = path[1].clone();
        path.splice(1..1, std::iter::repeat_n(authority, 30));
        assert_eq!(code(&path, explicit(&[])), Some(Code::ChainTooExpensive));
    }
}
