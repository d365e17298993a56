//! The loop around validation's `missing`: ask what is missing, fetch it, judge it, add it, ask again.

use std::collections::HashSet;
use std::time::{Duration as StdDuration, Instant};

use time::OffsetDateTime;

use super::cache::{Cache, Key};
use super::fetch::{Fetch, FetchError, Limits, Method, Origin, Request};
use crate::crypto::DigestAlgorithm;
use crate::domain::{Entropy, ports};
use crate::formats::cms::{SignedData, ValidationData};
use crate::formats::crl::CertificateList;
use crate::formats::ocsp::{CertId, ErrorStatus, OcspError, OcspRequest, OcspResponse};
use crate::formats::x509::{Certificate, pem};
use crate::validation::Evidence;
use crate::validation::blocks::x509::{Purpose, ValidatedPath};
use crate::validation::fetched::{self, CrlRefusal, OcspRefusal, Question};
use crate::validation::missing::{self, Need, Prefer, Source, StatusNeed, Target};
use crate::validation::report::Finding;

/// Most rounds of asking what is missing: each brings something new, or is the last.
const MAX_ROUNDS: usize = 64;

/// Largest OCSP response and certificate file read, in bytes.
const MAX_OCSP_BYTES: usize = 256 * 1024;
const MAX_CERTIFICATE_BYTES: usize = 512 * 1024;

/// What may be spent on one collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Requests sent; what the cache has is free.
    pub requests: u32,
    /// Bytes read, over all requests.
    pub bytes: usize,
    pub time: StdDuration,
    /// For one request.
    pub timeout: StdDuration,
}

impl Default for Budget {
    fn default() -> Self {
        // A signer, a time-stamping unit and their authorities take four to eight requests; a national CA's CRL a few megabytes.
        Self { requests: 32, bytes: 32 << 20, time: StdDuration::from_secs(60), timeout: StdDuration::from_secs(10) }
    }
}

/// What the budget ran out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Exhausted {
    #[error("the requests allowed for one collection are used up")]
    Requests,
    #[error("the bytes allowed for one collection are used up")]
    Bytes,
    #[error("the time allowed for one collection is used up")]
    Time,
}

/// What a collection brought.
#[derive(Debug, Clone, Default)]
pub struct Collected {
    /// Everything the wanted paths rest on, given before or fetched: their certificates, anchors included, and what speaks of their
    /// status. This is what a document has to carry.
    pub data: ValidationData,
    /// What was not known before.
    pub fetched: ValidationData,
    /// For each certificate wanted, in order: its path, or the finding that stands against it.
    pub verdicts: Vec<Result<ValidatedPath, Finding>>,
    /// What could not be had, each with its reason.
    pub unavailable: Vec<Unavailable>,
    /// Requests sent, and answers the cache had.
    pub requests: u32,
    pub cache_hits: u32,
}

impl Collected {
    /// Whether every wanted certificate has a valid path, revocation required.
    pub fn is_complete(&self) -> bool {
        self.verdicts.iter().all(Result::is_ok)
    }
}

/// One thing that could not be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable {
    /// Subject of the certificate it was wanted for.
    pub about: String,
    /// Where it was asked; `None` when there is no place to ask.
    pub url: Option<String>,
    pub why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    #[error("the certificate names no place to ask")]
    NoAddress,
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Ocsp(#[from] OcspRefusal),
    #[error(transparent)]
    Crl(#[from] CrlRefusal),
    #[error("the file holds no certificate of the issuer")]
    NotTheIssuer,
    #[error(transparent)]
    Budget(#[from] Exhausted),
}

/// What a collection works with.
pub(super) struct Tools<'a> {
    pub fetch: &'a dyn Fetch,
    pub cache: &'a Cache,
    pub entropy: &'a dyn Entropy,
    pub prefer: Prefer,
    pub budget: Budget,
    /// The time here, for the cache.
    pub now: OffsetDateTime,
}

/// One collection under way.
pub(super) struct Collection<'a> {
    tools: Tools<'a>,
    evidence: Evidence,
    /// The time the paths are judged at.
    time: OffsetDateTime,
    tried: HashSet<(Vec<u8>, Option<Source>)>,
    left: Budget,
    started: Instant,
    result: Collected,
}

