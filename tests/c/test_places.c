/* What places hold, whatever their kind: their manifests, their lists, and what refers to what is in them; from C and by the command. */
#include "command.h"
#include "peer.h"

#define MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define TYPE "application/x.signature"

static char *put(ocireg_client *client, const char *reference, const char *manifest) {
    expect_status(OCIREG_OK, ocireg_manifest_put(client, NULL, reference, (const uint8_t *)manifest, strlen(manifest), NULL, NULL, &failure));
    return digest_of(manifest, strlen(manifest));
}

/* A signature of a manifest, and of it another one. */
static char *sign(ocireg_client *client, const char *place, const char *digest, size_t size, int number) {
    const char *empty = text("{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\"digest\":\"%s\",\"size\":2}", digest_of("{}", 2));
    char *manifest = text("{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST "\",\"artifactType\":\"" TYPE "\",\"config\":%s,\"layers\":[%s],"
                          "\"subject\":{\"mediaType\":\"" MANIFEST "\",\"digest\":\"%s\",\"size\":%zu},"
                          "\"annotations\":{\"org.opencontainers.image.created\":\"2026-01-0%dT00:00:00Z\"}}", empty, empty, digest, size, number);
    put_blob(client, place, "{}", 2);
    put(client, text("%s@%s", place, digest_of(manifest, strlen(manifest))), manifest);
    return manifest;
}

/* An image with a signature, and a signature of that: in a registry, and copied to a layout and to an archive. */
struct places {
    const char *registry, *digest, *signature;
    const char *copies[3];
};

static struct places make_places(const char *name) {
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    const char *place = repository("OCIREG_TEST_V3", name), *image = put_image(client, place, "v1", 1);
    struct places places = {.registry = text("%s:v1", place), .digest = digest_of(image, strlen(image))};
    const char *first = sign(client, place, places.digest, strlen(image), 1);
    places.signature = digest_of(first, strlen(first));
    sign(client, place, places.signature, strlen(first), 2);
    folder = new_folder();
    places.copies[0] = text("oci:%s/layout:v1", folder);
    places.copies[1] = text("oci-archive:%s/archive.tar:v1", folder);
    places.copies[2] = text("dir:%s/dir", folder);
    for (size_t i = 0; i < 3; i++) {
        expect_status(OCIREG_OK, ocireg_copy(client, NULL, places.registry, places.copies[i], options("{'referrers':true}"), NULL, &failure));
    }
    return places;
}

static void test_manifests(void **state) {
    (void)state;
    struct places places = make_places("manifests");
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    const char *all[] = {text("docker://%s", places.registry), places.copies[0], places.copies[1], places.copies[2]};
    for (size_t i = 0; i < 4; i++) {
        char *json = NULL;
        ocireg_buffer *bytes = NULL;
        expect_status(OCIREG_OK, ocireg_endpoint_manifest(client, NULL, all[i], NULL, &json, &bytes, &failure));
        expect_shape(kept(json), "mediaType:string digest:string size:number schema_version:number kind:string manifest:object place:string");
        expect_text_at(json, "digest", places.digest);
        assert_string_equal(digest_of(ocireg_buffer_data(bytes), ocireg_buffer_size(bytes)), places.digest);
        ocireg_buffer_free(bytes);
        expect_status(OCIREG_OK, ocireg_endpoint_manifest(client, NULL, all[i], NULL, NULL, NULL, &failure));
    }
    char *json = NULL;
    expect_status(OCIREG_NOT_FOUND, ocireg_endpoint_manifest(client, NULL, text("oci:%s/layout:v2", folder), NULL, &json, NULL, &failure));
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_endpoint_manifest(client, NULL, "tarball:x", NULL, &json, NULL, &failure));
}

