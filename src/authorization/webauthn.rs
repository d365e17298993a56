//! Passkeys (W3C Web Authentication, level 2): what a browser answers is checked here, and nothing else.
//!
//! Registration takes an attestation object (§7.1) and keeps the public key; who made the authenticator is not asked, so the
//! attestation statement is not looked at. An assertion (§7.2) signs the challenge, which is a hash over what is to be signed,
//! so the authenticator itself confirms that very request. User presence *and* verification are demanded: a passkey is
//! possession and, by the device's PIN or finger, a second factor.
//!
//! Written here and not taken from a crate because those draw their challenges themselves, and this one is the binding.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciborium::Value;
use serde::Deserialize;

use crate::crypto::digest::sha256;
use crate::crypto::{DigestAlgorithm, PublicKey, SignatureAlgorithm};
use crate::formats::der::{tag, write};

/// Longest credential id (§4) and longest parts of an answer that are read, in bytes.
const MAX_CREDENTIAL: usize = 1023;
const MAX_PART: usize = 16 * 1024;
const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const ATTESTED: u8 = 0x40;

/// Whose page it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    /// The host, without port.
    pub id: String,
    /// Scheme, host and port as browsers write them.
    pub origin: String,
}

/// What a browser answers to a registration.
#[derive(Debug, Clone)]
pub struct Registration {
    pub client_data: Vec<u8>,
    pub attestation_object: Vec<u8>,
}

/// What a browser answers to a challenge.
#[derive(Debug, Clone)]
pub struct Assertion {
    pub credential: Vec<u8>,
    pub client_data: Vec<u8>,
    pub authenticator_data: Vec<u8>,
    pub signature: Vec<u8>,
}

/// A registered passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    pub credential: Vec<u8>,
    /// DER of the SubjectPublicKeyInfo.
    pub spki: Vec<u8>,
    pub counter: u64,
}

/// Why an answer is not taken. It says nothing secret, and goes to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the passkey's answer is not acceptable: {0}")]
pub struct Unacceptable(&'static str);

type Result<T> = std::result::Result<T, Unacceptable>;

#[derive(Deserialize)]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    cross_origin: bool,
    #[serde(default, rename = "topOrigin")]
    top_origin: Option<String>,
}

/// §7.1, steps 5 to 21, without attestation.
///
/// # Errors
/// [`Unacceptable`] names the step that fails.
pub fn register(rp: &RelyingParty, challenge: &[u8; 32], answer: &Registration) -> Result<Registered> {
    check_client_data(rp, "webauthn.create", challenge, &answer.client_data)?;
    let object = cbor(&answer.attestation_object)?;
    let data = entry(&object, &Value::from("authData")).and_then(Value::as_bytes).ok_or(Unacceptable("no authData"))?;
    let data = AuthenticatorData::read(rp, data)?;
    let (credential, key) = data.attested.ok_or(Unacceptable("no credential"))?;
    let spki = cose_to_spki(&key)?;
    public_key(&spki)?;
    Ok(Registered { credential, spki, counter: u64::from(data.counter) })
}

/// §7.2: checks an assertion by the key `spki`, and gives the signature counter.
///
/// # Errors
/// [`Unacceptable`] names the step that fails.
pub fn check(rp: &RelyingParty, challenge: &[u8; 32], spki: &[u8], answer: &Assertion) -> Result<u64> {
    check_client_data(rp, "webauthn.get", challenge, &answer.client_data)?;
    let data = AuthenticatorData::read(rp, &answer.authenticator_data)?;
    let message = [&answer.authenticator_data[..], &sha256(&answer.client_data)].concat();
    let key = public_key(spki)?;
    let algorithm = match key {
        PublicKey::P256(_) => SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256),
        PublicKey::Ed25519(_) => SignatureAlgorithm::Ed25519,
        PublicKey::Rsa(_) => SignatureAlgorithm::RsaPkcs1(DigestAlgorithm::Sha256),
        _ => return Err(Unacceptable("the key")),
    };
    key.verify(algorithm, &message, &answer.signature).map_err(|_| Unacceptable("the signature"))?;
    Ok(u64::from(data.counter))
}

