/* Artifacts: what they are made of, and where they go. */
#include "command.h"
#include "json.h"
#include "peer.h"

#include <sys/stat.h>

static void free_artifact(void *artifact) { ocireg_artifact_free(artifact); }

static ocireg_artifact *new_artifact(void) {
    ocireg_artifact *artifact = NULL;
    expect_status(OCIREG_OK, ocireg_artifact_new(&artifact, &failure));
    return keep(artifact, free_artifact);
}

/* Gives a text in pieces of three bytes. */
static int64_t give_text(void *userdata, uint8_t *buffer, size_t size) {
    const char **rest = userdata;
    size_t count = strlen(*rest) < 3 ? strlen(*rest) : 3;
    if (count > size) count = size;
    memcpy(buffer, *rest, count);
    *rest += count;
    return (int64_t)count;
}

static int64_t refuse(void *userdata, uint8_t *buffer, size_t size) {
    (void)userdata, (void)buffer, (void)size;
    return -1;
}

/* An artifact of a file, a folder, bytes with and without a title, a stream and a config. */
static ocireg_artifact *of_all_kinds(void) {
    write_file(text("%s/file.txt", folder), "from a file", 11);
    assert_int_equal(mkdir(text("%s/folder", folder), 0755), 0);
    write_file(text("%s/folder/inner", folder), "inner", 5);
    static const char *rest;
    rest = "from a callback";
    ocireg_artifact *artifact = new_artifact();
    expect_status(OCIREG_OK, ocireg_artifact_add_file(artifact, text("%s/file.txt", folder), options("{'media_type':'text/plain'}"), &failure));
    expect_status(OCIREG_OK, ocireg_artifact_add_file(artifact, text("%s/folder", folder), NULL, &failure));
    expect_status(OCIREG_OK, ocireg_artifact_add_memory(artifact, (const uint8_t *)"from memory", 11, options("{'title':'a/b','annotations':['k=v=w']}"), &failure));
    expect_status(OCIREG_OK, ocireg_artifact_add_memory(artifact, NULL, 0, NULL, &failure));
    expect_status(OCIREG_OK, ocireg_artifact_add_stream(artifact, give_text, &rest, options("{'title':'c'}"), &failure));
    expect_status(OCIREG_OK, ocireg_artifact_add_memory(artifact, (const uint8_t *)"{\"x\":1}", 7, options("{'config':true,'media_type':'a/config'}"), &failure));
    return artifact;
}

/* Pushes it, again, and not again. Returns its digest. */
static const char *pushed(ocireg_client *client, ocireg_artifact *artifact, const char *place) {
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_artifact_push(client, NULL, artifact, place, options("{'artifact_type':'a/b','annotations':['x=y']}"), &json, &failure));
    kept(json);
    expect_text_at(json, "artifactType", "a/b");
    expect_text_at(json, "config/mediaType", "a/config");
    expect_text_at(json, "config/digest", digest_of("{\"x\":1}", 7));
    assert_int_equal(json_length(json, "layers"), 5);
    expect_text_at(json, "layers/0/annotations/org.opencontainers.image.title", "file.txt");
    expect_text_at(json, "layers/0/digest", digest_of("from a file", 11));
    expect_text_at(json, "layers/0/mediaType", "text/plain");
    expect_text_at(json, "layers/1/annotations/io.deis.oras.content.unpack", "true");
    expect_text_at(json, "layers/1/mediaType", "application/vnd.oci.image.layer.v1.tar+gzip");
    expect_text_at(json, "layers/2/annotations/k", "v=w");
    expect_number_at(json, "layers/3/size", 0);
    expect_text_at(json, "layers/4/digest", digest_of("from a callback", 15));
    const char *digest = keep(json_string_at(json, "digest"), free);
    expect_status(OCIREG_OK, ocireg_artifact_push(client, NULL, artifact, place, options("{'artifact_type':'a/b','annotations':['x=y']}"), &json, &failure));
    expect_text_at(kept(json), "digest", digest);
    expect_status(OCIREG_OK, ocireg_artifact_push(client, NULL, artifact, place, options("{'if_exists':'skip'}"), &json, &failure));
    kept(json);
    expect_text_at(json, "digest", digest);
    assert_int_equal(json_length(json, "layers"), 0);
    assert_int_equal(json_length(json, "skipped"), 1);
    expect_status(OCIREG_DIGEST_MISMATCH, ocireg_artifact_push(client, NULL, artifact, place, options("{'if_exists':'fail'}"), &json, &failure));
    return digest;
}