static void test_lists(void **state) {
    (void)state;
    struct places places = make_places("lists");
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    char *json = NULL;
    for (size_t i = 0; i < 3; i++) {
        expect_status(OCIREG_OK, ocireg_endpoint_list(client, NULL, places.copies[i], NULL, &json, &failure));
        expect_shape(kept(json), "place:string tags:array images:array");
        assert_int_equal(json_length(json, "tags"), i < 2);
        if (i < 2) expect_text_at(json, "tags/0", "v1");
        bool found = false;
        for (size_t at = 0; at < json_length(json, "images"); at++) {
            char *digest = keep(json_string_at(json, text("images/%zu/digest", at)), free);
            found = found || strcmp(digest, places.digest) == 0;
        }
        assert_true(found);
    }
    expect_status(OCIREG_UNSUPPORTED, ocireg_endpoint_list(client, NULL, places.registry, NULL, &json, &failure));
    expect_message("tags");
    expect_status(OCIREG_OK, ocireg_copy(client, NULL, places.registry, text("docker-archive:%s/d.tar:x/y:1", folder), NULL, NULL, &failure));
    expect_status(OCIREG_OK, ocireg_endpoint_list(client, NULL, text("docker-archive:%s/d.tar", folder), NULL, &json, &failure));
    expect_text_at(kept(json), "tags/0", "x/y:1");
    expect_status(OCIREG_NOT_FOUND, ocireg_endpoint_list(client, NULL, text("oci:%s", folder), NULL, &json, &failure));
}

static void test_referrers(void **state) {
    (void)state;
    struct places places = make_places("referrers");
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    const char *all[] = {text("docker://%s", places.registry), places.copies[0], places.copies[1], places.copies[2]};
    for (size_t i = 0; i < 4; i++) {
        char *json = NULL;
        expect_status(OCIREG_OK, ocireg_endpoint_referrers(client, NULL, all[i], NULL, &json, &failure));
        expect_shape(kept(json), "place:string subject:string referrers:array");
        expect_text_at(json, "subject", places.digest);
        assert_int_equal(json_length(json, "referrers"), 1);
        expect_text_at(json, "referrers/0/digest", places.signature);
        expect_text_at(json, "referrers/0/artifactType", TYPE);
        expect_status(OCIREG_OK, ocireg_endpoint_referrers(client, NULL, all[i], options("{'artifact_type':'other'}"), &json, &failure));
        assert_int_equal(json_length(kept(json), "referrers"), 0);
    }
}

/* The calls of registries take other places too, and say the same where those know it. */
static void test_the_calls_of_registries(void **state) {
    (void)state;
    struct places places = make_places("calls");
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    for (size_t i = 0; i < 3; i++) {
        char *json = NULL, *digest = NULL;
        ocireg_buffer *bytes = NULL;
        expect_status(OCIREG_OK, ocireg_manifest_get(client, NULL, places.copies[i], NULL, &json, &bytes, &failure));
        expect_text_at(kept(json), "digest", places.digest);
        assert_int_equal(json_kind_at(json, "served_by"), JSON_NULL);
        assert_int_equal(json_kind_at(json, "repository"), JSON_NULL);
        if (i < 2) expect_text_at(json, "reference", text("%.*s@%s", (int)strlen(places.copies[i]) - 3, places.copies[i], places.digest));
        assert_string_equal(digest_of(ocireg_buffer_data(bytes), ocireg_buffer_size(bytes)), places.digest);
        ocireg_buffer_free(bytes);
        expect_status(OCIREG_OK, ocireg_manifest_head(client, NULL, places.copies[i], NULL, &json, &failure));
        expect_text_at(kept(json), "digest", places.digest);
        expect_status(OCIREG_OK, ocireg_manifest_digest(client, NULL, places.copies[i], NULL, &digest, &failure));
        assert_string_equal(kept(digest), places.digest);
        expect_status(OCIREG_OK, ocireg_referrers(client, NULL, places.copies[i], NULL, &json, &failure));
        expect_text_at(kept(json), "referrers/0/digest", places.signature);
        expect_text_at(json, "source", "index");
        expect_status(OCIREG_OK, ocireg_repository_tags(client, NULL, places.copies[i], NULL, &json, &failure));
        assert_int_equal(json_length(kept(json), "tags"), i < 2);
    }
    /* What only a registry has is not looked for in a layout, nor at Docker Hub. */
    char *nothing = NULL;
    expect_status(OCIREG_UNSUPPORTED, ocireg_explain(client, NULL, "oci:layout", NULL, &nothing, &failure));
    expect_status(OCIREG_UNSUPPORTED, ocireg_repository_remove(client, NULL, places.copies[0], NULL, NULL, &failure));
}

