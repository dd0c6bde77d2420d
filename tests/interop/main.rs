//! Real registries, with real clients as counterparts: they accept what the library pushes, and it reads what they
//! push.
//!
//! Runs under tests/registries/run, which starts everything and sets the addresses.

mod artifact_kills;
mod artifacts;
mod broken;
mod checker;
mod conditions;
mod convert;
mod copy;
mod digest_tags;
mod disks;
mod export;
mod export_kills;
mod held;
mod image;
mod indexes;
mod kills;
mod login;
mod mirrors;
mod moments;
mod network;
mod outside;
mod prototypes;
#[path = "../faults/proxy.rs"]
mod proxy;
mod referrers;
mod schema1;
mod schemas;
mod schemas_artifact;
mod schemas_image;
mod schemas_login;
mod schemas_old;
mod synced;
mod synced_kills;
mod table;
mod v1;

use std::path::{Path, PathBuf};
use std::process::Command;

use ocireg::digest::{Algorithm, Digest};
use ocireg::error::Code;
use ocireg::reference::{Reference, Repository};
use ocireg::registry::blob::ReadOptions;
use ocireg::registry::manifest::{GetOptions, HeadOptions, PutOptions};
use ocireg::registry::tags::TagsOptions;
use ocireg::registry::upload::{BlobPutOptions, UploadOptions};
use ocireg::registry::{CatalogOptions, Client, ClientOptions};
use serde_json::json;

/// Options, and what is different about them.
pub(crate) fn changed(mut options: ClientOptions, change: impl FnOnce(&mut ClientOptions)) -> ClientOptions {
    change(&mut options);
    options
}

fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run 'make test', or tests/registries/run cargo test --test interop")
    })
}

const PASSWORD: &str = "s3cret:with colon";

/// A registry of the tests: its address and how to authenticate.
struct TestRegistry {
    host: String,
    options: serde_json::Value,
    crane: Vec<String>,
}

impl TestRegistry {
    fn new(variable: &str) -> TestRegistry {
        let host = env(variable);
        let mut options = json!({});
        let mut crane = vec![];
        if variable.contains("TLS") {
            options["ca_file"] = env("OCIREG_TEST_CA").into();
            crane.push("--insecure".to_owned());
        }
        if (variable.contains("TOKEN") && !variable.contains("V1")) || variable.contains("HTPASSWD") {
            options["username"] = "alice".into();
            options["password"] = PASSWORD.into();
        }
        TestRegistry { host, options, crane }
    }

    fn client(&self) -> Client {
        let client = Client::new(ClientOptions::default()).unwrap();
        client.set_host(&self.host, serde_json::from_value(self.options.clone()).unwrap()).unwrap();
        client
    }

    fn repository(&self, name: &str) -> Repository {
        Repository::parse(&format!("{}/{name}", self.host), None).unwrap()
    }

    fn reference(&self, rest: &str) -> Reference {
        Reference::parse(&format!("{}/{rest}", self.host), None).unwrap()
    }

