//! Sparse files, in each of the forms that GNU tar has written: the archive has pieces of such a file, and all else in it is zeros. A map
//! that readers might understand in different ways is refused.

use std::collections::BTreeMap;

use tar::{GnuExtSparseHeader, GnuSparseHeader, Header};

use super::size_field::{self, LARGEST};

/// More pieces than any file has that is worth storing so.
const MOST_PIECES: usize = 1 << 20;
/// The bytes of a number in a map that is written as text.
const LONGEST_NUMBER: usize = 20;

type Refused = &'static str;

pub(super) const TWO_WAYS: Refused = "a sparse file is described in two ways";

/// Where a piece begins in the file, and its length.
pub(super) type SparsePiece = (u64, u64);

/// What the extended header of a file says about it.
#[derive(Default)]
pub(super) struct SparseRecords {
    single: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Offsets and lengths in turn.
    numbers: Vec<u64>,
}

impl SparseRecords {
    /// Takes a record whose key is this after `GNU.sparse.`.
    pub(super) fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), Refused> {
        match key {
            b"offset" | b"numbytes" if self.numbers.len().is_multiple_of(2) != (key == b"offset") => {
                Err("the pieces of a sparse file have no order")
            }
            b"offset" | b"numbytes" => {
                self.numbers.push(number(value)?);
                Ok(())
            }
            _ => match self.single.insert(key.to_vec(), value.to_vec()) {
                Some(before) if before != value => Err(TWO_WAYS),
                _ => Ok(()),
            },
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.single.is_empty() && self.numbers.is_empty()
    }

    /// Its name, where the header has another one for readers that do not know sparse files.
    pub(super) fn name(&self) -> Option<Vec<u8>> {
        self.single.get(&b"name"[..]).filter(|name| !name.is_empty()).cloned()
    }

    fn number(&self, key: &[u8]) -> Result<Option<u64>, Refused> {
        self.single.get(key).map(|value| number(value)).transpose()
    }

    /// The size of the file, and its pieces; None for those that stand before the content. Versions are known as GNU tar writes them:
    /// to other readers any other is an ordinary file.
    pub(super) fn map(&self) -> Result<(u64, Option<Vec<SparsePiece>>), Refused> {
        let unknown = "a sparse file is described in a way that is not known";
        match (self.number(b"major")?, self.number(b"minor")?) {
            (Some(1), Some(0)) if self.has_no_list() => Ok((self.size()?, None)),
            (None, None) | (Some(0), Some(0 | 1)) => {
                let pieces = pieces(&self.listed()?)?;
                match self.number(b"numblocks")? {
                    Some(count) if count == pieces.len() as u64 && count > 0 => Ok((self.size()?, Some(pieces))),
                    Some(_) => Err("a sparse file has another number of pieces"),
                    None => Err(unknown),
                }
            }
            _ => Err(unknown),
        }
    }

    fn has_no_list(&self) -> bool {
        self.numbers.is_empty() && [&b"map"[..], b"numblocks"].iter().all(|key| !self.single.contains_key(*key))
    }

    /// The numbers of the pieces, in either of the two ways.
    fn listed(&self) -> Result<Vec<u64>, Refused> {
        match self.single.get(&b"map"[..]) {
            Some(_) if !self.numbers.is_empty() => Err(TWO_WAYS),
            Some(map) => map.split(|byte| *byte == b',').map(number).collect(),
            None => Ok(self.numbers.clone()),
        }
    }

    /// The size, of which readers take one record or the other.
    fn size(&self) -> Result<u64, Refused> {
        match (self.number(b"size")?, self.number(b"realsize")?) {
            (Some(one), Some(other)) if one != other => Err(TWO_WAYS),
            (one, other) => one.or(other).ok_or("a sparse file has no size"),
        }
    }
}

fn pieces(numbers: &[u64]) -> Result<Vec<SparsePiece>, Refused> {
    match numbers.len().is_multiple_of(2) {
        true => Ok(numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()),
        false => Err("a piece of a sparse file has no length"),
    }
}

/// A number as every reader reads it.
fn number(text: &[u8]) -> Result<u64, Refused> {
    let wrong = "a number in the map of a sparse file is not a number";
    match !text.is_empty() && text.len() <= LONGEST_NUMBER && text.iter().all(u8::is_ascii_digit) {
        true => {
            let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
            number.filter(|number| *number <= LARGEST).ok_or(wrong)
        }
        false => Err(wrong),
    }
}

/// The size of a file, and its pieces, from a header of GNU's own form. `more` reads the next block that belongs to that.
pub(super) fn of_header<E>(
    header: &Header,
    refuse: impl Fn(Refused) -> E,
    mut more: impl FnMut() -> Result<[u8; 512], E>,
) -> Result<(u64, Vec<SparsePiece>), E> {
    let wrong = "the map of a sparse file is damaged";
    let header = header.as_gnu().ok_or_else(|| refuse(wrong))?;
    let size = size_field::size(&header.realsize, header.real_size()).map_err(|_| refuse(wrong))?;
    let mut pieces = Vec::new();
    let mut is_whole = take(&mut pieces, &header.sparse).map_err(&refuse)?;
    let mut goes_on = header.is_extended();
    while goes_on {
        let mut extension = GnuExtSparseHeader::new();
        extension.as_mut_bytes().copy_from_slice(&more()?);
        if is_whole {
            return Err(refuse(wrong));
        }
        is_whole = take(&mut pieces, extension.sparse()).map_err(&refuse)?;
        goes_on = extension.is_extended();
    }
    Ok((size, pieces))
}

