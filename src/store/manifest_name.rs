//! What a manifest is put under: a tag or its digest, never both. A reference may contain both, and a copy puts many
//! manifests for one reference; the name for each is decided here, and nowhere else.

use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::reference::Reference;
use crate::store::Role;

/// The one name that a manifest is put under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ManifestName {
    /// A tag, which names this manifest from then on.
    Tag(String),
    /// Its digest: no tag changes.
    Digest(Digest),
}

impl ManifestName {
    /// What a reference asks for: its tag, if it has one. If it also has a digest, the manifest must match it.
    pub(crate) fn asked(reference: &Reference, digest: &Digest) -> Result<ManifestName> {
        if reference.digest().is_some_and(|expected| expected != digest) {
            let message = format!("the manifest has the digest {digest}, not that of {reference}");
            return Err(Error::new(Code::DigestMismatch, message));
        }
        Ok(match reference.tag() {
            Some(tag) => ManifestName::Tag(tag.to_owned()),
            None => ManifestName::Digest(digest.clone()),
        })
    }

    /// The name for a manifest of a copy. Only the root gets what the destination's reference asks for.
    pub(crate) fn role(role: &Role, destination: &Reference, digest: &Digest) -> Result<ManifestName> {
        match role {
            Role::Root => ManifestName::asked(destination, digest),
            Role::Child | Role::Referrer => Ok(ManifestName::Digest(digest.clone())),
            Role::DigestTag(tag) if destination.tag() == Some(tag) => {
                let message = format!("{destination} is a digest tag for a signature of what is copied");
                Err(Error::new(Code::InvalidReference, message))
            }
            Role::DigestTag(tag) => Ok(ManifestName::Tag(tag.clone())),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            ManifestName::Tag(tag) => tag,
            ManifestName::Digest(digest) => digest.as_str(),
        }
    }

    pub(crate) fn tag(&self) -> Option<&str> {
        match self {
            ManifestName::Tag(tag) => Some(tag),
            ManifestName::Digest(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;

    fn reference(text: &str) -> Reference {
        Reference::parse(text, None).unwrap()
    }

    #[test]
    fn only_the_root_gets_the_tag() {
        let (digest, other) = (Algorithm::Sha256.digest(b""), Algorithm::Sha256.digest(b"x"));
        let both = format!("h:1/a:t@{digest}");
        let pinned = format!("h:1/a@{digest}");
        for (name, root) in [("h:1/a:t", "t"), (&both, "t"), (&pinned, digest.as_str()), ("h:1/a", "latest")] {
            let name = reference(name);
            let name_of = |role: Role, digest: &Digest| ManifestName::role(&role, &name, digest).unwrap();
            assert_eq!(name_of(Role::Root, &digest).as_str(), root);
            assert_eq!(name_of(Role::Child, &other), ManifestName::Digest(other.clone()));
            assert_eq!(name_of(Role::Referrer, &other), ManifestName::Digest(other.clone()));
            assert_eq!(name_of(Role::DigestTag("sha256-x.sig".to_owned()), &other).tag(), Some("sha256-x.sig"));
        }
        for wrong in [&both, &pinned] {
            assert_eq!(ManifestName::asked(&reference(wrong), &other).unwrap_err().code(), Code::DigestMismatch);
        }
        let signature = Role::DigestTag("t".to_owned());
        assert_eq!(
            ManifestName::role(&signature, &reference("h:1/a:t"), &other).unwrap_err().code(),
            Code::InvalidReference
        );
    }
}
