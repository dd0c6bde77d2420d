//! The ways to say that a registry has the mirrors `m1` and `m2`, with what is asked of whom.

use std::path::Path;

use ocireg::registry::Client;
use serde_json::{json, Value};

use super::house::*;
use crate::common::*;

/// Which hosts are asked for what, in order, and which is written to; none if none is named.
pub struct Configuration {
    pub by_digest: &'static [&'static str],
    pub by_tag: &'static [&'static str],
    pub writer: Option<&'static str>,
    /// What comes before the names of the mirrors' repositories.
    pub prefix: &'static str,
    /// The registry's name in references; "" is the host of `origin`.
    pub registry: &'static str,
    /// A client that is told so, with files in a folder if it reads some.
    pub client: fn(&House, &Path) -> Client,
}

const ALL: &[&str] = &["m1", "m2", "origin"];

impl Configuration {
    /// Two mirrors, and then the registry.
    pub const fn usual(client: fn(&House, &Path) -> Client) -> Configuration {
        Configuration { by_digest: ALL, by_tag: ALL, writer: Some("origin"), prefix: "", registry: "", client }
    }
}

pub const OPTION: Configuration = Configuration::usual(|house, _| by_option(house, json!({})));

pub const PREFIX: Configuration = Configuration {
    prefix: "deep/cache/",
    ..Configuration::usual(|house, _| {
        let mirrors = ["m1", "m2"].map(|name| format!("{}/deep/cache", house.host(name)));
        with_host(house, json!({"mirrors": mirrors}))
    })
};

pub const DIGEST_ONLY: Configuration = Configuration {
    by_tag: &["m2", "origin"],
    ..Configuration::usual(|house, _| {
        let first = json!({"endpoint": house.host("m1"), "by_digest_only": true});
        with_host(house, json!({"mirrors": [first, house.host("m2")]}))
    })
};

pub const ONLY: Configuration = Configuration {
    by_digest: &["m1", "m2"],
    by_tag: &["m1", "m2"],
    writer: None,
    ..Configuration::usual(|house, _| by_option(house, json!({"mirrors_only": true})))
};

pub const PUSH: Configuration = Configuration {
    writer: Some("m1"),
    ..Configuration::usual(|house, _| {
        let first = json!({"endpoint": house.host("m1"), "push": true});
        with_host(house, json!({"mirrors": [first, house.host("m2")]}))
    })
};

pub const REGISTRIES_CONF: Configuration = Configuration::usual(|house, folder| registries_conf(house, folder, ""));

pub const CONF_DIGEST_ONLY: Configuration = Configuration {
    by_tag: &["origin"],
    ..Configuration::usual(|house, folder| registries_conf(house, folder, "mirror-by-digest-only = true\n"))
};

pub const CONF_BLOCKED: Configuration = Configuration {
    by_digest: &["m1", "m2"],
    by_tag: &["m1", "m2"],
    writer: None,
    ..Configuration::usual(|house, folder| registries_conf(house, folder, "blocked = true\n"))
};

pub const HOSTS_TOML: Configuration = Configuration::usual(|house, folder| {
    let may = "capabilities = [\"pull\", \"resolve\", \"referrers\"]";
    let host = |name: &str| format!("[host.\"http://{}\"]\n  {may}\n", house.host(name));
    certs_d(house, folder, &format!("{}{}", host("m1"), host("m2")))
});

/// The first mirror is for digests, and takes what is written; another one comes instead of the registry.
pub const HOSTS_TOML_SERVER: Configuration = Configuration {
    by_digest: &["m1", "m2"],
    by_tag: &["m2"],
    writer: Some("m1"),
    ..Configuration::usual(|house, folder| {
        let first = format!("[host.\"http://{}\"]\n  capabilities = [\"pull\", \"push\"]\n", house.host("m1"));
        certs_d(house, folder, &format!("server = \"http://{}\"\n{first}", house.host("m2")))
    })
};

/// Docker Hub, which is elsewhere by option: Docker's mirrors are for no other registry.
pub const DAEMON_JSON: Configuration = Configuration {
    registry: "docker.io",
    ..Configuration::usual(|house, folder| {
        let urls = ["m1", "m2"].map(|name| format!("http://{}", house.host(name)));
        let path = write(folder, "daemon.json", &json!({"registry-mirrors": urls}).to_string());
        let client = client_of(|options| options.machine.docker_daemon_json = Some(path));
        let endpoint = format!("http://{}", house.host("origin"));
        client.set_host("docker.io", host_options(json!({"endpoint": endpoint}))).unwrap();
        client
    })
};

pub const REGISTRIES_YAML: Configuration = Configuration {
    prefix: "deep/cache/",
    ..Configuration::usual(|house, folder| {
        let urls = ["m1", "m2"].map(|name| format!("http://{}", house.host(name)));
        let mirrors = json!({house.host("origin"): {"endpoint": urls, "rewrite": {"^(.*)$": "deep/cache/$1"}}});
        let path = write(folder, "registries.yaml", &json!({"mirrors": mirrors}).to_string());
        client_of(|options| options.machine.k3s_registries = Some(path))
    })
};

/// Nothing is repeated at one host, so that no time goes by, and no host speaks TLS: the system's certificates need not be read.
fn client_of(change: impl FnOnce(&mut ocireg::registry::ClientOptions)) -> Client {
    let options = changed(options(), |options| {
        options.http.retries = 0;
        options.http.tls.insecure = true;
        change(options);
    });
    Client::new(options).unwrap()
}

pub fn with_host(house: &House, options: Value) -> Client {
    let client = client_of(|_| {});
    client.set_host(house.host("origin"), host_options(options)).unwrap();
    client
}

fn by_option(house: &House, mut options: Value) -> Client {
    options["mirrors"] = json!([house.host("m1"), house.host("m2")]);
    with_host(house, options)
}

fn registries_conf(house: &House, folder: &Path, more: &str) -> Client {
    let place = |name: &str| format!("location = \"{}\"\ninsecure = true\n", house.host(name));
    let mirror = |name: &str| format!("[[registry.mirror]]\n{}", place(name));
    let text = format!("[[registry]]\n{}{more}{}{}", place("origin"), mirror("m1"), mirror("m2"));
    let path = write(folder, "registries.conf", &text);
    client_of(|options| options.machine.registries_conf = Some(path))
}

fn certs_d(house: &House, folder: &Path, text: &str) -> Client {
    write(folder, &format!("certs.d/{}/hosts.toml", house.host("origin")), text);
    let certs = folder.join("certs.d").to_str().unwrap().to_owned();
    client_of(|options| options.machine.containerd_certs_dir.0 = vec![certs])
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}
