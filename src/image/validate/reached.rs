//! What one manifest says, and its config: as much of it as validating needs, so that a million descriptors fit into memory.

use super::{or_finding, or_finding_of, ValidationProblem};
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::image::config::ImageConfig;
use crate::image::Image;
use crate::manifest::{Descriptor, Document, Kind};
use crate::media_type as types;
use crate::platform::Platform;
use crate::store::ReadStore;

/// A manifest that was read.
pub(super) struct Reached {
    pub(super) digest: Digest,
    pub(super) problems: Vec<ValidationProblem>,
    /// Its config, and whether that was read.
    pub(super) config: Option<(Descriptor, bool)>,
    /// The layers of an image, the oldest first, or the blobs of something else.
    pub(super) layers: Vec<Descriptor>,
    /// Whether it is an image, and its layers are files: an artifact may have an image's config, too.
    pub(super) has_files: bool,
    /// The digests of the unpacked layers, if it is an image that says them.
    pub(super) diff_ids: Option<Vec<Digest>>,
    /// What an index names that is not a manifest.
    pub(super) others: Vec<Descriptor>,
    pub(super) manifests: Vec<Descriptor>,
    pub(super) referrers: Vec<Descriptor>,
    /// Found by tags made of the digest.
    pub(super) tagged: Vec<Descriptor>,
    pub(super) subject: Option<Digest>,
}

impl Reached {
    /// Reads what belongs to a manifest.
    pub(super) fn read(call: &Call, store: &dyn ReadStore, image: &Image, referrers: bool) -> Result<Reached> {
        let document = &image.content.document;
        let (manifests, others) =
            document.manifests().iter().cloned().partition(|entry| types::is_manifest(&entry.media_type));
        let mut reached = Reached {
            digest: document.digest.clone(),
            problems: Vec::new(),
            config: document.config().map(|config| (config.clone(), false)),
            layers: Vec::new(),
            has_files: false,
            diff_ids: None,
            others,
            manifests,
            referrers: Vec::new(),
            tagged: Vec::new(),
            subject: document.subject().map(|subject| subject.digest.clone()),
        };
        reached.find_layers(call, store, document)?;
        reached.read_config(call, store, image)?;
        if referrers {
            reached.find_referrers(call, store)?;
        }
        Ok(reached)
    }

    fn problem(&mut self, digest: &Digest, error: &Error) {
        self.problems.push(ValidationProblem::new(digest, Some(&self.digest), error));
    }

    /// Schema 1 does not give the sizes of layers, and lists some of them many times.
    fn find_layers(&mut self, call: &Call, store: &dyn ReadStore, document: &Document) -> Result<()> {
        if document.kind != Kind::Schema1 {
            self.layers = document.layers().to_vec();
            return Ok(());
        }
        let mut seen = std::collections::HashSet::new();
        for digest in document.fs_layers()?.into_iter().rev().filter(|digest| seen.insert(digest.clone())) {
            match or_finding(store, store.size(call, &digest))? {
                Ok(size) => self.layers.push(Descriptor::new(types::DOCKER_LAYER, digest, size)),
                Err(error) => self.problem(&digest, &error),
            }
        }
        Ok(())
    }

    /// What is wrong with an image's config, or where it contradicts the manifest, or the index that names that.
    fn read_config(&mut self, call: &Call, store: &dyn ReadStore, image: &Image) -> Result<()> {
        let Some((descriptor, is_read)) =
            self.config.as_mut().filter(|(config, _)| types::is_image_config(&config.media_type))
        else {
            return Ok(());
        };
        *is_read = true;
        let (digest, is_oci) = (descriptor.digest.clone(), descriptor.media_type == types::OCI_CONFIG);
        let errors = match or_finding_of(call, store, &digest, ImageConfig::read(call, store, image))? {
            Err(error) => vec![error],
            Ok(config) => self.config_errors(&config, is_oci, image),
        };
        errors.iter().for_each(|error| self.problem(&digest, error));
        Ok(())
    }

    fn config_errors(&mut self, config: &ImageConfig, is_oci: bool, image: &Image) -> Vec<Error> {
        let document = &image.content.document;
        let ids = match config.diff_ids() {
            Ok(ids) => ids.filter(|_| document.kind == Kind::Image),
            Err(error) => return vec![error],
        };
        let is_artifact = self.layers.is_empty() && document.value.get("artifactType").is_some();
        let has_layers = self.layers.is_empty() || self.layers.iter().any(|layer| types::is_layer(&layer.media_type));
        self.has_files = document.kind == Kind::Image && has_layers && !is_artifact;
        self.diff_ids = ids.or_else(|| self.has_files.then(Vec::new));
        let missing = (is_oci && self.has_files).then(|| missing_error(config)).flatten();
        let platform = missing.or_else(|| platform_error(config, image.platform.as_ref()));
        self.layers_error().into_iter().chain(platform).collect()
    }

    /// No diff_ids are none: another number than that of the layers means another image.
    fn layers_error(&self) -> Option<Error> {
        let (ids, layers) = (self.diff_ids.as_ref()?.len(), self.layers.len());
        let message = format!("the image has {layers} layers, its config has {ids} diff_ids");
        (ids != layers).then(|| Error::new(Code::InvalidManifest, message))
    }

    fn find_referrers(&mut self, call: &Call, store: &dyn ReadStore) -> Result<()> {
        match or_finding(store, store.referrers(call, &self.digest))? {
            Ok(found) => self.referrers = found,
            Err(error) => self.problem(&self.digest.clone(), &error.within("its referrers")),
        }
        match or_finding(store, store.digest_tags(call, &self.digest))? {
            Ok(found) => self.tagged = found.into_iter().map(|(_, entry)| entry).collect(),
            Err(error) => self.problem(&self.digest.clone(), &error.within("its digest tags")),
        }
        Ok(())
    }
}

/// What each config has (OCI image-spec config.md, "REQUIRED"); some tools write nothing into it.
fn missing_error(config: &ImageConfig) -> Option<Error> {
    let has = |name: &str| config.value.get(name).is_some_and(serde_json::Value::is_string);
    let missing: Vec<&str> = ["architecture", "os"].into_iter().filter(|name| !has(name)).collect();
    let message = format!("the config has no {}", missing.join(" and no "));
    (!missing.is_empty()).then(|| Error::new(Code::InvalidManifest, message))
}

/// An index that does not say for what an image is, or that it is for nothing that runs, contradicts nothing.
fn platform_error(config: &ImageConfig, listed: Option<&Platform>) -> Option<Error> {
    let listed = listed.filter(|listed| listed.is_complete() && !listed.is_unknown())?;
    let message = match Platform::of_config(&config.value) {
        Some(own) if own.agrees_with(listed) => return None,
        Some(own) => format!("the index says that the image is for {listed}, its config says {own}"),
        None => format!("the index says that the image is for {listed}, its config does not say for what"),
    };
    Some(Error::new(Code::InvalidManifest, message))
}
