//! The ciphers PDF uses, with its way of padding and carrying initialisation vectors (ISO 32000-2 §7.6.3).

use aes::{Aes128, Aes256};
use cbc::cipher::block_padding::{NoPadding, Pkcs7};
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use cbc::{Decryptor, Encryptor};
use rc4::{KeyInit, Rc4, StreamCipher};
use zeroize::Zeroizing;

use crate::formats::pdf::PdfError;

/// Bytes of one AES block, and of the initialisation vector in front of the data.
pub(super) const BLOCK: usize = 16;

/// RC4 with a key of 5 to 16 bytes; encrypting and decrypting are the same.
///
/// # Errors
/// [`PdfError::Damaged`] for a key of another length.
pub(super) fn rc4(key: &[u8], data: &[u8]) -> Result<Vec<u8>, PdfError> {
    let mut data = data.to_vec();
    Rc4::new_from_slice(key).map_err(|_| bad_key())?.apply_keystream(&mut data);
    Ok(data)
}

/// AES-CBC, by the length of the key. Data that is no whole number of blocks loses its tail, and padding that is none is
/// left in place: writers slip here, and the bytes are not authenticated anyway.
///
/// # Errors
/// [`PdfError::Damaged`] for a key of another length than 16 or 32 bytes.
pub(super) fn aes_decrypt(key: &[u8], data: &[u8]) -> Result<Vec<u8>, PdfError> {
    let Some((iv, blocks)) = data.split_at_checked(BLOCK) else { return Ok(Vec::new()) };
    let mut plain = blocks.get(..blocks.len() - blocks.len() % BLOCK).unwrap_or_default().to_vec();
    cbc_decrypt(key, iv, &mut plain)?;
    let padding = plain.last().map_or(0, |byte| usize::from(*byte));
    let kept = plain.len().checked_sub(padding).filter(|_| (1..=BLOCK).contains(&padding));
    plain.truncate(kept.unwrap_or(plain.len()));
    Ok(plain)
}

/// AES-CBC with PKCS #7 padding; the vector stands in front of the result.
///
/// # Errors
/// As [`aes_decrypt`].
pub(super) fn aes_encrypt(key: &[u8], iv: [u8; BLOCK], data: &[u8]) -> Result<Vec<u8>, PdfError> {
    let mut out = Vec::with_capacity(data.len() + 2 * BLOCK);
    out.extend_from_slice(&iv);
    out.extend_from_slice(data);
    out.resize(BLOCK + (data.len() / BLOCK + 1) * BLOCK, 0);
    let buffer = out.get_mut(BLOCK..).unwrap_or_default();
    let done = match key.len() {
        16 => Encryptor::<Aes128>::new_from_slices(key, &iv)
            .ok()
            .and_then(|e| e.encrypt_padded::<Pkcs7>(buffer, data.len()).ok().map(<[u8]>::len)),
        32 => Encryptor::<Aes256>::new_from_slices(key, &iv)
            .ok()
            .and_then(|e| e.encrypt_padded::<Pkcs7>(buffer, data.len()).ok().map(<[u8]>::len)),
        _ => None,
    };
    done.map(|_| out).ok_or_else(bad_key)
}

/// AES-256-CBC over whole blocks with a vector of zeros: how /OE and /UE hold the file key.
///
/// # Errors
/// [`PdfError::Damaged`] when key or data have another length than 32 bytes.
pub(super) fn unwrap_key(key: &[u8], data: &[u8]) -> Result<Zeroizing<Vec<u8>>, PdfError> {
    let mut plain = Zeroizing::new(data.to_vec());
    cbc_decrypt(key, &[0; BLOCK], &mut plain)?;
    Ok(plain)
}

/// AES-128-CBC over whole blocks, in place: the mixing step of algorithm 2.B.
///
/// # Errors
/// [`PdfError::Damaged`] when key, vector or data have a wrong length.
pub(super) fn mix(key: &[u8], iv: &[u8], data: &mut [u8]) -> Result<(), PdfError> {
    let length = data.len();
    let encryptor = Encryptor::<Aes128>::new_from_slices(key, iv).map_err(|_| bad_key())?;
    encryptor.encrypt_padded::<NoPadding>(data, length).map(|_| ()).map_err(|_| bad_key())
}

fn cbc_decrypt(key: &[u8], iv: &[u8], blocks: &mut [u8]) -> Result<(), PdfError> {
    let done = match key.len() {
        16 => Decryptor::<Aes128>::new_from_slices(key, iv)
            .ok()
            .and_then(|d| d.decrypt_padded::<NoPadding>(blocks).ok().map(<[u8]>::len)),
        32 => Decryptor::<Aes256>::new_from_slices(key, iv)
            .ok()
            .and_then(|d| d.decrypt_padded::<NoPadding>(blocks).ok().map(<[u8]>::len)),
        _ => None,
    };
    done.map(|_| ()).ok_or_else(bad_key)
}

fn bad_key() -> PdfError {
    PdfError::Damaged { what: "an encryption key has a wrong length", offset: 0 }
}

/// Wraps a file key as /UE and /OE hold it.
#[cfg(test)]
pub(super) fn wrap_key(key: &[u8], file_key: &[u8]) -> Vec<u8> {
    let mut data = file_key.to_vec();
    let encryptor = Encryptor::<Aes256>::new_from_slices(key, &[0; BLOCK]).expect("256-bit key");
    encryptor.encrypt_padded::<NoPadding>(&mut data, 32).expect("whole blocks");
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rc4_gives_the_published_stream() {
        assert_eq!(rc4(b"Key", b"Plaintext").unwrap(), [0xbb, 0xf3, 0x16, 0xe8, 0xd9, 0x40, 0xaf, 0x0a, 0xd3]);
        assert!(rc4(b"", b"x").is_err());
    }

    #[test]
    fn aes_comes_back_for_every_length_of_the_last_block() {
        for key in [&[7u8; 16][..], &[7u8; 32]] {
            for length in 0..33 {
                let data = vec![0x55; length];
                let sealed = aes_encrypt(key, [9; BLOCK], &data).unwrap();
                assert_eq!(sealed.len(), BLOCK + (length / BLOCK + 1) * BLOCK);
                assert_eq!(aes_decrypt(key, &sealed).unwrap(), data);
            }
        }
        assert!(aes_encrypt(&[0; 24], [0; BLOCK], b"").is_err());
    }

    #[test]
    fn cut_data_and_wrong_padding_give_bytes_not_errors() {
        assert_eq!(aes_decrypt(&[0; 16], b"short").unwrap(), b"");
        let sealed = aes_encrypt(&[1; 16], [0; BLOCK], &[0; 40]).unwrap();
        assert_eq!(aes_decrypt(&[1; 16], &sealed[..sealed.len() - 1]).unwrap(), [0; 32]);
    }
}
