//! What a change of names leaves in an `index.json` without a name. What refers to another manifest is found by that, and stays: in a
//! registry too a tag that moves or goes takes no manifest along.

use std::collections::HashSet;

use super::index_entry::{IMAGE_NAME, REF_NAME};
use super::listed_manifest::ListedManifest;
use super::reachable_blobs::Shelf;
use crate::digest::Digest;
use crate::error::Result;
use crate::manifest::{Descriptor, Document};

/// Lists what was listed, is not any more, and refers to another manifest: once, at the end, and without a name.
pub(super) fn keep<'a>(
    before: impl IntoIterator<Item = &'a Descriptor>,
    entries: &mut Vec<Descriptor>,
    shelf: &dyn Shelf,
) -> Result<()> {
    let gone: Vec<&Descriptor> = {
        let mut listed: HashSet<&Digest> = entries.iter().map(|entry| &entry.digest).collect();
        before.into_iter().filter(|entry| listed.insert(&entry.digest)).collect()
    };
    for entry in gone {
        shelf.may_go_on()?;
        entries.extend(without_name(entry, shelf)?);
    }
    Ok(())
}

/// An entry without its name; None if its manifest refers to no other. One that cannot be read now may refer to another.
fn without_name(entry: &Descriptor, shelf: &dyn Shelf) -> Result<Option<Descriptor>> {
    let mut unnamed = entry.clone();
    unnamed.annotations = entry.annotations.as_ref().and_then(|all| all.without(&[REF_NAME, IMAGE_NAME]));
    let found = ListedManifest::of(entry, shelf)?;
    match &found {
        ListedManifest::Unreadable => Ok(Some(unnamed)),
        ListedManifest::Read(bytes, _) if found.subject().is_some() => {
            // As it is listed when it is attached, whatever kind of manifest its writer takes it for.
            let media_type = Some(entry.media_type.as_str()).filter(|name| !name.is_empty());
            if let Ok(document) = Document::parse(bytes, media_type, entry.digest.algorithm()) {
                unnamed.artifact_type = document.listed().artifact_type;
                (unnamed.media_type, unnamed.size) = (document.media_type, document.size);
            }
            Ok(Some(unnamed))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::{json, Value};

    use super::*;
    use crate::digest::Algorithm;
    use crate::error::{Code, Error};
    use crate::manifest::MOST_BYTES;

    /// Blobs by their digests, or why they cannot be read.
    struct Blobs(HashMap<Digest, std::result::Result<Vec<u8>, Code>>);

    impl Shelf for Blobs {
        fn size(&self, digest: &Digest) -> Option<u64> {
            // Whatever cannot be read cannot be measured either.
            self.0.get(digest)?.as_ref().ok().map(|found| found.len() as u64)
        }

        fn small(&self, digest: &Digest) -> Result<Vec<u8>> {
            self.0[digest].clone().map_err(|code| Error::new(code, "it cannot be read"))
        }

        fn may_go_on(&self) -> Result<()> {
            Ok(())
        }
    }

    fn entry(bytes: &[u8], media_type: &str, annotations: Value) -> Descriptor {
        let digest = Algorithm::Sha256.digest(bytes);
        let entry = json!({"mediaType": media_type, "size": bytes.len(), "digest": digest, "annotations": annotations});
        serde_json::from_value(entry).unwrap()
    }

    fn manifest(media_type: &str, artifact_type: Option<&str>) -> Vec<u8> {
        let empty = json!({"mediaType": "application/vnd.oci.empty.v1+json", "digest": Algorithm::Sha256.digest(b"{}"), "size": 2});
        json!({"schemaVersion": 2, "mediaType": media_type, "artifactType": artifact_type, "config": empty, "layers": [],
               "subject": empty})
        .to_string()
        .into_bytes()
    }

    const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

    fn kept(before: &[Descriptor], content: std::result::Result<&[u8], Code>) -> Result<Vec<Descriptor>> {
        let blobs = before.iter().map(|entry| (entry.digest.clone(), content.map(<[u8]>::to_vec)));
        let mut entries = Vec::new();
        keep(before, &mut entries, &Blobs(blobs.collect())).map(|()| entries)
    }

    #[test]
    fn only_the_name_goes() {
        let sig = manifest(MANIFEST, Some("a/sig"));
        let named =
            |name: &str| entry(&sig, MANIFEST, json!({REF_NAME: name, IMAGE_NAME: "docker.io/a/b:1", "x": "y"}));
        let mut wanted = entry(&sig, MANIFEST, json!({"x": "y"}));
        wanted.artifact_type = Some("a/sig".to_owned());
        assert_eq!(kept(&[named("1"), named("2")], Ok(&sig)).unwrap(), [wanted]);
        let only = kept(&[entry(&sig, MANIFEST, json!({REF_NAME: "1"}))], Ok(&sig)).unwrap();
        assert!(only.len() == 1 && only[0].annotations.is_none());
        let by_config = manifest(MANIFEST, None);
        let found = kept(&[entry(&by_config, MANIFEST, json!({}))], Ok(&by_config)).unwrap();
        assert_eq!(found[0].artifact_type.as_deref(), Some("application/vnd.oci.empty.v1+json"));
        // A kind that is not known yet may be about another as well.
        let new = manifest("application/vnd.new+json", None);
        assert_eq!(
            kept(&[entry(&new, "application/vnd.new+json", json!({REF_NAME: "1"}))], Ok(&new)).unwrap().len(),
            1
        );
    }

    #[test]
    fn what_is_still_listed_is_not_read() {
        let sig = manifest(MANIFEST, None);
        let (first, second) =
            (entry(&sig, MANIFEST, json!({REF_NAME: "1"})), entry(&sig, MANIFEST, json!({REF_NAME: "2"})));
        let mut entries = vec![second.clone()];
        keep(&[first], &mut entries, &Blobs(HashMap::new())).unwrap();
        assert_eq!(entries, [second]);
    }

    #[test]
    fn what_could_refer_to_nothing_goes() {
        let sig = manifest(MANIFEST, None);
        let named = [entry(&sig, MANIFEST, json!({REF_NAME: "1"}))];
        let plain = br#"{"schemaVersion":2,"subject":null}"#;
        for content in [&b"{}"[..], b"text", &sig[1..], &vec![b' '; MOST_BYTES as usize + 1]] {
            assert!(kept(&named, Ok(content)).unwrap().is_empty());
        }
        assert!(kept(&[entry(plain, MANIFEST, json!({}))], Ok(plain)).unwrap().is_empty());
        for code in [Code::NotFound, Code::MissingBlob, Code::LimitExceeded] {
            assert!(kept(&named, Err(code)).unwrap().is_empty());
        }
        for code in [Code::Io, Code::Unsupported] {
            assert_eq!(kept(&named, Err(code)).unwrap().len(), 1, "nobody knows");
        }
        assert_eq!(kept(&named, Err(Code::Cancelled)).unwrap_err().code(), Code::Cancelled);
    }
}
