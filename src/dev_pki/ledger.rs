//! What the issuing CA issued and revoked: the source of its CRL and its OCSP answers.

use crate::crypto::digest::hex;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::DevPkiError;

/// One certificate, as one line of `issued.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// Lower-case hexadecimal.
    serial: String,
    subject: String,
    #[serde(with = "time::serde::rfc3339")]
    not_after: OffsetDateTime,
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    revoked_at: Option<OffsetDateTime>,
}

/// One revoked certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Revocation {
    /// Big-endian.
    pub serial: Vec<u8>,
    pub at: OffsetDateTime,
}

/// What is known of a serial number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Good,
    Revoked(OffsetDateTime),
    /// Never issued here.
    Unknown,
}

/// The certificates issued so far, in the order they were issued.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger(Vec<Line>);

impl Ledger {
    pub fn parse(text: &str) -> Result<Self, DevPkiError> {
        let lines = text.lines().map(serde_json::from_str).collect::<Result<_, _>>();
        lines.map(Self).map_err(|error| DevPkiError::Damaged(format!("issued.jsonl: {error}")))
    }

    pub fn to_text(&self) -> Result<String, DevPkiError> {
        let mut text = String::new();
        for line in &self.0 {
            text += &serde_json::to_string(line).map_err(super::authority::encoding)?;
            text.push('\n');
        }
        Ok(text)
    }

    pub fn add(&mut self, serial: &[u8], subject: String, not_after: OffsetDateTime) {
        self.0.push(Line { serial: hex(serial), subject, not_after, revoked_at: None });
    }

    /// Marks a certificate revoked; the first time counts. False when it was never issued here.
    pub fn revoke(&mut self, serial: &[u8], at: OffsetDateTime) -> bool {
        let serial = hex(serial);
        let found = self.0.iter_mut().find(|line| line.serial == serial);
        found.map(|line| line.revoked_at.get_or_insert(at)).is_some()
    }

    pub fn standing(&self, serial: &[u8]) -> Standing {
        let serial = hex(serial);
        match self.0.iter().find(|line| line.serial == serial) {
            None => Standing::Unknown,
            Some(Line { revoked_at: Some(at), .. }) => Standing::Revoked(*at),
            Some(_) => Standing::Good,
        }
    }

    /// Expired certificates stay listed: a verifier that looks back needs them.
    pub fn revocations(&self) -> Result<Vec<Revocation>, DevPkiError> {
        let revoked = self.0.iter().filter_map(|line| line.revoked_at.map(|at| (line, at)));
        revoked.map(|(line, at)| Ok(Revocation { serial: from_hex(&line.serial)?, at })).collect()
    }
}

fn from_hex(text: &str) -> Result<Vec<u8>, DevPkiError> {
    let damaged = || DevPkiError::Damaged("issued.jsonl: a serial number is not hexadecimal".to_owned());
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0).ok_or_else(damaged)?;
    let pairs = digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit));
    pairs.map(|byte| u8::try_from(byte).map_err(|_| damaged())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_ledger_reads_back_with_its_revocations() {
        let (first, second) = (datetime!(2026-01-01 0:00 UTC), datetime!(2026-02-01 0:00 UTC));
        let mut ledger = Ledger::default();
        ledger.add(&[0x4f, 0x00], "CN=Đỗ".into(), second);
        ledger.add(&[0x41], "CN=b".into(), second);
        assert!(ledger.revoke(&[0x4f, 0x00], first));
        assert!(ledger.revoke(&[0x4f, 0x00], second));
        assert!(!ledger.revoke(&[0x99], first));
        let again = Ledger::parse(&ledger.to_text().expect("text")).expect("parsed");
        assert_eq!(again.0, ledger.0);
        assert_eq!(again.revocations().expect("list"), [Revocation { serial: vec![0x4f, 0x00], at: first }]);
        assert_eq!(again.standing(&[0x4f, 0x00]), Standing::Revoked(first));
        assert_eq!(again.standing(&[0x41]), Standing::Good);
        assert_eq!(again.standing(&[0x99]), Standing::Unknown);
    }

    #[test]
    fn a_damaged_ledger_is_an_error() {
        assert!(matches!(Ledger::parse("{\"serial\":"), Err(DevPkiError::Damaged(_))));
        let line =
            r#"{"serial":"zz","subject":"","not_after":"2026-01-01T00:00:00Z","revoked_at":"2026-01-01T00:00:00Z"}"#;
        assert!(Ledger::parse(line).expect("JSON").revocations().is_err());
    }
}
