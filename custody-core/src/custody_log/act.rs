use serde::{Deserialize, Serialize};

use crate::custody_log::attempt::{AcquireMethod, LeftBehind};
use crate::custody_log::closing_state::ClosingState;
use crate::custody_log::failure::Failure;
use crate::custody_log::footers::Footers;
use crate::custody_log::item_record::{ItemVerdict, PlannedItem, SealedObject, UnreadSummary, ZeroSummary};
use crate::custody_log::key_record::{KeyDeed, KeyNeed, KeyTold};
use crate::custody_log::settings::AcquisitionSettings;
use crate::digest::{ImageDigests, Sha256Digest};
use crate::ids::{
    AcquisitionId, ByteLength, DiskId, EvidenceItemId, RecordName, Segment, SnapshotName, StoreId,
};
use crate::port::{
    DiskSnapshot, GrantExpiry, ImageForm, KeyProof, Machine, Protection, Receipt, SourceState,
};

/// What a line says. `type` is the kind in words (`snapshot.intent`), `what` its content.
///
/// An act on the outside has an intent line before it and a done or failed line after it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "what")]
#[non_exhaustive]
#[expect(
    clippy::large_enum_variant,
    reason = "one is alive at a time; boxing would only blur the fields"
)]
pub enum Act {
    /// A store came into being.
    #[serde(rename = "store.opened")]
    StoreOpened {
        /// Its id.
        store: StoreId,
        /// The origin of its register's checkpoints.
        origin: String,
        /// Every key that signs the register, in note form.
        signers: Vec<String>,
    },
    /// Keys sign here from now on, all of them together: a set of signers beside those named before.
    #[serde(rename = "signers.declared")]
    SignersDeclared {
        /// The public keys, in note form.
        signers: Vec<String>,
        /// Their fingerprints, in the same order.
        fingerprints: Vec<String>,
        /// How far they can be trusted, as the declaring host knows: "made now, pinned nowhere", or where they are
        /// pinned.
        pinned: String,
    },
    /// An acquisition began: what is to be taken, and under what rules.
    #[serde(rename = "acquisition.opened")]
    AcquisitionOpened {
        /// The store; left out with `origin` and `protection` when evidence could not be stored yet:
        /// `acquisition.bound` names them then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        store: Option<StoreId>,
        /// The origin of this log's checkpoints.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<String>,
        /// Every key that signs this log's checkpoints and the seal, in note form.
        signers: Vec<String>,
        /// How far they could be trusted; only where no store is named, whose register would say so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signers_pinned: Option<String>,
        /// The machine and its disks.
        machine: Machine,
        /// The items.
        items: Vec<PlannedItem>,
        /// How items get into the sink.
        method: AcquireMethod,
        /// What protects the sink, seen before anything was written.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        protection: Option<Protection>,
        /// The settings that resuming must keep.
        settings: AcquisitionSettings,
    },
    /// The store of an acquisition that began without one. Nothing was stored, exposed or deleted before.
    #[serde(rename = "acquisition.bound")]
    AcquisitionBound {
        /// The store.
        store: StoreId,
        /// The origin of this log's checkpoints.
        origin: String,
        /// What protects the sink, seen before anything was written.
        protection: Protection,
    },
    /// The capture goes on after a stop.
    #[serde(rename = "acquisition.resumed")]
    AcquisitionResumed {
        /// Where it stood: lines in the log.
        lines: u64,
    },
    /// A line that was cut short by a crash was set aside.
    #[serde(rename = "log.tail-set-aside")]
    TailSetAside {
        /// Its bytes.
        length: ByteLength,
        /// Their digest.
        sha256: Sha256Digest,
    },
    /// A snapshot will be asked for.
    #[serde(rename = "snapshot.intent")]
    SnapshotIntent {
        /// For this item.
        item: EvidenceItemId,
        /// Of this disk.
        disk: DiskId,
        /// Under this name.
        snapshot: SnapshotName,
    },
    /// The snapshot is there.
    #[serde(rename = "snapshot.done")]
    SnapshotDone {
        /// For this item.
        item: EvidenceItemId,
        /// What was taken or adopted.
        snapshot: DiskSnapshot,
        /// What tells whether the source changes from now on.
        state: SourceState,
    },
    /// The snapshot was not taken.
    #[serde(rename = "snapshot.failed")]
    SnapshotFailed {
        /// For this item.
        item: EvidenceItemId,
        /// Why.
        failure: Failure,
    },
    /// Read access will be asked for.
    #[serde(rename = "grant.intent")]
    GrantIntent {
        /// To this item's snapshot.
        item: EvidenceItemId,
        /// For at most so many seconds.
        lifetime_s: u64,
    },
    /// Read access was given.
    #[serde(rename = "grant.done")]
    GrantDone {
        /// To this item's snapshot.
        item: EvidenceItemId,
        /// At this address (never with its secret).
        address: String,
        /// It ends by itself then; none when nothing outlives the process.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires: Option<GrantExpiry>,
    },
    /// Read access was not given.
    #[serde(rename = "grant.failed")]
    GrantFailed {
        /// To this item's snapshot.
        item: EvidenceItemId,
        /// Why.
        failure: Failure,
    },
    /// Read access will be ended.
    #[serde(rename = "revoke.intent")]
    RevokeIntent {
        /// To this item's snapshot.
        item: EvidenceItemId,
    },
    /// Read access has ended.
    #[serde(rename = "revoke.done")]
    RevokeDone {
        /// To this item's snapshot.
        item: EvidenceItemId,
    },
    /// Read access may still live.
    #[serde(rename = "revoke.failed")]
    RevokeFailed {
        /// To this item's snapshot.
        item: EvidenceItemId,
        /// Why.
        failure: Failure,
    },
    /// An item will be stored.
    #[serde(rename = "acquire.intent")]
    AcquireIntent {
        /// The item.
        item: EvidenceItemId,
        /// Which attempt, from 1.
        attempt: u32,
        /// Under this name.
        file: Segment,
    },
    /// A source whose length, or form, only opening it tells was opened. Every later opening of the same disk snapshot
    /// must find the same.
    #[serde(rename = "source.opened")]
    SourceOpened {
        /// The item.
        item: EvidenceItemId,
        /// For this attempt.
        attempt: u32,
        /// The bytes that reading it gives.
        length: ByteLength,
        /// What kind of file it is, where only its bytes tell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        form: Option<ImageForm>,
        /// What else was told at opening.
        #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
        attributes: std::collections::BTreeMap<String, String>,
    },
    /// The sink's service does not copy this item: it is read here and stored by stream.
    #[serde(rename = "acquire.streamed")]
    AcquireStreamed {
        /// The item.
        item: EvidenceItemId,
        /// Which attempt.
        attempt: u32,
        /// Why.
        reason: String,
    },
    /// An item is stored, not yet verified.
    #[serde(rename = "acquire.done")]
    AcquireDone {
        /// The item.
        item: EvidenceItemId,
        /// Which attempt.
        attempt: u32,
        /// What the sink says of it.
        receipt: Receipt,
        /// The source digests: of what was read, with the stored copy's footer where `footers` says so.
        source: ImageDigests,
        /// Of a fixed VHD that a service copied: the footers of both sides.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        footers: Option<Footers>,
        /// The chunk list.
        chunk_list: SealedObject,
        /// Zeros that were not read.
        zeros: ZeroSummary,
        /// Sectors that could not be read.
        unread: UnreadSummary,
        /// The source before and after.
        state_before: SourceState,
        /// The source after.
        state_after: SourceState,
    },
    /// An item was not stored.
    #[serde(rename = "acquire.failed")]
    AcquireFailed {
        /// The item.
        item: EvidenceItemId,
        /// Which attempt.
        attempt: u32,
        /// Under this name.
        file: Segment,
        /// Why.
        failure: Failure,
        /// What is left under the name.
        left: LeftBehind,
    },
    /// A stored item was read back and compared.
    #[serde(rename = "read-back.done")]
    ReadBackDone {
        /// The item.
        item: EvidenceItemId,
        /// Which attempt.
        attempt: u32,
        /// What came of it.
        verdict: ItemVerdict,
        /// Bytes that were read for it; the rest is zero on the sink's word.
        read_bytes: ByteLength,
    },
    /// A stored item could not be read back: neither matched nor mismatched.
    #[serde(rename = "read-back.failed")]
    ReadBackFailed {
        /// The item.
        item: EvidenceItemId,
        /// Which attempt.
        attempt: u32,
        /// Why.
        failure: Failure,
    },
    /// No attempt at an item gave evidence, and none will be made: final.
    #[serde(rename = "item.failed")]
    ItemFailed {
        /// The item.
        item: EvidenceItemId,
        /// Why.
        failure: Failure,
        /// The reason of the custodian who gave it up, where it was an order.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order: Option<String>,
    },
    /// A disk needs a key that was not taken.
    #[serde(rename = "key.not-taken")]
    KeyNotTaken {
        /// The item.
        item: EvidenceItemId,
        /// Which key, and why not.
        reason: String,
    },
    /// Which keys a disk needs, as its provider told.
    #[serde(rename = "key.requirement")]
    KeyRequirement {
        /// The item.
        item: EvidenceItemId,
        /// Which.
        need: KeyNeed,
    },
    /// Which keys a disk needs could not be found out.
    #[serde(rename = "key.not-told")]
    KeyNotTold {
        /// The item.
        item: EvidenceItemId,
        /// Why.
        failure: Failure,
    },
    /// Something will be done with a key.
    #[serde(rename = "key.intent")]
    KeyIntent {
        /// The item.
        item: EvidenceItemId,
        /// The key, by its number in `key.requirement`.
        key: u32,
        /// Its name in the escrow.
        name: Segment,
        /// What.
        deed: KeyDeed,
    },
    /// It is done.
    #[serde(rename = "key.done")]
    KeyDone {
        /// The item.
        item: EvidenceItemId,
        /// The key.
        key: u32,
        /// Its name in the escrow.
        name: Segment,
        /// What, and what it gave; never the key.
        told: KeyTold,
    },
    /// It is not done.
    #[serde(rename = "key.failed")]
    KeyFailed {
        /// The item.
        item: EvidenceItemId,
        /// The key.
        key: u32,
        /// Its name in the escrow.
        name: Segment,
        /// What.
        deed: KeyDeed,
        /// Why.
        failure: Failure,
        /// What lies in the escrow under the name: `object` is somebody else's, or another key.
        left: LeftBehind,
    },
    /// A key was tried on the stored copy.
    #[serde(rename = "key.proof")]
    KeyProof {
        /// The item.
        item: EvidenceItemId,
        /// The key; none where no key is at hand, and the copy was only looked through for encrypted volumes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<u32>,
        /// What came of it.
        proof: KeyProof,
    },
    /// The stored copy could not be looked into.
    #[serde(rename = "key.proof-failed")]
    KeyProofFailed {
        /// The item.
        item: EvidenceItemId,
        /// The key, where one was at hand.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<u32>,
        /// Why.
        failure: Failure,
    },
    /// A custodian gave up what is missing of an item's keys and their proofs: final.
    #[serde(rename = "key.given-up")]
    KeyGivenUp {
        /// The item.
        item: EvidenceItemId,
        /// Why, as stated.
        reason: String,
    },
    /// An answer about the machine was read and will be stored; the service's ids are those of the answer.
    #[serde(rename = "machine-record.intent")]
    MachineRecordIntent {
        /// Its bytes, and the name for them.
        object: SealedObject,
        /// What it tells and where it came from.
        what: String,
    },
    /// The answer is stored and was read back.
    #[serde(rename = "machine-record.done")]
    MachineRecordDone {
        /// Its bytes under their name.
        object: SealedObject,
        /// What it tells and where it came from.
        what: String,
    },
    /// The answer was read and is not known to be stored.
    #[serde(rename = "machine-record.failed")]
    MachineRecordFailed {
        /// The record.
        name: RecordName,
        /// What it would have told.
        what: String,
        /// Why.
        failure: Failure,
    },
    /// There is no such answer: it was refused, or could not be had.
    #[serde(rename = "machine-record.not-taken")]
    MachineRecordNotTaken {
        /// The record.
        name: RecordName,
        /// What it would have told.
        what: String,
        /// Why.
        failure: Failure,
    },
    /// The seal will be written.
    #[serde(rename = "seal.intent")]
    SealIntent {
        /// The manifest that is sealed.
        manifest: SealedObject,
    },
    /// The seal is written: every object of the acquisition but the log itself.
    #[serde(rename = "seal.done")]
    SealDone {
        /// The manifest, its envelope, the sums and every stored object.
        objects: Vec<SealedObject>,
    },
    /// The seal could not be written.
    #[serde(rename = "seal.failed")]
    SealFailed {
        /// Why.
        failure: Failure,
    },
    /// A digest will be put into the digest register.
    #[serde(rename = "digest.intent")]
    DigestIntent {
        /// The item.
        item: EvidenceItemId,
        /// Under this name.
        name: String,
        /// The digest.
        sha256: Sha256Digest,
    },
    /// The digest is there.
    #[serde(rename = "digest.done")]
    DigestDone {
        /// The item.
        item: EvidenceItemId,
        /// Under this name.
        name: String,
    },
    /// The digest could not be put.
    #[serde(rename = "digest.failed")]
    DigestFailed {
        /// The item.
        item: EvidenceItemId,
        /// Under this name.
        name: String,
        /// Why.
        failure: Failure,
    },
    /// A custodian gave up what is missing of an item's digests in the digest register: final.
    #[serde(rename = "digest.given-up")]
    DigestGivenUp {
        /// The item.
        item: EvidenceItemId,
        /// Why, as stated.
        reason: String,
    },
    /// A snapshot that we made will be deleted.
    #[serde(rename = "delete.intent")]
    DeleteIntent {
        /// The item.
        item: EvidenceItemId,
        /// The snapshot.
        snapshot: SnapshotName,
        /// What warrants it.
        warrant: String,
    },
    /// The snapshot is deleted.
    #[serde(rename = "delete.done")]
    DeleteDone {
        /// The item.
        item: EvidenceItemId,
        /// The snapshot.
        snapshot: SnapshotName,
    },
    /// The snapshot could not be deleted.
    #[serde(rename = "delete.failed")]
    DeleteFailed {
        /// The item.
        item: EvidenceItemId,
        /// The snapshot.
        snapshot: SnapshotName,
        /// Why.
        failure: Failure,
    },
    /// A snapshot that we made is kept.
    #[serde(rename = "snapshot.kept")]
    SnapshotKept {
        /// The item.
        item: EvidenceItemId,
        /// The snapshot.
        snapshot: SnapshotName,
        /// Why.
        reason: String,
    },
    /// A custodian ordered that an unverified snapshot be discarded.
    #[serde(rename = "discard.ordered")]
    DiscardOrdered {
        /// The item.
        item: EvidenceItemId,
        /// The snapshot.
        snapshot: SnapshotName,
        /// Why, as stated.
        reason: String,
    },
    /// Something that is not as expected, and does not decide anything.
    #[serde(rename = "anomaly")]
    Anomaly {
        /// The item, where it concerns one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<EvidenceItemId>,
        /// What.
        detail: String,
    },
    /// A time stamp over the note of a checkpoint will be asked for.
    #[serde(rename = "stamp.intent")]
    StampIntent {
        /// The checkpoint of so many lines.
        size: u64,
    },
    /// The token is stored.
    #[serde(rename = "stamp.done")]
    StampDone {
        /// The checkpoint of so many lines.
        size: u64,
        /// The token.
        token: SealedObject,
    },
    /// There is no token.
    #[serde(rename = "stamp.failed")]
    StampFailed {
        /// The checkpoint of so many lines.
        size: u64,
        /// Why.
        failure: Failure,
    },
    /// A custodian gave the acquisition up.
    #[serde(rename = "acquisition.abandoned")]
    AcquisitionAbandoned {
        /// Why, as stated.
        reason: String,
    },
    /// The last line of an acquisition's log.
    #[serde(rename = "acquisition.closed")]
    AcquisitionClosed {
        /// How it ended.
        state: ClosingState,
    },
    /// In the register: an acquisition ended, and this is where its log stands.
    #[serde(rename = "acquisition.registered")]
    AcquisitionRegistered {
        /// How it ended.
        state: ClosingState,
        /// The origin of its log.
        origin: String,
        /// Lines in its log.
        size: u64,
        /// The root over them.
        root: Sha256Digest,
    },
    /// In the register: the store, or one acquisition, was verified.
    #[serde(rename = "store.verified")]
    StoreVerified {
        /// The exit code of the verification.
        outcome: u8,
        /// Its one-line result.
        result: String,
        /// The acquisition, when only one was verified.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        acquisition: Option<AcquisitionId>,
    },
}