impl<'a> Collection<'a> {
    pub fn new(tools: Tools<'a>, evidence: Evidence, time: OffsetDateTime) -> Self {
        let left = tools.budget;
        let (tried, result) = (HashSet::new(), Collected::default());
        Self { tools, evidence, time, tried, left, started: Instant::now(), result }
    }

    /// Collects for each certificate in turn.
    pub async fn run(mut self, wanted: &[(Certificate, Purpose<'static>)]) -> Collected {
        for (certificate, purpose) in wanted {
            self.complete(Target { certificate, purpose: *purpose }).await;
        }
        for (certificate, purpose) in wanted {
            let target = Target { certificate, purpose: *purpose };
            self.result.verdicts.push(target.validate(&self.evidence, self.time));
        }
        self.result.data = needed(&self.result.verdicts, &self.evidence);
        self.result
    }

    async fn complete(&mut self, target: Target<'_>) {
        for _ in 0..MAX_ROUNDS {
            let needs = missing::missing(target, &self.evidence, self.time, self.tools.prefer);
            let mut progress = false;
            for need in needs {
                // What came in may have changed what is missing: ask again.
                if self.serve(&need).await {
                    progress = true;
                    break;
                }
            }
            if !progress {
                return;
            }
        }
    }

    /// Tries the places of one need that were not tried yet; whether one of them brought something.
    async fn serve(&mut self, need: &Need) -> bool {
        match need {
            Need::Status(status) => self.status(status).await,
            Need::Issuer { of, uris } => {
                let about = of.subject().to_string();
                self.certificates(of.der(), &about, uris, |evidence, found| {
                    found.subject() == of.issuer() && evidence.known.issued(of, found)
                })
                .await
            }
            Need::CrlIssuer { name, uris } => {
                self.certificates(name.as_bytes(), name, uris, |_, found| found.subject().to_string() == *name).await
            }
        }
    }

    async fn status(&mut self, need: &StatusNeed) -> bool {
        let about = need.certificate.subject().to_string();
        if need.sources.is_empty() && self.is_new(need.certificate.der(), None) {
            self.note(&about, None, Why::NoAddress);
        }
        for source in &need.sources {
            if !self.is_new(need.certificate.der(), Some(source.clone())) {
                continue;
            }
            let (url, got) = match source {
                Source::Ocsp(url) => (url, self.ocsp(url, need).await),
                Source::Crl(url) => (url, self.crl(url, need).await),
            };
            match got {
                Ok(()) => return true,
                Err(why) => self.note(&about, Some(url), why),
            }
        }
        false
    }

    async fn ocsp(&mut self, url: &str, need: &StatusNeed) -> Result<(), Why> {
        let issuer = need.issuers.first().ok_or(Why::NoAddress)?;
        let mut refusal = Why::NoAddress;
        // SHA-1 and a nonce first; some responders know only one of the two, or neither.
        for (hash, with_nonce) in
            [(DigestAlgorithm::Sha1, true), (DigestAlgorithm::Sha1, false), (DigestAlgorithm::Sha256, false)]
        {
            let nonce = with_nonce.then(|| ports::random::<32>(self.tools.entropy));
            let id = CertId::of(&need.certificate, issuer, hash).ok_or(Why::NoAddress)?;
            let plain = OcspRequest::new(id.clone(), None).to_der().ok_or(Why::NoAddress)?;
            let request = OcspRequest::new(id, nonce);
            match self.ask_responder(url, &plain, &request, need).await {
                Ok(()) => return Ok(()),
                Err(why) if is_about_the_form(&why) => refusal = why,
                Err(why) => return Err(why),
            }
        }
        Err(refusal)
    }

    /// `plain` is the request without its nonce: the question as the cache knows it.
    async fn ask_responder(
        &mut self,
        url: &str,
        plain: &[u8],
        request: &OcspRequest,
        need: &StatusNeed,
    ) -> Result<(), Why> {
        let key = Key::new(url, plain);
        let (cached, bytes) = match self.cached(key) {
            Some(bytes) => (true, bytes),
            None => {
                let body = request.to_der().ok_or(Why::NoAddress)?;
                let method = Method::Post { content_type: "application/ocsp-request", body };
                (false, self.fetch(url, method, MAX_OCSP_BYTES).await?)
            }
        };
        let nonce = request.nonce().filter(|_| !cached);
        let judged = fetched::ocsp(&bytes, nonce, self.question(need));
        let (response, _) = judged.inspect_err(|_| self.tools.cache.forget(key))?;
        if !cached && let Some(issuer) = need.issuers.first() {
            self.keep(key, &bytes, response.answers(&need.certificate, issuer).filter_map(|a| a.next_update).min());
        }
        self.result.fetched.ocsps.push(response.clone());
        self.evidence.certificates.extend(response.certificates().iter().cloned());
        self.evidence.ocsps.push(response);
        Ok(())
    }

    async fn crl(&mut self, url: &str, need: &StatusNeed) -> Result<(), Why> {
        let key = Key::new(url, b"crl");
        let (cached, bytes) = match self.cached(key) {
            Some(bytes) => (true, bytes),
            None => (false, self.fetch(url, Method::Get, self.left.bytes).await?),
        };
        let judged = fetched::crl(&bytes, self.question(need));
        let (lists, _) = judged.inspect_err(|_| self.tools.cache.forget(key))?;
        if !cached {
            self.keep(key, &bytes, lists.iter().filter_map(CertificateList::next_update).min());
        }
        let new: Vec<_> = lists.into_iter().filter(|list| !self.evidence.crls.contains(list)).collect();
        self.result.fetched.crls.extend(new.iter().cloned());
        self.evidence.crls.extend(new);
        Ok(())
    }

    async fn certificates(
        &mut self,
        id: &[u8],
        about: &str,
        uris: &[String],
        fits: impl Fn(&Evidence, &Certificate) -> bool,
    ) -> bool {
        if uris.is_empty() && self.is_new(id, None) {
            self.note(about, None, Why::NoAddress);
        }
        for url in uris {
            if !self.is_new(id, Some(Source::Crl(url.clone()))) {
                continue;
            }
            match self.certificates_at(url, &fits).await {
                Ok(found) => {
                    self.result.fetched.certificates.extend(found.iter().cloned());
                    self.evidence.certificates.extend(found);
                    return true;
                }
                Err(why) => self.note(about, Some(url), why),
            }
        }
        false
    }

    async fn certificates_at(
        &mut self,
        url: &str,
        fits: &impl Fn(&Evidence, &Certificate) -> bool,
    ) -> Result<Vec<Certificate>, Why> {
        let key = Key::new(url, b"certificates");
        let (cached, bytes) = match self.cached(key) {
            Some(bytes) => (true, bytes),
            None => (false, self.fetch(url, Method::Get, MAX_CERTIFICATE_BYTES).await?),
        };
        let mut found = certificates_in(&bytes);
        found.retain(|certificate| fits(&self.evidence, certificate));
        found.retain(|certificate| !self.evidence.certificates.contains(certificate));
        if found.is_empty() {
            return Err(Why::NotTheIssuer);
        }
        if !cached {
            let until = self.tools.now + self.tools.cache.limits().certificate_age;
            self.tools.cache.put(key, &bytes, self.tools.now, until);
        }
        Ok(found)
    }

    fn question<'q>(&'q self, need: &'q StatusNeed) -> Question<'q> {
        let StatusNeed { certificate, issuers, .. } = need;
        Question { certificate, issuers, evidence: &self.evidence, time: self.time }
    }

    fn cached(&mut self, key: Key) -> Option<Vec<u8>> {
        let found = self.tools.cache.get(key, self.tools.now)?;
        self.result.cache_hits = self.result.cache_hits.saturating_add(1);
        Some(found)
    }

    /// Without a promised successor nothing is kept: the next answer may differ at any moment.
    fn keep(&self, key: Key, bytes: &[u8], next_update: Option<OffsetDateTime>) {
        let Some(next_update) = next_update else { return };
        let until = next_update.min(self.tools.now + self.tools.cache.limits().max_age);
        self.tools.cache.put(key, bytes, self.tools.now, until);
    }

    /// Sends one request within what is left of the budget.
    async fn fetch(&mut self, url: &str, method: Method, limit: usize) -> Result<Vec<u8>, Why> {
        let time = self.left.time.checked_sub(self.started.elapsed()).filter(|left| !left.is_zero());
        let time = time.ok_or(Exhausted::Time)?;
        self.left.requests = self.left.requests.checked_sub(1).ok_or(Exhausted::Requests)?;
        if self.left.bytes == 0 {
            return Err(Exhausted::Bytes.into());
        }
        self.result.requests = self.result.requests.saturating_add(1);
        let limits = Limits { bytes: limit.min(self.left.bytes), timeout: self.left.timeout.min(time) };
        let request = Request { url: url.to_owned(), method, origin: Origin::Document, authorization: None, limits };
        match self.tools.fetch.fetch(&request).await {
            Ok(bytes) => {
                self.left.bytes = self.left.bytes.saturating_sub(bytes.len());
                Ok(bytes)
            }
            Err(FetchError::TooLarge(size)) if size == self.left.bytes => {
                self.left.bytes = 0;
                Err(Exhausted::Bytes.into())
            }
            Err(FetchError::TimedOut(after)) if after < self.left.timeout => Err(Exhausted::Time.into()),
            Err(error) => Err(error.into()),
        }
    }

    fn is_new(&mut self, id: &[u8], source: Option<Source>) -> bool {
        self.tried.insert((id.to_vec(), source))
    }

    fn note(&mut self, about: &str, url: Option<&String>, why: Why) {
        let new = Unavailable { about: about.to_owned(), url: url.cloned(), why };
        if !self.result.unavailable.contains(&new) {
            self.result.unavailable.push(new);
        }
    }
}

/// Refusals after which asking in another form may help.
fn is_about_the_form(why: &Why) -> bool {
    matches!(
        why,
        Why::Ocsp(
            OcspRefusal::WrongNonce
                | OcspRefusal::OtherCertificate
                | OcspRefusal::Unknown
                | OcspRefusal::Response(OcspError::Refused(
                    ErrorStatus::MalformedRequest | ErrorStatus::Unauthorized | ErrorStatus::InternalError
                ))
        )
    )
}

/// Certificates of a file as authorities publish them: DER, PEM, or certs-only PKCS #7 (RFC 5280 §4.2.2.1).
fn certificates_in(bytes: &[u8]) -> Vec<Certificate> {
    match pem::certificates(bytes) {
        Ok(found) => found,
        Err(_) => SignedData::parse(bytes).map(|data| data.certificates).unwrap_or_default(),
    }
}

/// What the valid paths rest on.
fn needed(verdicts: &[Result<ValidatedPath, Finding>], evidence: &Evidence) -> ValidationData {
    let mut data = ValidationData::default();
    for path in verdicts.iter().flatten() {
        let certificates = path.certificates();
        let links = certificates.iter().zip(certificates.iter().skip(1));
        certificates.iter().for_each(|certificate| add(&mut data.certificates, certificate));
        for (certificate, issuer) in links {
            let speaks = |response: &&OcspResponse| response.answers(certificate, issuer).next().is_some();
            for response in evidence.ocsps.iter().filter(speaks) {
                add(&mut data.ocsps, response);
                responders_of(response, issuer, evidence, &mut data);
            }
            lists_of(certificate, evidence, &mut data);
        }
    }
    data
}

/// The responder's certificate, and the lists its own status is read from.
fn responders_of(response: &OcspResponse, issuer: &Certificate, evidence: &Evidence, data: &mut ValidationData) {
    let all = response.certificates().iter().chain(&evidence.certificates);
    let own = all.filter(|found| response.names_responder(found) && found.issuer() == issuer.subject());
    for responder in own.take(1) {
        add(&mut data.certificates, responder);
        if !responder.extensions().crl_distribution_points.is_empty() {
            lists_of(responder, evidence, data);
        }
    }
}

fn lists_of(certificate: &Certificate, evidence: &Evidence, data: &mut ValidationData) {
    let issuer = certificate.issuer();
    let indirect =
        |list: &CertificateList| list.scope().issuing_distribution_point.as_ref().is_some_and(|p| p.indirect);
    for list in evidence.crls.iter().filter(|list| list.issuer() == issuer || indirect(list)) {
        add(&mut data.crls, list);
        let signers = evidence.certificates.iter().filter(|signer| signer.subject() == list.issuer());
        signers.for_each(|signer| add(&mut data.certificates, signer));
    }
}

fn add<T: Clone + PartialEq>(list: &mut Vec<T>, item: &T) {
    if !list.contains(item) {
        list.push(item.clone());
    }
}
