//! Every operation; those of [`csc`] and [`neac`] stand beside this file.

use super::super::problem;
use super::operation::{
    Answer, Auth, Body, FORM, Operation, Parameter, Place, Tag, bare, html, json, json_body, path, plain, portal,
    query, text,
};
use super::{csc, neac};

const ID: Parameter = path("id", "Id", "The request's id");
const HOOK: Parameter = path("id", "Id", "The webhook's id");
const LIMIT: Parameter = query("limit", "Limit", "Entries of a page");
const CURSOR: Parameter = query("cursor", "Cursor", "next_cursor of the page before");
const TOKEN: Parameter = path("token", "Token", "The token of the signer's link");
const ENROLMENT: Parameter = path("token", "Token", "The token of a registration link");
const LANG: Parameter = query("lang", "Lang", "Language of the page");
const KEY: Parameter = Parameter {
    name: "Idempotency-Key",
    place: Place::Header,
    schema: "IdempotencyKey",
    about: "Makes it safe to send the call again: the same key and body within 24 hours give the same request",
};

pub fn operations() -> Vec<Operation> {
    let mut all = requests();
    all.extend(webhooks());
    all.extend(client());
    all.extend(csc::methods());
    all.extend(neac::methods());
    all.extend(pages());
    all.extend(service());
    all
}

fn requests() -> Vec<Operation> {
    let tag = Tag::Requests;
    vec![
        Operation {
            parameters: vec![KEY],
            body: json_body("NewRequest"),
            answers: vec![json(201, "Request", "Created, or the one that was created by the same call before")],
            faults: vec![
                &problem::NOT_FOUND,
                &problem::DOCUMENT,
                &problem::ATTRIBUTE,
                &problem::LEVEL_NOT_SUPPORTED,
                &problem::UNSUPPORTED_ALGORITHM,
                &problem::CREDENTIAL_DISABLED,
                &problem::CERTIFICATE_NOT_VALID,
                &problem::IDEMPOTENCY_MISMATCH,
                &problem::IDEMPOTENCY_IN_FLIGHT,
            ],
            ..portal(
                "post",
                "/v1/requests",
                tag,
                "createRequest",
                text(
                    "Gửi tài liệu để một hoặc nhiều người ký",
                    "Hand over documents to be signed by one or several people",
                ),
            )
        },
        Operation {
            parameters: vec![LIMIT, CURSOR, query("state", "RequestState", "Only requests in this state")],
            answers: vec![json(200, "RequestList", "A page of requests, newest first")],
            ..portal(
                "get",
                "/v1/requests",
                tag,
                "listRequests",
                text("Danh sách yêu cầu, mới nhất trước", "List requests, newest first"),
            )
        },
        Operation {
            parameters: vec![ID],
            answers: vec![json(200, "Request", "The request as it is now")],
            ..portal("get", "/v1/requests/{id}", tag, "readRequest", text("Xem một yêu cầu", "Read a request"))
        },
        Operation {
            parameters: vec![ID],
            answers: vec![json(200, "Request", "Cancelled")],
            faults: vec![&problem::WRONG_STATE, &problem::BEING_SIGNED, &problem::ALREADY_SIGNED],
            ..portal(
                "delete",
                "/v1/requests/{id}",
                tag,
                "cancelRequest",
                text("Hủy yêu cầu còn chờ", "Cancel a request that still waits"),
            )
        },
        Operation {
            parameters: vec![ID, path("n", "Number", "Which document, from 1")],
            answers: vec![
                Answer { status: 200, about: "The signed PDF", body: Some(("application/pdf", "Bytes")) },
                Answer {
                    status: 200,
                    about: "A detached signature",
                    body: Some(("application/pkcs7-signature", "Bytes")),
                },
                Answer {
                    status: 200,
                    about: "A signature with the file inside",
                    body: Some(("application/pkcs7-mime", "Bytes")),
                },
            ],
            faults: vec![&problem::WRONG_STATE, &problem::BEING_SIGNED],
            ..portal(
                "get",
                "/v1/requests/{id}/documents/{n}",
                tag,
                "fetchDocument",
                text("Tải tài liệu đã ký", "Fetch a signed document"),
            )
        },
    ]
}

