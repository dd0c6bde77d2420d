/* Indexes: made of images from anywhere, and changed. */
#include "command.h"
#include "json.h"

/* An image for a platform, in a layout. */
static const char *image(ocireg_client *client, const char *name, const char *platform) {
    const char *place = text("oci:%s/%s:v1", folder, name);
    const char *wanted = text("{'layers':['%s/layer.tar'],'scratch':true,'platform':'%s'}", folder, platform);
    expect_status(OCIREG_OK, ocireg_image_append(client, NULL, place, options("%s", wanted), NULL, &failure));
    return place;
}

static void new_layer(void) {
    folder = new_folder();
    expect_bash("echo text >file && tar -cf layer.tar file");
}

static void test_made_and_changed(void **state) {
    (void)state;
    const char *names[] = {"OCIREG_TEST_V2", "OCIREG_TEST_V3", "OCIREG_TEST_GGCR", NULL};
    new_layer();
    for (size_t i = 0; i < 4; i++) {
        ocireg_client *client = client_of(names[i] ? names[i] : "OCIREG_TEST_V2");
        const char *place = names[i] ? text("%s:v1", repository(names[i], "index")) : text("oci:%s/indexes:v1", folder);
        const char *amd64 = image(client, "amd64", "linux/amd64"), *arm64 = image(client, "arm64", "linux/arm64"), *s390x = image(client, "s390x", "linux/s390x");
        char *json = NULL;
        expect_status(OCIREG_NOT_FOUND, ocireg_index_append(client, NULL, place, options("{'references':['%s']}", amd64), &json, &failure));
        expect_status(OCIREG_OK, ocireg_index_create(client, NULL, place, options("{'references':['%s','%s'],'annotations':['a=b']}", amd64, arm64), &json, &failure));
        kept(json);
        assert_int_equal(json_length(json, "manifests"), 2);
        expect_text_at(json, "manifests/0/platform/architecture", "amd64");
        expect_number_at(json, "copied/manifests/copied", 3);
        const char *digest = keep(json_string_at(json, "digest"), free), *first = keep(json_string_at(json, "manifests/0/digest"), free);
        expect_status(OCIREG_DIGEST_MISMATCH, ocireg_index_create(client, NULL, place, options("{'references':['%s'],'if_exists':'fail'}", arm64), &json, &failure));
        expect_status(OCIREG_OK, ocireg_index_append(client, NULL, place, options("{'references':['%s']}", s390x), &json, &failure));
        kept(json);
        expect_text_at(json, "before", digest);
        expect_number_at(json, "attempts", 1);
        assert_int_equal(json_length(json, "manifests"), 3);
        assert_int_equal(json_length(json, "added"), 1);
        expect_status(OCIREG_DIGEST_MISMATCH, ocireg_index_remove(client, NULL, place, options("{'digests':['%s'],'if_digest':'%s'}", first, digest), &json, &failure));
        const char *other = text("%.*sv2", (int)strlen(place) - 2, place), *third = text("%.*sv3", (int)strlen(place) - 2, place);
        expect_status(OCIREG_OK, ocireg_index_append(client, NULL, place, options("{'references':['%s'],'put_as':'v2','annotations':['c=d'],'entry_annotations':['e=f'],'tags':['v3'],'dry_run':true}", amd64), &json, &failure));
        kept(json);
        const char *would_be = keep(json_string_at(json, "digest"), free);
        expect_text_at(keep(json_string_at(json, "manifest"), free), "annotations/c", "d");
        expect_status(OCIREG_NOT_FOUND, ocireg_manifest_digest(client, NULL, other, NULL, &json, &failure));
        expect_status(OCIREG_OK, ocireg_index_append(client, NULL, place, options("{'references':['%s'],'put_as':'v2','annotations':['c=d'],'entry_annotations':['e=f'],'tags':['v3']}", amd64), &json, &failure));
        kept(json);
        expect_text_at(json, "digest", would_be);
        expect_text_at(json, "tags/0", "v3");
        for (size_t at = 0; at < 2; at++) {
            expect_status(OCIREG_OK, ocireg_manifest_digest(client, NULL, at == 0 ? other : third, NULL, &json, &failure));
            assert_string_equal(kept(json), would_be);
        }
        expect_status(OCIREG_OK, ocireg_index_remove(client, NULL, place, options("{'digests':['%s'],'platform':['linux/arm64']}", first), &json, &failure));
        kept(json);
        assert_int_equal(json_length(json, "removed"), 2);
        assert_int_equal(json_length(json, "manifests"), 1);
        expect_status(OCIREG_NOT_FOUND, ocireg_index_remove(client, NULL, place, options("{'digests':['%s']}", first), &json, &failure));
        expect_status(OCIREG_INVALID_ARGUMENT, ocireg_index_remove(client, NULL, place, NULL, &json, &failure));
        expect_status(OCIREG_INVALID_ARGUMENT, ocireg_index_append(client, NULL, place, NULL, &json, &failure));
        expect_status(OCIREG_INVALID_MANIFEST, ocireg_index_append(client, NULL, place, options("{'references':['%s'],'media_type':'docker'}", amd64), &json, &failure));
        expect_status(OCIREG_NOT_FOUND, ocireg_index_create(client, NULL, place, options("{'references':['%s'],'platform':['linux/arm64']}", amd64), &json, &failure));
    }
}

