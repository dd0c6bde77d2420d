//! The manifests below one, level by level, and the blobs that they name.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::blobs::{BlobUse, LayerUse};
use super::reached::Reached;
use super::{or_finding_of, ValidationProblem};
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::image::{Image, MOST};
use crate::manifest::Descriptor;
use crate::media_type as types;
use crate::store::{platform_descent, ReadStore};
use crate::transfer::meter::Meter;
use crate::transfer::workers::gather;

/// A manifest that is named by another.
struct NamedManifest {
    entry: Descriptor,
    by: Digest,
    /// It is said to have that one as its subject.
    is_referrer: bool,
}

pub(super) struct Tree {
    pub(super) manifests: u64,
    /// Each blob once.
    pub(super) blobs: Vec<BlobUse>,
    /// Layers that come from elsewhere.
    pub(super) foreign: BTreeSet<Digest>,
    pub(super) problems: Vec<ValidationProblem>,
    seen: HashSet<Digest>,
    positions: HashMap<Digest, usize>,
}

impl Tree {
    /// Reads all manifests that one leads to, and their configs.
    pub(super) fn walk(
        call: &Call,
        store: &dyn ReadStore,
        root: &Image,
        width: usize,
        referrers: bool,
    ) -> Result<Tree> {
        let mut tree = Tree {
            manifests: 0,
            blobs: Vec::new(),
            foreign: BTreeSet::new(),
            problems: Vec::new(),
            seen: HashSet::from([root.content.digest().clone()]),
            positions: HashMap::new(),
        };
        let reader = LevelReader { call, store, width, referrers };
        let mut level = vec![Reached::read(call, store, root, referrers)?];
        for _ in 0..=platform_descent::DEPTH {
            let mut wanted = Vec::new();
            for reached in level {
                tree.take(reached, &mut wanted)?;
            }
            if wanted.is_empty() {
                return Ok(tree);
            }
            level = reader.read(&wanted, &mut tree.problems)?;
        }
        Err(platform_descent::too_deep())
    }

    /// Takes in one manifest; `wanted` gets those that it leads to, as far as they are new.
    fn take(&mut self, reached: Reached, wanted: &mut Vec<NamedManifest>) -> Result<()> {
        let by = &reached.digest;
        self.manifests += 1;
        self.problems.extend(reached.problems);
        for (at, layer) in reached.layers.iter().enumerate() {
            let diff_id = reached.diff_ids.as_ref().and_then(|ids| ids.get(at));
            self.add_layer(layer, by, reached.has_files.then_some(diff_id));
        }
        if let Some((config, is_read)) = &reached.config {
            let at = self.add(config, by);
            self.blobs[at].is_read |= *is_read && self.blobs[at].layers.is_empty();
        }
        for blob in &reached.others {
            self.add(blob, by);
        }
        let children = reached.manifests.into_iter().chain(reached.tagged).map(|entry| (entry, false));
        for (entry, is_referrer) in children.chain(reached.referrers.into_iter().map(|entry| (entry, true))) {
            if self.seen.insert(entry.digest.clone()) {
                wanted.push(NamedManifest { entry, by: by.clone(), is_referrer });
            }
            if self.seen.len() > MOST {
                return Err(Error::new(Code::LimitExceeded, format!("more than {MOST} manifests are named")));
            }
        }
        Ok(())
    }

    /// A blob of a manifest. Returns its position.
    fn add(&mut self, blob: &Descriptor, by: &Digest) -> usize {
        let next = self.blobs.len();
        let at = *self.positions.entry(blob.digest.clone()).or_insert(next);
        if at == next {
            let (descriptor, manifest) = (blob.clone(), by.clone());
            self.blobs.push(BlobUse { descriptor, manifest, layers: Vec::new(), is_read: false });
        } else if self.blobs[at].descriptor.size != blob.size {
            let first = &self.blobs[at];
            let message = format!(
                "its descriptor says {} bytes, the one in {} says {}",
                blob.size, first.manifest, first.descriptor.size
            );
            let error = Error::new(Code::SizeMismatch, message);
            self.problems.push(ValidationProblem::new(&blob.digest, Some(by), &error));
        }
        at
    }

    /// A layer; one of files with the digest of its unpacked bytes, if that is known.
    fn add_layer(&mut self, layer: &Descriptor, by: &Digest, diff_id: Option<Option<&Digest>>) {
        if types::is_foreign(&layer.media_type) && layer.urls.as_ref().is_some_and(|urls| !urls.is_empty()) {
            self.foreign.insert(layer.digest.clone());
            return;
        }
        let at = self.add(layer, by);
        if let (Some(diff_id), Some(packing)) = (diff_id, super::blobs::packing_of(&layer.media_type)) {
            self.blobs[at].layers.push(LayerUse { manifest: by.clone(), packing, diff_id: diff_id.cloned() });
            self.blobs[at].is_read = false;
        }
    }
}

/// Reads the manifests of a level.
struct LevelReader<'a> {
    call: &'a Call,
    store: &'a dyn ReadStore,
    width: usize,
    referrers: bool,
}

impl LevelReader<'_> {
    /// Reads what a level names, in its order; what cannot be read is a problem.
    fn read(&self, wanted: &[NamedManifest], problems: &mut Vec<ValidationProblem>) -> Result<Vec<Reached>> {
        let (meter, jobs) = (Arc::new(Meter::default()), wanted.iter().collect());
        let read = gather(self.call, self.width, &meter, jobs, |call, _, named| self.reach(call, named))?;
        let mut level = Vec::new();
        for outcome in read {
            match outcome {
                Ok(reached) => level.push(reached),
                Err(problem) => problems.push(problem),
            }
        }
        Ok(level)
    }

    fn reach(&self, call: &Call, named: &NamedManifest) -> Result<std::result::Result<Reached, ValidationProblem>> {
        let NamedManifest { entry, by, is_referrer } = named;
        let problem = |error: &Error| ValidationProblem::new(&entry.digest, Some(by), error);
        let content = match or_finding_of(call, self.store, &entry.digest, self.store.manifest(call, entry))? {
            Ok(content) => content,
            Err(error) => return Ok(Err(problem(&error))),
        };
        let contradiction = platform_descent::check_entry(entry, &content.document).err();
        let image = Image { content, platform: entry.platform.as_deref().cloned() };
        let mut reached = Reached::read(call, self.store, &image, self.referrers)?;
        reached.problems.extend(contradiction.as_ref().map(problem));
        if *is_referrer && reached.subject.as_ref() != Some(by) {
            let error =
                Error::new(Code::InvalidManifest, format!("it is listed as a referrer, but its subject is not {by}"));
            reached.problems.push(problem(&error));
        }
        Ok(Ok(reached))
    }
}
