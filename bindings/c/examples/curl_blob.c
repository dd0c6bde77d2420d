/* curl_blob REPOSITORY@DIGEST PATH: a blob by libcurl, for programs that have a downloader of their own. The library says which URLs to ask,
 * with which headers, and verifies the file. What there is of it is continued; after a URL that fails comes the next, after the last come
 * new ones, with another token if this one was refused. */
#include <ocireg.h>
#include <curl/curl.h>
#include <stdio.h>

/* Continues the file. curl keeps only some headers from hosts to which this one redirects: with any it follows none, and where a redirect
 * leads the library has said before. Returns the status of a whole answer. */
static long get(CURL *curl, const ocireg_json *place, FILE *file)
{
    struct curl_slist *headers = NULL;
    static char line[1 << 16];
    long status = 0;
    for (size_t i = 0; i < ocireg_json_size(place, "/headers"); i++) {
        const ocireg_json *value = ocireg_json_item(place, "/headers", i);
        snprintf(line, sizeof line, "%s: %s", ocireg_json_key(place, "/headers", i), ocireg_json_text(value, NULL));
        headers = curl_slist_append(headers, line);
    }
    curl_easy_setopt(curl, CURLOPT_URL, ocireg_json_text(place, "/url")), curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, headers == NULL ? 1L : 0L), curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)(fseeko(file, 0, SEEK_END), ftello(file)));
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, file);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status), curl_slist_free_all(headers);
    return code == CURLE_OK || code == CURLE_HTTP_RETURNED_ERROR ? status : 0;
}

/* Whether nothing is missing any more. The token of a location that refused it is told to the next call. */
static bool get_from_any(CURL *curl, const ocireg_json *found, FILE *file, ocireg_options *options)
{
    for (size_t i = 0; i < ocireg_json_size(found, "/locations"); i++) {
        const ocireg_json *place = ocireg_json_item(found, "/locations", i);
        long status = get(curl, place, file);
        if (status == 200 || status == 206 || status == 416)
            return true;
        if (status == 401)
            ocireg_options_set_string(options, OCIREG_OPT_REFUSED, ocireg_json_text(place, "/headers/Authorization"), NULL);
    }
    return false;
}

int main(int count, char **arguments)
{
    ocireg_client *client = NULL;
    ocireg_options *options = NULL, *verify = NULL;
    ocireg_error *error = NULL;
    char *json = NULL;
    CURL *curl = curl_easy_init();
    FILE *file = count == 3 ? fopen(arguments[2], "ab") : NULL;
    if (file == NULL || curl == NULL || ocireg_client_new(NULL, &client, NULL) != OCIREG_OK ||
        ocireg_options_new(&options, NULL) != OCIREG_OK || ocireg_options_new(&verify, NULL) != OCIREG_OK)
        return fprintf(stderr, "usage: curl_blob REPOSITORY@DIGEST PATH\n"), 2;
    for (int left = 5; left > 0 && ocireg_blob_locate(client, NULL, arguments[1], options, &json, &error) == OCIREG_OK; left--) {
        ocireg_json *found = NULL;
        if (ocireg_json_parse(json, &found, &error) == OCIREG_OK && get_from_any(curl, found, file, options))
            left = 0;
        ocireg_json_free(found), ocireg_string_free(json), json = NULL;
    }
    fclose(file), curl_easy_cleanup(curl);
    /* A file that is right stays, and nothing is requested. Any other is replaced: the library gets what no other server sent. */
    ocireg_options_set_string(verify, OCIREG_OPT_IF_EXISTS, "skip", NULL);
    if (error == NULL && ocireg_blob_get_file(client, NULL, arguments[1], arguments[2], verify, &json, &error) == OCIREG_OK)
        puts(json);
    else
        fprintf(stderr, "curl_blob: %s: %s\n", ocireg_error_name(error), ocireg_error_message(error));
    ocireg_options_free(options), ocireg_options_free(verify), ocireg_string_free(json), ocireg_client_free(client);
    return error != NULL ? ocireg_error_free(error), 1 : 0;
}
