// The C++ binding against real registries: every call, and every rule of the binding.
#include <ocireg.hpp>

#include "check.hpp"
#include "server.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>
#include <thread>
#include <typeinfo>
#include <unistd.h>

std::string version_in_other_file();

namespace {

using namespace std::chrono_literals;
const std::string registry = environment("OCIREG_TEST_V3");
const std::string repository = registry + "/cpp/test-" + std::to_string(getpid());
const std::string scratch = environment("OCIREG_TEST_TMP");
constexpr const char *MANIFEST = "application/vnd.oci.image.manifest.v1+json";

template <class T>
constexpr bool moves_only = std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T> &&
                            !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T>;
static_assert(moves_only<ocireg::client> && moves_only<ocireg::context> && moves_only<ocireg::options>);
static_assert(moves_only<ocireg::buffer> && moves_only<ocireg::blob_reader> && moves_only<ocireg::upload>);

// A list of a temporary client does not compile.
template <class Client, class = void> constexpr bool lists_tags = false;
template <class Client> constexpr bool lists_tags<Client, std::void_t<decltype(std::declval<Client>().each_tag(""))>> = true;
static_assert(lists_tags<const ocireg::client &> && !lists_tags<ocireg::client>);
static_assert(std::is_nothrow_copy_constructible_v<ocireg::error>);

std::string noise(std::size_t size, unsigned seed)
{
    std::string bytes(size, '\0');
    unsigned state = seed * 2654435761u + static_cast<unsigned>(getpid());
    for (char &byte : bytes)
        byte = static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
    return bytes;
}

// A page of a list with one name, and a link to the next one, if there is one.
std::string answer(const std::string &name, const std::string &next)
{
    const std::string body = R"({"name":"a","tags":[")" + name + R"("],"repositories":[")" + name + R"("]})";
    return "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
           (next.empty() ? "" : "Link: <?next_page=" + next + ">; rel=\"next\"\r\n") + "\r\n" + body;
}

std::string blob(std::string_view bytes)
{
    return repository + "@" + ocireg::digest_bytes(bytes);
}

// A small image, or an artifact with another manifest as its subject.
std::string image_of(const ocireg::client &client, const std::string &seed, const std::string &subject = {})
{
    const ocireg::value config = client.blob_put_memory(repository, R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},"x":")" + seed + "\"}");
    return R"({"schemaVersion":2,"mediaType":")" + std::string(MANIFEST) + R"(","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":")" +
           config.digest() + R"(","size":)" + std::to_string(config["size"].integer()) + R"(},"layers":[])" + subject + "}";
}

void values()
{
    const ocireg::value none;
    CHECK(!none.exists());
    CHECK_EQUAL(none["a"]["b"][3].string_or("other"), "other");
    const ocireg::value all(R"( {"text":"a\"\\\/\n\u00e9\u20ac\ud83d\ude00","number":-9007199254740993,"yes":true,"no":false,"null":null,
        "list":["a", {"b":[]}, [1,[2]], "c]"],"empty":{},"":"nameless","big":18446744073709551615,"real":1.5} )");
    CHECK_EQUAL(all["text"].string(), "a\"\\/\n\u00e9\u20ac\U0001F600");
    CHECK_EQUAL(all["number"].integer(), -9007199254740993);
    CHECK(all["yes"].boolean() && !all["no"].boolean() && all["null"].is_null() && all["null"].exists());
    CHECK(!all["nil"].exists());
    CHECK_EQUAL(all[""].string(), "nameless");
    CHECK_EQUAL(all["list"].size(), 4u);
    CHECK_EQUAL(all["list"][1].text(), R"({"b":[]})");
    CHECK_EQUAL(all["list"][2][1][0].integer(), 2);
    CHECK_EQUAL(all["list"][3].string(), "c]");
    CHECK(!all["list"][4].exists() && !all["list"][-1].exists());
    CHECK(all["empty"].empty() && all["list"][1]["b"].empty());
    CHECK_EQUAL(all.size(), 10u);
    CHECK_EQUAL(std::next(all.begin()).name(), "number");
    CHECK_EQUAL(all["null"].integer_or(7), 7);
    CHECK_THROWS(ocireg::value_error, std::runtime_error, "not an integer", (void)all["big"].integer());
    CHECK_THROWS(ocireg::value_error, std::runtime_error, "not an integer", (void)all["real"].integer());
    CHECK_THROWS(ocireg::value_error, std::runtime_error, "the missing member /nil is not a string", (void)all["nil"].string());
    CHECK_THROWS(ocireg::value_error, std::runtime_error, "member /nil/a~1b/3/x/y is", (void)all["nil"]["a/b"][3].at("/x/y").integer());
    CHECK_THROWS(ocireg::value_error, std::runtime_error, "member /list/9/digest is", (void)all["list"][9].digest());
    CHECK_THROWS(ocireg::value_error, std::runtime_error, "member /layers/1 (of a/b)/size is", (void)all.layer("a/b", 1)["size"].integer());
    CHECK_THROWS(ocireg::value_error, std::runtime_error, "member /list/1/b/0 is", (void)all["list"][1]["b"][0].string());
    CHECK_THROWS(ocireg::value_error, std::runtime_error, "member /list/1/x is", for (const auto &one : all["list"]) if (one.is_object()) (void)one["x"].string());
    const ocireg::value odd(R"({"a/b~c":{}})");
    CHECK_THROWS(ocireg::value_error, std::runtime_error, "member /a~1b~0c/x is", (void)odd.begin()->at("/x").string());
    CHECK_THROWS(ocireg::value_error, std::runtime_error, "the missing member is not a number", (void)none.number());
    CHECK_THROWS(ocireg::value_error, std::runtime_error, "not a boolean", (void)all["text"].boolean());
    CHECK_THROWS(ocireg::value_error, std::runtime_error, "not a string", (void)all["list"].strings());
    for (const char *malformed : {"{\"a\"", "{\"a\":", "[1,", "[\"x", "{a:1}", "[", "{\"a\":{\"b\":1}", "[1 2"}) {
        CHECK_THROWS(ocireg::value_error, std::runtime_error, "not valid JSON", ocireg::value{malformed});
    }
    CHECK_THROWS(ocireg::value_error, std::runtime_error, "deep", ocireg::value{std::string(100000, '[') + std::string(100000, ']')});
    CHECK(all["real"].number() == 1.5 && all["nil"].number_or(2.5) == 2.5 && all["big"].is_number() && !all["big"].is_integer());
    CHECK_EQUAL(all.at("/list/2/1/0").integer(), 2);
    CHECK(!all.at("/list/9").exists() && !all.at("list").exists());
    CHECK_EQUAL(ocireg::value(R"({"a/b~c":["x\u0000y"]})")["a/b~c"][0].string(), std::string("x\0y", 3));
    CHECK_EQUAL(all["list"].begin().name(), "");
    CHECK(!all[std::string_view("text\0", 5)].exists() && !all.at(std::string("/text\0", 6)).exists());
    CHECK(std::string_view(all["list"][3].c_str()) == "c]" && all["list"].c_str() == nullptr);
    ocireg::value part; // outlives the value it came from
    part = ocireg::value(R"({"a":["kept alive by its part alone, and long enough for the heap"]})")["a"][0];
    CHECK_EQUAL(part.string().substr(0, 4), "kept");
    ocireg::value whole(R"({"a":[1,2]})"), elsewhere = std::move(whole);
    elsewhere = {};
    CHECK(!whole.exists() && whole.text().empty() && whole["a"].size() == 0); // NOLINT: moved from on purpose
    const auto parsed = ocireg::value(R"({"mediaType":"t","digest":"d","size":3})").descriptor();
    CHECK(parsed.media_type == "t" && parsed.digest == "d" && parsed.size == 3);
}

