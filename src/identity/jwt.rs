//! Signed JSON Web Tokens: the algorithm from a list of ours, the key from a set of the signer's, never from the token itself.
//!
//! A token's header is outside data. Its `alg` only chooses among [`ALGORITHMS`]; its `kid` is compared with those of known keys
//! and used for nothing else; `jku`, `jwk`, `x5u` and `x5c` are not looked at; `crit` is refused (RFC 8725).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Map, Value};

use super::Claims;

/// Longest token read; real ones have one or two thousand bytes.
const LONGEST: usize = 16 * 1024;
/// Most keys of a set.
const MOST_KEYS: usize = 32;
/// Shortest RSA modulus in bytes.
const RSA_BYTES: usize = 256;

/// What tokens may be signed with: no `none`, and nothing symmetric, since the keys here are public.
const ALGORITHMS: [(&str, Algorithm); 8] = [
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("EdDSA", Algorithm::EdDSA),
];

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    #[error("it is not a signed JSON Web Token")]
    Malformed,
    #[error("its algorithm is not accepted")]
    Algorithm,
    #[error("no known key fits it")]
    UnknownKey,
    #[error("its signature is wrong")]
    Signature,
    #[error("its claim {0} is missing or wrong")]
    Claim(&'static str),
}

/// Names for metadata documents.
pub fn algorithm_names() -> impl Iterator<Item = &'static str> {
    ALGORITHMS.iter().map(|(name, _)| *name)
}

/// Public keys of one signer of tokens.
#[derive(Debug, Clone, Default)]
pub struct Keys(Vec<Jwk>);

/// Why a key set cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    #[error("it is not a JSON Web Key Set")]
    Malformed,
    #[error("it holds a private or a symmetric key")]
    Private,
    #[error("no key in it can be used: RSA of 2048 bits or more, P-256, P-384 and Ed25519 can")]
    Unusable,
}

impl Keys {
    /// Reads a JSON Web Key Set. Keys of kinds that are not known here are left out.
    ///
    /// # Errors
    /// [`KeysError`]; private material condemns the whole set: it was published by mistake.
    pub fn read(json: &str) -> Result<Self, KeysError> {
        let set: Value = serde_json::from_str(json).map_err(|_| KeysError::Malformed)?;
        let all = set.get("keys").and_then(Value::as_array).ok_or(KeysError::Malformed)?;
        if all.iter().any(|key| ["d", "k", "p", "q"].iter().any(|name| key.get(*name).is_some())) {
            return Err(KeysError::Private);
        }
        let read = |key: &Value| serde_json::from_value::<Jwk>(key.clone()).ok().filter(is_usable);
        let keys: Vec<Jwk> = all.iter().take(MOST_KEYS).filter_map(read).collect();
        if keys.is_empty() { Err(KeysError::Unusable) } else { Ok(Self(keys)) }
    }

    /// Checks a token's signature with these keys.
    ///
    /// # Errors
    /// [`JwtError`] but never [`JwtError::Claim`]: what the claims mean is for the caller.
    pub fn verify(&self, token: &str) -> Result<Claims, JwtError> {
        let header = header(token)?;
        let algorithm = algorithm(&header)?;
        let kid = match header.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.as_str()),
            Some(_) => return Err(JwtError::Malformed),
        };
        let mut found = Err(JwtError::UnknownKey);
        for key in self.0.iter().filter(|key| fits(key, algorithm, kid)) {
            let Ok(key) = DecodingKey::from_jwk(key) else { continue };
            found = check(token, &key, algorithm);
            if found.is_ok() {
                break;
            }
        }
        found
    }
}

/// Checks a token signed with a shared key, HS256 only: the CSC API's `account_token`.
///
/// # Errors
/// As [`Keys::verify`].
pub fn verify_hs256(token: &str, key: &[u8; 32]) -> Result<Claims, JwtError> {
    if header(token)?.get("alg").and_then(Value::as_str) != Some("HS256") {
        return Err(JwtError::Algorithm);
    }
    let key = DecodingKey::from_secret(key).map_err(|_| JwtError::UnknownKey)?;
    check(token, &key, Algorithm::HS256)
}

/// The issuer or subject a token names, before its signature is checked: to find whose keys to check it with.
pub fn claimed(token: &str, name: &str) -> Option<String> {
    let payload = part(token, 1)?;
    payload.get(name)?.as_str().map(str::to_owned)
}

