//! What a copy has to transfer: the manifests, children first, and each blob once.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use super::meter::Meter;
use super::named_sizes::NamedSizes;
use super::workers::in_parallel;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result, Side};
use crate::manifest::index_entries::IndexEntry;
use crate::manifest::{Descriptor, Document, Kind};
use crate::media_type as types;
use crate::mutex::lock;
use crate::platform::Platform;
use crate::store::chosen_entries::chosen_entries;
use crate::store::platform_descent::{self, Chosen};
use crate::store::{RawManifest, ReadStore, Role, WriteStore};

/// The hint for an incomplete index.
const SPARSE: &str = "the index names manifests that are missing: the option platform copies those present, and the option sparse also keeps the index unchanged";
/// A copy with more manifests is refused.
const MOST: usize = 100_000;

/// What to copy from an index.
#[derive(Debug, Clone, Default)]
pub(crate) struct CopyChoice {
    /// The wanted platforms; empty means all.
    pub(crate) platforms: Vec<Platform>,
    /// The caller named them, so an image outside an index must be for one of them.
    pub(crate) insists: bool,
    /// The whole index is copied.
    pub(crate) all: bool,
    /// Keep the index unchanged although some of its manifests are not copied.
    pub(crate) sparse: bool,
    /// Also copy referrers.
    pub(crate) referrers: bool,
    /// Also copy layers that are normally fetched from elsewhere.
    pub(crate) foreign_layers: bool,
    /// Of the entries of the root only these are the source's; the others are at the destination.
    pub(crate) new: Option<HashSet<Digest>>,
    /// The root is made of entries of other indexes: what they say is compared with what they are about, also where that is at the
    /// destination already.
    pub(crate) checked: bool,
}

impl CopyChoice {
    /// Whether an entry of a manifest is to be looked for in the source.
    fn is_sources(&self, planned: &Planned, entry: &Descriptor) -> bool {
        let is_new = || self.new.as_ref().is_none_or(|new| new.contains(&entry.digest));
        planned.role != Role::Root || is_new()
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub(crate) content: RawManifest,
    pub(crate) role: Role,
}

#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Manifests, level by level: each level needs only the previous ones. The root is last.
    pub(crate) levels: Vec<Vec<Planned>>,
    /// The blobs, largest first.
    pub(crate) blobs: Vec<Descriptor>,
    /// Whatever was named, with its size.
    pub(crate) sizes: NamedSizes,
    /// Manifests that the destination has, with everything below them.
    pub(crate) present: u64,
    /// How many of the manifests are referrers.
    pub(crate) referrers: u64,
}

/// Walks through a source to plan a copy.
pub(crate) struct Planner<'a> {
    pub(crate) call: &'a Call,
    pub(crate) from: &'a dyn ReadStore,
    pub(crate) to: &'a dyn WriteStore,
    /// How many requests run in parallel.
    pub(crate) width: usize,
    pub(crate) choice: &'a CopyChoice,
}

#[derive(Default)]
struct FetchedLevel {
    contents: Vec<Planned>,
    present: u64,
}

