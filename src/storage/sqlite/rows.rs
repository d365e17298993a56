//! Columns to domain types and back.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;

use super::super::{Challenge, DueRaise, Intent, ItemState, Raise, Result, SignatureRow, StorageError};
use crate::crypto::{Digest, DigestAlgorithm};
use crate::domain::credential::{KeyStatus, Purpose};

use crate::domain::{
    AuditRecord, AuthMode, Authenticator, AuthenticatorKind, Credential, Factors, FailureReason, Item, KeyAlgorithm,
    Method, Origin, Portal, PortalId, SignatureSettings, Signer, SignerId, State, StateKind, Transaction, WrappedKey,
};
use crate::formats::level::Baseline;

pub(super) fn nanos(time: OffsetDateTime) -> i64 {
    // Holds until the year 2262; later times stand at the end of the range.
    i64::try_from(time.unix_timestamp_nanos()).unwrap_or(i64::MAX)
}

pub(super) fn time(nanos: i64) -> Result<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(nanos)).map_err(|_| corrupt("a time"))
}

pub(super) fn corrupt(what: &str) -> StorageError {
    StorageError::Corrupt(what.to_owned())
}

fn parsed<T, E>(value: std::result::Result<T, E>, what: &str) -> Result<T> {
    value.map_err(|_| corrupt(what))
}

pub(super) fn named<T>(row: &SqliteRow, column: &str, from_name: impl Fn(&str) -> Option<T>) -> Result<T> {
    from_name(row.try_get(column)?).ok_or_else(|| corrupt(column))
}

fn array(row: &SqliteRow, column: &str) -> Result<[u8; 32]> {
    parsed(row.try_get::<&[u8], _>(column)?.try_into(), column)
}

pub(super) fn number(row: &SqliteRow, column: &str) -> Result<u32> {
    parsed(u32::try_from(row.try_get::<i64, _>(column)?), column)
}

fn moment(row: &SqliteRow, column: &str) -> Result<OffsetDateTime> {
    time(row.try_get(column)?)
}

fn digest(row: &SqliteRow) -> Result<Digest> {
    let algorithm = named(row, "digest_algorithm", DigestAlgorithm::from_name)?;
    Digest::from_bytes(algorithm, row.try_get("digest")?).ok_or_else(|| corrupt("digest"))
}

macro_rules! id {
    ($row:expr, $column:expr) => {
        parsed($row.try_get::<String, _>($column)?.try_into(), $column)?
    };
}

pub(super) fn portal_id(row: &SqliteRow) -> Result<PortalId> {
    Ok(id!(row, "portal"))
}

pub(super) fn signer_id(row: &SqliteRow) -> Result<SignerId> {
    Ok(id!(row, "signer"))
}

pub(super) fn optional_signer_id(row: &SqliteRow) -> Result<Option<SignerId>> {
    let id: Option<String> = row.try_get("signer")?;
    parsed(id.map(SignerId::try_from).transpose(), "signer")
}

pub(super) fn portal(row: &SqliteRow) -> Result<Portal> {
    Ok(Portal {
        id: id!(row, "id"),
        name: row.try_get("name")?,
        host: row.try_get("host")?,
        support_phone: row.try_get("support_phone")?,
        secret_sha256: array(row, "secret_sha256")?,
        created_at: moment(row, "created_at")?,
    })
}

pub(super) fn signer(row: &SqliteRow) -> Result<Signer> {
    Ok(Signer {
        id: id!(row, "id"),
        name: row.try_get("name")?,
        phone: row.try_get("phone")?,
        email: row.try_get("email")?,
        pin_hash: row.try_get("pin_hash")?,
        created_at: moment(row, "created_at")?,
        frozen_at: row.try_get::<Option<i64>, _>("frozen_at")?.map(time).transpose()?,
    })
}

pub(super) fn purpose_name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Production => "production",
        Purpose::Development => "development",
    }
}

fn purpose_from_name(name: &str) -> Option<Purpose> {
    [Purpose::Production, Purpose::Development].into_iter().find(|p| purpose_name(*p) == name)
}

pub(super) fn credential(row: &SqliteRow, certificates: Vec<Vec<u8>>) -> Result<Credential> {
    let frozen: Option<i64> = row.try_get("frozen_at")?;
    let status = match named(row, "status", KeyStatus::from_name)? {
        KeyStatus::Enabled if frozen.is_some() => KeyStatus::Frozen,
        stored => stored,
    };
    Ok(Credential {
        id: id!(row, "id"),
        signer: id!(row, "signer"),
        algorithm: named(row, "algorithm", KeyAlgorithm::from_name)?,
        auth: named(row, "auth", AuthMode::from_name)?,
        factors: named(row, "factors", Factors::from_name)?,
        status,
        purpose: named(row, "purpose", purpose_from_name)?,
        key: WrappedKey(row.try_get("wrapped_key")?),
        spki: row.try_get("spki")?,
        certificates,
        multisign: number(row, "multisign")?,
        created_at: moment(row, "created_at")?,
    })
}

pub(super) fn origin_columns(origin: &Origin) -> Result<(&'static str, Option<&str>, Option<String>)> {
    match origin {
        Origin::Csc => Ok(("csc", None, None)),
        Origin::Oauth => Ok(("oauth", None, None)),
        Origin::Request { return_url, settings } => {
            let settings = parsed(serde_json::to_string(settings), "settings")?;
            Ok(("request", return_url.as_deref(), Some(settings)))
        }
    }
}

