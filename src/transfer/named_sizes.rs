//! Whatever a copy moves is named by a digest and a size, often several times. One digest stands for the same bytes everywhere: if two
//! sizes are said, one is wrong, and what says it could not be read by anybody. No I/O.

use std::collections::HashMap;

use crate::digest::Digest;
use crate::error::{Code, Error, Result, Side};
use crate::manifest::Descriptor;

/// What was named, and the manifest that said its size first.
#[derive(Debug, Default)]
pub(crate) struct NamedSizes(HashMap<Digest, NamedSize>);

#[derive(Debug)]
struct NamedSize {
    size: u64,
    by: Digest,
}

impl NamedSizes {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn has(&self, digest: &Digest) -> bool {
        self.0.contains_key(digest)
    }

    /// Adds what a manifest names; false if it was named before. Refused if that was with another size.
    pub(crate) fn add(&mut self, named: &Descriptor, by: &Digest) -> Result<bool> {
        let Some(first) = self.0.get(&named.digest) else {
            self.0.insert(named.digest.clone(), NamedSize { size: named.size, by: by.clone() });
            return Ok(true);
        };
        if first.size == named.size {
            return Ok(false);
        }
        let (digest, size, first_size, first) = (&named.digest, named.size, first.size, &first.by);
        let message = format!("the manifest {by} says that {digest} has {size} bytes, but {first} says {first_size}");
        Err(Error::new(Code::SizeMismatch, message).with_side(Side::Source))
    }

    /// The failure of a blob that has not the size that was said: which manifest says that.
    pub(crate) fn explain(&self, error: Error, blob: &Descriptor) -> Error {
        match self.0.get(&blob.digest).filter(|_| error.code() == Code::SizeMismatch) {
            Some(NamedSize { by, size }) => {
                error.within(format!("the manifest {by} says that {} has {size} bytes", blob.digest))
            }
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;

    #[test]
    fn one_digest_has_one_size() {
        let [blob, one, other] = ["blob", "one", "other"].map(|text| Algorithm::Sha256.digest(text.as_bytes()));
        let named = |size: u64| Descriptor::new("", blob.clone(), size);
        let mut sizes = NamedSizes::default();
        assert!(sizes.add(&named(4), &one).unwrap() && !sizes.add(&named(4), &other).unwrap());
        let error = sizes.add(&named(5), &other).unwrap_err();
        let wanted = format!("the manifest {other} says that {blob} has 5 bytes, but {one} says 4");
        assert_eq!((error.code(), error.message()), (Code::SizeMismatch, wanted.as_str()));
    }
}
