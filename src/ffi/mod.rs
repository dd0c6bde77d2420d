//! The C API: the only room that knows C. Each function converts its arguments, calls one core function, and
//! converts the result back. Each is written out in full, because cbindgen sees no function that a macro makes.
//!
//! The comments of the functions are the reference manual: cbindgen copies them into `include/ocireg.h`.

// C has its own naming, and its documentation is for C readers.
#![allow(non_camel_case_types, unsafe_code, clippy::missing_safety_doc)]
// cbindgen reads public functions only.
#![allow(unreachable_pub)]
#![allow(rustdoc::broken_intra_doc_links, rustdoc::invalid_html_tags)]

mod argument;
mod artifact;
mod blob;
mod borrow_or_copy;
mod byte_callbacks;
mod call;
mod call_arguments;
mod client;
mod client_job;
mod context;
mod copy;
mod entry;
mod error;
mod export;
mod files;
mod fork;
mod handle;
mod image;
mod index;
mod job;
mod job_result;
mod json;
mod login;
mod manifest;
mod memory;
mod names;
mod options;
mod out;
mod outcome;
mod panics;
mod place;
mod referrers;
mod registry;
mod schema1;
mod session;
mod sigpipe;
mod stack;
#[allow(dead_code)] // The numbers are for C.
mod status;
mod sync;
mod token;
mod upload;
mod v1;
mod version;