    /// A configuration folder with credentials for crane and skopeo.
    fn docker_config(&self) -> PathBuf {
        use base64::Engine as _;
        let folder = Path::new(&env("OCIREG_TEST_TMP")).join(format!("docker-{}", self.host.replace(':', "-")));
        std::fs::create_dir_all(&folder).unwrap();
        let auth = base64::engine::general_purpose::STANDARD.encode(format!("alice:{PASSWORD}"));
        let config = match self.options.get("username") {
            Some(_) => json!({"auths": {&self.host: {"auth": auth}}}),
            None => json!({}),
        };
        // Tests that run at the same time share it: it appears complete or not at all.
        let mut file = tempfile::NamedTempFile::new_in(&folder).unwrap();
        std::io::Write::write_all(&mut file, config.to_string().as_bytes()).unwrap();
        file.persist(folder.join("config.json")).unwrap();
        folder
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let config = self.docker_config();
        let output = Command::new(program)
            .args(arguments)
            .env("DOCKER_CONFIG", &config)
            .env("REGISTRY_AUTH_FILE", config.join("config.json"))
            .env("SSL_CERT_FILE", env("OCIREG_TEST_CA"))
            .output()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn crane(&self, arguments: &[&str]) -> String {
        let program = format!("{}/crane", env("OCIREG_TEST_TOOLS"));
        let flags: Vec<&str> = self.crane.iter().map(String::as_str).collect();
        self.run(&program, &[&flags[..], arguments].concat())
    }
}

/// Every kind of registry that accepts pushes.
fn places() -> Vec<TestRegistry> {
    ["V2", "V3", "HTPASSWD", "TLS", "TOKEN", "TOKEN_TLS", "GGCR"]
        .iter()
        .map(|name| TestRegistry::new(&format!("OCIREG_TEST_{name}")))
        .collect()
}

fn noise(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    (0..size)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}

fn sha256(bytes: &[u8]) -> Digest {
    Algorithm::Sha256.digest(bytes)
}

/// A layer that real clients can unpack: a tar archive, compressed with gzip, made by the system's own tools.
fn layer(name: &str, content: &str) -> (Vec<u8>, Digest) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("root")).unwrap();
    std::fs::write(folder.path().join("root").join(name), content).unwrap();
    let tar = folder.path().join("layer.tar");
    let status =
        Command::new("tar").arg("-cf").arg(&tar).arg("-C").arg(folder.path().join("root")).arg(".").status().unwrap();
    assert!(status.success());
    let diff_id = sha256(&std::fs::read(&tar).unwrap());
    let packed = Command::new("gzip").args(["-n", "-c"]).arg(&tar).output().unwrap();
    (packed.stdout, diff_id)
}

/// Pushes an image with the library; returns its manifest's bytes.
fn push_image(place: &TestRegistry, client: &Client, name: &str, architecture: &str) -> Vec<u8> {
    let call = client.call(None).unwrap();
    let repository = place.repository(name);
    let (layer, diff_id) = layer("hello", &format!("hello from {architecture}\n"));
    let config = json!({"architecture": architecture, "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [diff_id]},
                        "history": [{"created_by": "ocireg"}]})
    .to_string();
    client.put_blob(&call, &repository, &layer, &BlobPutOptions::default()).unwrap();
    client.put_blob(&call, &repository, config.as_bytes(), &BlobPutOptions::default()).unwrap();
    let manifest = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": sha256(config.as_bytes()), "size": config.len()},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": sha256(&layer), "size": layer.len()}]})
    .to_string()
    .into_bytes();
    let pinned = place.reference(&format!("{name}@{}", sha256(&manifest)));
    client.put_manifest(&call, &pinned, &manifest, &PutOptions::default()).unwrap();
    manifest
}

#[test]
fn what_we_push_the_others_accept() {
    for place in places() {
        let client = place.client();
        let call = client.call(None).unwrap();
        let manifests: Vec<Vec<u8>> =
            ["amd64", "arm64"].iter().map(|arch| push_image(&place, &client, "ours/image", arch)).collect();
        let entries = ["amd64", "arm64"].iter().zip(&manifests).map(|(architecture, manifest)| {
            json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": sha256(manifest), "size": manifest.len(),
                   "platform": {"os": "linux", "architecture": architecture}})
        });
        let index = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries.collect::<Vec<_>>()});
        let index = index.to_string().into_bytes();
        let put = client.put_manifest(&call, &place.reference("ours/image:1"), &index, &PutOptions::default()).unwrap();
        assert_eq!(put.digest, sha256(&index));

        let name = format!("{}/ours/image:1", place.host);
        place.crane(&["validate", "--remote", &name]);
        assert_eq!(place.crane(&["digest", &name]).trim(), put.digest.as_str());
        assert_eq!(place.crane(&["manifest", &name]).trim().as_bytes(), index);
        let insecure = "--tls-verify=false";
        let raw = place.run("skopeo", &["inspect", "--raw", insecure, &format!("docker://{name}")]);
        assert_eq!(raw.as_bytes(), index, "{}", place.host);
        let inspected = place.run(
            "skopeo",
            &["--override-arch=arm64", "--override-os=linux", "inspect", insecure, &format!("docker://{name}")],
        );
        assert!(inspected.contains("\"Architecture\": \"arm64\""), "{inspected}");

        // And back: by tag, by digest, by platform, each byte the same.
        let found = client.get_manifest(&call, &place.reference("ours/image:1"), &GetOptions::default()).unwrap();
        assert_eq!(found.bytes, index);
        let options = GetOptions { platform: Some("linux/arm64".to_owned()), ..Default::default() };
        let arm = client.get_manifest(&call, &place.reference("ours/image:1"), &options).unwrap();
        assert_eq!(arm.bytes, manifests[1]);
        assert_eq!(
            client.manifest_digest(&call, &place.reference("ours/image:1"), &options).unwrap(),
            sha256(&manifests[1])
        );
        let head = client.head_manifest(&call, &place.reference("ours/image:1"), &HeadOptions::default()).unwrap();
        assert_eq!((head.digest, head.size), (sha256(&index), index.len() as u64));
    }
}

