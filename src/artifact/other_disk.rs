//! A file that waits on one disk and belongs into a folder on another, where something is mounted: it is copied beside its place, under
//! a hidden name, until one rename can give it its own.

use std::fs::File;
use std::io::{self, Read as _, Write as _};

use crate::call::Call;
use crate::os::flush;
use crate::os::open_folder::{self, OpenFolder};

/// How much is copied between two looks whether the call has to end.
const PIECE: usize = 1 << 20;
/// How many hidden names others may have taken.
const MOST_TRIES: u32 = 1000;

/// Whether a rename failed because its ends are on two disks.
pub(super) fn is_other_disk<T>(outcome: &io::Result<T>) -> bool {
    outcome.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::CrossesDevices)
}

/// Gives a file or link of one folder a name in another; `name_it` renames within that one. What waited is not needed any more then.
pub(super) fn carry(
    call: &Call,
    (from, name): (&OpenFolder, &[u8]),
    here: &OpenFolder,
    name_it: impl FnOnce(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let hidden = match from.read_link(name) {
        Ok(target) => hidden_name(|hidden| here.make_link(hidden, &target))?.0,
        Err(_) => {
            let (hidden, file) = hidden_name(|hidden| here.make_file(hidden))?;
            let filled = fill(call, (from, name), file);
            if filled.is_err() {
                let _ = here.remove(&hidden);
            }
            filled.map(|()| hidden)?
        }
    };
    let named = name_it(&hidden).and_then(|()| from.remove(name).map(drop));
    if named.is_err() {
        let _ = here.remove(&hidden);
    }
    named
}

fn hidden_name<T>(mut make: impl FnMut(&[u8]) -> io::Result<T>) -> io::Result<(Vec<u8>, T)> {
    let mut number = 0;
    loop {
        let name = format!(".{}-{number}.partial", std::process::id()).into_bytes();
        match make(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < MOST_TRIES => number += 1,
            made => return made.map(|made| (name, made)),
        }
    }
}

/// The bytes, and what belongs to the file.
fn fill(call: &Call, (from, name): (&OpenFolder, &[u8]), mut to: File) -> io::Result<()> {
    let (status, mut source, mut buffer) = (from.status_of(name)?, from.read_file(name)?, vec![0; PIECE]);
    loop {
        call.check().map_err(io::Error::other)?;
        match source.read(&mut buffer)? {
            0 => break,
            count => to.write_all(&buffer[..count])?,
        }
    }
    open_folder::set_permissions(&to, status.permissions)?;
    open_folder::set_time(&to, status.changed)?;
    flush::file(&to)
}
