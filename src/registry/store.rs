//! A repository as a place to copy from and to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;

use crate::call::Call;
use crate::digest::{Digest, Hasher};
use crate::download::{from_another_if_wrong, Download, ReadOptions};
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::reference::{Reference, Repository};
use crate::registry::blob::has_all;
use crate::registry::blob::RemoteBlob;
use crate::registry::lock;
use crate::registry::manifest::{fetch, head, GetOptions, HeadOptions, ManifestHead, PutManifest, PutOptions};
use crate::registry::referrers::fallback_tag;
use crate::registry::referrers::{Referrers, ReferrersOptions, ReferrersSource};
use crate::registry::repository::Remote;
use crate::registry::upload::blob_info_cache::BlobInfoCache;
use crate::registry::upload::from_store::FromStore;
use crate::registry::upload::mount_hints::MountHints;
use crate::registry::upload::negotiate::{Negotiation, UploadWay};
use crate::registry::Client;
use crate::statuses;
use crate::store::condition::{no_name, NameCondition, NameFate};
use crate::store::manifest_name::ManifestName;
use crate::store::served_by::Senders;
use crate::store::{digest_tags, Moved, RawManifest, ReadStore, Role, WriteStore};
use crate::stream::blob::Blob;

/// A repository, and the tag or digest that a copy is about.
pub struct RegistryStore {
    client: Client,
    reference: Reference,
    /// Its name is known to refer to nothing.
    is_new: bool,
    /// Manifests with a subject that were put, but are not on the subject's list.
    unlisted: Mutex<Vec<(Digest, Descriptor)>>,
    /// Its tag refers to what is put already, and only its subject's list lacks that.
    is_only_unlisted: AtomicBool,
    /// Where what its tags name is written to. In its registry they, and lists of referrers, are read there: what is written by them stays, and
    /// nothing checks what a mirror says of a tag.
    written_to: Option<Repository>,
}

impl RegistryStore {
    /// The manifest that a reference names.
    pub fn new(client: &Client, reference: Reference) -> RegistryStore {
        let (unlisted, is_only_unlisted) = (Mutex::default(), AtomicBool::default());
        let client = client.clone();
        RegistryStore { client, reference, is_new: false, unlisted, is_only_unlisted, written_to: None }
    }

    /// The same, of which something is to be written to a repository.
    pub(crate) fn written_to(self, repository: &Repository) -> RegistryStore {
        RegistryStore { written_to: Some(repository.clone()), ..self }
    }

    /// The same, when the registry does not list the tag: it is not asked for it again.
    pub(crate) fn of_new_name(self) -> RegistryStore {
        RegistryStore { is_new: true, ..self }
    }

    fn destination(&self, call: &Call) -> Result<Remote> {
        Remote::to_write(&self.client, call, self.reference.repository())
    }

    fn host(&self) -> String {
        self.reference.repository().index().key()
    }

    /// Where another process saw a blob before.
    fn seen_by_others(&self, call: &Call, digest: &Digest) -> Option<String> {
        let path = self.client.options().blob_info.blob_info_cache.as_deref()?;
        self.client.memory::<BlobInfoCache>().find(call, path, &self.host(), digest)
    }

    /// Remembers for the next process that the repository has a blob, if it was not a mirror that said so.
    fn tell_others(&self, call: &Call, at: &Remote, digest: &Digest) {
        if !at.is_registry() {
            return;
        }
        if let Some(path) = self.client.options().blob_info.blob_info_cache.as_deref() {
            let name = self.reference.repository().remote_name();
            self.client.memory::<BlobInfoCache>().learn(call, path, &self.host(), digest, name);
        }
    }

