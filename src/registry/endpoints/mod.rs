//! Which endpoints a call asks for a repository, and in which order: its registry, its mirrors, or both, as the rules say
//! (`crate::mirrors`). Each is a [`Remote`] of its own, with its own host for credentials and its own settings: nothing of one reaches
//! another. What has no rule is asked at its registry, as if nothing of this was there.

mod account;
mod candidates;
mod endpoint_memory;
mod explain_endpoints;
mod failure_meaning;
mod next_endpoint;
mod rule_book;

pub(super) use account::closed_hosts;
pub(crate) use endpoint_memory::Written;
pub(crate) use next_endpoint::Turn;
pub(crate) use rule_book::RuleBook;

use crate::call::Call;
use crate::error::Result;
use crate::reference::{Index, Reference, Repository};
use crate::registry::host;
use crate::registry::repository::Remote;
use crate::registry::Client;
use endpoint_memory::{PassedOver, Probed, TagSources};

/// What is asked, which decides which endpoints may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndpointUse<'a> {
    /// Something that has a digest, by which it can be checked whichever endpoint sends it.
    Digest,
    /// What a tag names.
    Tag(&'a str),
    /// The list of tags.
    Tags,
    /// Which referrers there are. It is asked by digest, but nothing checks the answer: an endpoint that is not trusted for tags is trusted for this only where a file says so.
    Referrers,
    /// Anything that changes the repository.
    Write,
}

impl<'a> EndpointUse<'a> {
    /// What a reference names: by its digest, else by its tag.
    pub(crate) fn of(reference: &'a Reference) -> EndpointUse<'a> {
        match reference.digest() {
            Some(_) => EndpointUse::Digest,
            None => EndpointUse::Tag(reference.tag().unwrap_or("latest")),
        }
    }
}

impl Client {
    /// The caller has said something else of a host: what is known of how it was reached before is forgotten.
    pub(super) fn forget_how_reached(&self, name: &str) {
        self.memory::<Probed>().forget();
        self.memory::<PassedOver>().forget_host(|host| host::is_near(host, name));
    }

    /// Whether two names are of one registry. Where only one of them says its port, it is looked at where the other one is asked.
    pub(crate) fn is_one_registry(&self, call: &Call, one: &Index, other: &Index) -> Result<bool> {
        if !one.may_be(other) || one.port_said().is_some() == other.port_said().is_some() {
            return Ok(one.may_be(other));
        }
        let at = |index: &Index| self.account(call, index, "").map(|account| account.base.url);
        Ok(at(one)? == at(other)?)
    }

    /// Asks each endpoint in turn, until one answers.
    pub(crate) fn at_each<T>(
        &self,
        call: &Call,
        repository: &Repository,
        question: EndpointUse,
        work: impl FnMut(&Remote) -> Result<T>,
    ) -> Result<T> {
        Turn::new(self, call, repository, question)?.first(work, |_| false)
    }
}

impl Remote {
    /// A repository where it is written to.
    pub(crate) fn to_write(client: &Client, call: &Call, repository: &Repository) -> Result<Remote> {
        Turn::new(client, call, repository, EndpointUse::Write)?.next()
    }

    /// Where a repository is read of which something is written to `to`, because what a mirror says of a tag is checked by nothing: where it
    /// is written to itself. None, and it is read as ever, where that may not be asked for tags or where nothing may be written; for another
    /// registry; and where another rule is for the other repository, unless this one is written to at the registry itself: one that only a rule
    /// names need not be where the other one is written to.
    pub(crate) fn to_read_and_write(
        client: &Client,
        call: &Call,
        repository: &Repository,
        to: &Repository,
    ) -> Result<Option<Remote>> {
        if !client.is_one_registry(call, repository.index(), to.index())? {
            return Ok(None);
        }
        let book = client.rule_book(Some(call))?;
        let rule = |of: &Repository| book.of(of.index(), of.remote_name());
        let asked = rule(repository)?;
        let is_near = || match repository.remote_name() == to.remote_name() {
            true => true,
            // What is wrong with the other one is an error of what is written.
            false => rule(to).is_ok_and(|other| {
                asked.as_ref().map(|asked| &asked.source) == other.as_ref().map(|other| &other.source)
            }),
        };
        let is_asked = match &asked {
            None => true,
            Some(asked) => asked.writer().is_some_and(|at| match at.is_registry() {
                // No mirror is asked here.
                true => at.may.by_tag || asked.is_unreadable_by_mirrors(),
                false => at.may.by_tag && is_near(),
            }),
        };
        is_asked.then(|| Remote::to_write(client, call, repository)).transpose()
    }

    /// It has said what a tag of a repository is: what that stands for is read here too, if nobody else may be asked for it.
    pub(crate) fn has_named(&self, repository: &Repository) {
        if let Some(key) = &self.key {
            self.client.memory::<TagSources>().add(&repository.key(), key);
        }
    }

    /// Tags of a repository were set or deleted here: from now on they are asked here first.
    pub(crate) fn has_written(&self, repository: &Repository, tags: &[&str]) {
        if let Some(key) = &self.key {
            self.client.memory::<Written>().add(&repository.key(), key, tags);
        }
    }
}