fn origin(row: &SqliteRow) -> Result<Origin> {
    match row.try_get("origin")? {
        "csc" => Ok(Origin::Csc),
        "oauth" => Ok(Origin::Oauth),
        "request" => {
            let settings: Option<String> = row.try_get("settings")?;
            let settings: Box<SignatureSettings> =
                parsed(serde_json::from_str(&settings.unwrap_or_default()), "settings")?;
            Ok(Origin::Request { return_url: row.try_get("return_url")?, settings })
        }
        _ => Err(corrupt("origin")),
    }
}

pub(super) fn state_columns(state: &State) -> (&'static str, Option<i64>, Option<&'static str>) {
    let failure = match state {
        State::Failed { reason, .. } => Some(reason.name()),
        _ => None,
    };
    (state.kind().name(), state.since().map(nanos), failure)
}

/// A state from its three columns: name, time, reason.
pub(super) fn state(row: &SqliteRow, [name, at, failure]: [&str; 3]) -> Result<State> {
    let kind = named(row, name, StateKind::from_name)?;
    if kind == StateKind::Waiting {
        return Ok(State::Waiting);
    }
    let at = moment(row, at)?;
    Ok(match kind {
        StateKind::Waiting => State::Waiting,
        StateKind::Confirmed => State::Confirmed { at },
        StateKind::Signing => State::Signing { at },
        StateKind::Signed => State::Signed { at },
        StateKind::Refused => State::Refused { at },
        StateKind::Expired => State::Expired { at },
        StateKind::Failed => State::Failed { at, reason: named(row, failure, FailureReason::from_name)? },
    })
}

pub(super) fn transaction(row: &SqliteRow, items: Vec<Item>) -> Result<Transaction> {
    Ok(Transaction {
        id: id!(row, "id"),
        portal: id!(row, "portal"),
        signer: id!(row, "signer"),
        credential: id!(row, "credential"),
        origin: origin(row)?,
        description: row.try_get("description")?,
        created_at: moment(row, "created_at")?,
        expires_at: moment(row, "expires_at")?,
        items,
        state: state(row, ["state", "state_at", "failure"])?,
    })
}

pub(super) fn item(row: &SqliteRow) -> Result<Item> {
    let len = parsed(u64::try_from(row.try_get::<i64, _>("len")?), "len")?;
    Ok(Item { label: row.try_get("label")?, digest: digest(row)?, len })
}

pub(super) fn challenge(row: &SqliteRow) -> Result<Challenge> {
    Ok(Challenge {
        id: row.try_get("id")?,
        transaction: id!(row, "transaction_id"),
        sequence: number(row, "sequence")?,
        method: named(row, "method", Method::from_name)?,
        mac: array(row, "mac")?,
        tries_left: number(row, "tries_left")?,
        created_at: moment(row, "created_at")?,
        expires_at: moment(row, "expires_at")?,
    })
}

pub(super) fn authenticator(row: &SqliteRow) -> Result<Authenticator> {
    let kind = match named(row, "method", Method::from_name)? {
        Method::Totp => AuthenticatorKind::Totp { sealed: row.try_get("sealed")? },
        Method::Passkey => {
            AuthenticatorKind::Passkey { credential: row.try_get("credential")?, spki: row.try_get("spki")? }
        }
        Method::Sms | Method::Email => return Err(corrupt("method")),
    };
    Ok(Authenticator {
        id: row.try_get("id")?,
        signer: id!(row, "signer"),
        name: row.try_get("name")?,
        kind,
        counter: parsed(u64::try_from(row.try_get::<i64, _>("counter")?), "counter")?,
        created_at: moment(row, "created_at")?,
    })
}

pub(super) fn signature(row: &SqliteRow) -> Result<SignatureRow> {
    let intent = Intent { ordinal: number(row, "ordinal")?, digest: digest(row)?, prepared: row.try_get("prepared")? };
    let level = optional(row, "level", Baseline::from_name)?;
    Ok(SignatureRow { intent, signature: row.try_get("signature")?, output: row.try_get("output")?, level })
}

/// A named value in a column that may be NULL.
pub(super) fn optional<T>(row: &SqliteRow, column: &str, from_name: impl Fn(&str) -> Option<T>) -> Result<Option<T>> {
    let text: Option<&str> = row.try_get(column)?;
    text.map(|text| from_name(text).ok_or_else(|| corrupt(column))).transpose()
}

fn raise(row: &SqliteRow) -> Result<Raise> {
    Ok(Raise {
        wanted: named(row, "wanted", Baseline::from_name)?,
        attempts: number(row, "attempts")?,
        next_at: moment(row, "next_at")?,
        last_error: row.try_get("last_error")?,
    })
}

pub(super) fn due_raise(row: &SqliteRow) -> Result<DueRaise> {
    let transaction = id!(row, "transaction_id");
    Ok(DueRaise { transaction, ordinal: number(row, "ordinal")?, raise: raise(row)? })
}

pub(super) fn item_state(row: &SqliteRow) -> Result<ItemState> {
    let waits: Option<&str> = row.try_get("wanted")?;
    Ok(ItemState {
        level: optional(row, "level", Baseline::from_name)?,
        failure: optional(row, "failure", FailureReason::from_name)?,
        raise: waits.is_some().then(|| raise(row)).transpose()?,
    })
}

pub(super) fn audit_record(row: &SqliteRow) -> Result<AuditRecord> {
    Ok(AuditRecord {
        sequence: parsed(u64::try_from(row.try_get::<i64, _>("sequence")?), "sequence")?,
        at: moment(row, "at")?,
        event: row.try_get("event")?,
        hash: row.try_get("hash")?,
    })
}
