// SPDX-License-Identifier: MIT
//
// Gets for coroutines and executors: at a capacity or a limit a coroutine is suspended, where a
// thread would sleep.
//
//   task serve(tarn::byte_pool<>& pool) {
//     auto b = co_await tarn::async_get(pool, 1500);            // goes on where memory came back
//     auto c = co_await tarn::async_get(pool, 1500, executor);  // goes on in the executor
//     if (!b) co_return;                                        // the pool was closed
//   }
//
//   // In a coroutine of Asio or Boost.Asio, whose header this one does not include:
//   using gets = tarn::asio_gets<asio::async_result>;
//   auto b = co_await gets::async_get(pool, 1500, co_await asio::this_coro::executor,
//                                     asio::use_awaitable);

#pragma once

#include <tarn/detail/base/compiler.hpp>  // first: in C++17 <coroutine> has an error of its own

#include <atomic>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

#include <tarn/byte_pool.hpp>
#include <tarn/detail/base/access.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/unsized_pool.hpp>

namespace tarn {

/// The executor of plain coroutines: a coroutine goes on inside the put, or the close, that it
/// waited for, on that thread. Coroutines that wait for each other run in turn, not nested.
struct resume_here {};

namespace detail {

/// What a request wants of a pool. `first` is the attempt before it waits.
template <class Pool>
struct wanted;

template <class Lock, class Stats, class Traits>
struct wanted<byte_pool<Lock, Stats, Traits>> {
  using pool_type = byte_pool<Lock, Stats, Traits>;
  using core_type = typename access::of<pool_type>::core;
  using result = typename pool_type::buffer;
  static constexpr bool may_throw = false;  // other than for lack of memory

  std::size_t size;
  typename pool_type::where_type where;
  bool is_room = false;  // the buffer is empty, with room for `size` bytes

  [[nodiscard]] std::uint32_t tier_in(const core_type& c) const noexcept {
    return c.tier_of(size, small_alignment);
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return size; }
  [[nodiscard]] result first(core_type& c) const { return made(c, c.take_unreported(size, where)); }
  [[nodiscard]] result look(core_type& c, turn whose) const {
    return made(c, c.take_in_turn(size, where, whose));
  }

 private:
  [[nodiscard]] result made(core_type& c, typename core_type::sized_block got) const {
    if (got.block == nullptr) return {};
    return access::make<result>(got.block, is_room ? 0 : size, got.capacity, &c);
  }
};

template <class T, class Lock, class Stats, class Traits>
struct wanted<object_pool<T, Lock, Stats, Traits>> {
  using pool_type = object_pool<T, Lock, Stats, Traits>;
  using core_type = typename access::of<pool_type>::core;
  using result = typename pool_type::handle;
  static constexpr bool may_throw = true;  // the factory

  typename pool_type::where_type where;

  [[nodiscard]] static std::uint32_t tier_in(const core_type&) noexcept { return 0; }
  [[nodiscard]] static std::size_t bytes() noexcept { return sizeof(T); }
  [[nodiscard]] result first(core_type& c) const {
    return access::make<result>(c.take_kept(where, false), &c);
  }
  [[nodiscard]] result look(core_type& c, turn whose) const {
    return access::make<result>(c.take_kept_in_turn(where, whose), &c);
  }
};

/// What the calling thread is to resume, one after the other.
class resume_queue {
 public:
  /// It leaves the queue when it ends: one that is resumed may end others, which are queued.
  class entry {
   public:
    using run_type = void (*)(entry&) noexcept;
    explicit entry(run_type run) noexcept : run_(run) {}
    entry(const entry&) = delete;
    entry& operator=(const entry&) = delete;
    ~entry() {
      if (queue_ != nullptr) queue_->remove(*this);
    }

   private:
    friend resume_queue;
    run_type run_;
    resume_queue* queue_ = nullptr;
    entry* next_ = nullptr;
    entry* previous_ = nullptr;
  };
  /// Not inlined into a coroutine, which may change threads: see interop/coroutine.hpp.
  [[gnu::__noinline__]] static void run(entry& e) noexcept {
    static thread_local resume_queue mine;
    mine.add(e);
    if (mine.runs_) return;  // further up on this thread
    mine.runs_ = true;
    while (entry* const one = mine.first_) {
      mine.remove(*one);
      one->run_(*one);
    }
    mine.runs_ = false;
  }

