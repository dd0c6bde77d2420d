//! Layouts and archives as repositories to write to.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Mutex, OnceLock};

use super::local::{called, parts};
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::layout::archive::ArchiveOfSeveral;
use crate::layout::oci::{InBatch, IndexBatch, OciLayout, SeenNames};
use crate::layout::whole_name;
use crate::manifest::Descriptor;
use crate::mutex::lock;
use crate::repositories::DestinationRepository;
use crate::store::condition::UnsetName;
use crate::store::{is_digest_tag, WriteStore};

/// Where images go on this machine.
#[derive(Clone)]
pub(super) enum LocalTarget {
    /// Its names are written together.
    Layout(String, IndexBatch),
    /// One for all repositories that go there.
    Archive(ArchiveOfSeveral),
}

/// A repository in a layout or an archive to write to.
pub(super) struct LocalDestination {
    target: LocalTarget,
    repository: Option<String>,
    /// What its tags refer to, and what has a digest, once they were looked at. One tag may stand there in two spellings: the last one counts.
    known: Mutex<Option<HashMap<String, Vec<Descriptor>>>>,
    /// What the names of a layout referred to then.
    seen: OnceLock<SeenNames>,
}

impl LocalDestination {
    pub(super) fn new(target: LocalTarget, repository: Option<String>) -> LocalDestination {
        LocalDestination { target, repository, known: Mutex::default(), seen: OnceLock::new() }
    }

    fn show(&self) -> String {
        match &self.target {
            LocalTarget::Layout(path, _) => format!("oci:{path}"),
            LocalTarget::Archive(archive) => archive.place(),
        }
    }

    /// What a tag is called there; None of a digest.
    fn whole(&self, name: &str) -> Option<String> {
        match &self.repository {
            _ if name.parse::<Digest>().is_ok() => None,
            Some(repository) => Some(format!("{repository}:{name}")),
            None => Some(name.to_owned()),
        }
    }

    fn with_known<T>(&self, call: &Call, look: impl FnOnce(&HashMap<String, Vec<Descriptor>>) -> T) -> Result<T> {
        let mut known = lock(&self.known);
        if let Some(known) = known.as_ref() {
            return Ok(look(known));
        }
        let entries = match &self.target {
            LocalTarget::Layout(path, _) => OciLayout::planned(Path::new(path), None)?.entries()?,
            LocalTarget::Archive(archive) => archive.entries(call)?,
        };
        if matches!(self.target, LocalTarget::Layout(..)) {
            self.seen.get_or_init(|| SeenNames::of(&entries));
        }
        let mut found: HashMap<String, Vec<Descriptor>> = HashMap::new();
        for entry in entries {
            if let Some(tag) = self.tag_of(&entry) {
                found.entry(tag).or_default().push(entry.clone());
            }
            found.entry(entry.digest.to_string()).or_default().push(entry);
        }
        Ok(look(known.insert(found)))
    }

    /// The tag under which an entry is one of this repository.
    fn tag_of(&self, entry: &Descriptor) -> Option<String> {
        let (repository, tag) = parts(whole_name(entry)?)?;
        (repository == self.repository).then_some(tag)
    }

    /// Takes tags out of an index, if they refer to what was listed. Gives what became of each.
    fn take_out(&self, entries: &mut Vec<Descriptor>, tags: &[String], listed: &[Vec<Descriptor>]) -> Vec<Result<()>> {
        let known: HashMap<&str, &Vec<Descriptor>> = tags.iter().map(String::as_str).zip(listed).collect();
        let found: Vec<Option<String>> = entries.iter().map(|entry| self.tag_of(entry)).collect();
        let mut set_anew: HashSet<String> = HashSet::new();
        for (entry, tag) in entries.iter().zip(&found) {
            let Some((tag, listed)) = tag.as_ref().and_then(|tag| Some((tag, known.get(tag.as_str())?))) else {
                continue;
            };
            if !listed.iter().any(|one| one.digest == entry.digest) {
                set_anew.insert(tag.clone());
            }
        }
        let mut goes = found
            .iter()
            .map(|tag| tag.as_ref().is_some_and(|tag| known.contains_key(tag.as_str()) && !set_anew.contains(tag)));
        entries.retain(|_| !goes.next().unwrap_or_default());
        let outcome = |tag: &String| match set_anew.contains(tag) {
            false => Ok(()),
            true => {
                let message = format!("'{tag}' was set again in {} meanwhile, and is kept", self.show());
                Err(Error::new(Code::DigestMismatch, message))
            }
        };
        tags.iter().map(outcome).collect()
    }
}

impl DestinationRepository for LocalDestination {
    fn place(&self) -> String {
        called(&self.show(), self.repository.as_deref())
    }

    fn identity(&self) -> String {
        called(&self.holder(), self.repository.as_deref())
    }

