/* deploy_artifact SOURCE DESTINATION DIRECTORY: copies an artifact with what is attached to it from one namespace of a registry to another,
 * gets its file, and unpacks the metadata attached to it, as uenv deploys the software of supercomputers. Ctrl-C stops it, and another run
 * goes on where it stopped. Prints the tags that there are now. */
#include <filesystem>
#include <iostream>
#include <ocireg.hpp>

namespace fs = std::filesystem;

static const char *const attached_type = "application/vnd.example.metadata";

static void deploy(const ocireg::client &client, const std::string &source, const std::string &destination, const fs::path &directory,
                   const ocireg::context &with)
{
    const auto repository = ocireg::reference_parse(destination)["canonical_name"].string();
    const auto artifact = repository + "@" + client.copy(source, destination, {{OCIREG_OPT_REFERRERS, true}}, &with).digest();
    fs::create_directories(directory);
    /* Not under the title in its annotations, which may be any path. */
    client.blob_get_file(repository + "@" + client.manifest_get(artifact, {}, &with).info.layer().digest(),
                         (directory / "store.squashfs").string(), {{OCIREG_OPT_IF_EXISTS, "skip"}}, &with);
    for (const auto &attached : client.referrers(artifact, {{OCIREG_OPT_ARTIFACT_TYPE, attached_type}}, &with)["referrers"])
        client.image_extract(repository + "@" + attached.digest(), (directory / "meta").string(), {{OCIREG_OPT_OVERWRITE, true}}, &with);
    for (const auto &tag : client.each_tag(repository, {}, &with))
        std::cout << tag << '\n';
}

int main(int count, char **arguments)
{
    if (count != 4)
        return std::cerr << "usage: deploy_artifact SOURCE DESTINATION DIRECTORY\n", 2;
    try {
        const ocireg::client client{{{OCIREG_OPT_STORED_CREDENTIALS, true}}};
        ocireg::context with;
        const ocireg::cancel_on_signal interrupts(with);
        with.on_progress([](std::uint64_t done, std::uint64_t total) { std::cerr << '\r' << done << " of " << total << " bytes"; });
        deploy(client, arguments[1], arguments[2], arguments[3], with);
    } catch (const ocireg::not_found_error &error) {
        return std::cerr << "deploy_artifact: there is no such artifact: " << error.what() << '\n', 3;
    } catch (const ocireg::error &error) {
        return std::cerr << "deploy_artifact: " << error.name() << ": " << error.what() << '\n' << error.hint() << '\n', 1;
    } catch (const std::exception &error) { /* such as an artifact without the layer that is meant */
        return std::cerr << "deploy_artifact: " << error.what() << '\n', 1;
    }
}
