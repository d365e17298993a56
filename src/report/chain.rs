//! Certification paths in words, root first, with where each certificate came from.

use super::card::State;
use super::times;
use super::view::moment;
use super::words::Word;
use super::{Origin, Trust};
use crate::validation::report::facts::{
    CertificateFact, ChainState, Found, RevocationFact, RevocationKind, Role, Says,
};
use crate::validation::report::{Kind, Language, SignatureReport};

/// The paths of one signature and of its time-stamps, as one tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// How far the signer's path can be trusted.
    pub state: State,
    pub lead: &'static str,
    /// Trusted roots, or the highest certificates found.
    pub roots: Vec<Node>,
    /// The names on the signer's path, signer first.
    pub path: Vec<String>,
}

/// One certificate and what it issued, or a certificate that is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub role: &'static str,
    pub name: String,
    /// "valid from … to …".
    pub validity: Option<String>,
    pub origin: String,
    /// What revocation information says.
    pub status: Vec<String>,
    pub serial: Option<String>,
    pub fingerprint: Option<String>,
    pub state: State,
    pub issued: Vec<Node>,
}

impl Tree {
    /// `None` when no signing certificate was identified.
    pub(super) fn of(signature: &SignatureReport, trust: &Trust, language: Language) -> Option<Self> {
        let (chain, stamps) = (&signature.facts.chain, &signature.facts.time_stamps);
        let unit = match signature.kind {
            Kind::Signature => Word::RoleSigner,
            Kind::DocumentTimestamp => Word::RoleStampUnit,
        };
        let mut top = Vec::new();
        if chain.state == ChainState::Incomplete {
            top.extend(
                chain
                    .certificates
                    .last()
                    .filter(|last| last.issuer != last.subject)
                    .map(|last| missing(last, language)),
            );
        }
        let nodes = |path: &[CertificateFact], leaf| -> Vec<Node> {
            path.iter().rev().map(|certificate| node(certificate, leaf, trust, language)).collect()
        };
        top.extend(nodes(&chain.certificates, unit));
        let path: Vec<String> = top.iter().rev().map(|node| node.name.clone()).collect();
        let mut roots = Vec::new();
        plant(&mut roots, top);
        for stamp in stamps {
            plant(&mut roots, nodes(&stamp.chain, Word::RoleStampUnit));
        }
        let (state, lead) = match chain.state {
            ChainState::Valid => (State::Good, Word::ChainValid),
            ChainState::Refused => (State::Unsure, Word::ChainRefused),
            ChainState::Incomplete => (State::Unsure, Word::ChainIncomplete),
        };
        (!chain.certificates.is_empty()).then(|| Self { state, lead: lead.say(language), roots, path })
    }
}

/// Adds a path, root first, sharing what is there already.
fn plant(level: &mut Vec<Node>, path: Vec<Node>) {
    let mut level = level;
    for node in path {
        let known = level.iter().position(|there| there.fingerprint == node.fingerprint);
        let at = known.unwrap_or(level.len());
        if known.is_none() {
            level.push(node);
        }
        let Some(next) = level.get_mut(at) else { return };
        level = &mut next.issued;
    }
}

/// The issuer nobody handed in.
fn missing(top: &CertificateFact, language: Language) -> Node {
    Node {
        role: Word::RoleAuthority.say(language),
        name: top.issuer_name.clone(),
        validity: None,
        origin: Word::NotFound.say(language).to_owned(),
        status: Vec::new(),
        serial: None,
        fingerprint: None,
        state: State::Unsure,
        issued: Vec::new(),
    }
}

fn node(certificate: &CertificateFact, leaf: Word, trust: &Trust, language: Language) -> Node {
    let role = match certificate.role {
        Role::Anchor => Word::RoleAnchor,
        Role::Authority => Word::RoleAuthority,
        Role::Signer => leaf,
    };
    let (from, to) = (times::date(certificate.not_before, language), times::date(certificate.not_after, language));
    let ends = |says: &Says| matches!(says, Says::Revoked(_) | Says::OnHold(_));
    let revoked = certificate.revocation.iter().any(|fact| ends(&fact.says));
    Node {
        role: role.say(language),
        name: certificate.name.clone(),
        validity: Some(Word::FromTo.with(language, &[&from, &to])),
        origin: origin(certificate, trust, language),
        status: certificate.revocation.iter().map(|fact| status(fact, language)).collect(),
        serial: Some(certificate.serial.clone()),
        fingerprint: Some(certificate.fingerprint.clone()),
        state: if revoked { State::Bad } else { State::Good },
        issued: Vec::new(),
    }
}

fn origin(certificate: &CertificateFact, trust: &Trust, language: Language) -> String {
    match (trust.origin(&certificate.fingerprint), certificate.found) {
        (Some(Origin::File(name)), _) => Word::FromFile.with(language, &[name]),
        (Some(Origin::Bundle(name)), _) => Word::FromBundle.with(language, &[name]),
        (None, Found::Given) => Word::FromGiven.say(language).to_owned(),
        (None, Found::Document) => Word::FromDocument.say(language).to_owned(),
    }
}

/// "CRL of CA: not revoked (12/05/2026, brought by the document)".
fn status(fact: &RevocationFact, language: Language) -> String {
    let says = match fact.says {
        Says::Good => Word::SaysGood.say(language).to_owned(),
        Says::Revoked(date) => Word::SaysRevoked.with(language, &[&moment(date, language)]),
        Says::OnHold(date) => Word::SaysHeld.with(language, &[&moment(date, language)]),
        Says::Unknown => Word::SaysUnknown.say(language).to_owned(),
    };
    let found = match fact.found {
        Found::Given => Word::FromGiven,
        Found::Document => Word::FromDocument,
    };
    let line = Word::RevocationLine.with(language, &[revocation_name(fact.kind), &fact.by, &says]);
    format!("{line} ({}, {})", times::date(fact.this_update, language), found.say(language))
}

pub(super) fn revocation_name(kind: RevocationKind) -> &'static str {
    match kind {
        RevocationKind::Crl => "CRL",
        RevocationKind::Ocsp => "OCSP",
    }
}
