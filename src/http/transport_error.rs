//! Maps transport failures to error codes.

use std::error::Error as StdError;

use ::http::StatusCode;
use rustls::{AlertDescription, CertificateError, OtherError};
use url::Url;

use super::address::is_local_name;
use super::handshake::{Handshake, HandshakeWatch};
use super::host_trust::RefusedHost;
use super::origin::host_of;
use super::pinned_certificate;
use super::proxy::Proxy;
use super::resolver::{NoThread, UnresolvedHost};
use super::route::Route;
use crate::error::{Code, Error};
use crate::os::resource_shortage::is_shortage;

const PROXY_CREDENTIALS: &str = "give them in the proxy's URL: SCHEME://USER:PASSWORD@HOST:PORT";

/// The error for a request that got no response.
pub(crate) fn classify(error: reqwest::Error, url: &Url, route: &Route, watch: &HandshakeWatch) -> Error {
    if error.is_connect() {
        let no_tls = silent_end(url, route, watch).and_then(|end| end.no_tls(&error));
        let by_proxy = route.proxy.as_ref().filter(|proxy| !is_past(proxy, watch));
        if let Some(fault) = no_tls.or_else(|| proxy_fault(&error, by_proxy?, url)) {
            return fault.with_cause(chain(&error.without_url())).with_url(url);
        }
    }
    let error = broke(error, url);
    match (&route.unix_socket, route.address, error.code()) {
        (Some(path), _, Code::Connect) => error.within(format!("the socket {path}")),
        (_, Some(address), Code::Connect) => error.within(format!("the address {address}")),
        _ => error,
    }
}

/// The error for a response that did not arrive in time: it may be the response to the TLS hello.
pub(crate) fn late(error: Error, url: &Url, route: &Route, watch: &HandshakeWatch) -> Error {
    match silent_end(url, route, watch).filter(|_| error.is_stall()) {
        Some(end) => end.error(Code::Timeout, error.message()).with_hurry(error.is_hurried()).with_url(url),
        None => error,
    }
}

/// A peer that accepted a connection but did not answer the TLS hello with TLS: the host, or a proxy that is reached by
/// TLS.
struct SilentEnd {
    name: String,
    hint: &'static str,
    /// Silence is not a reason to give up TLS: an attacker on the path could have caused it.
    doubted: bool,
}

fn silent_end(url: &Url, route: &Route, watch: &HandshakeWatch) -> Option<SilentEnd> {
    let hello = watch.hello().filter(|hello| !hello.answered)?;
    Some(match route.proxy.as_ref().filter(|proxy| is_hello_to(proxy, &hello)) {
        Some(proxy) => SilentEnd {
            name: format!("the proxy {}", proxy.shown()),
            hint: "if it is reached without TLS, its URL must begin with http://",
            doubted: false,
        },
        None => SilentEnd {
            name: host_of(url),
            hint: "if it speaks plain http, set plain_http for this host",
            doubted: !is_local_name(url),
        },
    })
}

impl SilentEnd {
    fn no_tls(&self, error: &reqwest::Error) -> Option<Error> {
        let taken = "it accepted the connection, but";
        match find::<rustls::Error>(error) {
            Some(tls @ rustls::Error::InvalidMessage(_)) => {
                let error = self.error(Code::Tls, &format!("it answered with something else ({tls})"));
                Some(error.with_hint(self.hint))
            }
            // It is a TLS error.
            Some(_) => None,
            None if error.is_timeout() => {
                Some(self.error(Code::Timeout, &format!("{taken} sent nothing within the connect timeout")))
            }
            None => Some(self.error(Code::Connect, &format!("{taken} closed it without answering in TLS"))),
        }
    }

    fn error(&self, code: Code, why: &str) -> Error {
        let error = Error::new(code, format!("{} does not speak TLS: {why}", self.name));
        if self.doubted {
            error
        } else {
            error.with_hint(self.hint)
        }
    }
}

fn is_hello_to(proxy: &Proxy, hello: &Handshake) -> bool {
    proxy.is_https() && hello.name == proxy.host().trim_matches(['[', ']'])
}

/// Whether a proxy has done its part: the handshake with the host itself was started.
fn is_past(proxy: &Proxy, watch: &HandshakeWatch) -> bool {
    watch.hello().is_some_and(|hello| !is_hello_to(proxy, &hello))
}

/// The proxy's part in a connection that was not established; None when it is the host's fault.
fn proxy_fault(error: &reqwest::Error, proxy: &Proxy, url: &Url) -> Option<Error> {
    let causes = chain(error);
    let root = causes.last().cloned().unwrap_or_default();
    let (host, shown) = (host_of(url), proxy.shown());
    let connect = |message: String| Some(Error::new(Code::Connect, message));
    let credentials = |message: String| connect(message).map(|error| error.with_hint(PROXY_CREDENTIALS));
    // The HTTP crate does not export the types of these errors.
    let tunnel = causes.iter().find_map(|cause| cause.strip_prefix("tunnel error: "));
    let socks = causes.iter().find_map(|cause| cause.strip_prefix("SOCKS error: "));
    let reached = !matches!(tunnel.or(socks), Some("failed to create underlying connection"));
    let own_name = find::<UnresolvedHost>(error).is_some_and(|unknown| unknown.host == proxy.host());
    if find::<RefusedHost>(error).is_some() || (find::<UnresolvedHost>(error).is_some() && !own_name) {
        return None;
    }
    match (tunnel, socks) {
        _ if error.is_timeout() => {
            let message = format!("no connection to {host} through the proxy {shown} within the connect timeout");
            Some(Error::new(Code::Timeout, message))
        }
        (Some("proxy authorization required"), _) => {
            let what = if proxy.has_credentials() { "does not accept the credentials" } else { "requires credentials" };
            credentials(format!("the proxy {shown} {what}")).map(|error| error.with_http_status(407))
        }
        (Some("unsuccessful"), _) => connect(format!("the proxy {shown} does not connect to {host}")),
        (_, Some("credentials not accepted")) => {
            credentials(format!("the proxy {shown} does not accept the credentials"))
        }
        (_, Some("server does not support user/pass authentication")) if !proxy.has_credentials() => {
            credentials(format!("the proxy {shown} requires credentials"))
        }
        (Some(why), _) | (_, Some(why)) if reached => {
            connect(format!("the proxy {shown} does not connect to {host}: {why}"))
        }
        // After the tunnel is established, it is the host's certificate.
        _ if reached && proxy_is_done(proxy, url, tunnel, socks) && find::<rustls::Error>(error).is_some() => None,
        _ => connect(format!("cannot connect to the proxy {shown}: {root}")),
    }
}

