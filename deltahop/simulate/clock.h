// SPDX-License-Identifier: Apache-2.0
// The clock of a ticking model: blocks are plain structs, and a run is a short fold over them, without a
// virtual call.
//   bool begin();       starts what can start at this instant; true where anything changed
//   void tick();        one cycle of the work that was begun
//   bool busy() const;  there is such work
//   bool idle() const;  nothing is left for the whole run
#pragma once

#include "deltahop/base/error.h"
#include "deltahop/base/units.h"

namespace deltahop {

// Work that takes no time is done within begin(), which is asked again until nothing changes; what a tick
// finishes is seen by the others in the next cycle. `watch` is called once a cycle before the ticks: for
// counting why time passes.
template <class Watch, class... Blocks>
Cycles run_until_idle(Watch&& watch, Blocks&... blocks) {
  Cycles cycles;
  for (;;) {
    while ((static_cast<int>(blocks.begin()) | ...) != 0) {
    }
    if ((blocks.idle() && ...)) return cycles;
    DELTAHOP_CHECK((blocks.busy() || ...));  // otherwise they wait for each other for ever
    watch();
    (blocks.tick(), ...);
    cycles += Cycles(1);
  }
}

}  // namespace deltahop
