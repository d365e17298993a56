//! `GET /v1/requests`: a portal's requests, newest first, by pages.

use axum::Json;
use axum::extract::{RawQuery, State};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::OffsetDateTime;

use crate::domain::{StateKind, TransactionId};
use crate::service::{Caller, RequestView};
use crate::storage::joint::Before;

use super::super::AppState;
use super::super::auth::Authenticated;
use super::super::body::Fields;
use super::super::fault::Fault;
use super::super::paging::{fields, invalid, limit};
use super::wire::{RequestJson, RequestList};

/// The states a portal sees.
pub const STATES: [StateKind; 6] = [
    StateKind::Waiting,
    StateKind::Confirmed,
    StateKind::Signed,
    StateKind::Refused,
    StateKind::Expired,
    StateKind::Failed,
];

pub async fn list(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    query: RawQuery,
) -> Result<Json<RequestList>, Fault> {
    let (found, next_cursor) = page(&state, &caller, &fields(&query)).await?;
    let requests = found.iter().map(|view| RequestJson::new(view, &state.public_url)).collect();
    Ok(Json(RequestList { requests, next_cursor }))
}

/// The page of a portal's requests that these fields of a query ask for, and where the next one goes on.
///
/// # Errors
/// [`super::super::problem::INVALID`].
pub async fn page(
    state: &AppState,
    caller: &Caller,
    fields: &Fields,
) -> Result<(Vec<RequestView>, Option<String>), Fault> {
    let limit = limit(fields)?;
    let before = fields.get("cursor").map(|text| read(text).ok_or_else(|| invalid("cursor: not one of this service")));
    let only = fields.get("state").map(known).transpose()?;
    let mut found = state.service.requests(caller, only, before.transpose()?, limit.saturating_add(1)).await?;
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let next_cursor = found.get(page.saturating_sub(1)).filter(|_| found.len() > page).map(cursor);
    found.truncate(page);
    Ok((found, next_cursor))
}

fn known(name: &str) -> Result<StateKind, Fault> {
    let found = STATES.into_iter().find(|kind| kind.name() == name);
    found.ok_or_else(|| invalid("state: waiting, confirmed, signed, refused, expired or failed"))
}

/// Where the next page goes on.
fn cursor(last: &RequestView) -> String {
    let text = format!("{}.{}", last.transaction.created_at.unix_timestamp_nanos(), last.transaction.id);
    URL_SAFE_NO_PAD.encode(text)
}

fn read(cursor: &str) -> Option<Before> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (nanos, id) = text.split_once('.')?;
    let created_at = OffsetDateTime::from_unix_timestamp_nanos(nanos.parse().ok()?).ok()?;
    Some(Before { created_at, id: TransactionId::parse(id).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_cursor_is_none() {
        let good = URL_SAFE_NO_PAD.encode("1780000000000000000.abc");
        assert_eq!(read(&good).map(|before| before.id.to_string()).as_deref(), Some("abc"));
        for bad in ["", "abc", "*", &URL_SAFE_NO_PAD.encode("x.abc"), &URL_SAFE_NO_PAD.encode("1.../etc")] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
