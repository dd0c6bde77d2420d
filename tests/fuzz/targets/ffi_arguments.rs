//! The functions of the C API that take strings, and what else they take, as the header says.

#![allow(unsafe_code)]

/// How a function can be called with up to twelve pointers and integers: as many as it has are read.
pub type AnyFunction =
    unsafe extern "C" fn(usize, usize, usize, usize, usize, usize, usize, usize, usize, usize, usize, usize) -> usize;

macro_rules! functions {
    ($($name:ident,)*) => {
        #[allow(clashing_extern_declarations)]
        extern "C" {
            $(fn $name();)*
        }

        /// Those with a `const char *`.
        pub fn functions() -> Vec<(&'static str, AnyFunction)> {
            // SAFETY: it is called with what the header says that it takes.
            vec![$((stringify!($name), unsafe {
                std::mem::transmute::<unsafe extern "C" fn(), AnyFunction>($name as unsafe extern "C" fn())
            }),)*]
        }
    };
}

functions! {
    ocireg_json_parse,
    ocireg_json_kind,
    ocireg_json_at,
    ocireg_json_text,
    ocireg_json_string,
    ocireg_json_integer,
    ocireg_json_boolean,
    ocireg_json_size,
    ocireg_json_item,
    ocireg_json_key,
    ocireg_manifest_layer,
    ocireg_json_dump,
    ocireg_options_set_string,
    ocireg_options_set_int,
    ocireg_options_set_bool,
    ocireg_options_add_string,
    ocireg_options_parse,
    ocireg_client_set_host,
    ocireg_index_parse,
    ocireg_reference_parse,
    ocireg_manifest_build,
    ocireg_registry_ping,
    ocireg_registry_detect,
    ocireg_registry_catalog,
    ocireg_repository_tags,
    ocireg_manifest_get,
    ocireg_manifest_head,
    ocireg_manifest_digest,
    ocireg_manifest_put,
    ocireg_manifest_delete,
    ocireg_referrers,
    ocireg_tag_delete,
    ocireg_blob_head,
    ocireg_blob_get_file,
    ocireg_blob_get_fd,
    ocireg_blob_get_memory,
    ocireg_blob_open,
    ocireg_blob_put_file,
    ocireg_blob_put_memory,
    ocireg_blob_put_stream,
    ocireg_blob_copy,
    ocireg_blob_delete,
    ocireg_upload_start,
    ocireg_upload_finish,
    ocireg_upload_session_start,
    ocireg_upload_session_status,
    ocireg_upload_session_chunk,
    ocireg_upload_session_finish,
    ocireg_upload_session_cancel,
    ocireg_blob_mount,
    ocireg_endpoint_parse,
    ocireg_copy,
    ocireg_layout_check,
    ocireg_layout_clean,
    ocireg_endpoint_manifest,
    ocireg_endpoint_list,
    ocireg_endpoint_referrers,
    ocireg_artifact_add_file,
    ocireg_artifact_push,
    ocireg_artifact_attach,
    ocireg_artifact_pull,
    ocireg_sync,
    ocireg_sync_list,
    ocireg_schema1_sign,
    ocireg_schema1_key_info,
    ocireg_login,
    ocireg_logout,
    ocireg_explain,
    ocireg_token,
    ocireg_blob_locate,
    ocireg_manifest_locate,
    ocireg_v1_ping,
    ocireg_v1_search,
    ocireg_v1_images,
    ocireg_v1_tags,
    ocireg_v1_tag,
    ocireg_v1_ancestry,
    ocireg_v1_image,
    ocireg_v1_login,
    ocireg_v1_layer_file,
    ocireg_v1_layer_fd,
    ocireg_v1_layer_memory,
    ocireg_v1_layer_open,
    ocireg_v1_put_image,
    ocireg_v1_put_layer,
    ocireg_v1_put_layer_file,
    ocireg_v1_put_checksum,
    ocireg_v1_put_tag,
    ocireg_v1_push,
    ocireg_v1_delete_tag,
    ocireg_v1_delete_repository,
    ocireg_image_config,
    ocireg_image_validate,
    ocireg_image_size,
    ocireg_image_tag,
    ocireg_image_append,
    ocireg_repository_remove,
    ocireg_index_create,
    ocireg_index_append,
    ocireg_index_remove,
    ocireg_image_export_file,
    ocireg_image_export_fd,
    ocireg_image_export_stream,
    ocireg_image_extract,
    ocireg_image_files,
    ocireg_image_cat,
}

/// The types of a function's parameters, and what it returns.
pub struct Prototype {
    pub returns: String,
    pub parameters: Vec<String>,
}

/// All prototypes of the header.
pub fn prototypes() -> Vec<(String, Prototype)> {
    let header = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/include/ocireg.h"))
        .or_else(|_| std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../include/ocireg.h")))
        .unwrap();
    let mut code = String::new();
    for part in header.split("/*") {
        code.push_str(part.split_once("*/").map_or(part, |(_, rest)| rest));
    }
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//") && !line.starts_with('#'));
    let code = lines.collect::<Vec<_>>().join(" ");
    code.split(';').filter_map(prototype).collect()
}

fn prototype(declaration: &str) -> Option<(String, Prototype)> {
    let (head, rest) = declaration.split_once('(')?;
    let head = head.trim();
    let name_at = head.rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))? + 1;
    let (returns, name) = head.split_at(name_at);
    let returns = returns.trim().trim_start_matches("extern \"C\" {").trim().to_owned();
    if !name.starts_with("ocireg_") || returns.starts_with("typedef") {
        return None;
    }
    let kind = |parameter: &str| {
        let words = parameter.split_whitespace().collect::<Vec<_>>().join(" ");
        words.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').trim().to_owned()
    };
    let parameters = rest.rsplit_once(')')?.0.split(',').map(kind).collect();
    Some((name.to_owned(), Prototype { returns, parameters }))
}

/// The functions that ought to be in the list: those with a string and without a floating-point number, which is passed elsewhere.
pub fn with_strings() -> Vec<String> {
    let takes = |prototype: &Prototype, kind: &str| prototype.parameters.iter().any(|one| one == kind);
    let all = prototypes().into_iter();
    let all = all.filter(|(_, prototype)| takes(prototype, "const char *") && !takes(prototype, "double"));
    all.map(|(name, _)| name).collect()
}