static void expect_pulled(ocireg_client *client, const char *place, const char *digest, const char *out) {
    char *json = NULL;
    size_t size = 0;
    expect_status(OCIREG_OK, ocireg_artifact_pull(client, NULL, place, out, options("{'titles':['file.txt','folder','a/*','c']}"), &json, &failure));
    kept(json);
    expect_text_at(json, "digest", digest);
    assert_int_equal(json_length(json, "files"), 4);
    expect_text_at(json, "files/0/path", text("%s/file.txt", out));
    expect_bool_at(json, "files/1/unpacked", true);
    expect_text_at(json, "skipped/0/reason", "no title");
    assert_memory_equal(read_file(text("%s/folder/inner", out), &size), "inner", 5);
    assert_memory_equal(read_file(text("%s/a/b", out), &size), "from memory", 11);
    assert_memory_equal(read_file(text("%s/c", out), &size), "from a callback", 15);
    write_file(text("%s/c", out), "mine", 4);
    expect_status(OCIREG_OK, ocireg_artifact_pull(client, NULL, place, out, options("{'keep_old':true,'media_types':['text/*','*.tar']}"), &json, &failure));
    kept(json);
    expect_number_at(json, "kept", 3);
    expect_bool_at(json, "files/2/kept", true);
    assert_memory_equal(read_file(text("%s/c", out), &size), "mine", 4);
    expect_status(OCIREG_NOT_FOUND, ocireg_artifact_pull(client, NULL, place, out, options("{'titles':['none']}"), &json, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_artifact_pull(client, NULL, place, out, options("{'concurrency':0}"), &json, &failure));
    expect_status(OCIREG_IO, ocireg_artifact_pull(client, NULL, place, text("%s/c/d", out), NULL, &json, &failure));
}

/* Something is attached to it, and refers to it. `other`: another name beside it. */
static void expect_attached(ocireg_client *client, const char *place, const char *digest, const char *other) {
    char *json = NULL;
    ocireg_artifact *about = new_artifact();
    expect_status(OCIREG_OK, ocireg_artifact_add_memory(about, (const uint8_t *)"sig", 3, options("{'title':'sig'}"), &failure));
    expect_status(OCIREG_OK, ocireg_artifact_attach(client, NULL, about, place, options("{'artifact_type':'a/sig'}"), &json, &failure));
    kept(json);
    expect_text_at(json, "subject/digest", digest);
    const char *attached = keep(json_string_at(json, "digest"), free);
    expect_status(OCIREG_OK, ocireg_endpoint_referrers(client, NULL, place, NULL, &json, &failure));
    kept(json);
    assert_int_equal(json_length(json, "referrers"), 1);
    expect_text_at(json, "referrers/0/digest", attached);
    expect_text_at(json, "referrers/0/artifactType", "a/sig");
    expect_status(OCIREG_OK, ocireg_artifact_push(client, NULL, about, other, options("{'artifact_type':'a/sig','subject':'%s'}", place), &json, &failure));
    expect_text_at(kept(json), "digest", attached);
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_artifact_push(client, NULL, about, place, options("{'subject':'oci:elsewhere:v1'}"), &json, &failure));
    expect_message("not in the same repository");
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_artifact_push(client, NULL, about, place, options("{'subject':'%s','image_spec':'v1.0'}", place), &json, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_artifact_push(client, NULL, about, place, options("{'image_spec':'v2'}"), &json, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_artifact_push(client, NULL, about, place, options("{'annotations':['x']}"), &json, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_artifact_push(client, NULL, about, place, options("{'artifact_type':'nonsense'}"), &json, &failure));
}

static void test_parts(void **state) {
    (void)state;
    const char *names[] = {"OCIREG_TEST_V2", "OCIREG_TEST_V3", NULL};
    folder = new_folder();
    ocireg_artifact *artifact = of_all_kinds();
    for (size_t i = 0; i < 3; i++) {
        ocireg_client *client = client_of(names[i] ? names[i] : "OCIREG_TEST_V2");
        const char *place = names[i] ? text("%s:v1", repository(names[i], "artifact")) : text("oci:%s/layout:v1", folder);
        const char *digest = pushed(client, artifact, place);
        expect_pulled(client, place, digest, text("%s/out-%zu", folder, i));
        expect_attached(client, place, digest, names[i] ? text("%s2", place) : text("oci:%s/layout:v2", folder));
    }
}

static void expect_refused(const char *path, const char *wanted, const char *why) {
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_artifact_add_file(new_artifact(), path, options("%s", wanted), &failure));
    expect_message(why);
}

/* What no part can be, and what two parts cannot be together. */
static void test_refusals(void **state) {
    (void)state;
    static const char *const titles[][2] = {{"", "empty"}, {"/etc/passwd", "absolute"}, {"../x", "leads out"}, {"a/../../b", "leads out"},
                                            {"a\\nb", "control characters"}, {".ocireg-pull", "reserved"}};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) expect_refused("x", text("{'title':'%s'}", titles[i][0]), titles[i][1]);
    expect_refused("-", "{}", "needs the option title");
    expect_refused("", "{}", "empty");
    expect_refused("x", "{'title':'x','config':true}", "no title");
    expect_refused("x", "{'annotations':['org.opencontainers.image.title=x']}", "option title");
    expect_refused("x", "{'annotations':['a=1','a=2']}", "twice");
    expect_status(OCIREG_CALLBACK, ocireg_artifact_add_stream(new_artifact(), refuse, NULL, NULL, &failure));
    const char *rest = "too much";
    expect_status(OCIREG_LIMIT_EXCEEDED, ocireg_artifact_add_stream(new_artifact(), give_text, &rest, options("{'max_temporary_bytes':5}"), &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_artifact_add_file(new_artifact(), "x", options("{'max_temporary_bytes':5}"), &failure));

    ocireg_client *client = client_of("OCIREG_TEST_V2");
    folder = new_folder();
    write_file(text("%s/one", folder), "1", 1);
    ocireg_artifact *twice = new_artifact(), *within = new_artifact(), *gone = new_artifact(), *configs = new_artifact();
    for (int i = 0; i < 2; i++) {
        expect_status(OCIREG_OK, ocireg_artifact_add_file(twice, text("%s/one", folder), NULL, &failure));
        expect_status(OCIREG_OK, ocireg_artifact_add_file(within, text("%s/one", folder), options("{'title':'%s'}", i ? "a/b" : "a"), &failure));
        expect_status(i ? OCIREG_INVALID_ARGUMENT : OCIREG_OK,
                      ocireg_artifact_add_file(configs, text("%s/one", folder), options("{'config':true}"), &failure));
    }
    expect_status(OCIREG_OK, ocireg_artifact_add_file(gone, text("%s/none", folder), NULL, &failure));
    const char *place = text("oci:%s/layout:v1", folder);
    char *json = NULL;
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_artifact_push(client, NULL, twice, place, NULL, &json, &failure));
    expect_message("two files");
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_artifact_push(client, NULL, within, place, NULL, &json, &failure));
    expect_message("is in 'a'");
    expect_status(OCIREG_IO, ocireg_artifact_push(client, NULL, gone, place, NULL, &json, &failure));
    expect_status(OCIREG_UNSUPPORTED, ocireg_artifact_push(client, NULL, new_artifact(), text("docker-archive:%s/a.tar:x", folder), NULL, &json, &failure));
    expect_status(OCIREG_NOT_FOUND, ocireg_artifact_attach(client, NULL, new_artifact(), place, options("{'annotations':['a=b']}"), &json, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_artifact_attach(client, NULL, new_artifact(), place, NULL, &json, &failure));
    expect_message("nothing is attached");
    struct stat found;
    assert_int_not_equal(stat(text("%s/layout", folder), &found), 0);
}

