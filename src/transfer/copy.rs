//! Copying.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{json, Value};

use super::attributed::Source;
use super::meter::Meter;
use super::plan::{Choice, Plan, Planner};
use super::workers::in_parallel;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result, Side};
use crate::manifest::Descriptor;
use crate::pack::Compression;
use crate::platform::Platform;
use crate::store::{Content, Moved, ReadStore, Role, WriteStore};
use crate::sync::lock;

/// Options of [`copy`].
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CopyOptions {
    /// Of an index, the manifests for these platforms.
    pub platform: Vec<String>,
    /// Says explicitly that an index is copied whole.
    pub all: bool,
    /// With several platforms: keep the index as it is, with manifests missing.
    pub sparse: bool,
    /// Also signatures, SBOMs and whatever else refers to what is copied, by its subject or by a tag made of a digest.
    pub referrers: bool,
    /// Also layers that are meant to be fetched from elsewhere.
    pub foreign_layers: bool,
    /// Make an image of today of a schema-1 manifest. It is [`crate::endpoint::copy`] that does it, where places are opened.
    pub convert_schema1: bool,
    /// How layers that are plain tars are packed. It is [`crate::endpoint::copy`] that does it.
    pub compression: Option<Compression>,
    /// How hard.
    pub compression_level: Option<u64>,
    /// How many transfers at once.
    pub concurrency: u64,
    /// Only say what would be done.
    pub dry_run: bool,
    /// A source `docker-archive:-` or `oci-archive:-` is this descriptor.
    pub source_fd: Option<i32>,
    /// A destination `docker-archive:-` or `oci-archive:-` is this descriptor. It becomes one where numbers do: in `ffi`.
    pub destination_fd: Option<i32>,
}

impl Default for CopyOptions {
    fn default() -> CopyOptions {
        CopyOptions {
            platform: Vec::new(),
            all: false,
            sparse: false,
            referrers: false,
            foreign_layers: false,
            convert_schema1: false,
            compression: None,
            compression_level: None,
            concurrency: 4,
            dry_run: false,
            source_fd: None,
            destination_fd: None,
        }
    }
}

impl CopyOptions {
    /// The platforms that are wanted; none is all.
    pub fn platforms(&self) -> Result<Vec<Platform>> {
        let mut platforms: Vec<Platform> = Vec::new();
        for text in &self.platform {
            let platform = text.parse::<Platform>()?;
            // One that is named twice, in whatever way, is one.
            if !platforms.contains(&platform) {
                platforms.push(platform);
            }
        }
        Ok(platforms)
    }

    fn choice(&self) -> Result<Choice> {
        let invalid = |why: &str| Err(Error::new(Code::InvalidArgument, why));
        if self.all && !self.platform.is_empty() {
            return invalid("the options all and platform exclude each other");
        }
        if self.sparse && self.platform.is_empty() {
            return invalid("the option sparse needs the option platform");
        }
        if !(1..=64).contains(&self.concurrency) {
            return invalid("the option concurrency is 1 to 64");
        }
        let platforms = self.platforms()?;
        let Self { sparse, referrers, foreign_layers, .. } = *self;
        let insists = !platforms.is_empty();
        Ok(Choice { platforms, insists, all: self.all, sparse, referrers, foreign_layers })
    }
}

/// What a copy did.
#[derive(Debug, Serialize)]
pub struct Copied {
    /// Where from.
    pub source: String,
    /// Where to.
    pub destination: String,
    /// The digest of what was copied.
    pub digest: Digest,
    /// Its media type.
    #[serde(rename = "mediaType")]
    pub media_type: String,
    /// `{total, copied, skipped, referrers}`.
    pub manifests: Value,
    /// `{total, copied, mounted, skipped, bytes, bytes_copied, bytes_resumed}`.
    pub blobs: Value,
    /// Only with `dry_run`: `{manifests: [descriptor…], blobs: [descriptor…]}` that the destination lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Value>,
}

/// Copies what `from` names to what `to` names.
pub fn copy(call: &Call, from: &dyn ReadStore, to: &dyn WriteStore, options: &CopyOptions) -> Result<Copied> {
    let mut choice = options.choice()?;
    if to.one_platform() && choice.platforms.is_empty() {
        choice.platforms.push(Platform::host());
    }
    let width = usize::try_from(options.concurrency).unwrap_or(1);
    let from = &Source(from);
    call.begin("copy", None)?;
    let planner = Planner { call, from, to, width, choice: &choice };
    let root = planner.root()?;
    let mut job = Job { call, from, to, width, root: root.clone(), meter: Arc::default() };
    let done = to.look(call, &root).map_err(destination)?;
    let mut plan = match done && !choice.referrers {
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
    // Whatever the source refuses, it has refused by now: nothing is made for what cannot be copied.
    to.begin(call).map_err(destination)?;
    call.begin("copy", Some(bytes))?;
    job.blobs(&plan)?;
    job.manifests(&plan)?;
    to.finish(call).map_err(destination)?;
    Ok(job.report(&plan, None))
}

struct Job<'a> {
    call: &'a Call,
    from: &'a dyn ReadStore,
    to: &'a dyn WriteStore,
    width: usize,
    root: Content,
    meter: Arc<Meter>,
}

impl Job<'_> {
    fn blobs(&self, plan: &Plan) -> Result<()> {
        in_parallel(self.call, self.width, &self.meter, plan.blobs.iter().collect(), |call, worker, blob| {
            self.meter.begin(worker, blob);
            let moved = self.to.put_blob(call, blob, self.from).map_err(destination)?;
            self.meter.settle(worker, blob.size, moved);
            Ok(())
        })
    }

    fn manifests(&self, plan: &Plan) -> Result<()> {
        for level in &plan.levels {
            // With the root the whole becomes visible: by then everything else is done.
            if level.iter().any(|planned| planned.role == Role::Root) {
                self.lists()?;
            }
            in_parallel(self.call, self.width, &self.meter, level.iter().collect(), |call, _, planned| {
                self.to.put_manifest(call, &planned.content, &planned.role).map_err(destination)
            })?;
        }
        self.lists()
    }

    fn lists(&self) -> Result<()> {
        in_parallel(self.call, self.width, &self.meter, self.to.unlisted(), |call, _, subject| {
            self.to.list_referrers(call, &subject).map_err(destination)
        })
    }

    /// What would be done.
    fn rehearse(&self, plan: &Plan) -> Result<Copied> {
        let missing = std::sync::Mutex::new(Vec::new());
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
        let mut missing = crate::sync::into_inner(missing);
        missing.sort_by_key(|blob: &Descriptor| std::cmp::Reverse(blob.size));
        let manifests: Vec<Descriptor> = plan.levels.iter().flatten().map(|one| one.content.descriptor()).collect();
        Ok(self.report(plan, Some(json!({"manifests": manifests, "blobs": missing}))))
    }

    fn report(&self, plan: &Plan, rehearsed: Option<Value>) -> Copied {
        let copied = plan.levels.iter().map(Vec::len).sum::<usize>() as u64;
        Copied {
            source: self.from.place(),
            destination: self.to.place(),
            digest: self.root.digest().clone(),
            media_type: self.root.document.media_type.clone(),
            manifests: json!({"total": copied + plan.present, "copied": copied, "skipped": plan.present,
                              "referrers": plan.referrers}),
            blobs: self.meter.to_json(),
            plan: rehearsed,
        }
    }
}

fn destination(error: Error) -> Error {
    match error.side() {
        Some(_) => error,
        None => error.with_side(Side::Destination),
    }
}
