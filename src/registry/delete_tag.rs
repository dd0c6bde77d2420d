//! Deleting one tag and nothing else (distribution-spec end-9, "Deleting tags").
//!
//! Registries handle DELETE of a tag differently. distribution 2.8 refuses it (400 DIGEST_INVALID); distribution 3 and
//! go-containerregistry's registry remove only the tag. Others have deleted the manifest with every tag that it has:
//! so the manifest is read before, looked for afterwards, and put back if it has gone.

use ::http::header::ACCEPT;
use ::http::{Method, StatusCode};
use serde::Serialize;
use serde_json::json;

use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::http::Request;
use crate::media_type::OCI_INDEX;
use crate::options::options;
use crate::reference::Reference;
use crate::registry::list::names::NameWindow;
use crate::registry::manifest::{accept_header, fetch, head, GetOptions, HeadOptions, Manifest, PutOptions};
use crate::registry::repository::delete::{delete, delete_tag};
use crate::registry::repository::Remote;
use crate::registry::tags::tags_of;
use crate::registry::Client;
use crate::resource::Resource;
use crate::statuses;

/// How many tags are compared with the digest.
const MOST_LOOKED_AT: u64 = 256;

options! {
    /// Options of [`Client::delete_tag`].
    #[derive(Debug, Clone)]
    pub struct DeleteTagOptions {
        /// find the other tags of the same digest, one HEAD a tag for the first 256
        pub list_others: bool,
        /// where the registry deletes no tag, put an empty index under it and delete that by its digest
        ///
        /// the tag names the empty index for a moment, until that is deleted
        pub replace: bool,
    }
}

/// What happened to the manifest that a deleted tag named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ManifestFate {
    /// It is still there.
    Kept,
    /// The registry deleted it with the tag, and it was put back.
    Restored,
    /// The registry deleted it with the tag.
    Deleted,
    /// The registry does not say.
    Unknown,
    /// In a layout: nothing there names it any more, so that it is not found there, and goes when the layout is cleaned. In an archive it
    /// went with its name.
    Unnamed,
}

/// The result of deleting a tag.
#[derive(Debug, Serialize)]
pub struct DeletedTag {
    /// The tag that is gone.
    pub tag: String,
    /// The digest that it named.
    pub digest: Digest,
    /// The registry's status; None at another place.
    pub status: Option<u16>,
    /// What happened to the manifest.
    pub manifest: ManifestFate,
    /// Whether it took a placeholder.
    pub replaced: bool,
    /// The other tags with the same digest, if requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_tags: Option<Vec<String>>,
}

struct TagToDelete<'a> {
    client: &'a Client,
    remote: &'a Remote,
    reference: &'a Reference,
    tag: &'a str,
    digest: Digest,
    /// None if it could not be read.
    manifest: Option<Manifest>,
    /// None if they were not looked for.
    others: Option<OtherTags>,
}

/// The other tags of a digest.
struct OtherTags {
    tags: Vec<String>,
    /// Whether every tag was compared.
    complete: bool,
}

impl Client {
    /// Deletes one tag, where the registry can.
    pub fn delete_tag(&self, call: &Call, reference: &Reference, options: &DeleteTagOptions) -> Result<DeletedTag> {
        let Some(tag) = reference.tag() else {
            return Err(Error::new(Code::InvalidReference, format!("the reference '{reference}' has no tag")));
        };
        let remote = Remote::to_write(self, call, reference.repository())?;
        let named = reference.repository().with_tag(tag)?;
        let (digest, manifest) = look_up(&remote, &named)?;
        if let Some(expected) = reference.digest().filter(|expected| **expected != digest) {
            let message = format!("the tag {tag} of {} names {digest}, not {expected}", remote.full_name());
            return Err(Error::new(Code::DigestMismatch, message));
        }
        let others = match options.list_others {
            true => Some(other_tags(&remote, &named, &digest)?),
            false => None,
        };
        let target = TagToDelete { client: self, remote: &remote, reference: &named, tag, digest, manifest, others };
        let deleted = target.delete(call, options)?;
        remote.has_written(reference.repository(), &[tag]);
        Ok(deleted)
    }
}

/// The digest of a tag, and the manifest itself if it can be read: a broken one can be untagged too.
fn look_up(remote: &Remote, named: &Reference) -> Result<(Digest, Option<Manifest>)> {
    match fetch(remote, named, &GetOptions::default()) {
        Ok(manifest) => Ok((manifest.document.digest.clone(), Some(manifest))),
        Err(error) if matches!(error.code(), Code::InvalidManifest | Code::LimitExceeded) => {
            Ok((head(remote, named, &HeadOptions::default())?.digest, None))
        }
        Err(error) => Err(error),
    }
}

