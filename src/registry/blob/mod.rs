//! Blobs: get, head and delete (distribution-spec end-2, end-10).

mod mixed_blobs;
mod read;

pub use crate::download::{ReadOptions, SaveOptions};
pub(crate) use read::RemoteBlob;
pub use read::{BlobInfo, BlobReader, DeliveredBlob};

use ::http::header::CONTENT_TYPE;
use ::http::{Method, StatusCode};
use serde::Serialize;
use serde_json::{json, Value};

use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::http::redact::{self, ShownHeaders};
use crate::http::response::Response;
use crate::http::Request;
use crate::media_type;
use crate::reference::Reference;
use crate::registry::endpoints::{EndpointUse, Turn};
use crate::registry::repository::delete::{delete, Deleted};
use crate::registry::repository::{digest_header, Remote};
use crate::registry::Client;
use crate::resource::Resource;

/// What a registry says about a blob.
#[derive(Debug, Serialize)]
pub struct BlobHead {
    /// Whether the registry has it.
    pub exists: bool,
    /// The digest that was asked about.
    pub digest: Digest,
    /// The size that the registry says it has.
    pub size: Option<u64>,
    /// The media type in the response; None when absent.
    #[serde(rename = "mediaType")]
    pub media_type: Option<String>,
    /// The redirects to the server that has it.
    pub redirects: Vec<Value>,
    /// The headers of the last response.
    pub headers: ShownHeaders,
    /// The headers of the registry's own response, if that was a redirect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_headers: Option<ShownHeaders>,
    /// The host that told it, `HOST[:PORT]`: the registry or a mirror.
    pub served_by: Option<String>,
}

impl Client {
    /// Asks about a blob. A missing one is not an error.
    pub fn head_blob(&self, call: &Call, reference: &Reference) -> Result<BlobHead> {
        let digest = blob_digest(reference)?;
        let turn = Turn::new(self, call, reference.repository(), EndpointUse::Digest)?;
        turn.first(|remote| head(remote, reference, digest), |head| !head.exists)
    }

    /// Deletes a blob from a repository; other repositories that have it keep it.
    pub fn delete_blob(&self, call: &Call, reference: &Reference) -> Result<Deleted> {
        let digest = blob_digest(reference)?;
        let remote = Remote::to_write(self, call, reference.repository())?;
        delete(&remote, Resource::Blob(digest), &format!("delete the blob {reference}"))
    }
}

/// What one endpoint says about a blob.
fn head(remote: &Remote, reference: &Reference, digest: &Digest) -> Result<BlobHead> {
    let scopes = remote.scopes(&["pull"]);
    let mut reply = remote.ask(Resource::Blob(digest), &mut Request::new(Method::HEAD), &scopes)?;
    // That a blob is missing needs no reason.
    if reply.calls_for_get() && reply.response.status != StatusCode::NOT_FOUND {
        reply = remote.ask(Resource::Blob(digest), &mut Request::new(Method::GET), &scopes)?;
    }
    let what = format!("head of the blob {reference}");
    let response = remote.expect(reply, &[StatusCode::OK, StatusCode::NOT_FOUND], &what)?;
    remote.not_another(digest, &response)?;
    let exists = response.status == StatusCode::OK;
    let redirects =
        response.hops.iter().map(|hop| json!({"status": hop.status, "url": redact::without_query(&hop.url)})).collect();
    Ok(BlobHead {
        exists,
        digest: digest.clone(),
        size: said_size(&response, digest).filter(|_| exists),
        media_type: response.header(CONTENT_TYPE).filter(|_| exists).map(media_type::essence),
        redirects,
        first_headers: response.first_headers.map(ShownHeaders::from),
        headers: response.headers.into(),
        served_by: Some(remote.served_by()),
    })
}

/// The digest of a blob's reference.
pub(crate) fn blob_digest(reference: &Reference) -> Result<&Digest> {
    reference.digest().ok_or_else(|| {
        Error::new(
            Code::InvalidReference,
            format!("a blob is named HOST/REPOSITORY@DIGEST; '{reference}' has no digest"),
        )
    })
}

/// The result of a check for a blob.
pub(crate) enum BlobPresence {
    There {
        /// Its size; None when the registry does not say.
        size: Option<u64>,
        /// The digest in the response.
        digest: Option<Digest>,
    },
    Absent,
    /// The registry does not say.
    Hidden,
}

/// Whether a repository has a blob.
pub(crate) fn has(remote: &Remote, digest: &Digest) -> Result<bool> {
    Ok(matches!(look(remote, digest)?, BlobPresence::There { .. }))
}

/// Whether a repository has a blob, completely: a failed upload may have left a part.
pub(crate) fn has_all(remote: &Remote, digest: &Digest, wanted: u64) -> Result<bool> {
    Ok(matches!(look(remote, digest)?, BlobPresence::There { size, .. } if size.is_none_or(|size| size == wanted)))
}

pub(crate) fn look(remote: &Remote, digest: &Digest) -> Result<BlobPresence> {
    look_by(Method::HEAD, remote, digest)
}

/// The same by another method: a GET is left at its head.
pub(crate) fn look_by(method: Method, remote: &Remote, digest: &Digest) -> Result<BlobPresence> {
    let reply = remote.ask(Resource::Blob(digest), &mut Request::new(method), &remote.scopes(&["pull", "push"]))?;
    match reply.response.status {
        // Asking on would only show the same credentials again.
        StatusCode::UNAUTHORIZED => {
            Err(remote.failure(reply, &format!("head of the blob {digest} of {}", remote.full_name())))
        }
        StatusCode::OK => Ok(BlobPresence::There {
            size: said_size(&reply.response, digest),
            digest: digest_header(&reply.response.headers),
        }),
        StatusCode::NOT_FOUND => Ok(BlobPresence::Absent),
        _ => Ok(BlobPresence::Hidden),
    }
}

/// The size of a blob according to a response. For HEAD, 0 may come from a proxy that counts the missing body.
fn said_size(response: &Response, digest: &Digest) -> Option<u64> {
    let says = |size: &u64| *size > 0 || response.method == Method::GET || *digest == digest.algorithm().digest(b"");
    response.content_length().filter(says)
}
