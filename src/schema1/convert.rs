//! An OCI image made from one of version 1 (OCI image-spec config.md, manifest.md): the history is in the old images;
//! the caller, which has the layers, provides their descriptors and diff_ids.

use serde_json::{json, Map, Value};

use super::manifest::{check_chain, invalid, HistoryEntry};
use crate::descriptor::Descriptor;
use crate::digest::{Algorithm, Digest};
use crate::error::{Code, Error, Result};
use crate::media_type;

/// Members of the topmost v1 image that the new config keeps.
const CARRIED: [&str; 8] =
    ["created", "author", "architecture", "variant", "os", "os.version", "os.features", "config"];

/// A layer with files.
#[derive(Debug, Clone)]
pub(crate) struct ConvertedLayer {
    /// The digest of the uncompressed tar archive.
    pub(crate) diff_id: Digest,
    /// The descriptor of the blob.
    pub(crate) descriptor: Descriptor,
}

/// The two documents of an image.
#[derive(Debug, Clone)]
pub(crate) struct OciImage {
    /// The config's bytes.
    pub(crate) config: Vec<u8>,
    /// The manifest's bytes; it names the config.
    pub(crate) manifest: Vec<u8>,
}

/// Makes an image from a history, topmost first, and the layers of all entries that are not throwaway, the base layer
/// first. `architecture` is for images that do not give theirs.
pub(crate) fn to_oci(
    history: &[HistoryEntry],
    architecture: Option<&str>,
    layers: &[ConvertedLayer],
) -> Result<OciImage> {
    check_chain(history)?;
    let top = history.first().ok_or_else(|| invalid("it has no history"))?;
    let filled = history.iter().filter(|entry| !entry.throwaway).count();
    if filled != layers.len() {
        let message = format!("the history has {filled} layers with files, but {} were given", layers.len());
        return Err(Error::new(Code::InvalidArgument, message));
    }
    let config = serialize(&config(top, history, architecture, layers))?;
    let manifest = serialize(&json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "config": {
            "mediaType": media_type::OCI_CONFIG,
            "digest": Algorithm::Sha256.digest(&config),
            "size": config.len(),
        },
        "layers": layers.iter().map(|layer| &layer.descriptor).collect::<Vec<_>>(),
    }))?;
    Ok(OciImage { config, manifest })
}

fn config(
    top: &HistoryEntry,
    history: &[HistoryEntry],
    architecture: Option<&str>,
    layers: &[ConvertedLayer],
) -> Value {
    let mut config = Map::new();
    for key in CARRIED {
        if let Some(member) = top.image.get(key).filter(|member| !member.is_null()) {
            config.insert(key.to_owned(), member.clone());
        }
    }
    let empty =
        |config: &Map<String, Value>, key: &str| config.get(key).and_then(Value::as_str).is_none_or(str::is_empty);
    // Both are required. Version-1 images were for Linux unless they said otherwise.
    if empty(&config, "architecture") {
        config.insert("architecture".to_owned(), architecture.unwrap_or("amd64").into());
    }
    if empty(&config, "os") {
        config.insert("os".to_owned(), "linux".into());
    }
    let ids: Vec<&Digest> = layers.iter().map(|layer| &layer.diff_id).collect();
    config.insert("rootfs".to_owned(), json!({"type": "layers", "diff_ids": ids}));
    config.insert("history".to_owned(), history.iter().rev().map(step).collect());
    Value::Object(config)
}

/// A v1 image as an entry of the new history.
fn step(entry: &HistoryEntry) -> Value {
    let mut step = Map::new();
    let mut carry = |key: &str, text: Option<&str>| {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            step.insert(key.to_owned(), text.into());
        }
    };
    let text = |key: &str| entry.image.get(key).and_then(Value::as_str);
    let command = entry.image.get("container_config").and_then(|config| config.get("Cmd")).and_then(Value::as_array);
    let words = command.map(|words| words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "));
    carry("created", text("created"));
    carry("created_by", words.as_deref());
    carry("author", text("author"));
    carry("comment", text("comment"));
    if entry.throwaway {
        step.insert("empty_layer".to_owned(), true.into());
    }
    Value::Object(step)
}

