use std::collections::BTreeSet;
use std::fmt;

use custody_core::ids::RecordName;
use custody_core::port::{Machine, MachineRecord, MachineRecords};
use futures::stream::BoxStream;

mockall::mock! {
    #[derive(Debug)]
    pub MachineRecords {}
    impl fmt::Display for MachineRecords { fn fmt<'a>(&self, f: &mut fmt::Formatter<'a>) -> fmt::Result; }
    impl MachineRecords for MachineRecords {
        fn records(&self, machine: &Machine, settled: BTreeSet<RecordName>) -> BoxStream<'static, MachineRecord>;
    }
}
