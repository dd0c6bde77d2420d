/* Images: config, size, tag, extract, cat, append, and removing a whole repository: every documented field. */
#include "common.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#define INDEX "application/vnd.oci.image.index.v1+json"

/* A tar file with one file. */
static uint8_t *tar_of(const char *name, const char *content, size_t *size) {
    size_t length = strlen(content);
    *size = 512 + (length + 511) / 512 * 512 + 1024;
    char *tar = keep(calloc(1, *size), free);
    unsigned sum = 0;
    snprintf(tar, 100, "%s", name);
    strcpy(tar + 100, "0000644");
    strcpy(tar + 108, "0000000");
    strcpy(tar + 116, "0000000");
    memcpy(tar + 124, text("%011zo", length), 11);
    strcpy(tar + 136, "00000001000");
    memset(tar + 148, ' ', 8);
    tar[156] = '0';
    memcpy(tar + 257, "ustar\00000", 8);
    for (int i = 0; i < 512; i++) sum += (unsigned char)tar[i];
    memcpy(tar + 148, text("%06o", sum), 7);
    memcpy(tar + 512, content, length);
    return (uint8_t *)tar;
}

/* Puts an image with one file; returns its manifest. */
static char *put_files(ocireg_client *client, const char *place, const char *tag, const char *content, const char *arch) {
    size_t size;
    uint8_t *tar = tar_of("etc/motd", content, &size);
    char *layer = put_blob(client, place, tar, size);
    char *config = text("{\"architecture\":\"%s\",\"os\":\"linux\",\"config\":{\"Env\":[\"A=b\"]},\"rootfs\":{\"type\":\"layers\","
                        "\"diff_ids\":[\"%s\"]},\"history\":[{\"created_by\":\"test\"}]}",
                        arch, layer);
    char *manifest = image_manifest(put_blob(client, place, config, strlen(config)), strlen(config), layer, size);
    expect_status(OCIREG_OK, ocireg_manifest_put(client, NULL, text("%s:%s", place, tag), (const uint8_t *)manifest, strlen(manifest),
                                                 NULL, NULL, &failure));
    return manifest;
}

/* An index of two such images. */
static const char *put_index(ocireg_client *client, const char *place) {
    const char *one = put_files(client, place, "amd64", "on amd64", "amd64"), *two = put_files(client, place, "s390x", "on s390x", "s390x");
    const char *form = "{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"%s\",\"size\":%zu,"
                       "\"platform\":{\"os\":\"linux\",\"architecture\":\"%s\"}}";
    char entries[2][400];
    snprintf(entries[0], 400, form, digest_of(one, strlen(one)), strlen(one), "amd64");
    snprintf(entries[1], 400, form, digest_of(two, strlen(two)), strlen(two), "s390x");
    const char *index = text("{\"schemaVersion\":2,\"mediaType\":\"" INDEX "\",\"manifests\":[%s,%s]}", entries[0], entries[1]);
    const char *name = text("%s:index", place);
    expect_status(OCIREG_OK, ocireg_manifest_put(client, NULL, name, (const uint8_t *)index, strlen(index), NULL, NULL, &failure));
    return name;
}

static void test_config_and_size(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    const char *place = repository("OCIREG_TEST_V3", "image-config"), *index = put_index(client, place);
    char *json = NULL;
    ocireg_buffer *bytes = NULL;
    expect_status(OCIREG_OK, ocireg_image_config(client, NULL, index, options("{'platform':'linux/s390x'}"), &json, &bytes, &failure));
    kept(json);
    expect_shape(json, "digest:string size:number mediaType:string manifest:string config:object platform:object");
    expect_text_at(json, "config/architecture", "s390x");
    expect_text_at(json, "platform/architecture", "s390x");
    expect_text_at(json, "digest", digest_of(ocireg_buffer_data(bytes), ocireg_buffer_size(bytes)));
    expect_number_at(json, "size", (long long)ocireg_buffer_size(bytes));
    ocireg_buffer_free(bytes);
    expect_status(OCIREG_NOT_FOUND, ocireg_image_config(client, NULL, index, options("{'platform':'plan9/mips'}"), &json, NULL, &failure));

    expect_status(OCIREG_OK, ocireg_image_size(client, NULL, text("%s:amd64", place), NULL, &json, &failure));
    kept(json);
    expect_shape(json, "digest:string mediaType:string manifest:number config:number layers:array layers_total:number total:number");
    expect_number_at(json, "layers_total", 2048);
    expect_number_at(json, "total", 2048 + json_number_at(json, "config"));
    expect_number_at(json, "layers/0/size", 2048);
    expect_status(OCIREG_OK, ocireg_image_size(client, NULL, index, options("{'all':true}"), &json, &failure));
    kept(json);
    expect_shape(json, "images:array total:number");
    assert_int_equal(json_length(json, "images"), 2);
    expect_number_at(json, "total", json_number_at(json, "images/0/total") + json_number_at(json, "images/1/total"));
    expect_status(OCIREG_INVALID_ARGUMENT,
                  ocireg_image_size(client, NULL, index, options("{'all':true,'platform':'linux/amd64'}"), &json, &failure));
}

