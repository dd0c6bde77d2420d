//! Artifacts made: the manifest of what a caller gives, as oras makes it (oras-go pack.go; OCI image-spec manifest.md, 1.1 and 1.0), and
//! the copy that brings it to its place.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde::Serialize;
use serde_json::{json, Value};

use super::artifact_parts::{argument, check_media_type, in_memory, Artifact, ReadyPart};
use crate::annotations::pairs;
use crate::call::Call;
use crate::digest::{Algorithm, Digest};
use crate::error::Result;
use crate::manifest::{build, Descriptor, Document};
use crate::media_type as types;
use crate::mutex::lock;
use crate::options::{options, word, OptionValue};
use crate::store::condition::{ConditionCheck, NameOptions};
use crate::store::local_store::LocalStore;
use crate::store::{RawManifest, WriteStore};
use crate::stream::spool::{CallSpool, TemporarySpace};
use crate::transfer::copy::{copy, skipped, Copied, CopyOptions};
use crate::transfer::workers::{in_parallel, width_of};

/// How many parts are read at once.
const WIDTH: usize = 4;
const UNKNOWN_ARTIFACT: &str = "application/vnd.unknown.artifact.v1";
const UNKNOWN_CONFIG: &str = "application/vnd.unknown.config.v1+json";
/// The content of an empty config, and of an empty layer.
const EMPTY: &[u8] = b"{}";

options! {
    /// What an artifact is.
    #[derive(Debug, Clone)]
    pub struct ArtifactOptions {
        /// what it is, a media type (default: application/vnd.unknown.artifact.v1, or what its config is)
        pub artifact_type: Option<String>,
        /// KEY=VALUE each, of the manifest; org.opencontainers.image.created is there only when it is given here
        pub annotations: Vec<String>,
        /// the tars of folders have the times of their files
        ///
        /// without this option the same files give the same bytes whenever they were made
        pub times: bool,
        /// 1 to 64: transfers at once
        pub concurrency: u64 = 4,
    }
}

options! {
    /// Options of a push.
    #[derive(Debug, Clone)]
    pub struct ArtifactPushOptions {
        /// the version of the image specification, "v1.1" or "v1.0" (default: "v1.1")
        ///
        /// "v1.0" is for registries that refuse a manifest with an artifactType: the type of its config is then that of the
        /// artifact
        pub image_spec: Option<ImageSpecVersion>,
        /// the place of what it is about, in the same repository or layout, or its digest alone
        pub subject: Option<String>,
    } and {
        /// The artifact
        pub artifact: ArtifactOptions,
        /// The name of its place, which is looked at before anything else, and once more when it is set
        pub names: NameOptions,
    }
}

options! {
    /// Options of an artifact that is attached.
    #[derive(Debug, Clone)]
    pub struct ArtifactAttachOptions {
        /// of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of the index itself
        pub platform: Option<String>,
    } and {
        /// The artifact
        pub artifact: ArtifactOptions,
    }
}

/// The result of a push.
#[derive(Debug, Serialize)]
pub struct PushedArtifact {
    /// The place and name that it was put under.
    pub destination: String,
    /// The digest of its manifest; of the one that is there, when the name was left as it is.
    pub digest: Digest,
    /// The media type of its manifest.
    #[serde(rename = "mediaType")]
    pub media_type: String,
    /// The bytes of its manifest; None, as its type and its parts, when the name was left as it is.
    pub size: Option<u64>,
    /// What it is; None where only its config says so.
    #[serde(rename = "artifactType")]
    pub artifact_type: Option<String>,
    /// The descriptor of its config.
    pub config: Option<Descriptor>,
    /// The descriptors of its files.
    pub layers: Vec<Descriptor>,
    /// The descriptor of what it is about.
    pub subject: Option<Descriptor>,
    /// Counts of blobs, as in a copy.
    pub blobs: Value,
    /// The names that were left as they are, because they refer to something.
    pub skipped: Vec<String>,
    /// What made sure that the name could be set; None without a condition.
    pub condition: Option<ConditionCheck>,
    /// The endpoint that sent the manifest of the subject, `HOST[:PORT]`.
    pub served_by: Vec<String>,
}

/// An artifact whose manifest is made, and whose bytes are at hand.
pub struct MadeArtifact {
    store: LocalStore<'static>,
    root: RawManifest,
}

impl MadeArtifact {
    /// The digest of its manifest, which is known before anything is put.
    pub fn digest(&self) -> &Digest {
        self.root.digest()
    }
}

