//! What refers to an image of a layout, as other programs write it there.

use super::*;

/// As regctl has it, and tools that copy all tags of a registry without the referrers API: an index under a tag that is the digest.
#[test]
fn an_index_named_by_a_digest_lists_what_refers_to_it() {
    let held = Held::filled();
    let subject = digest(MANIFEST.as_bytes());
    let (one, two) = (referrer(&subject, 1), referrer(&subject, 2));
    let stranger = referrer(&digest(b"another"), 3);
    let entry = |content: &str| json!({"mediaType": MANIFEST_TYPE, "digest": digest(content.as_bytes()), "size": content.len()});
    held.put(":one", &one, json!({})).unwrap();
    for content in [&two, &stranger] {
        held.put_blob(content.as_bytes());
    }
    let gone = entry("gone");
    let entries = [entry(&one), entry(&two), entry(&two), entry(&stranger), gone];
    let list = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries}).to_string();
    let tag = subject.as_str().replace(':', "-");
    held.put(&format!(":{tag}"), &list, json!({"allow_missing": true})).unwrap();
    let wanted = [&one, &two].map(|content| digest(content.as_bytes()));
    let listed = |place: &Place| {
        let options = ReferrersOptions::default();
        let found = place::referrers(&held.client, &call(&held.client), place, &options).unwrap();
        assert_eq!(found.referrers[1].artifact_type.as_deref(), Some("application/x.signature"));
        found.referrers.into_iter().map(|entry| entry.digest).collect::<Vec<_>>()
    };
    assert_eq!(listed(&held.place(":v1")), wanted);
    // They are about the image, and no image that a bare name could mean: this one is.
    assert_eq!(held.digest("").unwrap_err().code(), Code::InvalidReference);
    place::delete_tag(&held.client, &call(&held.client), &held.place(":one"), &DeleteTagOptions::default()).unwrap();
    assert_eq!(held.digest("").unwrap(), subject);
    let archive = Place::named(&held.client, &format!("oci-archive:{}:v1", held.path("a.tar"))).unwrap();
    let options = CopyOptions { referrers: true, ..CopyOptions::default() };
    place::copy(&held.client, &call(&held.client), &held.place(":v1"), &archive, &options).unwrap();
    let mut copied = listed(&archive);
    copied.sort();
    assert!(copied.iter().all(|digest| wanted.contains(digest)) && copied.contains(&wanted[1]), "{copied:?}");
}

/// A deletion that leaves the manifest where it is says so.
#[test]
fn what_stays_because_something_with_a_name_refers_to_it_is_told() {
    for kind in ["oci", "oci-archive"] {
        let held = Held::filled();
        let subject = digest(MANIFEST.as_bytes());
        let named = referrer(&subject, 1);
        held.put(":sig", &named, json!({})).unwrap();
        held.put(&format!("@{}", digest(referrer(&subject, 2).as_bytes())), &referrer(&subject, 2), json!({})).unwrap();
        let whole = match kind {
            "oci" => format!("oci:{}", held.path("l")),
            _ => format!("oci-archive:{}", held.path("a.tar")),
        };
        if kind == "oci-archive" {
            for name in ["v1", "sig"] {
                let to = Place::named(&held.client, &format!("{whole}:{name}")).unwrap();
                let options = CopyOptions { referrers: true, ..CopyOptions::default() };
                let from = held.place(&format!(":{name}"));
                place::copy(&held.client, &call(&held.client), &from, &to, &options).unwrap();
            }
        }
        let delete = |digest: &Digest| {
            let (context, call) = with_context(&held.client);
            let place = Place::named(&held.client, &format!("{whole}@{digest}")).unwrap();
            place::delete_manifest(&held.client, &call, &place, &DeleteOptions::default()).unwrap();
            context.warnings().iter().map(|warning| warning.text.clone()).collect::<Vec<_>>()
        };
        let told = delete(&subject);
        assert!(told.len() == 1 && told[0].starts_with(&format!("{subject} is not listed any more, but")), "{told:?}");
        // What refers to it without a name keeps nothing.
        assert_eq!(delete(&digest(named.as_bytes())), [""; 0], "{kind}");
    }
}
