//! Mirrors that are real registries: a pull-through cache of distribution 3, and a registry of its own with other credentials.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use ocireg::layout::oci::OciLayout;
use ocireg::registry::RegistryStore;
use ocireg::transfer::copy::{copy, CopyOptions};

use super::proxy::{Kind, Proxy};
use super::*;

/// Distribution 3 as a pull-through cache of another registry.
struct Cache {
    host: String,
    process: Child,
    _folder: tempfile::TempDir,
}

impl Cache {
    fn of(host: &str) -> Cache {
        let folder = tempfile::tempdir_in(env("OCIREG_TEST_TMP")).unwrap();
        let (config, data) = (folder.path().join("config.yml"), folder.path().join("data"));
        let text = format!(
            "version: 0.1\nlog: {{level: info, formatter: text}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: '127.0.0.1:0', secret: test}}\nproxy: {{remoteurl: 'http://{host}'}}\n",
            data.display()
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(format!("{}/registry", env("OCIREG_TEST_TOOLS")));
        command.arg("serve").arg(&config).env_clear().env("OTEL_TRACES_EXPORTER", "none").env("HOME", folder.path());
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
        let line = lines.find(|line| line.contains("listening on")).expect("the cache does not start");
        let host = line.split("listening on ").nth(1).unwrap();
        let host = host.split(|c: char| !c.is_ascii_digit() && c != '.' && c != ':').next().unwrap().to_owned();
        // What it says must be read, or it waits.
        std::thread::spawn(move || lines.for_each(drop));
        Cache { host, process, _folder: folder }
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An image in a repository of its own; its reference, by a tag.
fn put_image(place: &TestRegistry, name: &str, seed: u64) -> Reference {
    let client = place.client();
    let (call, repository) = (client.call(None).unwrap(), place.repository(name));
    let (config, layer) = (b"{}".to_vec(), noise(700_000, seed));
    let put = |bytes: &[u8]| client.put_blob(&call, &repository, bytes, &BlobPutOptions::default()).unwrap().digest;
    let manifest = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": put(&config), "size": config.len()},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": put(&layer), "size": layer.len()}]});
    let reference = repository.with_tag("t").unwrap();
    client.put_manifest(&call, &reference, manifest.to_string().as_bytes(), &PutOptions::default()).unwrap();
    reference
}

fn pull(client: &Client, reference: &Reference) {
    let folder = tempfile::tempdir().unwrap();
    let to = OciLayout::create(folder.path(), Some("t")).unwrap();
    let call = client.call(None).unwrap();
    copy(&call, &RegistryStore::new(client, reference.clone()), &to, &CopyOptions::default()).unwrap();
}

/// Whatever is asked of the registry itself passes a proxy that counts: nothing is.
#[test]
fn a_cache_is_enough() {
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let reference = put_image(&place, "mirrors/cached", 7);
    let (cache, proxy) = (Cache::of(&place.host), Proxy::start(Kind::Http));
    let client = Client::new(ClientOptions::default()).unwrap();
    let options = json!({"mirrors": [cache.host], "proxy": format!("http://{}", proxy.host), "plain_http": true});
    client.set_host(&place.host, serde_json::from_value(options).unwrap()).unwrap();
    for _ in 0..2 {
        pull(&client, &reference);
        let found = client.get_manifest(&client.call(None).unwrap(), &reference, &GetOptions::default()).unwrap();
        assert_eq!(found.served_by.as_ref(), Some(&cache.host));
    }
    assert!(proxy.seen().is_empty(), "{:?}", proxy.seen());
    // What was written is read where it was written, and the cache is none the wiser.
    let call = client.call(None).unwrap();
    let other = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    let put = client.put_manifest(&call, &reference, other, &PutOptions::default()).unwrap();
    let head = client.head_manifest(&call, &reference, &HeadOptions::default()).unwrap();
    assert_eq!((head.digest, head.served_by.as_deref()), (put.digest, Some(place.host.as_str())));
}

/// A registry without credentials is the mirror of one that asks for tokens: what it lacks comes from there.
#[test]
fn a_plain_registry_is_the_mirror_of_one_with_tokens() {
    let (origin, mirror) = (TestRegistry::new("OCIREG_TEST_TOKEN"), TestRegistry::new("OCIREG_TEST_V3"));
    let reference = put_image(&origin, "mirrors/token", 8);
    let client = Client::new(ClientOptions::default()).unwrap();
    let mut options = origin.options.clone();
    options["mirrors"] = json!([{"endpoint": format!("{}/mirrors/of", mirror.host), "push": true}]);
    client.set_host(&origin.host, serde_json::from_value(options).unwrap()).unwrap();
    let served = || {
        let found = client.get_manifest(&client.call(None).unwrap(), &reference, &GetOptions::default());
        found.unwrap().served_by
    };
    assert_eq!(served().as_ref(), Some(&origin.host));
    pull(&client, &reference);
    // The mirror takes writes: the image is copied into it under the same name.
    let (call, from) = (client.call(None).unwrap(), origin.client());
    let source = RegistryStore::new(&from, reference.clone());
    copy(&call, &source, &RegistryStore::new(&client, reference.clone()), &CopyOptions::default()).unwrap();
    assert_eq!(served().as_ref(), Some(&mirror.host));
    let there = mirror.reference("mirrors/of/mirrors/token:t");
    let alone = mirror.client();
    alone.head_manifest(&alone.call(None).unwrap(), &there, &HeadOptions::default()).unwrap();
    pull(&client, &reference);
}
