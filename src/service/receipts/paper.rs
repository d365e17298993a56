//! What a receipt says: each name in Vietnamese and English, each fact once.

use time::OffsetDateTime;
use time::macros::{format_description, offset};

use super::super::{Result, ServiceError};
use crate::domain::binding::fingerprint;
use crate::domain::{Factors, FailureReason, Item, Method, Portal};
use crate::formats::x509::Certificate;
use crate::signing::appearance::{Block, sheet};
use crate::storage::receipts::Confirmed;

/// Everything a receipt tells.
pub struct Facts {
    pub signer: String,
    pub portal: Portal,
    pub request: String,
    pub description: String,
    pub certificate: Certificate,
    pub confirmed: Option<Confirmed>,
    pub factors: Factors,
    pub signed_at: OffsetDateTime,
    /// With why a document was not signed, if it was not.
    pub documents: Vec<(Item, Option<FailureReason>)>,
}

/// The PDF, not yet sealed.
///
/// # Errors
/// When the font cannot be embedded.
pub fn draw(facts: &Facts) -> Result<Vec<u8>> {
    let title = format!("Biên nhận ký số {}", facts.request);
    sheet(&title, &blocks(facts)).map_err(|error| ServiceError::Internal(format!("a receipt: {error}")))
}

fn blocks(facts: &Facts) -> Vec<Block> {
    let certificate = &facts.certificate;
    let validity = certificate.validity();
    let mut blocks = vec![
        Block::Title("BIÊN NHẬN KÝ SỐ".to_owned()),
        Block::Subtitle("Digital signature receipt".to_owned()),
        Block::Rule,
        fact("Người ký", "Signer", vec![facts.signer.clone()]),
        fact("Thời điểm ký", "Signed at", moment(facts.signed_at)),
        fact("Cách xác nhận", "Confirmed by", confirmation(facts)),
        fact("Bên yêu cầu", "Asked by", asked_by(&facts.portal)),
    ];
    if !facts.description.is_empty() {
        blocks.push(fact("Nội dung", "Description", vec![facts.description.clone()]));
    }
    blocks.push(fact("Mã yêu cầu", "Request number", vec![facts.request.clone()]));
    blocks.push(Block::Heading("Chứng thư chữ ký số / Certificate".to_owned()));
    blocks.push(fact("Thuê bao", "Subject", vec![certificate.subject().to_string()]));
    blocks.push(fact("Tổ chức cấp", "Issuer", vec![certificate.issuer().common_name()]));
    blocks.push(fact("Số sê-ri", "Serial number", vec![certificate.serial_hex()]));
    let period = format!("{} – {}", day(validity.not_before), day(validity.not_after));
    blocks.push(fact("Hiệu lực", "Valid", vec![period]));
    blocks.push(Block::Heading(format!("Tài liệu / Documents ({})", facts.documents.len())));
    for (n, (item, failure)) in (1u32..).zip(&facts.documents) {
        let mut value = vec![item.label.clone(), format!("Mã đối chiếu / Fingerprint: {}", fingerprint(&item.digest))];
        let hash = item.digest.to_hex();
        let (first, second) = hash.split_at_checked(hash.len() / 2).unwrap_or((&hash, ""));
        value.extend([format!("{}:", item.digest.algorithm().name()), first.to_owned(), second.to_owned()]);
        if let Some(reason) = failure {
            value.push(format!("Tài liệu này chưa được ký / Not signed ({})", reason.name()));
        }
        blocks.push(Block::Fact { name: vec![format!("{n}.")], value });
    }
    blocks.push(Block::Rule);
    blocks.extend(NOTES.map(|note| Block::Note(note.to_owned())));
    blocks
}

const NOTES: [&str; 4] = [
    "Mã băm và mã đối chiếu là của tài liệu gốc mà người ký đã xem và xác nhận, trước khi chữ ký được thêm vào.",
    "Hashes and fingerprints are those of the original documents that the signer saw and confirmed, before the signature was added.",
    "Biên nhận này được dịch vụ ký số đóng dấu bằng chữ ký số. Kiểm tra không cần mạng: kyso verify --trust ROOT.pem --crl CRL.pem BIEN-NHAN.pdf",
    "The signing service has sealed this receipt with a digital signature. It can be verified offline with the command above.",
];

fn fact(vi: &str, en: &str, value: Vec<String>) -> Block {
    Block::Fact { name: vec![format!("{vi} / {en}")], value }
}

/// On Viet Nam's clocks, and in UTC.
fn moment(at: OffsetDateTime) -> Vec<String> {
    let local = format_description!("[hour]:[minute]:[second] ngày [day]/[month]/[year] (UTC+07:00)");
    let utc = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    let shown = [at.to_offset(offset!(+7)).format(local), at.to_offset(offset!(UTC)).format(utc)];
    shown.into_iter().flatten().collect()
}

fn day(at: OffsetDateTime) -> String {
    at.to_offset(offset!(+7)).format(format_description!("[day]/[month]/[year]")).unwrap_or_default()
}

fn asked_by(portal: &Portal) -> Vec<String> {
    [Some(portal.name.clone()), portal.host.clone()].into_iter().flatten().collect()
}

fn confirmation(facts: &Facts) -> Vec<String> {
    let Some(Confirmed { at, by }) = facts.confirmed else {
        return vec!["trên trang của dịch vụ ký số / on the signing service's own page".to_owned()];
    };
    let (vi, en) = match by {
        Method::Sms => ("mã xác nhận (OTP) gửi bằng tin nhắn", "one-time code by text message"),
        Method::Email => ("mã xác nhận (OTP) gửi bằng thư điện tử", "one-time code by e-mail"),
        Method::Totp => ("ứng dụng xác thực", "authenticator app"),
        Method::Passkey => ("khóa truy cập (passkey)", "passkey"),
    };
    let (pin_vi, pin_en) = match facts.factors {
        Factors::Code => ("", ""),
        Factors::CodeAndPin => (" và mã PIN", " and PIN"),
    };
    let mut lines = vec![format!("{vi}{pin_vi}"), format!("{en}{pin_en}")];
    lines.extend(moment(at).into_iter().take(1));
    lines
}
