use rustix::process::{Resource, Rlimit};

use crate::console::Console;
use crate::failure::Failure;

/// Whether the memory of this process is kept out of swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Swapping {
    KeptOut,
    /// It is not: why.
    Possible(String),
}

impl Swapping {
    /// Says so where keys may be swapped out.
    pub(crate) fn tell(&self, console: &Console) {
        if let Self::Possible(reason) = self {
            console.err(&format!(
                "keys are wiped from memory, but are not kept out of swap: {reason}\n"
            ));
        }
    }
}

/// Keeps the memory of this process out of core dumps, from other processes of its user and, where the system allows that,
/// out of swap, before a key comes into it. Called again it does the same again.
pub(crate) fn guard() -> Result<Swapping, Failure> {
    let failed = |operation| {
        move |errno: rustix::io::Errno| Failure::system("the memory of this process", operation, errno.into())
    };
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    rustix::process::setrlimit(Resource::Core, none).map_err(failed("keep out of core dumps"))?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .map_err(failed("keep from other processes"))?;
    Ok(keep_out_of_swap())
}

/// Locks every page of this process, those to come as well, as soon as it is used.
///
/// Only where locked memory has no limit: with one, memory that is asked for later would be refused, and an image that is
/// hashed would end the process.
#[cfg(target_os = "linux")]
fn keep_out_of_swap() -> Swapping {
    use rustix::mm::MlockAllFlags;
    let unlimited = Rlimit {
        current: None,
        maximum: None,
    };
    // Root may raise it, or is not held to it; what anybody else has is looked at.
    let raised = rustix::process::setrlimit(Resource::Memlock, unlimited);
    if let (Err(_), Some(limit)) = (raised, rustix::process::getrlimit(Resource::Memlock).current)
        && !would_show_that_it_is_free(limit)
    {
        return Swapping::Possible(format!(
            "locked memory is limited to {limit} bytes (RLIMIT_MEMLOCK), and this user may not raise that; \
             `ulimit -l unlimited` does, or run it where there is no swap"
        ));
    }
    let all = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    match rustix::mm::mlockall(all) {
        Ok(()) => Swapping::KeptOut,
        Err(errno) => Swapping::Possible(format!("the system refused to lock it: {errno}")),
    }
}

/// Whether this process has the right to lock memory beyond the limit (`CAP_IPC_LOCK`), and is larger than the limit now:
/// the right may be that of a container alone, of which the kernel takes no notice, and it refuses at once then.
///
/// Source: Linux, `mm/mlock.c`, `mlockall`: it refuses unless `total_vm` is within the limit or `capable(CAP_IPC_LOCK)`. Read
/// 2026-11-28.
#[cfg(target_os = "linux")]
fn would_show_that_it_is_free(limit: u64) -> bool {
    const CAP_IPC_LOCK: u32 = 14;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim)
    };
    let rights = field("CapEff:").and_then(|hex| u64::from_str_radix(hex, 16).ok());
    let size_kib = field("VmSize:").and_then(|size| size.trim_end_matches(" kB").parse::<u64>().ok());
    rights.is_some_and(|rights| rights >> CAP_IPC_LOCK & 1 == 1)
        && size_kib.is_some_and(|kib| kib.saturating_mul(1024) > limit)
}

#[cfg(not(target_os = "linux"))]
fn keep_out_of_swap() -> Swapping {
    Swapping::Possible("this system is not asked to lock it".to_owned())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_guarded_process_leaves_no_core_and_cannot_be_dumped_and_says_whether_it_can_be_swapped() {
        let swapping = guard().unwrap();
        assert_eq!(rustix::process::getrlimit(Resource::Core).current, Some(0));
        assert_eq!(
            rustix::process::dumpable_behavior().unwrap(),
            rustix::process::DumpableBehavior::NotDumpable
        );
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let locked = status
            .lines()
            .find_map(|line| line.strip_prefix("VmLck:"))
            .unwrap();
        let locked: u64 = locked.trim().trim_end_matches(" kB").trim().parse().unwrap();
        match swapping {
            Swapping::KeptOut => assert!(locked > 100, "{locked} kB are locked"),
            Swapping::Possible(reason) => assert!(!reason.is_empty()),
        }
    }

    #[test]
    fn what_may_be_swapped_is_said_and_the_rest_is_not() {
        #[derive(Clone, Default)]
        struct Said(Arc<Mutex<Vec<u8>>>);
        impl std::io::Write for Said {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().extend(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let said = Said::default();
        let console = Console::of(Box::new(std::io::sink()), Box::new(said.clone()));
        Swapping::KeptOut.tell(&console);
        assert!(said.0.lock().unwrap().is_empty());
        Swapping::Possible("a limit".into()).tell(&console);
        let said = String::from_utf8(said.0.lock().unwrap().clone()).unwrap();
        assert!(said.contains("not kept out of swap: a limit"), "{said}");
    }
}
