//! Blobs and blob readers.

mod get;
mod put;
mod reader;

pub(in crate::ffi) use reader::{exclusively, ocireg_blob_reader, OpenBlob};
