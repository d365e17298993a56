//! Every sentence of the desk, in Vietnamese and English side by side. The frame around its pages speaks with the citizen's table.

use time::macros::format_description;
use time::{Date, OffsetDateTime};

use crate::domain::webhook::{EventKind, WebhookState};
use crate::domain::{FailureReason, StateKind};
use crate::storage::webhooks::DeliveryState;

use super::super::confirm::{Language, words};

words! {
    lang: "vi", "en";
    brand: "quản trị cổng dịch vụ", "portal desk";
    footer: "Trang này chỉ dùng cookie cần cho việc đăng nhập và không tải nội dung từ bên thứ ba. Phiên làm việc kết thúc sau 30 phút không sử dụng, chậm nhất sau 8 giờ.",
        "This page uses only the cookies that signing in needs and loads nothing from third parties. A session ends after 30 minutes without use, after 8 hours at the latest.";
    // Signing in and out.
    sign_in_title: "Đăng nhập quản trị cổng dịch vụ", "Sign in to the portal's desk";
    sign_in_text: "Trang này dành cho cán bộ của cổng dịch vụ. Đăng nhập bằng mã cổng và một khóa bí mật còn hiệu lực.",
        "For the portal's own staff. Sign in with the portal's client id and one of its live client secrets.";
    client_id: "Mã cổng (client_id)", "Client id";
    client_secret: "Khóa bí mật (client_secret)", "Client secret";
    sign_in: "Đăng nhập", "Sign in";
    sign_out: "Đăng xuất", "Sign out";
    wrong: "Mã cổng hoặc khóa bí mật không đúng, hoặc cổng này không đăng nhập bằng khóa bí mật.",
        "The client id or its secret is wrong, or this portal does not authenticate by secret.";
    too_many: "Đã thử quá nhiều lần. Vui lòng đợi một phút rồi thử lại.", "Too many tries. Please wait a minute, then try again.";
    ended: "Phiên làm việc đã kết thúc. Thao tác vừa rồi chưa được thực hiện. Vui lòng đăng nhập lại.",
        "The session has ended. The last step was not carried out. Please sign in again.";
    signed_out: "Đã đăng xuất.", "You are signed out.";
    // The frame.
    nav: "Các mục", "Sections";
    requests: "Yêu cầu ký", "Requests";
    webhooks: "Webhook", "Webhooks";
    usage: "Thống kê", "Usage";
    secrets: "Khóa bí mật", "Client secrets";
    all: "Tất cả", "All";
    filter: "Lọc theo trạng thái", "Filter by state";
    next_page: "Trang sau", "Next page";
    first_page: "Về trang đầu", "First page";
    back_to_list: "Về danh sách", "Back to the list";
    none: "Không có mục nào.", "Nothing here.";
    // A request.
    state: "Trạng thái", "State";
    number: "Mã yêu cầu", "Request number";
    created: "Tạo lúc", "Created";
    changed: "Đổi trạng thái lúc", "State since";
    expires: "Hết hạn lúc", "Expires";
    return_url: "Địa chỉ quay về", "Return address";
    signer: "Người ký", "Signer";
    signers: "Những người ký", "Signers";
    credential: "Chứng thư", "Credential";
    order: "Lượt", "Turn";
    documents: "Tài liệu", "Documents";
    fingerprint: "Mã đối chiếu", "Fingerprint";
    level: "Mức chữ ký", "Level";
    to_be_raised: "đang chờ nâng lên mức", "to be raised to";
    events: "Sự kiện", "Events";
    events_kept: "Sự kiện được giữ trong 30 ngày.", "Events are kept for 30 days.";
    no_events: "Chưa có sự kiện nào.", "No events yet.";
    nothing_signed: "Tài liệu chưa được ký.", "Nothing has been signed.";
    all_signed: "Tài liệu đã được ký. Cổng có thể tải về qua API.", "The documents have been signed. The portal can fetch them through the API.";
    being_signed: "Người ký đã xác nhận, hệ thống đang ký.", "It is confirmed and being signed.";
    cancel: "Hủy yêu cầu", "Cancel the request";
    cancel_title: "Hủy yêu cầu này?", "Cancel this request?";
    cancel_text: "Liên kết của người ký sẽ không dùng được nữa và yêu cầu không mở lại được. Không có tài liệu nào được giao ra.",
        "The signer's link will no longer work and the request cannot be reopened. No document is released.";
    cancel_yes: "Hủy yêu cầu", "Cancel the request";
    cancel_no: "Không hủy", "Keep it";
    cancelled: "Đã hủy yêu cầu.", "The request is cancelled.";
    not_cancelled: "Không hủy được: yêu cầu không còn chờ ký.", "It cannot be cancelled: the request no longer waits.";
    // Webhooks.
    address: "Địa chỉ", "Address";
    told_of: "Nhận thông báo", "Told of";
    told_of_all: "mọi sự kiện", "every event";
    old_secret_until: "Khóa cũ còn ký đến", "The old secret signs until";
    deliveries: "Các lần gửi", "Deliveries";
    no_webhooks: "Cổng chưa có địa chỉ nhận thông báo. Thêm bằng POST /v1/webhooks.", "The portal has no address yet. Add one with POST /v1/webhooks.";
    ping: "Gửi thử", "Send a ping";
    pinged: "Đã gửi thử. Tải lại trang để xem kết quả.", "A ping is on its way. Reload the page to see what came of it.";
    resend: "Gửi lại", "Send again";
    resent: "Sự kiện được gửi lại với đủ số lần thử.", "The event is on its way again, with all its tries.";
    attempts: "Số lần thử", "Tries";
    next_try: "Thử lại lúc", "Next try";
    last_try: "Lần thử cuối", "Last try";
    rotate: "Đổi khóa ký", "Replace the secret";
    rotate_text: "Khóa mới được hiện một lần. Khóa cũ còn ký song song trong 24 giờ.",
        "The new secret is shown once. The old one signs beside it for 24 hours.";
    rotate_again: "Khóa đã được đổi và khóa cũ còn ký. Để đổi lần nữa, hãy đánh dấu ô bên dưới nút.",
        "The secret was replaced already and the old one still signs. To replace it again, tick the box by the button.";
    rotate_box: "Đổi lần nữa: khóa cũ nêu trên ngừng ký ngay", "Replace it again: the old secret above stops signing now";
    webhook_secret_title: "Khóa ký mới của webhook", "The webhook's new secret";
    // Usage.
    usage_title: "Thống kê theo ngày", "Usage by day";
    period: "Khoảng thời gian", "Period";
    day: "Ngày", "Day";
    count_created: "Tạo mới", "Created";
    count_signed: "Đã ký", "Signed";
    count_refused: "Từ chối", "Refused";
    count_expired: "Hết hạn", "Expired";
    count_failed: "Không ký được", "Failed";
    count_signatures: "Chữ ký", "Signatures";
    not_signed: "Kết thúc mà không ký", "Ended unsigned";
    total: "Tổng", "Total";
    table_title: "Số liệu của biểu đồ", "The picture in numbers";
    table_hint: "Ngày theo giờ Việt Nam. Ngày không có gì được bỏ qua. Yêu cầu được tính vào ngày kết thúc; chữ ký gồm cả chữ ký trên mã băm.",
        "Days in Viet Nam. Days without anything are left out. Requests count on the day they ended; signatures include those of bare hashes.";
    no_usage: "Chưa có gì trong khoảng thời gian này.", "Nothing in this period.";
    // Client secrets.
    secrets_text: "Hai khóa có thể cùng hiệu lực trong lúc chuyển đổi: thêm khóa mới, đưa vào hệ thống của cổng, rồi ngừng khóa cũ.",
        "Two secrets can be live while you change over: add a new one, put it into the portal's systems, then retire the old one.";
    current: "Khóa mới nhất", "The newest secret";
    old: "Khóa cũ", "The old secret";
    used: "Dùng lần cuối (chính xác đến giờ)", "Last used (to the hour)";
    never_used: "chưa dùng", "never";
    add_secret: "Thêm khóa mới", "Add a new secret";
    add_text: "Nhập lại khóa đang dùng để xác nhận.", "Type the live secret again to confirm.";
    retire_title: "Giữ một khóa, ngừng khóa kia", "Keep one secret, retire the other";
    retire_text: "Nhập khóa cần giữ, thường là khóa mới. Khóa kia và mọi phiên làm việc mở bằng khóa đó kết thúc ngay; hãy xem lần dùng cuối của khóa ấy.",
        "Type the secret that stays, usually the new one. The other one and every session opened with it end at once; see when that one was last used.";
    kept_secret: "Khóa cần giữ", "The secret that stays";
    retire: "Ngừng khóa kia", "Retire the other";
    retired: "Khóa kia đã ngừng dùng.", "The other secret is retired.";
    wrong_secret: "Khóa bí mật không đúng. Chưa có gì thay đổi.", "The secret is wrong. Nothing was changed.";
    not_done: "Không thực hiện được: số khóa đã thay đổi. Hãy xem lại danh sách.", "It could not be done: the secrets have changed meanwhile. Please look at the list again.";
    secret_title: "Khóa bí mật mới của cổng", "The portal's new client secret";
    shown_once: "Khóa này chỉ hiện một lần. Hãy chép ngay vào nơi lưu khóa của cổng; không gửi qua thư hoặc tin nhắn.",
        "This secret is shown this once. Copy it to where the portal keeps its secrets now; do not send it by mail or message.";
    done: "Đã chép, tiếp tục", "I have copied it";
    // Faults.
    fault_title: "Chưa thực hiện được", "That did not work";
    unknown_title: "Không tìm thấy", "Not found";
    unknown_text: "Trang hoặc mục này không có, hoặc không thuộc cổng của bạn.", "There is no such page or entry, or it is not your portal's.";
    blocked_text: "Biểu mẫu không đến từ trang này hoặc đã cũ nên đã bị chặn. Chưa có gì thay đổi. Vui lòng mở lại trang và thử lại.",
        "The form did not come from this page, or is old, and was blocked. Nothing was changed. Please open the page again and retry.";
    unreadable_text: "Địa chỉ hoặc biểu mẫu có chỗ không đúng. Chưa có gì thay đổi.", "Something in the address or the form is not right. Nothing was changed.";
    too_fast_text: "Quá nhiều lượt xem trong một phút. Vui lòng đợi một chút rồi tải lại trang. Chưa có gì thay đổi.",
        "Too many pages within a minute. Please wait a moment, then reload. Nothing was changed.";
    house_text: "Hệ thống chưa thực hiện được. Vui lòng xem lại trạng thái rồi thử lại.", "The service could not do it. Please look at the state again, then retry.";
    reference: "Mã tham chiếu khi cần hỗ trợ", "Reference when you need help";
}

