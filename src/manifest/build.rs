//! Making a manifest or an index from descriptors (OCI image-spec manifest.md, image-index.md), so that no caller has to write one by
//! joining strings. What is left out is filled in, what cannot be is refused, and the members come in the order in which Go's
//! programs write them: for the same content the same bytes, and the same digest.

use serde_json::{Map, Value};

use super::Document;
use crate::descriptor::{invalid, Descriptor};
use crate::digest::Algorithm;
use crate::error::{Code, Error, Result};
use crate::json;
use crate::media_type as types;
use crate::text::shorten;

/// What a manifest may consist of, in the order in which it is written.
const MANIFEST: [&str; 7] = ["mediaType", "artifactType", "config", "layers", "manifests", "subject", "annotations"];
const DESCRIPTOR: [&str; 8] =
    ["mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType"];
const PLATFORM: [&str; 5] = ["architecture", "os", "os.version", "os.features", "variant"];
/// Docker's own kinds have none of these.
const OCI_ONLY: [&str; 3] = ["artifactType", "subject", "annotations"];

/// A manifest that was made, and what it is.
#[derive(Debug)]
pub(crate) struct BuiltManifest {
    /// Its exact bytes.
    pub(crate) bytes: Vec<u8>,
    /// The JSON document, with digest and size.
    pub(crate) document: Document,
}

/// Makes a manifest of its parts: a JSON object with the members of a manifest or an index. `algorithm` is for its own digest.
pub(crate) fn build(parts: &[u8], algorithm: Algorithm) -> Result<BuiltManifest> {
    build_as(parts, algorithm, false)
}

/// The same; one as of the image specification 1.0, which has no empty descriptors, may have no layers.
pub(crate) fn build_as(parts: &[u8], algorithm: Algorithm, is_old: bool) -> Result<BuiltManifest> {
    let mut given = match json::parse(parts) {
        Ok(Value::Object(given)) => given,
        Ok(_) => return Err(argument("the parts of the manifest are not a JSON object")),
        Err(error) => return Err(argument(format!("the given manifest {}", error.verdict()))),
    };
    check_version(given.remove("schemaVersion").unwrap_or_default())?;
    let mut parts = ordered(given, &MANIFEST, "the manifest")?;
    let media_type = media_type_of(&parts)?;
    parts.insert("mediaType".to_owned(), media_type.as_str().into());
    refuse_for_docker(&parts, &media_type)?;
    match types::is_index(&media_type) {
        true => check_kinds(&parts, &media_type)?,
        false => complete_image(&mut parts, &media_type, is_old)?,
    }
    settle_descriptors(&mut parts)?;
    if let Some(annotations) = parts.get_mut("annotations") {
        settle_annotations(annotations, "the manifest")?;
    }
    let whole = ordered_whole(parts);
    let bytes = written_like_go(&whole)?;
    if bytes.len() as u64 > super::MOST_BYTES {
        let message = format!("the manifest would have {} bytes, more than {}", bytes.len(), super::MOST_BYTES);
        return Err(Error::new(Code::LimitExceeded, message));
    }
    let document = Document::parse(&bytes, Some(&media_type), algorithm)?;
    Ok(BuiltManifest { bytes, document })
}

/// A manifest that exists has one, which is the same in all that can be made.
fn check_version(version: Value) -> Result<()> {
    match version.is_null() || version.as_u64() == Some(2) {
        true => Ok(()),
        false => {
            let shown = shorten(&version.to_string());
            Err(invalid(format!(
                "the schemaVersion of the manifest is {shown}: only manifests of version 2 can be built"
            )))
        }
    }
}

/// The type that is given, or the one that follows from the members.
fn media_type_of(parts: &Map<String, Value>) -> Result<String> {
    let lists = parts.contains_key("manifests");
    if lists && (parts.contains_key("config") || parts.contains_key("layers")) {
        return Err(invalid(
            "a manifest has either manifests, as an index does, or a config and layers, as an image does",
        ));
    }
    let usual = if lists { types::OCI_INDEX } else { types::OCI_MANIFEST };
    let media_type = text_of(parts, "mediaType")?.unwrap_or(usual);
    match media_type {
        types::OCI_MANIFEST | types::DOCKER_MANIFEST if lists => {
            Err(invalid(format!("{media_type} is the type of an image, which has no manifests")))
        }
        types::OCI_INDEX | types::DOCKER_LIST if !lists => Err(invalid(format!(
            "{media_type} is the type of an index: it needs \"manifests\", which may be an empty list"
        ))),
        types::OCI_MANIFEST | types::DOCKER_MANIFEST | types::OCI_INDEX | types::DOCKER_LIST => {
            Ok(media_type.to_owned())
        }
        other => Err(invalid(format!("a manifest of the type '{}' cannot be built", shorten(other)))),
    }
}

