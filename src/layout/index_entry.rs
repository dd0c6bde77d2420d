//! The entries of `index.json`: their names, and what they are.

use crate::digest::Digest;
use crate::manifest::Descriptor;
use crate::store::{digest_tags, is_digest_tag, is_referrers_tag, NamedImage};

/// The annotation that names an entry of `index.json`.
pub(crate) const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The annotation by which containerd and Docker name an image.
pub(crate) const IMAGE_NAME: &str = "io.containerd.image.name";

/// The entries that do not describe others, unless all do: what a layout without a name refers to.
pub(crate) fn images(entries: Vec<Descriptor>) -> Vec<Descriptor> {
    let is_about_another = |name: &str| is_digest_tag(name) || is_referrers_tag(name);
    let is_image = |entry: &&Descriptor| entry.artifact_type.is_none() && !name_of(entry).is_some_and(is_about_another);
    match entries.iter().filter(is_image).cloned().collect::<Vec<_>>() {
        none if none.is_empty() => entries,
        images => images,
    }
}

/// The entries of an index under the digest tags of a manifest.
pub(crate) fn tagged(entries: &[Descriptor], subject: &Digest) -> Vec<(String, Descriptor)> {
    let tags = digest_tags(subject).into_iter();
    let find = |tag: &String| entries.iter().find(|entry| name_of(entry) == Some(tag)).cloned();
    tags.filter_map(|tag| find(&tag).map(|entry| (tag, entry))).collect()
}

/// An entry with its names, that by which containerd and Docker know the image last.
pub(crate) fn named(entry: Descriptor) -> NamedImage {
    let both = [name_of(&entry), image_name(&entry)].into_iter().flatten();
    let mut names: Vec<String> = both.map(str::to_owned).collect();
    names.dedup();
    NamedImage { names, descriptor: entry }
}

/// The name of an entry of `index.json`.
pub(crate) fn name_of(entry: &Descriptor) -> Option<&str> {
    entry.annotation(REF_NAME)
}

/// The name of an entry as containerd and Docker write it.
pub(crate) fn image_name(entry: &Descriptor) -> Option<&str> {
    entry.annotation(IMAGE_NAME)
}

/// The name of an entry that says most: that of an image, else the other.
pub(crate) fn whole_name(entry: &Descriptor) -> Option<&str> {
    image_name(entry).or_else(|| name_of(entry))
}
