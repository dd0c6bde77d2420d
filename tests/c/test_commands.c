/* The ocireg command's families in use, each step in a separate process: uploads, mounts, copies. */
#include "command.h"
#include "peer.h"

#include <sys/wait.h>
#include <unistd.h>

static void test_upload_by_several_processes(void **state) {
    (void)state;
    const char *place = repository("OCIREG_TEST_V3", "steps-by-command"), *half = text("%s/half", (folder = new_folder()));
    uint8_t *bytes = noise(200000, 5);
    char *said = NULL, *url;
    expect_run(text("upload start %s", place), &said);
    url = keep(json_string_at(said, "url"), free);
    write_file(half, bytes, 100000);
    expect_run(text("upload chunk '%s' %s --offset 0", url, half), &said);
    url = keep(json_string_at(said, "url"), free);
    expect_run(text("upload status '%s'", url), &said);
    expect_number_at(said, "offset", 100000);
    url = keep(json_string_at(said, "url"), free);
    write_file(half, bytes + 100000, 100000);
    expect_run(text("upload chunk '%s' %s --offset 100000", url, half), &said);
    url = keep(json_string_at(said, "url"), free);
    expect_run(text("upload finish '%s' %s", url, digest_of(bytes, 200000)), &said);
    expect_run(text("blob get %s -o %s/whole", blob_reference(place, bytes, 200000), folder), NULL);
    size_t size = 0;
    assert_memory_equal(read_file(text("%s/whole", folder), &size), bytes, 200000);
    expect_run(text("blob get %s -o %s/whole --if-exists skip --no-resume", blob_reference(place, bytes, 200000), folder), &said);
    expect_bool_at(said, "skipped", true);
    expect_run(text("upload start %s", place), &said);
    url = keep(json_string_at(said, "url"), free);
    expect_run(text("upload cancel '%s'", url), NULL);
    assert_int_equal(run(text("upload status '%s'", url), NULL), OCIREG_NOT_FOUND);
    assert_int_equal(run("upload status nonsense", NULL), OCIREG_INVALID_REFERENCE);
}

/* Paging by the registry's own cursor, in separate processes. */
static void test_pages(void **state) {
    (void)state;
    folder = new_folder();
    const char *body = "{\"name\":\"a\",\"tags\":[\"%s\"],\"repositories\":[\"%s\"]}";
    const char *lists[][3] = {{"tags", "/a", "tags"}, {"catalog", "", "repositories"}};
    for (size_t i = 0; i < 2; i++) {
        const char *first = http_answer("200 OK", "Link: <?next_page=gAAA>\r\n", text(body, "x", "x"));
        const struct answer answers[] = {{.bytes = first}, {.bytes = http_answer("200 OK", "", text(body, "y", "y"))}, {.bytes = first}, {.bytes = http_answer("200 OK", "", text(body, "y", "y"))}};
        struct peer *peer = peer_start(answers, 4);
        const char *list = text("--plain-http %s %s%s", lists[i][0], peer_host(peer), lists[i][1]);
        char *said = NULL;
        expect_run(text("%s --n 1", list), &said);
        expect_text_at(said, text("%s/0", lists[i][2]), "x");
        expect_run(text("%s --n 1 --next %s", list, (char *)keep(json_string_at(said, "next"), free)), &said);
        expect_text_at(said, text("%s/0", lists[i][2]), "y");
        assert_int_equal(json_kind_at(said, "next"), JSON_NULL);
        expect_run(text("%s --n 1 --all", list), &said);
        assert_int_equal(json_length(said, lists[i][2]), 2);
        assert_int_equal(run(text("%s --next x", list), NULL), 64);
        assert_int_equal(peer_count(peer), 4);
    }
}

static void test_mount(void **state) {
    (void)state;
    folder = new_folder();
    const char *from = repository("OCIREG_TEST_V3", "mount-a"), *to = repository("OCIREG_TEST_V3", "mount-b");
    char *said = NULL;
    put_blob(client_of("OCIREG_TEST_V3"), from, "abc", 3);
    expect_run(text("blob mount %s --from %s", blob_reference(to, "abc", 3), from), &said);
    expect_bool_at(said, "mounted", true);
    assert_int_equal(run(text("blob mount %s --from example.org/a", blob_reference(to, "abc", 3)), NULL), OCIREG_INVALID_ARGUMENT);
}

