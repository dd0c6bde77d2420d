//! Signed schema-1 manifests (libtrust's JWS): the payload inside, from which their digest is computed. Whether the
//! signatures are valid is checked by [`jws::verify`].

use base64::Engine as _;
use serde_json::{Map, Value};

use crate::error::{Code, Error, Result};

pub mod certificate;
pub(crate) mod chain;
pub(crate) mod convert;
pub mod jws;
pub mod manifest;
mod pem;
pub mod private;
pub mod public_key;
pub mod sign;

/// More signatures than any manifest has in practice.
const MOST_SIGNATURES: usize = 64;
/// Each signature covers the whole manifest: the most bytes hashed for all of them together.
const MOST_SIGNED: usize = 64 << 20;

/// Whether a document carries signatures.
pub(crate) fn is_signed(document: &Value) -> bool {
    document.get("signatures").is_some()
}

/// Whether bytes may be a signed manifest: a quick check without parsing.
pub(crate) fn may_be_signed(bytes: &[u8]) -> bool {
    let needle = b"\"signatures\"";
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// The payload: the beginning of the bytes, and a tail from the signatures, which must all agree on both.
pub(crate) fn payload(bytes: &[u8]) -> Result<Vec<u8>> {
    Ok(SignedManifest::new(bytes)?.payload)
}

#[derive(Debug, Clone, PartialEq)]
struct PayloadFormat {
    length: usize,
    tail: Vec<u8>,
}

/// A parsed signed manifest; its signatures are not verified yet.
struct SignedManifest {
    payload: Vec<u8>,
    format: PayloadFormat,
    signatures: Vec<Value>,
}

impl SignedManifest {
    fn new(bytes: &[u8]) -> Result<SignedManifest> {
        let mut document = crate::json::parse(bytes).map_err(|error| wrong(format!("it {}", error.verdict())))?;
        let list = document.as_object_mut().and_then(|members| members.shift_remove("signatures"));
        let Some(Value::Array(signatures)) = list else { return Err(wrong("it has no list of signatures")) };
        if signatures.is_empty() || signatures.len() > MOST_SIGNATURES {
            return Err(wrong(format!("it has {} signatures", signatures.len())));
        }
        if signatures.len().saturating_mul(bytes.len()) > MOST_SIGNED {
            return Err(wrong(format!("it has {} signatures over {} bytes", signatures.len(), bytes.len())));
        }
        let mut agreed: Option<PayloadFormat> = None;
        for signature in &signatures {
            let format = protected_format(&protected(signature)?)?;
            if agreed.as_ref().is_some_and(|known| *known != format) {
                return Err(wrong("its signatures are over different payloads"));
            }
            agreed = Some(format);
        }
        let format = agreed.ok_or_else(|| wrong("it has no signatures"))?;
        let head = bytes
            .get(..format.length)
            .ok_or_else(|| wrong(format!("its formatLength {} is beyond its {} bytes", format.length, bytes.len())))?;
        let payload = [head, &format.tail].concat();
        check_rest(&document, &payload)?;
        Ok(SignedManifest { payload, format, signatures })
    }
}

/// The digest covers only the payload, so the rest of the bytes must not say anything else (CVE-2014-8179): the
/// document must be the payload and its signatures.
fn check_rest(rest: &Value, payload: &[u8]) -> Result<()> {
    match crate::json::parse(payload) {
        Ok(signed @ Value::Object(_)) if signed == *rest => Ok(()),
        Ok(_) => Err(Error::new(Code::Signature, "the schema-1 manifest contains something other than what is signed")),
        Err(error) => Err(Error::new(Code::Signature, format!("the signed payload {}", error.verdict()))),
    }
}

/// The protected header of a signature.
fn protected(signature: &Value) -> Result<Map<String, Value>> {
    let text = text_of(signature, "protected")?;
    match crate::json::parse(&decode(text)?) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(wrong("a protected part is not a JSON object")),
        Err(error) => Err(wrong(format!("a protected part {}", error.verdict()))),
    }
}

fn text_of<'a>(signature: &'a Value, name: &str) -> Result<&'a str> {
    signature.get(name).and_then(Value::as_str).ok_or_else(|| wrong(format!("a signature has no {name} part")))
}

fn protected_format(protected: &Map<String, Value>) -> Result<PayloadFormat> {
    let length = protected.get("formatLength").and_then(Value::as_u64);
    let length = length.ok_or_else(|| wrong("a protected part has no formatLength"))?;
    // What no memory could hold, on a system of 32 bits, is beyond any payload.
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let tail = protected.get("formatTail").and_then(Value::as_str);
    let tail = decode(tail.ok_or_else(|| wrong("a protected part has no formatTail"))?)?;
    Ok(PayloadFormat { length, tail })
}

// libtrust's decoder ignores newlines and spaces, and accepts correct padding.
fn decode(text: &str) -> Result<Vec<u8>> {
    let clean: String = text.chars().filter(|c| !matches!(c, '\n' | ' ')).collect();
    let bare = if clean.len().is_multiple_of(4) { clean.trim_end_matches('=') } else { &clean };
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    engine.decode(bare).map_err(|_| wrong("a part of a signature is not base64url"))
}

fn encode(bytes: &[u8]) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

fn wrong(why: impl Into<String>) -> Error {
    Error::new(Code::Signature, format!("the signed schema-1 manifest is not accepted: {}", why.into()))
}

#[cfg(test)]
mod tests;
