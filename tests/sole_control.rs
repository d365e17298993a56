//! Keys under their signer's PIN: signed with PIN and code, never without, whatever the operator holds.

#[path = "support/servers.rs"]
mod servers;
mod support;

use std::path::Path;

use kyso::app::sandbox;
use kyso::authorization::Proof;
use kyso::crypto::{DigestAlgorithm, SignatureAlgorithm};
use kyso::domain::{
    AuditEvent, CredentialId, FailureReason, Operation, OperationId, OperationKind, Part, PortalId, Secret,
    SignatureOptions, SignerId, State, StateKind, TransactionId,
};
use kyso::service::admin::{Include, Protection};
use kyso::service::{
    Answer, Authorization, AuthorizeHashes, Certify, NewDocument, ServiceError, SignDocuments, Subject, ToSign,
    ValidationInfo,
};
use kyso::storage::sqlite::SqliteStorage;
use kyso::storage::{Confirmation, Entry, GuessLimits, Intent, Operations as _, Outcome, Transactions};

use servers::{PIN, Server, caller, request, sha256};
use support::sample;

const PORTAL: &str = "sandbox-portal";
/// Of the signer le-van-binh, whose keys are under it.
const BINHS_PIN: &str = "864209";

async fn server(folder: &tempfile::TempDir) -> Server {
    Server::provision(folder.path(), sandbox::codes()).await
}

async fn sad(server: &Server, pin: &str, hash: &str) -> Result<Secret, ServiceError> {
    let hashes = [sha256(hash)];
    server.ask_with(pin, PORTAL, "binh-pin", &hashes, None).await?;
    match server.ask_with(pin, PORTAL, "binh-pin", &hashes, Some(&server.last_code())).await? {
        Authorization::Sad { sad, .. } => Ok(sad),
        other => panic!("{other:?}"),
    }
}

/// Everything that lies in the data folder, the database's log included.
fn everything(folder: &Path) -> Vec<u8> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            found.extend(std::fs::read(path).expect("read"));
        }
    }
    found
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test]
async fn pin_and_code_open_the_key_over_a_restart_and_leave_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = server(&folder).await;
    let sad = sad(&first, BINHS_PIN, "a").await.expect("authorised");
    // Another process signs: all it has is the database, the key-encryption key, and the SAD of the call.
    let second = Server::open(folder.path(), sandbox::codes()).await;
    let hashes = [sha256("a")];
    assert!(!second.sign("second", "binh-pin", &sad, &hashes).await, "another portal");
    assert!(!second.sign(PORTAL, "binh-pin", &Secret::new("0".repeat(64)), &hashes).await, "another SAD");
    assert!(second.sign(PORTAL, "binh-pin", &sad, &hashes).await);
    assert!(!second.sign(PORTAL, "binh-pin", &sad, &hashes).await, "used up");
    let everything = everything(folder.path());
    assert!(holds(&everything, b"le-van-binh"), "the database is looked at");
    assert!(!holds(&everything, BINHS_PIN.as_bytes()) && !holds(&everything, sad.expose().as_bytes()));
}

#[tokio::test]
async fn wrong_pin_sends_no_code_and_gives_no_sad() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server(&folder).await;
    for pin in [PIN, "", "864208"] {
        let refused = sad(&server, pin, "a").await;
        assert!(matches!(refused, Err(ServiceError::WrongPin)), "{pin}: {refused:?}");
    }
    assert_eq!(server.outbox.messages().as_array().map(Vec::len), Some(0));
}

#[tokio::test]
async fn page_asks_for_pin_and_code_and_a_wrong_pin_leaves_the_code_alive() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server(&folder).await;
    let document = NewDocument { name: "a.pdf".into(), bytes: sample("hop-dong-dich-vu.pdf") };
    let view = server.service.create_request(&caller(PORTAL), request("binh-pin-hosted", document)).await;
    let view = view.expect("created");
    let token = Secret::new(view.confirm_path.trim_start_matches("/c/"));
    server.service.send_code(&token).await.expect("sent");
    let code = server.last_code();
    let submit = async |pin: Option<&str>| {
        let answer = Answer { proof: Proof::Code(code.clone()), pin: pin.map(Secret::new) };
        server.service.submit(&token, answer).await
    };
    for pin in [None, Some(PIN), Some("")] {
        let refused = submit(pin).await;
        assert!(matches!(refused, Err(ServiceError::WrongPin)), "{pin:?}: {refused:?}");
    }
    assert_eq!(submit(Some(BINHS_PIN)).await.expect("signed").state.kind(), StateKind::Signed);
    let signed = server.service.signed_document(&caller(PORTAL), &view.transaction.id, 1).await.expect("released");
    assert!(!signed.update.is_empty());
}

