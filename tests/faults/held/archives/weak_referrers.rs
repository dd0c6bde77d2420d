//! What goes with an image when its last name goes: what refers to it and has no name itself, at once in an archive, and in a layout with
//! the next clean-up. Who removes an image removes its bytes.

use ocireg::layout::check::CleanOptions;

use super::kept::{descriptor, image_for};
use super::referrers::BOTH;
use super::*;
use crate::cleaning::Layout;

fn at(manifest: &str) -> String {
    format!("@{}", digest(manifest.as_bytes()))
}

impl Kept {
    /// The image under v1, with a signature that has no name and one of that, and another image under other.
    fn attached(kind: &'static str) -> (Kept, [String; 2]) {
        let (kept, signature) = Kept::signed(kind);
        let second = referrer(&digest(signature.as_bytes()), 2);
        kept.put(&at(&second), &second, json!({})).unwrap();
        kept.untag(":sig").unwrap();
        let other = image_for(&kept, "arm64");
        kept.put(":other", &other, json!({})).unwrap();
        (kept, [signature, second])
    }

    fn has(&self, manifest: &str) -> bool {
        self.has_blob(&digest(manifest.as_bytes()))
    }

    /// After the last name of the image went: it is gone, with all that was attached to it.
    fn is_gone_with(&self, attached: &[String; 2], how: &str) {
        let how = format!("{}: {how}", self.kind);
        if self.kind == "oci" {
            assert!(self.has(MANIFEST), "{how}: until it is cleaned");
            assert!(attached.iter().all(|one| self.entries(one).len() == 1 && self.has(one)), "{how}");
            assert_eq!(self.clean(), 4, "{how}");
            assert_eq!(self.clean(), 0, "{how}");
        }
        assert!(!self.has(MANIFEST), "{how}");
        assert!(!attached.iter().any(|one| self.has(one) || !self.entries(one).is_empty()), "{how}");
        fails(self.digest(&at(MANIFEST)), Code::NotFound, "");
        assert!(self.digest(":other").is_ok(), "{how}");
    }
}

#[test]
fn an_image_goes_with_what_is_attached_to_it() {
    type Taker = fn(&Kept);
    let takers: [(&str, Taker); 5] = [
        ("delete", |kept| kept.delete(&at(MANIFEST)).unwrap()),
        ("delete the tag", |kept| kept.delete(":v1").unwrap()),
        ("untag", |kept| drop(kept.untag(":v1").unwrap())),
        ("tag", |kept| kept.tag(":other", "v1")),
        ("copy", |kept| kept.copy(":other", ":v1")),
    ];
    for kind in BOTH {
        for (how, take) in takers {
            let (kept, attached) = Kept::attached(kind);
            take(&kept);
            kept.is_gone_with(&attached, how);
        }
    }
}

/// A name, an index that stays, and an image without a name that is one of its own.
#[test]
fn what_keeps_an_image_keeps_what_is_attached_to_it() {
    type Keeper = fn(&Kept, &str);
    let keepers: [(&str, Keeper); 4] = [
        ("another name", |kept, _| kept.tag(":v1", "v2")),
        ("an index", |kept, _| {
            let list = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [descriptor(MANIFEST)]});
            kept.put(":list", &list.to_string(), json!({})).unwrap();
        }),
        ("a signature with a name", |kept, signature| kept.tag(&at(signature), "named")),
        ("a name of what refers to the signature", |kept, signature| {
            let third = referrer(&digest(signature.as_bytes()), 3);
            kept.put(":named", &third, json!({})).unwrap();
        }),
    ];
    for kind in BOTH {
        for (how, keep) in keepers {
            let (kept, attached) = Kept::attached(kind);
            keep(&kept, &attached[0]);
            kept.untag(":v1").unwrap();
            for _ in 0..2 {
                assert!(kind == "oci-archive" || kept.clean() == 0, "{how}");
                assert!(attached.iter().all(|one| kept.entries(one).len() == 1), "{kind}: {how}");
                assert!(kept.has(MANIFEST) && attached.iter().all(|one| kept.has(one)), "{kind}: {how}");
            }
            kept.tag(&at(MANIFEST), "v1");
            assert_eq!(kept.referrers(), [digest(attached[0].as_bytes())], "{kind}: {how}");
        }
    }
}

/// As another program writes a whole image, or this one a manifest by its digest.
#[test]
fn an_image_without_a_name_keeps_what_is_attached_to_it() {
    for kind in BOTH {
        let (kept, attached) = Kept::attached(kind);
        kept.untag(":v1").unwrap();
        if kind == "oci-archive" {
            // They have gone with it.
            kept.put_blob(b"{}");
        }
        for one in [&MANIFEST.to_owned()].into_iter().chain(&attached) {
            kept.put(&at(one), one, json!({})).unwrap();
        }
        kept.tag(":other", "third");
        assert!(kind == "oci-archive" || kept.clean() == 0);
        assert!(attached.iter().all(|one| kept.has(one)), "{kind}");
        kept.delete(&at(MANIFEST)).unwrap();
        kept.is_gone_with(&attached, "by its digest");
    }
}

/// Of something in another repository: nobody can tell whether that still is.
#[test]
fn what_refers_to_something_elsewhere_stays() {
    for kind in BOTH {
        let (kept, _) = Kept::attached(kind);
        let about = referrer(&digest(b"elsewhere"), 3);
        let again = referrer(&digest(about.as_bytes()), 4);
        kept.put(":about", &about, json!({})).unwrap();
        kept.put(&at(&again), &again, json!({})).unwrap();
        kept.untag(":about").unwrap();
        kept.delete(&at(MANIFEST)).unwrap();
        assert!(kind == "oci-archive" || kept.clean() == 3 && kept.clean() == 0);
        kept.tag(":other", "third");
        assert!([&about, &again].iter().all(|one| kept.entries(one).len() == 1 && kept.has(one)), "{kind}");
    }
}

/// It may list what something refers to.
#[test]
fn while_a_manifest_is_missing_nothing_goes() {
    let layout = Layout::new(&[]);
    let (image, other) = (layout.image("image"), layout.image("other"));
    let signature = referrer(&crate::cleaning::digest_of(&image), 1);
    let signature = layout.put(MANIFEST_TYPE, signature.as_bytes());
    layout.put("application/vnd.oci.empty.v1+json", b"{}");
    let mut list = layout.index(std::slice::from_ref(&other));
    list["annotations"] = json!({"org.opencontainers.image.ref.name": "list"});
    layout.remove(&other);
    layout.name(&[list, signature]);
    let clean = |prune_sparse| {
        let layout = layout.open();
        ocireg::layout::check::clean(&call(&client()), &layout, &CleanOptions { prune_sparse }).unwrap();
        layout.entries().unwrap().len()
    };
    assert_eq!((clean(false), layout.blobs()), (2, 8));
    assert_eq!((clean(true), layout.blobs()), (1, 1));
}
