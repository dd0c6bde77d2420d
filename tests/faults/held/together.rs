//! What belongs together in a layout is there together, or not at all: a layout and its index, several names, a name and what it means.

use super::*;
use ocireg::layout::oci::OciLayout;
use ocireg::store::WriteStore;

/// A process may be killed after any call to the store.
#[test]
fn a_layout_that_was_only_begun_is_an_empty_one() {
    let held = Held::new();
    let begun = OciLayout::planned(Path::new(&held.path("l")), Some("v1")).unwrap();
    begun.begin(&call(&held.client)).unwrap();
    drop(begun);
    let index: Value = serde_json::from_slice(&std::fs::read(held.path("l/index.json")).unwrap()).unwrap();
    assert_eq!((&index["schemaVersion"], &index["manifests"]), (&json!(2), &json!([])));
    // A process that creates it at the same moment removes nothing.
    std::fs::remove_file(held.path("l/oci-layout")).unwrap();
    std::fs::write(held.path("l/index.json"), r#"{"schemaVersion":2,"manifests":[],"annotations":{"mine":"yes"}}"#)
        .unwrap();
    assert!(held.put_blob(b"{}"));
    assert!(std::fs::read_to_string(held.path("l/index.json")).unwrap().contains("mine"));
    assert!(is_clean(Path::new(&held.path("l"))));
}

/// Of two writers that want a name in common one gets all of its names, and the other none.
#[test]
fn several_names_are_set_together_or_not_at_all() {
    let held = Held::filled();
    let other = MANIFEST.replace("\"layers\":[]", "\"layers\":[],\"annotations\":{\"a\":\"b\"}");
    for round in 0..40 {
        let names = ["a", "b", "c"].map(|name| format!("{name}-{round}"));
        let put = |manifest: &str, names: [&str; 2]| {
            held.put(&format!(":{}", names[0]), manifest, json!({"tags": [names[1]], "if_exists": "fail"}))
        };
        let (one, two) = std::thread::scope(|scope| {
            let one = scope.spawn(|| put(MANIFEST, [&names[0], &names[1]]));
            let two = put(&other, [&names[2], &names[1]]);
            (one.join().unwrap(), two)
        });
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        let there = names.iter().filter(|name| held.digest(&format!(":{name}")).is_ok()).count();
        assert_eq!(there, 2, "{one:?} {two:?}");
        let refused = one.and(two).unwrap_err();
        assert_eq!(refused.code(), Code::DigestMismatch, "{refused}");
    }
}

#[test]
fn what_no_name_leads_to_any_more_is_not_said_to_be_kept() {
    let held = Held::filled();
    held.tag(":v1", "v2").unwrap();
    let untag = |rest: &str| {
        place::delete_tag(&held.client, &call(&held.client), &held.place(rest), &DeleteTagOptions::default())
            .unwrap()
            .manifest
    };
    assert_eq!(untag(":v1"), ManifestFate::Kept);
    let pinned = format!("@{}", digest(MANIFEST.as_bytes()));
    assert_eq!(untag(":v2"), ManifestFate::Unnamed);
    fails(held.digest(&pinned), Code::NotFound, "no image");
    // What an index lists is found by that.
    held.put(":v1", MANIFEST, json!({})).unwrap();
    let child = json!({"mediaType": MANIFEST_TYPE, "digest": digest(MANIFEST.as_bytes()), "size": MANIFEST.len()});
    let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [child]}).to_string();
    held.put(":i", &index, json!({})).unwrap();
    assert_eq!(untag(":v1"), ManifestFate::Kept);
    assert!(held.digest(&pinned).is_ok());
}

/// An earlier version had the algorithm in the names of files.
#[test]
fn an_old_directory_has_what_it_delivers() {
    let held = Held::new();
    let dir = Place::named(&held.client, &format!("dir:{}", held.path("d"))).unwrap();
    let put = |manifest: &str| {
        place::put_manifest(&held.client, &call(&held.client), &dir, manifest.as_bytes(), &PutOptions::default())
    };
    place::put_blob(&held.client, &call(&held.client), &dir, b"{}", &Default::default()).unwrap();
    let (new, old) = (held.path(&format!("d/{}", digest(b"{}").hex())), held.path(&format!("d/{}", digest(b"{}"))));
    std::fs::rename(&new, &old).unwrap();
    put(MANIFEST).unwrap();
    std::fs::remove_file(&old).unwrap();
    // What is not a file is not there, whatever its size.
    std::fs::create_dir(&new).unwrap();
    fails(put(MANIFEST), Code::MissingBlob, digest(b"{}").as_str());
}
