//! Name limits of anchors as people write them, `dns:gov.vn` or `dn:C=VN`, and as NameConstraints (RFC 5280 §4.2.1.10).

use std::str::FromStr as _;

use der::Encode as _;

use crate::formats::der::{tag, write};
use crate::formats::x509::extensions::name_constraints;
use crate::formats::x509::{GeneralName, NameConstraints};

/// Encodes limits. Each is `dn:` with an RFC 4514 name, `dns:`, `email:` or `uri:` with RFC 5280's form of a constraint.
///
/// # Errors
/// A sentence that names the limit that is not understood.
pub fn encode(permitted: &[String], excluded: &[String]) -> Result<(Vec<u8>, NameConstraints), String> {
    let subtrees = |number: u8, names: &[String]| -> Result<Vec<u8>, String> {
        let encoded = names.iter().map(|name| subtree(name)).collect::<Result<Vec<_>, _>>()?;
        Ok(if encoded.is_empty() {
            Vec::new()
        } else {
            write::tlv(tag::context_constructed(number), &encoded.concat())
        })
    };
    let der = write::sequence(&[&subtrees(0, permitted)?, &subtrees(1, excluded)?]);
    let read = name_constraints(&der).map_err(|error| error.to_string())?;
    Ok((der, read))
}

/// `GeneralSubtree ::= SEQUENCE { base GeneralName, … }`
fn subtree(text: &str) -> Result<Vec<u8>, String> {
    let wrong = || format!("\"{text}\" is not dn:, dns:, email: or uri: with a name");
    let (form, name) = text.split_once(':').ok_or_else(wrong)?;
    let name = name.trim();
    let tagged = |number: u8| {
        let plain = name.is_ascii() && !name.is_empty() && !name.contains(|c: char| c.is_ascii_whitespace());
        if plain { Ok(write::tlv(tag::context(number), name.as_bytes())) } else { Err(wrong()) }
    };
    let base = match form {
        "email" => tagged(1)?,
        "dns" => tagged(2)?,
        "uri" => tagged(6)?,
        "dn" if !name.is_empty() => {
            let name = x509_cert::name::RdnSequence::from_str(name).map_err(|_| wrong())?;
            write::tlv(tag::context_constructed(4), &name.to_der().map_err(|_| wrong())?)
        }
        _ => return Err(wrong()),
    };
    Ok(write::sequence(&[&base]))
}

/// A limit as people write it.
pub fn describe(name: &GeneralName) -> String {
    match name {
        GeneralName::Directory(name) => format!("dn:{name}"),
        GeneralName::Dns(name) => format!("dns:{name}"),
        GeneralName::Email(name) => format!("email:{name}"),
        GeneralName::Uri(name) => format!("uri:{name}"),
        GeneralName::Ip(octets) => format!("ip:{octets:?}"),
        GeneralName::Other(tag, _) => format!("[{}]", tag & 0x1f),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_read_back_as_they_were_written() {
        let permitted = ["dn:O=Ban Cơ yếu Chính phủ,C=VN", "dns:gov.vn", "email:.gov.vn", "uri:.gov.vn"];
        let permitted: Vec<String> = permitted.map(str::to_owned).to_vec();
        let (_, read) = encode(&permitted, &["dns:test.gov.vn".to_owned()]).expect("encoded");
        assert_eq!(read.permitted.iter().map(describe).collect::<Vec<_>>(), permitted);
        assert_eq!(read.excluded, [GeneralName::Dns("test.gov.vn".to_owned())]);
    }

    #[test]
    fn limits_that_would_not_bind_are_refused() {
        for bad in ["gov.vn", "dns:", "dns:gov vn", "dn:", "dn:nonsense", "ip:10.0.0.0/8", "host:a"] {
            assert!(encode(&[bad.to_owned()], &[]).is_err(), "{bad}");
        }
        assert!(encode(&[], &[]).is_err(), "no limit at all");
    }
}
