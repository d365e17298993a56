//! `kyso sign --hash-only`: the document stays here. It is prepared here, its hash is signed over the CSC API, the signature is put
//! in here, and the level is raised from here.
//!
//! ```text
//! prepare → signed attributes → their hash ──CSC authorize (PIN, code), signHash──▶ value → CMS → into the hole → raise
//! ```

use std::io::{BufRead as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use const_oid::ObjectIdentifier;
use serde_json::{Value, json};
use spki::AlgorithmIdentifierOwned;
use time::OffsetDateTime;

use super::augment::Sources;
use super::material::{self, now};
use super::portal::Portal;
use super::sign::Args;
use crate::app::config::secret_file;
use crate::app::sandbox::{Readers, write_atomically};
use crate::crypto::{Digest, DigestAlgorithm, PublicKey, SignatureAlgorithm};
use crate::domain::Secret;
use crate::formats::level::Baseline;
use crate::formats::pdf::{Limits, Password, Pdf};
use crate::formats::x509::Certificate;
use crate::mapping::Mapped;
use crate::raising::{Growing, Raised, Raiser, USUAL_TOKEN};
use crate::signing::attributes::{Profile, SignedAttributes};
use crate::signing::cades::{signature_imprint, with_signature_time_stamp};
use crate::signing::cms::{assemble, cms_capacity};
use crate::signing::extras::{Extras, Reason};
use crate::signing::{FieldChoice, PrepareRequest, Prepared, embed, prepare};

/// The signer's certificate, its chain, and the algorithm to sign with.
struct Signer {
    certificate: Certificate,
    chain: Vec<Certificate>,
    algorithm: SignatureAlgorithm,
    digest: DigestAlgorithm,
}

/// Signs one file; nothing but hashes and attributes leaves this machine.
///
/// # Errors
/// Any refusal; no output is written then.
pub async fn sign(portal: &Portal, file: &Path, out: &Path, args: &Args) -> Result<()> {
    let signer = signer(portal, args).await?;
    let original = Mapped::open(file).context("cannot be read")?;
    let (time, level) = (now(), Baseline::from_name(&args.level).context("--level is not a level")?);
    let (prepared, attributes) = match args.format.as_str() {
        "cms" => (None, cades(&signer, &original, time)?),
        _ => {
            let prepared = pades(&signer, &original, time, level, args)?;
            let content = prepared.digest(&original, signer.digest)?;
            let attributes = SignedAttributes::build(&content, &signer.certificate, Profile::Pades);
            (Some(prepared), attributes)
        }
    };
    let value = value(portal, &signer, &attributes.dtbsr(signer.digest), args).await?;
    let cms = assemble(&attributes, &value, signer.algorithm, &signer.certificate, &signer.chain)?;
    match prepared {
        Some(prepared) => finish_pdf(file, out, &prepared, cms, level, args).await?,
        None => finish_cms(&original, out, cms, level, args).await?,
    }
    println!("{}", out.display());
    Ok(())
}

async fn signer(portal: &Portal, args: &Args) -> Result<Signer> {
    let ask = json!({"credentialID": args.credential, "certificates": "chain", "certInfo": true});
    let info = portal.csc("credentials/info", &ask).await?;
    let chain = info.pointer("/cert/certificates").and_then(Value::as_array).context("no certificate was given")?;
    let read = |text: &Value| Ok(Certificate::from_der(&STANDARD.decode(text.as_str().unwrap_or_default())?)?);
    let mut chain = chain.iter().map(read).collect::<Result<Vec<_>>>()?;
    if chain.is_empty() {
        bail!("no certificate was given");
    }
    let certificate = chain.remove(0);
    let algorithm = match &args.sign_algo {
        Some(oid) => {
            let identifier = AlgorithmIdentifierOwned { oid: ObjectIdentifier::new(oid)?, parameters: None };
            SignatureAlgorithm::from_identifier(&identifier, None)?
        }
        None => default_algorithm(&certificate.public_key()?)?,
    };
    let digest = algorithm.digest().context("a pure signature scheme signs no bare hash; leave --hash-only out")?;
    Ok(Signer { certificate, chain, algorithm, digest })
}

/// RSASSA-PSS, or ECDSA with the hash of the curve's strength.
fn default_algorithm(key: &PublicKey) -> Result<SignatureAlgorithm> {
    Ok(match key {
        PublicKey::Rsa(_) => SignatureAlgorithm::RsaPss { digest: DigestAlgorithm::Sha256, salt_len: 32 },
        PublicKey::P256(_) => SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256),
        PublicKey::P384(_) => SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha384),
        PublicKey::P521(_) => SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha512),
        _ => bail!("a pure signature scheme signs no bare hash; leave --hash-only out"),
    })
}

