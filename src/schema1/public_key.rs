//! Public keys as in libtrust: EC and RSA, as JWK (RFC 7517), SubjectPublicKeyInfo and PEM, and their IDs.

use p256::ecdsa::signature::Verifier;
use p256::pkcs8::der::asn1::{BitStringRef, UintRef};
use p256::pkcs8::der::{AnyRef, Decode, Encode, Reader, SliceReader};
use p256::pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use p256::pkcs8::ObjectIdentifier;
use ring::signature::{self as rsa, RsaPublicKeyComponents};
use serde_json::{json, Value};

use super::{decode, encode, pem, wrong};
use crate::error::{Code, Error, Result};
use crate::text::shorten;

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

/// Accepted sizes of an RSA modulus, in bits.
const RSA_SIZES: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A key that can check a signature of schema 1, of one of the kinds that are accepted.
#[derive(Debug, Clone, PartialEq)]
pub enum PublicKey {
    /// An EC key on the curve P-256.
    P256(p256::ecdsa::VerifyingKey),
    /// An EC key on the curve P-384.
    P384(p384::ecdsa::VerifyingKey),
    /// An EC key on the curve P-521.
    P521(p521::ecdsa::VerifyingKey),
    /// An RSA key; both numbers are big-endian without leading zeros.
    Rsa {
        /// The modulus, as JWK calls it.
        n: Vec<u8>,
        /// The public exponent.
        e: Vec<u8>,
    },
}