/// Whether the entries of an index are of kinds that it can have.
pub(super) fn check_kinds(parts: &Map<String, Value>, media_type: &str) -> Result<()> {
    for (at, entry) in parts.get("manifests").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let kind = entry.get("mediaType").and_then(Value::as_str).unwrap_or_default();
        if media_type == types::DOCKER_LIST && !matches!(kind, types::DOCKER_MANIFEST | types::DOCKER_LIST) {
            let message = format!(
                "the manifest's manifests[{at}] is a {}, which a Docker manifest list cannot have",
                shorten(kind)
            );
            return Err(invalid(message));
        }
    }
    Ok(())
}

/// An artifact without a config or without layers has the empty descriptor instead of them (manifest.md, "Guidelines for Artifact Usage").
/// An image without layers has none: each has to be one of those that its config names.
fn complete_image(parts: &mut Map<String, Value>, media_type: &str, is_old: bool) -> Result<()> {
    let artifact = text_of(parts, "artifactType")?.is_some_and(|name| !name.is_empty());
    if media_type == types::DOCKER_MANIFEST && !parts.contains_key("config") {
        return Err(invalid("a Docker image manifest needs a config"));
    }
    let is_given = parts.contains_key("config");
    let config = parts.entry("config").or_insert_with(empty);
    let config_type = config.get("mediaType").and_then(Value::as_str).unwrap_or_default();
    let (is_empty, is_image) = (config_type == types::OCI_EMPTY, types::is_image_config(config_type));
    if is_empty && !artifact {
        let which = if is_given { "with the empty config" } else { "without a config" };
        return Err(invalid(format!("a manifest {which} needs an artifactType")));
    }
    let none = parts.get("layers").is_none_or(|layers| layers.as_array().is_some_and(Vec::is_empty));
    if none {
        let has_empty = media_type == types::OCI_MANIFEST && !is_image && !is_old;
        let layers = if has_empty { vec![empty()] } else { Vec::new() };
        parts.insert("layers".to_owned(), layers.into());
    }
    Ok(())
}

pub(super) fn refuse_for_docker(parts: &Map<String, Value>, media_type: &str) -> Result<()> {
    let docker = matches!(media_type, types::DOCKER_MANIFEST | types::DOCKER_LIST);
    match OCI_ONLY.iter().find(|member| docker && parts.contains_key(**member)) {
        Some(member) => Err(invalid(format!("a manifest of the type {media_type} has no {member}"))),
        None => Ok(()),
    }
}

/// The empty descriptor, with its content.
fn empty() -> Value {
    let digest = Algorithm::Sha256.digest(b"{}");
    serde_json::json!({"mediaType": types::OCI_EMPTY, "digest": digest, "size": 2, "data": "e30="})
}

/// Checks every descriptor, and puts its members in order.
fn settle_descriptors(parts: &mut Map<String, Value>) -> Result<()> {
    for member in ["config", "subject"] {
        if let Some(one) = parts.get_mut(member) {
            settle(one, member)?;
        }
    }
    for member in ["layers", "manifests"] {
        let Some(list) = parts.get_mut(member) else { continue };
        let Value::Array(list) = list else { return Err(invalid(format!("the manifest's {member} is not a list"))) };
        for (at, one) in list.iter_mut().enumerate() {
            settle(one, &format!("{member}[{at}]"))?;
        }
    }
    match text_of(parts, "artifactType")? {
        Some(name) => check_media_type(name, "the manifest's artifactType"),
        None => Ok(()),
    }
}

