use super::testing::{Protection, SCHEMES, Scheme};
use super::*;
use crate::formats::pdf::samples::Sample;
use crate::formats::pdf::{IncrementalUpdate, Limits, Pdf};

fn protected(protection: Protection<'_>) -> Vec<u8> {
    Sample::new()
        .object(4, "<</Length 4>>stream\nq (text) Q\nendstream")
        .object(5, "<</T(secret)/Nested[<</S <0102>>>]>>")
        .object(6, "<</ByteRange[0 1 2 3]/Contents<00ff>/Reason(why)>>")
        .finish_encrypted(protection)
}

fn open<'a>(file: &'a [u8], password: Option<&str>) -> Result<Pdf<'a>, PdfError> {
    Pdf::open_with(file, &Limits::default(), password.map(Password::new).as_ref())
}

fn string<'o>(object: &'o Object, key: &str) -> &'o [u8] {
    &object.as_dict().unwrap().get(key).unwrap().as_string().unwrap().bytes
}

#[test]
fn strings_and_streams_of_every_scheme_are_read() {
    for scheme in SCHEMES {
        let file = protected(Protection::open(scheme));
        assert!(!file.windows(6).any(|w| w == b"secret" || w == b"(text)"), "{scheme:?}");
        let pdf = open(&file, None).unwrap();
        let object = pdf.get(ObjectId::new(5, 0)).unwrap();
        assert_eq!(string(&object, "T"), b"secret", "{scheme:?}");
        let nested = object.as_dict().unwrap().get("Nested").unwrap().as_array().unwrap();
        assert_eq!(string(&nested[0], "S"), [1, 2]);
        let stream = pdf.get(ObjectId::new(4, 0)).unwrap();
        assert_eq!(pdf.decode(stream.as_stream().unwrap()).unwrap(), b"q (text) Q");
    }
}

#[test]
fn contents_of_a_signature_dictionary_is_never_touched() {
    for scheme in SCHEMES {
        let file = protected(Protection::open(scheme));
        assert!(file.windows(6).any(|w| w == b"<00ff>"), "written plain");
        let pdf = open(&file, None).unwrap();
        let signature = pdf.get(ObjectId::new(6, 0)).unwrap();
        assert_eq!((string(&signature, "Contents"), string(&signature, "Reason")), (&[0, 0xff][..], &b"why"[..]));
    }
}

#[test]
fn user_and_owner_password_open_and_others_do_not() {
    for scheme in SCHEMES {
        let file = protected(Protection { user: "user", ..Protection::open(scheme) });
        assert_eq!(open(&file, None).err(), Some(PdfError::PasswordNeeded), "{scheme:?}");
        assert_eq!(open(&file, Some("wrong")).err(), Some(PdfError::PasswordWrong), "{scheme:?}");
        for (password, access) in [("user", Access::User), ("owner", Access::Owner)] {
            let pdf = open(&file, Some(password)).unwrap();
            assert_eq!(pdf.crypt().unwrap().access(), access, "{scheme:?}");
            assert_eq!(string(&pdf.get(ObjectId::new(5, 0)).unwrap(), "T"), b"secret");
        }
    }
}

#[test]
fn needless_password_does_not_hinder() {
    let file = protected(Protection::open(Scheme::Aes128));
    assert!(open(&file, Some("whatever")).is_ok());
}

#[test]
fn update_is_encrypted_in_kind_and_read_back() {
    for scheme in SCHEMES {
        let file = protected(Protection::open(scheme));
        let pdf = open(&file, None).unwrap();
        let mut update = IncrementalUpdate::new(&pdf).unwrap();
        let (text, stream) = (update.allocate().unwrap(), update.allocate().unwrap());
        update.set(text, &Object::Dict(Dict::new().with("T", Object::String(PdfString::literal(*b"added text")))));
        update.set_stream(stream, Dict::new(), b"added data");
        let written = update.finish(b"seed").unwrap().bytes;
        assert!(!written.windows(5).any(|w| w == b"added"), "{scheme:?}");
        let whole = [file.as_slice(), &written].concat();
        let again = open(&whole, None).unwrap();
        assert_eq!(string(&again.get(text).unwrap(), "T"), b"added text");
        let object = again.get(stream).unwrap();
        assert_eq!(again.decode(object.as_stream().unwrap()).unwrap(), b"added data");
        assert_eq!(string(&again.get(ObjectId::new(5, 0)).unwrap(), "T"), b"secret");
        assert_eq!(
            again.trailer().get("ID").unwrap().as_array().unwrap()[0].as_string().unwrap().bytes,
            testing::FILE_ID
        );
    }
}

