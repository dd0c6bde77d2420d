//! Which bytes are wanted, and the total size.

use super::ReadOptions;
use crate::error::{Code, Error, Result};

/// The wanted bytes of something whose size may become known only during the download.
pub(super) struct Extent {
    pub(super) name: String,
    /// The offset of the first wanted byte.
    pub(super) offset: u64,
    /// The offset after the last wanted byte; None to read to the end.
    wanted: Option<u64>,
    /// How many bytes there are in all, once known.
    pub(super) size: Option<u64>,
    /// How many the caller says.
    said: Option<u64>,
    /// The size is known only from a partial response, which is less reliable than a complete one.
    sized_by_part: bool,
    /// The error if the server has fewer bytes than are here already.
    too_few: Code,
}

impl Extent {
    pub(super) fn new(name: String, options: &ReadOptions, too_few: Code) -> Result<Extent> {
        let ReadOptions { offset, length, size, .. } = *options;
        if let Some(size) = size.filter(|size| offset > *size) {
            let message = format!("the option offset {offset} is beyond the blob's size {size}");
            return Err(Error::new(Code::InvalidArgument, message));
        }
        let wanted = length.map(|length| offset.saturating_add(length));
        Ok(Extent { name, offset, wanted, size, said: size, sized_by_part: false, too_few })
    }

    /// The offset after the last byte to be delivered, when known.
    pub(super) fn end(&self) -> Option<u64> {
        self.wanted.into_iter().chain(self.size).min()
    }

    /// Whether everything is wanted.
    pub(super) fn is_whole(&self) -> bool {
        self.offset == 0 && self.is_open()
    }

    /// Whether everything from the first wanted byte on is wanted.
    pub(super) fn is_open(&self) -> bool {
        self.wanted.is_none()
    }

    /// Whether no byte is wanted at all.
    pub(super) fn is_nothing(&self) -> bool {
        self.wanted == Some(self.offset)
    }

    /// Whether a request without a range would deliver more than the bytes wanted from this offset on.
    pub(super) fn is_part_from(&self, position: u64) -> bool {
        position > 0 || (self.offset, self.end()) != (0, self.size)
    }

    /// A response that holds all has come. What a part said of the size does not count any more.
    pub(super) fn sized_by_whole(&mut self, size: Option<u64>, position: u64) -> Result<()> {
        if std::mem::take(&mut self.sized_by_part) {
            self.size = None;
        }
        size.map_or(Ok(()), |size| self.learn(size, position))
    }

    /// Another endpoint is asked: what the one before said of the size does not count any more.
    pub(super) fn asked_anew(&mut self, name: String) {
        (self.name, self.size, self.sized_by_part) = (name, self.said, false);
    }

    /// Called after the last byte: the size is known then, unless the caller wanted to stop there.
    pub(super) fn ended(&mut self, position: u64) {
        if self.wanted.is_none_or(|wanted| position < wanted) {
            self.size = Some(position);
        }
    }

    /// A partial response gives the total size.
    pub(super) fn sized_by_part(&mut self, size: u64, position: u64) -> Result<()> {
        let first = self.size.is_none();
        self.learn(size, position)?;
        self.sized_by_part |= first;
        Ok(())
    }

    fn learn(&mut self, size: u64, position: u64) -> Result<()> {
        if let Some(known) = self.size.filter(|known| *known != size) {
            let message = format!("{} has {known} bytes, the registry sends one of {size}", self.name);
            return Err(Error::new(Code::SizeMismatch, message));
        }
        if size < position {
            return Err(self.too_few(Some(size), position));
        }
        self.size = Some(size);
        Ok(())
    }

    pub(super) fn outside(&self, position: u64) -> Error {
        let what = if position == self.offset { "option offset" } else { "range from byte" };
        Error::new(Code::InvalidArgument, format!("the {what} {position} is outside of {}", self.name))
    }

