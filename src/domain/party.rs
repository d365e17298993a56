//! Who takes part: portals that ask, signers who confirm.

use time::OffsetDateTime;

use super::factor::Method;
use super::ids::{PortalId, SignerId};

/// The service itself, as the one who asks when citizens open their own page.
pub const OWN_PORTAL: &str = "kyso-me";

/// A relying party. Its name on the citizen's page comes from here, never from a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portal {
    pub id: PortalId,
    /// Registered name, shown to citizens.
    pub name: String,
    /// Host the citizen came from, shown beside the name, e.g. `dichvucong.example.gov.vn`.
    pub host: Option<String>,
    /// Telephone number citizens may call.
    pub support_phone: Option<String>,
    /// SHA-256 of the client secret. The secret has 256 random bits, so a fast hash is enough.
    pub secret_sha256: [u8; 32],
    pub created_at: OffsetDateTime,
}

/// A person who signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    pub id: SignerId,
    /// Full name with its accents, as in the certificate.
    pub name: String,
    /// Registered telephone number in E.164 form; the only destination of codes.
    pub phone: String,
    /// Registered e-mail address, where codes may go too.
    pub email: Option<String>,
    /// Argon2id hash (PHC string) of the PIN that explicit mode asks for; none when the signer has no PIN.
    pub pin_hash: Option<String>,
    pub created_at: OffsetDateTime,
    /// Since when their keys are frozen, all of them; none while they may be used.
    pub frozen_at: Option<OffsetDateTime>,
}

impl Signer {
    /// The registered destination of messages, masked.
    pub fn masked(&self, method: Method) -> String {
        match (method, &self.email) {
            (Method::Email, Some(email)) => mask_email(email),
            _ => self.masked_phone(),
        }
    }

    /// The number with all but its last three digits hidden, e.g. `+84•••••••123`.
    pub fn masked_phone(&self) -> String {
        let digits: Vec<char> = self.phone.chars().collect();
        let (head, tail) = (digits.len().min(3), digits.len().saturating_sub(3));
        digits.iter().enumerate().map(|(i, c)| if i < head || i >= tail { *c } else { '•' }).collect()
    }
}

/// An address with its first letter and its domain, e.g. `a•••@example.vn`: how long the rest is stays untold.
fn mask_email(email: &str) -> String {
    match email.rsplit_once('@') {
        Some((local, domain)) => format!("{}•••@{domain}", local.chars().take(1).collect::<String>()),
        None => "•••".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn the_middle_of_a_number_is_hidden() {
        let signer = Signer {
            id: SignerId::parse("an").expect("id"),
            name: "Nguyễn Văn An".into(),
            phone: "+84912345678".into(),
            email: Some("an.nguyen@example.vn".into()),
            pin_hash: None,
            created_at: datetime!(2026-01-01 0:00 UTC),
            frozen_at: None,
        };
        assert_eq!(signer.masked_phone(), "+84••••••678");
        assert_eq!(signer.masked(Method::Sms), "+84••••••678");
        assert_eq!(signer.masked(Method::Email), "a•••@example.vn");
    }
}
