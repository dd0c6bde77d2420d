//! One engine that copies between any two places: plan, fetch and put in parallel, verify, commit. It does not know any
//! kind of place: everything it needs from one is in [`crate::store`].

pub(crate) mod attributed;
pub mod copy;
pub(crate) mod meter;
pub(crate) mod named_sizes;
pub(crate) mod plan;
pub(crate) mod workers;
