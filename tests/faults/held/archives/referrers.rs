//! What refers to an image, in an archive and in a layout, while its name moves or goes: it stays among what refers to the image, without
//! a name, as what is attached has none.

use ocireg::layout::oci::OciLayout;

use super::kept::{descriptor, image_for};
use super::*;

pub(super) const BOTH: [&str; 2] = ["oci", "oci-archive"];

impl Kept {
    /// With an image under v1, and its signature under sig.
    pub(super) fn signed(kind: &'static str) -> (Kept, String) {
        let kept = Kept::new(kind);
        kept.put_blob(b"{}");
        kept.put(":v1", MANIFEST, json!({})).unwrap();
        let signature = referrer(&digest(MANIFEST.as_bytes()), 1);
        kept.put(":sig", &signature, json!({})).unwrap();
        (kept, signature)
    }

    pub(super) fn tag(&self, rest: &str, to: &str) {
        let (client, place) = (&self.held.client, self.place(rest));
        place::tag(client, &call(client), &place, to, &TagOptions::default()).unwrap();
    }

    pub(super) fn copy(&self, from: &str, to: &str) {
        let client = &self.held.client;
        place::copy(client, &call(client), &self.place(from), &self.place(to), &CopyOptions::default()).unwrap();
    }

    /// The digests of what refers to v1.
    pub(super) fn referrers(&self) -> Vec<Digest> {
        let (client, place) = (&self.held.client, self.place(":v1"));
        let found = place::referrers(client, &call(client), &place, &ReferrersOptions::default()).unwrap();
        found.referrers.into_iter().map(|entry| entry.digest).collect()
    }

    /// The entries of its `index.json` that are about a manifest.
    pub(super) fn entries(&self, manifest: &str) -> Vec<Value> {
        let index = match self.kind {
            "oci" => serde_json::from_slice(&fs::read(self.held.path("a.tar/index.json")).unwrap()).unwrap(),
            _ => self.json("index.json"),
        };
        let wanted = digest(manifest.as_bytes());
        let entries = index["manifests"].as_array().unwrap().iter();
        entries.filter(|entry| entry["digest"] == wanted.as_str()).cloned().collect()
    }

    pub(super) fn clean(&self) -> usize {
        let layout = OciLayout::open(Path::new(&self.held.path("a.tar")), None).unwrap();
        let cleaned = ocireg::layout::check::clean(&call(&self.held.client), &layout, &Default::default()).unwrap();
        cleaned.removed.len()
    }
}

/// As it stands there when it is attached.
fn attached(signature: &str) -> Value {
    let mut entry = descriptor(signature);
    entry["artifactType"] = json!("application/x.signature");
    entry
}

#[test]
fn a_referrer_whose_name_is_taken_stays_one() {
    type Taker = fn(&Kept);
    let takers: [(&str, Taker); 5] = [
        ("untag", |kept| {
            let gone = kept.untag(":sig").unwrap();
            assert_eq!((gone.manifest, gone.other_tags.unwrap().len()), (ManifestFate::Kept, 0));
        }),
        ("delete", |kept| kept.delete(":sig").unwrap()),
        ("tag", |kept| kept.tag(":v1", "sig")),
        ("put", |kept| {
            let other = image_for(kept, "arm64");
            kept.put(":sig", &other, json!({})).unwrap();
        }),
        ("copy", |kept| {
            let other = image_for(kept, "arm64");
            kept.put(":other", &other, json!({})).unwrap();
            kept.copy(":other", ":sig");
        }),
    ];
    for kind in BOTH {
        for (how, take) in takers {
            let (kept, signature) = Kept::signed(kind);
            take(&kept);
            assert_eq!(kept.entries(&signature), [attached(&signature)], "{kind}: {how}");
            assert_eq!(kept.referrers(), [digest(signature.as_bytes())], "{kind}: {how}");
            assert!(kind == "oci-archive" || kept.clean() == 0, "{how}");
            assert_eq!(
                kept.digest(&format!("@{}", digest(signature.as_bytes()))).unwrap(),
                digest(signature.as_bytes())
            );
            // It goes when it is meant itself.
            kept.delete(&format!("@{}", digest(signature.as_bytes()))).unwrap();
            assert!(kept.entries(&signature).is_empty() && kept.referrers().is_empty(), "{kind}: {how}");
            assert!(kind == "oci-archive" || kept.clean() == 1, "{how}");
            assert!(!kept.has_blob(&digest(signature.as_bytes())), "{kind}: {how}");
        }
    }
}

/// To give something a name for a moment does not destroy it, and with two names it is not listed more often.
#[test]
fn a_referrer_is_listed_once_whatever_names_it_had() {
    for kind in BOTH {
        let (kept, signature) = Kept::signed(kind);
        let by_digest = format!("@{}", digest(signature.as_bytes()));
        kept.untag(":sig").unwrap();
        for round in 0..2 {
            kept.tag(&by_digest, "one");
            kept.tag(&by_digest, "two");
            assert_eq!(kept.entries(&signature).len(), 2, "{kind}");
            assert_eq!(kept.untag(":one").unwrap().other_tags.unwrap(), ["two"]);
            let named = kept.entries(&signature);
            assert!(named.len() == 1 && named[0]["annotations"].is_object(), "{kind}: {named:?}");
            // The same under the same name changes nothing.
            kept.put(":two", &signature, json!({})).unwrap();
            assert_eq!(kept.entries(&signature), named, "{kind}");
            match round {
                0 => drop(kept.untag(":two").unwrap()),
                _ => kept.tag(":v1", "two"),
            }
            assert_eq!(kept.entries(&signature), [attached(&signature)], "{kind}");
        }
    }
}

