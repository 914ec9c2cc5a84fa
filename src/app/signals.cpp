#include "app/signals.hpp"

#include <csignal>

#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace weft::app {

StopSignals::StopSignals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, number);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    descriptor_ = Descriptor(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    WEFT_ASSERT(descriptor_);
}

int StopSignals::take() const {
    signalfd_siginfo info{};
    return ::read(descriptor_.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

int StopSignals::wait() const {
    while (true) {
        if (const int number = take(); number != 0) return number;
        pollfd waiting{descriptor_.get(), POLLIN, 0};
        ::poll(&waiting, 1, -1);
    }
}

}  // namespace weft::app