/* What is put into a folder leads nowhere else, and its tar depends on nothing but its files. */
static void test_folders(void **state) {
    (void)state;
    folder = new_folder();
    expect_bash("mkdir -p d/sub && echo one >d/one && echo two >d/sub/two && ln -s ../one d/sub/link && chmod 755 d/one &&"
                "D=$($0 artifact push oci:layout:1 d --format {/digest}) && touch -d 2001-01-01 d/one d/sub d &&"
                "test $D = $($0 artifact push oci:layout:1 d --format {/digest}) &&"
                "test $D != $($0 artifact push oci:layout:2 d --times --format {/digest}) && cp -a d e && rm e/one && echo one >e/one && chmod 755 e/one && mv d d.was && mv e d &&"
                "test $D = $($0 artifact push oci:layout:1 d --format {/digest}) && chmod 644 d/one && test $D != $($0 artifact push oci:layout:1 d --format {/digest})");
    expect_bash("ln -s /etc/passwd d/out && ! $0 artifact push oci:layout:3 d 2>err && grep -q \"leads out\" err && rm d/out");
    expect_bash("ln -s ../.. d/sub/out && ! $0 artifact push oci:layout:3 d 2>err && grep -q \"leads out\" err && rm d/sub/out");
    expect_bash("mkfifo d/pipe && ! timeout 20 $0 artifact push oci:layout:3 d 2>err && grep -q \"a named pipe\" err && rm d/pipe");
    expect_bash("! $0 layout list oci:layout --format {/tags} | grep -q 3");
    expect_bash("mkfifo p && (echo piped >p & $0 artifact push oci:layout:p p:text/plain --format {/layers/0/digest} | grep -q $(echo piped | sha256sum | cut -c1-64))");
    expect_bash("echo in | $0 artifact push oci:layout:i -:text/plain --title x/in.txt --format \"{/layers/0/mediaType} {/layers/0/annotations/org.opencontainers.image.title}\" |"
                " grep -q \"^text/plain x/in.txt$\"");
    expect_bash("! echo in | $0 artifact push oci:layout:i - - --title x 2>err && grep -q \"only once\" err");
    expect_bash("! echo in | $0 artifact push oci:layout:i - 2>err && grep -q \"needs the option title\" err");
    expect_bash("mkdir a:b && echo x >a:b/c && $0 artifact push oci:layout:c a:b/c --format {/layers/0/mediaType} | grep -q layer.v1.tar");
    expect_bash("! $0 artifact push oci:layout:s /dev/null/x 2>err && ! $0 artifact push oci:layout:s nothing 2>err && $0 artifact push oci:layout:n /dev/null --title x >said");
    expect_bash("$0 artifact attach oci:layout:1 d/one:text/plain --artifact-type a/b >said && $0 referrers oci:layout:1 --format {/referrers/0/artifactType} | grep -q a/b");
    expect_bash("$0 artifact pull oci:layout:1 -o got >said && cmp d/sub/two got/d/sub/two && test $(readlink got/d/sub/link) = ../one && test ! -e got/.ocireg-pull &&"
                " echo mine >got/d/one && $0 artifact pull oci:layout:1 -o got --keep-old --format {/kept} | grep -qx 3 && grep -q mine got/d/one");
    expect_bash("for place in oci:solo oci-archive:solo.tar; do $0 artifact push $place:v1 d/one >said && $0 artifact attach $place:v1 d/sub/two >said &&"
                " $0 artifact pull $place -o solo.out --format {/files/0/title} | grep -qx d/one && rm -r solo.out; done");
    expect_bash("mkdir here && cd here && $0 artifact pull oci:../layout:i --text | grep -q ^x/in.txt && cat x/in.txt | grep -qx in && ! $0 artifact pull oci:../layout:i --files y 2>err");
    expect_bash("$0 artifact push --help | grep -qF \"artifact push PLACE [FILE[:TYPE]]...\"");
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {test(test_parts), test(test_refusals), test(test_folders)};
    return run_all(tests, argc, argv);
}
