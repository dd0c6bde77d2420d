//! Layouts and archives as repositories: what is called by a tag alone is in one that has no name, and what is called
//! `HOST/REPOSITORY:TAG` in that one.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::layout::archive::{ArchiveFormat, ArchiveOfSeveral, ArchiveReader};
use crate::layout::oci::OciLayout;
use crate::layout::whole_name;
use crate::manifest::Descriptor;
use crate::reference::{is_tag, Reference};
use crate::registry::Client;
use crate::repositories::{DestinationRepository, SourceRepository};
use crate::store::{is_digest_tag, ReadStore, WriteStore};
use crate::sync::lock;

/// `HOST/REPOSITORY`, if there is one, and a tag; None of what is neither.
fn parts(name: &str) -> Option<(Option<String>, String)> {
    if !name.contains(['/', ':']) {
        return is_tag(name).then(|| (None, name.to_owned()));
    }
    let reference = Reference::parse(name, None).ok().filter(|reference| reference.digest().is_none())?;
    Some((Some(reference.repository().full_name()), reference.tag()?.to_owned()))
}

/// Where images are on this machine.
#[derive(Clone)]
pub(super) enum LocalPlace {
    Layout(String),
    /// It is opened once.
    Archive(Arc<ArchiveReader>),
}

impl LocalPlace {
    pub(super) fn archive(client: &Client, path: &str) -> LocalPlace {
        let space = client.temporary_space();
        LocalPlace::Archive(Arc::new(ArchiveReader::new(Path::new(path), None, ArchiveFormat::Oci, None, space)))
    }

    fn show(&self) -> String {
        match self {
            LocalPlace::Layout(path) => format!("oci:{path}"),
            LocalPlace::Archive(reader) => reader.place(),
        }
    }

    fn entries(&self, call: &Call) -> Result<Vec<Descriptor>> {
        match self {
            LocalPlace::Layout(path) => OciLayout::open(Path::new(path), None)?.entries(),
            LocalPlace::Archive(reader) => reader.entries(call),
        }
    }

    /// The repositories that are in it.
    pub(super) fn repositories(&self, call: &Call) -> Result<Vec<LocalSource>> {
        let mut found: BTreeMap<Option<String>, BTreeMap<String, LocalImage>> = BTreeMap::new();
        let (mut odd, mut first_odd) = (0, String::new());
        for entry in self.entries(call)? {
            let Some(name) = whole_name(&entry).map(str::to_owned) else { continue };
            match parts(&name) {
                Some((repository, tag)) => {
                    let names = found.entry(repository).or_default();
                    let other = names.get(&tag).filter(|other| other.entry.digest != entry.digest);
                    let other = other.map(|other| other.whole.clone());
                    names.insert(tag, LocalImage { whole: name, entry, other });
                }
                None => {
                    odd += 1;
                    first_odd = crate::text::shorten(&name);
                }
            }
        }
        if odd > 0 {
            let text =
                format!("{odd} names that are not tags, or images with tags, are left out, such as '{first_odd}'");
            call.warn_of(&self.show(), &text)?;
        }
        let source = |(repository, names)| LocalSource { place: self.clone(), repository, names };
        Ok(found.into_iter().map(source).collect())
    }
}

/// An image in a layout or an archive.
struct LocalImage {
    /// What it is called there.
    whole: String,
    entry: Descriptor,
    /// What another image is called that has the same tag of the same repository.
    other: Option<String>,
}

/// A repository in a layout or an archive, as it was when it was listed.
pub(super) struct LocalSource {
    place: LocalPlace,
    /// `HOST/REPOSITORY`; None: its images are called by their tags alone.
    pub(super) repository: Option<String>,
    /// By their tags.
    names: BTreeMap<String, LocalImage>,
}

impl LocalSource {
    /// The tag of an image that is called so here.
    pub(super) fn tag_of(&self, name: &str) -> Option<String> {
        let (repository, tag) = parts(name)?;
        (repository == self.repository && self.names.contains_key(&tag)).then_some(tag)
    }

    fn find(&self, name: &str) -> Result<&LocalImage> {
        let short = crate::text::shorten;
        let Some(found) = self.names.get(name) else {
            return Err(Error::new(Code::NotFound, format!("{} has no '{}'", self.place.show(), short(name))));
        };
        match &found.other {
            None => Ok(found),
            Some(other) => {
                let (place, one, other) = (self.place.show(), short(&found.whole), short(other));
                let message = format!("{place} has two images of one name: '{other}' and '{one}'");
                Err(Error::new(Code::InvalidArgument, message))
            }
        }
    }
}

impl SourceRepository for LocalSource {
    fn place(&self) -> String {
        called(&self.place.show(), self.repository.as_deref())
    }

    fn image(&self, name: &str) -> String {
        let whole = self.names.get(name).map_or(name, |image| &image.whole);
        format!("{}:{whole}", self.place.show())
    }

    fn has(&self, _: &Call, name: &str) -> Result<bool> {
        Ok(self.names.contains_key(name))
    }

    fn tags(&self, _: &Call, _: bool, take: &mut dyn FnMut(&str)) -> Result<()> {
        self.names.keys().map(String::as_str).for_each(take);
        Ok(())
    }

    fn look(&self, _: &Call, name: &str) -> Result<Descriptor> {
        Ok(self.find(name)?.entry.clone())
    }

    fn open(&self, name: &str) -> Result<Box<dyn ReadStore>> {
        let whole = &self.find(name)?.whole;
        Ok(match &self.place {
            LocalPlace::Layout(path) => Box::new(OciLayout::open(Path::new(path), Some(whole))?),
            LocalPlace::Archive(reader) => Box::new(reader.renamed(whole)),
        })
    }
}

