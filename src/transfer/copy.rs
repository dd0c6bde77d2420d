//! The copy engine: options, result, and the phases of a copy.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{json, Value};

use super::attributed::AttributedSource;
use super::meter::Meter;
use super::plan::{CopyChoice, Plan, Planned, Planner};
use super::workers::{in_parallel, width_of};
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result, Side};
use crate::manifest::Descriptor;
use crate::mutex::lock;
use crate::options::options;
use crate::platform::Platform;
use crate::store::condition::{ConditionCheck, NameCondition, NameFate, NameOptions};
use crate::store::served_by::Senders;
use crate::store::{Moved, RawManifest, ReadStore, Role, WriteStore};
use crate::stream::pack::Compression;

options! {
    /// Options of [`copy`].
    #[derive(Debug, Clone)]
    pub struct CopyOptions {
        /// OS/ARCH[/VARIANT] each: of an index, only these
        ///
        /// one platform gives that image alone, several give an index that holds only their images and the attestations of these.
        /// An image that is not in an index must be for the wanted platforms
        pub platform: Vec<String>,
        /// says explicitly that an index is copied whole, as it is by default
        ///
        /// to a docker-archive the image for the host's platform is copied by default, and all is refused
        pub all: bool,
        /// with platform, keep the index unchanged, even though only these manifests are there
        pub sparse: bool,
        /// also signatures, SBOMs and whatever else names the copied manifests as its subject
        ///
        /// what cosign keeps under tags made of the manifests' digests, sha256-HEX.sig, .att and .sbom, is copied too and keeps
        /// these tags, in a layout as names
        pub referrers: bool,
        /// also layers that are meant to be fetched from elsewhere
        pub foreign_layers: bool,
        /// make an OCI image of a schema-1 manifest, which is copied unchanged otherwise
        ///
        /// the signatures of a schema-1 manifest are verified first, and are not part of the OCI image. Schema-1 manifests in an
        /// index are left alone
        pub convert_schema1: bool,
        /// "gzip", "zstd" or "none": for layers that are plain tars
        ///
        /// the default is gzip for layers that come from a docker-archive and go to a registry, as docker and other tools do it,
        /// else none, so that any other copy keeps its digests
        pub compression: Option<Compression>,
        /// 1 to 9 for gzip, 1 for zstd, and refused with "none" (default: 6 for gzip, 1 for zstd)
        pub compression_level: Option<u64>,
        /// 1 to 64: transfers at once
        pub concurrency: u64 = 4,
        /// only say what would be done
        ///
        /// the counts of the result are those of the plan, in which what a killed call has left of a blob counts as still to be moved;
        /// nothing is made at the destination, and no lock is waited for
        pub dry_run: bool,
        /// the descriptor that the `-` of a source docker-archive:- or oci-archive:- stands for
        ///
        /// the descriptor may be a file, a pipe or a socket, and is read from its current position. It stays open, and its position
        /// afterwards is not specified. By default `-` is standard input
        pub source_fd: Option<i32>,
        /// the descriptor that the `-` of a destination docker-archive:- or oci-archive:- stands for
        ///
        /// the descriptor stays open, at the end of what was written. By default `-` is standard output
        pub destination_fd: Option<i32>,
    } and {
        /// The destination's name, which is looked at before anything is read or written, and once more when it is set
        pub names: NameOptions,
    }
}

impl CopyOptions {
    /// The wanted platforms; empty means all.
    pub(crate) fn platforms(&self) -> Result<Vec<Platform>> {
        let mut platforms: Vec<Platform> = Vec::new();
        for text in &self.platform {
            let platform = text.parse::<Platform>()?;
            // A platform that is named twice, in whatever spelling, counts once.
            if !platforms.contains(&platform) {
                platforms.push(platform);
            }
        }
        Ok(platforms)
    }

    fn choice(&self) -> Result<CopyChoice> {
        let invalid = |why: &str| Err(Error::new(Code::InvalidArgument, why));
        if self.all && !self.platform.is_empty() {
            return invalid("the options all and platform exclude each other");
        }
        if self.sparse && self.platform.is_empty() {
            return invalid("the option sparse needs the option platform");
        }
        let platforms = self.platforms()?;
        let Self { sparse, referrers, foreign_layers, .. } = *self;
        let insists = !platforms.is_empty();
        Ok(CopyChoice {
            platforms,
            insists,
            all: self.all,
            sparse,
            referrers,
            foreign_layers,
            new: None,
            checked: false,
        })
    }
}

