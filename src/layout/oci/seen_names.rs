//! What the names of a layout refer to, by what an entry is known by. No I/O.

use std::collections::HashMap;

use crate::digest::Digest;
use crate::layout::index;
use crate::manifest::Descriptor;

/// What names referred to when an index was read.
#[derive(Debug)]
pub(crate) struct SeenNames(HashMap<String, Vec<Digest>>);

impl SeenNames {
    /// Those of these entries.
    pub(crate) fn of(entries: &[Descriptor]) -> SeenNames {
        let mut seen: HashMap<String, Vec<Digest>> = HashMap::new();
        for entry in entries {
            if let Some(key) = index::key_of(entry) {
                seen.entry(key).or_default().push(entry.digest.clone());
            }
        }
        SeenNames(seen)
    }

    /// What a name referred to, in whatever spelling.
    pub(crate) fn of_name(&self, name: &str) -> Vec<Digest> {
        index::keys_of(name).iter().filter_map(|key| self.0.get(key)).flatten().cloned().collect()
    }
}
