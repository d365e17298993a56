//! Decoding of structural streams: cross-reference streams and object streams (ISO 32000-1 §7.4).
//!
//! FlateDecode with PNG and TIFF predictors, ASCIIHexDecode and ASCII85Decode; image filters and LZW are not needed here.

use flate2::{Decompress, FlushDecompress, Status};

use super::lexer::{hex_value, is_white};
use super::object::{Dict, Object};
use super::{Limits, PdfError, damaged};

/// Decoded bytes, and whether the data was complete and its checksum right.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    pub bytes: Vec<u8>,
    pub complete: bool,
}

/// One filter of a chain with its (already resolved, direct) parameters.
pub(super) struct Filter {
    pub name: Vec<u8>,
    pub parameters: Option<Dict>,
}

/// Decodes `raw` through `filters`, never producing more than `max` bytes at any stage.
///
/// # Errors
/// [`PdfError::TooLarge`] beyond `max` or for a chain longer than the limit, [`PdfError::Damaged`] for an unknown
/// filter or data that yields nothing.
pub(super) fn decode(raw: &[u8], filters: &[Filter], max: usize, limits: &Limits) -> Result<Decoded, PdfError> {
    if filters.len() > limits.filters {
        return Err(PdfError::too_large("filters of a stream", limits.filters));
    }
    let mut decoded = Decoded { bytes: Vec::new(), complete: true };
    let mut input = raw;
    for filter in filters {
        let mut next = match filter.name.as_slice() {
            b"FlateDecode" | b"Fl" => inflate(input, max)?,
            b"ASCIIHexDecode" | b"AHx" => Decoded { bytes: ascii_hex(input), complete: true },
            b"ASCII85Decode" | b"A85" => Decoded { bytes: ascii85(input), complete: true },
            // The reader decrypted already, by the filter this one names.
            b"Crypt" => Decoded { bytes: input.to_vec(), complete: true },
            _ => return damaged("a structural stream uses a filter that is not supported", 0),
        };
        if let Some(parameters) = &filter.parameters {
            next.bytes = undo_predictor(next.bytes, parameters)?;
        }
        next.complete &= decoded.complete;
        decoded = next;
        input = &decoded.bytes;
    }
    if filters.is_empty() {
        if raw.len() > max {
            return Err(PdfError::too_large("decoded bytes of a stream", max));
        }
        decoded.bytes = raw.to_vec();
    }
    Ok(decoded)
}

fn inflate(input: &[u8], max: usize) -> Result<Decoded, PdfError> {
    let mut bytes: Vec<u8> = Vec::with_capacity(input.len().saturating_mul(3).clamp(1024, max.max(1024)));
    let mut state = Decompress::new(true);
    loop {
        let consumed = usize::try_from(state.total_in()).unwrap_or(usize::MAX);
        let rest = input.get(consumed..).unwrap_or_default();
        let before = (state.total_in(), bytes.len());
        let status = state.decompress_vec(rest, &mut bytes, FlushDecompress::None);
        if bytes.len() > max {
            return Err(PdfError::too_large("decoded bytes of a stream", max));
        }
        match status {
            Ok(Status::StreamEnd) => return Ok(Decoded { bytes, complete: true }),
            Ok(_) if bytes.len() == bytes.capacity() => bytes.reserve(bytes.len().max(1024)),
            Ok(_) if before != (state.total_in(), bytes.len()) => {}
            _ if bytes.is_empty() => return damaged("compressed data cannot be read", 0),
            _ => return Ok(Decoded { bytes, complete: false }),
        }
    }
}

fn ascii_hex(input: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = input.iter().take_while(|b| **b != b'>').filter_map(|b| hex_value(*b)).collect();
    digits
        .chunks(2)
        .map(|pair| pair.iter().take(2).fold(0, |byte, d| byte << 4 | d) << (4 * (pair.len() % 2)))
        .collect()
}

fn ascii85(input: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(input.len() / 5 * 4);
    let mut group = Vec::with_capacity(5);
    for &byte in input.iter().filter(|b| !is_white(**b)).take_while(|b| **b != b'~') {
        match byte {
            b'z' if group.is_empty() => bytes.extend([0; 4]),
            b'!'..=b'u' => group.push(byte - b'!'),
            _ => break,
        }
        if group.len() == 5 {
            bytes.extend(group85(&group));
            group.clear();
        }
    }
    if group.len() > 1 {
        let keep = group.len() - 1;
        group.resize(5, 84);
        bytes.extend(group85(&group).into_iter().take(keep));
    }
    bytes
}

fn group85(group: &[u8]) -> [u8; 4] {
    group.iter().fold(0u32, |value, digit| value.wrapping_mul(85).wrapping_add(u32::from(*digit))).to_be_bytes()
}

