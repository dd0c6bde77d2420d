//! Indexes at places that are named, made of what is at others.

use super::artifact::subject;
use super::copy::packing;
use super::Place;
use crate::call::Call;
use crate::convert::compress::CompressingStore;
use crate::digest::Digest;
use crate::error::{Code, Error, Result, Side};
use crate::image::index::{
    append, create, left_as_it_is, remove, IndexAppendOptions, IndexCreateOptions, IndexRemoveOptions,
    IndexSourceOptions, IndexSources, OpenedPlace, WrittenIndex,
};
use crate::manifest::Descriptor;
use crate::registry::Client;
use crate::store::condition::NameOptions;
use crate::store::{ReadStore, WriteStore};
use crate::text::shorten;
use crate::transfer::copy::CopyOptions;

/// Makes an index of what references name, and puts it where a name says.
pub fn create_index(client: &Client, call: &Call, place: &Place, options: &IndexCreateOptions) -> Result<WrittenIndex> {
    place.takes("an index")?;
    options.sources.check()?;
    let to = place.destination(client).map_err(|error| error.with_side(Side::Destination))?;
    if let Some(left) = left_as_it_is(call, to.as_ref(), &options.names)? {
        return Ok(left);
    }
    let others = place.other_names(client, call, &options.sources, Some(&options.names))?;
    let about = place.about(client, call, options.subject.as_deref())?;
    let sources = place.sources(client, to.as_ref(), &options.sources)?;
    let mut made = create(call, &sources, to.as_ref(), about.as_ref(), options)?;
    made.give_names(call, &others, &options.names).map_err(|error| error.with_side(Side::Destination))?;
    Ok(made)
}

/// Puts what references name into the index that a name stands for.
pub fn append_to_index(
    client: &Client,
    call: &Call,
    place: &Place,
    options: &IndexAppendOptions,
) -> Result<WrittenIndex> {
    place.can_change()?;
    let to = place.destination(client).map_err(|error| error.with_side(Side::Destination))?;
    let sources = place.sources(client, to.as_ref(), &options.sources)?;
    drop(to);
    let others = place.other_names(client, call, &options.sources, None)?;
    let name = options.put_as.as_deref().filter(|name| place.name_or_tag() != Some(name));
    let instead = name.map(|name| place.other_name(client, name)).transpose()?;
    let about = place.about(client, call, options.subject.as_deref())?;
    let mut made = append(call, &sources, (&|| place.both(client, call), instead.as_deref()), about.as_ref(), options)?;
    made.give_names(call, &others, &NameOptions::default()).map_err(|error| error.with_side(Side::Destination))?;
    Ok(made)
}

/// Takes entries out of the index that a name stands for.
pub fn remove_from_index(
    client: &Client,
    call: &Call,
    place: &Place,
    options: &IndexRemoveOptions,
) -> Result<WrittenIndex> {
    place.can_change()?;
    remove(call, &|| place.both(client, call), options)
}

impl Place {
    /// What an index here is to be about.
    fn about(&self, client: &Client, call: &Call, name: Option<&str>) -> Result<Option<Descriptor>> {
        name.map(|name| subject(client, call, &self.neighbour(client, name)?, None)).transpose()
    }

    /// Refuses places without a name that could refer to another index afterwards.
    fn can_change(&self) -> Result<()> {
        self.takes("an index")?;
        let invalid = |message: &str| Err(Error::new(Code::InvalidReference, message));
        match self {
            Place::Registry(reference) if reference.digest().is_some() => {
                invalid("an index to be changed must be named without a digest, because its digest changes")
            }
            Place::Local(at) if at.is_stream() => {
                invalid("an index can only be changed in a place that can be read and written, which - is not")
            }
            Place::Local(at) if at.has_names() && at.name.is_none() => {
                invalid("an index to be changed needs a name, as in oci:DIR:NAME")
            }
            _ => Ok(()),
        }
    }

    /// The same place to read from and to write to; nothing to read from while it is not there.
    fn both(&self, client: &Client, call: &Call) -> Result<OpenedPlace> {
        let open = || {
            let to = self.destination(client)?;
            let is_missing = self.is_missing() && to.named(call)?.is_none();
            let from = if is_missing { None } else { Some(self.source_for(client, self)?) };
            Ok((from, to))
        };
        open().map_err(|error: Error| error.with_side(Side::Destination))
    }

    /// The name or the tag that it has.
    fn name_or_tag(&self) -> Option<&str> {
        match self {
            Place::Registry(reference) => reference.tag(),
            other => other.name(),
        }
    }

    /// The same repository, layout or archive, for an index of another name.
    fn other_name(&self, client: &Client, name: &str) -> Result<Box<dyn WriteStore>> {
        let place = match self {
            Place::Registry(reference) => Place::Registry(reference.repository().with_tag(name)?),
            Place::Local(at) if at.has_names() && !at.is_stream() => {
                self.check_tag(name)?;
                self.renamed(Some(name))
            }
            _ => return Err(self.has_one_name()),
        };
        place.destination(client).map_err(|error| error.with_side(Side::Destination))
    }

    fn has_one_name(&self) -> Error {
        let message = format!("{} has no other names: the options tags and put_as", self.shown());
        Error::new(Code::InvalidArgument, message)
    }

    /// The other names that an index gets, if the condition allows it.
    fn other_names(
        &self,
        client: &Client,
        call: &Call,
        options: &IndexSourceOptions,
        names: Option<&NameOptions>,
    ) -> Result<Vec<Box<dyn WriteStore>>> {
        let mut found: Vec<Box<dyn WriteStore>> = Vec::new();
        for (at, name) in options.tags.iter().enumerate() {
            if self.name_or_tag() == Some(name) || options.tags[..at].contains(name) {
                continue;
            }
            let other = self.other_name(client, name)?;
            if let Some(names) = names {
                names.condition()?.look(call, other.as_ref()).map_err(|error| error.with_side(Side::Destination))?;
            }
            found.push(other);
        }
        Ok(found)
    }

    /// Whether it cannot be read before something was written there.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Place::Local(at) if at.is_missing())
    }

    /// Opens what references name; a digest is that of a manifest in the same repository or layout.
    fn sources(&self, client: &Client, to: &dyn WriteStore, options: &IndexSourceOptions) -> Result<IndexSources> {
        let open = |text: &String| {
            let place = match text.parse::<Digest>() {
                Ok(digest) => self.at(&digest)?,
                Err(_) => Place::named(client, text)?,
            };
            place.opened(client, (self, to), options).map_err(|error| error.within(shorten(text)))
        };
        let places = options.references.iter().map(open).collect::<Result<Vec<_>>>();
        IndexSources::new(places.map_err(|error| error.with_side(Side::Source))?)
    }

    /// Opens it as a copy would, with plain layers packed on their way to a registry.
    fn opened(
        &self,
        client: &Client,
        (place, to): (&Place, &dyn WriteStore),
        options: &IndexSourceOptions,
    ) -> Result<Box<dyn ReadStore>> {
        let copy = CopyOptions { platform: options.platform.clone(), ..CopyOptions::default() };
        let how = packing(self.is_saved(), to, &copy)?;
        let from = self.source_for(client, place)?;
        Ok(match how {
            Some(how) => Box::new(CompressingStore::new(client, from, how, copy.platforms()?)),
            None => from,
        })
    }
}