fn cades(signer: &Signer, content: &[u8], signing_time: OffsetDateTime) -> Result<SignedAttributes> {
    let digest = signer.digest.digest(content);
    let (profile, extras) = (Profile::Cades { signing_time }, Extras::default());
    Ok(SignedAttributes::build_with(&digest, &signer.certificate, profile, &extras, Reason::Absent)?)
}

fn pades(
    signer: &Signer,
    document: &[u8],
    signing_time: OffsetDateTime,
    level: Baseline,
    args: &Args,
) -> Result<Prepared> {
    let limits = Limits::default();
    let pdf = Pdf::open_for_signing(document, &limits, password(args)?.as_ref())?;
    let token = if level > Baseline::B { USUAL_TOKEN } else { 0 };
    let request = PrepareRequest {
        field: args.field.clone().map_or(FieldChoice::NewInvisible, FieldChoice::Existing),
        signing_time,
        name: Some(signer.certificate.subject().common_name()),
        reason: args.reason.clone(),
        location: args.location.clone(),
        contact_info: args.contact_info.clone(),
        certify: None,
        lock: None,
        contents_capacity: cms_capacity(
            &signer.certificate,
            &signer.chain,
            signer.algorithm,
            &Extras::default(),
            token,
        )?,
    };
    Ok(prepare(&pdf, &request)?)
}

/// The signature value: the PIN and a one-time code open the key for exactly this hash.
async fn value(portal: &Portal, signer: &Signer, hash: &Digest, args: &Args) -> Result<Vec<u8>> {
    let hash_text = STANDARD.encode(hash.as_bytes());
    let hash_algorithm = hash.algorithm().oid().to_string();
    let mut ask = json!({
        "credentialID": args.credential, "numSignatures": 1,
        "hashes": [hash_text], "hashAlgorithmOID": hash_algorithm,
    });
    if let Some(pin) = pin(args)? {
        insert(&mut ask, "PIN", pin.expose());
    }
    let mut answer = portal.csc("credentials/authorize", &ask).await?;
    if let Some(handle) = answer.get("handle").and_then(Value::as_str) {
        let code = if args.auto_confirm { portal.code_for(handle).await? } else { typed("One-time code")? };
        insert(&mut ask, "OTP", code.expose());
        answer = portal.csc("credentials/authorize", &ask).await?;
    }
    let sad = answer.get("SAD").and_then(Value::as_str).context("the service gave no authorisation")?;
    let identifier = signer.algorithm.to_identifier()?;
    let mut ask = json!({
        "credentialID": args.credential, "SAD": sad, "hashes": [hash_text],
        "hashAlgorithmOID": hash_algorithm, "signAlgo": identifier.oid.to_string(),
    });
    if let Some(parameters) = &identifier.parameters
        && matches!(signer.algorithm, SignatureAlgorithm::RsaPss { .. })
    {
        let parameters = der::Encode::to_der(parameters)?;
        insert(&mut ask, "signAlgoParams", &STANDARD.encode(parameters));
    }
    let answer = portal.csc("signatures/signHash", &ask).await?;
    let value = answer.pointer("/signatures/0").and_then(Value::as_str).context("no signature was given")?;
    Ok(STANDARD.decode(value)?)
}