/// The result of [`copy`].
#[derive(Debug, Serialize)]
pub struct Copied {
    /// The place and name that was copied, as messages call it.
    pub source: String,
    /// The place and name that it was copied to.
    pub destination: String,
    /// The digest of the copied root manifest.
    pub digest: Digest,
    /// The media type of the root manifest.
    #[serde(rename = "mediaType")]
    pub media_type: String,
    /// Counts of manifests: `{total, copied, skipped, referrers}`.
    pub manifests: Value,
    /// Counts of blobs: `{total, copied, mounted, skipped, bytes, bytes_copied, bytes_resumed}`.
    pub blobs: Value,
    /// The endpoints that sent manifests and blobs of it, `HOST[:PORT]` each: the source's registry or its mirrors.
    pub served_by: Vec<String>,
    /// The names that were left as they are, because they refer to something: then nothing was copied.
    pub skipped: Vec<String>,
    /// What made sure that the name could be set; None without a condition.
    pub condition: Option<ConditionCheck>,
    /// Only with `dry_run`: `{manifests: [descriptor…], blobs: [descriptor…]}` that the destination lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Value>,
    /// How long it took to put the root under its name.
    #[serde(skip)]
    pub root_took: Duration,
}

/// Copies what `from` names to what `to` names.
///
/// ```
/// use ocireg::image::Scratch;
/// use ocireg::layout::directory::Directory;
/// use ocireg::layout::oci::OciLayout;
/// use ocireg::registry::{Client, ClientOptions};
/// use ocireg::transfer::copy::{copy, CopyOptions};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// let client = Client::new(ClientOptions::default())?;
/// let call = client.call(None)?;
/// let (layout, directory) = (OciLayout::create(&folder.join("a"), Some("v1"))?, Directory::planned(&folder.join("b")));
///
/// let made = copy(&call, &Scratch::new(Some("linux/amd64"))?, &layout, &CopyOptions::default())?;
/// let copied = copy(&call, &layout, &directory, &CopyOptions::default())?;
/// assert_eq!(copied.digest, made.digest);
///
/// // What is there is not moved again.
/// assert_eq!(copy(&call, &layout, &directory, &CopyOptions::default())?.blobs["copied"], 0);
/// # Ok(())
/// # }
/// ```
pub fn copy(call: &Call, from: &dyn ReadStore, to: &dyn WriteStore, options: &CopyOptions) -> Result<Copied> {
    copy_chosen(call, from, to, options, options.choice()?)
}

/// Copies an index that was made of what is elsewhere.
pub(crate) fn copy_made_index(
    call: &Call,
    from: &dyn ReadStore,
    to: &dyn WriteStore,
    options: &CopyOptions,
) -> Result<Copied> {
    copy_chosen(call, from, to, options, CopyChoice { checked: true, ..options.choice()? })
}

/// Copies an index of which the destination has all entries but these. They are looked for even if its name refers to the index already.
pub(crate) fn copy_index_with(
    call: &Call,
    from: &dyn ReadStore,
    to: &dyn WriteStore,
    new: HashSet<Digest>,
    options: &CopyOptions,
) -> Result<Copied> {
    copy_chosen(call, from, to, options, CopyChoice { new: Some(new), checked: true, ..options.choice()? })
}

fn copy_chosen(
    call: &Call,
    from: &dyn ReadStore,
    to: &dyn WriteStore,
    options: &CopyOptions,
    mut choice: CopyChoice,
) -> Result<Copied> {
    if to.one_platform() && choice.platforms.is_empty() {
        choice.platforms.push(Platform::host());
    }
    let width = width_of(options.concurrency)?;
    let from = &AttributedSource(from);
    call.begin("copy", None)?;
    let condition = options.names.condition()?;
    if let Some(now) = condition.look(call, to).map_err(destination)? {
        return skipped(call, from.place(), to, now);
    }
    let planner = Planner { call, from, to, width, choice: &choice };
    let root = planner.root()?;
    let (meter, fate, root_took) = (Arc::default(), Mutex::default(), Mutex::default());
    let mut job = CopyJob { call, from, to, width, root: root.clone(), meter, condition, fate, root_took };
    let done = to.look(call, &root).map_err(destination)?;
    let mut plan = match done && !choice.referrers && choice.new.is_none() {
        true => Plan { present: 1, ..Plan::default() },
        false => planner.plan(root)?,
    };
    if done && plan.levels.pop().is_some() {
        plan.present += 1;
    }
    let bytes = plan.blobs.iter().map(|blob| blob.size).fold(0, u64::saturating_add);
    job.meter = Arc::new(Meter::new(width, plan.blobs.len() as u64, bytes).watched(call.watches_blobs()));
    if options.dry_run {
        return job.rehearse(&plan);
    }
    if plan.levels.is_empty() {
        return Ok(job.report(&plan, None));
    }
    // The source has been read by now: nothing is created for what cannot be copied.
    to.begin(call).map_err(destination)?;
    call.begin("copy", Some(bytes))?;
    job.blobs(&plan)?;
    job.manifests(&plan)?;
    to.finish(call).map_err(destination)?;
    Ok(job.report(&plan, None))
}

