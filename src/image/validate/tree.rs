//! The manifests below one, level by level: what their descriptors say of them, what their configs say, and which blobs they name.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use super::blobs::{BlobUse, LayerUse};
use super::{or_finding, ValidationProblem};
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::image::config::ImageConfig;
use crate::image::{Image, MOST};
use crate::manifest::{Descriptor, Document, Kind};
use crate::media_type as types;
use crate::platform::Platform;
use crate::store::{descend, ReadStore};
use crate::sync::{into_inner, lock};
use crate::text::shorten;
use crate::transfer::meter::Meter;
use crate::transfer::workers::in_parallel;

/// A manifest that is named by another, and how.
struct Named {
    entry: Descriptor,
    by: Digest,
}

/// What was read.
struct Reached {
    image: Image,
    /// Its config, or what is wrong with that; none if it has none that is an image's.
    config: Option<std::result::Result<ImageConfig, Error>>,
    referrers: Vec<Descriptor>,
    layers: Vec<std::result::Result<Descriptor, ValidationProblem>>,
}

pub(super) struct Tree {
    pub manifests: u64,
    /// Each blob once.
    pub blobs: Vec<BlobUse>,
    pub foreign: BTreeSet<Digest>,
    pub problems: Vec<ValidationProblem>,
    seen: HashSet<Digest>,
    places: HashMap<(Digest, u64), usize>,
}

impl Tree {
    /// Reads all manifests that one leads to, and their configs.
    pub(super) fn walk(call: &Call, store: &dyn ReadStore, root: Image, width: usize, referrers: bool) -> Result<Tree> {
        let mut tree = Tree {
            manifests: 0,
            blobs: Vec::new(),
            foreign: BTreeSet::new(),
            problems: Vec::new(),
            seen: HashSet::from([root.content.digest().clone()]),
            places: HashMap::new(),
        };
        let reader = LevelReader { call, store, width, referrers };
        let mut level = vec![reader.reach(call, root)?];
        for _ in 0..=descend::DEPTH {
            let mut wanted = Vec::new();
            for reached in level {
                wanted.extend(tree.take(reached));
            }
            if tree.seen.len() > MOST {
                let message = format!("more than {MOST} manifests are named");
                return Err(Error::new(Code::LimitExceeded, message));
            }
            if wanted.is_empty() {
                return Ok(tree);
            }
            level = reader.read(wanted, &mut tree.problems)?;
        }
        Err(descend::too_deep())
    }

    /// Takes in one manifest. Returns the manifests that it leads to, as far as they are new.
    fn take(&mut self, reached: Reached) -> Vec<Named> {
        self.manifests += 1;
        let Reached { image, config, referrers, layers } = reached;
        let document = &image.content.document;
        let by = document.digest.clone();
        self.problems.extend(config_problem(&image, config.as_ref()));
        if let Some(blob) = document.config() {
            let at = self.add(blob, &by);
            self.blobs[at].is_read |= config.is_some();
        }
        let ids = config.and_then(std::result::Result::ok).and_then(|config| config.diff_ids().ok().flatten());
        for (at, layer) in layers.into_iter().enumerate() {
            match layer {
                Ok(layer) => self.add_layer(&layer, &by, ids.as_ref().and_then(|ids| ids.get(at))),
                Err(problem) => self.problems.push(problem),
            }
        }
        let (manifests, others): (Vec<_>, Vec<_>) =
            document.manifests().iter().partition(|entry| types::is_manifest(&entry.media_type));
        for blob in others {
            self.add(blob, &by);
        }
        let named = manifests.into_iter().cloned().chain(referrers);
        named
            .filter(|entry| self.seen.insert(entry.digest.clone()))
            .map(|entry| Named { entry, by: by.clone() })
            .collect()
    }

    /// A blob of a manifest. Returns its position.
    fn add(&mut self, blob: &Descriptor, by: &Digest) -> usize {
        let next = self.blobs.len();
        let at = *self.places.entry((blob.digest.clone(), blob.size)).or_insert(next);
        if at == next {
            let (descriptor, manifest) = (blob.clone(), by.clone());
            self.blobs.push(BlobUse { descriptor, manifest, layers: Vec::new(), is_read: false });
        }
        at
    }

