//! One answer that brings bytes from a position on.

use bytes::Bytes;

use crate::call::Call;
use crate::error::Result;
use crate::http::response::BodyReader;

/// Where the bytes of an answer belong.
pub(super) struct Begin {
    /// Bytes to drop because the answer begins at the first one of all.
    pub(super) surplus: u64,
    /// It promises more bytes than it sends: its end is where enough has come.
    pub(super) overlong: bool,
}

pub(super) struct Connection {
    body: BodyReader,
    begin: Begin,
    /// It answers a range.
    pub(super) ranged: bool,
    /// Something has come of it.
    pub(super) gained: bool,
}

impl Connection {
    pub(super) fn new(body: BodyReader, begin: Begin, ranged: bool) -> Connection {
        Connection { body, begin, ranged, gained: false }
    }

    /// The next bytes from where they belong; None is the end of the answer.
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

    /// After the last byte that was wanted: what the end of the body still has to say.
    pub(super) fn end(&mut self, call: &Call) -> Result<()> {
        match self.begin.overlong {
            true => Ok(()),
            false => self.body.end(call),
        }
    }

    pub(super) fn is_overlong(&self) -> bool {
        self.begin.overlong
    }

    /// Whether it has come to where its bytes belong.
    pub(super) fn has_begun(&self) -> bool {
        self.begin.surplus == 0
    }
}
