use std::io::{BufRead, stdin};
use std::path::PathBuf;
use std::str::FromStr;

use clap::ValueEnum as _;
use custody_azure::arm::{ResourceGroup, ResourceId};

use super::wishes::{IdentityKind, IdentityWish, Wishes};
use crate::azure::{AzureSettings, CloudChoice, Protection};
use crate::console::Console;
use crate::failure::Failure;
use crate::printable;

/// Asks a person, in plain lines: a question on standard error, an answer on standard input. Enter takes what stands
/// in brackets. Nothing secret is ever asked for.
pub(crate) struct Questions<'a> {
    console: &'a Console,
    answers: Box<dyn BufRead>,
}

/// One question.
struct Question<'a> {
    /// What is meant, in lines.
    explained: &'a str,
    /// What is asked for.
    name: &'a str,
    /// What is given in its place when nobody answers.
    flag: &'a str,
    /// What Enter stands for; `None` where an answer is needed.
    default: Option<String>,
}

impl<'a> Questions<'a> {
    /// Answered by the process's standard input.
    pub(crate) fn of_stdin(console: &'a Console) -> Self {
        Self {
            console,
            answers: Box::new(stdin().lock()),
        }
    }

    /// Asks for what nobody wished yet; what stands in the file is what Enter takes.
    pub(crate) fn complete(
        &mut self,
        wishes: &mut Wishes,
        groups: &mut Vec<ResourceGroup>,
        owner_vaults: &mut Vec<ResourceId>,
        standing: &AzureSettings,
    ) -> Result<(), Failure> {
        self.console.err(
            "Enter takes what stands in [brackets]. No secret is asked for: where one is needed, its file is named.\n",
        );
        if wishes.cloud.is_none() {
            self.ask_cloud(wishes, standing)?;
        }
        self.ask_identity(wishes, standing)?;
        self.ask_store(wishes, standing)?;
        self.ask_snapshots(wishes, standing)?;
        self.ask_vault(wishes, owner_vaults, standing)?;
        if groups.is_empty() {
            *groups = self.ask(
                &Question {
                    explained: "In which resource groups are the machines that may have to be captured, and their disks?\nTheir ids, with spaces between them: az group show --name NAME --query id -o tsv\nNothing: rights at the machines are not checked.",
                    name: "source groups",
                    flag: "--source-group",
                    default: Some(String::new()),
                },
                |text| text.split_whitespace().map(ResourceGroup::from_str).collect(),
            )?;
        }
        Ok(())
    }

