//! One engine that copies between any two places: plan, fetch and put in parallel, verify, commit. It knows no kind of
//! place: everything it needs of one is in [`crate::store`].

pub mod attributed;
pub mod copy;
pub mod meter;
pub mod plan;
pub mod workers;
