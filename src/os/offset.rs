//! Reading and writing at a place in a file, by several threads at once.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Reads at an offset; 0 is the end.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(buffer, offset)
}

pub(crate) fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(bytes, offset)
}
