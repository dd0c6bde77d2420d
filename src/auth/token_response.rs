//! The response of a token server (distribution, docs/spec/auth/token.md "Token Response Fields").

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::error::Category;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::error::{Code, Error, Result};

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
    pub value: Zeroizing<String>,
    pub expires: SystemTime,
    /// The refresh token that came with it, to be used from now on.
    pub refresh: Option<Zeroizing<String>>,
    /// How many requests were given it.
    pub given: AtomicU64,
}

impl Token {
    /// Whether it can still be used for a new request.
    pub(crate) fn fresh_at(&self, now: SystemTime) -> bool {
        self.expires.duration_since(now).is_ok_and(|left| left > EARLY)
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
    let begin = begin(response.issued_at.as_str().and_then(rfc3339), now);
    let expires = begin + lifetime(&response.expires_in);
    Ok(Token { value, expires, refresh: refresh.filter(usable), given: AtomicU64::new(0) })
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
        Category::Eof => "JSON that breaks off".to_owned(),
        _ => format!("not JSON (line {}, column {})", error.line(), error.column()),
    }
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

/// RFC 3339, between 1970 and 9999: `2026-01-02T03:04:05.678Z` or with `+01:00`.
fn rfc3339(text: &str) -> Option<SystemTime> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| {
        let digits = bytes.get(from..to).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
        Some(digits.iter().fold(0i64, |sum, digit| sum * 10 + i64::from(digit - b'0')))
    };
    let separated = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')].iter().all(|(at, c)| bytes.get(*at) == Some(c));
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let sane = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    if !separated || !sane || !matches!(bytes.get(10), Some(b'T' | b't' | b' ')) {
        return None;
    }
    let fraction = bytes.get(19) == Some(&b'.');
    let digits = if fraction { bytes[20..].iter().take_while(|byte| byte.is_ascii_digit()).count() + 1 } else { 0 };
    let zone = 19 + digits;
    let east = match (bytes.get(zone)?, bytes.len() - zone) {
        (b'Z' | b'z', 1) => 0,
        (sign @ (b'+' | b'-'), 6) if bytes[zone + 3] == b':' => {
            let seconds = number(zone + 1, zone + 3)? * 3600 + number(zone + 4, zone + 6)? * 60;
            if *sign == b'+' {
                seconds
            } else {
                -seconds
            }
        }
        _ => return None,
    };
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - east;
    UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?))
}

/// Days since 1970 in the Gregorian calendar; years start in March, so that the leap day is the last one.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let month = (month + 9) % 12;
    365 * year + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
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
            (r#"{"token":"SECRET""#, "breaks off"),
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
            (&ignored, "breaks off"),
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
    fn dates_are_read() {
        let seconds = |text| rfc3339(text).map(|time| time.duration_since(UNIX_EPOCH).unwrap().as_secs());
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-01-02T03:04:05Z", Some(NOW)),
            ("2026-01-02 03:04:05.5z", Some(NOW)),
            ("2026-01-01T22:04:05-05:00", Some(NOW)),
            ("2000-02-29T00:00:00Z", Some(951_782_400)),
            ("2024-03-01T00:00:00Z", Some(1_709_251_200)),
            ("9999-12-31T23:59:60Z", Some(253_402_300_800)),
            ("0000-01-01T00:00:00Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-01-02T03:04:05", None),
            ("2026-01-02T03:04:05.", None),
            ("2026-01-02T03:04:05+01", None),
            ("2026-01-02T03:04:05+0100x", None),
            ("2026-01-02T03:04:05Zx", None),
            ("+026-01-02T03:04:05Z", None),
            ("2026-01-02T03:04:05\u{e9}\u{e9}\u{e9}", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn printing_shows_no_token() {
        let printed = format!("{:?}", read(r#"{"token":"SECRET"}"#).unwrap());
        assert!(printed.starts_with("Token") && !printed.contains("SECRET"), "{printed}");
    }
}