    fn holder(&self) -> String {
        match &self.target {
            LocalTarget::Layout(path, _) => OciLayout::identity(Path::new(path)),
            LocalTarget::Archive(archive) => archive.identity(),
        }
    }

    fn image(&self, name: &str) -> String {
        match self.whole(name) {
            Some(whole) => format!("{}:{whole}", self.show()),
            None => format!("{}@{name}", self.show()),
        }
    }

    fn tags(&self, call: &Call, wanted: &dyn Fn(&str) -> bool, take: &mut dyn FnMut(&str)) -> Result<bool> {
        self.with_known(call, |known| {
            let is_tag = |name: &&str| !name.contains(':') && !is_digest_tag(name) && wanted(name);
            known.keys().map(String::as_str).filter(is_tag).for_each(take);
        })?;
        Ok(true)
    }

    fn look(&self, call: &Call, name: &str) -> Result<Option<Descriptor>> {
        self.with_known(call, |known| known.get(name).and_then(|entries| entries.last()).cloned())
    }

    fn open(&self, name: &str, _: bool) -> Result<Box<dyn WriteStore>> {
        let whole = self.whole(name);
        Ok(match &self.target {
            LocalTarget::Layout(path, batch) => {
                let layout = OciLayout::planned(Path::new(path), whole.as_deref())?;
                let seen = whole.as_deref().zip(self.seen.get()).map(|(whole, seen)| seen.of_name(whole));
                let seen = seen.unwrap_or_default();
                let named = lock(&self.known).as_ref().map(|known| known.get(name).and_then(|all| all.last()).cloned());
                Box::new(match named {
                    Some(named) => layout.in_batch(InBatch::new(batch, self.image(name), named, seen)),
                    None => layout,
                })
            }
            LocalTarget::Archive(archive) => Box::new(archive.part(whole.as_deref())?),
        })
    }

    // Another program, or a disk that was full, may have left half of an image under its name.
    fn is_complete(&self, call: &Call, named: &Descriptor) -> Result<bool> {
        match &self.target {
            LocalTarget::Layout(path, _) => OciLayout::planned(Path::new(path), None)?.is_complete(call, named),
            LocalTarget::Archive(archive) => archive.is_complete(call, named),
        }
    }

    fn is_rewritten(&self) -> bool {
        matches!(&self.target, LocalTarget::Archive(archive) if archive.is_changed())
    }

    fn is_sound(&self, call: &Call, named: &Descriptor) -> Result<bool> {
        match &self.target {
            LocalTarget::Layout(..) => self.is_complete(call, named),
            LocalTarget::Archive(archive) => archive.is_sound(call, named),
        }
    }

    fn is_at_hand(&self) -> bool {
        true
    }

    // The files of a layout get their names when they are on the disk.
    fn puts_at_once(&self) -> bool {
        matches!(self.target, LocalTarget::Archive(_))
    }

    fn remove(&self, call: &Call, tags: &[String]) -> Result<Vec<Result<()>>> {
        // By what they are called there, even if another program wrote it.
        let listed: Vec<Vec<Descriptor>> = self
            .with_known(call, |known| tags.iter().map(|tag| known.get(tag).cloned().unwrap_or_default()).collect())?;
        match &self.target {
            LocalTarget::Archive(archive) => {
                let names = |entries: &Vec<Descriptor>| {
                    entries.iter().filter_map(whole_name).try_for_each(|whole| archive.remove(call, whole))
                };
                Ok(listed.iter().map(names).collect())
            }
            LocalTarget::Layout(path, _) => {
                let mut outcomes = Vec::new();
                OciLayout::planned(Path::new(path), None)?.change_index(call, |entries| {
                    outcomes = self.take_out(entries, tags, &listed);
                    Ok(())
                })?;
                Ok(outcomes)
            }
        }
    }

    fn written_last(&self) -> Option<String> {
        match &self.target {
            LocalTarget::Archive(archive) => Some(archive.identity()),
            LocalTarget::Layout(..) => None,
        }
    }

    fn settle(&self, call: &Call) -> Result<Vec<UnsetName>> {
        match &self.target {
            LocalTarget::Archive(_) => Ok(Vec::new()),
            LocalTarget::Layout(path, batch) => batch.settle(call, &OciLayout::planned(Path::new(path), None)?),
        }
    }

    fn reserve(&self, call: &Call) -> Result<()> {
        match &self.target {
            LocalTarget::Archive(archive) => archive.reserve(call),
            LocalTarget::Layout(..) => Ok(()),
        }
    }

    fn finish(&self, call: &Call) -> Result<()> {
        match &self.target {
            LocalTarget::Archive(archive) => archive.finish(call),
            LocalTarget::Layout(..) => Ok(()),
        }
    }

    fn let_go(&self, call: &Call) {
        match &self.target {
            LocalTarget::Archive(archive) => archive.let_go(),
            // What has been brought by then has its name, if that is possible.
            LocalTarget::Layout(..) => drop(self.settle(call)),
        }
    }
}
