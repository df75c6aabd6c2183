//! How much time and memory one input may take.

use std::{cell::Cell, time::Duration};

use peak_alloc::PeakAlloc;
use rustix::time::{ClockId, clock_gettime};

/// The most time. It is this thread's CPU time, so that a busy machine makes no finds. The engine's time is
/// not the function's.
const MOST_TIME: Duration = Duration::from_millis(250);

/// The most time of the engine, for what the function asks of it. That is several times as long as the
/// engine takes for the largest documents.
const MOST_TIME_OF_ENGINE: Duration = Duration::from_secs(2);

/// The most bytes that are allocated at once.
const MOST_BYTES: usize = 64 * 1024 * 1024;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

thread_local! {
    static OF_ENGINE: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Does `work`, and panics where it takes too long or needs too much memory. What it does for the
/// function is done in this thread. The memory is that of the engine too.
pub fn within_limits<T>(work: impl FnOnce() -> T) -> T {
    MEMORY.reset_peak_usage();
    OF_ENGINE.set(Duration::ZERO);
    let (bytes, begin) = (MEMORY.current_usage(), cpu_time());
    let done = work();
    let bytes = MEMORY.peak_usage().saturating_sub(bytes);
    let of_engine = OF_ENGINE.get();
    let took = cpu_time() - begin - of_engine;
    assert!(took <= MOST_TIME, "took {took:?}");
    assert!(of_engine <= MOST_TIME_OF_ENGINE, "the engine took {of_engine:?}");
    assert!(bytes <= MOST_BYTES, "needed {bytes} bytes");
    done
}

/// Does what the engine has to do. Its time is counted as the engine's.
pub fn of_engine<T>(work: impl FnOnce() -> T) -> T {
    let begin = cpu_time();
    let done = work();
    OF_ENGINE.set(OF_ENGINE.get() + cpu_time() - begin);
    done
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap()
}
