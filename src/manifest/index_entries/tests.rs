use super::*;

fn digest(name: &str) -> Digest {
    Algorithm::Sha256.digest(name.as_bytes())
}

fn image(name: &str, platform: &str) -> IndexEntry {
    let descriptor = Descriptor::new(types::OCI_MANIFEST, digest(name), 7);
    IndexEntry::new(descriptor).unwrap().on(platform.parse().unwrap()).unwrap()
}

fn attestation(name: &str, of: &str) -> IndexEntry {
    let raw = json!({"mediaType": types::OCI_MANIFEST, "digest": digest(name), "size": 7,
        "annotations": {crate::descriptor::ATTESTED: digest(of), "vnd.docker.reference.type": "attestation-manifest"},
        "platform": {"architecture": "unknown", "os": "unknown"}});
    IndexEntry::written(Descriptor::read(&raw, "manifests").unwrap(), raw)
}

fn names(entries: &[Descriptor]) -> Vec<&'static str> {
    let all = ["a", "b", "c", "of a", "of b", "of c"];
    let name = |entry: &Descriptor| *all.iter().find(|name| digest(name) == entry.digest).unwrap();
    entries.iter().map(name).collect()
}

fn all(changed: &ChangedEntries) -> Vec<&'static str> {
    names(&changed.all.iter().map(|entry| entry.descriptor.clone()).collect::<Vec<_>>())
}

fn before() -> Vec<IndexEntry> {
    vec![image("a", "linux/amd64"), image("b", "linux/arm64"), attestation("of a", "a"), attestation("of b", "b")]
}

#[test]
fn a_digest_has_one_entry_and_a_platform_as_many_as_were_added() {
    let new = || {
        vec![
            image("b", "linux/arm64/v8"),
            image("c", "linux/aarch64"),
            attestation("of c", "c"),
            image("c", "linux/arm64"),
        ]
    };
    let changed = added(before(), new(), false);
    assert_eq!(all(&changed), ["a", "b", "of a", "of b", "c", "of c"]);
    assert_eq!((names(&changed.added), changed.removed.len()), (vec!["c", "of c"], 0));
    let changed = added(before(), new()[1..].to_vec(), true);
    assert_eq!(all(&changed), ["a", "of a", "c", "of c"]);
    assert_eq!((names(&changed.added), names(&changed.removed)), (vec!["c", "of c"], vec!["b", "of b"]));
    // What is there already, or comes again, is not replaced by itself.
    let again = added(changed.all, new()[1..].to_vec(), true);
    assert!(again.added.is_empty() && again.removed.is_empty());
    let both = added(before(), new(), true);
    assert_eq!(all(&both), ["a", "b", "of a", "of b", "c", "of c"]);
}

#[test]
fn many_are_compared_with_many_at_once() {
    let of = |name: &str, count: usize| -> Vec<IndexEntry> {
        (0..count).map(|at| image(&format!("{name}{at}"), &format!("linux/a{at}"))).collect()
    };
    let begun = std::time::Instant::now();
    let changed = added(of("old", 3_000), of("new", 3_000), true);
    assert_eq!((changed.all.len(), changed.removed.len()), (3_000, 3_000));
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn attestations_replace_nothing() {
    let changed = added(before(), vec![attestation("of c", "a")], true);
    assert_eq!((all(&changed).len(), changed.removed.len()), (5, 0));
}

#[test]
fn what_goes_takes_its_attestations_along() {
    let by_digest = removed(before(), &[digest("a")], &[], false).unwrap();
    assert_eq!((all(&by_digest), names(&by_digest.removed)), (vec!["b", "of b"], vec!["a", "of a"]));
    let by_platform = removed(before(), &[], &["linux/aarch64".parse().unwrap()], false).unwrap();
    assert_eq!(all(&by_platform), ["a", "of a"]);
    let bare = removed(before(), &[], &["unknown/unknown".parse().unwrap()], false).unwrap();
    assert_eq!(all(&bare), ["a", "b"]);
    let one = removed(before(), &[digest("of a")], &[], false).unwrap();
    assert_eq!(all(&one), ["a", "b", "of b"]);
    for (digests, platforms) in [(vec![digest("c")], vec![]), (vec![], vec!["linux/386".parse().unwrap()])] {
        assert_eq!(removed(before(), &digests, &platforms, false).unwrap_err().code(), Code::NotFound);
        assert!(removed(before(), &digests, &platforms, true).unwrap().removed.is_empty());
    }
}

#[test]
fn what_others_wrote_stays() {
    let text = format!(
        r#"{{"manifests":[{{"x":[1],"size":7,"digest":"{}","mediaType":"{}"}}],"schemaVersion":2,"y":"<"}}"#,
        digest("a"),
        types::OCI_MANIFEST
    );
    let index = Document::parse(text.as_bytes(), None, Algorithm::Sha256).unwrap();
    let entries = IndexEntry::all(&index);
    assert!(!entries[0].says_platform());
    let same = written(&index, &index.media_type, &entries).unwrap();
    assert_eq!(String::from_utf8(same.bytes).unwrap(), text.replace('<', "\\u003c"));
    let said = entries[0].clone().on("linux/arm64".parse().unwrap()).unwrap();
    let made = written(&index, &index.media_type, &[said]).unwrap();
    let expected = r#","platform":{"architecture":"arm64","os":"linux","variant":"v8"}}]"#;
    assert!(String::from_utf8(made.bytes).unwrap().contains(expected));
}

#[test]
fn a_list_of_dockers_holds_dockers_alone() {
    let docker = IndexEntry::new(Descriptor::new(types::DOCKER_MANIFEST, digest("a"), 7)).unwrap();
    let oci = image("b", "linux/amd64");
    let frame = |parts: &str| super::super::build::build(parts.as_bytes(), Algorithm::Sha256).unwrap().document;
    let (plain, noted) = (frame(r#"{"manifests":[]}"#), frame(r#"{"manifests":[],"annotations":{"a":"b"}}"#));
    assert_eq!(usual_type(&plain, std::slice::from_ref(&docker)), types::DOCKER_LIST);
    assert_eq!(usual_type(&plain, &[docker.clone(), oci.clone()]), types::OCI_INDEX);
    assert_eq!(usual_type(&plain, &[]), types::OCI_INDEX);
    assert_eq!(usual_type(&noted, std::slice::from_ref(&docker)), types::OCI_INDEX);
    let note = [("a".to_owned(), "b".into())].into_iter().collect();
    assert_eq!(usual_type(&plain, &[docker.clone().annotated(&note)]), types::OCI_INDEX);
    let list = written(&plain, types::DOCKER_LIST, std::slice::from_ref(&docker)).unwrap();
    assert_eq!(list.document.media_type, types::DOCKER_LIST);
    let index = written(&list.document, types::OCI_INDEX, &[docker.clone(), oci.clone()]).unwrap();
    assert_eq!(index.document.manifests()[0].media_type, types::DOCKER_MANIFEST);
    for (index, entries) in [(&plain, vec![docker.clone(), oci]), (&noted, vec![docker])] {
        let error = written(index, types::DOCKER_LIST, &entries).unwrap_err();
        assert_eq!(error.code(), Code::InvalidManifest);
        assert!(error.to_json()["hint"].as_str().unwrap().contains("oci"));
    }
    assert_eq!(type_named("oci").unwrap(), types::OCI_INDEX);
    assert_eq!(type_named("other").unwrap_err().code(), Code::InvalidArgument);
}