fn serialize(value: &Value) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Error::new(Code::Internal, format!("cannot be written as JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Document;

    fn image(id: char, parent: Option<char>, more: Value) -> HistoryEntry {
        let mut image = more;
        image["id"] = id.to_string().repeat(64).into();
        if let Some(parent) = parent {
            image["parent"] = parent.to_string().repeat(64).into();
        }
        HistoryEntry::parse(image.to_string().as_bytes()).unwrap()
    }

    fn history() -> Vec<HistoryEntry> {
        vec![
            image(
                'c',
                Some('b'),
                json!({"created": "2016-01-03T00:00:00Z", "author": "me", "architecture": "arm", "variant": "v7", "os": "linux",
                    "config": {"Cmd": ["/bin/sh"], "Env": ["A=1"]}, "container_config": {"Cmd": ["/bin/sh", "-c", "#(nop) CMD"]},
                    "throwaway": true, "Size": 0, "docker_version": "1.9"}),
            ),
            image(
                'b',
                Some('a'),
                json!({"created": "2016-01-02T00:00:00Z", "comment": "middle", "config": {"Cmd": ["no"]}}),
            ),
            image('a', None, json!({"created": "2016-01-01T00:00:00Z", "container_config": {"Cmd": null}})),
        ]
    }

    fn layer(number: u8) -> ConvertedLayer {
        let (inside, blob) = ([number; 3], [number; 2]);
        let descriptor =
            json!({"mediaType": media_type::OCI_LAYER, "digest": Algorithm::Sha256.digest(&blob), "size": 2});
        ConvertedLayer {
            diff_id: Algorithm::Sha256.digest(&inside),
            descriptor: serde_json::from_value(descriptor).unwrap(),
        }
    }

    #[test]
    fn an_image_of_today() {
        let layers = [layer(1), layer(2)];
        let made = to_oci(&history(), Some("amd64"), &layers).unwrap();
        let config: Value = serde_json::from_slice(&made.config).unwrap();
        assert_eq!(
            config,
            json!({
                "created": "2016-01-03T00:00:00Z", "author": "me", "architecture": "arm", "variant": "v7", "os": "linux",
                "config": {"Cmd": ["/bin/sh"], "Env": ["A=1"]},
                "rootfs": {"type": "layers", "diff_ids": [layers[0].diff_id, layers[1].diff_id]},
                "history": [
                    {"created": "2016-01-01T00:00:00Z"},
                    {"created": "2016-01-02T00:00:00Z", "comment": "middle"},
                    {"created": "2016-01-03T00:00:00Z", "created_by": "/bin/sh -c #(nop) CMD", "author": "me", "empty_layer": true},
                ],
            })
        );
        let document = Document::parse(&made.manifest, Some(media_type::OCI_MANIFEST), Algorithm::Sha256).unwrap();
        assert_eq!(document.config().unwrap().digest, Algorithm::Sha256.digest(&made.config));
        assert_eq!(document.config().unwrap().size, made.config.len() as u64);
        assert_eq!(document.layers(), [layers[0].descriptor.clone(), layers[1].descriptor.clone()]);
        // Equal images give equal bytes.
        assert_eq!(to_oci(&history(), Some("amd64"), &layers).unwrap().manifest, made.manifest);
    }

    #[test]
    fn what_is_required_is_there() {
        let bare = [image('a', None, json!({"architecture": "", "author": null}))];
        for (given, wanted) in [(Some("s390x"), "s390x"), (None, "amd64")] {
            let made = to_oci(&bare, given, &[layer(1)]).unwrap();
            let config: Value = serde_json::from_slice(&made.config).unwrap();
            assert_eq!((&config["architecture"], &config["os"]), (&json!(wanted), &json!("linux")));
            assert!(config.get("author").is_none() && config.get("created").is_none());
        }
    }

    #[test]
    fn as_many_layers_as_the_history_has() {
        for layers in [vec![], vec![layer(1)], vec![layer(1), layer(2), layer(3)]] {
            assert_eq!(to_oci(&history(), None, &layers).unwrap_err().code(), Code::InvalidArgument);
        }
        assert_eq!(to_oci(&[], None, &[]).unwrap_err().code(), Code::InvalidManifest);
        assert_eq!(to_oci(&history()[..2], None, &[layer(1)]).unwrap_err().code(), Code::InvalidManifest);
    }
}
