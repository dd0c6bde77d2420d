//! Whether the two lists of images that an archive may have, `index.json` and `manifest.json`, tell of the same ones.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::archive_reader::{Archive, ArchiveReader};
use super::config_name::{digests, has_config};
use super::saved_images::{blob_file, SavedImage, LIST};
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::{Descriptor, Document, Kind};
use crate::media_type as types;
use crate::store::platform_descent;
use crate::store::RawManifest;
use crate::text::shorten;

/// The manifests that a search has found.
pub(crate) struct FoundManifests {
    pub(crate) found: Vec<RawManifest>,
    /// Whether everything could be searched.
    pub(crate) is_whole: bool,
}

impl ArchiveReader {
    /// The manifests that are wanted, among the entries of the archive's layout, if it has one, and below them. Faults in
    /// these are ignored here.
    pub(crate) fn below(
        &self,
        call: &Call,
        archive: &Archive,
        entries: Vec<Descriptor>,
        is_wanted: &dyn Fn(&Document) -> bool,
    ) -> Result<FoundManifests> {
        let (mut found, mut is_whole, mut seen) = (Vec::new(), true, HashSet::new());
        let mut level = entries;
        for _ in 0..=platform_descent::DEPTH {
            let mut below = Vec::new();
            for entry in level.into_iter().filter(|entry| seen.insert(entry.digest.clone())) {
                call.check()?;
                let Ok(content) = self.content(archive, &entry) else {
                    is_whole = false;
                    continue;
                };
                below.extend_from_slice(content.document.manifests());
                if is_wanted(&content.document) {
                    found.push(content);
                }
            }
            level = below;
        }
        Ok(FoundManifests { found, is_whole: is_whole && level.is_empty() })
    }

    /// The manifests of the archive's layout that name this config.
    pub(crate) fn with_config(&self, call: &Call, archive: &Archive, config: &[u8]) -> Result<Vec<RawManifest>> {
        let known = match archive.by_config.get() {
            Some(known) => known,
            None => {
                let found: RefCell<HashMap<Digest, Vec<Descriptor>>> = RefCell::default();
                let note = |document: &Document| {
                    if let Some(config) = document.config() {
                        let manifest = Descriptor::new(&document.media_type, document.digest.clone(), document.size);
                        found.borrow_mut().entry(config.digest.clone()).or_default().push(manifest);
                    }
                    false
                };
                self.below(call, archive, archive.index.clone().unwrap_or_default(), &note)?;
                archive.by_config.get_or_init(|| found.into_inner())
            }
        };
        let manifests = digests(config).into_iter().filter_map(|digest| known.get(&digest)).flatten();
        Ok(manifests.filter_map(|manifest| self.content(archive, manifest).ok()).collect())
    }

    /// Whether entries have an image with this config; None when that cannot be determined.
    fn have(&self, call: &Call, archive: &Archive, entries: Vec<Descriptor>, config: &[u8]) -> Result<Option<bool>> {
        let config = digests(config);
        let below = self.below(call, archive, entries, &|document| has_config(document, &config))?;
        Ok(Some(!below.found.is_empty()).filter(|has| *has || below.is_whole))
    }

    /// Says so when the layout has another image under a name of this one. An archive with one image on each list names no other.
    pub(crate) fn warn_of_others(
        &self,
        call: &Call,
        archive: &Archive,
        saved: &SavedImage,
        config: &[u8],
    ) -> Result<()> {
        let entries = archive.index.as_deref().unwrap_or_default();
        let count = archive.saved.as_ref().map_or(0, Vec::len);
        let named = match entries {
            [only] if count == 1 && only.artifact_type.is_none() => vec![only.clone()],
            _ => saved.repo_tags.iter().flat_map(|tag| archive.names().entries_of(tag, entries)).collect(),
        };
        if named.is_empty() || self.have(call, archive, named, config)? != Some(false) {
            return Ok(());
        }
        let name = saved.repo_tags.first().map(|name| format!(" {}", shorten(name))).unwrap_or_default();
        let text = format!(
            "index.json has another image than manifest.json for the name{name}; the one in manifest.json is used"
        );
        call.warn_of(&self.shown(), &text)
    }

