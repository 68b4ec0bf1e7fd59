use crate::access::{Step, Window};

/// What is looked at; less of it tells nothing.
const SAMPLE_BYTES: u64 = 16 << 10;
/// Volumes below this are no disks that somebody encrypted, but test patterns and remains.
const MIN_VOLUME_BYTES: u64 = 1 << 20;

/// Whether the start of a volume looks like random bytes, as encrypted content does. Compressed content does as well:
/// the answer is a reason to doubt, never a proof.
pub(crate) async fn looks_random(volume: &Window) -> Step<bool> {
    if volume.length() < MIN_VOLUME_BYTES {
        return Ok(false);
    }
    let sample = volume.read(0, SAMPLE_BYTES).await?;
    Ok(is_even(&sample))
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
