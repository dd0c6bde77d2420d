//! What a manifest is put under: a tag or its digest, never both. A reference may contain both, and a copy puts many
//! manifests for one reference; the name for each is decided here, and nowhere else.

use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::reference::Reference;
use crate::store::Role;

/// The one name that a manifest is put under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Under {
    /// A tag, which names this manifest from then on.
    Tag(String),
    /// Its digest: no tag changes.
    Digest(Digest),
}

impl Under {
    /// What a reference asks for: its tag, if it has one. If it also has a digest, the manifest must match it.
    pub fn asked(reference: &Reference, digest: &Digest) -> Result<Under> {
        if reference.digest().is_some_and(|expected| expected != digest) {
            let message = format!("the manifest has the digest {digest}, not that of {reference}");
            return Err(Error::new(Code::DigestMismatch, message));
        }
        Ok(match reference.tag() {
            Some(tag) => Under::Tag(tag.to_owned()),
            None => Under::Digest(digest.clone()),
        })
    }

    /// The name for a manifest of a copy. Only the root gets what the destination's reference asks for.
    pub fn role(role: &Role, destination: &Reference, digest: &Digest) -> Result<Under> {
        match role {
            Role::Root => Under::asked(destination, digest),
            Role::Child | Role::Referrer => Ok(Under::Digest(digest.clone())),
            Role::DigestTag(tag) if destination.tag() == Some(tag) => {
                let message = format!("{destination} is a digest tag for a signature of what is copied");
                Err(Error::new(Code::InvalidReference, message))
            }
            Role::DigestTag(tag) => Ok(Under::Tag(tag.clone())),
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Under::Tag(tag) => tag,
            Under::Digest(digest) => digest.as_str(),
        }
    }

    pub fn tag(&self) -> Option<&str> {
        match self {
            Under::Tag(tag) => Some(tag),
            Under::Digest(_) => None,
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
            let under = |role: Role, digest: &Digest| Under::role(&role, &name, digest).unwrap();
            assert_eq!(under(Role::Root, &digest).as_str(), root);
            assert_eq!(under(Role::Child, &other), Under::Digest(other.clone()));
            assert_eq!(under(Role::Referrer, &other), Under::Digest(other.clone()));
            assert_eq!(under(Role::DigestTag("sha256-x.sig".to_owned()), &other).tag(), Some("sha256-x.sig"));
        }
        for wrong in [&both, &pinned] {
            assert_eq!(Under::asked(&reference(wrong), &other).unwrap_err().code(), Code::DigestMismatch);
        }
        let signature = Role::DigestTag("t".to_owned());
        assert_eq!(Under::role(&signature, &reference("h:1/a:t"), &other).unwrap_err().code(), Code::InvalidReference);
    }
}
