//! `kyso portal listen`: a portal's webhooks on a machine that cannot be reached from outside. It asks the service for what is new,
//! checks each message as a receiver should, prints it, and hands it on unchanged to an address of the developer's choice.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::Client;
use serde::Deserialize;

use super::portal::{AccessArgs, Portal};
use crate::app::system::SystemClock;
use crate::domain::Clock as _;
use crate::domain::webhook::WebhookSecret;

/// Seconds one call waits for news.
const WAIT: u32 = 20;
/// Before the service is asked again when it did not answer.
const PAUSE: Duration = Duration::from_secs(3);

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Receive the portal's webhooks here, also behind a firewall: print them, check their signatures, hand them on
    Listen(Args),
}

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    access: AccessArgs,
    /// Where to hand each message on, e.g. http://127.0.0.1:3000/hooks/kyso
    #[arg(long, value_name = "URL")]
    forward: Option<String>,
    /// Number of an event: those after it are told first. By default only what comes from now on
    #[arg(long, value_name = "N")]
    after: Option<u64>,
    /// End after this many messages
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

/// One message, with the values of its headers.
#[derive(Debug, Deserialize)]
struct Event {
    id: String,
    sequence: u64,
    timestamp: i64,
    signature: String,
    body: String,
}

#[derive(Debug, Deserialize)]
struct Page {
    events: Vec<Event>,
    last: u64,
}

#[derive(Debug, Deserialize)]
struct Listening {
    secret: String,
}

/// # Errors
/// When the service refuses the client at the start; later it is asked again and again.
pub fn run(command: Command) -> Result<ExitCode> {
    let Command::Listen(args) = command;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(listen(args))?;
    Ok(ExitCode::SUCCESS)
}

async fn listen(args: Args) -> Result<()> {
    let access = args.access.read()?;
    let mut portal = Portal::connect(access.clone()).await?;
    let Listening { secret } = portal.read("/v1/events/secret").await?;
    let secret = WebhookSecret::parse(&secret).context("the service gave no secret")?;
    eprintln!("kyso portal listen: messages are signed with {}", secret.text().expose());
    let forward = args.forward.as_deref().map(Forward::new).transpose()?;
    let mut after = match args.after {
        Some(after) => after,
        None => portal.read::<Page>("/v1/events").await?.last,
    };
    let mut heard = 0;
    loop {
        let page: Page = match portal.read(&format!("/v1/events?after={after}&wait={WAIT}&limit=100")).await {
            Ok(page) => page,
            Err(error) => {
                eprintln!("kyso portal listen: {error:#}; trying again");
                tokio::time::sleep(PAUSE).await;
                // The token may have come to its end.
                portal = Portal::connect(access.clone()).await.unwrap_or(portal);
                continue;
            }
        };
        for event in &page.events {
            told(event, &secret, forward.as_ref()).await;
            heard += 1;
            if args.count == Some(heard) {
                return Ok(());
            }
        }
        after = page.last;
    }
}

/// Prints a message, and what came of checking and of handing it on.
async fn told(event: &Event, secret: &WebhookSecret, forward: Option<&Forward>) {
    let stamp = event.timestamp.to_string();
    let headers = (event.id.as_str(), stamp.as_str(), event.signature.as_str());
    let checked = secret.verify(headers, event.body.as_bytes(), SystemClock.now());
    let verdict = checked.map_or_else(|error| format!("NOT AUTHENTIC: {error}"), |()| "authentic".to_owned());
    println!("{} {} {verdict} {}", event.sequence, event.id, event.body);
    if checked.is_ok()
        && let Some(forward) = forward
    {
        match forward.send(event, &stamp).await {
            Ok(status) => eprintln!("  handed on: {status}"),
            Err(error) => eprintln!("  not handed on: {error}"),
        }
    }
}

/// The developer's own receiver.
struct Forward {
    http: Client,
    url: reqwest::Url,
}

impl Forward {
    fn new(url: &str) -> Result<Self> {
        // A connection of its own for each message: one the program at home has closed meanwhile would swallow it.
        let http = Client::builder()
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(15))
            .build()?;
        Ok(Self { http, url: url.parse().context("--forward is not an address")? })
    }

    async fn send(&self, event: &Event, stamp: &str) -> reqwest::Result<reqwest::StatusCode> {
        let request = self.http.post(self.url.clone()).header("content-type", "application/json");
        let headers =
            [("webhook-id", event.id.as_str()), ("webhook-timestamp", stamp), ("webhook-signature", &event.signature)];
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        Ok(request.body(event.body.clone()).send().await?.status())
    }
}
