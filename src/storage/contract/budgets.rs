//! Budgets of codes, PINs and messages, and how they open again.

use super::*;

fn pins(tries: u32, signer: u32) -> PinLimits {
    let day = GuessLimits { window: Duration::hours(24), signer, portal: signer };
    PinLimits { tries, lock: Duration::minutes(15), day }
}

pub(super) async fn a_pin_locks_after_its_tries_and_opens_with_time(storage: &dyn Storage) {
    populate(storage).await;
    let (signer, portal) = (SignerId::parse("an").expect("id"), PortalId::parse("portal").expect("id"));
    let take =
        async |at: OffsetDateTime| storage.take_pin_try(&signer, &portal, at, pins(2, 100)).await.expect("asked");
    let later = NOW + Duration::minutes(16);
    assert!(matches!(take(NOW).await, PinTry::Taken(_)) && matches!(take(NOW).await, PinTry::Taken(_)));
    assert_eq!(take(NOW).await, PinTry::Locked { until: NOW + Duration::minutes(15) });
    let PinTry::Taken(id) = take(later).await else { panic!("open again") };
    storage.forgive_pin_try(&signer, &portal, id).await.expect("forgiven");
    assert!(matches!(take(later).await, PinTry::Taken(_)) && matches!(take(later).await, PinTry::Taken(_)));
    assert!(matches!(take(later).await, PinTry::Locked { .. }));
}

pub(super) async fn wrong_pins_of_a_day_are_bounded_whatever_comes_between(storage: &dyn Storage) {
    populate(storage).await;
    let (signer, portal) = (SignerId::parse("an").expect("id"), PortalId::parse("portal").expect("id"));
    let mut compared = 0;
    for hour in 0..23 {
        let at = NOW + Duration::hours(hour);
        for _ in 0..3 {
            let taken = storage.take_pin_try(&signer, &portal, at, pins(5, 7)).await.expect("asked");
            compared += u32::from(matches!(taken, PinTry::Taken(_)));
        }
        // The signer signs in between; that gives nothing back to whoever guesses.
        if let PinTry::Taken(id) = storage.take_pin_try(&signer, &portal, at, pins(5, 7)).await.expect("asked") {
            storage.forgive_pin_try(&signer, &portal, id).await.expect("forgiven");
        }
    }
    assert_eq!(compared, 7);
}

/// Every code there can be a try at, until nothing is compared any more.
async fn guess_all_day(storage: &dyn Storage, name: &str, portal: &str) -> u32 {
    let mut compared = 0;
    for n in 0..30 {
        let at = NOW + Duration::minutes(n);
        let mut t = transaction(&format!("{name}{n}"), request(), &["a"]);
        t.portal = PortalId::parse(portal).expect("id");
        create(storage, &t).await;
        let event = AuditEvent::CodeSent { transaction: t.id.clone(), channel: "sms".into(), sequence: 1 };
        let challenge = Challenge {
            id: format!("{name}{n}"),
            transaction: t.id.clone(),
            sequence: 1,
            method: Method::Sms,
            mac: [1; 32],
            tries_left: 5,
            created_at: at,
            expires_at: at + Duration::minutes(5),
        };
        let many = SendLimits { unconfirmed: 1000, ..limits() };
        let sent = storage.put_challenge(&challenge, &many, entry(event)).await.expect("asked");
        let confirmation = || Confirmation { at, ..confirmation() };
        for _ in 0..5 {
            let outcome = storage.try_code(&challenge, &[2; 32], confirmation()).await.expect("tried");
            compared += u32::from(matches!(outcome, CodeOutcome::Wrong { .. } | CodeOutcome::Locked));
        }
        if matches!(sent, Sending::Spent(Spent::Guesses { .. })) {
            assert!(storage.live_challenge(&t.id).await.expect("read").is_none(), "no code is sent either");
        }
    }
    compared
}

async fn second_portal(storage: &dyn Storage) {
    portal_named(storage, "second").await;
}

