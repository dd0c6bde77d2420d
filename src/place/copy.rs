//! Work between two places that are named: copies, and layers on an image, with what is packed or converted on the way.

use std::fs::File;

use super::Place;
use crate::call::Call;
use crate::convert::compress::CompressingStore;
use crate::convert::schema1::ConvertingStore;
use crate::error::{Code, Error, Result, Side};
use crate::image::append::{self, AppendOptions, Appended};
use crate::image::empty_image::Scratch;
use crate::platform::Platform;
use crate::registry::Client;
use crate::store::{ReadStore, WriteStore};
use crate::stream::pack::{Compression, CompressionSettings};
use crate::transfer::copy::{self, Copied, CopyOptions};

/// Descriptors of the caller's, for archives that are named `-`.
#[derive(Debug, Default)]
pub(crate) struct Descriptors {
    /// What is read.
    pub(crate) source: Option<File>,
    /// What is written through.
    pub(crate) destination: Option<File>,
}

/// Copies what one place names to another.
pub fn copy(client: &Client, call: &Call, from: &Place, to: &Place, options: &CopyOptions) -> Result<Copied> {
    copy_through(client, call, from, to, Descriptors::default(), options)
}

/// The same, with descriptors of the caller's.
pub(crate) fn copy_through(
    client: &Client,
    call: &Call,
    from: &Place,
    to: &Place,
    descriptors: Descriptors,
    options: &CopyOptions,
) -> Result<Copied> {
    let is_saved = from.is_saved();
    let from = match descriptors.source {
        None => from.source_for(client, to),
        descriptor => from.source_from(client, descriptor),
    };
    let mut from = from.map_err(|error| error.with_side(Side::Source))?;
    let to = to.destination_through(client, descriptors.destination);
    let to = to.map_err(|error| error.with_side(Side::Destination))?;
    if options.convert_schema1 {
        from = Box::new(ConvertingStore::new(client, from));
    }
    if let Some(how) = packing(is_saved, to.as_ref(), options)? {
        let mut platforms = options.platforms()?;
        if to.one_platform() && platforms.is_empty() {
            platforms.push(Platform::host());
        }
        from = Box::new(CompressingStore::new(client, from, how, platforms));
    }
    copy::copy(call, from.as_ref(), to.as_ref(), options)
}

/// Puts layers on an image of any place; without the option `to` the image's own name gets the result.
pub fn append(client: &Client, call: &Call, image: &Place, options: &AppendOptions) -> Result<Appended> {
    let named = options.to.as_deref().map(Place::parse).transpose()?;
    let to = named.as_ref().unwrap_or(image);
    if matches!(to, Place::Registry(reference) if reference.digest().is_some()) {
        return Err(Error::new(Code::InvalidReference, "the result needs a name without a digest: set the option to"));
    }
    let (from, to) = match options.scratch {
        true => Place::onto(client, Box::new(Scratch::new(options.platform.as_deref())?), to)?,
        false => Place::pair(client, image, to)?,
    };
    let is_saved = image.is_saved() && !options.scratch;
    let from = base(client, from, is_saved, to.as_ref(), options)?;
    append::append_through(call, from.as_ref(), to.as_ref(), options, &client.temporary_space())
}

/// The base of an image that gets layers, packed as the copy of it would be.
fn base(
    client: &Client,
    from: Box<dyn ReadStore>,
    is_saved: bool,
    to: &dyn WriteStore,
    options: &AppendOptions,
) -> Result<Box<dyn ReadStore>> {
    let AppendOptions { compression, compression_level, .. } = *options;
    let copy = CopyOptions { compression, compression_level, ..CopyOptions::default() };
    let Some(how) = packing(is_saved, to, &copy)?.filter(|_| is_saved) else { return Ok(from) };
    let platforms = match &options.platform {
        _ if options.all => Vec::new(),
        Some(platform) => vec![platform.parse()?],
        None => vec![Platform::host()],
    };
    Ok(Box::new(CompressingStore::new(client, from, how, platforms)))
}

/// How plain layers are packed on the way: by themselves only those of `docker save`, and only for a registry, as every other tool
/// does it. Any other copy keeps its digests, unless the caller wants them packed.
pub(super) fn packing(
    is_saved: bool,
    to: &dyn WriteStore,
    options: &CopyOptions,
) -> Result<Option<CompressionSettings>> {
    let wanted = options.compression.is_some_and(|compression| compression != Compression::None);
    if options.sparse && wanted {
        let message =
            "the options sparse and compression exclude each other: sparse keeps the index unchanged, compression changes its images";
        return Err(Error::new(Code::InvalidArgument, message));
    }
    let usual = if is_saved && to.takes_packed() && !options.sparse { Compression::Gzip } else { Compression::None };
    CompressionSettings::of(options.compression, options.compression_level, usual)
}