/* Blobs of every place, whole and in pieces. */
static void test_blobs(void **state) {
    (void)state;
    struct places places = make_places("blobs");
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    const char *digest = digest_of("{}", 2);
    const char *all[] = {text("%.*s@%s", (int)strlen(places.registry) - 3, places.registry, digest), text("%s@%s", places.copies[0], digest),
                         text("%s@%s", places.copies[1], digest), text("%s@%s", places.copies[2], digest)};
    for (size_t i = 0; i < 4; i++) {
        char *json = NULL;
        ocireg_buffer *bytes = NULL;
        ocireg_blob_reader *reader = NULL;
        uint8_t buffer[8];
        size_t got = 0;
        expect_status(OCIREG_OK, ocireg_blob_head(client, NULL, all[i], NULL, &json, &failure));
        expect_bool_at(kept(json), "exists", true);
        expect_status(OCIREG_OK, ocireg_blob_get_memory(client, NULL, all[i], NULL, &json, &bytes, &failure));
        expect_bool_at(kept(json), "verified", true);
        assert_int_equal(ocireg_buffer_size(bytes), 2);
        ocireg_buffer_free(bytes);
        expect_status(OCIREG_OK, ocireg_blob_get_memory(client, NULL, all[i], options("{'offset':1}"), &json, &bytes, &failure));
        expect_bool_at(kept(json), "verified", false);
        assert_memory_equal(ocireg_buffer_data(bytes), "}", 1);
        ocireg_buffer_free(bytes);
        expect_status(OCIREG_OK, ocireg_blob_get_file(client, NULL, all[i], text("%s/got", folder), NULL, NULL, &failure));
        expect_status(OCIREG_OK, ocireg_blob_open(client, NULL, all[i], NULL, &reader, &failure));
        expect_status(OCIREG_OK, ocireg_blob_reader_info(reader, &json, &failure));
        expect_text_at(kept(json), "digest", digest);
        expect_status(OCIREG_OK, ocireg_blob_reader_read(reader, buffer, sizeof buffer, &got, &failure));
        assert_int_equal(got, 2);
        expect_status(OCIREG_OK, ocireg_blob_reader_read(reader, buffer, sizeof buffer, &got, &failure));
        assert_int_equal(got, 0);
        ocireg_blob_reader_free(reader);
    }
}

/* A program that has a layout of its own fetches one manifest and what it wants of it, as flatpak does. */
static void test_an_own_layout(void **state) {
    (void)state;
    struct places places = make_places("own-layout");
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    const char *layout = text("oci:%s/own", folder), *repository = text("%.*s", (int)strlen(places.registry) - 3, places.registry);
    char *json = NULL;
    ocireg_buffer *bytes = NULL;
    expect_status(OCIREG_OK, ocireg_manifest_get(client, NULL, places.registry, NULL, &json, &bytes, &failure));
    const uint8_t *manifest = ocireg_buffer_data(bytes);
    size_t size = ocireg_buffer_size(bytes);
    const char *named = text("%s:app/x/1", layout);
    kept(json);
    expect_status(OCIREG_MISSING_BLOB, ocireg_manifest_put(client, NULL, named, manifest, size, NULL, NULL, &failure));
    char *config = keep(json_string_at(json, "manifest/config/digest"), free), *layer = keep(json_string_at(json, "manifest/layers/0/digest"), free);
    const char *const blobs[] = {config, layer};
    for (size_t i = 0; i < 2; i++) {
        char *copied = NULL;
        expect_status(OCIREG_OK, ocireg_blob_copy(client, NULL, text("%s@%s", repository, blobs[i]), layout, NULL, &copied, &failure));
        expect_bool_at(kept(copied), "uploaded", true);
        expect_status(OCIREG_OK, ocireg_blob_copy(client, NULL, text("%s@%s", repository, blobs[i]), layout, NULL, &copied, &failure));
        expect_bool_at(kept(copied), "uploaded", false);
    }
    char *put = NULL;
    expect_status(OCIREG_OK, ocireg_manifest_put(client, NULL, named, manifest, size, options("{'if_exists':'fail'}"), &put, &failure));
    expect_text_at(kept(put), "condition", "locked");
    expect_status(OCIREG_DIGEST_MISMATCH, ocireg_manifest_put(client, NULL, named, manifest, size, options("{'if_exists':'fail'}"), NULL, &failure));
    ocireg_buffer_free(bytes);
    expect_status(OCIREG_OK, ocireg_image_tag(client, NULL, named, "v2", NULL, NULL, &failure));
    expect_status(OCIREG_OK, ocireg_tag_delete(client, NULL, named, NULL, &put, &failure));
    expect_text_at(kept(put), "manifest", "kept");
    expect_status(OCIREG_OK, ocireg_layout_check(client, NULL, text("%s/own", folder), NULL, &put, &failure));
    expect_bool_at(kept(put), "ok", true);
    expect_status(OCIREG_OK, ocireg_manifest_delete(client, NULL, text("%s@%s", layout, places.digest), NULL, NULL, &failure));
    expect_status(OCIREG_NOT_FOUND, ocireg_manifest_digest(client, NULL, text("%s@%s", layout, places.digest), NULL, &put, &failure));
    expect_status(OCIREG_OK, ocireg_layout_clean(client, NULL, text("%s/own", folder), NULL, &put, &failure));
    assert_int_equal(json_length(kept(put), "removed"), 3);
    expect_status(OCIREG_OK, ocireg_blob_put_memory(client, NULL, layout, (const uint8_t *)"abc", 3, NULL, &put, &failure));
    expect_text_at(kept(put), "digest", digest_of("abc", 3));
}

