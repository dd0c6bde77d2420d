//! Between images of version 1 and those of today. An old image says neither the digests of its layers nor what is inside
//! them, so they are read before it can be described: they wait in a [`spool`], and are handed on from there.

pub mod made;
pub mod push;
pub mod schema1;
pub mod spool;
pub mod v1;

/// How many layers at once.
const WIDTH: usize = 4;
