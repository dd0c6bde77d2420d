//! Conversion of old images: from docker-registry 0.9.1 and from schema-1 manifests, to formats that today's clients
//! read.

use std::path::Path;
use std::time::Duration;

use ocireg::convert::push::{push, PushOptions, Pushed};
use ocireg::error::{Code, Error};
use ocireg::image::extract::{extract, ExtractOptions};
use ocireg::place::{self, Place};
use ocireg::registry::manifest::PutOptions;
use ocireg::registry::upload::BlobPutOptions;
use ocireg::registry::Client;
use ocireg::registry_v1::write::PutLayerOptions;
use ocireg::schema1::private::PrivateKey;
use ocireg::schema1::sign::sign;
use ocireg::transfer::copy::{Copied, CopyOptions};
use serde_json::{json, Value};

use super::{env, layer, sha256, TestRegistry};

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in(env("OCIREG_TEST_TMP")).unwrap()
}

fn copied(client: &Client, from: &str, to: &str, convert_schema1: bool) -> Result<Copied, Error> {
    let options = CopyOptions { convert_schema1, ..CopyOptions::default() };
    place::copy(client, &client.call(None)?, &Place::parse(from)?, &Place::parse(to)?, &options)
}

fn done(client: &Client, from: &str, to: &str) -> Copied {
    copied(client, from, to, true).unwrap_or_else(|error| panic!("{from} to {to}: {error}"))
}

/// A client that knows several registries.
fn client_of(places: &[&TestRegistry]) -> Client {
    let client = places[0].client();
    for place in places {
        client.set_host(&place.host, serde_json::from_value(place.options.clone()).unwrap()).unwrap();
    }
    client
}

fn unpack(packed: &[u8]) -> Vec<u8> {
    use std::io::{Read, Write};
    let mut child = std::process::Command::new("gzip")
        .arg("-dc")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(packed).unwrap();
    let mut plain = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut plain).unwrap();
    assert!(child.wait().unwrap().success());
    plain
}

/// A chain of six images: two with files (the first as given, the second compressed), one of them throwaway, one with
/// an empty tar archive as its layer and one with the same compressed, one with a layer of zero bytes. Topmost last.
/// Image IDs are global within a registry, so each `name` has its own.
fn chain(name: &str, base: Vec<u8>) -> Vec<(Value, Vec<u8>)> {
    let zeros = vec![0; 1024];
    let packed_zeros = {
        use std::io::Write;
        let mut child = std::process::Command::new("gzip")
            .args(["-n", "-c"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&zeros).unwrap();
        child.wait_with_output().unwrap().stdout
    };
    let layers = [base, zeros, layer("top", "top\n").0, packed_zeros, Vec::new(), b"junk".to_vec()];
    let id = |number: usize| sha256(format!("{name} {number} {}", std::process::id()).as_bytes()).hex().to_owned();
    let mut chain = Vec::new();
    for (number, layer) in layers.into_iter().enumerate() {
        let mut image = json!({"id": id(number), "created": format!("2014-01-0{}T00:00:00Z", number + 1),
            "container_config": {"Cmd": ["/bin/sh", "-c", format!("step {number}")]}, "Size": layer.len()});
        if number > 0 {
            image["parent"] = id(number - 1).into();
        }
        if number == 5 {
            image["throwaway"] = true.into();
            image["config"] = json!({"Cmd": ["/top"], "Env": ["A=1"]});
            image["architecture"] = "amd64".into();
            image["os"] = "linux".into();
        }
        chain.push((image, layer));
    }
    chain
}

fn put_chain(place: &TestRegistry, client: &Client, name: &str) -> String {
    let repo = client.v1(&client.call(None).unwrap(), &place.repository(name)).unwrap();
    for (image, layer) in chain(name, unpack(&layer("base", "base\n").0)) {
        let json = image.to_string();
        repo.put_image(json.as_bytes()).unwrap();
        repo.put_layer(json.as_bytes(), &layer, &PutLayerOptions::default()).unwrap();
        repo.put_tag("1", &image["id"].as_str().unwrap().parse().unwrap()).unwrap();
    }
    format!("{}/{name}:1", place.host)
}

/// Checks the image made from [`chain`], wherever it is read.
fn is_the_chain(config: &str, manifest: &str) {
    let (config, manifest): (Value, Value) =
        (serde_json::from_str(config).unwrap(), serde_json::from_str(manifest).unwrap());
    assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), 2, "{config}");
    assert_eq!(config["history"].as_array().unwrap().len(), 6);
    let empty: Vec<bool> =
        config["history"].as_array().unwrap().iter().map(|step| step["empty_layer"] == json!(true)).collect();
    assert_eq!(empty, [false, true, false, true, true, true]);
    assert_eq!(config["history"][2]["created_by"], "/bin/sh -c step 2");
    assert_eq!(config["config"], json!({"Cmd": ["/top"], "Env": ["A=1"]}));
    assert_eq!((&config["architecture"], &config["os"]), (&json!("amd64"), &json!("linux")));
    let types: Vec<&str> =
        manifest["layers"].as_array().unwrap().iter().map(|layer| layer["mediaType"].as_str().unwrap()).collect();
    let prefix = "application/vnd.oci.image.layer.v1.tar";
    assert_eq!(types, [prefix.to_owned(), format!("{prefix}+gzip")]);
}

