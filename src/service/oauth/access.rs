//! Scope `service`: the citizen says who they are and lets a portal see their credentials. Nothing can be signed with that.
//!
//! Who they are is known from the portal's account when an earlier confirmation tied it, from an identity provider, or else from
//! the registered telephone number and a code sent there. The page behaves alike for numbers that are registered and that are
//! not: it is no place to find out who is.

use time::OffsetDateTime;

use super::{OauthError, refusal};
use crate::authorization::{Proof, Verdict};
use crate::crypto::digest::sha256;
use crate::domain::credential::KeyStatus;
use crate::domain::oauth::{Authorization, AuthorizationRequest, AuthorizationStage, Scope};
use crate::domain::{AuditEvent, Method, Portal, Secret, Signer, SignerId, State, StateKind};
use crate::service::{Leaving, Result, Service, ServiceError};
use crate::storage::Outcome;

/// What the page shows.
#[derive(Debug)]
pub struct AccessView {
    pub portal: Portal,
    pub request: AuthorizationRequest,
    /// Known from the portal's account.
    pub signer: Option<Signer>,
    pub code_digits: usize,
    pub expires_at: OffsetDateTime,
}

impl AccessView {
    /// Where the page's forms may lead.
    pub fn leaving(&self) -> Leaving {
        Leaving::denied(&self.request)
    }
}

impl Service {
    /// # Errors
    /// [`ServiceError::NotFound`] for an address that leads nowhere, or no longer.
    pub async fn access_request(&self, page: &Secret) -> Result<AccessView> {
        let authorization = self.open_access(page).await?;
        let missing = || ServiceError::Internal("a portal is missing".into());
        let portal = self.storage().portal(&authorization.portal).await?.ok_or_else(missing)?;
        // A signer who was found by number is not shown: the page would tell that the number is registered.
        let signer = match &authorization.request.account {
            Some(account) => self.storage().account(&authorization.portal, &sha256(account.as_bytes())).await?,
            None => None,
        };
        let signer = match signer {
            Some(id) => Some(self.signer(&id).await?),
            None => None,
        };
        Ok(AccessView {
            portal,
            request: authorization.request,
            signer,
            code_digits: self.backends.sole_control.policy().digits.count(),
            expires_at: authorization.expires_at,
        })
    }

    /// Sends a code to the signer of the account, or to the one with this registered number. Whether there is one is not told.
    ///
    /// # Errors
    /// As [`Self::access_request`].
    pub async fn send_access_code(self: &std::sync::Arc<Self>, page: &Secret, phone: &str) -> Result<()> {
        let authorization = self.open_access(page).await?;
        let transaction = match &authorization.transaction {
            Some(id) => self.storage().transaction(id).await?,
            None => match self.signer_by_phone(&authorization, phone).await? {
                Some(signer) => self.start_sign_in(&authorization, &signer).await?,
                None => None,
            },
        };
        let Some(transaction) = transaction else { return Ok(()) };
        let portal = self.storage().portal(&transaction.portal).await?.ok_or(ServiceError::NotFound("portal"))?;
        let signer = self.signer(&transaction.signer).await?;
        // In the background: an answer that takes longer would tell that a message was sent.
        let service = self.clone();
        tokio::spawn(async move {
            // The number is what the citizen named, or what their account stands for: a text message first.
            let sent = service.backends.sole_control.send_code(&transaction, &portal, &signer, Some(Method::Sms)).await;
            if let Err(error) = sent {
                tracing::warn!(%error, "no code was sent for a sign-in");
            }
        });
        Ok(())
    }

    /// The right code lets the portal in.
    ///
    /// # Errors
    /// [`ServiceError::WrongAuthenticationData`] for any other, also when none was sent.
    pub async fn confirm_access(&self, page: &Secret, code: &Secret) -> Result<Leaving> {
        let authorization = self.open_access(page).await?;
        let wrong = || ServiceError::WrongAuthenticationData { tries_left: 0 };
        let id = authorization.transaction.as_ref().ok_or_else(wrong)?;
        let transaction = self.storage().transaction(id).await?.ok_or_else(wrong)?;
        if transaction.state.kind() != StateKind::Waiting {
            return Err(wrong());
        }
        let proof = Proof::Code(code.clone());
        match self.backends.activation.confirm(&transaction, &proof, None).await? {
            // Its SAD opens no hash and is forgotten here.
            Verdict::Confirmed { .. } => self.give_code(&authorization, &transaction.signer, None).await,
            Verdict::Wrong { .. } | Verdict::Locked | Verdict::NoLiveCode | Verdict::Spent { .. } => Err(wrong()),
        }
    }

