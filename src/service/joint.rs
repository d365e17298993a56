//! Requests with several signers, in order or side by side.
//!
//! ```text
//! original ──signed by A──▶ original + update A ──signed by B──▶ original + update A + update B
//! ```
//!
//! Every signer confirms the same originals, whose hash their code is bound to. When one has confirmed, the documents are put
//! together from the original (checked against that hash) and the updates of those who signed before, and the whole is signed.
//! One signer of a request signs at a time; whoever confirms first is first.

use tokio::sync::MutexGuard;

use super::requests::check_options;
use super::sign::{blocking, settings};
use super::stage::Task;
use super::{Caller, DocumentProblem, NewRequest, RequestView, Result, Service, ServiceError, links};
use crate::crypto::SignatureAlgorithm;
use crate::crypto::digest::sha256;
use crate::domain::joint::{Joint, SIGNERS};
use crate::domain::settings::SignatureFormat;
use crate::domain::{
    AuditEvent, CredentialId, FailureReason, Item, Origin, SignatureOptions, SignatureSettings, State, StateKind,
    Transaction, TransactionId,
};
use crate::formats::pdf::permissions::FieldLock;
use crate::storage::joint::NewPart;
use crate::storage::{ItemState, Outcome};

/// One of several signers of a new request.
#[derive(Debug)]
pub struct NewSignatory {
    pub credential: CredentialId,
    /// Those of a lower turn sign first; those of the same in any order.
    pub turn: u32,
    pub algorithm: Option<SignatureAlgorithm>,
    pub options: SignatureOptions,
}

/// One of several signers as the portal sees them.
#[derive(Debug)]
pub struct SignatoryView {
    pub signer: String,
    pub credential: String,
    pub turn: u32,
    pub state: State,
    /// Path of this signer's page, `/c/{token}`.
    pub confirm_path: String,
}

/// Another signer of the same request, as the citizen sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherSigner {
    pub name: String,
    pub state: State,
    /// Signs before the one who looks.
    pub earlier: bool,
}

impl Service {
    /// Takes documents to be signed by several people. `request` holds what they have in common; its own credential, algorithm
    /// and options are those of `signatories` instead.
    ///
    /// # Errors
    /// As [`Service::create_request`]; [`ServiceError::Invalid`] also for signers who would be in each other's way.
    pub async fn create_joint_request(
        &self,
        caller: &Caller,
        mut request: NewRequest,
        signatories: Vec<NewSignatory>,
    ) -> Result<RequestView> {
        let _in_flight = self.take_key(caller, request.idempotency_key.as_deref())?;
        let portal = self.portal(caller).await?;
        self.check_request(&mut request, &portal)?;
        check_signatories(&signatories)?;
        let (now, password) = (self.now(), request.password.take());
        let expires_at = now + request.valid_for.unwrap_or(self.limits().request_life);
        // Everything that costs little is asked before the documents are stored.
        let mut agreed = Vec::with_capacity(signatories.len());
        for signatory in signatories {
            check_options(&signatory.options)?;
            let credential = self.usable(self.credential(caller, &signatory.credential).await?)?;
            let algorithm = signatory.algorithm.unwrap_or_else(|| credential.credential.algorithm.default_signature());
            credential.check_algorithm(algorithm, now)?;
            let id = self.new_transaction_id()?;
            let sealed_password = password.as_ref().map(|password| self.seal(&id, password)).transpose()?;
            let settings = SignatureSettings { algorithm, sealed_password, options: signatory.options };
            self.check_level(&settings)?;
            agreed.push((id, credential, settings, signatory.turn));
        }
        let mut transactions: Vec<(Transaction, u32)> = Vec::with_capacity(agreed.len());
        for (id, credential, settings, turn) in agreed {
            let items = match transactions.first() {
                // The first one's folder holds the originals.
                None => self.take_documents(&id, &mut request, &credential, &settings).await?,
                Some((first, _)) => self.check_documents(first, &id, &credential, &settings).await?,
            };
            let transaction = Transaction {
                id,
                portal: caller.portal.clone(),
                signer: credential.credential.signer.clone(),
                credential: credential.credential.id.clone(),
                origin: Origin::Request { return_url: request.return_url.clone(), settings: Box::new(settings) },
                description: request.description.clone(),
                created_at: now,
                expires_at,
                items,
                state: State::Waiting,
            };
            transactions.push((transaction, turn));
        }
        let hashed: Vec<u8> = transactions.iter().flat_map(|(one, turn)| joint_hash(one, *turn)).collect();
        let part = |(transaction, turn)| NewPart { entry: self.created(&transaction), transaction, turn };
        let parts: Vec<NewPart> = transactions.into_iter().map(part).collect();
        let first = parts.first().map(|part| part.transaction.clone());
        let first = first.ok_or(ServiceError::Internal("a request without signers".into()))?;
        let claim = request.idempotency_key.map(|key| self.claim(key, sha256(&hashed)));
        let created = self.storage().create_joint(&parts, claim).await;
        self.created_view(first, created).await
    }

