// SPDX-License-Identifier: MIT
//
// The cost of a hit, counted instead of timed: executed instructions, loads, stores, conditional
// branches, atomic read-modify-writes and calls into other libraries, per lock and stats policy.
//
//   golden_counts DIRECTORY            compares with the file for this compiler
//   golden_counts DIRECTORY --update   writes it
//
// The program traces itself: a child process runs each probe once, instruction by instruction, and
// the disassembly gives the kind of each instruction. The numbers are exact for one version of one
// compiler. If there is no file for it, that comparison is skipped. Conditions that hold for every
// compiler are always checked.

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <elf.h>
#include <link.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probes.hpp"

namespace {

constexpr int exit_skipped = 77;

struct counts {
  int instructions = 0;
  int loads = 0;
  int stores = 0;
  int branches = 0;
  int rmws = 0;
  int calls_out = 0;
};

[[noreturn]] void stop(int code, const std::string& why) {
  std::printf("%s%s\n", code == exit_skipped ? "skipped: " : "", why.c_str());
  std::exit(code);
}

/// The address at which this program is loaded, relative to the addresses in its file.
[[nodiscard]] std::uintptr_t load_offset() {
  std::uintptr_t offset = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* to) {
        *static_cast<std::uintptr_t*>(to) = info->dlpi_addr;
        return 1;  // the first entry is the program itself
      },
      &offset);
  return offset;
}

/// The text of each instruction of this program, by its address.
[[nodiscard]] std::map<std::uintptr_t, std::string> disassemble() {
  char self[4096] = {};
  if (readlink("/proc/self/exe", self, sizeof self - 1) <= 0) stop(exit_skipped, "no /proc");
  const std::string command =
      "objdump -d --no-show-raw-insn -j .text '" + std::string(self) + "' 2>/dev/null";
  std::FILE* const out = popen(command.c_str(), "r");
  std::map<std::uintptr_t, std::string> code;
  const auto offset = load_offset();
  for (char line[1024]; out != nullptr && std::fgets(line, sizeof line, out) != nullptr;) {
    char* end = nullptr;
    const auto address = std::strtoull(line, &end, 16);
    if (line[0] != ' ' || end == line || *end != ':') continue;
    std::string text = end + 1;
    text.erase(0, text.find_first_not_of(" \t"));
    text.erase(std::min(text.find_first_of("#\n"), text.size()));
    code.emplace(address + offset, text);
  }
  if (out == nullptr || pclose(out) != 0 || code.empty()) {
    stop(exit_skipped, "objdump does not work here (Debian: binutils)");
  }
  return code;
}

[[nodiscard]] bool begins(std::string_view text, std::string_view with) {
  return text.substr(0, with.size()) == with;
}

/// Adds the effects of one instruction, given by its text in AT&T order: sources first.
void classify(std::string_view text, counts& to) {
  ++to.instructions;
  bool is_rmw = false;
  for (const std::string_view prefix : {"lock ", "notrack ", "bnd ", "rep ", "repz "}) {
    if (!begins(text, prefix)) continue;
    is_rmw = is_rmw || prefix == "lock ";
    text.remove_prefix(prefix.size());
  }
  const auto name_end = std::min(text.find(' '), text.size());
  const auto name = text.substr(0, name_end);
  const auto operands = text.substr(std::min(text.find_first_not_of(' ', name_end), text.size()));

  if (name[0] == 'j' && name != "jmp") ++to.branches;
  if (name == "push" || name == "call") ++to.stores;
  if (name == "pop" || name == "ret" || name == "leave") ++to.loads;
  if (begins(name, "lea") || begins(name, "nop") || name == "data16" || name == "cs") return;

  // A memory operand has a bracket or a segment; it stands last if it is written to.
  const auto memory = operands.find_first_of("(:");
  if (memory == std::string_view::npos) return;
  const auto closing = operands.find(')', memory);
  const auto after = operands.find(',', closing == std::string_view::npos ? memory : closing);
  const bool is_last = after == std::string_view::npos;
  const bool is_only = is_last && operands.substr(0, memory).find(',') == std::string_view::npos &&
                       operands.find('%') >= std::min(memory, operands.find('%'));
  if (begins(name, "xchg")) is_rmw = true;
  if (is_rmw) {
    ++to.rmws, ++to.loads, ++to.stores;
  } else if (name == "call" || name == "jmp" || name == "push" || begins(name, "cmp") ||
             begins(name, "test") || begins(name, "bt") || !is_last) {
    ++to.loads;  // only reads it
  } else if (begins(name, "mov") || begins(name, "set") || name == "pop") {
    ++to.stores;
  } else if (is_only && (begins(name, "div") || begins(name, "mul"))) {
    ++to.loads;
  } else {
    ++to.loads, ++to.stores;  // reads and writes it
  }
}

