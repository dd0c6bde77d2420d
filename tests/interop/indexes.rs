//! Indexes beside oras, crane and skopeo: what oras makes of the same images we make byte for byte, each changes what the other made, and
//! all read ours, in registries and layouts.

use ocireg::error::{Code, Error};
use ocireg::place::{append_to_index, create_index, remove_from_index, Place};
use ocireg::registry::manifest::{GetOptions, PutOptions};
use ocireg::registry::referrers::ReferrersOptions;
use ocireg::registry::upload::BlobPutOptions;
use ocireg::registry::Client;
use serde_json::{json, Value};

use crate::artifacts::oras;
use crate::copy::scratch;
use crate::{places, push_image, sha256, TestRegistry};

const REGISTRIES: [&str; 3] = ["OCIREG_TEST_V2", "OCIREG_TEST_V3", "OCIREG_TEST_GGCR"];
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const INSECURE: &str = "--tls-verify=false";

type Outcome = Result<Value, Error>;

fn create(client: &Client, to: &str, options: Value) -> Outcome {
    let (to, options) = (Place::parse(to)?, serde_json::from_value(options).unwrap());
    create_index(client, &client.call(None)?, &to, &options).map(|made| serde_json::to_value(made).unwrap())
}

fn append(client: &Client, to: &str, options: Value) -> Outcome {
    let (to, options) = (Place::parse(to)?, serde_json::from_value(options).unwrap());
    append_to_index(client, &client.call(None)?, &to, &options).map(|made| serde_json::to_value(made).unwrap())
}

fn remove(client: &Client, from: &str, options: Value) -> Outcome {
    let (from, options) = (Place::parse(from)?, serde_json::from_value(options).unwrap());
    remove_from_index(client, &client.call(None)?, &from, &options).map(|made| serde_json::to_value(made).unwrap())
}

/// Puts an image under a tag.
fn tagged(place: &TestRegistry, client: &Client, name: &str, tag: &str, manifest: &[u8]) {
    let reference = place.reference(&format!("{name}:{tag}"));
    client.put_manifest(&client.call(None).unwrap(), &reference, manifest, &PutOptions::default()).unwrap();
}

/// Images under tags that are their architectures.
fn images(place: &TestRegistry, client: &Client, name: &str, architectures: &[&str]) {
    for arch in architectures {
        let manifest = push_image(place, client, name, arch);
        tagged(place, client, name, arch, &manifest);
    }
}

