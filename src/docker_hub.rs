//! Docker Hub's names: in references it has another one than its servers, and its credentials are stored under a third.

/// The registry of names without one.
pub const DEFAULT_INDEX: &str = "docker.io";
/// Its index of protocol v1, which references may name too.
pub(crate) const INDEX: &str = "index.docker.io";
/// The host that serves the API; references name `docker.io`.
pub(crate) const REGISTRY: &str = "registry-1.docker.io";
/// The host of its token server.
pub(crate) const REALM: &str = "auth.docker.io";
/// What credentials for it are stored under, in files and with helpers.
pub(crate) const CREDENTIALS: &str = "https://index.docker.io/v1/";
/// Everything that it is called.
pub(crate) const HOSTS: [&str; 5] = [DEFAULT_INDEX, INDEX, REGISTRY, "registry.hub.docker.com", "hub.docker.com"];