static void test_validate(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    const char *place = repository("OCIREG_TEST_V3", "image-validate"), *index = put_index(client, place);
    const char *const wanted[] = {"{}", "{'quick':true,'referrers':true}", "{'platform':'linux/s390x'}"};
    char *json = NULL;
    for (size_t i = 0; i < 3; i++) {
        expect_status(OCIREG_OK, ocireg_image_validate(client, NULL, index, options(wanted[i]), &json, &failure));
        kept(json);
        expect_shape(json, "place:string digest:string mediaType:string valid:bool quick:bool manifests:number blobs:number "
                           "bytes:number foreign:array problems:array");
        expect_bool_at(json, "valid", true);
        expect_number_at(json, "manifests", i < 2 ? 3 : 1);
    }
    const char *folder = new_folder(), *layout = text("oci:%s/layout:v1", folder);
    expect_status(OCIREG_OK, ocireg_copy(client, NULL, index, layout, options("{'all':true}"), NULL, &failure));
    char *manifest = NULL;
    expect_status(OCIREG_OK, ocireg_manifest_digest(client, NULL, index, options("{'platform':'linux/amd64'}"), &manifest, &failure));
    kept(manifest);
    assert_int_equal(system(text("rm %s/layout/blobs/sha256/%s", folder, manifest + strlen("sha256:"))), 0);
    expect_status(OCIREG_OK, ocireg_image_validate(client, NULL, layout, NULL, &json, &failure));
    kept(json);
    expect_bool_at(json, "valid", false);
    assert_int_equal(json_length(json, "problems"), 1);
    expect_text_at(json, "problems/0/digest", manifest);
    expect_text_at(json, "problems/0/code", "MISSING_BLOB");
    expect_status(OCIREG_NOT_FOUND, ocireg_image_validate(client, NULL, text("%s:none", place), NULL, &json, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_image_validate(client, NULL, index, options("{'concurrency':65}"), &json, &failure));
}

static void test_tag(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    const char *place = repository("OCIREG_TEST_V3", "image-tag"), *other = repository("OCIREG_TEST_V3", "image-tag-2");
    const char *index = put_index(client, place);
    char *json = NULL, *digest = NULL, *found = NULL;
    expect_status(OCIREG_OK, ocireg_manifest_digest(client, NULL, index, NULL, &digest, &failure));
    kept(digest);
    const char *const names[] = {"again", text("%s:far", other)};
    const char *const places[] = {text("%s:again", place), names[1]};
    for (size_t i = 0; i < 2; i++) {
        expect_status(OCIREG_OK, ocireg_image_tag(client, NULL, index, names[i], NULL, &json, &failure));
        kept(json);
        expect_shape(json, "source:string destination:string digest:string mediaType:string");
        expect_text_at(json, "digest", digest);
        expect_text_at(json, "destination", text("docker://%s", places[i]));
        expect_status(OCIREG_OK, ocireg_manifest_digest(client, NULL, places[i], NULL, &found, &failure));
        assert_string_equal(kept(found), digest);
    }
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_image_tag(client, NULL, index, "elsewhere.example/a:b", NULL, &json, &failure));
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_image_tag(client, NULL, index, "-x", NULL, &json, &failure));
}