/// An image whose config says everything that a platform can have.
fn windows(place: &TestRegistry, client: &Client, name: &str) {
    let call = client.call(None).unwrap();
    let config =
        json!({"architecture": "arm64", "os": "windows", "os.version": "10.0.20348.1", "os.features": ["win32k"],
        "variant": "v8", "rootfs": {"type": "layers", "diff_ids": []}})
        .to_string();
    client.put_blob(&call, &place.repository(name), config.as_bytes(), &BlobPutOptions::default()).unwrap();
    let config = json!({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": sha256(config.as_bytes()), "size": config.len()});
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": []});
    tagged(place, client, name, "windows", manifest.to_string().as_bytes());
}

fn bytes(place: &TestRegistry, client: &Client, name: &str) -> String {
    let call = client.call(None).unwrap();
    let found = client.get_manifest(&call, &place.reference(name), &GetOptions::default()).unwrap();
    String::from_utf8(found.bytes).unwrap()
}

/// crane and skopeo see this index, and crane all that it leads to.
fn others_read(place: &TestRegistry, name: &str, made: &Value) {
    let full = format!("{}/{name}", place.host);
    assert_eq!(place.crane(&["digest", &full]).trim(), made["digest"]);
    place.crane(&["validate", "--remote", &full]);
    let raw = place.run("skopeo", &["inspect", "--raw", INSECURE, &format!("docker://{full}")]);
    assert_eq!(sha256(raw.as_bytes()).as_str(), made["digest"], "{full}");
}

#[test]
fn indexes_are_those_of_oras() {
    let folder = scratch();
    for registry in REGISTRIES {
        let place = TestRegistry::new(registry);
        let (client, name) = (place.client(), "indexes/oras");
        images(&place, &client, name, &["amd64", "arm64"]);
        windows(&place, &client, name);
        let full = format!("{}/{name}", place.host);
        let references = ["amd64", "windows", "arm64"].map(|tag| format!("{full}:{tag}"));
        for (number, (flags, mut options)) in [
            (vec![], json!({})),
            (vec!["--annotation", "b=<2>", "--annotation", "a=1"], json!({"annotations": ["a=1", "b=<2>"]})),
            (vec!["--artifact-type", "a/b"], json!({"artifact_type": "a/b"})),
        ]
        .into_iter()
        .enumerate()
        {
            let theirs = format!("{full}:theirs-{number}");
            let arguments =
                [&["manifest", "index", "create", &theirs, "amd64", "windows", "arm64"][..], &flags].concat();
            oras(folder.path(), &arguments);
            options["references"] = json!(references);
            let made = create(&client, &format!("{full}:ours-{number}"), options).unwrap();
            let (ours, theirs) = (format!("{name}:ours-{number}"), format!("{name}:theirs-{number}"));
            assert_eq!(bytes(&place, &client, &ours), bytes(&place, &client, &theirs), "{registry}");
            // They are in the repository already.
            assert_eq!(
                (&made["copied"]["manifests"]["copied"], &made["copied"]["blobs"]["total"]),
                (&json!(1), &json!(0))
            );
            others_read(&place, &ours, &made);
        }
    }
}

#[test]
fn each_changes_what_the_others_made() {
    let folder = scratch();
    for registry in REGISTRIES {
        let place = TestRegistry::new(registry);
        let (client, name) = (place.client(), "indexes/changed");
        images(&place, &client, name, &["amd64", "arm64", "s390x", "ppc64le"]);
        let full = format!("{}/{name}", place.host);
        let [amd64, arm64, s390x, ppc64le] =
            ["amd64", "arm64", "s390x", "ppc64le"].map(|arch| format!("{full}:{arch}"));
        let target = format!("{full}:index");
        place.crane(&["index", "append", "-m", &amd64, "-m", &arm64, "-t", &target]);
        let theirs: Value = serde_json::from_str(&bytes(&place, &client, "indexes/changed:index")).unwrap();
        let done = append(&client, &target, json!({"references": [s390x]})).unwrap();
        assert_eq!((&done["condition"], &done["attempts"]), (&json!("looked"), &json!(1)));
        others_read(&place, "indexes/changed:index", &done);
        // What crane wrote is as it wrote it.
        let text = bytes(&place, &client, "indexes/changed:index");
        assert!(text.contains(&theirs["manifests"][1].to_string()), "{text}");
        place.crane(&["index", "append", &target, "-m", &ppc64le, "-t", &target]);
        let digest = |at: usize| done["manifests"][at]["digest"].as_str().unwrap().to_owned();
        let done = remove(&client, &target, json!({"digests": [digest(0)], "platform": ["linux/s390x"]})).unwrap();
        others_read(&place, "indexes/changed:index", &done);
        oras(folder.path(), &["manifest", "index", "update", &target, "--add", "amd64"]);
        let done = append(&client, &target, json!({"references": [digest(2), digest(0)]})).unwrap();
        let platforms: Vec<&Value> =
            done["manifests"].as_array().unwrap().iter().map(|one| &one["platform"]["architecture"]).collect();
        assert_eq!(platforms, ["arm64", "ppc64le", "amd64", "s390x"], "{registry}");
        // The image itself is where it was.
        place.crane(&["validate", "--remote", &s390x]);
    }
}

#[test]
fn children_are_mounted_or_copied() {
    let folder = scratch();
    let other = TestRegistry::new("OCIREG_TEST_TLS");
    images(&other, &other.client(), "indexes/far", &["arm64"]);
    for place in places() {
        let client = place.client();
        client.set_host(&other.host, serde_json::from_value(other.options.clone()).unwrap()).unwrap();
        images(&place, &client, "indexes/near", &["amd64"]);
        images(&place, &client, "indexes/here", &["s390x"]);
        let layout = format!("oci:{}/{}:one", folder.path().display(), place.host.replace(':', "-"));
        images(&place, &client, "indexes/kept", &["ppc64le"]);
        crate::copy::done(&client, &format!("{}/indexes/kept:ppc64le", place.host), &layout);
        let here = sha256(bytes(&place, &client, "indexes/here:s390x").as_bytes());
        let references = json!([
            format!("{}/indexes/near:amd64", place.host),
            format!("{}/indexes/far:arm64", other.host),
            here,
            layout,
        ]);
        let target = format!("{}/indexes/here:all", place.host);
        let made = create(&client, &target, json!({"references": references})).unwrap();
        let platforms: Vec<&Value> =
            made["manifests"].as_array().unwrap().iter().map(|one| &one["platform"]["architecture"]).collect();
        assert_eq!(platforms, ["amd64", "arm64", "s390x", "ppc64le"]);
        let moved = &made["copied"];
        // The index and three of its entries; of each a config and a layer.
        assert_eq!((&moved["manifests"]["copied"], &moved["blobs"]["total"]), (&json!(4), &json!(6)), "{}", place.host);
        others_read(&place, "indexes/here:all", &made);
        let again = append(&client, &target, json!({"references": references})).unwrap();
        assert_eq!((&again["digest"], &again["added"]), (&made["digest"], &json!([])));
    }
}

#[test]
fn distribution_mounts_what_is_in_another_repository() {
    for registry in ["OCIREG_TEST_V2", "OCIREG_TEST_V3"] {
        let place = TestRegistry::new(registry);
        let client = place.client();
        images(&place, &client, "indexes/mounted-from", &["amd64", "arm64"]);
        let references = ["amd64", "arm64"].map(|arch| format!("{}/indexes/mounted-from:{arch}", place.host));
        let target = format!("{}/indexes/mounted/{}:all", place.host, std::process::id());
        let made = create(&place.client(), &target, json!({"references": references})).unwrap();
        assert_eq!(
            (&made["copied"]["blobs"]["mounted"], &made["copied"]["blobs"]["copied"]),
            (&json!(4), &json!(0)),
            "{registry}"
        );
    }
}

#[test]
fn the_others_read_layouts_and_archives_too() {
    let folder = scratch();
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let (client, name) = (place.client(), "indexes/layouts");
    images(&place, &client, name, &["amd64", "arm64", "s390x"]);
    let [amd64, arm64, s390x] = ["amd64", "arm64", "s390x"].map(|arch| format!("{}/{name}:{arch}", place.host));
    let at = |file: &str| folder.path().join(file).display().to_string();
    for (to, source) in [
        (format!("oci:{}:all", at("layout")), format!("oci:{}:all", at("layout"))),
        (format!("oci-archive:{}:all", at("archive.tar")), format!("oci-archive:{}:all", at("archive.tar"))),
    ] {
        create(&client, &to, json!({"references": [amd64, arm64]})).unwrap();
        let done = append(&client, &to, json!({"references": [s390x]})).unwrap();
        let gone = remove(&client, &to, json!({"platform": ["linux/arm64"]})).unwrap();
        assert_eq!((done["manifests"].as_array().unwrap().len(), gone["manifests"].as_array().unwrap().len()), (3, 2));
        let raw = place.run("skopeo", &["inspect", "--raw", &source]);
        assert_eq!(sha256(raw.as_bytes()).as_str(), gone["digest"]);
        let copy = format!("docker://{}/{name}:from-skopeo", place.host);
        place.run("skopeo", &["copy", "--all", "--preserve-digests", "--dest-tls-verify=false", &source, &copy]);
        others_read(&place, &format!("{name}:from-skopeo"), &gone);
        // An image in the same place, by its digest: what was taken out is named by nothing there.
        let digest = |at: usize| json!({"references": [done["manifests"][at]["digest"]]});
        assert_eq!(append(&client, &to, digest(0)).unwrap()["added"], json!([]));
        assert_eq!(append(&client, &to, digest(1)).unwrap_err().code(), Code::NotFound);
    }
    let fetched = oras(folder.path(), &["manifest", "fetch", "--oci-layout", "layout:all"]);
    assert_eq!(serde_json::from_str::<Value>(&fetched).unwrap()["manifests"].as_array().unwrap().len(), 2);
    let pushed = format!("{}/{name}:from-crane", place.host);
    place.crane(&["push", "--index", &at("layout"), &pushed]);
    place.crane(&["validate", "--remote", &pushed]);
}

/// What docker saved is packed on its way, as in a copy, and is the same image then.
#[test]
fn images_in_archives_of_docker_are_packed() {
    let folder = scratch();
    for registry in REGISTRIES {
        let place = TestRegistry::new(registry);
        let (client, name) = (place.client(), "indexes/saved");
        images(&place, &client, name, &["amd64", "arm64"]);
        let archive = |arch: &str| format!("docker-archive:{}/{arch}.tar:a/b:{arch}", folder.path().display());
        for arch in ["amd64", "arm64"] {
            let from = format!(
                "{}/{name}@{}",
                place.host,
                sha256(bytes(&place, &client, &format!("{name}:{arch}")).as_bytes())
            );
            crate::copy::done(&client, &from, &archive(arch));
        }
        let copied = crate::copy::done(&client, &archive("arm64"), &format!("{}/{name}:copied", place.host));
        let target = format!("{}/{name}:index", place.host);
        let made = create(&client, &target, json!({"references": [archive("amd64"), archive("arm64")]})).unwrap();
        assert_eq!(made["manifests"][1]["digest"], copied.digest.as_str(), "{registry}");
        others_read(&place, &format!("{name}:index"), &made);
    }
}

#[test]
fn two_who_append_at_once_both_get_in() {
    for place in places() {
        let client = place.client();
        let name = "indexes/raced";
        images(&place, &client, name, &["amd64", "arm64", "s390x"]);
        let full = format!("{}/{name}", place.host);
        for round in 0..4 {
            let target = format!("{full}:round-{round}");
            create(&client, &target, json!({"references": [format!("{full}:s390x")]})).unwrap();
            std::thread::scope(|scope| {
                for arch in ["amd64", "arm64"] {
                    let (target, reference, place) = (&target, format!("{full}:{arch}"), &place);
                    scope.spawn(move || append(&place.client(), target, json!({"references": [reference]})).unwrap());
                }
            });
            let index: Value = serde_json::from_str(&bytes(&place, &client, &format!("{name}:round-{round}"))).unwrap();
            assert_eq!(index["manifests"].as_array().unwrap().len(), 3, "{} {round}: {index}", place.host);
        }
    }
}

#[test]
fn dockers_lists_stay_dockers() {
    for registry in REGISTRIES {
        let place = TestRegistry::new(registry);
        let (client, name) = (place.client(), "indexes/docker");
        images(&place, &client, name, &["amd64", "arm64", "s390x"]);
        let full = format!("{}/{name}", place.host);
        for arch in ["amd64", "arm64"] {
            let (from, to) = (format!("docker://{full}:{arch}"), format!("docker://{full}:{arch}-docker"));
            let (platform, flags) = (format!("--override-arch={arch}"), ["copy", "--format=v2s2"]);
            place.run(
                "skopeo",
                &[&[platform.as_str()], &flags[..], &["--src-tls-verify=false", "--dest-tls-verify=false", &from, &to]]
                    .concat(),
            );
        }
        let target = format!("{full}:list");
        let references: Vec<String> = ["amd64", "arm64"].map(|arch| format!("{full}:{arch}-docker")).into();
        let made = create(&client, &target, json!({"references": references})).unwrap();
        assert_eq!(made["mediaType"], "application/vnd.docker.distribution.manifest.list.v2+json");
        others_read(&place, &format!("{name}:list"), &made);
        let oci = json!({"references": [format!("{full}:s390x")]});
        assert_eq!(append(&client, &target, oci).unwrap_err().code(), Code::InvalidManifest);
        let oci = json!({"references": [format!("{full}:s390x")], "media_type": "oci"});
        let done = append(&client, &target, oci).unwrap();
        assert_eq!(done["manifests"][0], made["manifests"][0]);
        others_read(&place, &format!("{name}:list"), &done);
    }
}

#[test]
fn an_index_may_be_about_something() {
    for registry in REGISTRIES {
        let place = TestRegistry::new(registry);
        let (client, name) = (place.client(), "indexes/about");
        images(&place, &client, name, &["amd64", "arm64"]);
        let full = format!("{}/{name}", place.host);
        let options = json!({"references": [format!("{full}:arm64")], "subject": format!("{full}:amd64"), "artifact_type": "a/b"});
        let made = create(&client, &format!("{full}:index"), options).unwrap();
        let subject = sha256(bytes(&place, &client, &format!("{name}:amd64")).as_bytes());
        assert_eq!(made["subject"]["digest"], subject.as_str());
        let call = client.call(None).unwrap();
        let pinned = place.repository(name).with_digest(&subject);
        let listed = client.referrers(&call, &pinned, &ReferrersOptions::default()).unwrap().referrers;
        assert_eq!((listed.len(), listed[0].digest.as_str()), (1, made["digest"].as_str().unwrap()), "{registry}");
        // With what refers to an image, where that goes elsewhere.
        let far = json!({"references": [format!("{full}:amd64")], "referrers": true});
        let far = create(&client, &format!("{}/indexes/about-far:index", place.host), far).unwrap();
        assert_eq!(far["copied"]["manifests"]["referrers"], 1, "{registry}");
        // And about something else from now on, which its other changes leave as it is.
        let target = format!("{full}:index");
        let options = json!({"references": [format!("{full}:amd64")], "subject": format!("{full}:arm64")});
        let moved = append(&client, &target, options.clone()).unwrap();
        let other = sha256(bytes(&place, &client, &format!("{name}:arm64")).as_bytes());
        assert_eq!((&moved["subject"]["digest"], &moved["before"]), (&json!(other), &made["digest"]));
        let listed = client.referrers(&call, &place.repository(name).with_digest(&other), &ReferrersOptions::default());
        assert!(listed.unwrap().referrers.iter().any(|one| moved["digest"] == one.digest.as_str()), "{registry}");
        let again = append(&client, &target, options).unwrap();
        assert_eq!((&again["digest"], &again["attempts"]), (&moved["digest"], &json!(1)));
        let done = remove(&client, &target, json!({"platform": ["linux/arm64"]})).unwrap();
        assert_eq!(done["subject"], moved["subject"]);
        others_read(&place, &format!("{name}:index"), &done);
        let none = json!({"references": [format!("{full}:amd64")], "subject": format!("{full}:none")});
        assert_eq!(append(&client, &target, none).unwrap_err().code(), Code::NotFound);
    }
}
