//! The arguments of calls, as far as they tell which registry hosts a call concerns.

use std::borrow::Cow;
use std::ops::Deref;

use super::borrow_or_copy::CallerFd;
use super::byte_callbacks::{CallerSink, CallerSource};
use crate::artifact::Artifact;
use crate::digest::Digest;
use crate::place::{BlobName, Descriptors, Place};
use crate::reference::{Index, Reference, Repository};
use crate::registry::upload::session::SavedSession;
use crate::registry_v1::id::ImageId;

/// One argument, or several.
pub(super) trait CallArguments {
    /// The hosts that the call is for.
    fn hosts(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether the caller may be asked about them. Only a single argument says no.
    fn may_ask(&self) -> bool {
        true
    }
}

/// A name that is passed on as it is, and the host in it.
pub(super) struct NameWithHost {
    name: String,
    host: String,
    may_ask: bool,
}

impl NameWithHost {
    pub(super) fn new(name: String, index: &Index) -> NameWithHost {
        NameWithHost { name, host: index.name.clone(), may_ask: true }
    }

    /// For a call that brings credentials of its own, or sends none.
    pub(super) fn without_asking_if(self, so: bool) -> NameWithHost {
        NameWithHost { may_ask: !so, ..self }
    }
}

impl Deref for NameWithHost {
    type Target = str;

    fn deref(&self) -> &str {
        &self.name
    }
}

impl CallArguments for NameWithHost {
    fn hosts(&self) -> Vec<String> {
        vec![self.host.clone()]
    }

    fn may_ask(&self) -> bool {
        self.may_ask
    }
}

impl CallArguments for Repository {
    fn hosts(&self) -> Vec<String> {
        vec![self.index().name.clone()]
    }
}

impl CallArguments for Reference {
    fn hosts(&self) -> Vec<String> {
        self.repository().hosts()
    }
}

impl CallArguments for SavedSession {
    fn hosts(&self) -> Vec<String> {
        Repository::parse(&self.repository, None).map(|repository| repository.hosts()).unwrap_or_default()
    }

    /// The session's URL is all that it needs.
    fn may_ask(&self) -> bool {
        false
    }
}

impl CallArguments for Place {
    fn hosts(&self) -> Vec<String> {
        match self {
            Place::Registry(reference) | Place::RegistryV1(reference) => reference.hosts(),
            _ => Vec::new(),
        }
    }
}

impl CallArguments for BlobName {
    fn hosts(&self) -> Vec<String> {
        self.place().hosts()
    }
}

impl<A: CallArguments, B: CallArguments> CallArguments for (A, B) {
    fn hosts(&self) -> Vec<String> {
        [self.0.hosts(), self.1.hosts()].concat()
    }
}

impl<A: CallArguments, B: CallArguments, C: CallArguments> CallArguments for (A, B, C) {
    fn hosts(&self) -> Vec<String> {
        [self.0.hosts(), self.1.hosts(), self.2.hosts()].concat()
    }
}

impl<A: CallArguments> CallArguments for Option<A> {
    fn hosts(&self) -> Vec<String> {
        self.as_ref().map(CallArguments::hosts).unwrap_or_default()
    }
}

impl CallArguments for String {}
impl CallArguments for Digest {}
impl CallArguments for Descriptors {}
impl CallArguments for Cow<'static, [u8]> {}
impl CallArguments for CallerFd {}
impl CallArguments for ImageId {}
impl CallArguments for Artifact {}
impl CallArguments for CallerSource {}
impl CallArguments for CallerSink {}
