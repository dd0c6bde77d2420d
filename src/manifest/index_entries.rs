//! The entries of an index (OCI image-spec image-index.md), added and taken away. What others wrote into an index and its entries stays
//! as it is, and so do its bytes as far as nothing changes.
//!
//! What attests something about an image is an entry of its own beside it, for the platform unknown/unknown, with the image's digest as
//! an annotation (buildkit, docs/attestations/attestation-storage.md): it comes and goes with the image.

use std::collections::HashSet;

use serde_json::{json, Value};

use super::build::{check_kinds, refuse_for_docker, settle, written_like_go, BuiltManifest};
use super::{Descriptor, Document, MOST_BYTES};
use crate::descriptor::invalid;
use crate::digest::{Algorithm, Digest};
use crate::error::{Code, Error, Result};
use crate::media_type as types;
use crate::platform::Platform;
use crate::text::shorten;

/// The annotation of an attestation with the digest of what it is about.
pub(crate) const ATTESTED: &str = "vnd.docker.reference.digest";

/// An entry of an index.
#[derive(Debug, Clone)]
pub struct IndexEntry {
    /// What it says.
    pub descriptor: Descriptor,
    /// The same with all members, as it was written.
    raw: Value,
}

/// The entries of an index after a change, and the change.
#[derive(Debug, Clone, Default)]
pub struct ChangedEntries {
    /// All that are there now.
    pub all: Vec<IndexEntry>,
    /// Those that are new.
    pub added: Vec<Descriptor>,
    /// Those that have gone.
    pub removed: Vec<Descriptor>,
}

impl IndexEntry {
    /// A new entry, with its members in the order of Go's programs.
    pub fn new(descriptor: Descriptor) -> Result<IndexEntry> {
        let mut raw = json!(descriptor);
        settle(&mut raw, "manifests")?;
        Ok(IndexEntry { descriptor, raw })
    }

    /// An entry as it stands in another index.
    pub fn written(descriptor: Descriptor, raw: Value) -> IndexEntry {
        IndexEntry { descriptor, raw }
    }

    /// The entries of an index, in their order.
    pub fn all(index: &Document) -> Vec<IndexEntry> {
        let raw = index.value.get("manifests").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let both = index.manifests().iter().zip(raw);
        both.map(|(entry, raw)| IndexEntry { descriptor: entry.clone(), raw: raw.clone() }).collect()
    }

    /// All that it says.
    pub fn into_raw(self) -> Value {
        self.raw
    }

    /// Whether it says what it runs on.
    pub fn says_platform(&self) -> bool {
        self.descriptor.platform.as_ref().is_some_and(|platform| platform.is_complete())
    }

    /// The same entry for a platform that it did not say.
    pub fn on(mut self, platform: Platform) -> Result<IndexEntry> {
        let mut ordered = json!({"mediaType": types::OCI_MANIFEST, "digest": self.descriptor.digest, "size": 0,
                                 "platform": platform});
        settle(&mut ordered, "manifests")?;
        self.raw["platform"] = ordered["platform"].take();
        self.descriptor.platform = Some(Box::new(platform));
        Ok(self)
    }

    /// What it attests something about.
    pub fn attests(&self) -> Option<&str> {
        self.descriptor.annotation(ATTESTED)
    }

    /// The platform of an image that can be run.
    fn runs_on(&self) -> Option<&Platform> {
        let platform = self.descriptor.platform.as_deref();
        platform.filter(|platform| platform.is_complete() && !platform.is_unknown() && self.attests().is_none())
    }
}

/// Adds entries behind those that are there. A digest has one entry, the first. Two images for one platform are two entries, as all other
/// tools have it; with `replace` the new ones take the place of those that were there before, and of what attests something about those.
pub fn added(before: Vec<IndexEntry>, new: Vec<IndexEntry>, replace: bool) -> ChangedEntries {
    let coming: HashSet<Digest> = new.iter().map(|entry| entry.descriptor.digest.clone()).collect();
    let is_replaced = |old: &IndexEntry| {
        let same = |new: &IndexEntry| new.runs_on().zip(old.runs_on()).is_some_and(|(new, old)| new.is_same(old));
        replace && !coming.contains(&old.descriptor.digest) && new.iter().any(same)
    };
    let gone = before.iter().filter(|old| is_replaced(old)).map(|old| old.descriptor.digest.clone()).collect();
    let mut changed = without(before, &gone, &coming);
    let mut there: HashSet<Digest> = changed.all.iter().map(|entry| entry.descriptor.digest.clone()).collect();
    for entry in new {
        if there.insert(entry.descriptor.digest.clone()) {
            changed.added.push(entry.descriptor.clone());
            changed.all.push(entry);
        }
    }
    changed
}

/// Takes entries away, by their digests and by the platforms that they say, with what attests something about them. What is not there
/// cannot be taken away.
pub fn removed(before: Vec<IndexEntry>, digests: &[Digest], platforms: &[Platform]) -> Result<ChangedEntries> {
    let mut gone: HashSet<Digest> = HashSet::new();
    for digest in digests {
        if !before.iter().any(|entry| entry.descriptor.digest == *digest) {
            return Err(Error::new(Code::NotFound, format!("the index has no entry {digest}")));
        }
        gone.insert(digest.clone());
    }
    for platform in platforms {
        let is_for = |entry: &&IndexEntry| entry.descriptor.platform.as_ref().is_some_and(|said| platform.names(said));
        let of_it: Vec<Digest> = before.iter().filter(is_for).map(|entry| entry.descriptor.digest.clone()).collect();
        if of_it.is_empty() {
            return Err(Error::new(Code::NotFound, format!("the index has no entry for {platform}")));
        }
        gone.extend(of_it);
    }
    Ok(without(before, &gone, &HashSet::new()))
}

