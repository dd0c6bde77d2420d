//! Every JSON result of the C API, with real registries, validated against its schema in tests/schemas; and the schemas
//! against the header.

#![allow(unsafe_code)]

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::ptr::{null, null_mut};
use std::sync::Mutex;

use serde_json::{json, Value};

use crate::checker::{check, properties, schema};
use crate::prototypes::*;
use crate::{env, noise, TestRegistry, PASSWORD};

/// The schema for the result of each function: every function that returns JSON, according to the header.
const RESULTS: [(&str, &str); 89] = [
    ("ocireg_artifact_attach", "artifact-push"),
    ("ocireg_artifact_pull", "artifact-pull"),
    ("ocireg_artifact_push", "artifact-push"),
    ("ocireg_blob_copy", "blob-copy"),
    ("ocireg_blob_delete", "blob-delete"),
    ("ocireg_blob_fn", "blob-event"),
    ("ocireg_blob_get_fd", "blob-get"),
    ("ocireg_blob_get_file", "blob-get"),
    ("ocireg_blob_get_memory", "blob-get"),
    ("ocireg_blob_head", "blob-head"),
    ("ocireg_blob_locate", "located"),
    ("ocireg_blob_mount", "blob-mount"),
    ("ocireg_blob_put_file", "blob-put"),
    ("ocireg_blob_put_memory", "blob-put"),
    ("ocireg_blob_put_stream", "blob-put"),
    ("ocireg_blob_reader_info", "blob-info"),
    ("ocireg_context_progress", "progress"),
    ("ocireg_context_warnings", "warnings"),
    ("ocireg_copy", "copy"),
    ("ocireg_endpoint_list", "endpoint-list"),
    ("ocireg_endpoint_manifest", "endpoint-manifest"),
    ("ocireg_endpoint_parse", "endpoint"),
    ("ocireg_endpoint_referrers", "endpoint-referrers"),
    ("ocireg_error_json", "error"),
    ("ocireg_explain", "explain"),
    ("ocireg_image_append", "image-append"),
    ("ocireg_image_cat", "image-cat"),
    ("ocireg_image_config", "image-config"),
    ("ocireg_image_export_fd", "image-export"),
    ("ocireg_image_export_file", "image-export"),
    ("ocireg_image_export_stream", "image-export"),
    ("ocireg_image_extract", "image-extract"),
    ("ocireg_image_files", "image-files"),
    ("ocireg_image_size", "image-size"),
    ("ocireg_image_tag", "image-tag"),
    ("ocireg_image_validate", "image-validate"),
    ("ocireg_index_append", "index-write"),
    ("ocireg_index_create", "index-write"),
    ("ocireg_index_parse", "index"),
    ("ocireg_index_remove", "index-write"),
    ("ocireg_layout_check", "layout-check"),
    ("ocireg_layout_clean", "layout-clean"),
    ("ocireg_log_fn", "log-event"),
    ("ocireg_login", "login"),
    ("ocireg_logout", "logout"),
    ("ocireg_manifest_build", "document"),
    ("ocireg_manifest_delete", "manifest-delete"),
    ("ocireg_manifest_get", "manifest"),
    ("ocireg_manifest_head", "manifest-head"),
    ("ocireg_manifest_inspect", "document"),
    ("ocireg_manifest_locate", "located"),
    ("ocireg_manifest_put", "manifest-put"),
    ("ocireg_reference_parse", "reference"),
    ("ocireg_referrers", "referrers"),
    ("ocireg_registry_catalog", "catalog"),
    ("ocireg_registry_detect", "detect"),
    ("ocireg_registry_ping", "ping"),
    ("ocireg_repository_remove", "repository-remove"),
    ("ocireg_repository_tags", "tags"),
    ("ocireg_schema1_key_info", "schema1-key"),
    ("ocireg_schema1_verify", "schema1"),
    ("ocireg_sync", "sync"),
    ("ocireg_sync_list", "sync"),
    ("ocireg_tag_delete", "tag-delete"),
    ("ocireg_token", "token"),
    ("ocireg_upload_finish", "blob-put"),
    ("ocireg_upload_save", "session"),
    ("ocireg_upload_session_chunk", "session"),
    ("ocireg_upload_session_finish", "blob-put"),
    ("ocireg_upload_session_start", "session"),
    ("ocireg_v1_ancestry", "v1-ancestry"),
    ("ocireg_v1_delete_repository", "v1-status"),
    ("ocireg_v1_delete_tag", "v1-status"),
    ("ocireg_v1_image", "v1-image"),
    ("ocireg_v1_images", "v1-images"),
    ("ocireg_v1_layer_fd", "v1-layer"),
    ("ocireg_v1_layer_file", "v1-layer"),
    ("ocireg_v1_layer_memory", "v1-layer"),
    ("ocireg_v1_login", "v1-login"),
    ("ocireg_v1_ping", "v1-ping"),
    ("ocireg_v1_push", "v1-push"),
    ("ocireg_v1_put_checksum", "v1-status"),
    ("ocireg_v1_put_image", "v1-put-image"),
    ("ocireg_v1_put_layer", "v1-put-layer"),
    ("ocireg_v1_put_layer_file", "v1-put-layer"),
    ("ocireg_v1_put_tag", "v1-status"),
    ("ocireg_v1_search", "v1-search"),
    ("ocireg_v1_tag", "v1-tag"),
    ("ocireg_v1_tags", "v1-tags"),
];
/// This too, but it is not called here: its result is that of ocireg_upload_session_start.
const STATUS: &str = "ocireg_upload_session_status";

