//! Hosts that must not be asked, whatever leads there: a redirect, a challenge, or a mirror of another registry.

use std::collections::HashMap;

use super::rules::Rules;
use super::RuleSource;
use crate::docker_hub;

/// All of a client. Code that sends a request asks here first.
#[derive(Default)]
pub(crate) struct ForbiddenHosts {
    /// Hosts and ports of the registries whose options say that only their mirrors are asked, by the registry.
    by_option: HashMap<String, Vec<(String, u16)>>,
    /// What the machine's files block.
    by_files: Rules,
}

impl ForbiddenHosts {
    /// Why a registry is not asked of which only the mirrors may be.
    pub(crate) const ONLY_MIRRORS: &str = "must not be asked: its rule allows only its mirrors";

    /// What a registry's options say, instead of what they said before.
    pub(crate) fn set_option(&mut self, registry: &str, hosts: Vec<(String, u16)>) {
        match hosts.is_empty() {
            true => drop(self.by_option.remove(registry)),
            false => drop(self.by_option.insert(registry.to_owned(), hosts)),
        }
    }

    /// What the machine's files say, instead of what they said before.
    pub(crate) fn set_files(&mut self, rules: &Rules) {
        self.by_files = rules.of_blocks();
    }

    /// Why a host is not asked at a port: how a sentence goes on that begins with it. None: it may be asked.
    pub(crate) fn why(&self, host: &str, port: u16) -> Option<String> {
        if self.by_option.values().flatten().any(|(name, number)| name == host && *number == port) {
            return Some(ForbiddenHosts::ONLY_MIRRORS.to_owned());
        }
        self.block(host, port).map(|source| format!("is blocked by {source}"))
    }

    /// What the machine's files have that blocks a host at a port.
    pub(crate) fn block(&self, host: &str, port: u16) -> Option<&RuleSource> {
        if self.by_files.0.is_empty() {
            return None;
        }
        // What is blocked with Docker Hub.
        let host = if host == docker_hub::REALM { docker_hub::DEFAULT_INDEX } else { host };
        // The usual ports are written or not: what is said of either name is meant, and what is open by one of them is open.
        let names = [format!("{host}:{port}"), host.to_owned()];
        let names = if matches!(port, 443 | 80) { &names[..] } else { &names[..1] };
        if names.iter().any(|name| self.by_files.of_name(name).is_some_and(|rule| !rule.blocked)) {
            return None;
        }
        names.iter().find_map(|name| self.by_files.block_of_host(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mirrors::RegistriesConf;

    fn forbidden(text: &str) -> ForbiddenHosts {
        let mut conf = RegistriesConf::default();
        conf.merge("r.conf", text).unwrap();
        let mut all = ForbiddenHosts::default();
        all.set_files(&Rules(vec![conf.rules()]));
        all
    }

    #[test]
    fn a_file_forbids_whole_hosts_at_each_port() {
        let all = forbidden(
            "[[registry]]\nlocation = \"evil.io\"\nblocked = true\n[[registry.mirror]]\nlocation = \"m.io\"\n\
             [[registry]]\nprefix = \"*.lab.io\"\nblocked = true\n[[registry]]\nlocation = \"docker.io\"\nblocked = true\n\
             [[registry]]\nlocation = \"ported.io:5000\"\nblocked = true\n[[registry]]\nlocation = \"safe.io:443\"\nblocked = true\n\
             [[registry]]\nlocation = \"[::1]:5000\"\nblocked = true\n",
        );
        let is = |host: &str, port| all.why(host, port).is_some();
        for (host, port) in [
            ("evil.io", 443),
            ("evil.io", 8443),
            ("a.lab.io", 443),
            ("registry-1.docker.io", 443),
            ("auth.docker.io", 443),
            ("ported.io", 5000),
            ("safe.io", 443),
            ("[::1]", 5000),
        ] {
            assert!(is(host, port), "{host}:{port}");
        }
        for (host, port) in [("m.io", 443), ("lab.io", 443), ("ported.io", 443), ("notevil.io", 443), ("[::1]", 5001)] {
            assert!(!is(host, port), "{host}:{port}");
        }
        assert_eq!(all.why("evil.io", 443).unwrap(), "is blocked by r.conf:1");
    }

    #[test]
    fn a_host_of_which_a_part_may_be_asked_is_not_forbidden() {
        let all = forbidden(
            "[[registry]]\nlocation = \"half.io\"\nblocked = true\n[[registry]]\nlocation = \"half.io/open\"\n\
             [[registry]]\nlocation = \"part.io/secret\"\nblocked = true\n\
             [[registry]]\nlocation = \"dark.io\"\nblocked = true\n[[registry]]\nlocation = \"dark.io/still\"\nblocked = true\n\
             [[registry]]\nlocation = \"odd.io\"\nblocked = true\n[[registry]]\nlocation = \"odd.io:5000\"\n",
        );
        let is = |host: &str, port| all.why(host, port).is_some();
        assert!(!is("half.io", 443) && !is("part.io", 443) && is("dark.io", 443));
        assert!(is("odd.io", 443) && !is("odd.io", 5000));
        assert!(ForbiddenHosts::default().why("dark.io", 443).is_none());
    }

    #[test]
    fn a_host_may_be_an_exception_to_what_blocks_more() {
        let all = forbidden(
            "[[registry]]\nprefix = \"*.lab.io\"\nblocked = true\n[[registry]]\nlocation = \"good.lab.io\"\n\
             [[registry]]\nlocation = \"evil.io\"\nblocked = true\n[[registry]]\nlocation = \"evil.io:443\"\n",
        );
        let is = |host: &str, port| all.why(host, port).is_some();
        assert!(!is("good.lab.io", 443) && is("other.lab.io", 443) && is("good.lab.io", 5000));
        assert!(!is("evil.io", 443) && is("evil.io", 5000));
    }

    #[test]
    fn an_option_forbids_what_it_says_until_it_says_otherwise() {
        let mut all = ForbiddenHosts::default();
        all.set_option("a.io", vec![("a.io".to_owned(), 443)]);
        assert!(all.why("a.io", 443).unwrap().contains("only its mirrors") && all.why("a.io", 80).is_none());
        all.set_option("a.io", Vec::new());
        assert!(all.why("a.io", 443).is_none());
    }
}
