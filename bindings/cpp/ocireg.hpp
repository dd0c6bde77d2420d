/*
 * ocireg for C++17 and newer: one header over ocireg.h, which is the reference of every call's options, result and errors.
 * A method has the name of the C function without the prefix and the handle's noun: ocireg_manifest_get is client::manifest_get.
 *
 *  - Objects own their handles and can be moved; they may be destroyed in any order.
 *  - Failures are exceptions under ocireg::error, one class for each code, in groups (see "Errors").
 *  - Results are an ocireg::value: the JSON text (text()), and a small reader for its members.
 *  - Strings go in as text_view, which every string is; one with a NUL in it is an invalid_argument_error.
 *  - Callbacks are std::function. What they throw stops the call, which rethrows it unchanged.
 *  - A client and a context may be used by any number of threads at once; other objects by one thread at a time.
 *
 *     ocireg::client client;
 *     for (const auto &tag : client.each_tag("quay.io/prometheus/busybox"))
 *         std::cout << tag << '\n';
 */
#ifndef OCIREG_HPP
#define OCIREG_HPP

#include <ocireg.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <istream>
#include <iterator>
#include <limits>
#include <memory>
#include <mutex>
#include <ostream>
#include <poll.h>
#include <set>
#include <signal.h>
#include <stdexcept>
#include <streambuf>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace ocireg {

/* ---------------------------------------------------------------------------------------------- Constants */

/* The defaults for names without a registry or tag. */
inline constexpr std::string_view default_index = OCIREG_DEFAULT_INDEX, default_tag = OCIREG_DEFAULT_TAG;

/* The media types of manifests, configs and layers. */
namespace media_type {
inline constexpr std::string_view oci_manifest = OCIREG_MEDIA_TYPE_OCI_MANIFEST;
inline constexpr std::string_view oci_index = OCIREG_MEDIA_TYPE_OCI_INDEX;
inline constexpr std::string_view oci_config = OCIREG_MEDIA_TYPE_OCI_CONFIG;
inline constexpr std::string_view oci_layer = OCIREG_MEDIA_TYPE_OCI_LAYER;
inline constexpr std::string_view oci_layer_gzip = OCIREG_MEDIA_TYPE_OCI_LAYER_GZIP;
inline constexpr std::string_view oci_layer_zstd = OCIREG_MEDIA_TYPE_OCI_LAYER_ZSTD;
inline constexpr std::string_view oci_empty = OCIREG_MEDIA_TYPE_OCI_EMPTY;
inline constexpr std::string_view oci_artifact = OCIREG_MEDIA_TYPE_OCI_ARTIFACT;
inline constexpr std::string_view docker_manifest = OCIREG_MEDIA_TYPE_DOCKER_MANIFEST;
inline constexpr std::string_view docker_list = OCIREG_MEDIA_TYPE_DOCKER_LIST;
inline constexpr std::string_view docker_config = OCIREG_MEDIA_TYPE_DOCKER_CONFIG;
inline constexpr std::string_view docker_layer = OCIREG_MEDIA_TYPE_DOCKER_LAYER;
inline constexpr std::string_view docker_layer_plain = OCIREG_MEDIA_TYPE_DOCKER_LAYER_PLAIN;
inline constexpr std::string_view docker_layer_zstd = OCIREG_MEDIA_TYPE_DOCKER_LAYER_ZSTD;
inline constexpr std::string_view docker_foreign_layer = OCIREG_MEDIA_TYPE_DOCKER_FOREIGN_LAYER;
inline constexpr std::string_view schema1_signed = OCIREG_MEDIA_TYPE_SCHEMA1_SIGNED;
inline constexpr std::string_view schema1 = OCIREG_MEDIA_TYPE_SCHEMA1;
} // namespace media_type

/* ------------------------------------------------------------------------------------------------ Results */

/* A member is missing or has another type than requested. */
class value_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/* An OCI descriptor: the three members that every descriptor has. */
struct descriptor {
    std::string media_type, digest;
    std::int64_t size = 0;
};

/* A JSON value, and the document that it is part of, read by ocireg_json_parse and its family. Cheap to copy; const, so any threads may
 * read one at once. A member that does not exist gives a value that exists() denies, so that members of members can be asked for without
 * checks between; the error of reading it names the member. */
class value {
public:
    class iterator;

    value() = default;
    /* Parses a document. An empty text gives a value that does not exist; value_error for what is not JSON. */
    explicit value(std::string_view text);

    /* The JSON, written anew: for the exact bytes of a manifest see document::bytes. Empty for a value that does not exist. */
    std::string text() const;

    bool exists() const noexcept { return get() != nullptr; }
    bool is_null() const noexcept { return kind() == OCIREG_JSON_NULL; }
    bool is_string() const noexcept { return kind() == OCIREG_JSON_STRING; }
    bool is_object() const noexcept { return kind() == OCIREG_JSON_OBJECT; }
    bool is_array() const noexcept { return kind() == OCIREG_JSON_LIST; }
    bool is_boolean() const noexcept { return kind() == OCIREG_JSON_BOOLEAN; }
    bool is_number() const noexcept { return kind() == OCIREG_JSON_NUMBER; }
    bool is_integer() const noexcept
    {
        return is_number() && ocireg_json_integer(get(), nullptr, 0) == ocireg_json_integer(get(), nullptr, 1);
    }

    /* What an RFC 6901 pointer leads to, such as "/layers/0/digest". Names with a NUL in them are not found. */
    value at(const std::string &pointer) const
    {
        return inside(pointer.find('\0') == std::string::npos ? ocireg_json_at(get(), pointer.c_str()) : nullptr, pointer);
    }

    /* Of a manifest, or of a result that holds one: the descriptor of the layer of this media type (any when it is empty), the first or
     * the one at a position among them. */
    value layer(const std::string &media_type = {}, std::size_t position = 0) const
    {
        return inside(ocireg_manifest_layer(get(), media_type.empty() ? nullptr : media_type.c_str(), position),
                      "/layers/" + std::to_string(position) + (media_type.empty() ? "" : " (of " + media_type + ')'));
    }

    /* A member of an object; an element of an array. */
    value operator[](std::string_view name) const;
    value operator[](const char *name) const { return (*this)[std::string_view(name)]; }
    template <class Index, std::enable_if_t<std::is_integral_v<Index>, int> = 0> value operator[](Index index) const
    {
        return inside(is_array() && index >= Index(0) ? ocireg_json_item(get(), nullptr, static_cast<std::size_t>(index)) : nullptr,
                      '/' + std::to_string(index));
    }

    /* The number of elements or members; 0 for anything else. */
    std::size_t size() const noexcept { return ocireg_json_size(get(), nullptr); }
    bool empty() const noexcept { return size() == 0; }

    /* Over the elements of an array, or the members of an object (see iterator::name). Nothing for anything else. */
    iterator begin() const;
    iterator end() const;

    std::string string() const
    {
        std::size_t size = 0;
        const char *text = ocireg_json_string(get(), nullptr, &size);
        return text != nullptr ? std::string(text, size) : throw wrong("a string");
    }
    /* The text of a string without a copy, good as long as a value of the document lives; nullptr for anything else, and for a text with a
     * NUL inside. */
    const char *c_str() const noexcept { return ocireg_json_text(get(), nullptr); }
    std::int64_t integer() const { return is_integer() ? ocireg_json_integer(get(), nullptr, 0) : throw wrong("an integer"); }
    double number() const { return is_number() ? ocireg_json_number(get(), nullptr, 0) : throw wrong("a number"); }
    bool boolean() const { return is_boolean() ? ocireg_json_boolean(get(), nullptr, false) : throw wrong("a boolean"); }
    std::vector<std::string> strings() const;

    /* The same, with something else for null and what does not exist. */
    std::string string_or(std::string other) const { return is_null() || !exists() ? std::move(other) : string(); }
    std::int64_t integer_or(std::int64_t other) const { return is_null() || !exists() ? other : integer(); }
    double number_or(double other) const { return is_null() || !exists() ? other : number(); }
    bool boolean_or(bool other) const { return is_null() || !exists() ? other : boolean(); }

    /* The members that most results have. */
    std::string digest() const { return (*this)["digest"].string(); }
    ocireg::descriptor descriptor() const
    {
        return {(*this)["mediaType"].string(), digest(), (*this)["size"].integer()};
    }

private:
    explicit value(std::shared_ptr<const ocireg_json> at) : at_(std::move(at)) {}

    const ocireg_json *get() const noexcept { return at_.get(); }
    std::int32_t kind() const noexcept { return ocireg_json_kind(get(), nullptr); }
    /* A name as a pointer writes it. */
    static std::string step(std::string_view name);
    /* What is there, which was asked for by this pointer. */
    value inside(const ocireg_json *at, const std::string &pointer) const
    {
        value found(std::shared_ptr<const ocireg_json>(at_, at));
        found.pointer_ = pointer_ + pointer;
        return found;
    }
    value_error wrong(const char *wanted) const
    {
        const std::string name = pointer_.empty() ? "" : ' ' + pointer_.substr(0, 200);
        return value_error((exists() ? text().substr(0, 60) : "the missing member" + name) + " is not " + wanted);
    }

    std::shared_ptr<const ocireg_json> at_; /* keeps the whole document */
    std::string pointer_;                   /* by which it was asked for */
};

/* An input iterator: a value at a time; name() is the member's name in an object, and empty in an array. */
class value::iterator {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = value;
    using difference_type = std::ptrdiff_t;
    using pointer = const value *;
    using reference = const value &;

    iterator() = default;
    reference operator*() const noexcept { return current_; }
    pointer operator->() const noexcept { return &current_; }
    std::string name() const
    {
        const char *name = ocireg_json_key(parent_.get(), nullptr, position_);
        return name == nullptr ? std::string() : std::string(name);
    }
    iterator &operator++()
    {
        ++position_;
        current_ = here();
        return *this;
    }
    iterator operator++(int)
    {
        iterator before = *this;
        ++*this;
        return before;
    }
    friend bool operator==(const iterator &a, const iterator &b) noexcept { return a.same(b); }
    friend bool operator!=(const iterator &a, const iterator &b) noexcept { return !(a == b); }

private:
    friend class value;
    bool same(const iterator &other) const noexcept { return current_.get() == other.current_.get(); }
    explicit iterator(const value &parent) : parent_(parent), current_(here()) {}
    value here() const
    {
        return parent_.inside(ocireg_json_item(parent_.get(), nullptr, position_),
                              parent_.is_array() ? '/' + std::to_string(position_) : step(name()));
    }

    value parent_;
    std::size_t position_ = 0;
    value current_;
};

inline value::value(std::string_view text)
{
    if (text.empty())
        return;
    ocireg_json *parsed = nullptr;
    ocireg_error *error = nullptr;
    if (ocireg_json_parse_bytes(reinterpret_cast<const std::uint8_t *>(text.data()), text.size(), &parsed, &error) != OCIREG_OK) {
        const std::string why = error == nullptr ? "out of memory" : ocireg_error_message(error);
        ocireg_error_free(error);
        throw value_error(why);
    }
    at_ = std::shared_ptr<const ocireg_json>(parsed, [](const ocireg_json *json) { ocireg_json_free(const_cast<ocireg_json *>(json)); });
}

inline std::string value::text() const
{
    char *text = nullptr;
    if (ocireg_json_dump(get(), nullptr, &text, nullptr) != OCIREG_OK)
        return {};
    const std::unique_ptr<char, void (*)(char *)> owned(text, ocireg_string_free);
    return text;
}