#[test]
fn what_the_others_push_we_read() {
    for place in places() {
        let client = place.client();
        let call = client.call(None).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("layer.tar.gz");
        std::fs::write(&file, layer("theirs", "from crane\n").0).unwrap();
        let name = format!("{}/theirs/image:2", place.host);
        place.crane(&["append", "--oci-empty-base", "-f", file.to_str().unwrap(), "-t", &name]);
        let copy = format!("docker://{}/theirs/image:3", place.host);
        place.run(
            "skopeo",
            &["copy", "--src-tls-verify=false", "--dest-tls-verify=false", &format!("docker://{name}"), &copy],
        );
        for tag in ["2", "3"] {
            let reference = place.reference(&format!("theirs/image:{tag}"));
            let found = client.get_manifest(&call, &reference, &GetOptions::default()).unwrap();
            let theirs = place.crane(&["digest", &format!("{}/theirs/image:{tag}", place.host)]);
            assert_eq!(found.document.digest.as_str(), theirs.trim(), "{}", place.host);
            let layer = &found.document.layers()[0];
            let (delivered, bytes) = client
                .get_blob(&call, &place.reference(&format!("theirs/image@{}", layer.digest)), &ReadOptions::default())
                .unwrap();
            assert_eq!((sha256(&bytes), delivered.verified), (layer.digest.clone(), true));
        }
        let tags = client
            .tags(&call, &format!("{}/theirs/image", place.host), &TagsOptions { digests: true, ..Default::default() })
            .unwrap();
        assert_eq!(tags.tags.iter().collect::<std::collections::BTreeSet<_>>().len(), 2);
        assert!(tags.digests.unwrap().values().all(|digest| digest.is_string()));
    }
}

#[test]
fn every_way_of_putting_a_blob() {
    for place in places() {
        let client = place.client();
        let call = client.call(None).unwrap();
        let repository = place.repository("ways/blob");
        for (seed, size) in [0usize, 1, 70_000, 5 << 20].into_iter().enumerate() {
            let mut kinds: Vec<(&str, BlobPutOptions)> = vec![("put", BlobPutOptions::default())];
            if size > 0 {
                kinds.push(("chunks", BlobPutOptions { chunk_size: Some(2 << 20), ..Default::default() }));
            }
            kinds.push(("post", BlobPutOptions { single_post: true, ..Default::default() }));
            for (number, (kind, options)) in kinds.into_iter().enumerate() {
                let bytes = noise(size, (seed * 10 + number + 1) as u64 * 7919);
                let stored = match client.put_blob(&call, &repository, &bytes, &options) {
                    Err(error) if kind == "post" && error.code() == Code::Unsupported => continue,
                    outcome => outcome.unwrap_or_else(|error| panic!("{} {kind} {size}: {error}", place.host)),
                };
                assert_eq!((&stored.digest, stored.size), (&sha256(&bytes), size as u64));
                let reference = place.reference(&format!("ways/blob@{}", stored.digest));
                let head = client.head_blob(&call, &reference).unwrap();
                assert_eq!((head.exists, head.size), (true, Some(size as u64)), "{} {kind}", place.host);
                let (_, back) = client.get_blob(&call, &reference, &ReadOptions::default()).unwrap();
                assert!(back == bytes);
                let again = client.put_blob(&call, &repository, &bytes, &options).unwrap();
                assert!(!again.uploaded);
                if size > 100 {
                    let piece = ReadOptions { offset: 10, length: Some(50), ..Default::default() };
                    assert_eq!(client.get_blob(&call, &reference, &piece).unwrap().1, bytes[10..60], "{}", place.host);
                }
            }
        }
        let bytes = noise(3_000_000, 99);
        let mut upload = client.start_upload(&call, &repository, &UploadOptions { chunk_size: 1 << 20 }).unwrap();
        for piece in bytes.chunks(100_000) {
            upload.write(piece).unwrap();
        }
        assert_eq!(upload.finish(Some(&sha256(&bytes))).unwrap().digest, sha256(&bytes));
        let mut unwanted = client.start_upload(&call, &repository, &UploadOptions::default()).unwrap();
        unwanted.write(b"never mind").unwrap();
        unwanted.cancel().unwrap();
    }
}

