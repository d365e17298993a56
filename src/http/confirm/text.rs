//! Every sentence of the citizen's page, in Vietnamese and English side by side.
//!
//! Fixed sentences are one table, so a sentence without its twin does not compile; sentences with numbers are functions.
//! Words follow Law 20/2023/QH15, Decree 23/2025/NĐ-CP and Circular 15/2025/TT-BKHCN.

use time::macros::{format_description, offset};
use time::{Duration, OffsetDateTime};

use crate::domain::{FailureReason, Method, State};
use crate::service::joint::OtherSigner;

/// Language of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    #[default]
    Vi,
    En,
}

macro_rules! words {
    ($($name:ident: $vi:literal, $en:literal;)*) => {
        /// The fixed sentences in one language.
        #[derive(Debug)]
        pub struct Words {
            $(pub $name: &'static str,)*
        }
        static VI: Words = Words { $($name: $vi,)* };
        static EN: Words = Words { $($name: $en,)* };
        #[cfg(test)]
        static ALL: &[(&str, &str, &str)] = &[$((stringify!($name), $vi, $en),)*];
    };
}

words! {
    // The frame of every page.
    lang: "vi", "en";
    other_lang: "en", "vi";
    other_lang_name: "English", "Tiếng Việt";
    brand_words: "ký số từ xa", "remote signing";
    skip: "Đến nội dung chính", "Skip to the main content";
    footer: "Trang này không dùng cookie và không tải nội dung từ bên thứ ba.",
        "This page uses no cookies and loads nothing from third parties.";
    sandbox: "Môi trường thử nghiệm: chữ ký tạo ra không có giá trị pháp lý.", "Test environment: signatures made here have no legal value.";
    reference: "Mã tham chiếu khi cần hỗ trợ", "Reference when you need help";
    // Who asks.
    ask_title: "Yêu cầu ký số", "Signing request";
    asks_you: "đề nghị Ông/Bà ký số", "asks you to sign";
    came_from: "Yêu cầu đến từ", "The request comes from";
    support: "Điện thoại hỗ trợ", "Support phone";
    says: "Nội dung do cổng dịch vụ ghi", "In the portal's words";
    documents: "Tài liệu", "Documents";
    fingerprint: "Mã đối chiếu", "Fingerprint";
    fingerprint_hint: "So mã này với mã trong tin nhắn hoặc trên cổng dịch vụ: phải giống nhau.",
        "Compare it with the one in the message or on the portal: they must be the same.";
    to_signing: "Đến phần xác nhận ký", "Go to the signing step";
    // The document.
    read_title: "Đọc tài liệu trước khi ký", "Read the document before you sign";
    download: "Tải tệp về", "Download the file";
    enlarge: "Mở trang lớn hơn", "Open the page larger";
    enlarge_hint: "chạm vào trang để xem lớn hơn", "tap the page to enlarge it";
    not_shown: "Tài liệu này không hiển thị được trên trang. Vui lòng tải tệp về và đọc trước khi ký; nếu không đọc được, hãy từ chối ký.",
        "This document cannot be shown on this page. Please download the file and read it before you sign; if you cannot read it, refuse.";
    many_pages: "Tài liệu rất dài. Các trang còn lại có trong tệp.", "The document is very long. The other pages are in the file.";
    as_text: "Đọc dạng chữ", "Read as text";
    page_as_text: "dạng chữ", "as text";
    as_text_title: "Nội dung dạng chữ", "The document as text";
    as_text_hint: "Chữ được lấy từ chính tệp sẽ ký, cho trình đọc màn hình. Bố cục, hình ảnh và con dấu chỉ có trên trang.",
        "The text comes from the very file to be signed, for screen readers. Layout, pictures and seals are on the pages only.";
    no_text: "Không lấy được chữ của tài liệu này. Vui lòng tải tệp về, hoặc nhờ cổng dịch vụ gửi bản đọc được; nếu không đọc được, hãy từ chối ký.",
        "No text could be read from this document. Please download the file, or ask the portal for one that can be read; if you cannot read it, refuse.";
    no_text_on_page: "Trang này không có chữ, có thể là ảnh chụp.", "There is no text on this page; it may be a scan.";
    text_cut: "Tài liệu còn chữ không hiện ở đây. Vui lòng tải tệp về.", "There is more text than is shown here. Please download the file.";
    holds: "Tài liệu có những phần mà hình các trang không cho thấy:", "The document holds things that the pictures of its pages do not show:";
    holds_scripts: "mã lệnh, có thể làm tài liệu hiển thị khác đi ở nơi khác", "scripts, which could show it otherwise elsewhere";
    holds_layers: "các lớp có thể bật hoặc tắt", "layers that can be shown or hidden";
    holds_attachments: "tệp đính kèm; hãy tải tệp về để xem", "attached files; download the file to see them";
    holds_fields: "ô còn điền được sau khi ký", "fields that can still be filled in";
    // The signing step.
    sign_title: "Xác nhận ký số", "Confirm and sign";
    signer: "Người ký", "Signer";
    certificate: "Chứng thư chữ ký số", "Certificate";
    phone: "Số điện thoại nhận mã", "Phone for the code";
    send: "Gửi mã xác nhận", "Send the code";
    // Authenticator apps and passkeys.
    other_ways: "Cách xác nhận khác", "Other ways to confirm";
    totp_title: "Xác nhận bằng ứng dụng xác thực", "Confirm with your authenticator app";
    totp_label: "Mã trong ứng dụng xác thực (6 chữ số)", "Code in your authenticator app (6 digits)";
    control_label: "Mã kiểm soát của yêu cầu này, hiện ngay dưới đây", "Control code of this request, shown just below";
    control_hint: "Mã kiểm soát", "Control code";
    control_why: "Nhập đúng mã kiểm soát này để mã của ứng dụng chỉ dùng được cho yêu cầu đang xem.",
        "Enter exactly this control code, so that the app's code counts for the request you are looking at and for no other.";
    passkey_title: "Xác nhận bằng khóa truy cập (passkey)", "Confirm with your passkey";
    passkey_hint: "Thiết bị sẽ hỏi vân tay, khuôn mặt hoặc mã khóa máy. Khóa truy cập ký đúng yêu cầu này và không dùng được trên trang giả mạo.",
        "Your device asks for your finger, face or screen lock. The passkey signs this very request and does not work on a fake page.";
    passkey_unable: "Trình duyệt này chưa dùng được khóa truy cập. Vui lòng chọn cách khác.",
        "This browser cannot use passkeys. Please choose another way.";
    passkey_trouble: "Chưa xác nhận được bằng khóa truy cập. Tài liệu chưa được ký. Hãy thử lại hoặc chọn cách khác.",
        "The passkey was not confirmed. Nothing has been signed. Try again or choose another way.";
    enrol_title: "Đăng ký cách xác nhận", "Register a way to confirm";
    enrol_text: "Chọn một trong hai cách dưới đây. Liên kết này chỉ dùng được một lần; không chuyển cho người khác.",
        "Choose one of the two. This link works once; pass it on to nobody.";
    enrol_failed: "Chưa đăng ký được. Vui lòng thử lại.", "It was not registered. Please try again.";
    enrol_passkey: "Khóa truy cập (passkey)", "Passkey";
    enrol_passkey_hint: "An toàn nhất: không dùng được trên trang giả mạo, không cần tin nhắn.",
        "The safest way: it does not work on fake pages and needs no message.";
    enrol_passkey_button: "Tạo khóa truy cập", "Create a passkey";
    enrol_totp: "Ứng dụng xác thực", "Authenticator app";
    enrol_totp_scan: "Quét mã này bằng ứng dụng xác thực.", "Scan this with your authenticator app.";
    enrol_totp_qr: "Mã QR cho ứng dụng xác thực", "QR code for the authenticator app";
    enrol_totp_type: "Hoặc nhập khóa", "Or type this key";
    enrol_totp_enter: "Nhập mã mà ứng dụng hiện ra.", "Enter the code the app shows.";
    enrol_totp_button: "Đăng ký ứng dụng", "Register the app";
    enrolled_title: "Đã đăng ký", "Registered";
    enrolled_text: "Từ lần ký sau, Ông/Bà có thể chọn cách xác nhận này. Có thể đóng trang.",
        "From the next signature on you can choose this way. You may close this page.";
    pin_label: "Mã PIN của chữ ký số", "PIN of your signing key";
    pin_hint: "Khóa ký chỉ mở được bằng mã PIN của Ông/Bà; người vận hành hệ thống cũng không biết mã này.",
        "Only your PIN opens the signing key; not even the operator knows it.";
    code_secret: "Không đọc mã này cho bất kỳ ai, kể cả cán bộ.", "Never read this code to anyone, officials included.";
    not_received: "Chưa nhận được mã?", "No code received?";
    resend: "Gửi lại mã", "Send a new code";
    resend_kills: "Khi gửi mã mới, mã cũ không còn dùng được.", "A new code makes the old one useless.";
    no_codes: "Đã gửi hết số mã cho yêu cầu này. Vui lòng tạo yêu cầu mới từ cổng dịch vụ.",
        "No more codes can be sent for this request. Please start a new one from the portal.";
    refuse_link: "Từ chối ký", "Refuse to sign";
    // Refusing.
    refuse_title: "Từ chối ký?", "Refuse to sign?";
    refuse_text: "Yêu cầu này sẽ kết thúc và không mở lại được. Tài liệu sẽ không được ký. Cổng dịch vụ sẽ biết Ông/Bà đã từ chối.",
        "This request will end and cannot be reopened. The document will not be signed. The portal will be told that you refused.";
    refuse_yes: "Từ chối ký", "Refuse";
    refuse_no: "Quay lại tài liệu", "Back to the document";
    // Outcomes.
    signing_title: "Đang ký số", "Signing";
    signing_text: "Việc ký thường xong trong vài giây. Trang này tự tải lại. Có thể đóng trang: mở lại liên kết này sẽ thấy kết quả.",
        "It usually takes a few seconds. This page reloads by itself. You may close it: opening this link again shows the result.";
    signed_title: "Tài liệu đã được ký", "The document has been signed";
    signed_many_title: "Các tài liệu đã được ký", "The documents have been signed";
    signed_joint_title: "Ông/Bà đã ký", "You have signed";
    signed_joint_text: "Tài liệu còn chờ những người khác ký. Vui lòng lưu lại biên nhận này.",
        "The document still waits for others. Please keep this receipt.";
    not_yet_title: "Chưa đến lượt Ông/Bà ký", "It is not your turn yet";
    not_yet_text: "Còn người phải ký trước Ông/Bà. Vui lòng mở lại liên kết này sau khi họ đã ký.",
        "Others have to sign before you. Please open this link again when they have signed.";
    others: "Những người cùng ký", "Others who sign";
    signed_text: "Cổng dịch vụ có thể nhận tài liệu đã ký. Vui lòng lưu lại biên nhận này.",
        "The portal can now fetch the signed document. Please keep this receipt.";
    receipt: "Biên nhận ký số", "Receipt";
    signed_at: "Thời điểm ký", "Signed at";
    asked_by: "Bên yêu cầu", "Asked by";
    request_number: "Mã yêu cầu", "Request number";
    refused_title: "Đã từ chối ký", "You refused to sign";
    refused_text: "Tài liệu chưa được ký. Nếu đổi ý, vui lòng tạo yêu cầu mới từ cổng dịch vụ.",
        "Nothing has been signed. If you change your mind, please start a new request from the portal.";
    expired_title: "Yêu cầu đã hết hạn", "The request has expired";
    expired_text: "Tài liệu chưa được ký. Vui lòng tạo yêu cầu mới từ cổng dịch vụ.",
        "Nothing has been signed. Please start a new request from the portal.";
    failed_title: "Không ký được", "It could not be signed";
    back: "Quay lại cổng dịch vụ", "Back to the portal";
    // A link that leads nowhere, and faults.
    unknown_title: "Liên kết không dùng được", "This link cannot be used";
    unknown_text: "Liên kết đã cũ hoặc không đầy đủ. Vui lòng mở lại yêu cầu ký từ cổng dịch vụ công.",
        "The link is old or incomplete. Please open the signing request again from the portal.";
    fault_title: "Chưa thực hiện được", "That did not work";
    try_again: "Tải lại trang", "Reload the page";
    // Hashes alone (OAuth, scope credential).
    bare_hash: "Cổng dịch vụ chỉ gửi mã của tài liệu", "the portal sent only the document's hash";
    hashes_title: "Không có tài liệu trên trang này", "The documents are not on this page";
    hashes_text: "Cổng dịch vụ giữ tài liệu và chỉ gửi mã đối chiếu. Vui lòng đọc tài liệu trên cổng và so mã đối chiếu; nếu mã khác, hãy từ chối ký.",
        "The portal keeps the documents and sent their fingerprints only. Please read them on the portal and compare the fingerprints; if they differ, refuse.";
    signatures: "Số chữ ký", "Signatures";
    confirmed_title: "Đã xác nhận", "Confirmed";
    confirmed_text: "Cổng dịch vụ có thể lấy chữ ký trong vài phút tới. Vui lòng quay lại cổng dịch vụ.",
        "The portal can fetch the signatures within the next minutes. Please return to the portal.";
    // Access for a portal (OAuth, scope service).
    access_title: "Cho phép truy cập", "Access";
    access_asks: "xin phép xem các chứng thư chữ ký số của Ông/Bà", "asks to see your signing certificates";
    access_means: "Cổng dịch vụ sẽ thấy danh sách chứng thư chữ ký số và có thể gửi yêu cầu ký. Mỗi chữ ký vẫn cần Ông/Bà xác nhận riêng.",
        "The portal will see the list of your certificates and may send signing requests. Each signature still needs your own confirmation.";
    access_phone: "Số điện thoại đã đăng ký ký số", "Phone number registered for signing";
    access_sent: "Nếu số này đã đăng ký, mã xác nhận đã được gửi đến số đó, hoặc đến thư điện tử đã đăng ký cùng số đó.",
        "If this number is registered, a code was sent to it, or to the e-mail address registered with it.";
    access_wrong: "Mã không đúng hoặc đã hết hạn. Chưa cho phép truy cập. Có thể bắt đầu lại từ cổng dịch vụ.",
        "The code is not right or has expired. No access was given. You may start again from the portal.";
    access_agree: "Cho phép", "Allow";
    access_refuse: "Không cho phép", "Do not allow";
    // "This was not me", and freezing.
    not_me_link: "Không phải tôi yêu cầu", "This was not me";
    not_me_title: "Không phải Ông/Bà yêu cầu ký?", "You did not ask for this?";
    not_me_text: "Hãy tạm khóa chữ ký số ngay nếu Ông/Bà không yêu cầu, hoặc có người gọi điện thúc giục ký.",
        "Freeze your signature now if you did not ask for this, or if somebody on the phone urges you to sign.";
    freeze_title: "Tạm khóa chữ ký số?", "Freeze your signature?";
    freeze_text: "Tạm khóa khi mất điện thoại, hoặc nghi có người khác dùng chữ ký số của Ông/Bà.",
        "Freeze it if you lost your phone, or think that somebody else uses your signature.";
    freeze_link: "Tạm khóa chữ ký", "Freeze my signature";
    freeze_point_stop: "Mọi yêu cầu đang chờ sẽ dừng, không ai ký được bằng chữ ký số của Ông/Bà.",
        "All waiting requests stop, and nobody can sign with your signature.";
    freeze_point_signed: "Tài liệu đã ký trước đó vẫn là đã ký; hãy báo ngay cho cổng dịch vụ nếu Ông/Bà không ký.",
        "What was signed before stays signed; tell the portal at once if it was not you.";
    freeze_point_lift: "Chỉ đơn vị vận hành mở khóa lại được, sau khi xác minh Ông/Bà là ai.",
        "Only the operator can lift it, after making sure who you are.";
    freeze_button: "Tạm khóa chữ ký ngay", "Freeze my signature now";
    freeze_back: "Quay lại yêu cầu", "Back to the request";
    freeze_back_own: "Quay lại", "Back";
    frozen_title: "Chữ ký số đang tạm khóa", "Your signature is frozen";
    frozen_text: "Không ai ký được bằng chữ ký số của Ông/Bà. Các yêu cầu đang chờ đã dừng và chưa được ký.",
        "Nobody can sign with it. Requests that were waiting have stopped; nothing of theirs has been signed.";
    frozen_since: "Tạm khóa từ", "Frozen since";
    frozen_next: "Để mở khóa, vui lòng liên hệ đơn vị vận hành dịch vụ ký số và mang theo giấy tờ tùy thân.",
        "To unfreeze it, please contact the operator of the signing service with your identity papers.";
    // The citizen's own page.
    own_title: "Lịch sử ký số", "My signatures";
    own_lead: "Xem những gì Ông/Bà đã ký trên mọi cổng dịch vụ, ai đang được phép truy cập, và tạm khóa chữ ký số khi cần.",
        "See what you signed on all portals and who may act for you, and freeze your signature when you need to.";
    own_hint: "Mã xác nhận được gửi đến số này nếu số đã đăng ký.", "A code is sent to this number if it is registered.";
    own_sent: "Nếu số này đã đăng ký, mã xác nhận đã được gửi đến. Mã này không dùng để ký tài liệu nào.",
        "If this number is registered, a code is on its way. It signs nothing.";
    own_wrong: "Mã không đúng hoặc đã hết hạn. Chưa có gì được ký.", "The code is not right or has expired. Nothing has been signed.";
    own_again: "Nhập lại số điện thoại", "Enter the number again";
    own_open: "Xem lịch sử ký số", "Show my signatures";
    own_empty: "Chưa có yêu cầu ký nào.", "There are no signing requests yet.";
    own_when: "Thời điểm", "When";
    own_confirmed: "Cách xác nhận", "Confirmed by";
    own_serial: "Số hiệu chứng thư chữ ký số", "Certificate serial number";
    own_details: "Xem chi tiết và biên nhận", "Details and receipt";
    own_older: "Cũ hơn", "Older";
    own_accesses: "Cổng dịch vụ đang được phép truy cập", "Portals that may act for you";
    own_accesses_mean: "Các cổng này thấy được danh sách chứng thư và gửi được yêu cầu ký. Mỗi chữ ký vẫn cần Ông/Bà xác nhận riêng.",
        "They see the list of your certificates and may send signing requests. Each signature still needs your own confirmation.";
    own_no_access: "Không có cổng nào.", "None.";
    own_until: "đến", "until";
    own_withdraw: "Thu hồi quyền", "Withdraw";
    own_close: "Đăng xuất", "Sign out";
    // Sign-in at an identity provider.
    sign_in_title: "Đăng nhập", "Sign in";
    sign_in_text: "Vui lòng đăng nhập để xem yêu cầu ký. Chỉ người được đề nghị ký mới xem được.",
        "Please sign in to see the signing request. Only the person who is asked to sign can see it.";
    sign_in_other: "Tài khoản đã đăng nhập không phải của người được đề nghị ký.", "The account that is signed in is not that of the person who is asked to sign.";
    sign_in_with: "Đăng nhập bằng", "Sign in with";
    footer_cookies: "Trang này chỉ dùng cookie cần cho việc đăng nhập và không tải nội dung từ bên thứ ba.",
        "This page uses only the cookies that signing in needs and loads nothing from third parties.";
}

impl Language {
    pub const ALL: [Self; 2] = [Self::Vi, Self::En];

    pub fn words(self) -> &'static Words {
        match self {
            Self::Vi => &VI,
            Self::En => &EN,
        }
    }

    /// From `lang=` of a query; Vietnamese unless English is asked for.
    pub fn of_query(query: Option<&str>) -> Self {
        let english = query.is_some_and(|query| query.split('&').any(|pair| pair == "lang=en"));
        if english { Self::En } else { Self::Vi }
    }

    /// From an RFC 5646 tag, as in `lang` of OAuth and CSC requests.
    pub fn of_tag(tag: Option<&str>) -> Self {
        let primary = tag.and_then(|tag| tag.split('-').next()).unwrap_or_default();
        if primary.eq_ignore_ascii_case("en") { Self::En } else { Self::Vi }
    }

    fn pick(self, vi: String, en: String) -> String {
        match self {
            Self::Vi => vi,
            Self::En => en,
        }
    }

    /// The button that signs says how many documents.
    pub fn sign_button(self, count: usize) -> String {
        let plural = if count == 1 { "" } else { "s" };
        self.pick(format!("Ký số {count} tài liệu"), format!("Sign {count} document{plural}"))
    }

    /// What pressing the button means.
    pub fn consent(self, count: usize) -> &'static str {
        match (self, count) {
            (Self::Vi, 1) => {
                "Chữ ký số sẽ gắn vào đúng tài liệu có mã đối chiếu nêu trên, như chữ ký của Ông/Bà trên giấy."
            }
            (Self::Vi, _) => {
                "Chữ ký số sẽ gắn vào đúng các tài liệu có mã đối chiếu nêu trên, như chữ ký của Ông/Bà trên giấy."
            }
            (Self::En, 1) => {
                "Your digital signature will be attached to exactly the document with the fingerprint shown above, like your signature on paper."
            }
            (Self::En, _) => {
                "Your digital signature will be attached to exactly the documents with the fingerprints shown above, like your signature on paper."
            }
        }
    }

    pub fn tries_left(self, tries: u32) -> String {
        let plural = if tries == 1 { "try" } else { "tries" };
        self.pick(format!("Còn {tries} lần thử"), format!("{tries} {plural} left"))
    }

    pub fn wrong_code(self, tries: u32) -> String {
        let plural = if tries == 1 { "try" } else { "tries" };
        self.pick(
            format!("Mã không đúng. Bạn còn {tries} lần thử. Tài liệu chưa được ký."),
            format!("The code is not right. You have {tries} {plural} left. Nothing has been signed."),
        )
    }

    pub fn send_hint(self, digits: usize) -> String {
        self.pick(
            format!("Mã xác nhận gồm {digits} chữ số được gửi bằng tin nhắn đến số điện thoại đã đăng ký."),
            format!("A code of {digits} digits is sent as a message to your registered phone number."),
        )
    }

    pub fn code_label(self, digits: usize) -> String {
        self.pick(format!("Mã xác nhận ({digits} chữ số)"), format!("Code ({digits} digits)"))
    }

    /// The button of another way to confirm; `to` is the masked destination of a message.
    pub fn way(self, method: Method, to: &str) -> String {
        match method {
            Method::Sms => {
                self.pick(format!("Gửi mã bằng tin nhắn đến {to}"), format!("Send a code by text message to {to}"))
            }
            Method::Email => {
                self.pick(format!("Gửi mã qua thư điện tử đến {to}"), format!("Send a code by e-mail to {to}"))
            }
            Method::Totp => self.pick("Dùng ứng dụng xác thực".to_owned(), "Use my authenticator app".to_owned()),
            Method::Passkey => self.pick("Dùng khóa truy cập (passkey)".to_owned(), "Use my passkey".to_owned()),
        }
    }

    /// How something was confirmed.
    pub fn confirmed_by(self, method: Method) -> &'static str {
        let (vi, en) = match method {
            Method::Sms => ("mã xác nhận (OTP) qua tin nhắn", "one-time code by text message"),
            Method::Email => ("mã xác nhận (OTP) qua thư điện tử", "one-time code by e-mail"),
            Method::Totp => ("ứng dụng xác thực", "authenticator app"),
            Method::Passkey => ("khóa truy cập (passkey)", "passkey"),
        };
        match self {
            Self::Vi => vi,
            Self::En => en,
        }
    }

    /// What became of a request, on the signer's own page.
    pub fn own_standing(self, state: &State) -> String {
        let (vi, en) = match state {
            State::Signed { .. } => ("Đã ký", "Signed"),
            State::Waiting => ("Chưa ký, đang chờ Ông/Bà xác nhận", "Not signed; waits for you"),
            State::Confirmed { .. } | State::Signing { .. } => ("Đã xác nhận, đang ký", "Confirmed, being signed"),
            State::Refused { .. } => ("Chưa ký: Ông/Bà đã từ chối", "Not signed: you refused"),
            State::Expired { .. } => ("Chưa ký: yêu cầu đã hết hạn", "Not signed: the request expired"),
            State::Failed { reason, .. } => return self.failure(*reason).to_owned(),
        };
        self.pick(vi.to_owned(), en.to_owned())
    }

    pub fn more_documents(self, count: usize) -> String {
        let plural = if count == 1 { "" } else { "s" };
        self.pick(format!("Thêm {count} tài liệu"), format!("{count} more document{plural}"))
    }

    pub fn guesses_spent(self, until: OffsetDateTime) -> String {
        let until = self.date_time(until + Duration::minutes(1));
        self.pick(
            format!(
                "Hôm nay mã đã bị nhập sai quá nhiều lần nên việc xác nhận tạm khóa đến {until} để bảo vệ chữ ký của Ông/Bà. Tài liệu chưa được ký. Nếu không phải Ông/Bà nhập, hãy báo cho cổng dịch vụ."
            ),
            format!(
                "Too many wrong codes were entered today, so confirming is locked until {until} to protect your signature. Nothing has been signed. If it was not you, please tell the portal."
            ),
        )
    }

    pub fn codes_spent(self, until: OffsetDateTime) -> String {
        let until = self.date_time(until + Duration::minutes(1));
        self.pick(
            format!("Đã gửi nhiều mã mà chưa dùng. Có thể gửi mã mới từ {until}. Tài liệu chưa được ký."),
            format!(
                "Several codes were sent and not used. A new one can be sent from {until}. Nothing has been signed."
            ),
        )
    }

    pub fn messages_spent(self, until: OffsetDateTime) -> String {
        let until = self.date_time(until);
        self.pick(
            format!("Hôm nay hệ thống đã gửi hết số tin nhắn cho phép. Có thể gửi lại từ {until}. Tài liệu chưa được ký."),
            format!("The service has sent all the messages it may send today. Codes can be sent again from {until}. Nothing has been signed."),
        )
    }

    pub fn code_sent(self, phone: &str) -> String {
        self.pick(format!("Đã gửi mã xác nhận đến {phone}."), format!("A code was sent to {phone}."))
    }

    pub fn code_valid_until(self, at: OffsetDateTime) -> String {
        let at = clock(at);
        self.pick(format!("Mã hết hạn lúc {at}"), format!("The code expires at {at}"))
    }

    pub fn resend_from(self, at: OffsetDateTime) -> String {
        let at = clock(at);
        self.pick(format!("Có thể gửi lại từ {at}."), format!("A new code can be sent from {at}."))
    }

    pub fn request_until(self, at: OffsetDateTime) -> String {
        let at = self.date_time(at);
        self.pick(format!("Yêu cầu này hết hạn lúc {at}."), format!("This request expires at {at}."))
    }

    pub fn pages(self, count: usize) -> String {
        let plural = if count == 1 { "page" } else { "pages" };
        self.pick(format!("{count} trang"), format!("{count} {plural}"))
    }

    /// Alternative text of a page's picture.
    pub fn page_of(self, number: u32, count: usize) -> String {
        self.pick(format!("Trang {number}/{count}"), format!("Page {number} of {count}"))
    }

    pub fn incomplete_pages(self, numbers: &[u32]) -> String {
        let list = numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        self.pick(
            format!("Trang {list} có thể hiển thị không đầy đủ. Vui lòng tải tệp về và đọc trước khi ký."),
            format!("Page {list} may not be shown in full. Please download the file and read it before you sign."),
        )
    }

    /// `64 KB`, `1,2 MB`.
    pub fn size(self, bytes: u64) -> String {
        let kilobytes = bytes.div_ceil(1000);
        if kilobytes < 1000 {
            return format!("{kilobytes} KB");
        }
        let tenths = bytes / 100_000;
        let (whole, tenth) = (tenths / 10, tenths % 10);
        self.pick(format!("{whole},{tenth} MB"), format!("{whole}.{tenth} MB"))
    }

    /// Date and time in Viet Nam, to the minute.
    pub fn date_time(self, at: OffsetDateTime) -> String {
        let format = format_description!("[hour]:[minute], [day]/[month]/[year]");
        at.to_offset(offset!(+7)).format(format).unwrap_or_default()
    }

    /// Date and time of a signature in Viet Nam, to the second, with the zone said.
    pub fn signing_time(self, at: OffsetDateTime) -> String {
        let format = format_description!("[hour]:[minute]:[second], [day]/[month]/[year]");
        let local = at.to_offset(offset!(+7)).format(format).unwrap_or_default();
        self.pick(format!("{local} (giờ Việt Nam, UTC+7)"), format!("{local} (Viet Nam time, UTC+7)"))
    }

    /// Where another signer stands, and whether they sign first.
    pub fn standing(self, other: &OtherSigner) -> String {
        let standing = self.state_of(&other.state);
        match other.earlier {
            true => self.pick(format!("ký trước Ông/Bà · {standing}"), format!("signs before you · {standing}")),
            false => standing,
        }
    }

    fn state_of(self, state: &State) -> String {
        match state {
            State::Signed { at } => {
                let at = self.date_time(*at);
                self.pick(format!("đã ký lúc {at}"), format!("signed at {at}"))
            }
            State::Waiting => self.pick("chưa ký".into(), "has not signed yet".into()),
            State::Confirmed { .. } | State::Signing { .. } => self.pick("đang ký".into(), "is signing".into()),
            State::Refused { .. } => self.pick("từ chối ký".into(), "refused to sign".into()),
            State::Expired { .. } | State::Failed { .. } => self.pick("không ký".into(), "did not sign".into()),
        }
    }

    /// What failed, what to do, and that nothing was signed.
    pub fn failure(self, reason: FailureReason) -> &'static str {
        let (vi, en) = match reason {
            FailureReason::Cancelled => (
                "Cổng dịch vụ đã hủy yêu cầu này. Tài liệu chưa được ký. Nếu vẫn cần ký, vui lòng quay lại cổng dịch vụ.",
                "The portal cancelled this request. Nothing has been signed. If you still need to sign, please return to the portal.",
            ),
            FailureReason::TooManyWrongCodes => (
                "Mã sai quá nhiều lần nên yêu cầu đã bị dừng để bảo vệ chữ ký của Ông/Bà. Tài liệu chưa được ký. Vui lòng tạo yêu cầu mới từ cổng dịch vụ.",
                "Too many wrong codes were entered, so the request was stopped to protect your signature. Nothing has been signed. Please start a new request from the portal.",
            ),
            FailureReason::Interrupted => (
                "Hệ thống bị gián đoạn trong lúc ký. Không có tài liệu đã ký nào được tạo ra. Vui lòng tạo yêu cầu mới từ cổng dịch vụ.",
                "The service was interrupted while signing. No signed document was released. Please start a new request from the portal.",
            ),
            FailureReason::DocumentNotSignable => (
                "Tài liệu không thể ký số được. Tài liệu chưa được ký. Vui lòng báo cho cổng dịch vụ.",
                "The document cannot be signed. Nothing has been signed. Please tell the portal.",
            ),
            FailureReason::DocumentChanged => (
                "Tài liệu lưu trên hệ thống không còn đúng với tài liệu Ông/Bà đã xác nhận. Tài liệu chưa được ký. Vui lòng báo cho cổng dịch vụ và tạo yêu cầu mới.",
                "The stored document is no longer the one you confirmed. Nothing has been signed. Please tell the portal and start a new request.",
            ),
            FailureReason::KeyUnavailable => (
                "Hệ thống chưa dùng được khóa ký. Tài liệu chưa được ký. Vui lòng tạo yêu cầu mới sau ít phút.",
                "The signing key could not be used. Nothing has been signed. Please start a new request in a few minutes.",
            ),
            FailureReason::TrustServiceUnavailable => (
                "Dịch vụ cấp dấu thời gian không trả lời. Không có tài liệu đã ký nào được giao ra; vui lòng quay lại cổng và thử lại sau.",
                "The time-stamp service did not answer. No signed document was released; please go back to the portal and try again later.",
            ),
            FailureReason::AnotherSigner => (
                "Một người ký khác đã từ chối hoặc không ký được, nên yêu cầu đã kết thúc. Không có tài liệu đã ký nào được giao ra. Vui lòng hỏi cổng dịch vụ.",
                "Another signer refused or could not sign, so the request has ended. No signed document was released. Please ask the portal.",
            ),
            FailureReason::NotRequested => (
                "Ông/Bà đã báo không yêu cầu ký. Yêu cầu này đã dừng và chữ ký của Ông/Bà đã tạm khóa. Tài liệu chưa được ký.",
                "You said that you did not ask for this. The request was stopped and your signature is frozen. Nothing has been signed.",
            ),
            FailureReason::Frozen => (
                "Chữ ký của Ông/Bà đang tạm khóa nên yêu cầu này đã dừng. Tài liệu chưa được ký. Sau khi mở khóa, vui lòng tạo yêu cầu mới từ cổng dịch vụ.",
                "Your signature is frozen, so this request was stopped. Nothing has been signed. Once it is unfrozen, please start a new request from the portal.",
            ),
            FailureReason::CertificateNotValid => (
                "Chứng thư chữ ký số không còn hiệu lực. Tài liệu chưa được ký. Vui lòng gia hạn chứng thư rồi tạo yêu cầu mới.",
                "The signing certificate is not valid. Nothing has been signed. Please renew it, then start a new request.",
            ),
        };
        match self {
            Self::Vi => vi,
            Self::En => en,
        }
    }
}