    /// Repositories of this registry that may have a blob: its source, and where it was seen before. There are none if
    /// it was put with another size: a mount does not tell which one is wrong.
    fn mount_sources(&self, call: &Call, wanted: &Descriptor, from: &dyn ReadStore) -> Vec<String> {
        let (here, digest) = (self.reference.repository(), &wanted.digest);
        let (hints, host) = (self.client.memory::<MountHints>(), self.host());
        let ours = hints.find(&host, digest);
        if ours.as_ref().is_some_and(|(_, size)| *size != wanted.size) {
            return Vec::new();
        }
        let near = |other: &&Repository| other.index().may_be(here.index());
        let source = from.repository_of(digest).filter(near).map(|other| other.remote_name().to_owned());
        let seen = ours.map(|(name, _)| name).or_else(|| self.seen_by_others(call, digest));
        let mut found: Vec<String> = source.into_iter().chain(seen).collect();
        found.retain(|name| name != here.remote_name() && !hints.is_refused(&host, name));
        found.dedup();
        found
    }

    /// Whether a name refers to this digest.
    fn stands_for(&self, call: &Call, name: &ManifestName, digest: &Digest) -> Result<bool> {
        let repository = self.reference.repository();
        let reference = match name {
            ManifestName::Tag(tag) => repository.with_tag(tag)?,
            ManifestName::Digest(digest) => repository.with_digest(digest),
        };
        match head(&self.destination(call)?, &reference, &HeadOptions::default()) {
            Ok(head) => Ok(head.digest == *digest),
            // Permission to write does not imply permission to read: the first PUT will tell.
            Err(error) if is_absent(&error) || error.code() == Code::Forbidden => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What its reference names where it is written to; None while that is nothing.
    pub(crate) fn written(&self, call: &Call) -> Result<Option<Descriptor>> {
        let found = self.at_destination(call, &self.reference)?;
        Ok(found.map(|head| Descriptor::new(&head.media_type, head.digest, head.size)))
    }

    fn at_destination(&self, call: &Call, reference: &Reference) -> Result<Option<ManifestHead>> {
        let at = self.destination(call)?;
        match head(&at, reference, &HeadOptions::default()) {
            Ok(head) => {
                if reference.digest().is_none() {
                    at.has_named(reference.repository());
                }
                Ok(Some(head))
            }
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What refers to a manifest. Nothing checks that either.
    fn listed(&self, call: &Call, subject: &Digest) -> Result<Referrers> {
        let options = ReferrersOptions::default();
        match self.where_written(call)? {
            Some(at) => at.referrers(subject, &options),
            None => self.client.referrers(call, &self.reference.repository().with_digest(subject), &options),
        }
    }

    /// Where what nothing checks is read, if that is not anywhere.
    fn where_written(&self, call: &Call) -> Result<Option<Remote>> {
        match &self.written_to {
            Some(to) => Remote::to_read_and_write(&self.client, call, self.reference.repository(), to),
            None => Ok(None),
        }
    }

    fn get(&self, call: &Call, reference: &Reference) -> Result<RawManifest> {
        let options = GetOptions::default();
        let at = match reference.digest() {
            None => self.where_written(call)?,
            Some(_) => None,
        };
        let found = match at {
            Some(at) => fetch(&at, reference, &options).inspect(|_| at.has_named(reference.repository()))?,
            None => self.client.fetch_manifest(call, reference, &options)?,
        };
        call.memory::<Senders>().add_all(&found.served_by);
        Ok(RawManifest { document: found.document, bytes: found.bytes })
    }
}

impl ReadStore for RegistryStore {
    fn place(&self) -> String {
        format!("docker://{}", self.reference)
    }

    fn root(&self, call: &Call) -> Result<RawManifest> {
        self.get(call, &self.reference)
    }

    fn manifest(&self, call: &Call, wanted: &Descriptor) -> Result<RawManifest> {
        self.get(call, &self.reference.repository().with_digest(&wanted.digest))
    }

    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>> {
        let options = ReadOptions { size: Some(wanted.size), ..ReadOptions::default() };
        let blob = RemoteBlob::new(&self.client, call, self.reference.repository(), &wanted.digest)?;
        let download = Download::open(blob, &options, hashed)?;
        self.tell_others(call, download.item().remote(), &wanted.digest);
        Ok(Box::new(download))
    }

    fn size(&self, call: &Call, digest: &Digest) -> Result<u64> {
        let reference = self.reference.repository().with_digest(digest);
        let head = self.client.head_blob(call, &reference)?;
        call.memory::<Senders>().add_all(&head.served_by);
        head.size.ok_or_else(|| match head.exists {
            true => Error::new(Code::Protocol, format!("the registry does not tell the size of the blob {reference}")),
            false => Error::new(Code::MissingBlob, format!("the blob {reference} does not exist")),
        })
    }

    fn referrers(&self, call: &Call, subject: &Digest) -> Result<Vec<Descriptor>> {
        let found = self.listed(call, subject)?;
        call.memory::<Senders>().add_all(&found.served_by);
        Ok(found.referrers)
    }

    fn digest_tags(&self, call: &Call, subject: &Digest) -> Result<Vec<(String, Descriptor)>> {
        let mut found = Vec::new();
        for tag in digest_tags(subject) {
            let reference = self.reference.repository().with_tag(&tag)?;
            // A HEAD that finds nothing is asked again by GET, for the reason: this is one request for each.
            match self.get(call, &reference) {
                Ok(content) => found.push((tag, content.descriptor())),
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    fn repository(&self) -> Option<&Repository> {
        Some(self.reference.repository())
    }
}

impl WriteStore for RegistryStore {
    fn place(&self) -> String {
        format!("docker://{}", self.reference)
    }

    fn takes_packed(&self) -> bool {
        true
    }

    // What has a subject may be there from a call that failed before it was on its subject's list: it is put under its digest again. A tag
    // may be one that can be written once only.
    fn look(&self, call: &Call, root: &RawManifest) -> Result<bool> {
        let subject = root.document.subject().map(|subject| &subject.digest);
        if subject.is_some() && self.reference.tag().is_none() {
            return Ok(false);
        }
        let name = ManifestName::asked(&self.reference, root.digest())?;
        if self.is_new || !self.stands_for(call, &name, root.digest())? {
            return Ok(false);
        }
        // Where it is written: a mirror may list what the registry does not.
        let listed = |subject| self.destination(call)?.referrers(subject, &ReferrersOptions::default());
        let is_unlisted = subject.is_some_and(|subject| match listed(subject) {
            Ok(list) => list.referrers.iter().all(|entry| entry.digest != *root.digest()),
            // That a list cannot be read does not mean that it has to be written.
            Err(error) => matches!(error.code(), Code::NotFound | Code::Unsupported),
        });
        self.is_only_unlisted.store(is_unlisted, Ordering::Relaxed);
        Ok(!is_unlisted)
    }

    fn begin(&self, _: &Call) -> Result<()> {
        Ok(())
    }

    fn has_manifest(&self, call: &Call, digest: &Digest) -> Result<bool> {
        self.stands_for(call, &ManifestName::Digest(digest.clone()), digest)
    }

    fn has_blob(&self, call: &Call, wanted: &Descriptor) -> Result<bool> {
        has_all(&self.destination(call)?, &wanted.digest, wanted.size)
    }

    fn put_blob(&self, call: &Call, wanted: &Descriptor, from: &dyn ReadStore) -> Result<Moved> {
        let remote = self.destination(call)?;
        let mut put = || {
            let mut source = FromStore::new(call, wanted, from);
            let sources = self.mount_sources(call, wanted, from);
            let mut negotiation = Negotiation::new(&remote, &wanted.digest, UploadWay::Single, sources);
            let outcome = negotiation.put(&mut source);
            for name in &negotiation.refused {
                self.client.memory::<MountHints>().refuse(&self.host(), name);
            }
            outcome.map_err(|error| match refused(&error) {
                true => source.fault().unwrap_or(error),
                false => error,
            })
        };
        let stored = from_another_if_wrong(&mut put)?;
        self.client.memory::<MountHints>().learn_blob(&self.host(), wanted, self.reference.repository().remote_name());
        self.tell_others(call, &remote, &wanted.digest);
        Ok(match (stored.mounted, stored.uploaded) {
            (true, _) => Moved::Mounted,
            (false, true) => Moved::Copied { resumed: 0 },
            (false, false) => Moved::Present,
        })
    }

    fn name(&self) -> Result<String> {
        self.reference.tag().map(str::to_owned).ok_or_else(|| no_name(&WriteStore::place(self)))
    }

    fn named(&self, call: &Call) -> Result<Option<Descriptor>> {
        let found = self.at_destination(call, &self.reference.repository().with_tag(&self.name()?)?)?;
        // What the call does, or leaves as it is, follows from this.
        call.memory::<Senders>().add_all(found.iter().filter_map(|head| head.served_by.as_ref()));
        Ok(found.map(|head| Descriptor::new(&head.media_type, head.digest, head.size)))
    }

    fn put_root(&self, call: &Call, content: &RawManifest, condition: &NameCondition) -> Result<NameFate> {
        let put = self.put(call, content, &Role::Root, condition)?;
        Ok(match put.as_ref().is_some_and(|put| !put.skipped.is_empty()) {
            true => NameFate::Skipped,
            false => NameFate::Set(put.and_then(|put| put.condition)),
        })
    }

    fn put_manifest(&self, call: &Call, content: &RawManifest, role: &Role) -> Result<()> {
        self.put(call, content, role, &NameCondition::None).map(drop)
    }

    fn unlisted(&self) -> Vec<Digest> {
        let mut subjects: Vec<Digest> = lock(&self.unlisted).iter().map(|(subject, _)| subject.clone()).collect();
        subjects.sort();
        subjects.dedup();
        subjects
    }

    fn list_referrers(&self, call: &Call, subject: &Digest) -> Result<()> {
        let mut entries: Vec<Descriptor> = Vec::new();
        lock(&self.unlisted).retain(|(of, entry)| {
            if of == subject {
                entries.push(entry.clone());
            }
            of != subject
        });
        // Whichever was put first, the list is the same.
        entries.sort_by(|one, other| one.digest.cmp(&other.digest));
        fallback_tag::add(&self.destination(call)?, subject, &entries)
            .map(drop)
            .map_err(|error| error.within(format!("the referrers of {subject} are stored, but not listed")))
    }

    fn finish(&self, _call: &Call) -> Result<()> {
        Ok(())
    }
}

impl RegistryStore {
    /// Puts a manifest; None if it is there.
    fn put(
        &self,
        call: &Call,
        content: &RawManifest,
        role: &Role,
        condition: &NameCondition,
    ) -> Result<Option<PutManifest>> {
        // The tag stands for it already, so what is asked of the tag is true.
        let (under, condition) = match *role == Role::Root && self.is_only_unlisted.load(Ordering::Relaxed) {
            true => (ManifestName::Digest(content.digest().clone()), &NameCondition::None),
            false => (ManifestName::role(role, &self.reference, content.digest())?, condition),
        };
        // There are registries where a tag is written once.
        if matches!(role, Role::DigestTag(_)) && self.stands_for(call, &under, content.digest())? {
            return Ok(None);
        }
        let options = PutOptions { referrers_tag: *role == Role::Root, ..PutOptions::default() };
        let put = self.client.put_under(call, self.reference.repository(), &under, content, &options, condition)?;
        if let (Some(subject), Some(ReferrersSource::None)) = (&put.subject, put.referrers) {
            // A copy of a list of referrers puts it itself.
            if self.reference.tag() != Some(fallback_tag::tag_of(subject).as_str()) {
                lock(&self.unlisted).push((subject.clone(), content.document.listed()));
            }
        }
        Ok(Some(put))
    }
}

/// Whether a registry may not have liked the bytes.
fn refused(error: &Error) -> bool {
    let here = error.side().is_none();
    here && (error.code() == Code::DigestMismatch || error.http_status().is_some_and(statuses::may_be_about_the_bytes))
}

fn is_absent(error: &Error) -> bool {
    error.code() == Code::NotFound
}
