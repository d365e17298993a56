//! The sandbox: development keys, one portal, invented signers, an outbox, and the ready file that says where everything is.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::system::{SystemClock, SystemEntropy};
use super::trust::Trust;
use crate::authorization::CodePolicy;
use crate::crypto::digest::hex;
use crate::custody::software::kek::KeyEncryptionKey;
use crate::dev_pki::{CertificateState, CredentialSpec, DevPki, PkiSpec, SignerSpec};
use crate::domain::credential::{KeyStatus, Purpose};
use crate::domain::{Clock, Factors, PortalId, Secret, ports};
use crate::formats::x509::Certificate;
use crate::service::admin::{NewCredential, NewPortal, NewSigner, Protection};
use crate::service::{Service, ServiceError};
use crate::storage::{MessageLimits, StorageError};
use crate::trust::guard::Allowed;
use crate::trust::{Settings, Tsa};

const PORTAL: &str = "sandbox-portal";
/// Where the sandbox's portal has citizens sent back to: this machine, on any port.
const REDIRECT_URIS: [&str; 4] = [
    "http://127.0.0.1/callback",
    "http://127.0.0.1/oauth/callback",
    "http://[::1]/callback",
    "https://dichvucong.example.gov.vn/callback",
];

/// A provisioned sandbox.
pub struct Sandbox {
    pub pki: Arc<DevPki>,
    client_secret: Secret,
    folder: PathBuf,
}

/// The key-encryption key of a sandbox: made in its data folder at the first start.
///
/// # Errors
/// When the file cannot be made or read.
pub fn kek(data: &Path) -> Result<KeyEncryptionKey> {
    let file = data.join("sandbox.kek");
    if file.exists() {
        return Ok(KeyEncryptionKey::read(&file)?);
    }
    // Made under another name first: a start that is killed here leaves nothing half-written to stumble over.
    let unfinished = data.join("sandbox.kek.new");
    if unfinished.exists() {
        std::fs::remove_file(&unfinished)?;
    }
    let kek = KeyEncryptionKey::create(&unfinished)?;
    std::fs::rename(&unfinished, &file)?;
    Ok(kek)
}

/// Budgets of a sandbox: guessing is bounded as in production; how many messages may be sent is not, for they go nowhere and
/// a test leaves many codes unused. The configuration's own numbers go before these.
pub fn codes() -> CodePolicy {
    CodePolicy { unconfirmed: u32::MAX, messages: MessageLimits::NONE, ..CodePolicy::default() }
}

/// Opens the development PKI of a data folder; its certificates point to `public_url`.
///
/// # Errors
/// When it cannot be made or read.
pub async fn dev_pki(data: &Path, public_url: &str) -> Result<Arc<DevPki>> {
    let (spec, now, directory, url) = (PkiSpec::embedded()?, SystemClock.now(), folder(data), public_url.to_owned());
    let pki = tokio::task::spawn_blocking(move || DevPki::open(spec, &directory, &url, now)).await??;
    Ok(Arc::new(pki))
}

/// The configuration's trust services with the sandbox's own authority, root and address; nothing else local is opened.
///
/// # Errors
/// When the configuration names what cannot be used.
pub fn trust(config: &Trust, pki: &DevPki, address: SocketAddr, public_url: &str) -> Result<(Settings, Vec<Allowed>)> {
    let (mut settings, mut allowed) = (config.settings()?, config.allowed()?);
    if settings.tsas.is_empty() {
        let url = format!("{public_url}{}", crate::dev_pki::paths::TSA);
        settings.tsas.push(Tsa { url, authorization: None, policy: None, timeout: settings.budget.timeout });
    }
    settings.anchors.push(Certificate::from_der(&pki.root()?)?);
    allowed.push(Allowed::exactly(address));
    // Behind another public address, certificates point there.
    let public: url::Url = public_url.parse()?;
    if let (Some(host), Some(port)) = (public.host_str(), public.port_or_known_default()) {
        allowed.push(format!("{host}:{port}").parse()?);
    }
    Ok((settings, allowed))
}

/// Where a sandbox keeps its root and its revocation lists.
pub fn folder(data: &Path) -> PathBuf {
    data.join("dev-pki")
}

impl Sandbox {
    /// Makes whatever portal, signer or credential is still missing.
    ///
    /// # Errors
    /// When a party cannot be stored or a certificate not be issued.
    pub async fn open(service: &Service, pki: Arc<DevPki>, data: &Path) -> Result<Self> {
        let client_secret = portal(service, data).await?;
        let sandbox = Self { pki, client_secret, folder: folder(data) };
        for signer in &sandbox.pki.spec().signers {
            sandbox.provision(service, signer).await.with_context(|| format!("signer {}", signer.id))?;
        }
        Ok(sandbox)
    }

