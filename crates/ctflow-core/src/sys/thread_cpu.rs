//! What a thread has cost.

use std::mem::zeroed;

/// Milliseconds of CPU, user and system, that the calling thread has taken so far (CLOCK_THREAD_CPUTIME_ID,
/// clock_gettime(2)).
pub fn thread_cpu() -> f64 {
    // SAFETY: a timespec is numbers only; all zeros is one.
    let mut time: libc::timespec = unsafe { zeroed() };
    // SAFETY: the call fills the struct that it is given; every Linux has this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::thread_cpu;
    use std::time::Duration;

    #[test]
    fn it_counts_work_of_this_thread_and_neither_sleep_nor_others() {
        let before = thread_cpu();
        while thread_cpu() < before + 5.0 {}
        let other = std::thread::spawn(|| {
            let before = thread_cpu();
            while thread_cpu() < before + 50.0 {}
        });
        let worked = thread_cpu();
        other.join().unwrap();
        std::thread::sleep(Duration::from_millis(50));
        assert!(thread_cpu() - worked < 50.0);
    }
}
