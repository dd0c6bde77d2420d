//! What copying needs of a place that holds images: one trait to read from it, one to write to it. Registries, layouts,
//! archives and directories all have them, so that one engine serves every pair.

mod change_store;
pub(crate) mod chosen_entries;
pub mod condition;
pub(crate) mod local_store;
pub(crate) mod manifest_name;
pub(crate) mod platform_descent;
pub(crate) mod referrers_filter;
pub(crate) mod served_by;
pub(crate) mod unverified_answers;

pub(crate) use change_store::{ChangeStore, RemovedName};

use serde::Serialize;

use crate::call::Call;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::manifest::{Descriptor, Document};
use crate::platform::Platform;
use crate::reference::Repository;
use crate::stream::blob::Blob;
use crate::stream::source::Source;
use condition::{ConditionCheck, NameCondition, NameFate};

/// A manifest with its exact bytes.
#[derive(Debug, Clone)]
pub struct RawManifest {
    /// The JSON document, with digest and size.
    pub document: Document,
    /// Its bytes as they came: none is added or changed.
    pub bytes: Vec<u8>,
}

impl RawManifest {
    /// The manifest that a descriptor is about, if it has its digest and its size.
    pub fn described(bytes: Vec<u8>, wanted: &Descriptor) -> Result<RawManifest> {
        let media_type = Some(wanted.media_type.as_str()).filter(|name| !name.is_empty());
        let content = RawManifest::parse(bytes, media_type, Some(&wanted.digest))?;
        match content.bytes.len() as u64 == wanted.size {
            true => Ok(content),
            false => {
                let (digest, size) = (&wanted.digest, content.bytes.len());
                let message = format!("the manifest {digest} has {size} bytes, its descriptor says {}", wanted.size);
                Err(Error::new(Code::SizeMismatch, message))
            }
        }
    }

    /// Bytes that must have a digest, when one is given. The signatures of a signed schema-1 manifest must be good.
    pub fn parse(bytes: Vec<u8>, media_type: Option<&str>, expected: Option<&Digest>) -> Result<RawManifest> {
        let algorithm = expected.map_or(Algorithm::Sha256, Digest::algorithm);
        let digest = algorithm.digest(&bytes);
        // Wrong bytes are not parsed. Only what is signed has the digest of its payload, which its parser finds.
        check_digest(&digest, expected).or_else(|error| {
            if crate::schema1::may_be_signed(&bytes) {
                Ok(())
            } else {
                Err(error)
            }
        })?;
        let document = Document::parse_hashed(&bytes, media_type, digest)?;
        let content = RawManifest { document, bytes };
        content.expect(expected)?;
        content.document.verify_signatures(&content.bytes)?;
        Ok(content)
    }

    /// Refuses it if another is expected.
    pub(crate) fn expect(&self, digest: Option<&Digest>) -> Result<()> {
        check_digest(self.digest(), digest)
    }

    /// The digest of these bytes, or of the payload of a signed schema-1 manifest.
    pub fn digest(&self) -> &Digest {
        &self.document.digest
    }

    /// The descriptor under which something else may name it.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(&self.document.media_type, self.document.digest.clone(), self.bytes.len() as u64)
    }
}

fn check_digest(found: &Digest, expected: Option<&Digest>) -> Result<()> {
    match expected.filter(|expected| *expected != found) {
        Some(expected) => {
            Err(Error::new(Code::DigestMismatch, format!("the manifest has the digest {found}, not {expected}")))
        }
        None => Ok(()),
    }
}

/// Why a manifest is put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// The destination's name will refer to it.
    Root,
    /// It is listed in an index.
    Child,
    /// It refers to another manifest as its subject.
    Referrer,
    /// It belongs to another manifest, whose digest is part of this tag.
    DigestTag(String),
}

/// What cosign keeps under a tag that it makes of a digest: signatures, attestations, SBOMs (cosign SIGNATURE_SPEC.md,
/// "Discovery": `sha256:X` becomes `sha256-X.sig`).
const DIGEST_TAGS: [&str; 3] = ["sig", "att", "sbom"];

/// The tags under which signatures, attestations and SBOMs of a digest may be.
pub fn digest_tags(subject: &Digest) -> [String; 3] {
    DIGEST_TAGS.map(|kind| format!("{}-{}.{kind}", subject.algorithm().name(), subject.hex()))
}

/// Whether a name is made of a digest in that way.
pub fn is_digest_tag(name: &str) -> bool {
    let digest = name.rsplit_once('.').filter(|(_, kind)| DIGEST_TAGS.contains(kind)).map(|(digest, _)| digest);
    digest.is_some_and(|digest| digest.replacen('-', ":", 1).parse::<Digest>().is_ok())
}

