//! Deleting manifests (distribution-spec end-9, "Deleting Manifests").

use serde::Serialize;

use super::get::fetch;
use super::{named, GetOptions};
use crate::call::Call;
use crate::digest::Digest;
use crate::error::Result;
use crate::options::options;
use crate::reference::Reference;
use crate::registry::referrers;
use crate::registry::referrers::fallback_tag;
use crate::registry::referrers::ReferrersSource;
use crate::registry::repository::delete::{delete, delete_tag, Deleted};
use crate::registry::repository::Remote;
use crate::registry::Client;

options! {
    /// Options of [`Client::delete_manifest`].
    #[derive(Debug, Clone)]
    pub struct DeleteOptions {
        /// false leaves the referrers tag alone
        pub referrers_tag: bool = true,
    }
}

/// The result of deleting a manifest.
#[derive(Debug, Serialize)]
pub struct DeletedManifest {
    /// The registry's status; None at another place.
    pub status: Option<u16>,
    /// The manifest's subject, if that had to be determined.
    pub subject: Option<Digest>,
    /// Where it was removed from the list of its subject's referrers.
    pub referrers: Option<ReferrersSource>,
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
        delete_at(&Remote::to_write(self, call, reference.repository())?, reference, options)
    }
}

/// Deletes a manifest at one endpoint.
pub(crate) fn delete_at(remote: &Remote, reference: &Reference, options: &DeleteOptions) -> Result<DeletedManifest> {
    let what = format!("delete the manifest {reference}");
    let Some(digest) = reference.digest() else {
        let Deleted { status } = delete_tag(remote, named(reference), &what)?;
        remote.has_written(reference.repository(), &[reference.tag().unwrap_or("latest")]);
        return Ok(DeletedManifest { status: Some(status), subject: None, referrers: None });
    };
    let subject = match options.referrers_tag && lacks_api(remote, digest)? {
        true => subject_of(remote, reference)?,
        false => None,
    };
    let Deleted { status } = delete(remote, named(reference), &what)?;
    remote.has_written(reference.repository(), reference.tag().as_slice());
    if let Some(subject) = &subject {
        fallback_tag::remove(remote, subject, digest).map_err(|error| {
            error.within(format!("the manifest {digest} is deleted, but still listed as a referrer"))
        })?;
    }
    Ok(DeletedManifest { status: Some(status), referrers: subject.as_ref().map(|_| ReferrersSource::Tag), subject })
}

/// Whether clients maintain the referrers tag here. A registry that does not say can still delete.
fn lacks_api(remote: &Remote, digest: &Digest) -> Result<bool> {
    match referrers::has_api(remote, digest) {
        Ok(has_api) => Ok(!has_api),
        Err(error) if error.ends_call() => Err(error),
        Err(_) => Ok(false),
    }
}

/// The subject of a manifest. A manifest that cannot be read can still be deleted.
fn subject_of(remote: &Remote, reference: &Reference) -> Result<Option<Digest>> {
    match fetch(remote, reference, &GetOptions::default()) {
        Ok(manifest) => Ok(manifest.document.subject().map(|subject| subject.digest.clone())),
        Err(error) if error.ends_call() => Err(error),
        Err(_) => Ok(None),
    }
}
