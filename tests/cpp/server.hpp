// A server of the C++ tests, for things that no real registry here does: a function makes the response from each request's target.
#ifndef OCIREG_TEST_SERVER_HPP
#define OCIREG_TEST_SERVER_HPP

#include <arpa/inet.h>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

class server {
public:
    explicit server(std::function<std::string(std::string_view target)> answer)
        : answer_(std::move(answer)), listener_(socket(AF_INET, SOCK_STREAM, 0))
    {
        sockaddr_in address{};
        socklen_t size = sizeof address;
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        auto *any = reinterpret_cast<sockaddr *>(&address);
        if (bind(listener_, any, size) != 0 || listen(listener_, 16) != 0 || getsockname(listener_, any, &size) != 0) {
            std::perror("server");
            std::exit(1);
        }
        host_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
        thread_ = std::thread([this] { serve(); });
    }
    ~server()
    {
        shutdown(listener_, SHUT_RDWR); // ends accept()
        thread_.join();
        close(listener_);
    }
    server(const server &) = delete;
    server &operator=(const server &) = delete;
    const std::string &host() const { return host_; }

private:
    // One request per connection, one connection at a time. Anything but a request (a TLS hello) gets no response.
    void serve()
    {
        for (int peer = accept(listener_, nullptr, nullptr); peer >= 0; peer = accept(listener_, nullptr, nullptr)) {
            std::string head(4096, '\0');
            std::size_t size = 0;
            while (size < head.size() && head.find("\r\n\r\n") == std::string::npos) {
                const ssize_t count = recv(peer, &head[size], head.size() - size, 0);
                if (count <= 0)
                    break;
                size += static_cast<std::size_t>(count);
                if (head.compare(0, 4, "GET ") != 0)
                    break;
            }
            if (head.compare(0, 4, "GET ") == 0) {
                const std::string text = answer_(std::string_view(head).substr(4, head.find(' ', 4) - 4));
                if (send(peer, text.data(), text.size(), MSG_NOSIGNAL) < 0)
                    std::perror("server: send");
            }
            close(peer);
        }
    }

    std::function<std::string(std::string_view)> answer_;
    int listener_;
    std::string host_;
    std::thread thread_;
};

#endif