    /// Checks that documents stored for `first` could be signed with these settings too.
    async fn check_documents(
        &self,
        first: &Transaction,
        id: &TransactionId,
        credential: &super::credentials::UsableCredential,
        settings: &SignatureSettings,
    ) -> Result<Vec<Item>> {
        let token_octets = self.token_octets(settings).await;
        let password = self.unseal(id, settings.sealed_password.as_deref())?;
        let (credential, settings, now) = (credential.clone(), settings.clone(), self.now());
        let task = Task { credential, settings, now, token_octets, password };
        let (paths, items) = (self.paths(first), first.items.clone());
        let checked = blocking(move || {
            let documents = paths.iter().zip((0u32..).zip(&items));
            documents.map(|(path, item)| task.prepare_file(path, item).map(drop)).collect::<Result<Vec<()>>>()
        })
        .await?;
        if let Err(error) = checked {
            // Nobody will look for these files; what cannot be removed now is swept at the next start.
            let (documents, first) = (self.backends.documents.clone(), first.id.clone());
            let _ = blocking(move || documents.remove(&first)).await;
            return Err(error);
        }
        Ok(first.items.clone())
    }

    /// The request as its portal sees it, when it has several signers.
    pub(super) async fn joint_view(&self, mut first: Transaction, joint: Joint) -> Result<RequestView> {
        first.state = joint.state.clone();
        let mut documents = vec![ItemState::default(); first.items.len()];
        for part in joint.signed() {
            for (known, new) in documents.iter_mut().zip(self.storage().item_states(&part.transaction).await?) {
                *known = ItemState {
                    level: new.level.or(known.level),
                    failure: new.failure.or(known.failure),
                    raise: new.raise,
                };
            }
        }
        let view = |part: &crate::domain::joint::Part| SignatoryView {
            signer: part.signer.to_string(),
            credential: part.credential.to_string(),
            turn: part.turn,
            state: part.state.clone(),
            confirm_path: self.confirm_path(&part.transaction),
        };
        let signatories = joint.parts.iter().map(view).collect();
        Ok(RequestView { confirm_path: self.confirm_path(&first.id), transaction: first, documents, signatories })
    }

    pub fn confirm_path(&self, id: &TransactionId) -> String {
        format!("/c/{}", links::token(&self.backends.link_key, id).expose())
    }

    /// Ends a request with several signers while any of them is waited for.
    pub(super) async fn cancel_joint(&self, joint: &Joint) -> Result<Outcome> {
        let reason = FailureReason::Cancelled;
        for part in joint.parts.iter().filter(|part| part.state.kind() == StateKind::Waiting) {
            let event = AuditEvent::Failed { transaction: part.transaction.clone(), reason: reason.name().to_owned() };
            let failed = State::Failed { at: self.now(), reason };
            let entry = self.entry(event);
            if self.storage().advance(&part.transaction, StateKind::Waiting, &failed, entry).await? == Outcome::Done {
                return Ok(Outcome::Done);
            }
        }
        Ok(Outcome::Stale)
    }

