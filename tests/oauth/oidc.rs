//! Citizens sign in at a real provider (npm's `oidc-provider`): no page without it, and only for the signer who is asked.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use reqwest::{Client, Url};

use super::helper::{Oauth, answered, asked, asked_to_sign};
use super::node::node_is_there;
use super::support::{Answer, Sandbox, http, send, stderr, text};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where `tests/run.sh` installs it; its absence is a failure when judges are required.
fn modules() -> Option<PathBuf> {
    let modules = root().join("target/judges/node/node_modules");
    let there = modules.join("oidc-provider").exists();
    let required = std::env::var("KYSO_JUDGES").is_ok_and(|value| value == "require");
    assert!(there || !required, "oidc-provider is required and not installed");
    if !there {
        eprintln!("skipped: oidc-provider is not installed");
    }
    (node_is_there() && there).then_some(modules)
}

/// Provider and service, each knowing the other.
struct World {
    client: Oauth,
    issuer: String,
    sandbox: Sandbox,
    _files: tempfile::TempDir,
    /// Kept open: the provider goes on to talk.
    _output: BufReader<ChildStdout>,
    provider: Child,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.provider.kill();
        let _ = self.provider.wait();
    }
}

impl World {
    fn start() -> Option<Self> {
        let modules = modules()?;
        // The service's port has to be known before either starts.
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("known").port();
        let callback = format!("http://127.0.0.1:{port}/oidc/callback");
        let secret = "a secret that is long enough for anybody";
        let mut provider = Command::new("node")
            .arg(root().join("tests/clients/oidc_provider.mjs"))
            .args([text(&modules), &callback, secret])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node starts");
        let mut output = BufReader::new(provider.stdout.take().expect("its output"));
        let mut issuer = String::new();
        output.read_line(&mut issuer).expect("a line");
        let issuer = issuer.trim().to_owned();
        let files = tempfile::tempdir().expect("a folder");
        let (config, secret_file) = (files.path().join("kyso.toml"), files.path().join("secret"));
        private(&secret_file, secret);
        let oidc = format!(
            "[citizens.oidc]\nissuer = \"{issuer}\"\nclient_id = \"kyso\"\nclient_secret_file = \"{}\"\nname = \"VNeID mẫu\"\n\
             claim = \"national_number\"\n",
            text(&secret_file)
        );
        std::fs::write(&config, oidc).expect("written");
        let listen = format!("127.0.0.1:{port}");
        let sandbox = Sandbox::start_with(Some(&config), &listen, &[]);
        for (signer, account) in [("nguyen-van-an", "01"), ("tran-thi-bich-ngoc", "02")] {
            let person = files.path().join(account);
            private(&person, &format!("0010850000{account}"));
            let arguments = ["signer", "identity", signer, "--issuer", &issuer, "--person-file", text(&person)];
            let set = sandbox.admin(&arguments);
            assert!(set.status.success(), "{}", stderr(&set));
            assert!(!sandbox.admin(&arguments).status.success(), "a person is one signer");
        }
        Some(Self { client: Oauth::of(&sandbox), issuer, sandbox, _files: files, _output: output, provider })
    }
}

fn private(path: &Path, content: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, content).expect("written");
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).expect("set");
}

/// A browser: cookies by host and port, redirects followed by hand.
struct Browser {
    http: Client,
    cookies: BTreeMap<(String, String), String>,
}

impl Browser {
    fn new() -> Self {
        Self { http: http(), cookies: BTreeMap::new() }
    }

