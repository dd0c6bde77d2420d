//! Layouts and archives as repositories to read: what is called by a tag alone is in one that has no name, and what is called
//! `HOST/REPOSITORY:TAG` in that one.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::layout::archive::{ArchiveFormat, ArchiveReader, ListedAs};
use crate::layout::oci::ListedLayout;
use crate::layout::whole_name;
use crate::manifest::Descriptor;
use crate::reference::{is_tag, Reference};
use crate::registry::Client;
use crate::repositories::SourceRepository;
use crate::store::{RawManifest, ReadStore};

/// `HOST/REPOSITORY`, if there is one, and a tag; None of what is neither.
pub(super) fn parts(name: &str) -> Option<(Option<String>, String)> {
    match name.contains(['/', ':']) {
        true => image_parts(name),
        false => is_tag(name).then(|| (None, name.to_owned())),
    }
}

/// The same of the name of an image; docker has no others.
fn image_parts(name: &str) -> Option<(Option<String>, String)> {
    let reference = Reference::parse(name, None).ok().filter(|reference| reference.digest().is_none())?;
    Some((Some(reference.repository().full_name()), reference.tag()?.to_owned()))
}

/// Where images are on this machine. It is opened once.
#[derive(Clone)]
pub(super) enum LocalPlace {
    Layout(Arc<ListedLayout>),
    Archive(Arc<ArchiveReader>),
}

impl LocalPlace {
    pub(super) fn layout(path: &str) -> Result<LocalPlace> {
        Ok(LocalPlace::Layout(Arc::new(ListedLayout::open(Path::new(path))?)))
    }

    pub(super) fn archive(client: &Client, path: &str, format: ArchiveFormat) -> LocalPlace {
        let space = client.temporary_space();
        LocalPlace::Archive(Arc::new(ArchiveReader::new(Path::new(path), None, format, None, space)))
    }

    fn show(&self) -> String {
        match self {
            LocalPlace::Layout(layout) => layout.place(),
            LocalPlace::Archive(reader) => reader.place(),
        }
    }

    fn entries(&self, call: &Call) -> Result<Vec<Descriptor>> {
        match self {
            LocalPlace::Layout(layout) => Ok(layout.entries().to_vec()),
            LocalPlace::Archive(reader) => reader.entries(call),
        }
    }

    /// The repositories that are in it. What has no name is told of, if all of it is meant.
    pub(super) fn repositories(&self, call: &Call, all_is_meant: bool) -> Result<Vec<LocalSource>> {
        let mut found: BTreeMap<Option<String>, BTreeMap<String, LocalImage>> = BTreeMap::new();
        let (mut odd, mut first_odd) = (0, String::new());
        for (name, listed) in self.named(call, all_is_meant)? {
            call.check()?;
            let of_name = if matches!(listed, ListedAs::Saved(_)) { image_parts(&name) } else { parts(&name) };
            match of_name {
                Some((repository, tag)) => {
                    let names = found.entry(repository).or_default();
                    let other = names.get(&tag).filter(|other| !other.listed.is_same(&listed));
                    let other = other.map(|other| other.whole.clone());
                    names.insert(tag, LocalImage { whole: name, listed, other });
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

    /// Everything that has a name.
    fn named(&self, call: &Call, all_is_meant: bool) -> Result<Vec<(String, ListedAs)>> {
        let saved = match self {
            LocalPlace::Layout(_) => None,
            LocalPlace::Archive(reader) => reader.saved(call)?,
        };
        if let Some(images) = saved {
            let unnamed: Vec<usize> = (0..images.len()).filter(|at| images[*at].repo_tags.is_empty()).collect();
            if let Some(first) = unnamed.first().filter(|_| all_is_meant) {
                self.tell_of(call, unnamed.len(), &format!("@{first}"))?;
            }
            let named = images.iter().flat_map(|image| image.repo_tags.iter().map(move |name| (name, image)));
            return Ok(named.map(|(name, image)| (name.clone(), ListedAs::Saved(image.clone()))).collect());
        }
        let entries = self.entries(call)?;
        if all_is_meant {
            self.tell_of_unnamed(call, &entries)?;
        }
        let of_name = |entry: Descriptor| Some((whole_name(&entry)?.to_owned(), ListedAs::Entry(entry)));
        Ok(entries.into_iter().filter_map(of_name).collect())
    }

    /// Warns of images that have no name, as some tools write all of them. What refers to another has none either, and comes with that.
    fn tell_of_unnamed(&self, call: &Call, entries: &[Descriptor]) -> Result<()> {
        let (named, unnamed): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| whole_name(entry).is_some());
        let mut known: HashSet<&Digest> = named.iter().map(|entry| &entry.digest).collect();
        let (mut count, mut first) = (0, None);
        for entry in unnamed.into_iter().filter(|entry| known.insert(&entry.digest)) {
            match self.manifest(call, entry) {
                Err(error) if error.ends_call() => return Err(error),
                Ok(content) if content.document.subject().is_some() => continue,
                _ => {}
            }
            count += 1;
            first = first.or(Some(&entry.digest));
        }
        first.map_or(Ok(()), |digest| self.tell_of(call, count, digest.as_str()))
    }

    fn tell_of(&self, call: &Call, unnamed: usize, first: &str) -> Result<()> {
        let text = match unnamed {
            1 => format!("1 image without a name is left out, {first}: give it a name with tag"),
            _ => format!("{unnamed} images without a name are left out, such as {first}: give them names with tag"),
        };
        call.warn_of(&self.show(), &text)
    }

    fn manifest(&self, call: &Call, entry: &Descriptor) -> Result<RawManifest> {
        match self {
            LocalPlace::Layout(layout) => layout.manifest(call, entry),
            LocalPlace::Archive(reader) => reader.manifest(call, entry),
        }
    }
}

/// An image in a layout or an archive.
struct LocalImage {
    /// What it is called there.
    whole: String,
    listed: ListedAs,
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

    fn tags(&self, _: &Call, _: bool, wanted: &dyn Fn(&str) -> bool, take: &mut dyn FnMut(&str)) -> Result<()> {
        self.names.keys().map(String::as_str).filter(|tag| wanted(tag)).for_each(take);
        Ok(())
    }

    fn look(&self, call: &Call, name: &str) -> Result<Descriptor> {
        match &self.find(name)?.listed {
            ListedAs::Entry(entry) => Ok(entry.clone()),
            ListedAs::Saved(_) => Ok(self.open(name)?.root(call)?.descriptor()),
        }
    }

    fn open(&self, name: &str) -> Result<Box<dyn ReadStore>> {
        let LocalImage { whole, listed, .. } = self.find(name)?;
        Ok(match (&self.place, listed) {
            (LocalPlace::Layout(layout), ListedAs::Entry(entry)) => Box::new(layout.image(whole, entry)),
            (LocalPlace::Layout(_), ListedAs::Saved(_)) => {
                return Err(Error::new(Code::Internal, "a layout has no list of docker"))
            }
            (LocalPlace::Archive(reader), listed) => Box::new(reader.renamed(whole, listed.clone())),
        })
    }
}

pub(super) fn called(place: &str, repository: Option<&str>) -> String {
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
