use azure_core::http::headers::Headers;
use base64ct::{Base64, Encoding as _};
use crc::{CRC_64_NVME, Crc, Digest, Table};

use super::remote::name;

/// The service's CRC-64 is the one that NVMe has too, little endian, in base64.
///
/// Source: azure-sdk-for-python, recording test_blob_immutability_policy, answer to Put Blob of "abc".
static CRC64: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_NVME);

/// The checksum of what was sent of a block, to be compared with the one that the service made of what arrived.
///
/// It guards the way, as TLS does; that the object is what was read, its reading back shows.
pub(super) struct BlockChecksum(Digest<'static, u64, Table<16>>);

impl BlockChecksum {
    pub(super) fn new() -> Self {
        Self(CRC64.digest())
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// What the service says instead, where it says something else. An answer without a checksum says nothing.
    pub(super) fn mismatch(self, answer: &Headers) -> Option<String> {
        let sent = Base64::encode_string(&self.0.finalize().to_le_bytes());
        let arrived = answer.get_optional_str(&name("x-ms-content-crc64"))?;
        (arrived != sent).then(|| {
            format!(
                "what arrived is not what was sent: its CRC-64 is {}, not {sent}",
                custody_core::visible::escape(arrived)
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_of_abc_is_the_one_that_the_service_answered() {
        let of_abc = || {
            let mut checksum = BlockChecksum::new();
            checksum.update(b"a");
            checksum.update(b"bc");
            checksum
        };
        let mut headers = Headers::new();
        assert_eq!(of_abc().mismatch(&headers), None);
        headers.insert("x-ms-content-crc64", "6/rBP7vK5QU=");
        assert_eq!(of_abc().mismatch(&headers), None);
        headers.insert("x-ms-content-crc64", "6/rBP7vK5QY=");
        let told = of_abc().mismatch(&headers).unwrap();
        assert!(told.contains("6/rBP7vK5QY=, not 6/rBP7vK5QU="), "{told}");
    }
}
