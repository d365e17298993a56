//! A sandbox as its own process, and the portal and the citizen who use it over real HTTP.

#![allow(dead_code)] // Each test binary uses its own part.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, RequestBuilder, redirect};
use serde_json::{Value, json};

/// How long anything may take before a test gives up; a loaded machine is slow, not broken.
pub const PATIENCE: Duration = Duration::from_secs(60);
pub const POLL: Duration = Duration::from_millis(10);

pub const SAMPLES: [&str; 3] = ["to-khai-xac-nhan-cu-tru.pdf", "hoa-don-gtgt.pdf", "hop-dong-dich-vu.pdf"];

pub fn sample_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)
}

pub fn sample(name: &str) -> Vec<u8> {
    fs::read(sample_path(name)).expect("a sample")
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Runs the program to its end.
pub fn kyso(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kyso")).args(arguments).stdin(Stdio::null()).output().expect("kyso runs")
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A base64 string as JSON bodies carry it.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub fn unbase64(text: &str) -> Vec<u8> {
    STANDARD.decode(text).expect("base64")
}

/// `kyso serve --sandbox` as a child process; killed when dropped.
pub struct Sandbox {
    pub folder: tempfile::TempDir,
    pub ready: Value,
    child: Child,
}

impl Sandbox {
    pub fn start() -> Self {
        Self::start_with(None, "127.0.0.1:0", &[])
    }

    /// With a configuration file of this text.
    pub fn start_configured(config: &str) -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), Some(config), "127.0.0.1:0", &[])
    }

    /// With another configuration and environment.
    pub fn start_with(config: Option<&Path>, listen: &str, environment: &[(&str, &str)]) -> Self {
        let config = config.map(|file| fs::read_to_string(file).expect("a configuration"));
        Self::start_in(tempfile::tempdir().expect("a folder"), config.as_deref(), listen, environment)
    }

    fn start_in(folder: tempfile::TempDir, config: Option<&str>, listen: &str, environment: &[(&str, &str)]) -> Self {
        fs::write(folder.path().join("kyso.toml"), config.unwrap_or_default()).expect("written");
        let child = command(folder.path(), listen).envs(environment.iter().copied()).spawn().expect("kyso starts");
        let mut sandbox = Self { folder, ready: Value::Null, child };
        sandbox.wait_until_ready();
        sandbox
    }

    /// Logs everything there is.
    pub fn start_loud(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::start_in(folder, Some(config), "127.0.0.1:0", &[("KYSO_LOG", "trace")])
    }

    /// With this host in its links instead of the address.
    pub fn start_named(host: &str) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        let folder = tempfile::tempdir().expect("a folder");
        let config = format!("public_url = \"http://{host}:{}\"\n", address.port());
        Self::start_in(folder, Some(&config), &address.to_string(), &[])
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn ready_file(&self) -> PathBuf {
        self.file("ready.json")
    }

    /// A member of the ready file, by JSON pointer.
    pub fn says(&self, pointer: &str) -> &str {
        self.ready.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer}: {}", self.ready))
    }

    /// SIGKILL: no handler runs, nothing is written any more.
    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("waited for");
        fs::remove_file(self.ready_file()).expect("the old ready file");
    }

    /// Starts again over the same data, on the same port.
    pub fn restart(&mut self) {
        let address = self.says("/url").trim_start_matches("http://").to_owned();
        self.child = command(self.folder.path(), &address).spawn().expect("kyso starts");
        self.wait_until_ready();
    }

    fn wait_until_ready(&mut self) {
        let (deadline, file) = (Instant::now() + PATIENCE, self.ready_file());
        while !file.exists() {
            let ended = self.child.try_wait().expect("a child");
            assert!(ended.is_none() && Instant::now() < deadline, "not ready ({ended:?}): {}", self.log());
            std::thread::sleep(POLL);
        }
        self.ready = serde_json::from_slice(&fs::read(file).expect("ready")).expect("written as a whole");
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.file("serve.log")).unwrap_or_default()
    }

    /// `kyso admin … --data DIR`, beside the running service.
    pub fn admin(&self, arguments: &[&str]) -> Output {
        let data = self.data();
        kyso(&[&["admin", "--data", text(&data)], arguments].concat())
    }

    /// The audit events, oldest first.
    pub fn audit(&self) -> Vec<Value> {
        let exported = self.admin(&["audit", "export"]);
        assert!(exported.status.success(), "{}", stderr(&exported));
        let event = |line: &str| {
            let record: Value = serde_json::from_str(line).expect("a record");
            serde_json::from_str(record["event"].as_str().expect("text")).expect("an event")
        };
        stdout(&exported).lines().map(event).collect()
    }

    /// `kyso verify` with this sandbox's trust anchor and CRL: exit code and one report a file.
    pub fn verify(&self, files: &[PathBuf]) -> (i32, Vec<Value>) {
        let mut arguments = vec!["verify", "--trust", self.says("/trust_anchor"), "--crl", self.says("/crl"), "--json"];
        arguments.extend(files.iter().map(|file| text(file)));
        let output = kyso(&arguments);
        let reports = stdout(&output).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        (output.status.code().expect("an exit code"), reports)
    }

    /// Adds a second portal that may ask the first signer, and gives its client id and secret.
    pub fn add_portal(&self, id: &str) -> (String, String) {
        let added = self.admin(&["portal", "add", id, "--name", "Cổng thứ hai"]);
        assert!(added.status.success(), "{}", stderr(&added));
        let secret = stdout(&added).lines().find_map(|line| line.strip_prefix("client_secret=").map(str::to_owned));
        (id.to_owned(), secret.expect("a secret"))
    }
}

