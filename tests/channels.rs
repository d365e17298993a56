//! Codes on their way: a real mail server, an HTTP gateway, fallback and breaker, apps and passkeys instead of messages.

#[path = "support/servers.rs"]
mod servers;
mod support;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use async_trait::async_trait;
use kyso::app::channels::sms::{SmsGateway, Template, Wording};
use kyso::app::channels::smtp::{Security, Server as MailServer, Smtp};
use kyso::app::sandbox;
use kyso::authorization::{
    Alphabet, ChannelError, Channels, CodeMessage, Facts, MessageChannel, NewAuthenticator, Proof,
};
use kyso::domain::{Method, Secret, SignerId, StateKind, TransactionId};
use kyso::service::{Answer, NewDocument, RequestView, ServiceError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use zeroize::Zeroizing;

use servers::{Server, caller, request};
use support::{PATIENCE, sample, totp};

const PORTAL: &str = "sandbox-portal";

fn message(to: &str) -> CodeMessage {
    let portal = "Cổng dịch vụ công tỉnh Mẫu\r\nBcc: evil@example.vn".into();
    CodeMessage {
        to: to.into(),
        code: Secret::new("123456"),
        facts: Facts { portal, documents: 2, fingerprint: "7K3M-Q0ZD-12XB".into(), minutes: 5 },
        transaction: TransactionId::parse("t").expect("id"),
    }
}

/// `tests/judges/smtp_server.py` as a process; `None` where its judge is not installed.
struct Mail {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Mail {
    fn start() -> Option<Self> {
        let python = std::env::var("KYSO_JUDGES_PYTHON").unwrap_or_else(|_| "python3".into());
        let there = Command::new(&python).args(["-c", "import aiosmtpd"]).output().is_ok_and(|o| o.status.success());
        let required = std::env::var("KYSO_JUDGES").is_ok_and(|value| value == "require");
        assert!(there || !required, "aiosmtpd is required and not installed");
        if !there {
            eprintln!("skipped: aiosmtpd is not installed");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/smtp_server.py");
        let mut child =
            Command::new(python).arg(script).arg(folder.path()).stdout(Stdio::piped()).spawn().expect("starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a port");
        Some(Self { child, port: line.trim().parse().expect("a port"), folder })
    }

    fn server(&self, password: &str) -> MailServer {
        MailServer {
            host: "127.0.0.1".into(),
            port: self.port,
            security: Security::None,
            login: Some(("kyso".into(), Zeroizing::new(password.into()))),
            from: "Ký số <ky-so@example.vn>".into(),
        }
    }

    fn letter(&self, n: u32) -> String {
        let (file, deadline) = (self.folder.path().join(format!("{n}.eml")), Instant::now() + PATIENCE);
        while !file.exists() {
            assert!(Instant::now() < deadline, "no letter");
            std::thread::yield_now();
        }
        String::from_utf8(std::fs::read(file).expect("a letter")).expect("ASCII")
    }
}

impl Drop for Mail {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn mail_server_takes_letters_with_accents_for_the_registered_address_alone() {
    let Some(mail) = Mail::start() else { return };
    let smtp = Smtp::new(mail.server("canary-password"), Some("ky.example.vn".into())).expect("usable");
    smtp.send(&message("an@example.vn")).await.expect("taken");
    let letter = mail.letter(1);
    let (head, body) = letter.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains("X-Rcpt: an@example.vn\r\n") && head.contains("X-Login: kyso"), "{head}");
    assert!(!head.contains("Bcc") && !head.contains("123456"), "{head}");
    let text = quoted_printable(body);
    assert!(text.starts_with("Mã xác nhận ký số: 123456") && text.contains("7K3M-Q0ZD-12XB"), "{text}");
    assert!(text.contains("trên trang ky.example.vn"), "{text}");
}

/// RFC 2045 §6.7, or base64, as the letter says by its looks.
fn quoted_printable(body: &str) -> String {
    let joined = body.replace("=\r\n", "").replace("\r\n", "\n");
    if let Ok(bytes) = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, joined.replace('\n', "")) {
        return String::from_utf8(bytes).expect("UTF-8");
    }
    let mut bytes = Vec::new();
    let mut rest = joined.bytes();
    while let Some(byte) = rest.next() {
        let digits = |a: u8, b: u8| u8::from_str_radix(std::str::from_utf8(&[a, b]).expect("hex"), 16).expect("hex");
        bytes.push(if byte == b'=' { digits(rest.next().expect("hex"), rest.next().expect("hex")) } else { byte });
    }
    String::from_utf8(bytes).expect("UTF-8")
}

#[tokio::test]
async fn mail_server_that_refuses_is_told_without_the_letter_or_the_password() {
    let Some(mail) = Mail::start() else { return };
    let smtp = |password: &str| Smtp::new(mail.server(password), None).expect("usable");
    for (smtp, to) in [(smtp("another-password"), "an@example.vn"), (smtp("canary-password"), "refused@example.vn")] {
        let error = smtp.send(&message(to)).await.expect_err("refused").to_string();
        assert!(error.contains("535") || error.contains("550"), "{error}");
        assert!(!error.contains("123456") && !error.contains("password") && !error.contains(to), "{error}");
    }
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut mute = mail.server("x");
    mute.port = silent.local_addr().expect("an address").port();
    let error = Smtp::new(mute, None).expect("usable").within(std::time::Duration::from_millis(200));
    let error = error.send(&message("an@example.vn")).await.expect_err("nobody answers");
    assert!(error.to_string().contains("in time"), "{error}");
    let mut nowhere = mail.server("x");
    nowhere.port = 1;
    let error = Smtp::new(nowhere, None).expect("usable").send(&message("an@example.vn")).await.expect_err("refused");
    assert!(error.to_string().contains("cannot be reached"), "{error}");
}

/// An HTTP server for one request: what it was asked, and what it answers.
async fn gateway(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut asked = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let read = stream.read(&mut buffer).await.expect("read");
            asked.extend(&buffer[..read]);
            let text = String::from_utf8_lossy(&asked);
            let length = |head: &str| {
                let line = head
                    .lines()
                    .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
                line.map_or(0, |length| length.trim().parse::<usize>().expect("a number"))
            };
            if let Some((head, body)) = text.split_once("\r\n\r\n")
                && body.len() >= length(head)
            {
                break;
            }
        }
        stream.write_all(answer.as_bytes()).await.expect("written");
        String::from_utf8(asked).expect("UTF-8")
    });
    (url, task)
}

