//! A list that grows without moving what it has: it never needs more memory than what is in it, and part of a block.

use std::ops::{Index, IndexMut};

/// Elements in a block.
const BLOCK: usize = 4096;

#[derive(Debug)]
pub(super) struct Blocks<T> {
    blocks: Vec<Vec<T>>,
    count: usize,
}

impl<T> Blocks<T> {
    pub(super) fn new() -> Blocks<T> {
        Blocks { blocks: Vec::new(), count: 0 }
    }

    /// Returns its place.
    pub(super) fn push(&mut self, one: T) -> usize {
        if self.count.is_multiple_of(BLOCK) {
            self.blocks.push(Vec::with_capacity(BLOCK));
        }
        if let Some(last) = self.blocks.last_mut() {
            last.push(one);
        }
        self.count += 1;
        self.count - 1
    }
}

impl<T> Index<usize> for Blocks<T> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        &self.blocks[at / BLOCK][at % BLOCK]
    }
}

impl<T> IndexMut<usize> for Blocks<T> {
    fn index_mut(&mut self, at: usize) -> &mut T {
        &mut self.blocks[at / BLOCK][at % BLOCK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stays_where_it_is() {
        let mut list = Blocks::new();
        for number in 0..3 * BLOCK {
            assert_eq!(list.push(number), number);
        }
        list[BLOCK] = 7;
        for number in [0, 1, BLOCK - 1, BLOCK + 1, 2 * BLOCK, 3 * BLOCK - 1] {
            assert_eq!(list[number], number);
        }
        assert_eq!(list[BLOCK], 7);
        assert!(list.blocks.iter().all(|block| block.capacity() == BLOCK));
    }
}
