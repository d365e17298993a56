//! Several signers in one request, in order and side by side: every signature valid over all that stands before it, whoever comes
//! first, whatever fails in between.

mod support;
#[path = "support/world.rs"]
mod world;

use std::collections::HashSet;
use std::time::Duration as StdDuration;

use kyso::authorization::Proof;
use kyso::domain::{FailureReason, Method, Secret, SignatureOptions, State, StateKind};
use kyso::formats::level::Baseline;
use kyso::service::joint::NewSignatory;
use kyso::service::{Answer, RequestView, ServiceError, WhenDown};
use kyso::validation::report::{FileReport, Indication, Kind, Modification};
use serde_json::{Value, json};
use support::{Portal, Sandbox, base64, send, text};
use time::Duration;
use world::{World, ask, contract, sample};

const FIRST: &str = "ec-p256-hosted";
const SECOND: &str = "ngoc-ec-p256";

/// A signer in a turn.
fn signatory(credential: &str, turn: u32, level: Baseline) -> NewSignatory {
    let credential = kyso::domain::CredentialId::parse(credential).expect("id");
    let options = SignatureOptions { level, ..SignatureOptions::default() };
    NewSignatory { credential, turn, algorithm: None, options }
}

async fn create(w: &World, turns: [u32; 2], level: Baseline) -> RequestView {
    let signatories = [(FIRST, turns[0]), (SECOND, turns[1])].map(|(one, turn)| signatory(one, turn, level)).into();
    w.service.create_joint_request(&w.caller, ask(FIRST, level, contract()), signatories).await.expect("created")
}

fn link(path: &str) -> Secret {
    Secret::new(path.strip_prefix("/c/").expect("a link"))
}

async fn code(w: &World, path: &str) -> Secret {
    w.service.send_code(&link(path)).await.expect("sent");
    let messages = w.outbox.messages();
    let last = messages.as_array().and_then(|all| all.last()).expect("a message");
    Secret::new(last["code"].as_str().expect("a code"))
}

/// One signer's confirmation, until that signature is there.
async fn confirm(w: &World, view: &RequestView, n: usize) {
    let path = &view.signatories[n].confirm_path;
    let code = code(w, path).await;
    w.service.submit_code(&link(path), &code).await.expect("confirmed");
    while let State::Confirmed { .. } | State::Signing { .. } = reread(w, view).await.signatories[n].state {
        tokio::time::sleep(StdDuration::from_millis(5)).await;
    }
}

async fn reread(w: &World, view: &RequestView) -> RequestView {
    w.service.request(&w.caller, &view.transaction.id).await.expect("there")
}

async fn states(w: &World, view: &RequestView) -> (StateKind, Vec<StateKind>) {
    let now = reread(w, view).await;
    (now.transaction.state.kind(), now.signatories.iter().map(|one| one.state.kind()).collect())
}

async fn document(w: &World, view: &RequestView) -> Vec<u8> {
    w.document(&view.transaction.id, 1).await.expect("released")
}

/// Every signature is valid, in this order of signers.
fn all_passed(report: &FileReport, order: [&str; 2]) {
    let signatures: Vec<_> = report.signatures.iter().filter(|one| one.kind == Kind::Signature).collect();
    assert_eq!(signatures.len(), 2, "{report:?}");
    for (one, name) in signatures.iter().zip(order) {
        assert_eq!(one.indication(), Indication::TotalPassed, "{one:?}");
        assert!(matches!(one.modification, Modification::None | Modification::Allowed), "{one:?}");
        assert!(format!("{one:?}").contains(name), "{name} stands there: {one:?}");
    }
}

async fn told(w: &World) -> Vec<Value> {
    let events = w.service.events(&w.caller, 0, 100, StdDuration::ZERO).await.expect("read");
    events.iter().map(|signed| serde_json::from_str(&signed.event.body).expect("JSON")).collect()
}

const AN: &str = "Nguyễn Văn An";
const NGOC: &str = "Trần Thị Bích Ngọc";

