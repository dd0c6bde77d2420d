//! A blob of another store as the source of an upload, which may have to continue at any byte.

use bytes::Bytes;

use crate::call::Call;
use crate::digest::Hasher;
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::store::ReadStore;
use crate::stream::blob::BlobBody;
use crate::stream::replay::Replay;
use crate::stream::source::{Source, PIECE};

/// The distance between the first marks.
const SPACING: u64 = 1 << 20;
/// A blob of this size is hashed here too, wherever it comes from: if it is damaged, the upload ends before the last byte, and not
/// after a refusal and a second reading. In measurements that took no longer: so large a blob is mostly the only one in transfer,
/// and the receiving registry is slower. With forty blobs of 4 MiB at once it took a fifth longer, hence the limit.
const HASHED: u64 = 64 << 20;
/// More marks than this are thinned out.
const MOST_MARKS: usize = 256;

/// Places at which the hash of all bytes before is known: from there a blob can be read on and still be verified.
struct HashMarks {
    spacing: u64,
    known: Vec<(Hasher, u64)>,
}

impl HashMarks {
    fn add(&mut self, mark: (Hasher, u64)) {
        if mark.1 < self.known.last().map_or(0, |(_, last)| *last) + self.spacing {
            return;
        }
        self.known.push(mark);
        if self.known.len() > MOST_MARKS {
            self.spacing *= 2;
            let mut number = 0;
            self.known.retain(|_| {
                number += 1;
                number % 2 == 0
            });
        }
    }

    /// The last mark up to an offset.
    fn before(&self, offset: u64) -> Option<(Hasher, u64)> {
        self.known.iter().rev().find(|(_, position)| *position <= offset).cloned()
    }
}

/// A blob from another store. It is read from there again when needed. A blob from a file is hashed here only when it
/// is large; otherwise that is left to the registry (distribution-spec "Pushing a blob monolithically": the PUT says
/// the digest).
pub(crate) struct FromStore<'a> {
    call: &'a Call,
    wanted: &'a Descriptor,
    from: &'a dyn ReadStore,
    open: Option<BlobBody<'static>>,
    begin: u64,
    unverified: bool,
    marks: HashMarks,
}

impl<'a> FromStore<'a> {
    pub(crate) fn new(call: &'a Call, wanted: &'a Descriptor, from: &'a dyn ReadStore) -> FromStore<'a> {
        let marks = HashMarks { spacing: SPACING, known: Vec::new() };
        FromStore { call, wanted, from, open: None, begin: 0, unverified: false, marks }
    }

    /// After a registry has refused bytes that were not hashed here: the error of the source, if the source is wrong.
    pub(crate) fn fault(&self) -> Option<Error> {
        let look = || {
            let mut blob = self.from.open(self.call, self.wanted, None)?;
            while blob.piece()?.is_some() {}
            Ok(())
        };
        let wrong =
            |error: &Error| matches!(error.code(), Code::DigestMismatch | Code::SizeMismatch | Code::MissingBlob);
        self.unverified.then(look)?.err().filter(wrong)
    }

    /// Opens it at the last mark, and drops the bytes before the wanted one. If nothing is hashed, it can be opened at
    /// any byte.
    fn open(&mut self) -> Result<BlobBody<'static>> {
        let mark = match self.unverified {
            true => Some((Hasher::new(self.wanted.digest.algorithm()), self.begin)),
            false => self.marks.before(self.begin),
        };
        let at = mark.as_ref().map_or(0, |(_, position)| *position);
        let mut blob = self.from.open(self.call, self.wanted, mark)?;
        let mut left = self.begin - if blob.begins_anew() { 0 } else { at };
        self.unverified = self.wanted.size < HASHED && blob.leave_to_receiver();
        let mut open = BlobBody::new(blob);
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            match open.piece(most)?.len() {
                0 => {
                    return Err(Error::new(Code::SizeMismatch, format!("the blob {} ended early", self.wanted.digest)))
                }
                count => left -= count as u64,
            }
        }
        Ok(open)
    }
}

impl Source for FromStore<'_> {
    fn piece(&mut self, most: usize) -> Result<Bytes> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.open()?,
        };
        let piece = open.piece(most);
        if let Some(mark) = open.hashed() {
            self.marks.add(mark);
        }
        self.open = Some(open);
        piece
    }

    fn rewind(&mut self) -> Result<bool> {
        self.rewind_to(0).map(|()| true)
    }

    fn lasts(&self) -> bool {
        true
    }
}

impl Replay for FromStore<'_> {
    fn rewind_to(&mut self, offset: u64) -> Result<()> {
        (self.open, self.begin) = (None, offset);
        Ok(())
    }

    fn size(&self) -> u64 {
        self.wanted.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;

    #[test]
    fn marks_are_thinned_out() {
        let mut marks = HashMarks { spacing: SPACING, known: Vec::new() };
        let mark = |position: u64| (Hasher::new(Algorithm::Sha256), position);
        for piece in 0..400_000 {
            marks.add(mark(piece * PIECE as u64));
        }
        assert!((MOST_MARKS / 2..=MOST_MARKS).contains(&marks.known.len()), "{}", marks.known.len());
        assert!(marks.known.windows(2).all(|pair| pair[0].1 < pair[1].1));
        let asked = 200_000 * PIECE as u64;
        let found = marks.before(asked).unwrap().1;
        assert!(found <= asked && asked - found <= 2 * marks.spacing, "{found} for {asked}");
        assert!(marks.before(SPACING - 1).is_none());
    }
}
