//! What rooms remember for the lifetime of something, such as a client or a call: one value of each type.

use std::sync::{Arc, Mutex};

use ::http::Extensions;

use crate::mutex::lock;

#[derive(Default)]
pub(crate) struct Memories(Mutex<Extensions>);

impl Memories {
    /// The value of a type, made when it is first wanted.
    pub(crate) fn get<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        lock(&self.0).get_or_insert_with(Arc::<T>::default).clone()
    }
}
