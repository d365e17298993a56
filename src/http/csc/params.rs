//! Typed access to a request's members, with the error texts of the specification (v2.0.0.2 §11, error tables).

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::domain::{CredentialId, Secret};

use super::super::body;
use super::super::confirm::Language;
use super::super::fault::Fault;
use super::super::problem;
use super::super::unique::Unique;

/// Hashes of one call, and documents of one call: far more than any SAD opens.
const MOST: usize = 1000;

/// The JSON object of a request.
#[derive(Debug)]
pub struct Params(Map<String, Value>);

/// `400 invalid_request` with a text of the tables.
pub fn invalid(description: impl Into<String>) -> Fault {
    let description = description.into();
    Fault::new(&problem::INVALID).detail(description.clone()).csc("invalid_request", description)
}

pub fn missing(kind: &str, name: &str) -> Fault {
    invalid(format!("Missing (or invalid type) {kind} parameter {name}"))
}

impl Params {
    /// An empty body is an empty object; a content type, when there is one, must be JSON.
    ///
    /// # Errors
    /// [`problem::MALFORMED_JSON`] for anything but an object.
    pub fn read(headers: &HeaderMap, bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.is_empty() {
            return Ok(Self(Map::new()));
        }
        let typed = headers.contains_key(axum::http::header::CONTENT_TYPE);
        if typed && !body::is(headers, "application/json") {
            return Err(Fault::new(&problem::UNSUPPORTED_MEDIA_TYPE));
        }
        match serde_json::from_slice(bytes) {
            Ok(Unique(Value::Object(members))) => Ok(Self(members)),
            _ => Err(Fault::new(&problem::MALFORMED_JSON)),
        }
    }

    /// An object inside another.
    ///
    /// # Errors
    /// The given fault for anything else.
    pub fn nested(value: &Value, fault: impl FnOnce() -> Fault) -> Result<Self, Fault> {
        value.as_object().cloned().map(Self).ok_or_else(fault)
    }

    /// The member, if it is present and not null.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.find(&[name]).map(|(_, value)| value)
    }

    /// Takes the member out, so that a large one is held once.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    /// Adds what `outer` has and this object lacks, of these names.
    pub fn inherit(&mut self, outer: &Self, names: &[&str]) {
        for name in names {
            if let Some(value) = outer.value(name)
                && self.value(name).is_none()
            {
                self.0.insert((*name).to_owned(), value.clone());
            }
        }
    }

    /// An integer, also as a decimal string.
    ///
    /// # Errors
    /// "Invalid parameter …" for anything else.
    pub fn optional_integer(&self, name: &str) -> Result<Option<i64>, Fault> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
        number.map(Some).ok_or_else(|| invalid(format!("Invalid parameter {name}")))
    }

    /// The first of `names` that is present and not null.
    fn find<'n>(&self, names: &[&'n str]) -> Option<(&'n str, &Value)> {
        names.iter().find_map(|name| self.0.get(*name).filter(|value| !value.is_null()).map(|value| (*name, value)))
    }

    /// # Errors
    /// When present and not a string.
    pub fn optional_string(&self, names: &[&str]) -> Result<Option<&str>, Fault> {
        match self.find(names) {
            None => Ok(None),
            Some((name, value)) => value.as_str().map(Some).ok_or_else(|| missing("string", name)),
        }
    }

    /// `lang`: Vietnamese unless English is asked for; a language that is not spoken here is no fault.
    ///
    /// # Errors
    /// When it is not a string.
    pub fn language(&self) -> Result<Language, Fault> {
        Ok(Language::of_tag(self.optional_string(&["lang"])?))
    }

    /// # Errors
    /// When absent, empty or not a string; the text names the first of `names`.
    pub fn string(&self, names: &[&str]) -> Result<&str, Fault> {
        let found = self.optional_string(names)?.filter(|text| !text.is_empty());
        found.ok_or_else(|| missing("string", names.first().copied().unwrap_or_default()))
    }

    /// # Errors
    /// When present and not a boolean.
    pub fn flag(&self, name: &str) -> Result<bool, Fault> {
        match self.find(&[name]) {
            None => Ok(false),
            Some((_, value)) => value.as_bool().ok_or_else(|| invalid(format!("Invalid parameter {name}"))),
        }
    }

    /// A positive integer; also accepted as a decimal string, as some v1 clients send it.
    ///
    /// # Errors
    /// "Missing (or invalid type) integer parameter …", or "Invalid value for parameter …" below 1.
    pub fn positive(&self, name: &str) -> Result<u32, Fault> {
        let value = self.find(&[name]).map(|(_, value)| value).ok_or_else(|| missing("integer", name))?;
        let number = value.as_i64().or_else(|| value.as_str()?.parse().ok()).ok_or_else(|| missing("integer", name))?;
        let positive = u32::try_from(number).ok().filter(|number| *number >= 1);
        positive.ok_or_else(|| invalid(format!("Invalid value for parameter {name}")))
    }

    /// Decoded hashes from `hashes`, or v1's `hash`; a lone string counts as an array of one. `None` when absent.
    ///
    /// # Errors
    /// The texts of the signHash table, which say "hash" in both versions.
    pub fn hashes(&self) -> Result<Option<Vec<Vec<u8>>>, Fault> {
        let Some((_, value)) = self.find(&["hashes", "hash"]) else { return Ok(None) };
        let bad_type = || missing("array", "hash");
        let single;
        let array = match value {
            Value::Array(array) => array,
            Value::String(_) => {
                single = vec![value.clone()];
                &single
            }
            _ => return Err(bad_type()),
        };
        if array.is_empty() {
            return Err(invalid("Empty hash array"));
        }
        if array.len() > MOST {
            return Err(Fault::new(&problem::NUMBER_OF_SIGNATURES));
        }
        let decode = |value: &Value| base64(value.as_str().ok_or_else(bad_type)?);
        array.iter().map(decode).collect::<Result<Vec<_>, _>>().map(Some)
    }

    /// Whether the hashes come under v1's name. v1 names no hash algorithm beside them, on whichever version's path it is spoken.
    pub fn speaks_v1(&self) -> bool {
        self.find(&["hashes"]).is_none() && self.find(&["hash"]).is_some()
    }

    /// # Errors
    /// The two texts on credentialID.
    pub fn credential(&self) -> Result<CredentialId, Fault> {
        let text = self.string(&["credentialID"])?;
        CredentialId::parse(text).map_err(|_| invalid("Invalid parameter credentialID"))
    }

    /// A factor: v1's member `names`, or the entry of v2's `authData` with such an id. Empty values count as absent.
    ///
    /// # Errors
    /// When `authData` is not an array of objects with string `id` and `value`.
    pub fn factor(&self, id: &str) -> Result<Option<Secret>, Fault> {
        let bad = || missing("array", "authData");
        if let Some(text) = self.optional_string(&[id])? {
            return Ok(Some(text).filter(|text| !text.is_empty()).map(Secret::new));
        }
        let Some((_, value)) = self.find(&["authData"]) else { return Ok(None) };
        for entry in value.as_array().ok_or_else(bad)? {
            let entry = entry.as_object().ok_or_else(bad)?;
            let entry_id = entry.get("id").and_then(Value::as_str).ok_or_else(bad)?;
            if entry_id != id {
                continue;
            }
            return match entry.get("value") {
                None | Some(Value::Null) => Ok(None),
                Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty()).map(Secret::new)),
                Some(_) => Err(bad()),
            };
        }
        Ok(None)
    }
}

