//! `GET /oauth2/authorize`: a browser brings a citizen. Until client and redirect URI are known to belong together, what goes wrong
//! is told on a page of this service; afterwards it goes back to the client.

use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::service::ServiceError;
use crate::service::oauth::authorize::error_redirect;

use super::super::AppState;
use super::super::body::Fields;
use super::super::confirm::Language;
use super::super::fault::Fault;
use super::super::problem;
use super::params;

pub async fn authorize(State(state): State<AppState>, RawQuery(query): RawQuery) -> Result<Response, Fault> {
    let fields = Fields::parse(query.as_deref().unwrap_or_default());
    let here =
        |what: &str| Fault::new(&problem::CLIENT_NOT_FITTING).detail(format!("{what} is missing or comes twice"));
    let once =
        |name: &'static str| params::one(&fields, name).filter(|_| fields.count(name) == 1).ok_or_else(|| here(name));
    let client_id = once("client_id")?;
    if fields.count("request_uri") > 0 {
        // RFC 9126 §4: what was pushed counts, and nothing else.
        let (request, opened) =
            state.service.open_pushed(client_id, once("request_uri")?).await.map_err(not_fitting)?;
        let target = (request.redirect_uri.as_str(), request.state.as_deref());
        let language = Language::of_tag(request.lang.as_deref());
        return Ok(go_on(&state, target, opened, language));
    }
    let uri = once("redirect_uri")?;
    let client = state.service.redirect_target(client_id, uri).await.map_err(not_fitting)?;
    let target = (uri, params::one(&fields, "state").filter(|_| fields.count("state") == 1));
    let language = Language::of_tag(params::one(&fields, "lang"));
    let opened = async {
        let asked = params::read(&fields)?;
        let request = state.service.check_authorization(&client, uri.to_owned(), asked).await?;
        state.service.open_authorization(&client, request).await
    };
    Ok(go_on(&state, target, opened.await, language))
}

/// An unknown client and an address that is not its own look alike.
fn not_fitting(error: ServiceError) -> Fault {
    match error {
        ServiceError::UnknownClient | ServiceError::Invalid { .. } => {
            Fault::new(&problem::CLIENT_NOT_FITTING).detail(error.to_string())
        }
        other => other.into(),
    }
}

/// To the citizen's page, or back to the client with the reason.
fn go_on(
    state: &AppState,
    target: (&str, Option<&str>),
    opened: Result<String, ServiceError>,
    language: Language,
) -> Response {
    let place = match opened {
        Ok(path) => format!("{path}?lang={}", language.words().lang),
        Err(error) => {
            if matches!(error, ServiceError::Storage(_) | ServiceError::Internal(_)) {
                tracing::error!(%error, "an authorisation request failed");
            }
            error_redirect(target, &error, &state.public_url)
        }
    };
    (StatusCode::FOUND, [(header::LOCATION, place)]).into_response()
}
