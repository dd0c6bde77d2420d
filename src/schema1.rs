//! Signed schema-1 manifests (libtrust's JWS): the payload inside, which is what their digest is over. Whether the
//! signatures are good is another question.

use base64::Engine as _;
use serde_json::Value;

use crate::error::{Code, Error, Result};

/// More signatures than anybody makes.
const MOST_SIGNATURES: usize = 64;

/// Whether a document carries signatures.
pub fn is_signed(document: &Value) -> bool {
    document.get("signatures").is_some()
}

/// Whether bytes may be a signed manifest: a look that needs no parsing.
pub fn may_be_signed(bytes: &[u8]) -> bool {
    let needle = b"\"signatures\"";
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// The payload: the beginning of the bytes, and a tail that the signatures carry. All must agree on both.
pub fn payload(bytes: &[u8]) -> Result<Vec<u8>> {
    let document = crate::json::parse(bytes).map_err(|error| wrong(format!("it is no JSON: {error}")))?;
    let list = document
        .get("signatures")
        .and_then(Value::as_array)
        .ok_or_else(|| wrong("it has no list of signatures".to_owned()))?;
    if list.is_empty() || list.len() > MOST_SIGNATURES {
        return Err(wrong(format!("it has {} signatures", list.len())));
    }
    let mut agreed: Option<(usize, Vec<u8>)> = None;
    for signature in list {
        let format = protected_format(signature)?;
        if agreed.as_ref().is_some_and(|known| *known != format) {
            return Err(wrong("its signatures are over different payloads".to_owned()));
        }
        agreed = Some(format);
    }
    let (length, tail) = agreed.unwrap_or_default();
    let head = bytes
        .get(..length)
        .ok_or_else(|| wrong(format!("its formatLength {length} is beyond its {} bytes", bytes.len())))?;
    Ok([head, &tail].concat())
}

fn protected_format(signature: &Value) -> Result<(usize, Vec<u8>)> {
    let text = signature
        .get("protected")
        .and_then(Value::as_str)
        .ok_or_else(|| wrong("a signature has no protected part".to_owned()))?;
    let protected =
        crate::json::parse(&decode(text)?).map_err(|error| wrong(format!("a protected part is no JSON: {error}")))?;
    let length = protected.get("formatLength").and_then(Value::as_u64).and_then(|length| usize::try_from(length).ok());
    let length = length.ok_or_else(|| wrong("a protected part has no formatLength".to_owned()))?;
    let tail = protected
        .get("formatTail")
        .and_then(Value::as_str)
        .ok_or_else(|| wrong("a protected part has no formatTail".to_owned()))?;
    Ok((length, decode(tail)?))
}

// libtrust's decoder drops newlines and spaces.
fn decode(text: &str) -> Result<Vec<u8>> {
    let clean: String = text.chars().filter(|c| !matches!(c, '\n' | ' ')).collect();
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    engine.decode(clean.trim_end_matches('=')).map_err(|_| wrong("a part of a signature is no base64url".to_owned()))
}

fn wrong(why: String) -> Error {
    Error::new(Code::Signature, format!("the signed schema-1 manifest cannot be read: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;

    const CONTENT: &str = "{\n   \"name\": \"a/b\",\n   \"tag\": \"latest\",\n   \"schemaVersion\": 1\n}";
    const PROTECTED: &str =
        "eyJmb3JtYXRMZW5ndGgiOjYxLCJmb3JtYXRUYWlsIjoiQ24wIiwidGltZSI6IjIwMTUtMDQtMDhUMTg6NTI6NTlaIn0";

    fn signed(signatures: &str) -> Vec<u8> {
        format!("{},\n   \"signatures\": [{signatures}]\n}}", &CONTENT[..61]).into_bytes()
    }

    fn signature(protected: &str) -> String {
        format!("{{\"header\": {{}}, \"signature\": \"x\", \"protected\": \"{protected}\"}}")
    }

    #[test]
    fn the_payload_is_what_was_signed() {
        assert_eq!(payload(&signed(&signature(PROTECTED))).unwrap(), CONTENT.as_bytes());
        let hex = "87002a684db2ac4f39e8b9e600308ac37fff20fb58c17b2faad05a2d1e7a2538";
        assert_eq!(Algorithm::Sha256.digest(CONTENT.as_bytes()).hex(), hex);
    }

    // The file that libtrust itself writes, rebuilt to the byte.
    #[test]
    fn the_payload_of_a_real_file() {
        let file = format!(
            r#"{},
   "signatures": [
      {{
         "header": {{
            "jwk": {{
               "crv": "P-256",
               "kid": "LJ5H:RTFE:UD2C:BWN4:MK5W:NHB4:E5M6:HH3S:HU5O:CDOL:4DYI:CWQH",
               "kty": "EC",
               "x": "YP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Y",
               "y": "eQP-EAi4vJmkGunpVii8ZPLxsgwtfp9Rd6PClNRGIpk"
            }},
            "alg": "ES256"
         }},
         "signature": "PnmUr4N5idlZyW0poympd9HQIH7_-OIx1Kg7K4IgXxMRJ4WqX0J7iMkDVnYy24rIeE26EEkPk8SSlIkHxX_Spg",
         "protected": "{PROTECTED}"
      }}
   ]
}}"#,
            &CONTENT[..61]
        );
        assert_eq!(file.len(), 705);
        let hex = "f4b9b8564609638e86dd9ec5407ae9598ffddd415158a83b8c3c24cfae848f84";
        assert_eq!(Algorithm::Sha256.digest(file.as_bytes()).hex(), hex);
        assert_eq!(payload(file.as_bytes()).unwrap(), CONTENT.as_bytes());
        assert!(may_be_signed(file.as_bytes()) && !may_be_signed(CONTENT.as_bytes()));
        assert!(is_signed(&crate::json::parse(file.as_bytes()).unwrap()));
    }

    #[test]
    fn signatures_that_cannot_be_read() {
        let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
        let far = encode(r#"{"formatLength":99999,"formatTail":"Cn0"}"#);
        let negative = encode(r#"{"formatLength":-1,"formatTail":"Cn0"}"#);
        let no_tail = encode(r#"{"formatLength":61}"#);
        let other =
            format!("{},{}", signature(PROTECTED), signature(&encode(r#"{"formatLength":60,"formatTail":"Cn0"}"#)));
        for signatures in
            [String::new(), signature(&far), signature(&negative), signature(&no_tail), signature("!"), other]
        {
            assert_eq!(payload(&signed(&signatures)).unwrap_err().code(), Code::Signature, "{signatures}");
        }
        assert!(payload(CONTENT.as_bytes()).is_err());
        assert!(payload(br#"{"signatures":1}"#).is_err());
    }
}
