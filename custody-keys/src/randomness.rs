use crate::access::{Step, Window};

/// What is looked at in one place; less of it tells nothing.
const SAMPLE_BYTES: u64 = 16 << 10;
/// Volumes below this are no disks that somebody encrypted, but test patterns and remains.
const MIN_VOLUME_BYTES: u64 = 1 << 20;
/// The start; and where content begins behind the header of LUKS1, of LUKS2, and of a LUKS2 volume that was encrypted in
/// place: it looks random there although the header was wiped.
const PLACES: [u64; 4] = [0, 2 << 20, 16 << 20, 32 << 20];

/// From where on the volume looks like random bytes, as encrypted content does, in the few places that are looked at.
/// Compressed content does as well: the answer is a reason to doubt, never a proof.
pub(crate) async fn first_random_bytes(volume: &Window) -> Step<Option<u64>> {
    let length = volume.length();
    if length < MIN_VOLUME_BYTES {
        return Ok(None);
    }
    let middle = length / 2 / SAMPLE_BYTES * SAMPLE_BYTES;
    for at in PLACES.into_iter().chain([middle]) {
        if at.saturating_add(SAMPLE_BYTES) > length {
            continue;
        }
        if is_even(&volume.read(at, SAMPLE_BYTES).await?) {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// Whether all byte values are about equally frequent: Pearson's chi-squared, whose mean is 255 for random bytes and
/// whose standard deviation is 23; the bound is eight of them away.
fn is_even(sample: &[u8]) -> bool {
    const BOUND: f64 = 255.0 + 8.0 * 23.0;
    let mut counts = [0_u32; 256];
    for byte in sample {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let total: u32 = counts.iter().sum();
    let expected = f64::from(total) / 256.0;
    if expected < 1.0 {
        return false;
    }
    let squared: f64 = counts
        .iter()
        .map(|count| (f64::from(*count) - expected).powi(2) / expected)
        .sum();
    squared < BOUND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_bytes_look_random_and_others_do_not() {
        let mut state = 1_u64;
        let random: Vec<u8> = std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .take(16 << 10)
        .collect();
        assert!(is_even(&random));
        assert!(!is_even(&[0; 16 << 10]));
        assert!(!is_even("text is not even ".repeat(1000).as_bytes()));
        assert!(!is_even(&[]));
    }
}
