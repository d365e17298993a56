//! The OpenAPI 3.1 document.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::problem::Problem;
use super::operation::{Auth, Errors, Operation, Parameter, Place, Tag};
use super::schemas::{reference, schemas};
use super::table::operations;

/// Everything, for a service reached at `public_url`.
pub fn document(public_url: &str) -> Value {
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for operation in operations() {
        for (path, id) in places(&operation) {
            paths.entry(path).or_default().insert(operation.method.to_owned(), described(&operation, &id));
        }
    }
    let tag = |tag: Tag| json!({"name": tag.name(), "description": format!("{} · {}", tag.about().vi, tag.about().en)});
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "kyso",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Ký số từ xa · Remote signing. Clients ignore members they do not know. Every answer carries X-Request-Id; errors \
                            say whether anything was signed and who can act.",
        },
        "servers": [{"url": public_url}],
        "tags": Tag::ALL.map(tag),
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "From /oauth2/token"},
                "client": {"type": "http", "scheme": "basic", "description": "client_id and client_secret"},
            },
        },
    })
}

/// CSC methods stand below both versions' prefixes.
pub fn places(operation: &Operation) -> Vec<(String, String)> {
    match operation.tag {
        Tag::Csc => [1, 2]
            .map(|version| (format!("/csc/v{version}{}", operation.path), format!("{}V{version}", operation.id)))
            .into(),
        _ => vec![(operation.path.to_owned(), operation.id.to_owned())],
    }
}

fn described(operation: &Operation, id: &str) -> Value {
    let mut value = json!({
        "operationId": id,
        "tags": [operation.tag.name()],
        "summary": operation.summary.en,
        "description": operation.summary.vi,
        "parameters": operation.parameters.iter().map(parameter).collect::<Vec<_>>(),
        "responses": responses(operation),
        "security": match operation.auth {
            Auth::Bearer => json!([{"bearer": []}]),
            Auth::Client => json!([{"client": []}, {}]),
            Auth::Open => json!([]),
        },
    });
    if let (Some(body), Some(members)) = (operation.body, value.as_object_mut()) {
        let content = json!({body.media: {"schema": reference(body.schema)}});
        members.insert("requestBody".into(), json!({"required": true, "content": content}));
    }
    value
}

fn parameter(parameter: &Parameter) -> Value {
    let place = match parameter.place {
        Place::Path => "path",
        Place::Query => "query",
        Place::Header => "header",
    };
    json!({
        "name": parameter.name,
        "in": place,
        "required": parameter.place == Place::Path,
        "description": parameter.about,
        "schema": reference(parameter.schema),
    })
}

fn responses(operation: &Operation) -> BTreeMap<String, Value> {
    let mut all: BTreeMap<String, Value> = BTreeMap::new();
    for answer in &operation.answers {
        let entry = all
            .entry(answer.status.to_string())
            .or_insert_with(|| json!({"description": answer.about, "headers": headers(operation)}));
        if let (Some((media, schema)), Some(members)) = (answer.body, entry.as_object_mut())
            && let Some(content) = members.entry("content").or_insert_with(|| json!({})).as_object_mut()
        {
            content.insert(media.to_owned(), json!({"schema": reference(schema)}));
        }
    }
    for (status, rows) in by_status(operation) {
        let codes: Vec<_> = rows.iter().map(|row| row.code).collect();
        let entry = all.entry(status.to_string());
        let entry = entry.or_insert_with(|| json!({"description": codes.join(", "), "headers": headers(operation)}));
        let (media, schema) = match operation.tag.errors() {
            Errors::Problem => ("application/problem+json", "Problem"),
            Errors::Csc | Errors::OAuth => ("application/json", "CscError"),
            Errors::Neac => ("application/json", "NeacError"),
            Errors::Page => ("text/html; charset=utf-8", "Html"),
        };
        if let Some(members) = entry.as_object_mut()
            && let Some(content) = members.entry("content").or_insert_with(|| json!({})).as_object_mut()
        {
            content.entry(media).or_insert_with(|| json!({"schema": reference(schema)}));
        }
    }
    all
}

/// The faults of an operation by the status they have under its path.
pub fn by_status(operation: &Operation) -> BTreeMap<u16, Vec<&'static Problem>> {
    let mut rows: BTreeMap<u16, Vec<&'static Problem>> = BTreeMap::new();
    for row in operation.all_faults() {
        let status = if operation.tag.errors() == Errors::Csc { row.csc.0 } else { row.status };
        rows.entry(status).or_default().push(row);
    }
    rows
}

fn headers(operation: &Operation) -> Value {
    let told = |about: &str| json!({"description": about, "schema": {"type": "string"}});
    let mut headers = json!({"X-Request-Id": told("Names this call in logs and errors")});
    if let (Auth::Bearer, Some(members)) = (operation.auth, headers.as_object_mut()) {
        members.insert("RateLimit-Policy".into(), told("The portal's budget: calls q in w seconds"));
        members.insert("RateLimit".into(), told("Calls left r, and seconds t until the budget is whole"));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document("https://kyso.example");
        let text = document.to_string();
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().expect("a name");
            assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
        }
        assert_eq!(document["paths"]["/v1/requests"]["post"]["operationId"], "createRequest");
        assert!(document["paths"]["/csc/v1/signatures/signHash"]["post"]["responses"]["200"].is_object());
    }
}
