//! What `kyso trust` says, in both languages.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::bundle::facts::{BundleFacts, day};
use crate::bundle::limits::describe;
use crate::bundle::{Anchor, Bundle, Fingerprint, Refusal};
use crate::formats::x509::GeneralName;
use crate::installed::StoreError;
use crate::validation::report::Language;

#[derive(Debug, Clone, Copy)]
pub struct Words(pub Language);

impl Words {
    fn pick(self, vietnamese: &'static str, english: &'static str) -> &'static str {
        match self.0 {
            Language::Vietnamese => vietnamese,
            Language::English => english,
        }
    }

    pub fn outcome(self, outcome: &'static str) -> &'static str {
        match outcome {
            "installed" => self.pick("Đã cài đặt", "Installed"),
            "unchanged" => self.pick("Đã có sẵn, không thay đổi", "Installed already, nothing changed"),
            "acceptable" => self.pick("Có thể nhập", "Would be accepted"),
            _ => self.pick("Sẽ bị từ chối", "Would be refused"),
        }
    }

    pub fn no_changes(self) -> &'static str {
        self.pick("không có thay đổi", "no changes")
    }

    pub fn nothing_installed(self) -> &'static str {
        self.pick("chưa cài gói tin cậy nào", "no trust bundle is installed")
    }

    pub fn outdated(self) -> &'static str {
        self.pick(
            "gói này đã quá hạn cập nhật: việc kiểm tra sẽ trả lời CHƯA ĐỦ CĂN CỨ KẾT LUẬN cho đến khi nhập gói mới hơn",
            "this bundle is past its date: verification answers CANNOT TELL until a newer one is imported",
        )
    }

    pub fn development_publisher(self) -> &'static str {
        self.pick(
            "gói do một chứng thư phát triển ký: chỉ để thử, ai cũng có thể tạo chứng thư như vậy",
            "a development certificate signed this bundle: for trials only, anybody can make one",
        )
    }

    pub fn name_the_publisher(self) -> &'static str {
        self.pick(
            "hãy đối chiếu dấu vân tay SHA-256 này với đơn vị phát hành qua một kênh khác (điện thoại, văn bản), rồi nhập lại với \
             --publisher",
            "compare this SHA-256 fingerprint with the publisher over another channel (telephone, paper), then import with --publisher",
        )
    }

    /// The stable name of a refusal, and its sentence.
    pub fn refusal(self, error: &StoreError) -> (&'static str, String) {
        let name = match error {
            StoreError::Refused(refusal) => refusal.name(),
            StoreError::Io { .. } => "store-unusable",
            StoreError::Damaged { .. } => "store-damaged",
            StoreError::WritableByAll(_) => "store-writable-by-all",
            StoreError::PinnedToAnother { .. } => "pinned-to-another",
        };
        let vietnamese = match error {
            StoreError::Refused(refusal) => refusal_vi(refusal),
            StoreError::Io { .. } => "không dùng được thư mục lưu gói tin cậy",
            StoreError::Damaged { .. } => {
                "gói tin cậy đã cài bị hỏng; hãy xóa thư mục và nhập lại, nêu rõ đơn vị phát hành"
            }
            StoreError::WritableByAll(_) => {
                "mọi người dùng đều ghi được vào thư mục lưu gói tin cậy; hãy thu hồi quyền đó"
            }
            StoreError::PinnedToAnother { .. } => "đơn vị phát hành được nêu không phải là đơn vị đã ghim ở máy này",
        };
        let text = match self.0 {
            Language::Vietnamese => format!("từ chối ({name}): {vietnamese} [{error}]"),
            Language::English => format!("refused ({name}): {error}"),
        };
        (name, text)
    }

    /// Everything the installed bundle holds, for people.
    pub fn details(self, bundle: &Bundle, facts: &BundleFacts) -> String {
        let payload = bundle.payload();
        let mut out = String::new();
        // Writing to a String cannot fail.
        let mut line = |text: String| {
            let _ = writeln!(out, "{}", printable(&text));
        };
        line(capital(&facts.sentence(self.0)));
        let publisher = bundle.publisher();
        let certificate = self.pick("Chứng thư của đơn vị phát hành", "Publisher's certificate");
        line(format!("{certificate}: {} (SHA-256 {})", publisher.subject(), facts.publisher_sha256));
        line(format!("{}: {}", self.pick("Mã băm nội dung SHA-256", "SHA-256 of the content"), bundle.sha256()));
        for successor in &payload.successors {
            line(format!("{}: SHA-256 {successor}", self.pick("Đơn vị phát hành kế tiếp", "Succeeding publisher")));
        }
        let policy = payload.policy.as_ref().map(|policy| format!("{} ({})", policy.name, policy.source));
        let none = self.pick("không có", "none");
        line(format!(
            "{}: {}",
            self.pick("Chính sách kiểm tra", "Validation policy"),
            policy.as_deref().unwrap_or(none)
        ));
        line(format!("{}: {}", self.pick("Chứng thư trung gian", "Intermediates"), facts.intermediates));
        line(format!("{}: {}", self.pick("Danh sách thu hồi (CRL)", "Revocation lists"), facts.crls));
        for anchor in &payload.anchors {
            line(format!("{}: {}", self.pick("Gốc tin cậy", "Trusted root"), anchor.certificate.subject()));
            let ends = day(anchor.certificate.validity().not_after, self.0);
            line(format!("    SHA-256 {}, {} {ends}", Fingerprint::of(&anchor.certificate), self.pick("đến", "until")));
            if !anchor.note.is_empty() {
                line(format!("    {}: {}", self.pick("Nguồn", "Source"), anchor.note));
            }
            if let Some(limit) = limits(anchor) {
                line(format!("    {}: {limit}", self.pick("Chỉ tin cậy cho các tên", "Trusted only for these names")));
            }
        }
        out
    }
}

