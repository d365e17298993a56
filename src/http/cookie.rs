//! Cookies: for this service alone, out of scripts' reach, named so that no neighbouring host can plant them.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::Secret;

/// A cookie's name and how it travels.
#[derive(Debug, Clone, Copy)]
pub struct Cookie {
    pub name: &'static str,
    /// How long browsers keep it; the service forgets what it stands for no later.
    pub seconds: u32,
    pub same_site: SameSite,
}

/// Whether it comes along when another site leads here.
#[derive(Debug, Clone, Copy)]
pub enum SameSite {
    /// With links, not with forms.
    Lax,
    Never,
}

impl Cookie {
    /// `__Host-` keeps a cookie from being planted by a neighbouring host; it needs https.
    fn full_name(self, public_url: &str) -> (String, &'static str) {
        match public_url.starts_with("https://") {
            true => (format!("__Host-{}", self.name), "; Secure"),
            false => (self.name.to_owned(), ""),
        }
    }

    /// Sets it, or takes it away.
    pub fn set(self, response: &mut Response, public_url: &str, value: Option<&Secret>) {
        let (name, secure) = self.full_name(public_url);
        let seconds = value.map_or(0, |_| self.seconds);
        let value = value.map(|value| URL_SAFE_NO_PAD.encode(value.expose())).unwrap_or_default();
        let same_site = match self.same_site {
            SameSite::Lax => "Lax",
            SameSite::Never => "Strict",
        };
        let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite={same_site}{secure}");
        if let Ok(mut value) = HeaderValue::from_str(&text) {
            value.set_sensitive(true);
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }

    /// The one cookie of its name; two are none, since one of them was planted.
    pub fn read(self, headers: &HeaderMap, public_url: &str) -> Option<Secret> {
        let (name, _) = self.full_name(public_url);
        let texts = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let values = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut named = values.filter(|(found, _)| *found == name).map(|(_, value)| value);
        match (named.next(), named.next()) {
            (Some(value), None) if value.len() <= 1024 => {
                String::from_utf8(URL_SAFE_NO_PAD.decode(value).ok()?).ok().map(Secret::new)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse as _;

    const ONE: Cookie = Cookie { name: "kyso-x", seconds: 60, same_site: SameSite::Never };

    #[test]
    fn behind_https_a_cookie_is_this_hosts_alone_and_comes_back_as_it_was() {
        let mut response = ().into_response();
        ONE.set(&mut response, "https://kyso.example", Some(&Secret::new("a;b=c\u{1ea1}")));
        let text = response.headers()[header::SET_COOKIE].to_str().expect("text").to_owned();
        assert!(text.starts_with("__Host-kyso-x=") && text.ends_with("; HttpOnly; SameSite=Strict; Secure"), "{text}");
        let mut headers = HeaderMap::new();
        let pair = text.split(';').next().expect("a pair");
        headers.insert(header::COOKIE, HeaderValue::from_str(pair).expect("a header"));
        let read = |headers: &HeaderMap, url| ONE.read(headers, url).map(|value| value.expose().to_owned());
        assert_eq!(read(&headers, "https://kyso.example").as_deref(), Some("a;b=c\u{1ea1}"));
        assert_eq!(read(&headers, "http://127.0.0.1"), None, "another name");
        headers.append(header::COOKIE, HeaderValue::from_str(pair).expect("a header"));
        assert_eq!(read(&headers, "https://kyso.example"), None, "two are none");
    }
}