fn other_tags(remote: &Remote, named: &Reference, digest: &Digest) -> Result<OtherTags> {
    let window = NameWindow::new(Some(MOST_LOOKED_AT), false, None, None)?;
    let repository = named.repository();
    let listed = match tags_of(remote, window, |_| true) {
        Err(error) if !error.ends_call() => return Ok(OtherTags { tags: Vec::new(), complete: false }),
        listed => listed?,
    };
    let mut found = OtherTags { tags: Vec::new(), complete: listed.next.is_none() };
    for tag in listed.tags.iter() {
        if Some(tag) == named.tag() {
            continue;
        }
        match head(remote, &repository.with_tag(tag)?, &HeadOptions::default()) {
            Ok(head) if head.digest == *digest => found.tags.push(tag.to_owned()),
            Ok(_) => {}
            Err(error) if matches!(error.code(), Code::NotFound | Code::InvalidManifest) => {}
            Err(error) if error.ends_call() => return Err(error.within(format!("the digest of the tag {tag}"))),
            // It need not be readable: only the tag is to be deleted.
            Err(_) => found.complete = false,
        }
    }
    Ok(found)
}

impl TagToDelete<'_> {
    fn delete(self, call: &Call, options: &DeleteTagOptions) -> Result<DeletedTag> {
        let what = format!("delete the tag {} of {}", self.tag, self.remote.full_name());
        let (status, replaced) = match delete_tag(self.remote, Resource::Manifest(self.tag), &what) {
            Ok(deleted) => (deleted.status, false),
            Err(error) if error.code() != Code::Unsupported => return Err(error),
            Err(error) if !options.replace => return Err(self.unsupported(error)),
            Err(error) => (self.replace(call, error)?, true),
        };
        let manifest = self.fate(call)?;
        Ok(DeletedTag {
            tag: self.tag.to_owned(),
            digest: self.digest,
            status: Some(status),
            manifest,
            replaced,
            other_tags: self.others.map(|others| others.tags),
        })
    }

    fn unsupported(&self, error: Error) -> Error {
        let others = match self.others.as_ref().map(|others| others.tags.as_slice()) {
            None => String::new(),
            Some([]) => "; no other tag has its digest".to_owned(),
            Some(others) => format!("; its digest is also that of {}", others.join(", ")),
        };
        error.with_code(Code::Unsupported).with_hint(format!(
            "deleting {} removes every tag of it{others}; the option replace puts a placeholder under the tag and \
             deletes that",
            self.digest
        ))
    }

    /// A unique empty index is put under the tag, and is deleted by its digest together with the tag.
    fn replace(&self, call: &Call, refused: Error) -> Result<u16> {
        let Some(manifest) = &self.manifest else { return Err(refused) };
        let unique = format!("{:016x}{:016x}", crate::http::retry::random(), crate::http::retry::random());
        let annotations =
            json!({"org.opencontainers.image.description": "placeholder of a deleted tag", "unique": unique});
        let bytes = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "annotations": annotations})
            .to_string();
        let put = PutOptions::default();
        let digest = self.client.put_manifest(call, self.reference, bytes.as_bytes(), &put)?.digest;
        let what = format!("delete the placeholder of the tag {}", self.tag);
        let outcome = delete(self.remote, Resource::Manifest(digest.as_str()), &what);
        let error = match outcome {
            Ok(deleted) if self.exists(self.tag)? == Some(false) => return Ok(deleted.status),
            Ok(_) => self.unsupported(refused),
            Err(error) => error,
        };
        self.client.put_manifest(call, self.reference, &manifest.bytes, &as_it_was(manifest)).map_err(|error| {
            error.within(format!("the tag {} now names a placeholder instead of {}", self.tag, self.digest))
        })?;
        Err(error)
    }

    /// Whether the registry says that something exists under a name, or that it does not.
    fn exists(&self, name: &str) -> Result<Option<bool>> {
        let mut head = Request::new(Method::HEAD).header(ACCEPT, &accept_header(&GetOptions::default()))?;
        match self.remote.ask(Resource::Manifest(name), &mut head, &self.remote.scopes(&["pull"])) {
            Ok(reply) if reply.response.status == StatusCode::NOT_FOUND => Ok(Some(false)),
            Ok(reply) => Ok(statuses::is_success(reply.response.status.as_u16()).then_some(true)),
            Err(error) if error.ends_call() => Err(error),
            Err(_) => Ok(None),
        }
    }

    fn fate(&self, call: &Call) -> Result<ManifestFate> {
        match self.exists(self.digest.as_str())? {
            Some(true) => return Ok(ManifestFate::Kept),
            Some(false) => {}
            None => return Ok(ManifestFate::Unknown),
        }
        let Some(manifest) = &self.manifest else { return Ok(ManifestFate::Deleted) };
        let complete = self.others.as_ref().is_some_and(|others| others.complete);
        let others = self.others.as_ref().map(|others| others.tags.clone()).unwrap_or_default();
        let options = PutOptions { tags: others, ..as_it_was(manifest) };
        let pinned = Reference::parse(&manifest.reference, None)?;
        match self.client.put_manifest(call, &pinned, &manifest.bytes, &options) {
            Ok(_) if !complete => {
                let warning =
                    "the registry deleted the manifest with its tag. The manifest is put back; its other tags are put \
                               back only as far as list_others found them before";
                call.warn_of(&self.remote.full_name(), warning)?;
                Ok(ManifestFate::Restored)
            }
            Ok(_) => Ok(ManifestFate::Restored),
            Err(error) if error.ends_call() => Err(error),
            Err(_) => Ok(ManifestFate::Deleted),
        }
    }
}

fn as_it_was(manifest: &Manifest) -> PutOptions {
    PutOptions { media_type: Some(manifest.document.media_type.clone()), ..PutOptions::default() }
}
