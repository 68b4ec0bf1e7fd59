//! One item, from its disk snapshot to a verified copy.

use super::item::Snapshotted;
use super::state::{ItemState, Stage};
use super::workflow::Workflow;
use crate::custody_log::{AcquisitionSettings, Act, Failure, ItemVerdict};
use crate::error::{Error, Result};
use crate::ids::{ByteLength, EvidenceItemId};
use crate::port::{GrantOptions, ReadGrant};

/// Bytes a second that a copy is reckoned with when a grant's lifetime is chosen.
const RECKONED_BYTES_PER_SECOND: u64 = 60 * 1024 * 1024;
const MIN_GRANT_SECONDS: u64 = 4 * 60 * 60;
const SECONDS_A_DAY: u64 = 24 * 60 * 60;
const DEFAULT_GRANT_DAYS: u32 = 7;

impl Workflow<'_> {
    /// Works on an item until it is final. Whatever happens, no grant is left that does not feed a running import.
    pub(super) async fn process(&self, id: &EvidenceItemId) -> Result<()> {
        let result = match self.attempts(id).await {
            Err(error) if is_final(&error) => self.fail_for_good(id, &error).await,
            other => other,
        };
        let ended = self.end_grant(id).await;
        if let (Err(_), Err(error)) = (&result, &ended) {
            self.step(&format!(
                "{id}: access to its disk snapshot may still live: {}",
                Failure::from(error).in_words()
            ));
        }
        result.and(ended)
    }

    /// Closes an item of which no further attempt will give evidence.
    async fn fail_for_good(&self, id: &EvidenceItemId, error: &Error) -> Result<()> {
        let act = Act::ItemFailed {
            item: id.clone(),
            failure: Failure::from(error),
            order: None,
        };
        self.journal().await.note(act).await?;
        self.step(&format!("{id}: failed: {error}"));
        Ok(())
    }

    /// Closes the items whose disk snapshot was refused for good, so that they do not keep the others from being
    /// sealed; gives those that another run may still have.
    pub(super) async fn close_refused(
        &self,
        unsnapped: Vec<(EvidenceItemId, Error)>,
    ) -> Result<Vec<(EvidenceItemId, Error)>> {
        let mut open = Vec::new();
        for (id, error) in unsnapped {
            if is_final(&error) {
                self.fail_for_good(&id, &error).await?;
            } else {
                open.push((id, error));
            }
        }
        Ok(open)
    }

    async fn attempts(&self, id: &EvidenceItemId) -> Result<()> {
        let mut names_left = self.state().await.opened.settings.attempts.max(1);
        loop {
            self.go_on(id.as_str())?;
            let item = self.item(id).await?;
            match item.stage.clone() {
                Stage::Verified(_) | Stage::Failed(_) => return Ok(()),
                Stage::Planned => {
                    return Err(Error::NotFound {
                        object: format!("disk snapshot of {id}"),
                    });
                }
                Stage::Acquired(acquired) => match what_read_back_found(&item) {
                    Some(mismatch) => return Err(mismatch),
                    None => self.judge(acquired).await?,
                },
                Stage::Snapshotted(snapshotted) => match self.why_no_more(&item).await {
                    Some(reason) => return Err(reason),
                    None => {
                        names_left = names_left.saturating_sub(1);
                        match self.acquire(&item, snapshotted).await {
                            Err(error) if names_left == 0 || !uses_up_the_name(&error) => return Err(error),
                            _ => {}
                        }
                    }
                },
            }
        }
    }

    /// Why there is no further attempt at an item, if there is none.
    async fn why_no_more(&self, item: &ItemState) -> Option<Error> {
        let attempts = self.state().await.opened.settings.attempts.max(1);
        let last = item.failures.last()?;
        let fail = |expected: &str, actual: &str| {
            Some(Error::Integrity {
                object: item.planned.disk.to_string(),
                place: format!("attempt {}", last.attempt),
                expected: expected.into(),
                actual: actual.into(),
            })
        };
        match &last.verdict {
            Some(ItemVerdict::SourceChanged { changes }) => {
                let words: Vec<String> = changes.iter().map(change_words).collect();
                fail("a source that stays as it is while it is read", &words.join(", "))
            }
            _ => {
                // What the network or the sink's service did to an attempt says nothing against the source.
                let judged = item
                    .failures
                    .iter()
                    .filter(|failed| failed.verdict.is_some())
                    .count();
                if judged < attempts as usize {
                    return None;
                }
                fail(
                    "a stored copy that is what was read",
                    &format!("{judged} attempts without one"),
                )
            }
        }
    }

    /// Grants read access to the item's snapshot, logged before and after.
    pub(super) async fn grant(&self, item: &ItemState) -> Result<ReadGrant> {
        let id = &item.planned.item;
        let snapshotted = item
            .snapshotted()
            .ok_or_else(|| Error::misuse("a grant without a snapshot"))?;
        let longest_s = longest_grant_s(&self.state().await.opened.settings);
        let items = self.items().await;
        let asked_s = reckoned_s(
            items
                .iter()
                .filter_map(ItemState::snapshotted)
                .map(reckoned_bytes),
        );
        let lifetime_s = asked_s.min(longest_s);
        let act = Act::GrantIntent {
            item: id.clone(),
            lifetime_s,
        };
        let intent = self.journal().await.intend_anchored(act).await?;
        let options = GrantOptions::lasting(std::time::Duration::from_secs(lifetime_s));
        match self.ports().source.grant(&snapshotted.snapshot, options).await {
            Ok(acted) => {
                let act = Act::GrantDone {
                    item: id.clone(),
                    address: crate::visible::escape(acted.value.address()),
                    expires: acted.value.expiry(),
                };
                self.journal().await.answer(intent, act, acted.service).await?;
                Ok(acted.value)
            }
            Err(error) => {
                let service = error.service().cloned().unwrap_or_default();
                let act = Act::GrantFailed {
                    item: id.clone(),
                    failure: Failure::from(&error),
                };
                self.journal().await.answer(intent, act, service).await?;
                Err(error)
            }
        }
    }

    /// Ends what an earlier run left granted, before anything can end this one. What cannot be ended now is told, and
    /// tried again when its item is worked on; it ends by itself at the latest when its log line says.
    pub(super) async fn end_earlier_grants(&self) {
        for item in self.items().await.into_iter().filter(|item| item.granted) {
            let id = &item.planned.item;
            if let Err(error) = self.end_grant(id).await {
                self.step(&format!(
                    "{id}: access to its disk snapshot from an earlier run may still live: {}",
                    Failure::from(&error).in_words()
                ));
            }
        }
    }

    /// Ends every grant on the item's snapshot, if one may live and no running import needs it.
    pub(super) async fn end_grant(&self, id: &EvidenceItemId) -> Result<()> {
        let item = self.item(id).await?;
        let Some(snapshotted) = item.snapshotted() else {
            return Ok(());
        };
        // A running import needs its grant only while the item can still go on.
        let given_up = self.state().await.abandoned || matches!(item.stage, Stage::Failed(_));
        if !item.granted || (!given_up && self.import_runs(&item).await?) {
            return Ok(());
        }
        let intent = self
            .journal()
            .await
            .intend(Act::RevokeIntent { item: id.clone() })
            .await?;
        let (act, service, result) = match self.ports().source.revoke(&snapshotted.snapshot).await {
            Ok(acted) => (Act::RevokeDone { item: id.clone() }, acted.service, Ok(())),
            Err(error) => {
                let service = error.service().cloned().unwrap_or_default();
                let act = Act::RevokeFailed {
                    item: id.clone(),
                    failure: Failure::from(&error),
                };
                (act, service, Err(error))
            }
        };
        self.journal().await.answer(intent, act, service).await?;
        result
    }
}