fn undo_predictor(bytes: Vec<u8>, parameters: &Dict) -> Result<Vec<u8>, PdfError> {
    let number = |key, default| parameters.get(key).and_then(Object::as_integer).unwrap_or(default);
    let predictor = number("Predictor", 1);
    if predictor == 1 {
        return Ok(bytes);
    }
    let dimension = |key, default, max| {
        let value = number(key, default);
        usize::try_from(value).ok().filter(|v| (1..=max).contains(v))
    };
    // 32 components and 2^20 columns are beyond any structural stream, whose rows are a few bytes wide.
    let shape = (dimension("Colors", 1, 32), dimension("BitsPerComponent", 8, 16), dimension("Columns", 1, 1 << 20));
    let (Some(colors), Some(bits), Some(columns)) = shape else {
        return damaged("predictor parameters are out of bounds", 0);
    };
    let pixel = (colors * bits).div_ceil(8);
    let row = (colors * bits * columns).div_ceil(8);
    match predictor {
        2 if bits == 8 => Ok(tiff(bytes, row, colors)),
        10..=15 => Ok(png(&bytes, row, pixel)),
        _ => damaged("the predictor is not supported", 0),
    }
}

fn tiff(mut bytes: Vec<u8>, row: usize, colors: usize) -> Vec<u8> {
    for line in bytes.chunks_mut(row) {
        for at in colors..line.len() {
            let left = line.get(at - colors).copied().unwrap_or(0);
            if let Some(byte) = line.get_mut(at) {
                *byte = byte.wrapping_add(left);
            }
        }
    }
    bytes
}

fn png(bytes: &[u8], row: usize, pixel: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut previous = vec![0u8; row];
    let mut current = vec![0u8; row];
    for line in bytes.chunks(row + 1) {
        let Some((&kind, data)) = line.split_first() else { break };
        for at in 0..data.len() {
            let back = |line: &[u8]| at.checked_sub(pixel).and_then(|i| line.get(i).copied()).unwrap_or(0);
            let (left, up, corner) = (back(&current), previous.get(at).copied().unwrap_or(0), back(&previous));
            let guess = match kind {
                1 => left,
                2 => up,
                3 => u8::try_from((u16::from(left) + u16::from(up)) / 2).unwrap_or(0),
                4 => paeth(left, up, corner),
                _ => 0,
            };
            if let (Some(slot), Some(byte)) = (current.get_mut(at), data.get(at)) {
                *slot = byte.wrapping_add(guess);
            }
        }
        out.extend_from_slice(current.get(..data.len()).unwrap_or_default());
        std::mem::swap(&mut previous, &mut current);
    }
    out
}

fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let (a, b, c) = (i16::from(left), i16::from(up), i16::from(corner));
    let estimate = a + b - c;
    let (da, db, dc) = ((estimate - a).abs(), (estimate - b).abs(), (estimate - c).abs());
    if da <= db && da <= dc {
        left
    } else if db <= dc {
        up
    } else {
        corner
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn deflate(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn filter(name: &str, parameters: Option<Dict>) -> Filter {
        Filter { name: name.as_bytes().to_vec(), parameters }
    }

    #[test]
    fn flate_with_png_up_predictor_is_undone() {
        let parameters = Dict::new().with("Predictor", Object::Integer(12)).with("Columns", Object::Integer(3));
        let raw = deflate(&[2, 1, 2, 3, 2, 1, 1, 1]);
        let decoded = decode(&raw, &[filter("FlateDecode", Some(parameters))], 100, &Limits::default()).unwrap();
        assert_eq!(decoded, Decoded { bytes: vec![1, 2, 3, 2, 3, 4], complete: true });
    }

    #[test]
    fn bomb_stops_at_the_limit() {
        let raw = deflate(&vec![0; 1 << 20]);
        let result = decode(&raw, &[filter("FlateDecode", None)], 1 << 16, &Limits::default());
        assert_eq!(result, Err(PdfError::too_large("decoded bytes of a stream", 1 << 16)));
    }

    #[test]
    fn truncated_flate_is_incomplete_and_garbage_is_damaged() {
        let raw = deflate(&(0..=255u8).cycle().take(5000).collect::<Vec<_>>());
        let cut = decode(&raw[..raw.len() - 6], &[filter("Fl", None)], 10_000, &Limits::default()).unwrap();
        assert!(!cut.complete && !cut.bytes.is_empty());
        assert!(decode(b"garbage!", &[filter("Fl", None)], 10_000, &Limits::default()).is_err());
    }

    #[test]
    fn ascii_filters_chain() {
        let chain = [filter("ASCIIHexDecode", None), filter("ASCII85Decode", None)];
        let decoded = decode(b"38 37 63 55 52 44 5D 69 2C 22 7E3E>", &chain, 100, &Limits::default()).unwrap();
        assert_eq!(decoded.bytes, b"Hello Wo");
        assert_eq!(ascii_hex(b"417>"), b"Ap");
    }

    #[test]
    fn thousand_filters_are_refused() {
        let chain: Vec<_> = (0..1000).map(|_| filter("ASCIIHexDecode", None)).collect();
        assert_eq!(
            decode(b"41>", &chain, 100, &Limits::default()),
            Err(PdfError::too_large("filters of a stream", Limits::default().filters))
        );
    }
}
