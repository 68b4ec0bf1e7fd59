use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use custody_core::Error;
use custody_core::ids::ObjectName;
use custody_core::port::EvidenceReader;
use custody_local::DirectoryReader;
use futures::StreamExt as _;

use crate::open;
use crate::support::{Scratch, begin, make_folders, object, wait};

/// Names that were listed, and what was said of the rest.
fn list(reader: &impl EvidenceReader, under: Option<&str>) -> (Vec<String>, Vec<String>) {
    let under = under.map(|name| name.parse::<ObjectName>().unwrap());
    let (mut names, mut errors) = (Vec::new(), Vec::new());
    for found in wait(reader.list(under).collect::<Vec<_>>()) {
        match found {
            Ok(object) => names.push(object.name.to_string()),
            Err(error @ Error::Malformed { .. }) => errors.push(error.to_string()),
            Err(other) => panic!("{other}"),
        }
    }
    (names, errors)
}

fn put(root: &Path, name: impl AsRef<OsStr>) {
    let path = root.join(name.as_ref());
    make_folders(path.parent().unwrap());
    std::fs::write(path, "x").unwrap();
}

#[test]
fn objects_come_in_the_order_of_their_whole_names() {
    let scratch = Scratch::new();
    let all = [
        "a/x",
        "a.txt",
        "a-b/c",
        "a/b/c",
        "a/b.c",
        "a%/z",
        "b",
        "a~",
        "A",
        "a0/1",
        "a/x.chunks",
        "z/z/z",
    ];
    for name in all {
        put(scratch.path(), name);
    }
    let mut expected: Vec<ObjectName> = all.iter().map(|name| name.parse().unwrap()).collect();
    expected.sort();
    let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
    let reader = DirectoryReader::open(scratch.path()).unwrap();
    assert_eq!(list(&reader, None), (expected, vec![]));
    assert_eq!(
        list(&reader, Some("a")).0,
        ["a/b.c", "a/b/c", "a/x", "a/x.chunks"]
    );
    assert_eq!(
        list(&reader, Some("a/x")).0,
        ["a/x"],
        "the object itself is at the name"
    );
    assert_eq!(list(&reader, Some("nowhere/at/all")), (vec![], vec![]));
}

#[test]
fn thousands_of_objects_are_listed_once_each() {
    let scratch = Scratch::new();
    let expected: Vec<String> = (0..1500).map(|i| format!("folder/{i:05}")).collect();
    for name in &expected {
        put(scratch.path(), name);
    }
    let reader = DirectoryReader::open(scratch.path()).unwrap();
    assert_eq!(list(&reader, None).0, expected);
}

#[test]
fn what_has_no_object_name_is_named_and_the_listing_goes_on() {
    let scratch = Scratch::new();
    let root = scratch.join("store");
    for name in ["aa", ".hidden", "two words", "-option", ".folder/inside", "zz"] {
        put(&root, name);
    }
    put(&root, OsStr::from_bytes(b"not\xffutf8"));
    put(&root, "deep/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16");
    put(&root, "deeper/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17");
    make_folders(&scratch.join("outside"));
    put(&scratch.join("outside"), "secret");
    symlink(scratch.join("outside"), root.join("link")).unwrap();
    symlink("aa", root.join("link-to-file")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, root.join("fifo"), rustix::fs::Mode::RWXU).unwrap();
    let (names, errors) = list(&DirectoryReader::open(&root).unwrap(), None);
    assert_eq!(names, ["aa", "deep/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", "zz"]);
    assert_eq!(errors.len(), 9, "{errors:#?}");
    for named in [
        ".hidden",
        ".folder",
        "two words",
        "-option",
        "not\\x{ff}utf8",
        "/16/17",
        "link:",
        "link-to-file",
        "fifo",
    ] {
        assert!(
            errors.iter().any(|error| error.contains(named)),
            "{named} is not in {errors:#?}"
        );
    }
}

#[test]
fn an_unfinished_deposit_is_listed_only_once_its_writer_has_stopped() {
    let scratch = Scratch::new();
    let sink = open(scratch.path());
    let deposit = begin(&sink, &object("disk.raw"), 1000).unwrap();
    assert_eq!(list(&sink, None), (vec![], vec![]));
    deposit_stopped(&scratch);
    let (names, errors) = list(&sink, None);
    assert!(names.is_empty());
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0].contains("other.raw") && errors[0].contains("unfinished deposit left by a stop"),
        "{errors:?}"
    );
    drop(deposit);
}

fn deposit_stopped(scratch: &Scratch) {
    put(
        &scratch.join(object("x").folder().unwrap().as_str()),
        ".partial-other.raw",
    );
}

#[test]
fn reading_and_listing_change_no_time_and_no_name() {
    use std::os::unix::fs::MetadataExt as _;
    let scratch = Scratch::new();
    put(scratch.path(), "folder/object");
    let reader = DirectoryReader::open(scratch.path()).unwrap();
    let times = || {
        let file = std::fs::metadata(scratch.join("folder/object")).unwrap();
        let folder = std::fs::metadata(scratch.join("folder")).unwrap();
        (
            file.mtime_nsec(),
            file.ctime_nsec(),
            folder.mtime_nsec(),
            folder.ctime_nsec(),
        )
    };
    let before = times();
    assert_eq!(list(&reader, None).0, ["folder/object"]);
    let image = wait(reader.open(&"folder/object".parse().unwrap())).unwrap();
    wait(image.read(custody_core::extent::ByteRange::at(0, 1))).unwrap();
    assert_eq!(times(), before);
}
