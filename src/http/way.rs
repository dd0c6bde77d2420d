//! How an endpoint is reached that is not reached as its host is otherwise. A mirror has settings of its own, also where its host is a
//! registry as well: so they belong to the endpoint, and not to the host's name.

use std::time::Duration;

use url::Url;

use super::settings::Network;
use crate::resource;

/// What is different about the requests to an endpoint.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Way {
    /// Instead of the caller's settings for the host.
    pub network: Option<Network>,
    /// A limit of its own for connecting.
    pub connect: Option<Duration>,
    /// The base contains what is usually `v2/`.
    pub whole_path: bool,
    /// The registry that is meant, for a proxy that serves several: the query `ns`.
    pub namespace: Option<String>,
    /// Somebody else can be asked instead: nothing is waited for, and little is repeated.
    pub hasty: bool,
    /// Hosts that nothing may lead to, not even a redirect or a challenge.
    pub shunned: Vec<(String, u16)>,
}

impl Way {
    /// What also holds where a server of this way leads: nothing of the endpoint's own.
    pub(crate) fn beyond(&self) -> Way {
        Way { connect: self.connect, hasty: self.hasty, shunned: self.shunned.clone(), ..Way::default() }
    }

    /// Whether a URL is of a host that nothing may lead to.
    pub(crate) fn shuns(&self, url: &Url) -> bool {
        door(url).is_some_and(|door| self.shunned.contains(&door))
    }

    /// The path of a resource below the base of this way.
    pub(crate) fn path<'a>(&self, path: &'a str) -> &'a str {
        match self.whole_path {
            true => resource::without_version(path),
            false => path,
        }
    }

    /// Adds what every URL at the endpoint has.
    pub(crate) fn complete(&self, url: &mut Url) {
        if let Some(namespace) = &self.namespace {
            if !url.query_pairs().any(|(key, _)| key == "ns") {
                url.query_pairs_mut().append_pair("ns", namespace);
            }
        }
    }
}

/// The host and the port of a URL. A name is the same with a dot behind it.
pub(crate) fn door(url: &Url) -> Option<(String, u16)> {
    let host = url.host_str()?;
    Some((host.strip_suffix('.').unwrap_or(host).to_owned(), url.port_or_known_default()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_say_which_registry_is_meant() {
        let way = Way { namespace: Some("docker.io".to_owned()), whole_path: true, ..Way::default() };
        for (url, complete) in [
            ("http://m/v2/a", "http://m/v2/a?ns=docker.io"),
            ("http://m/v2/a?n=1", "http://m/v2/a?n=1&ns=docker.io"),
            ("http://m/v2/a?ns=x", "http://m/v2/a?ns=x"),
        ] {
            let mut url = Url::parse(url).unwrap();
            way.complete(&mut url);
            assert_eq!(url.as_str(), complete);
        }
        assert_eq!((way.path("v2/a/b"), Way::default().path("v2/a/b")), ("a/b", "v2/a/b"));
        let way = Way { shunned: vec![("h".to_owned(), 443)], ..Way::default() };
        assert!(way.shuns(&Url::parse("https://h/x").unwrap()) && !way.shuns(&Url::parse("http://h/x").unwrap()));
        assert!(way.shuns(&Url::parse("https://H.:443/").unwrap()), "with a dot behind it");
        assert!(way.beyond().shuns(&Url::parse("https://h:443").unwrap()));
    }
}
