//! What logs and results may show of URLs and headers. Queries contain signatures, headers contain credentials: only
//! what is known to be harmless passes.

use std::borrow::Cow;
use std::fmt;

use ::http::header::{HeaderMap, HeaderName, HeaderValue};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use url::Url;

const REDACTED: &str = "<redacted>";

/// Query keys whose values are shown: those of the registry protocol.
const SHOWN: [&str; 10] =
    ["n", "last", "digest", "mount", "from", "scope", "service", "artifactType", "next_page", "tag"];

/// Headers that contain URLs.
const URLS: [&str; 3] = ["location", "content-location", "referer"];

/// Words in the names of headers that contain secrets.
const SECRET: [&str; 9] =
    ["authorization", "cookie", "token", "secret", "password", "credential", "api-key", "apikey", "signature"];

/// Headers that most responses have, and that contain neither: they need not be searched.
const HARMLESS: [&str; 15] = [
    "accept-ranges",
    "age",
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "date",
    "docker-content-digest",
    "docker-distribution-api-version",
    "etag",
    "last-modified",
    "server",
    "strict-transport-security",
    "vary",
    "x-content-type-options",
];

/// A URL without userinfo and fragment, its query values replaced except those known to be harmless.
pub(crate) fn url(url: &Url) -> String {
    text_url(url.as_str())
}

/// A URL without its query, which often contains a signature.
pub(crate) fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    self::url(&url)
}

/// The value of a header without secrets.
pub(crate) fn header<'a>(name: &str, value: &'a HeaderValue) -> Cow<'a, str> {
    let text = String::from_utf8_lossy(value.as_bytes());
    if HARMLESS.contains(&name) && !value.is_sensitive() {
        return text;
    }
    let name = name.to_ascii_lowercase();
    if value.is_sensitive() || SECRET.iter().any(|word| name.contains(word)) || name.ends_with("-auth") {
        return secret(&name, &text).into();
    }
    match name.as_str() {
        "link" => link(&text).into(),
        // docker-registry sends the token itself there.
        "www-authenticate" if text.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("token ")) => {
            format!("Token {REDACTED}").into()
        }
        name if URLS.contains(&name) => text_url(&text).into(),
        _ => text,
    }
}

/// All headers by their lower-case names; the values of a repeated one are joined.
pub(crate) fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let shown = |name: &HeaderName| (name.as_str().to_owned(), Value::String(values(headers, name).into_owned()));
    headers.keys().map(shown).collect()
}

/// What all headers of a name say.
fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Cow<'a, str> {
    let mut all = headers.get_all(name).iter().map(|value| header(name.as_str(), value));
    let first = all.next().unwrap_or_default();
    all.fold(first, |mut text, next| {
        text.to_mut().extend([", ", &next]);
        text
    })
}

/// The headers of a response as results show them: without secrets.
#[derive(Clone, Default)]
pub struct ShownHeaders(HeaderMap);

impl ShownHeaders {
    /// What the headers of this name say, without secrets.
    pub fn get(&self, name: &str) -> Option<String> {
        let name = HeaderName::from_bytes(name.as_bytes()).ok().filter(|name| self.0.contains_key(name))?;
        Some(values(&self.0, &name).into_owned())
    }
}

impl From<HeaderMap> for ShownHeaders {
    fn from(headers: HeaderMap) -> ShownHeaders {
        ShownHeaders(headers)
    }
}

impl Serialize for ShownHeaders {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.keys().map(|name| (name.as_str(), values(&self.0, name))))
    }
}

impl fmt::Debug for ShownHeaders {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.debug_map().entries(self.0.keys().map(|name| (name.as_str(), values(&self.0, name)))).finish()
    }
}

/// The scheme of credentials is useful in a log, and not secret.
fn secret(name: &str, text: &str) -> String {
    let scheme = text.split(' ').next().unwrap_or_default();
    let known =
        ["Basic", "Bearer", "Token", "Digest", "Negotiate"].iter().find(|known| known.eq_ignore_ascii_case(scheme));
    match known {
        Some(known) if name.ends_with("authorization") && scheme.len() < text.len() => format!("{known} {REDACTED}"),
        _ => REDACTED.to_owned(),
    }
}

/// The same for text that may be a relative URL or not a URL at all.
fn text_url(text: &str) -> String {
    let text = text.split('#').next().unwrap_or_default();
    let (path, query) = match text.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (text, None),
    };
    let mut shown = without_userinfo(path);
    if let Some(query) = query {
        shown.push('?');
        shown.push_str(&query.split('&').map(pair).collect::<Vec<_>>().join("&"));
    }
    shown
}

fn pair(text: &str) -> String {
    match text.split_once('=') {
        Some((key, _)) if SHOWN.contains(&key) => text.to_owned(),
        Some((key, _)) => format!("{key}=…"),
        None if text.is_empty() => String::new(),
        // A key without a value may be the secret itself.
        None => "…".to_owned(),
    }
}

fn without_userinfo(path: &str) -> String {
    let Some(start) = path.find("//").map(|index| index + 2) else { return path.to_owned() };
    let end = path[start..].find(['/', '\\']).map_or(path.len(), |index| start + index);
    match path[start..end].rfind('@') {
        Some(at) => format!("{}{}", &path[..start], &path[start + at + 1..]),
        None => path.to_owned(),
    }
}

