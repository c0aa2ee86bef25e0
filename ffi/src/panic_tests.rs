//! A panic inside any export comes out as a status or a harmless value.

use std::ffi::{CStr, c_char};
use std::ptr::{null, null_mut};

use crate::panic_boundary::FORCED;
use crate::status::STATUSES;
use crate::status::wiremark_status::WIREMARK_INTERNAL;
use crate::{
    classifier::*, classify::*, last_error::*, names::*, packet::*, tracker::*, verdict::*, version::*,
};

fn is_empty(text: *const c_char) -> bool {
    assert!(!text.is_null());
    // SAFETY: not NULL, and all the library's texts have an end.
    unsafe { CStr::from_ptr(text) }.is_empty()
}

#[test]
fn a_panic_in_any_export_stays_inside() {
    FORCED.set(true);
    // SAFETY: NULL is within every contract.
    let statuses = unsafe {
        [
            wiremark_check_abi(WIREMARK_ABI_VERSION, 64, 8),
            wiremark_classifier_new(null(), null_mut()),
            wiremark_classifier_from_folder(null(), null(), null_mut()),
            wiremark_classifier_from_memory(null(), 0, null(), null_mut()),
            wiremark_classifier_replace(null(), null()),
            wiremark_classifier_free(null_mut()),
            wiremark_names_new(null(), null_mut()),
            wiremark_names_free(null_mut()),
            wiremark_names_app(null(), 0, null_mut()),
            wiremark_names_signature(null(), 0, null_mut()),
            wiremark_packet_parse(1, 0, null(), 0, null_mut()),
            wiremark_community_id(null(), null_mut()),
            wiremark_context_new(null(), null_mut()),
            wiremark_context_free(null_mut()),
            wiremark_classify(null(), null_mut(), null_mut(), null(), null_mut()),
            wiremark_flow_verdict(null(), null_mut()),
            wiremark_tracker_new(null(), null(), null_mut()),
            wiremark_tracker_frame(null_mut(), null(), null_mut()),
            wiremark_tracker_finish(null_mut()),
            wiremark_tracker_flows(null_mut(), None, null_mut()),
            wiremark_tracker_statistics(null_mut(), null_mut()),
            wiremark_tracker_free(null_mut()),
        ]
    };
    // SAFETY: as above.
    let values = unsafe {
        [
            wiremark_abi_version() == 0,
            wiremark_packet_hash(null(), null()) == 0,
            wiremark_names_app_count(null()) == 0,
            wiremark_names_signature_count(null()) == 0,
            is_empty(wiremark_version()),
            is_empty(wiremark_status_name(0)),
            is_empty(wiremark_carrier_name(0)),
            is_empty(wiremark_confidence_name(0)),
            is_empty(wiremark_app_name(null(), 1)),
            is_empty(wiremark_role_name(null(), 1, 1)),
            is_empty(wiremark_signature_name(null(), 1)),
            is_empty(wiremark_last_error()),
        ]
    };
    FORCED.set(false);
    assert!(statuses.iter().all(|status| *status == WIREMARK_INTERNAL), "{statuses:?}");
    assert!(values.iter().all(|as_wanted| *as_wanted), "{values:?}");
    // SAFETY: never NULL, and has an end.
    let message = unsafe { CStr::from_ptr(wiremark_last_error()) }.to_str().unwrap();
    assert_eq!(message, "a fault in wiremark: forced");

    let here = include_str!("panic_tests.rs");
    let header = include_str!("../../include/wiremark.h");
    for name in functions(header) {
        assert!(here.contains(&format!("{name}(")), "{name} is not walked");
    }
}

/// The functions a header declares, but for those it has whole.
fn functions(header: &str) -> Vec<&str> {
    let declarations = header
        .lines()
        .filter(|line| !line.trim_start().starts_with(['/', '*', '#']) && !line.starts_with("static inline"));
    let names = declarations.filter_map(|line| {
        let before = line.split_once('(')?.0;
        let name = &before[before.rfind([' ', '*']).map_or(0, |at| at + 1)..];
        (name.starts_with("wiremark_") && before.len() > name.len()).then_some(name)
    });
    names.collect()
}

#[test]
fn every_status_has_its_name_and_number() {
    for (number, (status, name)) in STATUSES.iter().enumerate() {
        assert_eq!(*status as usize, number);
        assert_eq!(format!("{status:?}"), name.to_str().unwrap());
    }
}
