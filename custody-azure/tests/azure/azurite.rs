//! The store against Azurite, an implementation of blob storage that is not ours: every clause of the ports it serves that
//! an emulator without immutability can answer for. What Azurite is more lenient in than Azure is left to the simulator.

use std::sync::Arc;

use crate::support::azurite_server::Azurite;
use crate::support::{run, runtime};
use custody_core::port::{EvidenceReader as _, LogAnchor as _};
use custody_testkit::conformance::evidence_reader::{self, ReaderHarness};
use custody_testkit::conformance::evidence_sink::{self, SinkHarness};
use custody_testkit::conformance::image_reader::{self, ImageHarness};
use custody_testkit::conformance::log_anchor::{self, AnchorHarness};
use custody_testkit::conformance::{Clause, Conforms};
use custody_testkit::fake::pattern;

/// Checks each clause but those left out, each on a container of its own, and names all that fail.
fn check<H>(clauses: &[Clause<H>], left_out: &[(&str, &str)], make: impl Fn() -> H) {
    let guard = runtime().enter();
    for (name, _) in left_out {
        assert!(
            clauses.iter().any(|clause| clause.name() == *name),
            "there is no clause {name}"
        );
    }
    let checked = clauses
        .iter()
        .filter(|clause| left_out.iter().all(|(name, _)| clause.name() != *name));
    let results: Vec<(&str, Conforms)> = checked
        .map(|clause| (clause.name(), clause.check(&make())))
        .collect();
    let failed: Vec<String> = results
        .iter()
        .filter_map(|(name, result)| result.as_ref().err().map(|failure| format!("{name}: {failure}")))
        .collect();
    assert!(failed.is_empty() && !results.is_empty(), "{}", failed.join("\n"));
    drop(guard);
}

#[test]
#[ignore = "needs Azurite"]
fn the_store_keeps_the_clauses_of_its_ports_on_azurite() {
    let azurite = Arc::new(Azurite::start());
    sink(&azurite);
    reader(&azurite);
    image(&azurite);
    anchor(&azurite);
}

fn sink(azurite: &Arc<Azurite>) {
    let left_out = [
        (
            "es_08_no_more_protection_is_claimed_than_holds",
            "Azurite has no Resource Manager, which tells what protects a container",
        ),
        (
            "es_09_no_room_is_no_space_and_leaves_nothing",
            "Azurite has no size of its own",
        ),
    ];
    check(evidence_sink::CLAUSES, &left_out, || {
        let container = azurite.container();
        let store = Arc::new(azurite.store(&container));
        let bytes = pattern(1 << 20, 7);
        let grant = azurite.export(&bytes);
        let (again, foreign) = (azurite.clone(), azurite.clone());
        let (reopened, put_in) = (container.clone(), container);
        SinkHarness::new(store.clone(), store)
            .losing_nothing()
            .reopened_by(move || {
                let store = Arc::new(again.store(&reopened));
                (store.clone(), store)
            })
            .with_foreign(move |name| foreign.put_blob(&put_in, name.as_str(), b"by hand"))
            .with_blind_sink(Arc::new(azurite.store("absent")))
            .with_grant(grant, bytes)
            .without_links()
    });
}

fn reader(azurite: &Arc<Azurite>) {
    check(evidence_reader::CLAUSES, &[], || {
        let container = azurite.container();
        let store = Arc::new(azurite.store(&container));
        let (nameless, seen) = (azurite.clone(), azurite.clone());
        let (put_in, listed) = (container.clone(), container);
        ReaderHarness::filled(store.clone(), store)
            .with_nameless(move || nameless.put_blob(&put_in, "cases/a/.hidden", b""))
            .with_blind_reader(Arc::new(azurite.store("absent")))
            .fingerprinted_by(move || seen.listing(&listed))
    });
}

fn image(azurite: &Arc<Azurite>) {
    let left_out = [(
        "ir_06_a_bad_sector_is_never_given_as_data",
        "a blob has no bad sectors",
    )];
    check(image_reader::CLAUSES, &left_out, || {
        let container = azurite.container();
        let bytes = pattern(700_001, 1);
        azurite.put_blob(&container, "object", &bytes);
        let image = run(azurite.store(&container).open(&"object".parse().unwrap())).unwrap();
        let azurite = azurite.clone();
        ImageHarness::new(image, bytes)
            .replaced_by(move || azurite.put_blob(&container, "object", &pattern(700_001, 2)))
    });
}

fn anchor(azurite: &Arc<Azurite>) {
    check(log_anchor::CLAUSES, &[], || {
        let container = azurite.container();
        let store = Arc::new(azurite.store(&container));
        let (again, torn) = (azurite.clone(), azurite.clone());
        let (reopened, torn_in) = (container.clone(), container);
        AnchorHarness::new(store.clone(), store)
            .reopened_by(move || Arc::new(again.store(&reopened)))
            .interrupted_by(move |log, lines| {
                let store = torn.store(&torn_in);
                run(async {
                    let head = store.head(log).await.unwrap();
                    store.append(log, &head, lines).await.unwrap();
                });
            })
    });
}