inline value::iterator value::begin() const { return iterator(*this); }
inline value::iterator value::end() const { return {}; }

inline std::string value::step(std::string_view name)
{
    std::string pointer = "/";
    for (const char c : name) {
        if (c == '~')
            pointer += "~0";
        else if (c == '/')
            pointer += "~1";
        else
            pointer += c;
    }
    return pointer;
}

inline value value::operator[](std::string_view name) const
{
    const std::string pointer = step(name);
    return is_object() ? at(pointer) : inside(nullptr, pointer);
}

inline std::vector<std::string> value::strings() const
{
    std::vector<std::string> all;
    if (!is_array())
        throw wrong("an array of strings");
    for (const value &element : *this)
        all.push_back(element.string());
    return all;
}

/* ------------------------------------------------------------------------------------------------- Errors */

namespace detail {

struct failure {
    ocireg_status code = OCIREG_INTERNAL;
    const char *name = "INTERNAL";
    std::int32_t http_status = 0;
    std::int32_t error_number = 0;
    std::string message, hint, json;
};

} // namespace detail

/*
 * error
 *   usage_error       invalid_argument_error, invalid_reference_error, closed_error, busy_error, forked_error
 *   access_error      unauthenticated_error, forbidden_error
 *   registry_error    not_found_error, unsupported_error, rate_limited_error, server_error, http_error, protocol_error
 *   transport_error   connect_error, resolve_error, tls_error, network_error, timeout_error, redirect_error
 *   content_error     digest_mismatch_error, size_mismatch_error, limit_exceeded_error, invalid_manifest_error,
 *                     signature_error, missing_blob_error
 *   cancelled_error, io_error, callback_error, internal_error
 *
 * A code unknown to this header (of a newer library) is a plain error.
 */
class error : public std::runtime_error {
public:
    explicit error(const detail::failure &failure)
        : std::runtime_error(failure.message), code_(failure.code), name_(failure.name), http_status_(failure.http_status),
          error_number_(failure.error_number), hint_(std::make_shared<const std::string>(failure.hint)),
          json_(std::make_shared<const std::string>(failure.json))
    {
    }

    /* Copied, also when it is moved: one that was moved from keeps what it says. */
    error(const error &) = default;
    error &operator=(const error &) = default;

    ocireg_status code() const noexcept { return code_; }
    /* "NOT_FOUND" */
    const char *name() const noexcept { return name_; }
    /* The status of the response that made the call fail; 0 when there was none. */
    std::int32_t http_status() const noexcept { return http_status_; }
    /* Everything that is known, as in ocireg_error_json. */
    value details() const { return value(*json_); }
    /* The errno of a failed file or descriptor operation, such as EPIPE; 0 when there is none. */
    int error_number() const noexcept { return static_cast<int>(error_number_); }
    /* A hint what to do; may be empty. */
    std::string hint() const { return *hint_; }
    /* The name that was not to be set (if_exists, if_digest), and what it refers to now: /name, /digest; null for other errors. */
    value conflict() const { return details()["conflict"]; }
    /* Whether the same call may succeed later. */
    bool retryable() const { return details()["retryable"].boolean_or(false); }

private:
    ocireg_status code_;
    const char *name_;
    std::int32_t http_status_;
    std::int32_t error_number_;
    std::shared_ptr<const std::string> hint_, json_; /* shared: copying an exception must not throw */
};

#define OCIREG_HPP_ERROR(NAME, BASE)                                                                                           \
    class NAME : public BASE {                                                                                                 \
    public:                                                                                                                    \
        using BASE::BASE;                                                                                                      \
    };
OCIREG_HPP_ERROR(usage_error, error)
OCIREG_HPP_ERROR(access_error, error)
OCIREG_HPP_ERROR(registry_error, error)
OCIREG_HPP_ERROR(transport_error, error)
OCIREG_HPP_ERROR(content_error, error)
OCIREG_HPP_ERROR(invalid_argument_error, usage_error)
OCIREG_HPP_ERROR(invalid_reference_error, usage_error)
OCIREG_HPP_ERROR(closed_error, usage_error)
OCIREG_HPP_ERROR(busy_error, usage_error)
OCIREG_HPP_ERROR(forked_error, usage_error)
OCIREG_HPP_ERROR(unauthenticated_error, access_error)
OCIREG_HPP_ERROR(forbidden_error, access_error)
OCIREG_HPP_ERROR(not_found_error, registry_error)
OCIREG_HPP_ERROR(unsupported_error, registry_error)
OCIREG_HPP_ERROR(rate_limited_error, registry_error)
OCIREG_HPP_ERROR(server_error, registry_error)
OCIREG_HPP_ERROR(http_error, registry_error)
OCIREG_HPP_ERROR(protocol_error, registry_error)
OCIREG_HPP_ERROR(connect_error, transport_error)
OCIREG_HPP_ERROR(resolve_error, transport_error)
OCIREG_HPP_ERROR(tls_error, transport_error)
OCIREG_HPP_ERROR(network_error, transport_error)
OCIREG_HPP_ERROR(timeout_error, transport_error)
OCIREG_HPP_ERROR(redirect_error, transport_error)
OCIREG_HPP_ERROR(digest_mismatch_error, content_error)
OCIREG_HPP_ERROR(size_mismatch_error, content_error)
OCIREG_HPP_ERROR(limit_exceeded_error, content_error)
OCIREG_HPP_ERROR(invalid_manifest_error, content_error)
OCIREG_HPP_ERROR(signature_error, content_error)
OCIREG_HPP_ERROR(missing_blob_error, content_error)
OCIREG_HPP_ERROR(cancelled_error, error)
OCIREG_HPP_ERROR(io_error, error)
OCIREG_HPP_ERROR(callback_error, error)
OCIREG_HPP_ERROR(internal_error, error)
#undef OCIREG_HPP_ERROR

namespace detail {

[[noreturn]] inline void raise(const failure &failure)
{
    switch (failure.code) {
    case OCIREG_INVALID_ARGUMENT: throw invalid_argument_error(failure);
    case OCIREG_INVALID_REFERENCE: throw invalid_reference_error(failure);
    case OCIREG_UNAUTHENTICATED: throw unauthenticated_error(failure);
    case OCIREG_FORBIDDEN: throw forbidden_error(failure);
    case OCIREG_NOT_FOUND: throw not_found_error(failure);
    case OCIREG_UNSUPPORTED: throw unsupported_error(failure);
    case OCIREG_RATE_LIMITED: throw rate_limited_error(failure);
    case OCIREG_CONNECT: throw connect_error(failure);
    case OCIREG_TLS: throw tls_error(failure);
    case OCIREG_TIMEOUT: throw timeout_error(failure);
    case OCIREG_CANCELLED: throw cancelled_error(failure);
    case OCIREG_REDIRECT: throw redirect_error(failure);
    case OCIREG_PROTOCOL: throw protocol_error(failure);
    case OCIREG_DIGEST_MISMATCH: throw digest_mismatch_error(failure);
    case OCIREG_SIZE_MISMATCH: throw size_mismatch_error(failure);
    case OCIREG_LIMIT_EXCEEDED: throw limit_exceeded_error(failure);
    case OCIREG_INVALID_MANIFEST: throw invalid_manifest_error(failure);
    case OCIREG_SIGNATURE: throw signature_error(failure);
    case OCIREG_MISSING_BLOB: throw missing_blob_error(failure);
    case OCIREG_SERVER: throw server_error(failure);
    case OCIREG_HTTP: throw http_error(failure);
    case OCIREG_IO: throw io_error(failure);
    case OCIREG_CALLBACK: throw callback_error(failure);
    case OCIREG_FORKED: throw forked_error(failure);
    case OCIREG_CLOSED: throw closed_error(failure);
    case OCIREG_BUSY: throw busy_error(failure);
    case OCIREG_INTERNAL: throw internal_error(failure);
    case OCIREG_NETWORK: throw network_error(failure);
    case OCIREG_RESOLVE: throw resolve_error(failure);
    default: throw error(failure);
    }
}

struct deleter {
    void operator()(char *string) const noexcept { ocireg_string_free(string); }
    void operator()(ocireg_error *error) const noexcept { ocireg_error_free(error); }
    void operator()(ocireg_buffer *buffer) const noexcept { ocireg_buffer_free(buffer); }
    void operator()(ocireg_options *options) const noexcept { ocireg_options_free(options); }
    void operator()(ocireg_context *context) const noexcept { ocireg_context_free(context); }
    void operator()(ocireg_client *client) const noexcept { ocireg_client_free(client); }
    void operator()(ocireg_blob_reader *reader) const noexcept { ocireg_blob_reader_free(reader); }
    void operator()(ocireg_upload *upload) const noexcept { ocireg_upload_free(upload); }
    void operator()(ocireg_artifact *artifact) const noexcept { ocireg_artifact_free(artifact); }
    void operator()(ocireg_job *job) const noexcept { ocireg_job_free(job); }
};
template <class Handle> using owned = std::unique_ptr<Handle, deleter>;

/* What a callback of the call in progress on this thread threw: callbacks run on the calling thread. */
inline std::exception_ptr &thrown() noexcept
{
    static thread_local std::exception_ptr exception;
    return exception;
}

/* A callback may itself make calls, so each call saves what the outer one's callbacks have thrown. */
class callback_scope {
public:
    callback_scope() noexcept : outer_(std::exchange(thrown(), nullptr)) {}
    callback_scope(const callback_scope &) = delete;
    callback_scope &operator=(const callback_scope &) = delete;
    ~callback_scope() { thrown() = std::move(outer_); }
    void rethrow() const
    {
        if (thrown())
            std::rethrow_exception(std::exchange(thrown(), nullptr));
    }

private:
    std::exception_ptr outer_;
};

/* Runs a callback; no exception may pass through the library, which is not C++. */
template <class Function> bool guarded(Function &&function) noexcept
{
    try {
        return function();
    } catch (...) {
        if (!thrown())
            thrown() = std::current_exception();
        return false;
    }
}

/* The status and the error of a call that failed, as an exception. */
[[noreturn]] inline void raise(ocireg_status status, const ocireg_error *raw)
{
    if (raw == nullptr)
        raise({status, ocireg_status_name(status), 0, 0, ocireg_status_name(status), "", "{}"});
    const char *hint = ocireg_error_hint(raw);
    raise({ocireg_error_code(raw), ocireg_error_name(raw), ocireg_error_http_status(raw), ocireg_error_errno(raw), ocireg_error_message(raw),
           hint == nullptr ? "" : hint, ocireg_error_json(raw)});
}

/* Makes a call, passing it the place for its error. */
template <class Function> void call(Function &&function)
{
    callback_scope scope;
    ocireg_error *raw = nullptr;
    const ocireg_status status = function(&raw);
    const owned<ocireg_error> error(raw);
    scope.rethrow();
    if (status != OCIREG_OK)
        raise(status, raw);
}

/* A call with one result, whose address is its first argument. */
template <class Handle, class Function> owned<Handle> made(Function &&function)
{
    Handle *raw = nullptr;
    owned<Handle> result;
    try {
        call([&](ocireg_error **error) { return function(&raw, error); });
    } catch (...) {
        result.reset(raw);
        throw;
    }
    result.reset(raw);
    return result;
}

template <class Function> value json(Function &&function)
{
    const auto text = made<char>(std::forward<Function>(function));
    return value(text ? text.get() : "");
}

/* Throws what the library would give for a wrong argument. */
[[noreturn]] inline void refuse(std::string message)
{
    for (char &c : message)
        c = c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' ' ? '?' : c;
    raise({OCIREG_INVALID_ARGUMENT, "INVALID_ARGUMENT", 0, 0, message, "",
           R"({"code":1,"name":"INVALID_ARGUMENT","message":")" + message + R"("})"});
}

/* A string for C: terminated by a NUL, without another one inside. */
class c_string {
public:
    explicit c_string(std::string_view text) : text_(text)
    {
        if (text.find('\0') != std::string_view::npos)
            refuse("a string contains a NUL");
    }
    const char *get() const noexcept { return text_.c_str(); }
    operator const char *() const noexcept { return get(); }

private:
    std::string text_;
};

/* A string in JSON. */
inline std::string quoted(std::string_view text)
{
    static constexpr char digits[] = "0123456789abcdef";
    std::string made = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20)
            made.append("\\u00") += {digits[byte >> 4], digits[byte & 15]};
        else
            (made += c == '"' || c == '\\' ? "\\" : "") += c;
    }
    return made += '"';
}