/* The commands that write take a layout, and say so of what they do not take. */
static void test_changes_by_command(void **state) {
    (void)state;
    folder = new_folder();
    const char *empty = digest_of("{}", 2);
    const char *manifest = text("{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST "\",\"layers\":[],\"config\":"
                                "{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\"digest\":\"%s\",\"size\":2}}", empty);
    write_file(text("%s/m", folder), manifest, strlen(manifest));
    expect_shell("printf {} >c && D=$($0 blob put oci:l c --format {/digest}) && test $($0 blob get oci:l@$D) = {} &&"
                 "$0 manifest put oci:l:v1 m --tag v2 >out && $0 tag oci:l:v1 v3 >out && test \"$($0 tags oci:l --text | tr \"\\n\" \" \")\" = \"v1 v2 v3 \" &&"
                 "$0 untag oci:l:v1 >out && $0 tag --no-clobber oci:l:v2 v3 | grep -q skipped.:..v3 && cat c | $0 blob put oci:l - | grep -q uploaded.:false &&"
                 "test $($0 blob head oci:l@$D --format {/size}) = 2 && $0 blob copy oci:l@$D dir:d | grep -q uploaded.:true &&"
                 "$0 manifest delete oci:l@$($0 digest oci:l:v2) >out && test \"$($0 tags oci:l --text)\" = \"\" && $0 layout clean l | grep -q removed");
    expect_failure(OCIREG_MISSING_BLOB, text("manifest put oci:%s/new:v1 %s/m", folder, folder), "refers to what is missing");
    expect_shell("test ! -e new && $0 manifest put --allow-missing oci:new:v1 m >out && test $($0 digest oci:new:v1) = $($0 blob digest m)");
    expect_shell("$0 blob put oci:l c >out && $0 manifest put oci:l:v1 m >out && $0 copy oci:l:v1 oci-archive:a.tar:v1 >out && $0 tag oci-archive:a.tar:v1 v2 >out &&"
                 "test \"$($0 tags oci-archive:a.tar --text | tr \"\\n\" \" \")\" = \"v1 v2 \"");
    expect_shell("$0 untag oci-archive:a.tar:v1 | grep -q manifest.:.kept && test \"$($0 tags oci-archive:a.tar --text)\" = v2 &&"
                 "$0 untag oci-archive:a.tar:v2 | grep -q manifest.:.unnamed && test \"$($0 tags oci-archive:a.tar --text)\" = \"\"");
    expect_shell("$0 blob put oci-archive:b.tar c | grep -q uploaded.:true && $0 blob copy oci:l@$($0 blob digest c) oci-archive:b.tar | grep -q uploaded.:false &&"
                 "$0 manifest put oci-archive:b.tar:v1 m --tag v2 >out && test \"$($0 tags oci-archive:b.tar --text | tr \"\\n\" \" \")\" = \"v1 v2 \" &&"
                 "$0 manifest delete oci-archive:b.tar@$($0 blob digest m) >out && test \"$($0 tags oci-archive:b.tar --text)\" = \"\" && tar -tf b.tar | grep -q index.json");
    expect_failure(OCIREG_UNSUPPORTED, "untag oci-archive:-:v1", "cannot be changed");
}