/* A tag that refers to something stays, or moves only from what was seen. */
static void test_names_that_are_taken(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    const char *place = repository("OCIREG_TEST_V3", "taken"), *one = text("%s:one", place), *two = text("%s:two", place);
    const char *first = put_files(client, place, "one", "first", "amd64"), *second = put_files(client, place, "two", "second", "amd64");
    const char *was = digest_of(first, strlen(first)), *is = digest_of(second, strlen(second));
    char *json = NULL;
    expect_status(OCIREG_DIGEST_MISMATCH, ocireg_manifest_put(client, NULL, one, (const uint8_t *)second, strlen(second),
                                                              options("{'if_exists':'fail'}"), &json, &failure));
    expect_text_at(ocireg_error_json(failure), "conflict/name", "one");
    expect_text_at(ocireg_error_json(failure), "conflict/digest", was);
    expect_status(OCIREG_OK, ocireg_manifest_put(client, NULL, place, (const uint8_t *)second, strlen(second),
                                                 options("{'tags':['one','three'],'if_exists':'skip'}"), &json, &failure));
    expect_text_at(kept(json), "skipped/0", "one");
    expect_text_at(json, "tags/0", "three");
    expect_text_at(json, "condition", "looked");
    expect_status(OCIREG_NOT_FOUND, ocireg_manifest_head(client, NULL, text("%s:latest", place), NULL, &json, &failure));
    expect_status(OCIREG_OK, ocireg_copy(client, NULL, two, one, options("{'if_exists':'skip'}"), &json, &failure));
    expect_text_at(kept(json), "skipped/0", "one");
    expect_text_at(json, "digest", was);
    expect_status(OCIREG_DIGEST_MISMATCH, ocireg_copy(client, NULL, two, one, options("{'if_digest':'%s'}", is), &json, &failure));
    expect_status(OCIREG_OK, ocireg_image_tag(client, NULL, two, "one", options("{'if_digest':'%s'}", was), &json, &failure));
    expect_text_at(kept(json), "condition", "looked");
    expect_text_at(json, "digest", is);
}

static char *contents(ocireg_client *client, const char *image, const char *path, const char *json_options) {
    const char *file = text("%s/out", new_folder());
    char *json = NULL;
    size_t size;
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    expect_status(OCIREG_OK, ocireg_image_cat(client, NULL, image, path, fd, options("%s", json_options), &json, &failure));
    close(fd);
    kept(json);
    if (json_kind_at(json, "platform") == JSON_MISSING)
        expect_shape(json, "digest:string path:string size:number mode:number layer:string verified:bool");
    uint8_t *data = read_file(file, &size);
    expect_number_at(json, "size", (long long)size);
    expect_number_at(json, "mode", 0644);
    return text("%.*s", (int)size, (const char *)data);
}

/* Bytes that a callback took, of which it stops at the given number. */
struct taken {
    size_t size, most;
    uint64_t sum;
    pthread_t thread;
};

static int32_t take(void *userdata, const uint8_t *data, size_t size) {
    struct taken *taken = userdata;
    if (!pthread_equal(taken->thread, pthread_self()) || size > 256 << 10) return -1;
    for (size_t i = 0; i < size; i++) taken->sum += data[i];
    taken->size += size;
    return taken->most > 0 && taken->size > taken->most;
}

