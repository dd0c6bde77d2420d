//! Repositories at registries, to be synced.

use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::reference::{Reference, Repository};
use crate::registry::delete_tag::DeleteTagOptions;
use crate::registry::manifest::HeadOptions;
use crate::registry::store::RegistryStore;
use crate::registry::tags::TagsOptions;
use crate::registry::Client;
use crate::repositories::{DestinationRepository, SourceRepository};
use crate::store::{ReadStore, WriteStore};

/// A repository at a registry.
pub(super) struct RegistryRepository {
    pub client: Client,
    pub repository: Repository,
}

impl RegistryRepository {
    /// A tag or a digest of it.
    fn named(&self, name: &str) -> Result<Reference> {
        match name.parse::<Digest>() {
            Ok(digest) => Ok(self.repository.with_digest(&digest)),
            Err(_) => self.repository.with_tag(name),
        }
    }

    fn show(&self, name: Option<&str>) -> String {
        let suffix = match name {
            Some(name) if name.contains(':') => format!("@{name}"),
            Some(name) => format!(":{name}"),
            None => String::new(),
        };
        format!("docker://{}{suffix}", self.repository.full_name())
    }
}

impl SourceRepository for RegistryRepository {
    fn place(&self) -> String {
        self.show(None)
    }

    fn image(&self, name: &str) -> String {
        self.show(Some(name))
    }

    fn tags(&self, call: &Call, take: &mut dyn FnMut(&str)) -> Result<()> {
        let listed = self.client.tags(call, &self.repository.full_name(), &TagsOptions::default())?;
        listed.tags.iter().for_each(take);
        Ok(())
    }

    fn look(&self, call: &Call, name: &str) -> Result<Descriptor> {
        let head = self.client.head_manifest(call, &self.named(name)?, &HeadOptions::default())?;
        Ok(Descriptor::new(&head.media_type, head.digest, head.size))
    }

    fn open(&self, name: &str) -> Result<Box<dyn ReadStore>> {
        Ok(Box::new(RegistryStore::new(&self.client, self.named(name)?)))
    }
}

impl DestinationRepository for RegistryRepository {
    fn place(&self) -> String {
        self.show(None)
    }

    fn image(&self, name: &str) -> String {
        self.show(Some(name))
    }

    fn tags(&self, call: &Call, take: &mut dyn FnMut(&str)) -> Result<bool> {
        match self.client.written_tags(call, &self.repository) {
            Ok(tags) => tags.iter().for_each(take),
            // The first push will make it.
            Err(error) if error.code() == Code::NotFound => {}
            // Who may write need not be allowed to read; and some registries say so of what is not there yet.
            Err(error) if error.code() == Code::Forbidden => return Ok(false),
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    fn look(&self, call: &Call, name: &str) -> Result<Option<Descriptor>> {
        let reference = self.named(name)?;
        match RegistryStore::new(&self.client, reference).written(call) {
            Err(error) if error.code() == Code::Forbidden => Ok(None),
            outcome => outcome,
        }
    }

    fn open(&self, name: &str, is_new: bool) -> Result<Box<dyn WriteStore>> {
        let store = RegistryStore::new(&self.client, self.named(name)?);
        Ok(Box::new(if is_new { store.of_new_name() } else { store }))
    }

    fn is_at_hand(&self) -> bool {
        false
    }

    fn puts_at_once(&self) -> bool {
        true
    }

    fn remove(&self, call: &Call, tag: &str) -> Result<()> {
        let outcome = self.client.delete_tag(call, &self.repository.with_tag(tag)?, &DeleteTagOptions::default());
        match outcome.map(drop) {
            // Somebody was faster.
            Err(error) if error.code() == Code::NotFound => Ok(()),
            outcome => outcome.map_err(|error: Error| error.within(format!("prune the tag {tag}"))),
        }
    }
}
