//! What the parts cost: one packet on each of the ways it can go, and the loading of the signatures.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use wiremark::dissect::{quic, stun};
use wiremark::{Carrier, Classifier, Context, FlowState, Options, Packet};
use wiremark_tests::protocol::{stun as stun_bytes, tls};
use wiremark_tests::random::Random;
use wiremark_tests::recipe::{self, With};

fn classifier() -> Classifier {
    Classifier::new(wiremark_signatures::embedded().expect("the shipped set loads"), Options::default())
}

/// The IP packets of a built flow that have a payload.
fn payload_packets(recipe: &str, form: &str) -> Vec<Vec<u8>> {
    let with = With { form: (!form.is_empty()).then(|| form.to_owned()), seed: 1, ..With::default() };
    let trace = (recipe::named(recipe).expect("a recipe").build)(&with);
    let has_payload =
        |bytes: &&[u8]| Packet::from_ip(0, bytes).is_ok_and(|packet| !packet.payload.is_empty());
    trace.frames().map(|(_, _, bytes)| bytes).filter(has_payload).map(<[u8]>::to_vec).collect()
}

/// `classify` on packet `index` of a flow, the packets before it having been classified.
fn packet_of_flow(criterion: &mut Criterion, name: &str, recipe: &str, form: &str, index: usize) {
    let classifier = classifier();
    let mut context = Context::default();
    let frames = payload_packets(recipe, form);
    let mut flow = FlowState::default();
    for frame in &frames[..index] {
        let packet = Packet::from_ip(0, frame).expect("a built packet");
        classifier.classify(&mut context, &mut flow, &packet);
    }
    let packet = Packet::from_ip(0, &frames[index]).expect("a built packet");
    criterion.bench_function(name, |bencher| {
        bencher.iter_batched_ref(
            || flow,
            |flow| classifier.classify(&mut context, flow, black_box(&packet)),
            BatchSize::SmallInput,
        );
    });
}

fn packets(criterion: &mut Criterion) {
    packet_of_flow(criterion, "packet/final flow", "whatsapp-chat", "", 8);
    packet_of_flow(criterion, "packet/all miss, udp", "ordinary", "datagrams", 2);
    packet_of_flow(criterion, "packet/all miss, tcp", "ordinary", "midstream", 1);
    for (carrier, recipe) in [
        ("raw", "whatsapp-chat"),
        ("dns", "dns"),
        ("http", "wechat-short"),
        ("tls", "tls"),
        ("quic", "quic"),
        ("stun", "whatsapp-call"),
    ] {
        packet_of_flow(criterion, &format!("first payload/{carrier}"), recipe, "", 0);
    }
    packet_of_flow(criterion, "first payload/rtp", "ice-call", "", 2);
}

fn parts(criterion: &mut Criterion) {
    let frame = payload_packets("tls", "").remove(0);
    criterion.bench_function("parse/ip and tcp", |bencher| {
        bencher.iter(|| Packet::from_ip(0, black_box(&frame)));
    });
    let packet = Packet::from_ip(0, &frame).expect("a built packet");
    criterion.bench_function("key and hash", |bencher| {
        bencher.iter(|| black_box(&packet.five_tuple).key().hash([1, 2]));
    });
    let initial = payload_packets("quic", "").remove(0);
    let initial = Packet::from_ip(0, &initial).expect("a built packet");
    let mut scratch = vec![0; 2048];
    criterion.bench_function("quic/open an initial", |bencher| {
        bencher.iter(|| quic::decrypt_initial(black_box(initial.payload), &mut scratch).is_some());
    });
    let classifier = classifier();
    for (name, host) in [("hit", "media.fmct2-1.fna.whatsapp.net"), ("miss", "static.images.www.example.org")]
    {
        criterion.bench_function(&format!("host look-up/{name}"), |bencher| {
            bencher.iter(|| classifier.by_name(black_box(host.as_bytes()), Carrier::Tls));
        });
    }
    let mut random = Random::new(1);
    let check = stun_bytes::ice_check(&mut random, "abcd:efgh");
    criterion.bench_function("stun walk", |bencher| {
        bencher.iter(|| {
            let message = stun::message(black_box(&check)).found();
            message.map_or(0, |message| message.attributes().map(|one| one.value.len()).sum())
        });
    });
    let record = tls::ClientHello::to("www.example.net").record(&mut random);
    criterion.bench_function("tls hello", |bencher| {
        bencher.iter(|| wiremark::dissect::tls::client_hello(black_box(&record)).found().is_some());
    });
    criterion.bench_function("table build, shipped set", |bencher| {
        bencher.iter(|| wiremark_signatures::embedded().is_ok());
    });
}

criterion_group! {
    name = all;
    config = Criterion::default().sample_size(50);
    targets = packets, parts
}
criterion_main!(all);
