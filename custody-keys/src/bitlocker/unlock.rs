use super::external_key_file::ExternalKeyFile;
use super::metadata::Metadata;
use super::method::Method;
use super::protector::Protector;
use crate::error::Result;
use crate::guid::Guid;

/// What an external key does to one copy of a volume's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unlock {
    /// The master key authenticates, and opens the key of the content.
    Opens {
        protector: Guid,
        seal: Option<bool>,
        content: ContentKey,
    },
    /// No protector that takes an external key is opened by this one.
    DoesNotOpen { named: Option<Guid> },
    /// The key is right, and the metadata are damaged beyond it.
    Damaged { reason: String },
}

/// What the key of the content is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentKey {
    /// The method that the metadata name.
    AsNamed,
    /// Another one, or one that is not known.
    Other(Option<&'static str>),
}

impl Metadata {
    /// Tries the key: first the protector that it names, then every other one that takes an external key.
    pub(crate) fn unlock(&self, key: &ExternalKeyFile) -> Result<Unlock> {
        let named = |protector: &&Protector| protector.identifier == key.identifier();
        let external = |protector: &&Protector| protector.kind.is_external();
        let first = self.protectors.iter().filter(named);
        let others = self.protectors.iter().filter(|p| external(p) && !named(p));
        for protector in first.chain(others) {
            let Some(sealed) = &protector.sealed else { continue };
            let Some(master_key) = sealed.open(key.key().expose())? else {
                continue;
            };
            return self.judge(protector, master_key.key.expose());
        }
        Ok(Unlock::DoesNotOpen {
            named: self
                .protectors
                .iter()
                .find(named)
                .map(|protector| protector.identifier),
        })
    }

    /// The protector whose key lies beside it, where it opens the volume: a suspended volume.
    pub(crate) fn opened_by_clear_key(&self) -> Result<Option<Guid>> {
        for protector in self
            .protectors
            .iter()
            .filter(|protector| protector.kind.is_clear())
        {
            if let (Some(key), Some(sealed)) = (&protector.clear_key, &protector.sealed)
                && sealed.open(key.expose())?.is_some()
            {
                return Ok(Some(protector.identifier));
            }
        }
        Ok(None)
    }

    fn judge(&self, protector: &Protector, master_key: &[u8]) -> Result<Unlock> {
        let identifier = protector.identifier;
        let damaged = |what: &str| {
            let reason = format!("the key opens protector {identifier}, but {what}");
            Ok(Unlock::Damaged { reason })
        };
        let Some(volume_key) = &self.volume_key else {
            return damaged("the metadata hold no key of the volume's content");
        };
        let Some(content_key) = volume_key.open(master_key)? else {
            return damaged("the master key does not authenticate the key of the volume's content");
        };
        let made_for = Method::of(content_key.purpose);
        if made_for.wants_more_than(content_key.key.len()) {
            return damaged("the key of the volume's content is too short for the method that it names");
        }
        let seal = self.is_sealed_by(master_key)?;
        Ok(Unlock::Opens {
            protector: identifier,
            seal,
            content: if made_for == self.method {
                ContentKey::AsNamed
            } else {
                ContentKey::Other(made_for.name())
            },
        })
    }
}