 private:
  void add(entry& e) noexcept {
    e.queue_ = this;
    e.next_ = nullptr;
    e.previous_ = last_;
    (last_ != nullptr ? last_->next_ : first_) = &e;
    last_ = &e;
  }
  void remove(entry& e) noexcept {
    e.queue_ = nullptr;
    (e.previous_ != nullptr ? e.previous_->next_ : first_) = e.next_;
    (e.next_ != nullptr ? e.next_->previous_ : last_) = e.previous_;
  }

  entry* first_ = nullptr;
  entry* last_ = nullptr;
  bool runs_ = false;
};

// What an executor has to run a function later, never inside the call. `execute` may run it there.
template <class Executor, class Function>
concept posts_by_member = requires(const Executor& executor, Function function) {
  executor.post(std::move(function), std::allocator<void>());
};
/// A free function, found by the type of the executor: that of Asio, for all of its executors.
template <class Executor, class Function>
concept posts_by_name =
    requires(const Executor& executor, Function function) { post(executor, std::move(function)); };

/// Runs `function` by an executor.
template <class Executor, class Function>
void run_by(const Executor& executor, Function function) {
  if constexpr (posts_by_member<Executor, Function>) {
    executor.post(std::move(function), std::allocator<void>());
  } else if constexpr (posts_by_name<Executor, Function>) {
    post(executor, std::move(function));
  } else {
    executor.execute(std::move(function));
  }
}
/// To be called inside such a function. One that `execute` runs at once is in the stack of another.
template <class Executor, class Function>
void go_on_by(resume_queue::entry& e, void (*now)(resume_queue::entry&) noexcept) noexcept {
  if constexpr (posts_by_member<Executor, Function> || posts_by_name<Executor, Function>) {
    now(e);
  } else {
    resume_queue::run(e);
  }
}

/// What functions that were given to an executor know of their get, which may end before they run.
/// `get` is read and changed only where the get is resumed and destroyed: never at the same time.
template <class Get, class Executor>
struct wake_ticket {
  Get* get;
  Executor executor;
  std::atomic<std::uint32_t> users{1};  // the get, and the functions

  wake_ticket(Get& whose, const Executor& by) : get(&whose), executor(by) {}
  // relaxed: the caller is a user already.
  void hold() noexcept { users.fetch_add(1, std::memory_order::relaxed); }
  // acq_rel: the last one sees what all others did.
  void drop() noexcept {
    if (users.fetch_sub(1, std::memory_order::acq_rel) == 1) delete this;
  }
};

/// The function that an executor gets. Copyable, as `std::function` demands.
template <class Ticket>
class wake_function {
 public:
  /// Takes over one user of the ticket.
  explicit wake_function(Ticket& ticket) noexcept : ticket_(&ticket) {}
  wake_function(const wake_function& other) noexcept : ticket_(other.ticket_) { ticket_->hold(); }
  wake_function(wake_function&& other) noexcept : ticket_(std::exchange(other.ticket_, nullptr)) {}
  wake_function& operator=(const wake_function&) = delete;
  ~wake_function() {
    if (ticket_ != nullptr) ticket_->drop();
  }
  void operator()() const noexcept {
    if (auto* const get = ticket_->get) get->template resumed_by<wake_function>();
  }

 private:
  Ticket* ticket_;
};

/// A get that waits without a thread. It keeps the core while it waits, so the pool may end before
/// it. Neither copyable nor movable.
template <class Pool, class Executor>
class waiting_get : resume_queue::entry, waiting_request<typename access::of<Pool>::core::env> {
  using want = wanted<Pool>;
  using core_type = typename want::core_type;
  using request = typename core_type::request_type;
  using bounds_type = bounds<typename core_type::config>;
  using found = typename bounds_type::found;
  using ticket = wake_ticket<waiting_get, Executor>;

 public:
  using result = typename want::result;
  /// Called once, when the get is done.
  using done_type = void (*)(waiting_get&) noexcept;

  waiting_get(const Pool& pool, want what, Executor executor, done_type done)
      : waiting_get(static_cast<core_type&>(access::lifeline(pool)), std::move(what),
                    std::move(executor), done) {}
  ~waiting_get() {
    if (waits_) leave();  // no thread takes a ticket after this
    if (ticket_ != nullptr) {
      ticket_->get = nullptr;
      ticket_->drop();
    }
    core_.drop_life();  // the pin of the constructor
  }

