//! `/livez`: the process answers. `/readyz`: it can sign; one line a dependency, 503 with the reason when one is not well.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use super::AppState;

pub fn router() -> Router<AppState> {
    Router::new().route("/livez", get(livez)).route("/readyz", get(readyz))
}

async fn livez() -> Json<serde_json::Value> {
    Json(serde_json::json!({ "status": "ok" }))
}

#[derive(Debug, Serialize, PartialEq)]
struct Readiness {
    status: &'static str,
    checks: Vec<Check>,
}

#[derive(Debug, Serialize, PartialEq)]
struct Check {
    name: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

async fn readyz(State(state): State<AppState>) -> (StatusCode, Json<Readiness>) {
    let (status, readiness) = judge(state.service.health().await);
    (status, Json(readiness))
}

fn judge(health: Vec<(&'static str, Result<(), String>)>) -> (StatusCode, Readiness) {
    let check = |(name, result): (_, Result<(), String>)| {
        let status = if result.is_ok() { "ok" } else { "failed" };
        Check { name, status, reason: result.err() }
    };
    let checks: Vec<_> = health.into_iter().map(check).collect();
    if checks.iter().all(|check| check.reason.is_none()) {
        (StatusCode::OK, Readiness { status: "ok", checks })
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Readiness { status: "failed", checks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sick_dependency_makes_the_service_unready_and_is_named() {
        let (status, readiness) =
            judge(vec![("database", Ok(())), ("keys", Err("the key store does not answer".into()))]);
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(
            serde_json::to_string(&readiness).expect("JSON"),
            r#"{"status":"failed","checks":[{"name":"database","status":"ok"},{"name":"keys","status":"failed","reason":"the key store does not answer"}]}"#
        );
        assert_eq!(judge(vec![("database", Ok(()))]).0, StatusCode::OK);
    }
}
