//! Strict JSON: a document with a duplicate key means different things to different readers, so it is refused. Depth is
//! bounded, because each level takes stack, and the caller's may be small. Output is safe to display: terminal control
//! characters are escaped.

use std::cell::Cell;
use std::{fmt, io};

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::ser::Formatter;
use serde_json::{Map, Value};
use zeroize::{Zeroize as _, Zeroizing};

use crate::text::is_obeyed;

/// Why bytes are not a JSON document.
#[derive(Debug, thiserror::Error)]
#[error("{}", reason(cause))]
pub struct JsonError {
    cause: serde_json::Error,
    exceeds: bool,
}

impl From<serde_json::Error> for JsonError {
    fn from(cause: serde_json::Error) -> JsonError {
        JsonError { cause, exceeds: false }
    }
}

impl JsonError {
    /// Whether they may be one, but nested too deep, of too many values, or with a number too large, to be read here.
    pub(crate) fn exceeds_bounds(&self) -> bool {
        self.exceeds || self.cause.to_string().starts_with(OUT_OF_RANGE)
    }

    /// What is wrong, to be said of what holds the bytes.
    pub(crate) fn verdict(&self) -> String {
        match self.exceeds_bounds() {
            true => format!("cannot be read: {self}"),
            false => format!("is not valid JSON: {self}"),
        }
    }
}

/// What serde_json says of numbers that no double can hold, and of a text that is over too early.
const OUT_OF_RANGE: &str = "number out of range";
const OVER: &str = "EOF while parsing";

/// In words that do not name the parser's own terms.
fn reason(cause: &serde_json::Error) -> String {
    let said = cause.to_string();
    match (said.strip_prefix(OUT_OF_RANGE), said.strip_prefix(OVER)) {
        (Some(place), _) => format!("it has a number that is too large{place}"),
        (_, Some(within)) => format!("it ends within{within}"),
        _ => said,
    }
}

/// Parses untrusted bytes as one document.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    parse_within(bytes, &Budget::of(bytes.len()))
}

fn parse_within(bytes: &[u8], budget: &Budget) -> Result<Value, JsonError> {
    parse_as(bytes, BoundedValue(budget), budget)
}

/// Parses bytes as one document, into whatever the seed makes of it.
pub(crate) fn parse_as<'a, T>(
    bytes: &'a [u8],
    seed: impl DeserializeSeed<'a, Value = T>,
    budget: &Budget,
) -> Result<T, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let outcome = seed.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    outcome.map_err(|cause| JsonError { cause, exceeds: budget.is_exceeded.get() })
}

/// The error for a member that an object has already.
pub(crate) fn twice<E: serde::de::Error>(key: &str) -> E {
    E::custom(format!("the key '{}' occurs twice", crate::text::shorten(key)))
}

/// A value as JSON, in which terminal control characters in strings are escaped. The meaning is unchanged.
pub fn text(value: &(impl Serialize + ?Sized)) -> Result<String, JsonError> {
    let mut bytes = WipedBytes::default();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, EscapingFormatter))?;
    String::from_utf8(std::mem::take(&mut bytes.0))
        .map_err(|error| serde_json::Error::io(io::Error::other(error)).into())
}

/// Most results fit: what does not grows, and each smaller piece has to be wiped.
const USUAL: usize = 2048;

/// Bytes that leave no copy behind when they grow, or are given up: they may hold a token.
#[derive(Default)]
struct WipedBytes(Zeroizing<Vec<u8>>);

impl WipedBytes {
    #[cold]
    fn grow(&mut self, needed: usize) {
        let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(2 * self.0.capacity()).max(USUAL)));
        larger.extend_from_slice(&self.0);
        // The smaller one is wiped where it is dropped.
        self.0 = larger;
    }
}

impl io::Write for WipedBytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    // Results are written in small parts, of one byte often.
    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            self.grow(needed);
        }
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Wipes the strings of a value that is of no use any more.
pub(crate) fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(list) => list.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        _ => {}
    }
}

struct EscapingFormatter;