/// Reads the parts of an artifact, and makes its manifest.
pub(crate) fn make(
    call: &Call,
    artifact: &Artifact,
    subject: Option<&Descriptor>,
    options: &ArtifactPushOptions,
    space: &TemporarySpace,
) -> Result<MadeArtifact> {
    // Before anything is read, which may take long, and may be possible only once.
    let is_old = is_old(options, subject)?;
    let annotations = pairs(&options.artifact.annotations)?;
    width_of(options.artifact.concurrency)?;
    artifact.check()?;
    if let Some(kind) = &options.artifact.artifact_type {
        check_media_type(kind, "the option artifact_type")?;
    }
    let parts = parts(call, artifact, options.artifact.times, &CallSpool::new(space))?;
    let mut described = manifest(artifact, &parts, options.artifact.artifact_type.as_deref(), is_old)?;
    if let Some(subject) = subject {
        described["subject"] = json!({"mediaType": subject.media_type, "digest": subject.digest, "size": subject.size});
    }
    if !annotations.is_empty() {
        described["annotations"] = annotations.into();
    }
    let built = build::build_as(described.to_string().as_bytes(), Algorithm::Sha256, is_old)?;
    let root = RawManifest { document: built.document, bytes: built.bytes };
    let mut store = LocalStore::new("the artifact", root.clone());
    store.add_blob(Algorithm::Sha256.digest(EMPTY), in_memory(EMPTY.into()));
    parts.into_iter().for_each(|part| store.add_blob(part.digest, part.bytes));
    Ok(MadeArtifact { store, root })
}

/// Brings it to its place.
pub(crate) fn push(
    call: &Call,
    made: &MadeArtifact,
    to: &dyn WriteStore,
    options: &ArtifactPushOptions,
) -> Result<PushedArtifact> {
    let (names, concurrency) = (options.names.clone(), options.artifact.concurrency);
    // Of the artifact itself nothing is to be had elsewhere, whatever its media types say.
    let all = CopyOptions { names, concurrency, foreign_layers: true, ..CopyOptions::default() };
    let copied = copy(call, &made.store, to, &all)?;
    let document = Some(&made.root.document).filter(|_| copied.skipped.is_empty());
    Ok(told(copied, document))
}

/// The result when the name is left as it is.
pub(crate) fn left(call: &Call, to: &dyn WriteStore, now: Descriptor) -> Result<PushedArtifact> {
    Ok(told(skipped(call, "the artifact".to_owned(), to, now)?, None))
}

fn told(copied: Copied, document: Option<&Document>) -> PushedArtifact {
    let artifact_type = document.and_then(|document| document.value.get("artifactType")?.as_str());
    PushedArtifact {
        destination: copied.destination,
        digest: copied.digest,
        media_type: copied.media_type,
        size: document.map(|document| document.size),
        artifact_type: artifact_type.map(str::to_owned),
        config: document.and_then(|document| document.config().cloned()),
        layers: document.map(|document| document.layers().to_vec()).unwrap_or_default(),
        subject: document.and_then(|document| document.subject().cloned()),
        blobs: copied.blobs,
        skipped: copied.skipped,
        condition: copied.condition,
        served_by: copied.served_by,
    }
}

/// The version of the OCI image specification that a manifest follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ImageSpecVersion {
    /// It has no artifactType and no subject.
    V1_0,
    /// It has both.
    #[default]
    V1_1,
}

impl OptionValue for ImageSpecVersion {
    fn read(value: Value) -> std::result::Result<ImageSpecVersion, String> {
        word(value, &[("v1.0", ImageSpecVersion::V1_0), ("v1.1", ImageSpecVersion::V1_1)])
    }
}

/// Whether the manifest is one of the image specification 1.0.
fn is_old(options: &ArtifactPushOptions, subject: Option<&Descriptor>) -> Result<bool> {
    match options.image_spec.unwrap_or_default() {
        ImageSpecVersion::V1_0 if subject.is_some() => {
            Err(argument("an artifact of image_spec \"v1.0\" has no subject"))
        }
        version => Ok(version == ImageSpecVersion::V1_0),
    }
}

/// The config, if there is one, and the layers, each read to its end; on other threads, because compression needs more stack than the
/// caller's thread may have.
fn parts(call: &Call, artifact: &Artifact, times: bool, spool: &CallSpool) -> Result<Vec<ReadyPart>> {
    let found = Mutex::new(BTreeMap::new());
    let config = artifact.config.iter().map(|part| (part, UNKNOWN_CONFIG));
    let all = config.chain(artifact.layers.iter().map(|part| (part, types::OCI_LAYER)));
    in_parallel(call, WIDTH, &Arc::default(), all.enumerate().collect(), |call, _, (at, (part, usual))| {
        let ready = part.ready(call, usual, times, spool)?;
        lock(&found).insert(at, ready);
        Ok(())
    })?;
    Ok(crate::mutex::into_inner(found).into_values().collect())
}

