//! Getting the manifest of an index for a platform.

use crate::call::Call;
use crate::digest::Digest;
use crate::error::Result;
use crate::manifest::Kind;
use crate::platform::Platform;
use crate::reference::Reference;
use crate::registry::manifest::{GetOptions, HeadOptions, Manifest};
use crate::registry::store::RegistryStore;
use crate::registry::Client;
use crate::store::platform_descent;
use crate::store::served_by::Senders;

impl Client {
    /// Gets a manifest, verified; with a platform, the one for it.
    pub fn get_manifest(&self, call: &Call, reference: &Reference, options: &GetOptions) -> Result<Manifest> {
        let platform = options.platform.as_deref().map(str::parse::<Platform>).transpose()?;
        let found = self.fetch_manifest(call, reference, options)?;
        let (Some(platform), Kind::Index) = (platform, found.document.kind) else { return Ok(found) };
        call.memory::<Senders>().add_all(&found.served_by);
        let store = RegistryStore::new(self, reference.clone());
        let chosen = platform_descent::choose(call, &store, &found.document, &platform)?;
        let resolved_by = Senders::of(call);
        let one = GetOptions { platform: None, ..options.clone() };
        let found = self.fetch_manifest(call, &reference.repository().with_digest(&chosen.entry.digest), &one)?;
        platform_descent::check_entry(&chosen.entry, &found.document)?;
        Ok(Manifest { platform: Some(chosen.platform), resolved_by, ..found })
    }

    /// The digest of a manifest; with a platform, of the one for it.
    pub fn manifest_digest(&self, call: &Call, reference: &Reference, options: &GetOptions) -> Result<Digest> {
        let Some(platform) = options.platform.as_deref() else {
            let head = HeadOptions { accept: options.accept.clone() };
            return Ok(self.head_manifest(call, reference, &head)?.digest);
        };
        let platform: Platform = platform.parse()?;
        let found = self.fetch_manifest(call, reference, options)?;
        match found.document.kind {
            Kind::Index => {
                let store = RegistryStore::new(self, reference.clone());
                Ok(platform_descent::choose(call, &store, &found.document, &platform)?.entry.digest)
            }
            _ => Ok(found.document.digest),
        }
    }
}