fn check_client_data(rp: &RelyingParty, kind: &str, challenge: &[u8; 32], bytes: &[u8]) -> Result<()> {
    if bytes.len() > MAX_PART {
        return Err(Unacceptable("clientDataJSON is too long"));
    }
    let data: ClientData = serde_json::from_slice(bytes).map_err(|_| Unacceptable("clientDataJSON"))?;
    if data.r#type != kind {
        return Err(Unacceptable("type"));
    }
    if data.challenge != URL_SAFE_NO_PAD.encode(challenge) {
        return Err(Unacceptable("challenge"));
    }
    if data.origin != rp.origin || data.cross_origin || data.top_origin.is_some() {
        return Err(Unacceptable("origin"));
    }
    Ok(())
}

/// ```text
/// rpIdHash (32) || flags (1) || signCount (4) || [ aaguid (16) || length (2) || credentialId || COSE_Key ] || extensions
/// ```
struct AuthenticatorData {
    counter: u32,
    attested: Option<(Vec<u8>, Value)>,
}

impl AuthenticatorData {
    fn read(rp: &RelyingParty, bytes: &[u8]) -> Result<Self> {
        let short = Unacceptable("authenticator data are too short");
        let (hash, rest) = bytes.split_first_chunk::<32>().ok_or(short)?;
        let (flags, rest) = rest.split_first().ok_or(short)?;
        let (counter, rest) = rest.split_first_chunk::<4>().ok_or(short)?;
        if *hash != sha256(rp.id.as_bytes()) {
            return Err(Unacceptable("rpIdHash"));
        }
        if flags & USER_PRESENT == 0 || flags & USER_VERIFIED == 0 {
            return Err(Unacceptable("the user was not verified"));
        }
        let attested = if flags & ATTESTED == 0 { None } else { Some(attested(rest)?) };
        Ok(Self { counter: u32::from_be_bytes(*counter), attested })
    }
}

fn attested(bytes: &[u8]) -> Result<(Vec<u8>, Value)> {
    let short = Unacceptable("credential data are too short");
    let (_aaguid, rest) = bytes.split_first_chunk::<16>().ok_or(short)?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or(short)?;
    let length = usize::from(u16::from_be_bytes(*length));
    if length == 0 || length > MAX_CREDENTIAL {
        return Err(Unacceptable("the credential id's length"));
    }
    let (credential, rest) = rest.split_at_checked(length).ok_or(short)?;
    Ok((credential.to_vec(), cbor(rest)?))
}

/// A CBOR value, with its nesting and size bounded.
fn cbor(bytes: &[u8]) -> Result<Value> {
    if bytes.len() > MAX_PART {
        return Err(Unacceptable("CBOR is too long"));
    }
    ciborium::de::from_reader_with_recursion_limit(bytes, 8).map_err(|_| Unacceptable("CBOR"))
}

fn entry<'a>(map: &'a Value, key: &Value) -> Option<&'a Value> {
    map.as_map()?.iter().find_map(|(found, value)| (found == key).then_some(value))
}