#[test]
fn sha512_is_a_digest_too() {
    // distribution stores the bytes under the given digest.
    for variable in ["OCIREG_TEST_V2", "OCIREG_TEST_V3"] {
        let place = TestRegistry::new(variable);
        let client = place.client();
        let call = client.call(None).unwrap();
        let bytes = noise(100_000, 512);
        let digest = Algorithm::Sha512.digest(&bytes);
        let options = BlobPutOptions { digest: Some(digest.clone()), ..Default::default() };
        let stored = client.put_blob(&call, &place.repository("sha512/blob"), &bytes, &options).unwrap();
        assert_eq!(stored.digest, digest);
        let reference = place.reference(&format!("sha512/blob@{digest}"));
        assert!(client.get_blob(&call, &reference, &ReadOptions::default()).unwrap().1 == bytes);
    }
}

#[test]
fn lists_page_by_page() {
    for variable in ["OCIREG_TEST_V2", "OCIREG_TEST_V3", "OCIREG_TEST_TOKEN"] {
        let place = TestRegistry::new(variable);
        let client = place.client();
        let call = client.call(None).unwrap();
        let manifest = push_image(&place, &client, "pages/one", "amd64");
        let wanted: Vec<String> = (0..25).map(|number| format!("t{number:02}")).collect();
        for tag in &wanted {
            client
                .put_manifest(&call, &place.reference(&format!("pages/one:{tag}")), &manifest, &PutOptions::default())
                .unwrap();
        }
        let name = format!("{}/pages/one", place.host);
        // distribution 2.8 lists them in the order of its disk.
        let sorted = |mut tags: Vec<String>| {
            tags.sort();
            tags
        };
        assert_eq!(sorted(client.tags(&call, &name, &TagsOptions::default()).unwrap().tags.to_vec()), wanted);
        for by_name in [false, true] {
            let mut options = TagsOptions { n: Some(10), ..Default::default() };
            let mut all = vec![];
            loop {
                let page = client.tags(&call, &name, &options).unwrap();
                assert!(page.tags.len() <= 10 && page.last.is_some() == page.next.is_some());
                all.extend(page.tags.to_vec());
                if page.next.is_none() {
                    break;
                }
                (options.last, options.next) = if by_name { (page.last, None) } else { (None, page.next) };
            }
            assert_eq!((all.len(), &sorted(all)), (wanted.len(), &wanted), "{variable}");
        }
        let all = TagsOptions { n: Some(10), all: true, ..Default::default() };
        assert_eq!(sorted(client.tags(&call, &name, &all).unwrap().tags.to_vec()), wanted);

        push_image(&place, &client, "pages/two", "amd64");
        let find = |options: CatalogOptions| client.catalog(&call, &place.host, &options).unwrap();
        let searched = find(CatalogOptions { search: Some("pages/".to_owned()), ..Default::default() });
        assert_eq!(searched.repositories, ["pages/one", "pages/two"]);
        let matched = find(CatalogOptions { regex: Some("^pages/t.o$".to_owned()), ..Default::default() });
        assert_eq!(matched.repositories, ["pages/two"]);
        let first = find(CatalogOptions { n: Some(1), ..Default::default() });
        assert_eq!((first.repositories.len(), first.last.is_some()), (1, true));
        let all = find(CatalogOptions::default());
        assert!(all.repositories.len() >= 2 && all.last.is_none());
    }
}