#[tokio::test]
async fn in_order_the_second_waits_for_the_first_and_signs_on_top() {
    let w = World::open(WhenDown::RaiseLater).await;
    let view = create(&w, [1, 2], Baseline::B).await;
    let second = link(&view.signatories[1].confirm_path);
    let early = w.service.send_code(&second).await;
    assert!(matches!(early, Err(ServiceError::NotYet)), "{early:?}");
    let early = w.service.submit_code(&second, &Secret::new("123456")).await;
    assert!(matches!(early, Err(ServiceError::NotYet)), "{early:?}");
    assert!(!w.service.confirmation(&second).await.expect("shown").in_turn);
    confirm(&w, &view, 0).await;
    assert_eq!(states(&w, &view).await, (StateKind::Waiting, vec![StateKind::Signed, StateKind::Waiting]));
    let unfinished = w.document(&view.transaction.id, 1).await;
    assert!(matches!(unfinished, Err(ServiceError::State(StateKind::Waiting))), "nothing is released half-way");
    let shown = w.service.confirmation(&second).await.expect("shown");
    assert!(shown.in_turn && shown.others[0].name == AN && shown.others[0].state.kind() == StateKind::Signed);
    confirm(&w, &view, 1).await;
    assert_eq!(states(&w, &view).await, (StateKind::Signed, vec![StateKind::Signed; 2]));
    let signed = document(&w, &view).await;
    assert!(signed.starts_with(&contract()), "no earlier byte changes");
    all_passed(&w.verdict(&signed, &w.evidence_with_lists()), [AN, NGOC]);
    let told = told(&w).await;
    let kinds: Vec<_> = told.iter().map(|one| one["type"].as_str().expect("text")).collect();
    assert_eq!(kinds, ["signer.signed", "request.signed"]);
    assert_eq!(told[0]["data"]["signers"][0], json!({"credential": FIRST, "state": "signed"}));
    assert_eq!((&told[0]["data"]["state"], &told[1]["data"]["state"]), (&json!("waiting"), &json!("signed")));
}

#[tokio::test]
async fn a_key_under_a_pin_signs_in_its_turn_with_pin_and_code() {
    let w = World::open(WhenDown::RaiseLater).await;
    let signatories = [(FIRST, 1), ("binh-pin-hosted", 2)].map(|(one, turn)| signatory(one, turn, Baseline::B)).into();
    let view = w.service.create_joint_request(&w.caller, ask(FIRST, Baseline::B, contract()), signatories).await;
    let view = view.expect("created");
    let second = link(&view.signatories[1].confirm_path);
    let submit = async |code: &Secret, pin: Option<&str>| {
        let answer = Answer { proof: Proof::Code(code.clone()), pin: pin.map(Secret::new) };
        w.service.submit(&second, answer).await
    };
    let early = w.service.begin_confirmation(&second, Method::Totp).await;
    assert!(matches!(early, Err(ServiceError::NotYet)), "{early:?}");
    let early = submit(&Secret::new("123456"), Some("000000")).await;
    assert!(matches!(early, Err(ServiceError::NotYet)), "{early:?}");
    confirm(&w, &view, 0).await;
    let code = code(&w, &view.signatories[1].confirm_path).await;
    for pin in [None, Some("000000")] {
        let refused = submit(&code, pin).await;
        assert!(matches!(refused, Err(ServiceError::WrongPin)), "{pin:?}: {refused:?}");
    }
    assert_eq!(states(&w, &view).await, (StateKind::Waiting, vec![StateKind::Signed, StateKind::Waiting]));
    submit(&code, Some("864209")).await.expect("signed");
    assert_eq!(states(&w, &view).await, (StateKind::Signed, vec![StateKind::Signed; 2]));
    all_passed(&w.verdict(&document(&w, &view).await, &w.evidence_with_lists()), [AN, "Lê Văn Bình"]);
    let told = told(&w).await;
    let ended: Vec<_> = told.iter().filter(|event| event["type"] == "request.signed").collect();
    assert_eq!(ended.len(), 1, "{told:?}");
}

