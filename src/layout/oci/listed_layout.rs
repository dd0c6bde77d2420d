//! A layout of which many images are copied. Its `index.json` is read once: what it said then is what is copied, by digest, whatever
//! other processes change in it meanwhile.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::OciLayout;
use crate::call::Call;
use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result};
use crate::layout::index_entry::{name_of, named};
use crate::layout::referrers::Referring;
use crate::manifest::Descriptor;
use crate::mutex::lock;
use crate::store::{digest_tags, is_digest_tag, NamedImage, RawManifest, ReadStore};
use crate::stream::blob::Blob;

/// A layout, as it was when it was listed.
#[derive(Debug)]
pub(crate) struct ListedLayout {
    layout: OciLayout,
    entries: Vec<Descriptor>,
    /// What belongs to another manifest, by the tag that is made of its digest.
    tagged: HashMap<String, Descriptor>,
    /// What refers to what, or why that cannot be told, once that is asked for.
    referring: Mutex<Option<Result<Arc<Referring>>>>,
}

/// One of its images.
pub(crate) struct LayoutImage {
    layout: OciLayout,
    entry: Descriptor,
    listed: Arc<ListedLayout>,
}

impl ListedLayout {
    /// Reads the index of a layout that must be there.
    pub(crate) fn open(root: &Path) -> Result<ListedLayout> {
        let layout = OciLayout::open(root, None)?;
        let entries = layout.entries()?;
        let mut tagged = HashMap::new();
        for entry in &entries {
            if let Some(tag) = name_of(entry).filter(|name| is_digest_tag(name)) {
                tagged.entry(tag.to_owned()).or_insert_with(|| entry.clone());
            }
        }
        Ok(ListedLayout { layout, entries, tagged, referring: Mutex::default() })
    }

    /// What messages call it.
    pub(crate) fn place(&self) -> String {
        self.layout.show()
    }

    pub(crate) fn entries(&self) -> &[Descriptor] {
        &self.entries
    }

    pub(crate) fn manifest(&self, call: &Call, entry: &Descriptor) -> Result<RawManifest> {
        self.layout.manifest(call, entry)
    }

    /// The image of an entry that is called so.
    pub(crate) fn image(self: &Arc<Self>, name: &str, entry: &Descriptor) -> LayoutImage {
        let (root, name) = (self.layout.root.clone(), Some(name.to_owned()));
        let layout = OciLayout { root, name, ..OciLayout::default() };
        LayoutImage { layout, entry: entry.clone(), listed: self.clone() }
    }

    /// What refers to what: every manifest of the index is read once for all images.
    fn referring(&self, call: &Call) -> Result<Arc<Referring>> {
        let mut known = lock(&self.referring);
        if let Some(known) = known.as_ref() {
            return known.as_ref().map_err(Error::duplicate).cloned();
        }
        let found = Referring::of(&self.entries, &|entry| self.manifest(call, entry)).map(Arc::new);
        match &found {
            Err(error) if error.ends_call() => {}
            found => *known = Some(found.as_ref().map_err(Error::duplicate).cloned()),
        }
        found
    }
}

impl ReadStore for LayoutImage {
    fn place(&self) -> String {
        self.layout.show()
    }

    fn root(&self, call: &Call) -> Result<RawManifest> {
        self.layout.manifest(call, &self.entry)
    }

    fn manifest(&self, call: &Call, wanted: &Descriptor) -> Result<RawManifest> {
        self.layout.manifest(call, wanted)
    }

    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>> {
        ReadStore::open(&self.layout, call, wanted, hashed)
    }

    fn size(&self, call: &Call, digest: &Digest) -> Result<u64> {
        self.layout.size(call, digest)
    }

    fn referrers(&self, call: &Call, subject: &Digest) -> Result<Vec<Descriptor>> {
        self.listed.referring(call)?.to(subject, &|entry| self.manifest(call, entry))
    }

    fn images(&self, _: &Call) -> Result<Vec<NamedImage>> {
        Ok(self.listed.entries.iter().cloned().map(named).collect())
    }

    fn digest_tags(&self, _: &Call, subject: &Digest) -> Result<Vec<(String, Descriptor)>> {
        let find = |tag: String| self.listed.tagged.get(&tag).cloned().map(|entry| (tag, entry));
        Ok(digest_tags(subject).into_iter().filter_map(find).collect())
    }
}
