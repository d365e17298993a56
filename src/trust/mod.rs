//! Trust services over the network: time-stamps, and what a certificate's path lacks (issuers' certificates, OCSP responses, CRLs).
//!
//! Reading order: [`TrustServices`] (the two calls others make), [`timestamper`] (several authorities, one token), [`collector`]
//! (missing → fetch → judge → again, within a budget), [`cache`], then the way out: [`fetch`] (one request as a trait), [`guard`]
//! (where a document may make this machine connect to), [`client`] (the real thing); and [`deliver`], the way to portals' webhooks.
//!
//! What this folder does not do: decide what is missing or whether an answer is any good, which is `validation`'s; put anything
//! into a document. Nothing here is trusted: an answer only becomes evidence, which is judged like any other.
//! Follows RFC 3161, RFC 6960, RFC 5019, RFC 5280 §4.2.2.1 and §4.2.1.13.

pub mod cache;
pub mod client;
pub mod collector;
pub mod deliver;
pub mod fetch;
pub mod guard;
pub mod timestamper;

use std::sync::Arc;

use time::{Duration, OffsetDateTime};

use crate::crypto::{Digest, DigestAlgorithm};
use crate::domain::{Clock, Entropy, ports};
use crate::formats::cms::ValidationData;
use crate::formats::tsp::{CheckedToken, Nonce, TimeStampRequest};
use crate::formats::x509::Certificate;
use crate::validation::blocks::x509::policies::PolicyInputs;
use crate::validation::blocks::x509::{self, Context, Purpose};
use crate::validation::missing::Prefer;
use crate::validation::{Evidence, Policy, RevocationPolicy};

use cache::{Cache, CacheLimits};
pub use collector::{Budget, Collected, Exhausted, Unavailable, Why};
use collector::{Collection, Tools};
pub use fetch::{Fetch, FetchError};
use timestamper::{Breaker, ask};
pub use timestamper::{NoTimeStamp, Token, Tsa, TsaProblem};

/// How trust services are used; the configuration makes one.
#[derive(Debug, Clone)]
pub struct Settings {
    /// In the order they are asked.
    pub tsas: Vec<Tsa>,
    /// The hash time-stamps are asked for.
    pub imprint: DigestAlgorithm,
    /// How far a token's genTime may be from the time here.
    pub tolerance: Duration,
    pub prefer: Prefer,
    /// Anchors a time-stamping unit must lead to; with none, tokens are not refused for their signer.
    pub anchors: Vec<Certificate>,
    pub budget: Budget,
    pub cache: CacheLimits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tsas: Vec::new(),
            imprint: DigestAlgorithm::Sha256,
            tolerance: Duration::minutes(5),
            prefer: Prefer::default(),
            anchors: Vec::new(),
            budget: Budget::default(),
            cache: CacheLimits::default(),
        }
    }
}

/// Time-stamps and validation material; shared behind an [`Arc`].
pub struct TrustServices {
    settings: Settings,
    fetch: Arc<dyn Fetch>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    cache: Cache,
    breaker: Breaker,
}

impl TrustServices {
    pub fn new(settings: Settings, fetch: Arc<dyn Fetch>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let (cache, breaker) = (Cache::new(settings.cache), Breaker::new(settings.tsas.len()));
        Self { settings, fetch, clock, entropy, cache, breaker }
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A time-stamp over `digest`, whose hash should be [`Settings::imprint`], from the first authority that gives a usable one.
    ///
    /// # Errors
    /// [`NoTimeStamp`] with each authority's reason.
    pub async fn timestamp(&self, digest: Digest) -> Result<Token, NoTimeStamp> {
        self.timestamp_with(digest, None).await
    }

    /// The same with a nonce of the caller's own, which comes back inside the token.
    ///
    /// # Errors
    /// As [`Self::timestamp`].
    pub async fn timestamp_with(&self, digest: Digest, nonce: Option<Nonce>) -> Result<Token, NoTimeStamp> {
        let mut problems = Vec::new();
        for (index, tsa) in self.settings.tsas.iter().enumerate() {
            let problem = match self.breaker.paused(index, self.clock.now()) {
                Some(until) => TsaProblem::Paused(until),
                None => match self.one_timestamp(tsa, digest.clone(), nonce.clone()).await {
                    Ok(token) => {
                        self.breaker.succeeded(index);
                        return Ok(Token::new(token, &tsa.url));
                    }
                    Err(problem) => {
                        self.breaker.failed(index, self.clock.now());
                        problem
                    }
                },
            };
            problems.push((tsa.url.clone(), problem));
        }
        Err(NoTimeStamp(problems))
    }

    /// What `wanted` certificates lack for a valid path at `time` with revocation required: fetched, judged, and listed together with
    /// what could not be had. `known` is what the document or the caller has already.
    pub async fn collect(
        &self,
        wanted: &[(Certificate, Purpose<'static>)],
        known: &ValidationData,
        anchors: &[Certificate],
        time: OffsetDateTime,
    ) -> Collected {
        let tools = Tools {
            fetch: self.fetch.as_ref(),
            cache: &self.cache,
            entropy: self.entropy.as_ref(),
            prefer: self.settings.prefer,
            budget: self.settings.budget,
            now: self.clock.now(),
        };
        let evidence = Evidence { anchors: anchors.to_vec(), ..Evidence::default() }.with(known);
        Collection::new(tools, evidence, time).run(wanted).await
    }

    async fn one_timestamp(&self, tsa: &Tsa, digest: Digest, nonce: Option<Nonce>) -> Result<CheckedToken, TsaProblem> {
        let nonce = nonce.unwrap_or_else(|| Nonce::new(ports::random(self.entropy.as_ref())));
        let request = TimeStampRequest { digest, nonce, policy: tsa.policy };
        let token = ask(self.fetch.as_ref(), tsa, &request, || self.clock.now(), self.settings.tolerance).await?;
        self.trusted(&token).await?;
        Ok(token)
    }

    /// Whether the token's unit leads to an anchor. Its status is the collector's question, not asked here.
    async fn trusted(&self, token: &CheckedToken) -> Result<(), TsaProblem> {
        let anchors = &self.settings.anchors;
        if anchors.is_empty() {
            return Ok(());
        }
        let known = ValidationData { certificates: token.certificates().to_vec(), ..ValidationData::default() };
        let evidence = Evidence { anchors: anchors.clone(), ..Evidence::default() }.with(&known);
        let Err(_) = chain(token, &evidence) else { return Ok(()) };
        // Authorities between may be missing in the token: fetch them once.
        let wanted = [(token.unit().clone(), Purpose::TimeStamping)];
        let collected = self.collect(&wanted, &known, anchors, token.info().gen_time).await;
        chain(token, &evidence.with(&collected.fetched)).map_err(TsaProblem::UnknownSigner)
    }
}

fn chain(token: &CheckedToken, evidence: &Evidence) -> Result<(), String> {
    let policy = Policy::strict_with(RevocationPolicy::IfPresent);
    let (time, purpose, policies) = (token.info().gen_time, Purpose::TimeStamping, PolicyInputs::default());
    let context = Context { evidence, policy, time, purpose, policies };
    let judged = x509::validate(token.unit(), context, &mut Default::default(), &mut Vec::new());
    judged.map(drop).map_err(|finding| {
        let detail = finding.message.detail.unwrap_or_default();
        format!("{} {detail}", finding.message.code.as_str())
    })
}
