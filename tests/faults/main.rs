//! Faults: what servers, networks and neighbours do wrong, and what the library makes of it.

mod auth;
mod common;
mod download;
mod http;
mod lists;
mod manifests;
mod referrers;
mod registries;
mod registries_reads;
mod registries_writes;
mod registry;
mod server;
mod sessions;
mod subject;
mod tags;
mod timing;
mod upload;
