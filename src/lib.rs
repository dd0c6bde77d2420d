//! A client for Docker and OCI registries: a Rust core behind a stable C ABI.
#![cfg_attr(
    not(test),
    deny(clippy::panic, clippy::unwrap_used, clippy::expect_used, clippy::todo, clippy::unimplemented)
)]

pub mod digest;
pub mod error;
