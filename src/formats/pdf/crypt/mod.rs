//! Encrypted documents: reading them with a password, and writing an update in kind (ISO 32000-2 §7.6).
//!
//! Reading order: [`Crypt`] (the opened handler: strings and streams of objects in and out), `dictionary` (the encryption
//! dictionary and its crypt filters), `standard` (from a password to the file key), `password`, `cipher`.
//!
//! What is encrypted: strings and streams of indirect objects that stand in the file itself. What is not: objects inside an
//! object stream (their container is), cross-reference streams, the trailer, the encryption dictionary, and /Contents of
//! signature dictionaries, which must be readable before and after the rest is known.
//!
//! What this folder does not do: public-key security handlers, changing passwords or permissions, checking /Perms (who can
//! change the file can change it together with the rest; the signature is what protects it).

mod cipher;
mod dictionary;
mod password;
mod standard;
#[cfg(test)]
pub(crate) mod testing;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::PdfError;
use super::object::{Dict, Name, Object, ObjectId, PdfString};
use dictionary::{Filters, Method};
pub use password::Password;
pub use standard::Access;
use standard::{FileKey, MetadataStreams};

/// With crypt filters a file key has at least 128 bits. Writers that make one of 40 fill it up with zeros.
const SHORTEST_KEY: usize = 16;

/// An opened security handler.
pub struct Crypt {
    key: FileKey,
    filters: Filters,
    metadata: MetadataStreams,
    access: Access,
    permissions: Permissions,
    /// The encryption dictionary itself, whose strings are never encrypted.
    dictionary: Option<ObjectId>,
    file_id: Vec<u8>,
}

/// /P: what the user password permits (ISO 32000-2 table 22).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permissions(i32);

impl Permissions {
    /// Bit 4 (contents), 6 (annotations and fields) or 9 (fields, signature fields among them) is set: any of these is
    /// consent to what signing does.
    pub fn permit_signing(self) -> bool {
        self.0 & (1 << 3 | 1 << 5 | 1 << 8) != 0
    }
}

impl Crypt {
    /// Opens the handler that the encryption dictionary (resolved, undecrypted) describes.
    ///
    /// Without a password the empty one is tried. A document in which neither strings nor streams are encrypted (only its
    /// attachments are) opens with any.
    ///
    /// # Errors
    /// [`PdfError::PasswordNeeded`], [`PdfError::PasswordWrong`], [`PdfError::SecurityHandler`], or
    /// [`PdfError::Damaged`] when the dictionary cannot be used.
    pub(super) fn open(
        dict: &Dict,
        id: Option<ObjectId>,
        file_id: Vec<u8>,
        password: Option<&Password>,
    ) -> Result<Self, PdfError> {
        let filters = Filters::read(dict)?;
        let candidates = dictionary::standard(dict, &file_id)?;
        let empty = Password::empty();
        let mut opened = None;
        for standard in &candidates {
            // The document opens with the empty password whatever was given: the given one may be for another of a batch.
            for password in password.into_iter().chain([&empty]) {
                if opened.is_none() {
                    opened = standard.authenticate(password)?;
                }
            }
        }
        let (mut key, access) = match opened {
            Some(opened) => opened,
            None if filters.none_needed() => (FileKey::default(), Access::User),
            None if password.is_none() => return Err(PdfError::PasswordNeeded),
            None => return Err(PdfError::PasswordWrong),
        };
        if filters.pad_short_keys() && (1..SHORTEST_KEY).contains(&key.len()) {
            key.resize(SHORTEST_KEY, 0);
        }
        filters.fit(key.len())?;
        let first = candidates.first();
        let metadata = first.map_or(MetadataStreams::Encrypted, |standard| standard.metadata);
        let permissions = Permissions(first.map_or(-1, |standard| standard.permissions));
        Ok(Self { key, filters, metadata, access, permissions, dictionary: id, file_id })
    }

    pub fn access(&self) -> Access {
        self.access
    }

    pub fn permissions(&self) -> Permissions {
        self.permissions
    }

    /// First string of /ID as it entered the key; an update must keep it.
    pub(super) fn file_id(&self) -> &[u8] {
        &self.file_id
    }

    /// Decrypts the strings of an object that stands in the file under `id`.
    pub(super) fn open_strings(&self, id: ObjectId, object: &mut Object) {
        if self.exempt(id, object) {
            return;
        }
        let method = self.filters.strings;
        // Bytes no key explains stay as they are; what needs them says so.
        each_string(object, &mut |string| {
            if let Ok(plain) = self.decrypt(method, id, &string.bytes) {
                string.bytes = plain;
            }
        });
    }

    /// Encrypts the strings of an object that is to be written under `id`, except /Contents of signatures.
    ///
    /// # Errors
    /// [`PdfError::Damaged`] when the key does not fit the cipher.
    pub(super) fn seal_strings(&self, id: ObjectId, object: &mut Object) -> Result<(), PdfError> {
        let mut result = Ok(());
        if self.filters.strings == Method::Identity {
            return result;
        }
        each_string(object, &mut |string| match self.encrypt(self.filters.strings, id, &string.bytes) {
            Ok(sealed) => *string = PdfString::hex(sealed),
            Err(error) => result = Err(error),
        });
        result
    }

