use clap::ValueEnum;
use custody_hash::ImageOptions;
use sha1::Sha1;
use sha2::{Sha384, Sha512};
use sha3::{Sha3_256, Sha3_512};

/// A digest that is made beside SHA-256, in the same pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HashAlgorithm {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
    #[value(name = "sha3-256")]
    Sha3With256,
    #[value(name = "sha3-512")]
    Sha3With512,
}

impl HashAlgorithm {
    /// As the tools of BSD and `openssl dgst` name it.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha384 => "SHA384",
            Self::Sha512 => "SHA512",
            Self::Sha3With256 => "SHA3-256",
            Self::Sha3With512 => "SHA3-512",
        }
    }

    /// Adds it to what a pass makes. SHA-256 is made in any case.
    pub(crate) fn add_to(self, options: ImageOptions) -> ImageOptions {
        let name = self.tag();
        match self {
            Self::Sha256 => options,
            Self::Md5 => options.with_side_digest(name, Box::new(md5::Md5::default())),
            Self::Sha1 => options.with_side_digest(name, Box::new(Sha1::default())),
            Self::Sha384 => options.with_side_digest(name, Box::new(Sha384::default())),
            Self::Sha512 => options.with_side_digest(name, Box::new(Sha512::default())),
            Self::Sha3With256 => options.with_side_digest(name, Box::new(Sha3_256::default())),
            Self::Sha3With512 => options.with_side_digest(name, Box::new(Sha3_512::default())),
        }
    }
}