/// Where images go on this machine.
#[derive(Clone)]
pub(super) enum LocalTarget {
    Layout(String),
    /// One for all repositories that go there.
    Archive(ArchiveOfSeveral),
}

/// A repository in a layout or an archive to write to.
pub(super) struct LocalDestination {
    target: LocalTarget,
    repository: Option<String>,
    /// What its tags refer to, once they were looked at. One tag may stand there in two spellings: the last one counts.
    known: Mutex<Option<HashMap<String, Vec<Descriptor>>>>,
}

impl LocalDestination {
    pub(super) fn new(target: LocalTarget, repository: Option<String>) -> LocalDestination {
        LocalDestination { target, repository, known: Mutex::default() }
    }

    fn show(&self) -> String {
        match &self.target {
            LocalTarget::Layout(path) => format!("oci:{path}"),
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
            LocalTarget::Layout(path) => OciLayout::planned(Path::new(path), None)?.entries()?,
            LocalTarget::Archive(archive) => archive.entries(call)?,
        };
        let mut found: HashMap<String, Vec<Descriptor>> = HashMap::new();
        for entry in entries {
            if let Some(tag) = self.tag_of(&entry) {
                found.entry(tag).or_default().push(entry);
            }
        }
        Ok(look(known.insert(found)))
    }

    /// The tag under which an entry is one of this repository.
    fn tag_of(&self, entry: &Descriptor) -> Option<String> {
        let (repository, tag) = parts(whole_name(entry)?)?;
        (repository == self.repository).then_some(tag)
    }
}

impl DestinationRepository for LocalDestination {
    fn place(&self) -> String {
        called(&self.show(), self.repository.as_deref())
    }

    fn identity(&self) -> String {
        let place = match &self.target {
            LocalTarget::Layout(path) => OciLayout::identity(Path::new(path)),
            LocalTarget::Archive(archive) => archive.identity(),
        };
        called(&place, self.repository.as_deref())
    }

    fn image(&self, name: &str) -> String {
        match self.whole(name) {
            Some(whole) => format!("{}:{whole}", self.show()),
            None => format!("{}@{name}", self.show()),
        }
    }

    fn tags(&self, call: &Call, take: &mut dyn FnMut(&str)) -> Result<bool> {
        self.with_known(call, |known| {
            known.keys().map(String::as_str).filter(|tag| !is_digest_tag(tag)).for_each(take);
        })?;
        Ok(true)
    }

    fn look(&self, call: &Call, name: &str) -> Result<Option<Descriptor>> {
        self.with_known(call, |known| known.get(name).and_then(|entries| entries.last()).cloned())
    }

    fn open(&self, name: &str, _: bool) -> Result<Box<dyn WriteStore>> {
        let whole = self.whole(name);
        Ok(match &self.target {
            LocalTarget::Layout(path) => Box::new(OciLayout::planned(Path::new(path), whole.as_deref())?),
            LocalTarget::Archive(archive) => Box::new(archive.part(whole.as_deref())?),
        })
    }

    fn is_at_hand(&self) -> bool {
        true
    }

    // The files of a layout get their names when they are on the disk.
    fn puts_at_once(&self) -> bool {
        matches!(self.target, LocalTarget::Archive(_))
    }

    fn remove(&self, call: &Call, tag: &str) -> Result<()> {
        // By what it is called there, whoever wrote it.
        let listed = self.with_known(call, |known| known.get(tag).cloned().unwrap_or_default())?;
        match &self.target {
            LocalTarget::Archive(archive) => {
                listed.iter().filter_map(whole_name).try_for_each(|whole| archive.remove(call, whole))
            }
            LocalTarget::Layout(path) => OciLayout::planned(Path::new(path), None)?.change_index(call, |entries| {
                let is_one = |entry: &Descriptor| self.tag_of(entry).as_deref() == Some(tag);
                let is_listed = |entry: &&Descriptor| listed.iter().any(|one| one.digest == entry.digest);
                if entries.iter().filter(|entry| is_one(entry)).any(|entry| !is_listed(&entry)) {
                    let message = format!("'{tag}' was set anew in {} meanwhile, and stays", self.show());
                    return Err(Error::new(Code::DigestMismatch, message));
                }
                entries.retain(|entry| !is_one(entry));
                Ok(())
            }),
        }
    }

    fn written_last(&self) -> Option<String> {
        match &self.target {
            LocalTarget::Archive(archive) => Some(archive.identity()),
            LocalTarget::Layout(_) => None,
        }
    }

    fn finish(&self, call: &Call) -> Result<()> {
        match &self.target {
            LocalTarget::Archive(archive) => archive.finish(call),
            LocalTarget::Layout(_) => Ok(()),
        }
    }
}

fn called(place: &str, repository: Option<&str>) -> String {
    match repository {
        Some(repository) => format!("{place}:{repository}"),
        None => place.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_tag_or_an_image_with_a_tag() {
        for (name, wanted) in [
            ("v1", Some((None, "v1"))),
            ("h:5000/a/b:v1", Some((Some("h:5000/a/b"), "v1"))),
            ("docker.io/library/x:1", Some((Some("docker.io/library/x"), "1"))),
            ("x:1", Some((Some("docker.io/library/x"), "1"))),
            ("h/a", Some((Some("docker.io/h/a"), "latest"))),
            ("+x", None),
            ("X/y:1", None),
        ] {
            let wanted = wanted.map(|(repository, tag)| (repository.map(str::to_owned), tag.to_owned()));
            assert_eq!(parts(name), wanted, "{name}");
        }
        let digest = crate::digest::Algorithm::Sha256.digest(b"");
        assert_eq!(parts(&format!("h.io/a@{digest}")), None);
    }
}
