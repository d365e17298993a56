//! Confirming with what the signer has registered: an authenticator app or a passkey; and registering it.

use aes_gcm_siv::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::challenge::binding;
use super::webauthn::{self, Assertion, Registration};
use super::{AuthorizationError, Result, SoleControl, totp};
use crate::crypto::digest::{hex, sha256};
use crate::domain::{
    AuditEvent, Authenticator, AuthenticatorKind, Enrolment, Item, Method, Secret, Signer, SignerId, Transaction, ports,
};
use crate::storage::{AuthenticatorUse, Challenge, Entry, Outcome};

const NONCE_LEN: usize = 12;
/// What stands in a passkey's challenge where a code would.
const PASSKEY: &str = "passkey";

/// What a browser needs to answer with a passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyRequest {
    pub rp_id: String,
    pub challenge: [u8; 32],
    /// Of assertions: which credentials may answer.
    pub credentials: Vec<Vec<u8>>,
}

/// What is registered by a link.
#[derive(Debug, Clone)]
pub enum NewAuthenticator {
    /// A code of the app proves that it has the secret.
    Totp {
        code: Secret,
    },
    Passkey(Registration),
}

impl SoleControl {
    /// Methods the signer can confirm with besides messages.
    ///
    /// # Errors
    /// [`AuthorizationError::Storage`].
    pub async fn authenticators(&self, signer: &SignerId) -> Result<Vec<Method>> {
        let mut methods: Vec<Method> = Vec::new();
        for authenticator in self.storage.authenticators_of(signer).await? {
            let offered = authenticator.method() != Method::Passkey || self.policy.relying_party.is_some();
            if offered && !methods.contains(&authenticator.method()) {
                methods.push(authenticator.method());
            }
        }
        Ok(methods)
    }

    /// Starts a confirmation by app or passkey; a code that was sent dies.
    ///
    /// # Errors
    /// As [`SoleControl::send_code`]; [`AuthorizationError::NoAuthenticator`].
    pub async fn challenge(&self, transaction: &Transaction, signer: &Signer, method: Method) -> Result<Challenge> {
        self.check_waiting(transaction)?;
        if !self.authenticators(&signer.id).await?.contains(&method) {
            return Err(AuthorizationError::NoAuthenticator);
        }
        let sequence = self.storage.codes_sent(&transaction.id).await?.saturating_add(1);
        if sequence > self.policy.codes.saturating_mul(4) {
            return Err(AuthorizationError::NoMoreCodes);
        }
        let mut challenge = self.new_challenge(transaction, sequence, method, &Secret::new(PASSKEY))?;
        if method == Method::Totp {
            let control = self.control_code(transaction, &challenge);
            challenge.mac = self.mac(transaction, &transaction.items, &challenge.id, &control)?;
        }
        self.store(transaction, &challenge, None).await?;
        Ok(challenge)
    }

    /// Four digits the page shows and the signer enters beside the app's code, so that a code given for this page is not
    /// taken on another. They are an aid against mistakes and crossed sessions, not a defence by themselves.
    pub fn control_code(&self, transaction: &Transaction, challenge: &Challenge) -> Secret {
        let hash = self.tied(b"kyso control v1", transaction, &transaction.items, challenge);
        let value = hash.iter().take(4).fold(0u32, |value, byte| value << 8 | u32::from(*byte));
        Secret::new(format!("{:04}", value % 10_000))
    }

    /// What the browser is asked for a passkey: the challenge is a hash over the transaction, its parties and its hashes.
    ///
    /// # Errors
    /// [`AuthorizationError::NoAuthenticator`], [`AuthorizationError::Storage`].
    pub async fn passkey_request(&self, transaction: &Transaction, challenge: &Challenge) -> Result<PasskeyRequest> {
        let rp = self.policy.relying_party.as_ref().ok_or(AuthorizationError::NoAuthenticator)?;
        let held = self.storage.authenticators_of(&transaction.signer).await?;
        let credential = |held: Authenticator| match held.kind {
            AuthenticatorKind::Passkey { credential, .. } => Some(credential),
            AuthenticatorKind::Totp { .. } => None,
        };
        Ok(PasskeyRequest {
            rp_id: rp.id.clone(),
            challenge: self.tied(b"kyso passkey v1", transaction, &transaction.items, challenge),
            credentials: held.into_iter().filter_map(credential).collect(),
        })
    }

    fn tied(&self, label: &[u8], transaction: &Transaction, items: &[Item], challenge: &Challenge) -> [u8; 32] {
        let binding = binding(transaction, items);
        let parts = [label, transaction.id.as_str().as_bytes(), challenge.id.as_bytes(), binding.as_bytes()];
        self.keyed(&parts)
    }

    /// HMAC-SHA256 under the pepper, each part preceded by its length.
    pub(super) fn keyed(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.pepper.as_ref())
            .unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// Judges an app's code: which of the signer's apps it is of, and for which step.
    pub(super) async fn judge_totp(&self, signer: &SignerId, code: &Secret) -> Result<AuthenticatorUse> {
        let mut judged = AuthenticatorUse { id: String::new(), counter: None };
        for held in self.storage.authenticators_of(signer).await? {
            let AuthenticatorKind::Totp { sealed } = &held.kind else { continue };
            let secret = self.unseal(&held.id, sealed)?;
            if let Some(step) = totp::fits(&secret, code.expose(), self.clock.now(), held.counter) {
                judged = AuthenticatorUse { id: held.id, counter: Some(step) };
            }
        }
        Ok(judged)
    }