void names_and_options()
{
    CHECK_EQUAL(std::string(OCIREG_VERSION), ocireg::version());
    CHECK_EQUAL(version_in_other_file(), OCIREG_VERSION);
    CHECK_EQUAL(ocireg::reference_parse("a")["tag"].string(), std::string(ocireg::default_tag));
    CHECK_EQUAL(ocireg::reference_parse("a")["index"]["name"].string(), std::string(ocireg::default_index));
    CHECK_EQUAL(std::string(ocireg::media_type::oci_manifest), "application/vnd.oci.image.manifest.v1+json");
    CHECK_EQUAL(ocireg::version_number(), static_cast<std::uint32_t>(OCIREG_VERSION_NUMBER));
    CHECK_EQUAL(std::string(ocireg::status_name(OCIREG_NOT_FOUND)), "NOT_FOUND");
    CHECK_EQUAL(ocireg::reference_parse("mongo:7")["remote_name"].string(), "library/mongo");
    CHECK_EQUAL(ocireg::reference_parse("a/b", {{"default_index", "h.example"}})["index"]["name"].string(), "h.example");
    CHECK(ocireg::index_parse("")["official"].boolean());
    CHECK_EQUAL(ocireg::endpoint_parse("oci:dir:name")["name"].string(), "name");
    CHECK_EQUAL(ocireg::digest_bytes(""), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK_EQUAL(ocireg::digest_bytes("", {{"algorithm", "sha512"}}).substr(0, 7), "sha512:");

    ocireg::options options{{"text", "a"}, {"string", std::string("b")}, {"view", std::string_view("c")}, {"int", 1},
                            {"size", sizeof(int)}, {"flag", true}, {"list", {"x", "y"}}, {"vector", std::vector<std::string>{"z"}}};
    options.set("n", 5).set("accept", {"a", "b"}).add("accept", "c").merge(R"({"more":[1]})");
    static_assert(std::is_constructible_v<ocireg::option, const char *, const char *>);
    static_assert(!std::is_constructible_v<ocireg::option, const char *, std::nullptr_t>);
    static_assert(!std::is_constructible_v<ocireg::option, std::nullptr_t, const char *>);
    static_assert(!std::is_convertible_v<std::nullptr_t, ocireg::text_view> && !std::is_constructible_v<ocireg::option, const char *, char>);
    const char *missing = nullptr;
    CHECK_THROWS(ocireg::invalid_argument_error, ocireg::usage_error, "option text", options.set("text", missing));
    CHECK_THROWS(ocireg::invalid_argument_error, ocireg::usage_error, "null pointer", options.set("list", {"a", missing}));
    CHECK_THROWS(ocireg::invalid_argument_error, ocireg::usage_error, "null pointer", options.add("list", missing));
    CHECK_THROWS(ocireg::invalid_argument_error, ocireg::usage_error, "null pointer", ocireg::reference_parse(missing));
    // set replaces, whatever was there, and an empty list is one; add adds.
    options.set("accept", "x").set("accept", {"y"}).set("accept", std::vector<std::string>{}).add("accept", "z\"\\\n");
    CHECK_THROWS(ocireg::invalid_argument_error, ocireg::error, "NUL", options.set("accept", {std::string("a\0b", 3)}));
    CHECK_THROWS(ocireg::invalid_argument_error, ocireg::error, "NUL", options.set("accept", std::vector<std::string>{"x", std::string(1, '\0')}));
    CHECK(options.has("accept") && options.has("more") && options.has("n") && !options.has("none"));
    CHECK_THROWS(ocireg::invalid_argument_error, ocireg::error, "retries must be an integer", ocireg::client{{{"retries", std::vector<std::string>{}}}});
    ocireg::client{{{"max_list_bytes", std::numeric_limits<std::uint64_t>::max()}}};
    CHECK_EQUAL(ocireg::digest_bytes("", ocireg::options().set("algorithm", {"a"}).set("algorithm", "sha512")).substr(0, 7), "sha512:");
    ocireg::client{{{"requests_per_second", 0.5}, {"retries", 1}}};
    ocireg::client{{{"requests_per_second", 2.5f}}};
    CHECK_THROWS(ocireg::invalid_argument_error, ocireg::error, "retries must be an integer", ocireg::client{{{"retries", 1.5}}});
    ocireg::options moved = std::move(options);
    CHECK(options.get() == nullptr && moved.get() != nullptr); // NOLINT: moved from on purpose
    CHECK_THROWS(ocireg::invalid_argument_error, ocireg::usage_error, "text", ocireg::client{moved});
    CHECK_THROWS(ocireg::invalid_argument_error, ocireg::error, "", ocireg::options::parse("[]"));
    CHECK_THROWS(ocireg::invalid_argument_error, ocireg::error, "NUL", ocireg::index_parse(std::string_view("a\0b", 3)));
    CHECK_THROWS(ocireg::invalid_reference_error, ocireg::usage_error, "", ocireg::reference_parse("UPPER/case"));
    CHECK_THROWS(ocireg::invalid_manifest_error, ocireg::content_error, "", ocireg::manifest_inspect("{}"));
}

void manifests(const ocireg::client &client)
{
    const std::string image = image_of(client, "a"), digest = ocireg::digest_bytes(image);
    CHECK_EQUAL(ocireg::manifest_inspect(image).digest(), digest);
    const ocireg::document built = ocireg::manifest_build(R"({"artifactType":"application/x"})");
    CHECK_EQUAL(built.info.digest(), ocireg::digest_bytes(built.bytes.view()));
    CHECK_EQUAL(built.info["kind"].string(), "artifact");
    CHECK_THROWS(ocireg::invalid_manifest_error, ocireg::content_error, "artifactType", ocireg::manifest_build("{}"));
    CHECK_EQUAL(client.manifest_put(repository + ":one", image, {{"tags", {"two", "three"}}})["tags"].size(), 3u);
    try {
        client.manifest_put(repository + ":one", image, {{"if_exists", "fail"}});
        CHECK(false);
    } catch (const ocireg::digest_mismatch_error &taken) {
        CHECK_EQUAL(taken.conflict()["name"].string(), "one");
        CHECK_EQUAL(taken.conflict()["digest"].string(), digest);
    }
    const ocireg::document got = client.manifest_get(repository + ":one");
    CHECK(!got.info.layer().exists());
    const ocireg::value layers(R"({"layers":[{"mediaType":"a/b","size":1},{"mediaType":"c/d","size":2}]})");
    CHECK_EQUAL(layers.layer("c/d")["size"].integer(), 2);
    CHECK_EQUAL(layers.layer({}, 1)["size"].integer(), 2);
    CHECK(!layers.layer("c/d", 1).exists() && !layers.layer("").layer("").exists());
    CHECK_EQUAL(got.info.at("/repository").string(), repository);
    CHECK_EQUAL(got.bytes.view(), image);
    CHECK(std::equal(got.bytes.begin(), got.bytes.end(), image.begin(), image.end(),
                     [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); }));
    CHECK_EQUAL(got.info["manifest"]["config"].descriptor().media_type, "application/vnd.oci.image.config.v1+json");
    const ocireg::descriptor descriptor = client.manifest_head(repository + ":two").descriptor();
    CHECK(descriptor.media_type == MANIFEST && descriptor.digest == digest &&
          descriptor.size == static_cast<std::int64_t>(image.size()));
    CHECK_EQUAL(client.manifest_digest(repository + ":three"), digest);

    const std::string subject = R"(,"artifactType":"application/x.note","subject":{"mediaType":")" + std::string(MANIFEST) +
                                R"(","digest":")" + digest + R"(","size":)" + std::to_string(image.size()) + "}";
    const std::string note = image_of(client, "note", subject);
    client.manifest_put(repository + "@" + ocireg::digest_bytes(note), note);
    const ocireg::value referrers = client.referrers(repository + "@" + digest);
    CHECK_EQUAL(referrers["referrers"][0].descriptor().digest, ocireg::digest_bytes(note));
    client.manifest_delete(repository + "@" + ocireg::digest_bytes(note));

    CHECK_EQUAL(client.tag_delete(repository + ":three")["digest"].string(), digest);
    try {
        client.manifest_get(repository + ":three");
        CHECK(client.get() == nullptr); // never here
    } catch (const ocireg::not_found_error &error) {
        CHECK_EQUAL(error.code(), OCIREG_NOT_FOUND);
        CHECK_EQUAL(std::string(error.name()), "NOT_FOUND");
        CHECK_EQUAL(error.http_status(), 404);
        CHECK_EQUAL(error.details()["code"].integer(), OCIREG_NOT_FOUND);
        CHECK(!error.retryable());
        CHECK_EQUAL(error.hint(), error.details()["hint"].string_or(""));
    }
}