impl Words {
    pub fn of(language: Language) -> &'static Self {
        language.pick(&VI, &EN)
    }
}

/// A request's state, in a word or two.
pub fn state(kind: StateKind, language: Language) -> &'static str {
    let (vi, en) = match kind {
        StateKind::Waiting => ("Chờ ký", "Waiting"),
        StateKind::Confirmed | StateKind::Signing => ("Đang ký", "Being signed"),
        StateKind::Signed => ("Đã ký", "Signed"),
        StateKind::Refused => ("Từ chối ký", "Refused"),
        StateKind::Expired => ("Hết hạn", "Expired"),
        StateKind::Failed => ("Không ký được", "Failed"),
    };
    language.pick(vi, en)
}

/// Why a request, or a document of one, was not signed: for staff, not for the citizen.
pub fn failure(reason: FailureReason, language: Language) -> &'static str {
    let (vi, en) = match reason {
        FailureReason::Cancelled => ("Cổng dịch vụ đã hủy.", "The portal cancelled it."),
        FailureReason::TooManyWrongCodes => {
            ("Người ký nhập sai mã quá nhiều lần.", "Too many wrong codes were entered.")
        }
        FailureReason::Interrupted => {
            ("Hệ thống bị gián đoạn trong lúc ký.", "The service was interrupted while signing.")
        }
        FailureReason::DocumentNotSignable => ("Tài liệu không thể ký số được.", "The document cannot be signed."),
        FailureReason::DocumentChanged => (
            "Tài liệu lưu trên hệ thống không còn đúng với tài liệu đã xác nhận.",
            "The stored document is no longer the one that was confirmed.",
        ),
        FailureReason::KeyUnavailable => ("Hệ thống chưa dùng được khóa ký.", "The signing key could not be used."),
        FailureReason::TrustServiceUnavailable => {
            ("Dịch vụ cấp dấu thời gian không trả lời.", "The time-stamp service did not answer.")
        }
        FailureReason::AnotherSigner => {
            ("Một người ký khác đã từ chối hoặc không ký được.", "Another signer refused or could not sign.")
        }
        FailureReason::CertificateNotValid => {
            ("Chứng thư chữ ký số không còn hiệu lực.", "The signing certificate is not valid.")
        }
    };
    language.pick(vi, en)
}

