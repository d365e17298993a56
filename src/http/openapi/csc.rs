//! The methods of the Cloud Signature Consortium API; its schemas are not closed, since its reader is tolerant.

use super::super::problem::{self, Problem};
use super::operation::{Auth, Body, JSON, Operation, Tag, Text, bare, json, plain, portal, text};

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

/// What keeps hashes from being authorised.
const AUTHORIZE_FAULTS: [&Problem; 11] = [
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
];

/// What keeps a SAD from being used.
const SIGN_FAULTS: [&Problem; 6] = [
    &problem::NOT_FOUND,
    &problem::INVALID_SAD,
    &problem::HASH_NOT_AUTHORIZED,
    &problem::KEY_UNAVAILABLE,
    &problem::HOSTED_ONLY,
    &problem::SAD_EXPIRED,
];

/// Below `/csc/v1` and `/csc/v2` alike.
fn csc(path: &'static str, id: &'static str, schema: &'static str, summary: Text) -> Operation {
    Operation { body: Some(Body { media: JSON, schema }), ..portal("post", path, Tag::Csc, id, summary) }
}

fn login(method: &'static str, id: &'static str) -> Operation {
    Operation {
        auth: Auth::Client,
        faults: vec![&problem::MALFORMED_LOGIN, &problem::LOGIN_FAILED],
        ..plain(method, "/auth/login", Tag::Csc, id, text("Lấy mã truy cập bằng Basic", "A token by HTTP Basic"))
    }
}

pub fn methods() -> Vec<Operation> {
    vec![
        Operation {
            answers: vec![json(200, "Object", "What the service is and offers")],
            ..plain("get", "/info", Tag::Csc, "info", text("Thông tin dịch vụ", "What the service offers"))
        },
        Operation {
            answers: vec![json(200, "Object", "What the service is and offers")],
            ..plain("post", "/info", Tag::Csc, "infoByPost", text("Thông tin dịch vụ", "What the service offers"))
        },
        Operation { answers: vec![json(200, "CscToken", "A token of the portal")], ..login("get", "loginByGet") },
        Operation {
            body: Some(Body { media: JSON, schema: "CscLogin" }),
            answers: vec![json(200, "CscToken", "A token of the portal")],
            ..login("post", "login")
        },
        Operation {
            answers: vec![bare(204, "The token has ended")],
            ..csc("/auth/revoke", "revokeToken", "CscRevoke", text("Thu hồi mã truy cập", "End a token of one's own"))
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
            faults: AUTHORIZE_FAULTS.to_vec(),
            ..csc(
                "/credentials/authorize",
                "authorize",
                "CscAuthorize",
                text("Cho phép ký các mã băm", "Authorise hashes"),
            )
        },
        Operation {
            answers: vec![
                json(200, "CscSad", "The signer has confirmed"),
                json(202, "CscHandle", "The signer has not confirmed yet"),
            ],
            faults: vec![&problem::NOT_FOUND, &problem::LOCKED, &problem::DECLINED, &problem::SAD_EXPIRED],
            ..csc(
                "/credentials/authorizeCheck",
                "authorizeCheck",
                "CscHandle",
                text("Người ký đã xác nhận chưa", "Whether the signer has confirmed"),
            )
        },
        Operation {
            answers: vec![
                json(200, "CscSad", "Another SAD; the old one is dead"),
                json(202, "CscHandle", "New hashes: a code was sent; repeat the call with it"),
            ],
            faults: [AUTHORIZE_FAULTS.as_slice(), &[&problem::INVALID_SAD, &problem::SAD_EXPIRED]].concat(),
            ..csc(
                "/credentials/extendTransaction",
                "extendTransaction",
                "CscExtend",
                text("Gia hạn phiên ký, hoặc thêm mã băm", "Another SAD, or new hashes"),
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
            answers: vec![json(
                200,
                "CscSignatures",
                "One signature a hash, in the same order; or where to ask for them",
            )],
            faults: SIGN_FAULTS.to_vec(),
            ..csc("/signatures/signHash", "signHash", "CscSignHash", text("Ký các mã băm", "Sign hashes"))
        },
        Operation {
            answers: vec![json(200, "CscMade", "The documents in their order, or where to ask for them")],
            faults: [
                SIGN_FAULTS.as_slice(),
                &[
                    &problem::DOCUMENT_NOT_AUTHORIZED,
                    &problem::DOCUMENT,
                    &problem::TRUST_SERVICE_DOWN,
                    &problem::LEVEL_PENDING,
                    &problem::OPERATION_FAILED,
                    &problem::OPERATION_PARTLY_FAILED,
                ],
            ]
            .concat(),
            ..csc("/signatures/signDoc", "signDoc", "CscSignDoc", text("Ký tài liệu", "Sign documents"))
        },
        Operation {
            answers: vec![json(200, "CscMade", "What was made"), json(202, "Object", "It is being made")],
            faults: vec![
                &problem::NOT_FOUND,
                &problem::KEY_UNAVAILABLE,
                &problem::TRUST_SERVICE_DOWN,
                &problem::OPERATION_FAILED,
                &problem::OPERATION_PARTLY_FAILED,
            ],
            ..csc(
                "/signatures/signPolling",
                "signPolling",
                "CscPoll",
                text("Kết quả của lệnh ký không đồng bộ", "What an asynchronous call made"),
            )
        },
        Operation {
            answers: vec![json(200, "CscTimestamp", "The time-stamp token")],
            faults: vec![&problem::NOT_IMPLEMENTED, &problem::TRUST_SERVICE_DOWN],
            ..csc(
                "/signatures/timestamp",
                "timestamp",
                "CscTimestampRequest",
                text("Dấu thời gian cho một mã băm", "A time-stamp over a hash"),
            )
        },
    ]
}