void lists(const ocireg::client &client)
{
    CHECK_EQUAL(client.registry_ping(registry)["api_version"].integer(), 2);
    const std::string image = image_of(client, "lists");
    std::vector<std::string> wanted;
    const std::string many = repository + "/many";
    client.blob_put_memory(many, R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},"x":"lists"})");
    for (int i = 10; i < 17; i++) {
        wanted.push_back("t" + std::to_string(i));
        client.manifest_put(many + ":" + wanted.back(), image);
    }
    CHECK(client.repository_tags(many)["tags"].strings() == wanted);
    for (const std::size_t page_size : {1u, 3u, 7u, 100u}) {
        std::vector<std::string> tags, paged;
        for (const std::string &tag : client.each_tag(many, {}, nullptr, page_size))
            tags.push_back(tag);
        for (const ocireg::value &page : client.tag_pages(many, {{"digests", true}}, nullptr, page_size)) {
            CHECK(page["tags"].size() <= page_size && page["digests"].size() == page["tags"].size());
            for (const ocireg::value &tag : page["tags"])
                paged.push_back(tag.string());
        }
        CHECK(tags == wanted && paged == wanted);
    }
    const auto watched = [&](std::size_t &seen) {
        ocireg::context gone;
        gone.on_log([&seen](std::string_view) { seen++; });
        return client.each_tag(many, {}, &gone, 3);
    };
    std::size_t events = 0, tags = 0;
    for (const std::string &tag : watched(events))
        tags += !tag.empty();
    CHECK(tags == wanted.size() && events >= 6);
    const ocireg::names found = client.each_repository(registry, {}, nullptr, 1);
    CHECK(std::find(found.begin(), found.end(), many.substr(registry.size() + 1)) != found.end());
    std::size_t pages = 0;
    for (const ocireg::value &page : client.catalog_pages(registry, {}, nullptr, 1))
        pages += page["repositories"].size();
    CHECK(pages >= 2 && client.registry_catalog(registry)["repositories"].size() >= 2);
    CHECK_THROWS(ocireg::not_found_error, ocireg::registry_error, "", client.each_tag(repository + "/nowhere").begin());
}

// The cursor of a list is the registry's: here a token; for anything else it returns the first page.
void pages_by_token()
{
    const ocireg::client client({{"plain_http", true}});
    const server tokens([](std::string_view target) {
        const std::size_t token = target.find("next_page=gAAA");
        const int at = token == std::string_view::npos ? 0 : std::atoi(std::string(target.substr(token + 14)).c_str());
        const std::string name = "t" + std::to_string(at);
        return answer(name, at < 4 ? "gAAA" + std::to_string(at + 1) : "");
    });
    const std::vector<std::string> wanted{"t0", "t1", "t2", "t3", "t4"};
    const std::string name = tokens.host() + "/a";
    std::vector<std::string> tags, names, paged;
    for (const std::string &tag : client.each_tag(name, {}, nullptr, 1))
        tags.push_back(tag);
    for (const std::string &one : client.each_repository(tokens.host(), {{"last", ""}}, nullptr, 1))
        names.push_back(one);
    for (const ocireg::value &page : client.tag_pages(name, {}, nullptr, 2))
        for (const ocireg::value &tag : page["tags"])
            paged.push_back(tag.string());
    CHECK(tags == wanted && names == wanted && paged == wanted);
    CHECK(client.repository_tags(name, {{"n", 1}, {"all", true}})["tags"].strings() == wanted);
    const std::string next = client.repository_tags(name, {{"n", 2}})["next"].string();
    CHECK_EQUAL(client.repository_tags(name, {{"n", 1}, {"next", next}})["tags"][0].string(), "t2");
    CHECK_THROWS(ocireg::invalid_argument_error, ocireg::error, "another list", client.registry_catalog(tokens.host(), {{"next", next}}));
    CHECK_THROWS(ocireg::unsupported_error, ocireg::error, "last", client.repository_tags(name, {{"n", 1}, {"last", "t2"}}));

    // A page size among the options is the one that counts.
    std::string asked;
    const server sizes([&asked](std::string_view target) {
        asked = target;
        return answer("x", "");
    });
    const auto size_of = [&](auto &&list) {
        for (const auto &page : list)
            (void)page;
        return asked.substr(asked.find('?'));
    };
    const std::string one_page = sizes.host() + "/a";
    CHECK_EQUAL(size_of(client.each_tag(one_page, {{"n", 3}})), "?n=3");
    CHECK_EQUAL(size_of(client.tag_pages(one_page, ocireg::options::parse(R"({"n":4})"))), "?n=4");
    CHECK_EQUAL(size_of(client.each_repository(sizes.host(), {{"n", 5}}, nullptr, 9)), "?n=5");
    CHECK_EQUAL(size_of(client.catalog_pages(sizes.host(), {}, nullptr, 6)), "?n=6");
    CHECK_EQUAL(size_of(client.each_tag(one_page)), "?n=100");

    int count = 0;
    const server round([&count](std::string_view) { return answer("x", "gAAA" + std::to_string(++count)); });
    const server three([](std::string_view target) {
        const char at = target.size() > 10 && target.find("gAAA") != std::string_view::npos ? target.back() : '0';
        return answer(std::string("x") + at, std::string("gAAA") + (at == '2' ? '0' : static_cast<char>(at + 1)));
    });
    for (const server *one : {&round, &three}) {
        CHECK_THROWS(ocireg::protocol_error, ocireg::error, "", for (const auto &tag : client.each_tag(one->host() + "/a", {}, nullptr, 1)) tags.push_back(tag));
        CHECK_THROWS(ocireg::protocol_error, ocireg::error, "", for (const auto &tag : client.each_repository(one->host(), {}, nullptr, 1)) tags.push_back(tag));
    }
    CHECK(tags.size() < 100);
}

