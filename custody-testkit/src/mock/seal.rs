use std::fmt;

use async_trait::async_trait;
use custody_core::custody_log::VerifierKey;
use custody_core::digest::Sha256Digest;
use custody_core::port::{DigestEntry, DigestRegister, SealSigner, TimestampAuthority};
use custody_core::{Acted, Result};

mockall::mock! {
    #[derive(Debug)]
    pub SealSigner {}
    impl fmt::Display for SealSigner { fn fmt<'a>(&self, f: &mut fmt::Formatter<'a>) -> fmt::Result; }
    #[async_trait]
    impl SealSigner for SealSigner {
        fn verifier_key(&self) -> &VerifierKey;
        async fn sign(&self, message: &[u8]) -> Result<Acted<Vec<u8>>>;
    }
}

mockall::mock! {
    #[derive(Debug)]
    pub TimestampAuthority {}
    impl fmt::Display for TimestampAuthority { fn fmt<'a>(&self, f: &mut fmt::Formatter<'a>) -> fmt::Result; }
    #[async_trait]
    impl TimestampAuthority for TimestampAuthority {
        async fn stamp(&self, message: &[u8]) -> Result<Acted<Vec<u8>>>;
    }
}

mockall::mock! {
    #[derive(Debug)]
    pub DigestRegister {}
    impl fmt::Display for DigestRegister { fn fmt<'a>(&self, f: &mut fmt::Formatter<'a>) -> fmt::Result; }
    #[async_trait]
    impl DigestRegister for DigestRegister {
        async fn put(&self, entry: &DigestEntry) -> Result<Acted<()>>;
        async fn find(&self, name: &str) -> Result<Option<Sha256Digest>>;
    }
}
