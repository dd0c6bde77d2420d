//! Indexes with several names and with annotations, put under another name than the one they are made of, and only rehearsed.

use std::fs;

use ocireg::error::Code;
use serde_json::{json, Value};

use crate::common::*;
use crate::indexes::*;
use crate::registry::*;
use crate::shelf::*;

fn place(shelf: &Shelf, tag: &str) -> String {
    format!("{}/a/b:{tag}", shelf.host())
}

fn bytes(shelf: &Shelf, name: &str) -> String {
    let manifests = shelf.registry.manifests.lock().unwrap();
    String::from_utf8(manifests.stored[manifests.tags.get(name).unwrap()].1.clone()).unwrap()
}

#[test]
fn a_rehearsal_has_the_bytes_that_would_be_put_and_changes_nothing() {
    let (from, to) = (Shelf::start(Abilities::default()), Shelf::start(Abilities::default()));
    let (client, folder) = (client(), tempfile::tempdir().unwrap());
    let names = references(&from, &["amd64", "arm64"]);
    let layout = format!("oci:{}:t", folder.path().join("l").display());
    let archive = format!("oci-archive:{}:t", folder.path().join("x.tar").display());
    for at in [place(&to, "t"), layout, archive] {
        let _ = to.writes();
        let mut options = json!({"references": names, "dry_run": true, "tags": ["u"]});
        let rehearsed = create(&client, &at, options.clone()).unwrap();
        assert_eq!((to.writes().len(), fs::read_dir(folder.path()).unwrap().count()), (0, 0), "{at}");
        let text = rehearsed["manifest"].as_str().unwrap();
        assert_eq!(rehearsed["digest"], json!(digest(text.as_bytes())));
        assert_eq!((&rehearsed["tags"], &rehearsed["copied"]["blobs"]["copied"]), (&json!(["u"]), &json!(4)));
        options["dry_run"] = json!(false);
        options["tags"] = json!([]);
        let made = create(&client, &at, options).unwrap();
        assert_eq!(
            (&made["digest"], &made["manifest"], &made["size"]),
            (&rehearsed["digest"], &Value::Null, &json!(text.len()))
        );
        // Changes are rehearsed too, each once, and without waiting whether they last.
        let _ = to.writes();
        let more = references(&from, &["s390x"]);
        let added = append(&client, &at, json!({"references": more, "dry_run": true})).unwrap();
        let gone = remove(&client, &at, json!({"platform": ["linux/amd64"], "dry_run": true})).unwrap();
        assert_eq!((added["attempts"].as_u64(), gone["attempts"].as_u64(), to.writes().len()), (Some(1), Some(1), 0));
        for (change, wanted) in [(&added, 3), (&gone, 1)] {
            assert_eq!((change["manifests"].as_array().unwrap().len(), &change["before"]), (wanted, &made["digest"]));
            assert_eq!(change["digest"], json!(digest(change["manifest"].as_str().unwrap().as_bytes())));
        }
        let real = append(&client, &at, json!({"references": more})).unwrap();
        assert_eq!((&real["digest"], &real["before"]), (&added["digest"], &made["digest"]));
        let same = append(&client, &at, json!({"references": more, "dry_run": true})).unwrap();
        assert_eq!((&same["manifest"], same["added"].as_array().unwrap().len()), (&added["manifest"], 0));
        if at.contains("oci") {
            fs::remove_dir_all(folder.path().join("l")).ok();
            fs::remove_file(folder.path().join("x.tar")).ok();
        }
    }
    assert_eq!(to.tag("u"), None);
}

#[test]
fn an_index_gets_several_names_or_none() {
    let (from, to) = (Shelf::start(Abilities::default()), Shelf::start(Abilities::default()));
    let client = client();
    let names = references(&from, &["amd64", "arm64"]);
    let tags = json!(["t", "u", "v", "u"]);
    let made = create(&client, &place(&to, "t"), json!({"references": names, "tags": tags})).unwrap();
    assert_eq!(made["tags"], json!(["u", "v"]));
    assert!(["t", "u", "v"].iter().all(|tag| to.tag(tag).as_deref() == made["digest"].as_str()));
    let _ = to.writes();
    let more = references(&from, &["s390x"]);
    let options = |how: &str| json!({"references": more, "tags": ["w", "v"], "if_exists": how});
    fails(create(&client, &place(&to, "x"), options("fail")), Code::DigestMismatch, "'v' refers to");
    assert_eq!(to.writes().len(), 0, "one that is there is known before anything is written");
    let some = create(&client, &place(&to, "x"), options("skip")).unwrap();
    assert_eq!((&some["tags"], &some["skipped"]), (&json!(["w"]), &json!(["v"])));
    assert_eq!((to.tag("x"), to.tag("v").as_deref()), (to.tag("w"), made["digest"].as_str()));
    let grown = append(&client, &place(&to, "t"), json!({"references": more, "tags": ["u"]})).unwrap();
    assert_eq!((to.tag("t"), to.tag("u").as_deref()), (to.tag("u"), grown["digest"].as_str()));
    // Also when there is nothing to be changed.
    append(&client, &place(&to, "t"), json!({"references": more, "tags": ["later"]})).unwrap();
    assert_eq!(to.tag("later"), to.tag("t"));
    let folder = tempfile::tempdir().unwrap();
    let path = |kind: &str, name: &str| format!("{kind}:{}{name}", folder.path().join(kind).display());
    for kind in ["oci", "oci-archive"] {
        let made = create(&client, &path(kind, ":t"), json!({"references": names, "tags": ["u"]})).unwrap();
        assert_eq!(made["tags"], json!(["u"]));
        let copied = create(&client, &place(&to, kind), json!({"references": [path(kind, ":u")]})).unwrap();
        assert_eq!(copied["digest"], made["digest"]);
    }
    fails(
        create(&client, &path("dir", ""), json!({"references": names, "tags": ["u"]})),
        Code::InvalidArgument,
        "no other names",
    );
}

