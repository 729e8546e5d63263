// A small HTTP server in a thread of its own, for health and metrics: one GET or HEAD a connection, everything about a
// client bounded. Built on Boost.Beast (docs/decisions/0013-admin-http.md).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace sidelock {

// One request; the text is the client's, untrusted, and valid only while the handler runs.
struct HttpRequest {
  std::string_view path = {};   // "/readyz"
  std::string_view query = {};  // "format=json"; empty when there is none
  std::string_view accept = {};
  std::string_view host = {};
};

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = {};
  std::string_view security_policy = {};                     // Content-Security-Policy, when not empty; lives for ever
  std::shared_ptr<const std::string> shared_body = nullptr;  // in place of `body`, when several answers share it
};

// At most AdminSettings::kMostClients are served at a time, the newest at the cost of the oldest.
class HttpServer {
 public:
  using Handler = std::function<HttpResponse(const HttpRequest&)>;  // called in the server's thread

  HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();  // closes everything and joins the thread

  // Serves the clients of a listening socket of AF_INET or AF_INET6. Before start(). Throws std::system_error.
  void serve(Fd listener, Handler handler);
  // Starts the thread, with signals blocked and less weight than the data path's. Call once.
  void start();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sidelock
