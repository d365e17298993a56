//! Which concrete backend stands behind which trait. The only file that names them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use time::Duration;

use super::channels::SmsGateway;
use super::config::{self, Config};
use super::system::{SystemClock, SystemEntropy};
use crate::authorization::{CodePolicy, MessageChannel, SoleControl};
use crate::custody::software::SoftwareCustody;
use crate::custody::software::kek::KeyEncryptionKey;
use crate::domain::Clock;
use crate::service::{Backends, LevelServices, Limits, Service, WhenDown};
use crate::storage::documents::DocumentStore;
use crate::storage::sqlite::SqliteStorage;
use crate::trust::client::HttpFetch;
use crate::trust::guard::{Allowed, Guard};
use crate::trust::{Settings, TrustServices};

/// Opens the folder `data` (from [`data_folder`]) and puts the service together. Waits for nobody: nothing half-way is settled yet.
///
/// # Errors
/// When the folder, the database or the documents cannot be opened; each names its file.
pub async fn open(
    data: &Path,
    kek: &KeyEncryptionKey,
    channel: Arc<dyn MessageChannel>,
    limits: Limits,
) -> Result<Arc<Service>> {
    let how = How { limits, codes: CodePolicy::default(), clock: Arc::new(SystemClock), levels: None };
    open_with(data, kek, channel, how).await
}

/// What a service is put together with besides its data.
pub struct How {
    pub limits: Limits,
    pub codes: CodePolicy,
    /// A sandbox's can be moved.
    pub clock: Arc<dyn Clock>,
    pub levels: Option<LevelServices>,
}

/// The same with trust services, another clock, other budgets.
///
/// # Errors
/// As [`open`].
pub async fn open_with(
    data: &Path,
    kek: &KeyEncryptionKey,
    channel: Arc<dyn MessageChannel>,
    how: How,
) -> Result<Arc<Service>> {
    let file = data.join("kyso.db");
    let storage =
        Arc::new(SqliteStorage::open(&file).await.with_context(|| format!("cannot open {}", file.display()))?);
    let documents = data.join("documents");
    let documents = DocumentStore::open(&documents).with_context(|| format!("cannot use {}", documents.display()))?;
    let entropy = Arc::new(SystemEntropy);
    let pepper = kek.derive("kyso code v1");
    let custody = Arc::new(SoftwareCustody::new(kek));
    let How { limits, codes, clock, levels } = how;
    let sole_control =
        SoleControl::new(storage.clone(), custody.clone(), channel, clock.clone(), entropy.clone(), pepper, codes);
    Ok(Service::new(Backends {
        storage,
        custody,
        documents,
        sole_control,
        clock,
        entropy,
        link_key: kek.derive("kyso link v1"),
        password_key: kek.derive("kyso document password v1"),
        limits,
        levels,
    }))
}

/// Time-stamping authorities, OCSP, CRLs and authorities' certificates over the network. `allowed` adds to what the configuration
/// lets certificates point to.
///
/// # Errors
/// When the configuration names what cannot be used, or no HTTP client can be made.
pub fn trust_services(settings: Settings, allowed: Vec<Allowed>, clock: Arc<dyn Clock>) -> Result<Arc<TrustServices>> {
    let fetch = HttpFetch::new(Guard::new(allowed)).context("no HTTP client for trust services")?;
    Ok(Arc::new(TrustServices::new(settings, Arc::new(fetch), clock, Arc::new(SystemEntropy))))
}

/// What levels above B-B are made with; nothing when no authority is configured.
pub fn levels(trust: &Arc<TrustServices>, when_down: WhenDown) -> Option<LevelServices> {
    let offered = !trust.settings().tsas.is_empty();
    offered.then(|| LevelServices { trust: trust.clone(), when_down })
}

/// The channel codes leave by in production.
///
/// # Errors
/// When none is configured, or its token file can be read by others.
pub fn channel(config: &Config) -> Result<Arc<dyn MessageChannel>> {
    let missing = "configuration: messages.sms_gateway is not set; without it no citizen can confirm a signature";
    let url = config.messages.sms_gateway.as_deref().context(missing)?;
    let token = config.messages.sms_token_file.as_deref().map(config::secret_file).transpose()?;
    Ok(Arc::new(SmsGateway::new(url, token)?))
}

/// The service's bounds with what the operator moved.
pub fn limits(config: &Config) -> Limits {
    Limits {
        documents: config.limits.documents,
        document_bytes: config.limits.document_bytes,
        request_life: Duration::minutes(i64::from(config.limits.request_minutes)),
        ..Limits::default()
    }
}

/// Takes the data folder for one running service, until the returned file is dropped or the process ends, however it ends.
/// A second service would take the first one's uploads for left-overs and finish signatures that are being made.
///
/// # Errors
/// When another service holds it.
pub fn take_folder(data: &Path) -> Result<std::fs::File> {
    let path = data.join("kyso.lock");
    let file = std::fs::File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("cannot open {}", path.display()))?;
    file.try_lock().with_context(|| format!("another kyso service uses {}", data.display()))?;
    Ok(file)
}

/// Makes the data folder, for its owner alone since it holds people's documents, and gives its absolute path.
///
/// # Errors
/// When it cannot be made.
pub fn data_folder(path: &Path) -> Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let made = if path.is_dir() { Ok(()) } else { std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path) };
    let absolute = made.and_then(|()| path.canonicalize());
    absolute.with_context(|| format!("cannot use the data folder {}", path.display()))
}
