//! Artifacts beside oras: what it makes of the same files and types we make byte for byte, and what one pushes the other pulls.

use std::path::Path;
use std::process::Command;

use ocireg::artifact::pull::ArtifactPullOptions;
use ocireg::artifact::push::{ArtifactAttachOptions, ArtifactPushOptions, PushedArtifact};
use ocireg::artifact::{Artifact, PartOptions};
use ocireg::place::{attach_artifact, copy, pull_artifact, push_artifact, referrers, Place};
use ocireg::registry::manifest::GetOptions;
use ocireg::registry::referrers::ReferrersOptions;
use ocireg::transfer::copy::CopyOptions;
use serde_json::{json, Value};

use crate::{env, TestRegistry};

/// Registries of both versions of the referrers, and without.
const REGISTRIES: [&str; 3] = ["OCIREG_TEST_V3", "OCIREG_TEST_V2", "OCIREG_TEST_GGCR"];
const CREATED: &str = "org.opencontainers.image.created=2020-01-02T03:04:05Z";

/// Files, a config, flags of oras, and options.
type Case<'a> = (&'a [&'a str], Option<&'a str>, &'a [&'a str], Value);

/// Runs oras in a folder.
pub fn oras(folder: &Path, arguments: &[&str]) -> String {
    let program = format!("{}/oras", env("OCIREG_TEST_TOOLS"));
    let output = Command::new(program).args(arguments).arg("--plain-http").current_dir(folder).output().unwrap();
    assert!(output.status.success(), "oras {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A folder with files of all sorts.
pub fn files() -> tempfile::TempDir {
    let made = tempfile::tempdir().unwrap();
    let path = made.path();
    std::fs::create_dir_all(path.join("folder/deep/er")).unwrap();
    for (name, text) in [
        ("a.txt", "hello\n"),
        ("c.json", "{\"x\":1}"),
        ("a<b>&é.txt", "odd"),
        ("folder/in", "in"),
        ("folder/deep/er/x", "x"),
        ("empty", ""),
    ] {
        std::fs::write(path.join(name), text).unwrap();
    }
    std::os::unix::fs::symlink("deep/er/x", path.join("folder/link")).unwrap();
    made
}

/// An artifact of files in a folder, `FILE` or `FILE:TYPE` each, under their names.
pub fn artifact(folder: &Path, names: &[&str], config: Option<&str>) -> Artifact {
    let mut artifact = Artifact::default();
    let parts = names.iter().map(|name| (*name, false)).chain(config.map(|name| (name, true)));
    for (name, config) in parts {
        let (file, media_type) =
            name.split_once(':').map_or((name, None), |(file, kind)| (file, Some(kind.to_owned())));
        let title = (!config).then(|| file.to_owned());
        let path = folder.join(file).display().to_string();
        artifact.add_path(&path, PartOptions { title, media_type, config, ..PartOptions::default() }).unwrap();
    }
    artifact
}

pub fn push(place: &TestRegistry, name: &str, artifact: &Artifact, options: Value) -> PushedArtifact {
    let client = place.client();
    let options: ArtifactPushOptions = serde_json::from_value(options).unwrap();
    let to = Place::parse(&format!("{}/{name}", place.host)).unwrap();
    push_artifact(&client, &client.call(None).unwrap(), artifact, &to, &options).unwrap()
}

fn bytes(place: &TestRegistry, name: &str) -> Vec<u8> {
    let client = place.client();
    client.get_manifest(&client.call(None).unwrap(), &place.reference(name), &GetOptions::default()).unwrap().bytes
}

#[test]
fn manifests_are_those_of_oras() {
    let folder = files();
    for registry in REGISTRIES {
        let place = TestRegistry::new(registry);
        let cases: [Case; 9] = [
            (
                &["a.txt", "c.json:application/json", "a<b>&é.txt", "empty"],
                None,
                &["--artifact-type", "a/b"],
                json!({"artifact_type": "a/b"}),
            ),
            (&["a.txt"], None, &[], json!({})),
            (&["a.txt"], Some("c.json:a/config+json"), &[], json!({})),
            (&["a.txt"], Some("c.json"), &["--artifact-type", "a/b"], json!({"artifact_type": "a/b"})),
            (
                &["a.txt"],
                None,
                &["--artifact-type", "a/b", "--image-spec", "v1.0"],
                json!({"artifact_type": "a/b", "image_spec": "v1.0"}),
            ),
            (&["a.txt"], Some("c.json"), &["--image-spec", "v1.0"], json!({"image_spec": "v1.0"})),
            (&[], None, &["--artifact-type", "a/b"], json!({"artifact_type": "a/b"})),
            (&[], None, &["--image-spec", "v1.0"], json!({"image_spec": "v1.0"})),
            (
                &[],
                None,
                &["--artifact-type", "a/b", "--image-spec", "v1.0"],
                json!({"artifact_type": "a/b", "image_spec": "v1.0"}),
            ),
        ];
        for (number, (names, config, flags, mut options)) in cases.into_iter().enumerate() {
            let theirs = format!("{}/theirs:{number}", place.host);
            let mut arguments = vec!["push", &theirs, "--annotation", CREATED, "--annotation", "b=<2>"];
            arguments.extend(config.iter().flat_map(|config| ["--config", config]));
            arguments.extend(flags);
            arguments.extend(names);
            oras(folder.path(), &arguments);
            options["annotations"] = json!(["b=<2>", CREATED]);
            let pushed = push(&place, &format!("ours:{number}"), &artifact(folder.path(), names, config), options);
            let (theirs, ours) = (bytes(&place, &format!("theirs:{number}")), bytes(&place, &format!("ours:{number}")));
            assert_eq!(String::from_utf8_lossy(&ours), String::from_utf8_lossy(&theirs), "{registry} {number}");
            assert_eq!(pushed.size, Some(ours.len() as u64));
            oras(folder.path(), &["manifest", "fetch", &format!("{}/ours:{number}", place.host)]);
        }
    }
}

#[test]
fn attached_ones_are_found_by_both() {
    let folder = files();
    for registry in REGISTRIES {
        let place = TestRegistry::new(registry);
        let client = place.client();
        let call = client.call(None).unwrap();
        let made = artifact(folder.path(), &["a.txt"], None);
        let subject = push(&place, "attached:v1", &made, json!({"artifact_type": "a/b"})).digest;
        let name = format!("{}/attached:v1", place.host);
        oras(
            folder.path(),
            &["attach", &name, "--artifact-type", "a/sbom", "--annotation", CREATED, "c.json:text/plain"],
        );
        let options = json!({"artifact_type": "a/sig", "annotations": [CREATED]});
        let options: ArtifactAttachOptions = serde_json::from_value(options).unwrap();
        let attach = |file: &str, options: &ArtifactAttachOptions| {
            let to = Place::parse(&name).unwrap();
            attach_artifact(&client, &call, &artifact(folder.path(), &[file], None), &to, options).unwrap()
        };
        let ours = attach("a.txt", &options);
        assert_eq!(ours.subject.unwrap().digest, subject);
        // The same as theirs is the same.
        let mut sbom = options.clone();
        sbom.artifact.artifact_type = Some("a/sbom".to_owned());
        let again = attach("c.json:text/plain", &sbom).digest;
        let pinned = place.repository("attached").with_digest(&subject);
        let list = client.referrers(&call, &pinned, &ReferrersOptions::default()).unwrap().referrers;
        let mut kinds: Vec<_> =
            list.iter().map(|one| (one.artifact_type.clone().unwrap(), one.digest.clone())).collect();
        kinds.sort();
        assert_eq!(kinds, [("a/sbom".to_owned(), again), ("a/sig".to_owned(), ours.digest.clone())], "{registry}");
        let tree = oras(folder.path(), &["discover", &name]);
        assert!(tree.contains(ours.digest.as_str()) && tree.contains("a/sbom"), "{tree}");
        assert_eq!(
            client
                .get_manifest(&call, &place.reference("attached:v1"), &GetOptions::default())
                .unwrap()
                .document
                .digest,
            subject
        );
    }
}

/// A name that moves from what refers to an image takes nothing from it, as at a registry; oras finds it still.
#[test]
fn a_name_that_moves_takes_nothing_from_what_refers() {
    let folder = files();
    let registry = TestRegistry::new("OCIREG_TEST_V3");
    let client = registry.client();
    let call = client.call(None).unwrap();
    let at = |kind: &str, tag: &str| match kind {
        "registry" => format!("{}/renamed:{tag}", registry.host),
        _ => format!("{kind}:{}/{kind}:{tag}", folder.path().display()),
    };
    for kind in ["registry", "oci", "oci-archive"] {
        let made = artifact(folder.path(), &["a.txt"], None);
        let pushed = |tag: &str, options: Value| {
            let options: ArtifactPushOptions = serde_json::from_value(options).unwrap();
            let place = Place::parse(&at(kind, tag)).unwrap();
            push_artifact(&client, &call, &made, &place, &options).unwrap().digest
        };
        pushed("v1", json!({"artifact_type": "a/b"}));
        let signature = pushed("sig", json!({"artifact_type": "a/sig", "subject": at(kind, "v1")}));
        pushed("sig", json!({"artifact_type": "a/other"}));
        let place = Place::parse(&at(kind, "v1")).unwrap();
        let found = referrers(&client, &call, &place, &ReferrersOptions::default()).unwrap().referrers;
        assert_eq!(found.iter().map(|one| &one.digest).collect::<Vec<_>>(), [&signature], "{kind}");
        let tree = match kind {
            "registry" => oras(folder.path(), &["discover", &at(kind, "v1")]),
            "oci" => oras(folder.path(), &["discover", "--oci-layout", "oci:v1"]),
            // As oras backup writes it.
            _ => oras(folder.path(), &["discover", "--oci-layout", "oci-archive:v1"]),
        };
        assert!(tree.contains(signature.as_str()), "{kind}: {tree}");
    }
}

/// Files one by one, and a folder with everything in it.
#[test]
fn oras_pulls_what_we_push() {
    let folder = files();
    for registry in REGISTRIES {
        let place = TestRegistry::new(registry);
        push(
            &place,
            "folders:v1",
            &artifact(folder.path(), &["folder", "a.txt"], None),
            json!({"times": registry.ends_with("V3")}),
        );
        let out = tempfile::tempdir().unwrap();
        oras(out.path(), &["pull", &format!("{}/folders:v1", place.host)]);
        same(folder.path(), out.path(), &["a.txt", "folder/in", "folder/deep/er/x"]);
        assert_eq!(std::fs::read_link(out.path().join("folder/link")).unwrap(), Path::new("deep/er/x"));
    }
}

/// Whatever it pushes, and nothing more.
#[test]
fn we_pull_what_oras_pushes() {
    let folder = files();
    for registry in REGISTRIES {
        let place = TestRegistry::new(registry);
        let client = place.client();
        let call = client.call(None).unwrap();
        let name = format!("{}/pulled:v1", place.host);
        oras(folder.path(), &["push", &name, "folder", "a.txt", "a<b>&é.txt", "empty", "c.json:application/json"]);
        let out = tempfile::tempdir().unwrap();
        let pull = |options: Value, out: &Path| {
            let options: ArtifactPullOptions = serde_json::from_value(options).unwrap();
            pull_artifact(&client, &call, &Place::parse(&name).unwrap(), out, &options).unwrap()
        };
        let done = pull(json!({}), out.path());
        assert_eq!((done.files.len(), done.files[0].unpacked, done.skipped.len()), (5, true, 0));
        same(folder.path(), out.path(), &["a.txt", "a<b>&é.txt", "empty", "c.json", "folder/in", "folder/deep/er/x"]);
        assert_eq!(std::fs::read_link(out.path().join("folder/link")).unwrap(), Path::new("deep/er/x"));
        assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 5);
        std::fs::write(out.path().join("a.txt"), "mine").unwrap();
        let done = pull(json!({"keep_old": true, "media_types": ["*layer.v1.tar"]}), out.path());
        assert_eq!((done.files.len(), done.kept, done.skipped.len()), (3, 3, 2));
        assert_eq!(std::fs::read_to_string(out.path().join("a.txt")).unwrap(), "mine");
        // An old folder of theirs in a layout, too.
        let layout = Place::parse(&format!("oci:{}:v1", out.path().join("layout").display())).unwrap();
        copy(&client, &call, &Place::parse(&name).unwrap(), &layout, &CopyOptions::default()).unwrap();
        let again = tempfile::tempdir().unwrap();
        pull_artifact(&client, &call, &layout, again.path(), &ArtifactPullOptions::default()).unwrap();
        same(folder.path(), again.path(), &["a.txt", "folder/deep/er/x"]);
    }
}

pub fn same(one: &Path, other: &Path, names: &[&str]) {
    for name in names {
        assert_eq!(std::fs::read(one.join(name)).unwrap(), std::fs::read(other.join(name)).unwrap(), "{name}");
    }
}
