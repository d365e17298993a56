//! `kyso` (*ký số*, Vietnamese for digital signing): a remote signing service and an offline verifier.
//!
//! A portal hands over a document, the citizen sees it on the service's own page and confirms with a one-time code, the
//! service signs it (PAdES or CAdES, B-B to B-LTA) with a key it holds, the portal fetches it, and the command line verifies it offline. This
//! page is the map of how that is built.
//!
//! # The picture
//!
//! A folder imports only folders of lower rank, equal ranks never import each other, and `tests/layers.rs` reads the sources
//! and fails on a breach.
//!
//! ```text
//!  95 cli            verify · chain · trust · sign · portal · demo · serve · admin   one file a subcommand
//!  90 app            configuration → wiring → start and stop         the only place that names concrete backends
//!  80 http           csc/ · neac/ · requests/ · verify/ · webhooks/ · client/ · confirm/ · desk/ · oauth · openapi/ · health    a handler parses, calls one use case, answers
//!  70 service        the use cases: record the intent → sign → record the result
//!     dev_pki        CA, CRL, OCSP, TSA for demo, sandbox and tests
//!  60 authorization  sole control: challenge → code, app or passkey, PIN → confirm → SAD → redeem → sign;  channels, budgets
//!  55 raising        a signature to B-T, B-LT, B-LTA: which step is next, and what it asks of the trust services
//!  50 trust          TSA, OCSP, CRL and AIA clients: missing → fetch → judge → again, within a budget; the way to webhooks
//!     identity       signed words of others: clients' assertions, citizens' ID tokens (OpenID Connect)
//!     custody        the far side of the key door: wrapped keys, constant-time engine
//!     storage        repository traits; SQLite; documents as files
//!     installed      the trust bundle of this machine: one folder, written atomically
//!  ─────────────────────────────────────────────────────────────────────────────── I/O above, pure below
//!  45 report         what a verification says to people: one view, as text and as an HTML page
//!  40 bundle         the signed trust bundle: payload → publisher's signature → what may follow what → facts for reports
//!     domain         ids, parties, credentials, transaction states, binding, AuthorizedHash, audit chain
//!  30 signing        prepare → attributes → DTBSR → cms → embed;  visible, appearance;  augment, cades: what raising appends
//!     validation     EN 319 102-1: evidence → blocks → process → report; pdf_changes
//!  20 formats        der → x509 → crl → cms;  pdf beside them
//!  10 crypto         algorithms, digests, verify(key, digest, value), suites with end dates
//! ```
//!
//! The pure core (ranks 10 to 45) takes bytes, evidence, policy and time, and gives values: no async, clock, randomness,
//! file, socket or log. It builds alone with `--no-default-features`; the offline verifier is `--features cli`, and a test
//! keeps tokio, sqlx, axum, reqwest and hyper out of its dependencies. `mapping`, the one module with `unsafe`, maps files
//! for whoever does I/O.
//!
//! # Walkthrough: sign a PDF
//!
//! 1. `POST /v1/requests` reaches `http::requests`, which authenticates the portal and calls
//!    `Service::create_request`. Each document is opened ([`formats::pdf`]) and prepared once for trial ([`mod@signing::prepare`]):
//!    what could not be signed is refused now, not after the citizen confirmed. The originals go to disk, then one commit
//!    creates the transaction (state *waiting*) and its audit record.
//! 2. The citizen opens `/c/{token}` (`http::confirm`). Pages are drawn from the stored original by a worker process. Asking
//!    for a code runs `SoleControl::send_code`: six random digits, kept as a MAC over the transaction and its
//!    [`domain::Binding`] (portal, signer, credential, exact set of hashes), sent only after they are stored.
//!    The budgets of wrong codes and of messages are counted in that commit and in the one that compares, so they hold over all
//!    processes. An app or a passkey may stand in for the message; a key under a PIN opens with the PIN entered beside it.
//! 3. The right code moves the transaction to *confirmed* in the commit that uses the code up. In a task of its own, which
//!    outlives the browser's connection, `service::sign` prepares each document (incremental update, ByteRange, hole),
//!    hashes it, builds the signed attributes and so the DTBSR.
//! 4. `authorization::redeem` commits the intent (state *signing*, the prepared stage beside it) and only then mints one
//!    [`domain::AuthorizedHash`] for each DTBSR. `custody::KeyCustody::sign` takes the token by value: one token, one
//!    signature. This is the one narrow door to the keys. The service goes through `authorization::SignatureActivation`, the trait
//!    behind which a certified module can stand in for `SoleControl` and custody together.
//!    A pure scheme (Ed25519, ML-DSA) signs a message: the token takes it only if it hashes to what was authorised.
//! 5. The value becomes a SignedData ([`signing::cms`], which verifies it first). For B-T a time-stamp over the value joins it; it
//!    goes into the hole ([`mod@signing::embed`]). For B-LT and B-LTA `raising` asks `trust` for what the paths lack, and appends the
//!    document security store and a document time-stamp, each an update of its own. One commit stores signature, updates and
//!    audit record: *signed*. When a trust service is down, the policy decides: nothing is released, or the level reached is, and the
//!    same commit puts the document into the queue that raises it later. The portal downloads the original followed by the
//!    updates; no earlier byte has changed.
//!
//! With several signers each has a transaction of their own over the same originals, and step 3 begins by putting together the original and
//! the updates of those before ([`domain::joint`], `service::joint`); one of them signs at a time. Every commit that ends a request, or raises a
//! document, writes what its portal is told into the outbox, from which `service::webhooks` sends it.
//!
//! A process killed between any two of these steps is settled at the next start (`service::settle`): a confirmed request is
//! prepared anew, a begun one signs the stored DTBSR for which no result was recorded and so does an asynchronous CSC call, a
//! synchronous one whose caller is gone fails as interrupted. The database's primary key on (transaction, item) makes a second recorded signature impossible.
//!
//! # Walkthrough: a portal signs hashes with a citizen's consent (OAuth 2.0)
//!
//! 1. `http::oauth` authenticates the client and reads what it asks for; `service::oauth` checks it and keeps it as one
//!    [`domain::oauth::Authorization`], which moves *pushed → open → granted → redeemed*. Each step is entered with another secret, known by
//!    its hash, and left by a conditional commit.
//! 2. Opening it creates a transaction like any other, and the browser goes to `/c/{token}`. Whatever confirms it there, sole control issues
//!    the SAD, and seals what a PIN gave under it. The SAD is sealed under a fresh authorization code, which goes back to the
//!    client by redirect.
//! 3. The token endpoint unseals the SAD with the code and the PKCE verifier in hand, and gives it out as the access token.
//!    `signatures/signHash` redeems it as step 4 above.
//!
//! # Walkthrough: verify a PDF
//!
//! 1. `cli::verify` maps the file and reads trust anchors and CRLs into [`validation::Evidence`]: from the files named, else from the
//!    trust bundle that `installed` holds ([`bundle`]), with the validation policy as a value; from here on nothing does I/O. Many
//!    files are `cli::batch`'s: threads, order, progress, the journal of what is done. `POST /v1/verify` runs the same command as a
//!    process of its own (`http::verify`).
//! 2. [`formats::pdf`] opens it strictly: what a lenient reader would repair is recorded as an anomaly, each signature's
//!    ByteRange becomes facts, revisions are told apart.
//! 3. [`validation`] runs the basic building blocks of EN 319 102-1 §5.2 for each signature: format, signing certificate,
//!    cryptography over the received bytes, X.509 path at the validation time with revocation, acceptance. Time-stamps go through
//!    the same blocks, newest first; what they prove then settles findings that only time decides.
//!    [`validation::pdf_changes`] compares the signed revision's object graph with the whole file's: what no rule explains is
//!    forbidden.
//! 4. The report holds indication, sub-indication, messages and the facts they rest on; `report` puts it into words, as text or
//!    as an HTML page, `cli::output` prints JSON Lines, and the worst file decides the exit code.
//!
//! # Where this differs from the obvious
//!
//! - The verifier and the signer share one strict PDF reader; the lenient one that draws pages lives in the worker process.
//! - The document's claimed time (`/M`) is the moment of confirmation, so preparation happens after it. The code is bound to
//!   the hash of the original document, which is what the citizen saw.
//! - A development PKI is made fresh for each data folder; no private key is in the repository.

// Module pages guide readers of the source, private parts included; the documentation is built with them.
#![allow(rustdoc::private_intra_doc_links)]
#![deny(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )
)]

pub mod bundle;
pub mod crypto;
pub mod domain;
pub mod formats;
pub mod signing;
pub mod validation;

#[cfg(feature = "server")]
pub mod app;
#[cfg(feature = "server")]
pub mod authorization;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "custody")]
pub mod custody;
#[cfg(feature = "dev-pki")]
pub mod dev_pki;
#[cfg(feature = "server")]
pub mod http;
#[cfg(feature = "server")]
pub mod identity;
#[cfg(feature = "cli")]
pub mod installed;
#[cfg(feature = "cli")]
pub mod mapping;
#[cfg(feature = "server")]
pub mod raising;
#[cfg(feature = "cli")]
pub mod report;
#[cfg(feature = "server")]
pub mod service;
#[cfg(feature = "server")]
pub mod storage;
#[cfg(feature = "net")]
pub mod trust;
