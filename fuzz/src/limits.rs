//! How much time and memory one input may take.

use std::time::Duration;

use peak_alloc::PeakAlloc;
use rustix::time::{ClockId, clock_gettime};

/// The most time. It is this thread's CPU time, so that a busy machine makes no finds.
const MOST_TIME: Duration = Duration::from_millis(250);

/// The most bytes that are allocated at once.
const MOST_BYTES: usize = 64 * 1024 * 1024;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Does `work`, and panics where it takes too long or needs too much memory. What it does for the
/// function is done in this thread, the engine's part included.
pub fn within_limits<T>(work: impl FnOnce() -> T) -> T {
    MEMORY.reset_peak_usage();
    let (bytes, begin) = (MEMORY.current_usage(), cpu_time());
    let done = work();
    let (took, bytes) = (cpu_time() - begin, MEMORY.peak_usage().saturating_sub(bytes));
    assert!(took <= MOST_TIME, "took {took:?}");
    assert!(bytes <= MOST_BYTES, "needed {bytes} bytes");
    done
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap()
}