  /// Returns: whether the get is done. If not, it may be done, and gone, by the time this returns;
  /// `done` is called then. Throws: `std::bad_alloc`, if it has an executor and there is no memory.
  [[nodiscard]] bool start() {
    got_ = what_.first(core_);
    if (got_) return true;
    if (!bounds_type::may_wait(core_, what_.tier_in(core_), what_.bytes())) {
      bounds_type::refuse(core_, what_.tier_in(core_), what_.bytes());
      return true;
    }
    if constexpr (!std::is_same_v<Executor, resume_here>) ticket_ = new ticket(*this, executor_);
    waits_ = true;
    core_.begin_waiting(*this);
    return look();
  }
  /// Instead of a `start` that threw: `take` throws this.
  void fail(std::exception_ptr error) noexcept { error_ = std::move(error); }
  /// Called by a function that an executor ran, of type `Function`. The get may be gone then.
  template <class Function>
  void resumed_by() noexcept {
    go_on_by<Executor, Function>(*this, &go_on_with);
  }
  /// What it got; empty if the pool was closed. Throws: what the factory of the objects threw.
  [[nodiscard]] result take() {
    if (error_ != nullptr) std::rethrow_exception(error_);
    return std::move(got_);
  }

 private:
  waiting_get(core_type& core, want what, Executor executor, done_type done)
      : entry(&go_on_with),
        request(what.tier_in(core) < core.tiers() ? what.tier_in(core) : bounds_type::no_tier,
                &waker_of_gets),
        core_(core),
        what_(std::move(what)),
        executor_(std::move(executor)),
        done_(done) {
    core_.pin();  // the pool object may end before the get starts
    past_.deadline = wait_for_ever;
  }

  [[nodiscard]] bool look() noexcept {
    auto how = found::nothing;
    try {
      past_.looks = 0;
      how = bounds_type::look_again(core_, *this, what_.tier_in(core_), what_.bytes(), past_,
                                    [this](turn whose) {
                                      got_ = what_.look(core_, whose);
                                      return static_cast<bool>(got_);
                                    });
    } catch (...) {
      error_ = std::current_exception();
    }
    // It is asleep: another thread may wake it, and end it, by now.
    if (how == found::waits) return false;
    if (how == found::nothing && error_ == nullptr)
      bounds_type::refuse(core_, what_.tier_in(core_), what_.bytes());
    leave();
    return true;
  }
  void leave() noexcept {
    waits_ = false;
    core_.end_waiting(*this);
  }
  void go_on() noexcept {
    if (!waits_ || look()) done_(*this);
  }
  static void go_on_with(resume_queue::entry& e) noexcept { static_cast<waiting_get&>(e).go_on(); }

  // As `request::waker` says.
  static void* hold(request& r) noexcept {
    auto& self = static_cast<waiting_get&>(r);
    if constexpr (std::is_same_v<Executor, resume_here>) {
      return &self;
    } else {
      self.ticket_->hold();
      return self.ticket_;
    }
  }
  static void wake(void* held) noexcept {
    if constexpr (std::is_same_v<Executor, resume_here>) {
      resume_queue::run(*static_cast<waiting_get*>(held));
    } else {
      auto& given = *static_cast<ticket*>(held);
      given.hold();  // the function may be gone before `run_by` returns
      try {
        run_by(given.executor, wake_function<ticket>(given));
      } catch (...) {
        // It had no memory for the function, which was not called.
        if (given.get != nullptr) resume_queue::run(*given.get);
      }
      given.drop();
    }
  }
  static constexpr typename request::waker waker_of_gets{&hold, &wake};

  core_type& core_;
  want what_;
  TARN_NO_UNIQUE_ADDRESS Executor executor_;
  ticket* ticket_ = nullptr;  // made when it begins to wait, if it has an executor
  done_type done_;
  typename bounds_type::search past_;
  std::exception_ptr error_;
  result got_;
  bool waits_ = false;
};

/// The awaitable. It lies in the frame of the coroutine.
template <class Pool, class Executor>
class get_awaitable : waiting_get<Pool, Executor> {
  using base = waiting_get<Pool, Executor>;

