//! Every operation.

use super::super::problem::{self, Problem};
use super::operation::{Answer, Auth, Body, Operation, Parameter, Place, Tag, Text};

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
const FORM: &str = "application/x-www-form-urlencoded";

const fn path(name: &'static str, schema: &'static str, about: &'static str) -> Parameter {
    Parameter { name, place: Place::Path, schema, about }
}

const fn query(name: &'static str, schema: &'static str, about: &'static str) -> Parameter {
    Parameter { name, place: Place::Query, schema, about }
}

const fn json(status: u16, schema: &'static str, about: &'static str) -> Answer {
    Answer { status, about, body: Some((JSON, schema)) }
}

const fn bare(status: u16, about: &'static str) -> Answer {
    Answer { status, about, body: None }
}

const fn html(about: &'static str) -> Answer {
    Answer { status: 200, about, body: Some((HTML, "Html")) }
}

const fn text(vi: &'static str, en: &'static str) -> Text {
    Text { vi, en }
}

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

/// What keeps a code from being sent.
const CODE_FAULTS: [&Problem; 7] = [
    &problem::NOT_FOUND,
    &problem::HOSTED_ONLY,
    &problem::RESEND_TOO_SOON,
    &problem::GUESSES_SPENT,
    &problem::CODES_SPENT,
    &problem::MESSAGES_SPENT,
    &problem::CHANNEL_DOWN,
];

fn json_body(schema: &'static str) -> Option<Body> {
    Some(Body { media: JSON, schema })
}

/// An operation with nothing special; entries below change what differs.
fn plain(method: &'static str, path: &'static str, tag: Tag, id: &'static str, summary: Text) -> Operation {
    Operation {
        method,
        path,
        tag,
        id,
        summary,
        auth: Auth::Open,
        parameters: Vec::new(),
        body: None,
        answers: Vec::new(),
        faults: Vec::new(),
    }
}

fn portal(method: &'static str, path: &'static str, tag: Tag, id: &'static str, summary: Text) -> Operation {
    Operation { auth: Auth::Bearer, ..plain(method, path, tag, id, summary) }
}

/// Below `/csc/v1` and `/csc/v2` alike.
fn csc(path: &'static str, id: &'static str, schema: &'static str, summary: Text) -> Operation {
    Operation { body: Some(Body { media: JSON, schema }), ..portal("post", path, Tag::Csc, id, summary) }
}

