//! What an error response means: its status first, then the registry's own code (distribution-spec "Error
//! Codes"). Error bodies come from registries, proxies, token servers and CDNs: every format is parsed, none is
//! trusted.

mod body;

use std::time::Duration;

use ::http::header::{HeaderMap, DATE};
use ::http::StatusCode;

use crate::error::{Code, Error};
use crate::http::origin::host_of;
use crate::http::retry::{whole_seconds, RetryAfter};
use crate::http::Url;
use crate::rate_limit::RateLimit;
use crate::statuses;

pub(crate) use body::holds_errors;
use body::{plain, registry_errors};

/// The hint for a missing name.
const ABSENT: &str =
    "check the name and the tag or digest; a private repository may look missing to an account without access";
/// The largest body that is parsed.
const MOST_BODY: usize = 1 << 20;

/// The error for an unexpected response. `what` says what was tried.
pub(crate) fn error_of(status: u16, headers: &HeaderMap, body: &[u8], url: &Url, what: &str) -> Error {
    let body = &body[..body.len().min(MOST_BODY)];
    let errors = registry_errors(body);
    let name = errors.iter().map(|error| error.code.clone()).find(|code| !code.is_empty()).unwrap_or_default();
    let said = errors.iter().map(|error| error.message.as_str()).find(|message| !message.is_empty());
    let said = said.map(str::to_owned).or_else(|| errors.is_empty().then(|| plain(status, headers, body))?);
    let said = said.unwrap_or_else(|| status_text(status));
    let message = match name.as_str() {
        "" => format!("{what}: {said}"),
        name => format!("{what}: {said} ({name})"),
    };
    let code =
        errors.iter().find_map(|error| by_name(&error.code, status, url)).unwrap_or_else(|| statuses::code(status));
    let after = retry_after(headers).map(whole_seconds);
    let message = match (code, after) {
        (Code::RateLimited, Some(after)) => format!("{message}; the server asks to retry after {after} s"),
        _ => message,
    };
    let error = Error::new(code, message)
        .with_http_status(status)
        .with_retry_after(after)
        .with_rate_limit(rate_limit(code, headers))
        .with_registry_errors(errors)
        .with_url(url);
    match hint(code, &name, url) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// The same for the response to a read: something missing then means the requested object itself.
pub(crate) fn of_a_read(error: Error) -> Error {
    match error.code() {
        Code::MissingBlob => error.with_code(Code::NotFound).with_hint(ABSENT),
        _ => error,
    }
}

/// What the registry's code adds where the status is not specific.
fn by_name(name: &str, status: u16, url: &Url) -> Option<Code> {
    // For a GET, a missing blob is the requested object; for a PUT of a manifest, it is the reason of the failure.
    let may_miss_a_blob = statuses::may_miss_a_blob(status);
    let (is_open, is_general) = (statuses::leaves_the_reason_open(status), statuses::is_general(status));
    match name.to_ascii_uppercase().as_str() {
        "TOOMANYREQUESTS" => Some(Code::RateLimited),
        "MANIFEST_BLOB_UNKNOWN" if may_miss_a_blob => Some(Code::MissingBlob),
        "BLOB_UNKNOWN" if may_miss_a_blob && url.path().contains("/manifests/") => Some(Code::MissingBlob),
        "DIGEST_INVALID" if is_open => Some(Code::DigestMismatch),
        "SIZE_INVALID" if is_open => Some(Code::SizeMismatch),
        "MANIFEST_INVALID" if is_open => Some(Code::InvalidManifest),
        "NAME_INVALID" if is_general => Some(Code::InvalidReference),
        "UNSUPPORTED" if is_general => Some(Code::Unsupported),
        "DENIED" if is_general => Some(Code::Forbidden),
        "UNAUTHORIZED" if is_general => Some(Code::Unauthenticated),
        _ => None,
    }
}

fn hint(code: Code, name: &str, url: &Url) -> Option<String> {
    let host = host_of(url);
    Some(match (code, name) {
        (Code::Unauthenticated, _) => format!(
            "give credentials for {host}, or check the given ones; some registries respond the same for a repository that does not exist"
        ),
        (Code::Forbidden, _) => format!(
            "check what the account may do at {host}; some registries respond the same for a repository that does not exist"
        ),
        (Code::NotFound, "NAME_UNKNOWN") => {
            "there is no such repository: check its name; a private repository may look missing to an account without access".to_owned()
        }
        (Code::NotFound, "MANIFEST_UNKNOWN") => {
            "the repository has no such tag or digest: list its tags to see what it has".to_owned()
        }
        (Code::NotFound, _) => ABSENT.to_owned(),
        (Code::RateLimited, _) => {
            format!("wait before the next try; {host} may allow more with an account than without")
        }
        _ => return None,
    })
}

fn rate_limit(code: Code, headers: &HeaderMap) -> Option<RateLimit> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    (code == Code::RateLimited).then(|| RateLimit::read(header)).flatten()
}

