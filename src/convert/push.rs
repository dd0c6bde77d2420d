//! Pushes an OCI image as a chain of v1 images, as Docker did it. The index is told about all of them; then each image is put from
//! the base on, with its JSON, its layer and its checksum, then the tag. Finally the index gets the checksums.

use bytes::Bytes;
use serde::Serialize;

use super::schema1::ConvertingStore;
use crate::call::Call;
use crate::digest::{Algorithm, Digest};
use crate::error::{Code, Error, Result, Side};
use crate::image::config::ImageConfig;
use crate::image::layer::Packing;
use crate::image::Image;
use crate::manifest::Descriptor;
use crate::media_type as types;
use crate::options::options;
use crate::reference::Reference;
use crate::registry::Client;
use crate::registry_v1::id::ImageId;
use crate::registry_v1::write::{LayerSource, StoredLayer};
use crate::registry_v1::{tag_of, V1Repository};
use crate::schema1::chain::{from_oci, ChainImage, EMPTY_LAYER};
use crate::store::served_by::Senders;
use crate::store::ReadStore;
use crate::stream::blob::{Blob, BlobBody, MemoryBlob};
use crate::transfer::attributed::AttributedSource;

options! {
    /// Options of [`push`].
    #[derive(Debug, Clone)]
    pub struct PushOptions {
        /// of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of this machine's
        pub platform: Option<String>,
    }
}

/// The result of [`push`].
#[derive(Debug, Serialize)]
pub struct Pushed {
    /// The place and name of the old image.
    pub source: String,
    /// The repository and tag at the old registry.
    pub destination: String,
    /// The digest of the image that was pushed, which the registry does not know.
    pub digest: Digest,
    /// The ID of the v1 image that the tag names now.
    pub id: String,
    /// The chain of v1 images, the base image first.
    pub images: Vec<PushedImage>,
    /// The endpoints that sent manifests and blobs of it, `HOST[:PORT]` each: the source's registry or its mirrors.
    pub served_by: Vec<String>,
}

/// One v1 image of the chain.
#[derive(Debug, Serialize)]
pub struct PushedImage {
    /// Its ID, 64 hexadecimal digits.
    pub id: String,
    /// The digest of its layer; None for a history step without a layer, whose v1 image has an empty one.
    pub layer: Option<Digest>,
    /// The layer's size in bytes.
    pub size: u64,
    /// Whether it was put now; false when the registry has it.
    pub uploaded: bool,
}

/// Pushes one image from any source.
pub fn push(
    client: &Client,
    call: &Call,
    from: Box<dyn ReadStore>,
    to: &Reference,
    options: &PushOptions,
) -> Result<Pushed> {
    let tag = tag_of(to)?;
    let from = ConvertingStore::new(client, from);
    let from = AttributedSource(&from);
    let image = Image::find(call, &from, options.platform.as_deref())?;
    let layers = layers(&image).map_err(|error| error.with_side(Side::Source))?;
    let config = ImageConfig::read(call, &from, &image)?;
    let digests: Vec<Digest> = layers.iter().map(|layer| layer.digest.clone()).collect();
    let chain = from_oci(&config.value, &digests).map_err(|error| error.with_side(Side::Source))?;
    let ids = chain.iter().map(|step| step.id.parse()).collect::<Result<Vec<ImageId>>>()?;
    let mut job = PushJob { call, from: &from, repo: client.v1(call, to.repository())?, done: 0 };
    call.begin("v1 push", Some(layers.iter().map(|layer| layer.size).fold(0, u64::saturating_add)))?;
    let images = job.all(&chain, &ids, &layers, tag).map_err(destination)?;
    Ok(Pushed {
        source: from.place(),
        destination: format!("docker-v1://{to}"),
        digest: image.content.digest().clone(),
        id: chain.last().map(|step| step.id.clone()).unwrap_or_default(),
        images,
        served_by: Senders::of(call),
    })
}

/// The layers of the image; all must be present.
fn layers(image: &Image) -> Result<Vec<Descriptor>> {
    let document = &image.content.document;
    if document.config().is_none_or(|config| !types::is_image_config(&config.media_type)) {
        return Err(Error::new(
            Code::Unsupported,
            format!("{} is not an image that can be converted to protocol v1", document.digest),
        ));
    }
    match document.layers().iter().find(|layer| types::is_foreign(&layer.media_type)) {
        Some(foreign) => {
            let message = format!("the layer {} is a foreign layer, to be fetched from elsewhere", foreign.digest);
            Err(Error::new(Code::Unsupported, message))
        }
        None => Ok(document.layers().to_vec()),
    }
}

struct PushJob<'a> {
    call: &'a Call,
    from: &'a dyn ReadStore,
    repo: V1Repository,
    /// The bytes of the previous layers.
    done: u64,
}

