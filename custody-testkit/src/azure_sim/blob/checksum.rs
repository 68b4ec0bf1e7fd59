use std::sync::OnceLock;

use md5::{Digest as _, Md5};

use super::refusal::Refused;
use crate::azure_sim::http::Call;
use crate::azure_sim::keyed;

/// MD5 in base64.
pub(super) fn md5_base64(bytes: &[u8]) -> String {
    keyed::base64(&Md5::digest(bytes))
}

/// The service's CRC-64, little endian, in base64. Its polynomial is the one that NVMe has too.
pub(super) fn crc64_base64(bytes: &[u8]) -> String {
    const POLYNOMIAL: u64 = 0x9A6C_9329_AC4B_C9B5;
    static TABLE: OnceLock<[u64; 256]> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        std::array::from_fn(|byte| {
            (0..8).fold(byte as u64, |crc, _| {
                if crc & 1 == 1 {
                    crc >> 1 ^ POLYNOMIAL
                } else {
                    crc >> 1
                }
            })
        })
    });
    let crc = bytes.iter().fold(u64::MAX, |crc, byte| {
        let [low, ..] = crc.to_le_bytes();
        table[usize::from(low ^ byte)] ^ crc >> 8
    });
    keyed::base64(&(!crc).to_le_bytes())
}

/// Refuses a body that is not what its checksum says.
pub(super) fn check_body(call: &Call) -> Result<(), Refused> {
    if let Some(stated) = call.header("content-md5")
        && stated != md5_base64(&call.body)
    {
        return Err(Refused::new(
            400,
            "Md5Mismatch",
            "The MD5 value specified in the request did not match.",
        ));
    }
    if let Some(stated) = call.header("x-ms-content-crc64")
        && stated != crc64_base64(&call.body)
    {
        return Err(Refused::new(
            400,
            "Crc64Mismatch",
            "The CRC64 value specified in the request did not match.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_of_abc_are_those_that_the_service_answered() {
        // Source: azure-sdk-for-python, recording test_blob_immutability_policy, answer to Put Blob of "abc".
        assert_eq!(md5_base64(b"abc"), "kAFQmDzST7DWlj99KOF/cg==");
        assert_eq!(crc64_base64(b"abc"), "6/rBP7vK5QU=");
    }
}
