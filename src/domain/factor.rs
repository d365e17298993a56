//! What a signer proves before their key is used.

use serde::{Deserialize, Serialize};

/// Which factors a credential asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Factors {
    /// Possession alone: a one-time code, or a passkey.
    #[serde(rename = "code")]
    Code,
    /// Possession and knowledge: the key does not open without the PIN.
    #[serde(rename = "code+pin")]
    CodeAndPin,
}

impl Factors {
    pub fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::CodeAndPin => "code+pin",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Code, Self::CodeAndPin].into_iter().find(|factors| factors.name() == name)
    }
}

/// How possession is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// A code in a text message.
    Sms,
    /// A code in an e-mail.
    Email,
    /// An authenticator app (RFC 6238).
    Totp,
    /// WebAuthn.
    Passkey,
}

impl Method {
    pub const ALL: [Self; 4] = [Self::Sms, Self::Email, Self::Totp, Self::Passkey];

    /// The word in storage, audit records and forms.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Email => "email",
            Self::Totp => "totp",
            Self::Passkey => "passkey",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    /// Whether something is sent.
    pub fn is_message(self) -> bool {
        matches!(self, Self::Sms | Self::Email)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        assert!(Method::ALL.into_iter().all(|method| Method::from_name(method.name()) == Some(method)));
        assert_eq!(Factors::from_name("code+pin"), Some(Factors::CodeAndPin));
        assert_eq!(Factors::from_name("pin"), None);
    }
}
