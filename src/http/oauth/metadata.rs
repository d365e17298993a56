//! `GET /.well-known/oauth-authorization-server`: what is offered, for programs (RFC 8414).

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::identity::jwt;

use super::super::AppState;
use super::details;

pub async fn metadata(State(state): State<AppState>) -> Json<Value> {
    Json(answer(&state.public_url, state.tls_proxy.is_some()))
}

fn answer(url: &str, mutual_tls: bool) -> Value {
    let mut methods = vec!["client_secret_basic", "client_secret_post", "private_key_jwt"];
    methods.extend(mutual_tls.then_some("self_signed_tls_client_auth"));
    let algorithms: Vec<_> = jwt::algorithm_names().collect();
    json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/oauth2/authorize"),
        "token_endpoint": format!("{url}/oauth2/token"),
        "pushed_authorization_request_endpoint": format!("{url}/oauth2/pushed_authorize"),
        "revocation_endpoint": format!("{url}/oauth2/revoke"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "scopes_supported": ["service", "credential"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_details_types_supported": details::TYPES,
        "authorization_response_iss_parameter_supported": true,
        "require_pushed_authorization_requests": false,
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "tls_client_certificate_bound_access_tokens": mutual_tls,
        "ui_locales_supported": ["vi", "en"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_plain_nor_none_is_offered() {
        let text = answer("https://kyso.example", true).to_string();
        assert!(text.contains("\"code_challenge_methods_supported\":[\"S256\"]"), "{text}");
        assert!(!text.contains("\"none\"") && !text.contains("\"plain\"") && !text.contains("HS256"), "{text}");
        assert!(!answer("u", false).to_string().contains("tls_client_auth"));
    }
}