impl Formatter for EscapingFormatter {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // Most fragments are plain ASCII. Without an early end, many bytes are looked at in one step.
        if fragment.bytes().fold(true, |is_plain, byte| is_plain & (byte < 0x7f)) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_obeyed(*c)) {
            write!(writer, "{}\\u{:04x}", &rest[..at], u32::from(c))?;
            rest = &rest[at + c.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

/// How much memory trees may still take, in addition to their texts. A value may take a hundred times its text: `[0]` is three bytes.
pub(crate) struct Budget {
    bytes: Cell<usize>,
    /// How many more levels are allowed.
    depth: Cell<usize>,
    is_exceeded: Cell<bool>,
}

/// How deep lists and objects may be nested: far deeper than any document in registries. Together with what else a call
/// needs it is within the 64 KiB of stack that the C API promises.
const DEEPEST: usize = 48;
/// The caller's own: results, which hold documents some levels down.
const DEEPEST_OWN: usize = DEEPEST + 8;

impl Budget {
    /// What a tree takes for a text of this many bytes with usual content: for an index with platforms, five to six
    /// times the text. A small text may contain anything.
    pub(crate) fn of(bytes: usize) -> Budget {
        let bytes = bytes.saturating_mul(6).saturating_add(1 << 20);
        Budget { bytes: Cell::new(bytes), depth: Cell::new(DEEPEST), is_exceeded: Cell::default() }
    }

    /// For the caller's own bytes, such as a list of a million tags: only their depth is bounded.
    pub(crate) fn of_own() -> Budget {
        Budget { bytes: Cell::new(usize::MAX), depth: Cell::new(DEEPEST_OWN), is_exceeded: Cell::default() }
    }

    /// Whether the budget was exceeded.
    pub(crate) fn is_spent(&self) -> bool {
        self.bytes.get() == 0
    }

    /// Enters one level deeper, until the returned guard is dropped.
    pub(crate) fn descend<E: serde::de::Error>(&self) -> Result<DepthGuard<'_>, E> {
        match self.depth.get().checked_sub(1) {
            Some(left) => self.depth.set(left),
            None => {
                self.is_exceeded.set(true);
                return Err(E::custom("it is nested too deep"));
            }
        }
        Ok(DepthGuard(&self.depth))
    }

    fn spend<E: serde::de::Error>(&self, bytes: usize) -> Result<(), E> {
        let left = self.bytes.get().saturating_sub(bytes);
        self.bytes.set(left);
        match left {
            0 => {
                self.is_exceeded.set(true);
                Err(E::custom("it contains more small values than a document needs"))
            }
            _ => Ok(()),
        }
    }
}

pub(crate) struct DepthGuard<'a>(&'a Cell<usize>);

impl Drop for DepthGuard<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_add(1));
    }
}

/// The list under a name in an object, to be changed: one that is absent or null is made an empty one.
pub(crate) fn list_mut<'a>(object: &'a mut Value, key: &str) -> Option<&'a mut Vec<Value>> {
    let list = object.as_object_mut()?.entry(key).or_insert(Value::Null);
    if list.is_null() {
        *list = Value::Array(Vec::new());
    }
    list.as_array_mut()
}

/// For members that may be absent: null counts as absent too.
pub(crate) fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Deserializes a value as long as the budget lasts.
#[derive(Clone, Copy)]
pub(crate) struct BoundedValue<'a>(pub &'a Budget);

/// What a list's room for one element takes, and an object's for a member in addition to its name, with the table by which it is found.
const ELEMENT: usize = std::mem::size_of::<Value>();
const MEMBER: usize = ELEMENT + 48;
/// What each block of memory takes beside what was asked for.
const BLOCK: usize = 16;