/* By a file, a descriptor and a callback the same archive. */
static void exported(ocireg_client *client, const char *image, const char *folder) {
    char *json = NULL;
    size_t size = 0, again = 0;
    const char *path = text("%s/image.tar", folder), *other = text("%s/other.tar", folder);
    expect_status(OCIREG_OK, ocireg_image_export_file(client, NULL, image, path, NULL, &json, &failure));
    kept(json);
    expect_shape(json, "digest:string path:string layers:array files:number directories:number symlinks:number hard_links:number "
                       "devices:number bytes:number size:number");
    const uint8_t *bytes = (const uint8_t *)read_file(path, &size);
    expect_number_at(json, "size", (int64_t)size);
    int fd = open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    expect_status(OCIREG_OK, ocireg_image_export_fd(client, NULL, image, fd, options("{'max_ratio':100}"), &json, &failure));
    kept(json);
    close(fd);
    assert_memory_equal(read_file(other, &again), bytes, size);
    assert_int_equal(again, size);
    struct taken taken = {.thread = pthread_self()};
    uint64_t sum = 0;
    for (size_t i = 0; i < size; i++) sum += bytes[i];
    expect_status(OCIREG_OK, ocireg_image_export_stream(client, NULL, image, take, &taken, NULL, NULL, &failure));
    assert_int_equal(taken.size, size);
    assert_int_equal(taken.sum, sum);
    taken = (struct taken){.thread = pthread_self(), .most = 1};
    expect_status(OCIREG_CALLBACK, ocireg_image_export_stream(client, NULL, image, take, &taken, NULL, &json, &failure));
    expect_message("write callback");
    assert_null(json);
    assert_int_equal(system(text("tar -tf %s | grep -qx etc/motd", path)), 0);
    expect_status(OCIREG_LIMIT_EXCEEDED, ocireg_image_export_file(client, NULL, image, other, options("{'max_bytes':100}"), &json, &failure));
    assert_memory_equal(read_file(other, &again), bytes, size);
}

/* A layer with one file more, in `folder`/layer.tar. */
static const char *put_layer(const char *folder) {
    size_t size;
    uint8_t *tar = tar_of("etc/more", "more", &size);
    write_file(text("%s/layer.tar", folder), tar, size);
    return digest_of(tar, size);
}

static void expect_packings(ocireg_client *client, const char *index, const char *folder, const char *to, const char *tar) {
    char *json = NULL;
    static const char *const packings[] = {"'compression_level':9", "'compression':'zstd'", "'compression':'none'"};
    for (size_t i = 0; i < 3; i++) {
        expect_status(OCIREG_OK, ocireg_image_append(client, NULL, index, options("{'layers':['%s/layer.tar'],'to':'%s','all':true,%s}", folder, to, packings[i]),
                                                     &json, &failure));
        kept(json);
        expect_text_at(json, "layers/0/diff_id", tar);
        assert_int_equal(strcmp(keep(json_string_at(json, "layers/0/digest"), free), tar) == 0, i == 2);
    }
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_image_append(client, NULL, index, options("{'layers':['%s/layer.tar'],'to':'%s','compression':'lz4'}", folder, to),
                                                               &json, &failure));
    expect_message("compression");
}

/* A layer more for each image of an index. */
static void append_to_all(ocireg_client *client, const char *index, const char *folder, const char *to, const char *tar) {
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_image_append(client, NULL, index, options("{'layers':['%s/layer.tar'],'to':'%s','all':true,'compression':'none'}", folder, to),
                                                 &json, &failure));
    kept(json);
    expect_shape(json, "destination:string digest:string mediaType:string base:string images:array layers:array");
    expect_text_at(json, "mediaType", INDEX);
    expect_text_at(json, "layers/0/digest", tar);
    expect_text_at(json, "layers/0/diff_id", tar);
    expect_text_at(json, "images/1/platform/architecture", "s390x");
}