/// The parts of the manifest, of which [`build`] makes one.
fn manifest(artifact: &Artifact, parts: &[ReadyPart], artifact_type: Option<&str>, is_old: bool) -> Result<Value> {
    let (config, layers) = parts.split_at(usize::from(artifact.config.is_some()));
    let config = config.first().map(|part| part.descriptor.clone());
    let layers: Vec<&Value> = layers.iter().map(|part| &part.descriptor).collect();
    let mut made = json!({"mediaType": types::OCI_MANIFEST, "layers": layers});
    match (is_old, config, artifact_type) {
        (true, Some(_), Some(_)) => return Err(argument(
            "with image_spec \"v1.0\" the type of the config is also the type of the artifact: give only one of them",
        )),
        (true, config, given) => {
            let digest = Algorithm::Sha256.digest(EMPTY);
            let empty = || json!({"mediaType": given.unwrap_or(UNKNOWN_CONFIG), "digest": digest, "size": EMPTY.len()});
            made["config"] = config.unwrap_or_else(empty);
        }
        (false, Some(config), given) => {
            made["config"] = config;
            made["artifactType"] = json!(given);
        }
        (false, None, given) => made["artifactType"] = json!(given.unwrap_or(UNKNOWN_ARTIFACT)),
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::PartOptions;
    use crate::error::Code;

    fn options(given: Value) -> ArtifactPushOptions {
        serde_json::from_value(given).unwrap()
    }

    fn made(artifact: &Artifact, given: Value) -> Result<String> {
        let made = make(&Call::alone(None), artifact, None, &options(given), &TemporarySpace::default())?;
        Ok(String::from_utf8(made.root.bytes).unwrap())
    }

    fn with(parts: &[(&str, Value)]) -> Artifact {
        let mut artifact = Artifact::default();
        for (bytes, options) in parts {
            let options: PartOptions = serde_json::from_value(options.clone()).unwrap();
            artifact.add_bytes(bytes.as_bytes().to_vec().into(), options).unwrap();
        }
        artifact
    }

    /// Of oras 1.3, with the same arguments.
    #[test]
    fn both_versions_are_as_oras_writes_them() {
        let artifact = with(&[("hello\n", json!({"title": "a.txt"}))]);
        let file = concat!(
            r#"{"mediaType":"application/vnd.oci.image.layer.v1.tar","#,
            r#""digest":"sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03","size":6,"#,
            r#""annotations":{"org.opencontainers.image.title":"a.txt"}}"#
        );
        let empty = r#""digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2"#;
        let begin = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","#;
        assert_eq!(
            made(&artifact, json!({})).unwrap(),
            format!(
                "{begin}\"artifactType\":\"{UNKNOWN_ARTIFACT}\",\"config\":{{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\
                 {empty},\"data\":\"e30=\"}},\"layers\":[{file}]}}"
            )
        );
        assert_eq!(
            made(&artifact, json!({"image_spec": "v1.0", "artifact_type": "a/b", "annotations": ["x=y"]})).unwrap(),
            format!("{begin}\"config\":{{\"mediaType\":\"a/b\",{empty}}},\"layers\":[{file}],\"annotations\":{{\"x\":\"y\"}}}}")
        );
        let configured = with(&[("{}", json!({"config": true, "media_type": "a/c"}))]);
        assert!(!made(&configured, json!({})).unwrap().contains("artifactType"));
        let refused = made(&configured, json!({"image_spec": "v1.0", "artifact_type": "a/b"})).unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
    }

    #[test]
    fn a_file_that_changes_is_not_half_of_each() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "before").unwrap();
        let mut artifact = Artifact::default();
        artifact.add_path(path.to_str().unwrap(), PartOptions::default()).unwrap();
        let call = Call::alone(None);
        let made = make(&call, &artifact, None, &options(json!({})), &TemporarySpace::default()).unwrap();
        std::fs::write(&path, "afterwards").unwrap();
        let to = crate::layout::oci::OciLayout::planned(&folder.path().join("layout"), Some("v1")).unwrap();
        let error = push(&call, &made, &to, &options(json!({}))).unwrap_err();
        assert_eq!(error.code(), Code::Io);
        assert!(error.message().contains("changed while it was read"), "{error}");
        assert!(to.entries().unwrap().is_empty());
    }
}
