//! The one table of everything that can go wrong at the edge: stable code, status, CSC words, and a sentence for citizens.
//!
//! Every [`ServiceError`] becomes exactly one row, and so does every fault of HTTP itself (no such path, too large, too slow).
//! Rows hold fixed text; what differs from case to case is the detail of a [`Fault`]. Faults of the service itself never
//! carry their cause outside: it goes to the log.

use crate::domain::StateKind;
use crate::service::ServiceError;

use super::fault::Fault;

/// Whether the call, or the transaction it names, led to a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    No,
    Yes,
    /// The answer was lost on the way: the transaction's state tells.
    Unknown,
}

impl Signed {
    /// The JSON member `signed`: `false`, `true` or `null`.
    pub fn json(self) -> Option<bool> {
        match self {
            Self::No => Some(false),
            Self::Yes => Some(true),
            Self::Unknown => None,
        }
    }
}

/// Who can do something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The caller's developers or staff.
    Portal,
    /// The citizen.
    Signer,
    /// Whoever runs the service.
    Operator,
    /// Nobody: it passes.
    Nobody,
}

impl Who {
    /// The member `who_acts`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portal => "portal",
            Self::Signer => "signer",
            Self::Operator => "operator",
            Self::Nobody => "nobody",
        }
    }
}

impl Problem {
    pub fn who_acts(&self) -> Who {
        const SIGNERS: [&str; 10] = [
            "wrong-pin",
            "wrong-authentication-data",
            "code-expired",
            "resend-too-soon",
            "no-more-codes",
            "locked",
            "certificate-not-valid",
            "credential-disabled",
            "signature-frozen",
            "not-yet",
        ];
        match self.status {
            _ if SIGNERS.contains(&self.code) => Who::Signer,
            500 | 501 => Who::Operator,
            429 | 502..=504 => Who::Nobody,
            _ => Who::Portal,
        }
    }
}

/// The list as a page of documentation.
pub fn markdown() -> String {
    use std::fmt::Write as _;
    let mut page = String::from(
        "# Problems\n\nEvery error of `/v1` is an RFC 9457 problem document, `type` being `urn:kyso:problem:` and a code of this list, which \
         is made\nfrom the code. `signed` says whether the call, or the transaction it names, led to a signature; `?` means that the \
         transaction's\nstate tells. `who_acts` is who can do something about it. On CSC paths the same faults carry `error` and \
         `error_description`.\n\n| code | status | what happened | signed | who acts | what to do | CSC |\n| --- | --: | --- | --- | --- | --- | --- |\n",
    );
    for row in ALL {
        let signed = match row.signed {
            Signed::No => "no",
            Signed::Yes => "yes",
            Signed::Unknown => "?",
        };
        let (status, error, _) = row.csc;
        let who = row.who_acts().name();
        // Writing to a text cannot fail.
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {signed} | {who} | {} | {status} `{error}` |",
            row.code, row.status, row.title, row.what_to_do
        );
    }
    page
}

/// One row.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// Last part of the problem type `urn:kyso:problem:<code>`. Never changes its meaning.
    pub code: &'static str,
    pub status: u16,
    pub title: &'static str,
    /// What the caller should do next.
    pub what_to_do: &'static str,
    pub signed: Signed,
    /// Status, `error` and `error_description` on CSC paths.
    pub csc: (u16, &'static str, &'static str),
    /// What the citizen's page says: what happened, what to do, whether anything was signed.
    pub vi: &'static str,
    pub en: &'static str,
}

macro_rules! problems {
    ($($name:ident = $code:literal $status:literal $title:literal, do $what:literal,
       csc $csc_status:literal $error:literal $description:literal, signed $signed:ident,
       vi $vi:literal, en $en:literal;)*) => {
        $(pub static $name: Problem = Problem {
            code: $code,
            status: $status,
            title: $title,
            what_to_do: $what,
            signed: Signed::$signed,
            csc: ($csc_status, $error, $description),
            vi: $vi,
            en: $en,
        };)*
        /// Every row, in the order of the source.
        pub static ALL: &[&Problem] = &[$(&$name),*];
    };
}