fn refusal_vi(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::TooLarge => "gói quá lớn",
        Refusal::Unsigned(_) => "gói chưa được ký",
        Refusal::Malformed(_) => "không đọc được gói",
        Refusal::Tampered(_) => "gói đã bị sửa đổi sau khi đơn vị phát hành ký",
        Refusal::WeakSignature(_) => "chữ ký của gói dùng thuật toán không còn được chấp nhận",
        Refusal::UnknownPublisher { .. } => "gói không do đơn vị phát hành được tin cậy ở đây ký",
        Refusal::PublisherCertificate(_) => "chứng thư của đơn vị phát hành không được dùng để ký gói này",
        Refusal::RolledBack(_) => "gói cũ hơn gói đã cài",
        Refusal::SameNumber(_) => "số này đã được cài với nội dung khác",
        Refusal::FromTheFuture(_) => "ngày phát hành của gói ở tương lai; nếu ngày đúng thì đồng hồ của máy sai",
        Refusal::Development(_) => "gói có chứng thư phát triển, không bao giờ được tin cậy",
        Refusal::Policy(_) => "không dùng được chính sách kiểm tra trong gói",
    }
}

fn limits(anchor: &Anchor) -> Option<String> {
    let (_, names) = anchor.limit.as_ref()?;
    let list = |sign: &str, names: &[GeneralName]| {
        names.iter().map(|name| format!("{sign}{}", describe(name))).collect::<Vec<_>>()
    };
    Some([list("", &names.permitted), list("≠ ", &names.excluded)].concat().join("; "))
}

/// Everything the installed bundle holds, for programs.
pub fn details_json(bundle: &Bundle, facts: &BundleFacts) -> Value {
    let payload = bundle.payload();
    let anchor = |anchor: &Anchor| {
        json!({"subject": anchor.certificate.subject().to_string(), "sha256": Fingerprint::of(&anchor.certificate),
               "note": anchor.note, "limits": limits(anchor)})
    };
    let policy = payload.policy.as_ref().map(|policy| json!({"name": policy.name, "sha256": policy.sha256}));
    json!({"bundle": facts, "successors": payload.successors, "policy": policy,
           "roots": payload.anchors.iter().map(anchor).collect::<Vec<_>>()})
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Text from files must not steer the terminal nor turn the writing direction.
pub fn printable(text: &str) -> String {
    crate::report::text::printable(text)
}
