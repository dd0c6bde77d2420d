//! One place that can be asked for a repository.

use super::rename::Rename;
use super::rules::RuleSource;
use crate::reference::Scheme;

/// A registry that can be asked for what the caller names.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) base: EndpointBase,
    /// What the repository is called there.
    pub(crate) rename: Rename,
    pub(crate) may: Abilities,
    pub(crate) tls: EndpointTls,
    /// Headers to add to its requests, "Name: value"; they may be secrets.
    pub(crate) headers: Vec<(String, String)>,
    /// The limit of its own for connecting.
    pub(crate) connect_timeout_ms: Option<u64>,
    /// Who says so.
    pub(crate) source: RuleSource,
}

/// Where an endpoint is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EndpointBase {
    /// The registry that the reference names, as it is reached without any rule.
    Origin,
    /// Elsewhere.
    At {
        /// Without one: https, and for a loopback host what it speaks.
        scheme: Option<Scheme>,
        /// `HOST[:PORT]`, in lower case.
        host: String,
        /// Of the API, without slashes around it: "" or "dockerproxy" (containerd's hosts.md: the path of a host's URL).
        path: String,
        /// The path already contains what is usually `v2/` (containerd's `override_path`).
        whole_path: bool,
        /// The registry that is meant, for proxies that serve several: the query `ns` (containerd's hosts.md).
        namespace: Option<String>,
    },
}

/// What an endpoint may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Abilities {
    /// What has a digest: manifests, blobs, referrers.
    pub(crate) by_digest: bool,
    /// What a tag is, and which tags there are.
    pub(crate) by_tag: bool,
    /// Writes.
    pub(crate) push: bool,
}

impl Abilities {
    /// Reads only.
    pub(crate) const PULL: Abilities = Abilities { by_digest: true, by_tag: true, push: false };
    /// Reads of what has a digest.
    pub(crate) const BY_DIGEST: Abilities = Abilities { by_digest: true, by_tag: false, push: false };
    /// Everything.
    pub(crate) const ALL: Abilities = Abilities { by_digest: true, by_tag: true, push: true };
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
