//! What the body of a response that refuses says. The forms of registries, proxies, token servers and CDNs are all read.

use ::http::header::{HeaderMap, CONTENT_TYPE};
use serde_json::{Map, Value};

use super::status_text;
use crate::error::RegistryError;
use crate::text::is_obeyed;

/// How many entries of a list of errors are kept.
pub(super) const MOST_ERRORS: usize = 16;
/// How many characters of a text are kept.
pub(super) const MOST_TEXT: usize = 512;
/// How many bytes of an entry's detail are kept.
const MOST_DETAIL: usize = 4096;

/// Whether a body reports an error although its status says otherwise: some registries respond to a PUT that way.
pub(crate) fn holds_errors(body: &[u8]) -> bool {
    let list = document(body).and_then(|mut document| document.remove("errors"));
    list.is_some_and(|list| !entries(&list).is_empty())
}

/// The body as a JSON object; a bare array counts as its `errors`.
fn document(body: &[u8]) -> Option<Map<String, Value>> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii();
    if !body.starts_with(b"{") && !body.starts_with(b"[") {
        return None;
    }
    match crate::json::parse(body).ok()? {
        Value::Object(object) => Some(object),
        list => Some(Map::from_iter([("errors".to_owned(), list)])),
    }
}

/// The errors in a body: `{"errors":[..]}` of objects or strings, `{"error":..}`, or one object with a message.
pub(super) fn registry_errors(body: &[u8]) -> Vec<RegistryError> {
    let Some(document) = document(body) else { return Vec::new() };
    let mut found = document.get("errors").map(entries).unwrap_or_default();
    if let (true, Some(Value::Object(error))) = (found.is_empty(), document.get("error")) {
        found.extend(entry(error));
    }
    if found.is_empty() {
        found.extend(entry(&document));
    }
    found
}

fn entries(list: &Value) -> Vec<RegistryError> {
    let one = |value: &Value| match value {
        Value::Object(object) => entry(object),
        Value::String(text) => error("", text, Value::Null),
        _ => None,
    };
    match list {
        Value::Array(list) => list.iter().filter_map(one).take(MOST_ERRORS).collect(),
        other => one(other).into_iter().collect(),
    }
}

fn entry(object: &Map<String, Value>) -> Option<RegistryError> {
    let text = |keys: &[&str]| keys.iter().find_map(|key| object.get(*key)?.as_str().filter(|text| !text.is_empty()));
    let code = object.get("code").filter(|code| code.is_number()).map(Value::to_string);
    let code = code.or_else(|| text(&["code"]).map(str::to_owned)).unwrap_or_default();
    let message = text(&["message", "error_description", "error_message", "details", "msg", "title"]);
    // RFC 6749 calls the code `error`; elsewhere a string there is the message.
    let (code, message) = match (text(&["error"]), message) {
        (Some(error), Some(message)) if code.is_empty() => (error.to_owned(), message),
        (Some(error), None) => (code, error),
        (_, message) => (code, message.unwrap_or_default()),
    };
    let detail = object.get("detail").cloned().unwrap_or_default();
    match (message, &detail) {
        // Without another text, the detail is the message.
        ("", Value::String(detail)) => error(&code, detail, Value::Null),
        (message, _) => error(&code, message, detail),
    }
}

fn error(code: &str, message: &str, detail: Value) -> Option<RegistryError> {
    let (code, message) = (cleaned(code, 64), cleaned(message, MOST_TEXT));
    let detail = if detail.to_string().len() > MOST_DETAIL { Value::Null } else { detail };
    (!code.is_empty() || !message.is_empty()).then_some(RegistryError { code, message, detail })
}

/// The text of a body that is not a registry's error document, and the status, which it usually does not contain.
pub(super) fn plain(status: u16, headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}').trim();
    let typed =
        headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    if text.is_empty() {
        return None;
    }
    if typed.contains("html") || starts_html(text) {
        let title = title(text).map(|title| format!(", titled \"{title}\"")).unwrap_or_default();
        return Some(format!("the server answered {} with an HTML page{title}", status_text(status)));
    }
    // JSON without a message, or not text: the status says more.
    let readable = !text.starts_with(['{', '[']) && !typed.contains("octet-stream");
    let text = readable.then(|| cleaned(text, MOST_TEXT)).filter(|text| !text.is_empty())?;
    Some(if text.contains(&status.to_string()) { text } else { format!("{text} ({})", status_text(status)) })
}

fn starts_html(text: &str) -> bool {
    let starts = |tag: &str| text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag));
    ["<!doctype html", "<html", "<head", "<body"].into_iter().any(starts)
}

fn title(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    Some(cleaned(&text[start..end], 128)).filter(|title| !title.is_empty())
}

/// The text as one line without control characters, shortened.
fn cleaned(text: &str, most: usize) -> String {
    let mut line = String::new();
    let mut count = 0;
    for word in text.split(|c: char| c.is_whitespace() || is_obeyed(c)).filter(|word| !word.is_empty()) {
        let space = if line.is_empty() { None } else { Some(' ') };
        for c in space.into_iter().chain(word.chars()) {
            if count == most {
                line.push('…');
                return line;
            }
            line.push(c);
            count += 1;
        }
    }
    line
}