impl<'de> DeserializeSeed<'de> for BoundedValue<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for BoundedValue<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let _level = self.0.descend()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            let before = list.capacity();
            list.push(item);
            if list.capacity() > before {
                self.0.spend((list.capacity() - before) * ELEMENT + BLOCK)?;
            }
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let _level = self.0.descend()?;
        let mut map = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(twice(&key));
            }
            let value = members.next_value_seed(self)?;
            // There is room for three from the first on.
            self.0.spend(key.len() + BLOCK + if map.is_empty() { 3 * MEMBER + 2 * BLOCK } else { 0 })?;
            if map.len() >= 3 {
                self.0.spend(MEMBER)?;
            }
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_json_is_parsed() {
        let text = r#"{"a":[1,-2,3.5,true,null,"x\u00e9"],"b":{"a":{}}}"#;
        assert_eq!(parse(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
    }

    /// A tree of small values takes many times its text; ordinary documents do not look like that.
    #[test]
    fn a_large_document_holds_what_documents_hold() {
        let digest = crate::digest::Algorithm::Sha256.digest(b"");
        let entry = serde_json::json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 566,
            "platform": {"architecture": "arm", "os": "linux", "variant": "v7"}});
        let noted = serde_json::json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 566,
            "annotations": {"vnd.docker.reference.digest": digest, "vnd.docker.reference.type": "attestation-manifest"},
            "platform": {"architecture": "unknown", "os": "unknown"}});
        let saved = serde_json::json!({"Config": digest, "RepoTags": null, "Layers": [digest, digest]});
        for entry in [entry, noted, saved] {
            let list = vec![entry.to_string(); (4 << 20) / entry.to_string().len()].join(",");
            let found = parse(format!("{{\"manifests\":[{list}]}}").as_bytes());
            assert!(found.is_ok(), "{:?}", found.err());
        }
        for small in ["[]", "{}", "0", "\"\"", "[[]]", "{\"\":0}", "{\"a\":{\"b\":[]}}", "[[[[1]]]]", "{\"a\":[1]}"] {
            let list = vec![small; (4 << 20) / small.len()].join(",");
            for text in [format!("{{\"x\":[{list}]}}"), format!("[{list}]")] {
                assert!(parse(text.as_bytes()).unwrap_err().to_string().contains("small values"), "{small}");
            }
            assert!(parse(format!("[{}]", vec![small; 500].join(",")).as_bytes()).is_ok());
        }
    }

    #[test]
    fn what_is_written_is_the_same_and_can_be_shown() {
        let value =
            serde_json::json!({"\u{202e}a\u{9b}": ["é\x1b\x7f\u{9b}文\u{2066}", "", "\u{fffd}\"\\/", 1.5, null]});
        let written = text(&value).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
        assert_eq!(
            written,
            "{\"\\u202ea\\u009b\":[\"é\\u001b\\u007f\\u009b文\\u2066\",\"\",\"\u{fffd}\\\"\\\\/\",1.5,null]}"
        );
        let plain = serde_json::json!({"a": ["b", {"c": -1}]});
        assert_eq!(text(&plain).unwrap(), plain.to_string());
    }

    #[test]
    fn what_is_not_is_refused() {
        let deep = "[".repeat(DEEPEST + 1);
        let deepest = "[{\"a\":".repeat(DEEPEST / 2) + "1" + &"}]".repeat(DEEPEST / 2);
        assert!(parse(format!("[{deepest},{deepest}]").as_bytes()).is_err() && parse(deepest.as_bytes()).is_ok());
        let list = "[".repeat(DEEPEST - 1) + &"]".repeat(DEEPEST - 1);
        assert!(parse(format!("[{list},{list}]").as_bytes()).is_ok());
        for (text, reason) in [
            (r#"{"a":1,"a":2}"#, "twice"),
            (r#"{"x":[{"a":1,"\u0061":2}]}"#, "twice"),
            ("{} x", "trailing"),
            ("", "it ends within a value"),
            ("[\"a", "it ends within a string"),
            ("[1e400]", "a number that is too large"),
            ("<html>", "expected value"),
            (&deep, "nested too deep"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains("at line 1 column"), "{text}: {error}");
        }
        let exceeds = |text: &str| parse(text.as_bytes()).unwrap_err().exceeds_bounds();
        assert!(exceeds("-1e999") && exceeds(&deep) && exceeds(&format!("[{}0]", "[],".repeat(1 << 20))));
        assert!(!exceeds(r#"{"a":1,"a":2}"#) && !exceeds("[[") && !exceeds("{} x"));
        let verdict = |text: &str| parse(text.as_bytes()).unwrap_err().verdict();
        assert!(
            verdict("{\"a\":1e400}").starts_with("cannot be read: it has a number")
                && verdict(&deep).starts_with("cannot be read")
        );
        assert!(verdict("{").starts_with("is not valid JSON: it ends within an object at line 1"));
        assert!(parse(b"\"\xff\"").is_err());
        assert!(parse(b"\xef\xbb\xbf{}").is_err());
    }
}