impl PublicKey {
    /// The key in a signature's header. Its ID, if given, must be correct.
    pub fn from_jwk(jwk: &Value) -> Result<PublicKey> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let number = |name: &str| decode(text(name).ok_or_else(|| wrong(format!("its key has no {name}")))?);
        let key = match text("kty") {
            Some("EC") => point(text("crv").unwrap_or_default(), &number("x")?, &number("y")?)?,
            Some("RSA") => rsa_key(&number("n")?, &number("e")?)?,
            other => {
                return Err(wrong(format!("a key of type '{}' is not accepted", shorten(other.unwrap_or_default()))))
            }
        };
        let id = key.id()?;
        match jwk.get("kid") {
            None => Ok(key),
            Some(given) if given.as_str() == Some(id.as_str()) => Ok(key),
            Some(_) => Err(wrong(format!("the ID given for its key is not its own, {id}"))),
        }
    }

    /// The key in a SubjectPublicKeyInfo (RFC 5280).
    pub fn from_spki(der: &[u8]) -> Result<PublicKey> {
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| wrong("a public key is not valid DER"))?;
        let bits = info.subject_public_key.as_bytes().ok_or_else(|| wrong("a public key is not valid DER"))?;
        if info.algorithm.oid == RSA {
            let (n, e) = rsa_numbers(bits).map_err(|_| wrong("an RSA key is not valid DER"))?;
            return rsa_key(&n, &e);
        }
        match (info.algorithm.oid, info.algorithm.parameters_oid().ok()) {
            (EC, Some(P256)) => from_bits("P-256", bits),
            (EC, Some(P384)) => from_bits("P-384", bits),
            (EC, Some(P521)) => from_bits("P-521", bits),
            _ => Err(wrong("a public key is neither RSA nor on one of the curves P-256, P-384 and P-521")),
        }
    }

    /// The SubjectPublicKeyInfo, encoded as by Go: the key's ID is computed from it.
    pub fn to_spki(&self) -> Result<Vec<u8>> {
        match self {
            PublicKey::P256(key) => ec_spki(&P256, key.to_sec1_point(false).as_bytes()),
            PublicKey::P384(key) => ec_spki(&P384, key.to_sec1_point(false).as_bytes()),
            PublicKey::P521(key) => ec_spki(&P521, key.to_sec1_point(false).as_bytes()),
            PublicKey::Rsa { n, e } => rsa_spki(n, e),
        }
        .map_err(|error| Error::new(Code::Internal, format!("a public key cannot be written: {error}")))
    }

    /// The key as PEM text.
    pub fn to_pem(&self) -> Result<String> {
        Ok(pem::write("PUBLIC KEY", &self.to_spki()?))
    }

    /// libtrust's key ID: base32 of the first 30 bytes of the SHA-256 of the SubjectPublicKeyInfo, in 12 groups of 4.
    pub fn id(&self) -> Result<String> {
        use sha2::Digest as _;
        let hash = sha2::Sha256::digest(self.to_spki()?);
        let mut id = String::with_capacity(59);
        for five in hash.as_slice().chunks_exact(5).take(6) {
            let bits = five.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
            for place in (0..8).rev() {
                if id.len() % 5 == 4 {
                    id.push(':');
                }
                let digit = (bits >> (5 * place) & 31) as u8;
                id.push(char::from(if digit < 26 { b'A' + digit } else { b'2' + digit - 26 }));
            }
        }
        Ok(id)
    }

    /// The type of the key, `EC` or `RSA`.
    pub fn key_type(&self) -> &'static str {
        match self {
            PublicKey::Rsa { .. } => "RSA",
            _ => "EC",
        }
    }

    /// The curve of an EC key, such as `P-256`; None for RSA.
    pub fn curve(&self) -> Option<&'static str> {
        match self {
            PublicKey::P256(_) => Some("P-256"),
            PublicKey::P384(_) => Some("P-384"),
            PublicKey::P521(_) => Some("P-521"),
            PublicKey::Rsa { .. } => None,
        }
    }

    /// The result in the documented JSON shape.
    pub fn to_json(&self) -> Result<Value> {
        Ok(json!({
            "key_id": self.id()?,
            "key_type": self.key_type(),
            "crv": self.curve(),
            "public_key": self.to_pem()?,
        }))
    }

    /// The JWK of an EC key, with its ID, and its members in libtrust's order.
    pub fn to_jwk(&self) -> Result<Value> {
        let point = match self {
            PublicKey::P256(key) => key.to_sec1_point(false).as_bytes().to_vec(),
            PublicKey::P384(key) => key.to_sec1_point(false).as_bytes().to_vec(),
            PublicKey::P521(key) => key.to_sec1_point(false).as_bytes().to_vec(),
            PublicKey::Rsa { n, e } => {
                return Ok(json!({"e": encode(e), "kid": self.id()?, "kty": "RSA", "n": encode(n)}));
            }
        };
        let (x, y) = point.get(1..).unwrap_or_default().split_at(point.len() / 2);
        Ok(json!({"crv": self.curve(), "kid": self.id()?, "kty": "EC", "x": encode(x), "y": encode(y)}))
    }

    /// Checks a JWS signature (RFC 7518): the algorithm must fit this key.
    pub fn verify(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> Result<()> {
        let good = match (self, algorithm) {
            (PublicKey::P256(key), "ES256") => {
                p256::ecdsa::Signature::from_slice(signature).is_ok_and(|given| key.verify(message, &given).is_ok())
            }
            (PublicKey::P384(key), "ES384") => {
                p384::ecdsa::Signature::from_slice(signature).is_ok_and(|given| key.verify(message, &given).is_ok())
            }
            (PublicKey::P521(key), "ES512") => {
                p521::ecdsa::Signature::from_slice(signature).is_ok_and(|given| key.verify(message, &given).is_ok())
            }
            (PublicKey::Rsa { n, e }, "RS256" | "RS384" | "RS512") => {
                let scheme = match algorithm {
                    "RS256" => &rsa::RSA_PKCS1_2048_8192_SHA256,
                    "RS384" => &rsa::RSA_PKCS1_2048_8192_SHA384,
                    _ => &rsa::RSA_PKCS1_2048_8192_SHA512,
                };
                RsaPublicKeyComponents { n, e }.verify(scheme, message, signature).is_ok()
            }
            (_, "ES256" | "ES384" | "ES512" | "RS256" | "RS384" | "RS512") => {
                let kind = self.curve().unwrap_or("RSA");
                return Err(wrong(format!("the algorithm {algorithm} does not fit its {kind} key")));
            }
            _ => return Err(wrong(format!("the algorithm '{}' is not accepted", shorten(algorithm)))),
        };
        match good {
            true => Ok(()),
            false => Err(wrong(format!("the signature of the key {} does not verify", self.id()?))),
        }
    }
}

