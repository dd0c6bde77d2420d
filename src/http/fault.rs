//! What went wrong on the wire, as one of our codes.

use std::error::Error as StdError;

use url::Url;

use super::resolver::{Refused, Unknown};
use crate::error::{Code, Error};

/// The error for a request that got no answer, or whose answer broke off.
pub fn classify(error: reqwest::Error, url: &Url) -> Error {
    let host = host_of(url);
    let error = error.without_url();
    let causes = chain(&error);
    let root = causes.last().cloned().unwrap_or_default();
    let found = if let Some(unknown) = find::<Unknown>(&error) {
        Error::new(Code::Resolve, unknown.to_string())
    } else if let Some(refused) = find::<Refused>(&error) {
        Error::new(Code::Redirect, refused.to_string())
    } else if let Some(tls) = find::<rustls::Error>(&error) {
        let found = Error::new(Code::Tls, format!("TLS with {host}: {tls}"));
        match tls_hint(tls) {
            Some(hint) => found.with_hint(hint),
            None => found,
        }
    } else if error.is_connect() && error.is_timeout() {
        Error::new(Code::Timeout, format!("no connection to {host} within the connect timeout"))
    } else if error.is_connect() {
        Error::new(Code::Connect, format!("cannot connect to {host}: {root}"))
    } else if error.is_timeout() {
        Error::new(Code::Timeout, format!("{host} did not answer in time"))
    } else if find::<hyper::Error>(&error).is_some_and(|error| error.is_parse() || error.is_parse_status()) {
        Error::new(Code::Protocol, format!("{host} does not answer in HTTP: {root}"))
    } else {
        Error::new(Code::Network, format!("the connection to {host} broke: {root}"))
    };
    found.with_cause(causes).with_url(url)
}

/// Whether the other end answered a TLS handshake with something that is not TLS.
pub fn speaks_no_tls(error: &reqwest::Error) -> bool {
    let corrupt = |tls: &rustls::Error| matches!(tls, rustls::Error::InvalidMessage(_));
    find::<rustls::Error>(error).is_some_and(corrupt)
}

/// The whole chain in one line, without the URL.
pub fn text(error: &reqwest::Error) -> String {
    chain(error).join(": ")
}

/// The host and port of a URL, for messages.
pub fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn tls_hint(error: &rustls::Error) -> Option<&'static str> {
    match error {
        rustls::Error::InvalidCertificate(_) => {
            Some("give the registry's certificate authority with ca_file, or check its certificate's names and dates")
        }
        rustls::Error::InvalidMessage(_) => Some("the server may speak plain http: plain_http for this host says so"),
        _ => None,
    }
}

fn chain(error: &reqwest::Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut next: Option<&dyn StdError> = Some(error);
    while let Some(cause) = next {
        let text: String = cause.to_string().chars().filter(|c| !c.is_control()).take(300).collect();
        if !text.starts_with("error sending request") {
            causes.push(text);
        }
        next = cause.source();
    }
    causes
}

// An io::Error hides what it was made of from source().
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref::<T>() {
            return Some(found);
        }
        if let Some(inner) = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            if let Some(found) = find::<T>(inner) {
                return Some(found);
            }
        }
        next = cause.source();
    }
    None
}