unsafe extern "C" fn keep_event(events: Handle, event: Text) -> i32 {
    let (events, event) = unsafe { (&*(events as *const Mutex<Vec<Value>>), CStr::from_ptr(event)) };
    events.lock().unwrap().push(serde_json::from_slice(event.to_bytes()).unwrap());
    0
}

/// A source of three bytes.
unsafe extern "C" fn three_bytes(left: Handle, buffer: *mut u8, _: usize) -> i64 {
    unsafe {
        let left = &mut *(left as *mut i64);
        std::ptr::write_bytes(buffer, b'x', *left as usize);
        std::mem::take(left)
    }
}

pub fn text(text: &str) -> CString {
    CString::new(text).unwrap()
}

/// Calls the C API, and validates results against their schemas.
pub struct Caller {
    pub client: Handle,
    pub context: Handle,
    events: Box<Mutex<Vec<Value>>>,
    blobs: Box<Mutex<Vec<Value>>>,
    pub called: BTreeSet<String>,
}

impl Caller {
    pub fn new(place: &TestRegistry) -> Caller {
        Caller::with(&json!({}), place)
    }

    /// A caller with client options.
    pub fn with(client: &Value, place: &TestRegistry) -> Caller {
        let (events, blobs, called) = (Box::default(), Box::default(), BTreeSet::new());
        let mut caller = Caller { client: null_mut(), context: null_mut(), events, blobs, called };
        unsafe {
            let general = options(client);
            assert_eq!(ocireg_client_new(general, &mut caller.client, null_mut()), 0);
            ocireg_options_free(general);
            assert_eq!(ocireg_context_new(&mut caller.context, null_mut()), 0);
            let events = &raw const *caller.events as Handle;
            assert_eq!(ocireg_context_set_log(caller.context, keep_event, events, null_mut()), 0);
            let blobs = &raw const *caller.blobs as Handle;
            assert_eq!(ocireg_context_set_blob_progress(caller.context, keep_event, blobs, null_mut()), 0);
            let options = options(&place.options);
            assert_eq!(ocireg_client_set_host(caller.client, text(&place.host).as_ptr(), options, null_mut()), 0);
            ocireg_options_free(options);
        }
        caller
    }

    /// The result of a call, validated against its schema; so is an error's JSON.
    pub fn hold(&mut self, name: &str, call: impl FnOnce(Json, Failure) -> i32) -> Result<Value, Value> {
        let (mut json, mut error) = (null_mut(), null_mut());
        let status = call(&mut json, &mut error);
        unsafe {
            if status != 0 {
                let text = CStr::from_ptr(ocireg_error_json(error)).to_str().unwrap();
                let value: Value = serde_json::from_str(text).unwrap();
                ocireg_error_free(error);
                self.fits("ocireg_error_json", &value);
                return Err(value);
            }
            let value: Value = serde_json::from_slice(CStr::from_ptr(json).to_bytes()).unwrap();
            ocireg_string_free(json);
            self.fits(name, &value);
            Ok(value)
        }
    }

