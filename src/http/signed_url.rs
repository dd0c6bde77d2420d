//! Signed URLs: anyone who has one may use it until it expires, so its query is a secret. The expiry that it claims is reported; whether
//! that is true only the signer knows.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use serde_json::Value;
use url::Url;

use crate::timestamp;

/// The parameters that hold a signature.
const SIGNATURES: [&str; 8] =
    ["x-amz-signature", "x-goog-signature", "x-oss-signature", "sig", "signature", "policy", "q-signature", "verify"];
/// A longer policy is not looked into.
const MOST_POLICY: usize = 16 << 10;

/// Whether a URL is signed, as far as that can be seen. Such a one is good for one method only.
pub(crate) fn is_signed(url: &Url) -> bool {
    url.query_pairs().any(|(name, _)| SIGNATURES.iter().any(|known| name.eq_ignore_ascii_case(known)))
}

/// When a signed URL ends, if its query says so in a known way. Of several ends it is the first.
pub(crate) fn expires(url: &Url) -> Option<SystemTime> {
    let parameter = |wanted: &str| {
        let found = url.query_pairs().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.into_owned())
    };
    // AWS Signature Version 4 and its kin at Google and Alibaba: a beginning and a number of seconds.
    let lasting = ["x-amz", "x-goog", "x-oss"].into_iter().map(|kind| {
        let begin = timestamp::parse_compact(&parameter(&format!("{kind}-date"))?)?;
        begin.checked_add(Duration::from_secs(parameter(&format!("{kind}-expires"))?.parse().ok()?))
    });
    let ends = [
        // CloudFront with a canned policy, and the older signatures of AWS, Google and Alibaba.
        parameter("expires").and_then(|text| timestamp::of_seconds(text.parse().ok()?)),
        parameter("policy").and_then(|text| end_of_policy(&text)),
        // Azure's shared access signatures.
        parameter("sig").and(parameter("se")).and_then(|text| azure(&text)),
        // Tencent: the beginning and the end.
        parameter("q-sign-time").and_then(|text| timestamp::of_seconds(text.split_once(';')?.1.parse().ok()?)),
    ];
    lasting.chain(ends).flatten().min()
}

/// Azure's times are RFC 3339, and may lack the seconds or the whole time.
fn azure(text: &str) -> Option<SystemTime> {
    let zoned = |text: &str| timestamp::parse(text);
    zoned(text).or_else(|| match text.len() {
        10 => zoned(&format!("{text}T00:00:00Z")),
        17 => zoned(&format!("{}:00Z", text.strip_suffix('Z')?)),
        _ => None,
    })
}

/// The end in a custom policy of CloudFront, whose base64 has other characters where a URL does not allow them.
fn end_of_policy(text: &str) -> Option<SystemTime> {
    let text = text.get(..text.len().min(MOST_POLICY))?.replace('-', "+").replace('_', "=").replace('~', "/");
    let policy = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
    let policy: Value = serde_json::from_slice(&policy).ok()?;
    timestamp::of_seconds(policy.pointer("/Statement/0/Condition/DateLessThan/AWS:EpochTime")?.as_u64()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(query: &str) -> Url {
        Url::parse(&format!("https://cdn.example/blob?{query}")).unwrap()
    }

    fn end(query: &str) -> Option<String> {
        expires(&url(query)).and_then(timestamp::text)
    }

    #[test]
    fn each_kind_of_signed_url_says_its_end() {
        let policy = |json: &str| {
            let text = base64::engine::general_purpose::STANDARD.encode(json);
            format!("Policy={}&Signature=x&Key-Pair-Id=k", text.replace('+', "-").replace('=', "_").replace('/', "~"))
        };
        for (query, expected) in [
            (
                "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260102T030405Z&X-Amz-Expires=1200&X-Amz-Signature=00",
                Some("2026-01-02T03:24:05Z"),
            ),
            ("X-Goog-Date=20260102T030405Z&X-Goog-Expires=60&X-Goog-Signature=00", Some("2026-01-02T03:05:05Z")),
            ("x-oss-date=20260102T030405Z&x-oss-expires=60&x-oss-signature=0", Some("2026-01-02T03:05:05Z")),
            ("se=2026-01-02T03%3A04%3A05Z&sp=r&sig=a%2Bb", Some("2026-01-02T03:04:05Z")),
            ("se=2026-01-02T03:04Z&sig=a", Some("2026-01-02T03:04:00Z")),
            ("se=2026-01-02&sig=a", Some("2026-01-02T00:00:00Z")),
            ("Expires=1767323045&Signature=x&Key-Pair-Id=k", Some("2026-01-02T03:04:05Z")),
            ("OSSAccessKeyId=k&Expires=1767323045&Signature=x", Some("2026-01-02T03:04:05Z")),
            ("q-sign-time=1767320000;1767323045&q-signature=x", Some("2026-01-02T03:04:05Z")),
            ("X-Amz-Date=20260102T030405Z&X-Amz-Expires=1200&Expires=1767323045", Some("2026-01-02T03:04:05Z")),
            (
                &policy(
                    r#"{"Statement":[{"Resource":"*","Condition":{"DateLessThan":{"AWS:EpochTime":1767323045}}}]}"#,
                ),
                Some("2026-01-02T03:04:05Z"),
            ),
        ] {
            assert_eq!(end(query).as_deref(), expected, "{query}");
            assert!(query.contains("Expires=1200&Expires") || is_signed(&url(query)), "{query}");
        }
    }

    #[test]
    fn what_is_not_said_or_is_wrong_is_unknown() {
        for query in [
            "",
            "verify=1767323045-abc",
            "X-Amz-Expires=1200",
            "X-Amz-Date=20260102T030405Z",
            "X-Amz-Date=yesterday&X-Amz-Expires=1200",
            "X-Amz-Date=20260102T030405Z&X-Amz-Expires=-1",
            "X-Amz-Date=20260102T030405Z&X-Amz-Expires=18446744073709551616",
            "X-Amz-Date=20260102T030405Z&X-Amz-Expires=18446744073709551615",
            "Expires=soon",
            "Expires=99999999999999999999",
            "Expires=1767323045999",
            "se=2026-01-02T03:04:05Z",
            "se=tomorrow&sig=x",
            "se=\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}&sig=x",
            "Policy=e30_&Signature=x",
            "Policy=%%%&Signature=x",
            "q-sign-time=5",
        ] {
            assert_eq!(end(query), None, "{query}");
        }
        assert!(!is_signed(&url("n=5&scope=x")));
    }
}
