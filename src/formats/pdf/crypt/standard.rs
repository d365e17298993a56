//! The standard security handler: from a password to the file key (ISO 32000-2 §7.6.4, algorithms 2 to 13).

use md5::Md5;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::cipher;
use super::password::Password;
use crate::formats::pdf::PdfError;

/// Fills passwords up to 32 bytes (algorithm 2 step a).
const PADDING: [u8; 32] = [
    0x28, 0xbf, 0x4e, 0x5e, 0x4e, 0x75, 0x8a, 0x41, 0x64, 0x00, 0x4e, 0x56, 0xff, 0xfa, 0x01, 0x08, 0x2e, 0x2e, 0x00,
    0xb6, 0xd0, 0x68, 0x3e, 0x80, 0x2f, 0x0c, 0xa9, 0xfe, 0x64, 0x53, 0x69, 0x7a,
];

/// Whose password opened the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The permissions of /P hold.
    User,
    /// Everything is permitted.
    Owner,
}

/// /R of the encryption dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Revision {
    R2,
    R3,
    R4,
    R5,
    R6,
}

/// Whether /Metadata streams are encrypted like all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MetadataStreams {
    Encrypted,
    Plain,
}

/// What the encryption dictionary says about keys.
pub(super) struct Standard {
    pub revision: Revision,
    /// Length of the file key in bytes, for revisions before 5.
    pub key_length: usize,
    /// /O and /U: 32 bytes before revision 5, else 48 (hash, validation salt, key salt).
    pub owner: Vec<u8>,
    pub user: Vec<u8>,
    /// /OE and /UE, from revision 5 on.
    pub owner_key: Vec<u8>,
    pub user_key: Vec<u8>,
    pub permissions: i32,
    pub metadata: MetadataStreams,
    /// First string of the trailer's /ID; empty when there is none.
    pub file_id: Vec<u8>,
}

pub(super) type FileKey = Zeroizing<Vec<u8>>;

