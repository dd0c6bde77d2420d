//! The endpoints that may be asked a question, and in which order.

use super::endpoint_memory::{PassedOver, TagSources, Written};
use super::rule_book::{blocked_by, AskedEndpoints};
use super::EndpointUse;
use crate::call::Call;
use crate::error::{Code, Error};
use crate::mirrors::{Abilities, EndpointKey, RegistryEndpoint};
use crate::reference::Repository;
use crate::registry::Client;

/// An endpoint that may be asked.
pub(super) struct Candidate {
    pub(super) endpoint: RegistryEndpoint,
    pub(super) key: EndpointKey,
    pub(super) is_registry: bool,
    /// If it does not have what is wanted, no endpoint has it.
    pub(super) is_final: bool,
    /// What is asked for was written there by this client.
    pub(super) is_written: bool,
    /// It comes after the others only because something went wrong there a while ago, other than that it was silent.
    pub(super) is_put_back: bool,
}

/// Those that may be asked: first where this client has written what is asked for, last those that failed lately, or in this call.
pub(super) fn in_order(
    (client, call): (&Client, &Call),
    repository: &Repository,
    asked: &AskedEndpoints,
    question: EndpointUse,
) -> Vec<Candidate> {
    let (index, name) = (repository.index(), repository.remote_name());
    let may: Vec<&RegistryEndpoint> = match question {
        EndpointUse::Write => asked.writer().into_iter().collect(),
        _ => {
            let by_tag = asked.is_unreadable_by_mirrors();
            asked.endpoints.iter().filter(|endpoint| may(client, repository, (endpoint, by_tag), question)).collect()
        }
    };
    let tag = if let EndpointUse::Tag(tag) = question { Some(tag) } else { None };
    let written = match question {
        EndpointUse::Digest | EndpointUse::Write => None,
        _ => client.memory::<Written>().to(&repository.key(), tag),
    };
    let (passed, hurried) = (client.memory::<PassedOver>(), call.memory::<PassedOver>());
    let mut candidates: Vec<(u8, Candidate)> = Vec::new();
    for endpoint in may {
        let key = endpoint.key(index);
        let is_written = written.as_ref() == Some(&key);
        let failure = passed.left(&key, name).or_else(|| hurried.left(&key, name));
        let is_put_back = failure.as_ref().is_some_and(|failure| !failure.lied && !failure.silent);
        let position = match failure {
            _ if is_written => 0,
            None => 1,
            Some(failure) if !failure.lied => 2,
            Some(_) => 3,
        };
        let is_registry = endpoint.is_registry();
        let is_final = is_registry || (is_written && tag.is_some());
        let endpoint = endpoint.clone();
        candidates.push((position, Candidate { endpoint, key, is_registry, is_final, is_written, is_put_back }));
    }
    // Those of which a file says that they have no referrers are asked when the others have none, or are down.
    let is_last = |candidate: &Candidate| question == EndpointUse::Referrers && !candidate.endpoint.may.referrers;
    candidates.sort_by_key(|(position, candidate)| (*position, is_last(candidate)));
    candidates.into_iter().map(|(_, candidate)| candidate).collect()
}

/// `by_tag`: the registry may have named what is asked for, where it is read by tag to be written.
fn may(
    client: &Client,
    repository: &Repository,
    (endpoint, by_tag): (&RegistryEndpoint, bool),
    question: EndpointUse,
) -> bool {
    let has_named = || {
        let key = endpoint.key(repository.index());
        client.memory::<TagSources>().has(&repository.key(), &key)
    };
    may_answer(endpoint.may, question)
        || (question == EndpointUse::Digest && (endpoint.may.by_tag || by_tag) && has_named())
}

fn may_answer(may: Abilities, question: EndpointUse) -> bool {
    match question {
        EndpointUse::Digest => may.by_digest,
        // Nothing checks which referrers there are, as little as what a tag is.
        EndpointUse::Referrers => may.referrers || may.by_digest && may.by_tag,
        EndpointUse::Tag(_) | EndpointUse::Tags => may.by_tag,
        EndpointUse::Write => may.push,
    }
}

/// The error where no endpoint may be asked.
pub(super) fn nobody(repository: &Repository, question: EndpointUse, asked: &AskedEndpoints) -> Error {
    let what = match question {
        EndpointUse::Digest => "be read",
        EndpointUse::Referrers => "be asked for referrers",
        EndpointUse::Tag(_) | EndpointUse::Tags => "be asked for its tags",
        EndpointUse::Write => "be written to",
    };
    if let Some(source) = &asked.blocked {
        return blocked_by(&repository.full_name(), source);
    }
    if let Some(found) = asked.unreadable.as_ref().filter(|_| question != EndpointUse::Write) {
        return found.why.duplicate();
    }
    let message = format!(
        "{} cannot {what}: {} has no endpoint that may be asked for that",
        repository.full_name(),
        asked.source
    );
    Error::new(Code::Forbidden, message)
}