    /// Decrypts the raw data of the stream `id`. `own_filter` is the name its own /Crypt filter gives, if it has one.
    ///
    /// # Errors
    /// [`PdfError::Damaged`] for a crypt filter the file does not define.
    pub(super) fn open_stream(
        &self,
        id: ObjectId,
        dict: &Dict,
        own_filter: Option<Option<&Name>>,
        raw: &[u8],
    ) -> Result<Vec<u8>, PdfError> {
        self.decrypt(self.stream_method(dict, own_filter)?, id, raw)
    }

    /// Encrypts the data of a stream that is to be written under `id` without a /Crypt filter of its own.
    ///
    /// # Errors
    /// As [`Crypt::seal_strings`].
    pub(super) fn seal_stream(&self, id: ObjectId, dict: &Dict, data: &[u8]) -> Result<Vec<u8>, PdfError> {
        self.encrypt(self.stream_method(dict, None)?, id, data)
    }

    fn stream_method(&self, dict: &Dict, own_filter: Option<Option<&Name>>) -> Result<Method, PdfError> {
        if let Some(name) = own_filter {
            return self.filters.named(name);
        }
        let plain_metadata = dict.is_type("Metadata") && self.metadata == MetadataStreams::Plain;
        Ok(match dict.get("Type") {
            Some(kind) if kind.is_name("XRef") => Method::Identity,
            Some(kind) if kind.is_name("EmbeddedFile") => self.filters.embedded_files,
            _ if plain_metadata => Method::Identity,
            _ => self.filters.streams,
        })
    }

    fn exempt(&self, id: ObjectId, object: &Object) -> bool {
        let is_xref = object.as_stream().is_some_and(|stream| stream.dict.is_type("XRef"));
        is_xref || self.dictionary.is_some_and(|own| own.number == id.number)
    }

    fn decrypt(&self, method: Method, id: ObjectId, data: &[u8]) -> Result<Vec<u8>, PdfError> {
        match method {
            Method::Identity => Ok(data.to_vec()),
            Method::Rc4 => cipher::rc4(&self.object_key(method, id), data),
            Method::Aes128 | Method::Aes256 => cipher::aes_decrypt(&self.object_key(method, id), data),
        }
    }

    fn encrypt(&self, method: Method, id: ObjectId, data: &[u8]) -> Result<Vec<u8>, PdfError> {
        match method {
            Method::Identity => Ok(data.to_vec()),
            Method::Rc4 => cipher::rc4(&self.object_key(method, id), data),
            Method::Aes128 | Method::Aes256 => {
                cipher::aes_encrypt(&self.object_key(method, id), self.vector(id, data), data)
            }
        }
    }

    /// Algorithm 1 (each object its own key) and 1.A (the file key for all).
    fn object_key(&self, method: Method, id: ObjectId) -> FileKey {
        if method == Method::Aes256 {
            return self.key.clone();
        }
        let number = id.number.to_le_bytes();
        let mut hash = Md5::new_with_prefix(&*self.key);
        hash.update(number.get(..3).unwrap_or_default());
        hash.update(id.generation.to_le_bytes());
        if method == Method::Aes128 {
            hash.update(b"sAlT");
        }
        let mut key = FileKey::new(hash.finalize().to_vec());
        key.truncate((self.key.len() + 5).min(16));
        key
    }

    /// The initialisation vector of one string or stream: HMAC-SHA-256 under the file key over object and content.
    ///
    /// The pure core has no randomness. CBC needs vectors that cannot be told before the message is fixed; HMAC is a
    /// pseudo-random function of the whole content, so they cannot, and different contents get unrelated vectors (the
    /// synthetic vector of RFC 5297 §1.1). What is given up: writing the same content under the same object number twice gives
    /// the same bytes, so who sees both learns that they are equal. Who lacks the key learns nothing else, and the same request
    /// gives the same document, which is what makes a stage of signing repeatable.
    fn vector(&self, id: ObjectId, data: &[u8]) -> [u8; cipher::BLOCK] {
        let mut vector = [0; cipher::BLOCK];
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else { return vector };
        mac.update(b"kyso initialisation vector");
        mac.update(&id.number.to_be_bytes());
        mac.update(&id.generation.to_be_bytes());
        mac.update(data);
        for (slot, byte) in vector.iter_mut().zip(mac.finalize().into_bytes()) {
            *slot = byte;
        }
        vector
    }
}

/// Visits every string that encryption touches: all but the hexadecimal /Contents beside a /ByteRange.
fn each_string(object: &mut Object, visit: &mut impl FnMut(&mut PdfString)) {
    match object {
        Object::String(string) => visit(string),
        Object::Array(items) => items.iter_mut().for_each(|item| each_string(item, visit)),
        Object::Dict(dict) => each_in_dict(dict, visit),
        Object::Stream(stream) => each_in_dict(&mut stream.dict, visit),
        _ => {}
    }
}

fn each_in_dict(dict: &mut Dict, visit: &mut impl FnMut(&mut PdfString)) {
    let signature = dict.contains("ByteRange");
    for (key, value) in dict.iter_mut() {
        if !(signature && key.is("Contents")) {
            each_string(value, visit);
        }
    }
}

#[cfg(test)]
mod tests;
