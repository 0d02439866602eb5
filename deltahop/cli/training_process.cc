// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/training_process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

constexpr size_t kLongestLine = size_t{1} << 22;

TrainingEvent event_of(const nlohmann::json& json) {
  TrainingEvent event;
  event.event = json.at("event");
  event.text = json.value("text", "");
  event.data = json.value("data", "");
  event.file = json.value("file", "");
  event.epochs = json.value("epochs", int64_t{0});
  event.first_epoch = json.value("first_epoch", int64_t{0});
  event.epoch = json.value("epoch", int64_t{0});
  event.batch = json.value("batch", int64_t{0});
  event.batches = json.value("batches", int64_t{0});
  event.seconds = json.value("seconds", 0.0);
  event.memory_MiB = json.value("memory_MiB", 0.0);
  event.best = json.value("best", false);
  event.code = json.value("code", 0);
  if (json.contains("metrics")) {
    for (const auto& [name, value] : json.at("metrics").items()) {
      if (value.is_number()) event.metrics[name] = value.get<double>();
    }
  }
  return event;
}

// While the child runs, Ctrl-C is its affair.
class LeaveInterruptToChild {
 public:
  LeaveInterruptToChild() : before_(std::signal(SIGINT, SIG_IGN)) {}
  ~LeaveInterruptToChild() { std::signal(SIGINT, before_); }
  LeaveInterruptToChild(const LeaveInterruptToChild&) = delete;
  LeaveInterruptToChild& operator=(const LeaveInterruptToChild&) = delete;

 private:
  void (*before_)(int);
};

[[noreturn]] void become(const std::string& program, const std::vector<std::string>& arguments, int out) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // it does not go on alone: it saves and ends
  std::signal(SIGINT, SIG_DFL);
  ::dup2(out, STDOUT_FILENO);
  std::vector<char*> words = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  ::execv(program.c_str(), words.data());
  ::_exit(127);
}

void read_events(int descriptor, const std::function<void(const TrainingEvent&)>& listen) {
  std::string line;
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    for (ssize_t i = 0; i < count; ++i) {
      if (buffer[static_cast<size_t>(i)] != '\n') {
        line.push_back(buffer[static_cast<size_t>(i)]);
        if (line.size() > kLongestLine) throw Error("deltahop-train", "its events have no end");
        continue;
      }
      listen(parse_training_event(line));
      line.clear();
    }
  }
}

}  // namespace

TrainingEvent parse_training_event(const std::string& line) {
  try {
    return event_of(nlohmann::json::parse(line));
  } catch (const nlohmann::json::exception&) {
    throw Error("deltahop-train", fmt::format("says '{}', which is no event", line.substr(0, 80)),
                "is it of the same build as deltahop?");
  }
}

std::filesystem::path training_program() {
  std::error_code fault;
  const std::filesystem::path own = std::filesystem::read_symlink("/proc/self/exe", fault).parent_path();
  for (const auto& place : {own / "deltahop-train", own.parent_path() / "libexec/deltahop/deltahop-train"}) {
    if (::access(place.c_str(), X_OK) == 0) return place;
  }
  throw Error("deltahop train", fmt::format("the program deltahop-train is not in {}", own.string()),
              "install LibTorch (Debian: apt install libtorch-dev), then configure and build again with g++");
}

int run_training(const std::vector<std::string>& arguments,
                 const std::function<void(const TrainingEvent&)>& listen) {
  const std::string program = training_program().string();
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0)
    throw Error("deltahop train", fmt::format("no pipe: {}", std::strerror(errno)));
  const LeaveInterruptToChild guard;
  const pid_t child = ::fork();
  if (child < 0)
    throw Error("deltahop train", fmt::format("cannot start a program: {}", std::strerror(errno)));
  if (child == 0) become(program, arguments, ends[1]);
  ::close(ends[1]);
  bool ended = false;
  try {
    read_events(ends[0], [&](const TrainingEvent& event) {
      ended = ended || event.event == "done" || event.event == "fault";
      listen(event);
    });
  } catch (...) {
    ::close(ends[0]);
    ::kill(child, SIGTERM);
    ::waitpid(child, nullptr, 0);
    throw;
  }
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended) {
    const std::string how = WIFSIGNALED(status) ? fmt::format("was ended by signal {}", WTERMSIG(status))
                                                : fmt::format("ended with code {}", WEXITSTATUS(status));
    throw Error("deltahop-train", how, "--resume goes on with its last checkpoint");
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

}  // namespace deltahop