/* Whenever a program is killed, what has its name is whole, the names are as they were or as they were to be, and the next one goes on. */
static void test_killed_in_a_layout(void **state) {
    (void)state;
    folder = new_folder();
    expect_bash("head -c 40000000 /dev/urandom >big && printf {} >c && $0 blob put oci:l c >out");
    const char *manifest = text("{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST "\",\"layers\":[],\"config\":"
                                "{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\"digest\":\"%s\",\"size\":2}}", digest_of("{}", 2));
    write_file(text("%s/m", folder), manifest, strlen(manifest));
    expect_bash("$0 manifest put oci:l:v1 m >out; for i in 01 02 03 05 08 12; do $0 blob put oci:l big >out 2>&1 & sleep 0.$i; kill -9 $! 2>out || true;"
                " wait $! || true; for f in l/blobs/sha256/*; do test ${f##*/} = $(sha256sum <$f | cut -c1-64); done; done;"
                "for i in 1 2 3 4 5 6 7 8 9; do ($0 tag oci:l:v1 t$i >out 2>&1 & sleep 0.00$i; kill -9 $! 2>out; wait $!) 2>out || true;"
                " ($0 untag oci:l:t$i >out 2>&1 & sleep 0.00$i; kill -9 $! 2>out; wait $!) 2>out || true; $0 layout check l >out; done;"
                "$0 tag oci:l:v1 last >out && $0 tags oci:l --text | grep -qx last && $0 tags oci:l --text | grep -qx v1 &&"
                "$0 blob put oci:l big >out && $0 blob get oci:l@$($0 blob digest big) -o again >out && cmp big again");
}

/* Whoever may read a layout can lock it: that a command waits for that is written while it waits, once; a check does not wait. */
static void test_a_lock_that_is_waited_for(void **state) {
    (void)state;
    folder = new_folder();
    expect_bash("printf {} >c && $0 blob put oci:l c >out && { timeout 60 flock l/oci-layout sh -c \"touch held; until grep -qs waited.for err; do sleep 0.1; done\" & }"
                " && until [ -e held ]; do sleep 0.1; done; $0 layout check l >out 2>checked && grep -q \"warning: l/oci-layout: another process has locked it\" checked &&"
                " test ! -e err && $0 blob put oci:l held 2>err >out && test $(wc -l <err) = 1 && wait &&"
                " grep -qx \"ocireg: warning: l/oci-layout: waiting for the lock that another process holds on it\" err");
}