    fn fits(&mut self, name: &str, value: &Value) {
        let (_, wanted) = RESULTS.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("{name}"));
        check(&schema(wanted), value).unwrap_or_else(|why| panic!("{name}: {why}\nin {value}"));
        self.called.insert(name.to_owned());
    }

    pub fn one(&mut self, (name, function): (&str, OneFn), argument: &str, with: Value) -> Result<Value, Value> {
        let (client, context, argument) = (self.client, self.context, text(argument));
        let options = options(&with);
        self.hold(name, |json, error| unsafe {
            let status = function(client, context, argument.as_ptr(), options, json, error);
            ocireg_options_free(options);
            status
        })
    }

    pub fn two(
        &mut self,
        (name, function): (&str, TwoFn),
        first: &str,
        second: &str,
        with: Value,
    ) -> Result<Value, Value> {
        let (client, context, first, second) = (self.client, self.context, text(first), text(second));
        let options = options(&with);
        self.hold(name, |json, error| unsafe {
            let status = function(client, context, first.as_ptr(), second.as_ptr(), options, json, error);
            ocireg_options_free(options);
            status
        })
    }

    pub fn put(&mut self, (name, function): (&str, PutFn), place: &str, bytes: &[u8]) -> Result<Value, Value> {
        let (client, context, place) = (self.client, self.context, text(place));
        self.hold(name, |json, error| unsafe {
            function(client, context, place.as_ptr(), bytes.as_ptr(), bytes.len(), null_mut(), json, error)
        })
    }

    pub fn bytes(&mut self, (name, function): (&str, BytesFn), reference: &str, with: Value) -> Result<Value, Value> {
        let (client, context, reference) = (self.client, self.context, text(reference));
        let options = options(&with);
        self.hold(name, |json, error| unsafe {
            let mut bytes = null_mut();
            let status = function(client, context, reference.as_ptr(), options, json, &mut bytes, error);
            ocireg_options_free(options);
            ocireg_buffer_free(bytes);
            status
        })
    }

    /// The blob events since the last call, each validated against its schema.
    pub fn blob_events(&mut self) -> Vec<Value> {
        let events = std::mem::take(&mut *self.blobs.lock().unwrap());
        events.iter().for_each(|event| self.fits("ocireg_blob_fn", event));
        events
    }

    pub fn progress(&mut self) -> Value {
        let context = self.context;
        self.hold("ocireg_context_progress", |json, error| unsafe { ocireg_context_progress(context, json, error) })
            .unwrap()
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        unsafe {
            ocireg_context_free(self.context);
            ocireg_client_free(self.client);
        }
    }
}

pub fn options(json: &Value) -> Handle {
    let mut options = null_mut();
    unsafe {
        assert_eq!(ocireg_options_new(&mut options, null_mut()), 0);
        assert_eq!(ocireg_options_parse(options, text(&json.to_string()).as_ptr(), null_mut()), 0, "{json}");
    }
    options
}

fn digest(bytes: &[u8]) -> String {
    ocireg::digest::Algorithm::Sha256.digest(bytes).to_string()
}

fn names(caller: &mut Caller) {
    for name in [
        "mongo",
        "localhost:5000/a/b:t",
        "example.org/a@sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        "UPPER/",
    ] {
        let name = text(name);
        let _ = caller.hold("ocireg_reference_parse", |json, error| unsafe {
            ocireg_reference_parse(name.as_ptr(), null_mut(), json, error)
        });
    }
    for name in ["docker.io", "http://localhost:5000", "https://example.org", "a b"] {
        let name = text(name);
        let _ =
            caller.hold("ocireg_index_parse", |json, error| unsafe { ocireg_index_parse(name.as_ptr(), json, error) });
    }
    for name in [
        "oci:/x:v1",
        "docker://a/b:c",
        "dir:/x",
        "oci-archive:/x.tar",
        "docker-archive:/x.tar:a:b",
        "docker-v1://a/b:c",
        "x://",
    ] {
        let name = text(name);
        let _ = caller
            .hold("ocireg_endpoint_parse", |json, error| unsafe { ocireg_endpoint_parse(name.as_ptr(), json, error) });
    }
}

