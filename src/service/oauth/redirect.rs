//! Redirect URIs: what may be registered, and when a presented one is the registered one.
//!
//! Comparison is of characters, nothing is normalised (RFC 6749 §3.1.2.3, RFC 9700 §2.1); the one exception is the port of a
//! loopback address, which native applications cannot know beforehand (RFC 8252 §7.3).

use url::Url;

/// Longest address, in bytes.
const LONGEST: usize = 2000;
/// How loopback addresses begin; names that only mostly mean this machine are not among them (RFC 8252 §8.3).
const LOOPBACK: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

/// Why an address cannot be registered; none when it can.
pub fn fault(uri: &str) -> Option<&'static str> {
    let Ok(url) = Url::parse(uri) else { return Some("it is not an absolute URL") };
    // The characters of RFC 3986: what is left out ends headers, attributes and policies.
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/?[]@!$&'()*+,;=%".contains(c);
    if uri.len() > LONGEST || !uri.chars().all(plain) {
        return Some("it is too long, has a fragment, or holds characters that have to be escaped");
    }
    if !url.username().is_empty() || url.password().is_some() || uri.contains('@') {
        return Some("it holds a user name");
    }
    // Dot segments, capitals in the host, a default port: whatever a browser would change.
    if url.as_str() != uri || uri.contains('*') {
        return Some("it is not in its normal form");
    }
    match url.scheme() {
        "https" => url.host_str().is_none_or(str::is_empty).then_some("it has no host"),
        "http" if loopback_rest(uri).is_some() => None,
        "http" => Some("http is for http://127.0.0.1 and http://[::1] only"),
        // RFC 8252 §7.1: a scheme of one's own is the reverse of a domain name.
        scheme if scheme.contains('.') => None,
        _ => Some("its scheme is neither https nor one like com.example.app"),
    }
}

/// Whether `presented` is what was registered as `registered`.
pub fn matches(registered: &str, presented: &str) -> bool {
    if registered == presented {
        return true;
    }
    match (loopback_rest(registered), loopback_rest(presented)) {
        (Some(registered), Some(presented)) => registered == presented,
        _ => false,
    }
}

/// What a loopback address has besides its port: which of the two it is, and everything after the port.
fn loopback_rest(uri: &str) -> Option<(&'static str, &str)> {
    let (host, rest) = LOOPBACK.into_iter().find_map(|host| Some((host, uri.strip_prefix(host)?)))?;
    let Some(after) = rest.strip_prefix(':') else {
        return (rest.is_empty() || rest.starts_with('/')).then_some((host, rest));
    };
    let end = after.find('/').unwrap_or(after.len());
    let (port, rest) = after.split_at_checked(end)?;
    let digits = (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit()) && !port.starts_with('0');
    (digits && port.parse::<u16>().is_ok()).then_some((host, rest))
}

/// The address with more parameters, each encoded.
pub fn with_parameters(uri: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    let separator = match uri.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    format!("{uri}{separator}{}", query.finish())
}