#[test]
fn deletes() {
    for variable in ["OCIREG_TEST_V2", "OCIREG_TEST_V3", "OCIREG_TEST_TOKEN"] {
        let place = TestRegistry::new(variable);
        let client = place.client();
        let call = client.call(None).unwrap();
        let manifest = push_image(&place, &client, "gone/image", "amd64");
        let pinned = place.reference(&format!("gone/image@{}", sha256(&manifest)));
        assert_eq!(
            client.delete_manifest(&call, &pinned, &Default::default()).unwrap().status,
            Some(202),
            "{variable}"
        );
        let error = client.get_manifest(&call, &pinned, &GetOptions::default()).err().unwrap();
        assert_eq!(error.code(), Code::NotFound);
        let stored =
            client.put_blob(&call, &place.repository("gone/image"), b"bytes", &BlobPutOptions::default()).unwrap();
        let blob = place.reference(&format!("gone/image@{}", stored.digest));
        assert_eq!(client.delete_blob(&call, &blob).unwrap().status, 202);
        assert!(!client.head_blob(&call, &blob).unwrap().exists);
    }
    let place = TestRegistry::new("OCIREG_TEST_V2_NODELETE");
    let client = place.client();
    let call = client.call(None).unwrap();
    let manifest = push_image(&place, &client, "kept/image", "amd64");
    let pinned = place.reference(&format!("kept/image@{}", sha256(&manifest)));
    assert_eq!(client.delete_manifest(&call, &pinned, &Default::default()).err().unwrap().code(), Code::Unsupported);
}

#[test]
fn tokens_that_expire_in_the_middle() {
    let place = TestRegistry::new("OCIREG_TEST_TOKEN_SHORT");
    let client = place.client();
    let call = client.call(None).unwrap();
    let repository = place.repository("short/lived");
    let begun = std::time::Instant::now();
    let mut number = 0u64;
    // Reads and writes for longer than two lifetimes of a token.
    while begun.elapsed().as_secs() < 8 {
        number += 1;
        let bytes = noise(200_000, number);
        let options = if number.is_multiple_of(2) {
            BlobPutOptions::default()
        } else {
            BlobPutOptions { chunk_size: Some(100_000), ..Default::default() }
        };
        let stored = client.put_blob(&call, &repository, &bytes, &options).unwrap();
        let reference = place.reference(&format!("short/lived@{}", stored.digest));
        assert!(client.get_blob(&call, &reference, &ReadOptions::default()).unwrap().1 == bytes);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let log = std::fs::read_to_string(env("OCIREG_TEST_TOKEN_LOG")).unwrap();
    let fetched = log.lines().filter(|line| line.contains("\"server\":\"token-short\"")).count();
    assert!((2..=12).contains(&fetched), "{fetched} tokens for {number} rounds");
}

#[test]
fn an_upload_outlives_its_token() {
    let place = TestRegistry::new("OCIREG_TEST_TOKEN_SHORT");
    let client = place.client();
    let call = client.call(None).unwrap();
    let mut upload =
        client.start_upload(&call, &place.repository("short/upload"), &UploadOptions { chunk_size: 10_000 }).unwrap();
    let bytes = noise(60_000, 5);
    for piece in bytes.chunks(10_000) {
        upload.write(piece).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(700));
    }
    assert_eq!(upload.finish(None).unwrap().digest, sha256(&bytes));
}

