//! Which concrete backend stands behind which trait. The only file that names them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use time::Duration;

use super::channels::sms::{SmsGateway, Template, Wording};
use super::channels::smtp::{Server, Smtp};
use super::config::{self, Config};
use super::system::{SystemClock, SystemEntropy};
use super::trust::Trust;
use crate::authorization::{Channels, CodePolicy, MessageChannel, Parts, RelyingParty, SoleControl, wording};
use crate::custody::software::SoftwareCustody;
use crate::custody::software::kek::KeyEncryptionKey;
use crate::domain::{Clock, Secret};
use crate::http::oauth::client_auth::TlsProxy;
use crate::http::verify::{Verifier, VerifySettings};
use crate::identity::{Provider, ProviderSettings, provider};
use crate::service::{Backends, LevelServices, Limits, Service, WhenDown};
use crate::storage::documents::DocumentStore;
use crate::storage::sqlite::SqliteStorage;
use crate::trust::client::HttpFetch;
use crate::trust::deliver::{Deliver, HttpDeliver};
use crate::trust::guard::{Allowed, Guard};
use crate::trust::{Settings, TrustServices};

/// How long a portal may take to accept a webhook.
const WEBHOOK_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(15);

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
    let (clock, deliver) = (Arc::new(SystemClock), webhooks(Vec::new()));
    let how = How { limits, codes: CodePolicy::default(), clock, levels: None, deliver };
    open_with(data, kek, Channels::one(channel), how).await
}

/// What a service is put together with besides its data and the way of its messages.
pub struct How {
    pub limits: Limits,
    pub codes: CodePolicy,
    /// A sandbox's can be moved.
    pub clock: Arc<dyn Clock>,
    pub levels: Option<LevelServices>,
    /// The way to portals' webhooks.
    pub deliver: Arc<dyn Deliver>,
}

/// The way to portals' webhooks; `allowed` adds to public addresses.
pub fn webhooks(allowed: Vec<Allowed>) -> Arc<dyn Deliver> {
    Arc::new(HttpDeliver::new(Guard::new(allowed), WEBHOOK_TIMEOUT))
}

