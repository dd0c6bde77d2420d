//! One of the images whose names come to a layout together. Only when all of it is there does its name wait with the others.

use std::sync::Mutex;

use super::batch::{IndexBatch, WaitingName};
use super::OciLayout;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::Result;
use crate::manifest::Descriptor;
use crate::mutex::lock;
use crate::store::condition::NameCondition;

/// An image of a batch.
#[derive(Debug)]
pub(crate) struct InBatch {
    batch: IndexBatch,
    /// What reports call it.
    image: String,
    named: Option<Descriptor>,
    /// What its name, in any spelling, referred to when that was looked up.
    seen: Vec<Digest>,
    put: Mutex<Vec<WaitingName>>,
}

impl InBatch {
    /// An image that reports call so, what its name refers to, and what that name in any spelling did when it was looked up.
    pub(crate) fn new(batch: &IndexBatch, image: String, named: Option<Descriptor>, seen: Vec<Digest>) -> InBatch {
        InBatch { batch: batch.clone(), image, named, seen, put: Mutex::default() }
    }

    /// Before anything of it is moved.
    pub(super) fn begin(&self, call: &Call, layout: &OciLayout) -> Result<()> {
        self.write_late(call, layout);
        self.batch.check_room(layout, layout.name.as_deref().filter(|_| self.seen.is_empty()))
    }

    /// Writes the names of others that have waited too long. If that fails, it is their failure, and they are tried again.
    pub(super) fn write_late(&self, call: &Call, layout: &OciLayout) {
        self.batch.write_late(call, layout);
    }

    /// What its name referred to when that was looked up.
    pub(super) fn named(&self) -> Option<&Descriptor> {
        self.named.as_ref()
    }

    /// Puts the entry of the image.
    pub(super) fn put_root(&self, entry: Descriptor, condition: &NameCondition) {
        lock(&self.put).push(WaitingName {
            image: self.image.clone(),
            entry,
            condition: condition.clone(),
            seen: Some(self.seen.clone()),
        });
    }

    /// Puts the entry of something that comes with it.
    pub(super) fn put(&self, entry: Descriptor) {
        let (image, condition) = (self.image.clone(), NameCondition::None);
        lock(&self.put).push(WaitingName { image, entry, condition, seen: None });
    }

    /// Lets the names wait, now that all of the image is there.
    pub(super) fn finish(&self, call: &Call, layout: &OciLayout) -> Result<()> {
        let put = std::mem::take(&mut *lock(&self.put));
        self.batch.add(call, layout, &self.image, put)
    }
}