fn check(token: &str, key: &DecodingKey, algorithm: Algorithm) -> Result<Claims, JwtError> {
    // Claims are checked by the caller, against a clock that is a parameter.
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
    let data = decode::<Map<String, Value>>(token, key, &validation).map_err(|_| JwtError::Signature)?;
    Ok(Claims(data.claims))
}

fn header(token: &str) -> Result<Map<String, Value>, JwtError> {
    if token.len() > LONGEST || token.split('.').count() != 3 {
        return Err(JwtError::Malformed);
    }
    let header = part(token, 0).ok_or(JwtError::Malformed)?;
    if header.contains_key("crit") { Err(JwtError::Malformed) } else { Ok(header) }
}

fn part(token: &str, n: usize) -> Option<Map<String, Value>> {
    let text = Some(token).filter(|token| token.len() <= LONGEST)?.split('.').nth(n)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

fn algorithm(header: &Map<String, Value>) -> Result<Algorithm, JwtError> {
    let name = header.get("alg").and_then(Value::as_str).ok_or(JwtError::Algorithm)?;
    let known = ALGORITHMS.iter().find(|(known, _)| *known == name);
    known.map(|(_, algorithm)| *algorithm).ok_or(JwtError::Algorithm)
}

fn is_usable(key: &Jwk) -> bool {
    ALGORITHMS.iter().any(|(_, algorithm)| fits(key, *algorithm, None)) && DecodingKey::from_jwk(key).is_ok()
}

/// Whether the key is of the algorithm's kind, is for signatures, and has the name asked for.
fn fits(key: &Jwk, algorithm: Algorithm, kid: Option<&str>) -> bool {
    let kind = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES256) => key.curve == EllipticCurve::P256,
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES384) => key.curve == EllipticCurve::P384,
        (AlgorithmParameters::OctetKeyPair(key), Algorithm::EdDSA) => key.curve == EllipticCurve::Ed25519,
        (
            AlgorithmParameters::RSA(key),
            Algorithm::PS256 | Algorithm::PS384 | Algorithm::PS512 | Algorithm::RS256 | Algorithm::RS384,
        ) => URL_SAFE_NO_PAD.decode(&key.n).is_ok_and(|n| n.len() >= RSA_BYTES),
        _ => false,
    };
    let common = &key.common;
    let stated = common.key_algorithm.as_ref().map(ToString::to_string);
    let named = ALGORITHMS.iter().find(|(_, known)| *known == algorithm).map(|(name, _)| *name);
    kind && matches!(common.public_key_use, None | Some(PublicKeyUse::Signature))
        && stated.is_none_or(|stated| Some(stated.as_str()) == named)
        && kid.is_none_or(|kid| common.key_id.as_deref() == Some(kid))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;

    /// A fresh P-256 key: PKCS#8 to sign with, and its public half as a JSON Web Key.
    fn key(kid: &str) -> (EncodingKey, Value) {
        use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
        let random = aws_lc_rs::rand::SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).expect("read");
        let point = pair.public_key().as_ref().to_vec();
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let jwk = json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": text(&point[1..33]), "y": text(&point[33..65])});
        (EncodingKey::from_ec_der(pkcs8.as_ref()), jwk)
    }

    fn keys(jwks: &[Value]) -> Keys {
        Keys::read(&json!({ "keys": jwks }).to_string()).expect("a set")
    }

    fn signed(key: &EncodingKey, kid: Option<&str>) -> String {
        let header = Header { kid: kid.map(str::to_owned), ..Header::new(Algorithm::ES256) };
        encode(&header, &json!({"sub": "an"}), key).expect("signed")
    }

    fn raw(header: &Value, signature: &str) -> String {
        let text = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.{signature}", text(header), text(&json!({"sub": "an"})))
    }

    #[test]
    fn signature_by_a_known_key_is_believed_and_by_another_is_not() {
        let ((own, jwk), (other, _)) = (key("a"), key("a"));
        let claims = keys(std::slice::from_ref(&jwk)).verify(&signed(&own, Some("a"))).expect("believed");
        assert_eq!(claims.text("sub"), Some("an"));
        assert_eq!(
            keys(std::slice::from_ref(&jwk)).verify(&signed(&other, Some("a"))).err(),
            Some(JwtError::Signature)
        );
        let mut token = signed(&own, Some("a"));
        token.replace_range(token.len() - 6..token.len() - 4, "AA");
        assert_eq!(keys(&[jwk]).verify(&token).err(), Some(JwtError::Signature));
    }

    #[test]
    fn tokens_without_signature_or_with_a_symmetric_one_are_refused() {
        let set = keys(&[key("a").1]);
        for alg in ["none", "None", "NONE", "HS256", "HS512", "ES256K", "", "es256"] {
            for signature in ["", "AAAA"] {
                assert_eq!(set.verify(&raw(&json!({"alg": alg}), signature)).err(), Some(JwtError::Algorithm), "{alg}");
            }
        }
        assert_eq!(set.verify(&raw(&json!({"alg": 1}), "")).err(), Some(JwtError::Algorithm));
        assert_eq!(set.verify(&raw(&json!({}), "")).err(), Some(JwtError::Algorithm));
        // The public key as an HMAC secret, the classic confusion.
        let confused = encode(
            &Header::new(Algorithm::HS256),
            &json!({"sub": "an"}),
            &EncodingKey::from_secret(&[7; 32]).expect("a key"),
        );
        assert_eq!(set.verify(&confused.expect("signed")).err(), Some(JwtError::Algorithm));
    }

    #[test]
    fn kid_is_a_name_and_never_a_path() {
        let (own, jwk) = key("a");
        let set = keys(&[jwk]);
        for kid in ["../../../../etc/passwd", "/dev/null", "a\0", "A", "http://evil.example/a", "' OR 1=1 --", ""] {
            assert_eq!(set.verify(&signed(&own, Some(kid))).err(), Some(JwtError::UnknownKey), "{kid:?}");
        }
        assert!(set.verify(&signed(&own, None)).is_ok(), "one key needs no name");
        assert_eq!(set.verify(&raw(&json!({"alg": "ES256", "kid": 1}), "")).err(), Some(JwtError::Malformed));
    }

    #[test]
    fn keys_inside_the_token_are_not_looked_at() {
        let (own, jwk) = key("evil");
        let mut header = Header::new(Algorithm::ES256);
        header.jwk = serde_json::from_value(jwk).ok();
        header.jku = Some("http://127.0.0.1:1/keys".into());
        let token = encode(&header, &json!({"sub": "an"}), &own).expect("signed");
        assert_eq!(keys(&[key("a").1]).verify(&token).err(), Some(JwtError::Signature));
        assert_eq!(
            keys(&[key("a").1]).verify(&raw(&json!({"alg": "ES256", "crit": ["x"]}), "")).err(),
            Some(JwtError::Malformed)
        );
    }

    #[test]
    fn sets_with_private_weak_or_no_keys_are_refused() {
        let mut private = key("a").1;
        private["d"] = json!("AAAA");
        let read = |json: &Value| Keys::read(&json.to_string()).err();
        assert_eq!(read(&json!({"keys": [private]})), Some(KeysError::Private));
        assert_eq!(read(&json!({"keys": [{"kty": "oct", "k": "AAAA"}]})), Some(KeysError::Private));
        let weak = json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode([0xC1; 128]), "e": "AQAB"});
        assert_eq!(read(&json!({"keys": [weak]})), Some(KeysError::Unusable));
        assert_eq!(read(&json!({"keys": []})), Some(KeysError::Unusable));
        for text in ["", "[]", "{}", "{\"keys\":{}}"] {
            assert_eq!(Keys::read(text).err(), Some(KeysError::Malformed), "{text}");
        }
    }

    #[test]
    fn what_is_no_token_is_refused_without_a_crash() {
        let set = keys(&[key("a").1]);
        for text in ["", ".", "..", "...", "a.b.c", "e30.e30.", "é.é.é", &"a".repeat(20_000), &".".repeat(20_000)] {
            assert!(set.verify(text).is_err());
            assert!(verify_hs256(text, &[0; 32]).is_err());
        }
    }

    #[test]
    fn shared_key_tokens_need_that_key() {
        let sign = |key: &[u8]| {
            encode(&Header::new(Algorithm::HS256), &json!({"sub": "a"}), &EncodingKey::from_secret(key).expect("a key"))
        };
        let token = sign(&[7; 32]).expect("signed");
        assert!(verify_hs256(&token, &[7; 32]).is_ok());
        assert_eq!(verify_hs256(&token, &[8; 32]).err(), Some(JwtError::Signature));
        assert_eq!(verify_hs256(&signed(&key("a").0, None), &[7; 32]).err(), Some(JwtError::Algorithm));
    }
}
