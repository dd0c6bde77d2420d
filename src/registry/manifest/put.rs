//! Putting manifests (distribution-spec end-7a, end-7b, "Pushing Manifests with Subject").

use serde::Serialize;

use super::conditional_tag::{about_tags, Guarded, GuardedTags};
use super::put_once::{put_as, set_already, OnlyIf};
use crate::call::Call;
use crate::digest::{Algorithm, Digest};
use crate::error::{Code, Error, Result};
use crate::http::redact;
use crate::http::response::Response;
use crate::manifest::Document;
use crate::manifest::MOST_BYTES;
use crate::options::options;
use crate::reference::{self, Reference, Repository};
use crate::registry::referrers;
use crate::registry::referrers::fallback_tag;
use crate::registry::referrers::ReferrersSource;
use crate::registry::repository::Remote;
use crate::registry::Client;
use crate::statuses;
use crate::store::condition::{ConditionCheck, NameCondition, NameOptions};
use crate::store::manifest_name::ManifestName;
use crate::store::RawManifest;
use crate::text::shorten;

/// More tags than one manifest should have.
const MOST_TAGS: usize = 1000;

options! {
    /// Options of [`Client::put_manifest`].
    #[derive(Debug, Clone)]
    pub struct PutOptions {
        /// instead of the one in the bytes, which are checked against it
        pub media_type: Option<String>,
        /// tags to set besides the reference's own; a reference with neither tag nor digest does not stand for `latest` then
        pub tags: Vec<String>,
        /// false leaves the referrers tag alone
        pub referrers_tag: bool = true,
        /// into a layout or a dir:, put the manifest even if what it refers to is missing
        ///
        /// layouts and directories take a manifest only if what it refers to is there; a registry decides that itself. In a layout
        /// with an index of which something is missing, ocireg_layout_clean removes nothing, unless it is told to
        pub allow_missing: bool,
    } and {
        /// Each of the tags, which are looked at before anything is written, and once more when they are set
        pub names: NameOptions,
    }
}

/// The result of putting a manifest.
#[derive(Debug, Serialize)]
pub struct PutManifest {
    /// The digest of the bytes that were put, computed here.
    pub digest: Digest,
    /// The number of bytes that were put.
    pub size: u64,
    /// The media type it was put as.
    #[serde(rename = "mediaType")]
    pub media_type: String,
    /// The Location that the registry returned; None when absent.
    pub location: Option<String>,
    /// The tags that were set.
    pub tags: Vec<String>,
    /// The tags that were left as they are, because they refer to something.
    pub skipped: Vec<String>,
    /// What made sure that the tags could be set; None without a condition. Of several tags the weakest is said.
    pub condition: Option<ConditionCheck>,
    /// The manifest that it refers to.
    pub subject: Option<Digest>,
    /// How it is listed among the referrers of its subject.
    pub referrers: Option<ReferrersSource>,
}

impl Client {
    /// Puts a manifest, its bytes unchanged. One that has a subject is listed in the subject's referrers tag, unless the
    /// registry says that it lists it itself.
    pub fn put_manifest(
        &self,
        call: &Call,
        reference: &Reference,
        bytes: &[u8],
        options: &PutOptions,
    ) -> Result<PutManifest> {
        let algorithm = reference.digest().map_or(Algorithm::Sha256, Digest::algorithm);
        let content = read_put(bytes, options.media_type.as_deref(), algorithm)?;
        let under = match ManifestName::asked(reference, content.digest())? {
            // The tags of the options are meant then, not the default one.
            ManifestName::Tag(_) if reference.written_tag().is_none() && !options.tags.is_empty() => {
                ManifestName::Digest(content.digest().clone())
            }
            under => under,
        };
        let condition = options.names.condition()?;
        if condition == NameCondition::None {
            return self.put_under(call, reference.repository(), &under, &content, options, &condition);
        }
        let remote = Remote::to_write(self, call, reference.repository())?;
        let guarded = Guarded { remote: &remote, repository: reference.repository(), condition: &condition };
        let tags = all_tags(&under, options)?;
        about_tags(&condition, &tags)?;
        let (tags, skipped) = guarded.look(tags)?;
        if tags.is_empty() {
            return Ok(PutManifest::skipped(&content, skipped));
        }
        let under = ManifestName::Digest(content.digest().clone());
        let options = PutOptions { tags, ..options.clone() };
        let put = self.put_under(call, reference.repository(), &under, &content, &options, &condition)?;
        Ok(PutManifest { skipped: skipped.into_iter().chain(put.skipped).collect(), ..put })
    }

