//! Attacks on one-time codes: guessing over several processes, another document's code, replay, floods.

#[path = "support/servers.rs"]
mod servers;
mod support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use kyso::app::sandbox;
use kyso::authorization::CodePolicy;
use kyso::crypto::Digest;
use kyso::domain::Secret;
use kyso::service::{Authorization, NewDocument, ServiceError};

use servers::{Server, caller, request, sha256};
use support::{sample, wrong};

/// Has codes sent for request after request and enters wrong ones until nothing is compared any more. How many were.
async fn guess(server: &Server, portal: &str) -> u32 {
    let mut compared = 0;
    loop {
        let document = NewDocument { name: "a.pdf".into(), bytes: sample("hop-dong-dich-vu.pdf") };
        let view = server.service.create_request(&caller(portal), request("ec-p256-hosted", document)).await;
        let token = Secret::new(view.expect("created").confirm_path.trim_start_matches("/c/"));
        match server.service.send_code(&token).await {
            Ok(_) => {}
            Err(ServiceError::GuessesSpent { seconds }) => {
                assert!(seconds > 23 * 3600, "{seconds}");
                return compared;
            }
            Err(other) => panic!("{other}"),
        }
        let code = server.last_code();
        loop {
            match server.service.submit_code(&token, &Secret::new(wrong(code.expose()))).await {
                Err(ServiceError::WrongAuthenticationData { .. }) => compared += 1,
                Err(ServiceError::Locked) => {
                    compared += 1;
                    break;
                }
                Err(ServiceError::GuessesSpent { .. }) => {
                    let right = server.service.submit_code(&token, &code).await;
                    assert!(matches!(right, Err(ServiceError::GuessesSpent { .. })), "not even the right one");
                    return compared;
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

/// Many codes may be asked for: what is measured is how many are compared.
fn lavish() -> CodePolicy {
    sandbox::codes()
}

/// Played by a process of its own: see the test below.
#[tokio::test]
#[ignore = "a part of three_processes_together_compare_at_most_25_guesses_a_day"]
async fn guessing_process() {
    let data = std::env::var("KYSO_TEST_GUESS_DATA").expect("named by the test");
    let server = Server::open(Path::new(&data), lavish()).await;
    println!("compared={}", guess(&server, "sandbox-portal").await + guess(&server, "second").await);
}

#[tokio::test]
async fn three_processes_together_compare_at_most_25_guesses_a_day() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::provision(folder.path(), lavish()).await;
    let spawn = || {
        Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "guessing_process", "--ignored", "--nocapture"])
            .env("KYSO_TEST_GUESS_DATA", folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts")
    };
    let processes: Vec<_> = (0..3).map(|_| spawn()).collect();
    let mut each = Vec::new();
    for process in processes {
        let output = process.wait_with_output().expect("ends");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let compared =
            text.split("compared=").nth(1).and_then(|rest| rest.split_whitespace().next()?.parse::<u32>().ok());
        each.push(compared.unwrap_or_else(|| panic!("{text}")));
    }
    assert_eq!(each.iter().sum::<u32>(), 25, "{each:?}");
    // Whoever comes later finds the door closed, too; another signer's is open.
    assert_eq!(guess(&server, "sandbox-portal").await, 0);
    let (records, chain) = server.service.audit().await.expect("read");
    chain.expect("an unbroken chain");
    let rejected = records.iter().filter(|record| record.event.contains("code_rejected")).count();
    assert_eq!(rejected, 25);
    let document = NewDocument { name: "a.pdf".into(), bytes: sample("hop-dong-dich-vu.pdf") };
    let other = server.service.create_request(&caller("sandbox-portal"), request("ngoc-ec-p256", document)).await;
    let token = Secret::new(other.expect("created").confirm_path.trim_start_matches("/c/"));
    server.service.send_code(&token).await.expect("another signer is not locked");
    server.service.submit_code(&token, &server.last_code()).await.expect("signed");
}

#[tokio::test]
async fn a_portal_cannot_lock_a_signer_out_for_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::provision(folder.path(), lavish()).await;
    assert_eq!(guess(&server, "sandbox-portal").await, 20);
    let hash = [sha256("a")];
    assert!(matches!(server.ask("second", "ec-p256", &hash, None).await, Ok(Authorization::CodeSent { .. })));
    let code = server.last_code();
    assert!(matches!(server.ask("second", "ec-p256", &hash, Some(&code)).await, Ok(Authorization::Sad { .. })));
}

#[tokio::test]
async fn sixth_unused_code_of_an_hour_is_not_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::provision(folder.path(), CodePolicy::default()).await;
    for n in 0..5 {
        server.ask("sandbox-portal", "ec-p256", &[sha256(&n.to_string())], None).await.expect("sent");
    }
    let sixth = server.ask("sandbox-portal", "ec-p256", &[sha256("6")], None).await;
    assert!(matches!(sixth, Err(ServiceError::CodesSpent { seconds }) if seconds > 3500), "{sixth:?}");
    // The other portal may send one all the same, and a used code gives its place back.
    server.ask("second", "ec-p256", &[sha256("6")], None).await.expect("sent");
    let code = server.last_code();
    server.ask("second", "ec-p256", &[sha256("6")], Some(&code)).await.expect("confirmed");
    assert!(matches!(
        server.ask("sandbox-portal", "ec-p256", &[sha256("6")], None).await,
        Err(ServiceError::CodesSpent { .. })
    ));
}

#[tokio::test]
async fn code_opens_only_the_hashes_it_was_sent_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::provision(folder.path(), lavish()).await;
    let portal = "sandbox-portal";
    let (a, b) = (sha256("a"), sha256("b"));
    let others: [&[Digest]; 5] = [
        std::slice::from_ref(&b),
        &[a.clone(), b.clone()],
        &[a.clone(), a.clone()],
        &[b.clone(), a.clone()],
        &[sha256("A")],
    ];
    for other in others {
        server.ask(portal, "ec-p256", std::slice::from_ref(&a), None).await.expect("sent");
        let code = server.last_code();
        let crossed = server.ask(portal, "ec-p256", other, Some(&code)).await;
        assert!(!matches!(crossed, Ok(Authorization::Sad { .. })), "{other:?}");
        let elsewhere = server.ask(portal, "ec-p384", std::slice::from_ref(&a), Some(&code)).await;
        assert!(!matches!(elsewhere, Ok(Authorization::Sad { .. })), "another credential");
        let stranger = server.ask("second", "ec-p256", std::slice::from_ref(&a), Some(&code)).await;
        assert!(!matches!(stranger, Ok(Authorization::Sad { .. })), "another portal");
        let right = server.ask(portal, "ec-p256", std::slice::from_ref(&a), Some(&code)).await;
        assert!(matches!(right, Ok(Authorization::Sad { .. })), "{right:?}");
        let replayed = server.ask(portal, "ec-p256", std::slice::from_ref(&a), Some(&code)).await;
        assert!(!matches!(replayed, Ok(Authorization::Sad { .. })), "the code is used up");
    }
}