#[test]
fn an_index_is_changed_under_another_name() {
    let (from, to) = (Shelf::start(Abilities::default()), Shelf::start(Abilities::default()));
    let (client, folder) = (client(), tempfile::tempdir().unwrap());
    let path = |kind: &str, name: &str| format!("{kind}:{}:{name}", folder.path().join(kind).display());
    for at in [place(&to, "base"), path("oci", "base"), path("oci-archive", "base")] {
        let base = create(&client, &at, json!({"references": references(&from, &["amd64"])})).unwrap();
        let options = json!({"references": references(&from, &["arm64"]), "put_as": "new", "annotations": ["a=b"]});
        let new = append(&client, &at, options.clone()).unwrap();
        let named =
            |name: &str| create(&client, &place(&to, "look"), json!({"references": [at.replace(":base", name)]}));
        assert_eq!((&new["before"], new["manifests"].as_array().unwrap().len()), (&base["digest"], 2), "{at}");
        assert_eq!(named(":base").unwrap()["manifests"].as_array().unwrap().len(), 1);
        assert_eq!(named(":new").unwrap()["manifests"].as_array().unwrap().len(), 2);
        // Whatever it refers to, and though nothing is added.
        let again = append(&client, &at, options).unwrap();
        assert_eq!(again["digest"], new["digest"]);
        let same = append(&client, &at, json!({"references": references(&from, &["amd64"]), "put_as": "new"})).unwrap();
        assert_eq!(same["digest"], base["digest"]);
        assert_eq!(named(":new").unwrap()["manifests"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn annotations_are_added_to_what_is_there() {
    let to = Shelf::start(Abilities::default());
    let client = client();
    attested(&to, "all", &["amd64", "arm64"]);
    let options =
        json!({"references": [place(&to, "all")], "annotations": ["b=1", "c=2"], "entry_annotations": ["mine=<1>"]});
    let made = create(&client, &place(&to, "t"), options).unwrap();
    for entry in made["manifests"].as_array().unwrap() {
        let attests = entry["platform"]["os"] == "unknown";
        assert_eq!(entry["annotations"]["mine"] == "<1>", !attests, "{entry}");
        assert_eq!(entry["annotations"]["vnd.docker.reference.digest"].is_string(), attests);
    }
    let more = json!({"references": references(&to, &["s390x"]), "annotations": ["a=0", "b=3"], "entry_annotations": ["other=2"]});
    append(&client, &place(&to, "t"), more).unwrap();
    let now = to.registry.json("t").unwrap();
    assert_eq!(now["annotations"].to_string(), r#"{"a":"0","b":"3","c":"2"}"#);
    assert!(bytes(&to, "t").contains(r#""mine":"\u003c1\u003e""#));
    let entries = now["manifests"].as_array().unwrap();
    assert_eq!(
        (&entries[0]["annotations"], &entries[4]["annotations"]),
        (&json!({"mine": "<1>"}), &json!({"other": "2"}))
    );
    // Annotations alone are a change, and the same again is none.
    let options = json!({"references": references(&to, &["s390x"]), "annotations": ["d=4"]});
    let changed = append(&client, &place(&to, "t"), options.clone()).unwrap();
    assert_eq!((changed["added"].as_array().unwrap().len(), changed["digest"] != changed["before"]), (0, true));
    let _ = to.writes();
    append(&client, &place(&to, "t"), options).unwrap();
    assert_eq!(to.writes().len(), 0);
    for wrong in ["annotations", "entry_annotations"] {
        let mut options = json!({"references": references(&to, &["s390x"])});
        options[wrong] = json!(["x"]);
        fails(append(&client, &place(&to, "t"), options), Code::InvalidArgument, "is not KEY=VALUE");
    }
}

#[test]
fn an_image_is_no_index_and_the_error_says_how_it_becomes_one() {
    let to = Shelf::start(Abilities::default());
    let client = client();
    let names = references(&to, &["amd64", "arm64"]);
    let image = to.image("amd64")["digest"].as_str().unwrap().to_owned();
    to.registry.manifests.lock().unwrap().tags.insert("t".to_owned(), image.clone());
    let error = fails(
        append(&client, &place(&to, "t"), json!({"references": names[1..]})),
        Code::Unsupported,
        "is not an index",
    );
    assert!(error.hint().unwrap().contains("create an index of it"), "{error}");
    // As it says.
    let made = create(&client, &place(&to, "t"), json!({"references": [place(&to, "t"), names[1]]})).unwrap();
    assert_eq!(
        (architectures(&made), to.tag("t") == Some(image)),
        (vec!["amd64".to_owned(), "arm64".to_owned()], false)
    );
}
