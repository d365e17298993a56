//! Signing requests: a portal hands over whole documents, and fetches them signed.

use std::path::Path;

use time::{Duration, OffsetDateTime};
use url::Url;

use super::sign::settings;
use super::stage::Task;
use super::{Caller, NewRequest, RequestView, Result, Service, ServiceError, SignedDocument};
use crate::crypto::digest::sha256;
use crate::domain::settings::SignatureFormat;
use crate::domain::{
    AuditEvent, FailureReason, Item, Origin, Portal, SignatureOptions, SignatureSettings, State, StateKind,
    Transaction, TransactionId,
};
use crate::signing::attributes::Profile;
use crate::signing::extras;
use crate::storage::joint::Before;
use crate::storage::{Created, Idempotency, Outcome};

/// Longest file name, in characters: what file systems and a page can show.
const NAME_CHARACTERS: usize = 120;
/// Longest description (CSC API `description`).
const DESCRIPTION_CHARACTERS: usize = 500;
/// Longest reason or location in a signature dictionary.
const TEXT_CHARACTERS: usize = 200;
/// How long an idempotency key is remembered.
const KEY_LIFE: Duration = Duration::hours(24);

impl Service {
    /// Takes documents to be signed by one credential's signer. Each document is checked first: one that could not be signed
    /// is refused here, not after the citizen confirmed.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::Document`], [`ServiceError::Invalid`], [`ServiceError::Limit`],
    /// [`ServiceError::IdempotencyMismatch`], or why the credential cannot sign.
    pub async fn create_request(&self, caller: &Caller, mut request: NewRequest) -> Result<RequestView> {
        caller.needs_portal()?;
        let _in_flight = self.take_key(caller, request.idempotency_key.as_deref())?;
        let portal = self.portal(caller).await?;
        self.check_request(&mut request, &portal)?;
        check_options(&request.options)?;
        let credential = self.usable(self.credential(caller, &request.credential).await?)?;
        let algorithm = request.algorithm.unwrap_or_else(|| credential.credential.algorithm.default_signature());
        credential.check_algorithm(algorithm, self.now())?;
        let id = self.new_transaction_id()?;
        let sealed_password = request.password.take().map(|password| self.seal(&id, &password)).transpose()?;
        let options = std::mem::take(&mut request.options);
        let settings = SignatureSettings { algorithm, sealed_password, options };
        self.check_level(&settings)?;
        let items = self.take_documents(&id, &mut request, &credential, &settings).await?;
        let now = self.now();
        let transaction = Transaction {
            id,
            portal: caller.portal.clone(),
            signer: credential.credential.signer.clone(),
            credential: credential.credential.id.clone(),
            origin: Origin::Request { return_url: request.return_url.take(), settings: Box::new(settings) },
            description: std::mem::take(&mut request.description),
            created_at: now,
            expires_at: now + request.valid_for.unwrap_or(self.limits().request_life),
            items,
            state: State::Waiting,
        };
        self.store_request(transaction, request.idempotency_key).await
    }

    /// # Errors
    /// [`ServiceError::NotFound`], also for another portal's request.
    pub async fn request(&self, caller: &Caller, id: &TransactionId) -> Result<RequestView> {
        caller.needs_portal()?;
        let found = self.storage().transaction(id).await?;
        let own = |t: &Transaction| t.portal == caller.portal && matches!(t.origin, Origin::Request { .. });
        let transaction = found.filter(own).ok_or(ServiceError::NotFound("request"))?;
        let Some(joint) = self.storage().joint(id).await? else {
            return self.view(self.expire_if_due(transaction).await?).await;
        };
        if joint.request != *id {
            return Err(ServiceError::NotFound("request"));
        }
        for part in joint.parts.iter().filter(|part| part.state.kind() == StateKind::Waiting) {
            // One that ends takes the others with it; they all have the same time.
            if let Some(part) = self.storage().transaction(&part.transaction).await? {
                self.expire_if_due(part).await?;
            }
        }
        self.view(transaction).await
    }

