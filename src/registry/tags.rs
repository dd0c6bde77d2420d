//! The tags of a repository (distribution-spec end-8a and end-8b).

use serde::Serialize;
use serde_json::{Map, Value};

use crate::call::Call;
use crate::digest::Algorithm;
use crate::error::{Code, Result};
use crate::options::options;
use crate::reference::{self, Reference, Repository};
use crate::registry::endpoints::{EndpointUse, Turn};
use crate::registry::list::cursor::{Cursor, RegistryList};
use crate::registry::list::name_list::NameList;
use crate::registry::list::names::{NameWindow, Names};
use crate::registry::manifest::{HeadOptions, ManifestHead};
use crate::registry::repository::Remote;
use crate::registry::Client;
use crate::resource::Resource;
use crate::store::served_by::Senders;

options! {
    /// Options of [`Client::tags`].
    #[derive(Debug, Clone)]
    pub struct TagsOptions {
        /// at most this many, also the page size requested, up to 1000
        pub n: Option<u64>,
        /// all pages, each of `n` tags
        pub all: bool,
        /// only tags after this one
        pub last: Option<String>,
        /// go on where the page with this `next` ended; `last` does not count then
        pub next: Option<String>,
        /// look up each tag's digest too, one request a tag
        pub digests: bool,
        /// false leaves out tags that are made of a digest
        ///
        /// such tags are lists of referrers (sha256-HEX), and what cosign and others keep beside them (sha256-HEX.sig)
        pub digest_tags: bool = true,
    }
}

/// The tags of a repository.
#[derive(Debug, Serialize)]
pub struct Tags {
    /// The repository's name, as returned by the registry; where a mirror answers, as the caller's reference has it.
    pub name: String,
    /// The tags, in the registry's order.
    pub tags: NameList,
    /// The last of them, when there are more.
    pub last: Option<String>,
    /// Where the next call continues; None at the end.
    pub next: Option<String>,
    /// The digest of each tag, if requested; null for a tag that has disappeared meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digests: Option<Map<String, Value>>,
    /// The host that told them, `HOST[:PORT]`: the registry or a mirror; None when they are in no registry.
    pub served_by: Option<String>,
    /// The hosts that told the digests of tags, if they were wanted.
    pub resolved_by: Vec<String>,
    /// Other members of the response, such as Google's `child` and `manifest`.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Client {
    /// Lists tags.
    pub fn tags(&self, call: &Call, repository: &str, options: &TagsOptions) -> Result<Tags> {
        self.tags_of(call, &self.repository(repository)?, options)
    }

    /// Lists tags.
    pub fn tags_of(&self, call: &Call, repository: &Repository, options: &TagsOptions) -> Result<Tags> {
        let mut window = NameWindow::new(options.n, options.all, options.last.as_deref(), options.next.as_deref())?;
        // Then more names are read than returned, so the registry's own page size is used.
        if !options.digest_tags && !options.all {
            window.page_size = None;
        }
        let turn = Turn::new(self, call, repository, EndpointUse::Tags)?;
        let wanted = |tag: &str| options.digest_tags || !is_digest_tag(tag);
        let mut tags = match window.next {
            Some(text) => tags_of(&turn.at_beginner(Cursor::beginner(text).as_deref())?, window, wanted),
            // A mirror may have a repository, but nothing of it yet.
            None => turn
                .first(|remote| tags_of(remote, window, wanted), |tags| window.last.is_none() && tags.tags.is_empty()),
        }?;
        let told = call.memory::<Senders>();
        let head = |tag: &Reference| {
            let head = self.head_manifest(call, tag, &HeadOptions::default())?;
            told.add_all(&head.served_by);
            Ok(head)
        };
        tags.digests = options.digests.then(|| digests_of(repository, &tags.tags, head)).transpose()?;
        tags.resolved_by = Senders::of(call);
        Ok(tags)
    }
}