pub fn operations() -> Vec<Operation> {
    let mut all = requests();
    all.extend(webhooks());
    all.extend(csc_methods());
    all.extend(pages());
    all.extend(own_page());
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
                &problem::FROZEN,
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

fn csc_methods() -> Vec<Operation> {
    vec![
        Operation {
            answers: vec![json(200, "Object", "What the service is and offers")],
            ..plain("get", "/info", Tag::Csc, "info", text("Thông tin dịch vụ", "What the service offers"))
        },
        Operation {
            answers: vec![json(200, "Object", "What the service is and offers")],
            ..plain("post", "/info", Tag::Csc, "infoByPost", text("Thông tin dịch vụ", "What the service offers"))
        },
        Operation {
            answers: vec![json(200, "CscCredentials", "Credentials of the signer named by userID")],
            faults: vec![&problem::NOT_FOUND],
            ..csc(
                "/credentials/list",
                "listCredentials",
                "CscList",
                text("Danh sách chứng thư", "List a signer's credentials"),
            )
        },
        Operation {
            answers: vec![json(200, "Object", "Key, certificate and how it is authorised")],
            faults: vec![&problem::NOT_FOUND],
            ..csc(
                "/credentials/info",
                "credentialInfo",
                "CscCredential",
                text("Xem một chứng thư", "Read a credential"),
            )
        },
        Operation {
            answers: vec![
                json(200, "CscSad", "Authorised"),
                json(202, "CscHandle", "A code was sent; repeat the call with it"),
            ],
            faults: vec![
                &problem::NOT_FOUND,
                &problem::WRONG_PIN,
                &problem::WRONG_AUTHENTICATION_DATA,
                &problem::CODE_EXPIRED,
                &problem::LOCKED,
                &problem::RESEND_TOO_SOON,
                &problem::GUESSES_SPENT,
                &problem::CODES_SPENT,
                &problem::MESSAGES_SPENT,
                &problem::HOSTED_ONLY,
                &problem::CHANNEL_DOWN,
            ],
            ..csc(
                "/credentials/authorize",
                "authorize",
                "CscAuthorize",
                text("Cho phép ký các mã băm", "Authorise hashes"),
            )
        },
        Operation {
            answers: vec![bare(204, "A code is on its way"), json(200, "Object", "A code is on its way")],
            faults: CODE_FAULTS.to_vec(),
            ..csc(
                "/credentials/getChallenge",
                "getChallenge",
                "CscCredential",
                text("Gửi mã xác nhận", "Have a code sent"),
            )
        },
        Operation {
            answers: vec![bare(204, "A code is on its way"), json(200, "Object", "A code is on its way")],
            faults: CODE_FAULTS.to_vec(),
            ..csc(
                "/credentials/sendOTP",
                "sendOtp",
                "CscCredential",
                text("Gửi mã xác nhận (tên của bản 1)", "Have a code sent (version 1's name)"),
            )
        },
        Operation {
            answers: vec![json(200, "CscSignatures", "One signature a hash, in the same order")],
            faults: vec![
                &problem::NOT_FOUND,
                &problem::INVALID_SAD,
                &problem::HASH_NOT_AUTHORIZED,
                &problem::KEY_UNAVAILABLE,
                &problem::HOSTED_ONLY,
            ],
            ..csc("/signatures/signHash", "signHash", "CscSignHash", text("Ký các mã băm", "Sign hashes"))
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
            parameters: vec![TOKEN, LANG],
            answers: vec![html("Freeze the signature? Or since when it is frozen")],
            ..plain(
                "get",
                "/c/{token}/not-me",
                tag,
                "askFreeze",
                text("Hỏi trước khi tạm khóa chữ ký", "Ask before freezing the signature"),
            )
        },
        step(
            "/c/{token}/not-me",
            "notMe",
            text(
                "Không phải tôi: dừng yêu cầu, tạm khóa chữ ký",
                "This was not me: end the request, freeze the signature",
            ),
        ),
        Operation {
            parameters: vec![TOKEN, path("n", "Number", "Which document, from 1"), LANG],
            answers: vec![html("The text of its pages")],
            ..plain(
                "get",
                "/c/{token}/documents/{n}/text",
                tag,
                "documentText",
                text("Nội dung tài liệu dạng chữ", "A document's text, for screen readers"),
            )
        },
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

fn own_page() -> Vec<Operation> {
    let tag = Tag::Page;
    let step = |path, id, summary| Operation {
        parameters: vec![LANG],
        answers: vec![bare(303, "Back to the page, which shows the true state")],
        faults: vec![&problem::CROSS_SITE],
        ..plain("post", path, tag, id, summary)
    };
    let form = |schema, operation| Operation { body: Some(Body { media: FORM, schema }), ..operation };
    vec![
        Operation {
            parameters: vec![LANG, query("after", "Id", "The entry before the first one shown")],
            answers: vec![html("What the signer signed, or where to say who they are")],
            ..plain("get", "/me", tag, "ownPage", text("Lịch sử ký số của người ký", "The signer's own page"))
        },
        form(
            "PhoneForm",
            step("/me/code", "ownCode", text("Gửi mã để mở trang", "Have a code sent that opens the page")),
        ),
        form("CodeForm", step("/me/open", "ownOpen", text("Mở trang bằng mã", "Open the page with the code"))),
        step("/me/close", "ownClose", text("Đăng xuất", "Sign out")),
        form(
            "PortalForm",
            step("/me/withdraw", "withdraw", text("Thu hồi quyền của cổng", "Withdraw a portal's access")),
        ),
        Operation {
            parameters: vec![LANG],
            answers: vec![html("Freeze the signature?"), bare(303, "To the page, when it is not open in this browser")],
            ..plain("get", "/me/freeze", tag, "askOwnFreeze", text("Hỏi trước khi tạm khóa", "Ask before freezing"))
        },
        step("/me/freeze", "ownFreeze", text("Tạm khóa chữ ký", "Freeze the signature")),
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
    const OF_OAUTH: [&str; 12] = [
        "/.well-known/oauth-authorization-server",
        "/a/{token}",
        "/a/{token}/agree",
        "/a/{token}/code",
        "/a/{token}/refuse",
        "/a/{token}/sign-in",
        "/c/{token}/sign-in",
        "/me/sign-in",
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
        routes.retain(|(_, path)| !OF_OAUTH.contains(&path.as_str()));
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
