//! A client for Docker and OCI registries: a Rust core behind a stable C ABI.
//!
//! The rooms, in floors: each uses rooms of lower floors only, and which of them is said in CONTRIBUTING.md (unit tests check both).
//!
//! ```text
//! ffi                                    C: handles, strings, options, errors, callbacks, jobs
//! place                                  names of places, and what is done between two of them
//! convert                                old images made new and new ones old
//! registry_v1                            the old protocol
//! registry · artifact                    protocol v2 · files as artifacts
//! layout · image · repositories · auth   layouts and archives · layers, configs, trees · whole repositories · credentials
//! transfer · download · registry_error   copies between any two stores · pieces of bodies · what a refusal says
//! store · http                           the traits · one request
//! stream · job · machine                 bytes on their way · calls of jobs · the machine's files
//! call                                   what a call is
//! os · tar                               the system · tar files
//! manifest · mirrors · reference · schema1 · error · digest · platform · options · …  no I/O, no clock
//! ```
//!
//! A Rust program starts at [`registry::Client`]; a C program at `include/ocireg.h`.
//!
//! Every call blocks its thread. In an asynchronous program it belongs where blocking is allowed.
//!
//! # From a registry
//!
//! A [`registry::Client`] serves any number of registries and threads. Everything that may take long takes a
//! [`call::Call`], which carries cancellation, a deadline and progress from the caller's [`call::context::Context`].
//! Options are structs with defaults.
//!
//! ```no_run
//! use ocireg::place::{self, Place};
//! use ocireg::registry::ClientOptions;
//! use ocireg::reference::Reference;
//! use ocireg::registry::manifest::GetOptions;
//! use ocireg::registry::tags::TagsOptions;
//! use ocireg::registry::Client;
//! use ocireg::transfer::copy::CopyOptions;
//!
//! # fn main() -> ocireg::error::Result<()> {
//! let client = Client::new(ClientOptions::default())?;
//! let tags = client.tags(&client.call(None)?, "quay.io/prometheus/busybox", &TagsOptions::default())?;
//! println!("{} has {} tags", tags.name, tags.tags.len());
//!
//! let name = Reference::parse("quay.io/prometheus/busybox:latest", None)?;
//! let options = GetOptions { platform: Some("linux/arm64".to_owned()), ..GetOptions::default() };
//! let manifest = client.get_manifest(&client.call(None)?, &name, &options)?;
//! for layer in manifest.document.layers() {
//!     println!("{} {}", layer.digest, layer.size);
//! }
//!
//! let (from, to) = (Place::parse("docker://quay.io/prometheus/busybox")?, Place::parse("oci:busybox:latest")?);
//! place::copy(&client, &client.call(None)?, &from, &to, &CopyOptions::default())?;
//! # Ok(())
//! # }
//! ```
//!
//! # Locally
//!
//! Registries, layouts and archives are [`store`]s: one engine copies between any two of them, and images are read from any. Errors
//! have a stable [`error::Code`].
//!
//! ```
//! use ocireg::place::{self, Place};
//! use ocireg::error::Code;
//! use ocireg::registry::ClientOptions;
//! use ocireg::image::config::ImageConfig;
//! use ocireg::image::Scratch;
//! use ocireg::image::Image;
//! use ocireg::registry::Client;
//! use ocireg::transfer::copy::{copy, CopyOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let client = Client::new(ClientOptions::default())?;
//! let call = client.call(None)?;
//!
//! // An image without layers, into a layout under the name v1.
//! let layout = Place::parse(&format!("oci:{}/layout:v1", folder.path().display()))?;
//! let (from, to) = Place::onto(&client, Box::new(Scratch::new(Some("linux/arm64"))?), &layout)?;
//! let made = copy(&call, from.as_ref(), to.as_ref(), &CopyOptions::default())?;
//!
//! // From there into an archive: it is the same image.
//! let archive = Place::parse(&format!("oci-archive:{}/image.tar:v1", folder.path().display()))?;
//! place::copy(&client, &call, &layout, &archive, &CopyOptions::default())?;
//! let store = archive.source(&client)?;
//! let image = Image::find(&call, store.as_ref(), Some("linux/arm64"))?;
//! assert_eq!(image.content.digest(), &made.digest);
//! assert_eq!(ImageConfig::read(&call, store.as_ref(), &image)?.value["architecture"], "arm64");
//!
//! // It runs on no other platform.
//! let error = Image::find(&call, store.as_ref(), Some("windows/amd64")).unwrap_err();
//! assert_eq!(error.code(), Code::NotFound);
//! # Ok(())
//! # }
//! ```

// Only with the tests' feature: what only tests use must be public then.
#![cfg_attr(feature = "inside", warn(unreachable_pub))]
// Only without it: what a program gets it must be able to name.
#![cfg_attr(not(feature = "inside"), warn(unnameable_types))]
#![cfg_attr(
    not(test),
    deny(clippy::panic, clippy::unwrap_used, clippy::expect_used, clippy::todo, clippy::unimplemented)
)]

mod annotations;
pub mod artifact;
mod auth;
pub mod call;
#[cfg(test)]
mod circles;
pub mod convert;
pub mod credentials;
mod descriptor;
pub mod digest;
mod docker_hub;
mod download;
pub mod error;
mod ffi;
mod http;
pub mod image;
#[cfg(feature = "inside")]
#[doc(hidden)]
pub mod inside;
mod job;
mod json;
mod json_node_parser;
mod json_pointer;
pub mod layout;
mod machine;
pub mod manifest;
pub mod media_type;
mod memory_by_type;
mod mirrors;
mod mutex;
mod options;
mod os;
pub mod place;
pub mod platform;
#[cfg(test)]
mod public_api;
mod rate_limit;
pub mod reference;
pub mod registry;
mod registry_error;
pub mod registry_v1;
mod repositories;
mod resource;
#[cfg(test)]
mod rooms;
pub mod schema1;
mod statuses;
pub mod store;
pub mod stream;
mod tar;
mod text;
mod timestamp;
pub mod transfer;
