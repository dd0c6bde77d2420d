//! One PUT of a manifest under one name, sent again as far as that is safe, and what the registry says of it.

use std::time::Duration;

use ::http::header::{HeaderName, HeaderValue, ACCEPT, CONTENT_TYPE};
use ::http::{Method, StatusCode};
use bytes::Bytes;

use crate::auth::Reply;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::http::response::Response;
use crate::http::retry::{self, Backoff};
use crate::http::upload::Body;
use crate::http::{Repeat, Request};
use crate::manifest::Document;
use crate::registry::repository::{digest_header, digest_headers, Remote};
use crate::registry_error;
use crate::resource::Resource;
use crate::statuses;
use crate::store::RawManifest;

/// Before a manifest is sent again: whether it is there by now. An error ends the tries.
pub(super) type Again<'a> = dyn Fn() -> Result<bool> + 'a;

/// On what condition a manifest is put under a name.
#[derive(Default)]
pub(super) struct OnlyIf<'a> {
    /// What the registry is to look at.
    pub(super) header: Option<&'a (HeaderName, HeaderValue)>,
    /// A look before each other try, whatever the reason for it: a refusal may come from a gateway that gave up waiting.
    pub(super) again: Option<&'a Again<'a>>,
}

/// Of several tags of which one could not be set: those that were, for its error.
pub(super) fn set_already(tags: &[impl AsRef<str>]) -> String {
    match tags {
        [] => String::new(),
        tags => format!("; set already: {}", tags.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")),
    }
}

/// A PUT whose response was lost may have succeeded: check before it is sent again. Returns the response that confirms it; None if that
/// was lost, including its subject and tags, though the manifest is there.
pub(super) fn put_as(
    remote: &Remote,
    name: &str,
    tags: &[String],
    RawManifest { document, bytes }: &RawManifest,
    only_if: &OnlyIf,
) -> Result<Option<Response>> {
    let what = format!("put the manifest {name} into {}", remote.full_name());
    let scopes = remote.scopes(&["pull", "push"]);
    let tagged = remote.target(Resource::Manifest(name)).with_pairs(tags.iter().map(|tag| ("tag", tag.as_str())));
    let shown = || Ok(is_there(remote, name, document));
    // What is checked before each try must not be repeated without that check.
    let (repeat, again): (Repeat, &Again) = match only_if.again {
        Some(again) => (Repeat::Never, again),
        None => (Repeat::WhenRefused, &shown),
    };
    let mut attempt = 0;
    let mut backoff = Backoff::new();
    loop {
        attempt += 1;
        let body = Body::Bytes(Bytes::copy_from_slice(bytes));
        let mut request =
            Request::new(Method::PUT).header(CONTENT_TYPE, &document.media_type)?.repeat(repeat).body(body);
        request.headers.extend(only_if.header.cloned());
        let sent = remote.send(&tagged, &mut request, &scopes);
        let error = match answered(remote, sent, repeat, document, &what) {
            Ok(outcome) => return outcome.map(Some).map_err(|error| error.with_attempts(attempt)),
            Err(error) => error,
        };
        let error = error.with_attempts(attempt);
        let wait = wait_before(remote, attempt, &error, backoff.delay(attempt));
        if let Some(wait) = wait {
            remote.call.sleep(wait)?;
        }
        // After the wait, so that nothing is between this and the PUT.
        match (again(), wait) {
            (Ok(true), _) => return Ok(None),
            (Ok(false), Some(_)) => {}
            (Err(ended), _) if ended.conflict().is_some() => return Err(ended.with_attempts(attempt)),
            (Err(ended), Some(_)) => return Err(ended.within(error.message()).with_attempts(attempt)),
            (_, None) => return Err(error),
        }
    }
}

/// What became of one PUT; Err: it may be sent again.
fn answered(
    remote: &Remote,
    sent: Result<Reply>,
    repeat: Repeat,
    document: &Document,
    what: &str,
) -> std::result::Result<Result<Response>, Error> {
    match sent {
        Ok(reply) if repeat == Repeat::Never && retry::retry_status(reply.response.status) => {
            Err(remote.failure(reply, what))
        }
        Ok(reply) => Ok(accept(remote, reply, document, what)),
        Err(error) if may_be_tried_again(&error, repeat) => Err(error.within(what)),
        Err(error) => Ok(Err(error.within(what))),
    }
}

/// Whether a PUT without an answer may have been carried out; and where it is not sent again elsewhere, whether nothing was sent.
fn may_be_tried_again(error: &Error, repeat: Repeat) -> bool {
    let not_sent = error.code() == Code::Connect && error.http_status().is_none();
    error.code() == Code::Network || repeat == Repeat::Never && not_sent
}

/// How long to wait before the next try; None when there is none.
fn wait_before(remote: &Remote, attempt: u32, error: &Error, backoff: Duration) -> Option<Duration> {
    let wait = (attempt <= remote.client.retries()).then(|| retry::after_failure(error, backoff)).flatten();
    wait.filter(|wait| remote.call.remaining().is_none_or(|left| left > *wait))
}

/// Whether the registry shows this manifest under the name.
fn is_there(remote: &Remote, name: &str, document: &Document) -> bool {
    let Ok(mut head) = Request::new(Method::HEAD).header(ACCEPT, &document.media_type) else { return false };
    let shown = remote.ask(Resource::Manifest(name), &mut head, &remote.scopes(&["pull", "push"]));
    shown.is_ok_and(|Reply { response, .. }| {
        response.status == StatusCode::OK && digest_header(&response.headers).as_ref() == Some(&document.digest)
    })
}

fn accept(remote: &Remote, reply: Reply, document: &Document, what: &str) -> Result<Response> {
    let mut response = remote.expect(reply, &statuses::CARRIED_OUT, what)?;
    let body = response.beginning(&remote.call, 64 << 10);
    if registry_error::holds_errors(&body) {
        return Err(registry_error::error_of(statuses::OF_ERRORS, &response.headers, &body, &response.url, what));
    }
    let named = digest_headers(&response.headers);
    let another = |digest: &&Digest| **digest != document.digest && digest.algorithm() == document.digest.algorithm();
    if let Some(digest) = named.iter().find(another) {
        let message = format!("{what}: the registry stored it as {digest}, its digest is {}", document.digest);
        return Err(Error::new(Code::DigestMismatch, message).with_url(&response.url));
    }
    if !named.contains(&document.digest) {
        look(remote, &response, document, what)?;
    }
    Ok(response)
}

/// The response does not name the digest: the registry must confirm that it has exactly this one. There may be an older
/// one under the tag.
fn look(remote: &Remote, response: &Response, document: &Document, what: &str) -> Result<()> {
    let mut head = Request::new(Method::HEAD).header(ACCEPT, &document.media_type)?;
    let manifest = Resource::Manifest(document.digest.as_str());
    let shown = remote.ask(manifest, &mut head, &remote.scopes(&["pull", "push"]))?.response;
    let created = response.status == StatusCode::CREATED;
    let why = match (shown.status, digest_header(&shown.headers)) {
        (StatusCode::OK, Some(digest)) if digest != document.digest => {
            format!("shows {digest}, not {}", document.digest)
        }
        (StatusCode::OK, _) => return Ok(()),
        (StatusCode::NOT_FOUND, _) => "does not have it".to_owned(),
        // The registry does not allow reading: its response counts, if it is the one that the specification requires.
        _ if created => return Ok(()),
        (status, _) => format!("does not show it: {}", status.as_u16()),
    };
    let message = format!("{what}: the registry answers {} but {why}", response.status.as_u16());
    Err(Error::new(Code::Protocol, message).with_url(&shown.url))
}