static void test_append(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    const char *folder = new_folder(), *place = repository("OCIREG_TEST_V3", "image-append"), *index = put_index(client, place);
    const char *to = text("%s:more", place), *tar = put_layer(folder);
    char *json = NULL;
    expect_packings(client, index, folder, to, tar);
    append_to_all(client, index, folder, to, tar);
    expect_status(OCIREG_OK, ocireg_image_config(client, NULL, to, options("{'platform':'linux/s390x'}"), &json, NULL, &failure));
    kept(json);
    expect_text_at(json, "config/rootfs/diff_ids/1", tar);
    assert_int_equal(json_length(json, "config/history"), 2);
    expect_text_at(json, "config/config/Env/0", "A=b");
    expect_status(OCIREG_INVALID_ARGUMENT,
                  ocireg_image_append(client, NULL, to, options("{'layers':['%s/layer.tar'],'scratch':true,'all':true}", folder), &json, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_image_append(client, NULL, to, NULL, &json, &failure));
    write_file(text("%s/bad.tar", folder), "no tar", 6);
    expect_status(OCIREG_INVALID_MANIFEST, ocireg_image_append(client, NULL, to, options("{'layers':['%s/bad.tar']}", folder), &json, &failure));
}

static void test_cat(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    const char *folder = new_folder(), *place = repository("OCIREG_TEST_V3", "image-cat"), *index = put_index(client, place);
    const char *to = text("%s:more", place);
    char *json = NULL;
    assert_string_equal(contents(client, index, "/etc/motd", "{'platform':'linux/s390x'}"), "on s390x");
    expect_status(OCIREG_NOT_FOUND, ocireg_image_cat(client, NULL, text("%s:amd64", place), "none", 1, NULL, &json, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_image_cat(client, NULL, index, "x", -1, NULL, &json, &failure));
    append_to_all(client, index, folder, to, put_layer(folder));
    assert_string_equal(contents(client, to, "etc/more", "{'platform':'linux/s390x','verify':false}"), "more");
    assert_string_equal(contents(client, to, "etc/motd", "{'platform':'linux/s390x'}"), "on s390x");
}

static void expect_file(const char *json, int i) {
    static const char *const paths[] = {"/etc", "/etc/more", "/etc/motd"}, *const kinds[] = {"directory", "file", "file"};
    assert_int_equal(json_length(json, text("files/%d", i)), 9);
    expect_text_at(json, text("files/%d/path", i), paths[i]);
    expect_text_at(json, text("files/%d/type", i), kinds[i]);
    expect_number_at(json, text("files/%d/size", i), i == 0 ? 0 : i == 1 ? 4 : 8);
    expect_number_at(json, text("files/%d/mode", i), i == 0 ? 0755 : 0644);
    expect_number_at(json, text("files/%d/uid", i), 0);
    expect_number_at(json, text("files/%d/gid", i), 0);
    expect_number_at(json, text("files/%d/mtime", i), i == 0 ? 0 : 512);
    assert_int_equal(json_kind_at(json, text("files/%d/link", i)), JSON_NULL);
    expect_text_at(json, text("files/%d/layer", i), keep(json_string_at(json, i == 1 ? "layers/1/digest" : "layers/0/digest"), free));
}

static void test_files(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    const char *folder = new_folder(), *place = repository("OCIREG_TEST_V3", "image-files"), *index = put_index(client, place);
    const char *to = text("%s:more", place), *tar = put_layer(folder);
    char *json = NULL;
    append_to_all(client, index, folder, to, tar);
    expect_status(OCIREG_OK, ocireg_image_files(client, NULL, to, options("{'platform':'linux/s390x'}"), &json, &failure));
    kept(json);
    expect_shape(json, "digest:string platform:object layers:array bytes:number files:array");
    expect_text_at(json, "platform/architecture", "s390x");
    expect_text_at(json, "layers/1/digest", tar);
    expect_text_at(json, "layers/1/diff_id", tar);
    expect_bool_at(json, "layers/1/diff_id_checked", true);
    expect_number_at(json, "bytes", 12);
    assert_int_equal(json_length(json, "files"), 3);
    for (int i = 0; i < 3; i++) expect_file(json, i);
    expect_status(OCIREG_OK, ocireg_image_files(client, NULL, to, options("{'platform':'linux/s390x','paths':['etc/more']}"), &json, &failure));
    kept(json);
    assert_int_equal(json_length(json, "files"), 2);
    expect_text_at(json, "files/1/path", "/etc/more");
    expect_number_at(json, "bytes", 4);
    assert_int_equal(json_length(json, "layers"), 2);
    expect_status(OCIREG_NOT_FOUND, ocireg_image_files(client, NULL, to, options("{'platform':'linux/s390x','paths':['etc/none']}"), &json, &failure));
    expect_status(OCIREG_LIMIT_EXCEEDED, ocireg_image_files(client, NULL, to, options("{'platform':'linux/s390x','max_bytes':100}"), &json, &failure));
    expect_status(OCIREG_NOT_FOUND, ocireg_image_files(client, NULL, to, options("{'platform':'plan9/mips'}"), &json, &failure));
}

/* A new image, in a place that does not exist yet. */
static void test_append_to_nothing(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    const char *folder = new_folder(), *tar = put_layer(folder);
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_image_append(client, NULL, text("oci:%s/new:v1", folder),
                                                 options("{'layers':['%s/layer.tar'],'scratch':true,'platform':'linux/arm64'}", folder), &json, &failure));
    kept(json);
    if (json_kind_at(json, "base") != JSON_NULL) fail_msg("base of a new image");
    expect_status(OCIREG_OK, ocireg_image_config(client, NULL, text("oci:%s/new", folder), NULL, &json, NULL, &failure));
    kept(json);
    expect_text_at(json, "config/architecture", "arm64");
    expect_text_at(json, "config/rootfs/diff_ids/0", tar);
    assert_int_equal(json_length(json, "config/history"), 1);
    assert_string_equal(contents(client, text("oci:%s/new", folder), "etc/more", "{}"), "more");
}

static void test_extract(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    const char *folder = new_folder(), *place = repository("OCIREG_TEST_V3", "image-extract");
    const char *target = text("%s/root", folder), *some = text("%s/some", folder), *image = text("oci:%s/layout:x", folder);
    char *json = NULL;
    size_t size;
    put_index(client, place);
    put_layer(folder);
    expect_status(OCIREG_OK, ocireg_image_append(client, NULL, text("%s:amd64", place), options("{'layers':['%s/layer.tar'],'to':'%s'}", folder, image), &json, &failure));
    kept(json);
    expect_status(OCIREG_OK, ocireg_image_extract(client, NULL, image, target, NULL, &json, &failure));
    kept(json);
    expect_shape(json, "digest:string path:string layers:array files:number directories:number symlinks:number hard_links:number "
                       "devices:number skipped:number whiteouts:number bytes:number");
    expect_number_at(json, "files", 2);
    expect_bool_at(json, "layers/1/diff_id_checked", true);
    assert_memory_equal(read_file(text("%s/etc/motd", target), &size), "on amd64", 8);
    expect_status(OCIREG_IO, ocireg_image_extract(client, NULL, image, target, NULL, &json, &failure));
    expect_message("not empty");
    expect_status(OCIREG_NOT_FOUND, ocireg_image_extract(client, NULL, image, some, options("{'paths':['etc/motd','none']}"), &json, &failure));
    expect_message("'none'");
    assert_int_not_equal(access(some, F_OK), 0);
    expect_status(OCIREG_OK, ocireg_image_extract(client, NULL, image, some, options("{'paths':['**/mo?d']}"), &json, &failure));
    kept(json);
    expect_number_at(json, "files", 1);
    assert_int_not_equal(access(text("%s/etc/more", some), F_OK), 0);
    exported(client, image, folder);
}

static void test_remove(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    const char *place = repository("OCIREG_TEST_V3", "image-remove");
    char *json = NULL;
    put_index(client, place);
    for (int dry = 1; dry >= 0; dry--) {
        expect_status(OCIREG_OK, ocireg_repository_remove(client, NULL, place, options("{'dry_run':%s}", dry ? "true" : "false"), &json, &failure));
        kept(json);
        expect_shape(json, "repository:string manifests:array tags:number deleted:number dry_run:bool");
        expect_number_at(json, "tags", 3);
        expect_number_at(json, "deleted", dry ? 0 : 3);
        expect_text_at(json, "manifests/0/mediaType", INDEX);
        expect_text_at(json, "manifests/0/tags/0", "index");
        expect_bool_at(json, "manifests/2/deleted", !dry);
    }
    expect_status(OCIREG_NOT_FOUND, ocireg_manifest_head(client, NULL, text("%s:index", place), NULL, &json, &failure));
    /* A registry that refuses every deletion. */
    client = client_of("OCIREG_TEST_V2_NODELETE");
    place = repository("OCIREG_TEST_V2_NODELETE", "image-remove");
    put_files(client, place, "1", "x", "amd64");
    expect_status(OCIREG_UNSUPPORTED, ocireg_repository_remove(client, NULL, place, NULL, &json, &failure));
    expect_message("0 of 1");
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_config_and_size),
        test(test_validate),
        test(test_tag),
        test(test_names_that_are_taken),
        test(test_cat),
        test(test_append),
        test(test_append_to_nothing),
        test(test_files),
        test(test_extract),
        test(test_remove),
    };
    return run_all(tests, argc, argv);
}