/* The command says what the library does, and takes the words after PLACE for references or digests. */
static void test_command(void **state) {
    (void)state;
    new_layer();
    expect_bash("for a in amd64 arm64 s390x; do $0 append --scratch oci:$a:v1 --layer layer.tar --platform linux/$a >/dev/null; done &&"
                "$0 index create oci:all:v1 oci:amd64:v1 oci:arm64:v1 --annotation a=b --json >made && grep -q attempts made &&"
                "$0 index append oci:all:v1 oci:s390x:v1 --format {/added/0/platform/architecture} | grep -qx s390x &&"
                "D=$($0 index append oci:all:v1 oci:s390x:v1 --format {/manifests/0/digest}) &&"
                "test $($0 index remove oci:all:v1 $D --platform linux/arm64 --format \"{/removed/*/digest}\" | wc -l) = 2 &&"
                "$0 index append oci:all:v1 oci:s390x:v1 --put-as v2 --annotation c=d --entry-annotation e=f --tag v3 --dry-run --format {/manifest} >index &&"
                "grep -q c.:.d index && ! $0 digest oci:all:v2 2>/dev/null && $0 index create oci:all:v4 oci:amd64:v1 --tag v5 >/dev/null &&"
                "test $($0 digest oci:all:v4) = $($0 digest oci:all:v5) && $0 index remove oci:all:v1 --platform linux/s390x --dry-run >/dev/null &&"
                "$0 index create oci-archive:-:v1 oci:amd64:v1 >all.tar &&"
                "$0 index append oci-archive:all.tar:v1 oci:arm64:v1 >/dev/null &&"
                "$0 validate oci-archive:all.tar:v1 >/dev/null");
    expect_failure(OCIREG_INVALID_ARGUMENT, text("index create oci:%s/new:v1", folder), "references");
    expect_failure(OCIREG_INVALID_ARGUMENT, text("index remove oci:%s/all:v1", folder), "nothing to remove");
    expect_failure(OCIREG_INVALID_REFERENCE, text("index append oci:%s/all oci:%s/arm64", folder, folder), "needs a name");
    expect_failure(OCIREG_NOT_FOUND, text("index remove oci:%s/all:v1 --platform linux/386", folder), "linux/386");
}

/* What the command line says of a registry is for those of all its words. */
static void test_registries(void **state) {
    (void)state;
    new_layer();
    expect_bash("! OCIREG_PASSWORD=x $0 --username bob index create oci:all:v1 a.example/x:1 b.example/y:1 2>err; grep -q \"with several registries --username must name its own\" err");
    expect_bash("! OCIREG_PASSWORD=x $0 --username bob index append a.example/x:1 b.example/y:1 2>err; grep -q \"with several registries --username must name its own\" err");
    /* A digest is none. */
    expect_bash("! OCIREG_PASSWORD=x $0 --retries 0 --username bob index create oci:all:v1 sha256:$(printf %064d 0) 2>err; ! grep -q \"with several\" err");
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {test(test_made_and_changed), test(test_command), test(test_registries)};
    return run_all(tests, argc, argv);
}
