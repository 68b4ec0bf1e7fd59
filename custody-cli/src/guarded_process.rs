use rustix::process::{Resource, Rlimit};

use crate::failure::Failure;

/// Keeps the memory of this process out of core dumps and from other processes of its user, before a key comes into it.
///
/// Swapping is left as it is: a limit on locked memory would end the process when an image is hashed.
pub(crate) fn guard() -> Result<(), Failure> {
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
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_guarded_process_leaves_no_core_and_cannot_be_dumped() {
        guard().unwrap();
        assert_eq!(rustix::process::getrlimit(Resource::Core).current, Some(0));
        assert_eq!(
            rustix::process::dumpable_behavior().unwrap(),
            rustix::process::DumpableBehavior::NotDumpable
        );
    }
}
