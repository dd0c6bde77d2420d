//! The largest chunks that hosts accept, as learned from refused ones.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::mutex::lock;
use crate::registry::Client;

#[derive(Default)]
struct ChunkSizes(Mutex<HashMap<String, u64>>);

/// The largest chunk that a host is known to accept.
pub(crate) fn largest(client: &Client, host: &str) -> u64 {
    lock(&client.memory::<ChunkSizes>().0).get(host).copied().unwrap_or(u64::MAX)
}

/// Remembers that a host has refused a larger chunk.
pub(crate) fn learn(client: &Client, host: &str, size: u64) {
    lock(&client.memory::<ChunkSizes>().0).insert(host.to_owned(), size);
}
