//! Whole layers to a file, a descriptor or memory.

use std::io::Write;
use std::os::fd::AsFd;
use std::path::Path;

use serde::Serialize;

use super::id::ImageId;
use super::layer::{before_layer, checkable, LayerReader};
use super::read::Image;
use super::Repo;
use crate::download::partial::{Partial, Rival};
use crate::error::{Code, Error, Result};
use crate::os::target::Target;
use crate::registry::blob::download::once_more_if_wrong;
use crate::registry::blob::reader::ReadOptions;

/// The most that a read into memory takes unless told otherwise.
const MEMORY_LIMIT: u64 = 64 << 20;

/// What was delivered.
#[derive(Debug, Serialize)]
pub struct DeliveredLayer {
    /// The image.
    pub id: ImageId,
    /// The checksum that the registry gives for the image.
    pub checksum: Option<String>,
    /// Whether the bytes were checked against it.
    pub verified: bool,
    /// The size of the whole layer.
    pub size: Option<u64>,
    /// The first byte delivered.
    pub offset: u64,
    /// How many bytes were delivered.
    pub length: u64,
    /// How many of the bytes were there from an earlier call.
    pub resumed: u64,
    /// The file, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

impl Repo {
    /// Gets an image's JSON and opens its layer.
    pub fn open(&self, id: &ImageId, options: &ReadOptions) -> Result<LayerReader> {
        options.without_limit()?;
        self.begin_layer(id, options)
    }

    fn begin_layer(&self, id: &ImageId, options: &ReadOptions) -> Result<LayerReader> {
        check(options)?;
        let reader = self.open_layer(&self.image(id)?, options, None)?;
        self.place.call.begin("v1 layer", reader.expected())?;
        Ok(reader)
    }

    /// Gets a layer into memory.
    pub fn layer(&self, id: &ImageId, options: &ReadOptions) -> Result<(DeliveredLayer, Vec<u8>)> {
        let limit = options.limit.unwrap_or(MEMORY_LIMIT);
        once_more_if_wrong(|| {
            let mut bytes = Vec::new();
            let delivered = self.stream(id, options, |piece| {
                if bytes.len() as u64 + piece.len() as u64 > limit {
                    let message = format!("the layer is larger than the limit of {limit} bytes for memory");
                    return Err(Error::new(Code::LimitExceeded, message));
                }
                bytes.extend_from_slice(piece);
                Ok(())
            })?;
            Ok((delivered, bytes))
        })
    }

    /// Gets a layer and writes it to `out`. What was written before an error cannot be taken back.
    pub fn layer_to(&self, id: &ImageId, out: &mut dyn Write, options: &ReadOptions) -> Result<DeliveredLayer> {
        options.without_limit()?;
        let failed = |error: std::io::Error| Error::io("cannot write the layer", &error);
        let delivered = self.stream(id, options, |piece| out.write_all(piece).map_err(failed))?;
        out.flush().map_err(failed)?;
        Ok(delivered)
    }

    /// Gets a layer into a file, which appears under its name only whole, and verified where that can be. What a broken call
    /// left of a layer that can be verified is continued by the next.
    pub fn layer_file(&self, id: &ImageId, path: &Path, options: &ReadOptions) -> Result<DeliveredLayer> {
        options.without_limit()?;
        check(options)?;
        let shown = path.to_string_lossy().into_owned();
        let path = &match Target::of(path)? {
            Target::Replace(path) => path,
            Target::Through(through) => {
                let call = &self.place.call;
                let file = call.open_through(through)?;
                let delivered = self.layer_to(id, &mut call.output(file.as_fd())?, options)?;
                return Ok(DeliveredLayer { path: Some(shown), ..delivered });
            }
        };
        let delivered = once_more_if_wrong(|| {
            let image = self.image(id)?;
            let mut partial = self.partial(&image, path, options)?;
            let outcome = self.fill(&image, options, &mut partial);
            partial.settle(outcome, path)
        })?;
        Ok(DeliveredLayer { path: Some(shown), ..delivered })
    }

    /// Bytes that nothing can tell from those of another layer are not continued.
    fn partial(&self, image: &Image, path: &Path, options: &ReadOptions) -> Result<Partial> {
        let continued = match checkable(image).filter(|_| !options.is_piece()) {
            Some(sum) => {
                let before = before_layer(image);
                Partial::open_behind(&self.place.call, path, sum, before, None, Rival::Ignore)?
            }
            None => None,
        };
        continued.map_or_else(|| Partial::private(path), Ok)
    }

    fn fill(&self, image: &Image, options: &ReadOptions, partial: &mut Partial) -> Result<DeliveredLayer> {
        let resumed = partial.length();
        let mut reader = self.open_layer(image, options, partial.hashed())?;
        let call = &self.place.call;
        call.begin("v1 layer", reader.expected())?;
        call.moved_to(resumed)?;
        while let Some(piece) = reader.next_piece()? {
            partial.write(&piece)?;
            call.moved_to(partial.length())?;
        }
        Ok(delivered(&reader, options, resumed))
    }

    fn stream(
        &self,
        id: &ImageId,
        options: &ReadOptions,
        mut take: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<DeliveredLayer> {
        let mut reader = self.begin_layer(id, options)?;
        while let Some(piece) = reader.next_piece()? {
            take(&piece)?;
            self.place.call.moved_to(reader.position() - options.offset)?;
        }
        Ok(delivered(&reader, options, 0))
    }
}

fn check(options: &ReadOptions) -> Result<()> {
    match options.size {
        Some(_) => Err(Error::new(Code::InvalidArgument, "the option size is for blobs: v1 has no descriptors")),
        None => Ok(()),
    }
}

fn delivered(reader: &LayerReader, options: &ReadOptions, resumed: u64) -> DeliveredLayer {
    let info = reader.info();
    DeliveredLayer {
        id: info.id.clone(),
        checksum: info.checksum.clone(),
        verified: info.verifiable,
        size: info.size,
        offset: options.offset,
        length: reader.position() - options.offset,
        resumed,
        path: None,
    }
}
