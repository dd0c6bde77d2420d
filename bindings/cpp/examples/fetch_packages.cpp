/* fetch_packages DIRECTORY REPOSITORY@DIGEST…: many packages at once, each a blob, as mamba gets conda's from a mirror in a registry. It
 * needs no pool of threads of its own: each download is a job, and this thread waits for all of them. */
#include <iostream>
#include <list>
#include <ocireg.hpp>
#include <poll.h>

struct package : ocireg::job {
    package(const ocireg::client &client, std::string of) : job(client), name(std::move(of)) {}
    std::string name;
};

static void wait_for_events(const ocireg::client &client)
{
    pollfd events{client.fd(), POLLIN, 0};
    poll(&events, 1, -1);
}

int main(int count, char **arguments)
{
    if (count < 3)
        return std::cerr << "usage: fetch_packages DIRECTORY REPOSITORY@DIGEST...\n", 2;
    try {
        const ocireg::client client{{{OCIREG_OPT_JOB_THREADS, 8}}};
        const ocireg::options wanted{{OCIREG_OPT_IF_EXISTS, "skip"}};
        std::list<package> packages;
        for (int i = 2; i < count; i++) {
            auto &next = packages.emplace_back(client, arguments[i]);
            const std::string path = arguments[1] + ("/" + next.name.substr(next.name.rfind(':') + 1));
            client.blob_get_file(next.name, path, wanted, &next.context());
        }
        int bad = 0;
        for (std::size_t left = packages.size(); left > 0;) {
            wait_for_events(client);
            while (const auto event = client.next_event()) {
                if (event.kind != OCIREG_EVENT_DONE)
                    continue;
                left--;
                try {
                    std::cout << event.job->result()["path"].string() << '\n';
                } catch (const ocireg::error &error) {
                    bad++;
                    std::cerr << static_cast<package *>(event.job)->name << ": " << error.what() << '\n';
                }
            }
        }
        return bad > 0;
    } catch (const ocireg::error &error) {
        return std::cerr << "fetch_packages: " << error.what() << '\n', 1;
    }
}
