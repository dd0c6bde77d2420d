//! A caller's own downloader, which is curl here, with real registries: what the library hands out is what they accept.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use ocireg::registry::locate::LocateOptions;
use ocireg::registry::manifest::PutOptions;
use ocireg::registry::token::TokenOptions;
use ocireg::registry::upload::BlobPutOptions;
use ocireg::registry::Client;
use serde_json::{json, Value};

use crate::{env, noise, places, sha256, TestRegistry};

/// Sends a GET, and returns the status. Headers go by the standard input, where other users do not see them.
fn curl(url: &str, headers: &[String], file: &Path, arguments: &[&str]) -> u16 {
    let mut child = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--location",
            "--max-time",
            "20",
            "--header",
            "@-",
            "--write-out",
            "%{http_code}",
        ])
        .args(["--cacert", &env("OCIREG_TEST_CA"), "--output"])
        .arg(file)
        .args(arguments)
        .arg(url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), headers.join("\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().parse().unwrap()
}

fn headers(place: &Value) -> Vec<String> {
    let all = place["headers"].as_object().unwrap().iter();
    all.map(|(name, value)| format!("{name}: {}", value.as_str().unwrap())).collect()
}

fn options(with: Value) -> LocateOptions {
    serde_json::from_value(with).unwrap()
}

/// A manifest with a config of these bytes, under the tag "t".
fn fill(place: &TestRegistry, client: &Client, name: &str, bytes: &[u8]) {
    let call = client.call(None).unwrap();
    let repository = place.repository(name);
    client.put_blob(&call, &repository, bytes, &BlobPutOptions::default()).unwrap();
    let manifest = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": [],
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": sha256(bytes), "size": bytes.len()}});
    let manifest = manifest.to_string();
    client
        .put_manifest(&call, &place.reference(&format!("{name}:t")), manifest.as_bytes(), &PutOptions::default())
        .unwrap();
}

#[test]
fn curl_gets_what_is_located() {
    let folder = tempfile::tempdir_in(env("OCIREG_TEST_TMP")).unwrap();
    for place in places() {
        let host = &place.host;
        let client = place.client();
        let bytes = noise(300_000, 7);
        fill(&place, &client, "outside/one", &bytes);
        let call = client.call(None).unwrap();
        let reference = place.reference(&format!("outside/one@{}", sha256(&bytes)));
        for with in [json!({}), json!({"follow": false}), json!({"check": true}), json!({"fresh": true})] {
            let found = client.locate_blob(&call, &reference, &options(with.clone())).unwrap();
            let found = serde_json::to_value(found).unwrap();
            assert_eq!(
                found["size"],
                if with["follow"] == false { Value::Null } else { json!(bytes.len()) },
                "{host} {with}"
            );
            let file = folder.path().join("blob");
            for place in found["locations"].as_array().unwrap() {
                let url = place["url"].as_str().unwrap();
                // The beginning, and then the rest: not every registry has ranges without an end.
                let begins = curl(url, &headers(place), &file, &["--range", "0-99999"]);
                let mut had = std::fs::read(&file).unwrap();
                if begins == 206 {
                    assert_eq!(had.len(), 100_000);
                    assert_eq!(curl(url, &headers(place), &file, &["--range", "100000-299999"]), 206, "{host}");
                    had.extend(std::fs::read(&file).unwrap());
                } else {
                    assert_eq!(begins, 200, "{host} {with}");
                }
                assert_eq!(sha256(&had), sha256(&bytes), "{host} {with}");
            }
        }
        let found = client.locate_manifest(&call, &place.reference("outside/one:t"), &options(json!({}))).unwrap();
        let found = serde_json::to_value(found).unwrap();
        let file = folder.path().join("manifest");
        let at = &found["locations"][0];
        assert_eq!(curl(at["url"].as_str().unwrap(), &headers(at), &file, &[]), 200, "{host}");
        let manifest = std::fs::read(&file).unwrap();
        assert_eq!(
            (json!(sha256(&manifest)), json!(manifest.len())),
            (found["digest"].clone(), found["size"].clone()),
            "{host}"
        );
        assert_eq!(found["mediaType"], "application/vnd.oci.image.manifest.v1+json");
    }
}

