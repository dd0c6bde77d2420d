//! Token servers: which realm a challenge may name, and which may receive the credentials. A realm is chosen by the
//! server, so it is as untrusted as the rest of its response.

use std::borrow::Cow;
use std::net::IpAddr;

use url::{Host, Url};

use super::scope::ScopeSet;
use crate::docker_hub;
use crate::error::{Code, Error, Result};
use crate::http::origin::Origin;
use crate::reference::host_spelling::compared;

/// The URL of the token server that a challenge to `request` names: https, or http when the request itself was or the caller
/// trusts that one. A path alone belongs to the request's origin, and `host/path` gets its scheme. Whether an address
/// is allowed is for the caller to check.
pub(crate) fn resolve(realm: &str, request: &Url, trusted: &[String]) -> Result<Url> {
    let text = realm.trim();
    if text.is_empty() {
        return Err(wrong("is empty"));
    }
    if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err(wrong("contains spaces, backslashes or control characters"));
    }
    let text = &*with_one_port(text);
    let absolute = match text {
        text if text.starts_with("//") => Some(format!("{}:{text}", request.scheme())),
        text if names_host(text) => Some(format!("{}://{text}", request.scheme())),
        _ => None,
    };
    let url = match &absolute {
        Some(text) => Url::parse(text),
        None => request.join(text),
    };
    let url = url.map_err(|error| wrong(format!("is not a URL ({error})")))?;
    let origin = Origin::of(&url).ok_or_else(|| wrong("is neither https nor http"))?;
    if !origin.is_https() && request.scheme() != "http" && !trusts_without_tls(trusted, &origin) {
        let hint = format!(
            "the registry should name an https realm; if that server may have the credentials without TLS, list {origin} in the \
             host's option trusted_realms"
        );
        return Err(wrong(format!("is {origin}, which is not protected by TLS")).with_hint(hint));
    }
    if absolute.is_none() && !text.contains("://") && Origin::of(request) != Some(origin) {
        return Err(wrong("is a path that leads to another server"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("contains a user name"));
    }
    if url.fragment().is_some() {
        return Err(wrong("contains a fragment"));
    }
    Ok(url)
}

fn wrong(why: impl std::fmt::Display) -> Error {
    Error::new(Code::Protocol, format!("the realm of the challenge {why}"))
}

/// Proxies that add a port that is already there produce `http://host:5000:5000/token`.
fn with_one_port(text: &str) -> Cow<'_, str> {
    let once = || {
        let (scheme, rest) = text.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (host, port) = authority.rsplit_once(':')?;
        let twice =
            !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) && host.ends_with(&format!(":{port}"));
        twice.then(|| format!("{scheme}://{host}{path}"))
    };
    once().map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Whether a realm without a scheme starts with a host: `auth.example/token`, `localhost/token` or `host:5000/token`.
fn names_host(text: &str) -> bool {
    let first = text.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = match first.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (first, None),
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match port {
        Some(port) => !host.is_empty() && is_port(port),
        None => host == "localhost" || (host.contains('.') && host.len() < text.len() && !host.starts_with('.')),
    }
}

/// Whether the token server may receive the credentials of the registry: the same host, one in the same registrable
/// domain, Docker Hub's own, or one that the caller trusts (`host` or `host:port`). With http for an https registry
/// only where the caller's list says `http://`.
pub fn may_send_credentials(registry: &Url, realm: &Url, trusted: &[String]) -> bool {
    let (Some(home), Some(there)) = (Origin::of(registry), Origin::of(realm)) else { return false };
    if home.is_https() && !there.is_https() {
        return trusts_without_tls(trusted, &there);
    }
    let (own, other) = (compared(&home.host), compared(&there.host));
    own == other
        || (is_loopback(registry) && is_loopback(realm))
        || domain(registry).is_some_and(|domain_of_registry| domain(realm) == Some(domain_of_registry))
        || (docker_hub::HOSTS.contains(&&*own) && other == docker_hub::REALM && there.is_https())
        || trusted.iter().any(|entry| names(entry, &there))
}

/// Removes the trailing dot, which does not change a name.
fn bare(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).to_canonical().is_loopback(),
        Some(Host::Domain(name)) => bare(name) == "localhost" || bare(name).ends_with(".localhost"),
        None => false,
    }
}

/// The registrable domain according to the public suffix list; addresses and suffixes have none.
fn domain(url: &Url) -> Option<&str> {
    match url.host() {
        Some(Host::Domain(name)) => psl::domain_str(bare(name)),
        _ => None,
    }
}

/// Whether the caller's list names a token server with `http://`.
fn trusts_without_tls(trusted: &[String], origin: &Origin) -> bool {
    let is_plain = |entry: &str| entry.trim().get(..7).is_some_and(|start| start.eq_ignore_ascii_case("http://"));
    trusted.iter().any(|entry| is_plain(entry) && names(entry, origin))
}

