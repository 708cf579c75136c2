//! What the kernel says of this process (proc(5)).

use std::time::Duration;

/// The process as of now; `None` for what the kernel does not tell.
pub(super) struct Process {
    /// Resident memory in bytes.
    pub resident: Option<u64>,
    /// Open file descriptors.
    pub descriptors: Option<usize>,
    /// Processor time in user and kernel.
    pub processor_seconds: Option<f64>,
}

impl Process {
    pub fn now() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").ok();
        let resident = status.and_then(|status| {
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
            Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
        });
        // The handle that lists the folder counts itself.
        let descriptors = std::fs::read_dir("/proc/self/fd").ok().map(|open| open.count().saturating_sub(1));
        Self { resident, descriptors, processor_seconds: processor_time().map(|time| time.as_secs_f64()) }
    }
}

fn processor_time() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?))
}