/* The commands that read take any place. */
static void test_by_command(void **state) {
    (void)state;
    struct places places = make_places("by-command");
    const char *all[] = {text("docker://%s", places.registry), places.registry, places.copies[0], places.copies[1], places.copies[2]};
    char *said = NULL;
    for (size_t i = 0; i < 5; i++) {
        expect_run(text("digest %s", all[i]), &said);
        assert_string_equal(said, text("%s\n", places.digest));
        expect_run(text("manifest head %s --format {/digest}", all[i]), &said);
        assert_string_equal(said, text("%s\n", places.digest));
        expect_run(text("manifest get %s --format {/manifest/schemaVersion}", all[i]), &said);
        assert_string_equal(said, "2\n");
        expect_shell(text("test $($0 --anonymous manifest get %s --raw | sha256sum | cut -c1-64) = %s", all[i], places.digest + 7));
        expect_run(text("referrers %s --format {/referrers/*/digest}", all[i]), &said);
        assert_string_equal(said, text("%s\n", places.signature));
        if (i == 4) continue;
        expect_run(text("tags %.*s --text", i < 2 ? (int)strlen(all[i]) - 3 : (int)strlen(all[i]), all[i]), &said);
        /* Without the referrers API a registry has tags for them. */
        assert_non_null(strstr(said, "v1\n"));
    }
    expect_run(text("layout list oci:%s/layout --text", folder), &said);
    assert_int_equal(run(text("layout check oci:%s/layout", folder), NULL), 0);
    assert_int_equal(run(text("layout clean oci:%s/layout", folder), NULL), 0);
    expect_run(text("layout list %s/layout --text", folder), &said);
    assert_non_null(strstr(said, text("v1\t%s\t" MANIFEST "\n", places.digest)));
    expect_shell(text("cat archive.tar | $0 digest oci-archive:-:v1 | grep -qx %s && test $(cat archive.tar | $0 tags oci-archive:- --text) = v1",
                      places.digest));
    expect_shell(text("$0 copy oci:layout:v1 docker-archive:two.tar:a/b:1 >/dev/null && $0 copy oci:layout:v1 docker-archive:two.tar:a/b:2 >/dev/null &&"
                      "test \"$($0 tags docker-archive:two.tar --text | tr \"\\n\" \" \")\" = \"a/b:1 a/b:2 \""));
    expect_run(text("tags %s --digests --format {/digests/v1}", places.copies[0]), &said);
    assert_string_equal(said, text("%s\n", places.digest));
    expect_failure(OCIREG_NOT_FOUND, text("digest oci:%s/layout:v9", folder), "it has ");
}

/* One page for people, one object for programs. */
static void test_inspect(void **state) {
    (void)state;
    struct places places = make_places("inspect");
    const char *all[] = {text("docker://%s", places.registry), places.registry, places.copies[0], places.copies[1], places.copies[2]};
    char *said = NULL;
    for (size_t i = 0; i < 5; i++) {
        expect_run(text("inspect %s", all[i]), &said);
        expect_text_at(said, "digest", places.digest);
        expect_text_at(said, "image", places.digest);
        expect_text_at(said, "platform", "linux/amd64");
        expect_text_at(said, "referrers/0/digest", places.signature);
        expect_text_at(said, "referrers/0/annotations/org.opencontainers.image.created", "2026-01-01T00:00:00Z");
        assert_int_equal(json_length(said, "layers"), 1);
        expect_text_at(said, "names/0", i < 2 ? places.registry : all[i]);
        expect_run(text("inspect %s --text", all[i]), &said);
        assert_non_null(strstr(said, text("\nDigest:      %s\n", places.digest)));
        assert_non_null(strstr(said, "\nPlatform:    linux/amd64\n"));
        assert_non_null(strstr(said, text("\nReferrers:   %s  " TYPE "  ", places.signature)));
    }
    expect_shell("cat archive.tar | $0 inspect oci-archive:-:v1 --text >piped && $0 inspect oci-archive:-:v1 --text <archive.tar >read && cmp piped read");
    expect_bash("$0 inspect oci-archive:<(cat archive.tar):v1 --text >fd && cmp <(tail -n +3 piped) <(tail -n +3 fd) && mkfifo p && { cat archive.tar >p & } &&"
                "$0 tree oci-archive:p:v1 >tree && grep -q sha256: tree");
    expect_failure(OCIREG_NOT_FOUND, text("inspect %s9", places.registry), "");
    /* Where only the list of referrers cannot be had, the page has the rest, and the exit status says so. */
    expect_shell("cp -r layout damaged && for f in damaged/blobs/sha256/*; do grep -q '\"subject\"' $f && echo no >$f || true; done; "
                 "$0 inspect oci:damaged:v1 --text >page 2>err || test $? = 14 && grep -q ^Digest: page && ! grep -q ^Referrers: page && grep -q DIGEST_MISMATCH err");
}