#[tokio::test]
async fn side_by_side_the_second_may_be_first() {
    let w = World::open(WhenDown::RaiseLater).await;
    let view = create(&w, [1, 1], Baseline::B).await;
    confirm(&w, &view, 1).await;
    confirm(&w, &view, 0).await;
    let signed = document(&w, &view).await;
    assert!(signed.starts_with(&contract()));
    all_passed(&w.verdict(&signed, &w.evidence_with_lists()), [NGOC, AN]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_who_confirm_at_once_both_sign_one_after_the_other() {
    let w = World::open(WhenDown::RaiseLater).await;
    for _ in 0..5 {
        let view = create(&w, [1, 1], Baseline::T).await;
        let paths = [0, 1].map(|n: usize| view.signatories[n].confirm_path.clone());
        let codes = [code(&w, &paths[0]).await, code(&w, &paths[1]).await];
        let submit = |n: usize| {
            let (service, link, code) = (w.service.clone(), link(&paths[n]), codes[n].clone());
            tokio::spawn(async move { service.submit_code(&link, &code).await.expect("confirmed") })
        };
        let (one, other) = (submit(0), submit(1));
        one.await.expect("joined");
        other.await.expect("joined");
        while reread(&w, &view).await.transaction.state.kind() != StateKind::Signed {
            tokio::time::sleep(StdDuration::from_millis(5)).await;
        }
        let report = w.verdict(&document(&w, &view).await, &w.evidence_with_lists());
        assert_eq!(report.signatures.iter().filter(|one| one.kind == Kind::Signature).count(), 2);
        assert!(report.signatures.iter().all(|one| one.indication() == Indication::TotalPassed), "{report:?}");
    }
}

#[tokio::test]
async fn one_refusal_ends_the_request_for_all_and_releases_nothing() {
    let w = World::open(WhenDown::RaiseLater).await;
    let view = create(&w, [1, 1], Baseline::B).await;
    confirm(&w, &view, 0).await;
    w.service.refuse(&link(&view.signatories[1].confirm_path)).await.expect("refused");
    assert_eq!(states(&w, &view).await, (StateKind::Refused, vec![StateKind::Signed, StateKind::Refused]));
    assert!(matches!(w.document(&view.transaction.id, 1).await, Err(ServiceError::State(StateKind::Refused))));
    let view = create(&w, [1, 2], Baseline::B).await;
    let code = code(&w, &view.signatories[0].confirm_path).await;
    w.service.refuse(&link(&view.signatories[1].confirm_path)).await.expect("refused before the turn");
    let late = w.service.submit_code(&link(&view.signatories[0].confirm_path), &code).await;
    assert!(matches!(late, Err(ServiceError::State(StateKind::Failed))), "{late:?}");
    let now = reread(&w, &view).await;
    assert!(matches!(now.signatories[0].state, State::Failed { reason: FailureReason::AnotherSigner, .. }), "{now:?}");
    let kinds: Vec<Value> = told(&w).await.iter().map(|one| one["type"].clone()).collect();
    assert_eq!(kinds, ["signer.signed", "request.refused", "request.refused"]);
    let (_, chain) = w.service.audit().await.expect("read");
    chain.expect("unbroken");
}

#[tokio::test]
async fn a_request_ends_for_all_with_its_time_or_its_portal() {
    let w = World::open(WhenDown::RaiseLater).await;
    let view = create(&w, [1, 2], Baseline::B).await;
    confirm(&w, &view, 0).await;
    w.clock.advance(Duration::minutes(16));
    w.service.expire_overdue().await.expect("swept");
    assert_eq!(states(&w, &view).await, (StateKind::Expired, vec![StateKind::Signed, StateKind::Expired]));
    let view = create(&w, [1, 2], Baseline::B).await;
    confirm(&w, &view, 0).await;
    let cancelled = w.service.cancel_request(&w.caller, &view.transaction.id).await.expect("cancelled");
    assert!(matches!(cancelled.transaction.state, State::Failed { reason: FailureReason::Cancelled, .. }));
    let again = w.service.cancel_request(&w.caller, &view.transaction.id).await;
    assert!(matches!(again, Err(ServiceError::State(StateKind::Failed))), "{again:?}");
    let view = create(&w, [1, 1], Baseline::B).await;
    w.clock.advance(Duration::minutes(16));
    assert_eq!(states(&w, &view).await, (StateKind::Expired, vec![StateKind::Expired; 2]), "whoever asks first");
}

#[tokio::test]
async fn the_second_signers_transaction_is_no_request_of_its_own() {
    let w = World::open(WhenDown::RaiseLater).await;
    let view = create(&w, [1, 1], Baseline::B).await;
    let all = w.service.requests(&w.caller, None, None, 100).await.expect("listed");
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].transaction.id, view.transaction.id);
    let token = link(&view.signatories[1].confirm_path);
    let own = w.service.confirmation(&token).await.expect("shown").transaction.id;
    assert_ne!(own, view.transaction.id);
    assert!(matches!(w.service.request(&w.caller, &own).await, Err(ServiceError::NotFound(_))));
    assert!(matches!(w.service.cancel_request(&w.caller, &own).await, Err(ServiceError::NotFound(_))));
}