/// The operator's way: everything in the database is set as if the signer had confirmed.
async fn confirm_as_operator(folder: &Path, id: &TransactionId, code: &Secret) {
    let storage = SqliteStorage::open(&folder.join("kyso.db")).await.expect("opens");
    let live = storage.live_challenge(id).await.expect("read").expect("a live code");
    assert!(!code.expose().is_empty());
    let (mac, at) = (live.mac, live.created_at);
    let confirmation = Confirmation {
        at,
        method: "forged".into(),
        sad: None,
        items: Vec::new(),
        guesses: GuessLimits::DEFAULT,
        authenticator: None,
    };
    let _ = storage.try_code(&live, &mac, confirmation).await.expect("forged");
    storage.close().await;
}

#[tokio::test]
async fn operator_who_confirms_in_the_signers_place_gets_no_signature() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server(&folder).await;
    let document = || NewDocument { name: "a.pdf".into(), bytes: sample("hop-dong-dich-vu.pdf") };
    for (credential, expected) in [("binh-pin-hosted", StateKind::Failed), ("ec-p256-hosted", StateKind::Signed)] {
        let view = server.service.create_request(&caller(PORTAL), request(credential, document())).await;
        let view = view.expect("created");
        server.service.send_code(&Secret::new(view.confirm_path.trim_start_matches("/c/"))).await.expect("sent");
        confirm_as_operator(folder.path(), &view.transaction.id, &server.last_code()).await;
        // A restart takes up what is confirmed.
        let restarted = Server::open(folder.path(), sandbox::codes()).await;
        restarted.service.settle().await.expect("settled");
        let view = restarted.service.request(&caller(PORTAL), &view.transaction.id).await.expect("there");
        assert_eq!(view.transaction.state.kind(), expected, "{credential}");
        if let State::Failed { reason, .. } = view.transaction.state {
            assert_eq!(reason, FailureReason::Interrupted);
        }
    }
}

#[tokio::test]
async fn changed_pin_wraps_the_keys_anew_and_the_old_one_opens_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server(&folder).await;
    let binh = SignerId::parse("le-van-binh").expect("id");
    let change = async |old: &str, new: &str| {
        let (old, new) = (Protection::Pin(Secret::new(old)), Secret::new(new));
        server.service.change_pin(&binh, old, new, Include::UnderPin).await
    };
    assert!(matches!(change("000000", "112233").await, Err(ServiceError::WrongPin)), "the operator does not know it");
    assert!(matches!(change(BINHS_PIN, "1122").await, Err(ServiceError::Invalid { .. })), "too short");
    assert_eq!(change(BINHS_PIN, "một câu dài dễ nhớ").await.expect("changed"), 2);
    assert!(matches!(sad(&server, BINHS_PIN, "a").await, Err(ServiceError::WrongPin)));
    let sad = sad(&server, "một câu dài dễ nhớ", "b").await.expect("authorised");
    assert!(server.sign(PORTAL, "binh-pin", &sad, &[sha256("b")]).await);
}

#[tokio::test]
async fn key_without_a_pin_goes_under_one_and_then_needs_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server(&folder).await;
    let an = SignerId::parse("nguyen-van-an").expect("id");
    let changed = server.service.change_pin(&an, Protection::None, Secret::new("112233"), Include::All).await;
    assert!(changed.expect("changed") >= 5);
    let hashes = [sha256("a")];
    assert!(matches!(server.ask(PORTAL, "ec-p256", &hashes, None).await, Err(ServiceError::WrongPin)));
    let ask = |code| server.ask_with("112233", PORTAL, "ec-p256", &hashes, code);
    ask(None).await.expect("sent");
    let code = server.last_code();
    let Authorization::Sad { sad, .. } = ask(Some(&code)).await.expect("authorised") else { panic!("no SAD") };
    assert!(server.sign(PORTAL, "ec-p256", &sad, &hashes).await);
}

