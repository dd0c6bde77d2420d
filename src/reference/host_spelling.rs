//! The one spelling of a host, `HOST[:PORT]`: whatever compares hosts compares these, so that no other spelling escapes what is said of one.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

use crate::docker_hub;

/// In lower case, an IPv6 address in its short form or as the IPv4 address that it stands for, and a port without zeros before it. What is not a
/// host stays as it is.
pub(crate) fn written(host: &str) -> Cow<'_, str> {
    let lower = match host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(host.to_ascii_lowercase()),
        false => Cow::Borrowed(host),
    };
    let (name, port) = parts(&lower);
    let short = port.map(|port| port.trim_start_matches('0'));
    match (address(name), short == port) {
        (None, true) => lower,
        (address, _) => Cow::Owned(joined(&address.unwrap_or_else(|| name.to_owned()), short)),
    }
}

/// The same for comparison: a name is the same with a dot behind it.
pub(crate) fn compared(host: &str) -> Cow<'_, str> {
    let host = written(host);
    let (name, port) = parts(&host);
    match name.strip_suffix('.') {
        Some(name) => Cow::Owned(joined(name, port)),
        None => host,
    }
}

/// What settings and credentials of a host are kept by, and all of its spellings have in common: its one spelling, with one for Docker Hub's
/// names, and without 443, the default port of https.
pub(crate) fn key(name: &str) -> String {
    let name = compared(name);
    match name.strip_suffix(":443").unwrap_or(&name) {
        docker_hub::INDEX | docker_hub::REGISTRY => docker_hub::DEFAULT_INDEX.to_owned(),
        name => name.to_owned(),
    }
}

/// The port that a host is written with.
pub(crate) fn port(host: &str) -> Option<&str> {
    parts(host).1
}

/// The name or address of a host, and its port.
fn parts(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':').filter(|(name, port)| !name.contains(':') && !port.is_empty() || name.ends_with(']')) {
        Some((name, port)) => (name, Some(port)),
        None => (host, None),
    }
}

fn joined(name: &str, port: Option<&str>) -> String {
    port.map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

/// An address in brackets, in its one spelling.
fn address(name: &str) -> Option<String> {
    let address: Ipv6Addr = name.strip_prefix('[')?.strip_suffix(']')?.parse().ok()?;
    Some(match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_one_spelling() {
        for (text, spelling) in [
            ("Reg.Example", "reg.example"),
            ("reg.example:0443", "reg.example:443"),
            ("localhost", "localhost"),
            ("[::1]", "[::1]"),
            ("[0:0:0:0:0:0:0:1]:5000", "[::1]:5000"),
            ("[FD00::0001]:05000", "[fd00::1]:5000"),
            ("[::ffff:127.0.0.1]:5000", "127.0.0.1:5000"),
            ("[::ffff:7f00:1]", "127.0.0.1"),
            ("[0:0:0:0:0:FFFF:10.0.0.1]", "10.0.0.1"),
            ("[::127.0.0.1]:5000", "[::7f00:1]:5000"),
            ("reg.example.:5000", "reg.example.:5000"),
            ("[::1", "[::1"),
            ("a:", "a:"),
            ("", ""),
        ] {
            assert_eq!(written(text), spelling, "{text}");
            assert_eq!(compared(text), spelling.replace(".:", ":"), "{text}");
        }
        assert_eq!((&*compared("A.b."), &*compared("a.b.:80")), ("a.b", "a.b:80"));
    }
}
