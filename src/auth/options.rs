//! Where stored credentials may come from.

use std::time::Duration;

use super::credential_files::CredentialChoice;
use super::credential_lookup::StoredCredentials;
use super::helper::Helpers;
use crate::error::Result;
use crate::options::{above_zero, options};

options! {
    /// What one host may know of the caller.
    #[derive(Clone)]
    pub struct HostAuthOptions {
        /// never send credentials, and for its repositories none that hosts.toml and registries.yaml have for mirrors
        ///
        /// a mirror is a host of its own: what its options say, and what is stored for it, is still sent to it
        pub anonymous: bool,
        /// HOST[:PORT] that may receive this host's credentials as its token server
        ///
        /// a token server of the host's own domain may receive them without this option. With "http://HOST[:PORT]" a server may
        /// receive them without TLS although this host uses https; without it that is refused with OCIREG_PROTOCOL
        pub trusted_realms: Vec<String>,
    }
}

options! {
    /// Stored credentials: used for hosts whose own options hold none, when the credentials callback gives none.
    #[derive(Debug, Clone)]
    pub struct StoredOptions {
        /// a file of Docker's or podman's form, which must be there
        pub credentials_file: Option<String>,
        /// a folder, whose config.json is read if it is there
        pub docker_config: Option<String>,
        /// use those of docker login, podman login and credential helpers
        ///
        /// the places that are read are the text in DOCKER_AUTH_CONFIG, the file REGISTRY_AUTH_FILE, config.json in DOCKER_CONFIG
        /// or in ~/.docker, containers/auth.json in XDG_RUNTIME_DIR, and in XDG_CONFIG_HOME or ~/.config, and ~/.dockercfg. The
        /// environment is read by the call that gets this option
        pub stored_credentials: bool,
        /// also read files of other users than root and this one, and files that they may write
        ///
        /// a container whose user is not the one outside needs this option, because the files have another owner there
        pub foreign_credentials: bool,
        /// for one run of a credential helper, which is killed then
        pub helper_timeout_ms: u64 = 60_000,
        /// the folders of the helpers, with ':' between (default: PATH)
        pub helper_path: Option<String>,
    }
}

impl StoredOptions {
    pub(crate) fn check(&self) -> Result<()> {
        above_zero(&[("helper_timeout_ms", self.helper_timeout_ms)])
    }

    /// The places and helpers that these options name.
    pub(crate) fn stored(&self) -> StoredCredentials {
        let wanted = CredentialChoice {
            credentials_file: self.credentials_file.clone(),
            docker_config: self.docker_config.clone(),
            usual: self.stored_credentials,
            foreign: self.foreign_credentials,
        };
        let search = self.helper_path.as_ref().map(Into::into);
        StoredCredentials::new(&wanted, Helpers { search, limit: Duration::from_millis(self.helper_timeout_ms) })
    }
}