/// The sandbox that the tests of one binary share; it ends with the last test that uses it.
pub fn shared() -> Arc<Sandbox> {
    static SHARED: Mutex<Weak<Sandbox>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let sandbox = Arc::new(Sandbox::start());
        *shared = Arc::downgrade(&sandbox);
        sandbox
    })
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            eprintln!("the service's last words:\n{}", lines[lines.len().saturating_sub(30)..].join("\n"));
        }
    }
}

fn command(folder: &Path, listen: &str) -> Command {
    let log = File::options().create(true).append(true).open(folder.join("serve.log")).expect("a log");
    let (data, ready, config) = (folder.join("data"), folder.join("ready.json"), folder.join("kyso.toml"));
    let mut arguments = vec!["serve", "--sandbox", "--data", text(&data), "--listen", listen];
    arguments.extend(["--ready-file", text(&ready), "--config", text(&config)]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_kyso"));
    command.args(arguments).env("KYSO_LOG", "info,sqlx=warn").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command
}

/// An authenticator app (RFC 6238), written from the other side.
pub fn totp(secret: &str, seconds: i64) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let bits: String = secret
        .chars()
        .map(|c| format!("{:05b}", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(c).expect("base32")))
        .collect();
    let key: Vec<u8> = bits
        .as_bytes()
        .chunks_exact(8)
        .map(|eight| u8::from_str_radix(std::str::from_utf8(eight).expect("bits"), 2).expect("bits"))
        .collect();
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&key).expect("a key");
    mac.update(&(seconds / 30).to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let offset = usize::from(hash[19] & 15);
    let value = u32::from_be_bytes(hash[offset..offset + 4].try_into().expect("four")) & 0x7fff_ffff;
    format!("{:06}", value % 1_000_000)
}

/// What came back over HTTP.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("{}: {}", self.status, self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Sends, and reads the whole answer. An error means the connection was lost: whether the call was carried out is unknown.
pub async fn send(request: RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok(Answer { status, headers, bytes: response.bytes().await?.to_vec() })
}

/// A portal with its token.
#[derive(Clone)]
pub struct Portal {
    pub http: Client,
    pub url: String,
    pub token: String,
    /// The shared sandbox lives as long as a portal that uses it.
    keeps: Option<Arc<Sandbox>>,
}

/// No redirect is followed: tests look at each answer.
pub fn http() -> Client {
    Client::builder().redirect(redirect::Policy::none()).timeout(PATIENCE).build().expect("a client")
}

impl Portal {
    /// The portal of the sandbox that all tests of the binary share.
    pub async fn shared() -> Self {
        let sandbox = shared();
        let portal = Self::connect(&sandbox).await;
        Self { keeps: Some(sandbox), ..portal }
    }

    /// The sandbox's own portal.
    pub async fn connect(sandbox: &Sandbox) -> Self {
        let client = (sandbox.says("/portal/client_id"), sandbox.says("/portal/client_secret"));
        Self::connect_as(sandbox, client.0, client.1).await
    }

    pub async fn connect_as(sandbox: &Sandbox, id: &str, secret: &str) -> Self {
        let http = http();
        let form = [("grant_type", "client_credentials")];
        let request = http.post(sandbox.says("/token_url")).basic_auth(id, Some(secret)).form(&form);
        let answer = send(request).await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let token = answer.json()["access_token"].as_str().expect("a token").to_owned();
        Self { http, url: sandbox.says("/url").to_owned(), token, keeps: None }
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    pub fn delete(&self, path: &str) -> RequestBuilder {
        self.http.delete(format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    pub fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.url)).bearer_auth(&self.token).json(body)
    }

