//! The prototypes of the C API that schemas.rs calls, as in the header.

#![allow(unsafe_code)]

use std::ffi::{c_char, c_void};

pub type Handle = *mut c_void;
pub type Text = *const c_char;
pub type Json = *mut *mut c_char;
pub type Failure = *mut Handle;

// The prototypes of the header.
extern "C" {
    pub fn ocireg_options_new(options: Failure, error: Failure) -> i32;
    pub fn ocireg_options_parse(options: Handle, json: Text, error: Failure) -> i32;
    pub fn ocireg_options_free(options: Handle);
    pub fn ocireg_client_new(options: Handle, client: Failure, error: Failure) -> i32;
    pub fn ocireg_client_set_host(client: Handle, host: Text, options: Handle, error: Failure) -> i32;
    pub fn ocireg_client_free(client: Handle);
    pub fn ocireg_context_new(context: Failure, error: Failure) -> i32;
    pub fn ocireg_context_set_log(context: Handle, callback: LogFn, userdata: Handle, error: Failure) -> i32;
    pub fn ocireg_context_set_blob_progress(context: Handle, callback: LogFn, userdata: Handle, e: Failure) -> i32;
    pub fn ocireg_context_set_credentials(context: Handle, callback: AskFn, userdata: Handle, e: Failure) -> i32;
    pub fn ocireg_context_progress(context: Handle, json: Json, error: Failure) -> i32;
    pub fn ocireg_context_warnings(context: Handle, json: Json, error: Failure) -> i32;
    pub fn ocireg_context_free(context: Handle);
    pub fn ocireg_error_json(error: Handle) -> Text;
    pub fn ocireg_error_free(error: Handle);
    pub fn ocireg_string_free(text: *mut c_char);
    pub fn ocireg_index_parse(name: Text, json: Json, error: Failure) -> i32;
    pub fn ocireg_endpoint_parse(name: Text, json: Json, error: Failure) -> i32;
    pub fn ocireg_reference_parse(name: Text, options: Handle, json: Json, error: Failure) -> i32;
    pub fn ocireg_manifest_build(parts: Text, options: Handle, json: Json, bytes: Failure, error: Failure) -> i32;
    pub fn ocireg_manifest_inspect(data: *const u8, size: usize, options: Handle, json: Json, error: Failure) -> i32;
    pub fn ocireg_blob_open(c: Handle, x: Handle, reference: Text, o: Handle, reader: Failure, e: Failure) -> i32;
    pub fn ocireg_blob_reader_info(reader: Handle, json: Json, error: Failure) -> i32;
    pub fn ocireg_blob_reader_free(reader: Handle);
    pub fn ocireg_blob_get_fd(c: Handle, x: Handle, reference: Text, fd: i32, o: Handle, json: Json, e: Failure)
        -> i32;
    pub fn ocireg_blob_put_stream(
        c: Handle,
        x: Handle,
        repository: Text,
        callback: ReadFn,
        userdata: Handle,
        o: Handle,
        json: Json,
        e: Failure,
    ) -> i32;
    pub fn ocireg_upload_start(c: Handle, x: Handle, repository: Text, o: Handle, upload: Failure, e: Failure) -> i32;
    pub fn ocireg_upload_write(upload: Handle, data: *const u8, size: usize, e: Failure) -> i32;
    pub fn ocireg_upload_finish(upload: Handle, digest: Text, json: Json, e: Failure) -> i32;
    pub fn ocireg_upload_save(upload: Handle, json: Json, e: Failure) -> i32;
    pub fn ocireg_upload_free(upload: Handle);
    pub fn ocireg_upload_session_chunk(
        c: Handle,
        x: Handle,
        session: Text,
        data: *const u8,
        size: usize,
        o: Handle,
        json: Json,
        e: Failure,
    ) -> i32;
    pub fn ocireg_upload_session_finish(
        c: Handle,
        x: Handle,
        session: Text,
        digest: Text,
        data: *const u8,
        size: usize,
        o: Handle,
        json: Json,
        e: Failure,
    ) -> i32;
}

pub type LogFn = unsafe extern "C" fn(Handle, Text) -> i32;
pub type AskFn = unsafe extern "C" fn(Handle, Text, Handle) -> i32;
pub type WriteFn = unsafe extern "C" fn(Handle, *const u8, usize) -> i32;
pub type ReadFn = unsafe extern "C" fn(Handle, *mut u8, usize) -> i64;
/// Client, context, one text, options.
pub type OneFn = unsafe extern "C" fn(Handle, Handle, Text, Handle, Json, Failure) -> i32;
/// Client, context, two texts, options.
pub type TwoFn = unsafe extern "C" fn(Handle, Handle, Text, Text, Handle, Json, Failure) -> i32;
/// Client, context, a text, bytes, options.
pub type PutFn = unsafe extern "C" fn(Handle, Handle, Text, *const u8, usize, Handle, Json, Failure) -> i32;
/// Client, context, a text, options; bytes in addition to the JSON.
pub type BytesFn = unsafe extern "C" fn(Handle, Handle, Text, Handle, Json, Failure, Failure) -> i32;

/// The functions that share a shape, with their names.
pub struct Function;

macro_rules! prototypes {
    ($kind:ty, $arguments:tt: $($name:ident)*) => { $(prototype!($kind, $arguments, $name);)* };
}