static void test_copy_pull_push(void **state) {
    (void)state;
    folder = new_folder();
    const char *place = repository("OCIREG_TEST_V3", "copy-by-command");
    char *said = NULL;
    put_image(client_of("OCIREG_TEST_V3"), place, "1", 8);
    expect_run(text("digest %s:1", place), &said);
    const char *digest = text("%.71s", said);
    expect_run(text("pull %s:1 oci:%s/layout:v1", place, folder), &said);
    expect_text_at(said, "digest", digest);
    expect_run(text("push oci:%s/layout:v1 %s:2", folder, place), &said);
    expect_text_at(said, "digest", digest);
    const char *cached = text("--blob-info-cache %s/what-is-where push oci:%s/layout:v1", folder, folder), *near = repository("OCIREG_TEST_V3", "near-by-command");
    expect_run(text("%s %s:3", cached, place), &said);
    expect_run(text("%s %s:3", cached, near), &said);
    expect_number_at(said, "blobs/mounted", 2);
    expect_number_at(said, "blobs/copied", 0);
    expect_run(text("copy --no-clobber oci:%s/layout:v1 %s:2", folder, place), &said);
    expect_text_at(said, "skipped/0", "2");
    expect_run(text("tag %s:1 2 --if-digest %s", place, digest), &said);
    expect_text_at(said, "condition", "looked");
    assert_int_equal(run(text("push --if-exists fail oci:%s/layout:v1 %s:2", folder, place), NULL), OCIREG_DIGEST_MISMATCH);
    expect_run(text("copy --dry-run oci:%s/layout:v1 oci-archive:%s/a.tar", folder, folder), &said);
    assert_int_equal(json_length(said, "plan/blobs"), 2);
    expect_run(text("layout check %s/layout", folder), &said);
    expect_bool_at(said, "ok", true);
    expect_run(text("layout clean --prune-sparse %s/layout", folder), &said);
    assert_int_equal(json_length(said, "removed"), 0);
    assert_int_equal(run(text("layout clean %s", folder), NULL), OCIREG_NOT_FOUND);
    assert_int_equal(system(text("rm %s/layout/blobs/sha256/%s", folder, digest + strlen("sha256:"))), 0);
    assert_int_equal(run(text("layout check %s/layout", folder), &said), OCIREG_MISSING_BLOB);
    expect_bool_at(said, "ok", false);
    assert_int_equal(run(text("validate --quick --referrers %s:1", place), &said), OCIREG_MISSING_BLOB);
    expect_text_at(said, "problems/0/code", "INVALID_MANIFEST");
    assert_int_equal(run(text("copy %s:1 nowhere.invalid/a", place), NULL), OCIREG_RESOLVE);
    assert_int_equal(run(text("--username u copy %s:1 nowhere.invalid/a", place), NULL), 64);
}

/* Bytes of each image and of all, as many as it moves then. */
static void expect_plan(const char *plan, const char *place) {
    char *moved = NULL;
    long long bytes;
    expect_shell(text("$0 sync oci:layout %s-restored --dry-run --text >plan && test $(wc -l <plan) = 3 &&"
                      " test $(cut -sf4 plan | grep -cE \"^[0-9.]+ ([KMG]i)?B$\") = 2", place));
    assert_non_null(strstr(plan, "\nin all: 2 would be copied, 0 are there, 0 would be pruned, 0 failed; "));
    expect_run(text("sync oci:%s/layout %s-planned", folder, place), &moved);
    bytes = json_number_at(moved, "blobs/bytes_copied");
    assert_true(bytes > 0);
    assert_non_null(strstr(plan, bytes < 1024 ? text("; %lld B would be moved\n", bytes) : text("; %.1f KiB would be moved\n", (double)bytes / 1024)));
}

