//! `kyso sign`: a portal's client in one command.
//!
//! Gets a token, hands the documents over, prints where the citizen confirms, waits, writes the signed files. With
//! `--ready-file` it takes its addresses from a sandbox, and with `--auto-confirm` it plays the citizen there: through the
//! real page, with the code from the outbox. Reading order: arguments and [`run`] here, [`portal`] (the API), [`citizen`],
//! [`output`] (files appear whole or not at all).
//!
//! Exit codes: 0 signed, 1 refused or failed with the reason on standard error and no file written, 2 usage.

mod citizen;
mod output;
mod portal;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;

use output::Target;
use portal::{Portal, Request};

/// Arguments of `kyso sign`.
#[derive(Debug, clap::Args)]
pub struct SignArgs {
    /// PDF files; several are one request with one confirmation.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The signing service, e.g. https://kyso.example.gov.vn
    #[arg(long, required_unless_present = "ready_file")]
    pub server: Option<String>,
    /// Credential that signs.
    #[arg(long)]
    pub credential: String,
    /// Signature level; B-B is supported.
    #[arg(long, default_value = "B-B", value_parser = supported_level)]
    pub level: String,
    /// Signature format; pdf is supported.
    #[arg(long, default_value = "pdf", value_parser = supported_format)]
    pub format: String,
    /// Where the signed file goes; a folder when there are several. NAME.signed.pdf beside the original when absent.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// The file `kyso serve --ready-file` wrote: gives the addresses and the client.
    #[arg(long)]
    pub ready_file: Option<PathBuf>,
    /// Confirm in the citizen's place; a sandbox only.
    #[arg(long, requires = "ready_file")]
    pub auto_confirm: bool,
    /// OAuth client of the portal.
    #[arg(long, required_unless_present = "ready_file")]
    pub client_id: Option<String>,
    /// File with the client secret; otherwise it is read from KYSO_CLIENT_SECRET.
    #[arg(long)]
    pub client_secret_file: Option<PathBuf>,
    /// What the citizen is told the request is about.
    #[arg(long, default_value = "")]
    pub description: String,
    /// Seconds to wait for the citizen.
    #[arg(long, default_value_t = 900, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub timeout: u32,
}

fn supported_level(text: &str) -> Result<String, String> {
    if text == "B-B" { Ok(text.to_owned()) } else { Err("only level B-B is supported".to_owned()) }
}

fn supported_format(text: &str) -> Result<String, String> {
    if text == "pdf" { Ok(text.to_owned()) } else { Err("only format pdf is supported".to_owned()) }
}

/// What the command needs of a ready file.
#[derive(Debug, Deserialize)]
struct Ready {
    url: String,
    token_url: String,
    portal: ReadyPortal,
    outbox_url: String,
}

#[derive(Debug, Deserialize)]
struct ReadyPortal {
    client_id: String,
    client_secret: String,
}

/// Addresses and client, from the arguments or a ready file.
struct Settings {
    server: String,
    token_url: String,
    client_id: String,
    client_secret: String,
    outbox_url: Option<String>,
}

