//! Receipts: how a transaction was confirmed, one intent and one result.

use super::*;
use crate::storage::receipts::{Confirmed, ReceiptIntent, StoredReceipt};

fn receipt(text: &str) -> ReceiptIntent {
    ReceiptIntent {
        credential: CredentialId::parse("ec").expect("id"),
        document: text.as_bytes().to_vec(),
        digest: sha256(text),
        prepared: vec![1, 2],
    }
}

async fn intended(storage: &dyn Storage, id: &TransactionId, intent: &ReceiptIntent) -> Outcome {
    let hash = intent.digest.to_hex();
    let event = AuditEvent::ReceiptIntended { transaction: id.clone(), credential: intent.credential.clone(), hash };
    storage.intend_receipt(id, intent, entry(event)).await.expect("asked")
}

async fn recorded(storage: &dyn Storage, id: &TransactionId, sealed: &[u8]) -> Outcome {
    let event = AuditEvent::ReceiptSealed { transaction: id.clone(), signature: String::new() };
    storage.record_receipt(id, sealed, entry(event)).await.expect("asked")
}

pub(super) async fn a_receipt_has_one_intent_and_one_result(storage: &dyn Storage) {
    populate(storage).await;
    let transaction = transaction("r", request(), &["a"]);
    let (id, first) = (&transaction.id, receipt("first"));
    assert_eq!(storage.confirmed(id).await.expect("read"), None);
    confirmed(storage, &transaction).await;
    assert_eq!(storage.confirmed(id).await.expect("read"), Some(Confirmed { at: NOW, by: Method::Sms }));
    assert_eq!(intended(storage, id, &first).await, Outcome::Stale, "not signed yet");
    let event = || AuditEvent::SigningIntended { transaction: id.clone(), hashes: Vec::new(), left_out: Vec::new() };
    assert_eq!(storage.record_intents(id, &[intent(0, "a")], &[], entry(event())).await.expect("asked"), Outcome::Done);
    assert_eq!(storage.record_results(id, &[result(0)], &[], entry(event())).await.expect("asked"), Outcome::Done);

    assert_eq!(recorded(storage, id, b"x").await, Outcome::Stale, "nothing was intended");
    assert_eq!(intended(storage, id, &first).await, Outcome::Done);
    assert_eq!(intended(storage, id, &first).await, Outcome::Done, "taken up again");
    assert_eq!(intended(storage, id, &receipt("second")).await, Outcome::Stale, "another receipt");
    let stored = storage.receipt(id).await.expect("read");
    assert_eq!(stored, Some(StoredReceipt { intent: first.clone(), sealed: None }));
    assert_eq!(recorded(storage, id, b"sealed").await, Outcome::Done);
    assert_eq!(recorded(storage, id, b"again").await, Outcome::Stale);
    assert_eq!(intended(storage, id, &first).await, Outcome::Stale, "sealed already");
    assert_eq!(storage.receipt(id).await.expect("read").and_then(|receipt| receipt.sealed), Some(b"sealed".to_vec()));
}