/// A Link header: each target in angle brackets, otherwise everything up to the first parameter.
fn link(text: &str) -> String {
    if !text.contains('<') {
        let (target, parameters) = text.split_at(text.find(';').unwrap_or(text.len()));
        return format!("{}{parameters}", text_url(target));
    }
    let mut shown = String::new();
    for (index, piece) in text.split('<').enumerate() {
        let (target, rest) = piece.split_at(piece.find('>').unwrap_or(piece.len()));
        match index {
            0 => shown.push_str(piece),
            _ => shown.extend(["<", &text_url(target), rest]),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> HeaderValue {
        HeaderValue::from_bytes(text.as_bytes()).unwrap()
    }

    #[test]
    fn urls_show_only_what_is_harmless() {
        for (text, expected) in [
            ("https://u:SECRET@h/v2/?X-Amz-Signature=SECRET&n=5", "https://h/v2/?X-Amz-Signature=…&n=5"),
            ("https://h/p?digest=sha256%3Aab&_state=SECRET", "https://h/p?digest=sha256%3Aab&_state=…"),
            (
                "https://h/token?service=s&scope=repository%3Aa%3Apull&account=SECRET",
                "https://h/token?service=s&scope=repository%3Aa%3Apull&account=…",
            ),
            (
                "https://h/?mount=a&from=b&last=c&artifactType=d&next_page=e",
                "https://h/?mount=a&from=b&last=c&artifactType=d&next_page=e",
            ),
            ("https://h/?SECRET&&N=SECRET", "https://h/?…&&N=…"),
            ("https://h/#access_token=SECRET", "https://h/"),
            ("https://h/a@b/c?", "https://h/a@b/c?"),
        ] {
            assert_eq!(url(&Url::parse(text).unwrap()), expected);
        }
    }

    #[test]
    fn headers_hide_secrets() {
        for (name, text, expected) in [
            ("authorization", "Bearer SECRET", "Bearer <redacted>"),
            ("Authorization", "basic SECRET==", "Basic <redacted>"),
            ("authorization", "SECRET", "<redacted>"),
            ("authorization", "SECRET SECRET", "<redacted>"),
            ("proxy-authorization", "Basic SECRET", "Basic <redacted>"),
            ("x-forwarded-authorization", "Bearer", "<redacted>"),
            ("cookie", "session=SECRET", "<redacted>"),
            ("set-cookie", "session=SECRET; Path=/", "<redacted>"),
            ("x-docker-token", "signature=SECRET", "<redacted>"),
            ("x-registry-auth", "SECRET", "<redacted>"),
            ("x-amz-security-token", "SECRET", "<redacted>"),
            ("private-token", "SECRET", "<redacted>"),
            ("x-api-key", "SECRET", "<redacted>"),
            ("www-authenticate", "Token signature=abc,repository=\"a/b\",access=read", "Token <redacted>"),
            ("www-authenticate", "Token", "Token"),
            ("www-authenticate", "Bearer realm=\"https://a/token\"", "Bearer realm=\"https://a/token\""),
            ("location", "https://u:SECRET@h/b?sig=SECRET", "https://h/b?sig=…"),
            ("location", "/v2/a/blobs/uploads/1?_state=SECRET", "/v2/a/blobs/uploads/1?_state=…"),
            ("location", "//u:SECRET@h/b", "//h/b"),
            ("location", "https://u:SECRET@h\\b", "https://h\\b"),
            ("referer", "https://h/?sig=SECRET", "https://h/?sig=…"),
            (
                "link",
                "</x?last=a&sig=SECRET>; rel=next, <https://u:SECRET@h/y>; rel=prev",
                "</x?last=a&sig=…>; rel=next, <https://h/y>; rel=prev",
            ),
            ("link", "/x?last=a&sig=SECRET; rel=next", "/x?last=a&sig=…; rel=next"),
            ("link", "</x?sig=SECRET", "</x?sig=…"),
            ("docker-content-digest", "sha256:ab", "sha256:ab"),
            ("content-type", "text/plain", "text/plain"),
        ] {
            assert_eq!(header(name, &value(text)), expected, "{name}: {text}");
        }
        let mut sensitive = value("SECRET");
        sensitive.set_sensitive(true);
        assert_eq!(header("x-whatever", &sensitive), "<redacted>");
        assert_eq!(header("x-latin1", &HeaderValue::from_bytes(b"caf\xe9").unwrap()), "caf\u{fffd}");
    }

    #[test]
    fn repeated_headers_are_joined() {
        let mut map = HeaderMap::new();
        map.append("Docker-Distribution-Api-Version", value("registry/2.0"));
        map.append("Docker-Distribution-Api-Version", value("other"));
        map.append("Set-Cookie", value("SECRET"));
        let shown = Value::Object(headers(&map)).to_string();
        assert_eq!(shown, r#"{"docker-distribution-api-version":"registry/2.0, other","set-cookie":"<redacted>"}"#);
    }
}
