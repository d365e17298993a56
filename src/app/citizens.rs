//! Signers of a sandbox whose outcome is known beforehand: each does unasked what a citizen would do on the page.
//!
//! They go through the use cases behind the page and read their codes from the sandbox's outbox, as a person reads a telephone;
//! states, events, budgets and errors are everybody's. They remember nothing: what to do next is read from the request each time, so
//! a restart changes nothing. What they do not do: sign in, confirm hashes, or use PINs.

use std::sync::{Arc, Weak};
use std::time::Duration as StdDuration;

use time::Duration;

use super::channels::Outbox;
use crate::dev_pki::{KnownOutcome, PkiSpec};
use crate::domain::{Secret, SignerId};
use crate::service::{Service, ServiceError};

/// Between two looks at what waits.
const LOOK: StdDuration = StdDuration::from_millis(200);
/// How late messages of [`KnownOutcome::SmsDelayed`] are: less than a code lives.
pub const SMS_DELAY: Duration = Duration::seconds(90);

/// Numbers that messages reach late.
pub fn late(spec: &PkiSpec) -> Vec<(String, Duration)> {
    let late = spec.signers.iter().filter(|signer| signer.outcome == Some(KnownOutcome::SmsDelayed));
    late.map(|signer| (signer.phone.clone(), SMS_DELAY)).collect()
}

/// Lets them live until the service is gone.
pub fn live(spec: &PkiSpec, service: &Arc<Service>, outbox: &Arc<Outbox>) {
    for signer in &spec.signers {
        if let Some(outcome) = signer.outcome {
            let citizen = Citizen { id: signer.id.clone(), outcome, outbox: outbox.clone() };
            tokio::spawn(citizen.live(Arc::downgrade(service)));
        }
    }
}

struct Citizen {
    id: SignerId,
    outcome: KnownOutcome,
    outbox: Arc<Outbox>,
}

impl Citizen {
    async fn live(self, service: Weak<Service>) {
        while let Some(service) = service.upgrade() {
            if let Err(error) = self.look(&service).await {
                tracing::warn!(%error, citizen = %self.id, "a citizen of the sandbox cannot look");
            }
            drop(service);
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn look(&self, service: &Arc<Service>) -> Result<(), ServiceError> {
        for link in service.links_waiting_for(&self.id).await? {
            // Whatever keeps it from being done now, e.g. a wait between two codes: the next look tries again.
            if let Err(error) = self.act(service, &link).await {
                tracing::debug!(%error, citizen = %self.id, "a step was refused");
            }
        }
        Ok(())
    }

    async fn act(&self, service: &Arc<Service>, link: &Secret) -> Result<(), ServiceError> {
        let view = service.confirmation(link).await?;
        match self.outcome {
            _ if !view.in_turn => Ok(()),
            KnownOutcome::TimesOut => Ok(()),
            KnownOutcome::Refuses => service.refuse(link).await.map(drop),
            KnownOutcome::Signs | KnownOutcome::SmsDelayed | KnownOutcome::WrongCode => {
                if view.code.is_none() {
                    service.send_code(link).await?;
                }
                match self.outbox.code_for(&view.transaction.id) {
                    Some(code) if self.outcome == KnownOutcome::WrongCode => enter_wrong(service, link, &code).await,
                    Some(code) => service.submit_code(link, &code).await.map(drop),
                    None => Ok(()),
                }
            }
        }
    }
}

/// Enters another code than the right one until no try is left.
async fn enter_wrong(service: &Arc<Service>, link: &Secret, right: &Secret) -> Result<(), ServiceError> {
    let wrong =
        Secret::new(right.expose().chars().map(|digit| if digit == '9' { '0' } else { '9' }).collect::<String>());
    loop {
        match service.submit_code(link, &wrong).await {
            Err(ServiceError::WrongAuthenticationData { .. }) => {}
            other => return other.map(drop),
        }
    }
}
