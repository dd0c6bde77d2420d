//! The endpoints that sent what a call has read.

use std::sync::Mutex;

use crate::call::Call;
use crate::mutex::lock;

/// The hosts that sent manifests and blobs in a call: the registry, mirrors, or several of them.
#[derive(Default)]
pub(crate) struct Senders(Mutex<Vec<String>>);

impl Senders {
    /// All that have sent something in a call, `HOST[:PORT]`, in the order in which they began.
    pub(crate) fn of(call: &Call) -> Vec<String> {
        lock(&call.memory::<Senders>().0).clone()
    }

    /// These send something.
    pub(crate) fn add_all<'a>(&self, hosts: impl IntoIterator<Item = &'a String>) {
        let mut all = lock(&self.0);
        for host in hosts {
            if !all.contains(host) {
                all.push(host.clone());
            }
        }
    }
}
