//! Messages: a stable code, a severity, and a sentence in Vietnamese and English.
//!
//! The code is what programs rely on; the sentences may be bettered. A detail (a name, a rule, a number) follows the sentence: it is
//! English where it is found, and [`phrases`] has its Vietnamese.

use std::borrow::Cow;

use super::phrases;

/// Language of the sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Vietnamese,
    English,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Info,
    Warning,
    Error,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing to tell about a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub severity: Severity,
    pub code: Code,
    pub detail: Option<Cow<'static, str>>,
}

impl Message {
    pub fn error(code: Code) -> Self {
        Self { severity: Severity::Error, code, detail: None }
    }

    pub fn warning(code: Code) -> Self {
        Self { severity: Severity::Warning, code, detail: None }
    }

    pub fn info(code: Code) -> Self {
        Self { severity: Severity::Info, code, detail: None }
    }

    #[must_use]
    pub fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(Cow::Owned(detail.into())), ..self }
    }

    /// The sentence, with its detail.
    pub fn text(&self, language: Language) -> String {
        let sentence = self.code.sentence(language);
        match &self.detail {
            Some(detail) => format!("{sentence}: {}", told(detail, language)),
            None => sentence.to_owned(),
        }
    }
}

/// A detail, or any other sentence the engine says in English, in one language.
pub fn told(english: &str, language: Language) -> Cow<'_, str> {
    match language {
        Language::English => Cow::Borrowed(english),
        Language::Vietnamese => phrases::vietnamese(english),
    }
}

macro_rules! codes {
    ($($variant:ident $code:literal $english:literal $vietnamese:literal;)+) => {
        /// Stable codes of messages.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $english] $variant,)+
        }

        impl Code {
            /// Every code, for tests and documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The code in JSON.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The code of this name in JSON.
            pub fn of(name: &str) -> Option<Self> {
                match name { $($code => Some(Self::$variant),)+ _ => None }
            }

            /// The sentence without a detail.
            pub fn sentence(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Self::$variant, Language::English) => $english,
                      (Self::$variant, Language::Vietnamese) => $vietnamese,)+
                }
            }
        }
    };
}