problems! {
    UNKNOWN_CLIENT = "unknown-client" 401 "The client is not known or its secret is wrong",
        do "Check client_id and client_secret; ask the operator for new ones if they were lost.",
        csc 401 "invalid_client" "Client authentication failed", signed No,
        vi "Cổng dịch vụ chưa được xác thực. Vui lòng báo cho cổng dịch vụ. Tài liệu chưa được ký.",
        en "The portal could not be authenticated. Please tell the portal. Nothing has been signed.";
    NO_TOKEN = "no-token" 401 "A bearer token is needed",
        do "Get a token from /oauth2/token and send it as 'Authorization: Bearer …'.",
        csc 400 "invalid_request" "Malformed authorization header", signed No,
        vi "Yêu cầu chưa được xác thực. Vui lòng mở lại từ cổng dịch vụ. Tài liệu chưa được ký.",
        en "The request was not authenticated. Please start again from the portal. Nothing has been signed.";
    INVALID_TOKEN = "invalid-token" 401 "The access token is not valid",
        do "Get a new token from /oauth2/token.",
        csc 401 "invalid_token" "The access token is not valid", signed No,
        vi "Phiên làm việc không hợp lệ. Vui lòng mở lại từ cổng dịch vụ. Tài liệu chưa được ký.",
        en "The session is not valid. Please start again from the portal. Nothing has been signed.";
    EXPIRED_TOKEN = "expired-token" 401 "The access token has expired",
        do "Get a new token from /oauth2/token.",
        csc 401 "expired_token" "The access token has expired", signed No,
        vi "Phiên làm việc đã hết hạn. Vui lòng mở lại từ cổng dịch vụ. Tài liệu chưa được ký.",
        en "The session has expired. Please start again from the portal. Nothing has been signed.";
    NOT_FOUND = "not-found" 404 "There is nothing at this address",
        do "Check the identifier. What belongs to another client looks the same as what does not exist.",
        csc 400 "invalid_request" "Invalid parameter", signed No,
        vi "Liên kết này không dùng được. Vui lòng mở lại yêu cầu ký từ cổng dịch vụ công.",
        en "This link cannot be used. Please open the signing request again from the portal.";
    CREDENTIAL_DISABLED = "credential-disabled" 409 "The credential is disabled",
        do "Use another credential, or ask the operator to enable it.",
        csc 400 "invalid_request" "The credential identified by credentialID is disabled", signed No,
        vi "Chữ ký số đang bị tạm khóa. Vui lòng liên hệ nơi cấp chữ ký số. Tài liệu chưa được ký.",
        en "The signing credential is frozen. Please contact its issuer. Nothing has been signed.";
    FROZEN = "signature-frozen" 409 "The signer has frozen their signature",
        do "Tell the signer; only the operator lifts it, after making sure who asks.",
        csc 400 "invalid_request" "The credential identified by credentialID is disabled", signed No,
        vi "Chữ ký số của Ông/Bà đang tạm khóa. Tài liệu chưa được ký. Để mở khóa, vui lòng liên hệ đơn vị vận hành dịch vụ ký số.",
        en "Your signature is frozen. Nothing has been signed. To unfreeze it, please contact the operator of the signing service.";
    CERTIFICATE_NOT_VALID = "certificate-not-valid" 409 "The signing certificate is not valid now",
        do "Renew the signer's certificate, or use another credential.",
        csc 400 "invalid_request" "Invalid certificate status", signed No,
        vi "Chứng thư chữ ký số không còn hiệu lực. Vui lòng gia hạn rồi ký lại. Tài liệu chưa được ký.",
        en "The signing certificate is not valid now. Please renew it, then sign again. Nothing has been signed.";
    HOSTED_ONLY = "hosted-only" 409 "The code of this credential is typed on the service's own page only",
        do "Send the signer to /oauth2/authorize with scope=credential, or create a request with POST /v1/requests.",
        csc 403 "access_denied" "The credential is authorized on the page of the signing service only", signed No,
        vi "Chữ ký số này chỉ xác nhận trên trang ký số. Vui lòng mở lại từ cổng dịch vụ. Tài liệu chưa được ký.",
        en "This credential is confirmed on the signing page only. Please start again from the portal. Nothing has been signed.";
    INVALID_SAD = "invalid-sad" 400 "The signature activation data are not valid",
        do "Call credentials/authorize again.",
        csc 400 "invalid_request" "Invalid parameter SAD", signed No,
        vi "Xác nhận không hợp lệ. Vui lòng xác nhận lại. Tài liệu chưa được ký.",
        en "The confirmation is not valid. Please confirm again. Nothing has been signed.";
    SAD_EXPIRED = "sad-expired" 400 "The signature activation data have expired",
        do "Call credentials/authorize again.",
        csc 400 "invalid_request" "SAD expired", signed No,
        vi "Xác nhận đã hết hạn. Vui lòng xác nhận lại. Tài liệu chưa được ký.",
        en "The confirmation has expired. Please confirm again. Nothing has been signed.";
    HASH_NOT_AUTHORIZED = "hash-not-authorized" 403 "A hash is not authorised, or was signed before",
        do "Authorise exactly the hashes to be signed; each is signed once.",
        csc 400 "invalid_request" "Hash is not authorized by the SAD", signed No,
        vi "Tài liệu khác với tài liệu đã xác nhận. Vui lòng báo cho cổng dịch vụ. Tài liệu chưa được ký.",
        en "The document differs from the one that was confirmed. Please tell the portal. Nothing has been signed.";
    UNSUPPORTED_ALGORITHM = "unsupported-algorithm" 422 "The key does not sign with this algorithm",
        do "Use one of the algorithms in key.algo of credentials/info.",
        csc 400 "invalid_request" "Invalid parameter signAlgo", signed No,
        vi "Thuật toán ký không phù hợp. Vui lòng báo cho cổng dịch vụ. Tài liệu chưa được ký.",
        en "The signature algorithm does not fit. Please tell the portal. Nothing has been signed.";
    NO_HASHES = "no-hashes" 422 "No hash was given",
        do "Send at least one hash.",
        csc 400 "invalid_request" "Empty hash array", signed No,
        vi "Yêu cầu không có tài liệu nào. Vui lòng báo cho cổng dịch vụ. Tài liệu chưa được ký.",
        en "The request holds no document. Please tell the portal. Nothing has been signed.";
    NUMBER_OF_SIGNATURES = "number-of-signatures" 422 "The number of signatures is out of bounds",
        do "Ask for at most credentials/info's multisign signatures at a time.",
        csc 400 "invalid_request" "Numbers of signatures is too high", signed No,
        vi "Yêu cầu có quá nhiều tài liệu. Vui lòng báo cho cổng dịch vụ. Tài liệu chưa được ký.",
        en "The request holds too many documents. Please tell the portal. Nothing has been signed.";
    NOT_PROVEN = "authenticator-not-proven" 422 "The authenticator did not prove itself",
        do "Let the signer try again with the same link.",
        csc 400 "invalid_request" "The authenticator did not prove itself", signed No,
        vi "Ứng dụng hoặc khóa truy cập chưa được xác nhận. Vui lòng mở lại liên kết và thử lại. Chưa có gì được ký.",
        en "The app or passkey was not confirmed. Please open the link again and retry. Nothing has been signed.";
    WRONG_PIN = "wrong-pin" 403 "The PIN is wrong",
        do "Ask the signer to enter it again; the number of tries is limited.",
        csc 400 "invalid_authentication_data" "The authentication data is invalid", signed No,
        vi "Mã PIN không đúng. Vui lòng nhập lại. Tài liệu chưa được ký.",
        en "The PIN is not right. Please enter it again. Nothing has been signed.";
    WRONG_AUTHENTICATION_DATA = "wrong-authentication-data" 403 "The code is wrong",
        do "Ask the signer to enter it again; the number of tries is limited.",
        csc 400 "invalid_authentication_data" "The authentication data is invalid", signed No,
        vi "Mã không đúng. Vui lòng kiểm tra tin nhắn và nhập lại. Tài liệu chưa được ký.",
        en "The code is not right. Please check the message and enter it again. Nothing has been signed.";
    CODE_EXPIRED = "code-expired" 403 "The one-time code has expired or was used",
        do "Have a new code sent.",
        csc 400 "invalid_authentication_data" "The one-time code has expired or was used", signed No,
        vi "Mã đã hết hạn. Vui lòng yêu cầu mã mới. Tài liệu chưa được ký.",
        en "The code has expired. Please ask for a new one. Nothing has been signed.";
    LOCKED = "locked" 403 "Too many wrong codes",
        do "Start a new transaction.",
        csc 400 "invalid_request" "Credential locked", signed No,
        vi "Mã sai quá nhiều lần nên yêu cầu đã bị dừng. Vui lòng tạo yêu cầu mới từ cổng dịch vụ. Tài liệu chưa được ký.",
        en "Too many wrong codes, so the request was stopped. Please start a new one from the portal. Nothing has been signed.";
    RESEND_TOO_SOON = "resend-too-soon" 429 "A new code cannot be sent yet",
        do "Wait for the time in Retry-After.",
        csc 429 "invalid_request" "A new code cannot be sent yet", signed No,
        vi "Chưa thể gửi lại mã ngay. Vui lòng đợi một lát rồi thử lại. Tài liệu chưa được ký.",
        en "A new code cannot be sent yet. Please wait a moment and try again. Nothing has been signed.";
    NO_MORE_CODES = "no-more-codes" 429 "No more codes can be sent",
        do "Start a new transaction.",
        csc 429 "invalid_request" "No more codes can be sent", signed No,
        vi "Đã gửi hết số mã cho yêu cầu này. Vui lòng tạo yêu cầu mới từ cổng dịch vụ. Tài liệu chưa được ký.",
        en "No more codes can be sent for this request. Please start a new one from the portal. Nothing has been signed.";
    GUESSES_SPENT = "too-many-wrong-entries" 429 "Too many wrong codes or PINs for this signer",
        do "Wait for the time in Retry-After; nothing is compared before.",
        csc 400 "invalid_request" "Credential locked", signed No,
        vi "Mã hoặc PIN sai quá nhiều lần nên việc xác nhận tạm bị khóa để bảo vệ chữ ký của Ông/Bà. Vui lòng thử lại sau. Tài liệu chưa được ký.",
        en "Too many wrong codes or PINs, so confirming is locked for a while to protect your signature. Please try again later. Nothing has been signed.";
    CODES_SPENT = "too-many-codes" 429 "Too many codes were sent to this signer",
        do "Wait for the time in Retry-After. Codes that confirmed something do not count.",
        csc 429 "invalid_request" "Too many codes were sent to this signer", signed No,
        vi "Đã gửi nhiều mã mà chưa dùng. Vui lòng dùng mã vừa nhận, hoặc thử lại sau. Tài liệu chưa được ký.",
        en "Several codes were sent and not used. Please use the one you received, or try again later. Nothing has been signed.";
    MESSAGES_SPENT = "message-budget" 503 "The day's budget of messages is used up",
        do "Wait for the time in Retry-After, or confirm with another method; tell the operator.",
        csc 503 "temporarily_unavailable" "The one-time code cannot be delivered now", signed No,
        vi "Hôm nay hệ thống đã gửi hết số tin nhắn cho phép. Vui lòng dùng cách xác nhận khác hoặc thử lại vào ngày mai. Tài liệu chưa được ký.",
        en "The service has sent all the messages it may send today. Please confirm in another way or try again tomorrow. Nothing has been signed.";
    DOCUMENT = "document-not-signable" 422 "A document cannot be signed",
        do "Mend or replace the document named in the detail.",
        csc 400 "invalid_request" "Invalid Base64 documents string parameter", signed No,
        vi "Tài liệu không thể ký số được. Vui lòng báo cho cổng dịch vụ. Tài liệu chưa được ký.",
        en "The document cannot be signed. Please tell the portal. Nothing has been signed.";
    WRONG_STATE = "wrong-state" 409 "The transaction is no longer in the state this call needs",
        do "Read the transaction's state; it never goes back. Create a new one if needed.",
        csc 400 "invalid_request" "The transaction is no longer open", signed No,
        vi "Yêu cầu này không còn chờ ký. Vui lòng tải lại trang để xem trạng thái.",
        en "This request is no longer waiting. Please reload the page to see its state.";
    BEING_SIGNED = "being-signed" 409 "The transaction is confirmed and being signed",
        do "Read the transaction's state until it is signed or failed.",
        csc 400 "invalid_request" "The transaction is no longer open", signed Unknown,
        vi "Tài liệu đã được xác nhận và đang được ký. Vui lòng tải lại trang để xem kết quả.",
        en "The document is confirmed and being signed. Please reload the page to see the result.";
    ALREADY_SIGNED = "already-signed" 409 "The transaction is signed",
        do "Fetch the signed documents.",
        csc 400 "invalid_request" "The transaction is no longer open", signed Yes,
        vi "Tài liệu đã được ký. Vui lòng quay lại cổng dịch vụ để nhận tài liệu.",
        en "The document has been signed. Please return to the portal to receive it.";
    IDEMPOTENCY_MISMATCH = "idempotency-mismatch" 422 "The Idempotency-Key was used with another body",
        do "Use a new key for a new request; repeat the same body to repeat a request.",
        csc 400 "invalid_request" "Invalid Idempotency-Key", signed No,
        vi "Yêu cầu bị trùng. Vui lòng báo cho cổng dịch vụ. Tài liệu chưa được ký.",
        en "The request was sent twice with different content. Please tell the portal. Nothing has been signed.";
    NOT_YET = "not-yet" 409 "Others have to sign before",
        do "Wait until those of an earlier turn have signed; the page shows who they are.",
        csc 400 "invalid_request" "Others have to sign before", signed No,
        vi "Chưa đến lượt Ông/Bà ký. Vui lòng mở lại liên kết này sau khi những người trước đã ký.",
        en "It is not your turn yet. Please open this link again when those before you have signed.";
    IDEMPOTENCY_IN_FLIGHT = "idempotency-in-flight" 409 "A call with this Idempotency-Key is still being worked on",
        do "Wait for the time in Retry-After, then send the same request again.",
        csc 409 "invalid_request" "Idempotency-Key in use", signed No,
        vi "Yêu cầu này đang được xử lý. Vui lòng đợi một lát rồi thử lại. Tài liệu chưa được ký.",
        en "This request is being worked on. Please wait a moment and try again. Nothing has been signed.";
    ADDRESS = "address-not-allowed" 422 "No message may be sent to this address",
        do "Give an https address of a public host, without user name or password, on port 443.",
        csc 400 "invalid_request" "Invalid parameter url", signed No,
        vi "Địa chỉ nhận thông báo không được chấp nhận. Vui lòng dùng địa chỉ https công khai. Tài liệu chưa được ký.",
        en "Messages cannot be sent to this address. Please use a public https address. Nothing has been signed.";
    LIMIT = "limit-exceeded" 422 "A limit is exceeded",
        do "Send less; the detail names the limit.",
        csc 400 "invalid_request" "A limit is exceeded", signed No,
        vi "Yêu cầu vượt giới hạn. Vui lòng báo cho cổng dịch vụ. Tài liệu chưa được ký.",
        en "The request exceeds a limit. Please tell the portal. Nothing has been signed.";
    INVALID = "invalid-field" 422 "A field is not acceptable",
        do "Correct the field named in the detail.",
        csc 400 "invalid_request" "Invalid parameter", signed No,
        vi "Dữ liệu gửi lên không hợp lệ. Vui lòng kiểm tra rồi thử lại. Tài liệu chưa được ký.",
        en "What was sent is not valid. Please check it and try again. Nothing has been signed.";
    ATTRIBUTE = "attribute-not-allowed" 422 "A signed attribute is not allowed, or cannot be written",
        do "Correct the member the detail speaks of.",
        csc 400 "invalid_request" "Invalid parameter", signed No,
        vi "Thuộc tính chữ ký không hợp lệ. Vui lòng kiểm tra rồi thử lại. Tài liệu chưa được ký.",
        en "A signature attribute is not valid. Please check it and try again. Nothing has been signed.";
    CHANNEL_DOWN = "channel-down" 503 "The one-time code cannot be delivered now",
        do "Try again in a few minutes.",
        csc 503 "temporarily_unavailable" "The one-time code cannot be delivered now", signed No,
        vi "Chưa gửi được tin nhắn. Vui lòng thử lại sau ít phút. Tài liệu chưa được ký.",
        en "The message could not be sent. Please try again in a few minutes. Nothing has been signed.";
    TRUST_SERVICE_DOWN = "trust-service-unavailable" 503 "A time-stamp or revocation information cannot be had now",
        do "Try again in a few minutes, or ask for a lower level.",
        csc 503 "temporarily_unavailable" "A trust service does not answer", signed No,
        vi "Dịch vụ cấp dấu thời gian đang gián đoạn. Vui lòng thử lại sau ít phút. Tài liệu chưa được ký.",
        en "The time-stamp service does not answer. Please try again in a few minutes. Nothing has been signed.";
    STORAGE = "storage-unavailable" 503 "The service cannot reach its records now",
        do "Read the transaction's state before trying again; tell the operator the request_id if it lasts.",
        csc 503 "temporarily_unavailable" "The service is temporarily unavailable", signed Unknown,
        vi "Hệ thống đang gián đoạn. Vui lòng thử lại sau ít phút và xem tài liệu đã được ký hay chưa.",
        en "The service is interrupted. Please try again in a few minutes and see whether the document was signed.";
    KEY_UNAVAILABLE = "key-unavailable" 503 "The signing key cannot be used now",
        do "Try again in a minute; tell the operator the request_id if it lasts.",
        csc 503 "temporarily_unavailable" "The signing key cannot be used now", signed No,
        vi "Chưa dùng được khóa ký. Vui lòng thử lại sau ít phút. Tài liệu chưa được ký.",
        en "The signing key cannot be used now. Please try again in a few minutes. Nothing has been signed.";
    INTERNAL = "internal" 500 "Something went wrong in the service",
        do "Tell the operator the request_id.",
        csc 500 "server_error" "Something went wrong in the service", signed No,
        vi "Hệ thống gặp lỗi. Vui lòng thử lại sau ít phút. Tài liệu chưa được ký.",
        en "Something went wrong on our side. Please try again in a few minutes. Nothing has been signed.";
    // Faults of HTTP itself.
    CRASHED = "crashed" 500 "The call was broken off by a fault in the service",
        do "Read the transaction's state before trying again; tell the operator the request_id.",
        csc 500 "server_error" "The call was broken off by a fault in the service", signed Unknown,
        vi "Hệ thống gặp lỗi. Vui lòng tải lại trang để xem tài liệu đã được ký hay chưa.",
        en "Something went wrong on our side. Please reload the page to see whether the document was signed.";
    TIMEOUT = "timeout" 504 "The call took too long",
        do "Read the transaction's state before trying again; what was begun goes on.",
        csc 503 "temporarily_unavailable" "The call took too long", signed Unknown,
        vi "Hệ thống phản hồi chậm. Vui lòng tải lại trang để xem tài liệu đã được ký hay chưa.",
        en "The service is slow. Please reload the page to see whether the document was signed.";
    TOO_MANY_CALLS = "too-many-calls" 429 "The portal has used up its calls for now",
        do "Wait for the time in Retry-After; the RateLimit headers say how many calls are left.",
        csc 429 "temporarily_unavailable" "Too many calls", signed No,
        vi "Cổng dịch vụ gửi quá nhiều yêu cầu. Vui lòng thử lại sau ít giây. Yêu cầu vừa rồi chưa được xử lý.",
        en "The portal sent too many requests. Please try again in a few seconds. The last step was not carried out.";
    OVERLOADED = "overloaded" 503 "The service is busy",
        do "Wait for the time in Retry-After, then send the same request again.",
        csc 503 "temporarily_unavailable" "The service is busy", signed No,
        vi "Hệ thống đang bận. Vui lòng thử lại sau ít giây. Yêu cầu vừa rồi chưa được xử lý.",
        en "The service is busy. Please try again in a few seconds. Your last step was not carried out.";
    NO_SUCH_PATH = "no-such-path" 404 "There is nothing at this address",
        do "Check the path against the documentation.",
        csc 404 "access_denied" "There is no such method", signed No,
        vi "Liên kết này không dùng được. Vui lòng mở lại yêu cầu ký từ cổng dịch vụ công.",
        en "This link cannot be used. Please open the signing request again from the portal.";
    METHOD_NOT_ALLOWED = "method-not-allowed" 405 "This address takes another HTTP method",
        do "Use a method listed in the Allow header.",
        csc 405 "invalid_request" "The method is called with another HTTP verb", signed No,
        vi "Liên kết này không dùng được theo cách đó. Vui lòng mở lại yêu cầu ký từ cổng dịch vụ công.",
        en "This link cannot be used that way. Please open the signing request again from the portal.";
    NOT_IMPLEMENTED = "not-implemented" 501 "The service does not offer this method",
        do "Use the methods listed by info.",
        csc 501 "invalid_request" "The method is not implemented by this service; info lists those that are", signed No,
        vi "Chức năng này chưa được hỗ trợ. Tài liệu chưa được ký.",
        en "This function is not offered. Nothing has been signed.";
    BODY_TOO_LARGE = "body-too-large" 413 "The request is too large",
        do "Send less in one request, or only the hash of the document (CSC signHash).",
        csc 413 "invalid_request" "The request is too large", signed No,
        vi "Dữ liệu gửi lên quá lớn. Tài liệu chưa được ký.",
        en "What was sent is too large. Nothing has been signed.";
    BODY_UNREADABLE = "body-unreadable" 400 "The request body could not be read",
        do "Send the request again, whole.",
        csc 400 "invalid_request" "The request body could not be read", signed No,
        vi "Không đọc được dữ liệu gửi lên. Vui lòng thử lại. Tài liệu chưa được ký.",
        en "What was sent could not be read. Please try again. Nothing has been signed.";
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type" 415 "The content type is not the one this address takes",
        do "Send JSON as application/json, forms as application/x-www-form-urlencoded.",
        csc 415 "invalid_request" "The content type must be application/json", signed No,
        vi "Dữ liệu gửi lên không đúng định dạng. Tài liệu chưa được ký.",
        en "What was sent has the wrong format. Nothing has been signed.";
    MALFORMED_JSON = "malformed-json" 400 "The body is not the JSON this address takes",
        do "Correct the body; the detail says where it fails.",
        csc 400 "invalid_request" "The request is not a JSON object", signed No,
        vi "Dữ liệu gửi lên không đúng định dạng. Tài liệu chưa được ký.",
        en "What was sent has the wrong format. Nothing has been signed.";
    LEVEL_NOT_SUPPORTED = "level-not-supported" 422 "This signature level is not offered here",
        do "Ask for level B-B, or leave the level out.",
        csc 400 "invalid_request" "Invalid parameter conformance_level", signed No,
        vi "Mức chữ ký này chưa được hỗ trợ. Tài liệu chưa được ký.",
        en "This signature level is not offered here. Nothing has been signed.";
    VERIFICATION_TOO_COSTLY = "verification-too-costly" 422 "Verifying this file takes more time or memory than is spent on one here",
        do "Verify it with the command 'kyso verify' on a machine of your own.",
        csc 400 "invalid_request" "The document is too costly to verify", signed No,
        vi "Tệp này cần quá nhiều thời gian hoặc bộ nhớ để kiểm tra. Tài liệu chưa được ký.",
        en "Verifying this file takes too much time or memory. Nothing has been signed.";
    VERIFIER_FAILED = "verifier-failed" 500 "The verifier could not do its work",
        do "Tell the operator the request_id.",
        csc 500 "server_error" "The verifier could not do its work", signed No,
        vi "Chưa kiểm tra được tệp do lỗi hệ thống. Vui lòng thử lại sau ít phút. Tài liệu chưa được ký.",
        en "The file could not be verified by a fault on our side. Please try again in a few minutes. Nothing has been signed.";
    NOT_ACCEPTABLE = "not-acceptable" 406 "None of the accepted media types is offered here",
        do "Accept application/json, text/plain or text/html.",
        csc 406 "invalid_request" "None of the accepted media types is offered", signed No,
        vi "Định dạng kết quả được yêu cầu không có. Tài liệu chưa được ký.",
        en "The result is not offered in the form that was asked for. Nothing has been signed.";
    INVALID_GRANT_REQUEST = "invalid-grant-request" 400 "The token request is not acceptable",
        do "Read error and error_description: they are those of RFC 6749, RFC 9126 and RFC 9396.",
        csc 400 "invalid_request" "The token request is not acceptable", signed No,
        vi "Yêu cầu xác thực không hợp lệ. Tài liệu chưa được ký.",
        en "The token request is not acceptable. Nothing has been signed.";
    CLIENT_NOT_FITTING = "authorization-not-fitting" 400 "The authorisation request does not fit its client",
        do "Check client_id, and that redirect_uri is registered character by character; a request_uri is used once, soon.",
        csc 400 "invalid_request" "The authorization request does not fit its client", signed No,
        vi "Yêu cầu không đến từ đúng cổng dịch vụ đã đăng ký hoặc đã cũ. Vui lòng bắt đầu lại từ cổng dịch vụ. Tài liệu chưa được ký.",
        en "The request does not come from the registered portal, or is too old. Please start again from the portal. Nothing has been signed.";
    SIGN_IN_FAILED = "sign-in-failed" 403 "The sign-in at the identity provider did not succeed",
        do "Open the page again and sign in anew.",
        csc 403 "access_denied" "The sign-in did not succeed", signed No,
        vi "Đăng nhập không thành công hoặc đã hết hạn. Vui lòng mở lại liên kết từ cổng dịch vụ và đăng nhập lại. Tài liệu chưa được ký.",
        en "The sign-in did not succeed or has expired. Please open the link from the portal again and sign in anew. Nothing has been signed.";
    UNKNOWN_PERSON = "unknown-person" 403 "The person who signed in is no signer of this service",
        do "Sign in with the account that is registered for signing.",
        csc 403 "access_denied" "The person is not a signer", signed No,
        vi "Tài khoản này chưa đăng ký ký số. Vui lòng đăng nhập bằng tài khoản đã đăng ký. Tài liệu chưa được ký.",
        en "This account is not registered for signing. Please sign in with the registered one. Nothing has been signed.";
    PROVIDER_DOWN = "identity-provider-unavailable" 503 "The identity provider does not answer",
        do "Try again in a few minutes.",
        csc 503 "temporarily_unavailable" "The identity provider does not answer", signed No,
        vi "Hệ thống đăng nhập chưa trả lời. Vui lòng thử lại sau ít phút. Tài liệu chưa được ký.",
        en "The sign-in service does not answer. Please try again in a few minutes. Nothing has been signed.";
    INSUFFICIENT_SCOPE = "insufficient-scope" 403 "The access token does not reach as far",
        do "Use a token of the portal itself (client credentials), or of scope service.",
        csc 403 "access_denied" "The access token does not reach as far", signed No,
        vi "Phiên làm việc không đủ quyền. Vui lòng mở lại từ cổng dịch vụ. Tài liệu chưa được ký.",
        en "The session does not reach as far. Please start again from the portal. Nothing has been signed.";
    CROSS_SITE = "cross-site" 403 "The form was sent from another site",
        do "Send the form from the service's own page.",
        csc 403 "access_denied" "The form was sent from another site", signed No,
        vi "Thao tác được gửi từ một trang khác nên đã bị chặn. Vui lòng mở lại từ cổng dịch vụ. Tài liệu chưa được ký.",
        en "The step was sent from another site and was blocked. Please start again from the portal. Nothing has been signed.";
}

