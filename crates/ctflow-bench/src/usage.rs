//! What this process has cost.

use std::mem::zeroed;

/// Seconds of CPU, user and system, of all threads of this process so far.
pub fn cpu_seconds() -> f64 {
    // SAFETY: a rusage is numbers only; all zeros is one.
    let mut usage: libc::rusage = unsafe { zeroed() };
    // SAFETY: the call fills the struct that it is given.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}
