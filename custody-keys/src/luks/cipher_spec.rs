use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A cipher as dm-crypt names it, `aes-xts-plain64`, so far as key slots are read with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CipherSpec {
    pub(crate) mode: Mode,
    pub(crate) iv: Iv,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Xts,
    Cbc,
}

/// How a sector's initialisation vector is made of its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Iv {
    /// Its low 32 bits.
    Plain,
    Plain64,
    /// Its number, encrypted by a digest of the key.
    EssivSha256,
}

const WHAT: &str = "LUKS key slot";

impl FromStr for CipherSpec {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let spec = match name {
            "aes-xts-plain64" => (Mode::Xts, Iv::Plain64),
            "aes-xts-plain" => (Mode::Xts, Iv::Plain),
            "aes-cbc-essiv:sha256" => (Mode::Cbc, Iv::EssivSha256),
            "aes-cbc-plain64" => (Mode::Cbc, Iv::Plain64),
            "aes-cbc-plain" => (Mode::Cbc, Iv::Plain),
            _ => {
                return Err(Error::Unsupported {
                    what: WHAT,
                    name: format!("cipher {}", crate::outside_name(name)),
                });
            }
        };
        let (mode, iv) = spec;
        Ok(Self { mode, iv })
    }
}

impl fmt::Display for CipherSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match self.mode {
            Mode::Xts => "xts",
            Mode::Cbc => "cbc",
        };
        let iv = match self.iv {
            Iv::Plain => "plain",
            Iv::Plain64 => "plain64",
            Iv::EssivSha256 => "essiv:sha256",
        };
        write!(f, "aes-{mode}-{iv}")
    }
}