inline const std::uint8_t *octets(std::string_view bytes) noexcept { return reinterpret_cast<const std::uint8_t *>(bytes.data()); }

/* Binds the second name, so that a call with two names can be made like one with a single name. */
template <class Function> auto with_id(Function *function, std::string_view id)
{
    return [function, second = c_string(id)](auto *handle, auto *with, auto *name, auto *options, auto **json,
                                             auto **bytes, auto **error) {
        return function(handle, with, name, second, options, json, bytes, error);
    };
}

} // namespace detail

/* ------------------------------------------------------------------------------------------------- Bytes */

/* Exact bytes, such as a manifest's. */
class buffer {
public:
    buffer() = default;
    explicit buffer(detail::owned<ocireg_buffer> handle) noexcept : handle_(std::move(handle)) {}
    const std::uint8_t *data() const noexcept { return ocireg_buffer_data(handle_.get()); }
    std::size_t size() const noexcept { return ocireg_buffer_size(handle_.get()); }
    bool empty() const noexcept { return size() == 0; }
    const std::uint8_t *begin() const noexcept { return data(); }
    const std::uint8_t *end() const noexcept { return data() + size(); }
    std::string_view view() const noexcept { return {reinterpret_cast<const char *>(data()), size()}; }

private:
    detail::owned<ocireg_buffer> handle_;
};

/* A manifest or blob with its metadata. */
struct document {
    value info;
    buffer bytes;
};

/* ------------------------------------------------------------------------------------------------ Strings */

/* A string that goes in: whatever is a std::string_view, and a std::filesystem::path. nullptr does not compile, and a pointer that is null
 * only when the program runs is refused there. */
class text_view {
public:
    text_view() = default;
    text_view(std::nullptr_t) = delete;
    template <class Text, std::enable_if_t<std::is_convertible_v<const Text &, std::string_view>, int> = 0>
    text_view(const Text &text) : view_(of(text))
    {
    }
    template <class Path, std::enable_if_t<std::is_same_v<decltype(std::declval<const Path &>().native()), const std::string &>, int> = 0, class = void>
    text_view(const Path &path) : view_(path.native())
    {
    }
    /* What only something that is not const converts to. */
    template <class Text,
              std::enable_if_t<!std::is_convertible_v<const std::remove_reference_t<Text> &, std::string_view> && std::is_convertible_v<Text, std::string_view>, int> = 0,
              class = void, class = void>
    text_view(Text &&text) : view_(std::forward<Text>(text))
    {
    }
    text_view(const char *text, std::size_t size) : view_(text, size) {}
    /* Two iterators, from C++20 on. */
    template <class First, class Last, std::enable_if_t<!std::is_integral_v<Last> && std::is_constructible_v<std::string_view, First, Last>, int> = 0>
    text_view(First first, Last last) : view_(first, last)
    {
    }
    operator std::string_view() const noexcept { return view_; }
    const char *data() const noexcept { return view_.data(); }
    std::size_t size() const noexcept { return view_.size(); }
    bool empty() const noexcept { return view_.empty(); }

private:
    template <class Text> static std::string_view of(const Text &text)
    {
        if constexpr (std::is_pointer_v<Text>)
            if (text == nullptr)
                detail::refuse("a string is a null pointer");
        return text;
    }

    std::string_view view_;
};

/* ------------------------------------------------------------------------------------------------ Options */

/* A key and its value: a string, a number, a boolean, or a list of strings. */
class option {
public:
    template <class Text, std::enable_if_t<std::is_convertible_v<const Text &, std::string_view>, int> = 0>
    option(text_view key, const Text &text) : key_(std::string_view(key)), kind_(kind::text), list_{std::string(view(key, text))}
    {
    }
    /* A character is not a number. */
    template <class Number, std::enable_if_t<std::is_integral_v<Number> && !std::is_same_v<Number, bool> && !std::is_same_v<Number, char> &&
                                                 !std::is_same_v<Number, wchar_t> && !std::is_same_v<Number, char16_t> &&
                                                 !std::is_same_v<Number, char32_t>,
                                             int> = 0>
    option(text_view key, Number number) : key_(std::string_view(key)), kind_(kind::number), number_(static_cast<std::int64_t>(number))
    {
        if constexpr (std::is_unsigned_v<Number>)
            large_ = number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    }
    template <class Real, std::enable_if_t<std::is_floating_point_v<Real>, int> = 0, class = void, class = void>
    option(text_view key, Real real) : key_(std::string_view(key)), kind_(kind::real), real_(static_cast<double>(real))
    {
    }
    /* A null pointer is not a text. */
    option(text_view key, std::nullptr_t) = delete;
    template <class Value> option(std::nullptr_t, const Value &) = delete;
    template <class Flag, std::enable_if_t<std::is_same_v<Flag, bool>, int> = 0, class = void>
    option(text_view key, Flag flag) : key_(std::string_view(key)), kind_(kind::flag), number_(flag)
    {
    }
    option(text_view key, std::initializer_list<text_view> list) : key_(std::string_view(key)), kind_(kind::list)
    {
        for (const std::string_view text : list)
            list_.emplace_back(text);
    }
    template <class List, std::enable_if_t<std::is_same_v<List, std::initializer_list<std::string_view>>, int> = 0, class = void, class = void, class = void>
    option(text_view key, const List &list) : key_(std::string_view(key)), kind_(kind::list), list_(list.begin(), list.end())
    {
    }
    option(text_view key, std::vector<std::string> list) : key_(std::string_view(key)), kind_(kind::list), list_(std::move(list)) {}

private:
    friend class options;
    enum class kind { text, number, real, flag, list };

    /* A pointer that is null only when the program runs is refused there. */
    template <class Text> static std::string_view view(text_view key, const Text &text)
    {
        if constexpr (std::is_pointer_v<Text>)
            if (text == nullptr)
                detail::refuse("the option " + std::string(std::string_view(key)) + " is a null pointer");
        return text;
    }

    std::string key_;
    kind kind_;
    std::int64_t number_ = 0;
    bool large_ = false; /* a number that only an unsigned one can hold */
    double real_ = 0;
    std::vector<std::string> list_;
};

/* The options of a call: {} for none, {{"n", 100}, {"digests", true}, {"accept", {"a/b", "c/d"}}}, or set one by
 * one. The keys of each call are in ocireg.h; an unknown key is refused with an error that names it. */
class options {
public:
    options() = default;
    options(std::initializer_list<option> list)
    {
        for (const option &entry : list)
            set(entry);
    }
    static options parse(text_view json)
    {
        options parsed;
        parsed.merge(json);
        return parsed;
    }

    options &set(const option &entry)
    {
        const detail::c_string key(entry.key_);
        ocireg_options *handle = ensure();
        switch (entry.kind_) {
        case option::kind::text: {
            const detail::c_string text(entry.list_.front());
            detail::call([&](ocireg_error **error) { return ocireg_options_set_string(handle, key, text, error); });
            break;
        }
        case option::kind::number:
            if (entry.large_)
                return merge('{' + detail::quoted(entry.key_) + ':' + std::to_string(static_cast<std::uint64_t>(entry.number_)) + '}');
            detail::call([&](ocireg_error **error) { return ocireg_options_set_int(handle, key, entry.number_, error); });
            break;
        case option::kind::real:
            detail::call([&](ocireg_error **error) { return ocireg_options_set_double(handle, key, entry.real_, error); });
            break;
        case option::kind::flag:
            detail::call([&](ocireg_error **error) { return ocireg_options_set_bool(handle, key, entry.number_ != 0, error); });
            break;
        case option::kind::list: {
            std::string all;
            for (const std::string &text : entry.list_)
                all += (all.empty() ? "" : ",") + detail::quoted(detail::c_string(text).get());
            merge('{' + detail::quoted(entry.key_) + ":[" + all + "]}");
            break;
        }
        }
        keys_.insert(entry.key_);
        return *this;
    }
    /* Whether the option was set, added to or merged. */
    bool has(text_view key) const { return keys_.count(std::string(std::string_view(key))) != 0; }
    template <class Value> options &set(text_view key, const Value &value) { return set(option(key, value)); }
    options &set(text_view key, std::initializer_list<text_view> list) { return set(option(key, list)); }
    /* Adds to a list; set replaces it. */
    options &add(text_view key, text_view text)
    {
        const detail::c_string name(key), content(text);
        ocireg_options *handle = ensure();
        detail::call([&](ocireg_error **error) { return ocireg_options_add_string(handle, name, content, error); });
        keys_.insert(name.get());
        return *this;
    }
    /* Adds the members of a JSON object. */
    options &merge(text_view json)
    {
        const detail::c_string text(json);
        ocireg_options *handle = ensure();
        detail::call([&](ocireg_error **error) { return ocireg_options_parse(handle, text, error); });
        const value members(json);
        for (auto member = members.begin(); member != members.end(); ++member)
            keys_.insert(member.name());
        return *this;
    }

    const ocireg_options *get() const noexcept { return handle_.get(); }

private:
    ocireg_options *ensure()
    {
        if (!handle_)
            handle_ = detail::made<ocireg_options>(ocireg_options_new);
        return handle_.get();
    }

    detail::owned<ocireg_options> handle_;
    std::set<std::string> keys_;
};

/* ------------------------------------------------------------------------------------------------ Context */

/* The result of a credentials callback; {} means anonymous access. */
struct credentials {
    std::string username, password, token, identity_token;
    static credentials basic(std::string username, std::string password) { return {std::move(username), std::move(password), {}, {}}; }
    static credentials bearer(std::string token) { return {{}, {}, std::move(token), {}}; }
    /* A refresh token for the host's token server, with the user's name if that is known. */
    static credentials identity(std::string token, std::string username = {}) { return {std::move(username), {}, {}, std::move(token)}; }
};