void blobs_are_read(const ocireg::client &client)
{
    const std::string bytes = noise(3 << 20, 1), path = scratch + "/blob";
    CHECK(client.blob_put_memory(repository, bytes)["uploaded"].boolean());
    CHECK(client.blob_head(blob(bytes))["exists"].boolean());
    CHECK_EQUAL(client.blob_get_memory(blob(bytes)).bytes.view(), bytes);
    CHECK_EQUAL(client.blob_get_memory(blob(bytes), {{"offset", 5}, {"length", 10}}).bytes.view(), bytes.substr(5, 10));
    CHECK(client.blob_get_file(blob(bytes), std::filesystem::path(path))["verified"].boolean());
    std::ifstream file(path, std::ios::binary);
    CHECK(std::equal(bytes.begin(), bytes.end(), std::istreambuf_iterator<char>(file), {}));
    std::FILE *target = std::fopen((path + ".fd").c_str(), "wb");
    CHECK_EQUAL(client.blob_get_fd(blob(bytes), fileno(target))["length"].integer(), static_cast<std::int64_t>(bytes.size()));
    std::fclose(target);

    ocireg::blob_reader reader = client.blob_open(blob(bytes));
    CHECK_EQUAL(reader.info()["size"].integer(), static_cast<std::int64_t>(bytes.size()));
    std::string read(bytes.size() + 1, '\0');
    std::size_t done = 0, got = 0;
    while ((got = reader.read(read.data() + done, read.size() - done)) > 0)
        done += got;
    CHECK(done == bytes.size() && read.compare(0, done, bytes) == 0);
    reader.close();
    CHECK_THROWS(ocireg::closed_error, ocireg::usage_error, "", reader.read(read.data(), 1));
}

void blob_streams(const ocireg::client &client)
{
    const std::string bytes = noise(3 << 20, 1);
    std::string read(bytes.size() + 1, '\0');
    client.blob_put_memory(repository, bytes);
    ocireg::blob_stream stream(client.blob_open(blob(bytes)));
    CHECK_EQUAL(std::string(std::istreambuf_iterator<char>(stream), {}), bytes);
    ocireg::blob_stream broken(client.blob_open(blob(bytes)));
    broken.read(read.data(), 100);
    broken.reader().close(); // the rest must not look like an end
    CHECK_THROWS(ocireg::closed_error, ocireg::error, "", broken.read(read.data(), 1 << 20));

    // Moved and copied, with the bytes that were read ahead.
    ocireg::blob_stream whole(client.blob_open(blob(bytes)));
    char first = 0;
    whole.get(first);
    ocireg::blob_stream rest(std::move(whole));
    std::ostringstream copied;
    CHECK_EQUAL(rest.copy_to(copied), bytes.size() - 1);
    CHECK_EQUAL(first + copied.str(), bytes);
    ocireg::blob_stream assigned(client.blob_open(blob(bytes)));
    assigned.ignore(100);
    ocireg::blob_stream begun(client.blob_open(blob(bytes)));
    begun.get(first);
    assigned = std::move(begun);
    const std::string others(std::istreambuf_iterator<char>(assigned), {});
    CHECK_EQUAL(first + others, bytes);
    std::ofstream full("/dev/full", std::ios::binary);
    CHECK_THROWS(std::ios_base::failure, std::exception, "did not take", ocireg::blob_stream(client.blob_open(blob(bytes))).copy_to(full));
    const server liar([](std::string_view) { return "HTTP/1.1 200 x\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnope"; });
    const ocireg::client plain({{"plain_http", true}, {"retries", 0}});
    const std::string lie = liar.host() + "/a@" + ocireg::digest_bytes("true");
    CHECK_THROWS(ocireg::digest_mismatch_error, ocireg::error, "", ocireg::blob_stream(plain.blob_open(lie)).copy_to(copied));
}

void blobs_are_put(const ocireg::client &client)
{
    const std::string streamed = noise(700000, 2), path = scratch + "/blob";
    std::istringstream source(streamed);
    CHECK_EQUAL(client.blob_put_stream(repository, source, {{"chunk_size", 100000}}).digest(), ocireg::digest_bytes(streamed));
    std::ifstream unopened(scratch + "/no such file"), folder(scratch);
    std::istringstream number("not a number"), nothing;
    int parsed = 0;
    number >> parsed;
    for (std::istream *failed : std::initializer_list<std::istream *>{&unopened, &folder, &number}) {
        CHECK_THROWS(std::ios_base::failure, std::exception, "cannot be read", client.blob_put_stream(repository, *failed));
        CHECK_THROWS(std::ios_base::failure, std::exception, "cannot be read", ocireg::artifact().add_stream(*failed, {{"title", "a"}}));
    }
    CHECK_EQUAL(client.blob_put_stream(repository, nothing).digest(), ocireg::digest_bytes(""));
    const std::string from_file = noise(1000, 3);
    std::ofstream(path, std::ios::binary) << from_file;
    CHECK_EQUAL(client.blob_put_file(repository, path).digest(), ocireg::digest_bytes(from_file));
    CHECK(client.blob_mount(repository + "/mounted@" + ocireg::digest_bytes(from_file), repository)["mounted"].boolean());
    const std::string layout = "oci:" + scratch + "/held";
    CHECK(client.blob_copy(blob(from_file), layout)["uploaded"].boolean());
    CHECK_EQUAL(client.blob_get_memory(layout + "@" + ocireg::digest_bytes(from_file)).bytes.view(), from_file);
    client.blob_delete(blob(from_file));
    CHECK(!client.blob_head(blob(from_file))["exists"].boolean());
    CHECK_THROWS(ocireg::digest_mismatch_error, ocireg::content_error, "",
                 client.blob_put_memory(repository, "x", {{"digest", ocireg::digest_bytes("y")}}));
    CHECK_THROWS(ocireg::io_error, ocireg::error, "", client.blob_put_file(repository, scratch + "/none"));
}

