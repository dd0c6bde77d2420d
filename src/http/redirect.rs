//! Redirects and Locations, followed by hand: every hop is checked, credentials stay with their origin, and signed
//! queries are sent unchanged (RFC 9110 10.2.2 and 15.4; distribution-spec "Endpoints").

use std::collections::HashSet;

use ::http::header::HeaderValue;
use ::http::{Method, StatusCode};
use url::Url;

use super::origin::Origin;
use crate::error::{Code, Error, Result};

/// The target of a redirect; None when the status is not a redirect that this request may follow.
///
/// `body_is_gone` is set for a body that cannot be sent a second time. Only GET and HEAD follow 301, 302 and 303: other
/// methods would have to become a GET.
pub(crate) fn next(
    method: &Method,
    status: StatusCode,
    current: &Url,
    location: Option<&HeaderValue>,
    body_is_gone: bool,
) -> Result<Option<Url>> {
    let follows = match status.as_u16() {
        301..=303 => matches!(*method, Method::GET | Method::HEAD),
        _ => keeps_body(status) && !body_is_gone,
    };
    if !follows {
        return Ok(None);
    }
    if location.is_none() {
        return Err(refuse(current, format!("answers {} without saying where to", status.as_u16())));
    }
    self::location(current, location).map(Some)
}

/// Whether a redirect requires the same request, including its body, at the other location.
pub(crate) fn keeps_body(status: StatusCode) -> bool {
    matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT)
}

/// The Location of a response as a URL that may be used: http or https, not less protected than the response was, and
/// without userinfo. A fragment is dropped. A missing one is a PROTOCOL error.
///
/// The query keeps its bytes, except what a URL cannot contain: the url crate writes control characters, spaces, `"`,
/// `<`, `>`, `'` and non-ASCII characters as %XX, as browsers do. Signers expect that.
pub(crate) fn location(current: &Url, location: Option<&HeaderValue>) -> Result<Url> {
    let Some(value) = location else {
        return Err(
            Error::new(Code::Protocol, format!("{} sends no Location", without_secrets(current))).with_url(current)
        );
    };
    let text =
        std::str::from_utf8(value.as_bytes()).map_err(|_| refuse(current, "sends a Location that is not text"))?;
    let text = text.trim();
    if text.is_empty() || text.contains(char::is_control) {
        return Err(refuse(current, "sends an empty Location, or one with control characters"));
    }
    let mut target =
        join(current, text).map_err(|why| refuse(current, format!("sends a Location that is not a URL ({why})")))?;
    let Some(origin) = Origin::of(&target) else {
        let scheme = crate::text::shorten(target.scheme());
        return Err(refuse(current, format!("redirects to a '{scheme}' URL, which is neither http nor https")));
    };
    if current.scheme() == "https" && !origin.is_https() {
        return Err(refuse(current, format!("redirects to {origin}, away from https")));
    }
    if !target.username().is_empty() || target.password().is_some() {
        return Err(refuse(current, format!("redirects to {origin} with a user name in the URL")));
    }
    target.set_fragment(None);
    Ok(target)
}

/// Resolves a URL that a server sent, relative to where it was sent from. The url crate takes any number of slashes for
/// two, as browsers do: a path would become a host.
pub(crate) fn join(current: &Url, text: &str) -> std::result::Result<Url, String> {
    let scheme = ["http:", "https:"]
        .into_iter()
        .find(|scheme| text.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme)));
    let rest = &text[scheme.map_or(0, str::len)..];
    let slashes = rest.chars().take_while(|char| matches!(char, '/' | '\\')).collect::<String>();
    match slashes.as_str() {
        "//" => {}
        "" | "/" if scheme.is_none() => {}
        _ => return Err("it has too few or too many slashes, or backslashes".to_owned()),
    }
    current.join(text).map_err(|error| error.to_string())
}

/// The hops of one request: each URL at most once, and not more than the limit.
#[derive(Debug)]
pub(crate) struct RedirectChain {
    limit: usize,
    seen: HashSet<Url>,
}

impl RedirectChain {
    /// A chain of at most `limit` redirects.
    pub(crate) fn new(limit: usize) -> RedirectChain {
        RedirectChain { limit, seen: HashSet::new() }
    }

