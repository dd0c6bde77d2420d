//! What went wrong in other clients, as an attack on this one: each test has the name of the advisory that it is about. The table in
//! SECURITY.md says what is to be learned from it.

mod bounds;
mod content;
mod credentials;
mod extraction;
mod requests;

use ocireg::error::Error;
use ocireg::registry::manifest::{GetOptions, Manifest};
use ocireg::registry::Client;
use serde_json::json;

use crate::common::*;
use crate::server::*;

fn get(client: &Client, host: &str) -> Result<Manifest, Error> {
    client.get_manifest(&call(client), &tag(host), &GetOptions::default())
}

/// A server's port under a name of its own, at which a client finds it.
fn named(client: &Client, name: &str, server: &Server, secret: bool) -> String {
    let host = server.host.replace("127.0.0.1", name);
    let mut options = json!({"plain_http": true, "address": "127.0.0.1"});
    if secret {
        options["username"] = "alice".into();
        options["password"] = "s3cret".into();
    }
    client.set_host(&host, host_options(options)).unwrap();
    host
}

/// Whether a request had any secret.
fn had_secrets(seen: &Seen) -> bool {
    let secret = crate::stored::encoded("alice", "s3cret");
    seen.header("authorization").is_some() || seen.target.contains("s3cret") || seen.target.contains(&secret)
}

/// SECURITY.md names each test here, and no other.
#[test]
fn the_table_has_each_lesson() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = std::fs::read_to_string(root.join(".github/SECURITY.md")).unwrap();
    let rows = table
        .lines()
        .filter(|line| line.starts_with("| "))
        .filter_map(|line| line.trim_end_matches("` |").rsplit_once('`'));
    let mut named: Vec<_> = rows.map(|(_, name)| name.to_owned()).filter(|name| name.contains("::")).collect();
    let mut there = Vec::new();
    for file in ["bounds", "content", "credentials", "extraction", "requests"] {
        let code = std::fs::read_to_string(root.join(format!("tests/faults/lessons/{file}.rs"))).unwrap();
        let tests = code.split("#[test]\nfn ").skip(1).filter_map(|rest| rest.split_once('('));
        there.extend(tests.map(|(name, _)| format!("{file}::{name}")));
    }
    named.sort();
    there.sort();
    assert_eq!(named, there);
    assert!(there.len() >= 30);
}

/// What the threat model says that a promise is tested in exists.
#[test]
fn each_promise_is_tested_somewhere() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join(".github/SECURITY.md")).unwrap();
    let model = text.split("## Threat model").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: Vec<_> = model.lines().filter(|line| line.starts_with("| A") || line.starts_with("| The")).collect();
    let mut seen = 0;
    for row in &rows {
        // Names of modules follow the folder that they are in: `tests/faults`: `layouts`, `locks`.
        let tested = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let mut folder = root.to_path_buf();
        for name in tested.split('`').skip(1).step_by(2) {
            let path = if name.contains('/') { root.join(name) } else { folder.join(name) };
            let sources = ["rs", "c"].map(|extension| path.with_extension(extension));
            assert!(path.exists() || sources.iter().any(|path| path.exists()), "{name} of: {row}");
            if name.contains('/') {
                folder = path;
            }
            seen += 1;
        }
    }
    assert!(rows.len() > 9 && seen > 50, "{} rows name {seen} tests", rows.len());
}
