//! Counts by day, and the events of one request.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use time::{Date, OffsetDateTime};

use super::super::Result;
use super::super::usage::{Count, Counted, Span, Usage};
use super::super::webhooks::Event;
use super::{SqliteStorage, rows, webhooks};
use crate::domain::{PortalId, StateKind, TransactionId};

/// Nanoseconds of a second, and seconds of a day.
const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400;

const CREATED: &str = "SELECT 'created' AS what, (created_at / $5 + $4) / $6 AS day, COUNT(*) AS number FROM transactions
     LEFT JOIN joint_parts ON joint_parts.transaction_id = transactions.id
     WHERE portal = $1 AND origin = 'request' AND (position IS NULL OR position = 0) AND created_at >= $2 AND created_at < $3
     GROUP BY day";

/// Requests of one signer end with their transaction, those of several with the last of theirs.
const ENDED: &str = "SELECT what, (at / $5 + $4) / $6 AS day, COUNT(*) AS number FROM
         (SELECT state AS what, state_at AS at FROM transactions
          WHERE portal = $1 AND origin = 'request' AND state_at >= $2 AND state_at < $3
            AND NOT EXISTS (SELECT 1 FROM joint_parts WHERE transaction_id = transactions.id)
          UNION ALL
          SELECT joint_requests.state, joint_requests.state_at FROM joint_requests
          JOIN transactions ON transactions.id = joint_requests.id
          WHERE transactions.portal = $1 AND joint_requests.state_at >= $2 AND joint_requests.state_at < $3)
     WHERE what IN ('signed', 'refused', 'expired', 'failed') GROUP BY what, day";

const SIGNATURES: &str =
    "SELECT 'signatures' AS what, (state_at / $5 + $4) / $6 AS day, COUNT(*) AS number FROM transactions
     JOIN signatures ON signatures.transaction_id = transactions.id
     WHERE portal = $1 AND state = 'signed' AND state_at >= $2 AND state_at < $3 AND signature IS NOT NULL
     GROUP BY day";

fn count(row: &SqliteRow) -> Result<Count> {
    let what = match row.try_get("what")? {
        "created" => Counted::Created,
        "signatures" => Counted::Signatures,
        name => Counted::Ended(StateKind::from_name(name).ok_or_else(|| rows::corrupt("state"))?),
    };
    let number: i64 = row.try_get("number")?;
    Ok(Count { day: day(row.try_get("day")?)?, what, number: number.unsigned_abs() })
}

/// The day with this number since 1970-01-01.
fn day(number: i64) -> Result<Date> {
    let noon = number.checked_mul(DAY).and_then(|seconds| seconds.checked_add(DAY / 2));
    let noon = noon.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    Ok(noon.ok_or_else(|| rows::corrupt("a day"))?.date())
}

#[async_trait]
impl Usage for SqliteStorage {
    async fn usage(&self, portal: &PortalId, span: Span) -> Result<Vec<Count>> {
        let mut counts = Vec::new();
        for sql in [CREATED, ENDED, SIGNATURES] {
            let found = sqlx::query(sql)
                .bind(portal.as_str())
                .bind(rows::nanos(span.from))
                .bind(rows::nanos(span.until))
                .bind(i64::from(span.offset.whole_seconds()))
                .bind(SECOND)
                .bind(DAY)
                .fetch_all(&self.read)
                .await?;
            for row in &found {
                counts.push(count(row)?);
            }
        }
        Ok(counts)
    }

    async fn events_of(&self, portal: &PortalId, request: &TransactionId) -> Result<Vec<Event>> {
        let found = sqlx::query(
            "SELECT id AS event_id, sequence, kind, body, created_at AS event_at FROM events
             WHERE request = $2 AND portal = $1 ORDER BY sequence",
        )
        .bind(portal.as_str())
        .bind(request.as_str())
        .fetch_all(&self.read)
        .await?;
        found.iter().map(webhooks::event).collect()
    }
}