/// `credentials/extendTransaction` for a hash the SAD opens.
async fn extended(server: &Server, sad: &Secret, hash: &str) -> Secret {
    let request = AuthorizeHashes {
        credential: CredentialId::parse("binh-pin").expect("id"),
        hashes: vec![sha256(hash)],
        num_signatures: 1,
        description: String::new(),
        pin: None,
        code: None,
    };
    match server.service.extend(&caller(PORTAL), sad, request).await.expect("extended") {
        Authorization::Sad { sad, .. } => sad,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn replaced_sad_opens_the_key_under_a_pin_and_nobody_collects_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server(&folder).await;
    let hashes = [sha256("a")];
    let asked = server.ask_with(BINHS_PIN, PORTAL, "binh-pin", &hashes, None).await.expect("asked");
    let Authorization::CodeSent { handle, page } = asked else { panic!("{asked:?}") };
    assert_eq!(page, None, "what the PIN gives cannot reach whoever collects the SAD");
    let path = server.service.confirm_path(&handle);
    let found = server.service.confirmation(&Secret::new(path.trim_start_matches("/c/"))).await;
    assert!(matches!(found, Err(ServiceError::NotFound(_))), "{found:?}");
    let given = server.ask_with(BINHS_PIN, PORTAL, "binh-pin", &hashes, Some(&server.last_code())).await;
    let Ok(Authorization::Sad { sad, .. }) = given else { panic!("{given:?}") };
    assert!(server.service.collect_authorization(&caller(PORTAL), &handle).await.is_err());
    let replaced = extended(&server, &sad, "a").await;
    let restarted = Server::open(folder.path(), sandbox::codes()).await;
    assert!(!restarted.sign(PORTAL, "binh-pin", &sad, &hashes).await, "dead");
    assert!(restarted.sign(PORTAL, "binh-pin", &replaced, &hashes).await);
}

#[tokio::test]
async fn document_is_signed_under_the_sad_of_a_key_under_a_pin() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server(&folder).await;
    let text = "nội dung";
    let sad = sad(&server, BINHS_PIN, text).await.expect("authorised");
    let algorithm = SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256);
    let document = || ToSign {
        subject: Subject::Whole(text.as_bytes().to_vec()),
        algorithm,
        options: SignatureOptions {
            format: kyso::domain::settings::SignatureFormat::Cms,
            ..SignatureOptions::default()
        },
        certify: Certify::Never,
    };
    let call = |documents| SignDocuments {
        credential: CredentialId::parse("binh-pin").expect("id"),
        sad: sad.clone(),
        documents,
        keep_for: time::Duration::hours(1),
        validation: ValidationInfo::Without,
    };
    let made = server.service.sign_documents(&caller(PORTAL), call(vec![document()])).await.expect("signed");
    assert_eq!(made.parts.len(), 1);
    let again = server.service.sign_documents(&caller(PORTAL), call(vec![document()])).await;
    assert!(matches!(again, Err(ServiceError::InvalidSad)), "{again:?}");
}

#[tokio::test]
async fn operation_under_a_pin_that_a_crash_stopped_fails_as_interrupted() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server(&folder).await;
    for (pin, credential, expected) in [(BINHS_PIN, "binh-pin", None), (PIN, "ec-p256", Some(1))] {
        let hashes = [sha256(credential)];
        let asked = server.ask_with(pin, PORTAL, credential, &hashes, None).await.expect("asked");
        let Authorization::CodeSent { handle, .. } = asked else { panic!("{asked:?}") };
        server.ask_with(pin, PORTAL, credential, &hashes, Some(&server.last_code())).await.expect("authorised");
        // What stands on disk when the process dies right after it recorded what it is about to do.
        let at = server.clock.now();
        let operation = Operation {
            id: OperationId::parse(&format!("o-{credential}")).expect("id"),
            portal: PortalId::parse(PORTAL).expect("id"),
            sad_of: handle.clone(),
            kind: OperationKind::Hashes { algorithm: SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256) },
            parts: vec![Part { transaction: handle.clone(), ordinal: 0 }],
            created_at: at,
            expires_at: at + time::Duration::hours(1),
            failure: None,
        };
        let intents = [Intent { ordinal: 0, digest: hashes[0].clone(), prepared: None }];
        let event = AuditEvent::SigningIntended {
            transaction: handle.clone(),
            hashes: vec![hashes[0].to_hex()],
            left_out: Vec::new(),
        };
        let storage = SqliteStorage::open(&folder.path().join("kyso.db")).await.expect("opens");
        let begun = storage.begin_operation(&operation, &intents, Entry { at, event }).await.expect("stored");
        assert_eq!(begun, Outcome::Done);
        storage.close().await;
        let restarted = Server::open(folder.path(), sandbox::codes()).await;
        restarted.service.settle().await.expect("settled");
        match (restarted.service.operation_result(&caller(PORTAL), &operation.id).await, expected) {
            (Ok(kyso::service::OperationResult::Hashes(values)), Some(count)) => assert_eq!(values.len(), count),
            (Err(ServiceError::OperationFailed(FailureReason::Interrupted)), None) => {}
            (other, _) => panic!("{credential}: {other:?}"),
        }
    }
}
