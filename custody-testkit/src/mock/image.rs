use std::fmt;

use async_trait::async_trait;
use custody_core::Result;
use custody_core::digest::ImageDigests;
use custody_core::extent::{ByteRange, Extent, Span};
use custody_core::port::{ChunkRun, HashOptions, ImageHash, ImageHasher, ImageReader};
use futures::stream::BoxStream;

mockall::mock! {
    #[derive(Debug)]
    pub ImageReader {}
    impl fmt::Display for ImageReader { fn fmt<'a>(&self, f: &mut fmt::Formatter<'a>) -> fmt::Result; }
    #[async_trait]
    impl ImageReader for ImageReader {
        fn length(&self) -> u64;
        fn spans(&self, within: ByteRange) -> BoxStream<'static, Result<Span>>;
        async fn read(&self, range: ByteRange) -> Result<Vec<Extent>>;
    }
}

mockall::mock! {
    #[derive(Debug)]
    pub ImageHasher {}
    impl fmt::Display for ImageHasher { fn fmt<'a>(&self, f: &mut fmt::Formatter<'a>) -> fmt::Result; }
    impl ImageHasher for ImageHasher {
        fn start(&self, length: u64, options: HashOptions) -> Result<Box<dyn ImageHash>>;
    }
}

mockall::mock! {
    #[derive(Debug)]
    pub ImageHash {}
    impl fmt::Display for ImageHash { fn fmt<'a>(&self, f: &mut fmt::Formatter<'a>) -> fmt::Result; }
    #[async_trait]
    impl ImageHash for ImageHash {
        async fn push(&mut self, extent: Extent) -> Result<Vec<ChunkRun>>;
        async fn finish(self: Box<Self>) -> Result<(Vec<ChunkRun>, ImageDigests)>;
    }
}
