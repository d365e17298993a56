//! Start and stop: settle what an earlier process left, open the port, say so, and end when asked to.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};

use super::channels::{MailOutbox, Outbox};
use super::config::Config;
use super::sandbox::{self, Readers, Sandbox};
use super::system::{SystemClock, SystemEntropy};
use super::wiring::{self, How};
use crate::authorization::{Alarm, Channels, CodePolicy};
use crate::crypto::digest::hex;
use crate::dev_pki::DevPki;
use crate::domain::ports::ShiftedClock;
use crate::domain::{Clock, ports};
use crate::http::budget::Budgets;
use crate::http::neac::Facade;
use crate::http::render::{RenderSettings, Renderer};
use crate::http::sandbox::SandboxState;
use crate::http::{self, AppState};
use crate::service::Service;
use crate::service::settle::Settled;
use crate::trust::TrustServices;

/// How often overdue transactions are looked for; whoever asks for one sees its true state at once anyway.
const SWEEP: Duration = Duration::from_secs(30);
/// Between two looks into the outbox of webhooks when it was empty.
const WEBHOOK_LOOK: Duration = Duration::from_millis(250);
/// Webhooks under way at a time.
const WEBHOOK_WORKERS: usize = 32;
/// How long open answers may take once the service is asked to stop.
const GRACE: Duration = Duration::from_secs(20);

/// What the command line adds to the configuration.
#[derive(Debug, Clone)]
pub struct Options {
    pub config: Config,
    pub data: PathBuf,
    pub listen: SocketAddr,
    pub mode: Mode,
    pub ready_file: Option<PathBuf>,
    /// Program that draws pages: this one.
    pub renderer: PathBuf,
}

/// Production, or a sandbox with development keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Production,
    Sandbox,
}

/// A service whose port is open.
pub struct Running {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// What a sandbox's ready file says.
    pub ready: Option<serde_json::Value>,
    /// Time-stamps and validation material, as the service uses them.
    pub trust: Arc<TrustServices>,
    /// Held while the service runs: see [`wiring::take_folder`].
    _folder: std::fs::File,
    stop: tokio::sync::oneshot::Sender<()>,
    server: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Running {
    /// Stops taking requests and waits for the open ones.
    ///
    /// # Errors
    /// When the server ended badly.
    pub async fn stop(self) -> Result<()> {
        // A server that is gone already needs no asking.
        let _ = self.stop.send(());
        match tokio::time::timeout(GRACE, self.server).await {
            Ok(ended) => Ok(ended??),
            Err(_) => Ok(()),
        }
    }

    /// Waits until the process is asked to stop (SIGINT or SIGTERM), then stops.
    ///
    /// # Errors
    /// As [`Self::stop`].
    pub async fn until_asked_to_stop(self) -> Result<()> {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            _ = terminate.recv() => {}
            interrupted = tokio::signal::ctrl_c() => interrupted?,
        }
        tracing::info!("stopping");
        self.stop().await
    }
}