/// Nothing is copied: the destination's name refers to something, and that stays.
pub(crate) fn skipped(call: &Call, source: String, to: &dyn WriteStore, now: Descriptor) -> Result<Copied> {
    Ok(Copied { skipped: vec![to.name()?], ..nothing(call, source, to, now) })
}

/// Nothing had to be copied.
pub(crate) fn nothing(call: &Call, source: String, to: &dyn WriteStore, now: Descriptor) -> Copied {
    Copied {
        source,
        destination: to.place(),
        digest: now.digest,
        media_type: now.media_type,
        manifests: json!({"total": 0, "copied": 0, "skipped": 0, "referrers": 0}),
        blobs: Meter::default().to_json(),
        served_by: Senders::of(call),
        skipped: Vec::new(),
        condition: None,
        plan: None,
        root_took: Duration::ZERO,
    }
}

struct CopyJob<'a> {
    call: &'a Call,
    from: &'a dyn ReadStore,
    to: &'a dyn WriteStore,
    width: usize,
    root: RawManifest,
    meter: Arc<Meter>,
    condition: NameCondition,
    /// What became of the destination's name, if it was set.
    fate: Mutex<Option<NameFate>>,
    root_took: Mutex<Duration>,
}

impl CopyJob<'_> {
    fn blobs(&self, plan: &Plan) -> Result<()> {
        in_parallel(self.call, self.width, &self.meter, plan.blobs.iter().collect(), |call, worker, blob| {
            self.meter.begin(worker, blob);
            let explained = |error| destination(plan.sizes.explain(error, blob));
            let moved = self.to.put_blob(call, blob, self.from).map_err(explained)?;
            self.meter.settle(worker, blob.size, moved);
            Ok(())
        })
    }

    fn manifests(&self, plan: &Plan) -> Result<()> {
        for level in &plan.levels {
            // The root makes the copy visible: by then everything else is done.
            if level.iter().any(|planned| planned.role == Role::Root) {
                self.lists()?;
            }
            in_parallel(self.call, self.width, &self.meter, level.iter().collect(), |call, _, planned| {
                self.put(call, planned).map_err(destination)
            })?;
        }
        self.lists()
    }

    fn put(&self, call: &Call, planned: &Planned) -> Result<()> {
        if planned.role != Role::Root {
            return self.to.put_manifest(call, &planned.content, &planned.role);
        }
        let begun = Instant::now();
        let fate = self.to.put_root(call, &planned.content, &self.condition)?;
        (*lock(&self.fate), *lock(&self.root_took)) = (Some(fate), begun.elapsed());
        Ok(())
    }

    fn lists(&self) -> Result<()> {
        in_parallel(self.call, self.width, &self.meter, self.to.unlisted(), |call, _, subject| {
            self.to.list_referrers(call, &subject).map_err(destination)
        })
    }

    /// Reports what a copy would do.
    fn rehearse(&self, plan: &Plan) -> Result<Copied> {
        let missing = Mutex::new(Vec::new());
        in_parallel(self.call, self.width, &Arc::default(), plan.blobs.iter().collect(), |call, _, blob| {
            let moved = match self.to.has_blob(call, blob).map_err(destination)? {
                true => Moved::Present,
                false => Moved::Copied { resumed: 0 },
            };
            if moved != Moved::Present {
                lock(&missing).push(blob.clone());
            }
            self.meter.settle(0, blob.size, moved);
            Ok(())
        })?;
        let mut missing = crate::mutex::into_inner(missing);
        missing.sort_by_key(|blob: &Descriptor| std::cmp::Reverse(blob.size));
        let manifests: Vec<Descriptor> = plan.levels.iter().flatten().map(|one| one.content.descriptor()).collect();
        Ok(self.report(plan, Some(json!({"manifests": manifests, "blobs": missing}))))
    }

    fn report(&self, plan: &Plan, rehearsed: Option<Value>) -> Copied {
        // Without a fate it was right already, or nothing was to be set.
        let looked = (self.condition != NameCondition::None).then_some(ConditionCheck::Looked);
        let fate = lock(&self.fate).unwrap_or(NameFate::Set(looked));
        // A name that was skipped is there.
        let (skipped, condition) = fate.told(|| self.to.name()).unwrap_or_default();
        let copied = plan.levels.iter().map(Vec::len).sum::<usize>() as u64;
        Copied {
            source: self.from.place(),
            destination: self.to.place(),
            digest: self.root.digest().clone(),
            media_type: self.root.document.media_type.clone(),
            manifests: json!({"total": copied + plan.present, "copied": copied, "skipped": plan.present,
                              "referrers": plan.referrers}),
            blobs: self.meter.to_json(),
            served_by: Senders::of(self.call),
            skipped,
            condition,
            plan: rehearsed,
            root_took: *lock(&self.root_took),
        }
    }
}

fn destination(error: Error) -> Error {
    match error.side() {
        Some(_) => error,
        None => error.with_side(Side::Destination),
    }
}
