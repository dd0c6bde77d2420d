//! The machine's files about registries: hosts that are hosts, names that lead nowhere else, headers of one line, errors that name
//! their file.

use ocireg::inside;
use ocireg::reference::{Reference, Repository};
use url::Url;

use crate::sandbox::{is_fit, text};

fn read(kind: &str, bytes: &[u8]) -> Vec<String> {
    let text = text(bytes);
    let mut all = Vec::new();
    for name in ["docker.io/library/mongo", "eu.registry.example.com/legacy/app:v1"] {
        let name = Reference::parse(name, None).unwrap();
        match inside::machine_file(kind, &text, &name) {
            Ok(found) => all.extend(found),
            Err(error) => {
                is_fit(&error);
                assert!(error.message().starts_with("/f"), "{error}");
            }
        }
    }
    all
}

fn leads_to_registries(kind: &str, bytes: &[u8]) {
    for line in read(kind, bytes) {
        if let Some((name, value)) = line.split_once(": ") {
            assert!(!value.contains(['\r', '\n', '\0']) && !name.contains(char::is_whitespace), "{line:?}");
            continue;
        }
        let (base, name) = line.split_once(' ').unwrap();
        let (host, path) = base.split_once('/').unwrap();
        let url = Url::parse(&format!("https://{base}")).unwrap();
        assert!(url.path() == format!("/{path}") && url.username().is_empty() && !host.contains('@'), "{line}");
        assert!(name.is_empty() || Repository::parse(&format!("localhost/{name}"), None).is_ok(), "{line}");
    }
}

pub fn registries_conf(bytes: &[u8]) {
    leads_to_registries("registries.conf", bytes);
}

pub fn hosts_toml(bytes: &[u8]) {
    leads_to_registries("hosts.toml", bytes);
}

pub fn registries_yaml(bytes: &[u8]) {
    leads_to_registries("registries.yaml", bytes);
}

pub fn daemon_json(bytes: &[u8]) {
    leads_to_registries("daemon.json", bytes);
}

pub fn registries_d(bytes: &[u8]) {
    for place in read("registries.d", bytes) {
        assert!(!place.contains(char::is_control) && place.contains("://"), "{place:?}");
    }
}
