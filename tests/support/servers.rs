//! Servers over one data folder, as processes that share a database see it.

#![allow(dead_code)] // Each test binary uses its own part.

use std::path::Path;
use std::sync::Arc;

use kyso::app::channels::Outbox;
use kyso::app::sandbox::{self, Sandbox};
use kyso::app::system::SystemClock;
use kyso::app::wiring::{self, How};
use kyso::authorization::{Channels, CodePolicy};
use kyso::crypto::{Digest, DigestAlgorithm, SignatureAlgorithm};
use kyso::domain::{Clock, CredentialId, PortalId, Secret, SignerId};
use kyso::service::admin::NewPortal;
use kyso::service::{
    Authorization, AuthorizeHashes, Caller, Limits, NewDocument, NewRequest, Service, ServiceError, SignHashes,
};

/// Of the signer nguyen-van-an.
pub const PIN: &str = "135790";

/// One server over a data folder that others use too.
pub struct Server {
    pub service: Arc<Service>,
    pub outbox: Arc<Outbox>,
    pub clock: Arc<dyn Clock>,
}

impl Server {
    pub async fn open(data: &Path, codes: CodePolicy) -> Self {
        let outbox = Arc::new(Outbox::new(Arc::new(SystemClock)));
        let server = Self::open_with(data, codes, Channels::one(outbox.clone())).await;
        Self { outbox, ..server }
    }

    /// Over other channels than the outbox.
    pub async fn open_with(data: &Path, codes: CodePolicy, channels: Channels) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let kek = sandbox::kek(data).expect("a key-encryption key");
        let deliver = wiring::webhooks(Vec::new());
        let how = How { limits: Limits::default(), codes, clock: clock.clone(), levels: None, deliver };
        let service = wiring::open_with(data, &kek, channels, how).await.expect("opens");
        Self { service, outbox: Arc::new(Outbox::new(clock.clone())), clock }
    }

    /// The first server provisions what all use.
    pub async fn provision(data: &Path, codes: CodePolicy) -> Self {
        let server = Self::open(data, codes).await;
        let pki = sandbox::dev_pki(data, "http://127.0.0.1:1").await.expect("a development PKI");
        Sandbox::open(&server.service, pki, data).await.expect("provisioned");
        let id = PortalId::parse("second").expect("id");
        let new =
            NewPortal {
                id: id.clone(), name: "Cổng thứ hai".into(), host: None, support_phone: None, secret: None
            };
        server.service.add_portal(new).await.expect("added");
        for signer in ["nguyen-van-an", "le-van-binh"] {
            server.service.grant(&id, &SignerId::parse(signer).expect("id")).await.expect("granted");
        }
        server
    }

    pub fn last_code(&self) -> Secret {
        let messages = self.outbox.messages();
        let last = messages.as_array().and_then(|all| all.last()).expect("a message");
        Secret::new(last["code"].as_str().expect("a code"))
    }

    pub async fn ask(
        &self,
        portal: &str,
        credential: &str,
        hashes: &[Digest],
        code: Option<&Secret>,
    ) -> Result<Authorization, ServiceError> {
        self.ask_with(PIN, portal, credential, hashes, code).await
    }

    pub async fn ask_with(
        &self,
        pin: &str,
        portal: &str,
        credential: &str,
        hashes: &[Digest],
        code: Option<&Secret>,
    ) -> Result<Authorization, ServiceError> {
        let request = AuthorizeHashes {
            credential: CredentialId::parse(credential).expect("id"),
            hashes: hashes.to_vec(),
            num_signatures: u32::try_from(hashes.len()).expect("few"),
            description: String::new(),
            pin: Some(Secret::new(pin)),
            code: code.cloned(),
        };
        self.service.authorize_hashes(&caller(portal), request).await
    }

    pub async fn sign(&self, portal: &str, credential: &str, sad: &Secret, hashes: &[Digest]) -> bool {
        let request = SignHashes {
            credential: CredentialId::parse(credential).expect("id"),
            sad: sad.clone(),
            hashes: hashes.to_vec(),
            algorithm: SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256),
        };
        self.service.sign_hashes(&caller(portal), request).await.is_ok()
    }
}

pub fn caller(portal: &str) -> Caller {
    Caller::of_portal(PortalId::parse(portal).expect("id"))
}

pub fn request(credential: &str, document: NewDocument) -> NewRequest {
    NewRequest {
        credential: CredentialId::parse(credential).expect("id"),
        documents: vec![document],
        description: String::new(),
        return_url: None,
        valid_for: None,
        idempotency_key: None,
        algorithm: None,
        options: Default::default(),
        password: None,
    }
}

pub fn sha256(text: &str) -> Digest {
    DigestAlgorithm::Sha256.digest(text.as_bytes())
}
