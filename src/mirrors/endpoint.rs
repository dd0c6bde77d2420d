//! One endpoint, where a repository can be asked for.

use zeroize::Zeroizing;

use super::rename::Rename;
use super::rule_source::RuleSource;
use crate::credentials::Credentials;
use crate::docker_hub;
pub(crate) use crate::docker_hub::REGISTRY as HUB;
use crate::docker_hub::{DEFAULT_INDEX, INDEX};
use crate::reference::{host_spelling, Index, Scheme};

/// How many of them a rule of a file may have.
pub(super) const MOST_ENDPOINTS: usize = 100;

/// A registry that can be asked for what the caller names.
#[derive(Clone)]
pub(crate) struct RegistryEndpoint {
    pub(crate) base: EndpointBase,
    /// What the repository is called there.
    pub(crate) rename: Rename,
    pub(crate) may: Abilities,
    pub(crate) tls: EndpointTls,
    /// Headers to add to its requests, name and value; they may be secrets.
    pub(crate) headers: Vec<(String, Zeroizing<String>)>,
    /// What it is to be logged in with, if neither the host's options nor the stored credentials say (k3s's registries.yaml).
    pub(crate) credentials: Option<Credentials>,
    /// The limit of its own for connecting.
    pub(crate) connect_timeout_ms: Option<u64>,
    /// Where that is said.
    pub(crate) source: RuleSource,
}

// Without what may be a secret.
impl std::fmt::Debug for RegistryEndpoint {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        to.debug_struct("RegistryEndpoint")
            .field("base", &self.base)
            .field("rename", &self.rename)
            .field("may", &self.may)
            .field("tls", &self.tls)
            .field("headers", &names)
            .field("credentials", &self.credentials.is_some())
            .field("connect_timeout_ms", &self.connect_timeout_ms)
            .field("source", &self.source)
            .finish()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum EndpointBase {
    /// The registry that the reference names, as it is reached without any rule.
    Origin,
    /// A mirror, or another place of the registry.
    At {
        /// Without one: https, and for a loopback host what it speaks.
        scheme: Option<Scheme>,
        /// `HOST[:PORT]`, in lower case; unlike the host of a reference it may be a single word.
        host: String,
        /// Of the API, without slashes around it: "" or "dockerproxy" (containerd's hosts.md: the path of a host's URL).
        path: String,
        /// The path already contains what is usually `v2/` (containerd's `override_path`).
        whole_path: bool,
        /// The query `ns` tells it the registry that the reference names, for proxies that serve several (containerd's
        /// hosts.md).
        names_registry: bool,
    },
}

impl RegistryEndpoint {
    /// Where everything is as usual, and which may be asked to read.
    pub(crate) fn new(base: EndpointBase, source: RuleSource) -> RegistryEndpoint {
        RegistryEndpoint {
            base,
            rename: Rename::Keep,
            may: Abilities::PULL,
            tls: EndpointTls::default(),
            headers: Vec::new(),
            credentials: None,
            connect_timeout_ms: None,
            source,
        }
    }

    /// As containerd asks an `http://` host whose certificate is not to be checked: by https first, unless its port is 80.
    pub(super) fn https_first(mut self) -> RegistryEndpoint {
        match &mut self.base {
            EndpointBase::At { scheme: scheme @ Some(Scheme::Http), host, .. }
                if self.tls.insecure && !host.ends_with(":80") =>
            {
                *scheme = None;
                self.tls.or_plain_http = true;
            }
            _ => {}
        }
        self
    }

    /// What a repository of a registry is called where it is asked, as rules name it: `HOST[:PORT][/REPOSITORY]`. None: nothing is asked
    /// for it there.
    pub(crate) fn full_name(&self, index: &Index, repository: &str) -> Option<String> {
        let (host, above) = match &self.base {
            EndpointBase::Origin => (index.name.as_str(), ""),
            // What is behind `v2/` begins the names of repositories.
            EndpointBase::At { host, path, whole_path: true, .. } => {
                (host.as_str(), path.strip_prefix("v2").unwrap_or(path))
            }
            EndpointBase::At { host, .. } => (host.as_str(), ""),
        };
        let host = if docker_hub::HOSTS.contains(&host) { DEFAULT_INDEX } else { host };
        let renamed = self.rename.apply(repository)?;
        let parts = [host, above.trim_matches('/'), &renamed].into_iter().filter(|part| !part.is_empty());
        Some(parts.collect::<Vec<_>>().join("/"))
    }

    /// The registry that the reference names, which may be asked everything.
    pub(crate) fn origin(source: RuleSource) -> RegistryEndpoint {
        RegistryEndpoint { may: Abilities::ALL, ..RegistryEndpoint::new(EndpointBase::Origin, source) }
    }

    /// Whether it is the registry itself. A mirror may be on its host, where the repositories have other names.
    pub(crate) fn is_registry(&self) -> bool {
        self.base == EndpointBase::Origin && matches!(self.rename, Rename::Keep)
    }

    /// Whether it is reached as its registry is without a rule.
    pub(crate) fn is_plain(&self) -> bool {
        self.base == EndpointBase::Origin && self.is_reached_as_usual() && self.connect_timeout_ms.is_none()
    }

    /// Whether nothing but where it is is said of it.
    fn is_reached_as_usual(&self) -> bool {
        self.tls == EndpointTls::default() && self.headers.is_empty() && self.credentials.is_none()
    }

    /// Whether what one answers the other would answer too, if they are at one URL.
    pub(crate) fn is_reached_as(&self, other: &RegistryEndpoint, index: &Index) -> bool {
        (self.base.namespace(index), &self.tls) == (other.base.namespace(index), &other.tls)
            && self.headers == other.headers
            && self.credentials == other.credentials
    }

