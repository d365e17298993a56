//! Plays the citizen against a sandbox: the steps of the real page, with the code from the outbox.

use anyhow::{Context as _, bail};
use reqwest::{Client, header};
use serde::Deserialize;
use std::time::Duration;

use super::portal::{Request, http_client};

/// A message of the outbox.
#[derive(Debug, Deserialize)]
struct Message {
    code: Option<String>,
    transaction: Option<String>,
}

/// Has a code sent, reads it, enters it.
pub async fn confirm(request: &Request, outbox_url: &str) -> anyhow::Result<()> {
    let client = http_client()?;
    let page = &request.confirm_url;
    step(&client, &format!("{page}/code?lang=en"), &[]).await.context("the page did not send a code")?;
    let code = code(&client, outbox_url, &request.id).await?;
    step(&client, &format!("{page}/confirm?lang=en"), &[("code", &code)])
        .await
        .context("the page did not take the code")
}

/// Sends a form of the page; it answers with a redirect to itself, which carries a word when the step did not succeed.
async fn step(client: &Client, url: &str, fields: &[(&str, &str)]) -> anyhow::Result<()> {
    let response = client.post(url).form(fields).send().await.context("the page does not answer")?;
    let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if response.status() != reqwest::StatusCode::SEE_OTHER {
        bail!("the page answered {}", response.status().as_u16());
    }
    match notice(location) {
        None | Some("sent") => Ok(()),
        Some("wrong") => bail!("the code was wrong"),
        Some("late") => bail!("the code had expired"),
        Some("soon" | "none") => bail!("no further code may be sent now"),
        Some("down") => bail!("the message channel is down"),
        Some(other) => bail!("the page answered {other}"),
    }
}

/// The word `n` in the query of an address.
fn notice(location: &str) -> Option<&str> {
    let query = location.split_once('?')?.1.split('#').next()?;
    query.split('&').find_map(|pair| pair.strip_prefix("n="))
}

/// The newest code of this transaction; the message may take a moment.
async fn code(client: &Client, outbox_url: &str, transaction: &str) -> anyhow::Result<String> {
    for _ in 0..50 {
        let response = client.get(outbox_url).send().await.context("the outbox does not answer")?;
        let messages: Vec<Message> = response.json().await.context("the outbox's answer is not usable")?;
        if let Some(code) = newest(messages, transaction) {
            return Ok(code);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("no code for this request arrived in the outbox")
}

fn newest(messages: Vec<Message>, transaction: &str) -> Option<String> {
    let of_this = |message: &Message| message.transaction.as_deref() == Some(transaction);
    messages.into_iter().rev().filter(of_this).find_map(|message| message.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_code_of_this_transaction_is_taken() {
        let json = r#"[{"code":"111111","transaction":"a"},{"code":"222222","transaction":"a"},
            {"code":"333333","transaction":"b"},{"to":"x"}]"#;
        let messages = || serde_json::from_str::<Vec<Message>>(json).expect("messages");
        assert_eq!(newest(messages(), "a").as_deref(), Some("222222"));
        assert_eq!(newest(messages(), "c"), None);
    }

    #[test]
    fn the_word_of_a_redirect_is_read() {
        assert_eq!(notice("/c/t?lang=en&n=wrong#sign"), Some("wrong"));
        assert_eq!(notice("/c/t?lang=en#sign"), None);
    }
}
