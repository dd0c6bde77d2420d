//! The content of a schema-1 manifest (Docker's manifest v2 schema 1): read only from the signed payload.

use serde_json::{json, Map, Value};

use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::json;

/// A schema-1 manifest.
#[derive(Debug, Clone)]
pub struct Schema1Manifest {
    /// The repository that it was made for.
    pub name: String,
    /// The tag that it was made for.
    pub tag: String,
    /// The architecture; None when not given.
    pub architecture: Option<String>,
    /// The layers, topmost first; one for each entry of the history.
    pub fs_layers: Vec<Digest>,
    /// The history, topmost first.
    pub history: Vec<HistoryEntry>,
}

/// One v1 image: a step of the history.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryEntry {
    /// Its ID, 64 hexadecimal digits.
    pub id: String,
    /// The ID of its parent; None for the base image.
    pub parent: Option<String>,
    /// Whether it changed no files; its layer is then empty.
    pub throwaway: bool,
    /// The image's JSON.
    pub image: Map<String, Value>,
}

impl HistoryEntry {
    /// Parses the JSON of a v1 image.
    pub fn parse(text: &[u8]) -> Result<HistoryEntry> {
        match json::parse(text) {
            Ok(Value::Object(image)) => HistoryEntry::of(image),
            Ok(_) => Err(invalid("an image in the history is not a JSON object")),
            Err(error) => Err(invalid(format!("an image in the history {}", error.verdict()))),
        }
    }

    /// From the parsed JSON of a v1 image.
    pub(crate) fn of(image: Map<String, Value>) -> Result<HistoryEntry> {
        let id = |name: &str| match image.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(id)) if id.is_empty() => Ok(None),
            Some(Value::String(id)) if is_id(id) => Ok(Some(id.clone())),
            Some(_) => Err(invalid(format!("the {name} of an image in the history is not 64 hexadecimal digits"))),
        };
        let throwaway = match image.get("throwaway") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(throwaway)) => *throwaway,
            Some(_) => return Err(invalid("the throwaway of an image in the history is not a boolean")),
        };
        let own = id("id")?.ok_or_else(|| invalid("an image in the history has no id"))?;
        Ok(HistoryEntry { id: own, parent: id("parent")?, throwaway, image })
    }
}

// It becomes part of a file name or URL elsewhere (CVE-2014-9356).
fn is_id(id: &str) -> bool {
    id.len() == 64 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl Schema1Manifest {
    /// Parses a payload. There must be as many layers as history entries, each entry the child of the next.
    pub fn parse(payload: &[u8]) -> Result<Schema1Manifest> {
        let value = json::parse(payload).map_err(|error| invalid(format!("it {}", error.verdict())))?;
        if value.get("schemaVersion").and_then(Value::as_u64) != Some(1) {
            return Err(invalid("its schemaVersion is not 1"));
        }
        let text = |name: &str| match value.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(invalid(format!("its {name} is not a string"))),
        };
        let list = |name: &str| match value.get(name) {
            None | Some(Value::Null) => Ok(&[][..]),
            Some(Value::Array(list)) => Ok(list.as_slice()),
            Some(_) => Err(invalid(format!("its {name} is not a list"))),
        };
        let mut manifest = Schema1Manifest {
            name: text("name")?.unwrap_or_default(),
            tag: text("tag")?.unwrap_or_default(),
            architecture: text("architecture")?,
            fs_layers: list("fsLayers")?.iter().map(layer).collect::<Result<_>>()?,
            history: list("history")?.iter().map(entry).collect::<Result<_>>()?,
        };
        manifest.check_lengths()?;
        manifest.drop_repeated();
        check_chain(&manifest.history)?;
        Ok(manifest)
    }

    fn check_lengths(&self) -> Result<()> {
        if self.name.is_empty() {
            return Err(invalid("it has no name"));
        }
        let (layers, history) = (self.fs_layers.len(), self.history.len());
        if layers != history {
            return Err(invalid(format!("it has {layers} layers and {history} entries of history")));
        }
        Ok(())
    }

    /// Old versions of Docker pushed some images with the same entry twice in a row; it counts once.
    fn drop_repeated(&mut self) {
        let mut pairs: Vec<(Digest, HistoryEntry)> = self.fs_layers.drain(..).zip(self.history.drain(..)).collect();
        pairs.dedup();
        (self.fs_layers, self.history) = pairs.into_iter().unzip();
    }

    /// The layers with files, the base layer first: those that an OCI image has.
    pub fn blobs(&self) -> Vec<&Digest> {
        let pairs = self.fs_layers.iter().zip(&self.history).rev();
        pairs.filter(|(_, entry)| !entry.throwaway).map(|(layer, _)| layer).collect()
    }

    /// The result in the documented JSON shape.
    pub fn to_json(&self) -> Value {
        let history = self
            .history
            .iter()
            .map(|entry| json!({"id": entry.id, "parent": entry.parent, "throwaway": entry.throwaway}));
        json!({
            "name": self.name,
            "tag": self.tag,
            "architecture": self.architecture,
            "fs_layers": self.fs_layers,
            "history": history.collect::<Vec<_>>(),
        })
    }
}