namespace detail {

/* A callback that returns void never stops the call; one that returns false stops it with callback_error. */
template <class... Arguments, class Function> std::function<bool(Arguments...)> going_on(Function function)
{
    using Result = std::invoke_result_t<Function &, Arguments...>;
    static_assert(std::is_void_v<Result> || std::is_same_v<Result, bool>, "the callback returns void or bool: C's 0, which goes on, is not false");
    if constexpr (std::is_void_v<Result>)
        return [function = std::move(function)](Arguments... arguments) mutable {
            function(arguments...);
            return true;
        };
    else
        return std::function<bool(Arguments...)>(std::move(function));
}

using progress_function = std::function<bool(std::uint64_t, std::uint64_t)>;
using log_function = std::function<bool(std::string_view)>;
using credentials_function = std::function<credentials(std::string_view)>;
using source_function = std::function<std::size_t(void *, std::size_t)>;
using sink_function = std::function<bool(const void *, std::size_t)>;

/* Owns the callbacks of a context. Replaced callbacks are kept: a call may still be running them. */
class callbacks {
public:
    template <class Function> Function *keep(Function function)
    {
        auto kept = std::make_shared<Function>(std::move(function));
        const std::lock_guard<std::mutex> lock(mutex_);
        all_.push_back(kept);
        return kept.get();
    }

private:
    std::mutex mutex_;
    std::vector<std::shared_ptr<void>> all_;
};

inline void set_credentials(ocireg_options *answer, const credentials &given)
{
    const auto set = [answer](const char *key, const std::string &text) {
        const c_string checked(text);
        call([&](ocireg_error **error) { return ocireg_options_set_string(answer, key, checked, error); });
    };
    if (!given.token.empty()) {
        set("token", given.token);
    } else if (!given.identity_token.empty()) {
        set("identity_token", given.identity_token);
        if (!given.username.empty())
            set("username", given.username);
    } else if (!given.username.empty() || !given.password.empty()) {
        set("username", given.username);
        set("password", given.password);
    }
}

extern "C" {
inline std::int32_t ocireg_hpp_progress(void *function, std::uint64_t done, std::uint64_t total)
{
    return guarded([&] { return (*static_cast<progress_function *>(function))(done, total); }) ? 0 : 1;
}
inline std::int32_t ocireg_hpp_log(void *function, const char *event)
{
    return guarded([&] { return (*static_cast<log_function *>(function))(event); }) ? 0 : 1;
}
inline std::int32_t ocireg_hpp_credentials(void *function, const char *host, ocireg_options *answer)
{
    const auto ask = [&] {
        set_credentials(answer, (*static_cast<credentials_function *>(function))(host));
        return true;
    };
    return guarded(ask) ? 0 : 1;
}
inline std::int32_t ocireg_hpp_write(void *function, const std::uint8_t *bytes, std::size_t size)
{
    return guarded([&] { return (*static_cast<sink_function *>(function))(bytes, size); }) ? 0 : 1;
}
inline std::int64_t ocireg_hpp_read(void *function, std::uint8_t *bytes, std::size_t size)
{
    std::int64_t given = -1;
    const auto ask = [&] {
        given = static_cast<std::int64_t>((*static_cast<source_function *>(function))(bytes, size));
        return true;
    };
    return guarded(ask) ? given : -1;
}
/* Of a job, on a thread of the library's: nobody there can be told what they throw. */
inline std::int32_t ocireg_hpp_job_write(void *function, const std::uint8_t *bytes, std::size_t size)
{
    callback_scope apart;
    return ocireg_hpp_write(function, bytes, size);
}
inline std::int64_t ocireg_hpp_job_read(void *function, std::uint8_t *bytes, std::size_t size)
{
    callback_scope apart;
    return ocireg_hpp_read(function, bytes, size);
}
} // extern "C"

/* A stream that takes bytes, for as long as both live. */
inline std::function<bool(const void *, std::size_t)> writing(std::ostream &sink)
{
    return [&sink](const void *bytes, std::size_t size) {
        if (!sink.write(static_cast<const char *>(bytes), static_cast<std::streamsize>(size)))
            throw std::ios_base::failure("the stream cannot be written");
        return true;
    };
}

/* A stream as a source of bytes, for as long as both live. One that has failed before its end, as a file that could not be opened has, is
 * not an empty one. */
inline std::function<std::size_t(void *, std::size_t)> reading(std::istream &source)
{
    return [&source](void *bytes, std::size_t size) {
        const bool failed = source.fail() && !source.eof();
        source.read(static_cast<char *>(bytes), static_cast<std::streamsize>(size));
        if (failed || source.bad())
            throw std::ios_base::failure("the stream of the blob cannot be read");
        return static_cast<std::size_t>(source.gcount());
    };
}

} // namespace detail

/* Cancellation, deadline, progress and callbacks of the calls that it is passed to. The callbacks run on the thread
 * that made the call. A call looks at its context while it runs; a reader, an upload, pages and names keep what they need of it, so that it
 * may be destroyed before them. */
class context {
public:
    context() : handle_(detail::made<ocireg_context>(ocireg_context_new)), callbacks_(std::make_shared<detail::callbacks>()) {}
    context(context &&) noexcept = default;
    context &operator=(context &&) noexcept = default;

    /* From any thread, and in a signal handler. Permanent: later calls throw cancelled_error too. */
    void cancel() const
    {
        detail::call([&](ocireg_error **error) { return ocireg_context_cancel(get(), error); });
    }
    /* The same, of which the compiler knows that it throws nothing. */
    void cancel_from_signal() const noexcept { ocireg_context_cancel_from_signal(get()); }
    /* Counted from now; calls throw timeout_error when it has passed. */
    template <class Rep, class Period> void set_deadline(std::chrono::duration<Rep, Period> from_now) const
    {
        /* In whole milliseconds the longest durations would be negative. */
        constexpr std::int64_t longest = 1'000'000'000'000'000;
        const bool fits = std::chrono::duration<double, std::milli>(from_now).count() < static_cast<double>(longest);
        std::int64_t milliseconds = fits ? std::chrono::ceil<std::chrono::milliseconds>(from_now).count() : longest;
        milliseconds = milliseconds == 0 ? 1 : milliseconds;
        detail::call([&](ocireg_error **error) { return ocireg_context_set_deadline(get(), milliseconds, error); });
    }
    void clear_deadline() const
    {
        detail::call([&](ocireg_error **error) { return ocireg_context_set_deadline(get(), 0, error); });
    }
    /* From any thread. */
    value progress() const
    {
        return detail::json([&](char **text, ocireg_error **error) { return ocireg_context_progress(get(), text, error); });
    }
    value warnings() const
    {
        return detail::json([&](char **text, ocireg_error **error) { return ocireg_context_warnings(get(), text, error); });
    }

    /* void or bool (std::uint64_t done, std::uint64_t total), at least every 250 ms; false, or an exception, stops the call. nullptr
     * removes it. */
    template <class Function> void on_progress(Function function)
    {
        auto *kept = keep(detail::going_on<std::uint64_t, std::uint64_t>(std::move(function)));
        detail::call([&](ocireg_error **error) {
            return ocireg_context_set_progress(get(), detail::ocireg_hpp_progress, kept, error);
        });
    }
    void on_progress(std::nullptr_t)
    {
        detail::call([&](ocireg_error **error) { return ocireg_context_set_progress(get(), nullptr, nullptr, error); });
    }
    /* void or bool (std::string_view event): the progress of each blob of a copy, as JSON. */
    template <class Function> void on_blob_progress(Function function)
    {
        auto *kept = keep(detail::going_on<std::string_view>(std::move(function)));
        detail::call([&](ocireg_error **error) {
            return ocireg_context_set_blob_progress(get(), detail::ocireg_hpp_log, kept, error);
        });
    }
    void on_blob_progress(std::nullptr_t)
    {
        detail::call(
            [&](ocireg_error **error) { return ocireg_context_set_blob_progress(get(), nullptr, nullptr, error); });
    }
    /* void or bool (std::string_view event): the trace as JSON, without secrets. */
    template <class Function> void on_log(Function function)
    {
        auto *kept = keep(detail::going_on<std::string_view>(std::move(function)));
        detail::call(
            [&](ocireg_error **error) { return ocireg_context_set_log(get(), detail::ocireg_hpp_log, kept, error); });
    }
    void on_log(std::nullptr_t)
    {
        detail::call([&](ocireg_error **error) { return ocireg_context_set_log(get(), nullptr, nullptr, error); });
    }
    /* Calls with it are made in a callback of a call with `outer`, or for the answer to a question of that job, though on another thread
     * or in another job: one that needs the credentials that `outer` asks for gets OCIREG_BUSY. nullptr takes it back. */
    void set_within(const context *outer) const
    {
        detail::call([&](ocireg_error **error) {
            return ocireg_context_set_within(get(), outer == nullptr ? nullptr : outer->get(), error);
        });
    }
    /* ocireg::credentials (std::string_view host) */
    template <class Function> void on_credentials(Function function)
    {
        auto *kept = keep(detail::credentials_function(std::move(function)));
        detail::call([&](ocireg_error **error) {
            return ocireg_context_set_credentials(get(), detail::ocireg_hpp_credentials, kept, error);
        });
    }
    void on_credentials(std::nullptr_t)
    {
        detail::call([&](ocireg_error **error) { return ocireg_context_set_credentials(get(), nullptr, nullptr, error); });
    }

    ocireg_context *get() const noexcept { return handle_.get(); }

private:
    friend class client;
    friend class job;
    friend class cancel_on_signal;
    template <class Function> Function *keep(Function function)
    {
        if (callbacks_ == nullptr)
            detail::refuse(get() == nullptr ? "the context was moved from" : "the context of a job has no callbacks");
        return callbacks_->keep(std::move(function));
    }
    /* A job's, which owns it: it has no callbacks. */
    explicit context(ocireg_context *of_job) noexcept : handle_(of_job, [](ocireg_context *) {}) {}
    bool is_of_job() const noexcept { return handle_ != nullptr && callbacks_ == nullptr; }
    std::shared_ptr<ocireg_context> handle_; /* pages keep it too */
    std::shared_ptr<detail::callbacks> callbacks_;
    mutable std::shared_ptr<void> bytes_; /* what gives or takes the bytes of a job's call */
};

/* As long as it lives, a signal cancels the context, and only that: Ctrl-C does not end the program, its calls throw cancelled_error. The
 * same signal once more does what it does by default. One that the program was started to ignore (nohup) stays ignored.
 *     ocireg::context with;
 *     const ocireg::cancel_on_signal interrupts(with);
 * There may be several, for other signals or contexts; they end in the opposite order, as local variables do. */
class cancel_on_signal {
public:
    explicit cancel_on_signal(const context &with, int number = SIGINT)
        : number_(number), cancels_(with.handle_), next_(latest_)
    {
        if (cancels_ == nullptr)
            detail::refuse("the context was moved from");
        struct sigaction now = {};
        now.sa_handler = on_signal;
        now.sa_flags = static_cast<int>(SA_RESETHAND);
        sigemptyset(&now.sa_mask);
        latest_ = this;
        if (sigaction(number_, nullptr, &before_) != 0 || (before_.sa_handler != SIG_IGN && sigaction(number_, &now, nullptr) != 0)) {
            latest_ = next_;
            detail::refuse("signal " + std::to_string(number_) + " cannot be caught");
        }
    }
    ~cancel_on_signal()
    {
        sigaction(number_, &before_, nullptr);
        latest_ = next_;
        while (running_ > 0) /* on other threads: they may look at this */
            std::this_thread::yield();
    }
    cancel_on_signal(const cancel_on_signal &) = delete;
    cancel_on_signal &operator=(const cancel_on_signal &) = delete;

private:
    static void on_signal(int number) noexcept
    {
        running_++;
        for (const cancel_on_signal *each = latest_; each != nullptr; each = each->next_)
            if (each->number_ == number)
                ocireg_context_cancel_from_signal(each->cancels_.get());
        running_--;
    }

