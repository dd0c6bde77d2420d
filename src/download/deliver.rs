//! Whole downloads into memory, a descriptor or a file: the one set of rules for what may be continued, and how.

use std::io::Write;
use std::path::Path;

use super::existing_file::identical;
use super::partial::{OnContention, Partial};
use super::partial_lock::remove_partial;
use super::{once_more_if_wrong, Download, Downloadable, ExpectedDigest, ReadOptions, SaveOptions};
use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::os::output_target::Target;
use crate::stream::blob::Blob;

/// The default limit of a read into memory.
pub(super) const MEMORY_LIMIT: u64 = 64 << 20;

pub(crate) struct Delivery<T> {
    /// The finished download.
    pub(crate) download: Download<T>,
    /// How many of the bytes were there from an earlier call.
    pub(crate) resumed: u64,
    /// The path, if it was saved to a file.
    pub(crate) path: Option<String>,
}

/// Opens a download for a caller that reads it piece by piece.
pub(crate) fn open<T: Downloadable>(item: T, options: &ReadOptions) -> Result<Download<T>> {
    let download = Download::open(item, options, None)?;
    download.item().call().begin(T::WORK, download.wanted())?;
    Ok(download)
}

/// Into memory. `find` returns what is to be read, again for each attempt.
pub(crate) fn to_memory<T: Downloadable>(
    options: &ReadOptions,
    find: impl Fn() -> Result<T>,
) -> Result<(Delivery<T>, Vec<u8>)> {
    let limit = options.limit.unwrap_or(MEMORY_LIMIT);
    once_more_if_wrong(|| {
        let mut bytes = Vec::new();
        let delivery = stream(find()?, options, |piece| {
            if bytes.len() as u64 + piece.len() as u64 > limit {
                let message = format!("the {} is larger than the limit of {limit} bytes for memory", T::KIND);
                return Err(Error::new(Code::LimitExceeded, message));
            }
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok((delivery, bytes))
    })
}

/// Writes to any writer. What was written before an error cannot be undone.
pub(crate) fn to_writer<T: Downloadable>(item: T, out: &mut dyn Write, options: &ReadOptions) -> Result<Delivery<T>> {
    let failed = |error: std::io::Error| Error::io(format!("cannot write the {}", T::KIND), &error);
    let delivery = stream(item, options, |piece| out.write_all(piece).map_err(failed))?;
    out.flush().map_err(failed)?;
    Ok(delivery)
}

/// A file that was there already.
pub(crate) struct ExistingFile {
    pub(crate) size: u64,
    /// Its path, as it was given.
    pub(crate) path: String,
}

/// The file at a path, if the options say that it stays when it holds these bytes already, and it does.
pub(crate) fn existing(
    call: &Call,
    work: &'static str,
    path: &Path,
    options: &SaveOptions,
    expected: ExpectedDigest,
) -> Result<Option<ExistingFile>> {
    if !options.skips()? {
        return Ok(None);
    }
    let Target::Replace(target) = Target::of(path)? else { return Ok(None) };
    let digest = expected.digest.clone();
    let Some(size) = identical(call, &target, options.read.size, expected)? else { return Ok(None) };
    if !options.resume {
        remove_partial(&target, &digest)?;
    }
    call.begin(work, Some(size))?;
    call.moved_to(size)?;
    Ok(Some(ExistingFile { size, path: path.to_string_lossy().into_owned() }))
}

/// Into a file, which appears under its name only when complete, and verified where possible; or into a pipe or device,
/// which receives bytes as they arrive. The next call continues what a broken one left, if it can be verified:
/// otherwise wrong bytes could not be detected.
pub(crate) fn to_file<T: Downloadable>(
    call: &Call,
    path: &Path,
    options: &SaveOptions,
    find: impl Fn() -> Result<T>,
) -> Result<Delivery<T>> {
    let read = &options.read;
    let shown = Some(path.to_string_lossy().into_owned());
    let path = &match Target::of(path)? {
        Target::Replace(path) => path,
        Target::Through(through) => {
            let file = call.open_through(through)?;
            let delivery = to_writer(find()?, &mut call.output(&file)?, read)?;
            return Ok(Delivery { path: shown, ..delivery });
        }
    };
    let delivery = once_more_if_wrong(|| {
        let item = find()?;
        let mut partial = match item.expected().filter(|_| !read.is_piece()) {
            Some(expected) => begun(call, path, options, expected)?,
            None => Partial::private(path)?,
        };
        let outcome = fill(item, read, &mut partial);
        partial.settle(outcome, path)
    })?;
    Ok(Delivery { path: shown, ..delivery })
}

/// What an earlier call has left, or a new file where it is not wanted or another call is writing to it.
pub(super) fn begun(call: &Call, path: &Path, options: &SaveOptions, expected: ExpectedDigest) -> Result<Partial> {
    let ExpectedDigest { digest, before, .. } = expected;
    if !options.resume {
        remove_partial(path, &digest)?;
        return Partial::private(path);
    }
    let begun = Partial::open_behind(call, path, &digest, before, options.read.size, OnContention::WriteOwn)?;
    begun.map_or_else(|| Partial::private(path), Ok)
}

fn fill<T: Downloadable>(item: T, options: &ReadOptions, partial: &mut Partial) -> Result<Delivery<T>> {
    let mut download = Download::open(item, options, partial.hashed())?;
    let call = download.item().call().clone();
    call.begin(T::WORK, download.wanted())?;
    let resumed = partial.receive(&call, &mut download)?;
    call.ended()?;
    Ok(Delivery { download, resumed, path: None })
}

fn stream<T: Downloadable>(
    item: T,
    options: &ReadOptions,
    mut take: impl FnMut(&[u8]) -> Result<()>,
) -> Result<Delivery<T>> {
    let mut download = open(item, options)?;
    while let Some(piece) = download.piece()? {
        take(&piece)?;
        download.report(download.delivered())?;
    }
    download.item().call().ended()?;
    Ok(Delivery { download, resumed: 0, path: None })
}