codes! {
    ByteRangeInvalid "byte-range-invalid"
        "the ByteRange does not describe the file"
        "ByteRange không khớp với tệp";
    ByteRangeGap "byte-range-gap"
        "bytes besides the signature value are left out of the signature"
        "có phần nội dung không được chữ ký bảo vệ";
    ByteRangePartial "byte-range-partial"
        "the signature does not cover the whole revision it belongs to"
        "chữ ký không bao phủ toàn bộ phiên bản tài liệu";
    SignatureDictionaryInvalid "signature-dictionary-invalid"
        "the signature dictionary is not as it must be"
        "từ điển chữ ký trong PDF không đúng quy định";
    DocumentStructureDamaged "document-structure-damaged"
        "readers may disagree about this file's structure"
        "cấu trúc tệp không rõ ràng, các phần mềm có thể hiển thị khác nhau";
    DocumentStructureRemark "document-structure-remark"
        "the file's structure departs from the standard"
        "cấu trúc tệp không hoàn toàn theo chuẩn";
    CmsUnreadable "cms-unreadable"
        "the signature value is not a readable CMS message"
        "không đọc được dữ liệu chữ ký CMS";
    CmsTrailingBytes "cms-trailing-bytes"
        "other bytes follow the CMS message"
        "có dữ liệu thừa sau thông điệp CMS";
    CmsSignerCount "cms-signer-count"
        "a PDF signature must hold exactly one SignerInfo"
        "chữ ký PDF phải có đúng một người ký trong CMS";
    CmsEncapsulatedContent "cms-encapsulated-content"
        "a detached signature must not carry content of its own"
        "chữ ký tách rời không được chứa nội dung riêng";
    CmsContentDiffers "cms-content-differs"
        "the content given differs from the content inside the signature"
        "nội dung được cung cấp khác nội dung nằm trong chữ ký";
    SignedContentMissing "signed-content-missing"
        "the signed content was not given; name it with --content"
        "chưa có nội dung đã ký; hãy chỉ ra bằng --content";
    SignedAttributesMissing "signed-attributes-missing"
        "the signature has no signed attributes"
        "chữ ký không có thuộc tính được ký";
    SignedAttributesNotDer "signed-attributes-not-der"
        "the signer signed attributes in an order that is not DER's, which RFC 5652 does not allow"
        "người ký đã ký các thuộc tính không theo thứ tự DER, trái với RFC 5652";
    ContentIsSignedAttributes "content-is-signed-attributes"
        "the content is itself a set of signed attributes, so the value may have been made for something else"
        "nội dung chính là tập thuộc tính được ký, chữ ký có thể được tạo cho mục đích khác";
    AttributeProblem "attribute-problem"
        "a signed attribute is missing, repeated or malformed"
        "thuộc tính được ký bị thiếu, lặp lại hoặc sai định dạng";
    ContentTypeMismatch "content-type-mismatch"
        "the content-type attribute differs from the content's type"
        "thuộc tính content-type khác với loại nội dung";
    DigestMismatch "digest-mismatch"
        "the content was changed after signing"
        "nội dung đã bị thay đổi sau khi ký";
    SignatureValueInvalid "signature-value-invalid"
        "the signature value does not verify with the signer's key"
        "giá trị chữ ký không khớp với khóa của người ký";
    AlgorithmUnsupported "algorithm-unsupported"
        "an algorithm is not supported or not acceptable"
        "thuật toán không được hỗ trợ hoặc không được chấp nhận";
    AlgorithmObsolete "algorithm-obsolete"
        "an algorithm is too weak at the validation time"
        "thuật toán không còn đủ an toàn tại thời điểm kiểm tra";
    AlgorithmDiscouraged "algorithm-discouraged"
        "the policy accepts an algorithm that its source does not want for new signatures"
        "chính sách kiểm tra chấp nhận thuật toán này nhưng văn bản quy định không khuyến nghị dùng để ký mới";
    AlgorithmsDiffer "algorithms-differ"
        "digest algorithm and signature algorithm name different hashes"
        "thuật toán băm và thuật toán ký không dùng cùng một hàm băm";
    SigningCertificateNotFound "signing-certificate-not-found"
        "the signer's certificate is neither in the signature nor given"
        "không tìm thấy chứng thư của người ký";
    SigningCertificateMismatch "signing-certificate-mismatch"
        "the signature was made for another certificate than the one it names"
        "chữ ký được tạo cho chứng thư khác với chứng thư được nêu";
    SigningCertificateUnbound "signing-certificate-unbound"
        "no signed attribute binds the signer's certificate"
        "không có thuộc tính được ký nào gắn với chứng thư của người ký";
    SignerIdentifierMismatch "signer-identifier-mismatch"
        "the SignerInfo names another certificate than the signed attribute"
        "SignerInfo nêu chứng thư khác với thuộc tính được ký";
    NoCertificateChain "no-certificate-chain"
        "no certification path to a trusted root could be built"
        "không xây dựng được đường dẫn chứng thực đến tổ chức chứng thực gốc tin cậy";
    NoTrustAnchors "no-trust-anchors"
        "no trusted roots were given; name them with --trust, or import a trust bundle"
        "chưa có chứng thư gốc tin cậy; hãy chỉ ra bằng --trust hoặc nhập gói tin cậy";
    TrustBundleOutdated "trust-bundle-outdated"
        "the installed trust bundle is past its date, so whether its roots are still trusted is not known; import a newer one"
        "gói tin cậy đã cài quá hạn cập nhật nên chưa rõ các gốc còn được tin cậy hay không; hãy nhập gói mới hơn";
    TrustBundleFromTheFuture "trust-bundle-from-the-future"
        "this machine's clock is before the date of the installed trust bundle; set the clock"
        "đồng hồ của máy đang sớm hơn ngày phát hành gói tin cậy đã cài; hãy chỉnh lại đồng hồ";
    ChainSignatureInvalid "chain-signature-invalid"
        "a certificate in the path was not signed by its issuer"
        "chữ ký trên chứng thư trong đường dẫn không hợp lệ";
    ChainTooExpensive "chain-too-expensive"
        "the search for a certification path was given up at its limit; ask for the document with the certificates it needs only"
        "việc tìm đường dẫn chứng thực vượt quá giới hạn; hãy đề nghị gửi lại tài liệu chỉ kèm các chứng thư cần thiết";
    BudgetExceeded "budget-exceeded"
        "the file asks for more work than is spent on one file, so this was left undone; ask for a simpler copy of the document, or split it"
        "tệp đòi hỏi quá nhiều công việc nên phần này chưa được kiểm tra; hãy đề nghị gửi bản tài liệu đơn giản hơn hoặc tách tài liệu";
    CertificateMalformed "certificate-malformed"
        "a certificate in the path is malformed"
        "chứng thư trong đường dẫn sai định dạng";
    CertificateUnknownCritical "certificate-unknown-critical"
        "a certificate in the path has a critical extension that is not supported"
        "chứng thư có phần mở rộng bắt buộc không được hỗ trợ";
    IssuerNotAuthority "issuer-not-authority"
        "a certificate in the path was issued by one that is no certification authority"
        "chứng thư do bên không phải tổ chức chứng thực phát hành";
    PathTooLong "path-too-long"
        "the path is longer than an authority allows"
        "đường dẫn chứng thực dài hơn mức cho phép";
    NameConstraintViolated "name-constraint-violated"
        "a name lies outside what an authority may certify"
        "tên nằm ngoài phạm vi tổ chức chứng thực được phép cấp";
    PolicyRequired "policy-required"
        "a certificate policy is required, and no acceptable one is valid for the whole path"
        "yêu cầu có chính sách chứng thư nhưng không có chính sách nào được chấp nhận trên toàn bộ đường dẫn";
    PolicyMappingInvalid "policy-mapping-invalid"
        "an authority maps anyPolicy, which RFC 5280 forbids"
        "tổ chức chứng thực ánh xạ anyPolicy, trái với RFC 5280";
    KeyUsageWrong "key-usage-wrong"
        "the signer's key is not certified for signing documents"
        "khóa của người ký không được chứng thực để ký tài liệu";
    ExtendedKeyUsageWrong "extended-key-usage-wrong"
        "a certificate in the path is restricted to other purposes"
        "chứng thư chỉ được dùng cho mục đích khác";
    CertificateExpired "certificate-expired"
        "a certificate had expired at the validation time"
        "chứng thư đã hết hiệu lực tại thời điểm kiểm tra";
    CertificateNotYetValid "certificate-not-yet-valid"
        "a certificate was not yet valid at the validation time"
        "chứng thư chưa có hiệu lực tại thời điểm kiểm tra";
    CertificateRevoked "certificate-revoked"
        "a certificate is revoked, and nothing proves that the signature is older"
        "chứng thư bị thu hồi và không có bằng chứng chữ ký được tạo trước đó";
    CertificateOnHold "certificate-on-hold"
        "a certificate is suspended"
        "chứng thư đang bị tạm dừng";
    CertificateRevokedLater "certificate-revoked-later"
        "a certificate was revoked after the validation time"
        "chứng thư bị thu hồi sau thời điểm kiểm tra";
    RevocationMissing "revocation-missing"
        "no usable revocation information for a certificate"
        "không có thông tin thu hồi dùng được cho chứng thư";
    SigningTimeOutsideValidity "signing-time-outside-validity"
        "the claimed signing time lies outside the certificate's validity"
        "thời điểm ký được nêu nằm ngoài thời hạn hiệu lực của chứng thư";
    ProfileRule "profile-rule"
        "the signature is valid CMS but off the ETSI baseline profile"
        "chữ ký là CMS hợp lệ nhưng không theo hồ sơ cơ sở ETSI";
    TimestampNotEvaluated "timestamp-not-evaluated"
        "an archive time-stamp was not evaluated and proves nothing here"
        "có dấu thời gian lưu trữ nhưng chưa được kiểm tra nên không có giá trị chứng minh";
    TimestampValid "timestamp-valid"
        "a time-stamp proves that the signature existed"
        "dấu thời gian chứng minh chữ ký đã tồn tại";
    TimestampNotValid "timestamp-not-valid"
        "a time-stamp does not validate and proves nothing"
        "dấu thời gian không hợp lệ nên không có giá trị chứng minh";
    TimestampOutsideValidity "timestamp-outside-validity"
        "the time a time-stamp states lies outside its certificate's validity"
        "thời điểm ghi trong dấu thời gian nằm ngoài thời hạn của chứng thư cấp dấu";
    ContentTimestampValid "content-timestamp-valid"
        "a time-stamp of the content, which is part of what was signed, proves that the signature is younger"
        "dấu thời gian của nội dung, nằm trong phần được ký, chứng minh chữ ký được tạo sau đó";
    TimestampOrder "timestamp-order"
        "the time-stamps contradict each other: the signed content is proven younger than the signature"
        "các dấu thời gian mâu thuẫn nhau: nội dung được ký lại mới hơn chữ ký";
    ArchiveTimestampValid "archive-timestamp-valid"
        "an archive time-stamp proves that the signature and what it lists existed"
        "dấu thời gian lưu trữ chứng minh chữ ký và dữ liệu kèm theo đã tồn tại";
    ArchiveTimestampNotValid "archive-timestamp-not-valid"
        "an archive time-stamp does not validate and proves nothing"
        "dấu thời gian lưu trữ không hợp lệ nên không có giá trị chứng minh";
    ArchiveTimestampNotCovering "archive-timestamp-not-covering"
        "certificates, revocation data or attributes were added after the newest archive time-stamp, which does not cover them"
        "có chứng thư, dữ liệu thu hồi hoặc thuộc tính được thêm sau dấu thời gian lưu trữ mới nhất nên không được bảo vệ";
    ArchiveIndexMismatch "archive-index-mismatch"
        "the hash index of an archive time-stamp does not fit the message"
        "bảng băm của dấu thời gian lưu trữ không khớp với thông điệp";
    LevelDemanded "level-demanded"
        "the validation policy asks for a higher baseline level"
        "chính sách kiểm tra yêu cầu mức hồ sơ cơ sở cao hơn";
    LevelNotReached "level-not-reached"
        "the next baseline level is not reached"
        "chưa đạt mức hồ sơ cơ sở tiếp theo";
    ProvenEarlier "proven-earlier"
        "no longer good at the validation time, but proven good at the time a time-stamp shows"
        "không còn giá trị tại thời điểm kiểm tra, nhưng đã được chứng minh là hợp lệ tại thời điểm của dấu thời gian";
    CounterSignatureValid "counter-signature-valid"
        "the signature was counter-signed, and the counter-signature is valid"
        "chữ ký được ký xác nhận thêm (counter-signature) và chữ ký xác nhận đó hợp lệ";
    CounterSignatureNotValid "counter-signature-not-valid"
        "a counter-signature of this signature does not validate and confirms nothing"
        "chữ ký xác nhận thêm (counter-signature) không hợp lệ nên không có giá trị xác nhận";
    EvidenceRecordValid "evidence-record-valid"
        "an evidence record proves that the signature and all that came with it existed"
        "bản ghi bằng chứng (evidence record) chứng minh chữ ký và dữ liệu kèm theo đã tồn tại";
    EvidenceRecordNotValid "evidence-record-not-valid"
        "an evidence record does not validate and proves nothing"
        "bản ghi bằng chứng (evidence record) không hợp lệ nên không có giá trị chứng minh";
    EvidenceRecordNotEvaluated "evidence-record-not-evaluated"
        "an evidence record was not evaluated and proves nothing here"
        "có bản ghi bằng chứng (evidence record) nhưng chưa được kiểm tra nên không có giá trị chứng minh";
    PolicyNotChecked "policy-not-checked"
        "the signature names a signature policy, which was not checked"
        "chữ ký nêu chính sách ký, chưa được kiểm tra";
    TimestampImprint "timestamp-imprint"
        "the time-stamp is not of this document"
        "dấu thời gian không thuộc về tài liệu này";
    TimestampMalformed "timestamp-malformed"
        "what stands as a time-stamp is none"
        "dữ liệu ở vị trí dấu thời gian không phải là dấu thời gian";
    ModifiedAllowed "modified-allowed"
        "the document was continued after signing, within what the signature permits"
        "tài liệu được bổ sung sau khi ký, trong phạm vi cho phép";
    ModifiedSuspicious "modified-suspicious"
        "the document was changed after signing in a way that may mislead"
        "tài liệu bị thay đổi sau khi ký theo cách có thể gây hiểu nhầm";
    ModifiedForbidden "modified-forbidden"
        "the document was changed after signing in a way the signature does not permit"
        "tài liệu bị thay đổi sau khi ký, ngoài phạm vi cho phép";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_distinct_kebab_case() {
        let codes: HashSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(codes.len(), Code::ALL.len());
        assert!(codes.iter().all(|code| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')));
    }

    #[test]
    fn both_languages_have_a_sentence_for_every_code() {
        for code in Code::ALL {
            assert!(!code.sentence(Language::English).is_empty());
            assert!(!code.sentence(Language::Vietnamese).is_empty());
            assert_ne!(code.sentence(Language::English), code.sentence(Language::Vietnamese));
        }
    }

    #[test]
    fn detail_follows_the_sentence() {
        let message = Message::error(Code::CertificateExpired).detail("CN=An");
        assert!(message.text(Language::English).ends_with(": CN=An"));
    }
}