#[tokio::test]
async fn levels_of_all_signatures_are_reached_also_when_the_authority_was_down_for_the_first() {
    let w = World::open(WhenDown::RaiseLater).await;
    let view = create(&w, [1, 2], Baseline::Lta).await;
    w.behave(|net| net.tsa = None);
    confirm(&w, &view, 0).await;
    assert_eq!(reread(&w, &view).await.documents[0].level, Some(Baseline::B));
    w.behave(|_| {});
    // An authority that failed is left alone for a while.
    w.clock.advance(Duration::minutes(5));
    confirm(&w, &view, 1).await;
    let now = reread(&w, &view).await;
    assert_eq!((now.documents[0].level, now.documents[0].raise.is_some()), (Some(Baseline::Lta), false));
    w.clock.advance(Duration::minutes(2));
    assert_eq!(w.service.raise_due().await.expect("nothing"), 0, "what the second covers is not raised by itself");
    let signed = document(&w, &view).await;
    all_passed(&w.verdict(&signed, &w.evidence_with_lists()), [AN, NGOC]);

    // Down for the second: the whole is raised later.
    let view = create(&w, [1, 2], Baseline::Lta).await;
    confirm(&w, &view, 0).await;
    w.behave(|net| net.tsa = None);
    confirm(&w, &view, 1).await;
    let before = document(&w, &view).await;
    w.behave(|_| {});
    w.clock.advance(Duration::minutes(2));
    assert_eq!(w.service.raise_due().await.expect("raised"), 1);
    let after = document(&w, &view).await;
    assert!(after.starts_with(&before) && after.len() > before.len());
    all_passed(&w.verdict(&after, &w.evidence_with_lists()), [AN, NGOC]);
    assert_eq!(reread(&w, &view).await.documents[0].level, Some(Baseline::Lta));
}

#[tokio::test]
async fn an_original_changed_on_disk_is_signed_by_nobody() {
    let w = World::open(WhenDown::RaiseLater).await;
    let view = create(&w, [1, 2], Baseline::B).await;
    confirm(&w, &view, 0).await;
    let file = w.folder.path().join(format!("documents/{}/1.pdf", view.transaction.id));
    let mut changed = contract();
    changed.push(b'\n');
    std::fs::write(file, changed).expect("written");
    confirm(&w, &view, 1).await;
    let now = reread(&w, &view).await;
    assert!(matches!(now.transaction.state, State::Failed { reason: FailureReason::DocumentChanged, .. }), "{now:?}");
}

#[tokio::test]
async fn several_documents_and_signers_each_sign_all() {
    let w = World::open(WhenDown::RaiseLater).await;
    let mut request = ask(FIRST, Baseline::B, contract());
    let second = kyso::service::NewDocument { name: "b.pdf".into(), bytes: sample("hoa-don-gtgt.pdf") };
    request.documents.push(second);
    let signatories = vec![signatory(FIRST, 1, Baseline::B), signatory(SECOND, 2, Baseline::B)];
    let view = w.service.create_joint_request(&w.caller, request, signatories).await.expect("created");
    confirm(&w, &view, 0).await;
    confirm(&w, &view, 1).await;
    for n in [1, 2] {
        let signed = w.document(&view.transaction.id, n).await.expect("released");
        all_passed(&w.verdict(&signed, &w.evidence_with_lists()), [AN, NGOC]);
    }
}

