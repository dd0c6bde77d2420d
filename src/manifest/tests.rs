use super::*;
use crate::descriptor::MOST_DESCRIPTORS;
use crate::error::Code;
use base64::Engine as _;
use serde_json::json;

const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn entry(media_type: &str) -> Value {
    json!({"mediaType": media_type, "digest": format!("sha256:{HEX}"), "size": 3, "x-unknown": [1]})
}

fn image(media_type: &str, config: &str) -> Value {
    json!({"schemaVersion": 2, "mediaType": media_type, "config": entry(config), "layers": [entry(types::OCI_LAYER)]})
}

fn index(platforms: &[&str]) -> Value {
    let entries = platforms.iter().map(|platform| {
        let mut entry = entry(types::OCI_MANIFEST);
        let parts: Vec<&str> = platform.split('/').collect();
        entry["platform"] = json!({"os": parts[0], "architecture": parts[1]});
        entry["annotations"] = json!({"was": platform});
        entry
    });
    json!({"schemaVersion": 2, "mediaType": types::OCI_INDEX, "manifests": entries.collect::<Vec<_>>()})
}

fn schema1() -> Value {
    json!({"schemaVersion": 1, "name": "a/b", "fsLayers": [{"blobSum": format!("sha256:{HEX}")}],
        "history": [{"v1Compatibility": "{}"}]})
}

fn with(mut value: Value, key: &str, member: Value) -> Value {
    value[key] = member;
    value
}

fn parse(value: &Value, content_type: Option<&str>) -> Result<Document> {
    Document::parse(value.to_string().as_bytes(), content_type, Algorithm::Sha256)
}

/// Signed as libtrust does, with the payload cut after `length` bytes.
fn sign(payload: &str, body: &str, length: usize) -> Vec<u8> {
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let protected = json!({"formatLength": length, "formatTail": engine.encode(&payload[length..])}).to_string();
    let signature = json!([{"header": {}, "signature": "x", "protected": engine.encode(protected)}]);
    format!("{},\"signatures\":{signature}}}", body.strip_suffix('}').unwrap()).into_bytes()
}

#[test]
fn every_kind_is_told_with_and_without_its_type() {
    let cases = [
        (image(types::OCI_MANIFEST, types::OCI_CONFIG), types::OCI_MANIFEST, Kind::Image, 2),
        (image(types::DOCKER_MANIFEST, types::DOCKER_CONFIG), types::DOCKER_MANIFEST, Kind::Image, 2),
        (image(types::OCI_MANIFEST, types::OCI_EMPTY), types::OCI_MANIFEST, Kind::Artifact, 2),
        (index(&["linux/amd64"]), types::OCI_INDEX, Kind::Index, 2),
        (index(&[]), types::OCI_INDEX, Kind::Index, 2),
        (schema1(), types::SCHEMA1, Kind::Schema1, 1),
    ];
    for (value, media_type, kind, version) in cases {
        let mut bare = value.clone();
        bare.as_object_mut().unwrap().remove("mediaType");
        for content_type in [None, Some(""), Some("text/plain; charset=utf-8"), Some("application/octet-stream")] {
            for value in [&value, &bare] {
                let document = parse(value, content_type).unwrap();
                let found = (document.media_type.as_str(), document.kind, document.schema_version);
                assert_eq!(found, (media_type, kind, version), "{value}");
            }
        }
        let upper = format!("{} ; charset=utf-8", media_type.to_uppercase());
        assert_eq!(parse(&bare, Some(&upper)).unwrap().media_type, media_type);
    }
    let list = with(index(&[]), "mediaType", json!(types::DOCKER_LIST));
    assert_eq!(parse(&list, None).unwrap().media_type, types::DOCKER_LIST);
    let artifact = with(image(types::OCI_MANIFEST, types::OCI_CONFIG), "artifactType", json!("application/x"));
    assert_eq!(parse(&artifact, None).unwrap().kind, Kind::Artifact);
    let old = json!({"mediaType": types::OCI_ARTIFACT, "artifactType": "a/b", "blobs": [entry("c/d")]});
    let old = parse(&old, None).unwrap();
    assert_eq!((old.kind, old.layers().len()), (Kind::Artifact, 1));
}

