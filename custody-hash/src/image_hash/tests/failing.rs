//! What is refused, and what breaks without harm to others.

use digest::DynDigest;

use crate::{
    Error, ImageLayout, ImageOptions, MAX_IMAGE_BYTES, Piece, Remedy,
    samples::{Event, Hooked, data, engine, sha2_of},
};

fn bomb(at: Event) -> Box<dyn DynDigest + Send> {
    Hooked::new(move |event| assert_ne!(event, at, "told to"))
}

#[test]
fn a_side_digest_that_panics_fails_its_image_and_no_other() {
    let engine = engine(1);
    let options = ImageOptions::default().with_side_digest("bomb", bomb(Event::Update));
    let mut broken = engine.start(ImageLayout::new(1 << 30), options).unwrap();
    let failure = (0..1 << 10).find_map(|seed| broken.push_blocking(data(1 << 20, seed % 3)).err());
    let failure = failure.expect("the failure must reach the caller");
    assert!(matches!(&failure, Error::LanePanicked { lane, message }
        if lane == "side digest bomb" && message.contains("told to")));
    assert_eq!(failure.remedy(), Remedy::ReportBug);
    assert!(matches!(
        broken.push_blocking(data(1, 0)),
        Err(Error::LanePanicked { .. })
    ));
    assert!(matches!(
        broken.finish_blocking(),
        Err(Error::LanePanicked { .. })
    ));

    let mut sound = engine
        .start(ImageLayout::new(3), ImageOptions::default())
        .unwrap();
    sound.push_blocking(Piece::Data("abc".into())).unwrap();
    assert_eq!(
        sound.finish_blocking().unwrap().1.stored_file,
        Some(sha2_of(b"abc"))
    );
}

#[test]
fn a_side_digest_that_panics_at_its_end_fails_finish() {
    let options = ImageOptions::default().with_side_digest("bomb", bomb(Event::End));
    let mut image = engine(2).start(ImageLayout::new(3), options).unwrap();
    image.push_blocking(Piece::Data("abc".into())).unwrap();
    assert!(matches!(image.finish_blocking(), Err(Error::LanePanicked { .. })));
}

#[test]
fn fewer_bytes_than_declared_are_an_error() {
    let mut image = engine(1)
        .start(ImageLayout::new(4), ImageOptions::default())
        .unwrap();
    image.push_blocking(Piece::Data("abc".into())).unwrap();
    let failure = image.finish_blocking().unwrap_err();
    assert!(matches!(
        failure,
        Error::EndedEarly {
            declared_bytes: 4,
            received_bytes: 3
        }
    ));
    assert_eq!(failure.to_string(), "image declared as 4 bytes ended after 3");
}

#[test]
fn more_bytes_than_declared_are_an_error_for_good() {
    for more in [
        Piece::Data("d".into()),
        Piece::Zero { length_bytes: 1 },
        Piece::Zero {
            length_bytes: u64::MAX,
        },
    ] {
        let mut image = engine(1)
            .start(ImageLayout::new(3), ImageOptions::default())
            .unwrap();
        image.push_blocking(Piece::Data("abc".into())).unwrap();
        assert!(matches!(
            image.push_blocking(more),
            Err(Error::GoesOn {
                received_bytes: 3,
                ..
            })
        ));
        assert!(matches!(
            image.push_blocking(Piece::Zero { length_bytes: 0 }),
            Err(Error::GoesOn { .. })
        ));
        assert!(matches!(image.finish_blocking(), Err(Error::GoesOn { .. })));
    }
}

#[test]
fn a_stream_of_unknown_length_is_held_to_what_sha256_allows() {
    let mut image = engine(1)
        .start(ImageLayout::of_unknown_length(), ImageOptions::default())
        .unwrap();
    image.push_blocking(Piece::Data("a".into())).unwrap();
    let beyond = Piece::Zero {
        length_bytes: MAX_IMAGE_BYTES,
    };
    assert!(matches!(image.push_blocking(beyond), Err(Error::GoesOn { .. })));
}

#[test]
fn disk_data_must_fit_the_stored_file() {
    let engine = engine(1);
    let layout = ImageLayout::new(10).with_disk_data_bytes(11);
    assert!(matches!(
        engine.start(layout, ImageOptions::default()),
        Err(Error::DataBeyondImage { .. })
    ));

    let layout = ImageLayout::of_unknown_length().with_disk_data_bytes(4);
    let mut image = engine.start(layout, ImageOptions::default()).unwrap();
    image.push_blocking(Piece::Data("abc".into())).unwrap();
    let failure = image.finish_blocking().unwrap_err();
    assert!(matches!(
        failure,
        Error::DataBeyondImage {
            disk_data_bytes: 4,
            stored_file_bytes: 3
        }
    ));
}

#[test]
fn requests_that_contradict_themselves_are_refused_at_the_start() {
    let engine = engine(1);
    let twice = ImageOptions::default()
        .with_side_digest("md5", Box::new(md5::Md5::default()))
        .with_side_digest("sha1", Box::new(sha1::Sha1::default()))
        .with_side_digest("md5", Box::new(md5::Md5::default()));
    let refusal = engine.start(ImageLayout::new(0), twice).unwrap_err();
    assert!(matches!(&refusal, Error::DuplicateSideDigest { name } if name == "md5"));
    assert_eq!(refusal.remedy(), Remedy::FixRequest);

    let too_long = ImageLayout::new(MAX_IMAGE_BYTES + 1);
    assert!(matches!(
        engine.start(too_long, ImageOptions::default()),
        Err(Error::TooLong { .. })
    ));
}
