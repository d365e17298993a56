//! Chromium behind ChromeDriver, over the WebDriver protocol (W3C) itself, and axe-core inside the page.

#![allow(dead_code)] // Each test binary uses its own part.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, Method};
use serde_json::{Value, json};

/// What WebDriver calls the id of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// axe's rules: WCAG up to 2.2 AA, and what its authors advise besides.
const RULES: [&str; 6] = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/// Whether pages may run scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scripts {
    On,
    Off,
}

/// One window of a browser that ends with this value.
pub struct Browser {
    http: Client,
    session: String,
    axe: PathBuf,
    driver: Child,
    /// Kept open: the driver goes on to talk.
    _output: BufReader<ChildStdout>,
    _profile: tempfile::TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver takes its browser along when the session is ended; killed alone it would leave it behind.
        let end = || {
            let (host, path) = self.session.strip_prefix("http://")?.split_once('/')?;
            let mut stream = TcpStream::connect(host).ok()?;
            stream.set_read_timeout(Some(super::support::PATIENCE)).ok()?;
            write!(stream, "DELETE /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").ok()?;
            stream.read_to_end(&mut Vec::new()).ok()
        };
        let _ = end();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Where `tests/run.sh` installs it.
fn axe() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/judges/node/node_modules/axe-core/axe.min.js")
}

impl Browser {
    /// None where there is no browser, which is a failure when judges are required.
    pub async fn start(scripts: Scripts) -> Option<Self> {
        let driver = Command::new("chromedriver").arg("--version").stdout(Stdio::null()).status();
        let there = driver.is_ok_and(|status| status.success()) && axe().exists();
        let required = std::env::var("KYSO_JUDGES").is_ok_and(|value| value == "require");
        assert!(there || !required, "chromedriver and axe-core are required and not installed");
        if !there {
            eprintln!("skipped: chromedriver or axe-core is not installed");
            return None;
        }
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let mut output = BufReader::new(driver.stdout.take().expect("its output"));
        let port = loop {
            let mut line = String::new();
            assert!(output.read_line(&mut line).expect("a line") > 0, "chromedriver ended");
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim().trim_end_matches('.').to_owned();
            }
        };
        let profile = tempfile::tempdir().expect("a folder");
        let http = Client::builder().timeout(super::support::PATIENCE).build().expect("a client");
        let url = format!("http://127.0.0.1:{port}/session");
        let mut browser = Self { http, session: url, axe: axe(), driver, _output: output, _profile: profile };
        let folder = format!("--user-data-dir={}", super::support::text(browser._profile.path()));
        let off = json!({"profile.managed_default_content_settings.javascript": 2});
        let options = json!({
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--lang=vi", folder],
            "prefs": if scripts == Scripts::Off { off } else { json!({}) },
        });
        let wanted = json!({"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}});
        let made = browser.call(Method::POST, "", Some(wanted)).await;
        browser.session = format!("{}/{}", browser.session, made["sessionId"].as_str().expect("a session"));
        Some(browser)
    }

    /// One command; its value.
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let request = self.http.request(method, format!("{}{path}", self.session));
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let answer = request.send().await.expect("an answer");
        let (status, mut value) = (answer.status(), answer.json::<Value>().await.expect("JSON"));
        assert!(status.is_success(), "{path}: {value}");
        value["value"].take()
    }

    /// Goes to an address and waits until it is there.
    pub async fn open(&self, url: &str) {
        self.call(Method::POST, "/url", Some(json!({"url": url}))).await;
    }

    pub async fn back(&self) {
        self.call(Method::POST, "/back", Some(json!({}))).await;
    }

    pub async fn url(&self) -> String {
        self.call(Method::GET, "/url", None).await.as_str().expect("text").to_owned()
    }

    pub async fn title(&self) -> String {
        self.call(Method::GET, "/title", None).await.as_str().expect("text").to_owned()
    }

    /// The size of what is seen of the page, in CSS pixels.
    pub async fn resize(&self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.developer("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    async fn developer(&self, command: &str, params: Value) -> Value {
        self.call(Method::POST, "/goog/cdp/execute", Some(json!({"cmd": command, "params": params}))).await
    }

    /// The first element that a selector names.
    async fn element(&self, selector: &str) -> String {
        let wanted = json!({"using": "css selector", "value": selector});
        let found = self.call(Method::POST, "/element", Some(wanted)).await;
        format!("/element/{}", found[ELEMENT].as_str().expect("an element"))
    }

    pub async fn count(&self, selector: &str) -> usize {
        let wanted = json!({"using": "css selector", "value": selector});
        self.call(Method::POST, "/elements", Some(wanted)).await.as_array().map_or(0, Vec::len)
    }

    /// What a person reads there.
    pub async fn text(&self, selector: &str) -> String {
        let element = self.element(selector).await;
        self.call(Method::GET, &format!("{element}/text"), None).await.as_str().expect("text").to_owned()
    }

    /// Clicks, and waits for the page it leads to.
    pub async fn click(&self, selector: &str) {
        let element = self.element(selector).await;
        self.call(Method::POST, &format!("{element}/click"), Some(json!({}))).await;
    }

    pub async fn enter(&self, selector: &str, text: &str) {
        let element = self.element(selector).await;
        self.call(Method::POST, &format!("{element}/clear"), Some(json!({}))).await;
        self.call(Method::POST, &format!("{element}/value"), Some(json!({"text": text}))).await;
    }

    /// Runs a script of the test's own in the page; its value. The page's policy does not bind it.
    pub async fn run(&self, script: &str) -> Value {
        self.call(Method::POST, "/execute/sync", Some(json!({"script": script, "args": []}))).await
    }

    /// The whole page as PNG, however long it is.
    pub async fn picture(&self) -> Vec<u8> {
        let taken =
            self.developer("Page.captureScreenshot", json!({"format": "png", "captureBeyondViewport": true})).await;
        STANDARD.decode(taken["data"].as_str().expect("text")).expect("base64")
    }

    /// Holds the page to WCAG: axe finds nothing serious, nothing is cut off or scrolls sideways, and nothing came from elsewhere.
    pub async fn check(&self, what: &str) {
        let axe = std::fs::read_to_string(&self.axe).expect("axe-core");
        self.run(&axe).await;
        let script = format!(
            "const done = arguments[arguments.length - 1];
             axe.run(document, {{runOnly: {{type: 'tag', values: {}}}, rules: {{'target-size': {{enabled: true}}}}}}).then(
                 found => done(found.violations.map(v => [v.impact, v.id, v.help, v.nodes.map(n => n.target + ' ' + n.failureSummary)])),
                 error => done([['critical', 'axe', String(error), []]]))",
            json!(RULES)
        );
        let found = self.call(Method::POST, "/execute/async", Some(json!({"script": script, "args": []}))).await;
        let found = found.as_array().expect("a list");
        let serious: Vec<&Value> =
            found.iter().filter(|one| matches!(one[0].as_str(), Some("serious" | "critical"))).collect();
        assert!(serious.is_empty(), "{what}: {serious:#?}");
        for minor in found {
            eprintln!("{what}: axe advises: {minor}");
        }
        let wide =
            self.run("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]").await;
        assert!(wide[0].as_u64() <= wide[1].as_u64(), "{what} scrolls sideways: {wide}");
        let foreign = self.run("return performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith(location.origin))").await;
        assert_eq!(foreign, json!([]), "{what} loads from elsewhere");
    }
}