fn base64(text: &str) -> Result<Vec<u8>, Fault> {
    STANDARD.decode(text).map_err(|_| invalid("Invalid Base64 hash string parameter"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::super::fault::Shape;
    use super::*;

    pub fn params(json: &str) -> Params {
        Params::read(&HeaderMap::new(), json.as_bytes()).expect("an object")
    }

    /// The description a client sees.
    pub fn description(fault: &Fault) -> String {
        let body: Value = serde_json::from_str(&fault.body(Shape::Csc, "r").expect("a body")).expect("JSON");
        body["error_description"].as_str().expect("a string").to_owned()
    }

    #[test]
    fn only_an_object_is_a_request() {
        for bad in ["[]", "1", "{", "{\"a\":1}x", "{\"a\":1,\"a\":1}", &"{\"a\":".repeat(200)] {
            assert!(Params::read(&HeaderMap::new(), bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(Params::read(&HeaderMap::new(), b"").is_ok());
    }

    #[test]
    fn texts_are_those_of_the_tables() {
        let p = params(r#"{"credentialID":1,"numSignatures":"x","hash":[],"SAD":"","bad":"a/b"}"#);
        let of = |fault| description(&fault);
        assert_eq!(of(p.credential().expect_err("type")), "Missing (or invalid type) string parameter credentialID");
        assert_eq!(of(p.string(&["SAD"]).expect_err("empty")), "Missing (or invalid type) string parameter SAD");
        assert_eq!(of(p.string(&["signAlgo"]).expect_err("no")), "Missing (or invalid type) string parameter signAlgo");
        assert_eq!(
            of(p.positive("numSignatures").expect_err("type")),
            "Missing (or invalid type) integer parameter numSignatures"
        );
        assert_eq!(of(p.hashes().expect_err("empty")), "Empty hash array");
        let p = params(r#"{"credentialID":"a/b","numSignatures":0,"hashes":["%%"]}"#);
        assert_eq!(of(p.credential().expect_err("value")), "Invalid parameter credentialID");
        assert_eq!(of(p.positive("numSignatures").expect_err("zero")), "Invalid value for parameter numSignatures");
        assert_eq!(of(p.hashes().expect_err("base64")), "Invalid Base64 hash string parameter");
    }

    #[test]
    fn factors_are_read_in_both_dialects() {
        let v1 = params(r#"{"PIN":"1234","OTP":""}"#);
        assert_eq!(v1.factor("PIN").expect("read").map(|s| s.expose().to_owned()), Some("1234".to_owned()));
        assert!(v1.factor("OTP").expect("read").is_none());
        let v2 = params(r#"{"authData":[{"id":"PIN","value":"1234"},{"id":"OTP"}]}"#);
        assert_eq!(v2.factor("PIN").expect("read").map(|s| s.expose().to_owned()), Some("1234".to_owned()));
        assert!(v2.factor("OTP").expect("read").is_none());
        assert!(params(r#"{"authData":[{"id":"PIN","value":1234}]}"#).factor("PIN").is_err());
    }
}