    /// The images of `manifest.json` under the name of an entry must be those of the entries with that name.
    pub(crate) fn check_names(&self, call: &Call, archive: &Archive, entry: &Descriptor) -> Result<()> {
        let (saved, entries) =
            (archive.saved.as_deref().unwrap_or_default(), archive.index.as_deref().unwrap_or_default());
        let is_only = saved.len() == 1 && entries.len() == 1;
        let shown = self.shown();
        let reader = self.images_of(call, &archive.tar, &shown, LIST);
        let names = archive.names();
        let (mut others, mut is_own) = (None, false);
        for (saved, tag) in names.saved_as(entry, saved, is_only) {
            call.check()?;
            // A missing file cannot belong to another image.
            let Ok(config) = reader.small(&saved.config) else { continue };
            let alike = if is_only { entries.to_vec() } else { names.entries_of(tag, entries) };
            is_own |= self.have(call, archive, vec![entry.clone()], &config)? != Some(false);
            match self.have(call, archive, alike, &config)? {
                Some(false) => return Err(self.of_two(entry, saved)),
                _ => others = Some(saved),
            }
        }
        match others {
            Some(saved) if !is_own => Err(self.of_two(entry, saved)),
            _ => Ok(()),
        }
    }

    fn of_two(&self, entry: &Descriptor, saved: &SavedImage) -> Error {
        let message = format!(
            "{} has the image {} in index.json, and another one of that name, with the config {}, in manifest.json",
            self.shown(),
            entry.digest,
            shorten(&saved.config)
        );
        Error::new(Code::InvalidManifest, message).with_hint(self.docker_hint())
    }

    /// The entry of `manifest.json` with the same config must describe the same image.
    pub(crate) fn check_agreement(&self, call: &Call, archive: &Archive, content: &RawManifest) -> Result<()> {
        let (Some(config), Kind::Image) = (content.document.config(), content.document.kind) else { return Ok(()) };
        let shown = self.shown();
        let reader = self.images_of(call, &archive.tar, &shown, LIST);
        let Some(place) = archive.tar.find(&blob_file(&config.digest)) else { return Ok(()) };
        let images = archive.configs.iter().zip(archive.saved.iter().flatten());
        let known: Vec<&Arc<SavedImage>> =
            images.filter(|(config, _)| **config == Some(place)).map(|(_, saved)| saved).collect();
        for saved in &known {
            if reader.agrees(saved, content.document.layers())? {
                return Ok(());
            }
        }
        if known.is_empty() {
            return Ok(());
        }
        let message =
            format!("{} has a manifest {} with other layers than manifest.json says", self.shown(), content.digest());
        Err(Error::new(Code::InvalidManifest, message).with_hint(self.docker_hint()))
    }

    fn docker_hint(&self) -> String {
        format!("docker-archive:{} reads the images as manifest.json lists them", self.path.display())
    }

    /// The layers of an image without `manifest.json` must be what its config says, as far as they are there.
    pub(crate) fn check_layers(&self, call: &Call, archive: &Archive, document: &Document) -> Result<()> {
        let Some(config) = document.config().filter(|config| types::is_image_config(&config.media_type)) else {
            return Ok(());
        };
        let shown = self.shown();
        let reader = self.images_of(call, &archive.tar, &shown, "index.json");
        let file = |layer: &Descriptor| blob_file(&layer.digest);
        let saved = SavedImage {
            config: blob_file(&config.digest),
            repo_tags: Vec::new(),
            layers: document.layers().iter().map(file).collect(),
        };
        let ids = reader.diff_ids(&saved, &reader.small(&saved.config)?)?;
        reader.check(&saved, &ids, document.layers())
    }
}
