//! `kyso admin`: portals, signers, credentials, keys and the audit chain. Works on the data folder, beside a running service.

mod webhook;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use der::EncodePem as _;

use crate::app::channels::Unconfigured;
use crate::app::config::{Config, secret_file};
use crate::app::system::SystemClock;
use crate::app::wiring;
use crate::custody::software::kek::KeyEncryptionKey;
use crate::dev_pki::{DevPki, PkiSpec};
use crate::domain::credential::{KeyStatus, Purpose};
use crate::domain::oauth::ClientAuth;
use crate::domain::{AuthMode, Clock, CredentialId, KeyAlgorithm, PortalId, Secret, SignerId};
use crate::formats::x509;
use crate::service::Service;
use crate::service::admin::{Include, NewCredential, NewPortal, NewSigner, Protection};
use crate::service::oauth::admin::certificate_name;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Folder of the database and the documents
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Key-encryption key
    #[command(subcommand)]
    Kek(KekCommand),
    /// Portals: who may ask for signatures
    #[command(subcommand)]
    Portal(PortalCommand),
    /// Signers: whose keys the service holds
    #[command(subcommand)]
    Signer(SignerCommand),
    /// Credentials: keys and their certificates
    #[command(subcommand)]
    Credential(CredentialCommand),
    /// Webhooks: where portals are told, and what was sent
    #[command(subcommand)]
    Webhook(webhook::Command),
    /// The audit chain
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Make the development PKI of keys-dev/pki.toml in a folder: never to be trusted
    DevPki {
        folder: PathBuf,
        /// Address its certificates point to for CRL and OCSP
        #[arg(long, default_value = "http://127.0.0.1:8080")]
        base_url: String,
    },
}

#[derive(Debug, Subcommand)]
enum KekCommand {
    /// Make a new key-encryption key in FILE, readable by its owner alone
    Create { file: PathBuf },
}

