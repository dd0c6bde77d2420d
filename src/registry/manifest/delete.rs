//! Deleting manifests (distribution-spec end-9, "Deleting Manifests").

use ::http::header::CONTENT_TYPE;
use ::http::{Method, StatusCode};
use serde::Serialize;

use super::get::fetch;
use super::{named, GetOptions};
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::http::response::Answer;
use crate::http::Request;
use crate::media_type;
use crate::options::options;
use crate::reference::Reference;
use crate::registry::referrers;
use crate::registry::referrers::fallback_tag;
use crate::registry::referrers::Source;
use crate::registry::repository::Remote;
use crate::registry::Client;
use crate::resource::Resource;
use crate::statuses;

options! {
    /// Options of [`Client::delete_manifest`].
    #[derive(Debug, Clone)]
    pub struct DeleteOptions {
        /// false leaves the referrers tag alone
        pub referrers_tag: bool = true,
    }
}

/// The result of a delete.
#[derive(Debug, Serialize)]
pub struct Deleted {
    /// The registry's status.
    pub status: u16,
}

/// The result of deleting a manifest.
#[derive(Debug, Serialize)]
pub struct DeletedManifest {
    /// The registry's status.
    pub status: u16,
    /// The manifest's subject, if that had to be determined.
    pub subject: Option<Digest>,
    /// Where it was taken off the list of its subject's referrers.
    pub referrers: Option<Source>,
}

impl Client {
    /// Deletes a manifest by digest; by tag only that tag, where the registry can. One that has a subject is taken out of
    /// the subject's referrers tag, at a registry without the referrers API.
    pub fn delete_manifest(
        &self,
        call: &Call,
        reference: &Reference,
        options: &DeleteOptions,
    ) -> Result<DeletedManifest> {
        let remote = Remote::repository(self, call, reference.repository())?;
        let what = format!("delete the manifest {reference}");
        let Some(digest) = reference.digest() else {
            let Deleted { status } = delete_tag(&remote, named(reference), &what)?;
            return Ok(DeletedManifest { status, subject: None, referrers: None });
        };
        let subject = match options.referrers_tag && lacks_api(&remote, digest)? {
            true => subject_of(&remote, reference)?,
            false => None,
        };
        let Deleted { status } = delete(&remote, named(reference), &what)?;
        if let Some(subject) = &subject {
            fallback_tag::remove(&remote, subject, digest).map_err(|error| {
                error.within(format!("the manifest {digest} is deleted, but still listed as a referrer"))
            })?;
        }
        Ok(DeletedManifest { status, referrers: subject.as_ref().map(|_| Source::Tag), subject })
    }
}

/// Whether clients maintain the referrers tag here. A registry that does not say can still delete.
fn lacks_api(remote: &Remote, digest: &Digest) -> Result<bool> {
    match referrers::has_api(remote, digest) {
        Ok(has_api) => Ok(!has_api),
        Err(error) if ends_call(&error) => Err(error),
        Err(_) => Ok(false),
    }
}

/// The subject of a manifest. A manifest that cannot be read can still be deleted.
fn subject_of(remote: &Remote, reference: &Reference) -> Result<Option<Digest>> {
    match fetch(remote, reference, &GetOptions::default()) {
        Ok(manifest) => Ok(manifest.document.subject().map(|subject| subject.digest.clone())),
        Err(error) if ends_call(&error) => Err(error),
        Err(_) => Ok(None),
    }
}

/// Whether the caller or the deadline has ended the call.
pub(super) fn ends_call(error: &Error) -> bool {
    matches!(error.code(), Code::Cancelled | Code::Closed | Code::Timeout | Code::Callback)
}

/// Deletes one tag. Older registries accept only digests, and report that in several ways.
pub(super) fn delete_tag(remote: &Remote, resource: Resource, what: &str) -> Result<Deleted> {
    delete(remote, resource, what).map_err(|error| match error.http_status() {
        Some(status) if statuses::deletes_digests_only(status) => error
            .within("this registry deletes no single tag")
            .with_code(Code::Unsupported)
            .with_hint("deleting by digest removes every tag of that digest"),
        _ => error,
    })
}

fn is_page(answer: &Answer) -> bool {
    // Some frameworks set that type on empty responses.
    answer.content_length() != Some(0)
        && answer.header(CONTENT_TYPE).is_some_and(|name| media_type::essence(name) == "text/html")
}

/// Deletes something of a repository. Which action the token server wants for it differs: most say `delete`, some only know
/// `*` or `push`.
pub(crate) fn delete(remote: &Remote, resource: Resource, what: &str) -> Result<Deleted> {
    let mut refused = None;
    for actions in [&["pull", "delete"][..], &["*"], &["pull", "push"]] {
        let reply = remote.ask(resource, &mut Request::new(Method::DELETE), &remote.scopes(actions));
        let reply = match reply {
            Ok(reply) => reply,
            Err(error) if error.code() == Code::Forbidden || error.http_status() == Some(400) => {
                refused.get_or_insert(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        let status = reply.answer.status;
        if status == StatusCode::OK && is_page(&reply.answer) {
            let message = format!("{what}: the response is a web page, and nothing confirms the deletion");
            return Err(Error::new(Code::Protocol, message).with_http_status(200).with_url(&reply.answer.url));
        }
        if matches!(status.as_u16(), 200 | 202 | 204) || (status == StatusCode::NOT_FOUND && reply.answer.attempts > 1)
        {
            return Ok(Deleted { status: status.as_u16() });
        }
        let error = remote.failure(reply, what);
        if error.code() != Code::Forbidden {
            return Err(refused.unwrap_or(error));
        }
        refused.get_or_insert(error);
    }
    Err(refused.unwrap_or_else(|| Error::new(Code::Forbidden, what)))
}