void uploads(const ocireg::client &client)
{
    const std::string bytes = noise(300000, 4);
    ocireg::upload upload = client.upload_start(repository, {{"chunk_size", 100000}});
    upload.write(std::string_view(bytes).substr(0, 150000));
    upload.write(bytes.data() + 150000, bytes.size() - 150000);
    ocireg::upload moved = std::move(upload);
    CHECK_EQUAL(moved.finish(ocireg::digest_bytes(bytes)).digest(), ocireg::digest_bytes(bytes));
    ocireg::upload given_up = client.upload_start(repository);
    given_up.cancel();
    CHECK_THROWS(ocireg::closed_error, ocireg::error, "", given_up.write("x"));

    const std::string more = noise(5000, 5);
    ocireg::upload saved = client.upload_start(repository);
    saved.write(std::string_view(more).substr(0, 1000));
    ocireg::value session = saved.save();
    session = client.upload_session_status(session.text());
    CHECK_EQUAL(session["offset"].integer(), 1000);
    session = client.upload_session_chunk(session.text(), std::string_view(more).substr(1000, 3000));
    CHECK_EQUAL(client.upload_session_finish(session.text(), ocireg::digest_bytes(more), std::string_view(more).substr(4000)).digest(),
                ocireg::digest_bytes(more));
    session = client.upload_session_start(repository);
    client.upload_session_cancel(session.text());
    CHECK_THROWS(ocireg::not_found_error, ocireg::error, "", client.upload_session_status(session.text()));
}

void copies(const ocireg::client &client)
{
    const std::string layout = scratch + "/layout-" + std::to_string(getpid());
    ocireg::context context;
    std::vector<std::string> states;
    context.on_blob_progress(
        [&](std::string_view event) { states.push_back(ocireg::value(std::string(event))["state"].string()); });
    CHECK_EQUAL(client.copy(repository + ":one", "oci:" + layout + ":one", {}, &context).digest(),
                client.manifest_digest(repository + ":one"));
    CHECK(client.layout_check(layout)["ok"].boolean());
    CHECK(client.image_validate("oci:" + layout)["valid"].boolean());
    CHECK_EQUAL(client.endpoint_manifest("oci:" + layout).info.digest(), client.manifest_digest(repository + ":one"));
    CHECK_EQUAL(client.endpoint_list("oci:" + layout)["tags"][0].string(), "one");
    CHECK_EQUAL(client.endpoint_referrers("oci:" + layout)["referrers"].size(), 0u);
    CHECK_EQUAL(client.layout_clean(layout)["removed"].size(), 0u);
    CHECK_EQUAL(context.progress()["operation"].string(), "copy");
    CHECK(!states.empty() && states.front() == "begun" && states.back() == "copied");
    context.on_blob_progress(nullptr);
    std::istringstream source("from a stream");
    ocireg::artifact parts;
    parts.add_memory("bytes", {{"title", "a.txt"}, {"media_type", "text/plain"}}).add_stream(source, {{"title", "b.txt"}});
    parts.add_file(layout + "/oci-layout", {{"title", "marker"}});
    const ocireg::value pushed = client.artifact_push(parts, "oci:" + layout + ":files", {{"artifact_type", "a/b"}});
    CHECK_EQUAL(pushed["layers"].size(), 3u);
    CHECK_EQUAL(client.artifact_attach(parts, "oci:" + layout + ":files")["subject"]["digest"].string(), pushed.digest());
    CHECK_EQUAL(client.sync("oci:" + layout, "oci:" + layout + "-synced", {{"tags", {"files"}}})["tags"]["copied"].integer(), 1);
    CHECK_EQUAL(client.sync_list("oci:" + layout + ":files oci:" + layout + "-synced\n")["tags"]["skipped"].integer(), 1);
    CHECK_EQUAL(client.artifact_pull("oci:" + layout + ":files", layout + "/pulled", {{"titles", {"a.*"}}})["files"].size(), 1u);
    const std::string one = "oci:" + layout + ":one", files = "oci:" + layout + ":files";
    const ocireg::value made = client.index_create("oci:" + layout + ":index", {{"references", {one}}});
    CHECK_EQUAL(made["manifests"].size(), 1u);
    CHECK_EQUAL(client.index_append("oci:" + layout + ":index", {{"references", {one, files}}})["added"].size(), 1u);
    CHECK_EQUAL(client.index_remove("oci:" + layout + ":index", {{"digests", {made["manifests"][0]["digest"].string()}}})["removed"].size(), 1u);
    CHECK_THROWS(ocireg::invalid_argument_error, ocireg::error, "title", parts.add_memory("x", {{"title", "../x"}}));
    CHECK_EQUAL(client.image_files("oci:" + layout + ":one")["bytes"].integer(), 0);
    std::ostringstream archive;
    const std::int64_t size = client.image_export_stream("oci:" + layout + ":one", archive)["size"].integer();
    CHECK_EQUAL(archive.str().size(), static_cast<std::size_t>(size));
    CHECK_EQUAL(client.image_export_file("oci:" + layout + ":one", layout + "/one.tar")["size"].integer(), size);
    std::FILE *again = std::fopen((layout + "/one.fd").c_str(), "wb");
    CHECK_EQUAL(client.image_export_fd("oci:" + layout + ":one", fileno(again))["size"].integer(), size);
    std::fclose(again);
    CHECK_THROWS(ocireg::callback_error, ocireg::error, "callback",
                 client.image_export_stream("oci:" + layout + ":one", [](const void *, std::size_t) { return false; }));
    CHECK_EQUAL(context.warnings().size(), 0u);
}

struct own_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

void callbacks(const ocireg::client &client)
{
    const std::string bytes = noise(4 << 20, 6);
    client.blob_put_memory(repository, bytes);
    ocireg::context context;
    std::uint64_t last = 0;
    std::vector<std::string> events;
    context.on_progress([&](std::uint64_t done, std::uint64_t) { last = done; });
    context.on_log([&](std::string_view event) { events.push_back(ocireg::value(std::string(event))["event"].string()); });
    client.blob_get_memory(blob(bytes), {}, &context);
    CHECK_EQUAL(last, bytes.size());
    CHECK(events.size() >= 2 && events.front() == "request");

    // What a callback throws is rethrown; false is callback_error; afterwards everything works as before.
    context.on_progress([](std::uint64_t, std::uint64_t) { throw own_error("thrown in progress"); });
    CHECK_THROWS(own_error, std::runtime_error, "thrown in progress", client.blob_get_memory(blob(bytes), {}, &context));
    context.on_progress([](std::uint64_t, std::uint64_t) { return false; });
    CHECK_THROWS(ocireg::callback_error, ocireg::error, "", client.blob_get_memory(blob(bytes), {}, &context));
    context.on_progress(nullptr);
    context.on_log([](std::string_view) { throw own_error("thrown in log"); });
    CHECK_THROWS(own_error, std::runtime_error, "thrown in log", client.blob_head(blob(bytes), {}, &context));
    context.on_log(nullptr);
    CHECK(client.blob_head(blob(bytes), {}, &context)["exists"].boolean());
    CHECK_THROWS(own_error, std::runtime_error, "thrown in source",
                 client.blob_put_stream(repository, [](void *, std::size_t) -> std::size_t { throw own_error("thrown in source"); }));

    // A callback that makes calls itself: it catches the failure of one, and lets another escape.
    context.on_progress([&](std::uint64_t, std::uint64_t) {
        CHECK_THROWS(ocireg::not_found_error, ocireg::error, "", client.manifest_get(repository + ":none"));
        ocireg::context inner;
        inner.on_log([](std::string_view) { throw own_error("inner"); });
        CHECK_THROWS(own_error, std::runtime_error, "inner", client.blob_head(blob(bytes), {}, &inner));
        throw own_error("outer");
    });
    CHECK_THROWS(own_error, std::runtime_error, "outer", client.blob_get_memory(blob(bytes), {}, &context));

    // A reader keeps the callbacks of a destroyed context.
    std::size_t calls = 0;
    ocireg::blob_stream stream = [&] {
        ocireg::context gone;
        gone.on_progress([&calls](std::uint64_t, std::uint64_t) { calls++; });
        return ocireg::blob_stream(client.blob_open(blob(bytes), {}, &gone));
    }();
    CHECK_EQUAL(std::string(std::istreambuf_iterator<char>(stream), {}).size(), bytes.size());
    CHECK(calls > 0);
}