static void test_sync(void **state) {
    (void)state;
    folder = new_folder();
    const char *place = repository("OCIREG_TEST_V3", "sync-by-command"), *host = env("OCIREG_TEST_V3");
    char *said = NULL;
    put_image(client_of("OCIREG_TEST_V3"), place, "v1.0", 8);
    put_image(client_of("OCIREG_TEST_V3"), place, "v1.1", 9);
    put_image(client_of("OCIREG_TEST_V3"), place, "other", 10);
    expect_run(text("sync %s oci:%s/layout --semver ^1 --referrers", place, folder), &said);
    expect_number_at(said, "tags/copied", 2);
    expect_run(text("sync oci:%s/layout %s-restored --dry-run", folder, place), &said);
    expect_number_at(said, "tags/copied", 2);
    expect_bool_at(said, "dry_run", true);
    expect_run(text("sync oci:%s/layout %s-restored --dry-run --tags-regex 0$", folder, place), &said);
    expect_number_at(said, "tags/selected", 1);
    expect_number_at(said, "tags/copied", 1);
    expect_run(text("sync oci:%s/layout %s-restored --dry-run --text", folder, place), &said);
    assert_non_null(strstr(said, text("would be copied\tdocker://%s-restored:v1.0\tsha256:", place)));
    expect_plan(said, place);
    expect_run(text("sync %s oci-archive:%s/a.tar --exclude other --newest 1 --no-clobber --text", place, folder), &said);
    assert_non_null(strstr(said, text("copied\toci-archive:%s/a.tar:v1.1\tsha256:", folder)));
    expect_run(text("sync %s oci-archive:%s/a.tar --tags v* --prune --max-prune 5 --parallel 2", place, folder), &said);
    expect_number_at(said, "tags/skipped", 1);
    /* Lists; what is called .yaml is skopeo's. */
    expect_shell(text("printf \"%s:v1.0\\n%s:v1.1 oci:other # here\\n\" >list && $0 sync --from list oci:many >said && $0 layout list many --text |"
                      " grep -q \"^%s:v1.0\"", place, place, place));
    expect_shell(text("printf \"%s:\\n  images-by-tag-regex:\\n    %s: ^v\\n\" >list.yaml && $0 sync --from list.yaml %s/mirrored --scoped --dry-run 2>err || grep -q mirrored err;"
                      " $0 sync --from list.yaml %s/mirrored >said && $0 tags %s/mirrored/%s --text | grep -q v1.1", host,
                      strchr(place, '/') + 1, host, host, host, strrchr(place, '/') + 1));
    /* What moves nothing says so. */
    expect_shell(text("$0 copy %s:v1.0 oci-archive:unnamed.tar >said && $0 sync oci-archive:unnamed.tar %s-restored >said 2>err && grep -q selected.:0 said &&"
                      " grep -q \"1 image without a name is left out, sha256:\" err && grep -q \"no tag is selected\" err && test $(wc -l <err) = 2", place, place));
    /* What failed is in the report, and in the status. */
    expect_shell(text("printf \"%s:none\\n%s:v1.0\\n\" | $0 sync --from - oci:partly >said 2>err || test $? = 5 && grep -q NOT_FOUND err && grep -q copied said",
                      place, place));
    expect_failure(64, "sync a", "sync needs SRC and DST");
    expect_failure(64, "sync --from list a b", "takes one destination");
    expect_failure(64, text("sync %s oci:x --newest 0", place), "--newest");
}

