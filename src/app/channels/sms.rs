//! An SMS gateway over HTTP. Gateways differ in everything: method, address, headers and body are a template.
//!
//! Placeholders: `{to}` (`+84912345678`), `{to_digits}` (`84912345678`), `{to_local}` (`0912345678`), `{text}`, `{token}`. What
//! stands for one is escaped for its place: percent-encoded in the address and in forms, as a JSON string or XML text in
//! bodies of that type. Nothing that comes from outside can end a string, a parameter or a header.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use crate::authorization::{Alphabet, ChannelError, CodeMessage, MessageChannel, wording};
use crate::domain::{Method, Secret};

/// A gateway that has not accepted a message by then is treated as down.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer that are looked at.
const MAX_ANSWER: usize = 64 * 1024;
const JSON: &str = "application/json";

/// The request that sends one message.
#[derive(Debug, Clone)]
pub struct Template {
    pub method: String,
    pub url: String,
    pub headers: BTreeMap<String, String>,
    pub content_type: String,
    /// `None` for requests without a body.
    pub body: Option<String>,
    /// Text that stands in the answer of an accepted message, for gateways that answer 200 to everything.
    pub accepted: Option<String>,
}

impl Template {
    /// `POST {"to", "text"}` as JSON, with a bearer token if there is one; any 2xx means accepted.
    pub fn simple(url: &str, token: Option<&Zeroizing<String>>) -> Self {
        let bearer = token.map(|_| ("authorization".to_owned(), "Bearer {token}".to_owned()));
        Self {
            method: "POST".to_owned(),
            url: url.to_owned(),
            headers: bearer.into_iter().collect(),
            content_type: JSON.to_owned(),
            body: Some(r#"{"to":"{to}","text":"{text}"}"#.to_owned()),
            accepted: None,
        }
    }
}

/// What is written, and where it may go.
#[derive(Debug, Clone)]
pub struct Wording {
    pub alphabet: Alphabet,
    /// Of the page, for the last line.
    pub host: Option<String>,
    /// Numbers that begin with one of these get messages, others none.
    pub prefixes: Vec<String>,
}

/// A gateway.
pub struct SmsGateway {
    client: reqwest::Client,
    template: Template,
    method: reqwest::Method,
    token: Option<Zeroizing<String>>,
    wording: Wording,
}

/// Where a value is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Address,
    Header,
    Json,
    Xml,
    Form,
    Plain,
}

impl Place {
    fn of_body(content_type: &str) -> Self {
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            JSON => Self::Json,
            "application/x-www-form-urlencoded" => Self::Form,
            kind if kind.ends_with("xml") => Self::Xml,
            _ => Self::Plain,
        }
    }

    fn escape(self, value: &str) -> String {
        match self {
            Self::Address | Self::Form => {
                url::form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>().replace('+', "%20")
            }
            Self::Json => {
                let quoted = serde_json::Value::from(value).to_string();
                quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
            }
            Self::Xml => value
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
                .replace('\'', "&apos;")
                .replace('\n', "&#10;"),
            Self::Header => value.chars().filter(|c| !c.is_control()).collect(),
            Self::Plain => value.to_owned(),
        }
    }
}

impl SmsGateway {
    /// # Errors
    /// What of the template cannot be used.
    pub fn new(template: Template, token: Option<Zeroizing<String>>, wording: Wording) -> Result<Self, ChannelError> {
        let refused = |what: &str| ChannelError(format!("the SMS gateway's template: {what}"));
        let method = template.method.parse().map_err(|_| refused("the method is none"))?;
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| ChannelError(error.to_string()))?;
        let gateway = Self { client, template, method, token, wording };
        // Written out once for trial: what could not be sent is found now.
        let trial = gateway.values("+84900000000", &Secret::new("x"));
        let address = fill(&gateway.template.url, Place::Address, &trial)?;
        let url: url::Url = address.parse().map_err(|_| refused("the address is no URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused("the address is neither http nor https"));
        }
        let host_end = gateway.template.url.split("://").nth(1).and_then(|rest| rest.split('/').next());
        if host_end.is_some_and(|host| host.contains('{')) {
            return Err(refused("the host is fixed"));
        }
        gateway.headers(&trial)?;
        gateway.template.body.as_deref().map(|body| fill(body, Place::Plain, &trial)).transpose()?;
        let text = [Some(&gateway.template.url), gateway.template.body.as_ref()];
        if !text.into_iter().flatten().any(|part| part.contains("{text}")) {
            return Err(refused("{text} stands nowhere"));
        }
        Ok(gateway)
    }

