//! Blobs put into places that are named, by a caller or from another place.

use std::path::Path;
use std::sync::{Arc, Mutex};

use serde::Serialize;

use super::names::BlobName;
use super::Place;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Error, Result, Side};
use crate::manifest::Descriptor;
use crate::mutex::{into_inner, lock};
use crate::options::options;
use crate::registry::upload::put::BlobPutOptions;
use crate::registry::upload::StoredBlob;
use crate::registry::Client;
use crate::store::served_by::Senders;
use crate::store::{Moved, PromisedBlob, ReadStore, WriteStore};
use crate::stream::replay::{InMemory, OpenedFile, Replay};
use crate::stream::source::Source;
use crate::transfer::attributed::AttributedSource;
use crate::transfer::meter::Meter;
use crate::transfer::workers::in_parallel;

options! {
    /// Options of [`copy_blob`].
    #[derive(Debug, Clone)]
    pub struct BlobCopyOptions {
        /// the blob's size from its descriptor (default: what the source says)
        pub size: Option<u64>,
    }
}

/// The result of [`copy_blob`].
#[derive(Debug, Serialize)]
pub struct CopiedBlob {
    /// The place that it was read from, as messages call it.
    pub source: String,
    /// The place that has it now, as messages call it.
    pub destination: String,
    /// The blob's digest, which its bytes were compared with.
    pub digest: Digest,
    /// The blob's bytes, all of them.
    pub size: u64,
    /// false when the destination had it already, or it was mounted.
    pub uploaded: bool,
    /// Whether it was mounted from another repository.
    pub mounted: bool,
    /// How many of its bytes an earlier call had moved.
    pub resumed: u64,
    /// The endpoints that told its size or sent it, `HOST[:PORT]` each: the source's registry or its mirrors.
    pub served_by: Vec<String>,
}

/// Puts bytes in memory as a blob into a registry, a layout or an archive.
pub fn put_blob(
    client: &Client,
    call: &Call,
    holder: &Place,
    bytes: &[u8],
    options: &BlobPutOptions,
) -> Result<StoredBlob> {
    match holder {
        Place::Registry(reference) => client.put_blob(call, reference.repository(), bytes, options),
        _ => {
            let size = options.size.or(Some(bytes.len() as u64));
            take(client, call, holder, &mut InMemory(bytes, bytes), &BlobPutOptions { size, ..options.clone() })
        }
    }
}

/// Puts the bytes of a file as a blob into a registry, a layout or an archive.
pub fn put_blob_file(
    client: &Client,
    call: &Call,
    holder: &Place,
    path: &Path,
    options: &BlobPutOptions,
) -> Result<StoredBlob> {
    if let Place::Registry(reference) = holder {
        return client.put_blob_file(call, reference.repository(), path, options);
    }
    let mut file = OpenedFile::open(path)?;
    let size = options.size.or(Some(file.size()));
    take(client, call, holder, &mut file, &BlobPutOptions { size, ..options.clone() })
}

/// Puts the bytes of a source.
pub fn put_blob_stream(
    client: &Client,
    call: &Call,
    holder: &Place,
    source: &mut dyn Source,
    options: &BlobPutOptions,
) -> Result<StoredBlob> {
    match holder {
        Place::Registry(reference) => client.put_blob_stream(call, reference.repository(), source, options),
        _ => take(client, call, holder, source, options),
    }
}

/// Into a place that is not a registry.
fn take(
    client: &Client,
    call: &Call,
    holder: &Place,
    source: &mut dyn Source,
    options: &BlobPutOptions,
) -> Result<StoredBlob> {
    options.check()?;
    let store = holder.unnamed().writable(client)?;
    store.begin(call)?;
    let promised = PromisedBlob { digest: options.digest.as_ref(), size: options.size };
    let taken = ended(call, store.as_ref(), store.take_blob(call, source, promised))?;
    Ok(StoredBlob { digest: taken.digest, size: taken.size, location: None, uploaded: taken.is_new, mounted: false })
}

/// Ends what was begun, also after an error: a layout that was made for it is an empty one then, and not half a layout, and an archive
/// is as it was, or still not there.
fn ended<T>(call: &Call, store: &dyn WriteStore, outcome: Result<T>) -> Result<T> {
    let finished = store.finish(call);
    outcome.and_then(|done| finished.map(|()| done))
}

/// Copies one blob from any place to any other, in pieces: within a registry it is mounted where that can be, and what an ended copy
/// has moved into a layout is not moved again.
pub fn copy_blob(
    client: &Client,
    call: &Call,
    from: &BlobName,
    to: &Place,
    options: &BlobCopyOptions,
) -> Result<CopiedBlob> {
    let at = |side: Side| move |error: Error| if error.side().is_some() { error } else { error.with_side(side) };
    let (source, wanted) = from.find_to_copy(client, call, options.size).map_err(at(Side::Source))?;
    let store = to.unnamed().writable(client).map_err(at(Side::Destination))?;
    store.begin(call).map_err(at(Side::Destination))?;
    let moved = moved(call, &wanted, source.as_ref(), store.as_ref());
    let moved = ended(call, store.as_ref(), moved).map_err(at(Side::Destination))?;
    Ok(CopiedBlob {
        source: from.to_string(),
        destination: to.shown(),
        digest: wanted.digest,
        size: wanted.size,
        uploaded: matches!(moved, Moved::Copied { .. }),
        mounted: moved == Moved::Mounted,
        resumed: if let Moved::Copied { resumed } = moved { resumed } else { 0 },
        served_by: Senders::of(call),
    })
}

/// Moves it, which is seen as a copy of one blob is.
fn moved(call: &Call, wanted: &Descriptor, from: &dyn ReadStore, to: &dyn WriteStore) -> Result<Moved> {
    call.begin("copy", Some(wanted.size))?;
    let (outcome, meter) = (Mutex::new(Moved::Present), Meter::new(1, 1, wanted.size).watched(call.watches_blobs()));
    let meter = Arc::new(meter);
    in_parallel(call, 1, &meter, vec![wanted], |call, worker, blob| {
        meter.begin(worker, blob);
        let moved = to.put_blob(call, blob, &AttributedSource(from))?;
        meter.settle(worker, blob.size, moved);
        *lock(&outcome) = moved;
        Ok(())
    })?;
    Ok(into_inner(outcome))
}