/* The config of an image, an index for other machines, and an artifact. */
static void test_inspect_config(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    const char *place = repository("OCIREG_TEST_V3", "config");
    const char *config = "{\"architecture\":\"wasm\",\"os\":\"plan9\",\"created\":\"2026-02-03T04:05:06Z\",\"config\":{\"Entrypoint\":[\"/bin/a\"],"
                         "\"Labels\":{\"evil\":\"\\u001b[31mred\",\"k\":\"v\"},\"Env\":[\"A=b\"],\"ExposedPorts\":{\"80/tcp\":{}}},"
                         "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}";
    char *manifest = image_manifest(put_blob(client, place, config, strlen(config)), strlen(config), put_blob(client, place, "abc", 3), 3);
    char *digest = put(client, text("%s:image", place), manifest), *said = NULL;
    char *index = text("{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[{\"mediaType\":\"" MANIFEST "\","
                       "\"digest\":\"%s\",\"size\":%zu,\"platform\":{\"os\":\"plan9\",\"architecture\":\"wasm\"}}]}", digest, strlen(manifest));
    put(client, text("%s:index", place), index);
    folder = new_folder();
    expect_run(text("inspect %s:image --text", place), &said);
    static const char *const lines[] = {"Created:     2026-02-03T04:05:06Z\n", "Entrypoint:  [\"/bin/a\"]\n", "Environment: A=b\n", "Ports:       80/tcp\n",
                                        "Labels:      evil=?[31mred\n             k=v\n"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (!strstr(said, lines[i])) fail_msg("no '%s' in: %s", lines[i], said);
    }
    expect_run(text("inspect %s:image --format '{*}={/labels/*}'", place), &said);
    assert_non_null(strstr(said, "k=v\n"));
    static const struct { const char *config, *line; } platforms[] = {
        {"{\"architecture\":\"\",\"os\":\"\",\"variant\":\"\"}", NULL}, {"{\"architecture\":\"arm\",\"os\":\"\",\"variant\":\"v7\"}", "unknown/arm/v7"},
        {"{\"os\":\"linux\",\"variant\":\"\"}", "linux/unknown"}, {"{}", NULL},
    };
    for (size_t i = 0; i < sizeof platforms / sizeof platforms[0]; i++) {
        const char *odd = platforms[i].config;
        put(client, text("%s:odd", place), image_manifest(put_blob(client, place, odd, strlen(odd)), strlen(odd), put_blob(client, place, "abc", 3), 3));
        expect_run(text("inspect %s:odd --text", place), &said);
        if (!platforms[i].line) assert_null(strstr(said, "Platform"));
        else assert_non_null(strstr(said, text("\nPlatform:    %s\n", platforms[i].line)));
    }
    expect_run(text("inspect %s:index", place), &said);
    expect_text_at(said, "platforms/0/platform", "plan9/wasm");
    assert_int_equal(json_kind_at(said, "image"), JSON_NULL);
    expect_run(text("inspect %s:index --platform plan9/wasm", place), &said);
    expect_text_at(said, "image", digest);
    expect_failure(OCIREG_NOT_FOUND, text("inspect %s:index --platform linux/s390x", place), "s390x");
    /* What is in an index has a name too, its digest. */
    expect_run(text("copy %s:index oci:%s/layout:i", place, folder), NULL);
    expect_run(text("copy %s:index oci-archive:%s/archive.tar:i", place, folder), NULL);
    const char *const copies[] = {"oci:layout", "oci-archive:archive.tar"};
    for (size_t i = 0; i < 2; i++) {
        expect_shell(text("test $($0 digest %s@%s) = %s && $0 copy %s@%s dir:copy%zu >out && test $($0 digest dir:copy%zu) = %s", copies[i], digest,
                          digest, copies[i], digest, i, i, digest));
        expect_shell(text("if $0 digest %s@%s 2>err; then exit 1; fi; grep -q \"it has i\" err", copies[i], digest_of("none", 4)));
        expect_shell(text("if $0 digest %s@%s 2>err; then exit 1; fi; grep -q INVALID_MANIFEST err", copies[i], digest_of("abc", 3)));
    }
    const char *signature = sign(client, place, digest, strlen(manifest), 3);
    expect_run(text("inspect %s@%s", place, digest_of(signature, strlen(signature))), &said);
    expect_text_at(said, "artifactType", TYPE);
    assert_int_equal(json_kind_at(said, "platform"), JSON_NULL);
}

