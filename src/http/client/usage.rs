//! `GET /v1/usage`: requests and signatures by day in Viet Nam.

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use time::Date;
use time::macros::format_description;

use crate::service::usage::Day;

use super::super::AppState;
use super::super::auth::Authenticated;
use super::super::fault::Fault;
use super::super::paging::{fields, invalid};

#[derive(Debug, Serialize)]
pub struct UsageJson {
    /// Whose days these are.
    pub utc_offset: &'static str,
    /// Every day asked for, the earliest first.
    pub days: Vec<DayJson>,
}

#[derive(Debug, Serialize)]
pub struct DayJson {
    pub date: String,
    pub created: u64,
    pub signed: u64,
    pub refused: u64,
    pub expired: u64,
    pub failed: u64,
    pub signatures: u64,
}

impl DayJson {
    fn new(day: &Day) -> Self {
        let Day { date, created, signed, refused, expired, failed, signatures } = *day;
        Self { date: written(date), created, signed, refused, expired, failed, signatures }
    }
}

pub async fn read(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    query: RawQuery,
) -> Result<Json<UsageJson>, Fault> {
    let fields = fields(&query);
    let day = |name: &str| {
        let bad = || invalid(format!("{name}: not a day like 2026-01-31"));
        fields.get(name).map(|text| date(text).ok_or_else(bad)).transpose()
    };
    let days = state.service.usage(&caller, day("from")?, day("to")?).await?;
    Ok(Json(UsageJson { utc_offset: "+07:00", days: days.iter().map(DayJson::new).collect() }))
}

/// `2026-01-31`, of a year in four digits.
fn date(text: &str) -> Option<Date> {
    let plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    Date::parse(text, format_description!("[year]-[month]-[day]")).ok().filter(|_| plain)
}

fn written(date: Date) -> String {
    date.format(format_description!("[year]-[month]-[day]")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_strictly() {
        assert_eq!(date("2026-01-31").map(written).as_deref(), Some("2026-01-31"));
        for bad in
            ["", "2026-02-30", "2026-1-31", "31-01-2026", "+2026-01-1", "2026-01-31T00:00", "99999-01-01", "-999999-01"]
        {
            assert_eq!(date(bad), None, "{bad}");
        }
    }
}
