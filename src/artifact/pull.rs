//! Artifacts as files: each blob into the folder's staging, several at once and resumable, then the packed folders unpacked there,
//! and only then every file gets its name.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde::Serialize;

use super::destination::PullDestination;
use super::file_choice::{choose, FileChoice, SkippedFile, WantedFile};
use super::file_title;
use super::pull_staging::{tree, PullStaging};
use super::unpack_folder::unpack;
use crate::call::Call;
use crate::digest::Digest;
use crate::download::fetch_to_file::fetch;
use crate::download::partial::OnContention;
use crate::error::{Code, Error, Result};
use crate::image::layer::UnpackLimits;
use crate::image::Image;
use crate::manifest::Descriptor;
use crate::mutex::lock;
use crate::options::options;
use crate::os::safe_path;
use crate::store::served_by::Senders;
use crate::store::{Moved, ReadStore};
use crate::transfer::meter::Meter;
use crate::transfer::workers::{in_parallel, width_of};

options! {
    /// Options of [`pull`].
    #[derive(Debug, Clone)]
    pub struct ArtifactPullOptions {
        /// of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of this machine's
        pub platform: Option<String>,
        /// only files with one of these titles, in which * is any text and ? any one character
        ///
        /// if no file has one of these titles, the call is OCIREG_NOT_FOUND; an empty list is OCIREG_INVALID_ARGUMENT
        pub titles: Option<Vec<String>>,
        /// only files of one of these media types, with * and ? too
        pub media_types: Option<Vec<String>>,
        /// files that are there are left as they are, and not replaced
        pub keep_old: bool,
        /// false: packed folders stay the files that they came as
        pub unpack: bool = true,
        /// the most bytes to unpack, and of copies of blobs that have several titles
        pub max_bytes: u64 = 68_719_476_736,
        /// the most bytes of a folder for each packed one, from the first GiB on
        pub max_ratio: u64 = 250,
        /// 1 to 64: transfers at once
        pub concurrency: u64 = 4,
    }
}

/// The result of [`pull`].
#[derive(Debug, Serialize)]
pub struct PulledArtifact {
    /// The place and name that it was read from.
    pub source: String,
    /// The digest of its manifest.
    pub digest: Digest,
    /// The media type of its manifest.
    #[serde(rename = "mediaType")]
    pub media_type: String,
    /// What it is; None where only its config says so.
    #[serde(rename = "artifactType")]
    pub artifact_type: Option<String>,
    /// The folder, as the caller named it.
    pub path: String,
    /// Its files, in their order.
    pub files: Vec<PulledFile>,
    /// What was not pulled.
    pub skipped: Vec<SkippedFile>,
    /// Names that were left as they are, with `keep_old`; those in folders too.
    pub kept: u64,
    /// Bytes that earlier calls had left.
    pub bytes_resumed: u64,
    /// The endpoints that sent its manifests and blobs, `HOST[:PORT]` each: the registry or its mirrors. Empty if nothing was sent.
    pub served_by: Vec<String>,
}

/// A file of an artifact.
#[derive(Debug, Serialize)]
pub struct PulledFile {
    /// The name that the artifact gives the file, with its folders.
    pub title: String,
    /// Where the file is now.
    pub path: String,
    /// The digest of its blob.
    pub digest: Digest,
    /// The bytes of its blob.
    pub size: u64,
    /// What its descriptor says it is.
    #[serde(rename = "mediaType")]
    pub media_type: String,
    /// It is a folder, which was unpacked.
    pub unpacked: bool,
    /// It was there, and was left as it is.
    pub kept: bool,
}