    /// There are fewer bytes, this many if that is known, than come before the position: the caller asked for what is not there, or
    /// what is here already is not of it.
    pub(super) fn too_few(&self, size: Option<u64>, position: u64) -> Error {
        if size.map_or(position == self.offset, |size| size < self.offset) {
            return self.outside(self.offset);
        }
        let bytes = size.map_or("fewer bytes".to_owned(), |size| format!("{size} bytes, fewer"));
        Error::new(self.too_few, format!("{} has {bytes} than the {position} that are here already", self.name))
    }

    pub(super) fn too_long(&self, end: u64) -> Error {
        Error::new(Code::SizeMismatch, format!("{} is longer than its {end} bytes", self.name))
    }

    pub(super) fn short_end(&self, position: u64) -> Error {
        let of = self.end().map(|end| format!(" of {end}")).unwrap_or_default();
        Error::new(Code::Network, format!("{} ended after {position} bytes{of}", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(offset: u64, length: Option<u64>, size: Option<u64>) -> Extent {
        Extent::new("the blob".to_owned(), &ReadOptions { offset, length, size, limit: None }, Code::SizeMismatch)
            .unwrap()
    }

    #[test]
    fn the_end_is_where_the_caller_or_the_blob_ends() {
        for (offset, length, size, end) in [
            (0, None, None, None),
            (0, None, Some(10), Some(10)),
            (3, Some(4), None, Some(7)),
            (3, Some(4), Some(5), Some(5)),
            (3, Some(u64::MAX), None, Some(u64::MAX)),
        ] {
            assert_eq!(extent(offset, length, size).end(), end, "{offset} {length:?} {size:?}");
        }
        let behind = ReadOptions { offset: 11, size: Some(10), ..ReadOptions::default() };
        assert_eq!(
            Extent::new(String::new(), &behind, Code::SizeMismatch).err().map(|error| error.code()),
            Some(Code::InvalidArgument)
        );
    }

    #[test]
    fn ranges_are_for_parts() {
        assert!(!extent(0, None, None).is_part_from(0) && !extent(0, None, Some(10)).is_part_from(0));
        assert!(!extent(0, Some(10), Some(10)).is_part_from(0), "all of it");
        assert!(extent(0, Some(9), Some(10)).is_part_from(0) && extent(0, Some(9), None).is_part_from(0));
        assert!(extent(0, None, None).is_part_from(1) && extent(1, None, None).is_part_from(1));
    }

    #[test]
    fn an_answer_that_holds_all_knows_the_size_better_than_a_part() {
        let mut blob = extent(0, None, None);
        blob.sized_by_part(17, 5).unwrap();
        assert_eq!(blob.sized_by_part(18, 5).unwrap_err().code(), Code::SizeMismatch);
        blob.sized_by_whole(Some(20), 5).unwrap();
        assert_eq!(blob.end(), Some(20));
        assert_eq!(blob.sized_by_whole(Some(21), 5).unwrap_err().code(), Code::SizeMismatch, "it was said twice");
        assert_eq!(extent(0, None, None).sized_by_whole(Some(4), 5).unwrap_err().code(), Code::SizeMismatch);
        assert_eq!(extent(5, None, None).sized_by_whole(Some(4), 5).unwrap_err().code(), Code::InvalidArgument);
        assert_eq!(extent(0, None, Some(9)).sized_by_whole(Some(8), 0).unwrap_err().code(), Code::SizeMismatch);
    }

    #[test]
    fn fewer_bytes_than_are_here_are_of_something_else_or_outside() {
        let code = |offset, size, position| extent(offset, None, None).too_few(size, position).code();
        assert_eq!(code(0, Some(3), 5), Code::SizeMismatch);
        assert_eq!((code(4, Some(3), 5), code(4, Some(4), 5)), (Code::InvalidArgument, Code::SizeMismatch));
        assert_eq!((code(4, None, 4), code(4, None, 5)), (Code::InvalidArgument, Code::SizeMismatch));
    }

    #[test]
    fn the_size_is_where_it_ends_unless_the_caller_stops_there() {
        for (length, position, size) in [(None, 9, Some(9)), (Some(10), 9, Some(9)), (Some(9), 9, None)] {
            let mut blob = extent(0, length, None);
            blob.ended(position);
            assert_eq!(blob.size, size, "{length:?}");
        }
    }
}
