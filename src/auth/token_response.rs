//! The response of a token server (distribution, docs/spec/auth/token.md "Token Response Fields").

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use serde::Deserialize;
use serde_json::error::Category;
use serde_json::Value;
use zeroize::Zeroizing;

use super::scope::{Scope, ScopeSet};
use crate::error::{Code, Error, Result};
use crate::timestamp;

const MOST_ANSWER: usize = 1 << 20;
/// A longer token exceeds every server's header limit.
const MOST_TOKEN: usize = 64 << 10;
/// The lifetime when the server gives none, or a shorter one.
const SHORTEST: Duration = Duration::from_secs(60);
/// The longest lifetime that is trusted.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// A time of issue further away from the local clock means a wrong clock.
const SKEW: Duration = Duration::from_secs(5 * 60);
/// A token is renewed this long before its end, so that it does not expire in transit.
const EARLY: Duration = Duration::from_secs(10);

/// A bearer token. Its value is wiped when it is dropped and never printed.
pub(crate) struct Token {
    /// The token itself: visible ASCII only.
    pub(crate) value: Zeroizing<String>,
    pub(crate) expires: SystemTime,
    /// The refresh token that came with it, to be used from now on.
    pub(crate) refresh: Option<Zeroizing<String>>,
    /// What it is for, if the server or the token itself says so: nothing depends on it.
    pub(crate) granted: Option<ScopeSet>,
    /// How many requests were given it.
    pub(crate) given: AtomicU64,
}

impl Token {
    /// Whether it can still be used for a new request.
    pub(crate) fn fresh_at(&self, now: SystemTime) -> bool {
        self.lasts(now, EARLY)
    }

    /// Whether it is valid for longer than that.
    pub(crate) fn lasts(&self, now: SystemTime, time: Duration) -> bool {
        self.expires.duration_since(now).is_ok_and(|left| left > time)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Token").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// A struct refuses repeated fields, which a map would not.
#[derive(Deserialize)]
struct TokenFields {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
    #[serde(default)]
    refresh_token: Value,
    #[serde(default)]
    expires_in: Value,
    #[serde(default)]
    issued_at: Value,
    #[serde(default)]
    scope: Value,
}

/// Parses the response to a successful token request. Everything but a usable token is a PROTOCOL error that
/// gives the reason, without quoting the response.
pub(crate) fn parse_answer(body: &[u8], now: SystemTime) -> Result<Token> {
    if body.len() > MOST_ANSWER {
        return Err(wrong(format!("larger than {MOST_ANSWER} bytes")));
    }
    let start = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    match start.first() {
        None => return Err(wrong("empty")),
        Some(b'<') => return Err(wrong("a page of HTML or XML, not JSON")),
        Some(b'{') => {}
        Some(_) => return Err(wrong("not a JSON object")),
    }
    let response: TokenFields = serde_json::from_slice(start).map_err(|error| wrong(reason(&error)))?;
    let values = [response.access_token, response.token].map(|value| Zeroizing::new(value.unwrap_or_default()));
    let value = values.into_iter().find(|value| !value.is_empty());
    let value = value.ok_or_else(|| wrong("without a token"))?;
    if value.len() > MOST_TOKEN {
        return Err(wrong(format!("a token of more than {MOST_TOKEN} bytes")));
    }
    if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong("a token with characters that are not allowed in a header"));
    }
    let refresh = match response.refresh_token {
        Value::String(text) => Some(Zeroizing::new(text)),
        _ => None,
    };
    let usable = |token: &Zeroizing<String>| {
        (1..=MOST_TOKEN).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let begin = begin(response.issued_at.as_str().and_then(timestamp::parse), now);
    let expires = begin + lifetime(&response.expires_in);
    let granted = granted(&response.scope, &value);
    Ok(Token { value, expires, refresh: refresh.filter(usable), granted, given: AtomicU64::new(0) })
}

fn wrong(why: impl fmt::Display) -> Error {
    Error::new(Code::Protocol, format!("the response to the token request is {why}"))
}

/// The parser's own messages may quote the response, except these.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match error.classify() {
        Category::Data if text.starts_with("duplicate field") => format!("ambiguous: {text}"),
        Category::Data => "JSON, but its token is not a string".to_owned(),
        Category::Eof => "incomplete JSON".to_owned(),
        _ => format!("not JSON (line {}, column {})", error.line(), error.column()),
    }
}

/// What a token is for: as the server says (distribution, docs/spec/auth/oauth.md), otherwise as the token says that is a JSON
/// Web Token of distribution's kind (docs/spec/auth/jwt.md, "access"). Its signature is the registry's to check.
fn granted(said: &Value, token: &str) -> Option<ScopeSet> {
    let mut scopes = ScopeSet::new();
    scopes.add_text(said.as_str().unwrap_or_default());
    match scopes.is_empty() {
        true => access(token),
        false => Some(scopes),
    }
}

