//! Usage by day: a picture, and its numbers as a table.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use time::Duration;

use crate::service::usage::{Day, USUAL_DAYS};

use super::super::AppState;
use super::super::fault::Fault;
use super::super::paging::{fields, invalid, number};
use super::chart::Chart;
use super::frame::{self, Section, link};
use super::session::Visitor;
use super::text::{self, Words};

const PATH: &str = "/desk/usage";
/// Lengths to choose from, in days.
const PERIODS: [i64; 3] = [7, USUAL_DAYS, 90];

#[derive(Template)]
#[template(path = "desk_usage.html")]
struct Usage {
    t: &'static Words,
    periods: Vec<Period>,
    /// SVG of a template of its own, escaped there.
    chart: Option<String>,
    rows: Vec<Row>,
    total: Row,
}

struct Period {
    text: String,
    link: String,
    chosen: bool,
}

struct Row {
    name: String,
    numbers: [u64; 6],
}

impl Row {
    fn new(name: String, day: &Day) -> Self {
        Self { name, numbers: [day.created, day.signed, day.refused, day.expired, day.failed, day.signatures] }
    }

    fn is_empty(&self) -> bool {
        self.numbers.iter().all(|number| *number == 0)
    }
}

pub async fn show(State(state): State<AppState>, visitor: Visitor, query: RawQuery) -> Result<Response, Fault> {
    let (language, t) = (visitor.language, Words::of(visitor.language));
    let days = number(&fields(&query), "days")?.map_or(Ok(USUAL_DAYS), i64::try_from);
    let days = days.ok().filter(|days| PERIODS.contains(days)).ok_or_else(|| invalid("days: 7, 30 or 90"))?;
    let from = state.service.today().saturating_sub(Duration::days(days - 1));
    let found = state.service.usage(&visitor.caller, Some(from), None).await?;
    let period = |length| Period {
        text: text::last_days(length, language),
        link: format!("{}&days={length}", link(PATH, language)),
        chosen: length == days,
    };
    let rows: Vec<Row> =
        found.iter().map(|day| Row::new(text::date(day.date), day)).filter(|row| !row.is_empty()).collect();
    let sum =
        |n: usize| rows.iter().filter_map(|row| row.numbers.get(n)).fold(0u64, |sum, one| sum.saturating_add(*one));
    let total = Row { name: t.total.to_owned(), numbers: std::array::from_fn(sum) };
    let chart = Chart::new(&found, language).map(|chart| chart.render().unwrap_or_default());
    let main = Usage { t, periods: PERIODS.map(period).into(), chart, rows, total };
    Ok(frame::page(&state, &visitor, Section::Usage, t.usage_title, &main))
}
