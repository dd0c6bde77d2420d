//! Which endpoints a call asks for a repository, and in which order: its registry, its mirrors, or both, as the rules say
//! (`crate::mirrors`). Each is a [`Remote`] of its own, with its own host for credentials and its own settings: nothing of one reaches
//! another. What has no rule is asked at its registry, as if nothing of this was there.

mod account;
mod memory;
mod option;
mod rule_book;
mod shown;
mod turn;

pub(crate) use memory::Written;
pub use option::Mirrors;
pub(crate) use rule_book::RuleBook;
pub(crate) use turn::Turn;

use crate::call::Call;
use crate::error::Result;
use crate::reference::{Reference, Repository};
use crate::registry::repository::Remote;
use crate::registry::Client;

/// What is asked, which decides who may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question<'a> {
    /// Something that has a digest, by which it can be checked whoever sends it.
    Digest,
    /// What a tag names.
    Tag(&'a str),
    /// Which tags there are.
    Tags,
    /// Which referrers there are. It is asked by digest, but nothing checks the answer.
    Referrers,
    /// Anything that changes the repository.
    Write,
}

impl<'a> Question<'a> {
    /// What a reference names: by its digest, else by its tag.
    pub(crate) fn of(reference: &'a Reference) -> Question<'a> {
        match reference.digest() {
            Some(_) => Question::Digest,
            None => Question::Tag(reference.tag().unwrap_or("latest")),
        }
    }
}

impl Client {
    /// Asks each endpoint in turn, until one answers.
    pub(crate) fn at_each<T>(
        &self,
        call: &Call,
        repository: &Repository,
        question: Question,
        work: impl FnMut(&Remote) -> Result<T>,
    ) -> Result<T> {
        Turn::new(self, call, repository, question)?.first(work, |_| false)
    }
}