impl PushJob<'_> {
    fn all(
        &mut self,
        chain: &[ChainImage],
        ids: &[ImageId],
        layers: &[Descriptor],
        tag: &str,
    ) -> Result<Vec<PushedImage>> {
        self.repo.announce(ids)?;
        let (mut images, mut checksums) = (Vec::new(), Vec::new());
        for (step, id) in chain.iter().zip(ids) {
            let layer = step.layer.and_then(|number| layers.get(number));
            let stored = self.image(step, layer)?;
            self.done = self.done.saturating_add(layer.map_or(0, |layer| layer.size));
            self.call.moved_to(self.done)?;
            images.push(PushedImage {
                id: step.id.clone(),
                layer: layer.map(|layer| layer.digest.clone()),
                size: layer.map_or(EMPTY_LAYER.len() as u64, |layer| layer.size),
                uploaded: stored.is_some(),
            });
            checksums.push((id.clone(), stored.map(|stored| stored.checksum)));
        }
        if let Some(top) = ids.last() {
            self.repo.put_tag(tag, top)?;
        }
        self.repo.put_images(&checksums, tag)?;
        Ok(images)
    }

    /// Puts a v1 image; None if the registry has it already.
    fn image(&self, step: &ChainImage, layer: Option<&Descriptor>) -> Result<Option<StoredLayer>> {
        if !self.repo.put_image(&step.json)?.uploaded {
            return Ok(None);
        }
        let empty =
            Descriptor::new(types::DOCKER_LAYER, Algorithm::Sha256.digest(&EMPTY_LAYER), EMPTY_LAYER.len() as u64);
        let wanted = layer.unwrap_or(&empty);
        let open = || {
            let blob: Box<dyn Blob> = match layer {
                Some(layer) => {
                    Box::new(ReadableLayer { blob: self.from.open(self.call, layer, None)?, wanted, begun: false })
                }
                None => Box::new(MemoryBlob::new(Bytes::from_static(&EMPTY_LAYER))),
            };
            Ok((Box::new(BlobBody::new(blob)) as Box<dyn crate::stream::source::Source + '_>, wanted.size))
        };
        let stored = self.repo.put_layer_of(&step.json, &LayerSource { open: &open, done: Some(self.done) }, true)?;
        Ok(stored.uploaded.then_some(stored))
    }
}

/// A layer that old clients can read, as its first bytes show.
struct ReadableLayer<'a> {
    blob: Box<dyn Blob>,
    wanted: &'a Descriptor,
    begun: bool,
}

impl Blob for ReadableLayer<'_> {
    fn piece(&mut self) -> Result<Option<Bytes>> {
        if self.begun {
            return self.blob.piece();
        }
        let mut head = Bytes::new();
        while head.len() < 4 {
            let Some(piece) = self.blob.piece()? else { break };
            head = if head.is_empty() { piece } else { [head, piece].concat().into() };
        }
        self.begun = true;
        if Packing::of(&head) == Packing::Zstd {
            let message = format!(
                "the layer {} is compressed with zstd, which clients of protocol v1 cannot read",
                self.wanted.digest
            );
            return Err(Error::new(Code::Unsupported, message).with_side(Side::Source));
        }
        Ok((!head.is_empty()).then_some(head))
    }
}

fn destination(error: Error) -> Error {
    match error.side() {
        Some(_) => error,
        None => error.with_side(Side::Destination),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct PieceByPiece(Vec<Bytes>);

    impl Blob for PieceByPiece {
        fn piece(&mut self) -> Result<Option<Bytes>> {
            Ok(self.0.pop())
        }
    }

    /// Reads a layer that arrives byte by byte.
    fn read(bytes: &[u8]) -> Result<Vec<u8>> {
        let wanted = Descriptor::new(types::DOCKER_LAYER, Algorithm::Sha256.digest(bytes), bytes.len() as u64);
        let pieces = bytes.iter().rev().map(|byte| Bytes::copy_from_slice(&[*byte])).collect();
        let mut blob = ReadableLayer { blob: Box::new(PieceByPiece(pieces)), wanted: &wanted, begun: false };
        let mut found = Vec::new();
        while let Some(piece) = blob.piece()? {
            found.extend_from_slice(&piece);
        }
        Ok(found)
    }

    #[test]
    fn zstd_is_seen_in_the_smallest_pieces() {
        assert_eq!(read(b"\x28\xb5\x2f\xfd and more").unwrap_err().code(), Code::Unsupported);
        for bytes in [&b""[..], b"\x28", b"\x28\xb5\x2f", b"abcd", b"\x28\xb5\x2f no zstd"] {
            assert_eq!(read(bytes).unwrap(), bytes);
        }
    }
}
