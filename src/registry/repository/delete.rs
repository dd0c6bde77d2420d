//! Deleting something of a repository: a manifest, a tag, a blob.

use ::http::header::CONTENT_TYPE;
use ::http::{Method, StatusCode};
use serde::Serialize;

use super::Remote;
use crate::error::{Code, Error, Result};
use crate::http::response::Response;
use crate::http::Request;
use crate::media_type;
use crate::resource::Resource;
use crate::statuses;

/// The result of a delete.
#[derive(Debug, Serialize)]
pub struct Deleted {
    /// The registry's status.
    pub status: u16,
}

/// Deletes one tag. Older registries accept only digests, and report that in several ways.
pub(crate) fn delete_tag(remote: &Remote, resource: Resource, what: &str) -> Result<Deleted> {
    delete(remote, resource, what).map_err(|error| match error.http_status() {
        Some(status) if statuses::deletes_digests_only(status) => error
            .within("this registry cannot delete a single tag")
            .with_code(Code::Unsupported)
            .with_hint("deleting by digest removes every tag of that digest"),
        _ => error,
    })
}

fn is_page(response: &Response) -> bool {
    // Some frameworks set that type on empty responses.
    response.content_length() != Some(0)
        && response.header(CONTENT_TYPE).is_some_and(|name| media_type::essence(name) == "text/html")
}

/// Deletes something of a repository. Which action the token server wants for it differs: most say `delete`, some only know
/// `*` or `push`.
pub(crate) fn delete(remote: &Remote, resource: Resource, what: &str) -> Result<Deleted> {
    let mut refused = None;
    for actions in [&["pull", "delete"][..], &["*"], &["pull", "push"]] {
        let reply = remote.ask(resource, &mut Request::new(Method::DELETE), &remote.scopes(actions));
        let reply = match reply {
            Ok(reply) => reply,
            Err(error)
                if error.code() == Code::Forbidden
                    || error.http_status().is_some_and(statuses::refuses_the_delete_scope) =>
            {
                refused.get_or_insert(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        let status = reply.response.status;
        if status == StatusCode::OK && is_page(&reply.response) {
            let message = format!("{what}: the response is a web page, and nothing confirms the deletion");
            return Err(Error::new(Code::Protocol, message).with_http_status(200).with_url(&reply.response.url));
        }
        if statuses::is_deleted(status.as_u16())
            || statuses::is_gone_after_a_repeat(status.as_u16(), reply.response.attempts)
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
