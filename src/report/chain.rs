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

/// One path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    pub title: String,
    /// How far the path can be trusted.
    pub state: State,
    pub lead: &'static str,
    /// Root first, signer last.
    pub nodes: Vec<Node>,
}

/// One certificate of a path, or its absence.
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
}

impl Tree {
    /// The signer's path, then those of the time-stamps; paths of one unit are told once.
    pub(super) fn all(signature: &SignatureReport, trust: &Trust, language: Language) -> Vec<Self> {
        let facts = &signature.facts;
        let unit = match signature.kind {
            Kind::Signature => Word::RoleSigner,
            Kind::DocumentTimestamp => Word::RoleStampUnit,
        };
        let mut trees = Vec::new();
        if !facts.chain.certificates.is_empty() {
            let title = Word::ChainTitle.say(language).to_owned();
            trees.push(Self::of(title, &facts.chain.certificates, facts.chain.state, unit, trust, language));
        }
        let mut told: Vec<&[CertificateFact]> = Vec::new();
        for stamp in &facts.time_stamps {
            if told.contains(&stamp.chain.as_slice()) {
                continue;
            }
            told.push(&stamp.chain);
            let title = Word::ChainOfStamp.with(language, &[&moment(stamp.time, language)]);
            // Only time-stamps that validated are facts, and so did their paths.
            trees.push(Self::of(title, &stamp.chain, ChainState::Valid, Word::RoleStampUnit, trust, language));
        }
        trees
    }

    fn of(
        title: String,
        path: &[CertificateFact],
        state: ChainState,
        leaf: Word,
        trust: &Trust,
        language: Language,
    ) -> Self {
        let mut nodes = Vec::new();
        if state == ChainState::Incomplete {
            nodes.extend(path.last().map(|top| missing(top, language)));
        }
        nodes.extend(path.iter().rev().map(|certificate| node(certificate, leaf, trust, language)));
        let (state, lead) = match state {
            ChainState::Valid => (State::Good, Word::ChainValid),
            ChainState::Refused => (State::Unsure, Word::ChainRefused),
            ChainState::Incomplete => (State::Unsure, Word::ChainIncomplete),
        };
        Self { title, state, lead: lead.say(language), nodes }
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
