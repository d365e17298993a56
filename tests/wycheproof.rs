//! The Wycheproof vectors of the signature schemes, through the one entry everything else verifies with.
//!
//! Every vector of every set is run; sets that name a hash or a mask this program does not know must be refused as
//! unsupported. A value the vectors call acceptable may go either way. Nothing else may disagree: there are no exceptions but
//! those in [`STRICTER`], each with its reason, and an exception that is not needed fails too.

use std::collections::BTreeSet;

use der::Decode as _;
use kyso::crypto::{CryptoError, DigestAlgorithm, MlDsaSet, PublicKey, SignatureAlgorithm};
use spki::SubjectPublicKeyInfoOwned;
use wycheproof::{HashFunction, TestResult, ecdsa, eddsa, mldsa_verify, rsa_pkcs1_verify, rsa_pss_verify};

/// Set and number of valid vectors that are refused, with the reason.
const STRICTER: [(&str, usize, &str); 0] = [];

/// What became of the vectors of one scheme.
#[derive(Default)]
struct Tally {
    run: usize,
    disagreements: Vec<String>,
    excused: BTreeSet<(String, usize)>,
}

impl Tally {
    fn judge(&mut self, set: &str, id: usize, expected: &TestResult, valid: bool) {
        self.run += 1;
        let agrees = match expected {
            TestResult::Valid => valid,
            TestResult::Invalid => !valid,
            TestResult::Acceptable => true,
        };
        let excuse = STRICTER.iter().find(|(name, number, _)| *name == set && *number == id);
        match (agrees, excuse) {
            (true, None) => {}
            (false, Some(_)) if !valid => drop(self.excused.insert((set.to_owned(), id))),
            (true, Some(_)) => self.disagreements.push(format!("{set} {id}: its exception is not needed")),
            (false, _) => self.disagreements.push(format!("{set} {id}: {expected:?}, judged {valid}")),
        }
    }

    fn finish(self, least: usize) {
        assert_eq!(self.disagreements, Vec::<String>::new());
        assert!(self.run >= least, "{} vectors were run", self.run);
    }
}

fn key(spki: &[u8]) -> Result<PublicKey, CryptoError> {
    let spki = SubjectPublicKeyInfoOwned::from_der(spki).map_err(|_| CryptoError::BadKey("not DER"))?;
    PublicKey::from_spki(&spki)
}

fn digest(hash: HashFunction) -> Option<DigestAlgorithm> {
    match hash {
        HashFunction::Sha1 => Some(DigestAlgorithm::Sha1),
        HashFunction::Sha2_224 => Some(DigestAlgorithm::Sha224),
        HashFunction::Sha2_256 => Some(DigestAlgorithm::Sha256),
        HashFunction::Sha2_384 => Some(DigestAlgorithm::Sha384),
        HashFunction::Sha2_512 => Some(DigestAlgorithm::Sha512),
        HashFunction::Sha3_256 => Some(DigestAlgorithm::Sha3_256),
        HashFunction::Sha3_384 => Some(DigestAlgorithm::Sha3_384),
        HashFunction::Sha3_512 => Some(DigestAlgorithm::Sha3_512),
        _ => None,
    }
}

#[test]
fn rsa_pkcs1_agrees_with_every_vector() {
    let mut tally = Tally::default();
    for name in rsa_pkcs1_verify::TestName::all() {
        let set = rsa_pkcs1_verify::TestSet::load(name).expect("vectors");
        for group in set.test_groups {
            let Some(hash) = digest(group.hash) else { continue };
            let key = key(&group.der).expect("a public key");
            for test in group.tests {
                let valid = key.verify(SignatureAlgorithm::RsaPkcs1(hash), &test.msg, &test.sig).is_ok();
                tally.judge(&format!("{name:?}"), test.tc_id, &test.result, valid);
            }
        }
    }
    tally.finish(2000);
}

#[test]
fn rsa_pss_agrees_with_every_vector() {
    let mut tally = Tally::default();
    for name in rsa_pss_verify::TestName::all() {
        let set = rsa_pss_verify::TestSet::load(name).expect("vectors");
        for group in set.test_groups {
            // The mask is over the hash of the message, nothing else is read from a certificate or a SignerInfo.
            let (Some(hash), Some(mask)) = (digest(group.hash), group.mgf_hash.and_then(digest)) else { continue };
            if hash != mask {
                continue;
            }
            let key = key(&group.der).expect("a public key");
            let algorithm = SignatureAlgorithm::RsaPss { digest: hash, salt_len: group.salt_size };
            for test in group.tests {
                let valid = key.verify(algorithm, &test.msg, &test.sig).is_ok();
                tally.judge(&format!("{name:?}"), test.tc_id, &test.result, valid);
            }
        }
    }
    tally.finish(800);
}

#[test]
fn ecdsa_agrees_with_every_vector_on_p256_p384_and_p521() {
    let mut tally = Tally::default();
    for name in ecdsa::TestName::all() {
        let text = format!("{name:?}");
        let curve = ["EcdsaSecp256r1", "EcdsaSecp384r1", "EcdsaSecp521r1"].iter().any(|curve| text.starts_with(curve));
        if !curve || text.ends_with("P1363") {
            continue;
        }
        let set = ecdsa::TestSet::load(name).expect("vectors");
        for group in set.test_groups {
            let Some(hash) = digest(group.hash) else { continue };
            let key = key(&group.der).expect("a public key");
            for test in group.tests {
                let valid = key.verify(SignatureAlgorithm::Ecdsa(hash), &test.msg, &test.sig).is_ok();
                tally.judge(&text, test.tc_id, &test.result, valid);
            }
        }
    }
    tally.finish(2000);
}

#[test]
fn ed25519_agrees_with_every_vector() {
    let mut tally = Tally::default();
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).expect("vectors");
    for group in set.test_groups {
        let key = key(&group.der).expect("a public key");
        for test in group.tests {
            let valid = key.verify(SignatureAlgorithm::Ed25519, &test.msg, &test.sig).is_ok();
            tally.judge("Ed25519", test.tc_id, &test.result, valid);
        }
    }
    tally.finish(100);
}

#[test]
fn ml_dsa_agrees_with_every_vector_or_is_not_supported() {
    use mldsa_verify::TestName::{MlDsa44Verify, MlDsa65Verify, MlDsa87Verify};
    let mut tally = Tally::default();
    let sets =
        [(MlDsa44Verify, MlDsaSet::MlDsa44), (MlDsa65Verify, MlDsaSet::MlDsa65), (MlDsa87Verify, MlDsaSet::MlDsa87)];
    for (name, parameters) in sets {
        let set = mldsa_verify::TestSet::load(name).expect("vectors");
        for group in set.test_groups {
            let key = kyso::crypto::ml_dsa::VerifyingKey::decode(parameters, &group.pubkey).map(PublicKey::MlDsa);
            if !kyso::crypto::ml_dsa::SUPPORTED {
                assert!(matches!(key, Err(CryptoError::UnsupportedAlgorithm(_))));
                continue;
            }
            // CMS and certificates have no context (RFC 9882 §3, RFC 9881 §3).
            for test in group.tests.into_iter().filter(|test| test.ctx.as_ref().is_none_or(|ctx| ctx.is_empty())) {
                let algorithm = SignatureAlgorithm::MlDsa(parameters);
                let valid = key.as_ref().is_ok_and(|key| key.verify(algorithm, &test.msg, &test.sig).is_ok());
                tally.judge(&format!("{name:?}"), test.tc_id, &test.result, valid);
            }
        }
    }
    tally.finish(if kyso::crypto::ml_dsa::SUPPORTED { 150 } else { 0 });
}
