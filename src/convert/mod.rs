//! Between version-1 images and OCI images. An old image contains neither the digests of its layers nor those of their
//! content, so they have to be read before it can be described: they are kept in a spool, and served from there.

pub mod compress;
pub(crate) mod converted;
pub mod push;
pub mod schema1;
pub mod v1;

use crate::error::{Code, Error, Result};

/// How many layers are processed in parallel.
const WIDTH: usize = 4;
/// More old images than an image consists of in practice: each takes two requests.
const MOST_IMAGES: usize = 512;

fn check_count(images: usize) -> Result<()> {
    if images <= MOST_IMAGES {
        return Ok(());
    }
    let message = format!("the image consists of {images} v1 images, the limit is {MOST_IMAGES}");
    Err(Error::new(Code::LimitExceeded, message))
}
