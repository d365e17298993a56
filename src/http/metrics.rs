//! `/metrics`: counters of this process in the Prometheus text format. They hold numbers only, nothing of anybody.

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::authorization::Readings;

use super::AppState;

pub fn router() -> Router<AppState> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(State(state): State<AppState>) -> Response {
    let text = write(state.service.code_readings());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

fn write(codes: Readings) -> String {
    let rows = [
        ("kyso_codes_sent_total", "One-time codes handed to a channel.", codes.sent),
        ("kyso_codes_right_total", "Entries that confirmed.", codes.right),
        ("kyso_codes_wrong_total", "Wrong entries.", codes.wrong),
        ("kyso_codes_refused_total", "Steps refused because a budget was used up.", codes.refused),
        ("kyso_codes_alarms_total", "Times most entries of all signers were wrong.", codes.alarms),
    ];
    rows.iter()
        .map(|(name, help, value)| format!("# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_counter_says_what_it_counts() {
        let text = write(Readings { sent: 3, alarms: 1, ..Readings::default() });
        assert!(text.starts_with("# HELP kyso_codes_sent_total One-time codes handed to a channel.\n# TYPE"), "{text}");
        assert!(text.contains("\nkyso_codes_sent_total 3\n") && text.ends_with("\nkyso_codes_alarms_total 1\n"));
    }
}
