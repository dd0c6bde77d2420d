/* publish_artifact REPOSITORY:TAG SQUASHFS METADATA: the image of a file system as an artifact, with a tar.gz about it attached, as uenv
 * publishes the software of supercomputers. Prints the digests of both. */
#include <iostream>
#include <ocireg.hpp>

static const char *const attached_type = "application/vnd.example.metadata";

/* The JSON of a descriptor. Its texts are media types and digests: nothing in them has to be escaped. */
static std::string json(const ocireg::descriptor &of, const std::string &more = {})
{
    return R"({"mediaType":")" + of.media_type + R"(","digest":")" + of.digest + R"(","size":)" + std::to_string(of.size) + more + "}";
}

/* The manifest of an artifact that is one file, perhaps attached to another manifest. */
static std::string manifest(const std::string &type, const ocireg::descriptor &file, const std::string &title,
                            const ocireg::descriptor *subject = nullptr)
{
    const ocireg::descriptor empty{std::string(ocireg::media_type::oci_empty), ocireg::digest_bytes("{}"), 2};
    return R"({"schemaVersion":2,"mediaType":")" + std::string(ocireg::media_type::oci_manifest) + R"(","artifactType":")" + type +
           R"(","config":)" + json(empty) + R"(,"layers":[)" +
           json(file, R"(,"annotations":{"org.opencontainers.image.title":")" + title + R"("})") + "]" +
           (subject != nullptr ? ",\"subject\":" + json(*subject) : "") + "}";
}

static ocireg::descriptor put_file(const ocireg::client &client, const std::string &repository, const char *path, std::string_view type)
{
    const auto put = client.blob_put_file(repository, path);
    return {std::string(type), put.digest(), put["size"].integer()};
}

static void publish(const ocireg::client &client, const std::string &reference, const char *squashfs, const char *metadata)
{
    const std::string repository = ocireg::reference_parse(reference)["canonical_name"].string();
    client.blob_put_memory(repository, "{}"); /* the config of both */
    const auto image = put_file(client, repository, squashfs, ocireg::media_type::oci_layer);
    const auto put = client.manifest_put(reference, manifest("application/x-squashfs", image, "store.squashfs")).descriptor();
    /* Where the registry has no referrers API, the library lists it in the referrers tag. */
    const auto about = put_file(client, repository, metadata, ocireg::media_type::oci_layer_gzip);
    const auto attached = manifest(attached_type, about, "meta.tar.gz", &put);
    client.manifest_put(repository + "@" + ocireg::digest_bytes(attached), attached);
    std::cout << put.digest << '\n' << ocireg::digest_bytes(attached) << '\n';
}

int main(int count, char **arguments)
{
    if (count != 4)
        return std::cerr << "usage: publish_artifact REPOSITORY:TAG SQUASHFS METADATA\n", 2;
    try {
        publish(ocireg::client{{{OCIREG_OPT_STORED_CREDENTIALS, true}}}, arguments[1], arguments[2], arguments[3]);
    } catch (const ocireg::error &error) {
        return std::cerr << "publish_artifact: " << error.name() << ": " << error.what() << '\n' << error.hint() << '\n', 1;
    }
}
