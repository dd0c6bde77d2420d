//! The cookies of a session.

use std::sync::Mutex;

use ::http::header::{HeaderMap, HeaderValue, COOKIE, SET_COOKIE};
use zeroize::Zeroizing;

use crate::http::location::Location;
use crate::http::origin::Origin;
use crate::http::response::Response;
use crate::http::Request;
use crate::mutex::lock;

/// The limits for cookies: their number, and the size of each.
const MOST_COOKIES: usize = 32;
const LARGEST_COOKIE: usize = 4096;

/// Cookies, each for the origin that set it.
#[derive(Default)]
pub(super) struct CookieJar(Mutex<Vec<Cookie>>);

struct Cookie {
    origin: Origin,
    name: String,
    value: Zeroizing<String>,
}

impl CookieJar {
    /// Keeps the cookies of a response for the origin that set them. Paths and expiry are ignored: a session is
    /// short, and one repository's.
    pub(super) fn keep(&self, response: &Response) {
        let Some(origin) = Origin::of(&response.url) else { return };
        let mut jar = lock(&self.0);
        for (name, value) in cookies(&response.headers) {
            jar.retain(|cookie| cookie.origin != origin || cookie.name != name);
            if !value.is_empty() && jar.len() < MOST_COOKIES {
                jar.push(Cookie { origin: origin.clone(), name, value });
            }
        }
    }

    /// Adds the cookies of the origin that a request is sent to.
    pub(super) fn put_into(&self, at: &Location, request: &mut Request) {
        let origin = Origin::of(&at.url);
        let jar = lock(&self.0);
        let own = jar.iter().filter(|cookie| Some(&cookie.origin) == origin.as_ref());
        let pairs: Vec<String> = own.map(|cookie| format!("{}={}", cookie.name, cookie.value.as_str())).collect();
        let text = Zeroizing::new(pairs.join("; "));
        if let (false, Ok(mut value)) = (text.is_empty(), HeaderValue::from_str(&text)) {
            value.set_sensitive(true);
            request.headers.insert(COOKIE, value);
        }
    }
}

/// The names and values of the cookies that a response sets.
fn cookies(headers: &HeaderMap) -> Vec<(String, Zeroizing<String>)> {
    let one = |value: &HeaderValue| {
        let text = value.to_str().ok().filter(|text| text.len() <= LARGEST_COOKIE)?;
        let mut parts = text.split(';').map(str::trim);
        let (name, value) = parts.next()?.split_once('=')?;
        let gone = parts.any(|part| part.eq_ignore_ascii_case("max-age=0"));
        let value = Zeroizing::new(if gone { String::new() } else { value.trim().to_owned() });
        (!name.trim().is_empty()).then(|| (name.trim().to_owned(), value))
    };
    headers.get_all(SET_COOKIE).iter().filter_map(one).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn cookies_are_names_and_values() {
        let found = cookies(&headers(
            "set-cookie",
            &["session=abc; Path=/; HttpOnly", "b = c=d ", "gone=1; Max-Age=0", "nothing", "=x"],
        ));
        let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, [("session", "abc"), ("b", "c=d"), ("gone", "")]);
        let long = format!("a={}", "x".repeat(5000));
        assert!(cookies(&headers("set-cookie", &[&long])).is_empty());
    }
}