    fn values<'a>(&'a self, to: &'a str, text: &'a Secret) -> [(&'static str, Zeroizing<String>); 5] {
        let own = |text: &str| Zeroizing::new(text.to_owned());
        let digits = to.trim_start_matches('+');
        let local = digits.strip_prefix("84").map_or_else(|| digits.to_owned(), |rest| format!("0{rest}"));
        let token = self.token.as_deref().map(String::as_str).unwrap_or_default();
        [
            ("{to}", own(to)),
            ("{to_digits}", own(digits)),
            ("{to_local}", own(&local)),
            ("{text}", own(text.expose())),
            ("{token}", own(token)),
        ]
    }

    fn headers(&self, values: &[(&'static str, Zeroizing<String>)]) -> Result<HeaderMap, ChannelError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.template.headers {
            let unusable = || ChannelError(format!("the SMS gateway's template: header {name}"));
            let name: HeaderName = name.parse().map_err(|_| unusable())?;
            let mut value: HeaderValue = fill(value, Place::Header, values)?.parse().map_err(|_| unusable())?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        if self.template.body.is_some() {
            let kind = self.template.content_type.parse();
            headers.insert(CONTENT_TYPE, kind.map_err(|_| ChannelError("the content type is none".into()))?);
        }
        Ok(headers)
    }

    fn request(&self, message: &CodeMessage) -> Result<reqwest::RequestBuilder, ChannelError> {
        let Wording { alphabet, host, .. } = &self.wording;
        let text = wording::sms(*alphabet, &message.facts, &message.code, host.as_deref());
        let values = self.values(&message.to, &text);
        let address = fill(&self.template.url, Place::Address, &values)?;
        let request = self.client.request(self.method.clone(), address).headers(self.headers(&values)?);
        let place = Place::of_body(&self.template.content_type);
        Ok(match &self.template.body {
            Some(body) => request.body(fill(body, place, &values)?),
            None => request,
        })
    }

    async fn check(&self, answer: reqwest::Response) -> Result<(), ChannelError> {
        if !answer.status().is_success() {
            return Err(ChannelError(format!("it answered {}", answer.status())));
        }
        let Some(wanted) = &self.template.accepted else { return Ok(()) };
        let bytes = answer.bytes().await.map_err(|error| ChannelError(error.without_url().to_string()))?;
        let seen = String::from_utf8_lossy(bytes.get(..bytes.len().min(MAX_ANSWER)).unwrap_or_default());
        // The answer may repeat the message: it goes to no log.
        if seen.contains(wanted.as_str()) { Ok(()) } else { Err(ChannelError("it did not accept the message".into())) }
    }
}

/// Puts the values into a template; one pass, so that a value that looks like a placeholder stays what it is.
fn fill(template: &str, place: Place, values: &[(&'static str, Zeroizing<String>)]) -> Result<String, ChannelError> {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        filled.push_str(before);
        match values.iter().find_map(|(name, value)| Some((from.strip_prefix(name)?, value))) {
            Some((after, value)) => {
                filled.push_str(&place.escape(value));
                rest = after;
            }
            None => {
                // A misspelt placeholder would be sent as it stands; a brace of JSON is followed by no letter.
                if from.chars().nth(1).is_some_and(char::is_alphabetic) {
                    return Err(ChannelError("the SMS gateway's template: an unknown {placeholder}".into()));
                }
                filled.push('{');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

#[async_trait]
impl MessageChannel for SmsGateway {
    fn method(&self) -> Method {
        Method::Sms
    }

    fn reaches(&self, to: &str) -> bool {
        self.wording.prefixes.iter().any(|prefix| to.starts_with(prefix.as_str()))
    }

    async fn send(&self, message: &CodeMessage) -> Result<(), ChannelError> {
        // The error's text could hold the address with its query; it goes to the log without it.
        let answer = self.request(message)?.send().await;
        self.check(answer.map_err(|error| ChannelError(error.without_url().to_string()))?).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorization::Facts;
    use crate::domain::TransactionId;

    fn wording(alphabet: Alphabet) -> Wording {
        Wording { alphabet, host: Some("ky.example.vn".into()), prefixes: vec!["+84".into()] }
    }

    fn message() -> CodeMessage {
        CodeMessage {
            to: "+84912345678".into(),
            code: Secret::new("123456"),
            facts: Facts {
                portal: "Cổng \"A\" & B\r\n{token}".into(),
                documents: 1,
                fingerprint: "F".into(),
                minutes: 5,
            },
            transaction: TransactionId::parse("t").expect("id"),
        }
    }

    fn template(url: &str, content_type: &str, body: Option<&str>) -> Template {
        Template {
            method: if body.is_some() { "POST" } else { "GET" }.into(),
            url: url.into(),
            headers: BTreeMap::new(),
            content_type: content_type.into(),
            body: body.map(str::to_owned),
            accepted: None,
        }
    }

    fn built(template: Template, alphabet: Alphabet) -> reqwest::Request {
        let token = Some(Zeroizing::new("s3cret&".to_owned()));
        let gateway = SmsGateway::new(template, token, wording(alphabet)).expect("usable");
        gateway.request(&message()).and_then(|r| r.build().map_err(|e| ChannelError(e.to_string()))).expect("a request")
    }

    fn body(request: &reqwest::Request) -> String {
        let bytes = request.body().and_then(reqwest::Body::as_bytes).expect("a body");
        String::from_utf8(bytes.to_vec()).expect("text")
    }

    #[test]
    fn simple_gateway_gets_json_with_a_bearer_token() {
        let token = Zeroizing::new("t".to_owned());
        let request = built(Template::simple("https://sms.example/send", Some(&token)), Alphabet::Gsm7);
        assert_eq!(request.headers()["authorization"], "Bearer s3cret&");
        let sent: serde_json::Value = serde_json::from_str(&body(&request)).expect("JSON");
        assert_eq!(sent["to"], "+84912345678");
        let text = sent["text"].as_str().expect("text");
        assert!(text.contains("Cong \"A\" & B{token}"), "no line break, and no placeholder comes alive: {text}");
        assert!(text.ends_with("\n@ky.example.vn #123456"), "{text}");
    }

    #[test]
    fn every_place_has_its_own_escaping() {
        let address = "https://sms.example/send?to={to_local}&key={token}&text={text}";
        let url = built(template(address, "", None), Alphabet::Ucs2).url().to_string();
        assert!(url.starts_with("https://sms.example/send?to=0912345678&key=s3cret%26&text=123456"), "{url}");
        assert!(
            url.contains("k%C3%BD") && !url.contains(' ') && url.ends_with("%0A%40ky.example.vn%20%23123456"),
            "{url}"
        );
        let xml = built(
            template("http://sms.example", "text/xml; charset=utf-8", Some("<m to=\"{to_digits}\">{text}</m>")),
            Alphabet::Gsm7,
        );
        let written = body(&xml);
        assert!(
            written.starts_with("<m to=\"84912345678\">123456") && written.contains("&quot;A&quot; &amp; B"),
            "{written}"
        );
        let form = built(
            template("http://sms.example", "application/x-www-form-urlencoded", Some("to={to}&text={text}")),
            Alphabet::Gsm7,
        );
        assert!(body(&form).starts_with("to=%2B84912345678&text=123456%3A%20ma%20ky"), "{}", body(&form));
    }

    #[test]
    fn unusable_templates_are_refused_before_the_first_message() {
        let refused = |template: Template| SmsGateway::new(template, None, wording(Alphabet::Gsm7)).is_err();
        assert!(refused(template("ftp://x/{text}", "", None)));
        assert!(refused(template("not a url {text}", "", None)));
        assert!(refused(template("https://{to}.example/?{text}", "", None)), "numbers pick no host");
        assert!(refused(template("https://x/", "", None)), "no text");
        assert!(refused(template("https://x/", "text/plain", Some("{txt} {text}"))), "a misspelt placeholder");
        let mut header = template("https://x/?t={text}", "", None);
        header.headers.insert("bad name".into(), "x".into());
        assert!(refused(header));
    }

    #[test]
    fn numbers_of_other_countries_are_not_reached() {
        let simple = Template::simple("https://sms.example/send", None);
        let gateway = SmsGateway::new(simple, None, wording(Alphabet::Gsm7)).expect("usable");
        assert!(gateway.reaches("+84912345678") && !gateway.reaches("+881612345678"));
    }
}
