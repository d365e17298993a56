//! Identifiers. All are opaque text of at most 64 characters from a small alphabet, so they travel safely in URLs and logs.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The text is empty, longer than 64 characters, or holds something other than letters, digits, `-`, `_`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an identifier has 1 to 64 letters, digits, '-' or '_'")]
pub struct InvalidId;

fn check(text: &str) -> Result<(), InvalidId> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if (1..=64).contains(&text.len()) && text.chars().all(allowed) { Ok(()) } else { Err(InvalidId) }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// # Errors
            /// [`InvalidId`] when the text does not fit.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                check(text).map(|()| Self(text.to_owned()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                check(&text).map(|()| Self(text))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A portal (tenant): the relying party that asks for signatures. Doubles as its OAuth `client_id`.
    PortalId
);
id!(
    /// A person whose keys the service holds.
    SignerId
);
id!(
    /// CSC `credentialID`: a key with its certificate.
    CredentialId
);
id!(
    /// One signing transaction: at least 128 random bits, so knowing one says nothing of another.
    TransactionId
);
id!(
    /// A portal's address for webhooks.
    WebhookId
);

id!(
    /// A CSC call whose answer is fetched later.
    OperationId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_separators_control_characters_and_long_text_are_refused() {
        for text in ["", "a/b", "..", "a\u{0}", "é", "a b", &"x".repeat(65)] {
            assert_eq!(PortalId::parse(text), Err(InvalidId), "{text:?}");
        }
        assert_eq!(PortalId::parse("tinh-bac-ninh_1").map(|id| id.to_string()), Ok("tinh-bac-ninh_1".into()));
    }
}
