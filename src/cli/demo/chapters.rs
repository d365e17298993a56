//! What happens in the demonstration: each chapter a request of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::super::portal::{Access, Ask, By, Paper, Portal, Request};
use super::line;
use super::receiver::Receiver;
use crate::app::sandbox::{Readers, write_atomically};
use crate::domain::Secret;

/// The e-form the demonstration signs, and the citizen's empty signature field in it.
const FORM: &[u8] = include_bytes!("../../../samples/to-khai-xac-nhan-cu-tru.pdf");
const FORM_FIELD: &str = "ChuKyNguoiKhai";
const CONTRACT: &[u8] = include_bytes!("../../../samples/hop-dong-dich-vu.pdf");
/// Credentials of the sandbox: two whom the demonstration plays, and two who act unasked.
const AN: &str = "ec-p256-hosted";
const NGOC: &str = "ngoc-ec-p256";
const SIGNS: &str = "sandbox-signs";
const REFUSES: &str = "sandbox-refuses";
/// Nobody is waited for: the demonstration is its own citizen.
const PATIENCE: Duration = Duration::from_secs(10);
/// A ping, one for the form, two for the contract, two for the refused one.
const MESSAGES: usize = 6;

/// The portal, whom it tells what, and the files so far.
pub struct Story<'a> {
    portal: Portal,
    people: Vec<Person>,
    receiver: Receiver,
    secret: Secret,
    out: &'a Path,
    signed: Vec<PathBuf>,
    /// Request ids and what they are called here.
    requests: Vec<(String, &'static str)>,
}

/// A signer of the sandbox.
struct Person {
    name: String,
    phone: String,
    credentials: Vec<String>,
}

impl<'a> Story<'a> {
    pub async fn begin(ready: &Value, receiver: Receiver, out: &'a Path) -> Result<Self> {
        let portal = Portal::connect(Access::from_ready(ready)?).await?;
        let secret = portal.add_webhook(&receiver.url()).await?;
        line("portal", &format!("has its token, and webhooks sent to {}", receiver.url()));
        let people = ready["signers"].as_array().into_iter().flatten().map(person).collect();
        Ok(Self { portal, people, receiver, secret, out, signed: Vec::new(), requests: Vec::new() })
    }

    pub async fn form(&mut self) -> Result<()> {
        let options = [("level", Value::from("B-LTA")), ("field", FORM_FIELD.into())];
        let paper = ("to-khai-xac-nhan-cu-tru", FORM);
        let by = By::One(AN.to_owned());
        let request = self.ask("e-form", paper, by, "Tờ khai xác nhận thông tin về cư trú", &options).await?;
        self.confirm(AN, &request.confirm_url).await?;
        self.fetch(&request, paper, &[AN]).await
    }

    pub async fn contract(&mut self) -> Result<()> {
        let paper = ("hop-dong-dich-vu", CONTRACT);
        let by = By::InOrder(vec![AN.to_owned(), NGOC.to_owned()]);
        let request = self.ask("contract", paper, by, "Hợp đồng dịch vụ", &[("level", "B-LTA".into())]).await?;
        let [first, second] = request.signers.as_slice() else { bail!("the contract has not two signers") };
        self.confirm(AN, &first.confirm_url).await?;
        self.confirm(NGOC, &second.confirm_url).await?;
        self.fetch(&request, paper, &[AN, NGOC]).await
    }

    /// These two act unasked: the sandbox's signers whose outcome is known.
    pub async fn refusal(&mut self) -> Result<()> {
        let by = By::InOrder(vec![SIGNS.to_owned(), REFUSES.to_owned()]);
        let request = self.ask("refused", ("hop-dong-dich-vu", CONTRACT), by, "Hợp đồng dịch vụ", &[]).await?;
        line("citizens", &format!("{} signs, {} refuses", self.name(SIGNS), self.name(REFUSES)));
        let ended = self.portal.ended(&request.id, PATIENCE).await?;
        let states: Vec<&str> = ended.signers.iter().map(|signer| signer.state.as_str()).collect();
        if ended.state != "refused" || self.portal.document(&request.id, 1).await.is_ok() {
            bail!("the refused contract ended as {}", ended.state);
        }
        line("portal", &format!("finds it refused ({}); no signed document is handed out", states.join(", ")));
        Ok(())
    }