/// Time of day in Viet Nam.
fn clock(at: OffsetDateTime) -> String {
    // The next full second, so that nobody comes a moment too early.
    let at = (at + Duration::milliseconds(999)).to_offset(offset!(+7));
    at.format(format_description!("[hour]:[minute]:[second]")).unwrap_or_default()
}

/// The same moment in UTC, for the receipt.
pub fn utc(at: OffsetDateTime) -> String {
    let at = at.to_offset(offset!(UTC));
    at.format(format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC")).unwrap_or_default()
}

/// Text that came from outside, made harmless for reading: control characters and those that turn the direction of
/// writing become a visible mark, so a name cannot show itself as another (`gnp.exe` read backwards).
pub fn plain(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
    };
    text.chars().map(|c| if hidden(c) { '\u{FFFD}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn every_sentence_is_there_in_both_languages() {
        let same_in_both = ["lang", "other_lang", "other_lang_name"];
        for (name, vi, en) in ALL {
            assert!(!vi.is_empty() && !en.is_empty(), "{name}");
            assert!(same_in_both.contains(name) || vi != en, "{name}");
        }
    }

    #[test]
    fn failures_say_that_nothing_was_signed() {
        for reason in FailureReason::ALL {
            let (vi, en) = (Language::Vi.failure(reason), Language::En.failure(reason));
            assert!(vi.contains("chưa được ký") || vi.contains("Không có tài liệu đã ký"), "{vi}");
            assert!(en.contains("Nothing has been signed") || en.contains("No signed document"), "{en}");
        }
    }

    #[test]
    fn times_are_told_in_viet_nam_and_in_utc() {
        let at = datetime!(2026-12-31 18:05:09 UTC);
        assert_eq!(Language::Vi.signing_time(at), "01:05:09, 01/01/2027 (giờ Việt Nam, UTC+7)");
        assert_eq!(utc(at), "2026-12-31 18:05:09 UTC");
    }

    #[test]
    fn numbers_agree_with_their_nouns() {
        assert_eq!(Language::En.sign_button(1), "Sign 1 document");
        assert_eq!(Language::En.sign_button(3), "Sign 3 documents");
        assert_eq!(Language::Vi.wrong_code(3), "Mã không đúng. Bạn còn 3 lần thử. Tài liệu chưa được ký.");
        assert_eq!(Language::En.tries_left(1), "1 try left");
        assert_eq!(Language::Vi.size(1_234_567), "1,2 MB");
        assert_eq!(Language::Vi.size(1), "1 KB");
    }

    #[test]
    fn a_name_written_backwards_is_marked() {
        assert_eq!(plain("hợp đồng\u{202E}fdp.exe\n"), "hợp đồng\u{FFFD}fdp.exe\u{FFFD}");
    }

    #[test]
    fn english_is_shown_only_when_asked_for() {
        assert_eq!(Language::of_query(Some("n=wrong&lang=en")), Language::En);
        assert_eq!(Language::of_query(Some("lang=fr")), Language::Vi);
        assert_eq!(Language::of_query(None), Language::Vi);
    }
}
