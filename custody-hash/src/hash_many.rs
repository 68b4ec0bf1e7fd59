//! Digests of messages that are in memory.

use crate::{
    backend::{Block, INITIAL, Kernels, State, Strand, compress_strands, kernels},
    sha256::{digest_of_state, padded_tail},
};

/// SHA-256 of one message, as `sha256sum` prints it.
///
/// # Examples
/// ```
/// let digest = custody_hash::digest(b"abc");
/// assert_eq!(digest[..4], [0xba, 0x78, 0x16, 0xbf]);
/// ```
#[must_use]
pub fn digest(message: &[u8]) -> [u8; 32] {
    crate::sha256::Sha256::digest(message)
}

/// SHA-256 of each of several messages, on the calling thread, in the order of the messages.
///
/// Lanes are filled by itself: messages of any number and any lengths may come together, and as many as the processor
/// can do at once are done at once. With SHA extensions and AVX-512 sixteen messages take 2.4 times less than one after
/// the other, with SHA extensions alone four take half. One message takes as long as [`digest()`]; messages below a few
/// hundred bytes gain least, and no message is ever split.
///
/// # Examples
/// ```
/// let sectors: Vec<&[u8]> = vec![b"abc", b"", b"abc"];
/// let digests = custody_hash::hash_many(&sectors);
/// assert_eq!(digests[0], digests[2]);
/// assert_eq!(digests[1], custody_hash::digest(b""));
/// ```
#[must_use]
pub fn hash_many(messages: &[&[u8]]) -> Vec<[u8; 32]> {
    hash_many_with(kernels(), messages)
}

pub(crate) fn hash_many_with(kernels: &Kernels, messages: &[&[u8]]) -> Vec<[u8; 32]> {
    let mut states = vec![INITIAL; messages.len()];
    let whole = messages.iter().map(|message| message.as_chunks().0);
    take_in(kernels, &mut states, whole);
    let tails: Vec<_> = messages.iter().map(|message| padded_tail(message)).collect();
    take_in(
        kernels,
        &mut states,
        tails.iter().map(|(blocks, count)| blocks.split_at(*count).0),
    );
    states.iter().map(digest_of_state).collect()
}

fn take_in<'a>(kernels: &Kernels, states: &mut [State], blocks: impl Iterator<Item = &'a [Block]>) {
    let strands = states.iter_mut().zip(blocks);
    let mut strands: Vec<_> = strands.map(|(state, blocks)| Strand { state, blocks }).collect();
    compress_strands(kernels, &mut strands);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        backend::runnable,
        samples::{hex, noise, sha2_of},
    };

    #[test]
    fn every_length_around_blocks_and_slices_agrees_with_sha2() {
        let sample = noise(70_000, 9);
        let around = |middle: usize| middle.saturating_sub(3)..middle + 4;
        let lengths = [0, 64, 128, 4096, 65_536]
            .into_iter()
            .flat_map(around)
            .chain(50..60);
        // At every address within a vector.
        let messages: Vec<&[u8]> = lengths
            .enumerate()
            .map(|(at, length)| &sample[at..at + length])
            .collect();
        let expected: Vec<_> = messages.iter().map(|message| sha2_of(message)).collect();
        for family in runnable() {
            assert_eq!(hash_many_with(family, &messages), expected, "{}", family.name);
            for (message, expected) in messages.iter().zip(&expected) {
                assert_eq!(hash_many_with(family, &[message]), [*expected], "{}", family.name);
            }
        }
    }

    #[test]
    fn a_hundred_thousand_messages_take_no_longer_each_than_a_few() {
        let sample = noise(20_000, 3);
        let message = |number: usize| {
            let at = number % 19_000;
            &sample[at..at + number * 7 % 300]
        };
        let messages: Vec<&[u8]> = (0..100_000).map(message).collect();
        let begun = std::time::Instant::now();
        let digests = hash_many(&messages);
        // Tens of milliseconds. If each step looked at all of them, minutes.
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
        for (message, digest) in messages.iter().zip(digests) {
            assert_eq!(digest, sha2_of(message));
        }
    }

    #[test]
    fn nist_vectors_come_out_of_all_lanes_of_every_backend() {
        for (message, expected) in crate::samples::nist_vectors() {
            for family in runnable() {
                for count in [2, 4, 16, 35] {
                    let digests = hash_many_with(family, &vec![message.as_slice(); count]);
                    assert_eq!(digests.len(), count);
                    for digest in digests {
                        assert_eq!(hex(&digest), expected, "{} x {count}", family.name);
                    }
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn messages_of_any_number_and_length_agree_with_sha2(
            lengths in proptest::collection::vec(prop_oneof![0..200_usize, 0..9_000_usize], 0..40),
            seed in any::<u64>(),
        ) {
            let sample = noise(lengths.iter().sum(), seed);
            let mut rest = sample.as_slice();
            let messages: Vec<&[u8]> = lengths.iter().map(|length| rest.split_off(..*length).unwrap()).collect();
            let expected: Vec<_> = messages.iter().map(|message| sha2_of(message)).collect();
            for family in runnable() {
                prop_assert_eq!(&hash_many_with(family, &messages), &expected, "{}", family.name);
            }
        }
    }
}