    int number_;
    std::shared_ptr<ocireg_context> cancels_;
    const cancel_on_signal *next_;
    struct sigaction before_ = {};
    static inline std::atomic<const cancel_on_signal *> latest_{nullptr};
    static inline std::atomic<int> running_{0};
    static_assert(std::atomic<const cancel_on_signal *>::is_always_lock_free && std::atomic<int>::is_always_lock_free);
};

/* -------------------------------------------------------------------------------------- Readers and uploads */

/* An open blob. */
class blob_reader {
public:
    value info() const
    {
        return detail::json([&](char **text, ocireg_error **error) { return ocireg_blob_reader_info(get(), text, error); });
    }
    /* 0 means the verified end; any failure before that is an exception. */
    std::size_t read(void *bytes, std::size_t size)
    {
        std::size_t got = 0;
        detail::call([&](ocireg_error **error) {
            return ocireg_blob_reader_read(get(), static_cast<std::uint8_t *>(bytes), size, &got, error);
        });
        return got;
    }
    void close()
    {
        detail::call([&](ocireg_error **error) { return ocireg_blob_reader_close(get(), error); });
    }
    ocireg_blob_reader *get() const noexcept { return handle_.get(); }

private:
    friend class client;
    blob_reader(std::shared_ptr<void> callbacks, detail::owned<ocireg_blob_reader> handle) noexcept
        : callbacks_(std::move(callbacks)), handle_(std::move(handle))
    {
    }
    std::shared_ptr<void> callbacks_; /* declared before the handle, so freed after it */
    detail::owned<ocireg_blob_reader> handle_;
};

/* The reader as a stream buffer. */
class blob_streambuf : public std::streambuf {
public:
    explicit blob_streambuf(blob_reader reader, std::size_t size = 65536) : reader_(std::move(reader)), bytes_(size ? size : 1) {}
    blob_streambuf(blob_streambuf &&other) : std::streambuf(other), reader_(std::move(other.reader_)), bytes_(std::move(other.bytes_))
    {
        other.setg(nullptr, nullptr, nullptr);
    }
    blob_streambuf &operator=(blob_streambuf &&other)
    {
        if (this != &other) {
            const blob_reader before(std::move(reader_)); /* its callbacks are freed after it */
            std::streambuf::operator=(other);
            reader_ = std::move(other.reader_);
            bytes_ = std::move(other.bytes_);
            other.setg(nullptr, nullptr, nullptr);
        }
        return *this;
    }
    blob_reader &reader() noexcept { return reader_; }
    /* Writes the rest of the blob to a stream; returns how many bytes that were. Throws the reader's errors, and std::ios_base::failure when
     * the stream fails. */
    std::uint64_t copy_to(std::ostream &into)
    {
        std::vector<char> piece(bytes_.size());
        std::uint64_t all = 0;
        while (const std::streamsize got = sgetn(piece.data(), static_cast<std::streamsize>(piece.size()))) {
            if (!into.write(piece.data(), got))
                throw std::ios_base::failure("the stream did not take the blob");
            all += static_cast<std::uint64_t>(got);
        }
        return all;
    }

protected:
    int_type underflow() override
    {
        if (gptr() == egptr()) {
            const std::size_t got = reader_.read(bytes_.data(), bytes_.size());
            setg(bytes_.data(), bytes_.data(), bytes_.data() + got);
            if (got == 0)
                return traits_type::eof();
        }
        return traits_type::to_int_type(*gptr());
    }

private:
    blob_reader reader_;
    std::vector<char> bytes_;
};

/* The reader as a stream. Unlike other streams, it throws the reader's errors: otherwise a blob that breaks off
 * looks like one that ends. exceptions(std::ios::goodbit) turns that off; check bad() then. To write it to another stream use copy_to:
 * `file << stream.rdbuf()` swallows what the reader throws, and only sets the file's failbit. */
class blob_stream : private blob_streambuf, public std::istream {
public:
    explicit blob_stream(blob_reader reader)
        : blob_streambuf(std::move(reader)), std::istream(static_cast<blob_streambuf *>(this))
    {
        exceptions(std::ios::badbit);
    }
    blob_stream(blob_stream &&other) : blob_streambuf(std::move(other)), std::istream(std::move(static_cast<std::istream &>(other)))
    {
        set_rdbuf(static_cast<blob_streambuf *>(this));
    }
    blob_stream &operator=(blob_stream &&other)
    {
        blob_streambuf::operator=(std::move(other));
        std::istream::operator=(std::move(static_cast<std::istream &>(other)));
        return *this;
    }
    using blob_streambuf::copy_to;
    using blob_streambuf::reader;
};

/* A blob that is uploaded in chunks. If it is not finished, the destructor cancels it. */
class upload {
public:
    void write(const void *bytes, std::size_t size)
    {
        detail::call([&](ocireg_error **error) {
            return ocireg_upload_write(get(), static_cast<const std::uint8_t *>(bytes), size, error);
        });
    }
    void write(text_view bytes) { write(bytes.data(), bytes.size()); }
    /* If a digest is given, the bytes must match it. */
    value finish(text_view digest = {})
    {
        const detail::c_string wanted(digest);
        return detail::json([&](char **text, ocireg_error **error) {
            return ocireg_upload_finish(get(), digest.empty() ? nullptr : wanted.get(), text, error);
        });
    }
    /* Releases the session, to be continued with client::upload_session_chunk. */
    value save()
    {
        return detail::json([&](char **text, ocireg_error **error) { return ocireg_upload_save(get(), text, error); });
    }
    void cancel()
    {
        detail::call([&](ocireg_error **error) { return ocireg_upload_cancel(get(), error); });
    }
    ocireg_upload *get() const noexcept { return handle_.get(); }

private:
    friend class client;
    upload(std::shared_ptr<void> callbacks, detail::owned<ocireg_upload> handle) noexcept
        : callbacks_(std::move(callbacks)), handle_(std::move(handle))
    {
    }
    std::shared_ptr<void> callbacks_;
    detail::owned<ocireg_upload> handle_;
};

/* --------------------------------------------------------------------------------------------- Artifacts */

/* What an artifact is made of, for client::artifact_push and client::artifact_attach. */
class artifact {
public:
    artifact() : handle_(detail::made<ocireg_artifact>(ocireg_artifact_new)) {}

    /* A file or a folder, which is read when the artifact is pushed. */
    artifact &add_file(text_view path, const options &wanted = {})
    {
        const detail::c_string name(path);
        detail::call([&](ocireg_error **error) { return ocireg_artifact_add_file(get(), name, wanted.get(), error); });
        return *this;
    }
    artifact &add_memory(text_view bytes, const options &wanted = {})
    {
        detail::call([&](ocireg_error **error) {
            return ocireg_artifact_add_memory(get(), detail::octets(bytes), bytes.size(), wanted.get(), error);
        });
        return *this;
    }
    /* As of client::blob_put_stream. */
    artifact &add_stream(std::function<std::size_t(void *, std::size_t)> source, const options &wanted = {})
    {
        detail::call([&](ocireg_error **error) {
            return ocireg_artifact_add_stream(get(), detail::ocireg_hpp_read, &source, wanted.get(), error);
        });
        return *this;
    }
    artifact &add_stream(std::istream &source, const options &wanted = {})
    {
        return add_stream(detail::reading(source), wanted);
    }
    ocireg_artifact *get() const noexcept { return handle_.get(); }

private:
    detail::owned<ocireg_artifact> handle_;
};

/* ------------------------------------------------------------------------------------------------- Pages */

namespace detail {

struct paging {
    std::function<value(const options &)> fetch;
    options wanted;
    std::string member; /* the member of a page that holds its names */
};

} // namespace detail

/* Pages of a list, each fetched when a loop reaches it. Can be iterated once. */
class pages {
public:
    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = value;
        using difference_type = std::ptrdiff_t;
        using pointer = const value *;
        using reference = const value &;
        iterator() = default;
        reference operator*() const noexcept { return page_; }
        pointer operator->() const noexcept { return &page_; }
        iterator &operator++()
        {
            const value next = page_["next"];
            if (next.is_null() || !next.exists()) {
                *this = iterator();
            } else {
                paging_->wanted.set("next", next.string());
                page_ = paging_->fetch(paging_->wanted);
            }
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator &a, const iterator &b) noexcept { return a.paging_ == b.paging_; }
        friend bool operator!=(const iterator &a, const iterator &b) noexcept { return !(a == b); }

    private:
        friend class pages;
        explicit iterator(std::shared_ptr<detail::paging> paging)
            : paging_(std::move(paging)), page_(paging_->fetch(paging_->wanted))
        {
        }
        std::shared_ptr<detail::paging> paging_;
        value page_;
    };

    explicit pages(detail::paging paging) : paging_(std::make_shared<detail::paging>(std::move(paging))) {}
    iterator begin() const { return paging_ != nullptr ? iterator(paging_) : throw_moved(); }
    iterator end() const noexcept { return {}; }

private:
    [[noreturn]] static iterator throw_moved() { detail::refuse("the list was moved from"); }

    std::shared_ptr<detail::paging> paging_;
};

/* The names on such pages, one by one. */
class names {
public:
    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = std::string;
        using difference_type = std::ptrdiff_t;
        using pointer = const std::string *;
        using reference = const std::string &;
        iterator() = default;
        reference operator*() const noexcept { return name_; }
        pointer operator->() const noexcept { return &name_; }
        iterator &operator++()
        {
            ++at_;
            settle();
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator &a, const iterator &b) noexcept { return a.page_ == b.page_ && a.at_ == b.at_; }
        friend bool operator!=(const iterator &a, const iterator &b) noexcept { return !(a == b); }

    private:
        friend class names;
        iterator(pages::iterator page, std::string member) : page_(std::move(page)), member_(std::move(member))
        {
            at_ = (*page_)[member_].begin();
            settle();
        }
        /* Moves to the next page while this one is at its end. */
        void settle()
        {
            while (at_ == value::iterator()) {
                if (++page_ == pages::iterator()) {
                    *this = iterator();
                    return;
                }
                at_ = (*page_)[member_].begin();
            }
            name_ = at_->string();
        }
        pages::iterator page_;
        value::iterator at_;
        std::string member_, name_;
    };

    explicit names(detail::paging paging) : member_(paging.member), pages_(std::move(paging)) {}
    iterator begin() const { return iterator(pages_.begin(), member_); }
    iterator end() const noexcept { return {}; }

private:
    std::string member_;
    pages pages_;
};

/* ------------------------------------------------------------------------------------------------- Client */

/* Connections, tokens and settings for any number of registries. */
class client {
public:
    explicit client(const options &wanted = {})
        : handle_(detail::made<ocireg_client>([&](ocireg_client **made, ocireg_error **error) {
              return ocireg_client_new(wanted.get(), made, error);
          }))
    {
    }
    ocireg_client *get() const noexcept { return handle_.get(); }

