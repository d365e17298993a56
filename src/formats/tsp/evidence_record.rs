//! Evidence records (RFC 4998): time-stamps over hash trees, renewed before they end.
//!
//! ```text
//! EvidenceRecord ::= SEQUENCE { version INTEGER { v1(1) }, digestAlgorithms SEQUENCE OF AlgorithmIdentifier,
//!   cryptoInfos [0] … OPTIONAL, encryptionInfo [1] … OPTIONAL, archiveTimeStampSequence SEQUENCE OF ArchiveTimeStampChain }
//! ArchiveTimeStampChain ::= SEQUENCE OF ArchiveTimeStamp
//! ArchiveTimeStamp ::= SEQUENCE { digestAlgorithm [0] AlgorithmIdentifier OPTIONAL, attributes [1] Attributes OPTIONAL,
//!   reducedHashtree [2] SEQUENCE OF PartialHashtree OPTIONAL, timeStamp ContentInfo }
//! PartialHashtree ::= SEQUENCE OF OCTET STRING
//! ```
//!
//! What this file does not do: judge the time-stamps; undo encryption (encryptionInfo), after which other octets were hashed.

use super::TstInfo;
use crate::crypto::DigestAlgorithm;
use crate::formats::cms::{CmsError, SignedData};
use crate::formats::der::{DerError, Reader, Tlv, tag, value, write};

/// Most chains, time-stamps of a chain, lists of a tree and hashes of a list. A record renewed each year for a century has a hundred
/// time-stamps; a tree over a million objects has twenty levels of two, or a few of a thousand.
const MAX_STAMPS: usize = 128;
const MAX_LISTS: usize = 64;
const MAX_HASHES: usize = 1024;

/// An evidence record as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceRecord {
    chains: Vec<Chain>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Chain {
    der: Vec<u8>,
    stamps: Vec<ArchiveTimeStamp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct ArchiveTimeStamp {
    /// Of the hash tree and the imprint alike.
    algorithm: DigestAlgorithm,
    tree: Option<Vec<Vec<Vec<u8>>>>,
    token: Vec<u8>,
}

/// One time-stamp of a record with the octets its imprint is to be of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub token: Vec<u8>,
    pub covered: Vec<u8>,
}

impl EvidenceRecord {
    /// Reads a record.
    ///
    /// # Errors
    /// [`CmsError`] when it is malformed, larger than the limits, or says that the objects were encrypted.
    pub fn from_der(der: &[u8]) -> Result<Self, CmsError> {
        let mut fields = Reader::single(der, tag::SEQUENCE)?.reader()?;
        if value::small(value::integer(fields.next()?)?)? != 1 {
            return Err(DerError::BadValue("an evidence record has another version than 1").into());
        }
        fields.expect(tag::SEQUENCE)?;
        fields.optional(tag::context_constructed(0))?;
        if fields.optional(tag::context_constructed(1))?.is_some() {
            return Err(DerError::BadValue("an evidence record over encrypted objects").into());
        }
        let chains = fields.expect(tag::SEQUENCE)?.reader()?.all(MAX_STAMPS, "archive time-stamp chains")?;
        fields.finish()?;
        let chains: Vec<Chain> = chains.into_iter().map(Chain::read).collect::<Result<_, _>>()?;
        if chains.is_empty() || chains.iter().any(|chain| chain.stamps.is_empty()) {
            return Err(DerError::BadValue("an evidence record without a time-stamp").into());
        }
        Ok(Self { chains })
    }

    /// The time-stamps, oldest first, when each covers what it has to: the first one `objects`, each later one of a chain the token
    /// before it, the first one of a later chain the objects and all chains before (RFC 4998 §5.3). `None` when one does not.
    pub fn links(&self, objects: &[&[u8]]) -> Option<Vec<Link>> {
        let mut links: Vec<Link> = Vec::new();
        for (position, chain) in self.chains.iter().enumerate() {
            let earlier = self.chains.get(..position)?;
            let algorithm = chain.stamps.first()?.algorithm;
            for (at, stamp) in chain.stamps.iter().enumerate() {
                let renewed = links.last().map(|link| link.token.clone());
                let covered = match (at, renewed) {
                    (0, None) => stamp.covers(&objects.iter().map(|object| object.to_vec()).collect::<Vec<_>>()),
                    (0, Some(_)) => stamp.covers(&with_chains(objects, earlier, algorithm)),
                    (_, Some(token)) if stamp.algorithm == algorithm => stamp.covers(&[token]),
                    _ => None,
                };
                links.push(Link { token: stamp.token.clone(), covered: covered? });
            }
        }
        Some(links)
    }
}