    /// A portal's requests, newest first.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn requests(
        &self,
        caller: &Caller,
        state: Option<StateKind>,
        before: Option<Before>,
        limit: u32,
    ) -> Result<Vec<RequestView>> {
        let ids = self.storage().requests(&caller.portal, state, before, limit).await?;
        let mut views = Vec::with_capacity(ids.len());
        for id in &ids {
            views.push(self.request(caller, id).await?);
        }
        Ok(views)
    }

    /// Ends a request that still waits.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::State`] when it no longer waits.
    pub async fn cancel_request(&self, caller: &Caller, id: &TransactionId) -> Result<RequestView> {
        self.request(caller, id).await?;
        let reason = FailureReason::Cancelled;
        let event = AuditEvent::Failed { transaction: id.clone(), reason: reason.name().to_owned() };
        let failed = State::Failed { at: self.now(), reason };
        let ended = match self.storage().joint(id).await? {
            Some(joint) => self.cancel_joint(&joint).await?,
            None => self.storage().advance(id, StateKind::Waiting, &failed, self.entry(event)).await?,
        };
        if ended == Outcome::Stale {
            // The state that stood in the way, not the one read before.
            let now = self.request(caller, id).await?.transaction.state.kind();
            return Err(ServiceError::State(now));
        }
        self.request(caller, id).await
    }

    /// The `n`-th signed document, from 1.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::State`] while it is not signed.
    pub async fn signed_document(&self, caller: &Caller, id: &TransactionId, n: u32) -> Result<SignedDocument> {
        let transaction = self.request(caller, id).await?.transaction;
        let missing = || ServiceError::NotFound("document");
        let ordinal = n.checked_sub(1).ok_or_else(missing)?;
        let item = usize::try_from(ordinal).ok().and_then(|i| transaction.items.get(i)).ok_or_else(missing)?;
        if transaction.state.kind() != StateKind::Signed {
            return Err(ServiceError::State(transaction.state.kind()));
        }
        let joint = self.storage().joint(id).await?;
        let newest = match &joint {
            Some(joint) => self.newest_part(joint, ordinal).await?.ok_or_else(missing)?,
            None => id.clone(),
        };
        let rows = self.storage().signatures(&newest).await?;
        let row = rows.into_iter().find(|row| row.intent.ordinal == ordinal);
        // In a batch, a document may have been left out: there is nothing to fetch.
        let update = row.and_then(|row| row.output).ok_or_else(missing)?;
        let original = self.backends.documents.signed_over(&newest, n);
        let whole = match joint {
            Some(_) => length(&original).await?,
            None => item.len,
        };
        let format = settings(&transaction)?.options.format;
        let (suffix, original_len) = match format {
            SignatureFormat::Pdf => ("", whole),
            SignatureFormat::Cms | SignatureFormat::PdfHash | SignatureFormat::CmsHash => (".p7s", 0),
            SignatureFormat::CmsEnveloping => (".p7m", 0),
        };
        Ok(SignedDocument { name: format!("{}{suffix}", item.label), format, original, original_len, update })
    }

    pub(super) fn new_transaction_id(&self) -> Result<TransactionId> {
        TransactionId::try_from(self.random_id()).map_err(|_| ServiceError::Internal("an id".into()))
    }

    pub(super) async fn portal(&self, caller: &Caller) -> Result<Portal> {
        self.storage().portal(&caller.portal).await?.ok_or(ServiceError::InvalidToken)
    }

    pub(super) fn check_request(&self, request: &mut NewRequest, portal: &Portal) -> Result<()> {
        let limits = self.limits();
        if request.documents.is_empty() {
            return Err(ServiceError::Invalid { what: "documents", why: "at least one is needed" });
        }
        if request.documents.len() > limits.documents {
            return Err(ServiceError::Limit { what: "the number of documents", max: limits.documents as u64 });
        }
        for document in &mut request.documents {
            document.name =
                file_name(&document.name).ok_or(ServiceError::Invalid { what: "name", why: "it is empty" })?;
            if document.bytes.len() as u64 > limits.document_bytes {
                return Err(ServiceError::Limit {
                    what: "the size of a document in bytes",
                    max: limits.document_bytes,
                });
            }
        }
        within("description", &request.description, DESCRIPTION_CHARACTERS)?;
        if let Some(life) = request.valid_for
            && !(Duration::minutes(1)..=limits.longest_request_life).contains(&life)
        {
            return Err(ServiceError::Invalid {
                what: "expires_in",
                why: "between one minute and the service's longest life",
            });
        }
        request.return_url.as_deref().map_or(Ok(()), |url| check_return_url(url, portal))
    }

    /// Checks that every document can be signed and stores the originals.
    pub(super) async fn take_documents(
        &self,
        id: &TransactionId,
        request: &mut NewRequest,
        credential: &super::credentials::UsableCredential,
        settings: &SignatureSettings,
    ) -> Result<Vec<Item>> {
        let documents = std::mem::take(&mut request.documents);
        let (store, id) = (self.backends.documents.clone(), id.clone());
        let token_octets = self.token_octets(settings).await;
        let (credential, settings, now) = (credential.clone(), settings.clone(), self.now());
        let password = self.unseal(&id, settings.sealed_password.as_deref())?;
        let task = Task { credential, settings, now, token_octets, password };
        let work = move || -> Result<Vec<Item>> {
            let mut items = Vec::with_capacity(documents.len());
            for document in &documents {
                let digest = task.check_signable(&document.name, &document.bytes)?;
                items.push(Item { label: document.name.clone(), digest, len: document.bytes.len() as u64 });
            }
            let bytes: Vec<&[u8]> = documents.iter().map(|document| document.bytes.as_slice()).collect();
            store.put(&id, &bytes).map_err(|error| ServiceError::Internal(format!("documents: {error}")))?;
            Ok(items)
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| ServiceError::Internal(error.to_string()))?
    }

    async fn store_request(&self, transaction: Transaction, key: Option<String>) -> Result<RequestView> {
        let claim = key.map(|key| self.claim(key, request_hash(&transaction)));
        let created = self.storage().create(&transaction, claim, self.created(&transaction)).await;
        self.created_view(transaction, created).await
    }

    pub(super) fn claim(&self, key: String, body_sha256: [u8; 32]) -> Idempotency {
        Idempotency { key, body_sha256, not_before: self.now() - KEY_LIFE }
    }

    /// What came of creating a request; documents of one that was not are removed.
    pub(super) async fn created_view(
        &self,
        transaction: Transaction,
        created: crate::storage::Result<Created>,
    ) -> Result<RequestView> {
        let id = transaction.id.clone();
        if !matches!(created, Ok(Created::New)) {
            let documents = self.backends.documents.clone();
            // Nobody will look for these files; what cannot be removed now is swept at the next start.
            let _ = tokio::task::spawn_blocking(move || documents.remove(&id)).await;
        }
        match created? {
            Created::New => self.view(transaction).await,
            Created::Mismatch => Err(ServiceError::IdempotencyMismatch),
            Created::Replayed(first) => self.request(&Caller::of_portal(transaction.portal), &first).await,
        }
    }

    async fn view(&self, transaction: Transaction) -> Result<RequestView> {
        if let Some(joint) = self.storage().joint(&transaction.id).await? {
            return self.joint_view(transaction, joint).await;
        }
        let documents = self.storage().item_states(&transaction.id).await?;
        let confirm_path = self.confirm_path(&transaction.id);
        Ok(RequestView { confirm_path, transaction, documents, signatories: Vec::new() })
    }
}

