// Checks of the C++ tests: they report the place, and count failures.
#ifndef OCIREG_TEST_CHECK_HPP
#define OCIREG_TEST_CHECK_HPP

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

inline int failures = 0;

template <class A, class B> void check_equal(const A &a, const B &b, const char *what, const char *file, int line)
{
    if (a == b)
        return;
    failures++;
    std::fprintf(stderr, "%s:%d: not equal: %s\n", file, line, what);
}

#define CHECK(condition) check_equal(static_cast<bool>(condition), true, #condition, __FILE__, __LINE__)
#define CHECK_EQUAL(a, b) check_equal((a), (b), #a " == " #b, __FILE__, __LINE__)

// The statement throws exactly this class, and a base of it is BASE. The exception's text has PART in it.
#define CHECK_THROWS(CLASS, BASE, PART, ...)                                                                                   \
    do {                                                                                                                       \
        bool right = false;                                                                                                    \
        try {                                                                                                                  \
            __VA_ARGS__;                                                                                                       \
            std::fprintf(stderr, "%s:%d: nothing thrown\n", __FILE__, __LINE__);                                               \
        } catch (const BASE &caught) {                                                                                         \
            right = typeid(caught) == typeid(CLASS) && std::string_view(caught.what()).find(PART) != std::string_view::npos;   \
            if (!right)                                                                                                        \
                std::fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, typeid(caught).name(), caught.what());             \
        }                                                                                                                      \
        failures += !right;                                                                                                    \
    } while (false)

inline std::string environment(const char *name)
{
    const char *text = std::getenv(name);
    if (text == nullptr) {
        std::fprintf(stderr, "%s is not set: run by tests/cpp/run.sh\n", name);
        std::exit(1);
    }
    return text;
}

#endif