/// For each object its hash and that of the chains before (RFC 4998 §5.2, hash-tree renewal).
fn with_chains(objects: &[&[u8]], earlier: &[Chain], algorithm: DigestAlgorithm) -> Vec<Vec<u8>> {
    let chains = write::sequence(&earlier.iter().map(|chain| chain.der.as_slice()).collect::<Vec<_>>());
    let chains = algorithm.digest(&chains);
    let both = |object: &&[u8]| [algorithm.digest(object).as_bytes(), chains.as_bytes()].concat();
    objects.iter().map(both).collect()
}

impl Chain {
    fn read(element: Tlv<'_>) -> Result<Self, CmsError> {
        let stamps = element.expect(tag::SEQUENCE)?.reader()?.all(MAX_STAMPS, "archive time-stamps")?;
        let stamps = stamps.into_iter().map(ArchiveTimeStamp::read).collect::<Result<_, _>>()?;
        Ok(Self { der: element.raw().to_vec(), stamps })
    }
}

impl ArchiveTimeStamp {
    fn read(element: Tlv<'_>) -> Result<Self, CmsError> {
        let unknown = |_| DerError::BadValue("the hash of an archive time-stamp is not supported");
        let mut fields = element.expect(tag::SEQUENCE)?.reader()?;
        let named = fields.optional(tag::context_constructed(0))?;
        fields.optional(tag::context_constructed(1))?;
        let tree = fields.optional(tag::context_constructed(2))?.map(tree).transpose()?;
        let token = fields.expect(tag::SEQUENCE)?.raw().to_vec();
        fields.finish()?;
        let content = SignedData::parse(&token)?.content.map(std::borrow::Cow::into_owned).unwrap_or_default();
        let imprint = TstInfo::from_der(&content)?.imprint_algorithm.map_err(unknown)?;
        let named =
            named.map(|named| DigestAlgorithm::from_oid(&value::oid(named.reader()?.next()?)?).map_err(unknown));
        match named.transpose()? {
            Some(named) if named != imprint => {
                Err(DerError::BadValue("an archive time-stamp and its token name two hashes").into())
            }
            _ => Ok(Self { algorithm: imprint, tree, token }),
        }
    }

    /// The octets the imprint is to be of when the tree holds these objects (RFC 4998 §4.3); `None` when it does not hold them. A
    /// group of several objects is the whole first list.
    fn covers(&self, objects: &[Vec<u8>]) -> Option<Vec<u8>> {
        let Some(tree) = &self.tree else {
            let [object] = objects else { return None };
            return Some(object.clone());
        };
        let hashes: Vec<Vec<u8>> =
            objects.iter().map(|object| self.algorithm.digest(object).as_bytes().to_vec()).collect();
        let (first, above) = tree.split_first()?;
        let whole = objects.len() == 1 || first.len() == objects.len();
        if !whole || !hashes.iter().all(|hash| first.contains(hash)) {
            return None;
        }
        let mut covered = match objects {
            [object] if first.len() == 1 => object.clone(),
            _ => joined(first.clone()),
        };
        for list in above.iter().filter(|list| !list.is_empty()) {
            let node = self.algorithm.digest(&covered).as_bytes().to_vec();
            covered = joined(list.iter().cloned().chain([node]).collect());
        }
        let fits = |hash: &Vec<u8>| hash.len() == self.algorithm.output_len();
        tree.iter().flatten().all(fits).then_some(covered)
    }
}

/// Hashes in binary ascending order, one after the other.
fn joined(mut hashes: Vec<Vec<u8>>) -> Vec<u8> {
    hashes.sort();
    hashes.concat()
}

fn tree(element: Tlv<'_>) -> Result<Vec<Vec<Vec<u8>>>, CmsError> {
    let lists = element.reader()?.all(MAX_LISTS, "lists of a hash tree")?;
    let hash = |element: Tlv<'_>| element.expect(tag::OCTET_STRING).map(|hash| hash.content().to_vec());
    let list = |list: Tlv<'_>| -> Result<Vec<Vec<u8>>, DerError> {
        list.expect(tag::SEQUENCE)?.reader()?.all(MAX_HASHES, "hashes of a hash tree")?.into_iter().map(hash).collect()
    };
    Ok(lists.into_iter().map(list).collect::<Result<_, _>>()?)
}

