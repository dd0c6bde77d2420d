//! Downloads: pieces of a body from an offset, put in order, verified, and kept in a file until they are whole.

pub(crate) mod failures;
pub(crate) mod options;
pub(crate) mod partial;
