use std::io::Write as _;

use bytes::Bytes;
use custody_core::port::{
    EvidenceReaderExt as _, EvidenceSink as _, LogAnchor as _, LogHead, LogName, ProtectionKind,
};
use custody_local::{AttributeUse, DirectoryStore, StoreOptions};
use rustix::fs::IFlags;

use crate::support::{Scratch, acquisition, object, pattern, store, wait};

fn open(scratch: &Scratch) -> DirectoryStore {
    let options = StoreOptions::default().with_attributes(AttributeUse::WhereAllowed);
    DirectoryStore::create_or_open(scratch.path(), options).unwrap()
}

fn flags(scratch: &Scratch, name: &str) -> IFlags {
    rustix::fs::ioctl_getflags(std::fs::File::open(scratch.join(name)).unwrap()).unwrap()
}

#[test]
#[ignore = "needs root and a file system with attributes"]
fn an_immutable_object_says_so_and_cannot_be_touched_even_by_root() {
    let scratch = Scratch::new();
    let sink = open(&scratch);
    assert_eq!(
        wait(sink.protection()).unwrap().kind,
        ProtectionKind::ImmutableAttribute
    );
    let name = object("disk.raw");
    let receipt = store(&sink, &name, &pattern(1000, 1)).unwrap().value;
    let protection = receipt.protection.unwrap();
    assert_eq!(protection.kind, ProtectionKind::ImmutableAttribute);
    assert_eq!(protection.observed["attributes"], "immutable");
    let path = scratch.join(name.as_str());
    assert!(flags(&scratch, name.as_str()).contains(IFlags::IMMUTABLE));
    assert!(std::fs::remove_file(&path).is_err());
    assert!(std::fs::write(&path, "other").is_err());
    assert_eq!(wait(sink.fetch(&name, 1000)).unwrap(), pattern(1000, 1));
    let state = wait(sink.state(&name, &acquisition())).unwrap();
    assert!(format!("{state:?}").contains("ImmutableAttribute"), "{state:?}");
}

#[test]
#[ignore = "needs root and a file system with attributes"]
fn an_append_only_log_still_grows_and_still_heals() {
    let scratch = Scratch::new();
    let anchor = open(&scratch);
    let line = |text: &'static str| [Bytes::from_static(text.as_bytes())];
    let mut head = LogHead::EMPTY;
    for text in ["one", "two"] {
        head = wait(anchor.append(&LogName::Register, &head, &line(text)))
            .unwrap()
            .value;
        assert!(flags(&scratch, "register.jsonl").contains(IFlags::APPEND));
    }
    std::fs::File::options()
        .append(true)
        .open(scratch.join("register.jsonl"))
        .unwrap()
        .write_all(b"torn")
        .unwrap();
    let acted = wait(open(&scratch).append(&LogName::Register, &head, &line("three"))).unwrap();
    assert_eq!(acted.service.ids["taken-back-bytes"], "4");
    assert_eq!(
        std::fs::read(scratch.join("register.jsonl")).unwrap(),
        b"one\ntwo\nthree\n"
    );
    assert!(flags(&scratch, "register.jsonl").contains(IFlags::APPEND));
}

#[test]
fn an_attribute_that_the_system_refuses_is_not_claimed() {
    let scratch = Scratch::new();
    let sink = open(&scratch);
    let receipt = store(&sink, &object("disk.raw"), &pattern(10, 1)).unwrap().value;
    let protection = receipt.protection.unwrap();
    let set = std::fs::File::open(scratch.join(object("disk.raw").as_str())).is_ok_and(|file| {
        rustix::fs::ioctl_getflags(&file).is_ok_and(|flags| flags.contains(IFlags::IMMUTABLE))
    });
    if set {
        assert_eq!(protection.kind, ProtectionKind::ImmutableAttribute);
    } else {
        assert_eq!(protection.kind, ProtectionKind::ReadOnlyMode);
        assert!(
            protection.statement.contains("the system refused it"),
            "{}",
            protection.statement
        );
    }
}
