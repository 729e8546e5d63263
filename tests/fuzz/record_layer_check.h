// A RecordLayer whose client is decided by arbitrary bytes, held against the model of client_script.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace sidelock {

// What the record layer did other than the model says; empty when nothing.
std::string check_record_layer(std::span<const std::uint8_t> bytes);

}  // namespace sidelock