async fn portal_named(storage: &dyn Storage, id: &str) {
    let id = PortalId::parse(id).expect("id");
    let name = "Cổng khác".to_owned();
    let event = AuditEvent::PortalAdded { portal: id.clone(), name: name.clone() };
    let portal = Portal { id, name, host: None, support_phone: None, secret_sha256: [8; 32], created_at: NOW };
    storage.add_portal(&portal, entry(event)).await.expect("added");
}

pub(super) async fn wrong_codes_of_a_day_are_bounded_over_all_transactions_and_portals(storage: &dyn Storage) {
    populate(storage).await;
    second_portal(storage).await;
    assert_eq!(guess_all_day(storage, "a", "portal").await, 20, "one portal never uses up what others need");
    assert_eq!(guess_all_day(storage, "b", "second").await, 5);
    // What is locked does not even take the right code, and opens by itself.
    let t = transaction("late", request(), &["a"]);
    create(storage, &t).await;
    let spent = storage.sending_spent(&t, &limits(), NOW + Duration::hours(1)).await.expect("read");
    let Some(Spent::Guesses { until }) = spent else { panic!("{spent:?}") };
    assert_eq!(until, NOW + Duration::hours(24));
    let tomorrow = NOW + Duration::hours(25);
    assert_eq!(storage.sending_spent(&t, &limits(), tomorrow).await.expect("read"), None);
}

pub(super) async fn what_sign_ins_use_up_does_not_keep_a_signer_from_signing(storage: &dyn Storage) {
    populate(storage).await;
    let sign_in = |name: &str| transaction(name, Origin::Oauth, &[]);
    for n in 0..5 {
        let t = sign_in(&format!("in{n}"));
        create(storage, &t).await;
        let challenge = challenge(storage, &t, &format!("c{n}"), 1).await;
        for _ in 0..3 {
            let outcome = storage.try_code(&challenge, &[2; 32], confirmation()).await.expect("tried");
            assert!(matches!(outcome, CodeOutcome::Wrong { .. } | CodeOutcome::Locked), "{outcome:?}");
        }
    }
    let (another, signing) = (sign_in("in6"), transaction("t", Origin::Oauth, &["a"]));
    let spent = |limits: SendLimits, t: &Transaction| {
        let t = t.clone();
        async move { storage.sending_spent(&t, &limits, NOW).await.expect("read") }
    };
    for t in [&another, &signing] {
        create(storage, t).await;
    }
    let guesses = GuessLimits { signer: 15, portal: 15, ..GuessLimits::DEFAULT };
    assert!(matches!(spent(limits(), &another).await, Some(Spent::Codes { .. })), "five codes of sign-ins");
    assert!(matches!(spent(SendLimits { guesses, ..limits() }, &another).await, Some(Spent::Guesses { .. })));
    assert_eq!(spent(SendLimits { guesses, ..limits() }, &signing).await, None);
    let challenge = challenge(storage, &signing, "sign", 1).await;
    let accepted = storage.try_code(&challenge, &[1; 32], Confirmation { guesses, ..confirmation() }).await;
    assert_eq!(accepted.expect("tried"), CodeOutcome::Accepted);
}

pub(super) async fn codes_that_confirm_nothing_are_bounded_and_come_back(storage: &dyn Storage) {
    populate(storage).await;
    let mut sent = Vec::new();
    for n in 0..5 {
        let t = transaction(&format!("t{n}"), request(), &["a"]);
        create(storage, &t).await;
        sent.push(challenge(storage, &t, &format!("c{n}"), 1).await);
    }
    let sixth = transaction("t6", request(), &["a"]);
    create(storage, &sixth).await;
    let another = Challenge { id: "c6".into(), transaction: sixth.id.clone(), ..sent[0].clone() };
    let event = || entry(AuditEvent::CodeSent { transaction: sixth.id.clone(), channel: "sms".into(), sequence: 1 });
    let put = async || storage.put_challenge(&another, &limits(), event()).await.expect("asked");
    assert_eq!(put().await, Sending::Spent(Spent::Codes { until: NOW + Duration::hours(1) }));
    assert_eq!(storage.codes_sent(&sixth.id).await.expect("read"), 0, "a refused code is not counted");
    let accepted = storage.try_code(&sent[2], &[1; 32], confirmation()).await.expect("tried");
    assert_eq!(accepted, CodeOutcome::Accepted);
    assert_eq!(put().await, Sending::Stored, "a code that confirmed gives its place back");
}