static void test_an_image_of_a_tree(void **state) {
    (void)state;
    folder = new_folder();
    char *said = NULL;
    assert_int_equal(system(text("mkdir %s/tree && printf hello >%s/tree/motd && tar -C %s/tree -cf %s/layer.tar .", folder, folder,
                                 folder, folder)), 0);
    expect_run(text("append --scratch oci:%s/layout:v1 --layer %s/layer.tar", folder, folder), &said);
    assert_int_equal(json_kind_at(said, "base"), JSON_NULL);
    expect_run(text("validate oci:%s/layout:v1", folder), &said);
    expect_bool_at(said, "valid", true);
    expect_run(text("files oci:%s/layout:v1", folder), &said);
    assert_int_equal(json_length(said, "files"), 1);
    expect_text_at(said, "files/0/path", "/motd");
    expect_number_at(said, "files/0/size", 5);
    expect_run(text("files --path 'm?td' oci:%s/layout:v1", folder), &said);
    assert_int_equal(json_length(said, "files"), 1);
    assert_int_equal(run(text("files --path none oci:%s/layout:v1", folder), NULL), OCIREG_NOT_FOUND);
    assert_int_equal(run(text("files --max-bytes 5 oci:%s/layout:v1", folder), NULL), OCIREG_LIMIT_EXCEEDED);
    assert_int_equal(run("files", NULL), 64);
    expect_run(text("cat oci:%s/layout:v1 motd", folder), &said);
    assert_string_equal(said, "hello");
    /* The whole of it as one archive, and some of it in a folder. */
    expect_shell("$0 export oci:layout:v1 | tar -xOf - motd >out && test $(cat out) = hello");
    expect_shell("$0 export -o all.tar oci:layout:v1 | grep -q .files.:1 && test $(tar -tf all.tar) = motd");
    expect_shell("if $0 export --max-bytes 5 -o all.tar oci:layout:v1 2>err; then exit 1; fi; test $(tar -tf all.tar) = motd && test \"$(ls -A | grep partial)\" = \"\"");
    expect_shell("$0 extract --path \"m*\" oci:layout:v1 some | grep -q .files.:1 && test $(cat some/motd) = hello");
    assert_int_equal(run(text("extract --path none oci:%s/layout:v1 %s/none", folder, folder), NULL), OCIREG_NOT_FOUND);
    expect_shell("test ! -e none");
}

/* Standard input is read when it is named, compressed in any way or not at all, from its current position. */
static void test_an_archive_by_a_pipe(void **state) {
    (void)state;
    folder = new_folder();
    size_t size = 0;
    assert_int_equal(system(text("cd %s && printf hello >motd && tar -cf layer.tar motd && mkfifo pipe", folder)), 0);
    expect_run(text("append --scratch oci:%s/layout:v1 --layer %s/layer.tar", folder, folder), NULL);
    expect_run(text("copy oci:%s/layout:v1 docker-archive:%s/a.tar:x/y:1", folder, folder), NULL);
    static const char *const feeds[] = {"cat <a.tar |", "gzip -c a.tar |", "xz -c a.tar |", "bzip2 -c a.tar |", "<a.tar", "3<a.tar"};
    static const char *const places[] = {"docker-archive:-:x/y:1", "docker-archive:-", "docker-archive:/dev/stdin:x/y:1",
                                         "oci-archive:-", "docker-archive:-:@0", "docker-archive:/dev/fd/3:x/y:1"};
    for (size_t i = 0; i < sizeof feeds / sizeof feeds[0]; i++) {
        const char *words = text("cd %s && %s %s --anonymous cat %s motd >out 2>err", folder, feeds[i], command(), places[i]);
        int status = system(words);
        if (status != 0) fail_msg("%s: status %d: %s", words, status, (char *)read_file(text("%s/err", folder), &size));
        assert_memory_equal(read_file(text("%s/out", folder), &size), "hello", 5);
        assert_int_equal(size, 5);
    }
    assert_int_equal(run("files docker-archive:-", NULL), OCIREG_IO);
    assert_int_equal(run(text("--deadline 1 files docker-archive:%s/pipe", folder), NULL), OCIREG_TIMEOUT);
}

/* Destinations other than plain files: links are followed, pipes and standard output are written to directly, and
 * nothing is replaced. */