/// Takes the pieces of one block; whether that was the end of the map, after which there is nothing.
fn take(pieces: &mut Vec<SparsePiece>, block: &[GnuSparseHeader]) -> Result<bool, Refused> {
    let damaged = "the map of a sparse file is damaged";
    let is_blank = |piece: &GnuSparseHeader| piece.offset.iter().chain(&piece.numbytes).all(|byte| *byte == 0);
    for (at, piece) in block.iter().enumerate() {
        // Readers look at one of the two fields, or at both.
        if piece.is_empty() {
            return if block[at..].iter().all(is_blank) { Ok(true) } else { Err(damaged) };
        }
        let offset = size_field::size(&piece.offset, piece.offset()).map_err(|_| damaged)?;
        let length = size_field::size(&piece.numbytes, piece.length()).map_err(|_| damaged)?;
        pieces.push((offset, length));
        if pieces.len() > MOST_PIECES {
            return Err("a sparse file has too many pieces");
        }
    }
    Ok(false)
}

/// The map that stands before the content: lines with numbers, up to the end of a block.
#[derive(Default)]
pub(super) struct TextMap {
    numbers: Vec<u64>,
    line: Vec<u8>,
}

impl TextMap {
    /// Takes the next block; the pieces, when all of them are known.
    pub(super) fn take(&mut self, block: &[u8; 512]) -> Result<Option<Vec<SparsePiece>>, Refused> {
        for byte in block {
            match byte {
                b'\n' => {
                    self.numbers.push(number(&std::mem::take(&mut self.line))?);
                    if self.numbers.len() as u64 == self.wanted()? {
                        return pieces(&self.numbers[1..]).map(Some);
                    }
                }
                byte if self.line.len() < LONGEST_NUMBER => self.line.push(*byte),
                _ => return Err("a number in the map of a sparse file is not a number"),
            }
        }
        Ok(None)
    }

    /// How many numbers there are, the first of which says so.
    fn wanted(&self) -> Result<u64, Refused> {
        match self.numbers.first() {
            Some(count) if *count > MOST_PIECES as u64 => Err("a sparse file has too many pieces"),
            Some(count) => Ok(1 + 2 * count),
            None => Ok(0),
        }
    }
}

/// Whether a piece before the last ends within a block: GNU tar fills it up to a whole one, and others do not, so that what follows is
/// not known.
pub(super) fn is_unaligned(pieces: &[SparsePiece]) -> bool {
    let stored = || pieces.iter().map(|(_, length)| length).filter(|length| **length > 0);
    stored().rev().skip(1).any(|length| length % 512 != 0)
}

/// What comes next of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SparsePart {
    /// So many zeros, which the archive does not have.
    Zeros(u64),
    /// So many bytes of the archive.
    Stored(u64),
    End,
}

/// A sparse file as it is read.
#[derive(Debug)]
pub(super) struct SparseContent {
    size: u64,
    /// The zeros that nobody has counted.
    holes: u64,
    at: u64,
    pieces: std::vec::IntoIter<SparsePiece>,
    now: SparsePiece,
}

impl SparseContent {
    /// A file of `size` bytes, of which the archive has `stored`.
    pub(super) fn new(size: u64, pieces: Vec<SparsePiece>, stored: u64) -> Result<SparseContent, Refused> {
        let (mut end, mut sum) = (0u64, 0u64);
        for (at, (begin, length)) in pieces.iter().enumerate() {
            let after = begin.checked_add(*length).filter(|after| *begin >= end && *after <= size);
            end = after.ok_or("the pieces of a sparse file overlap, or lead out of it")?;
            sum += length;
            if *length == 0 && at + 1 < pieces.len() {
                return Err("a piece of a sparse file is empty");
            }
        }
        match sum == stored {
            true => Ok(SparseContent { size, holes: size - sum, at: 0, pieces: pieces.into_iter(), now: (0, 0) }),
            false => Err("the pieces of a sparse file are not what the archive has of it"),
        }
    }

    /// How many zeros there are that the archive does not have; only the first time, so that they count once.
    pub(super) fn take_holes(&mut self) -> u64 {
        std::mem::take(&mut self.holes)
    }

    /// What comes next, and at most so many bytes of it.
    pub(super) fn next(&mut self, most: u64) -> SparsePart {
        if self.at == self.now.0 + self.now.1 {
            self.now = self.pieces.next().unwrap_or((self.size, 0));
        }
        let (begin, length) = self.now;
        match self.at {
            at if at < begin => SparsePart::Zeros((begin - at).min(most)),
            at if at < begin + length => SparsePart::Stored((begin + length - at).min(most)),
            // An empty piece at the end says how long the file is.
            at if at < self.size => SparsePart::Zeros((self.size - at).min(most)),
            _ => SparsePart::End,
        }
    }

    /// So many bytes of what came next were read.
    pub(super) fn passed(&mut self, count: u64) {
        self.at += count;
    }
}

#[cfg(test)]
mod tests;