#[tokio::test]
async fn hundred_parallel_uses_of_one_authorisation_sign_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Arc::new(Server::provision(folder.path(), lavish()).await);
    let second = Arc::new(Server::open(folder.path(), lavish()).await);
    let hash = vec![sha256("a")];
    server.ask("sandbox-portal", "ec-p256", &hash, None).await.expect("sent");
    let code = server.last_code();
    let confirm = |n: usize| {
        let (server, hash, code) =
            (if n.is_multiple_of(2) { &server } else { &second }.clone(), hash.clone(), code.clone());
        tokio::spawn(async move { server.ask("sandbox-portal", "ec-p256", &hash, Some(&code)).await })
    };
    let mut sads = Vec::new();
    for confirmed in (0..20).map(confirm).collect::<Vec<_>>() {
        if let Ok(Authorization::Sad { sad, .. }) = confirmed.await.expect("joined") {
            sads.push(sad);
        }
    }
    assert_eq!(sads.len(), 1, "the code confirms once");
    let use_it = |n: usize| {
        let (server, hash, sad) =
            (if n.is_multiple_of(2) { &server } else { &second }.clone(), hash.clone(), sads[0].clone());
        let portal = if n % 10 == 9 { "second" } else { "sandbox-portal" };
        tokio::spawn(async move { server.sign(portal, "ec-p256", &sad, &hash).await })
    };
    let mut signed = 0;
    for used in (0..100).map(use_it).collect::<Vec<_>>() {
        signed += u32::from(used.await.expect("joined"));
    }
    assert_eq!(signed, 1);
}