impl From<ServiceError> for Fault {
    fn from(error: ServiceError) -> Self {
        use ServiceError as E;
        let told = |problem| Fault::new(problem).detail(error.to_string());
        match &error {
            E::UnknownClient => told(&UNKNOWN_CLIENT),
            E::InvalidToken => told(&INVALID_TOKEN).challenge("invalid_token"),
            E::ExpiredToken => told(&EXPIRED_TOKEN).challenge("invalid_token"),
            E::InsufficientScope => told(&INSUFFICIENT_SCOPE).challenge("insufficient_scope"),
            E::Oauth { error: word, description } => told(&INVALID_GRANT_REQUEST).csc(word.name(), description.clone()),
            E::NotFound(what) => told(&NOT_FOUND).csc_description(format!("Invalid parameter {}", parameter(what))),
            E::CredentialDisabled => told(&CREDENTIAL_DISABLED),
            E::Frozen => told(&FROZEN),
            E::CertificateNotValid => told(&CERTIFICATE_NOT_VALID),
            E::HostedOnly => told(&HOSTED_ONLY),
            E::InvalidSad => told(&INVALID_SAD),
            E::SadExpired => told(&SAD_EXPIRED),
            E::HashNotAuthorized => told(&HASH_NOT_AUTHORIZED),
            E::UnsupportedAlgorithm { .. } => told(&UNSUPPORTED_ALGORITHM),
            E::NoHashes => told(&NO_HASHES),
            E::NumberOfSignatures { .. } => told(&NUMBER_OF_SIGNATURES),
            E::NotProven => told(&NOT_PROVEN),
            E::WrongPin => told(&WRONG_PIN),
            E::WrongAuthenticationData { .. } => told(&WRONG_AUTHENTICATION_DATA),
            E::CodeExpired => told(&CODE_EXPIRED),
            E::Locked => told(&LOCKED),
            E::ResendTooSoon { seconds } => told(&RESEND_TOO_SOON).retry_after(*seconds),
            E::NoMoreCodes => told(&NO_MORE_CODES),
            E::GuessesSpent { seconds } => told(&GUESSES_SPENT).retry_after(*seconds),
            E::CodesSpent { seconds } => told(&CODES_SPENT).retry_after(*seconds),
            E::MessagesSpent { seconds } => told(&MESSAGES_SPENT).retry_after(*seconds),
            E::Document { .. } => told(&DOCUMENT),
            E::State(StateKind::Signed) => told(&ALREADY_SIGNED),
            E::State(StateKind::Confirmed | StateKind::Signing) => told(&BEING_SIGNED),
            E::State(_) => told(&WRONG_STATE),
            E::IdempotencyMismatch => told(&IDEMPOTENCY_MISMATCH),
            E::NotYet => told(&NOT_YET),
            E::IdempotencyInFlight => told(&IDEMPOTENCY_IN_FLIGHT).retry_after(1),
            E::Address(_) => told(&ADDRESS),
            E::Limit { .. } => told(&LIMIT).csc_description(error.to_string()),
            E::Invalid { what, .. } => told(&INVALID).csc_description(format!("Invalid parameter {what}")),
            E::Attribute(_) => told(&ATTRIBUTE),
            E::NoTrustServices => told(&LEVEL_NOT_SUPPORTED),
            E::TrustService(_) => Fault::new(&TRUST_SERVICE_DOWN).cause(&error).retry_after(60),
            E::ChannelDown => Fault::new(&CHANNEL_DOWN).cause(&error).retry_after(60),
            E::Storage(_) => Fault::new(&STORAGE).cause(&error).retry_after(10),
            E::Custody(_) => Fault::new(&KEY_UNAVAILABLE).cause(&error).retry_after(10),
            E::Internal(_) => Fault::new(&INTERNAL).cause(&error),
        }
    }
}

