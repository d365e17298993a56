//! `kyso admin webhook`: portals' addresses, what was sent to them, and sending it again.

use std::process::ExitCode;

use anyhow::Result;

use crate::domain::webhook::WebhookState;
use crate::domain::{PortalId, WebhookId};
use crate::service::{Caller, Service};
use crate::storage::webhooks::DeliveryState;

/// Deliveries listed or sent again at a time.
const PAGE: u32 = 1000;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List addresses, of one portal or of all
    List { portal: Option<String> },
    /// List what was sent to an address, newest first
    Deliveries {
        webhook: String,
        /// Only what is pending, delivered or dead
        #[arg(long, value_parser = ["pending", "delivered", "dead"])]
        state: Option<String>,
    },
    /// Send an event again, or with --dead everything that was put aside
    Resend {
        webhook: String,
        #[arg(required_unless_present = "dead")]
        event: Option<String>,
        #[arg(long, conflicts_with = "event")]
        dead: bool,
    },
    /// Send nothing more to an address
    Disable { webhook: String },
    /// Send to an address again
    Enable { webhook: String },
    /// Forget an address and what is on its way to it
    Remove { webhook: String },
}

/// # Errors
/// Each says what is wrong; nothing was changed then.
pub async fn run(service: &Service, command: Command) -> Result<ExitCode> {
    match command {
        Command::List { portal } => list(service, portal).await?,
        Command::Deliveries { webhook, state } => deliveries(service, &webhook, state.as_deref()).await?,
        Command::Resend { webhook, event, .. } => resend(service, &webhook, event).await?,
        Command::Disable { webhook } => {
            service.set_webhook_state(&WebhookId::parse(&webhook)?, WebhookState::Disabled).await?
        }
        Command::Enable { webhook } => {
            service.set_webhook_state(&WebhookId::parse(&webhook)?, WebhookState::Active).await?
        }
        Command::Remove { webhook } => {
            let (caller, id) = owner(service, &webhook).await?;
            service.delete_webhook(&caller, &id).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn owner(service: &Service, webhook: &str) -> Result<(Caller, WebhookId)> {
    let found = service.any_webhook(&WebhookId::parse(webhook)?).await?;
    Ok((Caller::of_portal(found.portal), found.id))
}

async fn list(service: &Service, portal: Option<String>) -> Result<()> {
    let portals: Vec<PortalId> = match portal {
        Some(portal) => vec![PortalId::parse(&portal)?],
        None => service.portals().await?.into_iter().map(|portal| portal.id).collect(),
    };
    for portal in portals {
        for webhook in service.webhooks_of(&portal).await? {
            println!("{}\t{portal}\t{}\t{}", webhook.id, webhook.state.name(), webhook.url);
        }
    }
    Ok(())
}

async fn deliveries(service: &Service, webhook: &str, state: Option<&str>) -> Result<()> {
    let (caller, id) = owner(service, webhook).await?;
    let state = state.and_then(DeliveryState::from_name);
    for delivery in service.deliveries(&caller, &id, state, u64::MAX, PAGE).await? {
        let last = delivery.last.map(|last| last.error).unwrap_or_default();
        let (event, kind) = (&delivery.event.id, delivery.event.kind.name());
        println!("{event}\t{kind}\t{}\t{} tries\t{last}", delivery.state.name(), delivery.attempts);
    }
    Ok(())
}

async fn resend(service: &Service, webhook: &str, event: Option<String>) -> Result<()> {
    let (caller, id) = owner(service, webhook).await?;
    let events = match event {
        Some(event) => vec![event],
        None => {
            let dead = service.deliveries(&caller, &id, Some(DeliveryState::Dead), u64::MAX, PAGE).await?;
            dead.into_iter().map(|delivery| delivery.event.id).collect()
        }
    };
    for event in &events {
        service.resend(&caller, &id, event).await?;
    }
    println!("{} on their way", events.len());
    Ok(())
}
