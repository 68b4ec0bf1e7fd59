use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use custody_core::ids::{AcquisitionId, Segment};
use custody_core::port::{
    DiskDescription, DiskSnapshot, EscrowReceipt, EscrowRecord, FetchedKey, ImageReader, KeyEscrow,
    KeyMaterial, KeyProof, KeyProver, KeyReference, KeyRequirement, KeySource, KeyWrapper, WrappedKey,
};
use custody_core::{Acted, Result};
use futures::stream::BoxStream;

mockall::mock! {
    #[derive(Debug)]
    pub KeySource {}
    impl fmt::Display for KeySource { fn fmt<'a>(&self, f: &mut fmt::Formatter<'a>) -> fmt::Result; }
    #[async_trait]
    impl KeySource for KeySource {
        async fn requirement(&self, disk: &DiskDescription, snapshot: &DiskSnapshot) -> Result<Acted<KeyRequirement>>;
        async fn fetch(&self, key: &KeyReference) -> Result<Acted<FetchedKey>>;
    }
}

mockall::mock! {
    #[derive(Debug)]
    pub KeyWrapper {}
    impl fmt::Display for KeyWrapper { fn fmt<'a>(&self, f: &mut fmt::Formatter<'a>) -> fmt::Result; }
    #[async_trait]
    impl KeyWrapper for KeyWrapper {
        async fn wrap(&self, key: &KeyMaterial, acquisition: &AcquisitionId) -> Result<Acted<WrappedKey>>;
        async fn unwrap_key(&self, key: &WrappedKey, acquisition: &AcquisitionId) -> Result<Acted<KeyMaterial>>;
    }
}

mockall::mock! {
    #[derive(Debug)]
    pub KeyEscrow {}
    impl fmt::Display for KeyEscrow { fn fmt<'a>(&self, f: &mut fmt::Formatter<'a>) -> fmt::Result; }
    #[async_trait]
    impl KeyEscrow for KeyEscrow {
        async fn deposit(&self, name: &Segment, record: &EscrowRecord) -> Result<Acted<EscrowReceipt>>;
        async fn withdraw(&self, name: &Segment) -> Result<Acted<EscrowRecord>>;
        fn list(&self, of: &AcquisitionId) -> BoxStream<'static, Result<EscrowReceipt>>;
    }
}

mockall::mock! {
    #[derive(Debug)]
    pub KeyProver {}
    impl fmt::Display for KeyProver { fn fmt<'a>(&self, f: &mut fmt::Formatter<'a>) -> fmt::Result; }
    #[async_trait]
    impl KeyProver for KeyProver {
        async fn prove(&self, image: Arc<dyn ImageReader>, key: &KeyMaterial) -> Result<KeyProof>;
    }
}
