// See netlink.h.
#include "netsetup/nftables/netlink.h"

#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/format.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <sys/socket.h>

extern "C" {
#include <libnftnl/common.h>
}

#include "base/freed.h"
#include "netsetup/capabilities.h"

namespace sidelock::nftables {

namespace {

// libnftnl writes into a buffer without asking how large it is. The largest message of ours is a list of set elements,
// which is an attribute and so has at most 64 KiB.
constexpr std::size_t kLargestMessage = std::size_t{256} * 1024;
constexpr std::size_t kAnswerSize = std::size_t{64} * 1024;

NetlinkError failed(const std::string& what) {
  const int number = errno;
  return {number, fmt::format("nftables: {}: {}", what, std::strerror(number))};  // NOLINT(concurrency-mt-unsafe)
}

using Socket = std::unique_ptr<mnl_socket, Freed<mnl_socket_close>>;

Socket open_socket() {
  Socket socket{mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC)};
  if (!socket) throw failed("open a netlink socket");
  if (mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) throw failed("bind the netlink socket");
  return socket;
}

std::string permission_advice() {
  if (missing_network_capabilities().find("NET_ADMIN") == std::string::npos) {
    return "NET_ADMIN is effective, so a user namespace without rights on this network namespace, a seccomp profile or "
           "a security module is in the way";
  }
  return "missing: NET_ADMIN; give `sidelock init` that capability (securityContext.capabilities.add)";
}

}  // namespace

Failure to_failure(const NetlinkError& error) {
  const std::string message = error.what();
  switch (error.number()) {
    case EPERM:
    case EACCES: return {ExitCode::kMissingPermission, message + "; " + permission_advice()};
    case EPROTONOSUPPORT:
    case EAFNOSUPPORT:
    case EOPNOTSUPP:
    case ENOENT:
    case EINVAL:
      return {ExitCode::kNoBackend,
              message + "; this kernel lacks nf_tables, or an expression of it that the rules need"};
    case EINTR: return {ExitCode::kFailure, message + "; another program kept changing the rules; try again"};
    default: return {ExitCode::kFailure, message};
  }
}

Batch::Batch() {
  append([](char* buffer, std::uint32_t sequence) { nftnl_batch_begin(buffer, sequence); }, "begin");
}

void Batch::append(const std::function<void(char*, std::uint32_t)>& build, const std::string& what) {
  static std::vector<char> buffer(kLargestMessage);
  build(buffer.data(), static_cast<std::uint32_t>(whats_.size()));
  whats_.push_back(what);
  nlmsghdr header{};
  std::memcpy(&header, buffer.data(), sizeof header);
  bytes_.insert(bytes_.end(), buffer.begin(), buffer.begin() + NLMSG_ALIGN(header.nlmsg_len));
}

void Batch::add(std::uint16_t type, std::uint16_t flags, const std::string& what,
                const std::function<void(nlmsghdr*)>& fill) {
  append([&](char* buffer,
             std::uint32_t sequence) { fill(nftnl_nlmsg_build_hdr(buffer, type, NFPROTO_INET, flags, sequence)); },
         what);
}

void send(Batch batch) {
  batch.append([](char* buffer, std::uint32_t sequence) { nftnl_batch_end(buffer, sequence); }, "end");
  const Socket socket = open_socket();
  const int descriptor = mnl_socket_get_fd(socket.get());
  // A transaction is one datagram; thousands of ports exceed what a socket takes by itself.
  const int size = static_cast<int>(batch.bytes_.size()) + 64 * 1024;
  static_cast<void>(::setsockopt(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size));
  if (mnl_socket_sendto(socket.get(), batch.bytes_.data(), batch.bytes_.size()) < 0) throw failed("write the rules");
  // The kernel has done all of it, and queued its complaints, when the call returns.
  std::vector<char> answer(kAnswerSize);
  for (;;) {
    const ssize_t received = ::recv(descriptor, answer.data(), answer.size(), MSG_DONTWAIT);
    if (received < 0 && errno == EAGAIN) return;
    if (received < 0) throw failed("read the kernel's answer");
    int length = static_cast<int>(received);
    for (const auto* header = reinterpret_cast<const nlmsghdr*>(answer.data()); mnl_nlmsg_ok(header, length);
         header = mnl_nlmsg_next(header, &length)) {
      if (header->nlmsg_type != NLMSG_ERROR) continue;
      errno = -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(header))->error;
      if (errno != 0) throw failed(header->nlmsg_seq < batch.whats_.size() ? batch.whats_[header->nlmsg_seq] : "write");
    }
  }
}

void dump(std::uint16_t type, std::uint16_t family, const std::function<void(nlmsghdr*)>& fill,
          const std::function<void(const nlmsghdr*)>& each) {
  constexpr std::uint32_t kSequence = 1;
  const Socket socket = open_socket();
  std::vector<char> buffer(kAnswerSize);
  nlmsghdr* request = nftnl_nlmsg_build_hdr(buffer.data(), type, family, NLM_F_DUMP, kSequence);
  fill(request);
  if (mnl_socket_sendto(socket.get(), request, request->nlmsg_len) < 0) throw failed("ask for the rules");
  const auto call = [](const nlmsghdr* message, void* data) {
    (**static_cast<const std::function<void(const nlmsghdr*)>**>(data))(message);
    return MNL_CB_OK;
  };
  const auto* each_message = &each;
  for (int result = MNL_CB_OK; result != MNL_CB_STOP;) {
    const ssize_t received = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
    if (received < 0) throw failed("read the rules");
    result = mnl_cb_run(buffer.data(), static_cast<std::size_t>(received), kSequence,
                        mnl_socket_get_portid(socket.get()), call, &each_message);
    if (result < 0) throw failed("read the rules");
  }
}

}  // namespace sidelock::nftables