fn webhooks() -> Vec<Operation> {
    let tag = Tag::Webhooks;
    vec![
        Operation {
            body: json_body("NewWebhook"),
            answers: vec![json(201, "Webhook", "Added; its secret is shown this once, and a ping is on its way")],
            faults: vec![&problem::ADDRESS],
            ..portal("post", "/v1/webhooks", tag, "addWebhook", text("Thêm địa chỉ nhận thông báo", "Add an address"))
        },
        Operation {
            answers: vec![json(200, "WebhookList", "All addresses")],
            ..portal("get", "/v1/webhooks", tag, "listWebhooks", text("Danh sách địa chỉ", "List addresses"))
        },
        Operation {
            parameters: vec![HOOK],
            answers: vec![json(200, "Webhook", "The address")],
            ..portal("get", "/v1/webhooks/{id}", tag, "readWebhook", text("Xem một địa chỉ", "Read an address"))
        },
        Operation {
            parameters: vec![HOOK],
            answers: vec![bare(204, "Forgotten, with what was on its way")],
            ..portal("delete", "/v1/webhooks/{id}", tag, "removeWebhook", text("Xóa địa chỉ", "Remove an address"))
        },
        Operation {
            parameters: vec![HOOK],
            answers: vec![json(200, "Webhook", "Its new secret; the old one signs too for a day")],
            ..portal(
                "post",
                "/v1/webhooks/{id}/secret",
                tag,
                "rotateSecret",
                text("Đổi khóa bí mật", "Replace the secret"),
            )
        },
        Operation {
            parameters: vec![HOOK],
            answers: vec![json(202, "Webhook", "A ping is on its way; once it is accepted the address is active")],
            ..portal("post", "/v1/webhooks/{id}/ping", tag, "pingWebhook", text("Gửi thử", "Send a ping"))
        },
        Operation {
            parameters: vec![
                HOOK,
                LIMIT,
                query("cursor", "Sequence", "next_cursor of the page before"),
                query("state", "DeliveryState", "Only deliveries in this state"),
            ],
            answers: vec![json(200, "DeliveryList", "A page of deliveries, newest first")],
            ..portal(
                "get",
                "/v1/webhooks/{id}/deliveries",
                tag,
                "listDeliveries",
                text("Xem những gì đã gửi", "List what was sent"),
            )
        },
        Operation {
            parameters: vec![HOOK, path("event", "EventId", "The event's id")],
            answers: vec![bare(202, "On its way, with all its tries")],
            ..portal(
                "post",
                "/v1/webhooks/{id}/deliveries/{event}/resend",
                tag,
                "resend",
                text("Gửi lại", "Send again"),
            )
        },
        Operation {
            parameters: vec![
                query("after", "Sequence", "Number of the last event seen; without it, what comes from now on"),
                LIMIT,
                query("wait", "Wait", "Seconds to wait for an event"),
            ],
            answers: vec![json(200, "EventList", "Events, oldest first, signed with the listening secret")],
            ..portal(
                "get",
                "/v1/events",
                tag,
                "listEvents",
                text("Lấy sự kiện khi không nhận được từ bên ngoài", "Fetch events instead of being sent them"),
            )
        },
        Operation {
            parameters: vec![ID],
            answers: vec![json(200, "EventList", "What was told of the request, oldest first, signed alike")],
            ..portal(
                "get",
                "/v1/requests/{id}/events",
                tag,
                "requestEvents",
                text("Sự kiện của một yêu cầu", "Events of one request"),
            )
        },
        Operation {
            answers: vec![json(200, "Secret", "What these events are signed with")],
            ..portal(
                "get",
                "/v1/events/secret",
                tag,
                "listeningSecret",
                text("Khóa bí mật của /v1/events", "The listening secret"),
            )
        },
    ]
}

fn client() -> Vec<Operation> {
    let tag = Tag::Client;
    let proven = || Operation {
        auth: Auth::Client,
        faults: vec![
            &problem::UNKNOWN_CLIENT,
            &problem::INVALID_GRANT_REQUEST,
            &problem::INVALID,
            &problem::TOO_MANY_CALLS,
        ],
        ..plain("post", "", tag, "", text("", ""))
    };
    vec![
        Operation {
            answers: vec![json(200, "Client", "How it authenticates, and the age of its live secrets")],
            faults: vec![&problem::INSUFFICIENT_SCOPE],
            ..portal("get", "/v1/client", tag, "readClient", text("Xem cổng dịch vụ", "Read the portal as a client"))
        },
        Operation {
            path: "/v1/client/secrets",
            id: "addSecret",
            summary: text("Thêm khóa bí mật thứ hai", "Add a second client secret"),
            answers: vec![json(201, "Client", "Its new secret, shown this once; the one before stays live")],
            ..proven()
        },
        Operation {
            path: "/v1/client/secrets/retire",
            id: "retireSecret",
            summary: text("Giữ khóa bí mật đã trình, ngừng khóa kia", "Keep the secret shown and end the other one"),
            answers: vec![json(200, "Client", "One secret is live")],
            ..proven()
        },
        Operation {
            parameters: vec![
                query("from", "Date", "First day, in Viet Nam; thirty days before the last when absent"),
                query("to", "Date", "Last day; today when absent"),
            ],
            answers: vec![json(200, "Usage", "Every day asked for, at most 366, the earliest first")],
            faults: vec![&problem::INSUFFICIENT_SCOPE],
            ..portal("get", "/v1/usage", tag, "readUsage", text("Thống kê theo ngày", "Usage by day"))
        },
    ]
}