/// Starts the service.
///
/// # Errors
/// Each says what is missing or wrong, and in which file; the port is not open then.
pub async fn start(mut options: Options) -> Result<Running> {
    // Absolute: the process that draws pages works in another folder, and the ready file is read from others.
    options.data = wiring::data_folder(&options.data)?;
    let folder = wiring::take_folder(&options.data)?;
    let listener = TcpListener::bind(options.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", options.listen))?;
    let url = format!("http://{}", listener.local_addr()?);
    let public_url = options.config.public_url.clone().unwrap_or_else(|| url.clone());
    let Parts { service, trust, clock, sandbox } = match options.mode {
        Mode::Production => production(&options).await?,
        Mode::Sandbox => sandboxed(&options, listener.local_addr()?, &public_url).await?,
    };
    let left = service.left_behind().await.context("what an earlier process left cannot be read")?;
    let (ready, state) = match sandbox {
        Some((sandbox, state)) => (Some(sandbox.ready(&public_url)), Some(state)),
        None => (None, None),
    };
    let pki = state.as_ref().map(|state| Arc::downgrade(&state.pki));
    let moved = state.as_ref().map(|state| state.moved.clone()).unwrap_or_default();
    tokio::spawn(sweep(Arc::downgrade(&service), pki, clock.clone(), moved));
    tokio::spawn(send_webhooks(Arc::downgrade(&service)));
    let mut state = app_state(service.clone(), &options, &public_url, clock.clone(), state)?;
    state.citizens = wiring::citizens(&options.config, &public_url, clock)?;
    state.tls_proxy = wiring::tls_proxy(&options.config)?;
    let app = http::router(state).into_make_service_with_connect_info::<SocketAddr>();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let shutdown = async move {
        // A dropped sender means the same: stop.
        let _ = stopped.await;
    };
    let server = tokio::spawn(async move { axum::serve(listener, app).with_graceful_shutdown(shutdown).await });
    let settled = service.settle_left(left).await.context("what an earlier process left could not be settled")?;
    tracing::info!(finished = settled.finished, failed = settled.failed, swept = settled.swept, "settled");
    if let (Some(file), Some(ready)) = (&options.ready_file, &ready) {
        write_ready_file(file, ready)?;
    }
    tracing::info!(%url, "ready");
    Ok(Running { url: public_url, ready, trust, _folder: folder, stop, server })
}

/// What a service is made of before its port answers.
struct Parts {
    service: Arc<Service>,
    trust: Arc<TrustServices>,
    clock: Arc<dyn Clock>,
    sandbox: Option<(Sandbox, SandboxState)>,
}

async fn production(options: &Options) -> Result<Parts> {
    let config = &options.config;
    if config.public_url.is_none() {
        bail!("configuration: public_url is not set; links to citizens are made from it");
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let kek = config.kek()?;
    let trust = wiring::trust_services(config.trust.settings()?, config.trust.allowed()?, clock.clone())?;
    let levels = wiring::levels(&trust, config.trust.when_down.into());
    let (channel, limits) = (wiring::channels(config)?, wiring::limits(config));
    let relying_party = config.public_url.as_deref().and_then(wiring::relying_party);
    let codes = config.codes.policy(&config.messages, CodePolicy { relying_party, ..CodePolicy::default() })?;
    let deliver = wiring::webhooks(config.webhooks.allowed()?);
    let how = How { limits, codes, clock: clock.clone(), levels, deliver };
    let service = wiring::open_with(&options.data, &kek, channel, how).await?;
    if service.holds_development_credentials().await? {
        bail!("{} holds development keys; they are for --sandbox only", options.data.display());
    }
    Ok(Parts { service, trust, clock, sandbox: None })
}

async fn sandboxed(options: &Options, address: SocketAddr, public_url: &str) -> Result<Parts> {
    let shifted = Arc::new(ShiftedClock::new(Arc::new(SystemClock)));
    let clock: Arc<dyn Clock> = shifted.clone();
    let pki = sandbox::dev_pki(&options.data, public_url).await?;
    let (settings, allowed) = sandbox::trust(&options.config.trust, &pki, address, public_url)?;
    let trust = wiring::trust_services(settings, allowed, clock.clone())?;
    let (outbox, kek) =
        (Arc::new(Outbox::new(clock.clone()).on(wiring::host(public_url))), sandbox::kek(&options.data)?);
    let limits = wiring::limits(&options.config);
    let levels = wiring::levels(&trust, options.config.trust.when_down.into());
    let channels = Channels::new(vec![outbox.clone(), Arc::new(MailOutbox(outbox.clone()))]);
    let codes = CodePolicy { relying_party: wiring::relying_party(public_url), ..sandbox::codes() };
    let codes = options.config.codes.policy(&options.config.messages, codes)?;
    let deliver = wiring::webhooks(options.config.webhooks.allowed()?);
    let how = How { limits, codes, clock: clock.clone(), levels, deliver };
    let service = wiring::open_with(&options.data, &kek, channels, how).await?;
    let sandbox = Sandbox::open(&service, pki.clone(), &options.data).await?;
    let outbox = Arc::new(move || outbox.messages());
    let state = SandboxState { outbox, pki, clock: shifted, switches: Arc::default(), moved: Arc::default() };
    Ok(Parts { service, trust, clock, sandbox: Some((sandbox, state)) })
}

fn app_state(
    service: Arc<Service>,
    options: &Options,
    public_url: &str,
    clock: Arc<dyn Clock>,
    sandbox: Option<SandboxState>,
) -> Result<AppState> {
    let development = sandbox.is_some().then(|| sandbox::folder(&options.data));
    let verifier = wiring::verifier(&options.renderer, &options.data, &options.config.trust, development.as_deref())?;
    Ok(AppState {
        service,
        public_url: public_url.into(),
        about: Arc::default(),
        sandbox,
        renderer: Renderer::new(RenderSettings::new(options.renderer.clone())),
        verifier,
        limits: http::Limits::default(),
        citizens: None,
        tls_proxy: None,
        budgets: Arc::new(Budgets::new(options.config.limits.portal_calls_per_minute)),
        doors: Arc::default(),
        neac: match options.config.neac.enabled || options.mode == Mode::Sandbox {
            true => Facade::On,
            false => Facade::Off,
        },
        clock: Arc::new(move || clock.now()),
        request_ids: Arc::new(|| {
            let bytes: [u8; 12] = ports::random(&SystemEntropy);
            hex(&bytes)
        }),
    })
}

/// The ready file holds the sandbox's client secret: its owner alone may read it.
fn write_ready_file(file: &Path, ready: &serde_json::Value) -> Result<()> {
    let text = serde_json::to_vec_pretty(ready)?;
    sandbox::write_atomically(file, &text, Readers::Owner).with_context(|| format!("cannot write {}", file.display()))
}

/// Sends what is due to portals' webhooks, many at a time, until the service is gone.
async fn send_webhooks(service: Weak<Service>) {
    let workers = Arc::new(Semaphore::new(WEBHOOK_WORKERS));
    loop {
        let Ok(worker) = workers.clone().acquire_owned().await else { return };
        let Some(service) = service.upgrade() else { return };
        match service.claim_delivery().await {
            Ok(Some(claim)) => drop(tokio::spawn(async move {
                if let Err(error) = service.try_delivery(&claim).await {
                    tracing::warn!(%error, "what came of a webhook could not be recorded");
                }
                drop(worker);
            })),
            Ok(None) => {
                drop((service, worker));
                tokio::time::sleep(WEBHOOK_LOOK).await;
            }
            Err(error) => {
                tracing::warn!(%error, "webhooks could not be looked for");
                drop((service, worker));
                tokio::time::sleep(SWEEP).await;
            }
        }
    }
}

/// Does what has become due, now and then and whenever a sandbox's clock is moved, until the service is gone.
async fn sweep(service: Weak<Service>, pki: Option<Weak<DevPki>>, clock: Arc<dyn Clock>, moved: Arc<Notify>) {
    loop {
        // Either way it is time.
        let _ = tokio::time::timeout(SWEEP, moved.notified()).await;
        let Some(service) = service.upgrade() else { return };
        if let Err(error) = service.expire_overdue().await {
            tracing::warn!(%error, "overdue transactions could not be ended");
        }
        match service.watch_failures().await {
            Ok(Alarm::Raised(counts)) => {
                let (wrong, right) = (counts.wrong, counts.right);
                tracing::error!(
                    wrong,
                    right,
                    "most codes entered in the last quarter of an hour are wrong: an attack?"
                );
            }
            Ok(Alarm::Ended) => tracing::warn!("codes are entered as usual again"),
            Ok(Alarm::Quiet | Alarm::Standing) => {}
            Err(error) => tracing::warn!(%error, "the failure rate of codes cannot be read"),
        }
        match service.settle_stalled().await {
            Ok(settled) if settled != Settled::default() => {
                tracing::warn!(finished = settled.finished, failed = settled.failed, "settled what was stuck");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "what is stuck could not be settled"),
        }
        if let Err(error) = service.forget_events().await {
            tracing::warn!(%error, "old events could not be forgotten");
        }
        match service.raise_due().await {
            Ok(0) => {}
            Ok(documents) => tracing::info!(documents, "raised to a higher level"),
            Err(error) => tracing::warn!(%error, "levels could not be raised"),
        }
        let Some(pki) = pki.as_ref().and_then(Weak::upgrade) else { continue };
        if let Err(error) = pki.refresh_crl(clock.now()) {
            tracing::warn!(%error, "the development CRL could not be renewed");
        }
    }
}
