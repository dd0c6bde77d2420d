//! Between images of version 1 and those of today. An old image says neither the digests of its layers nor what is inside
//! them, so they are read before it can be described: they wait in a spool, and are handed on from there.

pub mod compress;
pub(crate) mod converted;
pub mod push;
pub mod schema1;
pub mod v1;

use crate::error::{Code, Error, Result};

/// How many layers at once.
const WIDTH: usize = 4;
/// More old images than an image is made of: each is two requests.
const MOST_IMAGES: usize = 512;

fn check_count(images: usize) -> Result<()> {
    if images <= MOST_IMAGES {
        return Ok(());
    }
    let message = format!("the image is made of {images} old ones, the limit is {MOST_IMAGES}");
    Err(Error::new(Code::LimitExceeded, message))
}
