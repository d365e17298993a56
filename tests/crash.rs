//! Killed ten times with SIGKILL while a hundred requests and CSC hashes are signed: nothing is lost, stuck or signed twice.
//!
//! The moments are random; `KYSO_CRASH_SEED` replays a run's choices (its seed is printed).

mod support;

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kyso::crypto::{Digest, DigestAlgorithm, PublicKey, SignatureAlgorithm};
use serde_json::{Value, json};
use support::{Portal, Sandbox, base64, request_body, sample, send, unbase64};

const REQUESTS: usize = 100;
const KILLS: usize = 10;
const PORTAL_WORKERS: usize = 6;
/// Acknowledged CSC signatures to reach; each lost call starts over with a hash of its own.
const HASHES: usize = 30;
const CSC_WORKERS: usize = 2;
const DEADLINE: Duration = Duration::from_secs(150);

/// SplitMix64: enough to choose moments with.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

fn seed() -> u64 {
    let given = std::env::var("KYSO_CRASH_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| RandomState::new().build_hasher().finish());
    eprintln!("KYSO_CRASH_SEED={seed}");
    seed
}

/// What all clients share.
struct Run {
    portal: Portal,
    samples: [Vec<u8>; 3],
    /// Calls that were answered.
    calls: AtomicU64,
    lost: AtomicUsize,
    jobs: Mutex<VecDeque<Job>>,
    done: Mutex<Vec<Job>>,
    signatures: Mutex<Vec<Acknowledged>>,
    ends: Instant,
}

/// A request on its way, as its portal and its citizen remember it.
#[derive(Clone)]
struct Job {
    n: usize,
    request: Option<Value>,
    step: Step,
    not_before: Instant,
}

#[derive(Clone)]
enum Step {
    Create,
    SendCode,
    ReadCode,
    Confirm(String),
    Look(String),
}

impl Job {
    fn documents(&self) -> usize {
        if self.n.is_multiple_of(10) { 3 } else { 1 }
    }

    fn id(&self) -> &str {
        self.request.as_ref().and_then(|request| request["id"].as_str()).expect("created")
    }

    fn page(&self) -> &str {
        self.request.as_ref().and_then(|request| request["confirm_url"].as_str()).expect("created")
    }

    fn later(mut self, wait: Duration) -> Self {
        self.not_before = Instant::now() + wait;
        self
    }
}

impl Run {
    /// Whether there is an answer; without one the caller finds out later what became of the call.
    fn answered<T>(&self, answer: reqwest::Result<T>) -> Option<T> {
        match answer {
            Ok(answer) => {
                self.calls.fetch_add(1, Ordering::Relaxed);
                Some(answer)
            }
            Err(error) => {
                assert!(!error.is_timeout(), "the service hangs: {error}");
                self.lost.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }

    async fn portal_worker(self: Arc<Self>) {
        while self.done.lock().expect("lock").len() < REQUESTS {
            assert!(Instant::now() < self.ends, "requests are stuck: {}", self.open_jobs());
            let ripe = {
                let mut jobs = self.jobs.lock().expect("lock");
                let at = jobs.iter().position(|job| job.not_before <= Instant::now());
                at.and_then(|at| jobs.remove(at))
            };
            let Some(job) = ripe else {
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            if let Some(job) = self.advance(job).await {
                // A request goes on at once, as its own client would, so that kills meet all steps.
                self.jobs.lock().expect("lock").push_front(job);
            }
        }
    }

    fn open_jobs(&self) -> String {
        let jobs = self.jobs.lock().expect("lock");
        jobs.iter().map(|job| format!("{}:{:?} ", job.n, job.request.as_ref().map(|r| r["id"].to_string()))).collect()
    }

    /// Signatures that somebody holds: the kills are spread over them.
    fn progress(&self) -> usize {
        self.done.lock().expect("lock").len() + self.signatures.lock().expect("lock").len()
    }

    /// One call. `None` when the request is signed.
    async fn advance(&self, job: Job) -> Option<Job> {
        let soon = Duration::from_millis(20);
        match job.step.clone() {
            Step::Create => self.create(job).await,
            Step::SendCode => match self.answered(self.portal.step(job.page(), "code", "").await) {
                Some(Ok(notice)) if notice == "soon" => Some(job.later(Duration::from_secs(1))),
                Some(Ok(notice)) => {
                    assert_eq!(notice, "sent", "{}", job.id());
                    Some(Job { step: Step::ReadCode, ..job })
                }
                Some(Err(refused)) => panic!("{}: {}", refused.status, refused.text()),
                // The message may have left all the same.
                None => Some(Job { step: Step::ReadCode, ..job }.later(soon)),
            },
            Step::ReadCode => match self.answered(self.portal.code_for(job.id()).await) {
                Some(Some(code)) => Some(Job { step: Step::Confirm(code), ..job }),
                Some(None) => Some(Job { step: Step::SendCode, ..job }),
                None => Some(job.later(soon)),
            },
            Step::Confirm(code) => {
                match self.answered(self.portal.step(job.page(), "confirm", &code).await) {
                    Some(Ok(notice)) => assert_eq!(notice, "", "a code that arrived works: {}", job.id()),
                    Some(Err(refused)) => panic!("{}: {}", refused.status, refused.text()),
                    None => {}
                }
                Some(Job { step: Step::Look(code), ..job })
            }
            Step::Look(code) => self.look(job, code).await,
        }
    }

    async fn create(&self, job: Job) -> Option<Job> {
        let documents: Vec<&[u8]> = self.samples.iter().rev().take(job.documents()).map(Vec::as_slice).collect();
        let credential = ["ec-p256-hosted", "ec-p256", "rsa-2048", "ec-p384"][job.n % 4];
        let request = self.portal.post("/v1/requests", &request_body(credential, &documents));
        let request = request.header("Idempotency-Key", format!("job-{}", job.n));
        match self.answered(send(request).await) {
            Some(answer) if answer.status == 201 => {
                Some(Job { request: Some(answer.json()), step: Step::SendCode, ..job })
            }
            Some(answer) if answer.status == 503 => Some(job.later(Duration::from_millis(200))),
            Some(answer) => panic!("{}: {}", answer.status, answer.text()),
            None => Some(job.later(Duration::from_millis(20))),
        }
    }

    async fn look(&self, job: Job, code: String) -> Option<Job> {
        let answer = self.answered(send(self.portal.get(&format!("/v1/requests/{}", job.id()))).await);
        let Some(answer) = answer else { return Some(job.later(Duration::from_millis(20))) };
        let request = answer.json();
        match request["state"].as_str() {
            // The code was not used up: it is entered again.
            Some("waiting") => Some(Job { step: Step::Confirm(code), ..job }),
            Some("confirmed") => Some(job.later(Duration::from_millis(50))),
            Some("signed") => {
                self.done.lock().expect("lock").push(job);
                None
            }
            other => panic!("{}: {other:?} {request}", job.id()),
        }
    }
}

/// A CSC signature that its client holds.
struct Acknowledged {
    credential: &'static str,
    hash: Digest,
    signature: Vec<u8>,
    sad: String,
}

impl Run {
    async fn csc_worker(self: Arc<Self>, worker: usize) {
        let mut attempt = 0;
        while self.signatures.lock().expect("lock").len() < HASHES {
            assert!(Instant::now() < self.ends, "hashes are stuck");
            attempt += 1;
            let credential = ["ec-p256", "ec-p384"][(worker + attempt) % 2];
            let hash = DigestAlgorithm::Sha256.digest(format!("{worker}/{attempt}").as_bytes());
            match self.sign_hash(credential, &hash).await {
                Some((sad, signature)) => {
                    let one = Acknowledged { credential, hash, signature, sad };
                    self.signatures.lock().expect("lock").push(one);
                }
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// From the PIN to the signature. `None` when the connection was lost on the way: a client starts over then.
    async fn sign_hash(&self, credential: &str, hash: &Digest) -> Option<(String, Vec<u8>)> {
        let mut body = json!({
            "credentialID": credential, "numSignatures": 1, "hashes": [base64(hash.as_bytes())],
            "hashAlgorithmOID": "2.16.840.1.101.3.4.2.1", "authData": [{"id": "PIN", "value": "135790"}],
        });
        let first = self.answered(send(self.portal.post("/csc/v2/credentials/authorize", &body)).await)?;
        assert_eq!(first.status, 202, "{}", first.text());
        let handle = first.json()["handle"].as_str().expect("a handle").to_owned();
        let code = self.answered(self.portal.code_for(&handle).await)??;
        body["authData"] = json!([{"id": "PIN", "value": "135790"}, {"id": "OTP", "value": code}]);
        let second = self.answered(send(self.portal.post("/csc/v2/credentials/authorize", &body)).await)?;
        assert_eq!(second.status, 200, "{}", second.text());
        let sad = second.json()["SAD"].as_str().expect("a SAD").to_owned();
        let sign = self.sign_body(credential, hash, &sad);
        match self.answered(send(self.portal.post("/csc/v2/signatures/signHash", &sign)).await) {
            Some(answer) => {
                assert_eq!(answer.status, 200, "{}", answer.text());
                Some((sad, unbase64(answer.json()["signatures"][0].as_str().expect("a signature"))))
            }
            None => self.retry_hash(&sad, &sign).await,
        }
    }

    /// The answer was lost: either the call never arrived and works now, or the SAD is used up.
    async fn retry_hash(&self, sad: &str, sign: &Value) -> Option<(String, Vec<u8>)> {
        loop {
            assert!(Instant::now() < self.ends, "no answer");
            let again = send(self.portal.post("/csc/v2/signatures/signHash", sign)).await;
            match self.answered(again) {
                Some(answer) if answer.status == 200 => {
                    let signature = answer.json()["signatures"][0].as_str().map(unbase64);
                    return Some((sad.to_owned(), signature.expect("a signature")));
                }
                Some(answer) => {
                    let said = (answer.status, answer.json()["signed"].clone());
                    assert_eq!(said, (400, json!(false)), "{}", answer.text());
                    return None;
                }
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    fn sign_body(&self, credential: &str, hash: &Digest, sad: &str) -> Value {
        json!({"credentialID": credential, "SAD": sad, "hashes": [base64(hash.as_bytes())],
               "hashAlgorithmOID": "2.16.840.1.101.3.4.2.1", "signAlgo": "1.2.840.10045.4.3.2"})
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_kills_in_a_hundred_requests_lose_nothing_and_sign_nothing_twice() {
    let mut random = Random(seed());
    let mut sandbox = Sandbox::start();
    let run = Arc::new(Run {
        portal: Portal::connect(&sandbox).await,
        samples: support::SAMPLES.map(sample),
        calls: AtomicU64::new(0),
        lost: AtomicUsize::new(0),
        jobs: Mutex::new((0..REQUESTS).map(new_job).collect()),
        done: Mutex::default(),
        signatures: Mutex::default(),
        ends: Instant::now() + DEADLINE,
    });
    let mut clients = tokio::task::JoinSet::new();
    (0..PORTAL_WORKERS).for_each(|_| drop(clients.spawn(run.clone().portal_worker())));
    (0..CSC_WORKERS).for_each(|worker| drop(clients.spawn(run.clone().csc_worker(worker))));

    let mut moments: Vec<u64> = (0..KILLS).map(|_| random.below((REQUESTS + HASHES) as u64 * 4 / 5)).collect();
    moments.sort_unstable();
    let started = Instant::now();
    let mut after = 0;
    for moment in moments {
        // A PIN try that a kill interrupts counts as wrong: some work between kills, or the signer ends up locked.
        let moment = moment.max(after);
        while (run.progress() as u64) < moment {
            assert!(Instant::now() < run.ends, "no progress: {}", run.open_jobs());
            // A client that failed its own check tells why.
            if let Some(Err(failed)) = clients.try_join_next() {
                std::panic::resume_unwind(failed.into_panic());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // Not always right after an answer: somewhere inside the next calls.
        tokio::time::sleep(Duration::from_micros(random.below(30_000))).await;
        tokio::task::block_in_place(|| {
            sandbox.kill();
            sandbox.restart();
        });
        after = run.progress() as u64 + 3;
    }
    let killing = started.elapsed();
    while let Some(client) = clients.join_next().await {
        client.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()));
    }
    eprintln!(
        "{} calls answered, {} lost, kills took {killing:?}, all {:?}",
        run.calls.load(Ordering::Relaxed),
        run.lost.load(Ordering::Relaxed),
        started.elapsed()
    );
    // Once more, so that a fresh process judges what is on the disk.
    tokio::task::block_in_place(|| {
        sandbox.kill();
        sandbox.restart();
    });
    check_requests(&sandbox, &run).await;
    check_hashes(&sandbox, &run).await;
}

fn new_job(n: usize) -> Job {
    Job { n, request: None, step: Step::Create, not_before: Instant::now() }
}

async fn check_requests(sandbox: &Sandbox, run: &Run) {
    let checked = sandbox.admin(&["audit", "check"]);
    assert!(checked.status.success(), "{}", support::stderr(&checked));
    let events = sandbox.audit();
    let jobs = run.done.lock().expect("lock").clone();
    let ids: HashSet<&str> = jobs.iter().map(Job::id).collect();
    assert_eq!(ids.len(), REQUESTS, "one request a key");
    let of = |name: &str| events.iter().filter(move |e| e["event"] == *name).collect::<Vec<_>>();
    let mut seen = HashMap::<&str, usize>::new();
    for event in of("signed") {
        *seen.entry(event["transaction"].as_str().expect("an id")).or_default() += 1;
    }
    for job in &jobs {
        assert_eq!(seen.get(job.id()), Some(&1), "{} has one signed record", job.id());
        let own: Vec<&str> =
            events.iter().filter(|e| e["transaction"] == *job.id()).filter_map(|e| e["event"].as_str()).collect();
        for once in ["transaction_created", "confirmed", "signing_intended"] {
            assert_eq!(own.iter().filter(|name| **name == once).count(), 1, "{once} of {}: {own:?}", job.id());
        }
        assert!(!own.contains(&"code_rejected") && !own.contains(&"failed"), "{own:?}");
        assert_eq!(run.portal.read(job.id()).await["state"], "signed");
    }
    let created =
        of("transaction_created").iter().filter(|e| ids.contains(e["transaction"].as_str().expect("id"))).count();
    let folders = std::fs::read_dir(sandbox.data().join("documents")).expect("documents").count();
    assert_eq!((created, folders), (REQUESTS, REQUESTS), "retries left no second request and no files");
    let resumed = of("signing_resumed").len();
    eprintln!("{resumed} requests were taken up after a kill");

    let mut files: Vec<PathBuf> = Vec::new();
    for job in &jobs {
        for n in 1..=job.documents() {
            let signed = run.portal.document(job.id(), u32::try_from(n).expect("small")).await;
            assert_eq!(signed.status, 200, "{}", signed.text());
            let file = sandbox.file(&format!("{}-{n}.pdf", job.n));
            std::fs::write(&file, signed.bytes).expect("written");
            files.push(file);
        }
    }
    let (code, reports) = sandbox.verify(&files);
    assert_eq!((code, reports.len()), (0, files.len()));
    for report in reports {
        let signatures = report["signatures"].as_array().expect("signatures");
        assert_eq!(signatures.len(), 1, "{report}");
        assert_eq!(signatures[0]["indication"], "TOTAL-PASSED", "{report}");
    }
}

async fn check_hashes(sandbox: &Sandbox, run: &Run) {
    let events = sandbox.audit();
    let signed: Vec<&str> = events
        .iter()
        .filter(|event| event["event"] == "signed")
        .flat_map(|event| event["signatures"].as_array().into_iter().flatten().filter_map(Value::as_str))
        .collect();
    assert_eq!(signed.iter().collect::<HashSet<_>>().len(), signed.len(), "no signature was recorded twice");
    let acknowledged = std::mem::take(&mut *run.signatures.lock().expect("lock"));
    for one in &acknowledged {
        let fingerprint = DigestAlgorithm::Sha256.digest(&one.signature).to_hex();
        assert!(signed.contains(&fingerprint.as_str()), "an acknowledged signature is on record");
        let info = run.portal.call("/csc/v2/credentials/info", &json!({"credentialID": one.credential})).await.json();
        let certificate = unbase64(info["cert"]["certificates"][0].as_str().expect("a certificate"));
        let certificate: x509_cert::Certificate = der::Decode::from_der(&certificate).expect("a certificate");
        let key = PublicKey::from_spki(certificate.tbs_certificate().subject_public_key_info()).expect("a key");
        let algorithm = SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256);
        key.verify_digest(algorithm, &one.hash, &one.signature).expect("verifies");
        let replay = run.sign_body(one.credential, &one.hash, &one.sad);
        let replay = run.portal.call("/csc/v2/signatures/signHash", &replay).await;
        assert_eq!((replay.status, &replay.json()["signed"]), (400, &json!(false)), "{}", replay.text());
    }
    // Each intent has come to its end: signed, or interrupted and never released.
    let mut open = HashSet::new();
    for event in &events {
        let id = event["transaction"].as_str().unwrap_or_default();
        match event["event"].as_str() {
            Some("signing_intended") => assert!(open.insert(id), "intended twice: {id}"),
            Some("signed" | "failed") => drop(open.remove(id)),
            _ => {}
        }
    }
    assert!(open.is_empty(), "unsettled after a restart: {open:?}");
    let interrupted = events.iter().filter(|event| event["reason"] == "interrupted").count();
    eprintln!("{} hashes acknowledged, {interrupted} interrupted", acknowledged.len());
}
