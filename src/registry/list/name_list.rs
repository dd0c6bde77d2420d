//! Many names in little memory: one string, and where each ends. A list of millions takes a few bytes per name more
//! than its text.

use std::fmt;
use std::hash::BuildHasher;

use hashbrown::HashTable;
use serde::{Serialize, Serializer};

use crate::error::{Code, Error, Result};

/// Repositories or tags in the order in which they came, in one piece of memory.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct NameList {
    text: String,
    ends: Vec<u32>,
}

impl NameList {
    pub(crate) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Result<NameList> {
        let mut list = NameList::default();
        for name in names {
            list.push(name)?;
        }
        Ok(list)
    }

    /// The number of names.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether the list has no names.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The name at a position, from 0.
    pub fn get(&self, at: usize) -> Option<&str> {
        let end = *self.ends.get(at)?;
        let begin = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(begin as usize..end as usize)
    }

    /// The last name, after which the next page begins.
    pub fn last(&self) -> Option<&str> {
        self.get(self.len().checked_sub(1)?)
    }

    /// Goes through the names, which are not copied.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|at| self.get(at))
    }

    /// All names, each as a separate string.
    pub fn to_vec(&self) -> Vec<String> {
        self.iter().map(str::to_owned).collect()
    }

    fn push(&mut self, name: &str) -> Result<()> {
        let end = u32::try_from(self.text.len() + name.len())
            .map_err(|_| Error::new(Code::LimitExceeded, "the names of the list are more than 4 GiB"))?;
        self.text.push_str(name);
        self.ends.push(end);
        Ok(())
    }
}

impl Serialize for NameList {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl fmt::Debug for NameList {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.iter()).finish()
    }
}

impl<T: AsRef<str>, const N: usize> PartialEq<[T; N]> for NameList {
    fn eq(&self, other: &[T; N]) -> bool {
        *self == other.as_slice()
    }
}

impl<T: AsRef<str>> PartialEq<&[T]> for NameList {
    fn eq(&self, other: &&[T]) -> bool {
        self.len() == other.len() && self.iter().zip(*other).all(|(one, other)| one == other.as_ref())
    }
}

#[derive(Default)]
pub(crate) struct NameSet {
    list: NameList,
    places: HashTable<u32>,
    /// Names are untrusted and must not be able to choose their hash bucket.
    hasher: std::hash::RandomState,
}

impl NameSet {
    pub(crate) fn list(&self) -> &NameList {
        &self.list
    }

    /// The names alone.
    pub(crate) fn into_list(self) -> NameList {
        self.list
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.places.find(self.hasher.hash_one(name), |at| self.list.get(*at as usize) == Some(name)).is_some()
    }

    /// Adds one that it has not.
    pub(crate) fn add(&mut self, name: &str) -> Result<()> {
        let NameSet { list, places, hasher } = self;
        list.push(name)?;
        // There are fewer names than bytes.
        let place =
            u32::try_from(list.len() - 1).map_err(|_| Error::new(Code::LimitExceeded, "the list is too long"))?;
        places.insert_unique(hasher.hash_one(name), place, |at| {
            hasher.hash_one(list.get(*at as usize).unwrap_or_default())
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_order_and_come_once() {
        let mut set = NameSet::default();
        let names: Vec<String> = (0..1000).map(|number| format!("n{}", number * 7919 % 1000)).collect();
        for name in names.iter().chain(&names) {
            if !set.has(name) {
                set.add(name).unwrap();
            }
        }
        assert!(set.has("n999") && !set.has("n1000") && !set.has(""));
        assert_eq!(set.list(), &names.as_slice());
        let list = set.into_list();
        assert_eq!(
            (list.len(), list.get(1), list.last(), list.get(1000)),
            (1000, Some("n919"), names.last().map(String::as_str), None)
        );
        assert_eq!(serde_json::to_value(&list).unwrap(), serde_json::json!(names));
        assert!(NameList::default().is_empty() && NameList::default().last().is_none());
    }

    #[test]
    fn an_empty_name_is_one() {
        let mut set = NameSet::default();
        set.add("").unwrap();
        set.add("a").unwrap();
        assert!(set.has("") && set.has("a"));
        assert_eq!(*set.list(), ["", "a"]);
    }
}
