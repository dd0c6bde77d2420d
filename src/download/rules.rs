//! What differs between the protocols in reading a body.

use crate::error::Code;

/// What can be relied on at the servers of a protocol.
pub(crate) struct BodyRules {
    /// All of it, sent in place of the rest, replaces what an earlier call left. Otherwise as many bytes are dropped from it.
    pub(crate) whole_replaces: bool,
    /// Bodies are as long as their headers say. Otherwise the last byte that is wanted is the end, and what comes then, or never
    /// comes, does not matter.
    pub(crate) bodies_are_exact: bool,
    /// A server that has refused one range is not asked for another: each retry asks for all. Otherwise the next one may be granted,
    /// and all is asked for once for each position that was reached.
    pub(crate) refusals_last: bool,
    /// What it is when there are fewer bytes than are here already: SIZE_MISMATCH where descriptors give sizes. Where nothing does,
    /// what is here belongs to something else: DIGEST_MISMATCH, after which all is read anew, once.
    pub(crate) too_few: Code,
}
