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
    let has = |key: &str| value.get(key).is_some_and(|member| !member.is_null());
    check_spelling(value)?;
    let image = has("layers") || has("config");
    if has("manifests") && image || has("fsLayers") && (image || has("manifests")) {
        return Err(invalid("the manifest is ambiguous: it has members of more than one of index, image and schema 1"));
    }
    let named = match value.get("mediaType") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(types::essence(name)).filter(|name| !name.is_empty()),
        Some(_) => return Err(invalid("the mediaType is not a string")),
    };
    let served = content_type.map(types::essence).filter(|served| {
        !matches!(
            served.as_str(),
            "" | "application/json" | "text/plain" | "application/octet-stream" | "binary/octet-stream"
        )
    });
    if let (Some(named), Some(served)) = (&named, &served) {
        let both_schema1 = types::is_schema1(named) && types::is_schema1(served);
        if named != served && !both_schema1 {
            return Err(invalid(format!(
                "the manifest says it is {}, but it was served as {}",
                shorten(named),
                shorten(served)
            )));
        }
    }
    let version = value.get("schemaVersion").and_then(Value::as_u64);
    let built = match version {
        Some(1) if schema1::is_signed(value) => types::SCHEMA1_SIGNED,
        Some(1) => types::SCHEMA1,
        _ if has("manifests") => types::OCI_INDEX,
        _ if has("blobs") && !has("layers") => types::OCI_ARTIFACT,
        Some(2) if has("config") || has("layers") => built_image(value),
        _ if value.get("manifests").is_some() && !image => types::OCI_INDEX,
        _ => "",
    };
    let says_what_it_is = named.is_some() || version == Some(2);
    let chosen = named.or(served).unwrap_or_else(|| built.to_owned());
    if chosen.is_empty() {
        return Err(invalid("the manifest has neither a media type nor members that identify one"));
    }
    let same_kind =
        types::is_index(&chosen) == types::is_index(built) && types::is_schema1(&chosen) == types::is_schema1(built);
    // An empty artifact manifest or index has no identifying member.
    let is_bare = built.is_empty() && (types::is_image(&chosen) || types::is_index(&chosen) && says_what_it_is);
    if !(same_kind || is_bare) {
        return Err(invalid(format!("the manifest says it is {}, but is not built like one", shorten(&chosen))));
    }
    if chosen == types::OCI_ARTIFACT && image {
        return Err(invalid("the manifest is ambiguous: it has members of both an artifact manifest and an image"));
    }
    let schema_version = if types::is_schema1(&chosen) { 1 } else { 2 };
    if has("schemaVersion") && version != Some(schema_version) {
        let message =
            format!("the schemaVersion of the manifest is not {schema_version}, as required for {}", shorten(&chosen));
        return Err(invalid(message));
    }
    Ok(if types::is_schema1(&chosen) { built.to_owned() } else { chosen })
}

/// Some readers ignore case, take `Layers` for `layers`, and would see another image, unless both are empty.
fn check_spelling(value: &Value) -> Result<()> {
    let is_nothing = |member: &str| value.get(member).is_none_or(Value::is_null);
    let odd = |(key, found): &(&String, &Value)| {
        let mut members = MEMBERS.iter().filter(|member| *member != key && member.eq_ignore_ascii_case(key));
        members.any(|member| !(found.is_null() && is_nothing(member)))
    };
    match value.as_object().and_then(|members| members.iter().find(odd)) {
        Some((key, _)) => Err(invalid(format!("the manifest's member '{}' has the wrong case", shorten(key)))),
        None => Ok(()),
    }
}

fn built_image(value: &Value) -> &'static str {
    match value.pointer("/config/mediaType").and_then(Value::as_str) {
        Some(types::DOCKER_CONFIG) => types::DOCKER_MANIFEST,
        _ => types::OCI_MANIFEST,
    }
}