/// Runs each probe in a child, one instruction at a time.
[[nodiscard]] std::vector<counts> trace(const golden::probe_list& probes) {
  const auto code = disassemble();
  const pid_t child = fork();
  if (child < 0) stop(exit_skipped, "no process can be made");
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(exit_skipped);
    for (std::size_t i = 0; i != probes.count; ++i) {
      const auto& p = probes.begin[i];
      void* const block = golden::prepare(p);
      raise(SIGSTOP);  // the parent steps from here
      static_cast<void>(p.run(block, golden::size));
    }
    _exit(0);
  }

  std::vector<counts> result;
  int status = 0;
  for (std::size_t i = 0; i != probes.count; ++i) {
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) {
      stop(exit_skipped, "a process may not trace its child here");
    }
    const auto entry = reinterpret_cast<std::uintptr_t>(probes.begin[i].entry());
    std::uintptr_t back = 0;
    counts c;
    bool was_inside = true;
    for (int step = 0;; ++step) {
      user_regs_struct registers;
      if (step == 1000000 || ptrace(PTRACE_GETREGS, child, nullptr, &registers) != 0) {
        kill(child, SIGKILL);
        stop(1, "the probe was not reached");
      }
      if (back == 0 && registers.rip == entry) {
        errno = 0;
        back = static_cast<std::uintptr_t>(
            ptrace(PTRACE_PEEKDATA, child, reinterpret_cast<void*>(registers.rsp), nullptr));
      } else if (back != 0 && registers.rip == back) {
        break;
      }
      if (back != 0) {
        const auto found = code.find(registers.rip);
        const bool is_inside = found != code.end();
        if (is_inside) classify(found->second, c);
        if (!is_inside && was_inside) ++c.calls_out;
        was_inside = is_inside;
      }
      if (ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) != 0 ||
          waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) {
        stop(1, "the child was lost");
      }
    }
    result.push_back(c);
    ptrace(PTRACE_CONT, child, nullptr, nullptr);
  }
  waitpid(child, &status, 0);
  return result;
}

[[nodiscard]] std::string compiler() {
#if defined(__clang__)
  return "clang-" + std::to_string(__clang_major__) + "." + std::to_string(__clang_minor__) + "." +
         std::to_string(__clang_patchlevel__);
#else
  return "g++-" + std::to_string(__GNUC__) + "." + std::to_string(__GNUC_MINOR__) + "." +
         std::to_string(__GNUC_PATCHLEVEL__);
#endif
}

[[nodiscard]] std::string line_of(const golden::probe& p, const counts& c) {
  char line[200];
  std::snprintf(line, sizeof line, "%-8s %-14s %-15s %5d %5d %6d %8d %5d %9d", p.operation, p.lock,
                p.stats, c.instructions, c.loads, c.stores, c.branches, c.rmws, c.calls_out);
  return line;
}

constexpr const char* heading =
    "# operation lock        stats           instr loads stores branches  rmws calls_out";

[[nodiscard]] std::vector<std::string> read_lines(const std::string& path) {
  std::vector<std::string> lines;
  if (std::FILE* const file = std::fopen(path.c_str(), "r")) {
    for (char line[300]; std::fgets(line, sizeof line, file) != nullptr;) {
      line[std::strcspn(line, "\n")] = '\0';
      if (line[0] != '#') lines.emplace_back(line);
    }
    std::fclose(file);
  }
  return lines;
}

