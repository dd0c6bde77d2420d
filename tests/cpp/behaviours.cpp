// The behaviours that all bindings have in common (tests/behaviours), in C++.
#include <ocireg.hpp>

#include "check.hpp"

#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <netinet/in.h>
#include <set>
#include <sstream>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace {

using ocireg::value;
using namespace std::chrono_literals;

[[noreturn]] void wrong(const std::string &why)
{
    throw std::logic_error(why);
}

// A text as a JSON string.
std::string quoted(std::string_view text)
{
    std::string out = "\"";
    for (const char c : text) {
        char escape[8];
        std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
        const bool plain = static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
        out += plain ? std::string(1, c) : std::string(escape);
    }
    return out + "\"";
}

template <class Names> std::string list_of(Names &&names)
{
    std::string out;
    for (const auto &name : names)
        out += (out.empty() ? "[" : ",") + quoted(name);
    return (out.empty() ? "[" : out) + "]";
}

// A listener that never says anything.
std::string silent_host()
{
    sockaddr_in address{};
    socklen_t size = sizeof address;
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, reinterpret_cast<sockaddr *>(&address), size) != 0 || listen(listener, 64) != 0 ||
        getsockname(listener, reinterpret_cast<sockaddr *>(&address), &size) != 0)
        wrong("no listener");
    return "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

// The values of ${NAME}.
class names {
public:
    std::map<std::string, std::string> known;

    std::string filled(std::string text) const
    {
        for (std::size_t at = 0; (at = text.find("${", at)) != std::string::npos;) {
            const std::size_t end = text.find('}', at);
            const auto found = known.find(text.substr(at + 2, end - at - 2));
            if (found == known.end())
                wrong("unknown name " + text.substr(at, end - at + 1));
            text.replace(at, end - at + 1, found->second);
            at += found->second.size();
        }
        return text;
    }

    // Whether the result contains everything that is wanted.
    bool match(const value &wanted, const value &got) const
    {
        if (wanted.is_string())
            return got.is_string() && filled(wanted.string()) == got.string();
        if (!wanted.is_object() && !wanted.is_array())
            return wanted.text() == got.text();
        if (wanted.is_array() ? !got.is_array() || wanted.size() != got.size() : !got.is_object())
            return false;
        std::size_t place = 0;
        for (auto at = wanted.begin(); at != wanted.end(); ++at, place++) {
            if (!match(*at, wanted.is_array() ? got[place] : got[at.name()]))
                return false;
        }
        return true;
    }
};

struct step {
    const names &all;
    value what;
    const ocireg::client &client;
    ocireg::context context{};

    std::string text(const char *name) const { return all.filled(what[name].string()); }
    bool stream() const { return what["stream"].boolean_or(false); }

    std::string get_blob() const
    {
        if (!stream())
            return std::string(client.blob_get_memory(text("reference"), {}, &context).bytes.view());
        ocireg::blob_stream bytes(client.blob_open(text("reference"), {}, &context));
        return {std::istreambuf_iterator<char>(bytes), {}};
    }

    std::string put_blob() const
    {
        if (!stream())
            return client.blob_put_memory(text("repository"), text("text"), {}, &context).digest();
        std::istringstream bytes(text("text"));
        return client.blob_put_stream(text("repository"), bytes, {}, &context).digest();
    }

    std::string tags() const
    {
        const auto size = static_cast<std::size_t>(what["page_size"].integer_or(100));
        return list_of(client.each_tag(text("repository"), {}, &context, size));
    }

    ocireg::artifact artifact() const
    {
        ocireg::artifact made;
        const ocireg::options wanted = {{"title", text("title")}};
        std::istringstream bytes(text("text"));
        if (stream())
            made.add_stream(bytes, wanted);
        else
            made.add_memory(text("text"), wanted);
        return made;
    }