    void set_host(text_view host, const options &settings) const
    {
        const detail::c_string name(host);
        detail::call([&](ocireg_error **error) { return ocireg_client_set_host(get(), name, settings.get(), error); });
    }
    /* From any thread: ends the calls in progress. */
    void close() const
    {
        detail::call([&](ocireg_error **error) { return ocireg_client_close(get(), error); });
    }
    /* Ends the library's threads of a client without calls, until the next one. */
    void quiesce() const
    {
        detail::call([&](ocireg_error **error) { return ocireg_client_quiesce(get(), error); });
    }
    /* Can be read from while next_event() has something to give; only to be waited for. */
    int fd() const
    {
        std::int32_t fd = -1;
        detail::call([&](ocireg_error **error) { return ocireg_client_fd(get(), &fd, error); });
        return fd;
    }
    /* What has happened to a job, without waiting: its kind is an OCIREG_EVENT_ constant, and the job is nullptr when nothing has. Jobs
     * that the functions of the C API have made are not for this: on such a client they are the caller's own business. */
    struct event {
        class job *job = nullptr;
        std::int32_t kind = OCIREG_EVENT_NONE;
        explicit operator bool() const noexcept { return job != nullptr; }
    };
    event next_event() const
    {
        event next;
        ocireg_job *about = nullptr;
        detail::call([&](ocireg_error **error) { return ocireg_client_next_event(get(), &about, &next.kind, error); });
        next.job = static_cast<class job *>(ocireg_job_userdata(about));
        return next;
    }
    /* The next event, waited for; none when nothing happens in that time, -1 for any (for ever, if no job has a call). For a program
     * without an event loop that has many calls made at once. A signal handler that returns does not end it; std::system_error if the
     * system cannot wait. */
    event wait_event(int milliseconds = -1) const
    {
        using clock = std::chrono::steady_clock;
        const auto limit = clock::now() + std::chrono::milliseconds(milliseconds);
        pollfd waiting = {fd(), POLLIN, 0};
        for (int left = milliseconds;;) {
            if (::poll(&waiting, 1, left) < 0 && errno != EINTR)
                throw std::system_error(errno, std::generic_category(), "poll");
            if (const event next = next_event()) /* another thread may have taken what there was */
                return next;
            if (milliseconds < 0)
                continue;
            left = static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(limit - clock::now()).count());
            if (left <= 0)
                return {};
        }
    }

    /* A registry, HOST[:PORT], and a repository. */
    value registry_ping(text_view registry, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_registry_ping, registry, wanted, with);
    }
    value registry_catalog(text_view registry, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_registry_catalog, registry, wanted, with);
    }
    value repository_tags(text_view repository, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_repository_tags, repository, wanted, with);
    }
    /* The same page by page, and name by name. The client must outlive the loop. */
    pages catalog_pages(text_view registry, options wanted = {}, const context *with = nullptr, std::size_t page_size = 100) const &
    {
        return pages(paging(ocireg_registry_catalog, "repositories", registry, page_size, std::move(wanted), with));
    }
    pages tag_pages(text_view repository, options wanted = {}, const context *with = nullptr, std::size_t page_size = 100) const &
    {
        return pages(paging(ocireg_repository_tags, "tags", repository, page_size, std::move(wanted), with));
    }
    names each_repository(text_view registry, options wanted = {}, const context *with = nullptr, std::size_t page_size = 100) const &
    {
        return names(paging(ocireg_registry_catalog, "repositories", registry, page_size, std::move(wanted), with));
    }
    names each_tag(text_view repository, options wanted = {}, const context *with = nullptr, std::size_t page_size = 100) const &
    {
        return names(paging(ocireg_repository_tags, "tags", repository, page_size, std::move(wanted), with));
    }

    /* Their old order, for one version more. */
    template <class Size, std::enable_if_t<std::is_integral_v<Size>, int> = 0>
    [[deprecated("the page size comes last")]] pages catalog_pages(text_view name, Size page_size, options wanted = {},
                                                       const context *with = nullptr) const &
    {
        return catalog_pages(name, std::move(wanted), with, static_cast<std::size_t>(page_size));
    }
    template <class Size, std::enable_if_t<std::is_integral_v<Size>, int> = 0>
    [[deprecated("the page size comes last")]] pages tag_pages(text_view name, Size page_size, options wanted = {},
                                                       const context *with = nullptr) const &
    {
        return tag_pages(name, std::move(wanted), with, static_cast<std::size_t>(page_size));
    }
    template <class Size, std::enable_if_t<std::is_integral_v<Size>, int> = 0>
    [[deprecated("the page size comes last")]] names each_repository(text_view name, Size page_size, options wanted = {},
                                                       const context *with = nullptr) const &
    {
        return each_repository(name, std::move(wanted), with, static_cast<std::size_t>(page_size));
    }
    template <class Size, std::enable_if_t<std::is_integral_v<Size>, int> = 0>
    [[deprecated("the page size comes last")]] names each_tag(text_view name, Size page_size, options wanted = {},
                                                       const context *with = nullptr) const &
    {
        return each_tag(name, std::move(wanted), with, static_cast<std::size_t>(page_size));
    }

    /* Not callable on a temporary client, which would be destroyed before the loop begins. */
    pages catalog_pages(std::string_view, options = {}, const context * = nullptr, std::size_t = 100) const && = delete;
    pages tag_pages(std::string_view, options = {}, const context * = nullptr, std::size_t = 100) const && = delete;
    names each_repository(std::string_view, options = {}, const context * = nullptr, std::size_t = 100) const && = delete;
    names each_tag(std::string_view, options = {}, const context * = nullptr, std::size_t = 100) const && = delete;

    /* Manifests: [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]. */
    document manifest_get(text_view reference, const options &wanted = {}, const context *with = nullptr) const
    {
        return with_bytes(ocireg_manifest_get, reference, wanted, with);
    }
    value manifest_head(text_view reference, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_manifest_head, reference, wanted, with);
    }
    std::string manifest_digest(text_view reference, const options &wanted = {}, const context *with = nullptr) const
    {
        const detail::c_string name(reference);
        const auto digest = detail::made<char>([&](char **text, ocireg_error **error) {
            return ocireg_manifest_digest(get(), of(with), name, wanted.get(), text, error);
        });
        return digest ? digest.get() : ""; /* of a job */
    }
    value manifest_put(text_view reference, text_view bytes, const options &wanted = {},
                       const context *with = nullptr) const
    {
        const detail::c_string name(reference);
        return detail::json([&](char **json, ocireg_error **error) {
            return ocireg_manifest_put(get(), of(with), name, detail::octets(bytes), bytes.size(), wanted.get(), json, error);
        });
    }
    value manifest_delete(text_view reference, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_manifest_delete, reference, wanted, with);
    }
    value tag_delete(text_view reference, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_tag_delete, reference, wanted, with);
    }
    value referrers(text_view reference, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_referrers, reference, wanted, with);
    }

    /* Blobs: HOST[:PORT]/REPOSITORY@DIGEST. */
    value blob_head(text_view reference, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_blob_head, reference, wanted, with);
    }
    value blob_get_file(text_view reference, text_view path, const options &wanted = {},
                        const context *with = nullptr) const
    {
        return named_twice(ocireg_blob_get_file, reference, path, wanted, with);
    }
    value blob_get_fd(text_view reference, int descriptor, const options &wanted = {},
                      const context *with = nullptr) const
    {
        const detail::c_string name(reference);
        return detail::json([&](char **json, ocireg_error **error) {
            return ocireg_blob_get_fd(get(), of(with), name, descriptor, wanted.get(), json, error);
        });
    }
    document blob_get_memory(text_view reference, const options &wanted = {}, const context *with = nullptr) const
    {
        return with_bytes(ocireg_blob_get_memory, reference, wanted, with);
    }
    blob_reader blob_open(text_view reference, const options &wanted = {}, const context *with = nullptr) const
    {
        const detail::c_string name(reference);
        return {kept(with), detail::made<ocireg_blob_reader>([&](ocireg_blob_reader **reader, ocireg_error **error) {
                    return ocireg_blob_open(get(), of(with), name, wanted.get(), reader, error);
                })};
    }
    value blob_put_file(text_view repository, text_view path, const options &wanted = {},
                        const context *with = nullptr) const
    {
        return named_twice(ocireg_blob_put_file, repository, path, wanted, with);
    }
    value blob_put_memory(text_view repository, text_view bytes, const options &wanted = {},
                          const context *with = nullptr) const
    {
        const detail::c_string name(repository);
        return detail::json([&](char **json, ocireg_error **error) {
            return ocireg_blob_put_memory(get(), of(with), name, detail::octets(bytes), bytes.size(), wanted.get(), json, error);
        });
    }
    /* std::size_t source(void *bytes, std::size_t size) writes up to `size` bytes there and returns how many; 0 is
     * the end. A job calls it on a thread of the library's, and what it throws is callback_error there. */
    value blob_put_stream(text_view repository, std::function<std::size_t(void *, std::size_t)> source,
                          const options &wanted = {}, const context *with = nullptr) const
    {
        const detail::c_string name(repository);
        const ocireg_read_fn read = is_of_job(with) ? detail::ocireg_hpp_job_read : detail::ocireg_hpp_read;
        return streamed(std::move(source), with, [&](void *function, char **json, ocireg_error **error) {
            return ocireg_blob_put_stream(get(), of(with), name, read, function, wanted.get(), json, error);
        });
    }
    value blob_put_stream(text_view repository, std::istream &source, const options &wanted = {},
                          const context *with = nullptr) const
    {
        return blob_put_stream(repository, detail::reading(source), wanted, with);
    }
    value blob_delete(text_view reference, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_blob_delete, reference, wanted, with);
    }
    /* One blob from any place, PLACE@DIGEST, to a repository, oci:DIR or dir:DIR. */
    value blob_copy(text_view source, text_view destination, const options &wanted = {}, const context *with = nullptr) const
    {
        const detail::c_string from(source), to(destination);
        return detail::json([&](char **json, ocireg_error **error) {
            return ocireg_blob_copy(get(), of(with), from, to, wanted.get(), json, error);
        });
    }
    /* `from` is a repository of the same registry, or empty to let the registry find the blob itself. */
    value blob_mount(text_view reference, text_view from = {}, const options &wanted = {},
                     const context *with = nullptr) const
    {
        const detail::c_string name(reference), repository(from);
        return detail::json([&](char **json, ocireg_error **error) {
            return ocireg_blob_mount(get(), of(with), name, from.empty() ? nullptr : repository.get(),
                                     wanted.get(), json, error);
        });
    }

    /* Uploads in chunks, and sessions that outlive the process. */
    upload upload_start(text_view repository, const options &wanted = {}, const context *with = nullptr) const
    {
        const detail::c_string name(repository);
        return {kept(with), detail::made<ocireg_upload>([&](ocireg_upload **started, ocireg_error **error) {
                    return ocireg_upload_start(get(), of(with), name, wanted.get(), started, error);
                })};
    }
    value upload_session_start(text_view repository, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_upload_session_start, repository, wanted, with);
    }
    value upload_session_status(text_view session, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_upload_session_status, session, wanted, with);
    }
    value upload_session_chunk(text_view session, text_view bytes, const options &wanted = {},
                               const context *with = nullptr) const
    {
        const detail::c_string text(session);
        return detail::json([&](char **json, ocireg_error **error) {
            return ocireg_upload_session_chunk(get(), of(with), text, detail::octets(bytes), bytes.size(), wanted.get(), json,
                                               error);
        });
    }
    value upload_session_finish(text_view session, text_view digest, text_view bytes = {},
                                const options &wanted = {}, const context *with = nullptr) const
    {
        const detail::c_string text(session), whole(digest);
        return detail::json([&](char **json, ocireg_error **error) {
            return ocireg_upload_session_finish(get(), of(with), text, whole, detail::octets(bytes), bytes.size(), wanted.get(),
                                                json, error);
        });
    }
    void upload_session_cancel(text_view session, const options &wanted = {}, const context *with = nullptr) const
    {
        const detail::c_string text(session);
        detail::call([&](ocireg_error **error) {
            return ocireg_upload_session_cancel(get(), of(with), text, wanted.get(), error);
        });
    }

    /* Copies between any two places, named as for parse_endpoint; and OCI layouts. */
    value copy(text_view source, text_view destination, const options &wanted = {},
               const context *with = nullptr) const
    {
        return named_twice(ocireg_copy, source, destination, wanted, with);
    }

    /* Brings the tags of a repository, a layout or an archive to another. What failed is reported: ["tags"]["failed"]. */
    value sync(text_view source, text_view destination, const options &wanted = {},
               const context *with = nullptr) const
    {
        return named_twice(ocireg_sync, source, destination, wanted, with);
    }
    /* The same for what a list says; `destination` is empty where each line has its own. */
    value sync_list(text_view list, text_view destination = {}, const options &wanted = {},
                    const context *with = nullptr) const
    {
        const detail::c_string text(list), place(destination);
        const char *below = destination.empty() ? nullptr : static_cast<const char *>(place);
        return detail::json([&](char **json, ocireg_error **error) {
            return ocireg_sync_list(get(), of(with), text, below, wanted.get(), json, error);
        });
    }

    /* Artifacts at any place. */
    value artifact_push(const artifact &parts, text_view place, const options &wanted = {},
                        const context *with = nullptr) const
    {
        const detail::c_string name(place);
        return detail::json([&](char **json, ocireg_error **error) {
            return ocireg_artifact_push(get(), of(with), parts.get(), name, wanted.get(), json, error);
        });
    }
    /* About what the place names, and beside it. */
    value artifact_attach(const artifact &parts, text_view place, const options &wanted = {},
                          const context *with = nullptr) const
    {
        const detail::c_string name(place);
        return detail::json([&](char **json, ocireg_error **error) {
            return ocireg_artifact_attach(get(), of(with), parts.get(), name, wanted.get(), json, error);
        });
    }
    value artifact_pull(text_view place, text_view folder, const options &wanted = {},
                        const context *with = nullptr) const
    {
        return named_twice(ocireg_artifact_pull, place, folder, wanted, with);
    }

    /* Indexes: the option references is what is put in, digests or platform what is taken out. "condition" of the result says what
       made sure that the name could be set: "registry", "locked" or "looked"; after a change also "unconfirmed": it is made, but the
       look whether it has lasted failed. With dry_run "manifest" has the bytes that would be put. */
    value index_create(text_view place, const options &wanted, const context *with = nullptr) const
    {
        return named(ocireg_index_create, place, wanted, with);
    }
    value index_append(text_view place, const options &wanted, const context *with = nullptr) const
    {
        return named(ocireg_index_append, place, wanted, with);
    }
    value index_remove(text_view place, const options &wanted, const context *with = nullptr) const
    {
        return named(ocireg_index_remove, place, wanted, with);
    }

    /* Images at any place; and a repository with all its contents. */
    document image_config(text_view image, const options &wanted = {}, const context *with = nullptr) const
    {
        return with_bytes(ocireg_image_config, image, wanted, with);
    }
    value image_size(text_view image, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_image_size, image, wanted, with);
    }
    value image_validate(text_view place, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_image_validate, place, wanted, with);
    }
    value image_tag(text_view reference, text_view tag, const options &wanted = {},
                    const context *with = nullptr) const
    {
        return named_twice(ocireg_image_tag, reference, tag, wanted, with);
    }
    value image_append(text_view image, const options &wanted, const context *with = nullptr) const
    {
        return named(ocireg_image_append, image, wanted, with);
    }
    value image_files(text_view image, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_image_files, image, wanted, with);
    }
    value image_extract(text_view image, text_view folder, const options &wanted = {},
                        const context *with = nullptr) const
    {
        return named_twice(ocireg_image_extract, image, folder, wanted, with);
    }
    /* One archive of the whole file system: to a file, a descriptor, bool sink(const void *bytes, std::size_t size) which
     * returns false to stop the call, or a stream. */
    value image_export_file(text_view image, text_view path, const options &wanted = {},
                            const context *with = nullptr) const
    {
        return named_twice(ocireg_image_export_file, image, path, wanted, with);
    }
    value image_export_fd(text_view image, int fd, const options &wanted = {}, const context *with = nullptr) const
    {
        const detail::c_string name(image);
        return detail::json([&](char **json, ocireg_error **error) {
            return ocireg_image_export_fd(get(), of(with), name, fd, wanted.get(), json, error);
        });
    }
    /* bool sink(const void *bytes, std::size_t size); as for blob_put_stream in a job. */
    value image_export_stream(text_view image, std::function<bool(const void *, std::size_t)> sink,
                              const options &wanted = {}, const context *with = nullptr) const
    {
        const detail::c_string name(image);
        const ocireg_write_fn write = is_of_job(with) ? detail::ocireg_hpp_job_write : detail::ocireg_hpp_write;
        return streamed(std::move(sink), with, [&](void *function, char **json, ocireg_error **error) {
            return ocireg_image_export_stream(get(), of(with), name, write, function, wanted.get(), json, error);
        });
    }
    value image_export_stream(text_view image, std::ostream &sink, const options &wanted = {},
                              const context *with = nullptr) const
    {
        return image_export_stream(image, detail::writing(sink), wanted, with);
    }
    value image_cat(text_view image, text_view path, int fd, const options &wanted = {},
                    const context *with = nullptr) const
    {
        const detail::c_string name(image), file(path);
        return detail::json([&](char **json, ocireg_error **error) {
            return ocireg_image_cat(get(), of(with), name, file, fd, wanted.get(), json, error);
        });
    }
    value repository_remove(text_view repository, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_repository_remove, repository, wanted, with);
    }

    /* Of any place: the manifest that it names, what it holds, and what refers to that manifest. */
    document endpoint_manifest(text_view place, const options &wanted = {}, const context *with = nullptr) const
    {
        return with_bytes(ocireg_endpoint_manifest, place, wanted, with);
    }
    value endpoint_list(text_view place, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_endpoint_list, place, wanted, with);
    }
    value endpoint_referrers(text_view place, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_endpoint_referrers, place, wanted, with);
    }

    value layout_check(text_view path, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_layout_check, path, wanted, with);
    }
    value layout_clean(text_view path, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_layout_clean, path, wanted, with);
    }

    /* Credentials: which are used where, and how the host is reached; storing and removing them. */
    value explain(text_view reference, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_explain, reference, wanted, with);
    }
    value login(text_view registry, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_login, registry, wanted, with);
    }
    value logout(text_view registry, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_logout, registry, wanted, with);
    }
    /* The authorization of a repository, for requests of the program's own: a secret. */
    value token(text_view repository, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_token, repository, wanted, with);
    }
    /* Where a blob or a manifest can be had by a downloader of the program's own: URLs with their headers, secrets. */
    value blob_locate(text_view reference, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_blob_locate, reference, wanted, with);
    }
    value manifest_locate(text_view reference, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_manifest_locate, reference, wanted, with);
    }

    /* Protocol v1; and which of the two protocols a registry speaks. */
    value registry_detect(text_view registry, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_registry_detect, registry, wanted, with);
    }
    value v1_ping(text_view registry, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_v1_ping, registry, wanted, with);
    }
    value v1_login(text_view registry, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_v1_login, registry, wanted, with);
    }
    value v1_search(text_view registry, text_view term, const options &wanted = {},
               const context *with = nullptr) const
    {
        return named_twice(ocireg_v1_search, registry, term, wanted, with);
    }
    value v1_images(text_view repository, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_v1_images, repository, wanted, with);
    }
    value v1_tags(text_view repository, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_v1_tags, repository, wanted, with);
    }
    value v1_tag(text_view reference, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_v1_tag, reference, wanted, with);
    }
    value v1_ancestry(text_view repository, text_view id, const options &wanted = {},
               const context *with = nullptr) const
    {
        return named_twice(ocireg_v1_ancestry, repository, id, wanted, with);
    }
    document v1_image(text_view repository, text_view id, const options &wanted = {},
                      const context *with = nullptr) const
    {
        return with_bytes(detail::with_id(ocireg_v1_image, id), repository, wanted, with);
    }
    value v1_layer_file(text_view repository, text_view id, text_view path, const options &wanted = {},
                        const context *with = nullptr) const
    {
        const detail::c_string name(repository), layer(id), target(path);
        return detail::json([&](char **json, ocireg_error **error) {
            return ocireg_v1_layer_file(get(), of(with), name, layer, target, wanted.get(), json, error);
        });
    }
    value v1_layer_fd(text_view repository, text_view id, int descriptor, const options &wanted = {},
                      const context *with = nullptr) const
    {
        const detail::c_string name(repository), layer(id);
        return detail::json([&](char **json, ocireg_error **error) {
            return ocireg_v1_layer_fd(get(), of(with), name, layer, descriptor, wanted.get(), json, error);
        });
    }
    document v1_layer_memory(text_view repository, text_view id, const options &wanted = {},
                             const context *with = nullptr) const
    {
        return with_bytes(detail::with_id(ocireg_v1_layer_memory, id), repository, wanted, with);
    }
    blob_reader v1_layer_open(text_view repository, text_view id, const options &wanted = {},
                              const context *with = nullptr) const
    {
        const detail::c_string name(repository), layer(id);
        return {kept(with), detail::made<ocireg_blob_reader>([&](ocireg_blob_reader **reader, ocireg_error **error) {
                    return ocireg_v1_layer_open(get(), of(with), name, layer, wanted.get(), reader, error);
                })};
    }
    value v1_put_image(text_view repository, text_view image, const options &wanted = {},
                       const context *with = nullptr) const
    {
        const detail::c_string name(repository);
        return detail::json([&](char **json, ocireg_error **error) {
            return ocireg_v1_put_image(get(), of(with), name, detail::octets(image), image.size(), wanted.get(), json, error);
        });
    }
    value v1_put_layer(text_view repository, text_view image, text_view bytes, const options &wanted = {},
                       const context *with = nullptr) const
    {
        const detail::c_string name(repository);
        return detail::json([&](char **json, ocireg_error **error) {
            return ocireg_v1_put_layer(get(), of(with), name, detail::octets(image), image.size(), detail::octets(bytes),
                                       bytes.size(), wanted.get(), json, error);
        });
    }
    value v1_put_layer_file(text_view repository, text_view image, text_view path,
                            const options &wanted = {}, const context *with = nullptr) const
    {
        const detail::c_string name(repository), source(path);
        return detail::json([&](char **json, ocireg_error **error) {
            return ocireg_v1_put_layer_file(get(), of(with), name, detail::octets(image), image.size(), source, wanted.get(),
                                            json, error);
        });
    }
    value v1_put_checksum(text_view repository, text_view id, text_view checksum,
                          const options &wanted = {}, const context *with = nullptr) const
    {
        const detail::c_string name(repository), layer(id), sum(checksum);
        return detail::json([&](char **json, ocireg_error **error) {
            return ocireg_v1_put_checksum(get(), of(with), name, layer, sum, wanted.get(), json, error);
        });
    }
    value v1_put_tag(text_view reference, text_view id, const options &wanted = {},
               const context *with = nullptr) const
    {
        return named_twice(ocireg_v1_put_tag, reference, id, wanted, with);
    }
    value v1_push(text_view source, text_view reference, const options &wanted = {},
                  const context *with = nullptr) const
    {
        return named_twice(ocireg_v1_push, source, reference, wanted, with);
    }
    value v1_delete_tag(text_view reference, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_v1_delete_tag, reference, wanted, with);
    }
    value v1_delete_repository(text_view repository, const options &wanted = {}, const context *with = nullptr) const
    {
        return named(ocireg_v1_delete_repository, repository, wanted, with);
    }

