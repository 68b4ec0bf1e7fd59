//! Mocks of every port, for unit tests of what uses one: `MockEvidenceSink` and so on.
//!
//! Made with [`mockall`]: say which calls are expected and what they answer. Everything else panics. A mock
//! names itself only when it is told how (`expect_fmt`). For a test that needs a store to behave like a store,
//! take a [fake](crate::fake).
//!
//! ```
//! use custody_core::port::SealSigner;
//! use custody_core::Error;
//! use custody_testkit::mock::MockSealSigner;
//! use futures::executor::block_on;
//!
//! let mut signer = MockSealSigner::new();
//! signer
//!     .expect_sign()
//!     .withf(|message| message == b"checkpoint\n")
//!     .times(1)
//!     .returning(|_| Err(Error::Throttled { object: "vault".into(), retry_after: None }));
//!
//! let refused = block_on(signer.sign(b"checkpoint\n"));
//! assert!(matches!(refused, Err(Error::Throttled { .. })));
//! ```

mod environment;
mod evidence;
mod image;
mod keys;
mod log;
mod machine_records;
mod rights;
mod seal;
mod source;

pub use environment::{MockClock, MockEntropy, MockProgressObserver, MockStopSignal};
pub use evidence::{MockDeposit, MockEvidenceReader, MockEvidenceSink};
pub use image::{MockImageHash, MockImageHasher, MockImageReader};
pub use keys::{MockKeyEscrow, MockKeyProver, MockKeySource, MockKeyWrapper};
pub use log::{MockLogAnchor, MockLogStore};
pub use machine_records::MockMachineRecords;
pub use rights::MockRights;
pub use seal::{MockDigestRegister, MockSealSigner, MockTimestampAuthority};
pub use source::{MockSnapshotter, MockSourceAccess};