pub fn event(kind: EventKind, language: Language) -> &'static str {
    let (vi, en) = match kind {
        EventKind::RequestSigned => ("Đã ký xong", "Signed"),
        EventKind::RequestRefused => ("Người ký từ chối", "Refused by a signer"),
        EventKind::RequestExpired => ("Hết hạn", "Expired"),
        EventKind::RequestFailed => ("Không ký được, hoặc đã hủy", "Failed or cancelled"),
        EventKind::SignerSigned => ("Một người đã ký", "One of the signers has signed"),
        EventKind::DocumentRaised => ("Tài liệu đạt mức chữ ký cao hơn", "A document reached a higher level"),
        EventKind::Ping => ("Gửi thử", "Ping"),
    };
    language.pick(vi, en)
}

pub fn webhook_state(state: WebhookState, language: Language) -> &'static str {
    let (vi, en) = match state {
        WebhookState::Unverified => ("Chưa kiểm tra", "Unverified"),
        WebhookState::Active => ("Hoạt động", "Active"),
        WebhookState::Disabled => ("Đã ngừng", "Disabled"),
    };
    language.pick(vi, en)
}

pub fn delivery_state(state: DeliveryState, language: Language) -> &'static str {
    let (vi, en) = match state {
        DeliveryState::Pending => ("Đang chờ gửi", "Pending"),
        DeliveryState::Delivered => ("Đã nhận", "Delivered"),
        DeliveryState::Dead => ("Không gửi được", "Given up"),
    };
    language.pick(vi, en)
}