/// Takes away what is gone, and what attests something about that, unless it is to stay.
fn without(before: Vec<IndexEntry>, gone: &HashSet<Digest>, stays: &HashSet<Digest>) -> ChangedEntries {
    let names: HashSet<&str> = gone.iter().map(Digest::as_str).collect();
    let (mut changed, before_it) = (ChangedEntries::default(), before);
    for entry in before_it {
        let attests = entry.attests().is_some_and(|of| names.contains(of));
        match gone.contains(&entry.descriptor.digest) || attests && !stays.contains(&entry.descriptor.digest) {
            true => changed.removed.push(entry.descriptor),
            false => changed.all.push(entry),
        }
    }
    changed
}

/// The type that an index of these entries has when nobody chooses: Docker's, if all of them are Docker's.
pub fn usual_type(entries: &[IndexEntry]) -> &'static str {
    let is_docker = |entry: &IndexEntry| {
        matches!(entry.descriptor.media_type.as_str(), types::DOCKER_MANIFEST | types::DOCKER_LIST)
    };
    match !entries.is_empty() && entries.iter().all(is_docker) {
        true => types::DOCKER_LIST,
        false => types::OCI_INDEX,
    }
}

/// The index with these entries, and of this type, which is its own: its entries keep theirs. Everything else is as in `index`.
pub fn written(index: &Document, media_type: &str, entries: &[IndexEntry]) -> Result<BuiltManifest> {
    let mut value = index.value.clone();
    let Some(members) = value.as_object_mut() else { return Err(invalid("the index is not a JSON object")) };
    members.insert("manifests".to_owned(), entries.iter().map(|entry| entry.raw.clone()).collect());
    if media_type != index.media_type {
        members.insert("mediaType".to_owned(), media_type.into());
    }
    let fits = refuse_for_docker(members, media_type).and_then(|()| check_kinds(members, media_type));
    fits.map_err(|error| error.with_hint("an OCI index may list both: media_type \"oci\""))?;
    let bytes = written_like_go(&value)?;
    if bytes.len() as u64 > MOST_BYTES {
        let message = format!("the index would have {} bytes, more than {MOST_BYTES}", bytes.len());
        return Err(Error::new(Code::LimitExceeded, message));
    }
    let document = Document::parse(&bytes, Some(media_type), Algorithm::Sha256)?;
    Ok(BuiltManifest { bytes, document })
}

/// The media type of an index by its short name.
pub fn type_named(name: &str) -> Result<&'static str> {
    match name {
        "oci" | types::OCI_INDEX => Ok(types::OCI_INDEX),
        "docker" | types::DOCKER_LIST => Ok(types::DOCKER_LIST),
        other => {
            let message = format!("the option media_type is '{}', not \"oci\" or \"docker\"", shorten(other));
            Err(Error::new(Code::InvalidArgument, message))
        }
    }
}

#[cfg(test)]
mod tests {
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
            "annotations": {ATTESTED: digest(of), "vnd.docker.reference.type": "attestation-manifest"},
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
    fn attestations_replace_nothing() {
        let changed = added(before(), vec![attestation("of c", "a")], true);
        assert_eq!((all(&changed).len(), changed.removed.len()), (5, 0));
    }

    #[test]
    fn what_goes_takes_its_attestations_along() {
        let by_digest = removed(before(), &[digest("a")], &[]).unwrap();
        assert_eq!((all(&by_digest), names(&by_digest.removed)), (vec!["b", "of b"], vec!["a", "of a"]));
        let by_platform = removed(before(), &[], &["linux/aarch64".parse().unwrap()]).unwrap();
        assert_eq!(all(&by_platform), ["a", "of a"]);
        let bare = removed(before(), &[], &["unknown/unknown".parse().unwrap()]).unwrap();
        assert_eq!(all(&bare), ["a", "b"]);
        let one = removed(before(), &[digest("of a")], &[]).unwrap();
        assert_eq!(all(&one), ["a", "b", "of b"]);
        for (digests, platforms) in [(vec![digest("c")], vec![]), (vec![], vec!["linux/386".parse().unwrap()])] {
            assert_eq!(removed(before(), &digests, &platforms).unwrap_err().code(), Code::NotFound);
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
        assert_eq!(usual_type(std::slice::from_ref(&docker)), types::DOCKER_LIST);
        assert_eq!(usual_type(&[docker.clone(), oci.clone()]), types::OCI_INDEX);
        assert_eq!(usual_type(&[]), types::OCI_INDEX);
        let frame = |parts: &str| super::super::build::build(parts.as_bytes(), Algorithm::Sha256).unwrap().document;
        let (plain, noted) = (frame(r#"{"manifests":[]}"#), frame(r#"{"manifests":[],"annotations":{"a":"b"}}"#));
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
}
