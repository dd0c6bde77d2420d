//! Blobs and blob readers.

mod get;
mod put;
mod reader;

pub(in crate::ffi) use put::{ocireg_read_fn, CallerSource};
pub(in crate::ffi) use reader::{exclusively, ocireg_blob_reader, OpenBlob};
