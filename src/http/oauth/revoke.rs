//! `POST /oauth2/revoke` (RFC 7009): 204, as the CSC API has it, also for what is no token.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

use crate::domain::Secret;

use super::super::AppState;
use super::super::body::{self, RawBody};
use super::super::fault::Fault;
use super::client_auth::{ClientCertificate, proof};
use super::{invalid, params, refused};

pub async fn revoke(
    State(state): State<AppState>,
    certificate: Option<Extension<ClientCertificate>>,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<StatusCode, Fault> {
    let bytes = body::read(raw)?;
    let fields = body::form(&headers, &bytes)?;
    let revoked = async {
        let certificate = certificate.as_ref().map(|Extension(certificate)| certificate);
        let proof = proof((&headers, &fields), certificate, (&state.public_url, "/oauth2/revoke"))?;
        let client = state.service.authenticate_client(&proof).await?;
        let token = params::one(&fields, "token").ok_or_else(|| invalid("Missing parameter token"))?;
        // `token_type_hint` saves a look-up at most.
        // Whether there was such a token is nobody's business here.
        state.service.revoke(&client.portal, &Secret::new(token)).await.map(drop)
    };
    revoked.await.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}
