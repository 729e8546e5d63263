// bench-load: the client side of every measurement. Prints one JSON object per line: {"event":"ready"} once everything
// is warm, then waits for a line on its standard input, does the measured work, and prints {"event":"done", ...} with
// its own counts. `idle` then holds its connections until another line or the end of its input.
#include <cstdio>
#include <iostream>
#include <stdexcept>

#include <boost/program_options.hpp>
#include <nlohmann/json.hpp>

#include "client.h"

namespace bench {

namespace {

struct Work {
  std::string mode;
  std::size_t connections = 0;
  std::size_t count = 0;
  std::uint64_t request_size = 0;
  std::uint64_t answer_size = 0;
  std::uint64_t rate = 0;
  std::size_t burst = 0;
  std::int64_t duration_ns = 0;
};

using Clients = std::vector<std::unique_ptr<Client>>;

void tell(const nlohmann::json& event) { std::cout << event.dump() << std::endl; }

void wait_for_go() {
  tell({{"event", "ready"}});
  std::string line;
  std::getline(std::cin, line);
}

// Handles what has happened; waits for it at most `timeout_ns`. Calls `on_idle` for each connection that became idle.
template <class OnIdle>
void turn(Shared& shared, std::int64_t timeout_ns, const OnIdle& on_idle) {
  for (const epoll_event& event : shared.epoll.wait(timeout_ns)) {
    auto* const client = static_cast<Client*>(event.data.ptr);
    const auto before = client->state();
    client->go_on();
    if (client->state() == Client::State::kIdle && before != Client::State::kIdle) on_idle(*client);
  }
}

// Opens connections, `at_once` at a time, and waits until every one has shaken hands and has had one answer: only then
// has every system reached its app.
Clients open(Shared& shared, std::size_t count) {
  constexpr std::size_t kAtOnce = 64;
  constexpr Header kGreeting{64, 64};
  Clients clients;
  std::vector<bool> has_asked(count);
  std::size_t ready = 0;
  while (ready < count) {
    while (clients.size() < count && clients.size() - ready < kAtOnce) {
      clients.push_back(std::make_unique<Client>(shared));
      clients.back()->index = clients.size() - 1;
    }
    turn(shared, -1, [&](Client& client) {
      if (has_asked[client.index]) {
        ++ready;
      } else {
        has_asked[client.index] = true;
        client.ask(kGreeting, 0);
        if (client.state() == Client::State::kIdle) ++ready;
      }
    });
  }
  return clients;
}

// Makes `count` connections, each with one small request, `concurrency` at a time.
void connect_many(Shared& shared, std::size_t count, std::size_t concurrency) {
  constexpr Header kRequest{64, 64};
  Clients clients(concurrency);
  std::vector<bool> has_asked(concurrency);
  std::size_t begun = 0;
  std::size_t ended = 0;
  const auto begin = [&](std::size_t place) {
    clients[place].reset();
    if (begun == count) return;
    ++begun;
    has_asked[place] = false;
    clients[place] = std::make_unique<Client>(shared);
    clients[place]->index = place;
  };
  for (std::size_t place = 0; place < concurrency; ++place) begin(place);
  std::vector<std::size_t> finished;
  while (ended < count) {
    turn(shared, -1, [&](Client& client) {
      if (!has_asked[client.index]) {
        has_asked[client.index] = true;
        client.ask(kRequest, 0);
        if (client.state() != Client::State::kIdle) return;
      }
      finished.push_back(client.index);
    });
    ended += finished.size();
    for (const std::size_t place : finished) begin(place);
    finished.clear();
  }
}

nlohmann::json run_connections(Shared& shared, const Work& work) {
  constexpr std::size_t kWarmUp = 50;
  connect_many(shared, kWarmUp, work.connections);
  shared.resumed = 0;
  wait_for_go();
  connect_many(shared, work.count, work.connections);
  return {{"units", work.count}, {"resumed", shared.resumed}};
}

struct Latencies {
  std::vector<std::int64_t> all;