void credentials()
{
    const std::string guarded = environment("OCIREG_TEST_HTPASSWD");
    ocireg::client client;
    ocireg::context context;
    std::string asked;
    context.on_credentials([&](std::string_view host) {
        asked = std::string(host);
        return ocireg::credentials::basic("alice", "s3cret:with colon");
    });
    CHECK_EQUAL(client.registry_catalog(guarded, {}, &context)["last"].is_null(), true);
    CHECK_EQUAL(asked, guarded);
    ocireg::client other({{"retries", 0}});
    other.set_host(guarded, {{"username", "alice"}, {"password", "wrong"}});
    CHECK_THROWS(ocireg::unauthenticated_error, ocireg::access_error, "", other.registry_catalog(guarded));
    ocireg::client third;
    const auto explained = [&](ocireg::credentials answer) {
        context.on_credentials([answer = std::move(answer)](std::string_view) { return answer; });
        return ocireg::client().explain("h.example/a", {}, &context)["credentials"];
    };
    CHECK_EQUAL(explained(ocireg::credentials::identity("t", "alice"))["kind"].string(), "identity_token");
    CHECK_EQUAL(explained(ocireg::credentials::identity("t", "alice"))["username"].string(), "alice");
    CHECK_EQUAL(explained(ocireg::credentials::identity("t"))["kind"].string(), "identity_token");
    CHECK_EQUAL(explained(ocireg::credentials::bearer("t"))["kind"].string(), "token");
    CHECK_EQUAL(explained({})["kind"].string(), "none");
    context.on_credentials([](std::string_view) -> ocireg::credentials { throw own_error("no keyring"); });
    CHECK_THROWS(own_error, std::runtime_error, "no keyring", third.registry_catalog(guarded, {}, &context));
    context.on_credentials(nullptr);
    CHECK_THROWS(ocireg::unauthenticated_error, ocireg::error, "", ocireg::client().registry_catalog(guarded, {}, &context));
}

void signatures()
{
    const std::string key = ocireg::schema1_key();
    CHECK(ocireg::schema1_key_info(key).size() > 0);
    const std::string plain = R"({"schemaVersion":1,"name":"a/b","tag":"t","architecture":"amd64",)"
                              R"("fsLayers":[{"blobSum":")" + ocireg::digest_bytes("layer") +
                              R"("}],"history":[{"v1Compatibility":"{\"id\":\")" + ocireg::digest_bytes("image").substr(7) + R"(\"}"}]})";
    const ocireg::buffer made = ocireg::schema1_sign(plain, key);
    CHECK(ocireg::schema1_verify(made.view()).is_object());
    CHECK_EQUAL(ocireg::schema1_payload(made.view()).view(), plain);
    std::string wrong(made.view());
    wrong.replace(wrong.find("\"t\""), 3, "\"u\"");
    CHECK_THROWS(ocireg::signature_error, ocireg::content_error, "", ocireg::schema1_verify(wrong));
}

// Protocol v1, with a client configured for it, and the credential stores.
void old_protocol(const ocireg::client &client)
{
    const std::string old = environment("OCIREG_TEST_V1"), name = old + "/cpp/test-" + std::to_string(getpid());
    CHECK(client.registry_detect(registry).is_object() && client.v1_ping(old).is_object());
    const std::string id = ocireg::digest_bytes(name).substr(7);
    const std::string image = R"({"id":")" + id + R"(","created":"2026-01-01T00:00:00Z","architecture":"amd64","os":"linux"})";
    const std::string layer = noise(10000, 8), path = scratch + "/layer-" + std::to_string(getpid());
    client.v1_put_image(name, image);
    const ocireg::value put = client.v1_put_layer(name, image, layer);
    CHECK(put.is_object());
    CHECK(client.v1_put_tag(name + ":one", id)["status"].integer() == 200);
    CHECK_EQUAL(client.v1_image(name, id).info["id"].string(), id);
    CHECK_EQUAL(client.v1_image(name, id).bytes.view(), image);
    CHECK(client.v1_tags(name).text().find(id) != std::string_view::npos);
    CHECK(client.v1_tag(name + ":one").text().find(id) != std::string_view::npos);
    CHECK(client.v1_ancestry(name, id).text().find(id) != std::string_view::npos);
    CHECK_EQUAL(client.v1_layer_memory(name, id).bytes.view(), layer);
    CHECK_EQUAL(client.v1_layer_file(name, id, path)["path"].string(), path);
    std::FILE *target = std::fopen((path + ".fd").c_str(), "wb");
    client.v1_layer_fd(name, id, fileno(target));
    std::fclose(target);
    ocireg::blob_stream stream(client.v1_layer_open(name, id));
    CHECK_EQUAL(std::string(std::istreambuf_iterator<char>(stream), {}), layer);
    const ocireg::value copied = client.copy("docker-v1://" + name + ":one", "oci:" + path + ".oci");
    const ocireg::value pushed = client.v1_push("oci:" + path + ".oci", name + ":two");
    CHECK_EQUAL(pushed["digest"].string(), copied["digest"].string());
    client.v1_delete_tag(name + ":one");
    CHECK_THROWS(ocireg::not_found_error, ocireg::error, "", client.v1_tag(name + ":one"));
    CHECK(client.explain(repository + ":one")["network"].is_object());
    CHECK_EQUAL(client.token(repository)["auth"].string(), "none");
    CHECK_EQUAL(client.manifest_locate(repository + ":one")["repository"].string(), repository);
    CHECK_EQUAL(client.manifest_locate(repository + ":one")["locations"][0]["redirected"].boolean(), false);
    CHECK_THROWS(ocireg::not_found_error, ocireg::error, "", client.blob_locate(repository + "@sha256:" + std::string(64, '0')));
}