#[test]
fn vectors_differ_by_object_and_content() {
    let file = protected(Protection::open(Scheme::Aes256R6));
    let pdf = open(&file, None).unwrap();
    let crypt = pdf.crypt().unwrap();
    let vector = |number, data: &[u8]| crypt.vector(ObjectId::new(number, 0), data);
    assert_ne!(vector(1, b"a"), vector(2, b"a"));
    assert_ne!(vector(1, b"a"), vector(1, b"b"));
    assert_eq!(vector(1, b"a"), vector(1, b"a"));
}

fn dictionary(change: impl FnOnce(Dict) -> Dict) -> Result<Crypt, PdfError> {
    let dict = change(Protection::open(Scheme::Aes128).dictionary());
    Crypt::open(&dict, None, testing::FILE_ID.to_vec(), None)
}

#[test]
fn other_handlers_and_algorithms_are_named() {
    let named = |change: fn(Dict) -> Dict| match dictionary(change).err() {
        Some(PdfError::SecurityHandler(name)) => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(named(|dict| dict.with("Filter", Object::name("Adobe.PubSec"))), "/Adobe.PubSec");
    assert_eq!(named(|dict| dict.with("V", Object::Integer(3))), "/V 3");
    assert_eq!(named(|dict| dict.with("R", Object::Integer(7))), "/R 7");
    let rot13 = |dict: Dict| {
        let filter = Dict::new().with("CFM", Object::name("ROT13"));
        dict.with("CF", Object::Dict(Dict::new().with("StdCF", Object::Dict(filter))))
    };
    assert_eq!(named(rot13), "/CFM /ROT13");
}

#[test]
fn dictionary_without_its_strings_is_damaged() {
    let damaged = |change: fn(Dict) -> Dict| matches!(dictionary(change).err(), Some(PdfError::Damaged { .. }));
    assert!(damaged(|dict| dict.with("O", Object::Null)));
    assert!(damaged(|dict| dict.with("StmF", Object::name("Nowhere"))));
    assert!(damaged(|dict| dict.with("R", Object::Integer(6))));
}

#[test]
fn attachments_alone_encrypted_need_no_password() {
    let identity = |dict: Dict| dict.with("StmF", Object::name("Identity")).with("StrF", Object::name("Identity"));
    let opened = dictionary(|dict| identity(dict).with("U", Object::String(PdfString::hex([0; 32]))));
    assert!(opened.is_ok());
}

#[test]
fn streams_with_an_identity_filter_and_plain_metadata_stay_plain() {
    let crypt = dictionary(|dict| dict).unwrap();
    let (id, dict) = (ObjectId::new(7, 0), Dict::new().with("Type", Object::name("Metadata")));
    assert_eq!(crypt.open_stream(id, &dict, Some(None), b"plain").unwrap(), b"plain");
    assert_ne!(crypt.seal_stream(id, &dict, b"plain").unwrap(), b"plain");
    let plain = Crypt { metadata: MetadataStreams::Plain, ..crypt };
    assert_eq!(plain.seal_stream(id, &dict, b"plain").unwrap(), b"plain");
}

#[test]
fn permissions_are_read_bit_by_bit() {
    for (bits, permits) in [(-4, true), (-3904, false), (-3904 | 8, true), (-3904 | 32, true), (-3904 | 256, true)] {
        assert_eq!(Permissions(bits).permit_signing(), permits, "{bits}");
    }
}