    /// Shows what was heard; gives the signed files.
    pub async fn webhooks(self) -> Result<Vec<PathBuf>> {
        let heard = self.receiver.heard(MESSAGES, PATIENCE).await;
        if heard.len() < MESSAGES {
            bail!("only {} of {MESSAGES} webhooks came", heard.len());
        }
        let mut lines = String::new();
        for message in &heard {
            message.check(&self.secret).context("a webhook is not authentic")?;
            let body = message.json();
            let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
            let request = text("/data/request_id");
            let about = self.requests.iter().find(|(id, _)| *id == request).map_or("", |(_, name)| name);
            let levels = body.pointer("/data/documents").and_then(Value::as_array).into_iter().flatten();
            let levels: Vec<&str> = levels.filter_map(|document| document.get("level")?.as_str()).collect();
            println!("   ✓ {:<24} {about:<9} {}", text("/type"), levels.join(", "));
            lines.push_str(&message.body);
            lines.push('\n');
        }
        let file = self.out.join("webhooks.jsonl");
        write_atomically(&file, lines.as_bytes(), Readers::Others)?;
        Ok(self.signed)
    }

    async fn ask(
        &mut self,
        name: &'static str,
        (file, bytes): (&str, &[u8]),
        by: By,
        description: &str,
        options: &[(&str, Value)],
    ) -> Result<Request> {
        let options = options.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        let paper = Paper { name: format!("{file}.pdf"), bytes: bytes.to_vec() };
        let request = self.portal.create(&[paper], &Ask { by, description: description.to_owned(), options }).await?;
        let fingerprint = request.documents.first().map(|document| document.fingerprint.as_str()).unwrap_or_default();
        line("portal", &format!("uploads {file}.pdf, {} kB, fingerprint {fingerprint}", bytes.len() / 1024));
        self.requests.push((request.id.clone(), name));
        Ok(request)
    }

    async fn confirm(&self, credential: &str, page: &str) -> Result<()> {
        let person = self.person(credential)?;
        let code = self.portal.confirm_on_page(page, &person.phone).await?;
        let code = code.expose();
        line("citizen", &format!("{} reads the page, gets the code {code} by SMS, and enters it", person.name));
        Ok(())
    }

    /// Takes the signed document and the receipts.
    async fn fetch(&mut self, request: &Request, (name, original): (&str, &[u8]), signers: &[&str]) -> Result<()> {
        self.portal.wait(&request.id, PATIENCE).await?;
        let signed = self.portal.document(&request.id, 1).await?;
        let file = self.keep(&format!("{name}.signed.pdf"), &signed)?;
        let appended = signed.len().saturating_sub(original.len()) / 1024;
        line("portal", &format!("fetches {file}: the original, untouched, and {appended} kB after it"));
        for (n, credential) in (1..).zip(signers) {
            let receipt = self.portal.receipt(&request.id, n).await?;
            let file = self.keep(&format!("bien-nhan-{name}-{n}.pdf"), &receipt)?;
            line("receipt", &format!("{file}: {}'s, sealed by the service", self.name(credential)));
        }
        Ok(())
    }

    fn keep(&mut self, name: &str, bytes: &[u8]) -> Result<String> {
        let file = self.out.join(name);
        write_atomically(&file, bytes, Readers::Others).with_context(|| format!("cannot write {}", file.display()))?;
        self.signed.push(file);
        Ok(name.to_owned())
    }

    fn person(&self, credential: &str) -> Result<&Person> {
        let found = self.people.iter().find(|person| person.credentials.iter().any(|own| own == credential));
        found.with_context(|| format!("the sandbox has no credential {credential}"))
    }

    fn name(&self, credential: &str) -> String {
        self.person(credential).map_or_else(|_| credential.to_owned(), |person| person.name.clone())
    }
}

fn person(entry: &Value) -> Person {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let credentials = entry["credentials"].as_array().into_iter().flatten();
    Person {
        name: text(&entry["name"]),
        phone: text(&entry["phone"]),
        credentials: credentials.map(|credential| text(&credential["id"])).collect(),
    }
}
