/* What jobs read and write: readers and uploads that a job has opened, and the bytes and descriptors that a call is given. */
#include "jobs.h"

#include <fcntl.h>
#include <unistd.h>

/* A reader that a job has opened is read by it, piece by piece. */
static void test_reader(void **state) {
    (void)state;
    size_t size = 1 << 20, total = 0;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    char *place = repository("OCIREG_TEST_V2", "jobs-reader");
    uint8_t *data = noise(size, 5), *got = keep(malloc(size + 1), free);
    put_blob(client, place, data, size);
    ocireg_job *job = new_job(client, NULL);
    assert_null(ocireg_job_take_reader(job));
    expect_status(OCIREG_OK, ocireg_blob_open(client, ocireg_job_context(job), blob_reference(place, data, size), NULL, NULL, &failure));
    expect_end(client, job, OCIREG_OK);
    assert_null(ocireg_job_take_upload(job));
    ocireg_blob_reader *reader = ocireg_job_take_reader(job);
    assert_non_null(reader);
    assert_null(ocireg_job_take_reader(job));
    for (size_t count = 1; count > 0; total += count) {
        uint8_t untouched = 7;
        count = 99;
        expect_status(OCIREG_OK, ocireg_blob_reader_read(reader, total ? NULL : &untouched, 100000, &count, &failure));
        assert_int_equal(count, 0);
        expect_end(client, job, OCIREG_OK);
        assert_int_equal(untouched, 7);
        count = ocireg_buffer_size(ocireg_job_bytes(job));
        assert_true(count <= 100000 && total + count <= size);
        memcpy(got + total, ocireg_buffer_data(ocireg_job_bytes(job)), count);
    }
    assert_int_equal(total, size);
    assert_memory_equal(got, data, size);
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_blob_reader_read(reader, NULL, 0, &total, &failure));
    ocireg_blob_reader_free(reader);
}

/* While a read of it is on its way there is no other, and freeing the job ends it; then the reader is closed. */
static void test_reader_in_its_read(void **state) {
    (void)state;
    const struct answer half = {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nsome bytes", .then = PEER_SILENT};
    struct peer *peer = peer_start(&half, 1);
    ocireg_client *client = plain_client();
    ocireg_job *job = NULL, *ended;
    size_t count;
    expect_status(OCIREG_OK, ocireg_job_new(client, NULL, NULL, &job, &failure));
    expect_status(OCIREG_OK, ocireg_blob_open(client, ocireg_job_context(job), text("%s/a@" BLOB, peer_host(peer)), NULL, NULL, &failure));
    assert_int_equal(next_event(client, &ended, allowed_ms(5000)), OCIREG_EVENT_DONE);
    ocireg_blob_reader *reader = ocireg_job_take_reader(job);
    for (size_t total = 0; total < 10; total += ocireg_buffer_size(ocireg_job_bytes(job))) {
        expect_status(OCIREG_OK, ocireg_blob_reader_read(reader, NULL, 10, &count, &failure));
        assert_int_equal(next_event(client, &ended, allowed_ms(5000)), OCIREG_EVENT_DONE);
    }
    expect_status(OCIREG_OK, ocireg_blob_reader_read(reader, NULL, 10, &count, &failure));
    usleep(50000);
    double begun = now_ms();
    expect_status(OCIREG_BUSY, ocireg_blob_reader_read(reader, NULL, 10, &count, &failure));
    expect_status(OCIREG_BUSY, ocireg_blob_reader_close(reader, &failure));
    ocireg_job_free(job);
    expect_status(OCIREG_CLOSED, ocireg_blob_reader_read(reader, NULL, 10, &count, &failure));
    assert_true(now_ms() - begun < allowed_ms(50));
    ocireg_blob_reader_free(reader);
}

static void test_upload(void **state) {
    (void)state;
    size_t size = 3 << 20;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    char *place = repository("OCIREG_TEST_V2", "jobs-upload");
    uint8_t *data = noise(size, 6);
    ocireg_job *job = new_job(client, NULL);
    expect_status(OCIREG_OK, ocireg_upload_start(client, ocireg_job_context(job), place, NULL, NULL, &failure));
    expect_end(client, job, OCIREG_OK);
    ocireg_upload *upload = ocireg_job_take_upload(job);
    assert_non_null(upload);
    for (size_t i = 0; i < size; i += 1 << 20) {
        expect_status(OCIREG_OK, ocireg_upload_write(upload, data + i, 1 << 20, &failure));
        expect_end(client, job, OCIREG_OK);
    }
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_upload_write(upload, NULL, 1, &failure));
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_upload_finish(upload, "not a digest", NULL, &failure));
    expect_status(OCIREG_OK, ocireg_upload_finish(upload, digest_of(data, size), NULL, &failure));
    expect_end(client, job, OCIREG_OK);
    expect_text_at(ocireg_job_json(job), "digest", digest_of(data, size));
    ocireg_upload_free(upload);
}

