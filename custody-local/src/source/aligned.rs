/// What `O_DIRECT` asks of memory on every device we know of; more than the 512 most of them need.
pub(super) const MEMORY_ALIGNMENT: usize = 4096;

/// Memory that begins at a multiple of [`MEMORY_ALIGNMENT`], without unsafe code: a longer vector,
/// used from its first aligned byte.
#[derive(Debug)]
pub(super) struct AlignedBuffer {
    memory: Vec<u8>,
    start: usize,
    length: usize,
}

impl AlignedBuffer {
    /// Zeros, `length` of them.
    pub(super) fn new(length: usize) -> Self {
        let memory = vec![0; length + MEMORY_ALIGNMENT];
        // `align_offset` may decline; then the memory is used as it is and the kernel answers EINVAL.
        let start = match memory.as_ptr().align_offset(MEMORY_ALIGNMENT) {
            offset if offset < MEMORY_ALIGNMENT => offset,
            _ => 0,
        };
        Self {
            memory,
            start,
            length,
        }
    }

    /// The bytes from `from`, at most `length` of them, fewer at the end.
    pub(super) fn part(&self, from: usize, length: usize) -> &[u8] {
        let from = from.min(self.length);
        let end = from.saturating_add(length).min(self.length);
        self.memory
            .get(self.start + from..self.start + end)
            .unwrap_or_default()
    }

    /// As [`part`](Self::part), to be written.
    pub(super) fn part_mut(&mut self, from: usize, length: usize) -> &mut [u8] {
        let from = from.min(self.length);
        let end = from.saturating_add(length).min(self.length);
        self.memory
            .get_mut(self.start + from..self.start + end)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffer_is_aligned_and_never_reaches_past_its_length() {
        let mut buffer = AlignedBuffer::new(1000);
        assert_eq!(buffer.part(0, 1000).as_ptr().align_offset(MEMORY_ALIGNMENT), 0);
        buffer.part_mut(998, 10).fill(7);
        assert_eq!(buffer.part(997, 10), &[0, 7, 7]);
        assert!(buffer.part(1000, 1).is_empty() && buffer.part(2000, 1).is_empty());
    }
}
