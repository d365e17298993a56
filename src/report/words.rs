//! Every fixed word of a report in both languages, in the law's own terms (Law 20/2023/QH15, Circular 15/2025/TT-BKHCN).

use crate::validation::report::{Language, SubIndication};

macro_rules! words {
    ($($word:ident $vietnamese:literal $english:literal;)+) => {
        /// A word or sentence; `{}` in it is filled by [`Word::with`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Word {
            $(#[doc = $english] $word,)+
        }

        impl Word {
            /// Every word, for tests.
            pub const ALL: &[Self] = &[$(Self::$word,)+];

            pub fn say(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Self::$word, Language::Vietnamese) => $vietnamese,
                      (Self::$word, Language::English) => $english,)+
                }
            }
        }
    };
}

impl Word {
    /// The sentence with its gaps filled, in order.
    pub fn with(self, language: Language, values: &[&str]) -> String {
        let mut out = String::new();
        let (mut rest, mut values) = (self.say(language), values.iter());
        while let Some((before, after)) = rest.split_once("{}") {
            out.push_str(before);
            out.push_str(values.next().copied().unwrap_or_default());
            rest = after;
        }
        out + rest
    }
}

words! {
    // the answer
    Valid "Hợp lệ" "Valid";
    NotValid "Không hợp lệ" "Not valid";
    CannotTell "Chưa đủ căn cứ kết luận" "Cannot tell";
    NotChecked "Không kiểm tra được" "Could not be checked";
    LeadValid "Mọi chữ ký số trong tệp đều hợp lệ." "Every signature in the file is valid.";
    LeadNotValid "Có chữ ký số không hợp lệ. Không nên tin cậy tài liệu này." "A signature is not valid. Do not rely on this document.";
    LeadCannotTell "Chưa thể kết luận chữ ký số là hợp lệ hay không hợp lệ. Điều này không có nghĩa là tài liệu bị giả mạo." "It cannot be told whether the signature is valid or not. That does not mean the document is forged.";
    LeadNotChecked "Không có kết quả kiểm tra cho tệp này." "There is no result for this file.";
    Why "Lý do" "Why";
    WhatToDo "Nên làm gì" "What to do";
    // kinds
    Signature "Chữ ký" "Signature";
    TimeStamp "Dấu thời gian" "Time-stamp";
    OneSignature "1 chữ ký" "1 signature";
    Signatures "{} chữ ký" "{} signatures";
    OneTimeStamp "1 dấu thời gian của tài liệu" "1 document time-stamp";
    TimeStamps "{} dấu thời gian của tài liệu" "{} document time-stamps";
    // the file
    File "Tệp" "File";
    Format "Định dạng" "Format";
    FormatPdf "PDF, {} phiên bản" "PDF, {} revisions";
    FormatPdfOne "PDF, 1 phiên bản" "PDF, 1 revision";
    FormatCms "Thông điệp chữ ký CMS" "CMS signature message";
    Contains "Gồm có" "Holds";
    CheckedAt "Kiểm tra tại thời điểm" "Checked for the time";
    TrustTitle "Nguồn tin cậy" "Trust";
    Anchors "Chứng thư gốc tin cậy" "Trusted roots";
    AnchorsCount "{}, từ {}" "{}, from {}";
    AnchorsNone "chưa có chứng thư gốc nào được cung cấp" "none were given";
    // Circular 15/2025: what a checking program shows
    Signer "Người ký" "Signer";
    ManagedBy "Đơn vị quản lý" "Managing unit";
    NotStated "không nêu trong chứng thư" "not stated in the certificate";
    Issuer "Tổ chức cấp chứng thư" "Certificate issued by";
    Certificate "Chứng thư chữ ký số" "Certificate";
    Validity "Hiệu lực chứng thư" "Certificate valid";
    FromTo "từ {} đến {}" "from {} to {}";
    SigningTime "Thời điểm ký" "Signing time";
    Stamped "Thời điểm đóng dấu" "Stamped at";
    Claimed "{}, người ký tự khai" "{}, as the signer claims";
    NotClaimed "không nêu" "not stated";
    Proven "Đã chứng minh có từ" "Proven to exist since";
    ProvenBy "{}, theo dấu thời gian của {}" "{}, by a time-stamp of {}";
    NotProven "chưa có dấu thời gian hợp lệ" "no valid time-stamp";
    Integrity "Tính toàn vẹn" "Integrity";
    Intact "toàn vẹn" "unchanged";
    IntactButChanged "phần được ký còn nguyên, nhưng tài liệu đã bị thay đổi sau đó" "the signed part is unchanged, but the document was changed afterwards";
    Broken "đã bị thay đổi sau khi ký" "changed after signing";
    IntegrityUnknown "không xác nhận được" "cannot be shown";
    ThenValid "Hiệu lực khi ký" "Valid when signed";
    ThenYes "có: còn hiệu lực và không bị thu hồi" "yes: in force and not revoked";
    ThenYesClaimed "có, tính theo thời điểm kiểm tra; thời điểm ký chưa được chứng minh" "yes, as of the time checked for; the signing time is not proven";
    ThenNoStatus "còn trong thời hạn; chưa biết có bị thu hồi hay không" "within its validity; whether it was revoked is not known";
    ThenExpired "không: thời điểm ký nằm ngoài thời hạn hiệu lực" "no: the signing time lies outside the certificate's validity";
    ThenRevoked "không: chứng thư bị thu hồi từ {}" "no: the certificate is revoked since {}";
    ThenHeld "không: chứng thư bị tạm dừng từ {}" "no: the certificate is suspended since {}";
    ThenUnknown "chưa đủ căn cứ kết luận" "cannot be told";
    Coverage "Phạm vi bảo vệ" "Covers";
    CoversFile "toàn bộ tệp" "the whole file";
    CoversRevision "toàn bộ phiên bản được ký" "the whole signed revision";
    CoversPart "một phần tệp" "a part of the file";
    AfterSigning "Sau khi ký" "After signing";
    ChangedNone "không có thay đổi" "no changes";
    ChangedAllowed "có bổ sung trong phạm vi cho phép" "continued as permitted";
    ChangedSuspicious "có thay đổi đáng ngờ" "suspicious changes";
    ChangedForbidden "đã bị thay đổi trái phép" "changed against its permissions";
    Level "Mức chữ ký" "Level";
    Algorithm "Thuật toán" "Algorithm";
    Field "Trường chữ ký" "Field";
    RenewBy "Gia hạn trước" "Renew before";
    // the four marks
    MarkIntact "Không bị thay đổi" "Not altered";
    MarkIdentity "Danh tính tin cậy" "Identity trusted";
    MarkTime "Thời gian được chứng minh" "Time proven";
    MarkNotRevoked "Không bị thu hồi" "Not revoked";
    Yes "đạt" "yes";
    No "không đạt" "no";
    Unsure "chưa rõ" "not known";
    // remarks
    Remarks "Các nhận xét" "Remarks";
    SeverityError "lỗi" "error";
    SeverityWarning "cảnh báo" "warning";
    SeverityInfo "thông tin" "note";
    // the chain
    ChainTitle "Đường dẫn chứng thực" "Certification path";
    ChainValid "Đường dẫn hợp lệ đến chứng thư gốc tin cậy." "The path to a trusted root is valid.";
    ChainRefused "Có đường dẫn đến chứng thư gốc tin cậy, nhưng không được chấp nhận." "There is a path to a trusted root, but it was not accepted.";
    ChainIncomplete "Không có đường dẫn đến chứng thư gốc tin cậy." "No path leads to a trusted root.";
    RoleAnchor "Chứng thư gốc tin cậy" "Trusted root";
    RoleAuthority "Tổ chức chứng thực" "Certification authority";
    RoleSigner "Người ký" "Signer";
    RoleStampUnit "Đơn vị cấp dấu thời gian" "Time-stamping unit";
    FromFile "từ tệp được cung cấp: {}" "from a file given: {}";
    FromBundle "từ gói tin cậy: {}" "from the trust bundle: {}";
    FromGiven "được cung cấp khi kiểm tra" "handed in for this check";
    FromDocument "có trong tài liệu" "brought by the document";
    NotFound "Tổ chức cấp không có trong tài liệu và không được cung cấp" "The issuer is neither in the document nor given";
    Serial "số sê-ri" "serial";
    Fingerprint "SHA-256" "SHA-256";
    SaysGood "không bị thu hồi" "not revoked";
    SaysRevoked "bị thu hồi từ {}" "revoked since {}";
    SaysHeld "bị tạm dừng từ {}" "suspended since {}";
    SaysUnknown "không biết" "not known";
    RevocationLine "{} của {}: {}" "{} of {}: {}";
    // timeline
    TimelineTitle "Các phiên bản của tệp" "Revisions of the file";
    TimelineStrip "Kích thước từng phiên bản, từ cũ đến mới" "How much each revision added, oldest first";
    RevisionName "Phiên bản {}" "Revision {}";
    EarlierLeftOut "{} phiên bản cũ hơn không được liệt kê" "{} earlier revisions are not listed";
    StepOriginal "bản đầu" "first version";
    StepSigned "chữ ký {} của {}" "signature {} by {}";
    StepStamped "dấu thời gian {}" "time-stamp {}";
    StepChanged "thay đổi trái phép sau khi ký" "changed against the signature's permissions";
    StepSuspicious "thay đổi đáng ngờ sau khi ký" "suspicious change after signing";
    StepData "dữ liệu kiểm tra được thêm" "validation data added";
    StepUpdate "bổ sung" "addition";
    StepSize "{} byte; {} đối tượng mới, {} đối tượng ghi lại" "{} bytes; {} new objects, {} written anew";
    StepWrote "ghi: {}" "wrote: {}";
    WrotePages "trang" "pages";
    WroteFields "trường biểu mẫu" "form fields";
    WroteAnnotations "chú thích" "annotations";
    WroteData "dữ liệu kiểm tra" "validation data";
    // bars
    BarsTitle "Thời hạn hiệu lực" "Validity in time";
    BarsLead "Bằng chứng có giá trị đến {}. Trước ngày đó cần đóng dấu thời gian mới." "The proof lasts until {}. A new time-stamp is needed before that date.";
    BarsNoLead "Chưa xác định được bằng chứng có giá trị đến khi nào." "Until when the proof lasts is not known.";
    BarsPast "Bằng chứng đã hết giá trị từ {}." "The proof ended on {}.";
    BarCertificate "Chứng thư: {}" "Certificate: {}";
    BarStamp "Dấu thời gian của {}" "Time-stamp by {}";
    BarRevocation "{} về {}" "{} on {}";
    BarOpenEnd "từ {}, không nêu hạn" "from {}, no end stated";
    BarStampSpan "lúc {}, có giá trị đến {}" "made {}, lasts until {}";
    BarOutside "một phần nằm ngoài trục" "partly beyond the axis";
    MarkChecked "thời điểm kiểm tra" "time checked for";
    MarkProven "được chứng minh" "proven";
    MarkRenew "gia hạn trước" "renew before";
    // pages
    PagesTitle "Trước và sau khi thay đổi" "Before and after the change";
    PagesNothing "Không có thay đổi nào sau khi ký để so sánh." "Nothing was changed after signing, so there is nothing to compare.";
    PagesNotInBuild "Bản dựng này không vẽ được trang. Các thay đổi được liệt kê bằng lời." "This build cannot draw pages. The changes are listed in words.";
    PagesNotDrawable "Không vẽ được các trang của tệp này. Các thay đổi được liệt kê bằng lời." "The pages of this file cannot be drawn. The changes are listed in words.";
    PagesNeedPassword "Tệp này chỉ mở được bằng mật khẩu nên các trang không được vẽ ở đây. Các thay đổi được liệt kê bằng lời." "This file opens with a password only, so its pages are not drawn here. The changes are listed in words.";
    PagesOf "So với phiên bản của chữ ký {}" "Compared with the revision of signature {}";
    PagesSame "Đã so sánh trang {}: không có khác biệt nhìn thấy được." "Compared page {}: no visible difference.";
    PagesDiffer "Đã so sánh trang {}; khác nhau: trang {}." "Compared page {}; different: page {}.";
    PagesFailed "Không vẽ được trang {}." "Page {} could not be drawn.";
    PagesCount "Số trang đã thay đổi: {} khi ký, {} hiện nay." "The number of pages has changed: {} when signed, {} now.";
    PagesLimit "Các trang còn lại không được vẽ vì giới hạn số trang." "Further pages are not drawn: limit on pages.";
    PagesTime "Các trang còn lại không được vẽ vì giới hạn thời gian." "Further pages are not drawn: limit on time.";
    PagesSize "Các trang còn lại không được vẽ vì giới hạn dung lượng." "Further pages are not drawn: limit on size.";
    PageNumber "Trang {}" "Page {}";
    PageBefore "Khi ký" "When signed";
    PageAfter "Hiện nay" "Now";
    PageAbsent "Không có trang này" "There is no such page";
    PageNotDrawn "Không vẽ được trang này" "This page cannot be drawn";
    PageRegions "Khác nhau ở {} vùng:" "Different in {} places:";
    PageRegion "cách mép trên {} %, mép trái {} %, rộng {} %, cao {} %" "{} % from the top, {} % from the left, {} % wide, {} % high";
    PictureOf "Trang {}, {}; các vùng khác nhau được đóng khung." "Page {}, {}; the differing places are framed.";
    CutOf "Trang {}, {}: một vùng khác nhau, phóng to." "Page {}, {}: a differing place, enlarged.";
    ChangesTitle "Những gì thay đổi sau khi ký" "What changed after signing";
    ChangePage "trang {}" "page {}";
    Allowed "cho phép" "permitted";
    Suspicious "đáng ngờ" "suspicious";
    Forbidden "trái phép" "not permitted";
    // the page
    ReportTitle "Báo cáo kiểm tra chữ ký số" "Digital signature report";
    IndexTitle "Kết quả theo tệp" "Results by file";
    IndexCount "{} tệp: {} hợp lệ, {} không hợp lệ, {} chưa kết luận, {} không kiểm tra được" "{} files: {} valid, {} not valid, {} cannot tell, {} could not be checked";
    Result "Kết quả" "Result";
    SignersTitle "Chữ ký và dấu thời gian" "Signatures and time-stamps";
    Details "Chi tiết kỹ thuật" "Technical details";
    MadeBy "Lập bởi kyso {}, không dùng mạng. Kết luận theo ETSI EN 319 102-1; các thông tin theo Thông tư 15/2025/TT-BKHCN." "Made by kyso {}, offline. Verdicts after ETSI EN 319 102-1; fields as Circular 15/2025/TT-BKHCN asks for.";
    Conclusion "Kết luận theo chuẩn" "Verdict by the standard";
}