/// The tag under which a registry without the referrers API has the list of them (distribution-spec "Referrers Tag Schema").
pub(crate) fn referrers_tag(subject: &Digest) -> String {
    format!("{}-{}", subject.algorithm().name(), subject.hex())
}

/// Whether a name is that of such a list.
pub(crate) fn is_referrers_tag(name: &str) -> bool {
    name.replacen('-', ":", 1).parse::<Digest>().is_ok()
}

/// What became of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// Its bytes were moved; this many had been moved before.
    Copied {
        /// Bytes that were there from an earlier try.
        resumed: u64,
    },
    /// It was mounted from another repository.
    Mounted,
    /// The destination had it already.
    Present,
}

/// What the bytes of a caller's blob have to be, as far as it says that.
#[derive(Debug, Clone, Copy, Default)]
pub struct PromisedBlob<'a> {
    /// The digest that the bytes must have.
    pub digest: Option<&'a Digest>,
    /// The number of bytes that must come.
    pub size: Option<u64>,
}

/// A caller's blob that a place has now.
#[derive(Debug)]
pub struct TakenBlob {
    /// The digest of the bytes that came.
    pub digest: Digest,
    /// The number of bytes that came.
    pub size: u64,
    /// Whether it was not there before.
    pub is_new: bool,
}

/// The error for a place of which nothing can be changed by itself.
pub(crate) fn unchangeable(place: &str) -> Error {
    Error::new(Code::Unsupported, format!("{place} cannot be changed in place"))
        .with_hint("copy it into a layout, oci:DIR, change that, and copy the result into a new one")
}

/// One of the images that a place holds.
#[derive(Debug, Clone, Serialize)]
pub struct NamedImage {
    /// Its names in that place.
    pub names: Vec<String>,
    /// What the place says of it.
    #[serde(flatten)]
    pub descriptor: Descriptor,
}

/// Each name, and what it leads to.
pub(crate) fn names_of(images: Vec<NamedImage>) -> Vec<(String, Option<Digest>)> {
    let of_image = |image: NamedImage| {
        let digest = image.descriptor.digest;
        image.names.into_iter().map(move |name| (name, Some(digest.clone())))
    };
    images.into_iter().flat_map(of_image).collect()
}

/// A place to copy from.
pub trait ReadStore: Send + Sync {
    /// What messages call it.
    fn place(&self) -> String;
    /// The manifest that its name refers to.
    fn root(&self, call: &Call) -> Result<RawManifest>;
    /// The same for a caller that knows which platforms are wanted: if the name refers to several images for different platforms, an
    /// index of them.
    fn root_for(&self, call: &Call, _platforms: &[Platform]) -> Result<RawManifest> {
        self.root(call)
    }
    /// A manifest, verified.
    fn manifest(&self, call: &Call, wanted: &Descriptor) -> Result<RawManifest>;
    /// Opens a blob, to continue after the bytes that the caller has hashed already; [`Blob::begins_anew`] says if that was not possible.
    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>>;
    /// The size of a blob without a descriptor (schema 1).
    fn size(&self, call: &Call, digest: &Digest) -> Result<u64>;
    /// The manifests that name this one as their subject.
    fn referrers(&self, call: &Call, subject: &Digest) -> Result<Vec<Descriptor>>;
    /// The manifests under the [`digest_tags`] of a manifest.
    fn digest_tags(&self, _call: &Call, _subject: &Digest) -> Result<Vec<(String, Descriptor)>> {
        Ok(Vec::new())
    }
    /// Everything that the place holds, whatever its own name is; the position in it is the INDEX of a name `@INDEX`.
    fn images(&self, _call: &Call) -> Result<Vec<NamedImage>> {
        let message = format!("{} cannot list its images", self.place());
        Err(Error::new(Code::Unsupported, message).with_hint("ask its registry for the repository's tags"))
    }
    /// Every name, and what it leads to if that is wanted and can be told.
    fn listed_names(&self, call: &Call, _digests: bool) -> Result<Vec<(String, Option<Digest>)>> {
        self.images(call).map(names_of)
    }
    /// The repository that it is, if it is one: blobs may be mounted from it.
    fn repository(&self) -> Option<&Repository> {
        None
    }
    /// The repository that a blob is in, where the place is made of several.
    fn repository_of(&self, _blob: &Digest) -> Option<&Repository> {
        self.repository()
    }
}

