//! Version-1 images made from an OCI image: the inverse of [`super::convert`]. Source: Docker 1.10's push to registries
//! with protocol v1 and schema 1 (its image/v1 package).

use serde_json::{json, Map, Value};

use crate::digest::{Algorithm, Digest};
use crate::error::{Code, Error, Result};

/// The layer of an image that changed no file: two blocks of zeros, compressed with gzip, the bytes that Docker always
/// used.
pub(crate) const EMPTY_LAYER: [u8; 32] = [
    31, 139, 8, 0, 0, 9, 110, 136, 0, 255, 98, 24, 5, 163, 96, 20, 140, 88, 0, 8, 0, 0, 255, 255, 46, 175, 181, 239, 0,
    4, 0, 0,
];

/// More steps than any image has in practice.
const MOST_STEPS: usize = 512;

/// Members of the config that the topmost v1 image keeps.
const CARRIED: [&str; 8] =
    ["created", "author", "architecture", "variant", "os", "os.version", "os.features", "config"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChainImage {
    /// Its ID, 64 hexadecimal digits.
    pub(crate) id: String,
    pub(crate) json: Vec<u8>,
    /// The index of its layer; None for the empty one.
    pub(crate) layer: Option<usize>,
}

/// The chain of an image, the base image first: a v1 image for each step of its history, or for each layer if its
/// history does not describe every one. An ID is a digest over the image's JSON, its parent's ID and its layer's
/// digest, so equal images have equal IDs everywhere, and others differ. (Docker used the layer's diff_id, which only
/// the config vouches for.)
pub(crate) fn from_oci(config: &Value, layers: &[Digest]) -> Result<Vec<ChainImage>> {
    let history = steps(config, layers.len());
    if history.len() > MOST_STEPS {
        let message = format!("the image has {} steps, the limit is {MOST_STEPS}", history.len());
        return Err(Error::new(Code::LimitExceeded, message));
    }
    let (mut chain, mut next) = (Vec::<ChainImage>::new(), 0);
    for (number, step) in history.iter().enumerate() {
        let layer = (!is_empty(step)).then_some(next);
        next += usize::from(layer.is_some());
        let mut image = image(step);
        if number + 1 == history.len() {
            carry(config, &mut image);
        }
        if layer.is_none() {
            image.insert("throwaway".to_owned(), true.into());
        }
        let digest = match layer.map(|number| layers.get(number)) {
            Some(Some(digest)) => digest.clone(),
            Some(None) => return Err(Error::new(Code::Internal, "a step of the history has no layer")),
            None => Algorithm::Sha256.digest(&EMPTY_LAYER),
        };
        let parent = chain.last().map(|below| below.id.clone());
        chain.push(named(image, parent, &digest, layer)?);
    }
    Ok(chain)
}

/// The history, if it matches the layers; otherwise a step for each of them.
fn steps(config: &Value, layers: usize) -> Vec<Value> {
    let history = config.get("history").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let filled = history.iter().filter(|step| !is_empty(step)).count();
    match (filled == layers && !history.is_empty(), layers) {
        (true, _) => history.to_vec(),
        // Only a config: something has to carry it.
        (false, 0) => vec![json!({"empty_layer": true})],
        (false, _) => vec![json!({}); layers],
    }
}

fn is_empty(step: &Value) -> bool {
    step.get("empty_layer").and_then(Value::as_bool) == Some(true)
}

fn image(step: &Value) -> Map<String, Value> {
    let mut image = Map::new();
    for key in ["created", "author", "comment"] {
        if let Some(text) = step.get(key).filter(|text| text.is_string()) {
            image.insert(key.to_owned(), text.clone());
        }
    }
    if let Some(command) = step.get("created_by").filter(|text| text.is_string()) {
        image.insert("container_config".to_owned(), json!({"Cmd": [command]}));
    }
    image
}

fn carry(config: &Value, image: &mut Map<String, Value>) {
    for key in CARRIED {
        if let Some(member) = config.get(key).filter(|member| !member.is_null()) {
            image.insert(key.to_owned(), member.clone());
        }
    }
}

fn named(
    mut image: Map<String, Value>,
    parent: Option<String>,
    digest: &Digest,
    layer: Option<usize>,
) -> Result<ChainImage> {
    if let Some(parent) = parent {
        image.insert("parent".to_owned(), parent.into());
    }
    let bytes = |value: &Map<String, Value>| {
        serde_json::to_vec(value)
            .map_err(|error| Error::new(Code::Internal, format!("cannot be written as JSON: {error}")))
    };
    let mut hashed = image.clone();
    hashed.insert("layer_id".to_owned(), digest.as_str().into());
    let id = Algorithm::Sha256.digest(&bytes(&hashed)?).hex().to_owned();
    image.insert("id".to_owned(), id.clone().into());
    Ok(ChainImage { id, json: bytes(&image)?, layer })
}

#[cfg(test)]
mod tests {
    use super::super::convert::{to_oci, ConvertedLayer};
    use super::super::manifest::HistoryEntry;
    use super::*;
    use crate::descriptor::Descriptor;
    use crate::media_type;

    fn digest(number: u8) -> Digest {
        Algorithm::Sha256.digest(&[number])
    }

    fn config() -> Value {
        json!({
            "created": "2016-01-03T00:00:00Z", "author": "me", "architecture": "arm", "variant": "v7", "os": "linux",
            "config": {"Cmd": ["/bin/sh"], "Env": ["A=1"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(1), digest(2)]},
            "history": [
                {"created": "2016-01-01T00:00:00Z", "created_by": "ADD x"},
                {"created": "2016-01-02T00:00:00Z", "comment": "middle"},
                {"created": "2016-01-03T00:00:00Z", "created_by": "CMD", "author": "me", "empty_layer": true},
            ],
        })
    }

    fn layer(number: u8) -> ConvertedLayer {
        ConvertedLayer {
            diff_id: digest(number),
            descriptor: Descriptor::new(media_type::OCI_LAYER, digest(number), 1),
        }
    }

    #[test]
    fn there_and_back_is_the_same() {
        let chain = from_oci(&config(), &[digest(1), digest(2)]).unwrap();
        assert_eq!(chain.iter().map(|step| step.layer).collect::<Vec<_>>(), [Some(0), Some(1), None]);
        let history: Vec<HistoryEntry> =
            chain.iter().rev().map(|step| HistoryEntry::parse(&step.json).unwrap()).collect();
        assert_eq!(history[0].id, chain[2].id);
        let back: Value =
            serde_json::from_slice(&to_oci(&history, None, &[layer(1), layer(2)]).unwrap().config).unwrap();
        assert_eq!(back, config());
    }

    #[test]
    fn ids_follow_from_what_an_image_is() {
        let layers = [digest(1), digest(2)];
        let chain = from_oci(&config(), &layers).unwrap();
        assert_eq!(from_oci(&config(), &layers).unwrap(), chain);
        let ids = |chain: &[ChainImage]| chain.iter().map(|step| step.id.clone()).collect::<Vec<_>>();
        let other = from_oci(&config(), &[digest(3), digest(2)]).unwrap();
        assert!(ids(&other).iter().zip(ids(&chain)).all(|(one, other)| *one != other), "each has another parent");
        let mut config = config();
        config["config"]["Env"] = json!([]);
        let other = from_oci(&config, &layers).unwrap();
        assert_eq!(ids(&other)[..2], ids(&chain)[..2]);
        assert_ne!(ids(&other)[2], ids(&chain)[2]);
    }

    #[test]
    fn a_history_that_does_not_fit_is_left_out() {
        let layers = [digest(1), digest(2)];
        for history in [json!(null), json!([]), json!([{"created_by": "one"}]), json!("x")] {
            let mut config = config();
            config["history"] = history;
            let chain = from_oci(&config, &layers).unwrap();
            assert_eq!(chain.iter().map(|step| step.layer).collect::<Vec<_>>(), [Some(0), Some(1)]);
            assert!(String::from_utf8_lossy(&chain[1].json).contains("/bin/sh"));
            assert!(!String::from_utf8_lossy(&chain[0].json).contains("/bin/sh"));
        }
        let bare = from_oci(&json!({"config": {"Cmd": ["/x"]}}), &[]).unwrap();
        assert_eq!((bare.len(), bare[0].layer), (1, None));
        let mut long = config();
        long["history"] = vec![json!({"empty_layer": true}); MOST_STEPS + 1].into();
        assert_eq!(from_oci(&long, &[]).unwrap_err().code(), Code::LimitExceeded);
    }

    #[test]
    fn the_empty_layer_is_dockers() {
        assert_eq!(
            Algorithm::Sha256.digest(&EMPTY_LAYER).as_str(),
            "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"
        );
    }
}
