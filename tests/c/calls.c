#include "calls.h"

/* The bytes of the kind D, padded: a read may also write into them. */
static char manifest[] =
    "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[]}";
#define MANIFEST_SIZE (sizeof manifest - 1)

/* The private key of RFC 6979 A.2.5. */
static const char key[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49\n"
    "AwEHoUQDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8\n"
    "maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==\n"
    "-----END EC PRIVATE KEY-----\n";
/* An image of protocol v1: its ID, and its JSON, the kind V. */
#define OLD_ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
static char old_image[] = "{\"id\":\"" OLD_ID "\"}";
#define OLD_IMAGE_SIZE (sizeof old_image - 1)

static int64_t nothing(void *userdata, uint8_t *buffer, size_t size) {
    (void)userdata, (void)buffer, (void)size;
    return 0;
}

static ocireg_status options_new(void **a, ocireg_error **error) {
    return ocireg_options_new((ocireg_options **)a[0], error);
}

static ocireg_status options_set_string(void **a, ocireg_error **error) {
    return ocireg_options_set_string(a[0], a[1], a[2], error);
}

static ocireg_status options_set_int(void **a, ocireg_error **error) {
    return ocireg_options_set_int(a[0], a[1], 1, error);
}

static ocireg_status options_set_double(void **a, ocireg_error **error) {
    return ocireg_options_set_double(a[0], a[1], 0.5, error);
}

static ocireg_status options_set_bool(void **a, ocireg_error **error) {
    return ocireg_options_set_bool(a[0], a[1], true, error);
}

static ocireg_status options_add_string(void **a, ocireg_error **error) {
    return ocireg_options_add_string(a[0], a[1], a[2], error);
}

static ocireg_status options_parse(void **a, ocireg_error **error) {
    return ocireg_options_parse(a[0], a[1], error);
}

static ocireg_status context_new(void **a, ocireg_error **error) {
    return ocireg_context_new((ocireg_context **)a[0], error);
}

static ocireg_status context_cancel(void **a, ocireg_error **error) {
    return ocireg_context_cancel(a[0], error);
}

/* It has no status: what is not a live context is ignored. */
static ocireg_status context_cancel_from_signal(void **a, ocireg_error **error) {
    ocireg_context_cancel_from_signal(a[0]);
    return ocireg_context_cancel(a[0], error);
}

static ocireg_status context_set_deadline(void **a, ocireg_error **error) {
    return ocireg_context_set_deadline(a[0], 60000, error);
}

static ocireg_status context_progress(void **a, ocireg_error **error) {
    return ocireg_context_progress(a[0], (char **)a[1], error);
}

static ocireg_status context_warnings(void **a, ocireg_error **error) {
    return ocireg_context_warnings(a[0], (char **)a[1], error);
}

static ocireg_status context_set_progress(void **a, ocireg_error **error) {
    return ocireg_context_set_progress(a[0], NULL, NULL, error);
}

static ocireg_status context_set_blob_progress(void **a, ocireg_error **error) {
    return ocireg_context_set_blob_progress(a[0], NULL, NULL, error);
}

static ocireg_status context_set_within(void **a, ocireg_error **error) {
    return ocireg_context_set_within(a[0], NULL, error);
}

static ocireg_status context_set_log(void **a, ocireg_error **error) {
    return ocireg_context_set_log(a[0], NULL, NULL, error);
}

static ocireg_status context_set_credentials(void **a, ocireg_error **error) {
    return ocireg_context_set_credentials(a[0], NULL, NULL, error);
}

static ocireg_status client_new(void **a, ocireg_error **error) {
    return ocireg_client_new(a[0], (ocireg_client **)a[1], error);
}

static ocireg_status client_set_host(void **a, ocireg_error **error) {
    return ocireg_client_set_host(a[0], a[1], a[2], error);
}

static ocireg_status client_close(void **a, ocireg_error **error) {
    return ocireg_client_close(a[0], error);
}

static ocireg_status index_parse(void **a, ocireg_error **error) {
    return ocireg_index_parse(a[0], (char **)a[1], error);
}

static ocireg_status reference_parse(void **a, ocireg_error **error) {
    return ocireg_reference_parse(a[0], a[1], (char **)a[2], error);
}

static ocireg_status digest_bytes(void **a, ocireg_error **error) {
    return ocireg_digest_bytes(a[0], 3, a[1], (char **)a[2], error);
}

static ocireg_status manifest_inspect(void **a, ocireg_error **error) {
    return ocireg_manifest_inspect(a[0], MANIFEST_SIZE, a[1], (char **)a[2], error);
}

static ocireg_status manifest_build(void **a, ocireg_error **error) {
    return ocireg_manifest_build(a[0], a[1], (char **)a[2], (ocireg_buffer **)a[3], error);
}

static ocireg_status json_parse(void **a, ocireg_error **error) {
    return ocireg_json_parse(a[0], (ocireg_json **)a[1], error);
}

static ocireg_status json_parse_bytes(void **a, ocireg_error **error) {
    return ocireg_json_parse_bytes(a[0], MANIFEST_SIZE, (ocireg_json **)a[1], error);
}

static ocireg_status json_dump(void **a, ocireg_error **error) {
    return ocireg_json_dump(a[0], a[1], (char **)a[2], error);
}

static ocireg_status registry_ping(void **a, ocireg_error **error) {
    return ocireg_registry_ping(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status registry_catalog(void **a, ocireg_error **error) {
    return ocireg_registry_catalog(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status repository_tags(void **a, ocireg_error **error) {
    return ocireg_repository_tags(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status manifest_get(void **a, ocireg_error **error) {
    return ocireg_manifest_get(a[0], a[1], a[2], a[3], (char **)a[4], (ocireg_buffer **)a[5], error);
}

static ocireg_status manifest_head(void **a, ocireg_error **error) {
    return ocireg_manifest_head(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status manifest_digest(void **a, ocireg_error **error) {
    return ocireg_manifest_digest(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status manifest_put(void **a, ocireg_error **error) {
    return ocireg_manifest_put(a[0], a[1], a[2], a[3], MANIFEST_SIZE, a[4], (char **)a[5], error);
}

static ocireg_status manifest_delete(void **a, ocireg_error **error) {
    return ocireg_manifest_delete(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status referrers(void **a, ocireg_error **error) {
    return ocireg_referrers(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status tag_delete(void **a, ocireg_error **error) {
    return ocireg_tag_delete(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status blob_head(void **a, ocireg_error **error) {
    return ocireg_blob_head(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status blob_get_file(void **a, ocireg_error **error) {
    return ocireg_blob_get_file(a[0], a[1], a[2], a[3], a[4], (char **)a[5], error);
}

static ocireg_status blob_get_fd(void **a, ocireg_error **error) {
    return ocireg_blob_get_fd(a[0], a[1], a[2], 1, a[3], (char **)a[4], error);
}

static ocireg_status blob_get_memory(void **a, ocireg_error **error) {
    return ocireg_blob_get_memory(a[0], a[1], a[2], a[3], (char **)a[4], (ocireg_buffer **)a[5], error);
}

static ocireg_status blob_open(void **a, ocireg_error **error) {
    return ocireg_blob_open(a[0], a[1], a[2], a[3], (ocireg_blob_reader **)a[4], error);
}

static ocireg_status blob_reader_info(void **a, ocireg_error **error) {
    return ocireg_blob_reader_info(a[0], (char **)a[1], error);
}

static ocireg_status blob_reader_read(void **a, ocireg_error **error) {
    return ocireg_blob_reader_read(a[0], a[1], 4, (size_t *)a[2], error);
}

static ocireg_status blob_reader_close(void **a, ocireg_error **error) {
    return ocireg_blob_reader_close(a[0], error);
}

static ocireg_status blob_put_file(void **a, ocireg_error **error) {
    return ocireg_blob_put_file(a[0], a[1], a[2], a[3], a[4], (char **)a[5], error);
}

static ocireg_status blob_put_memory(void **a, ocireg_error **error) {
    return ocireg_blob_put_memory(a[0], a[1], a[2], a[3], 3, a[4], (char **)a[5], error);
}

static ocireg_status blob_put_stream(void **a, ocireg_error **error) {
    return ocireg_blob_put_stream(a[0], a[1], a[2], a[3] ? nothing : NULL, NULL, a[4], (char **)a[5], error);
}

static ocireg_status blob_delete(void **a, ocireg_error **error) {
    return ocireg_blob_delete(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status upload_save(void **a, ocireg_error **error) {
    return ocireg_upload_save(a[0], (char **)a[1], error);
}

static ocireg_status session_start(void **a, ocireg_error **error) {
    return ocireg_upload_session_start(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status session_status(void **a, ocireg_error **error) {
    return ocireg_upload_session_status(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status session_chunk(void **a, ocireg_error **error) {
    return ocireg_upload_session_chunk(a[0], a[1], a[2], a[3], MANIFEST_SIZE, a[4], (char **)a[5], error);
}

static ocireg_status session_finish(void **a, ocireg_error **error) {
    return ocireg_upload_session_finish(a[0], a[1], a[2], a[3], NULL, 0, a[4], (char **)a[5], error);
}

static ocireg_status session_cancel(void **a, ocireg_error **error) {
    return ocireg_upload_session_cancel(a[0], a[1], a[2], a[3], error);
}

static ocireg_status blob_mount(void **a, ocireg_error **error) {
    return ocireg_blob_mount(a[0], a[1], a[2], a[3], a[4], (char **)a[5], error);
}

static ocireg_status blob_copy(void **a, ocireg_error **error) {
    return ocireg_blob_copy(a[0], a[1], a[2], a[3], a[4], (char **)a[5], error);
}

static ocireg_status endpoint_parse(void **a, ocireg_error **error) {
    return ocireg_endpoint_parse(a[0], (char **)a[1], error);
}

static ocireg_status sync_repository(void **a, ocireg_error **error) {
    return ocireg_sync(a[0], a[1], a[2], a[3], a[4], (char **)a[5], error);
}

static ocireg_status sync_list(void **a, ocireg_error **error) {
    return ocireg_sync_list(a[0], a[1], a[2], NULL, a[3], (char **)a[4], error);
}

static ocireg_status copy_image(void **a, ocireg_error **error) {
    return ocireg_copy(a[0], a[1], a[2], a[3], a[4], (char **)a[5], error);
}

static ocireg_status endpoint_manifest(void **a, ocireg_error **error) {
    return ocireg_endpoint_manifest(a[0], a[1], a[2], a[3], (char **)a[4], (ocireg_buffer **)a[5], error);
}

static ocireg_status endpoint_list(void **a, ocireg_error **error) {
    return ocireg_endpoint_list(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status endpoint_referrers(void **a, ocireg_error **error) {
    return ocireg_endpoint_referrers(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status image_validate(void **a, ocireg_error **error) {
    return ocireg_image_validate(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status layout_check(void **a, ocireg_error **error) {
    return ocireg_layout_check(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status layout_clean(void **a, ocireg_error **error) {
    return ocireg_layout_clean(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status upload_start(void **a, ocireg_error **error) {
    return ocireg_upload_start(a[0], a[1], a[2], a[3], (ocireg_upload **)a[4], error);
}

static ocireg_status upload_write(void **a, ocireg_error **error) {
    return ocireg_upload_write(a[0], a[1], 3, error);
}

static ocireg_status upload_finish(void **a, ocireg_error **error) {
    return ocireg_upload_finish(a[0], a[1], (char **)a[2], error);
}

static ocireg_status upload_cancel(void **a, ocireg_error **error) {
    return ocireg_upload_cancel(a[0], error);
}

static ocireg_status schema1_verify(void **a, ocireg_error **error) {
    return ocireg_schema1_verify(a[0], MANIFEST_SIZE, a[1], (char **)a[2], error);
}

static ocireg_status schema1_payload(void **a, ocireg_error **error) {
    return ocireg_schema1_payload(a[0], MANIFEST_SIZE, (ocireg_buffer **)a[1], error);
}

static ocireg_status schema1_sign(void **a, ocireg_error **error) {
    return ocireg_schema1_sign(a[0], MANIFEST_SIZE, a[1], a[2], (ocireg_buffer **)a[3], error);
}

static ocireg_status schema1_key(void **a, ocireg_error **error) {
    return ocireg_schema1_key(a[0], (char **)a[1], error);
}

static ocireg_status schema1_key_info(void **a, ocireg_error **error) {
    return ocireg_schema1_key_info(a[0], (char **)a[1], error);
}

static ocireg_status login(void **a, ocireg_error **error) {
    return ocireg_login(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status logout(void **a, ocireg_error **error) {
    return ocireg_logout(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status token(void **a, ocireg_error **error) {
    return ocireg_token(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status blob_locate(void **a, ocireg_error **error) {
    return ocireg_blob_locate(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status manifest_locate(void **a, ocireg_error **error) {
    return ocireg_manifest_locate(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status explain(void **a, ocireg_error **error) {
    return ocireg_explain(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status registry_detect(void **a, ocireg_error **error) {
    return ocireg_registry_detect(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status v1_ping(void **a, ocireg_error **error) {
    return ocireg_v1_ping(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status v1_search(void **a, ocireg_error **error) {
    return ocireg_v1_search(a[0], a[1], a[2], a[3], a[4], (char **)a[5], error);
}

static ocireg_status v1_images(void **a, ocireg_error **error) {
    return ocireg_v1_images(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status v1_tags(void **a, ocireg_error **error) {
    return ocireg_v1_tags(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status v1_tag(void **a, ocireg_error **error) {
    return ocireg_v1_tag(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status v1_ancestry(void **a, ocireg_error **error) {
    return ocireg_v1_ancestry(a[0], a[1], a[2], a[3], a[4], (char **)a[5], error);
}

static ocireg_status v1_image(void **a, ocireg_error **error) {
    return ocireg_v1_image(a[0], a[1], a[2], a[3], a[4], (char **)a[5], (ocireg_buffer **)a[6], error);
}

static ocireg_status v1_layer_file(void **a, ocireg_error **error) {
    return ocireg_v1_layer_file(a[0], a[1], a[2], a[3], a[4], a[5], (char **)a[6], error);
}

static ocireg_status v1_layer_fd(void **a, ocireg_error **error) {
    return ocireg_v1_layer_fd(a[0], a[1], a[2], a[3], 1, a[4], (char **)a[5], error);
}

static ocireg_status v1_layer_memory(void **a, ocireg_error **error) {
    return ocireg_v1_layer_memory(a[0], a[1], a[2], a[3], a[4], (char **)a[5], (ocireg_buffer **)a[6], error);
}

static ocireg_status v1_layer_open(void **a, ocireg_error **error) {
    return ocireg_v1_layer_open(a[0], a[1], a[2], a[3], a[4], (ocireg_blob_reader **)a[5], error);
}

static ocireg_status v1_login(void **a, ocireg_error **error) {
    return ocireg_v1_login(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status v1_put_image(void **a, ocireg_error **error) {
    return ocireg_v1_put_image(a[0], a[1], a[2], a[3], OLD_IMAGE_SIZE, a[4], (char **)a[5], error);
}

static ocireg_status v1_put_layer(void **a, ocireg_error **error) {
    return ocireg_v1_put_layer(a[0], a[1], a[2], a[3], OLD_IMAGE_SIZE, a[4], 3, a[5], (char **)a[6], error);
}

static ocireg_status v1_put_layer_file(void **a, ocireg_error **error) {
    return ocireg_v1_put_layer_file(a[0], a[1], a[2], a[3], OLD_IMAGE_SIZE, a[4], a[5], (char **)a[6], error);
}

static ocireg_status v1_put_checksum(void **a, ocireg_error **error) {
    return ocireg_v1_put_checksum(a[0], a[1], a[2], a[3], a[4], a[5], (char **)a[6], error);
}

static ocireg_status v1_put_tag(void **a, ocireg_error **error) {
    return ocireg_v1_put_tag(a[0], a[1], a[2], a[3], a[4], (char **)a[5], error);
}

static ocireg_status v1_push(void **a, ocireg_error **error) {
    return ocireg_v1_push(a[0], a[1], a[2], a[3], a[4], (char **)a[5], error);
}

static ocireg_status v1_delete_tag(void **a, ocireg_error **error) {
    return ocireg_v1_delete_tag(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status v1_delete_repository(void **a, ocireg_error **error) {
    return ocireg_v1_delete_repository(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status image_config(void **a, ocireg_error **error) {
    return ocireg_image_config(a[0], a[1], a[2], a[3], (char **)a[4], (ocireg_buffer **)a[5], error);
}

static ocireg_status image_size(void **a, ocireg_error **error) {
    return ocireg_image_size(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status image_tag(void **a, ocireg_error **error) {
    return ocireg_image_tag(a[0], a[1], a[2], a[3], a[4], (char **)a[5], error);
}

static ocireg_status image_extract(void **a, ocireg_error **error) {
    return ocireg_image_extract(a[0], a[1], a[2], a[3], a[4], (char **)a[5], error);
}

static ocireg_status image_export_file(void **a, ocireg_error **error) {
    return ocireg_image_export_file(a[0], a[1], a[2], a[3], a[4], (char **)a[5], error);
}

static ocireg_status image_export_fd(void **a, ocireg_error **error) {
    return ocireg_image_export_fd(a[0], a[1], a[2], 1, a[3], (char **)a[4], error);
}

static int32_t drop_bytes(void *userdata, const uint8_t *data, size_t size) {
    (void)userdata, (void)data, (void)size;
    return 0;
}

static ocireg_status image_export_stream(void **a, ocireg_error **error) {
    return ocireg_image_export_stream(a[0], a[1], a[2], a[3] ? drop_bytes : NULL, NULL, a[4], (char **)a[5], error);
}

static ocireg_status image_files(void **a, ocireg_error **error) {
    return ocireg_image_files(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status image_cat(void **a, ocireg_error **error) {
    return ocireg_image_cat(a[0], a[1], a[2], a[3], 1, a[4], (char **)a[5], error);
}

static ocireg_status image_append(void **a, ocireg_error **error) {
    return ocireg_image_append(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status index_create(void **a, ocireg_error **error) {
    return ocireg_index_create(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status index_append(void **a, ocireg_error **error) {
    return ocireg_index_append(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status index_remove(void **a, ocireg_error **error) {
    return ocireg_index_remove(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status artifact_new(void **a, ocireg_error **error) {
    return ocireg_artifact_new((ocireg_artifact **)a[0], error);
}

static ocireg_status artifact_add_file(void **a, ocireg_error **error) {
    return ocireg_artifact_add_file(a[0], a[1], a[2], error);
}

static ocireg_status artifact_add_memory(void **a, ocireg_error **error) {
    return ocireg_artifact_add_memory(a[0], a[1], 3, a[2], error);
}

static ocireg_status artifact_add_stream(void **a, ocireg_error **error) {
    return ocireg_artifact_add_stream(a[0], a[1] ? nothing : NULL, NULL, a[2], error);
}

static ocireg_status artifact_push(void **a, ocireg_error **error) {
    return ocireg_artifact_push(a[0], a[1], a[2], a[3], a[4], (char **)a[5], error);
}

static ocireg_status artifact_pull(void **a, ocireg_error **error) {
    return ocireg_artifact_pull(a[0], a[1], a[2], a[3], a[4], (char **)a[5], error);
}

static ocireg_status artifact_attach(void **a, ocireg_error **error) {
    return ocireg_artifact_attach(a[0], a[1], a[2], a[3], a[4], (char **)a[5], error);
}

static ocireg_status repository_remove(void **a, ocireg_error **error) {
    return ocireg_repository_remove(a[0], a[1], a[2], a[3], (char **)a[4], error);
}

static ocireg_status job_new(void **a, ocireg_error **error) {
    return ocireg_job_new(a[0], a[1], NULL, (ocireg_job **)a[2], error);
}

static ocireg_status job_cancel(void **a, ocireg_error **error) {
    return ocireg_job_cancel(a[0], error);
}

static ocireg_status client_quiesce(void **a, ocireg_error **error) {
    return ocireg_client_quiesce(a[0], error);
}

const struct call calls[] = {
    {"options_new", "o", options_new, NULL},
    {"options_set_string", "OKN", options_set_string, NULL},
    {"options_set_int", "OK", options_set_int, NULL},
    {"options_set_double", "OK", options_set_double, NULL},
    {"options_set_bool", "OK", options_set_bool, NULL},
    {"options_add_string", "OKN", options_add_string, NULL},
    {"options_parse", "OJ", options_parse, NULL},
    {"context_new", "o", context_new, NULL},
    {"context_cancel", "X", context_cancel, NULL},
    {"context_cancel_from_signal", "X", context_cancel_from_signal, NULL},
    {"context_set_deadline", "X", context_set_deadline, NULL},
    {"context_progress", "Xo", context_progress, NULL},
    {"context_warnings", "Xo", context_warnings, NULL},
    {"context_set_progress", "X", context_set_progress, NULL},
    {"context_set_blob_progress", "X", context_set_blob_progress, NULL},
    {"context_set_log", "X", context_set_log, NULL},
    {"context_set_within", "X", context_set_within, NULL},
    {"context_set_credentials", "X", context_set_credentials, NULL},
    {"client_new", "po", client_new, "{'retries':'many'}"},
    {"client_set_host", "CHp", client_set_host, "{'plain_http':'yes'}"},
    {"client_close", "C", client_close, NULL},
    {"job_new", "Cpo", job_new, "{'progress':'yes'}"},
    {"job_cancel", "A", job_cancel, NULL},
    {"client_quiesce", "C", client_quiesce, NULL},
    {"index_parse", "No", index_parse, NULL},
    {"reference_parse", "Npo", reference_parse, "{'default_index':1}"},
    {"digest_bytes", "Dpo", digest_bytes, "{'algorithm':256}"},
    {"manifest_inspect", "Dpo", manifest_inspect, "{'media_type':false}"},
    {"manifest_build", "mpnn", manifest_build, "{'algorithm':256}"},
    {"json_parse", "Jo", json_parse, NULL},
    {"json_parse_bytes", "Do", json_parse_bytes, NULL},
    {"json_dump", "jro", json_dump, NULL},
    {"registry_ping", "CxHpo", registry_ping, "{'version':'two'}"},
    {"registry_catalog", "CxHpo", registry_catalog, "{'n':'ten'}"},
    {"repository_tags", "CxQpo", repository_tags, "{'digests':1}"},
    {"manifest_get", "CxTpnn", manifest_get, "{'accept':'text/plain'}"},
    {"manifest_head", "CxTpo", manifest_head, "{'accept':true}"},
    {"manifest_digest", "CxTpo", manifest_digest, "{'platform':['linux/amd64']}"},
    {"manifest_put", "CxTDpn", manifest_put, "{'media_type':2}"},
    {"manifest_delete", "CxTpn", manifest_delete, "{'referrers_tag':'yes'}"},
    {"referrers", "CxTpo", referrers, "{'max':'all'}"},
    {"tag_delete", "CxTpn", tag_delete, "{'replace':1}"},
    {"blob_head", "CxBpo", blob_head, NULL},
    {"blob_get_file", "CxBWpn", blob_get_file, "{'offset':'0'}"},
    {"blob_get_fd", "CxBpn", blob_get_fd, "{'length':'0'}"},
    {"blob_get_memory", "CxBpno", blob_get_memory, "{'limit':'1M'}"},
    {"blob_open", "CxBpo", blob_open, "{'size':'1'}"},
    {"blob_reader_info", "Ro", blob_reader_info, NULL},
    {"blob_reader_read", "RDz", blob_reader_read, NULL},
    {"blob_reader_close", "R", blob_reader_close, NULL},
    {"blob_put_file", "CxQPpn", blob_put_file, "{'chunk_size':'4M'}"},
    {"blob_put_memory", "CxQDpn", blob_put_memory, "{'digest':1}"},
    {"blob_put_stream", "CxQfpn", blob_put_stream, "{'single_post':1}"},
    {"blob_delete", "CxBpn", blob_delete, NULL},
    {"endpoint_parse", "No", endpoint_parse, NULL},
    {"copy", "CxTEpn", copy_image, "{'concurrency':'4'}"},
    {"sync", "CxQEpn", sync_repository, "{'tags':1}"},
    {"sync_list", "Cxlpn", sync_list, "{'list_format':1}"},
    {"image_config", "CxTpnn", image_config, "{'platform':1}"},
    {"image_size", "CxTpo", image_size, "{'all':'yes'}"},
    {"image_validate", "CxTpo", image_validate, "{'quick':1}"},
    {"image_tag", "CxTNpn", image_tag, "{'referrers':'yes'}"},
    {"image_extract", "CxTWpn", image_extract, "{'overwrite':1}"},
    {"image_export_file", "CxTWpn", image_export_file, "{'max_ratio':'no'}"},
    {"image_export_fd", "CxTpn", image_export_fd, "{'platform':1}"},
    {"image_export_stream", "CxTfpn", image_export_stream, "{'paths':['a']}"},
    {"image_files", "CxTpo", image_files, "{'max_bytes':'no'}"},
    {"image_cat", "CxTNpn", image_cat, "{'verify':'no'}"},
    {"image_append", "CxTpn", image_append, "{'layers':'one'}"},
    {"index_create", "CxTpn", index_create, "{'references':'one'}"},
    {"index_append", "CxTpn", index_append, "{'replace':'yes'}"},
    {"index_remove", "CxTpn", index_remove, "{'digests':1}"},
    {"artifact_new", "o", artifact_new, NULL},
    {"artifact_add_file", "FPp", artifact_add_file, "{'title':1}"},
    {"artifact_add_memory", "FDp", artifact_add_memory, "{'config':'yes'}"},
    {"artifact_add_stream", "Ffp", artifact_add_stream, "{'media_type':2}"},
    {"artifact_push", "CxFTpn", artifact_push, "{'image_spec':1}"},
    {"artifact_pull", "CxTWpn", artifact_pull, "{'keep_old':1}"},
    {"artifact_attach", "CxFTpn", artifact_attach, "{'times':'no'}"},
    {"repository_remove", "CxQpn", repository_remove, "{'dry_run':1}"},
    {"endpoint_manifest", "CxTpnn", endpoint_manifest, "{'platform':1}"},
    {"endpoint_list", "CxEpo", endpoint_list, NULL},
    {"endpoint_referrers", "CxTpo", endpoint_referrers, "{'artifact_type':1}"},
    {"layout_check", "CxLpo", layout_check, NULL},
    {"layout_clean", "CxLpn", layout_clean, NULL},
    {"upload_start", "CxQpo", upload_start, "{'chunk_size':true}"},
    {"upload_write", "UD", upload_write, NULL},
    {"upload_finish", "Usn", upload_finish, NULL},
    {"upload_save", "Uo", upload_save, NULL},
    {"upload_cancel", "U", upload_cancel, NULL},
    {"upload_session_start", "CxQpo", session_start, "{'digest_algorithm':512}"},
    {"upload_session_status", "CxSpo", session_status, NULL},
    {"upload_session_chunk", "CxSDpo", session_chunk, "{'offset':'0'}"},
    {"upload_session_finish", "CxSGpn", session_finish, NULL},
    {"upload_session_cancel", "CxSp", session_cancel, NULL},
    {"blob_mount", "CxBqpn", blob_mount, "{'keep_session':1}"},
    {"blob_copy", "CxBQpn", blob_copy, "{'size':'3'}"},
    {"schema1_verify", "Dpo", schema1_verify, "{'keys':'all'}"},
    {"schema1_payload", "Do", schema1_payload, NULL},
    {"schema1_sign", "DYpo", schema1_sign, "{'time':5}"},
    {"schema1_key", "po", schema1_key, "{'format':1}"},
    {"schema1_key_info", "Yo", schema1_key_info, NULL},
    {"login", "CxHpo", login, "{'store':'yes'}"},
    {"logout", "CxHpo", logout, "{'credentials_file':1}"},
    {"explain", "CxTpo", explain, NULL},
    {"token", "CxQpo", token, "{'fresh':'yes'}"},
    {"blob_locate", "CxBpo", blob_locate, "{'follow':1}"},
    {"manifest_locate", "CxTpo", manifest_locate, "{'check':'yes'}"},
    {"registry_detect", "CxHpo", registry_detect, NULL},
    {"v1_ping", "CxHpo", v1_ping, NULL},
    {"v1_search", "CxHNpo", v1_search, "{'n':'ten'}"},
    {"v1_images", "CxQpo", v1_images, NULL},
    {"v1_tags", "CxQpo", v1_tags, NULL},
    {"v1_tag", "CxTpo", v1_tag, NULL},
    {"v1_ancestry", "CxQIpo", v1_ancestry, NULL},
    {"v1_image", "CxQIpnn", v1_image, NULL},
    {"v1_layer_file", "CxQIWpn", v1_layer_file, "{'offset':'0'}"},
    {"v1_layer_fd", "CxQIpn", v1_layer_fd, "{'length':'0'}"},
    {"v1_layer_memory", "CxQIpno", v1_layer_memory, "{'limit':'1M'}"},
    {"v1_layer_open", "CxQIpo", v1_layer_open, "{'offset':true}"},
    {"v1_login", "CxHpo", v1_login, "{'email':1}"},
    {"v1_put_image", "CxQVpn", v1_put_image, NULL},
    {"v1_put_layer", "CxQVDpn", v1_put_layer, "{'finish':1}"},
    {"v1_put_layer_file", "CxQVPpn", v1_put_layer_file, "{'finish':'yes'}"},
    {"v1_put_checksum", "CxQIGpn", v1_put_checksum, NULL},
    {"v1_put_tag", "CxTIpn", v1_put_tag, NULL},
    {"v1_push", "CxTTpn", v1_push, "{'platform':1}"},
    {"v1_delete_tag", "CxTpn", v1_delete_tag, NULL},
    {"v1_delete_repository", "CxQpn", v1_delete_repository, NULL},
};
const size_t call_count = sizeof calls / sizeof calls[0];

bool is_text_kind(char kind) {
    return strchr("NKJHQTBPWsELSGqYIrl", kind) != NULL;
}

static bool is_result_kind(char kind) {
    return strchr("onz", kind) != NULL;
}

static void free_reader(void *reader) { ocireg_blob_reader_free(reader); }
static void free_upload(void *upload) { ocireg_upload_free(upload); }
static void free_job(void *job) { ocireg_job_free(job); }
static void free_artifact(void *artifact) { ocireg_artifact_free(artifact); }
static void free_json(void *json) { ocireg_json_free(json); }

struct arguments *live_arguments(void) {
    struct arguments *live = keep(calloc(1, sizeof *live), free);
    if (!live) abort();
    live->folder = new_folder();
    live->repository = repository("OCIREG_TEST_V2", "calls");
    live->client = client_of("OCIREG_TEST_V2");
    live->context = new_context();
    live->options = options("{}");
    write_file(text("%s/here", live->folder), "abc", 3);
    put_blob(live->client, live->repository, "abc", 3);
    const char *blob = blob_reference(live->repository, "abc", 3);
    expect_status(OCIREG_OK, ocireg_blob_open(live->client, NULL, blob, NULL, &live->reader, &failure));
    keep(live->reader, free_reader);
    expect_status(OCIREG_OK, ocireg_upload_start(live->client, NULL, live->repository, NULL, &live->upload, &failure));
    keep(live->upload, free_upload);
    expect_status(OCIREG_OK, ocireg_job_new(live->client, NULL, NULL, &live->job, &failure));
    keep(live->job, free_job);
    expect_status(OCIREG_OK, ocireg_artifact_new(&live->artifact, &failure));
    expect_status(OCIREG_OK, ocireg_artifact_add_memory(live->artifact, (const uint8_t *)"x", 1, NULL, &failure));
    keep(live->artifact, free_artifact);
    expect_status(OCIREG_OK, ocireg_json_parse("{\"a\": [1]}", &live->json, &failure));
    keep(live->json, free_json);
    return live;
}

static void *value_of(struct arguments *from, char kind, size_t place) {
    switch (kind) {
        case 'C': return from->client;
        case 'X':
        case 'x': return from->context;
        case 'O':
        case 'p': return from->options;
        case 'R': return from->reader;
        case 'U': return from->upload;
        case 'A': return from->job;
        case 'F': return from->artifact;
        case 'j': return from->json;
        case 'r': return text("/a");
        case 'D': return manifest;
        case 'V': return old_image;
        case 'I': return text(OLD_ID);
        case 'f': return from;
        case 'z': return &from->size;
        case 'o':
        case 'n': return &from->results[place];
        case 'N':
        case 'K': return text("name");
        case 'J': return text("{}");
        case 'm': return text("{\"manifests\":[]}");
        case 'H': return text("%s", env("OCIREG_TEST_V2"));
        case 'q':
        case 'Q': return text("%s", from->repository);
        case 'T': return text("%s:tag", from->repository);
        case 'B': return blob_reference(from->repository, "abc", 3);
        case 'P': return text("%s/here", from->folder);
        case 'W': return text("%s/there", from->folder);
        case 'S': return text("http://%s/v2/ctest/calls/blobs/uploads/none", env("OCIREG_TEST_V2"));
        case 'G': return digest_of("", 0);
        case 'E': return text("oci:%s/layout", from->folder);
        case 'L': return text("%s/layout", from->folder);
        case 'l': return text("%s oci:%s/layout", from->repository, from->folder);
        case 'Y': return text("%s", key);
        case 's': return digest_of("", 0);
        default: fail_msg("no value of kind %c", kind); return NULL;
    }
}

void fill_in(struct arguments *from, const struct call *call, void **arguments) {
    for (size_t i = 0; call->kinds[i]; i++) arguments[i] = value_of(from, call->kinds[i], i);
    memset(from->results, 0xa5, sizeof from->results);
    from->size = 77;
}

bool results_are_empty(const struct arguments *from, const struct call *call, void *const *arguments) {
    for (size_t i = 0; call->kinds[i]; i++) {
        if (!is_result_kind(call->kinds[i]) || !arguments[i]) continue;
        if (call->kinds[i] == 'z' ? from->size != 0 : from->results[i] != NULL) return false;
    }
    return true;
}
