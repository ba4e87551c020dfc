// SPDX-License-Identifier: MIT
//
// instances: compiles the code of a pool in one file of a program instead of in each file.
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
// The macros belong into the global namespace, after the include of the pool's product. The
// argument is the name of a type. Pools of any product with the same lock, statistics, check and
// source share one core. Instantiate that core once, for any of these pools. A "duplicate explicit
// instantiation of core" from the compiler, or a missing core from the linker, shows a mistake.
//
// The hit paths are inlined all the same: a get and a put cost as much as without this header. A
// file with one get and one put takes half as long to compile, and has a tenth of the code. clang
// before 16 can't instantiate pools of `build_objects`: it also instantiates the members of
// pools of kept objects.

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

// The templates that a pool is made of. Names of types can't stand in parentheses.
// NOLINTBEGIN(bugprone-macro-parentheses)
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
