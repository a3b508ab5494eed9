// SPDX-License-Identifier: Apache-2.0
// A small HTTP/1.1 server on this machine that can misbehave.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace treino::test {

struct HttpRequest {
  std::string target;       // "/mnist/x.gz", or a whole address when asked as a proxy
  std::int64_t range = -1;  // "Range: bytes=N-"; -1: none
};

struct HttpReply {
  int status = 200;
  std::string body;
  std::vector<std::string> headers;
  std::int64_t cut = -1;   // close after so many bytes of the body; -1: send it all
  bool say_length = true;  // Content-Length
  int milliseconds = 0;    // before the first byte of the body
};

class HttpServer {
 public:
  using Handler = std::function<HttpReply(const HttpRequest&)>;

  explicit HttpServer(Handler handler) : handler_(std::move(handler)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
        listen(listener_, 16) != 0)
      std::abort();
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~HttpServer() {
    stop_ = true;
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    for (std::thread& worker : workers_) worker.join();
    close(listener_);
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string url(const std::string& path = "") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  std::vector<HttpRequest> requests() const {
    const std::lock_guard guard(mutex_);
    return requests_;
  }

  // The file, or its end where a range was asked for.
  static HttpReply file(const HttpRequest& request, const std::string& contents) {
    if (request.range < 0) return {200, contents};
    const auto size = static_cast<std::int64_t>(contents.size());
    if (request.range >= size) return {416, "", {"Content-Range: bytes */" + std::to_string(size)}};
    return {206,
            contents.substr(static_cast<std::size_t>(request.range)),
            {"Content-Range: bytes " + std::to_string(request.range) + "-" +
             std::to_string(size - 1) + "/" + std::to_string(size)}};
  }

 private:
  void serve() {
    while (!stop_) {
      const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) continue;
      workers_.emplace_back([this, connection] {
        answer(connection);
        close(connection);
      });
    }
  }

  void answer(int connection) {
    std::string head;
    char c;
    while (head.find("\r\n\r\n") == head.npos && recv(connection, &c, 1, 0) == 1) head += c;
    if (head.empty()) return;
    HttpRequest request;
    const std::size_t begin = head.find(' ') + 1;
    request.target = head.substr(begin, head.find(' ', begin) - begin);
    const std::size_t range = head.find("Range: bytes=");
    if (range != head.npos) request.range = std::atoll(head.c_str() + range + 13);
    {
      const std::lock_guard guard(mutex_);
      requests_.push_back(request);
    }
    const HttpReply reply = handler_(request);
    std::string start = "HTTP/1.1 " + std::to_string(reply.status) + " x\r\nConnection: close\r\n";
    if (reply.say_length) start += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n";
    for (const std::string& header : reply.headers) start += header + "\r\n";
    send_all(connection, start + "\r\n");
    for (int waited = 0; waited < reply.milliseconds && !stop_; waited += 20) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    send_all(connection, reply.cut < 0 ? reply.body
                                       : reply.body.substr(0, static_cast<std::size_t>(reply.cut)));
    shutdown(connection, SHUT_WR);
  }

  static void send_all(int connection, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  Handler handler_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stop_{false};
  mutable std::mutex mutex_;
  std::vector<HttpRequest> requests_;
  std::thread thread_;
  std::vector<std::thread> workers_;
};

}  // namespace treino::test