#[tokio::test]
async fn a_repeated_call_is_the_same_request_and_another_order_is_not() {
    let w = World::open(WhenDown::RaiseLater).await;
    let create = |turns: [u32; 2]| {
        let mut request = ask(FIRST, Baseline::B, contract());
        request.idempotency_key = Some("key".into());
        let signatories = [(FIRST, turns[0]), (SECOND, turns[1])];
        let signatories = signatories.map(|(one, turn)| signatory(one, turn, Baseline::B)).into();
        w.service.create_joint_request(&w.caller, request, signatories)
    };
    let first = create([1, 2]).await.expect("created");
    let again = create([1, 2]).await.expect("the same");
    assert_eq!((&again.transaction.id, again.signatories.len()), (&first.transaction.id, 2));
    assert!(matches!(create([1, 1]).await, Err(ServiceError::IdempotencyMismatch)));
    let folders = std::fs::read_dir(w.folder.path().join("documents")).expect("documents").count();
    assert_eq!(folders, 1, "no files of calls that made nothing");
    let (one, other) = tokio::join!(create([1, 2]), create([1, 2]));
    let busy = [one, other].into_iter().filter(|made| matches!(made, Err(ServiceError::IdempotencyInFlight))).count();
    assert_eq!(busy, 1, "the same key at the same time");
    w.clock.advance(Duration::hours(25));
    let fresh = create([1, 1]).await.expect("the key is forgotten after a day");
    assert_ne!(fresh.transaction.id, first.transaction.id);
}

fn body(document: &[u8], orders: [u32; 2]) -> Value {
    json!({
        "documents": [{"name": "hop-dong.pdf", "content": base64(document)}],
        "description": "Hợp đồng dịch vụ",
        "signers": [{"credential": FIRST, "order": orders[0]}, {"credential": SECOND, "order": orders[1], "reason": "Đồng ý"}],
    })
}

/// A signer's own page as a request, for the helpers that play the citizen.
fn as_request(page: &str) -> Value {
    // The link is the id of the signer's transaction and 32 characters that authenticate it.
    let token = page.rsplit('/').next().expect("a token");
    json!({"id": &token[..token.len() - 32], "confirm_url": page})
}

#[tokio::test]
async fn the_pages_say_who_signed_before_and_whose_turn_it_is() {
    let sandbox = Sandbox::start();
    let portal = Portal::connect(&sandbox).await;
    let made = portal.call("/v1/requests", &body(&contract(), [1, 2])).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let request = made.json();
    let page = |n: usize| request["signers"][n]["confirm_url"].as_str().expect("a link").to_owned();
    let shown = |url: String| async { send(portal.http.get(url)).await.expect("an answer").text() };
    assert_eq!(request["confirm_url"], page(0).as_str());
    let early = shown(page(1)).await;
    assert!(early.contains("Chưa đến lượt Ông/Bà ký") && early.contains(AN) && early.contains("chưa ký"), "{early}");
    assert!(!early.contains("<form"), "no code can be asked for");
    let english = shown(format!("{}?lang=en", page(1))).await;
    assert!(english.contains("It is not your turn yet") && english.contains("has not signed yet"), "{english}");
    portal.confirm(&as_request(&page(0))).await;
    let waits = shown(page(0)).await;
    assert!(waits.contains("Tài liệu còn chờ những người khác ký") && waits.contains(NGOC), "{waits}");
    let turn = shown(page(1)).await;
    assert!(turn.contains(AN) && turn.contains("đã ký lúc") && turn.contains("<form"), "{turn}");
    portal.confirm(&as_request(&page(1))).await;
    let id = request["id"].as_str().expect("an id");
    let now = portal.read(id).await;
    assert_eq!((&now["state"], &now["signers"][1]["state"]), (&json!("signed"), &json!("signed")), "{now}");
    let file = sandbox.file("signed.pdf");
    std::fs::write(&file, portal.document(id, 1).await.bytes).expect("written");
    let (exit, reports) = sandbox.verify(std::slice::from_ref(&file));
    assert_eq!((exit, reports[0]["signatures"].as_array().map(Vec::len)), (0, Some(2)), "{}", text(&file));
    for wrong in
        [json!([{"credential": FIRST}, {"credential": FIRST}]), json!([{"credential": FIRST}, {"credential": "x"}])]
    {
        let mut other = body(&contract(), [1, 2]);
        other["signers"] = wrong;
        let refused = portal.call("/v1/requests", &other).await;
        assert!(matches!(refused.status, 404 | 422) && refused.json()["signed"] == false, "{}", refused.text());
    }
}

