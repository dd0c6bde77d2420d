//! How an endpoint is reached that is not reached as its host is otherwise. A mirror has settings of its own, also where its host is a
//! registry as well: so they belong to the endpoint, and not to the host's name.

use std::time::Duration;

use url::Url;

use super::settings::Network;
use crate::call::{Call, WaitLimit};
use crate::reference::host_spelling::compared;

/// The longest wait for one that others can be asked instead of: there are mirrors that first fetch what they are asked for.
const ANSWER_WITH_ALTERNATIVE: Duration = Duration::from_secs(10);

/// What is different about the requests to an endpoint.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EndpointSettings {
    /// Instead of the caller's settings for the host.
    pub network: Option<Network>,
    /// A limit of its own for connecting.
    pub connect: Option<Duration>,
    /// What paths begin with that the base contains already.
    pub left_out: &'static str,
    /// A name and a value that every URL has in its query.
    pub query: Option<(&'static str, String)>,
    /// Another endpoint can be asked instead: little is waited for, and little is repeated.
    pub has_alternative: bool,
    /// Only files of the machine name it, not the caller: what the caller sends to every host, headers and a certificate, is not for it.
    pub only_in_files: bool,
    /// Hosts that nothing here may lead to, not even a redirect or a challenge.
    pub blocked_hosts: Vec<(String, u16)>,
}

impl EndpointSettings {
    /// What also holds where a server at this endpoint leads: nothing of the endpoint's own.
    pub(crate) fn beyond(&self) -> EndpointSettings {
        let (connect, has_alternative, only_in_files) = (self.connect, self.has_alternative, self.only_in_files);
        EndpointSettings {
            connect,
            has_alternative,
            only_in_files,
            blocked_hosts: self.blocked_hosts.clone(),
            ..EndpointSettings::default()
        }
    }

    /// How long it may be waited for, of a wait that may take this long: one with an alternative leaves half of what the call has left to those
    /// that can be asked instead.
    pub(crate) fn wait(&self, limit: WaitLimit, call: &Call) -> WaitLimit {
        match self.share(call) {
            Some(time) if time < limit.time => WaitLimit { time, hurried: true, ..limit },
            _ => limit,
        }
    }

    /// What one with an alternative may take of a call that has a deadline.
    pub(crate) fn share(&self, call: &Call) -> Option<Duration> {
        call.remaining().filter(|_| self.has_alternative).map(|left| left / 2)
    }

    /// The same for the headers of an answer, with the time to connect.
    pub(crate) fn wait_for_answer(&self, limit: WaitLimit, call: &Call) -> WaitLimit {
        let most = self.connect.unwrap_or_default().max(ANSWER_WITH_ALTERNATIVE);
        let time = if self.has_alternative { limit.time.min(most) } else { limit.time };
        self.wait(WaitLimit { time, ..limit }, call)
    }

    /// Whether a URL is of a host that nothing may lead to.
    pub(crate) fn blocks(&self, url: &Url) -> bool {
        host_and_port(url).is_some_and(|host| self.blocked_hosts.contains(&host))
    }

    /// The path of a resource below the base of this endpoint.
    pub(crate) fn path<'a>(&self, path: &'a str) -> &'a str {
        path.strip_prefix(self.left_out).unwrap_or(path)
    }

    /// Adds what every URL at the endpoint has.
    pub(crate) fn complete(&self, url: &mut Url) {
        if let Some((name, value)) = &self.query {
            if !url.query_pairs().any(|(key, _)| key == *name) {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
    }
}

/// The host and the port of a URL, for comparison.
pub(crate) fn host_and_port(url: &Url) -> Option<(String, u16)> {
    Some((compared(url.host_str()?).into_owned(), url.port_or_known_default()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_say_which_registry_is_meant() {
        let settings = EndpointSettings {
            query: Some(("ns", "docker.io".to_owned())),
            left_out: "v2/",
            ..EndpointSettings::default()
        };
        for (url, complete) in [
            ("http://m/v2/a", "http://m/v2/a?ns=docker.io"),
            ("http://m/v2/a?n=1", "http://m/v2/a?n=1&ns=docker.io"),
            ("http://m/v2/a?ns=x", "http://m/v2/a?ns=x"),
        ] {
            let mut url = Url::parse(url).unwrap();
            settings.complete(&mut url);
            assert_eq!(url.as_str(), complete);
        }
        assert_eq!((settings.path("v2/a/b"), EndpointSettings::default().path("v2/a/b")), ("a/b", "v2/a/b"));
        let settings = EndpointSettings { blocked_hosts: vec![("h".to_owned(), 443)], ..EndpointSettings::default() };
        assert!(
            settings.blocks(&Url::parse("https://h/x").unwrap())
                && !settings.blocks(&Url::parse("http://h/x").unwrap())
        );
        assert!(settings.blocks(&Url::parse("https://H.:443/").unwrap()), "with a dot behind it");
        assert!(settings.beyond().blocks(&Url::parse("https://h:443").unwrap()));
    }
}