/// Whether a TLS error can only be about the host: with https, and no error from the proxy's side.
fn proxy_is_done(proxy: &Proxy, url: &Url, tunnel: Option<&str>, socks: Option<&str>) -> bool {
    url.scheme() == "https" && (tunnel.is_none() && socks.is_none() || !proxy.is_https())
}

/// The error for a 407, which comes from the proxy and says nothing about the host.
pub(crate) fn proxy_asks(status: StatusCode, route: &Route, url: &Url) -> Option<Error> {
    let proxy = route.proxy.as_ref().filter(|proxy| proxy.forwards() && url.scheme() == "http")?;
    if status != StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        return None;
    }
    let what = if proxy.has_credentials() { "does not accept the credentials" } else { "requires credentials" };
    let error = Error::new(Code::Connect, format!("the proxy {} {what}", proxy.shown()));
    Some(error.with_http_status(407).with_hint(PROXY_CREDENTIALS).with_url(url))
}

/// The error for an exchange that broke.
pub(crate) fn broke(error: reqwest::Error, url: &Url) -> Error {
    let host = host_of(url);
    let error = error.without_url();
    let causes = chain(&error);
    let root = causes.last().cloned().unwrap_or_default();
    let found = if let Some(shortage) = shortage(&error) {
        Error::io(format!("no connection to {host}"), shortage)
    } else if let Some(unknown) = find::<UnresolvedHost>(&error) {
        Error::new(Code::Resolve, unknown.to_string())
    } else if let Some(refused) = find::<RefusedHost>(&error) {
        Error::new(Code::Redirect, refused.to_string())
    } else if let Some(tls) = find::<rustls::Error>(&error) {
        let found = Error::new(Code::Tls, format!("TLS with {host}: {}", tls_text(tls)));
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

/// A resource that the system lacks: descriptors, threads, memory. It is not the peer's fault.
fn shortage(error: &reqwest::Error) -> Option<&std::io::Error> {
    let io = find::<std::io::Error>(error).filter(|io| is_shortage(io) && error.is_connect());
    io.or_else(|| find::<NoThread>(error).map(|no_thread| &no_thread.0))
}

/// Whether the peer answered a TLS handshake with something other than TLS.
pub(crate) fn speaks_no_tls(error: &reqwest::Error) -> bool {
    let corrupt = |tls: &rustls::Error| matches!(tls, rustls::Error::InvalidMessage(_));
    find::<rustls::Error>(error).is_some_and(corrupt)
}

/// The whole chain of errors in one line, without the URL.
pub(crate) fn text(error: &reqwest::Error) -> String {
    chain(error).join(": ")
}

/// The message of rustls, or our own where it has none.
fn tls_text(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(reason) = error else { return error.to_string() };
    let reason = match reason {
        reason if pinned_certificate::is_authority(reason) => "it is the certificate of an authority".to_owned(),
        CertificateError::InvalidPurpose => "it is not for use by a server".to_owned(),
        CertificateError::Other(OtherError(reason)) => reason.to_string(),
        reason => reason.to_string(),
    };
    format!("invalid peer certificate: {reason}")
}

fn tls_hint(error: &rustls::Error) -> Option<&'static str> {
    match error {
        rustls::Error::InvalidCertificate(error) if pinned_certificate::is_authority(error) => Some(
            "it is the certificate of an authority, not of a server: a server's own certificate is trusted when ca_file contains exactly that certificate",
        ),
        rustls::Error::InvalidCertificate(_) => {
            Some("give the registry's certificate authority with ca_file, or check its certificate's names and dates")
        }
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired | AlertDescription::BadCertificate) => {
            Some("the server requires a client certificate: set client_cert_file and client_key_file")
        }
        rustls::Error::AlertReceived(AlertDescription::UnknownCA | AlertDescription::CertificateUnknown) => {
            Some("the server does not accept the client certificate")
        }
        _ => None,
    }
}

fn chain(error: &reqwest::Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut next: Option<&dyn StdError> = Some(error);
    while let Some(cause) = next {
        let text: String = crate::text::shorten_to(&cause.to_string(), 300);
        if !text.starts_with("error sending request") {
            causes.push(text);
        }
        next = cause.source();
    }
    causes
}

/// Whether a request was not sent because the system gave no connection for it: refused, unreachable, or no more descriptors.
pub(crate) fn has_no_connection(error: &reqwest::Error) -> bool {
    let first: &(dyn StdError + 'static) = error;
    let mut causes = std::iter::successors(Some(first), |cause: &&(dyn StdError + 'static)| (**cause).source());
    let is_of_system = |cause: &std::io::Error| cause.raw_os_error().is_some();
    error.is_connect() && !error.is_timeout() && causes.any(|cause| cause.downcast_ref().is_some_and(is_of_system))
}

// An io::Error does not show its inner error in source().
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