pub(super) fn settle(value: &mut Value, member: &str) -> Result<()> {
    let what = format!("the manifest's {member}");
    let Value::Object(given) = value else { return Err(invalid(format!("{what} is not a descriptor"))) };
    let mut ordered = ordered(std::mem::take(given), &DESCRIPTOR, &what)?;
    for name in ["mediaType", "artifactType"] {
        if let Some(text) = text_of(&ordered, name)? {
            check_media_type(text, &format!("{what}: its {name}"))?;
        }
    }
    if !ordered.contains_key("mediaType") {
        return Err(invalid(format!("{what} has no mediaType")));
    }
    if let Some(annotations) = ordered.get_mut("annotations") {
        settle_annotations(annotations, &what)?;
    }
    if let Some(platform) = ordered.get_mut("platform") {
        settle_platform(platform, &what)?;
    }
    *value = ordered.into();
    Descriptor::read(value, member).map(drop)
}

fn settle_platform(value: &mut Value, what: &str) -> Result<()> {
    let what = format!("{what}: its platform");
    let Value::Object(given) = value else { return Err(invalid(format!("{what} is not an object"))) };
    let ordered = ordered(std::mem::take(given), &PLATFORM, &what)?;
    for name in ["os", "architecture"] {
        if text_of(&ordered, name)?.is_none_or(str::is_empty) {
            return Err(invalid(format!("{what} has no {name}")));
        }
    }
    *value = ordered.into();
    Ok(())
}

/// Annotations are texts; they are written in the order of their names, as Go writes a map.
fn settle_annotations(value: &mut Value, what: &str) -> Result<()> {
    let Value::Object(given) = value else {
        return Err(invalid(format!("the annotations of {what} are not an object")));
    };
    if let Some((name, _)) = given.iter().find(|(name, text)| name.is_empty() || !text.is_string()) {
        return Err(invalid(format!("the annotation '{}' of {what} is not a string with a name", shorten(name))));
    }
    given.sort_keys();
    Ok(())
}

/// Known members only, in this order and without those that are null.
fn ordered(given: Map<String, Value>, members: &[&str], what: &str) -> Result<Map<String, Value>> {
    if let Some(name) = given.keys().find(|name| !members.contains(&name.as_str())) {
        return Err(invalid(format!("{what} has no member \"{}\": it has {}", shorten(name), members.join(", "))));
    }
    let mut given = given;
    let present = members.iter().filter_map(|name| Some(((*name).to_owned(), given.remove(*name)?)));
    Ok(present.filter(|(_, value)| !value.is_null()).collect())
}

fn ordered_whole(mut parts: Map<String, Value>) -> Value {
    let mut whole = Map::new();
    whole.insert("schemaVersion".to_owned(), 2.into());
    whole.extend(MANIFEST.iter().filter_map(|name| Some(((*name).to_owned(), parts.remove(*name)?))));
    whole.into()
}

fn text_of<'a>(object: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>> {
    match object.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(invalid(format!("{name} is not a string"))),
    }
}

