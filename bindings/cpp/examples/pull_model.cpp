/* pull_model MODEL DIRECTORY: the GGUF file of a language model, as llama.cpp and other runners of local models get it from Docker Hub.
 * A file that is there and is still that one is not downloaded again, nor are the bytes that an interrupted run has left. Without a
 * network the file that is there will do. Ctrl-C stops it. Prints the file's path. */
#include <filesystem>
#include <iostream>
#include <ocireg.hpp>

namespace fs = std::filesystem;

static fs::path path_of(const std::string &model, const fs::path &directory)
{
    const auto name = ocireg::reference_parse(model);
    /* A folder for each repository: models of the same name are not the same model. */
    return directory / name["canonical_name"].string() / (name["digest"].string_or(name["tag"].string_or("latest")) + ".gguf");
}

static void pull(const ocireg::client &client, const std::string &model, const fs::path &path, const ocireg::context &with)
{
    const auto manifest = client.manifest_get(model, {}, &with).info;
    const auto layer = manifest.layer("application/vnd.docker.ai.gguf.v3");
    if (!layer.exists())
        throw std::runtime_error(model + " has no GGUF file");
    fs::create_directories(path.parent_path());
    const auto got = client.blob_get_file(manifest["repository"].string() + "@" + layer.digest(), path.string(),
                                          {{OCIREG_OPT_IF_EXISTS, "skip"}, {OCIREG_OPT_SIZE, layer["size"].integer()}}, &with);
    std::cerr << (got["skipped"].boolean() ? "\nit is there already\n" : "\n");
}

int main(int count, char **arguments)
{
    if (count != 3)
        return std::cerr << "usage: pull_model MODEL DIRECTORY\n", 2;
    std::string model = arguments[1];
    if (model.find('/') == std::string::npos)
        model.insert(0, "ai/"); /* where Docker Hub keeps models */
    try {
        const fs::path path = path_of(model, arguments[2]);
        const ocireg::client client{{{OCIREG_OPT_STORED_CREDENTIALS, true}}};
        ocireg::context with;
        const ocireg::cancel_on_signal interrupts(with);
        with.on_progress([](std::uint64_t done, std::uint64_t total) { std::cerr << '\r' << done << " of " << total << " bytes"; });
        try {
            pull(client, model, path, with);
        } catch (const ocireg::transport_error &error) {
            if (!fs::exists(path))
                throw;
            std::cerr << error.what() << ": the file that is there may be an old one\n";
        }
        std::cout << path.string() << '\n';
    } catch (const ocireg::error &error) {
        return std::cerr << "pull_model: " << error.name() << ": " << error.what() << '\n' << error.hint() << '\n', 1;
    } catch (const std::exception &error) {
        return std::cerr << "pull_model: " << error.what() << '\n', 1;
    }
}