impl Planner<'_> {
    /// The root manifest for what was chosen: the image for a single platform, otherwise an index.
    pub(crate) fn root(&self) -> Result<RawManifest> {
        let platforms = self.choice.platforms.as_slice();
        let among = if self.choice.sparse { &[] } else { platforms };
        let asked = if self.choice.insists { platforms } else { &[] };
        let root = platform_descent::root(self.call, self.from, among, asked)?;
        if root.document.kind != Kind::Index {
            return Ok(root);
        }
        if self.choice.all && self.to.one_platform() {
            let message = format!("{} can hold images, but not an index", self.to.place());
            let error = Error::new(Code::Unsupported, message).with_side(Side::Destination);
            return Err(
                error.with_hint("without the option all, one platform is copied; an oci-archive can hold all of them")
            );
        }
        if platforms.is_empty() {
            return Ok(root);
        }
        match platforms {
            [only] if !self.choice.sparse => {
                platform_descent::choose(self.call, self.from, &root.document, only)?.content(self.call, self.from)
            }
            _ if self.choice.sparse => Ok(root),
            _ => narrowed(&root, self.entries(&root.document)?),
        }
    }

    /// The images for the wanted platforms.
    fn chosen(&self, index: &Document) -> Result<Vec<Chosen>> {
        let platforms = self.choice.platforms.iter();
        platforms.map(|platform| platform_descent::choose(self.call, self.from, index, platform)).collect()
    }

    /// Their entries, and those that attest something about them.
    fn entries(&self, index: &Document) -> Result<Vec<IndexEntry>> {
        chosen_entries(self.call, self.from, index, self.chosen(index)?)
    }

    /// The wanted parts of a sparse index: the images, what attests something about them, and the indexes that lead to them. None means
    /// all.
    fn sparse(&self, root: &Document) -> Result<Option<HashSet<Digest>>> {
        if !self.choice.sparse || root.kind != Kind::Index {
            return Ok(None);
        }
        let chosen = self.chosen(root)?;
        let paths = chosen.iter().flat_map(|chosen| &chosen.path).map(|(_, digest)| digest.clone());
        let paths: HashSet<Digest> = paths.collect();
        let entries = chosen_entries(self.call, self.from, root, chosen)?.into_iter();
        Ok(Some(entries.map(|entry| entry.descriptor.digest).chain(paths).collect()))
    }

    pub(crate) fn plan(&self, root: RawManifest) -> Result<Plan> {
        let mut plan = Plan::default();
        let sparse = self.sparse(&root.document)?;
        plan.sizes.add(&root.descriptor(), root.digest())?;
        let mut tags = HashSet::new();
        let (mut all, mut depth) = (Vec::new(), 0);
        let mut level = vec![Planned { content: root, role: Role::Root }];
        while !level.is_empty() {
            // There may be images below the last index.
            if depth > platform_descent::DEPTH {
                return Err(platform_descent::too_deep());
            }
            let mut wanted = Vec::new();
            for planned in &level {
                self.call.check()?;
                self.add_blobs(planned, &mut plan)?;
                let by = planned.content.digest();
                wanted.extend(self.below(planned, sparse.as_ref())?.into_iter().map(|below| (by.clone(), below)));
            }
            let wanted = unseen(wanted, &mut plan.sizes, &mut tags)?;
            if plan.sizes.len() + tags.len() > MOST {
                return Err(Error::new(Code::LimitExceeded, format!("there are more than {MOST} manifests to copy")));
            }
            depth += 1;
            all.extend(level);
            let found = self.fetch(wanted)?;
            plan.present += found.present;
            level = found.contents;
        }
        plan.referrers =
            all.iter().filter(|planned| matches!(planned.role, Role::Referrer | Role::DigestTag(_))).count() as u64;
        plan.levels = levels(all);
        plan.blobs.sort_by_key(|blob: &Descriptor| std::cmp::Reverse(blob.size));
        Ok(plan)
    }

    /// The manifests that are copied because of another.
    fn below(&self, planned: &Planned, sparse: Option<&HashSet<Digest>>) -> Result<Vec<(Descriptor, Role)>> {
        let children = children(planned, sparse).into_iter();
        let mut below: Vec<_> = children.filter(|(entry, _)| self.choice.is_sources(planned, entry)).collect();
        below.extend(self.referring(planned)?);
        Ok(below)
    }

    /// What refers to a manifest, if that is copied too.
    fn referring(&self, planned: &Planned) -> Result<Vec<(Descriptor, Role)>> {
        if !self.choice.referrers {
            return Ok(Vec::new());
        }
        let digest = planned.content.digest();
        let named = self.from.referrers(self.call, digest)?.into_iter().map(|entry| (entry, Role::Referrer));
        let tagged = self.from.digest_tags(self.call, digest)?.into_iter();
        Ok(named.chain(tagged.map(|(tag, entry)| (entry, Role::DigestTag(tag)))).collect())
    }

    fn add_blobs(&self, planned: &Planned, plan: &mut Plan) -> Result<()> {
        let (document, by) = (&planned.content.document, planned.content.digest());
        let others = document.manifests().iter().filter(|entry| !types::is_manifest(&entry.media_type));
        let others = others.filter(|entry| self.choice.is_sources(planned, entry));
        let named = document.config().into_iter().chain(document.layers()).chain(others);
        for blob in named {
            let foreign = types::is_foreign(&blob.media_type) && !self.choice.foreign_layers;
            if !foreign && plan.sizes.add(blob, by)? {
                plan.blobs.push(blob.clone());
            }
        }
        for digest in document.fs_layers()? {
            if !plan.sizes.has(&digest) {
                let size = self.from.size(self.call, &digest)?;
                let layer = Descriptor::new(types::DOCKER_LAYER, digest, size);
                plan.sizes.add(&layer, by)?;
                plan.blobs.push(layer);
            }
        }
        Ok(())
    }

    /// Fetches manifests, except those that the destination has.
    fn fetch(&self, wanted: Vec<(Descriptor, Role)>) -> Result<FetchedLevel> {
        let found = Mutex::new(FetchedLevel::default());
        let order: Vec<Digest> = wanted.iter().map(|(entry, _)| entry.digest.clone()).collect();
        in_parallel(self.call, self.width, &Arc::new(Meter::default()), wanted, |call, _, (entry, role)| {
            // A referrer that the destination has may not be listed as one, and may have its own referrers.
            let is_child = role == Role::Child;
            let is_there = is_child && !self.choice.referrers && self.to.has_manifest(call, &entry.digest)?;
            let content = match is_there && !self.choice.checked {
                true => None,
                false => match self.from.manifest(call, &entry) {
                    Err(error) if is_there && matches!(error.code(), Code::NotFound | Code::MissingBlob) => None,
                    Err(error) if is_child && error.code() == Code::NotFound => return Err(error.with_hint(SPARSE)),
                    outcome => Some(outcome?),
                },
            };
            match content.filter(|_| !is_there) {
                Some(content) => lock(&found).contents.push(Planned { content, role }),
                None => lock(&found).present += 1,
            }
            Ok(())
        })?;
        let mut found = crate::mutex::into_inner(found);
        // Whichever response came first, the order is the source's.
        let places: HashMap<&Digest, usize> = order.iter().enumerate().rev().map(|(at, digest)| (digest, at)).collect();
        found.contents.sort_by_key(|planned| places.get(planned.content.digest()).copied());
        Ok(found)
    }
}