/// RFC 6838, section 4.2.
pub(crate) fn check_media_type(name: &str, what: &str) -> Result<()> {
    let restricted = |part: &str| {
        let mut bytes = part.bytes();
        part.len() <= 127
            && bytes.next().is_some_and(|first| first.is_ascii_alphanumeric())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    match name.split_once('/') {
        Some((kind, sort)) if restricted(kind) && restricted(sort) => Ok(()),
        _ => Err(invalid(format!("{what} '{}' is not a media type, TYPE/SUBTYPE", shorten(name)))),
    }
}

/// Go's encoder escapes what could end a script in HTML, and the line ends of Unicode.
pub(super) fn written_like_go(value: &Value) -> Result<Vec<u8>> {
    let text = serde_json::to_string(value).map_err(|error| Error::new(Code::Internal, error.to_string()))?;
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // Outside of strings there are none of these.
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => bytes.extend(format!("\\u{:04x}", u32::from(c)).bytes()),
            _ => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    Ok(bytes)
}

fn argument(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;

    const LAYER: &str = r#"{"size":3,"digest":"sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
        "mediaType":"text/plain","annotations":{"org.opencontainers.image.title":"a<b","a":"1"}}"#;

    fn text(parts: &str) -> String {
        String::from_utf8(build(parts.as_bytes(), Algorithm::Sha256).unwrap().bytes).unwrap()
    }

    fn refused(parts: &str) -> String {
        build(parts.as_bytes(), Algorithm::Sha256).unwrap_err().message().to_owned()
    }

    #[test]
    fn an_artifact_is_as_oras_writes_it() {
        let made = text(&format!(
            r#"{{"layers":[{LAYER}],"artifactType":"application/vnd.example","annotations":{{"b":"2","a":"1"}}}}"#
        ));
        let expected = concat!(
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/vnd.example","#,
            r#""config":{"mediaType":"application/vnd.oci.empty.v1+json","#,
            r#""digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2,"data":"e30="},"#,
            r#""layers":[{"mediaType":"text/plain","digest":"sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae","#,
            r#""size":3,"annotations":{"a":"1","org.opencontainers.image.title":"a\u003cb"}}],"annotations":{"a":"1","b":"2"}}"#
        );
        assert_eq!(made, expected);
    }

    #[test]
    fn what_is_left_out_follows_from_the_rest() {
        let kind = |parts: &str| build(parts.as_bytes(), Algorithm::Sha256).unwrap().document.kind;
        assert_eq!(kind(r#"{"artifactType":"a/b"}"#), Kind::Artifact);
        assert_eq!(kind(r#"{"manifests":[]}"#), Kind::Index);
        assert!(
            text(r#"{"artifactType":"a/b"}"#).contains(r#""layers":[{"mediaType":"application/vnd.oci.empty.v1+json""#)
        );
        assert!(text(r#"{"manifests":[],"subject":null}"#).ends_with(r#""manifests":[]}"#));
    }

    #[test]
    fn an_image_without_layers_has_none() {
        let config = |media_type: &str| {
            let hex = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
            format!(r#""config":{{"mediaType":"{media_type}","digest":"sha256:{hex}","size":2}}"#)
        };
        for media_type in [types::OCI_CONFIG, types::DOCKER_CONFIG] {
            for layers in ["", r#","layers":[]"#, r#","layers":null"#] {
                let made = text(&format!("{{{}{layers}}}", config(media_type)));
                assert!(made.ends_with(r#""layers":[]}"#), "{made}");
            }
        }
        assert!(
            text(&format!("{{{}}}", config("a/b"))).contains(r#""layers":[{"mediaType":"application/vnd.oci.empty"#)
        );
    }

    #[test]
    fn a_manifest_that_exists_can_be_given() {
        let made = text(r#"{"artifactType":"a/b"}"#);
        assert_eq!(text(&made), made);
        assert_eq!(text(r#"{"schemaVersion":null,"artifactType":"a/b"}"#), made);
        for version in ["1", "3", "2.5", "\"2\"", "-2", "[]"] {
            let why = refused(&format!(r#"{{"schemaVersion":{version},"artifactType":"a/b"}}"#));
            assert!(why.contains("version 2 can be built") && why.contains(version), "{why}");
        }
    }

    #[test]
    fn what_no_reader_would_take_is_refused() {
        let layer = |change: &str| {
            format!(r#"{{"artifactType":"a/b","layers":[{}]}}"#, LAYER.replacen("\"size\":3", change, 1))
        };
        for (parts, why) in [
            ("[]".to_owned(), "not a JSON object"),
            ("{".to_owned(), "not valid JSON"),
            ("{}".to_owned(), "a manifest without a config needs an artifactType"),
            (
                r#"{"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}}"#.to_owned(),
                "a manifest with the empty config needs an artifactType",
            ),
            (r#"{"layer":[]}"#.to_owned(), "no member \"layer\""),
            (r#"{"manifests":[],"config":{}}"#.to_owned(), "either manifests"),
            (r#"{"artifactType":"nonsense"}"#.to_owned(), "not a media type"),
            (r#"{"artifactType":"a/b","annotations":{"a":1}}"#.to_owned(), "annotation 'a'"),
            (r#"{"mediaType":"application/vnd.docker.distribution.manifest.list.v2+json","manifests":[],"annotations":{}}"#.to_owned(), "no annotations"),
            (r#"{"mediaType":"text/html","artifactType":"a/b"}"#.to_owned(), "cannot be built"),
            (r#"{"a":1,"a":2}"#.to_owned(), "twice"),
            (layer("\"size\":-1"), "layers[0]"),
            (layer("\"size\":3,\"data\":\"e30=\""), "different digest or size"),
            (layer("\"size\":3,\"sise\":3"), "no member \"sise\""),
            (layer("\"size\":3,\"platform\":{\"os\":\"linux\"}"), "no architecture"),
        ] {
            assert!(refused(&parts).contains(why), "{parts}: {}", refused(&parts));
        }
    }
}
