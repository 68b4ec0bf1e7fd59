use std::collections::BTreeSet;

use custody_core::ids::RecordName;
use custody_core::port::{Machine, MachineRecord, MachineRecords};
use futures::stream::{BoxStream, StreamExt as _};

use super::Crashing;

#[deny(clippy::missing_trait_methods)]
impl MachineRecords for Crashing<dyn MachineRecords> {
    /// A dead process gets no more of them.
    fn records(&self, machine: &Machine, settled: BTreeSet<RecordName>) -> BoxStream<'_, MachineRecord> {
        self.inner
            .records(machine, settled)
            .take_while(|_| futures::future::ready(!self.gate.is_dead()))
            .boxed()
    }
}
