//! `kyso chain`: one certificate's path to a trusted root, built and validated offline (RFC 5280 §6).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::Args;
use const_oid::ObjectIdentifier;
use serde::Serialize;
use time::OffsetDateTime;

use super::basis::{BasisArgs, Grounds};
use super::material::{self, parse_time};
use crate::bundle::Bundle;
use crate::bundle::facts::Basis;
use crate::formats::x509::Certificate;
use crate::installed::StoreError;
use crate::report::text::printable;
use crate::validation::blocks::x509::policies::{AcceptablePolicies, Allowance, ExplicitPolicy, PolicyInputs};
use crate::validation::blocks::x509::{Context, Purpose, ValidatedPath, validate};
use crate::validation::budget::Budget;
use crate::validation::report::{Finding, Language, Message};
use crate::validation::{Policy, RevocationPolicy};

/// What diagnostics begin with.
const COMMAND: &str = "kyso chain";

/// Wrong usage: 2.
const USAGE: u8 = 2;

#[derive(Debug, Args)]
pub struct Arguments {
    /// Trusted root certificates: PEM or DER; without it, those of the installed trust bundle
    #[arg(long, value_name = "ROOT.pem")]
    trust: Vec<PathBuf>,

    /// Further certificates a path may be built from: PEM or DER
    #[arg(long, value_name = "FILE")]
    intermediates: Vec<PathBuf>,

    /// Revocation lists: a PEM or DER file, or a folder of them
    #[arg(long, value_name = "FILE_OR_DIR")]
    crl: Vec<PathBuf>,

    /// Refuse a certificate that no usable revocation list speaks for
    #[arg(long)]
    require_revocation: bool,

    #[command(flatten)]
    basis: BasisArgs,

    /// Validation time, e.g. 2026-06-01T00:00:00Z; now by default
    #[arg(long, value_name = "RFC3339", value_parser = parse_time)]
    at: Option<OffsetDateTime>,

    /// A key purpose the certificate must allow; may be repeated, then all must be
    #[arg(long, value_name = "OID", value_parser = parse_oid)]
    eku: Vec<ObjectIdentifier>,

    /// An acceptable certificate policy (user-initial-policy-set); may be repeated, any policy by default. Decides only where
    /// a policy is required, by --explicit-policy or by an authority
    #[arg(long, value_name = "OID", value_parser = parse_oid)]
    policy: Vec<ObjectIdentifier>,

    /// An acceptable policy must be valid for the whole path (initial-explicit-policy)
    #[arg(long)]
    explicit_policy: bool,

    /// Policies may not be mapped to others (initial-policy-mapping-inhibit)
    #[arg(long)]
    inhibit_policy_mapping: bool,

    /// anyPolicy in a certificate does not stand for other policies (initial-any-policy-inhibit)
    #[arg(long)]
    inhibit_any_policy: bool,

    /// One JSON object: valid, error, path
    #[arg(long)]
    json: bool,

    /// The certificate: PEM or DER. Further certificates in the file serve as intermediates
    #[arg(value_name = "LEAF")]
    leaf: PathBuf,
}

fn parse_oid(text: &str) -> Result<ObjectIdentifier, String> {
    ObjectIdentifier::new(text).map_err(|_| "not an object identifier such as 1.3.6.1.5.5.7.3.36".to_owned())
}

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Valid,
    Invalid,
    Unreadable,
    Internal,
}

impl Outcome {
    fn code(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Invalid => 1,
            Self::Unreadable => 4,
            Self::Internal => 70,
        }
    }
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Answer {
    valid: bool,
    error: Option<String>,
    /// Subjects, leaf first, anchor last; empty when there is no valid path.
    path: Vec<String>,
    /// What was judged by; absent when it did not come to that.
    #[serde(flatten)]
    basis: Option<Basis>,
}

