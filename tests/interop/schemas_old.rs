//! The results of protocol v1 and of schema 1, each validated against its schema.

#![allow(unsafe_code)]

use std::os::fd::AsRawFd as _;
use std::ptr::null_mut;

use serde_json::json;

use crate::prototypes::*;
use crate::schemas::{options, text, Caller};
use crate::{env, noise, sha256};

/// Calls every function, against a docker-registry 0.9.1.
pub fn call_all(caller: &mut Caller, host: &str) {
    signed(caller);
    caller.one(Function::ocireg_registry_detect, host, json!({})).unwrap();
    caller.one(Function::ocireg_v1_ping, host, json!({})).unwrap();
    caller.one(Function::ocireg_v1_login, host, json!({"username": "u", "password": "p"})).unwrap();
    let name = format!("{host}/schemas/v1-{}", std::process::id());
    let id = |number: u8| sha256(format!("schemas {number} {}", std::process::id()).as_bytes()).hex().to_owned();
    let (base, top) = (id(0), id(1));
    let folder = tempfile::tempdir_in(env("OCIREG_TEST_TMP")).unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let layer = noise(3000, 9);
    std::fs::write(path("source"), &layer).unwrap();
    write(caller, &name, &json!({"id": base}).to_string(), &layer, None);
    write(caller, &name, &json!({"id": top, "parent": base}).to_string(), &layer, Some(&path("source")));
    let tagged = format!("{name}:t");
    caller.two(Function::ocireg_v1_put_tag, &tagged, &top, json!({})).unwrap();

    let found = caller.two(Function::ocireg_v1_search, host, &format!("v1-{}", std::process::id()), json!({})).unwrap();
    assert_eq!(found["num_results"], 1);
    caller.one(Function::ocireg_v1_images, &name, json!({})).unwrap();
    caller.one(Function::ocireg_v1_tags, &name, json!({})).unwrap();
    caller.one(Function::ocireg_v1_tag, &tagged, json!({})).unwrap();
    let ancestry = caller.two(Function::ocireg_v1_ancestry, &name, &top, json!({})).unwrap();
    assert_eq!(ancestry["ancestry"], json!([top, base]));
    read(caller, &name, &top, &path("target"));
    assert_eq!(caller.progress()["operation"], "v1 layer");

    let layout = format!("oci:{}", path("layout"));
    caller.two(Function::ocireg_copy, &format!("docker-v1://{tagged}"), &layout, json!({})).unwrap();
    for uploaded in [true, false] {
        let pushed = caller.two(Function::ocireg_v1_push, &layout, &format!("{name}:pushed"), json!({})).unwrap();
        assert_eq!(pushed["images"][1]["uploaded"], uploaded);
        assert_eq!(caller.progress()["operation"], "v1 push");
    }
    caller.one(Function::ocireg_v1_delete_tag, &tagged, json!({})).unwrap();
    caller.one(Function::ocireg_v1_tag, &tagged, json!({})).unwrap_err();
    caller.one(Function::ocireg_v1_delete_repository, &name, json!({})).unwrap();
}

/// Puts an image; its layer from memory, or from a file and with a separate checksum.
fn write(caller: &mut Caller, name: &str, image: &str, layer: &[u8], file: Option<&str>) {
    let uploaded = caller.put(Function::ocireg_v1_put_image, name, image.as_bytes()).unwrap();
    let (client, context, place) = (caller.client, caller.context, text(name));
    let Some(file) = file else {
        let put = |json, error| unsafe {
            ocireg_v1_put_layer(
                client,
                context,
                place.as_ptr(),
                image.as_ptr(),
                image.len(),
                layer.as_ptr(),
                layer.len(),
                null_mut(),
                json,
                error,
            )
        };
        caller.hold("ocireg_v1_put_layer", put).unwrap();
        assert_eq!(caller.progress()["operation"], "v1 put layer");
        return;
    };
    let (file, with) = (text(file), options(&json!({"finish": false})));
    let put = |json, error| unsafe {
        ocireg_v1_put_layer_file(
            client,
            context,
            place.as_ptr(),
            image.as_ptr(),
            image.len(),
            file.as_ptr(),
            with,
            json,
            error,
        )
    };
    let stored = caller.hold("ocireg_v1_put_layer_file", put).unwrap();
    unsafe { ocireg_options_free(with) };
    let (id, sum) = (text(uploaded["id"].as_str().unwrap()), text(stored["checksum"].as_str().unwrap()));
    let put = |json, error| unsafe {
        ocireg_v1_put_checksum(client, context, place.as_ptr(), id.as_ptr(), sum.as_ptr(), null_mut(), json, error)
    };
    caller.hold("ocireg_v1_put_checksum", put).unwrap();
}

fn read(caller: &mut Caller, name: &str, id: &str, target: &str) {
    let (client, context, name, id, path) = (caller.client, caller.context, text(name), text(id), text(target));
    let none = null_mut();
    let get = |json, error| unsafe {
        ocireg_v1_image(client, context, name.as_ptr(), id.as_ptr(), none, json, null_mut(), error)
    };
    caller.hold("ocireg_v1_image", get).unwrap();
    let get = |json, error| unsafe {
        let mut bytes = null_mut();
        let status = ocireg_v1_layer_memory(client, context, name.as_ptr(), id.as_ptr(), none, json, &mut bytes, error);
        ocireg_buffer_free(bytes);
        status
    };
    caller.hold("ocireg_v1_layer_memory", get).unwrap();
    let get = |json, error| unsafe {
        ocireg_v1_layer_file(client, context, name.as_ptr(), id.as_ptr(), path.as_ptr(), none, json, error)
    };
    assert_eq!(caller.hold("ocireg_v1_layer_file", get).unwrap()["path"], target);
    let (file, with) = (std::fs::File::create(target).unwrap(), options(&json!({"offset": 5})));
    let get = |json, error| unsafe {
        ocireg_v1_layer_fd(client, context, name.as_ptr(), id.as_ptr(), file.as_raw_fd(), with, json, error)
    };
    assert_eq!(caller.hold("ocireg_v1_layer_fd", get).unwrap()["offset"], 5);
    unsafe { ocireg_options_free(with) };
}

/// Files of tests/vectors: their signers and keys.
fn signed(caller: &mut Caller) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schema1");
    for name in
        ["a.json", "containers-image.json", "regclient.json", "boxplay.json", "hello-world.json", "bad-signature.json"]
    {
        let bytes = std::fs::read(format!("{folder}/{name}")).unwrap();
        let verify =
            |json, error| unsafe { ocireg_schema1_verify(bytes.as_ptr(), bytes.len(), null_mut(), json, error) };
        assert_eq!(caller.hold("ocireg_schema1_verify", verify).is_ok(), name != "bad-signature.json", "{name}");
    }
    for name in ["a-key.pem", "rsa-public.pem"] {
        let pem = text(&std::fs::read_to_string(format!("{folder}/{name}")).unwrap());
        let info = |json, error| unsafe { ocireg_schema1_key_info(pem.as_ptr(), json, error) };
        caller.hold("ocireg_schema1_key_info", info).unwrap();
    }
}