impl Standard {
    /// The file key, when the password is the owner's or the user's.
    ///
    /// # Errors
    /// [`PdfError::Damaged`] when the dictionary's strings cannot be used.
    pub fn authenticate(&self, password: &Password) -> Result<Option<(FileKey, Access)>, PdfError> {
        let modern = self.revision >= Revision::R5;
        for bytes in if modern { password.modern() } else { password.legacy() } {
            let found = if modern { self.modern(&bytes)? } else { self.legacy(&bytes)? };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Algorithms 6 and 7.
    fn legacy(&self, password: &[u8]) -> Result<Option<(FileKey, Access)>, PdfError> {
        let recovered = self.user_password(password)?;
        if let Some(key) = self.legacy_user(&recovered)? {
            return Ok(Some((key, Access::Owner)));
        }
        Ok(self.legacy_user(password)?.map(|key| (key, Access::User)))
    }

    fn legacy_user(&self, password: &[u8]) -> Result<Option<FileKey>, PdfError> {
        let key = self.legacy_key(password);
        let (expected, compared) = self.legacy_check(&key)?;
        let same = self.user.get(..compared).is_some_and(|user| expected.get(..compared) == Some(user));
        Ok(same.then_some(key))
    }

    /// Algorithm 2.
    pub fn legacy_key(&self, password: &[u8]) -> FileKey {
        let mut hash = Md5::new();
        hash.update(padded(password).as_slice());
        hash.update(self.owner.get(..32).unwrap_or(&self.owner));
        hash.update(self.permissions.to_le_bytes());
        hash.update(&self.file_id);
        if self.revision >= Revision::R4 && self.metadata == MetadataStreams::Plain {
            hash.update([0xff; 4]);
        }
        self.stretched(hash.finalize().to_vec(), self.key_length)
    }

    /// Hashes 50 times more from revision 3 on, and cuts to the length of the key.
    fn stretched(&self, digest: Vec<u8>, hashed: usize) -> FileKey {
        let mut key = Zeroizing::new(digest);
        if self.revision >= Revision::R3 {
            for _ in 0..50 {
                *key = Md5::digest(key.get(..hashed).unwrap_or(&key)).to_vec();
            }
        }
        key.truncate(self.key_length);
        key
    }

    /// Algorithms 4 and 5: what /U must begin with, and how many of its bytes count.
    pub fn legacy_check(&self, key: &[u8]) -> Result<(Vec<u8>, usize), PdfError> {
        if self.revision == Revision::R2 {
            return Ok((cipher::rc4(key, &PADDING)?, 32));
        }
        let hash = Md5::new_with_prefix(PADDING).chain_update(&self.file_id).finalize();
        let mut value = hash.to_vec();
        for round in 0..20u8 {
            value = cipher::rc4(&rotated(key, round), &value)?;
        }
        Ok((value, 16))
    }

    /// Algorithm 7 steps a and b: the user password an owner password leads to.
    pub fn user_password(&self, owner: &[u8]) -> Result<FileKey, PdfError> {
        let key = self.stretched(Md5::digest(padded(owner).as_slice()).to_vec(), 16);
        let mut value = Zeroizing::new(self.owner.get(..32).unwrap_or(&self.owner).to_vec());
        let rounds = if self.revision == Revision::R2 { 0..1u8 } else { 0..20 };
        for round in rounds.rev() {
            *value = cipher::rc4(&rotated(&key, round), &value)?;
        }
        Ok(value)
    }

    /// Algorithm 2.A.
    fn modern(&self, password: &[u8]) -> Result<Option<(FileKey, Access)>, PdfError> {
        let (Some(user), Some(owner)) = (self.user.get(..48), self.owner.get(..48)) else {
            return Err(PdfError::Damaged { what: "/O or /U of the encryption dictionary is too short", offset: 0 });
        };
        let sides = [(owner, user, &self.owner_key, Access::Owner), (user, &[][..], &self.user_key, Access::User)];
        for (hash, extra, wrapped, access) in sides {
            let part = |from: usize, to: usize| hash.get(from..to).unwrap_or_default();
            if self.hash(password, part(32, 40), extra)?.as_slice() == part(0, 32) {
                let intermediate = self.hash(password, part(40, 48), extra)?;
                let wrapped = wrapped.get(..32).unwrap_or(wrapped);
                return Ok(Some((cipher::unwrap_key(&intermediate, wrapped)?, access)));
            }
        }
        Ok(None)
    }

    /// SHA-256 in revision 5; algorithm 2.B in revision 6.
    pub fn hash(&self, password: &[u8], salt: &[u8], user: &[u8]) -> Result<FileKey, PdfError> {
        let hash = Sha256::new_with_prefix(password).chain_update(salt).chain_update(user).finalize();
        let mut key = Zeroizing::new(hash.to_vec());
        if self.revision == Revision::R5 {
            return Ok(key);
        }
        let mut round = 0u32;
        loop {
            let mut data = Zeroizing::new([password, &key, user].concat().repeat(64));
            let (aes_key, rest) = key.split_at_checked(16).unwrap_or_default();
            cipher::mix(aes_key, rest.get(..16).unwrap_or_default(), &mut data)?;
            // 256 leaves 1 when divided by 3, so a 16-byte number leaves what the sum of its bytes leaves.
            let first: u32 = data.iter().take(16).map(|byte| u32::from(*byte)).sum();
            *key = match first % 3 {
                0 => Sha256::digest(&*data).to_vec(),
                1 => Sha384::digest(&*data).to_vec(),
                _ => Sha512::digest(&*data).to_vec(),
            };
            round += 1;
            let last = data.last().map_or(0, |byte| u32::from(*byte));
            // The last byte is at most 255, so this ends after 287 rounds.
            if round >= 64 && last + 32 <= round {
                key.truncate(32);
                return Ok(key);
            }
        }
    }
}

pub(super) fn padded(password: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(password.iter().chain(&PADDING).take(32).copied().collect())
}

fn rotated(key: &[u8], round: u8) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(key.iter().map(|byte| byte ^ round).collect())
}
