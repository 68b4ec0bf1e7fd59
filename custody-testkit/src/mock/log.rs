use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use custody_core::port::{LogAnchor, LogHead, LogName, LogStore};
use custody_core::{Acted, Result};
use futures::stream::BoxStream;

mockall::mock! {
    #[derive(Debug)]
    pub LogStore {}
    impl fmt::Display for LogStore { fn fmt<'a>(&self, f: &mut fmt::Formatter<'a>) -> fmt::Result; }
    #[async_trait]
    impl LogStore for LogStore {
        async fn head(&self, log: &LogName) -> Result<LogHead>;
        async fn append(&self, log: &LogName, after: &LogHead, line: &[u8]) -> Result<LogHead>;
        fn lines(&self, log: &LogName, from: u64) -> BoxStream<'static, Result<Bytes>>;
        async fn set_aside_tail(&self, log: &LogName) -> Result<Option<Bytes>>;
    }
}

mockall::mock! {
    #[derive(Debug)]
    pub LogAnchor {}
    impl fmt::Display for LogAnchor { fn fmt<'a>(&self, f: &mut fmt::Formatter<'a>) -> fmt::Result; }
    #[async_trait]
    impl LogAnchor for LogAnchor {
        async fn head(&self, log: &LogName) -> Result<LogHead>;
        async fn append(&self, log: &LogName, after: &LogHead, lines: &[Bytes]) -> Result<Acted<LogHead>>;
        async fn put_checkpoint(&self, log: &LogName, size: u64, note: &[u8]) -> Result<Acted<()>>;
        fn lines(&self, log: &LogName, from: u64) -> BoxStream<'static, Result<Bytes>>;
    }
}
