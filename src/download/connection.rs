//! One response that delivers bytes from a position on.

use bytes::Bytes;

use crate::call::Call;
use crate::error::Result;
use crate::http::response::BodyReader;

/// Where the bytes of a response belong.
pub(super) struct Begin {
    /// Bytes to drop because the response starts at the very first byte.
    pub(super) surplus: u64,
    /// It promises more bytes than it sends: it ends when enough have arrived.
    pub(super) overlong: bool,
}

pub(super) struct Connection {
    body: BodyReader,
    begin: Begin,
    pub(super) ranged: bool,
    /// Some bytes have arrived.
    pub(super) gained: bool,
}

impl Connection {
    pub(super) fn new(body: BodyReader, begin: Begin, ranged: bool) -> Connection {
        Connection { body, begin, ranged, gained: false }
    }

    /// The next bytes at their position; None is the end of the response.
    pub(super) fn piece(&mut self, call: &Call) -> Result<Option<Bytes>> {
        while let Some(mut bytes) = self.body.piece(call)? {
            let surplus = usize::try_from(self.begin.surplus).unwrap_or(usize::MAX).min(bytes.len());
            self.begin.surplus -= surplus as u64;
            let _ = bytes.split_to(surplus);
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    /// After the last byte that was wanted: checks the end of the body.
    pub(super) fn end(&mut self, call: &Call) -> Result<()> {
        match self.begin.overlong {
            true => Ok(()),
            false => self.body.end(call),
        }
    }

    pub(super) fn is_overlong(&self) -> bool {
        self.begin.overlong
    }

    /// Whether it has reached the position where its bytes belong.
    pub(super) fn has_begun(&self) -> bool {
        self.begin.surplus == 0
    }
}