/// Pulls the files of an artifact into a folder.
pub fn pull(
    call: &Call,
    store: &dyn ReadStore,
    folder: &Path,
    options: &ArtifactPullOptions,
) -> Result<PulledArtifact> {
    width_of(options.concurrency)?;
    let image = Image::find(call, store, options.platform.as_deref())?;
    let document = &image.content.document;
    let choice = FileChoice::new(options.titles.as_deref(), options.media_types.as_deref(), options.unpack)?;
    let (wanted, skipped) = choose(document.layers(), choice)?;
    let mut job = Pull::into(call, store, folder, options)?;
    let files = job.files(wanted);
    if files.is_err() {
        job.staging.discard(call);
    }
    let files = files?;
    let Pull { staging, destination, resumed, .. } = job;
    let kept = destination.kept;
    staging.empty()?;
    Ok(PulledArtifact {
        source: store.place(),
        digest: document.digest.clone(),
        media_type: document.media_type.clone(),
        artifact_type: document.value.get("artifactType").and_then(|name| name.as_str()).map(str::to_owned),
        path: folder.display().to_string(),
        files,
        skipped,
        kept,
        bytes_resumed: resumed,
        served_by: Senders::of(call),
    })
}

struct Pull<'a> {
    call: &'a Call,
    store: &'a dyn ReadStore,
    folder: &'a Path,
    options: &'a ArtifactPullOptions,
    staging: PullStaging,
    destination: PullDestination,
    resumed: u64,
    /// Bytes of second files of one blob.
    copied: u64,
}

