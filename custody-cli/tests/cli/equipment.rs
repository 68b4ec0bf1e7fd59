//! What some tests need of the host: loop devices, mounts, media that fail, attributes. All of it is put back when dropped.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{panicking, sleep};
use std::time::{Duration, Instant};

use rustix::fs::IFlags;

const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a program that must succeed, and gives what it prints.
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {text}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A loop device; detached when dropped.
pub(crate) struct LoopDevice {
    pub(crate) path: PathBuf,
}

impl LoopDevice {
    /// Attaches a file that can only be read, past the page cache.
    pub(crate) fn read_only(file: &Path) -> Self {
        Self::attach(file, &["--read-only", "--direct-io=on"])
    }

    /// Attaches a file that can be written.
    pub(crate) fn writable(file: &Path) -> Self {
        Self::attach(file, &[])
    }

    fn attach(file: &Path, options: &[&str]) -> Self {
        let mut arguments = vec!["--find", "--show"];
        arguments.extend(options);
        arguments.push(file.to_str().unwrap());
        Self {
            path: run("losetup", &arguments).into(),
        }
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        let detached = Command::new("losetup").arg("--detach").arg(&self.path).status();
        assert!(detached.is_ok_and(|status| status.success()) || panicking());
    }
}

/// A mount; undone when dropped.
pub(crate) struct Mount {
    point: PathBuf,
}

impl Mount {
    /// Mounts at a folder that it makes.
    pub(crate) fn at(point: &Path, arguments: &[&str]) -> Self {
        fs::create_dir(point).unwrap();
        run("mount", &[arguments, &[point.to_str().unwrap()]].concat());
        Self {
            point: point.to_owned(),
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.point).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || panicking());
    }
}

/// A file whose reads fail in places; ended when dropped.
pub(crate) struct FailingFile {
    daemon: Child,
    pub(crate) path: PathBuf,
}

impl FailingFile {
    /// Exports `image` as `path`; a read that touches one of these sectors fails with EIO.
    pub(crate) fn export(path: &Path, image: &Path, sectors: &[u64]) -> Self {
        fs::write(path, b"").unwrap();
        let mut errors = String::new();
        for (number, sector) in sectors.iter().enumerate() {
            errors.push_str(&format!(
                ",inject-error.{number}.event=read_aio,inject-error.{number}.errno=5,\
                 inject-error.{number}.sector={sector},inject-error.{number}.once=off"
            ));
        }
        let blockdevs = [
            format!("driver=file,node-name=f,filename={}", image.display()),
            format!("driver=blkdebug,node-name=d,image=f{errors}"),
            "driver=raw,node-name=r,file=d".to_owned(),
        ];
        let mut command = Command::new("qemu-storage-daemon");
        for blockdev in blockdevs {
            command.arg("--blockdev").arg(blockdev);
        }
        let export = format!(
            "type=fuse,id=e,node-name=r,mountpoint={},writable=off,allow-other=off",
            path.display()
        );
        let daemon = command
            .arg("--export")
            .arg(export)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let failing = Self {
            daemon,
            path: path.to_owned(),
        };
        let begun = Instant::now();
        while fs::metadata(path).unwrap().len() == 0 {
            assert!(begun.elapsed() < PATIENCE, "the export did not come up");
            sleep(Duration::from_millis(20));
        }
        failing
    }
}

impl Drop for FailingFile {
    fn drop(&mut self) {
        let ended = self.daemon.kill().and_then(|()| self.daemon.wait());
        // The daemon leaves the mount behind when it is killed.
        let unmounted = Command::new("umount")
            .arg("--lazy")
            .arg(&self.path)
            .stderr(Stdio::null())
            .status();
        assert!((ended.is_ok() && unmounted.is_ok()) || panicking());
    }
}

/// A folder below which nothing keeps its immutable or append-only attribute: they are cleared when it is dropped.
pub(crate) struct NoAttributesLeft(pub(crate) PathBuf);

impl Drop for NoAttributesLeft {
    fn drop(&mut self) {
        clear(&self.0);
    }
}

fn clear(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            clear(&path);
        }
        let kept = attributes(&path);
        if kept.intersects(IFlags::IMMUTABLE | IFlags::APPEND) {
            let file = File::open(&path).unwrap();
            rustix::fs::ioctl_setflags(file, kept.difference(IFlags::IMMUTABLE | IFlags::APPEND)).unwrap();
        }
    }
}

/// The attributes of a file or folder; none where the file system keeps none.
pub(crate) fn attributes(path: &Path) -> IFlags {
    let flags = File::open(path).map(rustix::fs::ioctl_getflags);
    flags.map_or(IFlags::empty(), |flags| flags.unwrap_or(IFlags::empty()))
}