impl Arguments {
    /// Validates the path and prints the answer: exit code 0 for a valid one, 1 for an invalid one, 2 for wrong usage, 4 for unreadable
    /// input.
    pub fn run(self) -> ExitCode {
        let installed = self.basis.store.installed();
        let bundle = installed.as_ref().is_ok_and(Option::is_some);
        let usage = match (&installed, self.trust.is_empty()) {
            (Ok(None), true) => Some("no trusted roots: name them with --trust, or import a trust bundle"),
            _ if self.require_revocation && self.crl.is_empty() && !bundle => Some("--require-revocation needs --crl"),
            _ => None,
        };
        if let Some(usage) = usage {
            eprintln!("{COMMAND}: {usage}");
            return ExitCode::from(USAGE);
        }
        let (outcome, answer) = catch_unwind(AssertUnwindSafe(|| self.answer(installed))).unwrap_or_else(|_| {
            (Outcome::Internal, refusal("internal error; please report this certificate".to_owned()))
        });
        if self.json {
            // Strings, numbers and flags only: serialising them cannot fail.
            println!("{}", serde_json::to_string(&answer).unwrap_or_default());
        } else if matches!(outcome, Outcome::Valid | Outcome::Invalid) {
            match &answer.error {
                None => println!("valid"),
                Some(error) => println!("invalid: {error}"),
            }
            answer.path.iter().for_each(|subject| println!("  {subject}"));
            let sentences = answer.basis.as_ref().map(|basis| basis.sentences(Language::English));
            for (label, sentence) in sentences.into_iter().flatten() {
                println!("{label}: {}", printable(&sentence));
            }
        } else {
            eprintln!("{COMMAND}: {}", answer.error.unwrap_or_default());
        }
        ExitCode::from(outcome.code())
    }

    fn answer(&self, installed: Result<Option<Bundle>, StoreError>) -> (Outcome, Answer) {
        let (leaf, grounds) = match self.read(installed) {
            Ok(read) => read,
            Err(error) => return (Outcome::Unreadable, refusal(format!("{error:#}"))),
        };
        let judged = self.judge(&leaf, &grounds);
        let basis = Some(grounds.basis);
        match judged {
            Ok(path) => {
                let path = path.certificates().iter().map(|certificate| certificate.subject().to_string());
                (Outcome::Valid, Answer { valid: true, error: None, path: path.collect(), basis })
            }
            Err(finding) => (Outcome::Invalid, Answer { basis, ..refusal(finding.message.text(Language::English)) }),
        }
    }

    fn read(&self, installed: Result<Option<Bundle>, StoreError>) -> anyhow::Result<(Certificate, Grounds)> {
        let mut given = material::certificates(std::slice::from_ref(&self.leaf), COMMAND)?.into_iter();
        let leaf = given.next().ok_or_else(|| anyhow!("{} holds no certificate", self.leaf.display()))?;
        let intermediates = material::certificates(&self.intermediates, COMMAND)?;
        let mut grounds = self.basis.read(installed, &self.trust, self.at, COMMAND)?;
        grounds.evidence.certificates.extend(given.chain(intermediates));
        material::revocation(&self.crl, COMMAND, &mut grounds.evidence)?;
        Ok((leaf, grounds))
    }

    fn judge(&self, leaf: &Certificate, grounds: &Grounds) -> Result<ValidatedPath, Finding> {
        let revocation = if self.require_revocation { RevocationPolicy::Require } else { RevocationPolicy::IfPresent };
        let context = Context {
            evidence: &grounds.evidence,
            policy: Policy { revocation, ..grounds.policy.policy },
            time: grounds.time,
            purpose: Purpose::Named(&self.eku),
            policies: self.policies(),
        };
        let mut messages = Vec::new();
        let outcome = validate(leaf, context, &mut Budget::default(), &mut messages);
        // Who gave no list knows that revocation was not looked at.
        if outcome.is_ok() && !self.crl.is_empty() {
            messages.iter().for_each(warn);
        }
        outcome
    }

    fn policies(&self) -> PolicyInputs<'_> {
        let allowance = |inhibited| if inhibited { Allowance::Inhibited } else { Allowance::Allowed };
        PolicyInputs {
            acceptable: match self.policy.as_slice() {
                [] => AcceptablePolicies::Any,
                listed => AcceptablePolicies::Of(listed),
            },
            explicit: if self.explicit_policy { ExplicitPolicy::Required } else { ExplicitPolicy::AsAuthoritiesAsk },
            mapping: allowance(self.inhibit_policy_mapping),
            any_policy: allowance(self.inhibit_any_policy),
        }
    }
}

fn refusal(error: String) -> Answer {
    Answer { valid: false, error: Some(error), path: Vec::new(), basis: None }
}

fn warn(message: &Message) {
    eprintln!("{COMMAND}: {}", message.text(Language::English));
}
