// SPDX-License-Identifier: MIT

#include <utility>  // missing in Boost 1.74

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace net = boost::asio;

#include "interop/asio_shared.hpp"

TEST_CASE("Beast reads requests through our buffer", "[asio]") {
  namespace http = boost::beast::http;
  connection c;
  c.send(
      "POST /one HTTP/1.1\r\nHost: tarn\r\nContent-Length: 4\r\n\r\nbody"
      "GET /two HTTP/1.1\r\nHost: tarn\r\n\r\n");
  tarn::fast_buffer bytes;
  auto buffer = tarn_net::dynamic_v1(bytes);
  http::request<http::string_body> request;
  http::read(c.here, buffer, request);
  CHECK(request.target() == "/one");
  CHECK(request.body() == "body");
  request = {};
  http::read(c.here, buffer, request);  // most of it arrived with the first request
  CHECK(request.target() == "/two");
  CHECK(bytes.empty());
}
