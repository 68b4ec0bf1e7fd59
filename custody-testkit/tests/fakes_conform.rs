//! Every fake passes its port's suite, and so does every fake behind a gate that breaks nothing.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod harness;

use std::sync::Arc;

use custody_core::port::*;
use custody_testkit::fake::FakeSigner;
use custody_testkit::fault::{CallGate, Crashing};

/// The port as it is.
fn same<P: ?Sized>(port: Arc<P>) -> Arc<P> {
    port
}

/// The port behind a gate.
fn behind_gate<P: ?Sized>(port: Arc<P>) -> Crashing<P> {
    Crashing::new(port, CallGate::new())
}

/// The fake as it is.
macro_rules! plain {
    ($port:ident) => {
        |fake| -> Arc<dyn $port> { Arc::new(fake) }
    };
}

/// The fake behind a gate.
macro_rules! gated {
    ($port:ident) => {
        |fake| -> Arc<dyn $port> {
            let fake: Arc<dyn $port> = Arc::new(fake);
            Arc::new(Crashing::new(fake, CallGate::new()))
        }
    };
}

mod memory_image {
    use super::*;
    custody_testkit::image_reader_conformance!(|| harness::image(plain!(ImageReader)));
}

mod memory_image_that_fails {
    use super::*;
    custody_testkit::image_reader_conformance!(harness::failing_image);
}

mod memory_store {
    use super::*;
    custody_testkit::evidence_sink_conformance!(|| harness::sink(|sink, _| sink));
    custody_testkit::evidence_reader_conformance!(|| harness::reader(|reader, _| reader));
    custody_testkit::log_anchor_conformance!(|| harness::log_anchor(plain!(LogAnchor)));
}

mod memory_store_without_import_and_hold {
    use super::*;
    custody_testkit::evidence_sink_conformance!(|| harness::plain_sink(|sink, _| sink));
}

mod memory_log {
    use super::*;
    custody_testkit::log_store_conformance!(|| harness::log_store(plain!(LogStore)));
}

mod serial_hasher {
    use super::*;
    custody_testkit::image_hasher_conformance!(|| harness::hasher(same));
}

mod ed25519_signer {
    use super::*;
    custody_testkit::seal_signer_conformance!(|| {
        harness::signer(FakeSigner::ed25519("custodian", 1), plain!(SealSigner))
    });
}

mod ecdsa_signer {
    use super::*;
    custody_testkit::seal_signer_conformance!(|| {
        harness::signer(FakeSigner::ecdsa_p256("vault", 2), plain!(SealSigner))
    });
}

mod machine {
    use super::*;
    custody_testkit::snapshotter_conformance!(
        || harness::snapshotter(plain!(Snapshotter)),
        ignore {
            sn_09_what_goes_together_goes_on_one_warrant: "its snapshots go one by one; the clause runs on sets"
        }
    );
    custody_testkit::source_access_conformance!(|| harness::access(plain!(SourceAccess)));
    custody_testkit::machine_records_conformance!(|| harness::machine_records(plain!(MachineRecords)));
    custody_testkit::rights_conformance!(|| harness::rights(plain!(Rights)));
}

mod machine_of_sets {
    use super::*;
    custody_testkit::snapshotter_conformance!(|| harness::snapshotter_of_sets(plain!(Snapshotter)));
}

mod machine_in_place {
    use super::*;
    custody_testkit::source_access_conformance!(|| harness::access_in_place(plain!(SourceAccess)));
}

mod environment {
    use super::*;
    custody_testkit::clock_conformance!(|| harness::clock(plain!(Clock)));
    custody_testkit::entropy_conformance!(|| harness::entropy(plain!(Entropy)));
    custody_testkit::digest_register_conformance!(|| harness::register(same));
    custody_testkit::timestamp_authority_conformance!(|| harness::authority(plain!(TimestampAuthority)));
}

mod keys {
    use super::*;
    custody_testkit::key_source_conformance!(|| harness::key_source(plain!(KeySource)));
    custody_testkit::key_wrapper_conformance!(|| harness::key_wrapper(plain!(KeyWrapper)));
    custody_testkit::key_escrow_conformance!(|| harness::escrow(plain!(KeyEscrow)));
    custody_testkit::key_prover_conformance!(|| harness::prover(plain!(KeyProver)));
}

mod a_guarding_escrow {
    use super::*;
    custody_testkit::key_escrow_conformance!(harness::guarding_escrow);
}

mod behind_a_gate {
    use super::*;
    custody_testkit::image_reader_conformance!(|| harness::image(gated!(ImageReader)));
    custody_testkit::evidence_sink_conformance!(|| harness::sink(|sink, _| Arc::new(behind_gate(sink))));
    custody_testkit::evidence_reader_conformance!(|| harness::reader(|reader, _| Arc::new(behind_gate(
        reader
    ))));
    custody_testkit::log_anchor_conformance!(|| harness::log_anchor(gated!(LogAnchor)));
    custody_testkit::log_store_conformance!(|| harness::log_store(gated!(LogStore)));
    custody_testkit::seal_signer_conformance!(|| {
        harness::signer(FakeSigner::ed25519("custodian", 1), gated!(SealSigner))
    });
    custody_testkit::snapshotter_conformance!(|| harness::snapshotter_of_sets(gated!(Snapshotter)));
    custody_testkit::source_access_conformance!(|| harness::access(gated!(SourceAccess)));
    custody_testkit::machine_records_conformance!(|| harness::machine_records(gated!(MachineRecords)));
    custody_testkit::rights_conformance!(|| harness::rights(gated!(Rights)));
    custody_testkit::digest_register_conformance!(|| harness::register(|register| Arc::new(behind_gate(
        register
    ))));
    custody_testkit::timestamp_authority_conformance!(|| harness::authority(gated!(TimestampAuthority)));
    custody_testkit::key_source_conformance!(|| harness::key_source(gated!(KeySource)));
    custody_testkit::key_wrapper_conformance!(|| harness::key_wrapper(gated!(KeyWrapper)));
    custody_testkit::key_escrow_conformance!(|| harness::escrow(gated!(KeyEscrow)));
}
