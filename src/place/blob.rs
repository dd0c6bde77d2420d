//! Blobs of places that are named, read.

use std::io::Write;
use std::path::Path;

use super::names::BlobName;
use super::Place;
use crate::call::Call;
use crate::download::blob_of_store::{BlobOfStore, StoredDelivery, WORK};
use crate::download::deliver::existing;
use crate::download::{ExpectedDigest, Pieces, ReadOptions, SaveOptions};
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::reference::Reference;
use crate::registry::blob::{BlobHead, DeliveredBlob};
use crate::registry::Client;
use crate::store::ReadStore;

/// What a place knows about a blob. A missing one is not an error.
pub fn head_blob(client: &Client, call: &Call, name: &BlobName) -> Result<BlobHead> {
    if let Some(reference) = name.in_registry() {
        return client.head_blob(call, reference);
    }
    let size = match name.find(client, call) {
        Ok((_, wanted)) => Some(wanted.size),
        Err(error) if error.code() == Code::MissingBlob => None,
        Err(error) => return Err(error),
    };
    Ok(BlobHead {
        exists: size.is_some(),
        digest: name.digest.clone(),
        size,
        media_type: None,
        redirects: Vec::new(),
        headers: Default::default(),
        first_headers: None,
        served_by: None,
    })
}

/// Opens a blob for reading.
pub(crate) fn open_blob(
    client: &Client,
    call: &Call,
    name: &BlobName,
    options: &ReadOptions,
) -> Result<Box<dyn Pieces>> {
    if let Some(reference) = name.in_registry() {
        return Ok(Box::new(client.open_blob(call, reference, options)?));
    }
    options.without_limit()?;
    let (store, wanted) = name.find_to_read(client, call)?;
    Ok(Box::new(BlobOfStore { call, store: store.as_ref(), wanted: &wanted }.open(options)?))
}

/// Gets a blob into memory.
pub fn get_blob(
    client: &Client,
    call: &Call,
    name: &BlobName,
    options: &ReadOptions,
) -> Result<(DeliveredBlob, Vec<u8>)> {
    if let Some(reference) = name.in_registry() {
        return client.get_blob(call, reference, options);
    }
    let (store, wanted) = name.find_to_read(client, call)?;
    let (delivery, bytes) = BlobOfStore { call, store: store.as_ref(), wanted: &wanted }.to_memory(options)?;
    Ok((delivered(wanted, delivery, options, None), bytes))
}

/// Gets a blob and writes it to `out`. What was written before an error cannot be undone.
pub fn get_blob_to(
    client: &Client,
    call: &Call,
    name: &BlobName,
    out: &mut dyn Write,
    options: &ReadOptions,
) -> Result<DeliveredBlob> {
    if let Some(reference) = name.in_registry() {
        return client.get_blob_to(call, reference, out, options);
    }
    options.without_limit()?;
    let (store, wanted) = name.find_to_read(client, call)?;
    let delivery = BlobOfStore { call, store: store.as_ref(), wanted: &wanted }.to_writer(out, options)?;
    Ok(delivered(wanted, delivery, options, None))
}

/// Gets a blob into a file, or into a pipe or device.
pub fn get_blob_file(
    client: &Client,
    call: &Call,
    name: &BlobName,
    path: &Path,
    options: &SaveOptions,
) -> Result<DeliveredBlob> {
    if let Some(reference) = name.in_registry() {
        return client.get_blob_file(call, reference, path, options);
    }
    options.check()?;
    if let Some(found) = existing(call, WORK, path, options, ExpectedDigest::digest(&name.digest))? {
        return Ok(DeliveredBlob::skipped(name.digest.clone(), found));
    }
    let (store, wanted) = name.find_to_read(client, call)?;
    let delivery = BlobOfStore { call, store: store.as_ref(), wanted: &wanted }.to_file(path, options)?;
    Ok(delivered(wanted, delivery, &options.read, Some(path.to_string_lossy().into_owned())))
}

impl BlobName {
    fn in_registry(&self) -> Option<&Reference> {
        match &self.place {
            Place::Registry(reference) => Some(reference),
            _ => None,
        }
    }

    /// The store that it is in, and what it is there.
    pub(super) fn find(&self, client: &Client, call: &Call) -> Result<(Box<dyn ReadStore>, Descriptor)> {
        let store = self.place.source(client)?;
        let size = match store.size(call, &self.digest) {
            // What docker saved before 25 has other names for its files: their digests are known when its images are.
            Err(error) if self.place.is_saved() && error.code() == Code::MissingBlob => {
                store.images(call)?;
                store.size(call, &self.digest)
            }
            size => size,
        }?;
        Ok((store, Descriptor::new("", self.digest.clone(), size)))
    }

    /// The same, if it is not too large: the size is what the place says, which may be anything.
    fn find_to_read(&self, client: &Client, call: &Call) -> Result<(Box<dyn ReadStore>, Descriptor)> {
        let (store, found) = self.find(client, call)?;
        client.options().blobs.check(found.size, true, || format!("the blob {} of {}", self.digest, store.place()))?;
        Ok((store, found))
    }

    /// The same for a caller that may know the size: then a registry is not asked, where the download keeps to what is taken.
    pub(super) fn find_to_copy(
        &self,
        client: &Client,
        call: &Call,
        size: Option<u64>,
    ) -> Result<(Box<dyn ReadStore>, Descriptor)> {
        if matches!(self.place, Place::Registry(_) | Place::RegistryV1(_)) {
            return match size {
                Some(size) => Ok((self.place.source(client)?, Descriptor::new("", self.digest.clone(), size))),
                None => self.find(client, call),
            };
        }
        let (store, found) = self.find_to_read(client, call)?;
        match size.filter(|said| *said != found.size) {
            Some(said) => {
                let message = format!("the blob {} has {} bytes, the option size says {said}", self.digest, found.size);
                Err(Error::new(Code::SizeMismatch, message))
            }
            None => Ok((store, found)),
        }
    }
}

fn delivered(blob: Descriptor, delivery: StoredDelivery, options: &ReadOptions, path: Option<String>) -> DeliveredBlob {
    let StoredDelivery { length, resumed } = delivery;
    let (offset, verified) = (options.offset, !options.is_piece());
    let skipped = path.is_some().then_some(false);
    DeliveredBlob {
        digest: blob.digest,
        size: Some(blob.size),
        offset,
        length,
        verified,
        resumed,
        served_by: None,
        path,
        skipped,
    }
}