/// Checks the conditions that hold for every compiler. Returns: the number of faults.
[[nodiscard]] int check_facts(const golden::probe_list& probes, const std::vector<counts>& all) {
  int faults = 0;
  const auto demand = [&](bool good, const golden::probe& p, const char* what) {
    if (good) return;
    std::printf("broken: %s %s %s: %s\n", p.operation, p.lock, p.stats, what);
    ++faults;
  };
  for (std::size_t i = 0; i != probes.count; ++i) {
    const auto& p = probes.begin[i];
    const std::string_view lock = p.lock;
    if (lock == "thread_cached" || lock == "no_lock") {
      demand(all[i].rmws == 0, p, "a hit must not have an atomic read-modify-write");
      demand(all[i].calls_out == 0, p, "a hit must not take a lock or call out");
    }
    if (lock == "lock_free") demand(all[i].calls_out == 0, p, "a hit must not call out");
    if (lock == "std::mutex") demand(all[i].calls_out >= 2, p, "a hit must take the lock");
    if (lock == "spin_lock") demand(all[i].rmws >= 1, p, "a hit must take the lock");
    demand(all[i].loads > 0 && all[i].stores > 0 && all[i].branches > 0, p, "was it counted?");
    // Probes come as no_stats (four), then counting_stats (four), then recording_stats.
    if (std::string_view(p.stats) != "counting_stats" || lock == "lock_free") continue;
    // The level has to be masked out of the word, once in a get and once in a put. A handle does
    // both in one function, where the mask takes a register that has to be saved. Shared bytes of
    // exactly a tier are two pairs: of the block, and of its node.
    const auto& quiet = all[i - 4];
    const std::string_view operation = p.operation;
    // Elsewhere they are taken out of line, under the locks of both tiers.
    if (operation == "shared" && lock != "thread_cached" && lock != "no_lock") continue;
    const int most = operation == "shared" ? 8 : operation == "handle" ? 6 : 4;
    demand(all[i].instructions - quiet.instructions <= most, p,
           "counting must cost at most four instructions, six a handle, eight shared bytes");
    demand(all[i].branches == quiet.branches, p, "counting must not branch");
  }
  return faults;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) stop(2, std::string("usage: ") + argv[0] + " DIRECTORY [--update]");
  const std::string path = std::string(argv[1]) + "/" + compiler() + ".txt";
  const bool update = argc > 2 && std::strcmp(argv[2], "--update") == 0;

  const auto probes = golden::probes();
  const auto all = trace(probes);
  std::vector<std::string> lines;
  std::printf("%s\n", heading);
  for (std::size_t i = 0; i != probes.count; ++i) {
    lines.push_back(line_of(probes.begin[i], all[i]));
    std::printf("%s\n", lines.back().c_str());
  }

  if (check_facts(probes, all) != 0) return 1;
  if (update) {
    std::FILE* const file = std::fopen(path.c_str(), "w");
    if (file == nullptr) stop(1, "can't write " + path);
    std::fprintf(file, "# One hit, counted by golden_counts with %s -O2.\n%s\n", compiler().c_str(),
                 heading);
    for (const auto& line : lines)
      std::fprintf(file, "%s\n", line.c_str());
    return std::fclose(file);
  }

  const auto wanted = read_lines(path);
  if (wanted.empty()) {
    stop(exit_skipped, "no golden counts for " + compiler() + "; what must hold for all does");
  }
  int differences = 0;
  for (std::size_t i = 0; i != std::max(lines.size(), wanted.size()); ++i) {
    const std::string want = i < wanted.size() ? wanted[i] : "(nothing)";
    const std::string have = i < lines.size() ? lines[i] : "(nothing)";
    if (want == have) continue;
    std::printf("golden:  %s\ncounted: %s\n", want.c_str(), have.c_str());
    ++differences;
  }
  if (differences != 0) {
    stop(1, "The hit path has changed. If that is wanted, run this with --update.");
  }
  std::printf("as in %s.txt\n", compiler().c_str());
  return 0;
}
