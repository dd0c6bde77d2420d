//! The entries of an `index.json`: their names, and how they change when another is added. No I/O.

use std::collections::{HashMap, HashSet};

use serde_json::{json, Value};

pub(crate) use super::index_entry::name_of;
use super::index_entry::{whole_name, IMAGE_NAME, REF_NAME};
use super::names::same_image;
use crate::annotations::Annotations;
use crate::digest::Digest;
use crate::manifest::{Descriptor, Document};
use crate::media_type::OCI_INDEX;
use crate::reference::Reference;
use crate::store::{RawManifest, Role};

/// The entry for a manifest that is put; None when an index that is put names it.
pub(crate) fn entry(content: &RawManifest, role: &Role, name: Option<&str>) -> Option<Descriptor> {
    let mut entry = content.descriptor();
    match role {
        Role::Child => return None,
        // What is put beside what it refers to is not one of the images that a place without a name may mean.
        Role::Root if name.is_none() && content.document.subject().is_some() => {
            entry.artifact_type = content.document.listed().artifact_type;
        }
        Role::Referrer => entry.artifact_type = content.document.listed().artifact_type,
        Role::Root => entry.annotations = name.map(named),
        Role::DigestTag(tag) => entry.annotations = Some(named(tag)),
    }
    Some(entry)
}

/// Adds an entry. Its name is taken from the entry that had it, and an entry without a name is listed once.
pub(crate) fn add(entries: &mut Vec<Descriptor>, entry: Descriptor) {
    match name_of(&entry) {
        Some(name) => entries.retain(|other| !has_name(other, name)),
        None if entries.iter().any(|other| other.digest == entry.digest) => return,
        None => {}
    }
    // An entry with a name replaces the same one without.
    entries.retain(|other| !(other.digest == entry.digest && name_of(other).is_none()));
    entries.push(entry);
}

/// Adds many at once, as [`add`] adds each in turn.
pub(crate) fn add_all(entries: &mut Vec<Descriptor>, new: Vec<Descriptor>) {
    let keys: Vec<Vec<String>> = new.iter().map(|entry| name_of(entry).map(keys_of).unwrap_or_default()).collect();
    let mut last: HashMap<&str, usize> = HashMap::new();
    for (at, keys) in keys.iter().enumerate() {
        last.extend(keys.iter().map(|key| (key.as_str(), at)));
    }
    let named: HashSet<&Digest> =
        new.iter().filter(|entry| name_of(entry).is_some()).map(|entry| &entry.digest).collect();
    entries.retain(|entry| {
        let is_taken = key_of(entry).is_some_and(|key| last.contains_key(key.as_str()));
        !(is_taken || name_of(entry).is_none() && named.contains(&entry.digest))
    });
    let mut known: HashSet<Digest> = entries.iter().map(|entry| &entry.digest).chain(named).cloned().collect();
    let is_last = |at: usize| keys[at].iter().all(|key| last.get(key.as_str()) == Some(&at));
    let kept: Vec<bool> = (0..new.len()).map(is_last).collect();
    for (entry, is_last) in new.into_iter().zip(kept) {
        let is_new = known.insert(entry.digest.clone());
        if is_last && (is_new || name_of(&entry).is_some()) {
            entries.push(entry);
        }
    }
}

/// By what [`has_name`] knows an entry: it has a name if its key is one of those of the name.
pub(crate) fn key_of(entry: &Descriptor) -> Option<String> {
    match entry.annotation(IMAGE_NAME) {
        Some(image) => Some(format!("image {}", canonical(image))),
        None => name_of(entry).map(|name| format!("name {name}")),
    }
}

/// The keys of the entries that have a name.
pub(crate) fn keys_of(name: &str) -> Vec<String> {
    let image = image_name(name).map(|_| format!("image {}", canonical(name)));
    [Some(format!("name {name}")), image].into_iter().flatten().collect()
}

/// The image that an entry is called, however that is spelled; None where that is a tag alone, or nothing.
pub(crate) fn image_key(entry: &Descriptor) -> Option<String> {
    let image = entry.annotation(IMAGE_NAME);
    image.or_else(|| name_of(entry).filter(|name| image_name(name).is_some())).map(canonical)
}

/// The full spelling of an image's name; of what is none, the text itself.
pub(super) fn canonical(image: &str) -> String {
    Reference::parse(image, None).map_or_else(|_| image.to_owned(), |reference| reference.canonical_ref())
}

/// Takes out what an index among the entries lists, if it has no name: it is found by that index, and is not an image of its own. What
/// refers to another manifest stays.
pub(crate) fn take_in(entries: &mut Vec<Descriptor>, index: &Document) {
    if !entries.iter().any(|entry| entry.digest == index.digest) {
        return;
    }
    let listed: HashSet<&Digest> = index.manifests().iter().map(|child| &child.digest).collect();
    let is_nothing_else = |entry: &Descriptor| whole_name(entry).is_none() && entry.artifact_type.is_none();
    entries.retain(|entry| !(is_nothing_else(entry) && listed.contains(&entry.digest)));
}

/// An `index.json` with these entries, of which those that were in it come first and in their order. What else others wrote there, in
/// it and in its entries, stays.
pub(crate) fn written(before: Option<&Document>, entries: &[Descriptor]) -> Value {
    let mut value = match before {
        Some(before) => before.value.clone(),
        None => json!({"schemaVersion": 2, "mediaType": OCI_INDEX}),
    };
    let known = before.map(Document::manifests).unwrap_or_default();
    let raw = value.get_mut("manifests").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
    let mut known = known.iter().zip(raw);
    let one = |entry: &Descriptor| match known.find(|(known, _)| *known == entry) {
        Some((_, raw)) => raw,
        None => serde_json::to_value(entry).unwrap_or_default(),
    };
    value["manifests"] = entries.iter().map(one).collect();
    value
}