/// A place to copy to.
pub trait WriteStore: Send + Sync {
    /// What messages call it.
    fn place(&self) -> String;
    /// Checks, without a change, that it can store the manifest. Returns whether its name refers to the manifest already, and everything
    /// below it is present.
    fn look(&self, call: &Call, root: &RawManifest) -> Result<bool>;
    /// Begins a copy: creates the place if it is missing, and waits for others that must not work on it at the same time.
    fn begin(&self, call: &Call) -> Result<()>;
    /// Whether it has a manifest and everything below it.
    fn has_manifest(&self, call: &Call, digest: &Digest) -> Result<bool>;
    /// Whether the blob is there whole, so that it need not be moved.
    fn has_blob(&self, call: &Call, wanted: &Descriptor) -> Result<bool>;
    /// Copies a blob from another store, unless it is present.
    fn put_blob(&self, call: &Call, wanted: &Descriptor, from: &dyn ReadStore) -> Result<Moved>;
    /// Takes a blob of a caller, whose digest may be known only at its end. When this returns, the blob has its name and is on the disk.
    fn take_blob(&self, _call: &Call, _source: &mut dyn Source, _promised: PromisedBlob) -> Result<TakenBlob> {
        Err(unchangeable(&self.place()))
    }
    /// The name that the root of a copy gets.
    fn name(&self) -> Result<String> {
        Err(condition::no_name(&self.place()))
    }
    /// What that name refers to now; None while it refers to nothing.
    fn named(&self, _call: &Call) -> Result<Option<Descriptor>> {
        Ok(None)
    }
    /// Stores the manifest that gets the name, if that may be set.
    fn put_root(&self, call: &Call, content: &RawManifest, condition: &NameCondition) -> Result<NameFate> {
        if condition.look(call, self)?.is_some() {
            return Ok(NameFate::Skipped);
        }
        self.put_manifest(call, content, &Role::Root)?;
        Ok(NameFate::Set((*condition != NameCondition::None).then_some(ConditionCheck::Looked)))
    }
    /// Stores a manifest under names, in one change where the place has several; without any, by its digest alone. Ends what was begun.
    fn put_named(
        &self,
        call: &Call,
        content: &RawManifest,
        _names: &[String],
        condition: &NameCondition,
    ) -> Result<Vec<NameFate>> {
        let fate = self.put_root(call, content, condition)?;
        self.finish(call).map(|()| vec![fate])
    }
    /// Stores a manifest whose children and blobs it has.
    fn put_manifest(&self, call: &Call, content: &RawManifest, role: &Role) -> Result<()>;
    /// The subjects of manifests that were put here and still have to be added to a list of referrers, which clients maintain.
    fn unlisted(&self) -> Vec<Digest> {
        Vec::new()
    }
    /// Adds the new referrers of a subject to its list, by one write.
    fn list_referrers(&self, _call: &Call, _subject: &Digest) -> Result<()> {
        Ok(())
    }
    /// Whether it holds images for one platform only. Unless the caller names one, this machine's is copied then.
    fn one_platform(&self) -> bool {
        false
    }
    /// Whether layers should be compressed: plain tars, from an archive or a file, are then compressed on the way, unless the caller
    /// chooses otherwise.
    fn takes_packed(&self) -> bool {
        false
    }
    /// Ends a copy, after everything was put.
    fn finish(&self, call: &Call) -> Result<()>;
}

/// A blob that fits into memory.
pub fn read_whole(call: &Call, store: &dyn ReadStore, wanted: &Descriptor, limit: u64) -> Result<Vec<u8>> {
    if wanted.size > limit {
        let message = format!("the blob {} has {} bytes, the limit is {limit}", wanted.digest, wanted.size);
        return Err(Error::new(Code::LimitExceeded, message));
    }
    let mut blob = store.open(call, wanted, None)?;
    let mut bytes = Vec::new();
    while let Some(piece) = blob.piece()? {
        bytes.extend_from_slice(&piece);
        if bytes.len() as u64 > wanted.size {
            let message = format!("the blob {} has more than {} bytes", wanted.digest, wanted.size);
            return Err(Error::new(Code::SizeMismatch, message));
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_made_of_digests() {
        let digest = Algorithm::Sha256.digest(b"");
        let tags = digest_tags(&digest);
        assert_eq!(tags[0], format!("sha256-{}.sig", digest.hex()));
        assert!(tags.iter().all(|tag| is_digest_tag(tag)));
        let plain = format!("sha256-{}", digest.hex());
        for other in ["latest", "v1.sig", &plain, &format!("{plain}.txt"), &format!("{}.sig", &plain[..70])] {
            assert!(!is_digest_tag(other), "{other}");
        }
    }
}
