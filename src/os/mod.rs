//! What differs by system, and what its kernel wants done with care. It knows no registry and no layout.

pub(crate) mod file;
pub(crate) mod folder;
pub(crate) mod input;
pub(crate) mod main_thread;
pub(crate) mod owner;
pub(crate) mod pipe;
pub(crate) mod standard;
pub(crate) mod target;
