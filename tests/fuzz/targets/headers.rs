//! Headers of responses.

use std::time::{Duration, SystemTime};

use ocireg::inside;
use url::Url;

use crate::sandbox::{fit, text};

/// At most 16 challenges, which hold no more than was sent.
pub fn challenge(bytes: &[u8]) {
    let found = inside::challenges(bytes);
    assert!(found.len() <= 16);
    let size: usize = found.iter().flat_map(|(_, params)| params).map(|(key, value)| key.len() + value.len()).sum();
    // An invalid byte becomes a replacement character of three bytes.
    assert!(size <= bytes.len() * 3);
}

/// A realm is https, or http where the request was; it has no user and no fragment, and its own query stays.
pub fn realm(bytes: &[u8]) {
    let text = text(bytes);
    let (realm, scope) = text.split_once('\n').unwrap_or((&text, "repository:a/b:pull"));
    for request in ["https://registry.example:5000/v2/a/tags/list?n=1", "http://registry.example/v2/"] {
        let request = Url::parse(request).unwrap();
        let Some((realm, asked)) = fit(inside::realm_of(realm, &request, scope)) else { continue };
        assert!(realm.scheme() == "https" || (realm.scheme(), request.scheme()) == ("http", "http"), "{realm}");
        assert!(realm.username().is_empty() && realm.password().is_none() && realm.fragment().is_none(), "{realm}");
        assert_eq!((realm.scheme(), realm.host(), realm.port()), (asked.scheme(), asked.host(), asked.port()));
        assert!(asked.as_str().starts_with(realm.as_str()), "{realm} {asked}");
    }
}

/// The key of scopes is the same when it is read again.
pub fn scope(bytes: &[u8]) {
    let key = inside::scopes(&text(bytes));
    assert_eq!(inside::scopes(&key), key);
}

/// The next page is on the page's own origin.
pub fn link(bytes: &[u8]) {
    let page = Url::parse("https://registry.example:5000/v2/a/tags/list?n=2").unwrap();
    if let Some(Some(next)) = fit(inside::next_page(bytes, &page)) {
        assert_eq!((next.scheme(), next.host(), next.port()), (page.scheme(), page.host(), page.port()));
        assert!(next.username().is_empty() && next.password().is_none());
    }
}

/// Ends are not before starts, and sizes include them.
pub fn range(bytes: &[u8]) {
    let text = text(bytes);
    if let Some((start, end, size)) = inside::content_range(&text) {
        assert!(start <= end && end < u64::MAX && size.is_none_or(|size| end < size));
        let again = format!("bytes {start}-{end}/{}", size.map_or("*".to_owned(), |size| size.to_string()));
        assert_eq!(inside::content_range(&again), Some((start, end, size)));
    }
    if let Some(offset) = inside::upload_range(&text) {
        assert!(offset == 0 || inside::upload_range(&format!("0-{}", offset - 1)) == Some(offset));
    }
}

/// No wait is longer than what counts as for ever.
pub fn retry_after(bytes: &[u8]) {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    assert!(inside::retry_after(bytes, now).is_none_or(|wait| wait <= Duration::from_secs(1 << 31)));
}

pub fn rate_limit(bytes: &[u8]) {
    if let Some(found) = inside::rate_limit(&text(bytes)) {
        assert!(found.limit.is_some() || found.remaining.is_some());
        assert!(found.source.is_none_or(|text| text.len() < 1 << 10 && !text.contains(inside::is_obeyed)));
    }
}

/// Few, short, and a terminal obeys none of them.
pub fn warning(bytes: &[u8]) {
    let texts = inside::warnings(bytes);
    assert!(texts.len() <= 16 && texts.iter().map(String::len).sum::<usize>() <= 4096, "{texts:?}");
    assert!(!texts.iter().any(|text| text.contains(inside::is_obeyed)), "{texts:?}");
}

/// Never away from https, to no other scheme, and without a user.
pub fn location(bytes: &[u8]) {
    for current in ["https://registry.example:5000/v2/a/blobs/uploads/1?state=x", "http://registry.example/v2/"] {
        let current = Url::parse(current).unwrap();
        let Some(Some(next)) = fit(inside::location_of(&current, bytes)) else { continue };
        assert!(next.scheme() == "https" || (next.scheme(), current.scheme()) == ("http", "http"), "{next}");
        assert!(next.username().is_empty() && next.password().is_none() && next.fragment().is_none(), "{next}");
        assert!(next.host_str().is_some_and(|host| !host.is_empty()), "{next}");
    }
}