/// The CSC parameter that names such a thing.
fn parameter(what: &str) -> &str {
    match what {
        "credential" => "credentialID",
        "signer" => "userID",
        "challenge" => "authObjectID",
        other => other,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::custody::CustodyError;
    use crate::domain::KeyAlgorithm;
    use crate::service::DocumentProblem;
    use crate::signing::extras::AttributeRule;
    use crate::storage::StorageError;
    use std::collections::HashSet;

    /// One of each variant; the match above keeps the table complete, this keeps it looked at.
    pub fn one_of_each() -> Vec<ServiceError> {
        use ServiceError as E;
        vec![
            E::UnknownClient,
            E::InvalidToken,
            E::ExpiredToken,
            E::InsufficientScope,
            E::Oauth { error: crate::service::oauth::OauthError::InvalidGrant, description: "x".into() },
            E::NotFound("credential"),
            E::NotProven,
            E::WrongPin,
            E::CredentialDisabled,
            E::Frozen,
            E::CertificateNotValid,
            E::HostedOnly,
            E::InvalidSad,
            E::SadExpired,
            E::HashNotAuthorized,
            E::UnsupportedAlgorithm { key: KeyAlgorithm::P256, algorithm: "x".into() },
            E::NoHashes,
            E::NumberOfSignatures { max: 1 },
            E::WrongAuthenticationData { tries_left: 3 },
            E::CodeExpired,
            E::Locked,
            E::ResendTooSoon { seconds: 30 },
            E::NoMoreCodes,
            E::GuessesSpent { seconds: 30 },
            E::CodesSpent { seconds: 30 },
            E::MessagesSpent { seconds: 30 },
            E::Document { name: "a.pdf".into(), problem: DocumentProblem::Empty },
            E::State(StateKind::Refused),
            E::State(StateKind::Signing),
            E::State(StateKind::Signed),
            E::IdempotencyMismatch,
            E::NotYet,
            E::IdempotencyInFlight,
            E::Address(crate::trust::guard::Forbidden::Malformed),
            E::Limit { what: "documents", max: 1 },
            E::Invalid { what: "description", why: "it is too long" },
            E::Attribute(AttributeRule::Country),
            E::NoTrustServices,
            E::TrustService("the time-stamping authority does not answer".into()),
            E::ChannelDown,
            E::Storage(StorageError::Unavailable("SECRET CAUSE".into())),
            E::Custody(CustodyError::Temporary("SECRET CAUSE".into())),
            E::Internal("SECRET CAUSE".into()),
        ]
    }

    #[test]
    fn every_error_has_a_row_of_its_own() {
        let codes: HashSet<_> = one_of_each().into_iter().map(|error| Fault::from(error).problem().code).collect();
        assert_eq!(codes.len(), one_of_each().len());
    }

    /// `KYSO_UPDATE=1` writes the page instead.
    #[test]
    fn documentation_of_problems_is_the_table() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/problems.md");
        if std::env::var_os("KYSO_UPDATE").is_some() {
            std::fs::write(&file, markdown()).expect("written");
        }
        let written = std::fs::read_to_string(file).unwrap_or_default();
        assert!(written == markdown(), "run `KYSO_UPDATE=1 cargo test --lib documentation_of_problems`");
    }

    #[test]
    fn codes_are_unique_and_urn_safe() {
        let codes: HashSet<_> = ALL.iter().map(|row| row.code).collect();
        assert_eq!(codes.len(), ALL.len());
        assert!(ALL.iter().all(|row| row.code.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
    }

    #[test]
    fn every_row_speaks_both_languages_and_is_an_error() {
        for row in ALL {
            assert!((400..600).contains(&row.status) && (400..600).contains(&row.csc.0), "{}", row.code);
            let sentences = [row.title, row.what_to_do, row.csc.1, row.csc.2, row.vi, row.en];
            assert!(sentences.iter().all(|text| !text.is_empty()), "{}", row.code);
            assert!(row.vi != row.en && !row.vi.is_ascii(), "{}", row.code);
        }
    }

    #[test]
    fn the_services_own_faults_keep_their_cause_to_themselves() {
        for error in one_of_each() {
            let fault = Fault::from(error);
            for shape in super::super::fault::Shape::ALL {
                let body = fault.body(shape, "r-1").expect("a body");
                assert!(!body.contains("SECRET"), "{body}");
            }
        }
    }
}