/// The prototype, and the function with its name as a constant.
macro_rules! prototype {
    ($kind:ty, ($($argument:ty),*), $name:ident) => {
        extern "C" {
            fn $name($(_: $argument),*) -> i32;
        }
        impl Function {
            #[allow(non_upper_case_globals)]
            pub const $name: (&'static str, $kind) = (stringify!($name), $name);
        }
    };
}

prototypes!(OneFn, (Handle, Handle, Text, Handle, Json, Failure):
    ocireg_registry_ping ocireg_registry_catalog ocireg_repository_tags ocireg_manifest_head ocireg_manifest_delete
    ocireg_referrers ocireg_tag_delete ocireg_blob_head ocireg_blob_delete ocireg_upload_session_start
    ocireg_layout_check ocireg_layout_clean ocireg_registry_detect ocireg_v1_ping ocireg_v1_images ocireg_v1_tags
    ocireg_v1_tag ocireg_v1_login ocireg_v1_delete_tag ocireg_v1_delete_repository ocireg_image_size ocireg_image_validate
    ocireg_image_append ocireg_index_create ocireg_index_append ocireg_index_remove ocireg_image_files ocireg_endpoint_list ocireg_endpoint_referrers ocireg_repository_remove ocireg_login ocireg_logout ocireg_explain
    ocireg_token ocireg_blob_locate ocireg_manifest_locate);
prototypes!(TwoFn, (Handle, Handle, Text, Text, Handle, Json, Failure):
    ocireg_blob_get_file ocireg_blob_put_file ocireg_blob_mount ocireg_blob_copy ocireg_copy ocireg_v1_search ocireg_v1_ancestry ocireg_v1_put_tag
    ocireg_v1_push ocireg_image_export_file ocireg_image_extract ocireg_image_tag ocireg_artifact_pull ocireg_sync ocireg_sync_list);
prototypes!(PutFn, (Handle, Handle, Text, *const u8, usize, Handle, Json, Failure):
    ocireg_manifest_put ocireg_blob_put_memory ocireg_v1_put_image);
prototypes!(BytesFn, (Handle, Handle, Text, Handle, Json, Failure, Failure):
    ocireg_manifest_get ocireg_blob_get_memory ocireg_image_config ocireg_endpoint_manifest);

/// Client, context, an artifact, a text, options.
pub type ArtifactFn = unsafe extern "C" fn(Handle, Handle, Handle, Text, Handle, Json, Failure) -> i32;

prototypes!(ArtifactFn, (Handle, Handle, Handle, Text, Handle, Json, Failure):
    ocireg_artifact_push ocireg_artifact_attach);

extern "C" {
    pub fn ocireg_artifact_new(artifact: Failure, error: Failure) -> i32;
    pub fn ocireg_artifact_add_file(artifact: Handle, path: Text, o: Handle, e: Failure) -> i32;
    pub fn ocireg_artifact_free(artifact: Handle);
    pub fn ocireg_buffer_free(buffer: Handle);
    pub fn ocireg_image_cat(
        c: Handle,
        x: Handle,
        image: Text,
        path: Text,
        fd: i32,
        o: Handle,
        j: Json,
        e: Failure,
    ) -> i32;
    pub fn ocireg_image_export_fd(c: Handle, x: Handle, image: Text, fd: i32, o: Handle, j: Json, e: Failure) -> i32;
    pub fn ocireg_image_export_stream(
        c: Handle,
        x: Handle,
        image: Text,
        callback: WriteFn,
        userdata: Handle,
        o: Handle,
        j: Json,
        e: Failure,
    ) -> i32;
    pub fn ocireg_schema1_key_info(key: Text, json: Json, e: Failure) -> i32;
    pub fn ocireg_schema1_verify(data: *const u8, size: usize, o: Handle, json: Json, e: Failure) -> i32;
    pub fn ocireg_v1_image(
        c: Handle,
        x: Handle,
        name: Text,
        id: Text,
        o: Handle,
        j: Json,
        b: Failure,
        e: Failure,
    ) -> i32;
    pub fn ocireg_v1_layer_memory(
        c: Handle,
        x: Handle,
        name: Text,
        id: Text,
        o: Handle,
        j: Json,
        b: Failure,
        e: Failure,
    ) -> i32;
    pub fn ocireg_v1_layer_fd(
        c: Handle,
        x: Handle,
        name: Text,
        id: Text,
        fd: i32,
        o: Handle,
        j: Json,
        e: Failure,
    ) -> i32;
    pub fn ocireg_v1_layer_file(
        c: Handle,
        x: Handle,
        name: Text,
        id: Text,
        path: Text,
        o: Handle,
        j: Json,
        e: Failure,
    ) -> i32;
    pub fn ocireg_v1_put_layer(
        c: Handle,
        x: Handle,
        name: Text,
        image: *const u8,
        image_size: usize,
        data: *const u8,
        size: usize,
        o: Handle,
        j: Json,
        e: Failure,
    ) -> i32;
    pub fn ocireg_v1_put_layer_file(
        c: Handle,
        x: Handle,
        name: Text,
        image: *const u8,
        image_size: usize,
        path: Text,
        o: Handle,
        j: Json,
        e: Failure,
    ) -> i32;
    pub fn ocireg_v1_put_checksum(
        c: Handle,
        x: Handle,
        name: Text,
        id: Text,
        checksum: Text,
        o: Handle,
        j: Json,
        e: Failure,
    ) -> i32;
}