impl<'a> Pull<'a> {
    /// Makes the folder if it is missing.
    fn into(
        call: &'a Call,
        store: &'a dyn ReadStore,
        folder: &'a Path,
        options: &'a ArtifactPullOptions,
    ) -> Result<Pull<'a>> {
        let what = |error: std::io::Error| Error::io(format!("cannot use the folder {}", folder.display()), &error);
        safe_path::create_folder(folder).map_err(what)?;
        let real = safe_path::resolve(folder).map_err(what)?;
        let staging = PullStaging::within(call, &real)?;
        let destination = PullDestination::open(call, &real, folder, options.keep_old)?;
        Ok(Pull { call, store, folder, options, staging, destination, resumed: 0, copied: 0 })
    }

    fn files(&mut self, wanted: Vec<WantedFile>) -> Result<Vec<PulledFile>> {
        self.check_case(&wanted)?;
        let mut all = Vec::new();
        for file in wanted {
            let kept = match file.folder.is_some() {
                true => self.destination.check_way(file.path.as_bytes()).map(|_| false),
                false => self.destination.keeps(&file.path),
            }?;
            all.push((file, kept));
        }
        self.fetch(&all)?;
        self.unpack(&all)?;
        for (number, (file, _)) in all.iter().enumerate().filter(|(_, (file, _))| file.folder.is_some()) {
            self.destination.check_tree(&self.staging, &tree(number), &file.path)?;
        }
        let waiting = self.bring(&all)?;
        let done = self.name(all, waiting)?;
        self.destination.finish()?;
        Ok(done)
    }

    fn check_case(&self, wanted: &[WantedFile]) -> Result<()> {
        match file_title::alike(wanted.iter().map(|file| file.path.as_str())) {
            Some((one, other)) if self.staging.is_blind_to_case() => {
                let message = format!("the titles '{one}' and '{other}' are the same name in this folder");
                Err(Error::new(Code::InvalidManifest, message).with_hint("the option titles chooses one of them"))
            }
            _ => Ok(()),
        }
    }

    /// Brings each blob once.
    fn fetch(&mut self, files: &[(WantedFile, bool)]) -> Result<()> {
        let needed = files.iter().filter(|(_, kept)| !kept).map(|(file, _)| &file.descriptor);
        let blobs: BTreeMap<&Digest, &Descriptor> = needed.map(|blob| (&blob.digest, blob)).collect();
        let bytes = blobs.values().map(|blob| blob.size).fold(0, u64::saturating_add);
        let width = width_of(self.options.concurrency)?;
        let meter = Meter::new(width, blobs.len() as u64, bytes).watched(self.call.watches_blobs());
        let (meter, all) = (Arc::new(meter), Mutex::new(0u64));
        self.call.begin("artifact pull", Some(bytes))?;
        in_parallel(self.call, width, &meter, blobs.into_values().collect(), |call, worker, blob| {
            meter.begin(worker, blob);
            let target = self.staging.path_of(&PullStaging::name(&blob.digest));
            let moved = match fetch(call, &target, blob, self.store, OnContention::Wait)? {
                Some((partial, resumed)) => {
                    *lock(&all) += partial.settle(Ok(resumed), &target)?;
                    Moved::Copied { resumed }
                }
                // An earlier pull has left all of it.
                None => {
                    *lock(&all) += blob.size;
                    Moved::Present
                }
            };
            meter.settle(worker, blob.size, moved);
            Ok(())
        })?;
        self.resumed = crate::mutex::into_inner(all);
        Ok(())
    }

    fn unpack(&self, files: &[(WantedFile, bool)]) -> Result<()> {
        let mut limits = UnpackLimits::new(self.options.max_bytes, self.options.max_ratio);
        let call = &self.call.without_progress();
        for (number, (file, _)) in files.iter().enumerate() {
            if let Some(expected) = &file.folder {
                let name = PullStaging::name(&file.descriptor.digest);
                let tree = tree(number);
                let unpacked = unpack(call, &self.staging, (&name, &tree), file, expected.as_ref(), limits)?;
                limits = limits.after(unpacked);
            }
        }
        match files.iter().any(|(file, _)| file.folder.is_some()) {
            true => self.staging.flush(),
            false => Ok(()),
        }
    }

    /// Makes all copies, and brings what belongs on other disks there: a disk that is full is seen before any file is replaced. Returns
    /// the names under which files wait.
    fn bring(&mut self, files: &[(WantedFile, bool)]) -> Result<Vec<String>> {
        let mut waiting = Vec::new();
        let mut uses: HashMap<Digest, usize> = HashMap::new();
        for (file, _) in files.iter().filter(|(file, kept)| file.folder.is_none() && !kept) {
            *uses.entry(file.descriptor.digest.clone()).or_default() += 1;
        }
        for (number, (file, kept)) in files.iter().enumerate() {
            self.call.check()?;
            let mut name = tree(number);
            if file.folder.is_some() {
                self.destination.bring_tree(&self.staging, &name, &file.path)?;
            } else if !kept {
                name = self.for_one(&mut uses, file, number)?;
            }
            waiting.push(name);
        }
        self.destination.flush()?;
        Ok(waiting)
    }

    /// Gives everything its name.
    fn name(&mut self, files: Vec<(WantedFile, bool)>, waiting: Vec<String>) -> Result<Vec<PulledFile>> {
        let mut done = Vec::new();
        for ((file, mut kept), name) in files.into_iter().zip(waiting) {
            self.call.check()?;
            if file.folder.is_some() {
                self.destination.merge(&self.staging, &name, &file.path)?;
            } else if !kept {
                kept = !self.destination.put_blob(self.staging.folder(), name.as_bytes(), file.path.as_bytes())?;
            }
            let Descriptor { digest, size, media_type, .. } = file.descriptor;
            let path = self.folder.join(&file.path).display().to_string();
            done.push(PulledFile {
                title: file.title,
                path,
                digest,
                size,
                media_type,
                unpacked: file.folder.is_some(),
                kept,
            });
        }
        Ok(done)
    }
}

impl Pull<'_> {
    /// The file of a blob for one of its titles: the last one gets it, the others get copies.
    fn for_one(&mut self, uses: &mut HashMap<Digest, usize>, file: &WantedFile, number: usize) -> Result<String> {
        let (name, blob) = (PullStaging::name(&file.descriptor.digest), &file.descriptor);
        let left = uses.get_mut(&blob.digest).map_or(0, |left| std::mem::replace(left, left.saturating_sub(1)));
        let is_last = left < 2;
        if is_last {
            self.destination.bring_blob(self.staging.folder(), name.as_bytes(), file.path.as_bytes())?;
            return Ok(name);
        }
        // A few bytes of a manifest could fill a disk.
        self.copied = self.copied.saturating_add(blob.size);
        if self.copied > self.options.max_bytes {
            let message =
                format!("the copies of blobs with several titles have more than {} bytes", self.options.max_bytes);
            return Err(Error::new(Code::LimitExceeded, message).with_hint("the option max_bytes sets that limit"));
        }
        match self.destination.bring_blob(self.staging.folder(), name.as_bytes(), file.path.as_bytes())? {
            true => Ok(name),
            false => self.staging.copy(self.call, &name, number),
        }
    }
}