fn has_files(client: &Client, place: &str, folder: &Path, files: &[&str]) {
    let store = Place::parse(place).unwrap().source(client).unwrap();
    extract(&client.call(None).unwrap(), store.as_ref(), folder, &ExtractOptions::default()).unwrap();
    let mut found: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .inspect(|name| assert_eq!(std::fs::read_to_string(folder.join(name)).unwrap(), format!("{name}\n")))
        .collect();
    found.sort();
    assert_eq!(found, files, "{place}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn an_image_of_docker_registry_goes_everywhere() {
    let (old, new) = (TestRegistry::new("OCIREG_TEST_V1"), TestRegistry::new("OCIREG_TEST_V3"));
    let client = client_of(&[&old, &new]);
    let source = format!("docker-v1://{}", put_chain(&old, &client, "convert/chain"));
    let folder = scratch();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let name = format!("{}/convert/v1:1", new.host);
    let targets = [
        format!("docker://{name}"),
        format!("oci:{}:v1", path("layout")),
        format!("oci-archive:{}:v1", path("layout.tar")),
        format!("docker-archive:{}:example.org/a/b:v1", path("docker.tar")),
        format!("dir:{}", path("dir")),
    ];
    has_files(&client, &source, &folder.path().join("files"), &["base", "top"]);
    let mut digests = Vec::new();
    for target in &targets {
        let copied = done(&client, &source, target);
        assert_eq!(copied.blobs["total"], 3, "a config and two layers");
        assert_eq!((copied.source.as_str(), copied.media_type.ends_with("manifest.v1+json")), (source.as_str(), true));
        digests.push(copied.digest);
        if target.starts_with("dir:") {
            // Its files are named by full digests, unlike skopeo's.
            has_files(&client, target, &folder.path().join("files"), &["base", "top"]);
            continue;
        }
        let config = new.run("skopeo", &["inspect", "--tls-verify=false", "--config", "--raw", target]);
        let raw = match target.starts_with("docker-archive") {
            true => new.crane(&["manifest", &name]),
            false => new.run("skopeo", &["inspect", "--tls-verify=false", "--raw", target]),
        };
        is_the_chain(&config, &raw);
        let flags = ["--insecure-policy", "copy", "--src-tls-verify=false", target];
        let layout = format!("oci:{}:{}", path("theirs"), digests.len());
        new.run("skopeo", &[&flags[..], &[&layout]].concat());
        for read in [target, &layout] {
            has_files(&client, read, &folder.path().join("files"), &["base", "top"]);
        }
    }
    digests.dedup();
    assert_eq!(digests.len(), 1, "the same images are the same bytes");
    new.crane(&["validate", "--fast", "--remote", &name]);
    new.crane(&["export", &name, &path("export.tar")]);
    let listed = new.run("tar", &["-tf", &path("export.tar")]);
    assert!(listed.contains("base") && listed.contains("top"), "{listed}");
    let again = done(&client, &source, &targets[0]);
    assert_eq!((&again.manifests["skipped"], &again.blobs["copied"]), (&json!(1), &json!(0)));
}

#[test]
fn an_image_behind_an_index_with_tokens() {
    let place = TestRegistry::new("OCIREG_TEST_V1_TOKEN");
    let client = place.client();
    let repo = client.v1(&client.call(None).unwrap(), &place.repository("convert/one")).unwrap();
    let id = sha256(format!("token {}", std::process::id()).as_bytes()).hex().to_owned();
    let json = json!({"id": id}).to_string();
    repo.put_image(json.as_bytes()).unwrap();
    repo.put_layer(json.as_bytes(), &layer("one", "one\n").0, &PutLayerOptions::default()).unwrap();
    repo.put_tag("1", &id.parse().unwrap()).unwrap();
    let folder = scratch();
    let source = format!("docker-v1://{}/convert/one:1", place.host);
    has_files(&client, &source, &folder.path().join("files"), &["one"]);
    let missing = format!("docker-v1://{}/convert/one:2", place.host);
    let target = format!("oci:{}", folder.path().join("layout").display());
    assert_eq!(copied(&client, &missing, &target, false).unwrap_err().code(), Code::NotFound);
    done(&client, &source, &target);
    assert_eq!(copied(&client, &target, &source, false).unwrap_err().code(), Code::Unsupported);
}

/// The chain as a signed schema-1 manifest, pushed; its digest.
fn push_schema1(place: &TestRegistry, client: &Client, name: &str) -> String {
    let (call, repository) = (client.call(None).unwrap(), place.repository(name));
    let (mut layers, mut history) = (Vec::new(), Vec::new());
    // Compressed: crane assumes that of every layer when it validates the whole image.
    let chain = chain("convert/docker", layer("base", "base\n").0);
    let below = chain[3].0["id"].clone();
    for (image, layer) in chain.into_iter().filter(|(_, layer)| !layer.is_empty()) {
        let mut image = image;
        if image["throwaway"] == json!(true) {
            // The layer of zero bytes, which today's registries do not have, is left out.
            image["parent"] = below.clone();
        }
        let digest = client.put_blob(&call, &repository, &layer, &BlobPutOptions::default()).unwrap().digest;
        layers.insert(0, json!({"blobSum": digest}));
        history.insert(0, json!({"v1Compatibility": image.to_string()}));
    }
    let payload = json!({"schemaVersion": 1, "name": name, "tag": "1", "architecture": "amd64", "fsLayers": layers, "history": history});
    let payload = serde_json::to_vec_pretty(&payload).unwrap();
    let signed = sign(&payload, &PrivateKey::generate().unwrap(), None, Duration::from_secs(1)).unwrap();
    client.put_manifest(&call, &place.reference(&format!("{name}:1")), &signed, &PutOptions::default()).unwrap();
    sha256(&payload).to_string()
}

#[test]
fn a_schema1_image_becomes_one_of_today() {
    let (old, new) = (TestRegistry::new("OCIREG_TEST_SCHEMA1"), TestRegistry::new("OCIREG_TEST_V3"));
    let client = client_of(&[&old, &new]);
    let digest = push_schema1(&old, &client, "convert/schema1");
    let source = format!("docker://{}/convert/schema1:1", old.host);
    let folder = scratch();
    let path = |name: &str| folder.path().join(name).display().to_string();

    // Without the option it is copied unchanged.
    let unchanged = copied(&client, &source, &format!("oci:{}", path("old")), false).unwrap();
    assert_eq!((unchanged.digest.as_str(), unchanged.media_type.contains("v1+prettyjws")), (digest.as_str(), true));

    let name = format!("{}/convert/schema1:1", new.host);
    let near = format!("{}/convert/near:1", old.host);
    let mut digests = Vec::new();
    for target in [&format!("docker://{name}"), &format!("docker://{near}"), &format!("oci:{}", path("layout"))] {
        let copied = done(&client, &source, target);
        assert_eq!((copied.source.as_str(), &copied.blobs["total"]), (source.as_str(), &json!(3)));
        if target.ends_with(&near) {
            assert_eq!(
                (&copied.blobs["mounted"], &copied.blobs["copied"]),
                (&json!(2), &json!(1)),
                "the registry has the layers"
            );
        }
        digests.push(copied.digest);
    }
    // The layout of the unchanged one is a source too.
    digests.push(done(&client, &format!("oci:{}", path("old")), &format!("oci:{}", path("layout"))).digest);
    digests.dedup();
    assert_eq!(digests.len(), 1);
    new.crane(&["validate", "--remote", &name]);
    let config: Value = serde_json::from_str(&new.crane(&["config", &name])).unwrap();
    assert_eq!(config["history"].as_array().unwrap().len(), 5);
    assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), 2);
    has_files(&client, &format!("docker://{name}"), &folder.path().join("files"), &["base", "top"]);
    let theirs = format!("oci:{}:1", path("theirs"));
    new.run("skopeo", &["--insecure-policy", "copy", "--src-tls-verify=false", &format!("docker://{name}"), &theirs]);
    has_files(&client, &theirs, &folder.path().join("files"), &["base", "top"]);
    // Also to protocol v1: it is converted on the way, and comes back as the same image.
    let oldest = TestRegistry::new("OCIREG_TEST_V1");
    let client = client_of(&[&old, &new, &oldest]);
    let to = oldest.reference("convert/older:1");
    assert_eq!(pushed(&client, &source, &to).unwrap().digest, digests[0]);
    let back = done(&client, &format!("docker-v1://{to}"), &format!("oci:{}", path("from-v1")));
    assert_eq!(back.digest, digests[0]);
    // Anything that is not version 1 is copied unchanged.
    let again = done(&client, &format!("docker://{name}"), &format!("oci:{}", path("again")));
    assert_eq!(again.digest, digests[0]);
}