/// Octets of a stored file.
async fn length(path: &Path) -> Result<u64> {
    let unreadable = |error: std::io::Error| ServiceError::Internal(format!("documents: {error}"));
    Ok(tokio::fs::metadata(path).await.map_err(unreadable)?.len())
}

/// What no document could be signed with.
pub(super) fn check_options(options: &SignatureOptions) -> Result<()> {
    let texts = [
        ("reason", &options.reason),
        ("location", &options.location),
        ("contact_info", &options.contact_info),
        ("field", &options.field),
    ];
    for (what, text) in texts {
        within(what, text.as_deref().unwrap_or_default(), TEXT_CHARACTERS)?;
    }
    // The dictionary of a PDF whose hash alone is known is its owner's to write.
    if options.format != SignatureFormat::Pdf
        && let Some(what) = options.pdf_only()
    {
        return Err(ServiceError::Invalid { what, why: "only a signature in a PDF has it" });
    }
    let profile = match options.format {
        SignatureFormat::Pdf | SignatureFormat::PdfHash => Profile::Pades,
        _ => Profile::Cades { signing_time: OffsetDateTime::UNIX_EPOCH },
    };
    Ok(extras::check(profile, &options.extras, options.stated_reason())?)
}

/// Everything of the request that a repeated call must repeat.
pub(super) fn request_hash(transaction: &Transaction) -> [u8; 32] {
    let life = transaction.expires_at - transaction.created_at;
    let Transaction { credential, description, origin, .. } = transaction;
    let mut origin = origin.clone();
    if let Origin::Request { settings, .. } = &mut origin {
        // Sealed anew each time. A repeated call with another password is the same request.
        settings.sealed_password = None;
    }
    let mut text = format!("{credential}\n{description}\n{origin:?}\n{life}\n");
    for item in &transaction.items {
        text.push_str(&format!("{}\n{:?}\n", item.digest.to_hex(), item.label));
    }
    sha256(text.as_bytes())
}

