// See reactor.h.
#include "io/reactor.h"

#include <array>
#include <cstdint>

#include <sys/epoll.h>
#include <sys/eventfd.h>

namespace sidelock {

namespace {

constexpr int kEventsPerTurn = 256;
// Of every descriptor, edge-triggered. Ends and errors are told anyway.
constexpr unsigned kEvents = EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLET;

void resume_all(Waiter*& list) {
  Waiter* waiter = std::exchange(list, nullptr);
  while (waiter != nullptr) {
    // The node lives in the frame that is about to run: read it first.
    Waiter* const next = waiter->next;
    waiter->handle.resume();
    waiter = next;
  }
}

}  // namespace

Reactor::Reactor()
    : epoll_{check(::epoll_create1(EPOLL_CLOEXEC), "create an epoll instance")},
      wake_{check(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "create an eventfd")} {
  epoll_event event{};
  event.events = EPOLLIN;
  check(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event), "register the eventfd");
}

Reactor::~Reactor() { free_retired(); }

void Reactor::run() {
  std::array<epoll_event, kEventsPerTurn> events;
  while (!is_stopping_) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), kEventsPerTurn, wait_milliseconds());
    now_ = Clock::now();
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.ptr == nullptr) {
        run_posted();
      } else {
        dispatch(*static_cast<Watch*>(event.data.ptr), event.events);
      }
    }
    timers_.expire(now_);
    run_ready();
    free_retired();
  }
  is_stopping_ = false;
}

void Reactor::stop() noexcept {
  {
    const std::lock_guard lock{posted_mutex_};
    is_stop_posted_ = true;
  }
  wake();
}

void Reactor::post(std::function<void()> work) {
  {
    const std::lock_guard lock{posted_mutex_};
    posted_.push_back(std::move(work));
  }
  wake();
}

void Reactor::post(Errand& errand) noexcept {
  {
    const std::lock_guard lock{posted_mutex_};
    if (std::exchange(errand.is_posted_, true)) return;
    errand.next_ = std::exchange(errands_, &errand);
  }
  wake();
}

void Reactor::wake() noexcept {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the reactor is awake already.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

std::unique_ptr<Watch> Reactor::watch(int fd) {
  auto watch = std::make_unique<Watch>();
  watch->fd = fd;
  epoll_event event{};
  event.events = kEvents;
  event.data.ptr = watch.get();
  // The text would take memory.
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) check(-1, "register a descriptor");
  return watch;
}

void Reactor::tell_of_room(Watch& watch) {
  if (std::exchange(watch.is_told_of_room, true)) return;
  epoll_event event{};
  event.events = kEvents | EPOLLOUT;
  event.data.ptr = &watch;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, watch.fd, &event) != 0)
    check(-1, "watch a descriptor for room to write");
}

void Reactor::retire(std::unique_ptr<Watch> watch) noexcept {
  watch->readers = watch->writers = nullptr;
  watch->next_retired = std::move(retired_);
  retired_ = std::move(watch);
}

void Reactor::schedule_all(Waiter*& list) noexcept {
  for (Waiter* waiter = std::exchange(list, nullptr); waiter != nullptr;) {
    Waiter* const next = waiter->next;
    ready_.push(*waiter);
    waiter = next;
  }
}

void Reactor::dispatch(Watch& watch, unsigned events) {
  if ((events & (EPOLLRDHUP | EPOLLPRI | EPOLLHUP | EPOLLERR)) != 0) watch.may_stop_short = true;
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) watch.readable = true;
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) watch.writable = true;
  if (watch.writable) resume_all(watch.writers);
  if (watch.readable) resume_all(watch.readers);
}

void Reactor::run_ready() {
  Waiter* running = ready_.take();
  resume_all(running);
}

void Reactor::run_posted() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t drained = ::read(wake_.get(), &count, sizeof count);
  std::vector<std::function<void()>> work;
  Errand* errands = nullptr;
  {
    const std::lock_guard lock{posted_mutex_};
    work.swap(posted_);
    errands = std::exchange(errands_, nullptr);
    is_stopping_ = is_stopping_ || is_stop_posted_;
    is_stop_posted_ = false;
  }
  for (const auto& item : work) item();
  run_errands(errands);
}

void Reactor::run_errands(Errand* errands) {
  while (errands != nullptr) {
    Errand& errand = *errands;
    {
      // From then on it may be posted anew, into another list.
      const std::lock_guard lock{posted_mutex_};
      errands = errand.next_;
      errand.is_posted_ = false;
    }
    errand.work_();
  }
}

void Reactor::free_retired() noexcept {
  while (retired_) retired_ = std::move(retired_->next_retired);
}

int Reactor::wait_milliseconds() const {
  if (!ready_.empty()) return 0;
  if (timers_.empty()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(timers_.next_expiry() - Clock::now()).count();
  if (left <= 0) return 0;
  constexpr std::int64_t kLongest = 1 << 30;
  return static_cast<int>(left < kLongest ? left : kLongest);
}

}  // namespace sidelock