    /// The newest signature of a document, and whose transaction it is.
    pub(super) async fn newest_part(&self, joint: &Joint, ordinal: u32) -> Result<Option<TransactionId>> {
        for part in joint.signed().into_iter().rev() {
            let rows = self.storage().signatures(&part.transaction).await?;
            if rows.iter().any(|row| row.intent.ordinal == ordinal && row.output.is_some()) {
                return Ok(Some(part.transaction.clone()));
            }
        }
        Ok(None)
    }

    /// The other signers of a transaction's request, in the portal's order, and whether it is this one's turn.
    pub(super) async fn others(&self, id: &TransactionId) -> Result<(Vec<OtherSigner>, bool)> {
        let Some(joint) = self.storage().joint(id).await? else { return Ok((Vec::new(), true)) };
        let mut others = Vec::with_capacity(joint.parts.len());
        let own = joint.part(id).map(|part| part.turn).unwrap_or_default();
        for part in joint.parts.iter().filter(|part| part.transaction != *id) {
            let name = self.signer(&part.signer).await?.name;
            others.push(OtherSigner { name, state: part.state.clone(), earlier: part.turn < own });
        }
        Ok((others, joint.in_turn(id)))
    }

    /// Refuses a step for which others have to sign before.
    pub(super) async fn check_turn(&self, id: &TransactionId) -> Result<()> {
        match self.storage().joint(id).await? {
            Some(joint) if !joint.in_turn(id) => Err(ServiceError::NotYet),
            _ => Ok(()),
        }
    }

    /// Waits until nobody else of the request is signing; holds it until dropped. Requests share a few locks: a rare wait.
    pub(super) async fn turn_to_sign(&self, joint: &Joint) -> Option<MutexGuard<'_, ()>> {
        let [first, ..] = sha256(joint.request.as_str().as_bytes());
        Some(self.turns.get(usize::from(first))?.lock().await)
    }

    /// Puts together what a confirmed part signs, from the original and the updates of those before; gives its items with the
    /// hashes and lengths of what was put together.
    ///
    /// # Errors
    /// [`ServiceError::Document`] when the original is no longer the one that was confirmed.
    pub(super) async fn lay_base(&self, transaction: &Transaction, joint: &Joint) -> Result<Vec<Item>> {
        let mut updates: Vec<Vec<Vec<u8>>> = vec![Vec::new(); transaction.items.len()];
        let mut octets: u64 = 0;
        for part in joint.signed() {
            for row in self.storage().signatures(&part.transaction).await? {
                let (Ok(index), Some(output)) = (usize::try_from(row.intent.ordinal), row.output) else { continue };
                octets = octets.saturating_add(output.len() as u64);
                if let Some(list) = updates.get_mut(index) {
                    list.push(output);
                }
            }
        }
        let (store, first) = (self.backends.documents.clone(), joint.request.clone());
        let (own, items) = (transaction.id.clone(), transaction.items.clone());
        let laid = blocking(move || {
            let internal = |error: std::io::Error| ServiceError::Internal(format!("documents: {error}"));
            let mut laid = Vec::with_capacity(items.len());
            for (n, (item, updates)) in (1u32..).zip(items.into_iter().zip(&updates)) {
                let base = store.lay(&first, &own, n, updates).map_err(internal)?;
                if base.original != item.digest {
                    let problem = DocumentProblem::Changed;
                    return Err(ServiceError::Document { name: item.label, problem });
                }
                laid.push(Item { digest: base.whole, len: base.len, ..item });
            }
            Ok(laid)
        })
        .await??;
        match self.storage().set_base(&transaction.id, octets).await? {
            Outcome::Done => Ok(laid),
            Outcome::Stale => Err(ServiceError::HashNotAuthorized),
        }
    }
}

