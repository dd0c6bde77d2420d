//! The names of blobs and repositories at any place, and of what only a registry has.

use std::fmt;

use super::Place;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::reference::{Reference, Repository};
use crate::registry::Client;
use crate::text::shorten;

/// A blob at any place: `REPOSITORY[:TAG]@DIGEST`, `oci:DIR@DIGEST`, `dir:DIR@DIGEST` and so on.
#[derive(Debug)]
pub struct BlobName {
    pub(super) place: Place,
    pub(super) digest: Digest,
}

impl BlobName {
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Takes a name apart, as a client reads it.
    pub fn named(client: &Client, text: &str) -> Result<BlobName> {
        let pinned = text.rsplit_once('@').and_then(|(place, digest)| Some((place, digest.parse::<Digest>().ok()?)));
        let place = match &pinned {
            Some((place, _)) => Place::named(client, place.strip_suffix(':').unwrap_or(place))?,
            None => Place::named(client, text)?,
        };
        match (place, pinned) {
            (Place::Registry(_), Some((_, digest))) => Ok(BlobName { place: Place::named(client, text)?, digest }),
            (place, Some((_, digest))) => Ok(BlobName { place, digest }),
            (Place::Registry(reference), None) => {
                let message = format!("a blob is named HOST/REPOSITORY@DIGEST; '{reference}' has no digest");
                Err(Error::new(Code::InvalidReference, message))
            }
            (_, None) => {
                let message = format!("a blob is named PLACE@DIGEST; '{}' has no digest", shorten(text));
                Err(Error::new(Code::InvalidReference, message))
            }
        }
    }
}

impl fmt::Display for BlobName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Registry(reference) => write!(out, "docker://{}", reference.pinned()),
            place => write!(out, "{}@{}", place.shown(), self.digest),
        }
    }
}

impl Place {
    /// Where blobs are put and tags are listed: a repository, without a tag, or a place that is not a registry. A name in such a
    /// place does not matter; a digest would not be looked at, and is refused as with a repository.
    pub fn holder(client: &Client, text: &str) -> Result<Place> {
        let in_registry = |text: &str| client.repository(text).and_then(|found: Repository| found.with_tag("latest"));
        let place = Place::read(text, &in_registry)?;
        match place.unpinned() {
            (_, Some(_)) => {
                let message =
                    format!("'{}' names one manifest by its digest: give the place without it", shorten(text));
                Err(Error::new(Code::InvalidReference, message))
            }
            _ => Ok(place),
        }
    }

    /// A reference, for what no other place has.
    pub(crate) fn only_registry(client: &Client, text: &str) -> Result<Reference> {
        Place::named(client, text)?.reference(text)
    }

    /// A repository, for what no other place has.
    pub(crate) fn only_repository(client: &Client, text: &str) -> Result<Repository> {
        Ok(Place::holder(client, text)?.reference(text)?.repository().clone())
    }

    fn reference(self, text: &str) -> Result<Reference> {
        match self {
            Place::Registry(reference) => Ok(reference),
            Place::RegistryV1(_) => {
                let message = format!("'{}' is at a registry that speaks protocol v1", shorten(text));
                Err(Error::new(Code::Unsupported, message).with_hint("see the functions ocireg_v1_*"))
            }
            _ => {
                let message =
                    format!("'{}' is a place on this machine, but this works only with registries", shorten(text));
                Err(Error::new(Code::Unsupported, message)
                    .with_hint("docker://REF always means a registry, whatever REF begins with"))
            }
        }
    }

    /// The name of a manifest there, by its digest where it has such a name.
    pub(super) fn pinned(&self, digest: &Digest, place: String) -> String {
        match self {
            Place::Local(at) if at.has_digests() => format!("{}@{digest}", at.shown()),
            _ => place,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Client {
        Client::new(Default::default()).unwrap()
    }

    #[test]
    fn a_blob_is_named_by_its_digest_wherever_it_is() {
        let (client, digest) = (client(), format!("sha256:{}", "0".repeat(64)));
        for (place, kind) in [
            ("h:5000/a", "docker"),
            ("h:5000/a:t", "docker"),
            ("docker://h/a", "docker"),
            ("oci:/x/y", "oci"),
            ("oci:/x/y:v1", "oci"),
            ("oci:/x/y:", "oci"),
            ("oci:/x@y", "oci"),
            ("oci-archive:x.tar", "oci-archive"),
            ("docker-archive:x.tar", "docker-archive"),
            ("dir:/x", "dir"),
        ] {
            let found = BlobName::named(&client, &format!("{place}@{digest}")).unwrap();
            assert_eq!(found.place.to_json()["transport"], kind, "{place}: {found:?}");
            assert_eq!(found.digest.as_str(), digest);
        }
        for bad in ["h/a", "h/a:t", "oci:/x", "dir:/x", "oci:", "tarball:x", "oci:/x@sha256:00"] {
            assert_eq!(BlobName::named(&client, bad).unwrap_err().code(), Code::InvalidReference, "{bad}");
        }
    }

    #[test]
    fn what_only_registries_have_is_asked_of_them_only() {
        let client = client();
        assert_eq!(Place::only_registry(&client, "docker://oci:x").unwrap().to_string(), "docker.io/library/oci:x");
        assert_eq!(Place::only_repository(&client, "h:5000/a").unwrap().full_name(), "h:5000/a");
        assert_eq!(Place::only_repository(&client, "http://h:80/a").unwrap().full_name(), "h:80/a");
        for local in ["oci:x", "oci:/x/y:v1", "dir:x", "docker-archive:x.tar", "docker-v1://h/a"] {
            assert_eq!(Place::only_registry(&client, local).unwrap_err().code(), Code::Unsupported, "{local}");
            assert_eq!(Place::only_repository(&client, local).unwrap_err().code(), Code::Unsupported, "{local}");
        }
        for bad in ["", "h/a:t", "A", "h/a@b"] {
            assert_eq!(Place::only_repository(&client, bad).unwrap_err().code(), Code::InvalidReference, "{bad}");
        }
    }
}