fn pushed(client: &Client, from: &str, to: &ocireg::reference::Reference) -> Result<Pushed, Error> {
    let from = Place::parse(from)?.source(client)?;
    push(client, &client.call(None)?, from, to, &PushOptions::default())
}

#[test]
fn an_image_of_today_goes_to_docker_registry_and_comes_back() {
    let new = TestRegistry::new("OCIREG_TEST_V3");
    for variable in ["OCIREG_TEST_V1", "OCIREG_TEST_V1_TOKEN"] {
        let old = TestRegistry::new(variable);
        let client = client_of(&[&old, &new]);
        let folder = scratch();
        let path = |name: &str| folder.path().join(name).display().to_string();
        // A layout with an image of several layers and history entries without a layer: the chain, converted from a v1
        // registry.
        let standalone = TestRegistry::new("OCIREG_TEST_V1");
        let origin = format!("docker-v1://{}", put_chain(&standalone, &client, "convert/origin"));
        let layout = format!("oci:{}:1", path("layout"));
        let image = done(&client, &origin, &layout);

        let to = old.reference("convert/pushed:1");
        let first = pushed(&client, &layout, &to).unwrap();
        assert_eq!((&first.source, &first.digest), (&layout, &image.digest));
        assert_eq!(first.destination, format!("docker-v1://{to}"));
        assert_eq!(first.images.len(), 6);
        assert_eq!(first.images.iter().filter(|image| image.layer.is_some()).count(), 2);
        assert_eq!(first.id, first.images[5].id);
        let repo = client.v1(&client.call(None).unwrap(), to.repository()).unwrap();
        assert_eq!(repo.tag("1").unwrap().as_str(), first.id);
        let listed = repo.images().unwrap().images;
        for image in &first.images {
            let found = listed.iter().find(|one| one["id"] == image.id.as_str()).unwrap();
            assert!(found["checksum"].as_str().unwrap().starts_with("sha256:"), "{found:?}");
        }

        let again = pushed(&client, &layout, &to).unwrap();
        assert!(again.images.iter().all(|image| !image.uploaded), "the same image is the same chain");
        assert_eq!(again.id, first.id);

        // After a round trip it is the same image, byte for byte.
        let back = done(&client, &format!("docker-v1://{to}"), &format!("oci:{}:1", path("back")));
        assert_eq!(back.digest, image.digest, "{variable}");
        has_files(&client, &format!("oci:{}:1", path("back")), &folder.path().join("files"), &["base", "top"]);

        // From a registry.
        let manifest = super::push_image(&new, &client, "convert/today", "amd64");
        let from = format!("docker://{}/convert/today@{}", new.host, sha256(&manifest));
        let today = pushed(&client, &from, &old.reference("convert/today:1")).unwrap();
        assert_eq!((today.images.len(), today.images[0].uploaded), (1, true));
        let source = format!("docker-v1://{}/convert/today:1", old.host);
        let store = Place::parse(&source).unwrap().source(&client).unwrap();
        let call = client.call(None).unwrap();
        extract(&call, store.as_ref(), &folder.path().join("today"), &ExtractOptions::default()).unwrap();
        let hello = std::fs::read_to_string(folder.path().join("today/hello")).unwrap();
        assert_eq!(hello, "hello from amd64\n");
    }
}

