//! Determines what a document is. Its media type, the type it was served as and its structure must agree: a document
//! must mean the same to every reader (CVE-2021-41190).

use serde_json::Value;

use crate::descriptor::invalid;
use crate::error::Result;
use crate::media_type as types;
use crate::schema1;
use crate::text::shorten;

/// The members that determine what a document is.
const MEMBERS: [&str; 10] = [
    "schemaVersion",
    "mediaType",
    "config",
    "layers",
    "manifests",
    "subject",
    "artifactType",
    "blobs",
    "fsLayers",
    "history",
];

/// The media type of a document. The type that it names, the one it was served as, and its structure must agree. A list
/// that is absent or null counts as empty.
pub(super) fn media_type_of(value: &Value, content_type: Option<&str>) -> Result<String> {
    check_spelling(value)?;
    if has(value, "manifests") && looks_like_an_image(value)
        || has(value, "fsLayers") && (looks_like_an_image(value) || has(value, "manifests"))
    {
        return Err(invalid("the manifest is ambiguous: it has members of more than one of index, image and schema 1"));
    }
    let (named, served) = (named_type(value)?, content_type.and_then(served_type));
    if let (Some(named), Some(served)) = (&named, &served) {
        check_served(named, served)?;
    }
    let says_what_it_is = named.is_some() || schema_version(value) == Some(2);
    let built = built_type(value);
    let chosen = named.or(served).unwrap_or_else(|| built.to_owned());
    if chosen.is_empty() {
        return Err(invalid("the manifest has neither a media type nor members that identify one"));
    }
    check_built(value, &chosen, built, says_what_it_is)?;
    Ok(if types::is_schema1(&chosen) { built.to_owned() } else { chosen })
}

fn has(value: &Value, member: &str) -> bool {
    value.get(member).is_some_and(|member| !member.is_null())
}

fn looks_like_an_image(value: &Value) -> bool {
    has(value, "layers") || has(value, "config")
}

fn schema_version(value: &Value) -> Option<u64> {
    value.get("schemaVersion").and_then(Value::as_u64)
}

/// The type that the document names itself.
fn named_type(value: &Value) -> Result<Option<String>> {
    match value.get("mediaType") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) => Ok(Some(types::essence(name)).filter(|name| !name.is_empty())),
        Some(_) => Err(invalid("the mediaType is not a string")),
    }
}

/// The type of a Content-Type header; None for those that servers send for any file.
fn served_type(content_type: &str) -> Option<String> {
    let served = types::essence(content_type);
    let is_general = matches!(
        served.as_str(),
        "" | "application/json" | "text/plain" | "application/octet-stream" | "binary/octet-stream"
    );
    (!is_general).then_some(served)
}

fn check_served(named: &str, served: &str) -> Result<()> {
    let both_schema1 = types::is_schema1(named) && types::is_schema1(served);
    match named == served || both_schema1 {
        true => Ok(()),
        false => Err(invalid(format!(
            "the manifest says it is {}, but it was served or listed as {}",
            shorten(named),
            shorten(served)
        ))),
    }
}

/// The type that the document's members show; empty if they show none.
fn built_type(value: &Value) -> &'static str {
    match schema_version(value) {
        Some(1) if schema1::is_signed(value) => types::SCHEMA1_SIGNED,
        Some(1) => types::SCHEMA1,
        _ if has(value, "manifests") => types::OCI_INDEX,
        _ if has(value, "blobs") && !has(value, "layers") => types::OCI_ARTIFACT,
        Some(2) if looks_like_an_image(value) => built_image(value),
        _ if value.get("manifests").is_some() && !looks_like_an_image(value) => types::OCI_INDEX,
        _ => "",
    }
}

/// Whether a document of the chosen type may have these members.
fn check_built(value: &Value, chosen: &str, built: &str, says_what_it_is: bool) -> Result<()> {
    let same_kind =
        types::is_index(chosen) == types::is_index(built) && types::is_schema1(chosen) == types::is_schema1(built);
    // An empty artifact manifest or index has no identifying member.
    let is_bare = built.is_empty() && (types::is_image(chosen) || types::is_index(chosen) && says_what_it_is);
    if !(same_kind || is_bare) {
        return Err(invalid(format!("the manifest says it is {}, but is not built like one", shorten(chosen))));
    }
    if chosen == types::OCI_ARTIFACT && looks_like_an_image(value) {
        return Err(invalid("the manifest is ambiguous: it has members of both an artifact manifest and an image"));
    }
    let required = if types::is_schema1(chosen) { 1 } else { 2 };
    if has(value, "schemaVersion") && schema_version(value) != Some(required) {
        let message =
            format!("the schemaVersion of the manifest is not {required}, as required for {}", shorten(chosen));
        return Err(invalid(message));
    }
    Ok(())
}

/// What a descriptor has, and its platform (OCI image-spec descriptor.md, image-index.md).
const DESCRIPTOR_MEMBERS: &[&str] =
    &["mediaType", "digest", "size", "urls", "annotations", "data", "artifactType", "platform"];
const PLATFORM_MEMBERS: &[&str] = &["architecture", "os", "os.version", "os.features", "variant"];

/// Some readers ignore case, take `Layers` for `layers`, and would see another image, unless both are empty.
fn check_spelling(value: &Value) -> Result<()> {
    if let Some(key) = misspelt(value, &MEMBERS) {
        return Err(invalid(format!("the manifest's member '{}' has the wrong case", shorten(key))));
    }
    let single = ["config", "subject"].into_iter().filter_map(|name| value.get(name));
    let lists = ["layers", "blobs", "manifests"].into_iter().filter_map(|name| value.get(name)?.as_array()).flatten();
    for descriptor in single.chain(lists) {
        let of_platform = descriptor.get("platform").and_then(|platform| misspelt(platform, PLATFORM_MEMBERS));
        if let Some(key) = misspelt(descriptor, DESCRIPTOR_MEMBERS).or(of_platform) {
            return Err(invalid(format!(
                "the member '{}' of a descriptor of the manifest has the wrong case",
                shorten(key)
            )));
        }
    }
    Ok(())
}

/// A member of an object that is one of these but for its case.
fn misspelt<'a>(object: &'a Value, members: &[&str]) -> Option<&'a str> {
    let is_nothing = |member: &str| object.get(member).is_none_or(Value::is_null);
    let odd = |(key, found): &(&String, &Value)| {
        let mut members = members.iter().filter(|member| *member != key && member.eq_ignore_ascii_case(key));
        members.any(|member| !(found.is_null() && is_nothing(member)))
    };
    object.as_object()?.iter().find(odd).map(|(key, _)| key.as_str())
}

fn built_image(value: &Value) -> &'static str {
    match value.pointer("/config/mediaType").and_then(Value::as_str) {
        Some(types::DOCKER_CONFIG) => types::DOCKER_MANIFEST,
        _ => types::OCI_MANIFEST,
    }
}