/// A repository with an image that is there, one that is not, and what is not a manifest at the destination.
fn syncs(caller: &mut Caller, repository: &str, layout: &std::path::Path) {
    let target = format!("oci:{}", layout.display());
    for with in [
        json!({"dry_run": true}),
        json!({"newest": 1, "referrers": true}),
        json!({}),
        json!({"tags": ["t"], "prune": true}),
    ] {
        let synced = caller.two(Function::ocireg_sync, repository, &target, with).unwrap();
        assert_eq!(synced["tags"]["failed"], 0, "{synced}");
    }
    assert_eq!(caller.progress()["operation"], "sync");
    let list = format!("{repository}:t\n{repository}:none\n");
    let synced = caller.two(Function::ocireg_sync_list, &list, &target, json!({})).unwrap();
    assert_eq!((&synced["tags"]["failed"], &synced["error"]["name"]), (&json!(1), &json!("NOT_FOUND")));
}

fn uploads(caller: &mut Caller, repository: &str) {
    let bytes = noise(5000, 7);
    let (client, context, place, wanted) = (caller.client, caller.context, text(repository), text(&digest(&bytes)));
    let mut upload = null_mut();
    unsafe {
        assert_eq!(ocireg_upload_start(client, context, place.as_ptr(), null_mut(), &mut upload, null_mut()), 0);
        assert_eq!(ocireg_upload_write(upload, bytes.as_ptr(), bytes.len(), null_mut()), 0);
    }
    caller
        .hold("ocireg_upload_finish", |json, error| unsafe { ocireg_upload_finish(upload, null(), json, error) })
        .unwrap();
    unsafe {
        ocireg_upload_free(upload);
        assert_eq!(ocireg_upload_start(client, context, place.as_ptr(), null_mut(), &mut upload, null_mut()), 0);
    }
    caller.hold("ocireg_upload_save", |json, error| unsafe { ocireg_upload_save(upload, json, error) }).unwrap();
    unsafe { ocireg_upload_free(upload) };
    let session = caller.one(Function::ocireg_upload_session_start, repository, json!({})).unwrap();
    let session = text(&session.to_string());
    let session = caller
        .hold("ocireg_upload_session_chunk", |json, error| unsafe {
            let chunk = bytes.as_ptr();
            ocireg_upload_session_chunk(client, context, session.as_ptr(), chunk, bytes.len(), null_mut(), json, error)
        })
        .unwrap();
    let session = text(&session.to_string());
    caller
        .hold("ocireg_upload_session_finish", |json, error| unsafe {
            let (session, wanted) = (session.as_ptr(), wanted.as_ptr());
            ocireg_upload_session_finish(client, context, session, wanted, null(), 0, null_mut(), json, error)
        })
        .unwrap();
    let mut left = 3i64;
    caller
        .hold("ocireg_blob_put_stream", |json, error| unsafe {
            let left = &raw mut left as Handle;
            ocireg_blob_put_stream(client, context, place.as_ptr(), three_bytes, left, null_mut(), json, error)
        })
        .unwrap();
}