/// The same with trust services, another clock, other budgets.
///
/// # Errors
/// As [`open`].
pub async fn open_with(data: &Path, kek: &KeyEncryptionKey, channels: Channels, how: How) -> Result<Arc<Service>> {
    let file = data.join("kyso.db");
    let storage =
        Arc::new(SqliteStorage::open(&file).await.with_context(|| format!("cannot open {}", file.display()))?);
    let documents = data.join("documents");
    let documents = DocumentStore::open(&documents).with_context(|| format!("cannot use {}", documents.display()))?;
    let entropy = Arc::new(SystemEntropy);
    let pepper = kek.derive("kyso code v1");
    let custody = Arc::new(SoftwareCustody::new(kek));
    let How { limits, codes, clock, levels, deliver } = how;
    let sole_control = SoleControl::new(Parts {
        storage: storage.clone(),
        custody: custody.clone(),
        channels,
        clock: clock.clone(),
        entropy: entropy.clone(),
        pepper,
        policy: codes,
    });
    Ok(Service::new(Backends {
        storage,
        custody,
        documents,
        activation: Arc::new(sole_control.clone()),
        sole_control,
        clock,
        entropy,
        link_key: kek.derive("kyso link v1"),
        password_key: kek.derive("kyso document password v1"),
        oauth_key: kek.derive("kyso oauth v1"),
        limits,
        levels,
        deliver,
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

/// Verifies files for portals with what the configuration trusts. `sandbox` is the folder of a sandbox's own root and lists.
///
/// # Errors
/// When its folder in the data folder cannot be used.
pub fn verifier(program: &Path, data: &Path, trust: &Trust, sandbox: Option<&Path>) -> Result<Verifier> {
    let (mut anchors, mut revocation) = trust.for_verifying();
    anchors.extend(sandbox.map(|folder| folder.join("root.pem")));
    revocation.extend(sandbox.map(|folder| folder.join("crl.pem")));
    let folder = data.join("verify");
    let trust_store = trust.store.clone();
    let new = VerifySettings::new(program.to_owned(), folder.clone());
    let settings = VerifySettings { anchors, revocation, trust_store, ..new };
    Verifier::new(settings).with_context(|| format!("cannot use {}", folder.display()))
}

/// What levels above B-B are made with; nothing when no authority is configured.
pub fn levels(trust: &Arc<TrustServices>, when_down: WhenDown) -> Option<LevelServices> {
    let offered = !trust.settings().tsas.is_empty();
    offered.then(|| LevelServices { trust: trust.clone(), when_down })
}

/// Where citizens sign in, if the configuration says so; answers come to `public_url`.
///
/// # Errors
/// When the issuer is not https, or the secret's file can be read by others.
pub fn citizens(config: &Config, public_url: &str, clock: Arc<dyn Clock>) -> Result<Option<Arc<Provider>>> {
    let Some(oidc) = &config.citizens.oidc else { return Ok(None) };
    if !provider::is_safe(&oidc.issuer) {
        bail!("configuration: citizens.oidc.issuer is not an https address");
    }
    if !oidc.scope.split(' ').any(|scope| scope == "openid") {
        bail!("configuration: citizens.oidc.scope does not hold openid");
    }
    let settings = ProviderSettings {
        issuer: oidc.issuer.clone(),
        client_id: oidc.client_id.clone(),
        client_secret: Secret::new(config::secret_file(&oidc.client_secret_file)?.as_str()),
        claim: oidc.claim.clone(),
        scope: oidc.scope.clone(),
        name: oidc.name.clone(),
        redirect_uri: format!("{public_url}/oidc/callback"),
    };
    Ok(Some(Arc::new(Provider::new(settings, clock)?)))
}

/// Who may pass on clients' certificates.
///
/// # Errors
/// When the header's name is none.
pub fn tls_proxy(config: &Config) -> Result<Option<Arc<TlsProxy>>> {
    let Some(proxy) = &config.tls_proxy else { return Ok(None) };
    let header =
        proxy.header.to_ascii_lowercase().parse().context("configuration: tls_proxy.header is no header name")?;
    Ok(Some(Arc::new(TlsProxy { addresses: proxy.addresses.clone(), header })))
}

/// The channels codes leave by in production, in the order they are tried.
///
/// # Errors
/// When none is configured, or one cannot be used; each names its key.
pub fn channels(config: &Config) -> Result<Channels> {
    let messages = &config.messages;
    let mut channels: Vec<Arc<dyn MessageChannel>> = Vec::new();
    for name in messages.order() {
        match name {
            "sms" => channels.push(Arc::new(sms(config)?)),
            "email" => channels.push(Arc::new(mail(config)?)),
            other => bail!("configuration: messages.channels: {other:?} is neither \"sms\" nor \"email\""),
        }
    }
    if channels.is_empty() {
        bail!("configuration: messages.sms_gateway is not set; without it no citizen can confirm a signature");
    }
    Ok(Channels::new(channels))
}

fn sms(config: &Config) -> Result<SmsGateway> {
    let messages = &config.messages;
    let token = messages.sms_token_file.as_deref().map(config::secret_file).transpose()?;
    let template = match (&messages.sms_gateway, &messages.sms) {
        (Some(url), None) => Template::simple(url, token.as_ref()),
        (None, Some(sms)) => sms.template(),
        _ => bail!("configuration: name either messages.sms_gateway or [messages.sms]"),
    };
    let host = page_host(config);
    let digits = config.codes.policy(messages, CodePolicy::default())?.digits;
    if let Some(host) = &host
        && !wording::fits(messages.sms_alphabet(), digits, host)
    {
        bail!("configuration: messages.sms_alphabet: the page's host {host} does not fit beside a code in one message");
    }
    let wording = Wording { alphabet: messages.sms_alphabet(), host, prefixes: messages.sms_prefixes() };
    Ok(SmsGateway::new(template, token, wording)?)
}

fn mail(config: &Config) -> Result<Smtp> {
    let mail = config.messages.email.as_ref().context("configuration: [messages.email] is missing")?;
    let password = mail.password_file.as_deref().map(config::secret_file).transpose()?;
    let server = Server {
        host: mail.server.clone(),
        port: mail.port,
        security: mail.security,
        login: mail.user.clone().zip(password),
        from: mail.from.clone(),
    };
    Ok(Smtp::new(server, page_host(config))?)
}

/// Host of the citizen's page.
fn page_host(config: &Config) -> Option<String> {
    host(config.public_url.as_deref()?)
}

/// Whose page passkeys are for. Browsers have none for bare addresses.
pub fn relying_party(public_url: &str) -> Option<RelyingParty> {
    let url = url::Url::parse(public_url).ok()?;
    let id = url.domain()?.to_owned();
    let usable = url.scheme() == "https" || id == "localhost";
    usable.then(|| RelyingParty { id, origin: url.origin().ascii_serialization() })
}

/// Host of an address.
pub fn host(url: &str) -> Option<String> {
    url::Url::parse(url).ok()?.host_str().map(str::to_owned)
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