    /// A layer, with the digest of its unpacked bytes if that is known.
    fn add_layer(&mut self, layer: &Descriptor, by: &Digest, diff_id: Option<&Digest>) {
        if types::is_foreign(&layer.media_type) {
            self.foreign.insert(layer.digest.clone());
            return;
        }
        let at = self.add(layer, by);
        let (manifest, media_type) = (by.clone(), layer.media_type.clone());
        self.blobs[at].layers.push(LayerUse { manifest, media_type, diff_id: diff_id.cloned() });
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
    fn read(&self, wanted: Vec<Named>, problems: &mut Vec<ValidationProblem>) -> Result<Vec<Reached>> {
        let read = Mutex::new(Vec::new());
        let jobs = wanted.iter().enumerate().collect();
        in_parallel(self.call, self.width, &Arc::new(Meter::default()), jobs, |call, _, (at, named)| {
            let outcome = or_finding(self.store, self.manifest(call, &named.entry))?;
            let outcome = match outcome {
                Ok(image) => Ok(self.reach(call, image)?),
                Err(error) => Err(error),
            };
            lock(&read).push((at, outcome));
            Ok(())
        })?;
        let mut read: Vec<_> = into_inner(read);
        read.sort_by_key(|(at, _)| *at);
        let mut level = Vec::new();
        for (at, outcome) in read {
            let Named { entry, by } = &wanted[at];
            match outcome {
                Ok(reached) => {
                    let wrong = descriptor_problem(entry, &reached.image.content.document);
                    problems.extend(wrong.map(|error| ValidationProblem::new(&entry.digest, Some(by), &error)));
                    level.push(reached);
                }
                Err(error) => problems.push(ValidationProblem::new(&entry.digest, Some(by), &error)),
            }
        }
        Ok(level)
    }

    fn manifest(&self, call: &Call, entry: &Descriptor) -> Result<Image> {
        let content = self.store.manifest(call, entry)?;
        match content.bytes.len() as u64 == entry.size {
            true => Ok(Image { content, platform: entry.platform.as_deref().cloned() }),
            false => {
                let message =
                    format!("the manifest has {} bytes, its descriptor says {}", content.bytes.len(), entry.size);
                Err(Error::new(Code::SizeMismatch, message))
            }
        }
    }

    /// Reads what is needed to understand a manifest.
    fn reach(&self, call: &Call, image: Image) -> Result<Reached> {
        let document = &image.content.document;
        let config = match document.config().filter(|config| types::is_image_config(&config.media_type)) {
            Some(_) => Some(or_finding(self.store, ImageConfig::read(call, self.store, &image))?),
            None => None,
        };
        let referrers = match self.referrers {
            true => self.store.referrers(call, &document.digest)?,
            false => Vec::new(),
        };
        let layers = self.layers(call, document)?;
        Ok(Reached { image, config, referrers, layers })
    }

    /// The layers, the oldest first. Schema 1 does not give their sizes.
    fn layers(
        &self,
        call: &Call,
        document: &Document,
    ) -> Result<Vec<std::result::Result<Descriptor, ValidationProblem>>> {
        if document.kind != Kind::Schema1 {
            return Ok(document.layers().iter().cloned().map(Ok).collect());
        }
        let mut layers = Vec::new();
        for digest in document.fs_layers()?.into_iter().rev() {
            layers.push(match or_finding(self.store, self.store.size(call, &digest))? {
                Ok(size) => Ok(Descriptor::new(types::DOCKER_LAYER, digest, size)),
                Err(error) => Err(ValidationProblem::new(&digest, Some(&document.digest), &error)),
            });
        }
        Ok(layers)
    }
}

/// What a descriptor says of a manifest, and is not so.
fn descriptor_problem(entry: &Descriptor, document: &Document) -> Option<Error> {
    let said = types::essence(&entry.media_type);
    (!said.is_empty() && said != document.media_type).then(|| {
        let message =
            format!("its descriptor says that it is of type {}, it is {}", shorten(&said), document.media_type);
        Error::new(Code::InvalidManifest, message)
    })
}

/// What is wrong with an image's config, or where it contradicts the manifest, or the index that names that.
fn config_problem(
    image: &Image,
    config: Option<&std::result::Result<ImageConfig, Error>>,
) -> Option<ValidationProblem> {
    let document = &image.content.document;
    let error = match config? {
        Err(error) => error.duplicate(),
        Ok(config) => layers_error(config, document).or_else(|| platform_error(config, image.platform.as_ref()))?,
    };
    Some(ValidationProblem::new(&document.config()?.digest, Some(&document.digest), &error))
}

fn layers_error(config: &ImageConfig, document: &Document) -> Option<Error> {
    let ids = match config.diff_ids() {
        Ok(ids) => ids.unwrap_or_default().len(),
        Err(error) => return Some(error),
    };
    let layers = document.layers();
    // What is no layer of files needs no diff_id: artifacts with an image's config have none.
    if ids == layers.len() || (ids == 0 && !layers.iter().any(|layer| types::is_layer(&layer.media_type))) {
        return None;
    }
    let message = format!("the image has {} layers, its config has {ids} diff_ids", layers.len());
    Some(Error::new(Code::InvalidManifest, message))
}

fn platform_error(config: &ImageConfig, listed: Option<&Platform>) -> Option<Error> {
    let listed = listed.filter(|listed| !listed.is_unknown())?;
    let message = match Platform::of_config(&config.value) {
        Some(own) if own.agrees_with(listed) => return None,
        Some(own) => format!("the index says that the image is for {listed}, its config says {own}"),
        None => format!("the index says that the image is for {listed}, its config does not say for what"),
    };
    Some(Error::new(Code::InvalidManifest, message))
}