/// Runs the command and returns its exit code.
pub fn run(args: &SignArgs) -> u8 {
    let targets = match output::targets(&args.files, args.out.as_deref()) {
        Ok(targets) => targets,
        Err(error) => {
            eprintln!("kyso sign: {error}");
            return 2;
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.context("no runtime").and_then(|runtime| runtime.block_on(sign(args, &targets)));
    match outcome {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("kyso sign: {error:#}");
            1
        }
    }
}

async fn sign(args: &SignArgs, targets: &[Target]) -> anyhow::Result<()> {
    let settings = settings(args)?;
    let originals = targets.iter().map(Target::read).collect::<anyhow::Result<Vec<_>>>()?;
    let portal = Portal::connect(&settings).await?;
    let request = portal.create(args, targets, &originals).await?;
    eprintln!("Confirm at {}", request.confirm_url);
    let outcome = async {
        if let (true, Some(outbox)) = (args.auto_confirm, &settings.outbox_url) {
            citizen::confirm(&request, outbox).await?;
        }
        wait(&portal, &request, args.timeout).await
    };
    let signed = outcome.await?;
    for (number, (target, original)) in (1..).zip(targets.iter().zip(&originals)) {
        let document = portal.document(&signed, number).await?;
        // A signature is an appended update: everything before it is what was handed over.
        if document.len() <= original.len() || !document.starts_with(original) {
            bail!("the service's answer for {} does not begin with the original document", target.source.display());
        }
        target.stage(&document)?;
    }
    for target in targets {
        target.publish()?;
        println!("{}", target.path.display());
    }
    Ok(())
}

fn settings(args: &SignArgs) -> anyhow::Result<Settings> {
    let ready: Option<Ready> = match &args.ready_file {
        None => None,
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            Some(serde_json::from_str(&text).with_context(|| format!("{} is not a ready file", path.display()))?)
        }
    };
    let given = args.server.as_deref().map(|server| server.trim_end_matches('/').to_owned());
    let server = given.clone().or(ready.as_ref().map(|ready| ready.url.clone())).context("--server is missing")?;
    let token_url = match (&given, &ready) {
        (None, Some(ready)) => ready.token_url.clone(),
        _ => format!("{server}/oauth2/token"),
    };
    let named = args.client_id.clone();
    let client_id = named.or(ready.as_ref().map(|ready| ready.portal.client_id.clone()));
    let client_secret = secret(args)?.or(ready.as_ref().map(|ready| ready.portal.client_secret.clone()));
    Ok(Settings {
        server,
        token_url,
        client_id: client_id.context("--client-id is missing")?,
        client_secret: client_secret.context("set KYSO_CLIENT_SECRET or give --client-secret-file")?,
        outbox_url: ready.map(|ready| ready.outbox_url),
    })
}

fn secret(args: &SignArgs) -> anyhow::Result<Option<String>> {
    let Some(path) = &args.client_secret_file else {
        return Ok(std::env::var("KYSO_CLIENT_SECRET").ok().filter(|secret| !secret.is_empty()));
    };
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Asks for the state until it is final; at first often, for signatures that take a moment, then every second.
async fn wait(portal: &Portal, request: &Request, seconds: u32) -> anyhow::Result<Request> {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(seconds.into());
    let mut pause = Duration::from_millis(50);
    loop {
        let now = portal.read(&request.id).await?;
        match now.state.as_str() {
            "signed" => return Ok(now),
            "waiting" | "confirmed" => {}
            other => bail!("not signed: {}", now.reason(other)),
        }
        if tokio::time::Instant::now() >= deadline {
            portal.cancel(&request.id).await;
            bail!("not signed: nobody confirmed within {seconds} seconds; the request was cancelled");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        sign: SignArgs,
    }

    fn parse(args: &[&str]) -> Result<SignArgs, clap::Error> {
        Cli::try_parse_from([&["sign", "--credential", "c"], args].concat()).map(|cli| cli.sign)
    }

    #[test]
    fn a_level_or_format_that_is_not_supported_is_a_usage_error_that_says_what_is() {
        let server = ["--server", "http://s", "--client-id", "p", "a.pdf"];
        for (flag, value, word) in [("--level", "B-LTA", "B-B"), ("--format", "cms", "pdf")] {
            let error = parse(&[&server[..], &[flag, value]].concat()).expect_err("refused");
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(word), "{error}");
        }
        assert!(parse(&server).is_ok());
    }

    #[test]
    fn playing_the_citizen_needs_a_sandbox() {
        assert!(parse(&["--server", "http://s", "--client-id", "p", "--auto-confirm", "a.pdf"]).is_err());
        assert!(parse(&["--ready-file", "r.json", "--auto-confirm", "a.pdf"]).is_ok());
    }

    #[test]
    fn a_ready_file_gives_the_addresses_and_the_client() {
        let file = tempfile::NamedTempFile::new().expect("file");
        let json = r#"{"url":"http://127.0.0.1:1","csc":{"v1":"x","v2":"y"},"token_url":"http://127.0.0.1:1/oauth2/token",
            "portal":{"client_id":"p","client_secret":"s"},"signers":[],"outbox_url":"http://127.0.0.1:1/sandbox/outbox"}"#;
        std::fs::write(file.path(), json).expect("written");
        let path = file.path().to_str().expect("a path");
        let settings = settings(&parse(&["--ready-file", path, "a.pdf"]).expect("parsed")).expect("read");
        assert_eq!(settings.server, "http://127.0.0.1:1");
        assert_eq!((settings.client_id.as_str(), settings.client_secret.as_str()), ("p", "s"));
    }
}
