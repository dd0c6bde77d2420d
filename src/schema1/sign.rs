//! Signing in libtrust's format: byte for byte the same for the same key, content and time.

use std::time::Duration;

use p256::pkcs8::der::DateTime;
use serde::Serialize;
use serde_json::{json, Value};

use super::certificate::Chain;
use super::jws::{self, RequiredSigners};
use super::manifest::{invalid, Schema1Manifest};
use super::private::PrivateKey;
use super::public_key::PublicKey;
use super::{encode, PayloadFormat, SignedManifest};
use crate::error::{Code, Error, Result};
use crate::text::shorten;

/// Parses a time in the format of RFC 3339, in whole seconds of UTC, to the duration since 1970.
pub fn parse_time(text: &str) -> Result<Duration> {
    let time: std::result::Result<DateTime, _> = text.parse();
    time.map(|time| time.unix_duration()).map_err(|_| {
        let message = format!("'{}' is not a time such as 2015-04-08T18:52:59Z", shorten(text));
        Error::new(Code::InvalidArgument, message)
    })
}

/// Formats a duration since 1970 in the format of RFC 3339.
pub fn format_time(time: Duration) -> Result<String> {
    let time = DateTime::from_unix_duration(Duration::from_secs(time.as_secs()));
    time.map(|time| time.to_string()).map_err(|_| Error::new(Code::InvalidArgument, "the time is out of range"))
}

/// Signs a schema-1 manifest; its payload is unchanged. A manifest with valid signatures gets another one; an earlier
/// one of the same key is replaced. With a chain, the header contains it instead of the key alone.
pub fn sign(content: &[u8], key: &PrivateKey, chain: Option<&Chain>, time: Duration) -> Result<Vec<u8>> {
    let certified = chain.map(Chain::key).transpose().map_err(|error| error.with_code(Code::InvalidArgument))?;
    if certified.is_some_and(|certified| certified != key.public()) {
        return Err(Error::new(Code::InvalidArgument, "the first certificate of the chain is for another key"));
    }
    let (payload, format, mut signatures) = take_apart(content)?;
    Schema1Manifest::parse(&payload)?;
    signatures.retain(|(id, _)| key.public().id().ok().as_ref() != Some(id));
    signatures.push((key.public().id()?, signature(&payload, &format, key, chain, time)?));
    let text = |signature: &Value| signature.get("signature").map(Value::to_string);
    signatures.sort_by_cached_key(|(id, signature)| (id.clone(), text(signature)));
    let list: Vec<Value> = signatures.into_iter().map(|(_, signature)| signature).collect();
    let head = payload.get(..format.length).unwrap_or(&payload);
    let signed = put_together(head, &list)?;
    // The first signer may have assembled the payload in a way to which no signature can be added.
    SignedManifest::new(&signed)?;
    Ok(signed)
}

/// Signatures with their key IDs.
type Signatures = Vec<(String, Value)>;

/// The payload, how it will be contained in the bytes, and the existing signatures.
fn take_apart(content: &[u8]) -> Result<(Vec<u8>, PayloadFormat, Signatures)> {
    let document = crate::json::parse(content).map_err(|error| invalid(format!("it {}", error.verdict())))?;
    if !super::is_signed(&document) {
        return Ok((content.to_vec(), format_of(content)?, Vec::new()));
    }
    let opened = SignedManifest::new(content)?;
    let good = jws::verify_all(&opened, &RequiredSigners::default())?;
    let signatures = good.into_iter().map(|one| one.key_id).zip(opened.signatures).collect();
    Ok((opened.payload, opened.format, signatures))
}

/// Splits the content before the whitespace that precedes the last brace.
fn format_of(content: &[u8]) -> Result<PayloadFormat> {
    let close = content.iter().rposition(|byte| *byte == b'}').ok_or_else(|| invalid("it is not a JSON object"))?;
    let before = content.get(..close).unwrap_or_default();
    let last = before.iter().rposition(|byte| !byte.is_ascii_whitespace());
    let length = last.map_or(0, |last| last + 1);
    Ok(PayloadFormat { length, tail: content.get(length..).unwrap_or_default().to_vec() })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Protected {
    format_length: usize,
    format_tail: String,
    time: String,
}

fn signature(
    payload: &[u8],
    format: &PayloadFormat,
    key: &PrivateKey,
    chain: Option<&Chain>,
    time: Duration,
) -> Result<Value> {
    let tail = encode(&format.tail);
    let protected = Protected { format_length: format.length, format_tail: tail, time: format_time(time)? };
    let protected = encode(write(&protected, serde_json::ser::CompactFormatter)?.as_bytes());
    let message = format!("{protected}.{}", encode(payload));
    let header = match chain {
        Some(chain) => json!({"alg": "ES256", "x5c": chain.to_header()}),
        None => json!({"jwk": PublicKey::to_jwk(&key.public())?, "alg": "ES256"}),
    };
    Ok(json!({"header": header, "signature": encode(&key.sign(message.as_bytes())), "protected": protected}))
}

fn put_together(head: &[u8], signatures: &[Value]) -> Result<Vec<u8>> {
    let indent = indent_of(head);
    let list = if indent.is_empty() {
        format!(",\"signatures\":{}}}", write(signatures, serde_json::ser::CompactFormatter)?)
    } else {
        let pretty = write(signatures, serde_json::ser::PrettyFormatter::with_indent(indent.as_bytes()))?;
        // No string in it contains a newline.
        format!(",\n{indent}\"signatures\": {}\n}}", pretty.replace('\n', &format!("\n{indent}")))
    };
    Ok([head, list.as_bytes()].concat())
}

/// The indentation of the first name after `{`, if it is on a separate line.
fn indent_of(head: &[u8]) -> String {
    let Some(rest) = head.strip_prefix(b"{\n") else { return String::new() };
    let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace());
    blank.map(|byte| char::from(*byte)).collect()
}

fn write<T: Serialize + ?Sized>(value: &T, formatter: impl serde_json::ser::Formatter) -> Result<String> {
    let internal = |why: String| Error::new(Code::Internal, format!("a signature cannot be written: {why}"));
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    value.serialize(&mut serializer).map_err(|error| internal(error.to_string()))?;
    String::from_utf8(out).map_err(|error| internal(error.to_string()))
}
