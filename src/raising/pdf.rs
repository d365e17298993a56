//! Raising a PDF's signatures: document time-stamps and the document security store, each an incremental update.

use time::OffsetDateTime;

use super::inventory::{Wanted, gen_time};
use super::{Growing, RaiseError, Raised, Raiser};
use crate::formats::cms::ValidationData;
use crate::formats::level::Baseline;
use crate::formats::pdf::dss::SecurityStore;
use crate::formats::pdf::{Limits, Pdf, SignatureKind, signature};
use crate::signing::augment::dss::{self, Material};
use crate::signing::{Prepared, embed, prepare_time_stamp};
use crate::validation::blocks::x509::Purpose;
use crate::validation::evidence;

/// One signature or document time-stamp as raising sees it.
struct Found {
    contents: Vec<u8>,
    wanted: Wanted,
    /// A time-stamp proves when it existed: inside, or a later one over the document.
    stamped: bool,
}

impl Raiser<'_> {
    /// Raises every signature of the document to `level` at least, by appending to it. On a document that has the level
    /// already, B-LTA is renewed: the material of its newest time-stamp is added, and a new time-stamp over it.
    pub async fn pdf(&self, document: &mut Growing, level: Baseline) -> Raised {
        let mut reached = Baseline::B;
        let problem = self.climb(document, level, &mut reached).await.err();
        Raised { reached, problem }
    }

    async fn climb(&self, document: &mut Growing, level: Baseline, reached: &mut Baseline) -> Result<(), RaiseError> {
        let found = inventory(document.bytes())?;
        let stamped = found.iter().all(|one| one.stamped);
        if level >= Baseline::T && !stamped {
            self.stamp_pdf(document).await?;
        }
        *reached = level.min(Baseline::T);
        if level < Baseline::Lt {
            return Ok(());
        }
        // A time-stamp just made needs its own material too.
        let found = if stamped { found } else { inventory(document.bytes())? };
        self.store(document, &found).await?;
        *reached = Baseline::Lt;
        if level == Baseline::Lta {
            self.stamp_pdf(document).await?;
            *reached = Baseline::Lta;
        }
        Ok(())
    }

    /// Appends a document time-stamp.
    async fn stamp_pdf(&self, document: &mut Growing) -> Result<(), RaiseError> {
        let capacity = self.token_capacity().await?;
        let algorithm = self.trust.settings().imprint;
        let prepared = prepare_stamp(document.bytes(), capacity)?;
        let token = self.stamp_digest(prepared.digest(document.bytes(), algorithm)?).await?;
        document.append(&embed(&prepared, token.der())?)?;
        Ok(())
    }

    /// Appends what the signatures' paths lack in the store.
    async fn store(&self, document: &mut Growing, found: &[Found]) -> Result<(), RaiseError> {
        let mut materials = Vec::with_capacity(found.len());
        for one in found {
            materials.push(self.material(&one.wanted).await?);
        }
        if let Some(update) = store_update(document.bytes(), found, &materials)? {
            document.append(&update)?;
        }
        Ok(())
    }
}

fn open(bytes: &[u8]) -> Result<Pdf<'_>, RaiseError> {
    Ok(Pdf::open(bytes, &Limits::default())?)
}

fn prepare_stamp(bytes: &[u8], capacity: usize) -> Result<Prepared, RaiseError> {
    Ok(prepare_time_stamp(&open(bytes)?, capacity)?)
}

fn store_update(bytes: &[u8], found: &[Found], materials: &[ValidationData]) -> Result<Option<Vec<u8>>, RaiseError> {
    let material = |(one, values)| {
        let Found { contents, .. }: &Found = one;
        Material { contents, values }
    };
    let materials: Vec<Material<'_>> = found.iter().zip(materials).map(material).collect();
    Ok(dss::add(&open(bytes)?, &materials)?)
}

/// All signatures and document time-stamps, each with what it needs.
fn inventory(bytes: &[u8]) -> Result<Vec<Found>, RaiseError> {
    let pdf = open(bytes)?;
    let store = SecurityStore::read(&pdf).map(|store| evidence::of_store(&store)).unwrap_or_default();
    let dictionaries = signature::signatures(&pdf)?;
    if dictionaries.is_empty() {
        return Err(RaiseError::NoSignature);
    }
    let ends: Vec<(usize, OffsetDateTime)> = dictionaries
        .iter()
        .filter(|dictionary| dictionary.kind == SignatureKind::DocumentTimestamp)
        .filter_map(|dictionary| Some((dictionary.byte_range.covered_end()?, gen_time(&dictionary.contents)?)))
        .collect();
    let read = |dictionary: signature::SignatureDictionary| {
        let end = dictionary.byte_range.covered_end().unwrap_or(usize::MAX);
        let proven = ends.iter().filter(|(covered, _)| *covered > end).map(|(_, time)| *time).min();
        let (purpose, own) = match dictionary.kind {
            SignatureKind::Signature => (Purpose::DocumentSigning, Wanted::is_stamped(&dictionary.contents)),
            // A time-stamp is its own proof of the time.
            SignatureKind::DocumentTimestamp => (Purpose::TimeStamping, true),
        };
        let mut wanted = Wanted::read(&dictionary.contents, purpose, proven)?;
        super::add(&mut wanted.known, store.clone());
        Ok(Found { contents: dictionary.contents, wanted, stamped: own || proven.is_some() })
    };
    dictionaries.into_iter().map(read).collect()
}
