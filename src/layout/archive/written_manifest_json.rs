//! Docker's `manifest.json` in an archive whose files are named as those of a layout. No I/O.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{json, Value};

use super::saved_images::{blob_file, MOST_IMAGES};
use crate::error::{Code, Error, Result};
use crate::layout::index::canonical as full_name;
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

/// The names of an image of the list.
pub(super) fn names(entry: &Value) -> impl Iterator<Item = &str> {
    entry.get("RepoTags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Whether an image of the list has a name.
pub(super) fn has_name(list: &[Value], name: &str) -> bool {
    list.iter().flat_map(names).any(|tag| same_image(tag, name))
}

/// Takes each of these names, spelled out in full, from all images but its own. An image that has no other name is removed.
pub(super) fn leave_to(list: &mut Vec<Value>, names: &BTreeMap<String, Vec<ImageBlobs>>) {
    list.retain_mut(|entry| {
        let itself = image(entry).ok();
        let Some(Value::Array(tags)) = entry.get_mut("RepoTags") else { return true };
        let before = tags.len();
        tags.retain(|tag| match tag.as_str().and_then(|tag| names.get(&full_name(tag))) {
            Some(images) => itself.as_ref().is_some_and(|itself| images.contains(itself)),
            None => true,
        });
        !tags.is_empty() || before == 0
    });
}

/// Adds images, one after the other. A name is taken from the image that had it.
pub(super) fn add(list: &mut Vec<Value>, new: &[(ImageBlobs, Option<String>)]) {
    let named = new.iter().enumerate().filter_map(|(at, (_, name))| Some((full_name(name.as_ref()?), at)));
    let last: BTreeMap<String, usize> = named.collect();
    leave_to(list, &last.keys().map(|name| (name.clone(), Vec::new())).collect());
    let there = list.iter().enumerate().filter_map(|(at, entry)| Some((image(entry).ok()?, at)));
    let mut there: BTreeMap<ImageBlobs, usize> = there.collect();
    for (at, (image, name)) in new.iter().enumerate() {
        let is_last = |name: &&String| last.get(&full_name(name)) == Some(&at);
        // A later one has its name.
        let (is_lost, name) = (name.as_ref().is_some_and(|name| !is_last(&name)), name.as_ref().filter(is_last));
        match (there.get(image).and_then(|at| list.get_mut(*at)), name) {
            (Some(entry), Some(name)) => match entry.get_mut("RepoTags") {
                Some(Value::Array(tags)) => tags.push(name.as_str().into()),
                _ => entry["RepoTags"] = json!([name]),
            },
            (None, _) if !is_lost => {
                let layers: Vec<String> = image.layers.iter().map(blob_file).collect();
                let tags: Vec<&String> = name.into_iter().collect();
                there.insert(image.clone(), list.len());
                list.push(json!({"Config": blob_file(&image.config), "RepoTags": tags, "Layers": layers}));
            }
            _ => {}
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
    fn many_come_as_one_by_one() {
        let all = [
            ("a", Some("x/y:1")),
            ("b", Some("x/y:2")),
            ("a", Some("z:1")),
            ("c", Some("docker.io/x/y:1")),
            ("d", None),
            ("a", Some("x/y:2")),
            ("e", Some("w:1")),
            ("d", Some("w:1")),
        ];
        let all = all.map(|(image, name)| (made(image), name.map(str::to_owned)));
        for from in 0..all.len() {
            let (mut one_by_one, mut at_once) = (Vec::new(), Vec::new());
            all.iter().for_each(|one| add(&mut one_by_one, std::slice::from_ref(one)));
            all[..from].iter().for_each(|one| add(&mut at_once, std::slice::from_ref(one)));
            add(&mut at_once, &all[from..]);
            let sorted = |mut list: Vec<Value>| {
                list.sort_by_key(Value::to_string);
                list
            };
            assert_eq!(sorted(one_by_one), sorted(at_once), "from {from} on");
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
            add(&mut list, &[(made(image), name.map(str::to_owned))]);
            assert_eq!(tags(&list), wanted);
        }
        let own = |name: &str| (full_name(name), vec![made("d")]);
        leave_to(&mut list, &BTreeMap::from([own("z:1"), own("x/y:2")]));
        assert_eq!(tags(&list), r#"["docker.io/x/y:1"] ["z:1"]"#);
        assert_eq!(image(&list[0]).unwrap(), made("c"));
        assert!(image(&json!({"Config": "x.json", "Layers": []})).is_err());
        assert!(image(&json!({"Config": "blobs/sha256/../x", "Layers": null})).is_err());
    }
}
