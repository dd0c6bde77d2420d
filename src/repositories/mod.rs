//! Whole repositories: which tags of a source are meant, what the destination has of them, and bringing it what it lacks.
//!
//! It does not know any kind of place: what it needs of one is in the two traits here, and the copy engine moves each image.

mod glob;
pub(crate) mod list;
mod listed_source;
mod mending;
mod name_room;
mod patience;
pub(crate) mod plan;
mod removals;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod selection;
mod shared_store;
pub(crate) mod skopeo_yaml;
pub(crate) mod sync_options;
mod version;

use std::sync::Arc;

use crate::call::Call;
use crate::error::{Error, Result};
use crate::manifest::Descriptor;
use crate::store::condition::UnsetName;
use crate::store::{ReadStore, WriteStore};
use selection::TagFilter;

/// A repository to read from, or what stands for one in a layout or an archive. A name is a tag or a digest.
pub(crate) trait SourceRepository: Send + Sync {
    /// What messages and reports call it.
    fn place(&self) -> String;
    /// What reports call one of its images.
    fn image(&self, name: &str) -> String;
    /// Gives every tag that is wanted, or fails. `itself`: as the place has them, not as another does that may stand in for it.
    fn tags(&self, call: &Call, itself: bool, wanted: &dyn Fn(&str) -> bool, take: &mut dyn FnMut(&str)) -> Result<()>;
    /// Whether the place itself has something under a name, whatever its list says.
    fn has(&self, call: &Call, name: &str) -> Result<bool>;
    /// What a name refers to.
    fn look(&self, call: &Call, name: &str) -> Result<Descriptor>;
    /// Opens what a name refers to.
    fn open(&self, name: &str) -> Result<Box<dyn ReadStore>>;
}

/// The same to write to.
pub(crate) trait DestinationRepository: Send + Sync {
    /// What messages and reports call it.
    fn place(&self) -> String;
    /// What it is, however it is spelled: two that are one have one.
    fn identity(&self) -> String;
    /// What has its blobs: those of one that is the same are there for this one too.
    fn holder(&self) -> String {
        self.identity()
    }
    /// What reports call one of its images.
    fn image(&self, name: &str) -> String;
    /// Gives every tag that is wanted; false where they are not shown.
    fn tags(&self, call: &Call, wanted: &dyn Fn(&str) -> bool, take: &mut dyn FnMut(&str)) -> Result<bool>;
    /// What a name refers to; None while that is nothing.
    fn look(&self, call: &Call, name: &str) -> Result<Option<Descriptor>>;
    /// The place for an image; `is_new`: the name refers to nothing.
    fn open(&self, name: &str, is_new: bool) -> Result<Box<dyn WriteStore>>;
    /// Whether everything is there that is below what a name refers to, as far as that costs no request.
    fn is_complete(&self, _call: &Call, _named: &Descriptor) -> Result<bool> {
        Ok(true)
    }
    /// Whether all that is there already is written anew with what was put or taken away.
    fn is_rewritten(&self) -> bool {
        false
    }
    /// The same as [`DestinationRepository::is_complete`], with all bytes read.
    fn is_sound(&self, call: &Call, named: &Descriptor) -> Result<bool> {
        self.is_complete(call, named)
    }
    /// Whether it costs nothing to look.
    fn is_at_hand(&self) -> bool;
    /// Whether what has been put for one image is there for the others at once.
    fn puts_at_once(&self) -> bool;
    /// Takes away tags as they were when the tags were given, and nothing else. Gives what became of each.
    fn remove(&self, call: &Call, tags: &[String]) -> Result<Vec<Result<()>>>;
    /// The whole of which it is a part, if nothing of that is there before it is finished.
    fn written_last(&self) -> Option<String> {
        None
    }
    /// Waits until no other process writes to such a whole, before anything else is done.
    fn reserve(&self, _call: &Call) -> Result<()> {
        Ok(())
    }
    /// Called when everything has been put, before anything is taken away: names that are written together are written. Gives those,
    /// also of other repositories that are written with this one, that were not set after all.
    fn settle(&self, _call: &Call) -> Result<Vec<UnsetName>> {
        Ok(Vec::new())
    }
    /// The same for what is written last, with what is taken away.
    fn finish(&self, _call: &Call) -> Result<()> {
        Ok(())
    }
    /// Called at the end, whatever happened.
    fn let_go(&self, _call: &Call) {}
}

/// What is to be brought where.
pub(crate) struct Pair {
    pub(crate) source: Arc<dyn SourceRepository>,
    pub(crate) destination: Arc<dyn DestinationRepository>,
    pub(crate) wanted: Wanted,
}

/// What cannot be brought, because it cannot even be opened.
pub(crate) struct UnopenedPair {
    pub(crate) source: String,
    pub(crate) destination: String,
    pub(crate) error: Error,
}

/// What is wanted of a repository.
#[derive(Debug, Clone)]
pub(crate) enum Wanted {
    /// Of all its tags those that are meant.
    Tags(TagFilter),
    /// These tags and digests.
    Exactly(Vec<String>),
}
