//! Flags of `kyso sign` for a visible signature, and the JSON they stand for.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Width and height beside an anchor when --rect does not say, in points.
const SIZE: (f64, f64) = (200.0, 80.0);

#[derive(Debug, Default, clap::Args)]
pub struct AppearanceArgs {
    /// Show the signature: in the field given with --field, or where --rect or --anchor say
    #[arg(long)]
    visible: bool,
    /// Page of --rect or --anchor, from 1; negative from the end
    #[arg(long, value_name = "N", allow_hyphen_values = true, requires = "visible")]
    page: Option<i32>,
    /// Rectangle in points from the upper left corner of the displayed page; with --anchor, x and y count from below the text
    #[arg(long, value_name = "X,Y,W,H", value_delimiter = ',', allow_hyphen_values = true, requires = "visible")]
    rect: Option<Vec<f64>>,
    /// Text on the page below which the signature stands; its last occurrence
    #[arg(long, value_name = "TEXT", requires = "visible")]
    anchor: Option<String>,
    /// Picture of a signature or seal: PNG, JPEG or SVG
    #[arg(long, value_name = "FILE", requires = "visible")]
    image: Option<PathBuf>,
    /// Text of a QR code
    #[arg(long, value_name = "TEXT", requires = "visible")]
    qr: Option<String>,
    #[arg(long, default_value = "citizen", value_parser = ["citizen", "agency-seal", "official-signature", "document-information"])]
    template: String,
}

impl AppearanceArgs {
    /// The member `appearance`; `None` for an invisible signature.
    ///
    /// # Errors
    /// When the picture cannot be read or the place is incomplete.
    pub fn json(&self) -> Result<Option<Value>> {
        if !self.visible {
            return Ok(None);
        }
        let mut appearance = json!({"template": self.template});
        let mut set = |member: &str, value: Value| {
            if let Some(object) = appearance.as_object_mut() {
                object.insert(member.to_owned(), value);
            }
        };
        if let Some(place) = self.place()? {
            set("place", place);
        }
        if let Some(file) = &self.image {
            let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            set("image", STANDARD.encode(bytes).into());
        }
        if let Some(qr) = &self.qr {
            set("qr", qr.as_str().into());
        }
        Ok(Some(appearance))
    }

    fn place(&self) -> Result<Option<Value>> {
        let rect = match self.rect.as_deref() {
            None => None,
            Some(&[x, y, width, height]) => Some((x, y, width, height)),
            Some(_) => bail!("--rect takes four numbers: X,Y,WIDTH,HEIGHT"),
        };
        Ok(match (&self.anchor, rect) {
            (Some(text), rect) => {
                let (dx, dy, width, height) = rect.unwrap_or((0.0, 0.0, SIZE.0, SIZE.1));
                let place = json!({"text": text, "occurrence": "last", "dx": dx, "dy": dy, "width": width,
                    "height": height, "page": self.page});
                Some(json!({"anchor": place}))
            }
            (None, Some((x, y, width, height))) => {
                let page = self.page.unwrap_or(1);
                Some(json!({"rectangle": {"page": page, "x": x, "y": y, "width": width, "height": height}}))
            }
            (None, None) if self.page.is_some() => bail!("--page needs --rect or --anchor"),
            (None, None) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::visible::VisibleSignature;

    #[test]
    fn flags_give_the_json_the_service_reads() {
        let rect = Some(vec![10.0, 20.0, 200.0, 80.0]);
        let base = || AppearanceArgs { visible: true, template: "citizen".into(), ..AppearanceArgs::default() };
        for args in [
            AppearanceArgs { rect: rect.clone(), page: Some(-1), ..base() },
            AppearanceArgs { anchor: Some("ĐẠI DIỆN".into()), qr: Some("q".into()), ..base() },
            base(),
        ] {
            let json = args.json().expect("complete").expect("visible");
            serde_json::from_value::<VisibleSignature>(json).expect("the shape");
        }
        assert!(AppearanceArgs { page: Some(2), ..base() }.json().is_err());
        assert!(AppearanceArgs::default().json().expect("nothing asked").is_none());
    }
}
