//! Candidate paths from a certificate to the anchors, depth first.
//!
//! Every edge is a checked signature, so the search only branches where a key really signed. A path never passes the same
//! subject and key twice, so loops of cross-certificates end; what remains is bounded by the [`Budget`].

use std::collections::{HashMap, HashSet};

use crate::formats::x509::Certificate;
use crate::validation::budget::{Budget, Exhausted, MAX_PATH_LENGTH};
use crate::validation::evidence::Evidence;
use crate::validation::known::KnownSignatures;

/// A path whose signatures verify: the leaf first, the anchor last.
#[derive(Debug, Clone)]
pub struct Path {
    pub certificates: Vec<Certificate>,
}

impl Path {
    /// Each certificate below the anchor with its issuer.
    pub fn links(&self) -> impl Iterator<Item = (&Certificate, &Certificate)> {
        self.certificates.iter().zip(self.certificates.iter().skip(1))
    }
}

/// The state of one search.
pub struct Search<'a> {
    pool: Vec<Candidate<'a>>,
    /// Partial paths still to be extended; the last is the next.
    open: Vec<Vec<usize>>,
    /// Whether `(certificate, issuer)` is a verified signature.
    checked: HashMap<(usize, usize), bool>,
    met_bad_signature: bool,
    known: &'a KnownSignatures,
}

#[derive(Clone, Copy)]
struct Candidate<'a> {
    certificate: &'a Certificate,
    role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Anchor,
    Other,
}

impl<'a> Search<'a> {
    pub fn new(leaf: &'a Certificate, evidence: &'a Evidence) -> Self {
        let mut seen = HashSet::new();
        let anchors = evidence.anchors.iter().map(|certificate| Candidate { certificate, role: Role::Anchor });
        let others = evidence.certificates.iter().map(|certificate| Candidate { certificate, role: Role::Other });
        let role = if evidence.anchors.contains(leaf) { Role::Anchor } else { Role::Other };
        let mut pool = vec![Candidate { certificate: leaf, role }];
        pool.extend(
            anchors
                .chain(others)
                .filter(|candidate| candidate.certificate != leaf && seen.insert(candidate.certificate.der())),
        );
        Self { pool, open: vec![vec![0]], checked: HashMap::new(), met_bad_signature: false, known: &evidence.known }
    }

    /// The next path that reaches an anchor, `None` when there are no more.
    ///
    /// # Errors
    /// [`Exhausted`] when the budget ends first.
    pub fn next_path(&mut self, budget: &mut Budget) -> Result<Option<Path>, Exhausted> {
        while let Some(partial) = self.open.pop() {
            let Some(top) = partial.last().and_then(|index| Some((*index, *self.pool.get(*index)?))) else { continue };
            let (index, candidate) = top;
            if candidate.role == Role::Anchor {
                budget.spend_path()?;
                return Ok(Some(self.path(&partial)));
            }
            if partial.len() < MAX_PATH_LENGTH {
                self.extend(&partial, index, candidate, budget)?;
            }
        }
        Ok(None)
    }

    /// Whether some certificate bore an issuer's name without that issuer's signature.
    pub fn met_bad_signature(&self) -> bool {
        self.met_bad_signature
    }

    fn extend(
        &mut self,
        partial: &[usize],
        index: usize,
        child: Candidate<'a>,
        budget: &mut Budget,
    ) -> Result<(), Exhausted> {
        let mut issuers = Vec::new();
        for (issuer_index, issuer) in self.pool.clone().into_iter().enumerate() {
            let named = issuer.certificate.subject() == child.certificate.issuer() && issuer_index != index;
            if named && !self.already_passed(partial, issuer.certificate) && self.signed(index, issuer_index, budget)? {
                issuers.push((preference(child.certificate, issuer), issuer_index));
            }
        }
        // The stack's last is tried first: worst candidates are pushed first.
        issuers.sort_by_key(|(preference, _)| *preference);
        for (_, issuer_index) in issuers {
            self.open.push(partial.iter().copied().chain([issuer_index]).collect());
        }
        Ok(())
    }

