//! The results of login, logout and explain, each validated against its schema.

#![allow(unsafe_code)]

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::ptr::null_mut;

use serde_json::{json, Value};

use crate::prototypes::*;
use crate::schemas::{text, Caller};
use crate::{env, TestRegistry, PASSWORD};

const HELPER: &str = r#"#!/bin/sh
file=$(dirname "$0")/kept
case $1 in
store) cat >"$file";;
get) cat >/dev/null; cat "$file" 2>/dev/null || { echo 'credentials not found in native keychain'; exit 1; };;
erase) cat >/dev/null; rm -f "$file";;
esac
"#;

/// Calls every function; returns the names of those called.
pub fn call_all() -> BTreeSet<String> {
    let mut called = BTreeSet::new();
    for (variable, way) in [("V2", "none"), ("HTPASSWD", "basic"), ("TOKEN", "bearer")] {
        for helper in [false, true] {
            called.append(&mut logins(&env(&format!("OCIREG_TEST_{variable}")), way, helper).called);
        }
    }
    called.append(&mut explanations());
    asked();
    called
}

unsafe extern "C" fn answer(_: Handle, _: Text, answer: Handle) -> i32 {
    unsafe { ocireg_options_parse(answer, text(r#"{"username":"carol","password":"x"}"#).as_ptr(), null_mut()) }
}

/// A call would use the credentials from the callback.
fn asked() {
    let host = "registry.example.org".to_owned();
    let mut caller = Caller::with(&json!({}), &TestRegistry { host, options: json!({}), crane: vec![] });
    let set = unsafe { ocireg_context_set_credentials(caller.context, answer, null_mut(), null_mut()) };
    assert_eq!(set, 0);
    let shown = caller.one(Function::ocireg_explain, "registry.example.org/a", json!({})).unwrap();
    let credentials = &shown["credentials"];
    assert_eq!((&credentials["source"], &credentials["username"]), (&json!("callback"), &json!("carol")));
}

/// Credentials are checked and stored in a file or helper; a call would use them; they are removed.
fn logins(host: &str, way: &str, helper: bool) -> Caller {
    let home = tempfile::tempdir_in(env("OCIREG_TEST_TMP")).unwrap();
    let at = |file: &str| home.path().join(file).display().to_string();
    if helper {
        write(&home.path().join("docker-credential-shared"), HELPER, 0o700);
        write(&home.path().join("config.json"), r#"{"credsStore":"shared"}"#, 0o600);
    }
    let client = json!({"docker_config": home.path(), "helper_path": home.path()});
    let mut caller = Caller::with(&client, &TestRegistry { host: host.to_owned(), options: json!({}), crane: vec![] });
    let mut with = json!({"username": "alice", "password": PASSWORD, "store": false});
    let done = caller.one(Function::ocireg_login, host, with.clone()).unwrap();
    assert_eq!((&done["auth"], &done["stored_in"]), (&json!(way), &Value::Null));
    with["store"] = true.into();
    let done = caller.one(Function::ocireg_login, host, with).unwrap();
    let kept = if helper { "shared".to_owned() } else { at("config.json") };
    assert_eq!((&done["username"], &done["stored_in"]), (&json!("alice"), &json!(kept)));
    let wanted = json!({"kind": "password", "username": "alice", "source": if helper { "helper" } else { "file" },
        "path": at("config.json"), "variable": null, "helper": helper.then_some("shared")});
    let shown = caller.one(Function::ocireg_explain, &format!("{host}/a/b"), json!({})).unwrap();
    let mut credentials = shown["credentials"].clone();
    // A helper has no entry in the file.
    assert_eq!(credentials.as_object_mut().unwrap().remove("key").unwrap().is_string(), !helper, "{shown}");
    assert_eq!(credentials, wanted);
    assert!(!shown.to_string().contains(PASSWORD));
    for removed in [true, false] {
        let done = caller.one(Function::ocireg_logout, host, json!({})).unwrap();
        assert_eq!(
            (&done["removed"], done["from"].as_array().unwrap().is_empty()),
            (&json!(removed), !removed),
            "{done}"
        );
    }
    if way != "none" {
        let wrong = json!({"username": "alice", "password": "wrong"});
        assert_eq!(caller.one(Function::ocireg_login, host, wrong).unwrap_err()["name"], "UNAUTHENTICATED");
    }
    caller
}

fn write(path: &Path, text: &str, mode: u32) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// What decided the scheme, every kind of credentials, and every network option.
fn explanations() -> BTreeSet<String> {
    let (mut called, mut sources, mut kinds) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mtls = json!({"ca_file": env("OCIREG_TEST_CA"), "ca_only": true, "client_cert_file": env("OCIREG_TEST_CLIENT_CERT"),
        "client_key_file": env("OCIREG_TEST_CLIENT_KEY"), "username": "u", "password": PASSWORD});
    let proxied = json!({"proxy": format!("http://u:{}@127.0.0.1:3128", "secret-of-the-proxy"), "requests_per_second": 0.5,
        "max_connections_per_host": 2, "headers": {"X-Test": "secret-of-the-header"}, "token": "secret-token",
        "trusted_realms": ["auth.example.org"], "insecure": true});
    let plain =
        json!({"plain_http": true, "address": "127.0.0.1", "username": "u", "identity_token": "secret-identity"});
    let by_socket = json!({"endpoint": "http://registry.example.org", "unix_socket": env("OCIREG_TEST_UNIX_SOCKET"),
        "anonymous": true});
    let signatures = tempfile::tempdir_in(env("OCIREG_TEST_TMP")).unwrap();
    let text =
        "default-docker: {lookaside: 'https://u:secret-of-it@signatures.example/all', use-sigstore-attachments: true}";
    write(&signatures.path().join("r.yaml"), text, 0o644);
    for (client, reference, host) in [
        (json!({}), env("OCIREG_TEST_MTLS"), mtls),
        (json!({}), "registry.example.org".to_owned(), proxied),
        (json!({}), "registry.example.org".to_owned(), plain),
        (json!({}), "registry.example.org".to_owned(), by_socket),
        (json!({}), "http://registry.example.org".to_owned(), json!({})),
        (json!({"plain_http": true}), "registry.example.org".to_owned(), json!({})),
    ] {
        let (name, mut client) = (reference.trim_start_matches("http://").to_owned(), client);
        client["registries_d"] = json!(signatures.path());
        let mut caller = Caller::with(&client, &TestRegistry { host: name, options: host.clone(), crane: vec![] });
        let shown = caller.one(Function::ocireg_explain, &format!("{reference}/a/b:t"), json!({})).unwrap();
        assert_eq!(shown["signatures"]["lookaside"], json!("https://signatures.example/all"), "{shown}");
        for secret in ["secret-", PASSWORD] {
            assert!(!shown.to_string().contains(secret), "{shown}");
        }
        for name in [
            "ca_only",
            "client_cert_file",
            "client_key_file",
            "insecure",
            "max_connections_per_host",
            "requests_per_second",
            "unix_socket",
        ] {
            assert!(host.get(name).is_none_or(|wanted| shown["network"][name] == *wanted), "{name}: {shown}");
        }
        for (option, member) in
            [("ca_file", "ca_files"), ("headers", "headers"), ("proxy", "proxy"), ("address", "address")]
        {
            let said = &shown["network"][member];
            let nothing = said.is_null() || said.as_array().is_some_and(Vec::is_empty);
            assert_eq!(nothing, host.get(option).is_none(), "{member}: {shown}");
        }
        sources.insert(shown["scheme_source"].as_str().unwrap().to_owned());
        kinds.insert(shown["credentials"]["kind"].as_str().unwrap().to_owned());
        called.append(&mut caller.called);
    }
    let all = ["client options", "default", "endpoint", "host options", "probe", "reference"];
    assert_eq!(sources, BTreeSet::from(all.map(str::to_owned)));
    assert_eq!(kinds, BTreeSet::from(["identity_token", "none", "password", "token"].map(str::to_owned)));
    called
}
