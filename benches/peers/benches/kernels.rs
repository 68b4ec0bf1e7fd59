//! Every kernel that this processor can run and the other libraries, by criterion: `cargo bench`.

use std::{hint::black_box, time::Duration};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use custody_hash_peers::{Messages, contenders};

fn kernels(criterion: &mut Criterion) {
    for each in [4 << 10, 64 << 10, 1 << 20] {
        let messages = Messages::new(each);
        let messages = messages.all();
        let mut group = criterion.benchmark_group(format!("{}KiB", each >> 10));
        group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
        for contender in contenders() {
            group.throughput(Throughput::Bytes((each * contender.messages) as u64));
            group.bench_function(BenchmarkId::from_parameter(&contender.name), |bencher| {
                bencher.iter(|| (contender.run)(black_box(&messages)));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, kernels);
criterion_main!(benches);