 public:
  get_awaitable(const Pool& pool, wanted<Pool> what, Executor executor)
      : base(pool, std::move(what), std::move(executor), &resume) {}

  [[nodiscard]] static bool await_ready() noexcept { return false; }
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> coroutine) {
    coroutine_ = coroutine;
    return !this->start();
  }
  [[nodiscard]] typename base::result await_resume() { return this->take(); }

 private:
  static void resume(base& self) noexcept { static_cast<get_awaitable&>(self).coroutine_.resume(); }

  std::coroutine_handle<> coroutine_;
};

/// A get that calls a handler. It ends itself.
template <class Pool, class Executor, class Handler>
class get_with_handler : waiting_get<Pool, Executor> {
  using base = waiting_get<Pool, Executor>;

 public:
  static void start(const Pool& pool, wanted<Pool> what, Executor executor, Handler handler) {
    auto* const made = new get_with_handler(pool, std::move(what), executor, std::move(handler));
    try {
      // Never inside the call that begins it.
      if (made->begin()) run_by(executor, done_function{made});
    } catch (...) {
      delete made;  // it does not wait: what throws is the first attempt, or the executor
      throw;
    }
  }

 private:
  struct done_function {
    get_with_handler* get;
    void operator()() const noexcept { get->template resumed_by<done_function>(); }
  };

  get_with_handler(const Pool& pool, wanted<Pool> what, Executor executor, Handler handler)
      : base(pool, std::move(what), std::move(executor), &finish), handler_(std::move(handler)) {}

  /// As `start` of the base. What a factory throws goes to the handler, whenever it does.
  [[nodiscard]] bool begin() {
    if constexpr (wanted<Pool>::may_throw) {
      try {
        return base::start();
      } catch (...) {
        this->fail(std::current_exception());
        return true;
      }
    } else {
      return base::start();
    }
  }
  static void finish(base& self) noexcept {
    auto* const made = static_cast<get_with_handler*>(&self);
    auto handler = std::move(made->handler_);
    typename base::result got;
    std::exception_ptr error;
    if constexpr (wanted<Pool>::may_throw) {
      try {
        got = made->take();
      } catch (...) {
        error = std::current_exception();
      }
    } else {
      got = made->take();
    }
    delete made;  // first: the handler may end the executor
    if constexpr (wanted<Pool>::may_throw) {
      std::move(handler)(std::move(error), std::move(got));
    } else {
      std::move(handler)(std::move(got));
    }
  }

  Handler handler_;
};

}  // namespace detail

/// `co_await` of the result gets a buffer of `size` bytes, or suspends the coroutine until others
/// have given back what it needs. The buffer is empty if the pool was closed, or where `get_for` of
/// the pool would not wait. Coroutines and threads wait in one line: see `byte_pool::get_for`.
///
/// The coroutine goes on by `executor.post(f, allocator)`, or by a free function
/// `post(executor, f)` as that of Asio, or by `executor.execute(f)`, the first of them that the
/// executor has. With `execute`, which may run `f` at once, coroutines run in turn, not nested. If
/// the executor is `resume_here`, the coroutine goes on inside the put.
///
/// It may be destroyed while it is suspended, also by another coroutine that the same put resumed:
/// it leaves the line then. It must not be destroyed while another thread resumes it. So, with an
/// executor, destroy it where the executor would run it (on its thread, or in its strand): a
/// function that was posted finds out, when it runs, that its coroutine is gone. With `resume_here`
/// any put may resume it, so destroy it only when no other thread puts, or closes.
///
/// It may outlive the pool. If the executor runs nothing any more, those behind this coroutine in
/// the line wait until it is destroyed.
///
/// Preconditions: the executor is copyable. What it throws is caught: the coroutine goes on inside
/// the put then, as with `resume_here`. In a fork's child no coroutine of the parent is resumed; it
/// may be destroyed there.
///
/// Throws, at the `co_await`: `std::bad_alloc`, if the coroutine has to wait, has an executor, and
/// there is no memory. Complexity: as `get_for`. It allocates nothing, or some bytes if it has to
/// wait and has an executor.
template <class Lock, class Stats, class Traits, class Executor = resume_here>
  requires can_wait_for_other_threads<Lock>
