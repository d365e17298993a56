//! How a code reaches the signer, and what the message says.

use async_trait::async_trait;
use unicode_normalization::UnicodeNormalization;

use crate::domain::{Method, Portal, Secret, TransactionId};
use crate::storage::MessageScope;

/// Longest text message in the GSM 7-bit alphabet that travels in one part (3GPP TS 23.040).
const GSM7_LIMIT: usize = 160;

/// A code on its way.
#[derive(Debug, Clone)]
pub struct CodeMessage {
    /// Registered number, E.164.
    pub to: String,
    pub code: Secret,
    /// The whole text, code included.
    pub text: Secret,
    pub transaction: TransactionId,
}

/// The message was not handed over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message channel does not answer: {0}")]
pub struct ChannelError(pub String);

/// A way to reach a signer's registered destination.
#[async_trait]
pub trait MessageChannel: Send + Sync {
    fn method(&self) -> Method;

    /// Hands the message over.
    ///
    /// # Errors
    /// [`ChannelError`] when it was surely not accepted.
    async fn send(&self, message: &CodeMessage) -> std::result::Result<(), ChannelError>;
}

/// Which budget a message to `to` counts against: the first five characters of a number, or the domain of an address.
pub(super) fn scope(method: Method, to: &str) -> MessageScope {
    let prefix = match to.rsplit_once('@') {
        Some((_, domain)) => domain.to_ascii_lowercase(),
        None => to.chars().take(5).collect(),
    };
    MessageScope { channel: method.name(), prefix }
}

/// The text message: portal, number of documents, the first one's fingerprint, life in minutes, and the warning.
/// Without accents, so that it stays one part of 160 characters on every telephone; a long portal name is cut.
pub(super) fn sms_text(code: &Secret, portal: &Portal, documents: usize, fingerprint: &str, minutes: i64) -> Secret {
    let compose = |name: &str| {
        if documents == 0 {
            // Nothing to sign: the signer only says who they are.
            return format!(
                "{}: ma xac nhan theo yeu cau cua {name}, khong dung de ky. Het han sau {minutes} phut. \
                 Khong doc ma nay cho bat ky ai.",
                code.expose(),
            );
        }
        format!(
            "{}: ma ky so {documents} tai lieu {fingerprint} theo yeu cau cua {name}. Het han sau {minutes} phut. \
             Khong doc ma nay cho bat ky ai.",
            code.expose(),
        )
    };
    let name = without_accents(&portal.name);
    let room = GSM7_LIMIT.saturating_sub(compose("").len());
    Secret::new(compose(name.chars().take(room).collect::<String>().trim_end()))
}

/// Vietnamese text in plain ASCII: marks dropped, `đ` as `d`, everything else outside ASCII dropped.
fn without_accents(text: &str) -> String {
    let letter = |c: char| match c {
        'đ' => 'd',
        'Đ' => 'D',
        other => other,
    };
    text.nfd().map(letter).filter(|c| c.is_ascii() && !c.is_ascii_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PortalId;
    use time::macros::datetime;

    fn portal(name: &str) -> Portal {
        Portal {
            id: PortalId::parse("p").expect("id"),
            name: name.into(),
            host: None,
            support_phone: None,
            secret_sha256: [0; 32],
            created_at: datetime!(2026-01-01 0:00 UTC),
        }
    }

    #[test]
    fn the_text_is_plain_and_names_code_portal_and_fingerprint() {
        let text = sms_text(&Secret::new("123456"), &portal("Cổng DVC tỉnh Đắk Lắk"), 2, "7K3M-Q0ZD-12XB", 5);
        assert_eq!(
            text.expose(),
            "123456: ma ky so 2 tai lieu 7K3M-Q0ZD-12XB theo yeu cau cua Cong DVC tinh Dak Lak. Het han sau 5 phut. \
             Khong doc ma nay cho bat ky ai."
        );
    }

    #[test]
    fn a_long_portal_name_never_makes_a_second_part() {
        let text = sms_text(
            &Secret::new("123456"),
            &portal(&"Cổng dịch vụ công quốc gia ".repeat(9)),
            20,
            "7K3M-Q0ZD-12XB",
            5,
        );
        assert!(text.expose().len() <= GSM7_LIMIT, "{}", text.expose().len());
        assert!(text.expose().ends_with("Khong doc ma nay cho bat ky ai."));
    }

    #[test]
    fn a_code_that_signs_nothing_says_so() {
        let text = sms_text(&Secret::new("123456"), &portal("Cổng"), 0, "", 5);
        assert!(text.expose().contains("khong dung de ky") && !text.expose().contains("tai lieu"), "{}", text.expose());
    }
}
