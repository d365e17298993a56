//! The member `appearance`: how a signature is shown. Its shape is [`VisibleSignature`]; here it is checked before anybody waits.

use super::super::fault::Fault;
use super::super::problem;
use crate::signing::appearance;
use crate::signing::visible::VisibleSignature;

/// Limits, image and QR code; whether it fits is seen with the document.
pub(super) fn checked(asked: VisibleSignature) -> Result<VisibleSignature, Fault> {
    match appearance::check(&asked) {
        Ok(()) => Ok(asked),
        Err(error) => Err(Fault::new(&problem::INVALID).detail(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> Result<VisibleSignature, Fault> {
        checked(serde_json::from_str(json).expect("the shape"))
    }

    #[test]
    fn a_whole_appearance_passes_and_an_image_that_is_none_does_not() {
        let place = r#""place":{"rectangle":{"page":-1,"x":50,"y":60.5,"width":200,"height":80}}"#;
        assert!(check(&format!("{{{place},\"template\":\"citizen\",\"qr\":\"https://vi.du\"}}")).is_ok());
        assert!(check(&format!("{{{place},\"image\":\"*\"}}")).is_err());
        assert!(check(&format!("{{{place},\"image\":\"{}\"}}", "A".repeat(800_000))).is_err());
    }
}
