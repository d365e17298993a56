//! The shapes of what goes in and out, as JSON Schema. What the service writes is open: clients ignore members they do not know.

use serde_json::{Map, Value, json};

use crate::domain::StateKind;
use crate::domain::joint::SIGNERS;
use crate::domain::settings::SignatureFormat;
use crate::domain::webhook::{EventKind, WebhookState};
use crate::formats::level::Baseline;
use crate::storage::webhooks::DeliveryState;

use super::super::paging::MOST;

/// All schemas by name.
pub fn schemas() -> Map<String, Value> {
    let all = [simple(), request(), asked(), webhooks(), csc(), service()];
    all.into_iter().flatten().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

type Named = Vec<(&'static str, Value)>;

pub fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn of(name: &str) -> Value {
    reference(name)
}

fn list(name: &str) -> Value {
    json!({"type": "array", "items": reference(name)})
}

/// An object with these members, of which the named ones are always there.
fn object(required: &[&str], properties: Value) -> Value {
    json!({"type": "object", "required": required, "properties": properties})
}

fn strict(mut schema: Value) -> Value {
    if let Some(members) = schema.as_object_mut() {
        members.insert("additionalProperties".into(), false.into());
    }
    schema
}

fn text() -> Value {
    json!({"type": "string"})
}

fn at_most(characters: u32) -> Value {
    json!({"type": "string", "maxLength": characters})
}

fn whole() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

fn words(words: &[&str]) -> Value {
    json!({"type": "string", "enum": words})
}

fn states() -> Value {
    let seen = StateKind::ALL.into_iter().filter(|kind| *kind != StateKind::Signing);
    json!({"type": "string", "enum": seen.map(StateKind::name).collect::<Vec<_>>()})
}

fn levels() -> Value {
    words(&[Baseline::B, Baseline::T, Baseline::Lt, Baseline::Lta].map(Baseline::name))
}

fn simple() -> Named {
    vec![
        ("Id", json!({"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"})),
        ("EventId", json!({"type": "string", "pattern": "^evt_[0-9a-f]{32}$"})),
        ("Token", json!({"type": "string", "pattern": "^[A-Za-z0-9_-]{16,128}$"})),
        ("Number", json!({"type": "integer", "minimum": 1, "maximum": u32::MAX})),
        ("PageFile", json!({"type": "string", "pattern": "^[1-9][0-9]{0,5}\\.png$"})),
        ("Limit", json!({"type": "integer", "minimum": 1, "maximum": MOST, "default": 20})),
        ("Cursor", json!({"type": "string", "pattern": "^[A-Za-z0-9_-]+$"})),
        ("Sequence", json!({"type": "integer", "minimum": 0, "maximum": i64::MAX})),
        ("Wait", json!({"type": "integer", "minimum": 0, "maximum": 25, "default": 0})),
        ("Lang", words(&["vi", "en"])),
        ("IdempotencyKey", json!({"type": "string", "pattern": "^[!-~]{1,255}$"})),
        ("RequestState", states()),
        ("Bytes", json!({"type": "string", "format": "binary"})),
        ("Html", text()),
        ("Object", json!({"type": "object"})),
    ]
}

fn request() -> Named {
    let failure =
        object(&["code", "detail", "signed"], json!({"code": text(), "detail": text(), "signed": {"type": "boolean"}}));
    let raise = object(
        &["to", "attempts", "next_at"],
        json!({"to": levels(), "attempts": whole(), "next_at": time(), "last_error": text()}),
    );
    let document = object(
        &["name", "size", "sha256", "fingerprint"],
        json!({
            "name": text(), "size": whole(), "sha256": text(), "fingerprint": text(), "signed_url": text(),
            "level": levels(), "raise": of("Raise"), "failure": of("Failure"),
        }),
    );
    let signer = object(
        &["signer", "credential", "order", "state", "confirm_url"],
        json!({
            "signer": text(), "credential": text(), "order": whole(), "state": states(), "confirm_url": text(),
            "changed_at": time(),
        }),
    );
    let request = object(
        &[
            "id",
            "state",
            "confirm_url",
            "description",
            "documents",
            "progress",
            "signer",
            "credential",
            "created_at",
            "expires_at",
        ],
        json!({
            "id": text(), "state": states(), "confirm_url": text(), "description": text(), "documents": list("Document"),
            "progress": object(&["done", "of"], json!({"done": whole(), "of": whole()})),
            "signer": text(), "credential": text(), "created_at": time(), "expires_at": time(), "changed_at": time(),
            "return_url": text(), "failure": of("Failure"), "signers": list("Signer"),
        }),
    );
    let requests = object(&["requests"], json!({"requests": list("Request"), "next_cursor": text()}));
    vec![
        ("Failure", failure),
        ("Raise", raise),
        ("Document", document),
        ("Signer", signer),
        ("Request", request),
        ("RequestList", requests),
    ]
}

fn asked() -> Named {
    let lock = strict(object(
        &["action"],
        json!({"action": words(&["all", "include", "exclude"]), "fields": {"type": "array", "items": at_most(200), "maxItems": 500}}),
    ));
    let signer = strict(object(
        &["credential"],
        json!({
            "credential": of("Id"), "order": {"type": "integer", "minimum": 0, "maximum": u32::MAX}, "sign_algo": text(),
            "field": at_most(200), "appearance": of("Object"), "reason": at_most(200), "location": at_most(200),
            "contact_info": at_most(200), "certify": {"type": "integer", "minimum": 1, "maximum": 3}, "lock": of("Lock"),
            "commitment": text(), "roles": {"type": "array", "items": text()},
        }),
    ));
    let document = strict(object(
        &["name", "content"],
        json!({"name": text(), "content": {"type": "string", "contentEncoding": "base64"}}),
    ));
    let formats: Vec<_> = SignatureFormat::ALL.into_iter().map(SignatureFormat::name).collect();
    let mut request = strict(object(
        &["documents"],
        json!({
            "documents": {"type": "array", "items": of("NewDocument"), "minItems": 1, "maxItems": 200},
            "credential": of("Id"),
            "signers": {"type": "array", "items": of("NewSigner"), "minItems": 1, "maxItems": SIGNERS},
            "description": at_most(500), "return_url": {"type": "string", "format": "uri", "maxLength": 2000},
            "expires_in": {"type": "integer", "minimum": 60, "maximum": 604_800}, "sign_algo": text(), "password": text(),
            "format": {"type": "string", "enum": formats}, "level": levels(), "reason": at_most(200), "location": at_most(200),
            "contact_info": at_most(200), "field": at_most(200), "appearance": of("Object"),
            "certify": {"type": "integer", "minimum": 1, "maximum": 3}, "lock": of("Lock"), "commitment": text(),
            "policy": of("Object"), "roles": {"type": "array", "items": text()}, "signer_location": of("Object"),
            "mime_type": text(), "content_time_stamp": {"type": "boolean"},
        }),
    ));
    if let Some(members) = request.as_object_mut() {
        members.insert("oneOf".into(), json!([{"required": ["credential"]}, {"required": ["signers"]}]));
    }
    vec![("Lock", lock), ("NewSigner", signer), ("NewDocument", document), ("NewRequest", request)]
}

fn webhooks() -> Named {
    let kinds: Vec<_> = EventKind::ALL.into_iter().map(EventKind::name).collect();
    let chosen: Vec<_> =
        EventKind::ALL.into_iter().filter(|kind| *kind != EventKind::Ping).map(EventKind::name).collect();
    let states: Vec<_> = WebhookState::ALL.into_iter().map(WebhookState::name).collect();
    let new = strict(object(
        &["url"],
        json!({
            "url": {"type": "string", "format": "uri", "maxLength": 2000},
            "events": {"type": "array", "items": {"type": "string", "enum": chosen}},
        }),
    ));
    let webhook = object(
        &["id", "url", "events", "state", "created_at"],
        json!({
            "id": text(), "url": text(), "events": {"type": "array", "items": {"type": "string", "enum": chosen}},
            "state": {"type": "string", "enum": states}, "created_at": time(), "old_secret_until": time(), "secret": text(),
        }),
    );
    let attempt = object(&["at"], json!({"at": time(), "status": whole(), "error": text()}));
    let delivery = object(
        &["event", "sequence", "type", "state", "attempts", "body"],
        json!({
            "event": of("EventId"), "sequence": whole(), "type": {"type": "string", "enum": kinds}, "state": of("DeliveryState"),
            "attempts": whole(), "next_at": time(), "last": attempt, "body": of("Message"),
        }),
    );
    let message = object(
        &["type", "timestamp", "sequence", "data"],
        json!({"type": {"type": "string", "enum": kinds}, "timestamp": time(), "sequence": whole(), "data": of("Told")}),
    );
    let told = json!({"type": "object", "properties": {
        "request_id": text(), "state": text(), "failure": text(),
        "documents": {"type": "array", "items": object(&["number"], json!({"number": whole(), "level": levels(), "failure": text()}))},
        "signers": {"type": "array", "items": object(&["credential", "state"], json!({"credential": text(), "state": text()}))},
    }});
    let event = object(
        &["id", "sequence", "type", "timestamp", "signature", "body"],
        json!({
            "id": of("EventId"), "sequence": whole(), "type": {"type": "string", "enum": kinds}, "timestamp": whole(),
            "signature": text(), "body": text(),
        }),
    );
    let delivered: Vec<_> = DeliveryState::ALL.into_iter().map(DeliveryState::name).collect();
    vec![
        ("NewWebhook", new),
        ("Webhook", webhook),
        ("WebhookList", object(&["webhooks"], json!({"webhooks": list("Webhook")}))),
        ("DeliveryState", json!({"type": "string", "enum": delivered})),
        ("Delivery", delivery),
        ("DeliveryList", object(&["deliveries"], json!({"deliveries": list("Delivery"), "next_cursor": text()}))),
        ("Message", message),
        ("Told", told),
        ("Event", event),
        ("EventList", object(&["events", "last"], json!({"events": list("Event"), "last": whole()}))),
        ("Secret", object(&["secret"], json!({"secret": text()}))),
    ]
}

fn csc() -> Named {
    let hashes = json!({"type": "array", "items": text()});
    let factors = json!({"type": "array", "items": object(&["id", "value"], json!({"id": text(), "value": text()}))});
    vec![
        (
            "CscList",
            object(
                &["userID"],
                json!({"userID": text(), "credentialInfo": {"type": "boolean"}, "onlyValid": {"type": "boolean"}}),
            ),
        ),
        ("CscCredential", object(&["credentialID"], json!({"credentialID": text()}))),
        (
            "CscAuthorize",
            object(
                &["credentialID", "numSignatures"],
                json!({
                    "credentialID": text(), "numSignatures": {"type": "integer", "minimum": 1}, "hashes": hashes,
                    "hashAlgorithmOID": text(), "authData": factors, "PIN": text(), "OTP": text(), "description": text(),
                }),
            ),
        ),
        (
            "CscSignHash",
            object(
                &["credentialID", "SAD", "hashes", "signAlgo"],
                json!({"credentialID": text(), "SAD": text(), "hashes": hashes, "hashAlgorithmOID": text(), "signAlgo": text()}),
            ),
        ),
        ("CscCredentials", object(&["credentialIDs"], json!({"credentialIDs": hashes}))),
        ("CscSad", object(&["SAD"], json!({"SAD": text(), "expiresIn": whole()}))),
        ("CscHandle", object(&["handle"], json!({"handle": text()}))),
        ("CscSignatures", object(&["signatures"], json!({"signatures": hashes}))),
    ]
}

fn service() -> Named {
    let signed = json!({"type": ["boolean", "null"]});
    let check = object(&["name", "status"], json!({"name": text(), "status": text(), "reason": text()}));
    vec![
        (
            "Problem",
            object(
                &["type", "title", "status", "signed", "request_id", "what_to_do", "who_acts"],
                json!({
                    "type": text(), "title": text(), "status": whole(), "detail": text(), "signed": signed, "request_id": text(),
                    "what_to_do": text(), "who_acts": words(&["portal", "signer", "operator", "nobody"]),
                }),
            ),
        ),
        (
            "CscError",
            object(
                &["error", "error_description", "signed", "request_id"],
                json!({"error": text(), "error_description": text(), "signed": signed, "request_id": text()}),
            ),
        ),
        (
            "TokenForm",
            object(
                &["grant_type"],
                json!({
                    "grant_type": words(&["client_credentials"]), "scope": words(&["service"]), "client_id": text(),
                    "client_secret": text(),
                }),
            ),
        ),
        (
            "Token",
            object(
                &["access_token", "token_type", "expires_in"],
                json!({"access_token": text(), "token_type": text(), "expires_in": whole(), "scope": text()}),
            ),
        ),
        ("WayForm", object(&[], json!({"way": words(&["sms", "email", "totp", "passkey"])}))),
        // A code, with the page's control code beside an app's; or the four parts of a passkey's answer. And the PIN.
        (
            "CodeForm",
            object(
                &[],
                json!({
                    "code": {"type": "string", "pattern": "^[0-9]{6,8}$"}, "control": {"type": "string", "pattern": "^[0-9]{4}$"},
                    "credential": text(), "client_data": text(), "authenticator_data": text(), "signature": text(),
                    "pin": text(),
                }),
            ),
        ),
        ("PhoneForm", object(&["phone"], json!({"phone": text()}))),
        ("PortalForm", object(&["portal"], json!({"portal": text()}))),
        ("AppForm", object(&["code"], json!({"code": {"type": "string", "pattern": "^[0-9]{6}$"}, "name": text()}))),
        (
            "PasskeyForm",
            object(
                &["client_data", "attestation"],
                json!({"client_data": text(), "attestation": text(), "name": text()}),
            ),
        ),
        (
            "Readiness",
            object(&["status", "checks"], json!({"status": text(), "checks": {"type": "array", "items": check}})),
        ),
    ]
}