    /// Judges a passkey's assertion over this very transaction.
    pub(super) async fn judge_passkey(
        &self,
        transaction: &Transaction,
        challenge: &Challenge,
        assertion: &Assertion,
    ) -> Result<AuthenticatorUse> {
        let rp = self.policy.relying_party.as_ref().ok_or(AuthorizationError::NoAuthenticator)?;
        let expected = self.tied(b"kyso passkey v1", transaction, &transaction.items, challenge);
        for held in self.storage.authenticators_of(&transaction.signer).await? {
            let AuthenticatorKind::Passkey { credential, spki } = &held.kind else { continue };
            if *credential != assertion.credential {
                continue;
            }
            let checked = webauthn::check(rp, &expected, spki, assertion);
            if let Err(error) = &checked {
                tracing::warn!(transaction = %transaction.id, %error, "refused");
            }
            return Ok(AuthenticatorUse { id: held.id, counter: checked.ok() });
        }
        Ok(AuthenticatorUse { id: String::new(), counter: None })
    }

    pub(super) fn passkey_mac(&self, transaction: &Transaction, items: &[Item], challenge: &str) -> Result<[u8; 32]> {
        self.mac(transaction, items, challenge, &Secret::new(PASSKEY))
    }

    /// The open enrolment a link's token belongs to.
    ///
    /// # Errors
    /// [`AuthorizationError::NoAuthenticator`] for an unknown, used or old link.
    pub async fn enrolment(&self, token: &Secret) -> Result<Enrolment> {
        let found = self.storage.enrolment(&sha256(token.expose().as_bytes())).await?;
        found.filter(|found| found.expires_at > self.clock.now()).ok_or(AuthorizationError::NoAuthenticator)
    }

    /// What an app is to be given. It comes from the link, so that nothing is kept before it is proven.
    pub fn offered_secret(&self, token: &Secret) -> Zeroizing<Vec<u8>> {
        let derived = Zeroizing::new(self.keyed(&[b"kyso totp offer v1", token.expose().as_bytes()]));
        Zeroizing::new(derived.iter().copied().take(totp::SECRET_LEN).collect())
    }

    /// What the browser is asked for a new passkey; `None` where the page's address can have none.
    pub fn registration_request(&self, token: &Secret) -> Option<PasskeyRequest> {
        let rp = self.policy.relying_party.as_ref()?;
        let challenge = self.keyed(&[b"kyso passkey offer v1", token.expose().as_bytes()]);
        Some(PasskeyRequest { rp_id: rp.id.clone(), challenge, credentials: Vec::new() })
    }

    /// Registers an authenticator, and uses the link up.
    ///
    /// # Errors
    /// [`AuthorizationError::NotProven`] when the app's code or the passkey's answer does not fit,
    /// [`AuthorizationError::NoAuthenticator`] for a link that is no more.
    pub async fn enrol(&self, token: &Secret, name: String, new: NewAuthenticator) -> Result<Method> {
        let enrolment = self.enrolment(token).await?;
        let id = hex(&ports::random::<16>(self.entropy.as_ref()));
        let (kind, counter) = match new {
            NewAuthenticator::Totp { code } => {
                let secret = self.offered_secret(token);
                let step = totp::fits(&secret, code.expose(), self.clock.now(), 0);
                let step = step.ok_or(AuthorizationError::NotProven)?;
                (AuthenticatorKind::Totp { sealed: self.seal(&id, &secret)? }, step)
            }
            NewAuthenticator::Passkey(answer) => {
                let rp = self.policy.relying_party.as_ref().ok_or(AuthorizationError::NoAuthenticator)?;
                let asked = self.registration_request(token).ok_or(AuthorizationError::NoAuthenticator)?;
                let registered = webauthn::register(rp, &asked.challenge, &answer).map_err(|error| {
                    tracing::warn!(signer = %enrolment.signer, %error, "refused");
                    AuthorizationError::NotProven
                })?;
                let kind = AuthenticatorKind::Passkey { credential: registered.credential, spki: registered.spki };
                (kind, registered.counter)
            }
        };
        let created_at = self.clock.now();
        let authenticator = Authenticator { id, signer: enrolment.signer.clone(), name, kind, counter, created_at };
        let event = AuditEvent::AuthenticatorAdded {
            signer: enrolment.signer,
            authenticator: authenticator.id.clone(),
            method: authenticator.method().name().to_owned(),
        };
        let entry = Entry { at: created_at, event };
        match self.storage.enrol(&enrolment.sha256, &authenticator, entry).await? {
            Outcome::Done => Ok(authenticator.method()),
            Outcome::Stale => Err(AuthorizationError::NoAuthenticator),
        }
    }

    fn seal(&self, id: &str, secret: &[u8]) -> Result<Vec<u8>> {
        let nonce: [u8; NONCE_LEN] = ports::random(self.entropy.as_ref());
        let payload = Payload { msg: secret, aad: id.as_bytes() };
        let sealed = self.secrets_cipher().encrypt(&Nonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| AuthorizationError::Internal("a secret cannot be sealed"))?;
        Ok([&nonce[..], &sealed].concat())
    }

    fn unseal(&self, id: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let damaged = || AuthorizationError::Internal("a sealed secret is damaged");
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(damaged)?;
        let payload = Payload { msg: ciphertext, aad: id.as_bytes() };
        let opened = self.secrets_cipher().decrypt(&Nonce::from(*nonce), payload).map_err(|_| damaged())?;
        Ok(Zeroizing::new(opened))
    }

    fn secrets_cipher(&self) -> Aes256GcmSiv {
        let key = Zeroizing::new(self.keyed(&[b"kyso totp secrets v1"]));
        Aes256GcmSiv::new((&*key).into())
    }
}