fn blobs(caller: &mut Caller, repository: &str, folder: &std::path::Path) {
    let bytes = noise(3000, 8);
    let reference = format!("{repository}@{}", digest(&bytes));
    let (source, target) = (folder.join("source"), folder.join("target"));
    std::fs::write(&source, &bytes).unwrap();
    caller.two(Function::ocireg_blob_put_file, repository, source.to_str().unwrap(), json!({})).unwrap();
    caller.put(Function::ocireg_blob_put_memory, repository, &bytes).unwrap();
    caller.progress();
    caller.two(Function::ocireg_blob_get_file, &reference, target.to_str().unwrap(), json!({})).unwrap();
    caller.bytes(Function::ocireg_blob_get_memory, &reference, json!({"offset": 10, "length": 20})).unwrap();
    assert_eq!(caller.progress()["done"], 20);
    let file = std::fs::File::create(&target).unwrap();
    let (client, context, name) = (caller.client, caller.context, text(&reference));
    caller
        .hold("ocireg_blob_get_fd", |json, error| unsafe {
            let fd = std::os::fd::AsRawFd::as_raw_fd(&file);
            ocireg_blob_get_fd(client, context, name.as_ptr(), fd, null_mut(), json, error)
        })
        .unwrap();
    let mut reader = null_mut();
    unsafe { assert_eq!(ocireg_blob_open(client, context, name.as_ptr(), null_mut(), &mut reader, null_mut()), 0) };
    caller
        .hold("ocireg_blob_reader_info", |json, error| unsafe { ocireg_blob_reader_info(reader, json, error) })
        .unwrap();
    unsafe { ocireg_blob_reader_free(reader) };
    caller.one(Function::ocireg_blob_head, &reference, json!({})).unwrap();
    caller.one(Function::ocireg_blob_head, &format!("{repository}@{}", digest(b"none")), json!({})).unwrap();
    for with in [json!({}), json!({"follow": false}), json!({"check": true, "min_validity_ms": 1000})] {
        caller.one(Function::ocireg_blob_locate, &reference, with).unwrap();
    }
    let layout = format!("oci:{}", folder.join("held").display());
    caller.two(Function::ocireg_blob_copy, &reference, &layout, json!({"size": bytes.len()})).unwrap();
    caller.put(Function::ocireg_blob_put_memory, &layout, &bytes).unwrap();
    caller.one(Function::ocireg_blob_head, &format!("{layout}@{}", digest(&bytes)), json!({})).unwrap();
    caller.bytes(Function::ocireg_blob_get_memory, &format!("{layout}@{}", digest(&bytes)), json!({})).unwrap();
    caller.one(Function::ocireg_token, repository, json!({"actions": "pull,push", "fresh": true})).unwrap();
    for from in [repository.to_owned(), format!("{repository}-none")] {
        caller
            .two(Function::ocireg_blob_mount, &format!("{repository}-2@{}", digest(&bytes)), &from, json!({}))
            .unwrap();
    }
    // Some registries cannot delete blobs.
    let _ = caller.one(Function::ocireg_blob_delete, &reference, json!({}));
}

/// The same calls of a layout.
fn in_a_layout(caller: &mut Caller, place: &str, manifest: &[u8]) {
    caller.bytes(Function::ocireg_manifest_get, place, json!({})).unwrap();
    caller.one(Function::ocireg_manifest_head, place, json!({})).unwrap();
    caller.one(Function::ocireg_referrers, place, json!({})).unwrap();
    caller.one(Function::ocireg_repository_tags, place, json!({"digests": true})).unwrap();
    caller.put(Function::ocireg_manifest_put, &format!("{place}2"), manifest).unwrap();
    caller.two(Function::ocireg_image_tag, place, "t3", json!({"if_exists": "fail"})).unwrap();
    caller.one(Function::ocireg_tag_delete, &format!("{place}2"), json!({"list_others": true})).unwrap();
    caller.one(Function::ocireg_manifest_delete, &format!("{place}3"), json!({})).unwrap();
}

/// An image, what refers to it, and an index that lists it.
struct Documents {
    image: String,
    artifact: String,
    index: String,
}

fn documents(config: &[u8]) -> Documents {
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let image = json!({"schemaVersion": 2, "mediaType": kind, "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": digest(config), "size": config.len()}, "layers": []});
    let bytes = image.to_string();
    let mut artifact = image.clone();
    artifact["artifactType"] = "application/x".into();
    artifact["subject"] = json!({"mediaType": kind, "digest": digest(bytes.as_bytes()), "size": bytes.len()});
    let platform =
        json!({"os": "linux", "architecture": "arm64", "variant": "v8", "os.version": "1", "os.features": ["x"]});
    let index = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [
        {"mediaType": kind, "digest": digest(bytes.as_bytes()), "size": bytes.len(), "platform": platform}]});
    Documents { image: bytes, artifact: artifact.to_string(), index: index.to_string() }
}

