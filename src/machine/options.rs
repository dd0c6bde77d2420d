//! Which of the machine's files are read.

use serde_json::Value;

use crate::options::{options, word, OptionValue, Texts};

options! {
    /// The machine's registry configuration, in the order in which it counts.
    #[derive(Debug, Clone)]
    pub struct MachineOptions {
        /// a file in the format of containers-registries.conf(5), version 2
        pub registries_conf: Option<String>,
        /// folders whose *.conf are merged over registries_conf, in the order of their names
        ///
        /// of several with one name that of the first folder counts
        pub registries_conf_dir: Texts,
        /// folders as containers-registries.d(5) has them, for what ocireg_explain shows of signatures
        ///
        /// their *.yaml say where the signatures of images are: nothing else reads them, and no signature is looked at. Of several with
        /// one name that of the first folder counts; a key that occurs in two files is an error that names both
        pub registries_d: Texts,
        /// also the files that podman and skopeo read on this machine
        ///
        /// registries.conf in XDG_CONFIG_HOME/containers or ~/.config/containers, else in /etc/containers, else in /usr/share/containers,
        /// with the files of all their registries.conf.d. If CONTAINERS_REGISTRIES_CONF names a file, only that. Without registries_d,
        /// also all their registries.d. Older versions (containers/image 5) read the files of the user's folder after those of the
        /// machine's, which are not read if the user has a registries.conf. They read all folders even beside a file that is named, and
        /// of registries.d that of ~/.config, or if there is none that of /etc. What podman remembers in short-name-aliases.conf, and
        /// credential-helpers, are not read
        pub containers_registries: bool,
        /// folders as containerd has them: DIR/HOST[:PORT]/hosts.toml, DIR/HOST_PORT_/ or DIR/_default/
        ///
        /// or certificates instead of hosts.toml. A broken one is an error for the names that it is for, not passed over as there; a host
        /// http:// is asked by https first only with skip_verify = true; docker.io and index.docker.io are Docker Hub's registry. A
        /// header Authorization, Basic or Bearer, goes with every request to its host, and nowhere else, until the host refuses it; not
        /// where the caller or the stored credentials have some for that host; where a credential helper fails, that is a warning. A
        /// User-Agent there is sent instead of the client's
        pub containerd_certs_dir: Texts,
        /// a file like k3s's /etc/rancher/k3s/registries.yaml
        ///
        /// an endpoint or expression that is not valid is an error, not skipped as there. Of several expressions that change a name the
        /// first in the file counts, there any. The configs of * are ignored, because their login would reach any registry.
        /// registry-1.docker.io is Docker Hub
        pub k3s_registries: Option<String>,
        /// a file like Docker's /etc/docker/daemon.json
        ///
        /// its registry-mirrors, which are for Docker Hub, and insecure-registries. Loopback hosts are insecure too with it, as there;
        /// names are not looked up to see whether they are in an insecure network
        pub docker_daemon_json: Option<String>,
        /// what a name without a registry is: "docker.io" (the default), or "files"
        ///
        /// wherever a call takes one. "docker.io": one of Docker Hub; "files": what the aliases of the files above say, else the registry
        /// of their unqualified-search-registries. Where there are several it is OCIREG_INVALID_REFERENCE, which lists them, in each
        /// short-name-mode, because a library cannot ask the user. podman, where it cannot ask, tries them in turn except when enforcing,
        /// and takes what a stranger has in the first. skopeo always takes Docker Hub
        pub short_names: Option<ShortNameReading>,
    }
}

/// What a name without a registry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ShortNameReading {
    /// One of Docker Hub.
    #[default]
    DockerHub,
    /// What the machine's files say.
    Files,
}

impl OptionValue for ShortNameReading {
    fn read(value: Value) -> Result<ShortNameReading, String> {
        word(value, &[("docker.io", ShortNameReading::DockerHub), ("files", ShortNameReading::Files)])
    }
}