void ends(const ocireg::client &client)
{
    ocireg::context gone, later;
    ocireg::context taken = std::move(gone);
    taken.cancel();
    CHECK_THROWS(ocireg::cancelled_error, ocireg::error, "", client.registry_ping(registry, {}, &taken));
    CHECK_THROWS(ocireg::invalid_argument_error, ocireg::usage_error, "moved from", client.registry_ping(registry, {}, &gone)); // NOLINT: on purpose
    CHECK_THROWS(ocireg::invalid_argument_error, ocireg::usage_error, "moved from", client.each_tag(repository, {}, &gone));
    CHECK_THROWS(ocireg::invalid_argument_error, ocireg::usage_error, "moved from", gone.on_progress([](auto, auto) {}));
    CHECK_THROWS(ocireg::invalid_argument_error, ocireg::usage_error, "moved from", gone.on_blob_progress([](auto) {}));
    CHECK_THROWS(ocireg::invalid_argument_error, ocireg::usage_error, "moved from", gone.on_log([](auto) {}));
    CHECK_THROWS(ocireg::invalid_argument_error, ocireg::usage_error, "moved from", gone.on_credentials([](auto) { return ocireg::credentials(); }));
    CHECK_THROWS(ocireg::invalid_argument_error, ocireg::usage_error, "context", gone.on_progress(nullptr));
    CHECK_THROWS(ocireg::invalid_argument_error, ocireg::usage_error, "context", gone.cancel());
    CHECK_THROWS(ocireg::invalid_argument_error, ocireg::usage_error, "moved from", ocireg::cancel_on_signal{gone});
    gone.cancel_from_signal();
    gone = ocireg::context();
    gone.on_progress([](auto, auto) {});
    later.set_deadline(std::chrono::hours::max());
    later.set_deadline(std::chrono::duration<double>(1e300));
    CHECK(client.registry_ping(registry, {}, &later).exists());
    ocireg::context cancelled;
    cancelled.cancel();
    CHECK_THROWS(ocireg::cancelled_error, ocireg::error, "", client.registry_ping(registry, {}, &cancelled));
    ocireg::context interrupted;
    interrupted.cancel_from_signal();
    CHECK_THROWS(ocireg::cancelled_error, ocireg::error, "", client.registry_ping(registry, {}, &interrupted));
    ocireg::context late;
    late.set_deadline(1us);
    std::this_thread::sleep_for(5ms);
    CHECK_THROWS(ocireg::timeout_error, ocireg::transport_error, "", client.registry_ping(registry, {}, &late));
    late.clear_deadline();
    CHECK_EQUAL(client.registry_ping(registry, {}, &late)["status"].integer(), 200);
    CHECK_THROWS(ocireg::connect_error, ocireg::transport_error, "", ocireg::client({{"retries", 0}}).registry_ping("127.0.0.1:1"));
    ocireg::client closed;
    closed.close();
    CHECK_THROWS(ocireg::closed_error, ocireg::usage_error, "", closed.registry_ping(registry));
    ocireg::client here, moved = std::move(here);
    CHECK_THROWS(ocireg::invalid_argument_error, ocireg::error, "client", here.registry_ping(registry)); // NOLINT: on purpose
    CHECK_EQUAL(moved.registry_ping(registry)["status"].integer(), 200);
    ocireg::names list = client.each_tag(repository), same = std::move(list);
    CHECK_THROWS(ocireg::invalid_argument_error, ocireg::usage_error, "moved from", list.begin()); // NOLINT: on purpose
    try {
        closed.registry_ping(registry);
    } catch (ocireg::error &caught) {
        const ocireg::error kept = std::move(caught);
        CHECK(caught.hint() == kept.hint() && caught.details()["name"].string() == "CLOSED"); // NOLINT: on purpose
    }
}

void threads(const ocireg::client &client)
{
    const std::string bytes = noise(1 << 20, 7);
    client.blob_put_memory(repository, bytes);
    ocireg::context shared;
    std::atomic<int> thrown{0}, whole{0};
    const auto caller = std::this_thread::get_id();
    shared.on_log([caller](std::string_view) {
        if (std::this_thread::get_id() != caller)
            throw own_error("mine");
    });
    std::vector<std::thread> all;
    for (int i = 0; i < 8; i++)
        all.emplace_back([&] {
            try {
                client.blob_get_memory(blob(bytes), {}, &shared);
            } catch (const own_error &) {
                thrown++;
            }
        });
    for (int i = 0; i < 4; i++)
        whole += client.blob_get_memory(blob(bytes), {}, &shared).bytes.size() == bytes.size();
    for (std::thread &thread : all)
        thread.join();
    CHECK(thrown == 8 && whole == 4);
}

void (*handler_of(int number))(int)
{
    struct sigaction action = {};
    CHECK(sigaction(number, nullptr, &action) == 0);
    return action.sa_handler;
}

// A guard cancels its context by its signal, and leaves behind what there was before.
void interrupts(const ocireg::client &client)
{
    const auto other = [](int) {};
    std::signal(SIGTERM, other);
    ocireg::context outer, with, left;
    {
        ocireg::cancel_on_signal first(outer), second(with), third(left, SIGTERM);
        with.on_progress([](std::uint64_t, std::uint64_t) { raise(SIGINT); });
        CHECK_THROWS(ocireg::cancelled_error, ocireg::error, "", client.blob_put_memory(repository, noise(3 << 20, 11), {}, &with));
        CHECK_THROWS(ocireg::cancelled_error, ocireg::error, "", client.registry_ping(registry, {}, &outer));
        CHECK(client.registry_ping(registry, {}, &left).is_object());
        CHECK(handler_of(SIGINT) == SIG_DFL && handler_of(SIGTERM) != other); /* the next one ends the program */
        CHECK_THROWS(ocireg::invalid_argument_error, ocireg::error, "signal 9 cannot", ocireg::cancel_on_signal(with, SIGKILL));
        CHECK_THROWS(ocireg::invalid_argument_error, ocireg::error, "signal 4711 cannot", ocireg::cancel_on_signal(with, 4711));
    }
    CHECK(handler_of(SIGINT) == SIG_DFL && handler_of(SIGTERM) == other);
    std::signal(SIGTERM, SIG_DFL);
    std::signal(SIGINT, SIG_IGN);
    {
        ocireg::cancel_on_signal ignored(left);
        raise(SIGINT);
    }
    CHECK(handler_of(SIGINT) == SIG_IGN && client.registry_ping(registry, {}, &left).is_object());
    std::signal(SIGINT, SIG_DFL);

    // From another thread, while guards come and go.
    std::atomic<bool> done{false};
    ocireg::context long_lived;
    ocireg::cancel_on_signal lasting(long_lived, SIGUSR1);
    std::thread sender([&] {
        do {
            struct sigaction now = {};
            sigaction(SIGUSR1, nullptr, &now);
            if (now.sa_handler != SIG_DFL)
                now.sa_handler(SIGUSR1); /* as the kernel does on this thread; a signal after the first would end the program */
        } while (!done); /* once at least, however late this thread is */
    });
    for (int i = 0; i < 2000; i++) {
        ocireg::context brief;
        const ocireg::cancel_on_signal guard(brief, SIGUSR1);
    }
    done = true;
    sender.join();
    CHECK_THROWS(ocireg::cancelled_error, ocireg::error, "", client.registry_ping(registry, {}, &long_lived));
}