fn inspected_and_built(caller: &mut Caller, documents: [&String; 3]) {
    for document in documents {
        caller
            .hold("ocireg_manifest_inspect", |json, error| unsafe {
                ocireg_manifest_inspect(document.as_ptr(), document.len(), null_mut(), json, error)
            })
            .unwrap();
    }
    let parts = CString::new(r#"{"artifactType":"application/x","annotations":{"a":"b"}}"#).unwrap();
    caller
        .hold("ocireg_manifest_build", |json, error| unsafe {
            ocireg_manifest_build(parts.as_ptr(), null_mut(), json, null_mut(), error)
        })
        .unwrap();
}

/// What a registry tells of an image and of itself. Returns the referrers of the image.
fn asked(caller: &mut Caller, registry: &str, repository: &str, pinned: &str) -> Value {
    let named = format!("{repository}:t");
    caller.bytes(Function::ocireg_manifest_get, &named, json!({})).unwrap();
    let picked = json!({"platform": "linux/arm64/v8:1"});
    caller.bytes(Function::ocireg_manifest_get, &format!("{repository}:index"), picked).unwrap();
    caller.one(Function::ocireg_manifest_head, &named, json!({})).unwrap();
    caller.one(Function::ocireg_manifest_locate, &named, json!({})).unwrap();
    let found = caller.one(Function::ocireg_referrers, pinned, json!({})).unwrap();
    assert_eq!(found["referrers"].as_array().unwrap().len(), 1);
    caller.one(Function::ocireg_repository_tags, repository, json!({"digests": true})).unwrap();
    caller.one(Function::ocireg_registry_ping, registry, json!({})).unwrap();
    caller.one(Function::ocireg_registry_catalog, registry, json!({"n": 1})).unwrap();
    found["referrers"].clone()
}

/// Copies of an image to places of this machine, and the same questions by the names of places.
fn copied(caller: &mut Caller, repository: &str, target: &str, layout: &std::path::Path) {
    let named = format!("{repository}:t");
    for with in [json!({"dry_run": true}), json!({})] {
        caller.two(Function::ocireg_copy, &format!("docker://{named}"), target, with).unwrap();
    }
    assert_eq!(caller.progress()["operation"], "copy");
    syncs(caller, repository, &layout.with_extension("synced"));
    let named_index = format!("docker://{repository}:index");
    caller.bytes(Function::ocireg_endpoint_manifest, &named_index, json!({"platform": "linux/arm64/v8:1"})).unwrap();
    caller.one(Function::ocireg_endpoint_list, target, json!({})).unwrap();
    for options in [json!({}), json!({"quick": true, "referrers": true})] {
        let report = caller.one(Function::ocireg_image_validate, &named, options).unwrap();
        assert_eq!((&report["valid"], &report["problems"]), (&json!(true), &json!([])));
    }
}

fn manifests(caller: &mut Caller, registry: &str, repository: &str, folder: &std::path::Path) {
    let config = br#"{"os":"linux","architecture":"amd64"}"#;
    caller.put(Function::ocireg_blob_put_memory, repository, config).unwrap();
    let Documents { image, artifact, index } = documents(config);
    let (named, pinned) = (format!("{repository}:t"), format!("{repository}@{}", digest(image.as_bytes())));
    let referrer = format!("{repository}@{}", digest(artifact.as_bytes()));
    caller.put(Function::ocireg_manifest_put, &named, image.as_bytes()).unwrap();
    caller.put(Function::ocireg_manifest_put, &referrer, artifact.as_bytes()).unwrap();
    caller.put(Function::ocireg_manifest_put, &format!("{repository}:index"), index.as_bytes()).unwrap();
    inspected_and_built(caller, [&image, &artifact, &index]);
    let referrers = asked(caller, registry, repository, &pinned);
    let layout = folder.join("layout");
    let target = format!("oci:{}:t", layout.display());
    copied(caller, repository, &target, &layout);
    let listed = caller.one(Function::ocireg_endpoint_referrers, &format!("docker://{pinned}"), json!({})).unwrap();
    assert_eq!(listed["referrers"], referrers);
    in_a_layout(caller, &target, image.as_bytes());
    caller.one(Function::ocireg_layout_check, layout.to_str().unwrap(), json!({})).unwrap();
    caller.one(Function::ocireg_layout_clean, layout.to_str().unwrap(), json!({})).unwrap();
    let context = caller.context;
    caller
        .hold("ocireg_context_warnings", |json, error| unsafe { ocireg_context_warnings(context, json, error) })
        .unwrap();
    let _ = caller.one(Function::ocireg_tag_delete, &named, json!({"list_others": true}));
    caller.one(Function::ocireg_manifest_delete, &referrer, json!({})).unwrap();
}

#[test]
fn every_result_is_as_its_schema_says() {
    let (mut called, mut states) = (BTreeSet::new(), BTreeSet::new());
    for name in ["V2", "V3", "TOKEN", "GGCR"] {
        let place = TestRegistry::new(&format!("OCIREG_TEST_{name}"));
        let mut caller = Caller::new(&place);
        let repository = format!("{}/schemas/{}", place.host, name.to_lowercase());
        let folder = tempfile::tempdir_in(env("OCIREG_TEST_TMP")).unwrap();
        names(&mut caller);
        uploads(&mut caller, &repository);
        blobs(&mut caller, &repository, folder.path());
        manifests(&mut caller, &place.host, &repository, folder.path());
        crate::schemas_image::tell(&mut caller, &mut states);
        let images = format!("schemas/image-{}", name.to_lowercase());
        let artifacts = format!("{}/{images}/artifacts", place.host);
        crate::schemas_artifact::call_all(&mut caller, &artifacts, folder.path());
        crate::schemas_image::call_all(&mut caller, &place, &images, folder.path(), &mut states);
        caller.bytes(Function::ocireg_manifest_get, &format!("{repository}:none"), json!({})).unwrap_err();
        caller.one(Function::ocireg_registry_ping, "127.0.0.1:1", json!({})).unwrap_err();
        let events = std::mem::take(&mut *caller.events.lock().unwrap());
        assert!(events.len() > 20);
        for event in &events {
            caller.fits("ocireg_log_fn", event);
            assert!(!event.to_string().contains(PASSWORD));
        }
        called.append(&mut caller.called);
    }
    let place = TestRegistry::new("OCIREG_TEST_V1");
    let mut caller = Caller::new(&place);
    crate::schemas_old::call_all(&mut caller, &place.host);
    called.append(&mut caller.called);
    called.append(&mut crate::schemas_login::call_all());
    let all = ["begun", "copied", "mounted", "moving", "skipped"].map(str::to_owned);
    assert_eq!(states, BTreeSet::from(all), "what blobs of a copy went through");
    let listed: BTreeSet<String> = RESULTS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(called, listed, "each was called, and had its result checked");
}

fn header() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/include/ocireg.h")).unwrap()
}