fn wording() -> Wording {
    Wording { alphabet: Alphabet::Ucs2, host: Some("ky.example.vn".into()), prefixes: vec!["+84".into()] }
}

#[tokio::test]
async fn gateway_gets_what_its_template_says_and_its_answer_decides() {
    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{\"status\":\"0\"}";
    const NO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{\"status\":\"9\"}";
    const DOWN: &str = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n";
    for (answer, taken) in [(OK, true), (NO, false), (DOWN, false)] {
        let (url, asked) = gateway(answer).await;
        let template = Template {
            method: "PUT".into(),
            url: format!("{url}/sms/{{to_digits}}?key={{token}}"),
            headers: [("X-Key".to_owned(), "{token}".to_owned())].into(),
            content_type: "application/json; charset=utf-8".into(),
            body: Some(r#"{"phone":"{to_local}","content":"{text}","unicode":1}"#.into()),
            accepted: Some(r#""status":"0""#.into()),
        };
        let gateway = SmsGateway::new(template, Some(Zeroizing::new("canary&key".into())), wording()).expect("usable");
        let sent = gateway.send(&message("+84912345678")).await;
        assert_eq!(sent.is_ok(), taken, "{sent:?}");
        let told = format!("{sent:?}");
        assert!(!told.contains("123456") && !told.contains("canary"), "{told}");
        let asked = asked.await.expect("joined");
        assert!(asked.starts_with("PUT /sms/84912345678?key=canary%26key HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("x-key: canary&key\r\n"), "{asked}");
        let body: serde_json::Value =
            serde_json::from_str(asked.split_once("\r\n\r\n").expect("a body").1).expect("JSON");
        let text = body["content"].as_str().expect("text");
        assert_eq!(body["phone"], "0912345678");
        assert!(text.contains("ký") && text.encode_utf16().count() <= 70, "{text}");
        assert!(text.ends_with("\n@ky.example.vn #123456"), "{text}");
    }
}

/// A channel that does what the test says and counts.
struct Scripted {
    method: Method,
    works: Arc<Mutex<bool>>,
    tried: Arc<AtomicU32>,
    last: Arc<Mutex<Option<CodeMessage>>>,
}

impl Scripted {
    fn new(method: Method) -> Arc<Self> {
        Arc::new(Self { method, works: Arc::new(Mutex::new(true)), tried: Arc::default(), last: Arc::default() })
    }

    fn tried(&self) -> u32 {
        self.tried.load(Ordering::SeqCst)
    }

    fn works(&self, works: bool) {
        *self.works.lock().expect("lock") = works;
    }
}

#[async_trait]
impl MessageChannel for Scripted {
    fn method(&self) -> Method {
        self.method
    }

    async fn send(&self, message: &CodeMessage) -> Result<(), ChannelError> {
        self.tried.fetch_add(1, Ordering::SeqCst);
        *self.last.lock().expect("lock") = Some(message.clone());
        if *self.works.lock().expect("lock") { Ok(()) } else { Err(ChannelError("it is down".into())) }
    }
}

async fn create(server: &Server, credential: &str) -> (RequestView, Secret) {
    let document = NewDocument { name: "a.pdf".into(), bytes: sample("hop-dong-dich-vu.pdf") };
    let view = server.service.create_request(&caller(PORTAL), request(credential, document)).await.expect("created");
    let token = Secret::new(view.confirm_path.trim_start_matches("/c/"));
    (view, token)
}

#[tokio::test]
async fn code_goes_over_the_next_channel_when_one_fails_and_a_breaker_spares_the_wait() {
    let folder = tempfile::tempdir().expect("a folder");
    Server::provision(folder.path(), sandbox::codes()).await;
    let (sms, mail) = (Scripted::new(Method::Sms), Scripted::new(Method::Email));
    let channels = Channels::new(vec![sms.clone(), mail.clone()]);
    let server = Server::open_with(folder.path(), sandbox::codes(), channels).await;
    sms.works(false);
    for _ in 0..3 {
        let (_, token) = create(&server, "ec-p256-hosted").await;
        assert_eq!(server.service.send_code(&token).await.expect("sent").method, Method::Email);
    }
    assert_eq!((sms.tried(), mail.tried()), (3, 3));
    let (view, token) = create(&server, "ec-p256-hosted").await;
    server.service.send_code(&token).await.expect("sent");
    assert_eq!((sms.tried(), mail.tried()), (3, 4), "the breaker is open");
    let message = mail.last.lock().expect("lock").clone().expect("a message");
    assert_eq!((message.to.as_str(), &message.transaction), ("an@example.vn", &view.transaction.id));
    server.service.submit_code(&token, &message.code).await.expect("the same code fits, whatever took it");
    let (records, _) = server.service.audit().await.expect("read");
    let confirmed = records.iter().rev().find(|r| r.event.contains("\"confirmed\"")).expect("recorded");
    assert!(confirmed.event.contains("\"email\""), "{}", confirmed.event);
}

#[tokio::test]
async fn code_that_nobody_took_is_dead_and_costs_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    Server::provision(folder.path(), sandbox::codes()).await;
    let sms = Scripted::new(Method::Sms);
    let policy = kyso::authorization::CodePolicy::default();
    let server = Server::open_with(folder.path(), policy, Channels::one(sms.clone())).await;
    sms.works(false);
    for n in 0..8 {
        let (_, token) = create(&server, "ec-p256-hosted").await;
        let down = server.service.send_code(&token).await;
        assert!(matches!(down, Err(ServiceError::ChannelDown)), "{down:?}");
        let code = sms.last.lock().expect("lock").clone().expect("a message").code;
        assert!(matches!(server.service.submit_code(&token, &code).await, Err(ServiceError::CodeExpired)), "{n}");
    }
    assert_eq!(sms.tried(), 3, "after three failures nobody waits for the fourth");
    let health = server.service.health().await;
    assert!(health.iter().any(|(name, state)| *name == "messages" && state.is_err()), "{health:?}");
}

#[tokio::test]
async fn code_never_goes_where_the_signer_has_registered_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    Server::provision(folder.path(), sandbox::codes()).await;
    let mail = Scripted::new(Method::Email);
    let server = Server::open_with(folder.path(), sandbox::codes(), Channels::one(mail.clone())).await;
    // This signer has no address.
    let (_, token) = create(&server, "ngoc-ec-p256").await;
    assert!(matches!(server.service.send_code(&token).await, Err(ServiceError::ChannelDown)));
    assert_eq!(mail.tried(), 0);
}

#[tokio::test]
async fn app_confirms_with_its_code_and_the_pages_control_code_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::provision(folder.path(), sandbox::codes()).await;
    let an = SignerId::parse("nguyen-van-an").expect("id");
    let path = server.service.open_enrolment(&an).await.expect("a link");
    let link = Secret::new(path.expose().trim_start_matches("/e/"));
    let view = server.service.enrolment(&link).await.expect("open");
    let now = || server.clock.now().unix_timestamp();
    let enrol = |code: String| NewAuthenticator::Totp { code: Secret::new(code) };
    let unproven = server.service.enrol(&link, "", enrol("000000".into())).await;
    assert!(matches!(unproven, Err(ServiceError::NotProven)), "{unproven:?}");
    let first = totp(view.secret.expose(), now());
    assert_eq!(
        server.service.enrol(&link, "Điện thoại", enrol(first.clone())).await.expect("registered"),
        Method::Totp
    );
    assert!(server.service.enrolment(&link).await.is_err(), "the link is used up");

    let submit = async |token: &Secret, code: &str, control: &Secret| {
        let proof = Proof::Totp { code: Secret::new(code), control: control.clone() };
        server.service.submit(token, Answer { proof, pin: None }).await
    };
    let begin = async |token: &Secret| {
        server.service.begin_confirmation(token, Method::Totp).await.expect("begun").control.expect("a control code")
    };
    let (_, one) = create(&server, "ec-p256-hosted").await;
    let (_, other) = create(&server, "ec-p256-hosted").await;
    let (control, others) = (begin(&one).await, begin(&other).await);
    let reused = submit(&one, &first, &control).await;
    assert!(matches!(reused, Err(ServiceError::WrongAuthenticationData { .. })), "used to register: {reused:?}");
    let next = totp(view.secret.expose(), now() + 30);
    if control.expose() != others.expose() {
        let crossed = submit(&one, &next, &others).await;
        assert!(matches!(crossed, Err(ServiceError::WrongAuthenticationData { .. })), "another page's: {crossed:?}");
    }
    let alone = server.service.submit_code(&one, &Secret::new(next.clone())).await;
    assert!(matches!(alone, Err(ServiceError::CodeExpired)), "without the control code: {alone:?}");
    assert_eq!(submit(&one, &next, &control).await.expect("signed").state.kind(), StateKind::Signed);
    let replayed = submit(&other, &next, &others).await;
    assert!(matches!(replayed, Err(ServiceError::WrongAuthenticationData { .. })), "another request's: {replayed:?}");
    // Whoever has registered nothing cannot begin so.
    let (_, ngoc) = create(&server, "ngoc-ec-p256").await;
    assert!(server.service.begin_confirmation(&ngoc, Method::Totp).await.is_err());
}
