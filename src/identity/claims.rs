//! Claims of a token whose signature was checked. The time is a parameter.

use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::JwtError;

/// How far two clocks may differ.
const TOLERANCE: Duration = Duration::seconds(60);

/// What a token says; only [`super::jwt`] makes one.
#[derive(Debug, Clone)]
pub struct Claims(pub(super) Map<String, Value>);

impl Claims {
    /// A claim that is a non-empty string of at most 512 bytes.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| (1..=512).contains(&text.len()))
    }

    /// # Errors
    /// [`JwtError::Claim`] when it is not exactly `expected`.
    pub fn is(&self, name: &'static str, expected: &str) -> Result<(), JwtError> {
        if self.text(name) == Some(expected) { Ok(()) } else { Err(JwtError::Claim(name)) }
    }

    /// A `NumericDate` (RFC 7519 §2).
    pub fn time(&self, name: &str) -> Option<OffsetDateTime> {
        let value = self.0.get(name)?;
        let since = match value.as_i64() {
            Some(seconds) => Duration::seconds(seconds),
            None => Duration::saturating_seconds_f64(value.as_f64()?),
        };
        OffsetDateTime::UNIX_EPOCH.checked_add(since)
    }

    /// `aud`: one string or several.
    pub fn audiences(&self) -> Vec<&str> {
        match self.0.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Checks that the token is alive: `exp` ahead, at most `longest` from now, `nbf` and `iat` not ahead. Gives its end.
    ///
    /// # Errors
    /// [`JwtError::Claim`] names the one that does not fit.
    pub fn alive(&self, now: OffsetDateTime, longest: Duration) -> Result<OffsetDateTime, JwtError> {
        let ends = self.time("exp").ok_or(JwtError::Claim("exp"))?;
        let latest = now.checked_add(longest + TOLERANCE).ok_or(JwtError::Claim("exp"))?;
        if ends <= now - TOLERANCE || ends > latest {
            return Err(JwtError::Claim("exp"));
        }
        for name in ["nbf", "iat"] {
            let early = || self.time(name).is_none_or(|at| at > now + TOLERANCE);
            if self.0.contains_key(name) && early() {
                return Err(JwtError::Claim(name));
            }
        }
        Ok(ends + TOLERANCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);

    fn claims(value: Value) -> Claims {
        Claims(value.as_object().cloned().expect("an object"))
    }

    fn alive(value: Value) -> Result<OffsetDateTime, JwtError> {
        claims(value).alive(NOW, Duration::minutes(10))
    }

    #[test]
    fn token_without_end_or_with_a_far_one_is_refused() {
        let now = NOW.unix_timestamp();
        assert!(alive(json!({"exp": now + 60})).is_ok());
        assert!(alive(json!({"exp": now + 60, "iat": now, "nbf": now})).is_ok());
        for bad in [
            json!({}),
            json!({"exp": now - 61}),
            json!({"exp": now + 700}),
            json!({"exp": "never"}),
            json!({"exp": 1e300}),
            json!({"exp": i64::MAX}),
            json!({"exp": now + 60, "iat": now + 120}),
            json!({"exp": now + 60, "nbf": now + 120}),
            json!({"exp": now + 60, "iat": "now"}),
        ] {
            assert!(alive(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn audience_is_one_or_many_strings() {
        assert_eq!(claims(json!({"aud": "a"})).audiences(), ["a"]);
        assert_eq!(claims(json!({"aud": ["a", 1, "b"]})).audiences(), ["a", "b"]);
        assert!(claims(json!({"aud": {"a": 1}})).audiences().is_empty());
    }
}