    /// Puts a manifest under one name, and under the tags of the options. Tags come last, when everything else is done, and only if the
    /// condition holds, which the options have no say in here.
    pub(crate) fn put_under(
        &self,
        call: &Call,
        repository: &Repository,
        under: &ManifestName,
        content: &RawManifest,
        options: &PutOptions,
        condition: &NameCondition,
    ) -> Result<PutManifest> {
        let RawManifest { document, bytes } = content;
        let mut tags = all_tags(under, options)?;
        about_tags(condition, &tags)?;
        let remote = Remote::to_write(self, call, repository)?;
        let guarded = Guarded { remote: &remote, repository, condition };
        if guarded.leaves_all(&tags, document)? {
            return Ok(PutManifest::skipped(content, tags));
        }
        let mut listed = list_first(&remote, content, &tags, options)?;
        let (mut fates, always) = (GuardedTags::default(), OnlyIf::default());
        let accepted = match (condition, options.tags.is_empty()) {
            (NameCondition::None, true) => put_as(&remote, under.as_str(), &[], content, &always)?,
            (NameCondition::None, false) => put_tags(&remote, repository, &tags, content)?,
            _ => {
                let accepted = put_as(&remote, document.digest.as_str(), &[], content, &always)?;
                fates = set_guarded(&guarded, tags, content, listed.is_new)?;
                tags = std::mem::take(&mut fates.set);
                accepted
            }
        };
        remote.has_written(repository, &tags.iter().map(String::as_str).collect::<Vec<_>>());
        if listed.by.is_none() {
            listed = list(&remote, document, accepted.as_ref(), options)?;
        }
        Ok(PutManifest {
            referrers: listed.by,
            subject: document.subject().map(|subject| subject.digest.clone()),
            digest: document.digest.clone(),
            size: bytes.len() as u64,
            media_type: document.media_type.clone(),
            location: accepted.and_then(|response| remote.location(&response).ok()).map(|at| redact::url(&at.url)),
            tags,
            skipped: fates.skipped,
            condition: fates.weakest,
        })
    }
}

/// The manifest that a caller puts.
pub(crate) fn read_put(bytes: &[u8], media_type: Option<&str>, algorithm: Algorithm) -> Result<RawManifest> {
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Error::new(Code::LimitExceeded, format!("a manifest is at most {MOST_BYTES} bytes")));
    }
    let document = Document::parse(bytes, media_type, algorithm)?;
    Ok(RawManifest { document, bytes: bytes.to_vec() })
}

impl PutManifest {
    /// All tags were left as they are: nothing was put.
    pub(crate) fn skipped(content: &RawManifest, skipped: Vec<String>) -> PutManifest {
        PutManifest {
            digest: content.digest().clone(),
            size: content.bytes.len() as u64,
            media_type: content.document.media_type.clone(),
            location: None,
            tags: Vec::new(),
            skipped,
            condition: None,
            subject: content.document.subject().map(|subject| subject.digest.clone()),
            referrers: None,
        }
    }
}

/// Whether it has a subject, at a registry that is not known to list referrers itself.
fn may_be_ours_to_list(remote: &Remote, document: &Document) -> bool {
    document.subject().is_some() && referrers::known_support(remote) != Some(true)
}

