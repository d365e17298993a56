//! Webhooks over real sockets: a portal that fails in every way, a service that is killed, a developer behind a firewall.

mod support;

use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kyso::app::system::SystemClock;
use kyso::domain::Clock as _;
use kyso::domain::webhook::WebhookSecret;
use serde_json::{Value, json};
use support::{Answer, PATIENCE, Portal, Sandbox, request_body, sample, send, stderr, stdout, text};

/// A message as it arrived.
#[derive(Debug, Clone)]
struct Heard {
    headers: HashMap<String, String>,
    body: String,
}

impl Heard {
    fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    fn is_authentic(&self, secret: &str, now: time::OffsetDateTime) -> bool {
        let headers =
            (self.id(), self.headers["webhook-timestamp"].as_str(), self.headers["webhook-signature"].as_str());
        WebhookSecret::parse(secret).expect("a secret").verify(headers, self.body.as_bytes(), now).is_ok()
    }
}

/// How the portal treats its next caller.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Reply {
    Status(u16),
    Redirect,
    /// Hangs up without a word.
    Drop,
    Gigabyte,
}

/// A portal's receiver: a thread that answers each connection with the next reply, the last one for ever.
struct Receiver {
    port: u16,
    heard: Arc<Mutex<Vec<Heard>>>,
    replies: Arc<Mutex<Vec<Reply>>>,
}

impl Receiver {
    fn new(replies: &[Reply]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bound");
        let port = listener.local_addr().expect("an address").port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let replies = Arc::new(Mutex::new(replies.to_vec()));
        let (to, from) = (heard.clone(), replies.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let reply = {
                    let mut replies = from.lock().expect("lock");
                    if replies.len() > 1 { replies.remove(0) } else { replies[0] }
                };
                // A service that is killed leaves half a request.
                if let Some(heard) = receive(stream, reply) {
                    to.lock().expect("lock").push(heard);
                }
            }
        });
        Self { port, heard, replies }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    fn config(&self) -> String {
        format!("[webhooks]\nallow_private = [\"127.0.0.1:{}\"]\n", self.port)
    }

    fn heard(&self) -> Vec<Heard> {
        self.heard.lock().expect("lock").clone()
    }

    /// Waits until something is true of what was heard.
    async fn until(&self, what: &str, mut good: impl FnMut(&[Heard]) -> bool) -> Vec<Heard> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let heard = self.heard();
            if good(&heard) {
                return heard;
            }
            assert!(Instant::now() < deadline, "{what}: {heard:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn receive(mut stream: TcpStream, reply: Reply) -> Option<Heard> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    let answer = match reply {
        Reply::Status(status) => format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n"),
        Reply::Redirect => {
            "HTTP/1.1 307 X\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n".to_owned()
        }
        Reply::Drop => return Some(Heard { headers, body: String::from_utf8(body).ok()? }),
        Reply::Gigabyte => "HTTP/1.1 500 X\r\nContent-Length: 1073741824\r\n\r\n".to_owned(),
    };
    stream.write_all(answer.as_bytes()).ok()?;
    if reply == Reply::Gigabyte {
        let chunk = vec![b'x'; 1 << 20];
        while stream.write_all(&chunk).is_ok() {}
    }
    Some(Heard { headers, body: String::from_utf8(body).ok()? })
}

async fn call(portal: &Portal, path: &str, body: Value, status: u16) -> Value {
    let answer = portal.call(path, &body).await;
    assert_eq!(answer.status, status, "{}", answer.text());
    if answer.bytes.is_empty() { Value::Null } else { answer.json() }
}

async fn get(portal: &Portal, path: &str) -> Answer {
    send(portal.get(path)).await.expect("an answer")
}

async fn move_clock(portal: &Portal, seconds: i64) {
    call(portal, "/sandbox/clock", json!({"offset_seconds": seconds}), 200).await;
}