fn names(entry: &str, origin: &Origin) -> bool {
    let entry = entry.trim();
    let text = if entry.contains("://") { entry.to_owned() } else { format!("https://{entry}") };
    let Ok(url) = Url::parse(&text) else { return false };
    // The url crate drops a scheme's default port; but one that was written explicitly counts.
    let own = url.port_or_known_default().filter(|own| entry.trim_end_matches('/').ends_with(&format!(":{own}")));
    let port = url.port().or(own);
    url.host_str().is_some_and(|host| compared(host) == compared(&origin.host))
        && port.is_none_or(|port| port == origin.port)
}

/// The URL of a token request: `service`, one `scope` for each, and `account`, appended to the realm's own query; `offline` is the
/// client that wants an identity token too.
/// Empty parameters are left out: some servers refuse them.
pub(crate) fn token_url(
    realm: &Url,
    service: Option<&str>,
    scopes: &ScopeSet,
    account: Option<&str>,
    offline: Option<&str>,
) -> Url {
    let mut pairs: Vec<(&str, String)> = Vec::new();
    pairs.extend(service.map(|service| ("service", service.to_owned())));
    pairs.extend(scopes.iter().map(|scope| ("scope", scope.to_string())));
    pairs.extend(account.map(|account| ("account", account.to_owned())));
    pairs.retain(|(_, value)| !value.is_empty());
    let mut url = realm.clone();
    if !pairs.is_empty() {
        url.query_pairs_mut().extend_pairs(pairs);
    }
    if let Some(client) = offline {
        url.query_pairs_mut().append_pair("offline_token", "true").append_pair("client_id", client);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn resolved(realm: &str, request: &str) -> Result<String> {
        resolve(realm, &url(request), &[]).map(String::from)
    }

    #[test]
    fn realms_become_urls() {
        let secure = "https://reg.example:5000/v2/a/tags/list?n=1";
        for (realm, request, expected) in [
            ("https://auth.example/token?x=1", secure, "https://auth.example/token?x=1"),
            (" HTTPS://auth.example/token ", secure, "https://auth.example/token"),
            ("/token", secure, "https://reg.example:5000/token"),
            ("?token", secure, "https://reg.example:5000/v2/a/tags/list?token"),
            ("service/token", secure, "https://reg.example:5000/v2/a/tags/service/token"),
            ("token.php", secure, "https://reg.example:5000/v2/a/tags/token.php"),
            // Without slashes after a scheme equal to the base's, the URL standard reads a path.
            ("https:evil.example/t", secure, "https://reg.example:5000/v2/a/tags/evil.example/t"),
            ("../token", secure, "https://reg.example:5000/v2/a/token"),
            ("auth.example/token", secure, "https://auth.example/token"),
            ("//auth.example/token", secure, "https://auth.example/token"),
            ("auth:5001/token", secure, "https://auth:5001/token"),
            ("localhost:5001/token", secure, "https://localhost:5001/token"),
            ("[::1]:5001/token", secure, "https://[::1]:5001/token"),
            ("https://auth:5001:5001/token", secure, "https://auth:5001/token"),
            ("https://[::1]:5001:5001?a=b:1:1", secure, "https://[::1]:5001/?a=b:1:1"),
            ("localhost/token", "http://localhost:5000/v2/", "http://localhost/token"),
            ("http://localhost/token", "http://localhost:5000/v2/", "http://localhost/token"),
            ("https://auth.example/token", "http://localhost:5000/v2/", "https://auth.example/token"),
        ] {
            assert_eq!(resolved(realm, request).unwrap(), expected, "{realm}");
        }
    }

    #[test]
    fn hostile_realms_are_refused() {
        for (realm, reason) in [
            ("", "empty"),
            (" \t", "empty"),
            ("http://auth.example/SECRET", "not protected by TLS"),
            ("ftp://auth.example/SECRET", "neither"),
            ("file:///etc/SECRET", "neither"),
            ("file:/etc/SECRET", "neither"),
            ("javascript:SECRET", "neither"),
            ("https://user@auth.example/", "user name"),
            ("https://:SECRET@auth.example/", "user name"),
            ("user@auth.example/token", "user name"),
            ("https://auth.example/#SECRET", "fragment"),
            ("https://auth.example/a b", "spaces"),
            ("https://auth.example/\r\nX: SECRET", "spaces"),
            ("https://", "not a URL"),
            ("https://auth.example:99999/", "not a URL"),
            ("https://auth.example:5001:5002/", "not a URL"),
            ("/\\evil.example/SECRET", "backslashes"),
            ("\\\\evil.example/SECRET", "backslashes"),
        ] {
            let error = resolved(realm, "https://reg.example/v2/").unwrap_err();
            assert_eq!(error.code(), Code::Protocol, "{realm}");
            assert!(error.message().contains(reason), "{realm}: {error}");
            assert!(!error.message().contains("SECRET"), "{error}");
        }
        // The exception names the scheme, so it is deliberate.
        let secure = url("https://reg.example/v2/");
        for (trusted, is_taken) in [
            ("http://auth.example", true),
            ("http://auth.example:80/", true),
            ("auth.example", false),
            ("auth.example:80", false),
            ("https://auth.example:80", false),
            ("http://auth.example:81", false),
            ("http://other.example", false),
        ] {
            match resolve("http://auth.example/token", &secure, &[trusted.to_owned()]) {
                Ok(url) => assert_eq!((url.as_str(), is_taken), ("http://auth.example/token", true), "{trusted}"),
                Err(error) => {
                    assert!(!is_taken, "{trusted}: {error}");
                    let hint = error.to_json()["hint"].to_string();
                    assert!(hint.contains("list http://auth.example in") && hint.contains("trusted_realms"), "{hint}");
                }
            }
        }
        let error = resolved("https:evil.example/token", "http://localhost:5000/v2/").unwrap_err();
        assert!(error.message().contains("another server"), "{error}");
    }

    #[test]
    fn credentials_stay_in_the_family() {
        let trusted = [
            "auth.other.example".to_owned(),
            "Auth.Third.Example:8443".to_owned(),
            "https://fourth.example:443/".to_owned(),
            "http://plain.example:5001".to_owned(),
            " HTTP://any.example/ ".to_owned(),
            "http://eighty.example:80".to_owned(),
        ];
        for (registry, realm, expected) in [
            ("https://reg.example.com", "https://reg.example.com/token", true),
            ("https://reg.example.com", "https://REG.example.com.:5001/token", true),
            ("https://reg.example.com", "https://auth.example.com/token", true),
            ("https://reg.example.co.uk", "https://auth.example.co.uk/token", true),
            ("https://registry-1.docker.io", "https://auth.docker.io/token", true),
            ("https://registry.hub.docker.com", "https://auth.docker.io/token", true),
            ("http://localhost:5000", "http://127.0.0.1:5001/token", true),
            ("http://[::1]:5000", "http://localhost:5001/token", true),
            ("http://10.0.0.1:5000", "http://10.0.0.1:5001/token", true),
            ("http://registry:5000", "http://registry:5001/token", true),
            ("https://reg.example.com", "https://auth.other.example/token", true),
            ("https://reg.example.com", "https://auth.other.example:8443/token", true),
            ("https://reg.example.com", "https://auth.third.example:8443/token", true),
            ("https://reg.example.com", "https://fourth.example/token", true),
            ("https://reg.example.com", "https://auth.third.example/token", false),
            ("https://reg.example.com", "https://fourth.example:8443/token", false),
            ("https://reg.example.com", "http://reg.example.com/token", false),
            ("https://reg.example.com", "http://auth.other.example/token", false),
            ("https://reg.example.com", "https://evil.com/token", false),
            ("https://reg.example.com", "https://evilexample.com/token", false),
            ("https://reg.example.com", "https://reg.example.com.evil.org/token", false),
            ("https://mine.co.uk", "https://yours.co.uk/token", false),
            ("https://mine.github.io", "https://yours.github.io/token", false),
            ("https://auth.docker.io.evil.org", "https://auth.docker.io/token", false),
            ("https://hub.docker.com", "https://auth.docker.io.evil.org/token", false),
            ("http://10.0.0.1:5000", "http://10.0.0.2:5000/token", false),
            ("http://localhost:5000", "http://10.0.0.2:5000/token", false),
            ("http://registry:5000", "http://auth:5000/token", false),
            ("https://com", "https://other.com/token", false),
            ("https://reg.example.com", "http://plain.example:5001/token", true),
            ("https://reg.example.com", "http://plain.example/token", false),
            ("https://reg.example.com", "http://any.example:7/token", true),
            ("https://reg.example.com", "https://any.example/token", true),
            ("https://reg.example.com", "http://eighty.example/token", true),
            ("https://reg.example.com", "http://eighty.example:81/token", false),
            ("https://reg.example.com", "http://fourth.example:443/token", false),
            ("http://reg.example.com", "http://auth.other.example/token", true),
        ] {
            assert_eq!(may_send_credentials(&url(registry), &url(realm), &trusted), expected, "{registry} {realm}");
        }
        assert!(!may_send_credentials(
            &url("https://a.example"),
            &url("https://b.test"),
            &[String::new(), "*".to_owned()]
        ));
    }

    #[test]
    fn token_requests_keep_the_realms_query() {
        let mut scopes = ScopeSet::new();
        let at = |text: &str, service, scopes: &ScopeSet, account| {
            token_url(&url(text), service, scopes, account, None).to_string()
        };
        assert_eq!(at("https://a/t", None, &scopes, None), "https://a/t");
        assert_eq!(at("https://a/t?k=%2F+v", Some(""), &scopes, Some("")), "https://a/t?k=%2F+v");
        assert_eq!(at("https://a/t?k=%2F+v", Some("s"), &scopes, None), "https://a/t?k=%2F+v&service=s");
        assert_eq!(at("https://a/t?", Some("s"), &scopes, None), "https://a/t?service=s");
        scopes.add_text("repository:t:push,pull repository:s:pull");
        assert_eq!(
            at("https://a/t", Some("Docker registry&x"), &scopes, Some("me")),
            "https://a/t?service=Docker+registry%26x&scope=repository%3At%3Apull%2Cpush&scope=repository%3As%3Apull&account=me"
        );
    }
}
