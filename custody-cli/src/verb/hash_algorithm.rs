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

/// What a digest in a list is of: all bytes of a file, or the tree over its chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SumKind {
    Whole(HashAlgorithm),
    Tree,
}

impl HashAlgorithm {
    /// As the tools of BSD name it.
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

impl SumKind {
    pub(crate) const SHA256: Self = Self::Whole(HashAlgorithm::Sha256);

    /// All that a list may hold.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let whole = HashAlgorithm::value_variants().iter().copied();
        whole.map(Self::Whole).chain([Self::Tree])
    }

    /// How its lines begin where they say what they are of.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::Whole(algorithm) => algorithm.tag(),
            Self::Tree => "SHA256-TREE-4M",
        }
    }

    /// How else: as `openssl dgst` of OpenSSL 3 names what has another name in version 1.
    /// Source: openssl-dgst(1), OpenSSL 3.0, whose output begins with the name of the digest that was fetched.
    pub(crate) const fn other_tag(self) -> Option<&'static str> {
        match self {
            Self::Whole(HashAlgorithm::Sha256) => Some("SHA2-256"),
            Self::Whole(HashAlgorithm::Sha384) => Some("SHA2-384"),
            Self::Whole(HashAlgorithm::Sha512) => Some("SHA2-512"),
            _ => None,
        }
    }

    pub(crate) const fn hex_digits(self) -> usize {
        match self {
            Self::Whole(HashAlgorithm::Md5) => 32,
            Self::Whole(HashAlgorithm::Sha1) => 40,
            Self::Whole(HashAlgorithm::Sha256 | HashAlgorithm::Sha3With256) | Self::Tree => 64,
            Self::Whole(HashAlgorithm::Sha384) => 96,
            Self::Whole(HashAlgorithm::Sha512 | HashAlgorithm::Sha3With512) => 128,
        }
    }

    /// Its name in a document.
    pub(crate) fn word(self) -> String {
        self.tag().to_ascii_lowercase()
    }
}