/// A record written for tests.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// An archive time-stamp with this tree.
    pub fn stamp(tree: &[&[&[u8]]], token: &[u8]) -> Vec<u8> {
        let list = |hashes: &&[&[u8]]| {
            write::sequence(&[&hashes.iter().map(|hash| write::octet_string(hash)).collect::<Vec<_>>().concat()])
        };
        let lists = tree.iter().map(list).collect::<Vec<_>>().concat();
        let tree = if tree.is_empty() { Vec::new() } else { write::tlv(tag::context_constructed(2), &lists) };
        write::sequence(&[&tree, token])
    }

    pub fn record(chains: &[&[Vec<u8>]]) -> Vec<u8> {
        let chains: Vec<Vec<u8>> = chains.iter().map(|chain| write::sequence(&[&chain.concat()])).collect();
        let hash = write::sequence(&[&write::sequence(&[&write::oid(&DigestAlgorithm::Sha256.oid())])]);
        write::sequence(&[&write::small_integer(1), &hash, &write::sequence(&[&chains.concat()])])
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{record, stamp};
    use super::*;
    use crate::formats::x509::testing::{Issuer, Template};
    use crate::validation::testing::token;
    use time::macros::datetime;

    fn sha(octets: &[u8]) -> Vec<u8> {
        DigestAlgorithm::Sha256.digest(octets).as_bytes().to_vec()
    }

    fn tokens() -> [Vec<u8>; 2] {
        let unit = Issuer::root("Root").issue(&Template::time_stamping("TSA"));
        [1, 2].map(|day| token(&unit, &[b"any"], datetime!(2026-06-01 0:00 UTC) + time::Duration::days(day)))
    }

    fn covered(der: &[u8], objects: &[&[u8]]) -> Option<Vec<Vec<u8>>> {
        let links = EvidenceRecord::from_der(der).expect("record").links(objects)?;
        Some(links.into_iter().map(|link| link.covered).collect())
    }

    #[test]
    fn object_is_covered_alone_by_a_tree_or_as_a_group() {
        let [token, _] = tokens();
        let (a, b, c) = (sha(b"a"), sha(b"b"), sha(b"c"));
        assert_eq!(covered(&record(&[&[stamp(&[], &token)]]), &[b"a"]), Some(vec![b"a".to_vec()]));
        let tree = record(&[&[stamp(&[&[&a, &b], &[&c]], &token)]]);
        let expected = joined(vec![sha(&joined(vec![a.clone(), b.clone()])), c.clone()]);
        assert_eq!(covered(&tree, &[b"a"]), Some(vec![expected.clone()]));
        assert_eq!(covered(&tree, &[b"a", b"b"]), Some(vec![expected]));
        assert_eq!(covered(&tree, &[b"c"]), None, "not in the first list");
        assert_eq!(covered(&record(&[&[stamp(&[&[&a]], &token)]]), &[b"a", b"b"]), None, "half a group");
        assert_eq!(covered(&record(&[&[stamp(&[&[&a, &b, &c]], &token)]]), &[b"a", b"b"]), None, "more than the group");
        assert_eq!(covered(&record(&[&[stamp(&[&[&a, b"short"]], &token)]]), &[b"a"]), None);
    }

    #[test]
    fn renewals_cover_the_token_or_the_objects_with_the_chains_before() {
        let [first, second] = tokens();
        let (a, old) = (sha(b"a"), stamp(&[&[&sha(b"a")]], &first));
        let again = record(&[&[old.clone(), stamp(&[&[&sha(&first)]], &second)]]);
        assert_eq!(covered(&again, &[b"a"]), Some(vec![b"a".to_vec(), first.clone()]));
        let other = record(&[&[old.clone(), stamp(&[&[&a]], &second)]]);
        assert_eq!(covered(&other, &[b"a"]), None, "the older token is not covered");
        let chains = write::sequence(&[&write::sequence(&[&old])]);
        let both = [a.clone(), sha(&chains)].concat();
        let rehashed = record(&[std::slice::from_ref(&old), &[stamp(&[&[&sha(&both)]], &second)]]);
        assert_eq!(covered(&rehashed, &[b"a"]), Some(vec![b"a".to_vec(), both]));
        let forgetful = record(&[&[old], &[stamp(&[&[&a]], &second)]]);
        assert_eq!(covered(&forgetful, &[b"a"]), None, "the chain before is not covered");
    }

    #[test]
    fn records_without_time_stamps_or_over_encrypted_objects_are_refused() {
        assert!(EvidenceRecord::from_der(&record(&[])).is_err() && EvidenceRecord::from_der(&record(&[&[]])).is_err());
        assert!(EvidenceRecord::from_der(&record(&[&[stamp(&[], &write::sequence(&[]))]])).is_err());
        assert!(EvidenceRecord::from_der(b"0").is_err());
    }
}
