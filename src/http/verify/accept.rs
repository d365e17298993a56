//! Which form of the report a caller accepts (RFC 9110 §12.5.1).

use axum::http::{HeaderMap, header};

use super::super::fault::Fault;
use super::super::problem;

/// The forms `kyso verify --report` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportForm {
    Json,
    Text,
    Html,
}

impl ReportForm {
    const ALL: [Self; 3] = [Self::Json, Self::Text, Self::Html];

    /// The word of `--report`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "text",
            Self::Html => "html",
        }
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Text => "text/plain; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
        }
    }

    /// The form the caller likes best; JSON when none is named.
    ///
    /// # Errors
    /// [`problem::NOT_ACCEPTABLE`] when none of them is accepted.
    pub fn wanted(headers: &HeaderMap) -> Result<Self, Fault> {
        let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges: Vec<(&str, u16)> = accepted.flat_map(|value| value.split(',')).map(range).collect();
        if ranges.is_empty() {
            return Ok(Self::Json);
        }
        let mut best = None;
        for form in Self::ALL {
            let liked = form.liked(&ranges);
            if liked > best.map_or(0, |(_, liked)| liked) {
                best = Some((form, liked));
            }
        }
        best.map(|(form, _)| form).ok_or_else(|| Fault::new(&problem::NOT_ACCEPTABLE))
    }

    /// Thousandths; the most specific range decides.
    fn liked(self, ranges: &[(&str, u16)]) -> u16 {
        let media = self.media_type().split(';').next().unwrap_or_default();
        let family = media.split('/').next().unwrap_or_default();
        let matching = |range: &str| {
            if range.eq_ignore_ascii_case(media) {
                Some(2)
            } else if range.strip_suffix("/*").is_some_and(|start| start.eq_ignore_ascii_case(family)) {
                Some(1)
            } else {
                (range == "*/*").then_some(0)
            }
        };
        let found = ranges.iter().filter_map(|(range, quality)| Some((matching(range)?, *quality)));
        found.max().map_or(0, |(_, quality)| quality)
    }
}

/// A media range and its quality in thousandths; a quality that is none counts as 0.
fn range(text: &str) -> (&str, u16) {
    let mut parts = text.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    (media, quality.map_or(1_000, |quality| thousandths(quality).unwrap_or(0)))
}

/// `qvalue` (RFC 9110 §12.4.2): 0 or 1 with at most three digits after the point.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let padded = format!("{rest:0<3}");
    let rest: u16 = padded.parse().ok().filter(|_| padded.len() == 3)?;
    let whole: u16 = whole.parse().ok()?;
    whole.checked_mul(1_000)?.checked_add(rest).filter(|all| *all <= 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn wanted(accept: &'static str) -> Option<ReportForm> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        ReportForm::wanted(&headers).ok()
    }

    #[test]
    fn json_is_what_one_gets_unless_another_form_is_liked_better() {
        assert_eq!(ReportForm::wanted(&HeaderMap::new()).ok(), Some(ReportForm::Json));
        for (accept, form) in [
            ("*/*", ReportForm::Json),
            ("text/plain", ReportForm::Text),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", ReportForm::Html),
            ("application/json;q=0.5, text/plain;q=0.75", ReportForm::Text),
            ("TEXT/*;q=0.3, application/json;q=0.2", ReportForm::Text),
            ("*/*, application/json;q=0", ReportForm::Text),
        ] {
            assert_eq!(wanted(accept), Some(form), "{accept}");
        }
    }

    #[test]
    fn what_is_not_offered_or_not_liked_is_not_acceptable() {
        for accept in ["application/pdf", "image/*", "application/json;q=0", "text/html;q=2", "text/html;q=x", "/*"] {
            assert_eq!(wanted(accept), None, "{accept}");
        }
    }
}