private:
    static ocireg_context *of(const context *with)
    {
        if (with != nullptr && with->get() == nullptr)
            detail::refuse("the context was moved from");
        return with != nullptr ? with->get() : nullptr;
    }
    static std::shared_ptr<void> kept(const context *with) noexcept { return with ? with->callbacks_ : nullptr; }

    /* Calls with one name and a JSON result (most of them); with two names; and with bytes. */
    template <class Function>
    value named(Function *function, text_view name, const options &wanted, const context *with) const
    {
        const detail::c_string text(name);
        return detail::json([&](char **json, ocireg_error **error) {
            return function(get(), of(with), text, wanted.get(), json, error);
        });
    }
    template <class Function>
    value named_twice(Function *function, text_view name, text_view second, const options &wanted,
                      const context *with) const
    {
        const detail::c_string text(name), more(second);
        return detail::json([&](char **json, ocireg_error **error) {
            return function(get(), of(with), text.get(), more.get(), wanted.get(), json, error);
        });
    }
    template <class Function>
    document with_bytes(Function &&function, text_view reference, const options &wanted, const context *with) const
    {
        const detail::c_string name(reference);
        detail::owned<ocireg_buffer> bytes;
        value info = detail::json([&](char **json, ocireg_error **error) {
            ocireg_buffer *raw = nullptr;
            const ocireg_status status = function(get(), of(with), name.get(), wanted.get(), json, &raw, error);
            bytes.reset(raw);
            return status;
        });
        return {std::move(info), buffer(std::move(bytes))};
    }
    static bool is_of_job(const context *with) noexcept { return with != nullptr && with->is_of_job(); }
    /* A call that needs a function until its end: a job has it until its next such call, or its own end. */
    template <class Function, class Call> value streamed(Function function, const context *with, Call &&call) const
    {
        auto kept = std::make_shared<Function>(std::move(function));
        value result = detail::json([&](char **json, ocireg_error **error) { return call(kept.get(), json, error); });
        if (is_of_job(with))
            with->bytes_ = std::move(kept);
        return result;
    }
    template <class Function>
    detail::paging paging(Function *function, const char *member, text_view name, std::size_t page_size, options wanted,
                          const context *with) const
    {
        if (of(with) != nullptr && is_of_job(with))
            detail::refuse("a loop over pages waits for each of them: a job begins repository_tags or registry_catalog");
        if (!wanted.has("n"))
            wanted.set("n", page_size);
        /* The callbacks outlive the context. */
        const auto fetch = [handle = get(), function, text = detail::c_string(name), callbacks = kept(with),
                            shared = with != nullptr ? with->handle_ : nullptr](const options &now) {
            return detail::json([&](char **json, ocireg_error **error) {
                return function(handle, shared.get(), text, now.get(), json, error);
            });
        };
        return {fetch, std::move(wanted), member};
    }

    detail::owned<ocireg_client> handle_;
};

