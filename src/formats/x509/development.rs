//! How a certificate of a development PKI is recognised, so that production never trusts one.

/// Stands in the subject of every CA and service of a development PKI, and so in the issuer of every certificate it makes.
pub const MARKER: &str = "KYSO PHÁT TRIỂN - KHÔNG TIN CẬY";

/// Whether a DER certificate comes from a development PKI, so that a production start can refuse it.
///
/// Looks for the marker's UTF-8 bytes anywhere in the certificate: the issuer always holds them, and a certificate too
/// broken to decode is recognised too.
pub fn is_development_certificate(der: &[u8]) -> bool {
    der.windows(MARKER.len()).any(|window| window == MARKER.as_bytes())
}
