//! Docker's `manifest.json` in an archive whose files are named as those of a layout. No I/O.

use serde::Deserialize;
use serde_json::{json, Value};

use super::saved_images::{blob_file, MOST_IMAGES};
use crate::error::{Code, Error, Result};
use crate::layout::names::same_image;
use crate::layout::reachable_blobs::ImageBlobs;
use crate::text::shorten;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EntryFiles {
    config: String,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Value>> {
    let bad = |why: &dyn std::fmt::Display| Error::new(Code::InvalidManifest, format!("manifest.json {why}"));
    match crate::json::parse(bytes).map_err(|error| bad(&error.verdict()))? {
        Value::Array(list) if list.len() > MOST_IMAGES => Err(bad(&format!("has more than {MOST_IMAGES} images"))),
        Value::Array(list) => Ok(list),
        _ => Err(bad(&"is not a list")),
    }
}

/// The image that an entry of the list describes.
pub(super) fn image(entry: &Value) -> Result<ImageBlobs> {
    let files = EntryFiles::deserialize(entry)
        .map_err(|error| Error::new(Code::InvalidManifest, format!("manifest.json: {error}")))?;
    let digest = |file: &String| {
        let named = file.strip_prefix("blobs/").and_then(|name| name.replacen('/', ":", 1).parse().ok());
        let message = || format!("manifest.json names '{}', which is not a blob of a layout", shorten(file));
        named.ok_or_else(|| Error::new(Code::Unsupported, message()))
    };
    let layers = files.layers.unwrap_or_default().iter().map(digest).collect::<Result<_>>()?;
    Ok(ImageBlobs { config: digest(&files.config)?, layers })
}

/// Whether an image of the list has a name.
pub(super) fn has_name(list: &[Value], name: &str) -> bool {
    let tags = list.iter().filter_map(|entry| entry.get("RepoTags")?.as_array()).flatten();
    tags.filter_map(Value::as_str).any(|tag| same_image(tag, name))
}

/// Takes a name from all images but these. One that has no other name is removed.
pub(super) fn leave_to(list: &mut Vec<Value>, name: &str, images: &[ImageBlobs]) {
    let may_have = |entry: &Value| image(entry).is_ok_and(|image| images.contains(&image));
    list.retain_mut(|entry| may_have(entry) || take(entry, name));
}

/// Takes a name from an image; false if that was its last.
fn take(entry: &mut Value, name: &str) -> bool {
    let Some(Value::Array(tags)) = entry.get_mut("RepoTags") else { return true };
    let before = tags.len();
    tags.retain(|tag| !tag.as_str().is_some_and(|tag| same_image(tag, name)));
    !tags.is_empty() || before == 0
}

/// Adds an image. Its name is taken from the image that had it.
pub(super) fn add(list: &mut Vec<Value>, new: &ImageBlobs, name: Option<&str>) {
    if let Some(name) = name {
        leave_to(list, name, &[]);
    }
    let there = list.iter_mut().find(|entry| image(entry).is_ok_and(|image| image == *new));
    match (there, name) {
        (Some(entry), Some(name)) => match entry.get_mut("RepoTags") {
            Some(Value::Array(tags)) => tags.push(name.into()),
            _ => entry["RepoTags"] = json!([name]),
        },
        (Some(_), None) => {}
        (None, _) => {
            let layers: Vec<String> = new.layers.iter().map(blob_file).collect();
            let tags: Vec<&str> = name.into_iter().collect();
            list.push(json!({"Config": blob_file(&new.config), "RepoTags": tags, "Layers": layers}));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;

    fn made(name: &str) -> ImageBlobs {
        let digest = |text: String| Algorithm::Sha256.digest(text.as_bytes());
        ImageBlobs {
            config: digest(name.to_owned()),
            layers: vec![digest(format!("{name}1")), digest(format!("{name}2"))],
        }
    }

    #[test]
    fn images_and_names_come_together() {
        let mut list = Vec::new();
        let tags =
            |list: &[Value]| list.iter().map(|entry| entry["RepoTags"].to_string()).collect::<Vec<_>>().join(" ");
        for (image, name, wanted) in [
            ("a", Some("x/y:1"), r#"["x/y:1"]"#),
            ("b", Some("x/y:2"), r#"["x/y:1"] ["x/y:2"]"#),
            ("a", Some("z:1"), r#"["x/y:1","z:1"] ["x/y:2"]"#),
            ("c", Some("docker.io/x/y:1"), r#"["z:1"] ["x/y:2"] ["docker.io/x/y:1"]"#),
            ("a", Some("x/y:2"), r#"["z:1","x/y:2"] ["docker.io/x/y:1"]"#),
            ("d", None, r#"["z:1","x/y:2"] ["docker.io/x/y:1"] []"#),
            ("d", None, r#"["z:1","x/y:2"] ["docker.io/x/y:1"] []"#),
            ("d", Some("z:1"), r#"["x/y:2"] ["docker.io/x/y:1"] ["z:1"]"#),
        ] {
            add(&mut list, &made(image), name);
            assert_eq!(tags(&list), wanted);
        }
        leave_to(&mut list, "z:1", &[made("d")]);
        leave_to(&mut list, "x/y:2", &[made("d")]);
        assert_eq!(tags(&list), r#"["docker.io/x/y:1"] ["z:1"]"#);
        assert_eq!(image(&list[0]).unwrap(), made("c"));
        assert!(image(&json!({"Config": "x.json", "Layers": []})).is_err());
        assert!(image(&json!({"Config": "blobs/sha256/../x", "Layers": null})).is_err());
    }
}
