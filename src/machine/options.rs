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
        /// of several files with one name that of the first folder counts
        pub registries_conf_dir: Texts,
        /// folders as containers-registries.d(5) has them, for what ocireg_explain shows of signatures
        ///
        /// the folders' *.yaml say where the signatures of images are. Only ocireg_explain reads them, and no signature is looked
        /// at. Of several files with one name that of the first folder counts; a key that occurs in two files is an error that
        /// names both
        pub registries_d: Texts,
        /// also the files that podman and skopeo read on this machine
        ///
        /// the files are registries.conf in XDG_CONFIG_HOME/containers or ~/.config/containers, else in /etc/containers, else in
        /// /usr/share/containers, with the files of all their registries.conf.d; or, if CONTAINERS_REGISTRIES_CONF names a file,
        /// that file alone. If registries_d is not given, all their registries.d are read too. Older versions of podman and skopeo
        /// (containers/image 5) read the files of the user's folder after those of the machine's, which are not read if the user
        /// has a registries.conf. They read all folders even beside a file that is named, and of registries.d that of ~/.config, or
        /// if there is none that of /etc. What podman remembers in short-name-aliases.conf, and credential-helpers, are not read
        pub containers_registries: bool,
        /// folders as containerd has them: DIR/HOST[:PORT]/hosts.toml, DIR/HOST_PORT_/ or DIR/_default/
        ///
        /// a folder of a host may have certificates instead of a hosts.toml. A broken hosts.toml is an error for the names that it
        /// is for, while containerd passes over it; a host http:// is asked by https first only with skip_verify = true; docker.io
        /// and index.docker.io are Docker Hub's registry. A header Authorization, Basic or Bearer, goes with every request to its
        /// host, and nowhere else, until the host refuses it; it is not sent where the caller or the stored credentials have some
        /// for that host, and where a credential helper fails, that is a warning. A User-Agent in a hosts.toml is sent instead of
        /// the client's
        pub containerd_certs_dir: Texts,
        /// a file like k3s's /etc/rancher/k3s/registries.yaml
        ///
        /// an endpoint or expression that is not valid is an error, while k3s skips it. Of several expressions that change a name
        /// the first in the file counts, with k3s any of them. The configs of * are ignored, because their login would reach any
        /// registry. registry-1.docker.io is Docker Hub
        pub k3s_registries: Option<String>,
        /// a file like Docker's /etc/docker/daemon.json
        ///
        /// the file's registry-mirrors, which are for Docker Hub, and its insecure-registries are used. With this option loopback
        /// hosts are insecure too, as for Docker; names are not looked up to see whether they are in an insecure network
        pub docker_daemon_json: Option<String>,
        /// what a name without a registry is: "docker.io" or "files" (default: "docker.io")
        ///
        /// with "docker.io", every call takes a name without a registry as one of Docker Hub. With "files" such a name is what the
        /// aliases in the files of registries_conf, registries_conf_dir and containers_registries say, else a name of the registry
        /// of their unqualified-search-registries. If there are several registries, the call is OCIREG_INVALID_REFERENCE, which
        /// lists them, in each short-name-mode, because a library cannot ask the user. podman, where it cannot ask, tries them in
        /// turn except when enforcing, and may take what somebody else has published in the first. skopeo always takes Docker Hub
        pub short_names: Option<ShortNameReading>,
    }
}

/// What a name without a registry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ShortNameReading {
    /// A repository of Docker Hub, whatever the machine's files say.
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
