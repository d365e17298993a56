//! When a call is answered: `operationMode`, `validity_period`, `response_uri`.

use time::Duration;

use crate::service::operations::{KEPT, LONGEST_KEPT};

use super::super::fault::Fault;
use super::params::{Params, invalid};

/// When signatures are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// In the answer.
    Synchronous,
    /// By `signatures/signPolling`, for this long.
    Asynchronous { kept_for: Duration },
}

impl Mode {
    /// # Errors
    /// "Invalid parameter operationMode", "Invalid parameter validity_period", "Out of bounds parameter validity_period",
    /// "Invalid parameter response_uri": nobody is notified, see below.
    pub fn read(params: &Params) -> Result<Self, Fault> {
        let mode =
            params.optional_string(&["operationMode"]).map_err(|_| invalid("Invalid parameter operationMode"))?;
        let period = params.optional_integer("validity_period")?;
        // An address the caller chooses is one this machine would connect to, with a body nobody specified and nobody could
        // check. Webhooks, which are registered and signed, are the way to be told.
        let told = params.value("response_uri").or(params.value("responseURI"));
        match mode {
            None | Some("S") if period.is_some() => Err(invalid("Invalid parameter validity_period")),
            _ if told.is_some() => {
                Err(invalid("Invalid parameter response_uri: use signatures/signPolling or webhooks"))
            }
            None | Some("S") => Ok(Self::Synchronous),
            Some("A") => Ok(Self::Asynchronous { kept_for: period.map_or(Ok(KEPT), kept_for)? }),
            Some(_) => Err(invalid("Invalid parameter operationMode")),
        }
    }
}

/// Milliseconds.
fn kept_for(period: i64) -> Result<Duration, Fault> {
    let period = Duration::milliseconds(period);
    if !period.is_positive() {
        return Err(invalid("Invalid parameter validity_period"));
    }
    if period > LONGEST_KEPT { Err(invalid("Out of bounds parameter validity_period")) } else { Ok(period) }
}

#[cfg(test)]
mod tests {
    use super::super::params::tests::{description, params};
    use super::*;

    fn read(json: &str) -> Result<Mode, String> {
        Mode::read(&params(json)).map_err(|fault| description(&fault))
    }

    #[test]
    fn an_answer_in_the_callers_own_time_is_kept_within_bounds() {
        assert_eq!(read("{}"), Ok(Mode::Synchronous));
        assert_eq!(read(r#"{"operationMode":"A"}"#), Ok(Mode::Asynchronous { kept_for: KEPT }));
        let minute = Mode::Asynchronous { kept_for: Duration::minutes(1) };
        assert_eq!(read(r#"{"operationMode":"A","validity_period":60000}"#), Ok(minute));
        for (json, said) in [
            (r#"{"operationMode":"B"}"#, "Invalid parameter operationMode"),
            (r#"{"operationMode":1}"#, "Invalid parameter operationMode"),
            (r#"{"validity_period":1000}"#, "Invalid parameter validity_period"),
            (r#"{"operationMode":"A","validity_period":0}"#, "Invalid parameter validity_period"),
            (r#"{"operationMode":"A","validity_period":"x"}"#, "Invalid parameter validity_period"),
            (
                r#"{"operationMode":"A","validity_period":9223372036854775807}"#,
                "Out of bounds parameter validity_period",
            ),
        ] {
            assert_eq!(read(json), Err(said.to_owned()), "{json}");
        }
        let told = read(r#"{"operationMode":"A","response_uri":"https://a.example/"}"#).expect_err("refused");
        assert!(told.starts_with("Invalid parameter response_uri"), "{told}");
    }
}