/// The children of a manifest. Referrers are copied completely, even in a sparse copy.
fn children(planned: &Planned, sparse: Option<&HashSet<Digest>>) -> Vec<(Descriptor, Role)> {
    let is_whole = !matches!(planned.role, Role::Root | Role::Child);
    let wanted = |entry: &&Descriptor| is_whole || sparse.is_none_or(|wanted| wanted.contains(&entry.digest));
    let entries = planned.content.document.manifests().iter().filter(|entry| types::is_manifest(&entry.media_type));
    entries.filter(wanted).map(|entry| (entry.clone(), Role::Child)).collect()
}

/// What manifests name that was not named before. One with a digest tag has to be put under it, whatever else it is.
fn unseen(
    wanted: Vec<(Digest, (Descriptor, Role))>,
    sizes: &mut NamedSizes,
    tags: &mut HashSet<String>,
) -> Result<Vec<(Descriptor, Role)>> {
    let mut new = Vec::new();
    for (by, (entry, role)) in wanted {
        let is_new = match &role {
            Role::DigestTag(tag) => tags.insert(tag.clone()),
            _ => sizes.add(&entry, &by)?,
        };
        new.extend(is_new.then_some((entry, role)));
    }
    Ok(new)
}

/// Manifests in the order in which they can be put: those put by digest, then those with a digest tag, and the root
/// last, because it makes the copy visible.
fn levels(mut all: Vec<Planned>) -> Vec<Vec<Planned>> {
    let root = (!all.is_empty()).then(|| all.remove(0));
    let (tagged, named) = all.into_iter().partition(|planned| matches!(planned.role, Role::DigestTag(_)));
    let mut levels = ordered(named);
    levels.extend(ordered(tagged));
    levels.extend(root.map(|root| vec![root]));
    levels
}

/// Orders manifests in levels, each of which needs only the previous ones.
fn ordered(mut waiting: Vec<Planned>) -> Vec<Vec<Planned>> {
    let mut levels: Vec<Vec<Planned>> = Vec::new();
    while !waiting.is_empty() {
        let unput: HashSet<Digest> = waiting.iter().map(|planned| planned.content.digest().clone()).collect();
        let is_ready =
            |planned: &Planned| planned.content.document.manifests().iter().all(|entry| !unput.contains(&entry.digest));
        let (ready, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_ready);
        // Digests cannot form a cycle; if there were one, nothing would ever be ready.
        if ready.is_empty() {
            levels.push(later);
            break;
        }
        levels.push(ready);
        waiting = later;
    }
    levels
}

/// The index with only these images, and what attests something about them.
fn narrowed(root: &RawManifest, entries: Vec<IndexEntry>) -> Result<RawManifest> {
    let mut value = root.document.value.clone();
    value["manifests"] = entries.into_iter().map(IndexEntry::into_raw).collect();
    RawManifest::parse(value.to_string().into_bytes(), Some(&root.document.media_type), None)
}
