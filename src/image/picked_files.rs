//! Some files of an image in a folder. They wait in a temporary file, which has no name, until all of them are there and verified:
//! what does not succeed has written nothing.

use std::io::Write;
use std::path::Path;

use super::flat::{write_tar, FlatLayers, Picks};
use super::unpacking::{ExtractOptions, Extracted, Unpacking};
use super::Image;
use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::stream::spool::{SpoolReader, SpoolWriter, TemporarySpace};
use crate::tar::{Entries, TarSource};

/// Extracts what the options name into a folder.
pub(super) fn extract(
    image: &Image,
    source: FlatLayers,
    (path, paths): (&Path, &[String]),
    options: &ExtractOptions,
    space: &TemporarySpace,
) -> Result<Extracted> {
    let (call, picks) = (source.call, Picks::of(paths)?);
    // A folder that cannot be used is better known before anything is fetched; one that is not there is not made yet.
    let there = path.exists().then(|| Unpacking::new(call, image, path, options)).transpose()?;
    let mut waiting = WaitingFiles(space.spool()?.writer());
    let (layers, _) = write_tar(source, picks, &mut waiting)?;
    let mut unpacking = there.map_or_else(|| Unpacking::new(call, image, path, options), Ok)?;
    let mut entries = Entries::new(WaitingTar { call: call.clone(), reader: waiting.0.finish().read_from(0) });
    // What whiteouts removed is not in it: there is nothing to remove in the folder.
    while let Some(entry) = entries.advance()? {
        call.check()?;
        unpacking.file(entry, &mut entries)?;
    }
    let extracted = unpacking.finish(call)?;
    Ok(Extracted { layers, ..extracted })
}

struct WaitingFiles(SpoolWriter);

impl Write for WaitingFiles {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes).map(|()| bytes.len()).map_err(std::io::Error::other)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct WaitingTar {
    call: Call,
    reader: SpoolReader,
}

impl TarSource for WaitingTar {
    fn name(&self) -> String {
        "the temporary file".to_owned()
    }

    fn code(&self) -> Code {
        Code::Internal
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.call.check()?;
        std::io::Read::read(&mut self.reader, buffer).map_err(|error| Error::io("cannot read a temporary file", &error))
    }

    fn count_zeros(&mut self, _: u64) -> Result<()> {
        self.call.check()
    }
}