/// The service's clock, which a test may have moved.
async fn service_time(portal: &Portal) -> time::OffsetDateTime {
    let clock = get(portal, "/sandbox/clock").await.json();
    let format = time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::parse(clock["now"].as_str().expect("a time"), &format).expect("a time")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_fails_in_every_way_gets_its_message_in_the_end() {
    let failing =
        [Reply::Status(500), Reply::Redirect, Reply::Drop, Reply::Gigabyte, Reply::Status(404), Reply::Status(204)];
    let receiver = Receiver::new(&[&[Reply::Status(200)], failing.as_slice()].concat());
    let sandbox = Sandbox::start_configured(&receiver.config());
    let portal = Portal::connect(&sandbox).await;
    let made = call(&portal, "/v1/webhooks", json!({"url": receiver.url(), "events": ["request.refused"]}), 201).await;
    let (id, secret) = (made["id"].as_str().expect("an id"), made["secret"].as_str().expect("a secret"));
    assert!(secret.starts_with("whsec_") && made["state"] == "unverified", "{made}");
    let ping = receiver.until("a ping", |heard| heard.len() == 1).await;
    assert!(ping[0].is_authentic(secret, SystemClock.now()) && ping[0].json()["type"] == "webhook.ping");
    let path = format!("/v1/webhooks/{id}");
    let known = get(&portal, &path).await.json();
    assert!(known.get("secret").is_none(), "shown once: {known}");

    let request = portal.create("ec-p256-hosted", &sample("hoa-don-gtgt.pdf")).await;
    let page = request["confirm_url"].as_str().expect("a link");
    portal.step(page, "refuse", "").await.expect("an answer").expect("refused");
    let mut offset = 0;
    for tries in 2..=6 {
        receiver.until("a try", |heard| heard.len() >= tries).await;
        offset += 24 * 3600;
        move_clock(&portal, offset).await;
    }
    let heard = receiver.until("the last try", |heard| heard.len() == 7).await;
    let ids: HashSet<&str> = heard[1..].iter().map(Heard::id).collect();
    assert_eq!(ids.len(), 1, "every try of a message has its id");
    assert!(heard[6].is_authentic(secret, service_time(&portal).await), "signed with the time of the try");
    assert_eq!(heard[6].json()["data"]["request_id"], request["id"]);

    // A token lives an hour: the clock has moved on.
    let portal = Portal::connect(&sandbox).await;
    let deadline = Instant::now() + PATIENCE;
    let first = loop {
        let list = get(&portal, &format!("{path}/deliveries?limit=1")).await.json();
        let first = list["deliveries"][0].clone();
        if first["state"] == "delivered" || Instant::now() > deadline {
            assert!(list["next_cursor"].is_string(), "the ping is on the next page: {list}");
            break first;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(
        (&first["attempts"], &first["last"]["status"], &first["state"]),
        (&json!(6), &json!(204), &json!("delivered"))
    );
    let event = first["event"].as_str().expect("an event");
    call(&portal, &format!("{path}/deliveries/{event}/resend"), json!({}), 202).await;
    let again = receiver.until("sent again", |heard| heard.len() == 8).await;
    assert_eq!(again[7].id(), event);

    let listed = sandbox.admin(&["webhook", "deliveries", id]);
    assert!(stdout(&listed).contains(event), "{}", stderr(&listed));
    let resent = sandbox.admin(&["webhook", "resend", id, event]);
    assert!(resent.status.success(), "{}", stderr(&resent));
    receiver.until("sent by the operator", |heard| heard.len() == 9).await;
    let removed = send(portal.delete(&path)).await.expect("an answer");
    assert_eq!((removed.status, get(&portal, &path).await.status), (204, 404));
    assert!(stdout(&sandbox.admin(&["webhook", "list"])).is_empty());
}

#[tokio::test]
async fn addresses_that_must_not_be_reached_are_refused_with_a_reason() {
    let sandbox = Sandbox::start();
    let portal = Portal::connect(&sandbox).await;
    let own = sandbox.says("/url").to_owned();
    for url in
        [own.as_str(), "http://127.0.0.1/", "https://[::ffff:10.0.0.1]/", "https://2130706433/", "file:///etc/passwd"]
    {
        let answer = portal.call("/v1/webhooks", &json!({"url": url})).await;
        assert_eq!(
            (answer.status, &answer.json()["type"]),
            (422, &json!("urn:kyso:problem:address-not-allowed")),
            "{url}"
        );
    }
    let unknown = portal.call("/v1/webhooks", &json!({"url": "https://portal.example/", "events": ["x"]})).await;
    assert_eq!((unknown.status, &unknown.json()["type"]), (422, &json!("urn:kyso:problem:invalid-field")));
    // A name that stands for this machine is taken, and never connected to.
    let made = call(&portal, "/v1/webhooks", json!({"url": "https://localhost/"}), 201).await;
    let path = format!("/v1/webhooks/{}/deliveries", made["id"].as_str().expect("an id"));
    let deadline = Instant::now() + PATIENCE;
    loop {
        let list = get(&portal, &path).await.json();
        if let Some(error) = list["deliveries"][0]["last"]["error"].as_str() {
            assert!(error.starts_with("not sent") && !error.contains("127.0.0.1"), "{error}");
            break;
        }
        assert!(Instant::now() < deadline, "{list}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The outbox under SIGKILL: each request that ended is told, at least once, always with the same id.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_at_random_moments_lose_no_message() {
    const REQUESTS: usize = 24;
    let receiver = Receiver::new(&[Reply::Status(204)]);
    let mut sandbox = Sandbox::start_configured(&receiver.config());
    let mut portal = Portal::connect(&sandbox).await;
    call(&portal, "/v1/webhooks", json!({"url": receiver.url()}), 201).await;
    receiver.until("a ping", |heard| !heard.is_empty()).await;
    // Failing now and then, so that kills meet waiting messages too.
    *receiver.replies.lock().expect("lock") =
        (0..30).map(|n| Reply::Status(if n % 3 == 0 { 500 } else { 204 })).collect();
    let document = sample("hoa-don-gtgt.pdf");
    let mut expected = HashSet::new();
    for n in 0..REQUESTS {
        let request = portal.create("ec-p256-hosted", &document).await;
        let (id, page) =
            (request["id"].as_str().expect("an id").to_owned(), request["confirm_url"].as_str().expect("a link"));
        if n % 2 == 0 {
            portal.confirm(&request).await;
        } else {
            portal.step(page, "refuse", "").await.expect("an answer").expect("refused");
        }
        expected.insert(id);
        if n % 4 == 3 {
            // Somewhere between the commit, the sending and its record.
            tokio::time::sleep(Duration::from_millis(u64::try_from(n * 37 % 230).expect("small"))).await;
            tokio::task::block_in_place(|| {
                sandbox.kill();
                sandbox.restart();
            });
            portal = Portal::connect(&sandbox).await;
        }
    }
    // What waits for a later try, or for a lease to end, becomes due.
    let mut offset = 0;
    let deadline = Instant::now() + PATIENCE;
    let told = loop {
        let heard = receiver.heard();
        let requests: HashSet<String> =
            heard.iter().filter_map(|heard| heard.json()["data"]["request_id"].as_str().map(str::to_owned)).collect();
        let accepted = get(&portal, "/v1/events?after=0&limit=100").await.json();
        let id = get(&portal, "/v1/webhooks").await.json()["webhooks"][0]["id"].as_str().expect("an id").to_owned();
        let open = get(&portal, &format!("/v1/webhooks/{id}/deliveries?state=pending&limit=100")).await.json();
        if requests == expected && open["deliveries"].as_array().is_some_and(Vec::is_empty) {
            assert_eq!(accepted["events"].as_array().map(Vec::len), Some(REQUESTS + 1));
            break heard;
        }
        assert!(Instant::now() < deadline, "lost: {:?}, open: {open}", expected.difference(&requests));
        offset += 180;
        move_clock(&portal, offset).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let mut ids = HashMap::<String, HashSet<String>>::new();
    for heard in told.iter().filter(|heard| heard.json()["type"] != "webhook.ping") {
        let request = heard.json()["data"]["request_id"].as_str().expect("an id").to_owned();
        ids.entry(request).or_default().insert(heard.id().to_owned());
    }
    assert_eq!((ids.len(), ids.values().map(HashSet::len).max()), (REQUESTS, Some(1)), "one id a request: {ids:?}");
}

/// Killed when dropped.
struct Listener(Child);

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_developer_behind_a_firewall_hears_checks_and_hands_on() {
    let sandbox = Sandbox::start();
    let portal = Portal::connect(&sandbox).await;
    let receiver = Receiver::new(&[Reply::Status(200)]);
    let (ready, url) = (sandbox.ready_file(), receiver.url());
    let arguments =
        ["portal", "listen", "--ready-file", text(&ready), "--forward", &url, "--after", "0", "--count", "2"];
    let child =
        Command::new(env!("CARGO_BIN_EXE_kyso")).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut listener = Listener(child.expect("kyso starts"));
    let mut said = BufReader::new(listener.0.stderr.take().expect("piped"));
    let mut first = String::new();
    said.read_line(&mut first).expect("a line");
    let secret = first.trim().rsplit(' ').next().expect("a secret").to_owned();
    assert!(secret.starts_with("whsec_"), "{first}");
    let request = portal.create("ec-p256-hosted", &sample("hoa-don-gtgt.pdf")).await;
    portal.confirm(&request).await;
    let answer =
        portal.call("/v1/requests", &request_body("ec-p256-hosted", &[&sample("hoa-don-gtgt.pdf")])).await.json();
    let cancelled = send(portal.delete(&format!("/v1/requests/{}", answer["id"].as_str().expect("an id")))).await;
    assert_eq!(cancelled.expect("an answer").status, 200);
    let heard = receiver.until("two messages", |heard| heard.len() == 2).await;
    assert!(heard.iter().all(|heard| heard.is_authentic(&secret, SystemClock.now())));
    assert_eq!(heard[0].json()["type"], "request.signed");
    assert_eq!(heard[1].json()["data"]["failure"], "cancelled");
    let mut printed = String::new();
    listener.0.stdout.take().expect("piped").read_to_string(&mut printed).expect("read to the end");
    assert_eq!(printed.lines().filter(|line| line.contains(" authentic {")).count(), 2, "{printed}");
}
