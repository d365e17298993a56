//! `signed_props` of signDoc: what is signed beside the document. Values are base64 of UTF-8 text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::domain::settings::{ContentTimeStamp, SignatureOptions};
use crate::signing::extras::{Commitment, ContentFormat};

use super::super::fault::Fault;
use super::params::{Params, invalid};

/// Names this service writes.
#[cfg(test)]
const OFFERED: [&str; 7] = [
    "Reason",
    "Location",
    "ContactInfo",
    "commitment-type-indication",
    "mime-type",
    "content-hints",
    "content-time-stamp",
];

/// Adds the properties to `options`.
///
/// # Errors
/// "Invalid parameter signed_props" with the name of the one that is not offered or not readable.
pub fn read(props: &Value, options: &mut SignatureOptions) -> Result<(), Fault> {
    let bad = || invalid("Invalid parameter signed_props");
    for prop in props.as_array().ok_or_else(bad)? {
        let prop = Params::nested(prop, bad)?;
        let name = prop.string(&["attribute_name"]).map_err(|_| bad())?;
        let wrong = || invalid(format!("Invalid parameter signed_props ({name})"));
        let value = prop.optional_string(&["attribute_value"]).map_err(|_| wrong())?;
        if name == "content-time-stamp" && value.is_none() {
            options.content_time_stamp = ContentTimeStamp::BeforeSigning;
            continue;
        }
        let text = value.and_then(decoded).ok_or_else(wrong)?;
        match name {
            "Reason" => options.reason = Some(text),
            "Location" => options.location = Some(text),
            "ContactInfo" => options.contact_info = Some(text),
            "commitment-type-indication" => options.extras.commitment = Some(commitment(&text).ok_or_else(wrong)?),
            "mime-type" => options.extras.content_format = Some(ContentFormat::MimeType(text)),
            "content-hints" => options.extras.content_format = Some(ContentFormat::Hints(text)),
            _ => return Err(wrong()),
        }
    }
    Ok(())
}

fn decoded(text: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(text).ok()?).ok()
}

/// By its dotted identifier.
fn commitment(text: &str) -> Option<Commitment> {
    use Commitment::{ProofOfApproval, ProofOfCreation, ProofOfDelivery, ProofOfOrigin, ProofOfReceipt, ProofOfSender};
    [ProofOfApproval, ProofOfCreation, ProofOfDelivery, ProofOfOrigin, ProofOfReceipt, ProofOfSender]
        .into_iter()
        .find(|commitment| commitment.oid().to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::super::params::tests::description;
    use super::*;
    use serde_json::json;

    fn prop(name: &str, text: &str) -> Value {
        json!({"attribute_name": name, "attribute_value": STANDARD.encode(text)})
    }

    #[test]
    fn each_offered_property_reaches_the_options() {
        let props = json!([
            prop("Reason", "Tôi đồng ý"), prop("Location", "Hà Nội"), prop("ContactInfo", "1900"),
            prop("commitment-type-indication", "1.2.840.113549.1.9.16.6.5"), prop("mime-type", "text/plain"),
            {"attribute_name": "content-time-stamp"},
        ]);
        let mut options = SignatureOptions::default();
        read(&props, &mut options).expect("read");
        assert_eq!(options.reason.as_deref(), Some("Tôi đồng ý"));
        assert_eq!(options.extras.commitment, Some(Commitment::ProofOfApproval));
        assert_eq!(options.content_time_stamp, ContentTimeStamp::BeforeSigning);
        for name in OFFERED.iter().filter(|name| **name != "content-time-stamp") {
            let text = if name.starts_with("commitment") { "1.2.840.113549.1.9.16.6.1" } else { "a/b" };
            assert!(read(&json!([prop(name, text)]), &mut SignatureOptions::default()).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_property_that_is_not_offered_is_named() {
        for (name, value) in [("SignerRoleV2", "AA=="), ("Name", "QQ=="), ("Reason", "%"), ("Reason", "/w==")] {
            let props = json!([{"attribute_name": name, "attribute_value": value}]);
            let fault = read(&props, &mut SignatureOptions::default()).expect_err("refused");
            assert_eq!(description(&fault), format!("Invalid parameter signed_props ({name})"));
        }
    }
}