// Events of several jobs, and what their calls give.
/* Functions and streams for bytes, in a job: on a thread of the library's, kept until the end of the call. */
void bytes_of_jobs(const ocireg::client &client)
{
    const auto ended = [&] {
        while (const auto event = client.wait_event(20000))
            if (event.kind == OCIREG_EVENT_DONE)
                return true;
        return false;
    };
    const std::string bytes = noise(700000, 12);
    std::istringstream source(bytes);
    ocireg::job moving(client);
    client.blob_put_stream(repository, source, {}, &moving.context());
    CHECK(ended());
    CHECK_EQUAL(moving.result().digest(), ocireg::digest_bytes(bytes));
    client.manifest_put(repository + ":exported", image_of(client, "exported"));
    const auto by_sink = [&](auto &&sink) { return client.image_export_stream(repository + ":exported", sink, {}, &moving.context()); };
    std::ostringstream sink, straight;
    by_sink(sink);
    CHECK(ended());
    client.image_export_stream(repository + ":exported", straight);
    CHECK(moving.result()["size"].integer() > 0);
    CHECK_EQUAL(sink.str(), straight.str());
    by_sink([](const void *, std::size_t) -> bool { throw std::runtime_error("nobody is told"); });
    CHECK(ended());
    CHECK_THROWS(ocireg::callback_error, ocireg::error, "write callback", moving.check());
    /* The destructor waits until the function is called no more. */
    std::atomic<bool> called(false);
    int there = 0;
    {
        ocireg::job left(client);
        const auto endless = [&](void *to, std::size_t size) {
            std::memset(to, ++there, size);
            called = true;
            return size;
        };
        client.blob_put_stream(repository, endless, {}, &left.context());
        while (!called) std::this_thread::yield();
    }
    const int then = there;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    CHECK(there == then);
}

void jobs(const ocireg::client &client)
{
    const auto next = [](const ocireg::client &of) {
        const auto event = of.wait_event(20000);
        CHECK(event);
        return event;
    };
    CHECK(!client.next_event() && !client.wait_event(0) && !client.wait_event(30));
    const std::string bytes = noise(3 << 20, 9);
    client.blob_put_memory(repository, bytes);
    ocireg::job one(client, {{"progress", true}});
    CHECK_THROWS(ocireg::busy_error, ocireg::error, "", one.check());
    CHECK_THROWS(ocireg::invalid_reference_error, ocireg::error, "", client.manifest_head("UPPER", {}, &one.context()));
    CHECK_THROWS(ocireg::invalid_argument_error, ocireg::error, "a job begins", client.each_tag(repository, {}, &one.context()));
    const std::string reference = blob(bytes);
    const ocireg::document nothing = client.blob_get_memory(reference, {}, &one.context());
    CHECK(!nothing.info.exists() && nothing.bytes.view().empty());
    CHECK_THROWS(ocireg::busy_error, ocireg::error, "", client.registry_ping(registry, {}, &one.context()));
    ocireg::client::event event;
    while ((event = next(client)).kind == OCIREG_EVENT_PROGRESS)
        CHECK(one.progress().first <= bytes.size());
    CHECK(event.kind == OCIREG_EVENT_DONE && event.job == &one);
    CHECK(one.bytes() == bytes && one.result()["size"].integer() == 3 << 20 && one.progress().first == bytes.size());
    client.manifest_digest(repository + ":job", {}, &one.context());
    while (next(client).kind != OCIREG_EVENT_DONE) {}
    CHECK_THROWS(ocireg::not_found_error, ocireg::error, "", one.result());
    CHECK_THROWS(ocireg::not_found_error, ocireg::error, "", one.text());
    client.manifest_put(repository + ":digest", image_of(client, "job"));
    client.manifest_digest(repository + ":digest", {}, &one.context());
    while (next(client).kind != OCIREG_EVENT_DONE) {}
    CHECK_EQUAL(one.text(), client.manifest_digest(repository + ":digest"));
    CHECK_THROWS(ocireg::value_error, std::runtime_error, "text()", one.result());
    client.manifest_head(repository + ":digest", {}, &one.context());
    while (next(client).kind != OCIREG_EVENT_DONE) {}
    CHECK_EQUAL(ocireg::value(one.text()).digest(), one.result().digest());
    client.blob_open(reference, {}, &one.context());
    while (next(client).kind != OCIREG_EVENT_DONE) {}
    {
        const auto reader = one.take_reader();
        CHECK(reader != nullptr && one.take_reader() == nullptr);
        std::size_t count = 0;
        one.begin([&](ocireg_context *, ocireg_error **error) {
            return ocireg_blob_reader_read(reader.get(), nullptr, 100, &count, error);
        });
        while (next(client).kind != OCIREG_EVENT_DONE) {}
        CHECK(one.bytes() == std::string_view(bytes).substr(0, 100));
    }
    client.upload_start(repository, {}, &one.context());
    while (next(client).kind != OCIREG_EVENT_DONE) {}
    CHECK(one.take_upload() != nullptr);

    const std::string guarded = environment("OCIREG_TEST_HTPASSWD");
    ocireg::client other;
    {
        ocireg::job asking(other, {{"credentials", true}}), cancelled(other);
        const auto list = [&](const ocireg::credentials &answer) {
            other.registry_catalog(guarded, {}, &asking.context());
            event = next(other);
            CHECK(event.kind == OCIREG_EVENT_CREDENTIALS && event.job == &asking && asking.event_text() == guarded);
            asking.answer(answer);
            CHECK(next(other).kind == OCIREG_EVENT_DONE);
        };
        list(ocireg::credentials::basic("alice", "wrong"));
        CHECK_THROWS(ocireg::unauthenticated_error, ocireg::error, "", asking.result());
        list(ocireg::credentials::basic("alice", "s3cret:with colon"));
        CHECK(asking.result().is_object());
        cancelled.cancel();
        other.registry_catalog(guarded, {}, &cancelled.context());
        CHECK(next(other).job == &cancelled);
        CHECK_THROWS(ocireg::cancelled_error, ocireg::error, "", cancelled.result());
    }
    other.quiesce();
    CHECK(other.registry_ping(registry).is_object());
}

} // namespace

int main()
{
    const ocireg::client client;
    values();
    names_and_options();
    manifests(client);
    lists(client);
    pages_by_token();
    blobs_are_read(client);
    blob_streams(client);
    blobs_are_put(client);
    uploads(client);
    copies(client);
    callbacks(client);
    credentials();
    signatures();
    old_protocol(client);
    ends(client);
    threads(client);
    interrupts(client);
    bytes_of_jobs(client);
    jobs(client);
    std::printf("%d failures\n", failures);
    return failures == 0 ? 0 : 1;
}