    /// Calls and expects an answer, whatever it says.
    pub async fn call(&self, path: &str, body: &Value) -> Answer {
        send(self.post(path, body)).await.expect("an answer")
    }

    /// Asks for one document to be signed; the answer as JSON.
    pub async fn create(&self, credential: &str, document: &[u8]) -> Value {
        let answer = self.call("/v1/requests", &request_body(credential, &[document])).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    pub async fn read(&self, id: &str) -> Value {
        send(self.get(&format!("/v1/requests/{id}"))).await.expect("an answer").json()
    }

    /// A step of the citizen's page. The notice it leads back to; empty when all went well.
    pub async fn step(&self, page: &str, step: &str, code: &str) -> reqwest::Result<Result<String, Answer>> {
        let answer = send(self.http.post(format!("{page}/{step}")).form(&[("code", code)])).await?;
        if answer.status != 303 {
            return Ok(Err(answer));
        }
        let place = answer.header("location").split(['&', '?', '#']).find_map(|part| part.strip_prefix("n="));
        Ok(Ok(place.unwrap_or_default().to_owned()))
    }

    /// The newest code sent for a transaction, if one was.
    pub async fn code_for(&self, transaction: &str) -> reqwest::Result<Option<String>> {
        let messages = send(self.http.get(format!("{}/sandbox/outbox", self.url))).await?.json();
        let newest = messages.as_array().into_iter().flatten().rev().find(|m| m["transaction"] == *transaction);
        Ok(newest.and_then(|message| message["code"].as_str().map(str::to_owned)))
    }

    /// Has a code sent and gives it.
    pub async fn ask_for_code(&self, request: &Value) -> String {
        let page = request["confirm_url"].as_str().expect("a link");
        let notice = self.step(page, "code", "").await.expect("an answer").expect("a redirect");
        assert_eq!(notice, "sent");
        self.code_for(request["id"].as_str().expect("an id")).await.expect("an answer").expect("a code")
    }

    /// The citizen's whole part.
    pub async fn confirm(&self, request: &Value) {
        let code = self.ask_for_code(request).await;
        let page = request["confirm_url"].as_str().expect("a link");
        let notice = self.step(page, "confirm", &code).await.expect("an answer").expect("a redirect");
        assert_eq!(notice, "", "no complaint");
    }

    /// The n-th signed document, from 1.
    pub async fn document(&self, id: &str, n: u32) -> Answer {
        send(self.get(&format!("/v1/requests/{id}/documents/{n}"))).await.expect("an answer")
    }

    /// A document signed from end to end.
    pub async fn sign(&self, credential: &str, document: &[u8]) -> Vec<u8> {
        let request = self.create(credential, document).await;
        self.confirm(&request).await;
        let signed = self.document(request["id"].as_str().expect("an id"), 1).await;
        assert_eq!(signed.status, 200, "{}", signed.text());
        signed.bytes
    }
}

/// The body of `POST /v1/requests`.
pub fn request_body(credential: &str, documents: &[&[u8]]) -> Value {
    let document = |(n, bytes): (usize, &&[u8])| json!({"name": format!("{n}.pdf"), "content": base64(bytes)});
    let documents: Vec<Value> = (1..).zip(documents).map(document).collect();
    json!({"documents": documents, "credential": credential, "description": "Hồ sơ thử nghiệm"})
}

/// A code that differs from this one.
pub fn wrong(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

/// One incremental update that changes the first page, as an editor would append it.
pub fn with_page_changed(signed: &[u8]) -> Vec<u8> {
    use kyso::formats::pdf::{Limits, Pdf, pages};
    let limits = Limits::default();
    let pdf = Pdf::open(signed, &limits).expect("opens");
    let page = pages::first_page(&pdf).expect("a tree").expect("a page").id;
    let root = pdf.trailer().get("Root").and_then(|root| root.as_ref_id()).expect("a catalog");
    let after = String::from_utf8_lossy(&signed[pdf.startxref() + "startxref".len()..]).into_owned();
    let previous = after.split_whitespace().next().expect("an offset");
    let object = format!("{} {} obj\n<< /Type /Page /MediaBox [0 0 10 10] >>\nendobj\n", page.number, page.generation);
    let at = signed.len() + 1;
    let xref = at + object.len();
    let update = format!(
        "\n{object}xref\n{} 1\n{at:010} {:05} n \ntrailer\n<< /Size 100000 /Root {} {} R /Prev {previous} >>\nstartxref\n{xref}\n%%EOF\n",
        page.number, page.generation, root.number, root.generation,
    );
    [signed, update.as_bytes()].concat()
}