static void test_outputs(void **state) {
    (void)state;
    folder = new_folder();
    expect_shell("mkdir tree && printf hello >tree/motd && tar -C tree -cf layer.tar . &&"
                 "$0 append --scratch oci:layout:v1 --layer layer.tar --platform linux/amd64 >/dev/null");
    expect_shell("$0 copy oci:layout:v1 docker-archive:-:x/y 2>err | tar -xOf - manifest.json | grep -q \"x/y:latest\"");
    expect_shell("$0 copy oci:layout:v1 docker-archive:/dev/stdout >seen.tar && tar -tf seen.tar | grep -q oci-layout");
    expect_shell("{ echo first; $0 copy oci:layout:v1 oci-archive:/dev/fd/1; } >both && test \"$(head -c 5 both)\" = first &&"
                 "tail -c +7 both | tar -tf - >/dev/null");
    expect_shell("$0 copy --destination-fd 7 oci:layout:v1 docker-archive:-:a:1 7>seven.tar && tar -tf seven.tar >/dev/null");
    expect_shell("if $0 copy --destination-fd 7 oci:layout:v1 docker-archive:a.tar 7>nine 2>err; then exit 1; fi; test ! -e a.tar");
    expect_shell("ln -s there.tar link && $0 copy oci:layout:v1 docker-archive:link:a:1 >/dev/null && test -L link && test -f there.tar");
    expect_shell("$0 copy oci:layout:v1 docker-archive:link:a:2 >/dev/null && tar -xOf there.tar manifest.json | grep -q a:1");
    expect_shell("mkfifo pipe && (tar -tf pipe >list & $0 copy oci:layout:v1 docker-archive:pipe >/dev/null; wait) && test -p pipe &&"
                 "grep -q manifest.json list");
    expect_shell("test $($0 --deadline 0.5 copy oci:layout:v1 docker-archive:pipe >/dev/null 2>&1 || echo $?) = 10");
    /* The report is not mixed into it: the size of a tar file is a multiple of 512. */
    expect_shell("$0 append oci:layout:v1 --layer layer.tar --to docker-archive:- >more.tar && test $(($(wc -c <more.tar) % 512)) = 0 &&"
                 "tar -tf more.tar >/dev/null");
    expect_shell("$0 append docker-archive:- --layer layer.tar <more.tar >most.tar && test $(($(wc -c <most.tar) % 512)) = 0 &&"
                 "test $($0 config oci-archive:most.tar | grep -o \"sha256:[0-9a-f]*\" | wc -l) -ge 3");
    expect_shell("$0 append --scratch oci-archive:/dev/stdout --layer layer.tar >one.tar && test $(($(wc -c <one.tar) % 512)) = 0");
    expect_shell("$0 append oci:layout:v1 --layer layer.tar --to docker-archive:further.tar:a:1 | grep -q diff_id");
    expect_shell("$0 copy --dry-run oci:layout:v1 docker-archive:- | grep -q plan");
    expect_shell("$0 copy --destination-fd 7 oci:layout:v1 docker-archive:- 7>eight.tar | grep -q digest && tar -tf eight.tar >/dev/null");
    expect_shell("$0 copy --destination-fd 7 oci:layout:v1 docker-archive:- 7>&1 >both.tar | tar -tf - | grep -q manifest.json");
    expect_shell("$0 copy --destination-fd 1 oci:layout:v1 docker-archive:- >own.tar && test $(($(wc -c <own.tar) % 512)) = 0");
    expect_shell("$0 copy --source-fd 7 docker-archive:- oci:from-fd:v1 7<eight.tar | grep -q digest");
    expect_shell("tail -c +1 eight.tar | $0 copy --source-fd 0 docker-archive:- oci:from-pipe:v1 >/dev/null");
    /* Every other -o. */
    expect_shell("printf old >file && ln -s file out && ln -s new out2 && ln -s loop loop");
    expect_shell("$0 cat -o out oci:layout:v1 motd >/dev/null && test -L out && test $(cat file) = hello");
    expect_shell("$0 cat -o out2 oci:layout:v1 motd >/dev/null && test -L out2 && test $(cat new) = hello");
    expect_shell("test $($0 cat -o - oci:layout:v1 motd) = hello && test $($0 cat -o /dev/stdout oci:layout:v1 motd) = hello");
    expect_shell("{ echo first; $0 cat -o /dev/stdout oci:layout:v1 motd; } >said && test \"$(cat said)\" = \"first\nhello\" ||"
                 "test $(wc -c <said) = 11");
    expect_shell("(cat pipe >list & $0 cat -o pipe oci:layout:v1 motd >/dev/null; wait) && test -p pipe && test $(cat list) = hello");
    expect_shell("if $0 cat -o loop oci:layout:v1 motd 2>err; then exit 1; fi; if $0 cat -o tree oci:layout:v1 motd 2>err; then exit 1; fi");
    expect_shell("printf kept >file && if $0 cat -o file oci:layout:v1 nothing 2>err; then exit 1; fi; test $(cat file) = kept");
    expect_shell("umask 027 && $0 cat -o masked oci:layout:v1 motd >/dev/null && test $(stat -c %a masked) = 640 &&"
                 "$0 copy oci:layout:v1 docker-archive:masked.tar >/dev/null && test $(stat -c %a masked.tar) = 640");
    /* An existing file keeps its permissions, whichever command writes it. */
    expect_shell("for mode in 600 640; do : >kept; chmod $mode kept; $0 cat -o kept oci:layout:v1 motd >/dev/null;"
                 "test $(stat -c %a kept) = $mode; : >kept; $0 copy oci:layout:v1 docker-archive:kept:a:1 >/dev/null;"
                 "test $(stat -c %a kept) = $mode; done");
    expect_shell("for way in \"\" nowhere/x; do if $0 cat -o \"$way\" oci:layout:v1 motd 2>err; then exit 1; fi; grep -q IO: err; done");
    /* A path with many links costs time in proportion to the number of links. */
    expect_shell("ln -s . l && ln -s l/l/l/l/l/l/l/l/l/l/l/l/l/l/l/l/l/l/l/l/l/l/l/l/l/l/l/l/l/l/far out3 &&"
                 "$0 --deadline 20 cat -o out3 oci:layout:v1 motd >/dev/null && test $(cat far) = hello && rm l out3");
    expect_shell("test -z \"$(ls -A | grep ^[.] || true)\"");
}

