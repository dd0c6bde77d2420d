//! Verifying: every signature of a manifest must be valid, and the caller may require certain signers.
//!
//! A valid signature alone proves that nothing was changed, but nothing about the signer: the key is in the manifest.

use serde::Serialize;
use serde_json::{json, Value};

use super::certificate::{Authorities, Chain};
use super::manifest::Schema1Manifest;
use super::private::public_key;
use super::public_key::PublicKey;
use super::{decode, protected, text_of, wrong, SignedManifest};
use crate::digest::{Algorithm, Digest};
use crate::error::{Code, Error, Result};
use crate::text::shorten;

/// The signers that a caller requires. Without any requirement, every valid signature is accepted.
#[derive(Debug, Clone, Default)]
pub struct RequiredSigners {
    /// Keys that must all have signed: key IDs, or public keys as PEM texts.
    pub keys: Vec<String>,
    /// Authorities, one of which must have certified a signature; None for no requirement.
    pub authorities: Option<Authorities>,
}

/// One valid signature.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Signature {
    /// libtrust's ID of the key.
    pub key_id: String,
    /// The type of the key, The type of the key, `EC` or `RSA`.
    pub key_type: &'static str,
    /// The JWS algorithm, such as `ES256`.
    pub algorithm: String,
    /// Whether the key came in a certificate.
    pub x5c: bool,
    /// The subject of the certificate; None without one.
    pub subject: Option<String>,
    /// When it was made, according to the signer.
    pub time: Option<String>,
    /// Whether the caller required this key or its authority.
    pub trusted: bool,
}

/// A manifest whose signatures are valid.
#[derive(Debug)]
pub struct VerifiedPayload {
    /// The exact bytes that were signed.
    pub payload: Vec<u8>,
    /// The payload's digest, which is the manifest's.
    pub digest: Digest,
    /// The parsed payload.
    pub manifest: Schema1Manifest,
    /// The valid signatures; at least one.
    pub signatures: Vec<Signature>,
}

impl VerifiedPayload {
    /// The result in the documented JSON shape.
    pub fn to_json(&self) -> Value {
        let mut json = json!({"digest": self.digest});
        if let (Value::Object(json), Value::Object(said)) = (&mut json, self.manifest.to_json()) {
            json.extend(said);
            json.insert("signatures".to_owned(), serde_json::to_value(&self.signatures).unwrap_or_default());
        }
        json
    }
}

/// Verifies every signature, then the requirements, then parses the payload.
pub fn verify(bytes: &[u8], demand: &RequiredSigners) -> Result<VerifiedPayload> {
    let opened = SignedManifest::new(bytes)?;
    let signatures = verify_all(&opened, demand)?;
    Ok(VerifiedPayload {
        digest: Algorithm::Sha256.digest(&opened.payload),
        manifest: Schema1Manifest::parse(&opened.payload)?,
        payload: opened.payload,
        signatures,
    })
}

pub(super) fn verify_all(opened: &SignedManifest, demand: &RequiredSigners) -> Result<Vec<Signature>> {
    let wanted: Vec<String> = demand.keys.iter().map(|key| key_id(key)).collect::<Result<_>>()?;
    let payload = super::encode(&opened.payload);
    let (mut good, mut vouched, mut refused) = (Vec::new(), false, None);
    for signature in &opened.signatures {
        let (mut one, chain) = verify_one(signature, &payload)?;
        one.trusted = wanted.contains(&one.key_id);
        if let (Some(authorities), Some(chain)) = (&demand.authorities, chain) {
            match chain.verify(authorities) {
                Ok(()) => (one.trusted, vouched) = (true, true),
                Err(error) => refused = Some(error),
            }
        }
        good.push(one);
    }
    if let Some(id) = wanted.iter().find(|id| good.iter().all(|one| one.key_id != **id)) {
        return Err(wrong(format!("the key {id} has not signed it")));
    }
    match demand.authorities {
        Some(_) if !vouched => Err(refused.unwrap_or_else(|| wrong("none of its signatures has a certificate"))),
        _ => Ok(good),
    }
}

/// Converts a key as given by a caller to its ID.
fn key_id(text: &str) -> Result<String> {
    if text.contains("-----BEGIN ") {
        return public_key(text)?.id();
    }
    let groups = text.split(':');
    let letters = |group: &str| group.len() == 4 && group.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7'));
    match groups.clone().count() == 12 && groups.clone().all(letters) {
        true => Ok(text.to_owned()),
        false => {
            let message = format!("'{}' is neither a key ID nor a public key as PEM text", shorten(text));
            Err(Error::new(Code::InvalidArgument, message))
        }
    }
}

fn verify_one(signature: &Value, payload: &str) -> Result<(Signature, Option<Chain>)> {
    let header = signature.get("header").filter(|header| header.is_object());
    let header = header.ok_or_else(|| wrong("a signature has no header"))?;
    let chain = header.get("x5c").map(Chain::from_header).transpose()?;
    let given = header.get("jwk").map(PublicKey::from_jwk).transpose()?;
    let certified = chain.as_ref().map(Chain::key).transpose()?;
    let key = match (given, certified) {
        (Some(given), Some(certified)) if given != certified => {
            return Err(wrong("its jwk and its x5c are different keys"));
        }
        (Some(key), _) | (None, Some(key)) => key,
        (None, None) => return Err(wrong("a signature has neither a jwk nor an x5c")),
    };
    let algorithm = header.get("alg").and_then(Value::as_str).ok_or_else(|| wrong("a signature has no alg"))?;
    // The text as received: that is what was signed, whatever it decodes to.
    let message = format!("{}.{payload}", text_of(signature, "protected")?);
    key.verify(algorithm, message.as_bytes(), &decode(text_of(signature, "signature")?)?)?;
    let time = protected(signature)?.get("time").and_then(Value::as_str).map(shorten);
    let signature = Signature {
        key_id: key.id()?,
        key_type: key.key_type(),
        algorithm: algorithm.to_owned(),
        x5c: chain.is_some(),
        subject: chain.as_ref().map(Chain::subject).transpose()?,
        time,
        trusted: false,
    };
    Ok((signature, chain))
}
