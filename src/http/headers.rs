//! Headers that the caller adds to every request to a host. Their values may be secrets: nothing here shows them.

use std::fmt;

use ::http::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use bytes::Bytes;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::options::OptionValue;

/// Headers that only the library sets: they frame the message, name the host, or come from other options.
const OWN: [&str; 18] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "cookie",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "range",
    "referer",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "www-authenticate",
];

/// So are all with these prefixes: they describe the body, make a request conditional, or are for the proxy.
const OWN_BEGINNINGS: [&str; 3] = ["content-", "if-", "proxy-"];

/// A header's value that is a secret: it is shown nowhere, and wiped when the last of its copies is dropped. None: it cannot be one.
pub(crate) fn secret_value(text: Zeroizing<String>) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Headers from an option: a list of `Name: value`, or an object of names and values.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(HeaderMap);

impl Headers {
    /// Adds one; the error says why it must not be set.
    pub fn add(&mut self, name: &str, value: &str) -> Result<(), String> {
        let name = header_name(name)?;
        let begins = |beginning: &&str| name.as_str().starts_with(*beginning);
        if OWN.contains(&name.as_str()) || OWN_BEGINNINGS.iter().any(begins) {
            return Err(format!("the header {name} is set by the library"));
        }
        self.append(name, value)
    }

    /// The same for a file's headers, which may say how the library calls itself: of several names the first one counts, and none if it is empty.
    pub(crate) fn add_of_file(&mut self, name: &str, value: &str) -> Result<(), String> {
        match header_name(name)? {
            name if name != USER_AGENT => self.add(name.as_str(), value),
            name if value.is_empty() || self.0.contains_key(&name) => Ok(()),
            name => self.append(name, value),
        }
    }

    fn append(&mut self, name: HeaderName, value: &str) -> Result<(), String> {
        let wrong = || format!("the value of the header {name} contains control characters");
        let value = value.trim_matches([' ', '\t']);
        if value.chars().any(char::is_control) {
            return Err(wrong());
        }
        let value = secret_value(Zeroizing::new(value.to_owned())).ok_or_else(wrong)?;
        self.0.append(name, value);
        Ok(())
    }

    fn add_line(&mut self, line: &str) -> Result<(), String> {
        let (name, value) = line.split_once(':').ok_or("an entry is not 'Name: value'")?;
        self.add(name, value)
    }

    /// Adds them to a request, replacing headers with the same names.
    pub(crate) fn put_into(&self, headers: &mut HeaderMap) {
        for name in self.0.keys() {
            headers.remove(name);
        }
        for (name, value) in &self.0 {
            headers.append(name.clone(), value.clone());
        }
    }

    /// Names with their values, several of one name with commas between them.
    pub(crate) fn joined(&self) -> impl Iterator<Item = (&str, Zeroizing<String>)> {
        self.0.keys().map(|name| {
            // Made at once in its size: what grows leaves copies behind.
            let size = self.0.get_all(name).iter().map(|value| value.len() + 2).sum();
            let mut all = Zeroizing::new(String::with_capacity(size));
            for value in self.0.get_all(name).iter().filter_map(|value| std::str::from_utf8(value.as_bytes()).ok()) {
                let between = if all.is_empty() { "" } else { ", " };
                all.push_str(between);
                all.push_str(value);
            }
            (name.as_str(), all)
        })
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }

    /// These, and the headers of another source with other names.
    pub(crate) fn over(&self, general: &Headers) -> Headers {
        let mut all = general.0.clone();
        self.put_into(&mut all);
        Headers(all)
    }
}

fn header_name(text: &str) -> Result<HeaderName, String> {
    text.trim().parse().map_err(|_| format!("'{}' is not a header name", crate::text::shorten(text)))
}

impl fmt::Debug for Headers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.names()).finish()
    }
}

impl OptionValue for Headers {
    fn read(value: Value) -> Result<Headers, String> {
        const WRONG: &str = "must be a list of 'Name: value', or an object of names and values";
        let mut headers = Headers::default();
        match value {
            Value::Array(list) => {
                for line in list {
                    let line = Zeroizing::<String>::read(line).map_err(|_| WRONG)?;
                    headers.add_line(&line).map_err(refused)?;
                }
            }
            Value::Object(members) => {
                for (name, value) in members {
                    let value = Zeroizing::<String>::read(value).map_err(|_| WRONG)?;
                    headers.add(&name, &value).map_err(refused)?;
                }
            }
            _ => return Err(WRONG.to_owned()),
        }
        Ok(headers)
    }
}

fn refused(why: String) -> String {
    format!("cannot be used: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(value: Value) -> String {
        Headers::read(value).unwrap_err()
    }

    #[test]
    fn lists_and_objects_say_the_same() {
        let list: Headers = Headers::read(json!(["X-One: a: b ", "X-Two:c"])).unwrap();
        let object: Headers = Headers::read(json!({"x-one": "a: b", "X-Two": "c"})).unwrap();
        assert_eq!(list, object);
        assert_eq!(list.names(), ["x-one", "x-two"]);
        assert!(!format!("{list:?}").contains("a: b"));
        let mut map = HeaderMap::new();
        map.insert("x-one", HeaderValue::from_static("old"));
        list.put_into(&mut map);
        assert_eq!(map.get_all("x-one").iter().count(), 1);
        assert!(map["x-one"].is_sensitive());
        let twice: Headers = Headers::read(json!(["X-One: a", "X-One: é"])).unwrap();
        assert_eq!(
            twice.joined().map(|(name, value)| format!("{name}: {}", *value)).collect::<Vec<_>>(),
            ["x-one: a, é"]
        );
        let general: Headers = Headers::read(json!({"X-One": "general", "X-Three": "d"})).unwrap();
        let both = list.over(&general);
        assert_eq!(both.0["x-one"], "a: b");
        assert_eq!(both.0["x-three"], "d");
    }

    #[test]
    fn what_is_the_librarys_own_or_no_header_is_refused_without_its_value() {
        for name in OWN {
            assert!(refused(json!([format!("{}: s3cret", name.to_uppercase())])).contains(name), "{name}");
        }
        for name in [
            "Content-Disposition",
            "Content-Language",
            "Content-Length",
            "Content-Location",
            "Content-MD5",
            "Content-Range",
            "Content-Type",
            "Content-Digest",
            "If-Match",
            "If-None-Match",
            "If-Range",
            "If-Schedule-Tag-Match",
            "If-Unmodified-Since",
            "Proxy-Authorization",
            "Proxy-Connection",
        ] {
            assert!(refused(json!({name: "s3cret"})).contains("set by the library"), "{name}");
        }
        for (value, part) in [
            (json!(["no colon s3cret"]), "Name: value"),
            (json!(["a b: s3cret"]), "'a b'"),
            (json!([": s3cret"]), "''"),
            (json!(["X: s3cret\r\nHost: h"]), "control characters"),
            (json!({"X": "s3cret\u{0}"}), "control characters"),
            (json!({"X": 1}), "names and values"),
            (json!("X: s3cret"), "list"),
        ] {
            let text = refused(value);
            assert!(text.contains(part), "{text}");
            assert!(!text.contains("s3cret"), "{text}");
        }
    }
}
