//! The warping distances side by side (UVP, Table I): DTW, windowed DTW and DFW, beside a public DTW (augurs-dtw).

use std::hint::black_box;

use augurs_dtw::Dtw;
use criterion::{Criterion, criterion_group, criterion_main};
use wiremark_linkage::distance::{dfw, dtw, windowed_dtw};
use wiremark_linkage::simulate::table_one::{LENGTHS, pair};

fn warping(criterion: &mut Criterion) {
    let public = Dtw::manhattan();
    for is_matched in [true, false] {
        for length in LENGTHS {
            let [a, b] = pair(length, is_matched);
            let wide = |series: &[f32]| -> Vec<f64> { series.iter().copied().map(f64::from).collect() };
            let (wide_a, wide_b) = (wide(&a), wide(&b));
            let kind = if is_matched { "matched" } else { "unrelated" };
            let mut group = criterion.benchmark_group(format!("warping/{kind}/{length}"));
            group.sample_size(10);
            group.bench_function("augurs-dtw", |bencher| {
                bencher.iter(|| public.distance(black_box(&wide_a), black_box(&wide_b)));
            });
            group.bench_function("dtw", |bencher| bencher.iter(|| dtw(black_box(&a), black_box(&b))));
            group.bench_function("windowed_dtw", |bencher| {
                bencher.iter(|| windowed_dtw(black_box(&a), black_box(&b), 30));
            });
            group.bench_function("dfw", |bencher| bencher.iter(|| dfw(black_box(&a), black_box(&b), 10, 2)));
            group.finish();
        }
    }
}

criterion_group!(benches, warping);
criterion_main!(benches);
