// SPDX-License-Identifier: MIT
//
// For programs with many files: a pool's code compiled once, instead of in each file that uses it.
//
//   // pools.hpp
//   #include <tarn/instances.hpp>
//   #include <tarn/byte_pool.hpp>
//   using frame_pool = tarn::byte_pool<>;
//   TARN_DECLARE_BYTE_POOL(frame_pool);
//
//   // pools.cpp, one file of the program
//   #include "pools.hpp"
//   TARN_INSTANTIATE_CORE(frame_pool);
//   TARN_INSTANTIATE_BYTE_POOL(frame_pool);
//
// All of it belongs into the global namespace, behind the include of the pool's product; the
// argument is the name of a type. Pools of any product with the same lock, statistics, check and
// source have one core in common: it is instantiated once, for any of them. A compiler that reports
// a "duplicate explicit instantiation of core", or a linker that misses one, says which.
//
// What is worth inlining is inlined all the same: a get and a put cost what they did. A file with
// one get and one put then takes half as long to compile, and a tenth of its code is left. clang
// before 16 can't instantiate pools of `build_objects`: it also makes the members that are for kept
// objects.

#pragma once

#include <tarn/detail/base/compiler.hpp>

#define TARN_DECLARE_BYTE_POOL(POOL)                    \
  TARN_CORE_INSTANCE(extern template, POOL::core_type); \
  TARN_BYTE_POOL_INSTANCE(extern template, POOL)
#define TARN_DECLARE_OBJECT_POOL(POOL)                  \
  TARN_CORE_INSTANCE(extern template, POOL::core_type); \
  TARN_OBJECT_POOL_INSTANCE(extern template, POOL)
#define TARN_DECLARE_MESSAGE_POOL(POOL)                 \
  TARN_CORE_INSTANCE(extern template, POOL::core_type); \
  TARN_MESSAGE_POOL_INSTANCE(extern template, POOL)

#define TARN_INSTANTIATE_CORE(POOL) TARN_CORE_INSTANCE(template, POOL::core_type)
#define TARN_INSTANTIATE_BYTE_POOL(POOL) TARN_BYTE_POOL_INSTANCE(template, POOL)
#define TARN_INSTANTIATE_OBJECT_POOL(POOL) TARN_OBJECT_POOL_INSTANCE(template, POOL)
#define TARN_INSTANTIATE_MESSAGE_POOL(POOL) TARN_MESSAGE_POOL_INSTANCE(template, POOL)

// What the macros above stand for: the templates that a pool is made of. Names of types can't stand
// in parentheses. NOLINTBEGIN(bugprone-macro-parentheses)
#define TARN_CORE_INSTANCE(KEYWORD, CORE)            \
  KEYWORD class tarn::detail::core<CORE::config>;    \
  KEYWORD struct tarn::detail::upkeep<CORE::config>; \
  KEYWORD struct tarn::detail::bounds<CORE::config>
#define TARN_BYTE_POOL_INSTANCE(KEYWORD, POOL)                            \
  KEYWORD class tarn::detail::byte_core<POOL::core_type::product_config>; \
  KEYWORD class tarn::detail::pool_base<POOL::core_type>;                 \
  KEYWORD class tarn::byte_pool<POOL::lock_type, POOL::stats_type, POOL::traits_type>
#define TARN_OBJECT_CORE_INSTANCE(KEYWORD, CORE)                 \
  KEYWORD class tarn::detail::object_core<CORE::product_config>; \
  KEYWORD class tarn::detail::pool_base<CORE>
#define TARN_OBJECT_POOL_INSTANCE(KEYWORD, POOL)                                       \
  TARN_OBJECT_CORE_INSTANCE(KEYWORD, POOL::core_type);                                 \
  KEYWORD class tarn::object_pool<POOL::value_type, POOL::lock_type, POOL::stats_type, \
                                  POOL::traits_type>
#define TARN_MESSAGE_POOL_INSTANCE(KEYWORD, POOL)                                       \
  TARN_OBJECT_CORE_INSTANCE(KEYWORD, POOL::core_type);                                  \
  KEYWORD class tarn::message_pool<POOL::value_type, POOL::lock_type, POOL::stats_type, \
                                   POOL::traits_type>
// NOLINTEND(bugprone-macro-parentheses)
