//! A response that delivers bytes from a position on.

use bytes::Bytes;

use crate::call::Call;
use crate::error::Result;
use crate::http::response::BodyReader;
use crate::http::Url;

/// Which bytes a response contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResponseBytes {
    /// Everything: the bytes before the position are dropped.
    All,
    /// The bytes from the position on.
    Rest,
}

pub(super) struct Connection {
    body: BodyReader,
    holds: ResponseBytes,
    /// How many bytes before the position are still to be dropped.
    surplus: u64,

    pub(super) ranged: bool,
    /// Whether bytes have arrived.
    pub(super) gained: bool,
}

impl Connection {
    pub(super) fn new(body: BodyReader, holds: ResponseBytes, position: u64, ranged: bool) -> Connection {
        let surplus = if holds == ResponseBytes::All { position } else { 0 };
        Connection { body, holds, surplus, ranged, gained: false }
    }

    /// The next bytes at their position; None is the end of the response.
    pub(super) fn piece(&mut self, call: &Call) -> Result<Option<Bytes>> {
        while let Some(mut bytes) = self.body.piece(call)? {
            let surplus = usize::try_from(self.surplus).unwrap_or(usize::MAX).min(bytes.len());
            self.surplus -= surplus as u64;
            let _ = bytes.split_to(surplus);
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    /// After the last byte that was wanted: checks the end of the body.
    pub(super) fn end(&mut self, call: &Call) -> Result<()> {
        self.body.end(call)
    }

    /// The URL that responded.
    pub(super) fn url(&self) -> &Url {
        self.body.url()
    }

    pub(super) fn holds_all(&self) -> bool {
        self.holds == ResponseBytes::All
    }

    /// Whether it has reached the position.
    pub(super) fn has_begun(&self) -> bool {
        self.surplus == 0
    }
}