/// `hop-dong.pdf và 2 tài liệu khác`.
pub fn and_others(name: &str, others: usize, language: Language) -> String {
    let plural = if others == 1 { "" } else { "s" };
    match others {
        0 => name.to_owned(),
        _ => language
            .pick(format!("{name} và {others} tài liệu khác"), format!("{name} and {others} other document{plural}")),
    }
}

/// Some documents of a batch were left out.
pub fn partly_signed(signed: usize, all: usize, language: Language) -> String {
    language.pick(
        format!("Đã ký {signed} trong {all} tài liệu; các tài liệu còn lại nêu rõ lý do."),
        format!("{signed} of {all} documents have been signed; the others say why not."),
    )
}

/// Some of several signers signed before the request came to a bad end.
pub fn released_nothing(signed: usize, all: usize, language: Language) -> String {
    language.pick(
        format!(
            "Đã có {signed} trong {all} người ký, nhưng yêu cầu không hoàn tất: không có tài liệu nào được giao ra."
        ),
        format!("{signed} of {all} signers had signed, but the request did not end well: no document is released."),
    )
}

/// Some of several signers have signed, and the others are waited for.
pub fn waits_for_others(signed: usize, all: usize, language: Language) -> String {
    language.pick(
        format!("Đã có {signed} trong {all} người ký. Tài liệu được giao ra khi mọi người đã ký."),
        format!("{signed} of {all} signers have signed. The documents are released when all have."),
    )
}

pub fn answered(status: u16, language: Language) -> String {
    language.pick(format!("trả lời {status}"), format!("answered {status}"))
}

pub fn last_days(days: i64, language: Language) -> String {
    language.pick(format!("{days} ngày qua"), format!("Last {days} days"))
}

/// What the picture of usage shows, in one sentence.
pub fn summary(
    span: (Date, Date),
    signed: u64,
    unsigned: u64,
    best: Option<(Date, u64)>,
    language: Language,
) -> String {
    let (from, to) = (date(span.0), date(span.1));
    let best = best.map(|(day, number)| {
        let day = date(day);
        language.pick(
            format!(" Nhiều nhất ngày {day}: {number} yêu cầu kết thúc."),
            format!(" The most on {day}: {number} requests ended."),
        )
    });
    let text = language.pick(
        format!("Từ {from} đến {to}: {signed} yêu cầu đã ký, {unsigned} kết thúc mà không ký."),
        format!("From {from} to {to}: {signed} requests signed, {unsigned} ended unsigned."),
    );
    text + &best.unwrap_or_default()
}

/// `31/01/2026`.
pub fn date(date: Date) -> String {
    date.format(format_description!("[day]/[month]/[year]")).unwrap_or_default()
}

/// `31/01`.
pub fn short_date(date: Date) -> String {
    date.format(format_description!("[day]/[month]")).unwrap_or_default()
}

/// `<time datetime>`.
pub fn machine_time(at: OffsetDateTime) -> String {
    let at = at.replace_nanosecond(0).unwrap_or(at);
    at.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sentence_is_there_in_both_languages() {
        let same_in_both = ["webhooks"];
        for (name, vi, en) in ALL {
            assert!(!vi.is_empty() && !en.is_empty(), "{name}");
            assert!(same_in_both.contains(name) || vi != en, "{name}");
        }
    }

    #[test]
    fn numbers_agree_with_their_nouns() {
        assert_eq!(and_others("a.pdf", 0, Language::En), "a.pdf");
        assert_eq!(and_others("a.pdf", 1, Language::En), "a.pdf and 1 other document");
        assert_eq!(and_others("a.pdf", 2, Language::Vi), "a.pdf và 2 tài liệu khác");
    }
}
