//! `info`: what the service is and offers. The one method without authentication; also answered by GET.

use axum::extract::State;
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::super::{About, AppState};
use super::{Version, algorithms};

pub async fn info(State(state): State<AppState>, Extension(version): Extension<Version>) -> Json<Value> {
    Json(answer(&state.about, &state.public_url, version))
}

fn answer(about: &About, public_url: &str, version: Version) -> Value {
    let challenge = match version {
        Version::V1 => "credentials/sendOTP",
        Version::V2 => "credentials/getChallenge",
    };
    let mut answer = json!({
        "specs": if version == Version::V1 { "1.0.4.0" } else { "2.0.0.0" },
        "name": about.name,
        "logo": format!("{public_url}/assets/kyso.png"),
        "region": about.region,
        "lang": "vi-VN",
        "description": about.description,
        "authType": ["oauth2code", "oauth2client"],
        "oauth2": public_url,
        "methods": ["credentials/list", "credentials/info", "credentials/authorize", challenge, "signatures/signHash"],
    });
    if let (Version::V2, Value::Object(members)) = (version, &mut answer) {
        let algos: Vec<_> = algorithms::all_sign_algorithms().collect();
        members.insert("asynchronousOperationMode".into(), json!(false));
        members.insert("supportsRar".into(), json!(true));
        members.insert("validationInfo".into(), json!(false));
        members.insert("signAlgorithms".into(), json!({ "algos": algos }));
        // Of documents the service signs PDF only, through its own API beside CSC.
        members.insert("signature_formats".into(), json!({"formats": ["P"], "envelope_properties": [["Revision"]]}));
        members.insert("conformance_levels".into(), json!(["AdES-B-B"]));
        members.insert("supportedHashTypes".into(), json!(["dtbsr"]));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v1_has_the_required_members_and_no_later_ones() {
        let answer = answer(&About::default(), "https://kyso.example", Version::V1);
        for name in ["specs", "name", "logo", "region", "lang", "description", "authType", "oauth2", "methods"] {
            assert!(answer.get(name).is_some(), "{name}");
        }
        assert_eq!(answer["specs"], "1.0.4.0");
        assert!(answer.get("signAlgorithms").is_none());
    }

    #[test]
    fn v2_lists_algorithms_formats_and_levels() {
        let answer = answer(&About::default(), "https://kyso.example", Version::V2);
        let expected: Vec<_> = algorithms::all_sign_algorithms().collect();
        assert_eq!(answer["signAlgorithms"]["algos"], json!(expected));
        assert!(
            answer["methods"].as_array().is_some_and(|methods| methods.contains(&json!("credentials/getChallenge")))
        );
        assert_eq!(answer["signature_formats"]["formats"], json!(["P"]));
    }
}
