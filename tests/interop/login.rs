//! Login with real registries, and credentials shared with crane, in both directions.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use ocireg::error::Code;
use ocireg::registry::login::{LoginOptions, LogoutOptions};
use ocireg::registry::tags::TagsOptions;
use ocireg::registry::Client;
use ocireg::registry::ClientOptions;
use serde_json::{json, Value};

use crate::{env, PASSWORD};

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Home {
        Home(tempfile::tempdir().unwrap())
    }

    fn config(&self) -> std::path::PathBuf {
        self.0.path().join("config.json")
    }

    /// A client that uses only this folder.
    fn client(&self) -> Client {
        let folder = self.0.path().to_str().unwrap().to_owned();
        Client::new(crate::changed(ClientOptions::default(), |options| {
            options.credentials.docker_config = Some(folder.clone());
            options.credentials.helper_path = Some(folder);
        }))
        .unwrap()
    }

    fn crane(&self, arguments: &[&str]) -> std::process::Output {
        Command::new(Path::new(&env("OCIREG_TEST_TOOLS")).join("crane"))
            .args(arguments)
            .env("DOCKER_CONFIG", self.0.path())
            .env("PATH", format!("{}:/usr/bin:/bin", self.0.path().display()))
            .env_remove("REGISTRY_AUTH_FILE")
            .output()
            .unwrap()
    }
}

fn options(json: Value) -> LoginOptions {
    serde_json::from_value(json).unwrap()
}

/// Pushes something, so that there is a repository to read.
fn seed(host: &str, name: &str) -> String {
    let home = Home::new();
    let logged = home.crane(&["auth", "login", host, "-u", "alice", "-p", PASSWORD]);
    assert!(logged.status.success(), "{}", String::from_utf8_lossy(&logged.stderr));
    let reference = format!("{host}/{name}:t");
    let pushed = home.crane(&["append", "--new_tag", &reference, "-f", "/dev/null"]);
    assert!(pushed.status.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
    reference
}

fn reads(client: &Client, host: &str, name: &str) -> Result<Vec<String>, Code> {
    let call = client.call(None).unwrap();
    let tags = client.tags(&call, &format!("{host}/{name}"), &TagsOptions::default());
    tags.map(|tags| serde_json::from_value(serde_json::to_value(tags).unwrap()["tags"].clone()).unwrap())
        .map_err(|error| error.code())
}

/// A registry, its authentication scheme, and whether anyone may read there.
type TestRegistry = (String, &'static str, Vec<(&'static str, &'static str)>);

fn places() -> Vec<TestRegistry> {
    vec![
        (env("OCIREG_TEST_HTPASSWD"), "basic", vec![("alice", PASSWORD)]),
        (env("OCIREG_TEST_TOKEN"), "bearer", vec![("alice", PASSWORD), ("bob", "readonly")]),
    ]
}

#[test]
fn a_login_serves_later_clients_and_crane() {
    for (host, way, users) in places() {
        let reference = seed(&host, "login/shared");
        for (user, password) in users {
            let home = Home::new();
            let client = home.client();
            let call = client.call(None).unwrap();
            assert_eq!(reads(&client, &host, "login/shared"), Err(Code::Unauthenticated), "{host}");
            let wrong = client.login(&call, &host, &options(json!({"username": user, "password": "wrong"})));
            assert_eq!(wrong.err().unwrap().code(), Code::Unauthenticated, "{host}");
            assert!(!home.config().exists());
            let login = client.login(&call, &host, &options(json!({"username": user, "password": password}))).unwrap();
            assert_eq!((login.auth, login.username.as_deref(), login.status), (way, Some(user), 200));
            assert_eq!(login.stored_in.as_deref(), home.config().to_str());
            assert_eq!(home.config().metadata().unwrap().permissions().mode() & 0o777, 0o600);
            // The same client, a new one, and crane.
            for client in [&client, &home.client()] {
                assert_eq!(reads(client, &host, "login/shared").unwrap(), ["t"]);
            }
            let crane = home.crane(&["digest", &reference]);
            assert!(crane.status.success(), "{}", String::from_utf8_lossy(&crane.stderr));
            let out = client.logout(&call, &host, &LogoutOptions::default()).unwrap();
            assert!(out.removed);
            assert_eq!(reads(&home.client(), &host, "login/shared"), Err(Code::Unauthenticated));
            assert!(!home.crane(&["digest", &reference]).status.success());
        }
    }
}

#[test]
fn what_crane_keeps_is_used() {
    for (host, _, _) in places() {
        seed(&host, "login/theirs");
        let home = Home::new();
        let logged = home.crane(&["auth", "login", &host, "-u", "alice", "-p", PASSWORD]);
        assert!(logged.status.success(), "{}", String::from_utf8_lossy(&logged.stderr));
        let client = home.client();
        assert_eq!(reads(&client, &host, "login/theirs").unwrap(), ["t"]);
        let call = client.call(None).unwrap();
        assert!(client.logout(&call, &host, &LogoutOptions::default()).unwrap().removed);
        assert!(!home.crane(&["digest", &format!("{host}/login/theirs:t")]).status.success());
    }
}

#[test]
fn one_helper_serves_both() {
    const HELPER: &str = r#"#!/bin/sh
file=$(dirname "$0")/kept
case $1 in
store) cat >"$file";;
get) cat >/dev/null; cat "$file" 2>/dev/null || { echo 'credentials not found in native keychain'; exit 1; };;
erase) cat >/dev/null; rm -f "$file";;
esac
"#;
    for (host, _, _) in places() {
        let reference = seed(&host, "login/helped");
        let home = Home::new();
        let helper = home.0.path().join("docker-credential-shared");
        std::fs::write(&helper, HELPER).unwrap();
        std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o700)).unwrap();
        std::fs::write(home.config(), json!({"credsStore": "shared"}).to_string()).unwrap();
        std::fs::set_permissions(home.config(), std::fs::Permissions::from_mode(0o600)).unwrap();
        let client = home.client();
        let call = client.call(None).unwrap();
        let login = client.login(&call, &host, &options(json!({"username": "alice", "password": PASSWORD}))).unwrap();
        assert_eq!(login.stored_in.as_deref(), Some("shared"));
        assert!(!std::fs::read_to_string(home.config()).unwrap().contains("auth\":"));
        let crane = home.crane(&["digest", &reference]);
        assert!(crane.status.success(), "{}", String::from_utf8_lossy(&crane.stderr));
        assert_eq!(reads(&home.client(), &host, "login/helped").unwrap(), ["t"]);
        assert_eq!(client.logout(&call, &host, &LogoutOptions::default()).unwrap().from, ["shared"]);
        assert_eq!(reads(&home.client(), &host, "login/helped"), Err(Code::Unauthenticated));
    }
}

#[test]
fn a_registry_without_users_says_so() {
    let home = Home::new();
    let client = home.client();
    let call = client.call(None).unwrap();
    let login = client
        .login(&call, &env("OCIREG_TEST_V2"), &options(json!({"username": "u", "password": "p", "store": false})))
        .unwrap();
    assert_eq!((login.auth, login.stored_in), ("none", None));
    assert!(!home.config().exists());
}