    // The result as JSON.
    std::string run() const
    {
        const std::map<std::string, std::function<std::string()>> steps = {
            {"parse_reference", [&] { return std::string(ocireg::reference_parse(text("reference")).text()); }},
            {"digest", [&] { return quoted(ocireg::digest_bytes(text("text"))); }},
            {"ping", [&] { return std::string(client.registry_ping(text("registry"), {}, &context).text()); }},
            {"repositories", [&] { return list_of(client.each_repository(text("registry"), {}, &context)); }},
            {"tags", [&] { return tags(); }},
            {"put_blob", [&] { return quoted(put_blob()); }},
            {"has_blob", [&] { return std::string(client.blob_head(text("reference"), {}, &context)["exists"].text()); }},
            {"get_blob", [&] { return quoted(get_blob()); }},
            {"delete_blob", [&] { client.blob_delete(text("reference"), {}, &context); return std::string("null"); }},
            {"put_manifest",
             [&] {
                 const ocireg::options wanted = {{"media_type", text("media_type")}};
                 return quoted(client.manifest_put(text("reference"), text("text"), wanted, &context).digest());
             }},
            {"manifest", [&] { return std::string(client.manifest_get(text("reference"), {}, &context).info.text()); }},
            {"manifest_text", [&] { return quoted(client.manifest_get(text("reference"), {}, &context).bytes.view()); }},
            {"manifest_digest", [&] { return quoted(client.manifest_digest(text("reference"), {}, &context)); }},
            {"delete_manifest", [&] { client.manifest_delete(text("reference"), {}, &context); return std::string("null"); }},
            {"copy", [&] { return std::string(client.copy(text("source"), text("destination"), {}, &context).text()); }},
            {"push_artifact", [&] { return quoted(client.artifact_push(artifact(), text("destination"), {}, &context).digest()); }},
            {"attach_artifact", [&] { return quoted(client.artifact_attach(artifact(), text("destination"), {}, &context).digest()); }},
            {"pull_artifact", [&] { return std::string(client.artifact_pull(text("source"), text("destination"), {}, &context).text()); }},
            {"close", [&] { client.close(); return std::string("null"); }},
        };
        const auto found = steps.find(what["do"].string());
        return found != steps.end() ? found->second() : (wrong("unknown step"), std::string());
    }

    void expect_error(const ocireg::error &error) const
    {
        const std::string told = std::string(error.name()) + ": " + error.what();
        if (what["fails"].string_or("") != error.name())
            wrong(told);
        if (std::string(error.what()).find(what["says"].string_or("")) == std::string::npos)
            wrong("part of the message is missing: " + told);
        if (what["http_status"].exists() && what["http_status"].integer() != error.http_status())
            wrong("the HTTP status is " + std::to_string(error.http_status()));
    }

    void expect_result(const std::string &text) const
    {
        const value got(text);
        if (what["fails"].exists())
            wrong("it succeeded: " + text);
        if (what["gives"].exists() && !all.match(what["gives"], got))
            wrong("it gave " + text);
        for (const value &element : what["contains"]) {
            bool found = false;
            for (const value &one : got)
                found = found || all.match(element, one);
            if (!found)
                wrong("it gave " + text);
        }
    }

    // Runs it once and checks the outcome. Returns the result as JSON.
    std::string judge() const
    {
        std::string got;
        const auto begun = std::chrono::steady_clock::now();
        try {
            got = run();
            expect_result(got);
        } catch (const ocireg::error &error) {
            expect_error(error);
        }
        const auto took = std::chrono::steady_clock::now() - begun;
        if (what["within_ms"].exists() && took > std::chrono::milliseconds(what["within_ms"].integer()))
            wrong("it took too long");
        return got;
    }
};

