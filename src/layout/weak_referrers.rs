//! What refers to another manifest and has no name (a signature, an SBOM) lives with its subject, and its subject not by it: else an
//! image that is signed could never go. It stays while something else keeps the subject, and also if the subject is not there: then
//! nobody can tell what it is of.
//!
//! That ends whatever refers to what: of a ring without a name nothing is reached, so nothing of it is kept.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::index_entry::whole_name;
use super::listed_manifest::ListedManifest;
use super::reachable_blobs::{needed_after, Needed, Shelf};
use crate::digest::Digest;
use crate::error::Result;
use crate::manifest::Descriptor;

/// What all but those keeps whose subject nothing keeps.
#[derive(Debug)]
pub(super) struct KeptImages {
    pub(super) needed: Needed,
    /// Those: entries without a name.
    pub(super) orphans: BTreeSet<Digest>,
}

/// Looks through entries. `stays` says what stays as it is whatever the entries need: a blob that is not there, or one that stays without
/// a name.
pub(super) fn kept_images(
    shelf: &dyn Shelf,
    entries: &[Descriptor],
    stays: &dyn Fn(&Digest) -> bool,
) -> Result<KeptImages> {
    let named: HashSet<&Digest> = entries.iter().filter(|entry| is_named(entry)).map(|entry| &entry.digest).collect();
    let (mut first, mut by_subject) = (Vec::new(), HashMap::<Digest, Vec<Descriptor>>::new());
    for entry in entries {
        shelf.may_go_on()?;
        // What cannot be read, or is damaged, is looked at with what has no subject, which tells that.
        let subject = match named.contains(&entry.digest) {
            true => None,
            false => ListedManifest::of(entry, shelf)?.subject(),
        };
        match subject.filter(|subject| !stays(subject)) {
            Some(subject) => by_subject.entry(subject).or_default().push(entry.clone()),
            None => first.push(entry.clone()),
        }
    }
    let (needed, left) = needed_after(shelf, &first, by_subject)?;
    Ok(KeptImages { needed, orphans: left.into_values().flatten().map(|entry| entry.digest).collect() })
}

/// Takes such entries out, unless they got a name.
pub(super) fn unlist(entries: &mut Vec<Descriptor>, orphans: &BTreeSet<Digest>) {
    entries.retain(|entry| is_named(entry) || !orphans.contains(&entry.digest));
}

fn is_named(entry: &Descriptor) -> bool {
    whole_name(entry).is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::digest::Algorithm;
    use crate::error::{Code, Error};
    use crate::layout::index_entry::REF_NAME;

    #[derive(Default)]
    struct IndexShelf(HashMap<Digest, Vec<u8>>);

    impl Shelf for IndexShelf {
        fn size(&self, digest: &Digest) -> Option<u64> {
            self.0.get(digest).map(|bytes| bytes.len() as u64)
        }

        fn small(&self, digest: &Digest) -> Result<Vec<u8>> {
            self.0.get(digest).cloned().ok_or_else(|| Error::new(Code::MissingBlob, "it is not there"))
        }

        fn may_go_on(&self) -> Result<()> {
            Ok(())
        }
    }

    impl IndexShelf {
        fn put(&mut self, number: usize, children: &[&Descriptor], subject: Option<&Descriptor>) -> Descriptor {
            let media_type = "application/vnd.oci.image.index.v1+json";
            let mut index = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": children,
                                   "annotations": {"number": number.to_string()}});
            if let Some(subject) = subject {
                index["subject"] = json!(subject);
            }
            let bytes = index.to_string().into_bytes();
            let digest = Algorithm::Sha256.digest(&bytes);
            let entry = Descriptor::new(media_type, digest.clone(), bytes.len() as u64);
            self.0.insert(digest, bytes);
            entry
        }

        fn orphans(&self, entries: &[&Descriptor]) -> BTreeSet<Digest> {
            let entries: Vec<Descriptor> = entries.iter().copied().cloned().collect();
            let kept = kept_images(self, &entries, &|digest| self.size(digest).is_none()).unwrap();
            // What is left needs what was found to be needed, and nothing of it is taken the next time.
            let mut left = entries.clone();
            unlist(&mut left, &kept.orphans);
            assert!(kept_images(self, &left, &|digest| self.size(digest).is_none()).unwrap().orphans.is_empty());
            kept.orphans
        }
    }

    fn named(entry: &Descriptor) -> Descriptor {
        Descriptor { annotations: Some([(REF_NAME, "v1")].into_iter().collect()), ..entry.clone() }
    }

    fn set(entries: &[&Descriptor]) -> BTreeSet<Digest> {
        entries.iter().map(|entry| entry.digest.clone()).collect()
    }

    #[test]
    fn they_live_with_their_subjects() {
        let mut blobs = IndexShelf::default();
        let image = blobs.put(0, &[], None);
        let list = blobs.put(1, &[&image], None);
        let signature = blobs.put(2, &[], Some(&image));
        let about = blobs.put(3, &[], Some(&signature));
        let last = blobs.put(4, &[], Some(&about));
        assert_eq!(blobs.orphans(&[&last, &about, &signature]), set(&[&signature, &about, &last]));
        for keeper in [&named(&image), &image, &named(&list), &list, &named(&signature)] {
            for order in [[&last, &about, &signature, keeper], [keeper, &signature, &about, &last]] {
                assert!(blobs.orphans(&order).is_empty());
            }
        }
        // From there on all is kept that refers to it, and its subject.
        assert!(blobs.orphans(&[&last, &named(&about), &signature]).is_empty());
        assert_eq!(blobs.orphans(&[&last, &signature, &named(&list)]), set(&[&last]), "what it is about is not listed");
        blobs.0.remove(&image.digest);
        assert!(blobs.orphans(&[&last, &about, &signature]).is_empty(), "nobody can tell");
    }

    #[test]
    fn what_stays_keeps_what_refers_to_it() {
        let mut blobs = IndexShelf::default();
        let image = blobs.put(0, &[], None);
        let signature = blobs.put(1, &[], Some(&image));
        let kept = kept_images(&blobs, &[signature], &|digest| *digest == image.digest).unwrap();
        assert!(kept.orphans.is_empty());
    }

    /// Their true digests could not refer to each other.
    #[test]
    fn what_is_damaged_is_kept_and_told() {
        let mut blobs = IndexShelf::default();
        let one = blobs.put(1, &[], None);
        let other = blobs.put(2, &[], Some(&one));
        let bytes = json!({"schemaVersion": 2, "mediaType": one.media_type, "manifests": [], "subject": other});
        blobs.0.insert(one.digest.clone(), bytes.to_string().into_bytes());
        let kept = kept_images(&blobs, &[one.clone(), other], &|_| false).unwrap();
        assert!(kept.orphans.is_empty());
        assert_eq!(kept.needed.problems[0].0, one.digest);
    }
}