fn access(token: &str) -> Option<ScopeSet> {
    let payload = token.split('.').nth(1)?.trim_end_matches('=');
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    let list = match claims.get("access")? {
        Value::Null => &[],
        list => list.as_array()?.as_slice(),
    };
    let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
    let mut scopes = ScopeSet::new();
    for entry in list {
        let (Some(kind), Some(name)) = (text(entry, "type"), text(entry, "name")) else { continue };
        let actions = entry.get("actions").and_then(Value::as_array).into_iter().flatten();
        let actions = actions.filter_map(Value::as_str).collect::<Vec<_>>().join(",");
        Scope::parse(&format!("{kind}:{name}:{actions}")).into_iter().for_each(|scope| scopes.add(scope));
    }
    Some(scopes)
}

/// Some servers send the number as a string.
fn lifetime(expires_in: &Value) -> Duration {
    let seconds = match expires_in {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_f64(),
    };
    let longest = LONGEST.as_secs_f64();
    Duration::from_secs(
        seconds.filter(|seconds: &f64| seconds.is_finite()).map_or(0, |seconds| seconds.clamp(0.0, longest) as u64),
    )
    .max(SHORTEST)
}

/// A server whose clock is ahead must not make its tokens last longer than they do.
fn begin(issued_at: Option<SystemTime>, now: SystemTime) -> SystemTime {
    match issued_at {
        Some(issued) if now.duration_since(issued).is_ok_and(|age| age <= SKEW) => issued,
        _ => now,
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    /// 2026-01-02T03:04:05Z.
    const NOW: u64 = 1_767_323_045;

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(NOW)
    }

    fn read(body: &str) -> Result<Token> {
        parse_answer(body.as_bytes(), now())
    }

    fn lasts(fields: &str) -> i64 {
        let expires = read(&format!(r#"{{"token":"t"{fields}}}"#)).unwrap().expires;
        expires.duration_since(UNIX_EPOCH).unwrap().as_secs() as i64 - NOW as i64
    }

    #[test]
    fn what_it_is_for_may_be_said() {
        let of = |fields: &str| read(&format!("{{{fields}}}")).unwrap().granted.map(|scopes| scopes.to_string());
        let jwt = |claims: &str| {
            let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims);
            of(&format!(r#""token":"e30.{payload}.c2ln""#))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of(r#""token":"t""#), None);
        assert_eq!(of(r#""token":"t","scope":"repository:a/b:push,pull""#), some("repository:a/b:pull,push"));
        for (claims, expected) in [
            (r#"{"access":[{"type":"repository","name":"a/b","actions":["pull"]}]}"#, some("repository:a/b:pull")),
            (r#"{"access":[]}"#, some("")),
            (r#"{"access":null}"#, some("")),
            (r#"{"access":[{"type":"repository","name":"a","actions":null},{"type":"x"},7]}"#, some("")),
            (r#"{"access":"all"}"#, None),
            (r#"{"sub":"x"}"#, None),
            ("[]", None),
            ("not JSON", None),
        ] {
            assert_eq!(jwt(claims), expected, "{claims}");
        }
        for token in ["a.%%%.c", "a..c", "..", "a.e30"] {
            assert_eq!(of(&format!(r#""token":"{token}""#)), None, "{token}");
        }
    }

    #[test]
    fn either_field_is_the_token() {
        for (body, expected) in [
            (r#"{"token":"a.b-c_d~e+f/g="}"#, "a.b-c_d~e+f/g="),
            (r#"{"access_token":"b"}"#, "b"),
            (r#" {"token":"a","access_token":"b","refresh_token":"c","scope":["x"],"other":{"token":1}}"#, "b"),
            (r#"{"token":"a","access_token":""}"#, "a"),
            (r#"{"token":"a","access_token":null,"expires_in":null,"issued_at":null}"#, "a"),
            (r#"{"tok\u0065n":"\u0061"}"#, "a"),
            ("\u{feff}{\"token\":\"a\"}", "a"),
        ] {
            assert_eq!(read(body).unwrap().value.as_str(), expected, "{body}");
        }
    }

    #[test]
    fn a_refresh_token_is_kept_when_it_can_be_used() {
        for (fields, expected) in [
            ("", None),
            (r#","refresh_token":"r.1""#, Some("r.1")),
            (",\"refresh_token\":\"\"", None),
            (r#","refresh_token":null"#, None),
            (r#","refresh_token":{"x":1}"#, None),
            (r#","refresh_token":"a b""#, None),
            (r#","refresh_token":"a\r\nb""#, None),
        ] {
            let token = read(&format!(r#"{{"token":"t"{fields}}}"#)).unwrap();
            assert_eq!(token.refresh.as_ref().map(|token| token.as_str()), expected, "{fields}");
        }
        assert!(read(r#"{"token":"t","refresh_token":"a","refresh_token":"b"}"#).is_err());
    }

    #[test]
    fn unusable_answers_name_their_cause_and_quote_nothing() {
        let large = format!(r#"{{"token":"a","x":"{}"}}"#, "x".repeat(MOST_ANSWER));
        let long = format!(r#"{{"token":"{}"}}"#, "x".repeat(MOST_TOKEN + 1));
        let deep = format!(r#"{{"token":"a","expires_in":{}"#, "[".repeat(500_000));
        let ignored = format!(r#"{{"token":"a","x":{}"#, "[".repeat(500_000));
        for (body, reason) in [
            ("", "empty"),
            (" \n", "empty"),
            ("<!doctype html><p>SECRET", "HTML"),
            ("SECRET", "not a JSON object"),
            (r#"["SECRET"]"#, "not a JSON object"),
            (r#""SECRET""#, "not a JSON object"),
            (r#"{"token":"SECRET""#, "incomplete JSON"),
            (r#"{"token":"SECRET"} x"#, "not JSON (line 1"),
            (r#"{token:SECRET}"#, "not JSON (line 1"),
            (r#"{}"#, "without a token"),
            (r#"{"token":"","access_token":""}"#, "without a token"),
            (r#"{"token":null}"#, "without a token"),
            (r#"{"token":{"SECRET":1}}"#, "not a string"),
            (r#"{"token":5}"#, "not a string"),
            (r#"{"token":"SECRET","token":"SECRET"}"#, "duplicate field `token`"),
            (r#"{"access_token":"SECRET","access_token":"b"}"#, "duplicate field `access_token`"),
            (r#"{"token":"a","expires_in":1,"expires_in":2}"#, "duplicate field `expires_in`"),
            (r#"{"token":"SECRET\r\nX: y"}"#, "not allowed in a header"),
            (r#"{"token":"SECRET x"}"#, "not allowed in a header"),
            (r#"{"token":"SECRET\u00e9"}"#, "not allowed in a header"),
            (&large, "larger than"),
            (&long, "more than"),
            (&deep, "not JSON"),
            (&ignored, "incomplete JSON"),
        ] {
            let error = read(body).unwrap_err();
            assert_eq!(error.code(), Code::Protocol);
            assert!(error.message().contains(reason), "{reason}: {error}");
            assert!(!error.message().contains("SECRET"), "{error}");
        }
        assert!(parse_answer(b"{\"token\":\"\xff\"}", now()).is_err());
    }

    #[test]
    fn lifetimes_are_clamped() {
        for (fields, expected) in [
            ("", 60),
            (r#","expires_in":300"#, 300),
            (r#","expires_in":300.9"#, 300),
            (r#","expires_in":"300""#, 300),
            (r#","expires_in":59"#, 60),
            (r#","expires_in":0"#, 60),
            (r#","expires_in":-5"#, 60),
            (r#","expires_in":"soon""#, 60),
            (r#","expires_in":"NaN""#, 60),
            (r#","expires_in":[]"#, 60),
            (r#","expires_in":18446744073709551615"#, 86_400),
            (r#","expires_in":1e300"#, 86_400),
            (r#","expires_in":300,"issued_at":"2026-01-02T03:03:05Z""#, 240),
            (r#","expires_in":300,"issued_at":"2026-01-02T04:03:05.123456789+01:00""#, 240),
            (r#","expires_in":300,"issued_at":"2026-01-02T02:59:05Z""#, 0),
            (r#","expires_in":300,"issued_at":"2026-01-02T02:59:04Z""#, 300),
            (r#","expires_in":300,"issued_at":"2026-01-02T03:04:35Z""#, 300),
            (r#","expires_in":300,"issued_at":"2036-01-02T03:04:35Z""#, 300),
            (r#","expires_in":300,"issued_at":"1969-12-31T23:59:59Z""#, 300),
            (r#","expires_in":300,"issued_at":"yesterday""#, 300),
            (r#","expires_in":300,"issued_at":1767323045"#, 300),
        ] {
            assert_eq!(lasts(fields), expected, "{fields}");
        }
    }

    #[test]
    fn tokens_are_renewed_early() {
        let token = read(r#"{"token":"t","expires_in":100}"#).unwrap();
        let after = |seconds| token.fresh_at(now() + Duration::from_secs(seconds));
        assert!(after(0) && after(89));
        assert!(!after(90) && !after(100) && !after(1000));
    }

    #[test]
    fn printing_shows_no_token() {
        let printed = format!("{:?}", read(r#"{"token":"SECRET"}"#).unwrap());
        assert!(printed.starts_with("Token") && !printed.contains("SECRET"), "{printed}");
    }
}