void know_every_key(const value &what)
{
    static const std::set<std::string> keys = {
        "do", "reference", "text", "title", "registry", "repository", "page_size", "stream", "media_type", "source", "destination",
        "deadline_ms", "cancel_after_ms", "close_after_ms", "threads", "times", "gives", "contains", "fails", "says",
        "http_status", "within_ms", "as"};
    for (auto at = what.begin(); at != what.end(); ++at) {
        if (keys.count(at.name()) == 0)
            wrong("unknown key: " + at.name());
    }
}

// An action that another thread takes after a while.
class later {
public:
    later(const value &wait, std::function<void()> act)
    {
        if (wait.exists())
            thread_ = std::thread([milliseconds = wait.integer(), act = std::move(act)] {
                std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
                act();
            });
    }
    ~later()
    {
        if (thread_.joinable())
            thread_.join();
    }

private:
    std::thread thread_;
};

// Runs it on several threads, several times on each.
void crowd(const step &step)
{
    std::mutex lock;
    std::string first;
    std::vector<std::thread> threads;
    for (std::int64_t i = 0; i < step.what["threads"].integer(); i++)
        threads.emplace_back([&] {
            try {
                for (std::int64_t k = 0; k < step.what["times"].integer_or(1); k++)
                    step.judge();
            } catch (const std::exception &error) {
                const std::lock_guard<std::mutex> held(lock);
                first = error.what();
            }
        });
    for (std::thread &thread : threads)
        thread.join();
    if (!first.empty())
        wrong(first);
}

void take(names &all, const value &what, const ocireg::client &client)
{
    know_every_key(what);
    const step step{all, what, client};
    if (what["deadline_ms"].exists())
        step.context.set_deadline(std::chrono::milliseconds(what["deadline_ms"].integer()));
    const later cancel(what["cancel_after_ms"], [&] { step.context.cancel(); });
    const later close(what["close_after_ms"], [&] { client.close(); });
    if (what["threads"].exists())
        return crowd(step);
    const std::string got = step.judge();
    if (what["as"].exists())
        all.known[what["as"].string()] = value(got).string();
}

void set_hosts(const names &all, const value &hosts, const ocireg::client &client)
{
    for (const char *name : {"registry", "secured", "token", "silent", "closed"})
        client.set_host(all.known.at(name), {{"plain_http", true}});
    for (auto at = hosts.begin(); at != hosts.end(); ++at)
        client.set_host(all.filled(at.name()), ocireg::options::parse(all.filled(std::string((*at).text()))));
}

bool passes(const value &behaviour, names all)
{
    std::int64_t number = 0;
    try {
        const ocireg::client client;
        set_hosts(all, behaviour["hosts"], client);
        for (const value &what : behaviour["steps"]) {
            number++;
            take(all, what, client);
        }
        return true;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s: step %d: %s\n", behaviour["name"].string().c_str(), static_cast<int>(number), error.what());
        return false;
    }
}

} // namespace

int main(int, char **arguments)
{
    std::ifstream file(arguments[1]);
    const value behaviours = value(std::string(std::istreambuf_iterator<char>(file), {}))["behaviours"];
    names all;
    all.known = {{"registry", environment("OCIREG_TEST_V3")},  {"secured", environment("OCIREG_TEST_HTPASSWD")},
                 {"token", environment("OCIREG_TEST_TOKEN")},  {"silent", silent_host()},
                 {"closed", "127.0.0.1:1"},                    {"password", "s3cret:with colon"}};
    int passed = 0, failed = 0;
    for (const value &behaviour : behaviours) {
        const std::string place = std::to_string(getpid()) + "-" + std::to_string(passed + failed);
        all.known["repository"] = "behaviours/cpp-" + place;
        std::string folder = environment("OCIREG_TEST_TMP") + "/behaviours-cpp-XXXXXX";
        if (mkdtemp(folder.data()) == nullptr)
            wrong("no folder");
        all.known["folder"] = folder;
        (passes(behaviour, all) ? passed : failed)++;
    }
    std::printf("%d behaviours, %d failures\n", passed + failed, failed);
    return passed > 0 && failed == 0 ? 0 : 1;
}