    fn already_passed(&self, partial: &[usize], issuer: &Certificate) -> bool {
        partial.iter().filter_map(|index| self.pool.get(*index)).any(|passed| {
            passed.certificate.spki_der() == issuer.spki_der() && passed.certificate.subject() == issuer.subject()
        })
    }

    fn signed(&mut self, child: usize, issuer: usize, budget: &mut Budget) -> Result<bool, Exhausted> {
        if let Some(known) = self.checked.get(&(child, issuer)) {
            return Ok(*known);
        }
        budget.spend_signature_check()?;
        let pair = self.pool.get(child).zip(self.pool.get(issuer));
        let signed = pair.is_some_and(|(child, issuer)| self.known.issued(child.certificate, issuer.certificate));
        self.met_bad_signature |= !signed;
        self.checked.insert((child, issuer), signed);
        Ok(signed)
    }

    fn path(&self, indices: &[usize]) -> Path {
        let certificates = indices.iter().filter_map(|index| self.pool.get(*index));
        Path { certificates: certificates.map(|candidate| candidate.certificate.clone()).collect() }
    }
}

/// Higher is better: anchors first, then issuers whose key identifier fits (RFC 5280 §4.2.1.1).
fn preference(child: &Certificate, issuer: Candidate<'_>) -> u8 {
    let wanted = child.extensions().authority_key_identifier.as_ref().and_then(|id| id.key_identifier.as_ref());
    let fits = match (wanted, &issuer.certificate.extensions().subject_key_identifier) {
        (Some(wanted), Some(found)) if wanted == found => 2,
        (Some(_), Some(_)) => 0,
        _ => 1,
    };
    if issuer.role == Role::Anchor { fits + 3 } else { fits }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::x509::testing::{Issuer, Template};

    #[test]
    fn both_ways_to_the_anchor_are_found() {
        let root = Issuer::root("Root");
        let ca = root.issue(&Template::authority("CA"));
        let again = root.issue(&Template { serial: 8, ..Template::authority("CA") });
        let leaf = ca.issue(&Template::signer("An"));
        let evidence = Evidence {
            anchors: vec![root.certificate.clone()],
            certificates: vec![ca.certificate, again.certificate],
            ..Evidence::default()
        };
        let mut search = Search::new(&leaf.certificate, &evidence);
        let mut budget = Budget::default();
        let mut count = 0;
        while let Some(path) = search.next_path(&mut budget).expect("budget") {
            assert_eq!(path.certificates.len(), 3);
            count += 1;
        }
        assert_eq!(count, 2);
    }

    #[test]
    fn trusted_leaf_is_a_path_of_one() {
        let root = Issuer::root("Root");
        let leaf = root.issue(&Template::signer("An")).certificate;
        let evidence = Evidence { anchors: vec![leaf.clone()], ..Evidence::default() };
        let path = Search::new(&leaf, &evidence).next_path(&mut Budget::default()).expect("budget").expect("path");
        assert_eq!(path.certificates, [leaf]);
    }

    #[test]
    fn hundreds_of_forged_issuers_end_at_the_budget() {
        let root = Issuer::root("Root");
        let leaf = root.issue(&Template::signer("An")).certificate;
        let forged = |serial: u16| {
            let seed = format!("forged {serial}");
            Issuer::root(&seed).issue(&Template { key_seed: seed.clone(), ..Template::authority("Root") }).certificate
        };
        let certificates = (0..600).map(forged).collect();
        let evidence = Evidence { certificates, ..Evidence::default() };
        let mut search = Search::new(&leaf, &evidence);
        assert_eq!(search.next_path(&mut Budget::default()).map(|path| path.is_some()), Err(Exhausted));
    }
}