fn run(arguments: &[&str], temporary: &Path) -> std::process::Output {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/release/ocireg");
    let program = std::env::var_os("OCIREG_TEST_COMMAND").map_or(built, std::path::PathBuf::from);
    std::process::Command::new(&program)
        .args(arguments)
        .env("TMPDIR", temporary)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

fn says(arguments: &[&str], temporary: &Path) -> Value {
    let output = run(arguments, temporary);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_commands_copy_old_images_and_push_them() {
    let (old, signed) = (TestRegistry::new("OCIREG_TEST_V1"), TestRegistry::new("OCIREG_TEST_SCHEMA1"));
    let client = client_of(&[&old, &signed]);
    let folder = scratch();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let source = format!("docker-v1://{}", put_chain(&old, &client, "convert/command"));
    let layout = format!("oci:{}:1", path("layout"));
    let copied = says(&["copy", &source, &layout], folder.path());
    assert_eq!((&copied["source"], &copied["blobs"]["total"]), (&json!(source), &json!(3)));
    let pulled = says(&["pull", &source, &format!("oci:{}:1", path("pulled"))], folder.path());
    assert_eq!(pulled["digest"], copied["digest"]);
    assert!(run(&["extract", &source, &path("files")], folder.path()).status.success());
    assert_eq!(std::fs::read_to_string(folder.path().join("files/top")).unwrap(), "top\n");

    let target = format!("{}/convert/command:pushed", old.host);
    let pushed = says(&["v1", "push", &layout, &target], folder.path());
    assert_eq!((&pushed["digest"], pushed["images"].as_array().unwrap().len()), (&copied["digest"], 6));
    assert_eq!(says(&["v1", "tag", &target], folder.path())["id"], pushed["id"]);
    let back = says(&["copy", &format!("docker-v1://{target}"), &format!("oci:{}:1", path("back"))], folder.path());
    assert_eq!(back["digest"], copied["digest"]);

    push_schema1(&signed, &client, "convert/command");
    let source = format!("{}/convert/command:1", signed.host);
    let unchanged = says(&["copy", &source, &format!("oci:{}", path("old"))], folder.path());
    let converted = says(&["copy", "--convert-schema1", &source, &format!("oci:{}", path("new"))], folder.path());
    assert!(unchanged["mediaType"].as_str().unwrap().ends_with("v1+prettyjws"));
    assert_eq!(converted["mediaType"], "application/vnd.oci.image.manifest.v1+json");

    let failed = |arguments: &[&str], temporary: &Path, status: i32, part: &str| {
        let output = run(arguments, temporary);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{message}");
        assert!(message.contains(part), "{message:?} lacks {part:?}");
    };
    let nowhere = Path::new("/no/such/folder");
    failed(
        &["copy", "--convert-schema1", &source, &format!("oci:{}", path("x"))],
        nowhere,
        Code::Io.number(),
        "/no/such/folder",
    );
    failed(&["copy", &layout, &format!("docker-v1://{target}")], folder.path(), Code::Unsupported.number(), "v1 push");
    failed(&["v1", "push", &layout], folder.path(), 64, "REPO:TAG");
}
