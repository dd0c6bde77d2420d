//! The index that a name refers to before it is changed, as it is at the place itself: a mirror may have an older one.

use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::{Descriptor, Kind};
use crate::store::condition::NameCondition;
use crate::store::{RawManifest, ReadStore, WriteStore};

/// The same place to read from and to write to.
pub(super) struct IndexPlace<'a> {
    /// None while nothing is there.
    pub(super) from: Option<&'a dyn ReadStore>,
    pub(super) to: &'a dyn WriteStore,
}

impl IndexPlace<'_> {
    /// What its name refers to.
    pub(super) fn content(&self, call: &Call, now: &Descriptor) -> Result<RawManifest> {
        let missing = || Error::new(Code::NotFound, format!("there is no index {}", self.to.place()));
        let from = self.from.ok_or_else(missing)?;
        match from.manifest(call, now) {
            // A directory has its root under another name.
            Err(error) if error.code() == Code::NotFound => {
                from.root(call).ok().filter(|root| *root.digest() == now.digest).ok_or(error)
            }
            outcome => outcome,
        }
    }

    /// Whether it has what an entry is about.
    pub(super) fn has(&self, call: &Call, entry: &Descriptor) -> Result<bool> {
        if self.to.has_manifest(call, &entry.digest)? {
            return Ok(true);
        }
        // Layouts and archives only say so when they are read.
        Ok(self.from.filter(|from| from.repository().is_none()).is_some_and(|from| from.manifest(call, entry).is_ok()))
    }

    /// Refuses a name that is taken for part of another when it is read, and would be a new one when it is written.
    fn refuse_part_of_a_name(&self, call: &Call) -> Result<()> {
        let Some(from) = self.from.filter(|from| from.repository().is_none()) else { return Ok(()) };
        let found = match from.root(call) {
            Ok(found) => found,
            Err(error) if error.code() == Code::InvalidReference => return Err(error),
            Err(_) => return Ok(()),
        };
        let images = from.images(call)?;
        let names = images.iter().filter(|image| image.descriptor.digest == *found.digest());
        let names: Vec<&str> = names.flat_map(|image| &image.names).map(String::as_str).collect();
        let message =
            format!("{} cannot be changed by its digest: its name there is {}", self.to.place(), names.join(" or "));
        Err(Error::new(Code::InvalidReference, message))
    }
}

/// The index; None when there is none and one may be made. A conflict when another client writes at this very moment.
pub(super) fn index_before(
    call: &Call,
    place: &IndexPlace,
    if_digest: Option<&Digest>,
    may_create: bool,
) -> Result<Option<RawManifest>> {
    let now = place.to.named(call)?;
    if let Some(expected) = if_digest {
        let condition = NameCondition::RefersTo(expected.clone());
        condition.allows(&place.to.name()?, now.as_ref().map(|now| &now.digest))?;
    }
    let Some(now) = now else {
        place.refuse_part_of_a_name(call)?;
        return match may_create {
            true => Ok(None),
            false => Err(Error::new(Code::NotFound, format!("there is no index {}", place.to.place()))),
        };
    };
    let unread = |error: Error| {
        let then = place.to.named(call)?.map(|then| then.digest);
        match then.as_ref() == Some(&now.digest) && place.from.is_some() {
            true => Err(error),
            false => Err(NameCondition::RefersTo(now.digest.clone()).conflict(&place.to.name()?, then.as_ref())),
        }
    };
    let content = match place.content(call, &now) {
        Err(error) if !error.ends_call() => return unread(error),
        outcome => outcome?,
    };
    match content.document.kind {
        Kind::Index => Ok(Some(content)),
        _ => {
            let name = place.to.place();
            let message = format!("{name} is not an index: its media type is {}", content.document.media_type);
            let hint = "create an index of it and others under the same name first";
            Err(Error::new(Code::Unsupported, message).with_hint(hint))
        }
    }
}
