//! An image in a registry that speaks protocol v1, as a source to copy from.
//!
//! Nothing there is addressed by content. Each layer is checked against the checksum of its image where the registry
//! has a usable one; the resulting image has digests, and is the same each time for the same bytes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use super::converted::{read, ConvertedImage, LayerBudget, ReadLayer};
use super::{check_count, WIDTH};
use crate::call::Call;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::download::once_more_if_wrong;
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::mutex::lock;
use crate::reference::Reference;
use crate::registry::Client;
use crate::registry_v1::id::ImageId;
use crate::registry_v1::read::V1Image;
use crate::registry_v1::{tag_of, V1Repository};
use crate::schema1::manifest::HistoryEntry;
use crate::store::served_by::Senders;
use crate::store::{Moved, RawManifest, ReadStore};
use crate::stream::blob::Blob;
use crate::stream::spool::{Spool, TemporarySpace};
use crate::transfer::meter::Meter;
use crate::transfer::workers::gather;

/// The most bytes of the JSON of all images of a chain, which are in memory at the same time.
const MOST_JSON: usize = 16 << 20;

/// The image that a tag names.
pub struct V1Store {
    client: Client,
    reference: Reference,
    space: TemporarySpace,
    made: Mutex<Option<Arc<ConvertedImage>>>,
}

impl V1Store {
    /// The image at HOST/REPOSITORY:TAG; a digest is refused.
    pub fn new(client: &Client, reference: Reference) -> Result<V1Store> {
        tag_of(&reference)?;
        let space = client.temporary_space();
        Ok(V1Store { client: client.clone(), reference, space, made: Mutex::default() })
    }

    fn repo(&self, call: &Call) -> Result<V1Repository> {
        self.client.v1(call, self.reference.repository())
    }

    /// The image, which is fetched completely on first use.
    fn made(&self, call: &Call) -> Result<Arc<ConvertedImage>> {
        let mut made = lock(&self.made);
        if let Some(made) = &*made {
            return Ok(made.clone());
        }
        let fetched = Arc::new(self.fetch(call).map_err(|error| error.within(self.place()))?);
        *made = Some(fetched.clone());
        Ok(fetched)
    }

    fn fetch(&self, call: &Call) -> Result<ConvertedImage> {
        let repo = self.repo(call)?;
        let ids = repo.ancestry(&repo.tag(tag_of(&self.reference)?)?)?;
        check_count(ids.len())?;
        let mut images = self.images(call, &ids)?;
        check_parents(&images)?;
        let history = images.iter_mut().map(entry).collect::<Result<Vec<_>>>()?;
        // Before the layers, after which the index may have to be asked again; and the image is as good without it.
        let served_by = repo.served_by();
        let layers = self.layers(call, &images, &history)?;
        call.memory::<Senders>().add_all(&served_by);
        ConvertedImage::new(history, None, layers)
    }

    fn images(&self, call: &Call, ids: &[ImageId]) -> Result<Vec<V1Image>> {
        let held = AtomicUsize::new(0);
        gather(call, WIDTH, &Arc::new(Meter::default()), ids.iter().collect(), |call, _, id| {
            let mut image = self.repo(call)?.image(id)?;
            let size = image.bytes.len();
            if held.fetch_add(size, Relaxed).saturating_add(size) > MOST_JSON {
                let message = format!("the JSON of the image's ancestors is more than {} MiB", MOST_JSON >> 20);
                return Err(Error::new(Code::LimitExceeded, message));
            }
            image.headers = Default::default();
            Ok(image)
        })
    }

    /// The layers of all images that have one.
    fn layers(&self, call: &Call, images: &[V1Image], history: &[HistoryEntry]) -> Result<Vec<Option<ReadLayer>>> {
        let spool = self.space.spool()?;
        let jobs: Vec<usize> = (0..images.len()).filter(|number| !history[*number].throwaway).collect();
        let bytes = jobs.iter().filter_map(|number| images[*number].size).fold(0, u64::saturating_add);
        let meter = Arc::new(Meter::new(WIDTH, jobs.len() as u64, bytes));
        call.begin("v1 layers", Some(bytes))?;
        let budget = LayerBudget::default();
        let found = gather(call, WIDTH, &meter, jobs, |call, worker, number| {
            let image = &images[number];
            let layer = self.layer(call, image, &spool, &budget)?;
            meter.settle(worker, image.size.unwrap_or_default(), Moved::Copied { resumed: 0 });
            Ok((number, layer))
        })?;
        let mut found: HashMap<usize, ReadLayer> = found.into_iter().collect();
        Ok((0..images.len()).map(|number| found.remove(&number)).collect())
    }

    fn layer(&self, call: &Call, image: &V1Image, spool: &Arc<Spool>, budget: &LayerBudget) -> Result<ReadLayer> {
        // Only for messages: a layer's digest is not known before it was read.
        let named = Algorithm::Sha256.digest(&image.bytes);
        let layer = once_more_if_wrong(|| {
            let reader = self.repo(call)?.open_layer(image)?;
            read(call, spool, Box::new(reader), &named, budget)
        });
        layer.map_err(|error| error.within(format!("the layer of image {}", image.id)))
    }
}

/// Collects the images in order.
/// Checks that the ancestry and the images' parents agree.
fn check_parents(images: &[V1Image]) -> Result<()> {
    for (number, image) in images.iter().enumerate() {
        let next = images.get(number + 1).map(|next| &next.id);
        if image.parent()?.as_ref() != next {
            let message = format!("the parent of image {} is not the next in the ancestry", image.id);
            return Err(Error::new(Code::Protocol, message));
        }
    }
    Ok(())
}

/// Parses the JSON of an image to its history entry.
fn entry(image: &mut V1Image) -> Result<HistoryEntry> {
    let mut document = std::mem::take(&mut image.document);
    document.insert("id".to_owned(), image.id.as_str().into());
    HistoryEntry::of(document).map_err(|error| error.within(format!("the JSON of image {}", image.id)))
}

impl ReadStore for V1Store {
    fn place(&self) -> String {
        format!("docker-v1://{}", self.reference)
    }

    fn root(&self, call: &Call) -> Result<RawManifest> {
        Ok(self.made(call)?.content().clone())
    }

    fn manifest(&self, call: &Call, wanted: &Descriptor) -> Result<RawManifest> {
        let missing = || Error::new(Code::NotFound, format!("{} has no manifest {}", self.place(), wanted.digest));
        self.made(call)?.manifest(wanted).ok_or_else(missing)
    }

    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>> {
        let missing = || Error::new(Code::MissingBlob, format!("{} has no blob {}", self.place(), wanted.digest));
        self.made(call)?.open(call, wanted, hashed).ok_or_else(missing)
    }

    fn size(&self, call: &Call, digest: &Digest) -> Result<u64> {
        let missing = || Error::new(Code::MissingBlob, format!("{} has no blob {digest}", self.place()));
        self.made(call)?.size(digest).ok_or_else(missing)
    }

    fn referrers(&self, _: &Call, _: &Digest) -> Result<Vec<Descriptor>> {
        Ok(Vec::new())
    }
}