/* In a folder that everybody may write to, no command writes where another user's link leads, with or without the
 * sticky bit. */
static void test_links_of_strangers(void **state) {
    (void)state;
    if (geteuid() != 0) skip();
    folder = new_folder();
    expect_shell("mkdir tree victims && printf hello >tree/motd && tar -C tree -cf layer.tar . &&"
                 "$0 append --scratch oci:layout:v1 --layer layer.tar >/dev/null && $0 schema1 key -o key >/dev/null");
    expect_shell("for mode in 777 1777; do rm -rf open && mkdir open && chmod $mode open && printf precious >victims/file &&"
                 "ln -s ../victims/file open/link && ln -s ../victims open/sub && ln -s open/sub own && chown -h 1234 open/link open/sub;"
                 "for to in open/link open/sub/new own/new; do"
                 " for command in \"cat oci:layout:v1 motd -o $to\" \"schema1 key -o $to\" \"copy oci:layout:v1 docker-archive:$to:a:1\""
                 "  \"copy oci:layout:v1 oci:$to\"; do"
                 "  if $0 $command >out 2>err; then echo \"$mode: $command\"; exit 1; fi; grep -q \"IO:.* another user\" err; done; done;"
                 "test \"$(ls victims)\" = file; test $(cat victims/file) = precious; rm own; done");
}

/* Where a folder is wanted, `-` is a mistake; and a full device is named, however much was to be written. */
static void test_unfit_outputs(void **state) {
    (void)state;
    folder = new_folder();
    expect_failure(64, "artifact pull oci:layout:v1 -o -", "-o needs a folder");
    expect_failure(64, "extract oci:layout:v1 -", "the second argument must be a folder");
    for (size_t i = 0; i < 2; i++)
        expect_shell(text("! $0 help %s >/dev/full 2>err && grep -q \"No space left on device\" err && ! test -e ./-", i ? "" : "copy"));
}

