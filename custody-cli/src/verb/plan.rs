//! `custody capture --dry-run`.

use custody_core::capture::{Blocks, Plan};
use custody_core::port::{DiskDescription, DiskEncryption};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printable;
use crate::store_place::StorePlace;

/// What would be done, and what stands against it. `acts` are what would be made and deleted at the source.
pub(super) fn answer(plan: &Plan, store: &StorePlace, acts: &[String]) -> Answer {
    let text = text(plan, store, acts);
    let refusals: Vec<Value> = plan
        .refusals
        .iter()
        .map(|refusal| {
            let blocks = match refusal.blocks {
                Blocks::TheSnapshot => "the-snapshot",
                Blocks::WhatFollows => "what-follows",
            };
            json!({
                "blocks": blocks,
                "reason": printable::text(&refusal.reason),
                "remedy": refusal.remedy.as_str(),
            })
        })
        .collect();
    let outline = plan.outline();
    let shown =
        |texts: &[String]| -> Vec<String> { texts.iter().map(|text| printable::text(text)).collect() };
    let mut document = json!({
        "dry_run": true,
        "case": plan.request.case,
        "machine": plan.machine,
        "items": plan.items,
        "method": plan.method,
        "settings": plan.request.settings,
        "store": store.shown(),
        "folder": plan.folder,
        "acts": acts,
        "refusals": refusals,
        "created": shown(&outline.created),
        "read": shown(&outline.read),
        "deleted": shown(&outline.deleted),
        "notes": shown(&plan.notes),
    });
    if let (Some(protection), Value::Object(members)) = (&plan.protection, &mut document) {
        members.insert("protection".into(), json!(protection));
    }
    let failure = plan.refusals.split_first().map(|(first, others)| {
        let failure = Failure::new(
            Exit::Incomplete,
            format!("refused: {}", first.reason),
            plan.remedy(),
        );
        others.iter().fold(failure, |failure, refusal| {
            failure.with_cause(refusal.reason.clone())
        })
    });
    Answer::new(text, document).with_failure(failure)
}

fn size(disk: &DiskDescription) -> String {
    let about = disk
        .reckoned_length
        .map(|about| format!(", about {}", printable::bytes(about.bytes())));
    match disk.length {
        Some(length) => printable::bytes(length.bytes()),
        None => format!("told when it is opened{}", about.unwrap_or_default()),
    }
}

/// How a disk is encrypted, or whether reading it takes a key, as its provider tells.
fn encryption(disk: &DiskDescription) -> Option<String> {
    match &disk.encryption {
        DiskEncryption::Encrypted { statement } => Some(printable::text(statement)),
        DiskEncryption::None => Some("none, as its provider says".to_owned()),
        DiskEncryption::NotStated => {
            let key = disk.attributes.get(DiskDescription::KEY_TO_READ)?;
            Some(format!("key {}", printable::text(key)))
        }
    }
}

fn text(plan: &Plan, store: &StorePlace, acts: &[String]) -> String {
    let mut text = format!(
        "would capture {} of case {}:\n",
        plan.machine.machine, plan.request.case
    );
    for (item, disk) in plan.items.iter().zip(&plan.machine.disks) {
        let label = item
            .exhibit
            .as_ref()
            .map(|exhibit| format!(", exhibit {exhibit}"))
            .unwrap_or_default();
        text.push_str(&format!("\n{}{label}: {}\n", item.item, item.disk));
        text.push_str(&format!("  size       {}\n", size(disk)));
        text.push_str(&format!("  format     {}\n", disk.format));
        if let Some(words) = encryption(disk) {
            text.push_str(&format!("  encryption {words}\n"));
        }
        text.push_str(&format!("  stored as  {}\n", item.file));
    }
    text.push_str(&format!("\nstore        {}\n", store.shown()));
    let protection = plan.protection.as_ref();
    text.push_str(&format!(
        "protection   {}\n",
        protection.map_or("could not be found out", |protection| protection
            .statement
            .as_str())
    ));
    let outline = plan.outline();
    for (head, lines) in [
        ("would be created", &outline.created),
        ("would be read", &outline.read),
        ("would be deleted", &outline.deleted),
        ("to be known", &plan.notes),
    ] {
        if !lines.is_empty() {
            text.push_str(&format!("\n{head}:\n"));
        }
        for line in lines {
            text.push_str(&format!("  {}\n", printable::text(line)));
        }
    }
    if !acts.is_empty() {
        text.push_str("\nat the source it\n");
        for act in acts {
            text.push_str(&format!("  {act}\n"));
        }
    }
    if let Some(doubts) = plan.machine.attributes.get("consistency not guaranteed") {
        text.push_str(&format!("\nconsistency  {doubts}\n"));
    }
    text.push_str("\nwould not be acquired:\n");
    for not in &plan.machine.not_acquired {
        text.push_str(&format!("  {}: {}\n", not.what, not.reason));
    }
    text
}
