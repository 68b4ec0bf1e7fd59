//! Ratios of kernels on one core, all of them in turn in one process: `ratios [rounds] [KiB a message]`.
//!
//! The best of many short rounds, so that others who use the machine disturb little, and the ratio to `sha2`.

use std::{hint::black_box, time::Instant};

use custody_hash_peers::{Messages, contenders};

fn main() {
    let argument = |at: usize, otherwise: usize| {
        std::env::args().nth(at).map_or(otherwise, |text| text.parse().expect("a number"))
    };
    let (rounds, each) = (argument(1, 200), argument(2, 64) << 10);
    let messages = Messages::new(each);
    let (messages, contenders) = (messages.all(), contenders());
    let mut best = vec![f64::MAX; contenders.len()];
    for _ in 0..rounds {
        for (contender, best) in contenders.iter().zip(&mut best) {
            let begun = Instant::now();
            black_box((contender.run)(black_box(&messages)));
            *best = best.min(begun.elapsed().as_secs_f64() / contender.messages as f64);
        }
    }
    let sha2 = contenders.iter().position(|contender| contender.name == "sha2").map_or(1.0, |at| best[at]);
    println!("| Kernel, {} KiB a message, best of {rounds} rounds | GB/s | ratio to sha2 |\n|---|---|---|", each >> 10);
    for (contender, best) in contenders.iter().zip(&best) {
        println!("| {} | {:.2} | {:.2} |", contender.name, each as f64 / best / 1e9, sha2 / best);
    }
}