fn pages() -> Vec<Operation> {
    let tag = Tag::Page;
    let step = |path, id, summary| Operation {
        parameters: vec![TOKEN, LANG],
        answers: vec![bare(303, "Back to the page, which shows the true state")],
        faults: vec![&problem::CROSS_SITE],
        ..plain("post", path, tag, id, summary)
    };
    let enrol = |path, schema, id, summary| Operation {
        parameters: vec![ENROLMENT, LANG],
        body: Some(Body { media: FORM, schema }),
        answers: vec![html("It is registered and the link used up; or the page again, when nothing was proven")],
        faults: vec![&problem::CROSS_SITE],
        ..plain("post", path, tag, id, summary)
    };
    vec![
        Operation {
            parameters: vec![TOKEN, LANG],
            answers: vec![html("The request in whatever state it is")],
            ..plain("get", "/c/{token}", tag, "showRequest", text("Trang của người ký", "The signer's page"))
        },
        Operation {
            body: Some(Body { media: FORM, schema: "WayForm" }),
            ..step(
                "/c/{token}/code",
                "sendCode",
                text("Gửi mã, hoặc chọn cách xác nhận khác", "Have a code sent, or choose another way to confirm"),
            )
        },
        Operation {
            body: Some(Body { media: FORM, schema: "CodeForm" }),
            ..step("/c/{token}/confirm", "confirm", text("Nhập mã", "Enter the code, or a passkey's answer"))
        },
        Operation {
            parameters: vec![TOKEN, LANG],
            answers: vec![html("Are you sure?")],
            ..plain("get", "/c/{token}/refuse", tag, "askRefusal", text("Hỏi trước khi từ chối", "Ask before refusing"))
        },
        step("/c/{token}/refuse", "refuse", text("Từ chối ký", "Refuse to sign")),
        Operation {
            parameters: vec![TOKEN, path("n", "Number", "Which document, from 1")],
            answers: vec![
                Answer { status: 200, about: "The PDF", body: Some(("application/pdf", "Bytes")) },
                Answer { status: 200, about: "Any other file", body: Some(("application/octet-stream", "Bytes")) },
            ],
            ..plain(
                "get",
                "/c/{token}/documents/{n}",
                tag,
                "originalDocument",
                text("Tải tài liệu gốc", "The original document"),
            )
        },
        Operation {
            parameters: vec![
                TOKEN,
                path("n", "Number", "Which document, from 1"),
                path("page", "PageFile", "Number of the page and .png"),
            ],
            answers: vec![
                Answer { status: 200, about: "The page", body: Some(("image/png", "Bytes")) },
                Answer {
                    status: 200,
                    about: "A picture that says why the page is not shown",
                    body: Some(("image/svg+xml", "Html")),
                },
            ],
            ..plain(
                "get",
                "/c/{token}/documents/{n}/pages/{page}",
                tag,
                "drawnPage",
                text("Một trang dưới dạng ảnh", "A page as a picture"),
            )
        },
        Operation {
            parameters: vec![ENROLMENT, LANG],
            answers: vec![html("What the signer can register")],
            ..plain(
                "get",
                "/e/{token}",
                tag,
                "showEnrolment",
                text("Trang đăng ký ứng dụng hoặc khóa truy cập", "The page that registers an app or a passkey"),
            )
        },
        enrol(
            "/e/{token}/totp",
            "AppForm",
            "enrolApp",
            text("Đăng ký ứng dụng xác thực", "Register an authenticator app"),
        ),
        enrol("/e/{token}/passkey", "PasskeyForm", "enrolPasskey", text("Đăng ký khóa truy cập", "Register a passkey")),
    ]
}