/* One that is freed before its end, or that is not taken, is cancelled, and nothing waits for that. */
static void test_upload_that_is_left(void **state) {
    (void)state;
    const struct answer answers[] = {
        /* The next request needs a connection that its end cannot cross. */
        {.bytes = "HTTP/1.1 202 Accepted\r\nLocation: /v2/a/blobs/uploads/1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"},
        {.then = PEER_SILENT},
    };
    for (int taken = 0; taken < 2; taken++) {
        struct peer *peer = peer_start(answers, 2);
        ocireg_client *client = plain_client();
        ocireg_job *job = NULL, *ended;
        expect_status(OCIREG_OK, ocireg_job_new(client, NULL, NULL, &job, &failure));
        expect_status(OCIREG_OK, ocireg_upload_start(client, ocireg_job_context(job), text("%s/a", peer_host(peer)), NULL, NULL, &failure));
        assert_int_equal(next_event(client, &ended, allowed_ms(20000)), OCIREG_EVENT_DONE);
        double begun = now_ms();
        if (taken) {
            ocireg_upload *upload = ocireg_job_take_upload(job);
            assert_non_null(upload);
            ocireg_upload_free(upload);
        }
        ocireg_job_free(job);
        assert_true(now_ms() - begun < allowed_ms(40));
        assert_true(peer_wait(peer, 2, allowed_ms(5000)));
        assert_non_null(strstr(peer_request(peer, 1), "DELETE /v2/a/blobs/uploads/1"));
    }
}

/* The result of an open that is not taken is freed with the job. */
static void test_untaken(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    char *place = repository("OCIREG_TEST_V2", "jobs-untaken");
    put_blob(client, place, noise(1000, 7), 1000);
    ocireg_job *job = new_job(client, NULL);
    expect_status(OCIREG_OK, ocireg_blob_open(client, ocireg_job_context(job), blob_reference(place, noise(1000, 7), 1000), NULL, NULL, &failure));
    expect_end(client, job, OCIREG_OK);
    expect_status(OCIREG_BUSY, ocireg_client_quiesce(client, &failure));
}

/* Everything that a call is given is its own: bytes and descriptors too. */
static void test_nothing_must_be_kept(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    char *place = repository("OCIREG_TEST_V2", "jobs-given"), *path = text("%s/blob", new_folder());
    uint8_t *data = malloc(100000);
    assert_non_null(data);
    memcpy(data, noise(100000, 8), 100000);
    ocireg_job *job = new_job(client, NULL);
    expect_status(OCIREG_OK, ocireg_blob_put_memory(client, ocireg_job_context(job), place, data, 100000, NULL, NULL, &failure));
    memset(data, 0, 100000);
    free(data);
    expect_end(client, job, OCIREG_OK);
    data = noise(100000, 8);
    expect_text_at(ocireg_job_json(job), "digest", digest_of(data, 100000));
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    expect_status(OCIREG_OK, ocireg_blob_get_fd(client, ocireg_job_context(job), blob_reference(place, data, 100000), fd, NULL, NULL, &failure));
    close(fd);
    expect_end(client, job, OCIREG_OK);
    size_t size = 0;
    uint8_t *got = read_file(path, &size);
    assert_int_equal(size, 100000);
    assert_memory_equal(got, data, size);
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_blob_get_fd(client, ocireg_job_context(job), blob_reference(place, data, 100000), -1, NULL, NULL, &failure));
    expect_status(OCIREG_IO, ocireg_blob_get_fd(client, ocireg_job_context(job), blob_reference(place, data, 100000), fd, NULL, NULL, &failure));
    put_image(client, place, "latest", 9);
    fd = open(path, O_WRONLY | O_TRUNC);
    expect_status(OCIREG_OK, ocireg_copy(client, ocireg_job_context(job), text("docker://%s:latest", place), "oci-archive:-", options("{'destination_fd':%d}", fd), NULL, &failure));
    close(fd);
    expect_end(client, job, OCIREG_OK);
    read_file(path, &size);
    assert_true(size > 1000);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_reader),
        test(test_reader_in_its_read),
        test(test_upload),
        test(test_upload_that_is_left),
        test(test_untaken),
        test(test_nothing_must_be_kept),
    };
    return run_all(tests, argc, argv);
}
