//! What differs between the protocols in reading a body.

use crate::error::Code;

/// What the servers of a protocol can be relied on to do.
pub(crate) struct BodyRules {
    /// If the server sends everything instead of the rest, that replaces the bytes of an earlier call. Otherwise as many bytes are dropped.
    pub(crate) whole_replaces: bool,
    /// Bodies are as long as their headers say. Otherwise a body ends with the last wanted byte, and whatever may follow is ignored.
    pub(crate) bodies_are_exact: bool,
    /// A server that has refused one range is not asked for another: each retry requests everything. Otherwise ranges are tried again,
    /// and everything is requested once for each position that was reached.
    pub(crate) refusals_last: bool,
    /// The error if the server has fewer bytes than the partial file: SIZE_MISMATCH where descriptors give sizes. Otherwise the partial
    /// file belongs to something else: DIGEST_MISMATCH, after which everything is read again, once.
    pub(crate) too_few: Code,
}