/// The wait that the server asks for. A date is compared with the server's own clock, from its Date header.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    match RetryAfter::parse(headers)? {
        RetryAfter::Wait(wait) => Some(wait),
        until => until.from(httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?),
    }
}

fn status_text(status: u16) -> String {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    reason.map_or_else(|| format!("status {status}"), |reason| format!("{status} {reason}"))
}

#[cfg(test)]
mod tests {
    use super::body::{MOST_ERRORS, MOST_TEXT};
    use super::*;
    use ::http::header::{HeaderValue, CONTENT_TYPE, RETRY_AFTER};

    const BLOB: &str = "https://user:SECRET@reg.example/v2/a/blobs/x?sig=SECRET";
    const MANIFEST: &str = "https://reg.example/v2/a/manifests/latest";

    fn at(url: &str, status: u16, body: &str) -> Error {
        error_of(status, &HeaderMap::new(), body.as_bytes(), &Url::parse(url).unwrap(), "get it")
    }

    fn message(body: &str) -> String {
        at(BLOB, 418, body).message().to_owned()
    }

    fn listed(code: &str) -> String {
        format!(r#"{{"errors":[{{"code":"{code}","message":"m"}}]}}"#)
    }

    #[test]
    fn statuses_have_their_codes() {
        for (status, code) in [
            (200, Code::Protocol),
            (302, Code::Redirect),
            (400, Code::Http),
            (401, Code::Unauthenticated),
            (403, Code::Forbidden),
            (404, Code::NotFound),
            (405, Code::Unsupported),
            (408, Code::Timeout),
            (409, Code::Http),
            (413, Code::LimitExceeded),
            (416, Code::Http),
            (429, Code::RateLimited),
            (499, Code::Http),
            (500, Code::Server),
            (501, Code::Unsupported),
            (503, Code::Server),
            (599, Code::Server),
            (999, Code::Protocol),
        ] {
            let error = at(BLOB, status, "");
            assert_eq!((error.code(), error.http_status()), (code, Some(status)));
        }
    }

    #[test]
    fn registry_codes_refine_the_status() {
        for (url, status, name, code) in [
            (BLOB, 429, "TOOMANYREQUESTS", Code::RateLimited),
            (BLOB, 503, "TOOMANYREQUESTS", Code::RateLimited),
            (BLOB, 403, "toomanyrequests", Code::RateLimited),
            (BLOB, 400, "DIGEST_INVALID", Code::DigestMismatch),
            (BLOB, 404, "DIGEST_INVALID", Code::NotFound),
            (BLOB, 401, "DIGEST_INVALID", Code::Unauthenticated),
            (BLOB, 416, "SIZE_INVALID", Code::SizeMismatch),
            (BLOB, 413, "SIZE_INVALID", Code::LimitExceeded),
            (MANIFEST, 400, "MANIFEST_INVALID", Code::InvalidManifest),
            (MANIFEST, 404, "MANIFEST_BLOB_UNKNOWN", Code::MissingBlob),
            (MANIFEST, 400, "MANIFEST_BLOB_UNKNOWN", Code::MissingBlob),
            (MANIFEST, 500, "MANIFEST_BLOB_UNKNOWN", Code::Server),
            (MANIFEST, 400, "BLOB_UNKNOWN", Code::MissingBlob),
            (MANIFEST, 404, "BLOB_UNKNOWN", Code::MissingBlob),
            (BLOB, 404, "BLOB_UNKNOWN", Code::NotFound),
            (MANIFEST, 404, "MANIFEST_UNKNOWN", Code::NotFound),
            (BLOB, 400, "NAME_INVALID", Code::InvalidReference),
            (BLOB, 404, "NAME_INVALID", Code::NotFound),
            (BLOB, 400, "UNSUPPORTED", Code::Unsupported),
            (BLOB, 400, "DENIED", Code::Forbidden),
            (BLOB, 400, "UNAUTHORIZED", Code::Unauthenticated),
            (BLOB, 401, "DENIED", Code::Unauthenticated),
            (BLOB, 404, "UNAUTHORIZED", Code::NotFound),
            (BLOB, 400, "WHATEVER", Code::Http),
        ] {
            assert_eq!(at(url, status, &listed(name)).code(), code, "{status} {name}");
        }
        let second = r#"{"errors":[{"code":"UNKNOWN","message":"a"},{"code":"TOOMANYREQUESTS","message":"b"}]}"#;
        assert_eq!(at(BLOB, 400, second).code(), Code::RateLimited);
    }

    #[test]
    fn every_form_of_body_is_read() {
        for (body, expected) in [
            (
                r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"not here","detail":{"Tag":"x"}}]}"#,
                "not here (MANIFEST_UNKNOWN)",
            ),
            (r#"{"errors":[{"code":"UNAUTHORIZED"}]}"#, "418 I'm a teapot (UNAUTHORIZED)"),
            (r#"{"errors":["first","second"]}"#, "first"),
            (r#"{"errors":[null,5,{},{"code":"A","message":"m"}]}"#, "m (A)"),
            (r#"{"errors":{"code":"A","message":"m"}}"#, "m (A)"),
            (r#"[{"code":"A","message":"m"}]"#, "m (A)"),
            (r#"{"details":"incorrect username or password"}"#, "incorrect username or password"),
            (r#"{"code":"A","message":"m"}"#, "m (A)"),
            (r#"{"code":404,"message":"m"}"#, "m (404)"),
            (r#"{"error":{"code":"A","message":"m"}}"#, "m (A)"),
            (r#"{"error":"text"}"#, "text"),
            (r#"{"error":"invalid_grant","error_description":"why"}"#, "why (invalid_grant)"),
            (r#"{"code":"A","error":"why"}"#, "why (A)"),
            (r#"{"detail":"why"}"#, "why"),
            (r#"{"errors":[],"message":"m"}"#, "m"),
            ("\u{feff} {\"message\":\"m\"}", "m"),
            (r#"{"errors":[]}"#, "418 I'm a teapot"),
            (r#"{"errors":null}"#, "418 I'm a teapot"),
            ("{broken", "418 I'm a teapot"),
            (
                "<!DOCTYPE HTML><title >502\n Bad  Gateway</TITLE>",
                "the server answered 418 I'm a teapot with an HTML page, titled \"502 Bad Gateway\"",
            ),
            ("<html><title>never closed", "the server answered 418 I'm a teapot with an HTML page"),
            ("  404 page\tnot found\r\n", "404 page not found (418 I'm a teapot)"),
            ("418 page\tnot found\r\n", "418 page not found"),
            ("a\u{0}b\u{1b}[31mc", "a b [31mc (418 I'm a teapot)"),
            ("", "418 I'm a teapot"),
            (" \n ", "418 I'm a teapot"),
            ("\u{1}\u{2}", "418 I'm a teapot"),
        ] {
            assert_eq!(message(body), format!("get it: {expected}"), "{body}");
        }
        assert_eq!(at(BLOB, 799, "").message(), "get it: status 799");
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("Text/HTML; charset=utf-8"));
        let html = error_of(502, &headers, b"<p>x", &Url::parse(BLOB).unwrap(), "get it");
        assert_eq!(html.message(), "get it: the server answered 502 Bad Gateway with an HTML page");
        assert!(error_of(500, &HeaderMap::new(), b"caf\xe9", &Url::parse(BLOB).unwrap(), "x")
            .message()
            .ends_with("caf\u{fffd} (500 Internal Server Error)"));
    }

    #[test]
    fn the_list_is_kept_with_its_details() {
        let body = r#"{"errors":[{"code":"A","message":"m","detail":[{"x":1}]},"text",{"code":"B","detail":"d"}]}"#;
        let error = at(BLOB, 400, body);
        let shown = error.to_json()["registry_errors"].to_string();
        let expected = r#"[{"code":"A","message":"m","detail":[{"x":1}]},{"code":"","message":"text"},{"code":"B","message":"d"}]"#;
        assert_eq!(shown, expected);
    }

    #[test]
    fn bodies_are_bounded() {
        let long = "x".repeat(100_000);
        assert_eq!(message(&long).chars().count(), "get it: … (418 I'm a teapot)".chars().count() + MOST_TEXT);
        let entry = format!(r#"{{"code":"{long}","message":"{long}","detail":"{long}"}}"#);
        let body = format!(r#"{{"errors":[{}]}}"#, ["{\"code\":\"A\"}"; 100].join(","));
        assert_eq!(at(BLOB, 400, &body).registry_errors().len(), MOST_ERRORS);
        let error = at(BLOB, 400, &entry);
        assert!(error.to_json().to_string().len() < 4000);
        assert!(error.registry_errors()[0].detail.is_null());
        let deep = "[".repeat(1 << 20);
        assert_eq!(at(BLOB, 400, &deep).message(), "get it: 400 Bad Request");
        assert!(!holds_errors(deep.as_bytes()));
        at(BLOB, 400, &"x".repeat(MOST_BODY + 5));
    }

    #[test]
    fn secrets_of_the_url_stay_out() {
        let error = at(BLOB, 403, "");
        assert!(!error.to_json().to_string().contains("SECRET"));
        assert_eq!(error.to_json()["url"], "https://reg.example/v2/a/blobs/x");
    }

    #[test]
    fn hints_say_what_to_do() {
        for (status, part) in [
            (401, "credentials for reg.example"),
            (403, "may do at reg.example"),
            (404, "check the name"),
            (429, "wait"),
        ] {
            let json = at(BLOB, status, "").to_json();
            assert!(json["hint"].as_str().unwrap().contains(part), "{json}");
        }
        assert!(at(BLOB, 500, "").to_json()["hint"].is_null());
    }

    #[test]
    fn the_wait_is_carried_on() {
        let wait = |after: &str, date: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_str(after).unwrap());
            headers.extend(date.map(|date| (DATE, HeaderValue::from_str(date).unwrap())));
            error_of(429, &headers, b"", &Url::parse(BLOB).unwrap(), "x").retry_after()
        };
        let (early, late) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:50:07 GMT");
        assert_eq!(wait("120", None), Some(120));
        assert_eq!(wait(late, Some(early)), Some(30));
        assert_eq!(wait(early, Some(late)), None);
        assert_eq!(wait(late, None), None);
        assert_eq!(wait("-1", Some(early)), None);
    }

    #[test]
    fn errors_behind_a_success_are_found() {
        for (body, expected) in [
            (r#"{"errors":[{"code":"A"}]}"#, true),
            (r#"{"errors":["text"]}"#, true),
            (r#"{"errors":[]}"#, false),
            (r#"{"errors":null}"#, false),
            (r#"{"errors":[{}]}"#, false),
            (r#"{"message":"created"}"#, false),
            (r#"{"schemaVersion":2}"#, false),
            ("created", false),
            ("", false),
        ] {
            assert_eq!(holds_errors(body.as_bytes()), expected, "{body}");
        }
    }
}