impl Client {
    /// All tags of a repository that are wanted.
    pub(crate) fn tags_where(
        &self,
        call: &Call,
        repository: &Repository,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Tags> {
        let turn = Turn::new(self, call, repository, EndpointUse::Tags)?;
        turn.first(|remote| tags_of(remote, NameWindow::default(), wanted), |tags| tags.tags.is_empty())
    }

    /// The same where it is written to, whatever a mirror has.
    pub(crate) fn written_tags(
        &self,
        call: &Call,
        repository: &Repository,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<NameList> {
        let remote = Remote::to_write(self, call, repository)?;
        Ok(tags_of(&remote, NameWindow::default(), wanted)?.tags)
    }
}

/// The digest of each tag, null of one that has disappeared.
pub(crate) fn digests_of(
    repository: &Repository,
    tags: &NameList,
    head: impl Fn(&Reference) -> Result<ManifestHead>,
) -> Result<Map<String, Value>> {
    let mut digests = Map::new();
    for tag in tags.iter() {
        let digest = match head(&repository.with_tag(tag)?) {
            Ok(head) => Value::from(head.digest.as_str()),
            Err(error) if error.code() == Code::NotFound => Value::Null,
            Err(error) => return Err(error.within(format!("the digest of the tag {tag}"))),
        };
        digests.insert(tag.to_owned(), digest);
    }
    Ok(digests)
}

/// A part of the tags at one endpoint.
pub(crate) fn tags_of(remote: &Remote, window: NameWindow, wanted: impl Fn(&str) -> bool) -> Result<Tags> {
    let names = Names {
        list: RegistryList::of(remote, Resource::Tags, "")?,
        scopes: remote.scopes(&["pull"]),
        what: format!("list the tags of {}", remote.full_name()),
        key: "tags",
        is_name: reference::is_tag,
        remote,
    };
    let (mut name, mut more) = (remote.meant_name().to_owned(), Map::new());
    let part = names.get(window, wanted, |mut members| {
        match members.remove("name") {
            Some(Value::String(text)) if remote.is_registry() => name = text,
            _ => {}
        }
        keep_more(members, &mut more);
    })?;
    let (tags, served_by) = (part.names, Some(remote.served_by()));
    Ok(Tags { name, tags, last: part.last, next: part.next, digests: None, served_by, resolved_by: Vec::new(), more })
}

/// Whether a tag is a digest with a hyphen for its colon, cut to 64 digits as that of a list of referrers is, and perhaps a kind.
pub(crate) fn is_digest_tag(tag: &str) -> bool {
    let digest = tag.split_once('.').map_or(tag, |(digest, _)| digest);
    let is_value = |text: &str| text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    digest.split_once('-').is_some_and(|(name, value)| name.parse::<Algorithm>().is_ok() && is_value(value))
}

// Members that are lists or maps continue on the next page; others keep their first value.
fn keep_more(members: Map<String, Value>, more: &mut Map<String, Value>) {
    for (key, value) in members {
        match (key.as_str(), value) {
            ("tags" | "last" | "next" | "digests" | "served_by" | "resolved_by", _) => {}
            (_, value) => match (more.get_mut(&key), value) {
                (Some(Value::Object(old)), Value::Object(new)) => old.extend(new),
                (Some(Value::Array(old)), Value::Array(new)) => old.extend(new),
                (Some(_), _) => {}
                (None, value) => drop(more.insert(key, value)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_told_from_digests() {
        let value = "0123456789abcdef".repeat(4);
        for tag in ["sha256-V", "sha512-V", "sha256-V.sig", "sha256-V.att", "sha256-V.cosign.bundle"] {
            assert!(is_digest_tag(&tag.replace('V', &value)), "{tag}");
        }
        for tag in [
            "V",
            "sha256-V0",
            "sha256-V-sig",
            "sha256-",
            "sha1-V",
            "SHA256-V",
            "sha256_V",
            "v1-sha256-V",
            "sha256-v1.2",
            "latest",
        ] {
            assert!(!is_digest_tag(&tag.replace('V', &value)), "{tag}");
        }
        assert!(!is_digest_tag(&format!("sha256-{}", value.to_uppercase())));
    }
}
