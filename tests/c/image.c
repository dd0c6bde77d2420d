/* Blobs and small images that tests put on a registry. */
#include "common.h"

#define MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define CONFIG "application/vnd.oci.image.config.v1+json"
#define LAYER "application/vnd.oci.image.layer.v1.tar"

char *put_blob(ocireg_client *client, const char *repository, const void *data, size_t size) {
    expect_status(OCIREG_OK, ocireg_blob_put_memory(client, NULL, repository, data, size, NULL, NULL, &failure));
    return digest_of(data, size);
}

char *image_manifest(const char *config, size_t config_size, const char *layer, size_t layer_size) {
    return text("{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST "\",\"config\":{\"mediaType\":\"" CONFIG
                "\",\"digest\":\"%s\",\"size\":%zu},\"layers\":[{\"mediaType\":\"" LAYER "\",\"digest\":\"%s\",\"size\":%zu}]}",
                config, config_size, layer, layer_size);
}

char *put_image(ocireg_client *client, const char *repository, const char *tag, unsigned seed) {
    char *config = text("{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]},\"seed\":%u}", seed);
    uint8_t *layer = noise(3000, seed);
    char *config_digest = put_blob(client, repository, config, strlen(config));
    char *manifest = image_manifest(config_digest, strlen(config), put_blob(client, repository, layer, 3000), 3000);
    const char *reference = text("%s:%s", repository, tag);
    expect_status(OCIREG_OK, ocireg_manifest_put(client, NULL, reference, (const uint8_t *)manifest, strlen(manifest), NULL, NULL, &failure));
    return manifest;
}
