//! What the offline commands judge by: the anchors given or the installed trust bundle, and the validation policy.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Args;
use time::OffsetDateTime;

use super::material::{self, now};
use crate::bundle::Bundle;
use crate::bundle::facts::{Basis, BundleFacts, PolicyFacts, Source, TrustFacts};
use crate::installed::{Store, StoreError};
use crate::report::{AnchorSource, Origin, Trust};
use crate::validation::policy::file::MAX_POLICY_BYTES;
use crate::validation::{Evidence, NamedPolicy};

#[derive(Debug, Clone, Default, Args)]
pub struct BasisArgs {
    #[command(flatten)]
    pub store: StoreArgs,

    /// strict, vietnam (Circular 15/2025/TT-BKHCN), bundle (the installed trust bundle's), or a policy file. By default the
    /// bundle's where its roots are used and it has one, else strict
    #[arg(long, value_name = "NAME_OR_FILE")]
    validation_policy: Option<String>,
}

#[derive(Debug, Clone, Default, Args)]
pub struct StoreArgs {
    /// Folder of the installed trust bundle; kyso/trust in the user's data folder by default
    #[arg(long, value_name = "DIR", env = "KYSO_TRUST_STORE")]
    trust_store: Option<PathBuf>,
}

impl StoreArgs {
    /// The folder named, else `$XDG_DATA_HOME/kyso/trust`, else `~/.local/share/kyso/trust`.
    pub fn store(&self) -> Option<Store> {
        let folder = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let data = || folder("XDG_DATA_HOME").or_else(|| Some(folder("HOME")?.join(".local/share")));
        self.trust_store.clone().or_else(|| Some(data()?.join("kyso/trust"))).map(Store::at)
    }

    /// The installed bundle.
    ///
    /// # Errors
    /// When there is one that cannot be relied on.
    pub fn installed(&self) -> Result<Option<Bundle>, StoreError> {
        self.store().map_or(Ok(None), |store| store.load())
    }
}

/// Everything a judgement rests on besides the file.
pub struct Grounds {
    pub evidence: Evidence,
    pub policy: NamedPolicy,
    pub time: OffsetDateTime,
    /// What reports tell of it.
    pub basis: Basis,
    /// Where the anchors came from.
    pub trust: Trust,
}

impl BasisArgs {
    /// Anchors from the files given, else from the installed bundle; the bundle's intermediates and CRLs help in either case. `command`
    /// begins the warnings.
    ///
    /// # Errors
    /// When a named file or policy cannot be used; when the installed bundle cannot be relied on and is needed.
    pub fn read(
        &self,
        installed: Result<Option<Bundle>, StoreError>,
        trust: &[PathBuf],
        at: Option<OffsetDateTime>,
        command: &str,
    ) -> anyhow::Result<Grounds> {
        let installed = match installed {
            Err(error) if !trust.is_empty() => {
                eprintln!("{command}: {error}");
                None
            }
            other => other?,
        };
        let clock = now();
        let time = at.unwrap_or(clock);
        let facts = installed.as_ref().map(|bundle| BundleFacts::new(bundle, time, clock));
        let mut anchors = Vec::new();
        let (source, mut evidence) = match (&installed, trust) {
            (None, []) => (Source::None, Evidence::default()),
            (Some(bundle), []) => {
                let evidence = bundle.payload().evidence();
                anchors.push(AnchorSource::new(Origin::Bundle(bundle.payload().number.to_string()), &evidence.anchors));
                (Source::Bundle, evidence)
            }
            (_, given) => {
                let mut evidence = Evidence::default();
                for (path, found) in material::certificates_by_file(given, command)? {
                    anchors.push(AnchorSource::new(Origin::File(path.display().to_string()), &found));
                    evidence.anchors.extend(found);
                }
                (Source::Given, evidence)
            }
        };
        match (source, &installed) {
            (Source::Bundle, _) => evidence.anchors_in_doubt = facts.as_ref().and_then(BundleFacts::doubt),
            (_, Some(bundle)) => bundle.payload().help(&mut evidence),
            (_, None) => {}
        }
        let policy = self.policy(installed.as_ref(), source)?;
        let trust = TrustFacts { source, anchors: evidence.anchors.len(), bundle: facts };
        let basis = Basis { trust, policy: PolicyFacts::from(&policy) };
        Ok(Grounds { evidence, policy, time, basis, trust: Trust { anchors } })
    }

    fn policy(&self, installed: Option<&Bundle>, source: Source) -> anyhow::Result<NamedPolicy> {
        let bundles = installed.and_then(|bundle| bundle.payload().policy.clone());
        match self.validation_policy.as_deref() {
            None if source == Source::Bundle => Ok(bundles.map_or_else(NamedPolicy::strict, Ok)?),
            None => Ok(NamedPolicy::strict()?),
            Some("bundle") => bundles.ok_or_else(|| anyhow!("the installed trust bundle has no validation policy")),
            Some(name) => policy(name, Path::new("")),
        }
    }
}

/// A policy by its name, or from a file; relative paths begin at `folder`.
///
/// # Errors
/// When the file cannot be read or is no policy.
pub fn policy(name: &str, folder: &Path) -> anyhow::Result<NamedPolicy> {
    match name {
        "strict" => Ok(NamedPolicy::strict()?),
        "vietnam" => Ok(NamedPolicy::vietnam()?),
        file => {
            let path = folder.join(file);
            let context = || format!("cannot use {} as a validation policy", path.display());
            let length = std::fs::metadata(&path).with_context(context)?.len();
            if length > u64::try_from(MAX_POLICY_BYTES)? {
                return Err(anyhow!("it is larger than {MAX_POLICY_BYTES} bytes")).with_context(context);
            }
            NamedPolicy::from_json(&std::fs::read(&path).with_context(context)?).with_context(context)
        }
    }
}