    /// A citizen who signed in at the identity provider lets the portal in.
    ///
    /// # Errors
    /// [`OauthError::AccessDenied`] when the portal may not ask this signer, or its account is another's.
    pub async fn agree_to_access(&self, page: &Secret, signer: &SignerId) -> Result<Leaving> {
        let authorization = self.open_access(page).await?;
        if !self.storage().is_granted(&authorization.portal, signer).await? {
            return Err(refusal(OauthError::AccessDenied, "The portal may not ask this signer"));
        }
        self.give_code(&authorization, signer, None).await
    }

    /// The citizen does not want to.
    ///
    /// # Errors
    /// As [`Self::access_request`].
    pub async fn refuse_access(&self, page: &Secret) -> Result<Leaving> {
        let authorization = self.open_access(page).await?;
        if self.storage().end_authorization(&authorization.id).await? == Outcome::Stale {
            return Err(ServiceError::NotFound("link"));
        }
        if let Some(id) = &authorization.transaction {
            let event = AuditEvent::Refused { transaction: id.clone() };
            let refused = State::Refused { at: self.now() };
            let _ = self.storage().advance(id, StateKind::Waiting, &refused, self.entry(event)).await?;
        }
        Ok(Leaving::denied(&authorization.request))
    }

    async fn open_access(&self, page: &Secret) -> Result<Authorization> {
        let found = self.storage().authorization(&sha256(page.expose().as_bytes())).await?;
        let open = |found: &Authorization| {
            found.stage == AuthorizationStage::Open
                && found.expires_at > self.now()
                && found.request.scope() == Scope::Service
        };
        found.filter(open).ok_or(ServiceError::NotFound("link"))
    }

    async fn signer_by_phone(&self, authorization: &Authorization, phone: &str) -> Result<Option<SignerId>> {
        let Some(phone) = e164(phone) else { return Ok(None) };
        let mut found = Vec::new();
        for signer in self.storage().signers_with_phone(&phone).await? {
            if self.storage().is_granted(&authorization.portal, &signer).await? {
                found.push(signer);
            }
        }
        // A number that two share says nothing about who holds the telephone.
        Ok(found.pop().filter(|_| found.is_empty()))
    }

    /// A transaction without hashes, for the code that proves who the citizen is. None for a signer without a usable key.
    pub(super) async fn start_sign_in(
        &self,
        authorization: &Authorization,
        signer: &SignerId,
    ) -> Result<Option<crate::domain::Transaction>> {
        let credentials = self.storage().credentials_of(signer).await?;
        let Some(credential) = credentials.iter().find(|credential| credential.status == KeyStatus::Enabled) else {
            return Ok(None);
        };
        self.start(authorization, (signer, &credential.id), Vec::new()).await.map(Some)
    }
}

/// A number as people type it in Viet Nam, in E.164.
pub(in crate::service) fn e164(text: &str) -> Option<String> {
    let plain: String = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '.' | '-' | '(' | ')')).collect();
    let digits = match (plain.strip_prefix('+'), plain.strip_prefix('0')) {
        (Some(international), _) => international.to_owned(),
        (None, Some(national)) => format!("84{national}"),
        (None, None) => plain,
    };
    let fits = (8..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| format!("+{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_type_them() {
        for typed in ["0912 345 678", "+84912345678", "84912345678", "0912.345.678", "(+84) 912-345-678"] {
            assert_eq!(e164(typed).as_deref(), Some("+84912345678"), "{typed}");
        }
        for bad in ["", "0", "+", "abc", "+84912345678901234", "0912' OR 1=1"] {
            assert_eq!(e164(bad), None, "{bad}");
        }
    }
}