/// The integrity failure that an earlier run met when it read this attempt back and did not come to close the item with.
fn what_read_back_found(item: &ItemState) -> Option<Error> {
    let last = item.failures.last().filter(|last| last.attempt == item.attempt)?;
    let failure = last.failure.as_ref().filter(|failure| failure.is_integrity())?;
    Some(Error::Integrity {
        object: item.planned.disk.to_string(),
        place: format!("attempt {}", last.attempt),
        expected: "a stored copy that reads back as it was stored".into(),
        actual: failure.in_words(),
    })
}

/// How long a grant would have to live: as long as all items may take, one after the other and twice over.
pub(super) fn reckoned_s(items: impl Iterator<Item = u64>) -> u64 {
    items
        .fold(0, u64::saturating_add)
        .div_ceil(RECKONED_BYTES_PER_SECOND)
        .saturating_mul(2)
        .max(MIN_GRANT_SECONDS)
}

/// The longest that a grant is asked for.
pub(super) fn longest_grant_s(settings: &AcquisitionSettings) -> u64 {
    let days = settings
        .grant_days
        .map_or(DEFAULT_GRANT_DAYS, std::num::NonZeroU32::get);
    u64::from(days).saturating_mul(SECONDS_A_DAY)
}

/// The bytes of an item as far as they are known; one of which nothing is known asks for the longest grant.
fn reckoned_bytes(item: &Snapshotted) -> u64 {
    let known = item.snapshot.length.or(item.description.reckoned_length);
    known.map_or(u64::MAX, ByteLength::bytes)
}

