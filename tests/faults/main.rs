//! Faults: what servers, networks and neighbours do wrong, and what the library makes of it.

mod auth;
mod common;
mod download;
mod files;
mod governor;
mod http;
mod images;
mod lists;
mod login;
mod manifests;
mod network;
mod proxy;
mod referrers;
mod registries;
mod registries_reads;
mod registries_writes;
mod registry;
mod schema1;
mod server;
mod sessions;
mod stored;
mod subject;
mod tags;
mod timing;
mod upload;
mod v1;
