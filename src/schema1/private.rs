//! Private keys, only on the curve P-256: generated, read and written as PEM, in PKCS#8 and SEC 1 format.

use p256::ecdsa::signature::Signer;
use p256::elliptic_curve::Generate;
use p256::pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding, ObjectIdentifier, PrivateKeyInfoRef};
use serde_json::Value;
use zeroize::Zeroizing;

use super::pem::{self, Block};
use super::public_key::PublicKey;
use crate::error::{Code, Error, Result};
use crate::options::{word, OptionValue};
use crate::text::shorten;

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// The format of a private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyFormat {
    /// PKCS#8, PKCS#8, `PRIVATE KEY` (RFC 5958).
    #[default]
    Pkcs8,
    /// SEC 1, `EC PRIVATE KEY` (RFC 5915), the format that libtrust writes.
    Sec1,
}

impl OptionValue for KeyFormat {
    fn read(value: Value) -> std::result::Result<KeyFormat, String> {
        word(value, &[("pkcs8", KeyFormat::Pkcs8), ("sec1", KeyFormat::Sec1)])
    }
}

/// A private key. It is wiped from memory when dropped, and never shown.
pub struct PrivateKey(p256::SecretKey);

impl PrivateKey {
    /// Generates a key from the system's random numbers.
    pub fn generate() -> Result<PrivateKey> {
        p256::SecretKey::try_generate()
            .map(PrivateKey)
            .map_err(|error| Error::new(Code::Internal, format!("the system provides no random numbers: {error}")))
    }

    /// The first private key in a PEM text.
    pub fn from_pem(text: &str) -> Result<PrivateKey> {
        let blocks = pem::blocks(text)?;
        let block = blocks.iter().find(|block| block.label.ends_with("PRIVATE KEY"));
        let Some(block) = block else {
            let label = blocks.first().map_or("", |block| block.label.as_str());
            let message = format!("there is no private key in the PEM text, but a block {}", shorten(label));
            return Err(Error::new(Code::InvalidArgument, message));
        };
        if block.encrypted {
            return Err(Error::new(Code::Unsupported, "the private key is encrypted")
                .with_hint("decrypt it first: openssl pkey -in KEY.pem -out PLAIN.pem"));
        }
        match block.label.as_str() {
            "PRIVATE KEY" => from_pkcs8(block),
            "EC PRIVATE KEY" => p256::SecretKey::from_sec1_der(&block.der).map(PrivateKey).map_err(|_| other_key("EC")),
            label => Err(other_key(label.trim_end_matches("PRIVATE KEY").trim())),
        }
    }

    /// The key as PEM text.
    pub fn to_pem(&self, format: KeyFormat) -> Result<Zeroizing<String>> {
        let failed = |why: String| Error::new(Code::Internal, format!("the private key cannot be written: {why}"));
        match format {
            KeyFormat::Pkcs8 => self.0.to_pkcs8_pem(LineEnding::LF).map_err(|error| failed(error.to_string())),
            KeyFormat::Sec1 => self.0.to_sec1_pem(LineEnding::LF).map_err(|error| failed(error.to_string())),
        }
    }

    /// The public key that belongs to it.
    pub fn public(&self) -> PublicKey {
        PublicKey::P256(self.0.public_key().into())
    }

    /// Signs with ES256: r and s, with the nonce of RFC 6979, so that equal messages have equal signatures.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: p256::ecdsa::Signature = p256::ecdsa::SigningKey::from(&self.0).sign(message);
        signature.to_bytes().to_vec()
    }
}

fn from_pkcs8(block: &Block) -> Result<PrivateKey> {
    let bad = || Error::new(Code::InvalidArgument, "the private key is not valid DER");
    let info = PrivateKeyInfoRef::try_from(block.der.as_slice()).map_err(|_| bad())?;
    if info.algorithm.oid != EC {
        return Err(other_key(if info.algorithm.oid.to_string() == "1.2.840.113549.1.1.1" { "RSA" } else { "other" }));
    }
    if info.algorithm.parameters_oid().ok() != Some(P256) {
        return Err(other_key("EC"));
    }
    p256::SecretKey::from_pkcs8_der(&block.der).map(PrivateKey).map_err(|_| bad())
}

fn other_key(kind: &str) -> Error {
    let message = format!("only EC keys on the curve P-256 can sign, not this {} key", shorten(kind));
    Error::new(Code::Unsupported, message)
        .with_hint("create one with ocireg_schema1_key, or: openssl ecparam -name prime256v1 -genkey -noout")
}

/// The public key in a PEM text: a `PUBLIC KEY`, or that of the P-256 private key in it.
pub fn public_key(text: &str) -> Result<PublicKey> {
    let invalid = |error: Error| error.with_code(Code::InvalidArgument);
    match pem::blocks(text)?.iter().find(|block| block.label == "PUBLIC KEY") {
        Some(block) => PublicKey::from_spki(&block.der).map_err(invalid),
        None => Ok(PrivateKey::from_pem(text)?.public()),
    }
}
