//! Sessions at portals' desks, and counts by day.

use time::{Duration, macros::datetime};

use super::super::oauth::DeskSession;
use super::super::usage::{Count, Counted, Span};
use super::super::{Outcome, Storage};
use super::{NOW, create, entry, populate, request, transaction};
use crate::domain::{AuditEvent, Origin, PortalId, State, StateKind, Transaction, TransactionId};

pub async fn a_session_at_the_desk_ends_unused_or_at_its_end(storage: &dyn Storage) {
    populate(storage).await;
    let portal = PortalId::parse("portal").expect("id");
    let session = DeskSession { portal: portal.clone(), secret: [7; 32], expires_at: NOW + Duration::hours(2) };
    let event = entry(AuditEvent::DeskOpened { portal });
    storage.open_desk(&[1; 32], &session, NOW + Duration::minutes(30), event).await.expect("opened");
    let look = async |minutes| {
        let now = NOW + Duration::minutes(minutes);
        storage.desk_session(&[1; 32], now, now + Duration::minutes(30)).await.expect("read")
    };
    assert_eq!(look(29).await.as_ref(), Some(&session));
    assert_eq!(look(58).await.as_ref(), Some(&session), "it moved on");
    storage.forget_ended(NOW + Duration::minutes(58)).await.expect("forgotten");
    assert_eq!(look(88).await, None, "half an hour unused");
    assert_eq!(look(87).await.as_ref(), Some(&session));
    assert_eq!(look(116).await.as_ref(), Some(&session));
    assert_eq!(look(120).await, None, "its end");
    storage.forget_ended(NOW + Duration::minutes(121)).await.expect("forgotten");
    assert_eq!(look(100).await, None, "forgotten");
    let event = entry(AuditEvent::DeskOpened { portal: session.portal.clone() });
    storage.open_desk(&[2; 32], &session, NOW + Duration::minutes(30), event).await.expect("opened");
    storage.close_desk(&[2; 32]).await.expect("closed");
    assert_eq!(storage.desk_session(&[2; 32], NOW, NOW).await.expect("read"), None);
}

pub async fn usage_is_counted_by_the_days_of_a_place(storage: &dyn Storage) {
    populate(storage).await;
    let portal = PortalId::parse("portal").expect("id");
    // In Viet Nam the day is seven hours ahead: this one ends at 17:00 UTC.
    let late = datetime!(2026-06-01 16:59:59.9 UTC);
    for (id, at) in [("t1", NOW), ("t2", late), ("t3", late + Duration::seconds(1))] {
        create(storage, &Transaction { created_at: at, ..transaction(id, request(), &["a"]) }).await;
    }
    create(storage, &transaction("c1", Origin::Csc, &["a"])).await;
    for (id, to) in [
        ("t1", State::Refused { at: late }),
        ("t2", State::Expired { at: late + Duration::seconds(1) }),
        ("c1", State::Refused { at: NOW }),
    ] {
        let id = TransactionId::parse(id).expect("id");
        let event = entry(AuditEvent::Refused { transaction: id.clone() });
        assert_eq!(storage.advance(&id, StateKind::Waiting, &to, event).await.expect("asked"), Outcome::Done);
    }
    let offset = time::macros::offset!(+7);
    let from = datetime!(2026-06-01 0:00 +7);
    let of = async |until| storage.usage(&portal, Span { from, until, offset }).await.expect("counted");
    let (first, second) = (from.date(), from.date().next_day().expect("a day"));
    let both = of(from + Duration::days(2)).await;
    let expected = [
        Count { day: first, what: Counted::Created, number: 2 },
        Count { day: second, what: Counted::Created, number: 1 },
        Count { day: first, what: Counted::Ended(StateKind::Refused), number: 1 },
        Count { day: second, what: Counted::Ended(StateKind::Expired), number: 1 },
    ];
    assert!(both.len() == expected.len() && expected.iter().all(|count| both.contains(count)), "{both:?}");
    assert!(of(from + Duration::days(1)).await.iter().all(|count| count.day == first));
    let other = PortalId::parse("other").expect("id");
    let span = Span { from, until: from + Duration::days(2), offset };
    assert_eq!(storage.usage(&other, span).await.expect("counted"), []);
    let told = storage.events_of(&portal, &TransactionId::parse("t1").expect("id")).await.expect("read");
    assert_eq!(told.iter().map(|event| event.kind.name()).collect::<Vec<_>>(), ["request.refused"]);
    assert_eq!(storage.events_of(&other, &TransactionId::parse("t1").expect("id")).await.expect("read"), []);
}