/// Signers who cannot all sign, whatever the documents are.
fn check_signatories(signatories: &[NewSignatory]) -> Result<()> {
    let refused = |why| Err(ServiceError::Invalid { what: "signers", why });
    if !(2..=SIGNERS).contains(&signatories.len()) {
        return Err(ServiceError::Limit { what: "the number of signers", max: SIGNERS as u64 });
    }
    let first = signatories.iter().map(|one| one.turn).min().unwrap_or_default();
    for (n, one) in signatories.iter().enumerate() {
        let others = || signatories.iter().enumerate().filter(|(other, _)| *other != n).map(|(_, other)| other);
        if one.options.format != SignatureFormat::Pdf {
            return refused("several people sign PDFs only");
        }
        if others().any(|other| other.credential == one.credential) {
            return refused("a credential is named twice");
        }
        if one.options.field.is_some() && others().any(|other| other.options.field == one.options.field) {
            return refused("a field is named twice");
        }
        if one.options.certify.is_some() && (one.turn != first || others().any(|other| other.turn == first)) {
            return refused("only who signs first, and alone in that turn, can certify");
        }
        let locks = |name: &Option<String>| match (&one.options.lock, name) {
            (None, _) => false,
            (Some(FieldLock::All), _) => true,
            (Some(FieldLock::Include(fields)), Some(name)) => fields.contains(name),
            (Some(FieldLock::Include(_)), None) => false,
            (Some(FieldLock::Exclude(fields)), name) => name.as_ref().is_none_or(|name| !fields.contains(name)),
        };
        if others().any(|other| other.turn >= one.turn && locks(&other.options.field)) {
            return refused("a lock would keep a later signer out");
        }
    }
    Ok(())
}

/// What a repeated call must repeat of one part.
fn joint_hash(transaction: &Transaction, turn: u32) -> Vec<u8> {
    let algorithm = settings(transaction).map(|settings| settings.algorithm.name()).unwrap_or_default();
    [super::requests::request_hash(transaction).as_slice(), &turn.to_be_bytes(), algorithm.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pdf::permissions::DocMdpPermission;

    fn signatory(credential: &str, turn: u32, change: impl FnOnce(&mut SignatureOptions)) -> NewSignatory {
        let mut options = SignatureOptions::default();
        change(&mut options);
        NewSignatory { credential: CredentialId::parse(credential).expect("id"), turn, algorithm: None, options }
    }

    #[test]
    fn signers_who_would_be_in_each_others_way_are_refused() {
        let plain = |credential, turn| signatory(credential, turn, |_| {});
        let field = |credential, name: &str| signatory(credential, 1, |options| options.field = Some(name.into()));
        let certifying = |turn| signatory("a", turn, |options| options.certify = Some(DocMdpPermission::FormFilling));
        let locking = |lock| signatory("a", 1, |options| options.lock = Some(lock));
        let fine = |signatories: Vec<NewSignatory>| check_signatories(&signatories).is_ok();
        assert!(fine(vec![plain("a", 1), plain("b", 2)]) && fine(vec![field("a", "x"), field("b", "y")]));
        assert!(!fine(vec![plain("a", 1)]) && !fine(vec![plain("a", 1), plain("a", 2)]));
        assert!(!fine(vec![field("a", "x"), field("b", "x")]));
        assert!(fine(vec![certifying(1), plain("b", 2)]) && !fine(vec![certifying(1), plain("b", 1)]));
        assert!(!fine(vec![certifying(2), plain("b", 1)]));
        assert!(!fine(vec![locking(FieldLock::All), plain("b", 2)]));
        assert!(!fine(vec![locking(FieldLock::Include(vec!["x".into()])), field("b", "x")]));
        assert!(fine(vec![locking(FieldLock::Exclude(vec!["x".into()])), field("b", "x")]));
        let cms = signatory("b", 2, |options| options.format = SignatureFormat::Cms);
        assert!(!fine(vec![plain("a", 1), cms]));
    }
}