fn insert(body: &mut Value, member: &str, text: &str) {
    if let Some(object) = body.as_object_mut() {
        object.insert(member.to_owned(), text.into());
    }
}

/// The signer's PIN: from its file, the environment, a sandbox's ready file, or typed.
fn pin(args: &Args) -> Result<Option<Secret>> {
    if let Some(file) = &args.pin_file {
        return Ok(Some(Secret::new(secret_file(file)?.as_str())));
    }
    if let Ok(pin) = std::env::var("KYSO_PIN") {
        return Ok(Some(Secret::new(pin)));
    }
    let Some(file) = &args.access.ready_file else { return typed("PIN").map(Some) };
    let ready: Value = serde_json::from_slice(&std::fs::read(file)?)?;
    let signers = ready.get("signers").and_then(Value::as_array).into_iter().flatten();
    let holds = |signer: &&Value| {
        let credentials = signer.get("credentials").and_then(Value::as_array).into_iter().flatten();
        credentials.into_iter().any(|one| one.get("id").and_then(Value::as_str) == Some(args.credential.as_str()))
    };
    let pin = signers.into_iter().find(holds).and_then(|signer| signer.get("pin")?.as_str());
    Ok(pin.map(Secret::new))
}

fn password(args: &Args) -> Result<Option<Password>> {
    args.password_file.as_deref().map(material::password).transpose()
}

fn typed(what: &str) -> Result<Secret> {
    eprint!("{what}: ");
    std::io::stderr().flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(Secret::new(line.trim()))
}

/// Trust services for levels above B-B; the sandbox's own here, others by `kyso augment`.
fn sources(level: Baseline, args: &Args) -> Result<Option<Sources>> {
    match (&args.access.ready_file, level) {
        (_, Baseline::B) => Ok(None),
        (Some(file), _) => Sources::of_sandbox(file).map(Some),
        (None, _) => bail!("with --hash-only, sign at B-B and raise the level with kyso augment"),
    }
}

async fn finish_pdf(
    file: &Path,
    out: &Path,
    prepared: &Prepared,
    mut cms: Vec<u8>,
    level: Baseline,
    args: &Args,
) -> Result<()> {
    let folder = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let scratch = tempfile::Builder::new().prefix(".kyso-sign-").tempdir_in(folder)?;
    let copy = scratch.path().join("document");
    let mut document = Growing::copy(file, &copy)?;
    if let Some(sources) = sources(level, args)? {
        let password = password(args)?;
        let raiser = sources.raiser(now(), password.as_ref());
        cms = stamped(&raiser, &cms).await?;
        document.append(&embed(prepared, &cms)?)?;
        if level > Baseline::T {
            reached(raiser.pdf(&mut document, level).await)?;
        }
    } else {
        document.append(&embed(prepared, &cms)?)?;
    }
    drop(document);
    std::fs::rename(&copy, out).with_context(|| format!("cannot write {}", out.display()))
}

async fn finish_cms(content: &[u8], out: &Path, mut cms: Vec<u8>, level: Baseline, args: &Args) -> Result<()> {
    if let Some(sources) = sources(level, args)? {
        reached(sources.raiser(now(), None).cms(&mut cms, Some(content), level).await)?;
    }
    write_atomically(out, &cms, Readers::Others).with_context(|| format!("cannot write {}", out.display()))
}

async fn stamped(raiser: &Raiser<'_>, cms: &[u8]) -> Result<Vec<u8>> {
    let token = raiser.trust.timestamp(signature_imprint(cms, 0, raiser.trust.settings().imprint)?).await?;
    Ok(with_signature_time_stamp(cms, 0, token.der())?)
}

fn reached(raised: Raised) -> Result<()> {
    raised.problem.map_or(Ok(()), |problem| Err(problem.into()))
}