    async fn provision(&self, service: &Service, spec: &SignerSpec) -> Result<()> {
        // Asked before anything is made: at a restart, deriving PIN hashes and drawing RSA keys would be for nothing.
        if !service.signers().await?.iter().any(|signer| signer.id == spec.id) {
            let (name, phone, email) = (spec.name.clone(), spec.phone.clone(), spec.email.clone());
            let new = NewSigner { id: spec.id.clone(), name, phone, email, pin: Some(spec.pin.clone()) };
            service.add_signer(new).await?;
        }
        service.grant(&PortalId::parse(PORTAL)?, &spec.id).await?;
        for credential in &spec.credentials {
            let known = service.credentials_of(&spec.id).await?;
            let known = known.into_iter().find(|known| known.id == credential.id);
            if known.as_ref().is_some_and(|known| known.status != KeyStatus::Pending) {
                continue;
            }
            if known.is_none() {
                let new = NewCredential {
                    id: credential.id.clone(),
                    signer: spec.id.clone(),
                    algorithm: credential.algorithm,
                    auth: credential.auth,
                    protection: protection(spec, credential),
                    purpose: Purpose::Development,
                };
                service.generate_credential(new).await?;
            }
            let request =
                service.certification_request(&credential.id, &spec.subject, &protection(spec, credential)).await?;
            let certificate = self.pki.issue_credential(credential, &request, SystemClock.now())?;
            let chain = std::iter::once(certificate).chain(self.pki.chain()?).collect();
            service.certify(&credential.id, chain).await?;
        }
        Ok(())
    }

    /// What the ready file says.
    pub fn ready(&self, url: &str) -> Value {
        let with = |state, factors| -> Vec<Value> {
            self.pki.spec().signers.iter().filter_map(|signer| signer_entry(signer, state, factors)).collect()
        };
        let signers = |state| with(state, Factors::Code);
        json!({
            "url": url,
            "csc": {"v1": format!("{url}/csc/v1"), "v2": format!("{url}/csc/v2")},
            "token_url": format!("{url}/oauth2/token"),
            "portal": {"client_id": PORTAL, "client_secret": self.client_secret.expose(), "redirect_uris": REDIRECT_URIS},
            "oauth": {"issuer": url, "metadata_url": format!("{url}/.well-known/oauth-authorization-server")},
            "signers": signers(CertificateState::Valid),
            // For tests of refusal: they exist like the others, and nothing good comes of them.
            "expired_signers": signers(CertificateState::Expired),
            "revoked_signers": signers(CertificateState::Revoked),
            // Their keys open with the PIN only, on the hosted page too.
            "pin_signers": with(CertificateState::Valid, Factors::CodeAndPin),
            "trust_anchor": self.folder.join("root.pem"),
            "crl": self.folder.join("crl.pem"),
            "tsa_url": format!("{url}{}", crate::dev_pki::paths::TSA),
            "outbox_url": format!("{url}/sandbox/outbox"),
            "clock_url": format!("{url}/sandbox/clock"),
        })
    }
}

/// Who may read a written file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// It holds a secret.
    Owner,
    /// Whoever the user's umask lets.
    Others,
}

/// Writes a file so that whoever waits for it never sees half of it.
///
/// # Errors
/// Any I/O error.
pub fn write_atomically(path: &Path, bytes: &[u8], readers: Readers) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mode = match readers {
        Readers::Owner => 0o600,
        Readers::Others => 0o666,
    };
    let mut file = tempfile::Builder::new().permissions(PermissionsExt::from_mode(mode)).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

fn protection(signer: &SignerSpec, credential: &CredentialSpec) -> Protection {
    match credential.factors {
        Factors::Code => Protection::None,
        Factors::CodeAndPin => Protection::Pin(signer.pin.clone()),
    }
}

/// A signer with the credentials in one certificate state and with the same factors; `None` when there is none.
fn signer_entry(signer: &SignerSpec, state: CertificateState, factors: Factors) -> Option<Value> {
    let wanted = |c: &&CredentialSpec| c.certificate == state && c.factors == factors;
    let of_state = signer.credentials.iter().filter(wanted);
    let entry = |c: &CredentialSpec| json!({"id": c.id, "algorithm": c.algorithm, "auth": c.auth});
    let credentials: Vec<Value> = of_state.map(entry).collect();
    let pin = signer.pin.expose();
    let entry =
        || json!({"id": signer.id, "name": signer.name, "pin": pin, "phone": signer.phone, "credentials": credentials});
    (!credentials.is_empty()).then(entry)
}

/// A sandbox keeps its portal's secret beside its other development keys, written before the portal it belongs to.
async fn portal(service: &Service, data: &Path) -> Result<Secret> {
    let file = data.join("sandbox-portal.secret");
    if !file.exists() {
        let bytes: [u8; 32] = ports::random(&SystemEntropy);
        write_atomically(&file, hex(&bytes).as_bytes(), Readers::Owner)?;
    }
    let secret = Secret::new(super::config::secret_file(&file)?.as_str());
    let new = NewPortal {
        id: PortalId::parse(PORTAL)?,
        name: "Cổng dịch vụ công tỉnh Mẫu (thử nghiệm)".into(),
        host: Some("dichvucong.example.gov.vn".into()),
        support_phone: Some("1900 0000".into()),
        secret: Some(secret.clone()),
    };
    match service.add_portal(new).await {
        Ok(_) | Err(ServiceError::Storage(StorageError::Duplicate)) => {}
        Err(error) => return Err(error.into()),
    }
    for uri in REDIRECT_URIS {
        service.add_redirect_uri(&PortalId::parse(PORTAL)?, uri).await?;
    }
    Ok(secret)
}