pub(super) async fn a_portal_that_floods_a_signer_does_not_keep_others_away(storage: &dyn Storage) {
    populate(storage).await;
    second_portal(storage).await;
    for n in 0..5 {
        let t = transaction(&format!("t{n}"), request(), &["a"]);
        create(storage, &t).await;
        challenge(storage, &t, &format!("c{n}"), 1).await;
    }
    let spent = |name: &'static str, portal: &'static str| async move {
        let mut t = transaction(name, request(), &["a"]);
        t.portal = PortalId::parse(portal).expect("id");
        create(storage, &t).await;
        let spent = storage.sending_spent(&t, &limits(), NOW).await.expect("read").is_some();
        if !spent {
            challenge(storage, &t, name, 1).await;
        }
        spent
    };
    assert!(spent("own", "portal").await);
    assert!(!spent("other", "second").await, "its first code within the hour");
    assert!(spent("again", "second").await, "and no more");
}

pub(super) async fn messages_of_a_day_are_bounded_by_portal_and_by_prefix(storage: &dyn Storage) {
    populate(storage).await;
    second_portal(storage).await;
    portal_named(storage, "third").await;
    let send = |name: &'static str, portal: &'static str, prefix: &'static str, hours: i64| async move {
        let mut t = transaction(name, request(), &["a"]);
        t.portal = PortalId::parse(portal).expect("id");
        create(storage, &t).await;
        let at = NOW + Duration::hours(hours);
        let challenge = Challenge {
            id: name.into(),
            transaction: t.id.clone(),
            sequence: 1,
            method: Method::Sms,
            mac: [1; 32],
            tries_left: 5,
            created_at: at,
            expires_at: at,
        };
        let scope = MessageScope { channel: "sms", prefix: prefix.into() };
        let bounds = MessageLimits { all: 4, portal: 2, prefix: 2 };
        let limits = SendLimits { unconfirmed: 100, message: Some((scope, bounds)), ..limits() };
        let event = AuditEvent::CodeSent { transaction: t.id.clone(), channel: "sms".into(), sequence: 1 };
        storage.put_challenge(&challenge, &limits, entry(event)).await.expect("asked") == Sending::Stored
    };
    assert!(send("a", "portal", "+8490", 0).await && send("b", "portal", "+8491", 0).await);
    assert!(!send("c", "portal", "+8492", 0).await, "the portal's");
    assert!(send("d", "second", "+8490", 0).await);
    assert!(!send("e", "second", "+8490", 0).await, "the prefix's; what is refused counts nowhere");
    assert!(send("f", "second", "+8493", 0).await);
    assert!(!send("g", "third", "+8494", 0).await, "all together");
    assert!(send("h", "portal", "+8490", 24).await, "another day");
}

pub(super) async fn entries_are_counted_for_the_failure_rate(storage: &dyn Storage) {
    populate(storage).await;
    let t = transaction("t1", request(), &["a"]);
    create(storage, &t).await;
    let challenge = challenge(storage, &t, "c1", 1).await;
    for mac in [[2; 32], [3; 32], [1; 32]] {
        storage.try_code(&challenge, &mac, confirmation()).await.expect("tried");
    }
    let since = async |from| storage.entries_since(from).await.expect("read");
    assert_eq!(since(NOW - Duration::minutes(15)).await, EntryCounts { right: 1, wrong: 2 });
    assert_eq!(since(NOW + Duration::minutes(1)).await, EntryCounts::default());
}
