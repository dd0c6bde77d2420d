/* publish_artifact REPOSITORY:TAG SQUASHFS METADATA: the image of a file system as an artifact, with a tar.gz about it attached, as uenv
 * publishes the software of supercomputers. Ctrl-C stops it. Prints the digests of both. */
#include <iostream>
#include <ocireg.hpp>

static void publish(const ocireg::client &client, const std::string &reference, const char *squashfs, const char *metadata,
                    const ocireg::context &with)
{
    ocireg::artifact store, meta;
    store.add_file(squashfs, {{OCIREG_OPT_TITLE, "store.squashfs"}, {OCIREG_OPT_MEDIA_TYPE, ocireg::media_type::oci_layer}});
    meta.add_file(metadata, {{OCIREG_OPT_TITLE, "meta.tar.gz"}, {OCIREG_OPT_MEDIA_TYPE, ocireg::media_type::oci_layer_gzip}});
    const auto image = client.artifact_push(store, reference, {{OCIREG_OPT_ARTIFACT_TYPE, "application/x-squashfs"}}, &with);
    /* To this image, whatever the tag is by now. Where the registry has no referrers API, the library lists it in the referrers tag. */
    const auto itself = ocireg::reference_parse(reference)["canonical_name"].string() + "@" + image.digest();
    const auto about = client.artifact_attach(meta, itself, {{OCIREG_OPT_ARTIFACT_TYPE, "application/vnd.example.metadata"}}, &with);
    std::cout << image.digest() << '\n' << about.digest() << '\n';
}

int main(int count, char **arguments)
{
    if (count != 4)
        return std::cerr << "usage: publish_artifact REPOSITORY:TAG SQUASHFS METADATA\n", 2;
    try {
        const ocireg::client client{{{OCIREG_OPT_STORED_CREDENTIALS, true}}};
        ocireg::context with;
        const ocireg::cancel_on_signal interrupts(with);
        with.on_progress([](std::uint64_t done, std::uint64_t total) { std::cerr << '\r' << done << " of " << total << " bytes"; });
        publish(client, arguments[1], arguments[2], arguments[3], with);
    } catch (const ocireg::error &error) {
        return std::cerr << "publish_artifact: " << error.name() << ": " << error.what() << '\n' << error.hint() << '\n', 1;
    }
}