/// What a reader can do about a verdict other than TOTAL-PASSED.
pub fn advice(sub: SubIndication, language: Language) -> &'static str {
    let (vietnamese, english) = match sub {
        SubIndication::FormatFailure | SubIndication::HashFailure | SubIndication::SigCryptoFailure => (
            "Không sử dụng tài liệu này. Hãy yêu cầu người gửi cung cấp lại bản gốc đã ký.",
            "Do not use this document. Ask the sender for the signed original.",
        ),
        SubIndication::Revoked | SubIndication::Expired | SubIndication::NotYetValid => (
            "Chứng thư không có hiệu lực khi ký. Hãy yêu cầu người ký ký lại bằng chứng thư còn hiệu lực.",
            "The certificate was not in force at signing. Ask the signer to sign again with one that is.",
        ),
        SubIndication::SigConstraintsFailure => (
            "Hãy xem các nhận xét bên dưới; nếu có thay đổi đáng ngờ, hãy đối chiếu với bản gốc.",
            "See the remarks below; where changes are suspicious, compare with the original.",
        ),
        SubIndication::ChainConstraintsFailure | SubIndication::CertificateChainGeneralFailure => (
            "Chứng thư không phù hợp để ký tài liệu này. Hãy hỏi tổ chức cấp chứng thư.",
            "The certificate is not fit for signing this. Ask the authority that issued it.",
        ),
        SubIndication::CryptoConstraintsFailure | SubIndication::CryptoConstraintsFailureNoPoe => (
            "Thuật toán không còn an toàn hoặc không được hỗ trợ. Hãy yêu cầu ký lại bằng thuật toán hiện hành.",
            "The algorithm is no longer safe, or not supported. Ask for a new signature with a current one.",
        ),
        SubIndication::NoSigningCertificateFound => (
            "Hãy cung cấp chứng thư của người ký, hoặc yêu cầu bản ký có kèm chứng thư.",
            "Hand in the signer's certificate, or ask for a signature that carries it.",
        ),
        SubIndication::NoCertificateChainFound => (
            "Nếu tin cậy tổ chức cấp, hãy chỉ ra chứng thư gốc của tổ chức đó bằng --trust rồi kiểm tra lại.",
            "If you trust the issuer, name its root certificate with --trust and check again.",
        ),
        SubIndication::RevokedNoPoe | SubIndication::RevokedCaNoPoe => (
            "Chứng thư đã bị thu hồi. Nếu chữ ký được tạo trước đó, cần có dấu thời gian chứng minh.",
            "The certificate is revoked. If the signature is older, a time-stamp has to prove it.",
        ),
        SubIndication::OutOfBoundsNotRevoked | SubIndication::OutOfBoundsNoPoe => (
            "Chứng thư không còn trong thời hạn. Cần có dấu thời gian chứng minh chữ ký được tạo khi chứng thư còn hiệu lực.",
            "The certificate is out of its validity. A time-stamp has to prove that the signature is from within it.",
        ),
        SubIndication::TryLater | SubIndication::RevocationOutOfBoundsNoPoe => (
            "Hãy cung cấp danh sách thu hồi mới hơn (CRL hoặc OCSP) bằng --crl rồi kiểm tra lại.",
            "Hand in newer revocation information (CRL or OCSP) with --crl and check again.",
        ),
        SubIndication::SignedDataNotFound => (
            "Hãy chỉ ra tệp nội dung đã được ký bằng --content rồi kiểm tra lại.",
            "Name the file that was signed with --content and check again.",
        ),
        // The standard's vocabulary grows; whatever comes next leaves the signature undecided.
        #[allow(unreachable_patterns, reason = "validation may know further words")]
        _ => (
            "Hãy xem lý do nêu trên và kiểm tra lại khi có thêm dữ liệu.",
            "See the reason above, and check again when there is more evidence.",
        ),
    };
    match language {
        Language::Vietnamese => vietnamese,
        Language::English => english,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_lacks_a_language_or_a_gap() {
        for word in Word::ALL {
            let (vietnamese, english) = (word.say(Language::Vietnamese), word.say(Language::English));
            assert!(!vietnamese.is_empty() && !english.is_empty(), "{word:?}");
            assert_eq!(vietnamese.matches("{}").count(), english.matches("{}").count(), "{word:?}");
            let same = vietnamese == english;
            assert!(!same || *word == Word::Fingerprint, "{word:?} is in one language only");
        }
    }

    #[test]
    fn gaps_are_filled_in_order() {
        assert_eq!(Word::FromTo.with(Language::English, &["a", "b"]), "from a to b");
    }
}
