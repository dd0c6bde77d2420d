//! Digests (OCI image-spec descriptor.md, "Digests"): a [`Digest`] can only be made by parsing or by hashing,
//! so that no unchecked text reaches a URL, a file name or a comparison.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256, Sha512};

use crate::text::shorten;

/// The registered hash algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Algorithm {
    Sha256,
    Sha512,
}

impl Algorithm {
    /// The name as it stands before the colon of a digest: `sha256` or `sha512`.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha512 => "sha512",
        }
    }

    fn hex_length(self) -> usize {
        match self {
            Algorithm::Sha256 => 64,
            Algorithm::Sha512 => 128,
        }
    }

    /// Hashes bytes that are in memory.
    pub fn digest(self, bytes: &[u8]) -> Digest {
        let mut hasher = Hasher::new(self);
        hasher.update(bytes);
        hasher.finish()
    }
}

impl FromStr for Algorithm {
    type Err = DigestError;

    fn from_str(name: &str) -> Result<Algorithm, DigestError> {
        match name {
            "sha256" => Ok(Algorithm::Sha256),
            "sha512" => Ok(Algorithm::Sha512),
            other => Err(DigestError::Algorithm(shorten(other))),
        }
    }
}

/// Why a string is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// The part before the colon is missing.
    #[error("the digest '{0}' has no 'algorithm:' part")]
    NoAlgorithm(String),
    /// The algorithm is neither sha256 nor sha512.
    #[error("the digest algorithm '{0}' is not supported (sha256 or sha512)")]
    Algorithm(String),
    /// The value has the wrong length for the algorithm.
    #[error("a {algorithm} digest has {expected} hexadecimal digits, not {found}")]
    Length {
        /// The name of the algorithm.
        algorithm: &'static str,
        /// The number of digits that the algorithm produces.
        expected: usize,
        /// The number of digits found.
        found: usize,
    },
    /// The value contains characters other than 0-9 and a-f.
    #[error("the digest '{0}' contains characters other than 0-9 and a-f")]
    Characters(String),
}

impl From<DigestError> for crate::error::Error {
    fn from(error: DigestError) -> Self {
        crate::error::Error::new(crate::error::Code::InvalidReference, error.to_string())
    }
}

/// An algorithm and its value in lower-case hexadecimal.
///
/// ```
/// use ocireg::digest::{Algorithm, Digest, Hasher};
///
/// let digest: Digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824".parse()?;
/// assert_eq!(digest, Algorithm::Sha256.digest(b"hello"));
///
/// // Bytes that come in pieces.
/// let mut hasher = Hasher::new(digest.algorithm());
/// hasher.update(b"hel");
/// hasher.update(b"lo");
/// assert_eq!(hasher.finish(), digest);
///
/// // Other spellings are refused.
/// assert!("sha256:2CF24".parse::<Digest>().is_err());
/// # Ok::<(), ocireg::error::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    algorithm: Algorithm,
    text: String,
}

impl Digest {
    /// The hash algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The value: lower-case hexadecimal digits, without the algorithm.
    pub fn hex(&self) -> &str {
        &self.text[self.algorithm.name().len() + 1..]
    }

    /// The whole text, `algorithm:hex`.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Digest, DigestError> {
        let Some((name, hex)) = text.split_once(':') else {
            return Err(DigestError::NoAlgorithm(shorten(text)));
        };
        let algorithm: Algorithm = name.parse()?;
        if hex.len() != algorithm.hex_length() {
            return Err(DigestError::Length {
                algorithm: algorithm.name(),
                expected: algorithm.hex_length(),
                found: hex.chars().count(),
            });
        }
        if !hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(DigestError::Characters(shorten(text)));
        }
        Ok(Digest { algorithm, text: text.to_owned() })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Hashes bytes incrementally.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    /// A hasher that has seen no bytes yet.
    pub fn new(algorithm: Algorithm) -> Hasher {
        Hasher(match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha512 => State::Sha512(Sha512::new()),
        })
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
    }

    /// The digest of all bytes added.
    pub fn finish(self) -> Digest {
        let (algorithm, value) = match self.0 {
            State::Sha256(state) => (Algorithm::Sha256, state.finalize().to_vec()),
            State::Sha512(state) => (Algorithm::Sha512, state.finalize().to_vec()),
        };
        let mut text = String::with_capacity(algorithm.name().len() + 1 + algorithm.hex_length());
        text.push_str(algorithm.name());
        text.push(':');
        for byte in value {
            for half in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
            }
        }
        Digest { algorithm, text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn hashing_gives_the_known_values() {
        assert_eq!(Algorithm::Sha256.digest(b"").as_str(), EMPTY);
        assert_eq!(
            Algorithm::Sha512.digest(b"abc").hex(),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        );
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(b"{");
        hasher.update(b"}");
        assert_eq!(hasher.finish().hex(), "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    }

    #[test]
    fn only_whole_digests_parse() {
        assert_eq!(EMPTY.parse::<Digest>().unwrap().to_string(), EMPTY);
        for (text, reason) in [
            ("", "no 'algorithm:'"),
            ("notadigest", "no 'algorithm:'"),
            ("md5:00", "not supported"),
            ("sha256:cafebabe", "64 hexadecimal digits, not 8"),
            (&EMPTY.to_uppercase(), "not supported"),
            (&EMPTY.replace('e', "E"), "other than 0-9"),
            (&EMPTY.replace("e3", "../"), "digits, not"),
            (&EMPTY.replace("e3", "/."), "other than 0-9"),
        ] {
            let error = text.parse::<Digest>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
