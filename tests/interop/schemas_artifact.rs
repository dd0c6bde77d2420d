//! The results of artifacts, each validated against its schema.

#![allow(unsafe_code)]

use std::path::Path;
use std::ptr::null_mut;

use serde_json::{json, Value};

use crate::prototypes::*;
use crate::schemas::{options, text, Caller};

/// Calls every function, in a separate repository.
pub fn call_all(caller: &mut Caller, repository: &str, folder: &Path) {
    let file = folder.join("file-of-an-artifact");
    std::fs::write(&file, "text").unwrap();
    let mut artifact: Handle = null_mut();
    unsafe {
        assert_eq!(ocireg_artifact_new(&mut artifact, null_mut()), 0);
        let path = text(file.to_str().unwrap());
        assert_eq!(ocireg_artifact_add_file(artifact, path.as_ptr(), null_mut(), null_mut()), 0);
    }
    let place = format!("{repository}:v1");
    let pushed = put(caller, Function::ocireg_artifact_push, artifact, &place, json!({"artifact_type": "a/b"}));
    assert_eq!((&pushed["artifactType"], &pushed["subject"]), (&json!("a/b"), &Value::Null));
    let attached = put(caller, Function::ocireg_artifact_attach, artifact, &place, json!({}));
    assert_eq!(attached["subject"]["digest"], pushed["digest"]);
    let out = folder.join("pulled").display().to_string();
    let pulled = caller.two(Function::ocireg_artifact_pull, &place, &out, json!({})).unwrap();
    assert_eq!((&pulled["artifactType"], &pulled["files"][0]["kept"]), (&json!("a/b"), &json!(false)));
    let kept = caller.two(Function::ocireg_artifact_pull, &place, &out, json!({"keep_old": true})).unwrap();
    assert_eq!((&kept["kept"], &kept["files"][0]["kept"]), (&json!(1), &json!(true)));
    let left = put(caller, Function::ocireg_artifact_push, artifact, &place, json!({"if_exists": "skip"}));
    assert_eq!((&left["size"], &left["config"]), (&Value::Null, &Value::Null));
    unsafe { ocireg_artifact_free(artifact) };
}

fn put(caller: &mut Caller, (name, function): (&str, ArtifactFn), artifact: Handle, place: &str, with: Value) -> Value {
    let (client, context, place, options) = (caller.client, caller.context, text(place), options(&with));
    let done = caller.hold(name, |json, error| unsafe {
        let status = function(client, context, artifact, place.as_ptr(), options, json, error);
        ocireg_options_free(options);
        status
    });
    done.unwrap()
}