    /// Whether only a file of the machine names it: the caller knows nothing of it.
    pub(crate) fn is_only_in_files(&self) -> bool {
        self.base != EndpointBase::Origin && matches!(self.source, RuleSource::File { .. })
    }

    /// Its host, `HOST[:PORT]`.
    pub(crate) fn host<'a>(&'a self, index: &'a Index) -> &'a str {
        match &self.base {
            EndpointBase::Origin => &index.name,
            EndpointBase::At { host, .. } => host,
        }
    }

    /// Its host as a registry.
    pub(crate) fn registry_there(&self, index: &Index) -> Index {
        match &self.base {
            EndpointBase::Origin => index.clone(),
            EndpointBase::At { scheme, host, .. } => {
                let name = if host == INDEX { DEFAULT_INDEX } else { host }.to_owned();
                Index { official: name == DEFAULT_INDEX, name, scheme: *scheme }
            }
        }
    }

    /// Its identity among the endpoints of all registries. A registry is the same however its host is spelt.
    pub(crate) fn key(&self, index: &Index) -> EndpointKey {
        let host = match self.base {
            EndpointBase::Origin => host_spelling::key(&index.name),
            EndpointBase::At { .. } => self.host(index).to_owned(),
        };
        EndpointKey { host, base: self.base.clone(), rename: self.rename.to_string() }
    }
}

/// Which endpoint something is about: no other endpoint has the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct EndpointKey {
    host: String,
    base: EndpointBase,
    rename: String,
}

impl EndpointKey {
    /// Whether it is the registry itself.
    pub(crate) fn is_registry(&self) -> bool {
        self.base == EndpointBase::Origin && self.rename.is_empty()
    }

    /// Its host, `HOST[:PORT]`.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }
}

impl EndpointBase {
    /// The registry that it is told, for names of this one: it need not be told its own name.
    pub(crate) fn namespace(&self, index: &Index) -> Option<String> {
        match self {
            EndpointBase::At { host, names_registry: true, .. } => {
                let is_itself = *host == index.name || (index.official && host == HUB);
                (!is_itself).then(|| index.name.clone())
            }
            _ => None,
        }
    }
}

/// What an endpoint may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Abilities {
    /// What has a digest: manifests and blobs.
    pub(crate) by_digest: bool,
    /// What a tag is, and which tags there are.
    pub(crate) by_tag: bool,
    /// What refers to a manifest. Nothing checks which referrers there are, as little as what a tag is: where tags
    /// may not be asked for, these may be only if a file says so.
    pub(crate) referrers: bool,
    /// Whether what is written may go there.
    pub(crate) push: bool,
}

impl Abilities {
    pub(crate) const NOTHING: Abilities = Abilities { by_digest: false, by_tag: false, referrers: false, push: false };
    pub(crate) const PULL: Abilities = Abilities { by_digest: true, by_tag: true, referrers: true, push: false };
    /// Reads of what has a digest.
    pub(crate) const BY_DIGEST: Abilities = Abilities { by_tag: false, referrers: false, ..Abilities::PULL };
    /// Reads of what has a tag.
    pub(crate) const BY_TAG: Abilities = Abilities { by_digest: false, referrers: false, ..Abilities::PULL };
    pub(crate) const PUSH: Abilities = Abilities { push: true, ..Abilities::NOTHING };
    pub(crate) const ALL: Abilities = Abilities { push: true, ..Abilities::PULL };

    /// Without what another one may be asked; what is written is for whoever takes it.
    pub(crate) fn without(self, other: Abilities) -> Abilities {
        Abilities {
            by_digest: self.by_digest && !other.by_digest,
            by_tag: self.by_tag && !other.by_tag,
            referrers: self.referrers && !other.referrers,
            push: self.push,
        }
    }

    /// The names of what it may be asked.
    pub(crate) fn names(self) -> Vec<&'static str> {
        let reads = [(self.by_digest, "digest"), (self.by_tag, "tag"), (self.referrers, "referrers")];
        let all = reads.into_iter().chain([(self.push, "push")]);
        all.filter_map(|(may, name)| may.then_some(name)).collect()
    }
}

/// How an endpoint is known, and how it knows us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct EndpointTls {
    /// Its certificate is not checked.
    pub(crate) insecure: bool,
    /// Plain http is tried when it does not speak TLS (only with `insecure`; containers-registries.conf(5), Docker's
    /// insecure-registries).
    pub(crate) or_plain_http: bool,
    /// PEM files of authorities.
    pub(crate) ca_files: Vec<String>,
    /// PEM files of client certificates with their keys; without a key it is in the same file.
    pub(crate) client_certificates: Vec<(String, Option<String>)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_registry_is_told_which_is_meant() {
        let told = |host: &str, names_registry, registry: &str| {
            let (path, whole_path) = (String::new(), false);
            let base = EndpointBase::At { scheme: None, host: host.into(), path, whole_path, names_registry };
            base.namespace(&Index::parse(registry).unwrap())
        };
        assert_eq!(told("m.io", true, "docker.io").as_deref(), Some("docker.io"));
        assert_eq!(told("m.io", true, "h.io:5000").as_deref(), Some("h.io:5000"));
        for (host, names, registry) in
            [("m.io", false, "docker.io"), ("m.io", true, "m.io"), ("registry-1.docker.io", true, "docker.io")]
        {
            assert_eq!(told(host, names, registry), None, "{host}");
        }
    }
}
