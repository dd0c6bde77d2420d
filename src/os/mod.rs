//! What differs by system, and what its kernel wants done with care. It knows no registry and no layout.

pub mod file;
pub mod folder;
pub mod input;
pub mod main_thread;
pub mod owner;
pub mod pipe;
pub mod standard;
pub mod target;
