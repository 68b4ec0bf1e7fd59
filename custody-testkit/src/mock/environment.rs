use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use custody_core::Result;
use custody_core::ids::Timestamp;
use custody_core::port::{Clock, Entropy, Progress, ProgressObserver, StopSignal};

mockall::mock! {
    #[derive(Debug)]
    pub Clock {}
    impl fmt::Display for Clock { fn fmt<'a>(&self, f: &mut fmt::Formatter<'a>) -> fmt::Result; }
    #[async_trait]
    impl Clock for Clock {
        fn now(&self) -> Timestamp;
        fn monotonic(&self) -> Duration;
        fn boot_id(&self) -> String;
        async fn sleep(&self, duration: Duration);
    }
}

mockall::mock! {
    #[derive(Debug)]
    pub Entropy {}
    impl fmt::Display for Entropy { fn fmt<'a>(&self, f: &mut fmt::Formatter<'a>) -> fmt::Result; }
    impl Entropy for Entropy {
        fn fill(&self, bytes: &mut [u8]) -> Result<()>;
    }
}

mockall::mock! {
    #[derive(Debug)]
    pub ProgressObserver {}
    impl fmt::Display for ProgressObserver { fn fmt<'a>(&self, f: &mut fmt::Formatter<'a>) -> fmt::Result; }
    impl ProgressObserver for ProgressObserver {
        fn progress(&self, progress: &Progress);
        fn step(&self, line: &str);
    }
}

mockall::mock! {
    #[derive(Debug)]
    pub StopSignal {}
    impl fmt::Display for StopSignal { fn fmt<'a>(&self, f: &mut fmt::Formatter<'a>) -> fmt::Result; }
    impl StopSignal for StopSignal {
        fn is_stopped(&self) -> bool;
    }
}
