//! Requests with several signers: their parts move together, inside the commits that move one of them.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::super::joint::{Before, JointRequests, NewPart};
use super::super::{Created, Entry, Idempotency, Outcome, Result};
use super::{SqliteStorage, Write, audit, outbox, rows, transactions};
use crate::domain::joint::{Joint, Part, ends_with};
use crate::domain::{AuditEvent, PortalId, State, StateKind, TransactionId};

const PARTS: &str = "SELECT joint_parts.request, joint_parts.turn, joint_parts.signed_as, transactions.id, transactions.signer,
       transactions.credential, transactions.state, transactions.state_at, transactions.failure,
       joint_requests.state AS all_state, joint_requests.state_at AS all_state_at, joint_requests.failure AS all_failure
     FROM joint_parts JOIN transactions ON transactions.id = joint_parts.transaction_id
     JOIN joint_requests ON joint_requests.id = joint_parts.request
     WHERE joint_parts.request = (SELECT request FROM joint_parts WHERE transaction_id = $1) ORDER BY joint_parts.position";

fn id<T: TryFrom<String>>(row: &SqliteRow, column: &str) -> Result<T> {
    row.try_get::<String, _>(column)?.try_into().map_err(|_| rows::corrupt(column))
}

fn joint(found: &[SqliteRow]) -> Result<Option<Joint>> {
    let Some(first) = found.first() else { return Ok(None) };
    let part = |row: &SqliteRow| {
        let signed_as: Option<i64> = row.try_get("signed_as")?;
        Ok(Part {
            transaction: id(row, "id")?,
            signer: id(row, "signer")?,
            credential: id(row, "credential")?,
            turn: rows::number(row, "turn")?,
            state: rows::state(row, ["state", "state_at", "failure"])?,
            signed_as: signed_as.and_then(|number| u32::try_from(number).ok()),
        })
    };
    Ok(Some(Joint {
        request: id(first, "request")?,
        state: rows::state(first, ["all_state", "all_state_at", "all_failure"])?,
        parts: found.iter().map(part).collect::<Result<_>>()?,
    }))
}

pub(super) async fn load(write: &mut Write, part: &TransactionId) -> Result<Option<Joint>> {
    joint(&sqlx::query(PARTS).bind(part.as_str()).fetch_all(&mut **write).await?)
}

/// Whether a transaction may be confirmed now, as far as others have to sign before.
pub(super) async fn in_turn(write: &mut Write, id: &TransactionId) -> Result<bool> {
    Ok(load(write, id).await?.is_none_or(|joint| joint.in_turn(id)))
}

/// What follows for the request when a part has moved to `to`; false when the transaction is part of none.
pub(super) async fn moved(write: &mut Write, id: &TransactionId, to: &State) -> Result<bool> {
    let Some(joint) = load(write, id).await? else { return Ok(false) };
    if to.kind() == StateKind::Signed {
        let number = joint.signed().len().saturating_add(1);
        sqlx::query("UPDATE joint_parts SET signed_as = $2 WHERE transaction_id = $1")
            .bind(id.as_str())
            .bind(i64::try_from(number).unwrap_or(i64::MAX))
            .execute(&mut **write)
            .await?;
    }
    if let Some(end) = ends_with(to) {
        for part in &joint.parts {
            end_other(write, &part.transaction, &end).await?;
        }
    }
    let Some(joint) = load(write, id).await? else { return Ok(false) };
    let overall = joint.overall();
    if overall.kind().is_final() && !joint.state.kind().is_final() {
        set_overall(write, &joint, &overall).await?;
        outbox::joint_ended(write, &joint, &overall).await?;
    } else if overall.kind() != joint.state.kind() && !joint.state.kind().is_final() {
        set_overall(write, &joint, &overall).await?;
    }
    if let (State::Signed { at }, false) = (to, overall.kind() == StateKind::Signed) {
        outbox::part_signed(write, &joint, id, *at).await?;
    }
    Ok(true)
}

/// Ends a part that has not begun to sign.
async fn end_other(write: &mut Write, id: &TransactionId, end: &State) -> Result<()> {
    let (kind, at, failure) = rows::state_columns(end);
    let ended = sqlx::query(
        "UPDATE transactions SET state = $2, state_at = $3, failure = $4
         WHERE id = $1 AND state IN ('waiting', 'confirmed')",
    )
    .bind(id.as_str())
    .bind(kind)
    .bind(at)
    .bind(failure)
    .execute(&mut **write)
    .await?;
    let (1, Some(at)) = (ended.rows_affected(), end.since()) else { return Ok(()) };
    let transaction = id.clone();
    let event = match end {
        State::Failed { reason, .. } => AuditEvent::Failed { transaction, reason: reason.name().to_owned() },
        _ => AuditEvent::Expired { transaction },
    };
    audit::append(write, &Entry { at, event }).await
}

async fn set_overall(write: &mut Write, joint: &Joint, to: &State) -> Result<()> {
    let (kind, at, failure) = rows::state_columns(to);
    sqlx::query("UPDATE joint_requests SET state = $2, state_at = $3, failure = $4 WHERE id = $1")
        .bind(joint.request.as_str())
        .bind(kind)
        .bind(at)
        .bind(failure)
        .execute(&mut **write)
        .await?;
    Ok(())
}