#[derive(Debug, Subcommand)]
enum PortalCommand {
    /// Add a portal; prints its client secret, this once
    Add {
        id: String,
        /// Registered name, shown to citizens
        #[arg(long)]
        name: String,
        /// Host citizens come from and go back to
        #[arg(long)]
        host: Option<String>,
        /// Telephone number citizens may call
        #[arg(long)]
        support_phone: Option<String>,
    },
    List,
    /// Client secrets: two may live at a time, so that a portal can change over
    #[command(subcommand)]
    Secret(SecretCommand),
    /// Where citizens may be sent back to
    #[command(subcommand)]
    Redirect(RedirectCommand),
    /// Set the one way the portal authenticates
    Auth {
        id: String,
        /// secret, private-key-jwt or tls
        #[arg(long)]
        method: String,
        /// JSON Web Key Set with the portal's public keys
        #[arg(long, value_name = "FILE")]
        jwks: Option<PathBuf>,
        /// PEM with the portal's certificates
        #[arg(long, value_name = "FILE")]
        certificates: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
enum SecretCommand {
    /// Make a new secret, printed this once; the old one lives on until it is retired
    Rotate { id: String },
    /// End the old secret
    Retire { id: String },
}

#[derive(Debug, Subcommand)]
enum RedirectCommand {
    /// Register an address: https, http to a loopback address (any port then fits), or a scheme like com.example.app
    Add {
        id: String,
        uri: String,
    },
    Remove {
        id: String,
        uri: String,
    },
    List {
        id: String,
    },
}

#[derive(Debug, Subcommand)]
enum SignerCommand {
    /// Add a signer
    Add {
        id: String,
        #[arg(long)]
        name: String,
        /// Where codes are sent, e.g. +84912345678
        #[arg(long)]
        phone: String,
        /// Where codes may be sent by e-mail
        #[arg(long)]
        email: Option<String>,
        /// File with the PIN that explicit mode asks for
        #[arg(long, value_name = "FILE")]
        pin_file: Option<PathBuf>,
    },
    /// Say which person of the identity provider a signer is
    Identity {
        signer: String,
        /// The provider's issuer, as in citizens.oidc
        #[arg(long)]
        issuer: String,
        /// File with the value of the claim that names the person
        #[arg(long, value_name = "FILE")]
        person_file: PathBuf,
    },
    /// Set or change a signer's PIN; keys under it are wrapped anew
    Pin {
        id: String,
        /// File with the PIN the keys are under now
        #[arg(long, value_name = "FILE")]
        old_pin_file: Option<PathBuf>,
        #[arg(long, value_name = "FILE")]
        new_pin_file: PathBuf,
        /// Put those of the signer's keys under the PIN, too, that are under none
        #[arg(long)]
        all_keys: bool,
    },
    /// Print a one-time link by which a signer registers an authenticator app or a passkey
    Enrol {
        id: String,
    },
    /// List what a signer has registered to confirm with
    Authenticators {
        id: String,
    },
    /// Forget one of them
    RemoveAuthenticator {
        id: String,
        authenticator: String,
    },
    /// Lift the freeze a signer put on their signature; make sure first who asks
    Unfreeze {
        id: String,
    },
    /// Let a portal ask a signer
    Grant {
        signer: String,
        portal: String,
    },
    List,
}

#[derive(Debug, Subcommand)]
enum CredentialCommand {
    /// Make a key for a signer
    Generate {
        id: String,
        #[arg(long)]
        signer: String,
        /// rsa-2048, rsa-3072, rsa-4096, ec-p256 or ec-p384
        #[arg(long, value_parser = key_algorithm)]
        algorithm: KeyAlgorithm,
        /// hosted: the code is typed on the service's page only; explicit: the portal may pass it
        #[arg(long, default_value = "hosted", value_parser = auth_mode)]
        auth: AuthMode,
        /// Put the key under the PIN in FILE: it opens with it only, so the operator alone cannot sign
        #[arg(long, value_name = "FILE")]
        pin_file: Option<PathBuf>,
    },
    /// Print a PKCS#10 certification request
    Csr {
        id: String,
        /// RFC 4514, e.g. "CN=Nguyễn Văn An,UID=CCCD:001085000001,C=VN"
        #[arg(long)]
        subject: String,
        /// File with the PIN the key is under
        #[arg(long, value_name = "FILE")]
        pin_file: Option<PathBuf>,
    },
    /// Give a key its certificate: PEM, the signer's first, then its issuers
    Certify {
        id: String,
        chain: PathBuf,
    },
    Enable {
        id: String,
    },
    Disable {
        id: String,
    },
    /// List a signer's credentials
    List {
        #[arg(long)]
        signer: String,
    },
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Check that no record was changed, removed or moved
    Check,
    /// Print all records, one JSON object a line
    Export,
}

/// # Errors
/// Each says what is wrong; nothing was changed then.
pub fn run(args: Args) -> Result<ExitCode> {
    if let Command::Kek(KekCommand::Create { file }) = &args.command {
        KeyEncryptionKey::create(file)?;
        println!("made {}; keep a copy apart from the database: without it no key opens", file.display());
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::DevPki { folder, base_url } = &args.command {
        DevPki::open(PkiSpec::embedded()?, folder, base_url, SystemClock.now())?;
        println!("{} holds a development PKI; never trust it", folder.display());
        return Ok(ExitCode::SUCCESS);
    }
    tokio::runtime::Runtime::new()?.block_on(async {
        let config = args.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
        let (service, public_url) = (open(&args, &config).await?, config.public_url);
        match args.command {
            Command::Kek(_) | Command::DevPki { .. } => Ok(ExitCode::SUCCESS),
            Command::Portal(command) => portal(&service, command).await,
            Command::Signer(command) => signer(&service, command, public_url).await,
            Command::Credential(command) => credential(&service, command).await,
            Command::Webhook(command) => webhook::run(&service, command).await,
            Command::Audit(command) => audit(&service, command).await,
        }
    })
}

async fn open(args: &Args, config: &Config) -> Result<Arc<Service>> {
    let data = args.data.clone().or_else(|| config.data.clone()).unwrap_or_else(|| "kyso-data".into());
    let data = wiring::data_folder(&data)?;
    let sandbox_kek = data.join("sandbox.kek");
    let named = config.keys.kek_file.is_some() || config.keys.kek_env.is_some();
    let kek = if !named && sandbox_kek.exists() { KeyEncryptionKey::read(&sandbox_kek)? } else { config.kek()? };
    wiring::open(&data, &kek, Arc::new(Unconfigured), wiring::limits(config)).await
}

async fn portal(service: &Service, command: PortalCommand) -> Result<ExitCode> {
    match command {
        PortalCommand::Add { id, name, host, support_phone } => {
            let secret = service
                .add_portal(NewPortal { id: PortalId::parse(&id)?, name, host, support_phone, secret: None })
                .await?;
            println!("client_id={id}\nclient_secret={}", secret.expose());
            eprintln!("The secret is shown this once; only its hash is kept.");
        }
        PortalCommand::Secret(SecretCommand::Rotate { id }) => {
            let secret = service.rotate_secret(&PortalId::parse(&id)?).await?;
            println!("client_id={id}\nclient_secret={}", secret.expose());
            eprintln!("The secret is shown this once. The old one lives until `kyso admin portal secret retire {id}`.");
        }
        PortalCommand::Secret(SecretCommand::Retire { id }) => service.retire_secret(&PortalId::parse(&id)?).await?,
        PortalCommand::Redirect(RedirectCommand::Add { id, uri }) => {
            service.add_redirect_uri(&PortalId::parse(&id)?, &uri).await?;
        }
        PortalCommand::Redirect(RedirectCommand::Remove { id, uri }) => {
            service.remove_redirect_uri(&PortalId::parse(&id)?, &uri).await?;
        }
        PortalCommand::Redirect(RedirectCommand::List { id }) => {
            for uri in service.client(&PortalId::parse(&id)?).await?.redirect_uris {
                println!("{uri}");
            }
        }
        PortalCommand::Auth { id, method, jwks, certificates } => {
            let auth = client_auth(&method, jwks, certificates)?;
            service.set_client_auth(&PortalId::parse(&id)?, auth).await?;
        }
        PortalCommand::List => {
            for portal in service.portals().await? {
                println!("{}\t{}\t{}", portal.id, portal.name, portal.host.unwrap_or_default());
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The registered way of authentication, with the file it needs.
fn client_auth(method: &str, jwks: Option<PathBuf>, certificates: Option<PathBuf>) -> Result<ClientAuth> {
    match (method, jwks, certificates) {
        ("secret", None, None) => Ok(ClientAuth::Secret),
        ("private-key-jwt", Some(file), None) => {
            let jwks = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            Ok(ClientAuth::PrivateKeyJwt { jwks })
        }
        ("tls", None, Some(file)) => {
            let pem = fs::read(&file).with_context(|| file.display().to_string())?;
            let certificates: Vec<_> = x509::pem::certificates(&pem)?.iter().map(certificate_name).collect();
            if certificates.is_empty() {
                bail!("{} holds no certificate", file.display());
            }
            Ok(ClientAuth::Tls { certificates })
        }
        _ => bail!("--method secret, --method private-key-jwt --jwks FILE, or --method tls --certificates FILE"),
    }
}

async fn signer(service: &Service, command: SignerCommand, public_url: Option<String>) -> Result<ExitCode> {
    match command {
        SignerCommand::Add { id, name, phone, email, pin_file } => {
            let pin = pin_file.as_deref().map(secret_file).transpose()?.map(|pin| Secret::new(pin.as_str()));
            service.add_signer(NewSigner { id: SignerId::parse(&id)?, name, phone, email, pin }).await?;
        }
        SignerCommand::Identity { signer, issuer, person_file } => {
            let person = Secret::new(secret_file(&person_file)?.as_str());
            service.add_identity(&SignerId::parse(&signer)?, &issuer, &person).await?;
        }
        SignerCommand::Pin { id, old_pin_file, new_pin_file, all_keys } => {
            let (old, new) = (protection(old_pin_file.as_deref())?, Secret::new(secret_file(&new_pin_file)?.as_str()));
            let include = if all_keys { Include::All } else { Include::UnderPin };
            let keys = service.change_pin(&SignerId::parse(&id)?, old, new, include).await?;
            println!("{id}\t{keys} keys under the new PIN");
        }
        SignerCommand::Enrol { id } => {
            let path = service.open_enrolment(&SignerId::parse(&id)?).await?;
            println!("{}{}", public_url.unwrap_or_default(), path.expose());
            eprintln!("The link is shown this once, works once and for a day; hand it to the signer alone.");
        }
        SignerCommand::Authenticators { id } => {
            for held in service.authenticators_of(&SignerId::parse(&id)?).await? {
                println!("{}\t{}\t{}", held.id, held.method().name(), held.name);
            }
        }
        SignerCommand::RemoveAuthenticator { id, authenticator } => {
            service.remove_authenticator(&SignerId::parse(&id)?, &authenticator).await?
        }
        SignerCommand::Unfreeze { id } => service.unfreeze(&SignerId::parse(&id)?).await?,
        SignerCommand::Grant { signer, portal } => {
            service.grant(&PortalId::parse(&portal)?, &SignerId::parse(&signer)?).await?
        }
        SignerCommand::List => {
            for signer in service.signers().await? {
                let frozen = signer.frozen_at.map(|at| format!("frozen since {at}")).unwrap_or_default();
                println!("{}\t{}\t{}\t{frozen}", signer.id, signer.name, signer.masked_phone());
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn credential(service: &Service, command: CredentialCommand) -> Result<ExitCode> {
    match command {
        CredentialCommand::Generate { id, signer, algorithm, auth, pin_file } => {
            let protection = protection(pin_file.as_deref())?;
            let (id, signer) = (CredentialId::parse(&id)?, SignerId::parse(&signer)?);
            let new = NewCredential { id, signer, algorithm, auth, protection, purpose: Purpose::Production };
            let made = service.generate_credential(new).await?;
            println!("{}\t{}\tpending: print its request with `kyso admin credential csr`", made.id, made.algorithm);
        }
        CredentialCommand::Csr { id, subject, pin_file } => {
            let protection = protection(pin_file.as_deref())?;
            let der = service.certification_request(&CredentialId::parse(&id)?, &subject, &protection).await?;
            let request: x509_cert::request::CertReq = der::Decode::from_der(&der)?;
            print!("{}", request.to_pem(der::pem::LineEnding::LF)?);
        }
        CredentialCommand::Certify { id, chain } => {
            let pem = fs::read(&chain).with_context(|| chain.display().to_string())?;
            let certificates = x509::pem::certificates(&pem)?.iter().map(|c| c.der().to_vec()).collect::<Vec<_>>();
            if certificates.iter().any(|der| crate::dev_pki::is_development_certificate(der)) {
                bail!("{} is of a development PKI; it is for the sandbox only", chain.display());
            }
            service.certify(&CredentialId::parse(&id)?, certificates).await?;
        }
        CredentialCommand::Enable { id } => {
            service.set_credential_status(&CredentialId::parse(&id)?, KeyStatus::Enabled).await?
        }
        CredentialCommand::Disable { id } => {
            service.set_credential_status(&CredentialId::parse(&id)?, KeyStatus::Disabled).await?
        }
        CredentialCommand::List { signer } => {
            for c in service.credentials_of(&SignerId::parse(&signer)?).await? {
                println!("{}\t{}\t{}\t{}\t{}", c.id, c.algorithm, c.auth.name(), c.status.name(), c.factors.name());
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn audit(service: &Service, command: AuditCommand) -> Result<ExitCode> {
    let (records, checked) = service.audit().await?;
    match command {
        AuditCommand::Check => match checked {
            Ok(head) => println!("{} records, unbroken; head {head}", records.len()),
            Err(error) => {
                eprintln!("the audit chain is broken: {error}");
                return Ok(ExitCode::FAILURE);
            }
        },
        AuditCommand::Export => {
            let mut out = std::io::stdout().lock();
            for record in records {
                writeln!(out, "{}", serde_json::to_string(&record)?)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn protection(pin_file: Option<&Path>) -> Result<Protection> {
    let pin = pin_file.map(secret_file).transpose()?;
    Ok(pin.map_or(Protection::None, |pin| Protection::Pin(Secret::new(pin.as_str()))))
}

fn key_algorithm(name: &str) -> Result<KeyAlgorithm, String> {
    let available = || KeyAlgorithm::ALL.into_iter().filter(|algorithm| algorithm.is_available());
    let found = available().find(|algorithm| algorithm.name() == name);
    found.ok_or_else(|| format!("one of {}", available().map(KeyAlgorithm::name).collect::<Vec<_>>().join(", ")))
}

fn auth_mode(name: &str) -> Result<AuthMode, String> {
    AuthMode::from_name(name).ok_or_else(|| "hosted or explicit".to_owned())
}
