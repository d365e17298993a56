//! Encrypted files for tests, made the way a writer makes them.

use super::cipher;
use super::standard::{MetadataStreams, Revision, Standard, padded};
use super::{Crypt, Password};
use crate::formats::pdf::object::{Object, ObjectId, PdfString, Stream};
use crate::formats::pdf::parser::Parser;
use crate::formats::pdf::{Dict, Limits};

/// The ways of the standard handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Rc4With40,
    Rc4With128,
    Aes128,
    Aes256R5,
    Aes256R6,
}

pub(crate) const SCHEMES: [Scheme; 5] =
    [Scheme::Rc4With40, Scheme::Rc4With128, Scheme::Aes128, Scheme::Aes256R5, Scheme::Aes256R6];

pub(crate) const FILE_ID: &[u8] = b"0123456789abcdef";

/// What a file is protected with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Protection<'p> {
    pub scheme: Scheme,
    pub user: &'p str,
    pub owner: &'p str,
    /// /P.
    pub permissions: i32,
}

impl Protection<'_> {
    /// Opens without a password, permits everything.
    pub fn open(scheme: Scheme) -> Self {
        Self { scheme, user: "", owner: "owner", permissions: -4 }
    }

    /// The encryption dictionary.
    pub fn dictionary(&self) -> Dict {
        let (version, revision, length, method) = match self.scheme {
            Scheme::Rc4With40 => (1, Revision::R2, 5, None),
            Scheme::Rc4With128 => (2, Revision::R3, 16, None),
            Scheme::Aes128 => (4, Revision::R4, 16, Some("AESV2")),
            Scheme::Aes256R5 => (5, Revision::R5, 32, Some("AESV3")),
            Scheme::Aes256R6 => (5, Revision::R6, 32, Some("AESV3")),
        };
        let mut standard = Standard {
            revision,
            key_length: length,
            owner: padded(self.user.as_bytes()).to_vec(),
            user: Vec::new(),
            owner_key: Vec::new(),
            user_key: Vec::new(),
            permissions: self.permissions,
            metadata: MetadataStreams::Encrypted,
            file_id: FILE_ID.to_vec(),
        };
        if revision >= Revision::R5 {
            self.modern(&mut standard)
        } else {
            self.legacy(&mut standard)
        }
        let string = |bytes: &[u8]| Object::String(PdfString::hex(bytes));
        let number = |value: usize| Object::Integer(i64::try_from(value).unwrap());
        let mut dict = Dict::new()
            .with("Filter", Object::name("Standard"))
            .with("V", Object::Integer(version))
            .with("R", number(2 + revision as usize))
            .with("Length", number(8 * length))
            .with("P", Object::Integer(self.permissions.into()))
            .with("O", string(&standard.owner))
            .with("U", string(&standard.user));
        if let Some(method) = method {
            let filter = Dict::new().with("CFM", Object::name(method)).with("AuthEvent", Object::name("DocOpen"));
            dict.set("CF", Object::Dict(Dict::new().with("StdCF", Object::Dict(filter))));
            dict.set("StmF", Object::name("StdCF"));
            dict.set("StrF", Object::name("StdCF"));
        }
        if revision >= Revision::R5 {
            dict.set("OE", string(&standard.owner_key));
            dict.set("UE", string(&standard.user_key));
        }
        dict
    }

    fn legacy(&self, standard: &mut Standard) {
        // RC4 undoes itself: what recovers the user password from /O makes /O from it.
        standard.owner = standard.user_password(self.owner.as_bytes()).unwrap().to_vec();
        let key = standard.legacy_key(self.user.as_bytes());
        standard.user = standard.legacy_check(&key).unwrap().0;
        standard.user.resize(32, 0);
    }

    fn modern(&self, standard: &mut Standard) {
        let file_key = [0x42; 32];
        let side = |standard: &Standard, password: &str, salts: [&[u8; 8]; 2], user: &[u8]| {
            let hash = |salt| standard.hash(password.as_bytes(), salt, user).unwrap();
            let value = [hash(salts[0]).as_slice(), salts[0], salts[1]].concat();
            (value, cipher::wrap_key(&hash(salts[1]), &file_key))
        };
        let (user, user_key) = side(standard, self.user, [b"validate", b"the keys"], b"");
        let (owner, owner_key) = side(standard, self.owner, [b"VALIDATE", b"THE KEYS"], &user);
        (standard.user, standard.user_key, standard.owner, standard.owner_key) = (user, user_key, owner, owner_key);
    }

    /// A file of these objects (bodies in PDF syntax) with a classic table; /Root is object 1.
    pub fn file(&self, objects: &[(u32, String)]) -> Vec<u8> {
        let dictionary = self.dictionary();
        let crypt_id = ObjectId::new(90, 0);
        let password = Password::new(self.user);
        let crypt = Crypt::open(&dictionary, Some(crypt_id), FILE_ID.to_vec(), Some(&password)).unwrap();
        let mut file = b"%PDF-1.7\n".to_vec();
        let mut table = String::from("xref\n0 1\n0000000000 65535 f \n");
        let sealed = objects.iter().map(|(number, body)| (*number, seal(&crypt, ObjectId::new(*number, 0), body)));
        for (number, body) in sealed.chain([(crypt_id.number, Object::Dict(dictionary.clone()).to_bytes())]) {
            table.push_str(&format!("{number} 1\n{:010} 00000 n \n", file.len()));
            file.extend(format!("{number} 0 obj\n").bytes());
            file.extend(body);
            file.extend(b"\nendobj\n");
        }
        let at = file.len();
        let id = Object::String(PdfString::hex(FILE_ID)).to_bytes();
        let id = String::from_utf8(id).unwrap();
        let trailer = format!("trailer\n<</Size 91/Root 1 0 R/Encrypt 90 0 R/ID[{id}{id}]>>\nstartxref\n{at}\n%%EOF\n");
        file.extend(table.bytes().chain(trailer.bytes()));
        file
    }
}

fn seal(crypt: &Crypt, id: ObjectId, body: &str) -> Vec<u8> {
    let mut object = Parser::new(body.as_bytes(), 0, &Limits::default()).object().unwrap();
    crypt.seal_strings(id, &mut object).unwrap();
    let Some((_, rest)) = body.split_once("stream\n") else { return object.to_bytes() };
    let data = rest.strip_suffix("\nendstream").unwrap();
    let Object::Dict(dict) = object else { panic!("a stream has a dictionary") };
    let data = crypt.seal_stream(id, &dict, data.as_bytes()).unwrap();
    let dict = dict.with("Length", Object::Integer(i64::try_from(data.len()).unwrap()));
    let stream = Object::Stream(Box::new(Stream { dict, data: 0..0, id }));
    [stream.to_bytes(), b"\nstream\n".to_vec(), data, b"\nendstream".to_vec()].concat()
}
