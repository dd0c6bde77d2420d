//! Which addresses a server may send us to. A challenge, a redirect or a Location that names the machine's own
//! services or a cloud's metadata service is an attack (SSRF); only a server at such an address may name it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

const METADATA: &str = "cloud metadata";

/// The host names of the clouds' metadata services.
const METADATA_NAMES: [&str; 6] = [
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "instance-data",
    "instance-data.ec2.internal",
    "metadata.tencentyun.com",
];

/// Why a server may not send us to this address; None when it may.
pub(crate) fn refused(ip: IpAddr) -> Option<&'static str> {
    match ip {
        IpAddr::V4(ip) => refused_v4(ip),
        IpAddr::V6(ip) => refused_v6(ip),
    }
}

/// Whether a server at `from` may send us to `ip`: everything that is not refused, its own address, and loopback
/// from loopback. Without `from` nothing refused is allowed.
pub(crate) fn allowed(ip: IpAddr, from: Option<IpAddr>) -> bool {
    let same = |from: IpAddr| ip.to_canonical() == from.to_canonical() || (is_loopback(ip) && is_loopback(from));
    refused(ip).is_none() || from.is_some_and(same)
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// The address that a URL's host is for certain, without asking anybody: its own, or loopback for the names that mean
/// this machine (RFC 6761 6.3).
pub(crate) fn certain(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
        Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
        Host::Domain(name) => means_this_machine(name).then_some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    }
}

/// Whether a URL's host is this machine by its name or its address.
pub(crate) fn is_local_name(url: &Url) -> bool {
    certain(url).is_some_and(is_loopback)
}

fn means_this_machine(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    ["localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"].contains(&name)
        || name.ends_with(".localhost")
}

/// Why a server may not name this host, if a proxy resolves its name.
pub(crate) fn refused_name(name: &str) -> Option<&'static str> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    if METADATA_NAMES.contains(&bare) {
        return Some(METADATA);
    }
    means_this_machine(name).then_some("loopback")
}

fn refused_v4(ip: Ipv4Addr) -> Option<&'static str> {
    match ip.octets() {
        // 0.0.0.0 reaches the machine itself on Linux; the rest of the block is not a destination either.
        [0, ..] => Some("unspecified"),
        [127, ..] => Some("loopback"),
        [169, 254, ..] => Some("link-local"),
        // Alibaba, Oracle and Azure keep theirs outside of the link-local block.
        [100, 100, 100, 200] | [192, 0, 0, 192] | [168, 63, 129, 16] => Some(METADATA),
        [224..=239, ..] => Some("multicast"),
        [255, 255, 255, 255] => Some("broadcast"),
        _ => None,
    }
}

fn refused_v6(ip: Ipv6Addr) -> Option<&'static str> {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("unspecified"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("loopback"),
        // The metadata services of AWS and Google.
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] => Some(METADATA),
        [0xfe80..=0xfebf, ..] => Some("link-local"),
        [0xff00..=0xffff, ..] => Some("multicast"),
        segments => embedded(segments).and_then(refused_v4),
    }
}

/// The IPv4 address that a translator or the kernel would take out of an IPv6 one.
fn embedded(segments: [u16; 8]) -> Option<Ipv4Addr> {
    let (high, low) = match segments {
        // IPv4-mapped ::ffff:a.b.c.d, IPv4-compatible ::a.b.c.d and translated ::ffff:0:a.b.c.d.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] => (high, low),
        // NAT64, the well-known prefix and the one for local use (RFC 6052, RFC 8215).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x64, 0xff9b, 1, _, _, _, high, low] => (high, low),
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => (high, low),
        _ => return None,
    };
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Some(Ipv4Addr::new(a, b, c, d))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn every_local_form_is_refused_with_its_reason() {
        for (text, reason) in [
            ("127.0.0.1", "loopback"),
            ("127.255.255.254", "loopback"),
            ("::1", "loopback"),
            ("::ffff:127.0.0.1", "loopback"),
            ("::127.0.0.1", "loopback"),
            ("::ffff:0:127.0.0.1", "loopback"),
            ("64:ff9b::127.0.0.1", "loopback"),
            ("64:ff9b:1:2:3:4:127.0.0.1", "loopback"),
            ("2002:7f00:1::", "loopback"),
            ("169.254.169.254", "link-local"),
            ("::ffff:169.254.169.254", "link-local"),
            ("64:ff9b::a9fe:a9fe", "link-local"),
            ("fe80::1", "link-local"),
            ("febf:ffff::1", "link-local"),
            ("0.0.0.0", "unspecified"),
            ("0.1.2.3", "unspecified"),
            ("::", "unspecified"),
            ("::ffff:0.0.0.0", "unspecified"),
            ("224.0.0.1", "multicast"),
            ("239.255.255.255", "multicast"),
            ("ff02::1", "multicast"),
            ("255.255.255.255", "broadcast"),
            ("100.100.100.200", "cloud metadata"),
            ("::ffff:100.100.100.200", "cloud metadata"),
            ("fd00:ec2::254", "cloud metadata"),
            ("fd20:ce::254", "cloud metadata"),
        ] {
            assert_eq!(refused(ip(text)), Some(reason), "{text}");
            assert!(!allowed(ip(text), None), "{text}");
            assert!(!allowed(ip(text), Some(ip("93.184.216.34"))), "{text}");
            assert!(allowed(ip(text), Some(ip(text))), "{text}");
        }
    }

    #[test]
    fn public_and_private_networks_are_allowed() {
        for text in [
            "93.184.216.34",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "169.253.0.1",
            "128.0.0.1",
            "126.1.1.1",
            "223.255.255.255",
            "2606:2800:220:1::1",
            "fd00:ec2::253",
            "fec0::1",
            "fe7f::1",
            "::ffff:10.0.0.1",
            "64:ff9b::8.8.8.8",
        ] {
            assert_eq!(refused(ip(text)), None, "{text}");
            assert!(allowed(ip(text), None), "{text}");
        }
    }

    #[test]
    fn names_that_need_no_resolver_are_known() {
        for name in ["localhost", "LOCALHOST.", "a.b.localhost", "ip6-localhost"] {
            let url = Url::parse(&format!("http://{name}:5000/")).unwrap();
            assert!(is_local_name(&url), "{name}");
            assert_eq!(refused_name(url.host_str().unwrap()), Some("loopback"), "{name}");
        }
        assert_eq!(refused_name("metadata.google.internal."), Some(METADATA));
        assert_eq!(refused_name("localhost.example"), None);
        assert_eq!(certain(&Url::parse("http://example.com").unwrap()), None);
        assert_eq!(certain(&Url::parse("http://10.0.0.1").unwrap()), Some(ip("10.0.0.1")));
    }

    #[test]
    fn a_local_registry_may_name_itself_only() {
        assert!(allowed(ip("127.0.0.1"), Some(ip("::1"))));
        assert!(allowed(ip("::ffff:127.0.0.1"), Some(ip("127.0.0.5"))));
        assert!(allowed(ip("::ffff:169.254.1.1"), Some(ip("169.254.1.1"))));
        assert!(!allowed(ip("169.254.169.254"), Some(ip("169.254.1.1"))));
        assert!(!allowed(ip("169.254.169.254"), Some(ip("127.0.0.1"))));
        assert!(!allowed(ip("127.0.0.1"), Some(ip("10.0.0.1"))));
        assert!(!allowed(ip("0.0.0.0"), Some(ip("127.0.0.1"))));
    }
}