/// A point must be on its curve, and each coordinate must have the curve's length.
fn point(curve: &str, x: &[u8], y: &[u8]) -> Result<PublicKey> {
    let length = match curve {
        "P-256" => 32,
        "P-384" => 48,
        "P-521" => 66,
        other => return Err(wrong(format!("the curve '{}' is not accepted", shorten(other)))),
    };
    if x.len() != length || y.len() != length {
        return Err(wrong(format!("a coordinate of its {curve} key does not have {length} bytes")));
    }
    from_bits(curve, &[&[4], x, y].concat())
}

fn from_bits(curve: &str, bits: &[u8]) -> Result<PublicKey> {
    match curve {
        "P-256" => p256::ecdsa::VerifyingKey::from_sec1_bytes(bits).ok().map(PublicKey::P256),
        "P-384" => p384::ecdsa::VerifyingKey::from_sec1_bytes(bits).ok().map(PublicKey::P384),
        _ => p521::ecdsa::VerifyingKey::from_sec1_bytes(bits).ok().map(PublicKey::P521),
    }
    .ok_or_else(|| wrong(format!("its key is not a point on the curve {curve}")))
}

fn rsa_key(n: &[u8], e: &[u8]) -> Result<PublicKey> {
    let trim = |number: &[u8]| number.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
    let (n, e) = (trim(n), trim(e));
    let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
    if !RSA_SIZES.contains(&bits) {
        return Err(wrong(format!(
            "its RSA key has {bits} bits; {} to {} are accepted",
            RSA_SIZES.start(),
            RSA_SIZES.end()
        )));
    }
    // The limits of the crate that verifies.
    if e.len() > 5 || matches!(e.as_slice(), [] | [0..=2]) || e.last().is_some_and(|last| last % 2 == 0) {
        return Err(wrong("the exponent of its RSA key is out of range"));
    }
    Ok(PublicKey::Rsa { n, e })
}

type Der<T> = std::result::Result<T, p256::pkcs8::der::Error>;

fn rsa_numbers(der: &[u8]) -> Der<(Vec<u8>, Vec<u8>)> {
    let mut reader = SliceReader::new(der)?;
    let numbers = reader.sequence(|reader| {
        let (n, e) = (UintRef::decode(reader)?, UintRef::decode(reader)?);
        Der::Ok((n.as_bytes().to_vec(), e.as_bytes().to_vec()))
    })?;
    reader.finish()?;
    Ok(numbers)
}

fn ec_spki(curve: &ObjectIdentifier, bits: &[u8]) -> Der<Vec<u8>> {
    spki(AlgorithmIdentifierRef { oid: EC, parameters: Some(AnyRef::from(curve)) }, bits)
}

fn rsa_spki(n: &[u8], e: &[u8]) -> Der<Vec<u8>> {
    let mut numbers = UintRef::new(n)?.to_der()?;
    numbers.extend(UintRef::new(e)?.to_der()?);
    let sequence = AnyRef::new(p256::pkcs8::der::Tag::Sequence, &numbers)?.to_der()?;
    spki(AlgorithmIdentifierRef { oid: RSA, parameters: Some(AnyRef::NULL) }, &sequence)
}

fn spki(algorithm: AlgorithmIdentifierRef, bits: &[u8]) -> Der<Vec<u8>> {
    SubjectPublicKeyInfoRef { algorithm, subject_public_key: BitStringRef::from_bytes(bits)? }.to_der()
}