/// Each entry's parent must be the next one, the last must have none, and none may occur twice.
pub(super) fn check_chain(history: &[HistoryEntry]) -> Result<()> {
    let mut seen = std::collections::BTreeSet::new();
    for (at, entry) in history.iter().enumerate() {
        let next = history.get(at + 1).map(|next| &next.id);
        if entry.parent.as_ref() != next {
            return Err(invalid(format!("the parent of the image {} is not the next in its history", entry.id)));
        }
        if !seen.insert(&entry.id) {
            return Err(invalid(format!("the image {} occurs twice in its history", entry.id)));
        }
    }
    Ok(())
}

fn layer(value: &Value) -> Result<Digest> {
    let digest = value.get("blobSum").and_then(Value::as_str).ok_or_else(|| invalid("a layer has no blobSum"))?;
    digest.parse().map_err(|error| invalid(format!("a layer: {error}")))
}

fn entry(value: &Value) -> Result<HistoryEntry> {
    let text = value.get("v1Compatibility").and_then(Value::as_str);
    HistoryEntry::parse(text.ok_or_else(|| invalid("an entry of the history has no v1Compatibility"))?.as_bytes())
}

pub(super) fn invalid(why: impl std::fmt::Display) -> Error {
    Error::new(Code::InvalidManifest, format!("the schema-1 manifest is not accepted: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(letter: char) -> String {
        letter.to_string().repeat(64)
    }

    fn manifest(images: &[Value], layers: usize) -> Vec<u8> {
        let history: Vec<Value> = images.iter().map(|image| json!({"v1Compatibility": image.to_string()})).collect();
        let layers: Vec<Value> = (0..layers).map(|_| json!({"blobSum": format!("sha256:{}", id('0'))})).collect();
        json!({"schemaVersion": 1, "name": "a/b", "tag": "t", "fsLayers": layers, "history": history})
            .to_string()
            .into()
    }

    #[test]
    fn a_chain_of_images() {
        let images = [
            json!({"id": id('c'), "parent": id('b'), "throwaway": true}),
            json!({"id": id('b'), "parent": id('a')}),
            json!({"id": id('a'), "parent": ""}),
        ];
        let found = Schema1Manifest::parse(&manifest(&images, 3)).unwrap();
        assert_eq!(found.history.iter().map(|entry| entry.throwaway).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!((found.blobs().len(), found.architecture.clone()), (2, None));
        assert_eq!(found.to_json()["history"][0], json!({"id": id('c'), "parent": id('b'), "throwaway": true}));
        let repeated = [images[0].clone(), images[1].clone(), images[1].clone(), images[2].clone()];
        assert_eq!(Schema1Manifest::parse(&manifest(&repeated, 4)).unwrap().history.len(), 3);
    }

    #[test]
    fn what_is_no_chain() {
        let (a, b) = (json!({"id": id('a')}), json!({"id": id('b'), "parent": id('a')}));
        for (images, layers, part) in [
            (vec![b.clone(), a.clone()], 1, "1 layers and 2 entries"),
            (vec![b.clone(), a.clone()], 3, "3 layers and 2 entries"),
            (vec![a.clone(), b.clone()], 2, "not the next"),
            (vec![b.clone()], 1, "not the next"),
            (vec![json!({"id": id('a'), "parent": id('b')}), b.clone(), a.clone()], 3, "occurs twice"),
            (vec![json!({"id": id('A')})], 1, "not 64 hexadecimal"),
            (vec![json!({"id": "../../etc"})], 1, "not 64 hexadecimal"),
            (vec![json!({"id": id('a'), "parent": "x"})], 1, "the parent of an image"),
            (vec![json!({"id": 1})], 1, "the id of an image"),
            (vec![json!({})], 1, "has no id"),
            (vec![json!({"id": id('a'), "throwaway": "yes"})], 1, "throwaway"),
            (vec![json!("text")], 1, "not a JSON object"),
        ] {
            let error = Schema1Manifest::parse(&manifest(&images, layers)).unwrap_err();
            assert_eq!(error.code(), Code::InvalidManifest);
            assert!(error.message().contains(part), "{error} lacks {part}");
        }
    }

    #[test]
    fn members_of_the_wrong_kind() {
        let good: Value = serde_json::from_slice(&manifest(&[json!({"id": id('a')})], 1)).unwrap();
        for (key, member) in [
            ("schemaVersion", json!(2)),
            ("name", json!("")),
            ("name", json!(["a"])),
            ("tag", json!(1)),
            ("architecture", json!({})),
            ("fsLayers", json!({})),
            ("fsLayers", json!([1])),
            ("fsLayers", json!([{"blobSum": "sha256:../.."}])),
            ("history", json!("x")),
            ("history", json!([{}])),
            ("history", json!([{"v1Compatibility": "{"}])),
            ("history", json!([{"v1Compatibility": {"id": id('a')}}])),
        ] {
            let mut other = good.clone();
            other[key] = member;
            assert_eq!(
                Schema1Manifest::parse(other.to_string().as_bytes()).unwrap_err().code(),
                Code::InvalidManifest,
                "{other}"
            );
        }
        assert!(Schema1Manifest::parse(b"[]").is_err() && Schema1Manifest::parse(b"{").is_err());
    }
}