[[nodiscard]] auto async_get(byte_pool<Lock, Stats, Traits>& pool, std::size_t size,
                             Executor executor = {},
                             typename byte_pool<Lock, Stats, Traits>::where_type where =
                                 byte_pool<Lock, Stats, Traits>::where_type::current()) {
  return detail::get_awaitable<byte_pool<Lock, Stats, Traits>, Executor>(pool, {size, where},
                                                                         std::move(executor));
}
/// The same for an empty buffer of an unsized pool, with room for `room` bytes.
template <class Lock, class Stats, class Check, class Source, class Executor = resume_here>
  requires can_wait_for_other_threads<Lock>
[[nodiscard]] auto async_get(unsized_pool<Lock, Stats, Check, Source>& pool, std::size_t room,
                             Executor executor = {}) {
  using pool_type = typename unsized_pool<Lock, Stats, Check, Source>::pool_type;
  return detail::get_awaitable<pool_type, Executor>(pool.sized(), {room, {}, true},
                                                    std::move(executor));
}
/// The same with room for 4 KiB.
template <class Lock, class Stats, class Check, class Source, class Executor = resume_here>
  requires(can_wait_for_other_threads<Lock> && !std::is_integral_v<Executor>)
[[nodiscard]] auto async_get(unsized_pool<Lock, Stats, Check, Source>& pool,
                             Executor executor = {}) {
  return async_get(pool, std::size_t{0}, std::move(executor));
}
/// The same for a kept object. Throws, at the `co_await`: also what the factory throws.
template <class T, class Lock, class Stats, class Traits, class Executor = resume_here>
  requires(can_wait_for_other_threads<Lock> && object_pool<T, Lock, Stats, Traits>::keeps_objects)
[[nodiscard]] auto async_get(object_pool<T, Lock, Stats, Traits>& pool, Executor executor = {},
                             typename object_pool<T, Lock, Stats, Traits>::where_type where =
                                 object_pool<T, Lock, Stats, Traits>::where_type::current()) {
  return detail::get_awaitable<object_pool<T, Lock, Stats, Traits>, Executor>(pool, {where},
                                                                              std::move(executor));
}

/// Gets as asynchronous operations of Asio or Boost.Asio, with its completion tokens:
/// `asio_gets<asio::async_result>`.
template <template <class, class...> class AsyncResult>
struct asio_gets {
  /// Begins a get of `size` bytes. The handler of `token` is called with the buffer by
  /// `post(executor, f)`, so never inside this call. See `tarn::async_get`.
  ///
  /// Preconditions: the handler does not throw. While the operation waits, the handler keeps its
  /// context running, as those of `use_awaitable` and `co_spawn` do.
  /// Throws: `std::bad_alloc`, if there is no memory for the operation.
  template <class Lock, class Stats, class Traits, class Executor, class Token>
    requires can_wait_for_other_threads<Lock>
  static auto async_get(byte_pool<Lock, Stats, Traits>& pool, std::size_t size, Executor executor,
                        Token&& token) {
    using pool_type = byte_pool<Lock, Stats, Traits>;
    using result = AsyncResult<std::decay_t<Token>, void(typename pool_type::buffer)>;
    return result::initiate(
        [&pool, size, executor](auto&& handler) {
          using handler_type = std::decay_t<decltype(handler)>;
          detail::get_with_handler<pool_type, Executor, handler_type>::start(
              pool, {size, {}}, executor, std::forward<decltype(handler)>(handler));
        },
        std::forward<Token>(token));
  }
  /// The same for a kept object. The handler is called with a `std::exception_ptr`, which is what
  /// the factory threw, or null, and with the object.
  template <class T, class Lock, class Stats, class Traits, class Executor, class Token>
    requires(can_wait_for_other_threads<Lock> && object_pool<T, Lock, Stats, Traits>::keeps_objects)
  static auto async_get(object_pool<T, Lock, Stats, Traits>& pool, Executor executor,
                        Token&& token) {
    using pool_type = object_pool<T, Lock, Stats, Traits>;
    using result =
        AsyncResult<std::decay_t<Token>, void(std::exception_ptr, typename pool_type::handle)>;
    return result::initiate(
        [&pool, executor](auto&& handler) {
          using handler_type = std::decay_t<decltype(handler)>;
          detail::get_with_handler<pool_type, Executor, handler_type>::start(
              pool, {{}}, executor, std::forward<decltype(handler)>(handler));
        },
        std::forward<Token>(token));
  }
};

}  // namespace tarn
