//! Changes of an index that is there: what is put into it, and what is taken away.

use std::cell::{Cell, RefCell};

use serde_json::Map;

use super::change_until_in::{IndexChange, OpenPlace};
use super::index_sources::IndexSources;
use super::referenced_entries::with_found_platforms;
use super::{IndexSourceOptions, WrittenIndex};
use crate::annotations::pairs;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::index_entries::{self as entries, IndexEntry};
use crate::manifest::{Descriptor, Document};
use crate::options::options;
use crate::platform::Platform;
use crate::store::condition::NameOptions;
use crate::store::{ReadStore, WriteStore};
use crate::text::shorten;
use crate::transfer::copy::CopyOptions;

options! {
    /// Options of [`crate::place::append_to_index`].
    #[derive(Debug, Clone)]
    pub struct IndexAppendOptions {
        /// images replace the entry that the index has for the same platform, with its attestations
        ///
        /// an entry is replaced whichever revision of a Windows build it and the new image are. Without this option both are
        /// listed, as with other tools
        pub replace: bool,
        /// KEY=VALUE each, of the index, over those that it has
        pub annotations: Vec<String>,
        /// the place of what it is about, in the same repository or layout, or its digest alone (default: what it is about already)
        pub subject: Option<String>,
        /// another tag, or name in the layout or archive, which the changed index gets
        ///
        /// the changed index gets this name whatever it refers to, and the place's own name stays as it is
        pub put_as: Option<String>,
        /// make the index when its name refers to nothing
        pub create: bool,
        /// the name has to refer to this index, else OCIREG_DIGEST_MISMATCH, and nothing is written
        pub if_digest: Option<Digest>,
    } and {
        /// What is put into it
        pub sources: IndexSourceOptions,
    }
}

options! {
    /// Options of [`crate::place::remove_from_index`].
    #[derive(Debug, Clone)]
    pub struct IndexRemoveOptions {
        /// of entries; without these and platform the call is OCIREG_INVALID_ARGUMENT
        pub digests: Vec<String>,
        /// OS/ARCH[/VARIANT][:OS.VERSION] each: all entries for it
        ///
        /// a platform without os.version is that of any os.version, and unknown/unknown are all attestations
        pub platform: Vec<String>,
        /// the name has to refer to this index, else OCIREG_DIGEST_MISMATCH, and nothing is written
        pub if_digest: Option<Digest>,
        /// only say what would be written: nothing is changed, and the result has the index's bytes
        pub dry_run: bool,
    }
}

/// Puts what references name into an index, with everything that it needs.
pub(crate) fn append(
    call: &Call,
    sources: &IndexSources,
    (open, other): (&OpenPlace, Option<&dyn WriteStore>),
    subject: Option<&Descriptor>,
    options: &IndexAppendOptions,
) -> Result<WrittenIndex> {
    options.sources.check()?;
    let media_type = options.sources.media_type()?;
    let new = options.sources.gather(call, sources)?;
    let edit = |index: &Document, place: Option<&dyn ReadStore>| {
        let before = match options.replace {
            true => with_found_platforms(call, place, index)?,
            false => IndexEntry::all(index),
        };
        Ok(entries::added(before, new.clone(), options.replace))
    };
    let (copy, annotations) = (options.sources.copy(NameOptions::default()), pairs(&options.annotations)?);
    let if_digest = options.if_digest.as_ref();
    let change = IndexChange { sources, open, other, media_type, annotations, subject, if_digest, copy, edit: &edit };
    change.make(call, options.create)
}

/// Takes entries out of an index. The manifests stay where they are.
pub(crate) fn remove(call: &Call, open: &OpenPlace, options: &IndexRemoveOptions) -> Result<WrittenIndex> {
    let digests = options.digests.iter().map(|text| digest(text)).collect::<Result<Vec<_>>>()?;
    let platforms = options.platform.iter().map(|text| text.parse()).collect::<Result<Vec<Platform>>>()?;
    if digests.is_empty() && platforms.is_empty() {
        let message = "the options digests and platform are missing: there is nothing to remove";
        return Err(Error::new(Code::InvalidArgument, message));
    }
    // What was there at the first try may have been taken away by others at the next.
    let (found, gone) = (Cell::new(false), RefCell::new(Vec::new()));
    let edit = |index: &Document, place: Option<&dyn ReadStore>| {
        let before = match platforms.is_empty() {
            true => IndexEntry::all(index),
            false => with_found_platforms(call, place, index)?,
        };
        let changed = entries::removed(before, &digests, &platforms, found.get())?;
        found.set(true);
        gone.borrow_mut().extend(changed.removed.iter().cloned());
        Ok(changed)
    };
    let sources = &IndexSources::new(Vec::new())?;
    let copy = CopyOptions { dry_run: options.dry_run, ..CopyOptions::default() };
    let (other, media_type, annotations, subject) = (None, None, Map::new(), None);
    let if_digest = options.if_digest.as_ref();
    let change = IndexChange { sources, open, other, media_type, annotations, subject, if_digest, copy, edit: &edit };
    let done = change.make(call, false)?;
    Ok(done.without(gone.into_inner()))
}

fn digest(text: &str) -> Result<Digest> {
    let wrong = |error| Error::new(Code::InvalidArgument, format!("the digest '{}': {error}", shorten(text)));
    text.parse::<Digest>().map_err(wrong)
}