/* A place that is not in a registry is not taken for an image on Docker Hub. */
static void test_places_beside_registries(void **state) {
    (void)state;
    folder = new_folder();
    char *said = NULL;
    assert_int_equal(run("digest oci:layout", NULL), OCIREG_NOT_FOUND);
    assert_int_equal(run("manifest get dir:x", NULL), OCIREG_IO);
    assert_int_equal(run("manifest delete oci:layout", NULL), OCIREG_INVALID_REFERENCE);
    assert_int_equal(run("catalog oci:layout", NULL), OCIREG_INVALID_REFERENCE);
    assert_int_equal(run("rmrepo docker-archive:a.tar:x:1", NULL), OCIREG_INVALID_ARGUMENT);
    expect_run("--help", &said);
    assert_non_null(strstr(said, "docker-archive:FILE[:REF]"));
    expect_run("copy --help", &said);
    assert_non_null(strstr(said, "FILE may be -"));
}

/* On a terminal a copy shows a bar for each blob, and removes them again. Here a blob stalls halfway. */
static void test_bars(void **state) {
    (void)state;
    folder = new_folder();
    size_t half = 1 << 20, told = 0;
    uint8_t *bytes = noise(half, 3);
    const char *blob = digest_of(bytes, half);
    char *manifest = image_manifest(digest_of("{}", 2), 2, blob, 2 * half);
    char *head = text("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", 2 * half);
    uint8_t *begun = keep(malloc(strlen(head) + half), free);
    memcpy(begun, head, strlen(head));
    memcpy(begun + strlen(head), bytes, half);
    const struct answer answers[] = {
        {.bytes = http_answer("200 OK", "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n", manifest)},
        {.bytes = (const char *)begun, .size = strlen(head) + half, .then = PEER_SILENT},
    };
    for (int quiet = 0; quiet < 2; quiet++) {
        struct peer *peer = peer_start(answers, 2);
        int status = system(text("NO_COLOR=1 script -qefc '%s %s --anonymous --plain-http --deadline 1 pull --concurrency 1 %s/a:1 oci:%s/%d:v1' %s/seen "
                                 ">/dev/null </dev/null", command(), quiet ? "-q" : "", peer_host(peer), folder, quiet, folder));
        assert_int_equal(WEXITSTATUS(status), OCIREG_TIMEOUT);
        char *seen = (char *)read_file(text("%s/seen", folder), &told);
        seen[told] = '\0';
        char *line = strstr(seen, text(" 50%%  %.12s  1.0 MiB / 2.0 MiB", strchr(blob, ':') + 1));
        assert_int_equal(line == NULL, quiet);
        char *gone = strstr(seen, "\033[1A\033[Jocireg: TIMEOUT: ");
        assert_int_equal(gone == NULL, quiet);
    }
}

static void test_explain(void **state) {
    (void)state;
    folder = new_folder();
    char *said = NULL;
    expect_run("--proxy http://user:SECRET@proxy.example:3128 explain reg.example/a:1", &said);
    expect_text_at(said, "endpoint", "https://reg.example/");
    assert_null(strstr(said, "SECRET"));
    assert_non_null(strstr(keep(json_string_at(said, "network/proxy"), free), "proxy.example"));
}

/* A place in a registry is one where nothing else is meant, too. */
static void test_registries_spelled_as_places(void **state) {
    (void)state;
    folder = new_folder();
    char *said = NULL;
    expect_run("explain docker://reg.example/a:1", &said);
    expect_text_at(said, "endpoint", "https://reg.example/");
    static const char *const commands[] = {"token", "manifest locate", "rmrepo", "tags"};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        expect_failure(OCIREG_CONNECT, text("--retries 0 %s docker://127.0.0.1:1/a", commands[i]), "cannot connect to 127.0.0.1:1");
    expect_failure(OCIREG_CONNECT, text("--retries 0 blob locate docker://127.0.0.1:1/a@%s", digest_of("x", 1)), "cannot connect to 127.0.0.1:1");
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_upload_by_several_processes),
        test(test_pages),
        test(test_mount),
        test(test_copy_pull_push),
        test(test_sync),
        test(test_an_image_of_a_tree),
        test(test_an_archive_by_a_pipe),
        test(test_outputs), test(test_links_of_strangers), test(test_unfit_outputs), test(test_places_beside_registries),
        test(test_bars),
        test(test_explain),
        test(test_registries_spelled_as_places),
    };
    return run_all(tests, argc, argv);
}