/// What a page's `form-action` must name so that a form's answer may lead there.
pub fn policy_source(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok()?;
    Some(match url.scheme() {
        "https" | "http" => url.origin().ascii_serialization(),
        scheme => format!("{scheme}:"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTERED: &str = "https://portal.example/oauth/callback";

    /// What was tried on other servers, and what looks like the registered address to some parser.
    pub const ODD: [&str; 64] = [
        "",
        "https://portal.example/oauth/callback/",
        "https://portal.example/oauth/callback?",
        "https://portal.example/oauth/callback?x=1",
        "https://portal.example/oauth/callback#",
        "https://portal.example/oauth/callback#f",
        "https://portal.example/oauth/callbackx",
        "https://portal.example/oauth/callback/../evil",
        "https://portal.example/oauth/callback/..%2fevil",
        "https://portal.example/oauth/./callback",
        "https://portal.example/oauth//callback",
        "https://portal.example//oauth/callback",
        "https://portal.example/oauth/Callback",
        "https://portal.example/OAUTH/callback",
        "https://portal.example/oauth%2Fcallback",
        "https://portal.example/oauth/c%61llback",
        "https://portal.example/oauth/callback%00",
        "https://portal.example/oauth/callback%0d%0aset-cookie:a=b",
        "https://portal.example/oauth/callback\r\nset-cookie: a=b",
        "https://portal.example/oauth/callback\t",
        "https://portal.example/oauth/callback ",
        " https://portal.example/oauth/callback",
        "https://portal.example:443/oauth/callback",
        "https://portal.example:8443/oauth/callback",
        "https://portal.example:/oauth/callback",
        "https://portal.example./oauth/callback",
        "https://PORTAL.example/oauth/callback",
        "HTTPS://portal.example/oauth/callback",
        "http://portal.example/oauth/callback",
        "ftp://portal.example/oauth/callback",
        "https:portal.example/oauth/callback",
        "https:/portal.example/oauth/callback",
        "https:\\\\portal.example\\oauth\\callback",
        "https://portal.example\\oauth/callback",
        "//portal.example/oauth/callback",
        "/oauth/callback",
        "oauth/callback",
        "https://evil.example/oauth/callback",
        "https://evil.portal.example/oauth/callback",
        "https://portal.example.evil.example/oauth/callback",
        "https://portalxexample/oauth/callback",
        "https://portal.example@evil.example/oauth/callback",
        "https://evil.example@portal.example/oauth/callback",
        "https://user:pass@portal.example/oauth/callback",
        "https://evil.example#@portal.example/oauth/callback",
        "https://evil.example?https://portal.example/oauth/callback",
        "https://evil.example/https://portal.example/oauth/callback",
        "https://evil.example\\@portal.example/oauth/callback",
        "https://portal.example%2eevil.example/oauth/callback",
        "https://portal.example%00.evil.example/oauth/callback",
        "https://pоrtal.example/oauth/callback",
        "https://xn--prtal-3ve.example/oauth/callback",
        "https://portal。example/oauth/callback",
        "https://[::1]/oauth/callback",
        "https://127.0.0.1/oauth/callback",
        "http://127.0.0.1/oauth/callback",
        "http://localhost/oauth/callback",
        "javascript:alert(1)//https://portal.example/oauth/callback",
        "javascript://portal.example/oauth/callback%0aalert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:msgbox",
        "blob:https://portal.example/oauth/callback",
        "about:blank",
        "urn:ietf:wg:oauth:2.0:oob",
    ];

    #[test]
    fn only_the_registered_address_itself_matches() {
        assert!(matches(REGISTERED, REGISTERED));
        for odd in ODD {
            assert!(!matches(REGISTERED, odd), "{odd}");
        }
    }

    #[test]
    fn a_loopback_address_matches_with_any_port_and_nothing_else_changed() {
        let registered = "http://127.0.0.1/callback";
        for good in [registered, "http://127.0.0.1:1/callback", "http://127.0.0.1:51004/callback"] {
            assert!(matches(registered, good), "{good}");
        }
        assert!(matches("http://[::1]:9/cb", "http://[::1]:10/cb"));
        for bad in [
            "http://127.0.0.1:0/callback",
            "http://127.0.0.1:080/callback",
            "http://127.0.0.1:65536/callback",
            "http://127.0.0.1:/callback",
            "http://127.0.0.1:+80/callback",
            "http://127.0.0.1:80@evil.example/callback",
            "http://127.0.0.1:x/callback",
            "http://127.0.0.1@evil.example/callback",
            "http://127.0.0.1.evil.example/callback",
            "http://127.0.0.12/callback",
            "http://127.1/callback",
            "http://127.0.0.2/callback",
            "http://[::1]/callback",
            "http://localhost/callback",
            "https://127.0.0.1/callback",
            "http://127.0.0.1/callback/",
            "http://127.0.0.1/callback?x",
            "http://127.0.0.1:80?/callback",
            "http://127.0.0.1:80#/callback",
            "http://127.0.0.1",
        ] {
            assert!(!matches(registered, bad), "{bad}");
        }
    }

    #[test]
    fn what_could_lead_astray_cannot_be_registered() {
        for good in [
            REGISTERED,
            "https://portal.example:8443/cb?tenant=1",
            "http://127.0.0.1/cb",
            "http://[::1]:8080/cb",
            "vn.gov.example.app:/oauth",
        ] {
            assert_eq!(fault(good), None, "{good}");
        }
        for bad in [
            "http://portal.example/cb",
            "http://localhost/cb",
            "https://*.portal.example/cb",
            "https://portal.example/*",
            "https://portal.example/cb#x",
            "https://portal.example/a/../cb",
            "https://portal.example/%2e%2e/cb",
            "https://u@portal.example/cb",
            "javascript:alert(1)",
            "data:text/html,x",
            "myapp:/cb",
            "/cb",
            "https://portal.example/\"",
            "https://",
        ] {
            assert!(fault(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn parameters_join_the_ones_that_are_there() {
        let with = |uri| with_parameters(uri, &[("code", "a b&c"), ("state", "é")]);
        assert_eq!(with("https://p.example/cb"), "https://p.example/cb?code=a+b%26c&state=%C3%A9");
        assert_eq!(with("https://p.example/cb?x=1"), "https://p.example/cb?x=1&code=a+b%26c&state=%C3%A9");
        assert_eq!(policy_source("http://[::1]:80/cb").as_deref(), Some("http://[::1]"));
        assert_eq!(policy_source("vn.gov.example.app:/cb").as_deref(), Some("vn.gov.example.app:"));
        assert_eq!(policy_source("https://a;script-src *"), None);
    }
}
