//! HTTP as the simulator sees it: calls that came in, by whatever way, and answers that go out.

mod answer;
mod call;
mod pace;
mod query;
mod xml;

pub(crate) use self::answer::{Answer, Cut, Payload};
pub(crate) use self::call::{ByteSpan, Call};
pub(crate) use self::pace::{Link, Links};
pub(crate) use self::query::{Query, decode, encode};
pub(crate) use self::xml::{escape, read_elements};