/// Whether a part may sign on the base it was prepared on: nobody else is signing, and nobody has signed since. From then on what
/// stands below it never changes, so raising that is given up; raising this signature raises those below too.
pub(super) async fn may_sign(write: &mut Write, id: &TransactionId) -> Result<bool> {
    let row = sqlx::query(
        "SELECT own.request,
                own.base IS (SELECT COALESCE(SUM(LENGTH(signatures.output)), 0) FROM joint_parts AS other
                             JOIN signatures ON signatures.transaction_id = other.transaction_id
                             WHERE other.request = own.request AND other.signed_as IS NOT NULL) AS fits,
                EXISTS (SELECT 1 FROM joint_parts AS other JOIN transactions ON transactions.id = other.transaction_id
                        WHERE other.request = own.request AND other.transaction_id <> own.transaction_id
                          AND transactions.state = 'signing') AS busy
         FROM joint_parts AS own WHERE own.transaction_id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(&mut **write)
    .await?;
    let Some(row) = row else { return Ok(true) };
    let (fits, busy): (i64, i64) = (row.try_get("fits")?, row.try_get("busy")?);
    sqlx::query(
        "DELETE FROM raises WHERE transaction_id IN
             (SELECT transaction_id FROM joint_parts WHERE request = $2 AND transaction_id <> $1)",
    )
    .bind(id.as_str())
    .bind(row.try_get::<&str, _>("request")?)
    .execute(&mut **write)
    .await?;
    Ok(fits != 0 && busy == 0)
}

#[async_trait]
impl JointRequests for SqliteStorage {
    async fn create_joint(&self, parts: &[NewPart], idempotency: Option<Idempotency>) -> Result<Created> {
        let Some(first) = parts.first().map(|part| &part.transaction) else {
            return Err(rows::corrupt("a request without signers"));
        };
        let mut write = self.begin().await?;
        if let Some(claim) = &idempotency
            && let Some(seen) = transactions::claim_key(&mut write, first, claim).await?
        {
            return Ok(seen);
        }
        for part in parts {
            transactions::insert(&mut write, &part.transaction).await?;
            audit::append(&mut write, &part.entry).await?;
        }
        sqlx::query("INSERT INTO joint_requests (id, state) VALUES ($1, 'waiting')")
            .bind(first.id.as_str())
            .execute(&mut *write)
            .await?;
        for (position, part) in (0i64..).zip(parts) {
            sqlx::query("INSERT INTO joint_parts (transaction_id, request, position, turn) VALUES ($1, $2, $3, $4)")
                .bind(part.transaction.id.as_str())
                .bind(first.id.as_str())
                .bind(position)
                .bind(part.turn)
                .execute(&mut *write)
                .await?;
        }
        if let Some(claim) = &idempotency {
            transactions::store_key(&mut write, first, claim).await?;
        }
        write.commit().await?;
        Ok(Created::New)
    }

    async fn joint(&self, part: &TransactionId) -> Result<Option<Joint>> {
        joint(&sqlx::query(PARTS).bind(part.as_str()).fetch_all(&self.read).await?)
    }

    async fn set_base(&self, part: &TransactionId, octets: u64) -> Result<Outcome> {
        let mut write = self.begin().await?;
        let changed = sqlx::query(
            "UPDATE joint_parts SET base = $2 WHERE transaction_id = $1
               AND EXISTS (SELECT 1 FROM transactions WHERE id = $1 AND state = 'confirmed')",
        )
        .bind(part.as_str())
        .bind(i64::try_from(octets).unwrap_or(i64::MAX))
        .execute(&mut *write)
        .await?;
        write.commit().await?;
        Ok(if changed.rows_affected() == 1 { Outcome::Done } else { Outcome::Stale })
    }

    async fn requests(
        &self,
        portal: &PortalId,
        state: Option<StateKind>,
        before: Option<Before>,
        limit: u32,
    ) -> Result<Vec<TransactionId>> {
        let found = sqlx::query(
            "SELECT transactions.id FROM transactions
             LEFT JOIN joint_parts ON joint_parts.transaction_id = transactions.id
             LEFT JOIN joint_requests ON joint_requests.id = transactions.id
             WHERE transactions.portal = $1 AND transactions.origin = 'request'
               AND (joint_parts.position IS NULL OR joint_parts.position = 0)
               AND ($2 IS NULL OR $2 = CASE COALESCE(joint_requests.state, transactions.state)
                                        WHEN 'signing' THEN 'confirmed'
                                        ELSE COALESCE(joint_requests.state, transactions.state) END)
               AND ($3 IS NULL OR (transactions.created_at, transactions.id) < ($3, $4))
             ORDER BY transactions.created_at DESC, transactions.id DESC LIMIT $5",
        )
        .bind(portal.as_str())
        .bind(state.map(StateKind::name))
        .bind(before.as_ref().map(|before| rows::nanos(before.created_at)))
        .bind(before.as_ref().map(|before| before.id.as_str()))
        .bind(limit)
        .fetch_all(&self.read)
        .await?;
        found.iter().map(|row| id(row, "id")).collect()
    }
}
