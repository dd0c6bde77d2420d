//! What a registry says about its rate limit: Docker Hub's `ratelimit-*` headers, those of the IETF's drafts
//! (draft-ietf-httpapi-ratelimit-headers, the old form and the structured one), and the common `x-ratelimit-*`.

use serde::Serialize;

use crate::text::shorten;

/// A registry's rate limit, as far as it reports one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct RateLimit {
    /// How many requests, or pulls, the window allows in total.
    pub limit: Option<u64>,
    /// How many requests are left.
    pub remaining: Option<u64>,
    /// The length of the window.
    pub window_seconds: Option<u64>,
    /// What the registry counts: at Docker Hub an address or an account.
    pub source: Option<String>,
}

impl RateLimit {
    /// Whether a header of this name, in lower case, may say something of a limit.
    pub(crate) fn is_about_one(name: &str) -> bool {
        name.starts_with("ratelimit") || name.starts_with("x-ratelimit")
    }

    /// Reads it from headers, which `header` returns by their lower-case names. None when they contain no number.
    pub(crate) fn read<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<RateLimit> {
        let mut found = RateLimit::default();
        for name in ["ratelimit-limit", "x-ratelimit-limit", "ratelimit-policy"] {
            let (limit, window) = number(header(name), &["q"], true);
            found.limit = found.limit.or(limit);
            found.window_seconds = found.window_seconds.or(window);
        }
        for name in ["ratelimit-remaining", "x-ratelimit-remaining"] {
            let (remaining, window) = number(header(name), &[], true);
            found.remaining = found.remaining.or(remaining);
            found.window_seconds = found.window_seconds.or(window);
        }
        found.limit = found.limit.or(number(header("ratelimit"), &["limit"], false).0);
        found.remaining = found.remaining.or(number(header("ratelimit"), &["r", "remaining"], false).0);
        if found.limit.is_none() && found.remaining.is_none() {
            return None;
        }
        found.source = header("docker-ratelimit-source").map(|text| shorten(text.trim())).filter(|t| !t.is_empty());
        Some(found)
    }
}

/// The first number in a header under one of the keys, or by itself, and the window that follows it.
fn number(text: Option<&str>, keys: &[&str], bare: bool) -> (Option<u64>, Option<u64>) {
    let Some(text) = text else { return (None, None) };
    let items = Item::all(text);
    let wanted = |item: &Item| keys.iter().find_map(|key| item.value(key)).or(item.bare.filter(|_| bare));
    let number = items.iter().find_map(wanted);
    let window = number.and_then(|_| items.iter().find_map(|item| item.value("w")));
    (number, window)
}

/// One item of the header, between commas and semicolons.
struct Item<'a> {
    bare: Option<u64>,
    pair: Option<(&'a str, u64)>,
}

impl Item<'_> {
    fn all(text: &str) -> Vec<Item<'_>> {
        // Names of policies are quoted, and may contain anything; numbers are never quoted.
        let mut quoted = false;
        let pieces = text.split(|c: char| {
            quoted ^= c == '"';
            !quoted && matches!(c, ',' | ';')
        });
        pieces.take(64).map(Item::new).collect()
    }

    fn new(piece: &str) -> Item<'_> {
        let pair = piece.split_once('=');
        let pair = pair.and_then(|(key, value)| Some((key.trim(), value.trim().parse().ok()?)));
        Item { bare: piece.trim().parse().ok(), pair }
    }

    fn value(&self, wanted: &str) -> Option<u64> {
        self.pair.filter(|(key, _)| key.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&str, &'static str)]) -> Option<RateLimit> {
        let found = RateLimit::read(|name| headers.iter().find(|(key, _)| *key == name).map(|(_, value)| *value));
        let is_seen = headers.iter().any(|(name, _)| RateLimit::is_about_one(name));
        assert!(found.is_none() || is_seen, "it would not be looked for: {headers:?}");
        found
    }

    fn limit(limit: u64, remaining: u64, window: u64) -> Option<RateLimit> {
        let some = |number| (number > 0).then_some(number);
        Some(RateLimit { limit: some(limit), remaining: Some(remaining), window_seconds: some(window), source: None })
    }

    #[test]
    fn every_form_is_read() {
        for (headers, expected) in [
            (&[("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "76;w=21600")][..], limit(100, 76, 21600)),
            (&[("ratelimit-limit", " 100 "), ("ratelimit-remaining", "0")], limit(100, 0, 0)),
            (&[("ratelimit-remaining", "5;w=60")], limit(0, 5, 60)),
            (&[("x-ratelimit-limit", "60"), ("x-ratelimit-remaining", "59")], limit(60, 59, 0)),
            (
                &[("ratelimit", "limit=100, remaining=50, reset=5"), ("ratelimit-policy", "100;w=60")],
                limit(100, 50, 60),
            ),
            (&[("ratelimit", "\"a;r=9\";r=50;t=30"), ("ratelimit-policy", "\"a,b\";q=100;w=60")], limit(100, 50, 60)),
            (&[("ratelimit-limit", "100, 100;w=60, 5000;w=3600"), ("ratelimit-remaining", "7")], limit(100, 7, 60)),
        ] {
            assert_eq!(read(headers), expected, "{headers:?}");
        }
        let hub = read(&[("ratelimit-remaining", "1"), ("docker-ratelimit-source", " 192.0.2.1\u{7f}\t")]).unwrap();
        assert_eq!(hub.source.as_deref(), Some("192.0.2.1\u{fffd}"));
    }

    #[test]
    fn nonsense_is_none() {
        for text in ["", "many", "-1", ";w=60", "99999999999999999999999", "\"", "\"100\"", "limit="] {
            assert_eq!(read(&[("ratelimit-limit", text)]), None, "{text}");
            assert_eq!(read(&[("ratelimit", text)]), None, "{text}");
        }
        assert_eq!(read(&[("docker-ratelimit-source", "x")]), None);
        assert_eq!(read(&[("ratelimit", "100")]), None);
    }
}