/// A COSE_Key (RFC 9053 §7): P-256 for ES256, Ed25519 for EdDSA, RSA for RS256.
fn cose_to_spki(key: &Value) -> Result<Vec<u8>> {
    let number = |label: i64| entry(key, &Value::from(label)).and_then(Value::as_integer).map(i128::from);
    let octets = |label: i64| {
        entry(key, &Value::from(label)).and_then(Value::as_bytes).ok_or(Unacceptable("the key lacks a part"))
    };
    let algorithm = |identifier: &[u8], key: &[u8]| {
        write::sequence(&[identifier, &write::tlv(tag::BIT_STRING, &[&[0], key].concat())])
    };
    match (number(1), number(3), number(-1)) {
        (Some(2), Some(-7), Some(1)) => {
            let (x, y) = (octets(-2)?, octets(-3)?);
            if x.len() != 32 || y.len() != 32 {
                return Err(Unacceptable("the point's size"));
            }
            // id-ecPublicKey with prime256v1.
            const EC: [u8; 21] =
                [0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
            Ok(algorithm(&EC, &[&[4], x.as_slice(), y.as_slice()].concat()))
        }
        (Some(1), Some(-8), Some(6)) => Ok(algorithm(&[0x30, 5, 6, 3, 0x2b, 0x65, 0x70], octets(-2)?)),
        (Some(3), Some(-257), _) => {
            const RSA: [u8; 15] = [0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
            let (modulus, exponent) = (octets(-1)?, octets(-2)?);
            Ok(algorithm(&RSA, &write::sequence(&[&unsigned(modulus), &unsigned(exponent)])))
        }
        _ => Err(Unacceptable("the key's algorithm")),
    }
}

/// A DER INTEGER of big-endian octets without sign.
fn unsigned(octets: &[u8]) -> Vec<u8> {
    let significant: Vec<u8> = octets.iter().copied().skip_while(|octet| *octet == 0).collect();
    let sign = significant.first().is_none_or(|first| first & 0x80 != 0);
    write::tlv(tag::INTEGER, &[if sign { &[0][..] } else { &[] }, &significant].concat())
}

fn public_key(spki: &[u8]) -> Result<PublicKey> {
    let unusable = Unacceptable("the key");
    let key = der::Decode::from_der(spki).ok().and_then(|spki| PublicKey::from_spki(&spki).ok()).ok_or(unusable)?;
    match &key {
        PublicKey::Rsa(_) if key.bits() < 2048 => Err(unusable),
        PublicKey::P256(_) | PublicKey::Ed25519(_) | PublicKey::Rsa(_) => Ok(key),
        _ => Err(unusable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::ecdsa::signature::Signer as _;
    use p256::ecdsa::{DerSignature, SigningKey};

    const CHALLENGE: [u8; 32] = [7; 32];

    fn rp() -> RelyingParty {
        RelyingParty { id: "ky.example.vn".into(), origin: "https://ky.example.vn".into() }
    }

    /// An authenticator made here: one P-256 key.
    struct Device(SigningKey);

    impl Device {
        fn new() -> Self {
            Self(SigningKey::from_slice(&[3; 32]).expect("a key"))
        }

        fn client_data(kind: &str, challenge: &[u8], origin: &str, more: &str) -> Vec<u8> {
            let challenge = URL_SAFE_NO_PAD.encode(challenge);
            format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false{more}}}"#)
                .into()
        }

        fn data(flags: u8, counter: u32, host: &str) -> Vec<u8> {
            [&sha256(host.as_bytes())[..], &[flags], &counter.to_be_bytes()].concat()
        }

        fn cose(&self) -> Vec<u8> {
            let point = self.0.verifying_key().to_sec1_point(false);
            let part = |label: i64, value: Value| (Value::from(label), value);
            let octets = |from: usize| Value::Bytes(point.as_bytes()[from..from + 32].to_vec());
            let map = vec![
                part(1, Value::from(2)),
                part(3, Value::from(-7)),
                part(-1, Value::from(1)),
                part(-2, octets(1)),
                part(-3, octets(33)),
            ];
            let mut bytes = Vec::new();
            ciborium::into_writer(&Value::Map(map), &mut bytes).expect("CBOR");
            bytes
        }

        fn registration(&self, flags: u8) -> Registration {
            let data = [&Self::data(flags, 1, "ky.example.vn")[..], &[0; 16], &[0, 4], b"cred", &self.cose()].concat();
            let map = vec![
                (Value::from("fmt"), Value::from("none")),
                (Value::from("attStmt"), Value::Map(vec![])),
                (Value::from("authData"), Value::Bytes(data)),
            ];
            let mut attestation_object = Vec::new();
            ciborium::into_writer(&Value::Map(map), &mut attestation_object).expect("CBOR");
            let client_data = Self::client_data("webauthn.create", &CHALLENGE, "https://ky.example.vn", "");
            Registration { client_data, attestation_object }
        }

        fn assertion(&self, client_data: Vec<u8>, authenticator_data: Vec<u8>) -> Assertion {
            let message = [&authenticator_data[..], &sha256(&client_data)].concat();
            let signature: DerSignature = self.0.sign(&message);
            let signature = signature.as_bytes().to_vec();
            Assertion { credential: b"cred".to_vec(), client_data, authenticator_data, signature }
        }
    }

    fn get(challenge: &[u8], origin: &str, more: &str) -> Vec<u8> {
        Device::client_data("webauthn.get", challenge, origin, more)
    }

    #[test]
    fn registered_passkey_signs_its_challenge() {
        let device = Device::new();
        let registered = register(&rp(), &CHALLENGE, &device.registration(0x45)).expect("registered");
        assert_eq!((registered.credential.as_slice(), registered.counter), (&b"cred"[..], 1));
        let answer = device.assertion(get(&CHALLENGE, &rp().origin, ""), Device::data(0x05, 9, "ky.example.vn"));
        assert_eq!(check(&rp(), &CHALLENGE, &registered.spki, &answer), Ok(9));
    }

    #[test]
    fn every_other_answer_is_refused() {
        let device = Device::new();
        let spki = register(&rp(), &CHALLENGE, &device.registration(0x45)).expect("registered").spki;
        let origin = &rp().origin;
        let good = || Device::data(0x05, 9, "ky.example.vn");
        let cases = [
            ("another challenge", device.assertion(get(&[8; 32], origin, ""), good())),
            ("another site", device.assertion(get(&CHALLENGE, "https://ky-example.vn", ""), good())),
            ("a frame", device.assertion(get(&CHALLENGE, origin, r#","topOrigin":"https://x""#), good())),
            (
                "a registration",
                device.assertion(Device::client_data("webauthn.create", &CHALLENGE, origin, ""), good()),
            ),
            ("another party", device.assertion(get(&CHALLENGE, origin, ""), Device::data(0x05, 9, "example.vn"))),
            ("nobody verified", device.assertion(get(&CHALLENGE, origin, ""), Device::data(0x01, 9, "ky.example.vn"))),
            ("nobody present", device.assertion(get(&CHALLENGE, origin, ""), Device::data(0x04, 9, "ky.example.vn"))),
            ("cut", device.assertion(get(&CHALLENGE, origin, ""), vec![0; 36])),
            (
                "another key",
                Device(SigningKey::from_slice(&[4; 32]).expect("a key")).assertion(get(&CHALLENGE, origin, ""), good()),
            ),
            ("no JSON", device.assertion(b"x".to_vec(), good())),
        ];
        for (what, answer) in cases {
            assert!(check(&rp(), &CHALLENGE, &spki, &answer).is_err(), "{what}");
        }
        let mut changed = device.assertion(get(&CHALLENGE, origin, ""), good());
        changed.authenticator_data[36] ^= 1;
        assert_eq!(check(&rp(), &CHALLENGE, &spki, &changed), Err(Unacceptable("the signature")));
    }

    #[test]
    fn registration_without_verification_or_with_rubbish_is_refused() {
        let device = Device::new();
        assert!(register(&rp(), &CHALLENGE, &device.registration(0x41)).is_err(), "not verified");
        assert!(register(&rp(), &CHALLENGE, &device.registration(0x05)).is_err(), "no credential");
        assert!(register(&rp(), &[8; 32], &device.registration(0x45)).is_err(), "another challenge");
        let good = device.registration(0x45);
        for cut in 0..good.attestation_object.len() {
            let answer = Registration { attestation_object: good.attestation_object[..cut].to_vec(), ..good.clone() };
            assert!(register(&rp(), &CHALLENGE, &answer).is_err(), "{cut}");
        }
        let deep = Registration { attestation_object: vec![0x81; 10_000], ..good };
        assert!(register(&rp(), &CHALLENGE, &deep).is_err());
    }

    #[test]
    fn rsa_and_ed25519_keys_are_read_and_weak_ones_refused() {
        let key = |parts: Vec<(i64, Value)>| {
            Value::Map(parts.into_iter().map(|(label, value)| (Value::from(label), value)).collect())
        };
        let rsa = |octets: usize| {
            let mut modulus = vec![0xff; octets];
            modulus[octets - 1] = 0xfd;
            key(vec![
                (1, Value::from(3)),
                (3, Value::from(-257)),
                (-1, Value::Bytes(modulus)),
                (-2, Value::Bytes(vec![1, 0, 1])),
            ])
        };
        assert!(cose_to_spki(&rsa(256)).and_then(|spki| public_key(&spki)).is_ok());
        assert!(cose_to_spki(&rsa(128)).and_then(|spki| public_key(&spki)).is_err());
        let point = ed25519_dalek::SigningKey::from_bytes(&[1; 32]).verifying_key().to_bytes().to_vec();
        let ed = key(vec![(1, Value::from(1)), (3, Value::from(-8)), (-1, Value::from(6)), (-2, Value::Bytes(point))]);
        assert!(cose_to_spki(&ed).and_then(|spki| public_key(&spki)).is_ok());
        assert!(cose_to_spki(&key(vec![(1, Value::from(2)), (3, Value::from(-35))])).is_err());
    }
}