/// Killed while two people sign each of many documents: nothing is lost, stuck, or signed twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_while_two_sign_lose_nothing_and_sign_nothing_twice() {
    const REQUESTS: usize = 16;
    let mut sandbox = Sandbox::start();
    let portal = Portal::connect(&sandbox).await;
    let document = sample("hoa-don-gtgt.pdf");
    let mut files = Vec::new();
    let mut ids = Vec::new();
    for n in 0..REQUESTS {
        let orders = if n % 3 == 0 { [1, 2] } else { [1, 1] };
        let request = portal.call("/v1/requests", &body(&document, orders)).await.json();
        let pages = [0, 1].map(|n: usize| as_request(request["signers"][n]["confirm_url"].as_str().expect("a link")));
        let mut clicks = tokio::task::JoinSet::new();
        if orders == [1, 2] {
            portal.confirm(&pages[0]).await;
        }
        let left = if orders == [1, 2] { &pages[1..] } else { &pages[..] };
        for page in left {
            let code = portal.ask_for_code(page).await;
            let (portal, url) = (portal.clone(), page["confirm_url"].as_str().expect("a link").to_owned());
            // Killed on the way, the click gets no answer.
            clicks.spawn(async move { drop(portal.step(&url, "confirm", &code).await) });
        }
        if n % 2 == 0 {
            tokio::time::sleep(StdDuration::from_millis(u64::try_from(n * 13 % 60).expect("small"))).await;
            tokio::task::block_in_place(|| {
                sandbox.kill();
                sandbox.restart();
            });
        }
        clicks.join_all().await;
        // Whoever's click did not arrive clicks again.
        for page in &pages {
            let id = request["id"].as_str().expect("an id");
            let state = portal.read(id).await;
            let own = state["signers"]
                .as_array()
                .expect("signers")
                .iter()
                .find(|one| one["confirm_url"] == page["confirm_url"]);
            if own.expect("there")["state"] == "waiting" {
                let url = page["confirm_url"].as_str().expect("a link");
                let kept = portal.code_for(page["id"].as_str().expect("an id")).await.expect("an answer");
                // A restart empties the outbox; the code before it has to be waited out.
                let code = match kept {
                    Some(code) => code,
                    None => {
                        let moved = portal.call("/sandbox/clock", &json!({"offset_seconds": 31 + 35 * n})).await;
                        assert_eq!(moved.status, 200, "{}", moved.text());
                        portal.ask_for_code(page).await
                    }
                };
                let notice = portal.step(url, "confirm", &code).await.expect("an answer").expect("a redirect");
                assert_eq!(notice, "", "{state}");
            }
        }
        ids.push(request["id"].as_str().expect("an id").to_owned());
    }
    let deadline = std::time::Instant::now() + support::PATIENCE;
    for id in &ids {
        while portal.read(id).await["state"] != "signed" {
            assert!(std::time::Instant::now() < deadline, "stuck: {}", portal.read(id).await);
            tokio::time::sleep(StdDuration::from_millis(50)).await;
        }
        let file = sandbox.file(&format!("{id}.pdf"));
        std::fs::write(&file, portal.document(id, 1).await.bytes).expect("written");
        files.push(file);
    }
    let (exit, reports) = sandbox.verify(&files);
    assert_eq!((exit, reports.len()), (0, REQUESTS));
    for report in reports {
        let signers: HashSet<String> = report["signatures"]
            .as_array()
            .expect("some")
            .iter()
            .map(|one| one["signer"]["subject"].to_string())
            .collect();
        assert_eq!((report["signatures"].as_array().map(Vec::len), signers.len()), (Some(2), 2), "{report}");
    }
    let checked = sandbox.admin(&["audit", "check"]);
    assert!(checked.status.success(), "{}", support::stderr(&checked));
    let signed = sandbox.audit().iter().filter(|event| event["event"] == "signed").count();
    assert_eq!(signed, 2 * REQUESTS, "each signer once a document");
}
