/* fetch_packages DIRECTORY REPOSITORY@DIGEST…: many packages at once, each a blob, as mamba gets conda's from a mirror in a registry. It
 * needs no pool of threads: each download is a job, and this thread waits for all of them. Prints how many there are, and how many failed. */
#include <iostream>
#include <list>
#include <ocireg.hpp>

int main(int count, char **arguments)
try {
    if (count < 3)
        return std::cerr << "usage: fetch_packages DIRECTORY REPOSITORY@DIGEST...\n", 2;
    const ocireg::client client{{{OCIREG_OPT_JOB_THREADS, 8}}};
    std::list<ocireg::job> packages;
    int bad = 0;
    for (int i = 2; i < count; i++) {
        const std::string name = arguments[i], path = arguments[1] + ("/" + name.substr(name.rfind(':') + 1));
        client.blob_get_file(name, path, {{OCIREG_OPT_IF_EXISTS, "skip"}}, &packages.emplace_back(client).context());
    }
    for (std::size_t ended = 0; ended < packages.size(); ended++)
        try {
            client.wait_event().job->check();
        } catch (const ocireg::error &error) {
            bad++, std::cerr << error.what() << '\n';
        }
    std::cout << packages.size() << " packages, " << bad << " bad\n";
    return bad > 0;
} catch (const std::exception &error) {
    return std::cerr << error.what() << '\n', 1;
}