#[test]
fn rights_are_told_apart() {
    let mut place = TestRegistry::new("OCIREG_TEST_TOKEN");
    let client = place.client();
    push_image(&place, &client, "rights/image", "amd64");
    let deny = |options: serde_json::Value, work: &dyn Fn(&Client) -> ocireg::error::Error| {
        let client = Client::new(ClientOptions::default()).unwrap();
        client.set_host(&place.host, serde_json::from_value(options).unwrap()).unwrap();
        work(&client)
    };
    let push = |client: &Client| {
        client
            .put_blob(&client.call(None).unwrap(), &place.repository("rights/image"), b"x", &BlobPutOptions::default())
            .err()
            .unwrap()
    };
    assert_eq!(deny(json!({"username": "bob", "password": "readonly"}), &push).code(), Code::Forbidden);
    assert_eq!(deny(json!({"username": "bob", "password": "wrong"}), &push).code(), Code::Unauthenticated);
    assert_eq!(deny(json!({}), &push).code(), Code::Unauthenticated);
    place.options = json!({"username": "bob", "password": "readonly"});
    let bob = place.client();
    let call = bob.call(None).unwrap();
    let listed = bob.tags(&call, &format!("{}/rights/image", place.host), &TagsOptions::default());
    assert!(listed.is_ok() || listed.err().unwrap().code() == Code::NotFound);
}

#[test]
fn loopback_names_are_one_host() {
    // The token server is at localhost; at 127.0.0.1 the same registry has another name, on the same machine. Realms of
    // other machines, which no test here can have, are tested in src/auth/realm.rs.
    let port = env("OCIREG_TEST_TOKEN").rsplit(':').next().unwrap().to_owned();
    let host = format!("127.0.0.1:{port}");
    let client = Client::new(ClientOptions::default()).unwrap();
    client
        .set_host(&host, serde_json::from_value(json!({"username": "alice", "password": PASSWORD})).unwrap())
        .unwrap();
    let call = client.call(None).unwrap();
    let stored = client.put_blob(
        &call,
        &Repository::parse(&format!("{host}/loop/back"), None).unwrap(),
        b"x",
        &BlobPutOptions::default(),
    );
    assert_eq!(stored.unwrap().digest, sha256(b"x"));
}

#[test]
fn tls_is_verified() {
    let place = TestRegistry::new("OCIREG_TEST_TLS");
    let ping = |options: serde_json::Value| {
        let client = Client::new(changed(ClientOptions::default(), |options| options.http.retries = 0)).unwrap();
        client.set_host(&place.host, serde_json::from_value(options).unwrap()).unwrap();
        client.ping(&client.call(None).unwrap(), &place.host)
    };
    let ca = env("OCIREG_TEST_CA");
    assert_eq!(ping(json!({"ca_file": ca})).unwrap().status, 200);
    assert_eq!(ping(json!({"ca_file": ca, "ca_only": true})).unwrap().status, 200);
    assert_eq!(ping(json!({"insecure": true})).unwrap().status, 200);
    for options in [json!({}), json!({"ca_file": env("OCIREG_TEST_OTHER_CA")}), json!({"plain_http": false})] {
        let error = ping(options).err().unwrap();
        assert_eq!(error.code(), Code::Tls, "{error}");
        assert!(error.message().contains("certificate"), "{error}");
    }
    assert_eq!(ping(json!({"ca_file": "/nonexistent"})).err().unwrap().code(), Code::Io);
    // A TLS server reports a plain http request.
    assert!(ping(json!({"plain_http": true})).is_err());
}

#[test]
fn a_plain_loopback_host_is_found_by_itself() {
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let client = Client::new(ClientOptions::default()).unwrap();
    let call = client.call(None).unwrap();
    assert_eq!(client.ping(&call, &place.host).unwrap().api_version, Some(2));
    let strict = Client::new(changed(ClientOptions::default(), |options| options.http.retries = 0)).unwrap();
    strict.set_host(&place.host, serde_json::from_value(json!({"plain_http": false})).unwrap()).unwrap();
    let error = strict.ping(&strict.call(None).unwrap(), &place.host).err().unwrap();
    assert_eq!(error.code(), Code::Tls, "{error}");
}

#[test]
fn nobody_there_and_no_such_name() {
    let client = Client::new(changed(ClientOptions::default(), |options| options.http.retries = 1)).unwrap();
    let call = client.call(None).unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(client.ping(&call, &closed.to_string()).err().unwrap().code(), Code::Connect);
    let error = client.ping(&call, "no-such-host.invalid").err().unwrap();
    assert_eq!(error.code(), Code::Resolve, "{error}");
    assert!(error.message().contains("no-such-host.invalid"));
}
