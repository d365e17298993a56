//! The Cloud Signature Consortium API, v1.0.4.0 under `/csc/v1` and v2 under `/csc/v2`: one code path.
//!
//! The reader is tolerant (names of both versions are taken under both paths, unknown members are ignored), the writer is
//! strict (each path answers with its own version's names). Reading order: [`params`] (typed access to a request, with the
//! specification's error texts), [`algorithms`] (OIDs), [`wire`] (the credential as clients see it), then one file an
//! endpoint. What is served of each version, and what is not and why, stands in `docs/csc.md`, which a test holds against the
//! routes here.

mod algorithms;
mod auth;
mod authorize;
mod get_challenge;
mod info;
mod list;
mod mode;
pub(in crate::http) mod params;
mod sad;
mod sign_doc;
mod sign_hash;
mod sign_polling;
mod signed_props;
mod timestamp;
mod wire;

mod credential_info;

use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::{Extension, Router};

use super::fault::Fault;
use super::{AppState, Limits, problem};

/// The version a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    V1,
    V2,
}

/// Methods of the specification that this service does not offer; they answer 501, anything else 404.
const NOT_OFFERED: [&str; 2] = ["/credentials/create", "/credentials/delete"];

/// Methods of one version, below `/csc/v1` or `/csc/v2`.
pub fn router(version: Version, limits: &Limits) -> Router<AppState> {
    let documents = Router::new()
        .route("/signatures/signDoc", post(sign_doc::sign_doc))
        .layer(DefaultBodyLimit::max(limits.request_body));
    // Each version's clients use the other's names too.
    let offered = Router::new()
        .route("/info", get(info::info).post(info::info))
        .route("/auth/login", get(auth::login).post(auth::login))
        .route("/auth/revoke", post(auth::revoke))
        .route("/credentials/list", post(list::list))
        .route("/credentials/info", post(credential_info::info))
        .route("/credentials/authorize", post(authorize::authorize))
        .route("/credentials/authorizeCheck", post(authorize::authorize_check))
        .route("/credentials/extendTransaction", post(authorize::extend_transaction))
        .route("/credentials/getChallenge", post(get_challenge::get_challenge))
        .route("/credentials/sendOTP", post(get_challenge::get_challenge))
        .route("/signatures/signHash", post(sign_hash::sign_hash))
        .route("/signatures/signPolling", post(sign_polling::sign_polling))
        .route("/signatures/timestamp", post(timestamp::timestamp))
        .layer(DefaultBodyLimit::max(limits.csc_body));
    let all = NOT_OFFERED.iter().fold(offered, |router, path| router.route(path, post(not_implemented)));
    all.merge(documents).fallback(super::no_such_path).layer(Extension(version))
}

async fn not_implemented() -> Fault {
    Fault::new(&problem::NOT_IMPLEMENTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../docs/csc.md");
    const SOURCES: [&str; 17] = [
        include_str!("mod.rs"),
        include_str!("algorithms.rs"),
        include_str!("auth.rs"),
        include_str!("authorize.rs"),
        include_str!("credential_info.rs"),
        include_str!("get_challenge.rs"),
        include_str!("info.rs"),
        include_str!("list.rs"),
        include_str!("mode.rs"),
        include_str!("params.rs"),
        include_str!("sad.rs"),
        include_str!("sign_doc.rs"),
        include_str!("sign_hash.rs"),
        include_str!("sign_polling.rs"),
        include_str!("signed_props.rs"),
        include_str!("timestamp.rs"),
        include_str!("wire.rs"),
    ];

    /// Section of a method in the page.
    fn section(method: &str) -> Option<&'static str> {
        let start = PAGE.find(&format!("\n## `{method}`\n"))?;
        let rest = PAGE.get(start + 4..)?;
        Some(rest.split("\n## ").next().unwrap_or(rest))
    }

    #[test]
    fn the_page_tells_every_route_and_what_is_not_served() {
        let code = SOURCES[0].split("#[cfg(test)]").next().expect("the code");
        let routes: Vec<&str> = code.split(".route(\"/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(routes.len() > 12, "{routes:?}");
        for route in routes {
            let section = section(route).unwrap_or_else(|| panic!("{route} is not on the page"));
            assert!(section.contains("| here |"), "{route} has no table");
        }
        for path in NOT_OFFERED {
            let method = path.trim_start_matches('/');
            assert!(section(method).is_some_and(|text| text.contains("Not served (501)")), "{method}");
        }
    }

    #[test]
    fn a_member_the_page_calls_served_stands_in_the_code_and_another_has_its_reason() {
        let code: String = SOURCES.iter().filter_map(|source| source.split("#[cfg(test)]\nmod tests").next()).collect();
        let (mut served, mut refused) = (0, 0);
        for row in PAGE.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            // The table of status codes has two columns.
            let ([member, .., here], 6) = (cells.as_slice(), cells.len()) else { continue };
            let member = member.trim_matches('`');
            match *here {
                here if here.starts_with("yes") => {
                    // A field of a serialised struct needs no quotes.
                    let field = format!("    {member}: ");
                    let named = code.contains(&format!("\"{member}\"")) || code.contains(&field);
                    assert!(named || member.starts_with("Authorization"), "{member} is not in the code");
                    served += 1;
                }
                here => {
                    assert!(here.strip_prefix("no: ").is_some_and(|why| why.len() > 10), "{member}: {here}");
                    refused += 1;
                }
            }
        }
        assert!(served > 100 && refused > 5, "{served} {refused}");
    }
}