#[test]
fn every_function_that_gives_json_is_listed() {
    let header = header();
    let prototypes = header.split(';').filter(|part| part.contains("char **json"));
    let found: BTreeSet<&str> = prototypes
        .map(|part| part.split('(').rev().nth(1).unwrap().rsplit([' ', '*', '\n']).next().unwrap())
        .filter(|name| *name != STATUS)
        .collect();
    let others = ["ocireg_blob_fn", "ocireg_error_json", "ocireg_log_fn"];
    let listed: BTreeSet<&str> = RESULTS.iter().map(|(name, _)| *name).filter(|name| !others.contains(name)).collect();
    assert_eq!(found, listed, "each needs its schema in tests/schemas, and a call here");
}

#[test]
fn every_field_is_described_here_and_in_the_header() {
    let header = header();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemas");
    for file in std::fs::read_dir(folder).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let name = name.strip_suffix(".json").unwrap();
        let schema = schema(name);
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{name}");
        let mut fields = vec![];
        properties(&schema, &mut fields);
        for (field, inner) in fields {
            assert!(
                header.contains(&format!("\"{field}\"")),
                "{name}.json has \"{field}\", which the header does not name"
            );
            let described = inner["description"].as_str().is_some_and(|text| text.len() > 3);
            assert!(described, "{name}.json does not say what \"{field}\" is");
            let typed = ["type", "$ref", "anyOf", "enum"].iter().any(|keyword| inner.get(keyword).is_some());
            assert!(typed || field == "detail", "{name}.json does not say what type \"{field}\" has");
        }
    }
    for (function, name) in RESULTS {
        assert!(schema(name)["title"].is_string(), "{function}");
    }
}
