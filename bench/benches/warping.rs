//! The warping distances side by side (UVP, Table I): DTW, windowed DTW and DFW, beside a public DTW (augurs-dtw); and the lagged
//! correlation of all pairs of a thousand calls in one direction.

use std::hint::black_box;

use augurs_dtw::Dtw;
use criterion::{Criterion, criterion_group, criterion_main};
use wiremark_linkage::correlate::correlate;
use wiremark_linkage::distance::{dfw, dtw, windowed_dtw};
use wiremark_linkage::simulate::data::{DataPopulation, Setting, calls};
use wiremark_linkage::simulate::score::measure;
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

/// A thousand concurrent calls: 20 s of a bad network, 40 s of a relay that takes its time.
fn all_pairs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("all pairs of 1000");
    group.sample_size(10);
    for (name, seconds, setting) in [("20 s, hard", 20, Setting::HARD), ("40 s, slow", 40, Setting::SLOW)] {
        let population = DataPopulation { calls: 1000, seconds, setting, defence: None, seed: 1 };
        let measure = measure(&population);
        let [sent, received] = calls(&population, 1).series(0, measure.fine_us, seconds);
        group.bench_function(name, |bencher| {
            bencher.iter(|| correlate(black_box(&sent), black_box(&received), measure.lags));
        });
    }
    group.finish();
}

criterion_group!(benches, warping, all_pairs);
criterion_main!(benches);