/* --------------------------------------------------------------------------------------------------- Jobs */

/* Makes calls, one at a time, on a thread of the library. With the job's context the client's methods return at once, without a result,
 * and client::next_event tells what becomes of the call.
 *     client.blob_get_file(name, path, {}, &job.context());
 * It must be destroyed before its client, which cancels its call; it stays where it is, as events name it. Only where the call has a
 * function or a stream for bytes, or its last one had, the destructor waits for its end: so that function must not destroy the job. */
class job {
public:
    explicit job(const client &of, const options &wanted = {})
        : handle_(detail::made<ocireg_job>([&](ocireg_job **made, ocireg_error **error) {
              return ocireg_job_new(of.get(), wanted.get(), this, made, error);
          })),
          context_(ocireg_job_context(handle_.get()))
    {
    }
    job(const job &) = delete;
    job &operator=(const job &) = delete;
    ~job()
    {
        if (context_.bytes_ == nullptr)
            return;
        ocireg_job_cancel(get(), nullptr);
        while (ocireg_job_status(get()) == OCIREG_BUSY)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }

    /* For one method of the client at a time, whose result is the job's: busy_error before the call before it has ended. */
    const ocireg::context &context() const noexcept { return context_; }
    /* The same with a function of the C API:
     * begin([&](ocireg_context *context, ocireg_error **error) {
     *     return ocireg_blob_reader_read(reader.get(), nullptr, 4096, &count, error);
     * }) */
    template <class Function> void begin(Function &&function)
    {
        detail::call([&](ocireg_error **error) { return function(ocireg_job_context(get()), error); });
    }
    void cancel() const
    {
        detail::call([&](ocireg_error **error) { return ocireg_job_cancel(get(), error); });
    }
    /* Bytes done, and bytes in all, 0 while unknown. */
    std::pair<std::uint64_t, std::uint64_t> progress() const noexcept
    {
        std::pair<std::uint64_t, std::uint64_t> bytes;
        ocireg_job_progress(get(), &bytes.first, &bytes.second);
        return bytes;
    }
    /* What the last event said: JSON of OCIREG_EVENT_LOG and OCIREG_EVENT_BLOB, the host of OCIREG_EVENT_CREDENTIALS. */
    std::string_view event_text() const noexcept
    {
        const char *said = ocireg_job_event_text(get()); /* NULL in a forked child */
        return said ? std::string_view(said) : std::string_view();
    }
    /* Answers OCIREG_EVENT_CREDENTIALS; {} means anonymous access. */
    void answer(const credentials &given) const
    {
        const auto secrets = detail::made<ocireg_options>(ocireg_options_new);
        detail::set_credentials(secrets.get(), given);
        detail::call([&](ocireg_error **error) { return ocireg_job_answer(get(), secrets.get(), error); });
    }

    /* Throws the call's error, or busy_error while it has not ended; so do those below, which give what the method would have returned. */
    void check() const
    {
        const ocireg_status status = ocireg_job_status(get());
        if (status != OCIREG_OK)
            detail::raise(status, ocireg_job_error(get()));
    }
    /* The JSON of the call's result; value_error when it is something else, as client::manifest_digest's is: see text(). */
    value result() const
    {
        const std::string all = text();
        try {
            return value(all);
        } catch (const value_error &) {
            throw value_error("the job's result is not JSON: text() gives it");
        }
    }
    /* The result as it is: a digest (client::manifest_digest), or JSON. Empty when the call gives neither. */
    std::string text() const
    {
        check();
        const char *text = ocireg_job_json(get());
        return text == nullptr ? "" : text;
    }
    /* Valid until the next call. */
    std::string_view bytes() const
    {
        check();
        const ocireg_buffer *bytes = ocireg_job_bytes(get());
        return {reinterpret_cast<const char *>(ocireg_buffer_data(bytes)), ocireg_buffer_size(bytes)};
    }
    /* What the call has opened. Its reads and writes are calls of this job, for begin() and the functions of the C API:
     * ocireg_blob_reader_read, whose bytes() these are then, and ocireg_upload_write. Empty when it was taken before. */
    detail::owned<ocireg_blob_reader> take_reader() const
    {
        check();
        return detail::owned<ocireg_blob_reader>(ocireg_job_take_reader(get()));
    }
    detail::owned<ocireg_upload> take_upload() const
    {
        check();
        return detail::owned<ocireg_upload>(ocireg_job_take_upload(get()));
    }
    ocireg_job *get() const noexcept { return handle_.get(); }

private:
    detail::owned<ocireg_job> handle_;
    ocireg::context context_;
};

/* ------------------------------------------------------------------------------------------- No network */

/* The library's own version, and the name of a code. */
inline const char *version() noexcept { return ocireg_version(); }
inline std::uint32_t version_number() noexcept { return ocireg_version_number(); }
inline const char *status_name(ocireg_status status) noexcept { return ocireg_status_name(status); }

inline value index_parse(text_view name)
{
    const detail::c_string text(name);
    return detail::json([&](char **json, ocireg_error **error) { return ocireg_index_parse(text, json, error); });
}
inline value reference_parse(text_view name, const options &wanted = {})
{
    const detail::c_string text(name);
    return detail::json(
        [&](char **json, ocireg_error **error) { return ocireg_reference_parse(text, wanted.get(), json, error); });
}
inline value endpoint_parse(text_view name)
{
    const detail::c_string text(name);
    return detail::json([&](char **json, ocireg_error **error) { return ocireg_endpoint_parse(text, json, error); });
}
inline std::string digest_bytes(text_view bytes, const options &wanted = {})
{
    const auto digest = detail::made<char>([&](char **text, ocireg_error **error) {
        return ocireg_digest_bytes(detail::octets(bytes), bytes.size(), wanted.get(), text, error);
    });
    return digest.get();
}
inline value manifest_inspect(text_view bytes, const options &wanted = {})
{
    return detail::json([&](char **json, ocireg_error **error) {
        return ocireg_manifest_inspect(detail::octets(bytes), bytes.size(), wanted.get(), json, error);
    });
}
/* A manifest or an index of its parts, as JSON: its bytes, and what they are. */
inline document manifest_build(text_view parts, const options &wanted = {})
{
    const detail::c_string text(parts);
    detail::owned<ocireg_buffer> bytes;
    value info = detail::json([&](char **json, ocireg_error **error) {
        ocireg_buffer *made = nullptr;
        const ocireg_status status = ocireg_manifest_build(text, wanted.get(), json, &made, error);
        bytes.reset(made);
        return status;
    });
    return {std::move(info), buffer(std::move(bytes))};
}

/* Signed schema-1 manifests, and their keys in PEM. */
inline value schema1_verify(text_view bytes, const options &wanted = {})
{
    return detail::json([&](char **json, ocireg_error **error) {
        return ocireg_schema1_verify(detail::octets(bytes), bytes.size(), wanted.get(), json, error);
    });
}
inline buffer schema1_payload(text_view bytes)
{
    return buffer(detail::made<ocireg_buffer>([&](ocireg_buffer **payload, ocireg_error **error) {
        return ocireg_schema1_payload(detail::octets(bytes), bytes.size(), payload, error);
    }));
}
inline buffer schema1_sign(text_view bytes, text_view key, const options &wanted = {})
{
    const detail::c_string pem(key);
    return buffer(detail::made<ocireg_buffer>([&](ocireg_buffer **result, ocireg_error **error) {
        return ocireg_schema1_sign(detail::octets(bytes), bytes.size(), pem, wanted.get(), result, error);
    }));
}
inline std::string schema1_key(const options &wanted = {})
{
    return detail::made<char>([&](char **pem, ocireg_error **error) { return ocireg_schema1_key(wanted.get(), pem, error); })
        .get();
}
inline value schema1_key_info(text_view key)
{
    const detail::c_string pem(key);
    return detail::json([&](char **json, ocireg_error **error) { return ocireg_schema1_key_info(pem, json, error); });
}

} // namespace ocireg

#endif