/// Whether no attempt will do better: bytes are not what they must be, or the provider does not offer what is needed.
fn is_final(error: &Error) -> bool {
    matches!(
        error.meaning(),
        Error::Integrity { .. } | Error::Unsupported { .. }
    )
}

/// Whether the next attempt, under a name of its own, may do better at once.
fn uses_up_the_name(error: &Error) -> bool {
    matches!(error.meaning(), Error::AlreadyExists { .. })
}

fn change_words((name, before, after): &(String, Option<String>, Option<String>)) -> String {
    let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".into());
    format!("{name} was {} and is {}", word(before), word(after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody_log::PlannedItem;
    use crate::port::{DiskDescription, DiskSnapshot, SnapshotKind, SourceState};

    fn item(length: Option<u64>, reckoned: Option<u64>) -> Snapshotted {
        let disk: crate::ids::DiskId = "disk".parse().unwrap();
        let name: crate::ids::SnapshotName = "snapshot".parse().unwrap();
        let id = EvidenceItemId::new(1);
        let description = DiskDescription::new(disk.clone(), "disk", 0).with_length_at_opening(reckoned);
        let mut snapshot = DiskSnapshot::new(name.clone(), disk.clone(), SnapshotKind::Made, 0);
        snapshot.length = length.map(Into::into);
        Snapshotted {
            planned: PlannedItem::new(id, disk, name, "disk".parse().unwrap()),
            description,
            snapshot,
            state: SourceState::default(),
        }
    }

    #[test]
    fn a_grant_is_reckoned_by_what_is_known_of_the_lengths() {
        const TIB: u64 = 1 << 40;
        let longest = |days: Option<u32>| {
            longest_grant_s(&AcquisitionSettings {
                grant_days: days.and_then(std::num::NonZeroU32::new),
                ..AcquisitionSettings::default()
            })
        };
        let of = |items: &[Snapshotted]| reckoned_s(items.iter().map(reckoned_bytes)).min(longest(None));
        assert_eq!(of(&[]), MIN_GRANT_SECONDS);
        assert_eq!(of(&[item(Some(512), None)]), MIN_GRANT_SECONDS);
        let told = of(&[item(Some(TIB), None)]);
        assert!(told > MIN_GRANT_SECONDS && told < longest(None));
        assert_eq!(of(&[item(None, Some(TIB))]), told);
        assert_eq!(of(&[item(None, None), item(Some(TIB), None)]), 7 * SECONDS_A_DAY);
        // Three disks of 8 TiB take longer than a week at that rate: whoever plans may ask for more.
        let large = [
            item(Some(8 * TIB), None),
            item(Some(8 * TIB), None),
            item(Some(8 * TIB), None),
        ];
        let needed = reckoned_s(large.iter().map(reckoned_bytes));
        assert!(needed > longest(None) && needed < longest(Some(10)));
    }
}
