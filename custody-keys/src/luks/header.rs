use super::key_slot::KeySlot;
use crate::error::Result;

/// What a LUKS header says, of either version.
#[derive(Debug)]
pub(crate) struct LuksHeader {
    pub(super) format: &'static str,
    pub(super) identifier: String,
    pub(super) slots: Vec<NumberedSlot>,
    pub(super) notes: Vec<String>,
}

/// A slot that is in use, or why it cannot be tried.
#[derive(Debug)]
pub(crate) struct NumberedSlot {
    pub(super) number: u32,
    pub(super) slot: Result<KeySlot>,
}