#[test]
fn what_a_document_holds_is_read() {
    let value = with(image(types::OCI_MANIFEST, types::OCI_CONFIG), "subject", entry(types::OCI_MANIFEST));
    let document = parse(&value, None).unwrap();
    assert_eq!(document.config().unwrap().size, 3);
    assert_eq!(document.layers()[0].media_type, types::OCI_LAYER);
    assert_eq!(document.subject().unwrap().digest.hex(), HEX);
    assert!(document.manifests().is_empty());
    let bytes = value.to_string();
    let json = document.to_json();
    assert_eq!((&json["kind"], &json["schema_version"], &json["manifest"]), (&json!("image"), &json!(2), &value));
    assert_eq!((&json["mediaType"], &json["size"]), (&json!(types::OCI_MANIFEST), &json!(bytes.len())));
    assert_eq!(json["digest"], json!(Algorithm::Sha256.digest(bytes.as_bytes())));
    let long = Document::parse(bytes.as_bytes(), None, Algorithm::Sha512).unwrap();
    assert_eq!(long.digest, Algorithm::Sha512.digest(bytes.as_bytes()));
}

#[test]
fn what_is_not_one_thing_is_refused() {
    let image = || image(types::OCI_MANIFEST, types::OCI_CONFIG);
    let layer = |member: &str, value: Value| with(image(), "layers", json!([with(entry("a/b"), member, value)]));
    for (value, reason) in [
        (with(index(&[]), "layers", json!([])), "ambiguous"),
        (with(index(&[]), "config", entry(types::OCI_CONFIG)), "ambiguous"),
        (with(schema1(), "layers", json!([])), "ambiguous"),
        (with(schema1(), "config", entry(types::OCI_CONFIG)), "ambiguous"),
        (with(image(), "mediaType", json!(types::OCI_ARTIFACT)), "ambiguous"),
        (with(image(), "mediaType", json!(types::OCI_INDEX)), "not built like one"),
        (with(schema1(), "mediaType", json!(types::OCI_MANIFEST)), "not built like one"),
        (with(image(), "mediaType", json!("image/png")), "not a known manifest type"),
        (with(image(), "mediaType", json!(7)), "not a string"),
        (with(image(), "schemaVersion", json!(3)), "schemaVersion"),
        (with(image(), "schemaVersion", json!("2")), "schemaVersion"),
        (with(image(), "Layers", json!([])), "wrong case"),
        (with(image(), "layers", json!({})), "layers is not a list"),
        (with(image(), "Layers", Value::Null), "wrong case"),
        (layer("Digest", json!("sha256:00")), "'Digest' of a descriptor"),
        (layer("platform", json!({"os": "linux", "OS": "windows"})), "'OS' of a descriptor"),
        (with(image(), "subject", with(entry("a/b"), "SIZE", json!(1))), "'SIZE' of a descriptor"),
        (
            with(index(&[]), "manifests", json!([with(entry("a/b"), "mediatype", json!("x/y"))])),
            "'mediatype' of a descriptor",
        ),
        (with(image(), "config", Value::Null), "no config"),
        (with(index(&[]), "manifests", json!([7])), "manifests[0]"),
        (layer("size", json!(-1)), "layers[0]"),
        (layer("size", json!(1.5)), "layers[0]"),
        (layer("size", json!(9_223_372_036_854_775_808_u64)), "out of range"),
        (layer("digest", json!("sha256:../../etc/passwd")), "layers[0]"),
        (with(schema1(), "fsLayers", json!([])), "no layers"),
        (with(schema1(), "history", json!([])), "no history"),
        (with(schema1(), "history", json!([{}, {}])), "1 layers and 2"),
        (with(schema1(), "fsLayers", json!([{"blobSum": "x"}])), "a layer of the schema-1"),
        (json!({}), "neither a media type"),
        (json!([]), "not a JSON object"),
    ] {
        let error = parse(&value, None).unwrap_err();
        assert_eq!(error.code(), Code::InvalidManifest, "{value}");
        assert!(error.message().contains(reason), "{value}: {error}");
    }
    assert!(parse(&layer("size", json!(i64::MAX)), None).is_ok());
    for served in [types::OCI_INDEX, types::DOCKER_MANIFEST, types::SCHEMA1, "text/html"] {
        assert_eq!(parse(&image(), Some(served)).unwrap_err().code(), Code::InvalidManifest, "{served}");
    }
    let too_many = with(index(&[]), "manifests", Value::Array(vec![json!("0".repeat(60)); MOST_DESCRIPTORS + 1]));
    assert_eq!(parse(&too_many, None).unwrap_err().code(), Code::LimitExceeded);
}