  void add(std::int64_t from) { all.push_back(now_ns() - from); }
  [[nodiscard]] double microseconds(double quantile) {
    if (all.empty()) return 0;
    const auto place = all.begin() + static_cast<std::ptrdiff_t>(quantile * static_cast<double>(all.size() - 1));
    std::nth_element(all.begin(), place, all.end());
    return static_cast<double>(*place) / 1e3;
  }
};

// Asks again as soon as an answer is there.
nlohmann::json run_closed_loop(Shared& shared, const Work& work, Clients& clients) {
  const Header request{work.request_size, work.answer_size};
  Latencies latencies;
  const std::int64_t begin = now_ns();
  const std::int64_t end = begin + work.duration_ns;
  std::size_t busy = clients.size();
  const auto answered = [&](Client& client) {
    do {
      latencies.add(client.asked_at());
      if (now_ns() >= end) {
        --busy;
        return;
      }
      client.ask(request, now_ns());
    } while (client.state() == Client::State::kIdle);  // the answer may be there as soon as the question has left
  };
  for (const auto& client : clients) {
    client->ask(request, now_ns());
    if (client->state() == Client::State::kIdle) answered(*client);
  }
  while (busy > 0) turn(shared, -1, answered);
  return {{"units", latencies.all.size()}, {"p50_us", latencies.microseconds(0.5)}, {"p99_us", latencies.microseconds(0.99)}};
}

// Asks at a fixed rate, in bursts; a request whose connection is still busy goes to the next one that is free. The
// time of an answer counts from the moment when the question was due.
nlohmann::json run_at_rate(Shared& shared, const Work& work, Clients& clients) {
  const Header request{work.request_size, work.answer_size};
  Latencies latencies;
  std::size_t next = 0;
  std::size_t missed = 0;
  std::size_t busy = 0;
  const auto answered = [&](Client& client) {
    latencies.add(client.asked_at());
    --busy;
  };
  const auto ask_one = [&](std::int64_t due) {
    for (std::size_t tried = 0; tried < clients.size(); ++tried) {
      Client& client = *clients[next++ % clients.size()];
      if (client.state() != Client::State::kIdle) continue;
      ++busy;
      client.ask(request, due);
      if (client.state() == Client::State::kIdle) answered(client);
      return;
    }
    ++missed;
  };
  const auto interval = static_cast<std::int64_t>(1e9 * static_cast<double>(work.burst) / static_cast<double>(work.rate));
  const std::int64_t end = now_ns() + work.duration_ns;
  for (std::int64_t due = now_ns(); due < end; due += interval) {
    for (std::int64_t left = due - now_ns(); left > 0; left = due - now_ns()) turn(shared, left, answered);
    for (std::size_t i = 0; i < work.burst; ++i) ask_one(due);
  }
  while (busy > 0) turn(shared, -1, answered);
  return {{"units", latencies.all.size()},
          {"missed", missed},
          {"p50_us", latencies.microseconds(0.5)},
          {"p99_us", latencies.microseconds(0.99)}};
}

nlohmann::json run_requests(Shared& shared, Work work) {
  Clients clients = open(shared, work.connections);
  Work warm_up = work;
  warm_up.duration_ns = std::min<std::int64_t>(work.duration_ns, 100'000'000);
  run_closed_loop(shared, warm_up, clients);
  wait_for_go();
  return work.rate == 0 ? run_closed_loop(shared, work, clients) : run_at_rate(shared, work, clients);
}

// `count` messages over each connection, one after the other.
nlohmann::json run_bulk(Shared& shared, const Work& work) {
  const Header request{work.request_size, work.answer_size};
  Clients clients = open(shared, work.connections);
  std::vector<std::size_t> left(clients.size(), work.count);
  wait_for_go();
  std::size_t busy = clients.size();
  const auto again = [&](Client& client) {
    while (client.state() == Client::State::kIdle) {
      if (left[client.index] == 0) {
        --busy;
        return;
      }
      --left[client.index];
      client.ask(request, 0);
    }
  };
  for (const auto& client : clients) again(*client);
  while (busy > 0) turn(shared, -1, again);
  const std::uint64_t bytes = work.request_size + work.answer_size;
  return {{"units", static_cast<double>(bytes * work.count * work.connections) / 1024}};
}

nlohmann::json run_idle(Shared& shared, const Work& work) {
  wait_for_go();
  const Clients clients = open(shared, work.connections);
  tell({{"event", "done"}, {"units", clients.size()}});
  std::string line;
  std::getline(std::cin, line);
  return {{"units", clients.size()}};
}

// One connection and one answer over it, from a server that may not be listening yet, or that accepts before it can
// serve and resets: whatever fails is tried again.
nlohmann::json run_first(Shared& shared) {
  wait_for_go();
  const std::int64_t give_up = now_ns() + 10'000'000'000;
  for (std::size_t failed = 0;; ++failed) {
    try {
      return {{"units", open(shared, 1).size()}, {"failed", failed}};
    } catch (const std::runtime_error&) {
      if (now_ns() > give_up) throw;
    }
  }
}

nlohmann::json run(Shared& shared, const Work& work) {
  if (work.mode == "connections") return run_connections(shared, work);
  if (work.mode == "requests") return run_requests(shared, work);
  if (work.mode == "bulk") return run_bulk(shared, work);
  if (work.mode == "idle") return run_idle(shared, work);
  if (work.mode == "first") return run_first(shared);
  throw std::invalid_argument{"the mode is connections, requests, bulk, idle or first, not " + work.mode};
}

int start(int argc, char** argv) {
  namespace options = boost::program_options;
  Work work;
  Shared shared;
  std::string to;
  std::string ciphersuites;
  std::string groups;
  std::int64_t duration_ms = 0;
  options::options_description known{"bench-load MODE --to ADDRESS:PORT"};
  known.add_options()("help", "this text")("mode", options::value(&work.mode), "connections, requests, bulk, idle, first");
  known.add_options()("to", options::value(&to)->required(), "where to connect");
  known.add_options()("plain", "no TLS");
  known.add_options()("resume", options::bool_switch(&shared.resume), "resume TLS sessions");
  known.add_options()("ciphersuites", options::value(&ciphersuites), "of TLS 1.3, as OpenSSL writes them");
  known.add_options()("groups", options::value(&groups), "of the key exchange");
  known.add_options()("connections", options::value(&work.connections)->default_value(1), "how many at a time");
  known.add_options()("count", options::value(&work.count)->default_value(1), "of connections, or messages on each");
  known.add_options()("request-size", options::value(&work.request_size)->default_value(1024), "bytes");
  known.add_options()("answer-size", options::value(&work.answer_size)->default_value(1024), "bytes");
  known.add_options()("rate", options::value(&work.rate)->default_value(0), "requests per second; 0: closed loop");
  known.add_options()("burst", options::value(&work.burst)->default_value(1), "requests at a time");
  known.add_options()("duration-ms", options::value(&duration_ms)->default_value(1000), "of requests");
  options::variables_map given;
  const auto mode_first = options::positional_options_description{}.add("mode", 1);
  options::store(options::command_line_parser(argc, argv).options(known).positional(mode_first).run(), given);
  if (given.contains("help")) {
    std::cout << known;
    return 0;
  }
  options::notify(given);
  if (work.request_size < sizeof(Header)) throw std::invalid_argument{"--request-size: a request has 16 bytes or more"};
  work.duration_ns = duration_ms * 1'000'000;
  shared.target = parse_target(to);
  if (!given.contains("plain")) shared.context = make_context(shared, ciphersuites, groups);
  nlohmann::json result = run(shared, work);
  result["event"] = "done";
  tell(result);
  return 0;
}

}  // namespace

}  // namespace bench

int main(int argc, char** argv) {
  try {
    bench::prepare_process();
    return bench::start(argc, argv);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "bench-load: %s\n", failure.what());
    return 1;
  }
}