#[test]
fn curl_pushes_and_pulls_with_a_token() {
    let folder = tempfile::tempdir_in(env("OCIREG_TEST_TMP")).unwrap();
    let file = folder.path().join("answer");
    for (variable, way) in [("V3", "none"), ("HTPASSWD", "basic"), ("TOKEN", "bearer"), ("TOKEN_TLS", "bearer")] {
        let place = TestRegistry::new(&format!("OCIREG_TEST_{variable}"));
        let client = place.client();
        let call = client.call(None).unwrap();
        let scheme = if variable.contains("TLS") { "https" } else { "http" };
        let base = format!("{scheme}://{}/v2/outside/{}", place.host, variable.to_lowercase());
        let repository = place.repository(&format!("outside/{}", variable.to_lowercase()));
        let token = |with: Value| {
            let with: TokenOptions = serde_json::from_value(with).unwrap();
            serde_json::to_value(client.token(&call, &repository, &with).unwrap()).unwrap()
        };
        let header = |token: &Value| match token["header"].as_object() {
            Some(header) => vec![format!("Authorization: {}", header["value"].as_str().unwrap())],
            None => vec![],
        };
        let pushes = token(json!({"actions": "pull,push"}));
        assert_eq!(pushes["auth"], way);
        assert_eq!(
            curl(&format!("{base}/blobs/uploads/"), &header(&pushes), &file, &["--request", "POST"]),
            202,
            "{variable}"
        );
        if way != "bearer" {
            continue;
        }
        // The token says what it is for, and the registry holds it to that.
        assert_eq!(pushes["granted"], pushes["scopes"]);
        let own = token(json!({"actions": "pull", "fresh": true}));
        assert_eq!(own["granted"], json!([format!("repository:outside/{}:pull", variable.to_lowercase())]));
        assert_eq!(
            curl(&format!("{base}/blobs/uploads/"), &header(&own), &file, &["--request", "POST"]),
            401,
            "{variable}"
        );
        assert!(own["expires_in"].as_u64().unwrap() <= 300);
    }
}

/// The registry refuses a token long before it ends according to its server: the caller says so, and gets another one.
#[test]
fn an_expired_token_is_replaced() {
    let folder = tempfile::tempdir_in(env("OCIREG_TEST_TMP")).unwrap();
    let file = folder.path().join("blob");
    let place = TestRegistry::new("OCIREG_TEST_TOKEN_SHORT");
    let client = place.client();
    let bytes = noise(1000, 8);
    fill(&place, &client, "outside/short", &bytes);
    let call = client.call(None).unwrap();
    let reference = place.reference(&format!("outside/short@{}", sha256(&bytes)));
    let locate = |with: Value| {
        serde_json::to_value(client.locate_blob(&call, &reference, &options(with)).unwrap()).unwrap()["locations"][0]
            .clone()
    };
    let get = |at: &Value| curl(at["url"].as_str().unwrap(), &headers(at), &file, &[]);
    // On a busy machine a token may be too old before it is used.
    let first =
        (0..20).map(|_| locate(json!({"follow": false, "fresh": true}))).find(|first| get(first) == 200).unwrap();
    let is_old = (0..60).any(|_| {
        std::thread::sleep(Duration::from_millis(500));
        get(&first) == 401
    });
    assert!(is_old);
    assert_eq!(get(&locate(json!({"follow": false}))), 401, "it cannot know");
    let mut at = first;
    let is_new = (0..20).any(|_| {
        at = locate(json!({"follow": false, "refused": at["headers"]["Authorization"]}));
        get(&at) == 200
    });
    assert!(is_new);
    assert_eq!(sha256(&std::fs::read(&file).unwrap()), sha256(&bytes));
}
