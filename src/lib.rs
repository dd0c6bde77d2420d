//! A client for Docker and OCI registries: a Rust core behind a stable C ABI.
//!
//! Data flows down: `ffi` → `registry` → `auth` → `http` → the pure parts (`reference`, `digest`, `manifest`, …).
//! A Rust program starts at [`registry::Client`]; a C program at `include/ocireg.h`.
//!
//! Every call blocks its thread. In an asynchronous program it belongs where blocking is allowed.

#![cfg_attr(
    not(test),
    deny(clippy::panic, clippy::unwrap_used, clippy::expect_used, clippy::todo, clippy::unimplemented)
)]

pub mod annotations;
pub mod auth;
pub mod convert;
pub mod descend;
pub mod digest;
pub mod endpoint;
pub mod error;
pub mod ffi;
pub mod gzip;
pub mod hashing;
pub mod http;
pub mod image;
pub mod json;
pub mod layout;
pub mod manifest;
pub mod media_type;
pub mod os;
pub mod pack;
pub mod partial;
pub mod platform;
pub mod rate_limit;
pub mod reference;
pub mod registry;
pub mod registry_v1;
pub mod schema1;
pub mod spool;
pub mod store;
pub mod tar;
pub mod text;
pub mod transfer;
pub mod under;
pub mod unpack;
