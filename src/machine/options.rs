//! Which of the machine's files are read.

use crate::options::{options, Texts};

options! {
    /// The machine's registry configuration, in the order in which it counts.
    #[derive(Debug, Clone)]
    pub struct MachineOptions {
        /// a file in the format of containers-registries.conf(5), version 2
        pub registries_conf: Option<String>,
        /// folders whose *.conf are merged over registries_conf, in the order of their names; of several with one name that of the
        /// first folder counts
        pub registries_conf_dir: Texts,
        /// also what podman and skopeo read: registries.conf in XDG_CONFIG_HOME/containers or ~/.config/containers, else in
        /// /etc/containers, else in /usr/share/containers, with the files of all their registries.conf.d; or the file that
        /// CONTAINERS_REGISTRIES_CONF names
        pub containers_registries: bool,
        /// folders as containerd has them: DIR/HOST[:PORT]/hosts.toml, DIR/HOST_PORT_/hosts.toml, DIR/_default/hosts.toml, or
        /// certificates instead of hosts.toml
        pub containerd_certs_dir: Texts,
        /// a file like k3s's /etc/rancher/k3s/registries.yaml
        pub k3s_registries: Option<String>,
        /// a file like Docker's /etc/docker/daemon.json: registry-mirrors, which are for Docker Hub, and insecure-registries
        pub docker_daemon_json: Option<String>,
    }
}