    async fn send(&mut self, url: &str, form: Option<&[(&str, &str)]>) -> Answer {
        let parsed = Url::parse(url).expect("an address");
        let place = format!("{}:{}", parsed.host_str().expect("a host"), parsed.port().unwrap_or(80));
        let own = self.cookies.iter().filter(|((at, _), _)| *at == place);
        let cookies = own.map(|((_, name), value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let request = match form {
            Some(form) => self.http.post(url).form(form),
            None => self.http.get(url),
        };
        let answer = send(request.header("cookie", cookies)).await.expect("an answer");
        for value in answer.headers.get_all("set-cookie") {
            let pair = value.to_str().expect("text").split(';').next().expect("a pair");
            let (name, value) = pair.split_once('=').expect("a pair");
            let key = (place.clone(), name.to_owned());
            if value.is_empty() {
                self.cookies.remove(&key)
            } else {
                self.cookies.insert(key, value.to_owned())
            };
        }
        answer
    }

    /// Follows redirects to the end, and gives the address it ends at.
    async fn follow(&mut self, mut answer: Answer, mut url: String) -> (Answer, String) {
        while (300..400).contains(&answer.status) {
            url = Url::parse(&url).expect("an address").join(answer.header("location")).expect("a place").into();
            answer = self.send(&url, None).await;
        }
        (answer, url)
    }

    /// Signs in from a page: to the provider, through its two forms, and back.
    async fn sign_in(&mut self, page: &str, account: &str) -> (Answer, String) {
        let off = self.send(&format!("{page}/sign-in"), Some(&[])).await;
        assert_eq!(off.status, 303, "{}", off.text());
        let (login, url) = self.follow(off, page.to_owned()).await;
        assert!(url.contains("/interaction/"), "{url}: {}", login.text());
        let form = [("prompt", "login"), ("login", account), ("password", "any")];
        let answer = self.send(&url, Some(&form)).await;
        let (mut answer, mut url) = self.follow(answer, url).await;
        if url.contains("/interaction/") {
            let agreed = self.send(&url, Some(&[("prompt", "consent")])).await;
            (answer, url) = self.follow(agreed, url).await;
        }
        (answer, url)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_signer_who_signed_in_sees_the_page_and_confirms() {
    let Some(world) = World::start() else { return };
    let client = &world.client;
    let page = client.page(&asked_to_sign("ec-p256-hosted", &["Tờ khai của An"])).await;

    // Nobody: no label, no step.
    let mut browser = Browser::new();
    let first = browser.send(&page, None).await;
    assert!(first.text().contains("Đăng nhập bằng <bdi>VNeID mẫu</bdi>"), "{}", first.text());
    assert!(!first.text().contains("Tờ khai của An"), "{}", first.text());
    for step in ["code", "confirm", "refuse"] {
        let answer = browser.send(&format!("{page}/{step}"), Some(&[("code", "000000")])).await;
        let path = page.trim_start_matches(&client.url);
        assert_eq!((answer.status, answer.header("location").split('?').next()), (303, Some(path)), "{step}");
    }
    let outbox = send(client.http.get(format!("{}/sandbox/outbox", client.url))).await.expect("answers");
    assert_eq!(outbox.text(), "[]", "no code was sent");

    // Somebody else.
    let (answer, url) = Browser::new().sign_in(&page, "02").await;
    assert!(url.starts_with(&page), "{url}");
    assert!(answer.text().contains("không phải của người được đề nghị ký") && !answer.text().contains("Tờ khai"));
    // A person who is no signer here.
    let (answer, _) = Browser::new().sign_in(&page, "03").await;
    assert_eq!(answer.status, 403, "{}", answer.text());

    // The signer.
    let (answer, _) = browser.sign_in(&page, "01").await;
    assert!(
        answer.text().contains("Tờ khai của An") && answer.text().contains("chỉ dùng cookie cần cho việc đăng nhập")
    );
    let token = page.rsplit('/').next().expect("a token");
    let sent = browser.send(&format!("{page}/code"), Some(&[])).await;
    assert!(sent.header("location").contains("n=sent"), "{}", sent.header("location"));
    let code = client.newest(|message| message["transaction"] == token[..token.len() - 32]).await;
    let leaving = browser.send(&format!("{page}/confirm"), Some(&[("code", &code)])).await;
    let code = answered(&leaving, "code").expect("a code");
    let answer = client.exchange(&code, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    // The session ends with its time.
    let other = client.page(&asked_to_sign("ec-p256-hosted", &["later"])).await;
    assert!(browser.send(&other, None).await.text().contains("later"));
    let moved = serde_json::json!({"offset_seconds": 901});
    send(client.http.post(format!("{}/sandbox/clock", client.url)).json(&moved)).await.expect("answers");
    let later = client.page(&asked_to_sign("ec-p256-hosted", &["too late"])).await;
    assert!(!browser.send(&later, None).await.text().contains("too late"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signed_in_lets_a_portal_in_without_a_code() {
    let Some(world) = World::start() else { return };
    let client = &world.client;
    let page = client.page(&asked(&[("scope", "service")])).await;
    let mut browser = Browser::new();
    let early = browser.send(&format!("{page}/agree"), Some(&[("code", "000000")])).await;
    assert!(early.header("location").starts_with("/a/"), "{}", early.header("location"));
    let (answer, _) = browser.sign_in(&page, "02").await;
    assert!(answer.text().contains("Cho phép") && !answer.text().contains("name=\"code\""), "{}", answer.text());
    let leaving = browser.send(&format!("{page}/agree"), Some(&[])).await;
    let tokens = client.exchange(&answered(&leaving, "code").expect("a code"), &[]).await.json();
    let token = tokens["access_token"].as_str().expect("a token");
    let list = client.csc(token, "/csc/v2/credentials/list", &serde_json::json!({})).await.json();
    assert_eq!(list["credentialIDs"], serde_json::json!(["ngoc-ec-p256"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_back_that_another_browser_began_or_that_is_forged_signs_nobody_in() {
    let Some(world) = World::start() else { return };
    let client = &world.client;
    let page = client.page(&asked_to_sign("ec-p256-hosted", &["csrf"])).await;
    let back = |query: &str| format!("{}/oidc/callback?{query}", client.url);
    // An attacker's answer in a victim's browser: the state is of another browser.
    let mut attacker = Browser::new();
    let off = attacker.send(&format!("{page}/sign-in"), Some(&[])).await;
    let sent = Url::parse(off.header("location")).expect("an address");
    assert!(sent.as_str().starts_with(&world.issuer), "{sent}");
    let value = |name: &str| sent.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    assert_eq!(value("code_challenge_method").as_deref(), Some("S256"));
    assert!(value("nonce").is_some_and(|nonce| nonce.len() == 64));
    let state = value("state").expect("a state");
    let mut victim = Browser::new();
    let answer = victim.send(&back(&format!("state={state}&code=x")), None).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    for query in ["state=other&code=x", "code=x", &format!("state={state}&state={state}&code=x")] {
        let answer = attacker.send(&back(query), None).await;
        assert_eq!(answer.status, 403, "{query}: {}", answer.text());
    }
    // The right browser with a made-up code, or an answer that names another issuer; each state once.
    let answer = attacker.send(&back(&format!("state={state}&code=x")), None).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    let answer = attacker.send(&back(&format!("state={state}&code=x")), None).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    let off = attacker.send(&format!("{page}/sign-in"), Some(&[])).await;
    let sent = Url::parse(off.header("location")).expect("an address");
    let state = sent.query_pairs().find(|(key, _)| key == "state").expect("there").1.into_owned();
    let mixed = format!("state={state}&code=x&iss=https%3A%2F%2Fevil.example");
    assert_eq!(attacker.send(&back(&mixed), None).await.status, 403);
    // A form of another site does not even begin.
    let foreign = client.http.post(format!("{page}/sign-in")).header("sec-fetch-site", "cross-site");
    assert_eq!(send(foreign).await.expect("answers").status, 403);
    assert!(!world.sandbox.log().contains(&state), "a state is in the log");
}