/// The tag that it goes under and those of the options, each once.
fn all_tags(under: &ManifestName, options: &PutOptions) -> Result<Vec<String>> {
    let mut tags: Vec<String> = under.tag().map(str::to_owned).into_iter().collect();
    for tag in &options.tags {
        if !reference::is_tag(tag) {
            let message = format!("the option tags contains '{}', which is not a tag", shorten(tag));
            return Err(Error::new(Code::InvalidArgument, message));
        }
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
    match tags.len() > MOST_TAGS {
        true => Err(Error::new(Code::InvalidArgument, format!("the option tags contains more than {MOST_TAGS} tags"))),
        false => Ok(tags),
    }
}

/// By digest with all tags in one request. What the registry does not confirm is put tag by tag: one without support
/// stores the manifest without tags.
fn put_tags(
    remote: &Remote,
    repository: &Repository,
    tags: &[String],
    content: &RawManifest,
) -> Result<Option<Response>> {
    let (name, always) = (content.digest().as_str(), OnlyIf::default());
    let mut accepted = match put_as(remote, name, tags, content, &always) {
        // Too many for one request, or a registry that does not support the query.
        Err(error) if error.http_status().is_some_and(statuses::takes_one_tag_only) || error.code() == Code::Http => {
            put_as(remote, name, &[], content, &always)?
        }
        outcome => outcome?,
    };
    let confirmed = accepted.as_ref().map(confirmed_tags).unwrap_or_default();
    let (mut set, left): (Vec<&str>, Vec<&str>) =
        tags.iter().map(String::as_str).partition(|tag| confirmed.iter().any(|confirmed| confirmed == tag));
    // At once: they are set, whatever becomes of the others.
    remote.has_written(repository, &set);
    for tag in left {
        let again = put_as(remote, tag, &[], content, &always).map_err(|error| {
            let what = format!("the manifest {name} is stored, but the tag {tag} is not set{}", set_already(&set));
            error.within(what)
        })?;
        remote.has_written(repository, &[tag]);
        set.push(tag);
        accepted = accepted.or(again);
    }
    Ok(accepted)
}

fn confirmed_tags(response: &Response) -> Vec<String> {
    let values = response.headers.get_all("oci-tag").iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|tag| tag.trim().to_owned()).collect()
}

/// How a manifest is listed among its subject's referrers.
#[derive(Default)]
struct Listed {
    by: Option<ReferrersSource>,
    /// It was put on a list of ours just now.
    is_new: bool,
}

impl From<ReferrersSource> for Listed {
    fn from(by: ReferrersSource) -> Listed {
        Listed { by: Some(by), is_new: false }
    }
}

/// Lists it before its tags are set, where that may be ours to do.
fn list_first(remote: &Remote, content: &RawManifest, tags: &[String], options: &PutOptions) -> Result<Listed> {
    let document = &content.document;
    if tags.is_empty() || !options.referrers_tag || !may_be_ours_to_list(remote, document) {
        return Ok(Listed::default());
    }
    let accepted = put_as(remote, document.digest.as_str(), &[], content, &OnlyIf::default())?;
    list(remote, document, accepted.as_ref(), options)
}

/// How a manifest with a subject is listed: by the registry, which confirms it with OCI-Subject, otherwise by the
/// library.
fn list(remote: &Remote, document: &Document, accepted: Option<&Response>, options: &PutOptions) -> Result<Listed> {
    let Some(subject) = document.subject() else { return Ok(Listed::default()) };
    let said = accepted.and_then(|response| response.header("oci-subject")).map(str::trim);
    if said == Some(subject.digest.as_str()) {
        referrers::remember_support(remote, true);
        return Ok(ReferrersSource::Api.into());
    }
    if accepted.is_none() && referrers::has_api(remote, &subject.digest)? {
        return Ok(ReferrersSource::Api.into());
    }
    if !options.referrers_tag {
        return Ok(ReferrersSource::None.into());
    }
    let is_new = fallback_tag::add(remote, &subject.digest, &[document.listed()]).map_err(|error| {
        error.within(format!("the manifest {} is stored, but not listed as a referrer", document.digest))
    })?;
    Ok(Listed { by: Some(ReferrersSource::Tag), is_new })
}

/// Sets tags on a condition. What was listed just now is taken off the list again when the only tag went to another meanwhile.
fn set_guarded(guarded: &Guarded, tags: Vec<String>, content: &RawManifest, is_listed: bool) -> Result<GuardedTags> {
    let (document, is_only) = (&content.document, tags.len() == 1);
    let fates = guarded.put_all(tags, content);
    let is_lost = match &fates {
        Ok(fates) => fates.set.is_empty(),
        Err(error) => {
            let ours = Some(document.digest.as_str());
            is_only && error.conflict().is_some_and(|conflict| conflict.digest.as_deref() != ours)
        }
    };
    if let Some(subject) = document.subject().filter(|_| is_lost && is_listed) {
        // Where that fails it stays listed, as others do that no tag refers to.
        let _ = fallback_tag::remove(guarded.remote, &subject.digest, &document.digest);
    }
    fates
}