/// An index too, with all that it lists; also one that another index lists.
#[test]
fn an_index_with_a_subject_stays_when_its_name_moves() {
    for kind in BOTH {
        let (kept, _) = Kept::signed(kind);
        let image = image_for(&kept, "arm64");
        kept.put(":image", &image, json!({})).unwrap();
        let about = |number: usize| {
            json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [descriptor(&image)],
                   "annotations": {"number": number.to_string()}, "subject": descriptor(MANIFEST)})
            .to_string()
        };
        let (first, second) = (about(1), about(2));
        let mut entry = descriptor(&first);
        entry["mediaType"] = json!(INDEX_TYPE);
        kept.put(":list", &first, json!({})).unwrap();
        kept.put(":list", &second, json!({})).unwrap();
        kept.untag(":image").unwrap();
        assert_eq!(kept.entries(&first), [entry.clone()], "{kind}");
        let wanted = |kept: &Kept| {
            let mut found = kept.referrers();
            found.retain(|one| [&first, &second].iter().any(|index| *one == digest(index.as_bytes())));
            found.len()
        };
        assert_eq!(wanted(&kept), 2, "{kind}");
        let outer = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry]}).to_string();
        kept.put(":outer", &outer, json!({})).unwrap();
        kept.untag(":outer").unwrap();
        kept.untag(":list").unwrap();
        assert_eq!(wanted(&kept), 2, "{kind}");
        assert!(kind == "oci-archive" || kept.clean() == 1, "only the outer index");
        assert!(kept.has_blob(&digest(image.as_bytes())), "{kind}");
    }
}

/// In an archive an image whose last name has moved goes, and in a layout with the next clean-up: with the signature, of which it is.
#[test]
fn what_refers_to_nothing_goes_with_its_name_as_before() {
    for kind in BOTH {
        let (kept, _) = Kept::signed(kind);
        let image = image_for(&kept, "arm64");
        kept.put(":image", &image, json!({})).unwrap();
        kept.tag(":v1", "image");
        assert!(kept.entries(&image).is_empty(), "{kind}");
        assert!(kind == "oci-archive" || kept.clean() == 2);
        assert!(!kept.has_blob(&digest(image.as_bytes())), "{kind}");
    }
}

/// Docker's list has it no more, and the archive can still be read and changed.
#[test]
fn an_image_with_a_subject_leaves_the_list_of_docker() {
    let mut kept = Kept::new("docker-archive");
    let (image, other) = (image_for(&kept, "amd64"), image_for(&kept, "arm64"));
    let about =
        image_for(&kept, "s390x").replace("\"layers\"", &format!("\"subject\":{},\"layers\"", descriptor(&image)));
    kept.put(":a/b:1", &image, json!({})).unwrap();
    kept.put(":a/b:about", &about, json!({})).unwrap();
    kept.put(":a/b:about", &other, json!({})).unwrap();
    assert_eq!(kept.saved(), json!([["a/b:1"], ["a/b:about"]]));
    assert_eq!(kept.digest(":a/b:about").unwrap(), digest(other.as_bytes()));
    kept.kind = "oci-archive";
    let mut entry = descriptor(&about);
    entry["artifactType"] = json!("application/vnd.oci.image.config.v1+json");
    assert_eq!(kept.entries(&about), [entry]);
    kept.delete(&format!("@{}", digest(about.as_bytes()))).unwrap();
    assert!(!kept.has_blob(&digest(about.as_bytes())));
}

/// A file system that is away for a moment takes nothing out of `index.json`, which may be on another.
#[test]
fn what_cannot_be_measured_now_stays_listed() {
    let (kept, signature) = Kept::signed("oci");
    let (blobs, away) = (kept.held.path("a.tar/blobs/sha256"), kept.held.path("a.tar/blobs/away"));
    fs::rename(&blobs, &away).unwrap();
    fs::write(&blobs, "no folder").unwrap();
    kept.untag(":sig").unwrap();
    fs::remove_file(&blobs).unwrap();
    fs::rename(&away, &blobs).unwrap();
    assert_eq!(kept.entries(&signature).len(), 1);
    assert_eq!(kept.referrers(), [digest(signature.as_bytes())]);
}

/// What cannot be looked at may refer to something, and stays until it is deleted. What is gone, damaged or nothing that refers does not
/// stay for ever.
#[test]
fn what_is_known_to_refer_to_nothing_is_not_kept() {
    type Damage = fn(&Path);
    let ways: [(&str, Damage, usize); 4] = [
        (
            "a named pipe",
            |path| {
                fs::remove_file(path).unwrap();
                assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
            },
            1,
        ),
        ("not there", |path| fs::remove_file(path).unwrap(), 0),
        ("damaged", |path| fs::write(path, fs::read_to_string(path).unwrap().replace("number", "numbex")).unwrap(), 0),
        ("no JSON", |path| fs::write(path, "text").unwrap(), 0),
    ];
    for (what, damage, count) in ways {
        let (kept, signature) = Kept::signed("oci");
        damage(Path::new(&kept.held.path(&format!("a.tar/blobs/sha256/{}", digest(signature.as_bytes()).hex()))));
        kept.tag(":v1", "sig");
        assert_eq!(kept.entries(&signature).len(), count, "{what}");
        if count == 1 {
            kept.delete(&format!("@{}", digest(signature.as_bytes()))).unwrap();
        }
        assert!(kept.entries(&signature).is_empty() && kept.referrers().is_empty(), "{what}");
    }
}