/// The entry with a name, as [`add`] finds the one that it takes the name from.
pub(crate) fn find<'a>(entries: &'a [Descriptor], name: Option<&str>) -> Option<&'a Descriptor> {
    entries.iter().find(|entry| name.is_some_and(|name| has_name(entry, name)))
}

/// Whether an entry has this name in either annotation.
pub(crate) fn has_name(entry: &Descriptor, name: &str) -> bool {
    match entry.annotation(IMAGE_NAME) {
        // As containerd and Docker write it: the other annotation is the tag alone.
        Some(image) => same_image(image, name) && image_name(name).is_some(),
        None => name_of(entry) == Some(name),
    }
}

/// The annotations of an entry with this name.
fn named(name: &str) -> Annotations {
    let image = image_name(name);
    [(REF_NAME, name)].into_iter().chain(image.iter().map(|image| (IMAGE_NAME, image.as_str()))).collect()
}

/// The name that containerd and Docker would use; None if the name is only a tag, or has a digest.
pub(crate) fn image_name(name: &str) -> Option<String> {
    if !name.contains(['/', ':']) {
        return None;
    }
    let reference = Reference::parse(name, None).ok().filter(|reference| reference.digest().is_none())?;
    Some(reference.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;

    fn described(content: &str, annotations: Value) -> Descriptor {
        let digest = Algorithm::Sha256.digest(content.as_bytes());
        let entry = json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 1, "digest": digest,
                           "annotations": annotations});
        serde_json::from_value(entry).unwrap()
    }

    fn with(content: &str, name: &str) -> Descriptor {
        described(content, json!(named(name)))
    }

    #[test]
    fn names_of_images_are_written_in_both_annotations() {
        for (name, image) in [
            ("x/y:1", Some("docker.io/x/y:1")),
            ("x:1", Some("docker.io/library/x:1")),
            ("localhost:5000/x", Some("localhost:5000/x:latest")),
            ("ghcr.io/o/x:1", Some("ghcr.io/o/x:1")),
            ("v1", None),
            ("latest", None),
            ("X/y:1", None),
        ] {
            let annotations = named(name);
            assert_eq!(annotations.text(IMAGE_NAME), image, "{name}");
            assert_eq!(annotations.text(REF_NAME), Some(name));
        }
        assert_eq!(image_name(&format!("x@{}", Algorithm::Sha256.digest(b""))), None);
    }

    #[test]
    fn many_are_added_as_one_by_one() {
        let image =
            |content: &str, image: &str, name: &str| described(content, json!({IMAGE_NAME: image, REF_NAME: name}));
        let all = [
            with("a", "x/y:1"),
            image("b", "docker.io/library/alpine:latest", "latest"),
            described("c", json!({})),
            with("c", "v1"),
            with("d", "v1"),
            with("e", "docker.io/x/y:1"),
            described("d", json!({})),
            with("f", "alpine:latest"),
            with("f", "latest"),
            described("g", json!({})),
            image("h", "docker.io/library/alpine:latest", "latest"),
            described("g", json!({})),
        ];
        for at in 0..=all.len() {
            let (mut one_by_one, mut at_once) = (all[..at].to_vec(), all[..at].to_vec());
            all[at..].iter().cloned().for_each(|entry| add(&mut one_by_one, entry));
            add_all(&mut at_once, all[at..].to_vec());
            assert_eq!(one_by_one, at_once, "from {at} on");
        }
        for entry in &all {
            for name in ["x/y:1", "docker.io/x/y:1", "alpine", "alpine:latest", "latest", "v1"] {
                let is_found = key_of(entry).is_some_and(|key| keys_of(name).contains(&key));
                assert_eq!(is_found, has_name(entry, name), "{name} {entry:?}");
            }
        }
    }

    #[test]
    fn a_name_moves_and_others_stay() {
        let mut entries = vec![
            with("a", "x/y:1"),
            with("a", "x/y:2"),
            with("b", "v1"),
            described("c", json!({IMAGE_NAME: "docker.io/library/alpine:latest", REF_NAME: "latest"})),
            described("d", json!({})),
        ];
        let digest = |content: &str| Algorithm::Sha256.digest(content.as_bytes());
        for (new, left) in [
            (with("e", "x/y:1"), "abcde"),
            (with("f", "docker.io/x/y:1"), "abcdf"),
            (with("g", "alpine:latest"), "abdfg"),
            (with("h", "latest"), "abdfgh"),
            (described("j", json!({IMAGE_NAME: "docker.io/library/busybox:latest", REF_NAME: "latest"})), "abdfgj"),
            (with("h", "latest"), "abdfghj"),
            (with("d", "v2"), "abdfghj"),
            (described("d", json!({})), "abdfghj"),
            (described("i", json!({})), "abdfghij"),
        ] {
            add(&mut entries, new);
            let mut found: Vec<_> = entries.iter().map(|entry| entry.digest.clone()).collect();
            let mut wanted: Vec<_> = left.chars().map(|letter| digest(&letter.to_string())).collect();
            found.sort();
            wanted.sort();
            assert_eq!(found, wanted, "{left}");
        }
    }
}
