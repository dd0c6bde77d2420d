//! Content codings (RFC 9110 8.4.1): some servers and the proxies in front of them encode a body although none was
//! requested. Only gzip is decoded. Digests are computed over the decoded bytes.

use std::io::{ErrorKind, Read};

use bytes::Bytes;

use crate::error::{Code, Error, Result};
use crate::stream::gunzip::{gunzip, Gunzip};

/// How many bytes are decoded at once.
const PIECE: usize = 64 << 10;
/// How many times larger a body may become, beyond a first MiB: more is a bomb. The reader's own limits apply as well.
const GROWTH: u64 = 200;

/// Whether bytes begin as gzip does (RFC 1952 2.3.1); of its two first bytes one may have come alone.
pub(super) fn looks_like_gzip(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x1f) && bytes.get(1).is_none_or(|second| *second == 0x8b)
}

pub(super) enum Decoded {
    Bytes(Bytes),
    /// More input is needed.
    Hungry,
    /// The encoded body has ended properly.
    End,
}

pub(super) struct Decoder {
    gzip: Gunzip,
    taken: u64,
    given: u64,
}

impl Decoder {
    /// Whether a coding changes bytes. Other values that servers send there come from an upload, or name a
    /// character set, and mean nothing.
    pub(super) fn is_coding(name: &str) -> bool {
        let codings = ["br", "compress", "dcb", "dcz", "deflate", "exi", "pack200-gzip", "x-compress", "zstd"];
        let has =
            |coding: &str| codings.iter().chain(&["gzip", "x-gzip"]).any(|known| known.eq_ignore_ascii_case(coding));
        name.split(',').any(|coding| has(coding.trim()))
    }

    /// A decoder for a coding; None for an unknown one.
    pub(super) fn of(coding: &str) -> Option<Decoder> {
        let known = coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip");
        known.then(|| Decoder { gzip: gunzip(), taken: 0, given: 0 })
    }

    /// Feeds the next encoded bytes, or None for the end. The previous ones must have been decoded.
    pub(super) fn feed(&mut self, piece: Option<Bytes>) {
        self.taken += piece.as_ref().map_or(0, |piece| piece.len() as u64);
        self.gzip.get_mut().put(piece);
    }

    pub(super) fn step(&mut self) -> Result<Decoded> {
        if self.taken == 0 {
            // No bytes at all are an empty body, not a broken one.
            return Ok(if self.gzip.get_ref().is_over() { Decoded::End } else { Decoded::Hungry });
        }
        let mut bytes = vec![0; PIECE];
        match self.gzip.read(&mut bytes) {
            Ok(0) => Ok(Decoded::End),
            Ok(count) => {
                self.given += count as u64;
                if self.given > (1 << 20) + GROWTH * self.taken {
                    let message = format!("the encoded body becomes more than {GROWTH} times larger when decoded");
                    return Err(Error::new(Code::LimitExceeded, message));
                }
                bytes.truncate(count);
                Ok(Decoded::Bytes(bytes.into()))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Decoded::Hungry),
            // Cut off between two pieces: a new attempt may bring the rest.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Err(Error::new(Code::Network, "the encoded body ended in the middle"))
            }
            Err(error) => Err(Error::new(Code::Protocol, format!("the encoded body cannot be decoded: {error}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// Decodes a body that comes in pieces of so many bytes.
    fn decode(body: &[u8], size: usize) -> Result<Vec<u8>> {
        let mut decoder = Decoder::of("GZip").unwrap();
        let mut pieces = body.chunks(size).map(Bytes::copy_from_slice);
        let mut decoded = Vec::new();
        loop {
            match decoder.step()? {
                Decoded::Bytes(bytes) => decoded.extend_from_slice(&bytes),
                Decoded::Hungry => decoder.feed(pieces.next()),
                Decoded::End => return Ok(decoded),
            }
        }
    }

    #[test]
    fn pieces_of_every_size_are_decoded() {
        let bytes: Vec<u8> = (0..3000u32).flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_le_bytes()).collect();
        let body = gzip(&bytes);
        for size in [1, 2, 3, 10, 11, 100, 4096, body.len()] {
            assert!(decode(&body, size).unwrap() == bytes, "in pieces of {size}");
        }
        assert!(decode(b"", 1).unwrap().is_empty());
        assert!(decode(&gzip(b""), 1).unwrap().is_empty());
        assert_eq!(decode(&[gzip(b"two "), gzip(b"members")].concat(), 5).unwrap(), b"two members");
    }

    #[test]
    fn what_is_broken_is_an_error() {
        let body = gzip(b"some bytes that are encoded");
        let code = |body: &[u8]| decode(body, 7).map(|_| ()).unwrap_err().code();
        for end in 1..body.len() {
            assert_eq!(code(&body[..end]), Code::Network, "cut after {end}");
        }
        let mut wrong = body.clone();
        *wrong.last_mut().unwrap() ^= 1;
        assert_eq!(code(&wrong), Code::Protocol);
        assert_eq!(code(b"not encoded at all"), Code::Protocol);
        assert_eq!(code(&[body.as_slice(), b"something else behind"].concat()), Code::Protocol);
        assert!(Decoder::of("br").is_none());
    }

    #[test]
    fn bombs_do_not_go_off() {
        let bomb = gzip(&vec![0; 32 << 20]);
        assert_eq!(decode(&bomb, 4096).unwrap_err().code(), Code::LimitExceeded);
    }
}
