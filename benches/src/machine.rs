use std::fs;

/// One line that names the machine: processor, cores, kernel.
#[must_use]
pub fn describe_machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown processor", |rest| {
            rest.trim_start_matches([' ', '\t', ':'])
        });
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = rustix::system::uname();
    format!(
        "{model}, {cores} cores, {} {}",
        kernel.sysname().to_string_lossy(),
        kernel.release().to_string_lossy()
    )
}
