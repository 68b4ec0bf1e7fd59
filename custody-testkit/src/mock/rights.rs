use std::fmt;

use async_trait::async_trait;
use custody_core::port::{Machine, Rights, RightsFinding};

mockall::mock! {
    #[derive(Debug)]
    pub Rights {}
    impl fmt::Display for Rights { fn fmt<'a>(&self, f: &mut fmt::Formatter<'a>) -> fmt::Result; }
    #[async_trait]
    impl Rights for Rights {
        async fn check(&self, machine: &Machine) -> Vec<RightsFinding>;
    }
}
