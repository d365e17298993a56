//! `info`: what the service is and offers. The one method without authentication; also answered by GET.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::super::body::RawBody;
use super::super::confirm::Language;
use super::super::fault::Fault;
use super::super::{About, AppState};
use super::{Version, algorithms};

/// Methods whose names both versions know.
const COMMON: [&str; 7] = [
    "auth/login",
    "auth/revoke",
    "credentials/list",
    "credentials/info",
    "credentials/authorize",
    "credentials/extendTransaction",
    "signatures/signHash",
];
const V1: [&str; 1] = ["credentials/sendOTP"];
const V2: [&str; 4] =
    ["credentials/authorizeCheck", "credentials/getChallenge", "signatures/signDoc", "signatures/signPolling"];

/// Whether time-stamps are to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TimeStamps {
    Offered,
    Missing,
}

pub async fn info(
    State(state): State<AppState>,
    Extension(version): Extension<Version>,
    headers: HeaderMap,
    raw: RawBody,
) -> Result<Json<Value>, Fault> {
    let lang = algorithms::request(&headers, raw)?.language()?;
    let stamps = if state.service.has_trust_services() { TimeStamps::Offered } else { TimeStamps::Missing };
    Ok(Json(answer(&state.about, &state.public_url, version, lang, stamps)))
}

fn answer(about: &About, public_url: &str, version: Version, lang: Language, stamps: TimeStamps) -> Value {
    let own: &[&str] = if version == Version::V1 { &V1 } else { &V2 };
    let mut methods: Vec<&str> = COMMON.iter().chain(own).copied().collect();
    if stamps == TimeStamps::Offered {
        methods.push("signatures/timestamp");
    }
    let mut answer = json!({
        // The newest of its major version: a client of 2.0 finds every member it knows.
        "specs": if version == Version::V1 { "1.0.4.0" } else { "2.2.0.0" },
        "name": about.name,
        "logo": format!("{public_url}/assets/kyso.png"),
        "region": about.region,
        "lang": lang.tag(),
        "description": lang.pick(&about.description_vi, &about.description),
        "authType": ["oauth2code", "oauth2client", "basic"],
        "oauth2": public_url,
        "methods": methods,
    });
    if let (Version::V2, Value::Object(members)) = (version, &mut answer) {
        let algos: Vec<_> = algorithms::all_sign_algorithms().collect();
        let levels: &[&str] = match stamps {
            TimeStamps::Offered => &["AdES-B-B", "AdES-B-T", "AdES-B-LT", "AdES-B-LTA"],
            TimeStamps::Missing => &["AdES-B-B"],
        };
        members.insert("asynchronousOperationMode".into(), json!(true));
        members.insert("supportsRar".into(), json!(true));
        members.insert("validationInfo".into(), json!(stamps == TimeStamps::Offered));
        members.insert("signAlgorithms".into(), json!({ "algos": algos }));
        let envelopes = [["Detached", "Attached"], ["Certification", "Revision"]];
        let formats = json!({"formats": ["C", "P"], "envelope_properties": envelopes, "allowMix": true});
        members.insert("signature_formats".into(), formats);
        members.insert("conformance_levels".into(), json!(levels));
        members.insert("supportedHashTypes".into(), json!(["dtbsr", "sodr"]));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(version: Version, stamps: TimeStamps) -> Value {
        answer(&About::default(), "https://kyso.example", version, Language::Vi, stamps)
    }

    #[test]
    fn v1_has_the_required_members_and_no_later_ones() {
        let answer = of(Version::V1, TimeStamps::Offered);
        for name in ["specs", "name", "logo", "region", "lang", "description", "authType", "oauth2", "methods"] {
            assert!(answer.get(name).is_some(), "{name}");
        }
        assert_eq!(answer["specs"], "1.0.4.0");
        assert!(answer.get("signAlgorithms").is_none());
    }

    #[test]
    fn v2_lists_algorithms_formats_and_levels() {
        let answer = of(Version::V2, TimeStamps::Offered);
        let expected: Vec<_> = algorithms::all_sign_algorithms().collect();
        assert_eq!(answer["signAlgorithms"]["algos"], json!(expected));
        let formats = &answer["signature_formats"];
        assert_eq!(
            formats["formats"].as_array().map(Vec::len),
            formats["envelope_properties"].as_array().map(Vec::len)
        );
        assert_eq!(answer["conformance_levels"].as_array().map(Vec::len), Some(4));
    }

    #[test]
    fn what_needs_an_authority_is_not_offered_without_one() {
        let answer = of(Version::V2, TimeStamps::Missing);
        assert_eq!(answer["conformance_levels"], json!(["AdES-B-B"]));
        assert!(!answer["methods"].to_string().contains("timestamp"));
    }

    #[test]
    fn the_answer_speaks_the_language_it_says() {
        let about = About::default();
        let english = answer(&about, "u", Version::V1, Language::En, TimeStamps::Missing);
        assert_eq!((english["lang"].as_str(), &english["description"]), (Some("en-US"), &json!(about.description)));
        assert!(!of(Version::V1, TimeStamps::Missing)["description"].as_str().expect("text").is_ascii());
    }
}
