//! `POST /oauth2/pushed_authorize`: the client hands its request over beforehand, authenticated and out of the browser's sight
//! (RFC 9126).

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::json;

use crate::service::oauth::PUSHED_LIFE;

use super::super::AppState;
use super::super::body::{self, RawBody};
use super::super::fault::Fault;
use super::client_auth::{ClientCertificate, proof};
use super::{invalid, params, refused};

pub async fn push(
    State(state): State<AppState>,
    certificate: Option<Extension<ClientCertificate>>,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Response, Fault> {
    let bytes = body::read(raw)?;
    let fields = body::form(&headers, &bytes)?;
    let pushed = async {
        params::check_once(&fields)?;
        let certificate = certificate.as_ref().map(|Extension(certificate)| certificate);
        let place = (&*state.public_url, "/oauth2/pushed_authorize");
        let client = state.service.authenticate_client(&proof((&headers, &fields), certificate, place)?).await?;
        if params::one(&fields, "request_uri").is_some() {
            return Err(invalid("Invalid parameter request_uri"));
        }
        let uri = params::one(&fields, "redirect_uri").ok_or_else(|| invalid("Missing parameter redirect_uri"))?;
        state
            .service
            .redirect_target(client.portal.as_str(), uri)
            .await
            .map_err(|_| invalid("Invalid parameter redirect_uri"))?;
        let request = state.service.check_authorization(&client, uri.to_owned(), params::read(&fields)?).await?;
        state.service.push_authorization(&client, request).await
    };
    let request_uri = pushed.await.map_err(refused)?;
    let answer = json!({"request_uri": request_uri.expose(), "expires_in": PUSHED_LIFE.whole_seconds()});
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}