/// Go programs write an empty list as null, or leave it out.
#[test]
fn an_absent_list_is_an_empty_one() {
    let image = || image(types::OCI_MANIFEST, types::OCI_CONFIG);
    let without = |mut value: Value, key: &str| {
        value.as_object_mut().unwrap().remove(key);
        value
    };
    let empty = [
        (with(image(), "layers", Value::Null), None),
        (without(image(), "layers"), None),
        (with(without(image(), "layers"), "Layers", Value::Null), None),
        (with(image(), "layers", Value::Null), Some(types::OCI_MANIFEST)),
        (with(index(&[]), "manifests", Value::Null), None),
        (without(index(&[]), "manifests"), None),
        (without(with(index(&[]), "manifests", Value::Null), "mediaType"), None),
        (without(with(index(&[]), "manifests", Value::Null), "mediaType"), Some(types::DOCKER_LIST)),
        (json!({"schemaVersion": 2}), Some(types::OCI_INDEX)),
        (json!({"manifests": null, "layers": null, "config": null}), Some("application/json")),
    ];
    for (value, served) in empty {
        let document = parse(&value, served).unwrap_or_else(|error| panic!("{value}: {error}"));
        assert!(document.layers().is_empty() && document.manifests().is_empty(), "{value}");
        let is_image = value.get("config").is_some_and(Value::is_object);
        assert_eq!(document.kind, if is_image { Kind::Image } else { Kind::Index }, "{value}");
    }
    let nothing = json!({"mediaType": null, "urls": null, "annotations": null, "data": null, "artifactType": null,
        "platform": {"os": null, "architecture": null, "variant": null, "os.version": null, "os.features": null}});
    let mut entry = entry("");
    entry.as_object_mut().unwrap().extend(nothing.as_object().unwrap().clone());
    for entry in [entry.clone(), with(entry.clone(), "data", json!("")), with(entry, "platform", Value::Null)] {
        let index = parse(&with(index(&[]), "manifests", json!([entry])), None).unwrap();
        assert_eq!(index.manifests()[0].media_type, "");
        let image = with(with(image(), "layers", json!([entry])), "config", entry.clone());
        let image = ["annotations", "subject", "artifactType", "mediaType"]
            .into_iter()
            .fold(image, |image, key| with(image, key, Value::Null));
        assert_eq!(parse(&image, Some(types::DOCKER_MANIFEST)).unwrap().layers()[0].urls, None);
    }
    // A document served as an index without any of its members is an error message, or from a proxy.
    assert!(parse(&json!({"errors": []}), Some(types::OCI_INDEX)).is_err());
}

#[test]
fn what_is_no_json_is_named() {
    for (bytes, reason) in [
        (&b" <!DOCTYPE html><p>"[..], "HTML"),
        (b"", "empty"),
        (b"not found", "not valid JSON"),
        (b"{\"schemaVersion\":2,\"schemaVersion\":2}", "twice"),
    ] {
        let error = Document::parse(bytes, None, Algorithm::Sha256).unwrap_err();
        assert_eq!(error.code(), Code::InvalidManifest);
        assert!(error.message().contains(reason), "{error}");
    }
}

#[test]
fn a_signed_manifest_has_its_payloads_digest_and_says_nothing_more() {
    let payload = schema1().to_string();
    let end = payload.len() - 1;
    let good = Document::parse(&sign(&payload, &payload, end), Some(types::SCHEMA1), Algorithm::Sha256).unwrap();
    assert_eq!(good.media_type, types::SCHEMA1_SIGNED);
    assert_eq!(good.digest, Algorithm::Sha256.digest(payload.as_bytes()));
    // The tail contains the whole signed document, and the bytes around it another one.
    let other = payload.replace("e3b0", "0000");
    let more = payload.replacen('{', "{\"x\":1,", 1);
    for (body, length) in [(&other, 1), (&more, 1)] {
        let error = Document::parse(&sign(&payload, body, length), None, Algorithm::Sha256).unwrap_err();
        assert_eq!(error.code(), Code::Signature);
        assert!(error.message().contains("something other"), "{error}");
    }
    let broken = with(schema1(), "signatures", json!(1));
    assert_eq!(parse(&broken, None).unwrap_err().code(), Code::Signature);
}