fn service() -> Vec<Operation> {
    let tag = Tag::Service;
    vec![
        Operation {
            auth: Auth::Client,
            body: Some(Body { media: FORM, schema: "TokenForm" }),
            answers: vec![json(200, "Token", "A bearer token for an hour")],
            faults: vec![&problem::UNKNOWN_CLIENT, &problem::INVALID_GRANT_REQUEST],
            ..plain("post", "/oauth2/token", Tag::OAuth, "token", text("Lấy token", "Get a bearer token"))
        },
        Operation {
            answers: vec![json(200, "Object", "The process answers")],
            ..plain("get", "/livez", tag, "alive", text("Tiến trình còn chạy", "Whether the process answers"))
        },
        Operation {
            answers: vec![
                json(200, "Readiness", "It can sign"),
                json(503, "Readiness", "It cannot; the reason stands with the dependency"),
            ],
            ..plain(
                "get",
                "/readyz",
                tag,
                "ready",
                text("Có ký được không", "Whether it can sign, with a reason for each dependency"),
            )
        },
        Operation {
            answers: vec![Answer {
                status: 200,
                about: "Counters of codes, in the Prometheus text format",
                body: Some(("text/plain; version=0.0.4; charset=utf-8", "Html")),
            }],
            ..plain("get", "/metrics", tag, "metrics", text("Số đếm của tiến trình", "This process's counters"))
        },
        Operation {
            answers: vec![json(200, "Object", "This document")],
            ..plain("get", "/openapi.json", tag, "openapi", text("Tài liệu OpenAPI", "The OpenAPI document"))
        },
        Operation {
            parameters: vec![LANG],
            answers: vec![html("This document for people")],
            ..plain("get", "/docs", tag, "docs", text("Tài liệu cho người đọc", "The documentation for people"))
        },
        Operation {
            answers: vec![Answer {
                status: 200,
                about: "The stylesheet",
                body: Some(("text/css; charset=utf-8", "Html")),
            }],
            ..plain("get", "/assets/kyso.css", tag, "stylesheet", text("Kiểu trình bày", "The stylesheet"))
        },
        Operation {
            answers: vec![Answer {
                status: 200,
                about: "The desk's stylesheet",
                body: Some(("text/css; charset=utf-8", "Html")),
            }],
            ..plain(
                "get",
                "/assets/desk.css",
                tag,
                "deskStylesheet",
                text("Kiểu trình bày của trang quản trị", "The desk's stylesheet"),
            )
        },
        Operation {
            answers: vec![Answer {
                status: 200,
                about: "The script of pages with a passkey",
                body: Some(("text/javascript; charset=utf-8", "Html")),
            }],
            ..plain("get", "/assets/passkey.js", tag, "script", text("Mã lệnh cho khóa truy cập", "The passkey script"))
        },
        Operation {
            answers: vec![Answer { status: 200, about: "The logo", body: Some(("image/png", "Bytes")) }],
            ..plain("get", "/assets/kyso.png", tag, "logo", text("Biểu trưng", "The logo"))
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::path::Path;

    /// Paths that OAuth's own metadata (RFC 8414) describes, and the pages it leads browsers to.
    const OF_OAUTH: [&str; 11] = [
        "/.well-known/oauth-authorization-server",
        "/a/{token}",
        "/a/{token}/agree",
        "/a/{token}/code",
        "/a/{token}/refuse",
        "/a/{token}/sign-in",
        "/c/{token}/sign-in",
        "/oauth2/authorize",
        "/oauth2/pushed_authorize",
        "/oauth2/revoke",
        "/oidc/callback",
    ];

    /// Every `.route("…", method…)` of the sources, CSC methods without their prefix.
    fn routes() -> HashSet<(String, String)> {
        fn walk(folder: &Path, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).expect("readable") {
                let path = entry.expect("an entry").path();
                match path.is_dir() {
                    true => walk(&path, found),
                    false if path.ends_with("sandbox.rs") || path.extension().is_none_or(|end| end != "rs") => {}
                    false => found.push(std::fs::read_to_string(path).expect("text")),
                }
            }
        }
        let mut sources = Vec::new();
        walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http"), &mut sources);
        let mut routes = HashSet::new();
        for source in &sources {
            let code = source.split("#[cfg(test)]").next().unwrap_or_default();
            for call in code.split(".route(\"").skip(1) {
                let (path, rest) = call.split_once('"').expect("a path");
                let methods = rest.split([';', '}']).next().unwrap_or_default();
                for method in ["get", "post", "put", "patch", "delete"] {
                    if methods.contains(&format!("{method}(")) {
                        routes.insert((method.to_owned(), path.to_owned()));
                    }
                }
            }
        }
        routes
    }

    #[test]
    fn every_route_is_documented_and_nothing_else_is() {
        let documented: HashSet<_> =
            operations().iter().map(|one| (one.method.to_owned(), one.path.to_owned())).collect();
        let mut routes = routes();
        // The desk is pages over these operations, for people alone.
        routes.retain(|(_, path)| !OF_OAUTH.contains(&path.as_str()) && !path.starts_with("/desk"));
        assert!(routes.len() > 25, "{routes:?}");
        let missing: Vec<_> = routes.symmetric_difference(&documented).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn operations_are_told_apart_and_speak_both_languages() {
        let all = operations();
        let ids: HashSet<_> = all.iter().map(|one| one.id).collect();
        assert_eq!(ids.len(), all.len());
        for one in &all {
            assert!(!one.answers.is_empty() && one.summary.vi != one.summary.en, "{}", one.id);
            let named = one.path.matches('{').count();
            let parameters = one.parameters.iter().filter(|parameter| parameter.place == Place::Path);
            assert_eq!(parameters.count(), named, "{}", one.id);
        }
    }
}