static void test_tree(void **state) {
    (void)state;
    struct places places = make_places("tree");
    const char *all[] = {places.registry, places.copies[0], places.copies[1]};
    char *said = NULL;
    for (size_t i = 0; i < 3; i++) {
        expect_run(text("tree %s", all[i]), &said);
        expect_text_at(said, "digest", places.digest);
        expect_text_at(said, "referrers/0/digest", places.signature);
        expect_text_at(said, "referrers/0/referrers/0/artifactType", TYPE);
        assert_int_equal(json_length(said, "referrers/0/referrers/0/referrers"), 0);
        expect_bool_at(said, "truncated", false);
        expect_run(text("tree %s --text", all[i]), &said);
        assert_non_null(strstr(said, text("\n└── " TYPE "  %s  ", places.signature)));
        assert_non_null(strstr(said, "\n    └── " TYPE "  sha256:"));
        expect_run(text("tree %s --depth 1", all[i]), &said);
        assert_int_equal(json_length(said, "referrers/0/referrers"), 0);
        expect_bool_at(said, "truncated", true);
    }
    expect_run(text("tree %s", places.copies[2]), &said);
    assert_int_equal(json_length(said, "referrers"), 1);
    expect_failure(64, text("tree %s --depth 21", places.registry), "from 1 to 20");
}

/* What refers to itself, and to everything, ends. */
static void test_trees_without_an_end(void **state) {
    (void)state;
    folder = new_folder();
    for (size_t count = 2; count <= 1500; count += 1498) {
        char *index = text("{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":["), *said = NULL;
        size_t size = strlen(index);
        char *body = keep(malloc(size + count * 200 + 3), free), *end = body + sprintf(body, "%s", index);
        for (size_t i = 0; i < count; i++) {
            end += sprintf(end, "%s{\"mediaType\":\"" MANIFEST "\",\"digest\":\"sha256:%064zx\",\"size\":1}", i ? "," : "", i);
        }
        sprintf(end, "]}");
        const struct answer answer = {.bytes = http_answer("200 OK", "Content-Type: application/vnd.oci.image.index.v1+json\r\n", body)};
        expect_run(text("--plain-http tree %s/a@sha256:%064x --depth 3", peer_host(peer_start(&answer, 1)), 1), &said);
        assert_true(json_is_valid(said));
        expect_bool_at(said, "truncated", count > 1000);
    }
}

/* The tag leads elsewhere once it was asked for. */
static void test_inspect_of_a_moving_tag(void **state) {
    (void)state;
    const char *config = "{\"os\":\"linux\",\"architecture\":\"amd64\"}";
    const char *manifest = text("{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":{\"mediaType\":"
                                "\"application/vnd.oci.image.config.v1+json\",\"digest\":\"%s\",\"size\":%zu},\"layers\":[]}",
                                digest_of(config, strlen(config)), strlen(config));
    const char *list = "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[]}";
    const struct answer image = {.bytes = http_answer("200 OK", "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n", manifest)};
    folder = new_folder();
    const struct answer answers[] = {image, image, image, {.bytes = http_answer("200 OK", "", config)}, image,
                                     {.bytes = http_answer("200 OK", "Content-Type: application/vnd.oci.image.index.v1+json\r\n", list)}};
    struct peer *peer = peer_start(answers, 6);
    char *said = NULL;
    expect_run(text("--plain-http inspect %s/a:t", peer_host(peer)), &said);
    expect_text_at(said, "digest", digest_of(manifest, strlen(manifest)));
    expect_text_at(said, "platform", "linux/amd64");
    expect_text_at(said, "names/0", text("%s/a:t", peer_host(peer)));
    assert_int_equal(peer_count(peer), 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(strstr(peer_request(peer, i), "/manifests/t ") != NULL, i == 0);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {test(test_manifests), test(test_lists), test(test_referrers), test(test_the_calls_of_registries), test(test_blobs), test(test_an_own_layout),
                                       test(test_changes_by_command), test(test_killed_in_a_layout), test(test_a_lock_that_is_waited_for), test(test_by_command), test(test_inspect), test(test_inspect_of_a_moving_tag), test(test_inspect_config),
                                       test(test_tree), test(test_trees_without_an_end)};
    return run_all(tests, argc, argv);
}
