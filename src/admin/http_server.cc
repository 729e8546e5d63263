// See http_server.h.
#include "admin/http_server.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <list>
#include <optional>
#include <thread>

#include <sys/resource.h>
#include <sys/socket.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "base/log.h"
#include "base/privileges.h"
#include "config/settings.h"

namespace sidelock {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using Error = beast::error_code;

constexpr std::size_t kHeaderBytes = 8192;
constexpr std::chrono::seconds kRequestLimit{5};
constexpr std::chrono::seconds kAnswerLimit{5};
constexpr std::chrono::seconds kFarewellLimit{1};
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr int kNiceness = 5;  // a busy worker weighs three times as much

HttpResponse plain(unsigned status, std::string_view text) {
  return {.status = status, .body = std::string{text} + '\n'};
}

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

// One client, from its request to its farewell. Each pending operation holds a reference; abort() ends them all.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, const HttpServer::Handler& handler) : stream_{std::move(socket)}, handler_{handler} {
    parser_.header_limit(kHeaderBytes);
  }

  void start() {
    stream_.expires_after(kRequestLimit);
    http::async_read_header(stream_, buffer_, parser_,
                            [self = shared_from_this()](Error error, std::size_t) { self->answer(error); });
  }
  void abort() { stream_.close(); }
  [[nodiscard]] bool is_open() const { return stream_.socket().is_open(); }

 private:
  void answer(Error error) {
    HttpResponse response;
    if (!error) {
      response = respond();
    } else if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      response = plain(431, "the request's header is too large");
    } else if (error.category() == http::make_error_code(http::error::end_of_stream).category() &&
               error != http::error::end_of_stream && error != http::error::partial_message) {
      response = plain(400, "this is no HTTP request");
    } else {
      return abort();  // gone, or too slow
    }
    write(std::move(response));
  }

  HttpResponse respond() {
    const auto& request = parser_.get();
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
      return plain(405, "only GET and HEAD");
    }
    const std::string_view target = view(request.target());
    const std::size_t mark = target.find('?');
    HttpRequest asked;
    asked.path = target.substr(0, mark);
    if (mark != std::string_view::npos) asked.query = target.substr(mark + 1);
    asked.accept = view(request[http::field::accept]);
    asked.host = view(request[http::field::host]);
    try {
      return handler_(asked);
    } catch (const std::exception& failure) {
      log::warning("an admin request failed: {}", failure.what());
      return plain(500, "failed; the log tells more");
    }
  }

  void write(HttpResponse response) {
    body_ = response.shared_body ? std::move(response.shared_body)
                                 : std::make_shared<const std::string>(std::move(response.body));
    response_.result(response.status);
    response_.version(11);
    response_.keep_alive(false);
    response_.set(http::field::content_type, response.content_type);
    response_.set(http::field::cache_control, "no-store");
    response_.set("X-Content-Type-Options", "nosniff");
    if (!response.security_policy.empty()) {
      response_.set("Content-Security-Policy",
                    beast::string_view{response.security_policy.data(), response.security_policy.size()});
      response_.set("Cross-Origin-Resource-Policy", "same-origin");
      response_.set("Referrer-Policy", "no-referrer");
    }
    if (response.status == 405) response_.set(http::field::allow, "GET, HEAD");
    response_.content_length(body_->size());
    response_.body() = {body_->data(), body_->size()};
    stream_.expires_after(kAnswerLimit);
    const auto on_written = [self = shared_from_this()](Error error, std::size_t) { self->say_farewell(error); };
    if (parser_.get().method() == http::verb::head) {
      http::async_write_header(stream_, serializer_, on_written);
    } else {
      http::async_write(stream_, serializer_, on_written);
    }
  }

  // Closing with unread input would reset the connection and could take the answer away: read a little, then close.
  void say_farewell(Error error) {
    if (error && error != http::error::end_of_stream) return abort();
    Error ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    buffer_.clear();
    stream_.expires_after(kFarewellLimit);
    drop_input();
  }
  void drop_input() {
    stream_.async_read_some(asio::buffer(rest_), [self = shared_from_this()](Error error, std::size_t size) {
      self->dropped_ += size;
      if (error || self->dropped_ > kHeaderBytes) return self->abort();
      self->drop_input();
    });
  }

  beast::tcp_stream stream_;
  const HttpServer::Handler& handler_;
  beast::flat_static_buffer<2 * kHeaderBytes> buffer_;
  http::request_parser<http::empty_body> parser_;
  std::shared_ptr<const std::string> body_;
  http::response<http::span_body<const char>> response_;
  http::response_serializer<http::span_body<const char>> serializer_{response_};
  std::array<char, 1024> rest_{};
  std::size_t dropped_ = 0;
};