/// A name without folders and control characters, cut to a length people can read; `None` when nothing is left.
fn file_name(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String =
        last.chars().filter(|c| !c.is_control() && !is_direction_mark(*c)).take(NAME_CHARACTERS).collect();
    let clean = clean.trim();
    (!clean.is_empty()).then(|| clean.to_owned())
}

/// Marks that reorder text: with them `fdp.exe` reads as `exe.pdf`.
pub fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn within(what: &'static str, text: &str, characters: usize) -> Result<()> {
    if text.chars().count() > characters {
        return Err(ServiceError::Limit { what, max: characters as u64 });
    }
    if text.chars().any(|c| c.is_control() || is_direction_mark(c)) {
        return Err(ServiceError::Invalid { what, why: "it holds control characters" });
    }
    Ok(())
}

/// Citizens are sent back to their portal's own host over HTTPS; plain HTTP only to this machine, for development.
fn check_return_url(text: &str, portal: &Portal) -> Result<()> {
    let refused = |why| Err(ServiceError::Invalid { what: "return_url", why });
    let Ok(url) = Url::parse(text) else { return refused("it is not a URL") };
    let host = url.host_str().unwrap_or_default();
    let local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    if !(url.scheme() == "https" || (url.scheme() == "http" && local)) {
        return refused("it is not an https URL");
    }
    if !url.username().is_empty() || url.password().is_some() || text.len() > 2000 {
        return refused("it holds a user name, or is too long");
    }
    match &portal.host {
        Some(own) if !local && host != own && !host.ends_with(&format!(".{own}")) => {
            refused("it is not on the portal's host")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PortalId;
    use time::macros::datetime;

    fn portal(host: Option<&str>) -> Portal {
        Portal {
            id: PortalId::parse("p").expect("id"),
            name: "P".into(),
            host: host.map(str::to_owned),
            support_phone: None,
            secret_sha256: [0; 32],
            created_at: datetime!(2026-01-01 0:00 UTC),
        }
    }

    #[test]
    fn names_lose_folders_control_characters_and_direction_marks() {
        assert_eq!(file_name("../../etc/tờ khai.pdf").as_deref(), Some("tờ khai.pdf"));
        assert_eq!(file_name("a\u{202e}fdp.exe\r\n").as_deref(), Some("afdp.exe"));
        assert_eq!(file_name("C:\\x\\"), None);
        assert_eq!(file_name(&"x".repeat(500)).map(|name| name.len()), Some(NAME_CHARACTERS));
    }

    #[test]
    fn return_urls_lead_to_the_portal_and_nowhere_else() {
        let own = portal(Some("dvc.example.gov.vn"));
        for good in ["https://dvc.example.gov.vn/x?y=1", "https://a.dvc.example.gov.vn/", "http://127.0.0.1:8080/back"]
        {
            assert!(check_return_url(good, &own).is_ok(), "{good}");
        }
        for bad in [
            "https://evil.example/",
            "https://evildvc.example.gov.vn/",
            "http://dvc.example.gov.vn/",
            "javascript:alert(1)",
            "https://dvc.example.gov.vn@evil.example/",
            "https://u:p@dvc.example.gov.vn/",
            "//evil.example",
            "not a url",
        ] {
            assert!(check_return_url(bad, &own).is_err(), "{bad}");
        }
    }
}
