//! Mounting a blob from another repository of the same registry (distribution-spec end-11).

use ::http::{Method, StatusCode};
use serde::Serialize;

use crate::auth::scope::Scope;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::http::{Repeat, Request};
use crate::options::options;
use crate::reference::{Index, Reference, Repository};
use crate::registry::blob::blob_digest;
use crate::registry::repository::Remote;
use crate::registry::upload::confirm::UnconfirmedBlob;
use crate::registry::upload::session::{location_text, SavedSession, UploadSession};
use crate::registry::Client;
use crate::resource::Resource;
use crate::statuses;

/// The registry's response to a mount.
pub(crate) enum Mounted {
    /// The blob was mounted; with its Location, if the registry returned one.
    Done(Option<String>),
    /// It is not; the session is for uploading it, if the registry opened one.
    Declined(Option<Box<UploadSession>>),
}

options! {
    /// Options of [`Client::mount_blob`].
    #[derive(Debug, Clone)]
    pub struct MountOptions {
        /// a declined mount leaves an upload session open, which is cancelled; true: returns it
        pub keep_session: bool,
    }
}

/// Whether a registry mounted a blob, and what it said otherwise.
#[derive(Debug, Serialize)]
pub struct MountResult {
    /// Whether the blob is in the repository now.
    pub mounted: bool,
    /// The digest of the blob that was to be mounted.
    pub digest: Digest,
    /// The Location that the registry returned; None when absent.
    pub location: Option<String>,
    /// The session of a declined mount, if it was to be kept.
    pub session: Option<SavedSession>,
}

impl Client {
    /// Mounts a blob from a repository of the same registry, or from wherever the registry finds it if none is named.
    pub fn mount_blob(
        &self,
        call: &Call,
        reference: &Reference,
        from: Option<&Repository>,
        options: &MountOptions,
    ) -> Result<MountResult> {
        let digest = blob_digest(reference)?;
        if let Some(from) = from {
            same_registry(from.index(), reference.repository().index(), |from, to| {
                self.is_one_registry(call, from, to)
            })?;
        }
        let remote = Remote::to_write(self, call, reference.repository())?;
        let result = |mounted, location, session| MountResult { mounted, digest: digest.clone(), location, session };
        match mount(&remote, digest, from.map(Repository::remote_name), None, Repeat::WhenRefused)? {
            Mounted::Done(location) => Ok(result(true, location, None)),
            Mounted::Declined(Some(session)) if options.keep_session => Ok(result(false, None, Some(session.saved()))),
            Mounted::Declined(session) => {
                if let Some(session) = session {
                    let _ = session.cancel();
                }
                Ok(result(false, None, None))
            }
        }
    }
}

/// A blob can be mounted within a registry only.
pub(crate) fn same_registry(
    from: &Index,
    to: &Index,
    is_one: impl FnOnce(&Index, &Index) -> Result<bool>,
) -> Result<()> {
    if is_one(from, to)? {
        return Ok(());
    }
    let (from, to) = (from.written(), to.written());
    let message = format!("a blob of {from} cannot be mounted at {to}: that is another registry");
    Err(Error::new(Code::InvalidArgument, message))
}

/// Requests a mount. A refusal that is about mounting, not about credentials, is a decline.
pub(crate) fn mount(
    remote: &Remote,
    digest: &Digest,
    from: Option<&str>,
    size: Option<u64>,
    repeat: Repeat,
) -> Result<Mounted> {
    let from = from.and_then(|name| remote.rename.apply(name));
    let from = from.as_deref();
    // Neither a digest nor a repository name contains a character that needs escaping in a query.
    let from_part = from.map(|name| format!("&from={name}")).unwrap_or_default();
    let target = remote.target(Resource::Uploads).with_query(&format!("mount={digest}{from_part}"));
    // The target first: some token servers read no second scope.
    let mut scopes = remote.scopes(&["pull", "push"]);
    if let Some(name) = from {
        scopes.add(Scope::repository(name, &["pull"]));
    }
    let mut request = Request::new(Method::POST).repeat(repeat);
    let reply = remote.send(&target, &mut request, &scopes)?;
    let what = format!("mount the blob {digest} in {}", remote.full_name());
    match reply.response.status {
        status if statuses::has_mounted(status.as_u16()) => {
            match UnconfirmedBlob::whole(remote, digest, size).confirm(reply, &what) {
                Ok(response) => Ok(Mounted::Done(location_text(remote, &response))),
                // The registry has something else there, or nothing.
                Err(error) if matches!(error.code(), Code::Protocol | Code::DigestMismatch) => {
                    Ok(Mounted::Declined(None))
                }
                Err(error) => Err(error),
            }
        }
        StatusCode::ACCEPTED => {
            Ok(Mounted::Declined(UploadSession::at(remote.clone(), &reply.response).ok().map(Box::new)))
        }
        status if statuses::declines_a_mount(status.as_u16()) => Ok(Mounted::Declined(None)),
        _ => Err(remote.failure(reply, &what)),
    }
}