    fn ask_cloud(&mut self, wishes: &mut Wishes, standing: &AzureSettings) -> Result<(), Failure> {
        let default = match &standing.cloud {
            // Another cloud's endpoints are a table in the file, and stay.
            Some(CloudChoice::Custom(_)) => return Ok(()),
            Some(CloudChoice::Named(named)) => *named,
            None => crate::azure::NamedCloud::Public,
        };
        let word = default
            .to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned());
        wishes.cloud = Some(self.ask(
            &Question {
                explained: "Which cloud: public, government, china?",
                name: "cloud",
                flag: "--cloud",
                default: Some(word),
            },
            |text| crate::azure::NamedCloud::from_str(text, true),
        )?);
        Ok(())
    }

    fn ask_identity(&mut self, wishes: &mut Wishes, standing: &AzureSettings) -> Result<(), Failure> {
        let standing = standing.identity.as_ref().map(IdentityWish::standing);
        let standing = standing.unwrap_or_default();
        let kind = match wishes.identity.kind {
            Some(kind) => kind,
            None => self.ask(
                &Question {
                    explained: "As whom does custody ask Azure?\n  managed-identity   the identity of the Azure machine that custody runs on: the best where there is one\n  workload-identity  a Kubernetes service account\n  client-secret      an application, its secret in a file\n  client-assertion   an application, an assertion in a file that somebody renews\n  azure-cli          whoever is signed in with `az login` on this host",
                    name: "identity",
                    flag: "--identity",
                    default: Some(standing.kind.unwrap_or(IdentityKind::ManagedIdentity).word().into()),
                },
                |text| IdentityKind::from_str(text, true),
            )?,
        };
        wishes.identity.kind = Some(kind);
        let known = wishes.identity.clone().over(&standing);
        if kind.has_file() {
            if wishes.identity.tenant.is_none() {
                let tenant = self.required("The tenant's id.", "tenant", "--tenant", known.tenant)?;
                wishes.identity.tenant = Some(tenant);
            }
            if wishes.identity.client.is_none() {
                let client = self.required(
                    "The application's (client) id.",
                    "client",
                    "--client",
                    known.client,
                )?;
                wishes.identity.client = Some(client);
            }
            if wishes.identity.file.is_none() {
                let explained = match kind {
                    IdentityKind::ClientSecret => {
                        "The path of the file that holds the secret. It stays where it is; only its path is written down."
                    }
                    _ => "The path of the file that holds the token. It is read anew each time.",
                };
                let file = known.file.map(|file| printable::path(&file));
                let file = self.required(explained, "identity file", "--identity-file", file)?;
                wishes.identity.file = Some(PathBuf::from(file));
            }
        } else if kind == IdentityKind::ManagedIdentity && wishes.identity.client.is_none() {
            let client: String = self.ask(
                &Question {
                    explained: "A user-assigned identity is named by its client id. Nothing: the machine's own.",
                    name: "client",
                    flag: "--client",
                    default: Some(known.client.unwrap_or_default()),
                },
                |text| Ok::<_, String>(text.to_owned()),
            )?;
            wishes.identity.client = Some(client).filter(|client| !client.is_empty());
        }
        Ok(())
    }

    fn ask_store(&mut self, wishes: &mut Wishes, standing: &AzureSettings) -> Result<(), Failure> {
        if wishes.account.is_none() {
            wishes.account = Some(self.ask(
                &Question {
                    explained: "The storage account that keeps the evidence, by resource id:\n  az storage account show --name NAME --query id -o tsv",
                    name: "account",
                    flag: "--account",
                    default: standing.store.account.as_ref().map(ToString::to_string),
                },
                account,
            )?);
        }
        if wishes.container.is_none() {
            wishes.container = Some(
                self.ask(
                    &Question {
                        explained: "Its container.",
                        name: "container",
                        flag: "--container",
                        default: Some(
                            standing
                                .store
                                .container
                                .clone()
                                .unwrap_or_else(|| "immutable".into()),
                        ),
                    },
                    |text| Ok::<_, String>(text.to_owned()),
                )?,
            );
        }
        if wishes.protection.is_none() {
            let word = match standing.store.protection {
                Some(kind) if kind == Protection::None.kind() => "none",
                Some(kind) if kind == Protection::LegalHold.kind() => "legal-hold",
                _ => "locked-retention",
            };
            wishes.protection = Some(self.ask(
                &Question {
                    explained: "The least that must protect it, or evidence is not stored there:\n  locked-retention  a policy that nobody can shorten\n  legal-hold        a hold at least, which its keeper may clear\n  none              nothing; the record says so",
                    name: "protection",
                    flag: "--require-protection",
                    default: Some(word.into()),
                },
                |text| Protection::from_str(text, true),
            )?);
        }
        Ok(())
    }

    fn ask_snapshots(&mut self, wishes: &mut Wishes, standing: &AzureSettings) -> Result<(), Failure> {
        if wishes.snapshot_group.is_none() {
            let group: String = self.ask(
                &Question {
                    explained: "The resource group in which disk snapshots are made. Nothing: the machine's own.",
                    name: "snapshot group",
                    flag: "--snapshot-group",
                    default: Some(standing.snapshots.resource_group.clone().unwrap_or_default()),
                },
                |text| Ok::<_, String>(text.to_owned()),
            )?;
            wishes.snapshot_group = Some(group).filter(|group| !group.is_empty());
        }
        Ok(())
    }

    fn ask_vault(
        &mut self,
        wishes: &mut Wishes,
        owner_vaults: &mut Vec<ResourceId>,
        standing: &AzureSettings,
    ) -> Result<(), Failure> {
        let stands = standing.vault.clone();
        let mut optional = |explained, name, flag, default: Option<String>| {
            let default = Some(default.unwrap_or_default());
            let question = Question {
                explained,
                name,
                flag,
                default,
            };
            let answer = self.ask(&question, |text| Ok::<_, String>(text.to_owned()))?;
            Ok::<_, Failure>(Some(answer).filter(|answer| !answer.is_empty()))
        };
        let vault = &mut wishes.vault;
        if vault.address.is_none() {
            vault.address = optional(
                "The security team's key vault, in which the keys of encrypted disks and the digests are kept, by its address:\n  https://NAME.vault.azure.net\nNothing: keys of encrypted disks are not taken.",
                "vault",
                "--vault",
                stands.as_ref().map(|vault| vault.address.clone()),
            )?;
        }
        let Some(address) = vault.address.clone() else {
            return Ok(());
        };
        let same = stands.filter(|stands| stands.address == address);
        if vault.wrapping_key.is_none() {
            vault.wrapping_key = optional(
                "The RSA key of that vault which wraps the keys. Nothing: they are kept as Microsoft's runbook keeps them, and whoever may read secrets there can use them.",
                "wrapping key",
                "--wrapping-key",
                same.as_ref().and_then(|vault| vault.wrapping_key.clone()),
            )?;
        }
        if vault.id.is_none() {
            let known = same.and_then(|vault| vault.id).map(|id| id.to_string());
            vault.id = self.ask(
                &Question {
                    explained: "Its resource id, by which rights are asked for:\n  az keyvault show --name NAME --query id -o tsv\nNothing: they are not checked.",
                    name: "vault id",
                    flag: "--vault-id",
                    default: Some(known.unwrap_or_default()),
                },
                |text| Some(text).filter(|text| !text.is_empty()).map(self::vault).transpose(),
            )?;
        }
        if owner_vaults.is_empty() {
            *owner_vaults = self.ask(
                &Question {
                    explained: "The key vaults of the machines' owners, in which the keys of their disks lie. Their ids, with spaces between them.\nNothing: rights there are not checked.",
                    name: "owners' vaults",
                    flag: "--owner-vault",
                    default: Some(String::new()),
                },
                |text| text.split_whitespace().map(self::vault).collect(),
            )?;
        }
        Ok(())
    }

    /// Whether the file may be changed.
    pub(crate) fn confirm(&mut self, question: &str) -> Result<bool, Failure> {
        self.ask(
            &Question {
                explained: question,
                name: "yes or no",
                flag: "--force",
                default: Some("no".into()),
            },
            |text| match text.to_ascii_lowercase().as_str() {
                "y" | "yes" => Ok(true),
                "n" | "no" => Ok(false),
                _ => Err("it is neither yes nor no"),
            },
        )
    }

    fn required(
        &mut self,
        explained: &str,
        name: &str,
        flag: &str,
        default: Option<String>,
    ) -> Result<String, Failure> {
        let question = Question {
            explained,
            name,
            flag,
            default,
        };
        self.ask(&question, |text| match text {
            "" => Err("an answer is needed"),
            text => Ok(text.to_owned()),
        })
    }

    /// Asks until there is an answer that can be used.
    fn ask<T, E: ToString>(
        &mut self,
        question: &Question<'_>,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, Failure> {
        self.console.err(&format!("\n{}\n", question.explained));
        loop {
            let default = match question.default.as_deref() {
                None => String::new(),
                Some("") => " [nothing]".into(),
                Some(default) => format!(" [{}]", printable::text(default)),
            };
            self.console.err(&format!("{}{default}: ", question.name));
            let mut line = String::new();
            let length = self
                .answers
                .read_line(&mut line)
                .map_err(|error| Failure::system("standard input", "read", error))?;
            if length == 0 {
                self.console.err("\n");
                return Err(Failure::usage(format!("nobody answered: {}", question.name))
                    .with_next(format!("give {}", question.flag)));
            }
            let answer = match (line.trim(), &question.default) {
                ("", Some(default)) => default.as_str(),
                (answer, _) => answer,
            };
            match read(answer) {
                Ok(value) => return Ok(value),
                Err(why) => self.console.err(&format!(
                    "  not understood: {}\n",
                    printable::text(&why.to_string())
                )),
            }
        }
    }
}

/// A key vault's id.
pub(crate) fn vault(text: &str) -> Result<ResourceId, custody_core::Error> {
    let id: ResourceId = text.parse()?;
    if id.kind() == "microsoft.keyvault/vaults" {
        return Ok(id);
    }
    Err(custody_core::Error::malformed(id.to_string(), "is no key vault"))
}

/// A storage account's id.
pub(crate) fn account(text: &str) -> Result<ResourceId, custody_core::Error> {
    let id: ResourceId = text.parse()?;
    if id.kind() == "microsoft.storage/storageaccounts" {
        return Ok(id);
    }
    Err(custody_core::Error::malformed(
        id.to_string(),
        "is no storage account",
    ))
}
