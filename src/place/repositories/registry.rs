//! Repositories at registries, to be synced.

use std::sync::Mutex;

use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::mutex::lock;
use crate::reference::{Reference, Repository};
use crate::registry::delete_tag::{DeleteTagOptions, ManifestFate};
use crate::registry::list::names::NameWindow;
use crate::registry::manifest::{head, HeadOptions};
use crate::registry::repository::Remote;
use crate::registry::store::RegistryStore;
use crate::registry::tags::tags_of;
use crate::registry::Client;
use crate::repositories::{DestinationRepository, SourceRepository};
use crate::store::served_by::Senders;
use crate::store::{ReadStore, WriteStore};

/// One side of a sync that is a repository of a registry.
pub(super) struct RegistryRepository {
    pub(super) client: Client,
    pub(super) repository: Repository,
    /// Whether the registry takes tags away, and nothing else; None: not tried yet.
    pub(super) takes_tags: Mutex<Option<bool>>,
    /// Where what is read is written to. In its registry it is read as it is there.
    pub(super) written_to: Option<Repository>,
}

impl RegistryRepository {
    pub(super) fn new(client: Client, repository: Repository) -> RegistryRepository {
        RegistryRepository { client, repository, takes_tags: Mutex::default(), written_to: None }
    }

    /// The same, as the source of what goes to another place, `docker://HOST/…` or elsewhere.
    pub(super) fn for_destination(self, place: &str) -> RegistryRepository {
        let repository_of = |place: &str| Repository::parse(place.strip_prefix("docker://")?, None).ok();
        RegistryRepository { written_to: repository_of(place), ..self }
    }

    /// Where tags are read that are written to its registry; None: as ever.
    fn as_written(&self, call: &Call) -> Result<Option<Remote>> {
        match &self.written_to {
            Some(to) => Remote::to_read_and_write(&self.client, call, &self.repository, to),
            None => Ok(None),
        }
    }

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

    fn tags(&self, call: &Call, itself: bool, wanted: &dyn Fn(&str) -> bool, take: &mut dyn FnMut(&str)) -> Result<()> {
        // A mirror may have a part of them, or those of yesterday; and they are listed where they are read.
        let at = match itself {
            true => Some(Remote::itself(&self.client, call, &self.repository)?),
            false => self.as_written(call)?,
        };
        let tags = match at {
            Some(at) => tags_of(&at, NameWindow::default(), wanted)?,
            None => self.client.tags_where(call, &self.repository, wanted)?,
        };
        call.memory::<Senders>().add_all(&tags.served_by);
        tags.tags.iter().for_each(take);
        Ok(())
    }

    fn has(&self, call: &Call, name: &str) -> Result<bool> {
        let remote = Remote::itself(&self.client, call, &self.repository)?;
        match head(&remote, &self.named(name)?, &HeadOptions::default()) {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Code::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn look(&self, call: &Call, name: &str) -> Result<Descriptor> {
        let (reference, options) = (self.named(name)?, HeadOptions::default());
        let head = match self.as_written(call)? {
            Some(at) => head(&at, &reference, &options)?,
            None => self.client.head_manifest(call, &reference, &options)?,
        };
        call.memory::<Senders>().add_all(&head.served_by);
        Ok(Descriptor::new(&head.media_type, head.digest, head.size))
    }

    fn open(&self, name: &str) -> Result<Box<dyn ReadStore>> {
        let store = RegistryStore::new(&self.client, self.named(name)?);
        Ok(Box::new(match &self.written_to {
            Some(to) => store.written_to(to),
            None => store,
        }))
    }
}

impl DestinationRepository for RegistryRepository {
    fn place(&self) -> String {
        self.show(None)
    }

    fn image(&self, name: &str) -> String {
        self.show(Some(name))
    }

    fn identity(&self) -> String {
        format!("{}/{}", self.client.registry_key(self.repository.index()), self.repository.remote_name())
    }

    fn tags(&self, call: &Call, wanted: &dyn Fn(&str) -> bool, take: &mut dyn FnMut(&str)) -> Result<bool> {
        match self.client.written_tags(call, &self.repository, wanted) {
            Ok(tags) => tags.iter().for_each(take),
            // The first push will make it.
            Err(error) if error.code() == Code::NotFound => {}
            // An account that may write need not be allowed to read; and some registries answer so for what is not there yet.
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

    fn remove(&self, call: &Call, tags: &[String]) -> Result<Vec<Result<()>>> {
        Ok(tags.iter().map(|tag| self.remove_one(call, tag)).collect())
    }
}

impl RegistryRepository {
    // The first is taken away alone, with a look at the other tags of its manifest: a registry that deletes that too does so only once.
    fn remove_one(&self, call: &Call, tag: &str) -> Result<()> {
        let mut takes_tags = lock(&self.takes_tags);
        let is_first = match *takes_tags {
            Some(false) => return Err(takes_more(tag)),
            known => known.is_none(),
        };
        if !is_first {
            drop(takes_tags);
            return match self.take_away(call, tag, false)? {
                Some(false) => {
                    *lock(&self.takes_tags) = Some(false);
                    Err(takes_more(tag))
                }
                _ => Ok(()),
            };
        }
        *takes_tags = self.take_away(call, tag, true)?;
        match *takes_tags {
            Some(false) => Err(takes_more(tag)),
            _ => Ok(()),
        }
    }

    /// Whether the tag went alone; None: it was gone already.
    fn take_away(&self, call: &Call, tag: &str, list_others: bool) -> Result<Option<bool>> {
        let options = DeleteTagOptions { list_others, ..DeleteTagOptions::default() };
        match self.client.delete_tag(call, &self.repository.with_tag(tag)?, &options) {
            Ok(deleted) => Ok(Some(deleted.manifest == ManifestFate::Kept)),
            // Another client was faster.
            Err(error) if error.code() == Code::NotFound => Ok(None),
            Err(error) => Err(error.within(format!("prune the tag {tag}"))),
        }
    }
}

fn takes_more(tag: &str) -> Error {
    let message =
        format!("prune the tag {tag}: the registry deletes a manifest with its tag, or does not say that it keeps it");
    Error::new(Code::Unsupported, message)
        .with_hint("other tags of the same manifest would go with it: nothing more is pruned there")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::ClientOptions;

    #[test]
    fn a_list_has_each_registry_once() {
        let identity = |plain: bool, host: &str| {
            let mut options = ClientOptions::default();
            options.http.plain_http = plain;
            let repository = Repository::parse(&format!("{host}/a/b"), None).unwrap();
            RegistryRepository::new(Client::new(options).unwrap(), repository).identity()
        };
        for (plain, one, other, is_one) in [
            (false, "http://reg.test", "reg.test:443", false),
            (false, "http://reg.test", "reg.test", false),
            (false, "http://reg.test", "reg.test:80", true),
            (false, "Reg.test.", "https://reg.test:0443", true),
            (true, "http://reg.test", "reg.test", true),
            (true, "reg.test:80", "reg.test", true),
            (true, "reg.test:443", "reg.test", false),
        ] {
            assert_eq!(identity(plain, one) == identity(plain, other), is_one, "{plain} {one} {other}");
        }
    }
}
