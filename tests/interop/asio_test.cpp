// SPDX-License-Identifier: MIT

#include <asio.hpp>

namespace net = asio;

#include "interop/asio_shared.hpp"