    /// Records a URL that is about to be requested; the first one is not a redirect.
    pub(crate) fn visit(&mut self, url: &Url) -> Result<()> {
        let mut key = url.clone();
        key.set_fragment(None);
        if !self.seen.insert(key) {
            return Err(refuse(url, "is part of a redirect loop"));
        }
        if self.seen.len() > self.limit.saturating_add(1) {
            return Err(refuse(url, format!("is one redirect too many: the limit is {}", self.limit)));
        }
        Ok(())
    }
}

fn refuse(url: &Url, why: impl std::fmt::Display) -> Error {
    Error::new(Code::Redirect, format!("{} {why}", without_secrets(url))).with_url(url)
}

/// Scheme, host and port: paths and queries may contain secrets.
fn without_secrets(url: &Url) -> String {
    Origin::of(url).map_or_else(|| "the server".to_owned(), |origin| origin.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn value(text: &str) -> HeaderValue {
        HeaderValue::from_bytes(text.as_bytes()).unwrap()
    }

    fn to(current: &str, text: &str) -> Result<Url> {
        location(&url(current), Some(&value(text)))
    }

    #[test]
    fn methods_and_statuses() {
        let here = url("https://h/v2/a/blobs/x");
        let there = value("/y");
        let follows = |method: Method, status: u16, has_body| {
            let status = StatusCode::from_u16(status).unwrap();
            next(&method, status, &here, Some(&there), has_body).unwrap().is_some()
        };
        for status in [301, 302, 303, 307, 308] {
            assert!(follows(Method::GET, status, false), "{status}");
            assert!(follows(Method::HEAD, status, false), "{status}");
        }
        for method in [Method::PUT, Method::POST, Method::PATCH, Method::DELETE] {
            for status in [307, 308] {
                assert!(follows(method.clone(), status, false), "{method} {status}");
                assert!(!follows(method.clone(), status, true), "{method} {status}");
            }
            for status in [301, 302, 303] {
                assert!(!follows(method.clone(), status, false), "{method} {status}");
            }
        }
        for status in [200, 201, 202, 204, 300, 304, 305, 306, 400, 401, 500] {
            assert!(!follows(Method::GET, status, false), "{status}");
        }
    }

    #[test]
    fn locations_are_resolved() {
        for (text, expected) in [
            ("https://cdn.example/blob?x=1", "https://cdn.example/blob?x=1"),
            ("//cdn.example/blob", "https://cdn.example/blob"),
            ("/other?y=2", "https://h:5000/other?y=2"),
            ("uuid?_state=abc", "https://h:5000/v2/a/blobs/uploads/uuid?_state=abc"),
            ("?part=2", "https://h:5000/v2/a/blobs/uploads/1?part=2"),
            (" /padded ", "https://h:5000/padded"),
            ("/path#fragment", "https://h:5000/path"),
        ] {
            assert_eq!(to("https://h:5000/v2/a/blobs/uploads/1?old=1", text).unwrap().as_str(), expected);
        }
        assert_eq!(to("http://h/", "https://h/").unwrap().as_str(), "https://h/");
        assert_eq!(to("http://h/", "http://other/").unwrap().as_str(), "http://other/");
    }

    #[test]
    fn signed_queries_keep_their_bytes() {
        for query in [
            "X-Amz-Credential=AKIA%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Signature=00ff",
            "sig=a%2bB%2B%3d%3D&se=2026-01-01T00%3A00%3A00Z",
            "a=1+2%20+3&b=~tilde%7E&c=x|y%7C&d=%22q%22&e=%27f%27&g=%3C%3E",
            "a=(b)*!$,;:@/?[]{}^`\\&&=&empty=&=x&percent=%&bad=%zz",
            "filename=caf%C3%A9%0D%0A",
        ] {
            let target = to("https://h/", &format!("https://cdn.example/b?{query}")).unwrap();
            assert_eq!(target.query(), Some(query));
            assert_eq!(target.as_str(), format!("https://cdn.example/b?{query}"));
        }
        // No request line may contain these unencoded; only the apostrophe could be, and the url crate encodes it too.
        let target = to("https://h/", "https://cdn.example/b?a=x y&b=\"q\"&c='p'&d=<e>&f=caf\u{e9}").unwrap();
        assert_eq!(target.query(), Some("a=x%20y&b=%22q%22&c=%27p%27&d=%3Ce%3E&f=caf%C3%A9"));
    }

    #[test]
    fn the_request_line_has_the_same_bytes() {
        let text = "https://cdn.example/b%2Fc/d~e?a=1+2%20%2F|~%7E&sig=%2b%2B";
        let target = to("https://h/", text).unwrap();
        let request = reqwest::Request::new(Method::GET, target);
        assert_eq!(request.url().as_str(), text);
    }

    #[test]
    fn slashes_make_no_host() {
        for text in [
            "http:///v2/x",
            "https:///v2/x",
            "HTTPS:////v2/x",
            "///v2/x",
            "http:/v2/x",
            "http:v2",
            "\\\\v2\\x",
            "/\\v2/x",
            "https:\\\\v2",
        ] {
            let error = to("https://h/v2/a/", text).unwrap_err();
            assert!(error.message().contains("slashes"), "{text}: {error}");
        }
        for (text, found) in [
            ("//other/x", "https://other/x"),
            ("/x", "https://h/x"),
            ("x", "https://h/v2/a/x"),
            ("?x", "https://h/v2/a/?x"),
        ] {
            assert_eq!(to("https://h/v2/a/", text).unwrap().as_str(), found);
        }
    }

    #[test]
    fn bad_locations_are_refused_without_showing_the_query() {
        for (current, text, reason) in [
            ("https://h/", "http://h/?sig=SECRET", "away from https"),
            ("https://h/", "http://other/?sig=SECRET", "http://other"),
            ("https://h/", "ftp://other/?sig=SECRET", "'ftp'"),
            ("https://h/", "file:///etc/passwd?SECRET", "'file'"),
            ("https://h/", "javascript:SECRET", "'javascript'"),
            ("https://h/", "data:,SECRET", "'data'"),
            ("https://h/", "https://SECRET@other/", "user name"),
            ("https://h/", "https://:SECRET@other/", "user name"),
            ("https://h/", "https://other:99999/?SECRET", "not a URL"),
            ("https://h/", "https://", "not a URL"),
            ("https://h/", "https://[::1/?SECRET", "not a URL"),
            ("https://h/", "/a\tb?SECRET", "control characters"),
            ("https://h/", "", "empty"),
            ("https://h/", "  ", "empty"),
        ] {
            let error = to(current, text).unwrap_err();
            assert_eq!(error.code(), Code::Redirect, "{text}");
            assert!(error.message().contains(reason), "{text}: {error}");
            assert!(error.message().contains("https://h"), "{text}: {error}");
            assert!(!error.to_json().to_string().contains("SECRET"), "{text}: {error}");
        }
        let latin1 = HeaderValue::from_bytes(b"/caf\xe9").unwrap();
        assert_eq!(location(&url("https://h/"), Some(&latin1)).unwrap_err().code(), Code::Redirect);
    }

    #[test]
    fn a_missing_location_is_an_error_only_where_one_is_due() {
        let here = url("https://h/?SECRET");
        let redirect = |status| next(&Method::GET, status, &here, None, false);
        let error = redirect(StatusCode::FOUND).unwrap_err();
        assert_eq!(error.code(), Code::Redirect);
        assert_eq!(error.message(), "https://h answers 302 without saying where to");
        assert!(redirect(StatusCode::NOT_MODIFIED).unwrap().is_none());
        assert!(next(&Method::POST, StatusCode::FOUND, &here, None, false).unwrap().is_none());
        assert_eq!(location(&here, None).unwrap_err().code(), Code::Protocol);
    }

    #[test]
    fn chains_end() {
        let hop = |n: usize| url(&format!("https://h/{n}"));
        let mut chain = RedirectChain::new(3);
        for n in 0..=3 {
            chain.visit(&hop(n)).unwrap();
        }
        let error = chain.visit(&hop(4)).unwrap_err();
        assert_eq!(error.code(), Code::Redirect);
        assert!(error.message().contains("the limit is 3"), "{error}");

        let mut chain = RedirectChain::new(10);
        chain.visit(&url("https://h/a?x=1")).unwrap();
        chain.visit(&url("https://h/a?x=2")).unwrap();
        let error = chain.visit(&url("https://h/a?x=1#again")).unwrap_err();
        assert_eq!(error.message(), "https://h is part of a redirect loop");

        let mut none = RedirectChain::new(0);
        none.visit(&hop(0)).unwrap();
        assert!(none.visit(&hop(1)).is_err());
        RedirectChain::new(usize::MAX).visit(&hop(0)).unwrap();
    }
}