class HttpServer::Impl {
 public:
  ~Impl() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }

  void serve(Fd fd, Handler handler) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    check(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size),
          "ask for the admin listener's address");
    Listener& listener = listeners_.emplace_back(context_, std::move(handler));
    listener.acceptor.assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), fd.release());
  }

  void start() {
    // Signals belong to the main thread; a new thread inherits the mask.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread{[this] {
      ::pthread_setname_np(::pthread_self(), "admin");
      // It only answers questions, so it needs no privilege, whatever the data path has.
      drop_privileges();
      // setpriority(2): for Linux a thread is a process, and 0 is the calling one.
      ::setpriority(PRIO_PROCESS, 0, kNiceness);
      answer_all();
    }};
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

 private:
  struct Listener {
    Listener(asio::io_context& context, Handler how) : acceptor{context}, pause{context}, handler{std::move(how)} {}
    tcp::acceptor acceptor;
    asio::steady_timer pause;
    Handler handler;
    // Shared with the handler that waits for a client, or for the pause to be over: without memory Asio may drop that
    // unasked.
    std::shared_ptr<const char> waiting = std::make_shared<const char>();
    [[nodiscard]] bool is_deaf() const noexcept { return waiting.use_count() == 1; }
  };

  // Without memory whoever is being served is given up, and with the last reference to it its connection.
  void answer_all() {
    while (!context_.stopped()) {
      try {
        for (Listener& listener : listeners_) {
          if (listener.is_deaf()) accept(listener);
        }
        context_.run();
      } catch (const std::exception& failure) {
        log::warning("an admin request was given up: {}", failure.what());
        if (std::ranges::any_of(listeners_, &Listener::is_deaf)) std::this_thread::sleep_for(kAcceptPause);
      }
    }
  }

  void accept(Listener& listener) {
    listener.acceptor.async_accept([this, &listener, waiting = listener.waiting](Error error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) return accept_later(listener);
      accept(listener);
      admit(std::move(socket), listener);
    });
  }

  // Out of descriptors or memory: others may give some back.
  void accept_later(Listener& listener) {
    listener.pause.expires_after(kAcceptPause);
    listener.pause.async_wait([this, &listener, waiting = listener.waiting](Error error) {
      if (!error) accept(listener);
    });
  }

  // A probe asks at once, so whoever has been here longest is the one who stalls.
  void admit(tcp::socket socket, Listener& listener) {
    std::erase_if(sessions_, [](const std::weak_ptr<Session>& each) {
      const auto session = each.lock();
      return !session || !session->is_open();
    });
    if (sessions_.size() >= AdminSettings::kMostClients) {
      if (const auto oldest = sessions_.front().lock()) oldest->abort();
      sessions_.pop_front();
    }
    const auto session = std::make_shared<Session>(std::move(socket), listener.handler);
    sessions_.push_back(session);
    session->start();
  }

  asio::io_context context_{1};
  std::list<Listener> listeners_;
  std::list<std::weak_ptr<Session>> sessions_;  // the oldest first
  std::thread thread_;
};

HttpServer::HttpServer() : impl_{std::make_unique<Impl>()} {}
HttpServer::~HttpServer() = default;
void HttpServer::serve(Fd listener, Handler handler) { impl_->serve(std::move(listener), std::move(handler)); }
void HttpServer::start() { impl_->start(); }

}  // namespace sidelock
