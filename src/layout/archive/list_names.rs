//! Which images of the two lists that an archive may have are called what: each list may have very many names.

use std::collections::HashMap;
use std::sync::Arc;

use super::saved_images::SavedImage;
use crate::layout::index::{key_of, keys_of};
use crate::manifest::Descriptor;

#[derive(Debug)]
pub(super) struct NamesOfLists {
    /// The entries of `index.json` by their keys.
    entries: HashMap<String, Vec<usize>>,
    /// The images of `manifest.json` by the keys of their names, each with the first name that has this key.
    saved: HashMap<String, Vec<(usize, usize)>>,
}

impl NamesOfLists {
    pub(super) fn of(entries: &[Descriptor], saved: &[Arc<SavedImage>]) -> NamesOfLists {
        let mut names = NamesOfLists { entries: HashMap::new(), saved: HashMap::new() };
        for (at, entry) in entries.iter().enumerate() {
            if let Some(key) = key_of(entry) {
                names.entries.entry(key).or_default().push(at);
            }
        }
        for (at, image) in saved.iter().enumerate() {
            for (number, tag) in image.repo_tags.iter().enumerate() {
                for key in keys_of(tag) {
                    let of_key = names.saved.entry(key).or_default();
                    if of_key.last().is_none_or(|(last, _)| *last != at) {
                        of_key.push((at, number));
                    }
                }
            }
        }
        names
    }

    /// The images that have a name of an entry, and that name; if each list has only one, that one.
    pub(super) fn saved_as<'a>(
        &self,
        entry: &Descriptor,
        saved: &'a [Arc<SavedImage>],
        is_only: bool,
    ) -> Vec<(&'a SavedImage, &'a str)> {
        if is_only {
            return saved.iter().map(|image| (image.as_ref(), "")).collect();
        }
        let found = key_of(entry).and_then(|key| self.saved.get(&key)).map(Vec::as_slice).unwrap_or_default();
        let named = |(at, number): &(usize, usize)| {
            let image: &SavedImage = saved.get(*at)?;
            Some((image, image.repo_tags.get(*number)?.as_str()))
        };
        found.iter().filter_map(named).collect()
    }

    /// The entries that have a name.
    pub(super) fn entries_of(&self, name: &str, entries: &[Descriptor]) -> Vec<Descriptor> {
        let found = keys_of(name).into_iter().filter_map(|key| self.entries.get(&key)).flatten();
        found.filter_map(|at| entries.get(*at)).cloned().collect()
    }
}
