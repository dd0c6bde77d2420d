/* publish_artifact REPOSITORY:TAG SQUASHFS METADATA: the image of a file system as an artifact, with a tar.gz about it attached, as uenv
 * publishes the software of supercomputers. Prints the digests of both. */
#include <iostream>
#include <ocireg.hpp>

/* An artifact of one file. */
static ocireg::artifact of(const char *path, std::string_view title, std::string_view type)
{
    return std::move(ocireg::artifact().add_file(path, {{OCIREG_OPT_TITLE, title}, {OCIREG_OPT_MEDIA_TYPE, type}}));
}

static void publish(const ocireg::client &client, const std::string &reference, const char *squashfs, const char *metadata)
{
    const auto image = client.artifact_push(of(squashfs, "store.squashfs", ocireg::media_type::oci_layer), reference,
                                            {{OCIREG_OPT_ARTIFACT_TYPE, "application/x-squashfs"}});
    /* Where the registry has no referrers API, the library lists it in the referrers tag. */
    const auto about = client.artifact_attach(of(metadata, "meta.tar.gz", ocireg::media_type::oci_layer_gzip), reference,
                                              {{OCIREG_OPT_ARTIFACT_TYPE, "application/vnd.example.metadata"}});
    std::cout << image["digest"].string() << '\n' << about["digest"].string() << '\n';
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
